//! The *history* of a compose is what its journal says of earlier runs: which requests have tasks, which files are in the
//! compose, which submissions are in doubt. Resume begins with it.

use crate::artifact::AddedImage;
use crate::event::{Event, ImageEntry, Stamped};
use crate::lookup::since;
use crate::reason::Cause;
use jiff::Timestamp;
use magudi_compose::CloudUpload;
use magudi_compose::images::Image;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// What is known of one request.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Past {
    /// Its phase.
    pub phase: String,
    /// The image name.
    pub name: String,
    /// The variant uid.
    pub variant: String,
    /// The arches.
    pub arches: Vec<String>,
    /// Whether the compose goes on without it.
    pub failable: bool,
    /// The task.
    pub task: Option<i64>,
    /// Page of the task in the hub's web interface.
    pub url: Option<String>,
    /// The last state in which the task was seen.
    pub state: Option<String>,
    /// Set while it is not known whether the hub made a task: the time from which on to look for it, by the hub's clock.
    pub in_doubt: Option<Timestamp>,
    /// We had the task canceled.
    pub canceled: bool,
    /// Everything it asked for is in the compose.
    pub done: bool,
    /// What went wrong last.
    pub failure: Option<String>,
    /// The hub's own words in that.
    pub reason: Option<String>,
    /// Composer's reasons for it.
    pub causes: Vec<Cause>,
    /// The argument that the hub refused.
    pub argument: Option<String>,
    /// Its images in the compose.
    pub images: Vec<(String, ImageEntry)>,
    /// What became of the uploads of its images.
    pub uploads: Vec<CloudUpload>,
}

impl Past {
    /// The images, as the manifest needs them.
    pub fn added(&self) -> Vec<AddedImage> {
        let image = |(variant, entry): &(String, ImageEntry)| AddedImage {
            variant: variant.clone(),
            image: Image::from(entry.clone()),
        };
        self.images.iter().map(image).collect()
    }
}

/// What a journal says, all runs taken together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    /// How the last run was started.
    pub settings: Option<Json>,
    /// The compose id.
    pub compose_id: Option<String>,
    /// Key of a request -> what is known of it. Only requests of the last plan.
    pub requests: BTreeMap<String, Past>,
    /// Keys in the order of the last plan.
    pub order: Vec<String>,
    /// Every task that any run had, also for requests that have another task by now or are asked for no more: none of them
    /// is the one whose id got lost.
    pub tasks: BTreeSet<i64>,
    /// Paths below `compose/` of every image that any run added.
    pub paths: BTreeSet<String>,
    /// The status that was written last.
    pub status: Option<String>,
    /// The last run came to its end, whatever that was: it was not killed, and runs no more.
    pub ended: bool,
    /// When the first and the last event were said.
    pub span: Option<(Timestamp, Timestamp)>,
}

impl History {
    /// Replays a journal.
    pub fn replay(events: &[Stamped]) -> Self {
        let mut history = Self::default();
        let mut plans = Plans::default();
        for stamped in events {
            history.span = Some(match history.span {
                Some((first, _)) => (first, stamped.time),
                None => (stamped.time, stamped.time),
            });
            history.take(stamped, &mut plans);
        }
        plans.forget_torn(&mut history);
        history
    }

    fn take(&mut self, stamped: &Stamped, plans: &mut Plans) {
        match &stamped.event {
            Event::ComposeStarted { compose_id, settings, fresh, requests, .. } => {
                self.compose_id = Some(compose_id.clone());
                self.ended = false;
                self.settings = Some(settings.clone());
                plans.begin(self, *requests, *fresh);
            }
            Event::Planned { key, phase, name, variant, arches, failable, .. } => {
                let past = plans.known.remove(key).unwrap_or_default();
                let past = Past {
                    phase: phase.clone(),
                    name: name.clone(),
                    variant: variant.clone(),
                    arches: arches.clone(),
                    failable: *failable,
                    failure: None,
                    reason: None,
                    causes: Vec::new(),
                    argument: None,
                    ..past
                };
                self.requests.insert(key.clone(), past);
                self.order.push(key.clone());
            }
            Event::Status { status } => self.status = Some(status.clone()),
            Event::ComposeFinished { .. } => self.ended = true,
            Event::Submitting { request, hub_time, .. } => self.with(*request, |past| {
                let since = hub_time.unwrap_or_else(|| since(stamped.time));
                *past = Past { in_doubt: Some(since), ..past.clone().without_task() };
            }),
            Event::Submitted { request, task, url } | Event::Adopted { request, task, url } => {
                self.tasks.insert(*task);
                self.with(*request, |past| {
                    past.in_doubt = None;
                    past.task = Some(*task);
                    past.url = Some(url.clone());
                });
            }
            Event::TaskState { request, state, .. } => {
                self.with(*request, |past| past.state = Some(state.clone()));
            }
            Event::ImageAdded { request, variant, image } => {
                self.paths.insert(image.path.clone());
                self.with(*request, |past| {
                    past.images.retain(|(_, old)| old.path != image.path);
                    past.images.push((variant.clone(), image.clone()));
                });
            }
            Event::CloudUpload { request, upload } => self.with(*request, |past| {
                past.uploads.retain(|old| old.arch != upload.arch);
                past.uploads.push(upload.clone());
            }),
            Event::RequestDone { request, .. } => self.with(*request, |past| {
                past.done = true;
                past.failure = None;
                past.reason = None;
                past.causes.clear();
                past.argument = None;
            }),
            Event::RequestFailed { request, error, reason, causes, argument, in_doubt, .. } => {
                self.with(*request, |past| {
                    past.failure = Some(error.clone());
                    past.reason.clone_from(reason);
                    past.causes.clone_from(causes);
                    past.argument.clone_from(argument);
                    if !in_doubt {
                        past.in_doubt = None;
                    }
                });
            }
            Event::TaskCanceled { request, .. } => self.with(*request, |past| past.canceled = true),
            _ => {}
        }
    }

    fn with(&mut self, request: usize, change: impl FnOnce(&mut Past)) {
        if let Some(past) = self.order.get(request).and_then(|key| self.requests.get_mut(key)) {
            change(past);
        }
    }

    /// Submissions of which it is not known whether the hub made a task: request index, key, and the time from which on to look
    /// for it, by the hub's clock.
    pub fn in_doubt(&self) -> Vec<(usize, &str, Timestamp)> {
        let requests = self.order.iter().enumerate();
        let doubtful =
            requests.filter_map(|(index, key)| Some((index, key.as_str(), self.requests.get(key)?.in_doubt?)));
        doubtful.collect()
    }

    /// Tasks that have not ended, as far as the journal knows: request index and task.
    pub fn unfinished(&self) -> Vec<(usize, i64)> {
        let open = |past: &Past| {
            let ended = matches!(past.state.as_deref(), Some("CLOSED" | "FAILED" | "CANCELED"));
            past.task.filter(|_| !past.done && !past.canceled && !ended)
        };
        let requests = self.order.iter().enumerate();
        requests.filter_map(|(index, key)| Some((index, open(self.requests.get(key)?)?))).collect()
    }
}

/// The plans of a journal: every run says its own, and only a plan that was said whole is one.
#[derive(Debug, Default)]
struct Plans {
    /// Requests of earlier plans, for a plan that asks for them again.
    known: BTreeMap<String, Past>,
    /// How many requests the last plan has.
    expected: usize,
    /// What was known before the last plan.
    before: (Vec<String>, BTreeMap<String, Past>, BTreeMap<String, Past>),
}

impl Plans {
    fn begin(&mut self, history: &mut History, expected: usize, fresh: bool) {
        self.forget_torn(history);
        if fresh {
            history.order.clear();
            history.requests.clear();
            self.known.clear();
        }
        self.before = (history.order.clone(), history.requests.clone(), self.known.clone());
        self.expected = expected;
        self.known.append(&mut history.requests);
        history.order.clear();
    }

    /// A run that was killed while it said its plan has done nothing yet: the plan before it holds.
    fn forget_torn(&mut self, history: &mut History) {
        if history.order.len() < self.expected {
            (history.order, history.requests, self.known) = std::mem::take(&mut self.before);
            self.expected = history.order.len();
        }
    }
}

impl Past {
    fn without_task(self) -> Self {
        let Self { phase, name, variant, arches, failable, in_doubt, .. } = self;
        Self { phase, name, variant, arches, failable, in_doubt, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamped(second: i64, event: Event) -> Stamped {
        Stamped { time: Timestamp::from_second(second).unwrap(), event }
    }

    fn planned(request: usize, key: &str) -> Event {
        Event::Planned {
            request,
            key: key.into(),
            phase: "osbuild".into(),
            name: key.into(),
            variant: "Server".into(),
            arches: vec!["x86_64".into()],
            failable: false,
            subvariant: "Server".into(),
            image_type: "qcow2".into(),
            nvr: format!("{key}-42-1"),
        }
    }

    fn started() -> Event {
        let compose_dir = "/c".into();
        Event::ComposeStarted { compose_id: "C".into(), compose_dir, requests: 2, settings: Json::Null, fresh: false }
    }

    fn submitting(request: usize) -> Event {
        Event::Submitting { request, phase: "osbuild".into(), variant: "Server".into(), hub_time: None }
    }

    fn state(request: usize, state: &str) -> Event {
        Event::TaskState { request, task: 7, state: state.into() }
    }

    #[test]
    fn a_submission_without_an_answer_is_in_doubt() {
        let submitted = Event::Submitted { request: 0, task: 7, url: String::new() };
        let events =
            [started(), planned(0, "a"), planned(1, "b"), submitting(0), submitted, submitting(1), state(0, "OPEN")];
        let events: Vec<Stamped> = events.into_iter().zip(0..).map(|(event, second)| stamped(second, event)).collect();
        let history = History::replay(&events);
        assert_eq!(history.requests["a"].task, Some(7));
        assert_eq!(history.requests["a"].in_doubt, None);
        // By our clock, which may be ahead of the hub's.
        let early = since(Timestamp::from_second(5).unwrap());
        assert_eq!(history.requests["b"].in_doubt, Some(early));
        assert_eq!(history.tasks, BTreeSet::from([7]));
        assert_eq!(history.in_doubt(), [(1, "b", early)]);
        assert_eq!(history.unfinished(), [(0, 7)]);
    }

    #[test]
    fn a_plan_that_was_not_said_whole_is_none() {
        let replay = |events: Vec<Event>| {
            let events: Vec<Stamped> = events.into_iter().map(|event| stamped(0, event)).collect();
            History::replay(&events)
        };
        let whole = || {
            let submitted = Event::Submitted { request: 1, task: 7, url: String::new() };
            vec![started(), planned(0, "a"), planned(1, "b"), submitting(1), submitted]
        };
        let known = replay(whole());
        assert_eq!(replay([whole(), vec![started(), planned(0, "a")]].concat()), known);
        assert_eq!(replay([whole(), vec![started()], vec![started(), planned(0, "b")]].concat()), known);
        assert_eq!(replay([whole(), vec![started()], whole()[..3].to_vec()].concat()).requests, known.requests);
        assert!(replay(vec![started(), planned(0, "a")]).order.is_empty());
        let mut anew = started();
        if let Event::ComposeStarted { fresh, .. } = &mut anew {
            *fresh = true;
        }
        assert!(replay([whole(), vec![anew, planned(0, "a")]].concat()).requests.is_empty());
    }

    #[test]
    fn a_second_run_with_another_order_knows_its_requests_again() {
        let submitted = Event::Submitted { request: 1, task: 7, url: String::new() };
        let events = [
            started(),
            planned(0, "a"),
            planned(1, "b"),
            submitting(1),
            submitted,
            started(),
            planned(0, "b"),
            planned(1, "c"),
            state(0, "CLOSED"),
        ];
        let events: Vec<Stamped> = events.into_iter().map(|event| stamped(0, event)).collect();
        let history = History::replay(&events);
        assert_eq!(history.order, ["b", "c"]);
        assert_eq!(history.requests["b"].task, Some(7));
        assert_eq!(history.requests["b"].state.as_deref(), Some("CLOSED"));
        assert!(!history.ended);
        assert!(!history.requests.contains_key("a"));
        assert!(history.unfinished().is_empty());
    }
}
