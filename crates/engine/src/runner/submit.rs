//! *Submitting*: one request after the other, on one session, none of them twice.
//!
//! Before anything is sent, a record of it is on disk; one sync covers a few requests. When the answer to a submission is
//! lost, the hub is asked for a task with just this request (KOJI.md 3) before anything is sent again.

use super::{Outcome, Run, STOPPED, Start, Task};
use crate::blocking::blocking;
use crate::event::{Event, Level};
use crate::lookup::{Sent, since_now};
use crate::method::Method;
use crate::plan::TaskRequest;
use crate::refusal::argument;
use jiff::Timestamp;
use magudi_compose::beneath;
use magudi_koji::KojiError;
use std::collections::VecDeque;
use std::fs::OpenOptions;
use std::sync::PoisonError;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Records that one sync covers. So many submissions are in doubt after a crash of the machine, at the most.
const PER_SYNC: usize = 32;

/// How often a request is sent, if the hub has no task of it each time that the answer got lost.
const MOST_SENDS: usize = 5;

/// How long the answer to a submission is waited for after a stop, so that its task is known and can be canceled.
const LAST_ANSWER: Duration = Duration::from_secs(10);

/// A submission of which nobody knows whether it arrived.
#[derive(Debug, Clone, Copy)]
struct Doubt {
    /// When it was about to be sent.
    since: Timestamp,
    /// When the hub is done with it, if it arrived.
    settled: Instant,
}

/// Why a request has no task.
enum Refused {
    /// The hub said no to this request, perhaps because of one argument.
    This(String, Option<String>),
    /// Nothing can be sent any more, or nothing can be recorded.
    Everything(String),
    /// Nobody knows whether there is a task, and nothing can be sent any more.
    InDoubt(String),
}

impl Refused {
    /// An error of a call of `method` that was not executed.
    fn of(error: &KojiError, method: &Method) -> Self {
        match error.fault() {
            Some(fault) => Self::This(error.to_string(), argument(fault, method)),
            None => Self::Everything(error.to_string()),
        }
    }
}

impl Run {
    pub(super) async fn submit(&self, starts: Vec<Start>, submitted: mpsc::UnboundedSender<Task>) {
        let mut to_send: VecDeque<(usize, Option<Timestamp>)> = VecDeque::new();
        for (index, start) in starts.into_iter().enumerate() {
            match start {
                Start::Keep(task, images, uploads) => {
                    self.say(Event::Kept { request: index, task, images: images.len() });
                    let outcome = Outcome { task: Some(task), images, uploads, task_ended: true, ..Outcome::default() };
                    // The receiver lives as long as the run.
                    let _ = self.ended.send((index, outcome));
                }
                Start::Adopt(task) => self.adopt(index, task, &submitted),
                Start::LookUp(since) => to_send.push_back((index, Some(since))),
                Start::Submit => to_send.push_back((index, None)),
            }
        }
        let settled = Instant::now() + self.runner.polling.settled;
        // After an error that is not about one request (the hub is gone, the session is lost), the next request would
        // fail in the same way after the same long wait.
        let mut broken: Option<String> = None;
        while !to_send.is_empty() && !self.stop.is_set() {
            let batch: Vec<_> = to_send.drain(..to_send.len().min(PER_SYNC)).collect();
            if broken.is_none() {
                broken = self.announce(&batch).await.err();
            }
            for (index, since) in batch {
                if self.stop.is_set() {
                    return;
                }
                let request = &self.requests[index];
                let result = match &broken {
                    Some(error) => Err(Refused::This(error.clone(), None)),
                    None => self.send_or_stop(request, since.map(|since| Doubt { since, settled })).await,
                };
                match result {
                    Ok((task, true)) => self.adopt(index, task, &submitted),
                    Ok((task, false)) => {
                        self.note(request, task);
                        let url = (self.runner.task_url)(task);
                        self.say(Event::Submitted { request: index, task, url });
                        // The receiver ends only after this sender.
                        let _ = submitted.send(Task { request: index, id: task });
                    }
                    Err(refused) => {
                        let in_doubt = matches!(refused, Refused::InDoubt(_));
                        let (text, argument) = match refused {
                            Refused::This(text, argument) => (text, argument),
                            Refused::Everything(text) | Refused::InDoubt(text) => {
                                broken = Some(text.clone());
                                (text, None)
                            }
                        };
                        let at = argument.as_ref().map_or_else(String::new, |name| format!("argument `{name}`: "));
                        let failure = Some(format!("image {} was not submitted: {at}{text}", request.label()));
                        let reason = Some(text);
                        self.end(index, Outcome { failure, reason, argument, in_doubt, ..Outcome::default() });
                    }
                }
            }
        }
    }

    /// Records that requests are about to be sent. Those that are only looked up are in doubt already.
    async fn announce(&self, batch: &[(usize, Option<Timestamp>)]) -> Result<(), String> {
        let hub_time = since_now(&self.runner.hub);
        for (index, _) in batch.iter().filter(|(_, since)| since.is_none()) {
            let request = &self.requests[*index];
            let (phase, variant) = (request.phase.to_owned(), request.variant.clone());
            self.say(Event::Submitting { request: *index, phase, variant, hub_time: Some(hub_time) });
        }
        let journal = self.runner.journal.clone();
        blocking(move || journal.sync().map_err(|error| error.to_string())).await?
    }

    /// Sends a request, but does not wait long any more for the answer once the run is stopped.
    async fn send_or_stop(&self, request: &TaskRequest, doubt: Option<Doubt>) -> Result<(i64, bool), Refused> {
        let late = async {
            self.stop.wait().await;
            tokio::time::sleep(LAST_ANSWER).await;
        };
        tokio::select! {
            biased;
            result = self.send(request, doubt) => result,
            () = late => Err(Refused::InDoubt(format!("{STOPPED}, and the hub has not answered whether it has it"))),
        }
    }

    /// Has the hub make a task, or finds the one it made. The flag says that it was found.
    async fn send(&self, request: &TaskRequest, doubt: Option<Doubt>) -> Result<(i64, bool), Refused> {
        let sent = Sent::of(request).map_err(|text| Refused::This(text, None))?;
        if let Some(doubt) = doubt
            && let Some(task) = self.find_settled(&sent, doubt).await.map_err(|error| {
                Refused::InDoubt(format!("it may have been submitted before, and the hub cannot be asked: {error}"))
            })?
        {
            return Ok((task, true));
        }
        let since = since_now(&self.runner.hub);
        let mut lost = None;
        for _ in 0..MOST_SENDS {
            let error = match self.runner.session.make_task(&sent.call()).await {
                Ok(task) => return Ok((self.claim(task), false)),
                Err(error) => error,
            };
            if !error.may_have_executed() {
                return Err(Refused::of(&error, request.method));
            }
            match self.find(&sent, since).await {
                Ok(Some(task)) => return Ok((task, true)),
                // The hub has no such task, so the call was never executed.
                Ok(None) => lost = Some(error.to_string()),
                Err(asked) => {
                    return Err(Refused::InDoubt(format!("{error}; and the hub cannot be asked for it: {asked}")));
                }
            }
        }
        Err(Refused::Everything(lost.unwrap_or_default()))
    }

    /// Looks for the task of a submission whose run was killed. What that run had sent when it died may still be on its way
    /// to the hub, or in its queue: that it has no such task counts only after a while.
    async fn find_settled(&self, sent: &Sent, doubt: Doubt) -> Result<Option<i64>, KojiError> {
        let found = self.find(sent, doubt.since).await?;
        if found.is_some() || Instant::now() >= doubt.settled {
            return Ok(found);
        }
        tokio::time::sleep_until(doubt.settled).await;
        self.find(sent, doubt.since).await
    }

    /// Looks for a task of ours with just this request that belongs to no request yet.
    async fn find(&self, sent: &Sent, since: Timestamp) -> Result<Option<i64>, KojiError> {
        let owner = self.owner.get_or_try_init(|| self.runner.session.get_logged_in_user()).await?;
        let tasks = sent.tasks(&self.runner.hub, owner.as_ref().map(|user| user.id), since).await?;
        let mut claimed = self.claimed.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = tasks.into_iter().find(|task| !claimed.contains(task));
        claimed.extend(ours);
        Ok(ours)
    }

    fn claim(&self, task: i64) -> i64 {
        self.claimed.lock().unwrap_or_else(PoisonError::into_inner).insert(task);
        task
    }

    fn adopt(&self, index: usize, task: i64, submitted: &mpsc::UnboundedSender<Task>) {
        self.note(&self.requests[index], self.claim(task));
        self.say(Event::Adopted { request: index, task, url: (self.runner.task_url)(task), named: false });
        // The receiver ends only after this sender.
        let _ = submitted.send(Task { request: index, id: task });
    }

    /// Leaves the empty file by which Pungi's users find the tasks of a compose.
    fn note(&self, request: &TaskRequest, id: i64) {
        let dir = &self.runner.dir;
        let path = dir.koji_task(id);
        let made = self.directories.make(&dir.koji_tasks_dir()).map_err(|error| error.to_string());
        let open = || beneath::open(&path, OpenOptions::new().create(true).append(true));
        let made = made.and_then(|()| open().map_err(|error| error.to_string()));
        if let Err(error) = made {
            let text = format!("cannot create {}: {error}", path.display());
            self.runner.events.message(Level::Warning, Some(request.phase), text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::method::TEST_METHOD;
    use magudi_koji::Fault;

    #[test]
    fn a_refusal_knows_its_argument_and_an_outage_has_none() {
        let text = "42 is not of type 'string'\n\nFailed validating 'type'\n\nOn instance[1]:\n    42";
        let fault = KojiError::Fault { method: "buildThing".to_owned(), fault: Fault::new(1019, text) };
        match Refused::of(&fault, &TEST_METHOD) {
            Refused::This(text, argument) => {
                assert_eq!(text, "buildThing: ParameterError: 42 is not of type 'string'");
                assert_eq!(argument.as_deref(), Some("version"));
            }
            _ => panic!("a fault is about one request"),
        }
        let gone = KojiError::Auth { reason: "gone".to_owned() };
        assert!(matches!(Refused::of(&gone, &TEST_METHOD), Refused::Everything(_)));
    }
}
