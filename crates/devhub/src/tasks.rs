//! A *task* is one job of a hub: who asked for what, how far it is, and what came of it (KOJI.md 6).

use crate::clock::{Micros, time_value, ts_value};
use crate::facts::Facts;
use crate::plan::Plan;
use crate::wire::{Fault, Value, int, int_or_nil, string, string_or_nil, structure};

/// The channel `image`.
pub(crate) const IMAGE_CHANNEL: i64 = 7;
/// The one builder.
pub(crate) const HOST: i64 = 1;
/// Its name.
pub(crate) const HOST_NAME: &str = "builder1";

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
    /// Was given to a builder, which has not begun.
    Assigned = 4,
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
            Self::Assigned => "ASSIGNED",
            Self::Failed => "FAILED",
        }
    }
}

/// What a finished task left.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TaskResult {
    /// A value.
    Value(Facts),
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
    /// The builder that has it.
    pub(crate) host: Option<i64>,
    /// When that began.
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
    /// A task that waits for a builder.
    pub(crate) fn submitted(id: i64, owner: i64, created: Micros, request: Vec<Value>) -> Self {
        Self {
            id,
            method: "osbuildImage",
            state: TaskState::Free,
            owner,
            parent: None,
            label: None,
            request,
            created,
            host: None,
            started: None,
            completed: None,
            waiting: None,
            awaited: None,
            priority: 20,
            result: None,
            children: Vec::new(),
            plan: None,
        }
    }

    /// An open task under this one, which waits for it.
    pub(crate) fn child(
        &self,
        id: i64,
        method: &'static str,
        label: &'static str,
        time: Micros,
        request: Vec<Value>,
    ) -> Self {
        Self {
            method,
            state: TaskState::Open,
            parent: Some(self.id),
            label: Some(label),
            host: Some(HOST),
            started: Some(time),
            awaited: Some(true),
            priority: 19,
            ..Self::submitted(id, self.owner, time, request)
        }
    }

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
            ("host_id", int_or_nil(self.host)),
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
            ("weight", Value::Double(if self.started.is_some() && self.label != Some("tag") { 0.2 } else { 1.0 })),
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
