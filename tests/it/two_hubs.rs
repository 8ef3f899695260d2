//! A compose belongs to the hub at which it was begun: task 1000 of another one is somebody else's, whatever is done.

use crate::program::{Ran, Scene, image};
use crate::proxy;
use crate::scripted_hub::{ScriptedHub, begin_and_kill, compose, resume, text_of, verb};
use magudi_koji::calls::TaskState;
use magudi_koji::value::string;

const JOURNAL: &str = "logs/global/magudi-journal.jsonl";

/// A compose of `names` whose run was killed when each image had a task.
fn begun_and_killed(names: &[&str]) -> (Scene, ScriptedHub) {
    let scene = Scene::new();
    let disk = |name: &&str| image(name, &format!("\"subvariant\": \"{name}\", \"arches\": [\"x86_64\"]"));
    scene.write_compose("", &["x86_64"], &names.iter().map(disk).collect::<Vec<_>>());
    let hub = ScriptedHub::start(&scene);
    begin_and_kill(&scene, &hub, names.len(), &[]);
    (scene, hub)
}

/// Another hub, which has tasks of its own under the same numbers: one that is closed, the others open.
fn other_hub(scene: &Scene, tasks: i64) -> ScriptedHub {
    let hub = ScriptedHub::start_in(&scene.path().join("other"));
    let request = [string("theirs"), string("1"), string("fedora-42")];
    let arguments = [string("f42-image"), magudi_koji::Value::Array(vec![string("x86_64")])];
    for _ in 0..tasks {
        hub.state().submit("osbuildImage", &[request.as_slice(), &arguments].concat(), 2);
    }
    hub.state().task_seconds = f64::INFINITY;
    hub.state().finish(1000);
    hub
}

fn refused(ran: &Ran, parts: &[&str]) {
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
    for part in parts {
        assert!(ran.stderr.contains(part), "{part:?} is not in {}", ran.stderr);
    }
}

/// Nothing of the other hub was touched, nor taken.
fn is_untouched(scene: &Scene, other: &ScriptedHub, tasks: usize) {
    assert_eq!(other.count("cancelTask") + other.count("cancelTaskFull"), 0);
    let state = other.state();
    assert_eq!(state.tasks.len(), tasks);
    assert!(state.tasks.values().all(|task| task.state != TaskState::Canceled));
    assert_eq!(text_of(scene, "compose/metadata/images.json"), "");
}

/// At the hub where it was begun the compose is what it was.
fn is_finished_at_home(scene: &Scene, hub: &ScriptedHub, tasks: usize, more: &[&str]) {
    hub.state().task_seconds = 0.0;
    let ran = resume(scene, more);
    assert_eq!((ran.status, text_of(scene, "STATUS").as_str()), (Some(0), "FINISHED\n"), "{}", ran.stderr);
    assert_eq!(hub.state().tasks.len(), tasks);
    assert!(!text_of(scene, "compose/metadata/images.json").contains("theirs"));
}

/// The profile of the configuration leads elsewhere now, or another one is asked for.
#[test]
fn at_another_hub_nothing_is_resumed_and_nothing_canceled() {
    for is_edited in [true, false] {
        let (scene, hub) = begun_and_killed(&["disk", "cloud"]);
        let other = other_hub(&scene, 2);
        let more: &[&str] = if is_edited {
            scene.write("koji.conf", &other.profile("devhub"));
            &[]
        } else {
            scene.write("koji.conf", &(hub.profile("devhub") + &other.profile("other")));
            &["--koji-profile", "other"]
        };
        let before = text_of(&scene, JOURNAL);
        let (home, there) = (format!("{}/kojihub as compose (user 2)", hub.url()), format!("{}/kojihub", other.url()));
        for (what, options) in [
            ("resume", more.to_vec()),
            ("resume", [more, &["--retry-failed"]].concat()),
            ("resume", [more, &["--rebuild", "disk"]].concat()),
            ("resume", [more, &["--adopt", "disk=1000"]].concat()),
        ] {
            let parts = [format!("was started at {home}"), format!("this is {there}"), "--hub-moved".to_owned()];
            refused(&verb(&scene, what, &options), &parts.each_ref().map(String::as_str));
            is_untouched(&scene, &other, 2);
            assert_eq!(text_of(&scene, JOURNAL), before, "{options:?}");
        }
        let parts = [format!("was started at {home}"), format!("this is {there}")];
        refused(&verb(&scene, "cancel", more), &parts.each_ref().map(String::as_str));
        is_untouched(&scene, &other, 2);
        assert_eq!(other.count("login"), 0, "nobody has to log in for that");
        scene.write("koji.conf", &hub.profile("devhub"));
        is_finished_at_home(&scene, &hub, 2, &[]);
    }
}

/// The claim that it is the same hub is not believed: each task is compared, and a single one that is another's is enough.
#[test]
fn a_hub_that_is_said_to_have_moved_is_compared_task_by_task() {
    let (scene, hub) = begun_and_killed(&["disk", "cloud", "server"]);
    let other = other_hub(&scene, 3);
    scene.write("koji.conf", &other.profile("devhub"));
    let strange = ["is not the hub that the compose was started at", "it was asked nothing", "task 100"];
    refused(&resume(&scene, &["--hub-moved"]), &strange);
    is_untouched(&scene, &other, 3);
    refused(&resume(&scene, &["--hub-moved", "--retry-failed"]), &strange);
    is_untouched(&scene, &other, 3);
    refused(&verb(&scene, "cancel", &["--hub-moved"]), &["left alone because it is not ours: task 100"]);
    is_untouched(&scene, &other, 3);
    scene.write("koji.conf", &hub.profile("devhub"));
    is_finished_at_home(&scene, &hub, 3, &[]);

    // Only the last of its tasks is another's.
    let (scene, hub) = begun_and_killed(&["disk", "cloud", "server"]);
    hub.state().tasks.get_mut(&1002).unwrap().request[0] = string("theirs");
    let home = std::fs::read_to_string(scene.path().join("koji.conf")).unwrap();
    proxy::put_before(&scene, |_| {}, |answer| answer);
    refused(&resume(&scene, &["--hub-moved"]), &["of task 1002, for image", "(theirs)", "it was asked nothing"]);
    is_untouched(&scene, &hub, 3);
    let asked: Vec<_> = hub.calls().into_iter().filter(|call| call.method == "getTaskInfo").collect();
    assert!(asked.iter().any(|call| format!("{call:?}").contains("1001")), "not every task was looked at: {asked:?}");
    scene.write("koji.conf", &home);
    hub.state().tasks.get_mut(&1002).unwrap().request[0] = string("server");
    is_finished_at_home(&scene, &hub, 3, &[]);
}

/// At the hub itself: a task that has become another's, of another image or another method, is not canceled.
#[test]
fn a_task_that_is_not_ours_is_not_canceled() {
    type Change = fn(&mut crate::scripted_hub::Task);
    let changes: [(&str, Change); 3] = [
        ("it belongs to user 3", |task| task.owner = 3),
        ("it is a task of method buildArch", |task| task.method = "buildArch".to_owned()),
        ("it was asked for with other arguments (theirs)", |task| task.request[0] = string("theirs")),
    ];
    for (text, change) in changes {
        let (scene, hub) = begun_and_killed(&["disk", "cloud"]);
        change(hub.state().tasks.get_mut(&1000).unwrap());
        let canceled = verb(&scene, "cancel", &[]);
        refused(&canceled, &["left alone because it is not ours: task 1000", text, "task 1001 was canceled"]);
        let states: Vec<TaskState> = hub.state().tasks.values().map(|task| task.state).collect();
        assert_eq!(states, [TaskState::Open, TaskState::Canceled], "{text}");
        assert_eq!(text_of(&scene, "STATUS"), "TERMINATED\n");
    }
}

/// The same hub at another address, through a proxy: what it has is taken, and it is known by that address from then on.
#[test]
fn a_hub_that_has_moved_is_gone_on_with() {
    for cancels in [false, true] {
        let (scene, hub) = begun_and_killed(&["disk", "cloud"]);
        let home = std::fs::read_to_string(scene.path().join("koji.conf")).unwrap();
        proxy::put_before(&scene, |_| {}, |answer| answer);
        refused(&resume(&scene, &[]), &["was started at", "--hub-moved"]);
        if cancels {
            let canceled = verb(&scene, "cancel", &["--hub-moved"]);
            assert_eq!(canceled.status, Some(0), "{}", canceled.stderr);
            assert!(hub.state().tasks.values().all(|task| task.state == TaskState::Canceled));
            assert_eq!(text_of(&scene, "STATUS"), "TERMINATED\n");
        } else {
            hub.state().finish(1000);
            hub.state().fail(1001, 1000, "no");
            refused(&resume(&scene, &["--hub-moved"]), &["task 1001"]);
            // It is there now, and was there before no more.
            refused(&resume(&scene, &[]), &["task 1001"]);
            scene.write("koji.conf", &home);
            refused(&resume(&scene, &[]), &["was started at", "--hub-moved"]);
            let number = hub.state().tasks.len();
            is_finished_at_home(&scene, &hub, number + 1, &["--hub-moved", "--retry-failed"]);
        }
    }
}

/// Who we are is part of it: at the same hub another user has other tasks.
#[test]
fn the_journal_knows_the_hub_and_the_user_before_anything_is_sent() {
    let (scene, hub) = begun_and_killed(&["disk"]);
    let journal = text_of(&scene, JOURNAL);
    let place = |what: &str| journal.find(what).unwrap_or_else(|| panic!("{what} is not in {journal}"));
    let said =
        format!("\"server\":\"{}/kojihub\",\"profile\":\"devhub\",\"user\":\"compose\",\"user_id\":2", hub.url());
    assert!(place("\"compose-started\"") < place(&said) && place(&said) < place("\"submitting\""));
    assert!(compose(&scene).is_some());
}
