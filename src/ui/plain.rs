//! The run's log on standard error, for when nobody looks at a terminal: the lines of Pungi.

use super::printable;
use jiff::tz::TimeZone;
use magudi_engine::event::{Level, Stamped, Subscriber};
use magudi_engine::log::lines;
use std::io::{self, Write as _};

/// Prints every log line from INFO up.
#[derive(Debug)]
pub struct PlainLog {
    zone: TimeZone,
}

impl PlainLog {
    /// A log in local time.
    pub fn new() -> Self {
        Self { zone: TimeZone::system() }
    }
}

impl Subscriber for PlainLog {
    fn on_event(&mut self, event: &Stamped) {
        let mut err = io::stderr().lock();
        for line in lines(&event.event).into_iter().filter(|line| line.level >= Level::Info) {
            // Nobody is left to be told that standard error is closed.
            let _ = writeln!(err, "{}", printable(&line.format(event.time, &self.zone)));
        }
    }
}
