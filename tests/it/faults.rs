//! Whatever a hub does to a compose of 50 images, the compose finishes, and every image is submitted exactly once. That is
//! asked from the hub's side: it knows what it was asked for.

use crate::program::{Hub, Scene, files, image};
use magudi_testkit::side_by_side;
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

const IMAGES: usize = 50;

/// A compose of many images, and a hub in another process.
struct Trial {
    scene: Scene,
    hub: Hub,
}

impl Trial {
    /// `lines` are further lines of the client's profile.
    fn new(scenario: &str, lines: &str) -> Self {
        let scene = Scene::new();
        let images: Vec<String> = (0..IMAGES)
            .map(|n| {
                let arches = if n % 3 == 0 { "[\"x86_64\", \"aarch64\"]" } else { "[\"x86_64\"]" };
                image(&format!("disk{n:02}"), &format!("\"subvariant\": \"D{n}\", \"arches\": {arches}"))
            })
            .collect();
        scene.write_compose("", &["x86_64", "aarch64"], &images);
        scene.write("scenario.json", scenario);
        let hub = Hub::start(&scene, &["--scenario", "scenario.json"]);
        // Koji's default for calls without a session; and the pauses between repetitions are of no interest here.
        let profile = std::fs::read_to_string(scene.path().join("koji.conf")).unwrap();
        let profile = profile.replace("anon_retry = false", "anon_retry = true");
        let profile = profile.replace("\nretry_interval = 1\n", "\nretry_interval = 0\n");
        scene.write("client.conf", &format!("{profile}{lines}"));
        Self { scene, hub }
    }

    fn begin(&self) -> Child {
        let target = self.scene.target().display().to_string();
        self.scene
            .command()
            .args(["run", "--config", "test.conf", "--test", "--koji-config", "client.conf", "--koji-user", "compose"])
            .args(["--target-dir", &target])
            .env("MAGUDI_KOJI_PASSWORD", "composepass")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// The compose has finished, with all of its images, each of which the hub was asked for once.
    fn check(&self, output: &Output) {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let worst: Vec<&str> =
            stderr.lines().filter(|line| line.contains("ERROR") || line.contains("CRITICAL")).collect();
        assert_eq!(output.status.code(), Some(0), "{:#?}", worst.get(..4).unwrap_or(&worst));
        let want: Vec<String> = (0..IMAGES).map(|n| format!("disk{n:02}")).collect();
        let mut names: Vec<String> = self.hub.task_requests().into_iter().map(|(name, _)| name).collect();
        names.sort();
        assert_eq!(names, want);
        let made = files(&self.scene.target());
        for n in 0..IMAGES {
            let arches: &[&str] = if n % 3 == 0 { &["x86_64", "aarch64"] } else { &["x86_64"] };
            for arch in arches {
                let name = format!("disk{n:02}-9.2-1.{arch}.qcow2");
                assert!(made.iter().any(|path| path.ends_with(&name)), "{name} is missing");
            }
        }
        let manifest = made.iter().find(|path| path.ends_with("metadata/images.json")).expect("images.json");
        let text = std::fs::read_to_string(self.scene.target().join(manifest)).unwrap();
        let images: serde_json::Value = serde_json::from_str(&text).unwrap();
        let of = |arch: &str| images["payload"]["images"]["Server"][arch].as_array().map_or(0, Vec::len);
        assert_eq!((of("x86_64"), of("aarch64")), (IMAGES, IMAGES.div_ceil(3)));
    }
}

/// The compose finishes at a hub with each of `scenarios`. They run side by side: most of them wait most of the time.
fn survives(scenarios: &[String]) {
    side_by_side(scenarios, |scenario| {
        let trial = Trial::new(scenario, "");
        trial.check(&trial.begin().wait_with_output().unwrap());
    });
}

/// Every call fails the first time: it does not reach the hub, or it is executed and the answer gets lost, each in the same way;
/// or first the one and then the other.
#[test]
fn every_step_goes_wrong_once() {
    let outage = |kind| format!(r#""outages": [{{"kind": "{kind}", "first": true}}]"#);
    let loss = |how| format!(r#""drop_answers": [{{"method": "*", "first": true, "how": "{how}"}}]"#);
    let ways = ["refuse", "http500", "html", "offline"].map(outage).into_iter();
    let ways = ways.chain(["close", "cut", "garbage", "gateway"].map(loss));
    let ways = ways.chain([format!("{}, {}", outage("refuse"), loss("close"))]);
    let scenarios: Vec<String> = ways.map(|way| format!(r#"{{"task_seconds": [0, 2], {way}}}"#)).collect();
    survives(&scenarios);
}

/// Losses of several kinds that seldom meet, and outages between all calls.
#[test]
fn a_bad_day() {
    let rules: Vec<String> = [("close", 5), ("cut", 8), ("garbage", 11), ("gateway", 13)]
        .iter()
        .enumerate()
        .flat_map(|(place, (how, every))| {
            let of =
                |method: &str, every: &usize| format!(r#"{{"method": "{method}", "every": {every}, "how": "{how}"}}"#);
            let nth = |method: &str| format!(r#"{{"method": "{method}", "nth": {}, "how": "{how}"}}"#, 2 * place + 1);
            [
                of("osbuildImage", every),
                of("getTaskInfo", every),
                of("listTasks", every),
                nth("multiCall"),
                nth("login"),
                nth("getLoggedInUser"),
            ]
        })
        .collect();
    let kinds = ["refuse", "http500", "html", "offline", "refuse", "lockout", "http500"];
    let outages: Vec<String> = (0..36)
        .map(|n| {
            let calls = if n % 5 == 4 { 2 } else { 1 };
            format!(r#"{{"after_calls": {}, "calls": {calls}, "kind": "{}"}}"#, n * 4, kinds[n % kinds.len()])
        })
        .collect();
    survives(&[
        format!(r#"{{"task_seconds": [0, 2], "drop_answers": [{}]}}"#, rules.join(", ")),
        format!(r#"{{"task_seconds": [0, 2], "outages": [{}]}}"#, outages.join(", ")),
    ]);
}

/// The session is over after every call, or every few: expired, or closed by somebody else. In most trials answers to
/// submissions get lost before; in some the sessions are those of old hubs.
#[test]
fn sessions_end() {
    const LOST: &str = r#", "drop_answers": [{"method": "osbuildImage", "first": true}, {"method": "listTasks", "every": 5},
                                             {"method": "login", "every": 4, "how": "gateway"}]"#;
    const OLD: &str = r#", "sessions_in_urls": true, "drop_answers": [{"method": "osbuildImage", "every": 2}]"#;
    let ends =
        |(how, calls, lost)| format!(r#"{{"{how}_sessions_after_calls": {calls}, "task_seconds": [0, 1]{lost}}}"#);
    survives(
        &[
            ("expire", 1, ""),
            ("expire", 2, ""),
            ("close", 1, ""),
            ("close", 2, ""),
            ("expire", 1, LOST),
            ("expire", 3, LOST),
            ("close", 1, LOST),
            ("close", 3, LOST),
            ("expire", 2, OLD),
            ("close", 3, OLD),
        ]
        .map(ends),
    );
}

/// Answers come late, some of them after the client has stopped waiting.
#[test]
fn late_answers() {
    survives(&[
        r#"{"delay_answers": [{"method": "*", "every": 1, "seconds": 0.02}, {"method": "*", "every": 20, "seconds": 0.5}]}"#
            .to_owned(),
    ]);
    let scenario = r#"{"delay_answers": [{"method": "osbuildImage", "every": 7, "seconds": 5},
                                         {"method": "getTaskInfo", "every": 9, "seconds": 5},
                                         {"method": "multiCall", "nth": 1, "seconds": 5},
                                         {"method": "login", "nth": 1, "seconds": 5}]}"#;
    let trial = Trial::new(scenario, "timeout = 2\nauth_timeout = 2\n");
    trial.check(&trial.begin().wait_with_output().unwrap());
}

#[test]
fn offline_for_a_while_in_the_midst_of_submitting() {
    survives(&[r#"{"task_seconds": 1, "outages": [{"after_calls": 30, "seconds": 3, "kind": "offline"},
                                                  {"after_calls": 60, "seconds": 2, "kind": "html"}]}"#
        .to_owned()]);
}

/// Tasks wait in the queue, are assigned, go back, and wait for a repository; builds have more files than images.
#[test]
fn tasks_that_take_their_time() {
    survives(&[
        r#"{"task_seconds": [0, 2], "queue_seconds": [0, 0.5], "assigned_seconds": 0.1, "freed": ["*"], "repo_seconds": 0.3,
            "manifests": true, "expire_sessions_after_calls": 20}"#
            .to_owned(),
    ]);
}

/// The hub is killed again and again: after every submission or two, and on until the compose is done. Whatever it had not
/// written down is lost, and with it every session.
#[test]
fn a_hub_that_is_killed_after_every_step() {
    let scenario = r#"{"task_seconds": [1, 3], "delay_answers": [{"method": "osbuildImage", "every": 1, "seconds": 0.1}],
                       "drop_answers": [{"method": "osbuildImage", "every": 7}]}"#;
    let mut trial = Trial::new(scenario, "");
    let mut child = trial.begin();
    let (mut seen, mut kills) = (0, 0);
    let deadline = Instant::now() + Duration::from_secs(200);
    while child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline, "after {kills} kills {seen} images are submitted");
        let now = trial.hub.task_requests().len();
        if now == seen && now < IMAGES {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        }
        if now == IMAGES {
            // Let it come to the next steps.
            std::thread::sleep(Duration::from_millis(400));
        }
        seen = now;
        trial.hub.kill();
        kills += 1;
        trial.hub.start_again(&trial.scene, &["--scenario", "scenario.json"]);
    }
    let mut output = child.wait_with_output().unwrap();
    if String::from_utf8_lossy(&output.stderr).contains("may have a task that was not found") {
        // The last submission was not executed when the hub was killed, and no later one shows that. A person looks.
        let compose = std::fs::read_dir(trial.scene.target()).unwrap().flatten().map(|entry| entry.path());
        let compose = compose.filter(|path| path.is_dir() && !path.is_symlink()).last().unwrap();
        let missing = (0..IMAGES).map(|n| format!("disk{n:02}"));
        let has = trial.hub.task_requests();
        let missing: Vec<String> = missing.filter(|name| has.iter().all(|(known, _)| known != name)).collect();
        let mut resume = trial.scene.command();
        resume.arg("resume").arg(&compose).env("MAGUDI_KOJI_PASSWORD", "composepass");
        for name in missing {
            resume.args(["--rebuild", &name]);
        }
        output = resume.output().unwrap();
    }
    trial.check(&output);
    // How many it takes depends on the machine: on a slow one several images are submitted between two of them.
    assert!(kills >= 3, "only {kills} kills");
}
