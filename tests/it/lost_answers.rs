//! Answers to submissions get lost, and whatever else is wrong with the hub, it never has two tasks for one image.

use crate::program::{Ran, Scene, image};
use crate::scripted_hub::{
    Answer, ScriptedHub, State, always, command, compose, once, resume, run, run_command, text_of, verb,
    wait_for_records,
};
use magudi_koji::calls::TaskState;
use magudi_koji::xmlrpc::Value;
use magudi_testkit::{kill, side_by_side, wait_until};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A compose of one image at a hub of its own.
fn one_image() -> (Scene, ScriptedHub) {
    with_images(&[image("disk", "\"arches\": [\"x86_64\"]")])
}

fn with_images(images: &[String]) -> (Scene, ScriptedHub) {
    let scene = Scene::new();
    scene.write_compose("", &["x86_64"], images);
    let hub = ScriptedHub::start(&scene);
    (scene, hub)
}

/// The compose finished with one task for its one image.
fn finished(ran: &Ran, scene: &Scene, hub: &ScriptedHub) {
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_eq!(text_of(scene, "STATUS"), "FINISHED\n");
    assert_eq!(hub.state().tasks.len(), 1, "{}", ran.stderr);
    assert_eq!(hub.count("osbuildImage"), 2, "once, and once more with the same number");
}

/// The compose ended with one task for its one image, which was not found.
fn in_doubt(ran: &Ran, hub: &ScriptedHub) {
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
    assert_eq!(hub.state().tasks.len(), 1, "{}", ran.stderr);
    for part in ["may have a task that was not found", "--adopt disk=TASK", "--rebuild disk"] {
        assert!(ran.stderr.contains(part), "{part:?} is not in {}", ran.stderr);
    }
}

type Prepare = Box<dyn Fn(&mut State) + Send>;

/// The hub executes the first call and its answer gets lost; besides, each of these is wrong with it.
#[test]
fn a_task_whose_id_got_lost_is_found_whatever_the_hub_is_like() {
    let clock = |seconds: f64| -> Prepare { Box::new(move |state| state.clock = seconds) };
    let behind = |seconds: u64| -> Prepare { Box::new(move |state| state.tasks_lag = Duration::from_secs(seconds)) };
    let default = |name: &'static str, value: Value| -> Prepare {
        Box::new(move |state| drop(state.defaults.insert(name.to_owned(), value.clone())))
    };
    let hubs: Vec<Prepare> = vec![
        Box::new(|_| {}),
        clock(-660.0),
        clock(660.0),
        clock(-3.0 * 3600.0),
        clock(40.0 * 86400.0),
        behind(2),
        behind(10),
        default("skip_tag", Value::Bool(false)),
        default("customizations", Value::Struct(magudi_koji::Members::default())),
        Box::new(|state| {
            (state.clock, state.tasks_lag) = (-7200.0, Duration::from_secs(3));
            state.defaults.insert("priority".to_owned(), Value::Int(20));
        }),
        Box::new(|state| state.says_date = false),
    ];
    side_by_side(hubs, |prepare| {
        let (scene, hub) = one_image();
        prepare(&mut hub.state());
        hub.on("osbuildImage", once(Answer::Lost));
        finished(&run(&scene), &scene, &hub);
    });
}

/// Every answer to a submission gets lost, of many images, and the hub is behind.
#[test]
fn many_lost_answers_are_looked_for_together() {
    let images: Vec<String> = (0..12)
        .map(|n| image(&format!("disk{n}"), &format!("\"subvariant\": \"S{n}\", \"arches\": [\"x86_64\"]")))
        .collect();
    let (scene, hub) = with_images(&images);
    hub.state().tasks_lag = Duration::from_secs(2);
    hub.on("osbuildImage", |state: &mut State, call| {
        let is_repeated = state.tasks.values().any(|task| task.request.first() == call.params.first());
        (!is_repeated).then_some(Answer::Lost)
    });
    let ran = run(&scene);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_eq!(hub.state().tasks.len(), 12);
    assert!(hub.count("listTasks") < 40, "{} listings", hub.count("listTasks"));
}

/// A request that says less than another is not taken for it: what looks like a default was sent.
#[test]
fn a_task_of_another_image_is_not_taken_for_a_default() {
    let plain = image("disk", "\"subvariant\": \"A\", \"arches\": [\"x86_64\"]");
    let more = image("disk", "\"subvariant\": \"B\", \"release\": \"5\", \"arches\": [\"x86_64\"]");
    let (scene, hub) = with_images(&[plain, more]);
    hub.state().task_seconds = f64::INFINITY;
    // Of the first the hub never hears; its answer seems lost. The second one's is lost, too.
    let mut first = true;
    hub.on("osbuildImage", move |state: &mut State, call| {
        let is_plain = call.params.last().and_then(|named| named.get("opts")?.get("release")).is_none();
        if is_plain {
            return Some(Answer::Fault(1009, "unable to retry call 1".to_owned()));
        }
        std::mem::take(&mut first).then_some(Answer::Lost).or_else(|| {
            state.task_seconds = 0.0;
            None
        })
    });
    let ran = run(&scene);
    assert_eq!(hub.state().tasks.len(), 1, "{}", ran.stderr);
    let journal = text_of(&scene, "logs/global/magudi-journal.jsonl");
    let adopted: Vec<&str> = journal.lines().filter(|line| line.contains("\"adopted\"")).collect();
    assert!(matches!(adopted.as_slice(), [one] if one.contains("\"request\":1")), "{adopted:?}");
}

/// The hub says that it has executed the call and never lists the task: there is none but this one, now and later.
#[test]
fn what_was_executed_is_never_sent_again() {
    let (scene, hub) = one_image();
    hub.state().tasks_lag = Duration::from_secs(3600);
    hub.on("osbuildImage", once(Answer::Lost));
    in_doubt(&run(&scene), &hub);
    let journal = text_of(&scene, "logs/global/magudi-journal.jsonl");
    assert!(journal.contains("\"answer-lost\",\"request\":0,\"executed\":true"), "{journal}");
    in_doubt(&resume(&scene, &["--retry-failed"]), &hub);
    hub.state().tasks_lag = Duration::ZERO;
    let found = resume(&scene, &[]);
    assert_eq!(found.status, Some(0), "{}", found.stderr);
    assert_eq!(hub.state().tasks.len(), 1);
}

/// The answer gets lost, and then the session: nothing says whether the call was executed.
#[test]
fn a_session_that_is_lost_with_the_answer_leaves_doubt() {
    let lose = |executed: bool| {
        let mut calls = 0;
        move |state: &mut State, _: &crate::scripted_hub::Call| {
            calls += 1;
            match calls {
                1 if executed => Some(Answer::Lost),
                1 => Some(Answer::Cut),
                2 => {
                    state.sessions.clear();
                    None
                }
                _ => None,
            }
        }
    };
    // It was: the task is found, late.
    let (scene, hub) = one_image();
    hub.state().tasks_lag = Duration::from_secs(5);
    hub.on("osbuildImage", lose(true));
    finished(&run(&scene), &scene, &hub);
    // It was not, and the hub lists what was sent after it: nothing is in doubt.
    let other = image("other", "\"subvariant\": \"O\", \"arches\": [\"x86_64\"]");
    let (scene, hub) = with_images(&[image("disk", "\"arches\": [\"x86_64\"]"), other]);
    hub.state().tasks_lag = Duration::from_secs(2);
    hub.on("osbuildImage", lose(false));
    let ran = run(&scene);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_eq!(hub.state().tasks.len(), 2);
    // It was not, and nothing shows that.
    let (scene, hub) = one_image();
    hub.on("osbuildImage", lose(false));
    let ran = run(&scene);
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
    assert_eq!(hub.state().tasks.len(), 0);
    let again = resume(&scene, &["--rebuild", "disk"]);
    assert_eq!(again.status, Some(0), "{}", again.stderr);
    assert_eq!(hub.state().tasks.len(), 1);
}

/// Where nothing can have reached the hub there is no doubt.
#[test]
fn what_never_reached_the_hub_is_sent_again() {
    let (scene, hub) = one_image();
    hub.on("osbuildImage", once(Answer::Fault(1014, "server is offline".to_owned())));
    let ran = run(&scene);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_eq!(hub.state().tasks.len(), 1);
    let (scene, hub) = one_image();
    hub.on("osbuildImage", always(Answer::page("403 Forbidden", "", "no")));
    let ran = run(&scene);
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("was not submitted"), "{}", ran.stderr);
    hub.behave();
    let again = resume(&scene, &[]);
    assert_eq!(again.status, Some(0), "{}", again.stderr);
    assert_eq!(hub.count("listTasks"), 0, "there is nothing to look for");
}

/// Killed while the answer is on its way: the task is found by the next run, at a hub with any clock that is behind.
#[test]
fn a_killed_run_s_last_task_is_found() {
    for clock in [0.0, -7200.0, 7200.0] {
        let (scene, hub) = one_image();
        hub.state().clock = clock;
        hub.state().tasks_lag = Duration::from_secs(10);
        hub.on("osbuildImage", once(Answer::Late(Duration::from_secs(3))));
        let mut child = run_command(&scene, &[]).stderr(Stdio::null()).spawn().unwrap();
        wait_until("nothing is submitted", || !hub.state().tasks.is_empty());
        kill(&mut child);
        let resumed = resume(&scene, &[]);
        assert_eq!(resumed.status, Some(0), "{}", resumed.stderr);
        assert_eq!(hub.state().tasks.len(), 1);
    }
}

/// A journal that does not know the hub's time has ours.
#[test]
fn a_journal_of_before_is_looked_up_with_our_time() {
    let (scene, hub) = one_image();
    hub.on("osbuildImage", once(Answer::Late(Duration::from_secs(3))));
    let mut child = run_command(&scene, &[]).stderr(Stdio::null()).spawn().unwrap();
    wait_until("nothing is submitted", || !hub.state().tasks.is_empty());
    kill(&mut child);
    let path = compose(&scene).unwrap().join("logs/global/magudi-journal.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, after) = text.split_once(",\"hub_time\":\"").unwrap();
    std::fs::write(&path, format!("{before}{}", after.split_once('"').unwrap().1)).unwrap();
    let resumed = resume(&scene, &[]);
    assert_eq!(resumed.status, Some(0), "{}", resumed.stderr);
    assert_eq!(hub.state().tasks.len(), 1);
}

/// `magudi cancel` has the same patience: the task of a killed run is listed only seconds after it was made.
#[test]
fn a_task_that_is_listed_late_is_canceled_all_the_same() {
    let (scene, hub) = one_image();
    hub.state().task_seconds = f64::INFINITY;
    hub.state().tasks_lag = Duration::from_secs(5);
    hub.on("osbuildImage", once(Answer::Late(Duration::from_secs(5))));
    let mut child = run_command(&scene, &[]).stderr(Stdio::null()).spawn().unwrap();
    wait_until("nothing is submitted", || !hub.state().tasks.is_empty());
    kill(&mut child);
    let canceled = verb(&scene, "cancel", &[]);
    assert_eq!(canceled.status, Some(0), "{}", canceled.stderr);
    assert_eq!(hub.state().tasks[&1000].state, TaskState::Canceled, "{}", canceled.stderr);
}

/// A hub that reads from a replica does not know yet the tasks that are to be canceled.
#[test]
fn what_the_hub_does_not_know_yet_is_canceled_all_the_same() {
    let submitted = || {
        let (scene, hub) = one_image();
        hub.state().task_seconds = f64::INFINITY;
        hub.state().reads_lag = Duration::from_secs(3);
        let child = run_command(&scene, &[]).stderr(Stdio::null()).spawn().unwrap();
        wait_for_records(&scene, "\"submitted\"", 1);
        (scene, hub, child)
    };
    let is_canceled = |hub: &ScriptedHub| hub.state().tasks[&1000].state == TaskState::Canceled;
    let (_scene, hub, mut child) = submitted();
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    child.wait().unwrap();
    assert!(is_canceled(&hub), "by a signal");
    let (scene, hub, mut child) = submitted();
    kill(&mut child);
    let canceled = verb(&scene, "cancel", &[]);
    assert_eq!(canceled.status, Some(0), "{}", canceled.stderr);
    assert!(is_canceled(&hub), "by magudi cancel");
    // What another hub does not know, or another's database has lost, is not waited for without end.
    let (scene, hub, mut child) = submitted();
    kill(&mut child);
    hub.state().tasks.clear();
    let canceled = verb(&scene, "cancel", &[]);
    assert_eq!(canceled.status, Some(1), "{}", canceled.stderr);
    assert!(canceled.stderr.contains("the hub does not know it"), "{}", canceled.stderr);
}

/// A run that is stopped while it submits says what it has announced and not sent: of that nothing is in doubt.
#[test]
fn what_was_announced_and_not_sent_is_no_doubt() {
    let images: Vec<String> = (0..4)
        .map(|n| image(&format!("i{n}"), &format!("\"subvariant\": \"S{n}\", \"arches\": [\"x86_64\"]")))
        .collect();
    let (scene, hub) = with_images(&images);
    hub.state().task_seconds = f64::INFINITY;
    let pid = Arc::new(AtomicU32::new(0));
    let of_run = Arc::clone(&pid);
    hub.on("osbuildImage", move |state, _| {
        let is_second = state.tasks.len() == 1;
        is_second.then(|| {
            let pid = of_run.load(Ordering::SeqCst).to_string();
            assert!(Command::new("kill").arg(pid).status().unwrap().success());
            Answer::Late(Duration::from_millis(300))
        })
    });
    let mut child = run_command(&scene, &[]).stderr(Stdio::null()).spawn().unwrap();
    pid.store(child.id(), Ordering::SeqCst);
    child.wait().unwrap();
    hub.behave();
    let sent = hub.state().tasks.len();
    assert!(hub.state().tasks.values().all(|task| task.state == TaskState::Canceled));
    let canceled = verb(&scene, "cancel", &[]);
    assert_eq!((canceled.status, hub.count("listTasks")), (Some(0), 0), "nothing is looked for: {}", canceled.stderr);
    hub.state().task_seconds = 0.0;
    let resumed = resume(&scene, &[]);
    assert_eq!((resumed.status, hub.state().tasks.len()), (Some(0), sent + 4), "{}", resumed.stderr);
    assert!(!resumed.stderr.contains("Using existing task"), "{}", resumed.stderr);
}

/// A resume that is ended before it could log in cannot cancel what earlier runs have begun, and says so.
#[test]
fn what_goes_on_when_a_resume_is_ended_early_is_said() {
    let (scene, hub) = one_image();
    hub.state().task_seconds = f64::INFINITY;
    let mut child = run_command(&scene, &[]).stderr(Stdio::null()).spawn().unwrap();
    wait_until("nothing is submitted", || !hub.state().tasks.is_empty());
    kill(&mut child);
    // The first login asks what would be refused, the second one is that of the run.
    let before = hub.count("login");
    let mut logins = 0;
    hub.on("login", move |_, _| {
        logins += 1;
        (logins == 2).then_some(Answer::Late(Duration::from_secs(20)))
    });
    let dir = compose(&scene).unwrap().display().to_string();
    let child = command(&scene, &["resume", &dir]).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("it does not log in", || hub.count("login") >= before + 2);
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("1 task of earlier runs may still run at the hub"), "{}", ran.stderr);
    hub.behave();
    assert_eq!(verb(&scene, "cancel", &[]).status, Some(0));
    assert!(hub.state().tasks.values().all(|task| task.state == TaskState::Canceled));
}

/// The same for `magudi cancel`, which looks for the tasks of both.
#[test]
fn a_cancel_takes_no_task_of_another_image_for_a_default() {
    let other = image("other", "\"subvariant\": \"O\", \"arches\": [\"x86_64\"]");
    let plain = image("disk", "\"subvariant\": \"A\", \"arches\": [\"x86_64\"]");
    let more = image("disk", "\"subvariant\": \"B\", \"release\": \"5\", \"arches\": [\"x86_64\"]");
    let (scene, hub) = with_images(&[other, plain, more]);
    hub.state().task_seconds = f64::INFINITY;
    let mut lost = false;
    hub.on("osbuildImage", move |_, call| {
        let release = call.params.last().and_then(|named| named.get("opts")?.get("release"));
        match call.params.first().and_then(Value::as_str) {
            Some("disk") if release.is_none() => Some(Answer::Fault(1009, "unable to retry call 2".to_owned())),
            Some("disk") if !std::mem::replace(&mut lost, true) => Some(Answer::Lost),
            _ => None,
        }
    });
    let mut child = run_command(&scene, &[]).stderr(Stdio::null()).spawn().unwrap();
    let journal = || text_of(&scene, "logs/global/magudi-journal.jsonl");
    wait_for_records(&scene, "\"answer-lost\"", 2);
    wait_until("not both are submitted", || hub.state().tasks.len() >= 2);
    kill(&mut child);
    let canceled = verb(&scene, "cancel", &[]);
    assert_eq!(canceled.status, Some(1), "of the first one it is not known: {}", canceled.stderr);
    let journal = journal();
    let adopted: Vec<&str> = journal.lines().filter(|line| line.contains("\"adopted\"")).collect();
    assert!(matches!(adopted.as_slice(), [one] if one.contains("\"request\":2")), "{adopted:?}");
    assert!(hub.state().tasks.values().all(|task| task.state == TaskState::Canceled));
}
