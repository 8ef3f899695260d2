//! *Schema overrides*: pieces of JSON Schema that forbid more than Pungi does, as a service that composes for others has them
//! (`pungi-config-validate --schema-override`). Where several say something of one value, the last one counts, as they are put over
//! the schema leaf by leaf. An override cannot allow what magudi's own tables refuse.

use crate::check::fill::Offline;
use crate::check::fill_in;
use crate::check::path::At;
use crate::check::values::{Findings, shown};
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::dump::to_json;
use crate::load::load_json;
use crate::pattern::{Pattern, PatternError};
use crate::schema::Schema;
use crate::source::Sources;
use crate::tree::{Dict, Node, Value};
use serde_json::{Map, Value as Json};
use std::path::PathBuf;

/// What narrows a value. The other keywords describe it, or are Pungi's for what is filled in.
const KEYWORDS: &[&str] = &[
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "deprecated",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "oneOf",
    "pattern",
    "patternProperties",
    "properties",
    "required",
    "type",
    "uniqueItems",
];

/// Keywords that are passed over.
const SILENT: &[&str] =
    &["$schema", "alias", "append", "default", "definitions", "description", "format", "id", "title"];

/// Reads overrides, and puts them over each other.
pub fn load_overrides(paths: &[PathBuf], sources: &mut Sources) -> Result<Json, Vec<Diagnostic>> {
    let mut all = Json::Object(Map::new());
    let mut found = Vec::new();
    for path in paths {
        match load_json(path, sources) {
            Ok(node) => {
                known(&node, At::Root, &mut found);
                match to_json(&node) {
                    Ok(schema) => update(&mut all, &schema),
                    Err(problem) => found.push(problem),
                }
            }
            Err(problem) => found.push(problem),
        }
    }
    if found.is_empty() { Ok(all) } else { Err(found) }
}

/// Puts the leaves of `with` over those of `schema`.
pub fn update(schema: &mut Json, with: &Json) {
    match (schema, with) {
        (Json::Object(schema), Json::Object(with)) => {
            for (key, value) in with {
                update(schema.entry(key).or_insert_with(|| Json::Object(Map::new())), value);
            }
        }
        (schema, with) => *schema = with.clone(),
    }
}

/// Refuses keywords that would be passed over although they narrow something.
fn known(schema: &Node, at: At<'_>, found: &mut Vec<Diagnostic>) {
    for (key, value) in schema.as_dict().map(|dict| dict.entries.as_slice()).unwrap_or_default() {
        let Some(name) = key.as_str() else { continue };
        let inner = at.key(name);
        match name {
            "properties" | "patternProperties" => {
                for (key, schema) in value.as_dict().map(|dict| dict.entries.as_slice()).unwrap_or_default() {
                    known(schema, inner.key(key.as_str().unwrap_or_default()), found);
                }
            }
            "additionalProperties" | "additionalItems" | "not" => known(value, inner, found),
            "items" | "allOf" | "anyOf" | "oneOf" => match value.as_array() {
                Some(schemas) => {
                    schemas.iter().enumerate().for_each(|(place, schema)| known(schema, inner.item(place), found));
                }
                None => known(value, inner, found),
            },
            name if KEYWORDS.contains(&name) || SILENT.contains(&name) => {}
            _ => {
                let message = format!("a schema override has no keyword `{}`", name.escape_debug());
                found.push(Diagnostic::new(&codes::UNEXPECTED_KEY, inner.to_string(), message).at(key.span).help(
                    "write out what a reference stands for; known keywords are those of JSON Schema, draft 4, for one value",
                ));
            }
        }
    }
}

/// What an override finds in a configuration, and in what is filled in for it.
pub fn check_overrides(tree: &Node, schema: &Schema, overrides: &Json) -> Vec<Diagnostic> {
    let (filled, _) = fill_in(tree, schema, &mut Offline);
    let mut findings = Findings::default();
    Checker { findings: &mut findings }.check(&filled, At::Root, overrides);
    findings.list
}

pub fn has_option(overrides: &Json, name: &str) -> bool {
    overrides.get("properties").and_then(|all| all.get(name)).is_some()
}

struct Checker<'f> {
    findings: &'f mut Findings,
}

impl Checker<'_> {
    fn refuse(&mut self, code: &'static codes::Code, node: &Node, at: At<'_>, message: String) {
        let message = format!("{message} (schema override)");
        self.findings.add(Diagnostic::new(code, at.to_string(), message).at(node.span));
    }

    fn check(&mut self, node: &Node, at: At<'_>, schema: &Json) {
        let Some(schema) = schema.as_object() else { return };
        if let Some(message) = schema.get("deprecated").and_then(Json::as_str) {
            let found =
                Diagnostic::new(&codes::DEPRECATED, at.to_string(), "the option has no effect (schema override)");
            self.findings.add(found.at(node.span).help(message));
        }
        if let Some(types) = schema.get("type") {
            let names: Vec<&str> = strings(types);
            if !names.iter().any(|name| is_of_type(node, name)) {
                let message = format!("expected a value of type {}, found {}", names.join(" or "), shown(node, at));
                return self.refuse(&codes::WRONG_TYPE, node, at, message);
            }
        }
        if let Some(Json::Array(values)) = schema.get("enum")
            && to_json(node).is_ok_and(|value| !values.iter().any(|known| same(known, &value)))
        {
            let known: Vec<String> = values.iter().map(in_words).collect();
            let message = format!("expected one of {}, found {}", known.join(", "), shown(node, at));
            self.refuse(&codes::NOT_ALLOWED, node, at, message);
        }
        self.sizes(node, at, schema);
        self.alternatives(node, at, schema);
        if let Some(dict) = node.as_dict() {
            self.properties(node, dict, at, schema);
        }
        if let Some(items) = node.as_array() {
            for (index, item) in items.iter().enumerate() {
                let of_item = match schema.get("items") {
                    Some(Json::Array(each)) => each.get(index).or_else(|| schema.get("additionalItems")),
                    every => every,
                };
                match of_item {
                    Some(Json::Bool(false)) => {
                        self.refuse(
                            &codes::WRONG_LENGTH,
                            item,
                            at.item(index),
                            "the list has an item too many".to_owned(),
                        );
                    }
                    Some(of_item) => self.check(item, at.item(index), of_item),
                    None => {}
                }
            }
        }
    }

    /// Lengths, bounds, and what a text looks like.
    fn sizes(&mut self, node: &Node, at: At<'_>, schema: &Map<String, Json>) {
        let length = match &node.value {
            Value::Str(text) => Some(("Length", text.chars().count())),
            Value::Dict(dict) => Some(("Properties", dict.entries.len())),
            _ => node.as_array().map(|items| ("Items", items.len())),
        };
        if let Some((what, length)) = length {
            let bound = |least: &str| schema.get(&format!("{least}{what}")).and_then(Json::as_u64);
            let length = u64::try_from(length).unwrap_or(u64::MAX);
            if bound("min").is_some_and(|least| length < least) || bound("max").is_some_and(|most| length > most) {
                let message = format!(
                    "the length {length} is not between {} and {}",
                    bound("min").unwrap_or(0),
                    bound("max").map_or("any".to_owned(), |most| most.to_string())
                );
                self.refuse(&codes::WRONG_LENGTH, node, at, message);
            }
        }
        if schema.get("uniqueItems") == Some(&Json::Bool(true)) {
            let items: Vec<Json> = node.as_array().unwrap_or_default().iter().flat_map(to_json).collect();
            if items.iter().enumerate().any(|(place, item)| items.iter().take(place).any(|other| same(other, item))) {
                self.refuse(&codes::NOT_ALLOWED, node, at, "two items of the list are the same".to_owned());
            }
        }
        if let (Some(pattern), Value::Str(text)) = (schema.get("pattern").and_then(Json::as_str), &node.value) {
            match finds(pattern, text) {
                Ok(true) => {}
                Ok(false) => {
                    let message = format!("{} does not match `{}`", shown(node, at), pattern.escape_debug());
                    self.refuse(&codes::NOT_ALLOWED, node, at, message);
                }
                Err(reason) => {
                    self.refuse(&codes::NOT_ALLOWED, node, at, format!("its pattern cannot be used: {reason}"));
                }
            }
        }
        let Some(number) = number(node) else { return };
        let bound = |name: &str| schema.get(name).and_then(Json::as_f64);
        let excludes = |name: &str| schema.get(name) == Some(&Json::Bool(true));
        let too_low =
            bound("minimum").is_some_and(|least| number < least || excludes("exclusiveMinimum") && number <= least);
        let too_high =
            bound("maximum").is_some_and(|most| number > most || excludes("exclusiveMaximum") && number >= most);
        let between = bound("multipleOf").is_some_and(|step| step > 0.0 && (number / step).fract() != 0.0);
        if too_low || too_high || between {
            let named = ["minimum", "maximum", "multipleOf"];
            let bounds: Vec<String> =
                named.iter().filter_map(|name| Some(format!("{name} {}", schema.get(*name)?))).collect();
            self.refuse(
                &codes::NOT_ALLOWED,
                node,
                at,
                format!("{} is not within {}", shown(node, at), bounds.join(", ")),
            );
        }
    }

    fn alternatives(&mut self, node: &Node, at: At<'_>, schema: &Map<String, Json>) {
        let fits = |schema: &Json| {
            let mut inside = Findings::default();
            Checker { findings: &mut inside }.check(node, at, schema);
            !crate::diagnostic::has_errors(&inside.list)
        };
        let each = |name: &str| schema.get(name).and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
        let (any, one) = (each("anyOf"), each("oneOf"));
        let is_wrong = !any.is_empty() && !any.iter().any(fits)
            || !one.is_empty() && one.iter().filter(|schema| fits(schema)).count() != 1
            || schema.get("not").is_some_and(fits);
        if is_wrong {
            self.refuse(&codes::NOT_ALLOWED, node, at, format!("{} is not allowed", shown(node, at)));
        }
        for schema in each("allOf") {
            self.check(node, at, schema);
        }
    }

    fn properties(&mut self, node: &Node, dict: &Dict, at: At<'_>, schema: &Map<String, Json>) {
        let named = |name: &str| schema.get(name).and_then(Json::as_object);
        for name in schema.get("required").map(strings).unwrap_or_default() {
            if dict.get(name).is_none() {
                self.refuse(&codes::MISSING_KEY, node, at, format!("`{}` is missing", name.escape_debug()));
            }
        }
        for (key, value) in &dict.entries {
            let Some(name) = key.as_str() else { continue };
            let inner = at.key(name);
            let own = named("properties").and_then(|all| all.get(name));
            if let Some(own) = own {
                self.check(value, inner, own);
            }
            let mut is_known = own.is_some();
            for (pattern, schema) in named("patternProperties").into_iter().flatten() {
                if finds(pattern, name).unwrap_or(false) {
                    is_known = true;
                    self.check(value, inner, schema);
                }
            }
            // What is not listed here may be in the schema that the override is put over, which has refused what it does not know.
            if let Some(others @ Json::Object(_)) = schema.get("additionalProperties").filter(|_| !is_known) {
                self.check(value, inner, others);
            }
        }
    }
}

/// Whether the pattern matches anywhere in the text.
fn finds(pattern: &str, text: &str) -> Result<bool, PatternError> {
    Pattern::parse(&format!("(?s:.*?)(?:{pattern})"))?.is_match(text)
}

fn strings(value: &Json) -> Vec<&str> {
    match value {
        Json::Array(items) => items.iter().filter_map(Json::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

/// Types of JSON Schema, and the two that Pungi has besides. A type that is not known holds nothing.
fn is_of_type(node: &Node, name: &str) -> bool {
    match name {
        "null" => matches!(node.value, Value::Null),
        "boolean" => matches!(node.value, Value::Bool(_)),
        "integer" => matches!(node.value, Value::Int(_) | Value::BigInt(_)),
        "number" => matches!(node.value, Value::Int(_) | Value::BigInt(_) | Value::Float(_)),
        "string" | "url" | "regex" => matches!(node.value, Value::Str(_)),
        "array" => node.as_array().is_some(),
        "object" => node.as_dict().is_some(),
        _ => false,
    }
}

/// A number for bounds, where the last digits of a large one say nothing.
fn number(node: &Node) -> Option<f64> {
    match &node.value {
        Value::Float(number) => Some(*number),
        Value::Int(number) => number.to_string().parse().ok(),
        Value::BigInt(digits) => digits.parse().ok(),
        _ => None,
    }
}

/// Equality as in JSON, where 1 and 1.0 are one number.
fn same(one: &Json, other: &Json) -> bool {
    one == other || one.as_f64().zip(other.as_f64()).is_some_and(|(one, other)| one.to_bits() == other.to_bits())
}

fn in_words(value: &Json) -> String {
    match value {
        Json::String(text) => format!("`{}`", text.escape_debug()),
        Json::Bool(true) => "True".to_owned(),
        Json::Bool(false) => "False".to_owned(),
        Json::Null => "None".to_owned(),
        other => other.to_string(),
    }
}
