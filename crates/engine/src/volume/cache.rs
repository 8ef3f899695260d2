//! The *cache*: files of builds that are fetched over HTTP, hashed while they come, and kept for the next compose (facts: linking 5).

use super::downloads::{Downloads, Promise};
use super::{FetchError, Progress, Verified, WantedFile, io_error};
use crate::blocking::{blocking, blocking_long};
use crate::digest::{Digests, MultiDigest};
use crate::partial_download::{Claim, Goal, PartialDownload, is_taken};
use crate::stop::{Stop, Stopped};
use magudi_compose::confined;
use magudi_koji::{Hub, KojiError, pathinfo};
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
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

/// The pause before another attempt of a download for which the server has no room beside the others.
const CROWDED_PAUSE: Duration = Duration::from_secs(1);

/// How often it is looked how another process gets on with a download.
const OTHERS_PAUSE: Duration = Duration::from_millis(200);

/// How long another process may not get on with a download before it is done beside it: longer than that process's own patience.
const OTHERS_PATIENCE: Duration = Duration::from_secs(240);

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
    downloads: Arc<Downloads>,
}

impl Cache {
    /// The cache of `topurl` in `directory`. Copies share what they know of the server.
    pub fn new(topurl: &str, directory: PathBuf) -> Self {
        Self { topurl: topurl.trim_end_matches('/').to_owned(), directory, downloads: Arc::default() }
    }

    /// The downloads of all copies.
    pub fn downloads(&self) -> &Downloads {
        &self.downloads
    }

    /// Makes sure that a file is in the cache, fetching it if need be.
    ///
    /// A file that is in the cache already is verified like a new one and, as in Pungi, gets the current time as its mtime,
    /// so that the one who cleans the cache sees that it was used.
    ///
    /// A download that breaks is tried again; `warn` hears why, and `stop` ends the waiting. What another process is
    /// downloading is waited for.
    pub async fn fetch(
        &self,
        hub: &Hub,
        wanted: WantedFile,
        progress: Progress,
        warn: &(dyn Fn(String) + Send + Sync),
        stop: &Stop,
    ) -> Result<Verified, FetchError> {
        let (path, url) = (self.directory.join(&wanted.path), pathinfo::url(&self.topurl, &wanted.path));
        let size = match wanted.size {
            Some(size) => size,
            None => stated_size(hub, &url, &self.downloads, warn, stop).await?,
        };
        let wanted = WantedFile { size: Some(size), ..wanted };
        let mut others = Others::default();
        let part = loop {
            let before = is_file(&path);
            let present = {
                let (cache, path, wanted, progress, stop) =
                    (self.directory.clone(), path.clone(), wanted.clone(), Arc::clone(&progress), stop.clone());
                blocking_long(move || read_cached(&cache, &path, &wanted, &progress, &stop)).await??
            };
            if let Some(digests) = present {
                return Ok(Verified { path, digests });
            }
            let claimed = {
                let (path, wanted, stop, apart) = (path.clone(), wanted.clone(), stop.clone(), others.are_stuck);
                blocking_long(move || claim(&path, &wanted, apart, &stop)).await??
            };
            match claimed {
                // It has come since it was looked for.
                Claim::Ours(part) if is_file(&path) != before => part.discard(),
                Claim::Ours(part) => break part,
                Claim::Theirs => {
                    if !others.are_known {
                        warn(format!("another magudi is fetching {url}: waiting for it"));
                    }
                    others.wait(&path, &wanted, before, stop).await?;
                }
                Claim::Unknown(error) => {
                    let place = self.directory.display();
                    warn(format!("{place} has no locks ({error}): others may fetch the same files at the same time"));
                    others.are_stuck = true;
                }
            }
        };
        let room = self.downloads.room_for(&path, size.saturating_sub(part.length()))?;
        let source = Source { hub, url: &url, wanted: &wanted, progress: &progress, downloads: &self.downloads };
        source.complete(path, part, room, warn, stop).await
    }
}

/// Where a file comes from, and who hears of it.
struct Source<'a> {
    hub: &'a Hub,
    url: &'a str,
    wanted: &'a WantedFile,
    progress: &'a Progress,
    downloads: &'a Downloads,
}

impl Source<'_> {
    fn size(&self) -> u64 {
        self.wanted.size.unwrap_or_default()
    }

    /// Downloads what is missing of a part, as often as it is worth it.
    async fn complete(
        &self,
        path: PathBuf,
        mut part: PartialDownload,
        mut room: Promise<'_>,
        warn: &(dyn Fn(String) + Send + Sync),
        stop: &Stop,
    ) -> Result<Verified, FetchError> {
        let mut patience = DownloadPatience::new(part.length(), self.downloads);
        loop {
            let (there, result) = self.download(part, &mut room).await?;
            part = there;
            let error = match result {
                Ok(digests) => {
                    let (at, place) = (part.path().to_path_buf(), path.clone());
                    blocking_long(move || part.keep(&place).map_err(|error| io_error("write", &at, error))).await??;
                    return Ok(Verified { path, digests });
                }
                Err(error) => error,
            };
            let next = match part.length() {
                0 => "fetching it again".to_owned(),
                at => format!("continuing at byte {at}"),
            };
            match patience.wait(&error, part.length(), &next, warn, stop).await {
                Next::Attempt => {}
                Next::GiveUp => {
                    if matches!(error, FetchError::Checksum { .. }) {
                        part.discard();
                    }
                    return Err(error);
                }
                Next::Stop => return Err(error),
            }
        }
    }

    /// Fetches the rest of a part, hashing on the way. One that is whole and not what the hub says is begun again. The error is one
    /// after which there is no part.
    async fn download(
        &self,
        mut part: PartialDownload,
        room: &mut Promise<'_>,
    ) -> Result<Attempt<Digests>, FetchError> {
        let size = self.size();
        if part.length() < size {
            let (there, result) = self.fetch_rest(part, room).await?;
            part = there;
            if let Err(error) = result {
                return Ok((part, Err(error)));
            }
        }
        if part.length() < size {
            let found = part.length();
            return Ok((part, Err(FetchError::Size { path: self.url.to_owned(), found, expected: size })));
        }
        let digests = part.digests();
        let verified = self.wanted.verify(self.url, &digests);
        if verified.is_err() {
            restart(&mut part, self.wanted)?;
        }
        Ok((part, verified.map(|()| digests)))
    }

    /// Receives what is missing of a part, while another thread writes and hashes what has come.
    async fn fetch_rest(&self, mut part: PartialDownload, room: &mut Promise<'_>) -> Result<Attempt<()>, FetchError> {
        let (url, size) = (self.url, self.size());
        let http = |error: KojiError| http_error(url, error);
        // One byte more than expected is let through, so that a file that is too long is noticed.
        let limit = size.saturating_add(1);
        let mut asked = self.hub.get_file_from(url, part.length(), limit).await;
        if part.length() > 0 && asked.as_ref().is_err_and(is_no_such_range) {
            // What is there is not the beginning of what the server has now.
            restart(&mut part, self.wanted)?;
            asked = self.hub.get_file_from(url, 0, limit).await;
        }
        let mut stream = match asked {
            Ok(stream) => stream,
            Err(error) => return Ok((part, Err(http(error)))),
        };
        if stream.offset() != part.length() {
            restart(&mut part, self.wanted)?;
        }
        let mut found = part.length();
        let (chunks, to_write) = mpsc::channel::<Chunk>(CHUNKS_WAITING);
        let receive = async {
            // Dropped at the end, which ends the writing.
            let chunks = chunks;
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
                self.downloads.received(length);
                room.remains(size - found);
                (self.progress)(length);
            }
            Ok(())
        };
        let (received, written) = tokio::join!(receive, write_chunks(part, to_write));
        let mut part = written?;
        if found > size {
            restart(&mut part, self.wanted)?;
        }
        Ok((part, received))
    }
}

/// The size that the server states.
async fn stated_size(
    hub: &Hub,
    url: &str,
    downloads: &Downloads,
    warn: &(dyn Fn(String) + Send + Sync),
    stop: &Stop,
) -> Result<u64, FetchError> {
    let mut patience = DownloadPatience::new(0, downloads);
    loop {
        let error = match hub.get_file(url, u64::MAX).await {
            Ok(stream) => return stream.content_length().ok_or_else(|| FetchError::Unsized(url.to_owned())),
            Err(error) => http_error(url, error),
        };
        if !matches!(patience.wait(&error, 0, "asking again", warn, stop).await, Next::Attempt) {
            return Err(error);
        }
    }
}

fn http_error(url: &str, error: KojiError) -> FetchError {
    match error {
        KojiError::Http { status: 404, .. } => FetchError::Missing(url.to_owned()),
        error => FetchError::Http { url: url.to_owned(), error: Box::new(error) },
    }
}

/// What comes after an attempt that failed.
enum Next {
    Attempt,
    GiveUp,
    Stop,
}

/// What is left of the patience with one download.
struct DownloadPatience<'a> {
    downloads: &'a Downloads,
    pauses: std::slice::Iter<'static, Duration>,
    /// How many bytes there were at the most.
    furthest: u64,
    /// How many there were before the attempt, and how many had come of all downloads.
    before: (u64, u64),
    damaged: usize,
    /// The attempt before was refused while other downloads got on: the server is well, and this one's turn comes when one of them ends.
    is_crowded: bool,
}

impl<'a> DownloadPatience<'a> {
    fn new(there: u64, downloads: &'a Downloads) -> Self {
        let (pauses, before) = (DOWNLOAD_PAUSES.iter(), (there, downloads.come()));
        Self { downloads, pauses, furthest: there, before, damaged: 0, is_crowded: false }
    }

    /// Waits for the time of the next attempt, after one that left `there` bytes, and says what is done `next`.
    async fn wait(
        &mut self,
        error: &FetchError,
        there: u64,
        next: &str,
        warn: &(dyn Fn(String) + Send + Sync),
        stop: &Stop,
    ) -> Next {
        let (length, come) = self.before;
        let refused = (there == length && is_refusal(error)).then(|| self.downloads.refused(come));
        let Some(pause) = self.after(error, there) else { return Next::GiveUp };
        // As long as it is crowded, each attempt would be a line of its own.
        if !(self.is_crowded && refused.is_some()) {
            warn(format!("{error}; {next} in {} s", pause.as_secs_f64()));
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.wait() => return Next::Stop,
        }
        let is_crowded = refused.is_some_and(|refused| refused.is_one_too_many());
        if is_crowded && !self.is_crowded {
            warn(
                "the server of files takes no more downloads at the same time: waiting for one of them to end"
                    .to_owned(),
            );
        }
        self.is_crowded = is_crowded;
        self.before = (there, self.downloads.come());
        Next::Attempt
    }

    /// The pause before the next attempt, after one that left `there` bytes; none, when it is not worth another one.
    fn after(&mut self, error: &FetchError, there: u64) -> Option<Duration> {
        // A download that gets on is not given up, however often it breaks. What had come before and was lost is not progress: a
        // server that always begins at the start and always breaks off would be asked for ever.
        if there > self.furthest {
            self.furthest = there;
            self.pauses = DOWNLOAD_PAUSES.iter();
        }
        if matches!(error, FetchError::Checksum { .. }) {
            // It has come whole, and begins again: the number of times bounds it.
            self.damaged += 1;
            self.furthest = 0;
        }
        if !is_worth_another_try(error) || self.damaged > REPEATS_OF_DAMAGE {
            return None;
        }
        if self.is_crowded && is_refusal(error) {
            self.pauses = DOWNLOAD_PAUSES.iter();
            return Some(CROWDED_PAUSE);
        }
        self.pauses.next().copied()
    }
}

/// Other processes that download the same file.
#[derive(Debug, Default)]
struct Others {
    are_known: bool,
    /// They do not get on, or it cannot be known whether there are any: the file is downloaded beside them.
    are_stuck: bool,
}

impl Others {
    /// Returns when the file is there, or no process downloads it any more, or the download has made no progress for long.
    async fn wait(&mut self, path: &Path, wanted: &WantedFile, before: Seen, stop: &Stop) -> Result<(), FetchError> {
        self.are_known = true;
        let part = goal(path, wanted, &MultiDigest::default).path();
        let length = || std::fs::symlink_metadata(&part).map_or(0, |meta| meta.len());
        let mut last = (length(), Instant::now());
        while is_file(path) == before && is_taken(&part) {
            let now = length();
            if now != last.0 {
                last = (now, Instant::now());
            }
            if last.1.elapsed() > OTHERS_PATIENCE {
                self.are_stuck = true;
                return Ok(());
            }
            tokio::select! {
                () = tokio::time::sleep(OTHERS_PAUSE) => {}
                () = stop.wait() => return Err(FetchError::Stopped(Stopped)),
            }
        }
        Ok(())
    }
}

/// Which file is at a path, as far as it is one.
type Seen = Option<(u64, u64)>;

fn is_file(path: &Path) -> Seen {
    std::fs::symlink_metadata(path).ok().filter(Metadata::is_file).map(|meta| (meta.dev(), meta.ino()))
}

fn goal<'a>(path: &'a Path, wanted: &'a WantedFile, digest: &'a dyn Fn() -> MultiDigest) -> Goal<'a> {
    let checksum = wanted.checksum.as_ref().map_or("scratch", |(_, checksum)| checksum);
    Goal { destination: path, checksum, size: wanted.size.unwrap_or_default(), digest }
}

/// Claims the part of a file, or makes one that is `apart` from those of all other processes.
fn claim(path: &Path, wanted: &WantedFile, apart: bool, stop: &Stop) -> Result<Claim, FetchError> {
    // Once, so that a wrong name is found before anything is made of it.
    wanted.digest()?;
    let digest = || wanted.digest().unwrap_or_default();
    let goal = goal(path, wanted, &digest);
    let claim = if apart { goal.apart(stop).map(Claim::Ours) } else { goal.claim(stop) };
    claim.map_err(|(path, error)| io_error("open", &path, error))
}

/// A file that is in the cache as it should be; nothing, and a directory for it, when it has to be fetched.
fn read_cached(
    cache: &Path,
    path: &Path,
    wanted: &WantedFile,
    progress: &Progress,
    stop: &Stop,
) -> Result<Option<Digests>, FetchError> {
    confined::make_dir(cache, path.parent().unwrap_or(cache))?;
    // A link in the cache is nothing of ours; a file takes its place.
    if path.symlink_metadata().is_ok_and(|meta| meta.is_symlink()) {
        return Ok(None);
    }
    match wanted.read(path, progress, stop) {
        Ok(digests) => {
            let touched =
                confined::open(path, File::options().append(true)).and_then(|f| f.set_modified(SystemTime::now()));
            match touched {
                // Who cleans a cache that others may only read does not go by us.
                Err(error) if error.kind() != io::ErrorKind::ReadOnlyFilesystem => Err(io_error("touch", path, error)),
                _ => Ok(Some(digests)),
            }
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

/// Whether a server that is well may answer so because it has no room for another download: no connection, none that lasts, no answer,
/// or a status for that.
fn is_refusal(error: &FetchError) -> bool {
    let FetchError::Http { error, .. } = error else { return false };
    matches!(
        **error,
        KojiError::Transport { .. } | KojiError::Timeout { .. } | KojiError::Http { status: 429 | 503, .. }
    )
}

/// A part, and what became of the attempt to complete it.
type Attempt<T> = (PartialDownload, Result<T, FetchError>);

/// Whether a server has no file of which the range that was asked for is a part.
fn is_no_such_range(error: &KojiError) -> bool {
    matches!(error, KojiError::Http { status: 416, .. } | KojiError::Shape(_))
}

fn restart(part: &mut PartialDownload, wanted: &WantedFile) -> Result<(), FetchError> {
    let at = part.path().to_path_buf();
    part.restart(wanted.digest()?).map_err(|error| io_error("write", &at, error))
}

/// Writes and hashes what has come. There is a thread for it only while there is something to write: downloads may be many.
async fn write_chunks(
    mut part: PartialDownload,
    mut chunks: mpsc::Receiver<Chunk>,
) -> Result<PartialDownload, FetchError> {
    let mut come = Vec::new();
    while chunks.recv_many(&mut come, CHUNKS_WAITING).await > 0 {
        let chunks = std::mem::take(&mut come);
        part = blocking(move || write(part, &chunks)).await??;
    }
    Ok(part)
}

fn write(mut part: PartialDownload, chunks: &[Chunk]) -> Result<PartialDownload, FetchError> {
    let pieces: Vec<&[u8]> = chunks.iter().map(|chunk| (**chunk).as_ref()).collect();
    part.write(&pieces).map_err(|error| io_error("write", part.path(), error))?;
    Ok(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_never_reached_before_is_progress() {
        let downloads = Downloads::default();
        let broken = || FetchError::Size { path: "f".to_owned(), found: 1, expected: 9 };
        let mut patience = DownloadPatience::new(0, &downloads);
        let mut tried = 0;
        // Two megabytes and one in turn.
        while patience.after(&broken(), if tried % 2 == 0 { 2 } else { 1 }).is_some() {
            tried += 1;
            assert!(tried < 100, "it is never given up");
        }
        assert_eq!(tried, DOWNLOAD_PAUSES.len());
        let mut patience = DownloadPatience::new(5, &downloads);
        for there in [1, 6, 7, 3, 8] {
            patience.after(&broken(), there).unwrap();
        }
        assert_eq!(patience.after(&broken(), 9), Some(DOWNLOAD_PAUSES[0]), "it gets on");
    }

    #[test]
    fn one_that_is_crowded_out_is_not_given_up() {
        let downloads = Downloads::default();
        let attempted =
            || magudi_koji::Attempted { what: "GET f".to_owned(), server: "s".to_owned(), attempts: 1, sent: true };
        let with_status = |status| FetchError::Http {
            url: "f".to_owned(),
            error: Box::new(KojiError::Http { call: attempted(), status, excerpt: String::new() }),
        };
        let mut patience = DownloadPatience::new(0, &downloads);
        patience.is_crowded = true;
        for _ in 0..100 {
            assert_eq!(patience.after(&with_status(503), 0), Some(CROWDED_PAUSE));
        }
        // It is the file that cannot be served, however well the others get on.
        let tries = std::iter::from_fn(|| patience.after(&with_status(500), 0)).count();
        assert_eq!(tries, DOWNLOAD_PAUSES.len());
        // The others get on no more.
        let mut patience = DownloadPatience::new(0, &downloads);
        let tries = std::iter::from_fn(|| patience.after(&with_status(503), 0)).count();
        assert_eq!(tries, DOWNLOAD_PAUSES.len());
    }
}
