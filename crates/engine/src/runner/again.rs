//! *Again*: what is asked before a request that had a task is submitted once more. The task may have ended well meanwhile, its build
//! may be there although it failed or was canceled (KOJI.md 11), and somebody may have had the task made again at the hub.

use super::{Ended, Run, Task};
use crate::lookup::{Sent, is_ours, tasks_since};
use crate::plan::TaskRequest;
use jiff::{SignedDuration, Timestamp};
use magudi_koji::calls::{Build, BuildState, TaskInfo, TaskState, get_build, get_user_perms, list_builds};
use magudi_koji::{KojiError, MethodCall};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;
use tokio::sync::mpsc;

/// The permission that lets somebody resubmit tasks of others.
const ADMIN: &str = "admin";

/// How far apart the hub's own times may be.
const MARGIN: SignedDuration = SignedDuration::from_secs(1);

/// A request that had tasks.
#[derive(Debug)]
pub(super) struct Former {
    pub(super) request: usize,
    /// Its tasks, the last one last.
    pub(super) tasks: Vec<i64>,
    /// Whether it is submitted again when there is nothing to take.
    pub(super) submit: bool,
}

/// What becomes of it.
enum Verdict {
    Submit,
    Adopt(i64),
    /// The build of a task that has not ended well.
    Take(i64, i64),
    Refuse(String),
}

/// What the hub says of a build that has the name which is asked for.
enum Standing {
    /// There is none that is in the way.
    Free,
    /// It is of a task of this compose, or is being built and may be.
    Ours(i64, Build),
    /// It is of somebody else.
    Foreign(Build),
}

impl Run {
    /// Goes on with what there is of `formers`; returned are the requests to be submitted, and the last tasks of those that are not.
    pub(super) async fn again(
        &self,
        formers: Vec<Former>,
        submitted: &mpsc::UnboundedSender<Task>,
        over: &mpsc::UnboundedSender<Ended>,
    ) -> (Vec<usize>, Vec<Task>) {
        let (mut to_send, mut as_before) = (Vec::new(), Vec::new());
        if formers.is_empty() {
            return (to_send, as_before);
        }
        let Some(verdicts) = self.stop.unless_set(self.judge_all(&formers)).await else {
            return (to_send, as_before);
        };
        let verdicts = match verdicts {
            Ok(verdicts) => verdicts,
            Err(error) => {
                for former in formers {
                    let label = self.requests[former.request].label();
                    let text = format!("image {label}: the hub cannot be asked what became of its task: {error}");
                    self.fail(former.request, None, text);
                }
                return (to_send, as_before);
            }
        };
        for (former, verdict) in formers.into_iter().zip(verdicts) {
            let index = former.request;
            match (verdict, former.tasks.last()) {
                (Verdict::Submit, Some(task)) if !former.submit => as_before.push(Task { request: index, id: *task }),
                (Verdict::Submit, _) => to_send.push(index),
                (Verdict::Adopt(task), _) => {
                    // One that somebody else has had made stays that, also for later runs.
                    let named = !former.tasks.contains(&task);
                    self.adopt_as(index, task, named, submitted);
                }
                (Verdict::Take(task, build), _) => {
                    self.say_adopted(index, task, false);
                    // The receiver ends only after this sender.
                    let _ = over.send(Ended::Build(Task { request: index, id: task }, build));
                }
                (Verdict::Refuse(text), _) => {
                    let text = format!("image {} was not submitted: {text}", self.requests[index].label());
                    self.fail(index, None, text);
                }
            }
        }
        (to_send, as_before)
    }

    async fn judge_all(&self, formers: &[Former]) -> Result<Vec<Verdict>, String> {
        let owner = self.owner().await?;
        let text = |error: KojiError| error.to_string();
        let ids: Vec<i64> = formers.iter().flat_map(|former| former.tasks.iter().copied()).collect();
        let told = self.runner.hub.get_task_info_with_request(&ids).await.map_err(text)?;
        let infos: BTreeMap<i64, TaskInfo> =
            ids.into_iter().zip(told).filter_map(|(id, told)| Some((id, told.ok()??))).collect();
        let made_again = self.made_again(formers, &infos, owner).await?;
        let mut verdicts = Vec::with_capacity(formers.len());
        for former in formers {
            verdicts.push(self.judge(former, &infos, &made_again, owner).await.map_err(text)?);
        }
        Ok(verdicts)
    }

    async fn judge(
        &self,
        former: &Former,
        infos: &BTreeMap<i64, TaskInfo>,
        made_again: &BTreeMap<usize, TaskInfo>,
        owner: i64,
    ) -> Result<Verdict, KojiError> {
        let request = &self.requests[former.request];
        let ours = |id: &&i64| infos.get(id).is_some_and(|info| is_ours(info, request, Some(owner)).is_ok());
        let ours: Vec<i64> = former.tasks.iter().filter(ours).copied().collect();
        let state = |id: i64| infos.get(&id).map(|info| info.state);
        if let Some(running) = ours.iter().rev().find(|id| state(**id).is_some_and(|state| !state.is_final())) {
            return Ok(Verdict::Adopt(*running));
        }
        if let Some(task) = made_again.get(&former.request) {
            return Ok(match task.state {
                TaskState::Closed => Verdict::Adopt(task.id),
                state => Verdict::Refuse(format!(
                    "task {} asks for the same and is {}: resume when it is closed, or with --adopt {}={}",
                    task.id,
                    state.to_string().to_uppercase(),
                    request.name(),
                    task.id
                )),
            });
        }
        if !former.submit {
            return Ok(Verdict::Submit);
        }
        let (standing, gone) = self.standing(request, &ours).await?;
        let closed = |id: &&i64| state(**id) == Some(TaskState::Closed) && !gone.contains(*id);
        if let Some(closed) = ours.iter().rev().find(closed) {
            return Ok(Verdict::Adopt(*closed));
        }
        Ok(match standing {
            Standing::Ours(task, build) => Verdict::Take(task, build.id),
            Standing::Foreign(build) => Verdict::Refuse(in_the_way(request, &build)),
            Standing::Free => Verdict::Submit,
        })
    }

    /// What the hub has under the name of the build that a request asks for, or of its tasks; and those of the tasks whose builds
    /// are gone or came to nothing.
    async fn standing(&self, request: &TaskRequest, tasks: &[i64]) -> Result<(Standing, BTreeSet<i64>), KojiError> {
        let about = &request.about;
        let mut calls: Vec<MethodCall> = tasks.iter().map(|task| list_builds::request(*task)).collect();
        let by_name = request.method.names_build && about.release.is_some();
        if by_name {
            calls.push(get_build::request_nvr(&request.nvr()));
        }
        let mut answers = self.runner.hub.multi_call(&calls).await?;
        // A name that is none (KOJI.md 7), or an odd answer: nothing is known to be in the way.
        let named =
            if by_name { answers.pop().and_then(|answer| get_build::decode(&answer.ok()?).ok()?) } else { None };
        let is_standing = |build: &Build| matches!(build.state, BuildState::Complete | BuildState::Building);
        let (mut last, mut gone) = (None, BTreeSet::new());
        for (task, answer) in tasks.iter().zip(answers) {
            let builds = answer.ok().and_then(|answer| list_builds::decode(&answer).ok()).unwrap_or_default();
            if !builds.is_empty() && !builds.iter().any(is_standing) {
                gone.insert(*task);
            }
            last = builds.into_iter().find(is_standing).map(|build| (*task, build)).or(last);
        }
        if let Some((task, build)) = last {
            return Ok((Standing::Ours(task, build), gone));
        }
        let standing = match named.filter(is_standing) {
            None => Standing::Free,
            Some(build) => match (build.task_id, tasks.last()) {
                (Some(task), _) if self.is_claimed(task) => Standing::Ours(task, build),
                // A build that is being imported does not know its task yet; what a canceled task began goes on.
                (None, Some(task)) if build.state == BuildState::Building => Standing::Ours(*task, build),
                _ => Standing::Foreign(build),
            },
        };
        Ok((standing, gone))
    }

    /// Tasks that somebody has had made again at the hub, by the requests that are in `formers`: of ours or of an admin, who may
    /// resubmit tasks of others.
    async fn made_again(
        &self,
        formers: &[Former],
        infos: &BTreeMap<i64, TaskInfo>,
        owner: i64,
    ) -> Result<BTreeMap<usize, TaskInfo>, String> {
        let methods: BTreeSet<&str> = formers.iter().map(|former| self.requests[former.request].method.task).collect();
        let mut found: BTreeMap<usize, TaskInfo> = BTreeMap::new();
        let mut admins: BTreeMap<i64, bool> = BTreeMap::from([(owner, true)]);
        for method in methods {
            let of_method = formers.iter().filter(|former| self.requests[former.request].method.task == method);
            let formers: Vec<&Former> = of_method.collect();
            let made = formers.iter().flat_map(|former| &former.tasks).filter_map(|id| infos.get(id)?.create_ts);
            let Some(since) = made.reduce(f64::min).and_then(time) else { continue };
            let listed = tasks_since(&self.runner.hub, method, None, since - MARGIN).await;
            for task in listed.map_err(|error| error.to_string())? {
                if self.is_claimed(task.id) || matches!(task.state, TaskState::Failed | TaskState::Canceled) {
                    continue;
                }
                let fits = |former: &&&Former| {
                    !found.contains_key(&former.request)
                        && Sent::of(&self.requests[former.request]).is_ok_and(|sent| sent.made(&task))
                };
                let Some(request) = formers.iter().find(fits).map(|former| former.request) else { continue };
                let Some(user) = task.owner else { continue };
                let known = admins.get(&user).copied();
                let may = match known {
                    Some(may) => may,
                    None => self.is_admin(user).await,
                };
                admins.insert(user, may);
                if may {
                    found.insert(request, task);
                }
            }
        }
        Ok(found)
    }

    async fn is_admin(&self, user: i64) -> bool {
        let answer = self.runner.hub.send(&get_user_perms::request(user)).await;
        // Of whom the hub does not say that, nothing is taken.
        let permissions = answer.ok().and_then(|answer| get_user_perms::decode(&answer).ok()).unwrap_or_default();
        permissions.iter().any(|permission| permission == ADMIN)
    }

    /// Whether a task is one of this compose.
    pub(super) fn is_claimed(&self, task: i64) -> bool {
        self.claimed.lock().unwrap_or_else(PoisonError::into_inner).contains(&task)
    }

    /// How a request ends whose task failed while a build of the name that it asks for is there; none when that says nothing.
    pub(super) async fn despite_failure(&self, task: Task) -> Option<Despite> {
        let request = &self.requests[task.request];
        let of_task = match self.standing(request, &[task.id]).await.ok()?.0 {
            Standing::Free => return None,
            Standing::Foreign(build) => return Some(Despite::Says(in_the_way(request, &build))),
            Standing::Ours(of_task, build) => (of_task, build),
        };
        let has_former = self.former.contains(&task.request);
        match of_task {
            // Its own: what failed came after the import.
            (id, build) if id == task.id && build.state == BuildState::Complete => {
                let target = self.runner.hub.get_build_target(&request.about.target).await.ok().flatten();
                let tag = target.map_or_else(|| "its tag".to_owned(), |target| target.dest_tag_name);
                Some(Despite::Says(format!(
                    "build {} is complete, only tagging into {tag} failed; resume with --retry-failed takes it",
                    build.nvr()
                )))
            }
            (id, build) if id != task.id && build.state == BuildState::Complete => {
                Some(Despite::Take(Task { request: task.request, id }, build.id))
            }
            // What an earlier task of the request began, and which this one met.
            (_, build) if has_former => Some(Despite::Take(task, build.id)),
            _ => None,
        }
    }
}

/// What a build means for a request whose task failed.
pub(super) enum Despite {
    /// It is taken: the build of a task of this compose.
    Take(Task, i64),
    /// This is to be said.
    Says(String),
}

/// What is said of a build that is in the way.
fn in_the_way(request: &TaskRequest, build: &Build) -> String {
    let task = build.task_id.map_or_else(String::new, |task| format!(" of task {task}"));
    let owner = build.owner_name.as_deref().map_or_else(String::new, |owner| format!(" by {}", owner.escape_debug()));
    let adopt = match build.task_id {
        Some(task) if build.state == BuildState::Complete => {
            format!(", or take that build with --adopt {}={task}", request.name())
        }
        _ => String::new(),
    };
    format!(
        "build {} is {} at the hub already (build {}{task}{owner}), which is none of this compose's: give the image another \
         release{adopt}",
        build.nvr(),
        build.state.name(),
        build.id
    )
}

fn time(seconds: f64) -> Option<Timestamp> {
    Timestamp::from_millisecond((seconds * 1000.0) as i64).ok()
}
