//! *Ids* that follow from what was asked for: the same call to a fresh hub always becomes the same task.

use std::borrow::Cow;

use sha2::{Digest as _, Sha256};

use crate::python;
use crate::wire::Value;

/// The first id of submitted tasks; the hash is added to it (facts: recordings 1).
const FIRST_TASK: i64 = 1_000_000;
/// How many ids the hash chooses from.
const TASKS: u32 = 1_000_000;

/// The paths that ids must not depend on, and what stands for each of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Placeholders(Vec<(String, &'static str)>);

impl Placeholders {
    /// `@KOJI@` for the volume and `@TARGET@` for the target directory; the longer one goes first, because one may lie
    /// in the other.
    pub(crate) fn new(topdir: &str, target_dir: Option<&str>) -> Self {
        let mut pairs = vec![(topdir.to_owned(), "@KOJI@")];
        pairs.extend(target_dir.map(|dir| (dir.to_owned(), "@TARGET@")));
        pairs.retain(|(path, _)| !path.trim_matches('/').is_empty());
        pairs.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        Self(pairs)
    }

    fn apply<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.0.iter().fold(text.into(), |text, (path, name)| {
            // Most texts are shorter than a path.
            let is_in = text.len() >= path.len() && text.contains(path.as_str());
            if is_in { text.replace(path.as_str(), name).into() } else { text }
        })
    }
}

/// The id that a task would like: 1000000 + the CRC-32 of the compact JSON of what identifies it, modulo 1000000. The first
/// free id from there on is taken.
pub(crate) fn task_id(identity: &Value, placeholders: &Placeholders) -> i64 {
    let json = python::compact_json(identity, &|text| placeholders.apply(text));
    FIRST_TASK + i64::from(crc32fast::hash(json.as_bytes()) % TASKS)
}

pub(crate) fn build_id(task: i64) -> i64 {
    task + 5_000_000
}

/// Hexadecimal digits that follow from `words`, 64 of them.
pub(crate) fn hex(words: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for word in words {
        hasher.update(word.as_bytes());
        hasher.update([0]);
    }
    hex_of(&hasher.finalize())
}

/// `bytes` in hexadecimal digits.
pub(crate) fn hex_of(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

/// A UUID that follows from `words`, in the form of a random one.
pub(crate) fn uuid(words: &[&str]) -> String {
    let hex = hex(words);
    format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

#[cfg(test)]
mod tests {
    use super::*;
    use magudi_koji::value::from_json;
    use std::path::Path;

    /// Every call that was recorded with the real Pungi has the id it got there.
    #[test]
    fn recorded_calls() {
        let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/pungi/cases");
        let placeholders = Placeholders::new("/srv/volume", Some("/srv/target"));
        let mut checked = 0;
        for case in std::fs::read_dir(&cases).unwrap() {
            let path = case.unwrap().path().join("expected/calls.json");
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            let text = text.replace("@TARGET@", "/srv/target").replace("@KOJI@", "/srv/volume");
            let calls: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
            let mut taken = std::collections::BTreeSet::new();
            let mut ids = Vec::new();
            let mut expected = Vec::new();
            for call in calls {
                let identity = ["args", "opts"].map(|part| from_json(&call[part]).unwrap());
                let mut id = task_id(&Value::Array(identity.into()), &placeholders);
                while !taken.insert(id) {
                    id += 1;
                }
                ids.push(id);
                expected.push(call["task_id"].as_i64().unwrap());
                checked += 1;
            }
            // Which of two identical calls came first is not defined.
            ids.sort_unstable();
            expected.sort_unstable();
            assert_eq!(ids, expected, "{}", path.display());
        }
        assert!(checked >= 132, "{checked}");
    }

    #[test]
    fn the_longer_path_goes_first() {
        let placeholders = Placeholders::new("/t/compose/koji", Some("/t"));
        assert_eq!(placeholders.apply("/t/compose/koji/x /t/y"), "@KOJI@/x @TARGET@/y");
        assert_eq!(Placeholders::new("/k", Some("/")).apply("a/b"), "a/b");
    }

    #[test]
    fn uuids_look_random() {
        let uuid = uuid(&["compose", "1019910"]);
        assert_eq!(uuid.len(), 36);
        assert_eq!(uuid.as_bytes()[14], b'4');
        assert_ne!(uuid, super::uuid(&["compose1", "019910"]));
    }
}
