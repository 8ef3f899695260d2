//! What calls answer, and the life of tasks.

use std::collections::BTreeMap;
use std::time::Duration;

use magudi_koji::value::{fault_from, int, kwargs, string, structure};
use magudi_koji::xmlrpc::{Members, Response, Value, decode_response};

use crate::client::{call, healthy, hub, image, login, session, submit, try_call};

fn no_opts() -> Value {
    Value::Struct(Members::default())
}

fn qcow2(name: &str) -> Vec<Value> {
    image(name, "42", "qcow2", "f42-image", &["x86_64"], no_opts())
}

/// A recorded answer of a real hub.
fn recorded(name: &str) -> Value {
    let path = magudi_testkit::fixture("koji/wire").join(format!("{name}.resp.txt"));
    let bytes = std::fs::read(path).unwrap();
    let start = bytes.windows(5).position(|w| w == b"<?xml").unwrap();
    match decode_response(&bytes[start..]).unwrap() {
        Response::Value(value) => value,
        Response::Fault(fault) => panic!("{fault:?}"),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Int(_) | Value::Int64(_) => "int",
        Value::Bool(_) => "boolean",
        Value::String(_) => "string",
        Value::Double(_) => "double",
        Value::Struct(_) => "struct",
        Value::Array(_) => "array",
        Value::Nil => "nil",
        Value::Base64(_) => "other",
    }
}

/// The names and types of a struct's members.
fn shape(value: &Value) -> BTreeMap<String, &'static str> {
    value.as_struct().unwrap().iter().map(|(name, value)| (name.to_string(), kind(value))).collect()
}

#[tokio::test]
async fn structs_have_the_shape_of_a_real_hubs() {
    let f = healthy().await;
    let task = submit(&f.hub, qcow2("shape")).await;
    let (task, build) = (int(task), int(task + 5_000_000));
    let with_request = kwargs([task.clone()], [("request", Value::Bool(true))]);
    let answers = [
        ("237-getTaskInfo-qcow2", call(&f.hub, "getTaskInfo", with_request.clone()).await.unwrap()),
        ("241-getTaskChildren-qcow2-req", call(&f.hub, "getTaskChildren", with_request).await.unwrap()),
        ("238-getTaskResult-qcow2", call(&f.hub, "getTaskResult", vec![task.clone()]).await.unwrap()),
        (
            "250-listBuilds-qcow2-bytask",
            call(&f.hub, "listBuilds", kwargs([], [("taskID", task.clone())])).await.unwrap(),
        ),
        ("251-getBuild-qcow2", call(&f.hub, "getBuild", vec![build.clone()]).await.unwrap()),
        ("252-listArchives-qcow2", call(&f.hub, "listArchives", vec![build]).await.unwrap()),
        ("025-getBuildTarget-ok", call(&f.hub, "getBuildTarget", vec![string("f42-image")]).await.unwrap()),
        ("034-getTag-ok", call(&f.hub, "getTag", vec![string("f42-candidate")]).await.unwrap()),
        ("056-getChannel-ok", call(&f.hub, "getChannel", vec![string("image")]).await.unwrap()),
        ("042-getUser-ok", call(&f.hub, "getUser", vec![string("compose")]).await.unwrap()),
        ("490-getHost-ok", call(&f.hub, "getHost", vec![int(1)]).await.unwrap()),
    ];
    let mut compared = 0;
    for (name, answer) in answers {
        let path = magudi_testkit::fixture("koji/wire").join(format!("{name}.resp.txt"));
        // The recordings in the repository are a choice; those that are there are compared.
        if !path.exists() {
            continue;
        }
        let first = |value: Value| match value {
            Value::Array(mut items) => items.swap_remove(0),
            value => value,
        };
        assert_eq!(shape(&first(answer)), shape(&first(recorded(name))), "{name}");
        compared += 1;
    }
    assert!(compared >= 4, "{compared}");
}

#[tokio::test]
async fn a_task_from_free_to_closed() {
    let f = hub(r#"{"task_seconds": 1.0}"#).await;
    let id = submit(&f.hub, qcow2("life")).await;
    let mut seen = Vec::new();
    loop {
        let info = call(&f.hub, "getTaskInfo", vec![int(id)]).await.unwrap();
        let state = (info["state"].as_i64().unwrap(), info["waiting"].as_bool());
        if seen.last() != Some(&state) {
            seen.push(state);
            let finished = call(&f.hub, "taskFinished", vec![int(id)]).await.unwrap();
            if state.0 != 2 {
                assert_eq!(finished, Value::Bool(false));
                let fault = call(&f.hub, "getTaskResult", vec![int(id)]).await.unwrap_err();
                assert_eq!((fault.code, fault.string), (1000, format!("Task {id} is not finished")));
            }
        }
        if state.0 == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
    assert_eq!(seen, [(0, None), (1, None), (1, Some(true)), (2, Some(false))]);
    let outputs = call(&f.hub, "listTaskOutput", vec![int(id)]).await.unwrap();
    let names = [
        "compose-request.json",
        "compose-status.json",
        "koji-import.log.json",
        "koji-init.log.json",
        "x86_64-guest-image.log.json",
        "x86_64-guest-image.manifest.json",
    ];
    assert_eq!(outputs, Value::Array(names.map(string).into()));
    let children = call(&f.hub, "getTaskChildren", vec![int(id)]).await.unwrap();
    assert_eq!(children[0]["awaited"], Value::Bool(false));
    assert!(!(1_000_000..2_000_000).contains(&children[0]["id"].as_i64().unwrap()));
}

#[tokio::test]
async fn failures_say_why_in_compose_status() {
    let f = hub(r#"{"fail": {"bad": {"rc": 1, "out": "no space"}, "plain": {}}, "unknown_targets": ["gone"]}"#).await;
    for (name, reason) in [("bad", "no space"), ("plain", "boom")] {
        let id = submit(&f.hub, qcow2(name)).await;
        let fault = call(&f.hub, "getTaskResult", vec![int(id)]).await.unwrap_err();
        assert_eq!(fault.code, 1005);
        assert!(fault.string.starts_with("Compose failed (id: "), "{}", fault.string);
        let value = call(&f.hub, "getTaskResult", vec![int(id), Value::Bool(false)]).await.unwrap();
        assert_eq!(fault_from(&value), Some(fault));
        let text = call(&f.hub, "downloadTaskOutput", vec![int(id), string("compose-status.json")]).await.unwrap();
        let status: serde_json::Value = serde_json::from_slice(&unbase64(text.as_str().unwrap())).unwrap();
        assert_eq!(status["image_statuses"][0]["error"]["reason"], reason);
        assert_eq!(status["status"], "failure");
        let builds = call(&f.hub, "listBuilds", kwargs([], [("taskID", int(id))])).await.unwrap();
        assert_eq!(builds, Value::Array(Vec::new()));
    }
    let id = submit(&f.hub, image("x", "1", "qcow2", "gone", &["x86_64"], no_opts())).await;
    let fault = call(&f.hub, "getTaskResult", vec![int(id)]).await.unwrap_err();
    assert_eq!((fault.code, fault.string.as_str()), (1000, "No such build target: gone"));
    assert_eq!(call(&f.hub, "getBuildTarget", vec![string("gone")]).await, Ok(Value::Nil));
}

fn unbase64(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

#[tokio::test]
async fn uploads_are_told_in_the_order_of_the_arches() {
    let f = healthy().await;
    let options =
        structure([("region", string("us-east-1")), ("share_with_accounts", Value::Array(vec![string("1")]))]);
    let opts = structure([("upload_options", options), ("skip_tag", Value::Bool(true))]);
    let id = submit(&f.hub, image("ec2", "42", "ec2", "f42-image", &["x86_64", "aarch64"], opts)).await;
    let text = call(&f.hub, "downloadTaskOutput", vec![int(id), string("compose-status.json")]).await.unwrap();
    let status: serde_json::Value = serde_json::from_slice(&unbase64(text.as_str().unwrap())).unwrap();
    let images = status["image_statuses"].as_array().unwrap();
    assert_eq!(images.len(), 2);
    assert_eq!(images[0]["upload_status"]["type"], "aws");
    assert_ne!(images[0]["upload_status"]["options"]["ami"], images[1]["upload_status"]["options"]["ami"]);
    assert_eq!(status["koji_build_id"], id + 5_000_000);
    assert_eq!(call(&f.hub, "getTaskChildren", vec![int(id)]).await, Ok(Value::Array(Vec::new())));
}

#[tokio::test]
async fn canceling() {
    let f = hub(r#"{"task_seconds": 600}"#).await;
    let id = submit(&f.hub, qcow2("c")).await;
    let fault = call(&f.hub, "cancelTask", vec![int(id)]).await.unwrap_err();
    assert_eq!((fault.code, fault.string.as_str()), (1004, "Cannot cancel task, not owner"));
    let nobody = login(&f.hub, "nobody", "nobodypass").await;
    let refused = try_call(&f.hub, &nobody.headers(None), "cancelTask", vec![int(id)]).await.unwrap();
    assert_eq!(refused.unwrap_err().code, 1004);
    let owner = login(&f.hub, "compose", "composepass").await;
    for _ in 0..2 {
        let done = try_call(&f.hub, &owner.headers(None), "cancelTask", vec![int(id)]).await.unwrap();
        assert_eq!(done, Ok(Value::Nil));
    }
    let info = call(&f.hub, "getTaskInfo", vec![int(id)]).await.unwrap();
    assert_eq!(info["state"], int(3));
    let fault = call(&f.hub, "getTaskResult", vec![int(id), Value::Bool(false)]).await.unwrap_err();
    assert_eq!(fault.string, format!("Task {id} is canceled"));
    let again = try_call(&f.hub, &owner.headers(None), "resubmitTask", vec![int(id)]).await.unwrap().unwrap();
    assert_ne!(again, int(id));
    let request = |id: Value| call(&f.hub, "getTaskRequest", vec![id]);
    assert_eq!(request(again).await, request(int(id)).await);
}

#[tokio::test]
async fn sessions_and_call_numbers() {
    let f = healthy().await;
    let owner = login(&f.hub, "compose", "composepass").await;
    let submit = |n| {
        let headers = owner.headers(Some(n));
        let hub = &f.hub;
        async move { try_call(hub, &headers, "osbuildImage", qcow2("n")).await.unwrap().map_err(|fault| fault.code) }
    };
    let first = submit(3).await.unwrap().as_i64().unwrap();
    assert_eq!(submit(3).await, Err(1009));
    assert_eq!(submit(2).await, Err(1008));
    assert_eq!(submit(4).await, Ok(int(first + 1)));
    let code = |headers: String, method: &'static str, params| {
        let hub = &f.hub;
        async move { try_call(hub, &headers, method, params).await.unwrap().map_err(|fault| fault.code) }
    };
    assert_eq!(code(owner.headers(None), "login", vec![string("compose"), string("composepass")]).await, Err(1002));
    assert_eq!(
        code("Koji-Session-Id: 99\r\nKoji-Session-Key: x\r\n".to_owned(), "getKojiVersion", vec![]).await,
        Err(1002)
    );
    // An unknown method is found out before a bad session.
    assert_eq!(code("Koji-Session-Id: 99\r\nKoji-Session-Key: x\r\n".to_owned(), "nope", vec![]).await, Err(1000));
    assert_eq!(code(owner.headers(None), "logout", vec![]).await, Ok(Value::Nil));
    assert_eq!(code(owner.headers(None), "getLoggedInUser", vec![]).await, Err(1002));
    for (user, password) in [("compose", "x"), ("x", "composepass"), ("compose", ""), ("builder1", "")] {
        let fault = call(&f.hub, "login", vec![string(user), string(password)]).await.unwrap_err();
        assert_eq!((fault.code, fault.string.as_str()), (1002, "invalid username or password"));
    }
    let fault = call(&f.hub, "sslLogin", vec![]).await.unwrap_err();
    assert_eq!((fault.code, fault.string.as_str()), (1002, "could not verify client: None"));
}

#[tokio::test]
async fn sessions_expire_and_are_renewed() {
    let f = hub(r#"{"expire_sessions_after_calls": 1}"#).await;
    let old = login(&f.hub, "compose", "composepass").await;
    let ask = |headers: String| {
        let hub = &f.hub;
        async move { try_call(hub, &headers, "getLoggedInUser", vec![]).await.unwrap() }
    };
    assert!(ask(old.headers(None)).await.is_ok());
    assert_eq!(ask(old.headers(None)).await.unwrap_err().code, 1007);
    let params = kwargs([string("compose"), string("composepass")], [("renew", Value::Bool(true))]);
    let new = try_call(&f.hub, &old.headers(None), "login", params).await.unwrap().unwrap();
    let new = session(&new);
    assert_eq!(new.id, old.id);
    assert_ne!(new.key, old.key);
    assert!(ask(new.headers(None)).await.is_ok());
}

#[tokio::test]
async fn multicalls() {
    let f = healthy().await;
    let owner = login(&f.hub, "compose", "composepass").await;
    let one =
        |name: &str, params: Vec<Value>| structure([("methodName", string(name)), ("params", Value::Array(params))]);
    let calls = Value::Array(vec![
        one("osbuildImage", qcow2("m")),
        one("getTaskInfo", vec![string("x")]),
        one("osbuildImage", qcow2("m")),
        one("multiCall", vec![Value::Array(vec![one("getAPIVersion", vec![])])]),
    ]);
    let answers =
        try_call(&f.hub, &owner.headers(Some(1)), "system.multicall", vec![calls.clone()]).await.unwrap().unwrap();
    let id = answers[0][0].as_i64().unwrap();
    assert_eq!(fault_from(&answers[1]).unwrap().code, 1019);
    assert_eq!(answers[2][0], int(id + 1));
    assert_eq!(answers[3][0][0][0], int(1));
    let again = try_call(&f.hub, &owner.headers(Some(1)), "multiCall", vec![calls]).await.unwrap().unwrap_err();
    assert_eq!(again.code, 1009);
}

#[tokio::test]
async fn scripted_refusals() {
    let f = hub(r#"{"submit_error": {"x": "no room"}, "targets": ["other"]}"#).await;
    let owner = login(&f.hub, "compose", "composepass").await;
    let fault = try_call(&f.hub, &owner.headers(None), "osbuildImage", qcow2("x")).await.unwrap().unwrap_err();
    assert_eq!((fault.code, fault.string.as_str()), (1000, "no room"));
    assert_ne!(call(&f.hub, "getBuildTarget", vec![string("other")]).await, Ok(Value::Nil));
    let f = hub(r#"{"login_error": "unable to log in"}"#).await;
    let fault = call(&f.hub, "login", vec![string("compose"), string("composepass")]).await.unwrap_err();
    assert_eq!((fault.code, fault.string.as_str()), (1002, "unable to log in"));
}

#[tokio::test]
async fn names_that_are_no_file_names_fail_the_task() {
    let f = healthy().await;
    for name in ["../../x", "a/b", "", ".."] {
        let id = submit(&f.hub, qcow2(name)).await;
        assert_eq!(call(&f.hub, "getTaskResult", vec![int(id)]).await.unwrap_err().code, 1005, "{name}");
    }
    let escaped = f.dir.path().read_dir().unwrap().count();
    assert_eq!(escaped, 1, "only the volume");
}

#[tokio::test]
async fn lost_tasks_can_be_found() {
    let f = hub(r#"{"task_seconds": 600}"#).await;
    let ids = [submit(&f.hub, qcow2("l1")).await, submit(&f.hub, qcow2("l2")).await];
    let opts = structure([
        ("owner", int(2)),
        ("method", string("osbuildImage")),
        ("state", Value::Array([0, 1, 4].map(int).into())),
        ("decode", Value::Bool(true)),
    ]);
    let query = structure([("order", string("-id")), ("limit", int(1))]);
    let rows = call(&f.hub, "listTasks", vec![opts.clone(), query]).await.unwrap();
    assert_eq!(rows[0]["id"].as_i64(), ids.iter().copied().max());
    assert_eq!(rows.as_array().map(<[Value]>::len), Some(1));
    assert_eq!(rows[0]["owner_name"], string("compose"));
    assert_eq!(rows[0]["request"].as_array().map(<[Value]>::len), Some(7));
    let count = structure([("countOnly", Value::Bool(true))]);
    assert_eq!(call(&f.hub, "listTasks", vec![opts, count]).await, Ok(int(2)));
}
