//! A *part* is as much of a file as has been downloaded: a temporary file beside the final one, hashed as it grows. A
//! download that broke goes on where it stopped, also in a later run.

use crate::digest::{Digests, MultiDigest};
use magudi_compose::beneath;
use magudi_compose::write::TEMPORARY;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes read at once when a part is hashed again.
const CHUNK: usize = 256 * 1024;

/// A part in progress, locked against other processes that want the same file.
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
    ) -> Result<Self, (PathBuf, io::Error)> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let directory = destination.parent().unwrap_or(Path::new("."));
        let name = destination.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let short = checksum.get(..8).unwrap_or(checksum);
        let shared = directory.join(format!("{TEMPORARY}{short}-{name}.part"));
        let open =
            |path: &Path| beneath::open(path, OpenOptions::new().create(true).read(true).write(true).truncate(false));
        let mut path = shared;
        let mut file = open(&path).map_err(|error| (path.clone(), error))?;
        if file.try_lock().is_err() {
            let number = COUNTER.fetch_add(1, Ordering::Relaxed);
            path = directory.join(format!("{TEMPORARY}{}-{number}-{name}.part", std::process::id()));
            file = open(&path).map_err(|error| (path.clone(), error))?;
            file.set_len(0).map_err(|error| (path.clone(), error))?;
        }
        let mut part = Self { path, file, digest: digest(), length: 0 };
        match part.read_back(size) {
            Ok(true) => Ok(part),
            Ok(false) => {
                part.restart(digest()).map_err(|error| (part.path.clone(), error))?;
                Ok(part)
            }
            Err(error) => Err((part.path, error)),
        }
    }

    /// Hashes what is there. False when it is longer than it may be.
    fn read_back(&mut self, size: u64) -> io::Result<bool> {
        if self.file.metadata()?.len() > size {
            return Ok(false);
        }
        let mut buffer = vec![0; CHUNK];
        self.file.seek(SeekFrom::Start(0))?;
        loop {
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

    /// Adds the next bytes.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.digest.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// The digests of a part that is whole, and what is left to do with it.
    pub fn whole(self) -> (Digests, WholePart) {
        (self.digest.finish(), WholePart { path: self.path, file: self.file })
    }
}

/// A part that has all its bytes.
#[derive(Debug)]
pub struct WholePart {
    path: PathBuf,
    file: File,
}

impl WholePart {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn digest() -> MultiDigest {
        MultiDigest::new(["md5"]).unwrap()
    }

    #[test]
    fn goes_on_where_it_stopped() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("a")).unwrap();
        let destination = dir.path().join("a/disk.qcow2");
        let mut part = Part::open(&destination, "900150983cd24fb0", 3, digest).unwrap();
        part.write(b"ab").unwrap();
        drop(part);
        let mut part = Part::open(&destination, "900150983cd24fb0", 3, digest).unwrap();
        assert_eq!(part.length(), 2);
        part.write(b"c").unwrap();
        let (digests, whole) = part.whole();
        assert_eq!(digests.values["md5"], "900150983cd24fb0d6963f7d28e17f72");
        whole.keep(&destination).unwrap();
        assert_eq!(fs::read(&destination).unwrap(), b"abc");
        assert_eq!(fs::read_dir(dir.path().join("a")).unwrap().count(), 1);
    }

    #[test]
    fn two_at_once_do_not_meet_and_too_much_is_thrown_away() {
        let dir = tempfile::tempdir().unwrap();
        let destination = dir.path().join("disk.qcow2");
        let mut first = Part::open(&destination, "sum", 9, digest).unwrap();
        first.write(b"abcdef").unwrap();
        let second = Part::open(&destination, "sum", 9, digest).unwrap();
        assert_ne!(first.path(), second.path());
        assert_eq!(second.length(), 0);
        drop(first);
        assert_eq!(Part::open(&destination, "sum", 5, digest).unwrap().length(), 0);
    }
}
