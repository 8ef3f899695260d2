//! What a compose directory has *already*: manifests that Pungi or an earlier run of ours wrote. They are read before
//! anything is touched, and nothing of them is lost.

use magudi_compose::composeinfo::{self, Composeinfo, ComposeinfoError};
use magudi_compose::images::{Images, ImagesError, load_other_images};
use magudi_compose::layout::ComposeDir;
use magudi_compose::{ManifestVersion, Stamp};
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// A manifest that cannot be used, and what is wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum ExistingError {
    #[error(transparent)]
    Images(#[from] ImagesError),
    #[error(transparent)]
    Composeinfo(#[from] ComposeinfoError),
}

/// The manifests of an existing compose.
#[derive(Debug, Default)]
pub struct Existing {
    images: Images,
    composeinfo: Option<Composeinfo>,
    deliverables: Option<Json>,
    /// Of which files that was read.
    stamps: [Stamp; 3],
}

/// The stamps of all manifests, before they are read.
fn stamps(dir: &ComposeDir) -> [Stamp; 3] {
    [dir.images_file(), dir.composeinfo_file(), dir.deliverables()].map(|path| Stamp::of(&path))
}

impl Existing {
    /// Reads what is there, but for the images at the paths of `own`, of which nothing is kept; a new directory has nothing.
    pub fn load(dir: &ComposeDir, own: &BTreeSet<String>) -> Result<Self, ExistingError> {
        Ok(Self {
            stamps: stamps(dir),
            images: load_other_images(&dir.images_file(), own)?.unwrap_or_default(),
            composeinfo: composeinfo::load_composeinfo(&dir.composeinfo_file())?,
            deliverables: composeinfo::load_document(&dir.deliverables())?,
        })
    }

    /// Reads it again, without the images at the paths of `own`, if it has changed since.
    pub fn renewed(self, dir: &ComposeDir, own: &BTreeSet<String>) -> Result<Self, ExistingError> {
        if self.stamps == stamps(dir) { Ok(self) } else { Self::load(dir, own) }
    }

    /// The images of others and `new` ones together. `own` are the paths of images that earlier runs of ours added: those
    /// are replaced, whether or not there is a new image of the same path.
    pub fn merged_images(&self, new: Images, own: &BTreeSet<String>) -> Images {
        let mut all = self.images.clone();
        all.retain(|image| !own.contains(&image.path));
        all.retain_odd(|path| !own.contains(path));
        all.merge(new);
        all
    }

    /// What is kept although readers refuse it, in words.
    pub fn remarks(&self) -> impl Iterator<Item = String> + '_ {
        self.images.odd().iter().map(|odd| {
            let (path, arch) = (odd.path.escape_debug(), odd.arch.escape_debug());
            let (variant, problem) = (odd.variant.escape_debug(), &odd.problem);
            format!("images.json lists {path} of variant {variant}, arch {arch}, which readers refuse ({problem}); it is kept as it is")
        })
    }

    /// Takes what others wrote into composeinfo.json over into `info`, and brings it to `version`.
    pub fn merge_composeinfo(&self, info: &mut Json, version: ManifestVersion) {
        let none = Composeinfo::none();
        let existing = self.composeinfo.as_ref().unwrap_or(&none);
        existing.merge_into(info);
        existing.raise(info, version);
    }

    pub fn version(&self) -> ManifestVersion {
        self.composeinfo.as_ref().map_or(ManifestVersion::default(), |info| info.version).max(self.images.version())
    }

    /// What deliverables.json says of phases that are not ours, as (list, phase, deliverables).
    pub fn other_deliverables(&self, ours: impl Fn(&str) -> bool) -> Vec<(String, String, Json)> {
        let lists = self.deliverables.as_ref().and_then(Json::as_object).into_iter().flatten();
        lists
            .flat_map(|(list, phases)| {
                let phases = phases.as_object().into_iter().flatten();
                phases.map(move |(phase, all)| (list.clone(), phase.clone(), all.clone()))
            })
            .filter(|(_, phase, _)| !ours(phase))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::path::Path;

    fn write(dir: &ComposeDir, paths: &[&str]) {
        let entry = |path: &&str| {
            json!({
                "path": path, "mtime": 1, "size": 2, "volume_id": null, "type": "qcow2", "format": "qcow2", "arch": "x86_64",
                "disc_number": 1, "disc_count": 1, "checksums": {"sha256": "b"}, "implant_md5": null, "bootable": false,
                "subvariant": path,
            })
        };
        let entries: Vec<Json> = paths.iter().map(entry).collect();
        let document = json!({
            "header": {"type": "productmd.images", "version": "1.2"},
            "payload": {"compose": {"id": "C"}, "images": {"S": {"x86_64": entries}}},
        });
        std::fs::create_dir_all(dir.metadata()).unwrap();
        std::fs::write(dir.images_file(), document.to_string()).unwrap();
    }

    #[test]
    fn what_others_wrote_since_is_read_again() {
        let top = tempfile::tempdir().unwrap();
        let dir = ComposeDir::at(Path::new(top.path()));
        write(&dir, &["ours", "theirs"]);
        let own = BTreeSet::from(["ours".to_owned()]);
        let paths = |existing: Existing| {
            let renewed = existing.renewed(&dir, &own).unwrap();
            renewed.images.iter().map(|(_, _, image)| image.path.clone()).collect::<Vec<_>>()
        };
        let before = Existing::load(&dir, &own).unwrap();
        assert_eq!(paths(Existing::load(&dir, &own).unwrap()), ["theirs"]);
        assert_eq!(paths(Existing::load(&dir, &BTreeSet::new()).unwrap()), ["ours", "theirs"]);
        write(&dir, &["more", "ours", "theirs"]);
        assert_eq!(paths(before), ["more", "theirs"]);
    }
}
