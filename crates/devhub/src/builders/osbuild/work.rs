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
use crate::wire;

/// What becomes of a task, if composer has a part in it.
fn composed(task: &Task) -> Option<&Composed> {
    match &task.plan.as_ref()?.outcome {
        PlannedOutcome::Composed(composed) => Some(composed),
        _ => None,
    }
}

/// The builder sends the request to composer, and composer begins a build.
pub(super) fn ask_composer(state: &mut HubState, setting: &Setting, id: i64, time: Micros) -> io::Result<()> {
    let Some(task) = state.tasks.get(&id) else { return Ok(()) };
    let (Some(plan), Some(composed)) = (&task.plan, composed(task)) else { return Ok(()) };
    if let Composed::NoTemplate(text) = composed {
        let text = format!("Traceback (most recent call last):\n{text}\n");
        state.fail(id, time, wire::PYTHON, text);
        return Ok(());
    }
    // An earlier hub has said this already, and perhaps more.
    let is_said = state.restoring && setting.volume.has_output(id, "compose-status.json");
    if !is_said {
        let request = output::request(task, &setting.addresses.hub, &tag_repo(state, setting, task));
        setting.volume.write_output(id, "compose-request.json", &request)?;
    }
    match composed {
        Composed::Refused(answer) => {
            let text = format!("Failed to create the compose request: {answer}");
            state.fail(id, time, wire::GENERIC, text);
            return Ok(());
        }
        Composed::Unreachable(reason) => {
            let text = format!("Traceback (most recent call last):\nrequests.exceptions.ConnectionError: {reason}\n");
            state.fail(id, time, wire::PYTHON, text);
            return Ok(());
        }
        _ => {}
    }
    // Who looks only when all is over never sees that it was pending.
    if !is_said && plan.finish > time {
        setting.volume.write_output(id, "compose-status.json", &output::pending(task))?;
    }
    let is_begun = !matches!(composed, Composed::NotBegun(_));
    if is_begun && task.job().is_some_and(|job| state.rival(setting, id, &job).is_none()) {
        state.begin_build(id, time);
    }
    Ok(())
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
    let Some(task) = state.tasks.get(&id) else { return Ok(()) };
    let build = state.builds.get(&ids::build_id(id));
    if build.is_some_and(|build| build.state != BuildState::Building) {
        return Ok(());
    }
    let build = build.map(|build| build.id);
    // Composer does not hear of a task that is called off while it works (facts: osbuild 15).
    let is_canceled = task.state == TaskState::Canceled;
    if !is_canceled && task.state != TaskState::Open {
        return Ok(());
    }
    let status = match (composed(task), build) {
        (Some(Composed::Failure(reason)), _) => output::failure(task, build, reason),
        (Some(Composed::NotBegun(reason) | Composed::NotImported(reason)), _) => {
            output::not_imported(task, build, reason)
        }
        (Some(Composed::Success { .. }), None) => {
            let reason = task.job().and_then(|job| state.rival(setting, id, &job));
            output::not_imported(task, None, &reason.unwrap_or_default())
        }
        (Some(Composed::Success { files, is_unlisted }), Some(build)) => {
            let is_unlisted = *is_unlisted;
            let files: Vec<&PlannedFile> = files.iter().collect();
            let archives = state.import(setting, task, &files)?;
            let status = output::success(task, build);
            let is_tagged = task.job().is_some_and(|job| job.is_tagged);
            state.complete(id, archives, time);
            if !is_canceled {
                write_status(state, setting, id, &status, true)?;
                if is_tagged {
                    begin_tagging(state, id, time, is_unlisted);
                }
            }
            return Ok(());
        }
        _ => return Ok(()),
    };
    if let Some(build) = build {
        state.end_build(build, BuildState::Failed, time);
    }
    if !is_canceled {
        write_status(state, setting, id, &status, false)?;
        state.fail(id, time, wire::BUILD, format!("Compose failed (id: {})", output::compose_id(id)));
    }
    Ok(())
}

fn write_status(state: &HubState, setting: &Setting, id: i64, status: &[u8], is_good: bool) -> io::Result<()> {
    let Some(task) = state.tasks.get(&id) else { return Ok(()) };
    let scripted = output::scripted(task, &setting.scenario);
    setting.volume.write_output(id, "compose-status.json", scripted.as_deref().unwrap_or(status))?;
    let build = state.builds.get(&ids::build_id(id)).map(|build| build.id);
    for (name, content) in output::logs(task, build, is_good) {
        // An arch can be anything; what is not a file name the builder could not have written either.
        if names::is_file_name(&name) {
            setting.volume.write_output(id, &name, &content)?;
        }
    }
    Ok(())
}

/// A package that the tag does not list ends the task that tags its build at once.
fn begin_tagging(state: &mut HubState, id: i64, time: Micros, is_unlisted: bool) {
    // Outside of the ids of submitted tasks, and different for each of them.
    let child = id + 2_000_000;
    state.begin_tagging(id, child, time);
    if is_unlisted {
        let name = state.tasks.get(&id).and_then(Task::job).map_or_else(String::new, |job| job.name);
        let tag = state.tasks.get(&child).and_then(|child| child.request.first()?.as_i64()).unwrap_or_default();
        state.fail(child, time, wire::TAG, format!("Package {name} not in list for {tag}"));
    }
}
