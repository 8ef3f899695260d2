//! *Options* of a client: limits, patience, proxies, trust. Whatever a profile says is taken from there unless set here.

use super::negotiate::Negotiation;
use super::retry::RetryPolicy;
use crate::error::KojiError;
use crate::redact::Mask;
use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The proxies to use. None are found by themselves: the environment is the program's to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// The proxy for `http` URLs.
    pub http: Option<String>,
    /// The proxy for `https` URLs.
    pub https: Option<String>,
    /// The proxy for URLs of a scheme that has none of its own.
    pub all: Option<String>,
    /// The hosts to reach without a proxy, as in `NO_PROXY`.
    pub exceptions: Option<String>,
}

/// What a client does beside what its profile says.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// The `User-Agent`. Koji's own by default, because web servers are configured for it.
    pub user_agent: String,
    /// How to repeat; none: a login as the profile says, any other call for [`outage`](Self::outage) at least.
    pub retry: Option<RetryPolicy>,
    /// How long the hub may be away or offline while calls wait for it. A profile that is more patient wins.
    pub outage: Duration,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long nothing may come from the hub; none: the profile's `timeout`, at most five minutes.
    pub read_timeout: Option<Duration>,
    /// How long an answer may take from the first byte sent to the last byte received. It ends answers that never end but
    /// never fall silent either.
    pub answer_timeout: Duration,
    /// How long nothing may come while a file is fetched.
    pub download_timeout: Duration,
    /// The largest answer, in bytes after decompression (facts: wire 5).
    pub max_response: u64,
    pub proxies: Proxies,
    /// The certificates to trust where the profile names none and checks servers: a PEM file, or a directory of such.
    pub ca_bundle: Option<PathBuf>,
    /// The Kerberos credential cache; none: the library's own choice.
    pub ccache: Option<String>,
    /// What speaks Kerberos; none: this build cannot.
    pub negotiation: Option<Arc<dyn Negotiation>>,
    /// What errors do not show. The client adds what it gets in logins, and what it sends to be known by.
    pub mask: Mask,
    /// Who hears that a call waits for the hub.
    pub listener: Option<Arc<dyn Listener>>,
    /// Who hears of every call.
    pub observer: Option<Arc<dyn Observer>>,
    /// How long a call fails before the listener hears of it; of one that is neither answered nor fails after twice that time.
    pub notice_after: Duration,
}

/// Hears of calls that wait for the hub, so that a compose does not just stand still.
pub trait Listener: Debug + Send + Sync {
    /// A call has failed for a while and is going to be repeated; said once for each call.
    fn waiting(&self, call: &Unanswered<'_>);

    /// The hub has answered a call, whichever, after another was waited for.
    fn answered(&self);
}

/// A call that the hub has not answered.
#[derive(Debug)]
pub struct Unanswered<'a> {
    pub method: &'a str,
    /// What came of the last attempt instead.
    pub problem: &'a KojiError,
    /// How long ago the first attempt was.
    pub elapsed: Duration,
    /// How much longer it is repeated; none: until there is an answer.
    pub left: Option<Duration>,
}

/// Hears of calls when they are over.
pub trait Observer: Debug + Send + Sync {
    /// A call has its answer, or has failed for good. Must not block.
    fn ended(&self, call: &EndedCall<'_>);
}

/// A call that is over, with all its repetitions.
#[derive(Debug)]
pub struct EndedCall<'a> {
    /// The hub method.
    pub method: &'a str,
    /// The hub's scheme, host and port.
    pub server: String,
    /// When it was begun.
    pub began: SystemTime,
    /// How it failed.
    pub error: Option<&'a KojiError>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            user_agent: "koji/1".to_owned(),
            retry: None,
            outage: DEFAULT_OUTAGE,
            connect_timeout: Duration::from_secs(30),
            read_timeout: None,
            answer_timeout: Duration::from_secs(900),
            download_timeout: Duration::from_secs(120),
            max_response: 64 * 1024 * 1024,
            proxies: Proxies::default(),
            ca_bundle: None,
            ccache: None,
            negotiation: super::negotiate::system(),
            mask: Mask::default(),
            listener: None,
            observer: None,
            notice_after: Duration::from_secs(2),
        }
    }
}

/// How long a hub may be away by default: twice the hour that an upgrade takes.
pub const DEFAULT_OUTAGE: Duration = Duration::from_secs(2 * 60 * 60);

/// The longest silence of a hub that is waited for by default. Koji's 12 hours only hide dead connections: a repeated
/// call is safe, anonymous or numbered.
pub const MAX_READ_TIMEOUT: Duration = Duration::from_secs(300);
