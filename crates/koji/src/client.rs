//! The *client*: a [`Hub`] for anonymous calls, any number at once, and a [`Session`] for calls that write, one after
//! the other (facts: sessions 9: call numbers forbid a session in parallel). A [`WebService`] is something else that is reached alike.

mod auth;
mod causes;
mod certificate;
mod clock;
mod download;
mod exchange;
#[cfg(feature = "gssapi")]
mod gssapi;
mod http;
mod hub;
mod login;
mod multi;
mod negotiate;
mod options;
mod retry;
mod session;
mod stopwatch;
mod tls;
mod web;

pub use auth::{Authenticator, Password};
pub use download::FileStream;
#[cfg(feature = "blocking")]
pub use http::blocking_client;
pub use hub::Hub;
pub use negotiate::{NegotiateError, Negotiation, Negotiator, TicketSource};
pub use options::{ClientOptions, DEFAULT_OUTAGE, EndedCall, Listener, Observer, Proxies, Unanswered};
pub use retry::{RetryPolicy, jittered};
pub use session::Session;
pub use stopwatch::{Spent, timed};
pub use web::{WebAnswer, WebLogin, WebRequest, WebService};
