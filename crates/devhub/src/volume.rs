//! The *volume* is the directory that a hub keeps its files in: images of builds, output of tasks.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The name of the first volume.
pub(crate) const DEFAULT_VOLUME: &str = "DEFAULT";

/// Modification time of every image, in seconds since 1970 (facts: recordings 3).
const IMAGE_MTIME: u64 = 1_700_000_000;

/// A directory laid out as Koji's `/mnt/koji`.
#[derive(Debug, Clone)]
pub(crate) struct Volume {
    topdir: PathBuf,
}

/// A file of a task's output.
#[derive(Debug, Clone)]
pub(crate) struct OutputFile {
    /// Its path below the task's directory.
    pub(crate) name: String,
    /// Bytes.
    pub(crate) size: u64,
    /// Access, change and modification time in seconds since 1970; they are one and the same here.
    pub(crate) time: f64,
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
        write(&path, content, size, Some(UNIX_EPOCH + Duration::from_secs(IMAGE_MTIME)))
    }

    /// Writes a file of a task's output, unless it lies there already.
    pub(crate) fn write_output(&self, task: i64, name: &str, content: &[u8]) -> io::Result<()> {
        write(&self.output_path(task, name), content, content.len() as u64, None)
    }

    /// The same for files that hold the same: names of one file, where it can have several.
    pub(crate) fn write_outputs<'n>(
        &self,
        task: i64,
        mut names: impl Iterator<Item = &'n str>,
        content: &[u8],
    ) -> io::Result<()> {
        let Some(first) = names.next() else { return Ok(()) };
        self.write_output(task, first, content)?;
        let first = self.output_path(task, first);
        names.try_for_each(|name| match fs::hard_link(&first, self.output_path(task, name)) {
            Ok(()) => Ok(()),
            Err(_) => self.write_output(task, name, content),
        })
    }

    /// Puts a link into a task's output that leads to a file in `dir`, as a hub does with what it has moved there.
    pub(crate) fn link_output(&self, task: i64, dir: &str, name: &str) -> io::Result<()> {
        // From work/tasks/NNNN/TASK to the top.
        let target = Path::new("../../../..").join(dir).join(name);
        let link = self.output_path(task, name);
        let make = || std::os::unix::fs::symlink(&target, &link);
        // Most are new.
        in_directory(&link, make).or_else(|error| match error.kind() {
            io::ErrorKind::AlreadyExists if fs::read_link(&link).is_ok_and(|old| old == target) => Ok(()),
            io::ErrorKind::AlreadyExists => fs::remove_file(&link).and_then(|()| make()),
            _ => Err(error),
        })
    }

    /// Moves a file of a task's output into `dir`, and leaves a link. Nothing happens if that was done before.
    pub(crate) fn publish_output(&self, task: i64, dir: &str, name: &str) -> io::Result<()> {
        let path = self.output_path(task, name);
        if !fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_file()) {
            return Ok(());
        }
        let dest = self.topdir.join(dir).join(name);
        in_directory(&dest, || fs::rename(&path, &dest))?;
        self.link_output(task, dir, name)
    }

    /// The files below `dir`, which lies below the first volume: their paths below it, sorted.
    pub(crate) fn files_below(&self, dir: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut dirs = vec![(self.topdir.join(dir), String::new())];
        while let Some((path, prefix)) = dirs.pop() {
            for entry in fs::read_dir(path).into_iter().flatten().flatten() {
                let Ok(name) = entry.file_name().into_string() else { continue };
                let below = format!("{prefix}{name}");
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => dirs.push((entry.path(), format!("{below}/"))),
                    Ok(_) if !name.starts_with('.') => found.push(below),
                    _ => {}
                }
            }
        }
        found.sort();
        found
    }

    /// Whether a task has left a file of this name.
    pub(crate) fn has_output(&self, task: i64, name: &str) -> bool {
        self.output_path(task, name).exists()
    }

    /// The files of a task's output, sorted by name.
    pub(crate) fn outputs(&self, task: i64) -> Vec<OutputFile> {
        let Ok(entries) = fs::read_dir(self.topdir.join(Self::task_dir(task))) else {
            return Vec::new();
        };
        let mut files: Vec<OutputFile> = entries
            .filter_map(|entry| {
                let entry = entry.ok()?;
                // What was moved to another place left a link.
                let meta = fs::metadata(entry.path()).ok().filter(fs::Metadata::is_file)?;
                let since = meta.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
                let name = entry.file_name().into_string().ok().filter(|name| !name.starts_with('.'))?;
                Some(OutputFile { name, size: meta.len(), time: since.as_secs_f64() })
            })
            .collect();
        files.sort_by(|a, b| a.name.cmp(&b.name));
        files
    }

    /// The path of a file of a task's output; `name` is a file name.
    pub(crate) fn output_path(&self, task: i64, name: &str) -> PathBuf {
        self.topdir.join(Self::task_dir(task)).join(name)
    }
}

/// Writes a file, unless it holds this already. One that holds something else is not changed, because of hard links to it, but
/// replaced; no one reads half of what replaces it.
fn write(path: &Path, content: &[u8], size: u64, mtime: Option<SystemTime>) -> io::Result<()> {
    let fill = |mut file: File| {
        file.write_all(content)?;
        if size != content.len() as u64 {
            file.set_len(size)?;
        }
        mtime.map_or(Ok(()), |mtime| file.set_modified(mtime))
    };
    let create = || File::options().write(true).create_new(true).open(path);
    // A new file is not asked for before its task says that it is there.
    match in_directory(path, create) {
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

/// Makes `path` by `make`, which is tried before its directory is made: most directories are there.
fn in_directory<T>(path: &Path, make: impl Fn() -> io::Result<T>) -> io::Result<T> {
    make().or_else(|error| match (error.kind(), path.parent()) {
        (io::ErrorKind::NotFound, Some(dir)) => fs::create_dir_all(dir).and_then(|()| make()),
        _ => Err(error),
    })
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
        volume.write_output(20_001, &name, b"1234").unwrap();
        let outputs = volume.outputs(20_001);
        assert_eq!((outputs[0].name.as_str(), outputs[0].size), (name.as_str(), 4));
        assert!(dir.path().join("work/tasks/1/20001").is_dir());
        assert!(volume.outputs(7).is_empty());
    }
}
