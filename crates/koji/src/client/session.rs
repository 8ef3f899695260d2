//! A *session* is a login: its calls carry its key and a number, one after the other (KOJI.md 3).

use super::auth::Authenticator;
use super::exchange::{Exchange, Failed};
use super::hub::Hub;
use super::options::RetryPolicy;
use crate::error::KojiError;
use crate::fault::FaultClass;
use crate::value::{ShapeError, fields};
use crate::xmlrpc::{MethodCall, Value, encode_call};
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use std::sync::Arc;
use tokio::sync::Mutex;

const SESSION_ID: HeaderName = HeaderName::from_static("koji-session-id");
const SESSION_KEY: HeaderName = HeaderName::from_static("koji-session-key");
const SESSION_CALLNUM: HeaderName = HeaderName::from_static("koji-session-callnum");

/// A logged-in session. Copies are the same session; its calls wait for each other.
///
/// Every call gets a number that no other has; its repetitions keep it, so the hub can tell them from new calls. Dropping
/// the future of a call leaves a gap in the numbers, which hubs allow.
#[derive(Clone)]
pub struct Session {
    hub: Hub,
    authenticator: Arc<Authenticator>,
    state: Arc<Mutex<State>>,
}

struct State {
    id: i64,
    key: String,
    in_url: bool,
    next_call: u32,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("authenticator", &self.authenticator).finish_non_exhaustive()
    }
}

impl Session {
    pub(super) async fn open(hub: Hub, authenticator: Authenticator) -> Result<Self, KojiError> {
        let state = log_in(&hub, &authenticator).await?;
        Ok(Self { hub, authenticator: Arc::new(authenticator), state: Arc::new(Mutex::new(state)) })
    }

    /// The hub, for calls without the session.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Calls `method` in the session.
    ///
    /// A session that has expired (1007) or that the hub has closed (1002) is opened anew, once, unless an answer was lost
    /// before: then [`KojiError::Retry`] says that the call may have been executed.
    pub async fn call(&self, method: &str, params: &[Value]) -> Result<Value, KojiError> {
        let body = encode_call(method, params)?;
        let mut state = self.state.lock().await;
        let failed = match self.exchange(&mut state, method, body.clone(), &self.hub.inner.retry).await {
            Ok(value) => return Ok(value),
            Err(failed) => failed,
        };
        if !is_session_gone(&failed) {
            return Err(failed.error);
        }
        *state = log_in(&self.hub, &self.authenticator).await?;
        Ok(self.exchange(&mut state, method, body, &self.hub.inner.retry).await?)
    }

    /// Makes a prepared call in the session.
    pub async fn send(&self, call: &MethodCall) -> Result<Value, KojiError> {
        self.call(&call.method, &call.params).await
    }

    /// Closes the session, without much patience: a session that is left open expires by itself.
    pub async fn logout(&self) -> Result<(), KojiError> {
        let body = encode_call("logout", &[])?;
        let mut state = self.state.lock().await;
        match self.exchange(&mut state, "logout", body, &RetryPolicy::once()).await {
            Ok(_) => Ok(()),
            // It is closed, by someone else or by an attempt whose answer was lost.
            Err(failed) if failed.error.is_fault(FaultClass::Auth) => Ok(()),
            Err(failed) => Err(failed.error),
        }
    }

    async fn exchange(
        &self,
        state: &mut State,
        method: &str,
        body: Vec<u8>,
        policy: &RetryPolicy,
    ) -> Result<Value, Failed> {
        let number = state.next_call;
        // Taken before anything is sent: if this future is dropped the number must not be used again.
        state.next_call = number.wrapping_add(1);
        let (headers, url) =
            state.credentials(&self.hub.inner.url, number).map_err(|error| Failed { error, lost: false })?;
        Exchange { method, url: &url, body, headers, timeout: None }.run(&self.hub.inner.http, policy).await
    }
}

impl State {
    fn credentials(&self, url: &Url, number: u32) -> Result<(HeaderMap, Url), KojiError> {
        let mut headers = HeaderMap::new();
        let mut key = HeaderValue::from_str(&self.key)
            .map_err(|_| ShapeError::new("login.session-key", "characters that no header can hold"))?;
        key.set_sensitive(true);
        headers.insert(SESSION_ID, HeaderValue::from(self.id));
        headers.insert(SESSION_KEY, key);
        headers.insert(SESSION_CALLNUM, HeaderValue::from(number));
        let mut url = url.clone();
        if self.in_url {
            url.query_pairs_mut()
                .append_pair("session-id", &self.id.to_string())
                .append_pair("session-key", &self.key)
                .append_pair("callnum", &number.to_string());
        }
        Ok((headers, url))
    }
}

fn is_session_gone(failed: &Failed) -> bool {
    let codes = [FaultClass::AuthExpired.code(), FaultClass::Auth.code()];
    !failed.lost && matches!(&failed.error, KojiError::Fault { fault, .. } if codes.contains(&fault.code))
}

async fn log_in(hub: &Hub, authenticator: &Authenticator) -> Result<State, KojiError> {
    let (user, password) = match authenticator {
        Authenticator::Password { user, password } => (user, password),
        Authenticator::Certificate { .. } | Authenticator::Kerberos { .. } => {
            return Err(KojiError::Auth {
                reason: format!("{} login is not supported yet in this build", authenticator.name()),
            });
        }
    };
    let params = [Value::String(user.clone()), Value::String(password.reveal().to_owned())];
    let body = encode_call("login", &params).map_err(|_| KojiError::Auth {
        reason: "the user name or the password has characters that cannot be sent".to_owned(),
    })?;
    // Repeating a login is safe: at worst a session that nobody uses stays open until it expires.
    let exchange = Exchange {
        method: "login",
        url: &hub.inner.url,
        body,
        headers: HeaderMap::new(),
        timeout: Some(hub.inner.profile.auth_timeout),
    };
    let answer = exchange.run(&hub.inner.http, &hub.inner.retry).await?;
    let session = fields(&answer, "login")?;
    Ok(State {
        id: session.get_i64("session-id")?,
        key: session.get_str("session-key")?.to_owned(),
        // Hubs before 1.30 do not announce headers and take the session from the URL only.
        in_url: !session.get_bool_opt("header-auth")?.unwrap_or(false),
        next_call: 0,
    })
}
