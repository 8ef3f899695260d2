//! `--rebuild`, `--accept` and `--adopt`: what is done for images that a person names, and for no others.

use crate::program::{Ran, Scene, image};
use crate::scripted_hub::{Answer, ScriptedHub, resume, run, run_command, text_of, verb, wait_for_records};
use magudi_koji::Value;
use magudi_koji::calls::TaskState;
use magudi_koji::value::string;
use magudi_testkit::{kill, wait_until};
use std::collections::BTreeMap;
use std::process::Stdio;

/// Three images, of which the hub has refused `c`: the compose is doomed, and has the others.
fn doomed() -> (Scene, ScriptedHub) {
    let scene = Scene::new();
    let images = ["a", "b", "c"].map(|n| image(n, &format!("\"subvariant\": \"{n}\", \"arches\": [\"x86_64\"]")));
    scene.write_compose("", &["x86_64"], &images);
    let hub = ScriptedHub::start(&scene);
    hub.on("osbuildImage", |_, call| {
        let is_c = call.params.first().and_then(Value::as_str) == Some("c");
        is_c.then(|| Answer::Fault(1000, "no".to_owned()))
    });
    assert_eq!(run(&scene).status, Some(1));
    assert_eq!(tasks(&hub), BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 1)]));
    hub.behave();
    (scene, hub)
}

/// How many tasks the hub has, by image.
fn tasks(hub: &ScriptedHub) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for task in hub.state().tasks.values() {
        *counted.entry(task.text(0)).or_default() += 1;
    }
    counted
}

fn have(hub: &ScriptedHub, want: &[(&str, usize)], said: &str) {
    let want: BTreeMap<String, usize> = want.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
    assert_eq!(tasks(hub), want, "{said}");
}

fn finished(ran: &Ran, scene: &Scene) {
    assert_eq!((ran.status, text_of(scene, "STATUS").as_str()), (Some(0), "FINISHED\n"), "{}", ran.stderr);
    let manifest = text_of(scene, "compose/metadata/images.json");
    assert_eq!(manifest.matches("\"path\"").count(), 3, "{manifest}");
}

fn change(scene: &Scene, from: &str, to: &str) {
    let config = std::fs::read_to_string(scene.path().join("test.conf")).unwrap();
    assert!(config.contains(from), "{config}");
    scene.write("test.conf", &config.replace(from, to));
}

/// An image that is as it was is built again when it is named, in each way to name it; the others are not.
#[test]
fn an_image_that_is_named_is_built_again_though_nothing_changed() {
    for word in ["a", "Server:a"] {
        let (scene, hub) = doomed();
        let ran = resume(&scene, &["--rebuild", word]);
        finished(&ran, &scene);
        have(&hub, &[("a", 2), ("b", 1), ("c", 1)], &ran.stderr);
        // The new one is in the compose, under the release that the hub gave it.
        let manifest = text_of(&scene, "compose/metadata/images.json");
        let files: Vec<&str> =
            manifest.lines().filter(|line| line.contains("\"path\"") && line.contains("/a-")).collect();
        assert!(matches!(files.as_slice(), [one] if one.contains("/a-9.2-2.")), "{files:?}");
    }
}

/// What still runs for it is canceled before it is asked for again.
#[test]
fn the_task_of_an_image_that_is_built_again_is_canceled_first() {
    let scene = Scene::new();
    let images = ["a", "b", "c"].map(|n| image(n, &format!("\"subvariant\": \"{n}\", \"arches\": [\"x86_64\"]")));
    scene.write_compose("", &["x86_64"], &images);
    let hub = ScriptedHub::start(&scene);
    hub.state().task_seconds = f64::INFINITY;
    hub.on("osbuildImage", |state, _| {
        let is_again = state.tasks.len() == 3;
        assert!(!is_again || state.tasks[&1000].state == TaskState::Canceled, "both would run");
        None
    });
    let mut command = run_command(&scene, &[]);
    for tasks in [3, 4] {
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        wait_until("not so many tasks are made", || hub.state().tasks.len() >= tasks);
        kill(&mut child);
        command = verb_command(&scene, &["--rebuild", "a"]);
    }
    assert_eq!(hub.state().tasks[&1000].state, TaskState::Canceled);
    hub.state().task_seconds = 0.0;
    let ran = resume(&scene, &[]);
    finished(&ran, &scene);
    have(&hub, &[("a", 2), ("b", 1), ("c", 1)], &ran.stderr);
}

fn verb_command(scene: &Scene, more: &[&str]) -> std::process::Command {
    let compose = crate::scripted_hub::compose(scene).unwrap().display().to_string();
    crate::scripted_hub::command(scene, &[&["resume", &compose], more].concat())
}

/// `*` are the images that have changed, in whatever way, and those that failed before they had a task.
#[test]
fn all_that_have_changed_are_built_again() {
    let (scene, hub) = doomed();
    let ran = resume(&scene, &["--rebuild", "*"]);
    finished(&ran, &scene);
    have(&hub, &[("a", 1), ("b", 1), ("c", 1)], &ran.stderr);

    for (from, to) in [
        ("\"name\": \"a\"", "\"name\": \"a\", \"ostree_url\": \"https://example.com/o\""),
        ("\"subvariant\": \"a\"", "\"subvariant\": \"Other\""),
        ("\"subvariant\": \"a\"", "\"subvariant\": \"a\", \"failable\": [\"*\"]"),
    ] {
        let (scene, hub) = doomed();
        change(&scene, from, to);
        let refused = resume(&scene, &[]);
        assert_eq!(refused.status, Some(1), "{to}: {}", refused.stderr);
        assert!(refused.stderr.contains("has changed") && refused.stderr.contains("--rebuild"), "{}", refused.stderr);
        have(&hub, &[("a", 1), ("b", 1)], to);
        let ran = resume(&scene, &["--rebuild", "*"]);
        finished(&ran, &scene);
        have(&hub, &[("a", 2), ("b", 1), ("c", 1)], &format!("{to}: {}", ran.stderr));
    }
}

/// `--accept` takes a description over for the images that it names alone, and nothing that is built otherwise.
#[test]
fn what_is_only_described_otherwise_is_taken_over_for_those_that_are_named() {
    let (scene, hub) = doomed();
    change(&scene, "\"subvariant\": \"a\"", "\"subvariant\": \"A2\"");
    change(&scene, "\"subvariant\": \"b\"", "\"subvariant\": \"B2\"");
    let refused = resume(&scene, &["--accept", "Server:a"]);
    assert_eq!(refused.status, Some(1), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("Server:b (subvariant)") && !refused.stderr.contains("Server:a (subvariant)"),
        "{}",
        refused.stderr
    );
    let ran = resume(&scene, &["--accept", "*"]);
    finished(&ran, &scene);
    have(&hub, &[("a", 1), ("b", 1), ("c", 1)], &ran.stderr);
    let manifest = text_of(&scene, "compose/metadata/images.json");
    assert!(manifest.contains("\"A2\"") && manifest.contains("\"B2\""), "{manifest}");

    let (scene, hub) = doomed();
    change(&scene, "\"name\": \"a\"", "\"name\": \"a\", \"ostree_url\": \"https://example.com/o\"");
    let refused = resume(&scene, &["--accept", "*"]);
    assert_eq!(refused.status, Some(1), "{}", refused.stderr);
    assert!(refused.stderr.contains("images that would be built again: Server:a"), "{}", refused.stderr);
    have(&hub, &[("a", 1), ("b", 1)], "");
}

/// A task that somebody made, for the same, is taken for the image for which it is named.
#[test]
fn a_task_that_is_named_is_taken_when_it_asks_for_the_same() {
    let (scene, hub) = doomed();
    let failed = {
        let mut state = hub.state();
        let request = state.tasks[&1000].request.clone();
        let theirs = request.iter().map(|value| if *value == string("a") { string("c") } else { value.clone() });
        let theirs: Vec<Value> = theirs.collect();
        let task = state.submit("osbuildImage", &theirs, 3);
        let failed = state.submit("osbuildImage", &theirs, 3);
        state.finish(task);
        state.fail(failed, 1000, "no");
        assert_eq!(task, 1002);
        failed
    };
    let says = |options: &[&str], status: i32, parts: &[&str]| {
        let ran = resume(&scene, options);
        assert_eq!(ran.status, Some(status), "{options:?}: {}", ran.stderr);
        for part in parts {
            assert!(ran.stderr.contains(part), "{options:?}: {part:?} is not in {}", ran.stderr);
        }
        have(&hub, &[("a", 1), ("b", 1), ("c", 2)], &ran.stderr);
    };
    says(&["--adopt", "d=1002"], 2, &["--adopt: there is no image `d`"]);
    says(&["--adopt", "*=1002"], 2, &["names 3 images; name one as VARIANT:NAME"]);
    for wrong in ["c", "c=", "c=0", "c=-5", "c=x", "=1002"] {
        says(&["--adopt", wrong], 2, &["--adopt"]);
    }
    says(
        &["--adopt", "c=1002", "--adopt", "Server:a=1002"],
        2,
        &["--adopt: task 1002 is given for c and for Server:a"],
    );
    says(&["--adopt", "c=1000"], 1, &["task 1000 is not used", "other arguments (a)"]);
    says(&["--adopt", "c=4711"], 1, &["task 4711 is not used: the hub does not know it"]);
    says(&["--adopt", &format!("c={failed}")], 1, &[&format!("task {failed}")]);
    let ran = resume(&scene, &["--adopt", "Server:c=1002"]);
    finished(&ran, &scene);
    assert!(ran.stderr.contains("task 1002 is used for image"), "{}", ran.stderr);
    have(&hub, &[("a", 1), ("b", 1), ("c", 2)], &ran.stderr);
}

/// One that still runs is awaited, also by later runs, which need not hear of it again; it is somebody else's, and never canceled.
#[test]
fn a_task_that_is_named_and_runs_is_awaited_and_left_alone() {
    for ends in [false, true] {
        let (scene, hub) = doomed();
        {
            let mut state = hub.state();
            let request = state.tasks[&1000].request.clone();
            let theirs = request.iter().map(|value| if *value == string("a") { string("c") } else { value.clone() });
            let theirs: Vec<Value> = theirs.collect();
            state.submit("osbuildImage", &theirs, 3);
            state.task_seconds = f64::INFINITY;
        }
        let mut child = verb_command(&scene, &["--adopt", "c=1002"]).stderr(Stdio::null()).spawn().unwrap();
        wait_for_records(&scene, "\"task\":1002", 1);
        kill(&mut child);
        if ends {
            let canceled = verb(&scene, "cancel", &[]);
            assert_eq!(canceled.status, Some(0), "{}", canceled.stderr);
            assert!(canceled.stderr.contains("task 1002 was left alone"), "{}", canceled.stderr);
            assert!(!hub.state().tasks[&1002].state.is_final());
        }
        hub.state().task_seconds = 0.0;
        let ran = resume(&scene, &[]);
        finished(&ran, &scene);
        have(&hub, &[("a", 1), ("b", 1), ("c", 1)], &ran.stderr);
    }
}

/// An unknown name is a wrong use of the command line: near names are said, and nothing is changed.
#[test]
fn a_name_that_is_none_is_refused() {
    let (scene, hub) = doomed();
    let before = text_of(&scene, "logs/global/magudi-journal.jsonl");
    for option in ["--rebuild", "--accept"] {
        let ran = resume(&scene, &[option, "Server:d"]);
        assert_eq!(ran.status, Some(2), "{}", ran.stderr);
        let said = format!("{option}: there is no image `Server:d`; did you mean `Server:");
        assert!(ran.stderr.contains(&said), "{}", ran.stderr);
    }
    assert_eq!(text_of(&scene, "logs/global/magudi-journal.jsonl"), before);
    // Of a new compose nothing can be taken over.
    let ran = Ran::from(run_command(&scene, &["--adopt", "c=5"]).output().unwrap());
    assert_eq!(ran.status, Some(2), "{}", ran.stderr);
    have(&hub, &[("a", 1), ("b", 1)], &ran.stderr);
}
