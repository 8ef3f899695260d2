//! *Packed values* are values that a hub keeps for each of its tasks and files, and is seldom asked for. As text they take a tenth of
//! the room: a struct of one member takes as much as one of eleven.

use magudi_koji::value::{from_json, to_json};

use crate::wire::Value;

/// A value that JSON can hold, as text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PackedValue(Box<str>);

impl PackedValue {
    /// Keeps a value.
    pub(crate) fn of(value: &Value) -> Self {
        Self(to_json(value).to_string().into())
    }

    pub(crate) fn value(&self) -> Value {
        serde_json::from_str(&self.0).ok().and_then(|json| from_json(&json).ok()).unwrap_or(Value::Nil)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{int, string, structure};

    #[test]
    fn what_is_kept_comes_back() {
        let inner = structure([("build", int(5_000_000_000)), ("weight", Value::Double(1.0)), ("none", Value::Nil)]);
        let value = structure([("koji", inner), ("ids", Value::Array(vec![int(-1), string("a\n\u{e9}")]))]);
        assert_eq!(PackedValue::of(&value).value(), value);
        assert_eq!(PackedValue::of(&Value::Nil).value(), Value::Nil);
    }
}
