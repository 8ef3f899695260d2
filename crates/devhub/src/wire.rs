//! *Wire* values: what every method says to the caller, and the faults it raises.
//!
//! Codes and texts are those of a real hub (facts: koji 1); a client should look at the code only.

pub(crate) use magudi_koji::value::{int, string, structure};
pub(crate) use magudi_koji::xmlrpc::{Fault, Members, Name, Value};

/// What a call answers.
pub(crate) type Answer = Result<Value, Fault>;

/// A Python exception that is not Koji's.
pub(crate) const PYTHON: i64 = 1;
/// `GenericError`.
pub(crate) const GENERIC: i64 = 1000;
/// `AuthError`.
pub(crate) const AUTH: i64 = 1002;
/// `TagError`.
pub(crate) const TAG: i64 = 1003;
/// `ActionNotAllowed`.
pub(crate) const NOT_ALLOWED: i64 = 1004;
/// `BuildError`.
pub(crate) const BUILD: i64 = 1005;
/// `AuthLockError`.
pub(crate) const AUTH_LOCK: i64 = 1006;
/// `AuthExpired`.
pub(crate) const AUTH_EXPIRED: i64 = 1007;
/// `SequenceError`.
pub(crate) const SEQUENCE: i64 = 1008;
/// `RetryError`.
pub(crate) const RETRY: i64 = 1009;
/// `BuildrootError`.
pub(crate) const BUILDROOT: i64 = 1012;
/// `ServerOffline`.
pub(crate) const OFFLINE: i64 = 1014;
/// `ApplianceError`.
pub(crate) const APPLIANCE: i64 = 1018;
/// `ParameterError`.
pub(crate) const PARAMETER: i64 = 1019;
/// `LiveMediaError`.
pub(crate) const LIVE_MEDIA: i64 = 1022;

/// A fault 1000.
pub(crate) fn generic(text: impl Into<String>) -> Fault {
    Fault::new(GENERIC, text)
}

/// A fault 1019.
pub(crate) fn parameter(text: impl Into<String>) -> Fault {
    Fault::new(PARAMETER, text)
}

/// A fault 1004.
pub(crate) fn not_allowed(text: impl Into<String>) -> Fault {
    Fault::new(NOT_ALLOWED, text)
}

/// A fault of another Python exception, as a hub shows it unless it is set to show tracebacks.
pub(crate) fn python(class: &str, text: &str) -> Fault {
    Fault::new(PYTHON, format!("<class '{class}'>: {text}"))
}

pub(crate) fn string_or_nil(text: Option<&str>) -> Value {
    text.map_or(Value::Nil, string)
}

pub(crate) fn int_or_nil(n: Option<i64>) -> Value {
    n.map_or(Value::Nil, int)
}

/// Python's truth.
pub(crate) fn truthy(value: &Value) -> bool {
    match value {
        Value::Nil => false,
        Value::Bool(b) => *b,
        Value::Int(n) => *n != 0,
        Value::Int64(n) => *n != 0,
        Value::Double(x) => *x != 0.0,
        Value::String(s) => !s.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Struct(members) => !members.is_empty(),
        Value::Base64(_) => true,
    }
}

/// A fault as a value, as multicalls and `getTaskResult` give it.
pub(crate) fn fault_value(fault: &Fault, traceback: bool) -> Value {
    let mut members = vec![("faultCode", int(fault.code)), ("faultString", string(fault.string.as_str()))];
    if traceback {
        members.push(("traceback", Value::Array(vec![string(format!("{}\n", fault.string))])));
    }
    structure(members)
}
