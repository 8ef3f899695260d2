//! *Reading ahead*: a large file is mostly lists of dicts, and what such a dict says depends on nothing around it unless it names
//! a variable. So a second thread reads those of the second half while the first one reads what is before them. The parser takes
//! such an item when it arrives at the place where it begins, as a list may have it there; what was not read ahead, or with any
//! doubt, it reads itself.

use super::lexer::{Kind, Lexer};
use super::parser::{Env, Parser};
use super::scope::Nested;
use crate::source::{FileId, Source, Sources};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, available_parallelism, scope};
use std::vec::IntoIter;

/// From how many bytes of text on another thread pays.
pub const LARGE: usize = 256 * 1024;
/// How many items are handed over at a time.
const BATCH: usize = 64;
/// What the thread may nest values in, which is as much as the first thread of a process usually has.
const STACK: usize = 8 << 20;

/// A dict that was read ahead.
pub(super) struct Item {
    /// First byte.
    pub(super) start: usize,
    /// One past the last byte.
    pub(super) end: usize,
    pub(super) value: Nested,
}

/// What is read ahead of a file, in the order of the text.
pub(super) struct Ahead {
    begin: usize,
    batches: Receiver<Vec<Item>>,
    items: IntoIter<Item>,
}

impl Ahead {
    /// The item that begins at a byte. Waits for it where it may still come.
    pub(super) fn take(&mut self, start: usize) -> Option<Item> {
        if start < self.begin {
            return None;
        }
        loop {
            match self.items.as_slice().first() {
                Some(item) if item.start > start => return None,
                Some(item) if item.start == start => return self.items.next(),
                Some(_) => drop(self.items.next()),
                None => self.items = self.batches.recv().ok()?.into_iter(),
            }
        }
    }
}

/// Parses with what another thread reads ahead; without it where the text is small, or there is no processor for that.
pub(super) fn with_ahead<R>(file: FileId, source: &Source, parse: impl FnOnce(Option<Ahead>) -> R) -> R {
    let middle = source.text.len() / 2;
    let pays = source.text.len() >= LARGE && available_parallelism().is_ok_and(|processors| processors.get() > 1);
    let Some(begin) = next_dict(&source.text, middle).filter(|_| pays) else { return parse(None) };
    scope(|threads| {
        let (sender, batches) = channel();
        let thread = Builder::new().stack_size(STACK);
        let started = thread.spawn_scoped(threads, move || read_ahead(file, source, begin, &sender));
        parse(started.is_ok().then(|| Ahead { begin, batches, items: Vec::new().into_iter() }))
    })
}

/// Where the next line begins that begins with a brace.
fn next_dict(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = from;
    loop {
        at += memchr::memchr(b'\n', bytes.get(at..)?)? + 1;
        let line = bytes.get(at..)?;
        let blanks = line.iter().position(|b| *b != b' ')?;
        if line.get(blanks) == Some(&b'{') {
            return Some(at + blanks);
        }
    }
}

/// Reads dicts from a byte on, until there is one that has to be read in its place, or nobody listens.
fn read_ahead(file: FileId, source: &Source, begin: usize, sender: &Sender<Vec<Item>>) {
    // Nothing that needs these is read ahead.
    let mut sources = Sources::new();
    let mut env = Env::nothing(&mut sources);
    let mut parser = Parser::new(&mut env, file, source);
    let mut next = Some(begin);
    let mut batch = Vec::with_capacity(BATCH);
    while let Some(start) = next {
        parser.lexer = Lexer::inside(&source.text, source.newline_added, start);
        let Some(item) = parser.item_ahead(start) else { break };
        next = following(&source.text, item.end);
        batch.push(item);
        if batch.len() == BATCH && sender.send(std::mem::replace(&mut batch, Vec::with_capacity(BATCH))).is_err() {
            return;
        }
    }
    // The parser that does not want it any more has what it needs.
    let _ = sender.send(batch);
}

/// Where the dict begins that follows one in its list; otherwise the next one that begins a line.
fn following(text: &str, end: usize) -> Option<usize> {
    let rest = text.as_bytes().get(end..)?;
    let at = rest.iter().position(|b| !matches!(b, b' ' | b'\n' | b','))?;
    if rest.get(at) == Some(&b'{') { Some(end + at) } else { next_dict(text, end) }
}

impl Parser<'_, '_> {
    /// The dict that begins at a byte, if it can be read without what is around it, and nothing is to be said of it.
    fn item_ahead(&mut self, start: usize) -> Option<Item> {
        let opener = self.token().ok().filter(|token| token.kind == Kind::Op && token.start == start)?;
        let value = self.dict(opener, 1).ok()?;
        let is_silent = self.env.sources.remarks().is_empty();
        is_silent.then_some(Item { start, end: self.last.end, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::parse_conf;
    use crate::dump::to_text;
    use crate::tree::{Dict, Node, Value};
    use std::path::Path;

    /// A large file whose second half has `odd` in the middle of it.
    fn large(odd: &str) -> String {
        let image = |n: usize| {
            format!("        {{'name': 'image-{n}', 'arches': ['x86_64', \"a\"],\n   'more': {{'n': ({n}, True)}}}},\n")
        };
        let images = |from: usize| (from..from + 3000).map(image).collect::<String>();
        format!("v = 'x'\na = {{'p': [\n{}], 'q': [\n{}{odd}\n{}]}}\n", images(0), images(3000), images(6000))
    }

    /// The tree, the place of each value, and how many remarks there are.
    type Read = (String, Vec<(u32, u32)>, usize);

    /// What there is in a text, or what is wrong.
    fn read(text: &str, with: bool) -> Result<Read, String> {
        let mut sources = Sources::new();
        let file = sources.add(Path::new("a.conf"), text.to_owned());
        let none = |_: &Path| -> std::io::Result<Vec<u8>> { Err(std::io::ErrorKind::NotFound.into()) };
        let tree = if with {
            parse_conf(file, &mut sources, &none, &Dict::default())
        } else {
            let source = sources.file(file).clone();
            let mut env = Env { format_left: 1000, ..Env::nothing(&mut sources) };
            let mut parser = Parser::new(&mut env, file, &source);
            let read = parser.statements();
            let scope = std::mem::take(&mut parser.scope);
            let span = crate::Span::new(file, 0, text.len());
            read.map(|()| Node::new(Value::Dict(scope.into_dict().into()), span)).map_err(|problem| vec![*problem])
        };
        let tree = tree.map_err(|problems| format!("{problems:?}"))?;
        let mut places = Vec::new();
        walk(&tree, &mut places);
        Ok((to_text(&tree).unwrap(), places, sources.remarks().len()))
    }

    fn walk(node: &Node, places: &mut Vec<(u32, u32)>) {
        places.push((node.span.start, node.span.end));
        node.as_array().into_iter().flatten().for_each(|item| walk(item, places));
        for (key, value) in node.as_dict().into_iter().flat_map(|dict| &dict.entries) {
            walk(key, places);
            walk(value, places);
        }
    }

    #[test]
    fn what_is_read_ahead_is_what_would_be_read() {
        for odd in [
            "",
            "{'name': v},",
            "{'name': 'a%s' % v},",
            "{'name': 'a\\nb'},",
            "{'name': 'a' 'b'},",
            "{'name': ''}\n    'b'\n   {'name': f'c'},",
            "# {\n '''\n {'a': 1} '''\n,{}, {'a': [{\n}, \n{'b': {}}]},\n",
            "{'name': 'a', 'name': 'b'},",
            "{'name': 'a'",
            "{'name': w},",
            "}{",
            "]]",
            &format!("{{'a': {}{}}},", "[".repeat(446), "]".repeat(446)),
            &format!("{{'a': {}{}}},", "[".repeat(447), "]".repeat(447)),
            &format!("{{'a': {}{}}},", "[".repeat(448), "]".repeat(448)),
        ] {
            let text = large(odd);
            assert_eq!(read(&text, true), read(&text, false), "{odd}");
        }
    }

    #[test]
    fn items_are_taken_where_they_begin() {
        let text = large("{'a': 1},");
        let mut sources = Sources::new();
        let file = sources.add(Path::new("a.conf"), text.clone());
        let source = sources.file(file).clone();
        let begin = next_dict(&text, text.len() / 2).unwrap();
        let (sender, batches) = channel();
        read_ahead(file, &source, begin, &sender);
        drop(sender);
        let mut ahead = Ahead { begin, batches, items: Vec::new().into_iter() };
        assert!(ahead.take(begin - 100).is_none());
        assert!(ahead.take(begin).is_some_and(|item| item.value.depth == 3));
        assert!(ahead.take(begin + 1).is_none());
        let odd = text.find("{'a': 1}").unwrap();
        assert!(ahead.take(odd).is_some_and(|item| item.end == odd + 8));
        assert!(ahead.take(text.len()).is_none());
    }
}
