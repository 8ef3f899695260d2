//! *Readers* of plain values: each gives the value or says what is wrong with it.

use super::path::At;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::source::{Spanned, Text};
use crate::tree::{Dict, Node, Value};
use std::sync::Arc;

/// The problems found so far.
#[derive(Debug, Default)]
pub struct Findings {
    /// In the order in which they were found.
    pub list: Vec<Diagnostic>,
}

impl Findings {
    pub fn add(&mut self, diagnostic: Diagnostic) {
        self.list.push(diagnostic);
    }

    /// Notes that a value is not what it should be, and says what it is.
    pub fn wrong_type(&mut self, node: &Node, at: At<'_>, wanted: &str) {
        let message = format!("expected {wanted}, found {}", shown(node, at));
        let found = Diagnostic::new(&codes::WRONG_TYPE, at.to_string(), message).at(node.span);
        let is_plain = matches!(node.value, Value::Bool(_) | Value::Int(_) | Value::BigInt(_) | Value::Float(_));
        let is_item = matches!(node.value, Value::Str(_) | Value::Dict(_));
        self.add(if is_plain && wanted.starts_with("a string") {
            found.help("put it in quotes")
        } else if is_item && wanted.starts_with("a list of") {
            found.help("put it in brackets: a list of one item is still a list")
        } else {
            found
        });
    }

    pub fn text(&mut self, node: &Node, at: At<'_>) -> Option<Text> {
        self.text_or(node, at, "a string")
    }

    /// The same, called what it is.
    pub fn text_or(&mut self, node: &Node, at: At<'_>, wanted: &str) -> Option<Text> {
        let text = node.text();
        if text.is_none() {
            self.wrong_type(node, at, wanted);
        }
        text
    }

    pub fn text_or_null(&mut self, node: &Node, at: At<'_>) -> Option<Spanned<Option<Arc<str>>>> {
        if matches!(node.value, Value::Null) {
            return Some(Spanned::new(None, node.span));
        }
        self.text_or(node, at, "a string or None").map(|text| Spanned::new(Some(text.value), text.span))
    }

    pub fn choice(&mut self, node: &Node, at: At<'_>, choices: &[&str]) -> Option<Text> {
        let text = self.text(node, at)?;
        if choices.contains(&text.as_str()) {
            return Some(text);
        }
        let message = format!("expected one of {}, found {}", choices.join(", "), shown(node, at));
        let found = Diagnostic::new(&codes::NOT_ALLOWED, at.to_string(), message).at(node.span);
        let near = crate::did_you_mean::suggest(text.as_str(), choices.iter().copied());
        self.add(match near {
            Some(near) => found.help(format!("did you mean `{near}`?")),
            None => found,
        });
        None
    }

    pub fn boolean(&mut self, node: &Node, at: At<'_>) -> Option<bool> {
        match node.value {
            Value::Bool(b) => Some(b),
            _ => {
                self.wrong_type(node, at, "True or False");
                None
            }
        }
    }

    /// The items of a list or tuple.
    pub fn array<'n>(&mut self, node: &'n Node, at: At<'_>, wanted: &str) -> Option<&'n [Node]> {
        let items = node.as_array();
        if items.is_none() {
            self.wrong_type(node, at, wanted);
        }
        items
    }

    pub fn texts(&mut self, node: &Node, at: At<'_>) -> Option<Vec<Text>> {
        let items = self.array(node, at, "a list of strings")?;
        let mut texts = Vec::with_capacity(items.len());
        // All that is wrong is reported, not only the first of it.
        texts.extend(items.iter().enumerate().filter_map(|(index, item)| self.text(item, at.item(index))));
        (texts.len() == items.len()).then_some(texts)
    }

    pub fn dict<'n>(&mut self, node: &'n Node, at: At<'_>) -> Option<&'n Dict> {
        let dict = node.as_dict();
        if dict.is_none() {
            self.wrong_type(node, at, "a dict");
        }
        dict
    }

    /// Notes that keys are missing from the dict at `at`.
    pub fn missing(&mut self, dict: &Node, at: At<'_>, key: &str) {
        self.add(Diagnostic::new(&codes::MISSING_KEY, at.to_string(), format!("`{key}` is missing")).at(dict.span));
    }

    /// Notes a key that the dict at `at` does not take.
    pub fn unexpected(&mut self, key: &Node, at: At<'_>, known: &[&str]) {
        let Some(name) = key.as_str() else {
            let message = format!("a key must be a string, found {}", shown(key, at));
            self.add(Diagnostic::new(&codes::WRONG_TYPE, at.to_string(), message).at(key.span));
            return;
        };
        let message = format!("unexpected key {}", quoted(name));
        let found = Diagnostic::new(&codes::UNEXPECTED_KEY, at.to_string(), message).at(key.span);
        // Beyond Pungi's rule, as `arch` for `arches` and `repos` for `repo`.
        let begins = |key: &&str| name.len() >= 3 && (key.starts_with(name) || name.starts_with(key));
        let near = crate::did_you_mean::suggest(name, known.iter().copied());
        self.add(match near.or_else(|| known.iter().copied().find(begins)) {
            Some(near) => found.help(format!("did you mean `{near}`?")),
            None => found.help(format!("known keys are {}", known.join(", "))),
        });
    }
}

/// A string in backquotes, cut when it is long.
pub fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(60).collect::<String>().escape_debug().to_string();
    shown = shown.replace("\\'", "'").replace("\\\"", "\"");
    let more = if text.chars().nth(60).is_some() { "..." } else { "" };
    format!("`{shown}{more}`")
}

/// A value for messages: plain ones themselves, the others and secret ones only by kind.
pub fn shown(node: &Node, at: At<'_>) -> String {
    match &node.value {
        _ if at.is_secret() => node.kind().to_owned(),
        Value::Str(text) => format!("the string {}", quoted(text)),
        Value::Bool(b) => if *b { "True" } else { "False" }.to_owned(),
        Value::Int(n) => format!("the number {n}"),
        Value::Float(x) => format!("the number {}", crate::python::float::repr(*x)),
        _ => node.kind().to_owned(),
    }
}
