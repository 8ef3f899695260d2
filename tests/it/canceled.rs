//! Canceled means canceled, and nothing else does: tasks that ended well before they were asked to end are taken, whoever asked, and
//! built once, on a hub that builds a release once.

use crate::program::{Ran, Scene, image};
use crate::scripted_hub::{ScriptedHub, resume, run_command, text_of, verb, wait_for_records};
use magudi_koji::calls::TaskState;
use rustix::process::{Pid, Signal, kill_process};
use std::process::{Child, Stdio};

const JOURNAL: &str = "logs/global/magudi-journal.jsonl";
const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// A run of four images with a fixed release, which waits for its tasks.
fn begun(more: &[&str]) -> (Scene, ScriptedHub, Child) {
    let scene = Scene::new();
    let disk = |name| image(name, &format!("\"subvariant\": \"{name}\", \"release\": \"1\", \"arches\": [\"x86_64\"]"));
    scene.write_compose("", &["x86_64"], &NAMES.map(disk));
    let hub = ScriptedHub::start(&scene);
    hub.state().task_seconds = f64::INFINITY;
    let child = run_command(&scene, more).stderr(Stdio::piped()).spawn().unwrap();
    wait_for_records(&scene, "\"event\":\"submitted\"", NAMES.len());
    (scene, hub, child)
}

fn killed() -> (Scene, ScriptedHub) {
    let (scene, hub, mut child) = begun(&[]);
    child.kill().unwrap();
    child.wait().unwrap();
    (scene, hub)
}

fn finished(ran: &Ran, scene: &Scene, hub: &ScriptedHub, tasks: usize) {
    assert_eq!((ran.status, text_of(scene, "STATUS").as_str()), (Some(0), "FINISHED\n"), "{}", ran.stderr);
    let manifest = text_of(scene, "compose/metadata/images.json");
    assert!(NAMES.iter().all(|name| manifest.contains(&format!("{name}-9.2-1.x86_64.qcow2"))), "{manifest}");
    assert_eq!(hub.state().tasks.len(), tasks, "{}", ran.stderr);
}

fn canceled_in_journal(scene: &Scene) -> Vec<String> {
    let journal = text_of(scene, JOURNAL);
    journal.lines().filter(|line| line.contains("\"CANCELED\"")).map(str::to_owned).collect()
}

/// Kill -9 a run, let its tasks end well, `magudi cancel`, `magudi resume`.
#[test]
fn killed_ended_well_canceled_and_resumed() {
    let (scene, hub) = killed();
    for task in 1000..1004 {
        hub.state().finish(task);
    }
    let canceled = verb(&scene, "cancel", &[]);
    assert_eq!((canceled.status, text_of(&scene, "STATUS").as_str()), (Some(0), "TERMINATED\n"), "{canceled:?}");
    for task in 1000..1004 {
        let said = format!("task {task} had already ended (closed): `magudi resume` takes what it built");
        assert!(
            canceled.stderr.to_lowercase().contains(&said.to_lowercase()),
            "{said:?} is not in {}",
            canceled.stderr
        );
    }
    assert_eq!(canceled_in_journal(&scene), Vec::<String>::new());
    finished(&resume(&scene, &[]), &scene, &hub, 4);
    finished(&resume(&scene, &[]), &scene, &hub, 4);
}

/// The same when each of the tasks has come another way: one is built again, the one that was canceled.
#[test]
fn killed_ended_in_every_way_canceled_and_resumed() {
    let (scene, hub) = killed();
    {
        let mut state = hub.state();
        state.finish(1000);
        state.fail(1001, 1000, "no");
        state.cancel(1002);
    }
    let canceled = verb(&scene, "cancel", &[]);
    assert_eq!((canceled.status, text_of(&scene, "STATUS").as_str()), (Some(0), "TERMINATED\n"), "{canceled:?}");
    assert!(canceled.stderr.contains("task 1003 was canceled"), "{}", canceled.stderr);
    assert_eq!(hub.state().tasks[&1001].state, TaskState::Failed);
    assert_eq!(hub.state().tasks[&1000].state, TaskState::Closed);
    hub.state().task_seconds = 0.0;
    // What failed stays so until it is asked for, as does what others canceled.
    let ran = resume(&scene, &[]);
    assert_eq!((ran.status, text_of(&scene, "STATUS").as_str()), (Some(1), "DOOMED\n"), "{}", ran.stderr);
    let first = hub.state().tasks.len();
    assert!((5..=6).contains(&first), "{}", ran.stderr);
    finished(&resume(&scene, &["--retry-failed"]), &scene, &hub, 7);
}

/// The tasks end well in the moment in which they are asked to end: by a signal, by `magudi cancel`, by `--fail-fast`.
#[test]
fn tasks_that_end_when_they_are_canceled_are_taken() {
    let end_first = |hub: &ScriptedHub| {
        hub.on("cancelTask", |state, call| {
            let task = call.params.first().and_then(magudi_koji::Value::as_i64).unwrap();
            state.finish(task);
            None
        });
    };
    for by_verb in [false, true] {
        let (scene, hub, child) = begun(&[]);
        end_first(&hub);
        if by_verb {
            let canceled = verb(&scene, "cancel", &[]);
            assert_eq!(canceled.status, Some(0), "{}", canceled.stderr);
        } else {
            kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        }
        let ran = Ran::from(child.wait_with_output().unwrap());
        assert_eq!((ran.status, text_of(&scene, "STATUS").as_str()), (Some(1), "TERMINATED\n"), "{}", ran.stderr);
        assert_eq!(canceled_in_journal(&scene), Vec::<String>::new());
        finished(&resume(&scene, &[]), &scene, &hub, 4);
    }
    // Of a run that is dead.
    let (scene, hub) = killed();
    end_first(&hub);
    let canceled = verb(&scene, "cancel", &[]);
    assert_eq!(canceled.status, Some(0), "{}", canceled.stderr);
    assert_eq!(canceled_in_journal(&scene), Vec::<String>::new());
    finished(&resume(&scene, &[]), &scene, &hub, 4);
    // After the first failure.
    let (scene, hub, child) = begun(&["--fail-fast"]);
    end_first(&hub);
    hub.state().fail(1000, 1000, "no");
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!((ran.status, text_of(&scene, "STATUS").as_str()), (Some(1), "DOOMED\n"), "{}", ran.stderr);
    assert_eq!(hub.count("cancelTask"), 3);
    assert_eq!(canceled_in_journal(&scene), Vec::<String>::new());
    hub.behave();
    hub.state().task_seconds = 0.0;
    finished(&resume(&scene, &["--retry-failed"]), &scene, &hub, 5);
}
