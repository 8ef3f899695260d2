//! The *Kerberos handshake* of a login: the server asks with 401, the client shows its ticket, the server proves in turn that
//! it is the one that the ticket is for (RFC 4559; facts: sessions 4). Who speaks Kerberos is behind a trait.

use crate::error::{Attempted, KojiError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Response, StatusCode};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

/// How often the two sides may answer each other. Kerberos needs one round, its negotiation at most two more.
const MAX_ROUNDS: usize = 5;

/// How long a token may be, in base64. Apache takes no longer header either.
const MAX_TOKEN: usize = 64 * 1024;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TicketSource {
    /// The principal; none: that of the credential cache, or the first one of the key table.
    pub principal: Option<String>,
    /// The key table to get a ticket with. Such a ticket is kept in memory, apart from every other login's.
    pub keytab: Option<String>,
    /// The credential cache that holds the ticket, without a key table; none: the library's own choice.
    pub ccache: Option<String>,
}

/// Begins handshakes.
pub trait Negotiation: Debug + Send + Sync {
    /// Begins one with the web server on `host`. May block.
    fn begin(&self, source: &TicketSource, host: &str) -> Result<Box<dyn Negotiator>, NegotiateError>;
}

/// The client's side of one handshake.
pub trait Negotiator: Send {
    /// Takes the server's token, none at first, and gives the one to send, if there is one to send. May block.
    fn step(&mut self, token: Option<&[u8]>) -> Result<Option<Vec<u8>>, NegotiateError>;

    /// Whether the server has proven who it is.
    fn is_complete(&self) -> bool;
}

/// Why a handshake cannot continue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct NegotiateError {
    /// What Kerberos says.
    pub reason: String,
    /// Whether it may go better later without anyone changing anything, as when no KDC answers.
    pub passes: bool,
}

/// What speaks Kerberos in this build: the system's library with the feature `gssapi`, else nothing.
#[cfg_attr(feature = "gssapi", expect(clippy::unnecessary_wraps, reason = "without the feature there is none"))]
pub fn system() -> Option<Arc<dyn Negotiation>> {
    #[cfg(feature = "gssapi")]
    return Some(Arc::new(super::gssapi::SystemKerberos));
    #[cfg(not(feature = "gssapi"))]
    None
}

/// What a login needs for its handshakes.
#[derive(Debug)]
pub struct Handshake {
    pub negotiation: Arc<dyn Negotiation>,
    pub source: TicketSource,
    pub host: String,
    /// How long one step may take: the library asks the KDC, and may ask several.
    pub timeout: Duration,
}

/// Sends a request with `send` and carries out the handshake that the server asks for. A server that asks for none is
/// taken at its word: the hub will say that it does not know the user.
pub async fn send<F>(
    handshake: &Handshake,
    call: &Attempted,
    send: impl Fn(Option<HeaderValue>) -> F,
) -> Result<Response, KojiError>
where
    F: Future<Output = Result<Response, KojiError>>,
{
    let mut response = send(None).await?;
    if response.status() != StatusCode::UNAUTHORIZED {
        return Ok(response);
    }
    if !is_offered(response.headers()) {
        return Err(refused("the web server does not offer Kerberos at that URL"));
    }
    let mut negotiator = None;
    let mut token = None;
    for _ in 0..MAX_ROUNDS {
        let (next, answer) = step(handshake, negotiator, token).await.map_err(|error| sorted(error, call))?;
        if response.status().is_success() {
            return if next.is_complete() { Ok(response) } else { Err(unproven()) };
        }
        let Some(answer) = answer else { return Err(refused("the web server asks for more than Kerberos provides")) };
        response = send(Some(authorization(&answer)?)).await?;
        token = token_of(response.headers())?;
        if response.status().is_success() && token.is_none() {
            return if next.is_complete() { Ok(response) } else { Err(unproven()) };
        }
        if !response.status().is_success() && response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        if token.is_none() {
            return Err(refused(
                "the web server refuses the Kerberos ticket (HTTP status 401); its keytab must hold the key of \
                 `HTTP/` with its host name, and the clocks must agree",
            ));
        }
        negotiator = Some(next);
    }
    Err(refused("the web server never ends the Kerberos handshake"))
}

fn refused(reason: impl Into<String>) -> KojiError {
    KojiError::Auth { reason: reason.into() }
}

fn unproven() -> KojiError {
    refused("the web server has not proven by Kerberos that it is the one it should be")
}

fn sorted(error: NegotiateError, call: &Attempted) -> KojiError {
    let reason = format!("Kerberos: {}", error.reason);
    if error.passes { KojiError::Transport { call: call.clone(), reason } } else { refused(reason) }
}

type Step = (Box<dyn Negotiator>, Option<Vec<u8>>);

/// One step, on a thread that may block.
async fn step(
    handshake: &Handshake,
    negotiator: Option<Box<dyn Negotiator>>,
    token: Option<Vec<u8>>,
) -> Result<Step, NegotiateError> {
    let (negotiation, source, host) =
        (Arc::clone(&handshake.negotiation), handshake.source.clone(), handshake.host.clone());
    let work = move || {
        let mut negotiator = match negotiator {
            Some(negotiator) => negotiator,
            None => negotiation.begin(&source, &host)?,
        };
        let answer = negotiator.step(token.as_deref())?;
        Ok((negotiator, answer))
    };
    // A step that takes too long continues by itself, and no one hears how it ends.
    let outcome = tokio::time::timeout(handshake.timeout, tokio::task::spawn_blocking(work)).await;
    let fail = |reason, passes| Err(NegotiateError { reason, passes });
    match outcome {
        Ok(Ok(step)) => step,
        Ok(Err(e)) => fail(format!("it stopped: {e}"), false),
        Err(_) => fail(format!("nothing happened for {} s", handshake.timeout.as_secs_f64()), true),
    }
}

/// The values of `WWW-Authenticate` that are about Kerberos, without the scheme.
fn offers(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    values.filter_map(|value| {
        let (scheme, rest) = value.trim().split_once(' ').unwrap_or((value.trim(), ""));
        scheme.eq_ignore_ascii_case("negotiate").then(|| rest.trim())
    })
}

fn is_offered(headers: &HeaderMap) -> bool {
    offers(headers).next().is_some()
}

fn token_of(headers: &HeaderMap) -> Result<Option<Vec<u8>>, KojiError> {
    let Some(text) = offers(headers).find(|token| !token.is_empty()) else { return Ok(None) };
    if text.len() > MAX_TOKEN {
        return Err(refused("the Kerberos token of the web server is too long"));
    }
    STANDARD.decode(text).map(Some).map_err(|_| refused("the Kerberos token of the web server is not base64"))
}

fn authorization(token: &[u8]) -> Result<HeaderValue, KojiError> {
    let mut value = HeaderValue::from_str(&format!("Negotiate {}", STANDARD.encode(token)))
        .map_err(|_| refused("the Kerberos token does not fit a header"))?;
    value.set_sensitive(true);
    Ok(value)
}
