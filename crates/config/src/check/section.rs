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
use crate::source::Text;
use crate::tree::Node;
use rayon::prelude::*;

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

/// A pattern and the images that are listed for it, not looked at yet.
struct Listed<'n> {
    pattern: Text,
    images: &'n [Node],
}

fn read_patterns(section: &'static Section, node: &Node, at: At<'_>, findings: &mut Findings) -> Option<Vec<Images>> {
    let listed = list_patterns(section, node, at, findings)?;
    let read = |listed: Listed<'_>| {
        let mut findings = Findings::default();
        let images = read_images(section, listed.images, at.key(listed.pattern.as_str()), &mut findings);
        (Images { pattern: listed.pattern, images }, findings)
    };
    let patterns: Vec<(Images, Findings)> = if listed.iter().map(|listed| listed.images.len()).sum::<usize>() <= PART {
        listed.into_iter().map(read).collect()
    } else {
        listed.into_par_iter().map(read).collect()
    };
    let (patterns, found): (Vec<_>, Vec<_>) = patterns.into_iter().unzip();
    findings.list.extend(found.into_iter().flat_map(|found| found.list));
    Some(patterns)
}

fn list_patterns<'n>(
    section: &'static Section,
    node: &'n Node,
    at: At<'_>,
    findings: &mut Findings,
) -> Option<Vec<Listed<'n>>> {
    let dict = findings.dict(node, at)?;
    let mut listed = Vec::with_capacity(dict.entries.len());
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
        listed.push(Listed { pattern, images });
    }
    Some(listed)
}

/// How many images one thread looks at at a time: another one would not help with fewer.
const PART: usize = 256;

fn read_images(section: &'static Section, images: &[Node], at: At<'_>, findings: &mut Findings) -> Vec<Image> {
    let within = at.to_string();
    let read = |first: usize, images: &[Node], findings: &mut Findings| {
        let mut sound = Vec::with_capacity(images.len());
        let images = images.iter().enumerate();
        sound.extend(images.filter_map(|(place, image)| {
            let (place, before) = (first + place, findings.list.len());
            check_image(section, image, at.item(place), findings);
            if has_errors(&findings.list[before..]) {
                return None;
            }
            Image::new(image, format!("{within}.{place}"), section)
        }));
        sound
    };
    if images.len() <= PART {
        return read(0, images, findings);
    }
    let parts = images.par_chunks(PART).enumerate().map(|(number, images)| {
        let mut findings = Findings::default();
        (read(number * PART, images, &mut findings), findings)
    });
    let mut sound = Vec::with_capacity(images.len());
    for (images, found) in parts.collect::<Vec<_>>() {
        sound.extend(images);
        findings.list.extend(found.list);
    }
    sound
}

fn check_image(section: &'static Section, node: &Node, at: At<'_>, findings: &mut Findings) {
    if let Some(dict) = findings.dict(node, at) {
        check_dict(node, dict, section.image, false, at, findings);
    }
}
