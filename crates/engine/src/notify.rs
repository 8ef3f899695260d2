//! A *notification script* hears what happens to a compose: a message name as its argument, a JSON object on its
//! standard input (facts: notifications 1).
//!
//! Scripts run beside the compose, on a thread of their own, one after the other in the order of the messages. Each may take
//! a limited time; then it is killed, with everything that it has started and that is still in its process group. A
//! script that fails is a warning and nothing more.

use crate::event::{Event, Level, Stamped, Subscriber};
use jiff::Timestamp;
use magudi_compose::confined;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Map, Value as Json};
use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use thiserror::Error;

/// How long a script may take, unless it is said otherwise.
pub const USUAL_LIMIT: Duration = Duration::from_secs(60);

/// How long a script may take whatever is said.
const LONGEST_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// How often it is looked whether a script has ended.
const PAUSE: Duration = Duration::from_millis(10);

/// How long a script that was killed may take to be gone. One that hangs in the kernel may take for ever.
const LAST_BREATH: Duration = Duration::from_secs(1);

/// How long the end of a run waits for its scripts without a word.
const WORDLESS: Duration = Duration::from_secs(1);

/// Who hears what went wrong with the scripts.
pub type Report = Box<dyn Fn(Level, String) + Send>;

/// The scripts of a run, and where they run.
#[derive(Debug)]
pub struct Scripts {
    /// The programs, in the order in which they get each message.
    pub programs: Vec<String>,
    /// How long one may take with one message.
    pub limit: Duration,
    /// Where they run.
    pub workdir: PathBuf,
    /// All that they get of the environment.
    pub variables: Vec<(OsString, OsString)>,
    /// Where their output goes; nowhere before a compose exists.
    pub log_dir: Option<PathBuf>,
}

/// What went wrong with a script.
#[derive(Debug, Error)]
enum ScriptError {
    #[error("cannot open its log: {0}")]
    Log(#[source] io::Error),
    #[error("cannot make its input: {0}")]
    Input(#[source] io::Error),
    #[error(transparent)]
    Run(#[from] io::Error),
    #[error("{0}")]
    Failed(ExitStatus),
    #[error("it was killed after {:.1} s{}", .after.as_secs_f64(), not_sent(*.dropped))]
    Killed {
        after: Duration,
        /// How many later messages it does not get.
        dropped: usize,
    },
}

fn not_sent(messages: usize) -> String {
    if messages == 0 { String::new() } else { format!("; {messages} later messages were not sent to it") }
}

/// Says the messages of a run to its scripts.
#[derive(Debug)]
pub struct Notifier {
    shared: Arc<Shared>,
    /// Members that every object has.
    common: Map<String, Json>,
}

/// The other end of the scripts, for who waits for them or ends them.
#[derive(Debug, Clone)]
pub struct NotifierEnd(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    scripts: Scripts,
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Call>,
    /// The script that runs. Its number is that of its process group too, and no other's until it is waited for, which is
    /// done under the lock of this.
    running: Option<Pid>,
    /// Nothing more comes.
    closing: bool,
    /// From when on and until when all that are left may take together.
    rest: Option<(Instant, Instant)>,
    /// The thread has ended.
    ended: bool,
}

/// One message for one script.
#[derive(Debug)]
struct Call {
    /// The script's place in the list.
    script: usize,
    message: &'static str,
    body: Arc<str>,
}

/// Begins to run `scripts`, each with the members `common` in its object. The error is that of the thread, which cannot be
/// started.
pub fn notifier(scripts: Scripts, common: Map<String, Json>, report: Report) -> io::Result<(Notifier, NotifierEnd)> {
    let shared = Arc::new(Shared { scripts, queue: Mutex::default(), changed: Condvar::new() });
    let thread = Arc::clone(&shared);
    std::thread::Builder::new().name("scripts".to_owned()).spawn(move || {
        thread.work(&report);
        thread.lock().ended = true;
        thread.changed.notify_all();
    })?;
    Ok((Notifier { shared: Arc::clone(&shared), common }, NotifierEnd(shared)))
}

impl Notifier {
    /// Has every script run with `message`, the common members and `members`.
    pub fn send(&self, message: &'static str, members: Map<String, Json>) {
        let mut object = members;
        object.extend(self.common.clone());
        let body: Arc<str> = Json::Object(object).to_string().into();
        let call = |script| Call { script, message, body: Arc::clone(&body) };
        self.shared.lock().waiting.extend((0..self.shared.scripts.programs.len()).map(call));
        self.shared.changed.notify_all();
    }
}

impl Subscriber for Notifier {
    fn on_event(&mut self, event: &Stamped) {
        let (message, key, value) = match &event.event {
            Event::Status { status } => ("status-change", "status", status),
            Event::PhaseStarted { phase } => ("phase-start", "phase_name", phase),
            Event::PhaseFinished { phase, .. } => ("phase-stop", "phase_name", phase),
            _ => return,
        };
        self.send(message, Map::from_iter([(key.to_owned(), Json::from(value.as_str()))]));
    }
}

impl NotifierEnd {
    /// Waits until every message has been said. A script that has to be killed then hears only the last one of those that are
    /// left for it. With a `patience`, all together may take so long: they share it, so that one that hangs with a message
    /// does not keep the last one from being said. `wait` hears how many are left, when it takes its time.
    pub fn finish(&self, patience: Option<Duration>, wait: impl FnOnce(usize)) {
        let mut queue = self.0.lock();
        queue.closing = true;
        queue.rest = patience.map(rest);
        self.0.changed.notify_all();
        queue = self.0.changed_by(queue, Instant::now() + WORDLESS);
        if !queue.ended {
            let left = queue.left();
            drop(queue);
            wait(left);
            queue = self.0.lock();
        }
        while !queue.ended {
            // Who is killed then needs a moment.
            let last = queue.rest.map(|(_, deadline)| deadline + 2 * LAST_BREATH);
            if last.is_some_and(|last| Instant::now() > last) {
                return;
            }
            queue = self.0.changed_by(queue, last.unwrap_or_else(|| Instant::now() + WORDLESS));
        }
    }

    /// A caller that waits in [`finish`](Self::finish) now has no more than this `patience`.
    pub fn hurry(&self, patience: Duration) {
        let mut queue = self.0.lock();
        if queue.closing && queue.rest.is_none() {
            queue.rest = Some(rest(patience));
            self.0.changed.notify_all();
        }
    }

    /// Kills the script that runs. No other one is begun.
    pub fn kill(&self) {
        let mut queue = self.0.lock();
        queue.waiting.clear();
        queue.closing = true;
        queue.rest = Some(rest(Duration::ZERO));
        queue.kill();
    }
}

/// From now on, for this long.
fn rest(patience: Duration) -> (Instant, Instant) {
    let now = Instant::now();
    (now, now + patience)
}

impl Queue {
    /// How many scripts are still to run, or running.
    fn left(&self) -> usize {
        self.waiting.len() + usize::from(self.running.is_some())
    }

    /// How long a script may run that began at `begun`.
    fn until(&self, begun: Instant, limit: Duration) -> Instant {
        let own = begun + limit.min(LONGEST_LIMIT);
        let Some((since, deadline)) = self.rest else { return own };
        let from = begun.max(since);
        let sharers = u32::try_from(self.waiting.len()).unwrap_or(u32::MAX).saturating_add(1);
        own.min(from + deadline.saturating_duration_since(from) / sharers)
    }

    /// Forgets what a script that hangs is to hear, but for the last message. How many there were.
    fn give_up(&mut self, script: usize) -> usize {
        let before = self.waiting.len();
        let last = self.waiting.iter().rposition(|call| call.script == script);
        let mut place = 0;
        self.waiting.retain(|call| {
            place += 1;
            call.script != script || Some(place - 1) == last
        });
        before - self.waiting.len()
    }

    fn kill(&self) {
        if let Some(group) = self.running {
            // Nothing is left of it, at the worst.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something has changed, or it is `time`.
    fn changed_by<'a>(&self, queue: MutexGuard<'a, Queue>, time: Instant) -> MutexGuard<'a, Queue> {
        let left = time.saturating_duration_since(Instant::now());
        if queue.ended || left.is_zero() {
            return queue;
        }
        self.changed.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Runs what is in the queue, until nothing more comes.
    fn work(&self, report: &Report) {
        while let Some(call) = self.next() {
            if let Err(reason) = self.run(&call) {
                let (script, message) = (&self.scripts.programs[call.script], call.message);
                let text = format!("Failed to invoke notification script. {script} {message}: {reason}");
                report(Level::Warning, text);
            }
        }
    }

    fn next(&self) -> Option<Call> {
        let mut queue = self.lock();
        loop {
            if let Some(call) = queue.waiting.pop_front() {
                return Some(call);
            }
            if queue.closing {
                return None;
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn run(&self, call: &Call) -> Result<(), ScriptError> {
        let begun = Instant::now();
        let mut child = self.spawn(call)?;
        loop {
            let mut queue = self.lock();
            if let Some(status) = child.try_wait()? {
                queue.running = None;
                return if status.success() { Ok(()) } else { Err(ScriptError::Failed(status)) };
            }
            if Instant::now() < queue.until(begun, self.scripts.limit) {
                drop(queue);
                std::thread::sleep(PAUSE);
                continue;
            }
            queue.kill();
            let dropped = if queue.closing && queue.rest.is_none() { queue.give_up(call.script) } else { 0 };
            drop(queue);
            self.bury(&mut child);
            return Err(ScriptError::Killed { after: begun.elapsed(), dropped });
        }
    }

    /// Waits for a script that was killed.
    fn bury(&self, child: &mut Child) {
        let killed = Instant::now();
        loop {
            let mut queue = self.lock();
            if !matches!(child.try_wait(), Ok(None)) || killed.elapsed() > LAST_BREATH {
                queue.running = None;
                return;
            }
            drop(queue);
            std::thread::sleep(PAUSE);
        }
    }

    fn spawn(&self, call: &Call) -> Result<Child, ScriptError> {
        let output = self.output().map_err(ScriptError::Log)?;
        let errors = output.try_clone().map_err(ScriptError::Log)?;
        let input = input(&call.body).map_err(ScriptError::Input)?;
        let mut command = Command::new(OsStr::new(&self.scripts.programs[call.script]));
        command.env_clear().envs(self.scripts.variables.iter().map(|(name, value)| (name, value)));
        command.arg(call.message).current_dir(&self.scripts.workdir).stdin(input).stdout(output).stderr(errors);
        // A group of its own: a Ctrl-C is for the run, and who is killed is killed with its children.
        command.process_group(0);
        // Under the lock, so that a kill of what runs does not miss it.
        let mut queue = self.lock();
        let child = command.spawn()?;
        queue.running = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        Ok(child)
    }

    fn output(&self) -> io::Result<File> {
        let Some(directory) = &self.scripts.log_dir else {
            return OpenOptions::new().write(true).open("/dev/null");
        };
        confined::make_dir(&self.scripts.workdir, directory).map_err(io::Error::other)?;
        let name = format!("notification-{}.log", Timestamp::now().strftime("%Y-%m-%d_%H-%M-%S"));
        confined::open(&directory.join(name), OpenOptions::new().create(true).append(true))
    }
}

/// What a script reads: a file in memory, because a pipe is full before a script has read it that does not read.
fn input(body: &str) -> io::Result<File> {
    let mut file = File::from(rustix::fs::memfd_create(c"notification", rustix::fs::MemfdFlags::CLOEXEC)?);
    file.write_all(body.as_bytes())?;
    file.rewind()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    /// A script that is still open for writing in a child which another test is about to start cannot be executed.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

    fn alone() -> MutexGuard<'static, ()> {
        ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn script(dir: &Path, name: &str, body: &str) -> String {
        let path = dir.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path.display().to_string()
    }

    /// The notifier of `programs`, and what it reports.
    fn begin(dir: &Path, programs: Vec<String>, limit: Duration) -> (Notifier, NotifierEnd, Arc<Mutex<Vec<String>>>) {
        let variables = vec![("PATH".into(), "/usr/bin:/bin".into())];
        let scripts = Scripts { programs, limit, workdir: dir.to_path_buf(), variables, log_dir: None };
        let reported = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&reported);
        let report = Box::new(move |_, text| sink.lock().unwrap().push(text));
        let (notifier, end) = notifier(scripts, Map::new(), report).unwrap();
        (notifier, end, reported)
    }

    fn patient() -> Duration {
        Duration::from_secs(60)
    }

    #[test]
    fn a_script_gets_the_message_and_the_object() {
        let (_alone, dir) = (alone(), tempfile::tempdir().unwrap());
        let cmd = script(dir.path(), "a", "echo \"$1\" > out; cat >> out");
        let (notifier, end, reported) = begin(dir.path(), vec![cmd], patient());
        notifier.send("fail-to-start", Map::from_iter([("detail".to_owned(), "why".into())]));
        end.finish(None, |_| {});
        assert_eq!(*reported.lock().unwrap(), Vec::<String>::new());
        assert_eq!(std::fs::read_to_string(dir.path().join("out")).unwrap(), "fail-to-start\n{\"detail\":\"why\"}");
    }

    #[test]
    fn failures_are_named_and_survived() {
        let (_alone, dir) = (alone(), tempfile::tempdir().unwrap());
        let cmd = script(dir.path(), "a", "exit 3");
        let (notifier, end, reported) = begin(dir.path(), vec![cmd, "/nonexistent/script".to_owned()], patient());
        notifier.send("status-change", Map::new());
        end.finish(None, |_| {});
        let reported = reported.lock().unwrap();
        assert_eq!(reported.len(), 2);
        assert!(reported[0].contains("exit status: 3"), "{reported:?}");
        assert!(reported[1].contains("/nonexistent/script"), "{reported:?}");
    }

    #[test]
    fn an_object_that_is_not_read_holds_up_nobody() {
        let (_alone, dir) = (alone(), tempfile::tempdir().unwrap());
        let cmd = script(dir.path(), "a", "sleep 0.1");
        let (notifier, end, reported) = begin(dir.path(), vec![cmd], patient());
        notifier.send("fail-to-start", Map::from_iter([("detail".to_owned(), "x".repeat(1 << 20).into())]));
        end.finish(None, |_| {});
        assert_eq!(*reported.lock().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn the_order_is_kept_and_each_message_waits_for_the_one_before() {
        let (_alone, dir) = (alone(), tempfile::tempdir().unwrap());
        let slow = script(dir.path(), "slow", "sleep 0.05; echo slow $1 >> out");
        let fast = script(dir.path(), "fast", "echo fast $1 >> out");
        let (notifier, end, _) = begin(dir.path(), vec![slow, fast], patient());
        for message in ["phase-start", "phase-stop", "status-change"] {
            notifier.send(message, Map::new());
        }
        end.finish(None, |_| {});
        let want = "slow phase-start\nfast phase-start\nslow phase-stop\nfast phase-stop\nslow status-change\nfast status-change\n";
        assert_eq!(std::fs::read_to_string(dir.path().join("out")).unwrap(), want);
    }

    /// The last one of two messages is said by a script that hangs with the first one, and by one that does not.
    #[test]
    fn one_that_hangs_is_killed_with_its_children_and_the_others_have_their_turn() {
        let (_alone, dir) = (alone(), tempfile::tempdir().unwrap());
        let hangs = script(
            dir.path(),
            "hangs",
            "trap '' TERM INT\n[ $1 = status-change ] && exec sleep 0\n(trap '' TERM; sleep 600) & echo $! >> children; wait",
        );
        let fast = script(dir.path(), "fast", "echo $1 >> out");
        let (notifier, end, reported) = begin(dir.path(), vec![hangs, fast], patient());
        notifier.send("phase-stop", Map::new());
        notifier.send("status-change", Map::new());
        let mut told = 0;
        end.finish(Some(Duration::from_secs(4)), |left| told = left);
        assert!(told > 0, "nobody is told what is waited for");
        assert_eq!(std::fs::read_to_string(dir.path().join("out")).unwrap(), "phase-stop\nstatus-change\n");
        let reported = reported.lock().unwrap();
        assert_eq!(reported.len(), 1, "{reported:?}");
        assert!(reported[0].contains("hangs phase-stop: it was killed after"), "{reported:?}");
        let child = std::fs::read_to_string(dir.path().join("children")).unwrap();
        assert!(is_gone(child.trim()), "the child of the script lives");
    }

    #[test]
    fn one_that_hangs_at_the_end_hears_the_last_message_all_the_same() {
        let (_alone, dir) = (alone(), tempfile::tempdir().unwrap());
        let cmd = script(dir.path(), "a", "echo $1 >> out; [ $1 = status-change ] || exec sleep 600");
        let slow = script(dir.path(), "slow", "sleep 0.1; echo $1 >> heard");
        let (notifier, end, reported) = begin(dir.path(), vec![cmd, slow], Duration::from_millis(500));
        for message in ["phase-start", "phase-stop", "phase-start", "phase-stop", "status-change"] {
            notifier.send(message, Map::new());
        }
        end.finish(None, |_| {});
        assert_eq!(std::fs::read_to_string(dir.path().join("out")).unwrap(), "phase-start\nstatus-change\n");
        assert_eq!(std::fs::read_to_string(dir.path().join("heard")).unwrap().lines().count(), 5);
        let reported = reported.lock().unwrap();
        assert!(reported[0].ends_with("3 later messages were not sent to it"), "{reported:?}");
        assert_eq!(reported.len(), 1, "{reported:?}");
    }

    #[test]
    fn one_that_takes_too_long_is_killed_while_the_run_goes_on() {
        let (_alone, dir) = (alone(), tempfile::tempdir().unwrap());
        let cmd = script(dir.path(), "a", "sleep 600");
        let (notifier, _end, reported) = begin(dir.path(), vec![cmd], Duration::from_millis(300));
        notifier.send("phase-start", Map::new());
        let deadline = Instant::now() + patient();
        while reported.lock().unwrap().is_empty() {
            assert!(Instant::now() < deadline, "it is not killed");
            std::thread::sleep(PAUSE);
        }
        assert!(reported.lock().unwrap()[0].contains("it was killed after 0.3 s"));
    }

    #[test]
    fn whoever_ends_at_once_leaves_none_behind() {
        let (_alone, dir) = (alone(), tempfile::tempdir().unwrap());
        let cmd = script(dir.path(), "a", "echo $$ > pid; mv pid pids; sleep 600");
        let (notifier, end, _) = begin(dir.path(), vec![cmd], patient());
        notifier.send("phase-start", Map::new());
        notifier.send("phase-stop", Map::new());
        let pids = dir.path().join("pids");
        let deadline = Instant::now() + patient();
        while !pids.exists() {
            assert!(Instant::now() < deadline, "it does not run");
            std::thread::sleep(PAUSE);
        }
        end.kill();
        end.finish(None, |_| {});
        assert!(is_gone(std::fs::read_to_string(pids).unwrap().trim()));
    }

    /// Whether a process is gone, or will be as soon as somebody waits for it.
    fn is_gone(pid: &str) -> bool {
        let state = || std::fs::read_to_string(format!("/proc/{pid}/stat")).ok();
        (0..500).any(|_| {
            let gone = state().is_none_or(|stat| stat.contains(") Z "));
            if !gone {
                std::thread::sleep(PAUSE);
            }
            gone
        })
    }
}
