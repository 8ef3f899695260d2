//! What becomes of the tasks for arches, and of the one that they are under.

use std::borrow::Cow;
use std::io;

use super::output::scratch_dir;
use super::plan::{PerArchPlan, PlannedArch, StatedRelease, fault};
use super::{PerArch, Surroundings, child_id, target};
use crate::builds::BuildState;
use crate::clock::Micros;
use crate::hub::Setting;
use crate::ids;
use crate::import::Content;
use crate::plan::{PlannedFile, PlannedOutcome, Step};
use crate::state::HubState;
use crate::tasks::{Child, Made, Task, TaskResult, TaskState};
use crate::volume::Volume;
use crate::wire::{Fault, Value, generic, int, string, string_or_nil, structure};

fn planned(task: &Task) -> Option<&PerArchPlan> {
    match &task.plan.as_ref()?.outcome {
        PlannedOutcome::PerArch(planned) => Some(planned),
        _ => None,
    }
}

/// The tasks for arches under a task, with their plans, in the order in which they were made.
fn children<'s>(state: &'s HubState, task: &'s Task) -> impl Iterator<Item = (&'s Task, &'s PlannedArch)> {
    let arches = planned(task).map_or(&[][..], |planned| &planned.arches);
    let under = task.children.iter().filter_map(|id| state.tasks.get(*id));
    let under = under.filter(|child| child.is_for_arch());
    under.filter_map(move |child| Some((child, arches.iter().find(|arch| arch.arch == child.arch.as_ref())?)))
}

/// The builder has the repository: it begins the build, and the tasks for the arches.
pub(super) fn begin<B: PerArch>(builder: &B, state: &mut HubState, setting: &Setting, id: i64, time: Micros) {
    if let Some(task) = state.tasks.get_mut(id) {
        task.begun.get_or_insert(time);
    }
    let Some(task) = state.tasks.get(id) else { return };
    let (Some(plan), Some(planned), Some(job)) = (&task.plan, planned(task), task.job()) else { return };
    // A builder that begins for the second time takes them over.
    if children(state, task).next().is_some() {
        if let Some(task) = state.unfinished(id) {
            task.waiting = Some(true);
        }
        return;
    }
    let rival = state.rival(setting, id, &job).filter(|_| !job.is_scratch).map(generic);
    if let Some(fault) = planned.fault.as_ref().map(fault).or(rival) {
        state.end(id, time, TaskResult::Fault(fault));
        return;
    }
    if target(&state.targets, &job).is_none() {
        return;
    }
    let finish = plan.finish;
    let method = planned.foreign_method.clone().map_or(Cow::Borrowed(B::CHILD_METHOD), Cow::Owned);
    let wanted: Vec<Child> = (1..)
        .zip(&planned.arches)
        .map(|(number, arch)| Child {
            id: child_id(id, number),
            method: method.clone(),
            label: builder.label(&arch.arch).into(),
            arch: arch.arch.as_str().into(),
            weight: B::CHILD_WEIGHT,
            request: Vec::new(),
        })
        .collect();
    if !job.is_scratch {
        state.begin_build(id, time);
    }
    let count = wanted.len() as i64;
    for (number, child) in (1..).zip(wanted) {
        let child = Child { id: state.tasks.free_id(child.id), ..child };
        let Some(parent) = state.tasks.get_mut(id) else { return };
        let child = parent.free_child(child, time);
        parent.waiting = Some(true);
        parent.children.push(child.id);
        // They begin soon, and end one after the other in the second half of the time.
        let length = finish - time;
        state.agenda.insert((time + length / 10, Step::OpenChild, child.id));
        state.agenda.insert((time + length * (count + number) / (2 * count), Step::EndChild, child.id));
        state.tasks.insert(child.id, child);
    }
}

/// The task for an arch has had its time.
pub(super) fn end_child<B: PerArch>(state: &mut HubState, child: i64, time: Micros) {
    let Some(task) = state.tasks.get(child).filter(|task| !task.state.is_final()) else { return };
    let Some(parent) = task.parent.and_then(|parent| state.tasks.get(parent)) else { return };
    let Some(planned) = planned(parent) else { return };
    let Some(arch) = planned.arches.iter().find(|arch| arch.arch == task.arch.as_ref()) else { return };
    if let Some(why) = &arch.fault {
        let is_optional = arch.is_optional;
        let why = fault(why);
        state.end(child, time, TaskResult::Fault(why));
        if B::FAILS_FAST && !is_optional {
            fail_fast(state, child, time);
        }
        return;
    }
    // The order of files in a directory means nothing.
    let mut files: Vec<&str> = arch.files.iter().map(|file| file.filename.as_str()).collect();
    files.sort_by_cached_key(|file| crc32fast::hash(format!("{child} {file}").as_bytes()));
    let made = Made::new(files, planned.release.clone());
    state.end(child, time, TaskResult::OfArch(made));
}

/// What the task for an arch is asked for.
pub(super) fn request_of_child<B: PerArch>(builder: &B, state: &HubState, task: &Task, arch: &str) -> Vec<Value> {
    let Some(job) = task.job() else { return Vec::new() };
    let Some((target, build_tag)) = target(&state.targets, &job) else { return Vec::new() };
    let place =
        Surroundings { target: state.targets.target_value(target), build_tag, repo: state.repo_value(build_tag) };
    builder.child_request(&job, &task.request, arch, &place)
}

/// What the task `child` for an arch leaves that has ended well.
pub(super) fn result_of_child<B: PerArch>(builder: &B, parent: &Task, child: &Task, made: &Made) -> Value {
    let (job, arch) = (builder.job(&parent.request), child.arch.as_ref());
    let strings = |items: Vec<String>| Value::Array(items.into_iter().map(string).collect());
    let packages = if B::LISTS_PACKAGES && !job.is_scratch { vec![installed_package()] } else { Vec::new() };
    let release = match &made.release {
        StatedRelease::Own => Some(job.release.as_str()),
        StatedRelease::Nothing => None,
        StatedRelease::Other(release) => Some(&**release),
    };
    let mut members = vec![
        ("arch", string(arch)),
        ("files", Value::Array(made.files().map(string).collect())),
        ("logs", strings(builder.named_logs(&parent.request, arch))),
        ("name", string(job.name.as_str())),
        ("release", string_or_nil(release)),
        ("rpmlist", Value::Array(packages)),
        ("task_id", int(child.id)),
        ("version", string(job.version.as_str())),
    ];
    builder.finish_result(&parent.request, &mut members);
    structure(members)
}

/// The package that is in every image whose packages are known.
pub(crate) fn installed_package() -> Value {
    structure([
        ("arch", string("noarch")),
        ("buildtime", int(1_700_000_000)),
        ("epoch", Value::Nil),
        ("name", string("devhub")),
        ("payloadhash", string(&ids::hex(&["package"])[..32])),
        ("release", string("1")),
        ("size", int(5573)),
        ("version", string("1.0")),
    ])
}

/// What a task under another left, when that collects it.
fn failure_of(task: &Task) -> Option<Fault> {
    match &task.result {
        _ if task.state == TaskState::Canceled => Some(generic(format!("Task {} is canceled", task.id))),
        Some(TaskResult::Fault(fault)) => Some(fault.clone()),
        _ => None,
    }
}

/// The task for an arch that must not fail has failed or was called off: the others are called off.
pub(super) fn fail_fast(state: &mut HubState, child: i64, time: Micros) {
    let Some(task) = state.tasks.get(child) else { return };
    let (Some(parent), Some(fault)) = (task.parent, failure_of(task)) else { return };
    let Some(parent) = state.tasks.get(parent).filter(|parent| !parent.state.is_final()) else { return };
    let is_optional = children(state, parent).any(|(task, arch)| task.id == child && arch.is_optional);
    let is_for_arch = children(state, parent).any(|(task, _)| task.id == child);
    if is_optional || !is_for_arch {
        return;
    }
    let id = parent.id;
    for under in parent.children.clone() {
        match state.tasks.get_mut(under) {
            Some(task) if !task.state.is_final() => {
                task.state = TaskState::Canceled;
                task.completed = Some(time);
            }
            Some(task) => task.awaited = Some(false),
            None => {}
        }
    }
    state.end_build(ids::build_id(id), BuildState::Failed, time);
    state.end(id, time, TaskResult::Fault(fault));
}

/// The task that the others are under was called off.
pub(super) fn is_canceled(state: &mut HubState, id: i64, time: Micros) {
    state.end_build(ids::build_id(id), BuildState::Canceled, time);
}

/// Whether the task has nothing more to do but to end.
pub(super) fn is_done(state: &HubState, task: &Task) -> bool {
    match task.job() {
        Some(job) if job.is_scratch => children(state, task).all(|(child, _)| child.state.is_final()),
        _ => state.builds.get(ids::build_id(task.id)).is_some_and(|build| build.state == BuildState::Complete),
    }
}

/// All tasks for arches are over: what they made is collected.
pub(super) fn finish<B: PerArch>(state: &mut HubState, setting: &Setting, id: i64, time: Micros) -> io::Result<()> {
    let Some(task) = state.tasks.get(id).filter(|task| task.state == TaskState::Open) else { return Ok(()) };
    let (Some(planned), Some(job)) = (planned(task), task.job()) else { return Ok(()) };
    let ends: Vec<(i64, Option<Fault>, bool)> =
        children(state, task).map(|(child, arch)| (child.id, failure_of(child), arch.is_optional)).collect();
    let good: Vec<i64> = ends.iter().filter(|(_, failure, _)| failure.is_none()).map(|(child, ..)| *child).collect();
    let required = ends.iter().find_map(|(_, failure, is_optional)| failure.clone().filter(|_| !is_optional));
    let (ends_well, is_foreign) = (planned.ends_well, planned.foreign_method.is_some());
    let import_fault = planned.import_fault.as_ref().map(fault);
    for (child, ..) in &ends {
        state.collect(*child);
    }
    let collected = if good.is_empty() { Some(generic("all subtasks failed")) } else { import_fault };
    let why = required.map(|fault| (fault, true)).or(collected.map(|fault| (fault, false)));
    if let Some((fault, is_raised)) = why.filter(|_| !ends_well) {
        // Who dies of a task still waits for it, as far as the database knows.
        if let Some(task) = state.unfinished(id).filter(|_| !is_raised) {
            task.waiting = Some(false);
        }
        state.end_build(ids::build_id(id), BuildState::Failed, time);
        state.end(id, time, TaskResult::Fault(fault));
        return Ok(());
    }
    let good = if is_foreign { Vec::new() } else { good };
    if job.is_scratch {
        return keep_scratch::<B>(state, setting, id, &good);
    }
    let Some(task) = state.tasks.get(id) else { return Ok(()) };
    let files: Vec<&PlannedFile> =
        children(state, task).filter(|(child, _)| good.contains(&child.id)).flat_map(|(_, arch)| &arch.files).collect();
    let archives = state.import(setting, task, &files)?;
    state.complete(id, archives, time);
    if job.is_tagged {
        let child = state.tasks.free_id(child_id(id, 0));
        state.begin_tagging(id, child, time);
    }
    Ok(())
}

/// What was only tried is moved to its owner's directory.
fn keep_scratch<B: PerArch>(state: &HubState, setting: &Setting, id: i64, good: &[i64]) -> io::Result<()> {
    let Some(task) = state.tasks.get(id) else { return Ok(()) };
    let Some(job) = task.job() else { return Ok(()) };
    for (child, arch) in children(state, task).filter(|(child, _)| good.contains(&child.id)) {
        let scratch = scratch_dir(state, setting, task, child);
        let dir = scratch.clone().unwrap_or_else(|| Volume::task_dir(child.id));
        for file in &arch.files {
            Content::of(setting, B::PHASE, &job.nvr(), file).write(setting, &dir, &file.filename)?;
            // Clients find it by this link: on the volume, too.
            if let Some(scratch) = &scratch {
                setting.volume.link_output(child.id, scratch, &file.filename)?;
            }
        }
    }
    Ok(())
}

/// The text that the task leaves: where the files are.
pub(super) fn result<B: PerArch>(state: &HubState, setting: &Setting, task: &Task) -> Value {
    let Some(job) = task.job() else { return Value::Nil };
    let path = |below: String| setting.volume.topdir().join(below).display().to_string();
    let what = B::RESULT;
    if job.is_scratch {
        // What was planned is no longer known.
        let under = task.children.iter().filter_map(|id| state.tasks.get(*id)).filter(|child| child.is_for_arch());
        let dirs: Vec<String> = under.map(|child| path(Volume::task_dir(child.id))).collect();
        return string(format!("Scratch {what} build results in: {}", dirs.join(", ")));
    }
    let dir = Volume::image_dir(None, &job.name, &job.version, &job.release);
    string(format!("{what} build results in: {}", path(dir)))
}
