//! *Named arguments* travel as one more argument at the end: a struct that also holds `__starstar` (facts: wire 15).

use crate::xmlrpc::{Members, Name, Value};

/// The member that marks a struct as named arguments.
pub const STARSTAR: &str = "__starstar";

/// `positional` arguments followed by `named` ones. Without named ones nothing is added.
pub fn kwargs<N: Into<Name>>(
    positional: impl IntoIterator<Item = Value>,
    named: impl IntoIterator<Item = (N, Value)>,
) -> Vec<Value> {
    let mut params: Vec<Value> = positional.into_iter().collect();
    let mut members: Members = named.into_iter().collect();
    if !members.is_empty() {
        members.insert(STARSTAR, Value::Bool(true));
        params.push(Value::Struct(members));
    }
    params
}

/// The arguments of a call as the hub's method sees them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Arguments {
    pub positional: Vec<Value>,
    pub named: Members,
}

impl Arguments {
    /// The argument at `place` or called `name`; nothing if it was left out. Nil is an argument.
    pub fn get(&self, place: usize, name: &str) -> Option<&Value> {
        self.positional.get(place).or_else(|| self.named.get(name))
    }
}

/// Takes the named arguments out of `params`: only the last one can hold them, and only if its `__starstar` is true in
/// Python's sense.
pub fn split_kwargs(mut params: Vec<Value>) -> Arguments {
    let is_named =
        params.last().and_then(Value::as_struct).and_then(|members| members.get(STARSTAR)).is_some_and(is_truthy);
    let mut named = Members::default();
    if is_named && let Some(Value::Struct(members)) = params.pop() {
        named = members;
        named.remove(STARSTAR);
    }
    Arguments { positional: params, named }
}

fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Nil => false,
        Value::Bool(b) => *b,
        Value::Int(n) => *n != 0,
        Value::Int64(n) => *n != 0,
        Value::Double(x) => *x != 0.0,
        Value::String(text) => !text.is_empty(),
        // Python's `Binary` has no length.
        Value::Base64(_) => true,
        Value::Array(items) => !items.is_empty(),
        Value::Struct(members) => !members.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::structure;

    #[test]
    fn named_arguments_go_last_and_come_back() {
        let params = kwargs([Value::Int(1)], [("strict", Value::Bool(true))]);
        assert_eq!(params.len(), 2);
        let arguments = split_kwargs(params);
        assert_eq!(arguments.get(0, "id"), Some(&Value::Int(1)));
        assert_eq!(arguments.get(1, "strict"), Some(&Value::Bool(true)));
        assert_eq!(arguments.get(2, "event"), None);
        assert_eq!(kwargs::<String>([Value::Nil], []), [Value::Nil]);
    }

    #[test]
    fn only_a_true_mark_in_the_last_place_counts() {
        let marked = |mark: Value| structure([("a", Value::Nil), (STARSTAR, mark)]);
        assert_eq!(split_kwargs(vec![marked(Value::Int(1))]).positional, []);
        for params in [vec![marked(Value::Bool(false))], vec![marked(Value::Bool(true)), Value::Nil]] {
            assert_eq!(split_kwargs(params.clone()).positional, params);
        }
    }
}
