//! Killed in the middle of a record of the journal, and with a disk that is full from a certain step on: a few of the steps that
//! `tests/torture` goes through one by one, hit by the same library.

use crate::resume::Story;
use magudi_testkit::repository;
use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const SCENARIO: &str = r#"{"task_seconds": [0, 0.3]}"#;

/// The library, compiled.
pub fn saboteur(dir: &Path) -> PathBuf {
    let library = dir.join("saboteur.so");
    let source = repository().join("tests/torture/saboteur.c");
    let compiled =
        Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).arg("-ldl").status();
    assert!(compiled.unwrap().success());
    library
}

fn sabotaged(story: &Story, library: &Path, variables: &[(&str, &str)]) -> Output {
    story
        .command(&["run", "--config", "test.conf", "--test", "--koji-config", "koji.conf", "--koji-user", "compose"])
        .args(["--target-dir", "target"])
        .env("LD_PRELOAD", library)
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

fn calm() -> BTreeMap<PathBuf, String> {
    let calm = Story::new(SCENARIO);
    assert!(calm.begin("target").wait().unwrap().success());
    calm.published()
}

#[test]
fn killed_in_the_middle_of_a_record_and_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let (library, want) = (saboteur(dir.path()), calm());
    // While the plan is said, while images are submitted, while tasks end, while files are fetched.
    for (record, how) in
        [("1", "torn"), ("9", "after"), ("30", "torn"), ("41", "after"), ("90", "torn"), ("150", "after")]
    {
        let story = Story::new(SCENARIO);
        let variables =
            [("SABOTAGE_FILE", "logs/global/magudi-journal.jsonl"), ("SABOTAGE_AT", record), ("SABOTAGE_HOW", how)];
        let output = sabotaged(&story, &library, &variables);
        assert_eq!(output.status.signal(), Some(9), "record {record}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(story.go_on().wait().unwrap().success(), "record {record}: {:?}", story.resume("target", &[]));
        story.is_as_if_nothing_had_happened(&want);
    }
}

#[test]
fn a_disk_that_is_full_is_told_and_leaves_nothing_half_done() {
    let dir = tempfile::tempdir().unwrap();
    let (library, want) = (saboteur(dir.path()), calm());
    for step in ["25", "120", "300", "450", "600"] {
        let story = Story::new(SCENARIO);
        let target = story.scene.target().canonicalize().unwrap().display().to_string();
        let variables = [("SABOTAGE_DIR", target.as_str()), ("SABOTAGE_AT", step), ("SABOTAGE_HOW", "full")];
        let output = sabotaged(&story, &library, &variables);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "step {step}: {stderr}");
        assert!(stderr.contains("No space left on device"), "step {step}: {stderr}");
        let compose = story.compose("target").unwrap();
        assert!(!compose.join("compose/metadata/images.json").exists(), "step {step}");
        let temporary = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with('.');
        assert_eq!(crate::program::files(&compose).into_iter().find(temporary), None, "step {step}");
        assert!(story.go_on().wait().unwrap().success(), "step {step}: {:?}", story.resume("target", &[]));
        story.is_as_if_nothing_had_happened(&want);
    }
}
