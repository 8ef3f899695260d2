//! *Query options* are what a caller may ask of a list: its order, a part of it, or only its length.

use std::cmp::Ordering;

use crate::wire::{Answer, Value, generic, int, truthy};

/// Orders, cuts or counts `rows` as `options` say: `order` (`-id,name`), `offset`, `limit`, `countOnly`.
pub(super) fn apply(mut rows: Vec<Value>, options: &Value) -> Answer {
    let option = |name: &str| options.get(name).filter(|value| **value != Value::Nil);
    if let Some(order) = option("order").and_then(Value::as_str) {
        let keys: Vec<(&str, bool)> =
            order.split(',').map(|key| key.strip_prefix('-').map_or((key, false), |key| (key, true))).collect();
        if let Some(row) = rows.first()
            && let Some((key, _)) = keys.iter().find(|(key, _)| row.get(key).is_none())
        {
            return Err(generic(format!("Invalid order: {key}")));
        }
        rows.sort_by(|a, b| {
            keys.iter().fold(Ordering::Equal, |so_far, (key, reverse)| {
                so_far.then_with(|| {
                    let by_key = compare(a.get(key), b.get(key));
                    if *reverse { by_key.reverse() } else { by_key }
                })
            })
        });
    }
    let number = |name: &str| option(name).and_then(Value::as_i64).and_then(|n| usize::try_from(n).ok());
    let offset = number("offset").unwrap_or(0);
    let limit = number("limit").unwrap_or(usize::MAX);
    let rows: Vec<Value> = rows.into_iter().skip(offset).take(limit).collect();
    if option("countOnly").is_some_and(truthy) {
        return Ok(int(rows.len() as i64));
    }
    Ok(Value::Array(rows))
}

/// The order of two members; nil comes last, as in the database.
fn compare(a: Option<&Value>, b: Option<&Value>) -> Ordering {
    let number = |value: &Value| value.as_f64().or_else(|| value.as_i64().map(|n| n as f64));
    match (a, b) {
        (None | Some(Value::Nil), None | Some(Value::Nil)) => Ordering::Equal,
        (None | Some(Value::Nil), _) => Ordering::Greater,
        (_, None | Some(Value::Nil)) => Ordering::Less,
        (Some(a), Some(b)) => match (a, b) {
            (Value::String(a), Value::String(b)) => a.cmp(b),
            (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
            (a, b) => match (a.as_i64(), b.as_i64()) {
                (Some(a), Some(b)) => a.cmp(&b),
                _ => number(a).unwrap_or_default().total_cmp(&number(b).unwrap_or_default()),
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{string, structure};

    #[test]
    fn ordered_and_cut() {
        let row = |id: i64, name: &str| structure([("id", int(id)), ("name", string(name))]);
        let rows = || vec![row(1, "b"), row(3, "a"), row(2, "b")];
        let ids = |options: Value| {
            let Ok(Value::Array(rows)) = apply(rows(), &options) else { panic!("{options:?}") };
            rows.iter().filter_map(|row| row["id"].as_i64()).collect::<Vec<_>>()
        };
        assert_eq!(ids(Value::Nil), [1, 3, 2]);
        assert_eq!(ids(structure([("order", string("-id"))])), [3, 2, 1]);
        assert_eq!(ids(structure([("order", string("name,-id"))])), [3, 2, 1]);
        assert_eq!(ids(structure([("order", string("id")), ("offset", int(1)), ("limit", int(1))])), [2]);
        assert_eq!(apply(rows(), &structure([("countOnly", Value::Bool(true))])), Ok(int(3)));
        assert!(apply(rows(), &structure([("order", string("nope"))])).is_err());
    }
}
