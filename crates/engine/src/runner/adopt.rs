//! *Adopting* the tasks of earlier runs: what the hub says of each is compared with its request before it is waited for.

use super::{Run, Task};
use crate::lookup::is_ours;
use crate::patience::Patience;
use tokio::sync::mpsc;

/// Tasks in one call; each comes with its arguments.
const TASKS_PER_CALL: usize = 100;

impl Run {
    /// Goes on with those of `tasks` that are what their requests ask for. With each comes whether its owner may be somebody else.
    pub(super) async fn recognize(&self, mut tasks: Vec<(Task, bool)>, submitted: mpsc::UnboundedSender<Task>) {
        let mut patience = Patience::lasting(self.runner.polling.settled);
        while !tasks.is_empty() {
            self.recognize_once(&mut tasks, &mut patience, &submitted).await;
        }
    }

    /// Asks once for the tasks that are left, and waits until those that are still left are to be asked for again.
    async fn recognize_once(
        &self,
        tasks: &mut Vec<(Task, bool)>,
        patience: &mut Patience,
        submitted: &mpsc::UnboundedSender<Task>,
    ) {
        let mut left: Vec<((Task, bool), String)> = Vec::new();
        for chunk in tasks.chunks(TASKS_PER_CALL) {
            let ids: Vec<i64> = chunk.iter().map(|(task, _)| task.id).collect();
            let ask = async {
                let owner = self.owner().await?;
                let told = self.runner.hub.get_task_info_with_request(&ids).await;
                Ok::<_, String>((owner, told.map_err(|error| error.to_string())?))
            };
            let Some(answer) = self.stop.unless_set(ask).await else {
                for (task, _) in chunk {
                    self.abandon(*task, false);
                }
                continue;
            };
            let (owner, told) = match answer {
                Ok(answer) => answer,
                Err(error) => {
                    // The patience with the hub is spent; the tasks go on there.
                    for (task, _) in chunk {
                        let text = format!("the hub cannot be asked what it is: {error}");
                        self.fail(task.request, Some(task.id), self.about(*task, &text));
                    }
                    continue;
                }
            };
            for ((task, named), told) in chunk.iter().zip(told) {
                match told {
                    Ok(Some(info)) => {
                        match is_ours(&info, &self.requests[task.request], Some(owner).filter(|_| !named)) {
                            Ok(()) => self.adopt_as(task.request, task.id, *named, submitted),
                            // It is somebody else's, whatever the journal says: it is neither waited for nor canceled.
                            Err(other) => {
                                let text = format!("at the hub it is another one: {other}");
                                self.fail(task.request, None, self.about(*task, &text));
                            }
                        }
                    }
                    Ok(None) => left.push(((*task, *named), "the hub does not know it".to_owned())),
                    Err(error) => {
                        left.push(((*task, *named), format!("what the hub says of it cannot be used: {error}")));
                    }
                }
            }
        }
        if left.is_empty() {
            tasks.clear();
            return;
        }
        let may_wait = self.stop.unless_set(patience.wait()).await;
        if may_wait != Some(true) {
            for ((task, _), text) in left.drain(..) {
                match may_wait {
                    None => self.abandon(task, false),
                    _ => self.fail(task.request, None, self.about(task, &text)),
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
