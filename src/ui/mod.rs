//! Everything that is printed is printed here: answers on standard output, everything else on standard error.

mod closing;
mod failures;
mod frame;
mod gauge;
mod listing;
mod overview;
mod plain;
mod plan_table;
mod screen;
mod table;
mod terminal;
mod waiting;
mod width;

pub use closing::uploads;
pub use failures::{FailedImage, failures, reasons};
pub use frame::Canvas;
pub use gauge::Gauge;
pub use listing::write_listing;
pub use plain::PlainLog;
pub use plan_table::plan_table;
pub use screen::Stream;
pub use table::Table;
pub use terminal::{TerminalView, View};
pub use waiting::WaitingLine;
pub use width::wrapped;

use crate::settings::Environment;
use magudi_config::render::render_within;
use magudi_config::words::counted;
use magudi_config::{Diagnostic, Severity, Sources, outside};
use serde::Serialize;
use std::io::{self, BufWriter, IsTerminal as _, StdoutLock, Write as _};

/// Bytes of an answer that are printed at once.
const ANSWER_BUFFER: usize = 64 * 1024;

/// What a large answer is written to. A type of its own, not any writer: JSON is written in very small pieces.
pub type Answer = BufWriter<StdoutLock<'static>>;

/// How to print.
#[derive(Debug, Clone, Copy)]
pub struct Ui {
    /// Standard error is a terminal that can move its cursor.
    pub terminal: bool,
    /// Colours on standard error.
    pub color: bool,
    /// Standard output is a terminal that can move its cursor.
    pub answers_to_terminal: bool,
    /// Colours on standard output.
    pub answers_in_color: bool,
}

impl Ui {
    /// What the standard streams can do and the environment allows (`NO_COLOR`, `TERM=dumb`).
    pub fn new(environment: &Environment) -> Self {
        let can = |is_terminal: bool| is_terminal && !environment.dumb_terminal;
        let (terminal, answers) = (can(io::stderr().is_terminal()), can(io::stdout().is_terminal()));
        Self {
            terminal,
            color: terminal && !environment.no_color,
            answers_to_terminal: answers,
            answers_in_color: answers && !environment.no_color,
        }
    }

    /// For the time before anything is known of the environment.
    pub fn plain() -> Self {
        Self { terminal: false, color: false, answers_to_terminal: false, answers_in_color: false }
    }

    /// Columns that an answer may have: those of the terminal; without one, as many as it wants.
    pub fn answer_columns(self) -> usize {
        if !self.answers_to_terminal {
            return usize::MAX;
        }
        screen::Screen::new(Stream::Out, false).canvas().columns
    }

    /// Columns that an error may have, in the same way.
    pub fn error_columns(self) -> usize {
        if self.terminal { screen::Screen::new(Stream::Err, false).canvas().columns } else { usize::MAX }
    }

    /// What an answer is drawn on.
    pub fn answer_canvas(self) -> Canvas {
        Canvas { columns: self.answer_columns(), rows: usize::MAX, color: self.answers_in_color }
    }

    /// Prints an answer. A reader that has gone away is not an error.
    pub fn answer(self, text: &str) -> io::Result<()> {
        self.answer_with(|out| out.write_all(text.as_bytes()))
    }

    /// Prints an answer as `write` makes it, piece by piece: for one that is large.
    #[expect(clippy::unused_self, reason = "only who has a `Ui` prints")]
    pub fn answer_with(self, write: impl FnOnce(&mut Answer) -> io::Result<()>) -> io::Result<()> {
        let mut out = BufWriter::with_capacity(ANSWER_BUFFER, io::stdout().lock());
        match write(&mut out).and_then(|()| out.flush()) {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// Prints an answer as JSON while it is made.
    pub fn answer_json(self, answer: &impl Serialize) -> io::Result<()> {
        self.answer_with(|out| {
            serde_json::to_writer_pretty(&mut *out, answer)?;
            out.write_all(b"\n")
        })
    }

    /// Says what went wrong.
    pub fn error(self, text: &str) {
        let (red, reset) = if self.color { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
        self.say(&format!("{red}error{reset}: {}", printable(text)));
    }

    /// Says something worth knowing.
    pub fn note(self, text: &str) {
        self.say(&printable(text));
    }

    /// Prints text as it is, on standard error.
    #[expect(clippy::unused_self, reason = "only who has a `Ui` prints")]
    pub fn say(self, text: &str) {
        // No one is left to hear that standard error is closed.
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    pub fn diagnostics(self, diagnostics: &[Diagnostic], sources: &Sources) {
        if !diagnostics.is_empty() {
            self.say(render_within(diagnostics, sources, self.color, self.error_columns()).trim_end());
        }
    }

    /// Draws diagnostics at the beginning of a run: notes on one line each, because nothing has to be done about them.
    pub fn warnings(self, diagnostics: &[Diagnostic], sources: &Sources) {
        let is_note = |diagnostic: &&Diagnostic| diagnostic.severity() == Severity::Note;
        let (notes, others): (Vec<_>, Vec<_>) = diagnostics.iter().partition(is_note);
        let others: Vec<Diagnostic> = others.into_iter().cloned().collect();
        self.diagnostics(&others, sources);
        for note in notes {
            self.note(&format!("note[{}]: {}", note.code.id, note.message));
        }
    }

    /// Counts diagnostics that were drawn, where there are several of them or warnings are taken for errors.
    pub fn tally(self, diagnostics: &[Diagnostic], strict: bool) {
        if let Some(text) = tally(diagnostics, strict) {
            self.say(&format!("\n{text}"));
        }
    }
}

/// `2 errors, 1 warning`; nothing for a single diagnostic, which needs no counting.
fn tally(diagnostics: &[Diagnostic], strict: bool) -> Option<String> {
    let count = |severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity() == severity).count();
    let counts =
        [(count(Severity::Error), "error"), (count(Severity::Warning), "warning"), (count(Severity::Note), "note")];
    let refused = strict && counts[0].0 == 0 && counts[1].0 > 0;
    if diagnostics.len() < 2 && !refused {
        return None;
    }
    let all: Vec<String> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, noun)| counted(*n, noun)).collect();
    let all = all.join(", ");
    Some(if refused { format!("{all}: --strict treats warnings as errors") } else { all })
}

/// Text from outside as a terminal may see it, see [`outside`].
pub fn printable(text: &str) -> String {
    outside::visible(text).into_owned()
}

/// A number of bytes for people: `1.5 GiB`.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if n < 1024 {
        return format!("{n} B");
    }
    let mut value = n as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_diagnostics_are_counted() {
        use magudi_config::codes::{DEPRECATED, MISSING_KEY, UNLISTED_IMAGE_TYPE};
        let of = |codes: &[&'static magudi_config::codes::Code], strict| {
            let all: Vec<Diagnostic> = codes.iter().map(|code| Diagnostic::new(code, "", "so")).collect();
            tally(&all, strict)
        };
        assert_eq!(of(&[], true), None);
        assert_eq!(of(&[&MISSING_KEY], true), None);
        assert_eq!(of(&[&UNLISTED_IMAGE_TYPE], true), None);
        assert_eq!(of(&[&DEPRECATED], false), None);
        assert_eq!(of(&[&DEPRECATED], true).as_deref(), Some("1 warning: --strict treats warnings as errors"));
        let all = [&MISSING_KEY, &DEPRECATED, &MISSING_KEY];
        assert_eq!(of(&all, true).as_deref(), Some("2 errors, 1 warning"));
    }

    #[test]
    fn sizes_have_one_decimal() {
        assert_eq!([bytes(0), bytes(1023), bytes(1536), bytes(5 << 30)], ["0 B", "1023 B", "1.5 KiB", "5.0 GiB"]);
    }
}
