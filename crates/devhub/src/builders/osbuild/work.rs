//! What composer does with a task that is open (facts: osbuild 11).

use std::io;

use super::composed::Composed;
use super::output;
use crate::builds::BuildState;
use crate::clock::Micros;
use crate::hub::Setting;
use crate::ids;
use crate::names;
use crate::plan::{PlannedFile, PlannedOutcome};
use crate::state::HubState;
use crate::tasks::{Task, TaskState};
use crate::volume::Output;
use crate::wire;

/// What becomes of a task, if composer has a part in it.
fn composed(task: &Task) -> Option<&Composed> {
    match &task.plan.as_ref()?.outcome {
        PlannedOutcome::Composed(composed) => Some(composed),
        _ => None,
    }
}

/// The builder sends the request to composer, and composer begins a build.
pub(super) fn ask_composer(state: &mut HubState, setting: &Setting, id: i64, time: Micros) {
    let Some(task) = state.tasks.get(id) else { return };
    let Some(composed) = composed(task) else { return };
    if let Composed::NoTemplate(text) = composed {
        let text = format!("Traceback (most recent call last):\n{text}\n");
        state.fail(id, time, wire::PYTHON, text);
        return;
    }
    let refusal = match composed {
        Composed::Refused(answer) => Some((wire::GENERIC, format!("Failed to create the compose request: {answer}"))),
        Composed::Unreachable(reason) => {
            let error = format!("requests.exceptions.ConnectionError: {reason}");
            Some((wire::PYTHON, format!("Traceback (most recent call last):\n{error}\n")))
        }
        _ => None,
    };
    let is_begun = !matches!(composed, Composed::NotBegun(_));
    let has_build = is_begun && task.job().is_some_and(|job| state.rival(setting, id, &job).is_none());
    if let Some(task) = state.tasks.get_mut(id) {
        task.begun.get_or_insert(time);
    }
    match refusal {
        Some((code, text)) => state.fail(id, time, code, text),
        None if has_build => state.begin_build(id, time),
        None => {}
    }
}

/// Where the repository of the build tag would lie, for each arch.
fn tag_repo(state: &HubState, setting: &Setting, task: &Task) -> String {
    let target = task.job().and_then(|job| state.targets.of(&job.target));
    let tag = target.and_then(|target| state.targets.tag_by_id(target.build_tag));
    let (name, id) = tag.map_or(("", 0), |tag| (tag.name.as_str(), tag.id));
    format!("{}/repos/{}/{id}/$arch", setting.addresses.files, name.replace('$', "$$"))
}

/// Composer is done.
pub(super) fn finish(state: &mut HubState, setting: &Setting, id: i64, time: Micros) -> io::Result<()> {
    let Some(task) = state.tasks.get(id) else { return Ok(()) };
    let build = state.builds.get(ids::build_id(id));
    if build.is_some_and(|build| build.state != BuildState::Building) {
        return Ok(());
    }
    let build = build.map(|build| build.id);
    // Composer does not hear of a task that is called off while it works (facts: osbuild 15).
    let is_canceled = task.state == TaskState::Canceled;
    if !is_canceled && task.state != TaskState::Open {
        return Ok(());
    }
    match (composed(task), build) {
        (Some(Composed::Failure(_) | Composed::NotBegun(_) | Composed::NotImported(_)), _) => {}
        (Some(Composed::Success { .. }), None) => {
            let reason = task.job().and_then(|job| state.rival(setting, id, &job)).unwrap_or_default();
            if let Some(plan) = state.tasks.get_mut(id).and_then(|task| task.plan.as_mut()) {
                plan.outcome = PlannedOutcome::Composed(Composed::NotImported(reason));
            }
        }
        (Some(Composed::Success { files, is_unlisted }), Some(_)) => {
            let is_unlisted = *is_unlisted;
            let files: Vec<&PlannedFile> = files.iter().collect();
            let archives = state.import(setting, task, &files)?;
            let is_tagged = task.job().is_some_and(|job| job.is_tagged);
            state.complete(id, archives, time);
            if !is_canceled {
                is_done(state, id, time);
                if is_tagged {
                    begin_tagging(state, id, time, is_unlisted);
                }
            }
            return Ok(());
        }
        _ => return Ok(()),
    }
    if let Some(build) = build {
        state.end_build(build, BuildState::Failed, time);
    }
    if !is_canceled {
        is_done(state, id, time);
        state.fail(id, time, wire::BUILD, format!("Compose failed (id: {})", output::compose_id(id)));
    }
    Ok(())
}

/// The builder has heard of composer that it is done.
fn is_done(state: &mut HubState, id: i64, time: Micros) {
    if let Some(task) = state.tasks.get_mut(id) {
        task.composed = Some(time);
    }
}

/// What a task has left: what the builder asked composer for, and what composer said.
pub(super) fn outputs(state: &HubState, setting: &Setting, task: &Task) -> Vec<Output> {
    let Some(begun) = task.begun else { return Vec::new() };
    let request = output::request(task, &setting.addresses.hub, &tag_repo(state, setting, task));
    let mut outputs = vec![Output::text("compose-request.json", request, begun)];
    let build = state.builds.get(ids::build_id(task.id)).map(|build| build.id);
    let (status, is_good) = match (composed(task), task.composed, build) {
        // Composer did not take the request.
        (Some(Composed::Refused(_) | Composed::Unreachable(_)), ..) => return outputs,
        (_, None, _) => (output::pending(task), false),
        (Some(Composed::Failure(reason)), ..) => (output::failure(task, build, reason), false),
        (Some(Composed::NotBegun(reason) | Composed::NotImported(reason)), ..) => {
            (output::not_imported(task, build, reason), false)
        }
        (_, _, Some(build)) => (output::success(task, build), true),
        (_, _, None) => return outputs,
    };
    let status = match (task.composed, task.plan.as_ref().and_then(|plan| plan.status.as_ref())) {
        (Some(_), Some(scripted)) => output::text(scripted),
        _ => status,
    };
    outputs.push(Output::text("compose-status.json", status, task.composed.unwrap_or(begun)));
    if let Some(time) = task.composed {
        let logs = output::logs(task, build, is_good);
        // An arch can be anything; what is not a file name the builder could not have written either.
        let logs = logs.into_iter().filter(|(name, _)| names::is_file_name(name));
        outputs.extend(logs.map(|(name, text)| Output::text(name, text, time)));
    }
    outputs
}

/// A package that the tag does not list ends the task that tags its build at once.
fn begin_tagging(state: &mut HubState, id: i64, time: Micros, is_unlisted: bool) {
    // Outside of the ids of submitted tasks, and different for each of them.
    let child = id + 2_000_000;
    state.begin_tagging(id, child, time);
    if is_unlisted {
        let name = state.tasks.get(id).and_then(Task::job).map_or_else(String::new, |job| job.name);
        let tag = state.tasks.get(id).map_or(0, |task| state.dest_tag(task));
        state.fail(child, time, wire::TAG, format!("Package {name} not in list for {tag}"));
    }
}
