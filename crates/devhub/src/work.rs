//! The *work* that is done on a task: planned when it is submitted, done when it is due.
//!
//! Nothing runs in the background. A look at the hub first lets everything happen that was due by then, so a hub
//! with thousands of open tasks costs nothing between two looks.

use std::io;

use crate::builders::{Builder, Job};
use crate::builds::{Build, BuildState};
use crate::clock::Micros;
use crate::hub::Setting;
use crate::ids;
use crate::names;
use crate::plan::{PlannedOutcome, Step};
use crate::state::HubState;
use crate::tasks::{Child, TAG, Task, TaskResult, TaskState, WAIT_FOR_REPO};
use crate::wire::{Fault, Value, int, python, string};

impl HubState {
    /// Lets everything happen that is due by `now`.
    pub(crate) fn settle(&mut self, setting: &Setting, now: Micros) {
        while let Some(next) = self.agenda.first().copied().filter(|(time, ..)| *time <= now) {
            self.agenda.remove(&next);
            let (time, step, id) = next;
            match step {
                Step::Assign => {
                    self.assign(id);
                }
                Step::Open => self.open(setting, id, time),
                Step::Repo => self.repo_is_ready(setting, id, time),
                Step::Free => self.free(id),
                Step::Reopen | Step::OpenChild => self.begin(id, time),
                Step::EndChild => {
                    if let Some(builder) = self.parent_builder(id) {
                        builder.end_child(self, id, time);
                    }
                }
                Step::Finish => {
                    if let Some(builder) = self.builder(id)
                        && let Err(error) = builder.finish(self, setting, id, time)
                    {
                        self.cannot_write(id, time, &error);
                    }
                }
                Step::Close => self.close(id, time),
            }
        }
    }

    /// The builder of a task that was submitted.
    fn builder(&self, id: i64) -> Option<&'static dyn Builder> {
        self.tasks.get(id).and_then(|task| task.builder)
    }

    /// The builder of the task that a task is under.
    fn parent_builder(&self, id: i64) -> Option<&'static dyn Builder> {
        self.tasks.get(id).and_then(|task| task.parent).and_then(|parent| self.builder(parent))
    }

    /// Calls off a task, and those under it if `recurse`. What is over stays as it is.
    pub(crate) fn cancel(&mut self, id: i64, time: Micros, recurse: bool) {
        let mut ids = vec![id];
        let mut canceled = Vec::new();
        while let Some(id) = ids.pop() {
            let Some(task) = self.tasks.get_mut(id) else { continue };
            if !task.state.is_final() {
                task.state = TaskState::Canceled;
                task.completed = Some(time);
                canceled.push(id);
            }
            if recurse {
                ids.extend(&task.children);
            }
        }
        for id in canceled {
            if let Some(builder) = self.builder(id) {
                builder.is_canceled(self, id, time);
            }
            if let Some(builder) = self.parent_builder(id) {
                builder.child_is_canceled(self, id, time);
            }
        }
    }

    /// The volume cannot be written to: a builder would die of it, and the task with it.
    fn cannot_write(&mut self, id: i64, time: Micros, error: &io::Error) {
        self.end(id, time, TaskResult::Fault(python("OSError", &error.to_string())));
    }

    /// A task that is not over.
    pub(crate) fn unfinished(&mut self, id: i64) -> Option<&mut Task> {
        self.tasks.get_mut(id).filter(|task| !task.state.is_final())
    }

    pub(crate) fn end(&mut self, id: i64, time: Micros, result: TaskResult) {
        if let Some(task) = self.unfinished(id) {
            task.completed = Some(time);
            match result {
                // A task that dies of one under it still waits for it, as far as the database knows. Its output says why it died,
                // and what was planned knows that.
                TaskResult::Fault(_) => task.state = TaskState::Failed,
                _ => {
                    task.state = TaskState::Closed;
                    task.waiting = task.waiting.map(|_| false);
                    // Nothing more will come of it, and only what the script has composer say must be known.
                    task.plan.take_if(|plan| plan.status.is_none());
                }
            }
            task.result = Some(result);
            self.next_event(time);
        }
    }

    /// A task is over, and has failed.
    pub(crate) fn fail(&mut self, id: i64, time: Micros, code: i64, text: String) {
        self.end(id, time, TaskResult::Fault(Fault::new(code, text)));
    }

    /// Gives a task to the builder, which has not begun with it. Whether it could be given.
    pub(crate) fn assign(&mut self, id: i64) -> bool {
        let task = self.tasks.get_mut(id).filter(|task| task.state == TaskState::Free);
        task.is_some_and(|task| {
            task.state = TaskState::Assigned;
            task.has_host = true;
            true
        })
    }

    /// A builder begins with a task, perhaps for the second time: then it counts from there (facts: koji 4).
    fn begin(&mut self, id: i64, time: Micros) {
        if let Some(task) = self.unfinished(id) {
            task.state = TaskState::Open;
            task.has_host = true;
            task.started = Some(time);
        }
    }

    /// The builder stops, and gives its tasks back. Composer does not hear of it.
    fn free(&mut self, id: i64) {
        if let Some(task) = self.unfinished(id) {
            task.state = TaskState::Free;
            task.has_host = false;
            task.started = None;
        }
    }

    fn open(&mut self, setting: &Setting, id: i64, time: Micros) {
        self.begin(id, time);
        let Some(task) = self.unfinished(id) else { return };
        let (Some(plan), Some(builder)) = (&task.plan, task.builder) else { return };
        if let PlannedOutcome::Fault { code, text } = &plan.outcome {
            let fault = Fault::new(*code, text.clone());
            self.end(id, time, TaskResult::Fault(fault));
        } else if plan.repo.is_some_and(|ready| ready > time) {
            self.wait_for_repo(id, time);
        } else {
            builder.begin(self, setting, id, time);
        }
    }

    /// The task under the task that waits for the repository of the build tag.
    fn wait_for_repo(&mut self, id: i64, time: Micros) {
        let event = self.event.0;
        let is_waited_for = self.waitrepo(id).is_some();
        let wanted = self.builder(id).map_or(id, |builder| builder.repo_task_id(id));
        let child = self.tasks.free_id(wanted);
        let Some(parent) = self.tasks.get_mut(id) else { return };
        parent.waiting = Some(true);
        if is_waited_for {
            return;
        }
        let Some(job) = parent.job() else { return };
        let tag = self.targets.of(&job.target).and_then(|target| self.targets.tag_by_id(target.build_tag));
        let request =
            vec![string(tag.map_or("", |tag| tag.name.as_str())), Value::Nil, Value::Array(Vec::new()), int(event)];
        let child = parent.child(Child { weight: 0.2, ..Child::new(child, WAIT_FOR_REPO, "waitrepo", request) }, time);
        parent.children.push(child.id);
        self.tasks.insert(child.id, child);
    }

    /// The task under a task that waits for the repository.
    fn waitrepo(&self, id: i64) -> Option<i64> {
        self.child_of(id, WAIT_FOR_REPO)
    }

    /// The task under a task that does this.
    fn child_of(&self, id: i64, method: &str) -> Option<i64> {
        let does = |child: &i64| self.tasks.get(*child).is_some_and(|child| child.method == method);
        self.tasks.get(id)?.children.iter().copied().find(does)
    }

    /// The task that waited for a task under it takes notice of its end.
    pub(crate) fn collect(&mut self, child: i64) {
        if let Some(child) = self.tasks.get_mut(child) {
            child.awaited = Some(false);
        }
    }

    fn repo_is_ready(&mut self, setting: &Setting, id: i64, time: Micros) {
        if self.tasks.get(id).is_none_or(|task| task.waiting != Some(true)) {
            return;
        }
        let job = self.tasks.get(id).and_then(Task::job);
        let tag = job.and_then(|job| self.targets.tags_of(self.targets.of(&job.target)?)).map(|(tag, _)| tag);
        let repo = tag.map_or(Value::Nil, |tag| self.repo_value(tag));
        if let Some(child) = self.waitrepo(id) {
            self.end(child, time, TaskResult::Repo(Box::new(repo)));
            self.collect(child);
        }
        if let Some(task) = self.unfinished(id) {
            task.waiting = Some(false);
            if let Some(builder) = task.builder {
                builder.begin(self, setting, id, time);
            }
        }
    }

    /// Begins the build of a task; none if there is one, or if it could not be called that.
    pub(crate) fn begin_build(&mut self, id: i64, time: Micros) {
        let Some(task) = self.tasks.get(id) else { return };
        let (Some(job), owner) = (task.job(), task.owner) else { return };
        let generator = task.builder.and_then(Builder::generator);
        let Job { name, version, release, .. } = job;
        let is_named = [&name, &version, &release].into_iter().all(|word| names::is_file_name(word));
        if !is_named || self.builds.contains_key(ids::build_id(id)) {
            return;
        }
        let owner_name = self.accounts.by_id(owner).map_or_else(String::new, |user| user.name.clone());
        let package = self.package(&name);
        let event = self.next_event(time);
        self.add_build(Build {
            id: ids::build_id(id),
            state: BuildState::Building,
            generator,
            task: id,
            name: name.into(),
            version: version.into(),
            release: release.into(),
            package,
            owner: (owner, owner_name.into()),
            started: time,
            completed: None,
            event,
            volume: None,
            archives: Vec::new(),
            tag: None,
        });
    }

    /// Why a task cannot begin its build on a hub that is strict: there is one of that name, version and release.
    pub(crate) fn rival(&self, setting: &Setting, id: i64, job: &Job) -> Option<String> {
        if !setting.scenario.strict {
            return None;
        }
        self.builds_called(job.nvr()).filter(|build| build.task != id).find_map(|build| match build.state {
            BuildState::Building => Some(format!("Build already in progress (task {})", build.task)),
            BuildState::Complete => {
                let (id, nvr) = (build.id, build.nvr());
                Some(format!("Build already exists (id={id}, state=COMPLETE): {}", crate::python::quoted(&nvr)))
            }
            BuildState::Failed | BuildState::Canceled => None,
        })
    }

    /// A build will never get its files, because its task failed or was called off.
    pub(crate) fn end_build(&mut self, build: i64, state: BuildState, time: Micros) {
        if let Some(build) = self.builds.get_mut(build).filter(|build| build.state == BuildState::Building) {
            build.state = state;
            build.completed = Some(time);
        }
    }

    /// The task under the task that tags its build.
    pub(crate) fn begin_tagging(&mut self, id: i64, child: i64, time: Micros) {
        let Some(parent) = self.tasks.get_mut(id) else { return };
        let child = parent.child(Child::new(child, TAG, "tag", Vec::new()), time);
        parent.waiting = Some(true);
        parent.children.push(child.id);
        self.tasks.insert(child.id, child);
    }

    /// The build is tagged, and the task ends if it has done everything.
    pub(crate) fn close(&mut self, id: i64, time: Micros) {
        let Some(task) = self.tasks.get(id).filter(|task| task.state == TaskState::Open) else { return };
        if !task.builder.is_some_and(|builder| builder.is_done(self, task)) {
            return;
        }
        if let Some(tagging) = self.child_of(id, TAG) {
            self.end(tagging, time, TaskResult::Nothing);
            let event = self.event.0;
            self.collect(tagging);
            let Some(child) = self.tasks.get(tagging) else { return };
            if let Some(TaskResult::Fault(fault)) = &child.result {
                let fault = fault.clone();
                self.end(id, time, TaskResult::Fault(fault));
                return;
            }
            let tag = self.tasks.get(id).map_or(0, |task| self.dest_tag(task));
            if let Some(build) = self.builds.get_mut(ids::build_id(id)) {
                build.tag = Some((tag, event));
            }
        }
        self.end(id, time, TaskResult::OfBuilder);
    }
}
