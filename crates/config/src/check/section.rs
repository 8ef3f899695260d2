//! A *section*: patterns of variants, and images that are checked by the phase's table (facts: options 3).

use super::kinds::check_dict;
use super::options::ConfigOptions;
use super::path::At;
use super::values::{Findings, shown};
use crate::codes;
use crate::diagnostic::{Diagnostic, has_errors};
use crate::limits::MAX_IMAGES;
use crate::schema::{Fallback, Section};
use crate::sections::{Image, Images, Inherited, SectionConfig};
use crate::tree::Node;

/// Reads a section. What has an error is left out, but for the patterns of the images.
pub fn read(
    section: &'static Section,
    node: &Node,
    at: At<'_>,
    options: &ConfigOptions<'_>,
    findings: &mut Findings,
) -> Option<SectionConfig> {
    let patterns = read_patterns(section, node, at, findings)?;
    let keys = section.own_keys().iter().filter(|key| key.fallback != Fallback::Nowhere);
    let inherited = keys.map(|key| Inherited {
        key: key.name,
        phase: options.get(&format!("{}_{}", section.name, key.name)).cloned(),
        global: options.get(&format!("global_{}", key.name)).cloned(),
    });
    Some(SectionConfig::new(section, patterns, inherited.collect()))
}

fn read_patterns(section: &'static Section, node: &Node, at: At<'_>, findings: &mut Findings) -> Option<Vec<Images>> {
    let dict = findings.dict(node, at)?;
    let mut patterns = Vec::with_capacity(dict.entries.len());
    let mut left = MAX_IMAGES;
    for (key, value) in &dict.entries {
        let Some(pattern) = key.text() else {
            let message = format!("a variant pattern must be a string, found {}", shown(key, at));
            findings.add(Diagnostic::new(&codes::WRONG_TYPE, at.to_string(), message).at(key.span));
            continue;
        };
        if pattern.value.is_empty() && !section.layout.empty_pattern {
            let found =
                Diagnostic::new(&codes::UNEXPECTED_KEY, at.to_string(), "an empty string is not a variant pattern");
            findings.add(found.at(key.span).help("write `.*` for every variant"));
            continue;
        }
        let at = at.key(pattern.as_str());
        let images = findings.array(value, at, "a list of images").unwrap_or_default();
        let Some(rest) = left.checked_sub(images.len()) else {
            let message = format!("there are more than {MAX_IMAGES} images");
            findings.add(Diagnostic::new(&codes::TOO_LARGE, at.to_string(), message).at(value.span));
            return None;
        };
        left = rest;
        let read = |(index, image)| read_image(section, image, at.item(index), findings);
        let mut sound = Vec::with_capacity(images.len());
        sound.extend(images.iter().enumerate().filter_map(read));
        patterns.push(Images { pattern, images: sound });
    }
    Some(patterns)
}

fn read_image(section: &'static Section, node: &Node, at: At<'_>, findings: &mut Findings) -> Option<Image> {
    let before = findings.list.len();
    let dict = findings.dict(node, at)?;
    check_dict(node, dict, section.image, false, at, findings);
    if has_errors(&findings.list[before..]) {
        return None;
    }
    Image::new(node, at.to_string(), section)
}
