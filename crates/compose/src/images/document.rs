//! The *document* is what images.json holds. It is written image by image: as one value, twenty thousand images would take as
//! much memory as the rest of the compose.

use super::{Image, Images};
use crate::composeinfo::{compose_block, header};
use crate::identity::ComposeIdentity;
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The type in the header.
pub(super) const TYPE: &str = "productmd.images";

/// The content of images.json. The compose block never has the label (PUNGI.md 10.1).
#[derive(Debug, Clone, Copy)]
pub struct ImagesDocument<'a> {
    images: &'a Images,
    identity: &'a ComposeIdentity,
}

impl<'a> ImagesDocument<'a> {
    pub(super) fn new(images: &'a Images, identity: &'a ComposeIdentity) -> Self {
        Self { images, identity }
    }
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
        serializer.collect_seq(sorted.into_iter().map(block))
    }
}

/// What images.json says of an image.
fn block(image: &Image) -> Map<String, Value> {
    let mut block = image.extra.clone();
    let mut put = |key: &str, value: Value| {
        block.insert(key.to_owned(), value);
    };
    put("arch", json!(image.arch));
    put("bootable", json!(image.bootable));
    put("checksums", json!(image.checksums));
    put("disc_count", json!(image.disc_count));
    put("disc_number", json!(image.disc_number));
    put("format", json!(image.format));
    put("implant_md5", json!(image.implant_md5));
    put("mtime", json!(image.mtime));
    put("path", json!(image.path));
    put("size", json!(image.size));
    put("subvariant", json!(image.subvariant));
    put("type", json!(image.kind));
    put("volume_id", json!(image.volume_id));
    if image.unified {
        put("unified", json!(true));
        put("additional_variants", json!(image.additional_variants));
    }
    block
}
