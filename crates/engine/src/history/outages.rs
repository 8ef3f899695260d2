//! The *outages* of a compose: when its hub did not answer, in all runs.

use crate::event::{Event, Stamped};
use crate::outage::Outage;
use jiff::Timestamp;

/// A time in which the hub did not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastOutage {
    pub outage: Outage,
    /// The address of the hub; none: nobody has logged in.
    pub server: Option<String>,
    pub end: OutageEnd,
}

/// How an outage ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutageEnd {
    /// Not yet.
    Lasts,
    /// The hub answered again.
    Back(Timestamp),
    /// The run ended before; when it was seen last.
    Unseen(Timestamp),
}

impl PastOutage {
    /// When it ended, as far as anybody saw.
    pub fn ended(&self) -> Option<Timestamp> {
        match self.end {
            OutageEnd::Lasts => None,
            OutageEnd::Back(time) | OutageEnd::Unseen(time) => Some(time),
        }
    }

    /// Milliseconds from its beginning to its end, or to `now` while it lasts.
    pub fn duration(&self, now: Timestamp) -> i64 {
        let end = self.ended().unwrap_or(now);
        end.as_millisecond().saturating_sub(self.outage.since.as_millisecond()).max(0)
    }
}

/// The outages of a compose, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outages(Vec<PastOutage>);

impl Outages {
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &PastOutage> + ExactSizeIterator {
        self.0.iter()
    }

    /// The one that lasts.
    pub fn lasting(&self) -> Option<&Outage> {
        self.0.last().filter(|past| past.end == OutageEnd::Lasts).map(|past| &past.outage)
    }

    /// Takes in an event of a run at the hub `server`; the one before it was said at `before`.
    pub(super) fn take(&mut self, stamped: &Stamped, server: Option<&str>, before: Timestamp) {
        match &stamped.event {
            Event::HubUnreachable(outage) => {
                // A word that it is back may be lost.
                self.end(OutageEnd::Unseen(before));
                let server = server.map(str::to_owned);
                self.0.push(PastOutage { outage: outage.clone(), server, end: OutageEnd::Lasts });
            }
            // It was away when somebody was to log in for the first time.
            Event::LoggedIn(login) => {
                for past in self.0.iter_mut().filter(|past| past.server.is_none()) {
                    past.server = Some(login.server.clone());
                }
            }
            Event::HubBack { .. } => self.end(OutageEnd::Back(stamped.time)),
            Event::ComposeFinished { .. } => self.end(OutageEnd::Unseen(stamped.time)),
            Event::ComposeStarted { .. } => self.end(OutageEnd::Unseen(before)),
            _ => {}
        }
    }

    fn end(&mut self, end: OutageEnd) {
        if let Some(last) = self.0.last_mut().filter(|past| past.end == OutageEnd::Lasts) {
            last.end = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::login::Login;
    use serde_json::json;

    #[test]
    fn an_outage_of_the_first_login_is_one_of_the_hub_that_was_logged_in_at() {
        let mut outages = Outages::default();
        let time = Timestamp::UNIX_EPOCH;
        let mut take = |event, server| outages.take(&Stamped { time, event }, server, time);
        let away =
            || Event::HubUnreachable(Outage { call: "login".into(), reason: "no".into(), since: time, until: None });
        take(away(), None);
        take(Event::HubBack { seconds: 1 }, None);
        take(Event::LoggedIn(Login { server: "https://a".into(), ..Login::default() }), Some("https://a"));
        take(away(), Some("https://a"));
        take(Event::LoggedIn(Login { server: "https://b".into(), ..Login::default() }), Some("https://b"));
        let servers: Vec<_> = outages.iter().map(|past| past.server.as_deref()).collect();
        assert_eq!(servers, [Some("https://a"), Some("https://a")]);
    }

    #[test]
    fn an_outage_ends_with_an_answer_or_with_its_run() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let away = |second: i64| {
            Event::HubUnreachable(Outage {
                call: "getTaskInfo".into(),
                reason: "no".into(),
                since: at(second),
                until: None,
            })
        };
        let started = || Event::ComposeStarted {
            compose_id: "C".into(),
            compose_dir: "/c".into(),
            requests: 0,
            settings: json!({}),
            fresh: false,
        };
        let mut outages = Outages::default();
        let mut before = at(0);
        for (second, event) in [
            (1, started()),
            (10, away(8)),
            (18, Event::HubBack { seconds: 10 }),
            (19, Event::HubBack { seconds: 1 }),
            // Killed while it was away.
            (20, away(20)),
            (25, Event::Status { status: "STARTED".into() }),
            (99, started()),
            (100, away(99)),
            (120, Event::ComposeFinished { status: "DOOMED".into(), error: None }),
            (130, started()),
            (140, away(131)),
        ] {
            outages.take(&Stamped { time: at(second), event }, Some("https://h"), before);
            before = at(second);
        }
        let ends: Vec<OutageEnd> = outages.iter().map(|past| past.end).collect();
        let want = [OutageEnd::Back(at(18)), OutageEnd::Unseen(at(25)), OutageEnd::Unseen(at(120)), OutageEnd::Lasts];
        assert_eq!(ends, want);
        let durations: Vec<i64> = outages.iter().map(|past| past.duration(at(141))).collect();
        assert_eq!(durations, [10_000, 5_000, 21_000, 10_000]);
        assert_eq!(outages.lasting().map(|outage| outage.since), Some(at(131)));
    }
}
