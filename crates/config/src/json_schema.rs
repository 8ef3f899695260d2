//! The *JSON Schema* of a configuration, for editors: made from the same tables as the checks, so it takes what they take.
//!
//! Draft 7, which editors know best. It holds for JSON and YAML; variables and includes are the configuration language's.
//! Unknown options are allowed, as they are in Pungi, which only warns of them.

use crate::schema::images::{self, Cloud, UPLOADS};
use crate::schema::{Default, KEYS, Key, Kind, RULES, Rule, SCM_KEYS, VARIANTS_KEYS};
use serde_json::{Map, Value, json};

/// `docs/schemas/compose-config.schema.json`.
pub fn json_schema() -> Value {
    let mut schema = object(KEYS);
    let more = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Compose configuration",
        "description": "A Pungi compose configuration as magudi reads it from JSON and YAML.",
        "definitions": { "image": image(), "repository": repository(), "uploadOptions": upload_options(), "scm": scm(&["scm"]) },
        "allOf": RULES.iter().map(rule).chain(base_product()).collect::<Vec<_>>(),
    });
    schema.extend(more.as_object().cloned().unwrap_or_default());
    Value::Object(schema)
}

/// The text of the file.
pub fn to_text() -> String {
    format!("{:#}\n", json_schema())
}

/// An object with these keys, and others.
fn object(keys: &[Key]) -> Map<String, Value> {
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
        _ => key.about.to_owned(),
    };
    if !about.is_empty() {
        schema.insert("description".to_owned(), json!(about));
    }
    let default = match key.default {
        Default::Absent => return Value::Object(schema),
        Default::Boolean(value) => json!(value),
        Default::Number(value) => json!(value),
        Default::Text(value) => json!(value),
        Default::Texts(values) => json!(values),
        Default::ListOfNull => json!([null]),
        Default::EmptyDict => json!({}),
    };
    schema.insert("default".to_owned(), default);
    Value::Object(schema)
}

fn kind(kind: Kind) -> Value {
    let texts = || json!({"type": "array", "items": {"type": "string"}});
    match kind {
        Kind::Any | Kind::Removed(_) => json!({}),
        Kind::Text => json!({"type": "string"}),
        Kind::TextOrNull => json!({"type": ["string", "null"]}),
        Kind::Choice(choices) => json!({"enum": choices}),
        Kind::Boolean => json!({"type": "boolean"}),
        Kind::Number => json!({"type": "number"}),
        Kind::NumberOrText => json!({"type": ["number", "string"]}),
        Kind::Array => json!({"type": "array"}),
        Kind::Texts => texts(),
        Kind::TextOrTexts => json!({"anyOf": [{"type": "string"}, texts()]}),
        Kind::Object => json!({"type": "object"}),
        Kind::ObjectOrText => json!({"type": ["object", "string"]}),
        Kind::ObjectOrChoice(choices) => json!({"anyOf": [{"type": "object"}, {"enum": choices}]}),
        Kind::TextOrScm => json!({"anyOf": [{"type": "string"}, {"$ref": "#/definitions/scm"}]}),
        Kind::VariantsFile => json!({"anyOf": [{"type": "string"}, scm(VARIANTS_KEYS)]}),
        Kind::Pairs => json!({
            "type": "array",
            "items": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2},
        }),
        Kind::Osbuild => json!({
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"$ref": "#/definitions/image"}},
        }),
        Kind::ImageType => json!({
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 1},
            ],
        }),
        Kind::Repositories => json!({"type": "array", "items": {"$ref": "#/definitions/repository"}}),
        Kind::UploadOptions => json!({"$ref": "#/definitions/uploadOptions"}),
    }
}

/// An image; its type says to which cloud it can be uploaded.
fn image() -> Value {
    let clouds = |cloud: Cloud| {
        let types: Vec<&str> = images::types_of(cloud).collect();
        let named = json!({"enum": types});
        let of_cloud = json!({"anyOf": [named, {"type": "array", "items": named, "minItems": 1}]});
        let mut options: Vec<Value> = UPLOADS.iter().filter(|upload| upload.cloud == cloud).map(upload).collect();
        // Not sent, so of no cloud.
        options.push(json!({"maxProperties": 0}));
        json!({
            "if": {"required": ["image_types"], "properties": {"image_types": of_cloud}},
            "then": {"properties": {"upload_options": {"anyOf": options}}},
        })
    };
    let mut schema = closed(images::KEYS);
    let all: Vec<Value> = UPLOADS.iter().map(|upload| clouds(upload.cloud)).collect();
    schema.insert("allOf".to_owned(), json!(all));
    Value::Object(schema)
}

fn repository() -> Value {
    json!({"anyOf": [{"type": "string"}, closed(images::REPOSITORY_KEYS)]})
}

fn upload_options() -> Value {
    json!({"anyOf": UPLOADS.iter().map(upload).collect::<Vec<_>>()})
}

fn upload(upload: &images::Upload) -> Value {
    let mut schema = closed(upload.keys);
    schema.insert("title".to_owned(), json!(upload.name));
    Value::Object(schema)
}

/// Where a file is exported from.
fn scm(required: &[&str]) -> Value {
    let of = |key: &str| json!({"type": if key == "options" { json!(["object", "string"]) } else { json!("string") }});
    let properties: Map<String, Value> = SCM_KEYS.iter().map(|key| ((*key).to_owned(), of(key))).collect();
    json!({"type": "object", "required": required, "additionalProperties": false, "properties": properties})
}

/// What one option needs and what it excludes. An option that has its default excludes nothing.
fn rule(rule: &Rule) -> Value {
    let holds = match rule.value {
        Some(value) => json!({"const": value}),
        None => json!({"not": {"enum": [null, false, 0, "", [], {}]}}),
    };
    let excluded = |name: &&str| {
        let default = KEYS.iter().find(|key| key.name == *name).map_or(Default::Absent, |key| key.default);
        let allowed = if let Default::Boolean(value) = default { json!({"const": value}) } else { json!(false) };
        ((*name).to_owned(), allowed)
    };
    let then = json!({
        "required": rule.requires,
        "properties": rule.conflicts.iter().map(excluded).collect::<Map<_, _>>(),
    });
    json!({"if": {"required": [rule.key], "properties": {rule.key: holds}}, "then": then})
}

/// All of the base product or nothing of it.
fn base_product() -> impl Iterator<Item = Value> {
    let keys = ["base_product_name", "base_product_short", "base_product_version"];
    keys.into_iter().map(move |key| {
        json!({"if": {"required": [key], "properties": {key: {"minLength": 1}}}, "then": {"required": keys}})
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_there() {
        let schema = json_schema();
        for key in KEYS {
            assert!(schema["properties"].get(key.name).is_some(), "{}", key.name);
        }
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let expected =
            ["release_name", "release_short", "release_version", "variants_file", "pkgset_source", "gather_method"];
        assert_eq!(required, expected);
        assert_eq!(schema["properties"]["link_type"]["default"], "hardlink-or-copy");
        assert_eq!(schema["definitions"]["image"]["properties"]["name"]["type"], "string");
    }
}
