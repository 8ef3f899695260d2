//! A *scenario* is the script of a simulated hub: which tasks fail, what builds hold, and what goes wrong on the way.
//!
//! It is a JSON object; keys that are not named here are ignored, so that a file made for something else may carry the
//! hub's keys beside its own. `docs/simulated-hub.md` describes every key for users.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use magudi_koji::value::from_json;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::archive_types;
use crate::names;

/// A scenario file may be this long.
const MAX_TEXT: u64 = 4 << 20;
/// A task may stay open for a week at most.
const MAX_SECONDS: f64 = 7.0 * 86400.0;
/// Files that one arch of one build may hold.
const MAX_ARCHIVES: usize = 64;

/// What a simulated hub does otherwise than a healthy one. The default is a hub where every task succeeds at once.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Scenario {
    /// Image name -> how its task fails: fault 1005, with the reason in `compose-status.json`.
    pub fail: BTreeMap<String, Failure>,
    /// Image name -> text of the fault 1000 with which the hub refuses the `osbuildImage` call.
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
    pub task_seconds: Seconds,
    /// Build targets that exist although no task named them yet (`f42-image` always exists).
    pub targets: BTreeSet<String>,
    /// Build targets that do not exist: their tasks fail with fault 1000.
    pub unknown_targets: BTreeSet<String>,
    /// Times at which the hub cannot be used.
    pub outages: Vec<Outage>,
    /// Calls that are executed and whose answer gets lost.
    pub drop_answers: Vec<DropAnswer>,
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
}

/// How a task fails.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Failure {
    /// Exit status of the command that waited for such a task where the script was recorded; of no meaning to a hub.
    pub rc: i64,
    /// The reason that `compose-status.json` gives; `boom` without it.
    pub out: Option<String>,
}

/// A file of a scripted build.
#[derive(Debug, Clone, PartialEq, Deserialize)]
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

/// A duration in seconds, or the least and the most of them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Seconds {
    /// The shortest.
    pub least: f64,
    /// The longest.
    pub most: f64,
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
}

/// A time at which the hub cannot be used: it begins after `after_calls` requests and lasts `seconds`, or `calls` requests.
#[derive(Debug, Clone, PartialEq, Deserialize)]
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
    /// How it shows.
    pub kind: OutageKind,
}

/// Calls that are executed, whereupon the connection is closed without an answer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DropAnswer {
    /// The method; `*` is every method. A multicall is one call, of the method `multiCall`.
    pub method: String,
    /// Which one of them, counted from 1.
    #[serde(default)]
    pub nth: Option<u64>,
    /// Every so many of them.
    #[serde(default)]
    pub every: Option<u64>,
}

/// Why a scenario could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The text is not the JSON that a scenario is.
    #[error("line {line}, column {column} of the scenario: {message}")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// A key has a value that makes no sense.
    #[error("scenario key {key}: {message}")]
    Value {
        /// The key's path.
        key: String,
        /// What is wrong with it.
        message: String,
    },
    /// The file could not be read.
    #[error("cannot read the scenario {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The text is longer than any scenario.
    #[error("the scenario is longer than 4 MiB")]
    TooLong,
}

/// Reads a scenario from its JSON text.
pub fn parse_scenario(text: &str) -> Result<Scenario, ScenarioError> {
    if text.len() as u64 > MAX_TEXT {
        return Err(ScenarioError::TooLong);
    }
    let scenario: Scenario = serde_json::from_str(text).map_err(|e| {
        let (line, column) = (e.line(), e.column());
        // serde_json ends its message with the position, which is said in front here.
        let suffix = format!(" at line {line} column {column}");
        let message = e.to_string();
        let message = message.strip_suffix(&suffix).unwrap_or(&message).to_owned();
        ScenarioError::Syntax { line, column, message }
    })?;
    scenario.check()?;
    Ok(scenario)
}

/// Reads a scenario file.
pub fn load_scenario(path: &Path) -> Result<Scenario, ScenarioError> {
    let wrap = |source| ScenarioError::Read { path: path.to_path_buf(), source };
    let mut text = String::new();
    std::fs::File::open(path).map_err(wrap)?.take(MAX_TEXT + 1).read_to_string(&mut text).map_err(wrap)?;
    parse_scenario(&text)
}

impl Scenario {
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
                    return bad(key, &format!("{:?} is no archive type", archive.type_name));
                }
                if let Some(error) = archive.extra.as_ref().and_then(|extra| from_json(extra).err()) {
                    return bad(key, &error.to_string());
                }
            }
        }
        for (image, arches) in &self.archive_arches {
            if let Some(arch) = arches.iter().find(|a| !names::is_file_name(a)) {
                return bad(format!("archive_arches.{image}"), &format!("{arch:?} is no arch"));
            }
        }
        for (i, outage) in self.outages.iter().enumerate() {
            let key = format!("outages[{i}]");
            match (outage.seconds, outage.calls) {
                (Some(s), None) if s.is_finite() && (0.0..=MAX_SECONDS).contains(&s) => {}
                (Some(_), None) => return bad(key, "seconds must be a number from 0 to a week"),
                (None, Some(_)) => {}
                _ => return bad(key, "needs either seconds or calls"),
            }
        }
        for (i, drop) in self.drop_answers.iter().enumerate() {
            let key = format!("drop_answers[{i}]");
            match (drop.nth, drop.every) {
                (Some(0), _) | (_, Some(0)) => return bad(key, "counts from 1"),
                (Some(_), None) | (None, Some(_)) => {}
                _ => return bad(key, "needs either nth or every"),
            }
        }
        if self.slow_bytes_per_second == Some(0) {
            return bad("slow_bytes_per_second".to_owned(), "must be at least 1");
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SecondsVisitor;

        impl SecondsVisitor {
            fn checked<E: de::Error>(least: f64, most: f64) -> Result<Seconds, E> {
                let sane = |s: f64| s.is_finite() && (0.0..=MAX_SECONDS).contains(&s);
                if !sane(least) || !sane(most) {
                    return Err(E::custom("seconds must lie between 0 and a week"));
                }
                if least > most {
                    return Err(E::custom("the least comes before the most"));
                }
                Ok(Seconds { least, most })
            }
        }

        impl<'de> Visitor<'de> for SecondsVisitor {
            type Value = Seconds;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of seconds or [least, most]")
            }

            fn visit_f64<E: de::Error>(self, v: f64) -> Result<Seconds, E> {
                Self::checked(v, v)
            }

            fn visit_u64<E: de::Error>(self, v: u64) -> Result<Seconds, E> {
                Self::checked(v as f64, v as f64)
            }

            fn visit_i64<E: de::Error>(self, v: i64) -> Result<Seconds, E> {
                Self::checked(v as f64, v as f64)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Seconds, A::Error> {
                let least = seq.next_element()?.ok_or_else(|| de::Error::invalid_length(0, &self))?;
                let most = seq.next_element()?.ok_or_else(|| de::Error::invalid_length(1, &self))?;
                if seq.next_element::<f64>()?.is_some() {
                    return Err(de::Error::invalid_length(3, &self));
                }
                Self::checked(least, most)
            }
        }

        deserializer.deserialize_any(SecondsVisitor)
    }
}

impl Seconds {
    /// The duration of the task `id`: somewhere between the two, always the same for the same task.
    pub(crate) fn of_task(self, id: i64) -> f64 {
        let place = f64::from(crc32fast::hash(id.to_string().as_bytes()) % 10_001) / 10_000.0;
        self.least + (self.most - self.least) * place
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
        assert_eq!(scenario.task_seconds, Seconds { least: 0.5, most: 2.0 });
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
            (r#"{"drop_answers": [{"method": "osbuildImage"}]}"#, "needs either nth or every"),
            (r#"{"drop_answers": [{"method": "osbuildImage", "nth": 0}]}"#, "counts from 1"),
            (r#"{"archives": {"x": [{"type_name": "qcow2"}]}}"#, "archives.x[0]: needs a suffix"),
            (r#"{"archives": {"x": [{"type_name": "qcow2", "filename": "../x"}]}}"#, "contain /"),
            (r#"{"archives": {"x": [{"type_name": "nope", "suffix": "x"}]}}"#, "is no archive type"),
            (r#"{"archive_arches": {"x": [".."]}}"#, "is no arch"),
            (r#"{"slow_bytes_per_second": 0}"#, "at least 1"),
        ] {
            let error = parse_scenario(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
