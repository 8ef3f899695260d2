//! What is done for tasks of the hub, each beside the others, such that a panic in one leaves its request with an outcome.

use super::Task;
use std::collections::HashMap;
use tokio::task::{Id, JoinSet};

/// Work that is going on, and the task of the hub that each piece is for.
pub(super) struct TaskSet<T> {
    work: JoinSet<T>,
    tasks: HashMap<Id, Task>,
}

impl<T: Send + 'static> TaskSet<T> {
    pub(super) fn new() -> Self {
        Self { work: JoinSet::new(), tasks: HashMap::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.work.len()
    }

    pub(super) fn spawn(&mut self, task: Task, work: impl Future<Output = T> + Send + 'static) {
        let id = self.work.spawn(work).id();
        self.tasks.insert(id, task);
    }

    /// What the next piece that ends has come to, or the task whose piece panicked; none when there is none left.
    pub(super) async fn join_next(&mut self) -> Option<Result<T, Task>> {
        let ended = self.work.join_next_with_id().await?;
        let (id, result) = match ended {
            Ok((id, result)) => (id, Some(result)),
            Err(error) => (error.id(), None),
        };
        let task = self.tasks.remove(&id)?;
        Some(result.ok_or(task))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_names_its_task() {
        let mut set = TaskSet::new();
        for request in 0..4 {
            set.spawn(Task { request, id: 100 + request as i64 }, async move {
                assert_ne!(request, 2, "as a bug would");
                request
            });
        }
        let (mut well, mut badly) = (Vec::new(), Vec::new());
        while let Some(ended) = set.join_next().await {
            match ended {
                Ok(request) => well.push(request),
                Err(task) => badly.push((task.request, task.id)),
            }
        }
        well.sort_unstable();
        assert_eq!((well, badly, set.len()), (vec![0, 1, 3], vec![(2, 102)], 0));
    }
}
