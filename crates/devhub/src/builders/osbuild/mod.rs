//! `osbuildImage`: the plugin of osbuild, and composer behind it (facts: osbuild 5).

mod composed;
mod image_types;
mod output;
mod schema;
mod template;
mod work;

pub(crate) use composed::Composed;

use std::io;

use super::{Builder, Job, Submission, check_priority};
use crate::builds::Generator;
use crate::call::Call;
use crate::channels::{Channel, IMAGE};
use crate::clock::Micros;
use crate::hub::Setting;
use crate::plan::PlannedOutcome;
use crate::scenario::Scenario;
use crate::state::HubState;
use crate::targets::Targets;
use crate::tasks::{PRIORITY, Task};
use crate::volume::Output;
use crate::wire::{Fault, Value, int, string, structure};

#[derive(Debug)]
pub(super) struct Osbuild;

/// Composer imports builds as a content generator.
static GENERATOR: Generator = Generator { id: 1, name: "osbuild", extra: composed::build_extra };

impl Builder for Osbuild {
    fn method(&self) -> &'static str {
        "osbuildImage"
    }

    fn signature(&self) -> &'static str {
        "name version distro image_type target arches opts=None priority=None"
    }

    fn help(&self) -> &'static str {
        "Asks for images; answers with the id of the task."
    }

    fn phase(&self) -> &'static str {
        "osbuild"
    }

    fn channel(&self) -> Channel {
        IMAGE
    }

    fn weight(&self) -> f64 {
        0.2
    }

    fn accept(&self, call: &Call<'_>) -> Result<Submission, Fault> {
        let is_admin = call.user_with("image")?.may("admin");
        let args: [&Value; 6] = std::array::from_fn(|place| call.args.get(place));
        let opts = call.args.get(6);
        schema::check(&args, opts)?;
        check_priority(call.args.get(7), is_admin)?;
        // The id is made of what was received; what is kept has one image type, as a string.
        let mut request: Vec<Value> = args.into_iter().chain([opts]).cloned().collect();
        let identity = self.identity(&request);
        if let Some(Value::Array(types)) = request.get(3) {
            let first = types.first().cloned().unwrap_or(Value::Nil);
            request[3] = first;
        }
        Ok(Submission { identity, request, priority: PRIORITY })
    }

    fn identity(&self, request: &[Value]) -> Value {
        let (args, opts) = request.split_at(request.len().min(6));
        Value::Array(vec![Value::Array(args.to_vec()), opts.first().cloned().unwrap_or(Value::Nil)])
    }

    fn job(&self, request: &[Value]) -> Job {
        let text = |place: usize| request.get(place).and_then(Value::as_str).unwrap_or_default().to_owned();
        let repos = option(request, "repo").and_then(Value::as_array);
        Job {
            key: text(0),
            name: text(0),
            version: text(1),
            release: option(request, "release").and_then(Value::as_str).unwrap_or("1").to_owned(),
            target: request.get(4).cloned().unwrap_or(Value::Nil),
            arches: arches(request).map(str::to_owned).collect(),
            optional_arches: Vec::new(),
            needs_tag_repo: repos.is_none_or(<[Value]>::is_empty),
            is_tagged: !option(request, "skip_tag").and_then(Value::as_bool).unwrap_or(false),
            is_scratch: false,
        }
    }

    fn outcome(
        &self,
        scenario: &Scenario,
        targets: &Targets,
        _id: i64,
        job: &Job,
        request: &[Value],
    ) -> PlannedOutcome {
        if targets.of(&job.target).is_none() {
            return PlannedOutcome::no_target(&job.target);
        }
        composed::outcome(scenario, job, request)
    }

    fn repo_task_id(&self, id: i64) -> i64 {
        id + 4_000_000
    }

    fn begin(&self, state: &mut HubState, setting: &Setting, id: i64, time: Micros) {
        work::ask_composer(state, setting, id, time);
    }

    fn finish(&self, state: &mut HubState, setting: &Setting, id: i64, time: Micros) -> io::Result<()> {
        work::finish(state, setting, id, time)
    }

    fn outputs(&self, state: &HubState, setting: &Setting, task: &Task) -> Vec<Output> {
        work::outputs(state, setting, task)
    }

    fn document(&self, _nvr: &str, _filename: &str) -> String {
        output::manifest()
    }

    fn result(&self, _state: &HubState, setting: &Setting, task: &Task) -> Value {
        let server = setting.addresses.hub.replace("/kojihub", "/composer/");
        structure([
            ("composer", structure([("server", string(server)), ("id", string(output::compose_id(task.id)))])),
            ("koji", structure([("build", int(crate::ids::build_id(task.id)))])),
        ])
    }

    fn generator(&self) -> Option<&'static Generator> {
        Some(&GENERATOR)
    }

    fn archive_extra(&self, task: &Task, arch: &str) -> Value {
        image_types::usual_extra(task, arch)
    }
}

fn option<'v>(request: &'v [Value], name: &str) -> Option<&'v Value> {
    request.get(6).and_then(|opts| opts.get(name))
}

fn image_type(request: &[Value]) -> &str {
    request.get(3).and_then(Value::as_str).unwrap_or_default()
}

fn arches(request: &[Value]) -> impl Iterator<Item = &str> {
    request.get(5).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}
