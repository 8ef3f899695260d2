//! A checker for the part of JSON Schema that our schemas use. A keyword that it does not know fails the test, so that no
//! schema says something that is not checked.

use magudi_testkit::repository;
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

/// The schemas of what the program writes; that of configurations is of what it reads.
const NAMES: [&str; 8] = [
    "cloud-uploads.schema.json",
    "compare.schema.json",
    "diagnostics.schema.json",
    "events.schema.json",
    "plan-against.schema.json",
    "status.schema.json",
    "summary.schema.json",
    "verify.schema.json",
];

/// The schemas of what the program writes, which refer to each other by file name.
pub struct Schemas {
    files: BTreeMap<String, Json>,
    /// Members that a schema does not name are mistakes. Readers must ignore them; we must not write them.
    strict: bool,
}

impl Schemas {
    pub fn load() -> Self {
        let file = |name: &str| {
            let text = std::fs::read_to_string(repository().join("docs/schemas").join(name)).expect("a schema");
            let schema: Json = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(schema["$id"], name);
            (name.to_owned(), schema)
        };
        Self { files: NAMES.map(file).into(), strict: true }
    }

    /// As a reader checks: members that the schema does not name are of no interest.
    pub fn lenient() -> Self {
        Self { strict: false, ..Self::load() }
    }

    pub fn file(&self, name: &str) -> &Json {
        self.files.get(name).unwrap_or_else(|| panic!("there is no schema {name}"))
    }

    /// What is wrong with `value` by the schema `name`; empty when nothing is.
    pub fn problems(&self, name: &str, value: &Json) -> Vec<String> {
        let mut problems = Vec::new();
        self.check(name, self.file(name), value, "", &mut problems);
        problems
    }

    /// The JSON that a program has printed, which must be what the schema `name` says.
    pub fn checked(name: &str, printed: &str) -> Json {
        let value: Json = serde_json::from_str(printed).unwrap_or_else(|error| panic!("{error}: {printed}"));
        assert_eq!(Self::load().problems(name, &value), Vec::<String>::new(), "{value:#}");
        value
    }

    /// Holds the schema `name` against `values`, in which every member that it describes must be written once: what is always
    /// there must be required, and what is not must not be. `may_miss` says of a path whether it need not be there.
    pub fn require_all_but(name: &str, values: &[&Json], may_miss: impl Fn(&str) -> bool) {
        let schemas = Self::load();
        let mut unwritten = described(schemas.file(name));
        for value in values {
            for path in members(value) {
                let (parent, member) = path.rsplit_once('/').expect("a path");
                let mut without = (*value).clone();
                without.pointer_mut(parent).and_then(Json::as_object_mut).expect("an object").remove(member);
                let is_required = !schemas.problems(name, &without).is_empty();
                assert_eq!(is_required, !may_miss(&path), "{name}: {path} in {value:#}");
                unwritten.retain(|described| described != member);
            }
        }
        assert_eq!(unwritten, Vec::<String>::new(), "{name} describes what is never written");
    }

    fn resolve(&self, file: &str, reference: &str) -> (String, &Json) {
        let (other, pointer) = reference.split_once('#').expect("a reference with a fragment");
        let file = if other.is_empty() { file } else { other };
        let schema = self.file(file).pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"));
        (file.to_owned(), schema)
    }

    fn check(&self, file: &str, schema: &Json, value: &Json, at: &str, problems: &mut Vec<String>) {
        let schema = schema.as_object().unwrap_or_else(|| panic!("{schema} is not a schema"));
        let mut wrong = |text: String| problems.push(format!("{at}: {text}"));
        for (keyword, rule) in schema {
            match keyword.as_str() {
                "$schema" | "$id" | "$defs" | "title" | "description" => {}
                "type" => {
                    let types: Vec<&str> = match rule {
                        Json::Array(types) => types.iter().filter_map(Json::as_str).collect(),
                        one => one.as_str().into_iter().collect(),
                    };
                    if !types.iter().any(|name| is_of_type(value, name)) {
                        wrong(format!("{value} is not {}", types.join(" or ")));
                    }
                }
                "const" if value != rule => wrong(format!("{value} is not {rule}")),
                "enum" if !rule.as_array().expect("a list").contains(value) => {
                    wrong(format!("{value} is none of {rule}"));
                }
                "minimum" if value.as_i64().is_some_and(|n| n < rule.as_i64().expect("a number")) => {
                    wrong(format!("{value} is less than {rule}"));
                }
                "format" => {
                    assert_eq!(rule, "date-time");
                    let time = value.as_str().unwrap_or_default();
                    if !time.ends_with('Z') || time.parse::<jiff::Timestamp>().is_err() {
                        wrong(format!("{value} is not a time in UTC"));
                    }
                }
                "const" | "enum" | "minimum" => {}
                "required" => {
                    for name in rule.as_array().expect("a list").iter().filter_map(Json::as_str) {
                        if value.get(name).is_none() {
                            wrong(format!("`{name}` is missing"));
                        }
                    }
                }
                "properties" | "additionalProperties" | "items" | "if" | "then" | "allOf" | "oneOf" | "$ref" => {}
                other => panic!("the checker does not know the keyword {other}"),
            }
        }
        if let Some(reference) = schema.get("$ref") {
            let (file, target) = self.resolve(file, reference.as_str().expect("a reference"));
            self.check(&file, target, value, at, problems);
        }
        for part in schema.get("allOf").and_then(Json::as_array).into_iter().flatten() {
            self.check_part(file, part, value, at, problems);
        }
        if let Some(choices) = schema.get("oneOf").and_then(Json::as_array) {
            self.check_choices(file, choices, value, at, problems);
        }
        self.check_condition(file, schema, value, at, problems);
        self.check_members(file, schema, value, at, problems);
    }

    /// A part of a schema for an object names some of its members only.
    fn check_part(&self, file: &str, part: &Json, value: &Json, at: &str, problems: &mut Vec<String>) {
        let part_of = Self { files: self.files.clone(), strict: false };
        part_of.check(file, part, value, at, problems);
    }

    fn check_choices(&self, file: &str, choices: &[Json], value: &Json, at: &str, problems: &mut Vec<String>) {
        let mut all: Vec<Vec<String>> = Vec::new();
        for choice in choices {
            let mut own = Vec::new();
            self.check(file, choice, value, at, &mut own);
            all.push(own);
        }
        match all.iter().filter(|own| own.is_empty()).count() {
            1 => {}
            // The choice with the fewest problems is the one that was meant.
            0 => problems.extend(all.into_iter().min_by_key(Vec::len).unwrap_or_default()),
            n => problems.push(format!("{at}: {n} forms fit")),
        }
    }

    fn check_condition(
        &self,
        file: &str,
        schema: &Map<String, Json>,
        value: &Json,
        at: &str,
        problems: &mut Vec<String>,
    ) {
        let (Some(condition), Some(then)) = (schema.get("if"), schema.get("then")) else { return };
        let mut against = Vec::new();
        self.check_part(file, condition, value, at, &mut against);
        if against.is_empty() {
            self.check_part(file, then, value, at, problems);
        }
    }

    fn check_members(
        &self,
        file: &str,
        schema: &Map<String, Json>,
        value: &Json,
        at: &str,
        problems: &mut Vec<String>,
    ) {
        if let (Some(rule), Some(items)) = (schema.get("items"), value.as_array()) {
            for (index, item) in items.iter().enumerate() {
                self.check(file, rule, item, &format!("{at}/{index}"), problems);
            }
        }
        let Some(members) = value.as_object() else { return };
        let named = schema.get("properties").and_then(Json::as_object);
        let others = schema.get("additionalProperties");
        for (name, member) in members {
            let at = format!("{at}/{name}");
            match (named.and_then(|named| named.get(name)), others) {
                (Some(rule), _) | (None, Some(rule)) => self.check(file, rule, member, &at, problems),
                (None, None) if self.strict && named.is_some() => problems.push(format!("{at}: is not documented")),
                (None, None) => {}
            }
        }
    }
}

fn is_of_type(value: &Json, name: &str) -> bool {
    match name {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "null" => value.is_null(),
        other => panic!("the checker does not know the type {other}"),
    }
}

/// Everything in `value` that a reader could miss: each object member by its path.
pub fn members(value: &Json) -> Vec<String> {
    fn walk(value: &Json, at: &str, found: &mut Vec<String>) {
        match value {
            Json::Object(map) => {
                for (name, member) in map {
                    found.push(format!("{at}/{name}"));
                    walk(member, &format!("{at}/{name}"), found);
                }
            }
            Json::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    walk(item, &format!("{at}/{index}"), found);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(value, "", &mut found);
    found
}

/// The members that a schema names, wherever they are.
fn described(schema: &Json) -> Vec<String> {
    match schema {
        Json::Object(map) => map
            .iter()
            .flat_map(|(key, part)| {
                let names = part.as_object().filter(|_| key == "properties").into_iter().flat_map(Map::keys);
                names.cloned().chain(described(part)).collect::<Vec<_>>()
            })
            .collect(),
        Json::Array(parts) => parts.iter().flat_map(described).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn every_schema_of_the_directory_is_checked() {
    let found = std::fs::read_dir(repository().join("docs/schemas")).expect("schemas");
    let mut found: Vec<String> = found.flatten().map(|file| file.file_name().to_string_lossy().into_owned()).collect();
    found.retain(|name| name != "compose-config.schema.json");
    found.sort();
    assert_eq!(found, NAMES);
}

#[test]
fn the_checker_finds_what_is_wrong() {
    let schemas = Schemas::load();
    let good =
        serde_json::json!({"v": 1, "t": "2024-02-29T00:00:00Z", "event": "task-canceled", "request": 0, "task": 5});
    assert_eq!(schemas.problems("events.schema.json", &good), Vec::<String>::new());
    for (member, value) in [
        ("v", serde_json::json!(2)),
        ("t", serde_json::json!("yesterday")),
        ("event", serde_json::json!("dance")),
        ("request", serde_json::json!(-1)),
        ("task", serde_json::json!("5")),
        ("more", serde_json::json!(null)),
    ] {
        let mut bad = good.clone();
        bad[member] = value;
        assert_eq!(schemas.problems("events.schema.json", &bad).len(), 1, "{bad}");
    }
    let mut later = good.clone();
    later["more"] = serde_json::json!(1);
    assert!(Schemas::lenient().problems("events.schema.json", &later).is_empty());
}
