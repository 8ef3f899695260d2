//! The *document* is what images.json holds. It is written image by image: as one value, twenty thousand images would take as
//! much memory as the rest of the compose.

use super::{Checksums, Image, Images};
use crate::composeinfo::{compose_block, header};
use crate::identity::ComposeIdentity;
use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};
use serde_json::Value;
use std::collections::BTreeMap;

/// The type in the header.
pub(super) const TYPE: &str = "productmd.images";

/// The content of images.json. The compose block never has the label (PUNGI.md 10.1).
#[derive(Debug, Clone, Copy)]
pub struct ImagesDocument<'a> {
    pub(super) images: &'a Images,
    pub(super) identity: &'a ComposeIdentity,
}

impl Serialize for ImagesDocument<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut document = serializer.serialize_map(Some(2))?;
        document.serialize_entry("header", &header(TYPE))?;
        document.serialize_entry("payload", &Payload(*self))?;
        document.end()
    }
}

struct Payload<'a>(ImagesDocument<'a>);

impl Serialize for Payload<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(ImagesDocument { images, identity }) = self;
        let compose = Value::Object(compose_block(identity));
        let mut entries: BTreeMap<&str, Part<'_>> =
            images.extra.iter().map(|(key, value)| (key.as_str(), Part::Value(value))).collect();
        entries.insert("compose", Part::Value(&compose));
        entries.insert("images", Part::Variants(&images.images));
        serializer.collect_map(entries)
    }
}

/// A value of the payload.
enum Part<'a> {
    Value(&'a Value),
    Variants(&'a BTreeMap<String, BTreeMap<String, Vec<Image>>>),
}

impl Serialize for Part<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(serializer),
            Self::Variants(variants) => {
                let some = variants.iter().filter(|(_, arches)| arches.values().any(|list| !list.is_empty()));
                serializer.collect_map(some.map(|(uid, arches)| (uid, Arches(arches))))
            }
        }
    }
}

struct Arches<'a>(&'a BTreeMap<String, Vec<Image>>);

impl Serialize for Arches<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let some = self.0.iter().filter(|(_, list)| !list.is_empty());
        serializer.collect_map(some.map(|(arch, list)| (arch, Sorted(list))))
    }
}

struct Sorted<'a>(&'a [Image]);

impl Serialize for Sorted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sorted: Vec<&Image> = self.0.iter().collect();
        sorted.sort_by(|a, b| a.path.cmp(&b.path));
        serializer.collect_seq(sorted.into_iter().map(Block))
    }
}

/// What images.json says of an image.
struct Block<'a>(&'a Image);

impl Serialize for Block<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let image = self.0;
        let mut members = vec![
            ("arch", Member::Text(&image.arch)),
            ("bootable", Member::Flag(image.bootable)),
            ("checksums", Member::Checksums(&image.checksums)),
            ("disc_count", Member::Number(image.disc_count.into())),
            ("disc_number", Member::Number(image.disc_number.into())),
            ("format", Member::Text(&image.format)),
            ("implant_md5", Member::TextOrNull(image.implant_md5.as_deref())),
            ("mtime", Member::Number(image.mtime)),
            ("path", Member::Text(&image.path)),
            ("size", Member::Size(image.size)),
            ("subvariant", Member::Text(&image.subvariant)),
            ("type", Member::Text(&image.kind)),
            ("volume_id", Member::TextOrNull(image.volume_id.as_deref())),
        ];
        if image.unified {
            members.push(("unified", Member::Flag(true)));
            members.push(("additional_variants", Member::Texts(&image.additional_variants)));
        }
        for (key, value) in &image.extra {
            if !members.iter().any(|(own, _)| own == key) {
                members.push((key, Member::Other(value)));
            }
        }
        members.sort_unstable_by_key(|(key, _)| *key);
        serializer.collect_map(members)
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Member<'a> {
    Text(&'a str),
    TextOrNull(Option<&'a str>),
    Number(i64),
    Size(u64),
    Flag(bool),
    Checksums(&'a Checksums),
    Texts(&'a [String]),
    Other(&'a Value),
}
