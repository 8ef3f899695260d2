//! *Making, finding and ending tasks* (facts: koji 11, osbuild 5).

use super::task_info::{TaskInfo, TaskState, decode_task};
use crate::names::checked;
use crate::value::{ShapeError, fault_from, fields, int, kwargs, string, structure};
use crate::xmlrpc::{Fault, Members, MethodCall, Value};

/// A method that makes a task, such as `newRepo`.
pub mod make_task {
    use super::{Members, MethodCall, ShapeError, Value, kwargs};

    /// The call of `method` for `args` and the named arguments (facts: koji 24). Hubs refuse members of `opts` that are nil
    /// (facts: osbuild 5).
    pub fn request(method: &str, args: &[Value], named: &Members) -> MethodCall {
        let named = named.iter().map(|(name, value)| (name.as_str(), value.clone()));
        MethodCall::new(method, kwargs(args.to_vec(), named))
    }

    /// Reads the number of the new task that a call of `method` made.
    pub fn decode(method: &str, value: &Value) -> Result<i64, ShapeError> {
        value.as_i64().ok_or_else(|| ShapeError::wrong_type(method, "an int", value))
    }
}

/// How a finished task ended.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskResult {
    /// What it returned.
    Value(Value),
    Fault(Fault),
}

/// `getTaskResult`, without letting the task's fault become the call's (facts: koji 6).
pub mod get_task_result {
    use super::{MethodCall, ShapeError, TaskOutput, TaskResult, Value, checked, fault_from, fields, int, kwargs};

    /// Asks for the result of task `id`. Read its state first: for a task that is not done, canceled or missing this is a
    /// fault of the call (1000).
    pub fn request(id: i64) -> MethodCall {
        MethodCall::new("getTaskResult", kwargs([int(id)], [("raise_fault", Value::Bool(false))]))
    }

    pub fn decode(value: &Value) -> Result<TaskResult, ShapeError> {
        Ok(fault_from(value).map_or_else(|| TaskResult::Value(value.clone()), TaskResult::Fault))
    }

    /// The files that the result of a task for one arch names, and the arch.
    pub fn output(result: &Value) -> Result<TaskOutput, ShapeError> {
        let output = fields(result, "getTaskResult")?;
        let files = output.get_array_opt("files")?.unwrap_or_default();
        let name = |(index, file): (usize, &Value)| {
            let path = format!("{}[{index}]", output.path_of("files"));
            let name = file.as_str().ok_or_else(|| ShapeError::wrong_type(&path, "a string", file))?;
            checked(&path, name)
        };
        Ok(TaskOutput {
            arch: output.get_str("arch")?.to_owned(),
            files: files.iter().enumerate().map(name).collect::<Result<_, _>>()?,
        })
    }

    /// The build that the result of a task of a content generator names.
    pub fn build_id(result: &Value) -> Option<i64> {
        result.get("koji")?.get("build")?.as_i64()
    }
}

/// What a task for one arch has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskOutput {
    pub arch: String,
    /// The names of the files, in no order.
    pub files: Vec<String>,
}

/// `getTaskChildren`: the tasks that a task has made.
pub mod get_task_children {
    use super::{MethodCall, ShapeError, TaskInfo, Value, decode_task, int};

    /// Asks for the children of task `id`. A task that the hub does not know has none.
    pub fn request(id: i64) -> MethodCall {
        MethodCall::new("getTaskChildren", vec![int(id)])
    }

    /// Reads the children, which come in no order.
    pub fn decode(value: &Value) -> Result<Vec<TaskInfo>, ShapeError> {
        let items = value.as_array().ok_or_else(|| ShapeError::wrong_type("getTaskChildren", "an array", value))?;
        let tasks = items.iter().enumerate().map(|(index, item)| decode_task(item, "getTaskChildren", index));
        tasks.filter_map(Result::transpose).collect()
    }
}

/// `cancelTask`: ends a task and its children. Does nothing to one that is done (facts: koji 10).
pub mod cancel_task {
    use super::{MethodCall, int};

    /// The call for task `id`. Its result is nil.
    pub fn request(id: i64) -> MethodCall {
        MethodCall::new("cancelTask", vec![int(id)])
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TaskFilter {
    /// Of this user, by number.
    pub owner: Option<i64>,
    pub method: Option<String>,
    /// In one of these states; empty: in any.
    pub states: Vec<TaskState>,
    /// Made at or after this time, in seconds since 1970.
    pub created_after: Option<f64>,
}

/// `listTasks`, in pages, with the arguments of the tasks.
pub mod list_tasks {
    use super::{MethodCall, ShapeError, TaskFilter, TaskInfo, Value, decode_task, int, kwargs, string, structure};

    /// Asks for at most `limit` tasks after the first `offset`, newest first.
    pub fn request(filter: &TaskFilter, offset: u32, limit: u32) -> MethodCall {
        let mut opts = vec![("decode", Value::Bool(true))];
        if let Some(owner) = filter.owner {
            opts.push(("owner", int(owner)));
        }
        if let Some(method) = &filter.method {
            opts.push(("method", string(method.as_str())));
        }
        if !filter.states.is_empty() {
            let states = filter.states.iter().map(|state| Value::Int(state.number())).collect();
            opts.push(("state", Value::Array(states)));
        }
        if let Some(since) = filter.created_after {
            opts.push(("createdAfter", Value::Double(since)));
        }
        let mut page = vec![("limit", int(i64::from(limit))), ("order", string("-id"))];
        if offset > 0 {
            page.push(("offset", int(i64::from(offset))));
        }
        MethodCall::new("listTasks", kwargs([], [("opts", structure(opts)), ("queryOpts", structure(page))]))
    }

    /// Reads the tasks that can be read, and how many there were.
    pub fn decode(value: &Value) -> Result<(Vec<TaskInfo>, usize), ShapeError> {
        let items = value.as_array().ok_or_else(|| ShapeError::wrong_type("listTasks", "an array", value))?;
        let tasks = items.iter().enumerate().filter_map(|(index, item)| decode_task(item, "listTasks", index).ok()?);
        Ok((tasks.collect(), items.len()))
    }
}
