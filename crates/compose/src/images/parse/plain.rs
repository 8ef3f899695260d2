//! *Plain* entries have all members of an image, each as it should be, and no others.

use crate::images::{Checksums, Image, Images};
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// An entry of which nothing has to be interpreted.
#[derive(Deserialize)]
pub(super) struct Entry(#[serde(with = "Members")] Image);

/// The members of an [`Image`], by their names in images.json.
#[derive(Deserialize)]
#[serde(remote = "Image", deny_unknown_fields)]
struct Members {
    path: String,
    mtime: i64,
    #[serde(deserialize_with = "size")]
    size: u64,
    volume_id: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    format: String,
    arch: String,
    disc_number: u32,
    disc_count: u32,
    checksums: Checksums,
    implant_md5: Option<String>,
    bootable: bool,
    subvariant: String,
    #[serde(default)]
    unified: bool,
    #[serde(default)]
    additional_variants: Vec<String>,
    #[serde(skip)]
    extra: Map<String, Value>,
}

/// As other readers do: what is more than fits an `i64` is no size.
fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    u64::try_from(i64::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// Takes over the images of the variant `uid`, but for those at the paths of `own`; an error where readers refuse one of them.
pub(super) fn take_variant<E: Error>(
    images: &mut Images,
    own: &BTreeSet<String>,
    uid: &str,
    arches: BTreeMap<String, Vec<Entry>>,
) -> Result<(), E> {
    for (arch, entries) in arches {
        for Entry(image) in entries {
            if let Some(problem) = image.problems().first() {
                return Err(E::custom(problem));
            }
            if !own.contains(&image.path) {
                images.add(uid, &arch, image).map_err(E::custom)?;
            }
        }
    }
    Ok(())
}
