//! *Collecting* what closed tasks have built: describe, fetch, verify, link.

use super::{Outcome, Run, Task, blocking};
use crate::artifact::{AddedImage, Artifact};
use crate::event::{Event, ImageEntry, Level};
use crate::link::{LinkError, Linked, link};
use crate::plan::TaskRequest;
use crate::volume::{Verified, Volume, Wanted};
use magudi_compose::images::Image;
use magudi_koji::calls::{Archive, Build, TaskState, get_build, get_task_result, list_archives};
use magudi_koji::{KojiError, MethodCall};
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

/// Builds asked about in one `multiCall`; a listing of archives is some kilobytes.
const BUILDS_PER_CALL: usize = 50;

/// Files read and hashed, or fetched, at the same time.
const FILES_AT_ONCE: usize = 4;

/// Tasks whose output is read at the same time.
const OUTPUTS_AT_ONCE: usize = 4;

impl Run {
    pub(super) async fn collect(&self, mut over: mpsc::UnboundedReceiver<(TaskState, Vec<Task>)>) {
        let files = Arc::new(Semaphore::new(FILES_AT_ONCE));
        // Of its own, so that a file of many gigabytes does not keep a reason waiting, nor the other way round.
        let outputs = Arc::new(Semaphore::new(OUTPUTS_AT_ONCE));
        let mut jobs = JoinSet::new();
        while let Some((state, tasks)) = over.recv().await {
            if state != TaskState::Closed {
                for task in tasks {
                    let (run, outputs) = (self.clone(), Arc::clone(&outputs));
                    jobs.spawn(async move {
                        match run.stop.unless_signaled(run.failed(task, state, &outputs)).await {
                            Some(outcome) => run.end(task.request, outcome),
                            None => run.abandon(task, true),
                        }
                    });
                }
                continue;
            }
            for chunk in tasks.chunks(BUILDS_PER_CALL) {
                let Some(found) = self.stop.unless_set(self.what_was_built(chunk)).await else {
                    for task in chunk {
                        self.abandon(*task, true);
                    }
                    continue;
                };
                for (task, built) in found {
                    if let Ok((build, _)) = &built {
                        let (request, nvr) = (task.request, build.nvr());
                        self.say(Event::Built { request, task: task.id, build: build.id, nvr });
                    }
                    let (run, files, outputs) = (self.clone(), Arc::clone(&files), Arc::clone(&outputs));
                    jobs.spawn(async move {
                        // Images may be many, and large: what was built can be fetched by a later run.
                        match run.stop.unless_set(run.closed(task, built, &files, &outputs)).await {
                            Some(outcome) => run.end(task.request, outcome),
                            None => run.abandon(task, true),
                        }
                    });
                }
                // Finished jobs are let go as the run proceeds, so that memory does not grow with the number of tasks.
                while jobs.try_join_next().is_some() {}
            }
        }
        while jobs.join_next().await.is_some() {}
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
                .map_err(|fault| fault.summary().into_owned())
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
    async fn take(&self, task: Task, build: &Build, archives: &[Archive]) -> Outcome {
        // The hub lists archives in no particular order (KOJI.md 7).
        let mut archives: Vec<&Archive> = archives.iter().collect();
        archives.sort_by(|a, b| a.filename.cmp(&b.filename));
        let request = &self.requests[task.request];
        let mut outcome = Outcome { task: Some(task.id), task_ended: true, ..Outcome::default() };
        for archive in archives {
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
        let warn = |text| self.runner.events.message(Level::Warning, Some(&request.phase), text);
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
            runner.dir.make_dir(&directory).map_err(|error| error.to_string())?;
            let destination = directory.join(file);
            let replaceable = |path: &Path| runner.dir.relative(path).is_some_and(|p| runner.replaceable.contains(&p));
            let linked = match link(&source, &destination, runner.link_type) {
                Err(LinkError::Exists { .. }) if replaceable(&destination) => {
                    std::fs::remove_file(&destination)
                        .map_err(|error| format!("cannot replace {}: {error}", destination.display()))?;
                    link(&source, &destination, runner.link_type)
                }
                other => other,
            };
            let linked = linked.map_err(|e| e.to_string())?;
            let metadata = std::fs::metadata(&destination)
                .map_err(|error| format!("cannot look at {}: {error}", destination.display()))?;
            Ok((destination, linked, metadata))
        })
        .await?;
        self.note_linked(request, &verified.path, &destination, &linked);
        let path = self.runner.dir.relative(&destination);
        let path = path.ok_or_else(|| format!("{} has no path in the compose", destination.display()))?;
        let checksums = verified.digests.values.into_iter();
        let entry = ImageEntry {
            arch: artifact.arch,
            image_type: artifact.image_type,
            format: artifact.format,
            subvariant: request.subvariant.clone(),
            path,
            size: metadata.len(),
            mtime: metadata.mtime(),
            checksums: checksums.filter(|(name, _)| self.runner.algorithms.contains(name)).collect(),
        };
        let (request, variant) = (task.request, request.variant.clone());
        self.say(Event::ImageAdded { request, variant: variant.clone(), image: entry.clone() });
        Ok(AddedImage { variant, image: Image::from(entry) })
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
                let phase = &self.requests[task.request].phase;
                let warn = |text: String| runner.events.message(Level::Warning, Some(phase), text);
                let fetched = runner.volume.fetch(&runner.hub, wanted, &mut progress, &warn, &self.stop).await;
                fetched.map_err(|e| e.to_string())
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
