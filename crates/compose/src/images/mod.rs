//! An *image* is one file of a compose that people download; *images.json* lists them all (facts: manifests 3).

mod document;
mod parse;
mod types;

pub use document::ImagesDocument;
pub use parse::{ImagesError, ImagesProblem, load_compose_id, load_images, load_other_images, parse_images};
pub use types::{FORMATS, IMAGE_TYPES, formats_of, is_format, is_image_type, type_takes_format};

use crate::arches::is_rpm_arch;
use crate::identity::ComposeIdentity;
use crate::manifest::ManifestVersion;
use crate::small_map::SmallMap;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Algorithm (as the configuration writes it) and hexadecimal digest, by default of three: they are the largest part of an image.
pub type Checksums = SmallMap<Box<str>, Box<str>>;

#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// The file, relative to `compose`.
    pub path: String,
    /// When the file was changed, in seconds since 1970.
    pub mtime: i64,
    /// The size in bytes.
    pub size: u64,
    pub volume_id: Option<String>,
    /// What the image is for: one of [`IMAGE_TYPES`].
    pub kind: String,
    /// How the file is packed: one of [`FORMATS`].
    pub format: String,
    pub arch: String,
    /// Which disc of a set it is, from 1.
    pub disc_number: u32,
    /// How many discs the set has.
    pub disc_count: u32,
    pub checksums: Checksums,
    /// The checksum inside an ISO.
    pub implant_md5: Option<String>,
    /// Whether the ISO boots.
    pub bootable: bool,
    /// What is in it: the variant or a part of it.
    pub subvariant: String,
    /// Whether it holds several variants.
    pub unified: bool,
    /// The other variants of a unified image.
    pub additional_variants: Vec<String>,
    /// What other tools said about it.
    pub extra: Map<String, Value>,
}

/// What makes an image refusable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("image {path} of variant {variant}: {problem}")]
pub struct ImageError {
    pub variant: String,
    pub path: String,
    pub problem: ImageProblem,
}

/// What readers of images.json refuse about an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageProblem {
    /// The arch is not one of rpm's.
    #[error("unknown arch '{0}'")]
    UnknownArch(String),
    /// Sources are listed under binary arches.
    #[error("'{0}' is not an arch of images")]
    SourceArch(String),
    /// The type is unknown.
    #[error("unknown image type '{0}'")]
    UnknownType(String),
    /// The format is unknown.
    #[error("unknown image format '{0}'")]
    UnknownFormat(String),
    /// A value is empty that must not be.
    #[error("its {0} is empty")]
    Blank(&'static str),
    /// The file has no bytes.
    #[error("the file is empty")]
    Empty,
    /// There is no checksum.
    #[error("it has no checksums")]
    NoChecksums,
    /// The implanted checksum is not an MD5 sum.
    #[error("its implanted checksum '{0}' is not 32 lower-case letters and digits")]
    BadImplant(String),
    /// Several variants in an image that is not unified.
    #[error("it has additional variants without being unified")]
    NotUnified,
}

impl Image {
    /// Everything that readers of images.json refuse about this image.
    pub fn problems(&self) -> Vec<ImageProblem> {
        let mut found = Vec::new();
        let mut unless = |fine: bool, problem: &dyn Fn() -> ImageProblem| {
            if !fine {
                found.push(problem());
            }
        };
        unless(!self.path.is_empty(), &|| ImageProblem::Blank("path"));
        unless(self.size > 0, &|| ImageProblem::Empty);
        unless(self.volume_id.as_deref() != Some(""), &|| ImageProblem::Blank("volume id"));
        unless(is_image_type(&self.kind), &|| ImageProblem::UnknownType(self.kind.clone()));
        unless(is_format(&self.format), &|| ImageProblem::UnknownFormat(self.format.clone()));
        unless(!self.arch.is_empty(), &|| ImageProblem::Blank("arch"));
        unless(!self.checksums.is_empty(), &|| ImageProblem::NoChecksums);
        let is_md5 = |sum: &str| sum.len() == 32 && sum.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase());
        if let Some(sum) = self.implant_md5.as_deref().filter(|sum| !is_md5(sum)) {
            unless(false, &|| ImageProblem::BadImplant(sum.to_owned()));
        }
        unless(self.unified || self.additional_variants.is_empty(), &|| ImageProblem::NotUnified);
        found
    }

    /// The file's name.
    pub fn file_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Where the file is on the web (version 2.0); `None` where it is in the compose.
    pub fn address(&self) -> Option<&str> {
        self.extra.get("location")?.get("url")?.as_str().filter(|url| url.contains("://"))
    }

    /// What readers tell images apart by (facts: manifests 5).
    fn identity(&self) -> ImageIdentity<'_> {
        ImageIdentity {
            subvariant: &self.subvariant,
            kind: &self.kind,
            format: &self.format,
            arch: &self.arch,
            disc_number: self.disc_number,
            unified: self.unified,
            additional_variants: &self.additional_variants,
        }
    }
}

#[derive(PartialEq, Eq, Hash)]
struct ImageIdentity<'a> {
    subvariant: &'a str,
    kind: &'a str,
    format: &'a str,
    arch: &'a str,
    disc_number: u32,
    unified: bool,
    additional_variants: &'a [String],
}

/// The images of a compose, by variant uid and arch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Images {
    listed: BTreeMap<String, BTreeMap<String, Vec<Image>>>,
    /// Entries of other tools that are no images to readers.
    odd: Vec<Oddity>,
    /// What other tools wrote into the payload.
    extra: Map<String, Value>,
    version: ManifestVersion,
}

/// An entry of an images.json that readers refuse. It is kept as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Oddity {
    pub variant: String,
    /// The arch that it is listed under.
    pub arch: String,
    pub path: String,
    /// Why readers refuse it.
    pub problem: String,
    entry: Map<String, Value>,
}

impl Images {
    /// No image.
    pub fn new() -> Self {
        Self::default()
    }

    /// The version of the format that they were read in, and are written in.
    pub fn version(&self) -> ManifestVersion {
        self.version
    }

    /// Has them written in another version of the format.
    pub fn set_version(&mut self, version: ManifestVersion) {
        self.version = version;
    }

    /// Adds an image of the variant `uid` and `arch`, which must be an rpm arch and none of sources.
    pub fn add(&mut self, uid: &str, arch: &str, image: Image) -> Result<(), ImageError> {
        let problem = if !is_rpm_arch(arch) {
            ImageProblem::UnknownArch(arch.to_owned())
        } else if arch == "src" || arch == "nosrc" {
            ImageProblem::SourceArch(arch.to_owned())
        } else {
            self.listed.entry(uid.to_owned()).or_default().entry(arch.to_owned()).or_default().push(image);
            return Ok(());
        };
        Err(ImageError { variant: uid.to_owned(), path: image.path, problem })
    }

    /// All images: variant uid, arch, image.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &Image)> {
        self.listed.iter().flat_map(|(uid, arches)| {
            arches
                .iter()
                .flat_map(move |(arch, list)| list.iter().map(move |image| (uid.as_str(), arch.as_str(), image)))
        })
    }

    /// All images, to be changed: variant uid, arch, image.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &str, &mut Image)> {
        self.listed.iter_mut().flat_map(|(uid, arches)| {
            arches
                .iter_mut()
                .flat_map(move |(arch, list)| list.iter_mut().map(move |image| (uid.as_str(), arch.as_str(), image)))
        })
    }

    /// Leaves out the images that `keep` does not want.
    pub fn retain(&mut self, keep: impl Fn(&Image) -> bool) {
        for list in self.listed.values_mut().flat_map(BTreeMap::values_mut) {
            list.retain(&keep);
            // Most are ours where a compose is continued.
            if list.len() < list.capacity() / 2 {
                list.shrink_to_fit();
            }
        }
    }

    /// Entries that readers refuse and that are kept as they are.
    pub fn odd(&self) -> &[Oddity] {
        &self.odd
    }

    /// Leaves out the entries that readers refuse and whose path `keep` does not want.
    pub fn retain_odd(&mut self, keep: impl Fn(&str) -> bool) {
        self.odd.retain(|odd| keep(&odd.path));
    }

    pub fn len(&self) -> usize {
        self.listed.values().flat_map(BTreeMap::values).map(Vec::len).sum()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Everything that readers of images.json refuse, image by image. Images that share an identity are not among it,
    /// see [`Images::shared_identities`].
    pub fn validate(&self) -> Result<(), Vec<ImageError>> {
        let mut found = Vec::new();
        for (uid, _, image) in self.iter() {
            for problem in image.problems() {
                found.push(ImageError { variant: uid.to_owned(), path: image.path.clone(), problem });
            }
        }
        if found.is_empty() { Ok(()) } else { Err(found) }
    }

    /// Pairs of different images that readers cannot tell apart (facts: manifests 5): they refuse to load such a file, though
    /// it may be written. Each image is paired with the first of its kind.
    pub fn shared_identities(&self) -> Vec<(&Image, &Image)> {
        let mut first: HashMap<ImageIdentity<'_>, &Image> = HashMap::new();
        let mut pairs = Vec::new();
        for (_, _, image) in self.iter() {
            let one = *first.entry(image.identity()).or_insert(image);
            if one.checksums != image.checksums {
                pairs.push((one, image));
            }
        }
        pairs
    }

    /// Takes in the images of another run: one of the same variant, arch and path is replaced, the others stay. So does the
    /// version of the format.
    pub fn merge(&mut self, new: Images) {
        let replaced: HashSet<(&str, &str, &str)> =
            new.iter().map(|(uid, arch, image)| (uid, arch, image.path.as_str())).collect();
        self.odd.retain(|odd| !replaced.contains(&(odd.variant.as_str(), odd.arch.as_str(), odd.path.as_str())));
        let known = |odd: &Oddity| self.odd.iter().any(|known| known == odd);
        let more: Vec<Oddity> = new.odd.iter().filter(|odd| !known(odd)).cloned().collect();
        self.odd.extend(more);
        for (uid, arches) in new.listed {
            for (arch, images) in arches {
                let list = self.listed.entry(uid.clone()).or_default().entry(arch).or_default();
                let replaced: HashSet<&str> = images.iter().map(|image| image.path.as_str()).collect();
                list.retain(|old| !replaced.contains(old.path.as_str()));
                list.extend(images);
            }
        }
    }

    /// The content of images.json, to be written.
    pub fn document<'a>(&'a self, identity: &'a ComposeIdentity) -> ImagesDocument<'a> {
        ImagesDocument { images: self, identity }
    }
}

#[cfg(test)]
mod tests;
