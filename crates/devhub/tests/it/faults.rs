//! What the script lets go wrong.

use std::time::Instant;

use magudi_koji::value::int;
use magudi_koji::xmlrpc::{Members, Value, encode_call};

use crate::client::{Fixture, call, get, hub, image, login, request, submit, try_call};

fn qcow2(name: &str) -> Vec<Value> {
    image(name, "1", "qcow2", "f42-image", &["x86_64"], Value::Struct(Members::default()))
}

/// Builds the image `f` and returns the path of its file.
async fn built(f: &Fixture) -> String {
    let id = submit(&f.hub, qcow2("f")).await;
    call(&f.hub, "getTaskResult", vec![int(id)]).await.unwrap();
    "/kojifiles/packages/f/1/1/images/f-1-1.x86_64.qcow2".to_owned()
}

#[tokio::test]
async fn a_lost_answer_is_executed() {
    let f = hub(r#"{"drop_answers": [{"method": "osbuildImage", "nth": 1}]}"#).await;
    let owner = login(&f.hub, "compose", "composepass").await;
    assert_eq!(try_call(&f.hub, &owner.headers(Some(1)), "osbuildImage", qcow2("d")).await, None);
    let again = try_call(&f.hub, &owner.headers(Some(1)), "osbuildImage", qcow2("d")).await.unwrap();
    assert_eq!(again.unwrap_err().code, 1009);
    let count = vec![Value::Nil, magudi_koji::value::structure([("countOnly", Value::Bool(true))])];
    assert_eq!(call(&f.hub, "listTasks", count).await, Ok(int(2)), "the task and the one that tags its build");
}

#[tokio::test]
async fn outages() {
    let f = hub(
        r#"{"outages": [{"after_calls": 1, "calls": 1, "kind": "offline"}, {"after_calls": 2, "calls": 1, "kind": "http500"},
            {"after_calls": 3, "calls": 1, "kind": "html"}, {"after_calls": 4, "calls": 1, "kind": "refuse"}]}"#,
    )
    .await;
    let body = encode_call("getAPIVersion", &[]).unwrap();
    let ask = || request(&f.hub, "POST", "/kojihub", "", &body);
    assert!(ask().await.unwrap().text().contains("<int>1</int>"));
    let fault = call(&f.hub, "getAPIVersion", vec![]).await.unwrap_err();
    assert_eq!((fault.code, fault.string.as_str()), (1014, "server is offline"));
    let broken = ask().await.unwrap();
    assert_eq!((broken.status, broken.header("content-type")), (500, Some("text/html; charset=utf-8")));
    let page = ask().await.unwrap();
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(ask().await.is_none());
    assert!(ask().await.unwrap().text().contains("<int>1</int>"));
}

#[tokio::test]
async fn a_download_breaks_off_once() {
    let f = hub(r#"{"truncate_downloads": ["f-1-1.x86_64.qcow2"]}"#).await;
    let path = built(&f).await;
    let broken = get(&f.hub, &path).await;
    let length: usize = broken.header("content-length").unwrap().parse().unwrap();
    assert_eq!((broken.status, broken.body.len()), (200, length / 2));
    assert_eq!(get(&f.hub, &path).await.body.len(), length);
}

#[tokio::test]
async fn checksums_that_do_not_fit() {
    for (script, damaged) in
        [(r#"{"flip_bytes": ["f-1-1.x86_64.qcow2"]}"#, true), (r#"{"wrong_checksum": ["f-1-1.x86_64.qcow2"]}"#, false)]
    {
        let f = hub(script).await;
        let content = get(&f.hub, &built(&f).await).await.text();
        assert_eq!(content != "osbuild fake image\nf-1-1\nf-1-1.x86_64.qcow2\n", damaged);
        let archives = call(&f.hub, "listArchives", vec![]).await.unwrap();
        assert_eq!(archives[0]["size"], int(content.len() as i64));
        // The MD5 of the file as it should be.
        assert_eq!(
            archives[0]["checksum"].as_str() == Some("a56b013e0c1e4c60b1cc67376e04912d"),
            damaged,
            "{archives:?}"
        );
    }
}

#[tokio::test]
async fn slow_downloads() {
    let f = hub(r#"{"slow_bytes_per_second": 100}"#).await;
    let path = built(&f).await;
    let start = Instant::now();
    let file = get(&f.hub, &path).await;
    assert_eq!(file.body.len(), 44);
    assert!(start.elapsed().as_millis() >= 300, "{:?}", start.elapsed());
}

#[tokio::test]
async fn answers_get_lost_in_several_ways() {
    let f = hub(
        r#"{"drop_answers": [{"method": "getAPIVersion", "nth": 1, "how": "cut"}, {"method": "getAPIVersion", "nth": 2, "how": "garbage"},
            {"method": "getAPIVersion", "nth": 3, "how": "gateway"}, {"method": "getAPIVersion", "nth": 4}]}"#,
    )
    .await;
    let body = encode_call("getAPIVersion", &[]).unwrap();
    let ask = || request(&f.hub, "POST", "/kojihub", "", &body);
    let cut = ask().await.unwrap();
    let length: usize = cut.header("content-length").unwrap().parse().unwrap();
    assert_eq!((cut.status, cut.body.len()), (200, length / 2));
    let garbage = ask().await.unwrap();
    assert_eq!((garbage.status, garbage.header("content-type")), (200, Some("text/xml")));
    assert!(magudi_koji::xmlrpc::decode_response(&garbage.body).is_err());
    assert_eq!(ask().await.unwrap().status, 502);
    assert!(ask().await.is_none());
    assert!(ask().await.unwrap().text().contains("<int>1</int>"));
}

#[tokio::test]
async fn late_answers() {
    let f = hub(r#"{"delay_answers": [{"method": "getAPIVersion", "nth": 2, "seconds": 0.3}]}"#).await;
    let start = Instant::now();
    for _ in 0..2 {
        assert_eq!(call(&f.hub, "getAPIVersion", vec![]).await, Ok(int(1)));
    }
    assert!(start.elapsed().as_millis() >= 300);
    // No one else waits for it.
    assert_eq!(call(&f.hub, "hello", vec![]).await, Ok(magudi_koji::value::string("Hello World")));
}

#[tokio::test]
async fn under_maintenance_admins_go_on() {
    let f = hub(r#"{"outages": [{"seconds": 3600, "kind": "lockout"}]}"#).await;
    let fault = call(&f.hub, "getAPIVersion", vec![]).await.unwrap_err();
    assert_eq!((fault.code, fault.string.as_str()), (1014, "Server disabled for maintenance"));
    assert_eq!(call(&f.hub, "nope", vec![]).await.unwrap_err().code, 1000, "that is found out before");
    let user = login(&f.hub, "compose", "composepass").await;
    assert_eq!(try_call(&f.hub, &user.headers(None), "getAPIVersion", vec![]).await.unwrap().unwrap_err().code, 1014);
    let admin = login(&f.hub, "kojiadmin", "kojipass").await;
    assert_eq!(try_call(&f.hub, &admin.headers(None), "getAPIVersion", vec![]).await.unwrap(), Ok(int(1)));
}

#[tokio::test]
async fn every_call_fails_the_first_time() {
    let f = hub(
        r#"{"drop_answers": [{"method": "*", "first": true, "how": "gateway"}], "outages": [{"kind": "http500", "first": true}]}"#,
    )
    .await;
    let ask = async |number: i64| {
        let body = encode_call("echo", &[int(number)]).unwrap();
        request(&f.hub, "POST", "/kojihub", "", &body).await.unwrap().status
    };
    // Kept from the hub, then executed without an answer; what keeps it away has let it through once, and begins again.
    let mut seen = Vec::new();
    for number in [1, 1, 2, 1, 1, 2, 1] {
        seen.push(ask(number).await);
    }
    assert_eq!(seen, [500, 502, 500, 500, 200, 502, 500]);
}

#[tokio::test]
async fn sessions_are_closed() {
    let f = hub(r#"{"close_sessions_after_calls": 1}"#).await;
    let session = login(&f.hub, "compose", "composepass").await;
    let ask = async || try_call(&f.hub, &session.headers(Some(0)), "getLoggedInUser", vec![]).await.unwrap();
    assert!(ask().await.is_ok());
    let text = "Invalid session or bad credentials".to_owned();
    assert_eq!(ask().await, Err(magudi_koji::Fault::new(1002, text)));
}
