//! A *web service* beside the hub, such as the one that gives composes their ids: reached as a hub is, with the same proxies,
//! authorities, limits, mask and Kerberos handshake. A request is sent once; whether it may be repeated, its sender knows.

use super::auth::{Password, no_kerberos};
use super::http;
use super::negotiate::{self, Handshake, TicketSource};
use super::options::ClientOptions;
use crate::error::{Attempted, KojiError};
use crate::profile::{Profile, is_http, shown_address};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Client, Method, Url};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Who sends the requests.
#[derive(Debug, Clone, Default)]
pub enum WebLogin {
    #[default]
    Anonymous,
    /// The owner of a token (RFC 6750; facts: cts 7).
    Bearer(Password),
    /// Whom a key table is of, by Kerberos.
    Kerberos {
        /// The key table.
        keytab: String,
    },
}

/// What is sent.
#[derive(Debug, Clone)]
pub enum WebRequest {
    /// JSON, by POST.
    Post(serde_json::Value),
    /// JSON, by PATCH.
    Patch(serde_json::Value),
    /// The fields of a form, by POST. They are shown nowhere.
    Form(Vec<(&'static str, Password)>),
}

/// What came back, whatever the status.
#[derive(Debug)]
pub struct WebAnswer {
    pub status: u16,
    pub body: Vec<u8>,
    /// Where a redirect leads that was not followed.
    pub moved: Option<String>,
    /// The beginning of the body in one line, without secrets.
    pub excerpt: String,
}

pub struct WebService {
    url: Url,
    client: Client,
    authorization: Option<HeaderValue>,
    handshake: Option<Handshake>,
    timeout: Duration,
    options: ClientOptions,
}

/// Without the address: that may hold a password.
impl fmt::Debug for WebService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebService").field("server", &self.server()).finish_non_exhaustive()
    }
}

impl WebService {
    /// A client for the service at `address`, which must be an http or https URL. A request may take as long as `timeout`.
    /// Nothing is sent yet.
    pub fn new(address: &str, login: &WebLogin, timeout: Duration, options: &ClientOptions) -> Result<Self, KojiError> {
        let fail = |reason: String| KojiError::Setting { setting: shown_address(address), reason };
        let url = Url::parse(address).map_err(|e| fail(e.to_string()))?;
        if !is_http(&url) {
            return Err(fail("it is not an http or https URL".to_owned()));
        }
        options.mask.add_password_of(&url);
        let mut profile = Profile::for_server("web", address);
        profile.auth_timeout = timeout;
        let (mut authorization, mut handshake) = (None, None);
        match login {
            WebLogin::Anonymous => {}
            WebLogin::Bearer(token) => {
                options.mask.add_passing(token.reveal());
                let value = HeaderValue::from_str(&format!("Bearer {}", token.reveal()));
                let mut value = value.map_err(|_| fail("the token does not fit a header".to_owned()))?;
                value.set_sensitive(true);
                authorization = Some(value);
            }
            WebLogin::Kerberos { keytab } => {
                let negotiation = Arc::clone(options.negotiation.as_ref().ok_or_else(no_kerberos)?);
                let source = TicketSource { keytab: Some(keytab.clone()), ..TicketSource::default() };
                let host = url.host_str().unwrap_or_default().to_owned();
                handshake = Some(Handshake { negotiation, source, host, timeout });
            }
        }
        let client = http::for_login(&profile, options, None)?.client;
        Ok(Self { url, client, authorization, handshake, timeout, options: options.clone() })
    }

    /// Scheme, host and port, for messages.
    pub fn server(&self) -> String {
        http::server_of(&self.url)
    }

    /// Sends a request to the `path` below the address, `what` in messages. An error says that there is no answer, or none that
    /// can be used; [`KojiError::may_have_executed`], whether the request may have been carried out all the same.
    pub async fn send(&self, what: &str, path: &[&str], request: WebRequest) -> Result<WebAnswer, KojiError> {
        let call = Attempted { what: what.to_owned(), server: self.server(), attempts: 1, sent: false };
        let mut answer = self.attempt(call, path, request).await;
        if let Err(error) = &mut answer {
            error.conceal(&self.options.mask);
        }
        answer
    }

    async fn attempt(&self, call: Attempted, path: &[&str], request: WebRequest) -> Result<WebAnswer, KojiError> {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            // An address with a slash at its end has an empty segment there.
            segments.pop_if_empty().extend(path);
        }
        let (method, kind, body) = match request {
            WebRequest::Post(json) => (Method::POST, "application/json", json.to_string()),
            WebRequest::Patch(json) => (Method::PATCH, "application/json", json.to_string()),
            WebRequest::Form(fields) => (Method::POST, "application/x-www-form-urlencoded", self.form(&fields)),
        };
        let mask = &self.options.mask;
        let send = |ticket: Option<HeaderValue>| {
            let mut request = self
                .client
                .request(method.clone(), url.clone())
                .header(CONTENT_TYPE, HeaderValue::from_static(kind))
                .timeout(self.timeout)
                .body(body.clone());
            if let Some(ticket) = &ticket {
                mask.add_passing(ticket.to_str().unwrap_or_default().trim_start_matches("Negotiate"));
            }
            if let Some(authorization) = ticket.as_ref().or(self.authorization.as_ref()) {
                request = request.header(AUTHORIZATION, authorization);
            }
            let call = call.clone();
            async move {
                request.send().await.map_err(|e| http::sort_error(&e, Attempted { sent: true, ..call }, self.timeout))
            }
        };
        let response = match &self.handshake {
            None => send(None).await?,
            Some(handshake) => negotiate::send(handshake, &call, send).await?,
        };
        mask.add_headers(response.headers());
        let status = response.status();
        let moved = response.headers().get(LOCATION).filter(|_| status.is_redirection());
        let moved = moved.map(|to| http::excerpt_of(to.as_bytes(), mask));
        let body = http::body(response, self.options.max_response, &call, self.timeout).await?;
        let excerpt = http::excerpt_of(&body, mask);
        Ok(WebAnswer { status: status.as_u16(), body, moved, excerpt })
    }

    /// The fields of a form as they travel.
    fn form(&self, fields: &[(&'static str, Password)]) -> String {
        let mut url = self.url.clone();
        url.query_pairs_mut().clear().extend_pairs(fields.iter().map(|(name, value)| (name, value.reveal())));
        url.query().unwrap_or_default().to_owned()
    }
}

impl WebAnswer {
    /// Whether the request was carried out.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}
