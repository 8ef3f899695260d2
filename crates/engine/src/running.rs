//! How many tasks of a run the hub is at work on, as far as its events say: what a signal cancels or leaves.

use crate::event::{Event, Stamped, Subscriber};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// The requests whose tasks run; copies are the same count.
#[derive(Debug, Clone, Default)]
pub struct Running(Arc<Mutex<BTreeSet<usize>>>);

impl Running {
    /// How many tasks run.
    pub fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Subscriber for Running {
    fn on_event(&mut self, event: &Stamped) {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &event.event {
            Event::Submitted { request, .. } | Event::Adopted { request, .. } => _ = running.insert(*request),
            Event::TaskState { request, state, .. } if matches!(state.as_str(), "CLOSED" | "FAILED" | "CANCELED") => {
                running.remove(request);
            }
            Event::RequestDone { request, .. } | Event::TaskCanceled { request, .. } => _ = running.remove(request),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_run_until_they_have_ended() {
        let mut running = Running::default();
        let counts: Vec<usize> = [
            Event::Submitted { request: 0, task: 7, url: String::new() },
            Event::Adopted { request: 1, task: 8, url: String::new(), named: false },
            Event::TaskState { request: 0, task: 7, state: "OPEN".into() },
            Event::TaskState { request: 0, task: 7, state: "FAILED".into() },
            Event::TaskCanceled { request: 1, task: 8 },
        ]
        .map(|event| {
            running.on_event(&Stamped { time: jiff::Timestamp::UNIX_EPOCH, event });
            running.count()
        })
        .into();
        assert_eq!(counts, [1, 2, 2, 1, 0]);
    }
}
