//! An *artifact* is what one file that a task has made becomes in the compose.

use crate::causes::Cause;
use magudi_compose::archive_types::WrongSuffix;
use magudi_compose::images::Image;
use magudi_koji::calls::{Archive, Build};
use magudi_koji::pathinfo;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A file that a task has made, as far as the hub describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltFile {
    pub name: String,
    /// Its path below the top of the hub's volume. The components were checked when the hub's answer was decoded.
    pub path: String,
    pub arch: Option<String>,
    /// What the hub calls its type. It has none for a file that is part of no build.
    pub archive_type: Option<String>,
    /// Size in bytes and checksum, with the algorithm's name; the hub knows neither of a file that is part of no build.
    pub fixity: Option<Fixity>,
}

/// Why a file that should be an image cannot be one of the compose.
#[derive(Debug, Error)]
pub enum NotAnImage {
    #[error("{0} doesn't have any architecture")]
    NoArch(String),
    #[error("{name} has the arch `{}`, which no image can have", .arch.escape_debug())]
    Arch { name: String, arch: String },
    #[error(transparent)]
    Suffix(#[from] WrongSuffix),
    #[error("{name} has the format {format}, which images.json does not know")]
    Format { name: String, format: &'static str },
    #[error("there is no phase {0}")]
    NoPhase(String),
}

/// What the contents of a file are known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixity {
    /// The size in bytes.
    pub size: u64,
    /// The algorithm of the checksum, as hashlib calls it.
    pub algorithm: &'static str,
    /// The checksum, in hexadecimal digits.
    pub checksum: String,
}

impl BuiltFile {
    pub fn of_build(build: &Build, archive: Archive) -> Self {
        let directory = pathinfo::build_images("", build);
        Self {
            path: format!("{}/{}", directory.trim_start_matches('/'), archive.filename),
            name: archive.filename,
            arch: archive.arch,
            archive_type: Some(archive.type_name),
            fixity: Some(Fixity {
                size: archive.size,
                algorithm: archive.checksum_type.name(),
                checksum: archive.checksum,
            }),
        }
    }

    /// A file in the output of `task`, which has built for scratch (facts: builders 3, builders 10).
    pub fn of_scratch(task: i64, arch: &str, name: String) -> Self {
        let directory = pathinfo::task_output("", task);
        Self {
            path: format!("{}/{name}", directory.trim_start_matches('/')),
            name,
            arch: Some(arch.to_owned()),
            archive_type: None,
            fixity: None,
        }
    }

    /// Whether it is a log, a manifest or the like, which are part of every build.
    pub fn is_by_product(&self) -> bool {
        const ENDINGS: &[&str] =
            &[".json", ".log", ".xml", ".ks", ".packages", ".changes", ".verified", ".sha256", ".kiwi", ".asc"];
        self.archive_type.as_deref() == Some("json") || ENDINGS.iter().any(|ending| self.name.ends_with(ending))
    }
}

/// An arch that a task may fail to build, and did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedArch {
    pub arch: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<i64>,
    /// Page of that task in the hub's web interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Why, in the hub's words.
    pub reason: String,
}

impl FailedArch {
    /// The same as a reason.
    pub fn cause(&self) -> Cause {
        let Self { arch, task, url, reason } = self.clone();
        Cause { arch, chains: vec![vec![reason]], task, url, log: None }
    }
}

/// How a file is described in images.json and where its file goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    pub arch: String,
    /// The image type (`qcow2`, `dvd`, ...).
    pub image_type: String,
    /// The file format (`qcow2`, `raw.xz`, ...).
    pub format: String,
    /// ISOs go to `iso/`, all else to `images/`.
    pub is_iso: bool,
    /// Whether it is said to boot. What such an ISO says of itself is listed too.
    pub bootable: bool,
}

#[derive(Debug, Clone)]
pub struct AddedImage {
    /// Uid of the variant it is listed under.
    pub variant: String,
    /// Its entry in images.json, with the checksums that were computed while it was verified.
    pub image: Image,
}
