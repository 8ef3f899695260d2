//! *Downloads* at the same time: as many as are faster together than fewer. That is found out while they run, because it depends on
//! the server, the way to it and this machine: from time to time there are a few more or fewer for a moment, and it is kept at what
//! pays.

use crate::room::{NoRoom, check_room_beside};
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, SemaphorePermit};

/// How many there are at first.
const FIRST: usize = 2;

/// How many there are at the most: each keeps a connection of the server and some megabytes of memory.
const MOST: usize = 16;

/// How long it is watched how fast they are together.
const WINDOW: Duration = Duration::from_millis(500);

/// How much faster more of them must be to be worth it.
const WORTH_MORE: f64 = 1.1;

/// How much slower fewer of them may be.
const WORTH_FEWER: f64 = 0.97;

/// Windows between two trials, after one that changed nothing; each further one doubles them.
const CALM: std::ops::RangeInclusive<u32> = 4..=64;

/// The downloads from one server into one directory.
#[derive(Debug)]
pub struct Downloads {
    turns: Semaphore,
    pace: Mutex<Pace>,
    /// Turns that are too many, and end with the next downloads that do.
    surplus: Mutex<usize>,
    /// Bytes that are still to come of what is being downloaded, for which there must be room.
    promised: AtomicU64,
    /// Whose turn it is to promise more.
    promising: Mutex<()>,
    /// Bytes that have come.
    come: AtomicU64,
    /// Those that have their turn, and wait because the server has refused them.
    refused: AtomicUsize,
}

/// A turn at downloading; it ends when this is dropped.
#[derive(Debug)]
pub struct Turn<'a> {
    downloads: &'a Downloads,
    permit: Option<SemaphorePermit<'a>>,
}

/// A download that the server has refused, until it is tried again.
#[derive(Debug)]
pub(super) struct Refused<'a> {
    downloads: &'a Downloads,
    come: u64,
}

/// Room on the file system that is kept for one download.
#[derive(Debug)]
pub struct Promise<'a> {
    downloads: &'a Downloads,
    bytes: u64,
}

impl Default for Downloads {
    fn default() -> Self {
        Self {
            turns: Semaphore::new(FIRST),
            pace: Mutex::new(Pace::new(Instant::now())),
            surplus: Mutex::default(),
            promised: AtomicU64::default(),
            promising: Mutex::default(),
            come: AtomicU64::default(),
            refused: AtomicUsize::default(),
        }
    }
}

impl Downloads {
    /// Waits for a turn. Those who wait get theirs in the order in which they came.
    pub async fn turn(&self) -> Turn<'_> {
        // Never closed.
        Turn { downloads: self, permit: self.turns.acquire().await.ok() }
    }

    /// How many there may be at the moment.
    pub fn at_once(&self) -> usize {
        lock(&self.pace).at_once
    }

    /// So many more bytes have come.
    pub(super) fn received(&self, bytes: u64) {
        self.come.fetch_add(bytes, Ordering::Relaxed);
        let all_busy = self.turns.available_permits() == 0;
        self.change(|pace| pace.received(bytes, all_busy, Instant::now()));
    }

    /// Bytes that have come of all of them.
    pub(super) fn come(&self) -> u64 {
        self.come.load(Ordering::Relaxed)
    }

    /// One that has its turn was refused, without a byte of it. `come` is how many bytes of all there were before it was asked for.
    pub(super) fn refused(&self, come: u64) -> Refused<'_> {
        self.refused.fetch_add(1, Ordering::Relaxed);
        Refused { downloads: self, come }
    }

    /// Lets `decide` choose how many there may be, and has it so.
    fn change(&self, decide: impl FnOnce(&mut Pace)) {
        let mut pace = lock(&self.pace);
        let before = pace.at_once;
        decide(&mut pace);
        let now = pace.at_once;
        drop(pace);
        if now > before {
            // Those that were to end need not.
            let mut surplus = lock(&self.surplus);
            let spared = (*surplus).min(now - before);
            *surplus -= spared;
            self.turns.add_permits(now - before - spared);
        } else if now < before {
            *lock(&self.surplus) += before - now;
        }
    }

    /// Keeps room for `file`, of which so many bytes are to come, beside that of the other downloads.
    pub(super) fn room_for(&self, file: &Path, bytes: u64) -> Result<Promise<'_>, NoRoom> {
        // What has no room is not promised, even for a moment: it would be missing to the others.
        let _one_at_a_time = lock(&self.promising);
        check_room_beside(file, bytes, self.promised.load(Ordering::Relaxed))?;
        self.promised.fetch_add(bytes, Ordering::Relaxed);
        Ok(Promise { downloads: self, bytes })
    }
}

impl Refused<'_> {
    /// Whether the others get on: then the server is well, and has no room for as many at a time. From now on there are no more than
    /// it serves.
    pub(super) fn is_one_too_many(&self) -> bool {
        let downloads = self.downloads;
        if downloads.come() == self.come {
            return false;
        }
        let refused = downloads.refused.load(Ordering::Relaxed);
        let surplus = *lock(&downloads.surplus);
        let free = downloads.turns.available_permits();
        downloads.change(|pace| {
            let served = (pace.at_once + surplus).saturating_sub(free + refused);
            pace.refused(served, Instant::now());
        });
        true
    }
}

impl Drop for Refused<'_> {
    fn drop(&mut self) {
        self.downloads.refused.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Promise<'_> {
    /// So many bytes are still to come.
    pub(super) fn remains(&mut self, bytes: u64) {
        self.downloads.promised.fetch_add(bytes, Ordering::Relaxed);
        self.downloads.promised.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = bytes;
    }
}

impl Drop for Promise<'_> {
    fn drop(&mut self) {
        self.remains(0);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut surplus = lock(&self.downloads.surplus);
        if *surplus > 0
            && let Some(permit) = self.permit.take()
        {
            *surplus -= 1;
            permit.forget();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Decides how many downloads there may be.
#[derive(Debug)]
struct Pace {
    at_once: usize,
    begun: Instant,
    bytes: u64,
    trial: Option<Trial>,
    /// Windows until the next trial, and how many there were before this one.
    calm: (u32, u32),
    /// Whether the next trial is one with more.
    up: bool,
}

/// Another number of downloads, for a moment.
#[derive(Debug)]
struct Trial {
    /// How many there were before, and how many bytes came in a second then.
    before: (usize, f64),
    /// Those that have just begun are not fast yet, and those that are too many have not ended.
    is_settled: bool,
}

impl Pace {
    fn new(now: Instant) -> Self {
        Self { at_once: FIRST, begun: now, bytes: 0, trial: None, calm: (0, *CALM.start()), up: true }
    }

    /// The server serves only so many of them.
    fn refused(&mut self, served: usize, now: Instant) {
        let served = served.max(1);
        if self.trial.take().is_some() || served < self.at_once {
            self.postpone();
        }
        self.at_once = self.at_once.min(served);
        self.up = false;
        (self.begun, self.bytes) = (now, 0);
    }

    /// Trials become rarer.
    fn postpone(&mut self) {
        self.calm = (self.calm.1, (self.calm.1 * 2).min(*CALM.end()));
    }

    /// So many bytes have come; `all_busy`, when no turn is free.
    fn received(&mut self, bytes: u64, all_busy: bool, now: Instant) {
        self.bytes += bytes;
        let elapsed = now.saturating_duration_since(self.begun);
        if all_busy && elapsed < WINDOW {
            return;
        }
        let rate = self.bytes as f64 / elapsed.as_secs_f64();
        (self.begun, self.bytes) = (now, 0);
        // With a turn that is free more of them would change nothing, and with a pause of the server the rate means nothing.
        if !all_busy || elapsed > 2 * WINDOW {
            return;
        }
        match self.trial.take() {
            Some(trial) if !trial.is_settled => self.trial = Some(Trial { is_settled: true, ..trial }),
            Some(Trial { before: (before, rate_before), .. }) => {
                let more = self.at_once > before;
                if rate >= rate_before * if more { WORTH_MORE } else { WORTH_FEWER } {
                    self.calm = (0, *CALM.start());
                } else {
                    self.at_once = before;
                    self.up = !more;
                    self.postpone();
                }
            }
            None if self.calm.0 > 0 => self.calm.0 -= 1,
            None => {
                let step = (self.at_once / 2).max(1);
                let next = if self.up { self.at_once + step } else { self.at_once.saturating_sub(step) };
                let next = next.clamp(1, MOST);
                if next == self.at_once {
                    self.up = !self.up;
                } else {
                    self.trial = Some(Trial { before: (self.at_once, rate), is_settled: false });
                    self.at_once = next;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many there are after each of `windows`, from a server that sends so many bytes a second to so many of them.
    fn counts(windows: usize, rate: impl Fn(usize) -> u64) -> Vec<usize> {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        let one = |_| {
            for _ in 0..10 {
                now += WINDOW / 10;
                pace.received(rate(pace.at_once) / 20, true, now);
            }
            pace.at_once
        };
        (0..windows).map(one).collect()
    }

    /// The number that there were most of the time, in the second half.
    fn usual(counts: &[usize]) -> usize {
        let half = &counts[counts.len() / 2..];
        (1..=MOST).max_by_key(|n| half.iter().filter(|count| *count == n).count()).unwrap()
    }

    #[test]
    fn a_server_that_gives_each_connection_its_share_gets_many() {
        let counts = counts(200, |n| n as u64 * 1_000_000);
        assert_eq!(counts.iter().max(), Some(&MOST));
        assert_eq!(usual(&counts), MOST, "{counts:?}");
    }

    #[test]
    fn it_ends_where_more_bring_nothing() {
        let counts = counts(400, |n| n.min(6) as u64 * 1_000_000);
        assert!((6..=9).contains(&usual(&counts)), "{counts:?}");
    }

    #[test]
    fn a_slow_server_is_not_asked_for_more() {
        let counts = counts(400, |_| 100_000);
        assert!(usual(&counts) <= FIRST, "{counts:?}");
        assert!(counts.iter().all(|count| *count <= FIRST + 1), "{counts:?}");
        // Trials become rare.
        let late = &counts[200..];
        assert!(late.windows(2).filter(|pair| pair[0] != pair[1]).count() <= 12, "{counts:?}");
    }

    #[test]
    fn what_is_slower_together_becomes_fewer() {
        let counts = counts(200, |n| 1_000_000 / n as u64);
        assert_eq!(usual(&counts), 1, "{counts:?}");
    }

    #[test]
    fn a_turn_that_is_free_and_a_pause_decide_nothing() {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        for n in 0..1_000 {
            now += WINDOW / 4;
            pace.received(1_000 * n, false, now);
        }
        assert_eq!(pace.at_once, FIRST);
        for n in 0..1_000 {
            now += WINDOW * 3;
            pace.received(1_000 * n, true, now);
        }
        assert_eq!(pace.at_once, FIRST);
    }

    #[tokio::test]
    async fn one_that_is_refused_while_others_get_on_is_one_too_many() {
        let downloads = Downloads::default();
        let (one, two) = (downloads.turn().await, downloads.turn().await);
        // Nothing comes of the others either: the server is away, which says nothing of their number.
        let refused = downloads.refused(downloads.come());
        assert!(!refused.is_one_too_many());
        assert_eq!(downloads.at_once(), 2);
        downloads.received(1);
        assert!(refused.is_one_too_many());
        assert_eq!((downloads.at_once(), *lock(&downloads.surplus)), (1, 1));
        // It is refused again: that one is too many is known.
        drop(refused);
        let refused = downloads.refused(downloads.come());
        downloads.received(1);
        assert!(refused.is_one_too_many());
        assert_eq!((downloads.at_once(), *lock(&downloads.surplus)), (1, 1));
        drop(refused);
        // The place of the one that ends is for the one that waits.
        drop(one);
        assert_eq!(downloads.turns.available_permits(), 0);
        drop(two);
        assert_eq!(downloads.turns.available_permits(), 1);
    }

    #[test]
    fn all_that_a_trial_had_too_many_are_taken_back_and_no_more() {
        let now = Instant::now();
        let mut pace =
            Pace { at_once: 13, trial: Some(Trial { before: (9, 1.0), is_settled: false }), ..Pace::new(now) };
        for served in [12, 11, 10, 9, 9, 9] {
            pace.refused(served, now);
        }
        assert_eq!((pace.at_once, pace.up, pace.trial.is_none()), (9, false, true));
        pace.refused(0, now);
        assert_eq!(pace.at_once, 1, "one is always tried");
    }

    #[tokio::test]
    async fn turns_come_in_order_and_are_given_back() {
        let downloads = Downloads::default();
        let first = downloads.turn().await;
        let second = downloads.turn().await;
        let mut third = Box::pin(downloads.turn());
        let mut fourth = Box::pin(downloads.turn());
        let soon = Duration::from_millis(20);
        assert!(tokio::time::timeout(soon, &mut third).await.is_err());
        assert!(tokio::time::timeout(soon, &mut fourth).await.is_err());
        // Who does not wait any more, holds up no other.
        drop(third);
        drop(first);
        let fourth = fourth.await;
        // One too many: it is not given to anyone else.
        *lock(&downloads.surplus) += 1;
        drop(second);
        assert_eq!(downloads.turns.available_permits(), 0);
        drop(fourth);
        assert_eq!(downloads.turns.available_permits(), 1);
    }

    #[test]
    fn what_is_to_come_has_its_room() {
        let downloads = Downloads::default();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("disk.qcow2");
        let promised = || downloads.promised.load(Ordering::Relaxed);
        let mut one = downloads.room_for(&file, 100).unwrap();
        let two = downloads.room_for(&file, 50).unwrap();
        assert_eq!(promised(), 150);
        one.remains(30);
        assert_eq!(promised(), 80);
        drop(two);
        assert_eq!(promised(), 30);
        // Another one would fit if it were alone.
        one.remains(u64::MAX / 2);
        assert!(downloads.room_for(&file, 1 << 20).is_err());
        drop(one);
        assert_eq!(promised(), 0, "what had no room is not kept any");
        downloads.room_for(&file, 1 << 20).unwrap();
    }
}
