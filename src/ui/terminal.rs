//! The run on a terminal: an overview that stays in its place, and above it only what somebody should read.

use super::overview::{Overview, Stage};
use super::{Table, bytes, printable};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use magudi_engine::event::{Event, Level, Stamped, Subscriber};
use magudi_engine::log::lines;
use std::time::Duration;

/// Draws the overview.
#[derive(Debug)]
pub struct TerminalView {
    bar: ProgressBar,
    overview: Overview,
    color: bool,
}

impl TerminalView {
    /// A view on standard error.
    pub fn new(color: bool) -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        let template = if color {
            "{spinner:.cyan} [{elapsed_precise}] {bar:24.cyan/blue} {pos}/{len} images\n  {wide_msg}"
        } else {
            "{spinner} [{elapsed_precise}] {bar:24} {pos}/{len} images\n  {wide_msg}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self { bar, overview: Overview::default(), color }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn closing(&self) -> String {
        let mut images = self.overview.images.clone();
        images.sort_by(|(_, a), (_, b)| a.path.cmp(&b.path));
        let mut table = Table::new(&["VARIANT", "ARCH", "TYPE", ">SIZE", ">TASK", "IMAGE"]).fit(columns());
        for (request, image) in &images {
            let (variant, name) = self.overview.names.get(request).cloned().unwrap_or_default();
            let task = self.overview.tasks.get(request).map_or(String::new(), ToString::to_string);
            table.row([variant, image.arch.clone(), image.image_type.clone(), bytes(image.size), task, name]);
        }
        let mut text = if table.is_empty() { String::new() } else { format!("\n{table}") };
        for (request, failable, error) in &self.overview.failures {
            let (variant, name) = self.overview.names.get(request).cloned().unwrap_or_default();
            let what = if *failable { "failed (failable)" } else { "failed" };
            let what = self.paint("31", what);
            text.push_str(&format!("\n{} of {} {what}: {}", printable(&name), printable(&variant), printable(error)));
        }
        text
    }
}

/// Columns of the terminal behind standard error.
fn columns() -> usize {
    match rustix::termios::tcgetwinsize(std::io::stderr()) {
        Ok(size) if size.ws_col > 0 => usize::from(size.ws_col),
        _ => usize::MAX,
    }
}

impl Subscriber for TerminalView {
    fn on_event(&mut self, event: &Stamped) {
        self.overview.take(&event.event);
        match &event.event {
            Event::ComposeStarted { compose_id, requests, .. } => {
                self.bar.set_length(*requests as u64);
                self.bar.println(format!("{} with {requests} tasks", self.paint("1", compose_id)));
            }
            Event::ComposeFinished { status, error } => {
                self.bar.finish_and_clear();
                let failed = self.overview.count(Stage::Failed);
                let code = if error.is_some() {
                    "1;31"
                } else if failed > 0 {
                    "1;33"
                } else {
                    "1;32"
                };
                let text = format!("{}\n\n{}  {}", self.closing(), self.paint(code, status), self.overview.line());
                self.bar.suspend(|| super::Ui { terminal: true, color: self.color }.say(text.trim_start_matches('\n')));
                return;
            }
            other => {
                for line in lines(other).into_iter().filter(|line| line.level >= Level::Warning) {
                    let code = if line.level >= Level::Error { "31" } else { "33" };
                    let level = self.paint(code, &line.level.as_str().to_lowercase());
                    self.bar.println(format!("{level}: {}", printable(&line.text)));
                }
            }
        }
        self.bar.set_position(self.overview.ended() as u64);
        self.bar.set_message(self.overview.line());
    }
}
