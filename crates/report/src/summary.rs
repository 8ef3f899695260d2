//! The *summary* of a run that has ended: what a program needs that mails it or posts it, and what a mail of cron says. Failures are
//! counted by their innermost reason, which is what people act on.

use crate::advice::Next;
use crate::text::counted;
use magudi_compose::CloudUpload;
use magudi_engine::artifact::FailedArch;
use magudi_engine::causes::Cause;
use magudi_engine::history::{History, Past, RequestState};
use magudi_engine::outage::clock;
use magudi_engine::plan_secrets::unsigned;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// The version of the JSON form; raised when a member changes its meaning.
const VERSION: u32 = 1;

/// The most images that a cause names.
const MAX_NAMED: usize = 20;

/// How a run ended, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Everything is in the compose.
    Finished,
    /// The compose is finished without images that may be missing.
    Incomplete,
    /// It is DOOMED.
    Failed,
    /// A signal has ended it.
    Interrupted,
    /// It ended before there was a compose.
    NotStarted,
}

/// Why images failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedFor {
    /// The innermost reason, in one line.
    pub reason: String,
    /// How many images failed for it.
    pub count: usize,
    /// The compose is finished without them.
    pub failable: bool,
    /// Which, as `NAME of VARIANT`; the first ones.
    pub images: Vec<String>,
    /// The page of the first one's task.
    pub url: Option<String>,
}

/// A run that has ended.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    v: u32,
    /// None: there is no compose.
    pub compose_id: Option<String>,
    pub compose_dir: Option<String>,
    /// The word in STATUS.
    pub status: Option<String>,
    pub verdict: Verdict,
    /// The exit status of the run.
    pub exit_status: u8,
    /// What ended it.
    pub error: Option<String>,
    pub causes: Vec<FailedFor>,
    /// How many requests there are in each state.
    pub counts: BTreeMap<&'static str, usize>,
    /// How many images are in the compose.
    pub images: usize,
    /// How many tasks failed and were followed by another (`--retries`).
    pub retried: usize,
    /// Where images were uploaded to, without signatures.
    pub uploads: Vec<CloudUpload>,
    /// The page about the compose.
    pub report: Option<String>,
    /// The command that continues it.
    pub next: Option<String>,
    /// When the first run of the compose began, and the last one ended.
    pub began: Option<String>,
    pub ended: Option<String>,
    /// The time between the two.
    pub seconds: Option<i64>,
}

impl Summary {
    /// Of the compose in `dir`, whose journal is `history`.
    pub fn new(dir: &Path, report: &Path, history: &History, status: &str, error: Option<&str>) -> Self {
        let verdict = match (status, error) {
            ("TERMINATED", _) => Verdict::Interrupted,
            (_, Some(_)) => Verdict::Failed,
            ("FINISHED_INCOMPLETE", None) => Verdict::Incomplete,
            _ => Verdict::Finished,
        };
        let shown = dir.display().to_string();
        let counts = history.counts().present(RequestState::BY_ATTENTION);
        let mut uploads: Vec<CloudUpload> = history.requests.iter().flat_map(|past| past.uploads.clone()).collect();
        for place in uploads.iter_mut().flat_map(|upload| upload.options.values_mut()) {
            *place = unsigned(place).into_owned();
        }
        Self {
            v: VERSION,
            compose_id: history.compose_id.clone(),
            status: Some(status.to_owned()),
            verdict,
            exit_status: u8::from(error.is_some()),
            error: error.map(one_line),
            causes: causes(history),
            counts: counts.map(|(state, count)| (state.as_str(), count)).collect(),
            images: history.requests.iter().map(|past| past.images.len()).sum(),
            retried: history.requests.iter().map(|past| past.retried.len()).sum(),
            uploads,
            report: Some(report.display().to_string()),
            next: Next::of(status, history).map(|next| next.command(&shown)),
            began: history.span.map(|(first, _)| first.to_string()),
            ended: history.span.map(|(_, last)| last.to_string()),
            seconds: history.span.map(|(first, last)| last.as_second().saturating_sub(first.as_second())),
            compose_dir: Some(shown),
        }
    }

    /// Of a run that ended with `error` before there was a compose.
    pub fn not_started(error: &str, exit_status: u8) -> Self {
        Self {
            v: VERSION,
            compose_id: None,
            compose_dir: None,
            status: None,
            verdict: Verdict::NotStarted,
            exit_status,
            error: Some(one_line(error)),
            causes: Vec::new(),
            counts: BTreeMap::new(),
            images: 0,
            retried: 0,
            uploads: Vec::new(),
            report: None,
            next: None,
            began: None,
            ended: None,
            seconds: None,
        }
    }

    /// What a mail of cron needs: a line for each cause, what else ended the compose, and where to read on. Nothing on success.
    pub fn in_lines(&self, error_is_told: bool) -> Vec<String> {
        let mut lines: Vec<String> = self.causes.iter().map(FailedFor::in_words).collect();
        if let Some(error) = self.error.as_ref().filter(|_| !error_is_told) {
            lines.push(format!("error: {error}"));
        }
        if !lines.is_empty() {
            let after = self.seconds.map_or_else(String::new, |seconds| format!(" after {}", clock(seconds)));
            let (id, status) = (self.compose_id.as_deref(), self.status.as_deref());
            lines.insert(0, format!("{} {}{after}", id.unwrap_or("the compose"), status.unwrap_or("was not started")));
            lines.extend(self.report.as_ref().map(|report| format!("report: {report}")));
        }
        lines
    }
}

impl FailedFor {
    fn in_words(&self) -> String {
        let failable = if self.failable { "failable " } else { "" };
        format!("{} failed: {}", counted(self.count, &format!("{failable}image")), self.reason)
    }
}

/// What failed, by innermost reason: what must not fail first, and the most frequent first.
fn causes(history: &History) -> Vec<FailedFor> {
    let mut all: Vec<FailedFor> = Vec::new();
    for past in history.requests.iter() {
        let of_arches: Vec<Cause> = past.failed_arches.iter().map(FailedArch::cause).collect();
        for reason in innermost(&of_arches) {
            add(&mut all, past, reason, true);
        }
        let Some(failure) = past.lasting_failure() else { continue };
        let mut reasons = innermost(&failure.causes);
        if reasons.is_empty() {
            reasons.push(one_line(failure.reason.as_deref().unwrap_or(&failure.error)));
        }
        for reason in reasons {
            add(&mut all, past, reason, past.asked.failable);
        }
    }
    all.sort_by_key(|cause| (cause.failable, std::cmp::Reverse(cause.count)));
    all
}

fn add(all: &mut Vec<FailedFor>, past: &Past, reason: String, failable: bool) {
    let image = format!("{} of {}", past.asked.name, past.asked.variant);
    match all.iter_mut().find(|cause| cause.reason == reason && cause.failable == failable) {
        Some(cause) => {
            cause.count += 1;
            if cause.images.len() < MAX_NAMED {
                cause.images.push(image);
            }
        }
        None => all.push(FailedFor { reason, count: 1, failable, images: vec![image], url: past.url.clone() }),
    }
}

/// The innermost reasons, each once.
fn innermost(causes: &[Cause]) -> Vec<String> {
    let mut reasons = Vec::new();
    for reason in causes.iter().flat_map(|cause| &cause.chains).filter_map(|chain| chain.last()) {
        let reason = one_line(reason);
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    reasons
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
