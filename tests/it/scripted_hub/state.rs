//! What a scripted hub knows.

use super::methods::fault_value;
use magudi_koji::calls::{BuildState, TaskState};
use magudi_koji::value::{int, split_kwargs, string, structure};
use magudi_koji::xmlrpc::{Members, Value};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Everything that the hub knows, and how it is to behave.
pub struct State {
    /// Tasks by number.
    pub tasks: BTreeMap<i64, Task>,
    /// Builds by number.
    pub builds: BTreeMap<i64, Build>,
    /// Accounts by number.
    pub accounts: BTreeMap<i64, Account>,
    /// Open sessions by number.
    pub sessions: BTreeMap<i64, Session>,
    /// Output files of tasks.
    pub outputs: BTreeMap<(i64, String), Vec<u8>>,
    /// How long a task is open, in seconds; infinite: until the test ends it.
    pub task_seconds: f64,
    /// How far the hub's clock is ahead of ours, in seconds.
    pub clock: f64,
    /// Whether answers have a `Date`.
    pub says_date: bool,
    /// `listTasks` does not know what was made in this last time.
    pub tasks_lag: Duration,
    /// Reads go to a replica that is behind: nothing that asks for tasks and builds knows what happened in this last time.
    pub reads_lag: Duration,
    /// `listArchives` does not know the files of builds that were done in this last time ...
    pub archives_lag: Duration,
    /// ... but for so many.
    pub archives_at_first: usize,
    /// What the hub fills in where a stored `opts` has nothing of that name.
    pub defaults: Members,
    /// Build targets that there are; none: every one.
    pub targets: Option<BTreeSet<String>>,
    /// Packages that every tag lists; none: every one.
    pub packages: Option<BTreeSet<String>>,
    /// Packages that every tag blocks.
    pub blocked: BTreeSet<String>,
    /// The number of the next task.
    pub next_task: i64,
    /// The number of the next build.
    pub next_build: i64,
    next_session: i64,
    topdir: PathBuf,
}

/// A task.
#[derive(Debug, Clone)]
pub struct Task {
    pub id: i64,
    pub method: String,
    /// The arguments as a hub stores them: by place.
    pub request: Vec<Value>,
    pub owner: i64,
    pub state: TaskState,
    pub parent: Option<i64>,
    pub label: Option<String>,
    pub arch: String,
    /// Seconds since 1970 by the hub's clock.
    pub created: f64,
    pub completed: Option<f64>,
    /// The build that it named.
    pub build: Option<i64>,
    /// What it failed with.
    pub fault: Option<(i64, String)>,
    /// When it was made, by a clock that is not set.
    pub born: Instant,
    /// When it ended, by the same clock.
    pub ended: Option<Instant>,
}

/// What a request asks for.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    pub name: String,
    pub version: String,
    pub release: String,
    pub image_type: String,
    pub arches: Vec<String>,
}

impl Task {
    /// The argument at `place`, as text.
    pub fn text(&self, place: usize) -> String {
        self.request.get(place).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// What it is to build.
    pub fn asked(&self) -> Asked {
        let opts = self.request.last();
        let option = |name: &str| opts.and_then(|opts| opts.get(name)).and_then(Value::as_str).map(str::to_owned);
        let list = |place: usize| match self.request.get(place) {
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            Some(Value::String(one)) => vec![one.clone()],
            _ => Vec::new(),
        };
        let release = option("release").unwrap_or_else(|| "1".to_owned());
        let image_type = |place| list(place).into_iter().next().unwrap_or_default();
        match self.method.as_str() {
            "imageBuilderBuild" => {
                Asked { name: self.text(3), version: self.text(4), release, image_type: image_type(2), arches: list(1) }
            }
            "kiwiBuild" => Asked {
                // The name comes from the description: here it is what the path ends with.
                name: self.text(3).rsplit('/').next().unwrap_or_default().trim_end_matches(".kiwi").to_owned(),
                version: option("version").unwrap_or_else(|| "1".to_owned()),
                release,
                image_type: option("type").unwrap_or_else(|| "iso".to_owned()),
                arches: list(1),
            },
            _ => {
                Asked { name: self.text(0), version: self.text(1), release, image_type: image_type(3), arches: list(5) }
            }
        }
    }

    /// The struct of `getTaskInfo`.
    pub fn value(&self, with_request: bool) -> Value {
        let time = |seconds: Option<f64>| seconds.map_or(Value::Nil, Value::Double);
        let mut members = vec![
            ("arch", string(self.arch.as_str())),
            ("awaited", Value::Nil),
            ("channel_id", int(7)),
            ("completion_time", Value::Nil),
            ("completion_ts", time(self.completed)),
            ("create_time", Value::Nil),
            ("create_ts", time(Some(self.created))),
            ("host_id", int(1)),
            ("id", int(self.id)),
            ("label", self.label.as_deref().map_or(Value::Nil, string)),
            ("method", string(self.method.as_str())),
            ("owner", int(self.owner)),
            ("parent", self.parent.map_or(Value::Nil, int)),
            ("priority", int(20)),
            ("start_time", Value::Nil),
            ("start_ts", time(Some(self.created))),
            ("state", Value::Int(self.state.number())),
            ("waiting", Value::Nil),
            ("weight", Value::Double(0.2)),
        ];
        if with_request {
            members.push(("request", Value::Array(self.request.clone())));
        }
        structure(members)
    }

    /// The value of `getTaskResult`, which is a fault where the task failed.
    pub fn result(&self) -> Result<Value, (i64, String)> {
        match (self.state, &self.fault, self.build) {
            (TaskState::Closed, _, Some(build)) if self.method == "osbuildImage" => Ok(structure([
                ("composer", structure([("server", string("http://composer")), ("id", string("4612717e"))])),
                ("koji", structure([("build", int(build))])),
            ])),
            (TaskState::Closed, ..) => Ok(string("image build results in: /mnt/koji/packages")),
            (TaskState::Failed, Some((code, text)), _) => Ok(fault_value(*code, text)),
            (TaskState::Canceled, ..) => Err((1000, format!("Task {} is canceled", self.id))),
            _ => Err((1000, format!("Task {} is not finished", self.id))),
        }
    }
}

/// A build.
#[derive(Debug, Clone)]
pub struct Build {
    pub id: i64,
    pub name: String,
    pub version: String,
    pub release: String,
    pub state: BuildState,
    pub task: Option<i64>,
    pub owner: i64,
    pub archives: Vec<Archive>,
    /// When it got its files.
    pub done: Instant,
}

/// A file of a build.
#[derive(Debug, Clone)]
pub struct Archive {
    pub id: i64,
    pub filename: String,
    pub type_name: String,
    pub arch: String,
    pub size: i64,
    pub sha256: String,
}

/// An account.
#[derive(Debug, Clone)]
pub struct Account {
    pub name: String,
    pub password: String,
    pub permissions: Vec<String>,
}

/// A session.
#[derive(Debug, Clone)]
pub struct Session {
    pub user: i64,
    pub key: String,
    /// The number of the last call that wrote something.
    pub last_call: Option<i64>,
}

impl State {
    pub fn new(topdir: &Path) -> Self {
        let account = |name: &str, password: &str, permission: &str| Account {
            name: name.to_owned(),
            password: password.to_owned(),
            permissions: vec![permission.to_owned()],
        };
        Self {
            tasks: BTreeMap::new(),
            builds: BTreeMap::new(),
            accounts: BTreeMap::from([
                (2, account("compose", "composepass", "image")),
                (3, account("other", "otherpass", "image")),
                (9, account("kojiadmin", "kojipass", "admin")),
            ]),
            sessions: BTreeMap::new(),
            outputs: BTreeMap::new(),
            task_seconds: 0.0,
            clock: 0.0,
            says_date: true,
            tasks_lag: Duration::ZERO,
            reads_lag: Duration::ZERO,
            archives_lag: Duration::ZERO,
            archives_at_first: 0,
            defaults: Members::default(),
            targets: None,
            packages: None,
            blocked: BTreeSet::new(),
            next_task: 1000,
            next_build: 500,
            next_session: 100,
            topdir: topdir.to_path_buf(),
        }
    }

    /// Seconds since 1970 by the hub's clock.
    pub fn now(&self) -> f64 {
        SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64() + self.clock
    }

    /// The time of the hub's clock as HTTP writes it.
    pub fn date(&self) -> String {
        let time = jiff::Timestamp::from_second(self.now() as i64).expect("a time");
        time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }

    /// Ends the tasks whose time has come.
    pub fn tick(&mut self) {
        let is_due = |task: &&Task| !task.state.is_final() && task.born.elapsed().as_secs_f64() >= self.task_seconds;
        let due: Vec<i64> = self.tasks.values().filter(is_due).map(|task| task.id).collect();
        for id in due {
            self.finish(id);
        }
    }

    /// A task as those see it who read.
    pub fn seen(&self, id: i64) -> Option<Task> {
        self.seen_tasks().find(|task| task.id == id)
    }

    /// All tasks as those see them who read.
    pub fn seen_tasks(&self) -> impl DoubleEndedIterator<Item = Task> {
        let is_seen = |time: Instant| time.elapsed() >= self.reads_lag;
        self.tasks.values().filter(move |task| is_seen(task.born)).map(move |task| {
            let mut task = task.clone();
            if task.ended.is_some_and(|ended| !is_seen(ended)) {
                (task.state, task.completed, task.build, task.fault) = (TaskState::Open, None, None, None);
            }
            task
        })
    }

    /// All builds that those see who read.
    pub fn seen_builds(&self) -> impl DoubleEndedIterator<Item = &Build> {
        self.builds.values().filter(|build| build.done.elapsed() >= self.reads_lag)
    }

    /// A new session of `user`.
    pub fn open_session(&mut self, user: i64) -> (i64, String) {
        self.next_session += 1;
        let (id, key) = (self.next_session, format!("{user}-scriptedkey{}", self.next_session));
        self.sessions.insert(id, Session { user, key: key.clone(), last_call: None });
        (id, key)
    }

    /// A new task of `owner`, stored as a hub stores it (facts: osbuild 7, builders 13).
    pub fn submit(&mut self, method: &str, params: &[Value], owner: i64) -> i64 {
        let arguments = split_kwargs(params.to_vec());
        let names: &[&str] = match method {
            "osbuildImage" => &["name", "version", "distro", "image_type", "target", "arches"],
            "imageBuilderBuild" => &["target", "arches", "types", "name", "version"],
            "kiwiBuild" => &["target", "arches", "desc_url", "desc_path"],
            _ => &[],
        };
        let mut request: Vec<Value> =
            names.iter().enumerate().map(|(at, name)| arguments.get(at, name).cloned().unwrap_or(Value::Nil)).collect();
        if let ("osbuildImage", Some(Value::Array(types))) = (method, request.get(3))
            && let [one] = types.as_slice()
        {
            request[3] = one.clone();
        }
        let mut opts = match (method, arguments.get(names.len(), "opts")) {
            ("kiwiBuild", _) | (_, None) => {
                let named = arguments.named.clone().into_iter();
                named.filter(|(name, _)| !names.contains(&name.as_str()) && name.as_str() != "priority").collect()
            }
            (_, Some(opts)) => opts.as_struct().cloned().unwrap_or_default(),
        };
        for (name, value) in &self.defaults {
            opts.insert_missing(name.clone(), value.clone());
        }
        request.push(Value::Struct(opts));
        let id = self.next_task;
        self.next_task += 1;
        let task = Task {
            id,
            method: method.to_owned(),
            request,
            owner,
            state: TaskState::Open,
            parent: None,
            label: None,
            arch: "noarch".to_owned(),
            created: self.now(),
            completed: None,
            build: None,
            fault: None,
            born: Instant::now(),
            ended: None,
        };
        self.tasks.insert(id, task);
        id
    }

    /// A task with the same request as `id`, as `koji resubmit` makes it, of `owner`.
    pub fn resubmit(&mut self, id: i64, owner: i64) -> i64 {
        let again = self.next_task;
        self.next_task += 1;
        let mut task = self.tasks[&id].clone();
        (task.id, task.owner, task.state) = (again, owner, TaskState::Open);
        (task.build, task.fault, task.completed) = (None, None, None);
        (task.created, task.born, task.ended) = (self.now(), Instant::now(), None);
        self.tasks.insert(again, task);
        again
    }

    /// What a task is to build: one that names no release gets the next one that is free.
    fn asked(&self, id: i64) -> Asked {
        let task = &self.tasks[&id];
        let mut asked = task.asked();
        if task.request.last().is_none_or(|opts| opts.get("release").is_none()) {
            let is_free = |release: &String| {
                let same = |build: &&Build| {
                    (&build.name, &build.version, &build.release) == (&asked.name, &asked.version, release)
                };
                !self.builds.values().any(|build| same(&build))
            };
            let mut all = (1..=self.builds.len() + 1).map(|release| release.to_string());
            asked.release = all.find(is_free).expect("one more than there are builds");
        }
        asked
    }

    /// Ends a task well, with its build. When a build of that name is there already, it fails, as it does at a real hub.
    pub fn finish(&mut self, id: i64) -> Option<i64> {
        let asked = self.asked(id);
        let taken = self.builds.values().find(|build| {
            (&build.name, &build.version, &build.release) == (&asked.name, &asked.version, &asked.release)
                && matches!(build.state, BuildState::Complete | BuildState::Building)
        });
        if let Some(build) = taken {
            let state = format!("{:?}", build.state).to_uppercase();
            let reason = format!("<Fault 1000: 'Build already exists (id={}, state={state})'>", build.id);
            self.fail_compose(id, &reason);
            return None;
        }
        let build = self.import(id);
        let now = self.now();
        let task = self.tasks.get_mut(&id)?;
        (task.state, task.completed, task.build) = (TaskState::Closed, Some(now), Some(build));
        task.ended = Some(Instant::now());
        Some(build)
    }

    /// Ends a task with a fault.
    pub fn fail(&mut self, id: i64, code: i64, text: &str) {
        let now = self.now();
        let task = self.tasks.get_mut(&id).expect("the task");
        (task.state, task.completed, task.fault) = (TaskState::Failed, Some(now), Some((code, text.to_owned())));
        task.ended = Some(Instant::now());
    }

    /// Ends an osbuildImage task as it fails in composer: the reason is in its output only (facts: osbuild 12).
    pub fn fail_compose(&mut self, id: i64, reason: &str) {
        self.fail(id, 1005, "Compose failed (id: 4612717e-4485-4795-a034-12fe3cfe80e5)");
        let reason = reason.replace('"', "\\\"");
        let error = format!(r#"{{"id": 20, "reason": "{reason}", "details": null}}"#);
        let status = format!(
            r#"{{"status": "failure", "koji_task_id": null, "image_statuses": [{{"status": "failure", "error": {error}}}]}}"#
        );
        self.outputs.insert((id, "compose-status.json".to_owned()), status.into_bytes());
    }

    /// Cancels a task, as `cancelTask` does: one that has ended stays as it is.
    pub fn cancel(&mut self, id: i64) {
        let now = self.now();
        if let Some(task) = self.tasks.get_mut(&id).filter(|task| !task.state.is_final()) {
            (task.state, task.completed) = (TaskState::Canceled, Some(now));
            task.ended = Some(Instant::now());
        }
    }

    /// Makes the build of a task, COMPLETE and with all of its files, whatever became of the task.
    pub fn import(&mut self, id: i64) -> i64 {
        let asked = self.asked(id);
        let build = self.add_build(&asked.name, &asked.version, &asked.release, BuildState::Complete, Some(id));
        for arch in &asked.arches {
            let kind = if asked.image_type.is_empty() { "qcow2" } else { &asked.image_type };
            let filename = format!("{}-{}-{}.{arch}.{kind}", asked.name, asked.version, asked.release);
            self.add_archive(build, &filename, kind, arch);
        }
        build
    }

    /// Makes a build without files.
    pub fn add_build(&mut self, name: &str, version: &str, release: &str, state: BuildState, task: Option<i64>) -> i64 {
        let id = self.next_build;
        self.next_build += 1;
        let owner = task.and_then(|task| self.tasks.get(&task)).map_or(3, |task| task.owner);
        let (name, version, release) = (name.to_owned(), version.to_owned(), release.to_owned());
        let archives = Vec::new();
        let build = Build { id, name, version, release, state, task, owner, archives, done: Instant::now() };
        self.builds.insert(id, build);
        id
    }

    /// Gives a build a file, which lies on the volume.
    pub fn add_archive(&mut self, build: i64, filename: &str, type_name: &str, arch: &str) {
        let build = self.builds.get_mut(&build).expect("the build");
        let (name, version, release) = (&build.name, &build.version, &build.release);
        let content = format!("scripted image\n{name}-{version}-{release} of build {}\n{filename}\n", build.id);
        let dir = self.topdir.join("packages").join(name).join(version).join(release).join("images");
        std::fs::create_dir_all(&dir).expect("a directory on the volume");
        std::fs::write(dir.join(filename), &content).expect("a file on the volume");
        let digest = Sha256::digest(content.as_bytes());
        build.archives.push(Archive {
            id: build.id * 100 + build.archives.len() as i64,
            filename: filename.to_owned(),
            type_name: type_name.to_owned(),
            arch: arch.to_owned(),
            size: content.len() as i64,
            sha256: digest.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}")),
        });
        build.done = Instant::now();
    }

    /// The struct of `getBuild`; that of `listBuilds` has no `id`.
    pub fn build_value(&self, build: &Build, is_listed: bool) -> Value {
        let state =
            [BuildState::Building, BuildState::Complete, BuildState::Deleted, BuildState::Failed, BuildState::Canceled]
                .iter()
                .position(|state| *state == build.state);
        let nvr = format!("{}-{}-{}", build.name, build.version, build.release);
        let mut members = vec![
            ("build_id", int(build.id)),
            ("completion_time", Value::Nil),
            ("epoch", Value::Nil),
            ("extra", Value::Nil),
            ("name", string(build.name.as_str())),
            ("nvr", string(nvr)),
            ("owner_id", int(build.owner)),
            ("owner_name", string(self.name_of(build.owner))),
            ("package_id", int(build.id)),
            ("package_name", string(build.name.as_str())),
            ("release", string(build.release.as_str())),
            ("source", Value::Nil),
            ("state", int(state.unwrap_or_default() as i64)),
            ("task_id", build.task.map_or(Value::Nil, int)),
            ("version", string(build.version.as_str())),
            ("volume_id", int(0)),
            ("volume_name", string("DEFAULT")),
        ];
        if !is_listed {
            members.push(("id", int(build.id)));
        }
        structure(members)
    }

    /// The structs of `listArchives`, as far as the replica has come.
    pub fn archive_values(&self, build: &Build, with_arch: bool) -> Vec<Value> {
        let known = if build.done.elapsed() < self.archives_lag { self.archives_at_first } else { usize::MAX };
        let one = |archive: &Archive| {
            let mut members = vec![
                ("btype", string("image")),
                ("btype_id", int(4)),
                ("build_id", int(build.id)),
                ("buildroot_id", Value::Nil),
                ("checksum", string(archive.sha256.as_str())),
                ("checksum_type", int(2)),
                ("extra", structure([("image", structure([("arch", string(archive.arch.as_str()))]))])),
                ("filename", string(archive.filename.as_str())),
                ("id", int(archive.id)),
                ("metadata_only", Value::Bool(false)),
                ("size", int(archive.size)),
                ("type_id", int(1)),
                ("type_name", string(archive.type_name.as_str())),
            ];
            if with_arch {
                members.push(("arch", string(archive.arch.as_str())));
            }
            structure(members)
        };
        build.archives.iter().take(known).map(one).collect()
    }

    /// The name of an account.
    pub fn name_of(&self, user: i64) -> String {
        self.accounts.get(&user).map(|account| account.name.clone()).unwrap_or_default()
    }
}
