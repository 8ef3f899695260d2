//! *JSON* configurations (facts: language 11), read into the same tree, as Python's json module reads them: a repeated key's last
//! value wins, `NaN` and `Infinity` are numbers, integers have any size.

use crate::codes;
use crate::conf::dict::Builder;
use crate::conf::shared::SharedTexts;
use crate::conf::spares::Spares;
use crate::diagnostic::Diagnostic;
use crate::limits;
use crate::python::int;
use crate::source::{FileId, Sources, Span};
use crate::tree::{Node, Value};
use std::sync::Arc;

type Parsed<T> = Result<T, Box<Diagnostic>>;

/// Reads JSON text whose top level is an object. A list of pairs is taken for one, as in Pungi.
pub fn parse_json(file: FileId, sources: &Sources) -> Result<Node, Diagnostic> {
    let source = sources.file(file).clone();
    let mut parser = Parser {
        text: &source.text,
        bytes: source.text.as_bytes(),
        pos: 0,
        file,
        texts: SharedTexts::new(),
        spares: Spares::default(),
    };
    parser.document().map_err(|problem| *problem)
}

struct Parser<'t> {
    text: &'t str,
    bytes: &'t [u8],
    pos: usize,
    file: FileId,
    texts: SharedTexts,
    spares: Spares,
}

impl Parser<'_> {
    fn byte(&self) -> u8 {
        self.bytes.get(self.pos).copied().unwrap_or(0)
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file, start, end)
    }

    fn problem(&self, start: usize, message: impl Into<String>) -> Diagnostic {
        let rest = self.text.get(start..).unwrap_or("");
        let length = rest.chars().next().map_or(0, char::len_utf8);
        Diagnostic::new(&codes::SYNTAX, "", message).at(self.span(start, start + length))
    }

    fn expected(&self, wanted: &str) -> Diagnostic {
        let found = match self.text.get(self.pos..).and_then(|rest| rest.chars().next()) {
            Some(c @ ('"' | '\'')) => format!("found `{c}`"),
            Some(c) => format!("found `{}`", c.escape_debug()),
            None => "but the file ends here".to_owned(),
        };
        let problem = self.problem(self.pos, format!("expected {wanted}, {found}"));
        let rest = self.text.get(self.pos..).unwrap_or("");
        if rest.starts_with(['#', '/']) {
            problem.help("JSON has no comments")
        } else if rest.starts_with('\'') {
            problem.help("JSON takes double quotes only")
        } else if ["True", "False", "None"].iter().any(|word| rest.starts_with(word)) {
            problem.help("JSON writes `true`, `false` and `null`")
        } else {
            problem
        }
    }

    fn blanks(&mut self) {
        while matches!(self.byte(), b' ' | b'\t' | b'\n' | b'\r') && self.pos < self.bytes.len() {
            self.pos += 1;
        }
    }

    fn document(&mut self) -> Parsed<Node> {
        if self.text.starts_with('\u{feff}') {
            return Err(Box::new(
                self.problem(0, "the file begins with a byte order mark").help("save the file without it"),
            ));
        }
        self.blanks();
        let node = self.value(1)?;
        self.blanks();
        if self.pos < self.bytes.len() {
            return Err(self.expected("the end of the file").into());
        }
        let span = node.span;
        match &node.value {
            Value::Dict(_) => Ok(node),
            Value::List(items) => match pairs(items) {
                Some(mut builder) => Ok(Node::new(Value::Dict(Arc::new(builder.finish())), span)),
                None => Err(Box::new(
                    Diagnostic::new(&codes::SYNTAX, "", "expected a JSON object, found a list")
                        .at(self.span(span.start as usize, span.start as usize + 1)),
                )),
            },
            _ => Err(Box::new(
                Diagnostic::new(&codes::SYNTAX, "", format!("expected a JSON object, found {}", node.kind())).at(span),
            )),
        }
    }

    fn value(&mut self, level: u32) -> Parsed<Node> {
        if level > limits::MAX_DEPTH {
            let message = format!("values are nested more than {} levels deep here", limits::MAX_DEPTH);
            return Err(self.problem(self.pos, message).into());
        }
        let start = self.pos;
        let value = match self.byte() {
            b'{' => self.object(level)?,
            b'[' => self.array(level)?,
            b'"' => Value::Str(self.string()?),
            b'-' | b'0'..=b'9' => self.number()?,
            _ => self.word()?,
        };
        Ok(Node::new(value, self.span(start, self.pos)))
    }

    fn word(&mut self) -> Parsed<Value> {
        let rest = self.text.get(self.pos..).unwrap_or("");
        let words = [
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("NaN", Value::Float(f64::NAN)),
            ("Infinity", Value::Float(f64::INFINITY)),
        ];
        match words.into_iter().find(|(word, _)| rest.starts_with(word)) {
            Some((word, value)) => {
                self.pos += word.len();
                Ok(value)
            }
            None => Err(self.expected("a value").into()),
        }
    }

    fn number(&mut self) -> Parsed<Value> {
        let start = self.pos;
        if self.text.get(start..).unwrap_or("").starts_with("-Infinity") {
            self.pos += "-Infinity".len();
            return Ok(Value::Float(f64::NEG_INFINITY));
        }
        if self.byte() == b'-' {
            self.pos += 1;
        }
        match self.byte() {
            b'0' => self.pos += 1,
            b'1'..=b'9' => self.digits(),
            _ => return Err(self.expected("a digit").into()),
        }
        let whole = self.pos;
        if self.byte() == b'.' && self.bytes.get(self.pos + 1).is_some_and(u8::is_ascii_digit) {
            self.pos += 1;
            self.digits();
        }
        let exponent = self.pos;
        if matches!(self.byte(), b'e' | b'E') {
            self.pos += 1;
            if matches!(self.byte(), b'+' | b'-') {
                self.pos += 1;
            }
            if self.byte().is_ascii_digit() {
                self.digits();
            } else {
                self.pos = exponent;
            }
        }
        let text = self.text.get(start..self.pos).unwrap_or("");
        let value = if self.pos == whole { int::parse(text) } else { text.parse().ok().map(Value::Float) };
        value.ok_or_else(|| self.problem(start, "a number has too many digits").into())
    }

    fn digits(&mut self) {
        while self.byte().is_ascii_digit() {
            self.pos += 1;
        }
    }

    fn string(&mut self) -> Parsed<Arc<str>> {
        let start = self.pos;
        self.pos += 1;
        let mut text = String::new();
        loop {
            let from = self.pos;
            let rest = self.bytes.get(from..).unwrap_or_default();
            self.pos += rest.iter().position(|b| matches!(b, b'"' | b'\\' | 0..0x20)).unwrap_or(rest.len());
            if text.is_empty() && self.byte() == b'"' {
                let whole = self.texts.share(self.text.get(from..self.pos).unwrap_or(""));
                self.pos += 1;
                return Ok(whole);
            }
            text.push_str(self.text.get(from..self.pos).unwrap_or(""));
            if self.pos >= self.bytes.len() {
                return Err(self.problem(start, "a string is not terminated").into());
            }
            match self.byte() {
                b'"' => {
                    self.pos += 1;
                    return Ok(text.into());
                }
                b'\\' => text.push(self.escape()?),
                b'\n' => return Err(self.problem(start, "a string is not terminated").into()),
                _ => return Err(self.problem(self.pos, "a control character in a string must be escaped").into()),
            }
        }
    }

    fn escape(&mut self) -> Parsed<char> {
        let start = self.pos;
        self.pos += 2;
        let plain = match self.bytes.get(start + 1) {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b @ (b'"' | b'\\' | b'/')) => char::from(*b),
            Some(b'u') => return self.unicode(start),
            _ => {
                let found = self.problem(start, "JSON has no such escape");
                return Err(found
                    .help(r#"the escapes are \" \\ \/ \b \f \n \r \t and \uXXXX; write `\\` for a backslash"#)
                    .into());
            }
        };
        Ok(plain)
    }

    fn unicode(&mut self, start: usize) -> Parsed<char> {
        let first = self.hex().ok_or_else(|| self.problem(start, "`\\u` needs four hexadecimal digits"))?;
        let mut point = first;
        if (0xd800..0xdc00).contains(&first) && self.byte() == b'\\' && self.bytes.get(self.pos + 1) == Some(&b'u') {
            self.pos += 2;
            let second = self.hex().unwrap_or(0);
            if (0xdc00..0xe000).contains(&second) {
                point = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            }
        }
        char::from_u32(point).ok_or_else(|| self.problem(start, "half a surrogate pair is not a character").into())
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.text.get(self.pos..self.pos + 4)?;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        self.pos += 4;
        u32::from_str_radix(digits, 16).ok()
    }

    fn array(&mut self, level: u32) -> Parsed<Value> {
        let opener = self.pos;
        self.pos += 1;
        self.blanks();
        if self.byte() == b']' {
            self.pos += 1;
            return Ok(Value::List(Arc::default()));
        }
        let mut items = self.spares.list();
        loop {
            self.blanks();
            items.push(self.value(level + 1)?);
            self.blanks();
            match self.byte() {
                b',' => self.pos += 1,
                b']' => {
                    self.pos += 1;
                    return Ok(Value::List(self.spares.finish_list(items)));
                }
                _ => {
                    return Err(Box::new(
                        self.expected("`,` or `]`").related(self.span(opener, opener + 1), "opened here"),
                    ));
                }
            }
        }
    }

    fn object(&mut self, level: u32) -> Parsed<Value> {
        let opener = self.pos;
        self.pos += 1;
        self.blanks();
        if self.byte() == b'}' {
            self.pos += 1;
            return Ok(Value::Dict(Arc::default()));
        }
        let mut builder = self.spares.dict();
        loop {
            self.blanks();
            let start = self.pos;
            if self.byte() != b'"' {
                return Err(self.expected("a key in double quotes").into());
            }
            let key = self.string()?;
            let key = Node::new(Value::Str(key), self.span(start, self.pos));
            self.blanks();
            if self.byte() != b':' {
                return Err(self.expected("`:`").into());
            }
            self.pos += 1;
            self.blanks();
            let value = self.value(level + 1)?;
            builder.replace(key, value);
            self.blanks();
            match self.byte() {
                b',' => self.pos += 1,
                b'}' => {
                    self.pos += 1;
                    return Ok(Value::Dict(self.spares.finish_dict(builder)));
                }
                _ => {
                    return Err(Box::new(
                        self.expected("`,` or `}`").related(self.span(opener, opener + 1), "opened here"),
                    ));
                }
            }
        }
    }
}

/// A list of pairs with text keys, as a dict.
fn pairs(items: &[Node]) -> Option<Builder> {
    let mut builder = Builder::default();
    for item in items {
        let [key, value] = item.as_array()? else { return None };
        key.as_str()?;
        builder.replace(key.clone(), value.clone());
    }
    Some(builder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn read(text: &str) -> Result<Node, String> {
        let mut sources = Sources::new();
        let file = sources.add_bytes(Path::new("a.json"), text.as_bytes().to_vec()).unwrap();
        parse_json(file, &sources).map_err(|d| format!("{} {}", sources.position(d.span.unwrap()), d.message))
    }

    #[test]
    fn problems_have_a_place() {
        for (text, place) in [
            ("{a: 1}", "a.json:1:2 "),
            ("", "a.json:1:1 "),
            ("{\"a\": 1,}", "a.json:1:9 "),
            ("{\"a\": [1\n", "a.json:2:1 "),
            ("{\"a\": \"\\ud800\"}", "a.json:1:8 "),
            ("{\"a\": \"\\ud800\\u0041\"}", "a.json:1:8 "),
            ("{\"a\": 01}", "a.json:1:8 "),
            ("{\"a\": -}", "a.json:1:8 "),
            ("{\"a\": tru}", "a.json:1:7 "),
            ("{} x", "a.json:1:4 "),
            ("5", "a.json:1:1 "),
            ("\u{feff}{}", "a.json:1:1 "),
        ] {
            let message = read(text).unwrap_err();
            assert!(message.starts_with(place), "{text:?}: {message}");
        }
        assert!(read(&"[".repeat(100_000)).unwrap_err().contains("nested"));
    }

    #[test]
    fn last_value_of_a_key_wins_at_its_first_place() {
        let node = read("{\"a\": 1, \"b\": 2, \"a\": \"\\ud83d\\ude00\\n\"}").unwrap();
        let dict = node.as_dict().unwrap();
        assert_eq!(dict.entries.len(), 2);
        assert_eq!(dict.entries[0].1.as_str(), Some("😀\n"));
    }
}
