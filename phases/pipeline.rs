//! The *pipeline* takes a compose from an empty directory to its final status: it leaves the records that a compose has,
//! runs the phases, and writes the manifests (facts: compose 14, manifests 1).

use crate::PHASES;
use crate::chosen::Chosen;
use crate::dropped;
use crate::existing_manifests::Existing;
use crate::expand;
use crate::image_checksum;
use crate::phase::{Context, ImagePhase, Origin, Phases, find};
use magudi_compose::cloud_uploads::{self, CloudUpload};
use magudi_compose::composeinfo::composeinfo;
use magudi_compose::deliverables::{Deliverable, Deliverables};
use magudi_compose::identity::ComposeIdentity;
use magudi_compose::images::Images;
use magudi_compose::layout::ComposeDir;
use magudi_compose::manifest::ManifestVersion;
use magudi_compose::pyjson;
use magudi_compose::status::{Status, reopen, write_status};
use magudi_compose::variants::Variants;
use magudi_compose::write::{write_atomic, write_atomic_with, write_json};
use magudi_config::words::counted;
use magudi_config::{ComposeConfig, Diagnostic, Node};
use magudi_engine::artifact::FailedArch;
use magudi_engine::blocking::blocking;
use magudi_engine::compare;
use magudi_engine::cts::Tracked;
use magudi_engine::event::{Event, Events, Level};
use magudi_engine::find_task;
use magudi_engine::history::Asked;
use magudi_engine::journal::Journal;
use magudi_engine::login::Login;
use magudi_engine::plan::TaskRequest;
use magudi_engine::plan_secrets::unsigned;
use magudi_engine::pungi::{How, Pungi, worse};
use magudi_engine::runner::{Awaited, Describe, Formats, Outcome, Polling, Runner, Start};
use magudi_engine::stop::{Reason, STOPPED, Stop, StopHandle};
use magudi_engine::volume::Volume;
use magudi_koji::calls::TaskInfo;
use magudi_koji::{Hub, Session};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::future::Future;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// Which phases there are, and which of them and of their images were asked for (facts: command-line 4).
#[derive(Debug, Clone)]
pub struct Selection {
    pub phases: Phases,
    /// `--just-phase`; empty for all.
    pub just: Vec<String>,
    /// `--skip-phase` and `skip_phases`.
    pub skip: Vec<String>,
    /// `--only` and `--variant`.
    pub chosen: Chosen,
}

/// All of [`PHASES`].
impl Default for Selection {
    fn default() -> Self {
        Self { phases: PHASES, just: Vec::new(), skip: Vec::new(), chosen: Chosen::default() }
    }
}

impl Selection {
    /// The selection of a command line and a configuration.
    pub fn new(just: &[String], skip: &[String], tree: &Node) -> Self {
        let listed = tree.as_dict().and_then(|tree| tree.get("skip_phases")?.as_array()).unwrap_or_default();
        let listed = listed.iter().filter_map(|name| name.as_str().map(str::to_owned));
        Self { just: just.to_vec(), skip: skip.iter().cloned().chain(listed).collect(), ..Self::default() }
    }

    /// Why a phase does not run; `None` when it does.
    pub fn skipped(&self, phase: &dyn ImagePhase, config: &ComposeConfig) -> Option<String> {
        let name = phase.name();
        self.unwanted(name).or_else(|| {
            (!phase.is_configured(config)).then(|| format!("Config section '{name}' was not found. Skipping."))
        })
    }

    /// Why a phase of that name is not wanted; `None` when it is.
    pub(crate) fn unwanted(&self, name: &str) -> Option<String> {
        if !self.just.is_empty() && !self.just.iter().any(|just| just == name) {
            return Some(format!("Phase {name} is not among those asked for"));
        }
        let skipped = self.skip.iter().any(|skip| skip == name);
        skipped.then(|| format!("Phase {name} is to be skipped"))
    }

    pub fn active<'a>(&'a self, config: &'a ComposeConfig) -> impl Iterator<Item = &'static dyn ImagePhase> + 'a {
        self.phases.iter().copied().filter(|phase| self.skipped(*phase, config).is_none())
    }
}

/// Expands every phase that runs: the requests in expansion order, and what is wrong.
pub fn expand(context: &Context<'_>, selection: &Selection) -> (Vec<TaskRequest>, Vec<Diagnostic>) {
    let mut all = (Vec::new(), Vec::new());
    for phase in selection.active(context.config) {
        let expansion = expand::expand(phase, context, &selection.chosen);
        all.0.extend(expansion.requests);
        all.1.extend(expansion.diagnostics);
    }
    all
}

/// Where the requests of [`expand()`] come from, in the same order.
pub fn origins(context: &Context<'_>, selection: &Selection) -> Vec<Origin> {
    selection.active(context.config).flat_map(|phase| expand::origins(phase, context, &selection.chosen)).collect()
}

/// The images of the phases that run, whichever are chosen: variant and name.
pub fn listed<'a>(
    config: &'a ComposeConfig,
    variants: &'a Variants,
    selection: &'a Selection,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    selection.active(config).flat_map(|phase| expand::listed(phase.name(), config, variants))
}

/// What is wrong with the sections of the phases that run, whatever stands elsewhere: all that can be said of them when other
/// options or the variants cannot be used.
pub fn check_alone(tree: &Node, selection: &Selection) -> Vec<Diagnostic> {
    let section = |phase: &dyn ImagePhase| tree.as_dict().and_then(|tree| tree.get(phase.name()));
    let wanted = selection.phases.iter().filter(|phase| selection.unwanted(phase.name()).is_none());
    wanted.filter_map(|phase| Some(expand::check_patterns(phase.section(), section(*phase)?))).flatten().collect()
}

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
    pub abandoned: Vec<(i64, Asked)>,
    /// A key for each request, by which a later run knows it again.
    pub keys: Vec<String>,
    /// Paths of the images that earlier runs added.
    pub earlier_paths: BTreeSet<String>,
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
#[derive(Debug)]
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
    pub async fn run<L, F>(mut self, login: L, stop: Stop) -> End
    where
        L: FnOnce() -> F,
        F: Future<Output = Result<Access, String>>,
    {
        let mut deliverables = self.planned_deliverables();
        let outcome = match self.begin() {
            Ok(pungi) => self.phases(login, &stop, &mut deliverables, pungi).await,
            Err(error) => Err((Status::Doomed, error)),
        };
        let (status, error) = match outcome {
            Ok(status) => (status, None),
            Err((_, error)) if signal(&stop).is_some() => (Status::Terminated, Some(error)),
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

    fn begin(&mut self) -> Result<Option<Pungi>, String> {
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
        let mut pungi = self.pungi.take();
        if let Some(pungi) = &mut pungi {
            pungi.take_its_word(&self.dir, &self.events, &self.journal)?;
        }
        if self.reopen && reopen(&self.dir).map_err(text_of)? {
            self.events.say(Event::Status { status: Status::Started.as_str().to_owned() });
        }
        self.set_status(Status::Started)?;
        Ok(pungi)
    }

    fn set_status(&self, status: Status) -> Result<(), String> {
        if write_status(&self.dir, status).map_err(text_of)? {
            self.events.say(Event::Status { status: status.as_str().to_owned() });
        }
        Ok(())
    }

    async fn phases<L, F>(
        &mut self,
        login: L,
        stop: &Stop,
        deliverables: &mut Deliverables,
        pungi: Option<Pungi>,
    ) -> Result<Status, (Status, String)>
    where
        L: FnOnce() -> F,
        F: Future<Output = Result<Access, String>>,
    {
        let doomed = |error: String| (Status::Doomed, error);
        write_json(&self.dir.deliverables(), &*deliverables).map_err(text_of).map_err(doomed)?;
        let beside = match &pungi {
            Some(pungi) if pungi.is_at_work() => Beside::Pungi,
            _ => Beside::Nothing,
        };
        let follow = |pungi: Pungi| {
            let (events, journal) = (Arc::clone(&self.events), self.journal.clone());
            pungi.follow(self.dir.clone(), events, journal, stop.clone())
        };
        let following =
            pungi.map(follow).transpose().map_err(|error| doomed(format!("cannot follow Pungi: {error}")))?;
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
        if let Some(signal) = signal(stop) {
            return Err(doomed(signal));
        }
        if verdict.how == How::Running {
            return Err(doomed(built.err().unwrap_or_else(|| STOPPED.to_owned())));
        }
        let (status, error) = verdict.status();
        match (built, error) {
            (Ok(built), error) => {
                self.existing = Existing::load(&self.dir).map_err(doomed)?;
                self.keep_deliverables(deliverables);
                let own = self.complete(built, stop, clock, beside).await;
                // It may have been stopped for Pungi's sake.
                let own = own.map_err(|problem| (worse(Status::Doomed, status), error.clone().unwrap_or(problem)))?;
                error.map_or(Ok(worse(own, status)), |error| Err((worse(own, status), error)))
            }
            (Err(failure), None) => Err(doomed(failure)),
            // It was stopped for Pungi's sake.
            (Err(failure), Some(error)) if failure == STOPPED => Err((status, error)),
            (Err(failure), Some(error)) => Err(doomed(format!("{failure}; {error}"))),
        }
    }

    /// Builds the images of every phase that runs.
    async fn build<L, F>(&mut self, login: L, stop: &Stop, deliverables: &mut Deliverables) -> Result<Built, String>
    where
        L: FnOnce() -> F,
        F: Future<Output = Result<Access, String>>,
    {
        let active: Vec<_> = self.selection.active(&self.config).collect();
        for phase in self.selection.phases {
            if let Some(reason) = self.selection.skipped(*phase, &self.config) {
                self.events.say(Event::PhaseSkipped { phase: phase.name().to_owned(), reason });
            }
        }
        let mut built = Built::default();
        let clock = Instant::now();
        for phase in &active {
            self.events.say(Event::PhaseStarted { phase: phase.name().to_owned() });
        }
        if self.requests.is_empty() {
            return Ok(built);
        }
        // A hub that is away for an hour does not keep a compose from being ended.
        let Some(access) = stop.unless_set(login()).await else { return Err(self.stopped_before_login(stop)) };
        let access = access.map_err(|error| format!("cannot use the hub: {error}"))?;
        self.owners.extend(access.login.user_id);
        match stop.unless_set(Box::pin(self.is_our_hub(&access))).await {
            Some(verdict) => verdict?,
            None => return Err(self.stopped_before_login(stop)),
        }
        self.events.say(Event::LoggedIn(access.login.clone()));
        let outcomes = Box::pin(self.submit(access, stop)).await;
        if let Some(signal) = signal(stop) {
            return Err(signal);
        }
        if let Some(Reason::Machine(problem)) = stop.reason() {
            return Err(format!("{problem}; no task was canceled: when that is mended, resume the compose"));
        }
        let mut hard: Vec<(&TaskRequest, &Outcome)> = Vec::new();
        let mut failing = BTreeSet::new();
        for (request, outcome) in self.requests.iter().zip(&outcomes) {
            let (kind, whole) = deliverable(self.selection.phases, request);
            for FailedArch { arch, .. } in &outcome.failed_arches {
                deliverables.fail(kind, Deliverable { arch: arch.clone(), ..whole.clone() });
                built.is_incomplete = true;
            }
            if outcome.failure.is_some() {
                if request.failable {
                    deliverables.fail(kind, whole);
                    built.is_incomplete = true;
                } else {
                    failing.insert(request.phase);
                    hard.push((request, outcome));
                }
            }
        }
        if let Some(failure) = failed(&hard, self.requests.len()) {
            for phase in active.iter().filter(|phase| !failing.contains(phase.name())) {
                self.phase_done(phase.name(), clock);
            }
            return Err(failure);
        }
        for outcome in outcomes {
            built.uploads.extend(outcome.uploads.into_iter().map(|mut upload: CloudUpload| {
                upload.reason = upload.reason.map(|reason| self.events.harmless(reason));
                if !self.keep_urls {
                    upload.options.values_mut().for_each(|place| *place = unsigned(place).into_owned());
                }
                upload
            }));
            for added in outcome.images {
                built.own.insert(added.image.path.clone());
                built.images.add(&added.variant, &added.image.arch.clone(), added.image).map_err(text_of)?;
            }
        }
        Ok(built)
    }

    /// Writes the sum files and manifests of a compose whose images are built; `clock` has run since the phases began.
    async fn complete(&self, built: Built, stop: &Stop, clock: Instant, beside: Beside) -> Result<Status, String> {
        let Built { images, uploads, mut own, is_incomplete } = built;
        let active: Vec<_> = self.selection.active(&self.config).collect();
        for phase in &active {
            self.phase_done(phase.name(), clock);
        }
        let clock = Instant::now();
        self.events.say(Event::PhaseStarted { phase: image_checksum::NAME.to_owned() });
        let version = self.manifest_version.unwrap_or_else(|| self.existing.version());
        let mut images = self.existing.merged_images(images, &self.earlier_paths);
        images.set_version(version);
        let listed: BTreeSet<&String> = images.iter().map(|(_, _, image)| &image.path).collect();
        let dropped: BTreeSet<String> =
            self.earlier_paths.iter().filter(|path| !listed.contains(path)).cloned().collect();
        // Sum files are written again without them.
        own.extend(dropped.iter().cloned());
        if beside == Beside::Pungi {
            // One set of sum files, whichever program made an image.
            own.extend(images.iter().map(|(_, _, image)| image.path.clone()));
        }
        let (sums, identity, dir, stopped) =
            (self.config.checksums.clone(), self.identity.clone(), self.dir.clone(), stop.clone());
        let summed = move || {
            image_checksum::run(&mut images, &own, &sums, &identity, &dir, &stopped)?;
            Ok(images)
        };
        let images = unless_set(stop, summed).await?;
        self.phase_done(image_checksum::NAME, clock);
        let mut info = composeinfo(&self.identity, &self.variants, &self.dir);
        self.existing.merge_composeinfo(&mut info, version);
        let mut manifests = Manifests { info, uploads: None, images: None };
        if !active.is_empty() {
            for (one, other) in images.shared_identities() {
                let text = format!(
                    "Readers of images.json will refuse it: {} has the same subvariant {}, type {}, format {} and arch {} as {}",
                    other.path, other.subvariant, other.kind, other.format, other.arch, one.path
                );
                self.events.message(Level::Warning, None, text);
            }
            manifests.uploads = self.cloud_uploads(&uploads);
            manifests.images = Some(images);
        }
        let (identity, dir, stopped) = (self.identity.clone(), self.dir.clone(), stop.clone());
        unless_set(stop, move || manifests.write(&identity, &dir, &stopped)).await?;
        if !active.is_empty() {
            let algorithms: Vec<String> =
                self.config.checksums.algorithms.iter().map(|name| name.as_str().to_owned()).collect();
            for problem in dropped::remove(&dropped, &algorithms, &self.dir) {
                self.events.message(Level::Warning, None, problem);
            }
        }
        Ok(if is_incomplete { Status::FinishedIncomplete } else { Status::Finished })
    }

    fn phase_done(&self, phase: &str, clock: Instant) {
        let seconds = clock.elapsed().as_secs_f64().ceil() as u64;
        self.events.say(Event::PhaseFinished { phase: phase.to_owned(), seconds });
    }

    /// cloud-uploads.json, when something was to be uploaded. One that an earlier run of the same phases left is replaced even by an
    /// empty one.
    fn cloud_uploads(&self, uploads: &[CloudUpload]) -> Option<Json> {
        let is_due =
            self.requests.iter().any(|request| request.about.uploads) || self.dir.cloud_uploads_file().exists();
        is_due.then(|| cloud_uploads::to_json(uploads, &self.identity))
    }

    async fn submit(&mut self, access: Access, stop: &Stop) -> Vec<Outcome> {
        let weburl = access.weburl;
        let phases = self.selection.phases;
        let describe: Box<Describe> = Box::new(move |request, file| match find(phases, request.phase) {
            Some(phase) => phase.describe(request, file),
            None => Err(format!("there is no phase {}", request.phase)),
        });
        let runner = Arc::new(Runner {
            hub: access.hub,
            session: access.session,
            dir: self.dir.clone(),
            variants: self.variants.clone(),
            events: Arc::clone(&self.events),
            journal: self.journal.clone(),
            volume: access.volume,
            link_type: self.config.link_type,
            algorithms: self.config.checksums.algorithms.iter().map(|name| name.as_str().to_owned()).collect(),
            polling: self.polling,
            task_url: Box::new(move |task| format!("{weburl}/taskinfo?taskID={task}")),
            describe,
            replaceable: self.earlier_paths.clone(),
            owners: self.owners.clone(),
            sent_before: std::mem::take(&mut self.sent_before),
            stop: self.stop.clone(),
            fail_fast: self.fail_fast,
            formats: self.formats,
            awaited: self.awaited.take(),
        });
        stop.unless_set(Box::pin(self.cancel_abandoned(&runner))).await;
        let (starts, claimed) = (std::mem::take(&mut self.starts), std::mem::take(&mut self.claimed));
        let outcomes = runner.run(Arc::clone(&self.requests), starts, claimed, stop.clone()).await;
        if matches!(stop.reason(), Some(Reason::Signal(_) | Reason::FailFast)) {
            // Pungi's words, for the log.
            self.events.message(Level::Info, None, "Trying to kill koji tasks");
            let running = outcomes.iter().enumerate().filter(|(_, outcome)| !outcome.task_ended);
            let tasks: Vec<(usize, i64)> =
                running.filter_map(|(request, outcome)| Some((request, outcome.task?))).collect();
            if stop.reason() == Some(Reason::FailFast) && !tasks.is_empty() {
                let tasks = counted(tasks.len(), "task");
                self.events.message(Level::Warning, None, format!("An image failed: canceling {tasks} (--fail-fast)"));
            }
            for (task, error) in runner.cancel(&tasks).await {
                self.events.message(Level::Error, None, format!("Failed to kill koji task {task}: {error}"));
            }
        }
        // A session that is left open expires by itself; the compose is not worse for it.
        if let Err(problem) = runner.logout().await {
            self.events.message(Level::Debug, None, format!("Logout failed: {problem}"));
        }
        outcomes
    }

    /// Why a run ends that was stopped before it could ask the hub for anything. What earlier runs have begun continues then.
    fn stopped_before_login(&self, stop: &Stop) -> String {
        let may_run = |start: &&Start| matches!(start, Start::Adopt(_) | Start::Named(_) | Start::LookUp(_));
        let tasks = self.starts.iter().filter(may_run).count();
        if tasks > 0 && matches!(stop.reason(), Some(Reason::Signal(_))) {
            let dir = self.dir.top().display();
            let text = format!(
                "{} of earlier runs may still run at the hub: magudi cancel {dir} ends what does",
                counted(tasks, "task")
            );
            self.events.message(Level::Warning, None, text);
        }
        signal(stop).unwrap_or_else(|| STOPPED.to_owned())
    }

    /// Whether the hub is the one that has the tasks of the compose, where that is not certain.
    async fn is_our_hub(&self, access: &Access) -> Result<(), String> {
        let is_ours = |index: usize, task: &TaskInfo| {
            let request = self.sent_before.get(&index).unwrap_or(&self.requests[index]);
            find_task::is_ours(task, request, None).and_then(|()| find_task::is_of(task, &self.owners))
        };
        match compare::first_stranger(&access.hub, &self.compare_first, is_ours).await? {
            None => Ok(()),
            Some((index, task, reason)) => Err(format!(
                "{} is not the hub at which the compose was begun: of task {task}, for image {}: {reason}; nothing was asked of it",
                access.login,
                self.requests[index].label()
            )),
        }
    }

    /// Cancels what may still run for requests that are asked for no more.
    async fn cancel_abandoned(&self, runner: &Runner) {
        let tasks: Vec<(usize, i64)> = self.abandoned.iter().map(|(task, _)| *task).enumerate().collect();
        if tasks.is_empty() {
            return;
        }
        // Their numbers are of no request of this plan: what becomes of them is said in words.
        let canceled =
            runner.cancel_as(&tasks, &Events::new(), |at, task| compare::resembles(task, &self.abandoned[at].1)).await;
        for task in canceled.canceled {
            self.events.message(Level::Info, None, format!("Task {task}, which is asked for no more, was canceled"));
        }
        for (task, reason) in canceled.strangers.into_iter().chain(canceled.left) {
            let text = format!("Task {task}, which is asked for no more, was not canceled: {reason}");
            self.events.message(Level::Warning, None, text);
        }
    }

    fn finish(&self, mut status: Status, error: Option<String>, deliverables: &Deliverables) -> End {
        let mut error = error.map(|error| self.events.harmless(error));
        if let Err(problem) = self.journal.sync() {
            // Before this nothing was done that it does not have; a resume does the rest again.
            self.events.message(Level::Warning, None, problem.to_string());
        }
        if let Some(error) = &error {
            let _ = write(&self.dir.traceback(), &format!("{error}\n"));
        }
        if let Err(problem) = write_json(&self.dir.deliverables(), deliverables) {
            self.events.message(Level::Warning, None, problem.to_string());
        }
        if let Err(problem) = self.set_status(status) {
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

/// What is left of a compose in `compose/metadata`.
struct Manifests {
    info: Json,
    uploads: Option<Json>,
    images: Option<Images>,
}

impl Manifests {
    /// Writes them, images.json last: only a compose that got to its end has it, so a stop is looked for once more when nothing is
    /// missing but its name.
    fn write(self, identity: &ComposeIdentity, dir: &ComposeDir, stop: &Stop) -> Result<(), String> {
        if let Some(Err(problems)) = self.images.as_ref().map(Images::validate) {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            return Err(format!("images.json would not be valid: {}", problems.join("; ")));
        }
        if let Some(uploads) = &self.uploads {
            write_json(&dir.cloud_uploads_file(), uploads).map_err(text_of)?;
        }
        write_json(&dir.composeinfo_file(), &self.info).map_err(text_of)?;
        let Some(images) = &self.images else { return Ok(()) };
        let written = write_atomic_with(&dir.images_file(), |out| {
            pyjson::to_writer(&mut *out, &images.document(identity))?;
            out.flush()?;
            out.get_ref().sync_all()?;
            Ok(stop.check()?)
        });
        written.map_err(text_of)
    }
}

/// Does work that blocks on a thread of its own, for which a run that is stopped does not wait.
async fn unless_set<T: Send + 'static>(
    stop: &Stop,
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let stopped = |error| signal(stop).unwrap_or(error);
    match stop.unless_set(blocking(work)).await {
        Some(done) => done?.map_err(stopped),
        None => Err(stopped(STOPPED.to_owned())),
    }
}

/// What is said of a compose of so many requests of which these failed, and must not.
fn failed(hard: &[(&TaskRequest, &Outcome)], requests: usize) -> Option<String> {
    // What was only stopped because of another failure is not the reason.
    let is_reason = |(_, outcome): &&(&TaskRequest, &Outcome)| outcome.failure.as_deref() != Some(STOPPED);
    let reasons: Vec<_> = hard.iter().filter(is_reason).collect();
    let (request, outcome) = reasons.first().copied().or(hard.first())?;
    if reasons.len() < 2 {
        return outcome.failure.clone();
    }
    let first = outcome.in_short(request)?;
    let (failed, others) = (reasons.len(), reasons.len() - 1);
    Some(format!("{failed} of {requests} images failed: {first}, and {others} more"))
}

/// What a request counts as in deliverables.json, and under which name.
fn deliverable(phases: Phases, request: &TaskRequest) -> (&'static str, Deliverable) {
    match find(phases, request.phase) {
        Some(phase) => (phase.kind(), phase.deliverable(request)),
        None => (request.phase, Deliverable::of_variant(&request.variant)),
    }
}

/// What a signal that ends a compose is called as its error.
fn signal(stop: &Stop) -> Option<String> {
    match stop.reason() {
        Some(Reason::Signal(number) | Reason::Detach(number)) => Some(format!("signal {number}")),
        _ => None,
    }
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    write_atomic(path, text.as_bytes()).map_err(text_of)
}

fn text_of(error: impl Display) -> String {
    error.to_string()
}
