//! *Errors*: everything that can keep a call from giving a value. None of them holds a password or a session's key.

use crate::fault::FaultClass;
use crate::redact::Mask;
use crate::value::ShapeError;
use crate::xmlrpc::{DecodeError, EncodeError, Fault};
use std::time::Duration;

/// Which call failed and how often it was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempted {
    /// The hub method, or `GET` with the path of a file.
    pub what: String,
    /// Scheme, host and port.
    pub server: String,
    /// How many times it was sent or tried to be sent.
    pub attempts: u32,
    /// Whether the server may have got it, in any of the attempts.
    pub sent: bool,
}

impl std::fmt::Display for Attempted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at {}", self.what, self.server)?;
        if self.attempts > 1 { write!(f, " ({} attempts)", self.attempts) } else { Ok(()) }
    }
}

/// Why a call gave no value.
#[derive(Debug, thiserror::Error)]
pub enum KojiError {
    /// The hub executed the call and says no.
    #[error("{method}: {fault}")]
    Fault { method: String, fault: Fault },
    /// The hub has executed the call, or may have, and the answer is lost: a `RetryError` (1009), or a session that ended
    /// or a hub that went offline between two attempts. Look up what the call should have made.
    #[error("{method}: the hub's answer was lost; the call may have been executed ({fault})")]
    Retry {
        method: String,
        /// What the hub said to the last attempt.
        fault: Fault,
    },
    /// No connection, or one that broke.
    #[error("{call}: {reason}")]
    Transport {
        call: Attempted,
        /// What the network said.
        reason: String,
    },
    /// Nothing came for too long.
    #[error("{call}: no answer within {} s", .after.as_secs_f64())]
    Timeout {
        call: Attempted,
        /// How long nothing came.
        after: Duration,
    },
    /// The server is not the one that the profile trusts, or speaks another TLS.
    #[error("{call}: TLS: {reason}; see `serverca` in the koji profile")]
    Tls {
        call: Attempted,
        /// What the TLS library said.
        reason: String,
    },
    /// An HTTP status other than success. A hub answers faults with 200, so this is a web server or a proxy, or a
    /// request that the hub cannot read (400).
    #[error("{call}: HTTP status {status}{}", excerpt_suffix(.excerpt))]
    Http {
        call: Attempted,
        status: u16,
        /// How the body begins.
        excerpt: String,
    },
    /// An answer that is not XML-RPC at all, such as a proxy's HTML page.
    #[error("{call}: the answer is {content_type}, not XML-RPC{}", excerpt_suffix(.excerpt))]
    NotXmlRpc {
        call: Attempted,
        /// The type that the answer claims.
        content_type: String,
        /// How the body begins.
        excerpt: String,
    },
    /// An answer that is broken XML-RPC.
    #[error("{call}: {error}")]
    Malformed {
        call: Attempted,
        /// Where it is broken.
        error: Box<DecodeError>,
    },
    /// An answer or a file that is larger than allowed.
    #[error("{call}: more than {limit} bytes")]
    TooLarge {
        call: Attempted,
        /// How many bytes were allowed.
        limit: u64,
    },
    /// A value of another shape than the method should give.
    #[error("unexpected answer from the hub: {0}")]
    Shape(#[from] ShapeError),
    /// An argument that cannot travel.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A login that cannot even be tried.
    #[error("cannot log in: {reason}")]
    Auth {
        /// Why, and what to do.
        reason: String,
    },
    /// A setting that no connection can be made with.
    #[error("{setting}: {reason}")]
    Setting {
        /// The key of the profile.
        setting: String,
        reason: String,
    },
}

/// The call of an error that is about one, by reference or to be changed, as the error is given.
macro_rules! call_of {
    ($error:expr) => {
        match $error {
            KojiError::Transport { call, .. }
            | KojiError::Timeout { call, .. }
            | KojiError::Tls { call, .. }
            | KojiError::Http { call, .. }
            | KojiError::NotXmlRpc { call, .. }
            | KojiError::Malformed { call, .. }
            | KojiError::TooLarge { call, .. } => Some(call),
            KojiError::Fault { .. }
            | KojiError::Retry { .. }
            | KojiError::Shape(_)
            | KojiError::Encode(_)
            | KojiError::Auth { .. }
            | KojiError::Setting { .. } => None,
        }
    };
}

impl KojiError {
    /// The fault, if the hub answered with one.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Fault { fault, .. } | Self::Retry { fault, .. } => Some(fault),
            _ => None,
        }
    }

    /// What went wrong, without which call it was, and where.
    pub fn in_short(&self) -> String {
        match self {
            Self::Fault { fault, .. } | Self::Retry { fault, .. } => fault.to_string(),
            other => {
                let all = other.to_string();
                let call = other.call().map(|call| format!("{call}: "));
                call.and_then(|call| all.strip_prefix(&call).map(str::to_owned)).unwrap_or(all)
            }
        }
    }

    /// Whether it is a fault of `class`.
    pub fn is_fault(&self, class: FaultClass) -> bool {
        self.fault().is_some_and(|fault| fault.is_a(class))
    }

    /// Whether the same call may succeed later without anyone changing anything. True also of errors that were already
    /// retried until the budget was spent.
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Transport { .. } | Self::Timeout { .. } | Self::NotXmlRpc { .. } | Self::Malformed { .. } => true,
            Self::Fault { fault, .. } => fault.passes(),
            Self::Http { status, .. } => is_retriable_status(*status),
            _ => false,
        }
    }

    /// Whether it lies in what was asked for or in the answer, not in the way to the hub: what was asked for with it, asked by
    /// itself, may be answered well.
    pub fn is_about_the_answer(&self) -> bool {
        match self {
            Self::Fault { fault, .. } => !fault.passes(),
            Self::Malformed { .. } | Self::TooLarge { .. } | Self::Shape(_) => true,
            _ => false,
        }
    }

    /// Whether the hub has executed the call for certain, although its answer is lost: it has said so (1009), or what it has
    /// answered cannot be read.
    pub fn has_executed(&self) -> bool {
        match self {
            Self::Retry { fault, .. } => fault.is_a(FaultClass::Retry),
            Self::Shape(_) => true,
            _ => false,
        }
    }

    /// Whether the hub may have executed the call although there is no answer. A call that writes must not be repeated
    /// as a new one. False is certain: the call never left this machine, or the hub or its web server says no to it.
    pub fn may_have_executed(&self) -> bool {
        self.call().map_or(matches!(self, Self::Retry { .. } | Self::Shape(_)), |call| call.sent)
    }

    /// Hides what must not be shown in every text that came from elsewhere.
    pub(crate) fn conceal(&mut self, mask: &Mask) {
        match self {
            Self::Fault { fault, .. } | Self::Retry { fault, .. } => mask.hide_in(&mut fault.string),
            Self::Transport { reason, .. } | Self::Tls { reason, .. } | Self::Auth { reason } => mask.hide_in(reason),
            Self::Http { excerpt, .. } => mask.hide_in(excerpt),
            Self::NotXmlRpc { content_type, excerpt, .. } => {
                mask.hide_in(content_type);
                mask.hide_in(excerpt);
            }
            Self::Malformed { error, .. } => {
                mask.hide_in(&mut error.reason);
                mask.hide_in(&mut error.path);
            }
            Self::Shape(error) => {
                mask.hide_in(&mut error.path);
                mask.hide_in(&mut error.reason);
            }
            Self::Timeout { .. } | Self::TooLarge { .. } | Self::Encode(_) | Self::Setting { .. } => {}
        }
    }

    /// The call that an error of the transport is about.
    fn call(&self) -> Option<&Attempted> {
        call_of!(self)
    }

    /// The same, to change it.
    pub(crate) fn call_mut(&mut self) -> Option<&mut Attempted> {
        call_of!(self)
    }
}

/// Whether a status speaks of the moment and not of the request. Koji's own client retries every one; a request that is
/// wrong (4xx) stays wrong for the ten minutes that this takes (facts: koji 22).
pub(crate) fn is_retriable_status(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504 | 520..=529)
}

/// Whether a server that answers with `status` may have handed the request to the hub. Some caches say 503 when they have
/// waited too long for an answer.
pub(crate) fn status_may_have_executed(status: u16) -> bool {
    !matches!(status, 300..=399 | 400 | 401 | 403 | 404 | 405 | 408 | 411 | 413 | 425 | 429)
}

fn excerpt_suffix(excerpt: &str) -> String {
    if excerpt.is_empty() { String::new() } else { format!(": {excerpt}") }
}
