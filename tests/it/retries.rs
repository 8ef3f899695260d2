//! `--retries N`: a task that fails is asked for again, at most N times for each image, and nothing else is.

use crate::program::{Ran, Scene, image};
use crate::sabotage::saboteur;
use crate::schema::Schemas;
use crate::scripted_hub::{Answer, ScriptedHub, State, always, once, resume, run, run_command, text_of, verb};
use magudi_koji::calls::{BuildState, TaskState};
use magudi_koji::value::int;
use magudi_testkit::{end_of, wait_until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value as Json;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;

const JOURNAL: &str = "logs/global/magudi-journal.jsonl";
const REASON: &str = "no space left on device";

/// How a task ends.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Well,
    Badly,
    Canceled,
    /// Not at all.
    Never,
}

/// A compose of the images `names`, each with further `members`.
fn scene(names: &[&str], members: &str) -> (Scene, ScriptedHub) {
    let scene = Scene::new();
    let one = |name: &&str| image(name, &format!("\"subvariant\": \"{name}\", {members}\"arches\": [\"x86_64\"]"));
    scene.write_compose("", &["x86_64"], &names.iter().map(one).collect::<Vec<_>>());
    let hub = ScriptedHub::start(&scene);
    (scene, hub)
}

/// Ends each task as `how` says, which gets the name of its image and the how many-th task of it that is, from 1.
fn tasks_end(hub: &ScriptedHub, how: impl Fn(&str, usize) -> End + Send + 'static) {
    hub.state().task_seconds = f64::INFINITY;
    hub.on("getTaskInfo", move |state, _| {
        let open: Vec<i64> = state.tasks.values().filter(|task| !task.state.is_final()).map(|task| task.id).collect();
        for id in open {
            let name = state.tasks[&id].asked().name;
            match how(&name, tasks_of(state, &name).iter().filter(|other| **other <= id).count()) {
                End::Well => _ = state.finish(id),
                End::Badly => state.fail_compose(id, REASON),
                End::Canceled => state.cancel(id),
                End::Never => {}
            }
        }
        None
    });
}

/// The tasks of an image, the oldest first.
fn tasks_of(state: &State, name: &str) -> Vec<i64> {
    state.tasks.values().filter(|task| task.asked().name == name).map(|task| task.id).collect()
}

fn run_with(scene: &Scene, more: &[&str]) -> Ran {
    Ran::from(run_command(scene, more).output().unwrap())
}

fn events(scene: &Scene, name: &str) -> Vec<Json> {
    let journal = text_of(scene, JOURNAL);
    let events = journal.lines().filter_map(|line| serde_json::from_str::<Json>(line).ok());
    events.filter(|event| event["event"] == name).collect()
}

/// Image, retry, how many there may be: of every retry, in order.
fn retries(scene: &Scene) -> Vec<(String, i64, i64)> {
    let of = |event: &Json| {
        let number = |member: &str| event[member].as_i64().unwrap();
        (event["name"].as_str().unwrap().to_owned(), number("retry"), number("retries"))
    };
    events(scene, "request-retried").iter().map(of).collect()
}

#[track_caller]
fn ended(ran: &Ran, scene: &Scene, status: &str) {
    let code = i32::from(!status.starts_with("FINISHED"));
    assert_eq!((ran.status, text_of(scene, "STATUS").trim()), (Some(code), status), "{}", ran.stderr);
}

/// What is sent is the same each time, and everybody who looks at the compose learns what became of the first task.
#[test]
fn a_task_that_fails_is_asked_for_again_and_the_image_is_in_the_compose() {
    let (scene, hub) = scene(&["disk", "other"], "");
    tasks_end(&hub, |name, number| if name == "disk" && number == 1 { End::Badly } else { End::Well });
    let heard = scene.path().join("heard");
    let hook = scene.write("hook", &format!("#!/bin/sh\ncat > {}\n", heard.display()));
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    let ran = run_with(&scene, &["--retries", "2", "--on-finish", &hook.display().to_string()]);
    ended(&ran, &scene, "FINISHED");
    let summary: Json = serde_json::from_str(&std::fs::read_to_string(heard).unwrap()).unwrap();
    assert_eq!((&summary["retried"], &summary["causes"]), (&Json::from(1), &Json::Array(vec![])), "{summary:#}");
    let tasks = tasks_of(&hub.state(), "disk");
    let requests: Vec<_> = tasks.iter().map(|task| format!("{:?}", hub.state().tasks[task].request)).collect();
    assert!(matches!(&*requests, [one, two] if one == two), "{requests:?}");
    assert_eq!(tasks_of(&hub.state(), "other").len(), 1);
    assert_eq!(retries(&scene), [("disk".to_owned(), 1, 2)]);
    let manifest = text_of(&scene, "compose/metadata/images.json");
    assert_eq!(manifest.matches("disk-9.2-1.x86_64.qcow2").count(), 1, "{manifest}");
    let (first, second) = (tasks[0], tasks[1]);
    let said = format!(
        "disk of Server: task {first} failed (Compose failed (id: 4612717e-4485-4795-a034-12fe3cfe80e5): \
         x86_64: {REASON}); trying again, 1 of 2"
    );
    assert!(ran.stderr.contains(&said), "{said:?} is not in {}", ran.stderr);
    assert!(text_of(&scene, "logs/global/pungi.global.log").contains(&format!("[WARNING ] {said}")));
    assert!(!ran.stderr.contains("[FAIL]"), "{}", ran.stderr);
    // The watch log has both tasks, each with its own life.
    let watch = text_of(&scene, "logs/global/osbuild/Server-1-watch-task.log");
    for part in [
        format!("taskID={first}"),
        "; trying again, 1 of 2".to_owned(),
        format!("taskID={second}"),
        format!("\n{second} osbuildImage (noarch): closed"),
    ] {
        assert!(watch.contains(&part), "{part:?} is not in {watch}");
    }
    let status = verb(&scene, "status", &[]).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = said.replace("trying again", "tried again");
    assert!(status.contains(&said), "{said:?} is not in {status}");
    let json: Json = serde_json::from_str(&verb(&scene, "status", &["--format", "json"]).stdout).unwrap();
    assert_eq!(Schemas::load().problems("status.schema.json", &json), Vec::<String>::new());
    assert_eq!((&json["requests"][0]["task"], &json["requests"][0]["state"]), (&second.into(), &"done".into()));
    let retried = &json["requests"][0]["retried"];
    assert_eq!(
        (&retried[0]["task"], &retried[0]["retry"], &retried[0]["retries"]),
        (&first.into(), &1.into(), &2.into())
    );
    assert_eq!(json["requests"][1]["retried"], Json::Array(vec![]));
    let report = text_of(&scene, "logs/global/report.html");
    assert!(report.contains(&format!("taskID={first}")) && report.contains("tried again, 1 of 2"), "{report}");
    // Nothing more is to be done.
    ended(&resume(&scene, &[]), &scene, "FINISHED");
    assert_eq!(hub.state().tasks.len(), 3);
}

#[test]
fn without_the_option_nothing_is_asked_for_again() {
    for more in [&[][..], &["--retries", "0"]] {
        let (scene, hub) = scene(&["disk"], "");
        tasks_end(&hub, |_, _| End::Badly);
        ended(&run_with(&scene, more), &scene, "DOOMED");
        assert_eq!((hub.state().tasks.len(), retries(&scene)), (1, vec![]));
    }
}

/// When the retries are used up the image fails as it would have, and with it the compose unless it may.
#[test]
fn an_image_fails_when_its_retries_are_used_up() {
    for (members, status) in [("", "DOOMED"), ("\"failable\": [\"*\"], ", "FINISHED_INCOMPLETE")] {
        let (scene, hub) = scene(&["disk", "other"], members);
        tasks_end(&hub, |name, _| if name == "disk" { End::Badly } else { End::Well });
        let ran = run_with(&scene, &["--retries", "2"]);
        ended(&ran, &scene, status);
        let numbers = |from: i64| (from..=2).map(|n| ("disk".to_owned(), n, 2)).collect::<Vec<_>>();
        assert_eq!((tasks_of(&hub.state(), "disk").len(), retries(&scene)), (3, numbers(1)));
        assert_eq!(events(&scene, "request-failed").len(), 1, "{}", ran.stderr);
        assert_eq!(tasks_of(&hub.state(), "other").len(), 1);
        if status == "DOOMED" {
            // They stay used up.
            ended(&resume(&scene, &[]), &scene, status);
            assert_eq!(tasks_of(&hub.state(), "disk").len(), 3);
        }
    }
}

/// They are counted over all runs, and another number holds from then on.
#[test]
fn a_resume_goes_by_what_the_run_was_given_or_by_another_number() {
    let (scene, hub) = scene(&["disk"], "");
    tasks_end(&hub, |_, _| End::Badly);
    ended(&run_with(&scene, &["--retries", "1"]), &scene, "DOOMED");
    for (more, tasks) in [
        (&[][..], 2),
        (&["--retries", "1"], 2),
        (&["--retries", "0"], 2),
        (&["--retries", "3"], 4),
        (&[], 4),
        // By hand: with all its retries.
        (&["--retry-failed"], 8),
        (&["--retry-failed", "--retries", "0"], 9),
        (&["--rebuild", "disk", "--retries", "1"], 11),
    ] {
        ended(&resume(&scene, more), &scene, "DOOMED");
        assert_eq!(hub.state().tasks.len(), tasks, "{more:?}");
    }
    hub.behave();
    tasks_end(&hub, |_, _| End::Well);
    ended(&resume(&scene, &["--retries", "2"]), &scene, "FINISHED");
    assert_eq!(hub.state().tasks.len(), 12);
}

/// A run without the option, and a resume with it.
#[test]
fn what_failed_before_is_retried_by_a_resume_that_may() {
    let (scene, hub) = scene(&["disk"], "");
    tasks_end(&hub, |_, number| if number == 1 { End::Badly } else { End::Well });
    ended(&run(&scene), &scene, "DOOMED");
    ended(&resume(&scene, &["--retries", "1"]), &scene, "FINISHED");
    assert_eq!(retries(&scene), [("disk".to_owned(), 1, 1)]);
}

/// Killed when the journal has the retry, half the retry, or what comes after it, until the hub has answered.
#[test]
fn killed_between_the_failure_and_the_next_task_the_image_is_asked_for_once_more() {
    let dir = tempfile::tempdir().unwrap();
    let library = saboteur(dir.path());
    // Where the retry is in the journal of a run that is not disturbed.
    let record = {
        let (scene, hub) = scene(&["disk"], "\"release\": \"1\", ");
        tasks_end(&hub, |_, number| if number == 1 { End::Badly } else { End::Well });
        ended(&run_with(&scene, &["--retries", "1"]), &scene, "FINISHED");
        1 + text_of(&scene, JOURNAL).lines().position(|line| line.contains("request-retried")).unwrap()
    };
    for (record, how) in
        [(record, "torn"), (record, "after"), (record + 1, "torn"), (record + 1, "after"), (record + 2, "torn")]
    {
        let (scene, hub) = scene(&["disk"], "\"release\": \"1\", ");
        tasks_end(&hub, |_, number| if number == 1 { End::Badly } else { End::Well });
        let mut command = run_command(&scene, &["--retries", "1"]);
        command.env("LD_PRELOAD", &library).env("SABOTAGE_FILE", JOURNAL);
        command.env("SABOTAGE_AT", record.to_string()).env("SABOTAGE_HOW", how);
        let output = command.output().unwrap();
        assert_eq!(output.status.signal(), Some(9), "{record} {how}: {}", String::from_utf8_lossy(&output.stderr));
        ended(&resume(&scene, &[]), &scene, "FINISHED");
        assert_eq!(hub.state().tasks.len(), 2, "{record} {how}: {}", text_of(&scene, JOURNAL));
        assert_eq!(retries(&scene), [("disk".to_owned(), 1, 1)], "{record} {how}");
    }
}

/// The same when the answer to it got lost, with the run and without.
#[test]
fn the_answer_to_a_retry_may_get_lost() {
    for is_killed in [false, true] {
        let (scene, hub) = scene(&["disk"], "\"release\": \"1\", ");
        tasks_end(&hub, |_, number| if number == 1 { End::Badly } else { End::Well });
        hub.on("osbuildImage", |state, _| (state.tasks.len() == 1).then_some(Answer::Lost));
        let mut child = run_command(&scene, &["--retries", "1"]).stderr(Stdio::null()).spawn().unwrap();
        if is_killed {
            wait_until("it is not requested again", || hub.count("osbuildImage") >= 2);
            child.kill().unwrap();
        }
        child.wait().unwrap();
        hub.behave();
        tasks_end(&hub, |_, number| if number == 1 { End::Badly } else { End::Well });
        ended(&resume(&scene, &[]), &scene, "FINISHED");
        assert_eq!(hub.state().tasks.len(), 2, "{}", text_of(&scene, JOURNAL));
    }
}

/// Somebody canceled it, also when it is a retry: that is for people to decide.
#[test]
fn a_canceled_task_is_not_retried() {
    for canceled in [1, 2] {
        let (scene, hub) = scene(&["disk"], "");
        tasks_end(&hub, move |_, number| if number == canceled { End::Canceled } else { End::Badly });
        let ran = run_with(&scene, &["--retries", "5"]);
        ended(&ran, &scene, "DOOMED");
        assert!(ran.stderr.contains("was canceled at the hub"), "{}", ran.stderr);
        assert_eq!((hub.state().tasks.len(), retries(&scene).len()), (canceled, canceled - 1));
    }
}

/// What a signal cancels is not retried, and continues its count in the next run.
#[test]
fn a_signal_ends_the_retries_and_a_resume_continues_them() {
    let (scene, hub) = scene(&["disk"], "");
    tasks_end(&hub, |_, number| if number == 2 { End::Never } else { End::Badly });
    let child = run_command(&scene, &["--retries", "2"]).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("there is no second task", || hub.state().tasks.len() >= 2);
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap());
    ended(&ran, &scene, "TERMINATED");
    assert_eq!(hub.state().tasks[&1001].state, TaskState::Canceled);
    // 1002 in place of the one that was canceled, and the last retry.
    ended(&resume(&scene, &[]), &scene, "DOOMED");
    assert_eq!((hub.state().tasks.len(), retries(&scene).len()), (4, 2));
}

/// What the hub refuses it refuses again, the first time and as a retry.
#[test]
fn a_refused_request_is_not_retried() {
    for tasks in [0, 1] {
        let (scene, hub) = scene(&["disk"], "");
        tasks_end(&hub, |_, _| End::Badly);
        hub.on("osbuildImage", move |state, _| {
            (state.tasks.len() == tasks).then(|| Answer::Fault(1019, "42 is not of type 'string'".to_owned()))
        });
        let ran = run_with(&scene, &["--retries", "3"]);
        ended(&ran, &scene, "DOOMED");
        assert!(ran.stderr.contains("disk of variant Server was not submitted: "), "{}", ran.stderr);
        assert_eq!((hub.state().tasks.len(), hub.count("osbuildImage")), (tasks, tasks + 1));
    }
}

/// An image that is closed and cannot be taken did not fail at the hub.
#[test]
fn what_fails_on_our_side_is_not_retried() {
    let (scene, hub) = scene(&["disk"], "");
    tasks_end(&hub, |_, _| End::Well);
    hub.on("listArchives", always(Answer::Value(magudi_koji::Value::Array(vec![]))));
    ended(&run_with(&scene, &["--retries", "3"]), &scene, "DOOMED");
    assert_eq!((hub.state().tasks.len(), retries(&scene)), (1, vec![]));
}

/// The others run on while an image has retries, and are canceled when it has none.
#[test]
fn fail_fast_begins_when_the_retries_are_used_up() {
    for (failures, status) in [(1, "FINISHED"), (9, "DOOMED")] {
        let (scene, hub) = scene(&["disk", "other"], "");
        tasks_end(&hub, move |name, number| match name {
            "disk" if number <= failures => End::Badly,
            "disk" => End::Well,
            _ => End::Never,
        });
        let child = run_command(&scene, &["--retries", "2", "--fail-fast"]).stderr(Stdio::piped()).spawn().unwrap();
        if failures == 1 {
            wait_until("no image is done", || !events(&scene, "request-done").is_empty());
            hub.state().finish(1001);
        }
        ended(&Ran::from(child.wait_with_output().unwrap()), &scene, status);
        let state = hub.state();
        let other = &state.tasks[&tasks_of(&state, "other")[0]];
        let want = if failures == 1 { TaskState::Closed } else { TaskState::Canceled };
        assert_eq!((other.state, tasks_of(&state, "disk").len()), (want, failures.min(2) + 1));
    }
}

/// Each image has its own count, and none waits for the others.
#[test]
fn several_images_are_retried_at_once() {
    let names: Vec<String> = (0..40).map(|n| format!("disk{n}")).collect();
    let (scene, hub) = scene(&names.iter().map(String::as_str).collect::<Vec<_>>(), "\"release\": \"1\", ");
    // Image n fails n % 4 times.
    let failures = |name: &str| name.trim_start_matches("disk").parse::<usize>().unwrap() % 4;
    tasks_end(&hub, move |name, number| if number <= failures(name) { End::Badly } else { End::Well });
    ended(&run_with(&scene, &["--retries", "3"]), &scene, "FINISHED");
    let state = hub.state();
    for name in &names {
        assert_eq!(tasks_of(&state, name).len(), failures(name) + 1, "{name}");
    }
    assert_eq!(retries(&scene).len(), 60);
}

/// A build that is there is found: the task's own, whose tagging failed; another's is in the way of any task.
#[test]
fn a_build_that_is_complete_is_taken_or_named_and_not_built_again() {
    let (scene, hub) = scene(&["disk"], "\"release\": \"1\", ");
    hub.state().task_seconds = f64::INFINITY;
    hub.on("getTaskInfo", |state, _| {
        if state.tasks.contains_key(&1000) && !state.tasks[&1000].state.is_final() {
            state.import(1000);
            state.fail(1000, 1003, "Package disk not in list for 3");
        }
        None
    });
    ended(&run_with(&scene, &["--retries", "2"]), &scene, "FINISHED");
    assert_eq!((hub.state().tasks.len(), retries(&scene).len()), (1, 1));

    let (scene, hub) = self::scene(&["disk"], "\"release\": \"1\", ");
    tasks_end(&hub, |_, _| End::Well);
    hub.on("osbuildImage", |state, _| {
        state.add_build("disk", "9.2", "1", BuildState::Complete, Some(77));
        None
    });
    let ran = run_with(&scene, &["--retries", "2"]);
    ended(&ran, &scene, "DOOMED");
    assert!(ran.stderr.contains("build disk-9.2-1 is COMPLETE at the hub already"), "{}", ran.stderr);
    assert_eq!((hub.state().tasks.len(), retries(&scene)), (1, vec![]));
}

/// A build that failed in koji does not keep the same release from being built.
#[test]
fn a_build_that_failed_is_replaced() {
    let (scene, hub) = scene(&["disk"], "\"release\": \"1\", ");
    hub.state().task_seconds = f64::INFINITY;
    hub.on("getTaskInfo", |state, _| {
        let open = state.tasks.values().find(|task| !task.state.is_final()).map(|task| task.id);
        match open {
            Some(1000) => {
                state.add_build("disk", "9.2", "1", BuildState::Failed, Some(1000));
                state.fail_compose(1000, REASON);
            }
            Some(task) => _ = state.finish(task),
            None => {}
        }
        None
    });
    ended(&run_with(&scene, &["--retries", "1"]), &scene, "FINISHED");
    assert_eq!(hub.state().tasks.len(), 2);
}

/// What somebody has had made again meanwhile is not made twice.
#[test]
fn a_task_that_somebody_resubmits_is_not_made_beside_a_retry() {
    let (scene, hub) = scene(&["disk"], "\"release\": \"1\", ");
    hub.state().task_seconds = f64::INFINITY;
    hub.on("getTaskInfo", |state, _| {
        if state.tasks.len() == 1 && !state.tasks[&1000].state.is_final() {
            state.fail_compose(1000, REASON);
            let again = state.resubmit(1000, 9);
            state.finish(again);
        }
        None
    });
    ended(&run_with(&scene, &["--retries", "2"]), &scene, "FINISHED");
    assert_eq!(hub.state().tasks.len(), 2);
}

/// The hub goes away when it is to be asked for the retry.
#[test]
fn a_retry_waits_for_a_hub_that_is_away() {
    let (scene, hub) = scene(&["disk"], "");
    tasks_end(&hub, |_, number| if number == 1 { End::Badly } else { End::Well });
    hub.on("listTasks", once(Answer::page("503 Service Unavailable", "", "back soon")));
    hub.on("osbuildImage", {
        let mut calls = 0;
        move |_, _| {
            calls += 1;
            (2..=3).contains(&calls).then(|| Answer::Fault(1014, "server is offline".to_owned()))
        }
    });
    ended(&run_with(&scene, &["--retries", "1"]), &scene, "FINISHED");
    assert_eq!(hub.state().tasks.len(), 2);
}

/// What a person can try without a hub.
#[test]
fn the_simulated_hub_fails_as_many_tasks_of_an_image_as_its_scenario_says() {
    for (times, status) in [(2, "FINISHED"), (3, "DOOMED")] {
        let (scene, _hub) = scene(&["disk", "other"], "");
        let file = scene.write("fails.json", &format!(r#"{{"fail": {{"disk": {{"out": "no", "times": {times}}}}}}}"#));
        let simulate = format!("--simulate={}", file.display());
        let ran = scene.run([
            "run",
            "--config",
            "test.conf",
            "--test",
            "--target-dir",
            "target",
            "--retries",
            "2",
            &simulate,
        ]);
        ended(&ran, &scene, status);
        assert_eq!(retries(&scene), [("disk".to_owned(), 1, 2), ("disk".to_owned(), 2, 2)]);
        assert_eq!(events(&scene, "submitted").len(), 4);
    }
}

#[test]
fn the_number_is_checked() {
    let (scene, _hub) = scene(&["disk"], "");
    for word in ["-1", "many", "65536", ""] {
        let ran = run_with(&scene, &[&format!("--retries={word}")]);
        assert_eq!(ran.status, Some(2), "{word}: {}", ran.stderr);
        assert!(ran.stderr.contains("--retries"), "{}", ran.stderr);
    }
}

/// A hub that answers two requests with one task has made one: the other image has failed, and nobody waits for it for ever.
#[test]
fn a_task_that_is_that_of_another_image() {
    let (scene, hub) = scene(&["a", "b"], "");
    tasks_end(&hub, |_, _| End::Never);
    hub.on("osbuildImage", |state, _| state.tasks.contains_key(&1000).then(|| Answer::Value(int(1000))));
    let mut child = run_command(&scene, &["--retries", "1"]).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("the second image has failed", || {
        text_of(&scene, JOURNAL).contains("its task 1000 is that of image a of variant Server")
    });
    hub.state().finish(1000);
    assert_eq!(end_of(&mut child).code(), Some(1));
    let journal = text_of(&scene, JOURNAL);
    assert!(journal.contains("\"request-done\",\"request\":0"), "{journal}");
}
