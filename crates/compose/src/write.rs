//! An *atomic write* replaces a file in one step: readers see the old text or the new one, whenever the program dies.

use crate::pyjson;
use magudi_config::regular;
use rustix::fs::OFlags;
use serde::Serialize;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// A file that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct WriteError {
    pub path: PathBuf,
    pub source: io::Error,
}

/// How the names of our temporary files begin, wherever in a compose they are.
pub const TEMPORARY: &str = ".magudi-";

/// Bytes that are written at once of what is made piece by piece.
const BUFFER: usize = 64 * 1024;

/// Writes `bytes` to `path`: into a temporary file beside it, to the disk, then over `path`, and the directory to the disk.
/// The mode is 0666 without the umask's bits, as of a file that was simply created. The directory must exist.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    replace(path, true, |file| file.write_all(bytes))
}

/// Writes what `fill` gives, as [`write_atomic`] writes bytes: for what is large and made piece by piece.
pub fn write_atomic_with(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&mut File>) -> io::Result<()>,
) -> Result<(), WriteError> {
    replace(path, true, |file| {
        let mut out = BufWriter::with_capacity(BUFFER, file);
        fill(&mut out)?;
        out.flush()
    })
}

/// Writes what `fill` gives to a path that a person names: to the file that a link leads to, and into what is no file, such as a
/// terminal, a pipe or a device. Not for paths in a compose, where somebody may have planted a link.
pub fn write_named_with(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), WriteError> {
    let failed = |source| WriteError { path: path.to_path_buf(), source };
    match fs::metadata(path) {
        Ok(there) if there.is_file() => {
            let file = fs::canonicalize(path).map_err(failed)?;
            write_atomic_with(&file, |out| fill(out))
        }
        Err(_) if !path.is_symlink() => write_atomic_with(path, |out| fill(out)),
        // What is no file is there; a link may lead nowhere yet.
        there => {
            let into = || -> io::Result<()> {
                let file = OpenOptions::new().write(true).create(there.is_err()).open(path)?;
                let mut out = BufWriter::with_capacity(BUFFER, file);
                fill(&mut out)?;
                out.flush()
            };
            into().map_err(failed)
        }
    }
}

fn replace(path: &Path, to_disk: bool, fill: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), WriteError> {
    let attempt = || {
        let dir = match path.parent() {
            Some(dir) if !dir.as_os_str().is_empty() => dir,
            _ => Path::new("."),
        };
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o666);
        let mut builder = tempfile::Builder::new();
        // Made and written by ourselves: errors are to name the file that is meant, not the temporary one.
        let mut file = builder.prefix(TEMPORARY).suffix(".tmp").make_in(dir, |path| options.open(path))?;
        fill(file.as_file_mut())?;
        if to_disk {
            file.as_file().sync_all()?;
        }
        file.persist(path).map_err(|failed| failed.error)?;
        if to_disk {
            sync_dir(dir)?;
        }
        Ok(())
    };
    attempt().map_err(|source| WriteError { path: path.to_path_buf(), source: plain(source) })
}

/// An error without the name of the temporary file, which is gone and says nothing to anybody.
fn plain(error: io::Error) -> io::Error {
    match error.to_string().split_once(" at path ") {
        Some((reason, _)) => io::Error::new(error.kind(), reason.to_owned()),
        None => error,
    }
}

/// Returns when the names in a directory are on the disk: a file that was made or renamed in it may have its old name, or
/// none, after a power cut before that.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    match File::open(dir)?.sync_all() {
        // Some network file systems cannot, and need not.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        other => other,
    }
}

/// Many small files that are written together, and brought to the disk together at the end: a sync for each of 100,000 sum
/// files would take longer than the compose.
#[derive(Debug)]
pub struct Batch<'a> {
    dir: &'a Path,
    /// Whether the last file was there already: the next one is most likely, too.
    was_there: AtomicBool,
}

impl<'a> Batch<'a> {
    /// A batch of files below `dir`.
    pub fn new(dir: &'a Path) -> Self {
        Self { dir, was_there: AtomicBool::new(false) }
    }

    /// Writes one file. One that has this text already stays as it is: a run that continues another one finds most of them so,
    /// and to look is a tenth of the work of writing. Of one that has another text, readers see that or the new one. A new
    /// one is written in its place, in half the time: nobody counts on it before the batch is finished, and who continues a
    /// run that was killed looks at its text.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
        if !self.was_there.load(Ordering::Relaxed) {
            match create(path, bytes) {
                Err(error) if error.source.kind() == io::ErrorKind::AlreadyExists => {
                    self.was_there.store(true, Ordering::Relaxed);
                }
                written => return written,
            }
        }
        match reads_as(path, bytes) {
            Ok(true) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.was_there.store(false, Ordering::Relaxed);
                create(path, bytes)
            }
            _ => replace(path, false, |file| file.write_all(bytes)),
        }
    }

    /// Returns when everything written is on the disk.
    pub fn finish(self) -> Result<(), WriteError> {
        sync_file_system(self.dir)
    }
}

/// Returns when everything is on the disk that was written to the file system of a directory. An error is told only once.
pub fn sync_file_system(dir: &Path) -> Result<(), WriteError> {
    let synced = File::open(dir).and_then(|dir| rustix::fs::syncfs(dir).map_err(io::Error::from));
    synced.map_err(|source| WriteError { path: dir.to_path_buf(), source })
}

/// Whether the file `path` has just these bytes, and is no link to one that has. Its name may not be on the disk yet.
fn reads_as(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    let mut file = regular::open_with(path, OpenOptions::new().read(true), OFlags::NOFOLLOW)?;
    // One read is enough for what is short: it says with a byte too few or too many that the file has another size.
    let mut there = vec![0; bytes.len() + 1];
    let read = file.read(&mut there)?;
    Ok(there[..read] == *bytes)
}

/// Writes a file that is not there yet. What could not be written as a whole is taken away again.
fn create(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let attempt = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o666).open(path)?;
        file.write_all(bytes).inspect_err(|_| {
            // It is the first error that counts.
            let _ = fs::remove_file(path);
        })
    };
    attempt().map_err(|source| WriteError { path: path.to_path_buf(), source })
}

/// Writes a manifest: `value` as [`pyjson::to_writer`] writes it, atomically.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), WriteError> {
    write_atomic_with(path, |out| Ok(pyjson::to_writer(out, value)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    #[test]
    fn a_batch_is_all_there_at_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let batch = Batch::new(dir.path());
        for n in 0..3 {
            batch.write(&dir.path().join(format!("{n}")), b"text").unwrap();
        }
        batch.finish().unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
    }

    #[test]
    fn a_batch_leaves_what_stands_and_replaces_the_rest() {
        let names = ["same", "torn", "longer", "new", "link", "loose", "newer"];
        // What came before a file says nothing of it.
        for first in 0..names.len() {
            let dir = tempfile::tempdir().unwrap();
            let place = |name: &str| dir.path().join(name);
            fs::write(place("same"), "text").unwrap();
            fs::write(place("torn"), "te\0\0").unwrap();
            fs::write(place("longer"), "text and more").unwrap();
            symlink(place("same"), place("link")).unwrap();
            symlink(place("nowhere"), place("loose")).unwrap();
            let inode = fs::metadata(place("same")).unwrap().ino();
            let batch = Batch::new(dir.path());
            for name in names.iter().cycle().skip(first).take(names.len()) {
                batch.write(&place(name), b"text").unwrap();
                assert_eq!(fs::read(place(name)).unwrap(), b"text", "{name}");
                assert!(fs::symlink_metadata(place(name)).unwrap().is_file(), "{name}");
            }
            assert_eq!(fs::metadata(place("same")).unwrap().ino(), inode, "it was written again");
            assert!(!place("nowhere").exists());
            batch.finish().unwrap();
        }
    }

    #[test]
    fn replaces_and_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("images.json");
        fs::write(dir.path().join("plain"), "").unwrap();
        write_atomic(&path, b"old, and longer").unwrap();
        write_atomic(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        let mode = |name: &str| fs::metadata(dir.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode("images.json"), mode("plain"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn says_which_file_failed() {
        let dir = tempfile::tempdir().unwrap();
        let error = write_atomic(&dir.path().join("no/such/file"), b"").unwrap_err();
        let text = error.to_string();
        assert!(text.contains("no/such/file: ") && !text.contains(TEMPORARY), "{text}");
    }
}
