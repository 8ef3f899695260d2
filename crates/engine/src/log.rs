//! The *log* is what Pungi's users grep: each event as lines with a level, in Pungi's words (facts: compose 10), to
//! `logs/global/pungi.global.log` and, without a terminal, to standard error.

use crate::artifact::FailedArch;
use crate::causes;
use crate::event::{Event, Level, Stamped, Subscriber};
use crate::outage::clock;
use crate::pungi::How;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use magudi_compose::{CloudUpload, confined};
use magudi_config::outside;
use magudi_config::words::{agreeing, counted};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// One line of the log, without its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub phase: Option<String>,
    pub level: Level,
    /// The text; may have several lines.
    pub text: String,
}

impl Line {
    fn new(level: Level, text: impl Into<String>) -> Self {
        Self { phase: None, level, text: text.into() }
    }

    fn of(phase: &str, level: Level, text: impl Into<String>) -> Self {
        Self { phase: Some(phase.to_uppercase()), level, text: text.into() }
    }

    /// The line as Pungi writes it: the time, phase padded to 16, level padded to 8.
    pub fn format(&self, time: &str) -> String {
        let level = self.level.as_str();
        let text = outside::entry(&self.text);
        match &self.phase {
            Some(phase) => format!("{time} [{phase:<16}] [{level:<8}] {text}"),
            None => format!("{time} [{level:<8}] {text}"),
        }
    }
}

/// Local time as lines of the log have it, to the second.
#[derive(Debug)]
pub struct LogClock {
    zone: TimeZone,
    /// The second since 1970 that was asked for last, and its text: most events share it with the one before.
    shown: (i64, String),
}

impl LogClock {
    /// A clock in the zone of this machine.
    pub fn local() -> Self {
        Self::in_zone(TimeZone::system())
    }

    /// A clock in `zone`.
    pub fn in_zone(zone: TimeZone) -> Self {
        Self { zone, shown: (i64::MIN, String::new()) }
    }

    pub fn show(&mut self, time: Timestamp) -> &str {
        let second = time.as_millisecond().div_euclid(1000);
        if self.shown.0 != second {
            let text = time.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string();
            self.shown = (second, text);
        }
        &self.shown.1
    }
}

/// The lines that an event is worth.
pub fn lines(event: &Event) -> Vec<Line> {
    use Level::{Critical, Debug, Error, Info, Warning};
    match event {
        Event::ComposeStarted { compose_id, compose_dir, requests, .. } => vec![
            Line::new(Info, format!("Compose top directory: {}", compose_dir.display())),
            Line::new(Info, format!("COMPOSE_ID={compose_id}")),
            Line::new(Debug, format!("The plan has {requests} task requests")),
        ],
        Event::HubUnreachable(outage) => {
            let trying = outage.trying(outage.since, &TimeZone::system());
            let text = format!("The hub does not answer {} ({}); {trying}", outage.call, outage.reason);
            vec![Line::new(Warning, text)]
        }
        Event::HubBack { seconds } => {
            let lasted = clock(i64::try_from(*seconds).unwrap_or(i64::MAX));
            vec![Line::new(Info, format!("The hub answers again, after {lasted}"))]
        }
        Event::LoggedIn(login) => vec![Line::new(Info, format!("Logged in at {login}"))],
        Event::Status { status } => vec![Line::new(Debug, format!("STATUS={status}"))],
        Event::PhaseStarted { phase } => vec![Line::new(Info, banner("BEGIN", phase))],
        Event::PhaseFinished { phase, seconds } => vec![
            Line::new(Info, banner("DONE ", phase)),
            Line::new(Info, format!("PHASE {} took {seconds} seconds", phase.to_uppercase())),
        ],
        Event::PhaseSkipped { phase, reason } => {
            vec![Line::new(Info, format!("{reason}. Skipping.")), Line::new(Warning, banner("SKIP ", phase))]
        }
        Event::PungiStarted { command, .. } if command.is_empty() => {
            vec![Line::new(Info, "Pungi makes the rest of the compose: its status counts too")]
        }
        Event::PungiStarted { command, pid: None, .. } => {
            vec![Line::new(Info, format!("Starting Pungi: {}", command.join(" ")))]
        }
        Event::PungiStarted { pid: Some(pid), .. } => vec![Line::new(Debug, format!("Pungi is process {pid}"))],
        // Pungi's own line says it.
        Event::PungiPhase { .. } => Vec::new(),
        Event::PungiStatus { status } => vec![Line::new(Debug, format!("Pungi says STATUS={status}"))],
        Event::PungiEnded { code, signal, reason } => match How::of(*code, *signal, reason.as_deref()) {
            How::Exited { code: 0 } | How::Unseen => vec![Line::new(Info, "Pungi has ended")],
            how => vec![Line::new(Error, format!("Pungi has ended: {how}"))],
        },
        Event::Message { level, phase, text } => {
            vec![Line { phase: phase.as_deref().map(str::to_uppercase), level: *level, text: text.clone() }]
        }
        Event::Submitting { phase, what, .. } => vec![Line::of(phase, Info, format!("[BEGIN] {what}"))],
        Event::AnswerLost { request, executed } => {
            let how = if *executed { "executed" } else { "may have executed" };
            let text = format!(
                "The hub {how} the submission of request {}, but the answer was lost: looking for the task",
                request.saturating_add(1)
            );
            vec![Line::new(Warning, text)]
        }
        Event::Planned { .. } | Event::Diagnostic { .. } | Event::Withdrawn { .. } => Vec::new(),
        Event::LeftOut { text } => vec![Line::new(Info, text.clone())],
        Event::Adopted { task, url, .. } => vec![Line::new(Info, format!("Using existing task {task}: {url}"))],
        Event::Kept { task, images, .. } => {
            let is = agreeing(*images, "is", "are");
            let text = format!("{} of task {task} {is} already in the compose", counted(*images, "image"));
            vec![Line::new(Info, text)]
        }
        Event::TaskCanceled { task, .. } => vec![Line::new(Info, format!("Task {task} was canceled"))],
        Event::Submitted { task, url, .. } => vec![Line::new(Info, format!("Task {task}: {url}"))],
        Event::TaskState { task, state, .. } => vec![Line::new(Debug, format!("Task {task} is {state}"))],
        Event::Built { task, nvr, .. } => vec![Line::new(Debug, format!("Task {task} built {nvr}"))],
        Event::FetchStarted { .. } | Event::FetchProgress { .. } => Vec::new(),
        Event::ImageAdded { image, .. } => {
            vec![Line::new(Info, format!("Added {} ({} bytes)", image.path, image.size))]
        }
        Event::CloudUpload { upload, .. } => vec![upload_line(upload)],
        Event::ArchFailed { phase, what, failed, .. } => {
            let FailedArch { reason, url, .. } = failed;
            let where_to = url.as_ref().map(|url| format!(": {url}")).unwrap_or_default();
            vec![
                Line::of(phase, Error, format!("[FAIL] {what} failed, but going on anyway.")),
                Line::of(phase, Error, format!("{reason}{where_to}")),
            ]
        }
        Event::RequestDone { phase, what, task, .. } => {
            vec![Line::of(phase, Info, format!("[DONE ] {what} (task id: {task})"))]
        }
        Event::RequestFailed { phase, what, failable, error, task, url, .. } => {
            let going_on = if *failable { ", but going on anyway" } else { "" };
            let what = format!("[FAIL] {what} failed{going_on}.");
            let mut all = vec![Line::of(phase, Error, what), Line::of(phase, Error, error.clone())];
            if let (Some(task), Some(url)) = (task, url) {
                all.push(Line::of(phase, Error, format!("Task {task}: {url}")));
            }
            all
        }
        Event::RequestRetried { phase, variant, name, task, url, retry, retries, error, reason, causes, .. } => {
            let why = causes::in_short(reason.as_deref().unwrap_or(error), causes);
            let text = format!("{name} of {variant}: task {task} failed ({why}); trying again, {retry} of {retries}");
            vec![Line::of(phase, Warning, text), Line::of(phase, Info, format!("Task {task}: {url}"))]
        }
        // Pungi's words, and what they mean here.
        Event::Interrupted { signal, tasks, detached } => vec![
            Line::new(Error, format!("Compose run failed: signal {signal}")),
            Line::new(
                Warning,
                format!(
                    "{}; {}",
                    interrupted(*tasks, *detached),
                    after_interruption(*tasks, *detached, "a second signal")
                ),
            ),
        ],
        Event::ComposeCanceled { by } => {
            let by = by.as_deref().map_or_else(String::new, |by| format!(" by {by}"));
            vec![Line::new(Warning, format!("The compose was canceled{by}"))]
        }
        Event::ComposeFinished { status, error: None } => vec![Line::new(Info, format!("Compose finished: {status}"))],
        Event::ComposeFinished { error: Some(error), .. } => {
            vec![Line::new(Critical, format!("Compose run failed: {error}"))]
        }
    }
}

/// What a signal does to the tasks of a run (facts: compose 15).
pub fn interrupted(tasks: usize, detached: bool) -> String {
    let counted = counted(tasks, "task");
    match (tasks, detached) {
        (0, _) => "interrupted: no task is running".to_owned(),
        (_, true) => format!("interrupted: leaving {counted} running"),
        (_, false) => format!("interrupted: canceling {counted}"),
    }
}

/// What `another` signal would do then.
pub fn after_interruption(tasks: usize, detached: bool, another: &str) -> String {
    match (tasks, detached) {
        (0, _) | (_, true) => format!("{another} ends the run at once"),
        (_, false) => format!("{another} leaves {} running", agreeing(tasks, "it", "them")),
    }
}

fn upload_line(upload: &CloudUpload) -> Line {
    let what = format!("{} ({}, {})", upload.image, upload.variant, upload.arch);
    let provider = upload.provider.as_deref().unwrap_or("a cloud");
    let reason = upload.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    match upload.status.as_str() {
        CloudUpload::SUCCESS => Line::new(Level::Info, format!("Uploaded {what} to {provider}: {}", upload.location())),
        CloudUpload::FAILURE => Line::new(Level::Warning, format!("Upload of {what} to {provider} failed{reason}")),
        status => Line::new(Level::Warning, format!("Upload of {what} to {provider} has the status {status}{reason}")),
    }
}

fn banner(word: &str, phase: &str) -> String {
    format!("[{word}] ---------- PHASE: {} ----------", phase.to_uppercase())
}

/// Appends the log to a file. A write error is kept until the end; it does not stop the compose.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: File,
    clock: LogClock,
    failed: bool,
}

impl LogFile {
    /// Opens `path` for appending.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = confined::open(path, OpenOptions::new().create(true).append(true))?;
        Ok(Self { path: path.to_path_buf(), file, clock: LogClock::local(), failed: false })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Subscriber for LogFile {
    fn on_event(&mut self, event: &Stamped) {
        let mut text = String::new();
        for line in lines(&event.event) {
            text.push_str(&line.format(self.clock.show(event.time)));
            text.push('\n');
        }
        // After one failure (a full disk) every line would fail; the manifests are what must not fail silently.
        if !text.is_empty() && !self.failed {
            self.failed = self.file.write_all(text.as_bytes()).is_err();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_look_like_another_line() {
        let text = "policy says no\r\n2024-02-29 01:02:03 [INFO    ] STATUS=FINISHED\u{1b}[2J";
        assert_eq!(
            Line::new(Level::Error, text).format("2024-02-29 01:02:03"),
            "2024-02-29 01:02:03 [ERROR   ] policy says no\n    2024-02-29 01:02:03 [INFO    ] \
             STATUS=FINISHED\\u{1b}[2J"
        );
    }

    #[test]
    fn the_clock_goes_with_its_zone_and_back() {
        let mut clock = LogClock::in_zone(TimeZone::fixed(jiff::tz::offset(2)));
        for (time, want) in [
            ("2024-02-29T21:59:59.9Z", "2024-02-29 23:59:59"),
            ("2024-02-29T22:00:00Z", "2024-03-01 00:00:00"),
            ("2024-02-29T22:00:00.5Z", "2024-03-01 00:00:00"),
            ("2024-02-29T21:59:59Z", "2024-02-29 23:59:59"),
            ("1969-12-31T21:59:59.5Z", "1969-12-31 23:59:59"),
        ] {
            assert_eq!(clock.show(time.parse().unwrap()), want);
        }
    }

    #[test]
    fn lines_look_like_pungis() {
        let show = |event: Event| -> Vec<String> {
            lines(&event).iter().map(|line| line.format("2024-02-29 01:02:03")).collect()
        };
        assert_eq!(
            show(Event::PhaseStarted { phase: "osbuild".into() }),
            ["2024-02-29 01:02:03 [INFO    ] [BEGIN] ---------- PHASE: OSBUILD ----------"]
        );
        assert_eq!(
            show(Event::RequestDone {
                what: "OSBuild task for variant Server".into(),
                request: 0,
                phase: "osbuild".into(),
                variant: "Server".into(),
                task: 42,
                images: None
            }),
            ["2024-02-29 01:02:03 [OSBUILD         ] [INFO    ] [DONE ] OSBuild task for variant Server (task id: 42)"]
        );
        let failed = show(Event::RequestFailed {
            what: "Osbuild (variant Client, arch *)".into(),
            request: 0,
            phase: "osbuild".into(),
            variant: "Client".into(),
            name: "disk".into(),
            task: None,
            failable: true,
            error: "boom".into(),
            reason: None,
            url: None,
            causes: Vec::new(),
            argument: None,
            in_doubt: false,
        });
        assert_eq!(
            failed[0],
            "2024-02-29 01:02:03 [OSBUILD         ] [ERROR   ] [FAIL] Osbuild (variant Client, arch *) failed, but \
             going on anyway."
        );
    }
}
