//! *Collecting* what closed tasks have built: describe, fetch, verify, link.

use super::{Outcome, Run, Task};
use crate::artifact::{AddedImage, Artifact};
use crate::blocking::blocking;
use crate::event::{Event, ImageEntry, Level};
use crate::link::{LinkError, Linked, link};
use crate::plan::TaskRequest;
use crate::volume::{Cache, Progress, Verified, Volume, Wanted, read_local};
use magudi_compose::images::{Checksums, Image};
use magudi_koji::calls::{Archive, Build, TaskState, get_build, get_task_result, list_archives};
use magudi_koji::{KojiError, MethodCall};
use std::collections::{BTreeSet, VecDeque};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

/// Builds asked about in one `multiCall`; a listing of archives is some kilobytes.
const BUILDS_PER_CALL: usize = 50;

/// Files read and hashed, or fetched, at the same time. Each keeps one of the few threads that may block; the journal, which
/// submissions wait for, needs another.
const FILES_AT_ONCE: usize = 2;

/// Tasks whose output is read at the same time.
const OUTPUTS_AT_ONCE: usize = 4;

/// An archive that becomes an image.
struct File {
    name: String,
    size: u64,
    artifact: Artifact,
    wanted: Wanted,
}

impl Run {
    pub(super) async fn collect(&self, mut over: mpsc::UnboundedReceiver<(TaskState, Vec<Task>)>) {
        let files = Arc::new(Semaphore::new(FILES_AT_ONCE));
        // Of its own, so that a file of many gigabytes does not keep a reason waiting, nor the other way round.
        let outputs = Arc::new(Semaphore::new(OUTPUTS_AT_ONCE));
        let (mut closed, mut failed) = (VecDeque::new(), VecDeque::new());
        let (mut taking, mut asking) = (JoinSet::new(), JoinSet::new());
        let mut more = true;
        loop {
            // As many as there is room for: memory does not grow with the number of tasks that end at once.
            while !closed.is_empty() && taking.len() < BUILDS_PER_CALL {
                let chunk: Vec<Task> = closed.drain(..closed.len().min(BUILDS_PER_CALL)).collect();
                let Some(found) = self.stop.unless_set(self.what_was_built(&chunk)).await else {
                    for task in chunk {
                        self.abandon(task, true);
                    }
                    continue;
                };
                for (task, built) in found {
                    if let Ok((build, _)) = &built {
                        let (request, nvr) = (task.request, build.nvr());
                        self.say(Event::Built { request, task: task.id, build: build.id, nvr });
                    }
                    let (run, files, outputs) = (self.clone(), Arc::clone(&files), Arc::clone(&outputs));
                    taking.spawn(async move {
                        // Images may be many, and large: what was built can be fetched by a later run.
                        match run.stop.unless_set(run.closed(task, built, &files, &outputs)).await {
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
                asking.spawn(async move {
                    match run.stop.unless_signaled(run.failed(task, state, &outputs)).await {
                        Some(outcome) => run.end(task.request, outcome),
                        None => run.abandon(task, true),
                    }
                });
            }
            tokio::select! {
                ended = over.recv(), if more => match ended {
                    Some((TaskState::Closed, tasks)) => closed.extend(tasks),
                    Some((state, tasks)) => failed.extend(tasks.into_iter().map(|task| (state, task))),
                    None => more = false,
                },
                Some(_) = taking.join_next() => {}
                Some(_) = asking.join_next() => {}
                else => return,
            }
        }
    }

    /// Takes over what a closed task made: its images, and the word of where they were uploaded to.
    async fn closed(
        &self,
        task: Task,
        built: Result<(Build, Vec<Archive>), String>,
        files: &Semaphore,
        outputs: &Semaphore,
    ) -> Outcome {
        let take = async {
            match &built {
                Ok((build, archives)) => {
                    // Never closed, so the permit is always had.
                    let _permit = files.acquire().await;
                    self.take(task, build, archives).await
                }
                Err(text) => {
                    let failure = format!("task {} of image {}: {text}", task.id, self.requests[task.request].label());
                    Outcome { task: Some(task.id), failure: Some(failure), task_ended: true, ..Outcome::default() }
                }
            }
        };
        let build = built.as_ref().ok().map(|(build, _)| build);
        let (mut outcome, uploads) = tokio::join!(take, self.uploads_of_closed(task, build, outputs));
        outcome.uploads = uploads;
        outcome
    }

    /// Asks for the builds of closed tasks and their archives: two calls for all of `tasks`.
    async fn what_was_built(&self, tasks: &[Task]) -> Vec<(Task, Result<(Build, Vec<Archive>), String>)> {
        let hub = &self.runner.hub;
        let all = |error: KojiError| {
            let text = format!("the hub cannot be asked what it built: {error}");
            tasks.iter().map(|task| (*task, Err(text.clone()))).collect::<Vec<_>>()
        };
        let calls: Vec<MethodCall> = tasks.iter().map(|task| get_task_result::request(task.id)).collect();
        let results = match hub.multi_call(&calls).await {
            Ok(results) => results,
            Err(error) => return all(error),
        };
        let mut found: Vec<(Task, Result<i64, String>)> = Vec::with_capacity(tasks.len());
        for (task, result) in tasks.iter().zip(results) {
            let build = result
                .map_err(|error| error.to_string())
                .and_then(|value| get_task_result::build_id(&value).ok_or_else(|| "no build is named".to_owned()));
            found.push((*task, build.map_err(|reason| format!("its result cannot be used: {reason}"))));
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
                        Some(Err(error)) => Err(format!("build {id}: {error}")),
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
    async fn take(&self, task: Task, build: &Build, archives: &[Archive]) -> Outcome {
        // The hub lists archives in no particular order (KOJI.md 7).
        let mut archives: Vec<&Archive> = archives.iter().collect();
        archives.sort_by(|a, b| a.filename.cmp(&b.filename));
        let request = &self.requests[task.request];
        let mut files = Vec::new();
        let mut refused = Ok(());
        for archive in archives {
            match (self.runner.describe)(request, archive) {
                Ok(None) => self.note_ignored(request, archive),
                Ok(Some(artifact)) => {
                    let wanted = Wanted::new(build, archive, &self.runner.algorithms);
                    files.push(File { name: archive.filename.clone(), size: archive.size, artifact, wanted });
                }
                Err(reason) => {
                    refused = Err(reason);
                    break;
                }
            }
        }
        let images = Vec::with_capacity(files.len());
        let mut outcome = Outcome { task: Some(task.id), task_ended: true, images, ..Outcome::default() };
        let taken = match &self.runner.volume {
            Volume::Local { topdir } => self.take_local(task, files, topdir.clone(), &mut outcome.images).await,
            Volume::Cache(cache) => self.take_remote(task, files, cache, &mut outcome.images).await,
        };
        if let Err(reason) = taken.and(refused) {
            outcome.failure = Some(format!("task {} of image {}: {reason}", task.id, request.label()));
        }
        if outcome.failure.is_none() {
            self.note_arches(request, &outcome.images);
        }
        outcome
    }

    /// Warns of arches that were asked for and not built, and of others: nobody would miss them before a user does.
    fn note_arches(&self, request: &TaskRequest, images: &[AddedImage]) {
        let asked: BTreeSet<&str> = request.arches().into_iter().collect();
        let built: BTreeSet<&str> = images.iter().map(|added| added.image.arch.as_str()).collect();
        let list = |arches: Vec<&str>| arches.join(", ");
        let warn = |text| self.runner.events.message(Level::Warning, Some(request.phase), text);
        let missing: Vec<&str> = asked.difference(&built).copied().collect();
        if !missing.is_empty() {
            warn(format!("the build of image {} has no image for {}", request.label(), list(missing)));
        }
        let others: Vec<&str> = built.difference(&asked).copied().collect();
        if !others.is_empty() {
            warn(format!(
                "the build of image {} has images that nobody asked for, for {}",
                request.label(),
                list(others)
            ));
        }
    }

    /// Takes files from a mounted volume: all of a build on one thread, because to hand over costs more than to link.
    async fn take_local(
        &self,
        task: Task,
        files: Vec<File>,
        topdir: PathBuf,
        images: &mut Vec<AddedImage>,
    ) -> Result<(), String> {
        let run = self.clone();
        let (added, result) = blocking(move || {
            let mut added = Vec::new();
            for file in files {
                if let Err(stopped) = run.stop.check() {
                    return (added, Err(stopped.to_string()));
                }
                let progress = run.begin(task, &file);
                let taken = read_local(&topdir, &file.wanted, &progress, &run.stop).map_err(|error| error.to_string());
                match taken.and_then(|verified| run.place(task, file, verified)) {
                    Ok(image) => added.push(image),
                    Err(reason) => return (added, Err(reason)),
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
        task: Task,
        files: Vec<File>,
        cache: &Cache,
        images: &mut Vec<AddedImage>,
    ) -> Result<(), String> {
        let runner = &self.runner;
        let phase = &self.requests[task.request].phase;
        let warn = |text: String| runner.events.message(Level::Warning, Some(phase), text);
        for file in files {
            let progress = self.begin(task, &file);
            let wanted = file.wanted.clone();
            let verified = cache.fetch(&runner.hub, wanted, progress, &warn, &self.stop).await;
            let verified = verified.map_err(|error| error.to_string())?;
            let run = self.clone();
            images.push(blocking(move || run.place(task, file, verified)).await??);
        }
        Ok(())
    }

    /// Says that a file is on its way, and who is to be told how far it is.
    fn begin(&self, task: Task, file: &File) -> Progress {
        let (request, name) = (task.request, file.name.clone());
        self.say(Event::FetchStarted { request, file: name.clone(), size: file.size });
        let events = Arc::clone(&self.runner.events);
        Arc::new(move |bytes| events.say(Event::FetchProgress { request, file: name.clone(), bytes }))
    }

    fn note_ignored(&self, request: &TaskRequest, archive: &Archive) {
        // Manifests and logs are part of every build; anything else may be an image that somebody misses.
        let expected = archive.type_name == "json" || archive.filename.ends_with(".log");
        let level = if expected { Level::Debug } else { Level::Warning };
        let text = format!("{} (archive type {}) is not taken into the compose", archive.filename, archive.type_name);
        self.runner.events.message(level, Some(request.phase), text);
    }

    /// Links a verified file into the compose. Blocks.
    fn place(&self, task: Task, file: File, verified: Verified) -> Result<AddedImage, String> {
        let runner = &self.runner;
        let request = &self.requests[task.request];
        let artifact = file.artifact;
        let uid = &request.variant;
        let variant = runner.variants.get(uid).ok_or_else(|| format!("there is no variant {uid}"))?;
        let directory = if artifact.is_iso {
            runner.dir.iso_dir(variant, &artifact.arch)
        } else {
            runner.dir.images_dir(variant, &artifact.arch)
        };
        self.directories.make(&directory).map_err(|error| error.to_string())?;
        let destination = directory.join(file.name);
        let path = runner.dir.relative(&destination);
        let path = path.ok_or_else(|| format!("{} has no path in the compose", destination.display()))?;
        let linked = match link(&verified.path, &destination, runner.link_type, &self.stop) {
            Err(LinkError::Exists { .. }) if runner.replaceable.contains(&path) => {
                std::fs::remove_file(&destination)
                    .map_err(|error| format!("cannot replace {}: {error}", destination.display()))?;
                link(&verified.path, &destination, runner.link_type, &self.stop)
            }
            other => other,
        };
        let linked = linked.map_err(|error| error.to_string())?;
        let metadata = std::fs::metadata(&destination)
            .map_err(|error| format!("cannot look at {}: {error}", destination.display()))?;
        self.note_linked(request, &verified.path, &destination, &linked);
        let mut checksums = Checksums::with_capacity(runner.algorithms.len());
        checksums.extend(verified.digests.values.into_iter().filter(|(name, _)| runner.algorithms.contains(name)));
        let entry = ImageEntry {
            arch: artifact.arch,
            image_type: artifact.image_type,
            format: artifact.format,
            subvariant: request.subvariant.clone(),
            path,
            size: metadata.len(),
            mtime: metadata.mtime(),
            checksums,
        };
        let (request, variant) = (task.request, request.variant.clone());
        self.say(Event::ImageAdded { request, variant: variant.clone(), image: entry.clone() });
        Ok(AddedImage { variant, image: Image::from(entry) })
    }

    fn note_linked(&self, request: &TaskRequest, source: &Path, destination: &Path, linked: &Linked) {
        let (source, destination) = (source.display(), destination.display());
        let (level, text) = match linked {
            Linked::Hardlink => (Level::Info, format!("Hardlinking {source} to {destination}")),
            Linked::Copy => (Level::Info, format!("Copying file {source} to {destination}")),
            Linked::Symlink(target) => (Level::Info, format!("Symlinking {destination} -> {}", target.display())),
            Linked::Present => (Level::Debug, format!("{destination} is there already and the same as {source}")),
        };
        self.runner.events.message(level, Some(request.phase), text);
    }
}
