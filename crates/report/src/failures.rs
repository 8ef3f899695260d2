//! *Failures* as the page shows them: one for each reason, with all that failed for it, so that a hub that was gone for an hour
//! is reported once and not for every image.

use crate::arrange::{Facts, task_link};
use crate::model::{FailedImage, FailureGroup, Reasons, TaskLink};
use crate::text::{harmless, path_in_url, safe_url};
use magudi_compose::ComposeDir;
use magudi_engine::artifact::FailedArch;
use magudi_engine::causes::{Cause, grouped, summary};
use magudi_engine::history::{History, Past};
use std::path::Path;

/// What failed, what must not fail first; apart from that in the order of the plan.
pub fn failures(requests: &[&Past], facts: &Facts) -> Vec<FailureGroup> {
    let mut failures: Vec<FailureGroup> = Vec::new();
    let mut add = |new: FailureGroup| {
        let same = |other: &&mut FailureGroup| {
            (other.failable, &other.reason, &other.causes, &other.argument)
                == (new.failable, &new.reason, &new.causes, &new.argument)
        };
        match failures.iter_mut().find(same) {
            Some(other) => other.images.extend(new.images),
            None => failures.push(new),
        }
    };
    for (index, past) in requests.iter().enumerate() {
        let image = |arches: &str, message: &str, causes: &[Cause]| FailedImage {
            request: index,
            name: harmless(&past.asked.name),
            variant: harmless(&past.asked.variant),
            arches: harmless(arches),
            message: harmless(message),
            task: task_link(past),
            children: causes.iter().filter_map(child).collect(),
            log: past.task.is_some().then(|| format!("{}{}", facts.base, path_in_url(&watch_log(past, index)))),
            in_doubt: past.in_doubt.is_some(),
        };
        for cause in past.failed_arches.iter().map(FailedArch::cause) {
            let causes = std::slice::from_ref(&cause);
            add(FailureGroup {
                failable: true,
                reason: String::new(),
                causes: reasons(causes, &past.asked.arches),
                argument: None,
                images: vec![image(&cause.arch, &summary(causes), causes)],
            });
        }
        let Some(failed) = past.lasting_failure() else { continue };
        let causes = reasons(&failed.causes, &past.asked.arches);
        let said = failed.reason.as_deref().unwrap_or(&failed.error);
        let reason = if causes.is_empty() { harmless(said) } else { String::new() };
        let image = image(&past.asked.arches.join(" "), &failed.error, &failed.causes);
        let argument = failed.argument.as_deref().map(harmless);
        add(FailureGroup { failable: past.asked.failable, reason, causes, argument, images: vec![image] });
    }
    failures.sort_by_key(|failure| failure.failable);
    failures
}

/// Whether `error`, which ended a compose, is one of its failures, or counts them and says the first.
pub fn is_told(error: &str, history: &History) -> bool {
    let first = error.split_once(" images failed: ").map_or("", |(_, first)| first);
    let is_first = |name: &str| first.strip_prefix(name).is_some_and(|rest| rest.starts_with(" ("));
    let is_it = |past: &Past| {
        past.lasting_failure().is_some_and(|failure| failure.error == error || is_first(&past.asked.name))
    };
    history.requests.iter().any(is_it)
}

/// Where a watch log is; journals of before magudi had more than one phase do not say it.
fn watch_log(past: &Past, index: usize) -> String {
    past.asked.log.clone().unwrap_or_else(|| {
        let log = ComposeDir::at(Path::new("")).watch_log(&past.asked.phase, &past.asked.variant, index + 1, None);
        log.to_string_lossy().into_owned()
    })
}

fn child(cause: &Cause) -> Option<(String, TaskLink, String)> {
    let link = TaskLink { id: cause.task?, url: cause.url.as_deref().and_then(safe_url) };
    Some((harmless(&cause.arch), link, cause.log.as_deref().map(harmless).unwrap_or_default()))
}

/// The builder's reasons. Arches are named where not all of `arches` failed, or not for the same reason.
fn reasons(causes: &[Cause], arches: &[String]) -> Vec<Reasons> {
    let chain = |chain: &Vec<String>| {
        let (innermost, around) = chain.split_last()?;
        Some((harmless(innermost), around.iter().map(|reason| harmless(reason)).collect()))
    };
    let group = |(of, chains): (Vec<&str>, &[Vec<String>])| Reasons {
        arches: if of == arches { String::new() } else { harmless(&of.join(", ")) },
        chains: chains.iter().filter_map(chain).collect(),
    };
    grouped(causes).into_iter().map(group).collect()
}
