//! A *plugin* from outside: a method that no hub has by itself, for phases that are only tried. Its tasks have one under them
//! for each arch.

use std::fmt;

use magudi_koji::Value;

use super::per_arch::{Arch, PerArch, Surroundings};
use super::{Job, Submission, received};
use crate::args::parameters;
use crate::call::Call;
use crate::channels::{Channel, IMAGE};
use crate::tasks::PRIORITY;
use crate::wire::{self, Fault, int, string};

/// A method that makes a task with one under it for each arch.
pub trait Plugin: fmt::Debug + Sync + 'static {
    const METHOD: &'static str;
    /// Its parameters, divided by blanks; `NAME=DEFAULT` for those with a default. Users need the permission `image`.
    const SIGNATURE: &'static str;
    /// The name of the phase that calls it.
    const PHASE: &'static str;
    /// What the task for an arch is called.
    const CHILD_METHOD: &'static str;

    /// What is asked for, by arguments in the order of the parameters.
    fn wanted(&self, args: &[Value]) -> WantedBuild;

    /// What the names of the files that are made for an arch end with, behind name, version, release and arch.
    fn endings(&self, args: &[Value]) -> Vec<String>;
}

/// What a call asks for.
#[derive(Debug, Clone, Default)]
pub struct WantedBuild {
    /// The name of the build, by which the script knows it.
    pub name: String,
    pub version: String,
    pub release: String,
    pub target: String,
    pub arches: Vec<String>,
    /// Those whose failure is not a failure of the task.
    pub optional_arches: Vec<String>,
}

impl<P: Plugin> PerArch for P {
    const METHOD: &'static str = P::METHOD;
    const SIGNATURE: &'static str = P::SIGNATURE;
    const HELP: &'static str = "Asks for an image for each arch; answers with the id of the task.";
    const PHASE: &'static str = P::PHASE;
    const CHANNEL: Channel = IMAGE;
    const WEIGHT: f64 = 1.0;
    const CHILD_METHOD: &'static str = P::CHILD_METHOD;
    const CHILD_WEIGHT: f64 = 1.0;
    const CHILD_FAULT: (i64, &'static str) = (wire::BUILD, "the image cannot be made; see build.log");
    const FAILS_FAST: bool = false;

    fn accept(&self, call: &Call<'_>) -> Result<Submission, Fault> {
        call.user_with("image")?;
        let request = (0..parameters(P::SIGNATURE).count()).map(|place| call.args.get(place).clone()).collect();
        Ok(Submission { identity: received(call, self), request, priority: PRIORITY })
    }

    fn job(&self, request: &[Value]) -> Job {
        let WantedBuild { name, version, release, target, arches, optional_arches } = self.wanted(request);
        Job {
            key: name.clone(),
            name,
            version,
            release,
            target: string(target),
            arches,
            optional_arches,
            needs_tag_repo: true,
            is_tagged: true,
            is_scratch: false,
        }
    }

    fn files(&self, job: &Job, request: &[Value], arch: &Arch<'_>) -> Vec<String> {
        let endings = self.endings(request).into_iter();
        endings.map(|ending| format!("{}.{}.{ending}", job.nvr(), arch.name)).collect()
    }

    fn child_request(&self, _: &Job, request: &[Value], arch: &str, place: &Surroundings<'_>) -> Vec<Value> {
        [string(arch), int(place.build_tag.id), place.repo.clone()].into_iter().chain(request.iter().cloned()).collect()
    }

    fn logs(&self, _: &[Value], _: &str) -> Vec<String> {
        vec!["build.log".to_owned()]
    }
}
