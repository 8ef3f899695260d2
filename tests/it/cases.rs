//! Each case in `fixtures/pungi/cases` is a configuration and what the real Pungi did with it (fixtures/README.md); those in
//! `fixtures/phases/cases` and `fixtures/phases3/cases` are of other phases. The comparison is that of `fixtures/pungi/compare.py`.

use crate::program::{Ran, Scene, files};
use magudi_testkit::repository;
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A recorded case, laid out in a directory of its own.
pub struct Case {
    pub name: String,
    dir: PathBuf,
    row: Json,
    pub scene: Scene,
    /// The arguments of `run`.
    pub args: Vec<String>,
}

fn load(path: &Path) -> Option<Json> {
    let text = std::fs::read_to_string(path).ok()?;
    Some(serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
}

/// The rows of the INDEX.json of a set of cases.
pub fn index(set: &str) -> Vec<Json> {
    let index = load(&cases(set).join("INDEX.json")).expect("the index");
    index.as_array().expect("a list").clone()
}

/// Each case of a set in which Pungi has a bug has a test in `tests`, and each test is of such a case.
pub fn none_is_forgotten(set: &str, tests: &[(&str, fn())]) {
    let rows = index(set);
    let better = rows.iter().filter(|row| row["verdict"] == "better").filter_map(|row| row["case"].as_str());
    let ours: BTreeSet<&str> = tests.iter().map(|(name, _)| *name).collect();
    assert_eq!(ours, better.collect());
}

fn cases(set: &str) -> PathBuf {
    repository().join("fixtures").join(set).join("cases")
}

/// The strings of a list.
pub fn list(value: &Json) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

impl Case {
    /// The osbuild case of that name.
    pub fn named(name: &str) -> Self {
        Self::of("pungi", name)
    }

    /// The case of that name in a set.
    pub fn of(set: &str, name: &str) -> Self {
        let row = index(set).into_iter().find(|row| row["case"] == name);
        Self::new(set, &row.unwrap_or_else(|| panic!("there is no case {name}")))
    }

    /// Lays out a case.
    fn new(set: &str, row: &Json) -> Self {
        let name = row["case"].as_str().expect("a name").to_owned();
        let dir = cases(set).join(&name);
        let scene = Scene::new();
        let target = scene.target().display().to_string();
        for file in files(&dir).into_iter().filter(|file| !file.starts_with("expected")) {
            let text = std::fs::read_to_string(dir.join(&file)).expect("text").replace("@TARGET@", &target);
            scene.write(&format!("conf/{}", file.display()), &text);
        }
        let case = load(&dir.join("case.json")).unwrap_or_else(|| json!({}));
        for name in list(&case["predirs"]) {
            std::fs::create_dir_all(scene.target().join(name)).expect("a directory");
        }
        for (path, text) in case["premade"].as_object().into_iter().flatten() {
            scene.write(&format!("target/{path}"), text.as_str().unwrap_or_default());
        }
        let config = scene.path().join("conf").join(row["config"].as_str().expect("a config"));
        let mut args: Vec<String> = ["run", "--config", &config.display().to_string()].map(str::to_owned).to_vec();
        let phases = case.get("phases").map_or_else(|| vec!["osbuild".to_owned()], list);
        args.extend(phases.into_iter().flat_map(|phase| ["--just-phase".to_owned(), phase]));
        fake_git(&scene, case["git_fail"].as_bool().unwrap_or(false));
        let extra = case.get("args").map_or_else(|| vec!["--test".to_owned()], list);
        let extra: Vec<String> = extra.iter().map(|arg| arg.replace("@TARGET@", &target)).collect();
        if !extra.iter().any(|arg| arg.starts_with("--compose-dir")) {
            args.extend(["--target-dir".to_owned(), target]);
        }
        args.extend(extra);
        if !name.starts_with("c61_") && !name.starts_with("c62_") {
            let scenario = scene.write("scenario.json", &case.to_string());
            args.push(format!("--simulate={}", scenario.display()));
        }
        if case["notify"].as_bool().unwrap_or(false) {
            let (out, rc) = (scene.path().display().to_string(), case["notify_rc"].as_i64().unwrap_or(0));
            let text = format!(
                "#!/bin/sh\nprintf '%s ' \"$1\" >> {out}/notify.log\ncat >> {out}/notify.log\n\
                 echo >> {out}/notify.log\nexit {rc}\n"
            );
            let script = scene.write("notify.sh", &text);
            std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).expect("permissions");
            args.extend(["--notification-script".to_owned(), script.display().to_string()]);
        }
        Self { name, dir, row: row.clone(), scene, args }
    }

    /// The configuration.
    pub fn config(&self) -> PathBuf {
        self.scene.path().join("conf").join(self.row["config"].as_str().expect("a config"))
    }

    /// A file that Pungi's run left.
    pub fn expected(&self, name: &str) -> Option<Json> {
        load(&self.dir.join("expected").join(name))
    }

    /// Text with the directories of this run written as in the recordings.
    pub fn normal(&self, text: &str) -> String {
        let (target, out) = (self.scene.target().display().to_string(), self.scene.path().display().to_string());
        text.replace(&target, "@TARGET@").replace(&out, "@OUT@")
    }

    /// What differs between Pungi's run and ours; empty when the case holds.
    pub fn compare(&self, ran: &Ran) -> Vec<String> {
        if ran.stderr.contains("panicked") || matches!(ran.status, None | Some(101)) {
            return vec![format!("panic: {}", ran.stderr)];
        }
        let verdict = self.row["verdict"].as_str().expect("a verdict");
        let result = self.expected("result.json").expect("a result");
        let mut bad = Vec::new();
        if ran.status.map(i64::from) != result["exit_code"].as_i64() {
            bad.push(format!("exit {:?}, expected {}: {}", ran.status, result["exit_code"], ran.stderr.trim()));
        }
        if verdict == "error" {
            self.compare_errors(ran, &result, &mut bad);
        } else if let Some(compose) = result["compose_dir"].as_str() {
            self.compare_compose(compose, &result, &mut bad);
        }
        bad
    }

    fn compare_errors(&self, ran: &Ran, result: &Json, bad: &mut Vec<String>) {
        if ran.stderr.trim().is_empty() {
            bad.push("no message".to_owned());
        }
        let lines = list(&result["stderr_non_log"]);
        let paths: BTreeSet<&str> = lines
            .iter()
            .filter_map(|line| line.strip_prefix("Failed validation in ")?.split_once(':').map(|(path, _)| path))
            .collect();
        if paths.is_empty() {
            return;
        }
        let options = self.args[1..].iter().filter(|arg| !arg.starts_with("--simulate")).cloned();
        let check: Vec<String> =
            ["check".to_owned()].into_iter().chain(options).chain(["--format".to_owned(), "json".to_owned()]).collect();
        let report: Json = serde_json::from_str(&self.scene.run(&check).stdout).unwrap_or_default();
        let found: BTreeSet<&str> =
            report["errors"].as_array().into_iter().flatten().filter_map(|error| error["path"].as_str()).collect();
        for path in paths.difference(&found) {
            bad.push(format!("no error at {path:?}"));
        }
    }

    fn compare_compose(&self, compose: &str, result: &Json, bad: &mut Vec<String>) {
        let made = |path: &str| self.scene.made(&format!("{compose}/{path}"));
        for name in ["COMPOSE_ID", "STATUS"] {
            if made(name).as_deref() != result[name].as_str() {
                bad.push(format!("{name} {:?}, expected {}", made(name), result[name]));
            }
        }
        let listing = listing(&self.scene.target());
        if listing != list(&result["target_listing"]) {
            bad.push(format!("target holds {listing:?}"));
        }
        let tasks = names(&self.scene.target().join(compose).join("logs/global/koji-tasks"));
        // The two tasks of c34 get their ids in an order that Pungi leaves to chance.
        if tasks != list(&result["koji_tasks"]) && self.name != "c34_same_file_two_images" {
            bad.push(format!("koji tasks {tasks:?}, expected {}", result["koji_tasks"]));
        }
        let expected_text = |name: &str| std::fs::read_to_string(self.dir.join("expected").join(name)).ok();
        let images = made("compose/metadata/images.json").map(|text| mtime_now(&self.normal(&text)));
        if images != expected_text("images.json") {
            bad.push("images.json differs".to_owned());
        }
        let parsed = |text: Option<String>| text.map(|text| serde_json::from_str::<Json>(&text).expect("JSON"));
        let info = parsed(made("compose/metadata/composeinfo.json")).map(only_image_paths);
        if info != self.expected("composeinfo.json").map(only_image_paths) {
            bad.push("composeinfo.json differs".to_owned());
        }
        if parsed(made("work/global/composeinfo-base.json")) != self.expected("composeinfo-base.json") {
            bad.push("composeinfo-base.json differs".to_owned());
        }
        let deliverables = parsed(made("logs/global/deliverables.json")).map(sorted_lists);
        if deliverables != self.expected("deliverables.json").map(sorted_lists) {
            bad.push("deliverables.json differs".to_owned());
        }
        self.compare_files(compose, bad);
        if let Some(want) = self.expected("notifications.json") {
            let log = std::fs::read_to_string(self.scene.path().join("notify.log")).unwrap_or_default();
            let got: Vec<Json> = self
                .normal(&log)
                .lines()
                .filter_map(|line| line.split_once(' '))
                .map(|(message, object)| json!([message, serde_json::from_str::<Json>(object).expect("an object")]))
                .collect();
            let others = |all: Vec<Json>| all.into_iter().filter(|m| m[1]["phase_name"] != "init").collect::<Vec<_>>();
            let (mut got, mut want) = (others(got), others(want.as_array().cloned().unwrap_or_default()));
            // Phases run side by side, in any order.
            if self.args.iter().filter(|arg| *arg == "--just-phase").count() > 1 {
                got.sort_by_key(ToString::to_string);
                want.sort_by_key(ToString::to_string);
            }
            if got != want {
                bad.push("notifications differ".to_owned());
            }
        }
    }

    fn compare_files(&self, compose: &str, bad: &mut Vec<String>) {
        let ignored = list(&self.row["ignore"]);
        for file in self.expected("files.json").iter().flat_map(|files| files.as_array().cloned().unwrap_or_default()) {
            let name = file["path"].as_str().expect("a path");
            let base = name.rsplit('/').next().unwrap_or_default();
            let ours = name.starts_with("compose/") && (name.contains("/images/") || name.contains("/iso/"))
                || name.ends_with("SUM")
                || name.ends_with("CHECKSUM");
            if !ours || name.ends_with('/') || ignored.iter().any(|ignored| ignored == base) {
                continue;
            }
            let path = self.scene.target().join(compose).join(name);
            match std::fs::symlink_metadata(&path) {
                Err(_) => bad.push(format!("missing {name}")),
                Ok(meta) if meta.is_symlink() != file.get("link").is_some() => bad.push(format!("link kind of {name}")),
                Ok(_) => {
                    if let (Some(want), Ok(content)) = (file["sha256"].as_str(), std::fs::read(&path))
                        && hex(&Sha256::digest(content)) != want
                    {
                        bad.push(format!("contents of {name}"));
                    }
                }
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").expect("a string takes everything");
        out
    })
}

/// The names in a directory, sorted.
pub fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn listing(dir: &Path) -> Vec<String> {
    let arrow = |name: String| match std::fs::read_link(dir.join(&name)) {
        Ok(link) => format!("{name} -> {}", link.display()),
        Err(_) => name,
    };
    let mut all: Vec<String> = names(dir).into_iter().map(arrow).collect();
    all.sort();
    all
}

/// Images that were downloaded have the time of the download.
fn mtime_now(text: &str) -> String {
    let line = |line: &str| match line.trim_start().strip_prefix("\"mtime\": ") {
        Some(rest) if !rest.starts_with("1700000000") => {
            let digits = rest.trim_end_matches(',');
            line.replace(digits, "\"<NOW>\"")
        }
        _ => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// The trees of other phases are not ours.
fn only_image_paths(mut info: Json) -> Json {
    for variant in info["payload"]["variants"].as_object_mut().into_iter().flat_map(|map| map.values_mut()) {
        let paths = variant["paths"].as_object().cloned().unwrap_or_default();
        let kept: BTreeMap<_, _> =
            paths.into_iter().filter(|(field, _)| field == "images" || field == "isos").collect();
        variant["paths"] = json!(kept);
    }
    info
}

fn sorted_lists(mut deliverables: Json) -> Json {
    for lists in deliverables.as_object_mut().into_iter().flat_map(|map| map.values_mut()) {
        for list in lists.as_object_mut().into_iter().flat_map(|map| map.values_mut()) {
            if let Some(list) = list.as_array_mut() {
                list.sort_by_key(ToString::to_string);
            }
        }
    }
    deliverables
}

/// A git that knows one answer, as that of `compare.py`: the commit of REF at URL is the SHA-1 of "URL REF".
fn fake_git(scene: &Scene, fails: bool) {
    let text = if fails {
        "#!/bin/sh\nexit 128\n"
    } else {
        "#!/bin/sh\nwhile [ \"$1\" != ls-remote ]; do shift; done; shift\n[ \"$1\" != -- ] || shift\n\
         printf '%s\\t%s\\n' \"$(printf '%s %s' \"$1\" \"$2\" | sha1sum | cut -c1-40)\" \"$2\"\n"
    };
    let path = scene.write("bin/git", text);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("permissions");
}

/// Runs all cases of a set but those of `better`, in which Pungi has a bug, and `others`.
fn every_case_holds(set: &str, number: usize, others: &[&str]) {
    let rows = index(set);
    assert_eq!(rows.len(), number);
    let mut wrong = Vec::new();
    for row in rows.iter().filter(|row| row["verdict"] != "better") {
        let case = Case::new(set, row);
        if others.contains(&case.name.as_str()) {
            continue;
        }
        let bad = case.compare(&case.scene.run(&case.args));
        if !bad.is_empty() {
            wrong.push(format!("{}: {}", case.name, bad.join("; ")));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases do not hold:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn every_case_of_osbuild_holds() {
    every_case_holds("pungi", 81, &[]);
}

#[test]
fn every_case_of_kiwibuild_and_imagebuilder_holds() {
    every_case_holds("phases", 51, &[]);
}

/// The hub of the recordings makes several builds of one name, version and release; a real one refuses the second (facts: recordings 4),
/// and so does a check before anything is submitted.
const SAME_BUILD: [&str; 2] = ["bi09_repos", "lm09_repos"];

#[test]
fn every_case_of_live_media_and_image_build_holds() {
    every_case_holds("phases3", 80, &SAME_BUILD);
    for name in SAME_BUILD {
        let case = Case::of("phases3", name);
        let ran = case.scene.run(&case.args);
        assert_eq!(ran.status, Some(1));
        assert!(ran.stderr.contains("error[MG210]"), "{}", ran.stderr);
        assert_eq!(listing(&case.scene.target()), Vec::<String>::new());
    }
}
