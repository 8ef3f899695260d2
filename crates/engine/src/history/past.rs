//! What is known of one request, and what each event adds to that.

use super::state::RequestState;
use crate::artifact::{AddedImage, FailedArch};
use crate::causes::{self, Cause};
use crate::event::{Event, ImageEntry, Stamped};
use crate::find_task::since;
use jiff::Timestamp;
use magudi_compose::CloudUpload;
use magudi_compose::images::Image;
use magudi_koji::calls::TaskState;

/// A submission of which it is not known whether the hub made a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InDoubt {
    /// The time from which on to look for its task, by the hub's clock.
    pub since: Timestamp,
    /// Its answer got lost. Otherwise it was announced, and perhaps never sent.
    pub lost: bool,
    pub executed: bool,
}

/// What a plan says of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlannedRequest {
    pub phase: String,
    pub name: String,
    pub variant: String,
    pub arches: Vec<String>,
    /// Whether the compose continues without it.
    pub failable: bool,
    pub subvariant: String,
    /// The image type that was asked for, as it was sent.
    pub image_type: String,
    /// Name, version and, if one was sent, release of the build that was asked for.
    pub nvr: String,
    /// The hub method; empty: the journal does not say.
    pub method: String,
    /// What its images are called in images.json; empty: what their archive type is called. `None`: the journal does not say.
    pub manifest_type: Option<String>,
    /// Where the life of its task is written, below the compose directory; `None`: the journal does not say.
    pub log: Option<String>,
}

impl PlannedRequest {
    /// The key and the request of a `planned` event; `None` of any other.
    pub(super) fn of(event: &Event) -> Option<(String, Self)> {
        let Event::Planned {
            request: _,
            key,
            phase,
            name,
            variant,
            arches,
            failable,
            subvariant,
            image_type,
            nvr,
            method,
            manifest_type,
            log,
        } = event
        else {
            return None;
        };
        let asked = Self {
            phase: phase.clone(),
            name: name.clone(),
            variant: variant.clone(),
            arches: arches.clone(),
            failable: *failable,
            subvariant: subvariant.clone(),
            image_type: image_type.clone(),
            nvr: nvr.clone(),
            method: method.clone(),
            manifest_type: manifest_type.clone(),
            log: log.clone(),
        };
        Some((key.clone(), asked))
    }

    /// Whether images of `self` are described otherwise in `other`.
    fn describes_otherwise(&self, other: &Self) -> bool {
        self.subvariant != other.subvariant
            || (self.manifest_type.is_some()
                && other.manifest_type.is_some()
                && self.manifest_type != other.manifest_type)
    }
}

/// The image of the configuration that a file was made for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MadeFor {
    pub phase: String,
    pub variant: String,
    pub name: String,
}

impl MadeFor {
    pub(super) fn of(asked: &PlannedRequest) -> Self {
        Self { phase: asked.phase.clone(), variant: asked.variant.clone(), name: asked.name.clone() }
    }

    pub(super) fn is(&self, asked: &PlannedRequest) -> bool {
        (&self.phase, &self.variant, &self.name) == (&asked.phase, &asked.variant, &asked.name)
    }
}

/// How a request failed.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestFailure {
    pub time: Timestamp,
    /// What went wrong, in one line.
    pub error: String,
    /// The hub's own words in that.
    pub reason: Option<String>,
    /// The builder's reasons for it, by arch.
    pub causes: Vec<Cause>,
    /// The argument that the hub refused.
    pub argument: Option<String>,
}

/// A task that failed, and instead of which another one was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Retried {
    pub task: i64,
    /// Its page in the hub's web interface.
    pub url: String,
    /// Which retry followed it, from 1, and how many there could be.
    pub retry: usize,
    pub retries: usize,
    /// When it was sent, or found at the hub.
    pub sent: Option<Timestamp>,
    pub failure: RequestFailure,
}

impl Retried {
    /// Why it failed, in one line.
    pub fn why(&self) -> String {
        let RequestFailure { error, reason, causes, .. } = &self.failure;
        causes::in_short(reason.as_deref().unwrap_or(error), causes)
    }

    /// What became of the task, in one line.
    pub fn in_words(&self) -> String {
        let Self { task, retry, retries, .. } = self;
        format!("task {task} failed ({}); tried again, {retry} of {retries}", self.why())
    }
}

/// What is known of one request. Where it says *when*, that is the time of the event.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Past {
    /// Names it across runs.
    pub key: String,
    /// What the last plan says of it.
    pub asked: PlannedRequest,
    /// When it was sent, or its task found at the hub.
    pub sent: Option<Timestamp>,
    pub task: Option<i64>,
    /// Tasks that it had before, the last one last.
    pub earlier: Vec<i64>,
    /// Those of them that failed and were followed by another without anybody asking (`--retries`).
    pub retried: Vec<Retried>,
    /// How many of its retries it has had, since a person asked for it.
    pub retries: usize,
    /// A person named the task; its owner may be somebody else.
    pub named: bool,
    /// Page of the task in the hub's web interface.
    pub url: Option<String>,
    /// The states in which the task was seen, each with the time of the first look that saw it.
    pub states: Vec<(Timestamp, TaskState)>,
    /// Id, and name, version and release of the build.
    pub build: Option<(i64, String)>,
    /// Set while it is not known whether the hub made a task.
    pub in_doubt: Option<InDoubt>,
    /// Which of [`super::History::places`] the compose was in when it was sent last.
    pub place: usize,
    /// When we had the task canceled.
    pub canceled: Option<Timestamp>,
    /// When its first file was on its way.
    pub fetching: Option<Timestamp>,
    /// When its last file was verified.
    pub added: Option<Timestamp>,
    /// When everything it asked for was in the compose, as far as the images of it are known.
    pub done: Option<Timestamp>,
    /// When the last run said that an earlier one has brought everything into the compose, and how many images that are: who only
    /// hears the last run knows no more of them.
    pub kept: Option<(Timestamp, usize)>,
    /// What went wrong last.
    pub failure: Option<Box<RequestFailure>>,
    pub images: Vec<(String, ImageEntry)>,
    /// What became of the uploads of its images.
    pub uploads: Vec<CloudUpload>,
    /// Arches that its task could not build, and that the compose does without.
    pub failed_arches: Vec<FailedArch>,
}

impl Past {
    /// A request of which only the plan is known.
    pub(super) fn planned(key: String, asked: PlannedRequest) -> Self {
        Self { key, asked, ..Self::default() }
    }

    /// Takes the images out, as the manifest needs them.
    pub fn take_added(&mut self) -> Vec<AddedImage> {
        let images = std::mem::take(&mut self.images).into_iter();
        images.map(|(variant, entry)| AddedImage { variant, image: Image::from(entry) }).collect()
    }

    /// How many images of it are in the compose.
    pub fn image_count(&self) -> usize {
        self.images.len().max(self.kept.map_or(0, |(_, images)| images))
    }

    /// The last state in which the task was seen.
    pub fn task_state(&self) -> Option<TaskState> {
        self.states.last().map(|(_, state)| *state)
    }

    pub fn state(&self) -> RequestState {
        let seen = self.task_state();
        if self.done.is_some() || self.kept.is_some() {
            return RequestState::Done;
        }
        if self.canceled.is_some() || seen == Some(TaskState::Canceled) {
            return RequestState::Canceled;
        }
        if self.failure.is_some() || seen == Some(TaskState::Failed) {
            return RequestState::Failed;
        }
        match seen {
            _ if self.in_doubt.is_some() => RequestState::InDoubt,
            Some(TaskState::Closed) if self.fetching.is_some() => RequestState::Fetching,
            Some(TaskState::Closed) => RequestState::Closed,
            Some(TaskState::Open) => RequestState::Open,
            Some(TaskState::Assigned) => RequestState::Assigned,
            _ if self.task.is_some() => RequestState::Free,
            _ => RequestState::Planned,
        }
    }

    /// Since when a builder works on it.
    pub fn open_since(&self) -> Option<Timestamp> {
        self.states.last().filter(|(_, state)| *state == TaskState::Open).map(|(time, _)| *time)
    }

    /// When it ended, however it ended.
    pub fn ended(&self) -> Option<Timestamp> {
        self.done
            .or(self.kept.map(|(time, _)| time))
            .or(self.failure.as_ref().map(|failure| failure.time))
            .or(self.canceled)
    }

    /// Milliseconds from its submission to its end, or to `now` while it has none.
    pub fn duration(&self, now: Timestamp) -> Option<i64> {
        Some(self.ended().unwrap_or(now).as_millisecond() - self.sent?.as_millisecond())
    }

    /// Name, version and release: of the build when it is known, else as they were asked for.
    pub fn nvr(&self) -> &str {
        self.build.as_ref().map_or(&self.asked.nvr, |(_, nvr)| nvr)
    }

    /// What failed, if it did not end well after all.
    pub fn lasting_failure(&self) -> Option<&RequestFailure> {
        self.failure.as_deref().filter(|_| self.state() != RequestState::Done)
    }

    /// Whether its task has ended, as far as the journal knows.
    pub fn has_ended(&self) -> bool {
        self.done.is_some() || self.canceled.is_some() || self.task_state().is_some_and(TaskState::is_final)
    }

    /// What it asks for, without anything that came of it.
    fn without_task(self) -> Self {
        let mut earlier = self.earlier;
        earlier.extend(self.task);
        Self {
            key: self.key,
            asked: self.asked,
            earlier,
            retried: self.retried,
            retries: self.retries,
            in_doubt: self.in_doubt,
            place: self.place,
            ..Self::default()
        }
    }

    /// The same request as a plan says it again.
    pub(super) fn planned_again(self, asked: PlannedRequest) -> Self {
        let is_described_otherwise = self.asked.describes_otherwise(&asked);
        let known = Self { asked, failure: None, kept: None, ..self };
        if is_described_otherwise {
            // Its images are in the compose under descriptions that do not hold any more.
            return Self { done: None, images: Vec::new(), ..known };
        }
        known
    }

    /// Takes in an event of this request. `place` is where the compose is.
    pub(super) fn take(&mut self, stamped: &Stamped, place: usize) {
        let time = stamped.time;
        match &stamped.event {
            Event::Submitting { hub_time, .. } => {
                let since = hub_time.unwrap_or_else(|| since(time));
                let in_doubt = Some(InDoubt { since, lost: false, executed: false });
                // A task that nobody canceled is followed by another one because a person wants that.
                if self.task.is_some() && self.canceled.is_none() {
                    self.retries = 0;
                }
                let before = std::mem::take(self).without_task();
                *self = Self { in_doubt, place, sent: Some(time), ..before };
            }
            Event::Withdrawn { .. } => (self.in_doubt, self.sent) = (None, None),
            Event::AnswerLost { executed, .. } => {
                if let Some(in_doubt) = &mut self.in_doubt {
                    in_doubt.lost = true;
                    in_doubt.executed |= *executed;
                }
            }
            Event::Submitted { task, url, .. } | Event::Adopted { task, url, .. } => {
                if self.task.is_some_and(|before| before != *task) {
                    *self = std::mem::take(self).without_task();
                }
                self.in_doubt = None;
                self.sent.get_or_insert(time);
                self.task = Some(*task);
                self.earlier.retain(|before| before != task);
                self.url = Some(url.clone());
                self.named |= matches!(stamped.event, Event::Adopted { named: true, .. });
            }
            Event::Kept { task, images, .. } => {
                self.task.get_or_insert(*task);
                self.kept = Some((time, *images));
            }
            // What is said of another task than the request has is of no use.
            Event::TaskState { task, state, .. } if self.task == Some(*task) => self.see(time, state),
            Event::Built { build, nvr, .. } => self.build = Some((*build, nvr.clone())),
            Event::FetchStarted { .. } => {
                self.fetching.get_or_insert(time);
            }
            Event::ImageAdded { variant, image, .. } => {
                self.added = Some(time);
                self.images.retain(|(_, old)| old.path != image.path);
                if self.images.is_empty() {
                    self.images.reserve_exact(self.asked.arches.len());
                }
                self.images.push((variant.clone(), image.clone()));
            }
            Event::CloudUpload { upload, .. } => {
                self.uploads.retain(|old| old.arch != upload.arch);
                self.uploads.push(upload.clone());
            }
            Event::ArchFailed { failed, .. } => {
                self.failed_arches.retain(|old| old.arch != failed.arch);
                self.failed_arches.push(failed.clone());
            }
            Event::RequestDone { task, images, .. } if self.task == Some(*task) => {
                let is_whole = images.is_none_or(|images| images == self.images.len());
                self.done = is_whole.then_some(time);
                self.failure = None;
            }
            Event::RequestFailed { error, reason, causes, argument, in_doubt, .. } => {
                self.done = None;
                self.failure = Some(Box::new(RequestFailure {
                    time,
                    error: error.clone(),
                    reason: reason.clone(),
                    causes: causes.clone(),
                    argument: argument.clone(),
                }));
                if !in_doubt {
                    self.in_doubt = None;
                }
            }
            Event::RequestRetried { task, url, retry, retries, error, reason, causes, .. } => {
                let before = std::mem::take(self);
                let sent = before.sent;
                *self = before.without_task();
                let (reason, causes) = (reason.clone(), causes.clone());
                let failure = RequestFailure { time, error: error.clone(), reason, causes, argument: None };
                let (retry, retries) = (*retry, *retries);
                self.retried.push(Retried { task: *task, url: url.clone(), retry, retries, sent, failure });
                self.retries = retry;
            }
            Event::TaskCanceled { task, .. } if self.task == Some(*task) => self.canceled = Some(time),
            _ => {}
        }
    }

    /// The task was seen in a state. One that Koji does not have says nothing.
    fn see(&mut self, time: Timestamp, word: &str) {
        let Some(state) = TaskState::ALL.into_iter().find(|state| state.name().eq_ignore_ascii_case(word)) else {
            return;
        };
        if state != TaskState::Canceled {
            self.canceled = None;
        }
        if self.task_state() != Some(state) {
            self.states.push((time, state));
        }
    }
}
