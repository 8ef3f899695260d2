//! How runs are ended: by signals, from another terminal, by the first failure; and that they can be, whatever the hub does.

use crate::program::Ran;
use crate::resume::{IMAGES, Story, every_image_once};
use magudi_testkit::{wait_for, wait_until, wait_within};
use rustix::process::{Pid, Signal, kill_process};
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

/// Waits until the hub has so many tasks.
fn until_submitted(story: &Story, count: usize) {
    wait_until("not so much is submitted", || story.tasks().len() >= count);
}

fn terminate(child: &Child) {
    kill_process(Pid::from_child(child), Signal::TERM).unwrap();
}

/// The status of a run that must end sooner than a hub is waited for.
fn ended(child: &mut Child) -> ExitStatus {
    wait_within(Duration::from_secs(45), "it does not end", || child.try_wait().unwrap().is_some());
    child.wait().unwrap()
}

fn status(story: &Story) -> String {
    std::fs::read_to_string(story.compose("target").unwrap().join("STATUS")).unwrap()
}

fn log(story: &Story) -> String {
    let log = story.compose("target").unwrap().join("logs/global/pungi.global.log");
    std::fs::read_to_string(log).unwrap_or_default()
}

fn cancel(story: &Story) -> Ran {
    let compose = story.compose("target").unwrap().display().to_string();
    let ran = Ran::from(story.command(&["cancel", &compose]).output().unwrap());
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    ran
}

/// A run whose user's profile is as patient as koji's own.
fn begin(story: &Story, more: &[&str]) -> Child {
    let profile = std::fs::read_to_string(story.scene.path().join("koji.conf")).unwrap();
    story.scene.write("koji.conf", &profile.replace("anon_retry = false", "anon_retry = true"));
    std::fs::create_dir_all(story.scene.path().join("target")).unwrap();
    story
        .command(&["run", "--config", "test.conf", "--test", "--koji-config", "koji.conf", "--koji-user", "compose"])
        .args(["--target-dir", "target"])
        .args(more)
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn all_canceled(story: &Story) {
    let states = story.hub.task_requests();
    assert!(states.iter().all(|(_, state)| *state == 3), "{states:?}");
}

/// A record as the journal has it.
fn record(event: &str) -> String {
    format!("{{\"v\":1,\"t\":\"{}\",{event}}}\n", jiff::Timestamp::now())
}

#[test]
fn a_task_that_was_canceled_is_not_taken_for_one_in_doubt() {
    let story = Story::new(r#"{"task_seconds": 600}"#);
    let mut child = story.begin("target");
    until_submitted(&story, IMAGES);
    let compose = story.compose("target").unwrap();
    let canceled = Ran::from(story.command(&["cancel", &compose.display().to_string()]).output().unwrap());
    assert_eq!(canceled.status, Some(0), "{}", canceled.stderr);
    assert_eq!(child.wait().unwrap().code(), Some(1));
    // A resume that was killed when it was about to send the first image again.
    let journal = compose.join("logs/global/magudi-journal.jsonl");
    let mut text = std::fs::read_to_string(&journal).unwrap();
    text.push_str(&record(r#""event":"submitting","request":0,"phase":"osbuild","variant":"Server""#));
    std::fs::write(&journal, text).unwrap();
    let mut child = story.command(&["resume", &compose.display().to_string()]).stderr(Stdio::null()).spawn().unwrap();
    until_submitted(&story, 2 * IMAGES);
    assert_eq!(story.tasks().iter().filter(|name| *name == "disk0").count(), 2);
    let _ = child.kill();
    let _ = child.wait();
}

#[test]
fn two_runs_in_one_directory_are_one_too_many() {
    let story = Story::new(r#"{"task_seconds": 600}"#);
    let mut child = story.begin("target");
    until_submitted(&story, IMAGES);
    let second = story.resume("target", &[]);
    assert_eq!(second.status, Some(1));
    assert!(second.stderr.contains(&format!("process {}", child.id())), "{}", second.stderr);

    let compose = story.compose("target").unwrap().display().to_string();
    // The run learns a moment after the hub in which state each task is.
    let status = wait_for("status does not know of all tasks", || {
        let status = Ran::from(story.command(&["status", &compose]).output().unwrap());
        status.stdout.contains("20 ").then_some(status)
    });
    assert!(status.stdout.contains(&format!("running: process {}", child.id())), "{}", status.stdout);

    let canceled = Ran::from(story.command(&["cancel", &compose]).output().unwrap());
    assert_eq!(canceled.status, Some(0), "{}", canceled.stderr);
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(canceled.stderr.contains("TERMINATED"), "{}", canceled.stderr);
    let states = story.hub.task_requests();
    assert!(states.iter().all(|(_, state)| *state == 3), "{states:?}");
}

#[test]
fn a_hub_that_is_away_does_not_keep_a_run_from_being_ended() {
    let mut story = Story::new(r#"{"task_seconds": 600}"#);
    let mut child = begin(&story, &["--detach-on-signal"]);
    until_submitted(&story, IMAGES / 2);
    story.hub.kill();
    wait_until("the run does not notice", || log(&story).contains("The hub does not answer"));
    terminate(&child);
    assert_eq!(ended(&mut child).code(), Some(1));
    assert_eq!(status(&story), "TERMINATED\n");
    // The tasks were left alone. They can be canceled all the same when the hub is back, also the one whose id got lost.
    story.hub.start_again(&story.scene, &["--scenario", "scenario.json"]);
    let asked = story.tasks().len();
    let compose = story.compose("target").unwrap().display().to_string();
    let ran = Ran::from(story.command(&["cancel", &compose]).output().unwrap());
    // The hub died with a submission that may or may not have arrived.
    let doubt = ran.stderr.matches(" may have a task that was not found: look for it at the hub").count();
    assert_eq!((ran.status, doubt <= 1), (Some(i32::from(doubt == 1)), true), "{}", ran.stderr);
    assert_eq!(story.tasks().len(), asked);
    all_canceled(&story);
}

#[test]
fn a_second_signal_ends_a_run_at_once_and_a_resume_goes_on() {
    let mut story = Story::new(r#"{"task_seconds": [2, 3]}"#);
    let mut child = begin(&story, &[]);
    until_submitted(&story, IMAGES);
    story.hub.kill();
    terminate(&child);
    // It waits for the hub, to cancel the tasks.
    wait_until("nothing is canceled", || log(&story).contains("interrupted: canceling"));
    assert!(child.try_wait().unwrap().is_none(), "nothing was to be canceled");
    terminate(&child);
    assert_eq!(ended(&mut child).code(), Some(1));
    story.hub.start_again(&story.scene, &["--scenario", "scenario.json"]);
    let resumed = story.resume("target", &[]);
    assert_eq!(resumed.status, Some(0), "{}", resumed.stderr);
    every_image_once(&story.tasks());
}

#[test]
fn the_first_failure_cancels_the_rest_when_that_is_wished() {
    let mut story = Story::new(r#"{"task_seconds": 600, "submit_error": {"disk3": "not today"}}"#);
    let mut child = begin(&story, &["--fail-fast"]);
    assert_eq!(ended(&mut child).code(), Some(1));
    assert_eq!(status(&story), "DOOMED\n");
    let asked = story.tasks();
    assert_eq!(asked, ["disk0", "disk1", "disk2"], "nothing is submitted any more");
    all_canceled(&story);
    // What was canceled is built when the compose continues.
    story.hub.kill();
    story.scene.write("scenario.json", "{}");
    story.hub.start_again(&story.scene, &["--scenario", "scenario.json"]);
    let resumed = story.resume("target", &[]);
    assert_eq!(resumed.status, Some(0), "{}", resumed.stderr);
    assert_eq!(story.tasks().len(), IMAGES + asked.len());
}

#[test]
fn who_left_the_tasks_alone_can_be_canceled_while_it_runs() {
    let story = Story::new(r#"{"task_seconds": 600}"#);
    let mut child = begin(&story, &["--detach-on-signal"]);
    until_submitted(&story, IMAGES);
    cancel(&story);
    assert_eq!(ended(&mut child).code(), Some(1));
    assert_eq!(status(&story), "TERMINATED\n");
    all_canceled(&story);
}
