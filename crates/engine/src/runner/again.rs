//! Requests that are to be sent *again*: the hub is asked first what became of the tasks that they had. What it has built, or is
//! still working on, is taken, whatever a journal says: an older magudi took every task that it wanted canceled for canceled.

use super::{Run, Start};
use crate::event::Level;
use crate::lookup;
use crate::plan::TaskRequest;
use magudi_koji::calls::{TaskInfo, TaskState};
use std::collections::BTreeMap;

/// Tasks that are asked about in one call, with their arguments.
const TASKS_PER_CALL: usize = 200;

impl Run {
    /// Decides about every [`Start::Again`], [`Start::Anew`] and [`Start::Named`].
    pub(super) async fn settle(&self, mut starts: Vec<Start>) -> Vec<Start> {
        let mut had: Vec<i64> = Vec::new();
        for start in &starts {
            match start {
                Start::Again { tasks, .. } | Start::Anew(tasks) => had.extend(tasks),
                Start::Named(task) => had.push(*task),
                _ => {}
            }
        }
        if had.is_empty() {
            return starts;
        }
        let known = self.what_became_of(&had).await;
        let mut to_cancel = Vec::new();
        for (index, start) in starts.iter_mut().enumerate() {
            match (&known, &mut *start) {
                (Err(reason), Start::Again { .. } | Start::Anew(_)) => {
                    *start = Start::Fail(format!("it is not known what became of the task that it had: {reason}"));
                }
                (Err(reason), Start::Named(task)) => {
                    *start = Start::Fail(format!("task {task} is not taken: {reason}"));
                }
                (Ok(known), Start::Named(task)) => {
                    if let Err(reason) = self.may_be_taken(index, *task, known) {
                        *start = Start::Fail(format!("task {task} is not taken: {reason}"));
                    }
                }
                (Ok(known), Start::Again { tasks, in_doubt }) => {
                    *start = match self.still_counts(index, tasks, known) {
                        Some(task) => Start::Adopt(task),
                        None => in_doubt.take().map_or(Start::Submit, Start::LookUp),
                    };
                }
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

    async fn what_became_of(&self, tasks: &[i64]) -> Result<BTreeMap<i64, TaskInfo>, String> {
        let mut known = BTreeMap::new();
        for some in tasks.chunks(TASKS_PER_CALL) {
            let infos = self.runner.hub.get_task_info_with_request(some).await.map_err(|error| error.to_string())?;
            for (task, told) in some.iter().zip(infos) {
                let info = told.map_err(|error| format!("what the hub says of task {task} cannot be used: {error}"))?;
                known.extend(info.map(|info| (*task, info)));
            }
        }
        Ok(known)
    }

    /// Whether a task is one of a request, whoever owns it.
    fn may_be_taken(&self, index: usize, task: i64, known: &BTreeMap<i64, TaskInfo>) -> Result<(), String> {
        let info = known.get(&task).ok_or("the hub does not know it")?;
        lookup::is_ours(info, self.sent_before(index), None)?;
        if let (Err(reason), Some(_)) = (self.runner.is_of_us(info), info.owner) {
            let text = format!("task {task} is taken for image {}: {reason}", self.requests[index].label());
            self.runner.events.message(Level::Warning, None, text);
        }
        Ok(())
    }

    /// Whether a task, whose arguments were asked for, was made by us for a request.
    pub(super) fn is_ours(&self, index: usize, task: &TaskInfo) -> Result<(), String> {
        lookup::is_ours(task, self.sent_before(index), None)?;
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
                let text =
                    format!("task {} is not taken for image {}: {reason}", info.id, self.requests[index].label());
                self.runner.events.message(Level::Warning, None, text);
                false
            }
        };
        infos.clone().find(counts).map(|info| info.id)
    }

    /// Cancels tasks of requests that are to be built anew; the requests of which that cannot be done, with the reason.
    async fn cancel_first(&self, tasks: &[(usize, i64)]) -> Vec<(usize, String)> {
        let events = &self.runner.events;
        let canceled = self.runner.cancel_as(tasks, events, |index, info| self.is_ours(index, info)).await;
        let left = canceled.strangers.into_iter().chain(canceled.left).filter_map(|(task, reason)| {
            let (index, _) = tasks.iter().find(|(_, other)| *other == task)?;
            Some((*index, format!("its task {task} is not canceled: {reason}")))
        });
        left.collect()
    }
}
