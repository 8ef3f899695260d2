//! A *watch log* tells the life of one task in the words of `koji watch-task`, in the file where Pungi's users look for it:
//! `logs/global/<phase>/<variant uid>-<num>-watch-task.log` (facts: compose 11), numbered from 1 in the phase's expansion order.

use crate::event::{Event, Stamped, Subscriber};
use crate::method::Method;
use crate::plan::{TaskRequest, numbers_in_phase};
use magudi_compose::confined::{self, Directories};
use magudi_compose::layout::ComposeDir;
use magudi_config::outside;
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

/// Writes the watch logs of a run.
#[derive(Debug)]
pub struct WatchLogs {
    dir: ComposeDir,
    directories: Directories,
    /// The requests of the plan.
    watched: Vec<Watched>,
    states: BTreeMap<usize, String>,
}

/// What the log of a request is to know of it. The plan itself goes before the run ends, and is large.
#[derive(Debug)]
struct Watched {
    method: &'static Method,
    variant: Arc<str>,
    /// Its number in its phase.
    number: usize,
    /// What it is known by, where it is not by its variant.
    profile: Option<Arc<str>>,
}

impl WatchLogs {
    /// Logs for `requests`.
    pub fn new(dir: ComposeDir, requests: &[TaskRequest]) -> Self {
        let mut variants: BTreeMap<&str, Arc<str>> = BTreeMap::new();
        let numbered = requests.iter().zip(numbers_in_phase(requests));
        let watched = numbered.map(|(request, number)| Watched {
            method: request.method,
            variant: Arc::clone(variants.entry(&request.variant).or_insert_with(|| request.variant.as_str().into())),
            number,
            profile: request.profile().cloned(),
        });
        Self { directories: dir.directories(), watched: watched.collect(), dir, states: BTreeMap::new() }
    }

    fn path(&self, request: usize) -> Option<PathBuf> {
        let Watched { method, variant, number, profile } = self.watched.get(request)?;
        Some(self.dir.watch_log(method.logs, variant, *number, profile.as_deref()))
    }

    /// What tasks of a request are called.
    fn task(&self, request: usize) -> &'static str {
        self.watched.get(request).map_or("task", |watched| watched.method.task)
    }

    /// Appends an entry, which may have come from outside.
    fn append(&self, request: usize, text: &str) {
        let text = format!("{}\n", outside::entry(text));
        let Some(path) = self.path(request) else { return };
        let write = || {
            if let Some(parent) = path.parent() {
                self.directories.make(parent).map_err(io::Error::other)?;
            }
            confined::open(&path, OpenOptions::new().create(true).append(true))?.write_all(text.as_bytes())
        };
        // A log that cannot be written costs a convenience; the compose continues.
        let _: io::Result<()> = write();
    }
}

impl Subscriber for WatchLogs {
    fn on_event(&mut self, event: &Stamped) {
        match &event.event {
            Event::Submitted { request, url, .. } | Event::Adopted { request, url, .. } => {
                // What its last task was in says nothing of this one.
                self.states.remove(request);
                self.append(*request, &format!("Task URL: {url}"));
            }
            Event::TaskState { request, task, state } => {
                let state = match state.as_str() {
                    "FAILED" => "FAILED".to_owned(),
                    other => other.to_lowercase(),
                };
                let method = self.task(*request);
                let line = match self.states.insert(*request, state.clone()) {
                    Some(before) => format!("{task} {method} (noarch): {before} -> {state}"),
                    None => format!("{task} {method} (noarch): {state}"),
                };
                self.append(*request, &line);
            }
            Event::ArchFailed { request, failed, .. } => {
                let method = self.task(*request);
                let task = failed.task.map_or_else(String::new, |task| format!("{task} "));
                self.append(*request, &format!("{task}{method} ({}): FAILED: {}", failed.arch, failed.reason));
            }
            Event::RequestFailed { request, error, .. } => self.append(*request, error),
            Event::RequestRetried { request, error, retry, retries, .. } => {
                self.append(*request, &format!("{error}; trying again, {retry} of {retries}"));
            }
            Event::RequestDone { request, task, .. } => {
                let method = self.task(*request);
                self.append(*request, &format!("{task} {method} (noarch) completed successfully"));
            }
            _ => {}
        }
    }
}
