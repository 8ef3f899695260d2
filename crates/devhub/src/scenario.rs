//! A *scenario* is the script of a simulated hub: which tasks fail, what builds hold, and what goes wrong on the way.
//!
//! It is a JSON object; keys that are not named here are ignored, so that a file made for something else may carry the
//! hub's keys beside its own, unless one looks like a slip of a key that is. `docs/simulated-hub.md` describes every key for users.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use magudi_koji::value::from_json;
use serde::Deserialize;
use serde::de::{Deserializer, Visitor};

use crate::accounts::PERMISSIONS;
use crate::archive_types;
use crate::duration_range::LONGEST;
use crate::names;

pub use crate::duration_range::DurationRange;

/// A scenario file may be this long.
const MAX_TEXT: u64 = 4 << 20;
/// Files that one arch of one build may hold.
const MAX_ARCHIVES: usize = 64;
/// A file may be this long: its checksum is computed by reading all of it, at some hundred MB a second.
const MAX_SIZE: u64 = 64 << 30;

/// What a simulated hub does otherwise than a healthy one. The default is a hub where every task succeeds at once.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Scenario {
    /// The phases of a recorded case (facts: recordings 5). Its hub is that of the recordings, whose plugins know no newer options.
    pub phases: Vec<String>,
    /// Image name -> how its task fails.
    pub fail: BTreeMap<String, ScriptedFailure>,
    /// Image name -> what its `compose-status.json` says when composer is done, instead of what a hub's would say.
    pub compose_status: BTreeMap<String, serde_json::Value>,
    /// Image name -> text of the fault 1000 with which the hub refuses the call for it.
    pub submit_error: BTreeMap<String, String>,
    /// Text of the fault 1002 that refuses every login.
    pub login_error: Option<String>,
    /// Image name -> the files of its build, for every arch, instead of the one file that the image type implies.
    pub archives: BTreeMap<String, Vec<ScriptedArchive>>,
    /// Image name -> the arches that are really built, whatever was asked for.
    pub archive_arches: BTreeMap<String, Vec<String>>,
    /// File names that `listArchives` lists and the volume does not hold.
    pub missing_files: BTreeSet<String>,
    /// File names that hold zero bytes.
    pub empty_files: BTreeSet<String>,
    /// How long a task takes, in seconds.
    pub task_seconds: DurationRange,
    /// How long a task waits for a builder; without it a tenth of its time, at most a second.
    pub queue_seconds: Option<DurationRange>,
    /// How long a task is assigned to a builder before that begins, in seconds.
    pub assigned_seconds: DurationRange,
    /// Images (`*` is every image) whose tasks go back to the queue once, when half of their time is over.
    pub freed: BTreeSet<String>,
    /// How long a task that names no repository waits until that of the build tag is ready (facts: osbuild 13); without it, it is.
    pub repo_seconds: Option<DurationRange>,
    /// Build target -> the arches that can be built for it: tasks for others fail with fault 1005. Without it, every arch.
    pub target_arches: BTreeMap<String, Vec<String>>,
    /// Images whose package is in no tag: their build is complete, and their task fails with fault 1003.
    pub unlisted_packages: BTreeSet<String>,
    /// Image name -> the files that the task for each arch makes, instead of the usual: whole names, in which `{name} {version}
    /// {release} {arch}` are replaced.
    pub files: BTreeMap<String, Vec<String>>,
    /// Image name -> the arches whose tasks fail, perhaps with what each of them fails of.
    pub child_fail: BTreeMap<String, FailingArches>,
    /// Image name -> the release that the tasks for its arches state, whatever that of the build is; `null` is none.
    pub child_release: BTreeMap<String, Option<String>>,
    /// Images that get no task for an arch, and a build without files.
    pub no_arch: BTreeMap<String, bool>,
    /// What the tasks for arches are called, by a builder that is not the hub's: what they make gets into no build.
    pub only_method: Option<String>,
    /// Image name -> the volume on which its build lies.
    pub volume: BTreeMap<String, String>,
    /// Whether what was only tried stays where its task left it, instead of a link there.
    pub scratch_plain: bool,
    /// Images whose package must not be in a tag: their task fails with fault 1005.
    pub blocked_packages: BTreeSet<String>,
    /// Whether the hub does what a real one does and the recorded composes do not bear: a name, version and release is
    /// built once, a description comes from an address that Koji knows, and a file has a type that it knows.
    pub strict: bool,
    /// Method -> options that the hub does not know, because its plugin is older.
    pub unknown_options: BTreeMap<String, BTreeSet<String>>,
    /// User -> its permissions, instead of those that it has on every simulated hub.
    pub permissions: BTreeMap<String, BTreeSet<String>>,
    /// Methods that the hub does not know, because it has no plugin for them.
    pub unknown_methods: BTreeSet<String>,
    /// Whether composer's builds hold manifests beside their images.
    pub manifests: bool,
    /// File name -> its size in bytes: the usual text, and zeros after it that take no room on the disk.
    pub sizes: BTreeMap<String, u64>,
    /// Build targets that exist although no task named them yet (`f42-image` always exists).
    pub targets: BTreeSet<String>,
    /// Build targets that do not exist: their tasks fail with fault 1000.
    #[serde(alias = "no_target")]
    pub unknown_targets: BTreeSet<String>,
    /// Times at which the hub cannot be used.
    pub outages: Vec<Outage>,
    /// Calls that are executed and whose answer gets lost.
    pub drop_answers: Vec<DropAnswer>,
    /// Calls that are executed and whose answer is late.
    pub delay_answers: Vec<DelayAnswer>,
    /// The pace of `/kojifiles`, in bytes per second for each download.
    pub slow_bytes_per_second: Option<u64>,
    /// File names (`*` is every file) whose download breaks off in the middle, the first time.
    pub truncate_downloads: BTreeSet<String>,
    /// Breaks the downloads of `truncate_downloads` off every time, not only the first.
    pub truncate_always: bool,
    /// File names with one byte on the volume other than the checksum says.
    pub flip_bytes: BTreeSet<String>,
    /// File names for which `listArchives` states a wrong checksum.
    pub wrong_checksum: BTreeSet<String>,
    /// Refuses who logs in by certificate or ticket and has no account (fault 1002, `Unknown user`), as a hub with
    /// `LoginCreatesUser = Off`.
    pub refuse_newcomers: bool,
    /// A session expires (fault 1007) after this many calls, until it is renewed.
    pub expire_sessions_after_calls: Option<u64>,
    /// Sessions travel in URLs only, as with hubs before Koji 1.30: what headers say of them is not looked at.
    pub sessions_in_urls: bool,
    /// A session is closed by somebody else (fault 1002 for everything that comes with it) after this many calls.
    pub close_sessions_after_calls: Option<u64>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScriptedFailure {
    /// Exit status of the command that waits for such a task: with 0 the task ends well all the same, whatever the tasks
    /// under it did.
    pub rc: Option<i64>,
    /// The reason; `boom` without it.
    pub out: Option<String>,
    /// Where it fails.
    pub kind: FailureKind,
    /// How many tasks of the image fail, before the others end well; without it all.
    pub times: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum FailingArches {
    /// Of what such tasks usually fail of.
    Usual(BTreeSet<String>),
    /// Each of something else.
    Reasons(BTreeMap<String, String>),
}

impl FailingArches {
    /// What the task for an arch fails of, if it does.
    pub(crate) fn reason<'r>(&'r self, arch: &str, usual: &'r str) -> Option<&'r str> {
        match self {
            Self::Usual(arches) => arches.contains(arch).then_some(usual),
            Self::Reasons(reasons) => reasons.get(arch).map(String::as_str),
        }
    }
}

/// Where a task fails (facts: osbuild 12, osbuild 14).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureKind {
    /// The image cannot be built: fault 1005, with the reason in `compose-status.json`.
    #[default]
    Build,
    /// Koji does not let composer begin the build: as `import`, and there is no build.
    Init,
    /// It cannot be imported into Koji: fault 1005, with the reason in `compose-status.json` as a fault of the hub.
    Import,
    /// Composer does not take the request: fault 1000 with its answer, and no `compose-status.json`.
    Request,
    /// Composer cannot be reached: fault 1 with the builder's traceback, and no `compose-status.json`.
    Unreachable,
}

/// A file of a scripted build.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptedArchive {
    /// Koji's archive type, for example `qcow2`.
    pub type_name: String,
    /// The file is `NAME-VERSION-RELEASE.ARCH.SUFFIX`.
    #[serde(default)]
    pub suffix: Option<String>,
    /// The file's whole name, in which `{name} {version} {release} {arch} {suffix}` are replaced.
    #[serde(default)]
    pub filename: Option<String>,
    /// The archive's `extra`; without it the usual one, with the arch in `image.arch`.
    #[serde(default)]
    pub extra: Option<serde_json::Value>,
}

/// What a client sees of an outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutageKind {
    /// Fault 1014, `server is offline`.
    Offline,
    /// Status 500 with a page of HTML.
    Http500,
    /// Status 200 with a page of HTML, as a proxy in front of a hub may answer.
    Html,
    /// The connection is closed without an answer.
    Refuse,
    /// Fault 1014 as well, `Server disabled for maintenance`, for all but admins and logins.
    Lockout,
}

/// A time at which the hub cannot be used: it begins after `after_calls` requests and lasts `seconds`, or `calls` requests, or
/// meets the first attempt of each call.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outage {
    /// How many requests to the hub are answered before.
    #[serde(default)]
    pub after_calls: u64,
    /// Its length in seconds, from the first request that meets it.
    #[serde(default)]
    pub seconds: Option<f64>,
    /// Its length in requests.
    #[serde(default)]
    pub calls: Option<u64>,
    /// It lasts for ever, but lets through what it has kept from the hub before: every call fails once.
    #[serde(default)]
    pub first: bool,
    pub kind: OutageKind,
}

/// What becomes of an answer that does not arrive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Loss {
    /// The connection is closed before it.
    #[default]
    Close,
    /// The connection is closed in the middle of it.
    Cut,
    /// Bytes that are no XML arrive in its place.
    Garbage,
    /// Status 502 and a page of HTML, as from a proxy in front that waited too long.
    Gateway,
}

/// Calls that are executed, and whose answer does not arrive.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DropAnswer {
    /// The method; `*` is every method. A multicall is one call, of the method `multiCall`.
    pub method: String,
    /// Which one of them, counted from 1.
    #[serde(default)]
    pub nth: Option<u64>,
    /// Every so many of them.
    #[serde(default)]
    pub every: Option<u64>,
    /// Each of them, the first time that it is made; the same request made again is answered.
    #[serde(default)]
    pub first: bool,
    /// How it gets lost.
    #[serde(default)]
    pub how: Loss,
}

/// Calls that are executed at once, and whose answer comes later.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DelayAnswer {
    /// The method; `*` is every method.
    pub method: String,
    /// Which one of them, counted from 1.
    #[serde(default)]
    pub nth: Option<u64>,
    /// Every so many of them.
    #[serde(default)]
    pub every: Option<u64>,
    /// How much later.
    pub seconds: f64,
}

/// Why a scenario could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The text is not the JSON that a scenario is.
    #[error("line {line}, column {column}: {message}")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        message: String,
    },
    /// A key has a value that makes no sense.
    #[error("{key}: {message}")]
    Value {
        /// The key's path.
        key: String,
        message: String,
    },
    #[error("cannot read it: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    /// The text is longer than any scenario.
    #[error("it is longer than 4 MiB")]
    TooLong,
}

pub fn parse_scenario(text: &str) -> Result<Scenario, ScenarioError> {
    if text.len() as u64 > MAX_TEXT {
        return Err(ScenarioError::TooLong);
    }
    if text.trim_start().starts_with('[') {
        let message = "a scenario is an object, this is a list".to_owned();
        return Err(ScenarioError::Syntax { line: 1, column: 1, message });
    }
    let scenario: Scenario = serde_json::from_str(text).map_err(|e| {
        let (line, column) = (e.line(), e.column());
        // serde_json ends its message with the position, which is said in front here.
        let suffix = format!(" at line {line} column {column}");
        let message = e.to_string();
        let message = message.strip_suffix(&suffix).unwrap_or(&message).to_owned();
        ScenarioError::Syntax { line, column, message }
    })?;
    refuse_slips(text)?;
    scenario.check()?;
    Ok(scenario)
}

/// Edits by which a key may differ from one that is meant.
const SLIP: usize = 2;

/// Refuses a key that is ignored and was probably meant to be one of ours: what it says would not happen.
fn refuse_slips(text: &str) -> Result<(), ScenarioError> {
    let given: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).unwrap_or_default();
    let known = keys();
    for key in given.keys().filter(|key| !known.contains(&key.as_str())) {
        let limit = SLIP.min(key.chars().count() / 3);
        let near = known.iter().map(|known| (strsim::damerau_levenshtein(key, known), known)).min();
        if let Some((_, near)) = near.filter(|(distance, _)| *distance <= limit) {
            let message = format!("a scenario has no such key; did you mean `{near}`?");
            return Err(ScenarioError::Value { key: key.clone(), message });
        }
    }
    Ok(())
}

/// The keys of a scenario, as serde knows them.
fn keys() -> &'static [&'static str] {
    let mut keys: &'static [&'static str] = &[];
    // It ends with an error once it has said which fields it wants.
    let _ = Scenario::deserialize(Fields(&mut keys));
    keys
}

/// Takes down which fields a struct wants, and gives it none.
struct Fields<'k>(&'k mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Fields<'_> {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(serde::de::Error::custom("only a struct has fields"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq
        tuple tuple_struct map enum identifier ignored_any
    }
}

pub fn load_scenario(path: &Path) -> Result<Scenario, ScenarioError> {
    read_scenario(std::fs::File::open(path), path)
}

/// Reads a scenario from what was opened at `path`.
pub fn read_scenario(opened: std::io::Result<impl Read>, path: &Path) -> Result<Scenario, ScenarioError> {
    let wrap = |source| ScenarioError::Read { path: path.to_path_buf(), source };
    let mut text = String::new();
    opened.map_err(wrap)?.take(MAX_TEXT + 1).read_to_string(&mut text).map_err(wrap)?;
    parse_scenario(&text)
}

impl Scenario {
    /// Whether it has something to say of what lies on the volume as `filename`.
    pub(crate) fn names_file(&self, filename: &str) -> bool {
        [&self.missing_files, &self.empty_files, &self.flip_bytes].iter().any(|files| files.contains(filename))
            || self.sizes.contains_key(filename)
    }

    /// The images that it names, each with the key that does; `*` is every image.
    pub fn images(&self) -> Vec<(&'static str, &str)> {
        fn named<'s>(key: &'static str, names: impl Iterator<Item = &'s String>) -> Vec<(&'static str, &'s str)> {
            names.map(|name| (key, name.as_str())).collect()
        }
        [
            named("fail", self.fail.keys()),
            named("compose_status", self.compose_status.keys()),
            named("submit_error", self.submit_error.keys()),
            named("archives", self.archives.keys()),
            named("archive_arches", self.archive_arches.keys()),
            named("freed", self.freed.iter()),
            named("unlisted_packages", self.unlisted_packages.iter()),
            named("files", self.files.keys()),
            named("child_fail", self.child_fail.keys()),
            named("child_release", self.child_release.keys()),
            named("no_arch", self.no_arch.keys()),
            named("volume", self.volume.keys()),
            named("blocked_packages", self.blocked_packages.iter()),
        ]
        .concat()
    }

    fn check(&self) -> Result<(), ScenarioError> {
        let bad = |key: String, message: &str| Err(ScenarioError::Value { key, message: message.to_owned() });
        for (image, archives) in &self.archives {
            if archives.len() > MAX_ARCHIVES {
                return bad(format!("archives.{image}"), "more than 64 files");
            }
            for (i, archive) in archives.iter().enumerate() {
                let key = format!("archives.{image}[{i}]");
                let text = match (&archive.filename, &archive.suffix) {
                    (Some(name), _) => name,
                    (None, Some(suffix)) => suffix,
                    (None, None) => return bad(key, "needs a suffix or a filename"),
                };
                if text.contains('/') || text.contains('\0') || text.is_empty() {
                    return bad(key, "a file name cannot be empty or contain / or NUL");
                }
                if archive_types::by_name(&archive.type_name).is_none() {
                    return bad(key, &format!("{:?} is not an archive type", archive.type_name));
                }
                if let Some(error) = archive.extra.as_ref().and_then(|extra| from_json(extra).err()) {
                    return bad(key, &error.to_string());
                }
            }
        }
        for (image, arches) in &self.archive_arches {
            if let Some(arch) = arches.iter().find(|a| !names::is_file_name(a)) {
                return bad(format!("archive_arches.{image}"), &format!("{arch:?} is not an arch"));
            }
        }
        for (image, files) in &self.files {
            if files.len() > MAX_ARCHIVES {
                return bad(format!("files.{image}"), "more than 64 files");
            }
            if let Some(file) = files.iter().find(|file| !names::is_file_name(file)) {
                return bad(format!("files.{image}"), &format!("{file:?} is not a file name"));
            }
        }
        for (user, permissions) in &self.permissions {
            if let Some(unknown) = permissions.iter().find(|name| !PERMISSIONS.contains(&name.as_str())) {
                return bad(format!("permissions.{user}"), &format!("{unknown:?} is not a permission"));
            }
        }
        for (image, volume) in &self.volume {
            if !names::is_file_name(volume) {
                return bad(format!("volume.{image}"), &format!("{volume:?} cannot be the name of a volume"));
            }
        }
        for (i, outage) in self.outages.iter().enumerate() {
            let key = format!("outages[{i}]");
            match (outage.seconds, outage.calls, outage.first) {
                (Some(s), None, false) if s.is_finite() && (0.0..=LONGEST).contains(&s) => {}
                (Some(_), None, false) => return bad(key, "seconds must be a number from 0 to a week"),
                (None, Some(_), false) | (None, None, true) => {}
                _ => return bad(key, "needs either seconds or calls or first"),
            }
        }
        let drops = self.drop_answers.iter().enumerate();
        let drops = drops.map(|(i, d)| (format!("drop_answers[{i}]"), d.nth, d.every, d.first));
        let delays = self.delay_answers.iter().enumerate();
        let delays = delays.map(|(i, d)| (format!("delay_answers[{i}]"), d.nth, d.every, false));
        for (key, nth, every, first) in drops.chain(delays) {
            match (nth, every, first) {
                (Some(0), ..) | (_, Some(0), _) => return bad(key, "counts from 1"),
                (Some(_), None, false) | (None, Some(_), false) | (None, None, true) => {}
                _ => return bad(key, "needs either nth or every"),
            }
        }
        for (i, delay) in self.delay_answers.iter().enumerate() {
            if !delay.seconds.is_finite() || !(0.0..=LONGEST).contains(&delay.seconds) {
                return bad(format!("delay_answers[{i}]"), "seconds must be a number from 0 to a week");
            }
        }
        if let Some((file, _)) = self.sizes.iter().find(|(_, size)| **size > MAX_SIZE) {
            return bad(format!("sizes.{file}"), "more than 64 GiB");
        }
        if self.slow_bytes_per_second == Some(0) {
            return bad("slow_bytes_per_second".to_owned(), "must be at least 1");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_a_recorded_case() {
        let scenario = parse_scenario(
            r#"{"args": ["--test"], "fail": {"bad": {"rc": 1}, "soft": {"rc": 1, "out": "why"}}, "notify": true,
                "archives": {"v": [{"type_name": "vpc", "suffix": "vhdfixed"}], "none": []}, "task_seconds": [0.5, 2]}"#,
        )
        .unwrap();
        assert_eq!(scenario.fail["soft"].out.as_deref(), Some("why"));
        assert_eq!(scenario.fail["bad"].out, None);
        assert_eq!(scenario.archives["v"][0].suffix.as_deref(), Some("vhdfixed"));
        assert_eq!(scenario.archives["none"], []);
        assert_eq!(scenario.task_seconds, DurationRange { least: 0.5, most: 2.0 });
        let seconds = scenario.task_seconds.of_task(1_019_910);
        assert!((0.5..=2.0).contains(&seconds), "{seconds}");
        assert!((seconds - scenario.task_seconds.of_task(1_019_910)).abs() < f64::EPSILON);
    }

    #[test]
    fn mistakes_are_named() {
        for (text, says) in [
            ("{\n \"fail\": 5}", "line 2, column 10"),
            (r#"{"task_seconds": -1}"#, "between 0 and a week"),
            (r#"{"task_seconds": [3, 1]}"#, "the least comes before the most"),
            (r#"{"task_seconds": [1, 2, 3]}"#, "[least, most]"),
            (r#"{"outages": [{"kind": "offline"}]}"#, "outages[0]: needs either seconds or calls"),
            (r#"{"outages": [{"kind": "maybe", "calls": 1}]}"#, "unknown variant"),
            (r#"{"drop_answers": [{"method": "cancelTask"}]}"#, "needs either nth or every"),
            (r#"{"drop_answers": [{"method": "cancelTask", "nth": 0}]}"#, "counts from 1"),
            (r#"{"drop_answers": [{"method": "*", "first": true, "every": 2}]}"#, "needs either nth or every"),
            (r#"{"outages": [{"kind": "offline", "first": true, "calls": 2}]}"#, "needs either seconds or calls"),
            (r#"{"archives": {"x": [{"type_name": "qcow2"}]}}"#, "archives.x[0]: needs a suffix"),
            (r#"{"archives": {"x": [{"type_name": "qcow2", "filename": "../x"}]}}"#, "contain /"),
            (r#"{"archives": {"x": [{"type_name": "nope", "suffix": "x"}]}}"#, "is not an archive type"),
            (r#"{"archive_arches": {"x": [".."]}}"#, "is not an arch"),
            (r#"{"files": {"x": ["a/b"]}}"#, "files.x: \"a/b\" is not a file name"),
            (r#"{"permissions": {"compose": ["images"]}}"#, "permissions.compose: \"images\" is not a permission"),
            (r#"{"volume": {"x": ".."}}"#, "volume.x: \"..\" cannot be"),
            (r#"{"slow_bytes_per_second": 0}"#, "at least 1"),
            (r#"{"drop_answers": [{"method": "*", "nth": 1, "how": "loudly"}]}"#, "unknown variant"),
            (r#"{"delay_answers": [{"method": "*", "seconds": 1}]}"#, "delay_answers[0]: needs either nth or every"),
            (r#"{"delay_answers": [{"method": "*", "nth": 1, "seconds": -1}]}"#, "from 0 to a week"),
            (r#"{"sizes": {"a.raw": 99999999999999}}"#, "sizes.a.raw: more than 64 GiB"),
            (r#"{"fail": {"x": {"kind": "later"}}}"#, "unknown variant"),
        ] {
            let error = parse_scenario(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
