//! What will come of the tasks for the arches, decided when the task that they are under is submitted.

use serde::{Deserialize, Serialize};

use super::{Arch, PerArch, child_id, target};
use crate::archive_types;
use crate::builders::Job;
use crate::names;
use crate::plan::{PlannedFile, PlannedOutcome, file_name};
use crate::python::quoted;
use crate::scenario::{FailureKind, Scenario, ScriptedFailure};
use crate::targets::{Tag, Targets};
use crate::wire::{self, Fault, Value};

/// What will come of a task that has one under it for each arch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PerArchPlan {
    /// Why there are no tasks for arches: code and text of a fault.
    pub(super) fault: Option<(i64, String)>,
    /// The arches, each once.
    pub(super) arches: Vec<PlannedArch>,
    /// Why what they made cannot be imported.
    pub(super) import_fault: Option<(i64, String)>,
    /// Whether it ends well whatever they did.
    pub(super) ends_well: bool,
    /// What they are called, by a builder that is not the hub's; then nothing is imported.
    pub(super) foreign_method: Option<String>,
    pub(super) release: StatedRelease,
}

/// The release that the task for an arch states.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum StatedRelease {
    /// That of the build.
    Own,
    /// None.
    Nothing,
    /// Another.
    Other(Box<str>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct PlannedArch {
    pub(super) arch: String,
    /// Whether the others do not fail with it.
    pub(super) is_optional: bool,
    /// Why it fails: code and text of a fault.
    pub(super) fault: Option<(i64, String)>,
    pub(super) files: Vec<PlannedFile>,
}

/// Everything that decides.
pub(super) struct Case<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) targets: &'a Targets,
    pub(super) id: i64,
    pub(super) job: &'a Job,
    pub(super) request: &'a [Value],
}

/// What will come of a task.
pub(super) fn outcome<B: PerArch>(builder: &B, case: &Case<'_>) -> PlannedOutcome {
    let Some((target, tag)) = target(case.targets, case.job) else {
        return PlannedOutcome::no_target(&case.job.target);
    };
    let arches = arches::<B>(case.job, tag);
    let wrong_arches = wrong_arches(builder, case.scenario, &target.name, tag, &arches);
    let wrong_arches = wrong_arches.map(|text| (wire::BUILD, text));
    match wrong_arches {
        Some((code, text)) if B::ARCHES_FIRST => PlannedOutcome::Fault { code, text },
        fault => PlannedOutcome::PerArch(per_arch(builder, case, tag, &arches, fault)),
    }
}

/// The arches, each once: the tasks for them are distinguished by their labels, which must differ.
fn arches<B: PerArch>(job: &Job, tag: &Tag) -> Vec<String> {
    let asked = if job.arches.is_empty() && B::HAS_DEFAULT_ARCHES {
        tag.arches.split_whitespace().map(str::to_owned).collect()
    } else {
        job.arches.clone()
    };
    let mut arches: Vec<String> = Vec::new();
    for arch in asked {
        if !arches.contains(&arch) {
            arches.push(arch);
        }
    }
    arches
}

/// What is said of arches that the build tag does not have. Unless the script says which there are, it has all.
fn wrong_arches<B: PerArch>(
    builder: &B,
    scenario: &Scenario,
    target: &str,
    tag: &Tag,
    arches: &[String],
) -> Option<String> {
    let known = scenario.target_arches.get(target);
    if known.is_some_and(Vec::is_empty) {
        return Some(builder.no_arches(tag));
    }
    let is_known = |arch: &String| !arch.is_empty() && known.is_none_or(|known| known.contains(arch));
    let mut missing: Vec<&str> = arches.iter().filter(|arch| !is_known(arch)).map(String::as_str).collect();
    missing.sort_unstable();
    (!missing.is_empty()).then(|| builder.no_arch(&missing))
}

fn per_arch<B: PerArch>(
    builder: &B,
    case: &Case<'_>,
    tag: &Tag,
    arches: &[String],
    wrong_arches: Option<(i64, String)>,
) -> PerArchPlan {
    let Case { scenario, job, request, .. } = *case;
    let failure = scenario.fail.get(&job.key);
    let has_none = scenario.no_arch.get(&job.key) == Some(&true);
    let (failure, ends_well) = match failure {
        Some(ScriptedFailure { rc: Some(0), .. }) => (None, true),
        failure => (failure, has_none),
    };
    let refused = failure.filter(|failure| failure.kind == FailureKind::Request);
    let refused = refused.map(|failure| (wire::GENERIC, failure.out.clone().unwrap_or_else(|| "boom".to_owned())));
    let refusal = || builder.refusal(scenario, job, request).map(|fault| (fault.code, fault.string));
    let fault = wrong_arches.or(refused).or_else(refusal).or_else(|| not_listed(case));
    let mut planned: Vec<PlannedArch> = Vec::new();
    let arches = if has_none { &[] } else { arches };
    for (place, arch) in (1..).zip(arches) {
        let facts = Arch { name: arch, is_first: place == 1, task: child_id(case.id, place), build_tag: &tag.name };
        planned.push(PlannedArch {
            arch: arch.clone(),
            is_optional: job.optional_arches.contains(arch),
            fault: child_fault(builder, case, failure, arch),
            files: files(builder, case, &facts),
        });
    }
    let fault = fault.or_else(|| bad_names(job, &planned));
    PerArchPlan {
        fault,
        import_fault: import_fault(case, failure, &planned),
        arches: planned,
        ends_well,
        // One that is called as the hub's own is not foreign.
        foreign_method: scenario.only_method.clone().filter(|method| method != B::CHILD_METHOD),
        release: match scenario.child_release.get(&job.key) {
            None => StatedRelease::Own,
            Some(None) => StatedRelease::Nothing,
            Some(Some(release)) => StatedRelease::Other(release.as_str().into()),
        },
    }
}

/// A build that is tagged needs a package that the tag lists.
fn not_listed(case: &Case<'_>) -> Option<(i64, String)> {
    let Case { scenario, targets, job, .. } = *case;
    if !job.is_tagged || job.is_scratch {
        return None;
    }
    let tag =
        targets.of(&job.target).and_then(|target| targets.tags_of(target)).map_or("", |(_, tag)| tag.name.as_str());
    let is_in =
        |packages: &std::collections::BTreeSet<String>| packages.contains(&job.name) || packages.contains(&job.key);
    let name = &job.name;
    if is_in(&scenario.blocked_packages) {
        // Two blanks, as in Koji.
        return Some((wire::BUILD, format!("package (image)  {name} is blocked for tag {tag}")));
    }
    is_in(&scenario.unlisted_packages)
        .then(|| (wire::BUILD, format!("package (image) {name} not in list for tag {tag}")))
}

/// Names that cannot become parts of paths on the volume.
fn bad_names(job: &Job, planned: &[PlannedArch]) -> Option<(i64, String)> {
    let parts = [("name", &job.name), ("version", &job.version), ("release", &job.release)];
    let parts = parts.into_iter().find(|(_, word)| !names::is_file_name(word));
    if let Some((what, word)) = parts {
        return Some((wire::BUILD, format!("{} cannot be the {what} of a build", quoted(word))));
    }
    let mut files = planned.iter().flat_map(|arch| &arch.files);
    let file = files.find(|file| !names::is_file_name(&file.filename))?;
    Some((wire::BUILD, format!("{} cannot be the name of a file", quoted(&file.filename))))
}

/// What the task for an arch fails of.
fn child_fault<B: PerArch>(
    builder: &B,
    case: &Case<'_>,
    failure: Option<&ScriptedFailure>,
    arch: &str,
) -> Option<(i64, String)> {
    let Case { scenario, job, request, .. } = *case;
    if let Some(fault) = builder.child_refusal(request) {
        return Some((fault.code, fault.string));
    }
    let (code, usual) = B::CHILD_FAULT;
    if let Some(reason) = scenario.child_fail.get(&job.key).and_then(|failing| failing.reason(arch, usual)) {
        return Some((code, reason.to_owned()));
    }
    let failure = failure?;
    let out = failure.out.as_deref();
    match failure.kind {
        FailureKind::Build => Some((code, out.unwrap_or(usual).to_owned())),
        FailureKind::Init => {
            let usual = "could not init mock buildroot, mock exited with status 30; see root.log for more information";
            Some((wire::BUILDROOT, out.unwrap_or(usual).to_owned()))
        }
        FailureKind::Unreachable => {
            let error = out.unwrap_or("boom");
            Some((wire::PYTHON, format!("Traceback (most recent call last):\nRuntimeError: {error}\n")))
        }
        FailureKind::Import | FailureKind::Request => None,
    }
}

fn files<B: PerArch>(builder: &B, case: &Case<'_>, arch: &Arch<'_>) -> Vec<PlannedFile> {
    let Case { scenario, job, request, .. } = *case;
    if let Some(archives) = scenario.archives.get(&job.key) {
        return archives.iter().map(|archive| PlannedFile::scripted(job, arch.name, archive)).collect();
    }
    let scripted = scenario.files.get(&job.key);
    let names = match scripted {
        Some(files) => files.iter().map(|template| file_name(job, arch.name, "", template)).collect(),
        None => builder.files(job, request, arch),
    };
    let file = |filename: String| PlannedFile {
        arch: arch.name.to_owned(),
        type_name: archive_types::of_file(&filename).map_or(archive_types::OTHER, |kind| kind.name).to_owned(),
        is_document: scripted.is_none() && DOCUMENTS.iter().any(|ending| filename.ends_with(ending)),
        filename,
        extra: None,
        text: None,
    };
    names.into_iter().map(file).collect()
}

/// What the names of the files end with that builders make beside an image.
const DOCUMENTS: [&str; 5] = [".json", ".xml", ".ks", ".packages", ".verified"];

/// What the hub says of the files when it imports them.
fn import_fault(case: &Case<'_>, failure: Option<&ScriptedFailure>, planned: &[PlannedArch]) -> Option<(i64, String)> {
    if let Some(failure) = failure.filter(|failure| failure.kind == FailureKind::Import) {
        return Some((wire::GENERIC, failure.out.clone().unwrap_or_else(|| "boom".to_owned())));
    }
    let is_imported = case.scenario.strict && !case.job.is_scratch;
    let mut files = planned.iter().filter(|arch| is_imported && arch.fault.is_none()).flat_map(|arch| &arch.files);
    let file = files.find(|file| file.type_name == archive_types::OTHER)?;
    Some((wire::BUILD, format!("Unsupported file type: {}", file.filename)))
}

/// The fault of a plan, as a task leaves it.
pub(super) fn fault((code, text): &(i64, String)) -> Fault {
    Fault::new(*code, text.clone())
}
