//! *Mishaps* are what the script lets go wrong between a healthy hub and its client: outages, lost answers, bad downloads.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::scenario::{DropAnswer, Outage, OutageKind, Scenario};

/// The script, and how far it has been played.
#[derive(Debug)]
pub(crate) struct Mishaps {
    outages: Vec<Outage>,
    drops: Vec<DropAnswer>,
    truncated: BTreeSet<String>,
    truncate_always: bool,
    pace: Option<u64>,
    played: Mutex<Played>,
}

#[derive(Debug, Default)]
struct Played {
    /// Requests to the hub so far.
    calls: u64,
    /// When each outage was met first.
    begun: HashMap<usize, Instant>,
    /// How often each rule's method was answered.
    answers: HashMap<usize, u64>,
    /// Files whose download broke off already.
    broken: HashSet<String>,
}

impl Mishaps {
    /// Those of `scenario`, none of which has happened.
    pub(crate) fn new(scenario: &Scenario) -> Self {
        Self {
            outages: scenario.outages.clone(),
            drops: scenario.drop_answers.clone(),
            truncated: scenario.truncate_downloads.clone(),
            truncate_always: scenario.truncate_always,
            pace: scenario.slow_bytes_per_second,
            played: Mutex::default(),
        }
    }

    fn played(&self) -> std::sync::MutexGuard<'_, Played> {
        self.played.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request to the hub, and says what keeps it from being answered at `now`.
    pub(crate) fn meet(&self, now: Instant) -> Option<OutageKind> {
        let mut played = self.played();
        let before = played.calls;
        played.calls += 1;
        for (i, outage) in self.outages.iter().enumerate().filter(|(_, outage)| before >= outage.after_calls) {
            let lasts = match (outage.calls, outage.seconds) {
                (Some(calls), _) => before - outage.after_calls < calls,
                (None, seconds) => {
                    let begun = *played.begun.entry(i).or_insert(now);
                    now.duration_since(begun) < Duration::from_secs_f64(seconds.unwrap_or_default())
                }
            };
            if lasts {
                return Some(outage.kind);
            }
        }
        None
    }

    /// Whether the answer to a call of `method`, which was executed, gets lost.
    pub(crate) fn loses_answer(&self, method: &str) -> bool {
        let mut played = self.played();
        let mut lost = false;
        for (i, rule) in self.drops.iter().enumerate().filter(|(_, rule)| rule.method == method || rule.method == "*") {
            let count = played.answers.entry(i).or_default();
            *count += 1;
            lost |= rule.nth == Some(*count) || rule.every.is_some_and(|every| count.is_multiple_of(every));
        }
        lost
    }

    /// Whether this download of the file breaks off in the middle.
    pub(crate) fn breaks_off(&self, filename: &str) -> bool {
        if !self.truncated.contains(filename) && !self.truncated.contains("*") {
            return false;
        }
        self.played().broken.insert(filename.to_owned()) || self.truncate_always
    }

    /// Bytes per second of a download; unlimited without.
    pub(crate) fn pace(&self) -> Option<u64> {
        self.pace
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::parse_scenario;

    fn mishaps(text: &str) -> Mishaps {
        Mishaps::new(&parse_scenario(text).unwrap())
    }

    #[test]
    fn outages_by_calls_and_by_time() {
        let m = mishaps(
            r#"{"outages": [{"after_calls": 1, "calls": 2, "kind": "refuse"}, {"after_calls": 5, "seconds": 3, "kind": "offline"}]}"#,
        );
        let start = Instant::now();
        let at = |seconds| m.meet(start + Duration::from_secs(seconds));
        assert_eq!(
            [at(0), at(0), at(0), at(0), at(0)],
            [None, Some(OutageKind::Refuse), Some(OutageKind::Refuse), None, None]
        );
        assert_eq!([at(10), at(12), at(13)], [Some(OutageKind::Offline), Some(OutageKind::Offline), None]);
    }

    #[test]
    fn lost_answers() {
        let m = mishaps(r#"{"drop_answers": [{"method": "osbuildImage", "nth": 2}, {"method": "*", "every": 4}]}"#);
        let lost: Vec<bool> =
            ["osbuildImage", "login", "osbuildImage", "login", "osbuildImage"].map(|name| m.loses_answer(name)).into();
        assert_eq!(lost, [false, false, true, true, false]);
    }

    #[test]
    fn downloads_break_off_once_or_always() {
        let once = mishaps(r#"{"truncate_downloads": ["a"]}"#);
        assert_eq!([once.breaks_off("a"), once.breaks_off("a"), once.breaks_off("b")], [true, false, false]);
        let always = mishaps(r#"{"truncate_downloads": ["*"], "truncate_always": true}"#);
        assert_eq!([always.breaks_off("a"), always.breaks_off("a")], [true, true]);
    }
}
