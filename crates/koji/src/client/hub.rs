//! A *hub* as its clients see it: one URL to call, without a session.

use super::exchange::Exchange;
use super::http::{Http, server_of};
use super::options::ClientOptions;
use super::retry::RetryPolicy;
use crate::error::KojiError;
use crate::profile::{Profile, is_http, shown_address};
use crate::xmlrpc::{MethodCall, Value, encode_call};
use reqwest::Url;
use reqwest::header::HeaderMap;
use std::sync::Arc;

/// A hub. Copies share connections.
///
/// Dropping the future of a call gives the call up; the hub may still execute it.
#[derive(Clone)]
pub struct Hub {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub http: Http,
    pub profile: Profile,
    pub options: ClientOptions,
    /// For logins that nothing depends on yet.
    pub login_retry: RetryPolicy,
    pub retry: RetryPolicy,
    anonymous_retry: RetryPolicy,
}

/// Without the URL: that may hold a password.
impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").field("server", &self.server()).finish_non_exhaustive()
    }
}

impl Hub {
    /// A client for the hub of `profile`. Nothing is sent yet.
    pub fn new(profile: &Profile, options: &ClientOptions) -> Result<Self, KojiError> {
        let fail = |reason: String| KojiError::Setting { setting: "server".to_owned(), reason };
        let url =
            Url::parse(&profile.server).map_err(|e| fail(format!("`{}`: {e}", shown_address(&profile.server))))?;
        if !is_http(&url) {
            return Err(fail(format!("`{}` is not an http or https URL", shown_address(&profile.server))));
        }
        let login_retry = options.retry.clone().unwrap_or_else(|| RetryPolicy::from_profile(profile));
        let retry = match &options.retry {
            Some(retry) => retry.clone(),
            None => login_retry.clone().with_outage(options.outage).at_the_pace_of(profile),
        };
        let anonymous_retry = if retry.anonymous {
            retry.clone()
        } else {
            RetryPolicy {
                outage: retry.outage,
                offline_delay: retry.offline_delay,
                offline_budget: retry.offline_budget,
                ..RetryPolicy::once()
            }
        };
        let http = Http::new(url, profile, options)?;
        let (profile, options) = (profile.clone(), options.clone());
        Ok(Self { inner: Arc::new(Inner { http, profile, options, login_retry, retry, anonymous_retry }) })
    }

    pub fn profile(&self) -> &Profile {
        &self.inner.profile
    }

    /// The hub's scheme, host and port, for messages.
    pub fn server(&self) -> String {
        server_of(&self.inner.http.url)
    }

    /// The time by the hub's clock, in seconds since 1970, as far as an answer has said it: at most as late as it is there.
    pub fn time(&self) -> Option<f64> {
        self.inner.http.clock.now()
    }

    /// Calls `method` without a session.
    pub async fn call(&self, method: &str, params: &[Value]) -> Result<Value, KojiError> {
        let http = &self.inner.http;
        let exchange = Exchange {
            method,
            url: &http.url,
            body: encode_call(method, params)?,
            headers: HeaderMap::new(),
            timeout: http.answer_timeout,
            client: &http.calls,
            handshake: None,
            lost: false,
        };
        Ok(exchange.run(http, &self.inner.anonymous_retry).await?)
    }

    /// Makes a prepared call without a session.
    pub async fn send(&self, call: &MethodCall) -> Result<Value, KojiError> {
        self.call(&call.method, &call.params).await
    }
}
