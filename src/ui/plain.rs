//! The run's log on a stream, for when there is no terminal to look at: the lines of Pungi.

use super::{Stream, printable};
use magudi_engine::event::{Level, Stamped, Subscriber};
use magudi_engine::log::{LogClock, lines};
use std::io::{self, Write as _};

/// Prints every log line from INFO up.
#[derive(Debug)]
pub struct PlainLog {
    stream: Stream,
    clock: LogClock,
}

impl PlainLog {
    /// A log in local time.
    pub fn new(stream: Stream) -> Self {
        Self { stream, clock: LogClock::local() }
    }
}

impl Subscriber for PlainLog {
    fn on_event(&mut self, event: &Stamped) {
        for line in lines(&event.event).into_iter().filter(|line| line.level >= Level::Info) {
            let text = printable(&line.format(self.clock.show(event.time)));
            // No one is left to hear that the stream is closed.
            let _ = match self.stream {
                Stream::Out => writeln!(io::stdout(), "{text}"),
                Stream::Err => writeln!(io::stderr(), "{text}"),
            };
        }
    }
}
