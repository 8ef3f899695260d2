//! *Options* of a client: limits, patience, proxies. Whatever a profile says is taken from there unless set here.

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
    /// No repetition begins later than this after the first attempt.
    pub budget: Duration,
    /// The pause after a `ServerOffline` fault (1014).
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
            budget,
            offline_delay: profile.offline_retry_interval.max(LEAST_PAUSE),
            offline_budget: if profile.offline_retry { Duration::MAX } else { budget },
            anonymous: profile.anon_retry,
        }
    }

    /// One repetition, at once.
    pub fn once() -> Self {
        Self {
            max_retries: 1,
            first_delay: Duration::ZERO,
            max_delay: Duration::ZERO,
            budget: Duration::MAX,
            offline_delay: Duration::ZERO,
            offline_budget: Duration::ZERO,
            anonymous: true,
        }
    }

    /// The pause before repetition `number`, counted from 1.
    pub fn delay(&self, number: u32) -> Duration {
        match number {
            0 | 1 => Duration::ZERO,
            _ => self.first_delay.saturating_mul(2_u32.saturating_pow(number - 2)).min(self.max_delay),
        }
    }
}

/// The proxies to use. None are found by themselves: the environment is the program's to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// The proxy for `http` URLs.
    pub http: Option<String>,
    /// The proxy for `https` URLs.
    pub https: Option<String>,
    /// The hosts to reach without a proxy, as in `NO_PROXY`.
    pub exceptions: Option<String>,
}

/// What a client does beside what its profile says.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// The `User-Agent`. Koji's own by default, because web servers are configured for it.
    pub user_agent: String,
    /// How to repeat; none: as the profile says.
    pub retry: Option<RetryPolicy>,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long nothing may come from the hub; none: the profile's `timeout`, at most five minutes.
    pub read_timeout: Option<Duration>,
    /// How long nothing may come while a file is fetched.
    pub download_timeout: Duration,
    /// The largest answer, in bytes after decompression.
    pub max_response: u64,
    /// The proxies.
    pub proxies: Proxies,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            user_agent: "koji/1".to_owned(),
            retry: None,
            connect_timeout: Duration::from_secs(30),
            read_timeout: None,
            download_timeout: Duration::from_secs(120),
            max_response: 256 * 1024 * 1024,
            proxies: Proxies::default(),
        }
    }
}

/// The longest silence of a hub that is waited for by default. Koji's 12 hours only hide dead connections: a repeated
/// call is safe, anonymous or numbered.
pub const MAX_READ_TIMEOUT: Duration = Duration::from_secs(300);

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
}
