//! The *history* of a compose is what its journal says of earlier runs: which requests have tasks, which files are in the
//! compose, which submissions are in doubt. Resume begins with it.
//!
//! Events name a request by its number in the plan of their run, and a plan says which key has which number. What a damaged
//! journal says of a number without a key is kept apart ([`History::holes`]): it must not be taken for another request's.

use crate::artifact::{AddedImage, FailedArch};
use crate::causes::Cause;
use crate::event::{Event, ImageEntry, Stamped};
use crate::find_task::since;
use crate::journal::{JournalError, load_events};
use crate::login::Login;
use crate::outage::Outage;
use crate::pungi;
use jiff::Timestamp;
use magudi_compose::CloudUpload;
use magudi_compose::images::Image;
use serde_json::Value as Json;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A submission of which it is not known whether the hub made a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InDoubt {
    /// The time from which on to look for its task, by the hub's clock.
    pub since: Timestamp,
    /// Its answer got lost. Otherwise it was announced, and perhaps never sent.
    pub lost: bool,
    pub executed: bool,
}

/// What is known of one request.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Past {
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
    pub task: Option<i64>,
    /// Tasks that it had before, the last one last.
    pub earlier: Vec<i64>,
    /// A person named the task; its owner may be somebody else.
    pub named: bool,
    /// Page of the task in the hub's web interface.
    pub url: Option<String>,
    /// The last state in which the task was seen.
    pub state: Option<String>,
    /// Set while it is not known whether the hub made a task.
    pub in_doubt: Option<InDoubt>,
    /// Which of [`History::places`] the compose was in when it was sent last.
    pub place: usize,
    /// We had the task canceled.
    pub canceled: bool,
    /// Everything it asked for is in the compose.
    pub done: bool,
    /// What went wrong last.
    pub failure: Option<String>,
    /// The hub's own words in that.
    pub reason: Option<String>,
    /// The builder's reasons for it, by arch.
    pub causes: Vec<Cause>,
    pub argument: Option<String>,
    pub images: Vec<(String, ImageEntry)>,
    /// What became of the uploads of its images.
    pub uploads: Vec<CloudUpload>,
    /// Arches that its task could not build, and that the compose does without.
    pub failed_arches: Vec<FailedArch>,
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

    /// Whether its task has ended, as far as the journal knows.
    pub fn has_ended(&self) -> bool {
        self.done || self.canceled || matches!(self.state.as_deref(), Some("CLOSED" | "FAILED" | "CANCELED"))
    }

    /// What it asks for, without anything that came of it.
    fn without_task(self) -> Self {
        let Self { phase, name, variant, arches, failable, subvariant, image_type, nvr, method, manifest_type, .. } =
            self;
        let mut earlier = self.earlier;
        earlier.extend(self.task);
        Self {
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
            earlier,
            in_doubt: self.in_doubt,
            place: self.place,
            ..Self::default()
        }
    }

    fn plan(&self) -> Planned {
        Planned {
            phase: self.phase.clone(),
            name: self.name.clone(),
            variant: self.variant.clone(),
            arches: self.arches.clone(),
            failable: self.failable,
            subvariant: self.subvariant.clone(),
            image_type: self.image_type.clone(),
            nvr: self.nvr.clone(),
            method: self.method.clone(),
            manifest_type: self.manifest_type.clone(),
        }
    }

    /// The same request as a plan says it again.
    fn planned_again(self, plan: Planned) -> Self {
        let is_described_otherwise = self.subvariant != plan.subvariant
            || (self.manifest_type.is_some()
                && plan.manifest_type.is_some()
                && self.manifest_type != plan.manifest_type);
        let Planned { phase, name, variant, arches, failable, subvariant, image_type, nvr, method, manifest_type } =
            plan;
        let known = Self {
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
            failure: None,
            reason: None,
            causes: Vec::new(),
            argument: None,
            ..self
        };
        if is_described_otherwise {
            // Its images are in the compose under descriptions that do not hold any more.
            return Self { done: false, images: Vec::new(), ..known };
        }
        known
    }
}

/// The image of the configuration that a file was made for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MadeFor {
    /// Its phase.
    pub phase: String,
    /// Its variant.
    pub variant: String,
    /// Its name.
    pub name: String,
}

impl MadeFor {
    fn of(past: &Past) -> Self {
        Self { phase: past.phase.clone(), variant: past.variant.clone(), name: past.name.clone() }
    }
}

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
    /// Key of a request -> what is known of it. Only requests of the last plan.
    pub requests: BTreeMap<String, Past>,
    /// Number -> key, of the last plan.
    pub order: BTreeMap<usize, String>,
    /// Number -> what is known of requests of which the last plan does not say which they are. Empty unless the journal is damaged.
    pub holes: BTreeMap<usize, Past>,
    /// Every task that any run had at that hub, also for requests that have another task by now or are asked for no more: none of them
    /// is the one whose id got lost.
    pub tasks: BTreeSet<i64>,
    /// Path below `compose/` -> what it was made for, of every image that any run added.
    pub paths: BTreeMap<String, MadeFor>,
    /// The status that was written last.
    pub status: Option<String>,
    /// The Pungi that makes the rest of the compose, if one was started.
    pub pungi: Option<pungi::Past>,
    /// The hub had not answered when the last run was seen last.
    pub outage: Option<Outage>,
    /// A person ended the compose, and no run has gone on with it since.
    pub canceled: bool,
    /// The last run came to its end, whatever that was: it was not killed, and runs no more.
    pub ended: bool,
    /// When the first and the last event were said.
    pub span: Option<(Timestamp, Timestamp)>,
}

/// Reads the history from the journal at `path`, as it goes: a large journal takes much room as a whole.
///
/// `plan` are the `planned` events of a plan that may be that of the journal. Where the journal lacks such events, and the ones that it
/// has are those of `plan`, the missing ones are taken from there.
pub fn load_history(path: &Path, plan: &[Event]) -> Result<History, JournalError> {
    let mut replay = Replay::new(plan);
    load_events(path, &mut |stamped| replay.take(&stamped))?;
    Ok(replay.finish())
}

impl History {
    pub fn replay(events: &[Stamped]) -> Self {
        let mut replay = Replay::new(&[]);
        for stamped in events {
            replay.take(stamped);
        }
        replay.finish()
    }

    /// Whether a status is the word of the Pungi beside the compose, which was written while no run of ours was there.
    pub fn is_pungis(&self, status: &str) -> bool {
        self.pungi.is_some() && self.status.as_deref() != Some(status)
    }

    /// Submissions of which it is not known whether the hub made a task: request index, key, and the time from which on to look
    /// for it, by the hub's clock.
    pub fn in_doubt<'a>(&'a self) -> Vec<(usize, &'a str, Timestamp)> {
        let doubtful =
            |(index, key): (&usize, &'a String)| Some((*index, key.as_str(), self.requests.get(key)?.in_doubt?.since));
        self.order.iter().filter_map(doubtful).collect()
    }

    /// Tasks that have not ended, as far as the journal knows: request index and task.
    pub fn unfinished(&self) -> Vec<(usize, i64)> {
        let open = |past: &Past| past.task.filter(|_| !past.has_ended());
        self.order.iter().filter_map(|(index, key)| Some((*index, open(self.requests.get(key)?)?))).collect()
    }
}

/// What a `planned` event says of its request.
#[derive(Debug, Clone, Default)]
struct Planned {
    phase: String,
    name: String,
    variant: String,
    arches: Vec<String>,
    failable: bool,
    subvariant: String,
    image_type: String,
    nvr: String,
    method: String,
    manifest_type: Option<String>,
}

/// A plan that is being said.
#[derive(Debug, Default)]
struct Saying {
    /// How many requests it is to have; the most there can be where nobody said.
    expected: usize,
    /// Number -> key and request; `None` where two keys were said for one number.
    said: BTreeMap<usize, Option<(String, Planned)>>,
}

/// A journal on its way into a [`History`].
#[derive(Debug)]
struct Replay<'a> {
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
}

impl<'a> Replay<'a> {
    fn new(filler: &'a [Event]) -> Self {
        let history = History::default();
        Self { history, known: BTreeMap::new(), saying: None, filler, is_fresh: false, place: 0 }
    }

    fn finish(mut self) -> History {
        self.end_plan();
        self.history
    }

    fn take(&mut self, stamped: &Stamped) {
        let history = &mut self.history;
        history.span = Some(match history.span {
            Some((first, _)) => (first, stamped.time),
            None => (stamped.time, stamped.time),
        });
        match &stamped.event {
            Event::ComposeStarted { compose_id, compose_dir, settings, fresh, requests } => {
                self.end_plan();
                let history = &mut self.history;
                history.compose_id = Some(compose_id.clone());
                (history.ended, history.canceled) = (false, false);
                history.outage = None;
                history.settings = Some(settings.clone());
                self.place = history.places.iter().position(|place| place == compose_dir).unwrap_or_else(|| {
                    history.places.push(compose_dir.clone());
                    history.places.len() - 1
                });
                self.is_fresh = *fresh;
                if *fresh {
                    history.order.clear();
                    history.holes.clear();
                    history.requests.clear();
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
            Event::HubUnreachable(outage) => history.outage = Some(outage.clone()),
            Event::HubBack { .. } => history.outage = None,
            Event::ComposeFinished { .. } => (history.ended, history.outage) = (true, None),
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
            // What was asked of another hub is none of this one's.
            history.tasks.clear();
            history.owners.clear();
        }
        history.owners.extend(login.user_id);
        history.login = Some(login.clone());
    }

    fn plan(&mut self, request: usize, event: &Event) {
        let Some((key, planned)) = parts(event) else { return };
        if self.saying.is_none() && self.history.order.get(&request) != Some(&key) {
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
        let same = |(number, key): (&usize, &String)| {
            let past = self.history.requests.get(key)?;
            Some((*number, Some((key.clone(), past.plan()))))
        };
        Saying { expected: usize::MAX, said: self.history.order.range(..request).filter_map(same).collect() }
    }

    /// The plan that was said holds from now on.
    fn commit(&mut self) {
        let Some(mut saying) = self.saying.take() else { return };
        if !saying.is_whole() {
            saying.fill(self.filler);
        }
        let history = &mut self.history;
        self.known.append(&mut history.requests);
        history.order.clear();
        history.holes.clear();
        for (number, (key, planned)) in saying.said.into_iter().filter_map(|(number, said)| Some((number, said?))) {
            let past = self.known.remove(&key).unwrap_or_default().planned_again(planned);
            history.requests.insert(key.clone(), past);
            history.order.insert(number, key);
        }
    }

    /// An event of one request.
    fn take_of(&mut self, number: usize, stamped: &Stamped) {
        let history = &mut self.history;
        let past = match history.order.get(&number) {
            Some(key) => history.requests.entry(key.clone()).or_default(),
            None => history.holes.entry(number).or_default(),
        };
        match &stamped.event {
            Event::Submitting { hub_time, .. } => {
                let since = hub_time.unwrap_or_else(|| since(stamped.time));
                let before = std::mem::take(past);
                let in_doubt = Some(InDoubt { since, lost: false, executed: false });
                *past = Past { in_doubt, place: self.place, ..before.without_task() };
            }
            Event::Withdrawn { .. } => past.in_doubt = None,
            Event::AnswerLost { executed, .. } => {
                if let Some(in_doubt) = &mut past.in_doubt {
                    in_doubt.lost = true;
                    in_doubt.executed |= *executed;
                }
            }
            Event::Submitted { task, url, .. } | Event::Adopted { task, url, .. } => {
                history.tasks.insert(*task);
                if past.task.is_some_and(|before| before != *task) {
                    *past = std::mem::take(past).without_task();
                }
                past.in_doubt = None;
                past.task = Some(*task);
                past.url = Some(url.clone());
                past.named |= matches!(stamped.event, Event::Adopted { named: true, .. });
            }
            // What is said of another task than the request has is of no use.
            Event::TaskState { task, state, .. } if past.task == Some(*task) => {
                past.state = Some(state.clone());
                past.canceled &= state == "CANCELED";
            }
            Event::ImageAdded { variant, image, .. } => {
                history.paths.insert(image.path.clone(), MadeFor::of(past));
                past.images.retain(|(_, old)| old.path != image.path);
                past.images.push((variant.clone(), image.clone()));
            }
            Event::CloudUpload { upload, .. } => {
                past.uploads.retain(|old| old.arch != upload.arch);
                past.uploads.push(upload.clone());
            }
            Event::ArchFailed { failed, .. } => {
                past.failed_arches.retain(|old| old.arch != failed.arch);
                past.failed_arches.push(failed.clone());
            }
            Event::RequestDone { task, images, .. } if past.task == Some(*task) => {
                past.done = images.is_none_or(|images| images == past.images.len());
                past.failure = None;
                past.reason = None;
                past.causes.clear();
                past.argument = None;
            }
            Event::RequestFailed { error, reason, causes, argument, in_doubt, .. } => {
                past.done = false;
                past.failure = Some(error.clone());
                past.reason.clone_from(reason);
                past.causes.clone_from(causes);
                past.argument.clone_from(argument);
                if !in_doubt {
                    past.in_doubt = None;
                }
            }
            Event::TaskCanceled { task, .. } if past.task == Some(*task) => past.canceled = true,
            _ => {}
        }
    }
}

impl Saying {
    fn is_whole(&self) -> bool {
        self.said.len() == self.expected && self.said.values().all(Option::is_some)
    }

    /// Takes from `filler` what was not said, if it can be the same plan.
    fn fill(&mut self, filler: &[Event]) {
        let whole: Option<BTreeMap<usize, (String, Planned)>> = filler
            .iter()
            .map(|event| match event {
                Event::Planned { request, .. } => Some((*request, parts(event)?)),
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

/// The key and the request of a `planned` event.
fn parts(event: &Event) -> Option<(String, Planned)> {
    let Event::Planned {
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
        ..
    } = event
    else {
        return None;
    };
    let planned = Planned {
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
    };
    Some((key.clone(), planned))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let tasks = history.requests.iter().filter_map(|(key, past)| Some((key.clone(), past.task?)));
        (tasks.collect(), history.holes.keys().copied().collect())
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
        assert_eq!(history.in_doubt(), [(1, "b", early)]);
        assert_eq!(history.unfinished(), [(0, 7)]);
    }

    #[test]
    fn a_plan_that_was_not_said_whole_is_none() {
        let whole = || vec![started(), planned(0, "a"), planned(1, "b"), submitting(1), submitted(1, 7)];
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
        assert_eq!(history.order.values().collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(history.requests["b"].task, Some(7));
        assert_eq!(history.requests["b"].state.as_deref(), Some("CLOSED"));
        assert!(!history.ended);
        assert!(!history.requests.contains_key("a"));
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
            checksums: [("sha256".to_owned(), "00".to_owned())].into_iter().collect(),
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
        assert!(replay(whole(None)).requests["a"].done, "a journal that does not count");
        assert!(replay(whole(Some(1))).requests["a"].done);
        assert!(!replay([begun(), vec![done(Some(1))]].concat()).requests["a"].done, "an image is lost");
        let mut otherwise = planned(0, "a");
        if let Event::Planned { manifest_type, .. } = &mut otherwise {
            *manifest_type = Some("raw".into());
        }
        let history = replay([whole(Some(1)), vec![started(), otherwise, planned(1, "b")]].concat());
        assert_eq!((history.requests["a"].done, history.requests["a"].task), (false, Some(7)));
    }

    #[test]
    fn a_task_is_not_canceled_because_somebody_wanted_it() {
        let begun = || vec![started(), planned(0, "a"), planned(1, "b"), submitted(0, 7)];
        let canceled = Event::TaskCanceled { request: 0, task: 7 };
        let history = replay([begun(), vec![canceled.clone()]].concat());
        assert!(history.requests["a"].canceled && history.unfinished().is_empty());
        let closed = replay([begun(), vec![canceled, state(0, "CLOSED")]].concat());
        assert!(!closed.requests["a"].canceled, "the hub knows better");
        let other = replay([begun(), vec![Event::TaskState { request: 0, task: 6, state: "CLOSED".into() }]].concat());
        assert_eq!(other.requests["a"].state, None, "another task's state");
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
}
