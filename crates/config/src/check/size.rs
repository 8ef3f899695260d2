//! The *size* of a tree when every shared value is written out where it is used.

use crate::tree::{Node, Value};
use rayon::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;

/// So many levels stand around an image: the options, a section, the list of a pattern.
const LEVELS: u32 = 3;
/// How many values below them one thread counts: another one would not help with fewer.
const PART: usize = 256;

/// How many values there are; counted once per shared container by each thread, so it takes no longer than the file is long.
pub fn expanded(node: &Node) -> u64 {
    let mut below = Vec::new();
    let around = around(node, LEVELS, &mut below);
    let sum = |nodes: &[&Node]| {
        let mut known = HashMap::new();
        nodes.iter().fold(0, |sum: u64, node| sum.saturating_add(count(node, &mut known)))
    };
    let below = if below.len() <= PART {
        sum(&below)
    } else {
        let share = below.len().div_ceil(rayon::current_num_threads());
        below.par_chunks(share).map(sum).reduce(|| 0, u64::saturating_add)
    };
    around.saturating_add(below)
}

/// How many values there are in the upper levels of a tree. What is below them, and what is there more than once, goes into `below`.
fn around<'n>(node: &'n Node, levels: u32, below: &mut Vec<&'n Node>) -> u64 {
    let mut inner = |node| around(node, levels - 1, below);
    match &node.value {
        Value::List(items) if levels > 0 && Arc::strong_count(items) == 1 => 1 + items.iter().map(inner).sum::<u64>(),
        Value::Dict(dict) if levels > 0 && Arc::strong_count(dict) == 1 => {
            1 + dict.entries.iter().map(|(_, value)| 1 + inner(value)).sum::<u64>()
        }
        _ => {
            below.push(node);
            0
        }
    }
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
