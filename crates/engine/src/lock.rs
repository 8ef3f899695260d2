//! A *lock* keeps a second run out of a compose directory: `logs/global/magudi.lock`, held by the operating system for as
//! long as the process lives, and saying who holds it.

use magudi_compose::beneath;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;

/// The file's name, beside the journal.
pub const NAME: &str = "magudi.lock";

/// Who only looks at a lock ([`holder`]) has it for a moment, in which nobody else can: so often is it tried, with such
/// pauses.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(20);

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Process id.
    pub pid: i32,
    /// Host name.
    pub host: String,
}

/// A lock that cannot be had.
#[derive(Debug, Error)]
pub enum LockError {
    /// Another run has it.
    #[error("{} is in use by another magudi{}", dir.display(), shown(holder.as_ref()))]
    Held {
        /// The directory of the lock.
        dir: PathBuf,
        /// Who, as far as the file says.
        holder: Option<Holder>,
    },
    /// The file system refused.
    #[error("cannot lock {}: {error}", path.display())]
    Io {
        /// The lock.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
}

fn shown(holder: Option<&Holder>) -> String {
    holder.map_or_else(String::new, |holder| format!(" (process {} on {})", holder.pid, holder.host))
}

/// A lock that is held until this value is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock in the directory `dir` for this process.
    pub fn acquire(dir: &Path, host: &str) -> Result<Self, LockError> {
        let path = dir.join(NAME);
        let io = |error| LockError::Io { path: path.clone(), error };
        let mut options = OpenOptions::new();
        options.create(true).read(true).write(true).truncate(false);
        let mut file = beneath::open(&path, &mut options).map_err(io)?;
        let mut left = TRIES;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => {
                    left -= 1;
                    if left == 0 {
                        return Err(LockError::Held { dir: dir.to_path_buf(), holder: read_holder(&mut file) });
                    }
                    std::thread::sleep(PAUSE);
                }
                Err(TryLockError::Error(error)) => return Err(io(error)),
            }
        }
        let text = format!("{} {host}\n", std::process::id());
        file.set_len(0).and_then(|()| file.seek(SeekFrom::Start(0))).map_err(io)?;
        file.write_all(text.as_bytes()).map_err(io)?;
        Ok(Self { _file: file })
    }
}

/// Who holds the lock in `dir` now; `None` when nobody does.
pub fn holder(dir: &Path) -> Option<Holder> {
    let mut file = File::open(dir.join(NAME)).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => read_holder(&mut file),
        _ => None,
    }
}

fn read_holder(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.take(300).read_to_string(&mut text).ok()?;
    let (pid, host) = text.trim().split_once(' ')?;
    Some(Holder { pid: pid.parse().ok()?, host: host.chars().filter(|c| !c.is_control()).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_one_is_told_who_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(holder(dir.path()), None);
        let lock = Lock::acquire(dir.path(), "builder.example.com").unwrap();
        let error = Lock::acquire(dir.path(), "other").unwrap_err().to_string();
        assert!(error.contains(&format!("process {} on builder.example.com", std::process::id())), "{error}");
        assert_eq!(holder(dir.path()).unwrap().host, "builder.example.com");
        drop(lock);
        assert_eq!(holder(dir.path()), None);
        Lock::acquire(dir.path(), "other").unwrap();
    }

    #[test]
    fn who_only_looks_keeps_nobody_out() {
        let dir = tempfile::tempdir().unwrap();
        drop(Lock::acquire(dir.path(), "builder.example.com").unwrap());
        let looking = File::open(dir.path().join(NAME)).unwrap();
        looking.try_lock_shared().unwrap();
        let looked = std::thread::spawn(move || {
            std::thread::sleep(PAUSE);
            drop(looking);
        });
        Lock::acquire(dir.path(), "other").unwrap();
        looked.join().unwrap();
    }
}
