//! Builders that make a task for each arch under the one that was submitted, and let the hub import what those make.

mod output;
mod plan;
mod work;

pub(crate) use plan::{PerArchPlan, StatedRelease};
pub(crate) use work::installed_package;

use std::fmt;
use std::io;

use super::{Builder, Job, Submission};
use crate::call::Call;
use crate::channels::Channel;
use crate::clock::Micros;
use crate::hub::Setting;
use crate::plan::PlannedOutcome;
use crate::scenario::Scenario;
use crate::state::HubState;
use crate::targets::{Tag, Target, Targets};
use crate::tasks::{Made, Task};
use crate::volume::Output;
use crate::wire::{Fault, Value, string};

/// What distinguishes one of them from the others.
pub(super) trait PerArch: fmt::Debug + Sync + 'static {
    const METHOD: &'static str;
    /// Its parameters.
    const SIGNATURE: &'static str;
    const HELP: &'static str;
    const TASK_METHOD: &'static str = Self::METHOD;
    /// Pungi's name of the phase that calls it.
    const PHASE: &'static str;
    const CHANNEL: Channel;
    /// How much of a machine an open task takes (facts: builders 17).
    const WEIGHT: f64;
    /// What the task for an arch is called.
    const CHILD_METHOD: &'static str;
    /// How much of a machine that takes while it is open.
    const CHILD_WEIGHT: f64;
    /// What that usually fails of: the code of a fault, and its text.
    const CHILD_FAULT: (i64, &'static str);
    /// Whether the first that fails and must not ends the others (facts: kiwibuild 5, imagebuilder 4).
    const FAILS_FAST: bool;
    /// Whether the arches are looked at before the repository is waited for.
    const ARCHES_FIRST: bool = false;
    /// Whether no arch means every arch of the build tag.
    const HAS_DEFAULT_ARCHES: bool = false;
    /// What the result calls the build.
    const RESULT: &'static str = "image";
    /// Whether logs of a build lie in a directory for each arch.
    const LOGS_BY_ARCH: bool = true;
    /// Whether the hub hears of the packages of an image.
    const LISTS_PACKAGES: bool = false;

    fn accept(&self, call: &Call<'_>) -> Result<Submission, Fault>;

    /// What a kept request asks for.
    fn job(&self, request: &[Value]) -> Job;

    /// What it says of arches that the build tag does not have; there is at least one.
    fn no_arch(&self, arches: &[&str]) -> String {
        format!("Invalid arch for build tag: {}", arches.first().unwrap_or(&""))
    }

    /// What it says of a build tag without arches.
    fn no_arches(&self, tag: &Tag) -> String {
        format!("No arches for tag {} [{}]", tag.name, tag.id)
    }

    /// What else is in the way of the tasks for the arches.
    fn refusal(&self, scenario: &Scenario, job: &Job, request: &[Value]) -> Option<Fault> {
        let _ = (scenario, job, request);
        None
    }

    /// What the task for an arch is to the one that it is under.
    fn label(&self, arch: &str) -> String {
        arch.to_owned()
    }

    /// The names of the files that the task for an arch makes.
    fn files(&self, job: &Job, request: &[Value], arch: &Arch<'_>) -> Vec<String>;

    /// The arguments of the task for an arch.
    fn child_request(&self, job: &Job, request: &[Value], arch: &str, place: &Surroundings<'_>) -> Vec<Value>;

    /// The logs that the task for an arch leaves, the one that says why it failed first.
    fn logs(&self, request: &[Value], arch: &str) -> Vec<String>;

    /// Those that it names in its result.
    fn named_logs(&self, request: &[Value], arch: &str) -> Vec<String> {
        let _ = (request, arch);
        Vec::new()
    }

    /// The logs that the task leaves that the others are under.
    fn parent_logs(&self) -> &'static [&'static str] {
        &[]
    }

    /// What every task for an arch fails of.
    fn child_refusal(&self, request: &[Value]) -> Option<Fault> {
        let _ = request;
        None
    }

    /// Changes the members of the result of a task for an arch.
    fn finish_result(&self, request: &[Value], members: &mut Vec<(&'static str, Value)>) {
        let _ = (request, members);
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Arch<'a> {
    pub(super) name: &'a str,
    pub(super) is_first: bool,
    pub(super) task: i64,
    pub(super) build_tag: &'a str,
}

/// What a task for an arch is given of what the hub knows.
#[derive(Debug)]
pub(super) struct Surroundings<'a> {
    /// The struct of the build target.
    pub(super) target: Value,
    pub(super) build_tag: &'a Tag,
    /// The struct of its repository.
    pub(super) repo: Value,
}

/// The task that waits for the repository comes after those for arches, however many those are likely to be.
const REPO_TASK: i64 = 99;

impl<B: PerArch> Builder for B {
    fn method(&self) -> &'static str {
        B::METHOD
    }

    fn signature(&self) -> &'static str {
        B::SIGNATURE
    }

    fn help(&self) -> &'static str {
        B::HELP
    }

    fn task_method(&self) -> &'static str {
        B::TASK_METHOD
    }

    fn phase(&self) -> &'static str {
        B::PHASE
    }

    fn channel(&self) -> Channel {
        B::CHANNEL
    }

    fn weight(&self) -> f64 {
        B::WEIGHT
    }

    fn accept(&self, call: &Call<'_>) -> Result<Submission, Fault> {
        PerArch::accept(self, call)
    }

    fn identity(&self, request: &[Value]) -> Value {
        Value::Array(vec![string(B::METHOD), Value::Array(request.to_vec())])
    }

    fn job(&self, request: &[Value]) -> Job {
        PerArch::job(self, request)
    }

    fn outcome(&self, scenario: &Scenario, targets: &Targets, id: i64, job: &Job, request: &[Value]) -> PlannedOutcome {
        plan::outcome(self, &plan::Case { scenario, targets, id, job, request })
    }

    fn repo_task_id(&self, id: i64) -> i64 {
        child_id(id, REPO_TASK)
    }

    fn begin(&self, state: &mut HubState, setting: &Setting, id: i64, time: Micros) {
        work::begin(self, state, setting, id, time);
    }

    fn end_child(&self, state: &mut HubState, child: i64, time: Micros) {
        work::end_child::<B>(state, child, time);
    }

    fn arch_request(&self, state: &HubState, task: &Task, arch: &str) -> Vec<Value> {
        work::request_of_child(self, state, task, arch)
    }

    fn arch_result(&self, task: &Task, child: &Task, made: &Made) -> Value {
        work::result_of_child(self, task, child, made)
    }

    fn child_is_canceled(&self, state: &mut HubState, child: i64, time: Micros) {
        if B::FAILS_FAST {
            work::fail_fast(state, child, time);
        }
    }

    fn is_canceled(&self, state: &mut HubState, id: i64, time: Micros) {
        work::is_canceled(state, id, time);
    }

    fn finish(&self, state: &mut HubState, setting: &Setting, id: i64, time: Micros) -> io::Result<()> {
        work::finish::<B>(state, setting, id, time)
    }

    fn outputs(&self, state: &HubState, setting: &Setting, task: &Task) -> Vec<Output> {
        output::of_task(self, state, setting, task)
    }

    fn is_done(&self, state: &HubState, task: &Task) -> bool {
        work::is_done(state, task)
    }

    fn result(&self, state: &HubState, setting: &Setting, task: &Task) -> Value {
        work::result::<B>(state, setting, task)
    }

    fn lists_packages(&self) -> bool {
        B::LISTS_PACKAGES
    }
}

/// The id of the task for the arch at `place` under a task, from 1; at 0 it is that of the task that tags.
fn child_id(id: i64, place: i64) -> i64 {
    id * 100 + place
}

/// The build target of a job, with its build tag.
fn target<'t>(targets: &'t Targets, job: &Job) -> Option<(&'t Target, &'t Tag)> {
    let target = targets.of(&job.target)?;
    Some((target, targets.tags_of(target)?.0))
}
