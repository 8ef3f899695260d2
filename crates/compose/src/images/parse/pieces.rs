//! Reads an images.json in *pieces*, a variant at a time: as values of JSON all of it takes ten times the room of its text.

use super::{Format, plain, take_variant};
use crate::images::Images;
use crate::manifest::ManifestVersion;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt;
use std::io::Read;

/// The images of a text in which nothing is odd: each key stands once, and everything is of the right type.
pub(super) fn read(text: &str) -> Result<Images, serde_json::Error> {
    #[derive(Deserialize)]
    struct Head {
        header: Value,
    }
    // Wherever it stands in the text, it says how to read the rest.
    let Head { header } = serde_json::from_str(text)?;
    let format = Format::of(&json!({"header": header})).map_err(serde_json::Error::custom)?;
    if format.has_plain_entries()
        && let Ok(images) = read_as(Entries::Plain, text)
    {
        return Ok(images);
    }
    read_as(Entries::Any(format), text)
}

/// The same of what a run of ours writes, without having its text as a whole: the header comes first, and entries are plain. Images at
/// the paths of `own` are left out.
pub(super) fn read_plain(text: impl Read, own: &BTreeSet<String>) -> Result<Images, serde_json::Error> {
    walk(Entries::Unsaid, own, serde_json::Deserializer::from_reader(text))
}

fn read_as(entries: Entries, text: &str) -> Result<Images, serde_json::Error> {
    walk(entries, &BTreeSet::new(), serde_json::Deserializer::from_str(text))
}

fn walk<'de>(
    entries: Entries,
    own: &BTreeSet<String>,
    mut reader: serde_json::Deserializer<impl serde_json::de::Read<'de>>,
) -> Result<Images, serde_json::Error> {
    let version = match entries {
        Entries::Unsaid | Entries::Plain => ManifestVersion::V1_2,
        Entries::Any(format) => format.written,
    };
    let mut images = Images { version, ..Images::default() };
    Walk { object: Object::Document, entries, own, images: &mut images }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(images)
}

/// What the images of a variant are read as.
#[derive(Debug, Clone, Copy)]
enum Entries {
    /// Each as the image that it is, without values of JSON in between: all that a run of ours writes is so.
    Plain,
    /// The header is still to come, and must say that they are plain.
    Unsaid,
    Any(Format),
}

/// The objects that are not read whole.
#[derive(Debug, Clone, Copy)]
enum Object {
    Document,
    Payload,
    /// `payload.images`.
    Listed,
}

/// On the way through an object.
struct Walk<'a> {
    object: Object,
    entries: Entries,
    own: &'a BTreeSet<String>,
    images: &'a mut Images,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Self { object, mut entries, own, images } = self;
        let mut seen = BTreeSet::new();
        while let Some(key) = members.next_key::<String>()? {
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom("a key stands twice"));
            }
            match (object, key.as_str()) {
                (Object::Document, "header") if matches!(entries, Entries::Unsaid) => {
                    let header = Format::of(&json!({"header": members.next_value::<Value>()?}));
                    if !header.map_err(A::Error::custom)?.has_plain_entries() {
                        return Err(A::Error::custom("its entries are not plain"));
                    }
                    entries = Entries::Plain;
                }
                (Object::Document, "payload") if matches!(entries, Entries::Unsaid) => {
                    return Err(A::Error::missing_field("header"));
                }
                (Object::Document, "payload") => {
                    members.next_value_seed(Walk { object: Object::Payload, entries, own, images: &mut *images })?;
                }
                (Object::Payload, "images") => {
                    members.next_value_seed(Walk { object: Object::Listed, entries, own, images: &mut *images })?;
                }
                (Object::Document, _) | (Object::Payload, "compose") => drop(members.next_value::<Value>()?),
                (Object::Payload, _) => {
                    images.extra.insert(key, members.next_value()?);
                }
                (Object::Listed, variant) => match entries {
                    Entries::Plain | Entries::Unsaid => {
                        plain::take_variant(images, own, variant, members.next_value()?)?;
                    }
                    Entries::Any(format) => {
                        take_variant(images, format, variant, members.next_value()?).map_err(A::Error::custom)?;
                    }
                },
            }
        }
        let needed = match object {
            Object::Document => "payload",
            Object::Payload => "images",
            Object::Listed => return Ok(()),
        };
        if seen.contains(needed) { Ok(()) } else { Err(A::Error::missing_field(needed)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Map;

    /// A document with one entry, some of whose members are `changed`; null takes a member away.
    fn document(changed: &Value) -> (Format, String) {
        let mut entry: Map<String, Value> = serde_json::from_value(json!({
            "path": "S/x86_64/images/a", "mtime": 1, "size": 2, "volume_id": "V", "type": "qcow2", "format": "qcow2",
            "arch": "x86_64", "disc_number": 1, "disc_count": 1, "checksums": {"md5": "a", "sha256": "b"},
            "implant_md5": null, "bootable": true, "subvariant": "S",
        }))
        .unwrap();
        entry.extend(changed.as_object().unwrap().clone());
        entry.retain(|name, value| !value.is_null() || name == "implant_md5");
        let header = json!({"type": "productmd.images", "version": "1.2"});
        let payload = json!({"compose": {"id": "C"}, "images": {"S": {"x86_64": [entry]}}, "more": 1});
        let document = json!({"header": header, "payload": payload});
        (Format::of(&document).unwrap(), document.to_string())
    }

    #[test]
    fn a_header_comes_first_and_says_that_entries_are_plain() {
        let (_, text) = document(&json!({}));
        let read_plain = |text: &[u8]| read_plain(text, &BTreeSet::new());
        let payload = text.find(r#""payload""#).unwrap();
        let late = format!("{{{}, {}}}", &text[payload..text.len() - 1], &text[1..payload - 1]);
        assert!(read_plain(text.as_bytes()).is_ok() && read(&late).is_ok() && read_plain(late.as_bytes()).is_err());
        for version in ["1.1", "2.0", "3.0"] {
            assert!(read_plain(text.replace("1.2", version).as_bytes()).is_err(), "{version}");
        }
        for bad in [
            format!("{text}x"),
            text[..text.len() - 1].to_owned(),
            format!("{{{}, {}", &text[1..payload - 1], &text[1..]),
        ] {
            assert!(read_plain(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn plain_entries_are_the_images_that_others_would_be() {
        for (changed, is_plain) in [
            (json!({}), true),
            (json!({"volume_id": null, "unified": true, "additional_variants": ["T"]}), true),
            (json!({"torrent": {"x": 1}}), false),
            (json!({"size": 2.5}), false),
            (json!({"size": -1}), false),
            (json!({"size": u64::MAX}), false),
            (json!({"type": "frob"}), false),
            (json!({"format": null}), false),
            (json!({"checksums": {}}), false),
            (json!({"additional_variants": ["T"]}), false),
        ] {
            let (format, text) = document(&changed);
            let any = read_as(Entries::Any(format), &text).unwrap();
            assert_eq!(read(&text).unwrap(), any, "{changed}");
            assert_eq!(read_as(Entries::Plain, &text).is_ok(), is_plain, "{changed}");
            assert_eq!(read_plain(text.as_bytes(), &BTreeSet::new()).ok(), is_plain.then_some(any), "{changed}");
        }
    }

    #[test]
    fn own_images_are_left_out() {
        let (_, text) = document(&json!({}));
        let count = |own: &str| read_plain(text.as_bytes(), &BTreeSet::from([own.to_owned()])).unwrap().iter().count();
        assert_eq!((count("S/x86_64/images/b"), count("S/x86_64/images/a")), (1, 0));
    }
}
