//! *Builds*: which build a closed task has made, whether it is what was asked for, and whether all of it is there.

use super::{Run, Task};
use crate::artifact::Artifact;
use crate::event::{Event, Level};
use crate::method::Results;
use crate::patience::Patience;
use crate::plan::TaskRequest;
use crate::volume::Wanted;
use magudi_koji::calls::{Archive, Build, BuildState, get_build, get_task_result, list_archives, list_builds};
use magudi_koji::{KojiError, MethodCall, Value};
use std::collections::BTreeSet;

/// A task that has ended well, or a build that is taken for one.
#[derive(Debug)]
pub(super) struct Closed {
    pub(super) task: Task,
    /// The build, where it is known without asking.
    pub(super) build: Option<i64>,
    /// How long the hub is asked again for what is not there yet; from the first answer on.
    pub(super) patience: Option<Patience>,
}

/// A build that is what was asked for, and what becomes of its archives.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) build: Build,
    /// Those that are images, by the names of their files.
    pub(super) files: Vec<File>,
    /// Those that are none.
    pub(super) ignored: Vec<Archive>,
    /// Why one that should be an image cannot be: nothing behind it is taken.
    pub(super) refused: Option<String>,
}

/// An archive that becomes an image.
#[derive(Debug)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) artifact: Artifact,
    pub(super) wanted: Wanted,
}

/// Why there is no whole build.
#[derive(Debug)]
pub(super) enum Lack {
    /// It may be there in a moment: the hub is behind, or an import is under way. Together with what is there.
    Yet(String, Option<Box<Built>>),
    /// There will be none.
    Ever(String),
}

impl Lack {
    fn yet(text: impl Into<String>) -> Self {
        Self::Yet(text.into(), None)
    }
}

type Found = Result<Built, Lack>;

impl Run {
    /// Asks what each of `tasks` has built: two calls for all of them.
    pub(super) async fn what_was_built(&self, tasks: &[Closed]) -> Vec<Found> {
        match self.ask_for_builds(tasks).await {
            Ok(found) => found,
            Err(error) => {
                let text = format!("the hub cannot be asked what it built: {error}");
                tasks.iter().map(|_| Err(Lack::Ever(text.clone()))).collect()
            }
        }
    }

    async fn ask_for_builds(&self, tasks: &[Closed]) -> Result<Vec<Found>, KojiError> {
        let hub = &self.runner.hub;
        let results = |closed: &Closed| self.requests[closed.task.request].method.results;
        let unknown = tasks.iter().filter(|closed| closed.build.is_none());
        let calls: Vec<MethodCall> = unknown
            .map(|closed| match results(closed) {
                Results::Build => get_task_result::request(closed.task.id),
                Results::Children(_) => list_builds::request(closed.task.id),
            })
            .collect();
        let mut answers = hub.multi_call(&calls).await?.into_iter();
        let ids: Vec<Result<i64, Lack>> = tasks
            .iter()
            .map(|closed| match closed.build {
                Some(build) => Ok(build),
                None => named_build(results(closed), answers.next()),
            })
            .collect();
        let known = ids.iter().filter_map(|id| id.as_ref().ok());
        let calls: Vec<MethodCall> =
            known.flat_map(|id| [get_build::request(*id), list_archives::request(*id)]).collect();
        let mut answers = hub.multi_call(&calls).await?.into_iter();
        let describe = |(closed, id): (&Closed, Result<i64, Lack>)| {
            let id = id?;
            let unreadable = |error: String| Lack::yet(format!("build {id}: {error}"));
            let mut next = || answers.next().unwrap_or(Ok(Value::Nil)).map_err(|error| error.to_string());
            let (build, archives) = (next(), next());
            let build =
                get_build::decode(&build.map_err(unreadable)?).map_err(|error| unreadable(error.to_string()))?;
            let build = build.ok_or_else(|| Lack::yet(format!("the hub does not know build {id}")))?;
            let request = &self.requests[closed.task.request];
            is_asked_for(request, &build)?;
            if closed.build.is_some() && !build.task_id.is_some_and(|task| self.is_claimed(task)) {
                let task = build.task_id.map_or_else(|| "no task".to_owned(), |task| format!("task {task}"));
                return Err(Lack::Ever(format!("build {} is of {task}, which is none of this compose's", build.nvr())));
            }
            let archives =
                list_archives::decode(&archives.map_err(unreadable)?).map_err(|error| unreadable(error.to_string()))?;
            self.describe(request, build, archives)
        };
        Ok(tasks.iter().zip(ids).map(describe).collect())
    }

    /// What becomes of the archives of a build. An arch of the request without an image is a lack.
    fn describe(&self, request: &TaskRequest, build: Build, archives: Vec<Archive>) -> Found {
        let archives = each_once(archives).map_err(|text| Lack::Ever(format!("build {}: {text}", build.nvr())))?;
        let mut built = Built { build, files: Vec::new(), ignored: Vec::new(), refused: None };
        for archive in archives {
            match (self.runner.describe)(request, &archive) {
                Ok(None) => built.ignored.push(archive),
                Ok(Some(artifact)) => {
                    let wanted = Wanted::new(&built.build, &archive, &self.runner.algorithms);
                    built.files.push(File { name: archive.filename, size: archive.size, artifact, wanted });
                }
                Err(reason) => {
                    built.refused = Some(reason);
                    return Ok(built);
                }
            }
        }
        let mut has: BTreeSet<&str> = built.files.iter().map(|file| file.artifact.arch.as_str()).collect();
        if request.about.uploads {
            // What was made for a registry is not for the compose.
            let others = built.ignored.iter().filter(|archive| !is_by_product(archive));
            has.extend(others.filter_map(|archive| archive.arch.as_deref()));
        }
        let optional = |arch: &str| request.about.optional_arches.iter().any(|optional| **optional == *arch);
        let mut missing = request.arches();
        missing.retain(|arch| !has.contains(arch) && !optional(arch));
        let nvr = built.build.nvr();
        if has.is_empty() {
            return Err(Lack::Yet(format!("build {nvr} has no image"), Some(Box::new(built))));
        }
        if !missing.is_empty() {
            let text = format!("build {nvr} has no image for {}", missing.join(", "));
            return Err(Lack::Yet(text, Some(Box::new(built))));
        }
        Ok(built)
    }

    /// Says of the archives of a build what is worth a line.
    pub(super) fn note_built(&self, task: Task, built: &Built) {
        let request = &self.requests[task.request];
        self.say(Event::Built { request: task.request, task: task.id, build: built.build.id, nvr: built.build.nvr() });
        for archive in &built.ignored {
            // Anything else may be an image that somebody misses.
            let level = if is_by_product(archive) { Level::Debug } else { Level::Warning };
            let (file, kind) = (&archive.filename, &archive.type_name);
            let text = format!("{file} (archive type {kind}) is not taken into the compose");
            self.runner.events.message(level, Some(request.phase), text);
        }
        let asked: BTreeSet<&str> = request.arches().into_iter().collect();
        let others: BTreeSet<&str> = built.files.iter().map(|file| file.artifact.arch.as_str()).collect();
        let others: Vec<&str> = others.difference(&asked).copied().collect();
        if !others.is_empty() {
            let text =
                format!("build {} has images for {}, which was not asked for", built.build.nvr(), others.join(", "));
            self.runner.events.message(Level::Warning, Some(request.phase), text);
        }
    }
}

/// The build of a closed task, by what the hub says of its result.
fn named_build(results: Results, answer: Option<Result<Value, KojiError>>) -> Result<i64, Lack> {
    let unusable = |reason: String| Lack::yet(format!("its result cannot be used: {reason}"));
    let answer = answer.unwrap_or(Ok(Value::Nil)).map_err(|error| unusable(error.to_string()))?;
    match results {
        Results::Build => get_task_result::build_id(&answer).ok_or_else(|| unusable("no build is named".to_owned())),
        Results::Children(_) => {
            let builds = list_builds::decode(&answer).map_err(|error| unusable(error.to_string()))?;
            match builds.as_slice() {
                [build] => Ok(build.id),
                [] => Err(unusable("the hub lists no build of it".to_owned())),
                several => Err(Lack::Ever(format!("the hub lists {} builds of it", several.len()))),
            }
        }
    }
}

/// Whether an archive is a manifest or a log, which are part of every build.
fn is_by_product(archive: &Archive) -> bool {
    archive.type_name == "json" || archive.filename.ends_with(".log")
}

/// Whether a build is the one that a request asks for, and is there.
fn is_asked_for(request: &TaskRequest, build: &Build) -> Result<(), Lack> {
    let about = &request.about;
    let is_other = |asked: &str, is: &str| asked != is;
    let named =
        request.method.names_build && (is_other(&about.name, &build.name) || is_other(&about.version, &build.version));
    let nvr = build.nvr();
    if named || about.release.as_deref().is_some_and(|release| is_other(release, &build.release)) {
        return Err(Lack::Ever(format!("its build is {nvr}, and {} was asked for", request.nvr())));
    }
    match build.state {
        BuildState::Complete => Ok(()),
        BuildState::Building => Err(Lack::yet(format!("build {nvr} is BUILDING at the hub"))),
        state => Err(Lack::Ever(format!("build {nvr} is {} at the hub", state.name()))),
    }
}

/// The archives by the names of their files, since the hub lists them in no order (KOJI.md 7), each once.
fn each_once(mut archives: Vec<Archive>) -> Result<Vec<Archive>, String> {
    archives.sort_by(|a, b| a.filename.cmp(&b.filename));
    let what = |archive: &Archive| (archive.size, archive.checksum.clone(), archive.type_name.clone());
    for pair in archives.windows(2) {
        if let [one, other] = pair
            && one.filename == other.filename
            && (what(one) != what(other) || one.arch != other.arch)
        {
            return Err(format!("the hub lists {} twice, and not as the same file", one.filename));
        }
    }
    archives.dedup_by(|a, b| a.filename == b.filename);
    Ok(archives)
}
