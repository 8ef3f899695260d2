//! *Submitting*: one request after the other, on one session, none of them twice.
//!
//! Before anything is sent, a record of it is on disk; one sync covers a few requests, and is made while those before them are sent.
//! When the answer to a submission is lost, the hub is searched for its task (`search`), and the request is not sent again before it is
//! certain that there is none.

use super::awaited::Waiting;
use super::retry::Former;
use super::search::{Doubt, Looked, next_look};
use super::{Ended, Kept, Outcome, Run, STOPPED, Start, Task};
use crate::blocking::{Lost, blocking};
use crate::event::{Event, Level};
use crate::find_task::{Sent, since_now};
use crate::journal::JournalError;
use crate::method::Method;
use crate::plan::TaskRequest;
use crate::rejected_argument::argument;
use crate::stop::Reason;
use jiff::Timestamp;
use magudi_compose::confined;
use magudi_koji::KojiError;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::OpenOptions;
use std::pin::Pin;
use std::sync::PoisonError;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Records that one sync covers. While they are sent the next ones are recorded, so twice as many submissions are in doubt after a crash of
/// the machine, at the most.
const PER_SYNC: usize = 16;

/// Tasks that may wait to be written down while further requests are sent. As many are being written, and all of them are in doubt after the
/// program was killed; the next run finds them at the hub.
const UNWRITTEN: usize = 8;

/// How long the answer to a submission is waited for after a stop, so that its task is known and can be canceled. The others are
/// canceled after it, by the same session; what comes later is looked for by the next run, or `magudi cancel`.
const LAST_ANSWER: Duration = Duration::from_secs(1);

/// Requests that are begun, by what is to be done.
struct Begun {
    /// When all must have arrived that earlier runs have sent.
    settled: Instant,
    /// They are to be sent.
    to_send: VecDeque<usize>,
    /// Their tasks are to be looked for.
    doubts: Vec<Doubt>,
    /// Their tasks are to be compared with them.
    to_adopt: Vec<Task>,
}

/// Why a request has no task.
enum Refused {
    /// The hub said no to this request, perhaps because of one argument.
    This(String, Option<String>),
    /// The hub said no to the user, or to the method: every other request of the method would get the same.
    Method(String),
    /// Nothing can be sent any more, or nothing can be recorded.
    Everything(String),
    /// It is not known whether there is a task.
    InDoubt(Doubt),
    /// The same, and nothing can be sent any more.
    InDoubtWithAll(Doubt),
}

/// Requests of which it is on disk, or about to be, that they are sent, in the order in which that was recorded.
#[derive(Default)]
struct Announced {
    requests: VecDeque<usize>,
    /// How many of them are on disk.
    durable: usize,
    /// The sync that brings the others there, where there is a journal.
    sync: Option<Syncing>,
}

type Syncing = Pin<Box<dyn Future<Output = Result<(), Unrecorded>> + Send>>;

/// Why what is to be sent is not on disk.
#[derive(Debug, thiserror::Error)]
enum Unrecorded {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Lost(#[from] Lost),
}

impl Announced {
    /// Whether it is time to record the next ones.
    fn has_room(&self) -> bool {
        self.sync.is_none() && self.requests.len() < PER_SYNC
    }

    /// The next request that may be sent. The error is about the journal: what is not on disk must not be sent.
    async fn next(&mut self) -> Result<Option<usize>, Unrecorded> {
        if self.durable == 0 {
            if let Some(sync) = self.sync.take() {
                sync.await?;
            }
            self.durable = self.requests.len();
        }
        self.durable = self.durable.saturating_sub(1);
        Ok(self.requests.pop_front())
    }
}

impl Begun {
    fn new(settled: Instant) -> Self {
        Self { settled, to_send: VecDeque::new(), doubts: Vec::new(), to_adopt: Vec::new() }
    }
}

impl Refused {
    /// An error of a call of `method` that was not executed.
    fn of(error: &KojiError, method: &Method) -> Self {
        match error.fault() {
            Some(fault) if fault.passes() => Self::Everything(error.to_string()),
            Some(fault) if fault.is_general() => Self::Method(error.to_string()),
            Some(fault) => Self::This(error.to_string(), argument(fault, method)),
            None => Self::Everything(error.to_string()),
        }
    }
}

impl Run {
    /// [`submit`](Self::submit) as a task of its own. The thread on which the hub's answer arrives then sends the next request: with
    /// everything in one task each would wake the other, and wait behind what polling and collecting have to do. It ends with the future.
    pub(super) async fn submit_beside(
        &self,
        starts: Vec<Start>,
        to_retry: mpsc::UnboundedReceiver<usize>,
        submitted: mpsc::UnboundedSender<Task>,
        over: mpsc::UnboundedSender<Ended>,
    ) {
        let run = self.clone();
        let mut submitting = JoinSet::new();
        submitting.spawn(async move { Box::pin(run.submit(starts, to_retry, submitted, over)).await });
        if let Some(Err(error)) = submitting.join_next().await
            && let Ok(panic) = error.try_into_panic()
        {
            std::panic::resume_unwind(panic);
        }
    }

    /// Begins every request: sends those that were never sent, searches for those that may have been, continues those that
    /// have a task. Those that come `to_retry` are begun again.
    async fn submit(
        &self,
        starts: Vec<Start>,
        to_retry: mpsc::UnboundedReceiver<usize>,
        submitted: mpsc::UnboundedSender<Task>,
        over: mpsc::UnboundedSender<Ended>,
    ) {
        let mut begun = Begun::new(Instant::now() + self.runner.polling.settled);
        for (index, start) in starts.into_iter().enumerate() {
            self.begin_request(index, start, &mut begun, &submitted, &over);
        }
        if let Some(intake) = &self.runner.intake {
            intake.journal.flush();
        }
        let Begun { to_send, doubts, to_adopt, .. } = begun;
        let (made, to_write) = mpsc::channel(UNWRITTEN);
        tokio::join!(
            self.send_all(to_send, doubts, to_retry, &submitted, over, made),
            self.write_down(to_write, &submitted),
            self.recognize(to_adopt, submitted.clone())
        );
    }

    fn begin_request(
        &self,
        index: usize,
        start: Start,
        begun: &mut Begun,
        submitted: &mpsc::UnboundedSender<Task>,
        over: &mpsc::UnboundedSender<Ended>,
    ) {
        match start {
            Start::Keep(Kept { task, images, uploads, failed_arches }) => {
                self.say(Event::Kept { request: index, task, images: images.len() });
                let task_ended = true;
                let outcome =
                    Outcome { task: Some(task), images, uploads, failed_arches, task_ended, ..Outcome::default() };
                // The receiver lives as long as the run.
                let _ = self.ended.send((index, outcome));
            }
            Start::Adopt(task) => begun.to_adopt.push(Task { request: index, id: task }),
            Start::LookUp(what) => match Sent::of(self.sent_before(index)) {
                Ok(sent) => begun.doubts.push(Doubt::of_before(index, sent, what, begun.settled)),
                Err(error) => self.refuse(index, error.to_string(), None),
            },
            Start::Submit => begun.to_send.push_back(index),
            Start::Named(task) => self.adopt_as(index, task, true, submitted),
            Start::Fail(text) => {
                self.fail(index, None, format!("image {}: {text}", self.requests[index].label()));
            }
            // They are settled.
            Start::Again { .. } | Start::Anew(_) | Start::Lost(_) => {}
            Start::Take { task, build, named } => {
                self.say_adopted(index, task, named);
                // The receiver ends only after this sender.
                let _ = over.send(Ended::Build(Task { request: index, id: task }, build));
            }
        }
    }

    /// What is to be sent of requests whose tasks were looked for and not found, or failed. Those that had tasks before are settled once more: it
    /// was not asked what stands as long as they were in doubt, and what a canceled task had begun may have come since. What stands is
    /// taken, also where it stays in doubt whether there is another task.
    async fn begin_late(
        &self,
        looked: Looked,
        submitted: &mpsc::UnboundedSender<Task>,
        over: &mpsc::UnboundedSender<Ended>,
    ) -> VecDeque<usize> {
        let mut begun = Begun::new(Instant::now());
        let mut given_up: BTreeMap<usize, Doubt> = BTreeMap::new();
        given_up.extend(looked.given_up.into_iter().map(|doubt| (doubt.request(), doubt)));
        let late: Vec<usize> = looked.certain.into_iter().chain(given_up.keys().copied()).collect();
        let mut starts = vec![Start::Submit; self.requests.len()];
        let mut had_tasks = false;
        for index in &late {
            if let Some(Former::Again(tasks)) = self.former(*index) {
                starts[*index] = Start::Again { tasks, in_doubt: None };
                had_tasks = true;
            }
        }
        if had_tasks {
            // A hub that does not answer does not keep a run from being stopped.
            starts = match self.stop.unless_set(Box::pin(self.settle(starts))).await {
                Some(settled) => settled,
                None => vec![Start::Lost(Vec::new()); self.requests.len()],
            };
        }
        for index in late {
            match (std::mem::take(&mut starts[index]), given_up.remove(&index)) {
                (Start::Submit | Start::Lost(_) | Start::Fail(_), Some(doubt)) => self.end_in_doubt(doubt),
                (start, _) => self.begin_request(index, start, &mut begun, submitted, over),
            }
        }
        self.recognize(begun.to_adopt, submitted.clone()).await;
        begun.to_send
    }

    /// Sends what there is to send, and looks for what is in doubt, until both are done and nothing more may come `to_retry`.
    async fn send_all(
        &self,
        mut to_send: VecDeque<usize>,
        mut doubts: Vec<Doubt>,
        mut to_retry: mpsc::UnboundedReceiver<usize>,
        submitted: &mpsc::UnboundedSender<Task>,
        over: mpsc::UnboundedSender<Ended>,
        made: mpsc::Sender<Task>,
    ) {
        // After an error that is not about one request (the hub is gone, the session is lost), the next request would
        // fail in the same way after the same long wait.
        let mut broken: Option<String> = None;
        let mut announced = Announced::default();
        // Methods of which the hub has taken a request, or refuses all.
        let (mut taken, mut refused) = (BTreeSet::new(), BTreeMap::new());
        let mut may_retry = true;
        let mut waiting = match &self.runner.awaited {
            Some(awaited) => Waiting::of(awaited, &mut to_send),
            None => Waiting::none(),
        };
        if !waiting.is_empty() {
            self.stop.unless_set(self.look_for_files(&mut waiting, &mut to_send)).await;
            self.say_waiting(&waiting);
        }
        while !self.stop.is_set() {
            let is_idle = to_send.is_empty() && announced.requests.is_empty();
            if is_idle && doubts.is_empty() && waiting.is_empty() && !may_retry {
                break;
            }
            tokio::select! {
                biased;
                () = self.stop.wait() => break,
                () = next_look(&doubts) => {
                    if let Some(looked) = self.stop.unless_set(self.look(&mut doubts, submitted)).await {
                        // Behind those that are announced already.
                        to_send.extend(Box::pin(self.begin_late(looked, submitted, &over)).await);
                    }
                    continue;
                }
                () = waiting.next_look() => {
                    self.stop.unless_set(self.look_for_files(&mut waiting, &mut to_send)).await;
                    // Hours may have passed since the hub was away.
                    if is_idle && !to_send.is_empty() {
                        broken = None;
                    }
                    continue;
                }
                retried = to_retry.recv(), if may_retry => {
                    match retried {
                        // The others that failed by now are asked about with it.
                        Some(first) => {
                            let more = std::iter::from_fn(|| to_retry.try_recv().ok());
                            let certain = std::iter::once(first).chain(more).collect();
                            let looked = Looked { certain, ..Looked::default() };
                            to_send.extend(Box::pin(self.begin_late(looked, submitted, &over)).await);
                        }
                        None => may_retry = false,
                    }
                    if is_idle && !to_send.is_empty() {
                        broken = None;
                    }
                    continue;
                }
                () = std::future::ready(()), if !is_idle => {}
            }
            if announced.requests.is_empty() && broken.is_none() {
                self.announce_some(&mut to_send, &mut announced, &taken, &refused);
            }
            let next = match announced.next().await {
                Ok(next) => next,
                Err(problem) => {
                    // What cannot be recorded must not be sent, whatever it is.
                    self.runner.stop.set(Reason::Machine(problem.to_string().as_str().into()));
                    break;
                }
            };
            // What is refused for what is broken was never announced.
            let Some(index) = next.or_else(|| broken.as_ref().and_then(|_| to_send.pop_front())) else { continue };
            let method = self.requests[index].method.name;
            let result = match broken.as_ref().or(refused.get(method)) {
                Some(error) => Err(Refused::This(error.clone(), None)),
                None => {
                    let meanwhile = async {
                        // A method's first request shows whether there is more to announce.
                        if announced.has_room() && taken.contains(method) {
                            self.announce_some(&mut to_send, &mut announced, &taken, &refused);
                        }
                    };
                    tokio::join!(self.send_or_stop(index), meanwhile).0
                }
            };
            match result {
                Ok(task) => {
                    taken.insert(method);
                    // The receiver ends after this sender.
                    let _ = made.send(Task { request: index, id: task }).await;
                }
                Err(Refused::This(text, argument)) => self.refuse(index, text, argument),
                Err(Refused::Method(text)) => {
                    refused.insert(method, text.clone());
                    self.refuse(index, text, None);
                }
                Err(Refused::Everything(text)) => {
                    broken = Some(text.clone());
                    self.refuse(index, text, None);
                }
                Err(Refused::InDoubt(doubt)) => doubts.push(doubt),
                Err(Refused::InDoubtWithAll(doubt)) => {
                    broken = Some(doubt.text().to_owned());
                    // It was waited for as long as the hub is waited for: the tasks are looked for once.
                    self.last_look(vec![doubt], submitted).await;
                }
            }
        }
        // That they were announced is no doubt for the next run.
        for request in announced.requests {
            self.say(Event::Withdrawn { request });
        }
        self.last_look(doubts, submitted).await;
    }

    /// Writes down the tasks that were made, while the next requests are sent, and passes them on to be waited for. Takes all that have come
    /// at once: to hand one over costs as much as to write it down.
    async fn write_down(&self, mut made: mpsc::Receiver<Task>, submitted: &mpsc::UnboundedSender<Task>) {
        let mut tasks = Vec::new();
        while made.recv_many(&mut tasks, UNWRITTEN).await > 0 {
            let (run, submitted, tasks) = (self.clone(), submitted.clone(), std::mem::take(&mut tasks));
            let written = blocking(move || {
                for task in tasks {
                    run.note(&run.requests[task.request], task.id);
                    run.say(Event::Submitted {
                        request: task.request,
                        task: task.id,
                        url: (run.runner.task_url)(task.id),
                    });
                    // The receiver lives as long as the run.
                    let _ = submitted.send(task);
                }
            });
            if let Err(lost) = written.await {
                self.runner.stop.set(Reason::Machine(lost.to_string().as_str().into()));
            }
        }
    }

    /// Ends the requests whose methods the hub refuses, which was said once.
    fn pass_over(&self, to_send: &mut VecDeque<usize>, refused: &BTreeMap<&str, String>) {
        if refused.is_empty() {
            return;
        }
        to_send.retain(|index| {
            let request = &self.requests[*index];
            let Some(text) = refused.get(request.method.name) else { return true };
            let failure = Some(format!("image {} was not submitted: {text}", request.label()));
            // The receiver lives as long as the run.
            let _ = self.ended.send((*index, Outcome { failure, reason: Some(text.clone()), ..Outcome::default() }));
            false
        });
    }

    /// Ends a request that has no task.
    pub(super) fn refuse(&self, index: usize, text: String, argument: Option<String>) {
        let at = argument.as_ref().map_or_else(String::new, |name| format!("argument `{name}`: "));
        let failure = Some(format!("image {} was not submitted: {at}{text}", self.requests[index].label()));
        self.end(index, Outcome { failure, reason: Some(text), argument, ..Outcome::default() });
    }

    /// Records that some requests are about to be sent, and begins to bring that to the disk. The first of a method is alone: it shows
    /// whether the hub takes such requests at all.
    fn announce_some(
        &self,
        to_send: &mut VecDeque<usize>,
        announced: &mut Announced,
        taken: &BTreeSet<&str>,
        refused: &BTreeMap<&str, String>,
    ) {
        self.pass_over(to_send, refused);
        let is_known = |index: &usize| taken.contains(self.requests[*index].method.name);
        let some = match to_send.front() {
            Some(first) if !is_known(first) && announced.requests.is_empty() => 1,
            _ => to_send.iter().take(PER_SYNC).take_while(|index| is_known(index)).count(),
        };
        if some == 0 {
            return;
        }
        let hub_time = Some(since_now(&self.runner.hub));
        for index in to_send.drain(..some) {
            let request = &self.requests[index];
            let (phase, variant) = (request.phase.to_owned(), request.variant.clone());
            self.say(Event::Submitting { request: index, phase, variant, what: request.title(), hub_time });
            announced.requests.push_back(index);
        }
        let Some(intake) = &self.runner.intake else { return };
        let journal = intake.journal.clone();
        let sync = blocking(move || journal.sync());
        announced.sync = Some(Box::pin(async { Ok(sync.await??) }));
    }

    /// Sends a request, but does not wait long any more for the answer once the run is stopped.
    async fn send_or_stop(&self, index: usize) -> Result<i64, Refused> {
        let mut sent = Sent::of(&self.requests[index]).map_err(|error| Refused::This(error.to_string(), None))?;
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for option in refused.iter().filter(|option| sent.method.newer_options.contains(option)) {
            sent = sent.without(option).unwrap_or(sent);
        }
        let begun = (Instant::now(), since_now(&self.runner.hub));
        let late = async {
            self.stop.wait().await;
            tokio::time::sleep(LAST_ANSWER).await;
        };
        tokio::select! {
            biased;
            result = self.send_as_known(index, &sent, begun) => result,
            () = late => {
                let text = format!("{STOPPED}, and it is unknown whether the hub has it");
                self.say(Event::AnswerLost { request: index, executed: false });
                Err(Refused::InDoubt(Doubt::of_this_run(index, sent, begun, false, text)))
            }
        }
    }

    /// Has the hub make a task, if need be without an option that its plugin is too old for: the refusal says for certain that
    /// there is no task yet.
    async fn send_as_known(&self, index: usize, sent: &Sent, begun: (Instant, Timestamp)) -> Result<i64, Refused> {
        let error = match self.send(index, sent, begun).await {
            Err(Refused::This(text, argument)) => (text, argument),
            other => return other,
        };
        let is_named = |option: &&&str| error.0.contains("ParameterError") && error.0.contains(**option);
        let option = sent.method.newer_options.iter().find(is_named);
        let Some((option, less)) = option.and_then(|option| Some((*option, sent.without(option)?))) else {
            return Err(Refused::This(error.0, error.1));
        };
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).insert(option);
        let text = format!("The hub does not know `{option}`: requesting {} without it", self.requests[index].label());
        self.runner.events.message(Level::Warning, Some(self.requests[index].phase), text);
        self.send(index, &less, begun).await
    }

    /// Has the hub make a task.
    async fn send(&self, index: usize, sent: &Sent, begun: (Instant, Timestamp)) -> Result<i64, Refused> {
        let error = match self.runner.session.make_task(&sent.call()).await {
            Ok(task) => {
                self.made.lock().unwrap_or_else(PoisonError::into_inner).insert(task, begun.0);
                return Ok(self.claim(task));
            }
            Err(error) => error,
        };
        if !error.may_have_executed() {
            // No connection was made, or the hub or its web server said no: for certain there is no task.
            return Err(Refused::of(&error, sent.method));
        }
        let executed = error.has_executed();
        self.say(Event::AnswerLost { request: index, executed });
        let doubt = Doubt::of_this_run(index, sent.clone(), begun, executed, error.to_string());
        // The session has repeated the call as long as the hub may be away.
        Err(if error.is_retriable() { Refused::InDoubtWithAll(doubt) } else { Refused::InDoubt(doubt) })
    }

    fn claim(&self, task: i64) -> i64 {
        self.claimed.lock().unwrap_or_else(PoisonError::into_inner).insert(task);
        task
    }

    /// Says that a task is the one of a request from now on.
    pub(super) fn say_adopted(&self, index: usize, task: i64, named: bool) {
        self.note(&self.requests[index], self.claim(task));
        self.say(Event::Adopted { request: index, task, url: (self.runner.task_url)(task), named });
    }

    /// Continues a task that is there.
    pub(super) fn adopt(&self, index: usize, task: i64, submitted: &mpsc::UnboundedSender<Task>) {
        self.adopt_as(index, task, false, submitted);
    }

    /// The same for one that a person `named`, perhaps.
    fn adopt_as(&self, index: usize, task: i64, named: bool, submitted: &mpsc::UnboundedSender<Task>) {
        self.say_adopted(index, task, named);
        // The receiver ends only after this sender.
        let _ = submitted.send(Task { request: index, id: task });
    }

    /// Leaves the empty file by which Pungi's users find the tasks of a compose.
    fn note(&self, request: &TaskRequest, id: i64) {
        let Some(intake) = &self.runner.intake else { return };
        let dir = &intake.dir;
        let path = dir.koji_task(id);
        let make = || -> Result<(), Box<dyn std::error::Error>> {
            intake.directories.make(&dir.koji_tasks_dir())?;
            confined::open(&path, OpenOptions::new().create(true).append(true))?;
            Ok(())
        };
        if let Err(error) = make() {
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

    #[tokio::test]
    async fn what_is_not_on_disk_is_not_sent() {
        let (synced, sync) = tokio::sync::oneshot::channel::<Result<(), Unrecorded>>();
        let sync: Syncing = Box::pin(async { sync.await.unwrap() });
        let mut announced = Announced { requests: VecDeque::from([1, 2]), durable: 0, sync: Some(sync) };
        assert!(!announced.has_room(), "one sync at a time");
        let mut next = Box::pin(announced.next());
        assert!(tokio::time::timeout(Duration::from_millis(20), &mut next).await.is_err());
        synced.send(Ok(())).unwrap();
        assert_eq!(next.await.unwrap(), Some(1));
        // The next ones are on their way to the disk, and do not get there.
        assert!(announced.has_room());
        announced.requests.push_back(3);
        let (path, error) = ("journal.jsonl".into(), std::io::Error::other("no room"));
        let full = JournalError::Io { action: "write", path, error };
        announced.sync = Some(Box::pin(async { Err(full.into()) }));
        assert_eq!(announced.next().await.unwrap(), Some(2));
        assert!(announced.next().await.unwrap_err().to_string().contains("no room"));
    }

    #[test]
    fn no_more_is_announced_than_may_be_in_doubt() {
        let mut announced = Announced { requests: (0..=PER_SYNC).collect(), ..Announced::default() };
        assert!(
            !announced.has_room(),
            "with the next ones and the one that is sent it would be more than twice as many"
        );
        announced.requests.pop_front();
        announced.requests.pop_front();
        assert!(announced.has_room());
    }

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
