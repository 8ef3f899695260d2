//! The *size* of a tree when every shared value is written out where it is used.

use crate::tree::{Node, Value};
use std::collections::HashMap;

/// How many values there are; counted once per shared container, so it takes no longer than the file is long.
pub fn expanded(node: &Node) -> u64 {
    count(node, &mut HashMap::new())
}

fn count(node: &Node, known: &mut HashMap<usize, u64>) -> u64 {
    let address = match &node.value {
        Value::List(items) | Value::Tuple(items) => items.as_ptr() as usize,
        Value::Dict(dict) => std::sync::Arc::as_ptr(dict) as usize,
        _ => return 1,
    };
    // Containers that nothing else holds cannot come up again.
    let shared = match &node.value {
        Value::List(items) | Value::Tuple(items) => std::sync::Arc::strong_count(items) > 1 && !items.is_empty(),
        Value::Dict(dict) => std::sync::Arc::strong_count(dict) > 1,
        _ => false,
    };
    if shared && let Some(count) = known.get(&address) {
        return *count;
    }
    let mut sum = 1u64;
    match &node.value {
        Value::List(items) | Value::Tuple(items) => {
            for item in items.iter() {
                sum = sum.saturating_add(count(item, known));
            }
        }
        Value::Dict(dict) => {
            for (_, value) in &dict.entries {
                sum = sum.saturating_add(1).saturating_add(count(value, known));
            }
        }
        _ => {}
    }
    if shared {
        known.insert(address, sum);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Sources, Span};
    use std::path::Path;

    #[test]
    fn doubling_is_counted_and_not_walked() {
        let mut sources = Sources::new();
        let span = Span::new(sources.add(Path::new("a"), String::new()), 0, 0);
        let mut node = Node::new(Value::Null, span);
        for _ in 0..100 {
            node = Node::new(Value::List([node.clone(), node].into()), span);
        }
        assert_eq!(expanded(&node), u64::MAX);
        let small = Node::new(Value::List([Node::new(Value::Null, span)].into()), span);
        assert_eq!(expanded(&small), 2);
    }
}
