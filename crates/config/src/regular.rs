//! *Regular* is a file that can be read to its end at once. A pipe, a device, a socket or a directory where a file is expected is
//! refused instead of waited for. This is the one way to open what others may have put there.

use rustix::fs::OFlags;
use std::fs::{File, FileType, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Opens the file `path` for reading.
pub fn open(path: &Path) -> io::Result<File> {
    open_with(path, OpenOptions::new().read(true), OFlags::empty())
}

/// Opens the file `path` as `options` and the `flags` say.
pub fn open_with(path: &Path, options: &mut OpenOptions, flags: OFlags) -> io::Result<File> {
    // Before it is opened: that alone does something to some devices. Without links there are none but where root made one.
    if !flags.contains(OFlags::NOFOLLOW)
        && let Ok(meta) = path.metadata()
    {
        check(meta.file_type())?;
    }
    // Nor is it waited for what came there since.
    let flags = flags | OFlags::NONBLOCK;
    let file = options.custom_flags(flags.bits().cast_signed()).open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => error,
        _ => path.metadata().ok().and_then(|meta| check(meta.file_type()).err()).unwrap_or(error),
    })?;
    check(file.metadata()?.file_type())?;
    Ok(file)
}

/// The text of the file `path`, of whatever size.
pub fn read_to_string(path: &Path) -> io::Result<String> {
    io::read_to_string(open(path)?)
}

/// Opens what a command line names for reading: a file, or a descriptor that was opened for the program, as
/// `<(...)` of a shell does.
pub fn open_named(path: &Path) -> io::Result<File> {
    let is_descriptor = ["/dev/fd", "/proc/self/fd"].iter().any(|dir| path.parent() == Some(Path::new(dir)));
    if is_descriptor || path == Path::new("/dev/stdin") { File::open(path) } else { open(path) }
}

fn check(kind: FileType) -> io::Result<()> {
    let other = |what: &str| Err(io::Error::other(format!("it is {what}, not a file")));
    match kind {
        kind if kind.is_file() => Ok(()),
        kind if kind.is_dir() => Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory, not a file")),
        kind if kind.is_fifo() => other("a pipe"),
        kind if kind.is_socket() => other("a socket"),
        _ => other("a device"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use std::os::unix::net::UnixListener;

    #[test]
    fn only_files_are_opened() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("file"), "text").unwrap();
        mknodat(CWD, at("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let _socket = UnixListener::bind(at("socket")).unwrap();
        std::os::unix::fs::symlink(at("pipe"), at("link")).unwrap();
        std::os::unix::fs::symlink(at("file"), at("good")).unwrap();
        let problem = |path: &Path| open(path).unwrap_err().to_string();
        assert_eq!(problem(&at("pipe")), "it is a pipe, not a file");
        assert_eq!(problem(&at("link")), "it is a pipe, not a file");
        assert_eq!(problem(&at("socket")), "it is a socket, not a file");
        assert_eq!(problem(dir.path()), "it is a directory, not a file");
        assert_eq!(problem(Path::new("/dev/zero")), "it is a device, not a file");
        assert_eq!(open(&at("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(read_to_string(&at("good")).unwrap(), "text");
        let append = open_with(&at("pipe"), OpenOptions::new().append(true), OFlags::empty());
        assert_eq!(append.unwrap_err().to_string(), "it is a pipe, not a file");
    }
}
