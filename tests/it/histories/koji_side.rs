//! What happens at the hub in the course of a history: to tasks and builds, to calls and their answers.

use super::{Counts, Random};
use crate::scripted_hub::{Answer, Build, Call, ScriptedHub, State, Task, methods_in};
use magudi_koji::Value;
use magudi_koji::calls::{BuildState, TaskState};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// The user whose composes these are.
pub const US: i64 = 2;
/// Somebody else.
pub const OTHER: i64 = 3;
/// An admin.
pub const ADMIN: i64 = 9;

/// What is done to a run when so many calls of it have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// `kill -9`.
    Kill,
    /// SIGTERM.
    Terminate,
    /// A second signal after the first.
    InterruptTwice,
    /// `magudi cancel` from another terminal.
    Cancel,
}

/// When something is done to a run, and what.
#[derive(Debug)]
pub struct Fate {
    pub deed: Deed,
    pub pid: u32,
    /// Calls until then; only submissions count where that is set.
    pub calls: u64,
    pub at_submission: bool,
    /// It was done, or is to be done by the one that waits for the run.
    pub is_due: bool,
}

/// What the hooks of the hub share with the history.
#[derive(Debug)]
pub struct Shared {
    pub random: Random,
    /// Whether anything happens to tasks, builds and answers. Not so in the end.
    pub is_wild: bool,
    pub fate: Option<Fate>,
    /// When the run that continues now began; none between two of them.
    pub began: Option<Instant>,
    /// No call is answered until then.
    pub away_until: Option<Instant>,
    /// One call in so many has an accident.
    losses: u64,
    /// When the run began that had a task made.
    made_in: BTreeMap<i64, Option<Instant>>,
    /// Images whose submission is executed late, and when the run began that had sent it.
    late: BTreeMap<String, Option<Instant>>,
    /// Builds that are being imported, and the tasks that they are of.
    importing: BTreeMap<i64, i64>,
    /// Tasks of somebody else, who waits for them.
    pub others: BTreeSet<i64>,
    /// Tasks that were resubmitted at the hub.
    pub resubmitted: BTreeSet<i64>,
    /// Whether the release of the images is fixed, so that a build has its name beforehand.
    pub is_fixed: bool,
    /// Whether every second task fails as soon as it is made.
    pub is_fragile: bool,
    pub problems: Vec<String>,
    pub told: Vec<String>,
    pub counts: Counts,
    since: Instant,
}

impl Shared {
    pub fn tell(&mut self, text: impl std::fmt::Display) {
        self.told.push(format!("{:7.3} {text}", self.since.elapsed().as_secs_f64()));
    }

    pub fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    fn did(&mut self, what: &'static str, text: impl std::fmt::Display) {
        self.count(what);
        self.tell(text);
    }

    fn wrong(&mut self, text: String) {
        self.tell(format!("WRONG: {text}"));
        self.problems.push(text);
    }
}

/// The hub of a history.
pub struct KojiSide {
    pub hub: ScriptedHub,
    shared: Arc<Mutex<Shared>>,
}

impl KojiSide {
    /// Puts what may happen in place of what usually does.
    pub fn new(hub: ScriptedHub, mut random: Random, is_fixed: bool) -> Self {
        {
            let mut state = hub.state();
            state.task_seconds = if random.one_in(2) { 0.3 } else { f64::INFINITY };
            state.tasks_lag = Duration::from_millis(random.below(4) * 700);
            state.archives_lag = Duration::from_millis(random.below(3) * 700);
            if random.one_in(3) {
                state.reads_lag = Duration::from_millis(random.below(2000));
            }
            state.clock = [0.0, 700.0, -700.0][random.below(3) as usize];
        }
        let losses = 3 + random.below(6);
        let shared = Arc::new(Mutex::new(Shared {
            random,
            is_wild: true,
            fate: None,
            began: None,
            away_until: None,
            losses,
            made_in: BTreeMap::new(),
            late: BTreeMap::new(),
            importing: BTreeMap::new(),
            others: BTreeSet::new(),
            resubmitted: BTreeSet::new(),
            is_fixed,
            is_fragile: false,
            problems: Vec::new(),
            told: Vec::new(),
            counts: Counts::new(),
            since: Instant::now(),
        }));
        let of_calls = Arc::clone(&shared);
        hub.on("*", move |state, call| of_calls.lock().unwrap().called(state, call));
        let of_tasks = Arc::clone(&shared);
        hub.edit("osbuildImage", move |state, _, value| {
            if let Some(task) = value.as_i64() {
                of_tasks.lock().unwrap().made(state, task);
            }
        });
        Self { hub, shared }
    }

    pub fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap()
    }

    /// Something happens while no run continues.
    pub fn at_rest(&self) {
        let has_resubmitted = {
            let mut state = self.hub.state();
            let mut shared = self.shared();
            let before = shared.resubmitted.len();
            shared.happen(&mut state, true);
            shared.resubmitted.len() > before
        };
        if has_resubmitted {
            // A person who resubmits a task does not resume in the same second.
            std::thread::sleep(self.lag());
        }
    }

    /// How far what the hub says may be behind what has happened.
    pub fn lag(&self) -> Duration {
        let state = self.hub.state();
        state.tasks_lag + state.reads_lag
    }

    /// From now on tasks end well at once, and nothing else happens.
    pub fn calm_down(&self) {
        let mut state = self.hub.state();
        let mut shared = self.shared();
        shared.is_wild = false;
        shared.away_until = None;
        shared.complete_imports(&mut state);
        // Not at once: what is somebody else's is put off for ever.
        state.task_seconds = 0.01;
    }
}

impl Shared {
    /// What becomes of a call.
    fn called(&mut self, state: &mut State, call: &Call) -> Option<Answer> {
        let is_submission = call.method == "osbuildImage";
        let executes = self.random.one_in(2);
        if let Some(fate) = &mut self.fate
            && !fate.is_due
            && (is_submission || !fate.at_submission)
        {
            fate.calls = fate.calls.saturating_sub(1);
            if fate.calls == 0 {
                fate.is_due = true;
                let (deed, pid) = (fate.deed, fate.pid);
                do_to(deed, pid);
                self.tell(format!("{deed:?} at a call of {}", call.method));
                if deed == Deed::Kill {
                    if is_submission && self.random.one_in(3) {
                        let name = call.params.first().and_then(Value::as_str).unwrap_or_default();
                        self.late.insert(name.to_owned(), self.began);
                        self.did("calls executed late", "which is executed a while later");
                        return Some(Answer::Held(Duration::from_millis(200 + self.random.below(3000))));
                    }
                    return Some(if executes { Answer::Lost } else { Answer::Cut });
                }
            }
        }
        if !self.is_wild {
            return None;
        }
        if self.random.one_in(15) {
            // Also while `magudi cancel` calls.
            self.happen(state, false);
        }
        if self.random.one_in(150) {
            state.sessions.clear();
            self.did("lost sessions", "all sessions are closed");
        }
        if self.away_until.is_some_and(|until| Instant::now() < until) {
            return Some(Answer::Cut);
        }
        let is_cancel = methods_in(call).any(|method| method == "cancelTask");
        let odds = if is_submission || is_cancel { self.losses } else { 40 };
        if call.method != "GET" && self.random.one_in(odds) {
            let what = if is_submission {
                "submissions without an answer"
            } else if is_cancel {
                "cancels without an answer"
            } else {
                "other calls without an answer"
            };
            self.did(
                what,
                format!("a call of {} {} an answer", call.method, if executes { "without" } else { "is cut before" }),
            );
            return Some(if executes { Answer::Lost } else { Answer::Cut });
        }
        None
    }

    /// A task was made: there must be no other one of the request that counts.
    fn made(&mut self, state: &mut State, id: i64) {
        let name = state.tasks[&id].text(0);
        self.count("tasks");
        self.tell(format!("task {id} is made for {name}"));
        let began = self.late.remove(&name).unwrap_or(self.began);
        self.made_in.insert(id, began);
        if self.is_wild && self.is_fragile && self.random.one_in(2) {
            state.fail_compose(id, "no space left on device");
            self.did("failed tasks", format!("task {id} fails at once"));
        }
        let before = |time: Instant| began.is_none_or(|began| time < began);
        let mut beside = Vec::new();
        for task in state.tasks.values().filter(|task| task.id != id && task.text(0) == name) {
            if self.others.contains(&task.id) {
                continue;
            }
            // What comes of a canceled or failed task after the run has asked for it cannot be known.
            let stands = state.builds.values().find(|build| {
                build.task == Some(task.id)
                    && build.state == BuildState::Complete
                    && before(build.done + state.reads_lag)
            });
            if let Some(build) = stands {
                beside.push(format!("build {} of task {}", build.id, task.id));
            } else if !matches!(task.state, TaskState::Canceled | TaskState::Failed) {
                beside.push(format!("task {}", task.id));
            }
        }
        let building = state.builds.values().find(|build| {
            self.is_fixed
                && build.name == name
                && build.state == BuildState::Building
                && before(build.done + state.reads_lag)
        });
        beside.extend(building.map(|build| format!("build {}, which is being imported", build.id)));
        if !beside.is_empty() {
            self.wrong(format!("task {id} is made for {name} beside {}", beside.join(", ")));
        }
    }

    /// Whether a build came when it was too late for the run that had another task made: then a hub has two, where it numbers releases
    /// itself.
    pub fn came_too_late(&self, state: &State, build: &Build, other: i64) -> bool {
        let began = self.made_in.get(&other).copied().flatten();
        !self.is_fixed && began.is_none_or(|began| build.done + state.reads_lag >= began)
    }

    /// Something happens to a task or build. `at_rest`: nobody calls meanwhile, and what is done is seen by who calls next.
    fn happen(&mut self, state: &mut State, at_rest: bool) {
        let ours: Vec<i64> = state.tasks.keys().filter(|id| !self.others.contains(id)).copied().collect();
        let Some(id) = self.random.pick(&ours) else { return };
        let task = state.tasks[&id].clone();
        let name = task.text(0);
        let has_build = state.builds.values().any(|build| build.name == name);
        let counts =
            |other: &&Task| other.text(0) == name && !matches!(other.state, TaskState::Canceled | TaskState::Failed);
        match (task.state, self.random.below(8)) {
            (_, 0) if self.random.one_in(3) => {
                let time = Duration::from_millis(100 + self.random.below(1500));
                self.away_until = Some(Instant::now() + time);
                self.did("outages", format!("the hub is away for {time:?}"));
            }
            (_, 1) if at_rest && self.others.len() < 2 => {
                // Somebody else asks for the same.
                let other = state.resubmit(id, OTHER);
                if let Some(task) = state.tasks.get_mut(&other) {
                    task.born = Instant::now() + Duration::from_secs(24 * 60 * 60);
                }
                self.others.insert(other);
                self.did("tasks of others", format!("somebody else asks for {name}: task {other}"));
            }
            (TaskState::Canceled | TaskState::Failed, 2 | 3) if !has_build => {
                // What composer had begun continues, and is imported.
                let build = state.import(id);
                self.did("late builds", format!("build {build} of task {id} is there after all"));
            }
            (TaskState::Canceled, 4) if !has_build => {
                let build = state.import(id);
                let made = state.builds.get_mut(&build).unwrap();
                (made.state, made.task) = (BuildState::Building, None);
                self.importing.insert(build, id);
                self.did("late builds", format!("build {build} of task {id} is being imported"));
            }
            (TaskState::Canceled | TaskState::Failed, 5 | 6)
                if at_rest
                    && !has_build
                    && !self.late.contains_key(&name)
                    && !state.tasks.values().any(|task| counts(&task)) =>
            {
                let owner = if self.random.one_in(2) { US } else { ADMIN };
                let again = state.resubmit(id, owner);
                self.resubmitted.insert(again);
                self.did("resubmitted tasks", format!("task {id} is resubmitted by {owner}: task {again}"));
            }
            (TaskState::Canceled | TaskState::Failed, _) => self.complete_imports(state),
            (open, 2) if !open.is_final() => {
                state.fail_compose(id, "no such package: frob");
                self.did("failed tasks", format!("task {id} fails"));
            }
            (open, 3) if !open.is_final() => {
                state.cancel(id);
                self.did("tasks canceled by an admin", format!("an admin cancels task {id}"));
            }
            (open, _) if !open.is_final() => {
                state.finish(id);
                self.did("tasks that ended", format!("task {id} ends"));
            }
            _ => {}
        }
    }

    /// What is being imported is there.
    fn complete_imports(&mut self, state: &mut State) {
        for (build, task) in std::mem::take(&mut self.importing) {
            let made = state.builds.get_mut(&build).unwrap();
            (made.state, made.task, made.done) = (BuildState::Complete, Some(task), Instant::now());
            self.tell(format!("build {build} of task {task} is imported"));
        }
    }
}

/// Does to a process what is done by a signal.
fn do_to(deed: Deed, pid: u32) {
    let signals: &[&str] = match deed {
        Deed::Kill => &["-KILL"],
        Deed::Terminate => &["-TERM"],
        // A process that is begun in the background does not hear the first one before it listens.
        Deed::InterruptTwice => &["-INT", "-TERM"],
        Deed::Cancel => &[],
    };
    for signal in signals {
        // It may have ended.
        let _ =
            Command::new("kill").args([signal, pid.to_string().as_str()]).stderr(std::process::Stdio::null()).status();
    }
}
