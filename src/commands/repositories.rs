//! *Repositories* of the compose that is given, which images are built from: those that are not there.

use super::inspect::Inspected;
use super::options::Options;
use magudi_compose::layout::ComposeDir;
use magudi_config::Diagnostic;
use magudi_engine::journal;
use magudi_engine::plan::TaskRequest;
use magudi_engine::runner::is_whole;
use magudi_phases::needs::needs;
use magudi_phases::phase::Origin;
use magudi_phases::preflight::Subject;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

/// What of the compose in `dir` is missing for those of `requests` that are to be submitted: an error, since builders fail of it.
pub fn missing(
    inspected: &Inspected,
    dir: &ComposeDir,
    requests: &[TaskRequest],
    is_submitted: impl Fn(usize) -> bool,
) -> Vec<Diagnostic> {
    if !is_judged(inspected, dir) {
        return Vec::new();
    }
    let mut known: HashMap<PathBuf, bool> = HashMap::new();
    let mut is_there = |path: &PathBuf| *known.entry(path.clone()).or_insert_with(|| is_whole(path));
    let places: Vec<usize> = (0..requests.len()).filter(|place| is_submitted(*place)).collect();
    let chosen: Vec<&TaskRequest> = places.iter().filter_map(|place| requests.get(*place)).collect();
    let mut groups: BTreeMap<Vec<PathBuf>, Vec<usize>> = BTreeMap::new();
    for (place, request) in chosen.iter().enumerate() {
        let mut files = needs(request, dir, &inspected.config.translate_paths);
        files.retain(|file| !is_there(file));
        if !files.is_empty() {
            groups.entry(files).or_default().push(place);
        }
    }
    if groups.is_empty() {
        return Vec::new();
    }
    let all = inspected.origins();
    let origins: Vec<Origin> = places.iter().filter_map(|place| all.get(*place).cloned()).collect();
    let subject = Subject { requests: &chosen, origins: &origins, profile: None };
    groups.iter().map(|(files, about)| subject.not_there(dir, files, about)).collect()
}

/// What `run` makes of them: nothing where it waits for them or has them made. The simulated hub builds from nothing.
pub fn missing_for_run(
    options: &Options,
    inspected: &Inspected,
    dir: &ComposeDir,
    requests: &[TaskRequest],
    is_submitted: impl Fn(usize) -> bool,
) -> Vec<Diagnostic> {
    if options.wait_for_repos.is_some() || !options.pungi.is_empty() {
        return Vec::new();
    }
    let found = missing(inspected, dir, requests, is_submitted).into_iter();
    found.map(|found| if options.simulated { found.as_warning() } else { found }).collect()
}

/// Whether the compose has its repositories from somebody: another program has made it, or there are some. One of images alone
/// has none, and its images are built from others.
fn is_judged(inspected: &Inspected, dir: &ComposeDir) -> bool {
    let is_of_others = dir.status_file().exists() && !dir.logs_global().join(journal::NAME).exists();
    let mut trees = inspected
        .variants
        .ordered()
        .flat_map(|variant| variant.arches.iter().map(|arch| dir.os_tree(variant, arch).join("repodata/repomd.xml")));
    is_of_others || trees.any(|index| index.exists())
}
