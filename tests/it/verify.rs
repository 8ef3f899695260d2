//! `magudi verify`: what it finds in a compose that is damaged in one place, and that it finds nothing in a good one.

use crate::program::{Ran, Scene};
use crate::published::{Listed, Published, usual};
use crate::schema::Schemas;
use serde_json::{Value as Json, json};
use std::os::unix::fs::symlink;

const SCHEMA: &str = "verify.schema.json";
const ID: &str = "Test-9.2-20240229.n.0";
const IMAGES: &str = "compose/metadata/images.json";
const INFO: &str = "compose/metadata/composeinfo.json";

fn verify(compose: &Published<'_>, more: &[&str]) -> Ran {
    compose.scene.run([&["verify", &compose.name], more].concat())
}

/// Kind, path and words of what is wrong.
fn problems(compose: &Published<'_>, more: &[&str]) -> Vec<(String, String, String)> {
    let ran = verify(compose, &[&["--format", "json"], more].concat());
    let report = Schemas::checked(SCHEMA, &ran.stdout);
    let found = report["problems"].as_array().unwrap();
    assert_eq!(ran.status, Some(i32::from(!found.is_empty())), "{ran:?}");
    let text = |problem: &Json, key: &str| problem[key].as_str().unwrap().to_owned();
    found.iter().map(|problem| (text(problem, "kind"), text(problem, "path"), text(problem, "problem"))).collect()
}

#[test]
fn a_good_compose_has_no_problem_however_it_is_named() {
    let scene = Scene::new();
    let compose = Published::write(&scene, ID, usual());
    for part in ["", "/compose", "/compose/metadata"] {
        let ran = scene.run(["verify", &format!("{ID}{part}")]);
        assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""), "{part}: {}", ran.stdout);
        assert!(ran.stdout.starts_with(&format!("{ID}: 3 images, 36.0 KiB read in ")), "{}", ran.stdout);
        assert!(ran.stdout.ends_with(": no problems found\n"), "{}", ran.stdout);
    }
    let ran = verify(&compose, &["--format", "json"]);
    let report = Schemas::checked(SCHEMA, &ran.stdout);
    assert_eq!(
        (&report["images"], &report["manifest_version"], &report["problems"]),
        (&json!(3), &json!("1.2"), &json!([]))
    );
    assert_eq!(report["compose_id"], ID);
}

#[test]
fn the_schema_requires_what_is_always_written() {
    let scene = Scene::new();
    let compose = Published::write(&scene, ID, usual());
    compose.put("compose/Server/x86_64/images/more.raw", "nobody lists it");
    let ran = verify(&compose, &["--format", "json"]);
    let report = Schemas::checked(SCHEMA, &ran.stdout);
    assert_eq!(report["problems"][0]["kind"], "unlisted");
    Schemas::require_all_but(SCHEMA, &[&report], |_| false);
}

#[test]
fn each_damage_is_one_problem_with_its_path() {
    const DISK: &str = "Server/x86_64/images/Server-9.2-1.x86_64.qcow2";
    const SUMS: &str = "compose/Server/x86_64/images/SHA256SUM";
    type Damage = fn(&Published<'_>);
    // The damage; kind, path and words of every problem; whether a quick look sees the same.
    let damages: [(&str, Damage, &[[&str; 3]], bool); 18] = [
        (
            "content",
            |c| c.put(&format!("compose/{DISK}"), "QFI\u{fb} a dish"),
            &[["size", DISK, "it has 12 bytes, but images.json says 15"], ["format", DISK, "QFI"]],
            true,
        ),
        (
            "one byte",
            |c| std::fs::write(c.path("compose").join(DISK), b"QFI\xfb\0\0\0\x03 a dish").unwrap(),
            &[
                ["checksum", DISK, "its sha256 is "],
                ["sum-file", "Server/x86_64/images/SHA256SUM", "and the file has "],
            ],
            false,
        ),
        (
            "missing",
            |c| std::fs::remove_file(c.path("compose").join(DISK)).unwrap(),
            &[
                ["missing", DISK, "images.json lists it, but it is missing"],
                ["sum-file", "Server/x86_64/images/SHA256SUM", "it lists Server-9.2-1.x86_64.qcow2, which is missing"],
            ],
            true,
        ),
        (
            "unlisted",
            |c| c.put("compose/Server/x86_64/images/left.qcow2", "x"),
            &[[
                "unlisted",
                "Server/x86_64/images/left.qcow2",
                "it is next to images, but images.json does not list it",
            ]],
            true,
        ),
        (
            "a directory of images that no image is in",
            |c| c.put("compose/Other/aarch64/iso/left.iso", "x"),
            &[["unlisted", "Other/aarch64/iso/left.iso", "images.json does not list it"]],
            true,
        ),
        (
            "a dangling link",
            |c| {
                std::fs::create_dir_all(c.path("compose/Server/x86_64/os/Packages")).unwrap();
                symlink("../nowhere.rpm", c.path("compose/Server/x86_64/os/Packages/a.rpm")).unwrap();
            },
            &[[
                "link",
                "Server/x86_64/os/Packages/a.rpm",
                "it is a symbolic link to ../nowhere.rpm, which does not exist",
            ]],
            true,
        ),
        (
            "a link in a circle",
            |c| symlink("circle", c.path("compose/circle")).unwrap(),
            &[["link", "circle", "it is a symbolic link to circle: "]],
            true,
        ),
        (
            "another sum",
            |c| {
                let text = std::fs::read_to_string(c.path(SUMS)).unwrap();
                let line = text.lines().next().unwrap();
                let wrong = format!("{}= {}", line.split('=').next().unwrap(), "0".repeat(64));
                c.put(SUMS, &text.replace(line, &wrong));
            },
            &[[
                "sum-file",
                "Server/x86_64/images/SHA256SUM",
                "it says that the sha256 of Server-9.2-1.x86_64.qcow2 is 000",
            ]],
            true,
        ),
        (
            "no sum",
            |c| {
                let text = std::fs::read_to_string(c.path(SUMS)).unwrap();
                c.put(SUMS, text.lines().next_back().unwrap());
            },
            &[["sum-file", DISK, "no sum file beside it lists it"]],
            true,
        ),
        (
            "a sum of something elsewhere",
            |c| {
                let text = std::fs::read_to_string(c.path(SUMS)).unwrap();
                c.put(SUMS, &format!("{text}{}  ../../../../../etc/passwd\n", "0".repeat(64)));
            },
            &[[
                "sum-file",
                "Server/x86_64/images/SHA256SUM",
                "it lists `../../../../../etc/passwd`, which is not a file name",
            ]],
            true,
        ),
        (
            "a path that leads nowhere",
            |c| {
                c.change(INFO, |info| {
                    info["payload"]["variants"]["Server"]["paths"]["os_tree"] = json!({"x86_64": "Server/x86_64/os"});
                });
            },
            &[[
                "path",
                "Server/x86_64/os",
                "composeinfo.json has it as os_tree of variant Server, x86_64, which is missing",
            ]],
            true,
        ),
        (
            "a path out of the compose",
            |c| {
                c.change(INFO, |info| {
                    info["payload"]["variants"]["Server"]["paths"]["os_tree"] = json!({"x86_64": "../../etc"});
                });
            },
            &[["path", "../../etc", "it is not a path below the compose"]],
            true,
        ),
        (
            "two that are the same to readers",
            |c| {
                c.change(IMAGES, |images| {
                    let list = &mut images["payload"]["images"]["Server"]["x86_64"];
                    (list[2]["type"], list[2]["format"]) = (json!("qcow2"), json!("qcow2"));
                });
                std::fs::write(
                    c.path("compose/Server/x86_64/images/Server-9.2-1.x86_64.raw.xz"),
                    b"QFI\xfb a packed disk!",
                )
                .unwrap();
                c.change(IMAGES, |images| images["payload"]["images"]["Server"]["x86_64"][2]["size"] = json!(19));
            },
            &[
                [
                    "identity",
                    "Server/x86_64/images/Server-9.2-1.x86_64.raw.xz",
                    "it has the same subvariant Server, type qcow2",
                ],
                ["checksum", "Server/x86_64/images/Server-9.2-1.x86_64.raw.xz", "its sha256 is "],
                ["sum-file", "Server/x86_64/images/SHA256SUM", "the sha256 of Server-9.2-1.x86_64.raw.xz"],
            ],
            false,
        ),
        (
            "an entry that readers refuse",
            |c| c.change(IMAGES, |images| images["payload"]["images"]["Server"]["x86_64"][1]["type"] = json!("frob")),
            &[["identity", DISK, "readers of images.json refuse it: unknown image type 'frob'"]],
            true,
        ),
        (
            "another compose",
            |c| c.change(INFO, |info| info["payload"]["compose"]["id"] = json!("Test-9.2-20240301.n.0")),
            &[[
                "manifest",
                "metadata/composeinfo.json",
                "it is of compose Test-9.2-20240301.n.0, but images.json is of Test-9.2-20240229.n.0",
            ]],
            true,
        ),
        (
            "no composeinfo",
            |c| std::fs::remove_file(c.path(INFO)).unwrap(),
            &[["manifest", "metadata/composeinfo.json", "it is missing"]],
            true,
        ),
        (
            "an algorithm that is unknown",
            |c| {
                c.change(IMAGES, |images| {
                    images["payload"]["images"]["Server"]["x86_64"][1]["checksums"]["crc7"] = json!("00");
                });
            },
            &[["unread", DISK, "images.json has its crc7, which cannot be computed here"]],
            false,
        ),
        (
            "a pipe",
            |c| {
                use rustix::fs::{CWD, FileType, Mode, mknodat};
                let path = c.path("compose").join(DISK);
                std::fs::remove_file(&path).unwrap();
                mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
            },
            &[["unread", DISK, "it is a pipe, not a file"]],
            true,
        ),
    ];
    for (name, damage, expected, is_quick) in damages {
        let scene = Scene::new();
        let compose = Published::write(&scene, ID, usual());
        damage(&compose);
        for (more, applies) in [(&[][..], true), (&["--quick"], is_quick)] {
            if !applies {
                continue;
            }
            let found = problems(&compose, more);
            let is_expected = |(kind, path, text): &(String, String, String)| {
                expected.iter().any(|[k, p, words]| kind == k && path == p && text.contains(words))
            };
            assert!(found.iter().all(is_expected), "{name} {more:?}: {found:#?}");
            assert_eq!(found.len(), expected.len(), "{name} {more:?}: {found:#?}");
        }
    }
}

#[test]
fn nothing_outside_the_compose_is_read_unless_that_is_asked_for() {
    let scene = Scene::new();
    let compose = Published::write(&scene, ID, usual());
    let outside = scene.write("volume/disk.qcow2", "x");
    let images = compose.path("compose/Server/x86_64/images");
    let disk = images.join("Server-9.2-1.x86_64.qcow2");
    std::fs::rename(&disk, &outside).unwrap();
    symlink(&outside, &disk).unwrap();
    let found = problems(&compose, &[]);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].0, "unread");
    assert!(found[0].2.contains("leads out of the compose") && found[0].2.contains("--follow-links"), "{found:#?}");
    assert_eq!(problems(&compose, &["--follow-links"]), []);
    // What is not a path is never followed.
    for path in ["../../volume/disk.qcow2", outside.to_str().unwrap(), ""] {
        compose.change(IMAGES, |images| images["payload"]["images"]["Server"]["x86_64"][1]["path"] = json!(path));
        let found = problems(&compose, &["--follow-links"]);
        let said = |kind: &str| found.iter().any(|(found, at, _)| found == kind && at == path);
        assert!(said("unread") || said("identity"), "{path}: {found:#?}");
        assert!(!found.iter().any(|(kind, _, _)| kind == "size" || kind == "checksum"), "{path}: {found:#?}");
    }
}

#[test]
fn images_elsewhere_on_the_web_are_counted_and_not_missed() {
    let scene = Scene::new();
    let compose = Published::write(&scene, ID, usual());
    let at = |path: &str, url: &str| json!({"url": url, "local_path": path, "size": null, "checksum": null});
    compose.change(IMAGES, |images| {
        images["header"]["version"] = json!("2.0");
        for entry in images["payload"]["images"]["Server"]["x86_64"].as_array_mut().unwrap() {
            let members = entry.as_object_mut().unwrap();
            let [path, size, sums] = ["path", "size", "checksums"].map(|key| members.remove(key).unwrap());
            let sum = format!("sha256:{}", sums["sha256"].as_str().unwrap());
            members
                .insert("location".to_owned(), json!({"url": path, "local_path": path, "size": size, "checksum": sum}));
        }
    });
    compose.change(INFO, |info| {
        info["header"]["version"] = json!("2.0");
        let paths = &mut info["payload"]["variants"]["Server"]["paths"];
        *paths = json!({"os_tree": {"x86_64": at("Server/x86_64/os", "https://cdn.example.com/os/")}});
    });
    assert_eq!(problems(&compose, &[]), []);
    std::fs::remove_file(compose.path("compose/Server/x86_64/iso/Server-dvd-9.2-1.iso")).unwrap();
    std::fs::remove_file(compose.path("compose/Server/x86_64/iso/SHA256SUM")).unwrap();
    let found = problems(&compose, &[]);
    assert_eq!(found.iter().map(|found| found.0.as_str()).collect::<Vec<_>>(), ["missing"], "{found:#?}");
    compose.change(IMAGES, |images| {
        images["payload"]["images"]["Server"]["x86_64"][0]["location"]["url"] = json!("https://cdn.example.com/a.iso");
    });
    let ran = verify(&compose, &[]);
    assert_eq!(ran.status, Some(0), "{}", ran.stdout);
    assert!(ran.stdout.contains("1 elsewhere on the web: no problems found"), "{}", ran.stdout);
    // Both manifests are of one version.
    compose.change(INFO, |info| info["header"]["version"] = json!("1.2"));
    let found = problems(&compose, &[]);
    assert!(found.iter().any(|(kind, _, text)| kind == "manifest" && text.contains("version 1.2")), "{found:#?}");
}

#[test]
fn a_file_that_several_entries_list_is_read_once() {
    let scene = Scene::new();
    let mut images = usual();
    let twin = Listed { file: "images/twin.qcow2", subvariant: "Twin", ..images[1].clone() };
    images.push(twin.clone());
    let compose = Published::write(&scene, ID, images);
    let (disk, link) = (compose.path("compose").join(usual()[1].path()), compose.path("compose").join(twin.path()));
    std::fs::remove_file(&link).unwrap();
    std::fs::hard_link(&disk, &link).unwrap();
    let bytes = |compose: &Published<'_>| {
        let ran = verify(compose, &["--format", "json"]);
        assert_eq!(ran.status, Some(0), "{}", ran.stdout);
        serde_json::from_str::<Json>(&ran.stdout).unwrap()["bytes"].as_u64().unwrap()
    };
    let once = usual().iter().map(|image| image.content.len() as u64).sum::<u64>();
    assert_eq!(bytes(&compose), once);
}

#[test]
fn what_is_no_compose_is_named() {
    let scene = Scene::new();
    let ran = scene.run(["verify", "target"]);
    assert_eq!(ran.status, Some(1));
    assert!(ran.stderr.contains("target is not a compose: there is no images.json in it"), "{}", ran.stderr);
    scene.write("target/metadata/images.json", "{");
    let ran = scene.run(["verify", "target"]);
    assert_eq!(ran.status, Some(1));
    assert!(ran.stderr.contains("metadata/images.json: it ends too early"), "{}", ran.stderr);
}

#[test]
fn hostile_names_are_shown_and_not_obeyed() {
    let scene = Scene::new();
    let compose = Published::write(&scene, ID, usual());
    compose.put("compose/Server/x86_64/images/\u{1b}[2Jleft\n.qcow2", "x");
    let ran = verify(&compose, &[]);
    assert_eq!(ran.status, Some(1));
    assert!(!ran.stdout.contains('\u{1b}'), "{}", ran.stdout);
    assert_eq!(ran.stdout.lines().filter(|line| line.contains("unlisted")).count(), 1, "{}", ran.stdout);
}

/// What the simulated hub builds is text; that is no news.
#[test]
fn a_simulated_compose_is_verified_but_for_its_formats() {
    let scene = Scene::new();
    scene.write_compose("", &["x86_64"], &[crate::program::image("disk", "\"arches\": [\"x86_64\"]")]);
    let ran = scene.run(["run", "--config", "test.conf", "--test", "--compose-dir", "target/mine", "--simulate"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let ran = scene.run(["verify", "target/mine"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stdout);
    assert!(ran.stderr.contains("simulated"), "{}", ran.stderr);
}
