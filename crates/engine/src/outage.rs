//! An *outage*: a call that the hub does not answer, for how long already, and until when it is repeated. The run's log, the
//! journal, the terminal, `status` and `cancel` all say it in the words of this module.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// A hub that does not answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outage {
    /// The first call without an answer.
    pub call: String,
    /// What came of its attempts instead.
    pub reason: String,
    /// When it was first attempted.
    pub since: Timestamp,
    /// When the attempts end; none: not before there is an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Outage {
    /// What is said while it lasts, in one line.
    pub fn in_words(&self, now: Timestamp, zone: &TimeZone) -> String {
        let Self { reason, since, .. } = self;
        let lasted = clock(now.as_second().saturating_sub(since.as_second()));
        format!("the hub has not answered for {lasted} ({reason}); {}", self.trying(now, zone))
    }

    /// Until when it is tried, from the point of view of `now`.
    pub fn trying(&self, now: Timestamp, zone: &TimeZone) -> String {
        let Some(until) = self.until else { return "trying until it answers".to_owned() };
        let (until, today) = (until.to_zoned(zone.clone()), now.to_zoned(zone.clone()).date());
        let format = if until.date() == today { "%H:%M" } else { "%Y-%m-%d %H:%M" };
        format!("trying until {}", until.strftime(format))
    }
}

/// Seconds for people: `0:02:05`. Clocks that run backwards give 0.
pub fn clock(seconds: i64) -> String {
    let seconds = seconds.max(0);
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_how_long_and_until_when() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let mut outage = Outage {
            call: "getTaskInfo".into(),
            reason: "connection refused".into(),
            since: at("2024-02-29T02:12:00Z"),
            until: Some(at("2024-02-29T04:12:00Z")),
        };
        let now = at("2024-02-29T02:15:10Z");
        assert_eq!(
            outage.in_words(now, &TimeZone::UTC),
            "the hub has not answered for 0:03:10 (connection refused); trying until 04:12"
        );
        outage.until = Some(at("2024-03-01T00:12:00Z"));
        assert!(outage.in_words(now, &TimeZone::UTC).ends_with("; trying until 2024-03-01 00:12"));
        outage.until = None;
        assert!(outage.in_words(at("2024-02-29T01:00:00Z"), &TimeZone::UTC).contains("for 0:00:00 "));
        assert!(outage.in_words(now, &TimeZone::UTC).ends_with("; trying until it answers"));
    }
}
