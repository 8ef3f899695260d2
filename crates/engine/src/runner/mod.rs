//! The *runner* carries out a plan: it submits every request, waits for all tasks at once, and brings what they built into
//! the compose.
//!
//! Three loops run side by side in one thread pool of a few threads, whatever the number of tasks:
//!
//! - `submit` sends the requests one after the other on the one session that may write (facts: sessions 9), and hands each
//!   task id to
//! - `wait`, which asks for the states of all open tasks by anonymous calls with many ids each, at a `pace` that the
//!   hub bears, and hands those that ended to
//! - `collect`, which asks what was built, many tasks in one call, and fetches, verifies and links the files, several
//!   at a time; of failed tasks and of those that upload it reads what the builders said (`output`).
//!
//! What waits between two loops is a task id and its request, so the plan bounds it. What is larger (descriptions of builds,
//! open files, answers) is bounded by each loop: it begins no more than it has room for.
//!
//! A request whose task fails goes back to `submit` as often as the run may ask for it again (`retry`).
//!
//! A request that fails does not stop the others (facts: compose 13); each ends with one [`Outcome`]. A request that an earlier
//! run has begun continues where it stopped, see [`Start`].

mod adopt;
mod again;
mod awaited;
mod builds;
mod children;
mod collect;
mod output;
mod pace;
mod retry;
mod search;
mod standing;
mod submit;
mod task_set;
mod wait;

use crate::artifact::{AddedImage, Artifact, BuiltFile, FailedArch, NotAnImage};
use crate::cancel::{Canceled, Canceling, NotCanceled};
use crate::causes::{self, Cause};
use crate::event::{Event, Events};
use crate::find_task::{self, Stranger};
use crate::history::InDoubt;
use crate::journal::Journal;
use crate::plan::TaskRequest;
use crate::stop::{Reason, STOPPED, Stop, StopHandle};
use crate::volume::Volume;
use magudi_compose::CloudUpload;
use magudi_compose::confined::Directories;
use magudi_compose::layout::ComposeDir;
use magudi_compose::variants::Variants;
use magudi_config::compose_config::LinkType;
use magudi_koji::calls::{TaskInfo, TaskState, User};
use magudi_koji::{Hub, Session};
use retry::Former;
use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{OnceCell, mpsc};
use tokio::time::Instant;

pub use awaited::{Awaited, is_whole};
pub use pace::Polling;

/// How long a hub that does not answer may keep a run that was stopped from canceling all of its tasks. A hub that does
/// answers thousands of calls in this time.
const CANCEL_PATIENCE: Duration = Duration::from_secs(60);

/// Decides what a file becomes; given by the phase that asked for the build.
pub type Describe = dyn Fn(&TaskRequest, &BuiltFile) -> Result<Option<Artifact>, NotAnImage> + Send + Sync;

/// Where a request begins.
#[derive(Debug, Clone, Default)]
pub enum Start {
    /// It was never sent.
    #[default]
    Submit,
    /// It may have been sent, but it is unknown whether the hub created a task.
    LookUp(InDoubt),
    /// The hub has this task for it, which is compared with it before it is waited for.
    Adopt(i64),
    /// A person named this task for it; its owner may be somebody else.
    Named(i64),
    /// The hub had these tasks for it, the newest last: what one of them has built, or is building, is taken, and only else it
    /// begins as if there were none.
    Again {
        tasks: Vec<i64>,
        /// It was sent once more at this time, and it is not known whether the hub made a task.
        in_doubt: Option<InDoubt>,
    },
    /// The hub had these tasks for it, the newest last, which came to nothing. It ends as the newest did, unless somebody had one of
    /// them made again at the hub.
    Lost(Vec<i64>),
    /// This build is taken, or waited for, as what this task has made, which has not ended well.
    Take {
        task: i64,
        build: i64,
        /// The task is somebody else's, who may have had it made.
        named: bool,
    },
    /// It is built whatever the hub had for it; what of these tasks has not ended is canceled before.
    Anew(Vec<i64>),
    /// It cannot be begun, for this reason.
    Fail(String),
    /// This task's images are in the compose.
    Keep(Kept),
}

/// What a task that needs no further work has brought.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    pub task: i64,
    pub images: Vec<AddedImage>,
    pub uploads: Vec<CloudUpload>,
    /// Arches that it could not build, and that the compose does without.
    pub failed_arches: Vec<FailedArch>,
}

impl Start {
    /// Whether the request is submitted for certain: not so where what the hub has for it may be taken.
    pub fn is_submitted(&self) -> bool {
        matches!(self, Self::Submit | Self::Anew(_))
    }
}

/// All that a run needs besides the plan.
pub struct Runner {
    /// For reading: anonymous.
    pub hub: Hub,
    /// For writing.
    pub session: Session,
    pub events: Arc<Events>,
    /// How what is built comes into a compose. Without it nothing is fetched, and nothing is recorded on disk.
    pub intake: Option<Arc<Intake>>,
    /// How often tasks are looked at.
    pub polling: Polling,
    /// Address of a task's page.
    pub task_url: Box<dyn Fn(i64) -> String + Send + Sync>,
    /// Our numbers at the hub, in this run and in earlier ones: the owners of our tasks. Empty: not known.
    pub owners: BTreeSet<i64>,
    /// Requests that earlier runs sent in another form, because the compose was at another place then.
    pub sent_before: BTreeMap<usize, TaskRequest>,
    /// Stops the run when it cannot be carried out on this machine.
    pub stop: StopHandle,
    /// Whether it is stopped when an image fails that is not failable, too.
    pub fail_fast: bool,
    /// How often a request is asked for again whose task fails.
    pub retries: usize,
    /// How often earlier runs have asked for requests again, out of that number.
    pub retried: BTreeMap<usize, usize>,
    /// What requests wait for before they are sent.
    pub awaited: Option<Awaited>,
}

/// How what is built comes into a compose.
pub struct Intake {
    /// Where files and logs go.
    pub dir: ComposeDir,
    /// Those of its directories that were made.
    pub directories: Directories,
    /// Who knows where an addon's images go.
    pub variants: Variants,
    /// What must be on disk before something is sent.
    pub journal: Journal,
    /// Where the files of builds are.
    pub volume: Volume,
    /// How files come into the compose.
    pub link_type: LinkType,
    /// Checksums for images.json, computed while a file is verified.
    pub algorithms: Vec<String>,
    /// What files become.
    pub describe: Box<Describe>,
    /// Paths below `compose/` of images that earlier runs added: a new file may take their place.
    pub replaceable: Arc<BTreeSet<String>>,
    /// What becomes of files that cannot be of their format.
    pub formats: Formats,
}

/// What becomes of a file that cannot be of its format ([`magudi_compose::sanity`]).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Formats {
    /// No one looks.
    Any,
    #[default]
    Warn,
    /// Its image fails, and it does not enter the compose.
    Strict,
}

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runner").field("intake", &self.intake).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Intake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Intake").field("dir", &self.dir).field("volume", &self.volume).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Default)]
pub struct Outcome {
    pub task: Option<i64>,
    /// What is in the compose; also of a failed request, as far as it came (facts: compose 12).
    pub images: Vec<AddedImage>,
    /// What became of the uploads of its images; also of a failed request, as far as composer tells.
    pub uploads: Vec<CloudUpload>,
    /// Arches that could not be built, and that the compose does without. Pungi leaves no trace of them (facts: builders 15).
    pub failed_arches: Vec<FailedArch>,
    pub failure: Option<String>,
    /// The hub's own words in that.
    pub reason: Option<String>,
    /// The builder's reasons for it, by arch.
    pub causes: Vec<Cause>,
    pub argument: Option<String>,
    pub task_ended: bool,
    /// Unknown whether the hub made a task.
    pub in_doubt: bool,
}

impl Outcome {
    /// What went wrong with `request`, short enough to stand among others.
    pub fn in_short(&self, request: &TaskRequest) -> Option<String> {
        let failure = self.failure.as_deref()?;
        let what = match &self.reason {
            Some(reason) => causes::in_short(reason, &self.causes),
            // Behind what names the task and the image.
            None => failure.split_once(&format!("{}: ", request.label())).map_or(failure, |(_, what)| what).to_owned(),
        };
        let task = self.task.map_or_else(String::new, |task| format!("task {task}: "));
        Some(format!("{} ({task}{what})", request.name()))
    }
}

/// A task of one of our requests.
#[derive(Debug, Clone, Copy)]
struct Task {
    request: usize,
    id: i64,
}

#[derive(Debug)]
enum Ended {
    Tasks(TaskState, Vec<Task>),
    /// A build that is there although its task has not ended well, or that will be.
    Build(Task, i64),
}

impl Runner {
    /// Carries out `requests`, each from where `starts` says, and returns their outcomes in the same order. `claimed` are
    /// tasks that belong to requests already. `stop` ends submitting and waiting early: what has not ended then failed
    /// with that as its reason.
    pub async fn run(
        self: &Arc<Self>,
        requests: Arc<Vec<TaskRequest>>,
        starts: Vec<Start>,
        claimed: BTreeSet<i64>,
        stop: Stop,
    ) -> Vec<Outcome> {
        let (submitted, to_wait) = mpsc::unbounded_channel();
        let (over, to_collect) = mpsc::unbounded_channel();
        let (ended, mut outcomes) = mpsc::unbounded_channel();
        let (again, to_retry) = mpsc::unbounded_channel();
        let run = Run {
            runner: Arc::clone(self),
            requests: Arc::clone(&requests),
            ended,
            stop,
            claimed: Arc::new(Mutex::new(claimed)),
            owner: Arc::new(OnceCell::new()),
            former: Arc::new(Mutex::new(retry::former(&starts))),
            retried: Arc::new(Mutex::new(self.retried.clone())),
            again: again.downgrade(),
            made: Arc::default(),
            refused: Arc::default(),
        };
        let mut all: Vec<Option<Outcome>> = vec![None; requests.len()];
        let mut left = requests.len();
        // Closed as soon as nothing more can be asked for again, which ends the submissions.
        let mut again = (self.retries > 0 && left > 0).then_some(again);
        let mut work = pin!(async {
            // A hub that does not answer does not keep a run from being stopped.
            // Copied only where that may be needed: what is kept of 10,000 images is large.
            let starts = if again::is_settled(&starts) {
                starts
            } else {
                let settled = run.stop.unless_set(Box::pin(run.settle(starts.clone()))).await;
                settled.unwrap_or(starts)
            };
            tokio::join!(
                Box::pin(run.submit_beside(starts, to_retry, submitted, over.clone())),
                Box::pin(run.wait(to_wait, over)),
                Box::pin(run.collect(to_collect))
            );
        });
        loop {
            tokio::select! {
                Some((request, outcome)) = outcomes.recv() => {
                    left -= usize::from(all[request].replace(outcome).is_none());
                    if left == 0 {
                        drop(again.take());
                    }
                }
                () = &mut work => break,
            }
        }
        // A thread that hangs in a read of the volume has a sender too, and is not waited for.
        while let Ok((request, outcome)) = outcomes.try_recv() {
            all[request] = Some(outcome);
        }
        let unknown = || Outcome { failure: Some(STOPPED.to_owned()), ..Outcome::default() };
        all.into_iter().map(|outcome| outcome.unwrap_or_else(unknown)).collect()
    }

    /// Asks the hub to cancel the tasks of requests. Returns those that may continue, with the reason.
    pub async fn cancel(&self, tasks: &[(usize, i64)]) -> Vec<(i64, NotCanceled)> {
        // They were compared with their requests when they were adopted; one that a person named may be somebody else's.
        self.cancel_as(tasks, &self.events, |_, _| Ok(())).await.others().collect()
    }

    /// The same for those of our tasks that `is_ours` knows; `events` hears of it.
    pub async fn cancel_as(
        &self,
        tasks: &[(usize, i64)],
        events: &Events,
        is_ours: impl Fn(usize, &TaskInfo) -> Result<(), Stranger>,
    ) -> Canceled {
        let deadline = tokio::time::Instant::now() + CANCEL_PATIENCE;
        let canceling = Canceling { hub: &self.hub, session: &self.session, events, deadline };
        canceling.cancel(tasks, |index, task| self.is_of_us(task).and_then(|()| is_ours(index, task))).await
    }

    fn is_of_us(&self, task: &TaskInfo) -> Result<(), Stranger> {
        find_task::is_of(task, &self.owners)
    }
}

/// One run in progress.
#[derive(Clone)]
struct Run {
    runner: Arc<Runner>,
    requests: Arc<Vec<TaskRequest>>,
    ended: mpsc::UnboundedSender<(usize, Outcome)>,
    stop: Stop,
    /// Tasks that belong to one of our requests.
    claimed: Arc<Mutex<BTreeSet<i64>>>,
    /// Who we are at the hub, once somebody has asked.
    owner: Arc<OnceCell<Option<User>>>,
    /// What requests had before that may be submitted once more.
    former: Arc<Mutex<BTreeMap<usize, Former>>>,
    /// How often requests were asked for again.
    retried: Arc<Mutex<BTreeMap<usize, usize>>>,
    /// Where requests go that are to be asked for again.
    again: mpsc::WeakUnboundedSender<usize>,
    /// The tasks that this run has had made, and when it began to.
    made: Arc<Mutex<BTreeMap<i64, Instant>>>,
    /// Options that the hub is too old for.
    refused: Arc<Mutex<BTreeSet<&'static str>>>,
}

impl Run {
    fn say(&self, event: Event) {
        self.runner.events.say(event);
    }

    fn end(&self, index: usize, outcome: Outcome) {
        let request = &self.requests[index];
        let (phase, variant) = (request.phase.to_string(), request.variant.clone());
        match (&outcome.failure, outcome.task) {
            (Some(error), task) => {
                self.say(Event::RequestFailed {
                    request: index,
                    phase,
                    variant,
                    what: request.part("*"),
                    name: request.name().to_owned(),
                    task,
                    failable: request.failable,
                    error: error.clone(),
                    reason: outcome.reason.clone(),
                    url: task.map(|task| (self.runner.task_url)(task)),
                    causes: outcome.causes.clone(),
                    argument: outcome.argument.clone(),
                    in_doubt: outcome.in_doubt,
                });
                if self.runner.fail_fast && !request.failable {
                    self.runner.stop.set(Reason::FailFast);
                }
            }
            (None, Some(task)) => {
                let images = Some(outcome.images.len());
                self.say(Event::RequestDone { request: index, phase, variant, what: request.title(), task, images });
            }
            (None, None) => {}
        }
        // The receiver lives as long as the run.
        let _ = self.ended.send((index, outcome));
    }

    /// Ends a request that somebody continues after a stop; nothing of it is reported.
    fn abandon(&self, task: Task, task_ended: bool) {
        let failure = Some(STOPPED.to_owned());
        let outcome = Outcome { task: Some(task.id), failure, task_ended, ..Outcome::default() };
        // The receiver lives as long as the run.
        let _ = self.ended.send((task.request, outcome));
    }

    /// Ends a request whose task has not ended.
    fn fail(&self, index: usize, task: Option<i64>, failure: String) {
        self.end(index, Outcome { task, failure: Some(failure), ..Outcome::default() });
    }

    /// Ends a request whose task has ended.
    fn fail_after(&self, task: Task, failure: String) {
        let outcome = Outcome { task: Some(task.id), failure: Some(failure), task_ended: true, ..Outcome::default() };
        self.end(task.request, outcome);
    }
}
