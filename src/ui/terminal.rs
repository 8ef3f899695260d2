//! The run on a terminal: a frame that stays in its place, and above it only what somebody should read.

use super::closing::closing;
use super::failures::failure;
use super::frame::frame;
use super::overview::Overview;
use super::printable;
use super::screen::{Screen, Stream};
use super::width::wrapped;
use jiff::Timestamp;
use magudi_compose::CloudUpload;
use magudi_config::words::counted;
use magudi_engine::event::{Event, Level, Stamped, Subscriber};
use magudi_engine::log::{after_interruption, interrupted, lines};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// How often the frame is drawn while nothing is said that would have it drawn at once.
const TICK: Duration = Duration::from_millis(200);

/// Shows a run as its events come.
#[derive(Debug)]
pub struct TerminalView {
    shared: Arc<Mutex<View>>,
}

/// The picture and what it is drawn on.
#[derive(Debug)]
pub struct View {
    overview: Overview,
    screen: Screen,
}

impl View {
    /// A view of nothing yet.
    pub fn new(stream: Stream, color: bool) -> Self {
        Self { overview: Overview::default(), screen: Screen::new(stream, color) }
    }

    /// Takes in an event, and prints it if it is one that somebody should read.
    pub fn take(&mut self, stamped: &Stamped) {
        self.overview.take(stamped);
        let canvas = self.screen.canvas();
        let above = match &stamped.event {
            Event::ComposeStarted { compose_id, requests, .. } => {
                let tasks = counted(*requests, "task");
                Some(format!("{} with {tasks}", canvas.paint("1", &printable(compose_id))))
            }
            Event::RequestFailed { request, .. } => self.overview.failed(*request).map(|told| failure(told, canvas)),
            Event::Interrupted { tasks, detached, .. } => {
                let next = after_interruption(*tasks, *detached, "pressing again");
                Some(
                    wrapped(&format!("{}; {next}", interrupted(*tasks, *detached)), "", canvas.columns)
                        .trim_end()
                        .to_owned(),
                )
            }
            // The frame says so, and the closing words have the rest.
            Event::PhaseSkipped { .. } | Event::ComposeFinished { .. } => None,
            // The request fails with it, and tells it better.
            Event::CloudUpload { upload, .. } if upload.status == CloudUpload::FAILURE => None,
            other => {
                let said = lines(other).into_iter().filter(|line| line.level >= Level::Warning);
                let said: Vec<String> = said
                    .map(|line| {
                        let code = if line.level >= Level::Error { "31" } else { "33" };
                        let level = canvas.paint(code, &line.level.as_str().to_lowercase());
                        wrapped(&format!("{level}: {}", printable(&line.text)), "", canvas.columns)
                            .trim_end()
                            .to_owned()
                    })
                    .collect();
                (!said.is_empty()).then(|| said.join("\n"))
            }
        };
        if let Some(text) = above {
            // What is said after the end stands by itself.
            let picture = self.picture(stamped.time);
            self.screen.print_above(&text, &picture);
        }
        if matches!(stamped.event, Event::ComposeFinished { .. }) {
            self.close(stamped.time);
        }
    }

    fn picture(&self, now: Timestamp) -> Vec<super::frame::Drawn> {
        match self.overview.finished {
            Some(_) => Vec::new(),
            None => frame(&self.overview, now, self.screen.canvas()),
        }
    }

    /// Draws the frame as it is now.
    pub fn draw(&mut self, now: Timestamp) {
        let picture = self.picture(now);
        self.screen.draw(&picture);
    }

    /// Takes the frame away.
    pub fn clear(&mut self) {
        self.screen.clear();
    }

    /// Takes the frame away and says how it ended.
    fn close(&mut self, now: Timestamp) {
        let text = closing(&self.overview, now, self.screen.canvas());
        self.screen.print_above(&text, &[]);
    }
}

impl TerminalView {
    /// A view on standard error, drawn again and again until the run is over.
    pub fn new(color: bool) -> Self {
        let shared = Arc::new(Mutex::new(View::new(Stream::Err, color)));
        let weak = Arc::downgrade(&shared);
        // Without a thread the frame stands still between events, which is worse than no clock but no reason to fail.
        let _ = std::thread::Builder::new().name("terminal".to_owned()).spawn(move || tick(&weak));
        Self { shared }
    }
}

fn tick(view: &Weak<Mutex<View>>) {
    loop {
        std::thread::sleep(TICK);
        let Some(view) = view.upgrade() else { return };
        let mut view = locked(&view);
        if view.overview.finished.is_some() {
            return;
        }
        view.draw(Timestamp::now());
    }
}

fn locked(view: &Mutex<View>) -> MutexGuard<'_, View> {
    view.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Subscriber for TerminalView {
    fn on_event(&mut self, event: &Stamped) {
        locked(&self.shared).take(event);
    }
}

impl Drop for TerminalView {
    fn drop(&mut self) {
        // A run that ended before it could say so.
        locked(&self.shared).clear();
    }
}
