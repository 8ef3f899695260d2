//! A hub that goes away while a compose runs: the user hears of it at once, and the compose continues at once when it is back.

use crate::program::{Scene, image};
use crate::schema::Schemas;
use crate::scripted_hub::{Answer, ScriptedHub, always, run, run_command, text_of, verb};
use magudi_testkit::{kill, wait_until};
use serde_json::Value as Json;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How much later than promised something may come on a machine that is busy.
const SLACK: Duration = Duration::from_secs(5);

/// A run that waits for its one task, and what it says.
struct Trial {
    scene: Scene,
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
        let trial = Self { scene, hub, run, said };
        wait_until("it does not look", || trial.hub.count("getTaskInfo") > 1);
        trial
    }

    /// What `magudi status` says of it.
    fn status(&self, more: &[&str]) -> String {
        let ran = verb(&self.scene, "status", more);
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        ran.stdout
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
        let (time, line) = trial.hears("The hub does not answer getTaskInfo (");
        let after = time.duration_since(begun);
        assert!(after < Duration::from_secs(5) + SLACK, "{kind}: {after:?}");
        assert!(line.contains(word), "{kind}: {line}");
        assert!(line.contains("WARNING") && line.contains("); trying until "), "{kind}: {line}");
        // It is in the journal, and `status` shows it.
        let said = trial.status(&["--format", "json"]);
        let said: Json = serde_json::from_str(&said).unwrap();
        assert_eq!(said["outage"]["call"], "getTaskInfo", "{kind}: {said}");
        assert!(said["outage"]["reason"].as_str().unwrap().contains(word), "{kind}: {said}");
        assert_eq!(Schemas::load().problems("status.schema.json", &said), Vec::<String>::new());
        let said = trial.status(&[]);
        assert!(said.contains("\nthe hub has not answered for 0:00:"), "{kind}: {said}");
        assert!(said.contains(word) && said.contains("); trying until "), "{kind}: {said}");
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
    trial.hears("The hub answers again, after 0:");
    assert_eq!(trial.run.wait().unwrap().code(), Some(0));
    let said: Json = serde_json::from_str(&trial.status(&["--format", "json"])).unwrap();
    assert_eq!(said["outage"], Json::Null);
    let journal = text_of(&trial.scene, "logs/global/magudi-journal.jsonl");
    let events: Vec<Json> = journal.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |name: &str| events.iter().filter(|event| event["event"] == name).collect::<Vec<_>>();
    let (gone, returned) = (of("hub-unreachable"), of("hub-back"));
    assert_eq!((gone.len(), returned.len()), (1, 1), "{journal}");
    assert!(gone[0]["until"].is_string() && returned[0]["seconds"].as_u64().unwrap() >= 15, "{gone:?} {returned:?}");
    // Before, four times as long as the outage, after up to a minute until the next attempt.
    assert!(back.elapsed() < Duration::from_secs(1) + 2 * SLACK, "{:?}", back.elapsed());
}

/// What somebody looks at in the morning says when the hub was away, for how long, and which one that was.
#[test]
fn the_report_says_when_the_hub_was_away() {
    let mut trial = Trial::begin(1);
    trial.hub.go_away();
    trial.hears("The hub does not answer getTaskInfo (");
    let path = text_of(&trial.scene, "logs/global/report.html");
    assert_eq!(path, "", "a run that is under way has no report yet");
    let made = verb(&trial.scene, "report", &["-o", "-"]);
    assert_eq!(made.status, Some(0), "{}", made.stderr);
    assert!(made.stdout.contains("has not answered for <b>"), "{}", made.stdout);
    trial.hub.state().task_seconds = 0.0;
    trial.hub.come_back();
    trial.hears("The hub answers again, after 0:");
    assert_eq!(trial.run.wait().unwrap().code(), Some(0));
    let page = text_of(&trial.scene, "logs/global/report.html");
    let events = text_of(&trial.scene, "logs/global/magudi-journal.jsonl");
    let event = events.lines().find(|line| line.contains("hub-unreachable")).unwrap();
    let outage: Json = serde_json::from_str(event).unwrap();
    let since = outage["since"].as_str().unwrap();
    let hub = format!("{}/kojihub", trial.hub.url()).replace('/', "&#x2f;");
    let line = page.lines().find(|line| line.contains("did not answer for <b>")).unwrap();
    for part in [since, &hub, "getTaskInfo", "cannot connect"] {
        assert!(line.contains(part), "{part:?} is not in {line}");
    }
    assert!(!line.contains("the run ended meanwhile"), "{line}");
    assert!(page.contains("<dt>Hub away</dt>") && page.contains("<i class=\"away\""), "{page}");
}

/// A hub that always takes its time is reported once, not with every call.
#[test]
fn a_slow_hub_is_told_of_once() {
    let trial = Trial::begin(1);
    trial.hub.on("getTaskInfo", always(Answer::Late(Duration::from_secs(5))));
    trial.hears("The hub does not answer getTaskInfo (no answer within 4 s)");
    let seen = trial.hub.count("getTaskInfo");
    wait_until("it does not look three more times", || trial.hub.count("getTaskInfo") > seen + 2);
    let more: Vec<_> =
        trial.said.try_iter().map(|(_, line)| line).filter(|line| line.contains("does not answer")).collect();
    assert!(more.is_empty(), "{more:?}");
}

/// What logs in before there is a compose, and what cancels one, say it as well: where the hub is down, where a page comes in its
/// place, and where it fails.
#[test]
fn a_login_and_a_cancel_say_that_the_hub_is_away() {
    let go_away = |hub: &ScriptedHub| hub.go_away();
    let page = |hub: &ScriptedHub| hub.on("*", always(Answer::page("200 OK", "Connection: close\r\n", "Upgrading")));
    let broken = |hub: &ScriptedHub| {
        hub.on("*", always(Answer::page("500 Internal Server Error", "Connection: close\r\n", "Traceback")));
    };
    type Prepare<'a> = &'a dyn Fn(&ScriptedHub);
    let kinds: [(&str, Prepare<'_>, &str); 3] = [
        ("away", &go_away, "cannot connect"),
        ("page", &page, "the answer is text/html, not XML-RPC: Upgrading"),
        ("broken", &broken, "HTTP status 500: Traceback"),
    ];
    for (kind, begin, word) in kinds {
        let scene = Scene::new();
        scene.write_compose("", &["x86_64"], &[image("disk", "\"arches\": [\"x86_64\"]")]);
        let hub = ScriptedHub::start(&scene);
        // A first login has no more than the patience for one call.
        scene.write("koji.conf", &format!("{}max_retries = 2\n", hub.profile("devhub")));
        hub.state().task_seconds = 1000.0;
        let mut running = run_command(&scene, &["--detach-on-signal"]).stderr(Stdio::null()).spawn().unwrap();
        wait_until("it does not look", || hub.count("getTaskInfo") >= 2);
        kill(&mut running);
        begin(&hub);
        let canceled = verb(&scene, "cancel", &[]);
        assert_eq!(canceled.status, Some(1), "{kind}: {}", canceled.stderr);
        let (line, error) = canceled.stderr.split_once('\n').unwrap();
        assert!(line.starts_with(&format!("The hub does not answer login ({word}")), "{kind}: {line}");
        assert!(line.contains("); trying until "), "{kind}: {line}");
        assert!(error.starts_with("error: nothing was canceled: the hub does not answer ("), "{kind}: {error}");
        let url = format!("{}/koji/taskinfo?taskID=", hub.url());
        assert!(error.contains(word) && error.contains(&format!("; 1 task may still run: {url}")), "{kind}: {error}");
        let other = run(&scene);
        assert_eq!(other.status, Some(1), "{kind}: {}", other.stderr);
        assert!(other.stderr.contains(&format!("The hub does not answer login ({word}")), "{kind}: {}", other.stderr);
    }
}
