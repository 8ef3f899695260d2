//! An *exchange* is one call with all its repetitions: the same bytes, the same call number, until there is an answer or
//! patience ends (facts: koji 22 has what Koji's own client does).

use super::http::{self, Http};
use super::negotiate::{self, Handshake};
use super::options::{EndedCall, Unanswered};
use super::retry::{RetryPolicy, jittered};
use super::stopwatch;
use crate::error::{Attempted, KojiError};
use crate::fault::FaultClass;
use crate::xmlrpc::{DecodeError, Fault, Response, Value, decode_response, encode_call};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Url};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

/// How often in a row an answer that is broken XML-RPC is asked for again: a hub breaks the same answer every time (facts: wire 11),
/// a bad network does not.
const MALFORMED_RETRIES: u32 = 2;

/// How large an answer is decoded on the spot, in bytes; larger ones would hold up other tasks of the runtime.
const DECODE_INLINE: usize = 512 * 1024;

/// How often a call is repeated that fails although the hub answers others, once the patience for one call is spent.
const CHANCES_OF_A_WELL_HUB: u32 = 2;

/// How much longer than a failure silence lasts before it is reported: it may be an answer that takes its time.
const SILENCE: u32 = 2;

/// How long a hub may take to show that it is there.
const PROBE_TIMEOUT: Duration = Duration::from_secs(30);

/// One encoded call.
#[derive(Debug)]
pub struct Exchange<'a> {
    pub method: &'a str,
    pub url: &'a Url,
    pub body: Vec<u8>,
    pub headers: HeaderMap,
    /// How long an attempt may take as a whole.
    pub timeout: Duration,
    /// What it goes through.
    pub client: &'a Client,
    /// The Kerberos handshake that the server will ask for.
    pub handshake: Option<&'a Handshake>,
    /// Whether the hub may have executed the call before this exchange.
    pub lost: bool,
}

/// How an exchange failed.
#[derive(Debug)]
pub struct FailedExchange {
    pub error: KojiError,
    /// Whether an attempt before the last one may have been executed.
    pub lost: bool,
}

impl From<FailedExchange> for KojiError {
    fn from(failed: FailedExchange) -> Self {
        failed.error
    }
}

impl Exchange<'_> {
    /// Carries out the call.
    pub async fn run(self, http: &Http, policy: &RetryPolicy) -> Result<Value, FailedExchange> {
        let (method, url, began) = (self.method, self.url, SystemTime::now());
        let outcome = self.persist(http, policy).await;
        if let Some(observer) = &http.observer {
            let error = outcome.as_ref().err().map(|failed| &failed.error);
            observer.ended(&EndedCall { method, server: http::server_of(url), began, error });
        }
        outcome
    }

    /// Repeats it until there is an answer, or patience ends.
    async fn persist(self, http: &Http, policy: &RetryPolicy) -> Result<Value, FailedExchange> {
        let started = Instant::now();
        let mut patience = CallPatience {
            http,
            policy,
            method: self.method,
            started,
            failures: 0,
            malformed: 0,
            well: 0,
            told: false,
        };
        let mut attempts = 0_u32;
        let mut lost = self.lost;
        loop {
            attempts = attempts.saturating_add(1);
            let begun = Instant::now();
            let attempt = patience.listen(&self, self.attempt(http)).await;
            let (mut error, asked_pause) = match attempt {
                Ok(Response::Value(value)) => {
                    stopwatch::answered(begun);
                    patience.answered();
                    return Ok(value);
                }
                Ok(Response::Fault(fault)) => {
                    if !fault.passes() {
                        patience.answered();
                    }
                    (self.fault(fault, lost), None)
                }
                Err(failure) => failure,
            };
            error.conceal(&http.mask);
            let pause = match &error {
                KojiError::Fault { fault, .. } | KojiError::Retry { fault, .. } => patience.after_fault(fault),
                error => patience.after(error, asked_pause, &self).await,
            };
            let Some(pause) = pause else {
                return Err(FailedExchange { error: finish(error, attempts, lost), lost });
            };
            stopwatch::waited();
            patience.tell(&error);
            lost |= error.fault().is_none() && error.may_have_executed();
            if !pause.is_zero() {
                patience.pause(&error, pause).await;
            }
        }
    }

    /// A fault as an error. `RetryError` says that the call number was executed; a refused session or an offline hub after a
    /// lost answer leaves that open. Any other fault is the call's own: had the lost attempt succeeded, this one would
    /// have been a `RetryError`.
    fn fault(&self, fault: Fault, lost: bool) -> KojiError {
        let method = self.method.to_owned();
        let leaves_open = fault.is_a(FaultClass::Auth) || fault.is_a(FaultClass::ServerOffline);
        if fault.is_a(FaultClass::Retry) || (lost && leaves_open) {
            KojiError::Retry { method, fault }
        } else {
            KojiError::Fault { method, fault }
        }
    }

    /// Sends the call once. With an error comes the pause that the server asks for.
    async fn attempt(&self, http: &Http) -> Result<Response, (KojiError, Option<Duration>)> {
        let call = self.call();
        let after = self.timeout.min(http.read_timeout);
        let send = |authorization: Option<HeaderValue>| {
            let mut request = self
                .client
                .post(self.url.clone())
                .headers(self.headers.clone())
                .header(CONTENT_TYPE, HeaderValue::from_static("text/xml"))
                .timeout(self.timeout)
                .body(self.body.clone());
            if let Some(authorization) = authorization {
                http.mask.add_passing(authorization.to_str().unwrap_or_default().trim_start_matches("Negotiate"));
                request = request.header(AUTHORIZATION, authorization);
            }
            let call = call.clone();
            async move { request.send().await.map_err(|e| http::sort_error(&e, call, after)) }
        };
        let response = match self.handshake {
            None => send(None).await,
            Some(handshake) => negotiate::send(handshake, &call, send).await,
        };
        let response = response.map_err(|error| (error, None))?;
        http.mask.add_headers(response.headers());
        let pause = retry_after(response.headers());
        let response = http::check_status(response, call.clone(), &http.mask).await.map_err(|e| (e, pause))?;
        let content_type = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .map(str::to_ascii_lowercase)
            .unwrap_or_default();
        if content_type.starts_with("text/html") || content_type.starts_with("application/xhtml") {
            let call = Attempted { sent: true, ..call };
            let content_type = http::excerpt_of(content_type.as_bytes(), &http.mask);
            let excerpt = http::excerpt(response, &http.mask).await;
            return Err((KojiError::NotXmlRpc { call, content_type, excerpt }, None));
        }
        let headers = response.headers().clone();
        let bytes = http::body(response, http.max_response, &call, after).await.map_err(|e| (e, None))?;
        let answer = decode(bytes).await.map_err(|error| {
            let call = Attempted { sent: true, ..call };
            (KojiError::Malformed { call, error: Box::new(error) }, None)
        })?;
        // Only what speaks XML-RPC is the hub: the clock of a proxy before it may be another.
        http.clock.read(&headers);
        Ok(answer)
    }

    /// Whether not even the simplest call gets an answer.
    async fn is_hub_away(&self, http: &Http) -> bool {
        let Ok(body) = encode_call("getAPIVersion", &[]) else { return false };
        let probe = Exchange {
            method: "getAPIVersion",
            url: &http.url,
            body,
            headers: HeaderMap::new(),
            timeout: PROBE_TIMEOUT.min(self.timeout),
            client: &http.calls,
            handshake: None,
            lost: false,
        };
        match probe.attempt(http).await {
            Ok(Response::Value(_)) => false,
            Ok(Response::Fault(fault)) => fault.is_a(FaultClass::ServerOffline),
            Err((error, _)) => error.is_retriable(),
        }
    }

    fn call(&self) -> Attempted {
        Attempted { what: self.method.to_owned(), server: http::server_of(self.url), attempts: 1, sent: false }
    }
}

/// What is left of the patience for one call.
struct CallPatience<'a> {
    http: &'a Http,
    policy: &'a RetryPolicy,
    method: &'a str,
    started: Instant,
    failures: u32,
    malformed: u32,
    well: u32,
    told: bool,
}

impl CallPatience<'_> {
    /// Waits for an attempt. Of one that takes long the listener hears before it is over; of a hub that is always so slow only once.
    async fn listen<F: Future>(&mut self, call: &Exchange<'_>, attempt: F) -> F::Output {
        let due = self.http.notice_after.saturating_mul(SILENCE);
        let mut attempt = std::pin::pin!(attempt);
        let is_first = self.failures == 0;
        if let Ok(output) = tokio::time::timeout(due.saturating_sub(self.started.elapsed()), &mut attempt).await {
            if is_first {
                self.http.is_slow.store(false, Ordering::Relaxed);
            }
            return output;
        }
        if !is_first || !self.http.is_slow.swap(true, Ordering::Relaxed) {
            self.tell_now(&KojiError::Timeout { call: call.call(), after: due });
        }
        attempt.await
    }

    /// Waits before the next attempt. When notice of `error` is due by then, it is given.
    async fn pause(&mut self, error: &KojiError, pause: Duration) {
        let due = self.http.notice_after.saturating_sub(self.started.elapsed());
        if self.told || due >= pause {
            return tokio::time::sleep(pause).await;
        }
        tokio::time::sleep(due).await;
        self.tell_now(error);
        tokio::time::sleep(pause.saturating_sub(due)).await;
    }

    /// The pause after a fault; none: it stands.
    fn after_fault(&self, fault: &Fault) -> Option<Duration> {
        let policy = self.policy;
        let waits = fault.passes() && self.within(policy.offline_delay, policy.offline_budget);
        waits.then(|| jittered(policy.offline_delay))
    }

    /// The pause after an error that is not the hub's; `None`: the error stands. The server may ask for a longer one.
    async fn after(&mut self, error: &KojiError, asked: Option<Duration>, call: &Exchange<'_>) -> Option<Duration> {
        let policy = self.policy;
        self.failures = self.failures.saturating_add(1);
        self.malformed = if matches!(error, KojiError::Malformed { .. }) { self.malformed + 1 } else { 0 };
        if !error.is_retriable() || self.malformed > MALFORMED_RETRIES {
            return None;
        }
        let pause = asked.unwrap_or_default().min(policy.max_asked).max(jittered(policy.delay(self.failures)));
        if self.failures <= policy.max_retries && self.within(pause, policy.budget) {
            return Some(pause);
        }
        // The patience for one call is spent. If it is the whole hub that does not answer, this is an outage.
        let pause = jittered(policy.offline_delay);
        if !self.within(pause, policy.outage) {
            return None;
        }
        self.tell(error);
        if call.is_hub_away(self.http).await {
            self.well = 0;
        } else {
            // It may have come back a moment ago.
            self.well += 1;
        }
        (self.well <= CHANCES_OF_A_WELL_HUB).then_some(pause)
    }

    /// Whether a pause that begins now ends inside of the budget.
    fn within(&self, pause: Duration, budget: Duration) -> bool {
        self.started.elapsed().saturating_add(pause) <= budget
    }

    /// Reports an error, once the first retry has failed as well. A hub that says itself that it is offline is
    /// believed the first time; an answer that cannot be read may be that of one call.
    fn tell(&mut self, error: &KojiError) {
        let is_away = match error {
            KojiError::Malformed { .. } => false,
            error => self.failures > 1 || error.fault().is_some(),
        };
        if is_away || self.started.elapsed() >= self.http.notice_after {
            self.tell_now(error);
        }
    }

    fn tell_now(&mut self, error: &KojiError) {
        if let Some(listener) = self.http.listener.as_ref().filter(|_| !self.told) {
            self.told = true;
            self.http.is_awaited.store(true, Ordering::Relaxed);
            let elapsed = self.started.elapsed();
            let left = self.policy.patience(error).map(|patience| patience.saturating_sub(elapsed));
            listener.waiting(&Unanswered { method: self.method, problem: error, elapsed, left });
        }
    }

    fn answered(&self) {
        if let Some(listener) = &self.http.listener
            && self.http.is_awaited.swap(false, Ordering::Relaxed)
        {
            listener.answered();
        }
    }
}

async fn decode(bytes: Vec<u8>) -> Result<Response, DecodeError> {
    if bytes.len() <= DECODE_INLINE {
        return decode_response(&bytes);
    }
    tokio::task::spawn_blocking(move || decode_response(&bytes)).await.unwrap_or_else(|e| {
        Err(DecodeError { reason: format!("the decoder stopped: {e}"), offset: 0, path: String::new() })
    })
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

fn finish(mut error: KojiError, attempts: u32, lost: bool) -> KojiError {
    if let Some(call) = error.call_mut() {
        call.attempts = attempts;
        call.sent |= lost;
    }
    error
}
