//! *Values* as callers want them: named arguments, typed members, JSON, and equality that does not ask how wide an
//! integer travelled.

mod fields;
mod json;
mod kwargs;

pub use fields::{Fields, ShapeError, fields, fields_at, strings};
pub use json::{JsonError, from_json, is_plain, to_json};
pub use kwargs::{Arguments, STARSTAR, kwargs, split_kwargs};

use crate::xmlrpc::{Fault, Name, Value};

/// An integer, in the variant that the decoder would choose for it.
pub fn int(n: i64) -> Value {
    i32::try_from(n).map_or(Value::Int64(n), Value::Int)
}

pub fn string(text: impl Into<String>) -> Value {
    Value::String(text.into())
}

/// A struct of `members`.
pub fn structure<N: Into<Name>>(members: impl IntoIterator<Item = (N, Value)>) -> Value {
    Value::Struct(members.into_iter().collect())
}

/// Whether two values mean the same: `Int` and `Int64` of one number are equal, a NaN equals a NaN.
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Int(_) | Value::Int64(_), Value::Int(_) | Value::Int64(_)) => a.as_i64() == b.as_i64(),
        (Value::Double(x), Value::Double(y)) => match x.partial_cmp(y) {
            Some(order) => order.is_eq(),
            None => x.is_nan() && y.is_nan(),
        },
        (Value::Array(x), Value::Array(y)) => x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same(x, y)),
        (Value::Struct(x), Value::Struct(y)) => {
            x.len() == y.len() && x.iter().zip(y).all(|((k, x), (l, y))| k == l && same(x, y))
        }
        _ => a == b,
    }
}

/// A text as it comes back from a hub that has stored it as XML: there the end of a line is a line feed, however it was sent
/// (facts: wire 11).
fn line_feeds(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// The same for every text in a value.
pub fn with_line_feeds(value: &Value) -> Value {
    match value {
        Value::String(string) => Value::String(line_feeds(string)),
        Value::Array(items) => Value::Array(items.iter().map(with_line_feeds).collect()),
        Value::Struct(members) => {
            Value::Struct(members.iter().map(|(name, value)| (line_feeds(name), with_line_feeds(value))).collect())
        }
        other => other.clone(),
    }
}

/// Whether everything in `sent` is in `stored`, unchanged. Members that a hub has filled in beside those that were sent do not
/// matter; ends of lines are all alike, since carriage returns do not come back from a hub (facts: wire 11).
pub fn covers(stored: &Value, sent: &Value) -> bool {
    match (stored, sent) {
        (Value::Array(x), Value::Array(y)) => x.len() == y.len() && x.iter().zip(y).all(|(x, y)| covers(x, y)),
        (Value::Struct(x), Value::Struct(y)) => {
            let find = |name: &str| x.get(name).or_else(|| x.get(&line_feeds(name)));
            y.iter().all(|(name, sent)| find(name).is_some_and(|stored| covers(stored, sent)))
        }
        (Value::String(x), Value::String(y)) => x == y || line_feeds(x) == line_feeds(y),
        _ => same(stored, sent),
    }
}

/// The fault that a struct of `faultCode` and `faultString` describes: the body of a fault, an entry of a `multiCall`'s
/// answer, or the value of `getTaskResult` with `raise_fault=false`. Further members are passed over.
pub fn fault_from(value: &Value) -> Option<Fault> {
    let members = value.as_struct()?;
    let code = members.get("faultCode")?.as_i64()?;
    let string = members.get("faultString")?.as_str()?;
    Some(Fault::new(code, string))
}
