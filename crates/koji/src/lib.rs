//! Talks to Koji hubs: the XML-RPC dialect, profiles, sessions, retry and typed calls.
//!
//! # Module index
//!
//! - Wire: [`xmlrpc`] messages, [`value`] helpers

pub mod value;
pub mod xmlrpc;

pub use xmlrpc::{Fault, MethodCall, Response, Value};
