//! The *runner* carries out a plan: it submits every request, waits for all tasks at once, and brings what they built into
//! the compose.
//!
//! Three loops run side by side in one thread pool of a few threads, whatever the number of tasks:
//!
//! - **submit** sends the requests one after the other on the one session that may write (KOJI.md 3), and hands each
//!   task id to
//! - **wait**, which asks for the states of all open tasks by anonymous calls with many ids each, and hands those that
//!   closed to
//! - **collect**, which asks what was built, many tasks in one call, and fetches, verifies and links the files, several
//!   at a time.
//!
//! A request that fails does not stop the others (PUNGI.md 8); each ends with one [`Outcome`].

use crate::artifact::{AddedImage, Artifact};
use crate::event::{Event, Events, Level};
use crate::link::{Linked, link};
use crate::plan::TaskRequest;
use crate::reason::compose_failure;
use crate::stop::Stop;
use crate::volume::{Verified, Volume, Wanted};
use magudi_compose::images::Image;
use magudi_compose::layout::ComposeDir;
use magudi_compose::variants::Variants;
use magudi_config::compose_config::LinkType;
use magudi_koji::calls::{Archive, Build, TaskInfo, TaskResult, TaskState, get_build, get_task_result, list_archives};
use magudi_koji::value::from_json;
use magudi_koji::{Hub, KojiError, MethodCall, Session, Value};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

/// Task ids in one `getTaskInfo` call: 3 kB out and 150 kB back (KOJI.md 10).
const IDS_PER_CALL: usize = 200;

/// Builds asked about in one `multiCall`; a listing of archives is some kilobytes.
const BUILDS_PER_CALL: usize = 50;

/// Files read and hashed, or fetched, at the same time.
const FILES_AT_ONCE: usize = 4;

/// Why a request without an end failed.
const STOPPED: &str = "stopped before it ended";

/// Decides what an archive becomes; given by the phase that asked for the build.
pub type Describe = dyn Fn(&TaskRequest, &Archive) -> Result<Option<Artifact>, String> + Send + Sync;

/// How often tasks are looked at: often at first and after something changed, then ever less.
#[derive(Debug, Clone, Copy)]
pub struct Polling {
    /// The shortest pause.
    pub least: Duration,
    /// The longest pause.
    pub most: Duration,
}

impl Default for Polling {
    fn default() -> Self {
        Self { least: Duration::from_millis(50), most: Duration::from_secs(6) }
    }
}

/// All that a run needs besides the plan.
pub struct Runner {
    /// For reading: anonymous.
    pub hub: Hub,
    /// For writing.
    pub session: Session,
    /// Where files and logs go.
    pub dir: ComposeDir,
    /// Who knows where an addon's images go.
    pub variants: Variants,
    /// Who is told.
    pub events: Arc<Events>,
    /// Where the files of builds are.
    pub volume: Volume,
    /// How files come into the compose.
    pub link_type: LinkType,
    /// Checksums for images.json, computed while a file is verified.
    pub algorithms: Vec<String>,
    /// How often tasks are looked at.
    pub polling: Polling,
    /// Address of a task's page.
    pub task_url: Box<dyn Fn(i64) -> String + Send + Sync>,
    /// What archives become.
    pub describe: Box<Describe>,
}

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runner").field("dir", &self.dir).field("volume", &self.volume).finish_non_exhaustive()
    }
}

/// How one request ended.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The task, if there is one.
    pub task: Option<i64>,
    /// What is in the compose; also of a failed request, as far as it came (PUNGI.md 8).
    pub images: Vec<AddedImage>,
    /// What went wrong.
    pub failure: Option<String>,
}

/// A task of one of our requests.
#[derive(Debug, Clone, Copy)]
struct Task {
    request: usize,
    id: i64,
}

impl Runner {
    /// Carries out `requests` and returns their outcomes, in the same order. `stop` ends submitting and waiting early:
    /// what has no outcome then failed with that as its reason.
    pub async fn run(self: &Arc<Self>, requests: Arc<Vec<TaskRequest>>, stop: Stop) -> Vec<Outcome> {
        let (submitted, to_wait) = mpsc::unbounded_channel();
        let (closed, to_collect) = mpsc::unbounded_channel();
        let (ended, mut outcomes) = mpsc::unbounded_channel();
        let run = Run { runner: Arc::clone(self), requests: Arc::clone(&requests), ended, stop };
        let gather = async {
            let mut all: Vec<Option<Outcome>> = vec![None; requests.len()];
            while let Some((request, outcome)) = outcomes.recv().await {
                all[request] = Some(outcome);
            }
            all
        };
        let work = async {
            tokio::join!(run.submit(submitted), run.wait(to_wait, closed), run.collect(to_collect));
            drop(run);
        };
        let ((), all) = tokio::join!(work, gather);
        let unknown = || Outcome { failure: Some(STOPPED.to_owned()), ..Outcome::default() };
        all.into_iter().map(|outcome| outcome.unwrap_or_else(unknown)).collect()
    }

    /// Asks the hub to cancel tasks. Returns those that it refused, with the reason.
    pub async fn cancel(&self, tasks: &[i64]) -> Vec<(i64, KojiError)> {
        let mut refused = Vec::new();
        for task in tasks {
            if let Err(error) = self.session.cancel_task(*task).await {
                refused.push((*task, error));
            }
        }
        refused
    }
}

/// One run in progress.
#[derive(Clone)]
struct Run {
    runner: Arc<Runner>,
    requests: Arc<Vec<TaskRequest>>,
    ended: mpsc::UnboundedSender<(usize, Outcome)>,
    stop: Stop,
}

impl Run {
    fn say(&self, event: Event) {
        self.runner.events.say(event);
    }

    fn end(&self, index: usize, outcome: Outcome) {
        let request = &self.requests[index];
        let (phase, variant) = (request.phase.clone(), request.variant.clone());
        match (&outcome.failure, outcome.task) {
            (Some(error), task) => self.say(Event::RequestFailed {
                request: index,
                phase,
                variant,
                name: request.name().to_owned(),
                task,
                failable: request.failable,
                error: error.clone(),
            }),
            (None, Some(task)) => self.say(Event::RequestDone { request: index, phase, variant, task }),
            (None, None) => {}
        }
        // The receiver lives as long as the run.
        let _ = self.ended.send((index, outcome));
    }

    fn fail(&self, index: usize, task: Option<i64>, failure: String) {
        self.end(index, Outcome { task, images: Vec::new(), failure: Some(failure) });
    }

    /// Ends a request whose task goes on without us.
    fn abandon(&self, task: Task) {
        let outcome = Outcome { task: Some(task.id), images: Vec::new(), failure: Some(STOPPED.to_owned()) };
        // The receiver lives as long as the run.
        let _ = self.ended.send((task.request, outcome));
    }

    async fn submit(&self, submitted: mpsc::UnboundedSender<Task>) {
        // After an error that is not about one request (the hub is gone, the session is lost), the next request would
        // fail in the same way after the same long wait.
        let mut broken: Option<String> = None;
        for (index, request) in self.requests.iter().enumerate() {
            if self.stop.is_set() {
                return;
            }
            if let Some(error) = &broken {
                self.fail(index, None, format!("image {} was not submitted: {error}", request.label()));
                continue;
            }
            self.say(Event::Submitting {
                request: index,
                phase: request.phase.clone(),
                name: request.name().to_owned(),
                variant: request.variant.clone(),
                arches: request.arches().into_iter().map(str::to_owned).collect(),
            });
            let (args, opts) = match arguments(request) {
                Ok(arguments) => arguments,
                Err(error) => {
                    self.fail(index, None, format!("image {} cannot be submitted: {error}", request.label()));
                    continue;
                }
            };
            match self.runner.session.osbuild_image(&args, &opts).await {
                Ok(id) => {
                    if let Err(error) = self.record(id) {
                        self.runner.events.message(Level::Warning, Some(&request.phase), error);
                    }
                    let url = (self.runner.task_url)(id);
                    self.say(Event::Submitted { request: index, task: id, url });
                    // The receiver ends only after this sender.
                    let _ = submitted.send(Task { request: index, id });
                }
                Err(error) => {
                    let text = error.to_string();
                    self.fail(index, None, format!("image {} was not submitted: {text}", request.label()));
                    if error.fault().is_none() {
                        broken = Some(text);
                    }
                }
            }
        }
    }

    /// Leaves the empty file by which Pungi's users find the tasks of a compose.
    fn record(&self, id: i64) -> Result<(), String> {
        let path = self.runner.dir.koji_task(id);
        let made = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::File::create(&path));
        made.map(|_| ()).map_err(|error| format!("cannot create {}: {error}", path.display()))
    }

    async fn wait(&self, mut submitted: mpsc::UnboundedReceiver<Task>, closed: mpsc::UnboundedSender<Vec<Task>>) {
        let mut open: BTreeMap<i64, (Task, Option<TaskState>)> = BTreeMap::new();
        let polling = self.runner.polling;
        let mut pause = polling.least;
        loop {
            if open.is_empty() {
                let Some(task) = submitted.recv().await else { return };
                open.insert(task.id, (task, None));
            }
            while let Ok(task) = submitted.try_recv() {
                open.insert(task.id, (task, None));
            }
            if self.stop.is_set() {
                // The last submission may be under way; its task is ours too.
                while let Some(task) = submitted.recv().await {
                    open.insert(task.id, (task, None));
                }
                for (task, _) in open.into_values() {
                    self.abandon(task);
                }
                return;
            }
            let mut changed = false;
            let ids: Vec<i64> = open.keys().copied().collect();
            for chunk in ids.chunks(IDS_PER_CALL) {
                match self.runner.hub.get_task_info(chunk).await {
                    Ok(infos) => changed |= self.take_states(&mut open, chunk, infos, &closed).await,
                    Err(error) => {
                        // The budget for retries is spent; the tasks go on at the hub, but nobody can tell how they end.
                        for id in chunk {
                            if let Some((task, _)) = open.remove(id) {
                                let text = format!("cannot ask for the state of task {id}: {error}");
                                self.fail(task.request, Some(*id), text);
                            }
                        }
                    }
                }
            }
            if open.is_empty() {
                continue;
            }
            pause = if changed { polling.least } else { (pause * 3 / 2).min(polling.most) };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.stop.wait() => {}
                // A new task is looked at as soon as it is there, but not more often than the shortest pause.
                Some(task) = submitted.recv(), if pause > polling.least => {
                    open.insert(task.id, (task, None));
                    tokio::time::sleep(polling.least).await;
                }
            }
        }
    }

    /// Compares states with those seen before, passes on what ended. True if anything changed.
    async fn take_states(
        &self,
        open: &mut BTreeMap<i64, (Task, Option<TaskState>)>,
        ids: &[i64],
        infos: Vec<Option<TaskInfo>>,
        closed: &mpsc::UnboundedSender<Vec<Task>>,
    ) -> bool {
        let mut changed = false;
        let mut done = Vec::new();
        for (id, info) in ids.iter().zip(infos) {
            let Some((task, before)) = open.get_mut(id) else { continue };
            let task = *task;
            let Some(info) = info else {
                open.remove(id);
                self.fail(task.request, Some(*id), format!("the hub does not know task {id} any more"));
                continue;
            };
            if *before == Some(info.state) {
                continue;
            }
            changed = true;
            *before = Some(info.state);
            self.say(Event::TaskState {
                request: task.request,
                task: *id,
                state: info.state.to_string().to_uppercase(),
            });
            match info.state {
                TaskState::Closed => done.push(task),
                TaskState::Failed => self.fail(task.request, Some(*id), self.why_failed(task).await),
                TaskState::Canceled => {
                    let text = self.task_failure(task, "was canceled");
                    self.fail(task.request, Some(*id), text);
                }
                TaskState::Free | TaskState::Open | TaskState::Assigned => continue,
            }
            open.remove(id);
        }
        if !done.is_empty() {
            // The receiver ends only after this sender.
            let _ = closed.send(done);
        }
        changed
    }

    fn task_failure(&self, task: Task, how: &str) -> String {
        let request = &self.requests[task.request];
        let log = self.runner.dir.watch_log(&request.variant, task.request + 1);
        format!("OSBuild task {} of image {} {how}. See {} for details", task.id, request.label(), log.display())
    }

    /// The reason of a failed task: its fault, and what osbuild-composer said (KOJI.md 5).
    async fn why_failed(&self, task: Task) -> String {
        let fault = match self.runner.hub.get_task_result(task.id).await {
            Ok(TaskResult::Fault(fault)) => fault.summary().into_owned(),
            Ok(TaskResult::Value(_)) => "no fault is recorded".to_owned(),
            Err(error) => format!("its fault cannot be had: {error}"),
        };
        let status = self.runner.hub.download_task_output(task.id, "compose-status.json", 1 << 20).await;
        let reason = status.ok().as_deref().and_then(compose_failure);
        let how = match reason {
            Some(reason) => format!("failed: {fault}: {reason}"),
            None => format!("failed: {fault}"),
        };
        self.task_failure(task, &how)
    }

    async fn collect(&self, mut closed: mpsc::UnboundedReceiver<Vec<Task>>) {
        let permits = Arc::new(Semaphore::new(FILES_AT_ONCE));
        let mut jobs = JoinSet::new();
        while let Some(tasks) = closed.recv().await {
            for chunk in tasks.chunks(BUILDS_PER_CALL) {
                for (task, built) in self.what_was_built(chunk).await {
                    match built {
                        Ok((build, archives)) => {
                            let (run, permits) = (self.clone(), Arc::clone(&permits));
                            jobs.spawn(async move {
                                // Never closed, so the permit is always had.
                                let _permit = permits.acquire_owned().await;
                                let outcome = run.take(task, &build, archives).await;
                                run.end(task.request, outcome);
                            });
                        }
                        Err(text) => self.fail(task.request, Some(task.id), text),
                    }
                }
                // Finished jobs are let go as the run proceeds, so that memory does not grow with the number of tasks.
                while jobs.try_join_next().is_some() {}
            }
        }
        while jobs.join_next().await.is_some() {}
    }

    /// Asks for the builds of closed tasks and their archives: two calls for all of `tasks`.
    async fn what_was_built(&self, tasks: &[Task]) -> Vec<(Task, Result<(Build, Vec<Archive>), String>)> {
        let hub = &self.runner.hub;
        let all = |error: KojiError| {
            let text = |task: &Task| format!("cannot ask what task {} built: {error}", task.id);
            tasks.iter().map(|task| (*task, Err(text(task)))).collect::<Vec<_>>()
        };
        let calls: Vec<MethodCall> = tasks.iter().map(|task| get_task_result::request(task.id)).collect();
        let results = match hub.multi_call(&calls).await {
            Ok(results) => results,
            Err(error) => return all(error),
        };
        let mut found: Vec<(Task, Result<i64, String>)> = Vec::with_capacity(tasks.len());
        for (task, result) in tasks.iter().zip(results) {
            let build = result
                .map_err(|fault| fault.summary().into_owned())
                .and_then(|value| get_task_result::build_id(&value).ok_or_else(|| "it names no build".to_owned()));
            found.push((*task, build.map_err(|reason| format!("result of task {}: {reason}", task.id))));
        }
        let builds = found.iter().filter_map(|(_, build)| build.as_ref().ok());
        let calls: Vec<MethodCall> =
            builds.flat_map(|id| [get_build::request(*id), list_archives::request(*id)]).collect();
        let mut answers = match hub.multi_call(&calls).await {
            Ok(answers) => answers.into_iter(),
            Err(error) => return all(error),
        };
        found
            .into_iter()
            .map(|(task, build)| {
                let described = build.and_then(|id| {
                    let mut next = || match answers.next() {
                        Some(Ok(value)) => Ok(value),
                        Some(Err(fault)) => Err(format!("build {id}: {}", fault.summary())),
                        None => Err(format!("the hub did not answer for build {id}")),
                    };
                    let (build, archives) = (next(), next());
                    let build = get_build::decode(&build?).map_err(|e| format!("build {id}: {e}"))?;
                    let build = build.ok_or_else(|| format!("the hub does not know build {id}"))?;
                    let archives = list_archives::decode(&archives?).map_err(|e| format!("build {id}: {e}"))?;
                    Ok((build, archives))
                });
                (task, described)
            })
            .collect()
    }

    /// Brings the images of one build into the compose, in the order of their file names, until one fails.
    async fn take(&self, task: Task, build: &Build, mut archives: Vec<Archive>) -> Outcome {
        // The hub lists archives in no particular order (KOJI.md 7).
        archives.sort_by(|a, b| a.filename.cmp(&b.filename));
        let request = &self.requests[task.request];
        let mut outcome = Outcome { task: Some(task.id), ..Outcome::default() };
        for archive in &archives {
            let added = match (self.runner.describe)(request, archive) {
                Ok(None) => {
                    self.note_ignored(request, archive);
                    continue;
                }
                Ok(Some(artifact)) => self.add(task, build, archive, artifact).await,
                Err(reason) => Err(reason),
            };
            match added {
                Ok(image) => outcome.images.push(image),
                Err(reason) => {
                    outcome.failure = Some(format!("task {} of image {}: {reason}", task.id, request.label()));
                    break;
                }
            }
        }
        outcome
    }

    fn note_ignored(&self, request: &TaskRequest, archive: &Archive) {
        // Manifests and logs are part of every build; anything else may be an image that somebody misses.
        let expected = archive.type_name == "json" || archive.filename.ends_with(".log");
        let level = if expected { Level::Debug } else { Level::Warning };
        let text = format!("{} (archive type {}) is not taken into the compose", archive.filename, archive.type_name);
        self.runner.events.message(level, Some(&request.phase), text);
    }

    async fn add(
        &self,
        task: Task,
        build: &Build,
        archive: &Archive,
        artifact: Artifact,
    ) -> Result<AddedImage, String> {
        let request = &self.requests[task.request];
        self.say(Event::FetchStarted { request: task.request, file: archive.filename.clone(), size: archive.size });
        let verified = self.verified(task, build, archive).await?;
        let runner = Arc::clone(&self.runner);
        let (uid, file) = (request.variant.clone(), archive.filename.clone());
        let (arch, is_iso) = (artifact.arch.clone(), artifact.is_iso);
        let source = verified.path.clone();
        let (destination, linked, metadata) = blocking(move || {
            let variant = runner.variants.get(&uid).ok_or_else(|| format!("there is no variant {uid}"))?;
            let directory =
                if is_iso { runner.dir.iso_dir(variant, &arch) } else { runner.dir.images_dir(variant, &arch) };
            let destination = directory.join(file);
            let linked = link(&source, &destination, runner.link_type).map_err(|e| e.to_string())?;
            let metadata = std::fs::metadata(&destination)
                .map_err(|error| format!("cannot look at {}: {error}", destination.display()))?;
            Ok((destination, linked, metadata))
        })
        .await?;
        self.note_linked(request, &verified.path, &destination, &linked);
        let path = self.runner.dir.relative(&destination);
        let path = path.ok_or_else(|| format!("{} has no path in the compose", destination.display()))?;
        self.say(Event::ImageAdded {
            request: task.request,
            arch: artifact.arch.clone(),
            image_type: artifact.image_type.clone(),
            path: path.clone(),
            size: metadata.len(),
        });
        let checksums =
            verified.digests.values.into_iter().filter(|(name, _)| self.runner.algorithms.contains(name)).collect();
        let image = Image {
            arch: artifact.arch,
            checksums,
            format: artifact.format,
            mtime: metadata.mtime(),
            path,
            size: metadata.len(),
            subvariant: request.subvariant.clone(),
            kind: artifact.image_type,
            volume_id: None,
            disc_number: 1,
            disc_count: 1,
            implant_md5: None,
            bootable: false,
            unified: false,
            additional_variants: Vec::new(),
            extra: serde_json::Map::new(),
        };
        Ok(AddedImage { variant: request.variant.clone(), image })
    }

    /// The file of an archive, read whole and compared with what the hub says.
    async fn verified(&self, task: Task, build: &Build, archive: &Archive) -> Result<Verified, String> {
        let runner = Arc::clone(&self.runner);
        let (index, file) = (task.request, archive.filename.clone());
        let events = Arc::clone(&runner.events);
        let mut progress = move |bytes| {
            events.say(Event::FetchProgress { request: index, file: file.clone(), bytes });
        };
        match &runner.volume {
            Volume::Local { .. } => {
                let (build, archive) = (build.clone(), archive.clone());
                blocking(move || {
                    let wanted = Wanted { build: &build, archive: &archive, algorithms: &runner.algorithms };
                    match runner.volume.read_local(wanted, &mut progress) {
                        Some(result) => result.map_err(|e| e.to_string()),
                        None => Err("the volume is not local".to_owned()),
                    }
                })
                .await
            }
            Volume::Cache { .. } => {
                let wanted = Wanted { build, archive, algorithms: &runner.algorithms };
                runner.volume.fetch(&runner.hub, wanted, &mut progress).await.map_err(|e| e.to_string())
            }
        }
    }

    fn note_linked(&self, request: &TaskRequest, source: &Path, destination: &Path, linked: &Linked) {
        let (source, destination) = (source.display(), destination.display());
        let (level, text) = match linked {
            Linked::Hardlink => (Level::Info, format!("Hardlinking {source} to {destination}")),
            Linked::Copy => (Level::Info, format!("Copying file {source} to {destination}")),
            Linked::Symlink(target) => (Level::Info, format!("Symlinking {destination} -> {}", target.display())),
            Linked::Present => (Level::Debug, format!("{destination} is there already and the same as {source}")),
        };
        self.runner.events.message(level, Some(&request.phase), text);
    }
}

/// The arguments of a request as XML-RPC values.
fn arguments(request: &TaskRequest) -> Result<(Vec<Value>, BTreeMap<String, Value>), String> {
    let args = request.args.iter().map(from_json).collect::<Result<_, _>>().map_err(|e| e.to_string())?;
    let opts = request.opts.iter().map(|(key, value)| Ok((key.clone(), from_json(value).map_err(|e| e.to_string())?)));
    Ok((args, opts.collect::<Result<_, String>>()?))
}

/// Runs what blocks on a thread that may.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, String> + Send + 'static) -> Result<T, String> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(format!("a worker was lost: {error}")),
    }
}
