//! The *journal* is the event stream on disk: one JSON object a line, appended as the run continues, in
//! `logs/global/magudi-journal.jsonl`. Whatever crashes, it says how far a run came; [`crate::history`] reads it back.
//!
//! A line is written before the next event is said. Lines survive a crash of the program as soon as they are written, and
//! one of the machine after [`Journal::sync`], which the runner calls before it sends anything that must not be sent twice.
//! Of a plan, and of what is kept of earlier runs, there are thousands of lines at once, which the next run can say again: those
//! are written together, before the next other event is said.

use crate::event::{Event, Stamped, Subscriber, VERSION};
use crate::journal_ahead::read_events;
use crate::journal_line::{self, Line};
use jiff::Timestamp;
use magudi_compose::confined;
use magudi_compose::write::sync_dir;
use magudi_config::regular;
use memchr::memmem;
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use thiserror::Error;

/// The journal's name, below `logs/global`.
pub const NAME: &str = "magudi-journal.jsonl";

/// The longest line that is read: far beyond any event.
pub(crate) const MAX_LINE: u64 = 16 << 20;

/// Bytes that are read at once.
const BUFFER: usize = 64 * 1024;

/// A journal that cannot be written or read.
#[derive(Debug, Error)]
pub enum JournalError {
    /// The file system refused.
    #[error("cannot {action} the journal {path}: {error}")]
    Io {
        /// What was tried.
        action: &'static str,
        path: PathBuf,
        #[source]
        error: io::Error,
    },
    /// A line that is not an event.
    #[error(
        "line {line} of the journal {path} is damaged: {reason}; repair the line, or move the journal away and lose its record of the tasks"
    )]
    Damaged {
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        #[source]
        reason: LineError,
    },
    /// A line of a later version.
    #[error(
        "line {line} of the journal {path} has version {version}, but this program knows only versions up to {VERSION}; use the \
         magudi that wrote it, or a later one"
    )]
    Version {
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        version: u64,
    },
}

/// Appends every event to the journal. Copies write to the same file.
#[derive(Debug, Clone)]
pub struct Journal {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: Arc<File>,
    /// The first error; after it nothing more is written, so that no line stands after one that is missing.
    failed: Option<(io::ErrorKind, String)>,
    /// Requests of whose files the first one that is fetched has its line.
    fetching: BTreeSet<usize>,
    /// Lines that are not written yet.
    waiting: String,
}

/// Bytes of lines that wait for each other.
const MOST_WAITING: usize = 64 * 1024;

impl Journal {
    /// Opens the journal for appending. What a crash left of a last line is cut off.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let io = |error| JournalError::Io { action: "open", path: path.to_path_buf(), error };
        let mut file = confined::open(path, OpenOptions::new().create(true).read(true).append(true)).map_err(io)?;
        let whole = whole_lines(&mut file).map_err(io)?;
        if whole < file.metadata().map_err(io)?.len() {
            file.set_len(whole).map_err(io)?;
        }
        // A journal that is new is of use only if it can be found again.
        if let (0, Some(dir)) = (whole, path.parent()) {
            sync_dir(dir).map_err(io)?;
        }
        let state =
            Mutex::new(State { file: Arc::new(file), failed: None, fetching: BTreeSet::new(), waiting: String::new() });
        Ok(Self { shared: Arc::new(Shared { path: path.to_path_buf(), state }) })
    }

    /// Writes the lines that wait for others: nothing else may be said for a long time. An error is reported by [`Journal::sync`].
    pub fn flush(&self) {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner).flush();
    }

    /// Makes sure that everything said so far is on disk. An error of an earlier write is reported here too: what is not
    /// in the journal must not be done.
    pub fn sync(&self) -> Result<(), JournalError> {
        let lock = || self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        // What is said meanwhile need not wait for the disk.
        let file = {
            let mut state = lock();
            state.flush();
            Arc::clone(&state.file)
        };
        let synced = file.sync_data();
        let mut state = lock();
        if state.failed.is_none() {
            state.note(synced);
        }
        match &state.failed {
            None => Ok(()),
            Some((kind, text)) => Err(JournalError::Io {
                action: "write",
                path: self.shared.path.clone(),
                error: io::Error::new(*kind, text.clone()),
            }),
        }
    }
}

impl State {
    /// Whether an event says something that a reader could use later. Progress within a file and lines of the log do not, and that a
    /// request's files are on their way is known from the first of them.
    fn keeps(&mut self, event: &Event) -> bool {
        match event {
            Event::FetchProgress { .. } | Event::Message { .. } => false,
            Event::FetchStarted { request, .. } => self.fetching.insert(*request),
            Event::Submitting { request, .. }
            | Event::Adopted { request, .. }
            | Event::RequestRetried { request, .. }
            | Event::RequestFailed { request, .. }
            | Event::RequestDone { request, .. } => {
                self.fetching.remove(request);
                true
            }
            _ => true,
        }
    }

    /// Whether the line of an event may wait for others: nothing is done because of it, and the next run says it again.
    fn may_wait(event: &Event) -> bool {
        matches!(event, Event::Planned { .. } | Event::Kept { .. })
    }

    fn flush(&mut self) {
        if self.failed.is_none() && !self.waiting.is_empty() {
            let written = (&*self.file).write_all(self.waiting.as_bytes());
            self.waiting.clear();
            self.note(written);
        }
    }

    fn note(&mut self, result: io::Result<()>) {
        if let Err(error) = result {
            self.failed = Some((error.kind(), error.to_string()));
        }
    }
}

impl Subscriber for Journal {
    fn on_event(&mut self, event: &Stamped) {
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.failed.is_some() {
            return;
        }
        if state.keeps(&event.event) {
            state.waiting.push_str(&event.to_json_line());
            state.waiting.push('\n');
        }
        if !State::may_wait(&event.event) || state.waiting.len() > MOST_WAITING {
            state.flush();
        }
    }
}

/// Length of the file up to the end of its last whole line.
fn whole_lines(file: &mut File) -> io::Result<u64> {
    const BLOCK: u64 = 64 * 1024;
    let mut end = file.seek(SeekFrom::End(0))?;
    while end > 0 {
        let start = end.saturating_sub(BLOCK);
        let mut block = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        Read::take(&mut *file, end - start).read_to_end(&mut block)?;
        if let Some(place) = block.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + place as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// Reads a journal back: every event with its time. A torn last line is left out, and so are events of names that this
/// version does not know.
pub fn load_journal(path: &Path) -> Result<Vec<Stamped>, JournalError> {
    let mut events = Vec::new();
    load_events(path, &mut |event| events.push(event.clone()))?;
    Ok(events)
}

/// The same, but each event is handed over as it is read: a large journal takes much room as a whole.
pub fn load_events(path: &Path, take: &mut dyn FnMut(&Stamped)) -> Result<(), JournalError> {
    let io = |error| JournalError::Io { action: "read", path: path.to_path_buf(), error };
    let file = regular::open(path).map_err(io)?;
    let bytes = file.metadata().map_err(io)?.len();
    read_events(bytes, || BufReader::with_capacity(BUFFER, &file), path, take)
}

/// Reads the events that are about no request, of which a large journal has few. Lines about requests are passed over as they are, so
/// that what is wrong with them is not found.
pub(crate) fn load_other_events(path: &Path, take: &mut dyn FnMut(&Stamped)) -> Result<(), JournalError> {
    let file =
        regular::open(path).map_err(|error| JournalError::Io { action: "read", path: path.to_path_buf(), error })?;
    // Within a text the quotes are escaped.
    let member = memmem::Finder::new(br#""request":"#);
    let is_other = |line: &[u8]| member.find(line).is_none();
    parse_lines(BufReader::with_capacity(BUFFER, &file), path, is_other, &mut |stamped| {
        // Another program may write its lines otherwise.
        if stamped.event.request().is_none() {
            take(&stamped);
        }
    })
}

/// Reads a journal's text, which messages call `path`.
pub fn parse_journal(reader: impl BufRead, path: &Path) -> Result<Vec<Stamped>, JournalError> {
    let mut events = Vec::new();
    parse_events(reader, path, &mut |event| events.push(event))?;
    Ok(events)
}

/// The same, but each event is handed over as it is read.
pub(crate) fn parse_events(
    reader: impl BufRead,
    path: &Path,
    take: &mut dyn FnMut(Stamped),
) -> Result<(), JournalError> {
    parse_lines(reader, path, |_| true, take)
}

/// The same of the lines that `is_read` takes.
fn parse_lines(
    mut reader: impl BufRead,
    path: &Path,
    is_read: impl Fn(&[u8]) -> bool,
    take: &mut dyn FnMut(Stamped),
) -> Result<(), JournalError> {
    let io = |error| JournalError::Io { action: "read", path: path.to_path_buf(), error };
    let mut text = Vec::new();
    for line in 1.. {
        text.clear();
        let read = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut text).map_err(io)?;
        if read == 0 || text.last() != Some(&b'\n') && (read as u64) < MAX_LINE {
            break;
        }
        if !is_read(&text) {
            continue;
        }
        let damaged = |reason| JournalError::Damaged { path: path.to_path_buf(), line, reason };
        let text = std::str::from_utf8(&text).map_err(|_| damaged(LineError::NotUtf8))?;
        if let Some(event) = parse_ours(text) {
            take(event);
            continue;
        }
        match parse_other(text).map_err(damaged)? {
            JournalLine::Event(event) => take(*event),
            JournalLine::Unknown => {}
            JournalLine::Later(version) => {
                return Err(JournalError::Version { path: path.to_path_buf(), line, version });
            }
        }
    }
    Ok(())
}

/// What one line of a journal holds.
#[derive(Debug)]
pub enum JournalLine {
    Event(Box<Stamped>),
    /// An event of a name that this version does not know.
    Unknown,
    /// A line of a later version.
    Later(u64),
}

/// What is wrong with a line of a journal.
#[derive(Debug, Error)]
pub enum LineError {
    #[error("it is not UTF-8")]
    NotUtf8,
    #[error("it is empty")]
    Empty,
    #[error("it is all zeros, as after a crash of the machine")]
    Zeros,
    /// Its own place in the line is enough: the caller knows the line.
    #[error("it is not JSON: {reason} at column {column}")]
    NotJson { reason: String, column: usize },
    #[error("it ends in the middle of an event")]
    Torn,
    #[error("it has no version")]
    NoVersion,
    #[error("it has no time")]
    NoTime,
    #[error("`{}` is not a time", .0.escape_debug())]
    BadTime(String),
    #[error("it names no event")]
    NoEvent,
    #[error("event {}: {error}", .name.escape_debug())]
    BadEvent {
        name: String,
        #[source]
        error: serde_json::Error,
    },
}

/// The event of a line as it is written here, of a version that is known.
fn parse_ours(text: &str) -> Option<Stamped> {
    let Line { version, time, event } = serde_json::from_str(text).ok()?;
    (version <= u64::from(VERSION)).then_some(Stamped { time, event })
}

/// Reads one line of a journal.
pub fn parse_line(text: &str) -> Result<JournalLine, LineError> {
    parse_ours(text).map_or_else(|| parse_other(text), |event| Ok(JournalLine::Event(Box::new(event))))
}

/// Reads a line that another program wrote, or with which something is wrong.
fn parse_other(text: &str) -> Result<JournalLine, LineError> {
    let line: Json = serde_json::from_str(text).map_err(|error| not_json(text, &error))?;
    match line.get("v").and_then(Json::as_u64) {
        None => return Err(LineError::NoVersion),
        Some(version) if version > u64::from(VERSION) => return Ok(JournalLine::Later(version)),
        Some(_) => {}
    }
    let time = line.get("t").and_then(Json::as_str).ok_or(LineError::NoTime)?;
    let time: Timestamp = time.parse().map_err(|_| LineError::BadTime(time.to_owned()))?;
    let name = line.get("event").and_then(Json::as_str).ok_or(LineError::NoEvent)?.to_owned();
    let Json::Object(mut members) = line else { return Err(LineError::NoVersion) };
    for head in ["v", "t", "event"] {
        members.remove(head);
    }
    match journal_line::event(&name, members) {
        Ok(event) => Ok(JournalLine::Event(Box::new(Stamped { time, event }))),
        Err(error) if error.to_string().starts_with("unknown variant") => Ok(JournalLine::Unknown),
        Err(error) => Err(LineError::BadEvent { name, error }),
    }
}

/// What is wrong with a line that is not JSON.
fn not_json(text: &str, error: &serde_json::Error) -> LineError {
    if text.trim().is_empty() {
        LineError::Empty
    } else if text.bytes().all(|byte| byte == 0 || byte == b'\n') {
        LineError::Zeros
    } else if error.line() > 1 {
        // The line ended before its JSON did.
        LineError::Torn
    } else {
        let place = format!(" at line {} column {}", error.line(), error.column());
        let reason = error.to_string();
        let reason = reason.strip_suffix(&place).unwrap_or(&reason).to_owned();
        LineError::NotJson { reason, column: error.column() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Events, Level};

    fn journal() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.jsonl");
        (dir, path)
    }

    /// A journal, and the events that it hears.
    fn open(path: &Path) -> (Journal, Events) {
        let (journal, events) = (Journal::open(path).unwrap(), Events::new());
        events.subscribe(Box::new(journal.clone()));
        (journal, events)
    }

    #[test]
    fn what_was_said_is_read_back() {
        let (_dir, path) = journal();
        let (journal, events) = open(&path);
        let said = [
            Event::PhaseStarted { phase: "osbuild".into() },
            Event::Submitted { request: 3, task: 42, url: "http://h/42".into() },
        ];
        events.say(said[0].clone());
        events.say(Event::FetchProgress { request: 0, file: "a".into(), bytes: 1 });
        events.say(said[1].clone());
        journal.sync().unwrap();
        let read: Vec<Event> = load_journal(&path).unwrap().into_iter().map(|stamped| stamped.event).collect();
        assert_eq!(read, said);
    }

    #[test]
    fn of_the_files_of_a_request_the_first_that_is_fetched_is_recorded() {
        let (_dir, path) = journal();
        let (_, events) = open(&path);
        let fetch = |request, file: &str| Event::FetchStarted { request, file: file.into(), size: 1 };
        let again = Event::Adopted { request: 0, task: 7, url: String::new(), named: false };
        for event in [fetch(0, "a"), fetch(1, "b"), fetch(0, "c"), again.clone(), fetch(0, "a"), fetch(0, "c")] {
            events.say(event);
        }
        let read: Vec<Event> = load_journal(&path).unwrap().into_iter().map(|stamped| stamped.event).collect();
        assert_eq!(read, [fetch(0, "a"), fetch(1, "b"), again, fetch(0, "a")]);
    }

    #[test]
    fn lines_of_what_is_kept_wait_for_the_next_event() {
        let (_dir, path) = journal();
        let (journal, events) = open(&path);
        let kept = |request| Event::Kept { request, task: 1, images: 2 };
        let written = || load_journal(&path).unwrap().len();
        events.say(kept(0));
        events.say(kept(1));
        assert_eq!(written(), 0);
        // Also one that has no line.
        events.message(Level::Info, None, "waiting");
        assert_eq!(written(), 2);
        events.say(kept(2));
        journal.flush();
        assert_eq!(written(), 3);
        events.say(kept(3));
        journal.sync().unwrap();
        assert_eq!(written(), 4);
        (0..2000).for_each(|request| events.say(kept(request)));
        assert!(written() > 1000, "those that wait have a bound");
        events.say(Event::Status { status: "FINISHED".into() });
        let last = load_journal(&path).unwrap().pop().map(|stamped| stamped.event);
        assert_eq!((written(), last), (2005, Some(Event::Status { status: "FINISHED".into() })));
    }

    #[test]
    fn a_torn_last_line_is_left_out_and_cut_off() {
        let (_dir, path) = journal();
        let whole = r#"{"v":1,"t":"2024-02-29T00:00:00Z","event":"status","status":"STARTED"}"#;
        std::fs::write(&path, format!("{whole}\n{}", &whole[..30])).unwrap();
        assert_eq!(load_journal(&path).unwrap().len(), 1);
        Journal::open(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{whole}\n"));
        std::fs::write(&path, &whole[..30]).unwrap();
        Journal::open(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
    }

    #[test]
    fn damage_is_named_by_line() {
        let (_dir, path) = journal();
        let good = r#"{"v":1,"t":"2024-02-29T00:00:00Z","event":"status","status":"STARTED"}"#;
        for (bad, want) in [
            ("{\"v\":1", "line 2"),
            ("[]", "it has no version"),
            (r#"{"v":1,"t":"yesterday","event":"status"}"#, "`yesterday` is not a time"),
            (r#"{"v":1,"t":"2024-02-29T00:00:00Z","event":"submitted","request":"x"}"#, "event submitted"),
            (r#"{"v":1,"t":"2024-02-29T00:00:00Z"}"#, "it names no event"),
            (r#"{"v":2,"t":"2024-02-29T00:00:00Z","event":"status"}"#, "has version 2"),
        ] {
            std::fs::write(&path, format!("{good}\n{bad}\n{good}\n")).unwrap();
            let error = load_journal(&path).unwrap_err().to_string();
            assert!(error.contains(want), "{error}");
        }
        std::fs::write(&path, format!("{{\"v\":1,\"t\":\"2024-02-29T00:00:00Z\",\"event\":\"dance\"}}\n{good}\n"))
            .unwrap();
        assert_eq!(load_journal(&path).unwrap().len(), 1, "an event of a later program");
    }
}
