//! Typed calls: their requests against the recorded ones, their decoders on recorded answers.

use crate::recordings::{recorded_value, recording};
use crate::server::{Seen, Server, Step, session, value};
use magudi_koji::calls::{
    BuildState, ChecksumType, PackageConfig, TaskFilter, TaskResult, TaskState, download_task_output, get_build,
    get_build_target, get_channel, get_logged_in_user, get_package_config, get_perms, get_tag, get_task_info,
    get_task_result, list_archives, list_task_output, list_tasks, make_task,
};
use magudi_koji::value::{from_json, int, string, structure};
use magudi_koji::xmlrpc::{MethodCall, decode_call};
use magudi_koji::{KojiError, Members, Value, pathinfo};
use serde_json::json;

fn recorded_call(file: &str) -> MethodCall {
    decode_call(&recording(file).1).unwrap()
}

fn with(mut value: Value, member: &str, new: Value) -> Value {
    let Value::Struct(members) = &mut value else { panic!("not a struct") };
    members.insert(member.to_owned(), new);
    value
}

fn first(array: Value) -> Value {
    match array {
        Value::Array(mut items) => items.swap_remove(0),
        other => other,
    }
}

#[test]
fn requests_are_those_of_koji() {
    assert_eq!(list_archives::request(11), recorded_call("252-listArchives-qcow2.req.txt"));
    assert_eq!(get_task_result::request(43), recorded_call("239-getTaskResult-qcow2-noraise.req.txt"));
    assert_eq!(get_logged_in_user::request(), recorded_call("015-getLoggedInUser-ok.req.txt"));
    assert_eq!(get_build_target::request("f42-image"), recorded_call("025-getBuildTarget-ok.req.txt"));
    let recorded = recorded_call("097-osbuildImage-ok-customizations.req.txt");
    let (kwargs, args) = recorded.params.split_last().unwrap();
    let opts = &kwargs["opts"];
    assert!(!opts.as_struct().unwrap().is_empty());
    let named = Members::from([("opts", opts.clone())]);
    assert_eq!(make_task::request("osbuildImage", args, &named), recorded);
}

#[test]
fn tasks() {
    let recorded = recorded_value("153-getTaskInfo-list.resp.txt");
    let ids = recorded.as_array().unwrap().iter().map(|task| task.get("id").and_then(Value::as_i64).unwrap_or(999_999));
    let tasks = get_task_info::decode(&recorded, &ids.collect::<Vec<_>>()).unwrap();
    let tasks: Vec<_> = tasks.into_iter().map(Result::unwrap).collect();
    assert!(tasks.iter().any(Option::is_none) && tasks.iter().any(Option::is_some), "{tasks:?}");
    let task = recorded_value("237-getTaskInfo-qcow2.resp.txt");
    let id = task["id"].as_i64().unwrap();
    let task = |state: Value| {
        let answer = Value::Array(vec![with(task.clone(), "state", state), Value::Nil]);
        let mut both = get_task_info::decode(&answer, &[id, 1]).unwrap();
        assert_eq!(both.pop(), Some(Ok(None)), "one that cannot be read is no other's fault");
        both.remove(0)
    };
    let closed = task(int(2)).unwrap().unwrap();
    assert_eq!((closed.state, closed.method.as_str()), (TaskState::Closed, "osbuildImage"));
    assert!(closed.create_ts < closed.completion_ts);
    let error = task(int(6)).unwrap_err();
    assert_eq!(error.to_string(), "getTaskInfo[0].state: 6 is not a task state");
    assert!(task(string("2")).is_err());
    assert!(get_task_info::decode(&Value::Nil, &[]).is_err());
    assert!(get_task_info::decode(&Value::Array(vec![]), &[1]).is_err());
    for (number, state) in (0..).zip(TaskState::ALL) {
        assert_eq!((TaskState::from_number(number), i64::from(state.number())), (Some(state), number));
        assert_eq!(state.is_final(), !TaskState::UNFINISHED.contains(&state));
    }
    assert_eq!(TaskState::from_number(-1), None);
}

#[test]
fn results() {
    let TaskResult::Value(result) =
        get_task_result::decode(&recorded_value("239-getTaskResult-qcow2-noraise.resp.txt")).unwrap()
    else {
        panic!("a fault")
    };
    assert_eq!(get_task_result::build_id(&result), Some(11));
    let failed = get_task_result::decode(&recorded_value("363-getTaskResult-buildfail-noraise.resp.txt")).unwrap();
    let TaskResult::Fault(fault) = failed else { panic!("a value") };
    assert_eq!(fault.code, 1005);
    assert!(fault.to_string().starts_with("BuildError: Compose failed (id: "), "{fault}");
    for result in [Value::Nil, int(1), structure([("koji", Value::Nil)])] {
        assert_eq!(get_task_result::build_id(&result), None);
    }
}

#[test]
fn builds() {
    let recorded = recorded_value("251-getBuild-qcow2.resp.txt");
    let build = get_build::decode(&recorded).unwrap().unwrap();
    assert_eq!(build.state, BuildState::Complete);
    assert_eq!(
        pathinfo::build_images("http://h/kojifiles", &build),
        format!("http://h/kojifiles/packages/{}/{}/{}/images", build.name, build.version, build.release)
    );
    assert_eq!(get_build::decode(&Value::Nil), Ok(None));
    for (member, bad) in [("name", "../../etc"), ("version", ".."), ("release", "1/2"), ("volume_name", "a\nb")] {
        let error = get_build::decode(&with(recorded.clone(), member, string(bad))).unwrap_err();
        assert!(error.to_string().starts_with(&format!("getBuild.{member}: `")), "{error}");
    }
    assert!(get_build::decode(&with(recorded, "state", int(9))).is_err());
}

#[test]
fn archives() {
    let recorded = recorded_value("252-listArchives-qcow2.resp.txt");
    let archives = list_archives::decode(&recorded).unwrap();
    let images: Vec<_> = archives.iter().filter(|archive| archive.type_name == "qcow2").collect();
    let mut arches: Vec<_> = images.iter().filter_map(|archive| archive.arch.as_deref()).collect();
    arches.sort_unstable();
    assert_eq!(arches, ["aarch64", "x86_64"]);
    assert!(images.iter().all(|archive| archive.checksum_type == ChecksumType::Md5 && archive.size > 1000));
    assert!(archives.iter().any(|archive| archive.type_name == "json"));

    let one = |member: &str, new: Value| {
        list_archives::decode(&Value::Array(vec![with(first(recorded.clone()), member, new)]))
    };
    assert_eq!(one("size", int(3_000_000_000)).unwrap()[0].size, 3_000_000_000);
    assert_eq!(one("extra", Value::Nil).unwrap()[0].arch, None);
    for (member, bad) in [
        ("filename", string("../x")),
        ("filename", Value::Nil),
        ("size", int(-1)),
        ("checksum", string("d41d8cd9")),
        ("checksum", string("z".repeat(32))),
        ("checksum_type", int(3)),
        ("checksum_type", string("md5")),
        ("extra", int(1)),
    ] {
        let error = one(member, bad).unwrap_err();
        assert!(error.to_string().starts_with(&format!("listArchives[0].{member}: ")), "{error}");
    }
}

#[test]
fn targets_tags_and_users() {
    let target = get_build_target::decode(&recorded_value("025-getBuildTarget-ok.resp.txt")).unwrap().unwrap();
    assert_eq!(target.name, "f42-image");
    assert_eq!(get_build_target::decode(&recorded_value("027-getBuildTarget-missing.resp.txt")), Ok(None));
    let tag = get_tag::decode(&recorded_value("034-getTag-ok.resp.txt")).unwrap().unwrap();
    assert!(!tag.name.is_empty() && !tag.locked && tag.permission.is_none());
    let channel = get_channel::decode(&recorded_value("056-getChannel-ok.resp.txt")).unwrap().unwrap();
    assert_eq!((channel.name.as_str(), channel.enabled), ("image", true));
    assert_eq!(get_channel::decode(&Value::Nil), Ok(None));
    // What getPackageConfig gives has more members (`structs.json`).
    let config = structure([("package_name", string("Fedora-Cloud")), ("blocked", Value::Bool(true))]);
    let blocked = PackageConfig { package: "Fedora-Cloud".to_owned(), blocked: true };
    assert_eq!(get_package_config::decode(&config), Ok(Some(blocked)));
    assert_eq!(get_package_config::decode(&Value::Nil), Ok(None));
    for bad in [with(config.clone(), "blocked", Value::Nil), with(config, "package_name", int(1)), Value::Bool(true)] {
        assert!(get_package_config::decode(&bad).is_err(), "{bad:?}");
    }
    assert_eq!(get_perms::decode(&recorded_value("022-getPerms-own.resp.txt")), Ok(vec!["image".to_owned()]));
    assert_eq!(get_perms::decode(&recorded_value("010-getPerms-anon.resp.txt")), Ok(Vec::new()));
    let error = get_perms::decode(&Value::Array(vec![string("image"), int(1)])).unwrap_err();
    assert_eq!(error.to_string(), "getPerms[1]: a string expected, found an int");
    let user = get_logged_in_user::decode(&recorded_value("015-getLoggedInUser-ok.resp.txt")).unwrap().unwrap();
    assert_eq!(user.name, "compose");
    assert_eq!(get_logged_in_user::decode(&recorded_value("007-getLoggedInUser-anon-none.resp.txt")), Ok(None));
}

#[test]
fn listed_tasks_and_their_requests() {
    let (tasks, _) = list_tasks::decode(&recorded_value("830-listTasks-find-lost-task.resp.txt")).unwrap();
    let stored = tasks.iter().find_map(|task| task.request.clone()).unwrap();
    assert_eq!(stored.len(), 7);
    assert!(stored[6].as_struct().is_some());
}

#[test]
fn output_files() {
    let names = list_task_output::decode(&Value::Array(vec![string("compose-status.json"), string("sub/f")]));
    assert_eq!(names, Ok(vec!["compose-status.json".to_owned(), "sub/f".to_owned()]));
    assert!(list_task_output::decode(&Value::Array(vec![int(1)])).is_err());
    assert_eq!(download_task_output::decode(&string("aGk=")), Ok(b"hi".to_vec()));
    assert_eq!(download_task_output::decode(&string("")), Ok(Vec::new()));
    assert!(download_task_output::decode(&string("!")).is_err());
    assert!(download_task_output::decode(&Value::Nil).is_err());
}

fn task(id: i64) -> Value {
    structure([("id", int(id)), ("state", int(0)), ("method", string("osbuildImage"))])
}

#[tokio::test]
async fn an_odd_task_is_asked_for_by_itself() {
    let server = Server::start([
        value(&Value::Array(vec![task(1), Value::Nil, task(3)])),
        // Another one's answer, and no answer: each is asked for again, and only the second is better then.
        value(&Value::Array(vec![task(1), task(7), string("odd")])),
        value(&Value::Array(vec![string("odd")])),
        value(&Value::Array(vec![task(2)])),
        // Two tasks for three: by halves.
        value(&Value::Array(vec![task(1), task(2)])),
        value(&Value::Array(vec![task(2), task(3)])),
        value(&Value::Array(vec![task(1)])),
    ])
    .await;
    let hub = server.hub();
    let ask = async || {
        let told = hub.get_task_info(&[1, 2, 3]).await.unwrap();
        told.iter().map(|task| task.as_ref().ok().map(|task| task.as_ref().map(|task| task.id))).collect::<Vec<_>>()
    };
    assert_eq!(ask().await, [Some(Some(1)), Some(None), Some(Some(3))]);
    assert_eq!(ask().await, [Some(Some(1)), Some(Some(2)), None]);
    assert_eq!(ask().await, [Some(Some(1)), Some(Some(2)), Some(Some(3))]);
    assert_eq!(server.left(), 0);
}

#[tokio::test]
async fn pages_are_put_together() {
    // A task is made between the two pages, and everything moves on by one.
    let page = |from: i64, to: i64| value(&Value::Array((to..from).rev().map(task).collect()));
    let server = Server::start([page(700, 200), page(251, 0)]).await;
    let filter = TaskFilter {
        owner: Some(2),
        method: Some("osbuildImage".into()),
        states: TaskState::UNFINISHED.to_vec(),
        ..TaskFilter::default()
    };
    let tasks = server.hub().list_all_tasks(&filter, 10_000).await.unwrap();
    let ids: Vec<i64> = tasks.iter().map(|task| task.id).collect();
    assert_eq!(ids, (0..700).rev().collect::<Vec<_>>());
    let calls: Vec<MethodCall> = server.seen().iter().map(Seen::call).collect();
    let expected = json!({
        "opts": {"decode": true, "owner": 2, "method": "osbuildImage", "state": [0, 1, 4]},
        "queryOpts": {"limit": 500, "order": "-id"},
        "__starstar": true,
    });
    assert_eq!(calls[0].params, [from_json(&expected).unwrap()]);
    assert_eq!(calls[1].params[0]["queryOpts"]["offset"], int(450));
}

#[tokio::test]
async fn files_are_put_together() {
    let chunk = 4 * 1024 * 1024;
    let encoded = |bytes: &[u8]| {
        let json = magudi_koji::value::to_json(&Value::Base64(bytes.to_vec()));
        value(&string(json.as_str().unwrap()))
    };
    let server = Server::start([encoded(&vec![1; chunk]), encoded(b"end"), encoded(b"four")]).await;
    let hub = server.hub();
    let file = hub.download_task_output(5, "compose-status.json", 1 << 30).await.unwrap();
    assert_eq!(file.len(), chunk + 3);
    assert_eq!(server.seen()[1].call().params[2]["offset"], int(chunk as i64));
    assert!(matches!(hub.download_task_output(5, "f", 3).await, Err(KojiError::TooLarge { limit: 3, .. })));
}

#[tokio::test]
async fn a_task_is_made_and_ended() {
    let server =
        Server::start([session(1, "k"), value(&int(123)), value(&Value::Nil), value(&string("x")), Step::Drop]).await;
    let session = server.hub().login_password("u", "p").await.unwrap();
    let args =
        [string("n"), string("1"), string("d"), string("qcow2"), string("t"), Value::Array(vec![string("x86_64")])];
    let call = make_task::request("osbuildImage", &args, &Members::from([("opts", structure::<&str>([]))]));
    assert_eq!(session.make_task(&call).await.unwrap(), 123);
    session.cancel_task(123).await.unwrap();
    let error = session.make_task(&call).await.unwrap_err();
    assert!(matches!(error, KojiError::Shape(_)) && error.may_have_executed());
    let sent = server.seen()[1].call().params;
    assert_eq!(sent.len(), 7);
    assert_eq!(sent[6], from_json(&json!({"opts": {}, "__starstar": true})).unwrap());
}
