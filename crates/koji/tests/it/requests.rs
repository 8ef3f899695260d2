//! Every request that this client makes is, as a value, the one that Koji's own client made in a recording.

use crate::recordings::{recording, wire};
use crate::server::{Seen, Server, fault, session, value};
use magudi_koji::calls::{
    TaskFilter, TaskState, cancel_task, download_task_output, get_api_version, get_build, get_build_target,
    get_channel, get_koji_version, get_logged_in_user, get_perms, get_tag, get_task_info, get_task_result,
    list_archives, list_task_output, list_tasks, make_task,
};
use magudi_koji::value::{Arguments, split_kwargs};
use magudi_koji::xmlrpc::{MethodCall, Value, decode_call, encode_call};

fn recorded(name: &str) -> MethodCall {
    decode_call(&recording(&format!("{name}.req.txt")).1).unwrap()
}

/// What arrives of a request.
fn sent(call: &MethodCall) -> MethodCall {
    decode_call(&encode_call(&call.method, &call.params).unwrap()).unwrap()
}

#[test]
fn reads_and_writes() {
    let newest_of_ours = TaskFilter {
        owner: Some(2),
        method: Some("osbuildImage".to_owned()),
        states: TaskState::UNFINISHED.to_vec(),
        ..TaskFilter::default()
    };
    for (request, name) in [
        (get_api_version::request(), "002-getAPIVersion-anon"),
        (get_koji_version::request(), "001-getKojiVersion-anon"),
        (get_logged_in_user::request(), "015-getLoggedInUser-ok"),
        (get_build_target::request("f42-image"), "025-getBuildTarget-ok"),
        (get_tag::request("f42-candidate"), "034-getTag-ok"),
        (get_tag::request(2), "035-getTag-byid"),
        (get_channel::request("image"), "056-getChannel-ok"),
        (get_perms::request(), "022-getPerms-own"),
        (get_task_info::request(&[1, 2, 999_999], false), "153-getTaskInfo-list"),
        (get_task_info::request(&[1, 2], true), "154-getTaskInfo-list-request"),
        (get_task_result::request(43), "239-getTaskResult-qcow2-noraise"),
        (get_build::request(11), "251-getBuild-qcow2"),
        (get_build::request_nvr("Fedora-Cloud-Base-42-20260101.1"), "457-getBuild-nvr"),
        (list_archives::request(11), "252-listArchives-qcow2"),
        (list_task_output::request(43), "243-listTaskOutput-qcow2"),
        (list_tasks::request(&newest_of_ours, 0, 3), "830-listTasks-find-lost-task"),
        (cancel_task::request(67), "838-cancelTask"),
    ] {
        assert_eq!(sent(&request), recorded(name), "{name}");
    }
}

/// The recorded client asks for a whole file at once, this one for a piece at a time.
#[test]
fn task_output() {
    let mut whole = recorded("257-downloadTaskOutput-qcow2-compose-request.json");
    if let Some(Value::Struct(named)) = whole.params.last_mut() {
        assert_eq!(named.insert("size".to_owned(), Value::Int(4096)), Some(Value::Int(-1)));
    }
    assert_eq!(sent(&download_task_output::request(43, "compose-request.json", 0, 4096)), whole);
}

/// Every submission that the client made with `opts` by name, as Pungi and the command line do.
#[test]
fn submissions() {
    let mut compared = 0;
    for entry in std::fs::read_dir(wire()).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let Some(name) = file.strip_suffix(".req.txt").filter(|name| name.contains("-osbuildImage-")) else { continue };
        let call = recorded(name);
        let Arguments { positional, named } = split_kwargs(call.params.clone());
        let only_opts = positional.len() == 6 && named.len() == 1;
        if only_opts && named.contains_key("opts") {
            assert_eq!(sent(&make_task::request("osbuildImage", &positional, &named)), call, "{name}");
            compared += 1;
        }
    }
    assert!(compared >= 20, "{compared}");
}

#[tokio::test]
async fn logins() {
    let script = [session(74, "k"), fault(1007, "session \"74\" has expired"), session(74, "l"), value(&Value::Nil)];
    let server = Server::start(script.into_iter().chain([value(&Value::Nil)])).await;
    let session = server.hub().login_password("compose", "composepass").await.unwrap();
    session.cancel_task(67).await.unwrap();
    session.logout().await.unwrap();
    let calls: Vec<MethodCall> = server.seen().iter().map(Seen::call).collect();
    let recordings = [
        "014-login-ok",
        "838-cancelTask",
        "573-login-renew-auto-read",
        "838-cancelTask",
        // The client names no session either, though it says so.
        "011-logout-anon",
    ];
    assert_eq!(calls, recordings.map(recorded));
    // The renewal goes with the session that it renews.
    let (head, _) = recording("573-login-renew-auto-read.req.txt");
    assert!(head.contains("Koji-Session-Id: 74\r\n"), "{head}");
    assert_eq!(server.seen()[2].header("Koji-Session-Id"), Some("74"));
}
