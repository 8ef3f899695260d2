//! Bad input ends with one clear message that says what and where, the right exit status, and nothing half-written.

use crate::program::{Ran, Scene, files};

const VARIANTS: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<variants>
  <variant id="Server" name="Server" type="variant"><arches><arch>x86_64</arch><arch>aarch64</arch></arches></variant>
</variants>
"#;

const HEAD: &str = r#"release_name = "Test Release"
release_short = "Test"
release_version = "9.2"
variants_file = "variants.xml"
pkgset_source = "koji"
pkgset_koji_tag = "test-tag"
gather_method = "deps"
koji_profile = "devhub"
"#;

const IMAGE: &str = r#"osbuild = {
    "^Server$": [{"name": "disk", "distro": "fedora-42", "image_types": ["qcow2"], "target": "f42-image"}],
}
"#;

fn scene(osbuild: &str) -> Scene {
    let scene = Scene::new();
    scene.write("test.conf", &format!("{HEAD}{osbuild}"));
    scene.write("variants.xml", VARIANTS);
    scene
}

fn run(scene: &Scene, more: &[&str]) -> Ran {
    let target = scene.target().display().to_string();
    scene.run([&["run", "--config", "test.conf", "--target-dir", &target, "--test"], more].concat())
}

/// No compose was begun.
fn nothing_made(scene: &Scene) {
    assert_eq!(files(&scene.target()), Vec::<std::path::PathBuf>::new());
}

/// The compose was begun and is doomed; nothing that looks finished was written, and nothing half-written is left.
fn doomed(scene: &Scene) {
    let name = "Test-9.2-20240229.t.0";
    assert_eq!(scene.made(&format!("{name}/STATUS")).as_deref(), Some("DOOMED\n"));
    for file in files(&scene.target()) {
        let file = file.display().to_string();
        assert!(!file.contains("/metadata/"), "{file}");
        assert!(!file.contains("/.magudi-") && !file.ends_with(".tmp"), "{file}");
    }
    assert!(!scene.target().join("latest-Test-9").exists());
}

#[test]
fn a_syntax_error_names_the_place() {
    let scene = scene("osbuild = {\n    \"^Server$\": [{\"name\": ?}],\n}\n");
    let ran = run(&scene, &["--simulate"]);
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("test.conf:10:27"), "{}", ran.stderr);
    nothing_made(&scene);
}

#[test]
fn an_unknown_variant_in_repo_names_the_place_and_a_near_one() {
    let scene = scene(&IMAGE.replace("\"target\"", "\"repo\": [\"Serverr\"], \"target\""));
    let ran = run(&scene, &["--simulate"]);
    assert_eq!(ran.status, Some(1));
    assert!(ran.stderr.contains("there is no variant `Serverr`"), "{}", ran.stderr);
    assert!(ran.stderr.contains("test.conf:10:"), "{}", ran.stderr);
    assert!(ran.stderr.contains("did you mean `Server`?"), "{}", ran.stderr);
    nothing_made(&scene);
}

#[test]
fn a_missing_variants_file_is_shown_where_it_is_named() {
    let scene = scene(IMAGE);
    std::fs::remove_file(scene.path().join("variants.xml")).unwrap();
    let ran = run(&scene, &["--simulate"]);
    assert_eq!(ran.status, Some(1));
    assert!(ran.stderr.contains("test.conf:4:17"), "{}", ran.stderr);
    assert!(ran.stderr.contains("variants.xml"), "{}", ran.stderr);
    nothing_made(&scene);
}

#[test]
fn a_missing_configuration_is_named() {
    let scene = Scene::new();
    let ran = run(&scene, &["--simulate"]);
    assert_eq!(ran.status, Some(1));
    assert!(ran.stderr.contains("test.conf"), "{}", ran.stderr);
    nothing_made(&scene);
}

#[test]
fn a_missing_target_directory_is_a_usage_error() {
    let scene = scene(IMAGE);
    let ran = scene.run(["run", "--config", "test.conf", "--target-dir", "nowhere", "--test", "--simulate"]);
    assert_eq!(ran.status, Some(2));
    assert!(ran.stderr.contains("nowhere"), "{}", ran.stderr);
}

#[test]
fn a_hub_that_is_not_there_dooms_the_compose() {
    let scene = scene(IMAGE);
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let profile = format!(
        "[devhub]\nserver = http://127.0.0.1:{port}/kojihub\nauthtype = password\nmax_retries = 1\nretry_interval = 1\n"
    );
    scene.write("koji.conf", &profile);
    let target = scene.target().display().to_string();
    let output = scene
        .command()
        .args(["run", "--config", "test.conf", "--target-dir", &target, "--test"])
        .args(["--koji-config", "koji.conf", "--koji-user", "compose"])
        .env("MAGUDI_KOJI_PASSWORD", "composepass")
        .output()
        .unwrap();
    let ran = Ran::from(output);
    assert_eq!(ran.status, Some(1));
    assert!(ran.stderr.contains(&format!("127.0.0.1:{port}")), "{}", ran.stderr);
    assert!(!ran.stderr.contains("composepass"), "{}", ran.stderr);
    doomed(&scene);
}

#[test]
fn a_user_without_a_password_is_a_usage_error() {
    let scene = scene(IMAGE);
    scene.write("koji.conf", "[devhub]\nserver = http://127.0.0.1:1/kojihub\n");
    let ran = run(&scene, &["--koji-config", "koji.conf", "--koji-user", "compose"]);
    assert_eq!(ran.status, Some(2));
    assert!(ran.stderr.contains("MAGUDI_KOJI_PASSWORD"), "{}", ran.stderr);
    nothing_made(&scene);
}

#[test]
fn a_refused_login_is_said_once() {
    let scene = scene(IMAGE);
    scene.write("scenario.json", r#"{"login_error": "account expired"}"#);
    let ran = run(&scene, &["--simulate=scenario.json"]);
    assert_eq!(ran.status, Some(1));
    assert_eq!(ran.stderr.matches("account expired").count(), 1, "{}", ran.stderr);
    doomed(&scene);
}

#[test]
fn a_checksum_that_does_not_fit_names_the_file_and_both_sums() {
    let scene = scene(IMAGE);
    scene.write("scenario.json", r#"{"flip_bytes": ["disk-9.2-1.x86_64.qcow2"]}"#);
    let ran = run(&scene, &["--simulate=scenario.json"]);
    assert_eq!(ran.status, Some(1));
    assert!(ran.stderr.contains("disk-9.2-1.x86_64.qcow2 has the md5 checksum"), "{}", ran.stderr);
    assert!(ran.stderr.contains("image disk of variant Server"), "{}", ran.stderr);
    doomed(&scene);
    let linked = files(&scene.target()).into_iter().any(|file| {
        let file = file.display().to_string();
        file.contains("/compose/Server/x86_64/images/disk")
    });
    assert!(!linked, "a damaged file is in the compose");
}

#[test]
fn a_failed_task_names_task_image_and_reason() {
    let scene = scene(IMAGE);
    scene.write("scenario.json", r#"{"fail": {"disk": {"rc": 1, "out": "no space left on device"}}}"#);
    let ran = run(&scene, &["--simulate=scenario.json"]);
    assert_eq!(ran.status, Some(1));
    for part in
        ["OSBuild task 1", "of image disk of variant Server failed", "no space left on device", "watch-task.log"]
    {
        assert!(ran.stderr.contains(part), "{part:?} is not in: {}", ran.stderr);
    }
    doomed(&scene);
}

#[test]
fn a_refused_submission_names_the_image_and_the_fault() {
    let scene = scene(IMAGE);
    scene.write("scenario.json", r#"{"submit_error": {"disk": "policy says no"}}"#);
    let ran = run(&scene, &["--simulate=scenario.json"]);
    assert_eq!(ran.status, Some(1));
    assert!(ran.stderr.contains("image disk of variant Server was not submitted"), "{}", ran.stderr);
    assert!(ran.stderr.contains("policy says no"), "{}", ran.stderr);
    doomed(&scene);
}

#[test]
fn a_broken_scenario_is_refused_before_anything_is_made() {
    let scene = scene(IMAGE);
    scene.write("scenario.json", "{\"fail\": [}");
    let ran = run(&scene, &["--simulate=scenario.json"]);
    assert_eq!(ran.status, Some(1));
    assert!(ran.stderr.contains("scenario.json"), "{}", ran.stderr);
    nothing_made(&scene);
}
