//! A *source* is one file of configuration text; a *span* is a stretch of it.
//!
//! Every value of a configuration carries the span it was written at, however it came there: by an include, through a
//! variable, out of a format string. [`Sources`] turns a span back into a file, a line and a column, and keeps the *remarks*:
//! what the text alone makes one doubt, whatever its values are used for.

use crate::diagnostic::Diagnostic;
use crate::limits::MAX_REMARKS;
pub use crate::span::{FileId, Span, Spanned, Text};
use memchr::{memchr, memchr_iter, memrchr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// Bytes in which lines are counted one by one: what is before them was counted once.
const BLOCK: usize = 1024;

#[derive(Debug)]
pub struct Source {
    /// The path as messages show it.
    pub path: PathBuf,
    /// The decoded text, with universal newlines already turned into `\n`; the last line ends like the others.
    pub text: String,
    /// Whether this is a file; definitions of the command line are not.
    pub on_disk: bool,
    /// How many lines end before each block; only known when something is to be said of one.
    ends_before: OnceLock<Vec<u32>>,
    /// What was read, where that is not the text.
    original: Option<Box<[u8]>>,
    /// Whether the text ends in a newline that the file does not have.
    pub newline_added: bool,
}

impl Source {
    fn new(path: &Path, text: String) -> Self {
        Self {
            path: path.to_path_buf(),
            text,
            on_disk: true,
            ends_before: OnceLock::new(),
            original: None,
            newline_added: false,
        }
    }

    /// How many lines end before each block.
    fn ends_before(&self) -> &[u32] {
        self.ends_before.get_or_init(|| {
            let text = self.text.as_bytes();
            let mut ends = 0;
            let mut before = Vec::with_capacity(text.len() / BLOCK + 1);
            for block in text.chunks(BLOCK).chain([&[][..]]) {
                before.push(ends);
                ends += memchr_iter(b'\n', block).count() as u32;
            }
            before
        })
    }

    /// The byte at which a line (from 0) begins.
    fn start_of(&self, line: u32) -> Option<usize> {
        let before = self.ends_before();
        let Some(block) = before.partition_point(|ends| *ends < line).checked_sub(1) else { return Some(0) };
        let begin = block * BLOCK;
        let mut ends = memchr_iter(b'\n', self.text.as_bytes().get(begin..)?);
        Some(begin + ends.nth((line - before.get(block)? - 1) as usize)? + 1)
    }

    /// The bytes as they were read, for a copy of the file.
    pub fn bytes(&self) -> &[u8] {
        let text = self.text.as_bytes();
        self.original.as_deref().unwrap_or(&text[..text.len() - usize::from(self.newline_added)])
    }

    /// The byte at which a line (from 1) begins.
    pub fn line_start(&self, line: u32) -> usize {
        self.start_of(line.saturating_sub(1)).unwrap_or(self.text.len())
    }

    /// The text of the line (from 1) without its newline; empty beyond the end.
    pub fn line(&self, line: u32) -> &str {
        let Some(start) = self.start_of(line.saturating_sub(1)) else { return "" };
        let end = self.line_start(line.max(1).saturating_add(1));
        self.text.get(start..end).unwrap_or("").trim_end_matches('\n')
    }

    /// Line and column (both from 1, the column in characters) of a byte offset.
    pub fn line_column(&self, offset: u32) -> (u32, u32) {
        let mut end = (offset as usize).min(self.text.len());
        let before = self.text.as_bytes().get(..end).unwrap_or_default();
        let (block, rest) = (end / BLOCK, before.get(end / BLOCK * BLOCK..).unwrap_or_default());
        let ends = self.ends_before().get(block).copied().unwrap_or_default();
        let line = ends + memchr_iter(b'\n', rest).count() as u32;
        let start = memrchr(b'\n', before).map_or(0, |end| end + 1);
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let column = self.text.get(start..end).map_or(0, |s| s.chars().count());
        (line + 1, column as u32 + 1)
    }

    /// Lines and columns of the first byte of a span, and of the one behind its last: mostly they are in one line.
    pub fn lines_columns(&self, span: Span) -> ((u32, u32), (u32, u32)) {
        let begin = self.line_column(span.start);
        let within = self.text.get(span.start as usize..span.end as usize);
        let end = match within.filter(|text| !text.contains('\n')) {
            Some(text) => (begin.0, begin.1 + text.chars().count() as u32),
            None => self.line_column(span.end.max(span.start)),
        };
        (begin, end)
    }
}

/// A place in a file, for people: file, line and column, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    pub path: PathBuf,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.path.display(), self.line, self.column)
    }
}

/// All the files that were read for one configuration, in the order in which they were opened.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    files: Vec<Arc<Source>>,
    remarks: Vec<Diagnostic>,
}

impl Sources {
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a file's text (newlines already normalised) and names it.
    pub fn add(&mut self, path: &Path, text: String) -> FileId {
        self.files.push(Arc::new(Source::new(path, text)));
        FileId(self.files.len() as u32 - 1)
    }

    /// Takes in a file as it was read. The error is the offset of the first byte that is not UTF-8.
    pub fn add_bytes(&mut self, path: &Path, bytes: Vec<u8>) -> Result<FileId, usize> {
        let read = String::from_utf8(bytes).map_err(|error| error.utf8_error().valid_up_to())?;
        Ok(self.add_read(path, read))
    }

    /// Takes in the text of a file as it was read: turns `\r\n` and `\r` into `\n` as Python's text mode does and ends the last line.
    pub(crate) fn add_read(&mut self, path: &Path, mut read: String) -> FileId {
        let original = memchr(b'\r', read.as_bytes()).map(|_| {
            let text = read.replace("\r\n", "\n").replace('\r', "\n");
            std::mem::replace(&mut read, text).into_bytes().into_boxed_slice()
        });
        let last = read.rsplit('\n').next().unwrap_or("");
        let newline_added = !last.trim_matches([' ', '\t', '\x0c']).is_empty();
        if newline_added {
            read.push('\n');
        }
        read.shrink_to_fit();
        let source = Source { original, newline_added, ..Source::new(path, read) };
        self.files.push(Arc::new(source));
        FileId(self.files.len() as u32 - 1)
    }

    /// Takes in text that is not a file, such as definitions of the command line, under a `name` for messages.
    pub fn add_virtual(&mut self, name: &str, text: String) -> FileId {
        let mut source = Source::new(Path::new(name), text);
        source.on_disk = false;
        self.files.push(Arc::new(source));
        FileId(self.files.len() as u32 - 1)
    }

    /// The file behind an id of this collection.
    pub fn file(&self, id: FileId) -> &Arc<Source> {
        &self.files[id.0 as usize]
    }

    /// All files, in the order in which they were opened.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Source>> {
        self.files.iter()
    }

    /// Notes a remark: a warning about text that says something else than it seems to. A file that is read twice is
    /// remarked upon once, and there are no more than [`MAX_REMARKS`].
    pub fn remark(&mut self, remark: Diagnostic) {
        let known = |other: &Diagnostic| other.code == remark.code && other.span == remark.span;
        if self.remarks.len() < MAX_REMARKS && !self.remarks.iter().any(known) {
            self.remarks.push(remark);
        }
    }

    /// The remarks, in the order in which the text was read.
    pub fn remarks(&self) -> &[Diagnostic] {
        &self.remarks
    }

    pub fn position(&self, span: Span) -> Position {
        self.place(span.file, span.start)
    }

    /// The place behind the last character of a span.
    pub fn end(&self, span: Span) -> Position {
        self.place(span.file, span.end.max(span.start))
    }

    fn place(&self, file: FileId, offset: u32) -> Position {
        let file = self.file(file);
        let (line, column) = file.line_column(offset);
        Position { path: file.path.clone(), line, column }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        let mut sources = Sources::new();
        let file = sources.add(Path::new("a.conf"), "ab\nžluť = 1\n".to_owned());
        let at = |start| sources.position(Span::new(file, start, start)).to_string();
        assert_eq!(at(0), "a.conf:1:1");
        assert_eq!(at(2), "a.conf:1:3");
        assert_eq!(at(3), "a.conf:2:1");
        assert_eq!(at(10), "a.conf:2:6");
        assert_eq!(at(4000), "a.conf:3:1");
    }

    #[test]
    fn lines_are_found_in_every_block() {
        for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK] {
            let text: String = (0..length).map(|n| if n % 7 == 3 || n % BLOCK < 2 { '\n' } else { 'x' }).collect();
            let source = Source::new(Path::new("a.conf"), text.clone());
            let lines: Vec<&str> = text.split('\n').collect();
            let mut start = 0;
            for (number, line) in (1..).zip(&lines) {
                assert_eq!((source.line_start(number), source.line(number)), (start, *line), "{length}: {number}");
                for column in 0..=line.len() {
                    let place = source.line_column((start + column) as u32);
                    assert_eq!(place, (number, column as u32 + 1), "{length}");
                }
                start += line.len() + 1;
            }
            let beyond = lines.len() as u32 + 1;
            assert_eq!((source.line_start(beyond), source.line(beyond)), (length, ""), "{length}");
        }
    }
}
