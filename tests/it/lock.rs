//! The lock: what it says of a process, who may be signalled for it, whom it keeps out, and file systems without locks.

use crate::program::{Ran, Scene, image};
use crate::sabotage::saboteur;
use crate::scripted_hub::{ScriptedHub, compose, resume, run, run_command, verb};
use magudi_koji::calls::TaskState;
use magudi_testkit::wait_until;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// Error numbers of a `flock` that there is not: ENOLCK, ENOSYS, EOPNOTSUPP.
const NO_LOCKS: [&str; 3] = ["37", "38", "95"];

/// A compose whose run was killed with its task open.
fn killed() -> (Scene, ScriptedHub, PathBuf) {
    let scene = Scene::new();
    scene.write_compose("", &["x86_64"], &[image("disk", "\"arches\": [\"x86_64\"]")]);
    let hub = ScriptedHub::start(&scene);
    hub.state().task_seconds = f64::INFINITY;
    let mut child = run_command(&scene, &[]).stderr(Stdio::null()).spawn().unwrap();
    wait_until("nothing is submitted", || !hub.state().tasks.is_empty());
    child.kill().unwrap();
    child.wait().unwrap();
    let lock = compose(&scene).unwrap().join("logs/global/magudi.lock");
    (scene, hub, lock)
}

/// Somebody who must not be signalled.
struct Bystander(Child);

impl Bystander {
    fn new() -> Self {
        Self(Command::new("sleep").arg("600").spawn().unwrap())
    }

    fn is_well(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The same as a run writes, of another process.
fn record(of: u32, from: &str) -> String {
    let (_, rest) = from.split_once(' ').unwrap();
    format!("{of} {rest}")
}

#[test]
fn nobody_is_signalled_but_the_process_that_took_the_lock() {
    let (scene, hub, path) = killed();
    let mut bystander = Bystander::new();
    let written = fs::read_to_string(&path).unwrap();
    let host = written.split([' ', '\n']).nth(1).unwrap().to_owned();
    let pid = bystander.0.id();
    let other_boot = written.replace("boot ", "boot f");
    let other_namespace = written.replace("namespace pid:[", "namespace pid:[1");
    let cases = [
        (format!("-1 {host}\n"), "does not say when its process was started"),
        (written.replacen(|c: char| c.is_ascii_digit(), "-1", 1), "is not a valid process id"),
        (format!("-1 {}", written.split_once(' ').unwrap().1), "process -1, which is not a valid process id"),
        (format!("0 {}", written.split_once(' ').unwrap().1), "process 0, which is not a valid process id"),
        (format!("1 {}", written.split_once(' ').unwrap().1), "process 1, which is not a valid process id"),
        (format!("-{}", record(pid, &written)), "which is not a valid process id"),
        (format!("99999999999 {host}\n"), "does not say which process holds it"),
        (record(2_147_483_647, &written), "has ended"),
        (String::new(), "does not say which process holds it"),
        // The number of the dead run belongs to another process now.
        (record(pid, &written), "another process has its id now"),
        (format!("{pid} {host}\n"), "does not say when its process was started"),
        (record(pid, &other_boot), "before the last reboot"),
        (record(pid, &other_namespace), "another process namespace"),
        (record(pid, &written.replacen(&host, "elsewhere", 1)), "it runs on elsewhere"),
    ];
    for (text, why) in cases {
        fs::write(&path, &text).unwrap();
        let file = File::options().read(true).write(true).open(&path).unwrap();
        file.lock().unwrap();
        let canceled = verb(&scene, "cancel", &[]);
        assert_eq!(canceled.status, Some(1), "{text:?}: {}", canceled.stderr);
        assert!(canceled.stderr.contains("is in use, but no process was signalled"), "{text:?}: {}", canceled.stderr);
        assert!(canceled.stderr.contains(why), "{text:?}: {why:?} is not in {}", canceled.stderr);
        assert!(bystander.is_well(), "{text:?}");
    }
    // As soon as no one has it, whatever it says: the compose is canceled, and still no process is signalled.
    fs::write(&path, record(pid, &written)).unwrap();
    let canceled = verb(&scene, "cancel", &[]);
    assert_eq!(canceled.status, Some(0), "{}", canceled.stderr);
    assert!(bystander.is_well());
    assert_eq!(hub.state().tasks[&1000].state, TaskState::Canceled);
}

#[test]
fn who_reads_the_lock_keeps_no_run_out() {
    let (scene, hub, path) = killed();
    hub.state().task_seconds = 0.0;
    let reader = File::open(&path).unwrap();
    reader.lock_shared().unwrap();
    let status = verb(&scene, "status", &[]);
    assert!(status.stdout.contains("(not running)"), "{}", status.stdout);
    let resumed = resume(&scene, &[]);
    assert_eq!(resumed.status, Some(0), "{}", resumed.stderr);
    assert_eq!(hub.state().tasks.len(), 1);
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o007, 0, "others can open it: {mode:o}");
}

#[test]
fn who_locks_it_for_itself_is_named_as_far_as_it_is_known() {
    let (scene, _hub, path) = killed();
    let file = File::options().read(true).write(true).open(&path).unwrap();
    file.set_len(0).unwrap();
    file.lock().unwrap();
    let resumed = resume(&scene, &[]);
    assert_eq!(resumed.status, Some(1));
    assert!(resumed.stderr.contains("in use by another magudi (an unknown process)"), "{}", resumed.stderr);
    let status = verb(&scene, "status", &[]);
    assert!(status.stdout.contains("running: an unknown process"), "{}", status.stdout);
}

#[test]
fn a_file_system_without_locks() {
    let dir = tempfile::tempdir().unwrap();
    let library = saboteur(dir.path());
    for error in NO_LOCKS {
        let scene = Scene::new();
        scene.write_compose("", &["x86_64"], &[image("disk", "\"arches\": [\"x86_64\"]")]);
        let hub = ScriptedHub::start(&scene);
        hub.state().task_seconds = f64::INFINITY;
        let compose_dir = scene.target().join("here").display().to_string();
        let lockless = |args: &[&str]| {
            let mut command = crate::scripted_hub::command(&scene, args);
            command.env("LD_PRELOAD", &library).env("SABOTAGE_CALL", "flock").env("SABOTAGE_ERRNO", error);
            command.env("SABOTAGE_FILE", "magudi.lock");
            command
        };
        let run = ["run", "--config", "test.conf", "--test", "--compose-dir", &compose_dir];
        let run = [&run[..], &["--koji-config", "koji.conf", "--koji-user", "compose"]].concat();
        let ran = Ran::from(lockless(&run).output().unwrap());
        assert_eq!(ran.status, Some(1), "{}", ran.stderr);
        assert!(
            ran.stderr.contains("has no locks, or none left") && ran.stderr.contains("--no-lock"),
            "{}",
            ran.stderr
        );
        assert!(hub.state().tasks.is_empty());
        // With the word of its user it runs, and another user with that word who is not careful is kept out all the same.
        let with_word = [&run[..], &["--no-lock"]].concat();
        let mut first = lockless(&with_word).stderr(Stdio::piped()).spawn().unwrap();
        wait_until("nothing is submitted", || !hub.state().tasks.is_empty());
        let second = Ran::from(lockless(&with_word).output().unwrap());
        assert_eq!(second.status, Some(1));
        assert!(second.stderr.contains(&format!("process {}", first.id())), "{}", second.stderr);
        let status = Ran::from(lockless(&["status", &compose_dir]).output().unwrap());
        assert!(status.stdout.contains(&format!("running: process {}", first.id())), "{}", status.stdout);
        let canceled = Ran::from(lockless(&["cancel", &compose_dir, "--no-lock"]).output().unwrap());
        assert_eq!(canceled.status, Some(0), "{}", canceled.stderr);
        wait_until("it does not end", || first.try_wait().unwrap().is_some());
        let first = Ran::from(first.wait_with_output().unwrap());
        assert!(first.stderr.contains("nothing keeps another magudi out"), "{}", first.stderr);
        assert_eq!(hub.state().tasks[&1000].state, TaskState::Canceled);
        let status = Ran::from(lockless(&["status", &compose_dir]).output().unwrap());
        assert!(status.stdout.contains("(not running)"), "{}", status.stdout);
    }
}

#[test]
fn a_run_without_locks_that_was_killed_keeps_nobody_out() {
    let dir = tempfile::tempdir().unwrap();
    let library = saboteur(dir.path());
    let (scene, hub, _) = killed();
    hub.state().task_seconds = 0.0;
    let compose = compose(&scene).unwrap().display().to_string();
    let mut command = crate::scripted_hub::command(&scene, &["resume", &compose, "--no-lock"]);
    command.env("LD_PRELOAD", &library).env("SABOTAGE_CALL", "flock").env("SABOTAGE_ERRNO", NO_LOCKS[0]);
    let resumed = Ran::from(command.env("SABOTAGE_FILE", "magudi.lock").output().unwrap());
    assert_eq!(resumed.status, Some(0), "{}", resumed.stderr);
    assert_eq!(hub.state().tasks.len(), 1);
}

/// 25,000 files a second, and for ever, it once was.
#[test]
fn a_cache_without_locks_is_used_and_not_filled() {
    let dir = tempfile::tempdir().unwrap();
    let library = saboteur(dir.path());
    for error in NO_LOCKS {
        let scene = Scene::new();
        let cache = scene.path().join("cache");
        let images = ["disk0", "disk1"]
            .map(|name| image(name, &format!("\"subvariant\": \"{name}\", \"arches\": [\"x86_64\"]")));
        scene.write_compose(&format!("koji_cache = \"{}\"\n", cache.display()), &["x86_64"], &images);
        let _hub = ScriptedHub::start(&scene);
        let mut command = run_command(&scene, &[]);
        command.env("LD_PRELOAD", &library).env("SABOTAGE_CALL", "flock").env("SABOTAGE_ERRNO", error);
        command.env("SABOTAGE_DIR", &cache).env("TMPDIR", scene.path());
        let child = command.stderr(Stdio::piped()).spawn().unwrap();
        let ran = Ran::from(child.wait_with_output().unwrap());
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        assert!(ran.stderr.contains("has no locks"), "{}", ran.stderr);
        let made: Vec<PathBuf> = crate::program::files(&cache);
        assert_eq!(made.len(), 2, "{made:?}");
    }
}

#[test]
fn a_plain_run_leaves_a_lock_that_nobody_else_can_read() {
    let scene = Scene::new();
    scene.write_compose("", &["x86_64"], &[image("disk", "\"arches\": [\"x86_64\"]")]);
    let _hub = ScriptedHub::start(&scene);
    assert_eq!(run(&scene).status, Some(0));
    let lock = compose(&scene).unwrap().join("logs/global/magudi.lock");
    assert_eq!(fs::metadata(lock).unwrap().permissions().mode() & 0o007, 0);
}
