//! Repositories that a builder cannot reach: local paths, and those of the compose that are not there. One rule for all phases.

use crate::five_phases;
use crate::program::{Hub, Ran, Scene, image};
use serde_json::{Value as Json, json};

const COMPOSE: &str = "target/there";

/// What Pungi leaves of a compose, and `os` trees of Server for `arches`, whole with repositories and trees.
fn pungi_was_here(scene: &Scene, status: &str, arches: &[&str]) {
    scene.write(&format!("{COMPOSE}/STATUS"), status);
    scene.write(&format!("{COMPOSE}/COMPOSE_ID"), "Test-9.2-20240229.t.0");
    for arch in arches {
        let os = format!("{COMPOSE}/compose/Server/{arch}/os");
        scene.write(&format!("{os}/repodata/repomd.xml"), "<repomd><location href=\"repodata/p.xml\"/></repomd>");
        scene.write(&format!("{os}/repodata/p.xml"), "<metadata/>");
        scene.write(&format!("{os}/.treeinfo"), "[header]\n");
    }
}

/// `magudi run` at a hub of another process.
fn run(scene: &Scene, more: &[&str]) -> (Ran, Hub) {
    let hub = Hub::start(scene, &[]);
    let mut command = scene.command();
    command.args(["run", "--config", "test.conf", "--test", "--koji-config", "koji.conf", "--koji-user", "compose"]);
    let ran = command.args(more).env("MAGUDI_KOJI_PASSWORD", "composepass").output().unwrap();
    (Ran::from(ran), hub)
}

fn in_compose<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["--compose-dir", COMPOSE, "--reopen"], more].concat()
}

/// The exit status of a verb that looks, and its diagnostics with an id of ours.
fn look(scene: &Scene, verb: &str, more: &[&str]) -> (Option<i32>, Vec<Json>) {
    let ran = scene.run([&[verb, "--config", "test.conf", "--test", "--format", "json"], more].concat());
    let report: Json = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    let lists = ["errors", "warnings", "diagnostics"].into_iter().filter_map(|list| report[list].as_array()).flatten();
    let is_ours = |found: &&Json| found["id"] == "MG219" || found["id"] == "MG313";
    (ran.status, lists.filter(is_ours).cloned().collect())
}

fn text<'j>(found: &'j Json, key: &str) -> &'j str {
    found[key].as_str().unwrap_or_default()
}

#[test]
fn a_local_path_is_warned_of_where_it_stands_unless_it_is_mapped_to_a_url() {
    let scene = Scene::new();
    let of = |name: &str, repo: &str| image(name, &format!("\"subvariant\": \"{name}\", \"repo\": [{repo}]"));
    let images = [
        of("disk", "\"https://example.com/a\", \"/mnt/repos/../repos/extra/\""),
        of("cloud", "{\"baseurl\": \"/mnt/repos/extra\"}, \"FILE:///srv/b\""),
        of("plain", "\"Server\", \"https://example.com/a\""),
    ];
    scene.write_compose("", &["x86_64"], &images);
    for verb in ["check", "plan"] {
        let (status, found) = look(&scene, verb, &[]);
        assert_eq!(status, Some(0), "{found:#?}");
        let all: Vec<(&str, &str)> = found.iter().map(|found| (text(found, "path"), text(found, "message"))).collect();
        assert_eq!(
            all,
            [
                (
                    "osbuild.^Server$.0.repo.1",
                    "image `disk` and 1 more are built from `/mnt/repos/extra`, a local path that builders may not have"
                ),
                (
                    "osbuild.^Server$.1.repo.1",
                    "image `cloud` is built from `FILE:///srv/b`, a local path that builders may not have"
                ),
            ]
        );
        let line = std::fs::read_to_string(scene.path().join("test.conf")).unwrap();
        let line = line.lines().position(|line| line.contains("/mnt/repos/../")).unwrap() + 1;
        assert!(text(&found[0], "file").ends_with("test.conf") && found[0]["severity"] == "warning", "{found:#?}");
        assert_eq!(found[0]["line"], json!(line));
        assert!(found[0]["column"].as_u64().is_some_and(|column| column > 40), "{found:#?}");
    }
    // To another path, and to a URL. What stands for a path is never mapped.
    for (to, left) in [("/builders/repos", "/builders/repos/extra"), ("https://example.com/repos", "FILE:///srv/b")] {
        scene.write_compose(&format!("translate_paths = [(\"/mnt/repos\", \"{to}\")]\n"), &["x86_64"], &images);
        let (_, found) = look(&scene, "check", &[]);
        assert!(text(&found[0], "message").contains(&format!("`{left}`")), "{found:#?}");
        assert_eq!(found.len(), if to.starts_with('/') { 2 } else { 1 });
    }
    // Builders may have the path all the same.
    let (ran, hub) = run(&scene, &["--target-dir", "target"]);
    assert_eq!((ran.status, hub.tasks().len()), (Some(0), 3), "{}", ran.stderr);
    assert!(ran.stderr.contains("warning[MG219]"), "{}", ran.stderr);
}

#[test]
fn every_phase_is_warned_for_a_local_path() {
    let sections = [
        ("osbuild", r#"{"name": "a", "distro": "d", "image_types": "qcow2", "target": "t", "repo": ["/mnt/x"]}"#),
        (
            "kiwibuild",
            r#"{"kiwi_profile": "a", "target": "t", "description_scm": "https://x/y#f", "description_path": "p", "repos": ["/mnt/x"]}"#,
        ),
        ("imagebuilder", r#"{"name": "a", "types": ["qcow2"], "target": "t", "repos": ["/mnt/x"]}"#),
        ("live_media", r#"{"name": "a", "target": "t", "kickstart": "k", "ksurl": "https://x/y#f", "repo": "/mnt/x"}"#),
        (
            "image_build",
            r#"{"image-build": {"name": "a", "target": "t", "kickstart": "k", "ksurl": "https://x/y#f", "distro": "F-1", "format": ["qcow2"], "repo": ["/mnt/x"]}}"#,
        ),
        (
            "image_build",
            r#"{"image-build": {"name": "a", "target": "t", "kickstart": "k", "ksurl": "https://x/y#f", "distro": "F-1", "format": ["qcow2"], "install_tree_from": "/mnt/x"}}"#,
        ),
    ];
    for (phase, image) in sections {
        let scene = Scene::new();
        scene.write_compose(&format!("{phase} = {{\"^Server$\": [{image}]}}\n"), &["x86_64"], &[]);
        let plain = std::fs::read_to_string(scene.path().join("test.conf")).unwrap();
        scene.write("test.conf", &plain.replace("osbuild = {\"^Server$\": []}\n", ""));
        let (status, found) = look(&scene, "check", &[]);
        assert_eq!((status, found.len()), (Some(0), 1), "{phase}: {found:#?}");
        assert!(text(&found[0], "message").starts_with("image `a` is built from `/mnt/x`"), "{found:#?}");
        scene.write("more.conf", "from test import *\ntranslate_paths = [('/mnt', 'https://example.com')]\n");
        let ran = scene.run(["check", "--config", "more.conf"]);
        assert!(!ran.stderr.contains("MG219"), "{}", ran.stderr);
    }
}

#[test]
fn what_is_not_in_the_compose_is_warned_of_and_refused_by_run() {
    let scene = five_phases::scene();
    pungi_was_here(&scene, "FINISHED\n", &["aarch64"]);
    for verb in ["check", "plan"] {
        let (status, found) = look(&scene, verb, &in_compose(&[]));
        assert_eq!(status, Some(0), "{found:#?}");
        let found: Vec<Json> = found.into_iter().filter(|found| found["id"] == "MG313").collect();
        // Two phases install from a tree as well.
        assert_eq!(found.len(), 2, "{found:#?}");
        for found in &found {
            assert!(found["severity"] == "warning" && found["line"].is_u64(), "{found:#?}");
            assert!(text(found, "message").ends_with("Server/x86_64/os/repodata/repomd.xml"), "{found:#?}");
        }
        let who = |found: &Json| text(found, "message").split(" are built").next().unwrap().to_owned();
        let who: Vec<String> = found.iter().map(who).collect();
        assert!(who.contains(&"image disk0 and 8 more".to_owned()), "{who:?}");
        assert!(who.contains(&"image L0 and 5 more".to_owned()), "{who:?}");
    }
    let before = crate::program::files(&scene.target());
    let (ran, hub) = run(&scene, &in_compose(&[]));
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("error[MG313]") && ran.stderr.contains("--wait-for-repos"), "{}", ran.stderr);
    assert_eq!(five_phases::tasks(&hub), 0);
    assert_eq!(crate::program::files(&scene.target()), before, "nothing is touched");
    drop(hub);
    // The index alone is not a repository.
    scene
        .write(&format!("{COMPOSE}/compose/Server/x86_64/os/repodata/repomd.xml"), "<location href='repodata/p.xml'/>");
    assert_eq!(run(&scene, &in_compose(&[])).0.status, Some(1));
    let waits = ["--wait-for-repos=1s", "--just-phase", "kiwibuild"];
    let (ran, _) = run(&scene, &in_compose(&waits));
    assert!(!ran.stderr.contains("MG313") && ran.stderr.contains("did not appear within"), "{}", ran.stderr);
}

#[test]
fn a_compose_that_is_sent_as_a_local_path_is_warned_of() {
    let scene = five_phases::scene();
    pungi_was_here(&scene, "FINISHED\n", &["x86_64"]);
    for verb in ["check", "plan"] {
        let (status, found) = look(&scene, verb, &in_compose(&[]));
        let [found] = &found[..] else { panic!("{found:#?}") };
        assert_eq!((status, text(found, "id"), text(found, "severity")), (Some(0), "MG219", "warning"));
        let sent = scene.path().join(COMPOSE).join("compose");
        let message = format!("and all 14 others are built from `{}`", sent.display());
        assert!(text(found, "message").contains(&message) && found["line"].is_u64(), "{found:#}");
    }
    let plain = std::fs::read_to_string(scene.path().join("test.conf")).unwrap();
    let pair = format!("translate_paths = [(\"{}\", \"https://example.com\")]\n", scene.path().display());
    scene.write("test.conf", &format!("{pair}{plain}"));
    assert_eq!(look(&scene, "plan", &in_compose(&[])), (Some(0), vec![]));
    let (ran, hub) = run(&scene, &in_compose(&["--just-phase", "osbuild"]));
    assert_eq!((ran.status, hub.tasks().len()), (Some(0), 3), "{}", ran.stderr);
    assert!(!ran.stderr.contains("MG219"), "{}", ran.stderr);
}

#[test]
fn images_that_may_fail_are_tried() {
    let scene = Scene::new();
    scene.write_compose("", &["x86_64"], &[image("disk", "\"failable\": [\"*\"]")]);
    pungi_was_here(&scene, "FINISHED\n", &[]);
    let (ran, hub) = run(&scene, &in_compose(&[]));
    assert_eq!((ran.status, hub.tasks().len()), (Some(0), 1), "{}", ran.stderr);
    assert!(ran.stderr.contains("warning[MG313]"), "{}", ran.stderr);
}

/// A simulated hub builds from nothing, and a compose of images alone has no repositories.
#[test]
fn where_nothing_is_built_from_the_compose_nothing_is_refused() {
    let scene = Scene::new();
    scene.write_compose("", &["x86_64"], &[image("disk", "\"release\": \"1\"")]);
    pungi_was_here(&scene, "FINISHED\n", &[]);
    let simulated = ["run", "--config", "test.conf", "--test", "--simulate"];
    let ran = scene.run([&simulated[..], &in_compose(&[])].concat());
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("warning[MG313]"), "{}", ran.stderr);
    for more in [&[][..], &["--reopen"]] {
        let (ran, _) = run(&scene, &[&["--compose-dir", "target/new"], more].concat());
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        assert!(!ran.stderr.contains("MG313"), "{}", ran.stderr);
    }
}

/// A compose that was begun, whose repositories are gone when it is resumed.
#[test]
fn a_resume_is_refused_as_well_and_changes_nothing() {
    let scene = Scene::new();
    let images = ["disk", "cloud"].map(|name| image(name, &format!("\"subvariant\": \"{name}\"")));
    scene.write_compose("", &["x86_64", "aarch64"], &images);
    pungi_was_here(&scene, "FINISHED\n", &["aarch64", "x86_64"]);
    scene.write("scenario.json", &json!({"fail": {"disk": {"rc": 1, "out": "no"}}}).to_string());
    let hub = Hub::start(&scene, &["--scenario", "scenario.json"]);
    let mut command = scene.command();
    command.args(["run", "--config", "test.conf", "--test", "--koji-config", "koji.conf", "--koji-user", "compose"]);
    let ran = command.args(in_compose(&[])).env("MAGUDI_KOJI_PASSWORD", "composepass").output().unwrap();
    assert_eq!(Ran::from(ran).status, Some(1));
    assert_eq!(hub.tasks().len(), 2);
    std::fs::remove_dir_all(scene.path().join(COMPOSE).join("compose/Server/x86_64/os")).unwrap();
    let mut command = scene.command();
    command.args(["resume", COMPOSE, "--rebuild", "disk"]).env("MAGUDI_KOJI_PASSWORD", "composepass");
    let ran = Ran::from(command.output().unwrap());
    assert_eq!((ran.status, hub.tasks().len()), (Some(1), 2), "{}", ran.stderr);
    assert!(ran.stderr.contains("error[MG313]") && ran.stderr.contains("image disk is built"), "{}", ran.stderr);
    assert!(ran.stderr.contains("Server/x86_64/os") && !ran.stderr.contains("aarch64"), "{}", ran.stderr);
}
