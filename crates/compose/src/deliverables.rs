//! The *deliverables* of a compose: what it must have, what it tried to make besides, and what of that failed.

use serde::ser::{Serialize, SerializeStruct as _, Serializer};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One thing that a phase delivers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deliverable {
    /// The variant's uid; `None` for the whole compose.
    pub variant: Option<String>,
    /// The arch; `*` for all arches at once.
    pub arch: String,
    /// The subvariant, where the phase tells them apart.
    pub subvariant: Option<String>,
}

impl Deliverable {
    /// What an image counts as: the variant alone (facts: manifests 10).
    pub fn of_variant(uid: &str) -> Self {
        Self { variant: Some(uid.to_owned()), arch: "*".to_owned(), subvariant: None }
    }

    /// What an image of Koji's own tasks counts as: a subvariant (facts: kickstart 6).
    pub fn of_subvariant(uid: &str, subvariant: &str) -> Self {
        Self { subvariant: Some(subvariant.to_owned()), ..Self::of_variant(uid) }
    }

    fn to_json(&self) -> Value {
        json!([self.variant, self.arch, self.subvariant])
    }
}

/// The three lists of deliverables.json, by the kind of deliverable (for images the phase).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deliverables {
    required: Lists,
    failed: Lists,
    attempted: Lists,
    /// What other tools wrote: list, kind, deliverables.
    others: Vec<(String, String, Value)>,
}

/// What a deliverables.json says failed, whichever program wrote it: kind and deliverable. What is not a deliverable is left out.
pub fn failed_in(document: &Value) -> Vec<(String, Deliverable)> {
    let kinds = document.get("failed").and_then(Value::as_object).into_iter().flatten();
    let deliverable = |value: &Value| {
        let text = |index: usize| value.get(index).and_then(Value::as_str).map(str::to_owned);
        Some(Deliverable { variant: text(0), arch: text(1)?, subvariant: text(2) })
    };
    kinds
        .flat_map(|(kind, all)| {
            let all = all.as_array().into_iter().flatten().filter_map(deliverable);
            all.map(|deliverable| (kind.clone(), deliverable))
        })
        .collect()
}

type Lists = BTreeMap<String, Vec<Deliverable>>;

impl Deliverables {
    pub fn new() -> Self {
        Self::default()
    }

    /// The compose must have it.
    pub fn require(&mut self, kind: &str, deliverable: Deliverable) {
        push(&mut self.required, kind, deliverable);
    }

    /// The compose tries to have it, and does without.
    pub fn attempt(&mut self, kind: &str, deliverable: Deliverable) {
        push(&mut self.attempted, kind, deliverable);
    }

    /// It was attempted and failed.
    pub fn fail(&mut self, kind: &str, deliverable: Deliverable) {
        push(&mut self.failed, kind, deliverable);
    }

    /// Keeps what another tool wrote of a `kind` in one of the three lists.
    pub fn keep(&mut self, list: String, kind: String, deliverables: Value) {
        self.others.push((list, kind, deliverables));
    }

    /// What failed: kind and deliverable.
    pub fn failed(&self) -> impl Iterator<Item = (&str, &Deliverable)> {
        self.failed.iter().flat_map(|(kind, list)| list.iter().map(move |deliverable| (kind.as_str(), deliverable)))
    }

    fn list(&self, name: &str, lists: &Lists) -> Value {
        let own =
            lists.iter().map(|(kind, list)| (kind.clone(), list.iter().map(Deliverable::to_json).collect::<Value>()));
        let others = self.others.iter().filter(|(list, _, _)| list == name);
        others.map(|(_, kind, all)| (kind.clone(), all.clone())).chain(own).collect()
    }
}

/// The content of deliverables.json, whose top-level keys are not sorted.
impl Serialize for Deliverables {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut document = serializer.serialize_struct("Deliverables", 3)?;
        document.serialize_field("required", &self.list("required", &self.required))?;
        document.serialize_field("failed", &self.list("failed", &self.failed))?;
        document.serialize_field("attempted", &self.list("attempted", &self.attempted))?;
        document.end()
    }
}

fn push(lists: &mut Lists, kind: &str, deliverable: Deliverable) {
    lists.entry(kind.to_owned()).or_default().push(deliverable);
}
