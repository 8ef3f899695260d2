//! `imageBuilderBuild`: the plugin of image-builder.

use super::per_arch::{Arch, PerArch, Surroundings};
use super::schema::{Place, Problems, ostree, texts};
use super::{Job, Submission, check_priority, received};
use crate::call::Call;
use crate::channels::{Channel, IMAGE};
use crate::python::quoted;
use crate::tasks::PRIORITY;
use crate::wire::{self, Fault, Members, Value, string, truthy};

#[derive(Debug)]
pub(super) struct ImageBuilder;

impl PerArch for ImageBuilder {
    const METHOD: &'static str = "imageBuilderBuild";
    const SIGNATURE: &'static str = "target arches types name version opts=None priority=None";
    const HELP: &'static str = "Asks for an image for each arch; answers with the id of the task.";
    const PHASE: &'static str = "imagebuilder";
    const CHANNEL: Channel = IMAGE;
    const WEIGHT: f64 = 0.2;
    const CHILD_METHOD: &'static str = "imageBuilderBuildArch";
    const CHILD_WEIGHT: f64 = 0.2;
    const CHILD_FAULT: (i64, &'static str) = (wire::GENERIC, "`image-builder` failed");
    const FAILS_FAST: bool = false;
    const ARCHES_FIRST: bool = true;
    const HAS_DEFAULT_ARCHES: bool = true;

    fn accept(&self, call: &Call<'_>) -> Result<Submission, Fault> {
        let is_admin = call.user_with("image")?.may("admin");
        let mut request: Vec<Value> = (0..6).map(|place| call.args.get(place).clone()).collect();
        if let Some(opts @ Value::Nil) = request.get_mut(5) {
            *opts = Value::Struct(Members::default());
        }
        check(&request, &call.unknown_options(Self::METHOD))?;
        check_priority(call.args.get(6), is_admin)?;
        Ok(Submission { identity: received(call, self), request, priority: PRIORITY })
    }

    fn job(&self, request: &[Value]) -> Job {
        let text = |place: usize| request.get(place).and_then(Value::as_str).unwrap_or_default().to_owned();
        let option = |name: &str| request.get(5).and_then(|opts| opts.get(name));
        let is_set = |name: &str| option(name).is_some_and(truthy);
        let release = option("release").and_then(Value::as_str).filter(|release| !release.is_empty());
        Job {
            key: text(3),
            name: text(3),
            version: text(4),
            release: release.unwrap_or("1").to_owned(),
            target: request.first().cloned().unwrap_or(Value::Nil),
            arches: strings(request.get(1)),
            optional_arches: strings(option("failable_arches")),
            needs_tag_repo: true,
            is_tagged: !is_set("skip_tag"),
            is_scratch: is_set("scratch"),
        }
    }

    fn no_arch(&self, arches: &[&str]) -> String {
        // A set of Python's has no order; this one is sorted.
        let arches: Vec<String> = arches.iter().map(|arch| quoted(arch)).collect();
        format!("Unsupported architecture(s): {{{}}}", arches.join(", "))
    }

    fn no_arches(&self, _: &crate::targets::Tag) -> String {
        "no arches".to_owned()
    }

    fn files(&self, job: &Job, request: &[Value], arch: &Arch<'_>) -> Vec<String> {
        let image_type = strings(request.get(2)).into_iter().next().unwrap_or_default();
        let stem = format!("{}.{}", job.nvr(), arch.name);
        let endings = [ending(&image_type), "osbuild-manifest.json", "image-os.spdx.json"];
        endings.map(|ending| format!("{stem}.{ending}")).into()
    }

    fn child_request(&self, job: &Job, request: &[Value], arch: &str, place: &Surroundings<'_>) -> Vec<Value> {
        let mut opts = request.get(5).cloned().unwrap_or(Value::Nil);
        if let Value::Struct(members) = &mut opts {
            members.insert_missing("scratch", Value::Bool(false));
        }
        vec![
            string(job.name.as_str()),
            string(job.version.as_str()),
            string(job.release.as_str()),
            string(arch),
            request.get(2).cloned().unwrap_or(Value::Nil),
            place.target.clone(),
            place.build_tag.to_config_value(),
            place.repo.clone(),
            opts,
        ]
    }

    fn logs(&self, _: &[Value], _: &str) -> Vec<String> {
        MOCK_LOGS.map(str::to_owned).into()
    }
}

/// The logs of a build root, first that of what ran in it.
pub(super) const MOCK_LOGS: [&str; 6] =
    ["mock_output.log", "mock_config.log", "build.log", "root.log", "state.log", "hw_info.log"];

/// The strings of an array.
pub(super) fn strings(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array).unwrap_or_default();
    items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn ending(image_type: &str) -> &'static str {
    match image_type {
        "qcow2" | "guest-image" | "cloud-qcow2" | "server-qcow2" | "generic-qcow2" | "openstack" | "oci"
        | "iot-qcow2-image" => "qcow2",
        "minimal-raw" | "minimal-raw-xz" | "iot-raw-xz" | "iot-raw-image" => "raw.xz",
        "minimal-raw-zst" => "raw.zst",
        "vhd" => "vhd",
        "cloud-azure" | "azure" => "vhdfixed.xz",
        "vmdk" => "vmdk",
        "ova" => "vsphere.ova",
        "gce" | "cloud-gce" => "tar.gz",
        "container" => "tar",
        "iot-container" | "iot-bootable-container" => "ociarchive",
        "wsl" => "wsl",
        "vagrant-libvirt" => "vagrant.libvirt.box",
        "vagrant-virtualbox" => "vagrant.virtualbox.box",
        "iot-commit" => "tar",
        installer if installer.ends_with("-installer") || installer.ends_with("iso") => "iso",
        _ => "raw",
    }
}

/// Checks the arguments as the plugin's schema does. Of `unknown` options the plugin is too old to know.
fn check(request: &[Value], unknown: &[&str]) -> Result<(), Fault> {
    let mut problems = Problems::default();
    for (i, value) in request.iter().enumerate() {
        let place = Place::argument(i);
        match i {
            1 => problems.strings(&place, value, 0, usize::MAX),
            2 => problems.strings(&place, value, 1, 1),
            5 => options(&mut problems, &place, value, unknown),
            _ => problems.string(&place, value),
        }
    }
    problems.first()
}

fn options(problems: &mut Problems, place: &Place, value: &Value, unknown: &[&str]) {
    const KNOWN: [&str; 11] = [
        "blueprint",
        "bootc",
        "distro",
        "failable_arches",
        "ostree",
        "preview",
        "release",
        "repos",
        "scratch",
        "seed",
        "skip_tag",
    ];
    let known: Vec<&str> = KNOWN.into_iter().filter(|name| !unknown.contains(name)).collect();
    let Some(members) = problems.members(place, value, &known, &[]) else { return };
    for (name, value) in members.iter().filter(|(name, _)| known.contains(&name.as_str())) {
        let place = place.property(name);
        let is_right = match name.as_str() {
            "repos" | "failable_arches" => {
                problems.strings(&place, value, 0, usize::MAX);
                continue;
            }
            "ostree" => {
                ostree(problems, &place, value);
                continue;
            }
            "bootc" => {
                texts(problems, &place, value, &["ref", "build-ref", "installer-payload-ref", "default-fs"]);
                continue;
            }
            "scratch" | "skip_tag" | "preview" => (value.as_bool().is_some(), "boolean"),
            "seed" => (matches!(value, Value::Int(_) | Value::Int64(_)), "integer"),
            "blueprint" => (value.as_struct().is_some(), "object"),
            _ => (value.as_str().is_some(), "string"),
        };
        if let (false, wanted) = is_right {
            problems.wrong_type(&place, value, wanted);
        }
    }
}
