//! The configuration as the rest of the program uses it: typed, checked, every value with its place.

pub use crate::sections::{Image, Images, SectionConfig};
use crate::source::{Span, Text};
use crate::tree::{Dict, Node, Value};
use std::sync::Arc;

/// A checked compose configuration: the keys that the image phases and the compose itself read (facts: options 1).
#[derive(Debug, Clone)]
pub struct ComposeConfig {
    /// The whole checked tree with defaults filled in, as `config dump` prints it.
    pub tree: Node,
    pub release: ReleaseConfig,
    /// The product that a layered release stands on; present when its three keys are.
    pub base_product: Option<ReleaseConfig>,
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
    /// The sections of the schema that stand in the configuration, in the schema's order.
    pub sections: Vec<SectionConfig>,
    pub checksums: ChecksumConfig,
}

impl ComposeConfig {
    /// A section by the phase's name; nothing when the configuration has none.
    pub fn section(&self, name: &str) -> Option<&SectionConfig> {
        self.sections.iter().find(|section| section.schema.name == name)
    }

    /// Forgets the images as they were written, in the tree too: once there is a plan, a run of hours does not need them.
    pub fn forget_images(&mut self) {
        self.sections.iter_mut().for_each(SectionConfig::forget_images);
        let Value::Dict(options) = &self.tree.value else { return };
        let is_section = |key: &Node| self.sections.iter().any(|section| key.as_str() == Some(section.schema.name));
        let others = options.entries.iter().filter(|(key, _)| !is_section(key)).cloned().collect();
        self.tree.value = Value::Dict(Arc::new(Dict { entries: others }));
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
        span: Span,
    },
}

/// `link_type` (facts: options 10).
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

/// The options of the `image_checksum` phase (facts: options 12).
#[derive(Debug, Clone)]
pub struct ChecksumConfig {
    /// `media_checksums`, as written; known to be names that we can compute.
    pub algorithms: Vec<Text>,
    /// `media_checksum_one_file`.
    pub one_file: bool,
    /// `media_checksum_base_filename`.
    pub base_filename: Text,
}
