//! *Converting* a composeinfo of another format to that of version 1.2, as productmd converts it, and one of 1.2 to 2.0 (facts: manifests 12).
//!
//! | up to format | then |
//! | --- | --- |
//! | 0.2 | date, type and respin of the compose stand in its id alone |
//! | 0.3 | the release is called `product` |
//! | 0.3 | a child is known by its uid, which begins with its parent's; no variant has a list of children |
//! | 1.0 | the header has no type |
//!
//! From format 2.0 on a path is a location, but for those of `identity`.

use super::{ComposeinfoProblem, TYPE};
use crate::identity::IdParts;
use crate::manifest::{ManifestVersion, local_path};
use crate::read::check_header;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Brings a composeinfo of any format up to 2.x to version 1.2, and says in which version it is to be written again. What it
/// says is not checked.
pub(super) fn convert(mut document: Value) -> Result<(ManifestVersion, Value), ComposeinfoProblem> {
    let version = check_header(&document, TYPE, ManifestVersion::MAJORS, (1, 1))?;
    let written = ManifestVersion::of_major(version.0);
    if let Some(Value::Object(payload)) = document.get_mut("payload") {
        if version < (0, 3) {
            compose_from_id(payload);
        }
        if version <= (0, 3)
            && !payload.contains_key("release")
            && let Some(release) = payload.remove("product")
        {
            payload.insert("release".to_owned(), release);
        }
        if version < (1, 0)
            && let Some(Value::Object(variants)) = payload.get_mut("variants")
        {
            name_children(variants);
        }
    }
    if written == ManifestVersion::V2_0 {
        each_path(&mut document, &mut |_, path| {
            if let Some(local) = local_path(path).map(str::to_owned) {
                *path = json!(local);
            }
        });
    }
    if let Value::Object(members) = &mut document {
        members.insert("header".to_owned(), ManifestVersion::V1_2.header(TYPE));
    }
    Ok((written, document))
}

/// Brings a composeinfo of version 1.2 to 2.0. `known` are variants of 2.0: where they say that a path is, it is.
pub(super) fn raise(document: &mut Value, known: &Value) {
    each_path(document, &mut |at, path| {
        if let Value::String(local) = path {
            let known = at.iter().try_fold(known, |value, key| value.get(key));
            let location = known.filter(|location| local_path(location) == Some(local)).cloned();
            let here = || json!({"url": local, "local_path": local, "size": null, "checksum": null});
            *path = location.filter(Value::is_object).unwrap_or_else(here);
        }
    });
    document["header"] = ManifestVersion::V2_0.header(TYPE);
}

/// Hands over every path of every variant that is a location in version 2.0, and where it stands below `variants`.
fn each_path(document: &mut Value, change: &mut dyn FnMut([&str; 4], &mut Value)) {
    let variants = document.pointer_mut("/payload/variants").and_then(Value::as_object_mut);
    for (uid, variant) in variants.into_iter().flatten() {
        let paths = variant.get_mut("paths").and_then(Value::as_object_mut);
        // The certificate of a product is a plain path in every version.
        for (field, arches) in paths.into_iter().flatten().filter(|(field, _)| *field != "identity") {
            for (arch, path) in arches.as_object_mut().into_iter().flatten() {
                change([uid, "paths", field, arch], path);
            }
        }
    }
}

/// What stands in the id wins, as in productmd.
fn compose_from_id(payload: &mut Map<String, Value>) {
    let Some(Value::Object(compose)) = payload.get_mut("compose") else { return };
    let Some(parts) = compose.get("id").and_then(Value::as_str).and_then(IdParts::find) else { return };
    compose.insert("date".to_owned(), json!(parts.date));
    compose.insert("type".to_owned(), json!(parts.kind.as_str()));
    compose.insert("respin".to_owned(), json!(parts.respin));
}

/// Gives every parent its list of children: the parent of `A-B-C` is `A-B` if there is one, else it has none.
fn name_children(variants: &mut Map<String, Value>) {
    let families: Vec<(String, String)> = variants
        .keys()
        .filter_map(|uid| uid.rsplit_once('-'))
        .filter(|(parent, _)| variants.contains_key(*parent))
        .map(|(parent, id)| (parent.to_owned(), id.to_owned()))
        .collect();
    for (parent, id) in families {
        let Some(Value::Object(block)) = variants.get_mut(&parent) else { continue };
        let listed = block.get("variants").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut children: BTreeSet<String> = listed.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        children.insert(id);
        block.insert("variants".to_owned(), json!(children));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn old(version: &str) -> Value {
        json!({
            "header": {"version": version},
            "payload": {
                "compose": {"id": "Ex-9-20250101.n.2", "type": "nightly"},
                "product": {"name": "Ex", "short": "Ex", "version": "9"},
                "variants": {
                    "A": {"uid": "A", "arches": ["x86_64"]},
                    "A-B": {"uid": "A-B", "arches": ["x86_64"]},
                    "A-B-C": {"uid": "A-B-C", "arches": ["x86_64"]},
                    "X-Y": {"uid": "X-Y", "arches": ["x86_64"]},
                },
            },
        })
    }

    #[test]
    fn old_formats_become_the_one_of_today() {
        let new = convert(old("0.2")).unwrap().1;
        assert_eq!(new["header"], json!({"type": TYPE, "version": "1.2"}));
        let payload = &new["payload"];
        assert_eq!(
            payload["compose"],
            json!({"id": "Ex-9-20250101.n.2", "type": "nightly", "date": "20250101", "respin": 2})
        );
        assert_eq!(payload["release"]["short"], "Ex");
        assert_eq!(payload.get("product"), None);
        let children = |uid: &str| payload["variants"][uid].get("variants").cloned();
        assert_eq!(
            [children("A"), children("A-B"), children("A-B-C"), children("X-Y")],
            [Some(json!(["B"])), Some(json!(["C"])), None, None]
        );
        // From 0.3 on the compose block is complete, and from 1.0 on parents list their children.
        assert_eq!(convert(old("0.3")).unwrap().1["payload"]["compose"].get("date"), None);
        let new = convert(old("1.0")).unwrap().1;
        assert_eq!(new["payload"]["variants"]["A"].get("variants"), None);
        assert!(new["payload"].get("release").is_none(), "{new}");
    }

    #[test]
    fn locations_become_paths_and_back() {
        let elsewhere =
            json!({"url": "https://cdn.example.com/os/", "size": null, "checksum": null, "local_path": "S/a/os"});
        let here = |path: &str| json!({"url": path, "local_path": path, "size": null, "checksum": null});
        let variants = |os: &Value, images: &Value| json!({"S": {"paths": {"os_tree": {"a": os}, "images": {"a": images}, "identity": {"a": "S/cert"}}}});
        let new = json!({"header": {"type": TYPE, "version": "2.0"}, "payload": {"variants": variants(&elsewhere, &here("S/i"))}});
        let (version, old) = convert(new.clone()).unwrap();
        assert_eq!(version, ManifestVersion::V2_0);
        assert_eq!(old["payload"]["variants"], variants(&json!("S/a/os"), &json!("S/i")));
        assert_eq!(old["header"]["version"], "1.2");
        let mut again = old.clone();
        raise(&mut again, &new["payload"]["variants"]);
        assert_eq!(again, new);
        let mut alone = old;
        raise(&mut alone, &Value::Null);
        assert_eq!(alone["payload"]["variants"], variants(&here("S/a/os"), &here("S/i")));
    }

    #[test]
    fn other_formats_are_refused() {
        for (header, found) in [
            (json!({"version": "3.0", "type": TYPE}), "its header says productmd.composeinfo 3.0"),
            (json!({"version": "1.1"}), "its header says 1.1 only"),
            (json!({"version": "1.2", "type": "productmd.images"}), "its header says productmd.images 1.2"),
            (json!({"version": "x.y", "type": TYPE}), "its header says productmd.composeinfo x.y"),
            (json!({}), "it has no header"),
        ] {
            let error = convert(json!({"header": header, "payload": {}})).unwrap_err().to_string();
            assert!(error.starts_with(found), "{error}");
        }
    }
}
