//! What holds for every journal: cut off anywhere it is a journal still, its events are written as they were read, and neither
//! a log nor a report can be made to say what is not so.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use magudi_engine::event::Stamped;
use magudi_engine::history::History;
use magudi_engine::journal::{JournalLine, parse_journal, parse_line};
use magudi_engine::log;
use magudi_report::{Facts, arrange, page};
use std::path::Path;

/// A text that no page may show as it is.
const MARKUP: &str = "<x9";

fn read(data: &[u8]) -> Option<Vec<Stamped>> {
    match parse_journal(data, Path::new("journal")) {
        Ok(events) => Some(events),
        Err(error) => {
            let text = error.to_string();
            assert!(text.len() < 4000 && !text.contains(char::is_control), "{text:?}");
            None
        }
    }
}

fn line(stamped: &Stamped) -> String {
    stamped.to_json_line()
}

/// A whole journal.
pub fn journal(data: &[u8]) {
    let Some(events) = read(data) else { return };
    let mut clock = log::LogClock::in_zone(TimeZone::UTC);
    for stamped in &events {
        let text = line(stamped);
        assert!(!text.contains('\n'));
        match parse_line(&text) {
            Ok(JournalLine::Event(back)) => assert_eq!((back.time, &back.event), (stamped.time, &stamped.event)),
            other => panic!("{text}: {other:?}"),
        }
        for told in log::lines(&stamped.event) {
            let told = told.format(clock.show(stamped.time));
            assert!(!told.contains(|c: char| c.is_control() && c != '\n' && c != '\t'), "{told:?}");
        }
    }
    check_history(&events);
    // Whenever a run is killed, the journal holds what was said until then.
    let ends = data.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    let places: Vec<usize> =
        ends.flat_map(|end| [end, end.saturating_sub(1), end.saturating_sub(9)]).take(60).collect();
    for place in places {
        let torn = data.get(..place).and_then(read).unwrap_or_else(|| panic!("cut at {place} it is refused"));
        assert!(torn.len() <= events.len());
        for (one, other) in torn.iter().zip(&events) {
            assert_eq!((one.time, &one.event), (other.time, &other.event));
        }
        check_history(&torn);
    }
}

fn check_history(events: &[Stamped]) {
    let history = History::replay(events);
    for (index, task) in history.unfinished() {
        assert_eq!(history.requests.number(index).and_then(|past| past.task), Some(task));
    }
    for past in history.requests.iter() {
        assert!(history.requests.get(&past.key).is_some());
        assert!(past.ended().is_none() || past.state().is_over());
        assert!(past.clone().take_added().len() == past.images.len());
        assert!(past.images.iter().all(|(_, image)| history.paths.contains_key(&image.path)));
    }
}

/// The report of a journal.
pub fn report(data: &[u8]) {
    let Some(events) = read(data) else { return };
    let facts = Facts {
        compose_dir: "/composes/Test-9.2-20240229.t.0".to_owned(),
        status: None,
        runner: data.len().is_multiple_of(2).then(|| "process 1 on host".to_owned()),
        now: Timestamp::UNIX_EPOCH,
        base: String::new(),
        files: Vec::new(),
        uploads: Ok(None),
    };
    let mut html = Vec::new();
    page(arrange(&events, &facts), &mut html).unwrap_or_else(|error| panic!("{error}"));
    assert!(!String::from_utf8_lossy(&html).contains(MARKUP));
}
