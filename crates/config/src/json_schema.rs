//! The *JSON Schema* of a configuration, for editors: made from the same tables as the checks, so it takes what they take.
//!
//! Draft 7, which editors know best. It holds for JSON and YAML; variables and includes are the configuration language's.
//! Unknown options are allowed, as they are in Pungi, which only warns of them.

use crate::schema::images::{self, Cloud, UPLOADS};
use crate::schema::{Default, Key, Kind, RULES, Rule, SCM, Schema, Section, VARIANTS_KEYS, When};
use serde_json::{Map, Value, json};

/// `docs/schemas/compose-config.schema.json`.
pub fn json_schema(schema: &Schema) -> Value {
    let mut object = object(schema.options());
    if let Some(Value::Object(properties)) = object.get_mut("properties") {
        properties.extend(schema.sections().iter().map(|section| (section.name.to_owned(), patterns(section))));
    }
    let mut definitions: Map<String, Value> =
        schema.sections().iter().map(|section| (image_name(section), image(section))).collect();
    definitions.insert("scm".to_owned(), scm(&["scm"]));
    let more = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Compose configuration",
        "description": "A Pungi compose configuration as magudi reads it from JSON and YAML.",
        "definitions": definitions,
        "allOf": RULES.iter().map(|r| rule(r, schema)).collect::<Vec<_>>(),
    });
    object.extend(more.as_object().cloned().unwrap_or_default());
    Value::Object(object)
}

pub fn to_text(document: &Value) -> String {
    format!("{document:#}\n")
}

/// An object with these keys, and others.
fn object<'k>(keys: impl IntoIterator<Item = &'k Key>) -> Map<String, Value> {
    let keys: Vec<&Key> = keys.into_iter().collect();
    let properties: Map<String, Value> = keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let required: Vec<&str> = keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), Value::Object(properties));
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    schema
}

/// An object with these keys and no others.
fn closed(keys: &[Key]) -> Map<String, Value> {
    let mut schema = object(keys);
    schema.insert("additionalProperties".to_owned(), json!(false));
    schema
}

fn property(key: &Key) -> Value {
    let Value::Object(mut schema) = kind(key.kind) else { return kind(key.kind) };
    let about = match key.kind {
        Kind::Removed(instead) => {
            schema.insert("deprecated".to_owned(), json!(true));
            format!("Removed from Pungi: {instead}.")
        }
        Kind::Gone { since, instead } => {
            schema.insert("deprecated".to_owned(), json!(true));
            format!("Removed in Pungi {since}: {instead}.")
        }
        _ => key.about.to_owned(),
    };
    if !about.is_empty() {
        schema.insert("description".to_owned(), json!(about));
    }
    schema.extend(default(key.default).map(|default| ("default".to_owned(), default)));
    Value::Object(schema)
}

fn default(default: Default) -> Option<Value> {
    Some(match default {
        Default::Absent => return None,
        Default::Boolean(value) => json!(value),
        Default::Number(value) => json!(value),
        Default::Text(value) => json!(value),
        Default::Texts(values) => json!(values),
        Default::ListOfNull => json!([null]),
        Default::EmptyDict => json!({}),
    })
}

fn kind(value: Kind) -> Value {
    let texts = || json!({"type": "array", "items": {"type": "string"}});
    match value {
        Kind::Any | Kind::Removed(_) | Kind::Gone { .. } => json!({}),
        Kind::Text | Kind::Url => json!({"type": "string"}),
        Kind::TextOrNull => json!({"type": ["string", "null"]}),
        Kind::Choice(choices) => json!({"enum": choices}),
        Kind::Boolean => json!({"type": "boolean"}),
        Kind::Number => json!({"type": "number"}),
        Kind::NumberOrText => json!({"type": ["number", "string"]}),
        Kind::NumberOf(numbers) => json!({"enum": numbers}),
        Kind::Texts => texts(),
        Kind::TextOrTexts => json!({"anyOf": [{"type": "string"}, texts()]}),
        Kind::Integer => json!({"type": "integer"}),
        Kind::Object => json!({"type": "object"}),
        Kind::Dict(keys) => Value::Object(closed(keys)),
        Kind::Open(keys) => Value::Object(object(keys)),
        Kind::TextOrScm => json!({"anyOf": [{"type": "string"}, {"$ref": "#/definitions/scm"}]}),
        Kind::VariantsFile => json!({"anyOf": [{"type": "string"}, scm(VARIANTS_KEYS)]}),
        Kind::Pairs => json!({
            "type": "array",
            "items": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2},
        }),
        Kind::ImageType => json!({
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 1},
            ],
        }),
        Kind::Repositories(keys) => json!({"type": "array", "items": repository(keys)}),
        Kind::KojiRepositories(keys) => {
            json!({"anyOf": [repository(keys), {"type": "array", "items": repository(keys)}]})
        }
        Kind::Formats => {
            let pair = json!({"type": "array", "items": {"type": "string"}, "maxItems": 2});
            json!({"anyOf": [{"type": "string"}, texts(), {"type": "array", "items": pair}]})
        }
        Kind::Map(of) => {
            json!({"type": "object", "additionalProperties": kind(*of), "propertyNames": {"minLength": 1}})
        }
        Kind::OpenMap(of) => json!({"type": "object", "patternProperties": {".": kind(*of)}}),
        Kind::Sources(of) => json!({"type": "object", "patternProperties": {"^module|comps|json$": kind(*of)}}),
        Kind::List(of) => json!({"type": "array", "items": kind(*of)}),
        Kind::NonEmptyList(of) => json!({"type": "array", "items": kind(*of), "minItems": 1}),
        Kind::Either(kinds) => json!({"anyOf": kinds.iter().map(|one| kind(*one)).collect::<Vec<_>>()}),
        Kind::PerArch(of) => json!({
            "type": "array",
            "items": {
                "type": "array",
                "items": [{"type": "string"}, kind(Kind::Map(of))],
                "minItems": 2,
                "maxItems": 2,
            },
        }),
        Kind::UploadOptions { .. } => json!({"anyOf": UPLOADS.iter().map(upload).collect::<Vec<_>>()}),
    }
}

/// A string, or a dict with these keys.
fn repository(keys: &[Key]) -> Value {
    json!({"anyOf": [{"type": "string"}, closed(keys)]})
}

/// A section: patterns of variants and lists of images.
fn patterns(section: &Section) -> Value {
    let mut schema = json!({
        "description": section.about,
        "type": "object",
        "additionalProperties": {"type": "array", "items": {"$ref": format!("#/definitions/{}", image_name(section))}},
    });
    if !section.layout.empty_pattern {
        schema["propertyNames"] = json!({"minLength": 1});
    }
    schema
}

fn image_name(section: &Section) -> String {
    format!("{}Image", section.name)
}

/// An image of a section. Where it can be uploaded, its type says to which cloud.
fn image(section: &Section) -> Value {
    let mut schema = closed(section.image);
    let uploads = section.image.iter().filter_map(|key| match key.kind {
        Kind::UploadOptions { of } => Some((key.name, of)),
        _ => None,
    });
    let all: Vec<Value> =
        uploads.flat_map(|(key, of)| UPLOADS.iter().map(move |upload| of_cloud(upload.cloud, key, of))).collect();
    if !all.is_empty() {
        schema.insert("allOf".to_owned(), json!(all));
    }
    Value::Object(schema)
}

/// What upload options an image takes whose type is one of a cloud's.
fn of_cloud(cloud: Cloud, key: &str, of: &str) -> Value {
    let types: Vec<&str> = images::types_of(cloud).collect();
    let named = json!({"enum": types});
    let of_cloud = json!({"anyOf": [named, {"type": "array", "items": named, "minItems": 1}]});
    let mut options: Vec<Value> = UPLOADS.iter().filter(|upload| upload.cloud == cloud).map(upload).collect();
    // Not sent, so of no cloud.
    options.push(json!({"maxProperties": 0}));
    json!({
        "if": {"required": [of], "properties": {of: of_cloud}},
        "then": {"properties": {key: {"anyOf": options}}},
    })
}

fn upload(upload: &images::Upload) -> Value {
    let mut schema = closed(upload.keys);
    schema.insert("title".to_owned(), json!(upload.name));
    Value::Object(schema)
}

/// Where a file is exported from.
fn scm(required: &[&str]) -> Value {
    let mut schema = closed(SCM);
    schema.insert("required".to_owned(), json!(required));
    Value::Object(schema)
}

/// What one option needs and what it excludes.
fn rule(rule: &Rule, schema: &Schema) -> Value {
    let is_true = || json!({"not": {"enum": [null, false, 0, "", [], {}]}});
    let unset = |name: &str| schema.option(name).and_then(|key| default(key.default));
    let holds = match rule.when {
        When::Is(value) => json!({"const": value}),
        When::True => is_true(),
        When::Set => json!({"not": {"const": unset(rule.key).unwrap_or_default()}}),
    };
    let excluded = rule.conflicts.iter().map(|name| {
        let allowed = unset(name).map_or(json!(false), |default| json!({"const": default}));
        ((*name).to_owned(), allowed)
    });
    let needed = rule.requires.iter().filter(|_| rule.when == When::Set).map(|name| ((*name).to_owned(), is_true()));
    let then = json!({"required": rule.requires, "properties": excluded.chain(needed).collect::<Map<_, _>>()});
    json!({"if": {"required": [rule.key], "properties": {rule.key: holds}}, "then": then})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_there() {
        static SECTION: Section = Section {
            name: "games",
            about: "Games.",
            layout: crate::schema::Layout::PLAIN,
            image: &[crate::schema::req("name", Kind::Text)],
            label: "name",
            options: &[crate::schema::flag("games_fun", true)],
        };
        let tables = Schema::new([&SECTION]);
        let schema = json_schema(&tables);
        for key in tables.options() {
            assert!(schema["properties"].get(key.name).is_some(), "{}", key.name);
        }
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let expected =
            ["release_name", "release_short", "release_version", "variants_file", "pkgset_source", "gather_method"];
        assert_eq!(required, expected);
        assert_eq!(schema["properties"]["link_type"]["default"], "hardlink-or-copy");
        assert_eq!(schema["definitions"]["gamesImage"]["properties"]["name"]["type"], "string");
    }
}
