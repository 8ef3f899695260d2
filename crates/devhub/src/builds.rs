//! A *build* is a name, a version and a release with files; an *archive* is one of the files (facts: koji 16).

use crate::archive_types::ArchiveType;
use crate::clock::{Micros, time_value, ts_value};
use crate::ids;
use crate::state::HubState;
use crate::volume::{DEFAULT_VOLUME, Volume};
use crate::wire::{Name, Value, int, int_or_nil, string, string_or_nil, structure};

/// The id of the build type `image` (facts: koji 30).
pub(crate) const IMAGE_BTYPE: i64 = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChecksumType {
    /// By content generators.
    Md5 = 0,
    /// By the hub.
    Sha256 = 2,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checksum {
    Md5([u8; 16]),
    Sha256([u8; 32]),
}

impl Checksum {
    pub(crate) fn kind(&self) -> ChecksumType {
        match self {
            Self::Md5(_) => ChecksumType::Md5,
            Self::Sha256(_) => ChecksumType::Sha256,
        }
    }

    /// Its hexadecimal digits.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Md5(bytes) => ids::hex_of(bytes),
            Self::Sha256(bytes) => ids::hex_of(bytes),
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Archive {
    pub(crate) id: i64,
    pub(crate) arch: Name,
    pub(crate) kind: &'static ArchiveType,
    pub(crate) filename: Box<str>,
    /// What the hub says its size is, in bytes.
    pub(crate) size: u64,
    /// What the hub says its checksum is.
    pub(crate) checksum: Checksum,
    /// Further facts that the script wants; the usual ones follow from the task
    /// ([`HubState::archive_extra`](crate::state::HubState::archive_extra)).
    pub(crate) extra: Option<Box<Value>>,
    /// Whether it is on no disk: what is in it follows from its name.
    pub(crate) is_described: bool,
    /// Whether the hub knows the build root in which it was made.
    pub(crate) has_buildroot: bool,
    /// Whether the hub knows which packages are in it.
    pub(crate) has_packages: bool,
}

impl Archive {
    /// The struct of `listArchives` of an archive of `build`; `arch` is there only when image archives were asked for.
    pub(crate) fn to_value(&self, state: &HubState, build: &Build, arch: bool) -> Value {
        let mut members = vec![
            ("btype", string("image")),
            ("btype_id", int(IMAGE_BTYPE)),
            ("build_id", int(build.id)),
            ("buildroot_id", int_or_nil(self.has_buildroot.then_some(self.id))),
            ("checksum", string(self.checksum.text())),
            ("checksum_type", int(self.checksum.kind() as i64)),
            ("compression_type", string_or_nil(self.kind.compression)),
            ("extra", state.archive_extra(build, self)),
            ("filename", string(self.filename.as_ref())),
            ("id", int(self.id)),
            ("metadata_only", Value::Bool(false)),
            ("size", int(i64::try_from(self.size).unwrap_or(i64::MAX))),
            ("type_description", string(self.kind.description)),
            ("type_extensions", string(self.kind.extensions)),
            ("type_id", int(self.kind.id)),
            ("type_name", string(self.kind.name)),
        ];
        if arch {
            members.push(("arch", string(self.arch.as_str())));
        }
        structure(members)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BuildState {
    /// Begun, without files and without a task.
    Building = 0,
    Complete = 1,
    /// Failed: it will never get files.
    Failed = 3,
    /// Its task was called off.
    Canceled = 4,
}

impl BuildState {
    /// Koji's name of it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Building => "BUILDING",
            Self::Complete => "COMPLETE",
            Self::Failed => "FAILED",
            Self::Canceled => "CANCELED",
        }
    }
}

/// Who imports builds that are made outside of Koji.
#[derive(Debug)]
pub(crate) struct Generator {
    pub(crate) id: i64,
    pub(crate) name: &'static str,
    /// `extra` of a complete build of it.
    pub(crate) extra: fn(&HubState, &Build) -> Value,
}

#[derive(Debug, Clone)]
pub(crate) struct Build {
    pub(crate) id: i64,
    pub(crate) state: BuildState,
    /// The content generator that imports it; without one its task does.
    pub(crate) generator: Option<&'static Generator>,
    /// The task that made it. That of a content generator's build is named when the build is complete (facts: koji 15).
    pub(crate) task: i64,
    pub(crate) name: Name,
    pub(crate) version: Name,
    pub(crate) release: Name,
    pub(crate) package: i64,
    pub(crate) owner: (i64, Name),
    pub(crate) started: Micros,
    pub(crate) completed: Option<Micros>,
    pub(crate) event: i64,
    /// The volume on which it lies, if it is not the first one: its id and its name.
    pub(crate) volume: Option<Box<(i64, String)>>,
    pub(crate) archives: Vec<Archive>,
    /// The tag it got, with the event that gave it.
    pub(crate) tag: Option<(i64, i64)>,
}

impl Build {
    /// Name, version and release.
    pub(crate) fn nvr(&self) -> String {
        format!("{}-{}-{}", self.name, self.version, self.release)
    }

    /// Its archives, each with the build.
    pub(crate) fn each_archive(&self) -> impl Iterator<Item = (&Self, &Archive)> {
        self.archives.iter().map(move |archive| (self, archive))
    }

    /// Where it lies below the volume.
    pub(crate) fn dir(&self) -> String {
        let volume = self.volume.as_ref().map(|volume| volume.1.as_str());
        Volume::build_dir(volume, &self.name, &self.version, &self.release)
    }

    /// The task that made it, as far as the hub knows.
    pub(crate) fn made_by(&self) -> Option<i64> {
        (self.generator.is_none() || self.state == BuildState::Complete).then_some(self.task)
    }

    /// The content generator of a build that it has completed.
    fn completed_by(&self) -> Option<&'static Generator> {
        self.generator.filter(|_| self.state == BuildState::Complete)
    }

    fn members(&self, state: &HubState) -> Vec<(&'static str, Value)> {
        vec![
            ("build_id", int(self.id)),
            ("completion_time", time_value(self.completed)),
            ("completion_ts", ts_value(self.completed)),
            ("creation_event_id", int(self.event)),
            ("creation_time", time_value(Some(self.started))),
            ("creation_ts", ts_value(Some(self.started))),
            ("draft", Value::Bool(false)),
            ("epoch", if self.generator.is_some() { Value::Nil } else { int(0) }),
            ("extra", self.completed_by().map_or(Value::Nil, |generator| (generator.extra)(state, self))),
            ("name", string(self.name.as_str())),
            ("nvr", string(self.nvr())),
            ("owner_id", int(self.owner.0)),
            ("owner_name", string(self.owner.1.as_str())),
            ("package_id", int(self.package)),
            ("package_name", string(self.name.as_str())),
            ("promoter_id", Value::Nil),
            ("promoter_name", Value::Nil),
            ("promotion_time", Value::Nil),
            ("promotion_ts", Value::Nil),
            ("release", string(self.release.as_str())),
            ("source", string_or_nil(self.completed_by().map(|_| ""))),
            ("start_time", time_value(Some(self.started))),
            ("start_ts", ts_value(Some(self.started))),
            ("state", int(self.state as i64)),
            ("task_id", int_or_nil(self.made_by())),
            ("version", string(self.version.as_str())),
            ("volume_id", int(self.volume.as_ref().map_or(0, |volume| volume.0))),
            ("volume_name", string(self.volume.as_ref().map_or(DEFAULT_VOLUME, |volume| volume.1.as_str()))),
        ]
    }

    /// The struct of `getBuild`.
    pub(crate) fn to_value(&self, state: &HubState) -> Value {
        let mut members = self.members(state);
        let generator = self.generator;
        members.extend([
            ("id", int(self.id)),
            ("cg_id", int_or_nil(generator.map(|generator| generator.id))),
            ("cg_name", string_or_nil(generator.map(|generator| generator.name))),
        ]);
        structure(members)
    }

    /// An element of `listBuilds`: no `id`, and nothing about the content generator.
    pub(crate) fn to_list_value(&self, state: &HubState) -> Value {
        structure(self.members(state))
    }

    /// An element of `listTagged`.
    pub(crate) fn to_tagged_value(&self, state: &HubState, tag: (i64, &str), event: i64) -> Value {
        let mut members = self.members(state);
        members.retain(|(name, _)| !name.ends_with("_ts") && *name != "extra" && *name != "source");
        members.extend([
            ("id", int(self.id)),
            ("create_event", int(event)),
            ("tag_id", int(tag.0)),
            ("tag_name", string(tag.1)),
        ]);
        structure(members)
    }

    /// A row of `queryHistory`: this build got a tag.
    pub(crate) fn to_history_value(&self, tag: (i64, &str), event: i64) -> Value {
        structure([
            ("active", Value::Bool(true)),
            ("build.state", int(self.state as i64)),
            ("build_id", int(self.id)),
            ("create_event", int(event)),
            ("create_ts", ts_value(self.completed)),
            ("creator_id", int(self.owner.0)),
            ("creator_name", string(self.owner.1.as_str())),
            ("epoch", Value::Nil),
            ("name", string(self.name.as_str())),
            ("release", string(self.release.as_str())),
            ("revoke_event", Value::Nil),
            ("revoke_ts", Value::Nil),
            ("revoker_id", Value::Nil),
            ("revoker_name", Value::Nil),
            ("tag.name", string(tag.1)),
            ("tag_id", int(tag.0)),
            ("version", string(self.version.as_str())),
        ])
    }
}
