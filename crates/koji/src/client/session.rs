//! A *session* is a login: its calls carry its key and a number, one after the other (facts: sessions 9).

use super::auth::{Authenticator, Password};
use super::exchange::{Exchange, FailedExchange};
use super::hub::Hub;
use super::login::{Opened, log_in};
use super::retry::RetryPolicy;
use crate::error::KojiError;
use crate::fault::FaultClass;
use crate::value::ShapeError;
use crate::xmlrpc::{MethodCall, Value, encode_call};
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use std::sync::Arc;
use tokio::sync::Mutex;

/// How often a call is made, in sessions that end one after the other. While a hub is upgraded, they may do that.
const MOST_TRIES: u32 = 4;

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

/// What it means when a call is executed twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repeats {
    MayHarm,
    DoNothing,
}

struct State {
    id: i64,
    key: String,
    in_url: bool,
    next_call: u32,
    /// Whether the hub has said that it does not know it any more.
    is_gone: bool,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("authenticator", &self.authenticator).finish_non_exhaustive()
    }
}

impl Hub {
    pub async fn login(&self, authenticator: Authenticator) -> Result<Session, KojiError> {
        let state = State::open(self, &authenticator, &self.inner.login_retry).await?;
        let (authenticator, state) = (Arc::new(authenticator), Arc::new(Mutex::new(state)));
        Ok(Session { hub: self.clone(), authenticator, state })
    }

    /// Opens a session with a password.
    pub async fn login_password(&self, user: &str, password: &str) -> Result<Session, KojiError> {
        self.login(Authenticator::Password { user: user.to_owned(), password: Password::new(password) }).await
    }
}

impl Session {
    /// The hub, for calls without the session.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Calls `method` in the session.
    ///
    /// A session that has expired (1007) is renewed, once: the hub keeps its call numbers (facts: sessions 7), so that the call is repeated safely
    /// even if an answer was lost before. One that the hub has closed or replaced (1002, facts: sessions 6), or whose numbers it disputes (1008),
    /// is opened again, a few times, unless an answer was lost before: then [`KojiError::Retry`] says that the call may have been
    /// executed, and the next call opens it.
    pub async fn call(&self, method: &str, params: &[Value]) -> Result<Value, KojiError> {
        self.call_as(method, params, Repeats::MayHarm).await
    }

    /// Calls a method that does nothing more when it is called again. It is, a few times, where [`call`](Self::call) says that
    /// the answer is lost: with another number, in another session if need be.
    pub async fn call_again(&self, method: &str, params: &[Value]) -> Result<Value, KojiError> {
        self.call_as(method, params, Repeats::DoNothing).await
    }

    async fn call_as(&self, method: &str, params: &[Value], repeats: Repeats) -> Result<Value, KojiError> {
        let body = encode_call(method, params)?;
        let policy = &self.hub.inner.retry;
        let mut state = self.state.lock().await;
        let is_harmless = repeats == Repeats::DoNothing;
        let mut tries = 1;
        loop {
            let failed = match self.call_once(&mut state, method, &body, policy).await {
                Ok(value) => return Ok(value),
                Err(failed) => failed,
            };
            state.is_gone = is_session_gone(&failed.error);
            let may_repeat = if state.is_gone {
                is_harmless || !failed.lost
            } else {
                is_harmless && failed.error.is_fault(FaultClass::Retry)
            };
            if !may_repeat || tries == MOST_TRIES {
                return Err(failed.error);
            }
            tries += 1;
        }
    }

    /// Makes a call with the next number, in a new session if this one is gone. One that has expired is renewed.
    async fn call_once(
        &self,
        state: &mut State,
        method: &str,
        body: &[u8],
        policy: &RetryPolicy,
    ) -> Result<Value, FailedExchange> {
        if state.is_gone {
            let opened = State::open(&self.hub, &self.authenticator, policy).await;
            *state = opened.map_err(|error| FailedExchange { error, lost: false })?;
        }
        let number = state.take_number();
        let failed = match self.exchange(state, number, method, body.to_vec(), false, policy).await {
            Ok(value) => return Ok(value),
            Err(failed) => failed,
        };
        if !failed.error.is_fault(FaultClass::AuthExpired) || state.in_url {
            return Err(failed);
        }
        match self.renew(state).await {
            Ok(()) => self.exchange(state, number, method, body.to_vec(), failed.lost, policy).await,
            Err(error) if !is_refusal(&error) && !failed.lost => Err(FailedExchange { error, lost: false }),
            // The hub has closed it in the meantime, or what the call came to is known no better than before.
            Err(_) => Err(failed),
        }
    }

    /// Makes the session valid again with a new key.
    async fn renew(&self, state: &mut State) -> Result<(), KojiError> {
        let headers = state.headers(None)?;
        let opened = log_in(&self.hub, &self.authenticator, Some(headers), &self.hub.inner.retry).await?;
        if opened.id != state.id {
            return Err(ShapeError::new("login.session-id", "not the session that was to be renewed").into());
        }
        state.key = opened.key;
        Ok(())
    }

    /// Makes a prepared call in the session.
    pub async fn send(&self, call: &MethodCall) -> Result<Value, KojiError> {
        self.call(&call.method, &call.params).await
    }

    /// Closes the session, without much patience: a session that is left open expires by itself.
    pub async fn logout(&self) -> Result<(), KojiError> {
        let body = encode_call("logout", &[])?;
        let mut state = self.state.lock().await;
        if state.is_gone {
            return Ok(());
        }
        let number = state.take_number();
        match self.exchange(&state, number, "logout", body, false, &RetryPolicy::once()).await {
            Ok(_) => Ok(()),
            // It is closed, by someone else or by an attempt whose answer was lost.
            Err(failed) if failed.error.is_fault(FaultClass::Auth) => Ok(()),
            Err(failed) => Err(failed.error),
        }
    }

    async fn exchange(
        &self,
        state: &State,
        number: u32,
        method: &str,
        body: Vec<u8>,
        lost: bool,
        policy: &RetryPolicy,
    ) -> Result<Value, FailedExchange> {
        let http = &self.hub.inner.http;
        let headers = state.headers(Some(number)).map_err(|error| FailedExchange { error, lost })?;
        let url = state.url(&http.url, number);
        let timeout = http.answer_timeout;
        let client = &http.calls;
        Exchange { method, url: &url, body, headers, timeout, client, handshake: None, lost }.run(http, policy).await
    }
}

impl State {
    async fn open(hub: &Hub, authenticator: &Authenticator, policy: &RetryPolicy) -> Result<Self, KojiError> {
        let Opened { id, key, in_url } = log_in(hub, authenticator, None, policy).await?;
        Ok(Self { id, key, in_url, next_call: 0, is_gone: false })
    }

    /// The number of the next call. It is taken before anything is sent: if the future of the call is dropped the number
    /// must not be used again.
    fn take_number(&mut self) -> u32 {
        let number = self.next_call;
        self.next_call = number.wrapping_add(1);
        number
    }

    fn headers(&self, number: Option<u32>) -> Result<HeaderMap, KojiError> {
        let mut headers = HeaderMap::new();
        let mut key = HeaderValue::from_str(&self.key)
            .map_err(|_| ShapeError::new("login.session-key", "characters that no header can hold"))?;
        key.set_sensitive(true);
        headers.insert(SESSION_ID, HeaderValue::from(self.id));
        headers.insert(SESSION_KEY, key);
        if let Some(number) = number {
            headers.insert(SESSION_CALLNUM, HeaderValue::from(number));
        }
        Ok(headers)
    }

    fn url(&self, url: &Url, number: u32) -> Url {
        let mut url = url.clone();
        if self.in_url {
            url.query_pairs_mut()
                .append_pair("session-id", &self.id.to_string())
                .append_pair("session-key", &self.key)
                .append_pair("callnum", &number.to_string());
        }
        url
    }
}

/// Whether the hub itself says no.
fn is_refusal(error: &KojiError) -> bool {
    matches!(error, KojiError::Fault { .. } | KojiError::Shape(_))
}

fn is_session_gone(error: &KojiError) -> bool {
    let codes = [FaultClass::AuthExpired, FaultClass::Auth, FaultClass::Sequence].map(FaultClass::code);
    error.fault().is_some_and(|fault| codes.contains(&fault.code))
}
