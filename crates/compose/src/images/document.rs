//! The *document* is what images.json holds. It is written image by image: as one value, twenty thousand images would take as
//! much memory as the rest of the compose.

use super::{Checksums, Image, Images, Oddity};
use crate::composeinfo::compose_block;
use crate::identity::ComposeIdentity;
use crate::manifest::{ManifestVersion, checksum, local_path, raise};
use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The type in the header.
pub(super) const TYPE: &str = "productmd.images";

/// The content of images.json. The compose block never has the label (facts: manifests 2).
#[derive(Debug, Clone, Copy)]
pub struct ImagesDocument<'a> {
    pub(super) images: &'a Images,
    pub(super) identity: &'a ComposeIdentity,
}

impl Serialize for ImagesDocument<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut document = serializer.serialize_map(Some(2))?;
        document.serialize_entry("header", &self.images.version.header(TYPE))?;
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
        entries.insert("images", Part::Variants(listed(images)));
        serializer.collect_map(entries)
    }
}

/// Everything that is listed, by variant uid and arch, sorted by path.
type Listed<'a> = BTreeMap<&'a str, BTreeMap<&'a str, Vec<Item<'a>>>>;

fn listed(images: &Images) -> Listed<'_> {
    let version = images.version;
    let own = images.iter().map(|(uid, arch, image)| (uid, arch, Item::Image(image, version)));
    let odd = images.odd.iter().map(|odd| (odd.variant.as_str(), odd.arch.as_str(), Item::Odd(odd, version)));
    let mut listed = Listed::new();
    for (uid, arch, item) in own.chain(odd) {
        listed.entry(uid).or_default().entry(arch).or_default().push(item);
    }
    for list in listed.values_mut().flat_map(BTreeMap::values_mut) {
        list.sort_by(|a, b| a.path().cmp(b.path()));
    }
    listed
}

/// An entry, and the version in which it is written.
enum Item<'a> {
    Image(&'a Image, ManifestVersion),
    Odd(&'a Oddity, ManifestVersion),
}

impl Item<'_> {
    fn path(&self) -> &str {
        match self {
            Self::Image(image, _) => &image.path,
            Self::Odd(odd, _) => &odd.path,
        }
    }
}

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Image(image, version) => Block(image, *version).serialize(serializer),
            Self::Odd(odd, ManifestVersion::V1_2) => odd.entry.serialize(serializer),
            Self::Odd(odd, ManifestVersion::V2_0) => raise(&odd.entry).serialize(serializer),
        }
    }
}

/// A value of the payload.
enum Part<'a> {
    Value(&'a Value),
    Variants(Listed<'a>),
}

impl Serialize for Part<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(serializer),
            Self::Variants(variants) => variants.serialize(serializer),
        }
    }
}

/// What images.json says of an image.
struct Block<'a>(&'a Image, ManifestVersion);

impl Serialize for Block<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(image, version) = self;
        let location;
        let mut members = vec![
            ("arch", Member::Text(&image.arch)),
            ("bootable", Member::Flag(image.bootable)),
            ("disc_count", Member::Number(image.disc_count.into())),
            ("disc_number", Member::Number(image.disc_number.into())),
            ("format", Member::Text(&image.format)),
            ("implant_md5", Member::TextOrNull(image.implant_md5.as_deref())),
            ("mtime", Member::Number(image.mtime)),
            ("subvariant", Member::Text(&image.subvariant)),
            ("type", Member::Text(&image.kind)),
            ("volume_id", Member::TextOrNull(image.volume_id.as_deref())),
        ];
        match version {
            ManifestVersion::V1_2 => members.extend([
                ("checksums", Member::Checksums(&image.checksums)),
                ("path", Member::Text(&image.path)),
                ("size", Member::Size(image.size)),
            ]),
            ManifestVersion::V2_0 => {
                location = location_of(image);
                members.push(("location", Member::Other(&location)));
            }
        }
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

/// Where an image is: where it was said to be when it was read, else in the compose.
fn location_of(image: &Image) -> Value {
    let known = image.extra.get("location").filter(|location| local_path(location) == Some(&image.path));
    let mut location = known.cloned().unwrap_or_else(|| json!({"url": image.path, "local_path": image.path}));
    let sums = image.checksums.iter().map(|(name, digest)| (name.as_ref(), digest.as_ref()));
    location["size"] = json!(image.size);
    location["checksum"] = checksum(sums);
    location
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
