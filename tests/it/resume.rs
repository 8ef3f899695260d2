//! Whatever kills a run, the next one continues where it stopped: every image submitted exactly once, and the manifests of
//! an undisturbed run.

use crate::program::{Hub, Ran, Scene, files, image};
use crate::proxy;
use magudi_testkit::{repository, wait_until};
use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

pub const IMAGES: usize = 20;

/// A compose of some images against a hub in another process.
pub struct Story {
    pub scene: Scene,
    pub hub: Hub,
}

impl Story {
    pub fn new(scenario: &str) -> Self {
        let scene = Scene::new();
        let images: Vec<String> = (0..IMAGES)
            .map(|n| {
                let arches = if n % 2 == 0 { "[\"x86_64\"]" } else { "[\"x86_64\", \"aarch64\"]" };
                image(&format!("disk{n}"), &format!("\"subvariant\": \"D{n}\", \"arches\": {arches}"))
            })
            .collect();
        scene.write_compose("", &["x86_64", "aarch64"], &images);
        scene.write("scenario.json", scenario);
        let hub = Hub::start(&scene, &["--scenario", "scenario.json"]);
        Self { scene, hub }
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = self.scene.command();
        command.args(args).env("MAGUDI_KOJI_PASSWORD", "composepass");
        command
    }

    pub fn begin(&self, target: &str) -> Child {
        self.begin_with(target, &[])
    }

    fn begin_with(&self, target: &str, more: &[&str]) -> Child {
        std::fs::create_dir_all(self.scene.path().join(target)).unwrap();
        self.command(&[
            "run",
            "--config",
            "test.conf",
            "--test",
            "--koji-config",
            "koji.conf",
            "--koji-user",
            "compose",
        ])
        .args(["--target-dir", target])
        .args(more)
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
    }

    pub fn compose(&self, target: &str) -> Option<PathBuf> {
        let made = std::fs::read_dir(self.scene.path().join(target)).ok()?.flatten();
        made.map(|entry| entry.path()).find(|path| path.is_dir() && !path.is_symlink())
    }

    pub fn resume(&self, target: &str, more: &[&str]) -> Ran {
        let compose = self.compose(target).expect("a compose").display().to_string();
        Ran::from(self.command(&[&["resume", &compose], more].concat()).output().unwrap())
    }

    /// Image names of all osbuildImage tasks that the hub has.
    pub fn tasks(&self) -> Vec<String> {
        let mut names: Vec<String> = self.hub.task_requests().into_iter().map(|(name, _)| name).collect();
        names.sort();
        names
    }

    pub fn images(&self, target: &str) -> String {
        let path = self.compose(target).unwrap().join("compose/metadata/images.json");
        std::fs::read_to_string(path).unwrap()
    }

    /// What a user does after a crash: resume, or run it in the same place if nothing was begun.
    pub fn go_on(&self) -> Child {
        let compose = self.compose("target");
        let journal = compose.as_ref().map(|compose| compose.join("logs/global/magudi-journal.jsonl"));
        match (compose, journal.and_then(|journal| std::fs::read_to_string(journal).ok())) {
            (Some(compose), Some(text)) if text.contains('\n') => {
                self.command(&["resume", &compose.display().to_string()]).stderr(Stdio::null()).spawn().unwrap()
            }
            (compose, _) => {
                assert_eq!(self.tasks(), Vec::<String>::new(), "nothing is asked for before the compose has begun");
                if let Some(compose) = compose {
                    std::fs::remove_dir_all(compose).unwrap();
                }
                self.begin("target")
            }
        }
    }

    /// Every published file with its contents.
    pub fn published(&self) -> BTreeMap<PathBuf, String> {
        let top = self.compose("target").unwrap().join("compose");
        let read = |path: PathBuf| (path.clone(), std::fs::read_to_string(top.join(&path)).unwrap());
        files(&top).into_iter().map(read).collect()
    }

    /// The compose is that of an undisturbed run, every image was asked for once, and nothing half-written is left.
    pub fn is_as_if_nothing_had_happened(&self, want: &BTreeMap<PathBuf, String>) {
        every_image_once(&self.tasks());
        assert_eq!(&self.published(), want);
        let compose = self.compose("target").unwrap();
        assert_eq!(std::fs::read_to_string(compose.join("STATUS")).unwrap(), "FINISHED\n");
        for file in files(&self.scene.target()) {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            assert!(!name.starts_with('.'), "{} is left", file.display());
        }
        let link = self.scene.target().join("latest-Test-9");
        assert_eq!(std::fs::read_link(link).unwrap().as_os_str(), compose.file_name().unwrap());
    }
}

pub fn every_image_once(names: &[String]) {
    let mut want: Vec<String> = (0..IMAGES).map(|n| format!("disk{n}")).collect();
    want.sort();
    assert_eq!(names, want);
}

/// The short form of `tests/torture`: as many composes as it takes.
#[test]
fn killed_at_twenty_moments_and_resumed_every_image_is_submitted_once() {
    let scenario = r#"{"task_seconds": [0, 1]}"#;
    let calm = Story::new(scenario);
    assert!(calm.begin("target").wait().unwrap().success());
    let want = calm.published();
    // The moments are spread over a run by a fixed rule, so that a failure can be repeated.
    let mut moment = 7_u64;
    let mut kills = 0;
    while kills < 20 {
        let story = Story::new(scenario);
        let mut child = story.begin("target");
        loop {
            moment = (moment * 31 + 17) % 97;
            let until = Instant::now() + Duration::from_millis(20 + moment * 3);
            while (kills == 20 || Instant::now() < until) && child.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_millis(2));
            }
            if let Some(status) = child.try_wait().unwrap() {
                assert!(status.success(), "after {kills} kills: {:?}", story.resume("target", &[]));
                break;
            }
            let _ = child.kill();
            let _ = child.wait();
            kills += 1;
            child = story.go_on();
        }
        story.is_as_if_nothing_had_happened(&want);
    }
}

#[test]
fn answers_that_are_lost_never_make_a_second_task() {
    let story = Story::new(r#"{"drop_answers": [{"method": "osbuildImage", "every": 3}]}"#);
    let ran = Ran::from(
        story
            .command(&[
                "run",
                "--config",
                "test.conf",
                "--test",
                "--koji-config",
                "koji.conf",
                "--koji-user",
                "compose",
            ])
            .args(["--target-dir", "target"])
            .output()
            .unwrap(),
    );
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    every_image_once(&story.tasks());
}

#[test]
fn a_failed_image_is_built_anew_only_when_asked() {
    let story = Story::new(r#"{"fail": {"disk3": {"rc": 1, "out": "boom"}}}"#);
    let begin = story.begin("target").wait().unwrap();
    assert_eq!(begin.code(), Some(1));
    let again = story.resume("target", &[]);
    assert_eq!(again.status, Some(1));
    assert!(again.stderr.contains("disk3"), "{}", again.stderr);
    every_image_once(&story.tasks());
    let retried = story.resume("target", &["--retry-failed"]);
    assert_eq!(retried.status, Some(1), "the scenario fails it again");
    assert_eq!(story.tasks().iter().filter(|name| *name == "disk3").count(), 2);
    assert_eq!(story.tasks().len(), IMAGES + 1);
}

#[test]
fn a_changed_configuration_is_refused_unless_the_image_is_named() {
    let story = Story::new(r#"{"fail": {"disk3": {"rc": 1, "out": "boom"}}}"#);
    assert_eq!(story.begin("target").wait().unwrap().code(), Some(1));
    let config = story.scene.path().join("test.conf");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("\"name\": \"disk3\"", "\"name\": \"mended\"")).unwrap();
    let refused = story.resume("target", &[]);
    assert_eq!(refused.status, Some(1));
    for part in ["has changed", "osbuild.^Server$.3.name", "Server:mended", "--rebuild"] {
        assert!(refused.stderr.contains(part), "{part:?} is not in {}", refused.stderr);
    }
    assert_eq!(story.tasks().len(), IMAGES);
    let resumed = story.resume("target", &["--rebuild", "Server:mended"]);
    assert_eq!(resumed.status, Some(0), "{}", resumed.stderr);
    assert_eq!(story.tasks().len(), IMAGES + 1);
    assert!(story.images("target").contains("mended-9.2-1.x86_64.qcow2"));
    assert!(!story.images("target").contains("disk3-"));
}

/// A compose of which one image fails, and the first one has further `members`.
fn doomed_with(members: &str) -> Story {
    let story = Story::new(r#"{"fail": {"disk3": {"rc": 1, "out": "boom"}}}"#);
    let config = story.scene.path().join("test.conf");
    let (text, first) = (std::fs::read_to_string(&config).unwrap(), "\"subvariant\": \"D0\"");
    std::fs::write(&config, text.replace(first, &format!("{first}, {members}"))).unwrap();
    story
}

#[test]
fn a_secret_that_is_given_again_is_no_change() {
    let story = doomed_with("\"repo\": [\"https://h/%s/\" % my_token]");
    let secret = ["-e", "my_token=Marvin-42"];
    assert_eq!(story.begin_with("target", &secret).wait().unwrap().code(), Some(1));
    let dump = story.compose("target").unwrap().join("logs/global/config-dump.global.log");
    let kept = std::fs::read_to_string(&dump).unwrap();
    assert!(kept.contains("https://h/***/") && !kept.contains("Marvin"), "{kept}");
    let inode = || std::fs::metadata(&dump).unwrap().ino();
    let before = inode();
    let resumed = story.resume("target", &secret);
    assert!(resumed.status == Some(1) && !resumed.stderr.contains("has changed"), "{}", resumed.stderr);
    assert_eq!(inode(), before, "the dump was written again");
    // One in which a secret stands is.
    std::fs::write(&dump, kept.replace("***", "Marvin-42")).unwrap();
    let resumed = story.resume("target", &secret);
    assert!(!resumed.stderr.contains("has changed"), "{}", resumed.stderr);
    assert_eq!(std::fs::read_to_string(&dump).unwrap(), kept);
}

/// It need not be the name of a variable that says that it is secret: it may be where it is used.
#[test]
fn a_variable_that_is_used_as_a_secret_is_one() {
    let story = doomed_with("\"customizations\": {\"user\": [{\"name\": \"r\", \"password\": word}]}");
    let variables = ["-e", "word=Marvin-42", "-e", "other=plain"];
    assert_eq!(story.begin_with("target", &variables).wait().unwrap().code(), Some(1));
    let compose = story.compose("target").unwrap();
    for name in ["magudi-journal.jsonl", "pungi.global.log", "config-dump.global.log"] {
        let text = std::fs::read_to_string(compose.join("logs/global").join(name)).unwrap();
        assert!(!text.contains("Marvin"), "{name}: {text}");
    }
    let journal = std::fs::read_to_string(compose.join("logs/global/magudi-journal.jsonl")).unwrap();
    assert!(journal.contains("\"define\":[\"other=plain\"]"), "{journal}");
    let resumed = story.resume("target", &["-e", "word=Marvin-42"]);
    assert!(resumed.status == Some(1) && !resumed.stderr.contains("has changed"), "{}", resumed.stderr);
    let resumed = story.resume("target", &[]);
    assert!(resumed.status == Some(1) && resumed.stderr.contains("`word` is not defined"), "{}", resumed.stderr);
}

#[test]
fn that_a_resume_cannot_begin_is_told() {
    let story = Story::new(r#"{"fail": {"disk3": {"rc": 1, "out": "boom"}}}"#);
    assert_eq!(story.begin("target").wait().unwrap().code(), Some(1));
    let compose = story.compose("target").unwrap();
    let manifest = compose.join("compose/metadata/images.json");
    std::fs::write(&manifest, "nonsense").unwrap();
    let (hook, told) = (story.scene.path().join("hook"), story.scene.path().join("told"));
    std::fs::write(&hook, format!("#!/bin/sh\nexec cat > {}\n", told.display())).unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    let refused = story.resume("target", &["--on-finish", hook.to_str().unwrap(), "--retry-failed"]);
    assert!(refused.status == Some(1) && refused.stderr.contains("images.json"), "{}", refused.stderr);
    let summary: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&told).unwrap()).unwrap();
    assert_eq!(summary["verdict"], "not-started", "{summary}");
    assert_eq!(std::fs::read_to_string(compose.join("STATUS")).unwrap(), "DOOMED\n");
    std::fs::remove_file(&manifest).unwrap();
    assert_eq!(story.tasks().len(), IMAGES);
    assert_eq!(story.resume("target", &["--retry-failed"]).status, Some(1), "the scenario fails it again");
    assert_eq!(story.tasks().len(), IMAGES + 1);
}

#[test]
fn a_run_that_was_killed_after_its_last_status_is_brought_to_its_end() {
    let story = Story::new("{}");
    assert!(story.begin("target").wait().unwrap().success());
    let compose = story.compose("target").unwrap();
    let journal = compose.join("logs/global/magudi-journal.jsonl");
    let text = std::fs::read_to_string(&journal).unwrap();
    let (rest, last) = text.trim_end().rsplit_once('\n').unwrap();
    assert!(last.contains("compose-finished"), "{last}");
    std::fs::write(&journal, format!("{rest}\n")).unwrap();
    let link = story.scene.path().join("target/latest-Test-9");
    std::fs::remove_file(&link).unwrap();
    let resumed = story.resume("target", &[]);
    assert_eq!(resumed.status, Some(0), "{}", resumed.stderr);
    assert_eq!(std::fs::read_link(&link).unwrap().as_os_str(), compose.file_name().unwrap());
    let again = story.resume("target", &[]);
    assert_eq!(again.status, Some(0), "{}", again.stderr);
    assert!(again.stderr.contains("is FINISHED: nothing is left to do"), "{}", again.stderr);
    every_image_once(&story.tasks());
}

#[test]
fn a_resume_leaves_sum_files_that_stand_and_mends_the_others() {
    let story = Story::new("{}");
    assert!(story.begin("target").wait().unwrap().success());
    let want = story.published();
    let compose = story.compose("target").unwrap();
    let journal = compose.join("logs/global/magudi-journal.jsonl");
    let text = std::fs::read_to_string(&journal).unwrap();
    let end = text.rfind("\"event\":\"request-done\"").unwrap();
    let end = end + text[end..].find('\n').unwrap() + 1;
    std::fs::write(&journal, &text[..end]).unwrap();
    std::fs::write(compose.join("STATUS"), "STARTED\n").unwrap();
    let mut sums: Vec<PathBuf> = want.keys().filter(|path| path.to_string_lossy().ends_with("SUM")).cloned().collect();
    let torn = sums.remove(0);
    std::fs::write(compose.join("compose").join(&torn), "").unwrap();
    let inode = |path: &PathBuf| std::fs::metadata(compose.join("compose").join(path)).unwrap().ino();
    let before: Vec<u64> = sums.iter().map(inode).collect();
    let resumed = story.resume("target", &[]);
    assert_eq!(resumed.status, Some(0), "{}", resumed.stderr);
    story.is_as_if_nothing_had_happened(&want);
    assert!(sums.len() > IMAGES);
    assert_eq!(sums.iter().map(inode).collect::<Vec<_>>(), before, "they were written again");
}

#[test]
fn a_run_that_was_killed_before_it_asked_for_anything_is_begun_again() {
    let story = Story::new("{}");
    assert!(story.begin("target").wait().unwrap().success());
    let compose = story.compose("target").unwrap().display().to_string();
    let journal = format!("{compose}/logs/global/magudi-journal.jsonl");
    std::fs::write(&journal, r#"{"v":1,"t":"2024-02-29T00:00:00Z","eve"#).unwrap();
    for verb in ["resume", "status", "cancel"] {
        let ran = Ran::from(story.command(&[verb, &compose]).output().unwrap());
        assert_eq!(ran.status, Some(1));
        assert!(ran.stderr.contains("magudi run --compose-dir"), "{verb}: {}", ran.stderr);
    }
}

#[test]
fn a_submission_that_is_still_on_its_way_when_the_next_run_begins_is_not_made_twice() {
    let story = Story::new("{}");
    let profile = std::fs::read_to_string(story.scene.path().join("koji.conf")).unwrap();
    story.scene.write("koji.conf", &profile.replace("retry_interval = 1\n", "retry_interval = 3\n"));
    let (say, seen) = mpsc::channel();
    let (is_first, has_looked) = (AtomicBool::new(true), AtomicBool::new(false));
    let hold_up = move |request: &str| {
        // It arrives when the next run has looked for it and found nothing.
        if request.contains("listTasks") {
            has_looked.store(true, Ordering::SeqCst);
        } else if request.contains("osbuildImage") && is_first.swap(false, Ordering::SeqCst) {
            let _ = say.send(());
            wait_until("nothing is looked for", || has_looked.load(Ordering::SeqCst));
        }
    };
    proxy::put_before(&story.scene, hold_up, |answer| answer);
    let mut child = story.begin("target");
    seen.recv_timeout(Duration::from_secs(60)).expect("something is submitted");
    let _ = child.kill();
    let _ = child.wait();
    let resumed = story.resume("target", &[]);
    assert_eq!(resumed.status, Some(0), "{}", resumed.stderr);
    every_image_once(&story.tasks());
}

#[test]
fn a_simulated_run_cannot_be_resumed_and_says_so() {
    let scene = Scene::new();
    let config = repository().join("examples/minimal/minimal.conf").display().to_string();
    let target = scene.target().display().to_string();
    assert_eq!(
        scene.run(["run", "--config", &config, "--target-dir", &target, "--test", "--simulate"]).status,
        Some(0)
    );
    let compose = std::fs::read_dir(&target).unwrap().flatten().map(|e| e.path()).find(|p| !p.is_symlink()).unwrap();
    let ran = scene.run(["resume".as_ref(), compose.as_os_str()]);
    assert_eq!(ran.status, Some(1));
    assert!(ran.stderr.contains("simulated"), "{}", ran.stderr);
}

/// Reopening the compose of yesterday, or finishing it late.
#[test]
fn the_latest_link_stays_at_the_newest_compose_that_finished() {
    let scene = Scene::new();
    scene.write_compose("", &["x86_64"], &[image("disk", "\"subvariant\": \"D\"")]);
    scene.write("fails.json", r#"{"fail": {"disk": {}}}"#);
    let latest = || std::fs::read_link(scene.target().join("latest-Test-9")).ok();
    let compose = |respin: usize| PathBuf::from(format!("Test-9.2-20240229.n.{respin}"));
    let run = |args: &[&str]| scene.run([&["run", "--config", "test.conf", "--nightly"], args].concat());
    for respin in 0..2 {
        let ran = run(&["--target-dir", "target", "--simulate"]);
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        assert_eq!(latest(), Some(compose(respin)));
    }
    let ran = run(&["--compose-dir", "target/Test-9.2-20240229.n.0", "--reopen", "--simulate"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("The latest link stays at Test-9.2-20240229.n.1, which is newer"), "{}", ran.stderr);
    assert_eq!(latest(), Some(compose(1)));
    for (respin, then) in [(1, Some(compose(0))), (0, None)] {
        let dir = format!("target/{}", compose(respin).display());
        let ran = run(&["--compose-dir", &dir, "--reopen", "--simulate=fails.json"]);
        assert_eq!(ran.status, Some(1), "{}", ran.stderr);
        assert_eq!(latest(), then, "a DOOMED compose is not the latest one");
    }
}
