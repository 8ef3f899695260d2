//! *Beneath* a directory is where a run may write: in the compose directory, and in the download cache; and where may be read
//! what a manifest names. A symbolic link that somebody planted there must not lead a file elsewhere, whichever user runs the compose.
//!
//! The directory itself may be, or lie behind, a link: that is its owner's choice. A link below it that stays below it is
//! followed. This keeps out links that lie there when a run comes by; a user who can exchange directories while it writes owns
//! the compose anyway.

use magudi_config::regular;
use rustix::fs::OFlags;
use std::collections::HashSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The mode of the directories that are made, before the umask (facts: compose 16).
pub const DIR_MODE: u32 = 0o775;

/// A place that must not be written to.
#[derive(Debug, thiserror::Error)]
pub enum ConfinedError {
    /// A link leads out.
    #[error(
        "{} is a symbolic link out of {}, to {}; nothing is written there: put a directory in its place",
        link.display(), top.display(), target.display()
    )]
    LeadsOut {
        /// The link.
        link: PathBuf,
        /// The directory that it leads out of.
        top: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// The path is not a path below the directory.
    #[error("{} is not below {}", path.display(), top.display())]
    Outside { path: PathBuf, top: PathBuf },
    /// A directory can be neither used nor made.
    #[error("cannot create the directory {}: {source}", path.display())]
    MakeDir { path: PathBuf, source: io::Error },
}

/// Makes `path`, which is `top` or below it, and the directories above it that are missing.
pub fn make_dir(top: &Path, path: &Path) -> Result<(), ConfinedError> {
    let outside = || ConfinedError::Outside { path: path.to_path_buf(), top: top.to_path_buf() };
    let rest = path.strip_prefix(top).map_err(|_| outside())?;
    let mut builder = DirBuilder::new();
    builder.mode(DIR_MODE);
    let failed = |path: &Path, source| ConfinedError::MakeDir { path: path.to_path_buf(), source };
    if !top.is_dir() {
        builder.recursive(true).create(top).map_err(|error| failed(top, error))?;
        builder.recursive(false);
    }
    let mut at = top.to_path_buf();
    for component in rest.components() {
        let Component::Normal(name) = component else { return Err(outside()) };
        at.push(name);
        match builder.create(&at) {
            Ok(()) => continue,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            // A directory that is there already can be used where none can be made.
            Err(error) if at.symlink_metadata().is_err() => return Err(failed(&at, error)),
            Err(_) => {}
        }
        let meta = at.symlink_metadata().map_err(|error| failed(&at, error))?;
        if meta.is_symlink() {
            let real = |path: &Path| fs::canonicalize(path).map_err(|error| failed(path, error));
            let (target, real_top) = (real(&at)?, real(top)?);
            if !target.starts_with(&real_top) {
                return Err(ConfinedError::LeadsOut { link: at, top: top.to_path_buf(), target });
            }
        }
        if !at.is_dir() {
            return Err(failed(&at, io::ErrorKind::NotADirectory.into()));
        }
    }
    Ok(())
}

/// A path below a directory that must not be read.
#[derive(Debug, thiserror::Error)]
pub enum OutsideError {
    /// It is absolute, empty, or has `..` in it.
    #[error("it is not a path below the compose")]
    Path,
    /// A link leads out.
    #[error("a symbolic link leads out of the compose, to {}", .0.display())]
    LeadsOut(PathBuf),
    /// There is nothing, or it cannot be looked at.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The place of `path`, which a manifest names, below `top`, with every link followed. What leads out is refused: a manifest
/// may come from anywhere, and must not have anything else read.
pub fn find(top: &Path, path: &str) -> Result<PathBuf, OutsideError> {
    let found = fs::canonicalize(top.join(plain(path)?))?;
    if found.starts_with(fs::canonicalize(top)?) { Ok(found) } else { Err(OutsideError::LeadsOut(found)) }
}

/// `path` if it is one below any directory.
pub fn plain(path: &str) -> Result<&Path, OutsideError> {
    let is_plain = |component| matches!(component, Component::Normal(_));
    let as_path = Path::new(path);
    let fine = !path.is_empty() && !path.contains('\0') && as_path.components().all(is_plain);
    if fine { Ok(as_path) } else { Err(OutsideError::Path) }
}

/// The directory part of a path that a manifest names; empty for what lies at the top.
pub fn directory_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// Makes directories below one directory, and remembers which: a run that comes to the same directory ten thousand times asks
/// the file system once.
#[derive(Debug)]
pub struct Directories {
    top: PathBuf,
    made: Mutex<HashSet<PathBuf>>,
}

impl Directories {
    /// Below `top`.
    pub fn new(top: &Path) -> Self {
        Self { top: top.to_path_buf(), made: Mutex::default() }
    }

    /// [`make_dir`], unless this has made it before.
    pub fn make(&self, path: &Path) -> Result<(), ConfinedError> {
        if self.made.lock().unwrap_or_else(PoisonError::into_inner).contains(path) {
            return Ok(());
        }
        make_dir(&self.top, path)?;
        self.made.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_path_buf());
        Ok(())
    }
}

/// Opens the file `path` as `options` say, unless it is a symbolic link or anything else but a file: a pipe that was planted
/// would block for ever.
pub fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    regular::open_with(path, options, OFlags::NOFOLLOW).map_err(|error| {
        let link = path.symlink_metadata().is_ok_and(|meta| meta.is_symlink());
        if link { io::Error::other("it is a symbolic link, which is not followed") } else { error }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A top directory, and another one where nothing may appear.
    fn scene() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let (top, elsewhere) = (dir.path().join("compose"), dir.path().join("elsewhere"));
        for path in [&top, &elsewhere] {
            fs::create_dir(path).unwrap();
        }
        (dir, top, elsewhere)
    }

    #[test]
    fn makes_what_is_missing_and_uses_what_is_there() {
        let (dir, top, _) = scene();
        for _ in 0..2 {
            make_dir(&top, &top.join("a/b/c")).unwrap();
            make_dir(&top, &top).unwrap();
        }
        assert!(top.join("a/b/c").is_dir());
        // The top itself may be a link, and need not exist.
        symlink(&top, dir.path().join("link")).unwrap();
        make_dir(&dir.path().join("link"), &dir.path().join("link/d")).unwrap();
        assert!(top.join("d").is_dir());
        make_dir(&dir.path().join("new/top"), &dir.path().join("new/top/e")).unwrap();
        assert!(dir.path().join("new/top/e").is_dir());
    }

    #[test]
    fn a_link_out_is_refused_wherever_it_is_and_one_within_is_followed() {
        let (_dir, top, elsewhere) = scene();
        fs::create_dir(top.join("a")).unwrap();
        for (link, target) in [("out", elsewhere.as_path()), ("a/out", Path::new("../../elsewhere"))] {
            symlink(target, top.join(link)).unwrap();
            for path in [top.join(link), top.join(link).join("x/y")] {
                let error = make_dir(&top, &path).unwrap_err();
                assert!(matches!(error, ConfinedError::LeadsOut { .. }), "{error}");
            }
        }
        assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
        symlink("a", top.join("within")).unwrap();
        make_dir(&top, &top.join("within/x")).unwrap();
        assert!(top.join("a/x").is_dir());
        symlink("nowhere", top.join("dangling")).unwrap();
        assert!(matches!(make_dir(&top, &top.join("dangling/x")), Err(ConfinedError::MakeDir { .. })));
    }

    #[test]
    fn what_is_no_directory_below_the_top() {
        let (dir, top, _) = scene();
        fs::write(top.join("file"), "").unwrap();
        let error = make_dir(&top, &top.join("file/x")).unwrap_err().to_string();
        assert!(error.contains("compose/file: not a directory"), "{error}");
        for path in [dir.path().join("elsewhere/x"), top.join("../elsewhere/x"), PathBuf::from("x")] {
            assert!(matches!(make_dir(&top, &path), Err(ConfinedError::Outside { .. })), "{}", path.display());
        }
    }

    #[test]
    fn only_what_is_below_is_found() {
        let (_dir, top, elsewhere) = scene();
        fs::create_dir(top.join("a")).unwrap();
        fs::write(top.join("a/file"), "").unwrap();
        fs::write(elsewhere.join("file"), "").unwrap();
        symlink("a", top.join("within")).unwrap();
        symlink(&elsewhere, top.join("out")).unwrap();
        symlink("nowhere", top.join("dangling")).unwrap();
        let real = fs::canonicalize(&top).unwrap();
        for path in ["a/file", "within/file", "a/./file"] {
            assert_eq!(find(&top, path).unwrap(), real.join("a/file"));
        }
        for path in ["/etc/passwd", "../elsewhere/file", "a/../a/file", "", ".", "a\0b"] {
            assert!(matches!(find(&top, path), Err(OutsideError::Path)), "{path}");
        }
        assert!(matches!(find(&top, "out/file"), Err(OutsideError::LeadsOut(_))));
        for path in ["dangling", "none", "a/none"] {
            assert!(matches!(find(&top, path), Err(OutsideError::Io(_))), "{path}");
        }
    }

    #[test]
    fn only_files_are_opened() {
        let (_dir, top, elsewhere) = scene();
        let target = elsewhere.join("file");
        fs::write(&target, "theirs").unwrap();
        symlink(&target, top.join("link")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            top.join("pipe"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        let append = |name: &str| open(&top.join(name), OpenOptions::new().create(true).append(true));
        for (name, want) in [("link", "it is a symbolic link, which is not followed"), ("pipe", "")] {
            let error = append(name).unwrap_err().to_string();
            assert!(error.contains(want), "{error}");
        }
        append("new").unwrap();
        append("new").unwrap();
        assert_eq!(fs::read_to_string(target).unwrap(), "theirs");
    }
}
