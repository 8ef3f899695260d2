//! The *volume* is the directory that a hub keeps its files in: images of builds, and what was only tried. What else it
//! serves as files is described, and is in no directory ([`Source::Text`]).

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Cursor, Read, Seek, Write as _};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use crate::clock::Micros;
use crate::names;

/// The name of the first volume.
pub(crate) const DEFAULT_VOLUME: &str = "DEFAULT";

/// Modification time of every image, in seconds since 1970 (facts: recordings 3).
pub(crate) const IMAGE_MTIME: u64 = 1_700_000_000;

/// A directory laid out as Koji's `/mnt/koji`.
#[derive(Debug, Clone)]
pub(crate) struct Volume {
    topdir: PathBuf,
}

/// A file that a task leaves, as its builder describes it ([`Builder::outputs`](crate::builders::Builder::outputs)).
#[derive(Debug, Clone)]
pub(crate) struct Output {
    /// A file name.
    pub(crate) name: String,
    /// The directory below the volume that the hub has moved it to. From the task's output a link leads there.
    pub(crate) moved_to: Option<String>,
    pub(crate) source: Source,
}

/// Where the content of such a file comes from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// It follows from what the hub knows, and is made whenever it is asked for. A builder wrote it at `time`.
    Text { text: Bytes, time: Micros },
    /// It is a file on the volume.
    File,
}

impl Output {
    pub(crate) fn text(name: impl Into<String>, text: impl Into<Bytes>, time: Micros) -> Self {
        Self { name: name.into(), moved_to: None, source: Source::Text { text: text.into(), time } }
    }

    /// Where it lies below the volume, in the output of `task` or where it was moved to.
    pub(crate) fn path(&self, task: i64) -> String {
        format!("{}/{}", self.moved_to.clone().unwrap_or_else(|| Volume::task_dir(task)), self.name)
    }
}

/// What a list says of a file of a task's output.
#[derive(Debug, Clone)]
pub(crate) struct OutputFile {
    /// Its path below the task's directory.
    pub(crate) name: String,
    /// Bytes.
    pub(crate) size: u64,
    /// Access, change and modification time in seconds since 1970; they are one and the same here.
    pub(crate) time: f64,
}

/// What can be read from any place on.
pub(crate) trait Readable: Read + Seek + Send {}

impl<T: Read + Seek + Send> Readable for T {}

/// A file that can be read, wherever it comes from.
pub(crate) struct Opened {
    pub(crate) reader: Box<dyn Readable>,
    /// Bytes.
    pub(crate) size: u64,
    pub(crate) modified: SystemTime,
}

impl Opened {
    /// A text that is on no disk.
    pub(crate) fn text(text: Bytes, time: Micros) -> Self {
        let modified = UNIX_EPOCH + Duration::from_micros(u64::try_from(time).unwrap_or_default());
        Self { size: text.len() as u64, reader: Box::new(Cursor::new(text)), modified }
    }
}

impl Volume {
    /// The volume in `topdir`.
    pub(crate) fn new(topdir: PathBuf) -> Self {
        Self { topdir }
    }

    pub(crate) fn topdir(&self) -> &Path {
        &self.topdir
    }

    /// Where a build lies, below the first volume. The parts are file names.
    pub(crate) fn build_dir(volume: Option<&str>, name: &str, version: &str, release: &str) -> String {
        let dir = format!("packages/{name}/{version}/{release}");
        match volume.filter(|volume| *volume != DEFAULT_VOLUME) {
            Some(volume) => format!("vol/{volume}/{dir}"),
            None => dir,
        }
    }

    /// Where its images lie.
    pub(crate) fn image_dir(volume: Option<&str>, name: &str, version: &str, release: &str) -> String {
        format!("{}/images", Self::build_dir(volume, name, version, release))
    }

    /// Where the results of a task lie that is only tried.
    pub(crate) fn scratch_dir(owner: &str, task: i64) -> String {
        format!("scratch/{owner}/task_{task}")
    }

    /// Where a task's output lies, below the volume.
    pub(crate) fn task_dir(task: i64) -> String {
        format!("work/tasks/{}/{task}", task.rem_euclid(10_000))
    }

    /// Writes an image, unless it lies there already: a build of the same name and version makes the same file. It is
    /// `size` bytes long; what `content` has not is zeros, which take no room on the disk.
    pub(crate) fn write_image(&self, dir: &str, filename: &str, content: &[u8], size: u64) -> io::Result<()> {
        let path = self.topdir.join(dir).join(filename);
        self.write(&path, content, size, UNIX_EPOCH + Duration::from_secs(IMAGE_MTIME))
    }

    /// Puts a link into a task's output that leads to a file in `dir`, as a hub does with what it has moved there.
    pub(crate) fn link_output(&self, task: i64, dir: &str, name: &str) -> io::Result<()> {
        // From work/tasks/NNNN/TASK to the top.
        let target = Path::new("../../../..").join(dir).join(name);
        let link = self.output_path(task, name);
        let make = || std::os::unix::fs::symlink(&target, &link);
        // Most are new.
        self.in_directory(&link, make).or_else(|error| match error.kind() {
            io::ErrorKind::AlreadyExists if fs::read_link(&link).is_ok_and(|old| old == target) => Ok(()),
            io::ErrorKind::AlreadyExists => fs::remove_file(&link).and_then(|()| make()),
            _ => Err(error),
        })
    }

    /// The files that lie in a task's directory, sorted by name.
    pub(crate) fn files_of_task(&self, task: i64) -> Vec<OutputFile> {
        let Ok(entries) = fs::read_dir(self.topdir.join(Self::task_dir(task))) else {
            return Vec::new();
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let names = names.filter(|name| !name.starts_with('.'));
        let mut files: Vec<OutputFile> =
            names.filter_map(|name| self.file(&format!("{}/{name}", Self::task_dir(task)), name)).collect();
        files.sort_by(|a, b| a.name.cmp(&b.name));
        files
    }

    /// What a list calls `name` of the file at `path` below the volume, if there is one.
    pub(crate) fn file(&self, path: &str, name: String) -> Option<OutputFile> {
        // What was moved to another place left a link.
        let meta = fs::metadata(self.topdir.join(path)).ok().filter(fs::Metadata::is_file)?;
        let since = meta.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(OutputFile { name, size: meta.len(), time: since.as_secs_f64() })
    }

    /// Opens the regular file at `path` below the volume. Links may lead anywhere inside, nowhere outside.
    pub(crate) fn open(&self, path: &str) -> io::Result<Opened> {
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        let mut relative = PathBuf::new();
        for part in path.split('/').filter(|part| !part.is_empty()) {
            if !names::is_file_name(part) || !matches!(Path::new(part).components().next(), Some(Component::Normal(_)))
            {
                return Err(missing());
            }
            relative.push(part);
        }
        let real = self.topdir.join(&relative).canonicalize()?;
        if !real.starts_with(&self.topdir) {
            return Err(missing());
        }
        let meta = fs::metadata(&real)?;
        if !meta.is_file() {
            return Err(if meta.is_dir() { io::ErrorKind::PermissionDenied.into() } else { missing() });
        }
        let modified = meta.modified().unwrap_or(UNIX_EPOCH);
        Ok(Opened { reader: Box::new(File::open(&real)?), size: meta.len(), modified })
    }

    /// Writes a file, unless it holds this already. One that holds something else is not changed, because of hard links to it, but
    /// replaced; no one reads half of what replaces it.
    fn write(&self, path: &Path, content: &[u8], size: u64, mtime: SystemTime) -> io::Result<()> {
        let fill = |mut file: File| {
            file.write_all(content)?;
            if size != content.len() as u64 {
                file.set_len(size)?;
            }
            file.set_modified(mtime)
        };
        let create = || File::options().write(true).create_new(true).open(path);
        // A new file is not asked for before its task says that it is there.
        match self.in_directory(path, create) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => return fill(created?),
        }
        if holds(path, content, size).unwrap_or(false) {
            return Ok(());
        }
        // Names with a dot in front are neither served nor listed.
        let mut name = OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        let temporary = path.with_file_name(name);
        match File::create(&temporary) {
            Ok(file) => {
                fill(file)?;
                // Some file systems wait for the disk when a file is replaced; a new one costs nothing.
                fs::remove_file(path)?;
                fs::rename(temporary, path)
            }
            // A name of the greatest length has no room for the dot; such a file is written in place.
            Err(error) if error.kind() == io::ErrorKind::InvalidFilename => {
                fs::remove_file(path)?;
                fill(create()?)
            }
            Err(error) => Err(error),
        }
    }

    /// Makes `path` by `make`, which is tried before its directory is made: most directories are there. A new build has none of
    /// its own, so they are made from the top.
    fn in_directory<T>(&self, path: &Path, make: impl Fn() -> io::Result<T>) -> io::Result<T> {
        match make() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            made => return made,
        }
        let below = path.parent().and_then(|dir| dir.strip_prefix(&self.topdir).ok()).unwrap_or(Path::new(""));
        let mut dir = self.topdir.clone();
        for part in below {
            dir.push(part);
            match fs::create_dir(&dir) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => made?,
            }
        }
        make()
    }

    /// The path of a file of a task's output; `name` is a file name.
    fn output_path(&self, task: i64, name: &str) -> PathBuf {
        self.topdir.join(Self::task_dir(task)).join(name)
    }
}

/// Whether a file is this long and begins with this; only the hub writes here, so the zeros that follow are not looked at.
fn holds(path: &Path, content: &[u8], size: u64) -> io::Result<bool> {
    let mut file = File::open(path)?;
    if file.metadata()?.len() != size {
        return Ok(false);
    }
    let mut begin = vec![0; content.len()];
    Ok(file.read_exact(&mut begin).is_ok() && begin == content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_that_lies_there_stays() {
        let dir = tempfile::tempdir().unwrap();
        let volume = Volume::new(dir.path().to_path_buf());
        let images = Volume::image_dir(None, "n", "1", "2");
        let path = dir.path().join(&images).join("f");
        volume.write_image(&images, "f", b"one", 3).unwrap();
        let mtime = fs::metadata(&path).unwrap().modified().unwrap();
        assert_eq!(mtime, UNIX_EPOCH + Duration::from_secs(IMAGE_MTIME));
        fs::hard_link(&path, dir.path().join("link")).unwrap();
        volume.write_image(&images, "f", b"one", 3).unwrap();
        assert!(same_file(&path, &dir.path().join("link")));
        volume.write_image(&images, "f", b"two", 3).unwrap();
        assert_eq!(fs::read(dir.path().join("link")).unwrap(), b"one");
        assert_eq!(fs::read(&path).unwrap(), b"two");
        volume.write_image(&images, "f", b"two", 1 << 32).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), 1 << 32);
        volume.write_image(&images, "f", b"two", 3).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
    }

    fn same_file(a: &Path, b: &Path) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        fs::metadata(a).unwrap().ino() == fs::metadata(b).unwrap().ino()
    }

    #[test]
    fn the_longest_names_can_be_written() {
        let dir = tempfile::tempdir().unwrap();
        let volume = Volume::new(dir.path().to_path_buf());
        let name = "x".repeat(255);
        volume.write_image(&Volume::task_dir(20_001), &name, b"1234", 4).unwrap();
        let outputs = volume.files_of_task(20_001);
        assert_eq!((outputs[0].name.as_str(), outputs[0].size), (name.as_str(), 4));
        assert!(dir.path().join("work/tasks/1/20001").is_dir());
        assert!(volume.files_of_task(7).is_empty());
    }

    #[test]
    fn nothing_outside_of_the_volume() {
        let dir = tempfile::tempdir().unwrap();
        let topdir = dir.path().canonicalize().unwrap().join("koji");
        fs::create_dir_all(topdir.join("a")).unwrap();
        fs::write(topdir.join("a/f"), "x").unwrap();
        fs::write(dir.path().join("secret"), "x").unwrap();
        std::os::unix::fs::symlink("../secret", topdir.join("out")).unwrap();
        std::os::unix::fs::symlink("a/f", topdir.join("in")).unwrap();
        fs::write(topdir.join(".hidden"), "x").unwrap();
        let volume = Volume::new(topdir);
        for good in ["/a/f", "//a//f", "/in"] {
            assert!(volume.open(good).is_ok(), "{good}");
        }
        for bad in ["/../secret", "/a/../../secret", "/out", "/.hidden", "/a", "", "/a/f/x", "/a\0", "/nope"] {
            assert!(volume.open(bad).is_err(), "{bad}");
        }
    }
}
