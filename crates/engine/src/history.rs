//! The *history* of a compose is what its events add up to: which requests have tasks, which files are in the compose, which
//! submissions are in doubt, what failed and why, and when all that was. Resume begins with it; `magudi status`, the report and the
//! terminal show it.
//!
//! There is one reducer of the event stream, and this is it:
//!
//! - [`Replay`] takes one event after the other, of a journal or of a run as it happens, and keeps a [`History`].
//! - [`History`] knows the compose as a whole and its [`Requests`]: those of the last plan that was said whole.
//! - [`Past`] is what is known of one request, with the time of every step. An event of a request changes it in place; nothing is
//!   cloned but what the event brings.
//! - [`Phases`] of the last run and [`Outages`] of its hub have their durations from the times of their events.
//! - [`RequestState`] is the one word for where a request is. It is derived from the [`Past`] and never stored.
//!
//! Readers keep for themselves only what no other reader needs: the terminal the bytes and how fast they come, the report the
//! diagnostics.
//!
//! Events name a request by its number in the plan of their run, and a plan says which key has which number. What a damaged
//! journal says of a number without a key is kept apart ([`History::holes`]): it must not be taken for another request's.

mod outages;
mod past;
mod phases;
mod requests;
mod state;

pub use outages::{OutageEnd, Outages, PastOutage};
pub use past::{InDoubt, MadeFor, Past, PlannedRequest, RequestFailure, Retried};
pub use phases::{Phase, PhaseState, Phases};
pub use requests::{Requests, Taking};
pub use state::{Counts, RequestState};

use crate::event::{Event, Stamped};
use crate::journal::{JournalError, load_events, load_other_events};
use crate::login::Login;
use crate::pungi;
use jiff::Timestamp;
use serde_json::Value as Json;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a journal says, all runs taken together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    /// How the last run was started.
    pub settings: Option<Json>,
    pub compose_id: Option<String>,
    /// Where the tasks are, and who we are there; `None` in a journal that does not know, or before anybody has logged in.
    pub login: Option<Login>,
    /// Our numbers at that hub, of all runs: the owners of the tasks.
    pub owners: BTreeSet<i64>,
    /// The directories that the compose has been in, the first one first: what is sent may name them.
    pub places: Vec<PathBuf>,
    /// What is known of the requests of the last plan.
    pub requests: Requests,
    /// Number -> what is known of requests of which the last plan does not say which they are. Empty unless the journal is damaged.
    pub holes: BTreeMap<usize, Past>,
    /// Every task that any run had at that hub, also for requests that have another task by now or are asked for no more: none of them
    /// is the one whose id got lost.
    pub tasks: BTreeSet<i64>,
    /// Path below `compose/` -> what it was made for, of every image that any run added.
    pub paths: BTreeMap<String, Arc<MadeFor>>,
    /// The status that was written last.
    pub status: Option<String>,
    /// The Pungi that makes the rest of the compose, if one was started.
    pub pungi: Option<pungi::Past>,
    /// When the hub did not answer.
    pub outages: Outages,
    /// The phases of the last run.
    pub phases: Phases,
    /// A person ended the compose, and no run has gone on with it since.
    pub canceled: bool,
    /// The last run came to its end, whatever that was: it was not killed, and runs no more.
    pub ended: bool,
    /// What ended it, if it did not finish.
    pub error: Option<String>,
    /// When the first and the last event were said.
    pub span: Option<(Timestamp, Timestamp)>,
}

/// Reads the history from the journal at `path`, as it goes: a large journal takes much room as a whole.
///
/// `plan` are the `planned` events of a plan that may be that of the journal. Where the journal lacks such events, and the ones that it
/// has are those of `plan`, the missing ones are taken from there.
pub fn load_history(path: &Path, plan: &[Event]) -> Result<History, JournalError> {
    let mut replay = Replay::new(plan);
    load_events(path, &mut |stamped| replay.take(stamped))?;
    Ok(replay.finish())
}

/// Reads the history of a compose as a whole from the journal at `path`, without its requests and what came of them: a journal is as large
/// as they are many. Times that follow from events of requests are not exact, and what is wrong with lines about requests is not found.
pub fn load_outline(path: &Path) -> Result<History, JournalError> {
    let mut replay = Replay::default();
    load_other_events(path, &mut |stamped| replay.take(stamped))?;
    Ok(replay.finish())
}

impl History {
    pub fn replay(events: &[Stamped]) -> Self {
        let mut replay = Replay::default();
        for stamped in events {
            replay.take(stamped);
        }
        replay.finish()
    }

    /// Whether a status is the word of the Pungi beside the compose, which was written while no run of ours was there.
    pub fn is_pungis(&self, status: &str) -> bool {
        self.pungi.is_some() && self.status.as_deref() != Some(status)
    }

    /// Whether the hub of the last run was a simulated one, which is gone with it: nothing can be continued there.
    pub fn is_simulated(&self) -> bool {
        self.settings.as_ref().and_then(|all| all.get("simulated")).and_then(Json::as_bool).unwrap_or(false)
    }

    /// How many requests are in each state.
    pub fn counts(&self) -> Counts {
        self.requests.iter().map(Past::state).collect()
    }

    /// Submissions of which it is not known whether the hub made a task: the request with its number, and the time from which on to
    /// look for the task, by the hub's clock.
    pub fn in_doubt(&self) -> Vec<(usize, &Past, Timestamp)> {
        self.requests.numbered().filter_map(|(number, past)| Some((number, past, past.in_doubt?.since))).collect()
    }

    /// Tasks that have not ended, as far as the journal knows: number of the request and task.
    pub fn unfinished(&self) -> Vec<(usize, i64)> {
        let open = |past: &Past| past.task.filter(|_| !past.has_ended());
        self.requests.numbered().filter_map(|(number, past)| Some((number, open(past)?))).collect()
    }
}

/// A plan that is being said.
#[derive(Debug, Default)]
struct Saying {
    /// How many requests it is to have; the most there can be where that is not known.
    expected: usize,
    /// Number -> key and request; `None` where two keys were said for one number.
    said: BTreeMap<usize, Option<(String, PlannedRequest)>>,
}

/// Events on their way into a [`History`].
#[derive(Debug, Default)]
pub struct Replay<'a> {
    history: History,
    /// Requests of earlier plans, for a plan that asks for them again.
    known: BTreeMap<String, Past>,
    /// The plan of the run that is read, until it is said whole or something is done by it. A run that was killed while it said its
    /// plan has done nothing yet: the plan before it holds.
    saying: Option<Saying>,
    /// A plan to fill holes from.
    filler: &'a [Event],
    /// What the run that is read begins at the beginning.
    is_fresh: bool,
    /// Where the compose is in the run that is read.
    place: usize,
    /// What the last image was made for, as the next one may be.
    made: Arc<MadeFor>,
}

impl<'a> Replay<'a> {
    /// Nothing yet. What a damaged journal lacks of its plan is taken from the `planned` events of `filler`, see [`load_history`].
    pub fn new(filler: &'a [Event]) -> Self {
        Self { filler, ..Self::default() }
    }

    /// What the events so far add up to. A plan that is still being said is not in it.
    pub fn so_far(&self) -> &History {
        &self.history
    }

    /// What all events add up to.
    pub fn finish(mut self) -> History {
        self.end_plan();
        self.history
    }

    /// Takes in the next event.
    pub fn take(&mut self, stamped: &Stamped) {
        let is_plan = matches!(stamped.event, Event::Planned { .. });
        if !is_plan && self.saying.as_ref().is_some_and(Saying::is_whole) {
            self.commit();
        }
        let history = &mut self.history;
        let (first, before) = history.span.unwrap_or((stamped.time, stamped.time));
        history.span = Some((first, stamped.time));
        history.phases.take(stamped);
        history.outages.take(stamped, history.login.as_ref().map(|login| login.server.as_str()), before);
        match &stamped.event {
            Event::ComposeStarted { compose_id, compose_dir, settings, fresh, requests } => {
                self.end_plan();
                let history = &mut self.history;
                history.compose_id = Some(compose_id.clone());
                (history.ended, history.canceled, history.error) = (false, false, None);
                history.settings = Some(settings.clone());
                self.place = history.places.iter().position(|place| place == compose_dir).unwrap_or_else(|| {
                    history.places.push(compose_dir.clone());
                    history.places.len() - 1
                });
                self.is_fresh = *fresh;
                if *fresh {
                    history.requests = Requests::default();
                    history.holes.clear();
                    self.known.clear();
                }
                self.saying = Some(Saying { expected: *requests, said: BTreeMap::new() });
            }
            Event::LoggedIn(login) => self.log_in(login),
            Event::Planned { request, .. } => self.plan(*request, &stamped.event),
            Event::Status { status } => history.status = Some(status.clone()),
            Event::PungiStarted { pid, birth, .. } => {
                let process = pid.zip(birth.clone());
                history.pungi = Some(pungi::Past { process, ..pungi::Past::default() });
            }
            Event::PungiStatus { status } => {
                history.pungi.get_or_insert_default().status = Some(status.clone());
            }
            Event::PungiEnded { code, signal, reason } => {
                let how = pungi::How::of(*code, *signal, reason.as_deref());
                history.pungi.get_or_insert_default().end = Some(how);
            }
            Event::ComposeCanceled { .. } => history.canceled = true,
            Event::ComposeFinished { error, .. } => (history.ended, history.error) = (true, error.clone()),
            event => {
                if let Some(request) = event.request() {
                    self.commit();
                    self.take_of(request, stamped);
                }
            }
        }
    }

    /// Where the requests of this run go.
    fn log_in(&mut self, login: &Login) {
        let history = &mut self.history;
        if self.is_fresh && history.login.as_ref().is_some_and(|before| !before.is_at(&login.server)) {
            // What was asked of another hub does not concern this one.
            history.tasks.clear();
            history.owners.clear();
        }
        history.owners.extend(login.user_id);
        history.login = Some(login.clone());
    }

    fn plan(&mut self, request: usize, event: &Event) {
        let Some((key, planned)) = PlannedRequest::of(event) else { return };
        let is_known = |known: &Past| known.key == key;
        if self.saying.is_none() && !self.history.requests.number(request).is_some_and(is_known) {
            self.saying = Some(self.begun_unsaid(request));
        }
        // A line that stands twice, behind the whole plan, says nothing more.
        let Some(saying) = self.saying.as_mut().filter(|saying| request < saying.expected) else { return };
        match saying.said.entry(request) {
            Entry::Vacant(place) => {
                place.insert(Some((key, planned)));
            }
            Entry::Occupied(mut place) if place.get().as_ref().is_none_or(|(other, _)| *other != key) => {
                place.insert(None);
            }
            Entry::Occupied(_) => {}
        }
    }

    /// Nothing more comes of the run that is read.
    fn end_plan(&mut self) {
        if self.saying.as_ref().is_some_and(Saying::is_whole) {
            self.commit();
        }
        self.saying = None;
    }

    /// The plan of a run whose beginning is lost: up to `request` it was said to be that of the run before.
    fn begun_unsaid(&self, request: usize) -> Saying {
        let before = self.history.requests.numbered().take_while(|(number, _)| *number < request);
        let said = before.map(|(number, past)| (number, Some((past.key.clone(), past.asked.clone()))));
        Saying { expected: usize::MAX, said: said.collect() }
    }

    /// The plan that was said holds from now on.
    fn commit(&mut self) {
        let Some(mut saying) = self.saying.take() else { return };
        if !saying.is_whole() {
            saying.fill(self.filler);
        }
        let history = &mut self.history;
        let before = std::mem::replace(&mut history.requests, Requests::with_capacity(saying.said.len()));
        let mut before = before.into_taking();
        history.holes.clear();
        for (number, (key, asked)) in saying.said.into_iter().filter_map(|(number, said)| Some((number, said?))) {
            let past = match before.take(&key).or_else(|| self.known.remove(&key)) {
                Some(known) => known.planned_again(asked),
                None => Past::planned(key, asked),
            };
            history.requests.insert(number, past);
        }
        self.known.extend(before.rest().map(|past| (past.key.clone(), past)));
    }

    /// An event of one request.
    fn take_of(&mut self, number: usize, stamped: &Stamped) {
        let history = &mut self.history;
        let past = match history.requests.number_mut(number) {
            Some(past) => past,
            None => history.holes.entry(number).or_default(),
        };
        match &stamped.event {
            Event::Submitted { task, .. } | Event::Adopted { task, .. } => {
                history.tasks.insert(*task);
            }
            Event::ImageAdded { image, .. } => {
                if !self.made.is(&past.asked) {
                    self.made = Arc::new(MadeFor::of(&past.asked));
                }
                history.paths.insert(image.path.clone(), Arc::clone(&self.made));
            }
            _ => {}
        }
        past.take(stamped, self.place);
    }
}

impl Saying {
    /// Quick to deny while lines are missing: it is asked between events.
    fn is_whole(&self) -> bool {
        self.said.len() == self.expected && self.said.values().all(Option::is_some)
    }

    /// Takes from `filler` what was not said, if it can be the same plan.
    fn fill(&mut self, filler: &[Event]) {
        let whole: Option<BTreeMap<usize, (String, PlannedRequest)>> = filler
            .iter()
            .map(|event| match event {
                Event::Planned { request, .. } => Some((*request, PlannedRequest::of(event)?)),
                _ => None,
            })
            .collect();
        let is_long_enough = |len: usize| len == self.expected || self.expected == usize::MAX;
        let Some(whole) = whole.filter(|whole| is_long_enough(whole.len())) else { return };
        let mut said = self.said.iter().filter_map(|(number, said)| Some((number, said.as_ref()?)));
        if said.all(|(number, (key, _))| whole.get(number).is_some_and(|(other, _)| other == key)) {
            for (number, request) in whole {
                self.said.entry(number).or_default().get_or_insert(request);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::ImageEntry;
    use crate::find_task::since;
    use magudi_koji::calls::TaskState;

    fn stamped(second: i64, event: Event) -> Stamped {
        Stamped { time: Timestamp::from_second(second).unwrap(), event }
    }

    fn planned(request: usize, key: &str) -> Event {
        Event::Planned {
            log: None,
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
            method: "osbuildImage".into(),
            manifest_type: Some(String::new()),
        }
    }

    fn started() -> Event {
        let compose_dir = "/c".into();
        Event::ComposeStarted { compose_id: "C".into(), compose_dir, requests: 2, settings: Json::Null, fresh: false }
    }

    fn submitting(request: usize) -> Event {
        Event::Submitting {
            what: String::new(),
            request,
            phase: "osbuild".into(),
            variant: "Server".into(),
            hub_time: None,
        }
    }

    fn submitted(request: usize, task: i64) -> Event {
        Event::Submitted { request, task, url: String::new() }
    }

    fn state(request: usize, state: &str) -> Event {
        Event::TaskState { request, task: 7, state: state.into() }
    }

    fn replay(events: Vec<Event>) -> History {
        replay_with(events, &[])
    }

    fn replay_with(events: Vec<Event>, plan: &[Event]) -> History {
        let mut replay = Replay::new(plan);
        for event in events {
            replay.take(&stamped(0, event));
        }
        replay.finish()
    }

    /// The key of each task, and the numbers of requests without a key that have a task.
    fn tasks(history: &History) -> (Vec<(String, i64)>, Vec<usize>) {
        let mut tasks: Vec<_> =
            history.requests.iter().filter_map(|past| Some((past.key.clone(), past.task?))).collect();
        tasks.sort();
        (tasks, history.holes.keys().copied().collect())
    }

    #[test]
    fn a_submission_without_an_answer_is_in_doubt() {
        let (first, open) = (submitted(0, 7), state(0, "OPEN"));
        let events = [started(), planned(0, "a"), planned(1, "b"), submitting(0), first, submitting(1), open];
        let events: Vec<Stamped> = events.into_iter().zip(0..).map(|(event, second)| stamped(second, event)).collect();
        let history = History::replay(&events);
        assert_eq!(history.requests["a"].task, Some(7));
        assert_eq!(history.requests["a"].in_doubt, None);
        // By our clock, which may be ahead of the hub's.
        let early = since(Timestamp::from_second(5).unwrap());
        let announced = InDoubt { since: early, lost: false, executed: false };
        assert_eq!(history.requests["b"].in_doubt, Some(announced));
        assert_eq!(history.tasks, BTreeSet::from([7]));
        let doubts: Vec<_> = history.in_doubt().into_iter().map(|(n, past, since)| (n, &*past.key, since)).collect();
        assert_eq!(doubts, [(1, "b", early)]);
        assert_eq!(history.unfinished(), [(0, 7)]);
    }

    #[test]
    fn a_plan_that_was_not_said_whole_is_none() {
        let whole = || vec![started(), planned(0, "a"), planned(1, "b"), submitting(1), submitted(1, 7)];
        let known = replay(whole());
        assert_eq!(replay([whole(), vec![started(), planned(0, "a")]].concat()), known);
        assert_eq!(replay([whole(), vec![started()], vec![started(), planned(0, "b")]].concat()), known);
        assert_eq!(replay([whole(), vec![started()], whole()[..3].to_vec()].concat()).requests, known.requests);
        assert!(replay(vec![started(), planned(0, "a")]).requests.is_empty());
        let mut anew = started();
        if let Event::ComposeStarted { fresh, .. } = &mut anew {
            *fresh = true;
        }
        assert!(replay([whole(), vec![anew, planned(0, "a")]].concat()).requests.is_empty());
    }

    #[test]
    fn a_second_run_with_another_order_knows_its_requests_again() {
        let events = [
            started(),
            planned(0, "a"),
            planned(1, "b"),
            submitting(1),
            submitted(1, 7),
            started(),
            planned(0, "b"),
            planned(1, "c"),
            state(0, "CLOSED"),
        ];
        let events: Vec<Stamped> = events.into_iter().map(|event| stamped(0, event)).collect();
        let history = History::replay(&events);
        assert_eq!(history.requests.iter().map(|past| &*past.key).collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(history.requests["b"].task, Some(7));
        assert_eq!(history.requests["b"].task_state(), Some(TaskState::Closed));
        assert!(!history.ended);
        assert!(history.requests.get("a").is_none());
        assert!(history.unfinished().is_empty());
    }

    #[test]
    fn a_line_of_a_plan_that_is_lost_or_stands_twice_moves_no_task_to_another_request() {
        let plan = || vec![planned(0, "a"), planned(1, "b"), planned(2, "c")];
        let mut begin = started();
        if let Event::ComposeStarted { requests, .. } = &mut begin {
            *requests = 3;
        }
        let sent = vec![submitting(0), submitted(0, 7), submitting(1), submitted(1, 8), submitting(2), submitted(2, 9)];
        let journal = |plan: Vec<Event>| [vec![begin.clone()], plan, sent.clone()].concat();
        let all = vec![("a".to_owned(), 7), ("b".to_owned(), 8), ("c".to_owned(), 9)];
        for at in 0..3 {
            let mut twice = plan();
            twice.insert(at, planned(at, ["a", "b", "c"][at]));
            assert_eq!(tasks(&replay(journal(twice))), (all.clone(), vec![]), "line {at} twice");
            let mut lost = plan();
            lost.remove(at);
            let mut rest = all.clone();
            rest.remove(at);
            let damaged = replay(journal(lost.clone()));
            assert_eq!(tasks(&damaged), (rest.clone(), vec![at]), "line {at} lost");
            assert_eq!(damaged.tasks, BTreeSet::from([7, 8, 9]));
            assert_eq!(tasks(&replay_with(journal(lost.clone()), &plan())), (all.clone(), vec![]), "filled");
            // Another plan is no help.
            for other in [vec![planned(0, "x"), planned(1, "y"), planned(2, "z")], plan()[..2].to_vec()] {
                assert_eq!(tasks(&replay_with(journal(lost.clone()), &other)), (rest.clone(), vec![at]));
            }
            // Two keys for one number are as good as none.
            let mut both = plan();
            both.push(planned(at, "x"));
            for _ in 0..4 {
                both.rotate_right(1);
                assert_eq!(tasks(&replay(journal(both.clone()))), (rest.clone(), vec![at]), "two keys for {at}");
            }
        }
        // Behind a whole run, the beginning of the next one is lost.
        let next = vec![planned(0, "a"), planned(1, "x"), planned(2, "c"), submitting(1), submitted(1, 10)];
        let history = replay([journal(plan()), next].concat());
        let want = vec![("a".to_owned(), 7), ("c".to_owned(), 9), ("x".to_owned(), 10)];
        assert_eq!(tasks(&history), (want, vec![]));
    }

    #[test]
    fn a_number_that_no_plan_has_takes_no_room() {
        let mut begin = started();
        if let Event::ComposeStarted { requests, .. } = &mut begin {
            *requests = usize::MAX;
        }
        let history = replay(vec![begin, planned(usize::MAX - 1, "a"), submitted(usize::MAX - 1, 7), submitted(5, 8)]);
        assert_eq!(tasks(&history), (vec![("a".to_owned(), 7)], vec![5]));
    }

    #[test]
    fn what_an_image_is_called_may_change_without_its_task() {
        let image = ImageEntry {
            arch: "x86_64".into(),
            image_type: "qcow2".into(),
            format: "qcow2".into(),
            subvariant: "Server".into(),
            path: "Server/a".into(),
            size: 1,
            mtime: 2,
            checksums: [("sha256".into(), "00".into())].into_iter().collect(),
            bootable: false,
            volume_id: None,
            implant_md5: None,
        };
        let done = |images| {
            let (phase, variant) = ("osbuild".into(), "Server".into());
            Event::RequestDone { what: String::new(), request: 0, phase, variant, task: 7, images }
        };
        let added = Event::ImageAdded { request: 0, variant: "Server".into(), image };
        let begun = || vec![started(), planned(0, "a"), planned(1, "b"), submitted(0, 7)];
        let whole = |images| [begun(), vec![added.clone(), done(images)]].concat();
        assert!(replay(whole(None)).requests["a"].done.is_some(), "a journal that does not count");
        assert!(replay(whole(Some(1))).requests["a"].done.is_some());
        assert!(replay([begun(), vec![done(Some(1))]].concat()).requests["a"].done.is_none(), "an image is lost");
        let mut otherwise = planned(0, "a");
        if let Event::Planned { manifest_type, .. } = &mut otherwise {
            *manifest_type = Some("raw".into());
        }
        let history = replay([whole(Some(1)), vec![started(), otherwise, planned(1, "b")]].concat());
        assert_eq!((history.requests["a"].done, history.requests["a"].task), (None, Some(7)));
    }

    #[test]
    fn a_task_is_not_canceled_because_somebody_wanted_it() {
        let begun = || vec![started(), planned(0, "a"), planned(1, "b"), submitted(0, 7)];
        let canceled = Event::TaskCanceled { request: 0, task: 7 };
        let history = replay([begun(), vec![canceled.clone()]].concat());
        assert!(history.requests["a"].canceled.is_some() && history.unfinished().is_empty());
        let closed = replay([begun(), vec![canceled, state(0, "CLOSED")]].concat());
        assert!(closed.requests["a"].canceled.is_none(), "the hub knows better");
        let other = replay([begun(), vec![Event::TaskState { request: 0, task: 6, state: "CLOSED".into() }]].concat());
        assert_eq!(other.requests["a"].task_state(), None, "another task's state");
        let ended = replay([begun(), vec![Event::ComposeCanceled { by: None }]].concat());
        assert!(
            ended.canceled
                && !replay([begun(), vec![Event::ComposeCanceled { by: None }, started()]].concat()).canceled
        );
    }

    #[test]
    fn another_hub_knows_none_of_the_tasks() {
        let at = |server: &str| Event::LoggedIn(Login { server: server.into(), user_id: Some(3), ..Login::default() });
        let begun = |hub| vec![started(), at(hub), planned(0, "a"), planned(1, "b"), submitted(0, 7)];
        let mut anew = started();
        if let Event::ComposeStarted { fresh, .. } = &mut anew {
            *fresh = true;
        }
        let same = replay([begun("http://a/kojihub"), vec![anew.clone(), at("http://a/kojihub/")]].concat());
        assert_eq!((same.tasks, same.owners), (BTreeSet::from([7]), BTreeSet::from([3])));
        let other = replay([begun("http://a/kojihub"), vec![anew, at("http://b/kojihub")]].concat());
        assert_eq!((other.tasks, other.owners), (BTreeSet::new(), BTreeSet::from([3])));
        let moved = replay([begun("http://a/kojihub"), vec![started(), at("http://b/kojihub")]].concat());
        assert_eq!(moved.tasks, BTreeSet::from([7]), "the same hub at another address");
        assert_eq!(moved.login.unwrap().server, "http://b/kojihub");
    }

    #[test]
    fn an_outline_is_the_history_without_its_requests() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let status = |status: &str| Event::Status { status: status.into() };
        let settings = serde_json::json!({"only": ["\"request\":"]});
        let begun = Event::ComposeStarted {
            compose_id: "C".into(),
            compose_dir: "/other".into(),
            requests: 2,
            settings: settings.clone(),
            fresh: false,
        };
        let events =
            vec![started(), planned(0, "a"), planned(1, "b"), status("STARTED"), submitting(0), submitted(0, 7)];
        let events =
            [events, vec![begun, planned(0, "a"), planned(1, "b"), status("DOOMED"), state(0, "CLOSED")]].concat();
        let events: Vec<Stamped> = (0..).zip(events).map(|(second, event)| stamped(second, event)).collect();
        let mut lines: Vec<String> = events.iter().map(Stamped::to_json_line).collect();
        // As another program may write it.
        lines[4] = lines[4].replace("\":", "\" : ");
        lines.push(lines[1].replace("planned", "dance"));
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        let (outline, history) = (load_outline(&path).unwrap(), load_history(&path, &[]).unwrap());
        assert_eq!((outline.places.len(), outline.settings.as_ref()), (2, Some(&settings)));
        assert!(outline.requests.is_empty() && outline.holes.is_empty() && outline.tasks.is_empty());
        let (requests, tasks) = (Requests::default(), BTreeSet::new());
        assert_eq!(outline, History { requests, tasks, span: outline.span, ..history });
        // What is wrong with a line about a request is for who reads it.
        std::fs::write(&path, format!("{}\n{{\"request\":\n", lines[0])).unwrap();
        assert!(load_outline(&path).is_ok() && load_history(&path, &[]).is_err());
    }
}
