//! *Nothing to build*: why a configuration that lists images comes to none.

use crate::phase::ImagePhase;
use crate::selection::Selection;
use magudi_config::compose_config::{Images, SectionConfig};
use magudi_config::{ComposeConfig, Diagnostic, codes};
use std::collections::BTreeSet;

/// The error of a compose that is left without an image, with the reason for each section that lists one. `found` is what the
/// expansion found. Nothing where no section lists an image, as in a configuration that serves Pungi's other phases only, and with
/// `--just-phase`: of a compose that is made in steps, a step may come to nothing, as in Pungi.
pub fn nothing_to_build(config: &ComposeConfig, selection: &Selection, found: &[Diagnostic]) -> Option<Diagnostic> {
    if !selection.just.is_empty() {
        return None;
    }
    let listed = |phase: &dyn ImagePhase| config.section(phase.name()).filter(|section| lists_images(section));
    let sections: Vec<&SectionConfig> = selection.phases.iter().filter_map(|phase| listed(*phase)).collect();
    let place = sections.first()?.patterns.first()?.pattern.span;
    if !selection.chosen.is_all() {
        let message =
            "nothing to build: no image is both in a variant of --variant and named by --only, or no arch is left";
        return Some(Diagnostic::new(&codes::NOTHING_TO_BUILD, "", message).at(place));
    }
    let reasons: Vec<String> = sections.iter().map(|section| reason(section, selection, found)).collect();
    let message = format!("nothing to build: {}", reasons.join("; "));
    let help = "correct the configuration, or give --allow-empty if a compose without images is intended";
    Some(Diagnostic::new(&codes::NOTHING_TO_BUILD, "", message).at(place).help(help))
}

fn lists_images(section: &SectionConfig) -> bool {
    section.patterns.iter().any(|pattern| !pattern.images.is_empty())
}

/// Why none of the images of a section is built.
fn reason(section: &SectionConfig, selection: &Selection, found: &[Diagnostic]) -> String {
    let name = section.schema.name;
    if selection.unwanted(name).is_some() {
        return format!("phase {name} is skipped");
    }
    let unused: BTreeSet<&str> = found
        .iter()
        .filter(|found| found.code == &codes::UNUSED_PATTERN)
        .filter_map(|found| found.path.strip_prefix(name)?.strip_prefix('.'))
        .collect();
    let matches_none = |pattern: &&Images| unused.contains(&*pattern.pattern.value);
    let with_images = || section.patterns.iter().filter(|pattern| !pattern.images.is_empty());
    match (with_images().filter(matches_none).count(), with_images().count()) {
        (0, _) => format!("no arch is left for the images of {name}"),
        (1, 1) => format!("the pattern of {name} matches no variant"),
        (none, all) if none == all => format!("the {all} patterns of {name} match no variant"),
        _ => format!("the patterns of {name} match no variant, or no arch is left"),
    }
}
