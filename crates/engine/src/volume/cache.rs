//! The *cache*: files of builds that are fetched over HTTP, hashed while they come, and kept for the next compose (PUNGI.md 9).

use super::{FetchError, Progress, Verified, Wanted, io_error};
use crate::blocking::blocking;
use crate::digest::Digests;
use crate::part::Part;
use crate::stop::Stop;
use magudi_compose::beneath;
use magudi_koji::{Hub, KojiError, pathinfo};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
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
type Chunk = Box<dyn AsRef<[u8]> + Send + Sync>;

/// How often a file that came whole and is not what the hub says is fetched again: once for a bit that flipped on the way.
const REPEATS_OF_DAMAGE: usize = 1;

/// A directory into which `topurl` is fetched.
#[derive(Debug, Clone)]
pub struct Cache {
    /// The URL, without a trailing slash.
    pub topurl: String,
    /// The directory: `koji_cache`.
    pub directory: PathBuf,
}

impl Cache {
    /// Makes sure that a file is in the cache, fetching it if need be.
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
        let (path, url) = (self.directory.join(&wanted.path), pathinfo::url(&self.topurl, &wanted.path));
        let present = {
            let (cache, path, wanted, progress, stop) =
                (self.directory.clone(), path.clone(), wanted.clone(), Arc::clone(&progress), stop.clone());
            blocking(move || read_cached(&cache, &path, &wanted, &progress, &stop)).await??
        };
        if let Some(digests) = present {
            return Ok(Verified { path, digests });
        }
        let mut part = {
            let (path, wanted, stop) = (path.clone(), wanted.clone(), stop.clone());
            blocking(move || {
                // Once, so that a wrong name is found before anything is made of it.
                wanted.digest()?;
                Part::open(&path, &wanted.checksum, wanted.size, || wanted.digest().unwrap_or_default(), &stop)
                    .map_err(|(path, error)| io_error("open", &path, error))
            })
            .await??
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
                    blocking(move || part.keep(&place).map_err(|error| io_error("write", &at, error))).await??;
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

/// A file that is in the cache as it should be; nothing, and a directory for it, when it has to be fetched.
fn read_cached(
    cache: &Path,
    path: &Path,
    wanted: &Wanted,
    progress: &Progress,
    stop: &Stop,
) -> Result<Option<Digests>, FetchError> {
    beneath::make_dir(cache, path.parent().unwrap_or(cache))?;
    // A link in the cache is nothing of ours; a file takes its place.
    if path.symlink_metadata().is_ok_and(|meta| meta.is_symlink()) {
        return Ok(None);
    }
    match wanted.read(path, progress, stop) {
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
    let writer = blocking(move || write_chunks(part, to_write));
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
    let mut part = writer.await??;
    if found > size {
        restart(&mut part, wanted)?;
    }
    Ok((part, received))
}

fn write_chunks(mut part: Part, mut chunks: mpsc::Receiver<Chunk>) -> Result<Part, FetchError> {
    let mut come = Vec::with_capacity(CHUNKS_WAITING);
    while chunks.blocking_recv_many(&mut come, CHUNKS_WAITING) > 0 {
        let pieces: Vec<&[u8]> = come.iter().map(|chunk: &Chunk| (**chunk).as_ref()).collect();
        part.write(&pieces).map_err(|error| io_error("write", part.path(), error))?;
        come.clear();
    }
    Ok(part)
}
