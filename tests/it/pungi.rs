//! A whole night: `run --pungi`, with a stand-in for Pungi (`tests/pungi/pungi-koji`) that makes trees and ISOs beside the images,
//! and fails, dies or hangs if it is to. And `--wait-for-repos`, for a Pungi that somebody else has started.

use crate::program::{Hub, Ran, Scene, image};
use magudi_testkit::{repository, wait_until, wait_within};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A compose of one image of Server, at a hub in another process, beside a stand-in.
struct Night {
    scene: Scene,
    hub: Hub,
}

impl Night {
    fn new(scenario: &str) -> Self {
        let scene = Scene::new();
        scene.write_compose(
            "media_checksums = [\"sha256\"]\n",
            &["x86_64"],
            &[image("disk", "\"subvariant\": \"Disk\"")],
        );
        scene.write("scenario.json", scenario);
        std::fs::create_dir(scene.path().join("hold")).unwrap();
        scene.write("bin/notify", "#!/bin/sh\necho \"$1 $(cat)\" >> \"$(dirname \"$0\")/../notes\"\n");
        let run = |program: &str| Command::new("chmod").args(["+x", program]).current_dir(scene.path()).status();
        assert!(run("bin/notify").unwrap().success());
        let hub = Hub::start(&scene, &["--scenario", "scenario.json"]);
        Self { scene, hub }
    }

    /// Keeps the stand-in from a phase.
    fn hold(&self, phase: &str) -> &Self {
        self.scene.write(&format!("hold/{phase}"), "");
        self
    }

    fn let_go(&self, phase: &str) {
        std::fs::remove_file(self.scene.path().join("hold").join(phase)).unwrap();
    }

    fn pungi(&self, mode: &str) -> String {
        let program = repository().join("tests/pungi/pungi-koji");
        format!("--pungi={} --stand-in {mode} --hold {}/hold", program.display(), self.scene.path().display())
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.scene.command();
        command.args(args).env("MAGUDI_KOJI_PASSWORD", "composepass");
        command
    }

    fn run_command(&self, more: &[&str]) -> Command {
        let usual =
            ["run", "--config", "test.conf", "--nightly", "--koji-config", "koji.conf", "--koji-user", "compose"];
        self.command(&[&usual, more].concat())
    }

    /// Begins a compose beside a stand-in.
    fn begin(&self, mode: &str, more: &[&str]) -> Child {
        let mut command =
            self.run_command(&["--target-dir", "target", "--notification-script", "notify", &self.pungi(mode)]);
        command.args(more).stderr(Stdio::null()).spawn().unwrap()
    }

    fn run(&self, mode: &str, more: &[&str]) -> Ran {
        let mut command =
            self.run_command(&["--target-dir", "target", "--notification-script", "notify", &self.pungi(mode)]);
        Ran::from(command.args(more).output().unwrap())
    }

    fn resume(&self, more: &[&str]) -> Ran {
        let top = self.top().display().to_string();
        Ran::from(self.command(&[&["resume", &top], more].concat()).output().unwrap())
    }

    fn top(&self) -> PathBuf {
        let made = std::fs::read_dir(self.scene.target()).unwrap().flatten().map(|entry| entry.path());
        made.filter(|path| !path.is_symlink()).find(|path| path.is_dir()).expect("a compose")
    }

    fn has_top(&self) -> bool {
        std::fs::read_dir(self.scene.target()).unwrap().next().is_some()
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.top().join(name)).unwrap_or_default()
    }

    fn status(&self) -> String {
        self.text("STATUS").trim().to_owned()
    }

    fn log(&self) -> String {
        self.text("logs/global/pungi.global.log")
    }

    fn paths(&self) -> Vec<String> {
        let images: Json = serde_json::from_str(&self.text("compose/metadata/images.json")).unwrap();
        let mut paths = Vec::new();
        for image in images["payload"]["images"]["Server"]["x86_64"].as_array().unwrap() {
            paths.push(image["path"].as_str().unwrap().rsplit('.').next().unwrap().to_owned());
        }
        paths.sort();
        paths
    }

    fn events(&self) -> String {
        self.text("logs/global/magudi-journal.jsonl")
    }

    fn until_submitted(&self) {
        wait_until("the image was not submitted", || !self.hub.task_requests().is_empty());
    }

    fn until_pungi_has_said(&self, status: &str) {
        let said = format!("\"event\":\"pungi-status\",\"status\":\"{status}\"");
        wait_until("Pungi's word was not heard", || self.has_top() && self.events().contains(&said));
    }

    fn pungis_pid(&self) -> i32 {
        let started = |line: &str| {
            let event: Json = serde_json::from_str(line).ok()?;
            (event["event"] == "pungi-started").then(|| event["pid"].as_i64())?
        };
        let mut pid = None;
        wait_until("Pungi was not started", || {
            pid = self.has_top().then(|| self.events().lines().filter_map(started).next_back()).flatten();
            pid.is_some()
        });
        i32::try_from(pid.unwrap()).unwrap()
    }

    /// What the notification script heard of STATUS.
    fn heard(&self) -> Vec<String> {
        let notes = std::fs::read_to_string(self.scene.path().join("notes")).unwrap_or_default();
        let changes = notes.lines().filter_map(|line| line.strip_prefix("status-change "));
        changes.map(|json| serde_json::from_str::<Json>(json).unwrap()["status"].as_str().unwrap().to_owned()).collect()
    }
}

fn ended(child: &mut Child) -> Option<i32> {
    wait_until("the run did not end", || child.try_wait().unwrap().is_some());
    child.wait().unwrap().code()
}

fn is_alive(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

#[test]
fn images_begin_beside_createiso_and_the_compose_finishes_once() {
    let night = Night::new(r#"{"task_seconds": 1}"#);
    night.hold("createrepo").hold("createiso");
    let mut run = night.begin("well", &["--supported", "--koji-event", "7"]);
    wait_until("images wait for repositories", || night.has_top() && night.log().contains("1 image waits for rep"));
    assert!(night.hub.task_requests().is_empty(), "its repository is not there");
    night.let_go("createrepo");
    night.until_submitted();
    assert!(!night.log().contains("PHASE: CREATEISO"), "all of Pungi was waited for");
    assert_eq!(night.status(), "STARTED");
    night.let_go("createiso");
    assert_eq!(ended(&mut run), Some(0), "{}", night.log());
    assert_eq!(night.status(), "FINISHED");
    assert_eq!(night.paths(), ["iso", "qcow2"]);
    assert_eq!(night.heard(), ["STARTED", "FINISHED"], "once each");
    assert!(night.scene.target().join("latest-Test-9").is_symlink());
    let log = night.log();
    for part in ["pungi: 2024-02-29 00:00:00 [INFO    ] [BEGIN] ---------- PHASE: CREATEISO", "Pungi has ended"] {
        assert!(log.contains(part), "{part} is not in {log}");
    }
    let given = night.text("logs/global/pungi-arguments");
    let given: Vec<&str> = given.split_whitespace().collect();
    for (option, value) in
        [("--skip-phase", "osbuild"), ("--koji-event", "7"), ("--compose-dir", night.top().to_str().unwrap())]
    {
        assert!(given.windows(2).any(|pair| pair == [option, value]), "{option} {value} is not in {given:?}");
    }
    for flag in ["--nightly", "--supported", "--no-latest-link"] {
        assert!(given.contains(&flag), "{flag} is not in {given:?}");
    }
    assert!(!given.contains(&"--notification-script"));
    // One sum file for the directory of the image, one for that of the ISO.
    let sums = |directory: &str| {
        let files = std::fs::read_dir(night.top().join("compose/Server/x86_64").join(directory)).unwrap().flatten();
        files.filter(|entry| entry.file_name().to_string_lossy().ends_with("SHA256SUM")).count()
    };
    assert!(sums("iso") > 0 && sums("images") > 0);
    let deliverables: Json = serde_json::from_str(&night.text("logs/global/deliverables.json")).unwrap();
    assert!(deliverables["required"]["createiso"].is_array() && deliverables["required"]["osbuild"].is_array());
}

#[test]
fn nobody_sees_pungis_finished_before_the_images_are_there() {
    let night = Night::new(r#"{"task_seconds": 6}"#);
    let mut run = night.begin("well", &[]);
    night.until_pungi_has_said("FINISHED");
    wait_within(Duration::from_secs(5), "STATUS was not put back", || night.status() == "STARTED");
    assert!(run.try_wait().unwrap().is_none(), "the image takes longer");
    assert_eq!(night.heard(), ["STARTED"]);
    assert!(!night.scene.target().join("latest-Test-9").exists());
    assert_eq!(ended(&mut run), Some(0));
    assert_eq!(night.heard(), ["STARTED", "FINISHED"]);
}

#[test]
fn the_worse_of_two_ends_is_the_end() {
    let night = Night::new("{}");
    let ran = night.run("incomplete", &[]);
    assert_eq!((ran.status, night.status().as_str()), (Some(0), "FINISHED_INCOMPLETE"), "{}", ran.stderr);
    let deliverables: Json = serde_json::from_str(&night.text("logs/global/deliverables.json")).unwrap();
    assert_eq!(deliverables["failed"]["createiso"][0][0], "Server");

    let night = Night::new("{}");
    let ran = night.run("silent", &[]);
    assert_eq!((ran.status, night.status().as_str()), (Some(1), "DOOMED"), "{}", ran.stderr);
    assert!(ran.stderr.contains("died without a final status"), "{}", ran.stderr);

    let night = Night::new(r#"{"fail": {"disk": {}}}"#);
    let ran = night.run("well", &[]);
    assert_eq!((ran.status, night.status().as_str()), (Some(1), "DOOMED"), "{}", ran.stderr);
    assert!(night.events().contains(r#""event":"pungi-ended","code":0"#), "Pungi was let end");
    // What Pungi made is not made again.
    night.scene.write("hold/gather", "");
    assert_eq!(night.heard(), ["STARTED", "DOOMED"]);
}

#[test]
fn a_pungi_that_fails_lets_images_end_unless_they_are_to_fail_fast() {
    let night = Night::new(r#"{"task_seconds": 3}"#);
    let ran = night.run("fail", &[]);
    assert_eq!((ran.status, night.status().as_str()), (Some(1), "DOOMED"), "{}", ran.stderr);
    assert!(ran.stderr.contains("Pungi failed: it ended with exit status 1"), "{}", ran.stderr);
    assert_eq!(night.hub.task_requests(), [("disk".to_owned(), 2)], "it was let end");

    let night = Night::new(r#"{"task_seconds": 600}"#);
    night.hold("createiso");
    let mut run = night.begin("fail", &["--fail-fast"]);
    night.until_submitted();
    night.let_go("createiso");
    assert_eq!(ended(&mut run), Some(1));
    assert_eq!(night.status(), "DOOMED");
    assert_eq!(night.hub.task_requests(), [("disk".to_owned(), 3)], "it was canceled");
    assert!(night.log().contains("Compose run failed: Pungi failed"), "{}", night.log());
}

#[test]
fn images_do_not_wait_for_a_pungi_that_died() {
    let night = Night::new("{}");
    let ran = night.run("die", &[]);
    assert_eq!((ran.status, night.status().as_str()), (Some(1), "DOOMED"), "{}", ran.stderr);
    assert!(ran.stderr.contains("repomd.xml is missing: Pungi has ended without making it"), "{}", ran.stderr);
    assert!(ran.stderr.contains("it was killed by signal 9"), "{}", ran.stderr);
    assert!(night.hub.task_requests().is_empty());
}

#[test]
fn a_signal_reaches_both() {
    let night = Night::new(r#"{"task_seconds": 600}"#);
    let mut run = night.begin("hang", &[]);
    night.until_submitted();
    let pungi = night.pungis_pid();
    kill_process(Pid::from_child(&run), Signal::TERM).unwrap();
    assert_eq!(ended(&mut run), Some(1));
    assert_eq!(night.status(), "TERMINATED");
    assert!(!is_alive(pungi));
    assert_eq!(night.hub.task_requests(), [("disk".to_owned(), 3)]);
}

#[test]
fn a_killed_run_finds_its_pungi_again() {
    for (held, by_then) in [("createiso", "running"), ("init", "running"), ("", "over")] {
        let night = Night::new(r#"{"task_seconds": 4}"#);
        if !held.is_empty() {
            night.hold(held);
        }
        let mut run = night.begin("well", &[]);
        let pungi = night.pungis_pid();
        if held != "init" {
            night.until_submitted();
        }
        run.kill().unwrap();
        run.wait().unwrap();
        if by_then == "over" {
            wait_until("Pungi does not need us", || !is_alive(pungi));
        } else {
            assert!(is_alive(pungi), "it does not need us");
        }
        let going_on = std::thread::scope(|scope| {
            let resumed = scope.spawn(|| night.resume(&[]));
            if !held.is_empty() {
                wait_until("Pungi was not found again", || night.log().contains("Pungi is still running"));
                night.let_go(held);
            }
            resumed.join().unwrap()
        });
        assert_eq!(going_on.status, Some(0), "{held}: {}", going_on.stderr);
        assert_eq!((night.status().as_str(), night.paths()), ("FINISHED", vec!["iso".to_owned(), "qcow2".to_owned()]));
        assert_eq!(night.hub.task_requests().len(), 1, "{held}");
        assert_eq!(night.text("logs/global/pungi-output.log").matches("[BEGIN] ---------- PHASE: INIT").count(), 1);
        let again = night.resume(&[]);
        assert_eq!(again.status, Some(0), "{}", again.stderr);
        assert!(again.stderr.contains("nothing is left to do"), "{}", again.stderr);
    }
}

#[test]
fn a_pungi_that_died_with_its_run_is_named_and_not_started_again() {
    let night = Night::new(r#"{"task_seconds": 2}"#);
    night.hold("createiso");
    let mut run = night.begin("well", &[]);
    night.until_submitted();
    let pungi = night.pungis_pid();
    run.kill().unwrap();
    run.wait().unwrap();
    kill_process(Pid::from_raw(pungi).unwrap(), Signal::KILL).unwrap();
    wait_until("it is gone", || !is_alive(pungi));
    for _ in 0..2 {
        let ran = night.resume(&[]);
        assert_eq!((ran.status, night.status().as_str()), (Some(1), "DOOMED"), "{}", ran.stderr);
        assert!(ran.stderr.contains("Pungi died"), "{}", ran.stderr);
        assert_eq!(night.hub.task_requests(), [("disk".to_owned(), 2)], "the image is built all the same");
    }
    assert_eq!(night.text("logs/global/pungi-output.log").matches("[BEGIN] ---------- PHASE: INIT").count(), 1);
}

#[test]
fn an_image_that_failed_is_built_again_beside_what_pungi_made() {
    let mut night = Night::new(r#"{"fail": {"disk": {}}}"#);
    assert_eq!(night.run("well", &[]).status, Some(1));
    night.hub.kill();
    night.scene.write("calm.json", "{}");
    night.hub.start_again(&night.scene, &["--scenario", "calm.json"]);
    let ran = night.resume(&["--retry-failed"]);
    assert_eq!((ran.status, night.status().as_str()), (Some(0), "FINISHED"), "{}", ran.stderr);
    assert_eq!(night.paths(), ["iso", "qcow2"]);
}

#[test]
fn a_run_that_is_detached_leaves_pungi_running() {
    let night = Night::new(r#"{"task_seconds": 3}"#);
    night.hold("createiso");
    let mut run = night.begin("well", &["--detach-on-signal"]);
    night.until_submitted();
    let pungi = night.pungis_pid();
    kill_process(Pid::from_child(&run), Signal::TERM).unwrap();
    assert_eq!(ended(&mut run), Some(1));
    assert!(is_alive(pungi));
    night.let_go("createiso");
    wait_until("Pungi does not need us", || !is_alive(pungi));
    assert_eq!(night.status(), "FINISHED", "there is nobody to put it back");
    let ran = night.resume(&[]);
    assert_eq!((ran.status, night.status().as_str()), (Some(0), "FINISHED"), "{}", ran.stderr);
    assert_eq!(night.paths(), ["iso", "qcow2"]);
    assert_eq!(night.hub.task_requests().len(), 1);
}

#[test]
fn a_compose_whose_run_died_is_canceled_with_its_pungi() {
    for finished in [false, true] {
        let night = Night::new(r#"{"task_seconds": 600}"#);
        if !finished {
            night.hold("createiso");
        }
        let mut run = night.begin("well", &[]);
        night.until_submitted();
        let pungi = night.pungis_pid();
        run.kill().unwrap();
        run.wait().unwrap();
        if finished {
            wait_until("Pungi does not need us", || !is_alive(pungi));
        }
        let top = night.top().display().to_string();
        let ran = Ran::from(night.command(&["cancel", &top]).output().unwrap());
        assert_eq!((ran.status, night.status().as_str()), (Some(0), "TERMINATED"), "{}", ran.stderr);
        assert_eq!(ran.stderr.contains("Pungi (process"), !finished, "{}", ran.stderr);
        assert!(!is_alive(pungi));
        assert_eq!(night.hub.task_requests(), [("disk".to_owned(), 3)]);
    }
}

#[test]
fn what_cannot_be_is_refused_before_a_directory_is_made() {
    let night = Night::new("{}");
    let refused = |args: &[&str], status: i32, part: &str| {
        let mut command = night.run_command(&["--target-dir", "target"]);
        let ran = Ran::from(command.args(args).output().unwrap());
        assert_eq!(ran.status, Some(status), "{}", ran.stderr);
        assert!(ran.stderr.contains(part), "{part} is not in {}", ran.stderr);
        assert!(!night.has_top());
    };
    refused(&["--pungi=no-such-program"], 1, "there is no program no-such-program");
    refused(&["--pungi='half"], 2, "a quote is not closed");
    refused(&[&night.pungi("well"), "-e", "a=1"], 2, "cannot be passed on to Pungi");
    refused(&[&night.pungi("well"), "--just-phase", "osbuild"], 2, "leaves Pungi nothing to do");
    refused(&["--wait-for-repos=soon"], 2, "give a time such as 90m");
    let there = night.scene.path().join("there");
    std::fs::create_dir(&there).unwrap();
    std::fs::write(there.join("STATUS"), "FINISHED_INCOMPLETE\n").unwrap();
    let mut command = night.run_command(&["--compose-dir", "there", &night.pungi("well")]);
    let ran = Ran::from(command.output().unwrap());
    assert!(ran.stderr.contains("has a compose that Pungi made"), "{}", ran.stderr);
}

#[test]
fn repositories_of_somebody_elses_pungi_are_waited_for() {
    let night = Night::new("{}");
    let late = Ran::from(night.run_command(&["--target-dir", "target", "--wait-for-repos=1s"]).output().unwrap());
    assert_eq!(late.status, Some(1));
    let part = "Server/x86_64/os/repodata/repomd.xml is missing: it did not appear within 1s";
    assert!(late.stderr.contains(part), "{}", late.stderr);
    assert!(night.hub.task_requests().is_empty());

    let night = Night::new("{}");
    let mut run =
        night.run_command(&["--target-dir", "target", "--wait-for-repos"]).stderr(Stdio::null()).spawn().unwrap();
    wait_until("it waits", || night.has_top() && night.log().contains("1 image waits for repositories"));
    let repodata = night.top().join("compose/Server/x86_64/os/repodata");
    make_repository(&repodata);
    assert_eq!(ended(&mut run), Some(0));
    assert_eq!(night.status(), "FINISHED");
}

#[test]
fn a_pungi_that_somebody_else_started_is_waited_for() {
    let night = Night::new("{}");
    let top = night.scene.target().join("mine");
    std::fs::create_dir_all(&top).unwrap();
    night.scene.write("target/mine/COMPOSE_ID", "Test-9.2-20240229.n.0");
    night.hold("createrepo").hold("createiso");
    let hold = night.scene.path().join("hold");
    let mut pungi = Command::new(repository().join("tests/pungi/pungi-koji"))
        .args(["--compose-dir", top.to_str().unwrap(), "--hold", hold.to_str().unwrap()])
        .args(["--skip-phase", "osbuild"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("it has begun", || night.status() == "STARTED");
    let more = ["--compose-dir", "target/mine", "--wait-for-repos", "--notification-script", "notify"];
    let mut run = night.run_command(&more).stderr(Stdio::null()).spawn().unwrap();
    wait_until("it waits", || night.log().contains("1 image waits for repositories"));
    night.let_go("createrepo");
    night.until_submitted();
    wait_until("it waits for Pungi", || night.log().contains("Waiting for Pungi to end"));
    night.let_go("createiso");
    assert!(pungi.wait().unwrap().success());
    assert_eq!(ended(&mut run), Some(0), "{}", night.log());
    assert_eq!((night.status().as_str(), night.paths()), ("FINISHED", vec!["iso".to_owned(), "qcow2".to_owned()]));
}

fn make_repository(repodata: &Path) {
    std::fs::create_dir_all(repodata).unwrap();
    std::fs::write(repodata.join("repomd.xml"), "<repomd/>").unwrap();
}
