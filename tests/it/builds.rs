//! What counts as the result of a task: a build that is what was asked for, COMPLETE, and whole; and what counts as our task.

use crate::program::{Ran, Scene, image};
use crate::scripted_hub::{Answer, Call, ScriptedHub, State, begin_and_kill, compose, once, resume, run, text_of};
use magudi_koji::calls::BuildState;
use magudi_koji::value::{int, string, structure};
use magudi_koji::xmlrpc::Value;
use magudi_testkit::side_by_side;
use std::time::{Duration, Instant};

/// A compose of one image for two arches, with further `members`.
fn two_arches(members: &str) -> (Scene, ScriptedHub) {
    let members = format!("\"arches\": [\"x86_64\", \"aarch64\"]{members}");
    with_images(&[image("disk", &members)])
}

fn with_images(images: &[String]) -> (Scene, ScriptedHub) {
    let scene = Scene::new();
    scene.write_compose("", &["x86_64", "aarch64"], images);
    let hub = ScriptedHub::start(&scene);
    (scene, hub)
}

/// The files in images.json, which is empty when there is none.
fn files(scene: &Scene) -> Vec<String> {
    let text = text_of(scene, "compose/metadata/images.json");
    let mut files: Vec<String> = text
        .lines()
        .filter_map(|line| {
            line.trim().strip_prefix("\"path\": \"")?.trim_end_matches(['"', ',']).rsplit('/').next().map(str::to_owned)
        })
        .collect();
    files.sort();
    files
}

const BOTH: [&str; 2] = ["disk-9.2-1.aarch64.qcow2", "disk-9.2-1.x86_64.qcow2"];

fn finished(ran: &Ran, scene: &Scene) {
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_eq!(text_of(scene, "STATUS"), "FINISHED\n", "{}", ran.stderr);
    assert_eq!(files(scene), BOTH, "{}", ran.stderr);
}

fn doomed(ran: &Ran, scene: &Scene, parts: &[&str]) {
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
    assert_eq!(text_of(scene, "STATUS"), "DOOMED\n");
    for part in parts {
        assert!(ran.stderr.contains(part), "{part:?} is not in {}", ran.stderr);
    }
}

/// Changes the build of a task as soon as it is there.
fn when_built(hub: &ScriptedHub, mut change: impl FnMut(&mut State) + Send + 'static) {
    hub.on("getTaskResult", move |state, _| {
        change(state);
        None
    });
}

fn set_state(state: &mut State, to: BuildState) {
    state.builds.values_mut().for_each(|build| build.state = to);
}

#[test]
fn tasks_that_end_at_once_are_asked_for_together() {
    let images: Vec<String> = (0..80).map(|n| image(&format!("disk-{n}"), "\"arches\": [\"x86_64\"]")).collect();
    let (scene, hub) = with_images(&images);
    let begun = Instant::now();
    let ran = run(&scene);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    // No less than the shortest pause is between two of them.
    let most = begun.elapsed().as_millis() / 50 + 1;
    let asked = hub.count("getTaskInfo");
    assert!(asked as u128 <= most, "{asked} times, where {most} were due");
}

#[test]
fn a_build_that_is_not_complete_is_no_result() {
    for (to, name) in
        [(BuildState::Deleted, "DELETED"), (BuildState::Failed, "FAILED"), (BuildState::Canceled, "CANCELED")]
    {
        let (scene, hub) = two_arches("");
        when_built(&hub, move |state| set_state(state, to));
        doomed(&run(&scene), &scene, &[&format!("build disk-9.2-1 is {name} at the hub"), "task 1000 of image disk"]);
        assert_eq!(hub.state().tasks.len(), 1);
    }
}

#[test]
fn a_build_that_is_being_imported_is_waited_for() {
    let (scene, hub) = two_arches("");
    let mut looks = 0;
    hub.edit("getBuild", move |_, _, value| {
        looks += 1;
        if looks < 5
            && let Value::Struct(members) = value
        {
            members.insert("state".to_owned(), int(0));
        }
    });
    finished(&run(&scene), &scene);
    assert!(hub.count("getBuild") >= 5);
    let (scene, hub) = two_arches("");
    when_built(&hub, |state| set_state(state, BuildState::Building));
    doomed(&run(&scene), &scene, &["build disk-9.2-1 is BUILDING at the hub"]);
    hub.behave();
    set_state(&mut hub.state(), BuildState::Complete);
    finished(&resume(&scene, &[]), &scene);
    assert_eq!(hub.state().tasks.len(), 1);
}

#[test]
fn a_build_of_another_name_is_not_taken() {
    type Change = fn(&mut crate::scripted_hub::Build);
    let changes: [(&str, Change); 3] = [
        ("other-9.2-1", |build| build.name = "other".to_owned()),
        ("disk-9.3-1", |build| build.version = "9.3".to_owned()),
        ("disk-9.2-2", |build| build.release = "2".to_owned()),
    ];
    for (nvr, change) in changes {
        let (scene, hub) = two_arches(", \"release\": \"1\"");
        when_built(&hub, move |state| state.builds.values_mut().for_each(change));
        doomed(&run(&scene), &scene, &[&format!("its build is {nvr}, but disk-9.2-1 was requested")]);
        assert!(files(&scene).is_empty());
    }
}

/// Where the hub chooses the release, any is right.
#[test]
fn a_release_that_was_not_asked_for_is_the_hub_s_to_choose() {
    let (scene, hub) = two_arches("");
    when_built(&hub, |state| state.builds.values_mut().for_each(|build| build.release = "7".to_owned()));
    let ran = run(&scene);
    // The files lie where release 1 was imported: that is the only thing wrong with it.
    assert!(ran.stderr.contains("packages/disk/9.2/7/images"), "{}", ran.stderr);
}

#[test]
fn archives_that_come_a_moment_later_are_waited_for() {
    side_by_side([0, 1], |at_first| {
        let (scene, hub) = two_arches("");
        (hub.state().archives_lag, hub.state().archives_at_first) = (Duration::from_secs(3), at_first);
        finished(&run(&scene), &scene);
    });
}

#[test]
fn a_build_without_an_image_for_each_arch_fails_its_image() {
    std::thread::scope(|scope| {
        for (at_first, text, has) in [
            (0, "build disk-9.2-1 has no image", &[][..]),
            (1, "build disk-9.2-1 has no image for x86_64", &["disk-9.2-1.aarch64.qcow2"][..]),
        ] {
            scope.spawn(move || {
                let (scene, hub) = two_arches("");
                (hub.state().archives_lag, hub.state().archives_at_first) = (Duration::from_secs(3600), at_first);
                doomed(&run(&scene), &scene, &[text]);
                // Another run looks again.
                hub.state().archives_lag = Duration::ZERO;
                finished(&resume(&scene, &[]), &scene);
                assert_eq!(hub.state().tasks.len(), 1);
            });
            scope.spawn(move || {
                let (scene, hub) = two_arches(", \"failable\": [\"*\"]");
                (hub.state().archives_lag, hub.state().archives_at_first) = (Duration::from_secs(3600), at_first);
                let ran = run(&scene);
                assert_eq!(ran.status, Some(0), "{}", ran.stderr);
                assert_eq!(text_of(&scene, "STATUS"), "FINISHED_INCOMPLETE\n");
                assert!(ran.stderr.contains(text), "{}", ran.stderr);
                assert_eq!(files(&scene), has);
            });
        }
    });
}

#[test]
fn an_archive_that_is_listed_twice_is_one_image() {
    let (scene, hub) = two_arches("");
    hub.edit("listArchives", |_, _, value| {
        if let Value::Array(items) = value {
            items.extend(items.clone());
        }
    });
    finished(&run(&scene), &scene);
    let (scene, hub) = two_arches("");
    hub.edit("listArchives", |_, _, value| {
        if let Value::Array(items) = value {
            let mut other = items[0].clone();
            if let Value::Struct(members) = &mut other {
                members.insert("size".to_owned(), int(1));
            }
            items.push(other);
        }
    });
    doomed(&run(&scene), &scene, &["lists disk-9.2-1.aarch64.qcow2 twice, as different files"]);
}

/// One task of many is odd, in each way that an answer can be.
#[test]
fn an_odd_task_is_not_the_others_fault() {
    const IMAGES: usize = 30;
    type Odd = fn(&mut Value);
    let odd: [(&str, Odd); 5] = [
        ("nothing", |value| *value = Value::Nil),
        ("another type", |value| *value = string("odd")),
        ("another's", |value| *value = structure([("id", int(1)), ("state", int(2)), ("method", string("x"))])),
        ("no state", |value| {
            if let Value::Struct(members) = value {
                members.remove("state");
            }
        }),
        ("no struct of ours", |value| *value = structure([("faultCode", int(1))])),
    ];
    side_by_side(odd, |(what, odd)| {
        let images: Vec<String> = (0..IMAGES)
            .map(|n| {
                let failable = if n == 7 { ", \"failable\": [\"*\"]" } else { "" };
                image(&format!("disk{n:02}"), &format!("\"subvariant\": \"S{n}\", \"arches\": [\"x86_64\"]{failable}"))
            })
            .collect();
        let (scene, hub) = with_images(&images);
        let is_odd = |call: &Call, value: &Value| {
            let ids = call.params.first().and_then(Value::as_array).map(<[Value]>::to_vec).unwrap_or_default();
            let at = ids.iter().position(|id| id.as_i64() == Some(1007));
            at.filter(|at| value.as_array().is_some_and(|items| items.len() > *at))
        };
        hub.edit("getTaskInfo", move |_, call, value| {
            if let (Some(at), Value::Array(items)) = (is_odd(call, value), value) {
                odd(&mut items[at]);
            }
        });
        let ran = run(&scene);
        assert_eq!(ran.status, Some(0), "{what}: {}", ran.stderr);
        assert_eq!(text_of(&scene, "STATUS"), "FINISHED_INCOMPLETE\n", "{what}");
        assert_eq!(files(&scene).len(), IMAGES - 1, "{what}");
        let told = ran.stderr.lines().filter(|line| line.contains("ERROR") && line.contains("of image"));
        for line in told {
            assert!(line.contains("task 1007 of image disk07"), "{what}: {line}");
        }
    });
}

/// The same for an answer about builds, and for whole answers that are wrong.
#[test]
fn an_odd_answer_about_builds_is_asked_for_again() {
    let images: Vec<String> = (0..6)
        .map(|n| image(&format!("disk{n}"), &format!("\"subvariant\": \"S{n}\", \"arches\": [\"x86_64\"]")))
        .collect();
    side_by_side(["getTaskResult", "getBuild", "listArchives"], |method| {
        let (scene, hub) = with_images(&images);
        let mut seen = 0;
        hub.edit(method, move |_, _, value| {
            seen += 1;
            if seen == 3 {
                *value = structure([("odd", Value::Nil)]);
            }
        });
        let mut shortened = false;
        hub.edit("multiCall", move |_, _, value| {
            if let Value::Array(items) = value
                && !std::mem::replace(&mut shortened, true)
            {
                items.pop();
            }
        });
        let ran = run(&scene);
        assert_eq!(ran.status, Some(0), "{method}: {}", ran.stderr);
        assert_eq!(files(&scene).len(), 6, "{method}");
    });
}

/// A hub that is behind does not know a task yet that it has just made.
#[test]
fn a_task_that_the_hub_does_not_know_yet_is_waited_for() {
    let (scene, hub) = two_arches("");
    let mut looks = 0;
    hub.edit("getTaskInfo", move |_, _, value| {
        looks += 1;
        if looks < 6 {
            *value = Value::Array(vec![Value::Nil]);
        }
    });
    finished(&run(&scene), &scene);
}

/// Begins a compose whose task stays open, and kills it.
fn begun_and_killed(images: &[String]) -> (Scene, ScriptedHub) {
    let (scene, hub) = with_images(images);
    begin_and_kill(&scene, &hub, images.len(), &[]);
    (scene, hub)
}

/// What is under the number of our task at the hub is not ours: it is not awaited, its build is not taken, it is not canceled.
#[test]
fn a_task_that_is_not_ours_is_not_taken() {
    type Change = fn(&mut crate::scripted_hub::Task);
    let changes: [(&str, Change); 3] = [
        ("it belongs to user 3", |task| task.owner = 3),
        ("it is a task of method buildArch", |task| task.method = "buildArch".to_owned()),
        ("it was asked for with other arguments (theirs)", |task| task.request[0] = string("theirs")),
    ];
    let images =
        ["disk", "cloud"].map(|name| image(name, &format!("\"subvariant\": \"{name}\", \"arches\": [\"x86_64\"]")));
    side_by_side(changes, |(text, change)| {
        let (scene, hub) = begun_and_killed(&images);
        change(hub.state().tasks.get_mut(&1000).unwrap());
        hub.state().finish(1001);
        let resumed = resume(&scene, &["--fail-fast"]);
        doomed(&resumed, &scene, &[text, "task 1000 of image disk"]);
        let state = hub.state();
        assert_eq!(state.tasks.len(), 2);
        assert!(!state.tasks[&1000].state.is_final(), "their task was canceled");
        let of_theirs = |call: &Call| call.method == "cancelTask" && call.params.first() == Some(&int(1000));
        assert!(!hub.calls().iter().any(of_theirs));
        drop(state);
        assert!(compose(&scene).is_some());
    });
}

/// A lost connection while it is asked whose task it is changes nothing.
#[test]
fn a_task_of_an_earlier_run_is_recognized() {
    let (scene, hub) = begun_and_killed(&[image("disk", "\"arches\": [\"x86_64\", \"aarch64\"]")]);
    hub.state().task_seconds = 0.0;
    hub.on("getTaskInfo", once(Answer::Cut));
    let mut looks = 0;
    hub.edit("getTaskInfo", move |_, _, value| {
        looks += 1;
        if looks == 1 {
            *value = Value::Array(vec![Value::Nil]);
        }
    });
    finished(&resume(&scene, &[]), &scene);
    assert_eq!(hub.state().tasks.len(), 1);
}
