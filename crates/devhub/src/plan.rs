//! A *plan* is what will become of a task, and when: all of it is decided when the task is submitted.

use serde::{Deserialize, Serialize};

use crate::builders::{Builder, Composed, Job, PerArchPlan};
use crate::clock::{Micros, micros};
use crate::names;
use crate::python;
use crate::scenario::{Scenario, ScriptedArchive};
use crate::targets::Targets;
use crate::wire::{self, Value};

/// What will come of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum PlannedOutcome {
    /// It fails as soon as a builder looks at it.
    Fault {
        code: i64,
        text: String,
    },
    Composed(Composed),
    /// There is a task for each arch.
    PerArch(PerArchPlan),
}

impl PlannedOutcome {
    /// The target does not exist.
    pub(crate) fn no_target(info: &Value) -> Self {
        Self::Fault { code: wire::GENERIC, text: format!("No such build target: {}", python::text(info)) }
    }
}

/// A file that a task will make.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PlannedFile {
    pub(crate) arch: String,
    pub(crate) type_name: String,
    pub(crate) filename: String,
    /// The archive's `extra`, instead of the usual.
    pub(crate) extra: Option<serde_json::Value>,
    /// What is in it, instead of the lines of an image.
    #[serde(default)]
    pub(crate) text: Option<String>,
    /// Whether it is a document beside an image. Clients do not take it from the volume.
    #[serde(default)]
    pub(crate) is_document: bool,
}

impl PlannedFile {
    /// A file that is called as most are.
    pub(crate) fn usual(job: &Job, arch: &str, type_name: &str, suffix: &str) -> Self {
        Self {
            arch: arch.to_owned(),
            type_name: type_name.to_owned(),
            filename: format!("{}.{arch}.{suffix}", job.nvr()),
            extra: None,
            text: None,
            is_document: false,
        }
    }

    pub(crate) fn scripted(job: &Job, arch: &str, archive: &ScriptedArchive) -> Self {
        let suffix = archive.suffix.as_deref().unwrap_or_default();
        let usual = Self::usual(job, arch, &archive.type_name, suffix);
        let filename = archive.filename.as_deref().map(|template| file_name(job, arch, suffix, template));
        Self { filename: filename.unwrap_or_else(|| usual.filename.clone()), extra: archive.extra.clone(), ..usual }
    }
}

/// A file name of the script, with the facts of a job in it.
pub(crate) fn file_name(job: &Job, arch: &str, suffix: &str, template: &str) -> String {
    let fields = [("name", job.name.as_str()), ("version", &job.version), ("release", &job.release)];
    names::fill(template, &[&fields[..], &[("arch", arch), ("suffix", suffix)]].concat())
}

/// What happens to a task, in this order if at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// It is given to a builder.
    Assign,
    /// The builder begins with it.
    Open,
    /// The repository that it waited for is ready.
    Repo,
    /// The builder gives it back.
    Free,
    /// A builder begins with it again.
    Reopen,
    /// A builder begins with a task under another.
    OpenChild,
    /// A task under another has had its time.
    EndChild,
    /// The files are made: there is a build, or not.
    Finish,
    /// The build is tagged and the task ends.
    Close,
}

/// When and how a task will go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// When it is given to a builder; without it, when the builder begins.
    #[serde(default)]
    pub(crate) assign: Option<Micros>,
    /// When the builder begins.
    pub(crate) open: Micros,
    /// When the repository is ready that it waits for.
    #[serde(default)]
    pub(crate) repo: Option<Micros>,
    /// When the builder gives it back, and when one begins again.
    #[serde(default)]
    pub(crate) freed: Option<(Micros, Micros)>,
    /// When the files are made.
    pub(crate) finish: Micros,
    /// When it ends.
    pub(crate) close: Micros,
    pub(crate) outcome: PlannedOutcome,
    /// The volume on which its build will lie, if it is not the first one.
    #[serde(default)]
    pub(crate) volume: Option<String>,
    /// What composer will say when it is done, instead of the usual.
    #[serde(default)]
    pub(crate) status: Option<serde_json::Value>,
}

impl Plan {
    /// How the task `id` for `request` will go.
    pub(crate) fn new(
        scenario: &Scenario,
        targets: &Targets,
        builder: &dyn Builder,
        id: i64,
        now: Micros,
        request: &[Value],
    ) -> Self {
        let job = builder.job(request);
        let length = scenario.task_seconds.of_task(id);
        let queue = scenario.queue_seconds.map_or((length * 0.1).min(1.0), |queue| queue.of_task(id));
        let assigned = scenario.assigned_seconds.of_task(id);
        // Without a script for the queue, waiting is a part of the task's time.
        let extra = assigned + if scenario.queue_seconds.is_some() { queue } else { 0.0 };
        let repo = scenario.repo_seconds.filter(|_| job.needs_tag_repo).map(|wait| wait.of_task(id));
        let at = |seconds: f64| now.saturating_add(micros(seconds));
        let open = queue + assigned;
        let begin = open + repo.unwrap_or(0.0);
        let extra = extra + repo.unwrap_or(0.0);
        let finish = (extra + length * 0.9).max(begin);
        let is_freed = scenario.freed.contains(&job.key) || scenario.freed.contains("*");
        let half = begin + (finish - begin) / 2.0;
        let again = half + ((finish - half) / 2.0).min(1.0);
        Self {
            assign: (assigned > 0.0).then(|| at(queue)),
            open: at(open),
            repo: repo.map(|_| at(begin)),
            freed: is_freed.then(|| (at(half), at(again))),
            finish: at(finish),
            close: at((extra + length).max(finish)),
            outcome: builder.outcome(scenario, targets, id, &job, request),
            volume: scenario.volume.get(&job.key).cloned(),
            status: scenario.compose_status.get(&job.key).cloned(),
        }
    }

    /// Everything that will happen.
    pub(crate) fn steps(&self) -> impl Iterator<Item = (Micros, Step)> {
        let freed = self.freed.map(|(time, _)| (time, Step::Free));
        let again = self.freed.map(|(_, time)| (time, Step::Reopen));
        let always = [(self.open, Step::Open), (self.finish, Step::Finish), (self.close, Step::Close)];
        let assign = self.assign.map(|time| (time, Step::Assign));
        let repo = self.repo.map(|time| (time, Step::Repo));
        always.into_iter().chain(assign).chain(repo).chain(freed).chain(again)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builders::Builders;
    use crate::scenario::parse_scenario;
    use crate::wire::{string, structure};

    fn request(opts: Value) -> Vec<Value> {
        let mut request: Vec<Value> = ["n", "1", "d", "qcow2", "t"].map(string).into();
        request.push(Value::Array(["x86_64", "riscv64"].map(string).into()));
        request.push(opts);
        request
    }

    fn plan(scenario: &str, opts: Value) -> Plan {
        let scenario = parse_scenario(scenario).unwrap();
        let builder = Builders::default().by_method("osbuildImage").unwrap();
        Plan::new(&scenario, &Targets::new(&scenario), builder, 1, 0, &request(opts))
    }

    fn with_repo() -> Value {
        structure([("repo", Value::Array(vec![string("https://example.org/$arch/")]))])
    }

    #[test]
    fn times() {
        let seconds = |plan: &Plan| {
            let mut steps: Vec<(Micros, Step)> = plan.steps().collect();
            steps.sort();
            steps.into_iter().map(|(time, step)| (time / 100_000, step)).collect::<Vec<_>>()
        };
        assert_eq!(
            seconds(&plan(r#"{"task_seconds": 10}"#, with_repo())),
            [(10, Step::Open), (90, Step::Finish), (100, Step::Close)]
        );
        assert_eq!(
            seconds(&plan(r#"{"task_seconds": 10, "queue_seconds": 5, "assigned_seconds": 1}"#, with_repo())),
            [(50, Step::Assign), (60, Step::Open), (150, Step::Finish), (160, Step::Close)]
        );
        assert_eq!(
            seconds(&plan(r#"{"repo_seconds": 2, "freed": ["n"]}"#, Value::Nil)),
            [
                (0, Step::Open),
                (20, Step::Repo),
                (20, Step::Free),
                (20, Step::Reopen),
                (20, Step::Finish),
                (20, Step::Close)
            ]
        );
        assert_eq!(
            seconds(&plan(r#"{"repo_seconds": 2, "task_seconds": 10, "freed": ["*"]}"#, with_repo())),
            [(10, Step::Open), (50, Step::Free), (60, Step::Reopen), (90, Step::Finish), (100, Step::Close)]
        );
    }
}
