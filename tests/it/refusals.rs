//! What a hub refuses to the user is said once and asked once; what passes by itself is waited for; what several images fail of is
//! summed up.

use crate::program::{Scene, image};
use crate::scripted_hub::{Answer, ScriptedHub, always, resume, run, run_command, text_of};
use magudi_koji::Value;
use magudi_testkit::wait_until;
use std::process::Stdio;

fn scene(images: usize) -> (Scene, ScriptedHub) {
    let scene = Scene::new();
    let images: Vec<String> =
        (0..images).map(|n| image(&format!("h-{n:03}"), "\"release\": \"1\", \"arches\": [\"x86_64\"]")).collect();
    scene.write_compose("", &["x86_64"], &images);
    let hub = ScriptedHub::start(&scene);
    (scene, hub)
}

/// A permission that is missing, or a method: no other image is asked for, and none is in doubt later.
#[test]
fn what_is_refused_to_the_user_is_asked_once() {
    for (code, text) in
        [(1004, "image permission required (logged in as compose)"), (1000, "Invalid method: osbuildImage")]
    {
        let (scene, hub) = scene(60);
        hub.on("osbuildImage", always(Answer::Fault(code, text.to_owned())));
        let ran = run(&scene);
        assert_eq!(ran.status, Some(1), "{}", ran.stderr);
        assert_eq!(hub.count("osbuildImage"), 1);
        assert!(ran.stderr.contains("60 of 60 images failed: h-000 (osbuildImage: "), "{}", ran.stderr);
        assert!(ran.stderr.contains(&format!("{text}), and 59 more")), "{}", ran.stderr);
        // As an error, as what ends the compose, and as the summary.
        assert!(ran.stderr.matches(text).count() < 5, "{}", ran.stderr);
        hub.behave();
        let resumed = resume(&scene, &[]);
        assert_eq!(resumed.status, Some(0), "{}", resumed.stderr);
        assert_eq!((hub.state().tasks.len(), hub.count("osbuildImage")), (60, 61));
    }
}

/// What a policy refuses is about one request.
#[test]
fn what_a_policy_refuses_is_about_one_image() {
    let (scene, hub) = scene(3);
    hub.on("osbuildImage", |_, call| {
        let is_first = call.params.first().and_then(Value::as_str) == Some("h-000");
        is_first.then(|| Answer::Fault(1004, "policy violation (channel)".to_owned()))
    });
    let ran = run(&scene);
    assert_eq!((ran.status, hub.state().tasks.len()), (Some(1), 2), "{}", ran.stderr);
    assert!(ran.stderr.contains("image h-000 of variant Server was not submitted: "), "{}", ran.stderr);
}

/// Another session has the hub for itself for a while: at the login, between submissions, after a lost answer.
#[test]
fn a_locked_user_is_waited_for() {
    for method in ["getLoggedInUser", "osbuildImage"] {
        let (scene, hub) = scene(3);
        let mut calls = 0;
        hub.on(method, move |_, _| {
            calls += 1;
            match calls {
                1 | 2 => Some(Answer::Fault(1006, "User locked by another session".to_owned())),
                3 if method == "osbuildImage" => Some(Answer::Lost),
                4 => Some(Answer::Fault(1006, "User locked by another session".to_owned())),
                _ => None,
            }
        });
        let ran = run(&scene);
        assert_eq!(ran.status, Some(0), "{method}: {}", ran.stderr);
        assert_eq!(hub.state().tasks.len(), 3, "{method}");
    }
}

#[test]
fn several_failures_are_counted() {
    let (scene, hub) = scene(6);
    hub.state().task_seconds = f64::INFINITY;
    let child = run_command(&scene, &[]).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("not everything is submitted", || hub.state().tasks.len() == 6);
    for task in 1000..1006 {
        hub.state().fail_compose(task, "no such repository");
    }
    let ran = crate::program::Ran::from(child.wait_with_output().unwrap());
    let said = "Compose run failed: 6 of 6 images failed: h-000 (task 1000: ";
    assert!(ran.stderr.contains(said) && ran.stderr.contains("no such repository), and 5 more"), "{}", ran.stderr);
}

#[test]
fn who_may_have_canceled_a_task_is_said() {
    let (scene, hub) = scene(1);
    hub.state().task_seconds = f64::INFINITY;
    let child = run_command(&scene, &[]).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("nothing is submitted", || !hub.state().tasks.is_empty());
    hub.state().cancel(1000);
    let ran = crate::program::Ran::from(child.wait_with_output().unwrap());
    assert!(ran.stderr.contains("was canceled at the hub, by its owner or an administrator"), "{}", ran.stderr);
    assert_eq!(text_of(&scene, "STATUS"), "DOOMED\n");
    // It is not built by itself, only on request.
    assert_eq!((resume(&scene, &[]).status, hub.state().tasks.len()), (Some(1), 1));
    hub.state().task_seconds = 0.0;
    assert_eq!((resume(&scene, &["--retry-failed"]).status, hub.state().tasks.len()), (Some(0), 2));
}
