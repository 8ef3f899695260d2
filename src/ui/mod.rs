//! Everything that is printed is printed here: answers on standard output, everything else on standard error.

mod overview;
mod plain;
mod table;
mod terminal;

pub use plain::PlainLog;
pub use table::Table;
pub use terminal::TerminalView;

use crate::settings::Environment;
use magudi_config::render::render_human;
use magudi_config::{Diagnostic, Sources};
use std::io::{self, IsTerminal as _, Write as _};

/// How to print.
#[derive(Debug, Clone, Copy)]
pub struct Ui {
    /// Standard error is a terminal that can move its cursor.
    pub terminal: bool,
    /// Colours on standard error.
    pub color: bool,
}

impl Ui {
    /// What the standard streams can do and the environment allows (`NO_COLOR`, `TERM=dumb`).
    pub fn new(environment: &Environment) -> Self {
        let terminal = io::stderr().is_terminal() && !environment.dumb_terminal;
        Self { terminal, color: terminal && !environment.no_color }
    }

    /// Prints an answer. A reader that has gone away is no error.
    pub fn answer(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// Says what went wrong.
    pub fn error(&self, text: &str) {
        let (red, reset) = if self.color { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
        self.say(&format!("{red}error{reset}: {}", printable(text)));
    }

    /// Says something worth knowing.
    pub fn note(&self, text: &str) {
        self.say(&printable(text));
    }

    /// Prints text as it is, on standard error.
    pub fn say(&self, text: &str) {
        // Nobody is left to be told that standard error is closed.
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Draws the diagnostics of a configuration.
    pub fn diagnostics(&self, diagnostics: &[Diagnostic], sources: &Sources) {
        if !diagnostics.is_empty() {
            self.say(render_human(diagnostics, sources, self.color).trim_end());
        }
    }
}

/// Text from outside as a terminal may see it: without control characters but line feeds and tabs.
pub fn printable(text: &str) -> String {
    if !text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return text.to_owned();
    }
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c.to_string(),
            c if c.is_control() => c.escape_default().to_string(),
            c => c.to_string(),
        })
        .collect()
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
    fn escape_sequences_are_made_visible() {
        assert_eq!(printable("a\x1b[31mb\tc\n"), "a\\u{1b}[31mb\tc\n");
        assert_eq!(printable("žluť"), "žluť");
    }

    #[test]
    fn sizes_have_one_decimal() {
        assert_eq!([bytes(0), bytes(1023), bytes(1536), bytes(5 << 30)], ["0 B", "1023 B", "1.5 KiB", "5.0 GiB"]);
    }
}
