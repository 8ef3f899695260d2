//! Who knows a phase by name: its own file, the simulated hub's side of it, and the places that [`PLACES`] lists. All else is
//! derived from the phase's tables.

use magudi_engine::method::Results;
use magudi_phases::PHASES;
use magudi_phases::phase::ImagePhase;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Where names of phases and of their methods may stand, and why.
const PLACES: &[(&str, &str)] = &[
    ("phases/lib.rs", "the list of phases"),
    ("crates/devhub/src/builders/", "the hub's side of each phase"),
    ("crates/engine/src/composer", "what osbuild-composer says when it cannot build something"),
    ("src/commands/image/", "`magudi image` builds one image of one phase"),
    ("src/cli/", "the options of `magudi image`, and an example of a command line"),
    ("crates/config/src/schema.rs", "Pungi's names of phases, whether or not we run them"),
    ("crates/config/src/schema/options.rs", "what to use in place of phases that Pungi has no more"),
    ("crates/config/src/codes/table.rs", "examples of diagnostics are configurations, and those are of a phase"),
    ("crates/compose/src/images/types.rs", "productmd's names of image types"),
    ("crates/compose/src/archive_types.rs", "productmd's names of image types"),
];

/// What gives a phase away: words of which it is enough that they are part of another, and words that are whole.
fn names(phase: &dyn ImagePhase) -> (Vec<String>, Vec<&'static str>) {
    let (name, method) = (phase.name(), phase.method());
    let capital = name[..1].to_uppercase() + &name[1..];
    let children: &[&str] = match method.results {
        Results::Children(children) => children,
        Results::Build => &[],
    };
    (vec![name.to_owned(), capital], children.iter().copied().chain([method.name]).collect())
}

/// A source without its unit tests, which need some phase.
fn without_tests(text: &str) -> &str {
    let modules = ["#[cfg(test)]\nmod ", "#[cfg(test)]\npub mod ", "#[cfg(test)]\npub(super) mod "];
    let end = modules.iter().filter_map(|module| text.find(module)).min();
    &text[..end.unwrap_or(text.len())]
}

/// A source without the facts that its comments cite: pages of facts are called after phases.
fn without_citations(text: &str) -> String {
    let mut left = String::new();
    let mut rest = text;
    while let Some(place) = rest.find("facts: ") {
        let end = if rest[..place].ends_with('(') { ')' } else { '\n' };
        left.push_str(&rest[..place]);
        rest = &rest[place..];
        rest = &rest[rest.find(end).unwrap_or(rest.len())..];
    }
    left + rest
}

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let name = path.file_name().unwrap();
            if name != "tests" && name != "examples" {
                sources(&path, found);
            }
        } else if path.extension().is_some_and(|ending| ending == "rs") && path.file_stem().unwrap() != "tests" {
            found.push(path);
        }
    }
}

/// The places of all sources that name a phase and are not its own, with the line.
fn mentions(root: &Path) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for room in ["src", "crates", "phases"] {
        sources(&root.join(room), &mut all);
    }
    all.sort();
    let mut found = Vec::new();
    for path in all {
        let text = without_citations(&std::fs::read_to_string(&path).unwrap());
        let place = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        for phase in PHASES {
            let own = format!("phases/{}", phase.name());
            if place == format!("{own}.rs") || place.starts_with(&format!("{own}/")) {
                continue;
            }
            let (parts, wholes) = names(*phase);
            for line in without_tests(&text).lines() {
                let mut words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                if parts.iter().any(|part| line.contains(part)) || words.any(|word| wholes.contains(&word)) {
                    found.push((place.clone(), format!("{place}: {}", line.trim())));
                }
            }
        }
    }
    found
}

#[test]
fn a_phase_is_known_by_name_where_it_must_be() {
    let found = mentions(magudi_testkit::repository());
    let allowed = |place: &str| PLACES.iter().position(|(allowed, _)| place.starts_with(allowed));
    let others: Vec<&str> =
        found.iter().filter(|(place, _)| allowed(place).is_none()).map(|(_, line)| line.as_str()).collect();
    assert!(others.is_empty(), "these know a phase by name:\n{}", others.join("\n"));
    let used: BTreeSet<usize> = found.iter().filter_map(|(place, _)| allowed(place)).collect();
    for (number, (place, why)) in PLACES.iter().enumerate() {
        assert!(used.contains(&number), "{place} names no phase ({why}), and is not to be listed");
    }
}
