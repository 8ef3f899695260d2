//! *Schemas* of arguments: which a plugin takes, and how it says that it does not.
//!
//! Plugins leave this to Python's jsonschema. Codes and first lines of its messages are repeated here; the dump of the schema
//! that follows in them is not.

use crate::python::{quoted, repr};
use crate::wire::{Fault, Members, Value, parameter};

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
pub(super) struct Problems(Vec<Problem>);

/// Where a value stands: path in the arguments, path in the schema.
#[derive(Debug, Clone)]
pub(super) struct Place {
    depth: usize,
    instance: String,
    schema: String,
}

impl Place {
    pub(super) fn argument(index: usize) -> Self {
        Self { depth: 1, instance: format!("[{index}]"), schema: format!("['items'][{index}]") }
    }

    /// The place of a member of a struct.
    pub(super) fn property(&self, name: &str) -> Self {
        Self {
            depth: self.depth + 1,
            instance: format!("{}[{}]", self.instance, quoted(name)),
            schema: format!("{}['properties'][{}]", self.schema, quoted(name)),
        }
    }

    /// The place of an item of an array.
    pub(super) fn item(&self, index: usize) -> Self {
        Self {
            depth: self.depth + 1,
            instance: format!("{}[{index}]", self.instance),
            schema: format!("{}['items']", self.schema),
        }
    }
}

impl Problems {
    /// Notes what is wrong with a value.
    pub(super) fn add(&mut self, place: &Place, keyword: &str, value: &Value, first: String) {
        let Place { depth, instance, schema } = place;
        let text = format!(
            "{first}\n\nFailed validating '{keyword}' in schema{schema}\n\nOn instance{instance}:\n    {}",
            repr(value)
        );
        self.0.push(Problem { depth: *depth, weak: matches!(keyword, "anyOf" | "oneOf"), text });
    }

    /// A value has another type.
    pub(super) fn wrong_type(&mut self, place: &Place, value: &Value, wanted: &str) {
        self.add(place, "type", value, format!("{} is not of type '{wanted}'", repr(value)));
    }

    /// A value has none of several forms.
    pub(super) fn no_form(&mut self, place: &Place, keyword: &str, value: &Value) {
        self.add(place, keyword, value, format!("{} is not valid under any of the given schemas", repr(value)));
    }

    /// A value must be a string.
    pub(super) fn string(&mut self, place: &Place, value: &Value) {
        if value.as_str().is_none() {
            self.wrong_type(place, value, "string");
        }
    }

    /// A value must be an array of strings, of this length.
    pub(super) fn strings(&mut self, place: &Place, value: &Value, least: usize, most: usize) {
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
    pub(super) fn members<'v>(
        &mut self,
        place: &Place,
        value: &'v Value,
        known: &[&str],
        required: &[&str],
    ) -> Option<&'v Members> {
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
        for name in required.iter().filter(|name| !members.contains_key(name)) {
            self.add(place, "required", value, format!("{} is a required property", quoted(name)));
        }
        Some(members)
    }

    /// The fault 1019 of the problem that a real hub would report.
    pub(super) fn first(self) -> Result<(), Fault> {
        let first = self.0.into_iter().min_by_key(|problem| (problem.depth, problem.weak));
        first.map_or(Ok(()), |problem| Err(parameter(problem.text)))
    }
}

/// An OSTree's options, of which all are strings.
pub(super) fn ostree(problems: &mut Problems, place: &Place, value: &Value) {
    let known = &["parent", "ref", "url"];
    texts(problems, place, value, known);
}

/// A struct of strings that has no members but the known ones.
pub(super) fn texts(problems: &mut Problems, place: &Place, value: &Value, known: &[&str]) {
    if let Some(members) = problems.members(place, value, known, &[]) {
        for (name, value) in members.iter().filter(|(name, _)| known.contains(&name.as_str())) {
            problems.string(&place.property(name), value);
        }
    }
}
