//! A *plan* is what a run is going to ask of the hub: a list of task requests in expansion order, frozen, serialisable, and
//! made without any network. What `magudi plan` prints is what `magudi run` submits, to the byte.

use crate::method::Method;
use magudi_compose::SmallMap;
use magudi_compose::layout::ComposeDir;
use rayon::prelude::*;
use serde::ser::{Serialize, SerializeMap as _, SerializeStruct as _, Serializer};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Options by name. A request has few, and a plan has many requests.
pub type Opts = SmallMap<Cow<'static, str>, Json>;

/// One call that will become one task on the hub, and what it is about.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskRequest {
    /// The phase that asks, as Pungi names it.
    pub phase: &'static str,
    /// Uid of the variant that the images belong to.
    pub variant: String,
    pub subvariant: String,
    /// Whether the compose continues without these images (facts: compose 12).
    pub failable: bool,
    pub method: &'static Method,
    /// Positional arguments, as they go over the wire.
    pub args: Vec<Json>,
    pub keywords: Keywords,
    /// What is asked for, as everything but the hub understands it.
    pub about: About,
}

/// The named arguments of a request.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Keywords {
    /// The members of the one that is a struct and called `opts`; none: it is not sent.
    pub opts: Option<Opts>,
    pub others: Opts,
}

/// What a request is about, whatever the method's arguments are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct About {
    /// The image, as people call it.
    pub name: Arc<str>,
    /// The arches that one task builds.
    pub arches: Arc<[Arc<str>]>,
    /// Those of them that the task may fail to build.
    pub optional_arches: Vec<Arc<str>>,
    pub version: Arc<str>,
    /// The release of the build; none where the hub chooses it.
    pub release: Option<Arc<str>>,
    /// The image type, as it is asked for.
    pub image_type: Arc<str>,
    pub target: Arc<str>,
    /// What the images are called in the manifest instead of their archive type (`manifest_type`).
    pub manifest_type: Option<Arc<str>>,
    /// The builder is asked for an upload besides Koji.
    pub uploads: bool,
    /// The files are not kept as a build.
    pub scratch: bool,
    /// What the builder makes is not for the request to say: a file that images.json has no words for is as good as an image.
    pub is_open: bool,
}

impl Serialize for TaskRequest {
    /// What `magudi plan --format json` prints: the call and who it is for.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut request = serializer.serialize_struct("TaskRequest", 8)?;
        request.serialize_field("phase", self.phase)?;
        request.serialize_field("variant", &self.variant)?;
        request.serialize_field("subvariant", &self.subvariant)?;
        request.serialize_field("failable", &self.failable)?;
        request.serialize_field("method", self.method.name)?;
        request.serialize_field("args", &self.args)?;
        let named = if self.keywords.has_only_opts() { "opts" } else { "kwargs" };
        request.serialize_field(named, &self.keywords)?;
        match &self.about.manifest_type {
            Some(name) => request.serialize_field("manifest_type", &**name)?,
            None => request.skip_field("manifest_type")?,
        }
        request.end()
    }
}

impl Keywords {
    /// Those of a call that has `opts` alone.
    pub fn of_opts(opts: Opts) -> Self {
        Self { opts: Some(opts), others: Opts::default() }
    }

    /// Whether `opts` is all that is sent.
    fn has_only_opts(&self) -> bool {
        self.opts.is_some() && self.others.is_empty()
    }

    /// Every value that is sent in them, with its name.
    pub fn members(&self) -> impl Iterator<Item = (&str, &Json)> {
        let all = self.others.iter().chain(self.opts.iter().flat_map(|opts| opts.iter()));
        all.map(|(name, value)| (name.as_ref(), value))
    }

    /// One of these values.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.others.get(name).or_else(|| self.opts.as_ref()?.get(name))
    }
}

impl Serialize for Keywords {
    /// In the order of their names; `opts` alone as what is in it.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(opts) = &self.opts else { return self.others.serialize(serializer) };
        if self.has_only_opts() {
            return opts.serialize(serializer);
        }
        let is_before = |name: &str| name < "opts";
        let mut map = serializer.serialize_map(Some(self.others.len() + 1))?;
        for (name, value) in self.others.iter().filter(|(name, _)| is_before(name)) {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry("opts", opts)?;
        for (name, value) in self.others.iter().filter(|(name, _)| !is_before(name)) {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl TaskRequest {
    pub fn name(&self) -> &str {
        &self.about.name
    }

    /// The arches that one task builds.
    pub fn arches(&self) -> Vec<&str> {
        self.about.arches.iter().map(|arch| &**arch).collect()
    }

    /// Name, version and release of the build that is asked for; without the release when the hub is to choose it.
    pub fn nvr(&self) -> String {
        let About { name, version, release, .. } = &self.about;
        match release {
            Some(release) => format!("{name}-{version}-{release}"),
            None => format!("{name}-{version}"),
        }
    }

    /// A digest of what is sent, under which a later run knows the request again. It gives nothing away of what may be
    /// secret in it.
    pub fn digest(&self) -> String {
        let sent = serde_json::json!([self.phase, self.variant, self.method.name, self.args, self.keywords]);
        let mut digest = Sha256::new();
        digest.update(sent.to_string().as_bytes());
        digest.finalize().iter().take(16).fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
    }

    /// What the log calls its task, in Pungi's words: where the image is known by what it is built from, with that.
    pub fn title(&self) -> String {
        self.method.title_of(&self.variant, self.name())
    }

    /// What lines of the log say of what failed of it: all of it (`*`), or an arch.
    pub fn part(&self, arch: &str) -> String {
        self.method.part_of(&self.variant, &self.subvariant, arch)
    }

    /// Where the life of its task is written; `num` is its number in its phase.
    pub fn watch_log(&self, dir: &ComposeDir, num: usize) -> PathBuf {
        dir.watch_log(self.method.logs, &self.variant, num, self.profile().map(|name| &**name))
    }

    /// What its task is known by in the log, where it is not by its build.
    pub(crate) fn profile(&self) -> Option<&Arc<str>> {
        Some(&self.about.name).filter(|_| !self.method.names_build)
    }

    /// How messages call it: image and variant, if it is for one.
    pub fn label(&self) -> String {
        if self.variant.is_empty() {
            return self.name().to_owned();
        }
        format!("{} of variant {}", self.name(), self.variant)
    }
}

/// The number of a request among those of its phase, from 1.
pub fn number_in_phase(requests: &[TaskRequest], index: usize) -> usize {
    let phase = requests.get(index).map(|request| request.phase);
    1 + requests.iter().take(index).filter(|request| Some(request.phase) == phase).count()
}

/// That of each of them.
pub fn numbers_in_phase(requests: &[TaskRequest]) -> Vec<usize> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut next = |phase| {
        let count = counts.entry(phase).or_default();
        *count += 1;
        *count
    };
    requests.iter().map(|request| next(request.phase)).collect()
}

/// A key for each request, equal in every run of the same plan: its digest, and which of several equal ones it is.
pub fn keys(requests: &[TaskRequest]) -> Vec<String> {
    let digests: Vec<String> = requests.par_iter().map(TaskRequest::digest).collect();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    digests
        .iter()
        .map(|digest| {
            let number = seen.entry(digest).or_default();
            *number += 1;
            format!("{digest}-{number}")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::method::TEST_METHOD;
    use serde_json::json;

    #[test]
    fn keys_tell_equal_requests_apart_and_stay_the_same() {
        let request = |version: &str| TaskRequest {
            phase: "images",
            variant: "Server".into(),
            subvariant: "Server".into(),
            failable: false,
            method: &TEST_METHOD,
            args: vec![json!("disk"), json!(version)],
            keywords: Keywords::of_opts(Opts::default()),
            about: About::default(),
        };
        let plan = [request("1"), request("2"), request("1")];
        let all = keys(&plan);
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), 3);
        assert_eq!(all, keys(&plan));
        assert_eq!(all[0].split('-').next(), all[2].split('-').next());
    }

    #[test]
    fn named_arguments_are_written_in_the_order_of_their_names() {
        let of = |names: &[&'static str]| names.iter().map(|name| ((*name).into(), Json::from(1))).collect::<Opts>();
        let text = |opts: Option<&[&'static str]>, others| {
            serde_json::to_string(&Keywords { opts: opts.map(of), others: of(others) }).unwrap()
        };
        assert_eq!(text(Some(&["b", "a"]), &[]), r#"{"a":1,"b":1}"#);
        assert_eq!(text(None, &["b", "a"]), r#"{"a":1,"b":1}"#);
        assert_eq!(text(None, &[]), "{}");
        assert_eq!(text(Some(&["a"]), &["name", "types"]), r#"{"name":1,"opts":{"a":1},"types":1}"#);
        assert_eq!(text(Some(&[]), &["priority"]), r#"{"opts":{},"priority":1}"#);
        let both = Keywords { opts: Some(of(&["skip_tag"])), others: of(&["priority"]) };
        assert!(both.get("skip_tag").is_some() && both.get("priority").is_some() && both.get("opts").is_none());
        assert_eq!(both.members().map(|(name, _)| name).collect::<Vec<_>>(), ["priority", "skip_tag"]);
    }
}
