//! *Tasks* and their states (facts: koji 4).

use crate::value::{ShapeError, fields_at};
use crate::xmlrpc::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskState {
    /// Waits for a builder. A task can come back to this.
    Free,
    /// Is being worked on.
    Open,
    /// Has succeeded.
    Closed,
    Canceled,
    /// Has a builder that has not begun.
    Assigned,
    Failed,
}

impl TaskState {
    /// Every state, by number.
    pub const ALL: [Self; 6] = [Self::Free, Self::Open, Self::Closed, Self::Canceled, Self::Assigned, Self::Failed];

    /// The states of tasks that are not done.
    pub const UNFINISHED: [Self; 3] = [Self::Free, Self::Open, Self::Assigned];

    /// The state that travels as `number`.
    pub fn from_number(number: i64) -> Option<Self> {
        usize::try_from(number).ok().and_then(|index| Self::ALL.get(index)).copied()
    }

    /// The number that travels.
    pub fn number(self) -> i32 {
        match self {
            Self::Free => 0,
            Self::Open => 1,
            Self::Closed => 2,
            Self::Canceled => 3,
            Self::Assigned => 4,
            Self::Failed => 5,
        }
    }

    /// The name as `koji watch-task` writes it, but for `FAILED`, which it shouts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Canceled => "canceled",
            Self::Assigned => "assigned",
            Self::Failed => "failed",
        }
    }

    /// Whether it stays.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Closed | Self::Canceled | Self::Failed)
    }
}

impl std::fmt::Display for TaskState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct TaskInfo {
    pub id: i64,
    pub state: TaskState,
    /// What it does (`newRepo`).
    pub method: String,
    /// The user that it belongs to, by number.
    pub owner: Option<i64>,
    /// The arch it runs on (`noarch`).
    pub arch: Option<String>,
    /// A name among the children of one parent (`tag`).
    pub label: Option<String>,
    /// The task it is a part of.
    pub parent: Option<i64>,
    /// The builder that has it, by number.
    pub host_id: Option<i64>,
    /// Whether it waits for its children; unknown before it was ever asked.
    pub waiting: Option<bool>,
    /// When it was made, in seconds since 1970.
    pub create_ts: Option<f64>,
    /// When it was opened last.
    pub start_ts: Option<f64>,
    pub completion_ts: Option<f64>,
    /// The arguments it was made with, if they were asked for.
    pub request: Option<Vec<Value>>,
}

/// Reads element `index` of the array `path`, or nothing from nil.
pub(super) fn decode_task(value: &Value, path: &str, index: usize) -> Result<Option<TaskInfo>, ShapeError> {
    if *value == Value::Nil {
        return Ok(None);
    }
    let task = fields_at(value, path, index)?;
    let state = task.get_i64("state")?;
    // Without `decode` in a `listTasks` the request is a string of XML, which was not asked for.
    let request = task.get("request").and_then(Value::as_array).map(<[Value]>::to_vec);
    Ok(Some(TaskInfo {
        id: task.get_i64("id")?,
        state: TaskState::from_number(state)
            .ok_or_else(|| ShapeError::new(task.path_of("state"), format!("{state} is not a task state")))?,
        method: task.get_str("method")?.to_owned(),
        owner: task.get_i64_opt("owner")?,
        arch: task.get_str_opt("arch")?.map(str::to_owned),
        label: task.get_str_opt("label")?.map(str::to_owned),
        parent: task.get_i64_opt("parent")?,
        host_id: task.get_i64_opt("host_id")?,
        waiting: task.get_bool_opt("waiting")?,
        create_ts: task.get_f64_opt("create_ts")?,
        start_ts: task.get_f64_opt("start_ts")?,
        completion_ts: task.get_f64_opt("completion_ts")?,
        request,
    }))
}

/// `getTaskInfo` for many tasks in one call, the cheapest way to watch them (facts: koji 23).
pub mod get_task_info {
    use super::{TaskInfo, decode_task};
    use crate::value::{ShapeError, int, kwargs};
    use crate::xmlrpc::{MethodCall, Value};

    /// Asks for the tasks `ids`, with their arguments if `with_request`.
    pub fn request(ids: &[i64], with_request: bool) -> MethodCall {
        let ids = Value::Array(ids.iter().copied().map(int).collect());
        let named = with_request.then_some(("request", Value::Bool(true)));
        MethodCall::new("getTaskInfo", kwargs([ids], named))
    }

    /// Reads the tasks `ids`, in their order, each for itself; nothing for a task that the hub does not know.
    pub fn decode(value: &Value, ids: &[i64]) -> Result<Vec<Result<Option<TaskInfo>, ShapeError>>, ShapeError> {
        let items = value.as_array().ok_or_else(|| ShapeError::wrong_type("getTaskInfo", "an array", value))?;
        if items.len() != ids.len() {
            return Err(ShapeError::new("getTaskInfo", format!("{} tasks, not {}", items.len(), ids.len())));
        }
        let one = |(index, (item, id)): (usize, (&Value, &i64))| match decode_task(item, "getTaskInfo", index)? {
            Some(task) if task.id != *id => {
                Err(ShapeError::new(format!("getTaskInfo[{index}].id"), format!("task {}, not {id}", task.id)))
            }
            task => Ok(task),
        };
        Ok(items.iter().zip(ids).enumerate().map(one).collect())
    }
}
