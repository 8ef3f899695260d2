//! `buildImageOz`: Koji's own task for disk images, made by Image Factory in one format or several.

use super::imagebuilder::strings;
use super::kickstart::{change_of_priority, child_request, common_job, file_name_of, option};
use super::per_arch::{Arch, PerArch, Surroundings};
use super::{Job, Submission, received};
use crate::args::text_of;
use crate::call::Call;
use crate::channels::{Channel, IMAGE};
use crate::scenario::Scenario;
use crate::wire::{self, Fault, Value, string};

#[derive(Debug)]
pub(super) struct Image;

impl PerArch for Image {
    const METHOD: &'static str = "buildImageOz";
    const SIGNATURE: &'static str = "name version arches target inst_tree opts=None priority=None";
    const HELP: &'static str = "Asks for disk images of a kickstart file; answers with the id of the task.";
    const TASK_METHOD: &'static str = "image";
    const PHASE: &'static str = "image_build";
    const CHANNEL: Channel = IMAGE;
    const WEIGHT: f64 = 1.0;
    const CHILD_METHOD: &'static str = "createImage";
    const CHILD_WEIGHT: f64 = 2.0;
    const CHILD_FAULT: (i64, &'static str) = (
        wire::APPLIANCE,
        "Image status is FAILED: Automated install failed or prompted for input. See the screenshot in the task results for more information",
    );
    const FAILS_FAST: bool = true;
    const LOGS_BY_ARCH: bool = false;

    fn accept(&self, call: &Call<'_>) -> Result<Submission, Fault> {
        for place in [0, 4, 1] {
            text_of(call.args.get(place))?;
        }
        let is_admin = call.user_with("image")?.may("admin");
        let priority = change_of_priority(call.args.get(6), is_admin)?;
        let request = (0..6).map(|place| call.args.get(place).clone()).collect();
        Ok(Submission { identity: received(call, self), request, priority })
    }

    fn job(&self, request: &[Value]) -> Job {
        common_job(request)
    }

    fn refusal(&self, _: &Scenario, job: &Job, _: &[Value]) -> Option<Fault> {
        let words = [("Version", &job.version), ("Release", &job.release)];
        let (what, _) = words.into_iter().find(|(_, word)| word.contains('-'))?;
        Some(Fault::new(wire::APPLIANCE, format!("The {what} may not have a hyphen")))
    }

    fn child_refusal(&self, request: &[Value]) -> Option<Fault> {
        match option(request, "format") {
            None | Some(Value::Nil) => {
                let text = "Traceback (most recent call last):\nTypeError: 'NoneType' object is not iterable\n";
                Some(Fault::new(wire::PYTHON, text))
            }
            formats => {
                let unknown = strings(formats).into_iter().find(|format| !FORMATS.contains(&format.as_str()))?;
                Some(Fault::new(wire::APPLIANCE, format!("Invalid format: {unknown}")))
            }
        }
    }

    fn files(&self, job: &Job, request: &[Value], arch: &Arch<'_>) -> Vec<String> {
        let Arch { name, is_first, task, build_tag } = *arch;
        let mut files = vec![format!("tdl-{name}.xml"), format!("koji-{build_tag}-{task}-base.ks")];
        // Every arch has it, and the hub can take it once.
        let kickstart = file_name_of(option(request, "kickstart"));
        files.extend((is_first && !kickstart.is_empty()).then_some(kickstart));
        let mut formats = strings(option(request, "format"));
        if formats.is_empty() {
            formats.push("raw".to_owned());
        }
        let mut seen = std::collections::BTreeSet::new();
        for format in formats.iter().filter(|format| seen.insert(format.as_str())) {
            if format != "docker" {
                files.push(format!("libvirt-{format}-{name}.xml"));
            }
            files.push(format!("{}.{name}.{}", job.nvr(), ending(format)));
        }
        files
    }

    fn child_request(&self, job: &Job, request: &[Value], arch: &str, place: &Surroundings<'_>) -> Vec<Value> {
        let tree = request.get(4).and_then(Value::as_str).unwrap_or_default().replace("$arch", arch);
        child_request(job, request, arch, place, string(tree))
    }

    fn logs(&self, _: &[Value], arch: &str) -> Vec<String> {
        vec![format!("oz-{arch}.log"), format!("checkout-{arch}.log")]
    }

    fn named_logs(&self, _: &[Value], arch: &str) -> Vec<String> {
        vec![format!("oz-{arch}.log")]
    }
}

/// The formats that the builder knows.
const FORMATS: [&str; 16] = [
    "docker",
    "liveimg-squashfs",
    "qcow",
    "qcow2",
    "raw",
    "raw-xz",
    "rhevm-ova",
    "tar-gz",
    "vagrant-hyperv",
    "vagrant-libvirt",
    "vagrant-virtualbox",
    "vagrant-vmware-fusion",
    "vdi",
    "vmdk",
    "vpc",
    "vsphere-ova",
];

fn ending(format: &str) -> String {
    match format {
        "docker" => "tar.xz".to_owned(),
        "vpc" => "vhd".to_owned(),
        vagrant if vagrant.starts_with("vagrant-") => format!("{vagrant}.box"),
        format => format.replace('-', "."),
    }
}
