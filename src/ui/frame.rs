//! A *frame* is the picture of a run as it stands in one moment: a line for each phase, an overview, and the tasks that
//! builders have been working on longest. Drawing it is [`super::screen`]'s business.

use super::overview::Overview;
use super::width::{cut, padded, width};
use super::{bytes, printable};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use magudi_engine::history::{Counts, Past, Phase, PhaseState, RequestState};
use magudi_engine::outage::{Outage, clock};
use std::collections::BTreeMap;

/// The most tasks that are listed as open longest.
const LONGEST: usize = 5;

/// The widest bar, in columns, and the narrowest that says anything.
const BAR: usize = 40;
const LEAST_BAR: usize = 8;

/// With this many rows to spare, one of them stays empty.
const ROOMY: usize = 8;

/// What a frame is drawn on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Canvas {
    pub columns: usize,
    pub rows: usize,
    /// Colours may be used.
    pub color: bool,
}

impl Canvas {
    /// `text` in a colour, if there are colours.
    pub fn paint(&self, code: &str, text: &str) -> String {
        if self.color && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// A line and the columns that it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawn {
    /// The text, colours included.
    pub text: String,
    pub width: usize,
}

impl Drawn {
    fn plain(text: String) -> Self {
        let width = width(&text);
        Self { text, width }
    }
}

/// The picture of a run at the time `now`: at most as many lines as there are rows, but one for the cursor.
pub fn frame(overview: &Overview, now: Timestamp, canvas: Canvas) -> Vec<Drawn> {
    // The last column stays free: a terminal that wraps there would need a line more than was counted.
    let room = canvas.columns.saturating_sub(1).max(1);
    let phases: Vec<&Phase> = overview.phases().collect();
    let name = phases.iter().map(|phase| width(&phase.name)).max().unwrap_or(0).min(room / 3);
    let by_phase = by_phase(overview);
    let all = by_phase.values().fold(Counts::default(), |all, counts| all + *counts);
    let mut counts = overview_lines(overview, all, now, room, canvas);
    // Why nothing else on the picture moves.
    counts.extend(overview.history().outages.lasting().map(|outage| outage_line(outage, now, room, canvas)));
    // Where there is little room, phases that do not run are left out before the tasks that take longest.
    let is_low = canvas.rows < phases.len() + counts.len() + LONGEST + 2;
    let is_shown = |phase: &&&Phase| !(is_low && matches!(phase.state, PhaseState::Skipped(_)));
    let mut lines: Vec<Drawn> = phases
        .iter()
        .filter(is_shown)
        .map(|phase| {
            let counts = by_phase.get(phase.name.as_str()).copied().unwrap_or_default();
            phase_line(counts, phase, name, now, room, canvas)
        })
        .collect();
    // One task that takes long goes before phases, where there is room for more than the overview.
    let least = usize::from(canvas.rows >= counts.len() + 3);
    lines.extend(counts);
    let left = canvas.rows.saturating_sub(lines.len() + 2).max(least);
    let longest = overview.longest(now, LONGEST.min(left));
    if !longest.is_empty() {
        lines.push(Drawn::plain(cut("open longest:", room)));
        lines.extend(longest.into_iter().map(|(seconds, past)| Drawn::plain(open_line(seconds, past, room))));
    }
    if canvas.rows > lines.len() + ROOMY {
        // Apart from what scrolls away above it.
        lines.insert(0, Drawn::plain(String::new()));
    }
    let most = canvas.rows.saturating_sub(1).max(1);
    // Of what does not fit, the phases go first: the overview says most.
    lines.drain(..lines.len().saturating_sub(most));
    lines
}

fn outage_line(outage: &Outage, now: Timestamp, room: usize, canvas: Canvas) -> Drawn {
    let text = cut(&printable(&outage.in_words(now, &TimeZone::system())), room);
    Drawn { width: width(&text), text: canvas.paint("33", &text) }
}

/// How many requests of each phase are in each state, in one look at all of them.
fn by_phase(overview: &Overview) -> BTreeMap<&str, Counts> {
    let mut counts: BTreeMap<&str, Counts> = BTreeMap::new();
    for past in overview.history().requests.iter() {
        counts.entry(past.asked.phase.as_str()).or_default().count(past.state());
    }
    counts
}

fn phase_line(counts: Counts, phase: &Phase, name: usize, now: Timestamp, room: usize, canvas: Canvas) -> Drawn {
    let head = padded(&cut(&phase.name, name), name);
    let total = counts.total();
    let tail = match &phase.state {
        PhaseState::Skipped(_) => "skipped".to_owned(),
        PhaseState::Running(since) => clock(now.as_second().saturating_sub(since.as_second())),
        // Rounded up, as the log has it.
        PhaseState::Done(took) => format!("done in {}", clock(took.saturating_add(999) / 1000)),
    };
    if total == 0 || matches!(phase.state, PhaseState::Skipped(_)) {
        let tail = match &phase.state {
            PhaseState::Skipped(reason) => format!("skipped: {reason}"),
            _ => tail,
        };
        return Drawn::plain(cut(&format!("{head}  {tail}"), room));
    }
    let numbers = format!("{}/{total}", counts.over());
    // Two blanks between the parts, and the bar's brackets.
    let taken = width(&head) + width(&numbers) + width(&tail) + 8;
    let bar = room.saturating_sub(taken).min(BAR);
    if bar < LEAST_BAR {
        return Drawn::plain(cut(&format!("{head}  {numbers}  {tail}"), room));
    }
    let (bar_text, bar_width) = bar_of(counts, bar, canvas);
    let text = format!("{head}  [{bar_text}]  {numbers}  {tail}");
    Drawn { text, width: width(&head) + bar_width + width(&numbers) + width(&tail) + 8 }
}

/// From left to right.
const BAR_ORDER: [RequestState; 10] = [
    RequestState::Done,
    RequestState::Failed,
    RequestState::Canceled,
    RequestState::Fetching,
    RequestState::Closed,
    RequestState::Open,
    RequestState::Assigned,
    RequestState::Free,
    RequestState::InDoubt,
    RequestState::Planned,
];

/// `=` for what is in the compose, `!` for what failed, `>` for what is on its way, `-` for what is being built. Every
/// state that has a request has a column, as far as there are columns.
fn bar_of(counts: Counts, columns: usize, canvas: Canvas) -> (String, usize) {
    let mut text = String::new();
    let (mut before, mut used) = (0, 0);
    for (state, count) in counts.present(BAR_ORDER) {
        before += count;
        let end = (before * columns / counts.total()).max(used + 1).min(columns);
        let mark = match state {
            RequestState::Done => "=",
            RequestState::Failed | RequestState::Canceled => "!",
            RequestState::Closed | RequestState::Fetching => ">",
            RequestState::Open => "-",
            _ => " ",
        };
        let part = mark.repeat(end.saturating_sub(used));
        text.push_str(&if mark == " " { part } else { canvas.paint(color(state), &part) });
        used = used.max(end);
    }
    (text, used)
}

/// The colour of a state.
pub fn color(state: RequestState) -> &'static str {
    match state {
        RequestState::Done => "32",
        RequestState::Failed | RequestState::Canceled => "31",
        RequestState::InDoubt => "33",
        RequestState::Closed | RequestState::Fetching => "36",
        RequestState::Open => "34",
        RequestState::Planned | RequestState::Free | RequestState::Assigned => "",
    }
}

/// The counts of a run, in the order of a request's life; those that are 0 and need not be said are not.
pub fn counts(counts: Counts, always: &[RequestState]) -> Vec<(String, &'static str)> {
    let is_said = |state: &RequestState| counts.of(*state) > 0 || always.contains(state);
    let said = |state: RequestState| {
        let count = counts.of(state);
        // Of failures it is good news that there are none.
        let color = if count == 0 && state == RequestState::Failed { "" } else { color(state) };
        (format!("{count} {state}"), color)
    };
    RequestState::ALL.into_iter().filter(is_said).map(said).collect()
}

/// The states whose numbers are shown while a run continues, also when they are 0: numbers that come and go are hard to follow.
const LIVE: [RequestState; 5] =
    [RequestState::Free, RequestState::Open, RequestState::Fetching, RequestState::Done, RequestState::Failed];

/// The overview, on as many lines as it needs. What cannot stand beside the counts has a line of its own, so that numbers do not
/// jump from line to line as they grow.
fn overview_lines(overview: &Overview, all: Counts, now: Timestamp, room: usize, canvas: Canvas) -> Vec<Drawn> {
    let counts = counts(all, &LIVE);
    let pace = vec![
        (bytes(overview.bytes), ""),
        (format!("{}/s", bytes(overview.rate(now))), ""),
        (clock(overview.elapsed(now)), "1"),
    ];
    let all: Vec<_> = counts.iter().chain(&pace).cloned().collect();
    match item_lines(all, room, canvas) {
        one if one.len() == 1 => one,
        _ => [counts, pace].into_iter().flat_map(|items| item_lines(items, room, canvas)).collect(),
    }
}

fn item_lines(items: Vec<(String, &'static str)>, room: usize, canvas: Canvas) -> Vec<Drawn> {
    let mut lines: Vec<Drawn> = Vec::new();
    for (item, code) in items {
        let item = cut(&item, room);
        let columns = width(&item);
        let painted = if code.is_empty() { item } else { canvas.paint(code, &item) };
        match lines.last_mut() {
            Some(line) if line.width + 2 + columns <= room => {
                line.text.push_str("  ");
                line.text.push_str(&painted);
                line.width += 2 + columns;
            }
            _ => lines.push(Drawn { text: painted, width: columns }),
        }
    }
    lines
}

fn open_line(seconds: i64, past: &Past, room: usize) -> String {
    let task = past.task.map_or_else(String::new, |task| task.to_string());
    let asked = &past.asked;
    cut(
        &format!("{:>9}  {task}  {} of {}  {}", clock(seconds), asked.name, asked.variant, asked.arches.join(" ")),
        room,
    )
}

#[cfg(test)]
mod tests {
    use super::super::overview::tests::{at, done, planned, state, submitted};
    use super::*;
    use magudi_engine::event::Event;

    fn run() -> Overview {
        let mut overview = Overview::default();
        overview.take(&at(
            0,
            Event::ComposeStarted {
                compose_id: "C".into(),
                compose_dir: "/c".into(),
                requests: 8,
                settings: serde_json::Value::Null,
                fresh: false,
            },
        ));
        for request in 0..8 {
            overview.take(&at(0, planned(request, &format!("Fedora-Cloud-Base-{request}"))));
        }
        overview.take(&at(0, Event::PhaseSkipped { phase: "kiwibuild".into(), reason: "not asked for".into() }));
        overview.take(&at(0, Event::PhaseStarted { phase: "osbuild".into() }));
        for request in 0..7 {
            overview.take(&at(1, submitted(request)));
        }
        for (request, word) in [(0, "CLOSED"), (1, "CLOSED"), (2, "FAILED"), (3, "OPEN"), (4, "OPEN"), (5, "CANCELED")]
        {
            overview.take(&at(10, state(request, word)));
        }
        overview.take(&at(19, Event::FetchStarted { request: 1, file: "f".into(), size: 1 }));
        overview.take(&at(20, done(0)));
        overview
    }

    fn lines(columns: usize, rows: usize) -> Vec<String> {
        let now = Timestamp::from_second(3700).unwrap();
        let drawn = frame(&run(), now, Canvas { columns, rows, color: false });
        assert!(drawn.iter().all(|line| line.width == width(&line.text) && line.width < columns), "{drawn:#?}");
        drawn.into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn a_wide_terminal() {
        assert_eq!(
            lines(200, 50),
            [
                "",
                "kiwibuild  skipped: not asked for",
                "osbuild    [=====!!!!!!!!!!>>>>>----------          ]  3/8  1:01:40",
                "1 planned  1 free  2 open  1 fetching  1 done  1 failed  1 canceled  0 B  0 B/s  1:01:40",
                "open longest:",
                "  1:01:30  103  Fedora-Cloud-Base-3 of Server  x86_64 aarch64",
                "  1:01:30  104  Fedora-Cloud-Base-4 of Server  x86_64 aarch64",
            ]
        );
    }

    #[test]
    fn narrow_and_low_terminals() {
        assert_eq!(
            lines(60, 24),
            [
                "",
                "kiwibuild  skipped: not asked for",
                "osbuild    [====!!!!!!!!>>>>--------        ]  3/8  1:01:40",
                "1 planned  1 free  2 open  1 fetching  1 done  1 failed",
                "1 canceled",
                "0 B  0 B/s  1:01:40",
                "open longest:",
                "  1:01:30  103  Fedora-Cloud-Base-3 of Server  x86_64 aarc…",
                "  1:01:30  104  Fedora-Cloud-Base-4 of Server  x86_64 aarc…",
            ]
        );
        assert_eq!(lines(30, 5).len(), 4);
        assert_eq!(
            lines(60, 6),
            [
                "1 planned  1 free  2 open  1 fetching  1 done  1 failed",
                "1 canceled",
                "0 B  0 B/s  1:01:40",
                "open longest:",
                "  1:01:30  103  Fedora-Cloud-Base-3 of Server  x86_64 aarc…",
            ]
        );
        for columns in 1..80 {
            for rows in 1..12 {
                assert!(
                    frame(&run(), Timestamp::UNIX_EPOCH, Canvas { columns, rows, color: true }).len() <= rows.max(2)
                );
            }
        }
    }

    #[test]
    fn colours_take_no_columns() {
        let canvas = |color| Canvas { columns: 100, rows: 40, color };
        let now = Timestamp::from_second(3700).unwrap();
        let [plain, painted] = [false, true].map(|color| frame(&run(), now, canvas(color)));
        for (plain, painted) in plain.iter().zip(&painted) {
            assert_eq!(plain.width, painted.width);
        }
        assert!(painted.iter().any(|line| line.text.contains("\x1b[32m=")), "{painted:?}");
        assert!(!plain.iter().any(|line| line.text.contains('\x1b')));
    }

    #[test]
    fn a_stage_of_one_in_a_thousand_is_seen() {
        let counts = |all: &[(RequestState, usize)]| -> Counts {
            all.iter().flat_map(|(state, count)| std::iter::repeat_n(*state, *count)).collect()
        };
        let canvas = Canvas { columns: 80, rows: 24, color: false };
        let some = counts(&[(RequestState::Done, 998), (RequestState::Failed, 1), (RequestState::Open, 1)]);
        let (bar, columns) = bar_of(some, 20, canvas);
        assert_eq!((bar.as_str(), columns), ("===================!", 20));
        let some = counts(&[(RequestState::Done, 1), (RequestState::Failed, 1), (RequestState::Open, 998)]);
        assert_eq!(bar_of(some, 20, canvas).0, "=!------------------");
    }
}
