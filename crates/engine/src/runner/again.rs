//! Requests that are to be sent *again*: the hub is asked first what became of the tasks that they had, whether somebody had one
//! made again there, and which builds are [`standing`](super::standing). What it has built, or is still working on, is taken,
//! whatever a journal says: an older magudi took every task that it wanted canceled for canceled.

use super::standing::{Standing, in_the_way, of_another_request};
use super::{Run, Start};
use crate::event::Level;
use crate::find_task::{self, Sent, Stranger, earlier, tasks_since};
use crate::plan::TaskRequest;
use crate::preflight::ADMIN;
use jiff::{SignedDuration, Timestamp};
use magudi_koji::KojiError;
use magudi_koji::calls::{TaskInfo, TaskState, get_user_perms};
use std::collections::{BTreeMap, BTreeSet};

/// Tasks that are asked about in one call, with their arguments.
const TASKS_PER_CALL: usize = 200;

/// How far apart the hub's own times may be.
const MARGIN: SignedDuration = SignedDuration::from_secs(1);

/// Why it is not known what became of tasks.
#[derive(Debug, thiserror::Error)]
enum Unknown {
    #[error(transparent)]
    Hub(#[from] KojiError),
    #[error("the hub's answer about task {task} cannot be used: {source}")]
    Unread { task: i64, source: KojiError },
}

/// Whether there is nothing to ask the hub about before the run begins.
pub(super) fn is_settled(starts: &[Start]) -> bool {
    let is_open =
        |start: &Start| matches!(start, Start::Again { .. } | Start::Anew(_) | Start::Lost(_) | Start::Named(_));
    !starts.iter().any(is_open)
}

impl Run {
    /// Decides about every [`Start::Again`], [`Start::Anew`], [`Start::Lost`] and [`Start::Named`].
    pub(super) async fn settle(&self, mut starts: Vec<Start>) -> Vec<Start> {
        let mut had: Vec<i64> = Vec::new();
        for start in &starts {
            match start {
                Start::Again { tasks, .. } | Start::Anew(tasks) | Start::Lost(tasks) => had.extend(tasks),
                Start::Named(task) => had.push(*task),
                _ => {}
            }
        }
        if had.is_empty() {
            return starts;
        }
        let mut known = self.what_became_of(&had).await;
        if let Ok(known) = &mut known
            && let Err(reason) = self.take_what_stands(&mut starts, known).await
        {
            for start in &mut starts {
                if let Start::Again { in_doubt: None, .. } = start {
                    *start = Start::Fail(format!("the outcome of its earlier task is unknown: {reason}"));
                }
            }
        }
        let mut to_cancel = Vec::new();
        for (index, start) in starts.iter_mut().enumerate() {
            match (&known, &mut *start) {
                (Err(reason), Start::Again { .. } | Start::Anew(_)) => {
                    *start = Start::Fail(format!("the outcome of its earlier task is unknown: {reason}"));
                }
                (Err(reason), Start::Named(task)) => {
                    *start = Start::Fail(format!("task {task} is not used: {reason}"));
                }
                (Ok(known), Start::Named(task)) => {
                    if let Err(reason) = self.may_be_taken(index, *task, known) {
                        *start = Start::Fail(format!("task {task} is not used: {reason}"));
                    }
                }
                (Ok(known), Start::Again { tasks, in_doubt }) => {
                    *start = match self.still_counts(index, tasks, known) {
                        Some(task) => Start::Adopt(task),
                        None => in_doubt.take().map_or(Start::Submit, Start::LookUp),
                    };
                }
                // It ends as its newest task did.
                (_, Start::Lost(tasks)) => *start = tasks.last().map_or(Start::Submit, |task| Start::Adopt(*task)),
                (Ok(known), Start::Anew(tasks)) => {
                    let infos = tasks.iter().filter_map(|task| known.get(task));
                    let open = infos.filter(|info| !info.state.is_final() && self.is_ours(index, info).is_ok());
                    to_cancel.extend(open.map(|info| (index, info.id)));
                    *start = Start::Submit;
                }
                _ => {}
            }
        }
        for (index, reason) in self.cancel_first(&to_cancel).await {
            starts[index] = Start::Fail(reason);
        }
        starts
    }

    /// Decides about requests whose tasks have ended by what else there is: a task that somebody had made again, a build.
    async fn take_what_stands(
        &self,
        starts: &mut [Start],
        known: &mut BTreeMap<i64, TaskInfo>,
    ) -> Result<(), KojiError> {
        let mut formers: Vec<(usize, Vec<i64>)> = Vec::new();
        for (index, start) in starts.iter_mut().enumerate() {
            // Where a task may have been made since, it is looked for first.
            let (Start::Again { tasks, in_doubt: None } | Start::Lost(tasks)) = &*start else { continue };
            let mut ours = Vec::with_capacity(tasks.len());
            for info in tasks.iter().filter_map(|task| known.get(task)) {
                // One that an admin had made again was taken in an earlier run.
                let is_same = find_task::is_ours(info, self.sent_before(index)).is_ok();
                if is_same && (self.runner.is_of_us(info).is_ok() || self.is_of_admin(info).await) {
                    ours.push(info.id);
                }
            }
            let running = ours.iter().rev().filter_map(|task| known.get(task)).find(|info| !info.state.is_final());
            match running {
                Some(info) => *start = self.taking(info),
                None => formers.push((index, ours)),
            }
        }
        if formers.is_empty() {
            return Ok(());
        }
        for (index, task) in self.made_again(&mut formers, known).await? {
            starts[index] = match task.state {
                TaskState::Closed => Start::Named(task.id),
                state => Start::Fail(format!(
                    "task {} has the same request and is {}: resume when it is closed, or with --adopt {}={}",
                    task.id,
                    state.to_string().to_uppercase(),
                    self.requests[index].name(),
                    task.id
                )),
            };
            known.insert(task.id, task);
        }
        formers.retain(|(index, _)| matches!(starts[*index], Start::Again { .. }));
        let builds = self.standing(&formers).await?;
        for ((index, tasks), builds) in formers.iter().zip(builds) {
            let mut infos = tasks.iter().rev().filter_map(|task| known.get(task));
            let closed = infos.find(|info| info.state == TaskState::Closed && !builds.gone.contains(&info.id));
            starts[*index] = match (closed, builds.standing) {
                (Some(info), _) => self.taking(info),
                (None, Standing::Ours(task, build))
                    if !tasks.contains(&task) && !self.is_task_of(task, *index).await =>
                {
                    Start::Fail(format!("it was not submitted: {}", of_another_request(&build, task)))
                }
                (None, Standing::Ours(task, build)) => {
                    let named = known.get(&task).is_some_and(|info| self.runner.is_of_us(info).is_err());
                    Start::Take { task, build: build.id, named }
                }
                (None, Standing::Foreign(build)) => {
                    Start::Fail(format!("it was not submitted: {}", in_the_way(&self.requests[*index], &build)))
                }
                (None, Standing::Free) => Start::Submit,
            };
        }
        Ok(())
    }

    /// How a request continues a task of ours, or of an admin.
    fn taking(&self, task: &TaskInfo) -> Start {
        if self.runner.is_of_us(task).is_ok() { Start::Adopt(task.id) } else { Start::Named(task.id) }
    }

    /// Tasks that somebody has had made again at the hub for requests whose tasks are known: of ours or of an admin, who may resubmit
    /// tasks of others. Those that came to nothing are tasks of the requests from now on: what they have begun may stand.
    async fn made_again(
        &self,
        formers: &mut [(usize, Vec<i64>)],
        known: &mut BTreeMap<i64, TaskInfo>,
    ) -> Result<BTreeMap<usize, TaskInfo>, KojiError> {
        let method = |index: usize| self.requests[index].method.task;
        let methods: BTreeSet<&str> = formers.iter().map(|(index, _)| method(*index)).collect();
        let mut found: BTreeMap<usize, TaskInfo> = BTreeMap::new();
        let mut admins: BTreeMap<i64, bool> = BTreeMap::new();
        let mut lost: Vec<(usize, TaskInfo)> = Vec::new();
        for name in methods {
            let formers: Vec<&(usize, Vec<i64>)> = formers.iter().filter(|(index, _)| method(*index) == name).collect();
            let made = formers.iter().flat_map(|(_, tasks)| tasks).filter_map(|task| known.get(task)?.create_ts);
            let Some(since) = made.reduce(f64::min).and_then(time) else { continue };
            for task in tasks_since(&self.runner.hub, name, None, earlier(since, MARGIN)).await? {
                if self.is_claimed(task.id) {
                    continue;
                }
                let is_lost = matches!(task.state, TaskState::Failed | TaskState::Canceled);
                let fits = |former: &&&(usize, Vec<i64>)| {
                    (is_lost || !found.contains_key(&former.0))
                        && Sent::of(self.sent_before(former.0)).is_ok_and(|sent| sent.made(&task))
                };
                let Some(request) = formers.iter().find(fits).map(|former| former.0) else { continue };
                let Some(user) = task.owner else { continue };
                let is_us = self.is_certainly_of_us(&task);
                let may = match admins.get(&user) {
                    Some(may) => *may,
                    None => is_us || self.is_of_admin(&task).await,
                };
                admins.insert(user, may);
                if may && is_lost {
                    lost.push((request, task));
                } else if may {
                    found.insert(request, task);
                }
            }
        }
        for (request, task) in lost {
            if let Some((_, tasks)) = formers.iter_mut().find(|(index, _)| *index == request) {
                tasks.push(task.id);
                // The newest last.
                tasks.sort_unstable();
            }
            known.insert(task.id, task);
        }
        Ok(found)
    }

    /// Whether a task is ours, which nobody knows who does not know our numbers.
    pub(super) fn is_certainly_of_us(&self, task: &TaskInfo) -> bool {
        !self.runner.owners.is_empty() && self.runner.is_of_us(task).is_ok()
    }

    pub(super) async fn is_of_admin(&self, task: &TaskInfo) -> bool {
        let Some(user) = task.owner else { return false };
        let answer = self.runner.hub.send(&get_user_perms::request(user)).await;
        // Of whom the hub does not say that, nothing is taken.
        let permissions = answer.ok().and_then(|answer| get_user_perms::decode(&answer).ok()).unwrap_or_default();
        permissions.iter().any(|permission| permission == ADMIN)
    }

    async fn what_became_of(&self, tasks: &[i64]) -> Result<BTreeMap<i64, TaskInfo>, Unknown> {
        let mut known = BTreeMap::new();
        for some in tasks.chunks(TASKS_PER_CALL) {
            let infos = self.runner.hub.get_task_info_with_request(some).await?;
            for (task, told) in some.iter().copied().zip(infos) {
                let info = told.map_err(|source| Unknown::Unread { task, source })?;
                known.extend(info.map(|info| (task, info)));
            }
        }
        Ok(known)
    }

    /// Whether a task is one of a request, of any owner.
    fn may_be_taken(&self, index: usize, task: i64, known: &BTreeMap<i64, TaskInfo>) -> Result<(), Stranger> {
        let info = known.get(&task).ok_or(Stranger::Unknown)?;
        find_task::is_ours(info, self.sent_before(index))?;
        if let (Err(reason), Some(_)) = (self.runner.is_of_us(info), info.owner) {
            let text = format!("task {task} is used for image {}: {reason}", self.requests[index].label());
            self.runner.events.message(Level::Warning, None, text);
        }
        Ok(())
    }

    /// Whether a task, whose arguments were asked for, was made by us for a request.
    pub(super) fn is_ours(&self, index: usize, task: &TaskInfo) -> Result<(), Stranger> {
        find_task::is_ours(task, self.sent_before(index))?;
        self.runner.is_of_us(task)
    }

    /// A request as earlier runs sent it.
    pub(super) fn sent_before(&self, index: usize) -> &TaskRequest {
        self.runner.sent_before.get(&index).unwrap_or(&self.requests[index])
    }

    /// The newest of `tasks` that has ended well or still may.
    fn still_counts(&self, index: usize, tasks: &[i64], known: &BTreeMap<i64, TaskInfo>) -> Option<i64> {
        let infos = tasks.iter().rev().filter_map(|task| known.get(task));
        let counts = |info: &&TaskInfo| match (info.state, self.is_ours(index, info)) {
            (TaskState::Canceled | TaskState::Failed, _) => false,
            (_, Ok(())) => true,
            (_, Err(reason)) => {
                let text = format!("task {} is not used for image {}: {reason}", info.id, self.requests[index].label());
                self.runner.events.message(Level::Warning, None, text);
                false
            }
        };
        infos.clone().find(counts).map(|info| info.id)
    }

    /// Cancels tasks of requests that are to be built again; the requests of which that cannot be done, with the reason.
    async fn cancel_first(&self, tasks: &[(usize, i64)]) -> Vec<(usize, String)> {
        let events = &self.runner.events;
        let canceled = self.runner.cancel_as(tasks, events, |index, info| self.is_ours(index, info)).await;
        let left = canceled.others().filter_map(|(task, reason)| {
            let (index, _) = tasks.iter().find(|(_, other)| *other == task)?;
            Some((*index, format!("its task {task} is not canceled: {reason}")))
        });
        left.collect()
    }
}

fn time(seconds: f64) -> Option<Timestamp> {
    Timestamp::from_millisecond((seconds * 1000.0) as i64).ok()
}
