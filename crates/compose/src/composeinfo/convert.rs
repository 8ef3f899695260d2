//! *Converting* a composeinfo of an older format to the one that is written today, as productmd converts it.
//!
//! | up to format | then |
//! | --- | --- |
//! | 0.2 | date, type and respin of the compose stand in its id alone |
//! | 0.3 | the release is called `product` |
//! | 0.3 | a child is known by its uid, which begins with its parent's; no variant has a list of children |
//! | 1.0 | the header has no type |

use super::{ComposeinfoProblem, TYPE, header};
use crate::identity::IdParts;
use crate::read::{format_version, found_header};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Brings a composeinfo of any format up to 1.x to the one of [`header`]. What it says is not checked.
pub(super) fn convert(mut document: Value) -> Result<Value, ComposeinfoProblem> {
    let unusable = || ComposeinfoProblem::Header(found_header(&document));
    let version = format_version(&document).filter(|(major, _)| *major <= 1).ok_or_else(unusable)?;
    let kind = document.get("header").and_then(|header| header.get("type"));
    if version >= (1, 1) && kind.and_then(Value::as_str) != Some(TYPE) {
        return Err(unusable());
    }
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
    if let Value::Object(members) = &mut document {
        members.insert("header".to_owned(), header(TYPE));
    }
    Ok(document)
}

/// What stands in the id wins, as in productmd.
fn compose_from_id(payload: &mut Map<String, Value>) {
    let Some(Value::Object(compose)) = payload.get_mut("compose") else { return };
    let Some(parts) = compose.get("id").and_then(Value::as_str).and_then(IdParts::find) else { return };
    compose.insert("date".to_owned(), json!(parts.date));
    compose.insert("type".to_owned(), json!(parts.kind.as_str()));
    compose.insert("respin".to_owned(), json!(parts.respin));
}

/// Gives every parent its list of children: the parent of `A-B-C` is `A-B` where there is one, else nobody.
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
        let new = convert(old("0.2")).unwrap();
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
        assert_eq!(convert(old("0.3")).unwrap()["payload"]["compose"].get("date"), None);
        let new = convert(old("1.0")).unwrap();
        assert_eq!(new["payload"]["variants"]["A"].get("variants"), None);
        assert!(new["payload"].get("release").is_none(), "{new}");
    }

    #[test]
    fn other_formats_are_refused() {
        for (header, found) in [
            (json!({"version": "2.0", "type": TYPE}), "its header says productmd.composeinfo 2.0"),
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
