//! The *client*: a [`Hub`] for anonymous calls, any number at once, and a [`Session`] for calls that write, one after
//! the other (KOJI.md 3: call numbers forbid a session in parallel).

mod auth;
mod download;
mod exchange;
mod http;
mod hub;
mod multi;
mod options;
mod session;
mod tls;

pub use auth::{Authenticator, Password};
pub use download::FileStream;
pub use hub::Hub;
pub use options::{ClientOptions, Proxies, RetryPolicy};
pub use session::Session;
