//! The *overview* is what the events of a run add up to: how far each phase and each request is, how many bytes have come,
//! and how fast.

use super::failures::FailedImage;
use jiff::Timestamp;
use magudi_config::words::{counted, counted_with};
use magudi_engine::event::{Event, Stamped};
use magudi_engine::history::{History, Past, Phase, PhaseState, Replay, RequestState};
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;

/// Seconds over which the rate is measured.
const RATE_SECONDS: i64 = 10;

/// A signal that has ended a run.
#[derive(Debug, Clone, Copy)]
pub struct Interruption {
    /// How many tasks ran then.
    pub tasks: usize,
    /// They were left running.
    pub detached: bool,
}

impl Interruption {
    /// What became of them; `run` of them were still running at the end.
    fn in_words(self, run: usize) -> String {
        match (self.tasks, run) {
            (0, 0) => "interrupted: no task was running".to_owned(),
            (tasks, 0) => {
                format!("interrupted: {} canceled", counted_with(tasks, "task", "was", "were"))
            }
            (_, run) => {
                let may = if self.detached { "" } else { " may" };
                let verb = if run == 1 && self.detached { "runs" } else { "run" };
                format!("interrupted: {}{may} still {verb}", counted(run, "task"))
            }
        }
    }
}

/// The sum of a run's events so far: their history, and what only a terminal shows.
#[derive(Debug, Default)]
pub struct Overview {
    replay: Replay<'static>,
    pub compose_id: String,
    pub compose_dir: Option<PathBuf>,
    pub began: Option<Timestamp>,
    /// The last status.
    pub status: String,
    /// The run is over: when, and what ended it early.
    pub finished: Option<(Timestamp, Option<String>)>,
    /// A signal has ended it: what became of its tasks then.
    pub interrupted: Option<Interruption>,
    /// Bytes fetched and verified.
    pub bytes: u64,
    /// Files on their way: request and name -> bytes so far.
    files: BTreeMap<(usize, String), u64>,
    /// Time -> bytes at that time, for the rate.
    samples: VecDeque<(Timestamp, u64)>,
}

impl Overview {
    /// What is known of the compose.
    pub fn history(&self) -> &History {
        self.replay.so_far()
    }

    /// Takes in an event. A journal has no bytes of files on their way; they count when the image is there.
    pub fn take(&mut self, stamped: &Stamped) {
        if let Event::ComposeStarted { compose_id, compose_dir, .. } = &stamped.event {
            *self = Self {
                compose_id: compose_id.clone(),
                compose_dir: Some(compose_dir.clone()),
                began: Some(stamped.time),
                ..Self::default()
            };
        }
        self.replay.take(stamped);
        match &stamped.event {
            Event::Interrupted { tasks, detached, .. } => {
                self.interrupted = Some(Interruption { tasks: *tasks, detached: *detached });
            }
            Event::Status { status } => self.status.clone_from(status),
            Event::FetchProgress { request, file, bytes } => {
                *self.files.entry((*request, file.clone())).or_default() += bytes;
                self.add_bytes(stamped.time, *bytes);
            }
            Event::ImageAdded { request, image, .. } => {
                let file = image.path.rsplit('/').next().unwrap_or_default().to_owned();
                let before = self.files.remove(&(*request, file)).unwrap_or_default();
                self.add_bytes(stamped.time, image.size.saturating_sub(before));
            }
            Event::ComposeFinished { status, error } => {
                self.status.clone_from(status);
                self.finished = Some((stamped.time, error.clone()));
            }
            _ => {}
        }
    }

    /// What a signal that ended the run has left.
    pub fn interruption(&self) -> Option<String> {
        let counts = self.history().counts();
        let run = [RequestState::Free, RequestState::Assigned, RequestState::Open].map(|state| counts.of(state));
        Some(self.interrupted?.in_words(run.iter().sum()))
    }

    /// The phases, in the order in which they began; of a Pungi beside the run those that it is at, so that they leave room for ours.
    pub fn phases(&self) -> impl Iterator<Item = &Phase> {
        let is_over = |phase: &Phase| !matches!(phase.state, PhaseState::Running(_));
        self.history().phases.iter().filter(move |phase| !(phase.is_pungis && is_over(phase)))
    }

    /// How request `number` failed, if it did.
    pub fn failed(&self, number: usize) -> Option<FailedImage<'_>> {
        self.history().requests.number(number).and_then(FailedImage::of)
    }

    fn add_bytes(&mut self, now: Timestamp, bytes: u64) {
        // What the rate begins with: how much there was before.
        if self.samples.is_empty() {
            self.samples.push_back((now, self.bytes));
        }
        self.bytes = self.bytes.saturating_add(bytes);
        // One sample a second is enough, however many events there are.
        let is_first = self.samples.len() == 1;
        match self.samples.back_mut() {
            Some((last, total)) if !is_first && now.as_second() == last.as_second() => *total = self.bytes,
            _ => self.samples.push_back((now, self.bytes)),
        }
        while self.samples.len() > 2 && self.samples.get(1).is_some_and(|(time, _)| age(now, *time) > RATE_SECONDS) {
            self.samples.pop_front();
        }
    }

    /// Bytes per second, of late.
    pub fn rate(&self, now: Timestamp) -> u64 {
        let recent = self.samples.iter().find(|(time, _)| age(now, *time) <= RATE_SECONDS);
        let Some((time, before)) = recent else { return 0 };
        let seconds = (now.as_millisecond() - time.as_millisecond()).max(1000) as u64;
        self.bytes.saturating_sub(*before).saturating_mul(1000) / seconds
    }

    /// How long the run has taken, or took.
    pub fn elapsed(&self, now: Timestamp) -> i64 {
        let end = self.finished.as_ref().map_or(now, |(end, _)| *end);
        self.began.map_or(0, |began| age(end, began))
    }

    /// The requests that builders have been working on longest, with the seconds; at most `most`.
    pub fn longest(&self, now: Timestamp, most: usize) -> Vec<(i64, &Past)> {
        let is_open = |past: &&Past| past.state() == RequestState::Open;
        let requests = self.history().requests.iter().filter(is_open);
        let mut open: Vec<(i64, &Past)> =
            requests.filter_map(|past| Some((age(now, past.open_since()?), past))).collect();
        // Stable, so that those of one age stay in the order of the plan and lines do not jump.
        open.sort_by_key(|(seconds, _)| std::cmp::Reverse(*seconds));
        open.truncate(most);
        open
    }
}

/// Seconds from `then` to `now`; clocks that run backwards give 0.
fn age(now: Timestamp, then: Timestamp) -> i64 {
    now.as_second().saturating_sub(then.as_second()).max(0)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use magudi_engine::event::ImageEntry;

    pub(crate) fn at(second: i64, event: Event) -> Stamped {
        Stamped { time: Timestamp::from_second(second).unwrap(), event }
    }

    pub(crate) fn planned(request: usize, name: &str) -> Event {
        Event::Planned {
            log: None,
            request,
            key: name.into(),
            phase: "osbuild".into(),
            name: name.into(),
            variant: "Server".into(),
            arches: vec!["x86_64".into(), "aarch64".into()],
            failable: false,
            subvariant: "Server".into(),
            image_type: "qcow2".into(),
            nvr: name.into(),
            method: String::new(),
            manifest_type: None,
        }
    }

    fn task(request: usize) -> i64 {
        100 + i64::try_from(request).unwrap()
    }

    pub(crate) fn submitted(request: usize) -> Event {
        Event::Submitted { request, task: task(request), url: String::new() }
    }

    pub(crate) fn state(request: usize, state: &str) -> Event {
        Event::TaskState { request, task: task(request), state: state.to_owned() }
    }

    pub(crate) fn done(request: usize) -> Event {
        Event::RequestDone {
            what: String::new(),
            request,
            phase: "o".into(),
            variant: "A".into(),
            task: task(request),
            images: None,
        }
    }

    fn added(request: usize, size: u64) -> Event {
        let image = ImageEntry {
            arch: "x86_64".into(),
            image_type: "qcow2".into(),
            format: "qcow2".into(),
            subvariant: "Server".into(),
            path: "Server/x86_64/images/f".into(),
            size,
            mtime: 0,
            checksums: magudi_compose::images::Checksums::default(),
            bootable: false,
            volume_id: None,
            implant_md5: None,
        };
        Event::ImageAdded { request, variant: "Server".into(), image }
    }

    #[test]
    fn states_are_counted_once_per_request() {
        let mut overview = Overview::default();
        for request in 0..5 {
            overview.take(&at(0, planned(request, &format!("disk-{request}"))));
        }
        for request in 0..4 {
            overview.take(&at(1, submitted(request)));
        }
        for (request, word) in [(0, "OPEN"), (1, "ASSIGNED"), (1, "FREE"), (2, "CLOSED"), (3, "FAILED")] {
            overview.take(&at(2, state(request, word)));
        }
        overview.take(&at(3, done(2)));
        let counts = overview.history().counts();
        let present: Vec<String> = counts.present(RequestState::ALL).map(|(state, n)| format!("{n} {state}")).collect();
        assert_eq!(present, ["1 planned", "1 free", "1 open", "1 done", "1 failed"]);
    }

    #[test]
    fn the_task_that_is_open_longest_comes_first() {
        let mut overview = Overview::default();
        for (request, second) in [(0, 20), (1, 10), (2, 30)] {
            overview.take(&at(0, planned(request, &format!("disk-{request}"))));
            overview.take(&at(0, submitted(request)));
            overview.take(&at(second, state(request, "OPEN")));
        }
        overview.take(&at(40, state(0, "OPEN")));
        overview.take(&at(41, state(2, "CLOSED")));
        let now = Timestamp::from_second(50).unwrap();
        assert_eq!(overview.longest(now, 5).iter().map(|(seconds, _)| *seconds).collect::<Vec<_>>(), [40, 30]);
        assert_eq!(overview.longest(now, 1).len(), 1);
    }

    #[test]
    fn bytes_count_once_with_and_without_progress() {
        let mut overview = Overview::default();
        for second in 1..=20 {
            overview.take(&at(second, Event::FetchProgress { request: 0, file: "f".into(), bytes: 100 }));
        }
        let now = Timestamp::from_second(20).unwrap();
        assert_eq!((overview.bytes, overview.rate(now)), (2000, 100));
        overview.take(&at(20, added(0, 2500)));
        assert_eq!(overview.bytes, 2500);
        assert_eq!(overview.rate(Timestamp::from_second(100).unwrap()), 0);
        let mut journal = Overview::default();
        journal.take(&at(1, added(0, 2500)));
        assert_eq!(journal.bytes, 2500);
    }

    #[test]
    fn another_run_begins_anew() {
        let mut overview = Overview::default();
        overview.take(&at(0, planned(0, "disk")));
        overview.take(&at(1, added(0, 5)));
        let started = Event::ComposeStarted {
            compose_id: "C".into(),
            compose_dir: "/c".into(),
            requests: 1,
            settings: serde_json::Value::Null,
            fresh: false,
        };
        overview.take(&at(10, started));
        assert_eq!((overview.history().requests.len(), overview.bytes), (0, 0));
        assert_eq!(overview.elapsed(Timestamp::from_second(15).unwrap()), 5);
        overview.take(&at(12, Event::ComposeFinished { status: "FINISHED".into(), error: None }));
        assert_eq!(overview.elapsed(Timestamp::from_second(99).unwrap()), 2);
    }
}
