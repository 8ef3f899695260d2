//! An *event* is the only thing a run says. The terminal, the log files, the notification scripts and the journal are
//! all subscribers of one stream and know nothing of each other.

use jiff::Timestamp;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Version of the JSON form; raised when a field changes its meaning.
pub const VERSION: u32 = 1;

/// How important a [`Event::Message`] is, with Pungi's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// For the log file only.
    Debug,
    /// What is going on.
    Info,
    /// Worth a look.
    Warning,
    /// Something failed.
    Error,
    /// The compose failed.
    Critical,
}

impl Level {
    /// The name in log lines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
            Self::Critical => "CRITICAL",
        }
    }
}

/// What happened. `request` is the index of a task request in the plan.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The compose directory exists and the run begins.
    ComposeStarted {
        /// The compose id.
        compose_id: String,
        /// The compose directory.
        compose_dir: PathBuf,
        /// Number of task requests in the plan.
        requests: usize,
    },
    /// STATUS changed.
    Status {
        /// The new status.
        status: String,
    },
    /// A phase begins.
    PhaseStarted {
        /// Its name.
        phase: String,
    },
    /// A phase is over, without an error that ends the compose.
    PhaseFinished {
        /// Its name.
        phase: String,
        /// How long it took, rounded up.
        seconds: u64,
    },
    /// A phase does not run.
    PhaseSkipped {
        /// Its name.
        phase: String,
        /// Why.
        reason: String,
    },
    /// Something worth a line in the log and nothing else.
    Message {
        /// How important.
        level: Level,
        /// The phase, if one says it.
        #[serde(skip_serializing_if = "Option::is_none")]
        phase: Option<String>,
        /// The text.
        text: String,
    },
    /// A request is about to be sent.
    Submitting {
        /// Which.
        request: usize,
        /// Its phase.
        phase: String,
        /// The image name.
        name: String,
        /// The variant uid.
        variant: String,
        /// The arches.
        arches: Vec<String>,
    },
    /// The hub made a task of it.
    Submitted {
        /// Which.
        request: usize,
        /// The task id.
        task: i64,
        /// Page of the task in the hub's web interface.
        url: String,
    },
    /// A task was seen in another state than before.
    TaskState {
        /// Which.
        request: usize,
        /// The task id.
        task: i64,
        /// The state as Koji writes it, in upper case.
        state: String,
    },
    /// A file is on its way.
    FetchStarted {
        /// Which.
        request: usize,
        /// File name.
        file: String,
        /// Size in bytes.
        size: u64,
    },
    /// Part of a file has arrived and been hashed; `bytes` are new since the last such event.
    FetchProgress {
        /// Which.
        request: usize,
        /// File name.
        file: String,
        /// New bytes.
        bytes: u64,
    },
    /// A file was verified and is in the compose.
    ImageAdded {
        /// Which.
        request: usize,
        /// The arch.
        arch: String,
        /// The image type in images.json.
        image_type: String,
        /// Path below `compose/`.
        path: String,
        /// Size in bytes.
        size: u64,
    },
    /// Everything that a request asked for is in the compose.
    RequestDone {
        /// Which.
        request: usize,
        /// Its phase.
        phase: String,
        /// The variant uid.
        variant: String,
        /// The task id.
        task: i64,
    },
    /// A request failed.
    RequestFailed {
        /// Which.
        request: usize,
        /// Its phase.
        phase: String,
        /// The variant uid.
        variant: String,
        /// The image name.
        name: String,
        /// The task id, if there is a task.
        #[serde(skip_serializing_if = "Option::is_none")]
        task: Option<i64>,
        /// Whether the compose goes on without it.
        failable: bool,
        /// What went wrong.
        error: String,
    },
    /// The run is over.
    ComposeFinished {
        /// The final status.
        status: String,
        /// What ended it, for a compose that did not finish.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
}

/// An event and its time.
#[derive(Debug, Clone)]
pub struct Stamped {
    /// When it was said.
    pub time: Timestamp,
    /// What was said.
    pub event: Event,
}

impl Stamped {
    /// The event as one JSON object on one line: `{"v": 1, "t": RFC 3339, "event": NAME, ...}`.
    pub fn to_json_line(&self) -> String {
        // The event serialises to an object whose first member is its name; version and time go before it.
        let body = serde_json::to_string(&self.event).unwrap_or_else(|_| "{}".to_owned());
        format!("{{\"v\":{VERSION},\"t\":\"{}\",{}", self.time, &body[1..])
    }
}

/// Somebody who wants to hear events. Must not block for long: the run waits.
pub trait Subscriber: Send {
    /// Called once for each event, in order.
    fn on_event(&mut self, event: &Stamped);
}

/// The stream: says each event to every subscriber, in order.
#[derive(Default)]
pub struct Events {
    subscribers: Mutex<Vec<Box<dyn Subscriber>>>,
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Events")
    }
}

impl Events {
    /// A stream that nobody listens to yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a subscriber; it hears what is said from now on.
    pub fn subscribe(&self, subscriber: Box<dyn Subscriber>) {
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner).push(subscriber);
    }

    /// Says an event.
    pub fn say(&self, event: Event) {
        let stamped = Stamped { time: Timestamp::now(), event };
        for subscriber in self.subscribers.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
            subscriber.on_event(&stamped);
        }
    }

    /// Says a line for the log.
    pub fn message(&self, level: Level, phase: Option<&str>, text: impl Into<String>) {
        self.say(Event::Message { level, phase: phase.map(str::to_owned), text: text.into() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_version_time_and_name_first() {
        let time = "2024-02-29T00:00:00Z".parse().unwrap();
        let line = Stamped { time, event: Event::Status { status: "STARTED".into() } }.to_json_line();
        assert_eq!(line, r#"{"v":1,"t":"2024-02-29T00:00:00Z","event":"status","status":"STARTED"}"#);
        assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok());
    }
}
