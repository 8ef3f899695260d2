//! An *event* is the only thing a run says. The terminal, the log files, the notification scripts and the journal are
//! all subscribers of one stream and know nothing of each other.

use crate::artifact::FailedArch;
use crate::causes::Cause;
use crate::journal_line;
use crate::login::Login;
use crate::outage::Outage;
use crate::plan::TaskRequest;
use crate::plan_secrets::{Mask, unsigned};
use jiff::Timestamp;
use magudi_compose::CloudUpload;
use magudi_compose::images::{Checksums, Image};
use magudi_config::outside;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Version of the JSON form; raised when a field changes its meaning.
pub const VERSION: u32 = 1;

/// How important a [`Event::Message`] is, with Pungi's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// For the log file only.
    Debug,
    /// What happens.
    Info,
    Warning,
    Error,
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

/// What became of a phase of Pungi's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PungiPhase {
    /// It runs.
    Started,
    Finished,
    Skipped,
}

/// What happened. `request` is the index of a task request in the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The compose directory exists and the run begins.
    ComposeStarted {
        compose_id: String,
        compose_dir: PathBuf,
        /// Number of task requests in the plan.
        requests: usize,
        /// How the run was started: what a resume needs to know. No secret is in it.
        #[serde(default = "no_settings")]
        settings: Json,
        /// Everything is built again, whatever earlier runs of this compose did.
        #[serde(default)]
        fresh: bool,
    },
    /// The run is logged in: where its requests go, and who sends them. Said before anything is sent.
    LoggedIn(Login),
    /// The hub does not answer, and is asked again and again.
    HubUnreachable(Outage),
    /// The hub answers again.
    HubBack {
        /// How long it had not answered.
        seconds: u64,
    },
    /// A request of the plan; said once for each at the beginning of a run, in expansion order.
    Planned {
        request: usize,
        /// Names the request across runs: a digest of what is sent, and which of several equal ones it is.
        key: String,
        phase: String,
        name: String,
        variant: String,
        arches: Vec<String>,
        /// Whether the compose continues without it.
        failable: bool,
        #[serde(default)]
        subvariant: String,
        /// The image type that is asked for, as it is sent.
        #[serde(default)]
        image_type: String,
        /// Name, version and, if one is sent, release of the build that is asked for.
        #[serde(default)]
        nvr: String,
        /// The hub method; missing in a journal that does not know.
        #[serde(default)]
        method: String,
        /// What its images are called in images.json instead of their archive type; empty: what their archive type is called.
        /// Missing in a journal that does not know.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        manifest_type: Option<String>,
        /// Where the life of its task is written, below the compose directory; missing in a journal that does not know.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        log: Option<String>,
    },
    /// A diagnostic of the configuration, as `check --format json` prints it. Said at the beginning of a run.
    Diagnostic {
        /// The stable id, such as `MG202`.
        id: String,
        /// `error` or `warning`.
        severity: String,
        message: String,
        /// The dotted path of the value; may be empty.
        #[serde(default)]
        path: String,
        #[serde(default)]
        file: Option<String>,
        /// The line, from 1.
        #[serde(default)]
        line: Option<u32>,
        /// The column, from 1.
        #[serde(default)]
        column: Option<u32>,
        #[serde(default)]
        help: Option<String>,
    },
    /// Something that the configuration or the variants have and this run leaves alone. Said at the beginning of a run.
    LeftOut {
        /// What and why.
        text: String,
    },
    /// STATUS changed.
    Status {
        status: String,
    },
    PhaseStarted {
        phase: String,
    },
    /// A phase is over, without an error that ends the compose.
    PhaseFinished {
        phase: String,
        /// How long it took, rounded up.
        seconds: u64,
    },
    PhaseSkipped {
        phase: String,
        reason: String,
    },
    /// The Pungi that makes the rest of the compose is about to be started, or, with its number, was.
    PungiStarted {
        /// Its command line.
        command: Vec<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pid: Option<i32>,
        /// By what a later run knows that process again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        birth: Option<String>,
    },
    PungiPhase {
        phase: String,
        state: PungiPhase,
    },
    /// What that Pungi wrote into STATUS. It is kept from others until the whole compose is done.
    PungiStatus {
        status: String,
    },
    PungiEnded {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<i32>,
        /// The number of the signal that killed it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signal: Option<i32>,
        /// Why it could not be started, or not be followed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Something worth a line in the log and nothing else.
    Message {
        level: Level,
        #[serde(skip_serializing_if = "Option::is_none")]
        phase: Option<String>,
        text: String,
    },
    /// A request is about to be sent. It is on disk before anything goes to the hub.
    Submitting {
        request: usize,
        phase: String,
        variant: String,
        /// What the log calls it; for this run alone.
        #[serde(skip)]
        what: String,
        /// The time from which on its task is to be looked for, by the hub's clock. Journals of before have none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hub_time: Option<Timestamp>,
    },
    /// The answer to a submission got lost: a task of it may be there, and is looked for.
    AnswerLost {
        request: usize,
        /// The hub has executed it for certain.
        executed: bool,
    },
    /// A request that was about to be sent was not: the run ended before.
    Withdrawn {
        request: usize,
    },
    /// A task that an earlier run, or a call without an answer, made for a request.
    Adopted {
        request: usize,
        task: i64,
        /// Page of the task in the hub's web interface.
        url: String,
        /// A person named it (`--adopt`); its owner may be somebody else.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        named: bool,
    },
    /// An earlier run has brought everything of a request into the compose.
    Kept {
        request: usize,
        task: i64,
        images: usize,
    },
    /// The hub made a task of it.
    Submitted {
        request: usize,
        task: i64,
        /// Page of the task in the hub's web interface.
        url: String,
    },
    /// A task was seen in another state than before.
    TaskState {
        request: usize,
        task: i64,
        /// The state as Koji writes it, in upper case.
        state: String,
    },
    /// The build of a closed task is known.
    Built {
        request: usize,
        task: i64,
        build: i64,
        /// Name, version and release of the build.
        nvr: String,
    },
    FetchStarted {
        request: usize,
        file: String,
        /// Size in bytes; 0 when the hub does not know it.
        size: u64,
    },
    /// Part of a file has arrived and been hashed; `bytes` are new since the last such event.
    FetchProgress {
        request: usize,
        file: String,
        /// New bytes.
        bytes: u64,
    },
    /// A file was verified and is in the compose.
    ImageAdded {
        request: usize,
        /// The variant uid it is listed under.
        variant: String,
        /// Its entry in images.json.
        image: ImageEntry,
    },
    /// What became of the upload of one image of a request with upload options; said before the request ends.
    CloudUpload {
        request: usize,
        /// Its entry in cloud-uploads.json.
        upload: CloudUpload,
    },
    /// An arch could not be built, and the compose does without it; said before the request ends.
    ArchFailed {
        request: usize,
        phase: String,
        variant: String,
        /// What the log calls it; for this run alone.
        #[serde(skip)]
        what: String,
        name: String,
        subvariant: String,
        /// The arch, and why.
        #[serde(flatten)]
        failed: FailedArch,
    },
    /// Everything that a request asked for is in the compose.
    RequestDone {
        request: usize,
        phase: String,
        variant: String,
        /// What the log calls it; for this run alone.
        #[serde(skip)]
        what: String,
        task: i64,
        /// Number of images; missing in a journal that does not know.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        images: Option<usize>,
    },
    RequestFailed {
        request: usize,
        phase: String,
        variant: String,
        /// What the log calls it; for this run alone.
        #[serde(skip)]
        what: String,
        name: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        task: Option<i64>,
        /// Whether the compose continues without it.
        failable: bool,
        /// What went wrong, in one line.
        error: String,
        /// The hub's own words in it: neither which image, nor where to look.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// Page of the task in the hub's web interface, if there is a task.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<String>,
        /// The builder's reasons for each image that failed, in the order of the arches.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        causes: Vec<Cause>,
        /// The argument that the hub refused, dotted as in `opts.upload_options`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        argument: Option<String>,
        /// Unknown whether the hub made a task: the answer was lost, and it could not be asked again.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        in_doubt: bool,
    },
    /// The task of a request failed, and it is asked for again. It is on disk before anything goes to the hub.
    RequestRetried {
        request: usize,
        phase: String,
        variant: String,
        name: String,
        /// The task that failed.
        task: i64,
        /// Page of that task in the hub's web interface.
        url: String,
        /// Which retry of the request this is, from 1.
        retry: usize,
        /// How many it may have.
        retries: usize,
        /// What went wrong, in one line.
        error: String,
        /// The hub's own words in it: neither which image, nor where to look.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// The builder's reasons for each image that failed, in the order of the arches.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        causes: Vec<Cause>,
    },
    /// The hub was asked to cancel a task, and says that it is canceled.
    TaskCanceled {
        request: usize,
        task: i64,
    },
    /// A signal ends the run.
    Interrupted {
        signal: i32,
        /// How many tasks run at the hub, as far as the run knows.
        tasks: usize,
        /// They are left running; otherwise they are about to be canceled.
        detached: bool,
    },
    /// A person ended the compose with `magudi cancel`.
    ComposeCanceled {
        /// The user's name on the machine where that was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    ComposeFinished {
        status: String,
        /// What ended it, for a compose that did not finish.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
}

impl Event {
    /// The number of the request that it is about, in the plan of its run.
    pub fn request(&self) -> Option<usize> {
        match self {
            Self::Planned { request, .. }
            | Self::Submitting { request, .. }
            | Self::AnswerLost { request, .. }
            | Self::Withdrawn { request }
            | Self::Adopted { request, .. }
            | Self::Kept { request, .. }
            | Self::Submitted { request, .. }
            | Self::TaskState { request, .. }
            | Self::Built { request, .. }
            | Self::FetchStarted { request, .. }
            | Self::FetchProgress { request, .. }
            | Self::ImageAdded { request, .. }
            | Self::CloudUpload { request, .. }
            | Self::ArchFailed { request, .. }
            | Self::RequestDone { request, .. }
            | Self::RequestFailed { request, .. }
            | Self::RequestRetried { request, .. }
            | Self::TaskCanceled { request, .. } => Some(*request),
            Self::ComposeStarted { .. }
            | Self::LoggedIn(_)
            | Self::HubUnreachable(_)
            | Self::HubBack { .. }
            | Self::Diagnostic { .. }
            | Self::LeftOut { .. }
            | Self::Status { .. }
            | Self::PhaseStarted { .. }
            | Self::PhaseFinished { .. }
            | Self::PhaseSkipped { .. }
            | Self::PungiStarted { .. }
            | Self::PungiPhase { .. }
            | Self::PungiStatus { .. }
            | Self::PungiEnded { .. }
            | Self::Message { .. }
            | Self::Interrupted { .. }
            | Self::ComposeCanceled { .. }
            | Self::ComposeFinished { .. } => None,
        }
    }

    /// The `request` of that `number` in a plan, whose key is `key` and whose watch log is `log`.
    pub fn planned(number: usize, key: &str, request: &TaskRequest, log: Option<String>) -> Self {
        Self::Planned {
            request: number,
            key: key.to_owned(),
            phase: request.phase.to_string(),
            name: request.name().to_owned(),
            variant: request.variant.clone(),
            arches: request.arches().into_iter().map(str::to_owned).collect(),
            failable: request.failable,
            subvariant: request.subvariant.clone(),
            image_type: request.about.image_type.to_string(),
            nvr: request.nvr(),
            method: request.method.name.to_owned(),
            manifest_type: Some(request.about.manifest_type.as_deref().unwrap_or_default().to_owned()),
            log,
        }
    }

    /// Changes the texts that somebody else may have written. Names, paths and numbers stay: a resume needs them.
    fn change_texts(&mut self, change: impl Fn(&mut String)) {
        match self {
            Self::Message { text, .. } | Self::LeftOut { text } | Self::PhaseSkipped { reason: text, .. } => {
                change(text);
            }
            Self::Diagnostic { message, help, .. } => {
                change(message);
                help.iter_mut().for_each(change);
            }
            Self::RequestFailed { error, reason, causes, argument, .. } => {
                change(error);
                let texts = causes.iter_mut().flat_map(|cause| &mut cause.chains).flatten();
                reason.iter_mut().chain(argument).chain(texts).for_each(change);
            }
            Self::RequestRetried { error, reason, causes, .. } => {
                change(error);
                let texts = causes.iter_mut().flat_map(|cause| &mut cause.chains).flatten();
                reason.iter_mut().chain(texts).for_each(change);
            }
            Self::CloudUpload { upload, .. } => {
                upload.reason.iter_mut().for_each(change);
                // A place that is a key to itself is for cloud-uploads.json alone, where that is asked for.
                upload.options.values_mut().for_each(|place| *place = unsigned(place).into_owned());
            }
            Self::ArchFailed { failed, .. } => change(&mut failed.reason),
            Self::HubUnreachable(outage) => change(&mut outage.reason),
            Self::ComposeFinished { error, .. } => error.iter_mut().for_each(change),
            Self::PungiStarted { command, .. } => command.iter_mut().for_each(change),
            Self::PungiEnded { reason, .. } => reason.iter_mut().for_each(change),
            _ => {}
        }
    }
}

/// The entry of an image in images.json, with all that a later run needs to write it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageEntry {
    pub arch: String,
    pub image_type: String,
    pub format: String,
    pub subvariant: String,
    /// Path below `compose/`.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// Modification time, seconds since 1970.
    pub mtime: i64,
    /// Algorithm -> lower-case hex.
    pub checksums: Checksums,
    /// Whether it is a medium that boots.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bootable: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_id: Option<String>,
    /// The checksum inside an ISO.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub implant_md5: Option<String>,
}

impl From<&Image> for ImageEntry {
    fn from(image: &Image) -> Self {
        Self {
            arch: image.arch.clone(),
            image_type: image.kind.clone(),
            format: image.format.clone(),
            subvariant: image.subvariant.clone(),
            path: image.path.clone(),
            size: image.size,
            mtime: image.mtime,
            checksums: image.checksums.clone(),
            bootable: image.bootable,
            volume_id: image.volume_id.clone(),
            implant_md5: image.implant_md5.clone(),
        }
    }
}

impl From<ImageEntry> for Image {
    /// An image as the phases make it: one disc (facts: manifests 8).
    fn from(entry: ImageEntry) -> Self {
        Self {
            path: entry.path,
            mtime: entry.mtime,
            size: entry.size,
            volume_id: entry.volume_id,
            kind: entry.image_type,
            format: entry.format,
            arch: entry.arch,
            disc_number: 1,
            disc_count: 1,
            checksums: entry.checksums,
            implant_md5: entry.implant_md5,
            bootable: entry.bootable,
            subvariant: entry.subvariant,
            unified: false,
            additional_variants: Vec::new(),
            extra: serde_json::Map::new(),
        }
    }
}

#[derive(Debug, Clone)]
pub struct Stamped {
    /// To the millisecond.
    pub time: Timestamp,
    pub event: Event,
}

/// The time to the millisecond: nothing happens that is shorter, and a journal has ten times for an image.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// Each setting has its default.
fn no_settings() -> Json {
    Json::Object(serde_json::Map::new())
}

impl Stamped {
    /// The event as one JSON object on one line: `{"v": 1, "t": RFC 3339, "event": NAME, ...}`.
    pub fn to_json_line(&self) -> String {
        // Who looks at it in a terminal is safe from what is in names, too.
        outside::json(journal_line::to_json(VERSION, self.time, &self.event))
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
    mask: Mask,
    subscribers: Mutex<Vec<Box<dyn Subscriber>>>,
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Events")
    }
}

impl Events {
    /// A stream without listeners yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A stream without listeners yet, whose texts show nothing that `mask` hides.
    pub fn concealing(mask: Mask) -> Self {
        Self { mask, ..Self::default() }
    }

    /// A text as it may be shown and kept: without secrets, and visible ([`outside`]).
    pub fn harmless(&self, mut text: String) -> String {
        self.mask.hide_in(&mut text);
        match outside::visible(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(visible) => visible,
        }
    }

    /// Adds a subscriber; it hears what is said from now on.
    pub fn subscribe(&self, subscriber: Box<dyn Subscriber>) {
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner).push(subscriber);
    }

    pub fn say(&self, mut event: Event) {
        event.change_texts(|text| *text = self.harmless(std::mem::take(text)));
        let stamped = Stamped { time: now(), event };
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
    fn times_are_said_to_the_millisecond() {
        struct Whole;
        impl Subscriber for Whole {
            fn on_event(&mut self, event: &Stamped) {
                assert_eq!(event.time.subsec_nanosecond() % 1_000_000, 0);
            }
        }
        let events = Events::new();
        events.subscribe(Box::new(Whole));
        // The clock has nanoseconds in nearly every look at it.
        (0..20).for_each(|_| events.message(Level::Info, None, ""));
    }

    #[test]
    fn a_line_has_version_time_and_name_first() {
        let time = "2024-02-29T00:00:00Z".parse().unwrap();
        let line = Stamped { time, event: Event::Status { status: "STARTED".into() } }.to_json_line();
        assert_eq!(line, r#"{"v":1,"t":"2024-02-29T00:00:00Z","event":"status","status":"STARTED"}"#);
        assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok());
    }
}
