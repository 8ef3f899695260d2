//! *Builders*: what the hub's plugins and its build machines do for each method that asks for images. One file each, and one
//! line in [`ALL`]. Those of methods that are not Koji's come from outside ([`plugin`]).

mod image;
mod imagebuilder;
mod kickstart;
mod kiwi;
mod livemedia;
mod osbuild;
mod per_arch;
pub mod plugin;
mod schema;

use std::fmt;
use std::io;

use magudi_koji::value::with_line_feeds;

use crate::builds::{BuildState, ChecksumType, Generator};
use crate::call::Call;
use crate::channels::Channel;
use crate::clock::Micros;
use crate::hub::Setting;
use crate::ids;
use crate::import::image_text;
use crate::journal::{Record, encode_request};
use crate::plan::{Plan, PlannedOutcome};
use crate::python;
use crate::scenario::Scenario;
use crate::state::HubState;
use crate::targets::Targets;
use crate::tasks::{Made, Task};
use crate::volume::Output;
use crate::wire::{Answer, Fault, Value, generic, int, not_allowed, python as python_fault, string, truthy};

pub(crate) use osbuild::Composed;
pub(crate) use per_arch::{PerArchPlan, StatedRelease, installed_package};
use plugin::Plugin;

/// The builders of Koji and its plugins.
static ALL: [&dyn Builder; 5] =
    [&osbuild::Osbuild, &imagebuilder::ImageBuilder, &kiwi::Kiwi, &livemedia::LiveMedia, &image::Image];

/// What stands behind a method that asks for images: the plugin that takes the call, and the machine that does the work.
pub(crate) trait Builder: fmt::Debug + Sync {
    fn method(&self) -> &'static str;

    /// Its parameters.
    fn signature(&self) -> &'static str;

    fn help(&self) -> &'static str;

    fn task_method(&self) -> &'static str {
        self.method()
    }

    /// Pungi's name of the phase that calls it. The text of every image begins with it.
    fn phase(&self) -> &'static str;

    fn channel(&self) -> Channel;

    /// How much of a machine's capacity an open task takes.
    fn weight(&self) -> f64;

    /// Checks who calls and what with, as the plugin does and in its order.
    fn accept(&self, call: &Call<'_>) -> Result<Submission, Fault>;

    /// What the id of a task for a kept request is made of, when that is submitted again.
    fn identity(&self, request: &[Value]) -> Value;

    /// What a kept request asks for.
    fn job(&self, request: &[Value]) -> Job;

    /// What will come of the task `id` for a request.
    fn outcome(&self, scenario: &Scenario, targets: &Targets, id: i64, job: &Job, request: &[Value]) -> PlannedOutcome;

    /// The machine begins, and has the repository that it needs.
    fn begin(&self, state: &mut HubState, setting: &Setting, id: i64, time: Micros);

    /// The id that the task under a task would like that waits for the repository of the build tag.
    fn repo_task_id(&self, id: i64) -> i64;

    /// A task under one of its tasks has had its time.
    fn end_child(&self, state: &mut HubState, child: i64, time: Micros) {
        let _ = (state, child, time);
    }

    /// What the task for `arch` under one of its tasks is asked for.
    fn arch_request(&self, state: &HubState, task: &Task, arch: &str) -> Vec<Value> {
        let _ = (state, task, arch);
        Vec::new()
    }

    /// What the task for an arch under one of its tasks leaves that has ended well.
    fn arch_result(&self, task: &Task, child: &Task, made: &Made) -> Value {
        let _ = (task, child, made);
        Value::Nil
    }

    /// A task under one of its tasks was called off.
    fn child_is_canceled(&self, state: &mut HubState, child: i64, time: Micros) {
        let _ = (state, child, time);
    }

    /// One of its tasks was called off.
    fn is_canceled(&self, state: &mut HubState, id: i64, time: Micros) {
        let _ = (state, id, time);
    }

    /// The files are made, or will never be.
    fn finish(&self, state: &mut HubState, setting: &Setting, id: i64, time: Micros) -> io::Result<()>;

    /// The files that one of its tasks, or a task under one of them, has left so far: the texts, and what was moved to the build. What
    /// else lies in the task's directory on the volume need not be named. Of two with the same name, the first counts.
    fn outputs(&self, state: &HubState, setting: &Setting, task: &Task) -> Vec<Output>;

    /// What is in a document beside an image of a build.
    fn document(&self, nvr: &str, filename: &str) -> String {
        image_text(self.phase(), nvr, filename)
    }

    /// Whether a task has nothing more to do but to end.
    fn is_done(&self, state: &HubState, task: &Task) -> bool {
        state.builds.get(ids::build_id(task.id)).is_some_and(|build| build.state == BuildState::Complete)
    }

    /// The result of a task that has done everything.
    fn result(&self, state: &HubState, setting: &Setting, task: &Task) -> Value;

    /// The content generator that imports its builds; without one the hub does.
    fn generator(&self) -> Option<&'static Generator> {
        None
    }

    /// How the checksums of its archives are computed.
    fn checksum_type(&self) -> ChecksumType {
        if self.generator().is_some() { ChecksumType::Md5 } else { ChecksumType::Sha256 }
    }

    /// Whether it tells the hub which packages are in a file.
    fn lists_packages(&self) -> bool {
        false
    }

    /// `extra` of the archive of a file for `arch` of which the script says nothing.
    fn archive_extra(&self, task: &Task, arch: &str) -> Value {
        let _ = (task, arch);
        Value::Nil
    }
}

/// A call that was accepted.
#[derive(Debug)]
pub(crate) struct Submission {
    /// What the id of the task is made of.
    pub(crate) identity: Value,
    /// The arguments as the hub keeps them.
    pub(crate) request: Vec<Value>,
    /// How much later than others it is looked at; 20 is usual.
    pub(crate) priority: i64,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Job {
    /// What the script knows it by.
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) release: String,
    /// The build target: its name, or its id.
    pub(crate) target: Value,
    /// The arches, in the order in which they were named.
    pub(crate) arches: Vec<String>,
    /// Those whose failure is not a failure of the task.
    pub(crate) optional_arches: Vec<String>,
    /// Whether it needs the repository of the build tag.
    pub(crate) needs_tag_repo: bool,
    pub(crate) is_tagged: bool,
    /// Whether it is only tried: there is no build.
    pub(crate) is_scratch: bool,
}

impl Job {
    /// Name, version and release.
    pub(crate) fn nvr(&self) -> String {
        format!("{}-{}-{}", self.name, self.version, self.release)
    }
}

/// Takes a call of a builder's method.
pub(crate) fn submit(call: &mut Call<'_>, builder: &'static dyn Builder) -> Answer {
    let Submission { identity, request, priority } = builder.accept(call)?;
    let channel = builder.channel();
    if call.state.disabled_channels.contains(&channel.id) {
        return Err(generic(format!("Channel {} is disabled.", channel.name)));
    }
    if let Some(text) = call.setting.scenario.submit_error.get(&builder.job(&request).key) {
        return Err(generic(text.as_str()));
    }
    // No call gets this far without being logged in.
    let owner = call.user().map_or(0, |user| user.id);
    new_task(call, builder, &identity, Submitted { owner, priority, request })
}

/// A request that becomes a task.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Submitted {
    pub(crate) owner: i64,
    /// How much later than others it is looked at.
    pub(crate) priority: i64,
    pub(crate) request: Vec<Value>,
}

/// Adds a task, under the first free id from that on which `identity` would like.
pub(crate) fn new_task(
    call: &mut Call<'_>,
    builder: &'static dyn Builder,
    identity: &Value,
    submitted: Submitted,
) -> Answer {
    let wanted = ids::task_id(identity, &call.setting.placeholders);
    // A hub's database keeps it as XML.
    let request: Vec<Value> = submitted.request.iter().map(with_line_feeds).collect();
    let submitted = Submitted { request, ..submitted };
    let id = call.state.tasks.free_id(wanted);
    call.state.targets.add(&builder.job(&submitted.request).target);
    let script = call.state.script(&call.setting.scenario, builder, id, &submitted.request);
    let plan = Plan::new(&script, &call.state.targets, builder, id, call.now, &submitted.request);
    let created = call.now;
    call.keep(|| {
        let request = encode_request(&submitted.request)?;
        let (owner, priority) = (submitted.owner, submitted.priority);
        Ok(Record::Task {
            id,
            method: builder.method().to_owned(),
            owner,
            priority,
            created,
            request,
            plan: plan.clone(),
        })
    })?;
    call.state.add_task(builder, id, created, submitted, plan);
    Ok(int(id))
}

#[derive(Debug, Clone)]
pub struct Builders(Vec<&'static dyn Builder>);

/// Those of Koji and its plugins.
impl Default for Builders {
    fn default() -> Self {
        Self(ALL.to_vec())
    }
}

impl Builders {
    /// The same with another one.
    #[must_use]
    pub fn with(mut self, plugin: &'static impl Plugin) -> Self {
        self.0.push(plugin);
        self
    }

    pub(crate) fn by_method(&self, method: &str) -> Option<&'static dyn Builder> {
        self.all().find(|builder| builder.method() == method)
    }

    /// Each of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &'static dyn Builder> + '_ {
        self.0.iter().copied()
    }
}

/// What the id of a task is made of for a call of `method` as it came: the method, the arguments by position, those by name.
fn received(call: &Call<'_>, builder: &dyn Builder) -> Value {
    let (args, named) = call.args.as_received(builder.signature());
    Value::Array(vec![string(builder.method()), Value::Array(args), named])
}

/// A priority that is below zero, which only admins may ask for. What is not a number cannot be compared, as Python says.
fn check_priority(priority: &Value, is_admin: bool) -> Result<(), Fault> {
    let negative = match priority {
        priority if !truthy(priority) => false,
        Value::Bool(_) => false,
        Value::Int(n) => *n < 0,
        Value::Int64(n) => *n < 0,
        Value::Double(x) => *x < 0.0,
        other => {
            let text = format!("'<' not supported between instances of '{}' and 'int'", python::class(other));
            return Err(python_fault("TypeError", &text));
        }
    };
    if negative && !is_admin {
        return Err(not_allowed("only admins may create high-priority tasks"));
    }
    Ok(())
}
