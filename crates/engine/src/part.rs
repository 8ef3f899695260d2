//! A *part* is as much of a file as has been downloaded: a temporary file beside the final one, hashed as it grows. A
//! download that broke goes on where it stopped, also in a later run.

use crate::digest::{Digests, MultiDigest};
use crate::stop::Stop;
use magudi_compose::beneath;
use magudi_compose::write::TEMPORARY;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes read at once when a part is hashed again.
const CHUNK: usize = 256 * 1024;

/// The least that two processors write and hash at the same time, in bytes.
const LEAST_SHARED: usize = 64 * 1024;

/// A part, locked against other processes that want the same file.
#[derive(Debug)]
pub struct Part {
    path: PathBuf,
    file: File,
    digest: MultiDigest,
    length: u64,
}

impl Part {
    /// Opens the part of the file that will be `destination` and has the checksum `checksum`, in a directory that exists;
    /// what is there already is hashed. A part that another process is at, or one longer than `size`, is left alone or begun
    /// anew.
    pub fn open(
        destination: &Path,
        checksum: &str,
        size: u64,
        digest: impl Fn() -> MultiDigest,
        stop: &Stop,
    ) -> Result<Self, (PathBuf, io::Error)> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let directory = destination.parent().unwrap_or(Path::new("."));
        let name = destination.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let short = checksum.get(..8).unwrap_or(checksum);
        let mut path = directory.join(format!("{TEMPORARY}{short}-{name}.part"));
        let file = loop {
            if let Some(file) = take(&path).map_err(|error| (path.clone(), error))? {
                break file;
            }
            // Another process is at it: a part of our own.
            let number = COUNTER.fetch_add(1, Ordering::Relaxed);
            path = directory.join(format!("{TEMPORARY}{}-{number}-{name}.part", std::process::id()));
        };
        sweep(directory, &name, &path);
        let mut part = Self { path, file, digest: digest(), length: 0 };
        match part.read_back(size, stop) {
            Ok(true) => Ok(part),
            Ok(false) => {
                part.restart(digest()).map_err(|error| (part.path.clone(), error))?;
                Ok(part)
            }
            Err(error) => Err((part.path, error)),
        }
    }

    /// Hashes what is there. False when it is longer than it may be.
    fn read_back(&mut self, size: u64, stop: &Stop) -> io::Result<bool> {
        if self.file.metadata()?.len() > size {
            return Ok(false);
        }
        let mut buffer = vec![0; CHUNK];
        self.file.seek(SeekFrom::Start(0))?;
        loop {
            stop.check()?;
            let n = self.file.read(&mut buffer)?;
            if n == 0 {
                return Ok(true);
            }
            self.digest.update(&buffer[..n]);
            self.length += n as u64;
        }
    }

    /// Throws away what is there.
    pub fn restart(&mut self, digest: MultiDigest) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.digest = digest;
        self.length = 0;
        Ok(())
    }

    /// Bytes so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds the next bytes, in as many pieces as have come. After an error the part must be opened anew.
    pub fn write(&mut self, pieces: &[&[u8]]) -> io::Result<()> {
        let Self { file, digest, .. } = self;
        let length: usize = pieces.iter().map(|piece| piece.len()).sum();
        let mut hash = || pieces.iter().for_each(|piece| digest.update(piece));
        let mut keep = || pieces.iter().try_for_each(|piece| file.write_all(piece));
        if length < LEAST_SHARED {
            keep()?;
            hash();
        } else {
            rayon::in_place_scope(|scope| {
                scope.spawn(move |_| hash());
                keep()
            })?;
        }
        self.length += length as u64;
        Ok(())
    }

    /// The digests of all that is there. Nothing can be added any more, until it is begun anew.
    pub fn digests(&mut self) -> Digests {
        std::mem::take(&mut self.digest).finish()
    }

    /// Puts it in its place.
    pub fn keep(self, destination: &Path) -> io::Result<()> {
        self.file.sync_data()?;
        fs::rename(&self.path, destination)
    }

    /// Removes it.
    pub fn discard(self) {
        // It would only be found wrong again.
        let _ = fs::remove_file(&self.path);
    }
}

/// Opens and locks the part at `path`; `None` when another process has it.
fn take(path: &Path) -> io::Result<Option<File>> {
    loop {
        let file = beneath::open(path, OpenOptions::new().create(true).read(true).write(true).truncate(false))?;
        if file.try_lock().is_err() {
            return Ok(None);
        }
        // Whoever had it in between has put it in its place, where nobody may write any more.
        let (ours, there) = (file.metadata()?, path.symlink_metadata());
        if there.is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())) {
            return Ok(Some(file));
        }
    }
}

/// Removes the parts of the file `name` that processes left which are gone, and those of what it was before, but for `own`.
fn sweep(directory: &Path, name: &str, own: &Path) {
    let suffix = format!("-{name}.part");
    let parts = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    for path in parts.filter(|path| path != own) {
        let is_part = path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with(TEMPORARY) && name.ends_with(&suffix));
        // What cannot be opened or removed harms nobody.
        if is_part && beneath::open(&path, OpenOptions::new().write(true)).is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = fs::remove_file(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn never() -> Stop {
        crate::stop::stop().1
    }

    fn digest() -> MultiDigest {
        MultiDigest::new(["md5"]).unwrap()
    }

    #[test]
    fn goes_on_where_it_stopped() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("a")).unwrap();
        let destination = dir.path().join("a/disk.qcow2");
        let mut part = Part::open(&destination, "900150983cd24fb0", 3, digest, &never()).unwrap();
        part.write(&[b"a", b"b"]).unwrap();
        drop(part);
        let mut part = Part::open(&destination, "900150983cd24fb0", 3, digest, &never()).unwrap();
        assert_eq!(part.length(), 2);
        part.write(&[b"c"]).unwrap();
        assert_eq!(part.digests().values["md5"], "900150983cd24fb0d6963f7d28e17f72");
        part.keep(&destination).unwrap();
        assert_eq!(fs::read(&destination).unwrap(), b"abc");
        assert_eq!(fs::read_dir(dir.path().join("a")).unwrap().count(), 1);
    }

    #[test]
    fn two_at_once_do_not_meet_and_too_much_is_thrown_away() {
        let dir = tempfile::tempdir().unwrap();
        let destination = dir.path().join("disk.qcow2");
        let mut first = Part::open(&destination, "sum", 9, digest, &never()).unwrap();
        first.write(&[b"abcdef"]).unwrap();
        let second = Part::open(&destination, "sum", 9, digest, &never()).unwrap();
        assert_ne!(first.path(), second.path());
        assert_eq!(second.length(), 0);
        drop(first);
        assert_eq!(Part::open(&destination, "sum", 5, digest, &never()).unwrap().length(), 0);
    }

    #[test]
    fn parts_that_nobody_is_at_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let destination = dir.path().join("disk.qcow2");
        let names = || {
            let entries = fs::read_dir(dir.path()).unwrap().flatten();
            let mut names: Vec<String> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        // What a killed process left, what another image has, and what the image was before it was built again.
        for name in [".magudi-99-0-disk.qcow2.part", ".magudi-0ld50000-disk.qcow2.part"] {
            fs::write(dir.path().join(name), "old").unwrap();
        }
        let other = Part::open(&dir.path().join("other.qcow2"), "sum", 9, digest, &never()).unwrap();
        drop(other);
        let first = Part::open(&destination, "sum", 9, digest, &never()).unwrap();
        let second = Part::open(&destination, "sum", 9, digest, &never()).unwrap();
        assert_eq!(names().len(), 3, "{:?}", names());
        drop(second);
        drop(first);
        let first = Part::open(&destination, "sum", 9, digest, &never()).unwrap();
        assert_eq!(names(), [".magudi-sum-disk.qcow2.part", ".magudi-sum-other.qcow2.part"]);
        first.keep(&destination).unwrap();
    }
}
