//! `magudi compare`: composes of this and other tools, as directories, files and addresses, in all three forms.

use crate::program::{Hub, Ran, Scene, image};
use crate::published::{Listed, Published, usual};
use crate::schema::Schemas;
use serde_json::{Value as Json, json};

const SCHEMA: &str = "compare.schema.json";
const OLD: &str = "Test-9.2-20240229.n.0";
const NEW: &str = "Test-9.2-20240301.n.0";
const IMAGES: &str = "compose/metadata/images.json";

/// The usual images a day later: the raw one is gone, the ISO is larger, and there is one more.
fn later() -> Vec<Listed> {
    let mut images = usual();
    images.pop();
    images[0].content.extend([0; 0x2000]);
    images.push(Listed {
        file: "images/Server-9.2-1.x86_64.vhd.xz",
        kind: "vhd-compressed",
        format: "vhd.xz",
        ..usual()[2].clone()
    });
    images
}

fn compare(scene: &Scene, old: &str, new: &str, more: &[&str]) -> Ran {
    scene.run([&["compare", old, new], more].concat())
}

fn json_of(scene: &Scene, old: &str, new: &str) -> Json {
    let ran = compare(scene, old, new, &["--format", "json"]);
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
    Schemas::checked(SCHEMA, &ran.stdout)
}

const VERDICT: &str = "1 image is gone, 1 is new, 1 has another size";

#[test]
fn a_compose_is_compared_however_it_is_named() {
    let scene = Scene::new();
    Published::write(&scene, OLD, usual());
    Published::write(&scene, NEW, later());
    for part in ["", "/", "/compose", "/compose/metadata", "/compose/metadata/images.json"] {
        let found = json_of(&scene, &format!("{OLD}{part}"), NEW);
        assert_eq!(found["verdict"], VERDICT, "{part}");
        assert_eq!((&found["old"]["compose_id"], &found["old"]["images"]), (&json!(OLD), &json!(3)), "{part}");
        let status = if part.ends_with(".json") { Json::Null } else { json!("FINISHED") };
        assert_eq!(found["old"]["status"], status, "{part}");
    }
    let found = json_of(&scene, OLD, NEW);
    assert_eq!(found["gone"][0]["path"], "Server/x86_64/images/Server-9.2-1.x86_64.raw.xz");
    assert_eq!(found["added"][0]["type"], "vhd-compressed");
    let differences: Vec<&Json> = found["images"].as_array().unwrap().iter().map(|pair| &pair["differences"]).collect();
    assert_eq!(differences, [&json!([]), &json!([{"what": "size", "old": 0x9000, "new": 0xb000}])]);
    assert_eq!(found["images"][0]["same_file"], true);
}

#[test]
fn the_exit_status_says_whether_an_image_is_gone_where_that_is_asked_for() {
    let scene = Scene::new();
    Published::write(&scene, OLD, usual());
    Published::write(&scene, NEW, later());
    for (old, new, more, status) in [
        (OLD, NEW, &[][..], 0),
        (OLD, NEW, &["--exit-code"], 1),
        (OLD, OLD, &["--exit-code"], 0),
        (OLD, NEW, &["--exit-code", "--format", "html"], 1),
        (OLD, NEW, &["--threshold", "-1"], 2),
        (OLD, NEW, &["--threshold", "NaN"], 2),
        (OLD, "nowhere", &[], 1),
        (OLD, "target", &[], 1),
    ] {
        let ran = compare(&scene, old, new, more);
        assert_eq!(ran.status, Some(status), "{new} {more:?}: {}", ran.stderr);
    }
    let ran = compare(&scene, OLD, "nowhere", &[]);
    assert!(ran.stderr.contains("there is no nowhere"), "{}", ran.stderr);
    let ran = compare(&scene, OLD, "target", &[]);
    assert!(ran.stderr.contains("target is not a compose: there is no images.json"), "{}", ran.stderr);
    let ran = compare(&scene, OLD, NEW, &["--threshold", "30%"]);
    assert!(ran.stdout.ends_with("\n1 image is gone, 1 is new\n"), "{}", ran.stdout);
}

#[test]
fn the_table_says_what_changed_and_the_verdict_last() {
    let scene = Scene::new();
    Published::write(&scene, OLD, usual());
    let new = Published::write(&scene, NEW, later());
    let failed = json!({"required": {}, "failed": {"osbuild": [["Server", "*", null]], "iso": [["Server", "x86_64", "Server"]]}, "attempted": {}});
    new.put("logs/global/deliverables.json", &failed.to_string());
    let ran = compare(&scene, OLD, NEW, &[]);
    let lines: Vec<&str> = ran.stdout.lines().map(str::trim_end).collect();
    let expected = [
        "old  Test-9.2-20240229.n.0  FINISHED  (3 images, 36.0 KiB)",
        "new  Test-9.2-20240301.n.0  FINISHED  (3 images, 44.0 KiB, 2 failed)",
        "",
        "Gone",
        "IMAGE                 SIZE  FILE                                             NOTE",
        "Server raw-xz x86_64  20 B  Server/x86_64/images/Server-9.2-1.x86_64.raw.xz  after a failure",
        "",
        "Failures",
        "STATE  WHAT              PHASE    ARCH    WHY",
        "new    Server of Server  iso      x86_64",
        "new    Server            osbuild  all",
        "",
        "Changed",
        "IMAGE                    WHAT  OLD       NEW",
        "Server dvd (iso) x86_64  size  36.0 KiB  44.0 KiB (+22 %)",
        "",
        "New",
        "IMAGE                                  SIZE  FILE",
        "Server vhd-compressed (vhd.xz) x86_64  20 B  Server/x86_64/images/Server-9.2-1.x86_64.vhd.xz",
        "",
        "1 image is gone after a failure, 1 is new, 1 has another size; 2 failures are new",
    ];
    assert_eq!(lines, expected, "{}", ran.stdout);
    // The other way round they are mended.
    let back = json_of(&scene, NEW, OLD);
    assert_eq!(back["failures"]["mended"].as_array().map(Vec::len), Some(2));
    assert_eq!(back["failures"]["new"], json!([]));
}

#[test]
fn a_page_escapes_what_comes_from_outside() {
    let scene = Scene::new();
    Published::write(&scene, OLD, usual());
    let new = Published::write(&scene, NEW, later());
    let wild = "<script>alert(1)</script>\u{202e}\u{1b}[2J";
    new.change(IMAGES, |images| {
        let list = &mut images["payload"]["images"]["Server"]["x86_64"];
        (list[2]["path"], list[2]["subvariant"]) = (json!(format!("Server/x86_64/images/{wild}")), json!(wild));
        images["payload"]["compose"]["id"] = json!(wild);
    });
    for format in ["html", "table"] {
        let ran = compare(&scene, OLD, NEW, &["--format", format]);
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        assert!(!ran.stdout.contains(['\u{202e}', '\u{1b}']), "{format}: {}", ran.stdout);
        assert!(ran.stdout.contains(VERDICT), "{format}: {}", ran.stdout);
        if format == "html" {
            assert!(!ran.stdout.contains("<script"), "{}", ran.stdout);
            assert!(ran.stdout.contains("&lt;script&gt;alert(1)"), "{}", ran.stdout);
            assert!(
                ran.stdout.contains("default-src 'none'") && ran.stdout.contains("<section id=\"gone\">"),
                "{}",
                ran.stdout
            );
        }
    }
}

#[test]
fn manifests_of_both_versions_are_compared() {
    let scene = Scene::new();
    Published::write(&scene, OLD, usual());
    let new = Published::write(&scene, NEW, usual());
    new.change(IMAGES, |images| {
        images["header"]["version"] = json!("2.0");
        for entry in images["payload"]["images"]["Server"]["x86_64"].as_array_mut().unwrap() {
            let members = entry.as_object_mut().unwrap();
            let [path, size, sums] = ["path", "size", "checksums"].map(|key| members.remove(key).unwrap());
            let sum = format!("sha256:{}", sums["sha256"].as_str().unwrap());
            let url = format!("https://cdn.example.com/{}", path.as_str().unwrap());
            members
                .insert("location".to_owned(), json!({"url": url, "local_path": path, "size": size, "checksum": sum}));
        }
    });
    let found = json_of(&scene, OLD, NEW);
    assert_eq!(found["verdict"], "the same 3 images");
    assert!(found["images"].as_array().unwrap().iter().all(|pair| pair["same_file"] == true), "{found:#}");
}

#[test]
fn a_compose_on_the_web_is_compared_as_far_as_it_is_there() {
    let scene = Scene::new();
    Published::write(&scene, OLD, usual());
    let new = Published::write(&scene, NEW, later());
    // The simulated hub serves the files of its volume.
    let hub = Hub::start(&scene, &[]);
    std::fs::create_dir_all(scene.path().join("volume/composes")).unwrap();
    std::fs::rename(new.path(""), scene.path().join("volume/composes").join(NEW)).unwrap();
    let base = format!("{}/composes/{NEW}", hub.files());
    for part in ["", "/", "/compose", "/compose/metadata", "/compose/metadata/images.json"] {
        let ran = compare(&scene, OLD, &format!("{base}{part}"), &["--format", "json"]);
        assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""), "{part}");
        let found = Schemas::checked(SCHEMA, &ran.stdout);
        assert_eq!((&found["verdict"], &found["new"]["compose_id"]), (&json!(VERDICT), &json!(NEW)), "{part}");
        let status = if part.ends_with(".json") { Json::Null } else { json!("FINISHED") };
        assert_eq!(found["new"]["status"], status, "{part}");
    }
    let ran = compare(&scene, OLD, &format!("{}/nowhere", hub.files()), &[]);
    assert_eq!(ran.status, Some(1));
    assert!(ran.stderr.contains("/nowhere is not a compose: there is no images.json"), "{}", ran.stderr);
    // What cannot be read is named by its address.
    scene.write(&format!("volume/composes/{NEW}/compose/metadata/images.json"), "{");
    let ran = compare(&scene, OLD, &base, &[]);
    assert_eq!(ran.status, Some(1));
    assert!(
        ran.stderr.contains(&format!("cannot use {base}/compose/metadata/images.json: it ends too early")),
        "{}",
        ran.stderr
    );
    for address in ["ftp://localhost/x", "http://127.0.0.1:1/x", "http://"] {
        let ran = compare(&scene, OLD, address, &[]);
        assert_eq!(ran.status, Some(1), "{address}: {}", ran.stderr);
        assert!(ran.stderr.starts_with("error: "), "{address}: {}", ran.stderr);
    }
}

#[test]
fn what_cannot_be_read_besides_is_noted() {
    let scene = Scene::new();
    Published::write(&scene, OLD, usual());
    let new = Published::write(&scene, NEW, later());
    for file in [
        "STATUS",
        "compose/metadata/composeinfo.json",
        "logs/global/deliverables.json",
        "compose/metadata/cloud-uploads.json",
    ] {
        new.put(file, "?");
    }
    let ran = compare(&scene, OLD, NEW, &[]);
    assert_eq!(ran.status, Some(0));
    assert_eq!(ran.stderr.lines().filter(|line| line.ends_with("comparing without it")).count(), 4, "{}", ran.stderr);
    assert!(ran.stdout.ends_with(&format!("\n{VERDICT}\n")), "{}", ran.stdout);
}

/// Failures with their reasons, uploads and times are those of the journal.
#[test]
fn composes_of_ours_say_more() {
    let scene = Scene::new();
    let upload = "\"upload_options\": {\"region\": \"us-east-1\", \"share_with_accounts\": [\"1\"]}";
    let disk =
        |name: &str, more: &str| image(name, &format!("\"arches\": [\"x86_64\"], \"subvariant\": \"{name}\", {more}"));
    let cloud = disk("cloud", upload).replace("qcow2", "ec2");
    let failable = disk("shaky", "\"failable\": [\"*\"]");
    scene.write_compose("", &["x86_64"], &[disk("plain", "\"failable\": []"), cloud, failable]);
    let run = |dir: &str, scenario: Json| {
        let scenario = scene.write("scenario.json", &scenario.to_string());
        let simulate = format!("--simulate={}", scenario.display());
        let ran = scene.run(["run", "--config", "test.conf", "--test", "--compose-dir", dir, &simulate]);
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    };
    run("target/old", json!({}));
    run("target/new", json!({"fail": {"shaky": {"out": "no space left on device"}}, "task_seconds": 1.5}));
    let found = json_of(&scene, "target/old", "target/new");
    assert_eq!(found["verdict"], "1 image is gone after a failure; 1 failure is new");
    let failed = &found["failures"]["new"][0];
    assert_eq!((&failed["image"], &failed["phase"]), (&json!("shaky"), &json!("osbuild")));
    assert!(failed["reason"].as_str().unwrap().contains("no space left on device"), "{failed}");
    assert_eq!(found["new"]["status"], "FINISHED_INCOMPLETE");
    let back = json_of(&scene, "target/new", "target/old");
    assert_eq!(back["failures"]["mended"][0], *failed);
    // Of an images.json nothing but the images is known.
    for compose in ["target/old", "target/new"] {
        let manifest = format!("{compose}/compose/metadata/images.json");
        for (one, other) in [(compose, manifest.as_str()), (&manifest, compose)] {
            assert!(json_of(&scene, one, other)["verdict"].as_str().unwrap().starts_with("the same "), "{one} {other}");
        }
    }
    Published::write(&scene, OLD, usual());
    Published::write(&scene, NEW, later());
    let plain = json_of(&scene, OLD, NEW);
    // Pungi's images have no journal; of uploads there is another schema.
    let is_task = |path: &str| path.ends_with("/task") && !path.ends_with("/task/task");
    Schemas::require_all_but(SCHEMA, &[&found, &back, &plain], is_task);
    let pairs = found["images"].as_array().unwrap();
    assert!(
        pairs.iter().all(|pair| pair["old"]["task"]["task"].is_i64() && pair["new"]["task"]["task"].is_i64()),
        "{pairs:#?}"
    );
    assert!(pairs.iter().any(|pair| pair["new"]["task"]["took"].as_i64().is_some_and(|took| took >= 1)), "{pairs:#?}");
    let ran = compare(&scene, "target/old", "target/new", &["--times"]);
    let times = ran.stdout.split("\nTimes\n").nth(1).unwrap_or_else(|| panic!("{}", ran.stdout));
    assert_eq!(times.lines().take_while(|line| !line.is_empty()).count(), 3, "{}", ran.stdout);
}

#[test]
fn a_thousand_images_are_soon_compared() {
    let scene = Scene::new();
    let many = |id: &str, size: u64| {
        let compose = Published::write(&scene, id, usual());
        compose.change(IMAGES, |images| {
            let list = images["payload"]["images"]["Server"]["x86_64"].as_array_mut().unwrap();
            let one = list[1].clone();
            *list = (0..1000)
                .map(|number| {
                    let mut entry = one.clone();
                    entry["subvariant"] = json!(format!("S{number}"));
                    entry["path"] = json!(format!("Server/x86_64/images/disk-{number}-9.2-1.x86_64.qcow2"));
                    entry["size"] = json!(size + number);
                    entry
                })
                .collect();
        });
    };
    many(OLD, 1_000_000);
    many(NEW, 2_000_000);
    let ran = compare(&scene, OLD, NEW, &[]);
    assert!(ran.stdout.ends_with("\n1000 images have other sizes\n"), "{}", ran.stdout);
}
