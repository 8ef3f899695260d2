//! *Canceling* tasks. `cancelTask` answers nothing for a task that has ended, so that only the state that the hub says afterwards
//! counts: what has ended well in between is not canceled, and a later run takes what it built.

use crate::event::{Event, Events};
use crate::find_task::Stranger;
use magudi_koji::calls::{TaskAnswer, TaskInfo, TaskState};
use magudi_koji::{Hub, KojiError, Session};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::time::{Instant, sleep, timeout_at};

/// Tasks in one call: few enough that the hub is not busy with one for long.
const TASKS_PER_CALL: usize = 100;

/// Pauses between two questions for tasks that are to be canceled: a hub behind a replica is late with them, and with their states.
const PAUSES: [Duration; 6] = [
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(3),
    Duration::from_secs(4),
];

/// Who cancels, and until when.
#[derive(Debug, Clone, Copy)]
pub struct Canceling<'a> {
    /// For reading.
    pub hub: &'a Hub,
    /// For writing.
    pub session: &'a Session,
    /// Who hears what became of the tasks.
    pub events: &'a Events,
    /// When a hub that does not answer is given up.
    pub deadline: Instant,
}

/// What became of tasks that were to be canceled.
#[derive(Debug, Default)]
pub struct Canceled {
    /// Tasks that are canceled, now or already.
    pub canceled: Vec<i64>,
    /// Tasks that had ended otherwise before.
    pub ended: Vec<(i64, TaskState)>,
    /// Tasks that are not ours, each with the reason: they are left alone.
    pub strangers: Vec<(i64, Stranger)>,
    /// Tasks that may continue, each with the reason.
    pub left: Vec<(i64, NotCanceled)>,
}

/// Why a task was not canceled.
#[derive(Debug, Clone, Error)]
pub enum NotCanceled {
    #[error(transparent)]
    Stranger(Arc<Stranger>),
    #[error("the hub's answer about it cannot be used")]
    Unread,
    #[error("the hub was asked to cancel it, but it has not ended")]
    NotEnded,
    #[error("the hub has not answered in time")]
    NotAnswered,
    /// One answer may be about many tasks.
    #[error(transparent)]
    Hub(Arc<KojiError>),
}

impl From<KojiError> for NotCanceled {
    fn from(error: KojiError) -> Self {
        Self::Hub(Arc::new(error))
    }
}

impl Canceling<'_> {
    /// Has the tasks of requests canceled, those of them that `is_ours` knows as such; the hub's words of a task have its arguments.
    pub async fn cancel(
        &self,
        tasks: &[(usize, i64)],
        is_ours: impl Fn(usize, &TaskInfo) -> Result<(), Stranger>,
    ) -> Canceled {
        let mut found = Canceled::default();
        for chunk in tasks.chunks(TASKS_PER_CALL) {
            if let Err(reason) = self.cancel_some(chunk, &is_ours, &mut found).await {
                let done: Vec<i64> = found.all().collect();
                let open = chunk.iter().filter(|(_, task)| !done.contains(task));
                found.left.extend(open.map(|(_, task)| (*task, reason.clone())));
            }
        }
        found
    }

    async fn cancel_some(
        &self,
        tasks: &[(usize, i64)],
        is_ours: &impl Fn(usize, &TaskInfo) -> Result<(), Stranger>,
        found: &mut Canceled,
    ) -> Result<(), NotCanceled> {
        // Task -> its request. What cannot be compared is not canceled; a hub that is behind does not know yet what it has made.
        let mut unknown: BTreeMap<i64, usize> = tasks.iter().map(|(request, task)| (*task, *request)).collect();
        let mut open = BTreeMap::new();
        let mut pauses = PAUSES.into_iter();
        loop {
            let unread = self.ask_to_cancel(&mut unknown, &mut open, is_ours, found).await?;
            for (task, told) in self.ask(&open, false).await? {
                if let Ok(Some(info)) = told {
                    self.note(&mut open, task, info.state, found);
                }
            }
            if unknown.is_empty() && open.is_empty() {
                return Ok(());
            }
            if let Some(pause) = pauses.next().filter(|pause| Instant::now() + *pause < self.deadline) {
                sleep(pause).await;
                continue;
            }
            for task in unknown.into_keys() {
                if unread.contains(&task) {
                    found.left.push((task, NotCanceled::Unread));
                } else {
                    found.strangers.push((task, Stranger::Unknown));
                }
            }
            found.left.extend(open.into_keys().map(|task| (task, NotCanceled::NotEnded)));
            return Ok(());
        }
    }

    /// Compares those of the `unknown` tasks that the hub knows with their requests, and has the hub cancel what is ours and not over,
    /// which is `open` then. Returns the tasks of which its words cannot be used.
    async fn ask_to_cancel(
        &self,
        unknown: &mut BTreeMap<i64, usize>,
        open: &mut BTreeMap<i64, usize>,
        is_ours: &impl Fn(usize, &TaskInfo) -> Result<(), Stranger>,
        found: &mut Canceled,
    ) -> Result<BTreeSet<i64>, NotCanceled> {
        let mut ours = BTreeMap::new();
        let mut unread = BTreeSet::new();
        for (task, told) in self.ask(unknown, true).await? {
            let info = match told {
                Ok(Some(info)) => info,
                Ok(None) => continue,
                Err(_) => {
                    unread.insert(task);
                    continue;
                }
            };
            let Some(request) = unknown.remove(&task) else { continue };
            match is_ours(request, &info) {
                Err(reason) => found.strangers.push((task, reason)),
                Ok(()) => {
                    ours.insert(task, request);
                    self.note(&mut ours, task, info.state, found);
                }
            }
        }
        if !ours.is_empty() {
            let ids: Vec<i64> = ours.keys().copied().collect();
            let answers = self.in_time(self.session.cancel_tasks(&ids)).await?;
            for (task, answer) in ids.into_iter().zip(answers) {
                if let Err(error) = answer {
                    ours.remove(&task);
                    found.left.push((task, error.into()));
                }
            }
            open.append(&mut ours);
        }
        Ok(unread)
    }

    /// A task whose state is final is open no more.
    fn note(&self, open: &mut BTreeMap<i64, usize>, task: i64, state: TaskState, found: &mut Canceled) {
        if !state.is_final() {
            return;
        }
        let Some(request) = open.remove(&task) else { return };
        if state == TaskState::Canceled {
            self.events.say(Event::TaskCanceled { request, task });
            found.canceled.push(task);
        } else {
            self.events.say(Event::TaskState { request, task, state: state.to_string().to_uppercase() });
            found.ended.push((task, state));
        }
    }

    async fn ask(
        &self,
        tasks: &BTreeMap<i64, usize>,
        with_request: bool,
    ) -> Result<Vec<(i64, TaskAnswer)>, NotCanceled> {
        let ids: Vec<i64> = tasks.keys().copied().collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let infos = if with_request {
            self.in_time(self.hub.get_task_info_with_request(&ids)).await?
        } else {
            self.in_time(self.hub.get_task_info(&ids)).await?
        };
        Ok(ids.into_iter().zip(infos).collect())
    }

    async fn in_time<T>(&self, call: impl Future<Output = Result<T, KojiError>>) -> Result<T, NotCanceled> {
        match timeout_at(self.deadline, call).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(NotCanceled::NotAnswered),
        }
    }
}

impl Canceled {
    /// The tasks that were not canceled and had not ended.
    pub fn others(self) -> impl Iterator<Item = (i64, NotCanceled)> {
        let strangers =
            self.strangers.into_iter().map(|(task, stranger)| (task, NotCanceled::Stranger(Arc::new(stranger))));
        strangers.chain(self.left)
    }

    fn all(&self) -> impl Iterator<Item = i64> {
        let strangers = self.strangers.iter().map(|(task, _)| *task);
        let others = strangers.chain(self.left.iter().map(|(task, _)| *task));
        self.canceled.iter().copied().chain(self.ended.iter().map(|(task, _)| *task)).chain(others)
    }
}
