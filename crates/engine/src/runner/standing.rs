//! Builds that are *standing* at the hub: a release can be built once (facts: koji 17), and what a canceled or failed task began may come to
//! its end all the same (facts: koji 12). Whose such a build is decides what becomes of a request that asks for it.

use super::retry::Former;
use super::{Run, Task};
use crate::find_task;
use crate::plan::TaskRequest;
use magudi_koji::calls::{Build, BuildState, TaskInfo, get_build, list_builds};
use magudi_koji::{KojiError, MethodCall};
use std::collections::BTreeSet;
use std::sync::PoisonError;

/// Requests that are asked about together.
const REQUESTS_PER_CALL: usize = 50;

/// What the hub has under the name of a build, or of the tasks that were to make it.
#[derive(Debug)]
pub(super) enum Standing {
    /// Nothing that is in the way.
    Free,
    /// A build of this task of the compose, or one that is being made and may be its.
    Ours(i64, Build),
    /// A build of somebody else.
    Foreign(Build),
}

#[derive(Debug)]
pub(super) struct Builds {
    pub(super) standing: Standing,
    /// Tasks whose builds are gone, or came to nothing.
    pub(super) gone: BTreeSet<i64>,
}

/// What a build means for a request whose task failed.
pub(super) enum Despite {
    /// It is taken, as what this task has made.
    Take(Task, i64),
    /// It is the task's own, or that of a task that somebody had made again: asking again takes it.
    Takeable(String),
    /// It is in the way: another task would fail as well.
    InTheWay(String),
}

impl Run {
    /// What the hub has of requests and of their tasks, the newest last.
    pub(super) async fn standing(&self, asked: &[(usize, Vec<i64>)]) -> Result<Vec<Builds>, KojiError> {
        let mut found = Vec::with_capacity(asked.len());
        for some in asked.chunks(REQUESTS_PER_CALL) {
            let mut calls: Vec<MethodCall> = Vec::new();
            for (index, tasks) in some {
                calls.extend(tasks.iter().map(|task| list_builds::request(*task)));
                calls.extend(known_name(&self.requests[*index]).map(|nvr| get_build::request_nvr(&nvr)));
            }
            let mut answers = self.runner.hub.multi_call(&calls).await?.into_iter();
            for (index, tasks) in some {
                let mut builds = Vec::with_capacity(tasks.len());
                for task in tasks {
                    let listed = answers.next().and_then(Result::ok);
                    builds.push((*task, listed.and_then(|all| list_builds::decode(&all).ok()).unwrap_or_default()));
                }
                // A name that is none (facts: koji 14), or an odd answer: nothing is known to be in the way.
                let named = known_name(&self.requests[*index]).and_then(|_| answers.next()?.ok());
                found.push(self.weigh(builds, named.and_then(|build| get_build::decode(&build).ok()?)));
            }
        }
        Ok(found)
    }

    fn weigh(&self, of_tasks: Vec<(i64, Vec<Build>)>, named: Option<Build>) -> Builds {
        let newest = of_tasks.last().map(|(task, _)| *task);
        let (mut last, mut gone) = (None, BTreeSet::new());
        for (task, builds) in of_tasks {
            if !builds.is_empty() && !builds.iter().any(is_standing) {
                gone.insert(task);
            }
            last = builds.into_iter().find(is_standing).map(|build| (task, build)).or(last);
        }
        let standing = match (last, named.filter(is_standing)) {
            (Some((task, build)), _) => Standing::Ours(task, build),
            (None, None) => Standing::Free,
            (None, Some(build)) => match (build.task_id, newest) {
                (Some(task), _) if self.is_claimed(task) => Standing::Ours(task, build),
                // One that is being imported does not know its task yet; what a canceled task began continues.
                (None, Some(task)) if build.state == BuildState::Building => Standing::Ours(task, build),
                _ => Standing::Foreign(build),
            },
        };
        Builds { standing, gone }
    }

    pub(super) fn is_claimed(&self, task: i64) -> bool {
        self.claimed.lock().unwrap_or_else(PoisonError::into_inner).contains(&task)
    }

    /// How a request ends whose task failed while a build of the name that it asks for is there; none when that says nothing.
    pub(super) async fn despite_failure(&self, task: Task) -> Option<Despite> {
        let request = &self.requests[task.request];
        let found = self.standing(&[(task.request, vec![task.id])]).await.ok()?.pop()?;
        let (of_task, build) = match found.standing {
            Standing::Free => return None,
            Standing::Foreign(build) => {
                let text = in_the_way(request, &build);
                let is_takeable = match build.task_id {
                    Some(other) => self.was_made_again_as(other, task.request).await,
                    None => false,
                };
                return Some(if is_takeable { Despite::Takeable(text) } else { Despite::InTheWay(text) });
            }
            Standing::Ours(of_task, build) => (of_task, build),
        };
        match self.former(task.request) {
            // Its own: what failed came after the import.
            _ if of_task == task.id && build.state == BuildState::Complete => {
                let target = self.runner.hub.get_build_target(&request.about.target).await.ok().flatten();
                let tag = target.map_or_else(|| "its tag".to_owned(), |target| target.dest_tag_name);
                Some(Despite::Takeable(format!(
                    "build {} is complete, only tagging into {tag} failed; resume with --retry-failed takes it",
                    build.nvr()
                )))
            }
            _ if of_task != task.id && !self.is_task_of(of_task, task.request).await => {
                Some(Despite::InTheWay(of_another_request(&build, of_task)))
            }
            Some(Former::Anew) => Some(Despite::InTheWay(format!(
                "build {} of task {of_task} is {} already, and a hub builds a release once: give the image another \
                 release, or take that build with --adopt {}={of_task}",
                build.nvr(),
                build.state.name(),
                request.name()
            ))),
            _ if of_task != task.id && build.state == BuildState::Complete => {
                Some(Despite::Take(Task { request: task.request, id: of_task }, build.id))
            }
            // What an earlier task of the request began, and which this one met.
            Some(Former::Again(_)) => Some(Despite::Take(task, build.id)),
            Some(Former::Lost(_)) | None => None,
        }
    }

    /// Whether a task of the compose was made for this request.
    pub(super) async fn is_task_of(&self, task: i64, index: usize) -> bool {
        self.info_of(task).await.is_some_and(|info| self.is_ours(index, &info).is_ok())
    }

    /// Whether a task asks for the same as a request, and is one that we or an admin had made.
    async fn was_made_again_as(&self, task: i64, index: usize) -> bool {
        let Some(info) = self.info_of(task).await else { return false };
        find_task::is_ours(&info, self.sent_before(index)).is_ok()
            && (self.is_certainly_of_us(&info) || self.is_of_admin(&info).await)
    }

    /// A task with its request, as far as the hub says anything of use.
    async fn info_of(&self, task: i64) -> Option<TaskInfo> {
        self.runner.hub.get_task_info_with_request(&[task]).await.ok()?.pop()?.ok()?
    }
}

fn is_standing(build: &Build) -> bool {
    matches!(build.state, BuildState::Complete | BuildState::Building)
}

/// The name that a request's build will have, if that is known and a hub keeps it.
fn known_name(request: &TaskRequest) -> Option<String> {
    let about = &request.about;
    (request.method.names_build && about.release.is_some() && !about.scratch).then(|| request.nvr())
}

/// What is said of a build that a task of another request of the compose has made.
pub(super) fn of_another_request(build: &Build, task: i64) -> String {
    format!(
        "build {} is {} already, of task {task} of this compose, which asked for something else: give the image another \
         release",
        build.nvr(),
        build.state.name()
    )
}

/// What is said of a build of somebody else.
pub(super) fn in_the_way(request: &TaskRequest, build: &Build) -> String {
    let task = build.task_id.map_or_else(String::new, |task| format!(" of task {task}"));
    let owner = build.owner_name.as_deref().map_or_else(String::new, |owner| format!(" by {}", owner.escape_debug()));
    let adopt = match build.task_id {
        Some(task) if build.state == BuildState::Complete => {
            format!(", or take that build with --adopt {}={task}", request.name())
        }
        _ => String::new(),
    };
    format!(
        "build {} is {} at the hub already (build {}{task}{owner}), but does not belong to this compose: give the image another \
         release{adopt}",
        build.nvr(),
        build.state.name(),
        build.id
    )
}
