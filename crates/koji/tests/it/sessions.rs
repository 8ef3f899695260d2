//! Logins, call numbers, and what is known after an answer was lost.

use crate::server::{Server, Step, fault, http, options, session, value};
use magudi_koji::value::structure;
use magudi_koji::xmlrpc::encode_response;
use magudi_koji::{FaultClass, KojiError, Value};

type Calls = [(&'static str, Option<&'static str>)];

fn assert_calls(server: &Server, expected: &Calls) {
    let calls = server.calls();
    let calls: Vec<(&str, Option<&str>)> = calls.iter().map(|(m, n)| (m.as_str(), n.as_deref())).collect();
    assert_eq!(calls, expected);
    assert_eq!(server.left(), 0, "steps left");
}

#[tokio::test]
async fn calls_are_numbered_and_anonymous_ones_are_not() {
    let script =
        [session(7, "2-abc"), value(&Value::Int(1)), value(&Value::Int(2)), value(&Value::Nil), value(&Value::Nil)];
    let server = Server::start(script).await;
    let session = server.hub().login_password("compose", "composepass").await.unwrap();
    assert_eq!(session.call("osbuildImage", &[]).await.unwrap(), Value::Int(1));
    assert_eq!(session.call("osbuildImage", &[]).await.unwrap(), Value::Int(2));
    session.hub().call("getTaskInfo", &[Value::Int(1)]).await.unwrap();
    session.logout().await.unwrap();
    assert_calls(
        &server,
        &[
            ("login", None),
            ("osbuildImage", Some("0")),
            ("osbuildImage", Some("1")),
            ("getTaskInfo", None),
            ("logout", Some("2")),
        ],
    );
    let seen = server.seen();
    let named = structure([("opts", Value::Nil), ("__starstar", Value::Bool(true))]);
    assert_eq!(seen[0].call().params, [Value::from("compose"), Value::from("composepass"), named]);
    assert_eq!((seen[1].header("Koji-Session-Id"), seen[1].header("Koji-Session-Key")), (Some("7"), Some("2-abc")));
    assert_eq!(seen[3].header("Koji-Session-Id"), None);
    for request in &seen {
        assert!(request.head.starts_with("POST /kojihub HTTP/1.1"), "{}", request.head);
        assert_eq!(request.header("Content-Type"), Some("text/xml"));
        assert_eq!(request.header("User-Agent"), Some("koji/1"));
        assert_eq!(request.header("Content-Length"), Some(request.body.len().to_string().as_str()));
        assert_eq!(request.header("Transfer-Encoding"), None);
        assert_eq!(request.connection, 0, "one connection is enough");
    }
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_with_the_same_number() {
    let script = [session(7, "k"), Step::Drop, Step::Drop, value(&Value::Int(42)), value(&Value::Int(43))];
    let server = Server::start(script).await;
    let session = server.hub().login_password("u", "p").await.unwrap();
    assert_eq!(session.call("osbuildImage", &[]).await.unwrap(), Value::Int(42));
    assert_eq!(session.call("osbuildImage", &[]).await.unwrap(), Value::Int(43));
    let expected = ["0", "0", "0", "1"].map(|number| ("osbuildImage", Some(number)));
    assert_calls(&server, &[&[("login", None)], expected.as_slice()].concat());
    let seen = server.seen();
    assert!(seen[1..4].iter().all(|request| request.body == seen[1].body));
}

#[tokio::test]
async fn a_retry_error_says_that_the_call_was_executed() {
    let text = "unable to retry call 0 (method osbuildImage) for session 7";
    let server = Server::start([session(7, "k"), Step::Drop, fault(1009, text)]).await;
    let session = server.hub().login_password("u", "p").await.unwrap();
    let error = session.call("osbuildImage", &[]).await.unwrap_err();
    assert!(matches!(&error, KojiError::Retry { fault, .. } if fault.code == 1009), "{error:?}");
    assert!(error.may_have_executed() && !error.is_retriable());
    assert_eq!(server.left(), 0);
}

#[tokio::test]
async fn a_session_that_the_hub_closed_is_opened_anew_unless_an_answer_was_lost() {
    for code in [1002, 1008] {
        let script = [session(7, "old"), fault(code, "gone"), session(8, "new"), value(&Value::Int(42))];
        let server = Server::start(script).await;
        let session = server.hub().login_password("u", "p").await.unwrap();
        assert_eq!(session.call("osbuildImage", &[]).await.unwrap(), Value::Int(42));
        assert_calls(
            &server,
            &[("login", None), ("osbuildImage", Some("0")), ("login", None), ("osbuildImage", Some("0"))],
        );
        let seen = server.seen();
        assert_eq!(seen[2].header("Koji-Session-Id"), None, "a login must not carry a bad session");
        assert_eq!(seen[3].header("Koji-Session-Key"), Some("new"));

        // What the lost answer said may have been the same. The next call does not use that session any more.
        let script = [self::session(7, "old"), Step::Drop, fault(code, "gone")];
        let then = [self::session(8, "new"), Step::Drop, value(&Value::Int(42)), value(&Value::Nil)];
        let server = Server::start(script.into_iter().chain(then)).await;
        let session = server.hub().login_password("u", "p").await.unwrap();
        let error = session.call("osbuildImage", &[]).await.unwrap_err();
        assert!(matches!(error, KojiError::Retry { .. }), "{error:?}");
        assert_eq!(session.call("osbuildImage", &[]).await.unwrap(), Value::Int(42));
        session.logout().await.unwrap();
        assert_eq!(server.left(), 0);
        assert_eq!(server.seen()[5].header("Koji-Session-Key"), Some("new"));

        // There is nothing to close either.
        let server = Server::start([self::session(7, "old"), Step::Drop, fault(code, "gone")]).await;
        let session = server.hub().login_password("u", "p").await.unwrap();
        assert!(session.call("osbuildImage", &[]).await.is_err());
        session.logout().await.unwrap();
        assert_eq!(server.seen().len(), 3);
    }
    // Several times, while the hub comes back; always is no accident.
    let ended = |times: i32| (0..times).flat_map(|n| [session(7 + n, "k"), fault(1002, "gone")]);
    let server = Server::start(ended(3).chain([session(10, "k"), value(&Value::Int(42))])).await;
    let hub_session = server.hub().login_password("u", "p").await.unwrap();
    assert_eq!(hub_session.call("osbuildImage", &[]).await.unwrap(), Value::Int(42));
    let server = Server::start(ended(5)).await;
    let hub_session = server.hub().login_password("u", "p").await.unwrap();
    let error = hub_session.call("osbuildImage", &[]).await.unwrap_err();
    assert!(error.is_fault(FaultClass::Auth));
    assert_eq!(server.left(), 2);
}

#[tokio::test]
async fn an_expired_session_is_renewed_and_keeps_its_numbers() {
    let script = [
        session(7, "old"),
        value(&Value::Int(41)),
        fault(1007, "session \"7\" has expired"),
        session(7, "new"),
        value(&Value::Int(42)),
        value(&Value::Int(43)),
    ];
    let server = Server::start(script).await;
    let session = server.hub().login_password("u", "p").await.unwrap();
    for task in 41..=43 {
        assert_eq!(session.call("osbuildImage", &[]).await.unwrap(), Value::Int(task));
    }
    assert_calls(
        &server,
        &[
            ("login", None),
            ("osbuildImage", Some("0")),
            ("osbuildImage", Some("1")),
            ("login", None),
            ("osbuildImage", Some("1")),
            ("osbuildImage", Some("2")),
        ],
    );
    let seen = server.seen();
    let renewal = &seen[3];
    assert_eq!((renewal.header("Koji-Session-Id"), renewal.header("Koji-Session-Key")), (Some("7"), Some("old")));
    let named = [("opts", Value::Nil), ("renew", Value::Bool(true)), ("exclusive", Value::Bool(false))];
    let named = structure(named.into_iter().chain([("__starstar", Value::Bool(true))]));
    assert_eq!(renewal.call().params[2], named);
    assert_eq!(seen[4].header("Koji-Session-Key"), Some("new"));
    assert_eq!(seen[5].header("Koji-Session-Key"), Some("new"));
}

#[tokio::test]
async fn a_lost_answer_survives_the_renewal() {
    // Executed the first time, and the hub says so after the renewal; or not, and then it is now.
    let executed = [session(7, "old"), Step::Drop, fault(1007, "expired"), session(7, "new"), fault(1009, "unable")];
    let server = Server::start(executed).await;
    let session = server.hub().login_password("u", "p").await.unwrap();
    let error = session.call("osbuildImage", &[]).await.unwrap_err();
    assert!(matches!(&error, KojiError::Retry { fault, .. } if fault.code == 1009), "{error:?}");
    assert_eq!(server.left(), 0);

    let session_of = self::session;
    let lost = [session_of(7, "old"), Step::Drop, fault(1007, "expired"), session_of(7, "new"), value(&Value::Int(42))];
    let server = Server::start(lost).await;
    let session = server.hub().login_password("u", "p").await.unwrap();
    assert_eq!(session.call("osbuildImage", &[]).await.unwrap(), Value::Int(42));
    let numbers: Vec<_> = server.calls().into_iter().filter_map(|(_, number)| number).collect();
    assert_eq!(numbers, ["0", "0", "0"]);

    // A hub that refuses to renew has closed the session. Whether the call was executed stays open, and the next one continues.
    let script = [
        session_of(7, "old"),
        Step::Drop,
        fault(1007, "expired"),
        fault(1002, "Invalid session or bad credentials"),
        session_of(8, "new"),
        value(&Value::Int(43)),
    ];
    let server = Server::start(script).await;
    let session = server.hub().login_password("u", "p").await.unwrap();
    let error = session.call("osbuildImage", &[]).await.unwrap_err();
    assert!(matches!(&error, KojiError::Retry { .. }) && error.may_have_executed(), "{error:?}");
    assert_eq!(session.call("osbuildImage", &[]).await.unwrap(), Value::Int(43));
    assert_eq!(server.left(), 0);
}

#[tokio::test]
async fn a_renewal_that_is_refused_or_gives_another_session_leads_to_a_new_login() {
    for answer in [fault(1002, "Invalid session or bad credentials"), session(9, "other"), fault(1019, "renew?")] {
        let script = [
            session(7, "old"),
            value(&Value::Nil),
            fault(1007, "expired"),
            answer,
            session(8, "new"),
            value(&Value::Int(42)),
        ];
        let server = Server::start(script).await;
        let session = server.hub().login_password("u", "p").await.unwrap();
        session.call("osbuildImage", &[]).await.unwrap();
        assert_eq!(session.call("osbuildImage", &[]).await.unwrap(), Value::Int(42));
        let seen = server.seen();
        assert_eq!((seen[4].header("Koji-Session-Id"), seen[5].number()), (None, Some("0")));
        assert_eq!(server.left(), 0);
    }
}

#[tokio::test]
async fn a_hub_that_goes_offline_after_a_lost_answer_leaves_it_open() {
    let script = || [session(7, "k"), Step::Drop, fault(1014, "server is offline"), value(&Value::Int(42))];
    let server = Server::start(script()).await;
    let session = server.hub().login_password("u", "p").await.unwrap();
    assert_eq!(session.call("osbuildImage", &[]).await.unwrap(), Value::Int(42));
    let numbers: Vec<_> = server.calls().into_iter().filter_map(|(_, number)| number).collect();
    assert_eq!(numbers, ["0", "0", "0"]);

    let server = Server::start(script()).await;
    let mut options = options();
    options.retry.as_mut().unwrap().offline_budget = std::time::Duration::ZERO;
    let session = server.hub_with(&options).login_password("u", "p").await.unwrap();
    let error = session.call("osbuildImage", &[]).await.unwrap_err();
    assert!(error.is_fault(FaultClass::ServerOffline) && error.may_have_executed(), "{error:?}");
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_not_used_again() {
    let answer = http("200 OK", "text/xml", &encode_response(&Value::Nil).unwrap());
    let script = [session(7, "k"), Step::SendAndClose(answer), value(&Value::Int(42))];
    let server = Server::start(script).await;
    let session = server.hub().login_password("u", "p").await.unwrap();
    session.call("osbuildImage", &[]).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert_eq!(session.call("osbuildImage", &[]).await.unwrap(), Value::Int(42));
    let connections: Vec<usize> = server.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [0, 0, 1]);
}

#[tokio::test]
async fn other_faults_stand() {
    let server = Server::start([session(7, "k"), fault(1004, "image permission required (logged in as nobody)")]).await;
    let session = server.hub().login_password("nobody", "nobodypass").await.unwrap();
    let error = session.call("osbuildImage", &[]).await.unwrap_err();
    assert_eq!(error.to_string(), "osbuildImage: ActionNotAllowed: image permission required (logged in as nobody)");
    assert!(!error.may_have_executed() && !error.is_retriable());
    assert_eq!(server.left(), 0);
}

#[tokio::test]
async fn a_refused_login_says_so_and_no_secret() {
    let server = Server::start([fault(1002, "invalid username or password")]).await;
    let error = server.hub().login_password("compose", "hunter2").await.unwrap_err();
    assert_eq!(error.to_string(), "login: AuthError: invalid username or password");
    assert!(!format!("{error:?}").contains("hunter2"));

    let server = Server::start([session(7, "2-secretkey"), Step::Drop, Step::Drop, Step::Drop, Step::Drop]).await;
    let session = server.hub().login_password("compose", "hunter2").await.unwrap();
    let error = session.call("osbuildImage", &[]).await.unwrap_err();
    for text in [format!("{session:?}"), format!("{error:?} {error}"), format!("{:?}", session.hub())] {
        assert!(!text.contains("hunter2") && !text.contains("secretkey"), "{text}");
    }
}

#[tokio::test]
async fn an_old_hub_gets_the_session_in_the_url() {
    let login = value(&structure([("session-id", Value::Int(7)), ("session-key", Value::from("2-k+/"))]));
    let server = Server::start([login, value(&Value::Nil)]).await;
    let session = server.hub().login_password("u", "p").await.unwrap();
    session.call("logout", &[]).await.unwrap();
    let head = server.seen()[1].head.clone();
    assert!(head.starts_with("POST /kojihub?session-id=7&session-key=2-k%2B%2F&callnum=0 HTTP"), "{head}");
}

#[tokio::test]
async fn a_session_is_used_by_one_call_at_a_time() {
    let answers = (0..20).map(|n| value(&Value::Int(n)));
    let server = Server::start([session(7, "k")].into_iter().chain(answers)).await;
    let session = server.hub().login_password("u", "p").await.unwrap();
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let session = session.clone();
            tokio::spawn(async move { session.call("osbuildImage", &[]).await.unwrap() })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    let numbers: Vec<String> = server.calls().into_iter().filter_map(|(_, number)| number).collect();
    assert_eq!(numbers, (0..20).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_call_that_is_given_up_leaves_its_number() {
    let script = [session(7, "k"), Step::Silence(std::time::Duration::from_secs(60)), value(&Value::Nil)];
    let server = Server::start(script).await;
    let session = server.hub().login_password("u", "p").await.unwrap();
    let call = tokio::spawn({
        let session = session.clone();
        async move { session.call("osbuildImage", &[]).await }
    });
    while server.seen().len() < 2 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    call.abort();
    session.call("osbuildImage", &[]).await.unwrap();
    assert_calls(&server, &[("login", None), ("osbuildImage", Some("0")), ("osbuildImage", Some("1"))]);
}

#[tokio::test]
async fn logout_is_content_with_a_session_that_is_gone() {
    let server = Server::start([session(7, "k"), fault(1002, "Invalid session or bad credentials")]).await;
    server.hub().login_password("u", "p").await.unwrap().logout().await.unwrap();
    let server = Server::start([session(7, "k"), Step::Send(http("403 Forbidden", "text/html", b"no"))]).await;
    assert!(server.hub().login_password("u", "p").await.unwrap().logout().await.is_err());
}

#[tokio::test]
async fn what_does_no_harm_twice_is_made_twice() {
    // The answer got lost; then the session is gone, or the hub says that it was executed.
    for (problem, logins) in
        [(fault(1002, "Invalid session or bad credentials"), 2), (fault(1009, "unable to retry"), 1)]
    {
        let login = (logins == 2).then(|| session(8, "new"));
        let script = [session(7, "old"), Step::Drop, problem.clone()].into_iter();
        let server = Server::start(script.clone().chain(login.clone()).chain([value(&Value::Nil)])).await;
        let session = server.hub().login_password("u", "p").await.unwrap();
        session.cancel_task(42).await.unwrap();
        let calls = server.calls();
        assert_eq!(calls.iter().filter(|(method, _)| method == "login").count(), logins);
        assert_eq!((calls.last().unwrap().0.as_str(), server.left()), ("cancelTask", 0));

        let user = structure([("id", Value::Int(2)), ("name", Value::from("compose"))]);
        let server = Server::start(script.chain(login).chain([value(&user)])).await;
        let session = server.hub().login_password("u", "p").await.unwrap();
        assert_eq!(session.get_logged_in_user().await.unwrap().unwrap().id, 2);
    }
    // Not for ever.
    let answers = (0..4).map(|_| fault(1009, "unable to retry")).chain([value(&Value::Nil)]);
    let server = Server::start([session(7, "k"), Step::Drop].into_iter().chain(answers)).await;
    let session = server.hub().login_password("u", "p").await.unwrap();
    assert!(session.cancel_task(42).await.is_err());
    assert_eq!(server.left(), 1);
}
