//! *Rendering* of diagnostics: for people, with the source drawn as rustc draws it, and as JSON.
//!
//! Whatever comes from a file is shown harmless: control characters and the like escaped, long lines cut around the place,
//! secrets as asterisks ([`secrets`]).

mod report;
pub mod sarif;
pub mod secrets;

use crate::codes::Severity;
use crate::diagnostic::Diagnostic;
use crate::load::Syntax;
use crate::outside::{is_plain, push};
use crate::source::{FileId, Sources, Span};
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
pub use report::Report;
use secrets::Secrets;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write;
use std::ops::Range;
use unicode_width::UnicodeWidthStr as _;

/// How many diagnostics are drawn, errors before all others; the rest is only counted.
const MAX_DRAWN: usize = 200;
/// Lines up to this many bytes are shown whole.
const WHOLE: usize = 160;
/// How many characters of a longer line are shown before and behind a place.
const BEFORE: usize = 60;
const BEHIND: usize = 120;
/// What a tab is drawn as.
const TAB: &str = "    ";
/// Columns around the number of a line: a blank, the bar and a blank, and the last column, which stays free.
const GUTTER: usize = 4;
/// As many columns are taken for a line of the source, however narrow the terminal is.
const LEAST_ROOM: usize = 24;
/// The longest message, in characters.
const MAX_MESSAGE: usize = 2000;

/// Draws diagnostics in the order of their places, each followed by an empty line, whatever the width. With `color`, with escape
/// sequences of our own.
pub fn render_human(diagnostics: &[Diagnostic], sources: &Sources, color: bool) -> String {
    render_within(diagnostics, sources, color, usize::MAX)
}

/// The same for a terminal of a given width: lines of the source are cut to it around what is marked in them.
pub fn render_within(diagnostics: &[Diagnostic], sources: &Sources, color: bool, columns: usize) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut secrets = HashMap::new();
    let mut out = String::new();
    for diagnostic in worst(diagnostics) {
        let drawn = draw(diagnostic, sources, columns, &mut secrets);
        push_places(&mut out, &renderer.render(&[group(diagnostic, &drawn)]), &drawn);
        out.push_str("\n\n");
    }
    if let Some(more) = diagnostics.len().checked_sub(MAX_DRAWN).filter(|more| *more > 0) {
        // Writing into a string cannot fail.
        let _ = writeln!(out, "... and {more} more\n");
    }
    out
}

/// The diagnostics that are drawn: all, or as many of the worst as may be.
fn worst(diagnostics: &[Diagnostic]) -> Vec<&Diagnostic> {
    let mut all: Vec<&Diagnostic> = diagnostics.iter().collect();
    all.sort_by_key(|diagnostic| std::cmp::Reverse(diagnostic.severity()));
    all.truncate(MAX_DRAWN);
    by_place(&mut all);
    all
}

/// Diagnostics in the order of their places, as a reader of the files comes to them.
fn in_order(diagnostics: &[Diagnostic]) -> Vec<&Diagnostic> {
    let mut all: Vec<&Diagnostic> = diagnostics.iter().collect();
    by_place(&mut all);
    all
}

/// Files in the order in which they were opened; what has no place comes last.
fn by_place(diagnostics: &mut [&Diagnostic]) {
    diagnostics
        .sort_by_key(|diagnostic| diagnostic.span.map_or((true, None), |span| (false, Some((span.file, span.start)))));
}

/// Begins what stands for a path until it is drawn; [`clean`] lets no such character through.
const STAND_IN: char = '\u{f8ff}';

/// Appends a drawing with the places put in. The renderer would count columns in what is drawn, which is not the line itself.
fn push_places(out: &mut String, rendered: &str, drawn: &[Drawn]) {
    let mut rest = rendered;
    while let Some((head, tail)) = rest.split_once(STAND_IN) {
        out.push_str(head);
        let end = tail.find(|c: char| !(c.is_ascii_digit() || c == ':')).unwrap_or(tail.len());
        let (place, after) = tail.split_at(end);
        let index = place.split(':').next().and_then(|index| index.parse::<usize>().ok());
        if let Some(line) = index.and_then(|index| drawn.get(index)) {
            // Writing into a string cannot fail.
            let _ = write!(out, "{}:{}:{}", line.path, line.line, line.column);
        }
        rest = after;
    }
    out.push_str(rest);
}

/// Text for a terminal: cut when it is very long, what a terminal would not print as itself escaped.
fn clean(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_MESSAGE && is_plain(text) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for (count, c) in text.chars().enumerate() {
        if count == MAX_MESSAGE {
            out.push_str("...");
            break;
        }
        push(&mut out, c);
    }
    Cow::Owned(out)
}

/// A place, its label and whether it is the diagnostic's own.
type Mark = (Span, Option<String>, bool);

/// A line of a file as it will be shown, with the marks in it.
struct Drawn {
    path: String,
    stand_in: String,
    line: u32,
    column: u32,
    text: String,
    marks: Vec<(Range<usize>, Option<String>, bool)>,
}

/// The lines that a diagnostic is about, the one of its place first.
fn draw(
    diagnostic: &Diagnostic,
    sources: &Sources,
    columns: usize,
    secrets: &mut HashMap<FileId, Secrets>,
) -> Vec<Drawn> {
    let main = diagnostic.span.map(|span| (span, None, true));
    let related = diagnostic.related.iter().map(|(span, text)| (*span, Some(clean(text).into_owned()), false));
    let mut lines: Vec<((FileId, u32), Vec<Mark>)> = Vec::new();
    for (span, label, primary) in main.into_iter().chain(related) {
        let key = (span.file, sources.position(span).line);
        match lines.iter_mut().find(|(other, _)| *other == key) {
            Some((_, marks)) => marks.push((span, label, primary)),
            None => lines.push((key, vec![(span, label, primary)])),
        }
    }
    // The number of the line and the bar stand before it.
    let digits = lines.iter().map(|((_, line), _)| line.to_string().len()).max().unwrap_or_default();
    let room = columns.saturating_sub(digits + GUTTER).max(LEAST_ROOM);
    lines
        .into_iter()
        .enumerate()
        .map(|(index, ((file, line), marks))| {
            let source = sources.file(file);
            let secrets = secrets.entry(file).or_insert_with(|| Secrets::find(&source.text, Syntax::of(&source.path)));
            let first = marks.first().map_or(0, |(span, _, _)| span.start);
            let mut drawn = Drawn {
                path: clean(&source.path.display().to_string()).into_owned(),
                stand_in: format!("{STAND_IN}{index}"),
                line,
                column: source.line_column(first).1,
                text: String::new(),
                marks: Vec::new(),
            };
            draw_line(&mut drawn, sources, file, &marks, room, secrets);
            drawn
        })
        .collect()
}

/// Copies the window of a line around its marks and moves the marks along.
fn draw_line(drawn: &mut Drawn, sources: &Sources, file: FileId, marks: &[Mark], room: usize, secrets: &Secrets) {
    let source = sources.file(file);
    let text = source.line(drawn.line);
    let offset = source.line_start(drawn.line);
    let local = |at: u32| (at as usize).saturating_sub(offset).min(text.len());
    let first = marks.iter().map(|(span, _, _)| local(span.start)).min().unwrap_or(0);
    let last = marks.iter().map(|(span, _, _)| local(span.start)).max().unwrap_or(0);
    let (from, to) = window(text, first, last, room);

    // Where each byte of the line came to stand.
    let mut moved: Vec<(usize, usize)> = Vec::new();
    if from > 0 {
        drawn.text.push_str("...");
    }
    for (at, c) in text.get(from..to).unwrap_or("").char_indices() {
        moved.push((from + at, drawn.text.len()));
        if secrets.contains(offset + from + at) {
            drawn.text.push('*');
        } else if c == '\t' {
            drawn.text.push_str(TAB);
        } else {
            push(&mut drawn.text, c);
        }
    }
    let end = drawn.text.len();
    if to < text.len() {
        drawn.text.push_str("...");
    }
    let place = |at: usize| {
        let index = moved.partition_point(|(old, _)| *old < at);
        moved.get(index).map_or(end, |(_, new)| *new)
    };
    for (span, label, primary) in marks {
        let (start, stop) = (place(local(span.start)), place(local(span.end)));
        drawn.marks.push((start..stop.max(start), label.clone(), *primary));
    }
}

/// The part of a line that is shown around marks from `first` to `last`.
fn window(text: &str, first: usize, last: usize, room: usize) -> (usize, usize) {
    let (from, to) = if text.len() <= WHOLE {
        (0, text.len())
    } else {
        (step_back(text, first, BEFORE), step_on(text, last.min(first + 4 * BEHIND), BEHIND))
    };
    if columns(text.get(from..to).unwrap_or("").chars()).last().is_none_or(|width| width <= room) {
        return (from, to);
    }
    let room = room.saturating_sub(2 * "...".len());
    let fitting = |part: &str, room: usize| columns(part.chars()).take_while(|width| *width <= room).count();
    let back = |at: usize, room: usize| {
        let part = text.get(from..at).unwrap_or("");
        step_back(text, at, columns(part.chars().rev()).take_while(|width| *width <= room).count())
    };
    let begin = back(first, room / 3);
    let rest = text.get(begin..to).unwrap_or("");
    let end = step_on(text, begin, fitting(rest, room));
    // Where the line ends in it there is more room in front.
    (if end == to { back(to, room) } else { begin }, end)
}

/// The columns that characters take as they are drawn, up to and with each.
fn columns(chars: impl Iterator<Item = char>) -> impl Iterator<Item = usize> {
    chars.scan(0, |used, c| {
        let mut drawn = String::new();
        push(&mut drawn, c);
        *used += if c == '\t' { TAB.len() } else { drawn.width() };
        Some(*used)
    })
}

fn step_back(text: &str, at: usize, count: usize) -> usize {
    let head = text.get(..at).unwrap_or("");
    head.char_indices().rev().take(count).last().map_or(at, |(at, _)| at)
}

fn step_on(text: &str, at: usize, count: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let tail = text.get(at..).unwrap_or("");
    tail.char_indices().nth(count).map_or(text.len(), |(more, _)| at + more)
}

fn group<'a>(diagnostic: &'a Diagnostic, drawn: &'a [Drawn]) -> Group<'a> {
    let level = match diagnostic.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut group = level
        .primary_title(clean(&diagnostic.message))
        .id(diagnostic.code.id)
        .elements(std::iter::empty::<Snippet<'_, Annotation<'_>>>());
    for line in drawn {
        let marks = line.marks.iter().map(|(range, label, primary)| {
            let kind = if *primary { AnnotationKind::Primary } else { AnnotationKind::Context };
            let mark = kind.span(range.clone());
            match label {
                Some(label) => mark.label(label.as_str()),
                None => mark,
            }
        });
        let snippet = Snippet::source(line.text.as_str()).line_start(line.line as usize).path(line.stand_in.as_str());
        group = group.element(snippet.annotations(marks));
    }
    if !diagnostic.path.is_empty() {
        group = group.element(Level::NOTE.with_name("path").message(clean(&diagnostic.path)));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(clean(help)));
    }
    group
}
