//! One history: its compose, its runs, its end.

use super::koji_side::{Deed, Fate, KojiSide, US};
use super::{Counts, Random};
use crate::program::{Ran, Scene, image};
use crate::scripted_hub::{Archive, Build, ScriptedHub, command, compose, run_command, text_of};
use magudi_koji::calls::{BuildState, TaskState};
use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const JOURNAL: &str = "logs/global/magudi-journal.jsonl";

/// How long a run is left alone that does not come to the call at which something is to happen to it.
const LONGEST_CHAPTER: Duration = Duration::from_secs(12);

/// After this no further chapter begins. The end may take half a minute more: a hub that is behind is looked through so long.
const LONG_ENOUGH: Duration = Duration::from_secs(20);

/// How long any process may take: the hub is looked through for half a minute, on a busy machine.
const LONGEST: Duration = Duration::from_secs(240);

/// How many runs may be needed when nothing happens any more.
const LAST_RUNS: usize = 6;

/// Events of a journal that say nothing of what went wrong.
const UNTOLD: [&str; 6] = ["\"message\"", "\"planned\"", "\"phase-", "\"fetch-", "\"fetched\"", "\"image-added\""];

/// How a history ended.
pub struct End {
    pub counts: Counts,
    /// What went wrong, with everything that happened.
    pub problem: Option<String>,
}

/// A compose in the course of a history.
pub struct Story {
    scene: Scene,
    koji: KojiSide,
    random: Random,
    images: Vec<String>,
    /// Processes that were begun.
    processes: usize,
    /// The run that continues leaves its tasks alone when it is ended.
    detaches: bool,
    /// How often its runs ask again for what fails.
    retries: u64,
    /// Images that were in doubt, and of which the hub has no task: a person has looked.
    rebuild: Vec<String>,
}

impl Story {
    /// Goes through history `seed`.
    pub fn go_through(seed: u64) -> End {
        let (mut story, begun) = (Self::begin(seed), Instant::now());
        for _ in 0..=story.random.below(4) {
            story.chapter();
            story.rest();
            if text_of(&story.scene, "STATUS") == "FINISHED\n" || begun.elapsed() > LONG_ENOUGH {
                break;
            }
        }
        story.end();
        story.judge();
        let shared = story.koji.shared();
        let problem = (!shared.problems.is_empty()).then(|| {
            let journal = text_of(&story.scene, JOURNAL);
            let is_told = |line: &&str| !UNTOLD.iter().any(|event| line.contains(event));
            let lines = journal.lines().filter(is_told).map(shortened);
            format!(
                "history {seed}:\n  {}\nwhat happened:\n  {}\nthe journal:\n  {}",
                shared.problems.join("\n  "),
                shared.told.join("\n  "),
                lines.collect::<Vec<_>>().join("\n  ")
            )
        });
        End { counts: shared.counts.clone(), problem }
    }

    fn begin(seed: u64) -> Self {
        let mut random = Random::of(seed);
        let scene = Scene::new();
        let is_fixed = !random.one_in(3);
        let release = if is_fixed { "\"release\": \"7\", " } else { "" };
        let images: Vec<String> = (0..=random.below(4)).map(|number| format!("h{number}")).collect();
        let mut all = Vec::new();
        for name in &images {
            let failable = if random.one_in(4) { "\"failable\": [\"*\"], " } else { "" };
            let arches = if random.one_in(3) { "\"x86_64\", \"aarch64\"" } else { "\"x86_64\"" };
            all.push(image(name, &format!("{release}{failable}\"subvariant\": \"{name}\", \"arches\": [{arches}]")));
        }
        scene.write_compose("", &["x86_64", "aarch64"], &all);
        let hub = ScriptedHub::start(&scene);
        let koji = KojiSide::new(hub, Random::of(seed ^ 0x5eed_0000), is_fixed);
        koji.shared().count("histories");
        // Drawn apart, so that it changes nothing else of a history.
        let retries = Random::of(seed ^ 0x7e_0000).below(4);
        koji.shared().is_fragile = retries > 0;
        Self { scene, koji, random, images, processes: 0, detaches: false, retries, rebuild: Vec::new() }
    }

    /// Whether a run has begun that can be resumed.
    fn has_begun(&self) -> bool {
        let journal = text_of(&self.scene, JOURNAL);
        journal.lines().any(|line| line.contains("\"compose-started\"") && line.ends_with('}'))
    }

    /// The command that begins the compose, or continues it.
    fn go_on(&mut self, is_last: bool) -> Command {
        self.detaches = false;
        let retries = format!("--retries={}", self.retries);
        let Some(dir) = compose(&self.scene).map(|dir| dir.display().to_string()) else {
            return run_command(&self.scene, &[&retries]);
        };
        let is_over = text_of(&self.scene, "STATUS").starts_with("FINISHED");
        if !self.has_begun() || (!is_over && !is_last && self.random.one_in(4)) {
            let options = ["run", "--config", "test.conf", "--test", "--compose-dir", &dir, &retries];
            let mut command = command(&self.scene, &options);
            command.args(["--koji-config", "koji.conf", "--koji-user", "compose"]);
            return command;
        }
        let mut command = command(&self.scene, &["resume", &dir, &retries]);
        if is_last || self.random.one_in(2) {
            command.arg("--retry-failed");
        }
        if !is_last && self.random.one_in(5) {
            self.detaches = self.random.one_in(2);
            command.arg(if self.detaches { "--detach-on-signal" } else { "--fail-fast" });
        }
        for image in self.rebuild.drain(..) {
            command.args(["--rebuild", &image]);
        }
        command
    }

    /// Begins a process whose words are kept.
    fn start(&mut self, mut command: Command) -> (Child, String) {
        self.processes += 1;
        let name = format!("said-{}", self.processes);
        let said = std::fs::File::create(self.scene.path().join(&name)).expect("a file");
        let words: Vec<String> = command
            .get_args()
            .map(|word| word.to_string_lossy().into_owned())
            .filter(|word| !word.contains('/'))
            .collect();
        self.koji.shared().tell(format!("magudi {}", words.join(" ")));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said);
        (command.spawn().expect("the program starts"), name)
    }

    /// Waits for the end of a process; one that does not end is wrong.
    fn wait(&mut self, mut child: Child, said: &str) -> Ran {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().expect("a child") {
                break status;
            }
            if begun.elapsed() > LONGEST {
                self.koji.shared().problems.push(format!("a process does not end: {said}"));
                let _ = child.kill();
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        self.ran(status, said)
    }

    fn ran(&mut self, status: ExitStatus, said: &str) -> Ran {
        let stderr = std::fs::read_to_string(self.scene.path().join(said)).unwrap_or_default();
        let mut shared = self.koji.shared();
        shared.tell(format!("{status}; {}", last_words(&stderr)));
        if stderr.contains("panicked at") {
            shared.problems.push(format!("a panic: {stderr}"));
        }
        Ran { status: status.code(), stdout: String::new(), stderr }
    }

    /// `magudi cancel`, which may be killed, too.
    fn cancel(&mut self, may_be_killed: bool) {
        let Some(dir) = compose(&self.scene).filter(|_| self.has_begun()) else { return };
        let dir = dir.display().to_string();
        let (child, said) = self.start(command(&self.scene, &["cancel", &dir]));
        if may_be_killed && self.random.one_in(3) {
            let calls = 1 + self.random.below(12);
            let fate = Fate { deed: Deed::Kill, pid: child.id(), calls, at_submission: false, is_due: false };
            self.koji.shared().fate = Some(fate);
        }
        let ran = self.wait(child, &said);
        if may_be_killed {
            self.koji.shared().fate = None;
        }
        self.koji.shared().count("cancels");
        if ran.status == Some(0) {
            self.nothing_runs("after magudi cancel");
        }
    }

    /// No task that we had made runs.
    fn nothing_runs(&self, when: &str) {
        let state = self.koji.hub.state();
        let mut shared = self.koji.shared();
        let is_ours = |id: i64| state.tasks[&id].owner == US && !shared.resubmitted.contains(&id);
        let open: Vec<i64> = state
            .tasks
            .values()
            .filter(|task| !task.state.is_final() && is_ours(task.id))
            .map(|task| task.id)
            .collect();
        if !open.is_empty() {
            shared.problems.push(format!("{when} tasks {open:?} run"));
        }
    }

    /// A run that was ended by a signal has canceled every task that it knew, or says that it has not.
    fn what_runs_is_told(&self, ran: &Ran) {
        let says = |text: &str| ran.stderr.contains(text);
        if !says("Compose run failed: signal") || says("may go on at the hub") || says("Failed to kill koji task") {
            return;
        }
        let known = tasks_of(&text_of(&self.scene, JOURNAL));
        let state = self.koji.hub.state();
        let mut shared = self.koji.shared();
        let is_ours = |id: i64| known.contains(&id) && !shared.resubmitted.contains(&id);
        let open = state.tasks.values().filter(|task| !task.state.is_final() && is_ours(task.id));
        let open: Vec<i64> = open.map(|task| task.id).collect();
        if !open.is_empty() {
            shared.problems.push(format!("after a signal tasks {open:?} run"));
        }
    }

    /// One run, and what ends it.
    fn chapter(&mut self) {
        let deed = match self.random.below(8) {
            0..=3 => Deed::Kill,
            4 | 5 => Deed::Terminate,
            6 => Deed::InterruptTwice,
            _ => Deed::Cancel,
        };
        let at_submission = self.random.one_in(2);
        let calls =
            if at_submission { 1 + self.random.below(self.images.len() as u64) } else { 1 + self.random.below(30) };
        self.koji.shared().began = Some(Instant::now());
        let command = self.go_on(false);
        let (mut child, said) = self.start(command);
        self.koji.shared().count("runs");
        self.koji.shared().fate = Some(Fate { deed, pid: child.id(), calls, at_submission, is_due: false });
        let (begun, mut is_enough) = (Instant::now(), false);
        let status = loop {
            if let Some(status) = child.try_wait().expect("a child") {
                break Some(status);
            }
            if self.koji.shared().fate.as_ref().is_none_or(|fate| fate.is_due) {
                break None;
            }
            if begun.elapsed() > LONGEST_CHAPTER && !is_enough {
                is_enough = true;
                self.koji.shared().tell("enough of it");
                let _ = child.kill();
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        match status {
            Some(status) => drop(self.ran(status, &said)),
            None => {
                self.koji.shared().count(match deed {
                    Deed::Kill => "kills",
                    Deed::Terminate => "signals",
                    Deed::InterruptTwice => "second signals",
                    Deed::Cancel => "cancels of what runs",
                });
                if deed == Deed::Cancel && self.has_begun() {
                    self.cancel(false);
                } else if deed == Deed::Cancel {
                    // There is nothing yet that could be canceled.
                    let _ = child.kill();
                }
                let ran = self.wait(child, &said);
                if matches!(deed, Deed::Terminate | Deed::Cancel) && !self.detaches {
                    self.what_runs_is_told(&ran);
                }
            }
        }
        let mut shared = self.koji.shared();
        (shared.fate, shared.began) = (None, None);
    }

    /// What happens between two runs.
    fn rest(&mut self) {
        self.look();
        for _ in 0..self.random.below(4) {
            self.koji.at_rest();
        }
        if self.random.one_in(5) {
            self.cancel(true);
            for _ in 0..self.random.below(3) {
                self.koji.at_rest();
            }
        }
    }

    /// `magudi status`, which always has an answer.
    fn look(&mut self) {
        let Some(dir) = compose(&self.scene).filter(|_| self.has_begun()) else { return };
        let ran = Ran::from(command(&self.scene, &["status", &dir.display().to_string()]).output().expect("it starts"));
        if ran.status != Some(0) || ran.stdout.is_empty() {
            self.koji.shared().problems.push(format!("magudi status says {}", ran.stderr));
        }
    }

    /// Nothing happens any more: the compose comes to its end.
    fn end(&mut self) {
        self.koji.calm_down();
        self.koji.shared().tell("nothing happens any more");
        let mut ran = None;
        for _ in 0..LAST_RUNS {
            if text_of(&self.scene, "STATUS") == "FINISHED\n" && ran.is_some() {
                return;
            }
            // A person looks at the hub first, who sees what has happened, and that tasks have ended for which the last run did not wait.
            std::thread::sleep(self.koji.lag());
            self.koji.shared().began = Some(Instant::now());
            let command = self.go_on(true);
            let (child, said) = self.start(command);
            self.koji.shared().count("runs");
            let last = self.wait(child, &said);
            self.koji.shared().began = None;
            self.decide(&last);
            ran = Some(last);
        }
        let stderr = ran.map(|ran| ran.stderr).unwrap_or_default();
        if text_of(&self.scene, "STATUS") != "FINISHED\n" {
            self.koji.shared().problems.push(format!("it does not come to its end: {stderr}"));
        }
    }

    /// What is in doubt is for people: they look at the hub.
    fn decide(&mut self, ran: &Ran) {
        let mut in_doubt = Vec::new();
        for image in &self.images {
            if ran.stderr.contains(&format!("--adopt {image}=TASK")) {
                in_doubt.push(image.clone());
            }
        }
        let journal = text_of(&self.scene, JOURNAL);
        let known = tasks_of(&journal);
        for image in in_doubt {
            let state = self.koji.hub.state();
            let mut shared = self.koji.shared();
            let unknown = |id: i64| !known.contains(&id) && !shared.others.contains(&id);
            let lost: Vec<i64> = state
                .tasks
                .values()
                .filter(|task| task.text(0) == image && unknown(task.id))
                .map(|task| task.id)
                .collect();
            if lost.is_empty() {
                shared.count("doubts that people decide");
                self.rebuild.push(image);
            } else {
                shared.problems.push(format!("tasks {lost:?} of {image} are not found"));
            }
        }
    }

    /// What must hold in the end.
    fn judge(&mut self) {
        let manifest = text_of(&self.scene, "compose/metadata/images.json");
        let known = tasks_of(&text_of(&self.scene, JOURNAL));
        let state = self.koji.hub.state();
        let mut shared = self.koji.shared();
        let mut found = Vec::new();
        let mut closed: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for task in state.tasks.values() {
            if shared.others.contains(&task.id) {
                if task.state.is_final() {
                    found.push(format!("task {} of somebody else is {:?}", task.id, task.state));
                }
                if known.contains(&task.id) {
                    found.push(format!("task {} of somebody else was taken", task.id));
                }
                continue;
            }
            if !task.state.is_final() {
                found.push(format!("task {} is left", task.id));
            } else if task.state == TaskState::Closed {
                closed.entry(task.text(0)).or_default().push(task.id);
            }
            // Where a person had it made again, that one is as good.
            let is_again = |other: &i64| state.tasks[other].text(0) == task.text(0);
            if !known.contains(&task.id) && !shared.resubmitted.iter().any(is_again) {
                found.push(format!("task {} was never known", task.id));
            }
        }
        found.extend(
            closed
                .iter()
                .filter(|(_, tasks)| tasks.len() > 1)
                .map(|(name, tasks)| format!("{tasks:?} are all of {name}")),
        );
        for image in &self.images {
            let is_of_image = |build: &&Build| build.name == *image && build.state == BuildState::Complete;
            let is_taken = |build: &Build| {
                let is_in =
                    |archive: &Archive| manifest.contains(&archive.filename) && manifest.contains(&archive.sha256);
                !build.archives.is_empty() && build.archives.iter().all(is_in)
            };
            let (taken, left): (Vec<&Build>, Vec<&Build>) =
                state.builds.values().filter(is_of_image).partition(|build| is_taken(build));
            let [taken] = taken[..] else {
                found.push(format!("{} builds of {image} are taken, {} are not", taken.len(), left.len()));
                continue;
            };
            let by = taken.task.unwrap_or_default();
            let early = left.iter().filter(|build| !shared.came_too_late(&state, build, by));
            found.extend(early.map(|build| format!("build {} of {image} is there beside {}", build.id, taken.id)));
        }
        *shared.counts.entry("builds").or_default() += state.builds.len() as u64;
        let retried = text_of(&self.scene, JOURNAL).matches("\"request-retried\"").count();
        *shared.counts.entry("retries").or_default() += retried as u64;
        shared.problems.extend(found);
    }
}

/// The tasks that a journal has.
fn tasks_of(journal: &str) -> BTreeSet<i64> {
    let of_line = |line: &str| {
        if !line.contains("\"submitted\"") && !line.contains("\"adopted\"") {
            return None;
        }
        let (_, rest) = line.split_once("\"task\":")?;
        rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
    };
    journal.lines().filter_map(of_line).collect()
}

/// The end of what a process said.
fn last_words(stderr: &str) -> String {
    let lines: Vec<&str> = stderr.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(6)..].join("\n          ")
}

/// A line of a journal, without what every line begins with.
fn shortened(line: &str) -> String {
    const LONGEST: usize = 160;
    line.trim_start_matches("{\"v\":1,\"t\":\"").chars().skip(11).take(LONGEST).collect()
}
