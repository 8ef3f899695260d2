//! The *overview* is what the events of a run add up to: how many tasks are in which state, and which images there are.

use magudi_engine::event::{Event, ImageEntry};
use std::collections::BTreeMap;

/// Where a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The hub has it, no builder does.
    Free,
    /// A builder works on it.
    Open,
    /// Built; its files are on their way.
    Closed,
    /// In the compose.
    Done,
    /// Failed.
    Failed,
}

/// The sum of a run's events so far.
#[derive(Debug, Clone, Default)]
pub struct Overview {
    /// Requests in the plan.
    pub total: usize,
    /// Request -> where it is; requests that were not submitted yet are not there.
    pub stages: BTreeMap<usize, Stage>,
    /// Bytes fetched and verified.
    pub bytes: u64,
    /// Images that came into the compose, each with its request.
    pub images: Vec<(usize, ImageEntry)>,
    /// Request -> variant and image name.
    pub names: BTreeMap<usize, (String, String)>,
    /// Request -> task.
    pub tasks: BTreeMap<usize, i64>,
    /// Failed requests: index, whether the compose goes on, reason.
    pub failures: Vec<(usize, bool, String)>,
}

impl Overview {
    /// Takes in an event.
    pub fn take(&mut self, event: &Event) {
        match event {
            Event::ComposeStarted { requests, .. } => self.total = *requests,
            Event::Planned { request, name, variant, .. } => {
                self.names.insert(*request, (variant.clone(), name.clone()));
            }
            Event::Kept { request, task, .. } => {
                self.tasks.insert(*request, *task);
                self.stages.insert(*request, Stage::Done);
            }
            Event::Submitted { request, task, .. } | Event::Adopted { request, task, .. } => {
                self.tasks.insert(*request, *task);
                self.stages.insert(*request, Stage::Free);
            }
            Event::TaskState { request, state, .. } => {
                let stage = match state.as_str() {
                    "FREE" => Stage::Free,
                    "OPEN" | "ASSIGNED" => Stage::Open,
                    "CLOSED" => Stage::Closed,
                    _ => Stage::Failed,
                };
                self.stages.insert(*request, stage);
            }
            Event::FetchProgress { bytes, .. } => self.bytes += bytes,
            Event::ImageAdded { request, image, .. } => self.images.push((*request, image.clone())),
            Event::RequestDone { request, .. } => {
                self.stages.insert(*request, Stage::Done);
            }
            Event::RequestFailed { request, variant, name, failable, error, .. } => {
                self.names.insert(*request, (variant.clone(), name.clone()));
                self.stages.insert(*request, Stage::Failed);
                self.failures.push((*request, *failable, error.clone()));
            }
            _ => {}
        }
    }

    /// How many requests are at a stage.
    pub fn count(&self, stage: Stage) -> usize {
        self.stages.values().filter(|s| **s == stage).count()
    }

    /// How many requests have ended.
    pub fn ended(&self) -> usize {
        self.count(Stage::Done) + self.count(Stage::Failed)
    }

    /// `3 free  10 open  25 done  2 failed  1.2 GiB fetched`.
    pub fn line(&self) -> String {
        let [free, open, closed, done, failed] =
            [Stage::Free, Stage::Open, Stage::Closed, Stage::Done, Stage::Failed].map(|stage| self.count(stage));
        format!(
            "{free} free  {open} open  {done} done  {failed} failed  {} fetched{}",
            super::bytes(self.bytes),
            if closed > 0 { format!("  ({closed} being fetched)") } else { String::new() }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_counted_once_per_request() {
        let mut overview = Overview::default();
        let state = |request, state: &str| Event::TaskState { request, task: 1, state: state.to_owned() };
        for request in 0..4 {
            overview.take(&Event::Submitted { request, task: 1, url: String::new() });
        }
        overview.take(&state(0, "OPEN"));
        overview.take(&state(1, "ASSIGNED"));
        overview.take(&state(1, "FREE"));
        overview.take(&state(2, "CLOSED"));
        overview.take(&Event::RequestDone { request: 2, phase: "osbuild".into(), variant: "A".into(), task: 1 });
        overview.take(&state(3, "FAILED"));
        overview.take(&Event::FetchProgress { request: 2, file: "f".into(), bytes: 2048 });
        assert_eq!(overview.line(), "1 free  1 open  1 done  1 failed  2.0 KiB fetched");
        assert_eq!(overview.ended(), 2);
    }
}
