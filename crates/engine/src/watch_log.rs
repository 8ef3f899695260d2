//! A *watch log* tells the life of one task in the words of `koji watch-task`, in the file where Pungi's users look for it:
//! `logs/global/<phase>/<variant uid>-<num>-watch-task.log` (facts: compose 11), numbered from 1 in the phase's expansion order.

use crate::event::{Event, Stamped, Subscriber};
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
    requests: Arc<Vec<TaskRequest>>,
    /// The number of each in its phase.
    numbers: Vec<usize>,
    states: BTreeMap<usize, String>,
}

impl WatchLogs {
    /// Logs for `requests`.
    pub fn new(dir: ComposeDir, requests: Arc<Vec<TaskRequest>>) -> Self {
        let numbers = numbers_in_phase(&requests);
        Self { directories: dir.directories(), dir, requests, numbers, states: BTreeMap::new() }
    }

    fn path(&self, request: usize) -> Option<PathBuf> {
        Some(self.requests.get(request)?.watch_log(&self.dir, *self.numbers.get(request)?))
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
                let method = self.requests.get(*request).map_or("task", |r| r.method.task);
                let line = match self.states.insert(*request, state.clone()) {
                    Some(before) => format!("{task} {method} (noarch): {before} -> {state}"),
                    None => format!("{task} {method} (noarch): {state}"),
                };
                self.append(*request, &line);
            }
            Event::ArchFailed { request, failed, .. } => {
                let method = self.requests.get(*request).map_or("task", |r| r.method.task);
                let task = failed.task.map_or_else(String::new, |task| format!("{task} "));
                self.append(*request, &format!("{task}{method} ({}): FAILED: {}", failed.arch, failed.reason));
            }
            Event::RequestFailed { request, error, .. } => self.append(*request, error),
            Event::RequestRetried { request, error, retry, retries, .. } => {
                self.append(*request, &format!("{error}; trying again, {retry} of {retries}"));
            }
            Event::RequestDone { request, task, .. } => {
                let method = self.requests.get(*request).map_or("task", |r| r.method.task);
                self.append(*request, &format!("{task} {method} (noarch) completed successfully"));
            }
            _ => {}
        }
    }
}
