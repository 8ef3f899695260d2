//! The life of tasks and builds where the script makes it longer: queues, restarts, repositories, tags, failures.

use base64::Engine as _;
use magudi_devhub::{RunningHub, parse_scenario};
use magudi_koji::value::{int, kwargs, string, structure};
use magudi_koji::xmlrpc::{Members, Value};
use magudi_testkit::poll_until;

use crate::client::{call, get, hub, image, is_over, login, remembering, request, submit, try_call};

fn no_opts() -> Value {
    Value::Struct(Members::default())
}

fn with_repo() -> Value {
    structure([("repo", Value::Array(vec![string("https://example.org/$arch/")]))])
}

fn qcow2(name: &str, opts: Value) -> Vec<Value> {
    image(name, "42", "qcow2", "f42-image", &["x86_64", "aarch64"], opts)
}

async fn info(hub: &RunningHub, id: i64) -> Value {
    call(hub, "getTaskInfo", vec![int(id)]).await.unwrap()
}

/// The states that a task goes through, with `waiting`.
async fn states(hub: &RunningHub, id: i64) -> Vec<(i64, Option<bool>)> {
    let mut seen: Vec<(i64, Option<bool>)> = Vec::new();
    poll_until("the task is never over", async || {
        let info = info(hub, id).await;
        let state = (info["state"].as_i64().unwrap(), info["waiting"].as_bool());
        if seen.last() != Some(&state) {
            seen.push(state);
        }
        is_over(&info)
    })
    .await;
    seen
}

async fn status(hub: &RunningHub, id: i64) -> serde_json::Value {
    let text = call(hub, "downloadTaskOutput", vec![int(id), string("compose-status.json")]).await.unwrap();
    let bytes = base64::engine::general_purpose::STANDARD.decode(text.as_str().unwrap()).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

async fn outputs(hub: &RunningHub, id: i64) -> Vec<String> {
    let names = call(hub, "listTaskOutput", vec![int(id)]).await.unwrap();
    names.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn assigned_opened_freed_and_opened_again() {
    let f = hub(r#"{"task_seconds": 2.4, "queue_seconds": 0.4, "assigned_seconds": 0.4, "freed": ["n"]}"#).await;
    let id = submit(&f.hub, qcow2("n", with_repo())).await;
    let numbers: Vec<i64> = states(&f.hub, id).await.into_iter().map(|(state, _)| state).collect();
    assert_eq!(numbers, [0, 4, 1, 0, 1, 1, 2]);
    let info = info(&f.hub, id).await;
    let seconds = |name: &str| info[name].as_f64().unwrap();
    assert!(seconds("start_ts") - seconds("create_ts") > 1.6, "it counts from the second time");
}

#[tokio::test]
async fn a_task_without_a_repository_waits_for_that_of_the_build_tag() {
    let f = hub(r#"{"repo_seconds": 0.3}"#).await;
    let id = submit(&f.hub, qcow2("n", no_opts())).await;
    let children = call(&f.hub, "getTaskChildren", kwargs([int(id)], [("request", Value::Bool(true))])).await.unwrap();
    let Value::Array(children) = children else { panic!() };
    let [child] = &children[..] else { panic!("{children:?}") };
    assert_eq!((child["method"].as_str(), child["label"].as_str()), (Some("waitrepo"), Some("waitrepo")));
    assert_eq!((child["state"].as_i64(), child["awaited"].as_bool()), (Some(1), Some(true)));
    assert_eq!(child["request"][0], string("f42-build"));
    assert_eq!(outputs(&f.hub, id).await, [""; 0], "composer was not asked yet");
    assert_eq!(states(&f.hub, id).await, [(1, Some(true)), (2, Some(false))]);
    let names = call(&f.hub, "getTaskChildren", vec![int(id)]).await.unwrap();
    assert_eq!(names.as_array().unwrap().len(), 2);
    let request = get(&f.hub, &format!("/kojifiles/work/tasks/{}/{id}/compose-request.json", id % 10_000)).await;
    assert!(request.text().contains("/kojifiles/repos/f42-build/2/aarch64\""), "{}", request.text());

    let named = submit(&f.hub, qcow2("m", with_repo())).await;
    assert_eq!(info(&f.hub, named).await["state"], int(2), "who names a repository does not wait");
    let canceled = submit(&f.hub, qcow2("c", no_opts())).await;
    let owner = login(&f.hub, "compose", "composepass").await;
    try_call(&f.hub, &owner.headers(None), "cancelTask", vec![int(canceled)]).await.unwrap().unwrap();
    let children = call(&f.hub, "getTaskChildren", vec![int(canceled)]).await.unwrap();
    assert_eq!(children[0]["state"], int(3));
    // What is submitted later is over.
    let later = submit(&f.hub, qcow2("l", no_opts())).await;
    states(&f.hub, later).await;
    assert_eq!(call(&f.hub, "listBuilds", kwargs([], [("taskID", int(canceled))])).await, Ok(Value::Array(vec![])));
}

#[tokio::test]
async fn failures_of_every_kind() {
    let f = hub(r#"{"fail": {"r": {"kind": "request", "out": "{\"reason\": \"no\"}"}, "u": {"kind": "unreachable"},
                     "i": {"kind": "init", "out": "Build is already reserved"}, "m": {"kind": "import", "out": "no"}, "b": {}},
            "target_arches": {"f42-image": ["x86_64", "aarch64"], "small": ["x86_64"]}}"#)
    .await;
    let fault = |id: i64| {
        let hub = &f.hub;
        async move {
            let fault = call(hub, "getTaskResult", vec![int(id)]).await.unwrap_err();
            (fault.code, fault.string)
        }
    };
    let id = submit(&f.hub, qcow2("r", with_repo())).await;
    assert_eq!(fault(id).await, (1000, "Failed to create the compose request: {\"reason\": \"no\"}".to_owned()));
    assert_eq!(outputs(&f.hub, id).await, ["compose-request.json"]);
    let id = submit(&f.hub, qcow2("u", with_repo())).await;
    let (code, text) = fault(id).await;
    assert!(code == 1 && text.starts_with("Traceback (most recent call last):\n"), "{text}");
    assert_eq!(outputs(&f.hub, id).await, ["compose-request.json"]);
    let id = submit(&f.hub, qcow2("i", with_repo())).await;
    assert_eq!(fault(id).await.0, 1005);
    let said = status(&f.hub, id).await;
    assert_eq!(said["image_statuses"][1]["error"]["reason"], "<Fault 1000: 'Build is already reserved'>");
    assert_eq!(said.get("koji_build_id"), None);
    assert_eq!(call(&f.hub, "getBuild", vec![int(id + 5_000_000)]).await, Ok(Value::Nil));
    let id = submit(&f.hub, qcow2("m", with_repo())).await;
    assert_eq!(fault(id).await.0, 1005);
    assert_eq!(status(&f.hub, id).await["koji_build_id"], id + 5_000_000);
    let id = submit(&f.hub, qcow2("b", with_repo())).await;
    assert_eq!(fault(id).await.0, 1005);
    let said = status(&f.hub, id).await;
    assert_eq!(said["koji_build_id"], id + 5_000_000);
    let build = call(&f.hub, "getBuild", vec![int(id + 5_000_000)]).await.unwrap();
    assert_eq!((&build["state"], &build["task_id"], &build["extra"]), (&int(3), &Value::Nil, &Value::Nil));
    assert_eq!(call(&f.hub, "listBuilds", kwargs([], [("taskID", int(id))])).await, Ok(Value::Array(vec![])));

    let id = submit(&f.hub, image("a", "1", "qcow2", "small", &["x86_64", "riscv64"], with_repo())).await;
    assert_eq!(fault(id).await, (1005, "Unsupported architecture(s): {'riscv64'}".to_owned()));
    assert_eq!(outputs(&f.hub, id).await, [""; 0]);
    let tag = call(&f.hub, "getTag", vec![string("small-build")]).await.unwrap();
    assert_eq!(tag["arches"], string("x86_64"));
    let repo = structure([("repo", Value::Array(vec![string("https://example.org/$basearch/")]))]);
    let id = submit(&f.hub, qcow2("t", repo)).await;
    assert_eq!(fault(id).await, (1, "Traceback (most recent call last):\nKeyError: 'basearch'\n".to_owned()));
}

#[tokio::test]
async fn a_build_that_cannot_be_tagged_is_complete() {
    let f = hub(r#"{"unlisted_packages": ["n"]}"#).await;
    let id = submit(&f.hub, qcow2("n", with_repo())).await;
    let fault = call(&f.hub, "getTaskResult", vec![int(id)]).await.unwrap_err();
    assert_eq!((fault.code, fault.string.as_str()), (1003, "Package n not in list for 3"));
    let children = call(&f.hub, "getTaskChildren", vec![int(id)]).await.unwrap();
    assert_eq!((&children[0]["state"], &children[0]["awaited"]), (&int(5), &Value::Bool(false)));
    let builds = call(&f.hub, "listBuilds", kwargs([], [("taskID", int(id))])).await.unwrap();
    assert_eq!(builds[0]["state"], int(1));
    assert_eq!(status(&f.hub, id).await["status"], "success");
    let listed = vec![string("f42-candidate"), string("n")];
    assert_eq!(call(&f.hub, "checkTagPackage", listed.clone()).await, Ok(Value::Bool(false)));
    assert_eq!(call(&f.hub, "getPackageConfig", listed).await, Ok(Value::Nil));

    let id = submit(&f.hub, qcow2("m", with_repo())).await;
    let event = call(&f.hub, "tagLastChangeEvent", vec![string("f42-candidate")]).await.unwrap();
    let history = kwargs([], [("tables", Value::Array(vec![string("tag_listing")])), ("build", int(id + 5_000_000))]);
    let history = call(&f.hub, "queryHistory", history).await.unwrap();
    assert_eq!(
        (&history["tag_listing"][0]["create_event"], &history["tag_listing"][0]["name"]),
        (&event, &string("m"))
    );
    let config = call(&f.hub, "getPackageConfig", vec![string("f42-candidate"), string("m")]).await.unwrap();
    assert_eq!(config["package_name"], string("m"));
}

#[tokio::test]
async fn builds_begin_before_they_are_complete() {
    let f = hub(r#"{"task_seconds": 0.5, "queue_seconds": 0}"#).await;
    let id = submit(&f.hub, qcow2("n", with_repo())).await;
    let build = call(&f.hub, "getBuild", vec![string("n-42-1")]).await.unwrap();
    assert_eq!((&build["state"], &build["completion_ts"]), (&int(0), &Value::Nil));
    assert_eq!(call(&f.hub, "listArchives", vec![build["id"].clone()]).await, Ok(Value::Array(vec![])));
    states(&f.hub, id).await;
    let build = call(&f.hub, "getBuild", vec![build["id"].clone()]).await.unwrap();
    assert_eq!((&build["state"], &build["task_id"]), (&int(1), &int(id)));
}

#[tokio::test]
async fn manifests_are_archives_and_the_order_is_no_order() {
    let f = hub(r#"{"manifests": true}"#).await;
    let mut orders = std::collections::BTreeSet::new();
    for n in 0..12 {
        let id = submit(&f.hub, qcow2(&format!("n{n}"), with_repo())).await;
        let archives = call(&f.hub, "listArchives", vec![int(id + 5_000_000)]).await.unwrap();
        let archives = archives.as_array().unwrap();
        assert_eq!(archives.len(), 4);
        for archive in archives {
            let is_manifest = archive["type_name"] == string("json");
            assert_eq!(archive["extra"]["image"].get("boot_mode").is_none(), is_manifest);
            assert!(archive["extra"]["image"]["arch"].as_str().is_some());
        }
        orders.insert(
            archives.iter().map(|a| a["filename"].as_str().unwrap().replace(&n.to_string(), "")).collect::<Vec<_>>(),
        );
        let build = call(&f.hub, "getBuild", vec![int(id + 5_000_000)]).await.unwrap();
        assert_eq!(build["extra"]["typeinfo"]["image"].as_struct().unwrap().len(), 2);
        assert_eq!(build["extra"]["osbuild_manifest"].as_struct().unwrap().len(), 2);
    }
    assert!(orders.len() > 3, "{orders:?}");
    let path = "/kojifiles/packages/n0/42/1/images/n0-42-1.x86_64.qcow2.manifest.json";
    assert!(get(&f.hub, path).await.text().contains("\"version\": \"2\""));
}

#[tokio::test]
async fn sizes_above_two_gib() {
    let size: i64 = (1 << 31) + 5;
    let f = hub(&format!(r#"{{"sizes": {{"n-1-1.x86_64.raw": {size}, "s-1-1.x86_64.raw": 7}}}}"#)).await;
    let raw = |name: &str| image(name, "1", "raw", "f42-image", &["x86_64"], with_repo());
    let id = submit(&f.hub, raw("n")).await;
    let archives = call(&f.hub, "listArchives", vec![int(id + 5_000_000)]).await.unwrap();
    assert_eq!(archives[0]["size"], Value::Int64(size));
    let path = f.hub.topdir().join("packages/n/1/1/images/n-1-1.x86_64.raw");
    let meta = std::fs::metadata(&path).unwrap();
    assert_eq!(meta.len(), size.unsigned_abs());
    assert!(std::os::unix::fs::MetadataExt::blocks(&meta) < 1000, "it takes no room");
    let served = "/kojifiles/packages/n/1/1/images/n-1-1.x86_64.raw";
    let end = request(&f.hub, "GET", served, "Range: bytes=-3\r\n", b"").await.unwrap();
    assert_eq!((end.status, end.body), (206, vec![0; 3]));
    let id = submit(&f.hub, raw("s")).await;
    let archives = call(&f.hub, "listArchives", vec![int(id + 5_000_000)]).await.unwrap();
    assert_eq!(archives[0]["size"], int(7));
    assert_eq!(std::fs::read(f.hub.topdir().join("packages/s/1/1/images/s-1-1.x86_64.raw")).unwrap(), b"osbuild");
}

#[tokio::test]
async fn admins_give_tasks_back_and_builders_take_them_again() {
    let f = hub(r#"{"queue_seconds": 86400}"#).await;
    let id = submit(&f.hub, qcow2("n", with_repo())).await;
    let owner = login(&f.hub, "compose", "composepass").await;
    let admin = login(&f.hub, "kojiadmin", "kojipass").await;
    let by = |headers: String, method: &'static str, params: Vec<Value>| {
        let hub = &f.hub;
        async move { try_call(hub, &headers, method, params).await.unwrap().map_err(|fault| (fault.code, fault.string)) }
    };
    assert_eq!(by(owner.headers(None), "freeTask", vec![int(id)]).await.unwrap_err().0, 1004);
    let assign = vec![int(id), string("builder1")];
    assert_eq!(by(admin.headers(None), "assignTask", assign.clone()).await, Ok(Value::Bool(true)));
    assert_eq!(by(admin.headers(None), "assignTask", assign).await, Ok(Value::Bool(false)));
    assert_eq!((&info(&f.hub, id).await["state"], &info(&f.hub, id).await["host_id"]), (&int(4), &int(1)));
    assert_eq!(by(admin.headers(None), "freeTask", vec![int(id)]).await, Ok(Value::Nil));
    assert_eq!((&info(&f.hub, id).await["state"], &info(&f.hub, id).await["host_id"]), (&int(0), &Value::Nil));
    by(owner.headers(None), "cancelTask", vec![int(id)]).await.unwrap();
    assert_eq!(
        by(admin.headers(None), "freeTask", vec![int(id)]).await,
        Err((1000, format!("Cannot free task {id}, state is CANCELED")))
    );
}

#[tokio::test]
async fn a_freed_task_is_known_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let script = parse_scenario(r#"{"task_seconds": 0.4, "queue_seconds": 0.05}"#).unwrap();
    let hub = remembering(&dir, script.clone()).await;
    let id = submit(&hub, qcow2("n", with_repo())).await;
    poll_until("the task is not opened", async || info(&hub, id).await["state"] == int(1)).await;
    let before = info(&hub, id).await;
    let admin = login(&hub, "kojiadmin", "kojipass").await;
    try_call(&hub, &admin.headers(None), "freeTask", vec![int(id)]).await.unwrap().unwrap();
    hub.shutdown().await;
    let hub = remembering(&dir, script).await;
    states(&hub, id).await;
    let info = info(&hub, id).await;
    assert!(info["start_ts"].as_f64().unwrap() > before["start_ts"].as_f64().unwrap(), "{info:?}");
    assert_eq!(call(&hub, "getBuild", vec![string("n-42-1")]).await.unwrap()["task_id"], int(id));
}

/// A hub stores requests as XML and answers in XML, and neither keeps a carriage return.
#[tokio::test]
async fn carriage_returns_do_not_come_back() {
    let f = hub("{}").await;
    let file = |data: &str| structure([("files", Value::Array(vec![structure([("data", string(data))])]))]);
    let opts = structure([("customizations", file("one\r\ntwo\r"))]);
    let id = submit(&f.hub, qcow2("n", opts)).await;
    let request = call(&f.hub, "getTaskRequest", vec![int(id)]).await.unwrap();
    assert_eq!(request[6]["customizations"], file("one\ntwo\n"));
    let text = call(&f.hub, "downloadTaskOutput", vec![int(id), string("compose-request.json")]).await.unwrap();
    let bytes = base64::engine::general_purpose::STANDARD.decode(text.as_str().unwrap()).unwrap();
    let sent: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(sent["customizations"]["files"][0]["data"], "one\ntwo\n");
    assert_eq!(call(&f.hub, "echo", vec![string("a\rb")]).await, Ok(Value::Array(vec![string("a\nb")])));
}
