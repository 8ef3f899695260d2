//! Five phases in one compose: whatever kills the run and whichever answers get lost, every image is asked for once, and one
//! images.json has them all.

use crate::program::{Hub, Ran, Scene, image};
use serde_json::{Value as Json, json};
use std::process::Stdio;
use std::time::Duration;

/// Images of each phase.
const IMAGES: usize = 3;

/// The methods of the phases, as they are called and as their tasks are.
const METHODS: [(&str, &str); 5] = [
    ("osbuildImage", "osbuildImage"),
    ("kiwiBuild", "kiwiBuild"),
    ("imageBuilderBuild", "imageBuilderBuild"),
    ("buildImage", "livemedia"),
    ("buildImageOz", "image"),
];

fn section(phase: &str, image: impl Fn(usize) -> Json) -> String {
    let images: Vec<Json> = (0..IMAGES).map(image).collect();
    format!("{phase} = {}\n", json!({"^Server$": images}))
}

/// Images of every phase, three each.
pub fn scene() -> Scene {
    let ksurl = "https://git.example.com/kickstarts.git#f42";
    let sections = [
        section("kiwibuild", |n| {
            json!({"kiwi_profile": format!("K{n}"), "description_scm": "https://git.example.com/kiwi.git#f42",
                   "description_path": "a.kiwi", "release": "1", "subvariant": format!("K{n}")})
        }),
        section(
            "imagebuilder",
            |n| json!({"name": format!("I{n}"), "types": ["minimal-raw-xz"], "release": "1", "subvariant": format!("I{n}")}),
        ),
        section("live_media", |n| {
            json!({"name": format!("L{n}"), "kickstart": "l.ks", "ksurl": ksurl, "release": "1",
                   "subvariant": format!("L{n}")})
        }),
        section("image_build", |n| {
            json!({"image-build": {"name": format!("O{n}"), "kickstart": "o.ks", "ksurl": ksurl, "distro": "Fedora-42",
                                   "format": ["qcow2"], "release": "1", "subvariant": format!("O{n}")}})
        }),
    ];
    let scene = Scene::new();
    let osbuild: Vec<String> =
        (0..IMAGES).map(|n| image(&format!("disk{n}"), &format!("\"subvariant\": \"D{n}\""))).collect();
    scene.write_compose(&sections.concat(), &["x86_64"], &osbuild);
    scene
}

/// How many tasks of any of the phases a hub has.
pub fn tasks(hub: &Hub) -> usize {
    METHODS.iter().map(|(_, task)| hub.tasks_of(task).len()).sum()
}

fn every_image_once(scene: &Scene, hub: &Hub) {
    for (_, task) in METHODS {
        assert_eq!(hub.tasks_of(task).len(), IMAGES, "{task}");
    }
    let compose = scene.target().join("Test-9.2-20240229.t.0");
    assert_eq!(std::fs::read_to_string(compose.join("STATUS")).expect("a status"), "FINISHED\n");
    let images = std::fs::read_to_string(compose.join("compose/metadata/images.json")).expect("images");
    let images: Json = serde_json::from_str(&images).expect("JSON");
    let listed = images["payload"]["images"]["Server"]["x86_64"].as_array().expect("a list");
    assert_eq!(listed.len(), METHODS.len() * IMAGES);
}

#[test]
fn killed_again_and_again_with_lost_answers_every_image_is_asked_for_once() {
    let scene = scene();
    let drops: Vec<Json> = METHODS.iter().map(|(method, _)| json!({"method": method, "every": 2})).collect();
    scene.write("scenario.json", &json!({"task_seconds": [0, 1], "drop_answers": drops}).to_string());
    let hub = Hub::start(&scene, &["--scenario", "scenario.json"]);
    let koji = ["--koji-config", "koji.conf", "--koji-user", "compose"];
    let command = |args: &[&str]| {
        let mut command = scene.command();
        command.args(args).args(koji).env("MAGUDI_KOJI_PASSWORD", "composepass");
        command
    };
    let compose = scene.target().join("Test-9.2-20240229.t.0").display().to_string();
    let begin = ["run", "--config", "test.conf", "--test", "--target-dir", "target"];
    // A run that was killed before it had a plan left nothing to resume.
    let next = || {
        let is_begun = std::fs::read_to_string(format!("{compose}/logs/global/magudi-journal.jsonl"))
            .is_ok_and(|journal| journal.contains("\"planned\""));
        if is_begun {
            command(&["resume", &compose])
        } else {
            let _ = std::fs::remove_dir_all(&compose);
            command(&begin)
        }
    };
    for kill in 0..6_u64 {
        let mut child = next().stderr(Stdio::null()).spawn().expect("the program starts");
        // Each a little later in the life of a run.
        std::thread::sleep(Duration::from_millis(300 + kill * 170));
        let _ = child.kill();
        child.wait().expect("it ends");
    }
    let ran = Ran::from(next().output().expect("the program starts"));
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    every_image_once(&scene, &hub);
}
