//! Signals are obeyed whatever a run is busy with, or hangs in. Limits are generous: the promise is two seconds, on a machine that
//! has nothing else to do.

use crate::program::{Scene, image};
use crate::sabotage::saboteur;
use crate::scripted_hub::{Answer, ScriptedHub, always, compose, resume, run_command, text_of, verb};
use magudi_koji::calls::TaskState;
use magudi_testkit::{wait_until, wait_within};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// How long anything may take that is promised within two seconds.
const SOON: Duration = Duration::from_secs(20);

/// The size of an image that takes minutes to hash, with the algorithm of [`SLOW`].
const LARGE: i64 = 12 << 30;
const SLOW: &str = "media_checksums = [\"sha256\", \"sha3_512\"]\n";

/// A run that is to be ended.
struct Run {
    child: Option<Child>,
}

impl Run {
    fn begin(mut command: Command) -> Self {
        Self { child: Some(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()) }
    }

    fn child(&mut self) -> &mut Child {
        self.child.as_mut().unwrap()
    }

    fn signal(&mut self, signal: Signal) {
        kill_process(Pid::from_child(self.child()), signal).unwrap();
    }

    /// Its end, which must come before long.
    fn ended(mut self) -> Output {
        wait_within(SOON, "it does not end", || self.child().try_wait().unwrap().is_some());
        self.child.take().unwrap().wait_with_output().unwrap()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A compose of `names` at a hub whose tasks stay open until the test ends them.
fn scene(options: &str, names: &[&str]) -> (Scene, ScriptedHub) {
    let scene = Scene::new();
    let images: Vec<String> = names
        .iter()
        .map(|name| image(name, &format!("\"subvariant\": \"{name}\", \"arches\": [\"x86_64\"]")))
        .collect();
    scene.write_compose(options, &["x86_64"], &images);
    let hub = ScriptedHub::start(&scene);
    hub.state().task_seconds = f64::INFINITY;
    (scene, hub)
}

fn submitted(hub: &ScriptedHub, count: usize) {
    wait_until("not everything is submitted", || hub.state().tasks.len() >= count);
}

/// Ends the first task with an image of [`LARGE`] bytes, all of them zero; without `on_volume` it is only said to be there.
fn close_with_a_large_image(scene: &Scene, hub: &ScriptedHub, on_volume: bool) -> PathBuf {
    let mut state = hub.state();
    let build = state.finish(1000).unwrap();
    let archive = &mut state.builds.get_mut(&build).unwrap().archives[0];
    archive.size = LARGE;
    let path = format!("packages/large/9.2/1/images/{}", archive.filename);
    let on_disk = scene.path().join("volume").join(&path);
    if on_volume {
        File::options().write(true).open(&on_disk).unwrap().set_len(LARGE as u64).unwrap();
    } else {
        fs::remove_file(&on_disk).unwrap();
    }
    PathBuf::from(path)
}

fn open_files(run: &mut Run) -> Vec<PathBuf> {
    let fds = fs::read_dir(format!("/proc/{}/fd", run.child().id())).into_iter().flatten().flatten();
    fds.filter_map(|fd| fs::read_link(fd.path()).ok()).collect()
}

fn reads(run: &mut Run, path: &Path) {
    wait_until("the file is not read", || open_files(run).iter().any(|open| open.ends_with(path)));
}

fn is_canceled(hub: &ScriptedHub, task: i64) -> bool {
    hub.state().tasks[&task].state == TaskState::Canceled
}

fn script(scene: &Scene, name: &str, body: &str) -> String {
    let path = scene.write(name, &format!("#!/bin/sh\n{body}\n"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

fn is_alive(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn an_image_of_the_volume_that_takes_minutes_to_hash() {
    let (scene, hub) = scene(SLOW, &["large", "other"]);
    let mut run = Run::begin(run_command(&scene, &[]));
    submitted(&hub, 2);
    let path = close_with_a_large_image(&scene, &hub, true);
    reads(&mut run, &path);
    run.signal(Signal::TERM);
    wait_within(SOON, "the other task is not canceled", || is_canceled(&hub, 1001));
    assert_eq!(run.ended().status.code(), Some(1));
    assert_eq!(text_of(&scene, "STATUS"), "TERMINATED\n");
}

#[test]
fn an_image_of_the_cache_that_takes_minutes_to_hash() {
    let cache = "koji_cache = \"cache\"\n";
    let (scene, hub) = scene(&format!("{SLOW}{cache}"), &["large", "other"]);
    let text = fs::read_to_string(scene.path().join("test.conf")).unwrap();
    let absolute = scene.path().join("cache").display().to_string();
    scene.write("test.conf", &text.replace("\"cache\"", &format!("\"{absolute}\"")));
    let mut run = Run::begin(run_command(&scene, &[]));
    submitted(&hub, 2);
    let path = {
        let in_cache = scene.path().join("cache/packages/large/9.2/1/images/large-9.2-1.x86_64.qcow2");
        fs::create_dir_all(in_cache.parent().unwrap()).unwrap();
        File::create(&in_cache).unwrap().set_len(LARGE as u64).unwrap();
        close_with_a_large_image(&scene, &hub, false)
    };
    reads(&mut run, &path);
    run.signal(Signal::INT);
    wait_within(SOON, "the other task is not canceled", || is_canceled(&hub, 1001));
    assert_eq!(run.ended().status.code(), Some(1));
    assert_eq!(text_of(&scene, "STATUS"), "TERMINATED\n");
}

/// As of a network file system whose server is gone.
#[test]
fn a_volume_that_hangs() {
    let (scene, hub) = scene("", &["large", "other"]);
    let mut command = run_command(&scene, &[]);
    command.env("LD_PRELOAD", saboteur(scene.path())).env("SABOTAGE_CALL", "read").env("SABOTAGE_ERRNO", "0");
    command.env("SABOTAGE_FILE", "large-9.2-1.x86_64.qcow2");
    let mut run = Run::begin(command);
    submitted(&hub, 2);
    let path = close_with_a_large_image(&scene, &hub, true);
    reads(&mut run, &path);
    run.signal(Signal::TERM);
    wait_within(SOON, "the other task is not canceled", || is_canceled(&hub, 1001));
    assert_eq!(run.ended().status.code(), Some(1));
    assert_eq!(text_of(&scene, "STATUS"), "TERMINATED\n");
}

#[test]
fn a_second_signal_while_everything_hangs() {
    let (scene, hub) = scene("", &["large", "other"]);
    hub.on("cancelTask", always(Answer::Held(Duration::from_secs(600))));
    let hangs = script(&scene, "hangs", "trap '' TERM INT\necho $$ > pid; mv pid hung; sleep 600");
    let mut command = run_command(&scene, &["--notification-script", &hangs]);
    command.env("LD_PRELOAD", saboteur(scene.path())).env("SABOTAGE_CALL", "read").env("SABOTAGE_ERRNO", "0");
    command.env("SABOTAGE_FILE", "large-9.2-1.x86_64.qcow2");
    let mut run = Run::begin(command);
    submitted(&hub, 2);
    let path = close_with_a_large_image(&scene, &hub, true);
    reads(&mut run, &path);
    run.signal(Signal::TERM);
    wait_within(SOON, "nothing is canceled", || hub.count("cancelTask") > 0);
    assert!(run.child().try_wait().unwrap().is_none());
    run.signal(Signal::TERM);
    let output = run.ended();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(stderr.contains("Ended at once by a second signal (15)"), "{stderr}");
    let pid = text_of(&scene, "hung");
    wait_within(SOON, "the script lives", || !is_alive(pid.trim()));
}

#[test]
fn a_notification_script_that_hangs_holds_up_neither_submissions_nor_signals() {
    let (scene, hub) = scene("", &["one", "other"]);
    let hangs = script(
        &scene,
        "hangs",
        "trap '' TERM INT HUP\n(trap '' TERM INT HUP; sleep 600) & echo $! >> children\necho $$ >> children\nwait",
    );
    let mut run = Run::begin(run_command(&scene, &["--notification-script", &hangs]));
    submitted(&hub, 2);
    wait_until("the script does not run", || text_of(&scene, "children").lines().count() >= 2);
    run.signal(Signal::TERM);
    wait_within(SOON, "the tasks are not canceled", || is_canceled(&hub, 1000) && is_canceled(&hub, 1001));
    let output = run.ended();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text_of(&scene, "STATUS"), "TERMINATED\n");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(stderr.contains("Failed to invoke notification script."), "{stderr}");
    assert!(stderr.contains("hangs status-change: it was killed after"), "{stderr}");
    let children = text_of(&scene, "children");
    wait_within(SOON, "children of the script live", || !children.lines().any(is_alive));
    assert!(children.lines().count() > 2, "the last message was not said");
}

#[test]
fn a_notification_script_has_its_time_and_the_order_is_kept() {
    let (scene, hub) = scene("", &["one"]);
    hub.state().task_seconds = 0.0;
    let hangs = script(&scene, "hangs", "[ \"$1\" = phase-start ] && exec sleep 600; exit 0");
    let slow = script(&scene, "slow", "sleep 0.2; echo \"$1\" \"$(cat)\" >> said");
    let fails = script(&scene, "fails", "[ \"$1\" = phase-stop ] && exit 7; exit 0");
    let scripts = ["--notification-script", &hangs, "--notification-script", &slow, "--notification-script", &fails];
    let run = run_command(&scene, &[&scripts[..], &["--notification-timeout", "3"]].concat()).output().unwrap();
    let stderr = String::from_utf8_lossy(&run.stderr).into_owned();
    assert_eq!(run.status.code(), Some(0), "{stderr}");
    let said = text_of(&scene, "said");
    let said: Vec<String> = said
        .lines()
        .map(|line| {
            let (message, object) = line.split_once(' ').unwrap();
            let object: serde_json::Value = serde_json::from_str(object).unwrap();
            let which = object.get("status").or(object.get("phase_name")).unwrap().as_str().unwrap().to_owned();
            format!("{message} {which}")
        })
        .collect();
    let want = [
        "status-change STARTED",
        "phase-start osbuild",
        "phase-stop osbuild",
        "phase-start image_checksum",
        "phase-stop image_checksum",
        "status-change FINISHED",
    ];
    assert_eq!(said, want, "{stderr}");
    for warning in ["hangs phase-start: it was killed after", "fails phase-stop: exit status: 7"] {
        assert!(stderr.contains(warning), "{warning:?} is not in {stderr}");
    }
    assert!(text_of(&scene, "logs/global/traceback.global.log").is_empty());
}

/// As of a disk that is busy for others: the manifest is not there in the end, as in any compose that did not come to its end.
#[test]
fn a_manifest_that_takes_its_time_to_be_written() {
    let (scene, hub) = scene("", &["one", "other"]);
    hub.state().task_seconds = 0.0;
    let metadata = scene.target().join("Test-9.2-20240229.t.0/compose/metadata");
    let mut command = run_command(&scene, &[]);
    command.env("LD_PRELOAD", saboteur(scene.path())).env("SABOTAGE_CALL", "fsync").env("SABOTAGE_ERRNO", "0");
    command.env("SABOTAGE_DIR", &metadata);
    let mut run = Run::begin(command);
    let is_begun = || fs::read_dir(&metadata).is_ok_and(|mut files| files.next().is_some());
    wait_until("no manifest is written", is_begun);
    assert!(run.child().try_wait().unwrap().is_none());
    run.signal(Signal::TERM);
    assert_eq!(run.ended().status.code(), Some(1));
    assert_eq!(text_of(&scene, "STATUS"), "TERMINATED\n");
    assert!(!metadata.join("images.json").exists());
    let ran = resume(&scene, &[]);
    assert_eq!((ran.status, hub.state().tasks.len()), (Some(0), 2), "{}", ran.stderr);
    assert!(metadata.join("images.json").exists());
}

/// The large plan itself, and requests that would continue for minutes.
#[test]
fn ten_thousand_images_that_are_being_submitted() {
    let names: Vec<String> = (0..10_000).map(|n| format!("i{n}")).collect();
    let (scene, hub) = scene("", &names.iter().map(String::as_str).collect::<Vec<_>>());
    let mut run = Run::begin(run_command(&scene, &[]));
    submitted(&hub, 100);
    run.signal(Signal::TERM);
    wait_within(SOON, "nothing is canceled", || hub.count("cancelTask") > 0);
    let sent = hub.count("osbuildImage");
    assert!(sent < 10_000, "all was sent before the signal came");
    assert_eq!(run.ended().status.code(), Some(1));
    assert_eq!(text_of(&scene, "STATUS"), "TERMINATED\n");
    assert_eq!(hub.count("osbuildImage"), sent, "it was submitted further");
    let state = hub.state();
    assert!(state.tasks.values().all(|task| task.state == TaskState::Canceled), "tasks were left behind");
}

/// A profile with the pauses of koji's own, and `more` lines.
fn patient(scene: &Scene, hub: &ScriptedHub, more: &str) {
    let hasty = hub.profile("devhub");
    let patient = hasty.replace("\nretry_interval = 1\n", "\nretry_interval = 20\n");
    assert_ne!(hasty, patient);
    scene.write("koji.conf", &(patient + "max_retries = 30\n" + more));
}

/// A hub that takes its time to let anybody in, or refuses every login for now: before there is a compose nothing is left of it, and one that
/// is there can be resumed.
#[test]
fn a_login_that_hangs_or_is_tried_again_and_again() {
    let answers = [Answer::Held(Duration::from_secs(600)), Answer::Cut, Answer::Fault(1014, "offline".to_owned())];
    for answer in answers {
        for later in [false, true] {
            let (scene, hub) = scene("", &["one"]);
            patient(&scene, &hub, "offline_retry = true\n");
            let (mut logins, answer) = (0, answer.clone());
            hub.on("login", move |_, _| {
                logins += 1;
                (!later || logins > 1).then(|| answer.clone())
            });
            let mut run = Run::begin(run_command(&scene, &[]));
            let wanted = if later { 2 } else { 1 };
            wait_until("nobody logs in", || {
                assert!(run.child().try_wait().unwrap().is_none(), "it has ended");
                hub.count("login") >= wanted
            });
            assert!(run.child().try_wait().unwrap().is_none());
            run.signal(Signal::TERM);
            let ended = run.ended();
            if later {
                assert_eq!(ended.status.code(), Some(1));
                assert_eq!(text_of(&scene, "STATUS"), "TERMINATED\n");
            } else {
                assert!(!ended.status.success());
                assert!(compose(&scene).is_none());
            }
            hub.behave();
            hub.state().task_seconds = 0.0;
            if later {
                let ran = resume(&scene, &[]);
                assert_eq!(ran.status, Some(0), "{}", ran.stderr);
            }
        }
    }
}

/// The hub is away, and calls are repeated with long pauses: while it is submitted, while tasks are waited for.
#[test]
fn an_outage_that_is_waited_for() {
    for is_submitting in [true, false] {
        let (scene, hub) = scene("", &["one", "other"]);
        patient(&scene, &hub, "");
        if is_submitting {
            let mut sent = 0;
            hub.on("osbuildImage", move |_, _| {
                sent += 1;
                (sent > 1).then_some(Answer::Lost)
            });
        }
        let mut run = Run::begin(run_command(&scene, &["--detach-on-signal"]));
        submitted(&hub, if is_submitting { 1 } else { 2 });
        if is_submitting {
            wait_until("nothing is repeated", || hub.count("osbuildImage") > 2);
        } else {
            hub.go_away();
            let log =
                || text_of(&scene, "logs/global/pungi.global.log") + &text_of(&scene, "logs/global/magudi.global.log");
            wait_until("nothing is said of it", || log().contains("The hub does not answer"));
        }
        run.signal(Signal::TERM);
        assert_eq!(run.ended().status.code(), Some(1));
        assert_eq!(text_of(&scene, "STATUS"), "TERMINATED\n");
        if !is_submitting {
            hub.come_back();
        }
        hub.behave();
        hub.state().task_seconds = 0.0;
        let ran = resume(&scene, &[]);
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        assert_eq!(hub.state().tasks.len(), 2);
    }
}

/// A submission that is not answered keeps the others from being canceled for a moment only; its own task is found later.
#[test]
fn a_submission_that_is_not_answered() {
    let (scene, hub) = scene("", &["one", "other"]);
    let mut sent = 0;
    hub.on("osbuildImage", move |_, _| {
        sent += 1;
        (sent > 1).then_some(Answer::Late(Duration::from_secs(600)))
    });
    // So that the one last look does not find it.
    hub.state().tasks_lag = Duration::from_secs(30);
    let mut run = Run::begin(run_command(&scene, &[]));
    submitted(&hub, 2);
    run.signal(Signal::TERM);
    // Much longer than two seconds, and shorter than anything that is waited for otherwise.
    wait_within(Duration::from_secs(9), "the first task is not canceled", || is_canceled(&hub, 1000));
    assert_eq!(run.ended().status.code(), Some(1));
    assert_eq!(text_of(&scene, "STATUS"), "TERMINATED\n");
    hub.behave();
    hub.state().tasks_lag = Duration::ZERO;
    assert!(!is_canceled(&hub, 1001));
    let canceled = verb(&scene, "cancel", &[]);
    assert_eq!(canceled.status, Some(0), "{}", canceled.stderr);
    assert!(is_canceled(&hub, 1001));
}

/// What a signal does to the tasks is said at once, and what another one would do; the log has Pungi's words as well.
#[test]
fn a_signal_says_what_it_does_and_what_comes_next() {
    for (detach, tasks, said) in [
        (false, 2, "interrupted: canceling 2 tasks; a second signal leaves them running"),
        (false, 1, "interrupted: canceling 1 task; a second signal leaves it running"),
        (true, 2, "interrupted: leaving 2 tasks running; a second signal ends the run at once"),
    ] {
        let (scene, hub) = scene("", &["one", "other"][..tasks]);
        let options: &[&str] = if detach { &["--detach-on-signal"] } else { &[] };
        let mut run = Run::begin(run_command(&scene, options));
        submitted(&hub, tasks);
        // The answers are there, too.
        wait_until("it does not wait", || hub.count("getTaskInfo") > 1);
        run.signal(Signal::INT);
        let ended = run.ended();
        let stderr = String::from_utf8_lossy(&ended.stderr);
        let expected = ["[ERROR   ] Compose run failed: signal 2\n", &format!("[WARNING ] {said}\n")];
        let log = text_of(&scene, "logs/global/pungi.global.log");
        for text in expected {
            assert!(stderr.contains(text) && log.contains(text), "{text}: {stderr}");
        }
        assert_eq!(log.contains("[INFO    ] Trying to kill koji tasks\n"), !detach);
        let canceled = (0..tasks as i64).filter(|n| is_canceled(&hub, 1000 + n)).count();
        assert_eq!(canceled, if detach { 0 } else { tasks });
        let journal = text_of(&scene, "logs/global/magudi-journal.jsonl");
        let event = format!("\"event\":\"interrupted\",\"signal\":2,\"tasks\":{tasks},\"detached\":{detach}}}");
        assert!(journal.contains(&event), "{journal}");
    }
}

/// Who presses again learns what that leaves.
#[test]
fn a_second_signal_says_what_may_still_run() {
    let (scene, hub) = scene("", &["one", "other"]);
    let mut run = Run::begin(run_command(&scene, &[]));
    submitted(&hub, 2);
    wait_until("it does not wait", || hub.count("getTaskInfo") > 1);
    hub.on("*", always(Answer::Held(Duration::from_secs(300))));
    run.signal(Signal::INT);
    let log = || text_of(&scene, "logs/global/pungi.global.log");
    wait_until("nothing is said of it", || log().contains("interrupted: canceling 2 tasks"));
    run.signal(Signal::INT);
    assert_eq!(run.ended().status.code(), Some(1));
    let said = "Ended at once by a second signal (2): 2 tasks may still run; continue with `magudi resume`";
    assert!(log().contains(said), "{}", log());
}
