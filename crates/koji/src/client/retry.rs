//! *Patience*: how often and how long a call is repeated, and with what pauses.

use crate::error::KojiError;
use crate::profile::Profile;
use std::time::Duration;

/// The pause that a hub is granted even by a profile that grants none.
const LEAST_PAUSE: Duration = Duration::from_secs(1);

/// How often and how long a call is repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How many repetitions after the first attempt.
    pub max_retries: u32,
    /// The pause before the second repetition; the first one comes at once, and each later pause is twice as long.
    pub first_delay: Duration,
    /// The longest pause.
    pub max_delay: Duration,
    /// The longest pause that a server may ask for.
    pub max_asked: Duration,
    /// No repetition begins later than this after the first attempt.
    pub budget: Duration,
    /// How long a call is repeated beyond that, as long as the hub as a whole does not answer.
    pub outage: Duration,
    /// The pause after a `ServerOffline` fault (1014, facts: koji 3), and during an outage.
    pub offline_delay: Duration,
    /// How long a hub may be offline.
    pub offline_budget: Duration,
    /// Whether calls without a session follow the policy too; otherwise they are repeated once.
    pub anonymous: bool,
}

impl RetryPolicy {
    /// What a profile asks for, with short pauses first.
    pub fn from_profile(profile: &Profile) -> Self {
        let budget = profile.retry_interval.max(LEAST_PAUSE).saturating_mul(profile.max_retries);
        Self {
            max_retries: profile.max_retries,
            first_delay: LEAST_PAUSE.min(profile.retry_interval),
            max_delay: profile.retry_interval,
            max_asked: profile.retry_interval,
            budget,
            outage: Duration::ZERO,
            offline_delay: profile.offline_retry_interval.max(LEAST_PAUSE),
            offline_budget: if profile.offline_retry { Duration::MAX } else { budget },
            anonymous: profile.anon_retry,
        }
    }

    /// The same, but a hub that is away or offline is waited for as long as `outage`.
    pub fn with_outage(self, outage: Duration) -> Self {
        Self { outage, offline_budget: self.offline_budget.max(outage), ..self }
    }

    /// The same patience with pauses that are no longer than the profile's `poll_interval`, but for those that a server asks for:
    /// who looks at tasks so often sees as soon that the hub is back.
    pub fn at_the_pace_of(self, profile: &Profile) -> Self {
        let longest = profile.poll_interval.max(LEAST_PAUSE);
        let times = (self.max_delay.as_secs_f64() / longest.as_secs_f64()).ceil().max(1.0) as u32;
        Self {
            max_retries: self.max_retries.saturating_mul(times),
            max_delay: self.max_delay.min(longest),
            offline_delay: self.offline_delay.min(longest),
            ..self
        }
    }

    /// One repetition, at once.
    pub fn once() -> Self {
        Self {
            max_retries: 1,
            first_delay: Duration::ZERO,
            max_delay: Duration::ZERO,
            max_asked: Duration::ZERO,
            budget: Duration::MAX,
            outage: Duration::ZERO,
            offline_delay: Duration::ZERO,
            offline_budget: Duration::ZERO,
            anonymous: true,
        }
    }

    /// How long a call is repeated that fails with `error`, from its first attempt on, where the whole hub does not answer; none:
    /// until it does.
    pub fn patience(&self, error: &KojiError) -> Option<Duration> {
        let patience = match error.fault() {
            Some(_) => self.offline_budget,
            // Without an end of its own it is counted in attempts, which are over soon.
            None if self.budget == Duration::MAX => self.outage,
            None => self.budget.max(self.outage),
        };
        (patience < Duration::MAX).then_some(patience)
    }

    /// The pause before repetition `number`, counted from 1.
    pub fn delay(&self, number: u32) -> Duration {
        match number {
            0 | 1 => Duration::ZERO,
            _ => self.first_delay.saturating_mul(2_u32.saturating_pow(number - 2)).min(self.max_delay),
        }
    }
}

/// A pause between half of `pause` and all of it, so that clients which lost the hub together do not come back together.
pub fn jittered(pause: Duration) -> Duration {
    let half = pause / 2;
    half + half.mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_profile_s_interval() {
        let policy = RetryPolicy::from_profile(&Profile::for_server("p", "http://h/kojihub"));
        let pauses: Vec<u64> = (1..=8).map(|n| policy.delay(n).as_secs()).collect();
        assert_eq!(pauses, [0, 1, 2, 4, 8, 16, 20, 20]);
        assert_eq!(policy.delay(u32::MAX), Duration::from_secs(20));
        assert_eq!(policy.budget, Duration::from_secs(600));

        let mut profile = Profile::for_server("p", "http://h/kojihub");
        profile.retry_interval = Duration::ZERO;
        profile.offline_retry_interval = Duration::ZERO;
        let policy = RetryPolicy::from_profile(&profile);
        assert_eq!((policy.delay(9), policy.budget), (Duration::ZERO, Duration::from_secs(30)));
        assert_eq!(policy.offline_delay, Duration::from_secs(1));
    }

    #[test]
    fn an_outage_is_waited_for_whatever_the_profile_says() {
        let mut profile = Profile::for_server("p", "http://h/kojihub");
        let hour = Duration::from_secs(3600);
        let policy = RetryPolicy::from_profile(&profile).with_outage(hour);
        assert_eq!((policy.budget.as_secs(), policy.outage, policy.offline_budget), (600, hour, hour));
        profile.offline_retry = true;
        let policy = RetryPolicy::from_profile(&profile).with_outage(hour);
        assert_eq!((policy.outage, policy.offline_budget), (hour, Duration::MAX));
        assert_eq!(RetryPolicy::from_profile(&profile).outage, Duration::ZERO);
    }

    #[test]
    fn a_hub_is_looked_for_as_often_as_its_tasks_are() {
        let mut profile = Profile::for_server("p", "http://h/kojihub");
        let policy = RetryPolicy::from_profile(&profile).at_the_pace_of(&profile);
        assert_eq!(
            (policy.max_delay.as_secs(), policy.offline_delay.as_secs(), policy.max_asked.as_secs()),
            (6, 6, 20)
        );
        assert_eq!((policy.max_retries, policy.budget.as_secs()), (120, 600));
        profile.poll_interval = Duration::ZERO;
        profile.retry_interval = Duration::from_millis(10);
        let policy = RetryPolicy::from_profile(&profile).at_the_pace_of(&profile);
        assert_eq!((policy.max_delay.as_millis(), policy.offline_delay.as_secs(), policy.max_retries), (10, 1, 30));
    }

    #[test]
    fn jitter_stays_in_the_upper_half() {
        let pauses: Vec<Duration> = (0..100).map(|_| jittered(Duration::from_secs(10))).collect();
        assert!(pauses.iter().all(|p| (5.0..=10.0).contains(&p.as_secs_f64())), "{pauses:?}");
        assert!(pauses.iter().any(|p| *p != pauses[0]), "all the same");
        assert_eq!(jittered(Duration::ZERO), Duration::ZERO);
    }
}
