//! *Arranging* events into a report.

use crate::advice::Next;
use crate::failures::{failures, is_told};
use crate::model::{
    Advice, Checksums, Choices, ComposeState, Count, FailureGroup, Finding, Link, Moment, Outage, Report, Row,
    TaskLink, TriedAgain,
};
use crate::text::{bytes, count, counted, duration, harmless, path_in_url, safe_url, shell_word, time};
use crate::timeline::{Span, bar, first_sent};
use crate::uploads;
use jiff::Timestamp;
use magudi_compose::Status;
use magudi_compose::cloud_uploads::CloudUpload;
use magudi_config::words::agreeing;
use magudi_engine::event::{Event, Stamped};
use magudi_engine::history::{History, OutageEnd, Past, PastOutage, PhaseState, Replay, RequestState, Retried};
use std::collections::{BTreeMap, BTreeSet};

/// What a report needs to know besides the events.
#[derive(Debug, Clone)]
pub struct Facts {
    pub compose_dir: String,
    pub status: Option<Status>,
    /// Who runs the compose now: process and host.
    pub runner: Option<String>,
    /// The present.
    pub now: Timestamp,
    /// Address of the compose directory, relative to the page; empty, or ending with a slash.
    pub base: String,
    /// Files of the compose that are there: what they are, and their path below the compose directory.
    pub files: Vec<(String, String)>,
    /// The uploads of a compose that finished, or why they cannot be read; without them those that the events tell of.
    pub uploads: Result<Option<Vec<CloudUpload>>, String>,
}

/// What is collected while the events go by: the history, and what only the page needs.
#[derive(Debug, Default)]
pub struct Chronicle {
    replay: Replay<'static>,
    runs: usize,
    /// What ended it early.
    error: Option<String>,
    skipped: Vec<String>,
    findings: Vec<Finding>,
    /// What is said before a run begins belongs to it.
    before: (Vec<String>, Vec<Finding>),
}

impl Chronicle {
    /// Hears the next event.
    pub fn take(&mut self, stamped: &Stamped) {
        self.replay.take(stamped);
        match &stamped.event {
            Event::ComposeStarted { .. } => {
                self.runs += 1;
                self.error = None;
                (self.skipped, self.findings) = std::mem::take(&mut self.before);
            }
            Event::LeftOut { text } => self.before.0.push(harmless(text)),
            Event::Diagnostic { id, severity, message, path, file, line, column, help } => {
                let place = match (file, line, column) {
                    (Some(file), Some(line), Some(column)) => format!("{file}:{line}:{column}"),
                    (Some(file), _, _) => file.clone(),
                    _ => String::new(),
                };
                self.before.1.push(Finding {
                    id: harmless(id),
                    severity: harmless(severity),
                    message: harmless(message),
                    path: harmless(path),
                    place: harmless(&place),
                    help: help.as_deref().map(harmless),
                });
            }
            Event::PhaseSkipped { reason, .. } => self.skipped.push(harmless(reason)),
            Event::ComposeFinished { error, .. } => self.error.clone_from(error),
            _ => {}
        }
    }
}

/// Arranges the events of a compose into a report.
pub fn arrange(events: &[Stamped], facts: &Facts) -> Report {
    let mut told = Chronicle::default();
    for stamped in events {
        told.take(stamped);
    }
    report(told, facts).0
}

/// The report about what was heard, and the history that it is about.
pub fn report(mut told: Chronicle, facts: &Facts) -> (Report, History) {
    let history = std::mem::take(&mut told.replay).finish();
    // A run without a process stopped with its last event.
    let (first, last) = history.span.unzip();
    let now = match &facts.runner {
        Some(_) => facts.now,
        None => last.unwrap_or(facts.now),
    };
    let requests: Vec<&Past> = history.requests.iter().collect();
    let failures = failures(&requests, facts);
    let state = state(&history, facts, &failures);
    let tasks = requests.iter().filter_map(|past| task_link(past)).map(|link| (link.id, link)).collect();
    let (uploads, uploads_problem) = match &facts.uploads {
        Ok(Some(list)) => (uploads::shown(list, &tasks), None),
        Ok(None) => {
            let told: Vec<CloudUpload> = requests.iter().flat_map(|past| past.uploads.iter().cloned()).collect();
            (uploads::shown(&told, &tasks), None)
        }
        Err(problem) => (Vec::new(), Some(harmless(problem))),
    };
    let images = || requests.iter().flat_map(|past| &past.images);
    let span = Span::of(requests.iter().copied(), now);
    let mut timeline: Vec<(Timestamp, usize)> =
        requests.iter().enumerate().filter_map(|(index, past)| Some((first_sent(past)?, index))).collect();
    timeline.sort();
    let shown = shown(&requests);
    let bars = timeline.iter().filter(|(_, index)| shown.contains(index));
    let bars = bars.filter_map(|(_, index)| bar(*index, requests.get(*index)?, span?, now));
    let rows_of = |index: &usize| requests.get(*index).map(|past| rows(*index, past, facts, now)).unwrap_or_default();
    let mut rows: Vec<Row> = shown.iter().flat_map(rows_of).collect();
    let attention = |row: &Row| RequestState::BY_ATTENTION.iter().position(|state| state.as_str() == row.stage);
    rows.sort_by_cached_key(attention);
    let is_missing = |row: &Row| row.href.is_none() && row.stage != "done";
    // The rows that are there are not made again to be counted.
    let left_out = (0..requests.len()).filter(|index| !shown.contains(index)).flat_map(|index| rows_of(&index));
    let missing = rows.iter().filter(|row| is_missing(row)).count() + left_out.filter(is_missing).count();
    let elapsed = first.zip(last).map(|(first, _)| now.as_millisecond() - first.as_millisecond());
    let report = Report {
        compose_id: history.compose_id.as_deref().map_or_else(|| "compose".to_owned(), harmless),
        compose_dir: harmless(&facts.compose_dir),
        made: moment(facts.now),
        begun: first.map(moment),
        last: last.map(moment),
        elapsed: elapsed.map(duration).unwrap_or_default(),
        runs: told.runs,
        counts: counts(&requests),
        tasks: requests.len(),
        images: match (images().count(), missing) {
            (have, 0) => count(have),
            (have, missing) => format!("{} of {}", count(have), count(have + missing)),
        },
        size: bytes(images().fold(0, |sum, (_, image)| image.size.saturating_add(sum))),
        error: told.error.as_deref().filter(|error| !is_told(error, &history)).map(harmless),
        failed: failures.iter().map(|failure| failure.images.len()).sum(),
        advice: advice(&history, facts, &state),
        columns: columns(&rows),
        axis: span.map(Span::axis).unwrap_or_default(),
        timeline: bars.collect(),
        choices: choices(&rows),
        left_out: requests.len() - shown.len(),
        rows,
        uploads,
        uploads_problem,
        checksums: checksums(&shown.iter().filter_map(|index| requests.get(*index).copied()).collect::<Vec<_>>()),
        skipped: told.skipped,
        diagnostics: told.findings,
        phases: phases(&history),
        retried: retried(&requests),
        outages: outages(&history, span, now),
        away: away(&history, now),
        links: links(facts),
        failures,
        state,
    };
    (report, history)
}

/// The most tasks with a row and a bar of their own: a page of more is slow to load and slower to read.
const MOST_SHOWN: usize = 3_000;

/// Which tasks have a row and a bar of their own: all, or of very many first those that are not done.
fn shown(requests: &[&Past]) -> BTreeSet<usize> {
    let by_doneness =
        |done: bool| (0..requests.len()).filter(move |index| (requests[*index].state() == RequestState::Done) == done);
    by_doneness(false).chain(by_doneness(true)).take(MOST_SHOWN).collect()
}

fn state(history: &History, facts: &Facts, failures: &[FailureGroup]) -> ComposeState {
    let status = facts.status.map(Status::as_str).or(history.status.as_deref()).unwrap_or("STARTED");
    let failed = |failable: bool| {
        let of_kind = failures.iter().filter(|failure| failure.failable == failable);
        of_kind.map(|failure| failure.images.len()).sum::<usize>()
    };
    let (word, kind, sentence) = match (&facts.runner, status) {
        (Some(runner), _) => ("RUNNING", "busy", format!("The compose is running: {}.", harmless(runner))),
        (None, "FINISHED") => ("FINISHED", "good", finished(history)),
        (None, "FINISHED_INCOMPLETE") => ("FINISHED_INCOMPLETE", "warn", incomplete(failed(true))),
        (None, "DOOMED") => ("DOOMED", "bad", doomed(failed(false), failed(true))),
        (None, "TERMINATED") => {
            ("TERMINATED", "bad", "The compose was ended by a signal or by `magudi cancel`.".to_owned())
        }
        (None, _) if !history.ended => ("STOPPED", "bad", "The compose was interrupted: its process died.".to_owned()),
        (None, other) => (other, "warn", "The compose is not finished.".to_owned()),
    };
    let (running, simulated) = (facts.runner.is_some(), history.is_simulated());
    ComposeState { word: harmless(word), kind, sentence, running, simulated }
}

/// A compose may be finished without all that the journal knows of: another program may have finished it.
fn finished(history: &History) -> String {
    let all = history.requests.len();
    let done = history.counts().of(RequestState::Done);
    let images = history.requests.iter().map(|past| past.images.len()).sum();
    let lost: usize = history.requests.iter().map(|past| past.failed_arches.len()).sum();
    match all - done.min(all) {
        0 if all == 0 => "There was nothing to build.".to_owned(),
        0 if lost == 0 => {
            format!("Everything was built: {} in the compose, verified and listed.", are(images, "image"))
        }
        0 => format!("{} in the compose, verified and listed; {} missing.", are(images, "image"), are(lost, "arch")),
        missing => format!("The compose is finished without {} of {}.", count(missing), counted(all, "task")),
    }
}

/// `1 image is`, `2 images are`.
fn are(n: usize, thing: &str) -> String {
    format!("{} {}", counted(n, thing), agreeing(n, "is", "are"))
}

fn incomplete(failed: usize) -> String {
    match failed {
        0 => "The compose can be used; some failable tasks failed.".to_owned(),
        n => format!("The compose can be used; {} failed.", counted(n, "failable task")),
    }
}

fn doomed(hard: usize, soft: usize) -> String {
    let besides = match soft {
        0 => String::new(),
        1 => ", and 1 failable one".to_owned(),
        n => format!(", and {} failable ones", count(n)),
    };
    match hard {
        0 => "The compose itself failed.".to_owned(),
        n => format!("{} failed{besides}.", counted(n, "task")),
    }
}

/// The phases of the last run that are done, with their durations.
fn phases(history: &History) -> Vec<(String, String)> {
    let done = history.phases.iter().filter_map(|phase| match phase.state {
        PhaseState::Done(took) => Some((harmless(&phase.name), duration(took))),
        PhaseState::Running(_) | PhaseState::Skipped(_) => None,
    });
    done.collect()
}

/// The tasks that failed and were tried again, in the order in which they failed.
fn retried(requests: &[&Past]) -> Vec<TriedAgain> {
    let mut all: Vec<(usize, &Past, &Retried)> = Vec::new();
    for (index, past) in requests.iter().enumerate() {
        all.extend(past.retried.iter().map(|retried| (index, *past, retried)));
    }
    all.sort_by_key(|(_, _, retried)| retried.failure.time);
    let shown = |(request, past, retried): (usize, &Past, &Retried)| TriedAgain {
        request,
        name: harmless(&past.asked.name),
        variant: harmless(&past.asked.variant),
        task: TaskLink { id: retried.task, url: safe_url(&retried.url) },
        at: moment(retried.failure.time),
        why: harmless(&retried.why()),
        retry: retried.retry,
        retries: retried.retries,
    };
    all.into_iter().map(shown).collect()
}

/// How long the hub did not answer, all in all; none: it always did.
fn away(history: &History, now: Timestamp) -> Option<String> {
    let total = history.outages.iter().map(|past| past.duration(now)).fold(0, i64::saturating_add);
    (history.outages.iter().len() > 0).then(|| duration(total))
}

/// The most outages that are shown, the last ones.
const MOST_OUTAGES: usize = 100;

fn outages(history: &History, span: Option<Span>, now: Timestamp) -> Vec<Outage> {
    let left_out = history.outages.iter().len().saturating_sub(MOST_OUTAGES);
    let shown = |past: &PastOutage| Outage {
        from: moment(past.outage.since),
        to: past.ended().map(moment),
        lasted: duration(past.duration(now)),
        hub: past.server.as_deref().map(harmless),
        call: harmless(&past.outage.call),
        reason: harmless(&past.outage.reason),
        is_back: matches!(past.end, OutageEnd::Back(_)),
        place: span.map(|span| span.part(past.outage.since, past.ended().unwrap_or(now))),
    };
    history.outages.iter().skip(left_out).map(shown).collect()
}

fn moment(at: Timestamp) -> Moment {
    Moment { iso: at.to_string(), text: time(at) }
}

fn counts(requests: &[&Past]) -> Vec<Count> {
    let all = requests.len().max(1) as f64;
    let count = |state: RequestState| requests.iter().filter(|past| past.state() == state).count();
    let states = RequestState::BY_ATTENTION.into_iter().map(|state| (state, count(state)));
    states
        .filter(|(_, count)| *count > 0)
        .map(|(state, count)| Count {
            stage: state.as_str(),
            count,
            percent: (count as f64 / all * 100_000.0).round() / 1000.0,
        })
        .collect()
}

/// The task of a request and its page.
pub fn task_link(past: &Past) -> Option<TaskLink> {
    past.task.map(|id| TaskLink { id, url: past.url.as_deref().and_then(safe_url) })
}

fn advice(history: &History, facts: &Facts, state: &ComposeState) -> Vec<Advice> {
    let dir = shell_word(&facts.compose_dir);
    let mut advice = Vec::new();
    let mut say = |text: &str, command: String| advice.push(Advice { text: format!("{text}:"), command });
    if state.running {
        say("Follow the run until it ends", format!("magudi status --watch {dir}"));
        say("Update this page", format!("magudi report {dir}"));
        return advice;
    }
    if history.is_simulated() {
        return advice;
    }
    // What ended without a word has no status of its own.
    if let Some(next) = Next::of(&state.word, history) {
        say(next.purpose(), next.command(&facts.compose_dir));
    }
    if history.requests.iter().any(|past| past.task.is_some() && past.ended().is_none()) {
        say("Or cancel the tasks that are still at the hub", format!("magudi cancel {dir}"));
    }
    advice
}

fn rows(index: usize, past: &Past, facts: &Facts, now: Timestamp) -> Vec<Row> {
    let stage = past.state();
    let milliseconds = past.duration(now);
    let row = |file: String, variant: &str, arch: &str| Row {
        request: index,
        stage: stage.as_str(),
        failed: past.lasting_failure().is_some(),
        name: harmless(&past.asked.name),
        nvr: harmless(past.nvr()),
        file,
        href: None,
        variant: harmless(variant),
        arch: harmless(arch),
        subvariant: harmless(&past.asked.subvariant),
        image_type: harmless(&past.asked.image_type),
        bytes: None,
        size: String::new(),
        milliseconds,
        duration: milliseconds.map(duration).unwrap_or_default(),
        task: task_link(past),
    };
    let mut rows: Vec<Row> = past
        .images
        .iter()
        .map(|(variant, image)| {
            let file = image.path.rsplit('/').next().unwrap_or_default();
            Row {
                href: Some(format!("{}compose/{}", facts.base, path_in_url(&image.path))),
                subvariant: harmless(&image.subvariant),
                image_type: harmless(&image.image_type),
                bytes: Some(image.size),
                size: bytes(image.size),
                ..row(harmless(file), variant, &image.arch)
            }
        })
        .collect();
    // A task of which nothing enters the compose, such as a container that goes to a registry, is there all the same.
    if stage != RequestState::Done || past.images.is_empty() {
        let have: BTreeSet<&str> = past.images.iter().map(|(_, image)| image.arch.as_str()).collect();
        let missing = past.asked.arches.iter().filter(|arch| !have.contains(arch.as_str()));
        rows.extend(missing.map(|arch| row(harmless(&past.asked.name), &past.asked.variant, arch)));
    }
    rows
}

/// The longest value of each column, in characters, as custom properties.
fn columns(rows: &[Row]) -> String {
    const MOST: usize = 32;
    let width = |name: &str, value: fn(&Row) -> &str| {
        let longest = rows.iter().map(|row| value(row).chars().count()).max().unwrap_or(0);
        // The heading needs room for its arrow.
        format!("--{name}:{}ch", longest.clamp(name.len() + 3, MOST))
    };
    let columns = [
        width("variant", |row| &row.variant),
        width("arch", |row| &row.arch),
        width("subvariant", |row| &row.subvariant),
        width("type", |row| &row.image_type),
    ];
    columns.join(";")
}

fn choices(rows: &[Row]) -> Choices {
    let distinct = |value: fn(&Row) -> &str| -> Vec<String> {
        let all: BTreeSet<&str> = rows.iter().map(value).filter(|value| !value.is_empty()).collect();
        all.into_iter().map(str::to_owned).collect()
    };
    let stages = RequestState::BY_ATTENTION.into_iter().map(RequestState::as_str);
    Choices {
        stages: stages.filter(|stage| rows.iter().any(|row| row.stage == *stage)).map(str::to_owned).collect(),
        variants: distinct(|row| &row.variant),
        arches: distinct(|row| &row.arch),
        subvariants: distinct(|row| &row.subvariant),
        types: distinct(|row| &row.image_type),
    }
}

fn checksums(requests: &[&Past]) -> Vec<Checksums> {
    let mut lines: BTreeMap<&str, BTreeSet<(&str, &str)>> = BTreeMap::new();
    for (_, image) in requests.iter().flat_map(|past| &past.images) {
        for (algorithm, value) in image.checksums.iter() {
            lines.entry(algorithm).or_default().insert((&image.path, value));
        }
    }
    lines
        .into_iter()
        .map(|(algorithm, lines)| Checksums {
            algorithm: harmless(algorithm),
            program: matches!(algorithm, "md5" | "sha1" | "sha224" | "sha256" | "sha384" | "sha512")
                .then(|| format!("{algorithm}sum")),
            count: lines.len(),
            lines: lines
                .iter()
                .fold(String::new(), |text, (path, value)| text + &harmless(value) + "  " + &harmless(path) + "\n"),
        })
        .collect()
}

fn links(facts: &Facts) -> Vec<Link> {
    let link = |(label, path): &(String, String)| Link {
        label: harmless(label),
        href: format!("{}{}", facts.base, path_in_url(path)),
    };
    facts.files.iter().map(link).collect()
}
