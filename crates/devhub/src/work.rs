//! The *work* that a builder and composer do on a task: planned when it is submitted, done when it is due.
//!
//! Nothing runs in the background. Whoever looks at the hub first lets everything happen that was due by then, so a hub
//! with thousands of open tasks costs nothing while nobody asks.

use md5::{Digest as _, Md5};

use crate::archive_types;
use crate::builds::{Archive, Build};
use crate::clock::{Micros, micros};
use crate::ids;
use crate::image_types;
use crate::names;
use crate::output;
use crate::scenario::Scenario;
use crate::site::Setting;
use crate::state::State;
use crate::tasks::{Outcome, Plan, PlannedFile, Task, TaskResult, TaskState};
use crate::volume::Volume;
use crate::wire::{self, Fault, Value, generic, int, python, string, structure};

/// What happens to a task, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// A builder takes it and asks composer.
    Open,
    /// Composer is done: there is a build, or not.
    Finish,
    /// The build is tagged and the task ends.
    Close,
}

/// How the task `id` for `request` will go.
pub(crate) fn plan(scenario: &Scenario, id: i64, now: Micros, request: &[Value]) -> Plan {
    let length = scenario.task_seconds.of_task(id);
    let at = |part: f64| now.saturating_add(micros(length * part));
    let open = now.saturating_add(micros((length * 0.1).min(1.0)));
    Plan { open, finish: at(0.9).max(open), close: at(1.0), outcome: outcome(scenario, request) }
}

fn outcome(scenario: &Scenario, request: &[Value]) -> Outcome {
    let text = |place: usize| request.get(place).and_then(Value::as_str).unwrap_or_default();
    let (name, version, image_type, target) = (text(0), text(1), text(3), text(4));
    let opts = request.get(6).unwrap_or(&Value::Nil);
    let release = opts.get("release").and_then(Value::as_str).unwrap_or("1");
    if scenario.unknown_targets.contains(target) {
        return Outcome::NoTarget;
    }
    if let Some(failure) = scenario.fail.get(name) {
        return Outcome::Failure(failure.out.clone().unwrap_or_else(|| "boom".to_owned()));
    }
    for (what, word) in [("name", name), ("version", version), ("release", release)] {
        if !names::is_file_name(word) {
            return Outcome::Failure(format!("{} cannot be the {what} of a build", crate::python::quoted(word)));
        }
    }
    let asked = request.get(5).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let arches: Vec<String> = match scenario.archive_arches.get(name) {
        Some(arches) => arches.clone(),
        None => asked.map(str::to_owned).collect(),
    };
    let mut files = Vec::new();
    for arch in &arches {
        let file = |type_name: &str, template: &str, suffix: &str, extra: Option<&serde_json::Value>| PlannedFile {
            arch: arch.clone(),
            type_name: type_name.to_owned(),
            filename: names::fill(
                template,
                &[("name", name), ("version", version), ("release", release), ("arch", arch), ("suffix", suffix)],
            ),
            extra: extra.cloned(),
        };
        let usual = "{name}-{version}-{release}.{arch}.{suffix}";
        match scenario.archives.get(name) {
            Some(archives) => files.extend(archives.iter().map(|a| {
                let suffix = a.suffix.as_deref().unwrap_or_default();
                file(&a.type_name, a.filename.as_deref().unwrap_or(usual), suffix, a.extra.as_ref())
            })),
            None => {
                let (type_name, suffix) = image_types::file_of(image_type);
                files.push(file(type_name, usual, suffix, None));
            }
        }
    }
    if let Some(file) = files.iter().find(|file| !names::is_file_name(&file.filename)) {
        return Outcome::Failure(format!("{} cannot be the name of a file", crate::python::quoted(&file.filename)));
    }
    if let Some(file) = files.iter().find(|file| archive_types::by_name(&file.type_name).is_none()) {
        return Outcome::Failure(format!("unsupported archive type: {}", file.type_name));
    }
    Outcome::Success(files)
}

impl State {
    /// Lets everything happen that is due by `now`.
    pub(crate) fn settle(&mut self, setting: &Setting, now: Micros) {
        while let Some(next) = self.agenda.first().copied().filter(|(time, ..)| *time <= now) {
            self.agenda.remove(&next);
            let (time, step, id) = next;
            let done = match step {
                Step::Open => self.open(setting, id, time),
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

    fn end(&mut self, id: i64, time: Micros, result: TaskResult) {
        if let Some(task) = self.tasks.get_mut(&id).filter(|task| !task.state.is_final()) {
            task.state = match result {
                TaskResult::Value(_) => TaskState::Closed,
                TaskResult::Fault(_) => TaskState::Failed,
            };
            task.completed = Some(time);
            task.waiting = task.waiting.map(|_| false);
            task.result = Some(result);
            self.next_event(time);
        }
    }

    fn open(&mut self, setting: &Setting, id: i64, time: Micros) -> std::io::Result<()> {
        let Some(task) = self.tasks.get_mut(&id).filter(|task| !task.state.is_final()) else {
            return Ok(());
        };
        task.state = TaskState::Open;
        task.started = Some(time);
        let Some(plan) = &task.plan else { return Ok(()) };
        if plan.outcome == Outcome::NoTarget {
            let fault = generic(format!("No such build target: {}", task.text(4)));
            self.end(id, time, TaskResult::Fault(fault));
            return Ok(());
        }
        // An earlier hub has said this already, and perhaps more.
        if self.restoring && setting.volume.has_output(id, "compose-status.json") {
            return Ok(());
        }
        setting.volume.write_output(id, "compose-request.json", &output::request(task, &setting.addresses.hub))?;
        // Who looks only when all is over never sees that it was pending.
        if plan.finish > time {
            setting.volume.write_output(id, "compose-status.json", &output::pending(task))?;
        }
        Ok(())
    }

    fn finish(&mut self, setting: &Setting, id: i64, time: Micros) -> std::io::Result<()> {
        // Composer does not hear of a task that is called off while it works (KOJI.md 5).
        let Some(task) = self.tasks.get(&id).filter(|task| task.started.is_some()) else {
            return Ok(());
        };
        let canceled = task.state == TaskState::Canceled;
        match task.plan.as_ref().map(|plan| &plan.outcome) {
            Some(Outcome::Failure(reason)) if !canceled => {
                setting.volume.write_output(id, "compose-status.json", &output::failure(task, reason))?;
                let text = format!("Compose failed (id: {})", output::compose_id(id));
                self.end(id, time, TaskResult::Fault(Fault::new(wire::BUILD, text)));
            }
            Some(Outcome::Success(files)) => {
                let build = self.import(setting, task, files, time)?;
                if !canceled {
                    setting.volume.write_output(id, "compose-status.json", &output::success(task, build.id))?;
                }
                let skip_tag = task.option("skip_tag").and_then(Value::as_bool).unwrap_or(false);
                let name = build.name.clone();
                self.package(&name);
                self.next_event(time);
                self.add_build(build);
                if !canceled && !skip_tag {
                    self.begin_tagging(id, time);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Writes the files of a build and describes them.
    fn import(&self, setting: &Setting, task: &Task, files: &[PlannedFile], time: Micros) -> std::io::Result<Build> {
        let scenario = &setting.scenario;
        let (name, version, release) = (task.text(0), task.text(1), task.release());
        let dir = Volume::image_dir(name, version, release);
        let id = ids::build_id(task.id);
        let mut archives = Vec::new();
        for file in files {
            let Some(kind) = archive_types::by_name(&file.type_name) else { continue };
            let filename = &file.filename;
            let content = if scenario.empty_files.contains(filename) {
                Vec::new()
            } else {
                format!("osbuild fake image\n{name}-{version}-{release}\n{filename}\n").into_bytes()
            };
            let stated = if scenario.wrong_checksum.contains(filename) { &b"another file"[..] } else { &content };
            let md5 = ids::hex_of(&Md5::digest(stated));
            let size = content.len() as u64;
            if !scenario.missing_files.contains(filename) {
                let mut content = content;
                if scenario.flip_bytes.contains(filename)
                    && let Some(byte) = content.first_mut()
                {
                    *byte ^= 1;
                }
                setting.volume.write_image(&dir, filename, &content)?;
            }
            let extra = match &file.extra {
                Some(extra) => magudi_koji::value::from_json(extra).unwrap_or(Value::Nil),
                None => image_types::usual_extra(task.text(3), &file.arch),
            };
            let next = self.next_archive_id() + archives.len() as i64;
            let (arch, filename) = (file.arch.clone(), filename.clone());
            archives.push(Archive { id: next, build: id, arch, kind, filename, size, md5, extra });
        }
        let owner = self.accounts.by_id(task.owner).map_or_else(String::new, |user| user.name.clone());
        Ok(Build {
            id,
            task: task.id,
            name: name.to_owned(),
            version: version.to_owned(),
            release: release.to_owned(),
            package: self.packages.get(name).copied().unwrap_or(self.packages.len() as i64 + 1),
            owner: (task.owner, owner),
            started: task.started.unwrap_or(time),
            completed: time,
            event: self.event.0 + 1,
            archives,
            tag: None,
        })
    }

    /// The task under the task that tags its build.
    fn begin_tagging(&mut self, id: i64, time: Micros) {
        let Some(parent) = self.tasks.get_mut(&id) else { return };
        let child = ids::tag_task_id(id);
        let tag = self.targets.by_name(parent.text(4)).map_or(0, |target| target.dest_tag);
        let (owner, build) = (parent.owner, ids::build_id(id));
        parent.waiting = Some(true);
        parent.children.push(child);
        let task = Task {
            id: child,
            method: "tagBuild",
            state: TaskState::Open,
            owner,
            parent: Some(id),
            label: Some("tag"),
            request: vec![int(tag), int(build), Value::Bool(false), Value::Nil, Value::Bool(true)],
            created: time,
            started: Some(time),
            completed: None,
            waiting: None,
            awaited: Some(true),
            priority: 19,
            result: None,
            children: Vec::new(),
            plan: None,
        };
        self.tasks.insert(child, task);
    }

    fn close(&mut self, setting: &Setting, id: i64, time: Micros) {
        let Some(task) = self.tasks.get(&id).filter(|task| task.state == TaskState::Open) else {
            return;
        };
        let children = task.children.clone();
        let build = ids::build_id(id);
        for child in children {
            let tag = self.tasks.get(&child).and_then(|task| task.request.first()).and_then(Value::as_i64);
            self.end(child, time, TaskResult::Value(Value::Nil));
            let event = self.event.0;
            if let Some(task) = self.tasks.get_mut(&child) {
                task.awaited = Some(false);
            }
            if let (Some(build), Some(tag)) = (self.builds.get_mut(&build), tag) {
                build.tag = Some((tag, event));
            }
        }
        let server = setting.addresses.hub.replace("/kojihub", "/composer/");
        let result = structure([
            ("composer", structure([("server", string(server)), ("id", string(output::compose_id(id)))])),
            ("koji", structure([("build", int(build))])),
        ]);
        self.end(id, time, TaskResult::Value(result));
    }
}
