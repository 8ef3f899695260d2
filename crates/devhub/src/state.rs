//! The *state* of a hub: everything that calls read and change.

use std::collections::{BTreeSet, HashMap};

use crate::accounts::Accounts;
use crate::builders::{self, Builder, Submitted};
use crate::builds::{Archive, Build};
use crate::by_id::ById;
use crate::clock::{Micros, time_value, ts_value};
use crate::ids;
use crate::journal::{Journal, JournalError, Record};
use crate::plan::{Plan, Step};
use crate::scenario::Scenario;
use crate::sessions::Sessions;
use crate::site::Setting;
use crate::targets::Targets;
use crate::tasks::{Task, TaskState};
use crate::wire::{Value, int, structure};

/// Everything that calls read and change.
#[derive(Debug)]
pub(crate) struct State {
    /// Users.
    pub(crate) accounts: Accounts,
    /// Who is logged in.
    pub(crate) sessions: Sessions,
    /// Targets and tags.
    pub(crate) targets: Targets,
    /// Tasks by id.
    pub(crate) tasks: ById<Task>,
    /// What will happen, soonest first.
    pub(crate) agenda: BTreeSet<(Micros, Step, i64)>,
    /// Builds by id.
    pub(crate) builds: ById<Build>,
    /// Builds by name, version and release; the last is the newest.
    pub(crate) nvrs: HashMap<String, Vec<i64>>,
    /// Package ids by name.
    pub(crate) packages: HashMap<String, i64>,
    /// The build of every archive.
    pub(crate) archive_builds: HashMap<i64, i64>,
    /// The last event, which every change makes one of.
    pub(crate) event: (i64, Micros),
    /// The ids of the channels that are switched off.
    pub(crate) disabled_channels: BTreeSet<i64>,
    /// Whether what an earlier hub did is done again.
    pub(crate) restoring: bool,
    born: Micros,
    journal: Option<Journal>,
}

impl State {
    /// A new hub's.
    pub(crate) fn new(scenario: &Scenario) -> Self {
        Self {
            accounts: Accounts::new(),
            sessions: Sessions::new(scenario.expire_sessions_after_calls, scenario.close_sessions_after_calls),
            targets: Targets::new(scenario),
            tasks: ById::new(),
            agenda: BTreeSet::new(),
            builds: ById::new(),
            nvrs: HashMap::new(),
            packages: HashMap::new(),
            archive_builds: HashMap::new(),
            event: (1, crate::clock::now()),
            disabled_channels: BTreeSet::new(),
            restoring: false,
            born: crate::clock::now(),
            journal: None,
        }
    }

    /// Takes in what an earlier hub on this volume kept, and keeps everything from now on.
    pub(crate) fn restore(&mut self, setting: &Setting) -> Result<(), JournalError> {
        let (journal, records) = Journal::open(setting.volume.topdir())?;
        self.restoring = true;
        for record in records {
            match record {
                Record::Task { id, method, owner, priority, created, request, plan } => {
                    self.settle(setting, created);
                    let builder = builders::by_method(&method)
                        .ok_or_else(|| JournalError::Request(format!("no builder makes {method}")))?;
                    let request = crate::journal::decode_request(&request)?;
                    self.add_task(builder, id, created, Submitted { owner, priority, request }, plan);
                }
                Record::Cancel { id, time, recurse } => {
                    self.settle(setting, time);
                    self.cancel(id, time, recurse);
                }
                Record::GiveBack { id, time, plan } => {
                    self.settle(setting, time);
                    self.give_back(id, plan);
                }
                Record::User(user) => self.accounts.put(user),
            }
        }
        self.settle(setting, crate::clock::now());
        self.restoring = false;
        self.journal = Some(journal);
        Ok(())
    }

    /// Keeps a record of a change, if the hub keeps any. A failure is said to whoever asked for the change.
    pub(crate) fn keep(&mut self, record: impl FnOnce() -> Result<Record, JournalError>) -> Result<(), JournalError> {
        match &mut self.journal {
            Some(journal) => journal.append(&record()?),
            None => Ok(()),
        }
    }

    /// A new event.
    pub(crate) fn next_event(&mut self, time: Micros) -> i64 {
        self.event = (self.event.0 + 1, time.max(self.event.1));
        self.event.0
    }

    /// The first id from `wanted` on that no task has.
    pub(crate) fn free_task_id(&self, wanted: i64) -> i64 {
        let mut id = wanted;
        for taken in self.tasks.ids_from(wanted) {
            if taken != id {
                break;
            }
            id += 1;
        }
        id
    }

    /// Adds a task that was submitted, and what will happen to it.
    pub(crate) fn add_task(
        &mut self,
        builder: &'static dyn Builder,
        id: i64,
        created: Micros,
        submitted: Submitted,
        plan: Plan,
    ) {
        self.targets.add(&builder.job(&submitted.request).target);
        self.tasks.insert(id, Task::submitted(builder, id, created, submitted));
        self.set_plan(id, plan);
        self.next_event(created);
    }

    /// Changes what will happen to a task.
    fn set_plan(&mut self, id: i64, plan: Plan) {
        let Some(task) = self.tasks.get_mut(id) else { return };
        if let Some(old) = &task.plan {
            for (time, step) in old.steps() {
                self.agenda.remove(&(time, step, id));
            }
        }
        self.agenda.extend(plan.steps().map(|(time, step)| (time, step, id)));
        task.plan = Some(plan);
    }

    /// Gives a task that a builder has back to the queue. From there it goes as `plan` says.
    pub(crate) fn give_back(&mut self, id: i64, plan: Plan) {
        if let Some(task) = self.tasks.get_mut(id).filter(|task| !task.state.is_final()) {
            task.state = TaskState::Free;
            task.host = None;
            task.started = None;
            self.set_plan(id, plan);
        }
    }

    /// Calls off a task, and those under it if `recurse`. What is over stays as it is.
    pub(crate) fn cancel(&mut self, id: i64, time: Micros, recurse: bool) {
        let mut ids = vec![id];
        while let Some(id) = ids.pop() {
            let Some(task) = self.tasks.get_mut(id) else { continue };
            if !task.state.is_final() {
                task.state = TaskState::Canceled;
                task.completed = Some(time);
            }
            if recurse {
                ids.extend(&task.children);
            }
        }
    }

    /// The struct of `getRepo` for the repository of a tag, which is as old as the hub.
    pub(crate) fn repo_value(&self, tag: i64) -> Value {
        structure([
            ("id", int(tag)),
            ("state", int(1)),
            ("create_event", int(1)),
            ("creation_time", time_value(Some(self.born))),
            ("create_ts", ts_value(Some(self.born))),
            ("dist", Value::Bool(false)),
            ("task_id", Value::Nil),
        ])
    }

    /// The id of a package, a new one if it has none.
    pub(crate) fn package(&mut self, name: &str) -> i64 {
        let next = self.packages.len() as i64 + 1;
        *self.packages.entry(name.to_owned()).or_insert(next)
    }

    /// Adds a build.
    pub(crate) fn add_build(&mut self, build: Build) {
        let ids = self.nvrs.entry(build.nvr()).or_default();
        if !ids.contains(&build.id) {
            ids.push(build.id);
        }
        self.builds.insert(build.id, build);
    }

    /// The id that the next archive gets.
    pub(crate) fn next_archive_id(&self) -> i64 {
        self.archive_builds.len() as i64 + 1
    }

    /// The newest build of a name, version and release.
    pub(crate) fn build_by_nvr(&self, nvr: &str) -> Option<&Build> {
        self.nvrs.get(nvr).and_then(|ids| ids.last()).and_then(|id| self.builds.get(*id))
    }

    /// The build that a task made.
    pub(crate) fn build_of_task(&self, task: i64) -> Option<&Build> {
        self.builds.get(ids::build_id(task)).filter(|build| build.made_by() == Some(task))
    }

    /// The archive `id`, with its build.
    pub(crate) fn archive(&self, id: i64) -> Option<(&Build, &Archive)> {
        let build = self.builds.get(*self.archive_builds.get(&id)?)?;
        build.archives.iter().find(|archive| archive.id == id).map(|archive| (build, archive))
    }
}
