//! The *output* of tasks: what builders describe ([`Builder::outputs`](crate::builders::Builder::outputs)), with what lies on the volume,
//! under every path by which it can be asked for.

use std::io;

use crate::builds::Build;
use crate::clock;
use crate::hub::Setting;
use crate::state::HubState;
use crate::tasks::Task;
use crate::volume::{Opened, Output, OutputFile, Source, Volume};

impl HubState {
    /// What the builder of a task describes, sorted by name.
    fn described(&self, setting: &Setting, id: i64) -> Vec<Output> {
        let Some(task) = self.tasks.get(&id) else { return Vec::new() };
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
            Source::File => setting.volume.file(&output.path(id), output.name),
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

    /// Opens the file at `path` below the volume, whether it lies there or is described.
    pub(crate) fn open_file(&self, setting: &Setting, path: &str) -> io::Result<Opened> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let path = parts.join("/");
        let below = format!("{path}/");
        for id in self.tasks_at(&parts) {
            for output in self.described(setting, id) {
                let (place, link) = (output.path(id), format!("{}/{}", Volume::task_dir(id), output.name));
                if place == path || link == path {
                    return match output.source {
                        Source::Text { text, time } => Ok(Opened::text(text, time)),
                        Source::File => setting.volume.open(&place),
                    };
                }
                if place.starts_with(&below) || link.starts_with(&below) {
                    return Err(io::ErrorKind::PermissionDenied.into());
                }
            }
        }
        setting.volume.open(&path)
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
        let tasks = self.builds_by_nvr(name, version, release).filter_map(|build| self.tasks.get(&build.task));
        tasks.flat_map(|task: &Task| task.children.iter().copied()).collect()
    }
}
