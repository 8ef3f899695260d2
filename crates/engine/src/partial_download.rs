//! A *part* is as much of a file as has been downloaded: a temporary file beside the final one, hashed as it grows. A
//! download that broke continues where it stopped, also in a later run.

use crate::digest::{Digests, MultiDigest};
use crate::lock::{Refusal, is_at};
use crate::stop::Stop;
use magudi_compose::confined;
use magudi_compose::write::TEMPORARY;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempPath;

/// Bytes read at once when a part is hashed again.
const CHUNK: usize = 256 * 1024;

/// The least that two processors write and hash at the same time, in bytes.
const LEAST_SHARED: usize = 64 * 1024;

/// How often a part is opened again that has been put in its place meanwhile, before that is an error.
const TRIES: usize = 10;

/// How old a part is that its process has left, where no lock can tell.
const LEFT: Duration = Duration::from_secs(24 * 60 * 60);

/// A part, locked against other processes that want the same file.
#[derive(Debug)]
pub struct PartialDownload {
    path: PathBuf,
    file: File,
    digest: MultiDigest,
    length: u64,
    /// One that no later run continues: it goes away with this value.
    own: Option<TempPath>,
}

#[derive(Debug)]
pub enum Claim {
    Ours(PartialDownload),
    /// Another process is at it.
    Theirs,
    /// The file system has no locks, for this reason: it cannot be known.
    Unknown(io::Error),
}

/// What is to become of a part.
pub struct Goal<'a> {
    /// The file that it will be, in a directory that exists.
    pub destination: &'a Path,
    pub checksum: &'a str,
    pub size: u64,
    /// The digests to begin with.
    pub digest: &'a dyn Fn() -> MultiDigest,
}

impl std::fmt::Debug for Goal<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Goal").field("destination", &self.destination).finish_non_exhaustive()
    }
}

/// A path, and what happened to it.
pub type PathError = (PathBuf, io::Error);

impl Goal<'_> {
    fn directory(&self) -> &Path {
        self.destination.parent().unwrap_or(Path::new("."))
    }

    fn name(&self) -> String {
        self.destination.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// Where the part is that all processes share.
    pub fn path(&self) -> PathBuf {
        let short = self.checksum.get(..8).unwrap_or(self.checksum);
        self.directory().join(format!("{TEMPORARY}{short}-{}.part", self.name()))
    }

    /// Claims the part that all processes share; what is there already is hashed. One longer than the file is begun again.
    pub fn claim(&self, stop: &Stop) -> Result<Claim, PathError> {
        let path = self.path();
        match take(&path).map_err(|error| (path.clone(), error))? {
            Taken::Ours(file) => self.begin(path, file, None, stop).map(Claim::Ours),
            Taken::Theirs => Ok(Claim::Theirs),
            Taken::Unknown(error) => Ok(Claim::Unknown(error)),
        }
    }

    /// A part of our own, that no other process can be at.
    pub fn apart(&self, stop: &Stop) -> Result<PartialDownload, PathError> {
        let suffix = format!("-{}.part", self.name());
        let mut builder = tempfile::Builder::new();
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        let made = builder.prefix(TEMPORARY).suffix(&suffix).make_in(self.directory(), |path| options.open(path));
        let (file, path) = made.map_err(|error| (self.path(), error))?.into_parts();
        // Where there are locks it keeps others from taking it for one that was left.
        let _ = file.try_lock();
        self.begin(path.to_path_buf(), file, Some(path), stop)
    }

    fn begin(
        &self,
        path: PathBuf,
        file: File,
        own: Option<TempPath>,
        stop: &Stop,
    ) -> Result<PartialDownload, PathError> {
        sweep(self.directory(), &self.name(), &path);
        let mut part = PartialDownload { path, file, digest: (self.digest)(), length: 0, own };
        match part.read_back(self.size, stop) {
            Ok(true) => Ok(part),
            Ok(false) => {
                part.restart((self.digest)()).map_err(|error| (part.path.clone(), error))?;
                Ok(part)
            }
            Err(error) => Err((part.path, error)),
        }
    }
}

impl PartialDownload {
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

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds the next bytes, in as many pieces as have come. After an error the part must be opened again.
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

    /// The digests of all that is there. Nothing can be added any more, until it is begun again.
    pub fn digests(&mut self) -> Digests {
        std::mem::take(&mut self.digest).finish()
    }

    /// Puts it in its place.
    pub fn keep(self, destination: &Path) -> io::Result<()> {
        self.file.sync_data()?;
        fs::rename(&self.path, destination)?;
        // Nothing is there any more that could be removed.
        self.own.map_or(Ok(()), |own| own.keep().map(drop).map_err(|error| error.error))
    }

    /// Removes it.
    pub fn discard(self) {
        // It would only be found wrong again.
        let _ = fs::remove_file(&self.path);
    }
}

/// What became of the attempt to lock a part.
enum Taken {
    Ours(File),
    Theirs,
    Unknown(io::Error),
}

/// Opens and locks the part at `path`.
fn take(path: &Path) -> io::Result<Taken> {
    for _ in 0..TRIES {
        let file = confined::open(path, OpenOptions::new().create(true).read(true).write(true).truncate(false))?;
        match file.try_lock().map_err(Refusal::of) {
            // The process that had it in between has put it in its place, where it may not be written any more.
            Ok(()) if is_at(&file, path)? => return Ok(Taken::Ours(file)),
            Ok(()) => {}
            Err(Refusal::Taken) => return Ok(Taken::Theirs),
            Err(Refusal::NoLocks(error)) => {
                if file.metadata()?.len() == 0 {
                    // It was only made to be locked. What cannot be removed does no harm.
                    let _ = fs::remove_file(path);
                }
                return Ok(Taken::Unknown(error));
            }
            Err(Refusal::Io(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(Refusal::Io(error)) => return Err(error),
        }
    }
    Err(io::Error::other("another process keeps replacing it"))
}

/// Whether a process is at the part at `path`.
pub fn is_taken(path: &Path) -> bool {
    let opened = confined::open(path, OpenOptions::new().read(true));
    opened.is_ok_and(|file| matches!(file.try_lock_shared().map_err(Refusal::of), Err(Refusal::Taken)))
}

/// Removes the parts of the file `name` that processes left which are gone, and those of what it was before, but for `own`.
fn sweep(directory: &Path, name: &str, own: &Path) {
    let suffix = format!("-{name}.part");
    let parts = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    for path in parts.filter(|path| path != own) {
        // What stands in between has no hyphen; else it is a part of another file, whose name ends like this one.
        let part = path.file_name().and_then(|name| name.to_str());
        let between = part.and_then(|part| part.strip_prefix(TEMPORARY)?.strip_suffix(&suffix));
        let is_part = between.is_some_and(|word| !word.contains('-'));
        if is_part && confined::open(&path, OpenOptions::new().write(true)).is_ok_and(|file| was_left(&file)) {
            // What cannot be removed does no harm.
            let _ = fs::remove_file(&path);
        }
    }
}

/// Whether no process is at a part any more.
fn was_left(file: &File) -> bool {
    match file.try_lock().map_err(Refusal::of) {
        Ok(()) => true,
        Err(Refusal::NoLocks(_)) => {
            let modified = file.metadata().and_then(|meta| meta.modified()).ok();
            modified.and_then(|time| time.elapsed().ok()).is_some_and(|age| age > LEFT)
        }
        Err(_) => false,
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

    fn goal<'a>(destination: &'a Path, checksum: &'a str, size: u64) -> Goal<'a> {
        Goal { destination, checksum, size, digest: &digest }
    }

    fn ours(goal: &Goal<'_>) -> PartialDownload {
        match goal.claim(&never()).unwrap() {
            Claim::Ours(part) => part,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn goes_on_where_it_stopped() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("a")).unwrap();
        let destination = dir.path().join("a/disk.qcow2");
        let goal = goal(&destination, "900150983cd24fb0", 3);
        let mut part = ours(&goal);
        part.write(&[b"a", b"b"]).unwrap();
        drop(part);
        let mut part = ours(&goal);
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
        let wanted = goal(&destination, "sum", 9);
        let mut first = ours(&wanted);
        first.write(&[b"abcdef"]).unwrap();
        assert!(matches!(wanted.claim(&never()).unwrap(), Claim::Theirs));
        let second = wanted.apart(&never()).unwrap();
        assert_ne!(first.path(), second.path());
        assert_eq!(second.length(), 0);
        drop(first);
        assert_eq!(ours(&goal(&destination, "sum", 5)).length(), 0);
    }

    #[test]
    fn one_of_our_own_is_kept_or_goes_away() {
        let dir = tempfile::tempdir().unwrap();
        let destination = dir.path().join("disk.qcow2");
        let wanted = goal(&destination, "sum", 9);
        let mut part = wanted.apart(&never()).unwrap();
        part.write(&[b"abc"]).unwrap();
        drop(part);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        let mut part = wanted.apart(&never()).unwrap();
        part.write(&[b"abc"]).unwrap();
        part.keep(&destination).unwrap();
        assert_eq!(fs::read(&destination).unwrap(), b"abc");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
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
        for name in [".magudi-a1B2c3-disk.qcow2.part", ".magudi-0ld50000-disk.qcow2.part"] {
            fs::write(dir.path().join(name), "old").unwrap();
        }
        // The name of the other one ends like this one's.
        let other = dir.path().join("other-disk.qcow2");
        drop(ours(&goal(&other, "sum", 9)));
        let wanted = goal(&destination, "sum", 9);
        let first = ours(&wanted);
        let second = wanted.apart(&never()).unwrap();
        assert_eq!(names().len(), 3, "{:?}", names());
        drop(second);
        drop(first);
        let first = ours(&wanted);
        assert_eq!(names(), [".magudi-sum-disk.qcow2.part", ".magudi-sum-other-disk.qcow2.part"]);
        first.keep(&destination).unwrap();
    }
}
