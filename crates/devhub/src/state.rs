//! The *state* of a hub: everything that calls read and change.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use crate::accounts::Accounts;
use crate::builders::{Builder, Submitted};
use crate::builds::{Archive, Build};
use crate::by_id::ById;
use crate::clock::{Micros, time_value, ts_value};
use crate::hub::Setting;
use crate::ids;
use crate::journal::{Journal, JournalError, Record};
use crate::plan::{Plan, Step};
use crate::scenario::Scenario;
use crate::sessions::Sessions;
use crate::targets::{Tag, Targets};
use crate::tasks::{TAG, Task, TaskResult, TaskState};
use crate::volume::DEFAULT_VOLUME;
use crate::wire::{Fault, Name, Value, int, string, structure};

/// Everything that calls read and change.
#[derive(Debug)]
pub(crate) struct HubState {
    pub(crate) accounts: Accounts,
    /// Who is logged in.
    pub(crate) sessions: Sessions,
    /// Targets and tags.
    pub(crate) targets: Targets,
    pub(crate) tasks: ById<Task>,
    /// What will happen, soonest first.
    pub(crate) agenda: BTreeSet<(Micros, Step, i64)>,
    pub(crate) builds: ById<Build>,
    /// Builds by a checksum of name, version and release, and by the event that made them: the last is the newest.
    nvrs: BTreeSet<(u32, i64, i64)>,
    /// Package ids by name.
    pub(crate) packages: HashMap<Name, i64>,
    /// The build of every archive; the id of the first one is 1.
    pub(crate) archive_builds: Vec<i64>,
    /// The names of the volumes; their ids are their places.
    pub(crate) volumes: Vec<String>,
    /// The last event, which every change makes one of.
    pub(crate) event: (i64, Micros),
    /// The ids of the channels that are switched off.
    pub(crate) disabled_channels: BTreeSet<i64>,
    born: Micros,
    journal: Option<Journal>,
}

impl HubState {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        Self {
            accounts: Accounts::new(&scenario.permissions),
            sessions: Sessions::new(scenario.expire_sessions_after_calls, scenario.close_sessions_after_calls),
            targets: Targets::new(scenario),
            tasks: ById::default(),
            agenda: BTreeSet::new(),
            builds: ById::default(),
            nvrs: BTreeSet::new(),
            packages: HashMap::new(),
            archive_builds: Vec::new(),
            volumes: volumes(scenario),
            event: (1, crate::clock::now()),
            disabled_channels: BTreeSet::new(),
            born: crate::clock::now(),
            journal: None,
        }
    }

    /// Takes in what an earlier hub on this volume kept, and keeps everything from now on.
    pub(crate) fn restore(&mut self, setting: &Setting) -> Result<(), JournalError> {
        let (journal, records) = Journal::open(setting.volume.topdir())?;
        for record in records {
            match record {
                Record::Task { id, method, owner, priority, created, request, plan } => {
                    self.settle(setting, created);
                    let builder = setting
                        .builders
                        .by_method(&method)
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
        self.journal = Some(journal);
        Ok(())
    }

    /// Keeps a record of a change, if the hub keeps any. A failure is reported to the caller.
    pub(crate) fn keep(&mut self, record: impl FnOnce() -> Result<Record, JournalError>) -> Result<(), JournalError> {
        match &mut self.journal {
            Some(journal) => journal.append(&record()?),
            None => Ok(()),
        }
    }

    pub(crate) fn next_event(&mut self, time: Micros) -> i64 {
        self.event = (self.event.0 + 1, time.max(self.event.1));
        self.event.0
    }

    /// The script for a request, of the task `id` once there is one: without a failure that so many tasks of the image have had
    /// before as it has times.
    pub(crate) fn script<'s>(
        &self,
        scenario: &'s Scenario,
        builder: &dyn Builder,
        id: i64,
        request: &[Value],
    ) -> Cow<'s, Scenario> {
        let key = builder.job(request).key;
        let Some(times) = scenario.fail.get(&key).and_then(|failure| failure.times) else {
            return Cow::Borrowed(scenario);
        };
        let created = self.tasks.get(id).map_or(Micros::MAX, |task| task.created);
        let is_before = |task: &&Task| task.id != id && task.created < created;
        let is_same = |task: &&Task| task.builder.is_some_and(|builder| builder.job(&task.request).key == key);
        if self.tasks.values().filter(is_before).filter(is_same).count() < times {
            return Cow::Borrowed(scenario);
        }
        let mut healed = scenario.clone();
        healed.fail.remove(&key);
        Cow::Owned(healed)
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

    /// The task that `task` is for an arch of, with its builder.
    pub(crate) fn whole_of(&self, task: &Task) -> Option<(&Task, &'static dyn Builder)> {
        let parent = self.tasks.get(task.parent?)?;
        Some((parent, parent.builder?))
    }

    /// What was asked of a task.
    pub(crate) fn request_of<'t>(&self, task: &'t Task) -> Cow<'t, [Value]> {
        match self.whole_of(task) {
            Some((parent, builder)) if task.is_for_arch() => Cow::Owned(builder.arch_request(self, parent, &task.arch)),
            Some((parent, _)) if task.method == TAG => {
                let (tag, build) = (int(self.dest_tag(parent)), int(ids::build_id(parent.id)));
                Cow::Owned(vec![tag, build, Value::Bool(false), Value::Nil, Value::Bool(true)])
            }
            _ => Cow::Borrowed(&task.request),
        }
    }

    /// The id of the tag that the build of a task gets.
    pub(crate) fn dest_tag(&self, task: &Task) -> i64 {
        task.job().and_then(|job| self.targets.of(&job.target)).map_or(0, |target| target.dest_tag)
    }

    /// What a task has left, once it is over.
    pub(crate) fn left_by<'t>(&self, setting: &Setting, task: &'t Task) -> Option<Result<Value, &'t Fault>> {
        let value = match task.result.as_ref()? {
            TaskResult::Nothing => None,
            TaskResult::Repo(repo) => Some(Value::clone(repo)),
            TaskResult::OfBuilder => task.builder.map(|builder| builder.result(self, setting, task)),
            TaskResult::OfArch(made) => {
                self.whole_of(task).map(|(parent, builder)| builder.arch_result(parent, task, made))
            }
            TaskResult::Fault(fault) => return Some(Err(fault)),
        };
        Some(Ok(value.unwrap_or(Value::Nil)))
    }

    /// Further facts about an archive of a build.
    pub(crate) fn archive_extra(&self, build: &Build, archive: &Archive) -> Value {
        let usual = || {
            let task = self.tasks.get(build.task)?;
            Some(task.builder?.archive_extra(task, &archive.arch))
        };
        archive.extra.as_deref().cloned().or_else(usual).unwrap_or(Value::Nil)
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
        task.plan = Some(Box::new(plan));
    }

    /// Gives a task that a builder has back to the queue. From there it goes as `plan` says.
    pub(crate) fn give_back(&mut self, id: i64, plan: Plan) {
        if let Some(task) = self.tasks.get_mut(id).filter(|task| !task.state.is_final()) {
            task.state = TaskState::Free;
            task.has_host = false;
            task.started = None;
            self.set_plan(id, plan);
        }
    }

    /// The repository of a tag, which is as old as the hub: the struct of `getRepo`.
    pub(crate) fn repo_value(&self, tag: &Tag) -> Value {
        let off = ["src", "debuginfo", "separate_src", "maven"].map(|name| (name, Value::Bool(false)));
        structure([
            ("begin_event", int(1)),
            ("begin_ts", ts_value(Some(self.born))),
            ("create_event", int(1)),
            ("create_ts", ts_value(Some(self.born))),
            ("creation_time", time_value(Some(self.born))),
            ("creation_ts", ts_value(Some(self.born))),
            ("custom_opts", structure::<&str>([])),
            ("dist", Value::Bool(false)),
            ("end_event", Value::Nil),
            ("end_ts", Value::Nil),
            ("id", int(tag.id)),
            ("opts", structure(off)),
            ("state", int(1)),
            ("state_time", time_value(Some(self.born))),
            ("state_ts", ts_value(Some(self.born))),
            ("tag_id", int(tag.id)),
            ("tag_name", string(tag.name.as_str())),
            ("task_id", Value::Nil),
            ("task_state", Value::Nil),
        ])
    }

    /// The id of a volume, a new one if it has none.
    pub(crate) fn volume_id(&mut self, name: &str) -> i64 {
        let place = self.volumes.iter().position(|known| known == name).unwrap_or_else(|| {
            self.volumes.push(name.to_owned());
            self.volumes.len() - 1
        });
        place as i64
    }

    /// The id of a package, a new one if it has none.
    pub(crate) fn package(&mut self, name: &str) -> i64 {
        let next = self.packages.len() as i64 + 1;
        *self.packages.entry(name.into()).or_insert(next)
    }

    pub(crate) fn add_build(&mut self, build: Build) {
        self.nvrs.insert((crc32fast::hash(build.nvr().as_bytes()), build.event, build.id));
        self.builds.insert(build.id, build);
    }

    /// The id that the next archive gets.
    pub(crate) fn next_archive_id(&self) -> i64 {
        self.archive_builds.len() as i64 + 1
    }

    /// The builds of a name, version and release, the newest first.
    pub(crate) fn builds_by_nvr(&self, name: &str, version: &str, release: &str) -> impl Iterator<Item = &Build> {
        // Hyphens in a name and in a version make one text of different builds.
        let is_it = move |build: &&Build| build.name == name && build.version == version && build.release == release;
        self.builds_called(format!("{name}-{version}-{release}")).filter(is_it)
    }

    /// The builds whose name, version and release make this text, the newest first.
    pub(crate) fn builds_called(&self, nvr: String) -> impl Iterator<Item = &Build> {
        let sum = crc32fast::hash(nvr.as_bytes());
        let ids = self.nvrs.range((sum, i64::MIN, i64::MIN)..=(sum, i64::MAX, i64::MAX)).rev();
        ids.filter_map(|(.., id)| self.builds.get(*id)).filter(move |build| build.nvr() == nvr)
    }

    pub(crate) fn build_of_task(&self, task: i64) -> Option<&Build> {
        self.builds.get(ids::build_id(task)).filter(|build| build.made_by() == Some(task))
    }

    /// The archive `id`, with its build.
    pub(crate) fn archive(&self, id: i64) -> Option<(&Build, &Archive)> {
        let place = usize::try_from(id).ok()?.checked_sub(1)?;
        let build = self.builds.get(*self.archive_builds.get(place)?)?;
        build.archives.iter().find(|archive| archive.id == id).map(|archive| (build, archive))
    }
}

/// The first volume, and those that the script names, by name.
fn volumes(scenario: &Scenario) -> Vec<String> {
    let scripted: BTreeSet<&String> = scenario.volume.values().collect();
    let others = scripted.into_iter().filter(|name| *name != DEFAULT_VOLUME).cloned();
    std::iter::once(DEFAULT_VOLUME.to_owned()).chain(others).collect()
}
