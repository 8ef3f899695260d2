//! *Windows*: a long text is looked through part by part. Layers take up to forty times the room of the text that they are made of.
//!
//! Of each part that is hidden which begins there. It is seen with so much before and behind it that this is what would be hidden
//! if the text were seen as a whole.

use super::{Mask, Secrets, layers, starred};
use std::fmt;
use std::io::{self, Write};
use std::ops::Range;
use std::sync::PoisonError;

/// How long a part is, in bytes, unless secrets are long.
const PART: usize = 128 * 1024;

/// How much is seen beside it at least.
const BESIDE: usize = 8 * 1024;

/// How many bytes may stand for one of a secret: escapes of ten, which are escaped.
const LONGEST_ESCAPES: usize = 100;

/// What is to be hidden in a text, as far as it was looked through.
pub(super) struct Found {
    pub(super) ranges: Vec<Range<usize>>,
    /// Whatever begins before it is found.
    pub(super) end: usize,
}

/// Writes a text without its secrets, of which there is never all in memory.
pub struct Hiding<'m, W> {
    mask: &'m Mask,
    out: W,
    /// What was written before, as far as it must be seen, and what was not.
    text: String,
    written: usize,
    /// How long the text is to be before it is looked at.
    due: usize,
    result: io::Result<()>,
}

impl Secrets {
    /// How much is to be seen beside a part.
    fn beside(&self) -> usize {
        self.longest.saturating_mul(LONGEST_ESCAPES).max(BESIDE)
    }

    /// What is to be hidden in `text` from `start` on. What is before that is only seen; `is_all` that there is no more of it.
    pub(super) fn find_in(&self, text: &str, start: usize, is_all: bool) -> Found {
        let mut found = Found { ranges: Vec::new(), end: start };
        let beside = self.beside();
        let part = PART.max(beside);
        while found.end < text.len() {
            let mut behind = beside;
            let (ranges, end) = loop {
                let left = text.len() - found.end;
                let (end, seen) = if left <= part + behind {
                    (text.len(), text.len())
                } else {
                    let end = found.end + part;
                    (boundary(text, end), boundary(text, end + behind))
                };
                let is_last = seen == text.len();
                if is_last && !is_all {
                    return found;
                }
                let before = boundary(text, found.end.saturating_sub(beside));
                let ranges = self.look_at(&text[before..seen]).into_iter().map(|at| at.start + before..at.end + before);
                let ranges: Vec<_> = ranges.filter(|at| (found.end..end).contains(&at.start)).collect();
                // One that goes on to the end of what is seen may be longer.
                if is_last || ranges.iter().all(|at| at.end < seen) {
                    break (ranges, end);
                }
                behind = behind.saturating_mul(2);
            };
            found.ranges.extend(ranges);
            found.end = end;
        }
        found
    }

    fn look_at(&self, text: &str) -> Vec<Range<usize>> {
        if self.cannot_be_in(text) {
            return Vec::new();
        }
        let layers = layers::of(text);
        layers.iter().flat_map(|layer| self.find_in_layer(layer)).collect()
    }
}

impl<'m, W: Write> Hiding<'m, W> {
    pub(super) fn new(mask: &'m Mask, out: W) -> Self {
        Self { mask, out, text: String::new(), written: 0, due: PART, result: Ok(()) }
    }

    /// Writes the rest. The error is the first of all.
    pub fn finish(mut self) -> io::Result<()> {
        self.pass(true);
        self.result
    }

    fn pass(&mut self, is_all: bool) {
        let secrets = self.mask.0.read().unwrap_or_else(PoisonError::into_inner);
        let (found, beside) = (secrets.find_in(&self.text, self.written, is_all), secrets.beside());
        drop(secrets);
        // Nothing begins behind its last range that it does not cover.
        let end = found.ranges.iter().map(|range| range.end).max().unwrap_or_default().max(found.end);
        let ranges = found.ranges.into_iter().map(|at| at.start - self.written..at.end - self.written).collect();
        if self.result.is_ok() {
            self.result = self.out.write_all(starred(&self.text[self.written..end], ranges).as_bytes());
        }
        let seen = boundary(&self.text, end.saturating_sub(beside));
        self.text.drain(..seen);
        self.written = end - seen;
        self.due = (self.text.len() * 2).max(PART + self.written);
    }
}

impl<W: Write> fmt::Write for Hiding<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        // However much comes at once, no more of it is kept than is looked at.
        while !rest.is_empty() && self.result.is_ok() {
            let (piece, more) = rest.split_at(boundary(rest, PART));
            self.text.push_str(piece);
            if self.text.len() >= self.due {
                self.pass(false);
            }
            rest = more;
        }
        if self.result.is_ok() { Ok(()) } else { Err(fmt::Error) }
    }
}

/// Where a character begins, at `index` or before.
fn boundary(text: &str, index: usize) -> usize {
    (0..=index.min(text.len())).rev().find(|index| text.is_char_boundary(*index)).unwrap_or_default()
}
