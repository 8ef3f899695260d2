//! Running beside Pungi: the other phases have left a compose, ours are added, nothing of theirs is lost.

use crate::program::{Ran, Scene};
use serde_json::{Value as Json, json};
use std::path::PathBuf;

pub const COMPOSE: &str = "target/mine";

pub fn config(scene: &Scene, images: &str) -> String {
    let text = format!(
        "release_name = \"Test\"\nrelease_short = \"Test\"\nrelease_version = \"9.2\"\nvariants_file = \"variants.xml\"\n\
         pkgset_source = \"koji\"\npkgset_koji_tag = \"t\"\ngather_method = \"deps\"\nglobal_target = \"f42-image\"\n\
         media_checksums = [\"sha256\"]\nosbuild = {{\"^Server$\": [{images}]}}\n"
    );
    scene.write(
        "variants.xml",
        "<variants><variant id=\"Server\" name=\"Server\" type=\"variant\"><arches><arch>x86_64</arch></arches></variant>\
         </variants>",
    );
    scene.write("test.conf", &text).display().to_string()
}

pub fn image(name: &str) -> String {
    format!(
        "{{\"name\": \"{name}\", \"distro\": \"fedora-42\", \"image_types\": [\"qcow2\"], \"subvariant\": \"{name}\", \
         \"release\": \"1\"}}"
    )
}

pub fn run(scene: &Scene, config: &str, more: &[&str]) -> Ran {
    scene.run([&["run", "--config", config, "--compose-dir", COMPOSE, "--test", "--simulate"], more].concat())
}

pub fn path(scene: &Scene, name: &str) -> PathBuf {
    scene.path().join(COMPOSE).join(name)
}

pub fn read(scene: &Scene, name: &str) -> Json {
    let text = std::fs::read_to_string(path(scene, name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::from_str(&text).unwrap()
}

fn paths(images: &Json) -> Vec<&str> {
    let arches =
        images["payload"]["images"].as_object().unwrap().values().flat_map(|v| v.as_object().unwrap().values());
    arches.flat_map(|list| list.as_array().unwrap()).map(|image| image["path"].as_str().unwrap()).collect()
}

/// What the other phases of Pungi left: an ISO beside ours, one of another variant, trees, deliverables.
fn pungi_was_here(scene: &Scene) {
    let iso = |path: &str, sum: &str| {
        json!({
            "arch": "x86_64", "bootable": true, "checksums": {"sha256": sum}, "disc_count": 1, "disc_number": 1,
            "format": "iso", "implant_md5": "0".repeat(32), "mtime": 1_700_000_001, "path": path, "size": 7,
            "subvariant": path.split('/').next(), "type": "dvd", "volume_id": "Test-9.2", "x-note": "of another tool"
        })
    };
    let images = json!({
        "header": {"type": "productmd.images", "version": "1.2"},
        "payload": {
            "compose": {"date": "20240229", "id": "Test-9.2-20240229.t.0", "respin": 0, "type": "test"},
            "images": {
                "Server": {"x86_64": [iso("Server/x86_64/images/Pungi.iso", &"a".repeat(64))]},
                "Other": {"x86_64": [iso("Other/x86_64/iso/Other.iso", &"b".repeat(64))]}
            }
        }
    });
    scene.write(&format!("{COMPOSE}/compose/metadata/images.json"), &images.to_string());
    scene.write(&format!("{COMPOSE}/compose/Server/x86_64/images/Pungi.iso"), "an iso");
    let info = json!({
        "header": {"type": "productmd.composeinfo", "version": "1.2"},
        "payload": {
            "compose": {"date": "20240229", "id": "Test-9.2-20240229.t.0", "respin": 0, "type": "test"},
            "release": {"internal": false, "name": "Test", "short": "Test", "type": "ga", "version": "9.2"},
            "variants": {"Server": {
                "arches": ["x86_64"], "id": "Server", "name": "Server", "type": "variant", "uid": "Server",
                "paths": {"os_tree": {"x86_64": "Server/x86_64/os"}}
            }}
        }
    });
    scene.write(&format!("{COMPOSE}/compose/metadata/composeinfo.json"), &info.to_string());
    let deliverables = json!({"required": {"iso": [["Server", "x86_64", null]]}, "failed": {}, "attempted": {}});
    scene.write(&format!("{COMPOSE}/logs/global/deliverables.json"), &deliverables.to_string());
    scene.write(&format!("{COMPOSE}/STATUS"), "FINISHED_INCOMPLETE\n");
}

#[test]
fn nothing_of_pungis_is_lost_and_our_images_are_added() {
    let scene = Scene::new();
    pungi_was_here(&scene);
    let ran = run(&scene, &config(&scene, &image("disk")), &["--reopen"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_eq!(std::fs::read_to_string(path(&scene, "STATUS")).unwrap(), "FINISHED_INCOMPLETE\n", "Pungi's word stays");
    let images = read(&scene, "compose/metadata/images.json");
    assert_eq!(
        paths(&images),
        [
            "Other/x86_64/iso/Other.iso",
            "Server/x86_64/images/Pungi.iso",
            "Server/x86_64/images/disk-9.2-1.x86_64.qcow2"
        ]
    );
    let theirs = &images["payload"]["images"]["Server"]["x86_64"][0];
    assert_eq!(theirs["x-note"], "of another tool");
    assert_eq!(theirs["checksums"]["sha256"], "a".repeat(64), "what they say of their file stays");
    let info = read(&scene, "compose/metadata/composeinfo.json");
    let paths = &info["payload"]["variants"]["Server"]["paths"];
    assert_eq!(paths["os_tree"]["x86_64"], "Server/x86_64/os");
    assert_eq!(paths["images"]["x86_64"], "Server/x86_64/images");
    let deliverables = read(&scene, "logs/global/deliverables.json");
    assert_eq!(deliverables["required"]["iso"], json!([["Server", "x86_64", null]]));
    assert_eq!(deliverables["required"]["osbuild"], json!([["Server", "*", null]]));
    // A sum file covers every image of its directory.
    let sums = std::fs::read_to_string(path(&scene, "compose/Server/x86_64/images/SHA256SUM")).unwrap();
    assert!(sums.contains(&format!("SHA256 (Pungi.iso) = {}", "a".repeat(64))), "{sums}");
    assert!(sums.contains("SHA256 (disk-9.2-1.x86_64.qcow2)"), "{sums}");
    assert!(!path(&scene, "compose/Other/x86_64/iso/SHA256SUM").exists(), "a directory without an image of ours");
}

/// Pungi's image of the same subvariant, type, format and arch: readers refuse such a manifest, so there is a warning.
#[test]
fn images_that_cannot_be_told_apart_from_pungis_are_named() {
    let scene = Scene::new();
    pungi_was_here(&scene);
    let config = config(&scene, &image("disk").replace("\"subvariant\": \"disk\"", "\"manifest_type\": \"dvd\""));
    let archives = json!({"archives": {"disk": [{"type_name": "iso", "suffix": "iso"}]}});
    let scenario = scene.write("scenario.json", &archives.to_string());
    let simulate = format!("--simulate={}", scenario.display());
    let ran = scene.run(["run", "--config", &config, "--compose-dir", COMPOSE, "--test", &simulate, "--reopen"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let (ours, theirs) = ("Server/x86_64/iso/disk-9.2-1.x86_64.iso", "Server/x86_64/images/Pungi.iso");
    let warning = format!(
        "[WARNING ] Readers of images.json will refuse it: {ours} has the same subvariant Server, type dvd, format iso and arch \
         x86_64 as {theirs}"
    );
    assert!(ran.stderr.contains(&warning), "{}", ran.stderr);
    assert_eq!(paths(&read(&scene, "compose/metadata/images.json")).len(), 3);
}

#[test]
fn the_same_phase_again_replaces_its_own_images_and_no_others() {
    let scene = Scene::new();
    pungi_was_here(&scene);
    assert_eq!(run(&scene, &config(&scene, &[image("one"), image("two")].join(", ")), &["--reopen"]).status, Some(0));
    assert_eq!(paths(&read(&scene, "compose/metadata/images.json")).len(), 4);
    let ran = run(&scene, &config(&scene, &[image("two"), image("three")].join(", ")), &["--reopen"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_eq!(
        paths(&read(&scene, "compose/metadata/images.json")),
        [
            "Other/x86_64/iso/Other.iso",
            "Server/x86_64/images/Pungi.iso",
            "Server/x86_64/images/three-9.2-1.x86_64.qcow2",
            "Server/x86_64/images/two-9.2-1.x86_64.qcow2"
        ]
    );
    let sums = std::fs::read_to_string(path(&scene, "compose/Server/x86_64/images/SHA256SUM")).unwrap();
    assert!(!sums.contains("one-9.2-1"), "{sums}");
    let files = std::fs::read_dir(path(&scene, "compose/Server/x86_64/images")).unwrap().flatten();
    let names: Vec<String> = files.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    assert!(!names.iter().any(|name| name.starts_with("one-9.2-1")), "its file and its sum file are gone: {names:?}");
    assert!(names.iter().any(|name| name.starts_with("two-9.2-1")), "{names:?}");
}

/// Its directory has no other image: the sum files go too.
#[test]
fn an_image_that_was_renamed_takes_its_files_along() {
    let scene = Scene::new();
    assert_eq!(run(&scene, &config(&scene, &image("before")), &[]).status, Some(0));
    let iso = image("after").replace("\"subvariant\"", "\"manifest_type\": \"dvd\", \"subvariant\"");
    let archives = json!({"archives": {"after": [{"type_name": "iso", "suffix": "iso"}]}});
    let scenario = scene.write("scenario.json", &archives.to_string());
    let simulate = format!("--simulate={}", scenario.display());
    let config = config(&scene, &iso);
    let ran = scene.run(["run", "--config", &config, "--compose-dir", COMPOSE, "--test", &simulate, "--reopen"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_eq!(paths(&read(&scene, "compose/metadata/images.json")), ["Server/x86_64/iso/after-9.2-1.x86_64.iso"]);
    let left = std::fs::read_dir(path(&scene, "compose/Server/x86_64/images")).unwrap().count();
    assert_eq!(left, 0);
}

/// Of a phase that does not run this time nothing is lost.
#[test]
fn images_of_a_phase_that_is_skipped_stay() {
    let scene = Scene::new();
    let config = config(&scene, &image("disk"));
    let more = "kiwibuild = {\"^Server$\": [{\"kiwi_profile\": \"P\", \"target\": \"f42-kiwi\", \"subvariant\": \"K\", \
                \"description_scm\": \"git+https://e.com/k?#1\", \"description_path\": \"d.kiwi\", \"type\": \"oem\"}]}\n";
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text + more).unwrap();
    let ran = run(&scene, &config, &[]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let before: Vec<String> =
        paths(&read(&scene, "compose/metadata/images.json")).iter().map(ToString::to_string).collect();
    assert!(before.len() >= 2, "{before:?}");
    let ran = run(&scene, &config, &["--reopen", "--just-phase", "kiwibuild"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_eq!(paths(&read(&scene, "compose/metadata/images.json")), before);
    for image in before {
        assert!(path(&scene, &format!("compose/{image}")).exists(), "{image}");
    }
}

#[test]
fn a_finished_compose_is_changed_only_when_reopened() {
    let scene = Scene::new();
    let config = config(&scene, &image("disk"));
    assert_eq!(run(&scene, &config, &[]).status, Some(0));
    assert_eq!(std::fs::read_to_string(path(&scene, "STATUS")).unwrap(), "FINISHED\n");
    let before = std::fs::read(path(&scene, "logs/global/pungi.global.log")).unwrap();
    let refused = run(&scene, &config, &[]);
    assert_eq!(refused.status, Some(1));
    assert!(refused.stderr.contains("FINISHED") && refused.stderr.contains("--reopen"), "{}", refused.stderr);
    assert_eq!(std::fs::read(path(&scene, "logs/global/pungi.global.log")).unwrap(), before);
    for verb in ["check", "plan"] {
        let ask = |more: &[&str]| {
            scene.run([&[verb, "--config", &config, "--compose-dir", COMPOSE, "--test"], more].concat())
        };
        let refused = ask(&[]);
        assert_eq!(refused.status, Some(1), "{verb}");
        assert!(refused.stderr.contains("--reopen"), "{}", refused.stderr);
        let ran = ask(&["--reopen"]);
        assert_eq!(ran.status, Some(0), "{verb}: {}", ran.stderr);
        let other = scene.run(["check", "--config", &config, "--compose-dir", COMPOSE, "--nightly", "--reopen"]);
        assert!(other.stderr.contains("--nightly contradicts the compose"), "{}", other.stderr);
    }
    assert_eq!(run(&scene, &config, &["--reopen"]).status, Some(0));
}

/// Whatever made it, and whatever it says: it is not opened by mistake, and not called better than it was.
#[test]
fn the_word_of_whoever_made_the_compose_stays() {
    for (status, code, end) in
        [("DOOMED", 1, "DOOMED"), ("TERMINATED", 1, "TERMINATED"), ("FINISHED_INCOMPLETE", 0, "FINISHED_INCOMPLETE")]
    {
        let scene = Scene::new();
        pungi_was_here(&scene);
        scene.write(&format!("{COMPOSE}/STATUS"), &format!("{status}\n"));
        let config = config(&scene, &image("disk"));
        let refused = run(&scene, &config, &[]);
        assert_eq!(refused.status, Some(1));
        let part = format!("is {status}, and was made by another program; give --reopen");
        assert!(refused.stderr.contains(&part), "{}", refused.stderr);
        assert!(!path(&scene, "logs/global/magudi-journal.jsonl").exists());
        for _ in 0..2 {
            let ran = run(&scene, &config, &["--reopen"]);
            assert_eq!(ran.status, Some(code), "{}", ran.stderr);
            assert_eq!(std::fs::read_to_string(path(&scene, "STATUS")).unwrap(), format!("{end}\n"));
            assert_eq!(paths(&read(&scene, "compose/metadata/images.json")).len(), 3, "the image is there");
        }
    }
    let scene = Scene::new();
    pungi_was_here(&scene);
    scene.write(&format!("{COMPOSE}/STATUS"), "STARTED\n");
    for more in [&[][..], &["--reopen"]] {
        let refused = run(&scene, &config(&scene, &image("disk")), more);
        assert!(refused.stderr.contains("another program may be working on it"), "{}", refused.stderr);
    }
}

#[test]
fn a_manifest_that_cannot_be_used_is_refused_before_anything_is_touched() {
    for (name, text, want) in [
        ("images.json", "{\"header\": {}}", "productmd.images"),
        ("images.json", "{", "may have been cut off"),
        ("composeinfo.json", "[", "composeinfo.json"),
    ] {
        let scene = Scene::new();
        pungi_was_here(&scene);
        scene.write(&format!("{COMPOSE}/compose/metadata/{name}"), text);
        let ran = run(&scene, &config(&scene, &image("disk")), &["--reopen"]);
        assert_eq!(ran.status, Some(1));
        assert!(ran.stderr.contains(want) && ran.stderr.contains(name), "{}", ran.stderr);
        assert_eq!(std::fs::read_to_string(path(&scene, "STATUS")).unwrap(), "FINISHED_INCOMPLETE\n");
        assert!(!path(&scene, "logs/global/magudi-journal.jsonl").exists());
        assert_eq!(std::fs::read_to_string(path(&scene, &format!("compose/metadata/{name}"))).unwrap(), text);
    }
}

#[test]
fn an_archive_that_no_rule_takes_up_is_named() {
    let scene = Scene::new();
    let config = config(&scene, &image("disk"));
    let archives = json!({"archives": {"disk": [
        {"type_name": "qcow2", "suffix": "qcow2"}, {"type_name": "ova", "suffix": "ova"}, {"type_name": "tar", "suffix": "tar"}
    ]}});
    let scenario = scene.write("scenario.json", &archives.to_string());
    let simulate = format!("--simulate={}", scenario.display());
    let ran = scene.run(["run", "--config", &config, "--compose-dir", COMPOSE, "--test", &simulate]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    for file in ["disk-9.2-1.x86_64.ova (archive type ova)", "disk-9.2-1.x86_64.tar (archive type tar)"] {
        assert!(ran.stderr.contains(file), "{file} is not in {}", ran.stderr);
    }
}
