//! The *version* of a manifest's format, and the *location* with which version 2.0 says where a file is: productmd 2.0 has
//! `location` {`url`, `size`, `checksum`, `local_path`} where 1.x has a path, a size and checksums. Here everything is kept in
//! the form of 1.x; a location that was read stays beside it, with an address that 1.x has no place for.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::fmt;
use std::ops::RangeInclusive;

/// The versions in which images.json and composeinfo.json can be written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ManifestVersion {
    /// Paths below `compose`, which is where the files are.
    #[default]
    #[serde(rename = "1.2")]
    V1_2,
    /// Locations: a file may be anywhere.
    #[serde(rename = "2.0")]
    V2_0,
}

impl ManifestVersion {
    pub const ALL: [Self; 2] = [Self::V1_2, Self::V2_0];

    /// As it stands in a header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1_2 => "1.2",
            Self::V2_0 => "2.0",
        }
    }

    /// The version that `text` names exactly.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.as_str() == text)
    }

    /// The major numbers of the versions that are read.
    pub(crate) const MAJORS: RangeInclusive<u32> = 0..=2;

    /// The version in which a manifest is written again that was read in `major`, one of [`MAJORS`](Self::MAJORS).
    pub(crate) fn of_major(major: u32) -> Self {
        if major < 2 { Self::V1_2 } else { Self::V2_0 }
    }

    /// The `header` of a manifest.
    pub(crate) fn header(self, kind: &str) -> Value {
        json!({"type": kind, "version": self.as_str()})
    }
}

impl fmt::Display for ManifestVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The path below `compose` that a location stands for: its `local_path`, else its `url` where that is relative.
pub(crate) fn local_path(location: &Value) -> Option<&str> {
    let text = |key: &str| location.get(key).and_then(Value::as_str);
    text("local_path").or_else(|| text("url").filter(|url| !url.contains("://")))
}

/// The algorithms of a location's one checksum that readers know, the best first.
const ALGORITHMS: [&str; 4] = ["sha256", "sha512", "sha1", "md5"];

/// `ALGORITHM:DIGEST` of the best checksum; null when there is none.
pub(crate) fn checksum<'c>(checksums: impl Iterator<Item = (&'c str, &'c str)>) -> Value {
    let rank = |name: &str| ALGORITHMS.iter().position(|known| *known == name).unwrap_or(ALGORITHMS.len());
    let best = checksums.min_by_key(|(name, _)| rank(name));
    best.map_or(Value::Null, |(name, digest)| json!(format!("{name}:{digest}")))
}

/// Gives an entry with a location the members of version 1.x besides; without a usable path it stays as it is.
pub(crate) fn flatten(entry: &mut Map<String, Value>) {
    let Some(location) = entry.get("location") else { return };
    let Some(path) = local_path(location) else { return };
    let path = json!(path);
    let size = location.get("size").cloned().unwrap_or_default();
    let sum = location.get("checksum").and_then(Value::as_str).and_then(|sum| sum.split_once(':'));
    let checksums = sum.map_or(Value::Null, |(algorithm, digest)| json!({algorithm: digest}));
    entry.insert("path".to_owned(), path);
    entry.insert("size".to_owned(), size);
    entry.insert("checksums".to_owned(), checksums);
}

/// The same back: the members of version 1.x go into a location, unless the entry has one.
pub(crate) fn raise(entry: &Map<String, Value>) -> Map<String, Value> {
    let mut entry = entry.clone();
    let taken = ["path", "size", "checksums"].map(|key| entry.remove(key).unwrap_or_default());
    if entry.get("location").and_then(local_path).is_none() {
        let [path, size, checksums] = taken;
        let sums = checksums.as_object().into_iter().flatten();
        let sum = checksum(sums.filter_map(|(name, digest)| Some((name.as_str(), digest.as_str()?))));
        entry.insert("location".to_owned(), json!({"url": path, "local_path": path, "size": size, "checksum": sum}));
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(value: Value) -> Map<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_location_becomes_path_size_and_checksums_and_back() {
        let mut read = entry(json!({"type": "dvd", "location": {
            "url": "https://cdn.example.com/a.iso", "local_path": "S/x86_64/iso/a.iso", "size": 7, "checksum": "sha256:ab",
        }}));
        let before = read.clone();
        flatten(&mut read);
        assert_eq!(
            (&read["path"], &read["size"], &read["checksums"]),
            (&json!("S/x86_64/iso/a.iso"), &json!(7), &json!({"sha256": "ab"}))
        );
        assert_eq!(raise(&read), before);
        let old = entry(json!({"path": "a", "size": 7, "checksums": {"md5": "c", "sha512": "b", "blake2b": "a"}}));
        let new = json!({"location": {"url": "a", "local_path": "a", "size": 7, "checksum": "sha512:b"}});
        assert_eq!(raise(&old), entry(new));
    }

    #[test]
    fn a_relative_address_is_a_path_and_another_one_is_none() {
        for (location, path) in [
            (json!({"url": "S/a.iso"}), Some("S/a.iso")),
            (json!({"url": "oci://quay.io/a@sha256:0"}), None),
            (json!({"url": "oci://quay.io/a@sha256:0", "local_path": "a"}), Some("a")),
            (json!([]), None),
        ] {
            assert_eq!(local_path(&location), path, "{location}");
        }
        let mut read = entry(json!({"location": {"url": "a", "size": "many", "checksum": 5}}));
        let before = read.clone();
        flatten(&mut read);
        assert_eq!((&read["size"], &read["checksums"]), (&json!("many"), &Value::Null));
        assert_eq!(raise(&read), before);
    }
}
