//! *JSON* and XML-RPC values, for fixtures, journals and everything that is shown or stored.

use super::int;
use crate::xmlrpc::Value;
use base64::Engine as _;
use serde_json::Value as Json;

/// A JSON value that XML-RPC cannot carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the number {number} does not fit XML-RPC's 64-bit integers")]
pub struct JsonError {
    /// The number as JSON writes it.
    pub number: String,
}

/// The value that a Python client would send for `json`: integers stay integers, other numbers become doubles.
pub fn from_json(json: &Json) -> Result<Value, JsonError> {
    Ok(match json {
        Json::Null => Value::Nil,
        Json::Bool(b) => Value::Bool(*b),
        Json::Number(n) => match (n.as_i64(), n.is_u64(), n.as_f64()) {
            (Some(n), ..) => int(n),
            (None, false, Some(x)) => Value::Double(x),
            _ => return Err(JsonError { number: n.to_string() }),
        },
        Json::String(text) => Value::String(text.clone()),
        Json::Array(items) => Value::Array(items.iter().map(from_json).collect::<Result<_, _>>()?),
        Json::Object(members) => Value::Struct(
            members.iter().map(|(name, value)| Ok((name.as_str(), from_json(value)?))).collect::<Result<_, _>>()?,
        ),
    })
}

/// How deep a value may be nested to be called plain.
const PLAIN_DEPTH: usize = 8;

/// Whether it can be seen at a glance that a hub can be sent `json`: strings of printable ASCII, integers of 64 bits, nothing
/// nested deep. Of what this says no to, [`from_json`] and encoding tell.
pub fn is_plain(json: &Json) -> bool {
    is_plain_at(json, 0)
}

fn is_plain_at(json: &Json, depth: usize) -> bool {
    let within = depth < PLAIN_DEPTH;
    match json {
        Json::Null | Json::Bool(_) => true,
        Json::Number(n) => n.as_i64().is_some(),
        Json::String(text) => is_plain_text(text),
        Json::Array(items) => within && items.iter().all(|item| is_plain_at(item, depth + 1)),
        Json::Object(members) => {
            within && members.iter().all(|(name, value)| is_plain_text(name) && is_plain_at(value, depth + 1))
        }
    }
}

fn is_plain_text(text: &str) -> bool {
    // Without an early end, so that the compiler looks at many bytes at a time.
    text.bytes().fold(true, |plain, b| plain & matches!(b, b' '..=b'~'))
}

/// `value` as JSON: binary data as base64, doubles that JSON does not have as Koji writes them (`"nan"`, `"inf"`).
pub fn to_json(value: &Value) -> Json {
    match value {
        Value::Nil => Json::Null,
        Value::Bool(b) => Json::Bool(*b),
        Value::Int(n) => Json::from(*n),
        Value::Int64(n) => Json::from(*n),
        Value::Double(x) => {
            serde_json::Number::from_f64(*x).map_or_else(|| Json::from(crate::xmlrpc::format_double(*x)), Json::Number)
        }
        Value::String(text) => Json::from(text.as_str()),
        Value::Base64(bytes) => Json::from(base64::engine::general_purpose::STANDARD.encode(bytes)),
        Value::Array(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Struct(members) => {
            Json::Object(members.iter().map(|(name, value)| (name.as_str().to_owned(), to_json(value))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn there_and_back() {
        let json = json!({"a": [1, -2.5, null, true, "x"], "big": 3_000_000_000_i64});
        let value = from_json(&json).unwrap();
        assert_eq!(value["a"][0], Value::Int(1));
        assert_eq!(value["big"], Value::Int64(3_000_000_000));
        assert_eq!(to_json(&value), json);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        assert_eq!(from_json(&json!([u64::MAX])), Err(JsonError { number: u64::MAX.to_string() }));
        assert_eq!(to_json(&Value::Double(f64::NAN)), json!("nan"));
        assert_eq!(to_json(&Value::Base64(vec![0, 255])), json!("AP8="));
    }
}
