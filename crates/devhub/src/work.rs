//! The *work* that a builder and composer do on a task: planned when it is submitted, done when it is due.
//!
//! Nothing runs in the background. Whoever looks at the hub first lets everything happen that was due by then, so a hub
//! with thousands of open tasks costs nothing while nobody asks.

use std::io;

use crate::builds::{Build, BuildState};
use crate::clock::Micros;
use crate::facts::Facts;
use crate::ids;
use crate::names;
use crate::output;
use crate::plan::{Outcome, Step};
use crate::site::Setting;
use crate::state::State;
use crate::tasks::{HOST, Task, TaskResult, TaskState};
use crate::wire::{self, Fault, Value, generic, int, python, string, structure};

impl State {
    /// Lets everything happen that is due by `now`.
    pub(crate) fn settle(&mut self, setting: &Setting, now: Micros) {
        while let Some(next) = self.agenda.first().copied().filter(|(time, ..)| *time <= now) {
            self.agenda.remove(&next);
            let (time, step, id) = next;
            let done = match step {
                Step::Assign => {
                    self.assign(id);
                    Ok(())
                }
                Step::Open => self.open(setting, id, time),
                Step::Repo => self.repo_is_ready(setting, id, time),
                Step::Free => {
                    self.free(id);
                    Ok(())
                }
                Step::Reopen => {
                    self.begin(id, time);
                    Ok(())
                }
                Step::Finish => self.finish(setting, id, time),
                Step::Close => {
                    self.close(setting, id, time);
                    Ok(())
                }
            };
            if let Err(error) = done {
                // The volume cannot be written to: a builder would die of it.
                self.end(id, time, TaskResult::Fault(python("OSError", &error.to_string())));
            }
        }
    }

    /// A task that is not over.
    fn unfinished(&mut self, id: i64) -> Option<&mut Task> {
        self.tasks.get_mut(id).filter(|task| !task.state.is_final())
    }

    fn end(&mut self, id: i64, time: Micros, result: TaskResult) {
        if let Some(task) = self.unfinished(id) {
            task.completed = Some(time);
            match result {
                TaskResult::Value(_) => {
                    task.state = TaskState::Closed;
                    task.waiting = task.waiting.map(|_| false);
                }
                // A task that dies of one under it still waits for it, as far as the database knows.
                TaskResult::Fault(_) => task.state = TaskState::Failed,
            }
            task.result = Some(result);
            // Nothing more will come of it.
            task.plan = None;
            self.next_event(time);
        }
    }

    fn fail(&mut self, id: i64, time: Micros, code: i64, text: String) {
        self.end(id, time, TaskResult::Fault(Fault::new(code, text)));
    }

    /// Gives a task to the builder, which has not begun with it. Whether it could be given.
    pub(crate) fn assign(&mut self, id: i64) -> bool {
        let task = self.tasks.get_mut(id).filter(|task| task.state == TaskState::Free);
        task.is_some_and(|task| {
            task.state = TaskState::Assigned;
            task.host = Some(HOST);
            true
        })
    }

    /// A builder begins with a task, perhaps for the second time: then it counts from there (KOJI.md 11).
    fn begin(&mut self, id: i64, time: Micros) {
        if let Some(task) = self.unfinished(id) {
            task.state = TaskState::Open;
            task.host = Some(HOST);
            task.started = Some(time);
        }
    }

    /// The builder stops, and gives its tasks back. Composer does not hear of it.
    fn free(&mut self, id: i64) {
        if let Some(task) = self.unfinished(id) {
            task.state = TaskState::Free;
            task.host = None;
            task.started = None;
        }
    }

    fn open(&mut self, setting: &Setting, id: i64, time: Micros) -> io::Result<()> {
        self.begin(id, time);
        let Some(task) = self.unfinished(id) else { return Ok(()) };
        let Some(plan) = &task.plan else { return Ok(()) };
        match &plan.outcome {
            Outcome::NoTarget => {
                let fault = generic(format!("No such build target: {}", task.text(4)));
                self.end(id, time, TaskResult::Fault(fault));
            }
            Outcome::NoArches(arches) => {
                // A set of Python's has no order; this one is sorted.
                let arches: Vec<String> = arches.iter().map(|arch| crate::python::quoted(arch)).collect();
                let text = format!("Unsupported architecture(s): {{{}}}", arches.join(", "));
                self.fail(id, time, wire::BUILD, text);
            }
            _ if plan.repo.is_some_and(|ready| ready > time) => self.wait_for_repo(id, time),
            _ => return self.ask_composer(setting, id, time),
        }
        Ok(())
    }

    /// The task under the task that waits for the repository of the build tag.
    fn wait_for_repo(&mut self, id: i64, time: Micros) {
        let event = self.event.0;
        let is_waited_for = self.tasks.contains_key(ids::repo_task_id(id));
        let Some(parent) = self.tasks.get_mut(id) else { return };
        parent.waiting = Some(true);
        if is_waited_for {
            return;
        }
        let tag = self.targets.by_name(parent.text(4)).and_then(|target| self.targets.tag_by_id(target.build_tag));
        let request =
            vec![string(tag.map_or("", |tag| tag.name.as_str())), Value::Nil, Value::Array(Vec::new()), int(event)];
        let child = parent.child(ids::repo_task_id(id), "waitrepo", "waitrepo", time, request);
        parent.children.push(child.id);
        self.tasks.insert(child.id, child);
    }

    fn repo_is_ready(&mut self, setting: &Setting, id: i64, time: Micros) -> io::Result<()> {
        if self.tasks.get(id).is_none_or(|task| task.waiting != Some(true)) {
            return Ok(());
        }
        let tag = self.tasks.get(id).and_then(|task| self.targets.by_name(task.text(4))).map(|target| target.build_tag);
        let repo = tag.map_or(Value::Nil, |tag| self.repo_value(tag));
        let child = ids::repo_task_id(id);
        self.end(child, time, TaskResult::Value(Facts::of(&repo)));
        if let Some(child) = self.tasks.get_mut(child) {
            child.awaited = Some(false);
        }
        match self.unfinished(id) {
            Some(task) => {
                task.waiting = Some(false);
                self.ask_composer(setting, id, time)
            }
            None => Ok(()),
        }
    }

    /// The builder sends the request to composer, and composer begins a build.
    fn ask_composer(&mut self, setting: &Setting, id: i64, time: Micros) -> io::Result<()> {
        let Some(task) = self.tasks.get(id) else { return Ok(()) };
        let Some(plan) = &task.plan else { return Ok(()) };
        if let Outcome::NoTemplate(text) = &plan.outcome {
            let text = format!("Traceback (most recent call last):\n{text}\n");
            self.fail(id, time, wire::PYTHON, text);
            return Ok(());
        }
        // An earlier hub has said this already, and perhaps more.
        let is_said = self.restoring && setting.volume.has_output(id, "compose-status.json");
        if !is_said {
            let request = output::request(task, &setting.addresses.hub, &self.tag_repo(setting, task.text(4)));
            setting.volume.write_output(id, "compose-request.json", &request)?;
        }
        match &plan.outcome {
            Outcome::Refused(answer) => {
                let text = format!("Failed to create the compose request: {answer}");
                self.fail(id, time, wire::GENERIC, text);
                return Ok(());
            }
            Outcome::Unreachable(reason) => {
                let text =
                    format!("Traceback (most recent call last):\nrequests.exceptions.ConnectionError: {reason}\n");
                self.fail(id, time, wire::PYTHON, text);
                return Ok(());
            }
            _ => {}
        }
        // Who looks only when all is over never sees that it was pending.
        if !is_said && plan.finish > time {
            setting.volume.write_output(id, "compose-status.json", &output::pending(task))?;
        }
        let may_begin = !matches!(plan.outcome, Outcome::NotBegun(_));
        if may_begin && let Some(build) = self.begin_build(id, time) {
            self.add_build(build);
        }
        Ok(())
    }

    /// Where the repository of a target's build tag would lie, for each arch.
    fn tag_repo(&self, setting: &Setting, target: &str) -> String {
        let tag = self.targets.by_name(target).and_then(|target| self.targets.tag_by_id(target.build_tag));
        let (name, id) = tag.map_or(("", 0), |tag| (tag.name.as_str(), tag.id));
        format!("{}/repos/{}/{id}/$arch", setting.addresses.files, name.replace('$', "$$"))
    }

    /// The build that composer begins for a task; none if there is one, or if it could not be called that.
    fn begin_build(&mut self, id: i64, time: Micros) -> Option<Build> {
        let task = self.tasks.get(id)?;
        let (name, version, release) = (task.text(0), task.text(1), task.release());
        if self.builds.contains_key(ids::build_id(id)) {
            return None;
        }
        if ![name, version, release].into_iter().all(names::is_file_name) {
            return None;
        }
        let owner = self.accounts.by_id(task.owner).map_or_else(String::new, |user| user.name.clone());
        let mut build = Build {
            id: ids::build_id(id),
            state: BuildState::Building,
            task: id,
            name: name.to_owned(),
            version: version.to_owned(),
            release: release.to_owned(),
            package: 0,
            owner: (task.owner, owner),
            started: time,
            completed: None,
            event: 0,
            archives: Vec::new(),
            tag: None,
        };
        build.package = self.package(&build.name);
        build.event = self.next_event(time);
        Some(build)
    }

    fn finish(&mut self, setting: &Setting, id: i64, time: Micros) -> io::Result<()> {
        let Some(task) = self.tasks.get(id) else { return Ok(()) };
        let build = self.builds.get(ids::build_id(id));
        if build.is_some_and(|build| build.state != BuildState::Building) {
            return Ok(());
        }
        let build = build.map(|build| build.id);
        // Composer does not hear of a task that is called off while it works (KOJI.md 5).
        let is_canceled = task.state == TaskState::Canceled;
        if !is_canceled && task.state != TaskState::Open {
            return Ok(());
        }
        let Some(plan) = &task.plan else { return Ok(()) };
        let status = match (&plan.outcome, build) {
            (Outcome::Failure(reason), _) => output::failure(task, build, reason),
            (Outcome::NotBegun(reason) | Outcome::NotImported(reason), _) => output::not_imported(task, build, reason),
            (Outcome::Success(files), Some(build)) => {
                let archives = self.import(setting, task, files)?;
                let status = output::success(task, build);
                let is_unlisted = plan.is_unlisted;
                self.complete(build, archives, time);
                if !is_canceled {
                    self.write_status(setting, id, &status, true)?;
                    if !self.skips_tag(id) {
                        self.begin_tagging(id, time, is_unlisted);
                    }
                }
                return Ok(());
            }
            _ => return Ok(()),
        };
        if let Some(build) = build.and_then(|build| self.builds.get_mut(build)) {
            build.state = BuildState::Failed;
            build.completed = Some(time);
        }
        if !is_canceled {
            self.write_status(setting, id, &status, false)?;
            self.fail(id, time, wire::BUILD, format!("Compose failed (id: {})", output::compose_id(id)));
        }
        Ok(())
    }

    fn write_status(&self, setting: &Setting, id: i64, status: &[u8], is_good: bool) -> io::Result<()> {
        let Some(task) = self.tasks.get(id) else { return Ok(()) };
        let scripted = output::scripted(task, &setting.scenario);
        setting.volume.write_output(id, "compose-status.json", scripted.as_deref().unwrap_or(status))?;
        let build = self.builds.get(ids::build_id(id)).map(|build| build.id);
        for (name, content) in output::logs(task, build, is_good) {
            // An arch can be anything; what is no file name the builder could not have written either.
            if names::is_file_name(&name) {
                setting.volume.write_output(id, &name, &content)?;
            }
        }
        Ok(())
    }

    fn skips_tag(&self, id: i64) -> bool {
        let task = self.tasks.get(id);
        task.and_then(|task| task.option("skip_tag")).and_then(Value::as_bool).unwrap_or(false)
    }

    /// The task under the task that tags its build. A package that the tag does not list ends it at once.
    fn begin_tagging(&mut self, id: i64, time: Micros, is_unlisted: bool) {
        let Some(parent) = self.tasks.get_mut(id) else { return };
        let tag = self.targets.by_name(parent.text(4)).map_or(0, |target| target.dest_tag);
        let request = vec![int(tag), int(ids::build_id(id)), Value::Bool(false), Value::Nil, Value::Bool(true)];
        let child = parent.child(ids::tag_task_id(id), "tagBuild", "tag", time, request);
        parent.waiting = Some(true);
        parent.children.push(child.id);
        let child_id = child.id;
        self.tasks.insert(child_id, child);
        if is_unlisted {
            let name = self.tasks.get(id).map_or("", |task| task.text(0));
            let text = format!("Package {name} not in list for {tag}");
            self.fail(child_id, time, wire::TAG, text);
        }
    }

    fn close(&mut self, setting: &Setting, id: i64, time: Micros) {
        let Some(task) = self.tasks.get(id).filter(|task| task.state == TaskState::Open) else {
            return;
        };
        let build = ids::build_id(id);
        if self.builds.get(build).is_none_or(|build| build.state != BuildState::Complete) {
            return;
        }
        let tagging = ids::tag_task_id(id);
        if task.children.contains(&tagging) {
            self.end(tagging, time, TaskResult::Value(Facts::of(&Value::Nil)));
            let event = self.event.0;
            let Some(child) = self.tasks.get_mut(tagging) else { return };
            child.awaited = Some(false);
            if let Some(TaskResult::Fault(fault)) = &child.result {
                let fault = fault.clone();
                self.end(id, time, TaskResult::Fault(fault));
                return;
            }
            let tag = child.request.first().and_then(Value::as_i64);
            if let (Some(build), Some(tag)) = (self.builds.get_mut(build), tag) {
                build.tag = Some((tag, event));
            }
        }
        let server = setting.addresses.hub.replace("/kojihub", "/composer/");
        let result = structure([
            ("composer", structure([("server", string(server)), ("id", string(output::compose_id(id)))])),
            ("koji", structure([("build", int(build))])),
        ]);
        self.end(id, time, TaskResult::Value(Facts::of(&result)));
    }
}
