//! Tasks that have one under them for each arch: those of image-builder and kiwi.

use std::collections::BTreeMap;
use std::time::Duration;

use magudi_devhub::{RunningHub, parse_scenario};
use magudi_koji::value::{int, kwargs, string, structure};
use magudi_koji::xmlrpc::{Fault, Members, Value};
use sha2::{Digest as _, Sha256};

use crate::client::{call, get, hex, hub, login, remembering, try_call, wait_for_ends};

fn strings(items: &[&str]) -> Value {
    Value::Array(items.iter().map(|item| string(*item)).collect())
}

/// The parameters of an `imageBuilderBuild` call.
fn image_builder(name: &str, arches: &[&str], opts: &[(&str, Value)]) -> Vec<Value> {
    let named = [
        ("types", strings(&["minimal-raw-xz"])),
        ("name", string(name)),
        ("version", string("42")),
        ("opts", structure(opts.iter().cloned())),
    ];
    kwargs([string("f42-image"), strings(arches)], named)
}

/// The parameters of a `kiwiBuild` call.
fn kiwi(profile: &str, arches: &[&str], named: &[(&str, Value)]) -> Vec<Value> {
    let args =
        [string("f42-image"), strings(arches), string("git+https://example.org/d#main"), string("x/Fedora.kiwi")];
    let named = named.iter().cloned().chain([("profile", string(profile)), ("version", string("42"))]);
    kwargs(args, named)
}

async fn as_compose(hub: &RunningHub, method: &str, params: Vec<Value>) -> Result<Value, Fault> {
    let session = login(hub, "compose", "composepass").await;
    try_call(hub, &session.headers(None), method, params).await.unwrap()
}

async fn submit(hub: &RunningHub, method: &str, params: Vec<Value>) -> i64 {
    as_compose(hub, method, params).await.unwrap().as_i64().unwrap()
}

async fn fault_of(hub: &RunningHub, id: i64) -> (i64, String) {
    let fault = call(hub, "getTaskResult", vec![int(id)]).await.unwrap_err();
    (fault.code, fault.string)
}

/// Tasks under a task: method, label and state.
fn rows(children: &Value) -> Vec<(String, String, i64)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let children = children.as_array().unwrap().iter();
    children.map(|child| (text(&child["method"]), text(&child["label"]), child["state"].as_i64().unwrap())).collect()
}

/// The tasks under a task, as the hub orders them.
async fn under(hub: &RunningHub, id: i64) -> Vec<(String, String, i64)> {
    rows(&call(hub, "getTaskChildren", vec![int(id)]).await.unwrap())
}

/// The labels and the states of the tasks under a task.
async fn labels(hub: &RunningHub, id: i64) -> Vec<(String, i64)> {
    under(hub, id).await.into_iter().map(|(_, label, state)| (label, state)).collect()
}

fn pairs(expected: &[(&str, i64)]) -> Vec<(String, i64)> {
    expected.iter().map(|(label, state)| ((*label).to_owned(), *state)).collect()
}

async fn build_of(hub: &RunningHub, id: i64) -> Option<Value> {
    let builds = call(hub, "listBuilds", kwargs([], [("taskID", int(id))])).await.unwrap();
    builds.as_array().unwrap().first().cloned()
}

async fn outputs(hub: &RunningHub, id: i64) -> Vec<String> {
    let names = call(hub, "listTaskOutput", vec![int(id)]).await.unwrap();
    names.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_life_of_a_task_with_two_arches() {
    let f = hub(r#"{"task_seconds": 1.2}"#).await;
    let id = submit(&f.hub, "imageBuilderBuild", image_builder("Minimal", &["x86_64", "aarch64"], &[])).await;
    let mut seen = Vec::new();
    for _ in 0..2000 {
        // Both in one call, between which nothing happens.
        let ask = |method: &str| structure([("methodName", string(method)), ("params", Value::Array(vec![int(id)]))]);
        let asked = vec![Value::Array(vec![ask("getTaskInfo"), ask("getTaskChildren")])];
        let answers = call(&f.hub, "multiCall", asked).await.unwrap();
        let (info, under) = (&answers[0][0], rows(&answers[1][0]));
        let under: Vec<(String, i64)> = under.into_iter().map(|(_, label, state)| (label, state)).collect();
        let now = (info["state"].as_i64().unwrap(), info["waiting"].as_bool(), under);
        let is_over = now.0 == 2;
        if seen.last() != Some(&now) {
            seen.push(now);
        }
        if is_over {
            break;
        }
        if let Some(build) = build_of(&f.hub, id).await.filter(|_| seen.last().unwrap().2.len() == 2) {
            assert!(matches!(build["state"].as_i64(), Some(0 | 1)), "{build:?}");
            assert_eq!(build["task_id"], int(id), "a build of a task names it from the beginning");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let both = |a, x| pairs(&[("aarch64", a), ("x86_64", x)]);
    let tagged = |state| pairs(&[("aarch64", 2), ("tag", state), ("x86_64", 2)]);
    let steps = [
        (0, None, Vec::new()),
        (1, Some(true), both(0, 0)),
        (1, Some(true), both(1, 1)),
        (1, Some(true), both(1, 2)),
        (1, Some(true), tagged(1)),
        (2, Some(false), tagged(2)),
    ];
    // Who looks seldom does not see each of them, but none other and none before its time.
    let places: Vec<usize> =
        seen.iter().map(|now| steps.iter().position(|step| step == now).expect("a step")).collect();
    assert!(places.is_sorted() && places.len() >= 3 && places.last() == Some(&5), "{places:?}");
    let info = call(&f.hub, "getTaskInfo", vec![int(id)]).await.unwrap();
    assert_eq!((&info["method"], &info["arch"]), (&string("imageBuilderBuild"), &string("noarch")));
    assert_eq!(info["weight"], Value::Double(0.2));
    let all = call(&f.hub, "getTaskDescendents", vec![int(id)]).await.unwrap();
    let ids: Vec<i64> =
        all[id.to_string().as_str()].as_array().unwrap().iter().map(|c| c["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, [id * 100, id * 100 + 1, id * 100 + 2], "by id, while the children come by label");
    assert_eq!(all.as_struct().unwrap().len(), 4);
}

#[tokio::test]
async fn results_and_archives() {
    let f = hub("{}").await;
    let params = kiwi("Cloud", &["x86_64", "aarch64"], &[("release", string("7")), ("type", string("oem"))]);
    let id = submit(&f.hub, "kiwiBuild", params).await;
    let images = f.hub.topdir().join("packages/Fedora-Cloud/42/7/images");
    let result = call(&f.hub, "getTaskResult", vec![int(id)]).await.unwrap();
    assert_eq!(result, string(format!("image build results in: {}", images.display())));
    let build = build_of(&f.hub, id).await.unwrap();
    assert_eq!((&build["nvr"], &build["state"], &build["epoch"]), (&string("Fedora-Cloud-42-7"), &int(1), &int(0)));
    assert_eq!((&build["extra"], &build["source"]), (&Value::Nil, &Value::Nil));
    let found = call(&f.hub, "getImageBuild", vec![string("Fedora-Cloud-42-7")]).await.unwrap();
    assert_eq!(found, structure([("build_id", int(id + 5_000_000))]));
    let archives = kwargs([], [("buildID", int(id + 5_000_000)), ("type", string("image"))]);
    let archives = call(&f.hub, "listArchives", archives).await.unwrap();
    let mut kinds: BTreeMap<(String, String), usize> = BTreeMap::new();
    for archive in archives.as_array().unwrap() {
        let text = |name: &str| archive[name].as_str().unwrap().to_owned();
        *kinds.entry((text("arch"), text("type_name"))).or_default() += 1;
        let path = format!("packages/Fedora-Cloud/42/7/images/{}", text("filename"));
        let served = get(&f.hub, &format!("/kojifiles/{path}")).await;
        let sha256 = hex(&Sha256::digest(&served.body));
        assert_eq!(
            std::fs::read(f.hub.topdir().join(path)).is_ok(),
            text("type_name") == "raw-xz",
            "an image, or described"
        );
        assert_eq!((archive["checksum_type"].as_i64(), text("checksum")), (Some(2), sha256));
        assert_eq!((&archive["extra"], &archive["buildroot_id"]), (&Value::Nil, &Value::Nil));
    }
    let expected = ["aarch64", "x86_64"]
        .into_iter()
        .flat_map(|arch| ["packages", "raw-xz", "verified"].map(|kind| ((arch.to_owned(), kind.to_owned()), 1)));
    assert_eq!(kinds, expected.collect());
    let id_of_one = archives[0]["id"].clone();
    let one = call(&f.hub, "getArchive", vec![id_of_one.clone()]).await.unwrap();
    assert_eq!(one["rootid"], Value::Bool(true));
    let rpms = call(&f.hub, "listRPMs", kwargs([], [("imageID", id_of_one)])).await.unwrap();
    assert_eq!(rpms.as_array().map(<[Value]>::len), Some(1));

    let child = id * 100 + 1;
    let request = call(&f.hub, "getTaskRequest", vec![int(child)]).await.unwrap();
    assert_eq!(request.as_array().map(<[Value]>::len), Some(10));
    assert_eq!((&request[0], &request[3]), (&string("Fedora-Cloud"), &string("x86_64")));
    assert_eq!((&request[9]["scratch"], &request[9]["optional_arches"]), (&Value::Bool(false), &strings(&[])));
    let left = call(&f.hub, "getTaskResult", vec![int(child)]).await.unwrap();
    assert_eq!((&left["arch"], &left["release"], &left["task_id"]), (&string("x86_64"), &string("7"), &int(child)));
    assert_eq!(left["logs"], strings(&["Fedora.x86_64.kiwi"]));
    let raw = "Fedora-Cloud.x86_64-42-7.raw.xz";
    assert!(left["files"].as_array().unwrap().contains(&string(raw)));
    for name in [raw, "Fedora-Cloud.x86_64-42-7.packages"] {
        assert!(outputs(&f.hub, child).await.contains(&name.to_owned()));
    }
    assert_eq!(outputs(&f.hub, id).await, ["checkout.log"]);
    let served = get(&f.hub, &format!("/kojifiles/work/tasks/{}/{child}/{raw}", child % 10_000)).await;
    assert_eq!(served.text(), format!("kiwibuild fake image\nFedora-Cloud-42-7\n{raw}\n"));
    let logs = call(&f.hub, "getBuildLogs", vec![string("Fedora-Cloud-42-7")]).await.unwrap();
    let log = logs.as_array().unwrap().iter().find(|log| log["name"] == string("checkout-x86_64.log")).unwrap();
    assert_eq!(log["dir"], string("image/x86_64"));
    let path = log["path"].as_str().unwrap();
    assert_eq!(path, "packages/Fedora-Cloud/42/7/data/logs/image/x86_64/checkout-x86_64.log");
    let text = "createKiwiImage Fedora-Cloud-42-7 x86_64\n";
    assert_eq!(get(&f.hub, &format!("/kojifiles/{path}")).await.text(), text);
    let link = format!("/kojifiles/work/tasks/{}/{child}", child % 10_000);
    assert_eq!(get(&f.hub, &format!("{link}/checkout-x86_64.log")).await.text(), text);
    assert_eq!(get(&f.hub, &format!("{link}/Fedora.x86_64.kiwi")).await.text(), text);
    for dir in [link.as_str(), "/kojifiles/packages/Fedora-Cloud/42/7/data/logs"] {
        assert_eq!(
            (get(&f.hub, dir).await.status, get(&f.hub, &format!("{dir}/nothing.log")).await.status),
            (403, 404)
        );
    }
    // Texts are made when they are asked for; the volume holds images.
    assert!(!f.hub.topdir().join("packages/Fedora-Cloud/42/7/data").exists());
    assert_eq!(std::fs::read_dir(f.hub.topdir().join("work")).unwrap().count(), 0);
    let page = get(&f.hub, &format!("/koji/taskinfo?taskID={child}")).await;
    assert!(page.text().contains("createKiwiImage"), "{}", page.text());
}

#[tokio::test]
async fn one_arch_fails() {
    let f = hub(
        r#"{"task_seconds": 0.6, "child_fail": {"Opt": ["aarch64"], "Req": {"aarch64": "no space left"}, "Cloud": ["aarch64"]}}"#,
    )
    .await;
    let arches = ["aarch64", "x86_64"];
    let failable = [("failable_arches", strings(&["aarch64"]))];
    let opt = submit(&f.hub, "imageBuilderBuild", image_builder("Opt", &arches, &failable)).await;
    let req = submit(&f.hub, "imageBuilderBuild", image_builder("Req", &arches, &[])).await;
    let optional = [("optional_arches", strings(&["aarch64"]))];
    let cloud = submit(&f.hub, "kiwiBuild", kiwi("Cloud", &arches, &optional)).await;
    let hard = submit(&f.hub, "kiwiBuild", kiwi("Cloud", &arches, &[("release", string("2"))])).await;
    wait_for_ends(&f.hub, &[opt, req, cloud, hard]).await;

    assert_eq!(labels(&f.hub, opt).await, pairs(&[("aarch64", 5), ("tag", 2), ("x86_64", 2)]));
    assert_eq!(fault_of(&f.hub, opt * 100 + 1).await, (1000, "`image-builder` failed".to_owned()));
    assert!(call(&f.hub, "getTaskResult", vec![int(opt)]).await.is_ok());
    let archives = kwargs([], [("buildID", int(opt + 5_000_000)), ("type", string("image"))]);
    let archives = call(&f.hub, "listArchives", archives).await.unwrap();
    assert!(archives.as_array().unwrap().iter().all(|archive| archive["arch"] == string("x86_64")));
    assert!(outputs(&f.hub, opt * 100 + 1).await.contains(&"mock_output.log".to_owned()));

    // Image-builder's waits for all, and then fails of what the arch failed of.
    assert_eq!(labels(&f.hub, req).await, pairs(&[("aarch64", 5), ("x86_64", 2)]));
    assert_eq!(fault_of(&f.hub, req).await, (1000, "no space left".to_owned()));
    let info = call(&f.hub, "getTaskInfo", vec![int(req)]).await.unwrap();
    assert_eq!((&info["state"], &info["waiting"]), (&int(5), &Value::Bool(true)));
    let build = build_of(&f.hub, req).await.unwrap();
    assert_eq!((&build["state"], &build["task_id"]), (&int(3), &int(req)));
    let child = req * 100 + 1;
    let log = get(&f.hub, &format!("/kojifiles/work/tasks/{}/{child}/mock_output.log", child % 10_000)).await;
    assert!(log.text().ends_with("no space left\n"));

    assert_eq!(labels(&f.hub, cloud).await, pairs(&[("aarch64", 5), ("tag", 2), ("x86_64", 2)]));
    // Kiwi's calls off the others.
    assert_eq!(labels(&f.hub, hard).await, pairs(&[("aarch64", 5), ("x86_64", 3)]));
    assert_eq!(fault_of(&f.hub, hard).await, (1000, "Kiwi failed".to_owned()));
    assert_eq!(fault_of(&f.hub, hard * 100 + 2).await, (1000, format!("Task {} is canceled", hard * 100 + 2)));
    let children = call(&f.hub, "getTaskChildren", vec![int(hard)]).await.unwrap();
    assert_eq!((&children[0]["awaited"], &children[1]["awaited"]), (&Value::Bool(false), &Value::Bool(true)));
}

#[tokio::test]
async fn failures_of_every_kind() {
    let f = hub(r#"{"fail": {"All": {}, "Init": {"kind": "init"}, "Import": {"kind": "import", "out": "No such rpm: x"},
            "Early": {"kind": "request", "out": "Kiwi description x.kiwi can't be parsed as XML."}, "Python": {"kind": "unreachable"},
            "Well": {"rc": 0}}, "child_fail": {"Well": ["x86_64"]}, "only_method": null,
            "unlisted_packages": ["Not-Listed"], "blocked_packages": ["Fedora-Blocked"], "unknown_targets": ["gone"],
            "target_arches": {"f42-image": ["x86_64", "aarch64"], "bare": []}}"#)
    .await;
    let arches = ["aarch64", "x86_64"];
    let of = |name: &'static str, opts: Vec<(&'static str, Value)>| image_builder(name, &["aarch64", "x86_64"], &opts);
    let builder = async |params| submit(&f.hub, "imageBuilderBuild", params).await;
    let all = builder(of("All", vec![("failable_arches", strings(&arches))])).await;
    assert_eq!(fault_of(&f.hub, all).await, (1000, "all subtasks failed".to_owned()));
    let info = call(&f.hub, "getTaskInfo", vec![int(all)]).await.unwrap();
    assert_eq!(info["waiting"], Value::Bool(false), "it had collected them");
    assert_eq!(fault_of(&f.hub, builder(of("All", vec![])).await).await.1, "`image-builder` failed");
    let init = builder(of("Init", vec![])).await;
    let (code, text) = fault_of(&f.hub, init).await;
    assert!(code == 1012 && text.starts_with("could not init mock buildroot"), "{text}");
    let (code, text) = fault_of(&f.hub, builder(of("Python", vec![])).await).await;
    assert!(code == 1 && text.starts_with("Traceback (most recent call last):\n"), "{text}");
    let import = submit(&f.hub, "kiwiBuild", kiwi("Import", &arches, &[])).await;
    assert_eq!(fault_of(&f.hub, import).await, (1000, "No such rpm: x".to_owned()));
    assert_eq!(labels(&f.hub, import).await, pairs(&[("aarch64", 2), ("x86_64", 2)]));
    let early = submit(&f.hub, "kiwiBuild", kiwi("Early", &arches, &[])).await;
    assert_eq!(fault_of(&f.hub, early).await.0, 1000);
    assert_eq!((under(&f.hub, early).await.len(), build_of(&f.hub, early).await), (0, None));
    let well = builder(of("Well", vec![])).await;
    assert!(call(&f.hub, "getTaskResult", vec![int(well)]).await.is_ok());
    assert_eq!(labels(&f.hub, well).await, pairs(&[("aarch64", 2), ("tag", 2), ("x86_64", 5)]));

    let unlisted = "package (image) Not-Listed not in list for tag f42-candidate";
    assert_eq!(fault_of(&f.hub, builder(of("Not-Listed", vec![])).await).await, (1005, unlisted.to_owned()));
    let skipped = builder(of("Not-Listed", vec![("skip_tag", Value::Bool(true))])).await;
    assert_eq!(labels(&f.hub, skipped).await, pairs(&[("aarch64", 2), ("x86_64", 2)]));
    let blocked = submit(&f.hub, "kiwiBuild", kiwi("Blocked", &arches, &[])).await;
    let text = "package (image)  Fedora-Blocked is blocked for tag f42-candidate";
    assert_eq!(fault_of(&f.hub, blocked).await, (1005, text.to_owned()));
    let config = vec![string("f42-candidate"), string("Fedora-Blocked")];
    assert_eq!(call(&f.hub, "getPackageConfig", config).await.unwrap()["blocked"], Value::Bool(true));

    let wrong = image_builder("Arch", &["riscv64", "x86_64"], &[]);
    assert_eq!(
        fault_of(&f.hub, builder(wrong).await).await,
        (1005, "Unsupported architecture(s): {'riscv64'}".to_owned())
    );
    let wrong = submit(&f.hub, "kiwiBuild", kiwi("Arch", &["riscv64"], &[])).await;
    assert_eq!(fault_of(&f.hub, wrong).await, (1005, "Invalid arch for build tag: riscv64".to_owned()));
    let every = builder(image_builder("Every", &[], &[])).await;
    assert_eq!(labels(&f.hub, every).await, pairs(&[("aarch64", 2), ("tag", 2), ("x86_64", 2)]));
    let twice = builder(image_builder("Twice", &["x86_64", "x86_64"], &[])).await;
    assert_eq!(labels(&f.hub, twice).await, pairs(&[("tag", 2), ("x86_64", 2)]));
    let on = |target: &str| {
        let mut params = image_builder("On", &["x86_64"], &[]);
        params[0] = string(target);
        params
    };
    assert_eq!(fault_of(&f.hub, builder(on("gone")).await).await, (1000, "No such build target: gone".to_owned()));
    assert_eq!(fault_of(&f.hub, builder(on("bare")).await).await, (1005, "no arches".to_owned()));
    let mut params = kiwi("On", &["x86_64"], &[]);
    params[0] = string("gone");
    let fault = as_compose(&f.hub, "kiwiBuild", params).await.unwrap_err();
    assert_eq!((fault.code, fault.string.as_str()), (1000, "No such build target: gone"), "kiwi's looks at once");
}

#[tokio::test]
async fn what_is_only_tried() {
    let f = hub(r#"{"unlisted_packages": ["Try"]}"#).await;
    let scratch = [("scratch", Value::Bool(true))];
    let id = submit(&f.hub, "imageBuilderBuild", image_builder("Try", &["aarch64", "x86_64"], &scratch)).await;
    let dir = |child: i64| f.hub.topdir().join(format!("work/tasks/{}/{child}", child % 10_000));
    let result = call(&f.hub, "getTaskResult", vec![int(id)]).await.unwrap();
    let (one, two) = (dir(id * 100 + 1), dir(id * 100 + 2));
    assert_eq!(result, string(format!("Scratch image build results in: {}, {}", one.display(), two.display())));
    assert_eq!((build_of(&f.hub, id).await, labels(&f.hub, id).await.len()), (None, 2));
    assert_eq!(call(&f.hub, "getImageBuild", vec![string("Try-42-1")]).await, Ok(Value::Nil));
    let name = "Try-42-1.aarch64.raw.xz";
    let link = std::fs::read_link(one.join(name)).unwrap();
    assert_eq!(link.to_str().unwrap(), format!("../../../../scratch/compose/task_{}/{name}", id * 100 + 1));
    assert_eq!(
        std::fs::read_to_string(one.join(name)).unwrap(),
        format!("imagebuilder fake image\nTry-42-1\n{name}\n")
    );
    let served =
        get(&f.hub, &format!("/kojifiles/work/tasks/{}/{}/{name}", (id * 100 + 1) % 10_000, id * 100 + 1)).await;
    assert_eq!(served.status, 200);

    let f = hub(r#"{"scratch_plain": true}"#).await;
    let id = submit(&f.hub, "kiwiBuild", kiwi("Try", &["x86_64"], &scratch)).await;
    let child = id * 100 + 1;
    let request = call(&f.hub, "getTaskRequest", vec![int(child)]).await.unwrap();
    assert_eq!(request[9]["scratch"], Value::Bool(true));
    let path = f.hub.topdir().join(format!("work/tasks/{}/{child}/Fedora-Try.x86_64-42-1.qcow2", child % 10_000));
    assert!(std::fs::symlink_metadata(path).unwrap().is_file());
}

#[tokio::test]
async fn calling_off() {
    let f = hub(r#"{"task_seconds": 600, "queue_seconds": 0}"#).await;
    let arches = ["aarch64", "x86_64"];
    let whole = submit(&f.hub, "imageBuilderBuild", image_builder("Whole", &arches, &[])).await;
    let part = submit(&f.hub, "kiwiBuild", kiwi("Part", &arches, &[])).await;
    let optional = [("optional_arches", strings(&["aarch64"]))];
    let optional = submit(&f.hub, "kiwiBuild", kiwi("Optional", &arches, &optional)).await;
    let waits = submit(&f.hub, "imageBuilderBuild", image_builder("Waits", &arches, &[])).await;
    for id in [whole, part * 100 + 1, optional * 100 + 1, waits * 100 + 1] {
        assert_eq!(as_compose(&f.hub, "cancelTask", vec![int(id)]).await, Ok(Value::Nil));
    }
    assert_eq!(labels(&f.hub, whole).await, pairs(&[("aarch64", 3), ("x86_64", 3)]));
    assert_eq!(build_of(&f.hub, whole).await.unwrap()["state"], int(4));
    let children = call(&f.hub, "getTaskChildren", vec![int(whole)]).await.unwrap();
    assert_eq!(children[0]["awaited"], Value::Bool(true));
    assert_eq!(fault_of(&f.hub, part).await, (1000, format!("Task {} is canceled", part * 100 + 1)));
    assert_eq!(labels(&f.hub, part).await, pairs(&[("aarch64", 3), ("x86_64", 3)]));
    assert_eq!(build_of(&f.hub, part).await.unwrap()["state"], int(3));
    for id in [optional, waits] {
        assert_eq!(
            call(&f.hub, "getTaskInfo", vec![int(id)]).await.unwrap()["state"],
            int(1),
            "it waits for the other"
        );
    }
    let again = as_compose(&f.hub, "resubmitTask", vec![int(whole)]).await.unwrap();
    let request = call(&f.hub, "getTaskRequest", vec![again.clone()]).await;
    assert_eq!(request, call(&f.hub, "getTaskRequest", vec![int(whole)]).await);
    assert_eq!(call(&f.hub, "getTaskInfo", vec![again]).await.unwrap()["method"], string("imageBuilderBuild"));
    let fault = as_compose(&f.hub, "resubmitTask", vec![int(whole * 100 + 1)]).await.unwrap_err();
    assert_eq!(fault.code, 1000, "{}", fault.string);
}

#[tokio::test]
async fn the_repository_of_the_build_tag_is_always_needed() {
    let f = hub(r#"{"repo_seconds": 0.3}"#).await;
    let repos = [("repos", strings(&["https://example.org/$arch"]))];
    let id = submit(&f.hub, "imageBuilderBuild", image_builder("Waits", &["x86_64"], &repos)).await;
    let children = call(&f.hub, "getTaskChildren", kwargs([int(id)], [("request", Value::Bool(true))])).await.unwrap();
    assert_eq!((&children[0]["method"], &children[0]["weight"]), (&string("waitrepo"), &Value::Double(0.2)));
    assert_eq!(children[0]["request"][0], string("f42-build"));
    assert_eq!(children.as_array().map(<[Value]>::len), Some(1));
    wait_for_ends(&f.hub, &[id]).await;
    assert_eq!(labels(&f.hub, id).await, pairs(&[("tag", 2), ("waitrepo", 2), ("x86_64", 2)]));
}

#[tokio::test]
async fn old_hubs_and_foreign_builders() {
    let f =
        hub(r#"{"unknown_options": {"imageBuilderBuild": ["failable_arches"], "kiwiBuild": ["use_buildroot_repo"]},
            "only_method": "createKiwiImageX", "volume": {"x": "vol7"}, "child_release": {"y": "77", "z": null}}"#)
        .await;
    let failable = [("failable_arches", strings(&["x86_64"]))];
    let fault = as_compose(&f.hub, "imageBuilderBuild", image_builder("x", &["x86_64"], &failable)).await.unwrap_err();
    let first = "Additional properties are not allowed ('failable_arches' was unexpected)";
    assert_eq!((fault.code, fault.string.lines().next()), (1019, Some(first)));
    let named = [("use_buildroot_repo", Value::Bool(true))];
    let fault = as_compose(&f.hub, "kiwiBuild", kiwi("x", &["x86_64"], &named)).await.unwrap_err();
    let text = "kiwiBuild() got an unexpected keyword argument 'use_buildroot_repo'";
    assert_eq!((fault.code, fault.string.as_str()), (1019, text));
    let id = submit(&f.hub, "kiwiBuild", kiwi("old", &["x86_64"], &[])).await;
    assert_eq!(under(&f.hub, id).await[1], ("createKiwiImageX".to_owned(), "x86_64".to_owned(), 2));
    let archives = call(&f.hub, "listArchives", vec![int(id + 5_000_000)]).await;
    assert_eq!(archives, Ok(Value::Array(Vec::new())));

    let f = hub(r#"{"unknown_methods": ["kiwiBuild"], "volume": {"x": "vol7"}, "no_arch": {"n": true},
            "child_release": {"y": "77", "z": null}, "files": {"x": ["{name}.{arch}.iso", "x.frob"]}}"#)
    .await;
    let fault = as_compose(&f.hub, "kiwiBuild", kiwi("x", &["x86_64"], &[])).await.unwrap_err();
    assert_eq!((fault.code, fault.string.as_str()), (1000, "Invalid method: kiwiBuild"));
    let id = submit(&f.hub, "imageBuilderBuild", image_builder("x", &["x86_64"], &[])).await;
    let build = build_of(&f.hub, id).await.unwrap();
    assert_eq!((&build["volume_name"], &build["volume_id"]), (&string("vol7"), &int(1)));
    assert!(f.hub.topdir().join("vol/vol7/packages/x/42/1/images/x.x86_64.iso").exists());
    let volumes = call(&f.hub, "listVolumes", vec![]).await.unwrap();
    assert_eq!((&volumes[0]["name"], &volumes[1]["name"]), (&string("DEFAULT"), &string("vol7")));
    let archives = call(&f.hub, "listArchives", vec![int(id + 5_000_000)]).await.unwrap();
    let kinds: std::collections::BTreeSet<_> =
        archives.as_array().unwrap().iter().map(|a| a["type_name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["iso", "other"].map(str::to_owned).into());
    for (name, release) in [("y", string("77")), ("z", Value::Nil)] {
        let id = submit(&f.hub, "imageBuilderBuild", image_builder(name, &["x86_64"], &[])).await;
        let left = call(&f.hub, "getTaskResult", vec![int(id * 100 + 1)]).await.unwrap();
        assert_eq!(left["release"], release);
        assert_eq!(build_of(&f.hub, id).await.unwrap()["release"], string("1"));
    }
    let id = submit(&f.hub, "imageBuilderBuild", image_builder("n", &["x86_64"], &[])).await;
    assert_eq!(labels(&f.hub, id).await, pairs(&[("tag", 2)]));
}

#[tokio::test]
async fn a_strict_hub_builds_a_name_once() {
    let f = hub(
        r#"{"strict": true, "fail": {"Fails": {}}, "files": {"zst": ["{name}-{version}-{release}.{arch}.raw.zst"]}}"#,
    )
    .await;
    let x86 = ["x86_64"];
    let first = submit(&f.hub, "imageBuilderBuild", image_builder("Once", &x86, &[])).await;
    let second =
        submit(&f.hub, "imageBuilderBuild", image_builder("Once", &x86, &[("skip_tag", Value::Bool(true))])).await;
    let (code, text) = fault_of(&f.hub, second).await;
    assert!(code == 1000 && text.starts_with(&format!("Build already exists (id={}", first + 5_000_000)), "{text}");
    assert_eq!(build_of(&f.hub, second).await, None);
    for _ in 0..2 {
        let failed = submit(&f.hub, "imageBuilderBuild", image_builder("Fails", &x86, &[])).await;
        assert_eq!(fault_of(&f.hub, failed).await.1, "`image-builder` failed", "what failed can be built again");
    }
    let zst = submit(&f.hub, "imageBuilderBuild", image_builder("zst", &x86, &[])).await;
    let text = "Unsupported file type: zst-42-1.x86_64.raw.zst".to_owned();
    assert_eq!(fault_of(&f.hub, zst).await, (1005, text));
    let url = |url: &str| {
        let mut params = kiwi("Url", &x86, &[]);
        params[2] = string(url);
        params
    };
    let id = submit(&f.hub, "kiwiBuild", url("https://example.org/d#main")).await;
    assert!(fault_of(&f.hub, id).await.1.starts_with("Invalid scheme in scm url. Valid schemes are: cvs+ssh:// "));
    let id = submit(&f.hub, "kiwiBuild", url("git+https://example.org/d")).await;
    assert!(fault_of(&f.hub, id).await.1.ends_with("Could not find the fragment element."));
    let id = submit(&f.hub, "kiwiBuild", url("git+https://example.org/d#main")).await;
    assert!(call(&f.hub, "getTaskResult", vec![int(id)]).await.is_ok());
    let params =
        |name: &str| crate::client::image(name, "42", "qcow2", "f42-image", &x86, Value::Struct(Members::default()));
    let taken = submit(&f.hub, "osbuildImage", params("Once")).await;
    assert_eq!(fault_of(&f.hub, taken).await.0, 1005, "whoever builds it");
}

#[tokio::test]
async fn what_a_restart_finds() {
    let dir = tempfile::tempdir().unwrap();
    let script = parse_scenario(r#"{"task_seconds": 0.8, "queue_seconds": 0, "volume": {"Over": "vol7"}}"#).unwrap();
    let hub = remembering(&dir, script.clone()).await;
    let over = submit(&hub, "kiwiBuild", kiwi("Over", &["x86_64"], &[("priority", int(5))])).await;
    wait_for_ends(&hub, &[over]).await;
    let logs = outputs(&hub, over * 100 + 1).await;
    assert!(logs.contains(&"mock_output.log".to_owned()), "the first log is there without a fault too: {logs:?}");
    let going = submit(&hub, "imageBuilderBuild", image_builder("Going", &["aarch64", "x86_64"], &[])).await;
    let request = kwargs([int(over)], [("request", Value::Bool(true))]);
    let build = kwargs([], [("buildID", int(over + 5_000_000)), ("type", string("image"))]);
    let ask = async |hub: &RunningHub| {
        [
            call(hub, "getTaskInfo", request.clone()).await.unwrap(),
            call(hub, "getTaskDescendents", vec![int(over)]).await.unwrap(),
            call(hub, "getTaskResult", vec![int(over * 100 + 1)]).await.unwrap(),
            call(hub, "getBuild", vec![int(over + 5_000_000)]).await.unwrap(),
            call(hub, "listArchives", build.clone()).await.unwrap(),
            call(hub, "listTaskOutput", vec![int(over * 100 + 1)]).await.unwrap(),
            call(hub, "getTaskRequest", vec![int(going * 100 + 1)]).await.unwrap(),
        ]
    };
    let before = ask(&hub).await;
    assert_eq!((&before[0]["state"], &before[0]["priority"]), (&int(2), &int(25)));
    assert_eq!(before[3]["volume_name"], string("vol7"));
    hub.shutdown().await;
    let hub = remembering(&dir, parse_scenario("{}").unwrap()).await;
    let after = ask(&hub).await;
    // The repository of a tag is as old as the hub.
    assert_eq!(before[..6], after[..6]);
    assert_eq!(before[6][3], after[6][3]);
    wait_for_ends(&hub, &[going]).await;
    assert_eq!(labels(&hub, going).await, pairs(&[("aarch64", 2), ("tag", 2), ("x86_64", 2)]));
    hub.shutdown().await;
}

#[tokio::test]
async fn who_may_ask_and_in_which_channel() {
    let f = hub("{}").await;
    let params = image_builder("x", &["x86_64"], &[]);
    let fault = call(&f.hub, "imageBuilderBuild", params.clone()).await.unwrap_err();
    assert_eq!((fault.code, fault.string.as_str()), (1004, "image permission required (user not logged in)"));
    let nobody = login(&f.hub, "nobody", "nobodypass").await;
    let fault = try_call(&f.hub, &nobody.headers(None), "kiwiBuild", kiwi("x", &[], &[])).await.unwrap().unwrap_err();
    assert_eq!((fault.code, fault.string.as_str()), (1004, "image permission required (logged in as nobody)"));
    let admin = login(&f.hub, "kojiadmin", "kojipass").await;
    try_call(&f.hub, &admin.headers(None), "disableChannel", vec![string("image")]).await.unwrap().unwrap();
    let fault = as_compose(&f.hub, "imageBuilderBuild", params).await.unwrap_err();
    assert_eq!((fault.code, fault.string.as_str()), (1000, "Channel image is disabled."));
}
