//! The *volume* is where the hub keeps the files of builds. It is read from a local mount, or over HTTP into a cache
//! directory (PUNGI.md 9). Either way a file is read whole and compared with what the hub says of it before anything is
//! done with it.

use crate::digest::{Digests, MultiDigest};
use crate::part::Part;
use crate::stop::Stop;
use magudi_compose::beneath::{self, BeneathError};
use magudi_koji::calls::{Archive, Build};
use magudi_koji::{Hub, KojiError, pathinfo};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use thiserror::Error;

/// Pauses between the attempts of a download: about two minutes in all, as Pungi gives up after 120 s.
const DOWNLOAD_PAUSES: [Duration; 6] = [
    Duration::from_millis(200),
    Duration::from_secs(2),
    Duration::from_secs(8),
    Duration::from_secs(20),
    Duration::from_secs(30),
    Duration::from_secs(60),
];

/// Where the files of builds are.
#[derive(Debug, Clone)]
pub enum Volume {
    /// `topdir` of the profile, mounted here.
    Local {
        /// The mount.
        topdir: PathBuf,
    },
    /// `topurl` of the profile, fetched into `koji_cache`.
    Cache {
        /// The URL, without a trailing slash.
        topurl: String,
        /// The cache directory.
        cache: PathBuf,
    },
}

/// A file that is what the hub says it is.
#[derive(Debug, Clone)]
pub struct Verified {
    /// Where it can be linked from.
    pub path: PathBuf,
    /// Its digests.
    pub digests: Digests,
}

/// Why a file cannot be had.
#[derive(Debug, Error)]
pub enum FetchError {
    /// The volume does not have it.
    #[error("{0} is not on the Koji volume")]
    Missing(String),
    /// The volume itself is not there.
    #[error("the Koji volume {} is not there; is it mounted? Without a mount, koji_cache fetches over HTTP", .0.display())]
    NoVolume(PathBuf),
    /// It is a directory, a device or a pipe.
    #[error("{0} is not a file")]
    NotAFile(String),
    /// It has no bytes.
    #[error("{0} is empty")]
    Empty(String),
    /// It is not as long as the hub says.
    #[error("{path} has {found} bytes, but the hub says {expected}")]
    Size {
        /// Where it was found.
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
        /// Where it was found.
        path: String,
        /// The algorithm.
        algorithm: &'static str,
        /// Its checksum.
        found: String,
        /// The checksum that the hub states.
        expected: String,
    },
    /// An algorithm that cannot be computed.
    #[error("unknown checksum algorithm {0}")]
    Algorithm(String),
    /// The file system refused.
    #[error("cannot {action} {path}: {error}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// Its directory in the cache cannot be used.
    #[error(transparent)]
    Place(#[from] BeneathError),
    /// The download failed.
    #[error("cannot fetch {url}: {error}")]
    Http {
        /// The address.
        url: String,
        /// The reason.
        error: Box<KojiError>,
    },
}

/// How often a file that came whole and is not what the hub says is fetched again: once for a bit that flipped on the way.
const REPEATS_OF_DAMAGE: usize = 1;

/// Told the bytes that have been read since the last call.
pub type Progress<'a> = &'a mut (dyn FnMut(u64) + Send);

/// One file of a build, to be had from a volume.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The build.
    pub build: &'a Build,
    /// The archive.
    pub archive: &'a Archive,
    /// Algorithms to compute besides the one that the hub used.
    pub algorithms: &'a [String],
}

impl Wanted<'_> {
    fn digest(&self) -> Result<MultiDigest, FetchError> {
        let own = self.archive.checksum_type.name();
        MultiDigest::new(self.algorithms.iter().map(String::as_str).chain([own])).map_err(FetchError::Algorithm)
    }

    /// Compares what was read from `path` with what the hub says.
    fn verify(&self, path: &str, digests: &Digests) -> Result<(), FetchError> {
        let algorithm = self.archive.checksum_type.name();
        if digests.size == 0 {
            return Err(FetchError::Empty(path.to_owned()));
        }
        if digests.size != self.archive.size {
            return Err(FetchError::Size { path: path.to_owned(), found: digests.size, expected: self.archive.size });
        }
        let found = digests.values.get(algorithm).map_or("", String::as_str);
        if !found.eq_ignore_ascii_case(&self.archive.checksum) {
            return Err(FetchError::Checksum {
                path: path.to_owned(),
                algorithm,
                found: found.to_owned(),
                expected: self.archive.checksum.clone(),
            });
        }
        Ok(())
    }

    fn read(&self, path: &Path, progress: Progress<'_>) -> Result<Digests, FetchError> {
        let name = path.display().to_string();
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => FetchError::Missing(name.clone()),
            _ => io_error("open", path, error),
        };
        // Before it is opened: a pipe would block for ever.
        let meta = std::fs::metadata(path).map_err(failed)?;
        if !meta.is_file() {
            return Err(FetchError::NotAFile(name));
        }
        let mut file = File::open(path).map_err(failed)?;
        // The size is known to be wrong before a byte is read; a truncated 10 GB image need not be hashed.
        let size = meta.len();
        if size == 0 {
            return Err(FetchError::Empty(name));
        }
        if size != self.archive.size {
            return Err(FetchError::Size { path: name, found: size, expected: self.archive.size });
        }
        let digests = self.digest()?.read_all(&mut file, progress).map_err(|error| io_error("read", path, error))?;
        self.verify(&name, &digests)?;
        Ok(digests)
    }
}

fn io_error(action: &'static str, path: &Path, error: io::Error) -> FetchError {
    FetchError::Io { action, path: path.to_path_buf(), error }
}

impl Volume {
    /// Reads a file from a local volume. Blocks; the answer for a cache is `None`.
    pub fn read_local(&self, wanted: Wanted<'_>, progress: Progress<'_>) -> Option<Result<Verified, FetchError>> {
        let Self::Local { topdir } = self else { return None };
        let path = topdir.join(relative(wanted));
        Some(match wanted.read(&path, progress) {
            Ok(digests) => Ok(Verified { path, digests }),
            // A mount that has vanished is not a file that the hub has lost.
            Err(FetchError::Missing(_)) if !topdir.is_dir() => Err(FetchError::NoVolume(topdir.clone())),
            Err(error) => Err(error),
        })
    }

    /// Makes sure that a file is in the cache, fetching it if need be.
    ///
    /// A file that is there already is verified like a new one and, as in Pungi, gets the current time as its mtime, so
    /// that whoever cleans the cache sees that it was used.
    ///
    /// A download that breaks is tried again; `warn` is told why, and `stop` ends the waiting.
    pub async fn fetch(
        &self,
        hub: &Hub,
        wanted: Wanted<'_>,
        progress: Progress<'_>,
        warn: &(dyn Fn(String) + Send + Sync),
        stop: &Stop,
    ) -> Result<Verified, FetchError> {
        let (topurl, cache) = match self {
            Self::Cache { topurl, cache } => (topurl, cache),
            Self::Local { .. } => {
                return match self.read_local(wanted, progress) {
                    Some(result) => result,
                    None => Err(FetchError::Missing(wanted.archive.filename.clone())),
                };
            }
        };
        let rest = relative(wanted);
        let (path, url) = (cache.join(&rest), pathinfo::url(topurl, &rest));
        beneath::make_dir(cache, path.parent().unwrap_or(cache))?;
        // A link in the cache is nothing of ours; a file takes its place.
        let link = path.symlink_metadata().is_ok_and(|meta| meta.is_symlink());
        let present = if link { Err(FetchError::Missing(rest)) } else { wanted.read(&path, progress) };
        match present {
            Ok(digests) => {
                let touched = File::options().append(true).open(&path).and_then(|f| f.set_modified(SystemTime::now()));
                touched.map_err(|error| io_error("touch", &path, error))?;
                return Ok(Verified { path, digests });
            }
            // A damaged file in the cache is replaced by a good one.
            Err(
                FetchError::Missing(_) | FetchError::Empty(_) | FetchError::Size { .. } | FetchError::Checksum { .. },
            ) => {}
            Err(error) => return Err(error),
        }
        // Once, so that a wrong name is found before anything is made of it.
        wanted.digest()?;
        let digest = || wanted.digest().unwrap_or_default();
        let mut part = Part::open(&path, &wanted.archive.checksum, wanted.archive.size, digest)
            .map_err(|(path, error)| FetchError::Io { action: "open", path, error })?;
        let mut pauses = DOWNLOAD_PAUSES.iter();
        let mut damaged = 0;
        loop {
            let before = part.length();
            let error = match download(hub, &url, &mut part, wanted, progress).await {
                Ok(digests) => {
                    let at = part.path().to_path_buf();
                    part.keep(&path).map_err(|error| io_error("write", &at, error))?;
                    return Ok(Verified { path, digests });
                }
                Err(error) => error,
            };
            // A download that gets on is not given up, however often it breaks.
            if part.length() > before {
                pauses = DOWNLOAD_PAUSES.iter();
            }
            let is_damage = matches!(error, FetchError::Checksum { .. });
            damaged += usize::from(is_damage);
            let (true, Some(pause)) = (is_worth_another_try(&error) && damaged <= REPEATS_OF_DAMAGE, pauses.next())
            else {
                if is_damage {
                    part.discard();
                }
                return Err(error);
            };
            let next = match part.length() {
                0 => "fetching it again".to_owned(),
                at => format!("going on at byte {at}"),
            };
            warn(format!("{error}; {next} in {} s", pause.as_secs_f64()));
            tokio::select! {
                () = tokio::time::sleep(*pause) => {}
                () = stop.wait() => return Err(error),
            }
        }
    }
}

fn is_worth_another_try(error: &FetchError) -> bool {
    match error {
        FetchError::Http { error, .. } => error.is_retriable(),
        // Cut off or flipped on the way, most likely.
        FetchError::Size { .. } | FetchError::Checksum { .. } => true,
        _ => false,
    }
}

/// Path of a file below the top of the volume. Its components were checked when the hub's answer was decoded.
fn relative(wanted: Wanted<'_>) -> String {
    let directory = pathinfo::build_images("", wanted.build);
    format!("{}/{}", directory.trim_start_matches('/'), wanted.archive.filename)
}

/// Fetches the rest of a part, hashing on the way. One that is whole and not what the hub says is begun anew.
async fn download(
    hub: &Hub,
    url: &str,
    part: &mut Part,
    wanted: Wanted<'_>,
    progress: Progress<'_>,
) -> Result<Digests, FetchError> {
    let size = wanted.archive.size;
    if part.length() < size {
        fetch_rest(hub, url, part, wanted, progress).await?;
    }
    if part.length() < size {
        return Err(FetchError::Size { path: url.to_owned(), found: part.length(), expected: size });
    }
    let digests = part.digests();
    if let Err(error) = wanted.verify(url, &digests) {
        let at = part.path().to_path_buf();
        part.restart(wanted.digest()?).map_err(|error| io_error("write", &at, error))?;
        return Err(error);
    }
    Ok(digests)
}

async fn fetch_rest(
    hub: &Hub,
    url: &str,
    part: &mut Part,
    wanted: Wanted<'_>,
    progress: Progress<'_>,
) -> Result<(), FetchError> {
    let size = wanted.archive.size;
    let http = |error: KojiError| match error {
        KojiError::Http { status: 404, .. } => FetchError::Missing(url.to_owned()),
        error => FetchError::Http { url: url.to_owned(), error: Box::new(error) },
    };
    let io = |part: &Part, error| FetchError::Io { action: "write", path: part.path().to_path_buf(), error };
    // One byte more than expected is let through, so that a file that is too long is told from one that is right.
    let mut stream = hub.get_file_from(url, part.length(), size.saturating_add(1)).await.map_err(http)?;
    if stream.offset() != part.length() {
        part.restart(wanted.digest()?).map_err(|error| io(part, error))?;
    }
    while let Some(chunk) = stream.chunk().await.map_err(http)? {
        let chunk = chunk.as_ref();
        let found = part.length() + chunk.len() as u64;
        if found > size {
            part.restart(wanted.digest()?).map_err(|error| io(part, error))?;
            return Err(FetchError::Size { path: url.to_owned(), found, expected: size });
        }
        part.write(chunk).map_err(|error| io(part, error))?;
        progress(chunk.len() as u64);
    }
    Ok(())
}
