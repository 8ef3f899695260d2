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
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use thiserror::Error;
use tokio::sync::mpsc;

/// Pauses between the attempts of a download: about two minutes in all, as Pungi gives up after 120 s.
const DOWNLOAD_PAUSES: [Duration; 6] = [
    Duration::from_millis(200),
    Duration::from_secs(2),
    Duration::from_secs(8),
    Duration::from_secs(20),
    Duration::from_secs(30),
    Duration::from_secs(60),
];

/// Pieces of a download that wait to be written, at the most; each is some hundred kilobytes.
const CHUNKS_WAITING: usize = 8;

/// A piece of a download.
type Chunk = Box<dyn AsRef<[u8]> + Send>;

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
    /// The thread that was at it is gone.
    #[error("a worker was lost: {0}")]
    Worker(String),
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
pub type Progress = Arc<dyn Fn(u64) + Send + Sync>;

/// One file of a build, to be had from a volume: what the hub says of it, and what is to be computed.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Path below the top of the volume. Its components were checked when the hub's answer was decoded.
    path: String,
    size: u64,
    algorithm: &'static str,
    checksum: String,
    /// Algorithms to compute besides the one that the hub used.
    algorithms: Vec<String>,
}

impl Wanted {
    /// The file of `archive`, of which `algorithms` are wanted too.
    pub fn new(build: &Build, archive: &Archive, algorithms: &[String]) -> Self {
        let directory = pathinfo::build_images("", build);
        Self {
            path: format!("{}/{}", directory.trim_start_matches('/'), archive.filename),
            size: archive.size,
            algorithm: archive.checksum_type.name(),
            checksum: archive.checksum.clone(),
            algorithms: algorithms.to_vec(),
        }
    }

    fn digest(&self) -> Result<MultiDigest, FetchError> {
        MultiDigest::new(self.algorithms.iter().map(String::as_str).chain([self.algorithm]))
            .map_err(FetchError::Algorithm)
    }

    /// Compares what was read from `path` with what the hub says.
    fn verify(&self, path: &str, digests: &Digests) -> Result<(), FetchError> {
        self.verify_size(path, digests.size)?;
        let found = digests.values.get(self.algorithm).map_or("", String::as_str);
        if !found.eq_ignore_ascii_case(&self.checksum) {
            return Err(FetchError::Checksum {
                path: path.to_owned(),
                algorithm: self.algorithm,
                found: found.to_owned(),
                expected: self.checksum.clone(),
            });
        }
        Ok(())
    }

    fn verify_size(&self, path: &str, found: u64) -> Result<(), FetchError> {
        if found == 0 {
            return Err(FetchError::Empty(path.to_owned()));
        }
        if found != self.size {
            return Err(FetchError::Size { path: path.to_owned(), found, expected: self.size });
        }
        Ok(())
    }

    fn read(&self, path: &Path, progress: &Progress) -> Result<Digests, FetchError> {
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
        self.verify_size(&name, meta.len())?;
        let digests =
            self.digest()?.read_all(&mut file, &mut |n| progress(n)).map_err(|error| io_error("read", path, error))?;
        self.verify(&name, &digests)?;
        Ok(digests)
    }
}

fn io_error(action: &'static str, path: &Path, error: io::Error) -> FetchError {
    FetchError::Io { action, path: path.to_path_buf(), error }
}

impl Volume {
    /// Reads a file from a local volume, or makes sure that it is in the cache, fetching it if need be.
    ///
    /// A file that is in the cache already is verified like a new one and, as in Pungi, gets the current time as its mtime,
    /// so that whoever cleans the cache sees that it was used.
    ///
    /// A download that breaks is tried again; `warn` is told why, and `stop` ends the waiting.
    pub async fn fetch(
        &self,
        hub: &Hub,
        wanted: Wanted,
        progress: Progress,
        warn: &(dyn Fn(String) + Send + Sync),
        stop: &Stop,
    ) -> Result<Verified, FetchError> {
        let (topurl, cache) = match self {
            Self::Local { topdir } => {
                let topdir = topdir.clone();
                return blocking(move || read_local(&topdir, &wanted, &progress)).await;
            }
            Self::Cache { topurl, cache } => (topurl, cache),
        };
        let (path, url) = (cache.join(&wanted.path), pathinfo::url(topurl, &wanted.path));
        let present = {
            let (cache, path, wanted, progress) = (cache.clone(), path.clone(), wanted.clone(), Arc::clone(&progress));
            blocking(move || read_cached(&cache, &path, &wanted, &progress)).await?
        };
        if let Some(digests) = present {
            return Ok(Verified { path, digests });
        }
        let mut part = {
            let (path, wanted) = (path.clone(), wanted.clone());
            blocking(move || {
                // Once, so that a wrong name is found before anything is made of it.
                wanted.digest()?;
                Part::open(&path, &wanted.checksum, wanted.size, || wanted.digest().unwrap_or_default())
                    .map_err(|(path, error)| FetchError::Io { action: "open", path, error })
            })
            .await?
        };
        let mut pauses = DOWNLOAD_PAUSES.iter();
        let mut damaged = 0;
        loop {
            let before = part.length();
            let (there, result) = download(hub, &url, part, &wanted, &progress).await?;
            part = there;
            let error = match result {
                Ok(digests) => {
                    let (at, place) = (part.path().to_path_buf(), path.clone());
                    blocking(move || part.keep(&place).map_err(|error| io_error("write", &at, error))).await?;
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

/// Runs what blocks on a thread that may.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FetchError> + Send + 'static,
) -> Result<T, FetchError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|lost| Err(FetchError::Worker(lost.to_string())))
}

/// Reads a file of the volume that is mounted at `topdir`, and compares it with what the hub says. Blocks.
pub fn read_local(topdir: &Path, wanted: &Wanted, progress: &Progress) -> Result<Verified, FetchError> {
    let path = topdir.join(&wanted.path);
    match wanted.read(&path, progress) {
        Ok(digests) => Ok(Verified { path, digests }),
        // A mount that has vanished is not a file that the hub has lost.
        Err(FetchError::Missing(_)) if !topdir.is_dir() => Err(FetchError::NoVolume(topdir.to_path_buf())),
        Err(error) => Err(error),
    }
}

/// A file that is in the cache as it should be; nothing, and a directory for it, when it has to be fetched.
fn read_cached(cache: &Path, path: &Path, wanted: &Wanted, progress: &Progress) -> Result<Option<Digests>, FetchError> {
    beneath::make_dir(cache, path.parent().unwrap_or(cache))?;
    // A link in the cache is nothing of ours; a file takes its place.
    if path.symlink_metadata().is_ok_and(|meta| meta.is_symlink()) {
        return Ok(None);
    }
    match wanted.read(path, progress) {
        Ok(digests) => {
            let touched = File::options().append(true).open(path).and_then(|f| f.set_modified(SystemTime::now()));
            touched.map_err(|error| io_error("touch", path, error))?;
            Ok(Some(digests))
        }
        // A damaged file in the cache is replaced by a good one.
        Err(FetchError::Missing(_) | FetchError::Empty(_) | FetchError::Size { .. } | FetchError::Checksum { .. }) => {
            Ok(None)
        }
        Err(error) => Err(error),
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

/// A part, and what became of the attempt to complete it.
type Attempt<T> = (Part, Result<T, FetchError>);

/// Fetches the rest of a part, hashing on the way. One that is whole and not what the hub says is begun anew. The error is one
/// after which there is no part.
async fn download(
    hub: &Hub,
    url: &str,
    mut part: Part,
    wanted: &Wanted,
    progress: &Progress,
) -> Result<Attempt<Digests>, FetchError> {
    let size = wanted.size;
    if part.length() < size {
        let (there, result) = fetch_rest(hub, url, part, wanted, progress).await?;
        part = there;
        if let Err(error) = result {
            return Ok((part, Err(error)));
        }
    }
    if part.length() < size {
        let found = part.length();
        return Ok((part, Err(FetchError::Size { path: url.to_owned(), found, expected: size })));
    }
    let digests = part.digests();
    let verified = wanted.verify(url, &digests);
    if verified.is_err() {
        restart(&mut part, wanted)?;
    }
    Ok((part, verified.map(|()| digests)))
}

fn restart(part: &mut Part, wanted: &Wanted) -> Result<(), FetchError> {
    let at = part.path().to_path_buf();
    part.restart(wanted.digest()?).map_err(|error| io_error("write", &at, error))
}

/// Receives what is missing of a part, while another thread writes and hashes what has come.
async fn fetch_rest(
    hub: &Hub,
    url: &str,
    mut part: Part,
    wanted: &Wanted,
    progress: &Progress,
) -> Result<Attempt<()>, FetchError> {
    let size = wanted.size;
    let http = |error: KojiError| match error {
        KojiError::Http { status: 404, .. } => FetchError::Missing(url.to_owned()),
        error => FetchError::Http { url: url.to_owned(), error: Box::new(error) },
    };
    // One byte more than expected is let through, so that a file that is too long is told from one that is right.
    let mut stream = match hub.get_file_from(url, part.length(), size.saturating_add(1)).await {
        Ok(stream) => stream,
        Err(error) => return Ok((part, Err(http(error)))),
    };
    if stream.offset() != part.length() {
        restart(&mut part, wanted)?;
    }
    let mut found = part.length();
    let (chunks, to_write) = mpsc::channel::<Chunk>(CHUNKS_WAITING);
    let writer = tokio::task::spawn_blocking(move || write_chunks(part, to_write));
    let receive = async {
        while let Some(chunk) = stream.chunk().await.map_err(http)? {
            let length = chunk.as_ref().len() as u64;
            found += length;
            if found > size {
                return Err(FetchError::Size { path: url.to_owned(), found, expected: size });
            }
            if chunks.send(Box::new(chunk)).await.is_err() {
                // The writer has failed and says why.
                break;
            }
            progress(length);
        }
        Ok(())
    };
    let received = receive.await;
    drop(chunks);
    let mut part = writer.await.unwrap_or_else(|lost| Err(FetchError::Worker(lost.to_string())))?;
    if found > size {
        restart(&mut part, wanted)?;
    }
    Ok((part, received))
}

fn write_chunks(mut part: Part, mut chunks: mpsc::Receiver<Chunk>) -> Result<Part, FetchError> {
    while let Some(chunk) = chunks.blocking_recv() {
        part.write((*chunk).as_ref()).map_err(|error| io_error("write", part.path(), error))?;
    }
    Ok(part)
}
