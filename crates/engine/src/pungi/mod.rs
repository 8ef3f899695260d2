//! The *Pungi* that makes the rest of a compose, beside a run of ours and in the same directory: started once, followed to its
//! end, and heard where it says how the compose stands. One that somebody else has started is only heard.
//!
//! It is looked after by a thread of its own: its output (`output`), its word in STATUS (`verdict`), and whether it still runs.
//! A run that is killed leaves it running. Pungi writes into a file and needs no reader; the next run finds it again by its birth.

mod output;
mod verdict;

pub use output::phase;
pub use verdict::{How, Verdict, worse};

use crate::birth::{Birth, Process};
use crate::event::{Event, Events, Level};
use crate::journal::{Journal, JournalError};
use crate::stop::{Reason, Stop, StopHandle};
use magudi_compose::confined;
use magudi_compose::layout::ComposeDir;
use magudi_compose::status::{Status, StatusError, load_status, put_back};
use output::Output;
use rustix::process::{Pid, Signal, kill_process_group};
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use thiserror::Error;
use tokio::sync::{oneshot, watch};

/// How often it is looked at. Its word in STATUS stands there no longer than about this.
const PAUSE: Duration = Duration::from_millis(200);

/// How long it may take to end once it was asked to: it cancels its own tasks.
const PATIENCE: Duration = Duration::from_secs(60);

/// The file of its output, in `logs/global`.
pub const OUTPUT: &str = "pungi-output.log";

/// What keeps a Pungi from being started, or heard.
#[derive(Debug, Error)]
pub enum PungiError {
    #[error("its command is empty")]
    NoCommand,
    #[error("cannot start {program}: {error}")]
    Start {
        program: String,
        #[source]
        error: io::Error,
    },
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Status(#[from] StatusError),
}

/// What an earlier run of ours knew of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Past {
    /// Its number, and how to know it again; none: it was about to be started.
    pub process: Option<(i32, String)>,
    /// What it said of the compose.
    pub status: Option<String>,
    pub end: Option<How>,
}

impl Past {
    /// The process, if it still runs.
    fn process(&self) -> Option<(Process, Birth)> {
        let (pid, birth) = self.process.as_ref()?;
        let birth = Birth::parse(birth)?;
        Some((birth.process(*pid).ok()?, birth))
    }

    /// Its number, if it still runs.
    pub fn running(&self) -> Option<i32> {
        self.process().map(|(process, _)| process.pid)
    }

    /// Asks it to end and waits for a while, if it still runs: its number, which is an error if it runs all the same.
    pub fn terminate(&self, patience: Duration) -> Option<Result<i32, i32>> {
        let (process, birth) = self.process()?;
        let pid = process.pid;
        let found = Followed::Found(process, birth.clone());
        found.signal(Signal::TERM);
        let asked = Instant::now();
        while !birth.is_over(pid) {
            if asked.elapsed() > patience {
                return Some(Err(pid));
            }
            std::thread::sleep(PAUSE);
        }
        Some(Ok(pid))
    }
}

/// A Pungi beside a run.
#[derive(Debug)]
pub struct Pungi {
    /// Its command line; empty: somebody else has started it.
    pub command: Vec<OsString>,
    pub workdir: PathBuf,
    /// All that it gets of the environment.
    pub variables: Vec<(OsString, OsString)>,
    /// What is known of it already; none: it was never started.
    pub past: Option<Past>,
    /// The journal does not know that yet.
    pub is_news: bool,
    /// The status that we wrote last; any other one is Pungi's.
    pub our_status: Option<String>,
    /// Set when it makes nothing any more.
    pub over: watch::Sender<bool>,
    /// Stops the run when it fails.
    pub fail_fast: Option<StopHandle>,
}

/// The end of a Pungi that is followed.
#[derive(Debug)]
pub struct Following(oneshot::Receiver<Verdict>);

impl Following {
    pub fn is_over(&self) -> bool {
        !self.0.is_empty() || self.0.is_terminated()
    }

    /// Waits for it.
    pub async fn verdict(self) -> Verdict {
        self.0.await.unwrap_or(Verdict { status: None, how: How::Lost { reason: "it was lost sight of".to_owned() } })
    }
}

impl Pungi {
    /// Whether it makes its part while the run makes the images, and not long before.
    pub fn is_at_work(&self) -> bool {
        !self.command.is_empty() || self.past.as_ref().is_none_or(|past| past.end.is_none())
    }

    /// Takes what it may have said of the compose while no run of ours was there, and puts our STARTED in its place. Before
    /// this no one else writes STATUS.
    pub fn take_its_word(&mut self, dir: &ComposeDir, events: &Events, journal: &Journal) -> Result<(), PungiError> {
        let Some(past) = &mut self.past else { return Ok(()) };
        if self.is_news {
            events.say(Event::PungiStarted { command: Vec::new(), pid: None, birth: None });
            past.status.iter().for_each(|status| events.say(Event::PungiStatus { status: status.clone() }));
            past.end.iter().for_each(|how| events.say(how.event()));
            journal.sync()?;
        }
        let now = load_status(&dir.status_file())?;
        let foreign = now.filter(|now| self.our_status.as_deref() != Some(now.as_str()) && *now != Status::Started);
        if let (Some(status), None) = (foreign, &past.end) {
            past.status = Some(status.as_str().to_owned());
            events.say(Event::PungiStatus { status: status.as_str().to_owned() });
            journal.sync()?;
        }
        if now.is_some_and(|now| now != Status::Started) {
            put_back(dir)?;
        }
        Ok(())
    }

    /// Starts it, or finds it again, and follows it to its end on a thread of its own. `stop` ends it, too.
    pub fn follow(self, dir: ComposeDir, events: Arc<Events>, journal: Journal, stop: Stop) -> io::Result<Following> {
        let (sender, receiver) = oneshot::channel();
        std::thread::Builder::new().name("pungi".to_owned()).spawn(move || {
            let (over, fail_fast) = (self.over.clone(), self.fail_fast.clone());
            let verdict = Follower { pungi: self, dir, events, journal, stop }.run();
            if let (Some(handle), (_, Some(_))) = (fail_fast, verdict.status()) {
                handle.set(Reason::FailFast);
            }
            // Requests that wait for its files, and the run, may be gone.
            let _ = over.send(true);
            let _ = sender.send(verdict);
        })?;
        Ok(Following(receiver))
    }
}

struct Follower {
    pungi: Pungi,
    dir: ComposeDir,
    events: Arc<Events>,
    journal: Journal,
    stop: Stop,
}

/// The process that is followed.
enum Followed {
    /// Ours.
    Child(Child),
    /// An earlier run's.
    Found(Process, Birth),
    /// None that could be found.
    Gone,
    /// Started by somebody else: only its STATUS is known.
    Others,
}

impl Followed {
    /// How it ended, if it has. `has_spoken`: it has said how the compose stands, which is the last thing that it does.
    fn end(&mut self, has_spoken: bool) -> Option<How> {
        match self {
            Self::Child(child) => match child.try_wait() {
                Ok(None) => None,
                Ok(Some(status)) => Some(match (status.code(), status.signal()) {
                    (Some(code), _) => How::Exited { code },
                    (None, Some(signal)) => How::Killed { signal },
                    (None, None) => How::Unseen,
                }),
                Err(error) => Some(How::Lost { reason: error.to_string() }),
            },
            Self::Found(process, birth) => birth.is_over(process.pid).then_some(How::Unseen),
            Self::Gone => Some(How::Unseen),
            Self::Others => has_spoken.then_some(How::Unseen),
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = match self {
            Self::Child(child) => i32::try_from(child.id()).ok(),
            Self::Found(process, birth) => birth.process(process.pid).is_ok().then_some(process.pid),
            Self::Gone | Self::Others => None,
        };
        if let Some(group) = pid.and_then(Pid::from_raw) {
            // It leads a group of its own; nothing is left of it, at the worst.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Follower {
    fn run(mut self) -> Verdict {
        let mut status = self.pungi.past.as_mut().and_then(|past| past.status.take());
        if let Some(how) = self.pungi.past.as_ref().and_then(|past| past.end.clone()) {
            return Verdict { status, how };
        }
        let mut followed = match self.begin() {
            Ok(followed) => followed,
            Err(error) => return self.end(status, How::Lost { reason: error.to_string() }),
        };
        let mut output = Output::open(self.dir.logs_global().join(OUTPUT), self.pungi.past.is_some());
        let mut killed_at = None;
        let how = loop {
            // Before the last look at what it has written.
            let end = followed.end(status.is_some());
            output.take(|event| self.events.say(event));
            self.hear(&mut status);
            if let Some(how) = end {
                output.finish(|event| self.events.say(event));
                break how;
            }
            match self.stop.reason() {
                // It continues, and a resume finds it.
                Some(Reason::Detach(_) | Reason::Machine(_)) => return Verdict { status, how: How::Running },
                // It is not ours to end.
                Some(_) if matches!(followed, Followed::Others) => return Verdict { status, how: How::Running },
                Some(_) => self.end_it(&followed, &mut killed_at),
                None => {}
            }
            std::thread::sleep(PAUSE);
        };
        self.end(status, how)
    }

    fn end_it(&self, followed: &Followed, asked_at: &mut Option<Instant>) {
        match asked_at {
            None => {
                self.events.message(Level::Warning, None, "Asking Pungi to end");
                followed.signal(Signal::TERM);
                *asked_at = Some(Instant::now());
            }
            Some(asked) if asked.elapsed() > PATIENCE => followed.signal(Signal::KILL),
            Some(_) => {}
        }
    }

    /// Puts STARTED back where Pungi has said something else, once that is on disk.
    fn hear(&self, status: &mut Option<String>) {
        let Ok(Some(word)) = load_status(&self.dir.status_file()) else { return };
        if word == Status::Started {
            return;
        }
        // What cannot be restored is found again at every look.
        let is_new = status.as_deref() != Some(word.as_str());
        if is_new {
            self.events.say(Event::PungiStatus { status: word.as_str().to_owned() });
            *status = Some(word.as_str().to_owned());
        }
        let put = || -> Result<(), PungiError> {
            self.journal.sync()?;
            Ok(put_back(&self.dir)?)
        };
        if let Err(error) = put()
            && is_new
        {
            self.events.message(
                Level::Warning,
                None,
                format!("Pungi changed STATUS, and it cannot be restored: {error}"),
            );
        }
    }

    fn end(&self, status: Option<String>, how: How) -> Verdict {
        self.events.say(how.event());
        Verdict { status, how }
    }

    fn begin(&self) -> Result<Followed, PungiError> {
        if self.pungi.command.is_empty() {
            return Ok(Followed::Others);
        }
        if let Some(past) = &self.pungi.past {
            // One that was about to be started and left no trace was not started, or got nowhere.
            let output = self.dir.logs_global().join(OUTPUT);
            let is_traceless = past.process.is_none() && output.metadata().map_or(true, |file| file.len() == 0);
            if !is_traceless || past.status.is_some() {
                return Ok(self.find(past));
            }
        }
        self.start()
    }

    fn find(&self, past: &Past) -> Followed {
        match past.process() {
            Some((process, birth)) => {
                let text = format!("Pungi is still running (process {}): following it", process.pid);
                self.events.message(Level::Info, None, text);
                Followed::Found(process, birth)
            }
            None => Followed::Gone,
        }
    }

    fn start(&self) -> Result<Followed, PungiError> {
        let shown: Vec<String> = self.pungi.command.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        let (program, arguments) = self.pungi.command.split_first().ok_or(PungiError::NoCommand)?;
        let cannot = |error| PungiError::Start { program: program.to_string_lossy().into_owned(), error };
        let path = self.dir.logs_global().join(OUTPUT);
        let output = confined::open(&path, OpenOptions::new().create(true).append(true)).map_err(cannot)?;
        let errors = output.try_clone().map_err(cannot)?;
        self.events.say(Event::PungiStarted { command: shown.clone(), pid: None, birth: None });
        self.journal.sync()?;
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.pungi.workdir);
        command.env_clear().envs(self.pungi.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        // A group of its own: a Ctrl-C is for the run, which passes it on.
        command.process_group(0);
        let child = command.spawn().map_err(cannot)?;
        let pid = i32::try_from(child.id()).ok();
        let birth = pid.and_then(Birth::of).map(|birth| birth.to_string());
        self.events.say(Event::PungiStarted { command: shown, pid, birth });
        self.journal.sync()?;
        Ok(Followed::Child(child))
    }
}
