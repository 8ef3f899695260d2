//! Random *histories*: runs that are killed, ended and canceled, tasks that end and builds that are imported in between, answers that
//! get lost, a hub that lists what it has made a while later. Whatever happens, in whatever order, a compose comes to its end with one
//! task for each image that counts, and with every build that was made for it.
//!
//! `HISTORIES=2000 cargo test --test it histories` (`tests/torture/histories.sh`) goes through more of them; `HISTORIES_FROM=N` begins at
//! the Nth, to see one again.

use crate::program::{Ran, Scene, image};
use crate::scripted_hub::{Answer, ScriptedHub, compose, resume, run_command, text_of, verb};
use magudi_koji::calls::{BuildState, TaskState};
use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How many histories are gone through unless more are asked for.
const USUAL: u64 = 50;

/// Histories at the same time: they wait more than they work.
const AT_ONCE: usize = 12;

/// How long a run may take that nothing disturbs any more.
const LONGEST: Duration = Duration::from_secs(180);

/// Numbers that look random and are the same for the same seed (xorshift).
struct Random(u64);

impl Random {
    fn of(seed: u64) -> Self {
        Self((seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }

    fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    fn pause(&mut self, longest: u64) {
        std::thread::sleep(Duration::from_millis(self.below(longest)));
    }
}

/// A compose in the course of a history.
struct Story {
    scene: Scene,
    hub: ScriptedHub,
    random: Random,
    /// What happened, for who has to find out why it went wrong.
    told: Vec<String>,
    /// What was made beside a task that counts.
    doubled: Arc<Mutex<Vec<String>>>,
    images: usize,
}

impl Story {
    fn begin(seed: u64) -> Self {
        let mut random = Random::of(seed);
        let scene = Scene::new();
        let images = 1 + random.below(4) as usize;
        let release = if random.one_in(3) { "" } else { "\"release\": \"7\", " };
        let one =
            |n: usize| image(&format!("h{n}"), &format!("{release}\"subvariant\": \"S{n}\", \"arches\": [\"x86_64\"]"));
        let all: Vec<String> = (0..images).map(one).collect();
        scene.write_compose("", &["x86_64"], &all);
        let hub = ScriptedHub::start(&scene);
        let doubled = Arc::new(Mutex::new(Vec::new()));
        {
            let mut state = hub.state();
            state.task_seconds = if random.one_in(2) { 0.3 } else { f64::INFINITY };
            state.tasks_lag = Duration::from_millis(random.below(3) * 700);
            state.clock = [0.0, 700.0, -700.0][random.below(3) as usize];
        }
        let (said, mut dice, losses) = (Arc::clone(&doubled), Random::of(seed ^ 0x5eed), 2 + random.below(6));
        hub.on("osbuildImage", move |state, call| {
            let name = call.params.first().and_then(magudi_koji::Value::as_str).unwrap_or_default().to_owned();
            let counts = |state: TaskState| !matches!(state, TaskState::Canceled | TaskState::Failed);
            let others: Vec<i64> = state
                .tasks
                .values()
                .filter(|task| task.text(0) == name && counts(task.state))
                .map(|task| task.id)
                .collect();
            if !others.is_empty() {
                said.lock().unwrap().push(format!("{name} is asked for beside {others:?}"));
            }
            dice.one_in(losses).then_some(Answer::Lost)
        });
        Self { scene, hub, random, told: Vec::new(), doubled, images }
    }

    fn tell(&mut self, text: impl Into<String>) {
        self.told.push(text.into());
    }

    /// Begins the compose, or goes on with it.
    fn go_on(&mut self) -> Child {
        let mut command = match compose(&self.scene).filter(|dir| dir.join("logs/global/magudi-journal.jsonl").exists())
        {
            Some(dir) => {
                let dir = dir.display().to_string();
                let mut command = crate::scripted_hub::command(&self.scene, &["resume", &dir]);
                if self.random.one_in(3) {
                    command.arg("--retry-failed");
                }
                command
            }
            None => run_command(&self.scene, &[]),
        };
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts")
    }

    /// What may happen at the hub at any time.
    fn at_the_hub(&mut self) {
        let ids: Vec<i64> = self.hub.state().tasks.keys().copied().collect();
        if ids.is_empty() {
            return;
        }
        let id = ids[self.random.below(ids.len() as u64) as usize];
        let mut state = self.hub.state();
        let task = state.tasks[&id].clone();
        let asked = task.asked();
        let stands = state.builds.values().any(|build| build.name == asked.name);
        match task.state {
            TaskState::Canceled if !stands => {
                // What composer had begun goes on, and is imported.
                state.import(id);
                self.told.push(format!("the build of canceled task {id} is there"));
            }
            state_of if !state_of.is_final() => {
                state.finish(id);
                self.told.push(format!("task {id} ends"));
            }
            _ => {}
        }
    }

    /// One run, and what ends it.
    fn chapter(&mut self) {
        let mut child = self.go_on();
        for _ in 0..self.random.below(4) {
            self.random.pause(400);
            if self.random.one_in(2) {
                self.at_the_hub();
            }
        }
        self.random.pause(900);
        match self.random.below(4) {
            0 | 1 => {
                self.tell("kill -9");
                child.kill().expect("to kill it");
            }
            2 => {
                self.tell("SIGTERM");
                let _ = Command::new("kill").arg(child.id().to_string()).stderr(Stdio::null()).status();
            }
            _ => {
                self.tell("magudi cancel of what runs");
                if compose(&self.scene).is_some_and(|dir| dir.join("logs/global/magudi-journal.jsonl").exists()) {
                    let ran = verb(&self.scene, "cancel", &[]);
                    self.tell(format!("{:?}", ran.status));
                }
                let _ = child.kill();
            }
        }
        child.wait().expect("it ends");
        if self.random.one_in(2) {
            self.at_the_hub();
        }
        if self.random.one_in(4)
            && compose(&self.scene).is_some_and(|dir| dir.join("logs/global/magudi-journal.jsonl").exists())
        {
            let ran = verb(&self.scene, "cancel", &[]);
            self.tell(format!("magudi cancel: {:?} {}", ran.status, ran.stderr));
        }
    }

    /// Nothing disturbs the compose any more.
    fn end(&mut self) -> Ran {
        self.hub.state().task_seconds = 0.0;
        let begun = Instant::now();
        loop {
            let has_begun =
                compose(&self.scene).is_some_and(|dir| dir.join("logs/global/magudi-journal.jsonl").exists());
            let ran = if has_begun {
                resume(&self.scene, &["--retry-failed"])
            } else {
                Ran::from(run_command(&self.scene, &[]).output().expect("the program starts"))
            };
            // A run that was killed before it had asked for anything is begun again, in a directory of its own.
            if ran.stderr.contains("begin it again")
                && let Some(dir) = compose(&self.scene)
            {
                std::fs::remove_dir_all(dir).expect("to take it away");
                continue;
            }
            if ran.status == Some(0) || begun.elapsed() > LONGEST {
                return ran;
            }
            self.tell(format!("resumed: {:?}", ran.status));
        }
    }

    /// What must hold in the end.
    fn problems(&mut self, ran: &Ran) -> Vec<String> {
        let mut found = self.doubled.lock().unwrap().clone();
        if ran.status != Some(0) || text_of(&self.scene, "STATUS") != "FINISHED\n" {
            found.push(format!("it ends with {:?}: {}", ran.status, ran.stderr));
        }
        let manifest = text_of(&self.scene, "compose/metadata/images.json");
        let state = self.hub.state();
        let mut counted: BTreeMap<String, usize> = BTreeMap::new();
        for task in state.tasks.values() {
            if task.state == TaskState::Closed {
                *counted.entry(task.text(0)).or_default() += 1;
            } else if !task.state.is_final() {
                found.push(format!("task {} is left", task.id));
            }
        }
        found.extend(
            counted.iter().filter(|(_, count)| **count > 1).map(|(name, count)| format!("{count} tasks for {name}")),
        );
        let builds: Vec<_> = state.builds.values().filter(|build| build.state == BuildState::Complete).collect();
        if builds.len() != self.images {
            found.push(format!("{} builds for {} images", builds.len(), self.images));
        }
        let files = builds.iter().flat_map(|build| &build.archives).map(|archive| &archive.filename);
        found.extend(files.filter(|file| !manifest.contains(*file)).map(|file| format!("{file} is not taken")));
        found
    }
}

fn history(seed: u64) -> Result<(), String> {
    let mut story = Story::begin(seed);
    for _ in 0..1 + story.random.below(4) {
        story.chapter();
    }
    let ran = story.end();
    let problems = story.problems(&ran);
    if problems.is_empty() {
        return Ok(());
    }
    let journal = text_of(&story.scene, "logs/global/magudi-journal.jsonl");
    let (problems, told) = (problems.join("\n  "), story.told.join("\n  "));
    Err(format!("history {seed}:\n  {problems}\nwhat happened:\n  {told}\nthe journal:\n{journal}"))
}

#[expect(clippy::disallowed_methods, reason = "a test is no part of the program")]
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().expect("a number"))
}

#[test]
fn whatever_happens_each_image_is_built_once_and_taken() {
    let first = number("HISTORIES_FROM").unwrap_or(0);
    let last = first + number("HISTORIES").unwrap_or(USUAL);
    let next = AtomicU64::new(first);
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= last {
                        return;
                    }
                    if let Err(what) = history(seed) {
                        wrong.lock().unwrap().push(what);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} histories went wrong\n{}", wrong.len(), wrong.join("\n\n"));
}
