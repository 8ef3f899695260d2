//! A *dict builder*: keeps the order in which keys appeared and finds a key that appears again (facts: language 7).

use crate::python::{Text, repr};
use crate::tree::{Dict, Node, Value};
use std::collections::HashMap;

/// From how many entries on an index pays.
const LINEAR: usize = 16;

/// What identifies a key. Numbers that are equal in Python are one key, whatever their type.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Identity {
    Null,
    Number(String),
    Text(std::sync::Arc<str>),
    Tuple(String),
}

/// Why an entry was refused.
#[derive(Debug)]
pub enum Refused {
    /// The same key with the same type stands already here.
    Duplicate(Box<Node>),
    /// A list or dict cannot be a key.
    Unhashable,
    /// The key is a tuple too large to compare.
    TooLarge,
}

/// A dict under construction.
#[derive(Debug, Default)]
pub struct Builder {
    entries: Vec<(Node, Node)>,
    index: HashMap<Identity, usize>,
}

impl Builder {
    /// Finds the place for a key: a new one, or that of an equal key of another type. Types are compared with the key that
    /// stands there, so `{1: 1, 1.0: 2, 1.0: 3}` has one key and no duplicate, as in kobo.
    pub fn place(&mut self, key: &Node, budget: &mut usize) -> Result<usize, Refused> {
        let Some(at) = self.find(key, budget)? else {
            return Ok(self.entries.len());
        };
        let same_type = |other: &Node| type_of(&other.value) == type_of(&key.value);
        match self.entries.get(at).map(|(first, _)| first).filter(|first| same_type(first)) {
            Some(first) => Err(Refused::Duplicate(Box::new(first.clone()))),
            None => Ok(at),
        }
    }

    /// Puts an entry where [`Builder::place`] said. An earlier key stays, with the later value.
    pub fn put(&mut self, place: usize, key: Node, value: Node) {
        match self.entries.get_mut(place) {
            Some(entry) => entry.1 = value,
            None => self.entries.push((key, value)),
        }
    }

    /// Adds an entry; the last value of a key wins and stands where the key first stood, as in JSON.
    pub fn replace(&mut self, key: Node, value: Node) {
        let mut budget = 0;
        match self.find(&key, &mut budget) {
            Ok(Some(at)) => self.entries[at] = (key, value),
            _ => self.entries.push((key, value)),
        }
    }

    /// Where an equal key stands. Indexes the key when it is new.
    fn find(&mut self, key: &Node, budget: &mut usize) -> Result<Option<usize>, Refused> {
        if self.entries.len() < LINEAR
            && let Value::Str(text) = &key.value
        {
            return Ok(self.entries.iter().position(|(other, _)| other.as_str() == Some(text)));
        }
        if self.index.len() < self.entries.len() {
            for (at, (other, _)) in self.entries.iter().enumerate() {
                self.index.entry(identity(&other.value, budget)?).or_insert(at);
            }
        }
        let next = self.entries.len();
        let at = *self.index.entry(identity(&key.value, budget)?).or_insert(next);
        Ok((at < next).then_some(at))
    }

    /// The dict. The builder is empty behind it, with the room that it had.
    pub fn finish(&mut self) -> Dict {
        self.index.clear();
        Dict { entries: self.entries.drain(..).collect() }
    }
}

fn identity(value: &Value, budget: &mut usize) -> Result<Identity, Refused> {
    Ok(match value {
        Value::Null => Identity::Null,
        Value::Bool(b) => Identity::Number(u8::from(*b).to_string()),
        Value::Int(n) => Identity::Number(n.to_string()),
        Value::BigInt(digits) => Identity::Number(digits.to_string()),
        Value::Float(x) if x.fract() == 0.0 => {
            let text = format!("{x:.0}");
            Identity::Number(if text == "-0" { "0".to_owned() } else { text })
        }
        Value::Float(x) => Identity::Number(x.to_string()),
        Value::Str(text) => Identity::Text(text.clone()),
        Value::List(_) | Value::Dict(_) => return Err(Refused::Unhashable),
        Value::Tuple(_) => {
            check_hashable(value, budget)?;
            let mut text = Text::new(budget);
            repr::push_repr(&mut text, value).map_err(|_| Refused::TooLarge)?;
            Identity::Tuple(text.finish())
        }
    })
}

/// Looks for lists and dicts in a tuple. Every value costs, since a tuple may hold the same one many times.
fn check_hashable(value: &Value, budget: &mut usize) -> Result<(), Refused> {
    *budget = budget.checked_sub(1).ok_or(Refused::TooLarge)?;
    match value {
        Value::List(_) | Value::Dict(_) => Err(Refused::Unhashable),
        Value::Tuple(items) => items.iter().try_for_each(|item| check_hashable(&item.value, budget)),
        _ => Ok(()),
    }
}

fn type_of(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Int(_) | Value::BigInt(_) => 2,
        Value::Float(_) => 3,
        Value::Str(_) => 4,
        Value::Tuple(_) => 5,
        Value::List(_) => 6,
        Value::Dict(_) => 7,
    }
}
