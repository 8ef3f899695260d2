//! A *task* is one job of a hub: who asked for what, how far it is, and what came of it (facts: koji 4).

use std::borrow::Cow;

use crate::builders::{Builder, Job, StatedRelease, Submitted};
use crate::clock::{Micros, time_value, ts_value};
use crate::plan::Plan;
use crate::wire::{Fault, Name, Value, int, int_or_nil, string, string_or_nil, structure};

/// The priority of most tasks (facts: osbuild 9).
pub(crate) const PRIORITY: i64 = 20;
/// The one builder.
pub(crate) const HOST: i64 = 1;
pub(crate) const HOST_NAME: &str = "builder1";

/// The method of tasks that wait for a repository.
pub(crate) const WAIT_FOR_REPO: &str = "waitrepo";
/// The method of tasks that tag a build.
pub(crate) const TAG: &str = "tagBuild";

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
    /// Nothing, but it has done what it was for.
    Nothing,
    /// The repository that it waited for.
    Repo(Box<Value>),
    /// That of a task that was submitted: its builder says what it is ([`HubState::left_by`](crate::state::HubState::left_by)). Of
    /// thousands it would take more room than anything.
    OfBuilder,
    /// That of a task for an arch. All else in it follows from the task above.
    OfArch(Made),
    Fault(Fault),
}

/// What only the task for an arch knows of what it has made.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Made {
    /// The names of its files, with a slash, which no name has, after each.
    files: Box<str>,
    /// The release that it states.
    pub(crate) release: StatedRelease,
}

impl Made {
    pub(crate) fn new<'n>(files: impl IntoIterator<Item = &'n str>, release: StatedRelease) -> Self {
        let files: String = files.into_iter().flat_map(|name| [name, "/"]).collect();
        Self { files: files.into(), release }
    }

    /// The names of its files.
    pub(crate) fn files(&self) -> impl Iterator<Item = &str> {
        self.files.split_terminator('/')
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) id: i64,
    pub(crate) method: Cow<'static, str>,
    /// Whose method it was submitted by; tasks under others have none.
    pub(crate) builder: Option<&'static dyn Builder>,
    /// For which machines it is.
    pub(crate) arch: Name,
    /// The id of the channel in which it waits.
    pub(crate) channel: i64,
    /// How much of a machine it takes while it is open.
    pub(crate) weight: f64,
    pub(crate) state: TaskState,
    pub(crate) owner: i64,
    /// The task it belongs to.
    pub(crate) parent: Option<i64>,
    /// What it is to its parent.
    pub(crate) label: Option<Name>,
    /// The arguments, by position; none where they follow from the task above
    /// ([`HubState::request_of`](crate::state::HubState::request_of)).
    pub(crate) request: Vec<Value>,
    pub(crate) created: Micros,
    /// Whether the builder has it.
    pub(crate) has_host: bool,
    /// When that began.
    pub(crate) started: Option<Micros>,
    pub(crate) completed: Option<Micros>,
    /// When its builder began to write its output.
    pub(crate) begun: Option<Micros>,
    /// When composer was done with it.
    pub(crate) composed: Option<Micros>,
    /// Whether it waits for tasks under it.
    pub(crate) waiting: Option<bool>,
    /// Whether its parent waits for it.
    pub(crate) awaited: Option<bool>,
    /// How much later than others it is looked at; a task under another is looked at a little earlier.
    pub(crate) priority: i64,
    /// What it left.
    pub(crate) result: Option<TaskResult>,
    /// The tasks under it.
    pub(crate) children: Vec<i64>,
    /// What will come of it, or why it has failed; tasks under others have none.
    pub(crate) plan: Option<Box<Plan>>,
}

/// A task under another, as that asks for it.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) id: i64,
    pub(crate) method: Cow<'static, str>,
    /// What it is to its parent.
    pub(crate) label: Name,
    /// For which machines it is.
    pub(crate) arch: Name,
    /// How much of a machine it takes while it is open.
    pub(crate) weight: f64,
    pub(crate) request: Vec<Value>,
}

impl Child {
    /// One for any machine.
    pub(crate) fn new(id: i64, method: &'static str, label: &'static str, request: Vec<Value>) -> Self {
        Self { id, method: method.into(), label: label.into(), arch: "noarch".into(), weight: 1.0, request }
    }
}

impl Task {
    /// A task that waits for a builder.
    pub(crate) fn submitted(builder: &'static dyn Builder, id: i64, created: Micros, submitted: Submitted) -> Self {
        let Submitted { owner, priority, request } = submitted;
        Self {
            id,
            method: Cow::Borrowed(builder.task_method()),
            builder: Some(builder),
            arch: "noarch".into(),
            channel: builder.channel().id,
            weight: builder.weight(),
            state: TaskState::Free,
            owner,
            parent: None,
            label: None,
            request,
            created,
            has_host: false,
            started: None,
            completed: None,
            begun: None,
            composed: None,
            waiting: None,
            awaited: None,
            priority,
            result: None,
            children: Vec::new(),
            plan: None,
        }
    }

    /// A task under this one that waits for a builder, as this one waits for it.
    pub(crate) fn free_child(&self, child: Child, time: Micros) -> Self {
        Self { state: TaskState::Free, has_host: false, started: None, ..self.child(child, time) }
    }

    /// An open task under this one, which waits for it.
    pub(crate) fn child(&self, child: Child, time: Micros) -> Self {
        Self {
            id: child.id,
            method: child.method,
            builder: None,
            arch: child.arch,
            channel: self.channel,
            weight: child.weight,
            state: TaskState::Open,
            owner: self.owner,
            parent: Some(self.id),
            label: Some(child.label),
            request: child.request,
            created: time,
            has_host: true,
            started: Some(time),
            completed: None,
            begun: None,
            composed: None,
            waiting: None,
            awaited: Some(true),
            priority: self.priority - 1,
            result: None,
            children: Vec::new(),
            plan: None,
        }
    }

    /// The builder that has it.
    pub(crate) fn host(&self) -> Option<i64> {
        self.has_host.then_some(HOST)
    }

    /// The struct of `getTaskInfo` without the request: always these 19 members.
    pub(crate) fn to_value(&self) -> Value {
        structure([
            ("arch", string(self.arch.as_ref())),
            ("awaited", self.awaited.map_or(Value::Nil, Value::Bool)),
            ("channel_id", int(self.channel)),
            ("completion_time", time_value(self.completed)),
            ("completion_ts", ts_value(self.completed)),
            ("create_time", time_value(Some(self.created))),
            ("create_ts", ts_value(Some(self.created))),
            ("host_id", int_or_nil(self.host())),
            ("id", int(self.id)),
            ("label", string_or_nil(self.label.as_deref())),
            ("method", string(self.method.as_ref())),
            ("owner", int(self.owner)),
            ("parent", int_or_nil(self.parent)),
            ("priority", int(self.priority)),
            ("start_time", time_value(self.started)),
            ("start_ts", ts_value(self.started)),
            ("state", int(self.state as i64)),
            ("waiting", self.waiting.map_or(Value::Nil, Value::Bool)),
            ("weight", Value::Double(if self.started.is_some() { self.weight } else { 1.0 })),
        ])
    }

    /// Whether it is for an arch of the task above, and not for something around that.
    pub(crate) fn is_for_arch(&self) -> bool {
        self.parent.is_some() && !matches!(self.method.as_ref(), WAIT_FOR_REPO | TAG)
    }

    pub(crate) fn job(&self) -> Option<Job> {
        self.builder.map(|builder| builder.job(&self.request))
    }
}
