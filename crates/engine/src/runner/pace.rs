//! The *pace* of asking for the states of tasks: often where something is about to happen, seldom where nothing does, and
//! never more than the hub bears.
//!
//! | what | then |
//! | --- | --- |
//! | something changed, a task was submitted, or the hub was away | the shortest pause again |
//! | nothing changed | half as much again, up to the longest pause (`poll_interval` of the koji profile) |
//! | a task has been open for about as long as another one was | a quarter of the longest pause at the most |
//! | many tasks are open | no more than [`CALLS_PER_SECOND`] |
//! | the hub answers slowly | no more than a fifth of the time is spent asking |
//!
//! The last two win over the others, up to [`MOST_FOR_THE_HUB`] times the longest pause. A little is taken off each pause at random, so that composes that began together do
//! not ask together.

use magudi_koji::{Profile, jittered};
use std::collections::BTreeSet;
use std::time::Duration;

/// How often tasks are looked at.
#[derive(Debug, Clone, Copy)]
pub struct Polling {
    /// The shortest pause.
    pub least: Duration,
    /// The longest pause, unless the hub is slow or the tasks are very many.
    pub most: Duration,
    /// How long the hub may be behind: still at what a run asked for that was killed, or without an idea in one place of what it has
    /// done in another. What it does not have before that may still come.
    pub settled: Duration,
}

/// The least that a hub is granted to catch up.
const LEAST_SETTLED: Duration = Duration::from_secs(15);

impl Polling {
    /// As a koji profile wants it: `poll_interval`, and `retry_interval` for a hub that is behind.
    pub fn of(profile: &Profile) -> Self {
        let settled = profile.retry_interval.max(LEAST_SETTLED);
        Self { most: profile.poll_interval, settled, ..Self::default() }
    }
}

impl Default for Polling {
    fn default() -> Self {
        Self { least: Duration::from_millis(50), most: Duration::from_secs(6), settled: Duration::from_secs(20) }
    }
}

/// The most calls in a second, on average over a round. Each asks for many tasks.
const CALLS_PER_SECOND: u32 = 20;

/// A pause is at least this many times as long as the round before it took.
const BREATH: u32 = 4;

/// However long the hub takes, no pause is longer than this many times the longest one.
const MOST_FOR_THE_HUB: u32 = 3;

/// How far from the time that another task took a task is about to end, as a part of that time.
const ABOUT: f64 = 0.1;

/// The longest pause is divided by this while a task is about to end.
const CLOSE_LOOK: u32 = 4;

/// How many durations are remembered; the images of a compose take a few different times, not thousands.
const MOST_REMEMBERED: usize = 256;

/// One round of asking.
#[derive(Debug, Clone, Copy, Default)]
pub struct Round {
    /// How many calls it took.
    pub calls: u32,
    /// How long the hub took to answer them, without the time that was waited for it while it did not answer.
    pub took: Duration,
    pub waited: bool,
    /// Whether any task was in another state than before.
    pub changed: bool,
    /// Whether a task is about to end.
    pub about_to_end: bool,
}

/// Decides how long to wait between rounds.
#[derive(Debug)]
pub struct Pace {
    polling: Polling,
    quiet: Duration,
    /// How long tasks were open that have ended.
    durations: BTreeSet<Duration>,
}

impl Pace {
    /// Begins with the shortest pause.
    pub fn new(polling: Polling) -> Self {
        Self { polling, quiet: polling.least, durations: BTreeSet::new() }
    }

    /// A task has ended that was open for this long.
    pub fn learn(&mut self, open_for: Duration) {
        // Whole seconds: a duration that differs by less tells nothing more.
        let rounded = Duration::from_secs(open_for.as_secs());
        if !rounded.is_zero() && self.durations.len() < MOST_REMEMBERED {
            self.durations.insert(rounded);
        }
    }

    /// Whether a task that has been open for this long is about to end, going by those that have ended.
    pub fn is_about_to_end(&self, open_for: Duration) -> bool {
        let around = open_for.mul_f64(1.0 - ABOUT)..=open_for.mul_f64(1.0 + ABOUT);
        self.durations.range(around).next().is_some()
    }

    /// Something is new: begins with the shortest pause again.
    pub fn reset(&mut self) {
        self.quiet = self.polling.least;
    }

    /// The pause that the hub gets after a round in any case.
    pub fn floor(&self, round: &Round) -> Duration {
        let by_calls = Duration::from_secs(1) * round.calls / CALLS_PER_SECOND;
        let by_time = round.took.saturating_mul(BREATH);
        by_calls.max(by_time).min(self.polling.most * MOST_FOR_THE_HUB).max(self.polling.least)
    }

    /// The pause after a round.
    pub fn pause(&mut self, round: &Round) -> Duration {
        // Much may have happened while the hub was away.
        if round.changed || round.waited {
            self.reset();
        } else {
            let most = if round.about_to_end { self.polling.most / CLOSE_LOOK } else { self.polling.most };
            self.quiet = (self.quiet * 3 / 2).min(most).max(self.polling.least);
        }
        let pause = self.quiet.max(self.floor(round));
        pause.saturating_sub(jittered(pause / 5))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn pace() -> Pace {
        Pace::new(Polling { least: SECOND / 20, most: 6 * SECOND, ..Polling::default() })
    }

    /// The pause without its jitter, which takes off between a tenth and a fifth.
    fn assert_about(pause: Duration, want: Duration) {
        let share = pause.as_secs_f64() / want.as_secs_f64();
        assert!((0.79..=0.91).contains(&share), "{pause:?} is not about {want:?}");
    }

    #[test]
    fn pauses_grow_while_nothing_happens_and_are_short_again_after_a_change() {
        let mut pace = pace();
        let quiet = Round { calls: 1, ..Round::default() };
        let pauses: Vec<Duration> = (0..20).map(|_| pace.pause(&quiet)).collect();
        assert_about(pauses[0], SECOND * 75 / 1000);
        assert_about(pauses[19], 6 * SECOND);
        assert_about(pace.pause(&Round { changed: true, ..quiet }), SECOND / 20);
    }

    #[test]
    fn the_hub_is_spared() {
        let mut pace = pace();
        let busy = Round { calls: 1, took: 3 * SECOND, changed: true, ..Round::default() };
        assert_about(pace.pause(&busy), 12 * SECOND);
        let many = Round { calls: 250, changed: true, ..Round::default() };
        assert_about(pace.pause(&many), SECOND * 250 / CALLS_PER_SECOND);
    }

    #[test]
    fn no_pause_is_longer_than_a_few_of_the_longest() {
        let mut pace = pace();
        for took in [SECOND * 10, SECOND * 3600] {
            assert_about(pace.pause(&Round { calls: 1, took, ..Round::default() }), 18 * SECOND);
        }
        assert_about(pace.pause(&Round { calls: 10_000, ..Round::default() }), 18 * SECOND);
    }

    #[test]
    fn after_an_outage_it_is_looked_at_once() {
        let mut pace = pace();
        let quiet = Round { calls: 1, took: SECOND / 100, ..Round::default() };
        for _ in 0..20 {
            pace.pause(&quiet);
        }
        assert_about(pace.pause(&Round { waited: true, ..quiet }), SECOND / 20);
    }

    #[test]
    fn tasks_like_those_that_ended_are_looked_at_more_closely() {
        let mut pace = pace();
        let minutes = |n: u64| Duration::from_secs(60 * n);
        assert!(!pace.is_about_to_end(minutes(20)), "nothing is known yet");
        pace.learn(minutes(20));
        pace.learn(minutes(60));
        let about: Vec<u64> = (1..70).filter(|n| pace.is_about_to_end(minutes(*n))).collect();
        let want: Vec<u64> = (19..=22).chain(55..=66).collect();
        assert_eq!(about, want);
        let round = Round { calls: 1, about_to_end: true, ..Round::default() };
        let last = (0..20).map(|_| pace.pause(&round)).last().unwrap();
        assert_about(last, 6 * SECOND / CLOSE_LOOK);
    }

    #[test]
    fn tasks_that_end_at_once_teach_nothing() {
        let mut pace = pace();
        pace.learn(SECOND / 3);
        assert!(!pace.is_about_to_end(SECOND / 3));
        (1..10_000).for_each(|n| pace.learn(n * SECOND));
        assert_eq!(pace.durations.len(), MOST_REMEMBERED);
    }
}
