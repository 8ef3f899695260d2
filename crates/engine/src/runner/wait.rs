//! *Waiting* for all open tasks at once, by anonymous calls with many ids each.

use super::{Run, Task};
use crate::event::Event;
use magudi_koji::calls::{TaskInfo, TaskState};
use std::collections::BTreeMap;
use tokio::sync::mpsc;

/// Task ids in one `getTaskInfo` call: 3 kB out and 150 kB back (KOJI.md 10).
const IDS_PER_CALL: usize = 200;

impl Run {
    pub(super) async fn wait(
        &self,
        mut submitted: mpsc::UnboundedReceiver<Task>,
        over: mpsc::UnboundedSender<(TaskState, Vec<Task>)>,
    ) {
        let mut open: BTreeMap<i64, (Task, Option<TaskState>)> = BTreeMap::new();
        let polling = self.runner.polling;
        let mut pause = polling.least;
        loop {
            if open.is_empty() {
                let Some(task) = submitted.recv().await else { return };
                open.insert(task.id, (task, None));
            }
            while let Ok(task) = submitted.try_recv() {
                open.insert(task.id, (task, None));
            }
            if self.stop.is_set() {
                // The last submission may be under way; its task is ours too.
                while let Some(task) = submitted.recv().await {
                    open.insert(task.id, (task, None));
                }
                for (task, _) in open.into_values() {
                    self.abandon(task, false);
                }
                return;
            }
            let mut changed = false;
            let ids: Vec<i64> = open.keys().copied().collect();
            for chunk in ids.chunks(IDS_PER_CALL) {
                // A hub that does not answer does not keep a run from being stopped.
                let Some(infos) = self.stop.unless_set(self.runner.hub.get_task_info(chunk)).await else { break };
                match infos {
                    Ok(infos) => changed |= self.take_states(&mut open, chunk, infos, &over),
                    Err(error) => {
                        // The budget for retries is spent; the tasks go on at the hub, but nobody can tell how they end.
                        for id in chunk {
                            if let Some((task, _)) = open.remove(id) {
                                let label = self.requests[task.request].label();
                                let text =
                                    format!("task {id} of image {label}: its state cannot be asked for: {error}");
                                self.fail(task.request, Some(*id), text);
                            }
                        }
                    }
                }
            }
            if open.is_empty() {
                continue;
            }
            pause = if changed { polling.least } else { (pause * 3 / 2).min(polling.most) };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.stop.wait() => {}
                // A new task is looked at as soon as it is there, but not more often than the shortest pause.
                Some(task) = submitted.recv(), if pause > polling.least => {
                    open.insert(task.id, (task, None));
                    tokio::time::sleep(polling.least).await;
                }
            }
        }
    }

    /// Compares states with those seen before, passes on what ended. True if anything changed.
    fn take_states(
        &self,
        open: &mut BTreeMap<i64, (Task, Option<TaskState>)>,
        ids: &[i64],
        infos: Vec<Option<TaskInfo>>,
        over: &mpsc::UnboundedSender<(TaskState, Vec<Task>)>,
    ) -> bool {
        let mut changed = false;
        let mut ended: BTreeMap<i32, (TaskState, Vec<Task>)> = BTreeMap::new();
        for (id, info) in ids.iter().zip(infos) {
            let Some((task, before)) = open.get_mut(id) else { continue };
            let task = *task;
            let Some(info) = info else {
                open.remove(id);
                let label = self.requests[task.request].label();
                self.fail_after(task, format!("task {id} of image {label}: the hub does not know it any more"));
                continue;
            };
            if *before == Some(info.state) {
                continue;
            }
            changed = true;
            *before = Some(info.state);
            self.say(Event::TaskState {
                request: task.request,
                task: *id,
                state: info.state.to_string().to_uppercase(),
            });
            if info.state.is_final() {
                open.remove(id);
                ended.entry(info.state.number()).or_insert((info.state, Vec::new())).1.push(task);
            }
        }
        for tasks in ended.into_values() {
            // The receiver ends only after this sender.
            let _ = over.send(tasks);
        }
        changed
    }
}
