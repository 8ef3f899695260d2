//! The *HTTP* side: connections, routes, limits, and the ways in which an answer can fail to arrive (facts: wire 3).

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use magudi_koji::xmlrpc::encode_fault;

use crate::access_log::CalledMethod;
use crate::body::Body;
use crate::caller;
use crate::caller::Caller;
use crate::clock;
use crate::files;
use crate::hub::Hub;
use crate::methods::KOJI_VERSION;
use crate::pages;
use crate::response::{html, internal_error, respond};
use crate::rpc::{self, Reply};
use crate::scenario::{Loss, OutageKind};
use crate::wire::{Fault, OFFLINE, not_allowed};

/// A request is no longer than this, as with a real hub's default (facts: wire 2).
const MAX_REQUEST: u64 = 4 << 20;
/// A connection that is silent for so long is closed, as Apache does (facts: wire 4): clients must be ready for that.
const IDLE: Duration = Duration::from_secs(5);
/// How long a request may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(60);
/// Connections at the same time; more of them wait.
const MAX_CONNECTIONS: usize = 1024;
/// How long running requests may take to end when the hub stops.
const GRACE: Duration = Duration::from_secs(2);

/// The connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed without an answer, as the scenario says")]
pub(crate) struct HangUp;

/// What a request comes to.
pub(crate) type HttpOutcome = Result<Response<Body>, HangUp>;

/// Serves connections until `stopped` says so, or until the sender of that is gone.
pub(crate) async fn serve(listener: TcpListener, hub: Arc<Hub>, mut stopped: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            _ = stopped.changed() => break,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, peer, place)) => {
                let (hub, stopped) = (Arc::clone(&hub), stopped.clone());
                connections.spawn(async move {
                    connection(stream, peer, hub, stopped).await;
                    drop(place);
                });
            }
            // No file descriptors are left, for example; some will be free again.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    drop(listener);
    // Connections that do not end by themselves are closed when the set is dropped.
    let _ = timeout(GRACE, async { while connections.join_next().await.is_some() {} }).await;
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, place))
}

async fn connection(stream: TcpStream, peer: SocketAddr, hub: Arc<Hub>, mut stopped: watch::Receiver<bool>) {
    // Answers are small; waiting to fill packets would only delay them.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let hub = Arc::clone(&hub);
        async move {
            let asked = hub.access_log.is_some().then(|| (request.method().clone(), request.uri().clone()));
            let outcome = route(Arc::clone(&hub), peer, request).await;
            if let (Some(log), Some((verb, uri))) = (&hub.access_log, asked) {
                log.write(peer.ip().to_canonical(), &verb, &uri, outcome.as_ref().ok());
            }
            outcome
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    // Errors are the peer's doing or the scenario's; there is no one to tell.
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stopped.changed() => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

async fn route(hub: Arc<Hub>, peer: SocketAddr, request: Request<Incoming>) -> HttpOutcome {
    let path = caller::percent_decode(request.uri().path());
    let below = |prefix: &str| {
        path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/')).map(str::to_owned)
    };
    let mut response = if below("/kojihub").is_some() {
        call(hub, peer, request).await?
    } else if let Some(rest) = below("/kojifiles") {
        files::answer(hub, &request, &rest).await
    } else if path == "/" || below("/koji").is_some() {
        let query = request.uri().query().unwrap_or_default().to_owned();
        on_a_thread(move || pages::answer(&hub, &path, &query)).await
    } else {
        html(StatusCode::NOT_FOUND, "Not Found", "There is nothing here.")
    };
    if let Ok(date) = HeaderValue::from_str(&clock::http_date(std::time::SystemTime::now())) {
        response.headers_mut().insert(header::DATE, date);
    }
    Ok(response)
}

/// Does what may wait for the disk on a thread where that does no harm.
async fn on_a_thread(work: impl FnOnce() -> Response<Body> + Send + 'static) -> Response<Body> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| internal_error())
}

/// An answer that the connection does not survive.
fn closing(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

fn by_hub(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert("koji-version", HeaderValue::from_static(KOJI_VERSION));
    response
}

fn invalid(text: &str) -> Response<Body> {
    closing(by_hub(respond(StatusCode::BAD_REQUEST, "text/plain", format!("Invalid request: {text}\n"))))
}

async fn call(hub: Arc<Hub>, peer: SocketAddr, request: Request<Incoming>) -> HttpOutcome {
    if request.method() != Method::POST {
        let text = "Method Not Allowed\nThis is an XML-RPC hub; it takes POST requests only.\n";
        let mut response = by_hub(respond(StatusCode::METHOD_NOT_ALLOWED, "text/plain", text));
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        return Ok(response);
    }
    let mut outage = hub.faults.meet(Instant::now());
    if let Some(answer) = outage.and_then(away) {
        return answer;
    }
    if request.headers().contains_key(header::TRANSFER_ENCODING) {
        let text = "A request of this type must have a Content-Length.";
        return Ok(closing(html(StatusCode::LENGTH_REQUIRED, "Length Required", text)));
    }
    if request.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/octet-stream") {
        // Real hubs take uploads here; this one makes all of its files itself.
        let fault = not_allowed("you must be logged-in to upload a file");
        return Ok(closing(by_hub(respond(StatusCode::OK, "text/xml", encode_fault(&fault)))));
    }
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: u64| length > MAX_REQUEST) {
        return Ok(invalid("Request too long"));
    }
    let is_old = hub.setting.scenario.sessions_in_urls;
    let mut caller = caller::read(peer.ip().to_canonical(), request.headers(), request.uri().query(), is_old);
    let body = Limited::new(request.into_body(), usize::try_from(MAX_REQUEST).unwrap_or(usize::MAX));
    let body: Bytes = match timeout(BODY_TIME, body.collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => return Ok(invalid("the request broke off")),
        Err(_) => return Ok(closing(by_hub(respond(StatusCode::REQUEST_TIMEOUT, "text/plain", "Request Timeout\n")))),
    };
    let mark = mark(&caller, &body);
    outage = outage.or_else(|| hub.faults.meet_first(mark));
    if let Some(answer) = outage.and_then(away) {
        return answer;
    }
    caller.is_locked_out = outage == Some(OutageKind::Lockout);
    // On the spot: to hand a call to another thread and back takes longer than most calls.
    let (method, body) = match rpc::answer(&hub, &body, &caller) {
        Reply::Answer { method, body } => (method, body),
        Reply::Invalid(text) => return Ok(invalid(&text)),
        Reply::Unencodable(_) => return Ok(internal_error()),
    };
    let delay = hub.faults.delay(&method);
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    let mut outcome = match hub.faults.loses_answer(&method, mark) {
        None => Ok(by_hub(respond(StatusCode::OK, "text/xml", body))),
        Some(loss) => lose(loss, body),
    };
    if let (Ok(response), true) = (&mut outcome, hub.access_log.is_some()) {
        response.extensions_mut().insert(CalledMethod(method));
    }
    outcome
}

/// What a client sees of a hub that cannot be used; nothing, if it can, by some.
fn away(kind: OutageKind) -> Option<HttpOutcome> {
    Some(match kind {
        OutageKind::Lockout => return None,
        OutageKind::Offline => {
            let fault = Fault::new(OFFLINE, "server is offline");
            Ok(by_hub(respond(StatusCode::OK, "text/xml", encode_fault(&fault))))
        }
        OutageKind::Http500 => Ok(internal_error()),
        OutageKind::Html => Ok(html(StatusCode::OK, "Maintenance", "This service is down for maintenance.")),
        OutageKind::Refuse => Err(HangUp),
    })
}

/// What tells a request from others: its session with the number of the call, and its body.
fn mark(caller: &Caller, body: &[u8]) -> u64 {
    let session = caller.credentials.as_ref().ok().and_then(Option::as_ref);
    let mut hasher = DefaultHasher::new();
    (session.map(|session| (session.id, session.callnum)), body).hash(&mut hasher);
    hasher.finish()
}

/// What arrives of an answer that gets lost.
fn lose(loss: Loss, body: Vec<u8>) -> HttpOutcome {
    match loss {
        Loss::Close => Err(HangUp),
        Loss::Cut => {
            let left = body.len() as u64;
            let (sender, pieces) = tokio::sync::mpsc::channel(1);
            let half = Bytes::from(body).split_to(usize::try_from(left / 2).unwrap_or_default());
            tokio::spawn(async move {
                // The receiver is gone if this cannot be sent.
                let _ = sender.send(Ok(half)).await;
                // It must leave before the missing end tears the connection down.
                tokio::time::sleep(Duration::from_millis(50)).await;
            });
            Ok(by_hub(respond(StatusCode::OK, "text/xml", Body::Pieces { pieces, left })))
        }
        Loss::Garbage => {
            let garbage: Vec<u8> = body.iter().map(|byte| byte.wrapping_mul(7).wrapping_add(129)).collect();
            Ok(by_hub(respond(StatusCode::OK, "text/xml", garbage)))
        }
        Loss::Gateway => {
            let text = "The proxy server received an invalid response from an upstream server.";
            Ok(html(StatusCode::BAD_GATEWAY, "Proxy Error", text))
        }
    }
}
