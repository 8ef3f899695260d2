//! The *timeline* puts the life of every request on one time axis.

use crate::model::{Axis, Bar, Part};
use crate::text::{count, duration, harmless, time};
use crate::track::{Stage, Track};
use jiff::Timestamp;

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
    pub fn of<'a>(tracks: impl Iterator<Item = &'a Track>, now: Timestamp) -> Option<Self> {
        let mut span: Option<Self> = None;
        for track in tracks {
            let Some(sent) = track.sent else { continue };
            let end = track.ended().unwrap_or(now).max(sent);
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

/// The bar of a request, the `index`th of the plan; none for one that was never sent.
pub fn bar(index: usize, track: &Track, span: Span, now: Timestamp) -> Option<Bar> {
    let sent = track.sent?;
    let end = track.ended().unwrap_or(now).max(sent);
    let mut parts = Vec::new();
    let mut add = |kind: &'static str, from: Timestamp, to: Timestamp| {
        let (left, right) = (span.place(from), span.place(to));
        if to > from {
            let milliseconds = to.as_millisecond() - from.as_millisecond();
            let width = ((right - left).max(0.0) * 1000.0).round() / 1000.0;
            parts.push(Part { kind, left, width, duration: duration(milliseconds) });
        }
    };
    let (mut kind, mut since) = ("queued", sent);
    for (at, state) in &track.states {
        let next = match state.as_str() {
            "OPEN" => "open",
            "CLOSED" => "closed",
            "FAILED" => "failed",
            "CANCELED" => "canceled",
            _ => "queued",
        };
        if next != kind {
            add(kind, since, (*at).min(end));
            (kind, since) = (next, (*at).max(since));
        }
    }
    match (track.fetching, kind) {
        (Some(fetching), "closed") => {
            add("closed", since, fetching.min(end));
            add("fetching", fetching.max(since), track.added.unwrap_or(end).max(fetching).min(end));
        }
        _ => add(kind, since, end),
    }
    let files = match track.images.len() {
        0 => String::new(),
        1 => ", 1 image".to_owned(),
        n => format!(", {} images", count(n)),
    };
    Some(Bar {
        request: index,
        name: harmless(&track.name),
        detail: harmless(&format!("{} · {}{files}", track.variant, track.arches.join(" "))),
        stage: track.stage().as_str(),
        duration: track.duration(now).map(duration).unwrap_or_default(),
        parts,
        verified: (track.stage() == Stage::Done).then(|| span.place(end)),
        task: crate::arrange::task_link(track),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn closed() -> Track {
        let states = [(10, "FREE"), (20, "OPEN"), (60, "CLOSED")];
        Track {
            name: "disk".into(),
            sent: Some(at(10)),
            states: states.map(|(second, state)| (at(second), state.to_owned())).to_vec(),
            fetching: Some(at(70)),
            added: Some(at(90)),
            done: Some(at(110)),
            ..Track::default()
        }
    }

    fn kinds(bar: &Bar) -> Vec<(&'static str, f64, f64)> {
        bar.parts.iter().map(|part| (part.kind, part.left, part.width)).collect()
    }

    #[test]
    fn the_parts_of_a_life_follow_each_other() {
        let track = closed();
        let span = Span::of([&track].into_iter(), at(500)).unwrap();
        let bar = bar(0, &track, span, at(500)).unwrap();
        let expected = [("queued", 0.0, 10.0), ("open", 10.0, 40.0), ("closed", 50.0, 10.0), ("fetching", 60.0, 20.0)];
        assert_eq!(kinds(&bar), expected);
        assert_eq!((bar.verified, bar.duration.as_str()), (Some(100.0), "1 min 40 s"));
    }

    #[test]
    fn what_goes_on_ends_now_and_what_went_back_is_queued_again() {
        let mut track = closed();
        track.states = vec![(at(20), "OPEN".into()), (at(40), "FREE".into()), (at(60), "OPEN".into())];
        (track.fetching, track.added, track.done) = (None, None, None);
        let span = Span::of([&track].into_iter(), at(110)).unwrap();
        let bar = bar(3, &track, span, at(110)).unwrap();
        let expected = [("queued", 0.0, 10.0), ("open", 10.0, 20.0), ("queued", 30.0, 20.0), ("open", 50.0, 50.0)];
        assert_eq!(kinds(&bar), expected);
        assert_eq!((bar.verified, bar.stage), (None, "open"));
    }

    #[test]
    fn times_out_of_order_stay_on_the_axis() {
        // The clock of the machine was set back while the compose ran.
        let mut track = closed();
        track.states = vec![(at(5), "OPEN".into()), (at(2), "CLOSED".into())];
        track.done = Some(at(1));
        let span = Span::of([&track].into_iter(), at(500)).unwrap();
        for part in bar(0, &track, span, at(500)).unwrap().parts {
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
