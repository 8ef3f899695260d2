//! A *task* is one job of a hub: who asked for what, how far it is, and what came of it (KOJI.md 6).

use serde::{Deserialize, Serialize};

use crate::clock::{Micros, time_value, ts_value};
use crate::wire::{Fault, Value, int, int_or_nil, string, string_or_nil, structure};

/// The channel `image`.
pub(crate) const IMAGE_CHANNEL: i64 = 7;
/// The one builder.
pub(crate) const HOST: i64 = 1;

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TaskState {
    /// Waits for a builder.
    Free = 0,
    /// Is being worked on.
    Open = 1,
    /// Succeeded.
    Closed = 2,
    /// Was called off.
    Canceled = 3,
    /// Failed.
    Failed = 5,
}

impl TaskState {
    /// Whether nothing more will happen.
    pub(crate) fn is_final(self) -> bool {
        matches!(self, Self::Closed | Self::Canceled | Self::Failed)
    }

    /// Koji's name of it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Free => "FREE",
            Self::Open => "OPEN",
            Self::Closed => "CLOSED",
            Self::Canceled => "CANCELED",
            Self::Failed => "FAILED",
        }
    }
}

/// What will come of a task, decided when it is submitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Outcome {
    /// Its target does not exist.
    NoTarget,
    /// The image cannot be built, for this reason.
    Failure(String),
    /// A build with these files.
    Success(Vec<PlannedFile>),
}

/// A file that a task will make.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PlannedFile {
    /// For which arch.
    pub(crate) arch: String,
    /// Its archive type.
    pub(crate) type_name: String,
    /// Its name.
    pub(crate) filename: String,
    /// The archive's `extra`, if the script gives one.
    pub(crate) extra: Option<serde_json::Value>,
}

/// When and how a task will go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// When a builder takes it.
    pub(crate) open: Micros,
    /// When composer is done.
    pub(crate) finish: Micros,
    /// When it ends.
    pub(crate) close: Micros,
    /// What comes of it.
    pub(crate) outcome: Outcome,
}

/// What a finished task left.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TaskResult {
    /// A value.
    Value(Value),
    /// A fault.
    Fault(Fault),
}

/// One task.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    /// Its id.
    pub(crate) id: i64,
    /// What it does.
    pub(crate) method: &'static str,
    /// How far it is.
    pub(crate) state: TaskState,
    /// Whose it is.
    pub(crate) owner: i64,
    /// The task it belongs to.
    pub(crate) parent: Option<i64>,
    /// What it is to its parent.
    pub(crate) label: Option<&'static str>,
    /// The arguments, by position.
    pub(crate) request: Vec<Value>,
    /// When it was submitted.
    pub(crate) created: Micros,
    /// When a builder took it.
    pub(crate) started: Option<Micros>,
    /// When it ended.
    pub(crate) completed: Option<Micros>,
    /// Whether it waits for tasks under it.
    pub(crate) waiting: Option<bool>,
    /// Whether its parent waits for it.
    pub(crate) awaited: Option<bool>,
    /// 20, or 19 for tasks under others.
    pub(crate) priority: i64,
    /// What it left.
    pub(crate) result: Option<TaskResult>,
    /// The tasks under it.
    pub(crate) children: Vec<i64>,
    /// What will come of it; tasks under others have none.
    pub(crate) plan: Option<Plan>,
}

impl Task {
    /// The struct of `getTaskInfo`: always these 19 members, and the request if it is asked for.
    pub(crate) fn to_value(&self, request: bool) -> Value {
        let mut members = vec![
            ("arch", string("noarch")),
            ("awaited", self.awaited.map_or(Value::Nil, Value::Bool)),
            ("channel_id", int(IMAGE_CHANNEL)),
            ("completion_time", time_value(self.completed)),
            ("completion_ts", ts_value(self.completed)),
            ("create_time", time_value(Some(self.created))),
            ("create_ts", ts_value(Some(self.created))),
            ("host_id", int_or_nil(self.started.map(|_| HOST))),
            ("id", int(self.id)),
            ("label", string_or_nil(self.label)),
            ("method", string(self.method)),
            ("owner", int(self.owner)),
            ("parent", int_or_nil(self.parent)),
            ("priority", int(self.priority)),
            ("start_time", time_value(self.started)),
            ("start_ts", ts_value(self.started)),
            ("state", int(self.state as i64)),
            ("waiting", self.waiting.map_or(Value::Nil, Value::Bool)),
            ("weight", Value::Double(if self.started.is_some() { 0.2 } else { 1.0 })),
        ];
        if request {
            members.push(("request", Value::Array(self.request.clone())));
        }
        structure(members)
    }

    /// An argument that is a string.
    pub(crate) fn text(&self, place: usize) -> &str {
        self.request.get(place).and_then(Value::as_str).unwrap_or_default()
    }

    /// The arches asked for.
    pub(crate) fn arches(&self) -> Vec<&str> {
        self.request.get(5).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// An option of the call.
    pub(crate) fn option(&self, name: &str) -> Option<&Value> {
        self.request.get(6).and_then(|opts| opts.get(name))
    }

    /// The release of the build.
    pub(crate) fn release(&self) -> &str {
        self.option("release").and_then(Value::as_str).unwrap_or("1")
    }
}
