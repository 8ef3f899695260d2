//! What composer makes of a request, decided when the task is submitted.

use serde::{Deserialize, Serialize};

use super::{image_type, image_types, output, template};
use crate::archive_types;
use crate::builders::Job;
use crate::builds::{Archive, Build};
use crate::names;
use crate::plan::{PlannedFile, PlannedOutcome};
use crate::python::quoted;
use crate::scenario::{FailureKind, Scenario};
use crate::state::HubState;
use crate::wire::{self, Value, structure};

/// What comes of a request that composer is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Composed {
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
    Success {
        files: Vec<PlannedFile>,
        /// Whether its package is in no tag, so that it cannot be tagged.
        is_unlisted: bool,
    },
}

/// What will come of a request.
pub(super) fn outcome(scenario: &Scenario, job: &Job, request: &[Value]) -> PlannedOutcome {
    if let Some(arches) = job.target.as_str().and_then(|target| scenario.target_arches.get(target)) {
        let mut missing: Vec<String> =
            job.arches.iter().filter(|arch| !arches.contains(arch)).map(|arch| quoted(arch)).collect();
        // A set of Python's has no order; this one is sorted.
        missing.sort();
        missing.dedup();
        if !missing.is_empty() {
            let text = format!("Unsupported architecture(s): {{{}}}", missing.join(", "));
            return PlannedOutcome::Fault { code: wire::BUILD, text };
        }
    }
    PlannedOutcome::Composed(composed(scenario, job, request))
}

fn composed(scenario: &Scenario, job: &Job, request: &[Value]) -> Composed {
    if let Some(problem) = template::problem(request.get(6).unwrap_or(&Value::Nil)) {
        return Composed::NoTemplate(problem);
    }
    if let Some(failure) = scenario.fail.get(&job.key).filter(|failure| failure.rc != Some(0)) {
        let reason = failure.out.clone().unwrap_or_else(|| "boom".to_owned());
        return match failure.kind {
            FailureKind::Build => Composed::Failure(reason),
            FailureKind::Init => Composed::NotBegun(reason),
            FailureKind::Import => Composed::NotImported(reason),
            FailureKind::Request => Composed::Refused(reason),
            FailureKind::Unreachable => Composed::Unreachable(reason),
        };
    }
    for (what, word) in [("name", &job.name), ("version", &job.version), ("release", &job.release)] {
        if !names::is_file_name(word) {
            return Composed::Failure(format!("{} cannot be the {what} of a build", quoted(word)));
        }
    }
    let files = files(scenario, job, image_type(request));
    if let Some(file) = files.iter().find(|file| !names::is_file_name(&file.filename)) {
        return Composed::Failure(format!("{} cannot be the name of a file", quoted(&file.filename)));
    }
    if let Some(file) = files.iter().find(|file| archive_types::by_name(&file.type_name).is_none()) {
        return Composed::Failure(format!("unsupported archive type: {}", file.type_name));
    }
    Composed::Success { files, is_unlisted: scenario.unlisted_packages.contains(&job.name) }
}

fn files(scenario: &Scenario, job: &Job, image_type: &str) -> Vec<PlannedFile> {
    let arches = scenario.archive_arches.get(&job.key).unwrap_or(&job.arches);
    let mut files = Vec::new();
    for arch in arches {
        match scenario.archives.get(&job.key) {
            Some(archives) => files.extend(archives.iter().map(|archive| PlannedFile::scripted(job, arch, archive))),
            None if scenario.no_arch.get(&job.key) == Some(&true) => {}
            None => {
                let (type_name, suffix) = image_types::file_of(image_type);
                files.push(PlannedFile::usual(job, arch, type_name, suffix));
            }
        }
    }
    if scenario.manifests {
        let manifest = |file: &PlannedFile| PlannedFile {
            arch: file.arch.clone(),
            type_name: "json".to_owned(),
            filename: format!("{}{MANIFEST}", file.filename),
            extra: Some(serde_json::json!({"image": {"arch": file.arch}})),
            text: Some(output::manifest()),
            is_document: true,
        };
        let manifests: Vec<PlannedFile> = files.iter().map(manifest).collect();
        files.extend(manifests);
    }
    files
}

/// What the name of a manifest ends with; before it stands the name of the image.
const MANIFEST: &str = ".manifest.json";

fn is_manifest(archive: &Archive) -> bool {
    archive.kind.name == "json" && archive.filename.ends_with(MANIFEST)
}

/// `extra` of a build: what its archives are, by file name.
pub(super) fn build_extra(state: &HubState, build: &Build) -> Value {
    let facts = |manifests: bool| {
        let archives = build.archives.iter().filter(move |archive| is_manifest(archive) == manifests);
        let image = |archive| match state.archive_extra(build, archive) {
            Value::Struct(mut extra) => extra.remove("image"),
            _ => None,
        };
        structure(archives.filter_map(|archive| Some((archive.filename.as_ref(), image(archive)?))))
    };
    let mut members = vec![("typeinfo", structure([("image", facts(false))]))];
    if build.archives.iter().any(is_manifest) {
        members.push(("osbuild_manifest", facts(true)));
    }
    structure(members)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builders::Builder as _;
    use crate::builders::osbuild::Osbuild;
    use crate::scenario::parse_scenario;
    use crate::wire::string;

    fn of(scenario: &str, opts: Value) -> PlannedOutcome {
        let mut request: Vec<Value> = ["n", "1", "d", "qcow2", "t"].map(string).into();
        request.push(Value::Array(["x86_64", "riscv64"].map(string).into()));
        request.push(opts);
        outcome(&parse_scenario(scenario).unwrap(), &Osbuild.job(&request), &request)
    }

    #[test]
    fn outcomes() {
        let text = "Unsupported architecture(s): {'riscv64'}".to_owned();
        assert_eq!(
            of(r#"{"target_arches": {"t": ["x86_64"]}}"#, Value::Nil),
            PlannedOutcome::Fault { code: wire::BUILD, text }
        );
        for (kind, outcome) in [
            ("build", Composed::Failure("boom".to_owned())),
            ("init", Composed::NotBegun("boom".to_owned())),
            ("import", Composed::NotImported("boom".to_owned())),
            ("request", Composed::Refused("boom".to_owned())),
            ("unreachable", Composed::Unreachable("boom".to_owned())),
        ] {
            let script = format!(r#"{{"fail": {{"n": {{"kind": "{kind}"}}}}}}"#);
            assert_eq!(of(&script, Value::Nil), PlannedOutcome::Composed(outcome));
        }
        let repo = |url| structure([("repo", Value::Array(vec![string(url)]))]);
        assert_eq!(
            of("{}", repo("https://example.org/$basearch/")),
            PlannedOutcome::Composed(Composed::NoTemplate("KeyError: 'basearch'".to_owned()))
        );
        let built = of(r#"{"manifests": true}"#, repo("https://example.org/$arch/"));
        let PlannedOutcome::Composed(Composed::Success { files, is_unlisted: false }) = built else {
            panic!("{built:?}")
        };
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
