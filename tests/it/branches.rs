//! Branches in URLs: one commit for a compose, from its beginning to the end of its last resume.

use crate::program::{Hub, Ran, Scene};
use std::os::unix::fs::PermissionsExt as _;

const ONE: &str = "1111111111111111111111111111111111111111";
const TWO: &str = "2222222222222222222222222222222222222222";

fn git(scene: &Scene, text: &str) {
    let path = scene.write("bin/git", &format!("#!/bin/sh\n{text}\n"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("permissions");
}

/// A git that answers with one commit, and writes down what it is asked.
fn git_at(scene: &Scene, commit: &str) {
    let asked = scene.path().join("asked");
    git(scene, &format!("echo \"$*\" >>{}\nprintf '{commit}\\tHEAD\\n'", asked.display()));
}

fn asked(scene: &Scene) -> Vec<String> {
    let text = std::fs::read_to_string(scene.path().join("asked")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn scene() -> Scene {
    let scene = Scene::new();
    scene.write_compose("", &["x86_64"], &[]);
    let config = scene.path().join("test.conf");
    let text = std::fs::read_to_string(&config).expect("a configuration");
    let images = "live_media_ksurl = 'git+https://me:hunter2@git.example.com/ks.git?#HEAD'\n\
         live_media_target = 'f42'\n\
         live_media = {'^Server$': [{'name': 'Live', 'kickstart': 'a.ks', 'release': '1'}, \
         {'name': 'Other', 'kickstart': 'a.ks', 'release': '1', 'subvariant': 'Other'}]}\n";
    std::fs::write(config, format!("{text}{images}")).expect("a configuration");
    scene
}

fn plan(scene: &Scene, more: &[&str]) -> Ran {
    let args = ["plan", "--config", "test.conf", "--test", "--target-dir", "target", "--format", "json"];
    scene.run(args.iter().chain(more))
}

#[test]
fn a_plan_asks_only_when_it_is_told_to() {
    let scene = scene();
    git_at(&scene, ONE);
    let written = plan(&scene, &[]);
    assert!(written.stdout.contains("ks.git?#HEAD") && asked(&scene).is_empty(), "{written:?}");
    let resolved = plan(&scene, &["--resolve"]);
    assert!(resolved.stdout.contains(&format!("ks.git?#{ONE}")), "{resolved:?}");
    assert_eq!(asked(&scene), ["ls-remote -- https://me:hunter2@git.example.com/ks.git HEAD"], "once for all images");
}

#[test]
fn a_resume_builds_from_the_commit_that_the_compose_began_with() {
    let scene = scene();
    git_at(&scene, ONE);
    scene.write("scenario.json", r#"{"targets": ["f42"], "child_fail": {"Other": ["x86_64"]}}"#);
    let hub = Hub::start(&scene, &["--scenario", "scenario.json"]);
    let run = |args: &[&str]| {
        let koji = ["--koji-config", "koji.conf", "--koji-user", "compose"];
        let mut command = scene.command();
        command.args(args).args(koji).env("MAGUDI_KOJI_PASSWORD", "composepass");
        Ran::from(command.output().expect("the program starts"))
    };
    let ran = run(&["run", "--config", "test.conf", "--test", "--target-dir", "target"]);
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
    let said = format!("git+https://git.example.com/ks.git?#HEAD is commit {ONE}");
    assert!(ran.stderr.contains(&said), "{}", ran.stderr);
    drop(hub);
    git_at(&scene, TWO);
    scene.write("scenario.json", r#"{"targets": ["f42"]}"#);
    let hub = Hub::start(&scene, &["--scenario", "scenario.json"]);
    let compose = scene.target().join("Test-9.2-20240229.t.0");
    let ran = run(&["resume", &compose.display().to_string(), "--retry-failed", "--hub-moved"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains(&said) && !ran.stderr.contains(TWO), "{}", ran.stderr);
    assert_eq!(asked(&scene).len(), 1);
    // The commits are kept, and not who may read the repository.
    for name in ["magudi-journal.jsonl", "pungi.global.log"] {
        let text = std::fs::read_to_string(compose.join("logs/global").join(name)).expect(name);
        assert!(text.contains(ONE) && !text.contains("hunter2"), "{name}");
    }
    drop(hub);
}

#[test]
fn a_branch_that_is_not_there_leaves_nothing() {
    let scene = scene();
    git(&scene, "echo 'fatal: no such repository: https://me:hunter2@git.example.com/ks.git' >&2\nexit 128");
    let ran = scene.run(["run", "--config", "test.conf", "--test", "--target-dir", "target", "--simulate"]);
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
    let message = ran.stderr.lines().find(|line| line.contains("error[MG312]")).expect("an error");
    assert!(message.contains("no such repository: https://git.example.com/ks.git"), "{message}");
    assert_eq!(std::fs::read_dir(scene.target()).expect("a directory").count(), 0);
}
