//! A *screen* shows a frame that stays in its place at the end of a terminal, and lines that scroll away above it.

use super::frame::{Canvas, Drawn};
use std::fmt::Write as _;
use std::io::{self, Write as _};

/// Columns and rows of a terminal that does not tell.
const USUAL: (usize, usize) = (80, 24);

/// From here on what does not fit into a line is not seen; and from here on it wraps again (DECAWM).
const UNWRAPPED: &str = "\x1b[?7l";
const WRAPPED: &str = "\x1b[?7h";

/// Which stream the terminal is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Out,
    Err,
}

/// A terminal that is drawn on.
#[derive(Debug)]
pub struct Screen {
    stream: Stream,
    color: bool,
    /// Columns of each line that is drawn.
    drawn: Vec<usize>,
}

impl Screen {
    /// A screen with nothing on it yet.
    pub fn new(stream: Stream, color: bool) -> Self {
        Self { stream, color, drawn: Vec::new() }
    }

    /// What can be drawn on now; a terminal may change its size at any time.
    pub fn canvas(&self) -> Canvas {
        let size = match self.stream {
            Stream::Out => rustix::termios::tcgetwinsize(io::stdout()),
            Stream::Err => rustix::termios::tcgetwinsize(io::stderr()),
        };
        let (columns, rows) = match size {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (usize::from(size.ws_col), usize::from(size.ws_row)),
            _ => USUAL,
        };
        Canvas { columns, rows, color: self.color }
    }

    /// Replaces the frame.
    pub fn draw(&mut self, frame: &[Drawn]) {
        self.print(None, frame);
    }

    /// Prints `text` above the frame, which is `frame` from then on.
    pub fn print_above(&mut self, text: &str, frame: &[Drawn]) {
        self.print(Some(text), frame);
    }

    /// Takes the frame away.
    pub fn clear(&mut self) {
        self.print(None, &[]);
    }

    fn print(&mut self, above: Option<&str>, frame: &[Drawn]) {
        if above.is_none() && frame.is_empty() && self.drawn.is_empty() {
            return;
        }
        let text = render(&self.drawn, above, frame, self.canvas().columns);
        self.drawn = frame.iter().map(|line| line.width).collect();
        // One write, so that the terminal never shows half of it. No one is left to hear that it is gone.
        let _ = match self.stream {
            Stream::Out => {
                let mut out = io::stdout().lock();
                out.write_all(text.as_bytes()).and_then(|()| out.flush())
            }
            Stream::Err => io::stderr().lock().write_all(text.as_bytes()),
        };
    }
}

/// The way from a frame whose lines have the widths `old` to a new one, with `above` scrolled in between. Lines that are
/// wider than the terminal has become have wrapped, and count as several.
///
/// A frame is drawn without wrapping: a terminal that has become narrower and has not said so yet would else make several lines of
/// one, and what is counted next time would not be what is there.
fn render(old: &[usize], above: Option<&str>, frame: &[Drawn], columns: usize) -> String {
    let rows: usize = old.iter().map(|width| width.div_ceil(columns.max(1)).max(1)).sum();
    let mut text = String::new();
    if rows > 0 {
        let _ = write!(text, "\r\x1b[{rows}A");
    }
    if let Some(above) = above {
        // What was drawn may be wider than what comes.
        text.push_str("\x1b[J");
        text.push_str(above.trim_end_matches('\n'));
        text.push('\n');
    }
    if !frame.is_empty() {
        text.push_str(UNWRAPPED);
    }
    for line in frame {
        text.push_str(&line.text);
        text.push_str("\x1b[K\n");
    }
    if !frame.is_empty() {
        text.push_str(WRAPPED);
    }
    text.push_str("\x1b[J");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Drawn {
        Drawn { text: text.to_owned(), width: text.len() }
    }

    #[test]
    fn a_frame_replaces_the_one_before() {
        assert_eq!(render(&[], None, &[line("a"), line("b")], 80), "\x1b[?7la\x1b[K\nb\x1b[K\n\x1b[?7h\x1b[J");
        assert_eq!(render(&[1, 0], None, &[line("c")], 80), "\r\x1b[2A\x1b[?7lc\x1b[K\n\x1b[?7h\x1b[J");
        assert_eq!(render(&[1], None, &[], 80), "\r\x1b[1A\x1b[J");
    }

    #[test]
    fn text_scrolls_in_above() {
        assert_eq!(
            render(&[5], Some("note\n"), &[line("a")], 80),
            "\r\x1b[1A\x1b[Jnote\n\x1b[?7la\x1b[K\n\x1b[?7h\x1b[J"
        );
    }

    #[test]
    fn lines_that_a_narrower_terminal_wrapped_count_as_several() {
        assert_eq!(render(&[100, 40, 41], None, &[], 40), "\r\x1b[6A\x1b[J");
        assert_eq!(render(&[3], None, &[], 0), "\r\x1b[3A\x1b[J");
    }
}
