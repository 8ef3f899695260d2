//! Logins by Kerberos, with a made-up handshake: what the client says and hears is the same.

use crate::recordings::recording;
use crate::server::{Server, Step, http, options};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use magudi_koji::xmlrpc::{decode_call, encode_fault, encode_response};
use magudi_koji::{
    Authenticator, ClientOptions, Fault, Hub, KojiError, NegotiateError, Negotiation, Negotiator, Session,
    TicketSource, Value, WebLogin, WebRequest, WebService,
};
use std::sync::{Arc, Mutex};

/// Knows a client's tokens in order; each of the server's must be the one that belongs there.
#[derive(Debug, Default)]
struct Fake {
    ours: Vec<&'static str>,
    theirs: Vec<&'static str>,
    begins: Mutex<Vec<(TicketSource, String)>>,
    fails: Option<NegotiateError>,
    takes: std::time::Duration,
}

struct FakeContext {
    ours: Vec<&'static str>,
    theirs: Vec<&'static str>,
}

impl Negotiation for Fake {
    fn begin(&self, source: &TicketSource, host: &str) -> Result<Box<dyn Negotiator>, NegotiateError> {
        self.begins.lock().unwrap().push((source.clone(), host.to_owned()));
        std::thread::sleep(self.takes);
        match &self.fails {
            Some(error) => Err(error.clone()),
            None => Ok(Box::new(FakeContext { ours: self.ours.clone(), theirs: self.theirs.clone() })),
        }
    }
}

impl Negotiator for FakeContext {
    fn step(&mut self, token: Option<&[u8]>) -> Result<Option<Vec<u8>>, NegotiateError> {
        if let Some(token) = token {
            if self.theirs.first().map(|t| t.as_bytes()) != Some(token) {
                return Err(NegotiateError { reason: "the token is not the server's".into(), passes: false });
            }
            self.theirs.remove(0);
        }
        Ok((!self.ours.is_empty()).then(|| self.ours.remove(0).as_bytes().to_vec()))
    }

    fn is_complete(&self) -> bool {
        self.ours.is_empty() && self.theirs.is_empty()
    }
}

fn answer(status: &str, tokens: &[&str], body: &[u8]) -> Step {
    let offers = tokens.iter().fold(String::new(), |all, token| all + "WWW-Authenticate: " + token + "\r\n");
    let text = String::from_utf8(http(status, "text/xml", body)).unwrap();
    Step::Send(text.replacen("\r\n", &format!("\r\n{offers}"), 1).into_bytes())
}

fn negotiate(token: &str) -> String {
    format!("Negotiate {}", STANDARD.encode(token))
}

fn asks() -> Step {
    answer("401 Unauthorized", &["Negotiate", "Basic realm=\"x\""], b"<html>no")
}

fn opens(token: Option<&str>) -> Step {
    let session = magudi_koji::value::structure([
        ("session-id", Value::Int(7)),
        ("session-key", Value::from("k")),
        ("header-auth", Value::Bool(true)),
    ]);
    let token = token.map(negotiate);
    answer("200 OK", token.as_deref().as_slice(), &encode_response(&session).unwrap())
}

/// Logs in at a scripted server. Such a login is always over TLS, so the server is one in front of the script.
async fn log_in(fake: Fake, script: Vec<Step>) -> (Result<Session, KojiError>, Server, Arc<Fake>) {
    let fake = Arc::new(fake);
    let server = Server::start(script).await;
    let port = crate::tls::start_tunnel(server.port);
    let mut profile = magudi_koji::Profile::for_server("p", format!("https://127.0.0.1:{port}/kojihub"));
    profile.serverca = Some(crate::tls::fixture("ca.pem"));
    if !fake.takes.is_zero() {
        profile.auth_timeout = std::time::Duration::from_secs(1);
    }
    let options = ClientOptions { negotiation: Some(fake.clone()), ccache: Some("KCM:".into()), ..options() };
    let authenticator =
        Authenticator::Kerberos { principal: Some("compose@LAB".into()), keytab: Some("/etc/krb5.keytab".into()) };
    authenticator.check(&options).unwrap();
    let result = Hub::new(&profile, &options).unwrap().login(authenticator).await;
    (result, server, fake)
}

fn one_round() -> Fake {
    Fake { ours: vec!["ticket"], theirs: vec!["proof"], ..Fake::default() }
}

#[tokio::test]
async fn one_round_as_it_was_recorded() {
    let (result, server, fake) = log_in(one_round(), vec![asks(), opens(Some("proof"))]).await;
    result.unwrap();
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|request| request.head.starts_with("POST /kojihub/ssllogin ")));
    assert_eq!((seen[0].header("Authorization"), seen[0].body == seen[1].body), (None, true));
    assert_eq!(seen[1].header("Authorization"), Some(negotiate("ticket").as_str()));
    assert_eq!(Ok(seen[1].call()), decode_call(&recording("758-sslLogin-gssapi-keytab.req.txt").1));
    let source = TicketSource {
        principal: Some("compose@LAB".into()),
        keytab: Some("/etc/krb5.keytab".into()),
        ccache: Some("KCM:".into()),
    };
    assert_eq!(*fake.begins.lock().unwrap(), [(source, "127.0.0.1".to_owned())]);
}

#[tokio::test]
async fn more_rounds_if_the_server_wants_them() {
    let fake = Fake { ours: vec!["a", "b"], theirs: vec!["1", "2"], ..Fake::default() };
    let more = answer("401 Unauthorized", &[&negotiate("1")], b"");
    let (result, server, _) = log_in(fake, vec![asks(), more, opens(Some("2"))]).await;
    result.unwrap();
    assert_eq!(server.seen()[2].header("Authorization"), Some(negotiate("b").as_str()));

    let endless = (0..50).map(|_| answer("401 Unauthorized", &[&negotiate("1")], b""));
    let fake = Fake { ours: vec!["a"; 50], theirs: vec!["1"; 50], ..Fake::default() };
    let (result, server, _) = log_in(fake, std::iter::once(asks()).chain(endless).collect()).await;
    assert!(result.unwrap_err().to_string().contains("never ends the Kerberos handshake"));
    assert!(server.seen().len() < 10);
}

#[tokio::test]
async fn a_server_that_does_not_prove_itself_gets_no_session() {
    let (result, ..) = log_in(one_round(), vec![asks(), opens(None)]).await;
    let text = result.unwrap_err().to_string();
    assert_eq!(text, "cannot log in: the web server has not proven by Kerberos that it is the one it should be");
    let (result, ..) = log_in(one_round(), vec![asks(), opens(Some("forged"))]).await;
    assert_eq!(result.unwrap_err().to_string(), "cannot log in: Kerberos: the token is not the server's");
    let half = Fake { ours: vec!["a"], theirs: vec!["1", "2"], ..Fake::default() };
    let (result, ..) = log_in(half, vec![asks(), opens(Some("1"))]).await;
    assert!(result.unwrap_err().to_string().contains("has not proven"));
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let unknown = encode_fault(&Fault::new(1002, "Unknown user: stranger@LAB"));
    let unseen = encode_fault(&Fault::new(1002, "could not verify client: None"));
    let proof = negotiate("proof");
    let long = format!("Negotiate {}", "A".repeat(70_000));
    for (what, script, expected) in [
        ("no offer", vec![answer("401 Unauthorized", &["Basic realm=\"x\""], b"")], "does not offer Kerberos"),
        ("no headers at all", vec![answer("401 Unauthorized", &[], b"")], "does not offer Kerberos"),
        ("ticket refused", vec![asks(), asks()], "refuses the Kerberos ticket (HTTP status 401)"),
        ("unknown user", vec![asks(), answer("200 OK", &[&proof], &unknown)], "Unknown user: stranger@LAB"),
        ("not asked", vec![answer("200 OK", &[], &unseen)], "has not asked for a Kerberos ticket"),
        ("forbidden", vec![answer("403 Forbidden", &[], b"")], "does not take a login by Kerberos (HTTP status 403)"),
        ("not base64", vec![asks(), answer("401 Unauthorized", &["Negotiate ?!"], b"")], "is not base64"),
        ("too long", vec![asks(), answer("401 Unauthorized", &[&long], b"")], "is too long"),
    ] {
        let (result, server, _) = log_in(one_round(), script).await;
        let text = result.unwrap_err().to_string();
        assert!(text.contains(expected), "{what}: {text}");
        assert_eq!(server.left(), 0, "{what}");
    }
}

#[tokio::test]
async fn only_what_passes_is_tried_again() {
    let fails = |passes| Fake {
        fails: Some(NegotiateError { reason: "Cannot contact any KDC for realm 'LAB'".into(), passes }),
        ..Fake::default()
    };
    let script = || (0..10).map(|_| asks()).collect::<Vec<_>>();
    let (result, _, fake) = log_in(fails(true), script()).await;
    let error = result.unwrap_err();
    assert!(error.is_retriable() && error.to_string().contains("Kerberos: Cannot contact any KDC"), "{error}");
    assert_eq!(fake.begins.lock().unwrap().len(), 4);
    let (result, _, fake) = log_in(fails(false), script()).await;
    assert!(!result.unwrap_err().is_retriable());
    assert_eq!(fake.begins.lock().unwrap().len(), 1);
    // An answer that is lost in the middle of the handshake begins it again.
    let (result, server, _) = log_in(one_round(), vec![asks(), Step::Drop, asks(), opens(Some("proof"))]).await;
    result.unwrap();
    assert_eq!(server.left(), 0);
}

#[tokio::test]
async fn a_kerberos_that_hangs_is_left_alone() {
    let fake = Fake { takes: std::time::Duration::from_secs(2), ..one_round() };
    let script = (0..10).map(|_| asks()).collect();
    let started = std::time::Instant::now();
    let (result, ..) = log_in(fake, script).await;
    let error = result.unwrap_err();
    assert!(error.is_retriable() && error.to_string().contains("Kerberos: nothing happened for 1 s"), "{error}");
    assert!(started.elapsed() < std::time::Duration::from_secs(30));
}

#[tokio::test]
async fn an_expired_session_is_renewed_by_a_ticket_too() {
    let server_answers = encode_fault(&Fault::new(1007, "session \"7\" has expired"));
    let expired = Step::Send(http("200 OK", "text/xml", &server_answers));
    let done = Step::Send(http("200 OK", "text/xml", &encode_response(&Value::Int(42)).unwrap()));
    let script = vec![asks(), opens(Some("proof")), expired, asks(), opens(Some("proof")), done];
    let (session, server, _) = log_in(one_round(), script).await;
    assert_eq!(session.unwrap().call("osbuildImage", &[]).await.unwrap(), Value::Int(42));
    let seen = server.seen();
    let heads: Vec<_> = seen.iter().map(|r| (r.call().method, r.number().map(str::to_owned))).collect();
    assert_eq!(heads[2], ("osbuildImage".to_owned(), Some("0".to_owned())));
    assert_eq!(Ok(seen[4].call()), decode_call(&recording("937-sslLogin-ssl-renew.req.txt").1));
    assert_eq!((seen[4].header("Koji-Session-Id"), heads[5].1.as_deref()), (Some("7"), Some("0")));
}

#[test]
fn a_build_without_kerberos_says_so() {
    let options = ClientOptions { negotiation: None, ..options() };
    let authenticator = Authenticator::Kerberos { principal: None, keytab: None };
    let text = authenticator.check(&options).unwrap_err().to_string();
    assert!(text.contains("built with the feature `gssapi`"), "{text}");
}

/// A web service beside the hub asks in the same way, for a key table's ticket.
#[tokio::test]
async fn web_services_get_the_ticket_of_a_key_table() {
    let fake = Arc::new(one_round());
    let done = answer("200 OK", &[&negotiate("proof")], b"done");
    let unproven = answer("200 OK", &[&negotiate("another's")], b"done");
    let server = Server::start(vec![asks(), done, asks(), unproven]).await;
    let options = ClientOptions { negotiation: Some(fake.clone()), ccache: Some("KCM:".into()), ..options() };
    let login = WebLogin::Kerberos { keytab: "/etc/cts.keytab".into() };
    let address = format!("http://localhost:{}/cts/", server.port);
    let service = WebService::new(&address, &login, std::time::Duration::from_secs(30), &options).unwrap();
    let send = || service.send("PATCH it", &["a", "b c/d"], WebRequest::Patch(serde_json::json!({"x": 1})));
    let answer = send().await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"done"[..]));
    let seen = server.seen();
    assert!(
        seen.iter()
            .all(|request| request.head.starts_with("PATCH /cts/a/b%20c%2Fd HTTP") && request.body == b"{\"x\":1}")
    );
    assert_eq!(seen[1].header("Authorization"), Some(negotiate("ticket").as_str()));
    let source = TicketSource { principal: None, keytab: Some("/etc/cts.keytab".into()), ccache: None };
    assert_eq!(*fake.begins.lock().unwrap(), [(source, "localhost".to_owned())]);
    assert_eq!(send().await.unwrap_err().to_string(), "cannot log in: Kerberos: the token is not the server's");
}
