//! *Adopting* the tasks of earlier runs: what the hub says of each is compared with its request before it is waited for.

use super::{Run, Task};
use crate::find_task::Stranger;
use crate::patience::Patience;
use tokio::sync::mpsc;

/// Tasks in one call; each comes with its arguments.
const TASKS_PER_CALL: usize = 100;

impl Run {
    /// Continues those of `tasks` that are what their requests ask for.
    pub(super) async fn recognize(&self, mut tasks: Vec<Task>, submitted: mpsc::UnboundedSender<Task>) {
        let mut patience = Patience::lasting(self.runner.polling.settled);
        while !tasks.is_empty() {
            self.recognize_once(&mut tasks, &mut patience, &submitted).await;
        }
    }

    /// Asks once for the tasks that are left, and waits until those that are still left are to be asked for again.
    async fn recognize_once(
        &self,
        tasks: &mut Vec<Task>,
        patience: &mut Patience,
        submitted: &mpsc::UnboundedSender<Task>,
    ) {
        let mut left: Vec<(Task, Stranger)> = Vec::new();
        for chunk in tasks.chunks(TASKS_PER_CALL) {
            let ids: Vec<i64> = chunk.iter().map(|task| task.id).collect();
            let ask = self.runner.hub.get_task_info_with_request(&ids);
            let Some(answer) = self.stop.unless_set(ask).await else {
                for task in chunk {
                    self.abandon(*task, false);
                }
                continue;
            };
            let told = match answer {
                Ok(answer) => answer,
                Err(error) => {
                    // The patience with the hub is spent; the tasks continue there.
                    for task in chunk {
                        let text = format!("cannot ask the hub about it: {error}");
                        self.fail(task.request, Some(task.id), self.about(*task, &text));
                    }
                    continue;
                }
            };
            for (task, told) in chunk.iter().zip(told) {
                match told {
                    Ok(Some(info)) => match self.is_ours(task.request, &info) {
                        Ok(()) => self.adopt(task.request, task.id, submitted),
                        // It is somebody else's, whatever the journal says: it is neither waited for nor canceled.
                        Err(other) => {
                            let text = format!("at the hub it is a different task: {other}");
                            self.fail(task.request, None, self.about(*task, &text));
                        }
                    },
                    Ok(None) => left.push((*task, Stranger::Unknown)),
                    Err(error) => left.push((*task, Stranger::Unread(error))),
                }
            }
        }
        if left.is_empty() {
            tasks.clear();
            return;
        }
        let may_wait = self.stop.unless_set(patience.wait()).await;
        if may_wait != Some(true) {
            for (task, reason) in left.drain(..) {
                match may_wait {
                    None => self.abandon(task, false),
                    _ => self.fail(task.request, None, self.about(task, &reason.to_string())),
                }
            }
        }
        *tasks = left.into_iter().map(|(task, _)| task).collect();
    }

    /// What happened to a task, with its name.
    pub(super) fn about(&self, task: Task, text: &str) -> String {
        format!("task {} of image {}: {text}", task.id, self.requests[task.request].label())
    }
}
