//! A *lock* keeps a second run out of a compose directory: `logs/global/magudi.lock`, held by the operating system for as
//! long as the process lives, and saying who holds it.
//!
//! The lock is an exclusive `flock` of the whole file, which is its owner's and group's alone. A user who can read a file can
//! lock it too, shared, as `status` does for a moment and as a program that hangs might do for ever; that keeps no run out:
//! a file with none but shared locks is replaced by a new one. A process that has got a lock therefore looks whether it is still
//! that of the file of this name.
//!
//! The file says which process took the lock, and how to know it again: a number alone is that of another process tomorrow.
//! Some file systems have no locks; then what the file says is all there is, and only who says so continues it
//! ([`Locks::Unneeded`]).

use crate::birth::{Birth, NotThere, Process};
use magudi_compose::confined;
use magudi_compose::write::TEMPORARY;
use rustix::io::Errno;
use std::fmt;
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;

/// The file's name, beside the journal.
pub const NAME: &str = "magudi.lock";

/// The file's mode, before the umask.
const MODE: u32 = 0o660;

/// Who only looks at a lock ([`holder`]) has it for a moment: so often is it tried, with such pauses.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(20);

/// The longest file that is read.
const MAX_TEXT: u64 = 1024;

/// Whether a run can do without a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locks {
    /// It cannot.
    Needed,
    /// It can, where the file system has none: somebody sees to it that nothing else runs.
    Unneeded,
}

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder(Option<Record>);

/// What a lock says of its holder.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Record {
    pid: i32,
    host: String,
    /// How to know the process again; older programs did not write that.
    birth: Option<Birth>,
}

/// A lock that cannot be taken.
#[derive(Debug, Error)]
pub enum LockError {
    /// Another run has it.
    #[error("{} is in use by another magudi ({holder})", dir.display())]
    Held {
        /// The directory of the lock.
        dir: PathBuf,
        /// Who, as far as the file says.
        holder: Holder,
    },
    /// The file system has no locks.
    #[error(
        "cannot lock {}: {error}: its file system has no locks, or none left; make sure that no other process uses this compose, and give --no-lock", path.display()
    )]
    NoLocks {
        /// The lock.
        path: PathBuf,
        error: io::Error,
    },
    /// The file system refused.
    #[error("cannot lock {}: {error}", path.display())]
    Io {
        /// The lock.
        path: PathBuf,
        error: io::Error,
    },
}

/// Why a file is not locked.
pub(crate) enum Refusal {
    /// Somebody else has it.
    Taken,
    /// The file system has no locks, or none left.
    NoLocks(io::Error),
    /// Anything else.
    Io(io::Error),
}

impl Refusal {
    /// What became of the attempt to lock a file.
    pub(crate) fn of(error: TryLockError) -> Self {
        const NONE: [Errno; 4] = [Errno::NOLCK, Errno::NOSYS, Errno::OPNOTSUPP, Errno::INVAL];
        match error {
            TryLockError::WouldBlock => Self::Taken,
            TryLockError::Error(error) if NONE.iter().any(|none| Some(none.raw_os_error()) == error.raw_os_error()) => {
                Self::NoLocks(error)
            }
            TryLockError::Error(error) => Self::Io(error),
        }
    }
}

/// A lock that is held until this value is dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
    /// Why there is none.
    missing: Option<io::Error>,
}

impl Lock {
    /// Takes the lock in the directory `dir` for this process.
    pub fn acquire(dir: &Path, host: &str, locks: Locks) -> Result<Self, LockError> {
        let path = dir.join(NAME);
        let io = |error| LockError::Io { path: path.clone(), error };
        for left in (0..TRIES).rev() {
            let file = open(&path).map_err(io)?;
            match file.try_lock().map_err(Refusal::of) {
                Ok(()) if is_at(&file, &path).map_err(io)? => {
                    // One that an older program made is readable by all.
                    keep_from_others(&file);
                    return Self { file, missing: None }.say(host).map_err(io);
                }
                // It has just been replaced.
                Ok(()) => continue,
                Err(Refusal::Taken) if left == 0 => {
                    if file.try_lock_shared().is_ok()
                        && let Some(file) = replace(&path, &file).map_err(io)?
                    {
                        return Self { file, missing: None }.say(host).map_err(io);
                    }
                }
                Err(Refusal::Taken) => {}
                Err(Refusal::NoLocks(error)) if left == 0 && locks == Locks::Unneeded => {
                    return match read_holder(&file) {
                        holder if holder.seems_to_live(host) => Err(LockError::Held { dir: dir.to_path_buf(), holder }),
                        _ => Self { file, missing: Some(error) }.say(host).map_err(io),
                    };
                }
                Err(Refusal::NoLocks(error)) if left == 0 => return Err(LockError::NoLocks { path, error }),
                Err(Refusal::NoLocks(_)) => {}
                Err(Refusal::Io(error)) if error.kind() == io::ErrorKind::Interrupted && left > 0 => {}
                Err(Refusal::Io(error)) => return Err(io(error)),
            }
            std::thread::sleep(PAUSE);
        }
        let holder = open(&path).map_or(Holder(None), |file| read_holder(&file));
        Err(LockError::Held { dir: dir.to_path_buf(), holder })
    }

    /// Why there is no lock, and only the word of the file.
    pub fn missing(&self) -> Option<&io::Error> {
        self.missing.as_ref()
    }

    /// Says who has it. At no moment is the file without a word.
    fn say(self, host: &str) -> io::Result<Self> {
        let record = Record { pid: std::process::id() as i32, host: host.to_owned(), birth: Birth::own() };
        let text = record.to_string();
        self.file.write_all_at(text.as_bytes(), 0)?;
        self.file.set_len(text.len() as u64)?;
        Ok(self)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if self.missing.is_some() {
            // Nothing else says that it is over. What is left names a process that is gone.
            let _ = self.file.set_len(0);
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    confined::open(path, OpenOptions::new().create(true).read(true).write(true).truncate(false).mode(MODE))
}

fn keep_from_others(file: &File) {
    if let Ok(meta) = file.metadata()
        && meta.mode() & 0o007 != 0
    {
        // Only its owner can.
        let _ = file.set_permissions(Permissions::from_mode(meta.mode() & 0o770));
    }
}

/// Whether an open file is the one of this name.
pub(crate) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let (ours, there) = (file.metadata()?, path.symlink_metadata());
    Ok(there.is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())))
}

/// Puts a new file, locked, in the place of one that has shared locks only, `shared` by us too: as long as it is, no one gets
/// the old one. `None` when somebody else was faster.
fn replace(path: &Path, shared: &File) -> io::Result<Option<File>> {
    let next = path.with_file_name(format!("{TEMPORARY}{NAME}"));
    let file = open(&next)?;
    // Who gets this one is the only one that replaces; who died at it has it no longer.
    if file.try_lock().is_err() || !is_at(&file, &next)? {
        return Ok(None);
    }
    if !is_at(shared, path)? {
        fs::remove_file(&next)?;
        return Ok(None);
    }
    fs::rename(&next, path)?;
    Ok(Some(file))
}

/// Who holds the lock in `dir` now; `None` when no one does.
pub fn holder(dir: &Path) -> Option<Holder> {
    let file = confined::open(&dir.join(NAME), OpenOptions::new().read(true)).ok()?;
    match file.try_lock_shared().map_err(Refusal::of) {
        Ok(()) => None,
        Err(Refusal::Taken) => Some(read_holder(&file)),
        // Without locks there is only the word of the file, which its holder takes back at the end.
        Err(_) => Some(read_holder(&file)).filter(|holder| holder.0.is_some() && !holder.is_gone()),
    }
}

fn read_holder(file: &File) -> Holder {
    let mut text = String::new();
    let mut from_start = io::BufReader::new(At(file, 0)).take(MAX_TEXT);
    Holder(from_start.read_to_string(&mut text).ok().and_then(|_| Record::parse(&text)))
}

/// A file, read from its start wherever it stands.
struct At<'a>(&'a File, u64);

impl io::Read for At<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read_at(buffer, self.1)?;
        self.1 += read as u64;
        Ok(read)
    }
}

impl Holder {
    /// Process id and host name, as far as the file says.
    pub fn named(&self) -> Option<(i32, &str)> {
        self.0.as_ref().map(|record| (record.pid, record.host.as_str()))
    }

    /// The process itself, if it is proven to be the one that took the lock on this host, whose name is `host`.
    pub fn process(&self, host: &str) -> Result<Process, NotThere> {
        let record = self.0.as_ref().ok_or(NotThere::Unsaid)?;
        if record.host != host {
            return Err(NotThere::OtherHost(record.host.clone()));
        }
        let birth = record.birth.as_ref().ok_or(NotThere::Unproven)?;
        birth.process(record.pid)
    }

    /// Whether it is certain that the process has ended.
    fn is_gone(&self) -> bool {
        let record = self.0.as_ref();
        record.is_some_and(|record| record.birth.as_ref().is_some_and(|birth| birth.is_over(record.pid)))
    }

    /// Whether somebody else has it who is not proven to have ended, on this host. Other hosts cannot be asked: who does
    /// without locks has said that nothing runs there.
    fn seems_to_live(&self, host: &str) -> bool {
        self.0.as_ref().is_some_and(|record| record.host == host && record.birth.is_some()) && !self.is_gone()
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(record) => write!(f, "process {} on {}", record.pid, record.host),
            None => f.write_str("an unknown process"),
        }
    }
}

/// The first line is all that older programs wrote.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}", self.pid, self.host)?;
        self.birth.iter().try_for_each(|birth| write!(f, "{birth}"))
    }
}

impl Record {
    fn parse(text: &str) -> Option<Self> {
        let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
        let (pid, host) = first.trim().split_once(' ')?;
        let host = host.chars().filter(|c| !c.is_control()).collect();
        Some(Self { pid: pid.parse().ok()?, host, birth: Birth::parse(rest) })
    }
}

#[cfg(test)]
mod tests;
