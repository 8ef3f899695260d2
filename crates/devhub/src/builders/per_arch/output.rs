//! What the tasks leave: logs, and the files that were moved to the build.

use bytes::Bytes;

use super::PerArch;
use crate::builds::BuildState;
use crate::hub::Setting;
use crate::names;
use crate::state::HubState;
use crate::tasks::{Task, TaskResult, TaskState};
use crate::volume::{Output, Source, Volume};

/// What a task has left, or one under it.
pub(super) fn of_task<B: PerArch>(builder: &B, state: &HubState, setting: &Setting, task: &Task) -> Vec<Output> {
    match task.parent.and_then(|parent| state.tasks.get(parent)) {
        Some(parent) => of_child(builder, state, setting, parent, task),
        None => own(builder, task),
    }
}

fn own<B: PerArch>(builder: &B, task: &Task) -> Vec<Output> {
    let (Some(begun), Some(job)) = (task.begun, task.job()) else { return Vec::new() };
    let text = Bytes::from(format!("{} {}\n", B::TASK_METHOD, job.nvr()));
    builder.parent_logs().iter().map(|log| Output::text(*log, text.clone(), begun)).collect()
}

/// What the task for an arch has left. That is nothing before it ends, and of those for other things never anything.
fn of_child<B: PerArch>(builder: &B, state: &HubState, setting: &Setting, parent: &Task, child: &Task) -> Vec<Output> {
    let (Some(result), Some(time), Some(job)) = (&child.result, child.completed, parent.job()) else {
        return Vec::new();
    };
    if !child.is_for_arch() {
        return Vec::new();
    }
    let mut outputs = Vec::new();
    let homes = homes(builder, state, setting, parent, child);
    if let (TaskResult::OfArch(made), Some(images)) = (result, &homes.images) {
        let file = |name: &str| Output { name: name.to_owned(), moved_to: Some(images.clone()), source: Source::File };
        outputs.extend(made.files().map(file));
    }
    let text = format!("{} {} {}\n", child.method, job.nvr(), child.arch);
    // The first one says why it failed.
    let mut first = match result {
        TaskResult::Fault(fault) => Some(Bytes::from(format!("{text}{}\n", fault.string))),
        _ => None,
    };
    let text = Bytes::from(text);
    let logs = builder.logs(&parent.request, &child.arch).into_iter().filter(|log| names::is_file_name(log));
    outputs.extend(logs.map(|log| {
        let moved_to = homes.logs.as_ref().filter(|_| homes.is_moved(&log)).cloned();
        Output { moved_to, ..Output::text(log, first.take().unwrap_or_else(|| text.clone()), time) }
    }));
    outputs
}

/// Where the hub has moved what the task for an arch made.
#[derive(Default)]
struct Homes {
    images: Option<String>,
    logs: Option<String>,
    /// The logs that were moved; without a list, those that are called so.
    moved: Option<Vec<String>>,
}

impl Homes {
    fn is_moved(&self, log: &String) -> bool {
        self.moved.as_ref().map_or_else(|| log.ends_with(".log"), |moved| moved.contains(log))
    }
}

fn homes<B: PerArch>(builder: &B, state: &HubState, setting: &Setting, parent: &Task, child: &Task) -> Homes {
    // The hub takes nothing from a builder that is not its own, and from a task that failed.
    if child.method != B::CHILD_METHOD || child.state != TaskState::Closed {
        return Homes::default();
    }
    if parent.job().is_some_and(|job| job.is_scratch) {
        let is_collected = child.awaited == Some(false) && parent.state != TaskState::Failed;
        let dir = is_collected.then(|| scratch_dir(state, setting, parent, child)).flatten();
        return Homes { images: None, logs: dir, moved: Some(builder.named_logs(&parent.request, &child.arch)) };
    }
    let build = state.builds.get(crate::ids::build_id(parent.id));
    let Some(build) = build.filter(|build| build.state == BuildState::Complete) else { return Homes::default() };
    let logs = format!("{}/data/logs/image", build.dir());
    let logs = if B::LOGS_BY_ARCH { format!("{logs}/{}", child.arch) } else { logs };
    Homes { images: Some(format!("{}/images", build.dir())), logs: Some(logs), moved: None }
}

/// Where the results of the task for an arch are moved to that is only tried, if they are.
pub(super) fn scratch_dir(state: &HubState, setting: &Setting, parent: &Task, child: &Task) -> Option<String> {
    let owner = state.accounts.by_id(parent.owner).map_or("", |user| user.name.as_str());
    let is_moved = !setting.scenario.scratch_plain && names::is_file_name(owner);
    is_moved.then(|| Volume::scratch_dir(owner, child.id))
}
