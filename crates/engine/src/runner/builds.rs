//! *Builds*: which build a closed task has made, whether it is what was asked for, and whether all of it is there.

use super::{Run, Task};
use crate::artifact::{Artifact, BuiltFile};
use crate::event::{Event, Level};
use crate::method::Results;
use crate::patience::Patience;
use crate::plan::TaskRequest;
use crate::volume::WantedFile;
use magudi_koji::calls::{Archive, Build, BuildState, get_build, get_task_result, list_archives, list_builds};
use magudi_koji::{KojiError, MethodCall, Value};
use std::collections::{BTreeMap, BTreeSet};

/// A task that has ended well, or a build that is taken for one.
#[derive(Debug)]
pub(super) struct Closed {
    pub(super) task: Task,
    /// The build, where it is known without asking.
    pub(super) build: Option<i64>,
    /// How long the hub is asked again for what is not there yet; from the first answer on.
    pub(super) patience: Option<Patience>,
}

/// What was built as it was asked for, and what becomes of its files.
#[derive(Debug)]
pub(super) struct Built {
    /// The build; none was made for scratch.
    pub(super) build: Option<Build>,
    /// Those that are images, by their names.
    pub(super) files: Vec<File>,
    /// Those that are none.
    pub(super) ignored: Vec<BuiltFile>,
    /// Why one that should be an image cannot be: nothing behind it is taken.
    pub(super) refused: Option<String>,
    /// Arches that the task may fail to build, and that have no image.
    pub(super) missing: Vec<String>,
}

/// A file that becomes an image.
#[derive(Debug)]
pub(super) struct File {
    pub(super) name: String,
    /// Its size in bytes, if the hub knows it.
    pub(super) size: Option<u64>,
    pub(super) artifact: Artifact,
    pub(super) wanted: WantedFile,
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
    pub(super) fn yet(text: impl Into<String>) -> Self {
        Self::Yet(text.into(), None)
    }
}

pub(super) type Found = Result<Built, Lack>;

impl Run {
    /// Asks what each of `tasks` has built: two calls for all builds, and two for all that was built for scratch.
    pub(super) async fn what_was_built(&self, tasks: &[Closed]) -> Vec<Found> {
        let is_scratch = |closed: &&Closed| self.requests[closed.task.request].about.scratch;
        let (scratch, builds): (Vec<&Closed>, Vec<&Closed>) = tasks.iter().partition(is_scratch);
        let failed = |error: &KojiError| Err(Lack::Ever(format!("cannot ask the hub what it built: {error}")));
        let all = |asked: Result<Vec<Found>, KojiError>, tasks: &[&Closed]| {
            asked.unwrap_or_else(|error| tasks.iter().map(|_| failed(&error)).collect()).into_iter()
        };
        let mut of_builds = all(self.ask_for_builds(&builds).await, &builds);
        let mut of_scratch = all(self.ask_for_scratch(&scratch).await, &scratch);
        let next = |closed| if is_scratch(&closed) { of_scratch.next() } else { of_builds.next() };
        tasks.iter().filter_map(next).collect()
    }

    async fn ask_for_builds(&self, tasks: &[&Closed]) -> Result<Vec<Found>, KojiError> {
        if tasks.is_empty() {
            return Ok(Vec::new());
        }
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
        let known = tasks.iter().zip(&ids).filter_map(|(closed, id)| Some((results(closed), *id.as_ref().ok()?)));
        let archives = |results, id| match results {
            Results::Build => list_archives::request(id),
            Results::Children(_) => list_archives::request_images(id),
        };
        let calls: Vec<MethodCall> =
            known.flat_map(|(results, id)| [get_build::request(id), archives(results, id)]).collect();
        let mut answers = hub.multi_call(&calls).await?.into_iter();
        let describe = |(closed, id): (&&Closed, Result<i64, Lack>)| {
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
                return Err(Lack::Ever(format!(
                    "build {} is from {task}, which does not belong to this compose",
                    build.nvr()
                )));
            }
            let archives =
                list_archives::decode(&archives.map_err(unreadable)?).map_err(|error| unreadable(error.to_string()))?;
            let archives = each_once(archives, request.method.results)
                .map_err(|error| Lack::Ever(format!("build {}: {error}", build.nvr())))?;
            let files = archives.into_iter().map(|archive| BuiltFile::of_build(&build, archive)).collect();
            self.describe(request, Some(build), files)
        };
        Ok(tasks.iter().zip(ids).map(describe).collect())
    }

    /// What becomes of the files of a build, or of what was built for scratch. An arch of the request without an image is a lack.
    pub(super) fn describe(&self, request: &TaskRequest, build: Option<Build>, files: Vec<BuiltFile>) -> Found {
        let mut built = Built { build, files: Vec::new(), ignored: Vec::new(), refused: None, missing: Vec::new() };
        let Some(intake) = &self.runner.intake else { return Ok(built) };
        for file in files {
            match (intake.describe)(request, &file) {
                Ok(None) => built.ignored.push(file),
                Ok(Some(artifact)) => {
                    let wanted = WantedFile::new(&file, &intake.algorithms);
                    let size = file.fixity.map(|fixity| fixity.size);
                    built.files.push(File { name: file.name, size, artifact, wanted });
                }
                Err(reason) => {
                    built.refused = Some(reason.to_string());
                    return Ok(built);
                }
            }
        }
        let mut has: BTreeSet<&str> = built.files.iter().map(|file| file.artifact.arch.as_str()).collect();
        if request.about.uploads || request.about.is_open {
            // What was made for a registry is not for the compose.
            let others = built.ignored.iter().filter(|file| !file.is_by_product());
            has.extend(others.filter_map(|file| file.arch.as_deref()));
        }
        let is_optional = |arch: &&str| request.about.optional_arches.iter().any(|optional| **optional == **arch);
        let without = request.arches().into_iter().filter(|arch| !has.contains(arch));
        let (optional, missing): (Vec<&str>, Vec<&str>) = without.partition(is_optional);
        let what = match &built.build {
            Some(build) => format!("build {}", build.nvr()),
            None => "its scratch build".to_owned(),
        };
        let lack = if has.is_empty() {
            Some(format!("{what} has no image"))
        } else if !missing.is_empty() {
            Some(format!("{what} has no image for {}", missing.join(", ")))
        } else {
            None
        };
        let missing = optional.into_iter().map(str::to_owned).collect();
        built.missing = missing;
        match (lack, same_identity(request, &built.files)) {
            (Some(text), _) => Err(Lack::Yet(text, Some(Box::new(built)))),
            (None, Some(text)) => Err(Lack::Ever(format!("{what}: {text}"))),
            (None, None) => Ok(built),
        }
    }

    /// Says of the archives of a build what is worth a line.
    pub(super) fn note_built(&self, task: Task, built: &Built) {
        let request = &self.requests[task.request];
        if let Some(build) = &built.build {
            self.say(Event::Built { request: task.request, task: task.id, build: build.id, nvr: build.nvr() });
        }
        for file in &built.ignored {
            // Anything else may be an image that somebody misses.
            let level = if file.is_by_product() { Level::Debug } else { Level::Warning };
            let kind = file.archive_type.as_ref().map(|kind| format!(" (archive type {kind})")).unwrap_or_default();
            let text = format!("{}{kind} is not added to the compose", file.name);
            self.runner.events.message(level, Some(request.phase), text);
        }
        let asked: BTreeSet<&str> = request.arches().into_iter().collect();
        let others: BTreeSet<&str> = built.files.iter().map(|file| file.artifact.arch.as_str()).collect();
        let others: Vec<&str> = others.difference(&asked).copied().collect();
        if !others.is_empty() {
            let what = built
                .build
                .as_ref()
                .map_or_else(|| format!("task {}", task.id), |build| format!("build {}", build.nvr()));
            let text = format!("{what} has images for {}, which were not requested", others.join(", "));
            self.runner.events.message(Level::Warning, Some(request.phase), text);
        }
    }
}

/// The build of a closed task, by what the hub says of its result.
fn named_build(results: Results, answer: Option<Result<Value, KojiError>>) -> Result<i64, Lack> {
    let unusable = |reason: String| Lack::yet(format!("its result cannot be used: {reason}"));
    let answer = answer.unwrap_or(Ok(Value::Nil)).map_err(|error| unusable(error.to_string()))?;
    match results {
        Results::Build => get_task_result::build_id(&answer).ok_or_else(|| unusable("it names no build".to_owned())),
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

/// Two images of one task that readers of images.json could not tell apart, and that are not even of different kinds: files with
/// the same extension. Of builds with one archive of each type, that is not asked.
fn same_identity(request: &TaskRequest, files: &[File]) -> Option<String> {
    if request.method.results == Results::Build {
        return None;
    }
    let extension = |name: &str| {
        let end = name.rsplit('-').next().unwrap_or(name);
        end.split_once('.').map_or(String::new(), |(_, extension)| extension.to_owned())
    };
    let mut seen: BTreeMap<(&str, &str, String), &str> = BTreeMap::new();
    files.iter().find_map(|file| {
        let Artifact { arch, image_type, .. } = &file.artifact;
        let other = seen.insert((arch, image_type, extension(&file.name)), &file.name)?;
        Some(format!(
            "readers of images.json could not tell {other} and {} apart: same type {image_type} and arch {arch}",
            file.name
        ))
    })
}

/// Whether a build is the one that a request asks for, and is there.
fn is_asked_for(request: &TaskRequest, build: &Build) -> Result<(), Lack> {
    let about = &request.about;
    let is_other = |asked: &str, is: &str| asked != is;
    let named =
        request.method.names_build && (is_other(&about.name, &build.name) || is_other(&about.version, &build.version));
    let nvr = build.nvr();
    if named || about.release.as_deref().is_some_and(|release| is_other(release, &build.release)) {
        return Err(Lack::Ever(format!("its build is {nvr}, but {} was requested", request.nvr())));
    }
    match build.state {
        BuildState::Complete => Ok(()),
        BuildState::Building => Err(Lack::yet(format!("build {nvr} is BUILDING at the hub"))),
        state => Err(Lack::Ever(format!("build {nvr} is {} at the hub", state.name()))),
    }
}

/// A file of a build that the hub describes twice, and not alike.
#[derive(Debug, thiserror::Error)]
#[error("the hub lists {0} twice, as different files")]
struct ListedTwice(String);

/// The archives by the names of their files, since the hub lists them in no order (facts: koji 16), each once. A file that tasks for
/// several arches have made alike is one for each of them.
fn each_once(mut archives: Vec<Archive>, results: Results) -> Result<Vec<Archive>, ListedTwice> {
    archives.sort_by(|a, b| (&a.filename, &a.arch).cmp(&(&b.filename, &b.arch)));
    let what = |archive: &Archive| (archive.size, archive.checksum.clone(), archive.type_name.clone());
    for pair in archives.windows(2) {
        if let [one, other] = pair
            && one.filename == other.filename
            && (what(one) != what(other) || (results == Results::Build && one.arch != other.arch))
        {
            return Err(ListedTwice(one.filename.clone()));
        }
    }
    archives.dedup_by(|a, b| a.filename == b.filename && a.arch == b.arch);
    Ok(archives)
}
