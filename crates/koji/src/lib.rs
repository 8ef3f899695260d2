//! Talks to Koji hubs: the XML-RPC dialect, profiles, sessions, retry and typed calls.
//!
//! # Module index
//!
//! - Wire: [`xmlrpc`] messages, [`value`] helpers
//! - Problems: [`fault`] classes, [`error`]
//! - Settings: [`profile`]
//! - Calls: [`client`], typed [`calls`], [`names`] that become paths
//! - Not saying everything: [`redact`]

pub mod calls;
pub mod client;
pub mod error;
pub mod fault;
mod files;
pub mod names;
pub mod profile;
pub mod redact;
pub mod value;
pub mod xmlrpc;

#[cfg(feature = "blocking")]
pub use client::blocking_client;
pub use client::{
    Authenticator, ClientOptions, EndedCall, FileStream, Hub, Listener, NegotiateError, Negotiation, Negotiator,
    Observer, Password, Proxies, RetryPolicy, Session, Spent, TicketSource, Unanswered, WebAnswer, WebLogin,
    WebRequest, WebService, jittered, timed,
};
pub use error::{Attempted, KojiError};
pub use fault::FaultClass;
pub use names::{pathinfo, safe_component};
pub use profile::{AuthType, Profile, ProfileError, ProfileLocations, load_profile, parse_profile_files};
pub use redact::Mask;
pub use xmlrpc::{Fault, Members, MethodCall, Response, Value};
