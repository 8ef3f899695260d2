//! The tree that every configuration syntax is read into. Each node knows the span it was written at.
//!
//! Containers are shared: a variable that is used twice costs one list, as in kobo (facts: language 3), so a file cannot blow
//! up by naming a large value many times.

use crate::python::{self, float};
use crate::source::{Span, Spanned, Text};
use std::borrow::Cow;
use std::sync::Arc;

/// A value and where it was written.
#[derive(Debug, Clone)]
pub struct Node {
    pub value: Value,
    /// Where it stands; for a variable's value the place where that value was written.
    pub span: Span,
}

/// A value of the configuration language.
#[derive(Debug, Clone)]
pub enum Value {
    Null,
    Bool(bool),
    /// An integer that fits 64 bits.
    Int(i64),
    /// Any other integer, its decimal digits with an optional leading `-`.
    BigInt(Arc<str>),
    /// A number with a point.
    Float(f64),
    Str(Arc<str>),
    /// `[...]`.
    List(Arc<[Node]>),
    /// `(...)`; lists and tuples differ only in formatting and as dict keys.
    Tuple(Arc<[Node]>),
    /// `{...}`.
    Dict(Arc<Dict>),
}

/// A dict: entries in the order in which their keys first appeared, which is semantic (facts: language 7).
#[derive(Debug, Clone, Default)]
pub struct Dict {
    pub entries: Vec<(Node, Node)>,
}

impl Dict {
    /// The value of a string key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|(_, value)| value)
    }

    /// Key and value of a string key.
    pub fn entry(&self, key: &str) -> Option<&(Node, Node)> {
        self.entries.iter().find(|(k, _)| k.as_str() == Some(key))
    }
}

impl Node {
    /// A node for `value` written at `span`.
    pub fn new(value: Value, span: Span) -> Self {
        Self { value, span }
    }

    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Str(s) => Some(s),
            _ => None,
        }
    }

    /// A value as Python compares it with numbers.
    pub(crate) fn number(&self) -> Option<f64> {
        match self.value {
            Value::Bool(value) => Some(f64::from(value)),
            Value::Int(value) => Some(value as f64),
            Value::Float(value) => Some(value),
            _ => None,
        }
    }

    /// What Python's `str()` makes of a string, number or boolean.
    pub fn python_text(&self) -> Option<Cow<'_, str>> {
        Some(match &self.value {
            Value::Str(text) | Value::BigInt(text) => Cow::Borrowed(&**text),
            Value::Int(number) => Cow::Owned(number.to_string()),
            Value::Float(number) => Cow::Owned(float::repr(*number)),
            Value::Bool(true) => Cow::Borrowed("True"),
            Value::Bool(false) => Cow::Borrowed("False"),
            _ => return None,
        })
    }

    /// What Python's `str()` makes of any value, taken out of `budget` (bytes); none when that is not enough.
    pub fn python_str(&self, budget: &mut usize) -> Option<String> {
        let mut text = python::Text::new(budget);
        python::repr::push_str(&mut text, &self.value).ok()?;
        Some(text.finish())
    }

    /// The text of a string with its place.
    pub fn text(&self) -> Option<Text> {
        match &self.value {
            Value::Str(s) => Some(Spanned::new(Arc::clone(s), self.span)),
            _ => None,
        }
    }

    /// The elements of a list or tuple.
    pub fn as_array(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(items) | Value::Tuple(items) => Some(items),
            _ => None,
        }
    }

    pub fn as_dict(&self) -> Option<&Dict> {
        match &self.value {
            Value::Dict(dict) => Some(dict),
            _ => None,
        }
    }

    /// What Python's `bool(x)` says.
    pub fn is_truthy(&self) -> bool {
        match &self.value {
            Value::Null => false,
            Value::Bool(b) => *b,
            Value::Int(n) => *n != 0,
            Value::BigInt(_) => true,
            Value::Float(x) => *x != 0.0,
            Value::Str(s) => !s.is_empty(),
            Value::List(items) | Value::Tuple(items) => !items.is_empty(),
            Value::Dict(dict) => !dict.entries.is_empty(),
        }
    }

    /// How deep the value is nested: 0 for a plain value, 1 for a list of plain values. As deep in recursion.
    pub fn depth(&self) -> u32 {
        match &self.value {
            Value::List(items) | Value::Tuple(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Value::Dict(dict) => 1 + dict.entries.iter().map(|(_, value)| value.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// What kind of value this is, with its article, for messages.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "None",
            Value::Bool(_) => "a boolean",
            Value::Int(_) | Value::BigInt(_) | Value::Float(_) => "a number",
            Value::Str(_) => "a string",
            Value::List(_) => "a list",
            Value::Tuple(_) => "a tuple",
            Value::Dict(_) => "a dict",
        }
    }
}
