//! The conventions of the recorded composes: task ids and the files of images are theirs to the byte.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use magudi_devhub::{HubOptions, RunningHub, Scenario, load_scenario, start};
use magudi_koji::value::{from_json, int, kwargs};
use magudi_koji::xmlrpc::Value;
use sha2::{Digest as _, Sha256};

use crate::client::{call, get, hex, login, try_call};

/// Every image file of a recorded compose, by name: size and sha256.
fn expected(case: &Path) -> BTreeMap<String, (u64, String)> {
    let Ok(text) = std::fs::read_to_string(case.join("expected/files.json")) else { return BTreeMap::new() };
    let files: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let facts = files.iter().filter_map(|file| {
        let name = file["path"].as_str()?.rsplit('/').next()?.to_owned();
        // Pungi took over links that lead nowhere from its compose.
        let is_link = file.get("link").is_some();
        (!is_link).then_some(())?;
        Some((name, (file["size"].as_u64()?, file["sha256"].as_str()?.to_owned())))
    });
    facts.collect()
}

/// A recorded call: the method, and what goes over the wire.
fn sent(call: &serde_json::Value) -> (String, Vec<Value>) {
    let Value::Array(args) = from_json(&call["args"]).unwrap() else { panic!("{call}") };
    let named = match call.get("kwargs") {
        Some(named) => from_json(named).unwrap(),
        None => from_json(&serde_json::json!({"opts": call["opts"]})).unwrap(),
    };
    let Value::Struct(named) = named else { panic!("{call}") };
    let method = call.get("method").and_then(|method| method.as_str()).unwrap_or("osbuildImage");
    (method.to_owned(), kwargs(args, named))
}

/// Compares the files of a build with those of the compose.
async fn compare_files(
    hub: &RunningHub,
    scenario: &Scenario,
    build: Value,
    expected: &BTreeMap<String, (u64, String)>,
) -> usize {
    let id = build.clone();
    let Value::Array(archives) =
        call(hub, "listArchives", kwargs([build], [("type", magudi_koji::value::string("image"))])).await.unwrap()
    else {
        panic!()
    };
    let build = call(hub, "getBuild", vec![id]).await.unwrap();
    let part = |name: &str| build[name].as_str().unwrap().to_owned();
    let volume = match part("volume_name").as_str() {
        "DEFAULT" => String::new(),
        volume => format!("vol/{volume}/"),
    };
    let mut compared = 0;
    for archive in archives {
        let filename = archive["filename"].as_str().unwrap().to_owned();
        let dir = format!("{volume}packages/{}/{}/{}/images", part("name"), part("version"), part("release"));
        let path = format!("{dir}/{filename}");
        let on_disk = hub.topdir().join(&path);
        if scenario.missing_files.contains(&filename) {
            assert!(!on_disk.exists());
            continue;
        }
        let served = get(hub, &format!("/kojifiles/{}", path.replace('é', "%C3%A9"))).await;
        let content = &served.body;
        if on_disk.exists() {
            assert_eq!(&std::fs::read(&on_disk).unwrap(), content);
            assert_eq!(std::fs::metadata(&on_disk).unwrap().mtime(), 1_700_000_000);
        } else {
            let documents = [".json", ".xml", ".ks", ".packages", ".verified"];
            assert!(documents.iter().any(|ending| filename.ends_with(ending)), "{filename} is not there");
        }
        assert_eq!(served.header("Last-Modified"), Some("Tue, 14 Nov 2023 22:13:20 GMT"));
        assert_eq!(archive["size"].as_i64().unwrap(), content.len() as i64);
        let sha256 = hex(&Sha256::digest(content));
        if archive["checksum_type"].as_i64() == Some(2) {
            assert_eq!(archive["checksum"].as_str(), Some(sha256.as_str()));
        }
        if let Some((size, expected)) = expected.get(&filename) {
            assert_eq!((&(content.len() as u64), &sha256), (size, expected), "{filename}");
            compared += 1;
        }
    }
    compared
}

/// Replays the calls of all cases in a directory: how many tasks there were, and how many files were compared.
async fn replay(cases: &str) -> (usize, usize) {
    let cases = magudi_testkit::fixture(cases);
    let (mut tasks, mut compared) = (0, 0);
    for case in std::fs::read_dir(&cases).unwrap() {
        let case = case.unwrap().path();
        let Ok(calls) = std::fs::read_to_string(case.join("expected/calls.json")) else { continue };
        // There the compose held another file of the same name before.
        if case.ends_with("c81_existing_file") {
            continue;
        }
        let dir = tempfile::tempdir().unwrap();
        let script = case.join("case.json");
        let scenario = if script.exists() { load_scenario(&script).unwrap() } else { Scenario::default() };
        if scenario.login_error.is_some() {
            continue;
        }
        let mut options = HubOptions::loopback(dir.path().join("koji"), scenario.clone());
        options.target_dir = Some("/srv/target".into());
        let hub = start(options).await.unwrap();
        let owner = login(&hub, "compose", "composepass").await;
        let calls: Vec<serde_json::Value> = serde_json::from_str(&calls.replace("@TARGET@", "/srv/target")).unwrap();
        let expected = expected(&case);
        let mut ids = (Vec::new(), Vec::new());
        for recorded in calls {
            let (method, params) = sent(&recorded);
            let answer = try_call(&hub, &owner.headers(None), &method, params).await.unwrap();
            let id = match answer {
                Ok(id) => id.as_i64().unwrap(),
                // A real hub refuses some of what Pungi sends, and so does this one.
                Err(fault) if matches!(fault.code, 1019 | 1000) => {
                    let texts = ["No such build target", "Architecture can be only"];
                    let is_known = texts.iter().any(|text| fault.string.starts_with(text));
                    let is_scripted = !scenario.submit_error.is_empty() || is_known;
                    assert!(fault.code == 1019 || is_scripted, "{}: {fault:?}", case.display());
                    continue;
                }
                Err(fault) => panic!("{}: {fault:?}", case.display()),
            };
            ids.0.push(id);
            ids.1.push(recorded["task_id"].as_i64().unwrap());
            tasks += 1;
            if call(&hub, "getTaskResult", vec![int(id)]).await.is_err() {
                let is_scripted = !scenario.fail.is_empty() || !scenario.child_fail.is_empty();
                assert!(is_scripted, "{}: {id} failed", case.display());
                continue;
            }
            let builds = call(&hub, "listBuilds", kwargs([], [("taskID", int(id))])).await.unwrap();
            if let Some(build) = builds.as_array().unwrap().first() {
                compared += compare_files(&hub, &scenario, build["build_id"].clone(), &expected).await;
                continue;
            }
            compared += compare_scratch(&hub, id, &expected).await;
        }
        ids.0.sort_unstable();
        ids.1.sort_unstable();
        assert_eq!(ids.0, ids.1, "{}", case.display());
        hub.shutdown().await;
    }
    (tasks, compared)
}

/// Compares what a task that was only tried has left with the files of the compose.
async fn compare_scratch(hub: &RunningHub, id: i64, expected: &BTreeMap<String, (u64, String)>) -> usize {
    let Value::Array(children) = call(hub, "getTaskChildren", vec![int(id)]).await.unwrap() else { panic!() };
    let mut compared = 0;
    for child in children {
        let id = child["id"].as_i64().unwrap();
        let result = call(hub, "getTaskResult", vec![int(id)]).await.unwrap();
        for file in result["files"].as_array().unwrap() {
            let name = file.as_str().unwrap();
            let path = hub.topdir().join(format!("work/tasks/{}/{id}/{name}", id % 10_000));
            let content = std::fs::read(&path).unwrap();
            if let Some((size, sha256)) = expected.get(name) {
                assert_eq!((&(content.len() as u64), &hex(&Sha256::digest(&content))), (size, sha256), "{name}");
                compared += 1;
            }
        }
    }
    compared
}

#[tokio::test]
async fn recorded_composes() {
    let (tasks, compared) = replay("pungi/cases").await;
    assert!(tasks >= 120 && compared >= 100, "{tasks} tasks, {compared} files");
}

#[tokio::test]
async fn recorded_composes_with_a_task_for_each_arch() {
    let (tasks, compared) = replay("phases/cases").await;
    assert!(tasks >= 70 && compared >= 90, "{tasks} tasks, {compared} files");
}

#[tokio::test]
async fn recorded_composes_of_kickstart_files() {
    let (tasks, compared) = replay("phases3/cases").await;
    assert!(tasks >= 90 && compared >= 150, "{tasks} tasks, {compared} files");
}
