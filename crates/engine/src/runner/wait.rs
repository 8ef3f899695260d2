//! *Waiting* for all open tasks at once, by anonymous calls with many ids each.

use super::pace::{Pace, Round};
use super::{Ended, Run, Task};
use crate::event::Event;
use magudi_koji::calls::{TaskAnswer, TaskInfo, TaskState};
use magudi_koji::timed;
use std::collections::btree_map::{BTreeMap, Entry};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Task ids in one `getTaskInfo` call: 3 kB out and 150 kB back (facts: koji 23).
const IDS_PER_CALL: usize = 200;

/// A task that has not ended.
struct Watched {
    task: Task,
    /// The state it was last seen in.
    state: Option<TaskState>,
    /// When it was first seen open.
    open_since: Option<Instant>,
    /// Since when what the hub says of it makes no sense.
    unsure_since: Option<Instant>,
}

impl Watched {
    fn new(task: Task) -> Self {
        Self { task, state: None, open_since: None, unsure_since: None }
    }
}

impl Run {
    pub(super) async fn wait(&self, mut submitted: mpsc::UnboundedReceiver<Task>, over: mpsc::UnboundedSender<Ended>) {
        let mut watched: BTreeMap<i64, Watched> = BTreeMap::new();
        let mut pace = Pace::new(self.runner.polling);
        // Until when the hub has its breath.
        let mut breath = tokio::time::Instant::now();
        loop {
            if watched.is_empty() {
                let Some(task) = submitted.recv().await else { return };
                self.watch(&mut watched, task);
                pace.reset();
                // Where tasks end as fast as they are submitted, too, many are asked for together.
                tokio::select! {
                    () = tokio::time::sleep_until(breath) => {}
                    () = self.stop.wait() => {}
                }
            }
            while let Ok(task) = submitted.try_recv() {
                self.watch(&mut watched, task);
            }
            if self.stop.is_set() {
                // The last submission may be under way; its task is ours too.
                while let Some(task) = submitted.recv().await {
                    self.watch(&mut watched, task);
                }
                for watched in watched.into_values() {
                    self.abandon(watched.task, false);
                }
                return;
            }
            let round = Box::pin(self.ask(&mut watched, &mut pace, &over)).await;
            let floor = pace.floor(&round);
            if watched.is_empty() {
                breath = tokio::time::Instant::now() + floor;
                continue;
            }
            let pause = pace.pause(&round);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.stop.wait() => {}
                // A new task is looked at as soon as the hub has had its breath.
                Some(task) = submitted.recv(), if pause > floor => {
                    self.watch(&mut watched, task);
                    pace.reset();
                    tokio::time::sleep(floor).await;
                }
            }
        }
    }

    /// Begins to wait for a task. One that another request waits for is that one's: what it says would reach only one of them.
    fn watch(&self, watched: &mut BTreeMap<i64, Watched>, task: Task) {
        match watched.entry(task.id) {
            Entry::Vacant(place) => {
                place.insert(Watched::new(task));
            }
            Entry::Occupied(other) if other.get().task.request != task.request => {
                let (label, other) = (self.requests[task.request].label(), &self.requests[other.get().task.request]);
                let text = format!("image {label}: its task {} is that of image {}", task.id, other.label());
                self.fail(task.request, None, text);
            }
            Entry::Occupied(_) => {}
        }
    }

    /// Asks once for the states of all tasks.
    async fn ask(
        &self,
        watched: &mut BTreeMap<i64, Watched>,
        pace: &mut Pace,
        over: &mpsc::UnboundedSender<Ended>,
    ) -> Round {
        let mut round = Round::default();
        let ids: Vec<i64> = watched.keys().copied().collect();
        for chunk in ids.chunks(IDS_PER_CALL) {
            round.calls += 1;
            // A hub that does not answer does not keep a run from being stopped.
            let (infos, spent) = Box::pin(timed(self.stop.unless_set(self.runner.hub.get_task_info(chunk)))).await;
            round.took += spent.answering;
            round.waited |= spent.waited;
            let Some(infos) = infos else { break };
            match infos {
                Ok(infos) => round.changed |= self.take_states(watched, pace, chunk, infos, over),
                Err(error) => {
                    // The budget for retries is spent; the tasks continue at the hub, but it is not known how they end.
                    for id in chunk {
                        if let Some(Watched { task, .. }) = watched.remove(id) {
                            let label = self.requests[task.request].label();
                            let text = format!("task {id} of image {label}: cannot ask the hub for its state: {error}");
                            self.fail(task.request, Some(*id), text);
                        }
                    }
                }
            }
        }
        let open_for = |watched: &Watched| watched.open_since.map(|since| since.elapsed());
        round.about_to_end = watched.values().filter_map(open_for).any(|age| pace.is_about_to_end(age));
        round
    }

    /// Compares states with those seen before, passes on what ended. True if anything changed.
    fn take_states(
        &self,
        watched: &mut BTreeMap<i64, Watched>,
        pace: &mut Pace,
        ids: &[i64],
        infos: Vec<TaskAnswer>,
        over: &mpsc::UnboundedSender<Ended>,
    ) -> bool {
        let mut changed = false;
        let mut ended: BTreeMap<i32, (TaskState, Vec<Task>)> = BTreeMap::new();
        for (id, info) in ids.iter().zip(infos) {
            let Some(Watched { task, state: before, open_since, unsure_since }) = watched.get_mut(id) else { continue };
            let task = *task;
            let info = match info {
                Ok(Some(info)) => info,
                // A hub that is behind does not know yet what it has just heard, and one odd answer may be the only one.
                told => {
                    if unsure_since.get_or_insert_with(Instant::now).elapsed() >= self.runner.polling.settled {
                        watched.remove(id);
                        match told {
                            Err(error) => {
                                let text = format!("the hub's answer about it cannot be used: {error}");
                                self.fail(task.request, Some(task.id), self.about(task, &text));
                            }
                            Ok(_) => self.fail_after(task, self.about(task, "the hub no longer knows it")),
                        }
                    }
                    continue;
                }
            };
            *unsure_since = None;
            if *before == Some(info.state) {
                continue;
            }
            changed = true;
            *before = Some(info.state);
            // A freed task begins again.
            *open_since = (info.state == TaskState::Open).then(Instant::now);
            self.say(Event::TaskState {
                request: task.request,
                task: *id,
                state: info.state.to_string().to_uppercase(),
            });
            if info.state.is_final() {
                watched.remove(id);
                if let (TaskState::Closed, Some(duration)) = (info.state, duration(&info)) {
                    pace.learn(duration);
                }
                ended.entry(info.state.number()).or_insert((info.state, Vec::new())).1.push(task);
            }
        }
        for (state, tasks) in ended.into_values() {
            // The receiver ends only after this sender.
            let _ = over.send(Ended::Tasks(state, tasks));
        }
        changed
    }
}

/// How long a task was open, by the hub's own clock.
fn duration(task: &TaskInfo) -> Option<Duration> {
    Duration::try_from_secs_f64(task.completion_ts? - task.start_ts?).ok()
}
