//! *Retrying*: a request whose task failed at the hub is asked for again, as often as the run may, with the same request.
//!
//! The decision is in the journal before anything is asked for. From there on it is the way of a resume with `--retry-failed`
//! (`again`): what the task has left at the hub is taken, what somebody had made again there is found, and only else the request
//! is sent. A run that is killed in between leaves a request whose tasks came to nothing, which the next run begins the same way.
//!
//! Only a task that failed is retried. One that was canceled was canceled by somebody, what the hub refuses it refuses again, and
//! where a build of somebody else is in the way another task would meet it too.
//!
//! There is no pause: a builder that has failed is free to take other tasks, and the hub decides which one takes this. A hub that
//! does not answer is waited for by every call.

use super::{Outcome, Run, Start, Task};
use crate::event::Event;
use std::collections::BTreeMap;
use std::sync::PoisonError;

/// What a request had before that may be submitted once more; tasks with the newest last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Former {
    /// It is built again only where nothing came of these tasks.
    Again(Vec<i64>),
    /// It is to be built whatever there is.
    Anew,
    /// It ends as the newest of these tasks did.
    Lost(Vec<i64>),
}

/// What requests had before.
pub(super) fn former(starts: &[Start]) -> BTreeMap<usize, Former> {
    let former = |start: &Start| match start {
        Start::Again { tasks, .. } => Some(Former::Again(tasks.clone())),
        Start::Anew(_) => Some(Former::Anew),
        Start::Lost(tasks) => Some(Former::Lost(tasks.clone())),
        _ => None,
    };
    starts.iter().enumerate().filter_map(|(index, start)| Some((index, former(start)?))).collect()
}

impl Run {
    /// What a request had before.
    pub(super) fn former(&self, index: usize) -> Option<Former> {
        self.former.lock().unwrap_or_else(PoisonError::into_inner).get(&index).cloned()
    }

    /// Has a request asked for again whose task failed, or ends it with `outcome` when it has had all its retries.
    pub(super) fn retry_or_end(&self, task: Task, outcome: Outcome) {
        // What fails after a stop is for the next run to ask for.
        let retry = if self.stop.is_set() { None } else { self.next_retry(task.request) };
        let (Some(retry), Some(again)) = (retry, self.again.upgrade()) else {
            self.end(task.request, outcome);
            return;
        };
        let request = &self.requests[task.request];
        self.say(Event::RequestRetried {
            request: task.request,
            phase: request.phase.to_owned(),
            variant: request.variant.clone(),
            name: request.name().to_owned(),
            task: task.id,
            url: (self.runner.task_url)(task.id),
            retry,
            retries: self.runner.retries,
            error: outcome.failure.unwrap_or_default(),
            reason: outcome.reason,
            causes: outcome.causes,
        });
        self.remember(task);
        // The receiver ends only with the last request, or after a stop.
        let _ = again.send(task.request);
    }

    /// The number of the next retry of a request, from 1; none when it has had all.
    fn next_retry(&self, index: usize) -> Option<usize> {
        let mut retried = self.retried.lock().unwrap_or_else(PoisonError::into_inner);
        let number = retried.entry(index).or_default();
        (*number < self.runner.retries).then(|| {
            *number += 1;
            *number
        })
    }

    /// Counts a task among those that its request had.
    fn remember(&self, task: Task) {
        let mut all = self.former.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tasks = match all.remove(&task.request) {
            Some(Former::Again(tasks) | Former::Lost(tasks)) => tasks,
            Some(Former::Anew) | None => Vec::new(),
        };
        tasks.retain(|before| *before != task.id);
        tasks.push(task.id);
        all.insert(task.request, Former::Again(tasks));
    }
}
