//! What Koji's own tasks for images of a kickstart file have in common.

use super::Job;
use super::imagebuilder::strings;
use super::per_arch::Surroundings;
use crate::args::id_of;
use crate::tasks::PRIORITY;
use crate::wire::{Fault, Members, Value, int, string, truthy};

/// An option of a kept request.
pub(super) fn option<'v>(request: &'v [Value], name: &str) -> Option<&'v Value> {
    request.get(5).and_then(|opts| opts.get(name))
}

/// What a kept request asks for.
pub(super) fn common_job(request: &[Value]) -> Job {
    let text = |place: usize| request.get(place).and_then(Value::as_str).unwrap_or_default().to_owned();
    let arches = match request.get(2) {
        // Python takes a string for a list of its letters.
        Some(Value::String(letters)) => letters.chars().map(String::from).collect(),
        arches => strings(arches),
    };
    let optional_arches = match option(request, "optional_arches") {
        // ... and finds one string in another.
        Some(Value::String(text)) => arches.iter().filter(|arch| text.contains(*arch)).cloned().collect(),
        arches => strings(arches),
    };
    let is_set = |name: &str| option(request, name).is_some_and(truthy);
    let release = option(request, "release").and_then(Value::as_str).filter(|release| !release.is_empty());
    Job {
        key: text(0),
        name: text(0),
        version: text(1),
        release: release.unwrap_or("1").to_owned(),
        target: request.get(3).cloned().unwrap_or(Value::Nil),
        arches,
        optional_arches,
        needs_tag_repo: true,
        is_tagged: !is_set("skip_tag"),
        is_scratch: is_set("scratch"),
    }
}

/// The arguments of the task for an arch; `source` is what the image is made of.
pub(super) fn child_request(
    job: &Job,
    request: &[Value],
    arch: &str,
    place: &Surroundings<'_>,
    source: Value,
) -> Vec<Value> {
    let opts = request.get(5).filter(|opts| truthy(opts)).cloned();
    vec![
        string(job.name.as_str()),
        string(job.version.as_str()),
        string(job.release.as_str()),
        string(arch),
        place.target.clone(),
        int(place.build_tag.id),
        place.repo.clone(),
        source,
        opts.unwrap_or_else(|| Value::Struct(Members::default())),
    ]
}

/// The priority of a task that is to be looked at later than others by `change`.
pub(super) fn change_of_priority(change: &Value, is_admin: bool) -> Result<i64, Fault> {
    super::check_priority(change, is_admin)?;
    if truthy(change) { id_of(change).map(|change| PRIORITY.saturating_add(change)) } else { Ok(PRIORITY) }
}

pub(super) fn file_name_of(path: Option<&Value>) -> String {
    let path = path.and_then(Value::as_str).unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default().to_owned()
}
