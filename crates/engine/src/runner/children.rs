//! *Children*: the tasks that a task makes for each arch. They have the files of what was built for scratch, and they say why an
//! arch could not be built (facts: builders 4).

use super::builds::{Closed, Found, Lack};
use super::{Run, Task};
use crate::answer::{AnswerError, decoded};
use crate::artifact::{BuiltFile, FailedArch};
use crate::event::Event;
use crate::method::Results;
use crate::plan::TaskRequest;
use magudi_koji::calls::{TaskInfo, TaskResult, TaskState, get_task_children, get_task_result};
use magudi_koji::{KojiError, MethodCall, Value};

impl Run {
    /// Asks what each of `tasks` has built for scratch (facts: koji 8, builders 3): two calls for all of them.
    pub(super) async fn ask_for_scratch(&self, tasks: &[&Closed]) -> Result<Vec<Found>, KojiError> {
        if tasks.is_empty() {
            return Ok(Vec::new());
        }
        let hub = &self.runner.hub;
        let calls: Vec<MethodCall> = tasks.iter().map(|closed| get_task_children::request(closed.task.id)).collect();
        let children: Vec<Result<Vec<TaskInfo>, AnswerError>> = hub
            .multi_call(&calls)
            .await?
            .into_iter()
            .zip(tasks)
            .map(|(answer, closed)| builders(&self.requests[closed.task.request], Some(answer)))
            .collect();
        let closed = |task: &&TaskInfo| task.state == TaskState::Closed;
        let ids = children.iter().flatten().flatten().filter(closed).map(|task| task.id);
        let calls: Vec<MethodCall> = ids.map(get_task_result::request).collect();
        let mut answers = hub.multi_call(&calls).await?.into_iter();
        let describe = |(of, children): (&&Closed, Result<Vec<TaskInfo>, AnswerError>)| {
            let mut files = Vec::new();
            let mut unusable = None;
            for task in children.map_err(|error| Lack::yet(error.to_string()))?.iter().filter(closed) {
                match decoded(answers.next(), get_task_result::output) {
                    Ok(output) => {
                        let of_scratch = |name| BuiltFile::of_scratch(task.id, &output.arch, name);
                        files.extend(output.files.into_iter().map(of_scratch));
                    }
                    // The answers that follow are those of others.
                    Err(error) => {
                        unusable = Some(format!("the result of its task {} cannot be used: {error}", task.id));
                    }
                }
            }
            if let Some(reason) = unusable {
                return Err(Lack::yet(reason));
            }
            files.sort_by(|a, b| (&a.name, &a.arch).cmp(&(&b.name, &b.arch)));
            self.describe(&self.requests[of.task.request], None, files)
        };
        Ok(tasks.iter().zip(children).map(describe).collect())
    }

    /// Why `arches` were not built, of a task that could do without them.
    pub(super) async fn why_not_built(&self, task: Task, arches: &[String]) -> Vec<FailedArch> {
        let children = self.children_that_failed(task).await.unwrap_or_default();
        let mut failed = Vec::with_capacity(arches.len());
        for arch in arches {
            let child = children.iter().find(|(child, _)| child.arch.as_deref() == Some(arch));
            let reason = child.map_or_else(|| "no image was built".to_owned(), |(_, reason)| reason.clone());
            let task = child.map(|(child, _)| child.id);
            let url = task.map(|task| (self.runner.task_url)(task));
            failed.push(FailedArch { arch: arch.clone(), task, url, reason });
        }
        for arch in &failed {
            self.say(self.arch_failed(task, arch.clone()));
        }
        failed
    }

    /// The event of an arch that the compose does without.
    pub(super) fn arch_failed(&self, task: Task, failed: FailedArch) -> Event {
        let request = &self.requests[task.request];
        let (phase, variant) = (request.phase.to_owned(), request.variant.clone());
        let (name, subvariant) = (request.name().to_owned(), request.subvariant.clone());
        let what = request.part(&failed.arch);
        Event::ArchFailed { request: task.request, phase, variant, what, name, subvariant, failed }
    }

    /// The children of a task that failed or were canceled, each with the hub's words for it.
    pub(super) async fn children_that_failed(&self, task: Task) -> Result<Vec<(TaskInfo, String)>, KojiError> {
        let hub = &self.runner.hub;
        let request = &self.requests[task.request];
        let answer = hub.multi_call(&[get_task_children::request(task.id)]).await?.into_iter().next();
        let mut children = builders(request, answer).unwrap_or_default();
        children.retain(|child| matches!(child.state, TaskState::Failed | TaskState::Canceled));
        let failed = children.iter().filter(|child| child.state == TaskState::Failed);
        let calls: Vec<MethodCall> = failed.map(|child| get_task_result::request(child.id)).collect();
        let mut answers = hub.multi_call(&calls).await?.into_iter();
        let reason = |child: TaskInfo| {
            if child.state == TaskState::Canceled {
                return (child, "it was canceled".to_owned());
            }
            let reason = match decoded(answers.next(), get_task_result::decode) {
                Ok(TaskResult::Fault(fault)) => fault.summary().into_owned(),
                Ok(TaskResult::Value(_)) => "the hub recorded no error".to_owned(),
                Err(error) => format!("cannot read its error: {error}"),
            };
            (child, reason)
        };
        Ok(children.into_iter().map(reason).collect())
    }
}

/// The children that build an arch, by their numbers.
fn builders(request: &TaskRequest, answer: Option<Result<Value, KojiError>>) -> Result<Vec<TaskInfo>, AnswerError> {
    let Results::Children(methods) = request.method.results else { return Ok(Vec::new()) };
    let mut children = decoded(answer, get_task_children::decode)?;
    children.retain(|child| methods.contains(&child.method.as_str()));
    children.sort_by_key(|child| child.id);
    Ok(children)
}
