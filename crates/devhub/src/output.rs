//! The *output* of tasks: what builders describe ([`Builder::outputs`](crate::builders::Builder::outputs)), with what lies on the volume,
//! under every path by which it can be asked for.

use std::io;

use bytes::Bytes;

use crate::builds::{Archive, Build};
use crate::clock::{self, Micros};
use crate::hub::Setting;
use crate::state::HubState;
use crate::tasks::Task;
use crate::volume::{IMAGE_MTIME, Opened, Output, OutputFile, Source, Volume};

/// When a document of a build was made, as it seems: when every image was.
const DOCUMENT_TIME: Micros = IMAGE_MTIME as Micros * 1_000_000;

/// A file that can be opened without the state, which is locked while it is looked for.
#[derive(Debug)]
pub(crate) enum Found {
    /// It follows from what the hub knows.
    Text { text: Bytes, time: Micros },
    /// It lies at this path below the volume, or there is none.
    OnVolume(String),
}

impl Found {
    pub(crate) fn open(self, volume: &Volume) -> io::Result<Opened> {
        match self {
            Self::Text { text, time } => Ok(Opened::text(text, time)),
            Self::OnVolume(path) => volume.open(&path),
        }
    }
}

impl HubState {
    /// What the builder of a task describes, sorted by name.
    fn described(&self, setting: &Setting, id: i64) -> Vec<Output> {
        let Some(task) = self.tasks.get(id) else { return Vec::new() };
        let builder = task.builder.or_else(|| self.whole_of(task).map(|(_, builder)| builder));
        let mut outputs = builder.map(|builder| builder.outputs(self, setting, task)).unwrap_or_default();
        outputs.sort_by(|a, b| a.name.cmp(&b.name));
        outputs.dedup_by(|next, kept| next.name == kept.name);
        outputs
    }

    /// The files of a task's output, sorted by name.
    pub(crate) fn output_files(&self, setting: &Setting, id: i64) -> Vec<OutputFile> {
        let described = self.described(setting, id);
        let mut files = setting.volume.files_of_task(id);
        files.retain(|file| described.binary_search_by(|output| output.name.cmp(&file.name)).is_err());
        files.extend(described.into_iter().filter_map(|output| match &output.source {
            Source::Text { text, time } => {
                Some(OutputFile { name: output.name, size: text.len() as u64, time: clock::seconds(*time) })
            }
            Source::File => self.moved_file(setting, &output.path(id), output.name),
        }));
        files.sort_by(|a, b| a.name.cmp(&b.name));
        files
    }

    /// The paths of the logs that were moved to a build, sorted. Builds of the same name, version and release lie in one place.
    pub(crate) fn logs_of_build(&self, setting: &Setting, build: &Build) -> Vec<String> {
        let dir = format!("{}/data/logs/", build.dir());
        let tasks = self.tasks_of_builds(&build.name, &build.version, &build.release);
        let described =
            tasks.into_iter().flat_map(|id| self.described(setting, id).into_iter().map(move |o| o.path(id)));
        let mut paths: Vec<String> = described.filter(|path| path.starts_with(&dir)).collect();
        paths.sort();
        paths.dedup();
        paths
    }

    /// Finds the file at `path` below the volume, whether it is described or may lie there.
    pub(crate) fn find_file(&self, setting: &Setting, path: &str) -> io::Result<Found> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let path = parts.join("/");
        let below = format!("{path}/");
        for id in self.tasks_at(&parts) {
            for output in self.described(setting, id) {
                let (place, link) = (output.path(id), format!("{}/{}", Volume::task_dir(id), output.name));
                if place == path || link == path {
                    return match output.source {
                        Source::Text { text, time } => Ok(Found::Text { text, time }),
                        Source::File => Ok(self.find_there(place)),
                    };
                }
                if place.starts_with(&below) || link.starts_with(&below) {
                    return Err(io::ErrorKind::PermissionDenied.into());
                }
            }
        }
        Ok(self.find_there(path))
    }

    /// What is described as lying at `path`, or lies there.
    fn find_there(&self, path: String) -> Found {
        match self.document(&path) {
            Some(text) => Found::Text { text: text.into(), time: DOCUMENT_TIME },
            None => Found::OnVolume(path),
        }
    }

    /// What a list calls `name` of what lies at `path`.
    fn moved_file(&self, setting: &Setting, path: &str, name: String) -> Option<OutputFile> {
        match self.document(path) {
            Some(text) => Some(OutputFile { name, size: text.len() as u64, time: clock::seconds(DOCUMENT_TIME) }),
            None => setting.volume.file(path, name),
        }
    }

    /// The document of a build at `path`, if it is described.
    fn document(&self, path: &str) -> Option<String> {
        let parts: Vec<&str> = path.split('/').collect();
        let (["packages", name, version, release, "images", filename]
        | ["vol", _, "packages", name, version, release, "images", filename]) = parts[..]
        else {
            return None;
        };
        self.builds_by_nvr(name, version, release).find_map(|build| {
            let is_it = |archive: &&Archive| archive.is_described && *archive.filename == *filename;
            build.archives.iter().find(is_it).filter(|_| path == format!("{}/images/{filename}", build.dir()))?;
            Some(self.tasks.get(build.task)?.builder?.document(&build.nvr(), filename))
        })
    }

    /// The tasks that may have left what lies at a path.
    fn tasks_at(&self, parts: &[&str]) -> Vec<i64> {
        let number = |id: &str| id.parse().into_iter().collect();
        match parts {
            ["work", "tasks", _, id, ..] => number(id),
            ["scratch", _, dir, ..] => dir.strip_prefix("task_").map(number).unwrap_or_default(),
            ["packages", name, version, release, "data", ..]
            | ["vol", _, "packages", name, version, release, "data", ..] => {
                self.tasks_of_builds(name, version, release)
            }
            _ => Vec::new(),
        }
    }

    /// The tasks under those that made the builds of a name, version and release, of the newest build first.
    fn tasks_of_builds(&self, name: &str, version: &str, release: &str) -> Vec<i64> {
        let tasks = self.builds_by_nvr(name, version, release).filter_map(|build| self.tasks.get(build.task));
        tasks.flat_map(|task: &Task| task.children.iter().copied()).collect()
    }
}
