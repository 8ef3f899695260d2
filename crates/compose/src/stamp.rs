//! A *stamp* is taken of a file before it is read: while the file has the same one, it need not be read again.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// What a file is known by without reading it. Files that are not there are all alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stamp(Option<Known>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    device: u64,
    inode: u64,
    bytes: u64,
    /// Seconds and nanoseconds; the change too, which nobody can set.
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// That of the file at `path` now.
    pub fn of(path: &Path) -> Self {
        Self(fs::metadata(path).ok().map(|meta| Known {
            device: meta.dev(),
            inode: meta.ino(),
            bytes: meta.len(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_grows_or_is_replaced_has_another_stamp() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let mut stamps = vec![Stamp::of(&path)];
        fs::write(&path, "a").unwrap();
        stamps.push(Stamp::of(&path));
        assert_eq!(stamps[1], Stamp::of(&path));
        fs::write(&path, "ab").unwrap();
        stamps.push(Stamp::of(&path));
        // Of the same length, and another file.
        fs::write(dir.path().join("other"), "ab").unwrap();
        fs::rename(dir.path().join("other"), &path).unwrap();
        stamps.push(Stamp::of(&path));
        for (number, stamp) in stamps.iter().enumerate() {
            assert!(!stamps[..number].contains(stamp), "{number}");
        }
    }
}
