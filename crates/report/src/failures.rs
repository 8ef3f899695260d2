//! *Failures* as the page shows them: one for each reason, with all that failed for it, so that a hub that was gone for an hour
//! is told once and not for every image.

use crate::arrange::{Facts, task_link};
use crate::model::{Failed, Failure, Reasons};
use crate::text::{harmless, path_in_url};
use crate::track::Track;
use magudi_compose::ComposeDir;
use magudi_engine::reason::{Cause, grouped};
use std::path::Path;

/// What failed, what must not fail first; apart from that in the order of the plan.
pub fn failures(tracks: &[&Track], facts: &Facts) -> Vec<Failure> {
    let mut failures: Vec<Failure> = Vec::new();
    for (index, track) in tracks.iter().enumerate().filter(|(_, track)| track.done.is_none()) {
        let Some(failed) = track.failed.as_ref() else { continue };
        let causes = reasons(&failed.causes, &track.arches);
        let said = failed.reason.as_deref().unwrap_or(&failed.error);
        let reason = if causes.is_empty() { harmless(said) } else { String::new() };
        let log = ComposeDir::at(Path::new("")).watch_log(&track.variant, index + 1);
        let image = Failed {
            request: index,
            name: harmless(&track.name),
            variant: harmless(&track.variant),
            arches: harmless(&track.arches.join(" ")),
            message: harmless(&failed.error),
            task: task_link(track),
            log: track.task.is_some().then(|| format!("{}{}", facts.base, path_in_url(&log.to_string_lossy()))),
            in_doubt: track.in_doubt,
        };
        let argument = failed.argument.as_deref().map(harmless);
        let same = |other: &&mut Failure| {
            (other.failable, &other.reason, &other.causes, &other.argument)
                == (track.failable, &reason, &causes, &argument)
        };
        match failures.iter_mut().find(same) {
            Some(other) => other.images.push(image),
            None => {
                failures.push(Failure { failable: track.failable, reason, causes, argument, images: vec![image] });
            }
        }
    }
    failures.sort_by_key(|failure| failure.failable);
    failures
}

/// Composer's reasons. Arches are named where not all of `arches` failed, or not for the same reason.
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
