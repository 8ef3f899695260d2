//! Why a task failed is asked for once, where its builder says it: in the output of the task, or in the tasks under it. The
//! output also says where an image was uploaded to; it is read for no other task.

use super::standing::Despite;
use super::{Outcome, Run, Task};
use crate::causes::{self, Cause};
use crate::composer::{self, ComposeStatus, ComposeStatusError};
use crate::event::Event;
use crate::method::Reasons;
use crate::plan::number_in_phase;
use magudi_compose::CloudUpload;
use magudi_koji::calls::{Build, TaskInfo, TaskResult, TaskState};
use tokio::sync::Semaphore;

/// How a request ends whose task did not end well.
pub(super) enum Ending {
    Failed(Box<Outcome>),
    /// The same, and another task of the request may end better.
    MayRetry(Box<Outcome>),
    /// A build that is there all the same.
    Take(Task, i64),
}

impl Run {
    /// How a request ends whose task failed or was canceled.
    pub(super) async fn failed(&self, task: Task, state: TaskState, outputs: &Semaphore) -> Ending {
        let despite = if state == TaskState::Failed { self.despite_failure(task).await } else { None };
        let despite = match despite {
            Some(Despite::Take(of_task, build)) => {
                if of_task.id != task.id {
                    self.say_adopted(of_task.request, of_task.id, false);
                }
                return Ending::Take(of_task, build);
            }
            despite => despite,
        };
        let may_retry = state == TaskState::Failed && !matches!(despite, Some(Despite::InTheWay(_)));
        let says = match despite {
            Some(Despite::Takeable(text) | Despite::InTheWay(text)) => format!("; {text}"),
            _ => String::new(),
        };
        let request = &self.requests[task.request];
        let mut outcome = Outcome { task: Some(task.id), task_ended: true, ..Outcome::default() };
        let has_failed = state == TaskState::Failed;
        let status = match request.method.reasons {
            Reasons::ComposeStatus if has_failed || request.about.uploads => {
                self.compose_status(task, outputs).await.ok()
            }
            _ => None,
        };
        let how = if has_failed {
            let fault = self.fault(task).await;
            outcome.causes = match request.method.reasons {
                Reasons::ComposeStatus => {
                    status.as_ref().map_or_else(Vec::new, |status| composer::causes(status, &request.arches()))
                }
                Reasons::Children { .. } => self.causes(task, outputs).await,
            };
            let how = match causes::summary(&outcome.causes) {
                reasons if reasons.is_empty() => format!("failed: {fault}"),
                // Where each arch has a task, the fault of the one above repeats that of the first that failed.
                reasons if outcome.causes.iter().all(|cause| cause.task.is_some()) => format!("failed: {reasons}"),
                reasons => format!("failed: {fault}: {reasons}"),
            };
            outcome.reason = Some(fault);
            how
        } else {
            // No one else may cancel a task, and the hub does not say who it was (facts: osbuild 15).
            "was canceled at the hub, by its owner or an administrator".to_owned()
        };
        let log = self.runner.intake.as_ref().map_or_else(String::new, |intake| {
            let log = request.watch_log(&intake.dir, number_in_phase(&self.requests, task.request));
            format!(". See {} for details", log.display())
        });
        let title = request.method.title;
        outcome.failure = Some(format!("{title} task {} of image {} {how}{says}{log}", task.id, request.label()));
        if let Some(status) = status.filter(|_| request.about.uploads) {
            let build = match status.build {
                // Nothing depends on the build's name; without an answer it is not shown.
                Some(id) => self.runner.hub.get_build(id).await.ok().flatten(),
                None => None,
            };
            outcome.uploads = self.tell(task, Ok(status), build.as_ref());
        }
        if may_retry { Ending::MayRetry(Box::new(outcome)) } else { Ending::Failed(Box::new(outcome)) }
    }

    /// What became of the uploads of a closed task.
    pub(super) async fn uploads_of_closed(
        &self,
        task: Task,
        build: Option<&Build>,
        outputs: &Semaphore,
    ) -> Vec<CloudUpload> {
        if !self.requests[task.request].about.uploads {
            return Vec::new();
        }
        let status = self.compose_status(task, outputs).await;
        self.tell(task, status, build)
    }

    /// Why the tasks under a task failed, by arch. Where one has failed by itself, those that were canceled for it say nothing more.
    async fn causes(&self, task: Task, outputs: &Semaphore) -> Vec<Cause> {
        // Never closed, so the permit is always had.
        let _permit = outputs.acquire().await;
        // What cannot be asked for is left out: the task's own fault is known in any case.
        let mut children = self.children_that_failed(task).await.unwrap_or_default();
        if children.iter().any(|(child, _)| child.state == TaskState::Failed) {
            children.retain(|(child, _)| child.state == TaskState::Failed);
        }
        let reasons = self.requests[task.request].method.reasons;
        let cause = |(child, reason): (TaskInfo, String)| {
            let arch = child.arch.unwrap_or_default();
            let log = match reasons {
                Reasons::Children { log } => Some(log.replace("{arch}", &arch)),
                Reasons::ComposeStatus => None,
            };
            let url = Some((self.runner.task_url)(child.id));
            Cause { arch, chains: vec![vec![reason]], task: Some(child.id), url, log }
        };
        let mut causes: Vec<Cause> = children.into_iter().map(cause).collect();
        causes.sort_by(|one, other| one.arch.cmp(&other.arch));
        causes
    }

    async fn compose_status(&self, task: Task, outputs: &Semaphore) -> Result<ComposeStatus, ComposeStatusError> {
        // Never closed, so the permit is always had.
        let _permit = outputs.acquire().await;
        composer::load_status(&self.runner.hub, task.id).await
    }

    async fn fault(&self, task: Task) -> String {
        match self.runner.hub.get_task_result(task.id).await {
            Ok(TaskResult::Fault(fault)) => match self.requests[task.request].method.reasons {
                Reasons::ComposeStatus => composer::summary(&fault),
                Reasons::Children { .. } => fault.summary().into_owned(),
            },
            Ok(TaskResult::Value(_)) => "the hub recorded no error".to_owned(),
            Err(error) => format!("cannot read its error: {error}"),
        }
    }

    /// Says what became of each upload of a task.
    fn tell(
        &self,
        task: Task,
        status: Result<ComposeStatus, ComposeStatusError>,
        build: Option<&Build>,
    ) -> Vec<CloudUpload> {
        let uploads = composer::uploads(&self.requests[task.request], task.id, status, build);
        for upload in &uploads {
            self.say(Event::CloudUpload { request: task.request, upload: upload.clone() });
        }
        uploads
    }
}
