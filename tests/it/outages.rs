//! A hub that goes away while a compose runs: the user hears of it at once, and the compose continues at once when it is back.

use crate::program::{Scene, image};
use crate::scripted_hub::{Answer, ScriptedHub, always, run_command};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How much later than promised something may come on a machine that is busy.
const SLACK: Duration = Duration::from_secs(5);

/// A run that waits for its one task, and what it says.
struct Trial {
    _scene: Scene,
    hub: ScriptedHub,
    run: Child,
    said: Receiver<(Instant, String)>,
}

impl Trial {
    /// `pause` is how long the profile has calls wait between attempts, in seconds.
    fn begin(pause: u32) -> Self {
        let scene = Scene::new();
        scene.write_compose("", &["x86_64"], &[image("disk", "\"arches\": [\"x86_64\"]")]);
        let hub = ScriptedHub::start(&scene);
        scene.write(
            "koji.conf",
            &hub.profile("devhub").replace("retry_interval = 1", &format!("retry_interval = {pause}")),
        );
        hub.state().task_seconds = 1000.0;
        let mut run = run_command(&scene, &[]).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let (sender, said) = channel();
        let stderr = BufReader::new(run.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = sender.send((Instant::now(), line));
            }
        });
        let trial = Self { _scene: scene, hub, run, said };
        trial.until("it has looked", || trial.hub.count("getTaskInfo") > 1);
        trial
    }

    fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let begun = Instant::now();
        while !is_so() {
            let said = || self.said.try_iter().map(|(_, line)| line).collect::<Vec<_>>();
            assert!(begun.elapsed() < Duration::from_secs(60), "never: {what}: {:?}", said());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// When it said this, and all of the line.
    fn hears(&self, text: &str) -> (Instant, String) {
        loop {
            let (time, line) =
                self.said.recv_timeout(Duration::from_secs(60)).unwrap_or_else(|_| panic!("never: {text}"));
            if line.contains(text) {
                return (time, line);
            }
        }
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        let _ = self.run.kill();
        let _ = self.run.wait();
    }
}

/// Nothing listens, a proxy has a page of its own, the hub says that it is offline, or there is no word at all: it is reported
/// within five seconds, and once.
#[test]
fn the_first_word_about_an_outage_comes_within_seconds() {
    let go_away = |hub: &ScriptedHub| hub.go_away();
    let page = |hub: &ScriptedHub| hub.on("*", always(Answer::page("503 Service Unavailable", "", "Upgrading")));
    let offline = |hub: &ScriptedHub| hub.on("*", always(Answer::Fault(1014, "server is offline".to_owned())));
    let silence = |hub: &ScriptedHub| hub.on("*", always(Answer::Held(Duration::from_secs(300))));
    type Prepare<'a> = &'a dyn Fn(&ScriptedHub);
    let kinds: [(&str, Prepare<'_>, &str); 4] = [
        ("away", &go_away, "cannot connect"),
        ("page", &page, "HTTP status 503: Upgrading"),
        ("offline", &offline, "ServerOffline: server is offline"),
        ("silence", &silence, "no answer within"),
    ];
    for (kind, begin, word) in kinds {
        let trial = Trial::begin(1);
        begin(&trial.hub);
        let begun = Instant::now();
        let (time, line) = trial.hears("Waiting for the hub: getTaskInfo");
        let after = time.duration_since(begun);
        assert!(after < Duration::from_secs(5) + SLACK, "{kind}: {after:?}");
        assert!(line.contains(word), "{kind}: {line}");
        assert!(line.contains("WARNING"), "{kind}: {line}");
    }
}

/// The time that was waited for the hub is not taken for the time that it needs to answer; and no pause between two attempts is
/// longer than the one between two looks at a hub that is there.
#[test]
fn after_an_outage_it_looks_at_once() {
    let mut trial = Trial::begin(60);
    trial.hub.go_away();
    std::thread::sleep(Duration::from_secs(16));
    trial.hub.state().task_seconds = 0.0;
    trial.hub.come_back();
    let back = Instant::now();
    trial.hears("The hub answers again: getTaskInfo took ");
    assert_eq!(trial.run.wait().unwrap().code(), Some(0));
    // Before, four times as long as the outage, after up to a minute until the next attempt.
    assert!(back.elapsed() < Duration::from_secs(1) + 2 * SLACK, "{:?}", back.elapsed());
}

/// A hub that always takes its time is reported once, not with every call.
#[test]
fn a_slow_hub_is_told_of_once() {
    let trial = Trial::begin(1);
    trial.hub.on("getTaskInfo", always(Answer::Late(Duration::from_secs(5))));
    trial.hears("Waiting for the hub: getTaskInfo");
    let seen = trial.hub.count("getTaskInfo");
    trial.until("three more looks", || trial.hub.count("getTaskInfo") > seen + 2);
    let more: Vec<_> = trial.said.try_iter().map(|(_, line)| line).filter(|line| line.contains("Waiting")).collect();
    assert!(more.is_empty(), "{more:?}");
}
