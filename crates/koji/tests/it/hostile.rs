//! Answers that mean harm, or that something broke: each ends in an error that says what it was, soon and in little memory.

use crate::server::{Server, Step, fault, http, options, value};
use magudi_koji::calls::{
    get_build, get_build_target, get_koji_version, get_task_info, get_task_result, list_archives, make_task,
};
use magudi_koji::value::{ShapeError, int, string, structure};
use magudi_koji::xmlrpc::{decode_response, encode_response};
use magudi_koji::{ClientOptions, Hub, KojiError, Response, Value};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// The largest answer in these tests, in bytes.
const LIMIT: u64 = 1024 * 1024;

fn limited() -> ClientOptions {
    let mut options = options();
    if let Some(retry) = &mut options.retry {
        retry.max_retries = 1;
    }
    ClientOptions {
        max_response: LIMIT,
        read_timeout: Some(Duration::from_millis(300)),
        answer_timeout: Duration::from_secs(1),
        ..options
    }
}

/// What a server sends: this, and then this for ever.
struct Endless {
    first: Vec<u8>,
    then: Vec<u8>,
    pause: Duration,
}

async fn serve_endless(endless: Endless) -> (Hub, std::sync::Arc<std::sync::atomic::AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let sent = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counter = sent.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let mut next = endless.first.as_slice();
            while stream.write_all(next).await.is_ok() {
                counter.fetch_add(next.len() as u64, std::sync::atomic::Ordering::Relaxed);
                next = endless.then.as_slice();
                tokio::time::sleep(endless.pause).await;
            }
        }
    });
    let profile = magudi_koji::Profile::for_server("p", format!("http://127.0.0.1:{port}/kojihub"));
    (Hub::new(&profile, &limited()).unwrap(), sent)
}

#[tokio::test]
async fn bodies_without_end() {
    let head = |rest: &str| format!("HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n{rest}\r\n").into_bytes();
    let value = b"<value><int>1</int></value>".repeat(1000);
    let chunk = [format!("{:x}\r\n", value.len()).as_bytes(), &value, b"\r\n"].concat();
    let begun = b"<?xml version='1.0'?><methodResponse><params><param><value><array><data>";
    let chunked =
        [head("Transfer-Encoding: chunked\r\n"), b"48\r\n".to_vec(), begun.to_vec(), b"\r\n".to_vec()].concat();
    let drip = Duration::from_millis(50);
    let now = Duration::ZERO;
    for (what, first, then, pause, expected) in [
        ("10 GB announced", head("Content-Length: 10000000000\r\n"), value.clone(), now, "more than 1048576 bytes"),
        ("no length", head("Connection: close\r\n"), value.clone(), now, "more than 1048576 bytes"),
        ("chunks", chunked.clone(), chunk.clone(), now, "more than 1048576 bytes"),
        ("a byte now and then", chunked.clone(), b"1\r\n \r\n".to_vec(), drip, "no answer within"),
        ("headers", b"HTTP/1.1 200 OK\r\n".to_vec(), b"X-A: b\r\n".repeat(100), now, ""),
        ("one header", b"HTTP/1.1 200 OK\r\nX-A: ".to_vec(), b"b".repeat(1000), now, ""),
        ("a header now and then", b"HTTP/1.1 200 OK\r\n".to_vec(), b"X-A: b\r\n".to_vec(), drip, "no answer within"),
        ("interim answers", Vec::new(), b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(), drip, "no answer within"),
        ("a chunk's size", chunked, b"0".repeat(1000), now, ""),
        (
            "a page of an error",
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 10000000000\r\n\r\n".to_vec(),
            b"x".to_vec(),
            drip,
            "HTTP status 404: xx",
        ),
        (
            "a page in the place of an answer",
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<h1>".to_vec(),
            b"x".repeat(1000),
            now,
            "the answer is text/html, not XML-RPC: xx",
        ),
        ("not HTTP", Vec::new(), b"\0\xff not a server \n".repeat(100), now, ""),
    ] {
        let (hub, sent) = serve_endless(Endless { first, then, pause }).await;
        let error = hub.call("getTaskInfo", &[int(1)]).await.unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("getTaskInfo at http://127.0.0.1:"), "{what}: {text}");
        assert!(text.contains(expected), "{what}: {text}");
        assert!(text.len() < 1000, "{what}: {text}");
        // What the sockets hold comes on top of what was read, in each of two attempts.
        let sent = sent.load(std::sync::atomic::Ordering::Relaxed);
        assert!(sent < 2 * (LIMIT + 24 * 1024 * 1024), "{what}: {sent} bytes were taken");
    }
}

fn response(inside: &str) -> Vec<u8> {
    format!("<?xml version='1.0'?>\n<methodResponse><params><param>{inside}</param></params></methodResponse>")
        .into_bytes()
}

/// Attributes of different names, each of which is compared with all before.
fn attributes(count: usize) -> String {
    (0..count).fold(String::new(), |all, n| all + " a" + &n.to_string() + "=''")
}

#[tokio::test]
async fn documents_that_mean_harm() {
    let entities = (1..10).fold("<!ENTITY e0 'lol'>".to_owned(), |mut text, n| {
        text.push_str(&format!("<!ENTITY e{n} '{}'>", format!("&e{};", n - 1).repeat(10)));
        text
    });
    let laughs =
        format!("<?xml version='1.0'?><!DOCTYPE m [{entities}]><methodResponse><params><param><value>&e9;</value>");
    let external =
        "<!DOCTYPE m [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><methodResponse><params><param><value>&x;</value>";
    let nested = |open: &str| format!("<methodResponse><params><param>{}", open.repeat(100_000)).into_bytes();
    let digits = "9".repeat(500_000);
    for (what, document, expected) in [
        ("100,000 arrays", nested("<value><array><data>"), "nested deeper than 128"),
        ("100,000 structs", nested("<value><struct><member><name>a</name>"), "nested deeper than 128"),
        ("100,000 unknown tags", nested("<a>"), "malformed"),
        ("100,000 open values", nested("<value>"), "malformed"),
        ("an entity bomb", laughs.into_bytes(), "DOCTYPE with declarations"),
        ("an external entity", external.as_bytes().to_vec(), "DOCTYPE with declarations"),
        ("a control character", response("<value><string>a\u{7}b</string></value>"), "U+0007"),
        ("a control character by number", response("<value><string>&#7;</string></value>"), "malformed"),
        ("NUL", response("<value>\0</value>"), "U+0000"),
        (
            "not UTF-8",
            response("<value>X</value>").iter().map(|b| if *b == b'X' { 0xff } else { *b }).collect(),
            "malformed",
        ),
        ("an endless number", response(&format!("<value><int>{digits}</int></value>")), "is not an integer of 64 bits"),
        ("a number that is none", response("<value><int>0x10</int></value>"), "is not an integer of 64 bits"),
        ("a double that is none", response("<value><double>one</double></value>"), "is not a number"),
        ("a boolean that is none", response("<value><boolean>2</boolean></value>"), "is not a boolean"),
        ("an unknown type", response("<value><pickle>x</pickle></value>"), "pickle"),
        ("an endless tag", response(&format!("<value><{}/></value>", "a".repeat(500_000))), "malformed"),
        ("an endless attribute", response(&format!("<value a='{}'>1</value>", "b".repeat(600_000))), ""),
        ("a hundred thousand attributes", response(&format!("<value{}>1</value>", attributes(100_000))), ""),
        ("two values", response("<value/></param><param><value/>"), "exactly one value"),
        ("no value", b"<methodResponse><params/></methodResponse>".to_vec(), "exactly one value"),
        ("a request", b"<methodCall><methodName>x</methodName></methodCall>".to_vec(), "malformed"),
        ("half a document", response("<value><string>a</string></value>")[..80].to_vec(), "malformed"),
        ("nothing", Vec::new(), "malformed"),
        ("a page that claims to be XML", b"<html><head><title>Sorry</title></head></html>".to_vec(), "malformed"),
        ("JSON", b"{\"result\": 1}".to_vec(), "malformed"),
        (
            "a fault without a code",
            b"<methodResponse><fault><value><struct></struct></value></fault></methodResponse>".to_vec(),
            "fault",
        ),
        (
            "a fault that is a string",
            b"<methodResponse><fault><value>no</value></fault></methodResponse>".to_vec(),
            "fault",
        ),
        ("gzip that is none", b"\x1f\x8b\x08 not gzip".to_vec(), "malformed"),
    ] {
        let server = Server::start((0..4).map(|_| Step::Send(http("200 OK", "text/xml", &document)))).await;
        let options = ClientOptions { max_response: 16 * LIMIT, ..limited() };
        let result = server.hub_with(&options).call("getTaskInfo", &[int(1)]).await;
        if expected.is_empty() {
            // Either is fine, as long as it ends.
            assert!(result.is_ok_and(|value| value == string("1")), "{what}");
            continue;
        }
        let error = result.unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, KojiError::Malformed { .. }), "{what}: {error:?}");
        assert!(text.contains(expected), "{what}: {text}");
        assert!(text.len() < 1000, "{what}: {} bytes of message", text.len());
    }
}

#[tokio::test]
async fn answers_to_a_login_that_are_none() {
    let session = |members: &[(&str, Value)]| value(&structure(members.iter().cloned()));
    for (what, step, expected) in [
        ("a string", value(&string("welcome")), "login: a struct expected, found a string"),
        ("nil", value(&Value::Nil), "login: a struct expected, found nil"),
        ("nothing in it", session(&[]), "login.session-id"),
        ("no key", session(&[("session-id", int(1))]), "login.session-key"),
        (
            "an id that is a string",
            session(&[("session-id", string("1")), ("session-key", string("k"))]),
            "login.session-id",
        ),
        ("a key that is a number", session(&[("session-id", int(1)), ("session-key", int(2))]), "login.session-key"),
        (
            "header-auth that is a string",
            session(&[("session-id", int(1)), ("session-key", string("k")), ("header-auth", string("yes"))]),
            "login.header-auth",
        ),
        ("a fault", fault(1002, "invalid username or password"), "invalid username or password"),
        ("a fault of no known kind", fault(i64::MAX, "?"), "fault 9223372036854775807"),
        ("a redirect", Step::Send(http("302 Found", "text/html", b"")), "HTTP status 302"),
    ] {
        let server = Server::start([step]).await;
        let text = server.hub_with(&limited()).login_password("u", "p").await.unwrap_err().to_string();
        assert!(text.contains(expected), "{what}: {text}");
    }
    // A key that would be a header of its own.
    let members =
        [("session-id", int(1)), ("session-key", string("k\r\nX-Evil: 1")), ("header-auth", Value::Bool(true))];
    let server = Server::start([session(&members)]).await;
    let session = server.hub().login_password("u", "p").await.unwrap();
    let error = session.call("osbuildImage", &[]).await.unwrap_err();
    assert!(matches!(error, KojiError::Shape(_)) || server.seen().len() == 1, "{error:?}");
    assert_eq!(server.seen().len(), 1, "nothing is sent with such a key");
}

#[test]
fn results_of_the_wrong_shape() {
    type Decode = fn(&Value) -> Result<(), ShapeError>;
    let calls: [(&str, Decode); 7] = [
        ("getTaskInfo", |value| get_task_info::decode(value, &[1]).map(drop)),
        ("getTaskResult", |value| get_task_result::decode(value).map(drop)),
        ("getBuild", |value| get_build::decode(value).map(drop)),
        ("listArchives", |value| list_archives::decode(value).map(drop)),
        ("getBuildTarget", |value| get_build_target::decode(value).map(drop)),
        ("getKojiVersion", |value| get_koji_version::decode(value).map(drop)),
        ("osbuildImage", |value| make_task::decode("osbuildImage", value).map(drop)),
    ];
    let values = [
        Value::Nil,
        Value::Bool(true),
        int(-1),
        int(i64::MAX),
        Value::Double(f64::NAN),
        Value::Double(1e300),
        string(""),
        string("<html>"),
        Value::Array(vec![]),
        Value::Array(vec![Value::Array(vec![Value::Nil; 3])]),
        Value::Array(vec![structure([("id", string("x"))])]),
        structure([("id", Value::Nil), ("name", int(1)), ("state", int(99))]),
        structure([("faultCode", string("x")), ("faultString", Value::Nil)]),
        structure([("id", Value::Double(f64::INFINITY)), ("size", int(-5))]),
    ];
    let mut refused = 0;
    for (name, decode) in calls {
        for value in &values {
            // As it would come over the wire; what matters is that it ends, and how.
            let Ok(bytes) = encode_response(value) else { continue };
            let Ok(Response::Value(value)) = decode_response(&bytes) else { panic!("{name}: {value:?}") };
            if let Err(error) = decode(&value) {
                refused += 1;
                assert!(error.to_string().starts_with(name), "{name}: {error}");
                assert!(error.to_string().len() < 300, "{name}: {error}");
            }
        }
    }
    assert!(refused > 40, "{refused}");
}

#[tokio::test]
async fn faults_in_the_place_of_results() {
    let answer = structure([("faultCode", int(1000)), ("faultString", string("No such build"))]);
    let server = Server::start([value(&answer)]).await;
    let error = server.hub_with(&limited()).get_build(1).await.unwrap_err();
    assert!(matches!(error, KojiError::Shape(_)), "{error:?}");
    let traceback = format!("Traceback (most recent call last):\n{}", "  File \"x\", line 1\n".repeat(20_000));
    let server = Server::start([fault(1, &traceback)]).await;
    let error = server.hub_with(&limited()).get_build(1).await.unwrap_err();
    assert!(error.to_string().len() < 500, "{}", error.to_string().len());
}
