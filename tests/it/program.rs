//! Running the program in a directory of its own.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// A scratch directory and the program, with a frozen date and no colours.
pub struct Scene {
    dir: tempfile::TempDir,
}

/// What a run of the program came to.
#[derive(Debug)]
pub struct Ran {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// An image for [`Scene::write_compose`], with further `members`.
pub fn image(name: &str, members: &str) -> String {
    format!("{{\"name\": \"{name}\", \"distro\": \"fedora-42\", \"image_types\": [\"qcow2\"], {members}}}")
}

impl Scene {
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("magudi-test-").tempdir().expect("a scratch directory");
        std::fs::create_dir(dir.path().join("target")).expect("a target directory");
        Self { dir }
    }

    /// The scratch directory.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The directory for composes.
    pub fn target(&self) -> PathBuf {
        self.dir.path().join("target")
    }

    /// Writes a file below the scratch directory and returns its path.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        std::fs::write(&path, text).expect("a file");
        path
    }

    /// Writes `test.conf` with the `options` given besides the usual ones, and `images` for the one variant there is, Server,
    /// which has `arches`.
    pub fn write_compose(&self, options: &str, arches: &[&str], images: &[String]) {
        let images = images.join(",\n  ");
        self.write(
            "test.conf",
            &format!(
                "release_name = \"Test\"\nrelease_short = \"Test\"\nrelease_version = \"9.2\"\n\
                 variants_file = \"variants.xml\"\npkgset_source = \"koji\"\npkgset_koji_tag = \"t\"\n\
                 gather_method = \"deps\"\nkoji_profile = \"devhub\"\nglobal_target = \"f42-image\"\n{options}\
                 osbuild = {{\"^Server$\": [{images}]}}\n"
            ),
        );
        let arches = arches.join("</arch><arch>");
        let variant = format!(
            "<variant id=\"Server\" name=\"Server\" type=\"variant\"><arches><arch>{arches}</arch></arches></variant>"
        );
        self.write("variants.xml", &format!("<variants>{variant}</variants>"));
    }

    /// A command for the program, to be added to.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_magudi"));
        command
            .current_dir(self.dir.path())
            .env("SOURCE_DATE_EPOCH", "1709164800")
            .env("TZ", "UTC")
            .env("NO_COLOR", "1")
            .env("HOME", self.dir.path())
            .env("PATH", self.search_path())
            .env_remove("MAGUDI_KOJI_PASSWORD");
        command
    }

    #[expect(clippy::disallowed_methods, reason = "a test is not part of the program")]
    /// Where programs are looked for: first among those of the scene.
    fn search_path(&self) -> OsString {
        let own = self.dir.path().join("bin");
        let others = std::env::var_os("PATH").unwrap_or_default();
        let all = std::iter::once(own).chain(std::env::split_paths(&others));
        std::env::join_paths(all).expect("no colons in it")
    }

    /// Runs the program with `args`.
    pub fn run<S: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ran {
        Ran::from(self.command().args(args).output().expect("the program starts"))
    }

    /// The text of a file below the target directory; `None` when it is not there.
    pub fn made(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.target().join(path)).ok()
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// A hub in another process; ended with this value.
pub struct Hub {
    child: Child,
    url: String,
}

impl Hub {
    pub fn start(scene: &Scene, more: &[&str]) -> Self {
        Self::start_at(scene, "127.0.0.1:0", more)
    }

    fn start_at(scene: &Scene, address: &str, more: &[&str]) -> Self {
        let mut child = scene
            .command()
            .args(["hub", "--profile-file", "koji.conf", "--topdir", "volume", "--listen", address])
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the hub starts");
        let mut url = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut url).expect("its address");
        assert!(url.starts_with("http://127.0.0.1:"), "{url:?}");
        Self { child, url: url.trim().to_owned() }
    }

    /// Where it serves the files of its volume.
    pub fn files(&self) -> String {
        self.url.trim_end_matches("/kojihub").to_owned() + "/kojifiles"
    }

    /// Ends the hub as a power cut would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts the hub again after it was killed: the same volume, and the same address.
    pub fn start_again(&mut self, scene: &Scene, more: &[&str]) {
        let address = self.url.strip_prefix("http://").and_then(|rest| rest.split('/').next()).expect("an address");
        *self = Self::start_at(scene, address, more);
    }

    /// Image name and state of every osbuildImage task that the hub has.
    pub fn task_requests(&self) -> Vec<(String, i64)> {
        let name = |request: Option<Vec<magudi_koji::Value>>| {
            request.and_then(|args| args.first()?.as_str().map(str::to_owned)).unwrap_or_default()
        };
        self.tasks().into_iter().map(|task| (name(task.request), i64::from(task.state.number()))).collect()
    }

    /// Every osbuildImage task that the hub has.
    pub fn tasks(&self) -> Vec<magudi_koji::calls::TaskInfo> {
        self.tasks_of("osbuildImage")
    }

    /// Every task of a method that the hub has.
    pub fn tasks_of(&self, method: &str) -> Vec<magudi_koji::calls::TaskInfo> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let mut profile = magudi_koji::Profile::for_server("devhub", self.url.as_str());
        // A hub that is made to fail is asked again soon.
        profile.retry_interval = Duration::from_secs(1);
        profile.offline_retry_interval = Duration::from_secs(1);
        let filter = magudi_koji::calls::TaskFilter {
            method: Some(method.to_owned()),
            ..magudi_koji::calls::TaskFilter::default()
        };
        runtime.block_on(async {
            let hub = magudi_koji::Hub::new(&profile, &magudi_koji::ClientOptions::default()).expect("a client");
            hub.list_all_tasks(&filter, 10_000).await.expect("the tasks")
        })
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Every file below `dir`, relative to it.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    fn walk(dir: &Path, top: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                walk(&entry.path(), top, found);
            } else if let Ok(rest) = entry.path().strip_prefix(top) {
                found.push(rest.to_path_buf());
            }
        }
    }
    let mut found = Vec::new();
    walk(dir, dir, &mut found);
    found.sort();
    found
}
