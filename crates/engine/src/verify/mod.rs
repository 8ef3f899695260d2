//! *Verifying* a compose that is there: whether its files are what its manifests say. Nothing is changed, and nothing outside
//! the compose is read unless that is asked for.
//!
//! The manifests and the sum files say what has to be computed of which file (`sums`, `files`); every file is read once,
//! several at a time. What lies around is compared with what is listed (`tree`).

mod files;
mod sums;
mod tree;

use files::{Files, Read};
use magudi_compose::composeinfo::load_composeinfo;
use magudi_compose::confined::directory_of;
use magudi_compose::images::{Images, ImagesError, load_compose_id, load_images};
use magudi_compose::manifest::ManifestVersion;
use magudi_compose::published::Published;
use std::collections::BTreeSet;

/// How to verify.
#[derive(Debug, Clone, Copy, Default)]
pub struct Depth {
    /// Sizes and signatures only: no file is read whole.
    pub quick: bool,
    /// Read images that are symbolic links out of the compose.
    pub follow_links: bool,
    /// Do not look whether files can be of their format: a simulated compose has text in all of them.
    pub any_format: bool,
}

/// What is wrong, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A manifest that cannot be used, or contradicts another one.
    Manifest,
    /// An image that readers of images.json refuse, or cannot tell from another one.
    Identity,
    /// A listed file is not there.
    Missing,
    /// A file that must not or cannot be read.
    Unread,
    /// A file of another size.
    Size,
    /// A file of another content.
    Checksum,
    /// A file that cannot be of its format.
    Format,
    /// A sum file that does not fit.
    SumFile,
    /// A file beside images that no manifest lists.
    Unlisted,
    /// A symbolic link that leads nowhere.
    Link,
    /// A path of composeinfo.json that leads nowhere.
    Path,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Identity => "identity",
            Self::Missing => "missing",
            Self::Unread => "unread",
            Self::Size => "size",
            Self::Checksum => "checksum",
            Self::Format => "format",
            Self::SumFile => "sum-file",
            Self::Unlisted => "unlisted",
            Self::Link => "link",
            Self::Path => "path",
        }
    }
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The path below `compose`.
    pub path: String,
    pub kind: Kind,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Verification {
    /// The id of the compose, as far as it says one.
    pub compose_id: Option<String>,
    /// The version of images.json.
    pub version: ManifestVersion,
    /// How many images are listed.
    pub images: usize,
    /// How many of them are not in the compose but at an address on the web (version 2.0); nothing was looked at there.
    pub elsewhere: usize,
    /// The bytes of the files that were looked at.
    pub bytes: u64,
    /// What is wrong, by path.
    pub problems: Vec<Problem>,
}

/// Hears how many bytes there are to be read before the first one is, and then of each read.
pub trait Progress: Sync {
    /// The number of bytes to read.
    fn total(&self, bytes: u64);
    /// The number of bytes that were read since.
    fn read(&self, bytes: u64);
}

/// Problems on their way.
#[derive(Debug, Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, kind: Kind, path: impl Into<String>, text: impl Into<String>) {
        self.0.push(Problem { path: path.into(), kind, text: text.into() });
    }
}

/// Verifies a compose. The error is an images.json that cannot be used: without it nothing is known of any file.
pub fn load_verification(
    published: &Published,
    depth: Depth,
    progress: &dyn Progress,
) -> Result<Verification, ImagesError> {
    let mut problems = Problems::default();
    // It was there a moment ago.
    let images = load_images(&published.images_file())?.unwrap_or_default();
    identities(&images, &mut problems);
    let compose_id = manifests(published, &images, &mut problems);
    let compose = published.compose();
    let directories: BTreeSet<&str> = images.iter().map(|(_, _, image)| directory_of(&image.path)).collect();
    let sums = sums::load(compose, &directories, &mut problems);
    let mut files = Files::default();
    let mut elsewhere = 0;
    for (_, _, image) in images.iter() {
        elsewhere += usize::from(files.add(compose, image, depth, &mut problems));
    }
    if !depth.quick {
        sums.want(&mut files);
    }
    let read: Read = files.read(depth, progress, &mut problems);
    sums.compare(&images, &read, &mut problems);
    tree::look(compose, &images, &sums, &mut problems);
    let mut problems = problems.0;
    problems.sort();
    problems.dedup();
    let (images_listed, bytes) = (images.len() + images.odd().len(), read.bytes);
    Ok(Verification { compose_id, version: images.version(), images: images_listed, elsewhere, bytes, problems })
}

/// What readers of images.json refuse.
fn identities(images: &Images, problems: &mut Problems) {
    for odd in images.odd() {
        let text = format!("readers of images.json refuse it: {} (variant {}, {})", odd.problem, odd.variant, odd.arch);
        problems.add(Kind::Identity, &odd.path, text);
    }
    for (one, other) in images.shared_identities() {
        let text = format!(
            "it has the same subvariant {}, type {}, format {} and arch {} as {}",
            other.subvariant, other.kind, other.format, other.arch, one.path
        );
        problems.add(Kind::Identity, &other.path, text);
    }
}

/// Whether all files name the same compose, and the paths of composeinfo.json are there. The id.
fn manifests(published: &Published, images: &Images, problems: &mut Problems) -> Option<String> {
    // images.json could be read, so this can.
    let mut id = load_compose_id(&published.images_file()).ok().flatten();
    let (info, name) = (load_composeinfo(&published.composeinfo_file()), "metadata/composeinfo.json");
    let info = match info {
        Ok(Some(info)) => info,
        Ok(None) => {
            problems.add(Kind::Manifest, name, "it is missing");
            return id;
        }
        Err(error) => {
            problems.add(Kind::Manifest, name, error.problem.to_string());
            return id;
        }
    };
    match (&id, info.compose_id()) {
        (Some(id), Some(other)) if id != other => {
            problems.add(Kind::Manifest, name, format!("it is of compose {other}, but images.json is of {id}"));
        }
        (None, Some(other)) => id = Some(other.to_owned()),
        _ => {}
    }
    if info.version != images.version() {
        problems.add(
            Kind::Manifest,
            name,
            format!("it is of version {}, but images.json is of {}", info.version, images.version()),
        );
    }
    tree::paths(published.compose(), &info, problems);
    id
}
