//! *Faults* are what the script lets go wrong between a healthy hub and its client: outages, lost answers, bad downloads.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::scenario::{DelayAnswer, DropAnswer, Loss, Outage, OutageKind, Scenario};

/// The script, and how far it has been played.
#[derive(Debug)]
pub(crate) struct Faults {
    outages: Vec<Outage>,
    drops: Vec<DropAnswer>,
    delays: Vec<DelayAnswer>,
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
    /// How often the method of each rule about lost answers was answered.
    dropped: HashMap<usize, u64>,
    /// How often that of each rule about late answers was.
    delayed: HashMap<usize, u64>,
    /// Requests that an outage kept from the hub, and those whose answer a rule lost, that were not made again yet.
    kept_away: HashSet<(usize, u64)>,
    unanswered: HashSet<(usize, u64)>,
    /// Files whose download broke off already.
    broken: HashSet<String>,
}

impl Faults {
    /// Those of `scenario`, none of which has happened.
    pub(crate) fn new(scenario: &Scenario) -> Self {
        Self {
            outages: scenario.outages.clone(),
            drops: scenario.drop_answers.clone(),
            delays: scenario.delay_answers.clone(),
            truncated: scenario.truncate_downloads.clone(),
            truncate_always: scenario.truncate_always,
            pace: scenario.slow_bytes_per_second,
            played: Mutex::default(),
        }
    }

    fn played(&self) -> std::sync::MutexGuard<'_, Played> {
        self.played.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What keeps the request with this mark from the hub, the first time that it is made.
    pub(crate) fn meet_first(&self, mark: u64) -> Option<OutageKind> {
        let mut played = self.played();
        let firsts = self.outages.iter().enumerate().filter(|(_, outage)| outage.first);
        let mut met = None;
        for (i, outage) in firsts {
            if is_first(&mut played.kept_away, (i, mark)) {
                met = met.or(Some(outage.kind));
            }
        }
        met
    }

    /// Counts a request to the hub, and says what keeps it from being answered at `now`.
    pub(crate) fn meet(&self, now: Instant) -> Option<OutageKind> {
        let mut played = self.played();
        let before = played.calls;
        played.calls += 1;
        let due = |outage: &Outage| !outage.first && before >= outage.after_calls;
        for (i, outage) in self.outages.iter().enumerate().filter(|(_, outage)| due(outage)) {
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

    /// How the answer to a call of `method`, whose request has this mark and was executed, gets lost, if it does.
    pub(crate) fn loses_answer(&self, method: &str, mark: u64) -> Option<Loss> {
        let mut played = self.played();
        let mut lost = None;
        for (i, rule) in self.drops.iter().enumerate().filter(|(_, rule)| is_for(&rule.method, method)) {
            let is_lost = if rule.first {
                is_first(&mut played.unanswered, (i, mark))
            } else {
                is_due(played.dropped.entry(i).or_default(), rule.nth, rule.every)
            };
            if is_lost {
                lost = lost.or(Some(rule.how));
            }
        }
        lost
    }

    /// How late the answer to a call of `method` is.
    pub(crate) fn delay(&self, method: &str) -> Duration {
        let mut played = self.played();
        let mut seconds: f64 = 0.0;
        for (i, rule) in self.delays.iter().enumerate().filter(|(_, rule)| is_for(&rule.method, method)) {
            if is_due(played.delayed.entry(i).or_default(), rule.nth, rule.every) {
                seconds = seconds.max(rule.seconds);
            }
        }
        Duration::from_secs_f64(seconds)
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

/// Requests that are remembered until they are made again; most are, at once.
const MAX_REMEMBERED: usize = 100_000;

/// Whether a request is made for the first time, or for the first time since it got through.
fn is_first(remembered: &mut HashSet<(usize, u64)>, request: (usize, u64)) -> bool {
    if remembered.remove(&request) {
        return false;
    }
    if remembered.len() >= MAX_REMEMBERED {
        remembered.clear();
    }
    remembered.insert(request)
}

fn is_for(rule: &str, method: &str) -> bool {
    rule == method || rule == "*"
}

/// Counts a call that a rule is about; whether it is the one that is meant.
fn is_due(count: &mut u64, nth: Option<u64>, every: Option<u64>) -> bool {
    *count += 1;
    nth == Some(*count) || every.is_some_and(|every| count.is_multiple_of(every))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::parse_scenario;

    fn faults(text: &str) -> Faults {
        Faults::new(&parse_scenario(text).unwrap())
    }

    #[test]
    fn outages_by_calls_and_by_time() {
        let m = faults(
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
        let m = faults(
            r#"{"drop_answers": [{"method": "cancelTask", "nth": 2}, {"method": "*", "every": 4, "how": "garbage"}],
                "delay_answers": [{"method": "login", "every": 2, "seconds": 0.5}]}"#,
        );
        let lost = ["cancelTask", "login", "cancelTask", "login", "cancelTask"].map(|name| m.loses_answer(name, 0));
        assert_eq!(lost, [None, None, Some(Loss::Close), Some(Loss::Garbage), None]);
        let late = ["login", "cancelTask", "login"].map(|name| m.delay(name).as_millis());
        assert_eq!(late, [0, 0, 500]);
    }

    #[test]
    fn every_call_fails_once() {
        let m = faults(
            r#"{"drop_answers": [{"method": "*", "first": true, "how": "cut"}], "outages": [{"kind": "html", "first": true}]}"#,
        );
        assert_eq!(m.meet(Instant::now()), None);
        let marks = [1, 2, 1, 1, 2];
        let html = Some(OutageKind::Html);
        assert_eq!(marks.map(|mark| m.meet_first(mark)), [html, html, None, html, None]);
        let cut = Some(Loss::Cut);
        assert_eq!(marks.map(|mark| m.loses_answer("getTaskInfo", mark)), [cut, cut, None, cut, None]);
    }

    #[test]
    fn downloads_break_off_once_or_always() {
        let once = faults(r#"{"truncate_downloads": ["a"]}"#);
        assert_eq!([once.breaks_off("a"), once.breaks_off("a"), once.breaks_off("b")], [true, false, false]);
        let always = faults(r#"{"truncate_downloads": ["*"], "truncate_always": true}"#);
        assert_eq!([always.breaks_off("a"), always.breaks_off("a")], [true, true]);
    }
}
