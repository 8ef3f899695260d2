//! *Collecting* what closed tasks have built: describe, fetch, verify, link.

use super::builds::{Built, Closed, File, Lack};
use super::output::Ending;
use super::task_set::TaskSet;
use super::{Ended, Formats, Intake, Outcome, Run, Task};
use crate::artifact::{AddedImage, Artifact};
use crate::blocking::{self, blocking_long};
use crate::event::{Event, ImageEntry, Level};
use crate::link::{LinkError, Linked, link};
use crate::patience::Patience;
use crate::plan::TaskRequest;
use crate::stop::Reason;
use crate::volume::{Cache, FetchError, Progress, Verified, Volume, is_of_machine, read_local};
use magudi_compose::images::{Checksums, Image};
use magudi_compose::iso::{IsoHeader, load_iso_header};
use magudi_compose::sanity::{Claim, load_insanity};
use magudi_koji::calls::TaskState;
use std::collections::VecDeque;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;

/// Builds asked about in one `multiCall`; a listing of archives is some kilobytes.
const BUILDS_PER_CALL: usize = 50;

/// How long a build is waited for that a canceled task has begun: composer continues it (facts: osbuild 15), and images take hours.
const BUILDING: Duration = Duration::from_secs(2 * 60 * 60);

/// How far apart they may be due that are asked about together.
const TOGETHER: Duration = Duration::from_millis(200);

/// What is asked about again, and when.
#[derive(Default)]
struct Later(Vec<(Instant, Closed)>);

impl Later {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn push(&mut self, next: Instant, closed: Closed) {
        self.0.push((next, closed));
    }

    /// Waits until the first one is due.
    async fn wait(&self) {
        match self.0.iter().map(|(next, _)| *next).min() {
            Some(next) => tokio::time::sleep_until(next).await,
            None => std::future::pending().await,
        }
    }

    /// Takes out those that are due, or nearly: they are asked about together.
    fn due(&mut self) -> Vec<Closed> {
        let now = Instant::now() + TOGETHER;
        self.0.extract_if(.., |(next, _)| *next <= now).map(|(_, closed)| closed).collect()
    }

    fn take_all(&mut self) -> Vec<Closed> {
        self.0.drain(..).map(|(_, closed)| closed).collect()
    }
}

/// Tasks whose output is read at the same time, beside files of many gigabytes.
const OUTPUTS_AT_ONCE: usize = 4;

/// Why something that was built did not come into the compose.
enum Lost {
    /// It is about this image.
    One(String),
    /// It is about this machine, and so about every image.
    All(String),
}

impl Lost {
    fn new(reason: String, is_of_machine: bool) -> Self {
        if is_of_machine { Self::All(reason) } else { Self::One(reason) }
    }
}

impl From<String> for Lost {
    fn from(reason: String) -> Self {
        Self::One(reason)
    }
}

impl From<blocking::Lost> for Lost {
    fn from(lost: blocking::Lost) -> Self {
        Self::One(lost.to_string())
    }
}

impl From<FetchError> for Lost {
    fn from(error: FetchError) -> Self {
        Self::new(error.to_string(), error.is_of_machine())
    }
}

impl From<LinkError> for Lost {
    fn from(error: LinkError) -> Self {
        Self::new(error.to_string(), error.is_of_machine())
    }
}

impl Run {
    pub(super) async fn collect(&self, mut over: mpsc::UnboundedReceiver<Ended>) {
        let outputs = Arc::new(Semaphore::new(OUTPUTS_AT_ONCE));
        let (mut closed, mut failed) = (VecDeque::new(), VecDeque::new());
        let mut later = Later::default();
        let (mut taking, mut asking) = (TaskSet::new(), TaskSet::new());
        let mut more = true;
        loop {
            // As many as there is room for: memory does not grow with the number of tasks that end at once.
            while !closed.is_empty() && taking.len() < BUILDS_PER_CALL {
                let chunk: Vec<Closed> = closed.drain(..closed.len().min(BUILDS_PER_CALL)).collect();
                let Some(found) = self.stop.unless_set(self.what_was_built(&chunk)).await else {
                    for closed in chunk {
                        self.abandon(closed.task, true);
                    }
                    continue;
                };
                for (mut closed, found) in chunk.into_iter().zip(found) {
                    let patience =
                        closed.patience.get_or_insert_with(|| Patience::lasting(self.runner.polling.settled));
                    let (built, lack) = match found {
                        Ok(built) => (Some(built), None),
                        Err(Lack::Ever(text)) => (None, Some(text)),
                        Err(Lack::Yet(text, built)) => match patience.next_time() {
                            Some(next) => {
                                later.push(next, closed);
                                continue;
                            }
                            None => (built.map(|built| *built), Some(text)),
                        },
                    };
                    let task = closed.task;
                    let (run, outputs) = (self.clone(), Arc::clone(&outputs));
                    taking.spawn(task, async move {
                        // Images may be many, and large: what was built can be fetched by a later run.
                        let taken = Box::pin(run.closed(task, built, lack, &outputs));
                        match run.stop.unless_set(taken).await {
                            // What went wrong after a stop was perhaps only stopped.
                            Some(outcome) if outcome.failure.is_none() || !run.stop.is_set() => {
                                run.end(task.request, outcome);
                            }
                            _ => run.abandon(task, true),
                        }
                    });
                }
            }
            while asking.len() < OUTPUTS_AT_ONCE
                && let Some((state, task)) = failed.pop_front()
            {
                let (run, outputs) = (self.clone(), Arc::clone(&outputs));
                asking.spawn(task, async move {
                    match run.stop.unless_signaled(run.failed(task, state, &outputs)).await {
                        Some(Ending::Failed(outcome)) => run.end(task.request, *outcome),
                        Some(Ending::MayRetry(outcome)) => run.retry_or_end(task, *outcome),
                        Some(Ending::Take(task, build)) => return Some((task, build)),
                        None => run.abandon(task, true),
                    }
                    None
                });
            }
            tokio::select! {
                ended = over.recv(), if more => match ended {
                    Some(Ended::Tasks(TaskState::Closed, tasks)) => {
                        closed.extend(tasks.into_iter().map(|task| Closed { task, build: None, patience: None }));
                    }
                    Some(Ended::Tasks(state, tasks)) => failed.extend(tasks.into_iter().map(|task| (state, task))),
                    Some(Ended::Build(task, build)) => closed.push_back(self.standing_build(task, build)),
                    None => more = false,
                },
                Some(taken) = taking.join_next() => {
                    if let Err(task) = taken {
                        self.fail_by_panic(task);
                    }
                }
                Some(asked) = asking.join_next() => match asked {
                    Ok(Some((task, build))) => closed.push_back(self.standing_build(task, build)),
                    Ok(None) => {}
                    Err(task) => self.fail_by_panic(task),
                },
                () = later.wait(), if !later.is_empty() => closed.extend(later.due()),
                () = self.stop.wait(), if !later.is_empty() => {
                    for closed in later.take_all() {
                        self.abandon(closed.task, true);
                    }
                }
                else => return,
            }
        }
    }

    /// Ends a request for which nothing more is done; the program's standard error says where it failed.
    fn fail_by_panic(&self, task: Task) {
        const TEXT: &str =
            "magudi failed while it took what was built: a bug, please report it with what standard error says";
        self.fail_after(task, self.about(task, TEXT));
    }

    /// A build that is there, or is being built, although its task has not ended well.
    fn standing_build(&self, task: Task, build: i64) -> Closed {
        let request = &self.requests[task.request];
        let text = format!("Image {} already has build {build} at the hub, which is used", request.label());
        self.runner.events.message(Level::Info, Some(request.phase), text);
        Closed { task, build: Some(build), patience: Some(Patience::lasting(BUILDING)) }
    }

    /// Takes over what a closed task made: its images, and the word of where they were uploaded to. With a `lack`, as far as
    /// there is anything.
    async fn closed(&self, task: Task, built: Option<Built>, lack: Option<String>, outputs: &Semaphore) -> Outcome {
        let build = built.as_ref().and_then(|built| built.build.clone());
        let missing = built.as_ref().map(|built| built.missing.clone()).unwrap_or_default();
        let take = async {
            let mut outcome = Outcome { task: Some(task.id), task_ended: true, ..Outcome::default() };
            if let Some(built) = &built {
                self.note_built(task, built);
            }
            let taken = match built.zip(self.runner.intake.as_ref()) {
                Some((built, intake)) => self.take(intake, task, built, &mut outcome.images).await,
                None => Ok(()),
            };
            let taken = taken.map_err(|lost| self.reason_of(lost));
            match taken.err().or(lack) {
                Some(reason) => outcome.failure = Some(self.about(task, &reason)),
                None if missing.is_empty() => {}
                None => outcome.failed_arches = self.why_not_built(task, &missing).await,
            }
            outcome
        };
        let (mut outcome, uploads) = tokio::join!(take, self.uploads_of_closed(task, build.as_ref(), outputs));
        outcome.uploads = uploads;
        outcome
    }

    /// Why something did not come into the compose, in words. Of what this machine lacks no image is to blame: it ends the run, and what
    /// was built waits for a later one.
    fn reason_of(&self, lost: Lost) -> String {
        match lost {
            Lost::One(reason) => reason,
            Lost::All(reason) => {
                self.runner.stop.set(Reason::Machine(reason.as_str().into()));
                reason
            }
        }
    }

    /// Brings the images of one build into the compose, until one fails.
    async fn take(
        &self,
        intake: &Arc<Intake>,
        task: Task,
        built: Built,
        images: &mut Vec<AddedImage>,
    ) -> Result<(), Lost> {
        let Built { files, refused, .. } = built;
        images.reserve_exact(files.len());
        match &intake.volume {
            Volume::Local { topdir } => self.take_local(intake, task, files, topdir.clone(), images).await?,
            Volume::Cache(cache) => self.take_remote(intake, task, files, cache, images).await?,
        }
        refused.map_or(Ok(()), |reason| Err(Lost::One(reason)))
    }

    /// Takes files from a mounted volume: all of a build on one thread, because to hand over costs more than to link.
    async fn take_local(
        &self,
        intake: &Arc<Intake>,
        task: Task,
        files: Vec<File>,
        topdir: PathBuf,
        images: &mut Vec<AddedImage>,
    ) -> Result<(), Lost> {
        let (run, intake) = (self.clone(), Arc::clone(intake));
        let (added, result) = blocking_long(move || {
            let mut added = Vec::new();
            for file in files {
                if let Err(stopped) = run.stop.check() {
                    return (added, Err(Lost::One(stopped.to_string())));
                }
                let progress = run.begin(task, &file);
                let taken = read_local(&topdir, &file.wanted, &progress, &run.stop).map_err(Lost::from);
                match taken.and_then(|verified| run.place(&intake, task, file, verified)) {
                    Ok(image) => added.push(image),
                    Err(lost) => return (added, Err(lost)),
                }
            }
            (added, Ok(()))
        })
        .await?;
        images.extend(added);
        result
    }

    /// Fetches files over HTTP, one after the other.
    async fn take_remote(
        &self,
        intake: &Arc<Intake>,
        task: Task,
        files: Vec<File>,
        cache: &Cache,
        images: &mut Vec<AddedImage>,
    ) -> Result<(), Lost> {
        let runner = &self.runner;
        let phase = &self.requests[task.request].phase;
        let _turn = cache.downloads().turn().await;
        let warn = |text: String| runner.events.message(Level::Warning, Some(phase), text);
        for file in files {
            let progress = self.begin(task, &file);
            let wanted = file.wanted.clone();
            let verified = cache.fetch(&runner.hub, wanted, progress, &warn, &self.stop).await?;
            let (run, intake) = (self.clone(), Arc::clone(intake));
            images.push(blocking_long(move || run.place(&intake, task, file, verified)).await??);
        }
        Ok(())
    }

    /// Says that a file is on its way, and who is to hear how far it is.
    fn begin(&self, task: Task, file: &File) -> Progress {
        let (request, name) = (task.request, file.name.clone());
        self.say(Event::FetchStarted { request, file: name.clone(), size: file.size.unwrap_or_default() });
        let events = Arc::clone(&self.runner.events);
        Arc::new(move |bytes| events.say(Event::FetchProgress { request, file: name.clone(), bytes }))
    }

    /// Links a verified file into the compose. Blocks.
    fn place(&self, intake: &Intake, task: Task, file: File, verified: Verified) -> Result<AddedImage, Lost> {
        let request = &self.requests[task.request];
        let artifact = file.artifact;
        let uid = &request.variant;
        let variant = intake.variants.get(uid).ok_or_else(|| format!("there is no variant {uid}"))?;
        let directory = if artifact.is_iso {
            intake.dir.iso_dir(variant, &artifact.arch)
        } else {
            intake.dir.images_dir(variant, &artifact.arch)
        };
        self.check_format(intake.formats, request, &file.name, &artifact, &verified.path)?;
        intake.directories.make(&directory).map_err(FetchError::from)?;
        let destination = directory.join(file.name);
        let path = intake.dir.relative(&destination);
        let path = path.ok_or_else(|| format!("{} has no path in the compose", destination.display()))?;
        let linked = match link(&verified.path, &destination, intake.link_type, &self.stop) {
            Err(LinkError::Exists { .. }) if intake.replaceable.contains(&path) => {
                std::fs::remove_file(&destination).map_err(|error| {
                    let text = format!("cannot replace {}: {error}", destination.display());
                    Lost::new(text, is_of_machine(&error))
                })?;
                link(&verified.path, &destination, intake.link_type, &self.stop)
            }
            other => other,
        };
        let linked = linked?;
        let metadata = std::fs::metadata(&destination)
            .map_err(|error| format!("cannot look at {}: {error}", destination.display()))?;
        self.note_linked(request, &verified.path, &destination, &linked);
        let header = if artifact.is_iso && artifact.bootable {
            load_iso_header(&destination).map_err(|error| format!("cannot read {}: {error}", destination.display()))?
        } else {
            None
        };
        let IsoHeader { volume_id, implant_md5 } = header.unwrap_or_default();
        let mut checksums = Checksums::with_capacity(intake.algorithms.len());
        let wanted = verified.digests.values.into_iter().filter(|(name, _)| intake.algorithms.contains(name));
        checksums.extend(wanted.map(|(name, digest)| (name.into(), digest.into())));
        let entry = ImageEntry {
            arch: artifact.arch,
            image_type: artifact.image_type,
            format: artifact.format,
            subvariant: request.subvariant.clone(),
            path,
            size: metadata.len(),
            mtime: metadata.mtime(),
            checksums,
            bootable: artifact.bootable,
            volume_id,
            implant_md5,
        };
        let (request, variant) = (task.request, request.variant.clone());
        self.say(Event::ImageAdded { request, variant: variant.clone(), image: entry.clone() });
        Ok(AddedImage { variant, image: Image::from(entry) })
    }

    /// Warns of a file that cannot be of its format, or refuses it before it enters the compose.
    fn check_format(
        &self,
        formats: Formats,
        request: &TaskRequest,
        name: &str,
        artifact: &Artifact,
        path: &Path,
    ) -> Result<(), Lost> {
        if formats == Formats::Any {
            return Ok(());
        }
        let claim = Claim { format: &artifact.format, arch: &artifact.arch, bootable: artifact.bootable };
        let found = load_insanity(path, claim).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        match found {
            None => Ok(()),
            Some(problem) if formats == Formats::Strict => Err(Lost::One(format!("file {name}: {problem}"))),
            Some(problem) => {
                let text = format!("Image {}, file {name}: {problem}", request.label());
                self.runner.events.message(Level::Warning, Some(request.phase), text);
                Ok(())
            }
        }
    }

    fn note_linked(&self, request: &TaskRequest, source: &Path, destination: &Path, linked: &Linked) {
        let (source, destination) = (source.display(), destination.display());
        let (level, text) = match linked {
            Linked::Hardlink => (Level::Info, format!("Hardlinking {source} to {destination}")),
            Linked::Copy => (Level::Info, format!("Copying file {source} to {destination}")),
            Linked::Symlink(target) => (Level::Info, format!("Symlinking {destination} -> {}", target.display())),
            Linked::Present => (Level::Debug, format!("{destination} already exists and is the same as {source}")),
        };
        self.runner.events.message(level, Some(request.phase), text);
    }
}
