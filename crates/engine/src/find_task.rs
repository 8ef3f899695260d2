//! *Looking up* tasks: whether a task of the hub is the one of a request, and which tasks of the hub may be one whose number
//! got lost (facts: sessions 10).

use crate::method::Method;
use crate::plan::{Opts, TaskRequest};
use jiff::{SignedDuration, Timestamp};
use magudi_koji::calls::{TaskFilter, TaskInfo, make_task};
use magudi_koji::value::{JsonError, covers, from_json};
use magudi_koji::{Hub, KojiError, Members, MethodCall, Value};
use std::collections::BTreeSet;
use thiserror::Error;

/// How far the clock that stamps a hub's tasks, its database's, may be behind the one that stamps its answers.
const HUB_SKEW: SignedDuration = SignedDuration::from_mins(1);

/// How far a hub's clock may be behind ours, where it has not said its time.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(10);

/// The most tasks that are looked through for one whose id was lost.
const MAX_LISTED: usize = 100_000;

/// Why a task is not the one of a request: what it is instead, as far as that is known.
#[derive(Debug, Error)]
pub enum Stranger {
    #[error("the hub does not know it")]
    Unknown,
    #[error("the hub's answer about it cannot be used: {0}")]
    Unread(#[source] KojiError),
    #[error("it is a task of method {}, not {asked}", .found.escape_debug())]
    Method { found: String, asked: String },
    #[error("it belongs to user {0}")]
    Owner(i64),
    /// With the beginning of a text among its arguments, if it is known what they should be.
    #[error("it was asked for with other arguments{}", .0.as_ref().map_or_else(String::new, |text| format!(" ({text})")))]
    Arguments(Option<String>),
    /// What the request would be sent as is unknown.
    #[error(transparent)]
    Unsendable(#[from] JsonError),
    #[error("the journal is damaged and does not say which image it is for")]
    NoImage,
}

/// A request as it goes over the wire.
#[derive(Debug, Clone)]
pub struct Sent {
    pub method: &'static Method,
    pub args: Vec<Value>,
    pub named: Members,
}

impl Sent {
    /// What is sent for a request. The error says what XML-RPC has no form for.
    pub fn of(request: &TaskRequest) -> Result<Self, JsonError> {
        let args = request.args.iter().map(from_json).collect::<Result<_, _>>()?;
        let members = |opts: &Opts| -> Result<Members, JsonError> {
            opts.iter().map(|(name, json)| Ok((name.as_ref(), from_json(json)?))).collect()
        };
        let mut named = members(&request.keywords.others)?;
        if let Some(opts) = &request.keywords.opts {
            named.insert("opts", Value::Struct(members(opts)?));
        }
        Ok(Self { method: request.method, args, named })
    }

    /// The same without an option that an older hub has refused; none when it was not sent.
    pub fn without(&self, option: &str) -> Option<Self> {
        let mut less = self.clone();
        match less.named.get_mut("opts") {
            Some(Value::Struct(members)) => members.remove(option)?,
            _ => less.named.remove(option)?,
        };
        Some(less)
    }

    /// The call that makes a task of it.
    pub fn call(&self) -> MethodCall {
        make_task::request(self.method.name, &self.args, &self.named)
    }

    /// Whether `task`, whose arguments were asked for, was made by a call with just this: every argument that was sent is there
    /// unchanged.
    pub fn made(&self, task: &TaskInfo) -> bool {
        let stored = task.request.as_ref();
        stored.is_some_and(|stored| self.method.is_same_request(stored, &self.args, &self.named))
    }

    /// Whether `other` sends all of this, and perhaps more.
    pub fn is_part_of(&self, other: &Self) -> bool {
        let named = |sent: &Self| Value::Struct(sent.named.clone());
        self.method == other.method
            && covers(&Value::Array(other.args.clone()), &Value::Array(self.args.clone()))
            && covers(&named(other), &named(self))
    }
}

/// The tasks of `method` that `owner` (anybody, without one) has made since then by the hub's clock, with their arguments,
/// newest first.
pub async fn tasks_since(
    hub: &Hub,
    method: &str,
    owner: Option<i64>,
    since: Timestamp,
) -> Result<Vec<TaskInfo>, KojiError> {
    let since = since.as_millisecond() as f64 / 1000.0;
    let method = Some(method.to_owned());
    let filter = TaskFilter { owner, method, created_after: Some(since), ..TaskFilter::default() };
    let mut tasks = hub.list_all_tasks(&filter, MAX_LISTED).await?;
    tasks.retain(|task| task.create_ts.is_none_or(|created| created >= since));
    Ok(tasks)
}

/// The same for several owners; anybody's, without one.
pub async fn tasks_of(
    hub: &Hub,
    method: &str,
    owners: &BTreeSet<i64>,
    since: Timestamp,
) -> Result<Vec<TaskInfo>, KojiError> {
    let one = owners.first().copied().filter(|_| owners.len() == 1);
    let mut tasks = tasks_since(hub, method, one, since).await?;
    tasks.retain(|task| is_of(task, owners).is_ok());
    Ok(tasks)
}

/// The time from which on a task that is made now has to be looked for: the hub's own, a little early. A hub that does not tell
/// its time is taken to have ours, earlier by more.
pub fn since_now(hub: &Hub) -> Timestamp {
    let told = hub.time().and_then(|time| Timestamp::from_millisecond((time * 1000.0) as i64).ok());
    match told {
        Some(time) => earlier(time, HUB_SKEW),
        None => since(Timestamp::now()),
    }
}

/// A time that is earlier by `margin`. A journal and a hub may tell any time.
pub(crate) fn earlier(time: Timestamp, margin: SignedDuration) -> Timestamp {
    time.checked_sub(margin).unwrap_or(Timestamp::MIN)
}

/// Whether a task belongs to one of `owners`; unknown where they are empty.
pub fn is_of(task: &TaskInfo, owners: &BTreeSet<i64>) -> Result<(), Stranger> {
    match task.owner {
        Some(owner) if !owners.is_empty() && !owners.contains(&owner) => Err(Stranger::Owner(owner)),
        _ => Ok(()),
    }
}

/// The same for a time by our clock, which is all that journals of before have.
pub fn since(time: Timestamp) -> Timestamp {
    earlier(time, CLOCK_SKEW)
}

/// Whether a task, whose arguments were asked for, is the one of `request`, whoever owns it.
pub fn is_ours(task: &TaskInfo, request: &TaskRequest) -> Result<(), Stranger> {
    let method = request.method.task;
    if task.method != method {
        return Err(Stranger::Method { found: task.method.clone(), asked: method.to_owned() });
    }
    if !Sent::of(request)?.made(task) {
        let arguments = task.request.as_deref().unwrap_or_default();
        let name = arguments.iter().find_map(Value::as_str).unwrap_or("something else");
        return Err(Stranger::Arguments(Some(shortened(name))));
    }
    Ok(())
}

/// Whether a task that has all of `request`, which was `sent`, has also all of another one of `requests` that says more: what looks
/// like a default that the hub has filled in was sent for that.
pub fn is_rather_of_another(task: &TaskInfo, request: &TaskRequest, sent: &Sent, requests: &[TaskRequest]) -> bool {
    let similar = requests.iter().filter(|other| other.args == request.args && other.keywords != request.keywords);
    similar.filter_map(|other| Sent::of(other).ok()).any(|other| other.made(task) && sent.is_part_of(&other))
}

/// The task of a request whose id got lost, among those that are listed: one that was made `since` then, that no request has yet
/// (`is_known`), and that is made of what was `sent` for it.
pub fn lost_task<'t>(
    tasks: &'t [TaskInfo],
    since: Timestamp,
    is_known: impl Fn(i64) -> bool,
    sent: &Sent,
    is_rather_of_another: impl Fn(&TaskInfo) -> bool,
) -> Option<&'t TaskInfo> {
    let since = since.as_millisecond() as f64 / 1000.0;
    tasks.iter().find(|task| {
        let is_new = task.create_ts.is_none_or(|created| created >= since);
        is_new && !is_known(task.id) && sent.made(task) && !is_rather_of_another(task)
    })
}

/// The beginning of a text of somebody else's, for a message.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 80;
    let text: String = text.chars().take(LONGEST).collect();
    text.escape_debug().to_string()
}
