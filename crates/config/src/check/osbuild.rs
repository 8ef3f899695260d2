//! The `osbuild` section: patterns and images (PUNGI.md 2.1).

use super::path::At;
use super::upload;
use super::values::{Findings, quoted, shown};
use crate::codes;
use crate::compose_config::{ImageTypes, OsbuildImage, OsbuildSection, RepoEntry};
use crate::diagnostic::{Diagnostic, has_errors};
use crate::limits::MAX_IMAGES;
use crate::schema::images::{self, KEYS, REPOSITORY_KEYS};
use crate::source::{Spanned, Text};
use crate::tree::{Dict, Node, Value};

/// Reads the section. What has an error is left out, but for the patterns of the images.
pub fn read(node: &Node, at: At<'_>, findings: &mut Findings) -> Vec<OsbuildSection> {
    let Some(dict) = findings.dict(node, at) else { return Vec::new() };
    let mut sections = Vec::with_capacity(dict.entries.len());
    let mut left = MAX_IMAGES;
    for (key, value) in &dict.entries {
        let Some(pattern) = key.text() else {
            let message = format!("a variant pattern must be a string, found {}", shown(key, at));
            findings.add(Diagnostic::new(&codes::WRONG_TYPE, at.to_string(), message).at(key.span));
            continue;
        };
        let at = at.key(pattern.as_str());
        let images = findings.array(value, at, "a list of images").unwrap_or_default();
        let Some(rest) = left.checked_sub(images.len()) else {
            let message = format!("there are more than {MAX_IMAGES} images");
            findings.add(Diagnostic::new(&codes::TOO_LARGE, at.to_string(), message).at(value.span));
            return Vec::new();
        };
        left = rest;
        let read = |(index, image)| read_image(image, at.item(index), findings);
        let mut sound = Vec::with_capacity(images.len());
        sound.extend(images.iter().enumerate().filter_map(read));
        sections.push(OsbuildSection { pattern, images: sound });
    }
    sections
}

fn read_image(node: &Node, at: At<'_>, findings: &mut Findings) -> Option<OsbuildImage> {
    let before = findings.list.len();
    let dict = findings.dict(node, at)?;
    let fields = Fields::new(dict);
    let name = fields.text("name", at, findings);
    let distro = fields.text("distro", at, findings);
    let image_types = fields.get("image_types").and_then(|types| read_types(types, at.key("image_types"), findings));
    let version = fields.text("version", at, findings);
    let target = fields.text("target", at, findings);
    let release = fields.text("release", at, findings);
    let arches = fields.texts("arches", at, findings);
    let failable = fields.texts("failable", at, findings);
    let subvariant = fields.text("subvariant", at, findings);
    let repo = fields.get("repo").map_or_else(Vec::new, |repo| read_repos(repo, at.key("repo"), findings));
    let ostree_url = fields.text("ostree_url", at, findings);
    let ostree_ref = fields.text("ostree_ref", at, findings);
    let ostree_parent = fields.text("ostree_parent", at, findings);
    let manifest_type = fields.text("manifest_type", at, findings);
    let customizations = fields.get("customizations").cloned();
    if let Some(node) = &customizations {
        findings.dict(node, at.key("customizations"));
    }
    let upload_options = fields.get("upload_options").cloned();
    if let Some(node) = &upload_options {
        upload::check(node, at.key("upload_options"), image_types.as_ref(), findings);
    }
    for key in KEYS.iter().filter(|key| key.required && fields.get(key.name).is_none()) {
        findings.missing(node, at, key.name);
    }
    for key in &fields.others {
        findings.unexpected(key, at, &images::names(KEYS));
    }
    if has_errors(&findings.list[before..]) {
        return None;
    }
    Some(OsbuildImage {
        span: node.span,
        path: at.to_string(),
        name: name?,
        distro: distro?,
        image_types: image_types?,
        version,
        release,
        target,
        arches,
        failable,
        subvariant,
        repo,
        ostree_url,
        ostree_ref,
        ostree_parent,
        manifest_type,
        customizations,
        upload_options,
    })
}

/// The keys of one image, found in one pass.
struct Fields<'n> {
    known: [Option<&'n Node>; KEYS.len()],
    others: Vec<&'n Node>,
}

impl<'n> Fields<'n> {
    fn new(dict: &'n Dict) -> Self {
        let mut this = Self { known: [None; KEYS.len()], others: Vec::new() };
        for (key, value) in &dict.entries {
            let slot = key.as_str().and_then(|name| KEYS.iter().position(|known| known.name == name));
            match slot.and_then(|slot| this.known.get_mut(slot)) {
                Some(slot) => *slot = Some(value),
                None => this.others.push(key),
            }
        }
        this
    }

    fn get(&self, name: &str) -> Option<&'n Node> {
        let slot = KEYS.iter().position(|known| known.name == name)?;
        self.known.get(slot).copied().flatten()
    }

    fn text(&self, name: &str, at: At<'_>, findings: &mut Findings) -> Option<Text> {
        self.get(name).and_then(|node| findings.text(node, at.key(name)))
    }

    fn texts(&self, name: &str, at: At<'_>, findings: &mut Findings) -> Option<Spanned<Vec<Text>>> {
        let node = self.get(name)?;
        findings.texts(node, at.key(name)).map(|texts| Spanned::new(texts, node.span))
    }
}

/// A string, or the older form: a list of one string.
pub fn read_types(node: &Node, at: At<'_>, findings: &mut Findings) -> Option<Spanned<ImageTypes>> {
    if let Some(text) = node.text() {
        remark_on_type(node, at, findings);
        return Some(Spanned::new(ImageTypes::One(text.value), text.span));
    }
    let Some(items) = node.as_array() else {
        findings.wrong_type(node, at, "an image type or a list of one image type");
        return None;
    };
    if items.len() != 1 {
        let message = format!("expected exactly one image type, found {}", items.len());
        let found = Diagnostic::new(&codes::WRONG_LENGTH, at.to_string(), message).at(node.span);
        findings.add(if items.is_empty() { found } else { found.help("make one image of each type") });
        return None;
    }
    let texts = findings.texts(node, at)?;
    for item in items {
        remark_on_type(item, at, findings);
    }
    Some(Spanned::new(ImageTypes::List(texts.into_iter().map(|text| text.value).collect()), node.span))
}

/// Warns of an image type that is a slip of a known one. Others that are not known are composer's business: a note.
fn remark_on_type(node: &Node, at: At<'_>, findings: &mut Findings) {
    let name = node.as_str().unwrap_or("");
    if images::is_known(name) {
        return;
    }
    let message = format!("no image type is known as {}", quoted(name));
    let found = |code| Diagnostic::new(code, at.to_string(), message).at(node.span);
    findings.add(match images::slip_of(name) {
        Some(near) => found(&codes::UNKNOWN_IMAGE_TYPE).help(format!("did you mean `{near}`?")),
        None => found(&codes::UNLISTED_IMAGE_TYPE).help("it is passed on to the hub as it is"),
    });
}

/// The repositories of an image.
pub fn read_repos(node: &Node, at: At<'_>, findings: &mut Findings) -> Vec<RepoEntry> {
    let Some(items) = node.as_array() else {
        findings.wrong_type(node, at, "a list of repositories");
        return Vec::new();
    };
    let read = |(index, item)| read_repo(item, at.item(index), findings);
    items.iter().enumerate().filter_map(read).collect()
}

fn read_repo(node: &Node, at: At<'_>, findings: &mut Findings) -> Option<RepoEntry> {
    match &node.value {
        Value::Str(_) => node.text().map(RepoEntry::Plain),
        Value::Dict(dict) => {
            let baseurl = dict.get("baseurl").and_then(|url| findings.text(url, at.key("baseurl")));
            let sets = dict.get("package_sets").map(|sets| findings.texts(sets, at.key("package_sets")));
            if dict.get("baseurl").is_none() {
                findings.missing(node, at, "baseurl");
            }
            for (key, _) in &dict.entries {
                if !key.as_str().is_some_and(|name| REPOSITORY_KEYS.iter().any(|known| known.name == name)) {
                    findings.unexpected(key, at, &images::names(REPOSITORY_KEYS));
                }
            }
            let package_sets = sets.map(|sets| sets.unwrap_or_default().into_iter().map(|set| set.value).collect());
            Some(RepoEntry::Detailed { baseurl: baseurl?, package_sets })
        }
        _ => {
            findings.wrong_type(node, at, "a repository: a string, or a dict with `baseurl`");
            None
        }
    }
}
