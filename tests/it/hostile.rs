//! A hub, and users who can write into the compose or the cache, that try to lead files elsewhere: nothing is written there, and
//! the message says why.

use crate::program::{Hub, Ran, Scene, files, image};
use crate::proxy;
use crate::scripted_hub::{self, ScriptedHub};
use std::os::unix::fs::symlink;

const FILE: &str = "disk-9.2-1.x86_64.qcow2";

fn scene(cache: bool) -> (Scene, Hub) {
    let scene = Scene::new();
    let cached = format!("koji_cache = \"{}\"\n", scene.path().join("cache").display());
    let options = if cache { &*cached } else { "" };
    scene.write_compose(options, &["x86_64"], &[image("disk", "\"arches\": [\"x86_64\"]")]);
    let hub = Hub::start(&scene, &[]);
    (scene, hub)
}

fn run(scene: &Scene) -> Ran {
    let output = scene
        .command()
        .args(["run", "--config", "test.conf", "--test", "--koji-config", "koji.conf", "--koji-user", "compose"])
        .args(["--compose-dir", "target/compose"])
        .env("MAGUDI_KOJI_PASSWORD", "composepass")
        .output();
    Ran::from(output.unwrap())
}

#[test]
fn names_of_a_hub_lead_nowhere() {
    let value = |name: &str| format!("<string>{name}</string>");
    for (what, from, to) in [
        ("up from a file", value(FILE), value("../../../../evil")),
        ("absolute", value(FILE), value("/tmp/evil")),
        ("two lines", value(FILE), value("evil\n2026-01-01 [INFO] all is well")),
        ("hidden", value(FILE), value(".evil")),
        ("nothing", value(FILE), value("")),
        ("a build", value("9.2"), value("../evil")),
        ("a volume", value("DEFAULT"), value("../../evil")),
    ] {
        let (scene, _hub) = scene(false);
        proxy::put_before(&scene, |_| {}, move |answer| answer.replace(&from, &to));
        let ran = run(&scene);
        assert_eq!(ran.status, Some(1), "{what}: {}", ran.stderr);
        assert!(ran.stderr.contains("cannot be part of a path"), "{what}: {}", ran.stderr);
        assert!(!ran.stderr.lines().any(|line| line.starts_with("2026-01-01")), "{what}: {}", ran.stderr);
        let made = files(scene.path());
        let evil: Vec<_> = made.iter().filter(|path| path.to_string_lossy().contains("evil")).collect();
        assert!(evil.is_empty(), "{what}: {evil:?}");
        assert!(!made.iter().any(|path| path.starts_with("target") && path.ends_with(FILE)), "{what}: it is taken");
    }
}

#[test]
fn links_that_lie_in_the_way_are_not_followed() {
    for (cache, link) in [
        (false, "target/compose/compose/Server"),
        (false, "target/compose/compose/Server/x86_64/images"),
        (false, "target/compose/compose/metadata"),
        (false, "target/compose/logs"),
        (true, "cache/packages"),
        (true, "cache/packages/disk/9.2/1/images"),
    ] {
        let (scene, _hub) = scene(cache);
        let elsewhere = scene.path().join("elsewhere");
        std::fs::create_dir(&elsewhere).unwrap();
        let link = scene.path().join(link);
        std::fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(&elsewhere, &link).unwrap();
        let ran = run(&scene);
        assert_eq!(ran.status, Some(1), "{}: {}", link.display(), ran.stderr);
        assert!(ran.stderr.contains("is a symbolic link out of"), "{}: {}", link.display(), ran.stderr);
        assert!(files(&elsewhere).is_empty(), "{}: {:?}", link.display(), files(&elsewhere));
    }
}

/// What composer and the hub say of a failure is in many files; in none is a character that does something to a terminal or is
/// not seen, and no second line looks like one of ours.
#[test]
fn texts_of_a_hub_are_visible_everywhere() {
    const EVIL: &str =
        "no\u{1b}[2J\u{7}\u{9b}31m\u{202e}drow\u{2066}\u{200b}\u{2028}\r\n2026-01-01 00:00:00 [INFO    ] all is well";
    const ACTS: [char; 8] = ['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}', '\u{2066}', '\u{200b}', '\u{2028}', '\r'];
    let scene = Scene::new();
    let members = |name: &str| format!("\"subvariant\": \"{name}\", \"arches\": [\"x86_64\"]");
    scene.write_compose("", &["x86_64"], &["disk", "cloud"].map(|name| image(name, &members(name))));
    let hub = ScriptedHub::start(&scene);
    hub.state().task_seconds = f64::INFINITY;
    // As composer writes it into its JSON.
    let reason = serde_json::Value::from(EVIL).to_string().replace('"', "");
    hub.on("getTaskInfo", move |state, _| {
        let open: Vec<i64> = state.tasks.values().filter(|task| !task.state.is_final()).map(|task| task.id).collect();
        for id in open {
            state.fail_compose(id, &reason);
        }
        None
    });
    let ran = Ran::from(scripted_hub::run_command(&scene, &["--events", "target/events"]).output().unwrap());
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
    let told = scripted_hub::verb(&scene, "status", &[]);
    let said = [ran.stderr, ran.stdout, told.stdout, told.stderr].join("\n");
    let (mut texts, mut quoting) = (vec![("the program".to_owned(), said)], 0);
    for file in files(&scene.target()) {
        let text = std::fs::read(scene.target().join(&file)).unwrap();
        texts.push((file.display().to_string(), String::from_utf8(text).unwrap()));
    }
    for (place, text) in texts {
        assert!(!text.contains(ACTS), "{place}: {text:?}");
        let is_log = !place.ends_with(".html");
        assert!(!is_log || !text.lines().any(|line| line.starts_with("2026-01-01 00:00:00")), "{place}: {text}");
        quoting += usize::from(text.contains("all is well"));
    }
    // The program, the log, the traceback, two watch logs, the journal, the events, the report.
    assert!(quoting >= 7, "only {quoting} places quote it");
}
