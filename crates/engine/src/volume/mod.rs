//! The *volume* is where the hub keeps the files of builds. It is read from a local mount, or over HTTP into a cache
//! directory (facts: linking 1). Either way a file is read whole and compared with what the hub says of it before anything is
//! done with it.

mod cache;
mod downloads;
mod mount;

pub use cache::Cache;
pub use downloads::{Downloads, Turn};
pub use mount::{MountError, PATIENCE, check_mount};

use crate::artifact::BuiltFile;
use crate::blocking::Lost;
use crate::digest::{Digests, MultiDigest, UnknownAlgorithm};
use crate::room::NoRoom;
use crate::stop::{Stop, Stopped};
use magudi_compose::confined::ConfinedError;
use magudi_config::regular;
use magudi_koji::KojiError;
use rustix::io::Errno;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// Where the files of builds are.
#[derive(Debug, Clone)]
pub enum Volume {
    /// `topdir` of the profile, mounted here.
    Local {
        /// The mount.
        topdir: PathBuf,
    },
    /// `topurl` of the profile, fetched into `koji_cache`.
    Cache(Cache),
}

/// A file that is what the hub says it is.
#[derive(Debug, Clone)]
pub struct Verified {
    /// Where it can be linked from.
    pub path: PathBuf,
    pub digests: Digests,
}

/// Why a file cannot be fetched.
#[derive(Debug, Error)]
pub enum FetchError {
    /// The volume does not have it.
    #[error("{0} is not on the Koji volume")]
    Missing(String),
    /// The volume itself is not there.
    #[error("the Koji volume is missing: {0}; mount it, or set koji_cache to fetch over HTTP")]
    NoVolume(MountError),
    /// It has no bytes.
    #[error("{0} is empty")]
    Empty(String),
    /// It is not as long as the hub says.
    #[error("{path} has {found} bytes, but the hub says {expected}")]
    Size {
        path: String,
        /// Its size.
        found: u64,
        /// The size that the hub states.
        expected: u64,
    },
    /// Its contents are not what the hub says.
    #[error(
        "{path} has the {algorithm} checksum {found}, but the hub says {expected}: it was damaged, or changed after the \
         import"
    )]
    Checksum {
        path: String,
        algorithm: &'static str,
        /// Its checksum.
        found: String,
        /// The checksum that the hub states.
        expected: String,
    },
    /// An algorithm that cannot be computed.
    #[error(transparent)]
    Algorithm(#[from] UnknownAlgorithm),
    /// The file system refused.
    #[error("cannot {action} {path}: {error}")]
    Io {
        /// What was tried.
        action: &'static str,
        path: PathBuf,
        error: io::Error,
    },
    /// Its directory in the cache cannot be used.
    #[error(transparent)]
    Place(#[from] ConfinedError),
    /// There is no room for it.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    /// The thread that was at it is gone.
    #[error(transparent)]
    Worker(#[from] Lost),
    /// The run was stopped while it was read.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The server does not say how large it is, and nothing else does.
    #[error("the server does not say how large {0} is, so a truncated download would go unnoticed")]
    Unsized(String),
    /// The download failed.
    #[error("cannot fetch {url}: {error}")]
    Http { url: String, error: Box<KojiError> },
}

impl FetchError {
    /// Whether it is this machine that lacks something: every other file would fare the same.
    pub fn is_of_machine(&self) -> bool {
        match self {
            Self::NoVolume(_) => true,
            Self::NoRoom(room) => room.is_of_machine(),
            Self::Io { error, .. } => is_of_machine(error),
            Self::Place(ConfinedError::MakeDir { source, .. }) => is_of_machine(source),
            _ => false,
        }
    }
}

/// Whether an error is about no file, but about what this machine lacks: room (ENOSPC), also for this user alone (EDQUOT), leave to
/// write at all (EROFS), file descriptors (EMFILE, ENFILE), memory (ENOMEM).
pub fn is_of_machine(error: &io::Error) -> bool {
    const DESCRIPTORS: [Errno; 2] = [Errno::MFILE, Errno::NFILE];
    use io::ErrorKind::{OutOfMemory, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | ReadOnlyFilesystem | OutOfMemory)
        || Errno::from_io_error(error).is_some_and(|error| DESCRIPTORS.contains(&error))
}

/// Gets the number of bytes that were read since the last call.
pub type Progress = Arc<dyn Fn(u64) + Send + Sync>;

/// A file to fetch from a volume: what the hub says of it, and what is to be computed.
#[derive(Debug, Clone)]
pub struct WantedFile {
    /// Path below the top of the volume.
    path: String,
    /// The size; the hub does not know it of what was built for scratch, and a server of files says it.
    size: Option<u64>,
    /// Algorithm and checksum; none of what was built for scratch.
    checksum: Option<(&'static str, String)>,
    /// Algorithms to compute besides the one that the hub used.
    algorithms: Vec<String>,
}

impl WantedFile {
    /// `file`, of which `algorithms` are wanted too.
    pub fn new(file: &BuiltFile, algorithms: &[String]) -> Self {
        Self {
            path: file.path.clone(),
            size: file.fixity.as_ref().map(|fixity| fixity.size),
            checksum: file.fixity.as_ref().map(|fixity| (fixity.algorithm, fixity.checksum.clone())),
            algorithms: algorithms.to_vec(),
        }
    }

    fn digest(&self) -> Result<MultiDigest, FetchError> {
        let of_hub = self.checksum.iter().map(|(algorithm, _)| *algorithm);
        Ok(MultiDigest::new(self.algorithms.iter().map(String::as_str).chain(of_hub))?)
    }

    /// Compares what was read from `path` with what the hub says.
    fn verify(&self, path: &str, digests: &Digests) -> Result<(), FetchError> {
        self.verify_size(path, digests.size)?;
        let Some((algorithm, checksum)) = &self.checksum else { return Ok(()) };
        let found = digests.values.get(*algorithm).map_or("", String::as_str);
        if !found.eq_ignore_ascii_case(checksum) {
            return Err(FetchError::Checksum {
                path: path.to_owned(),
                algorithm,
                found: found.to_owned(),
                expected: checksum.clone(),
            });
        }
        Ok(())
    }

    fn verify_size(&self, path: &str, found: u64) -> Result<(), FetchError> {
        if found == 0 {
            return Err(FetchError::Empty(path.to_owned()));
        }
        match self.size {
            Some(expected) if expected != found => Err(FetchError::Size { path: path.to_owned(), found, expected }),
            _ => Ok(()),
        }
    }

    fn read(&self, path: &Path, progress: &Progress, stop: &Stop) -> Result<Digests, FetchError> {
        let name = path.display().to_string();
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => FetchError::Missing(name.clone()),
            _ => io_error("open", path, error),
        };
        let mut file = regular::open(path).map_err(failed)?;
        let meta = file.metadata().map_err(|error| io_error("read", path, error))?;
        // The size is known to be wrong before a byte is read; a truncated 10 GB image need not be hashed.
        self.verify_size(&name, meta.len())?;
        let mut watched = |read| {
            progress(read);
            Ok(stop.check()?)
        };
        let digests =
            self.digest()?.read_all(&mut file, &mut watched).map_err(|error| io_error("read", path, error))?;
        self.verify(&name, &digests)?;
        Ok(digests)
    }
}

fn io_error(action: &'static str, path: &Path, error: io::Error) -> FetchError {
    if Stopped::is_reason_of(&error) {
        return FetchError::Stopped(Stopped);
    }
    FetchError::Io { action, path: path.to_path_buf(), error }
}

/// Reads a file of the volume that is mounted at `topdir`, and compares it with what the hub says. Blocks.
pub fn read_local(
    topdir: &Path,
    wanted: &WantedFile,
    progress: &Progress,
    stop: &Stop,
) -> Result<Verified, FetchError> {
    let path = topdir.join(&wanted.path);
    // The output of a task built for scratch has been moved, and links were left in its place (facts: builders 10).
    let path = match wanted.checksum {
        None => std::fs::canonicalize(&path).unwrap_or(path),
        Some(_) => path,
    };
    match wanted.read(&path, progress, stop) {
        Ok(digests) => Ok(Verified { path, digests }),
        // A mount that has vanished is not a file that the hub has lost.
        // One that is no more mounted has left an empty directory.
        Err(FetchError::Missing(file)) => match check_mount(topdir, PATIENCE) {
            Err(error) => Err(FetchError::NoVolume(error)),
            Ok(()) => Err(FetchError::Missing(file)),
        },
        Err(error) => Err(error),
    }
}
