//! The top-level *options*: their types, unknown and removed ones, and the rules between them.

use super::kinds::check_kind;
use super::path::At;
use super::values::{Findings, quoted, shown};
use crate::codes;
use crate::compose_config::VariantsFile;
use crate::diagnostic::Diagnostic;
use crate::schema::{self, Default, FORMER_PHASES, Fallback, Key, Kind, SCM, Schema, When};
use crate::source::{Span, Spanned, Text};
use crate::tree::{Dict, Node, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// The options of one configuration, defaults included.
pub struct ConfigOptions<'d> {
    index: HashMap<&'d str, (&'d Node, &'d Node)>,
}

impl<'d> ConfigOptions<'d> {
    /// Indexes a dict.
    pub fn new(dict: &'d Dict) -> Self {
        Self { index: dict.entries.iter().filter_map(|(key, value)| Some((key.as_str()?, (key, value)))).collect() }
    }

    pub fn get(&self, name: &str) -> Option<&'d Node> {
        self.index.get(name).map(|(_, value)| *value)
    }

    /// Where an option's name stands.
    pub fn key_span(&self, name: &str) -> Option<Span> {
        self.index.get(name).map(|(key, _)| key.span)
    }

    /// Whether Python would take the option for true.
    pub fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(Node::is_truthy)
    }

    pub fn text(&self, name: &str) -> Option<Text> {
        self.get(name)?.text()
    }

    pub fn texts(&self, name: &str) -> Vec<Text> {
        let items = self.get(name).and_then(Node::as_array).unwrap_or_default();
        items.iter().filter_map(Node::text).collect()
    }
}

/// The name of an option as a node, for defaults.
pub fn key_node(key: &Key, span: Span) -> Node {
    Node::new(Value::Str(key.name.into()), Span { end: span.start, ..span })
}

/// The default of an option; its place is the beginning of the file.
pub fn default_node(key: &Key, span: Span) -> Option<Node> {
    let node = |value| Node::new(value, Span { end: span.start, ..span });
    let value = match key.default {
        Default::Absent => return None,
        Default::Boolean(b) => Value::Bool(b),
        Default::Number(n) => Value::Int(n),
        Default::Text(text) => Value::Str(text.into()),
        Default::Texts(items) => Value::List(items.iter().map(|text| node(Value::Str((*text).into()))).collect()),
        Default::ListOfNull => Value::List([node(Value::Null)].into()),
        Default::EmptyDict => Value::Dict(Arc::default()),
    };
    Some(node(value))
}

/// A path, or a dict that says where to export a file from and has the `required` keys.
pub fn file_or_scm(node: &Node, at: At<'_>, required: &[&str], findings: &mut Findings) -> Option<VariantsFile> {
    if let Some(path) = node.text() {
        return Some(VariantsFile::Path(path));
    }
    let Some(dict) = node.as_dict() else {
        findings.wrong_type(node, at, "a path or a dict with `scm` and `repo`");
        return None;
    };
    // The dict is one of two alternatives, so what is wrong in it is reported at the option, as in Pungi.
    let mut texts: HashMap<&str, Text> = HashMap::new();
    let mut good = true;
    let mut complain = |findings: &mut Findings, code, span, message: String| {
        good = false;
        findings.add(Diagnostic::new(code, at.to_string(), message).at(span));
    };
    for (key, value) in &dict.entries {
        let name = key.as_str().unwrap_or("");
        let Some(known) = SCM.iter().find(|known| known.name == name) else {
            let message = format!("unexpected key {} for a source repository", quoted(name));
            complain(findings, &codes::UNEXPECTED_KEY, key.span, message);
            continue;
        };
        let mut inside = Findings::default();
        check_kind(known.kind, value, at.key(name), &mut inside);
        for found in inside.list {
            complain(findings, found.code, found.span.unwrap_or(value.span), format!("`{name}`: {}", found.message));
        }
        if let Some(text) = value.text() {
            texts.insert(name, text);
        }
    }
    for name in required.iter().filter(|name| dict.get(name).is_none()) {
        let empty = if *name == "repo" { "; it may be an empty string" } else { "" };
        complain(findings, &codes::MISSING_KEY, node.span, format!("`{name}` is missing{empty}"));
    }
    if !good {
        return None;
    }
    let empty = || Spanned::new("".into(), node.span);
    Some(VariantsFile::Scm {
        scm: texts.remove("scm")?,
        repo: texts.remove("repo").unwrap_or_else(empty),
        file: texts.remove("file").unwrap_or_else(empty),
        branch: texts.remove("branch"),
        span: node.span,
    })
}

/// Pairs of a path prefix and what replaces it.
pub fn pairs(node: &Node, at: At<'_>, findings: &mut Findings) -> Option<Vec<(String, String)>> {
    let items = findings.array(node, at, "a list of pairs")?;
    let mut pairs = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let at = at.item(index);
        let Some(texts) = findings.texts(item, at) else { continue };
        match <[Text; 2]>::try_from(texts) {
            Ok([from, to]) => pairs.push((from.as_str().to_owned(), to.as_str().to_owned())),
            Err(texts) => {
                let message = format!("expected a pair of path and URL, found {} items", texts.len());
                findings.add(Diagnostic::new(&codes::WRONG_LENGTH, at.to_string(), message).at(item.span));
            }
        }
    }
    Some(pairs)
}

pub fn check_phases(node: &Node, at: At<'_>, findings: &mut Findings) {
    for (index, item) in findings.array(node, at, "a list of phases").into_iter().flatten().enumerate() {
        let Some(name) = findings.text(item, at.item(index)) else { continue };
        let found = |code, message: String| Diagnostic::new(code, at.item(index).to_string(), message).at(name.span);
        if FORMER_PHASES.contains(&name.as_str()) {
            let message = format!("the phase {} was removed from Pungi: there is nothing to skip", name.as_str());
            findings.add(found(&codes::DEPRECATED, message).help("remove it"));
        } else if !schema::PHASES.contains(&name.as_str()) {
            let found = found(&codes::UNKNOWN_PHASE, format!("there is no phase {}", quoted(name.as_str())));
            findings.add(match crate::did_you_mean::suggest(name.as_str(), schema::PHASES) {
                Some(near) => found.help(format!("did you mean `{near}`?")),
                None => found.help(format!("the phases are {}", schema::PHASES.join(", "))),
            });
        }
    }
}

/// Warns of options that Pungi has removed.
pub fn check_removed(key: &Key, tree: &Node, findings: &mut Findings) {
    let Some((name, value)) = tree.as_dict().and_then(|dict| dict.entry(key.name)) else { return };
    // As in a dump.
    if is_default(key, value) {
        return;
    }
    let (message, instead) = match key.kind {
        Kind::Removed(instead) => (format!("`{}` was removed from Pungi and has no effect", key.name), instead),
        Kind::Gone { since, instead } => {
            (format!("`{}` was removed in Pungi {since} and has no effect", key.name), instead)
        }
        _ => return,
    };
    findings.add(Diagnostic::new(&codes::DEPRECATED, key.name, message).at(name.span).help(instead));
}

/// Names the phases that make images and that magudi leaves to Pungi, at the first option that asks for each.
pub fn note_others(tree: &Node, schema: &Schema, findings: &mut Findings) {
    let Some(dict) = tree.as_dict() else { return };
    let skipped = dict.get("skip_phases").and_then(Node::as_array).unwrap_or_default();
    for (phase, option) in schema::OF_PUNGI.iter().copied() {
        let asks = |key: &Node| match key.as_str() {
            Some(name) if option.ends_with('_') => name.starts_with(option),
            name => name == Some(option),
        };
        // Defaults stand in dumps, and ask for nothing.
        let is_set = |key: &Node, value: &Node| {
            let known = key.as_str().and_then(|name| schema.option(name));
            value.is_truthy() && known.is_none_or(|known| !is_default(known, value))
        };
        let entry = dict.entries.iter().find(|(key, value)| asks(key) && is_set(key, value));
        let Some((key, _)) = entry.filter(|_| !skipped.iter().any(|name| name.as_str() == Some(phase))) else {
            continue;
        };
        let message = format!("the phase {phase} is Pungi's work: magudi does not run it");
        findings.add(Diagnostic::new(&codes::LEFT_TO_PUNGI, key.as_str().unwrap_or(phase), message).at(key.span));
    }
}

/// Warns of unknown options (facts: options 2).
pub fn check_keys(dict: &Dict, schema: &Schema, findings: &mut Findings) {
    for (key, _) in &dict.entries {
        let Some(name) = key.as_str() else {
            let message = format!("an option's name must be a string, found {}", shown(key, At::Root));
            findings.add(Diagnostic::new(&codes::WRONG_TYPE, "", message).at(key.span));
            continue;
        };
        if schema.get(name).is_some() || is_inherited(name, dict, schema) {
            continue;
        }
        let message = format!("no option is called {}", quoted(name));
        let found = Diagnostic::new(&codes::UNKNOWN_OPTION, At::Root.key(name).to_string(), message).at(key.span);
        let near = crate::did_you_mean::suggest(name, schema.names());
        findings.add(match near {
            Some(near) => found.help(format!("did you mean `{near}`?")),
            None => found,
        });
    }
}

/// Whether images of a section inherit a key by this name, though it is no option: Pungi warns of it, and uses it (facts: kiwibuild 1).
fn is_inherited(name: &str, dict: &Dict, schema: &Schema) -> bool {
    let Some(key) = name.strip_prefix("global_") else { return false };
    let is_it = |known: &Key| known.name == key && known.fallback != Fallback::Nowhere;
    let mut sections = schema.sections().iter();
    sections.any(|section| section.own_keys().iter().any(is_it) && dict.get(section.name).is_some())
}

/// Whether a value is the default of its key; null is that of a key without one.
#[expect(clippy::float_cmp, reason = "as Python compares")]
fn is_default(key: &Key, node: &Node) -> bool {
    match (key.default, &node.value) {
        (Default::Absent, Value::Null) => true,
        // To Python, False is 0 and 0.0.
        (Default::Boolean(default), _) => node.number().is_some_and(|value| value == f64::from(default)),
        (Default::Number(default), _) => node.number().is_some_and(|value| value == default as f64),
        (Default::Text(default), Value::Str(value)) => default == value.as_ref(),
        (Default::Texts(default), Value::List(items)) => {
            items.iter().map(Node::as_str).eq(default.iter().map(|text| Some(*text)))
        }
        (Default::ListOfNull, Value::List(items)) => matches!(&items[..], [Node { value: Value::Null, .. }]),
        (Default::EmptyDict, Value::Dict(dict)) => dict.entries.is_empty(),
        _ => false,
    }
}

/// Checks which options need or exclude which.
pub fn check_rules(options: &ConfigOptions<'_>, schema: &Schema, findings: &mut Findings) {
    let is_set = |name: &str, node: &Node| schema.option(name).is_none_or(|key| !is_default(key, node));
    for rule in schema::RULES {
        let Some(node) = options.get(rule.key) else { continue };
        let holds = match rule.when {
            When::True => node.is_truthy(),
            When::Is(value) => node.as_str() == Some(value),
            When::Set => is_set(rule.key, node),
        };
        if !holds {
            continue;
        }
        let what = match rule.when {
            When::Is(value) => format!("`{}` is `{value}`, which", rule.key),
            When::True | When::Set => format!("`{}`", rule.key),
        };
        let lacks = |name: &&&str| match rule.when {
            When::Set => !options.is_true(name),
            When::True | When::Is(_) => options.get(name).is_none(),
        };
        for needed in rule.requires.iter().filter(lacks) {
            let message = format!("{what} requires `{needed}`, which is not set");
            let span = options.key_span(rule.key).unwrap_or(node.span);
            findings.add(Diagnostic::new(&codes::REQUIRES, rule.key, message).at(span));
        }
        for other in rule.conflicts {
            let Some(value) = options.get(other).filter(|value| is_set(other, value)) else { continue };
            let message = format!("{what} conflicts with `{other}`");
            let span = options.key_span(other).unwrap_or(value.span);
            let found = Diagnostic::new(&codes::CONFLICTS, *other, message).at(span);
            findings.add(found.related(node.span, format!("`{}` is set here", rule.key)));
        }
    }
}
