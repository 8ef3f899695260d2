//! *Searching* for tasks whose ids got lost: one listing of the hub's tasks for all of them.
//!
//! That the hub lists no such task is doubt and no proof: the hub may be behind, and the call may be on its way. So it is asked
//! again with growing pauses. A request is sent again only where it is certain that the hub has no task of it and will get none:
//!
//! - The hub lists a task that was made by a later call. So it is not behind, and the lost call cannot be executed any more: in
//!   the same session its number is too small by then (1008, facts: sessions 8), and a session is replaced only when the hub has closed it.
//!   Never after a 1009: that says that the call was executed.
//! - The run that was to send it was killed, everything that it had sent must have arrived, and nothing is listed. Of all that
//!   such a run has announced, most was never sent, and what was had nothing to wait for.
//!
//! Otherwise the request ends *in doubt*, and it is for people to say what to do.

use super::{Outcome, Run, Task};
use crate::find_task::{Sent, is_rather_of_another, lost_task, tasks_of};
use crate::history::InDoubt;
use crate::patience::Patience;
use jiff::Timestamp;
use magudi_koji::KojiError;
use magudi_koji::calls::TaskInfo;
use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How long one last look may take after a stop, so that a task that is found can be canceled.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// A submission of which it is not known whether the hub has made a task.
pub(super) struct Doubt {
    request: usize,
    since: Timestamp,
    kind: Kind,
    /// What happened, for people.
    text: String,
    sent: Sent,
    /// When this run began to send it.
    begun: Option<Instant>,
    /// A call that was begun after this is a later one.
    later: Instant,
    /// From the first look that was answered on.
    patience: Option<Patience>,
    next: Instant,
    /// Why the last look was not answered.
    problem: Option<String>,
}

/// What is known of a submission without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Executed,
    /// It may have reached the hub.
    Lost,
    /// It was announced by a run that was killed.
    Announced,
}

/// What a look for tasks has come to, besides those that were found.
#[derive(Default)]
pub(super) struct Looked {
    /// Requests that the hub has no task of for certain.
    pub(super) certain: Vec<usize>,
    /// What was looked for as long as it makes sense, and may be there all the same.
    pub(super) given_up: Vec<Doubt>,
}

/// Why it is not known who we are at the hub.
#[derive(Debug, thiserror::Error)]
enum NoOwner {
    #[error("the hub does not say who is logged in: {0}")]
    Hub(#[from] KojiError),
    #[error("the hub does not say who is logged in")]
    NotSaid,
}

/// Why the hub has not listed tasks.
#[derive(Debug, thiserror::Error)]
enum NotListed {
    #[error(transparent)]
    Hub(#[from] KojiError),
    #[error(transparent)]
    NoOwner(#[from] NoOwner),
}

impl Doubt {
    pub(super) fn request(&self) -> usize {
        self.request
    }

    /// A submission of this run, and when that was begun.
    pub(super) fn of_this_run(
        request: usize,
        sent: Sent,
        begun: (Instant, Timestamp),
        executed: bool,
        text: String,
    ) -> Self {
        let kind = if executed { Kind::Executed } else { Kind::Lost };
        let (begun, since) = begun;
        Self { begun: Some(begun), ..Self::new(request, sent, since, kind, text, Instant::now()) }
    }

    /// A submission of an earlier run. What that has sent must have arrived at `settled`.
    pub(super) fn of_before(request: usize, sent: Sent, what: InDoubt, settled: Instant) -> Self {
        let (kind, text) = match what {
            InDoubt { executed: true, .. } => (Kind::Executed, "the hub has executed its submission"),
            InDoubt { lost: true, .. } => (Kind::Lost, "the answer to its submission was lost"),
            InDoubt { .. } => (Kind::Announced, "a run that was killed may have submitted it"),
        };
        Self::new(request, sent, what.since, kind, text.to_owned(), settled)
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    fn new(request: usize, sent: Sent, since: Timestamp, kind: Kind, text: String, later: Instant) -> Self {
        let next = Instant::now();
        Self { request, since, kind, text, sent, begun: None, later, patience: None, next, problem: None }
    }
}

/// When to look next for any of `doubts`; never, without any.
pub(super) async fn next_look(doubts: &[Doubt]) {
    match doubts.iter().map(|doubt| doubt.next).min() {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

impl Run {
    /// Looks once for the tasks of `doubts`. Those that end leave them.
    pub(super) async fn look(&self, doubts: &mut Vec<Doubt>, submitted: &mpsc::UnboundedSender<Task>) -> Looked {
        let methods: BTreeSet<&str> = doubts.iter().map(|doubt| self.requests[doubt.request].method.task).collect();
        let mut listings = Vec::new();
        for method in methods {
            let of_method = doubts.iter().filter(|doubt| self.requests[doubt.request].method.task == method);
            if let Some(since) = of_method.map(|doubt| doubt.since).min() {
                listings.push((method, self.listed(method, since).await));
            }
        }
        let nothing = Ok(Vec::new());
        let listed = |doubt: &Doubt| {
            let method = self.requests[doubt.request].method.task;
            listings.iter().find(|(of, _)| *of == method).map_or(&nothing, |(_, listed)| listed)
        };
        let mut not_found = Vec::with_capacity(doubts.len());
        for doubt in doubts.drain(..) {
            match listed(&doubt).as_ref().ok().and_then(|tasks| self.pick(&doubt, tasks)) {
                Some(task) => self.adopt(doubt.request, task, submitted),
                None => not_found.push(doubt),
            }
        }
        let mut looked = Looked::default();
        for mut doubt in not_found {
            match listed(&doubt) {
                Ok(tasks) if doubt.kind != Kind::Executed && self.is_later_one_among(tasks, doubt.later) => {
                    looked.certain.push(doubt.request);
                    continue;
                }
                Ok(_) => doubt.problem = None,
                Err(problem) => doubt.problem = Some(format!("cannot ask the hub for its tasks: {problem}")),
            }
            match self.look_again(&mut doubt) {
                Some(next) => doubts.push(Doubt { next, ..doubt }),
                None if doubt.kind == Kind::Announced && doubt.problem.is_none() => looked.certain.push(doubt.request),
                None => looked.given_up.push(doubt),
            }
        }
        looked
    }

    /// When to look again; none when that has been done for long enough. What was announced by a run that was killed is looked for
    /// until all that it had sent must have arrived; what this run has sent is looked for twice as long.
    fn look_again(&self, doubt: &mut Doubt) -> Option<Instant> {
        let settled = self.runner.polling.settled;
        let patience = if doubt.kind == Kind::Announced { settled } else { settled * 2 };
        doubt.patience.get_or_insert_with(|| Patience::lasting(patience)).next_time()
    }

    /// One last look, before a run that is stopped ends.
    pub(super) async fn last_look(&self, mut doubts: Vec<Doubt>, submitted: &mpsc::UnboundedSender<Task>) {
        if doubts.is_empty() {
            return;
        }
        // Whatever it comes to, the run ends.
        let looked = tokio::time::timeout(LAST_LOOK, self.look(&mut doubts, submitted)).await.unwrap_or_default();
        for doubt in doubts.into_iter().chain(looked.given_up) {
            self.end_in_doubt(doubt);
        }
    }

    /// Who we are at the hub, by number.
    async fn owner(&self) -> Result<i64, NoOwner> {
        let user = self.owner.get_or_try_init(|| self.runner.session.get_logged_in_user()).await?;
        user.as_ref().map(|user| user.id).ok_or(NoOwner::NotSaid)
    }

    async fn listed(&self, method: &str, since: Timestamp) -> Result<Vec<TaskInfo>, NotListed> {
        let mut owners = self.runner.owners.clone();
        if owners.is_empty() {
            owners.insert(self.owner().await?);
        }
        Ok(tasks_of(&self.runner.hub, method, &owners, since).await?)
    }

    /// The task of a doubt among those that are listed: one that belongs to no request yet.
    fn pick(&self, doubt: &Doubt, tasks: &[TaskInfo]) -> Option<i64> {
        let mut claimed = self.claimed.lock().unwrap_or_else(PoisonError::into_inner);
        let is_of_another =
            |task: &TaskInfo| is_rather_of_another(task, &self.requests[doubt.request], &doubt.sent, &self.requests);
        let found = lost_task(tasks, doubt.since, |id| claimed.contains(&id), &doubt.sent, is_of_another)?;
        claimed.insert(found.id);
        if let Some(begun) = doubt.begun {
            self.made.lock().unwrap_or_else(PoisonError::into_inner).insert(found.id, begun);
        }
        Some(found.id)
    }

    /// Whether a task that this run has begun to make after `time` is among those that are listed.
    fn is_later_one_among(&self, tasks: &[TaskInfo], time: Instant) -> bool {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.iter().any(|task| made.get(&task.id).is_some_and(|at| *at > time))
    }

    /// Ends a request of which it is not known whether the hub has made a task.
    pub(super) fn end_in_doubt(&self, doubt: Doubt) {
        let request = &self.requests[doubt.request];
        let reason = match doubt.problem {
            Some(problem) => format!("{}; {problem}", doubt.text),
            None => doubt.text,
        };
        let failure = format!(
            "image {} may have a task that was not found: {reason}. Look for it at the hub. If it is there, resume with --adopt {}=TASK, otherwise with --rebuild {}",
            request.label(),
            request.name(),
            request.name(),
        );
        let outcome = Outcome { failure: Some(failure), reason: Some(reason), in_doubt: true, ..Outcome::default() };
        self.end(doubt.request, outcome);
    }
}
