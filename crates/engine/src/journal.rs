//! The *journal* is the event stream on disk, one JSON object a line, appended as the run goes on.

use crate::event::{Event, Stamped, Subscriber};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Appends every event to `logs/global/magudi-journal.jsonl`.
#[derive(Debug)]
pub struct Journal {
    file: File,
    failed: bool,
}

impl Journal {
    /// Opens the journal for appending.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { file: OpenOptions::new().create(true).append(true).open(path)?, failed: false })
    }
}

impl Subscriber for Journal {
    fn on_event(&mut self, event: &Stamped) {
        // Progress within a file says nothing that a reader of the journal could use later.
        if self.failed || matches!(event.event, Event::FetchProgress { .. }) {
            return;
        }
        let mut line = event.to_json_line();
        line.push('\n');
        self.failed = self.file.write_all(line.as_bytes()).is_err();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Events;

    #[test]
    fn every_line_is_an_object() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.jsonl");
        let events = Events::new();
        events.subscribe(Box::new(Journal::open(&path).unwrap()));
        events.say(Event::PhaseStarted { phase: "osbuild".into() });
        events.say(Event::FetchProgress { request: 0, file: "a".into(), bytes: 1 });
        events.say(Event::Status { status: "FINISHED".into() });
        let text = std::fs::read_to_string(&path).unwrap();
        let names: Vec<_> = text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["event"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["phase-started", "status"]);
    }
}
