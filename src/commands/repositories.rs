//! *Repositories* of the compose that is given, which images are built from: those that builders cannot reach.

use super::inspect::Inspected;
use crate::cli::RunSettings;
use magudi_compose::layout::ComposeDir;
use magudi_config::{Diagnostic, codes};
use magudi_engine::journal;
use magudi_engine::plan::TaskRequest;
use magudi_engine::runner::is_whole;
use magudi_phases::needs::needs;
use magudi_phases::phase::Origin;
use magudi_phases::preflight::Subject;
use magudi_phases::repos::{is_local, translate};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

/// What builders cannot reach of the compose in `dir`, for those of `requests` that are to be submitted. What is not there is an
/// error, since they fail of it; what is sent as a local path a warning, since they may have it.
pub fn out_of_reach(
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
    let translated = &inspected.config.translate_paths;
    let mut groups: BTreeMap<Vec<PathBuf>, Vec<usize>> = BTreeMap::new();
    let mut users = Vec::new();
    for (place, request) in chosen.iter().enumerate() {
        let mut files = needs(request, dir, translated);
        if !files.is_empty() {
            users.push(place);
        }
        files.retain(|file| !is_there(file));
        if !files.is_empty() {
            groups.entry(files).or_default().push(place);
        }
    }
    let sent = Some(translate(&dir.compose().to_string_lossy(), translated));
    let sent = sent.filter(|sent| is_local(sent) && !users.is_empty());
    if groups.is_empty() && sent.is_none() {
        return Vec::new();
    }
    let all = inspected.origins();
    let origins: Vec<Origin> = places.iter().filter_map(|place| all.get(*place).cloned()).collect();
    let subject = Subject { requests: &chosen, origins: &origins, profile: None };
    let local = sent.map(|sent| subject.local_compose(&sent, &users));
    local.into_iter().chain(groups.iter().map(|(files, about)| subject.not_there(dir, files, about))).collect()
}

/// What `run` makes of it: what is not there is no error where it waits for that, or has it made. The simulated hub builds from nothing.
pub fn out_of_reach_of_run(
    settings: &RunSettings,
    inspected: &Inspected,
    dir: &ComposeDir,
    requests: &[TaskRequest],
    is_submitted: impl Fn(usize) -> bool,
) -> Vec<Diagnostic> {
    let waits = settings.wait_for_repos.is_some() || settings.pungi.is_some();
    let mut found = out_of_reach(inspected, dir, requests, is_submitted);
    found.retain(|found| !waits || found.code != &codes::NO_REPOSITORY);
    found.into_iter().map(|found| if settings.simulated { found.as_warning() } else { found }).collect()
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
