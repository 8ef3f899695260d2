//! The *schema* of `osbuildImage`: which arguments a hub takes, and how it says that it does not (KOJI.md 5).
//!
//! A real hub leaves this to Python's jsonschema. Codes and first lines of its messages are repeated here; the dump of
//! the schema that follows in them is not.

use std::collections::BTreeMap;

use crate::python::{quoted, repr};
use crate::wire::{Fault, Value, parameter};

/// One thing that is wrong.
#[derive(Debug)]
struct Problem {
    /// How deep in the arguments; what lies less deep is reported first.
    depth: usize,
    /// Whether it only says that none of several forms fits, which is reported after what is certain.
    weak: bool,
    text: String,
}

/// The problems found so far.
#[derive(Debug, Default)]
struct Problems(Vec<Problem>);

/// Where a value stands: path in the arguments, path in the schema.
#[derive(Debug, Clone)]
struct Place {
    depth: usize,
    instance: String,
    schema: String,
}

impl Place {
    fn argument(index: usize) -> Self {
        Self { depth: 1, instance: format!("[{index}]"), schema: format!("['items'][{index}]") }
    }

    fn property(&self, name: &str) -> Self {
        Self {
            depth: self.depth + 1,
            instance: format!("{}[{}]", self.instance, quoted(name)),
            schema: format!("{}['properties'][{}]", self.schema, quoted(name)),
        }
    }

    fn item(&self, index: usize) -> Self {
        Self {
            depth: self.depth + 1,
            instance: format!("{}[{index}]", self.instance),
            schema: format!("{}['items']", self.schema),
        }
    }
}

impl Problems {
    fn add(&mut self, place: &Place, keyword: &str, value: &Value, first: String) {
        let Place { depth, instance, schema } = place;
        let text = format!(
            "{first}\n\nFailed validating '{keyword}' in schema{schema}\n\nOn instance{instance}:\n    {}",
            repr(value)
        );
        self.0.push(Problem { depth: *depth, weak: matches!(keyword, "anyOf" | "oneOf"), text });
    }

    fn wrong_type(&mut self, place: &Place, value: &Value, wanted: &str) {
        self.add(place, "type", value, format!("{} is not of type '{wanted}'", repr(value)));
    }

    fn no_form(&mut self, place: &Place, keyword: &str, value: &Value) {
        self.add(place, keyword, value, format!("{} is not valid under any of the given schemas", repr(value)));
    }

    fn string(&mut self, place: &Place, value: &Value) {
        if value.as_str().is_none() {
            self.wrong_type(place, value, "string");
        }
    }

    fn strings(&mut self, place: &Place, value: &Value, least: usize, most: usize) {
        let Some(items) = value.as_array() else {
            return self.wrong_type(place, value, "array");
        };
        if items.len() < least {
            self.add(place, "minItems", value, format!("{} should be non-empty", repr(value)));
        }
        if items.len() > most {
            self.add(place, "maxItems", value, format!("{} is too long", repr(value)));
        }
        for (i, item) in items.iter().enumerate() {
            self.string(&place.item(i), item);
        }
    }

    /// The members of a struct that may only have `known` ones.
    fn members<'v>(
        &mut self,
        place: &Place,
        value: &'v Value,
        known: &[&str],
        required: &[&str],
    ) -> Option<&'v BTreeMap<String, Value>> {
        let Some(members) = value.as_struct() else {
            self.wrong_type(place, value, "object");
            return None;
        };
        let unknown: Vec<String> = members.keys().filter(|k| !known.contains(&k.as_str())).map(|k| quoted(k)).collect();
        if !unknown.is_empty() {
            let verb = if unknown.len() == 1 { "was" } else { "were" };
            let first = format!("Additional properties are not allowed ({} {verb} unexpected)", unknown.join(", "));
            self.add(place, "additionalProperties", value, first);
        }
        for name in required.iter().filter(|name| !members.contains_key(**name)) {
            self.add(place, "required", value, format!("{} is a required property", quoted(name)));
        }
        Some(members)
    }
}

/// Checks the six arguments and `opts` of a call; the fault 1019 of the first problem that a real hub would report.
pub(crate) fn check(args: &[&Value; 6], opts: &Value) -> Result<(), Fault> {
    let mut problems = Problems::default();
    for (i, value) in args.iter().enumerate() {
        let place = Place::argument(i);
        match i {
            3 => image_type(&mut problems, &place, value),
            5 => problems.strings(&place, value, 1, usize::MAX),
            _ => problems.string(&place, value),
        }
    }
    options(&mut problems, &Place::argument(6), opts);
    let first = problems.0.into_iter().min_by_key(|problem| (problem.depth, problem.weak));
    first.map_or(Ok(()), |problem| Err(parameter(problem.text)))
}

fn image_type(problems: &mut Problems, place: &Place, value: &Value) {
    match value {
        Value::String(_) => {}
        // What is wrong with the list is said, as at the place of the list itself.
        Value::Array(_) => problems.strings(place, value, 1, 1),
        _ => problems.no_form(place, "oneOf", value),
    }
}

fn options(problems: &mut Problems, place: &Place, value: &Value) {
    const KNOWN: &[&str] = &["customizations", "ostree", "upload_options", "repo", "release", "skip_tag"];
    let Some(members) = problems.members(place, value, KNOWN, &[]) else {
        return;
    };
    for (name, value) in members {
        let place = place.property(name);
        match name.as_str() {
            "customizations" if value.as_struct().is_none() => problems.wrong_type(&place, value, "object"),
            "ostree" => ostree(problems, &place, value),
            "upload_options" if !is_upload(value) => problems.no_form(&place, "anyOf", value),
            "repo" => repos(problems, &place, value),
            "release" => problems.string(&place, value),
            "skip_tag" if value.as_bool().is_none() => problems.wrong_type(&place, value, "boolean"),
            _ => {}
        }
    }
}

fn ostree(problems: &mut Problems, place: &Place, value: &Value) {
    if let Some(members) = problems.members(place, value, &["parent", "ref", "url"], &[]) {
        for (name, value) in members {
            if matches!(name.as_str(), "parent" | "ref" | "url") {
                problems.string(&place.property(name), value);
            }
        }
    }
}

fn repos(problems: &mut Problems, place: &Place, value: &Value) {
    let Some(items) = value.as_array() else {
        return problems.wrong_type(place, value, "array");
    };
    for (i, item) in items.iter().enumerate() {
        let place = place.item(i);
        match item {
            Value::String(_) => {}
            Value::Struct(_) => {
                let known = &["baseurl", "package_sets"];
                let members = problems.members(&place, item, known, &["baseurl"]);
                for (name, value) in members.into_iter().flatten() {
                    match name.as_str() {
                        "baseurl" => problems.string(&place.property(name), value),
                        "package_sets" => problems.strings(&place.property(name), value, 0, usize::MAX),
                        _ => {}
                    }
                }
            }
            _ => problems.no_form(&place, "oneOf", item),
        }
    }
}

/// What `upload_options` may look like: required keys, optional keys.
const UPLOADS: [(&[&str], &[&str]); 5] = [
    (&["region", "share_with_accounts"], &["snapshot_name"]),
    (&["region"], &[]),
    (&["tenant_id", "subscription_id", "resource_group"], &["location", "image_name"]),
    (&["region"], &["bucket", "image_name", "share_with_accounts"]),
    (&[], &["name", "tag"]),
];

fn is_upload(value: &Value) -> bool {
    let Some(members) = value.as_struct() else {
        return false;
    };
    UPLOADS.iter().any(|(required, optional)| {
        required.iter().all(|key| members.contains_key(*key))
            && members.iter().all(|(key, value)| {
                let typed = if key == "share_with_accounts" {
                    value.as_array().is_some_and(|items| items.iter().all(|item| item.as_str().is_some()))
                } else {
                    value.as_str().is_some()
                };
                typed && (required.contains(&key.as_str()) || optional.contains(&key.as_str()))
            })
    })
}
