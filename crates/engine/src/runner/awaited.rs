//! What must be *on disk* before a request is sent: the repositories that its image is built from, which somebody else is
//! making at the same time.

use super::Run;
use crate::blocking::blocking;
use crate::event::Level;
use magudi_config::regular;
use magudi_config::words::{agreeing, counted, counted_with};
use std::collections::VecDeque;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// How often it is looked for what is not there yet.
const PAUSE: Duration = Duration::from_millis(500);

/// The longest index of a repository that is read, in bytes: repomd.xml has some kilobytes.
const MAX_INDEX: u64 = 1 << 20;

#[derive(Debug, Clone)]
pub struct Awaited {
    /// Every file that a request waits for, once.
    paths: Vec<PathBuf>,
    /// For each request the places of its files among them.
    of: Vec<Vec<usize>>,
    /// How long a request waits; none: as long as it takes.
    pub limit: Option<Duration>,
    /// Set when no more files are made.
    pub over: Option<watch::Receiver<bool>>,
}

impl Awaited {
    /// What each request waits for: files that must all be there.
    pub fn new(needs: Vec<Vec<PathBuf>>) -> Self {
        let mut paths: Vec<PathBuf> = needs.iter().flatten().cloned().collect();
        paths.sort();
        paths.dedup();
        let place = |path: &PathBuf| paths.binary_search(path).ok();
        let of = needs.iter().map(|files| files.iter().filter_map(place).collect()).collect();
        Self { paths, of, limit: None, over: None }
    }

    fn is_over(&self) -> bool {
        self.over.as_ref().is_some_and(|over| *over.borrow() || over.has_changed().is_err())
    }
}

/// The requests that wait, and what is known of what they wait for.
pub(super) struct Waiting {
    requests: VecDeque<usize>,
    /// Whether each of the files is there.
    is_there: Vec<bool>,
    until: Option<Instant>,
    next: Instant,
}

impl Waiting {
    /// None wait.
    pub(super) fn none() -> Self {
        Self { requests: VecDeque::new(), is_there: Vec::new(), until: None, next: Instant::now() }
    }

    /// Takes those out of `to_send` that have something to wait for.
    pub(super) fn of(awaited: &Awaited, to_send: &mut VecDeque<usize>) -> Self {
        let is_free = |request: &usize| awaited.of.get(*request).is_none_or(Vec::is_empty);
        let (free, requests) = std::mem::take(to_send).into_iter().partition(is_free);
        *to_send = free;
        let now = Instant::now();
        // A limit beyond all times is none.
        let until = awaited.limit.and_then(|limit| now.checked_add(limit));
        Self { requests, is_there: vec![false; awaited.paths.len()], until, next: now }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// Ends when it is time to look again; never, if no request waits.
    pub(super) async fn next_look(&self) {
        if self.requests.is_empty() {
            std::future::pending::<()>().await;
        }
        sleep(self.next.saturating_duration_since(Instant::now())).await;
    }

    /// The first file that is missing for a request.
    fn missing<'a>(&self, awaited: &'a Awaited, request: usize) -> Option<&'a Path> {
        let place = awaited.of[request].iter().find(|place| !self.is_there[**place])?;
        Some(&awaited.paths[*place])
    }
}

impl Run {
    /// Looks for what requests wait for, and lets those go that have everything, or that wait in vain.
    pub(super) async fn look_for_files(&self, waiting: &mut Waiting, to_send: &mut VecDeque<usize>) {
        let Some(awaited) = &self.runner.awaited else { return };
        // Before the last look: what is there when no more files are made was made before.
        let is_over = awaited.is_over();
        let open: Vec<(usize, PathBuf)> = waiting
            .requests
            .iter()
            .flat_map(|request| &awaited.of[*request])
            .filter(|place| !waiting.is_there[**place])
            .map(|place| (*place, awaited.paths[*place].clone()))
            .collect::<std::collections::BTreeMap<_, _>>()
            .into_iter()
            .collect();
        let look = move || open.into_iter().filter(|(_, path)| is_whole(path)).map(|(place, _)| place).collect();
        let found: Vec<usize> = blocking(look).await.unwrap_or_default();
        for place in found {
            waiting.is_there[place] = true;
        }
        let is_late = waiting.until.is_some_and(|until| Instant::now() >= until);
        let mut going = 0;
        for request in std::mem::take(&mut waiting.requests) {
            match waiting.missing(awaited, request) {
                None => {
                    to_send.push_back(request);
                    going += 1;
                }
                Some(path) if is_over || is_late => {
                    let why = if is_over {
                        "Pungi has ended without making it".to_owned()
                    } else {
                        format!("it did not appear within {}", shown(awaited.limit.unwrap_or_default()))
                    };
                    self.refuse(request, format!("{} is missing: {why}", path.display()), None);
                }
                Some(_) => waiting.requests.push_back(request),
            }
        }
        if going > 0 && !waiting.is_empty() {
            let rest = waiting.requests.len();
            let wait = agreeing(rest, "waits", "wait");
            let text = format!("The repositories of {} exist; {rest} still {wait}", counted(going, "image"));
            self.runner.events.message(Level::Debug, None, text);
        }
        waiting.next = Instant::now() + PAUSE;
    }

    pub(super) fn say_waiting(&self, waiting: &Waiting) {
        let Some((awaited, first)) = self.runner.awaited.as_ref().zip(waiting.requests.front()) else { return };
        let Some(path) = waiting.missing(awaited, *first) else { return };
        let images = counted_with(waiting.requests.len(), "image", "waits", "wait");
        let text = format!("{images} for repositories of the compose, such as {}", path.display());
        self.runner.events.message(Level::Info, None, text);
    }
}

fn shown(duration: Duration) -> String {
    jiff::SignedDuration::try_from(duration).map_or_else(|_| String::new(), |duration| format!("{duration:#}"))
}

/// Whether a file is there; the index of a repository only counts when what it lists is there too, since somebody may be copying it.
pub fn is_whole(path: &Path) -> bool {
    if path.file_name().is_none_or(|name| name != "repomd.xml") {
        return path.is_file();
    }
    let mut text = String::new();
    let read = regular::open(path).and_then(|file| file.take(MAX_INDEX).read_to_string(&mut text));
    let Some(root) = path.parent().and_then(Path::parent) else { return false };
    read.is_ok() && !text.is_empty() && listed(&text).all(|file| root.join(file).is_file())
}

/// The files that an index lists, but for those outside of the repository.
fn listed(index: &str) -> impl Iterator<Item = &str> {
    let hrefs = index.split("<location").skip(1).filter_map(|rest| {
        let (_, rest) = rest[..rest.find('>')?].split_once("href=")?;
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        rest[1..].split(quote).next()
    });
    hrefs.filter(|href| !href.contains("://") && !href.starts_with('/') && !href.split('/').any(|part| part == ".."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_repository_is_there_when_all_of_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let repodata = dir.path().join("repodata");
        let index = repodata.join("repomd.xml");
        assert!(!is_whole(&index));
        fs::create_dir(&repodata).unwrap();
        fs::write(&index, "").unwrap();
        assert!(!is_whole(&index), "it is being written");
        fs::write(&index, "<repomd><data><location href=\"repodata/a.xml.gz\"/></data></repomd>").unwrap();
        assert!(!is_whole(&index));
        fs::write(repodata.join("a.xml.gz"), "x").unwrap();
        assert!(is_whole(&index));
        fs::write(&index, "<repomd><location href='../../etc/x'/><location href='http://h/x'/></repomd>").unwrap();
        assert!(is_whole(&index), "what is elsewhere is not waited for");
    }

    #[test]
    fn a_file_of_many_requests_is_looked_for_once() {
        let awaited = Awaited::new(vec![vec!["/b".into(), "/a".into()], vec![], vec!["/a".into()]]);
        assert_eq!(awaited.paths, [PathBuf::from("/a"), PathBuf::from("/b")]);
        assert_eq!(awaited.of, [vec![1, 0], vec![], vec![0]]);
        let mut to_send = VecDeque::from([0, 1, 2]);
        let waiting = Waiting::of(&awaited, &mut to_send);
        assert_eq!((to_send, waiting.requests), (VecDeque::from([1]), VecDeque::from([0, 2])));
    }
}
