//! A hub that is known again after a restart.

use magudi_devhub::{HubError, HubOptions, Scenario, parse_scenario, start};
use magudi_koji::value::{int, kwargs, string};
use magudi_koji::xmlrpc::{Members, Value};

use crate::client::{call, image, login, remembering, submit, try_call};

fn qcow2(name: &str) -> Vec<Value> {
    image(name, "1", "qcow2", "elsewhere", &["x86_64"], Value::Struct(Members::default()))
}

#[tokio::test]
async fn tasks_builds_and_accounts() {
    let dir = tempfile::tempdir().unwrap();
    let hub = remembering(&dir, parse_scenario(r#"{"fail": {"bad": {"out": "why"}}}"#).unwrap()).await;
    let good = submit(&hub, qcow2("good")).await;
    let bad = submit(&hub, qcow2("bad")).await;
    let admin = login(&hub, "kojiadmin", "kojipass").await;
    let grant = vec![string("nobody"), string("image")];
    let granted = try_call(&hub, &admin.headers(None), "grantPermission", grant.clone()).await.unwrap();
    assert_eq!(granted, Ok(Value::Nil));
    let request = kwargs([int(good)], [("request", Value::Bool(true))]);
    let before = [
        call(&hub, "getTaskInfo", request.clone()).await.unwrap(),
        call(&hub, "getBuild", vec![int(good + 5_000_000)]).await.unwrap(),
        call(&hub, "listArchives", vec![int(good + 5_000_000)]).await.unwrap(),
    ];
    let mut options = HubOptions::loopback(dir.path().join("koji"), Scenario::default());
    options.persist = true;
    assert!(matches!(start(options).await, Err(HubError::Journal(_))), "the volume is in use");
    hub.shutdown().await;

    // The script has changed; what is over stays as it was.
    let hub = remembering(&dir, Scenario::default()).await;
    let after = [
        call(&hub, "getTaskInfo", request).await.unwrap(),
        call(&hub, "getBuild", vec![int(good + 5_000_000)]).await.unwrap(),
        call(&hub, "listArchives", vec![int(good + 5_000_000)]).await.unwrap(),
    ];
    assert_eq!(before, after);
    assert_eq!(call(&hub, "getTaskResult", vec![int(bad)]).await.unwrap_err().code, 1005);
    assert_ne!(call(&hub, "getBuildTarget", vec![string("elsewhere")]).await, Ok(Value::Nil));
    let perms = call(&hub, "getUserPerms", vec![string("nobody")]).await.unwrap();
    assert_eq!(perms, Value::Array(vec![string("image")]));
    assert_eq!(submit(&hub, qcow2("good")).await, good + 1, "the id is taken");
    hub.shutdown().await;
}

/// What a task has left: names, sizes and times, and what the hub says of an image in it.
async fn left(hub: &magudi_devhub::RunningHub, id: i64) -> (Value, String) {
    let files = call(hub, "listTaskOutput", kwargs([int(id)], [("stat", Value::Bool(true))])).await.unwrap();
    let status = format!("/kojifiles/work/tasks/{}/{id}/compose-status.json", id % 10_000);
    (files, crate::client::get(hub, &status).await.text())
}

/// Texts are on no disk. An earlier version had them there, and a journal without what composer says.
#[tokio::test]
async fn the_output_of_tasks() {
    let dir = tempfile::tempdir().unwrap();
    let script = r#"{"fail": {"bad": {"out": "why"}}, "compose_status": {"odd": {"status": "odd"}}}"#;
    let hub = remembering(&dir, parse_scenario(script).unwrap()).await;
    let ids = [submit(&hub, qcow2("good")).await, submit(&hub, qcow2("bad")).await, submit(&hub, qcow2("odd")).await];
    let mut before = Vec::new();
    for id in ids {
        before.push(left(&hub, id).await);
    }
    hub.shutdown().await;
    let topdir = dir.path().join("koji");
    assert_eq!(std::fs::read_dir(topdir.join("work")).unwrap().count(), 0);
    for (i, (files, status)) in before.iter().enumerate() {
        assert_eq!(files.as_struct().unwrap().len(), 6, "{files:?}");
        assert!(status.contains([r#""success""#, r#""why""#, r#""odd""#][i]), "{status}");
    }

    let hub = remembering(&dir, Scenario::default()).await;
    for (id, before) in ids.into_iter().zip(&before) {
        assert_eq!(&left(&hub, id).await, before);
    }
    hub.shutdown().await;

    let journal = topdir.join(".devhub/journal.jsonl");
    let text = std::fs::read_to_string(&journal).unwrap();
    std::fs::write(&journal, text.replace(r#","status":null"#, "")).unwrap();
    let old = topdir.join(format!("work/tasks/{}/{}", ids[0] % 10_000, ids[0]));
    std::fs::create_dir_all(&old).unwrap();
    std::fs::write(old.join("compose-status.json"), "pending").unwrap();
    std::fs::write(old.join("more.log"), "more").unwrap();
    let hub = remembering(&dir, Scenario::default()).await;
    let (Value::Struct(mut files), status) = left(&hub, ids[0]).await else { panic!() };
    assert!(files.remove("more.log").is_some(), "what lies there is listed");
    assert_eq!((Value::Struct(files), &status), (before[0].0.clone(), &before[0].1));
    hub.shutdown().await;
}

#[tokio::test]
async fn canceled_tasks_stay_canceled() {
    let dir = tempfile::tempdir().unwrap();
    let scenario = parse_scenario(r#"{"task_seconds": 600}"#).unwrap();
    let hub = remembering(&dir, scenario.clone()).await;
    let id = submit(&hub, qcow2("x")).await;
    let other = submit(&hub, qcow2("y")).await;
    let owner = login(&hub, "compose", "composepass").await;
    try_call(&hub, &owner.headers(None), "cancelTask", vec![int(id)]).await.unwrap().unwrap();
    hub.shutdown().await;
    let hub = remembering(&dir, scenario).await;
    let states = call(&hub, "getTaskInfo", vec![Value::Array(vec![int(id), int(other), int(7)])]).await.unwrap();
    assert_eq!((&states[0]["state"], &states[1]["state"], &states[2]), (&int(3), &int(0), &Value::Nil));
    // Nothing of this is served.
    assert_eq!(crate::client::get(&hub, "/kojifiles/.devhub/journal.jsonl").await.status, 404);
    hub.shutdown().await;
}
