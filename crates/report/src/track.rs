//! A *track* is the life of one request as the events tell it, every step with its time; [`Tracks`] are those of the last
//! plan, whatever the number of runs.

use jiff::Timestamp;
use magudi_compose::CloudUpload;
use magudi_engine::causes::Cause;
use magudi_engine::event::{Event, ImageEntry, Stamped};
use std::collections::BTreeMap;

/// The life of one request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Track {
    pub phase: String,
    pub name: String,
    pub variant: String,
    pub subvariant: String,
    pub image_type: String,
    /// Name, version and release: of the build when it is known, else as they were asked for.
    pub nvr: String,
    pub arches: Vec<String>,
    /// Whether the compose continues without it.
    pub failable: bool,
    /// Where the life of its task is written, below the compose directory.
    pub log: Option<String>,
    /// Arches that it has ended well without, and why.
    pub lost: Vec<Cause>,
    pub task: Option<(i64, String)>,
    pub build: Option<i64>,
    /// When it was sent, or found at the hub.
    pub sent: Option<Timestamp>,
    /// The states of the task, each with the time at which it was first seen.
    pub states: Vec<(Timestamp, String)>,
    /// When the first file was on its way.
    pub fetching: Option<Timestamp>,
    /// When the last file was verified.
    pub added: Option<Timestamp>,
    /// When everything was in the compose.
    pub done: Option<Timestamp>,
    /// When it failed and why.
    pub failed: Option<Failed>,
    /// Unknown whether the hub made a task.
    pub in_doubt: bool,
    /// When we had it canceled.
    pub canceled: Option<Timestamp>,
    /// An earlier run had brought its images into the compose.
    pub kept: bool,
    pub images: Vec<(String, ImageEntry)>,
    /// What became of its uploads, by arch.
    pub uploads: Vec<CloudUpload>,
}

impl Track {
    /// One word for where it stands.
    pub fn stage(&self) -> Stage {
        let state = self.states.last().map(|(_, state)| state.as_str());
        if self.done.is_some() {
            Stage::Done
        } else if self.canceled.is_some() || state == Some("CANCELED") {
            Stage::Canceled
        } else if self.failed.is_some() || state == Some("FAILED") {
            Stage::Failed
        } else {
            match state {
                Some("CLOSED") => Stage::Fetching,
                Some("OPEN") => Stage::Open,
                Some(_) => Stage::Queued,
                None if self.task.is_some() => Stage::Queued,
                None => Stage::Waiting,
            }
        }
    }

    /// When it ended, however it ended.
    pub fn ended(&self) -> Option<Timestamp> {
        self.done.or(self.failed.as_ref().map(|failed| failed.time)).or(self.canceled)
    }

    /// Milliseconds from its submission to its end, or to `now` while it has none.
    pub fn duration(&self, now: Timestamp) -> Option<i64> {
        let sent = self.sent?;
        Some(self.ended().unwrap_or(now).as_millisecond() - sent.as_millisecond())
    }

    fn sent_again(self) -> Self {
        Self {
            phase: self.phase,
            name: self.name,
            variant: self.variant,
            subvariant: self.subvariant,
            image_type: self.image_type,
            nvr: self.nvr,
            arches: self.arches,
            failable: self.failable,
            log: self.log,
            ..Self::default()
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Failed {
    pub time: Timestamp,
    /// Why, in one line.
    pub error: String,
    /// The hub's own words in that.
    pub reason: Option<String>,
    /// The builder's reasons, by arch.
    pub causes: Vec<Cause>,
    pub argument: Option<String>,
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    Failed,
    Canceled,
    /// The builder works on it.
    Open,
    /// It was built, and its files are being fetched.
    Fetching,
    /// The hub has it.
    Queued,
    /// It was not sent yet.
    Waiting,
    /// Everything is in the compose.
    Done,
}

impl Stage {
    /// Every stage, what needs attention first.
    pub const ALL: [Self; 7] =
        [Self::Failed, Self::Canceled, Self::Open, Self::Fetching, Self::Queued, Self::Waiting, Self::Done];

    /// The word on the page.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Open => "open",
            Self::Fetching => "fetching",
            Self::Queued => "queued",
            Self::Waiting => "waiting",
            Self::Done => "done",
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct Tracks {
    by_key: BTreeMap<String, Box<Track>>,
    /// Number -> key, of the last plan.
    order: BTreeMap<usize, String>,
    /// Tracks of earlier plans, for a plan that asks for them again.
    earlier: BTreeMap<String, Box<Track>>,
}

impl Tracks {
    /// The tracks, in the order of the last plan.
    pub fn iter(&self) -> impl Iterator<Item = &Track> {
        self.order.values().filter_map(|key| self.by_key.get(key).map(Box::as_ref))
    }

    /// Takes in an event; those that are about no request change nothing.
    pub fn take(&mut self, stamped: &Stamped) {
        let time = stamped.time;
        match &stamped.event {
            Event::ComposeStarted { fresh, .. } => {
                self.earlier.append(&mut self.by_key);
                if *fresh {
                    self.earlier.clear();
                }
                self.order.clear();
            }
            Event::Planned {
                request,
                key,
                phase,
                name,
                variant,
                arches,
                failable,
                subvariant,
                image_type,
                nvr,
                log,
                ..
            } if !self.by_key.contains_key(key) => {
                let known = *self.earlier.remove(key).unwrap_or_default();
                let built = known.build.is_some();
                let track = Track {
                    phase: phase.clone(),
                    name: name.clone(),
                    variant: variant.clone(),
                    subvariant: subvariant.clone(),
                    image_type: image_type.clone(),
                    nvr: if built { known.nvr.clone() } else { nvr.clone() },
                    arches: arches.clone(),
                    failable: *failable,
                    log: log.clone(),
                    failed: None,
                    in_doubt: false,
                    ..known
                };
                self.by_key.insert(key.clone(), Box::new(track));
                self.order.insert(*request, key.clone());
            }
            Event::Submitting { request, .. } => self.with(*request, |track| {
                *track = Track { sent: Some(time), ..std::mem::take(track).sent_again() };
            }),
            Event::Submitted { request, task, url, .. } | Event::Adopted { request, task, url, .. } => {
                self.with(*request, |track| {
                    track.sent.get_or_insert(time);
                    track.task = Some((*task, url.clone()));
                });
            }
            Event::Kept { request, .. } => self.with(*request, |track| {
                track.kept = true;
                track.done.get_or_insert(time);
            }),
            Event::TaskState { request, state, .. } => self.with(*request, |track| {
                if state != "CANCELED" {
                    track.canceled = None;
                }
                if track.states.last().is_none_or(|(_, last)| last != state) {
                    track.states.push((time, state.clone()));
                }
            }),
            Event::Built { request, build, nvr, .. } => self.with(*request, |track| {
                track.build = Some(*build);
                track.nvr.clone_from(nvr);
            }),
            Event::FetchStarted { request, .. } => self.with(*request, |track| {
                track.fetching.get_or_insert(time);
            }),
            Event::ImageAdded { request, variant, image } => self.with(*request, |track| {
                track.added = Some(time);
                track.images.retain(|(_, old)| old.path != image.path);
                if track.images.is_empty() {
                    track.images.reserve_exact(track.arches.len());
                }
                track.images.push((variant.clone(), image.clone()));
            }),
            Event::CloudUpload { request, upload } => self.with(*request, |track| {
                track.uploads.retain(|old| old.arch != upload.arch);
                track.uploads.push(upload.clone());
            }),
            Event::ArchFailed { request, failed, .. } => self.with(*request, |track| {
                track.lost.retain(|old| old.arch != failed.arch);
                track.lost.push(failed.cause());
            }),
            Event::RequestDone { request, .. } => self.with(*request, |track| {
                track.done = Some(time);
                track.failed = None;
            }),
            Event::RequestFailed { request, error, reason, in_doubt, causes, argument, .. } => {
                self.with(*request, |track| {
                    let (error, reason, causes, argument) =
                        (error.clone(), reason.clone(), causes.clone(), argument.clone());
                    track.failed = Some(Failed { time, error, reason, causes, argument });
                    track.in_doubt = *in_doubt;
                });
            }
            Event::TaskCanceled { request, .. } => self.with(*request, |track| track.canceled = Some(time)),
            _ => {}
        }
    }

    fn with(&mut self, request: usize, change: impl FnOnce(&mut Track)) {
        if let Some(track) = self.order.get(&request).and_then(|key| self.by_key.get_mut(key)) {
            change(track);
        }
    }
}
