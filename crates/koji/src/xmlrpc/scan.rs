//! The *scanner* turns a document into tags and text: references resolved, comments dropped, everything that XML 1.0
//! forbids refused.

use super::DecodeError;
use super::charset::is_xml_char;
use super::scalar::shorten;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::borrow::Cow;

/// The name of an element. Those of XML-RPC cost nothing.
pub type Tag = Cow<'static, str>;

/// A piece of a document.
#[derive(Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// The beginning of an element: its name without a namespace prefix, as Python's reader takes it.
    Start(Tag),
    /// The end of the innermost open element.
    End,
    /// Character data; several in a row belong together.
    Text(Cow<'a, str>),
    /// The end of the document.
    Eof,
}

/// Reads tokens. An empty element is a start and an end.
pub struct Scanner<'a> {
    text: &'a str,
    reader: Reader<&'a [u8]>,
    /// Bytes that were taken beside the reader, which does not count them.
    skipped: u64,
    open: usize,
    seen_root: bool,
}

impl<'a> Scanner<'a> {
    /// A scanner at the beginning of `text`.
    pub fn new(text: &'a str) -> Self {
        let mut reader = Reader::from_str(text);
        let config = reader.config_mut();
        config.expand_empty_elements = true;
        config.check_comments = true;
        Self { text, reader, skipped: 0, open: 0, seen_root: false }
    }

    /// An error at the current place.
    pub fn error(&self, reason: impl Into<String>) -> DecodeError {
        let offset = self.reader.buffer_position() + self.skipped;
        DecodeError { reason: reason.into(), offset, path: String::new() }
    }

    /// What comes next, if it is not the end of an element that was opened and closed by one tag.
    pub fn upcoming(&self) -> Option<&'a str> {
        let read = self.text.len().checked_sub(self.reader.get_ref().len())?;
        let (read, rest) = self.text.split_at_checked(read)?;
        (!read.ends_with("/>")).then_some(rest)
    }

    /// Takes `length` bytes of what comes next, which are whole elements.
    pub fn skip(&mut self, length: usize) {
        let rest = self.reader.get_mut();
        *rest = rest.get(length..).unwrap_or_default();
        self.skipped += length as u64;
    }

    pub fn next(&mut self) -> Result<Token<'a>, DecodeError> {
        loop {
            let event = self.reader.read_event().map_err(|e| DecodeError {
                reason: legible(&e.to_string()),
                offset: self.reader.error_position() + self.skipped,
                path: String::new(),
            })?;
            match event {
                Event::Start(tag) | Event::Empty(tag) => return self.start(&tag),
                Event::End(_) => {
                    self.open = self.open.saturating_sub(1);
                    return Ok(Token::End);
                }
                Event::Text(text) => {
                    if text.contains("]]>") {
                        return Err(self.error("`]]>` in text"));
                    }
                    if let Some(token) = self.text(text.xml10_content())? {
                        return Ok(token);
                    }
                }
                Event::CData(text) => {
                    if self.open == 0 {
                        return Err(self.error("text outside of the document"));
                    }
                    if let Some(token) = self.text(text.xml10_content())? {
                        return Ok(token);
                    }
                }
                Event::GeneralRef(reference) => {
                    let c = match &*reference {
                        "lt" => '<',
                        "gt" => '>',
                        "amp" => '&',
                        "quot" => '"',
                        "apos" => '\'',
                        name => match reference.resolve_char_ref() {
                            Ok(Some(c)) => c,
                            _ => return Err(self.error(format!("unknown reference `&{};`", shorten(name)))),
                        },
                    };
                    if self.open == 0 {
                        return Err(self.error("text outside of the document"));
                    }
                    if let Some(token) = self.text(c.to_string().into())? {
                        return Ok(token);
                    }
                }
                Event::DocType(declaration) => {
                    if self.seen_root || declaration.contains('[') || declaration.contains('<') {
                        return Err(self.error("a DOCTYPE with declarations is not accepted"));
                    }
                }
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
                Event::Eof if self.open != 0 => return Err(self.error("the document ends too early")),
                Event::Eof => return Ok(Token::Eof),
            }
        }
    }

    fn start(&mut self, tag: &BytesStart<'_>) -> Result<Token<'a>, DecodeError> {
        if self.open == 0 && self.seen_root {
            return Err(self.error("a second element after the document"));
        }
        for attribute in tag.attributes() {
            attribute.map_err(|e| self.error(e.to_string()))?;
        }
        self.seen_root = true;
        self.open += 1;
        Ok(Token::Start(known(tag.local_name().as_ref())))
    }

    fn text(&self, text: Cow<'a, str>) -> Result<Option<Token<'a>>, DecodeError> {
        let plain = text.bytes().all(|b| matches!(b, 0x20..0x80 | b'\t' | b'\n' | b'\r'));
        if !plain && let Some(c) = text.chars().find(|c| !is_xml_char(*c)) {
            return Err(self.error(format!("character U+{:04X} is not allowed in XML", u32::from(c))));
        }
        if self.open == 0 {
            if is_blank(&text) {
                return Ok(None);
            }
            return Err(self.error("text outside of the document"));
        }
        Ok((!text.is_empty()).then_some(Token::Text(text)))
    }

    /// Reads up to the next tag: the name of the element that it opens, or nothing if it closes the current one. The text
    /// on the way is added to `text`.
    pub fn text_until_tag(&mut self, text: &mut String) -> Result<Option<Tag>, DecodeError> {
        loop {
            match self.next()? {
                Token::Text(more) => text.push_str(&more),
                Token::Start(name) => return Ok(Some(name)),
                Token::End => return Ok(None),
                Token::Eof => return Err(self.error("the document ends too early")),
            }
        }
    }

    /// The element that opens next, or nothing at the end of the current one; only white space may be between.
    pub fn child(&mut self) -> Result<Option<Tag>, DecodeError> {
        loop {
            match self.next()? {
                Token::Text(text) if is_blank(&text) => {}
                Token::Text(text) => return Err(self.error(format!("stray text `{}`", shorten(text.trim())))),
                Token::Start(name) => return Ok(Some(name)),
                Token::End => return Ok(None),
                Token::Eof => return Err(self.error("the document ends too early")),
            }
        }
    }

    /// The element that opens next must be `name`.
    pub fn expect(&mut self, name: &str) -> Result<(), DecodeError> {
        match self.child()? {
            Some(found) if found == name => Ok(()),
            Some(found) => Err(self.error(format!("<{}> where <{name}> belongs", shorten(&found)))),
            None => Err(self.error(format!("no <{name}>"))),
        }
    }

    /// The current element must end here.
    pub fn expect_end(&mut self) -> Result<(), DecodeError> {
        match self.child()? {
            None => Ok(()),
            Some(found) => Err(self.error(format!("unexpected <{}>", shorten(&found)))),
        }
    }

    /// The text of the current element, up to its end.
    pub fn leaf(&mut self) -> Result<String, DecodeError> {
        let mut text = String::new();
        match self.text_until_tag(&mut text)? {
            None => Ok(text),
            Some(found) => Err(self.error(format!("unexpected <{}> in text", shorten(&found)))),
        }
    }

    /// The document must end here.
    pub fn expect_eof(&mut self) -> Result<(), DecodeError> {
        match self.next()? {
            Token::Eof => Ok(()),
            _ => Err(self.error("more after the end of the document")),
        }
    }
}

/// The name of an element, without a copy if XML-RPC has it.
fn known(name: &str) -> Tag {
    const NAMES: [&str; 24] = [
        "value",
        "name",
        "member",
        "string",
        "int",
        "nil",
        "struct",
        "array",
        "data",
        "double",
        "boolean",
        "i8",
        "param",
        "params",
        "i4",
        "base64",
        "methodResponse",
        "methodCall",
        "methodName",
        "fault",
        "i1",
        "i2",
        "float",
        "dateTime.iso8601",
    ];
    match NAMES.iter().find(|known| **known == name) {
        Some(known) => Cow::Borrowed(known),
        None => Cow::Owned(name.to_owned()),
    }
}

/// Whether there is nothing but XML's white space.
pub fn is_blank(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r'))
}
/// A reason in which parts of the message may stand, in one line that is not too long.
fn legible(reason: &str) -> String {
    const KEPT: usize = 300;
    let mut shown = String::new();
    for c in reason.chars().take(KEPT) {
        if c.is_control() {
            shown.extend(c.escape_debug());
        } else {
            shown.push(c);
        }
    }
    if reason.chars().nth(KEPT).is_some() {
        shown.push_str("...");
    }
    shown
}
