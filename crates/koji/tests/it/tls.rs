//! Which servers are trusted.

use crate::server::{http, options};
use magudi_koji::xmlrpc::encode_response;
use magudi_koji::{Hub, KojiError, Profile, Value};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/koji/tls").join(name)
}

/// A hub behind TLS that answers every call with 1; its port.
fn start() -> u16 {
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
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        while let Ok((socket, _)) = listener.accept() {
            let config = config.clone();
            // A client that trusts nobody hangs up, which is an error here and no news.
            std::thread::spawn(move || answer(socket, config));
        }
    });
    port
}

fn answer(mut socket: TcpStream, config: Arc<ServerConfig>) -> std::io::Result<()> {
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
    let body = encode_response(&Value::Int(1)).map_err(std::io::Error::other)?;
    stream.write_all(&http("200 OK", "text/xml", &body))?;
    stream.flush()
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
