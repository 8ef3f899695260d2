//! The conventions of the recorded composes: the files of images are theirs to the byte.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use magudi_devhub::{Options, Scenario, load_scenario, start};
use magudi_koji::value::{from_json, kwargs};
use magudi_koji::xmlrpc::Value;
use sha2::{Digest as _, Sha256};

use crate::client::{call, get, login, try_call};

fn hex(bytes: &[u8]) -> String {
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|d| char::from_digit(u32::from(d), 16));
    bytes.iter().flat_map(digits).flatten().collect()
}

/// Every image file of a recorded compose, by name: size and sha256.
fn expected(case: &Path) -> BTreeMap<String, (u64, String)> {
    let Ok(text) = std::fs::read_to_string(case.join("expected/files.json")) else { return BTreeMap::new() };
    let files: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let facts = files.iter().filter_map(|file| {
        let name = file["path"].as_str()?.rsplit('/').next()?.to_owned();
        Some((name, (file["size"].as_u64()?, file["sha256"].as_str()?.to_owned())))
    });
    facts.collect()
}

#[tokio::test]
async fn recorded_composes() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/pungi/cases");
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
        let mut options = Options::loopback(dir.path().join("koji"), scenario.clone());
        options.target_dir = Some("/srv/target".into());
        let hub = start(options).await.unwrap();
        let owner = login(&hub, "compose", "composepass").await;
        let calls: Vec<serde_json::Value> = serde_json::from_str(&calls.replace("@TARGET@", "/srv/target")).unwrap();
        let expected = expected(&case);
        let mut ids = (Vec::new(), Vec::new());
        for sent in calls {
            // A real hub refuses a target or a version that is no string, and so does this one.
            if sent["args"].as_array().unwrap().iter().any(|arg| arg.is_null() || arg.is_number()) {
                continue;
            }
            let Value::Array(args) = from_json(&sent["args"]).unwrap() else { panic!("{sent}") };
            let params = kwargs(args, [("opts", from_json(&sent["opts"]).unwrap())]);
            let name = sent["args"][0].as_str().unwrap();
            let answer = try_call(&hub, &owner.headers(None), "osbuildImage", params).await.unwrap();
            let id = answer.unwrap_or_else(|fault| panic!("{}: {fault:?}", case.display()));
            ids.0.push(id.as_i64().unwrap());
            ids.1.push(sent["task_id"].as_i64().unwrap());
            tasks += 1;
            let result = call(&hub, "getTaskResult", vec![id.clone()]).await;
            if scenario.fail.contains_key(name) {
                assert_eq!(result.unwrap_err().code, 1005);
                continue;
            }
            let build = result.unwrap()["koji"]["build"].clone();
            let Value::Array(archives) = call(&hub, "listArchives", vec![build.clone()]).await.unwrap() else {
                panic!()
            };
            let build = call(&hub, "getBuild", vec![build]).await.unwrap();
            let part = |name: &str| build[name].as_str().unwrap().to_owned();
            for archive in archives {
                let filename = archive["filename"].as_str().unwrap().to_owned();
                let path =
                    format!("packages/{}/{}/{}/images/{filename}", part("name"), part("version"), part("release"));
                let on_disk = hub.topdir().join(&path);
                if scenario.missing_files.contains(&filename) {
                    assert!(!on_disk.exists());
                    continue;
                }
                let content = std::fs::read(&on_disk).unwrap();
                assert_eq!(std::fs::metadata(&on_disk).unwrap().mtime(), 1_700_000_000);
                assert_eq!(archive["size"].as_i64().unwrap(), content.len() as i64);
                let served = get(&hub, &format!("/kojifiles/{}", path.replace('é', "%C3%A9"))).await;
                assert_eq!(served.body, content);
                if let Some((size, sha256)) = expected.get(&filename) {
                    let ours = hex(&Sha256::digest(&content));
                    assert_eq!((&(content.len() as u64), &ours), (size, sha256), "{} {filename}", case.display());
                    compared += 1;
                }
            }
        }
        ids.0.sort_unstable();
        ids.1.sort_unstable();
        assert_eq!(ids.0, ids.1, "{}", case.display());
        hub.shutdown().await;
    }
    assert!(tasks >= 120 && compared >= 100, "{tasks} tasks, {compared} files");
}
