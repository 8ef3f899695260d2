//! The *timeline* puts the life of every request on one time axis.

use crate::model::{Axis, Bar, BarPart};
use crate::text::{counted, duration, harmless, time};
use jiff::Timestamp;
use magudi_engine::history::{Past, RequestState};
use magudi_koji::calls::TaskState;

/// Steps between ticks of a compose of less than some seconds, in milliseconds.
const SHORT_STEPS: [i64; 3] = [100, 200, 500];

/// Steps between ticks, in seconds.
const STEPS: [i64; 23] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800,
    2_592_000, 7_776_000, 31_536_000,
];

/// The most ticks besides the first.
const TICKS: i64 = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    from: i64,
    to: i64,
}

impl Span {
    /// From the first submission to the last thing that happened to any request; `now` ends those that continue.
    pub fn of<'a>(requests: impl Iterator<Item = &'a Past>, now: Timestamp) -> Option<Self> {
        let mut span: Option<Self> = None;
        for past in requests {
            let Some(sent) = first_sent(past) else { continue };
            let end = past.ended().unwrap_or(now).max(sent);
            let (from, to) = (sent.as_millisecond(), end.as_millisecond());
            span = Some(span.map_or(Self { from, to }, |s| Self { from: s.from.min(from), to: s.to.max(to) }));
        }
        span
    }

    /// The place of a time, in percent, to three decimals.
    fn place(self, time: Timestamp) -> f64 {
        let length = (self.to - self.from).max(1) as f64;
        let place = (time.as_millisecond() - self.from) as f64 / length * 100.0;
        (place.clamp(0.0, 100.0) * 1000.0).round() / 1000.0
    }

    /// Where a time begins, and how long it is, in percent.
    pub fn part(self, from: Timestamp, to: Timestamp) -> (f64, f64) {
        let (left, right) = (self.place(from), self.place(to));
        (left, ((right - left).max(0.0) * 1000.0).round() / 1000.0)
    }

    pub fn axis(self) -> Axis {
        let length = (self.to - self.from).max(1);
        let longest = STEPS.last().copied().unwrap_or(1) * 1000;
        let steps = SHORT_STEPS.into_iter().chain(STEPS.map(|seconds| seconds * 1000));
        let step = steps.into_iter().find(|step| length / step <= TICKS).unwrap_or(longest);
        let ticks = (0..=(length / step).min(50)).map(|n| {
            let at = n * step;
            ((at as f64 / length as f64 * 100_000.0).round() / 1000.0, tick(at))
        });
        let from = Timestamp::from_millisecond(self.from).map(time).unwrap_or_default();
        Axis { from, ticks: ticks.collect() }
    }
}

fn tick(milliseconds: i64) -> String {
    let seconds = milliseconds / 1000;
    match seconds {
        _ if milliseconds == 0 => "0".to_owned(),
        s if milliseconds % 1000 != 0 => format!("{s}.{} s", milliseconds % 1000 / 100),
        s if s % 86_400 == 0 => format!("{} d", s / 86_400),
        s if s % 3600 == 0 => format!("{} h", s / 3600),
        s if s > 3600 => format!("{}:{:02} h", s / 3600, s % 3600 / 60),
        s if s % 60 == 0 => format!("{} min", s / 60),
        s if s > 60 => format!("{}:{:02} min", s / 60, s % 60),
        s => format!("{s} s"),
    }
}

/// When a request was sent first, also where a task of it failed and another took its place.
pub fn first_sent(past: &Past) -> Option<Timestamp> {
    past.retried.iter().filter_map(|retried| retried.sent).chain(past.sent).min()
}

/// The bar of a request, the `index`th of the plan; none for one that was never sent.
pub fn bar(index: usize, past: &Past, span: Span, now: Timestamp) -> Option<Bar> {
    let sent = past.sent.or_else(|| first_sent(past))?;
    let end = past.ended().unwrap_or(now).max(sent);
    let mut parts = Vec::new();
    let mut add = |state: RequestState, from: Timestamp, to: Timestamp| {
        if to > from {
            let (left, width) = span.part(from, to);
            let milliseconds = to.as_millisecond() - from.as_millisecond();
            parts.push(BarPart { kind: state.as_str(), left, width, duration: duration(milliseconds) });
        }
    };
    for retried in &past.retried {
        add(RequestState::Failed, retried.sent.unwrap_or(retried.failure.time), retried.failure.time);
    }
    // While nothing was sent in place of what failed, it waits.
    let begun = past.sent.or(past.retried.last().map(|retried| retried.failure.time)).unwrap_or(sent);
    let (mut state, mut since) = (RequestState::Free, begun);
    for (at, seen) in &past.states {
        let next = match seen {
            TaskState::Free => RequestState::Free,
            TaskState::Assigned => RequestState::Assigned,
            TaskState::Open => RequestState::Open,
            TaskState::Closed => RequestState::Closed,
            TaskState::Failed => RequestState::Failed,
            TaskState::Canceled => RequestState::Canceled,
        };
        if next != state {
            add(state, since, (*at).min(end));
            (state, since) = (next, (*at).max(since));
        }
    }
    match (past.fetching, state) {
        (Some(fetching), RequestState::Closed) => {
            add(RequestState::Closed, since, fetching.min(end));
            add(RequestState::Fetching, fetching.max(since), past.added.unwrap_or(end).max(fetching).min(end));
        }
        _ => add(state, since, end),
    }
    let files = match past.images.len() {
        0 => String::new(),
        n => format!(", {}", counted(n, "image")),
    };
    Some(Bar {
        request: index,
        name: harmless(&past.asked.name),
        detail: harmless(&format!("{} · {}{files}", past.asked.variant, past.asked.arches.join(" "))),
        stage: past.state().as_str(),
        duration: past.duration(now).map(duration).unwrap_or_default(),
        parts,
        verified: (past.state() == RequestState::Done).then(|| span.place(end)),
        task: crate::arrange::task_link(past),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use magudi_engine::history::PlannedRequest;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn closed() -> Past {
        let states = [(10, TaskState::Free), (20, TaskState::Open), (60, TaskState::Closed)];
        Past {
            asked: PlannedRequest { name: "disk".into(), ..PlannedRequest::default() },
            sent: Some(at(10)),
            task: Some(7),
            states: states.map(|(second, state)| (at(second), state)).to_vec(),
            fetching: Some(at(70)),
            added: Some(at(90)),
            done: Some(at(110)),
            ..Past::default()
        }
    }

    fn kinds(bar: &Bar) -> Vec<(&'static str, f64, f64)> {
        bar.parts.iter().map(|part| (part.kind, part.left, part.width)).collect()
    }

    #[test]
    fn the_parts_of_a_life_follow_each_other() {
        let past = closed();
        let span = Span::of([&past].into_iter(), at(500)).unwrap();
        let bar = bar(0, &past, span, at(500)).unwrap();
        let expected = [("free", 0.0, 10.0), ("open", 10.0, 40.0), ("closed", 50.0, 10.0), ("fetching", 60.0, 20.0)];
        assert_eq!(kinds(&bar), expected);
        assert_eq!((bar.verified, bar.duration.as_str()), (Some(100.0), "1 min 40 s"));
    }

    #[test]
    fn what_goes_on_ends_now_and_what_went_back_is_free_again() {
        let mut past = closed();
        past.states = vec![(at(20), TaskState::Open), (at(40), TaskState::Free), (at(60), TaskState::Open)];
        (past.fetching, past.added, past.done) = (None, None, None);
        let span = Span::of([&past].into_iter(), at(110)).unwrap();
        let bar = bar(3, &past, span, at(110)).unwrap();
        let expected = [("free", 0.0, 10.0), ("open", 10.0, 20.0), ("free", 30.0, 20.0), ("open", 50.0, 50.0)];
        assert_eq!(kinds(&bar), expected);
        assert_eq!((bar.verified, bar.stage), (None, "open"));
    }

    #[test]
    fn times_out_of_order_stay_on_the_axis() {
        // The clock of the machine was set back while the compose ran.
        let mut past = closed();
        past.states = vec![(at(5), TaskState::Open), (at(2), TaskState::Closed)];
        past.done = Some(at(1));
        let span = Span::of([&past].into_iter(), at(500)).unwrap();
        for part in bar(0, &past, span, at(500)).unwrap().parts {
            assert!(part.left >= 0.0 && part.left + part.width <= 100.001, "{part:?}");
        }
    }

    #[test]
    fn ticks_are_few_and_round() {
        let axis = |seconds: i64| Span { from: 0, to: seconds * 1000 }.axis();
        let labels = |seconds| axis(seconds).ticks.into_iter().map(|(_, label)| label).collect::<Vec<_>>();
        assert_eq!(labels(4), ["0", "0.5 s", "1 s", "1.5 s", "2 s", "2.5 s", "3 s", "3.5 s", "4 s"]);
        assert_eq!(labels(7), ["0", "1 s", "2 s", "3 s", "4 s", "5 s", "6 s", "7 s"]);
        assert_eq!(labels(2 * 3600), ["0", "15 min", "30 min", "45 min", "1 h", "1:15 h", "1:30 h", "1:45 h", "2 h"]);
        assert_eq!(labels(0), ["0"]);
        for seconds in [1, 59, 3601, 86_400, 10_000_000, 10_000_000_000] {
            assert!(axis(seconds).ticks.len() <= 51, "{seconds}");
        }
        assert_eq!(axis(8).ticks[4], (50.0, "4 s".to_owned()));
    }
}
