//! What is in a compose already, by whatever tool and of whatever format, is united with what is added. How the real productmd
//! reads the outcome is for `tests/scripts/merging.sh`.

use crate::beside::{COMPOSE, config, image, path, read, run};
use crate::program::{Ran, Scene};
use serde_json::{Value as Json, json};

const INFO: &str = "compose/metadata/composeinfo.json";
const IMAGES: &str = "compose/metadata/images.json";

/// A finished compose of one image.
fn finished() -> (Scene, String) {
    let scene = Scene::new();
    let config = config(&scene, &image("disk"));
    let ran = run(&scene, &config, &[]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    (scene, config)
}

fn change(scene: &Scene, name: &str, change: impl FnOnce(&mut Json)) {
    let mut document = read(scene, name);
    change(&mut document);
    std::fs::write(path(scene, name), document.to_string()).unwrap();
}

/// The same image once more.
fn reopen(scene: &Scene, config: &str) -> Ran {
    let ran = run(scene, config, &["--reopen"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    ran
}

/// Nothing is submitted and nothing changed.
fn refuses(scene: &Scene, config: &str, more: &[&str], status: i32, parts: &[&str]) {
    let before = std::fs::read(path(scene, "logs/global/magudi-journal.jsonl")).unwrap();
    let ran = run(scene, config, &[&["--reopen"], more].concat());
    assert_eq!(ran.status, Some(status), "{}", ran.stderr);
    for part in parts {
        assert!(ran.stderr.contains(part), "{part} is not in {}", ran.stderr);
    }
    assert_eq!(std::fs::read(path(scene, "logs/global/magudi-journal.jsonl")).unwrap(), before);
    assert_eq!(std::fs::read_to_string(path(scene, "STATUS")).unwrap(), "FINISHED\n");
}

#[test]
fn arches_children_and_layered_products_stay() {
    let (scene, config) = finished();
    change(&scene, INFO, |info| {
        let variants = &mut info["payload"]["variants"];
        variants["Server"]["arches"] = json!(["aarch64", "x86_64"]);
        variants["Server"]["paths"]["os_tree"] = json!({"aarch64": "Server/aarch64/os", "x86_64": "Server/x86_64/os"});
        variants["Server"]["variants"] = json!(["HA"]);
        variants["Server-HA"] = json!({
            "id": "HA", "uid": "Server-HA", "name": "HA", "type": "layered-product", "arches": ["x86_64"], "paths": {},
            "release": {"name": "HA", "short": "HA", "version": "1", "type": "ga", "is_layered": true, "internal": false},
        });
    });
    let before = read(&scene, INFO)["payload"]["variants"].clone();
    reopen(&scene, &config);
    assert_eq!(read(&scene, INFO)["payload"]["variants"], before);
}

#[test]
fn older_formats_are_converted() {
    for version in ["0.1", "0.2", "0.3", "1.0", "1.1"] {
        let (scene, config) = finished();
        change(&scene, INFO, |info| {
            info["header"] = json!({"version": version});
            if version == "1.1" {
                info["header"]["type"] = json!("productmd.composeinfo");
            }
            let payload = info["payload"].as_object_mut().unwrap();
            if version < "1" {
                let release = payload.remove("release").unwrap();
                payload.insert("product".to_owned(), release);
            }
            if version < "0.3" {
                payload["compose"] = json!({"id": payload["compose"]["id"], "type": "test"});
            }
            let mut child = payload["variants"]["Server"].clone();
            child["id"] = json!("optional");
            child["uid"] = json!("Server-optional");
            payload["variants"]["Server-optional"] = child;
            if version >= "1" {
                payload["variants"]["Server"]["variants"] = json!(["optional"]);
            }
        });
        change(&scene, IMAGES, |images| {
            images["header"] = json!({"version": version, "type": "productmd.images"});
            let server = &mut images["payload"]["images"]["Server"];
            let mut source = server["x86_64"][0].clone();
            source["path"] = json!("Server/source/iso/source.iso");
            source["arch"] = json!("src");
            if version <= "1.0" {
                source.as_object_mut().unwrap().remove("subvariant");
            }
            server["src"] = json!([source]);
        });
        reopen(&scene, &config);
        let info = read(&scene, INFO);
        assert_eq!(info["header"], json!({"type": "productmd.composeinfo", "version": "1.2"}), "{version}");
        assert_eq!(info["payload"]["variants"]["Server"]["variants"], json!(["optional"]), "{version}");
        assert_eq!(info["payload"]["release"]["short"], "Test", "{version}");
        assert_eq!(info["payload"].get("product"), None, "{version}");
        assert_eq!(info["payload"]["compose"]["date"], "20240229", "{version}");
        // Sources are listed under the binary arches of today's format.
        let images = read(&scene, IMAGES);
        assert_eq!(images["header"]["version"], "1.2");
        assert_eq!(images["payload"]["images"]["Server"].get("src"), None, "{version}");
        assert_eq!(images["payload"]["images"]["Server"]["x86_64"][0]["arch"], "src", "{version}");
        assert!(images["payload"]["images"]["Server"]["x86_64"][0]["subvariant"].is_string(), "{version}");
    }
}

#[test]
fn newer_formats_are_refused_before_anything_is_submitted() {
    for name in [INFO, IMAGES] {
        let (scene, config) = finished();
        change(&scene, name, |document| document["header"]["version"] = json!("3.0"));
        refuses(&scene, &config, &[], 1, &[name, "3.0, where", "1.x or 2.x is expected"]);
    }
}

/// Manifests of productmd 2.0 stay what they are, with the addresses of what is not in the compose.
#[test]
fn locations_stay() {
    let (scene, config) = finished();
    let iso = json!({"url": "https://cdn.example.com/a.iso", "local_path": "Server/x86_64/iso/a.iso", "size": 7, "checksum": "sha256:ab"});
    let os =
        json!({"url": "https://cdn.example.com/os/", "local_path": "Server/x86_64/os", "size": null, "checksum": null});
    let here = |path: &str| json!({"url": path, "local_path": path, "size": null, "checksum": null});
    change(&scene, IMAGES, |images| {
        images["header"]["version"] = json!("2.0");
        let list = images["payload"]["images"]["Server"]["x86_64"].as_array_mut().unwrap();
        let mut theirs = list[0].clone();
        for key in ["path", "size", "checksums"] {
            theirs.as_object_mut().unwrap().remove(key);
        }
        (theirs["type"], theirs["format"], theirs["location"]) = (json!("dvd"), json!("iso"), iso.clone());
        *list = vec![theirs];
    });
    change(&scene, INFO, |info| {
        info["header"]["version"] = json!("2.0");
        info["payload"]["variants"]["Server"]["paths"] =
            json!({"os_tree": {"x86_64": os}, "images": {"x86_64": here("Server/x86_64/images")}});
    });
    reopen(&scene, &config);
    let images = read(&scene, IMAGES);
    assert_eq!(images["header"], json!({"type": "productmd.images", "version": "2.0"}));
    let list = images["payload"]["images"]["Server"]["x86_64"].as_array().unwrap();
    let location = |at: usize| list[at]["location"].clone();
    let ours = location(0);
    let path = ours["local_path"].as_str().unwrap();
    assert!(path.ends_with(".qcow2") && ours["url"] == path, "{ours}");
    assert!(ours["checksum"].as_str().unwrap().starts_with("sha256:") && ours["size"].is_u64(), "{ours}");
    assert_eq!((location(1), list[1].get("path"), list.len()), (iso, None, 2));
    let info = read(&scene, INFO);
    assert_eq!(info["header"]["version"], "2.0");
    let paths = &info["payload"]["variants"]["Server"]["paths"];
    assert_eq!((&paths["os_tree"]["x86_64"], &paths["images"]["x86_64"]), (&os, &here("Server/x86_64/images")));
}

/// `--manifest-version`, which a resume and a reopened compose keep; and back.
#[test]
fn manifests_are_written_in_the_version_that_is_asked_for() {
    let scene = Scene::new();
    let config = config(&scene, &image("disk"));
    let versions = || [IMAGES, INFO].map(|name| read(&scene, name)["header"]["version"].clone());
    for (more, version) in [
        (&["--manifest-version", "2.0"][..], "2.0"),
        (&["--reopen"], "2.0"),
        (&["--reopen", "--manifest-version", "1.2"], "1.2"),
        (&["--reopen"], "1.2"),
    ] {
        let ran = run(&scene, &config, more);
        assert_eq!(ran.status, Some(0), "{more:?}: {}", ran.stderr);
        assert_eq!(versions(), [version, version], "{more:?}");
        let entry = read(&scene, IMAGES)["payload"]["images"]["Server"]["x86_64"][0].clone();
        let file = if version == "2.0" { &entry["location"]["local_path"] } else { &entry["path"] };
        assert!(file.as_str().is_some_and(|file| file.ends_with(".qcow2")), "{more:?}: {entry:#}");
        let paths = read(&scene, INFO)["payload"]["variants"]["Server"]["paths"]["images"]["x86_64"].clone();
        assert_eq!(paths.is_object(), version == "2.0", "{more:?}: {paths}");
        // What is verified and compared is the same.
        let ran = scene.run(["verify", COMPOSE]);
        assert_eq!(ran.status, Some(0), "{more:?}: {}", ran.stdout);
    }
    let ran = run(&scene, &config, &["--reopen", "--manifest-version", "3.0"]);
    assert_eq!(ran.status, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("possible values: 1.2, 2.0"), "{}", ran.stderr);
}

#[test]
fn entries_that_readers_refuse_stay_and_are_named_at_the_start() {
    let (scene, config) = finished();
    let mut odd = Vec::new();
    change(&scene, IMAGES, |images| {
        let list = images["payload"]["images"]["Server"]["x86_64"].as_array_mut().unwrap();
        for (name, key, value) in [
            ("ddi", "type", json!("ddi")),
            ("zst", "format", json!("raw.zst")),
            ("empty", "size", json!(0)),
            ("unsummed", "checksums", json!({})),
        ] {
            let mut entry = list[0].clone();
            entry["path"] = json!(format!("Server/x86_64/images/{name}"));
            entry["subvariant"] = json!(name);
            entry[key] = value;
            odd.push(entry);
        }
        list.extend(odd.clone());
    });
    let ran = reopen(&scene, &config);
    let list = read(&scene, IMAGES)["payload"]["images"]["Server"]["x86_64"].as_array().unwrap().clone();
    assert_eq!(list.len(), 5);
    for entry in odd {
        assert!(list.contains(&entry), "{entry} is lost");
        let path = entry["path"].as_str().unwrap();
        let at =
            ran.stderr.find(&format!("lists {path} of variant Server")).unwrap_or_else(|| panic!("{}", ran.stderr));
        assert!(at < ran.stderr.find("Task ").unwrap(), "it is said before a task is submitted");
    }
}

#[test]
fn a_compose_is_known_by_any_of_its_files() {
    let files = ["COMPOSE_ID", INFO, IMAGES, "work/global/composeinfo-base.json"];
    for kept in files {
        let (scene, config) = finished();
        for file in files.iter().filter(|file| **file != kept) {
            std::fs::remove_file(path(&scene, file)).unwrap();
        }
        // Another day, which would make another id.
        let mut command = scene.command();
        command.args(["run", "--config", &config, "--compose-dir", COMPOSE, "--test", "--simulate", "--reopen"]);
        let ran = Ran::from(command.env("SOURCE_DATE_EPOCH", "1735689600").output().unwrap());
        assert_eq!(ran.status, Some(0), "{kept}: {}", ran.stderr);
        for name in [INFO, IMAGES] {
            assert_eq!(read(&scene, name)["payload"]["compose"]["id"], "Test-9.2-20240229.t.0", "{kept}");
        }
        assert_eq!(std::fs::read_to_string(path(&scene, "COMPOSE_ID")).unwrap(), "Test-9.2-20240229.t.0");
    }
}

#[test]
fn label_and_final_stay() {
    let scene = Scene::new();
    let config = config(&scene, &image("disk"));
    let production = ["run", "--config", &config, "--compose-dir", COMPOSE, "--production", "--simulate"];
    let ran = scene.run([&production[..], &["--label", "Beta-1.0", "--supported"]].concat());
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let before = read(&scene, INFO)["payload"]["compose"].clone();
    assert_eq!((&before["final"], &before["label"]), (&json!(true), &json!("Beta-1.0")));
    let ran = scene.run([&production[..], &["--label", "Beta-1.0", "--reopen"]].concat());
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_eq!(read(&scene, INFO)["payload"]["compose"], before);
    for (options, part) in
        [(&["--label", "Beta-1.1"][..], "--label Beta-1.1 contradicts"), (&["--no-label"], "--no-label contradicts")]
    {
        let ran = scene.run([&production[..], options, &["--reopen"]].concat());
        assert_eq!(ran.status, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.contains(part) && ran.stderr.contains("labelled Beta-1.0"), "{}", ran.stderr);
    }
}

#[test]
fn what_contradicts_the_compose_is_named() {
    let (scene, config) = finished();
    refuses(&scene, &config, &["--nightly"], 2, &["--test"]);
    let ran = scene.run(["run", "--config", &config, "--compose-dir", COMPOSE, "--nightly", "--simulate", "--reopen"]);
    assert_eq!(ran.status, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("--nightly contradicts") && ran.stderr.contains("is a test compose"), "{}", ran.stderr);
    let other = std::fs::read_to_string(&config).unwrap().replace("9.2", "9.3");
    let other = scene.write("other.conf", &other).display().to_string();
    refuses(&scene, &other, &[], 1, &["of the release Test 9.2", "the configuration has Test 9.3"]);
    std::fs::write(path(&scene, "COMPOSE_ID"), "Test-9.2-20240301.t.0").unwrap();
    refuses(&scene, &config, &[], 1, &["composeinfo.json", "COMPOSE_ID", "20240301.t.0", "correct the one"]);
}
