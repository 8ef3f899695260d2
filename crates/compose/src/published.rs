//! A *published* compose is one that is only looked at, whichever program made it: the directory of a compose, its `compose` as a mirror
//! has it, or its `metadata` alone.

use crate::layout::ComposeDir;
use std::path::{Path, PathBuf};

/// A directory in which no manifest was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is not a compose: there is no images.json in it, in metadata or in compose/metadata", .0.display())]
pub struct NotACompose(PathBuf);

/// Where the parts of a published compose are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    metadata: PathBuf,
    compose: PathBuf,
    top: Option<ComposeDir>,
}

impl Published {
    /// Finds the compose that `path` is, or is the `compose` or `metadata` of. An images.json stands for itself alone.
    pub fn find(path: &Path) -> Result<Self, NotACompose> {
        let not_found = || NotACompose(path.to_path_buf());
        let absolute = std::path::absolute(path).map_err(|_| not_found())?;
        let has_images = |metadata: &Path| metadata.join("images.json").is_file();
        let compose = if has_images(&absolute.join("compose/metadata")) {
            absolute.join("compose")
        } else if has_images(&absolute.join("metadata")) {
            absolute
        } else if has_images(&absolute) {
            // What `metadata` is a link to may lie elsewhere; its compose is where the name says.
            absolute.parent().ok_or_else(not_found)?.to_path_buf()
        } else {
            return Err(not_found());
        };
        let named = |name: &str| compose.file_name().is_some_and(|found| found == name);
        let top = compose.parent().filter(|_| named("compose")).map(ComposeDir::at);
        let metadata = compose.join("metadata");
        // A directory of manifests may have any name.
        let metadata =
            if has_images(&metadata) { metadata } else { std::path::absolute(path).map_err(|_| not_found())? };
        Ok(Self { metadata, compose, top })
    }

    /// The directory that paths in manifests begin at.
    pub fn compose(&self) -> &Path {
        &self.compose
    }

    /// The directory of the whole compose, with its logs; `None` where only a part was published.
    pub fn top(&self) -> Option<&ComposeDir> {
        self.top.as_ref()
    }

    /// images.json.
    pub fn images_file(&self) -> PathBuf {
        self.metadata.join("images.json")
    }

    /// composeinfo.json.
    pub fn composeinfo_file(&self) -> PathBuf {
        self.metadata.join("composeinfo.json")
    }

    /// cloud-uploads.json.
    pub fn cloud_uploads_file(&self) -> PathBuf {
        self.metadata.join("cloud-uploads.json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_compose_leads_to_the_rest() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().join("Fedora-42-20250219.n.0");
        let metadata = top.join("compose/metadata");
        std::fs::create_dir_all(&metadata).unwrap();
        for part in [&top, &metadata] {
            let error = Published::find(part).unwrap_err().to_string();
            assert!(error.contains("is not a compose") && error.contains("images.json"), "{error}");
        }
        std::fs::write(metadata.join("images.json"), "{}").unwrap();
        for part in ["", "compose", "compose/metadata"] {
            let found = Published::find(&top.join(part)).unwrap();
            assert_eq!(found.compose(), top.join("compose"));
            assert_eq!(found.top().map(ComposeDir::top), Some(top.as_path()), "{part}");
            assert_eq!(found.images_file(), metadata.join("images.json"));
        }
        // As a mirror has it, under any name.
        let mirror = dir.path().join("42");
        std::fs::rename(top.join("compose"), &mirror).unwrap();
        for part in ["", "metadata"] {
            let found = Published::find(&mirror.join(part)).unwrap();
            assert_eq!((found.compose(), found.top()), (mirror.as_path(), None));
        }
        let alone = dir.path().join("alone");
        std::fs::rename(mirror.join("metadata"), &alone).unwrap();
        assert_eq!(Published::find(&alone).unwrap().images_file(), alone.join("images.json"));
    }
}
