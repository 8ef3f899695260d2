//! *Looking up* a submission whose answer nobody got: the hub has a task with just this request, or it has none (KOJI.md 3).

use crate::plan::TaskRequest;
use jiff::{SignedDuration, Timestamp};
use magudi_koji::calls::{TaskFilter, osbuild_image};
use magudi_koji::value::from_json;
use magudi_koji::{Hub, KojiError, Value};
use std::collections::BTreeMap;

/// How far the hub's clock may be behind ours.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(10);

/// The most tasks that are looked through for one whose id was lost.
const MAX_LISTED: usize = 100_000;

/// A request as it goes over the wire.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The positional arguments.
    pub args: Vec<Value>,
    /// The keyword argument `opts`.
    pub opts: BTreeMap<String, Value>,
}

impl Sent {
    /// What is sent for a request. The error says what XML-RPC has no form for.
    pub fn of(request: &TaskRequest) -> Result<Self, String> {
        let value = |json| from_json(json).map_err(|error| error.to_string());
        let args = request.args.iter().map(value).collect::<Result<_, _>>()?;
        let opts = request.opts.iter().map(|(key, json)| Ok((key.to_string(), value(json)?)));
        Ok(Self { args, opts: opts.collect::<Result<_, String>>()? })
    }

    /// The tasks with just this request that `owner` (of anybody, without one) has made since then, newest first.
    pub async fn tasks(&self, hub: &Hub, owner: Option<i64>, since: Timestamp) -> Result<Vec<i64>, KojiError> {
        let since = (since - CLOCK_SKEW).as_millisecond() as f64 / 1000.0;
        let filter = TaskFilter {
            owner,
            method: Some(osbuild_image::METHOD.to_owned()),
            created_after: Some(since),
            ..TaskFilter::default()
        };
        let tasks = hub.list_all_tasks(&filter, MAX_LISTED).await?;
        let same = tasks.into_iter().filter(|task| {
            let recent = task.create_ts.is_none_or(|created| created >= since);
            let stored = task.request.as_ref();
            recent && stored.is_some_and(|stored| osbuild_image::is_same_request(stored, &self.args, &self.opts))
        });
        Ok(same.map(|task| task.id).collect())
    }
}
