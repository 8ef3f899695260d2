//! What a *mask* hides of a plan: the strings of its requests whose keys say so ([`magudi_config::secret`]), and passwords in
//! URLs.

use crate::plan::TaskRequest;
use magudi_config::secret::{is_plain, is_secret, passwords_in_urls};
pub use magudi_koji::redact::{Mask, STARS, unsigned};
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// How deep a request is looked through; the hub's schema has far fewer levels.
const DEPTH: usize = 100;

/// The secrets in `requests`.
pub fn secrets_of(requests: &[TaskRequest]) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for request in requests {
        request.args.iter().for_each(|value| collect(value, false, DEPTH, &mut found));
        request.keywords.members().for_each(|(name, value)| collect(value, is_secret(name), DEPTH, &mut found));
    }
    found
}

/// The secrets in a value that is sent.
pub fn secrets_in(value: &Json) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    collect(value, false, DEPTH, &mut found);
    found
}

fn collect<'a>(value: &'a Json, secret: bool, depth: usize, found: &mut BTreeSet<&'a str>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    match value {
        Json::String(text) if secret => {
            found.insert(text);
        }
        Json::String(text) => found.extend(passwords_in_urls(text).filter_map(|range| text.get(range))),
        Json::Array(items) => items.iter().for_each(|item| collect(item, secret, depth, found)),
        Json::Object(members) => {
            for (key, value) in members {
                collect(value, is_secret(key) || (secret && !is_plain(key)), depth, found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::method::TEST_METHOD;
    use crate::plan::{About, Keywords};
    use serde_json::json;

    #[test]
    fn secrets_are_found_by_their_keys() {
        let customizations = json!({
            "users": [{"name": "admin", "password": "p1", "key": "ssh-rsa AAAAB3"}],
            "packages": ["vim", "https://u:p2@example.com"],
        });
        let request = TaskRequest {
            phase: "images",
            variant: "Server".into(),
            subvariant: "Server".into(),
            failable: false,
            method: &TEST_METHOD,
            args: vec![json!("disk"), json!("1")],
            keywords: Keywords::of_opts(FromIterator::from_iter([("customizations".into(), customizations)])),
            about: About::default(),
        };
        assert_eq!(Vec::from_iter(secrets_of(&[request])), ["p1", "p2", "ssh-rsa AAAAB3"]);
    }
}
