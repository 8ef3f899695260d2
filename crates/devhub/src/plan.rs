//! A *plan* is what will become of a task, and when: all of it is decided when the task is submitted.

use serde::{Deserialize, Serialize};

use crate::archive_types;
use crate::clock::{Micros, micros};
use crate::image_types;
use crate::names;
use crate::scenario::{FailureKind, Scenario};
use crate::template;
use crate::wire::Value;

/// What will come of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Outcome {
    /// Its target does not exist.
    NoTarget,
    /// Its target has not got these arches.
    NoArches(Vec<String>),
    /// A name in it begins with a dollar sign and is not `arch`; the text is Python's.
    NoTemplate(String),
    /// Composer does not take the request, for this reason.
    Refused(String),
    /// Composer cannot be reached, for this reason.
    Unreachable(String),
    /// The image cannot be built, for this reason.
    Failure(String),
    /// The build cannot be begun, for this reason.
    NotBegun(String),
    /// The image cannot be imported, for this reason.
    NotImported(String),
    /// A build with these files.
    Success(Vec<PlannedFile>),
}

/// A file that a task will make.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PlannedFile {
    /// For which arch.
    pub(crate) arch: String,
    /// Its archive type.
    pub(crate) type_name: String,
    /// Its name.
    pub(crate) filename: String,
    /// The archive's `extra`, if the script gives one.
    pub(crate) extra: Option<serde_json::Value>,
    /// Whether it is the manifest from which osbuild made an image.
    #[serde(default)]
    pub(crate) is_manifest: bool,
}

/// What happens to a task, in this order if at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// It is given to a builder.
    Assign,
    /// The builder begins with it, and asks composer.
    Open,
    /// The repository that it waited for is ready.
    Repo,
    /// The builder gives it back.
    Free,
    /// A builder begins with it again.
    Reopen,
    /// Composer is done: there is a build, or not.
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
    /// When composer is done.
    pub(crate) finish: Micros,
    /// When it ends.
    pub(crate) close: Micros,
    /// What comes of it.
    pub(crate) outcome: Outcome,
    /// Whether its package is in no tag, so that the build cannot be tagged.
    #[serde(default)]
    pub(crate) is_unlisted: bool,
}

impl Plan {
    /// How the task `id` for `request` will go.
    pub(crate) fn new(scenario: &Scenario, id: i64, now: Micros, request: &[Value]) -> Self {
        let name = text(request, 0);
        let length = scenario.task_seconds.of_task(id);
        let queue = scenario.queue_seconds.map_or((length * 0.1).min(1.0), |queue| queue.of_task(id));
        let assigned = scenario.assigned_seconds.of_task(id);
        // Without a script for the queue, waiting is a part of the task's time.
        let extra = assigned + if scenario.queue_seconds.is_some() { queue } else { 0.0 };
        let names_repo = option(request, "repo").and_then(Value::as_array).is_some_and(|repos| !repos.is_empty());
        let repo = scenario.repo_seconds.filter(|_| !names_repo).map(|wait| wait.of_task(id));
        let at = |seconds: f64| now.saturating_add(micros(seconds));
        let open = queue + assigned;
        let begin = open + repo.unwrap_or(0.0);
        let extra = extra + repo.unwrap_or(0.0);
        let finish = (extra + length * 0.9).max(begin);
        let is_freed = scenario.freed.contains(name) || scenario.freed.contains("*");
        let half = begin + (finish - begin) / 2.0;
        let again = half + ((finish - half) / 2.0).min(1.0);
        Self {
            assign: (assigned > 0.0).then(|| at(queue)),
            open: at(open),
            repo: repo.map(|_| at(begin)),
            freed: is_freed.then(|| (at(half), at(again))),
            finish: at(finish),
            close: at((extra + length).max(finish)),
            outcome: outcome(scenario, request),
            is_unlisted: scenario.unlisted_packages.contains(name),
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

fn text(request: &[Value], place: usize) -> &str {
    request.get(place).and_then(Value::as_str).unwrap_or_default()
}

fn option<'v>(request: &'v [Value], name: &str) -> Option<&'v Value> {
    request.get(6).and_then(|opts| opts.get(name))
}

fn asked_arches(request: &[Value]) -> impl Iterator<Item = &str> {
    request.get(5).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn outcome(scenario: &Scenario, request: &[Value]) -> Outcome {
    let (name, version, target) = (text(request, 0), text(request, 1), text(request, 4));
    let release = option(request, "release").and_then(Value::as_str).unwrap_or("1");
    if scenario.unknown_targets.contains(target) {
        return Outcome::NoTarget;
    }
    if let Some(arches) = scenario.target_arches.get(target) {
        let mut missing: Vec<String> =
            asked_arches(request).filter(|arch| !arches.iter().any(|a| a == arch)).map(str::to_owned).collect();
        missing.sort();
        missing.dedup();
        if !missing.is_empty() {
            return Outcome::NoArches(missing);
        }
    }
    if let Some(problem) = template::problem(request.get(6).unwrap_or(&Value::Nil)) {
        return Outcome::NoTemplate(problem);
    }
    if let Some(failure) = scenario.fail.get(name) {
        let reason = failure.out.clone().unwrap_or_else(|| "boom".to_owned());
        return match failure.kind {
            FailureKind::Build => Outcome::Failure(reason),
            FailureKind::Init => Outcome::NotBegun(reason),
            FailureKind::Import => Outcome::NotImported(reason),
            FailureKind::Request => Outcome::Refused(reason),
            FailureKind::Unreachable => Outcome::Unreachable(reason),
        };
    }
    for (what, word) in [("name", name), ("version", version), ("release", release)] {
        if !names::is_file_name(word) {
            return Outcome::Failure(format!("{} cannot be the {what} of a build", crate::python::quoted(word)));
        }
    }
    let files = files(scenario, request, release);
    if let Some(file) = files.iter().find(|file| !names::is_file_name(&file.filename)) {
        return Outcome::Failure(format!("{} cannot be the name of a file", crate::python::quoted(&file.filename)));
    }
    if let Some(file) = files.iter().find(|file| archive_types::by_name(&file.type_name).is_none()) {
        return Outcome::Failure(format!("unsupported archive type: {}", file.type_name));
    }
    Outcome::Success(files)
}

fn files(scenario: &Scenario, request: &[Value], release: &str) -> Vec<PlannedFile> {
    let (name, version, image_type) = (text(request, 0), text(request, 1), text(request, 3));
    let arches: Vec<String> = match scenario.archive_arches.get(name) {
        Some(arches) => arches.clone(),
        None => asked_arches(request).map(str::to_owned).collect(),
    };
    let mut files = Vec::new();
    for arch in &arches {
        let file = |type_name: &str, template: &str, suffix: &str, extra: Option<&serde_json::Value>| PlannedFile {
            arch: arch.clone(),
            type_name: type_name.to_owned(),
            filename: names::fill(
                template,
                &[("name", name), ("version", version), ("release", release), ("arch", arch), ("suffix", suffix)],
            ),
            extra: extra.cloned(),
            is_manifest: false,
        };
        let usual = "{name}-{version}-{release}.{arch}.{suffix}";
        match scenario.archives.get(name) {
            Some(archives) => files.extend(archives.iter().map(|a| {
                let suffix = a.suffix.as_deref().unwrap_or_default();
                file(&a.type_name, a.filename.as_deref().unwrap_or(usual), suffix, a.extra.as_ref())
            })),
            None => {
                let (type_name, suffix) = image_types::file_of(image_type);
                files.push(file(type_name, usual, suffix, None));
            }
        }
    }
    if scenario.manifests {
        let manifest = |file: &PlannedFile| PlannedFile {
            arch: file.arch.clone(),
            type_name: "json".to_owned(),
            filename: format!("{}.manifest.json", file.filename),
            extra: None,
            is_manifest: true,
        };
        let manifests: Vec<PlannedFile> = files.iter().map(manifest).collect();
        files.extend(manifests);
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::parse_scenario;
    use crate::wire::{string, structure};

    fn request(opts: Value) -> Vec<Value> {
        let mut request: Vec<Value> = ["n", "1", "d", "qcow2", "t"].map(string).into();
        request.push(Value::Array(["x86_64", "riscv64"].map(string).into()));
        request.push(opts);
        request
    }

    fn plan(scenario: &str, opts: Value) -> Plan {
        Plan::new(&parse_scenario(scenario).unwrap(), 1, 0, &request(opts))
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

    #[test]
    fn outcomes() {
        let of = |scenario: &str, opts: Value| plan(scenario, opts).outcome;
        assert_eq!(of(r#"{"unknown_targets": ["t"]}"#, Value::Nil), Outcome::NoTarget);
        assert_eq!(
            of(r#"{"target_arches": {"t": ["x86_64"]}}"#, Value::Nil),
            Outcome::NoArches(vec!["riscv64".to_owned()])
        );
        for (kind, outcome) in [
            ("build", Outcome::Failure("boom".to_owned())),
            ("init", Outcome::NotBegun("boom".to_owned())),
            ("import", Outcome::NotImported("boom".to_owned())),
            ("request", Outcome::Refused("boom".to_owned())),
            ("unreachable", Outcome::Unreachable("boom".to_owned())),
        ] {
            assert_eq!(of(&format!(r#"{{"fail": {{"n": {{"kind": "{kind}"}}}}}}"#), Value::Nil), outcome);
        }
        let repo = structure([("repo", Value::Array(vec![string("https://example.org/$basearch/")]))]);
        assert_eq!(of("{}", repo), Outcome::NoTemplate("KeyError: 'basearch'".to_owned()));
        let Outcome::Success(files) = of(r#"{"manifests": true}"#, with_repo()) else { panic!() };
        let names: Vec<&str> = files.iter().map(|file| file.filename.as_str()).collect();
        assert_eq!(
            names,
            [
                "n-1-1.x86_64.qcow2",
                "n-1-1.riscv64.qcow2",
                "n-1-1.x86_64.qcow2.manifest.json",
                "n-1-1.riscv64.qcow2.manifest.json"
            ]
        );
    }
}
