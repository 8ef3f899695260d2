//! *Recalling* what earlier runs of a compose did: where each request of the plan begins, and whether the plan is still
//! the one that was begun.

use super::compose::Going;
use super::inspect::Inspected;
use crate::error::Failure;
use magudi_compose::layout::ComposeDir;
use magudi_config::dump::to_text;
use magudi_engine::event::ImageEntry;
use magudi_engine::history::{self, History, Past};
use magudi_engine::journal;
use magudi_engine::mask::Mask;
use magudi_engine::plan::{TaskRequest, keys};
use magudi_engine::runner::Start;
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::os::unix::fs::MetadataExt as _;

/// The most changes of a configuration that are listed.
const MAX_CHANGES: usize = 20;

/// What a run begins with.
#[derive(Debug, Default)]
pub struct Recalled {
    /// Where each request begins.
    pub starts: Vec<Start>,
    /// Tasks that belong to requests already.
    pub claimed: BTreeSet<i64>,
    /// Paths of the images that earlier runs added.
    pub paths: BTreeSet<String>,
}

/// Reads the history of a compose; `None` when no run of ours began there.
pub fn load_history(dir: &ComposeDir) -> Result<Option<History>, Failure> {
    let path = dir.logs_global().join(journal::NAME);
    if !path.exists() {
        return Ok(None);
    }
    let history = history::load_history(&path, &[]).map_err(Failure::failed)?;
    Ok(history.settings.is_some().then_some(history))
}

/// Finds out where each of `requests` begins. `fresh`: at the beginning, whatever there was.
pub fn recall(
    dir: &ComposeDir,
    requests: &[TaskRequest],
    inspected: &Inspected,
    fresh: bool,
    going: &Going,
) -> Result<Recalled, Failure> {
    let Some(history) = load_history(dir)? else {
        return Ok(Recalled { starts: vec![Start::Submit; requests.len()], ..Recalled::default() });
    };
    let mut recalled = Recalled { paths: history.paths.clone(), claimed: history.tasks.clone(), ..Recalled::default() };
    if fresh {
        recalled.starts = vec![Start::Submit; requests.len()];
        return Ok(recalled);
    }
    let keys = keys(requests);
    refuse_changes(dir, requests, &keys, inspected, &history, &going.rebuild)?;
    let pairs = requests.iter().zip(&keys);
    recalled.starts = pairs.map(|(request, key)| start(dir, request, history.requests.get(key), going)).collect();
    Ok(recalled)
}

fn start(dir: &ComposeDir, request: &TaskRequest, past: Option<&Past>, going: &Going) -> Start {
    let Some(past) = past else { return Start::Submit };
    let Some(task) = past.task else {
        return match past.in_doubt {
            Some(in_doubt) if !is_named(&going.rebuild, &request.variant, request.name()) => Start::LookUp(in_doubt),
            _ => Start::Submit,
        };
    };
    let lost = matches!(past.state.as_deref(), Some("FAILED" | "CANCELED"));
    // A journal of before may not know where an image was uploaded to; composer's word is asked for again then.
    let told = !request.about.uploads || !past.uploads.is_empty();
    let is_whole = |(_, image): &(_, ImageEntry)| is_there(dir, &image.path, image.size, image.mtime);
    // What is to be built again for certain, unless the hub is still at it. `*` names what has changed.
    let named =
        |image: &String| image != "*" && is_named(std::slice::from_ref(image), &request.variant, request.name());
    if past.has_ended() && going.rebuild.iter().any(named) {
        return Start::Submit;
    }
    if past.done && told && past.images.iter().all(is_whole) {
        return Start::Keep(task, past.added(), past.uploads.clone());
    }
    let again = past.canceled || (going.retry_failed && (lost || past.failure.is_some()));
    if again || lost {
        let tasks = past.earlier.iter().copied().chain([task]).collect();
        return Start::Again { tasks, submit: again };
    }
    if past.named { Start::AdoptNamed(task) } else { Start::Adopt(task) }
}

/// Whether a file that was verified before is as it was left.
fn is_there(dir: &ComposeDir, path: &str, size: u64, mtime: i64) -> bool {
    std::fs::metadata(dir.compose().join(path)).is_ok_and(|meta| meta.len() == size && meta.mtime() == mtime)
}

/// Whether an image is among those that are to be built again.
fn is_named(rebuild: &[String], variant: &str, name: &str) -> bool {
    rebuild.iter().any(|image| image == "*" || image == name || *image == format!("{variant}:{name}"))
}

/// Refuses a plan that is not the one that was begun, but for images that are named to be built again.
fn refuse_changes(
    dir: &ComposeDir,
    requests: &[TaskRequest],
    keys: &[String],
    inspected: &Inspected,
    history: &History,
    rebuild: &[String],
) -> Result<(), Failure> {
    if history.order.is_empty() {
        return Ok(());
    }
    let named = |variant: &str, name: &str| is_named(rebuild, variant, name);
    let added: Vec<String> = requests
        .iter()
        .zip(keys)
        .filter(|(request, key)| !history.requests.contains_key(*key) && !named(&request.variant, request.name()))
        .map(|(request, _)| format!("{}:{}", request.variant, request.name()))
        .collect();
    let present: BTreeSet<&String> = keys.iter().collect();
    let gone: Vec<String> = history
        .requests
        .iter()
        .filter(|(key, past)| !present.contains(key) && !named(&past.variant, &past.name) && rebuild.is_empty())
        .map(|(_, past)| format!("{}:{}", past.variant, past.name))
        .collect();
    if added.is_empty() && gone.is_empty() {
        return Ok(());
    }
    let mut text = format!("the configuration has changed since {} was begun", dir.top().display());
    let changes = changes(dir, inspected, &Mask::new(requests, []));
    for change in changes.iter().take(MAX_CHANGES) {
        let _ = write!(text, "\n  {change}");
    }
    if changes.len() > MAX_CHANGES {
        let _ = write!(text, "\n  and {} more", changes.len() - MAX_CHANGES);
    }
    if !added.is_empty() {
        let _ = write!(text, "\nimages that would be built anew: {}", added.join(", "));
    }
    if !gone.is_empty() {
        let _ = write!(text, "\nimages that are no longer as they were begun: {}", gone.join(", "));
    }
    text.push_str(
        "\nput it back as it was, or name the images to build with --rebuild VARIANT:NAME (or --rebuild '*')",
    );
    Err(Failure::Failed(text))
}

/// The dotted paths at which the configuration differs from the one that the compose was begun with, of which the secrets
/// were not kept.
fn changes(dir: &ComposeDir, inspected: &Inspected, mask: &Mask) -> Vec<String> {
    let read = |text: &str| serde_json::from_str(&mask.hide(text)).ok();
    let before = std::fs::read_to_string(dir.config_dump()).ok().and_then(|text| read(&text));
    let now = to_text(&inspected.config.tree).ok().and_then(|text| read(&text));
    let (Some(before), Some(now)) = (before, now) else { return Vec::new() };
    let mut found = Vec::new();
    compare(&before, &now, "", &mut found);
    found
}

/// Values are not shown: some are secret.
fn compare(before: &Json, now: &Json, path: &str, found: &mut Vec<String>) {
    let at = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match (before, now) {
        (Json::Object(a), Json::Object(b)) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                match (a.get(key), b.get(key)) {
                    (Some(a), Some(b)) => compare(a, b, &at(key), found),
                    (Some(_), None) => found.push(format!("{} is gone", at(key))),
                    _ => found.push(format!("{} is new", at(key))),
                }
            }
        }
        (Json::Array(a), Json::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                compare(a, b, &at(&index.to_string()), found);
            }
        }
        (a, b) if a == b => {}
        (Json::Array(a), Json::Array(b)) => {
            found.push(format!("{path} had {} items and has {}", a.len(), b.len()));
        }
        _ => found.push(format!("{path} is another")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn changes_are_named_by_path_and_without_values() {
        let before = json!({"a": 1, "osbuild": {"^S$": [{"name": "x", "password": "old"}]}, "gone": 1, "l": [1]});
        let now = json!({"a": 1, "osbuild": {"^S$": [{"name": "x", "password": "new"}]}, "new": 1, "l": [1, 2]});
        let mut found = Vec::new();
        compare(&before, &now, "", &mut found);
        assert_eq!(
            found,
            ["gone is gone", "l had 1 items and has 2", "osbuild.^S$.0.password is another", "new is new"]
        );
    }
}
