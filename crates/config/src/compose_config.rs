//! The configuration as the rest of the program uses it: typed, checked, every value with its place.

use crate::source::{Span, Spanned, Text};
use crate::tree::{Node, Value};
use std::sync::Arc;

/// A checked compose configuration: the keys that the image phases and the compose itself read (PUNGI.md 2).
#[derive(Debug, Clone)]
pub struct ComposeConfig {
    /// The whole checked tree with defaults filled in, as `config dump` prints it.
    pub tree: Node,
    /// The release.
    pub release: ReleaseConfig,
    /// The product that a layered release stands on; present when its three keys are.
    pub base_product: Option<ReleaseConfig>,
    /// Where the variants are described.
    pub variants_file: VariantsFile,
    /// `tree_arches`: only these arches; empty for all.
    pub tree_arches: Vec<Text>,
    /// `tree_variants`: only these variant uids; empty for all.
    pub tree_variants: Vec<Text>,
    /// `compose_type`.
    pub compose_type: Option<Text>,
    /// `koji_profile`.
    pub koji_profile: Option<Text>,
    /// `koji_cache`: fetch over HTTP into this directory instead of reading a local volume.
    pub koji_cache: Option<Text>,
    /// `translate_paths`: prefix and what replaces it, in order.
    pub translate_paths: Vec<(String, String)>,
    /// `link_type`.
    pub link_type: LinkType,
    /// `create_optional_isos`.
    pub create_optional_isos: bool,
    /// `global_version`, `global_release`, `global_target`.
    pub global: BuildDefaults,
    /// `osbuild_version`, `osbuild_release`, `osbuild_target`.
    pub osbuild_defaults: BuildDefaults,
    /// `osbuild`, in the order of the file; empty when the section is absent or empty.
    pub osbuild: Vec<OsbuildSection>,
    /// The checksum options.
    pub checksums: ChecksumConfig,
}

impl ComposeConfig {
    /// Forgets the images as they were written, and the tree: once there is a plan, a run of hours needs neither.
    pub fn forget_images(&mut self) {
        self.tree.value = Value::Null;
        for section in &mut self.osbuild {
            section.images = Vec::new();
        }
    }
}

/// A release, or the base product under it. The type is lower-case.
#[derive(Debug, Clone)]
pub struct ReleaseConfig {
    /// `release_name`.
    pub name: Text,
    /// `release_short`.
    pub short: Text,
    /// `release_version`.
    pub version: Text,
    /// `release_type`, lower-cased.
    pub kind: Text,
    /// `release_internal`; false for a base product.
    pub internal: bool,
}

/// `variants_file`: a file beside the configuration, or exported from a source repository.
#[derive(Debug, Clone)]
pub enum VariantsFile {
    /// A path, relative to the directory of the main configuration file.
    Path(Text),
    /// A dict with `scm`, `repo`, `file`, `branch`.
    Scm {
        /// `file`, `git` or another.
        scm: Text,
        /// `repo`: a URL; empty for `scm = file`.
        repo: Text,
        /// `file`.
        file: Text,
        /// `branch`.
        branch: Option<Text>,
        /// The dict.
        span: Span,
    },
}

/// `link_type` (PUNGI.md 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkType {
    /// `hardlink`.
    Hardlink,
    /// `copy`.
    Copy,
    /// `hardlink-or-copy`.
    HardlinkOrCopy,
    /// `symlink`: relative.
    Symlink,
    /// `abspath-symlink`: absolute.
    AbspathSymlink,
}

/// Version, release and target where an image does not give its own. Presence decides, not truth (PUNGI.md 5).
#[derive(Debug, Clone, Default)]
pub struct BuildDefaults {
    /// `*_version`.
    pub version: Option<Text>,
    /// `*_release`: present and null asks for a generated one.
    pub release: Option<Spanned<Option<Arc<str>>>>,
    /// `*_target`.
    pub target: Option<Text>,
}

/// One pattern of the `osbuild` section and its images.
#[derive(Debug, Clone)]
pub struct OsbuildSection {
    /// The variant pattern.
    pub pattern: Text,
    /// The images.
    pub images: Vec<OsbuildImage>,
}

/// One image of the `osbuild` section (PUNGI.md 2.1).
#[derive(Debug, Clone)]
pub struct OsbuildImage {
    /// The dict.
    pub span: Span,
    /// The dotted path, e.g. `osbuild.^Server$.0`.
    pub path: String,
    /// `name`.
    pub name: Text,
    /// `distro`.
    pub distro: Text,
    /// `image_types`.
    pub image_types: Spanned<ImageTypes>,
    /// `version`.
    pub version: Option<Text>,
    /// `release`.
    pub release: Option<Text>,
    /// `target`.
    pub target: Option<Text>,
    /// `arches`; absent for all of the variant.
    pub arches: Option<Spanned<Vec<Text>>>,
    /// `failable`.
    pub failable: Option<Spanned<Vec<Text>>>,
    /// `subvariant`.
    pub subvariant: Option<Text>,
    /// `repo`.
    pub repo: Vec<RepoEntry>,
    /// `ostree_url`.
    pub ostree_url: Option<Text>,
    /// `ostree_ref`.
    pub ostree_ref: Option<Text>,
    /// `ostree_parent`.
    pub ostree_parent: Option<Text>,
    /// `manifest_type`.
    pub manifest_type: Option<Text>,
    /// `customizations`.
    pub customizations: Option<Node>,
    /// `upload_options`; known to fit one of the five kinds.
    pub upload_options: Option<Node>,
}

/// `image_types`, sent as it was written (PUNGI.md 4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageTypes {
    /// A string.
    One(Arc<str>),
    /// A list of one string, the older form.
    List(Vec<Arc<str>>),
}

impl ImageTypes {
    /// The first image type.
    pub fn first(&self) -> &str {
        match self {
            Self::One(s) => s,
            Self::List(items) => items.first().map_or("", |first| first),
        }
    }

    /// The same, shared.
    pub fn shared(&self) -> Arc<str> {
        match self {
            Self::One(one) => Arc::clone(one),
            Self::List(items) => items.first().cloned().unwrap_or_default(),
        }
    }
}

/// One entry of `repo`.
#[derive(Debug, Clone)]
pub enum RepoEntry {
    /// A URL, path or variant uid.
    Plain(Text),
    /// With package sets.
    Detailed {
        /// `baseurl`: a URL, path or variant uid.
        baseurl: Text,
        /// `package_sets`.
        package_sets: Option<Vec<Arc<str>>>,
    },
}

/// The options of the `image_checksum` phase (PUNGI.md 11).
#[derive(Debug, Clone)]
pub struct ChecksumConfig {
    /// `media_checksums`, as written; known to be names that we can compute.
    pub algorithms: Vec<Text>,
    /// `media_checksum_one_file`.
    pub one_file: bool,
    /// `media_checksum_base_filename`.
    pub base_filename: Text,
}
