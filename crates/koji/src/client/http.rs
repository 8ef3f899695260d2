//! *HTTP* as a hub wants it: a POST with a length, no redirect that loses the body or gives secrets to another server, an
//! answer of limited size (facts: wire 3). What goes wrong is sorted into errors here; repeating is [`exchange`](super::exchange)'s.

use super::causes::chain;
use super::certificate::ClientCertificate;
use super::clock::HubClock;
use super::options::{ClientOptions, Listener, MAX_READ_TIMEOUT, Observer, Proxies};
use super::tls::{self, Trust};
use crate::error::{Attempted, KojiError, status_may_have_executed};
use crate::profile::Profile;
use crate::redact::Mask;
use reqwest::header::LOCATION;
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, ClientBuilder, NoProxy, Proxy, Response, Url};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// How long an unused connection is kept. Apache closes it after five seconds (facts: wire 4), and a call on a connection
/// that is closing is lost.
const POOL_IDLE: Duration = Duration::from_secs(4);

/// How many redirects are followed: enough for a move and a mirror, few enough to end a loop.
const MAX_REDIRECTS: usize = 5;

/// How much of an unwanted body is shown, in characters.
const EXCERPT: usize = 300;

/// How much of it is looked through for secrets before it is cut, in bytes: a key that is cut is not recognised.
const LOOKED_THROUGH: usize = 4096;

/// How long the rest of an unwanted body may take.
const EXCERPT_TIME: Duration = Duration::from_secs(5);

/// The clients for calls and for files.
#[derive(Debug)]
pub struct Http {
    pub url: Url,
    pub calls: Client,
    pub files: Client,
    /// For files at a URL with user and password.
    pub private_files: Client,
    pub read_timeout: Duration,
    pub answer_timeout: Duration,
    pub download_timeout: Duration,
    pub max_response: u64,
    pub clock: HubClock,
    pub mask: Mask,
    pub listener: Option<Arc<dyn Listener>>,
    pub observer: Option<Arc<dyn Observer>>,
    pub notice_after: Duration,
    /// The last call took so long to be answered that the listener heard of it.
    pub is_slow: AtomicBool,
    /// The listener has heard that the hub does not answer, and not yet that it does.
    pub is_awaited: AtomicBool,
}

impl Http {
    pub fn new(url: Url, profile: &Profile, options: &ClientOptions) -> Result<Self, KojiError> {
        let read_timeout = options.read_timeout.unwrap_or(profile.timeout.min(MAX_READ_TIMEOUT));
        let is_secure = tls::is_needed(profile, &options.proxies);
        let trust = if is_secure { Trust::load(profile, options)? } else { Trust::Nobody };
        let base_for = |trust: &Trust| Ok::<_, KojiError>(trust.rustls(base(options)?));
        // Calls and private files stay with the server that they were sent to, but any other file may be elsewhere.
        let trust_for_files = if is_secure { &trust } else { &Trust::System };
        let addresses = [Some(&profile.server), profile.topurl.as_ref(), Some(&profile.weburl)];
        let addresses = addresses.into_iter().flatten().filter_map(|address| Url::parse(address).ok());
        addresses.for_each(|address| options.mask.add_password_of(&address));
        Ok(Self {
            url,
            calls: build(base_for(&trust)?.read_timeout(read_timeout).redirect(Policy::custom(keep_post)))?,
            // Apache marks `*.gz` files with `Content-Encoding`; a file must arrive as it lies there.
            files: build(base_for(trust_for_files)?.read_timeout(options.download_timeout).no_gzip())?,
            private_files: build(
                base_for(&trust)?
                    .read_timeout(options.download_timeout)
                    .no_gzip()
                    .redirect(Policy::custom(keep_origin)),
            )?,
            read_timeout,
            answer_timeout: options.answer_timeout,
            download_timeout: options.download_timeout,
            max_response: options.max_response,
            clock: HubClock::default(),
            mask: options.mask.clone(),
            listener: options.listener.clone(),
            observer: options.observer.clone(),
            notice_after: options.notice_after,
            is_slow: AtomicBool::new(false),
            is_awaited: AtomicBool::new(false),
        })
    }
}

pub struct LoginClients {
    pub client: Client,
    /// For a server that takes only versions of TLS that the other one does not speak.
    pub modern: Option<Client>,
}

/// The clients for the login at a hub over TLS, with a certificate if there is one to show.
pub fn for_login(
    profile: &Profile,
    options: &ClientOptions,
    certificate: Option<&ClientCertificate>,
) -> Result<LoginClients, KojiError> {
    let base = || -> Result<ClientBuilder, KojiError> {
        Ok(base(options)?.read_timeout(profile.auth_timeout).redirect(Policy::custom(keep_post)))
    };
    let trust = Trust::load(profile, options)?;
    let rustls = match certificate {
        Some(certificate) => trust.rustls(base()?).identity(certificate.rustls_identity()?),
        None => trust.rustls(base()?),
    };
    let rustls = build(rustls)?;
    #[cfg(feature = "native-tls")]
    if let Some(certificate) = certificate {
        let client = build(trust.native(base()?).identity(certificate.native_identity()?))?;
        return Ok(LoginClients { client, modern: Some(rustls) });
    }
    Ok(LoginClients { client: rustls, modern: None })
}

/// A client that blocks, for requests of others that have nothing to do with a hub: the same proxies and authorities. A request may take
/// as long as `timeout`.
#[cfg(feature = "blocking")]
pub fn blocking_client(options: &ClientOptions, timeout: Duration) -> Result<reqwest::blocking::Client, KojiError> {
    let trust = Trust::load(&Profile::for_server("other", "https://other"), options)?;
    let builder = trust.rustls(base(options)?).redirect(Policy::custom(keep_post));
    let client = reqwest::blocking::ClientBuilder::from(builder).timeout(timeout).build();
    client.map_err(|e| KojiError::Setting { setting: "client".to_owned(), reason: chain(&e) })
}

fn base(options: &ClientOptions) -> Result<ClientBuilder, KojiError> {
    tls::install_provider();
    let builder = Client::builder()
        .user_agent(&options.user_agent)
        .connect_timeout(options.connect_timeout)
        .pool_idle_timeout(POOL_IDLE)
        // Hubs before 1.30 have the session in the URL.
        .referer(false)
        .no_proxy();
    with_proxies(builder, &options.proxies)
}

fn build(builder: ClientBuilder) -> Result<Client, KojiError> {
    builder.build().map_err(|e| KojiError::Setting { setting: "koji profile".to_owned(), reason: chain(&e) })
}

fn with_proxies(mut builder: ClientBuilder, proxies: &Proxies) -> Result<ClientBuilder, KojiError> {
    let exceptions = || proxies.exceptions.as_deref().and_then(NoProxy::from_string);
    let fail = |e: reqwest::Error| KojiError::Setting { setting: "proxy".to_owned(), reason: chain(&e.without_url()) };
    type Make = fn(&str) -> reqwest::Result<Proxy>;
    let all: [(_, Make); 3] = [
        (&proxies.http, |url| Proxy::http(url)),
        (&proxies.https, |url| Proxy::https(url)),
        (&proxies.all, |url| Proxy::all(url)),
    ];
    // The first one that fits is taken.
    for (url, make) in all {
        if let Some(url) = url {
            builder = builder.proxy(make(url).map_err(fail)?.no_proxy(exceptions()));
        }
    }
    Ok(builder)
}

/// Follows only redirects that keep the POST (facts: wire 6), to the same server: the headers hold the session's key, and the body of a login
/// the password. Any other redirect is left as the answer.
fn keep_post(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    if matches!(attempt.status().as_u16(), 307 | 308) { keep_origin(attempt) } else { attempt.stop() }
}

/// Follows only redirects to the same server: scheme, host and port. Another port of a host may be anybody's.
fn keep_origin(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let is_same = attempt.previous().first().is_some_and(|first| first.origin() == attempt.url().origin());
    if is_same && attempt.previous().len() <= MAX_REDIRECTS { attempt.follow() } else { attempt.stop() }
}

/// The server of a URL for messages: without user, password and query.
pub fn server_of(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Sorts what reqwest reports. `sent` is whether the request was on its way, unless the error says otherwise.
pub fn sort_error(error: &reqwest::Error, mut call: Attempted, after: Duration) -> KojiError {
    call.sent = !(error.is_connect() || error.is_builder());
    if let Some(reason) = tls::reason(error) {
        return KojiError::Tls { call, reason };
    }
    if error.is_timeout() && !error.is_connect() {
        return KojiError::Timeout { call, after };
    }
    KojiError::Transport { call, reason: chain(error) }
}

/// A success, or the error of another status.
pub async fn check_status(response: Response, mut call: Attempted, mask: &Mask) -> Result<Response, KojiError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    call.sent = status_may_have_executed(status.as_u16());
    let moved = response.headers().get(LOCATION).map(|to| to.as_bytes().to_vec());
    let excerpt = match moved {
        Some(to) if status.is_redirection() => {
            format!("moved to {}: if that is the hub's new address, set it in the koji profile", excerpt_of(&to, mask))
        }
        _ => excerpt(response, mask).await,
    };
    Err(KojiError::Http { call, status: status.as_u16(), excerpt })
}

/// The beginning of a body, in one line.
pub async fn excerpt(mut response: Response, mask: &Mask) -> String {
    let mut bytes = Vec::new();
    // What has come by then is enough.
    let _ = tokio::time::timeout(EXCERPT_TIME, async {
        while bytes.len() < LOOKED_THROUGH {
            match response.chunk().await {
                Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
                _ => break,
            }
        }
    })
    .await;
    excerpt_of(&bytes, mask)
}

/// The beginning of a body, in one line, without what `mask` hides: also where the excerpt ends in the middle of it.
pub fn excerpt_of(bytes: &[u8], mask: &Mask) -> String {
    let head = String::from_utf8_lossy(bytes.get(..bytes.len().min(LOOKED_THROUGH)).unwrap_or_default());
    let head = mask.hide(&head);
    let head: String = head.chars().take(EXCERPT).collect();
    // Of a page, what a browser would show.
    let text = if head.trim_start().starts_with('<') { without_tags(&head) } else { head };
    let words: Vec<&str> = text.split_whitespace().collect();
    let line: String = words.join(" ").chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    // What tags had kept apart is now in one piece.
    mask.hide(&line).into_owned()
}

fn without_tags(page: &str) -> String {
    let mut text = String::new();
    for part in page.split('<').skip(1) {
        text.push_str(part.split_once('>').map_or("", |(_, behind)| behind));
        text.push(' ');
    }
    text
}

/// The whole body, if it is not larger than `limit`.
pub async fn body(mut response: Response, limit: u64, call: &Attempted, after: Duration) -> Result<Vec<u8>, KojiError> {
    let too_large = || KojiError::TooLarge { call: Attempted { sent: true, ..call.clone() }, limit };
    if response.content_length().is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| body_error(&e, call, after))? {
        if (bytes.len() + chunk.len()) as u64 > limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// An error while a body arrives: the request was sent for sure.
pub fn body_error(error: &reqwest::Error, call: &Attempted, after: Duration) -> KojiError {
    let mut sorted = sort_error(error, call.clone(), after);
    if let Some(call) = sorted.call_mut() {
        call.sent = true;
    }
    sorted
}
