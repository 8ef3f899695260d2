//! *Methods* of hubs and sessions for the typed calls.

use super::{
    Archive, Build, BuildTarget, MAX_OUTPUT_CHUNK, Tag, TaskFilter, TaskInfo, TaskResult, User, cancel_task,
    download_task_output, get_api_version, get_build, get_build_target, get_koji_version, get_logged_in_user, get_tag,
    get_task_info, get_task_result, list_archives, list_task_output, list_tasks, make_task,
};
use crate::client::{Hub, Session};
use crate::error::{Attempted, KojiError};
use crate::xmlrpc::{MethodCall, Value};
use std::collections::BTreeSet;

/// How many tasks `getTaskInfo` is asked for at once.
const TASKS_PER_CALL: usize = 1000;

/// How many tasks come in one page of `listTasks`.
const PAGE: u32 = 500;

/// How many tasks two pages have in common, for those that leave the filter in between and move the rest up.
const OVERLAP: u32 = 50;

/// What the hub says of one task of several: nothing if it does not know it, an error if that cannot be read.
pub type TaskAnswer = Result<Option<TaskInfo>, KojiError>;

/// Reads that need no session.
impl Hub {
    /// The tasks `ids`, in their order, each for itself; nothing for a task that the hub does not know.
    pub async fn get_task_info(&self, ids: &[i64]) -> Result<Vec<TaskAnswer>, KojiError> {
        self.task_info(ids, false).await
    }

    /// The tasks `ids` with their arguments.
    pub async fn get_task_info_with_request(&self, ids: &[i64]) -> Result<Vec<TaskAnswer>, KojiError> {
        self.task_info(ids, true).await
    }

    /// Asks for many tasks at once. One that cannot be read does not keep the others from being: it is asked for by itself,
    /// and an answer that cannot be read at all in halves.
    async fn task_info(&self, ids: &[i64], with_request: bool) -> Result<Vec<TaskAnswer>, KojiError> {
        let mut told: Vec<TaskAnswer> = ids.iter().map(|_| Ok(None)).collect();
        let mut parts: Vec<(usize, usize)> =
            (0..ids.len()).step_by(TASKS_PER_CALL).map(|at| (at, (at + TASKS_PER_CALL).min(ids.len()))).collect();
        while let Some((from, to)) = parts.pop() {
            let some = ids.get(from..to).unwrap_or_default();
            let answer = match self.send(&get_task_info::request(some, with_request)).await {
                Ok(answer) => get_task_info::decode(&answer, some).map_err(KojiError::from),
                Err(error) => Err(error),
            };
            match answer {
                Ok(tasks) => {
                    for ((at, place), task) in (from..).zip(told.iter_mut().skip(from)).zip(tasks) {
                        match task {
                            Err(_) if some.len() > 1 => parts.push((at, at + 1)),
                            task => *place = task.map_err(KojiError::from),
                        }
                    }
                }
                Err(error) if !error.is_about_the_answer() => return Err(error),
                Err(error) => match (some.len(), told.get_mut(from)) {
                    (1, Some(place)) => *place = Err(error),
                    _ => {
                        let middle = usize::midpoint(from, to);
                        parts.extend([(from, middle), (middle, to)]);
                    }
                },
            }
        }
        Ok(told)
    }

    /// The result of task `id`. Read its state first: one that is not done is a fault of the call.
    pub async fn get_task_result(&self, id: i64) -> Result<TaskResult, KojiError> {
        Ok(get_task_result::decode(&self.send(&get_task_result::request(id)).await?)?)
    }

    /// All the tasks that `filter` lets through and that can be read, newest first, up to `max`, each once.
    pub async fn list_all_tasks(&self, filter: &TaskFilter, max: usize) -> Result<Vec<TaskInfo>, KojiError> {
        let mut seen = BTreeSet::new();
        let mut tasks = Vec::new();
        let mut offset = 0_u32;
        while tasks.len() < max {
            let answer = self.send(&list_tasks::request(filter, offset, PAGE)).await?;
            let (page, length) = list_tasks::decode(&answer)?;
            let last = length < PAGE as usize;
            // Tasks may also come twice because new ones push them to the next page.
            tasks.extend(page.into_iter().filter(|task| seen.insert(task.id)));
            match offset.checked_add(PAGE - OVERLAP) {
                Some(next) if !last => offset = next,
                _ => break,
            }
        }
        tasks.truncate(max);
        Ok(tasks)
    }

    /// Build `id`; nothing if the hub does not know it.
    pub async fn get_build(&self, id: i64) -> Result<Option<Build>, KojiError> {
        Ok(get_build::decode(&self.send(&get_build::request(id)).await?)?)
    }

    /// The files of build `build_id`, in no order.
    pub async fn list_archives(&self, build_id: i64) -> Result<Vec<Archive>, KojiError> {
        Ok(list_archives::decode(&self.send(&list_archives::request(build_id)).await?)?)
    }

    /// The output files of task `id`.
    pub async fn list_task_output(&self, id: i64) -> Result<Vec<String>, KojiError> {
        Ok(list_task_output::decode(&self.send(&list_task_output::request(id)).await?)?)
    }

    /// The whole output file `name` of task `id`, if it is not larger than `limit` bytes.
    pub async fn download_task_output(&self, id: i64, name: &str, limit: u64) -> Result<Vec<u8>, KojiError> {
        let mut file = Vec::new();
        loop {
            let request = download_task_output::request(id, name, file.len() as u64, MAX_OUTPUT_CHUNK);
            let part = download_task_output::decode(&self.send(&request).await?)?;
            let is_last = part.len() < MAX_OUTPUT_CHUNK as usize;
            file.extend_from_slice(&part);
            if file.len() as u64 > limit {
                let call = Attempted { what: request.method, server: self.server(), attempts: 1, sent: true };
                return Err(KojiError::TooLarge { call, limit });
            }
            if is_last {
                return Ok(file);
            }
        }
    }

    /// The build target `name`; nothing if the hub does not know it.
    pub async fn get_build_target(&self, name: &str) -> Result<Option<BuildTarget>, KojiError> {
        Ok(get_build_target::decode(&self.send(&get_build_target::request(name)).await?)?)
    }

    /// The tag of this name or number; nothing if the hub does not know it.
    pub async fn get_tag(&self, tag: impl Into<Value>) -> Result<Option<Tag>, KojiError> {
        Ok(get_tag::decode(&self.send(&get_tag::request(tag)).await?)?)
    }

    /// The version of the hub's calls.
    pub async fn get_api_version(&self) -> Result<i64, KojiError> {
        Ok(get_api_version::decode(&self.send(&get_api_version::request()).await?)?)
    }

    pub async fn get_koji_version(&self) -> Result<String, KojiError> {
        Ok(get_koji_version::decode(&self.send(&get_koji_version::request()).await?)?)
    }
}

/// Calls that write, or that ask about the session.
impl Session {
    /// Has the hub make a task by `call` (see [`make_task::request`]), and returns its number.
    ///
    /// A call whose answer got lost may have been executed, see [`KojiError::may_have_executed`]: look for the task, with
    /// [`Hub::list_all_tasks`], before it is called again.
    pub async fn make_task(&self, call: &MethodCall) -> Result<i64, KojiError> {
        Ok(make_task::decode(&call.method, &self.send(call).await?)?)
    }

    /// Ends task `id` and its children; nothing happens to one that is done.
    pub async fn cancel_task(&self, id: i64) -> Result<(), KojiError> {
        let MethodCall { method, params } = cancel_task::request(id);
        self.call_again(&method, &params).await.map(drop)
    }

    /// The same for many tasks: for each, in their order, the fault with which the hub refused.
    pub async fn cancel_tasks(&self, ids: &[i64]) -> Result<Vec<Result<(), KojiError>>, KojiError> {
        let calls: Vec<MethodCall> = ids.iter().map(|id| cancel_task::request(*id)).collect();
        let results = self.multi_call_again(&calls).await?;
        Ok(results.into_iter().map(|result| result.map(drop)).collect())
    }

    /// Who the session belongs to.
    pub async fn get_logged_in_user(&self) -> Result<Option<User>, KojiError> {
        let MethodCall { method, params } = get_logged_in_user::request();
        Ok(get_logged_in_user::decode(&self.call_again(&method, &params).await?)?)
    }
}
