//! *YAML* configurations: YAML 1.2 with its core schema, read into the same tree as the other syntaxes.
//!
//! One document, which is a mapping. Anchors and aliases share values, merge keys (`<<`) work as in YAML 1.1 because people
//! know them from elsewhere, tags mean nothing here and are refused, as are keys that are given twice.

mod scalar;

use crate::codes;
use crate::conf::dict::{Builder, Refused};
use crate::diagnostic::Diagnostic;
use crate::limits;
use crate::source::{FileId, Sources, Span};
use crate::tree::{Dict, Node, Value};
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError};
use std::collections::HashMap;
use std::sync::Arc;

type Parsed<T> = Result<T, Box<Diagnostic>>;

/// Reads YAML text whose only document is a mapping. Words that YAML 1.1 reads as booleans are remarked upon in `sources`.
pub fn parse_yaml(file: FileId, sources: &mut Sources) -> Result<Node, Diagnostic> {
    let source = sources.file(file).clone();
    Loader::new(file, &source.text, sources).document().map_err(|problem| *problem)
}

/// A finished value, with what it comes to when every alias in it is written out.
#[derive(Debug, Clone)]
struct Done {
    node: Node,
    /// 0 for a plain value, 1 for a list of plain values.
    depth: u32,
    /// How many values it has.
    size: u64,
}

/// A list or mapping that is being read.
struct Frame {
    content: Content,
    anchor: usize,
    start: usize,
    depth: u32,
    size: u64,
}

enum Content {
    List(Vec<Node>),
    Mapping(Mapping),
}

#[derive(Default)]
struct Mapping {
    entries: Builder,
    key: Option<Key>,
    /// The value of `<<`, and where the key stands.
    merged: Option<(Node, Span)>,
}

enum Key {
    Plain(Node),
    Merge(Span),
}

struct Loader<'t> {
    text: &'t str,
    file: FileId,
    offsets: Offsets,
    stack: Vec<Frame>,
    anchors: HashMap<usize, Done>,
    /// The end of the last value in bytes; collections in block style end there.
    last_end: usize,
    /// How many entries may still be copied by merge keys.
    merges_left: usize,
    sources: &'t mut Sources,
}

fn problem(span: Span, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(&codes::SYNTAX, "", message).at(span)
}

fn too_deep(span: Span) -> Diagnostic {
    problem(span, format!("values are nested more than {} levels deep here", limits::MAX_DEPTH))
}

/// What to do about a complaint of the parser, by words in it.
const HINTS: &[(&str, &str)] = &[
    ("illegal placement of ':'", "a bracket or a quote before this may not be closed"),
    ("in quoted scalar", "the closing quote is missing, or what follows is not indented"),
    ("mapping values are not allowed", "the value before this has no end: look at its quotes and its indentation"),
    ("did not find expected", "this line is not indented like the lines that it belongs to"),
    ("unknown anchor", "there is no `&NAME` of this name before it"),
];

impl<'t> Loader<'t> {
    fn new(file: FileId, text: &'t str, sources: &'t mut Sources) -> Self {
        Self {
            text,
            file,
            offsets: Offsets::new(text),
            stack: Vec::new(),
            anchors: HashMap::new(),
            last_end: 0,
            merges_left: limits::MAX_MERGED,
            sources,
        }
    }

    fn document(&mut self) -> Parsed<Node> {
        let mut parser = Parser::new_from_str(self.text);
        let mut root: Option<Node> = None;
        let mut documents = 0;
        while let Some(event) = parser.next_event() {
            let (event, place) = event.map_err(|error| Box::new(self.scan_problem(&error)))?;
            let (start, end) =
                (self.offsets.byte(self.text, place.start.index()), self.offsets.byte(self.text, place.end.index()));
            let span = self.without_anchor(start, end);
            let done = match event {
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents > 1 {
                        let found = problem(span, "a second document begins here; a configuration is one document");
                        return Err(Box::new(found.help("put what belongs together into one mapping, without `---`")));
                    }
                    None
                }
                Event::Alias(anchor) => Some((0, self.alias(anchor, span)?)),
                Event::Scalar(_, _, _, Some(_))
                | Event::SequenceStart(_, Some(_))
                | Event::MappingStart(_, Some(_)) => {
                    let found = problem(span, "tags such as `!!str` mean nothing in a configuration");
                    return Err(Box::new(found.help("put text that looks like a number in quotes")));
                }
                Event::Scalar(text, style, anchor, None) => Some((anchor, self.scalar(&text, style, span)?)),
                Event::SequenceStart(anchor, None) => {
                    self.open(Content::List(Vec::new()), anchor, span)?;
                    None
                }
                Event::MappingStart(anchor, None) => {
                    self.open(Content::Mapping(Mapping::default()), anchor, span)?;
                    None
                }
                Event::SequenceEnd | Event::MappingEnd => self.close(span)?,
                Event::Nothing | Event::StreamStart | Event::DocumentEnd => None,
                Event::StreamEnd => break,
            };
            if let Some((anchor, done)) = done {
                root = self.finished(anchor, done)?.or(root);
            }
        }
        match root {
            Some(node) if node.as_dict().is_some() => Ok(node),
            Some(node) if !matches!(node.value, Value::Null) => {
                let message = format!("a configuration is a mapping of options, this is {}", node.kind());
                Err(problem(Span::new(self.file, node.span.start as usize, node.span.start as usize + 1), message)
                    .into())
            }
            _ => {
                Err(problem(Span::new(self.file, 0, 0), "a configuration is a mapping of options, this is empty")
                    .into())
            }
        }
    }

    /// The span of a value whose event begins with its anchor.
    fn without_anchor(&self, start: usize, end: usize) -> Span {
        let text = self.text.get(start..end).unwrap_or("");
        let skipped = match text.strip_prefix('&') {
            Some(rest) => {
                let name = rest.find(char::is_whitespace).unwrap_or(rest.len());
                1 + name + rest[name..].find(|c: char| !c.is_whitespace()).unwrap_or(0)
            }
            None => 0,
        };
        Span::new(self.file, start + skipped, end)
    }

    fn scan_problem(&mut self, error: &ScanError) -> Diagnostic {
        let start = self.offsets.byte(self.text, error.marker().index());
        let length = self.text.get(start..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        let span = Span::new(self.file, start, start + length);
        let found = problem(span, format!("this is not YAML: {}", error.info()));
        let line = self.text.get(..start).and_then(|before| before.rsplit('\n').next()).unwrap_or("");
        if line.contains('\t') || self.text.get(start..).is_some_and(|rest| rest.starts_with('\t')) {
            return found.help("YAML is indented with spaces, never with tabs");
        }
        match HINTS.iter().find(|(words, _)| error.info().contains(words)) {
            Some((_, hint)) => found.help(*hint),
            None => found,
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, span: Span) -> Parsed<Done> {
        let written = self.text.get(span.start as usize..span.end as usize).unwrap_or("");
        let span = Span { end: span.start + written.trim_end().len() as u32, ..span };
        let value = if style == ScalarStyle::Plain {
            if scalar::was_boolean(text) {
                let message = format!("`{text}` is a string in YAML 1.2; YAML 1.1 and PyYAML read a boolean");
                let found = Diagnostic::new(&codes::YAML_WORD, "", message).at(span);
                self.sources.remark(found.help(format!("write `true` or `false`, or `\"{text}\"` for the string")));
            }
            match scalar::resolve(text) {
                Ok(value) => value,
                Err(error) => return Err(problem(span, error.to_string()).into()),
            }
        } else {
            Value::Str(text.into())
        };
        self.last_end = span.end as usize;
        Ok(Done { node: Node::new(value, span), depth: 0, size: 1 })
    }

    /// The value of an anchor; its place stays where it was written.
    fn alias(&mut self, anchor: usize, span: Span) -> Parsed<Done> {
        self.last_end = span.end as usize;
        match self.anchors.get(&anchor) {
            Some(done) => Ok(done.clone()),
            None => Err(problem(span, "this alias is inside the value that it names").into()),
        }
    }

    fn open(&mut self, content: Content, anchor: usize, span: Span) -> Parsed<()> {
        if self.stack.len() as u32 >= limits::MAX_DEPTH {
            return Err(too_deep(span).into());
        }
        self.last_end = span.end as usize;
        self.stack.push(Frame { content, anchor, start: span.start as usize, depth: 1, size: 1 });
        Ok(())
    }

    fn close(&mut self, span: Span) -> Parsed<Option<(usize, Done)>> {
        let Some(frame) = self.stack.pop() else { return Ok(None) };
        let end = if span.start < span.end { span.end as usize } else { self.last_end };
        self.last_end = end;
        let span = Span::new(self.file, frame.start, end.max(frame.start));
        let value = match frame.content {
            Content::List(items) => Value::List(items.into()),
            Content::Mapping(mapping) => Value::Dict(Arc::new(self.merge(mapping)?)),
        };
        Ok(Some((frame.anchor, Done { node: Node::new(value, span), depth: frame.depth, size: frame.size })))
    }

    /// Puts a finished value where it belongs; gives it back when that is the top.
    fn finished(&mut self, anchor: usize, done: Done) -> Parsed<Option<Node>> {
        if anchor > 0 {
            self.anchors.insert(anchor, done.clone());
        }
        let level = self.stack.len() as u32;
        let Some(frame) = self.stack.last_mut() else { return Ok(Some(done.node)) };
        frame.depth = frame.depth.max(done.depth + 1);
        frame.size = frame.size.saturating_add(done.size);
        if level + done.depth > limits::MAX_DEPTH {
            return Err(too_deep(done.node.span).into());
        }
        if frame.size > limits::MAX_EXPANDED {
            let message = "the configuration is too large when its aliases are written out";
            return Err(Box::new(Diagnostic::new(&codes::TOO_LARGE, "", message).at(done.node.span)));
        }
        let mapping = match &mut frame.content {
            Content::List(items) => {
                items.push(done.node);
                return Ok(None);
            }
            Content::Mapping(mapping) => mapping,
        };
        let span = done.node.span;
        match mapping.key.take() {
            None if is_merge_key(self.text, &done.node) => mapping.key = Some(Key::Merge(span)),
            None if matches!(done.node.value, Value::List(_) | Value::Dict(_)) => {
                return Err(problem(span, "a list or mapping cannot be a key").into());
            }
            None => mapping.key = Some(Key::Plain(done.node)),
            Some(Key::Merge(at)) => {
                if let Some((_, first)) = mapping.merged {
                    let found = problem(at, "the key `<<` is already in this mapping");
                    let help = "to merge several mappings, give a list of them";
                    return Err(Box::new(found.related(first, "first here").help(help)));
                }
                mapping.merged = Some((done.node, at));
            }
            Some(Key::Plain(key)) => {
                // Keys are plain values, so comparing them costs nothing.
                match mapping.entries.place(&key, &mut 0) {
                    Ok(place) => mapping.entries.put(place, key, done.node),
                    Err(Refused::Duplicate(first)) => {
                        let shown = self.text.get(key.span.start as usize..key.span.end as usize).unwrap_or("");
                        let shown: String = shown.chars().take(60).collect();
                        let found = problem(key.span, format!("the key {shown} is already in this mapping"));
                        return Err(Box::new(found.related(first.span, "first here")));
                    }
                    Err(_) => return Err(problem(key.span, "a list or mapping cannot be a key").into()),
                }
            }
        }
        Ok(None)
    }

    /// The entries of a mapping with those that `<<` brings: these come first, earlier mappings of a list win over later
    /// ones, and the mapping's own entries win over all.
    fn merge(&mut self, mut mapping: Mapping) -> Parsed<Dict> {
        let own = mapping.entries.finish();
        let Some((node, at)) = mapping.merged else { return Ok(own) };
        let single = std::slice::from_ref(&node);
        let sources = if let Value::List(items) = &node.value { items.as_ref() } else { single };
        let mut all = Builder::default();
        for source in sources.iter().rev() {
            let Some(dict) = source.as_dict() else {
                let message = format!("`<<` takes a mapping or a list of mappings, found {}", source.kind());
                return Err(problem(at, message).into());
            };
            let left = self.merges_left.checked_sub(dict.entries.len());
            let Some(left) = left else {
                let message = "the configuration is too large when its merge keys are written out";
                return Err(Box::new(Diagnostic::new(&codes::TOO_LARGE, "", message).at(at)));
            };
            self.merges_left = left;
            for (key, value) in &dict.entries {
                all.replace(key.clone(), value.clone());
            }
        }
        for (key, value) in own.entries {
            all.replace(key, value);
        }
        Ok(all.finish())
    }
}

/// Whether a key is the plain word `<<`.
fn is_merge_key(text: &str, key: &Node) -> bool {
    key.as_str() == Some("<<") && text.get(key.span.start as usize..).is_some_and(|rest| rest.starts_with("<<"))
}

/// From characters, in which the parser counts, to bytes.
struct Offsets {
    /// The byte of every [`STEP`]th character; empty when each character is one byte.
    marks: Vec<u32>,
}

const STEP: usize = 128;

impl Offsets {
    fn new(text: &str) -> Self {
        if text.is_ascii() {
            return Self { marks: Vec::new() };
        }
        Self { marks: text.char_indices().step_by(STEP).map(|(at, _)| at as u32).collect() }
    }

    fn byte(&self, text: &str, index: usize) -> usize {
        if self.marks.is_empty() {
            return index.min(text.len());
        }
        let Some(mark) = self.marks.get(index / STEP) else { return text.len() };
        let rest = text.get(*mark as usize..).unwrap_or("");
        rest.char_indices().nth(index % STEP).map_or(text.len(), |(at, _)| *mark as usize + at)
    }
}
