//! *Targets* and *tags*: where a build takes its packages from and where it is put. They appear when they are named.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::scenario::Scenario;
use crate::wire::{Members, Value, int, string, structure};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) id: i64,
    pub(crate) name: String,
    /// The tag whose repository is used.
    pub(crate) build_tag: i64,
    /// The tag that the build gets.
    pub(crate) dest_tag: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) id: i64,
    pub(crate) name: String,
    /// Its arches, separated by spaces.
    pub(crate) arches: String,
}

/// All targets and tags.
#[derive(Debug)]
pub(crate) struct Targets {
    all: Vec<Target>,
    places: HashMap<String, usize>,
    tags: BTreeMap<i64, Tag>,
    names: HashMap<String, i64>,
    unknown: BTreeSet<String>,
    arches: BTreeMap<String, Vec<String>>,
}

impl Targets {
    /// The target `f42-image` and those that the script names; its unknown ones will never exist.
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let mut targets = Self {
            all: Vec::new(),
            places: HashMap::new(),
            tags: BTreeMap::new(),
            names: HashMap::new(),
            unknown: scenario.unknown_targets.clone(),
            arches: scenario.target_arches.clone(),
        };
        targets.tag("f42", "");
        targets.add_with_tags("f42-image", "f42-build", "f42-candidate");
        for name in scenario.targets.iter().chain(scenario.target_arches.keys()) {
            targets.add(&string(name.as_str()));
        }
        targets
    }

    fn tag(&mut self, name: &str, arches: &str) -> i64 {
        if let Some(id) = self.names.get(name) {
            return *id;
        }
        let id = self.tags.len() as i64 + 1;
        self.tags.insert(id, Tag { id, name: name.to_owned(), arches: arches.to_owned() });
        self.names.insert(name.to_owned(), id);
        id
    }

    fn add_with_tags(&mut self, name: &str, build: &str, dest: &str) {
        let arches = self.arches.get(name).map_or("x86_64 aarch64 ppc64le s390x".to_owned(), |arches| arches.join(" "));
        let build_tag = self.tag(build, &arches);
        let dest_tag = self.tag(dest, "");
        let id = self.all.len() as i64 + 1;
        self.places.insert(name.to_owned(), self.all.len());
        self.all.push(Target { id, name: name.to_owned(), build_tag, dest_tag });
    }

    /// The target of that name exists from now on, unless the script says that it does not.
    pub(crate) fn add(&mut self, target: &Value) {
        if let Some(name) = target.as_str().filter(|name| self.by_name(name).is_none() && !self.unknown.contains(*name))
        {
            self.add_with_tags(name, &format!("{name}-build"), &format!("{name}-candidate"));
        }
    }

    /// The target with that name or that id.
    pub(crate) fn of(&self, target: &Value) -> Option<&Target> {
        match target {
            Value::String(name) => self.by_name(name),
            id => self.by_id(id.as_i64()?),
        }
    }

    /// The tags of a target: the one whose packages are used, and the one that builds get.
    pub(crate) fn tags_of(&self, target: &Target) -> Option<(&Tag, &Tag)> {
        Some((self.tags.get(&target.build_tag)?, self.tags.get(&target.dest_tag)?))
    }

    /// The target called `name`.
    pub(crate) fn by_name(&self, name: &str) -> Option<&Target> {
        self.places.get(name).and_then(|place| self.all.get(*place)).filter(|_| !self.unknown.contains(name))
    }

    /// The target with the id `id`.
    pub(crate) fn by_id(&self, id: i64) -> Option<&Target> {
        let place = usize::try_from(id.checked_sub(1)?).ok()?;
        self.all.get(place).filter(|t| !self.unknown.contains(&t.name))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Target> {
        self.all.iter().filter(|t| !self.unknown.contains(&t.name))
    }

    /// The tag called `name`.
    pub(crate) fn tag_by_name(&self, name: &str) -> Option<&Tag> {
        self.names.get(name).and_then(|id| self.tags.get(id))
    }

    /// The tag with the id `id`.
    pub(crate) fn tag_by_id(&self, id: i64) -> Option<&Tag> {
        self.tags.get(&id)
    }

    pub(crate) fn tags(&self) -> impl Iterator<Item = &Tag> {
        self.tags.values()
    }

    /// The struct of `getBuildTarget`.
    pub(crate) fn target_value(&self, target: &Target) -> Value {
        let tag_name = |id: i64| string(self.tags.get(&id).map_or("", |tag| tag.name.as_str()));
        structure([
            ("build_tag", int(target.build_tag)),
            ("build_tag_name", tag_name(target.build_tag)),
            ("dest_tag", int(target.dest_tag)),
            ("dest_tag_name", tag_name(target.dest_tag)),
            ("id", int(target.id)),
            ("name", string(target.name.as_str())),
        ])
    }
}

impl Tag {
    /// The struct of `getBuildConfig`.
    pub(crate) fn to_config_value(&self) -> Value {
        let mut value = self.to_value(true);
        if let Value::Struct(members) = &mut value {
            let inherited = [("extra", Value::Struct(Members::default())), ("arches", Value::Nil)];
            members.insert("config_inheritance", structure(inherited));
        }
        value
    }

    /// The struct of `listTags`; `getTag` adds `extra`.
    pub(crate) fn to_value(&self, extra: bool) -> Value {
        let mut members = vec![
            ("arches", string(self.arches.as_str())),
            ("id", int(self.id)),
            ("locked", Value::Bool(false)),
            ("maven_include_all", Value::Bool(false)),
            ("maven_support", Value::Bool(false)),
            ("name", string(self.name.as_str())),
            ("perm", Value::Nil),
            ("perm_id", Value::Nil),
        ];
        if extra {
            members.push(("extra", Value::Struct(Members::default())));
        }
        structure(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_appear_when_named() {
        let script =
            r#"{"targets": ["scripted"], "unknown_targets": ["nope"], "target_arches": {"f42-image": ["x86_64"]}}"#;
        let mut targets = Targets::new(&crate::scenario::parse_scenario(script).unwrap());
        assert_eq!(targets.tag_by_id(2).map(|tag| tag.arches.as_str()), Some("x86_64"));
        let image = targets.by_name("f42-image").unwrap();
        assert_eq!((image.id, image.build_tag, image.dest_tag), (1, 2, 3));
        assert!(targets.by_name("scripted").is_some());
        assert!(targets.by_name("tgt").is_none());
        for name in ["tgt", "nope", "tgt"] {
            targets.add(&string(name));
        }
        assert!(targets.of(&string("nope")).is_none());
        assert_eq!(targets.of(&string("tgt")).map(|t| t.id), Some(3));
        assert_eq!(targets.tag_by_name("tgt-candidate").map(|t| t.id), targets.by_id(3).map(|t| t.dest_tag));
        assert_eq!(targets.target_value(targets.by_id(1).unwrap())["dest_tag_name"], string("f42-candidate"));
    }
}
