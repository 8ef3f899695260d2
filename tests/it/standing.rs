//! Builds that are at the hub already when a request is submitted once more, and tasks that somebody had made again.

use crate::program::{Ran, Scene, image};
use crate::scripted_hub::{
    Answer, ScriptedHub, always, command, compose, resume, run, run_command, text_of, wait_for_records,
};
use magudi_koji::calls::BuildState;
use magudi_testkit::{kill, side_by_side, wait_until};
use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::Duration;

/// A compose of one image with a fixed release, and what the hub does with its task.
fn fixed_release() -> (Scene, ScriptedHub) {
    one_image("\"release\": \"1\", ")
}

fn one_image(members: &str) -> (Scene, ScriptedHub) {
    let scene = Scene::new();
    scene.write_compose("", &["x86_64"], &[image("disk", &format!("{members}\"arches\": [\"x86_64\"]"))]);
    let hub = ScriptedHub::start(&scene);
    hub.state().task_seconds = f64::INFINITY;
    (scene, hub)
}

/// `magudi resume`, to be killed.
fn resume_command(scene: &Scene) -> Command {
    command(scene, &["resume", &compose(scene).unwrap().display().to_string()])
}

fn signal(name: &str, pid: u32) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().unwrap().success());
}

/// Begins a compose and ends it by Ctrl-C while its task is open, which cancels the task.
fn interrupted() -> (Scene, ScriptedHub) {
    interrupted_with("\"release\": \"1\", ")
}

/// The same with further `members` of the image.
fn interrupted_with(members: &str) -> (Scene, ScriptedHub) {
    let (scene, hub) = one_image(members);
    let mut child = run_command(&scene, &[]).stderr(Stdio::null()).spawn().unwrap();
    wait_for_records(&scene, "\"task-state\"", 1);
    signal("-INT", child.id());
    child.wait().unwrap();
    assert_eq!(hub.state().tasks[&1000].state, magudi_koji::calls::TaskState::Canceled);
    (scene, hub)
}

/// Begins a compose whose task fails as `fail` says.
fn failed(fail: impl Fn(&ScriptedHub) + Send) -> (Scene, ScriptedHub, Ran) {
    let (scene, hub) = fixed_release();
    let child = run_command(&scene, &[]).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("nothing is submitted", || !hub.state().tasks.is_empty());
    fail(&hub);
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
    (scene, hub, ran)
}

fn finished(ran: &Ran, scene: &Scene, hub: &ScriptedHub, tasks: usize) {
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_eq!(text_of(scene, "STATUS"), "FINISHED\n");
    assert!(text_of(scene, "compose/metadata/images.json").contains("disk-9.2-1.x86_64.qcow2"));
    assert_eq!(hub.state().tasks.len(), tasks, "{}", ran.stderr);
}

fn says(ran: &Ran, parts: &[&str]) {
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
    for part in parts {
        assert!(ran.stderr.contains(part), "{part:?} is not in {}", ran.stderr);
    }
}

/// The compose of a canceled task continues and imports its build.
#[test]
fn the_build_of_a_canceled_task_is_taken() {
    let (scene, hub) = interrupted();
    hub.state().import(1000);
    finished(&resume(&scene, &[]), &scene, &hub, 1);
    // It stays taken.
    finished(&resume(&scene, &[]), &scene, &hub, 1);
}

/// The same while it is being imported: then the hub does not know yet whose it is.
#[test]
fn the_build_of_a_canceled_task_is_waited_for() {
    let (scene, hub) = interrupted();
    let build = hub.state().import(1000);
    {
        let mut state = hub.state();
        let build = state.builds.get_mut(&build).unwrap();
        (build.state, build.task) = (BuildState::Building, None);
    }
    let mut looks = 0;
    hub.on("getBuild", move |state, _| {
        looks += 1;
        if looks == 4 {
            let build = state.builds.get_mut(&build).unwrap();
            (build.state, build.task) = (BuildState::Complete, Some(1000));
        }
        None
    });
    finished(&resume(&scene, &[]), &scene, &hub, 1);
}

/// The same after a run that was killed when it was about to submit: what was in doubt then does not keep the build from being asked for.
#[test]
fn the_build_of_a_canceled_task_is_taken_after_a_submission_in_doubt() {
    let release = ["\"release\": \"1\", ", ""];
    side_by_side(release, |release| {
        let (scene, hub) = interrupted_with(release);
        // Not answered before the end: what a killed run sends once more may arrive when the hub behaves.
        hub.on("osbuildImage", always(Answer::Drip(vec![(Duration::from_secs(600), Vec::new())])));
        let mut child = resume_command(&scene).stderr(Stdio::null()).spawn().unwrap();
        wait_until("nothing is sent again", || hub.count("osbuildImage") >= 2);
        kill(&mut child);
        hub.behave();
        hub.state().import(1000);
        finished(&resume(&scene, &[]), &scene, &hub, 1);
    });
}

/// A build that comes while a submission is in doubt is taken, and nothing stays in doubt.
#[test]
fn the_build_of_a_canceled_task_ends_a_doubt() {
    let (scene, hub) = interrupted();
    hub.on("osbuildImage", |state, _| {
        state.import(1000);
        Some(Answer::Fault(1009, "unable to retry call 1".to_owned()))
    });
    finished(&resume(&scene, &[]), &scene, &hub, 1);
}

/// A task that an admin had made again and canceled, and whose build is imported after all: a task that may count counts with its build.
#[test]
fn the_build_of_a_task_that_was_made_again_and_canceled_is_taken() {
    let (scene, hub) = interrupted_with("");
    {
        let mut state = hub.state();
        let again = state.resubmit(1000, 9);
        state.cancel(again);
        state.import(again);
    }
    hub.on("listArchives", always(Answer::Value(magudi_koji::Value::Array(vec![]))));
    let mut child = resume_command(&scene).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the build is not looked at", || hub.count("listArchives") > 0);
    // Killed before it has the build, it knows whose that is all the same.
    kill(&mut child);
    hub.behave();
    let ran = resume(&scene, &[]);
    says(&ran, &["was canceled at the hub"]);
    finished(&resume(&scene, &["--retry-failed"]), &scene, &hub, 2);
}

#[test]
fn without_any_build_a_canceled_task_is_submitted_again() {
    let (scene, hub) = interrupted();
    hub.state().task_seconds = 0.0;
    finished(&resume(&scene, &[]), &scene, &hub, 2);
}

/// The build of the canceled task comes when the second task is at it: that one fails, and the build is taken.
#[test]
fn a_build_that_comes_between_is_taken() {
    let (scene, hub) = interrupted();
    hub.on("osbuildImage", |state, _| {
        state.import(1000);
        state.task_seconds = 0.0;
        None
    });
    finished(&resume(&scene, &[]), &scene, &hub, 2);
}

/// A release that somebody else has built is named, with whose it is and what to do.
#[test]
fn a_build_of_somebody_else_is_named() {
    let parts = [
        "build disk-9.2-1 is COMPLETE at the hub already",
        "of task 77 by other",
        "another release",
        "--adopt disk=77",
    ];
    let (scene, hub) = interrupted();
    hub.state().add_build("disk", "9.2", "1", BuildState::Complete, Some(77));
    says(&resume(&scene, &[]), &parts);
    assert_eq!(hub.state().tasks.len(), 1, "nothing was submitted");
    // Met by a first submission, too.
    let (_, _, ran) = failed(|hub| {
        let mut state = hub.state();
        state.add_build("disk", "9.2", "1", BuildState::Complete, Some(77));
        state.finish(1000);
    });
    says(&ran, &parts);
}

/// A release that another image of the compose has built is not taken for the image that did not get it, and nothing is built beside it.
#[test]
fn a_build_of_another_image_of_the_compose_is_named() {
    for retries in ["0", "2"] {
        let scene = Scene::new();
        let one = |name: &str, arch: &str| image(name, &format!("\"release\": \"1\", \"arches\": [\"{arch}\"]"));
        scene.write_compose("", &["x86_64", "aarch64"], &[one("disk", "x86_64"), one("other", "aarch64")]);
        let hub = ScriptedHub::start(&scene);
        hub.state().task_seconds = f64::INFINITY;
        hub.on("getTaskInfo", |state, _| {
            let open = state.tasks.values().filter(|task| !task.state.is_final());
            let named: BTreeMap<String, i64> = open.map(|task| (task.asked().name.clone(), task.id)).collect();
            if let (Some(&disk), Some(&other)) = (named.get("disk"), named.get("other")) {
                state.finish(other);
                state.add_build("disk", "9.2", "1", BuildState::Complete, Some(other));
                state.fail_compose(disk, "no space left on device");
            }
            None
        });
        let ran = Ran::from(run_command(&scene, &["--retries", retries]).output().unwrap());
        let text = "of this compose, which asked for something else: give the image another release";
        says(&ran, &["build disk-9.2-1 is COMPLETE already, of task 100", text]);
        says(&resume(&scene, &["--retry-failed"]), &["it was not submitted: build disk-9.2-1 is COMPLETE", text]);
        assert_eq!(hub.state().tasks.len(), 2, "another task was made");
    }
}

#[test]
fn after_a_failed_tagging_the_build_is_taken_when_asked() {
    let (scene, hub, ran) = failed(|hub| {
        let mut state = hub.state();
        state.import(1000);
        state.fail(1000, 1003, "Package disk not in list for 3");
    });
    let text = "build disk-9.2-1 is complete, only tagging into f42-candidate failed";
    says(&ran, &[text, "Package disk not in list for 3", "--retry-failed"]);
    says(&resume(&scene, &[]), &[text]);
    finished(&resume(&scene, &["--retry-failed"]), &scene, &hub, 1);
}

#[test]
fn a_task_that_was_made_again_at_the_hub_is_taken_when_it_is_closed() {
    for (owner, is_taken) in [(2, true), (9, true), (3, false)] {
        let (scene, hub, _) = failed(|hub| hub.state().fail(1000, 1005, "Compose failed (id: x)"));
        let again = hub.state().resubmit(1000, owner);
        if is_taken {
            says(
                &resume(&scene, &["--retry-failed"]),
                &["task 1001 has the same request and is OPEN", "--adopt disk=1001"],
            );
            assert_eq!(hub.state().tasks.len(), 2);
        }
        hub.state().finish(again);
        let resumed = resume(&scene, &[]);
        if is_taken {
            finished(&resumed, &scene, &hub, 2);
            let journal = text_of(&scene, "logs/global/magudi-journal.jsonl");
            assert!(journal.contains("\"task\":1001"), "{journal}");
        } else {
            assert_eq!(resumed.status, Some(1), "user {owner}: {}", resumed.stderr);
        }
    }
}

#[test]
fn a_build_that_was_deleted_is_built_again_when_asked() {
    for option in [["--retry-failed"].as_slice(), &["--rebuild", "disk"]] {
        let (scene, hub) = fixed_release();
        hub.state().task_seconds = 0.0;
        hub.on("getBuild", |state, _| {
            if state.tasks.len() == 1 {
                state.builds.values_mut().for_each(|build| build.state = BuildState::Deleted);
            }
            None
        });
        says(&run(&scene), &["build disk-9.2-1 is DELETED at the hub"]);
        says(&resume(&scene, &[]), &["build disk-9.2-1 is DELETED at the hub"]);
        assert_eq!(hub.state().tasks.len(), 1);
        finished(&resume(&scene, option), &scene, &hub, 2);
    }
}

/// Whatever the journal says, what the hub says is closed or running is not submitted again.
#[test]
fn a_task_that_was_only_thought_to_be_canceled_is_gone_on_with() {
    for is_closed in [true, false] {
        let (scene, hub) = interrupted();
        hub.state().tasks.get_mut(&1000).unwrap().state = magudi_koji::calls::TaskState::Open;
        if is_closed {
            hub.state().finish(1000);
        } else {
            hub.state().task_seconds = 0.0;
            let mut held = true;
            hub.edit("getTaskInfo", move |_, _, value| {
                if let (true, magudi_koji::Value::Array(items)) = (std::mem::take(&mut held), value)
                    && let Some(magudi_koji::Value::Struct(task)) = items.first_mut()
                {
                    task.insert("state".to_owned(), magudi_koji::Value::Int(1));
                }
            });
        }
        finished(&resume(&scene, &[]), &scene, &hub, 1);
    }
}
