//! *Waiting for the hub*, where no run shows it: on a terminal a line that stays in its place and counts, elsewhere a line at the
//! beginning and one at the end.

use super::Ui;
use super::frame::Drawn;
use super::screen::{Screen, Stream};
use super::width::{cut, width};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use magudi_engine::outage::{Outage, clock};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

/// How often the line is drawn.
const TICK: Duration = Duration::from_secs(1);

/// Says that the hub is waited for.
#[derive(Debug)]
pub struct WaitingLine {
    ui: Ui,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    screen: Screen,
    outage: Option<Outage>,
}

impl WaitingLine {
    /// Nothing is waited for yet.
    pub fn new(ui: Ui) -> Self {
        let state = State { screen: Screen::new(Stream::Err, ui.color), outage: None };
        Self { ui, state: Arc::new(Mutex::new(state)) }
    }

    /// The hub does not answer; said once for each outage.
    pub fn begin(&self, outage: Outage) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.outage.is_some() {
            return;
        }
        let trying = outage.trying(Timestamp::now(), &TimeZone::system());
        self.ui.note(&format!("The hub does not answer {} ({}); {trying}", outage.call, outage.reason));
        state.outage = Some(outage);
        if self.ui.terminal {
            let weak = Arc::downgrade(&self.state);
            // Without a thread the line above has to do.
            let _ = std::thread::Builder::new().name("waiting".to_owned()).spawn(move || tick(&weak));
        }
    }

    /// The hub answers again.
    pub fn end(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.screen.clear();
        if let Some(outage) = state.outage.take() {
            let lasted = Timestamp::now().as_second().saturating_sub(outage.since.as_second());
            self.ui.note(&format!("The hub answers again, after {}", clock(lasted)));
        }
    }
}

impl Drop for WaitingLine {
    fn drop(&mut self) {
        // It was given up; the error says so.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.outage = None;
        state.screen.clear();
    }
}

fn tick(state: &Weak<Mutex<State>>) {
    loop {
        std::thread::sleep(TICK);
        let Some(state) = state.upgrade() else { return };
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(outage) = &state.outage else { return };
        let room = state.screen.canvas().columns.saturating_sub(1);
        let text = cut(&super::printable(&outage.in_words(Timestamp::now(), &TimeZone::system())), room);
        state.screen.draw(&[Drawn { width: width(&text), text }]);
    }
}
