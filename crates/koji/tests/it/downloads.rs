//! Files over HTTP.

use crate::server::{Server, Step, http, options};
use magudi_koji::{ClientOptions, FileStream, KojiError};
use std::time::Duration;

async fn read(mut file: FileStream) -> Result<Vec<u8>, KojiError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = file.chunk().await? {
        bytes.extend_from_slice(chunk.as_ref());
    }
    assert_eq!(file.received(), bytes.len() as u64);
    Ok(bytes)
}

fn url(server: &Server) -> String {
    format!("http://127.0.0.1:{}/kojifiles/a.qcow2", server.port)
}

#[tokio::test]
async fn a_file_arrives_as_it_lies_there() {
    let body: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    // As Apache sends `disk.raw.gz`.
    let head = "HTTP/1.1 200 OK\r\nContent-Encoding: x-gzip\r\nContent-Length: 300000\r\n\r\n";
    let server = Server::start([Step::Send([head.as_bytes(), &body].concat())]).await;
    let file = server.hub().get_file(&url(&server), 300_000).await.unwrap();
    assert_eq!((file.status(), file.content_length(), file.offset()), (200, Some(300_000), 0));
    assert_eq!(read(file).await.unwrap(), body);
    let head = &server.seen()[0];
    assert!(head.head.starts_with("GET /kojifiles/a.qcow2 "), "{}", head.head);
    assert_eq!(head.header("Accept-Encoding"), None);
}

#[tokio::test]
async fn a_missing_file_is_a_status() {
    let server = Server::start([Step::Send(http("404 Not Found", "text/html", b"gone"))]).await;
    let error = server.hub().get_file(&url(&server), 10).await.unwrap_err();
    assert!(matches!(error, KojiError::Http { status: 404, .. }));
    assert!(error.to_string().starts_with("GET /kojifiles/a.qcow2 at http://127.0.0.1:"), "{error}");
}

#[tokio::test]
async fn a_file_that_ends_early_or_is_too_large() {
    let short = Step::SendAndClose(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this".to_vec());
    let large = Step::Send(http("200 OK", "application/octet-stream", &[0; 100]));
    let endless = Step::SendAndClose([b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &[0; 5000]].concat());
    let server = Server::start([short, large, endless]).await;
    let hub = server.hub();
    let file = hub.get_file(&url(&server), 100).await.unwrap();
    let error = read(file).await.unwrap_err();
    assert!(matches!(error, KojiError::Transport { .. }) && error.is_retriable(), "{error:?}");
    let error = hub.get_file(&url(&server), 99).await.unwrap_err();
    assert!(matches!(error, KojiError::TooLarge { limit: 99, .. }), "{error:?}");
    let file = hub.get_file(&url(&server), 4999).await.unwrap();
    assert_eq!(file.content_length(), None);
    let error = read(file).await.unwrap_err();
    assert!(matches!(error, KojiError::TooLarge { limit: 4999, .. }), "{error:?}");
}

#[tokio::test]
async fn a_file_that_stops_coming() {
    let server = Server::start([Step::Silence(Duration::from_secs(60))]).await;
    let options = ClientOptions { download_timeout: Duration::from_millis(50), ..options() };
    let error = server.hub_with(&options).get_file(&url(&server), 10).await.unwrap_err();
    assert!(matches!(error, KojiError::Timeout { .. }), "{error:?}");
}

#[tokio::test]
async fn the_rest_of_a_file() {
    let part = |range: &str| {
        let head =
            format!("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {range}\r\nContent-Length: 3\r\n\r\ndef");
        Step::Send(head.into_bytes())
    };
    let whole = Step::Send(http("200 OK", "application/octet-stream", b"abcdef"));
    let server = Server::start([part("3-5/6"), whole, part("2-4/6")]).await;
    let hub = server.hub();
    let file = hub.get_file_from(&url(&server), 3, 6).await.unwrap();
    assert_eq!((file.status(), file.offset()), (206, 3));
    assert_eq!(read(file).await.unwrap(), b"def");
    assert_eq!(server.seen()[0].header("Range"), Some("bytes=3-"));
    let file = hub.get_file_from(&url(&server), 3, 6).await.unwrap();
    assert_eq!((file.status(), file.offset()), (200, 0));
    assert_eq!(read(file).await.unwrap(), b"abcdef");
    assert!(matches!(hub.get_file_from(&url(&server), 3, 6).await, Err(KojiError::Shape(_))), "another part");
}

#[tokio::test]
async fn only_http() {
    let server = Server::start([]).await;
    for url in ["file:///etc/passwd", "a.qcow2", ""] {
        assert!(matches!(server.hub().get_file(url, 1).await, Err(KojiError::Setting { .. })), "{url}");
    }
}

/// Mirrors are gone to, but not with the password of the server that sends there.
#[tokio::test]
async fn a_password_stays_with_its_server() {
    let whole = || Step::Send(http("200 OK", "application/octet-stream", b"abcdef"));
    let mirror = Server::start([whole()]).await;
    let to = |url: String| {
        Step::Send(format!("HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n").into_bytes())
    };
    let there = url(&mirror);
    let server = Server::start([to(there.clone()), to(there), to("/other".to_owned()), whole()]).await;
    let private = url(&server).replace("//", "//user:password@");
    let hub = server.hub();
    assert_eq!(read(hub.get_file(&url(&server), 6).await.unwrap()).await.unwrap(), b"abcdef");
    let error = hub.get_file(&private, 6).await.unwrap_err();
    assert!(matches!(error, KojiError::Http { status: 302, .. }) && !error.to_string().contains("password"), "{error}");
    assert_eq!(mirror.seen().len(), 1);
    assert_eq!(read(hub.get_file(&private, 6).await.unwrap()).await.unwrap(), b"abcdef");
    let authorized = |seen: &crate::server::Seen| seen.header("Authorization").is_some();
    assert_eq!(server.seen().iter().map(authorized).collect::<Vec<_>>(), [false, true, true, true]);
}
