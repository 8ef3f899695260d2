//! *Making, finding and ending tasks* (KOJI.md 5, 6).

use super::task_info::{TaskInfo, TaskState, decode_task};
use crate::value::{ShapeError, covers, fault_from, int, kwargs, split_kwargs, string, structure};
use crate::xmlrpc::{Fault, MethodCall, Value};
use std::collections::BTreeMap;

/// `osbuildImage`: makes a task that builds images.
pub mod osbuild_image {
    use super::{BTreeMap, MethodCall, ShapeError, Value, covers, kwargs, split_kwargs};

    /// The name of the method, and of its tasks.
    pub const METHOD: &str = "osbuildImage";

    /// The call for `args` (name, version, distro, image types, target, arches) with `opts`, which always travel, as a named
    /// argument (PUNGI.md 14.0). The hub refuses members of `opts` that are nil (KOJI.md 5).
    pub fn request(args: &[Value], opts: &BTreeMap<String, Value>) -> MethodCall {
        MethodCall::new(METHOD, kwargs(args.to_vec(), [("opts", Value::Struct(opts.clone()))]))
    }

    /// Reads the number of the new task.
    pub fn decode(value: &Value) -> Result<i64, ShapeError> {
        value.as_i64().ok_or_else(|| ShapeError::wrong_type(METHOD, "an int", value))
    }

    /// Whether a task whose stored arguments are `stored` was made by a call with `args` and `opts`: whether all of them are
    /// there, unchanged. What the hub has filled in beside them does not matter.
    ///
    /// The hub stores named arguments by their place, and a list of one image type as that type (KOJI.md 5).
    pub fn is_same_request(stored: &[Value], args: &[Value], opts: &BTreeMap<String, Value>) -> bool {
        const IMAGE_TYPE: usize = 3;
        let stored = split_kwargs(stored.to_vec());
        let stored_opts = match stored.get(args.len(), "opts") {
            Some(Value::Struct(members)) => members.clone(),
            None | Some(Value::Nil) => BTreeMap::new(),
            Some(_) => return false,
        };
        let alone = |value: &Value| match value {
            Value::Array(items) => match items.as_slice() {
                [one] => one.clone(),
                _ => value.clone(),
            },
            _ => value.clone(),
        };
        let same_args = args.iter().enumerate().all(|(place, arg)| match stored.positional.get(place) {
            Some(other) if place == IMAGE_TYPE => covers(&alone(other), &alone(arg)),
            Some(other) => covers(other, arg),
            None => false,
        });
        same_args && covers(&Value::Struct(stored_opts), &Value::Struct(opts.clone()))
    }
}

/// How a finished task ended.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskResult {
    /// What it returned.
    Value(Value),
    /// What it failed with.
    Fault(Fault),
}

/// `getTaskResult`, without letting the task's fault become the call's.
pub mod get_task_result {
    use super::{MethodCall, ShapeError, TaskResult, Value, fault_from, int, kwargs};

    /// Asks for the result of task `id`. Read its state first: for a task that is not done, canceled or missing this is a
    /// fault of the call (1000).
    pub fn request(id: i64) -> MethodCall {
        MethodCall::new("getTaskResult", kwargs([int(id)], [("raise_fault", Value::Bool(false))]))
    }

    /// Reads the result.
    pub fn decode(value: &Value) -> Result<TaskResult, ShapeError> {
        Ok(fault_from(value).map_or_else(|| TaskResult::Value(value.clone()), TaskResult::Fault))
    }

    /// The build that the result of an `osbuildImage` task names.
    pub fn build_id(result: &Value) -> Option<i64> {
        result.get("koji")?.get("build")?.as_i64()
    }
}

/// `cancelTask`: ends a task and its children. Does nothing to one that is done (KOJI.md 11).
pub mod cancel_task {
    use super::{MethodCall, int};

    /// The call for task `id`. Its result is nil.
    pub fn request(id: i64) -> MethodCall {
        MethodCall::new("cancelTask", vec![int(id)])
    }
}

/// Which tasks to list.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TaskFilter {
    /// Of this user, by number.
    pub owner: Option<i64>,
    /// Of this method.
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

    /// Reads the tasks.
    pub fn decode(value: &Value) -> Result<Vec<TaskInfo>, ShapeError> {
        let items = value.as_array().ok_or_else(|| ShapeError::wrong_type("listTasks", "an array", value))?;
        items.iter().enumerate().filter_map(|(index, item)| decode_task(item, "listTasks", index).transpose()).collect()
    }
}
