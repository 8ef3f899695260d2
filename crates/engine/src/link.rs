//! The *linker* brings a verified file into the compose: as a hard link, a copy or a symbolic link (facts: linking 2).

use crate::room::{NoRoom, check_room};
use crate::stop::{Stop, Stopped};
use crate::volume;
use magudi_config::compose_config::LinkType;
use magudi_config::regular;
use std::fs::{self, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Bytes that are copied between two looks at the stop.
const PIECE: u64 = 16 << 20;

/// How a file came into the compose; the words of Pungi's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Linked {
    Hardlink,
    Copy,
    /// A symbolic link with this target.
    Symlink(PathBuf),
    /// It was there already.
    Present,
}

/// Why a file did not come into the compose.
#[derive(Debug, Error)]
pub enum LinkError {
    /// Something else stands at the destination.
    #[error("{destination} exists already and is not the same file as {source_path}; nothing was overwritten")]
    Exists {
        /// What was to be linked.
        source_path: PathBuf,
        destination: PathBuf,
    },
    #[error(
        "cannot hard link {source_path} to {destination}: they are on different file systems; \
         set link_type to \"hardlink-or-copy\" or \"copy\""
    )]
    CrossDevice {
        /// What was to be linked.
        source_path: PathBuf,
        destination: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot {action} {source_path} to {destination}: {error}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// What was to be linked.
        source_path: PathBuf,
        destination: PathBuf,
        error: io::Error,
    },
    /// There is no room for a copy.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    /// The run was stopped while the file was copied.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl LinkError {
    /// Whether it is this machine that lacks something: every other file would fare the same.
    pub fn is_of_machine(&self) -> bool {
        match self {
            Self::Io { error, .. } => volume::is_of_machine(error),
            Self::NoRoom(room) => room.is_of_machine(),
            _ => false,
        }
    }

    /// Whether it stands in the way of a hard link but not of a copy: another file system (EXDEV), one without links
    /// (EPERM, ENOSYS, EOPNOTSUPP), one on which the file has all the links that it can have (EMLINK), or a kernel that
    /// forbids links to other users' files (EPERM).
    fn leaves_copying(&self) -> bool {
        use io::ErrorKind::{PermissionDenied, TooManyLinks, Unsupported};
        match self {
            Self::CrossDevice { .. } => true,
            Self::Io { error, .. } => matches!(error.kind(), PermissionDenied | TooManyLinks | Unsupported),
            _ => false,
        }
    }
}

/// Brings `source` to `destination`, whose directory is there.
pub fn link(source: &Path, destination: &Path, how: LinkType, stop: &Stop) -> Result<Linked, LinkError> {
    stop.check()?;
    match how {
        LinkType::Hardlink => hard_link(source, destination),
        LinkType::HardlinkOrCopy => match hard_link(source, destination) {
            Err(error) if error.leaves_copying() => copy(source, destination, stop),
            other => other,
        },
        LinkType::Copy => copy(source, destination, stop),
        LinkType::Symlink => {
            let base = destination.parent().unwrap_or(Path::new("."));
            let source_there = absolute(source);
            let target = pathdiff::diff_paths(&source_there, absolute(base)).unwrap_or(source_there);
            symbolic(source, destination, target)
        }
        LinkType::AbspathSymlink => symbolic(source, destination, absolute(source)),
    }
}

fn io_error(action: &'static str, source: &Path, destination: &Path, error: io::Error) -> LinkError {
    LinkError::Io { action, source_path: source.to_path_buf(), destination: destination.to_path_buf(), error }
}

/// Pungi takes an existing file for the same when kind, size and whole seconds of mtime agree (facts: linking 3).
fn same_file(a: &Metadata, b: &Metadata) -> bool {
    a.file_type() == b.file_type() && a.len() == b.len() && a.mtime() == b.mtime()
}

fn accept_present(source: &Path, destination: &Path) -> Result<Linked, LinkError> {
    let (a, b) = (fs::symlink_metadata(source), fs::symlink_metadata(destination));
    match (a, b) {
        (Ok(a), Ok(b)) if same_file(&a, &b) => Ok(Linked::Present),
        _ => Err(LinkError::Exists { source_path: source.to_path_buf(), destination: destination.to_path_buf() }),
    }
}

fn hard_link(source: &Path, destination: &Path) -> Result<Linked, LinkError> {
    match fs::hard_link(source, destination) {
        Ok(()) => Ok(Linked::Hardlink),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => accept_present(source, destination),
        Err(e) if e.kind() == io::ErrorKind::CrossesDevices => {
            Err(LinkError::CrossDevice { source_path: source.to_path_buf(), destination: destination.to_path_buf() })
        }
        Err(e) => Err(io_error("hard link", source, destination, e)),
    }
}

/// Copies contents, mode and mtime under a temporary name, then puts the copy in place without replacing anything.
fn copy(source: &Path, destination: &Path, stop: &Stop) -> Result<Linked, LinkError> {
    let fail = |e| io_error("copy", source, destination, e);
    let meta = fs::symlink_metadata(source).map_err(fail)?;
    if fs::symlink_metadata(destination).is_ok() {
        return accept_present(source, destination);
    }
    if meta.is_symlink() {
        let target = fs::read_link(source).map_err(fail)?;
        return symbolic(source, destination, target).map(|_| Linked::Copy);
    }
    // Holes take no room.
    check_room(destination, meta.len().min(meta.blocks().saturating_mul(512)))?;
    let directory = destination.parent().unwrap_or(Path::new("."));
    let mut temporary = tempfile::Builder::new().prefix(".magudi-").tempfile_in(directory).map_err(fail)?;
    let from = regular::open(source).map_err(fail)?;
    while io::copy(&mut (&from).take(PIECE), temporary.as_file_mut()).map_err(fail)? == PIECE {
        stop.check()?;
    }
    let file = temporary.as_file();
    file.set_permissions(fs::Permissions::from_mode(meta.mode() & 0o7777)).map_err(fail)?;
    file.set_modified(meta.modified().map_err(fail)?).map_err(fail)?;
    // Size and mtime are what a later run knows a whole file by, so its bytes are on the disk before its name.
    file.sync_all().map_err(fail)?;
    match temporary.persist_noclobber(destination) {
        Ok(_) => Ok(Linked::Copy),
        Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => accept_present(source, destination),
        Err(e) => Err(fail(e.error)),
    }
}

fn symbolic(source: &Path, destination: &Path, target: PathBuf) -> Result<Linked, LinkError> {
    match symlink(&target, destination) {
        Ok(()) => Ok(Linked::Symlink(target)),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => match fs::read_link(destination) {
            Ok(present) if present == target => Ok(Linked::Present),
            _ => Err(LinkError::Exists { source_path: source.to_path_buf(), destination: destination.to_path_buf() }),
        },
        Err(e) => Err(io_error("symlink", source, destination, e)),
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn never() -> Stop {
        crate::stop::stop().1
    }

    fn scene() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("volume/image.qcow2");
        fs::create_dir_all(source.parent().unwrap()).unwrap();
        fs::write(&source, "image").unwrap();
        fs::create_dir_all(dir.path().join("compose/Server/x86_64/images")).unwrap();
        let destination = dir.path().join("compose/Server/x86_64/images/image.qcow2");
        (dir, source, destination)
    }

    #[test]
    fn each_kind_and_again() {
        for how in
            [LinkType::Hardlink, LinkType::HardlinkOrCopy, LinkType::Copy, LinkType::Symlink, LinkType::AbspathSymlink]
        {
            let (_dir, source, destination) = scene();
            let first = link(&source, &destination, how, &never()).unwrap();
            assert_eq!(fs::read_to_string(&destination).unwrap(), "image", "{how:?}");
            assert_ne!(first, Linked::Present, "{how:?}");
            assert_eq!(link(&source, &destination, how, &never()).unwrap(), Linked::Present, "{how:?}");
            let same_inode = fs::metadata(&source).unwrap().ino() == fs::symlink_metadata(&destination).unwrap().ino();
            assert_eq!(same_inode, matches!(how, LinkType::Hardlink | LinkType::HardlinkOrCopy), "{how:?}");
            assert_eq!(fs::metadata(&source).unwrap().mtime(), fs::metadata(&destination).unwrap().mtime());
            assert_eq!(fs::read_dir(destination.parent().unwrap()).unwrap().count(), 1, "no temporary file is left");
        }
    }

    #[test]
    fn a_relative_link_leads_to_the_source() {
        let (_dir, source, destination) = scene();
        let Linked::Symlink(target) = link(&source, &destination, LinkType::Symlink, &never()).unwrap() else {
            panic!()
        };
        assert_eq!(target, Path::new("../../../../volume/image.qcow2"));
    }

    #[test]
    fn nothing_is_overwritten() {
        for how in [LinkType::Hardlink, LinkType::HardlinkOrCopy, LinkType::Copy, LinkType::Symlink] {
            let (_dir, source, destination) = scene();
            fs::write(&destination, "another").unwrap();
            let error = link(&source, &destination, how, &never()).unwrap_err().to_string();
            assert!(error.contains("image.qcow2 exists already"), "{error}");
            assert_eq!(fs::read_to_string(&destination).unwrap(), "another");
        }
    }

    #[test]
    fn a_missing_source_is_named() {
        let (_dir, source, destination) = scene();
        fs::remove_file(&source).unwrap();
        let error = link(&source, &destination, LinkType::HardlinkOrCopy, &never()).unwrap_err().to_string();
        assert!(error.starts_with("cannot hard link"), "{error}");
        assert!(!destination.exists());
    }
}
