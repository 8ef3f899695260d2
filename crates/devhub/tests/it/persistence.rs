//! A hub that is known again after a restart.

use std::collections::BTreeMap;

use magudi_devhub::{HubError, HubOptions, Scenario, parse_scenario, start};
use magudi_koji::value::{int, kwargs, string};
use magudi_koji::xmlrpc::Value;

use crate::client::{call, image, login, remembering, submit, try_call};

fn qcow2(name: &str) -> Vec<Value> {
    image(name, "1", "qcow2", "elsewhere", &["x86_64"], Value::Struct(BTreeMap::new()))
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
