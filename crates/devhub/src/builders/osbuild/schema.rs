//! The *schema* of `osbuildImage` (facts: osbuild 5).

use crate::builders::schema::{Place, Problems, ostree};
use crate::wire::{Fault, Value};

/// Checks the six arguments and `opts` of a call; the fault 1019 of the first problem that a real hub would report.
pub(super) fn check(args: &[&Value; 6], opts: &Value) -> Result<(), Fault> {
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
    problems.first()
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
        required.iter().all(|key| members.contains_key(key))
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
