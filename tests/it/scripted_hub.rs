//! A *scripted hub* for tests: a small Koji hub in the test's own process that may answer anything.
//!
//! By default it does what a hub does: logins and sessions with call numbers, tasks that close and leave builds with files, on
//! a volume and under `/kojifiles`. What it does not share with `magudi hub` is every line of code, so that the two do not
//! make the same mistakes.
//!
//! - [`State`] is everything it knows, for tests to read and to change: `hub.state().tasks`, `hub.state().clock = 660.0`.
//! - [`ScriptedHub::on`] puts an [`Answer`] in place of the usual one, [`ScriptedHub::edit`] changes the usual value.
//! - [`ScriptedHub::calls`] is what was asked, in order; those inside of a `multiCall` follow it.
//! - [`run`] carries out a whole compose with the profile that leads here, [`resume`] continues it, [`verb`] and [`command`] are for
//!   anything else.
//!
//! ```
//! let hub = ScriptedHub::start(&scene);
//! hub.on("osbuildImage", once(Answer::Lost));          // executed, and the answer gets lost
//! hub.edit("listArchives", |_, _, value| *value = Value::Array(vec![]));
//! hub.state().tasks_lag = Duration::from_secs(2);      // `listTasks` is behind
//! assert_eq!(run(&scene).status, Some(0));
//! assert_eq!(hub.state().tasks.len(), 1);
//! ```

// What no test uses yet another one will.
#![allow(dead_code, unused_imports)]

mod http;
mod methods;
mod state;

pub use methods::methods_in;
pub use state::{Account, Archive, Build, State, Task};

use crate::program::{Ran, Scene};
use magudi_koji::xmlrpc::{MethodCall, Value};
use magudi_testkit::{kill, wait_for, wait_until};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// A call as it came.
#[derive(Debug, Clone)]
pub struct Call {
    /// The method; `GET` for a file, whose path is the only argument.
    pub method: String,
    /// The arguments.
    pub params: Vec<Value>,
    /// The user of the session; none: anonymous.
    pub user: Option<i64>,
    /// The number in the session.
    pub number: Option<i64>,
}

/// An answer in place of the usual one. Inside of a `multiCall` only values and faults can be.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A value. The call is not executed.
    Value(Value),
    /// A fault. The call is not executed.
    Fault(i64, String),
    /// These bytes, status line and all; then the connection is closed. The call is not executed.
    Raw(Vec<u8>),
    /// Pieces of bytes, each after a pause. The call is not executed.
    Drip(Vec<(Duration, Vec<u8>)>),
    /// The connection is closed. The call is not executed.
    Cut,
    /// The call is executed, and the connection closed.
    Lost,
    /// The call is executed after so long, and answered.
    Held(Duration),
    /// The call is executed at once, and answered after so long.
    Late(Duration),
}

impl Answer {
    /// A page of a proxy.
    pub fn page(status: &str, headers: &str, body: &str) -> Self {
        let length = body.len();
        // The connection ends with it: a client that is not told would send its next request into nothing.
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n"
        );
        Self::Raw([head.as_bytes(), body.as_bytes()].concat())
    }

    /// A redirect.
    pub fn redirect(status: &str, location: &str) -> Self {
        Self::page(status, &format!("Location: {location}\r\n"), "moved")
    }
}

type Hook = dyn FnMut(&mut State, &Call) -> Option<Answer> + Send;
type Edit = dyn FnMut(&mut State, &Call, &mut Value) + Send;

/// A hook that gives `answer` to the first call, and leaves the others alone.
pub fn once(answer: Answer) -> impl FnMut(&mut State, &Call) -> Option<Answer> + Send {
    let mut answer = Some(answer);
    move |_, _| answer.take()
}

/// A hook that gives `answer` to every call.
pub fn always(answer: Answer) -> impl FnMut(&mut State, &Call) -> Option<Answer> + Send {
    move |_, _| Some(answer.clone())
}

/// What the threads of a hub share.
struct Shared {
    port: u16,
    topdir: PathBuf,
    state: Mutex<State>,
    hooks: Mutex<Vec<(String, Box<Hook>)>>,
    edits: Mutex<Vec<(String, Box<Edit>)>>,
    calls: Mutex<Vec<Call>>,
    /// Nothing is answered, and no connection is taken.
    is_away: AtomicBool,
    /// Connections that are served.
    serving: AtomicUsize,
}

/// The hub; ended with this value.
pub struct ScriptedHub(Arc<Shared>);

impl ScriptedHub {
    /// A hub with its volume in the directory `volume` of the scene; `koji.conf` of the scene gets the profile `devhub`, which
    /// [`Scene::write_compose`] names.
    pub fn start(scene: &Scene) -> Self {
        let hub = Self::start_in(&scene.path().join("volume"));
        scene.write("koji.conf", &hub.profile("devhub"));
        hub
    }

    /// A hub with its volume in `topdir`.
    pub fn start_in(topdir: &Path) -> Self {
        std::fs::create_dir_all(topdir.join("packages")).expect("a volume");
        std::fs::create_dir_all(topdir.join("work")).expect("a volume");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let shared = Arc::new(Shared {
            port: listener.local_addr().expect("an address").port(),
            topdir: topdir.to_path_buf(),
            state: Mutex::new(State::new(topdir)),
            hooks: Mutex::default(),
            edits: Mutex::default(),
            calls: Mutex::default(),
            is_away: AtomicBool::new(false),
            serving: AtomicUsize::new(0),
        });
        http::listen(listener, Arc::clone(&shared));
        Self(shared)
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.0.port)
    }

    /// Where its volume is.
    pub fn topdir(&self) -> &Path {
        &self.0.topdir
    }

    /// A koji profile that leads here, with short pauses. A line that is added wins over the one of the same name.
    pub fn profile(&self, name: &str) -> String {
        let (url, topdir) = (self.url(), self.0.topdir.display());
        format!(
            "[{name}]\nserver = {url}/kojihub\nweburl = {url}/koji\ntopurl = {url}/kojifiles\ntopdir = {topdir}\n\
             authtype = password\nanon_retry = true\nretry_interval = 1\noffline_retry_interval = 1\npoll_interval = 1\n"
        )
    }

    /// Everything that it knows. The hub stands still as long as this is held.
    pub fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.0.state.lock().expect("no thread of the hub has panicked");
        state.tick();
        state
    }

    /// Puts an answer in place of the usual one wherever `hook` gives one. Of several hooks the last one is asked first.
    /// `method` is `*` for every method.
    pub fn on(&self, method: &str, hook: impl FnMut(&mut State, &Call) -> Option<Answer> + Send + 'static) {
        self.0.hooks.lock().expect("hooks").push((method.to_owned(), Box::new(hook)));
    }

    /// Changes the value of a call that was executed.
    pub fn edit(&self, method: &str, edit: impl FnMut(&mut State, &Call, &mut Value) + Send + 'static) {
        self.0.edits.lock().expect("edits").push((method.to_owned(), Box::new(edit)));
    }

    /// Takes away everything that was put in place of usual answers.
    pub fn behave(&self) {
        self.0.hooks.lock().expect("hooks").clear();
        self.0.edits.lock().expect("edits").clear();
    }

    /// What was asked so far.
    pub fn calls(&self) -> Vec<Call> {
        self.0.calls.lock().expect("calls").clone()
    }

    /// How often `method` was asked so far.
    pub fn count(&self, method: &str) -> usize {
        self.0.calls.lock().expect("calls").iter().filter(|call| call.method == method).count()
    }

    /// Ends all connections and refuses new ones.
    pub fn go_away(&self) {
        self.0.is_away.store(true, Ordering::SeqCst);
        http::wake(self.0.port);
        wait_until("a connection is served for ever", || self.0.serving.load(Ordering::SeqCst) == 0);
    }

    /// Listens again, at the same address.
    pub fn come_back(&self) {
        let again = || TcpListener::bind(("127.0.0.1", self.0.port));
        let listener = wait_for("the port is not free", || again().ok());
        self.0.is_away.store(false, Ordering::SeqCst);
        http::listen(listener, Arc::clone(&self.0));
    }
}

impl Drop for ScriptedHub {
    fn drop(&mut self) {
        self.0.is_away.store(true, Ordering::SeqCst);
        http::wake(self.0.port);
    }
}

/// The program with `args`, and the password of the account `compose`.
pub fn command(scene: &Scene, args: &[&str]) -> Command {
    let mut command = scene.command();
    command.args(args).env("MAGUDI_KOJI_PASSWORD", "composepass");
    command
}

/// `magudi run` of `test.conf` (see [`Scene::write_compose`]), with the profile of `koji.conf`.
pub fn run_command(scene: &Scene, more: &[&str]) -> Command {
    let target = scene.target().display().to_string();
    let mut command = command(scene, &["run", "--config", "test.conf", "--test", "--target-dir", &target]);
    command.args(["--koji-config", "koji.conf", "--koji-user", "compose"]).args(more);
    command
}

/// A whole run, to its end.
pub fn run(scene: &Scene) -> Ran {
    Ran::from(run_command(scene, &[]).output().expect("the program starts"))
}

/// `magudi resume` of the one compose there is.
pub fn resume(scene: &Scene, more: &[&str]) -> Ran {
    verb(scene, "resume", more)
}

/// `magudi VERB COMPOSE_DIR` of the one compose there is.
pub fn verb(scene: &Scene, verb: &str, more: &[&str]) -> Ran {
    let compose = compose(scene).expect("a compose").display().to_string();
    let args = [&[verb, &compose], more].concat();
    Ran::from(command(scene, &args).output().expect("the program starts"))
}

/// Waits until the journal of the one compose that a scene has says `what` so often.
pub fn wait_for_records(scene: &Scene, what: &str, count: usize) {
    let is_so = || text_of(scene, "logs/global/magudi-journal.jsonl").matches(what).count() >= count;
    wait_until(&format!("the journal does not say {what} {count} times"), is_so);
}

/// Runs `test.conf` with `more` until the journal knows the tasks of so many `images`, which stay open, and kills it.
pub fn begin_and_kill(scene: &Scene, hub: &ScriptedHub, images: usize, more: &[&str]) {
    hub.state().task_seconds = f64::INFINITY;
    let mut child = run_command(scene, more).stderr(Stdio::null()).spawn().expect("the program starts");
    wait_for_records(scene, "\"event\":\"submitted\"", images);
    kill(&mut child);
}

/// The directory of the one compose that a scene has.
pub fn compose(scene: &Scene) -> Option<PathBuf> {
    let made = std::fs::read_dir(scene.target()).ok()?.flatten();
    made.map(|entry| entry.path()).find(|path| path.is_dir() && !path.is_symlink())
}

/// The text of a file of the one compose that a scene has; empty when it is not there.
pub fn text_of(scene: &Scene, path: &str) -> String {
    compose(scene).and_then(|dir| std::fs::read_to_string(dir.join(path)).ok()).unwrap_or_default()
}

impl Shared {
    /// The answer of a hook, if one gives any.
    fn hooked(&self, state: &mut State, call: &Call) -> Option<Answer> {
        let mut hooks = self.hooks.lock().expect("hooks");
        let fits = |name: &str| name == call.method || name == "*";
        hooks.iter_mut().rev().filter(|(name, _)| fits(name)).find_map(|(_, hook)| hook(state, call))
    }

    /// Executes a call as a hub does.
    fn execute(&self, state: &mut State, call: &Call) -> Result<Value, (i64, String)> {
        let mut value = if matches!(call.method.as_str(), "multiCall" | "system.multicall") {
            self.multi_call(state, call)
        } else {
            methods::execute(state, call)?
        };
        for (name, edit) in self.edits.lock().expect("edits").iter_mut() {
            if *name == call.method {
                edit(state, call, &mut value);
            }
        }
        Ok(value)
    }

    fn multi_call(&self, state: &mut State, call: &Call) -> Value {
        let entries = call.params.first().and_then(Value::as_array).unwrap_or_default();
        let mut answers = Vec::new();
        for entry in entries {
            let method = entry.get("methodName").and_then(Value::as_str).unwrap_or_default();
            let params = entry.get("params").and_then(Value::as_array).unwrap_or_default().to_vec();
            let inner = self.note(MethodCall::new(method, params), call.user, call.number);
            let answer = match self.hooked(state, &inner) {
                Some(Answer::Value(value)) => Ok(value),
                Some(Answer::Fault(code, text)) => Err((code, text)),
                _ => self.execute(state, &inner),
            };
            answers.push(match answer {
                Ok(value) => Value::Array(vec![value]),
                Err((code, text)) => methods::fault_value(code, &text),
            });
        }
        Value::Array(answers)
    }

    /// Writes a call down.
    fn note(&self, call: MethodCall, user: Option<i64>, number: Option<i64>) -> Call {
        let call = Call { method: call.method, params: call.params, user, number };
        self.calls.lock().expect("calls").push(call.clone());
        call
    }
}

mod tests {
    use super::*;
    use crate::program::image;

    #[test]
    fn a_plain_run_finishes() {
        let scene = Scene::new();
        let images = [image("disk", ""), image("cloud", "\"subvariant\": \"Cloud\", \"arches\": [\"x86_64\"]")];
        let images = images.map(|image| image.replace(", }", "}"));
        scene.write_compose("", &["x86_64", "aarch64"], &images);
        let hub = ScriptedHub::start(&scene);
        hub.state().task_seconds = 0.3;
        let ran = run(&scene);
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        assert_eq!(hub.state().tasks.len(), 2);
        assert_eq!(text_of(&scene, "STATUS"), "FINISHED\n");
        let manifest = text_of(&scene, "compose/metadata/images.json");
        for file in ["disk-9.2-1.x86_64.qcow2", "disk-9.2-1.aarch64.qcow2", "cloud-9.2-1.x86_64.qcow2"] {
            assert!(manifest.contains(file), "{file} is not in {manifest}");
        }
    }

    /// Over HTTP, by ranges, with every first answer lost and every first connection cut.
    #[test]
    fn a_run_over_http_with_accidents_finishes() {
        let scene = Scene::new();
        let cache = format!("koji_cache = \"{}/cache\"\n", scene.path().display());
        let disk = image("disk", "\"arches\": [\"x86_64\"]");
        scene.write_compose(&cache, &["x86_64"], &[disk]);
        let hub = ScriptedHub::start(&scene);
        for method in ["login", "getTaskInfo", "multiCall", "GET"] {
            hub.on(method, once(Answer::Cut));
        }
        hub.on("getLoggedInUser", once(Answer::Lost));
        hub.state().clock = -86400.0;
        let ran = run(&scene);
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        assert_eq!(hub.count("osbuildImage"), 1);
        hub.go_away();
        hub.come_back();
        assert_eq!(resume(&scene, &[]).status, Some(0));
    }
}
