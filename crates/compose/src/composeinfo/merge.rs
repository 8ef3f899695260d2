//! *Merging*: what another tool wrote into composeinfo.json and what is known here, united. Nothing that was there is
//! dropped, and readers can still use the file.

use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The paths that are known here better than anywhere else: whether a directory of images exists.
const OWN_PATHS: [&str; 2] = ["images", "isos"];

/// Takes into `own` what `existing`, the composeinfo.json that is in the compose already, says besides. Which compose it
/// is and of which release, `own` says; what is said of a variant, `existing` says, but for its lists (arches, children)
/// and its paths, which are united.
pub fn merge(own: &mut Value, existing: &Value) {
    fill(own, existing, |key| key == "payload");
    let (Some(own), Some(existing)) = (own.get_mut("payload"), existing.get("payload")) else { return };
    fill(own, existing, |key| key == "base_product");
    for block in ["compose", "release"] {
        if let (Some(own), Some(existing)) = (own.get_mut(block), existing.get(block)) {
            fill(own, existing, |key| matches!(key, "label" | "final" | "is_layered"));
        }
    }
    let (Some(Value::Object(own)), Some(Value::Object(existing))) = (own.get_mut("variants"), existing.get("variants"))
    else {
        return;
    };
    for (uid, block) in existing {
        match own.get_mut(uid) {
            Some(Value::Object(own)) if block.is_object() => merge_variant(own, block),
            Some(_) => {}
            None => {
                own.insert(uid.clone(), block.clone());
            }
        }
    }
    disown(own, existing);
}

/// Copies the entries of `existing` that `own` lacks, but for those that are `ours` alone to say.
fn fill(own: &mut Value, existing: &Value, ours: impl Fn(&str) -> bool) {
    let (Value::Object(own), Value::Object(existing)) = (own, existing) else { return };
    for (key, value) in existing.iter().filter(|(key, _)| !ours(key)) {
        own.entry(key).or_insert_with(|| value.clone());
    }
}

fn merge_variant(own: &mut Map<String, Value>, existing: &Value) {
    for (key, theirs) in existing.as_object().into_iter().flatten() {
        let merged = match (key.as_str(), own.get(key)) {
            ("arches" | "variants", Some(ours)) => union(ours, theirs),
            ("paths", Some(ours)) => unite_paths(ours, theirs),
            // What is of another kind than it must be is no use to any reader.
            (_, Some(ours)) if std::mem::discriminant(ours) != std::mem::discriminant(theirs) => continue,
            _ => theirs.clone(),
        };
        own.insert(key.clone(), merged);
    }
}

/// Two lists of words as one, sorted.
fn union(ours: &Value, theirs: &Value) -> Value {
    let lists = [ours, theirs].into_iter().filter_map(Value::as_array).flatten();
    json!(lists.filter_map(Value::as_str).collect::<BTreeSet<_>>())
}

/// Field, arch and path: of those that both have, theirs, but for [`OWN_PATHS`].
fn unite_paths(ours: &Value, theirs: &Value) -> Value {
    let mut all = ours.clone();
    let Value::Object(fields) = &mut all else { return theirs.clone() };
    for (field, theirs) in theirs.as_object().into_iter().flatten() {
        let paths = fields.entry(field).or_insert_with(|| json!({}));
        if let (Value::Object(paths), Value::Object(theirs)) = (paths, theirs) {
            for (arch, path) in theirs {
                if !OWN_PATHS.contains(&field.as_str()) || !paths.contains_key(arch) {
                    paths.insert(arch.clone(), path.clone());
                }
            }
        }
    }
    all
}

/// Takes those children from parents that are none of theirs in what was there: a variant of that uid that stands by itself.
fn disown(variants: &mut Map<String, Value>, existing: &Map<String, Value>) {
    let ids: BTreeMap<String, Value> =
        variants.iter().filter_map(|(uid, block)| Some((uid.clone(), block.get("id")?.clone()))).collect();
    for (uid, block) in variants {
        let Some(Value::Array(children)) = block.get_mut("variants") else { continue };
        let theirs = existing.get(uid).and_then(|block| block.get("variants")?.as_array());
        children.retain(|child| {
            let child_uid = format!("{uid}-{}", child.as_str().unwrap_or_default());
            theirs.is_some_and(|theirs| theirs.contains(child)) || ids.get(&child_uid) == Some(child)
        });
        if children.is_empty() && theirs.is_none() {
            block.as_object_mut().map(|block| block.remove("variants"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(variants: Value) -> Value {
        json!({"header": {}, "payload": {"compose": {"id": "a"}, "release": {"name": "A"}, "variants": variants}})
    }

    fn merged(own: Value, existing: Value) -> Value {
        let mut all = info(own);
        merge(&mut all, &info(existing));
        all["payload"]["variants"].clone()
    }

    #[test]
    fn lists_and_paths_are_united() {
        let own = json!({"S": {"id": "S", "name": "Mine", "arches": ["s390x", "x86_64"], "paths": {"images": {"x86_64": "new"}}}});
        let existing = json!({
            "S": {
                "id": "S", "name": "Theirs", "arches": ["x86_64", "aarch64"], "variants": ["HA"], "note": 1,
                "paths": {"images": {"x86_64": "old", "aarch64": "a"}, "os_tree": {"aarch64": "os"}},
            },
            "S-HA": {"id": "HA", "arches": ["aarch64"]},
        });
        let all = merged(own, existing.clone());
        assert_eq!(
            all,
            json!({
                "S": {
                    "id": "S", "name": "Theirs", "arches": ["aarch64", "s390x", "x86_64"], "variants": ["HA"], "note": 1,
                    "paths": {"images": {"x86_64": "new", "aarch64": "a"}, "os_tree": {"aarch64": "os"}},
                },
                "S-HA": {"id": "HA", "arches": ["aarch64"]},
            })
        );
        assert_eq!(merged(all.clone(), existing), all);
    }

    #[test]
    fn a_layered_product_stays_one() {
        let own = json!({"L": {"id": "L", "type": "variant", "arches": ["x86_64"]}});
        let existing =
            json!({"L": {"id": "L", "type": "layered-product", "arches": ["x86_64"], "release": {"name": "L"}}});
        assert_eq!(merged(own, existing.clone()), existing);
    }

    #[test]
    fn a_variant_that_stood_by_itself_does_not_become_a_child() {
        let own = json!({
            "S": {"id": "S", "arches": ["x86_64"], "variants": ["HA", "RS"]},
            "S-HA": {"id": "HA", "arches": ["x86_64"]},
            "S-RS": {"id": "RS", "arches": ["x86_64"]},
        });
        let existing = json!({"S": {"id": "S", "arches": ["x86_64"]}, "S-HA": {"id": "SHA", "arches": ["x86_64"]}});
        let all = merged(own, existing);
        assert_eq!((&all["S"]["variants"], &all["S-HA"]["id"]), (&json!(["RS"]), &json!("SHA")));
    }
}
