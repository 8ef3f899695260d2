//! `kiwiBuild`: Koji's plugin for kiwi.

use super::imagebuilder::{MOCK_LOGS, strings};
use super::per_arch::{Arch, PerArch, Surroundings};
use super::{Job, Submission, received};
use crate::args::{id_of, wrong_type};
use crate::call::Call;
use crate::channels::{Channel, IMAGE};
use crate::python::{class, repr, text};
use crate::scenario::Scenario;
use crate::tasks::PRIORITY;
use crate::wire::{
    self, Fault, Value, generic, int, not_allowed, parameter, python as python_fault, string, structure, truthy,
};

#[derive(Debug)]
pub(super) struct Kiwi;

/// The places of the parameters.
const TARGET: usize = 0;
const ARCHES: usize = 1;
const DESC_URL: usize = 2;
const DESC_PATH: usize = 3;
const OPTIONAL_ARCHES: usize = 4;
const PROFILE: usize = 5;
const SCRATCH: usize = 6;
const PRIORITY_CHANGE: usize = 7;
const MAKE_PREP: usize = 8;
const REPOS: usize = 9;
const RELEASE: usize = 10;
const TYPE: usize = 11;
const TYPE_ATTR: usize = 12;
const BUNDLE_FORMAT: usize = 13;
const USE_BUILDROOT_REPO: usize = 14;
const VERSION: usize = 15;
const RELEASEVER: usize = 16;

impl PerArch for Kiwi {
    const METHOD: &'static str = "kiwiBuild";
    const SIGNATURE: &'static str = "target arches desc_url desc_path optional_arches=None profile=None scratch=False \
                                     priority=None make_prep=False repos=None release=None type=None type_attr=None \
                                     result_bundle_name_format=None use_buildroot_repo=True version=None \
                                     repo_releasever=None";
    const HELP: &'static str = "Asks for an image for each arch; answers with the id of the task.";
    const PHASE: &'static str = "kiwibuild";
    const CHANNEL: Channel = IMAGE;
    const WEIGHT: f64 = 4.0;
    const CHILD_METHOD: &'static str = "createKiwiImage";
    const CHILD_WEIGHT: f64 = 2.0;
    const CHILD_FAULT: (i64, &'static str) = (wire::GENERIC, "Kiwi failed");
    const FAILS_FAST: bool = true;
    const HAS_DEFAULT_ARCHES: bool = true;
    const LISTS_PACKAGES: bool = true;

    fn accept(&self, call: &Call<'_>) -> Result<Submission, Fault> {
        let is_admin = call.user_with("image")?.may("admin");
        let arg = |place: usize| call.args.get(place);
        for place in [DESC_URL, DESC_PATH, PROFILE, VERSION, RELEASE, RELEASEVER] {
            let value = arg(place);
            if *value != Value::Nil && value.as_str().is_none() {
                return Err(wrong_type(value, "str"));
            }
        }
        for place in [REPOS, TYPE_ATTR] {
            if truthy(arg(place)) && arg(place).as_array().is_none() {
                return Err(wrong_type(arg(place), "list"));
            }
        }
        if truthy(arg(BUNDLE_FORMAT)) && arg(BUNDLE_FORMAT).as_str().is_none() {
            return Err(wrong_type(arg(BUNDLE_FORMAT), "str"));
        }
        check_target(call, arg(TARGET))?;
        let arches = parse_arches(arg(ARCHES))?;
        let optional_arches = match arg(OPTIONAL_ARCHES) {
            Value::Nil => Vec::new(),
            arches => parse_arches(arches)?,
        };
        let mut priority = PRIORITY;
        if truthy(arg(PRIORITY_CHANGE)) {
            let change = id_of(arg(PRIORITY_CHANGE))?;
            if change < 0 && !is_admin {
                return Err(not_allowed("only admins may create high-priority tasks"));
            }
            priority = PRIORITY.saturating_add(change);
        }
        let texts = |arches: Vec<String>| Value::Array(arches.into_iter().map(string).collect());
        let is_set = |place: usize, default: bool| call.args.flag(place, default).then_some(Value::Bool(true));
        let given = |place: usize| Some(arg(place).clone()).filter(truthy);
        let opts = [
            ("scratch", is_set(SCRATCH, false)),
            ("profile", given(PROFILE)),
            ("version", given(VERSION)),
            ("release", given(RELEASE)),
            ("optional_arches", (!optional_arches.is_empty()).then(|| texts(optional_arches))),
            ("repos", given(REPOS)),
            ("repo_releasever", given(RELEASEVER)),
            ("make_prep", is_set(MAKE_PREP, false)),
            ("type", given(TYPE)),
            ("use_buildroot_repo", is_set(USE_BUILDROOT_REPO, true)),
            ("type_attr", given(TYPE_ATTR)),
            ("result_bundle_name_format", given(BUNDLE_FORMAT)),
        ];
        let opts = structure(opts.into_iter().filter_map(|(name, value)| Some((name, value?))));
        let request = vec![arg(TARGET).clone(), texts(arches), arg(DESC_URL).clone(), arg(DESC_PATH).clone(), opts];
        Ok(Submission { identity: received(call, self), request, priority })
    }

    fn job(&self, request: &[Value]) -> Job {
        let text = |name: &str| option(request, name).and_then(Value::as_str);
        let (profile, stem) = (text("profile"), stem(request));
        Job {
            key: profile.unwrap_or(stem).to_owned(),
            name: profile.map_or_else(|| stem.to_owned(), |profile| format!("{stem}-{profile}")),
            // A description that is not there states this one.
            version: text("version").unwrap_or("1.0").to_owned(),
            release: text("release").unwrap_or("1").to_owned(),
            target: request.first().cloned().unwrap_or(Value::Nil),
            arches: strings(request.get(1)),
            optional_arches: strings(option(request, "optional_arches")),
            needs_tag_repo: true,
            is_tagged: true,
            is_scratch: option(request, "scratch").is_some_and(truthy),
        }
    }

    fn refusal(&self, scenario: &Scenario, _: &Job, request: &[Value]) -> Option<Fault> {
        let url = request.get(2).and_then(Value::as_str).filter(|_| scenario.strict)?;
        let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
        if !SCHEMES.contains(&scheme) {
            let schemes: Vec<String> = SCHEMES.iter().map(|scheme| format!("{scheme}://")).collect();
            let schemes = schemes.join(" ");
            return Some(generic(format!("Invalid scheme in scm url. Valid schemes are: {schemes}")));
        }
        let has_fragment = url.split_once('#').is_some_and(|(_, fragment)| !fragment.is_empty());
        let text = || format!("Unable to parse SCM URL: {url} . Could not find the fragment element.");
        (!has_fragment).then(|| generic(text()))
    }

    fn files(&self, job: &Job, request: &[Value], arch: &Arch<'_>) -> Vec<String> {
        let stem = format!("{}.{}-{}-{}", job.name, arch.name, job.version, job.release);
        let ending = ending(option(request, "type").and_then(Value::as_str).unwrap_or_default());
        [ending, "packages", "verified"].map(|ending| format!("{stem}.{ending}")).into()
    }

    fn child_request(&self, job: &Job, request: &[Value], arch: &str, place: &Surroundings<'_>) -> Vec<Value> {
        let mut opts = request.get(4).cloned().unwrap_or(Value::Nil);
        if let Value::Struct(members) = &mut opts {
            members.insert_missing("scratch", Value::Bool(false));
            members.insert_missing("optional_arches", Value::Array(Vec::new()));
        }
        vec![
            string(job.name.as_str()),
            string(job.version.as_str()),
            string(job.release.as_str()),
            string(arch),
            place.target.clone(),
            int(place.build_tag.id),
            place.repo.clone(),
            request.get(2).cloned().unwrap_or(Value::Nil),
            request.get(3).cloned().unwrap_or(Value::Nil),
            opts,
        ]
    }

    fn logs(&self, request: &[Value], arch: &str) -> Vec<String> {
        let own = [format!("checkout-{arch}.log"), format!("image-root.{arch}.log")];
        MOCK_LOGS.map(str::to_owned).into_iter().chain(own).chain(self.named_logs(request, arch)).collect()
    }

    fn named_logs(&self, request: &[Value], arch: &str) -> Vec<String> {
        // The description, as kiwi was given it.
        vec![format!("{}.{arch}.kiwi", stem(request))]
    }

    fn parent_logs(&self) -> &'static [&'static str] {
        &["checkout.log"]
    }
}

/// The addresses that Koji can check something out from.
const SCHEMES: [&str; 11] = [
    "cvs+ssh",
    "cvs",
    "git+http",
    "git+https",
    "git+rsync",
    "git+ssh",
    "git",
    "svn+http",
    "svn+https",
    "svn+ssh",
    "svn",
];

/// An option of a kept request.
fn option<'v>(request: &'v [Value], name: &str) -> Option<&'v Value> {
    request.get(4).and_then(|opts| opts.get(name))
}

/// The name of the image in a description, which is not there to be read: that of its file.
fn stem(request: &[Value]) -> &str {
    let path = request.get(3).and_then(Value::as_str).unwrap_or_default();
    let file = path.rsplit('/').next().unwrap_or_default();
    let stem = file.strip_suffix(".kiwi").unwrap_or(file);
    if stem.is_empty() { "noname" } else { stem }
}

/// What the file of a kiwi type ends with.
fn ending(kind: &str) -> &'static str {
    match kind {
        "oem" => "raw.xz",
        "iso" => "iso",
        "oci" => "oci.tar.xz",
        "docker" => "tar.xz",
        "wsl" => "wsl",
        "erofs" => "erofs.xz",
        "squashfs" => "squashfs",
        "vhd-fixed" => "vhdfixed.xz",
        "vagrant" => "vagrant.libvirt.box",
        "gce" => "tar.gz",
        _ => "qcow2",
    }
}

/// The target must exist. A name that the hub was never given comes into being with the task, unless the script forbids it.
fn check_target(call: &Call<'_>, info: &Value) -> Result<(), Fault> {
    let missing = || Err(generic(format!("No such build target: {}", text(info))));
    match info {
        info if !truthy(info) => missing(),
        Value::String(name) if call.setting.scenario.unknown_targets.contains(name) => missing(),
        Value::String(_) => Ok(()),
        Value::Bool(_) => {
            let what = "operator does not exist: integer = boolean\n";
            Err(python_fault("psycopg2.errors.UndefinedFunction", what))
        }
        Value::Int(_) | Value::Int64(_) => call.state.targets.of(info).map_or_else(missing, |_| Ok(())),
        info => Err(parameter(format!("Invalid name or id value: {}", repr(info)))),
    }
}

/// The arches in an array or in a string, as Koji reads them.
fn parse_arches(value: &Value) -> Result<Vec<String>, Fault> {
    let joined = match value {
        Value::Array(items) => {
            let mut words = Vec::new();
            for (i, item) in items.iter().enumerate() {
                let Some(word) = item.as_str() else {
                    let text = format!("sequence item {i}: expected str instance, {} found", class(item));
                    return Err(python_fault("TypeError", &text));
                };
                words.push(word);
            }
            words.join(" ")
        }
        Value::String(text) => text.clone(),
        other => {
            let text = format!("'{}' object has no attribute 'split'", class(other));
            return Err(python_fault("AttributeError", &text));
        }
    };
    let arches: Vec<String> = joined.split_whitespace().map(str::to_owned).collect();
    let is_right = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if arches.iter().any(|arch| !arch.chars().all(is_right)) {
        return Err(generic("Architecture can be only [a-zA-Z0-9_-]"));
    }
    Ok(arches)
}
