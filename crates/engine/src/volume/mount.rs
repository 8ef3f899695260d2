//! A *mount*: whether what lies at `topdir` is a Koji volume at all. A file server that is not mounted leaves an empty
//! directory, which is found out otherwise when the first image is built.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;
use thiserror::Error;

/// How long a file server may take to answer. One that is gone never does.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Where builds are on a volume: on the default one, and on the others.
const BUILDS: [&str; 2] = ["packages", "vol"];

/// Why a directory is not a Koji volume.
#[derive(Debug, Error)]
pub enum MountError {
    /// There is nothing.
    #[error("there is no directory {}", .0.display())]
    Missing(PathBuf),
    /// There is something else.
    #[error("{} is not a directory", .0.display())]
    NotADirectory(PathBuf),
    /// Nothing is mounted there.
    #[error("{} is empty: nothing is mounted there", .0.display())]
    Empty(PathBuf),
    /// It has other things in it.
    #[error("{} has no directory `packages`, as a Koji volume has", .0.display())]
    NotAVolume(PathBuf),
    /// It cannot be looked at.
    #[error("cannot read {}: {error}", .path.display())]
    Unreadable { path: PathBuf, error: io::Error },
    /// The file server does not answer.
    #[error("{} does not answer within {} s", .path.display(), .patience.as_secs())]
    Silent {
        path: PathBuf,
        /// How long it was waited for.
        patience: Duration,
    },
}

/// Looks whether the volume is mounted at `topdir`, for `patience` at most. Blocks.
pub fn check_mount(topdir: &Path, patience: Duration) -> Result<(), MountError> {
    let path = topdir.to_path_buf();
    let silent = || MountError::Silent { path: topdir.to_path_buf(), patience };
    within(patience, move || look(&path)).unwrap_or_else(|| Err(silent()))
}

/// What `ask` gives, unless it takes longer. A thread that a dead file server holds cannot be ended; it is left behind.
fn within<T: Send + 'static>(patience: Duration, ask: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (answer, answered) = mpsc::sync_channel(1);
    std::thread::spawn(move || answer.send(ask()));
    answered.recv_timeout(patience).ok()
}

fn look(topdir: &Path) -> Result<(), MountError> {
    let at = || topdir.to_path_buf();
    let unreadable = |path: PathBuf| move |error| MountError::Unreadable { path, error };
    match std::fs::metadata(topdir) {
        Ok(meta) if meta.is_dir() => {}
        Ok(_) => return Err(MountError::NotADirectory(at())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(MountError::Missing(at())),
        Err(error) => return Err(unreadable(at())(error)),
    }
    // Looked up by name: a mount that is made when it is used has no entries before.
    for part in BUILDS.map(|part| topdir.join(part)) {
        match std::fs::metadata(&part) {
            Ok(meta) if meta.is_dir() => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(unreadable(part)(error)),
        }
    }
    match std::fs::read_dir(topdir).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Err(MountError::Empty(at())),
        Ok(false) => Err(MountError::NotAVolume(at())),
        Err(error) => Err(unreadable(at())(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of `path`, with it written as `T`.
    fn said(path: &Path) -> String {
        match check_mount(path, PATIENCE) {
            Ok(()) => String::new(),
            Err(error) => error.to_string().replace(&path.display().to_string(), "T"),
        }
    }

    #[test]
    fn what_is_no_volume() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().join("koji");
        assert_eq!(said(&top), "there is no directory T");
        std::fs::write(&top, "").unwrap();
        assert_eq!(said(&top), "T is not a directory");
        std::fs::remove_file(&top).unwrap();
        std::fs::create_dir(&top).unwrap();
        assert_eq!(said(&top), "T is empty: nothing is mounted there");
        std::fs::write(top.join("packages"), "").unwrap();
        assert_eq!(said(&top), "T has no directory `packages`, as a Koji volume has");
        std::fs::create_dir(top.join("vol")).unwrap();
        assert_eq!(said(&top), "");
        std::fs::remove_dir(top.join("vol")).unwrap();
        std::fs::remove_file(top.join("packages")).unwrap();
        std::fs::create_dir(top.join("packages")).unwrap();
        assert_eq!(said(&top), "");
    }

    /// What is there but cannot be looked at is said as it is: a link that leads round.
    #[test]
    fn what_cannot_be_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().join("koji");
        std::os::unix::fs::symlink(&top, &top).unwrap();
        assert!(said(&top).starts_with("cannot read T: "), "{}", said(&top));
    }

    #[test]
    fn a_file_server_that_is_gone_is_not_waited_for() {
        let (wake, woken) = mpsc::channel::<()>();
        assert_eq!(within(Duration::from_millis(10), move || woken.recv().is_ok()), None);
        drop(wake);
        assert_eq!(within(PATIENCE, || 1), Some(1));
        let silent = MountError::Silent { path: "/mnt/koji".into(), patience: PATIENCE };
        assert_eq!(silent.to_string(), "/mnt/koji does not answer within 30 s");
    }
}
