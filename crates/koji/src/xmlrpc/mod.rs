//! The *messages* of Koji's XML-RPC dialect, for both ends of the wire (facts: wire 8).
//!
//! It is our own because the crate `xmlrpc` drops white space when it reads, recurses without a limit, knows no requests, writes
//! control characters that a hub refuses, and was last released in 2021.

mod charset;
mod decode;
mod encode;
mod fast;
mod members;
mod name;
mod scalar;
mod scan;
mod value;

pub use decode::{decode_call, decode_response};
pub use encode::{encode_call, encode_fault, encode_response};
pub use members::{Iter, Members};
pub use name::Name;
pub(crate) use scalar::{format_double, parse_int, shorten};
pub use value::Value;

/// How deep values may nest, in both directions. Koji's own answers stay below ten.
pub const MAX_DEPTH: usize = 128;

/// How many values one message may hold. An answer about 10,000 tasks with their requests holds about a million.
pub const MAX_VALUES: usize = 4_000_000;

/// A request: the name of a hub method and its positional arguments.
///
/// Named arguments travel as one more argument at the end, made by [`kwargs`](crate::value::kwargs).
#[derive(Debug, Clone, PartialEq)]
pub struct MethodCall {
    /// The hub method. Empty in a decoded request that names none; the hub answers `Invalid method: None` to it.
    pub method: String,
    pub params: Vec<Value>,
}

impl MethodCall {
    /// A call of `method` with `params`.
    pub fn new(method: impl Into<String>, params: Vec<Value>) -> Self {
        Self { method: method.into(), params }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Response {
    /// What the method returned.
    Value(Value),
    /// What it raised. Comes with HTTP status 200 too.
    Fault(Fault),
}

/// A fault as it travels: a number that says the class, and a text for people.
///
/// The text of the same fault differs between hubs and may be a whole traceback (facts: wire 16): decide by
/// [`code`](Self::code).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// `faultCode`.
    pub code: i64,
    /// `faultString`.
    pub string: String,
}

impl Fault {
    pub fn new(code: i64, string: impl Into<String>) -> Self {
        Self { code, string: string.into() }
    }
}

/// A message that is not what XML-RPC allows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("malformed XML-RPC message: {reason} (byte {offset}{})", in_path(.path))]
pub struct DecodeError {
    pub reason: String,
    /// Where in the message as UTF-8, in bytes.
    pub offset: u64,
    /// The value it happened in (`params[0].opts.repo`); empty outside of values.
    pub path: String,
}

/// A value that cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot send {path}: {reason}")]
pub struct EncodeError {
    pub reason: String,
    /// Which one (`params[0].opts.repo`).
    pub path: String,
}

fn in_path(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!(", in {path}") }
}

/// Puts the name of a container in front of the path of an error in it.
fn prepend(path: &mut String, parent: &str) {
    let joint = if path.is_empty() || path.starts_with('[') { "" } else { "." };
    *path = format!("{parent}{joint}{path}");
}
