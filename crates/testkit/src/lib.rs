//! What tests of several rooms share; no program depends on it.
//!
//! - [`wait_until`], [`wait_for`], [`poll_until`]: waiting for what is meant, not for a time in which it usually happens
//! - [`side_by_side`]: cases of which each waits for most of its time
//! - [`end_of`], [`kill`]: the end of a child process
//! - [`repository`], [`fixture`]: where inert inputs are

use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long anything may take that a test waits for without a promise: a machine may be busy with other tests.
const PATIENCE: Duration = Duration::from_secs(120);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// Waits until something is so. Panics with `otherwise` when it is never so.
#[track_caller]
pub fn wait_until(otherwise: &str, is_so: impl FnMut() -> bool) {
    wait_within(PATIENCE, otherwise, is_so);
}

/// The same for what is promised within a time.
#[track_caller]
pub fn wait_within(patience: Duration, otherwise: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + patience;
    while !is_so() {
        assert!(Instant::now() < deadline, "{otherwise}");
        sleep(PAUSE);
    }
}

/// Waits until there is something. Panics with `otherwise` when there never is.
#[track_caller]
pub fn wait_for<T>(otherwise: &str, mut find: impl FnMut() -> Option<T>) -> T {
    let mut found = None;
    wait_until(otherwise, || {
        found = find();
        found.is_some()
    });
    found.unwrap_or_else(|| panic!("{otherwise}"))
}

/// [`wait_until`] for tests that share their thread with what they wait for.
pub async fn poll_until(otherwise: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < deadline, "{otherwise}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Tries all cases at the same time; for those that wait for most of theirs.
pub fn side_by_side<C: Send>(cases: impl IntoIterator<Item = C>, try_one: impl Fn(C) + Sync) {
    std::thread::scope(|scope| {
        for case in cases {
            let try_one = &try_one;
            scope.spawn(move || try_one(case));
        }
    });
}

/// How a process ended that ends by itself. One that does not is killed, and the test fails.
#[track_caller]
pub fn end_of(child: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match child.try_wait().expect("a child") {
            Some(status) => return status,
            None if Instant::now() < deadline => sleep(PAUSE),
            None => {
                kill(child);
                panic!("the process does not end");
            }
        }
    }
}

/// Ends a process as a power cut would.
pub fn kill(child: &mut Child) {
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}

/// The repository, for its fixtures and examples.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new(""))
}

/// A file or directory of `fixtures/`.
pub fn fixture(path: &str) -> PathBuf {
    repository().join("fixtures").join(path)
}
