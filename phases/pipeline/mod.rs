//! The *pipeline* takes a compose from an empty directory to its final status: it leaves the records that a compose has,
//! runs the phases, and writes the manifests (facts: compose 14, manifests 1).

mod build;
mod complete;
mod error;

pub use error::{LoginError, RunError};

use crate::existing_manifests::Existing;
use crate::selection::Selection;
use build::deliverable;
use magudi_compose::cloud_uploads::CloudUpload;
use magudi_compose::deliverables::Deliverables;
use magudi_compose::identity::ComposeIdentity;
use magudi_compose::images::Images;
use magudi_compose::layout::ComposeDir;
use magudi_compose::manifest::ManifestVersion;
use magudi_compose::status::{Status, StatusError, reopen, write_status};
use magudi_compose::variants::Variants;
use magudi_compose::write::{write_atomic, write_json};
use magudi_config::ComposeConfig;
use magudi_engine::cts::Tracked;
use magudi_engine::event::{Event, Events, Level};
use magudi_engine::history::PlannedRequest;
use magudi_engine::journal::Journal;
use magudi_engine::login::Login;
use magudi_engine::plan::TaskRequest;
use magudi_engine::pungi::{How, Pungi, worse};
use magudi_engine::runner::{Awaited, Formats, Polling, Start};
use magudi_engine::stop::{Stop, StopHandle, Stopped};
use magudi_engine::volume::Volume;
use magudi_koji::{Hub, Session};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

/// A compose that is ready to run.
#[derive(Debug)]
pub struct Compose {
    pub config: ComposeConfig,
    /// The variants, filtered.
    pub variants: Variants,
    /// Release, id, label, date.
    pub identity: ComposeIdentity,
    /// Its directory, which exists.
    pub dir: ComposeDir,
    pub selection: Selection,
    pub requests: Arc<Vec<TaskRequest>>,
    pub events: Arc<Events>,
    /// How often tasks are looked at.
    pub polling: Polling,
    /// Where each request begins; as many as there are requests.
    pub starts: Vec<Start>,
    /// Tasks that belong to requests already.
    pub claimed: BTreeSet<i64>,
    /// Our numbers at the hub in earlier runs.
    pub owners: BTreeSet<i64>,
    /// Requests that earlier runs sent in another form.
    pub sent_before: BTreeMap<usize, TaskRequest>,
    /// Tasks of requests of which it is not certain that they are this hub's: index of the request and task. They are compared
    /// before anything is done.
    pub compare_first: Vec<(usize, i64)>,
    /// Tasks of requests that are asked for no more, with what is known of them: they are canceled before anything is sent.
    pub abandoned: Vec<(i64, PlannedRequest)>,
    /// A key for each request, by which a later run knows it again.
    pub keys: Vec<String>,
    /// Paths of the images that earlier runs added.
    pub earlier_paths: Arc<BTreeSet<String>>,
    /// Manifests that are there already.
    pub existing: Existing,
    /// What must be on disk before something is sent.
    pub journal: Journal,
    /// How the run was started, for a resume.
    pub settings: Json,
    /// Everything is built again, whatever earlier runs did.
    pub fresh: bool,
    /// Told to stop the run when it cannot be carried out on this machine.
    pub stop: StopHandle,
    /// Whether it is stopped when an image fails that is not failable, too.
    pub fail_fast: bool,
    /// How often an image is asked for again whose task fails.
    pub retries: usize,
    /// How often earlier runs have asked for requests again, out of that number.
    pub retried: BTreeMap<usize, usize>,
    /// What becomes of files that cannot be of their format.
    pub formats: Formats,
    /// What requests wait for before they are sent.
    pub awaited: Option<Awaited>,
    /// cloud-uploads.json has the addresses of uploads whole, with what lets whoever has them fetch the images.
    pub keep_urls: bool,
    /// In which version manifests are written; none: in that of those which are there.
    pub manifest_version: Option<ManifestVersion>,
    /// It may be FINISHED, and is opened again.
    pub reopen: bool,
    /// The Pungi that makes the rest of the compose at the same time.
    pub pungi: Option<Pungi>,
    /// How CTS hears where the compose is, before its final status is known to anybody else.
    pub tracked: Option<Box<Tracked>>,
}

/// A way to the hub: what a compose needs once it has something to submit.
pub struct Access {
    /// For reading.
    pub hub: Hub,
    /// For writing.
    pub session: Session,
    /// Where the files of builds are.
    pub volume: Volume,
    /// Which hub that is, and who we are there.
    pub login: Login,
    /// `weburl` of the profile.
    pub weburl: String,
    /// What is to be done after the logout: nobody asks the hub for anything then.
    pub after: Option<After>,
}

/// What is done at the end of something.
pub type After = Pin<Box<dyn Future<Output = ()> + Send>>;

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("login", &self.login).field("volume", &self.volume).finish_non_exhaustive()
    }
}

/// What the phases have built.
#[derive(Debug, Default)]
struct Built {
    images: Images,
    uploads: Vec<CloudUpload>,
    /// The paths of the images below `compose/`.
    own: BTreeSet<String>,
    /// Something failed that may.
    is_incomplete: bool,
}

/// Who else made images of the compose in the meantime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beside {
    /// Nobody.
    Nothing,
    Pungi,
}

#[derive(Debug, Clone)]
pub struct End {
    pub status: Status,
    /// What ended it early.
    pub error: Option<String>,
}

impl End {
    /// Says that this was all: the last event of a run.
    pub fn say(&self, events: &Events) {
        events.say(Event::ComposeFinished { status: self.status.as_str().to_owned(), error: self.error.clone() });
    }
}

impl Compose {
    /// Runs the compose to its final status, of which [`End::say`] tells when nothing is left to do. `login` is called when
    /// there is something to submit; `stop` is set when a signal asks the compose to end.
    pub async fn run<L, F, E>(mut self, login: L, stop: Stop) -> End
    where
        L: FnOnce() -> F,
        F: Future<Output = Result<Access, E>>,
        E: Into<LoginError>,
    {
        let mut deliverables = self.planned_deliverables();
        let outcome = match self.begin() {
            Ok(pungi) => self.phases(login, &stop, &mut deliverables, pungi).await,
            Err(error) => Err((Status::Doomed, error)),
        };
        let (status, error) = match outcome {
            Ok(status) => (status, None),
            Err((_, error)) if RunError::signal(&stop).is_some() => (Status::Terminated, Some(error)),
            Err((status, error)) => (status, Some(error)),
        };
        if let Some(tracked) = &self.tracked {
            Box::pin(tracked.publish(&self.events, &stop)).await;
        }
        self.finish(status, error, &deliverables)
    }

    /// What the plan is to make, beside what others have made.
    fn planned_deliverables(&self) -> Deliverables {
        let mut deliverables = Deliverables::default();
        self.keep_deliverables(&mut deliverables);
        for request in self.requests.iter() {
            let (kind, deliverable) = deliverable(self.selection.phases, request);
            if request.failable {
                deliverables.attempt(kind, deliverable);
            } else {
                deliverables.require(kind, deliverable);
            }
        }
        deliverables
    }

    fn keep_deliverables(&self, deliverables: &mut Deliverables) {
        let is_ours = |kind: &str| self.selection.phases.iter().any(|phase| phase.kind() == kind);
        for (list, phase, all) in self.existing.other_deliverables(is_ours) {
            deliverables.keep(list, phase, all);
        }
    }

    fn begin(&mut self) -> Result<Option<Pungi>, RunError> {
        self.events.say(Event::ComposeStarted {
            compose_id: self.identity.id(),
            compose_dir: self.dir.top().to_path_buf(),
            requests: self.requests.len(),
            settings: self.settings.clone(),
            fresh: self.fresh,
        });
        for remark in self.existing.remarks() {
            self.events.message(Level::Warning, None, remark);
        }
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (index, (request, key)) in self.requests.iter().zip(&self.keys).enumerate() {
            let number = counts.entry(request.phase).or_default();
            *number += 1;
            let log = request.watch_log(&self.dir, *number);
            let log = log.strip_prefix(self.dir.top()).ok().map(|log| log.display().to_string());
            self.events.say(Event::planned(index, key, request, log));
        }
        self.journal.flush();
        let mut pungi = self.pungi.take();
        if let Some(pungi) = &mut pungi {
            pungi.take_its_word(&self.dir, &self.events, &self.journal)?;
        }
        if self.reopen && reopen(&self.dir)? {
            self.events.say(Event::Status { status: Status::Started.as_str().to_owned() });
        }
        self.set_status(Status::Started)?;
        Ok(pungi)
    }

    fn set_status(&self, status: Status) -> Result<(), StatusError> {
        if write_status(&self.dir, status)? {
            self.events.say(Event::Status { status: status.as_str().to_owned() });
        }
        Ok(())
    }

    async fn phases<L, F, E>(
        &mut self,
        login: L,
        stop: &Stop,
        deliverables: &mut Deliverables,
        pungi: Option<Pungi>,
    ) -> Result<Status, (Status, RunError)>
    where
        L: FnOnce() -> F,
        F: Future<Output = Result<Access, E>>,
        E: Into<LoginError>,
    {
        let doomed = |error: RunError| (Status::Doomed, error);
        write_json(&self.dir.deliverables(), &*deliverables).map_err(|error| doomed(error.into()))?;
        let beside = match &pungi {
            Some(pungi) if pungi.is_at_work() => Beside::Pungi,
            _ => Beside::Nothing,
        };
        let follow = |pungi: Pungi| {
            let (events, journal) = (Arc::clone(&self.events), self.journal.clone());
            pungi.follow(self.dir.clone(), events, journal, stop.clone())
        };
        let following = pungi.map(follow).transpose().map_err(|error| doomed(RunError::Follow(error)))?;
        let clock = Instant::now();
        let built = self.build(login, stop, deliverables).await;
        let Some(following) = following else {
            let built = built.map_err(doomed)?;
            return self.complete(built, stop, clock, beside).await.map_err(doomed);
        };
        if !following.is_over() {
            self.events.message(Level::Info, None, "Waiting for Pungi to end");
        }
        let verdict = following.verdict().await;
        // What is not done then is for a resume.
        if let Some(signal) = RunError::signal(stop) {
            return Err(doomed(signal));
        }
        if verdict.how == How::Running {
            return Err(doomed(built.err().unwrap_or(RunError::Stopped(Stopped))));
        }
        let (status, error) = verdict.status();
        match (built, error) {
            (Ok(built), error) => {
                self.existing = Existing::load(&self.dir, &self.earlier_paths).map_err(|error| doomed(error.into()))?;
                self.keep_deliverables(deliverables);
                let own = self.complete(built, stop, clock, beside).await;
                // It may have been stopped for Pungi's sake.
                let error = error.map(RunError::PungiEnded);
                match (own, error) {
                    (Ok(own), None) => Ok(worse(own, status)),
                    (Ok(own), Some(error)) => Err((worse(own, status), error)),
                    (Err(problem), error) => Err((worse(Status::Doomed, status), error.unwrap_or(problem))),
                }
            }
            (Err(failure), None) => Err(doomed(failure)),
            // It was stopped for Pungi's sake.
            (Err(RunError::Stopped(_)), Some(error)) => Err((status, RunError::PungiEnded(error))),
            (Err(failure), Some(pungi)) => Err(doomed(RunError::Both { own: Box::new(failure), pungi })),
        }
    }

    fn phase_done(&self, phase: &str, clock: Instant) {
        let seconds = clock.elapsed().as_secs_f64().ceil() as u64;
        self.events.say(Event::PhaseFinished { phase: phase.to_owned(), seconds });
    }

    fn finish(&self, mut status: Status, error: Option<RunError>, deliverables: &Deliverables) -> End {
        let mut error = error.map(|error| self.events.harmless(error.to_string()));
        if let Err(problem) = self.journal.sync() {
            // Before this nothing was done that it does not have; a resume does the rest again.
            self.events.message(Level::Warning, None, problem.to_string());
        }
        if let Some(error) = &error {
            let _ = write_atomic(&self.dir.traceback(), format!("{error}\n").as_bytes());
        }
        if let Err(problem) = write_json(&self.dir.deliverables(), deliverables) {
            self.events.message(Level::Warning, None, problem.to_string());
        }
        if let Err(problem) = self.set_status(status) {
            let problem = problem.to_string();
            self.events.message(Level::Critical, None, problem.clone());
            if error.is_none() {
                status = Status::Doomed;
                error = Some(problem);
            }
        }
        for (phase, deliverable) in deliverables.failed() {
            let variant = deliverable.variant.as_deref().unwrap_or("None");
            let subvariant = deliverable.subvariant.as_deref().unwrap_or("None");
            let arch = &deliverable.arch;
            let text = format!("Failed {phase} on variant <{variant}>, arch <{arch}>, subvariant <{subvariant}>.");
            self.events.message(Level::Info, None, text);
        }
        End { status, error }
    }
}
