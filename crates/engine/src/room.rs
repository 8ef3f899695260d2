//! *Room*: whether a file system has as many free bytes as a file needs, asked before it is fetched or copied. A disk that fills up
//! while images come takes with it the journal, the manifests and the report of a compose that is there as well.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// What is left for the journal, the manifests and the report beside a large file, in bytes.
const RESERVE: u64 = 16 << 20;

const MIB: u64 = 1 << 20;

/// A file that a file system has no room for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "no room for {} on the file system {}: it needs {} MiB, but only {} of {} MiB are free; it was not fetched",
    .file.display(), .mount.display(), .needed.div_ceil(MIB), .free / MIB, .total / MIB
)]
pub struct NoRoom {
    /// Where it was to come.
    file: PathBuf,
    /// Where the file system is mounted.
    mount: PathBuf,
    needed: u64,
    free: u64,
    total: u64,
}

impl NoRoom {
    /// Whether it is this machine that lacks something. No disk has room for a size that is larger than all of it: that is a file's own
    /// fault, or the hub's.
    pub fn is_of_machine(&self) -> bool {
        self.needed <= self.total
    }
}

/// The error is that `file`, whose directory need not be there yet, has no room for `bytes` more. A file system that does not say how
/// much it has is given the benefit of the doubt: writing will show.
pub fn check_room(file: &Path, bytes: u64) -> Result<(), NoRoom> {
    check_room_beside(file, bytes, 0)
}

/// The same, where others still need `promised` bytes of what is free.
pub fn check_room_beside(file: &Path, bytes: u64, promised: u64) -> Result<(), NoRoom> {
    let there = file.ancestors().skip(1).find(|directory| directory.is_dir());
    let Some((directory, room)) = there.and_then(|directory| Some((directory, rustix::fs::statvfs(directory).ok()?)))
    else {
        return Ok(());
    };
    let of_blocks = |blocks: u64| blocks.saturating_mul(room.f_frsize);
    let (free, total) = (of_blocks(room.f_bavail).saturating_sub(promised), of_blocks(room.f_blocks));
    if total == 0 || bytes.saturating_add(RESERVE.min(bytes)) <= free {
        return Ok(());
    }
    Err(NoRoom { file: file.to_path_buf(), mount: mount_of(directory), needed: bytes, free, total })
}

/// The highest directory above `directory` that is on the same file system.
fn mount_of(directory: &Path) -> PathBuf {
    let directory = directory.canonicalize().unwrap_or_else(|_| directory.to_path_buf());
    let device = |path: &Path| path.metadata().ok().map(|metadata| metadata.dev());
    let own = device(&directory);
    directory.ancestors().take_while(|path| device(path) == own).last().unwrap_or(&directory).to_path_buf()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_too_large_is_refused_with_the_file_system() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("not/there/yet/disk.qcow2");
        assert_eq!(check_room(&file, 1), Ok(()));
        let room = rustix::fs::statvfs(dir.path()).unwrap();
        let total = room.f_blocks * room.f_frsize;
        let error = check_room(&file, total).unwrap_err();
        assert!(error.is_of_machine() && dir.path().starts_with(&error.mount), "{error:?}");
        let text = error.to_string();
        assert!(text.starts_with(&format!("no room for {} on the file system ", file.display())), "{text}");
        assert!(text.ends_with(&format!(" of {} MiB are free; it was not fetched", total / MIB)), "{text}");
        assert!(!check_room(&file, total + 1).unwrap_err().is_of_machine(), "no disk has that");
        assert!(check_room(&file, u64::MAX).is_err());
        assert!(check_room_beside(&file, 1, total).is_err(), "others need all of it");
    }
}
