//! *Definitions*: `-e VAR=VALUE`, and the loading of what they define something for (facts: language 13).

use crate::conf::{self, Reader};
use crate::diagnostic::Diagnostic;
use crate::json;
use crate::load::{Syntax, add_file, load_bytes, load_config, load_json};
use crate::schema::Schema;
use crate::source::{FileId, Sources, Span};
use crate::tree::{Dict, Node, Value};
use crate::yaml;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A variable that the command line defines; its value is a string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The variable.
    pub name: String,
    pub value: String,
}

impl std::fmt::Display for Definition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.name, self.value)
    }
}

/// A text that defines nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a definition is written VAR=VALUE, this is `{0}`")]
pub struct BadDefinition(String);

impl std::str::FromStr for Definition {
    type Err = BadDefinition;

    fn from_str(text: &str) -> Result<Self, BadDefinition> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok(Self { name: name.to_owned(), value: value.to_owned() }),
            _ => Err(BadDefinition(text.to_owned())),
        }
    }
}

/// Values for the variables of a template, beside the configurations that have them (facts: language 14).
pub const DEFAULTS: &str = ".pungi-config-validate.json";

/// Reads [`DEFAULTS`] beside a configuration; most have none.
pub fn load_defaults(path: &Path, sources: &mut Sources) -> Result<Dict, Vec<Diagnostic>> {
    let file = path.with_file_name(DEFAULTS);
    if !file.exists() {
        return Ok(Dict::default());
    }
    let tree = load_json(&file, sources).map_err(|problem| vec![problem])?;
    Ok(tree.as_dict().cloned().unwrap_or_default())
}

/// Reads a configuration file for which the command line defines something, and for which there are `defaults` of what it does not
/// define. What is defined there and is not an option only fills in templates, so it is not in the tree.
pub fn load_defined(
    path: &Path,
    definitions: &[Definition],
    defaults: &Dict,
    schema: &Schema,
    sources: &mut Sources,
) -> Result<Node, Vec<Diagnostic>> {
    if definitions.is_empty() && defaults.entries.is_empty() {
        return load_config(path, sources);
    }
    let (_, defined) = define(definitions, sources);
    let mut before = defaults.clone();
    merge(&mut before, &defined.entries);
    let file = add_file(path, sources, &load_bytes).map_err(|problem| vec![problem])?;
    let tree = match Syntax::of(path) {
        Syntax::Conf => conf::parse_conf(file, sources, &load_bytes, &before)?,
        Syntax::Json => json::parse_json(file, sources).map_err(|problem| vec![problem])?,
        Syntax::Yaml => yaml::parse_yaml(file, sources).map_err(|problem| vec![problem])?,
    };
    let mut merged = before.clone();
    merge(&mut merged, tree.as_dict().map(|dict| dict.entries.as_slice()).unwrap_or_default());
    merge(&mut merged, &defined.entries);
    Ok(without(&Node::new(Value::Dict(Arc::new(merged)), tree.span), |name| before.get(name).is_some(), schema))
}

/// Sets the Koji event of a tree.
pub fn with_event(tree: &Node, event: i64, sources: &mut Sources) -> Node {
    let Some(dict) = tree.as_dict() else { return tree.clone() };
    let file = sources.add_virtual("the command line", format!("koji_event={event}"));
    let mut merged = dict.clone();
    let entry = |value, start, end| Node::new(value, Span::new(file, start, end));
    let key = entry(Value::Str("koji_event".into()), 0, 10);
    merge(&mut merged, &[(key, entry(Value::Int(event), 11, 11 + event.to_string().len()))]);
    Node::new(Value::Dict(Arc::new(merged)), tree.span)
}

/// Reads the sources of a dump and merges them in order, top-level key by key. A directory stands for the dump of the
/// compose in it. Definitions come before the sources, which can use them, and again behind, so that they win.
pub fn load_for_dump(
    paths: &[PathBuf],
    definitions: &[Definition],
    sources: &mut Sources,
) -> Result<Node, Vec<Diagnostic>> {
    let (mut span, defined) = define(definitions, sources);
    let mut merged = defined.clone();
    let read: Reader<'_> = &load_bytes;
    for path in paths {
        let path = if path.is_dir() { path.join("logs/global/config-dump.global.log") } else { path.clone() };
        let file = add_file(&path, sources, read).map_err(|problem| vec![problem])?;
        let tree = parse_any(file, &path, sources, read, &merged)?;
        span = tree.span;
        merge(&mut merged, tree.as_dict().map(|dict| dict.entries.as_slice()).unwrap_or_default());
    }
    merge(&mut merged, &defined.entries);
    Ok(Node::new(Value::Dict(Arc::new(merged)), span))
}

/// JSON whatever the name, when it is JSON; YAML only by its name.
fn parse_any(
    file: FileId,
    path: &Path,
    sources: &mut Sources,
    read: Reader<'_>,
    before: &Dict,
) -> Result<Node, Vec<Diagnostic>> {
    let looks_like_json = sources.file(file).text.trim_start().starts_with(['{', '[']);
    if Syntax::of(path) == Syntax::Yaml {
        return yaml::parse_yaml(file, sources).map_err(|problem| vec![problem]);
    }
    let is_json = Syntax::of(path) == Syntax::Json;
    if is_json || looks_like_json {
        match json::parse_json(file, sources) {
            Ok(tree) => return Ok(tree),
            Err(problem) if is_json => return Err(vec![problem]),
            // No JSON after all; the configuration language will say what is wrong.
            Err(_) => {}
        }
    }
    conf::parse_conf(file, sources, read, before)
}

/// The definitions as a dict; their places are in a source of their own.
fn define(definitions: &[Definition], sources: &mut Sources) -> (Span, Dict) {
    let lines: Vec<String> = definitions.iter().map(|d| format!("{}={}\n", d.name, d.value)).collect();
    let text = lines.concat();
    let length = text.len();
    let file = sources.add_virtual("definitions of the command line", text);
    let mut dict = Dict::default();
    let mut start = 0;
    for (definition, line) in definitions.iter().zip(&lines) {
        let equals = start + definition.name.len();
        let key = Node::new(Value::Str(definition.name.as_str().into()), Span::new(file, start, equals));
        start += line.len();
        let span = Span::new(file, equals + 1, start.saturating_sub(1));
        merge(&mut dict, &[(key, Node::new(Value::Str(definition.value.as_str().into()), span))]);
    }
    (Span::new(file, 0, length), dict)
}

/// Puts entries into a dict; a key that is there keeps its place.
fn merge(dict: &mut Dict, entries: &[(Node, Node)]) {
    let mut index: std::collections::HashMap<Arc<str>, usize> = std::collections::HashMap::new();
    let name = |key: &Node| match &key.value {
        Value::Str(name) => Some(name.clone()),
        _ => None,
    };
    for (at, (key, _)) in dict.entries.iter().enumerate() {
        index.extend(name(key).map(|name| (name, at)));
    }
    for (key, value) in entries {
        let next = dict.entries.len();
        let at = name(key).map_or(next, |name| *index.entry(name).or_insert(next));
        match dict.entries.get_mut(at) {
            Some(entry) => *entry = (key.clone(), value.clone()),
            None => dict.entries.push((key.clone(), value.clone())),
        }
    }
}

/// The tree without the definitions that are no options: they only filled in templates.
pub fn without_definitions(tree: &Node, definitions: &[Definition], schema: &Schema) -> Node {
    without(tree, |name| definitions.iter().any(|definition| definition.name == name), schema)
}

fn without(tree: &Node, is_defined: impl Fn(&str) -> bool, schema: &Schema) -> Node {
    let Some(dict) = tree.as_dict() else { return tree.clone() };
    let is_template = |key: &Node| {
        let name = key.as_str().unwrap_or("");
        schema.get(name).is_none() && is_defined(name)
    };
    let entries = dict.entries.iter().filter(|(key, _)| !is_template(key)).cloned().collect();
    Node::new(Value::Dict(Arc::new(Dict { entries })), tree.span)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump;

    fn definitions(texts: &[&str]) -> Vec<Definition> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn definitions_fill_templates_and_win() {
        let folder = tempfile::tempdir().unwrap();
        let first = folder.path().join("a.conf");
        let second = folder.path().join("b.conf");
        std::fs::write(&first, "a = \"%s-x\" % ver\nb = 1\nrelease_name = \"old\"\n").unwrap();
        std::fs::write(&second, "{\"b\": [ver]}").unwrap();
        let mut sources = Sources::new();
        let defined = definitions(&["ver=5=6", "release_name=new"]);
        let problems = load_for_dump(&[first.clone(), second.clone()], &defined, &mut sources).unwrap_err();
        assert!(problems[0].span.is_some_and(|span| sources.position(span).path == second));
        std::fs::write(&second, " {\"b\": [2]}").unwrap();
        let tree = load_for_dump(&[first, second], &defined, &mut sources).unwrap();
        let text = |node: &Node| dump::to_json(node).unwrap().to_string();
        assert_eq!(text(&tree), r#"{"a":"5=6-x","b":[2],"release_name":"new","ver":"5=6"}"#);
        assert_eq!(
            text(&without_definitions(&tree, &defined, &Schema::new([]))),
            r#"{"a":"5=6-x","b":[2],"release_name":"new"}"#
        );
    }

    #[test]
    fn a_directory_means_the_dump_in_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("logs/global")).unwrap();
        std::fs::write(folder.path().join("logs/global/config-dump.global.log"), "{\"a\": 1}").unwrap();
        let mut sources = Sources::new();
        let tree = load_for_dump(&[folder.path().to_owned()], &[], &mut sources).unwrap();
        assert_eq!(dump::to_json(&tree).unwrap().to_string(), r#"{"a":1}"#);
    }

    #[test]
    fn a_definition_needs_a_name_and_a_value() {
        assert!("x".parse::<Definition>().is_err());
        assert!("=x".parse::<Definition>().is_err());
        assert_eq!("x=".parse::<Definition>().map(|d| d.value).as_deref(), Ok(""));
    }
}
