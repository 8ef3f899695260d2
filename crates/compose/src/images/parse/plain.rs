//! *Plain* entries have all members of an image, each as it should be, and no others.

use crate::images::{Checksums, Image, Images};
use serde::Deserialize;
use serde::de::Error;
use std::collections::BTreeMap;

/// An entry of which nothing has to be interpreted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    path: String,
    mtime: i64,
    // As other readers do: what is more is no size.
    size: i64,
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
}

/// Takes over the images of the variant `uid`; an error where readers refuse one of them.
pub(super) fn take_variant<E: Error>(
    images: &mut Images,
    uid: &str,
    arches: BTreeMap<String, Vec<Entry>>,
) -> Result<(), E> {
    for (arch, entries) in arches {
        for entry in entries {
            let image = Image {
                path: entry.path,
                mtime: entry.mtime,
                size: u64::try_from(entry.size).map_err(E::custom)?,
                volume_id: entry.volume_id,
                kind: entry.kind,
                format: entry.format,
                arch: entry.arch,
                disc_number: entry.disc_number,
                disc_count: entry.disc_count,
                checksums: entry.checksums,
                implant_md5: entry.implant_md5,
                bootable: entry.bootable,
                subvariant: entry.subvariant,
                unified: entry.unified,
                additional_variants: entry.additional_variants,
                extra: serde_json::Map::new(),
            };
            if let Some(problem) = image.problems().first() {
                return Err(E::custom(problem));
            }
            images.add(uid, &arch, image).map_err(E::custom)?;
        }
    }
    Ok(())
}
