//! Everything that can happen between a call and its answer.

use crate::server::{Server, Step, fault, http, options, session, value};
use magudi_koji::value::{int, string, structure};
use magudi_koji::xmlrpc::encode_response;
use magudi_koji::{
    ClientOptions, FaultClass, Hub, KojiError, Listener, MethodCall, Profile, Proxies, RetryPolicy, Unanswered, Value,
    timed,
};
use std::io::Write as _;
use std::time::{Duration, Instant};

async fn outcome(script: impl IntoIterator<Item = Step>) -> (Result<Value, KojiError>, Server) {
    let server = Server::start(script).await;
    let result = server.hub().call("getKojiVersion", &[]).await;
    (result, server)
}

#[tokio::test]
async fn an_offline_hub_is_waited_for() {
    let (result, server) = outcome([fault(1014, "server is offline"), fault(1014, ""), value(&Value::Int(1))]).await;
    assert_eq!(result.unwrap(), Value::Int(1));
    assert_eq!(server.seen().len(), 3);

    let server = Server::start((0..10).map(|_| fault(1014, "server is offline"))).await;
    let mut options = options();
    options.retry.as_mut().unwrap().offline_budget = Duration::ZERO;
    let error = server.hub_with(&options).call("getKojiVersion", &[]).await.unwrap_err();
    assert!(error.is_fault(FaultClass::ServerOffline) && error.is_retriable(), "{error}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn statuses_of_the_moment_are_repeated_and_others_are_not() {
    for status in ["500 Internal Server Error", "502 Bad Gateway", "503 Service Unavailable", "429 Too Many Requests"] {
        let (result, _) = outcome([Step::Send(http(status, "text/html", b"<p>oops")), value(&Value::Nil)]).await;
        assert_eq!(result.unwrap(), Value::Nil, "{status}");
    }
    for (status, may_have_executed) in [("400 Bad Request", false), ("404 Not Found", false), ("413 Too Large", false)]
    {
        let body = b"Invalid request:\n  not well-formed\x07";
        let (result, server) = outcome([Step::Send(http(status, "text/plain", body)), value(&Value::Nil)]).await;
        let error = result.unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains(&format!("HTTP status {}: Invalid request: not well-formed\u{fffd}", &status[..3])),
            "{text}"
        );
        assert!(text.starts_with(&format!("getKojiVersion at http://127.0.0.1:{}: ", server.port)), "{text}");
        assert_eq!((error.is_retriable(), error.may_have_executed()), (false, may_have_executed));
        assert_eq!(server.seen().len(), 1, "{status}");
    }
    let (result, server) = outcome((0..9).map(|_| Step::Send(http("500 No", "text/html", b"")))).await;
    let error = result.unwrap_err();
    assert!(error.to_string().contains("(4 attempts): HTTP status 500"), "{error}");
    assert!(error.is_retriable() && error.may_have_executed());
    assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn a_page_in_place_of_an_answer() {
    let page = || Step::Send(http("200 OK", "text/html; charset=utf-8", b"<html><title>Down\nfor a while</title>"));
    let (result, _) = outcome([page(), value(&Value::Int(3))]).await;
    assert_eq!(result.unwrap(), Value::Int(3));
    let (result, _) = outcome((0..4).map(|_| page())).await;
    let error = result.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("the answer is text/html; charset=utf-8, not XML-RPC: Down for a while"), "{text}");
    assert!(error.is_retriable());
}

#[tokio::test]
async fn broken_answers() {
    let whole = encode_response(&string("x".repeat(1000))).unwrap();
    let cut_by_network = || {
        let mut bytes = http("200 OK", "text/xml", &whole);
        bytes.truncate(bytes.len() - 10);
        Step::SendAndClose(bytes)
    };
    let (result, _) = outcome([cut_by_network(), value(&Value::Int(4))]).await;
    assert_eq!(result.unwrap(), Value::Int(4));
    let (result, server) = outcome((0..9).map(|_| cut_by_network())).await;
    let error = result.unwrap_err();
    assert!(matches!(error, KojiError::Transport { .. }) && error.may_have_executed(), "{error:?}");
    assert_eq!(server.seen().len(), 4);

    // A hub that breaks its own answer breaks it every time.
    let broken = || Step::Send(http("200 OK", "text/xml", &whole[..whole.len() / 2]));
    let (result, server) = outcome((0..9).map(|_| broken())).await;
    assert!(matches!(result.unwrap_err(), KojiError::Malformed { .. }));
    assert_eq!(server.seen().len(), 3);
    // What breaks now this way and now that way is the network.
    let (result, _) = outcome([broken(), broken(), Step::Drop, value(&Value::Int(5))]).await;
    assert_eq!(result.unwrap(), Value::Int(5));
    let (result, _) = outcome((0..3).map(|_| Step::Send(http("200 OK", "text/xml", b"")))).await;
    assert!(matches!(result.unwrap_err(), KojiError::Malformed { .. }));
}

#[tokio::test]
async fn bombs() {
    let nested = format!("<methodResponse><params><param>{}", "<value><array><data>".repeat(200_000));
    let (result, _) = outcome((0..3).map(|_| Step::Send(http("200 OK", "text/xml", nested.as_bytes())))).await;
    let text = result.unwrap_err().to_string();
    assert!(text.contains("nested deeper than 128"), "{text}");

    let options = ClientOptions { max_response: 10_000, ..options() };
    let large = encode_response(&string("x".repeat(20_000))).unwrap();
    let announced = Server::start([Step::Send(http("200 OK", "text/xml", &large))]).await;
    let mut chunked = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for part in large.chunks(1000) {
        chunked.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
        chunked.extend_from_slice(part);
        chunked.extend_from_slice(b"\r\n");
    }
    let unannounced = Server::start([Step::Send(chunked)]).await;
    let compressed = gzip(&encode_response(&string("x".repeat(5_000_000))).unwrap());
    assert!(compressed.len() < 50_000);
    let bomb = Server::start([Step::Send(gzipped(&compressed))]).await;
    for server in [announced, unannounced, bomb] {
        let error = server.hub_with(&options).call("m", &[]).await.unwrap_err();
        assert!(matches!(error, KojiError::TooLarge { limit: 10_000, .. }), "{error:?}");
        assert!(error.may_have_executed() && !error.is_retriable());
        assert_eq!(server.seen().len(), 1);
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn gzipped(compressed: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        compressed.len()
    );
    [head.as_bytes(), compressed].concat()
}

#[tokio::test]
async fn compressed_answers_are_read() {
    let text = string("gzip ".repeat(300_000));
    let (result, server) = outcome([Step::Send(gzipped(&gzip(&encode_response(&text).unwrap())))]).await;
    assert_eq!(result.unwrap(), text);
    assert!(server.seen()[0].header("Accept-Encoding").unwrap().contains("gzip"));
}

#[tokio::test]
async fn silence_ends() {
    let server = Server::start((0..9).map(|_| Step::Silence(Duration::from_secs(60)))).await;
    let options = ClientOptions { read_timeout: Some(Duration::from_millis(200)), ..options() };
    let error = server.hub_with(&options).call("getKojiVersion", &[]).await.unwrap_err();
    assert!(
        matches!(error, KojiError::Timeout { .. }) && error.may_have_executed() && error.is_retriable(),
        "{error:?}"
    );
    assert!(error.to_string().contains("(4 attempts): no answer within 0.2 s"), "{error}");
}

#[tokio::test]
async fn nobody_there() {
    // Not a port that was free a moment ago: another test may get it.
    let port = 1;
    let profile = Profile::for_server("p", format!("http://user:hunter2@127.0.0.1:{port}/kojihub"));
    let hub = Hub::new(&profile, &options()).unwrap();
    let error = hub.call("getKojiVersion", &[]).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with(&format!("getKojiVersion at http://127.0.0.1:{port} (4 attempts): cannot connect: ")),
        "{text}"
    );
    assert!(!format!("{hub:?} {error:?}").contains("hunter2"));
    assert!(error.is_retriable() && !error.may_have_executed());
}

#[tokio::test]
async fn patience_has_a_budget() {
    let server = Server::start((0..100).map(|_| Step::Drop)).await;
    let retry = RetryPolicy {
        max_retries: 1000,
        first_delay: Duration::from_millis(20),
        max_delay: Duration::from_millis(20),
        budget: Duration::from_millis(100),
        ..options().retry.unwrap()
    };
    let options = ClientOptions { retry: Some(retry), ..options() };
    let started = Instant::now();
    server.hub_with(&options).call("getKojiVersion", &[]).await.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(5));
    let tries = server.seen().len();
    // Pauses may be half as long as they are set.
    assert!((1..=12).contains(&tries), "{tries}");
}

/// Options of little patience for one call, and some for an outage.
fn outage_options() -> ClientOptions {
    let mut options = options();
    let retry = options.retry.as_mut().unwrap();
    retry.max_retries = 1;
    retry.outage = Duration::from_secs(20);
    options
}

#[tokio::test]
async fn a_hub_that_is_away_is_waited_for_longer_than_a_call() {
    // Each further attempt is one of the call and one to see whether the hub is there at all.
    let page = || Step::Send(http("503 Service Unavailable", "text/html", b"upgrade"));
    let script = [Step::Drop, page(), page(), page(), Step::Drop, value(&Value::Int(1))];
    let server = Server::start(script).await;
    let options = outage_options();
    assert_eq!(server.hub_with(&options).call("getBuild", &[]).await.unwrap(), Value::Int(1));
    let methods: Vec<String> = server.calls().into_iter().map(|(method, _)| method).collect();
    let (call, probe) = ("getBuild", "getAPIVersion");
    assert_eq!(methods, [call, call, probe, call, probe, call]);

    // So is one that is offline, and one for calls of a session; those keep their number.
    let script = [session(7, "k"), page(), page(), fault(1014, "server is offline"), value(&Value::Int(42))];
    let server = Server::start(script).await;
    let session = server.hub_with(&options).login_password("u", "p").await.unwrap();
    assert_eq!(session.call("osbuildImage", &[]).await.unwrap(), Value::Int(42));
    let numbers: Vec<_> = server.calls().into_iter().map(|(_, number)| number).collect();
    let zero = Some("0".to_owned());
    assert_eq!(numbers, [None, zero.clone(), zero.clone(), None, zero]);

    // Profiles that do not repeat anonymous calls still wait for a hub that is away.
    let server = Server::start([page(), page(), page(), value(&Value::Int(2))]).await;
    let mut options = outage_options();
    options.retry.as_mut().unwrap().anonymous = false;
    assert_eq!(server.hub_with(&options).call("getBuild", &[]).await.unwrap(), Value::Int(2));
}

#[derive(Debug, Default)]
struct Notes(std::sync::Mutex<Vec<String>>);

impl Listener for Notes {
    fn waiting(&self, call: &Unanswered<'_>) {
        let left = call.left.map_or_else(|| "no end".to_owned(), |left| format!("{} s", left.as_secs_f64().round()));
        self.0.lock().unwrap().push(format!("{}: {}, {left} left", call.method, call.problem.in_short()));
    }

    fn answered(&self) {
        self.0.lock().unwrap().push("answered".to_owned());
    }
}

#[tokio::test]
async fn who_waits_is_told_once() {
    let offline = || fault(1014, "server is offline");
    let second = Duration::from_secs(1);
    for (first, notice_after, expected) in [
        (offline(), 60 * second, &["getBuild: ServerOffline: server is offline, 20 s left", "answered"][..]),
        (Step::Silence(second), second / 50, &["no answer within 0.04 s, 20 s left", "answered"]),
    ] {
        let notes = std::sync::Arc::new(Notes::default());
        let mut options = ClientOptions { listener: Some(notes.clone()), notice_after, ..outage_options() };
        options.retry.as_mut().unwrap().offline_delay = second / 10;
        let server = Server::start([first, offline(), offline(), value(&Value::Nil), value(&Value::Nil)]).await;
        let hub = server.hub_with(&options);
        hub.call("getBuild", &[]).await.unwrap();
        hub.call("getTag", &[]).await.unwrap();
        let notes = notes.0.lock().unwrap();
        assert_eq!(notes.len(), expected.len(), "{notes:?}");
        assert!(notes.iter().zip(expected).all(|(note, part)| note.contains(part)), "{notes:?}");
    }
}

/// What one repetition mends, which comes at once, is not worth a word; what it does not mend is an outage.
#[tokio::test]
async fn a_failure_is_said_when_its_repetition_fails() {
    let page = || Step::Send(http("500 Internal Server Error", "text/html", b"Traceback"));
    for (failures, said) in [(1, &[][..]), (2, &["getBuild: HTTP status 500: Traceback, 20 s left", "answered"])] {
        let notes = std::sync::Arc::new(Notes::default());
        let notice_after = Duration::from_secs(60);
        let options = ClientOptions { listener: Some(notes.clone()), notice_after, ..outage_options() };
        let script = (0..failures).map(|_| page()).chain([value(&Value::Nil), value(&Value::Nil), value(&Value::Nil)]);
        let server = Server::start(script).await;
        server.hub_with(&options).call("getBuild", &[]).await.unwrap();
        assert_eq!(*notes.0.lock().unwrap(), said);
    }
}

/// That nothing listens is reported at once, however long other failures may continue.
#[tokio::test]
async fn a_hub_that_is_not_there_is_told_of_at_once() {
    // Not a port that was free a moment ago: another test may get it.
    let port = 1;
    let profile = Profile::for_server("p", format!("http://127.0.0.1:{port}/kojihub"));
    let notes = std::sync::Arc::new(Notes::default());
    let notice_after = Duration::from_secs(60);
    let options = ClientOptions { listener: Some(notes.clone()), notice_after, ..options() };
    Hub::new(&profile, &options).unwrap().call("getBuild", &[]).await.unwrap_err();
    let notes = notes.0.lock().unwrap();
    assert!(notes.len() == 1 && notes[0].contains("cannot connect"), "{notes:?}");
}

#[tokio::test]
async fn the_time_that_is_waited_for_a_hub_is_not_the_time_that_it_takes() {
    let script = [Step::Silence(Duration::from_secs(1)), value(&Value::Int(1)), value(&Value::Int(2))];
    let server = Server::start(script).await;
    let hub = server.hub();
    let begun = Instant::now();
    let (answer, spent) = timed(hub.call("getBuild", &[])).await;
    assert_eq!(answer.unwrap(), Value::Int(1));
    assert!(spent.waited && spent.answering + Duration::from_millis(900) < begun.elapsed(), "{spent:?}");
    let (_, spent) = timed(hub.call("getBuild", &[])).await;
    assert!(!spent.waited && !spent.answering.is_zero(), "{spent:?}");
}

#[tokio::test]
async fn a_call_that_fails_alone_is_no_outage() {
    let broken = || Step::Send(http("500 Internal Server Error", "text/html", b"cannot encode"));
    let script = (0..3).flat_map(|_| [broken(), value(&Value::Int(1))]);
    let server = Server::start([broken()].into_iter().chain(script).chain([broken()])).await;
    let error = server.hub_with(&outage_options()).call("listTaskOutput", &[]).await.unwrap_err();
    assert!(error.to_string().contains("(4 attempts): HTTP status 500"), "{error}");
    let probes = server.calls().iter().filter(|(method, _)| method == "getAPIVersion").count();
    assert_eq!((probes, server.seen().len()), (3, 7));
}

#[tokio::test]
async fn anonymous_calls_may_be_told_not_to_wait() {
    let server = Server::start([Step::Drop, Step::Drop, value(&Value::Nil)]).await;
    let mut options = options();
    options.retry.as_mut().unwrap().anonymous = false;
    server.hub_with(&options).call("getKojiVersion", &[]).await.unwrap_err();
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn redirects_keep_the_post_or_are_refused() {
    let to = |status: &str, location: &str| {
        Step::Send(format!("HTTP/1.1 {status}\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n").into_bytes())
    };
    let (result, server) = outcome([to("307 Temporary Redirect", "/hub2"), value(&Value::Int(5))]).await;
    assert_eq!(result.unwrap(), Value::Int(5));
    let seen = server.seen();
    assert!(seen[1].head.starts_with("POST /hub2 "), "{}", seen[1].head);
    assert_eq!(seen[1].body, seen[0].body);

    let other = Server::start([value(&Value::Nil), value(&Value::Nil)]).await;
    let elsewhere = [
        "http://example.invalid/kojihub".to_owned(),
        // Another port of the same host may be anybody's; so may another name of it.
        format!("http://127.0.0.1:{}/kojihub", other.port),
        format!("//127.0.0.1:{}/kojihub", other.port),
        format!("http://localhost:{}/kojihub", other.port),
        format!("https://127.0.0.1:{}/kojihub", other.port),
    ];
    let kept = elsewhere.iter().flat_map(|there| ["307 T", "308 P"].map(|status| to(status, there)));
    let lost = ["301 M", "302 F", "303 S"].map(|status| to(status, "/hub2"));
    for step in kept.chain(lost) {
        let (result, server) = outcome([step, value(&Value::Nil)]).await;
        let error = result.unwrap_err();
        assert!(error.to_string().contains("moved to "), "{error}");
        assert_eq!(server.seen().len(), 1);
    }
    assert!(other.seen().is_empty(), "{:?}", other.seen());
}

#[tokio::test]
async fn many_calls_in_one() {
    let fault = structure([("faultCode", int(1000)), ("faultString", string("No such build target: X"))]);
    let answer = Value::Array(vec![Value::Array(vec![int(1)]), fault, Value::Array(vec![Value::Nil])]);
    let odd = Value::Array(vec![Value::Array(vec![int(7)]), Value::Nil]);
    let one = Value::Array(vec![Value::Array(vec![int(1)])]);
    // Fewer results than calls, so by halves; of the second half one is not a result, so by itself.
    let steps = [&answer, &Value::Array(vec![]), &one, &odd, &int(9)].map(value);
    let server = Server::start(steps).await;
    let hub = server.hub();
    let calls = [
        MethodCall::new("getAPIVersion", vec![]),
        MethodCall::new("getBuildTarget", vec![string("X"), Value::Nil, Value::Bool(true)]),
        MethodCall::new("getBuild", vec![int(9)]),
    ];
    let results = hub.multi_call(&calls).await.unwrap();
    assert_eq!(results[0].as_ref().unwrap(), &int(1));
    assert_eq!(results[1].as_ref().unwrap_err().fault().unwrap().code, 1000);
    assert_eq!(results[2].as_ref().unwrap(), &Value::Nil);
    let sent = server.seen()[0].call();
    assert_eq!(sent.method, "multiCall");
    assert_eq!(sent.params[0][1]["methodName"], string("getBuildTarget"));
    assert_eq!(sent.params[0][1]["params"][2], Value::Bool(true));

    let results = hub.multi_call(&calls).await.unwrap();
    assert_eq!(results[0].as_ref().unwrap(), &int(1));
    assert_eq!(results[1].as_ref().unwrap(), &int(7));
    assert_eq!(results[2].as_ref().unwrap(), &int(9));
    let methods: Vec<String> = server.calls().into_iter().skip(1).map(|(method, _)| method).collect();
    assert_eq!(methods, ["multiCall", "multiCall", "multiCall", "getBuild"]);
    assert!(hub.multi_call(&[]).await.unwrap().is_empty());
    assert_eq!(server.left(), 0);
}

#[test]
fn settings_that_cannot_work_are_named() {
    for server in ["", "kojihub", "ftp://h/kojihub", "http://", "mailto:x@y"] {
        let error = Hub::new(&Profile::for_server("p", server), &options()).unwrap_err();
        assert!(error.to_string().starts_with("server: "), "{server}: {error}");
    }
    let proxies = Proxies { http: Some("http://[".into()), ..Proxies::default() };
    let error = Hub::new(&Profile::for_server("p", "http://h"), &ClientOptions { proxies, ..options() }).unwrap_err();
    assert!(error.to_string().starts_with("proxy: "), "{error}");
}

#[tokio::test]
async fn arguments_that_cannot_travel_are_not_sent() {
    let server = Server::start([]).await;
    let error = server.hub().call("m", &[structure([("name", string("a\u{1b}"))])]).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot send params[0].name: character U+001B in `a\\u{1b}` is not allowed in XML");
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_proxy_is_used_when_it_is_named() {
    let proxy = Server::start([value(&Value::Int(6))]).await;
    let proxies = Proxies { http: Some(format!("http://127.0.0.1:{}", proxy.port)), ..Proxies::default() };
    let profile = Profile::for_server("p", "http://koji.invalid/kojihub");
    let hub = Hub::new(&profile, &ClientOptions { proxies, ..options() }).unwrap();
    assert_eq!(hub.call("m", &[]).await.unwrap(), Value::Int(6));
    assert!(proxy.seen()[0].head.starts_with("POST http://koji.invalid/kojihub HTTP/1.1"));

    // Also the one for everything, but for hosts that are named.
    let proxy = Server::start([value(&Value::Int(7))]).await;
    let server = Server::start([value(&Value::Int(8))]).await;
    let all = Some(format!("http://127.0.0.1:{}", proxy.port));
    let proxies = Proxies { all, exceptions: Some("127.0.0.1,.example.com".into()), ..Proxies::default() };
    let options = ClientOptions { proxies, ..options() };
    assert_eq!(Hub::new(&profile, &options).unwrap().call("m", &[]).await.unwrap(), Value::Int(7));
    assert_eq!(server.hub_with(&options).call("m", &[]).await.unwrap(), Value::Int(8));
}

#[tokio::test]
async fn a_proxy_is_asked_for_a_tunnel_to_a_hub_over_tls() {
    let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n".to_vec();
    let proxy = Server::start((0..9).map(|_| Step::SendAndClose(refusal.clone()))).await;
    let https = Some(format!("http://user:pa%20ss@127.0.0.1:{}", proxy.port));
    let profile = Profile::for_server("p", "https://koji.invalid/kojihub");
    let proxies = Proxies { https, ..Proxies::default() };
    let hub = Hub::new(&profile, &ClientOptions { proxies, ..options() }).unwrap();
    let error = hub.call("m", &[]).await.unwrap_err();
    let seen = proxy.seen();
    assert!(seen[0].head.starts_with("CONNECT koji.invalid:443 HTTP/1.1"), "{}", seen[0].head);
    assert!(seen[0].header("Proxy-Authorization").is_some_and(|value| value.starts_with("Basic ")));
    assert!(!error.may_have_executed() && !format!("{error:?} {error}").contains("pa%20ss"), "{error:?}");
}
