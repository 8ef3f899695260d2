//! What a resume compares and what it gets over: journals of other days, damaged ones, settings that are missing, a compose directory at
//! another place, and a configuration that describes images otherwise.

use crate::program::{Ran, Scene, image};
use crate::scripted_hub::{self, Answer, ScriptedHub, begin_and_kill, compose, resume, text_of, verb};
use magudi_koji::calls::TaskState;
use magudi_testkit::{kill, repository};
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::process::Stdio;

const JOURNAL: &str = "logs/global/magudi-journal.jsonl";

/// Copies a directory.
fn copy(from: &Path, to: &Path) {
    for file in crate::program::files(from) {
        std::fs::create_dir_all(to.join(&file).parent().unwrap()).unwrap();
        std::fs::copy(from.join(&file), to.join(&file)).unwrap();
    }
}

/// The tasks end now.
fn ended(hub: &ScriptedHub) {
    hub.state().task_seconds = 0.0;
}

/// Three images, each with a task, of a run that was killed.
fn three_images() -> (Scene, ScriptedHub) {
    let scene = Scene::new();
    let images = ["a", "b", "c"].map(|n| image(n, &format!("\"subvariant\": \"{n}\", \"arches\": [\"x86_64\"]")));
    scene.write_compose("", &["x86_64"], &images);
    let hub = ScriptedHub::start(&scene);
    begin_and_kill(&scene, &hub, 3, &[]);
    ended(&hub);
    (scene, hub)
}

fn finished(ran: &Ran, scene: &Scene, images: usize, what: &str) {
    assert_eq!(ran.status, Some(0), "{what}: {}", ran.stderr);
    assert_eq!(text_of(scene, "STATUS"), "FINISHED\n", "{what}");
    assert_eq!(text_of(scene, "compose/metadata/images.json").matches("\"path\"").count(), images, "{what}");
}

/// A compose that `fixtures/journals` has the journal of, at a hub that has its tasks.
fn of_that_time(name: &str) -> (Scene, ScriptedHub) {
    let scene = Scene::new();
    let fixtures = repository().join("fixtures/journals");
    let here = scene.path().display().to_string();
    let text = |file: &str| std::fs::read_to_string(fixtures.join(file)).unwrap().replace("@SCENE@", &here);
    scene.write("test.conf", &text("test.conf"));
    scene.write("variants.xml", &text("variants.xml"));
    let hub = ScriptedHub::start(&scene);
    // The tasks are made by the same configuration, and have the numbers that this hub gives them.
    begin_and_kill(&scene, &hub, 4, &[]);
    let dir = compose(&scene).unwrap();
    std::fs::remove_dir_all(&dir).unwrap();
    let dir = scene.target().join("Test-9.2-20240229.t.0");
    let mut journal = text(&format!("{name}/magudi-journal.jsonl")).replace("@HUB@", &hub.url());
    for line in journal.clone().lines() {
        let event: Json = serde_json::from_str(line).unwrap();
        if event["event"] == "submitted" {
            let image = format!("disk{}", event["request"]);
            let state = hub.state();
            let (id, _) = state.tasks.iter().find(|(_, task)| task.text(0) == image).unwrap();
            journal = journal.replace(&event["task"].to_string(), &id.to_string());
        }
    }
    for (file, text) in [
        (JOURNAL, journal),
        ("work/global/composeinfo-base.json", text("composeinfo-base.json")),
        ("logs/global/config-dump.global.log", text("config-dump.global.log")),
        ("STATUS", if name == "killed" { "STARTED\n" } else { "TERMINATED\n" }.to_owned()),
    ] {
        std::fs::create_dir_all(dir.join(file).parent().unwrap()).unwrap();
        std::fs::write(dir.join(file), text).unwrap();
    }
    (scene, hub)
}

fn status(scene: &Scene) -> Json {
    let ran = verb(scene, "status", &["--format", "json"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap()
}

#[test]
fn a_killed_compose_of_that_time_is_resumed() {
    let (scene, hub) = of_that_time("killed");
    let before = status(&scene);
    ended(&hub);
    assert_eq!((before["requests"].as_array().unwrap().len(), &before["canceled"]), (4, &Json::from(false)));
    let ran = resume(&scene, &[]);
    finished(&ran, &scene, 5, "killed");
    assert_eq!(hub.state().tasks.len(), 4, "{}", ran.stderr);
    assert_eq!(status(&scene)["status"], "FINISHED");
}

#[test]
fn a_killed_compose_of_that_time_is_canceled() {
    let (scene, hub) = of_that_time("killed");
    let ran = verb(&scene, "cancel", &[]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    // One of them had ended by then.
    let canceled = hub.state().tasks.values().filter(|task| task.state == TaskState::Canceled).count();
    assert_eq!(canceled, 3, "{}", ran.stderr);
    assert_eq!(
        (status(&scene)["status"].as_str(), status(&scene)["canceled"].as_bool()),
        (Some("TERMINATED"), Some(true))
    );
}

#[test]
fn a_canceled_compose_of_that_time_is_resumed() {
    // What was canceled is built again; what ended well all the same is taken.
    for canceled in [true, false] {
        let (scene, hub) = of_that_time("canceled");
        assert_eq!(status(&scene)["status"], "TERMINATED");
        let tasks: Vec<i64> = hub.state().tasks.keys().copied().collect();
        if canceled {
            for task in tasks {
                hub.state().cancel(task);
            }
        }
        ended(&hub);
        let ran = resume(&scene, &[]);
        finished(&ran, &scene, 5, "canceled");
        assert_eq!(hub.state().tasks.len(), if canceled { 8 } else { 4 }, "{}", ran.stderr);
    }
}

/// The whole journal, with its first event of a kind changed.
fn edited(journal: &str, kind: &str, mut edit: impl FnMut(&mut Json)) -> String {
    let edited = journal.lines().map(|line| {
        let mut event: Json = serde_json::from_str(line).unwrap();
        if event["event"] == kind {
            edit(&mut event);
        }
        format!("{event}\n")
    });
    edited.collect::<Vec<_>>().concat()
}

#[test]
fn a_setting_that_the_journal_does_not_have_is_given_or_has_its_default() {
    let scene = Scene::new();
    scene.write_compose("", &["x86_64"], &[image("disk", "\"arches\": [\"x86_64\"]")]);
    let hub = ScriptedHub::start(&scene);
    begin_and_kill(&scene, &hub, 1, &[]);
    ended(&hub);
    let dir = compose(&scene).unwrap();
    let aside = scene.path().join("aside");
    copy(&dir, &aside);
    let journal = std::fs::read_to_string(aside.join(JOURNAL)).unwrap();
    let mut names = Vec::new();
    edited(&journal, "compose-started", |event| names.extend(event["settings"].as_object().unwrap().keys().cloned()));
    assert!(names.len() > 10, "{names:?}");
    // All of them at once, as a journal has it that knew none.
    names.push("settings".to_owned());
    for name in names {
        std::fs::remove_dir_all(&dir).unwrap();
        copy(&aside, &dir);
        let less = edited(&journal, "compose-started", |event| {
            let object = if name == "settings" { &mut *event } else { &mut event["settings"] };
            object.as_object_mut().unwrap().remove(&name).unwrap();
        });
        std::fs::write(dir.join(JOURNAL), less).unwrap();
        assert_eq!(status(&scene)["requests"].as_array().unwrap().len(), 1, "{name}");
        let given = ["--config", "test.conf", "--koji-config", "koji.conf", "--koji-user", "compose"];
        let ran = resume(&scene, &given);
        finished(&ran, &scene, 1, &name);
        assert_eq!(hub.state().tasks.len(), 1, "{name}: {}", ran.stderr);
    }
}

/// What becomes of a journal.
type Damage = fn(&str) -> String;

#[test]
fn a_plan_that_is_damaged_is_made_whole() {
    let damages: [(&str, Damage); 7] = [
        ("the first one lost", |text| without_planned(text, &[0])),
        ("the second one lost", |text| without_planned(text, &[1])),
        ("two lost", |text| without_planned(text, &[0, 2])),
        ("all lost", |text| without_planned(text, &[0, 1, 2])),
        ("each doubled", |text| {
            let twice = |line: &str| if is_planned(line) { format!("{line}\n{line}\n") } else { format!("{line}\n") };
            text.lines().map(twice).collect::<Vec<_>>().concat()
        }),
        ("in another order", |text| {
            let mut lines: Vec<&str> = text.lines().collect();
            let places: Vec<usize> = (0..lines.len()).filter(|at| is_planned(lines[*at])).collect();
            lines.swap(places[0], places[2]);
            lines.join("\n") + "\n"
        }),
        ("the last lines lost", |text| {
            let lines: Vec<&str> = text.lines().collect();
            let last = lines.iter().rposition(|line| line.contains("\"submitted\"")).unwrap();
            lines[..last].join("\n") + "\n"
        }),
    ];
    for (what, damage) in damages {
        let (scene, hub) = three_images();
        let path = compose(&scene).unwrap().join(JOURNAL);
        let journal = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, damage(&journal)).unwrap();
        assert_eq!(verb(&scene, "status", &[]).status, Some(0), "{what}");
        let ran = resume(&scene, &[]);
        finished(&ran, &scene, 3, what);
        assert_eq!(hub.state().tasks.len(), 3, "{what}: {}", ran.stderr);
    }
}

fn is_planned(line: &str) -> bool {
    line.contains("\"event\":\"planned\"")
}

fn without_planned(text: &str, lost: &[usize]) -> String {
    let mut number = 0;
    let kept = text.lines().filter(|line| {
        number += usize::from(is_planned(line));
        !(is_planned(line) && lost.contains(&(number - 1)))
    });
    kept.map(|line| format!("{line}\n")).collect::<Vec<_>>().concat()
}

/// A hole that the configuration cannot fill, because it has changed: what stands there is at the hub, and is not built twice.
#[test]
fn a_plan_with_a_hole_and_another_configuration_is_refused() {
    let (scene, hub) = three_images();
    let path = compose(&scene).unwrap().join(JOURNAL);
    let journal = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, without_planned(&journal, &[1])).unwrap();
    let config = std::fs::read_to_string(scene.path().join("test.conf")).unwrap();
    scene.write("test.conf", &config.replace("\"name\": \"b\"", "\"name\": \"other\""));
    let ran = resume(&scene, &[]);
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("which image is request 1 is lost, which has task"), "{}", ran.stderr);
    assert!(ran.stderr.contains("restore the configuration"), "{}", ran.stderr);
    assert_eq!(hub.state().tasks.len(), 3);
    scene.write("test.conf", &config);
    finished(&resume(&scene, &[]), &scene, 3, "put back");
    assert_eq!(hub.state().tasks.len(), 3);
}

#[test]
fn a_compose_directory_that_was_moved_is_resumed_at_its_new_place() {
    let scene = Scene::new();
    // The address of the repository in the requests has the place in it.
    let translate = format!("translate_paths = [(\"{}\", \"http://composes.example.com\")]\n", scene.path().display());
    let members = "\"arches\": [\"x86_64\"], \"subvariant\": ";
    let images = ["a", "b"].map(|name| image(name, &format!("{members}\"{name}\"")));
    scene.write_compose(&translate, &["x86_64"], &images);
    let hub = ScriptedHub::start(&scene);
    begin_and_kill(&scene, &hub, 2, &[]);
    ended(&hub);
    let from = compose(&scene).unwrap();
    let to: PathBuf = scene.path().join("elsewhere").join(from.file_name().unwrap());
    std::fs::create_dir(to.parent().unwrap()).unwrap();
    std::fs::rename(&from, &to).unwrap();
    let ran = Ran::from(scripted_hub::command(&scene, &["resume", to.to_str().unwrap()]).output().unwrap());
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_eq!(hub.state().tasks.len(), 2, "{}", ran.stderr);
    assert_eq!(std::fs::read_to_string(to.join("STATUS")).unwrap(), "FINISHED\n");
    assert!(!from.exists(), "something was made at the old place");
    let manifest = std::fs::read_to_string(to.join("compose/metadata/images.json")).unwrap();
    assert_eq!(manifest.matches("\"path\"").count(), 2, "{manifest}");
}

/// What is not sent counts, too: these change what images.json says, or whether the compose may do without.
#[test]
fn an_image_that_is_described_otherwise_is_noticed() {
    let changes = [
        ("subvariant", "\"subvariant\": \"a\"", "\"subvariant\": \"Another\""),
        ("manifest_type", "\"subvariant\": \"a\"", "\"subvariant\": \"a\", \"manifest_type\": \"raw\""),
        ("failable", "\"subvariant\": \"a\"", "\"subvariant\": \"a\", \"failable\": [\"*\"]"),
    ];
    for (key, from, to) in changes {
        let scene = Scene::new();
        let images = ["a", "b"].map(|n| image(n, &format!("\"subvariant\": \"{n}\", \"arches\": [\"x86_64\"]")));
        scene.write_compose("", &["x86_64"], &images);
        let hub = ScriptedHub::start(&scene);
        // One has failed, and the other is in the compose.
        hub.on("osbuildImage", |_, call| {
            let is_b = call.params.first().and_then(magudi_koji::Value::as_str) == Some("b");
            is_b.then(|| Answer::Fault(1000, "no".to_owned()))
        });
        assert_eq!(scripted_hub::run(&scene).status, Some(1));
        hub.behave();
        let config = std::fs::read_to_string(scene.path().join("test.conf")).unwrap();
        assert!(config.contains(from), "{config}");
        scene.write("test.conf", &config.replace(from, to));
        for more in [&["--retry-failed"][..], &[]] {
            let ran = resume(&scene, more);
            assert_eq!(ran.status, Some(1), "{key}: {}", ran.stderr);
            assert!(ran.stderr.contains(&format!("Server:a ({key})")), "{key}: {}", ran.stderr);
        }
        assert_eq!(hub.state().tasks.len(), 1, "{key}");
        // Taken over: nothing is built for it, and images.json has it.
        let ran = resume(&scene, &["--retry-failed", "--accept", "a"]);
        finished(&ran, &scene, 2, key);
        assert_eq!(hub.state().tasks.len(), 2, "{key}");
        let manifest = text_of(&scene, "compose/metadata/images.json");
        let said = ["\"subvariant\": \"Another\"", "\"type\": \"raw\""].map(|new| manifest.contains(new));
        assert_eq!(said, [key == "subvariant", key == "manifest_type"], "{manifest}");
    }
}

/// A supported compose of a milestone that is not final by itself: `final` is decided when the compose ends, in whichever run that is.
#[test]
fn what_was_said_of_the_compose_is_kept() {
    for (label, supported) in [("Beta-1.0", true), ("Beta-1.0", false), ("RC-1.0", false)] {
        let scene = Scene::new();
        scene.write_compose("", &["x86_64"], &[image("disk", "\"arches\": [\"x86_64\"]")]);
        let hub = ScriptedHub::start(&scene);
        hub.state().task_seconds = f64::INFINITY;
        let target = scene.target().display().to_string();
        let mut command = scripted_hub::command(&scene, &["run", "--config", "test.conf", "--target-dir", &target]);
        command.args(["--koji-config", "koji.conf", "--koji-user", "compose", "--label", label]);
        command.args(supported.then_some("--supported"));
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        scripted_hub::wait_for_records(&scene, "\"event\":\"submitted\"", 1);
        kill(&mut child);
        ended(&hub);
        finished(&resume(&scene, &[]), &scene, 1, label);
        let info: Json = serde_json::from_str(&text_of(&scene, "compose/metadata/composeinfo.json")).unwrap();
        let info = &info["payload"]["compose"];
        assert_eq!(
            (info["label"].as_str(), info["final"].as_bool()),
            (Some(label), Some(supported || label == "RC-1.0"))
        );
    }
}
