//! A *gauge* shows on a terminal how far something is that takes long; anywhere else it says nothing.

use super::frame::Drawn;
use super::screen::{Screen, Stream};
use super::width::{cut, width};
use super::{Ui, bytes};
use magudi_engine::verify::Progress;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often it is drawn at the most.
const TICK: Duration = Duration::from_millis(200);

/// How many of how many bytes were read.
#[derive(Debug)]
pub struct Gauge {
    verb: &'static str,
    state: Option<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    screen: Screen,
    began: Instant,
    drawn: Option<Instant>,
    total: u64,
    done: u64,
}

impl Gauge {
    /// A gauge on standard error of what the `verb` does.
    pub fn new(verb: &'static str, ui: Ui) -> Self {
        let state = || {
            let screen = Screen::new(Stream::Err, ui.color);
            Mutex::new(State { screen, began: Instant::now(), drawn: None, total: 0, done: 0 })
        };
        Self { verb, state: ui.terminal.then(state) }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let Some(state) = &self.state else { return };
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        let now = Instant::now();
        if state.drawn.is_none_or(|drawn| now.duration_since(drawn) >= TICK) {
            let room = state.screen.canvas().columns.saturating_sub(1);
            let text = cut(&line(self.verb, state.done, state.total, now.duration_since(state.began)), room);
            state.screen.draw(&[Drawn { width: width(&text), text }]);
            state.drawn = Some(now);
        }
    }
}

fn line(verb: &str, done: u64, total: u64, elapsed: Duration) -> String {
    let percent = done.saturating_mul(100).checked_div(total).unwrap_or(0).min(100);
    let rate = (done as f64 / elapsed.as_secs_f64().max(0.2)) as u64;
    format!("{verb}  {percent} %  {} of {}  {}/s", bytes(done), bytes(total), bytes(rate))
}

impl Progress for Gauge {
    fn total(&self, bytes: u64) {
        self.change(|state| state.total = bytes);
    }

    fn read(&self, bytes: u64) {
        self.change(|state| state.done = state.done.saturating_add(bytes));
    }
}

impl Drop for Gauge {
    fn drop(&mut self) {
        if let Some(state) = &self.state {
            state.lock().unwrap_or_else(PoisonError::into_inner).screen.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_far_and_how_fast() {
        let after = Duration::from_secs(2);
        assert_eq!(line("verifying", 1 << 30, 4 << 30, after), "verifying  25 %  1.0 GiB of 4.0 GiB  512.0 MiB/s");
        assert_eq!(line("verifying", 0, 0, Duration::ZERO), "verifying  0 %  0 B of 0 B  0 B/s");
        assert_eq!(line("verifying", 9, 3, after), "verifying  100 %  9 B of 3 B  4 B/s");
    }
}
