//! Which servers are trusted, and clients that show a certificate.

use crate::server::{http, options};
use magudi_koji::xmlrpc::encode_response;
use magudi_koji::{AuthType, Authenticator, ClientOptions, Hub, KojiError, Profile, Session, Value};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, Stream, SupportedProtocolVersion};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

/// A file of `fixtures/koji/tls`.
pub fn fixture(name: &str) -> PathBuf {
    magudi_testkit::fixture("koji/tls").join(name)
}

/// A hub behind TLS that answers every call with 1; its port.
fn start() -> u16 {
    start_with(&[&rustls::version::TLS12, &rustls::version::TLS13], None, &Value::Int(1))
}

/// A hub behind TLS that answers every call with `answer`, and wants a certificate by `authority` in the handshake.
fn start_with(versions: &[&'static SupportedProtocolVersion], authority: Option<&str>, answer_with: &Value) -> u16 {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certificate = CertificateDer::from_pem_file(fixture("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(fixture("server.key")).unwrap();
    let verifier = match authority {
        None => WebPkiClientVerifier::no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_file(fixture(authority)).unwrap()).unwrap();
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap()
        }
    };
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let body = Arc::new(encode_response(answer_with).unwrap());
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        while let Ok((socket, _)) = listener.accept() {
            let (config, body) = (config.clone(), body.clone());
            // A client without trusted authorities hangs up, which is an error here and no news.
            std::thread::spawn(move || answer(socket, config, &body));
        }
    });
    port
}

fn answer(mut socket: TcpStream, config: Arc<ServerConfig>, body: &[u8]) -> std::io::Result<()> {
    let mut tls = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut stream = Stream::new(&mut tls, &mut socket);
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !request.ends_with(b"</methodCall>\n") {
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        request.extend_from_slice(&buffer[..read]);
    }
    stream.write_all(&http("200 OK", "text/xml", body))?;
    stream.flush()
}

/// A TLS server that passes everything on to `port` and back; its port.
pub fn start_tunnel(port: u16) -> u16 {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certificate = CertificateDer::from_pem_file(fixture("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(fixture("server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        while let Ok((socket, _)) = listener.accept() {
            let config = config.clone();
            std::thread::spawn(move || tunnel(socket, config, port));
        }
    });
    own
}

/// One request and one answer at a time, as HTTP has it.
fn tunnel(mut socket: TcpStream, config: Arc<ServerConfig>, port: u16) -> std::io::Result<()> {
    let mut tls = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut outside = Stream::new(&mut tls, &mut socket);
    let mut inside = TcpStream::connect(("127.0.0.1", port))?;
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let mut request = Vec::new();
        while !request.ends_with(b"</methodCall>\n") {
            match outside.read(&mut buffer)? {
                0 => return Ok(()),
                read => request.extend_from_slice(&buffer[..read]),
            }
        }
        inside.write_all(&request)?;
        let mut answer = Vec::new();
        while !is_whole(&answer) {
            match inside.read(&mut buffer)? {
                0 => return Ok(()),
                read => answer.extend_from_slice(&buffer[..read]),
            }
        }
        outside.write_all(&answer)?;
        outside.flush()?;
    }
}

fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&answer[..end]);
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse::<usize>().ok());
    answer.len() >= end + 4 + length.unwrap_or(0)
}

async fn call(port: u16, set: impl FnOnce(&mut Profile)) -> Result<Value, KojiError> {
    let mut profile = Profile::for_server("p", format!("https://127.0.0.1:{port}/kojihub"));
    set(&mut profile);
    Hub::new(&profile, &options()).unwrap().call("getAPIVersion", &[]).await
}

#[tokio::test]
async fn only_the_right_authority_is_trusted() {
    let port = start();
    let trusted = call(port, |profile| profile.serverca = Some(fixture("ca.pem"))).await;
    assert_eq!(trusted.unwrap(), Value::Int(1));
    for authority in [None, Some(fixture("other-ca.pem"))] {
        let error = call(port, |profile| profile.serverca = authority).await.unwrap_err();
        assert!(matches!(error, KojiError::Tls { .. }), "{error:?}");
        assert!(!error.is_retriable() && !error.may_have_executed());
        let text = error.to_string();
        assert!(text.contains("serverca") && !text.contains("attempts"), "{text}");
    }
}

#[tokio::test]
async fn any_server_is_trusted_only_on_demand() {
    let port = start();
    assert_eq!(call(port, |profile| profile.no_ssl_verify = true).await.unwrap(), Value::Int(1));
    let both = |profile: &mut Profile| {
        profile.no_ssl_verify = true;
        profile.serverca = Some(fixture("other-ca.pem"));
    };
    assert!(matches!(call(port, both).await, Err(KojiError::Tls { .. })), "`serverca` comes first, as in koji");
}

#[tokio::test]
async fn a_server_without_tls_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        while let Ok((mut socket, _)) = listener.accept() {
            let _ = socket.write_all(&http("400 Bad Request", "text/plain", b"plain http"));
        }
    });
    let error = call(port, |profile| profile.serverca = Some(fixture("ca.pem"))).await.unwrap_err();
    assert!(matches!(error, KojiError::Tls { .. }), "{error:?}");
}

const BOTH: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS12, &rustls::version::TLS13];

fn session_value() -> Value {
    magudi_koji::value::structure([
        ("session-id", Value::Int(7)),
        ("session-key", Value::from("k")),
        ("header-auth", Value::Bool(true)),
    ])
}

/// Logs in with the client certificate `cert`; the profile says `http`, which a login by certificate does not heed.
async fn log_in(port: u16, cert: &str) -> Result<Session, KojiError> {
    let mut profile = Profile::for_server("p", format!("http://127.0.0.1:{port}/kojihub"));
    profile.serverca = Some(fixture("ca.pem"));
    profile.authtype = Some(AuthType::Ssl);
    profile.cert = Some(fixture(cert));
    let authenticator = Authenticator::from_profile(&profile)?;
    authenticator.check(&options())?;
    Hub::new(&profile, &options()).unwrap().login(authenticator).await
}

#[tokio::test]
async fn a_certificate_is_shown_in_the_handshake() {
    let port = start_with(&BOTH, Some("client-ca.pem"), &session_value());
    for cert in ["client-pkcs8.pem", "client-pkcs1.pem", "client-sec1.pem", "client-key-first.pem", "client-chain.pem"]
    {
        log_in(port, cert).await.unwrap_or_else(|e| panic!("{cert}: {e}"));
    }
    let modern_only = start_with(&BOTH[1..], Some("client-ca.pem"), &session_value());
    log_in(modern_only, "client-pkcs8.pem").await.unwrap();
    let old_only = start_with(&BOTH[..1], Some("client-ca.pem"), &session_value());
    log_in(old_only, "client-pkcs8.pem").await.unwrap();
}

#[tokio::test]
async fn a_certificate_that_is_refused_is_told_why() {
    let port = start_with(&BOTH, Some("client-ca.pem"), &session_value());
    let text = log_in(port, "client-expired.pem").await.unwrap_err().to_string();
    assert!(
        text.starts_with(&format!("cannot log in: http://127.0.0.1:{port} refuses the client certificate ")),
        "{text}"
    );
    assert!(text.contains("client-expired.pem: it has expired"), "{text}");

    let port = start_with(&BOTH, Some("other-ca.pem"), &session_value());
    let text = log_in(port, "client-pkcs8.pem").await.unwrap_err().to_string();
    assert!(text.contains("the hub does not know the authority that signed it"), "{text}");

    let text = log_in(port, "client-encrypted.pem").await.unwrap_err().to_string();
    assert!(text.contains("client-encrypted.pem: the key is encrypted"), "{text}");
    let text = log_in(port, "absent.pem").await.unwrap_err().to_string();
    assert!(text.starts_with("cert: ") && text.contains("absent.pem: "), "{text}");
}

#[tokio::test]
async fn the_environment_s_authorities_count_where_the_profile_has_none() {
    let port = start();
    let profile = Profile::for_server("p", format!("https://127.0.0.1:{port}/kojihub"));
    for (bundle, is_trusted) in [("ca.pem", true), ("other-ca.pem", false)] {
        let options = ClientOptions { ca_bundle: Some(fixture(bundle)), ..options() };
        let result = Hub::new(&profile, &options).unwrap().call("getAPIVersion", &[]).await;
        assert_eq!(result.is_ok(), is_trusted, "{bundle}: {result:?}");
    }
}
