//! The *lexer* cuts text into Python's tokens (facts: language 2), quirks of its tokenizer included: `007` is two numbers, an
//! unterminated string is not a token at all, brackets are counted and not matched, indentation must be consistent although
//! it means nothing.
//!
//! Comments and indentation produce no tokens; every line end does, inside brackets too.

use memchr::memchr3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Name,
    /// A number in any of Python's spellings.
    Number,
    /// A string with its prefix and quotes.
    Str,
    /// An operator or bracket.
    Op,
    /// The end of a line.
    Newline,
    /// A character that begins no token, or a string that is not terminated.
    Error,
    End,
}

/// A token: a kind and the bytes `start..end` of the text.
#[derive(Debug, Clone, Copy)]
pub struct Token {
    pub kind: Kind,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// A string of which there is nothing to say, as of nearly all: it has no prefix, is not empty, and has no backslash.
    pub is_plain: bool,
}

/// What ends the tokens early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LexError {
    /// The text ends inside brackets or after a backslash.
    OpenStatement,
    /// The text ends inside the string that begins here.
    OpenString(usize),
    /// The line that begins here goes back to a column where no line began.
    Dedent(usize),
}

/// Longest first.
const OPERATORS: &[&str] = &[
    "**=", "//=", "<<=", ">>=", "...", "!=", "%=", "&=", "**", "*=", "+=", "-=", "->", "//", "/=", ":=", "<<", "<=",
    "==", ">=", ">>", "@=", "^=", "|=", "%", "&", "(", ")", "*", "+", ",", "-", ".", "/", ":", ";", "<", "=", ">", "@",
    "[", "]", "^", "{", "|", "}", "~",
];

/// How many blanks and line ends a text begins with. Half of a large file may be the indentation of its lines.
fn blanks(text: &[u8]) -> usize {
    let indented = match text.split_first() {
        Some((b'\n', line)) => 1 + 8 * line.as_chunks().0.iter().take_while(|eight| **eight == [b' '; 8]).count(),
        _ => 0,
    };
    let rest = text.get(indented..).unwrap_or_default();
    indented + rest.iter().take_while(|b| matches!(b, b' ' | b'\n')).count()
}

/// The state of cutting one text.
pub struct Lexer<'t> {
    text: &'t str,
    bytes: &'t [u8],
    pos: usize,
    open: i32,
    continued: bool,
    line_start: bool,
    indents: Vec<usize>,
    /// Whether the last newline of the text was added by us, so that a backslash before it continues nothing.
    added_newline: bool,
}

impl<'t> Lexer<'t> {
    /// A lexer at the beginning of `text`, which is empty or ends in a newline.
    pub fn new(text: &'t str, added_newline: bool) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            pos: 0,
            open: 0,
            continued: false,
            line_start: true,
            indents: vec![0],
            added_newline,
        }
    }

    /// A lexer at a byte of `text` that is inside of a bracket.
    pub fn inside(text: &'t str, added_newline: bool, at: usize) -> Self {
        Self { pos: at, open: 1, line_start: false, ..Self::new(text, added_newline) }
    }

    /// Goes on behind the bracket that was opened last, which is closed before byte `end`.
    pub fn leave_bracket(&mut self, end: usize) {
        self.pos = end;
        self.open -= 1;
    }

    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    fn taken(&mut self, kind: Kind, start: usize, end: usize) -> Token {
        self.pos = end;
        Token { kind, start, end, is_plain: false }
    }

    /// The next token inside of brackets, on this line or a later one, if it is of the kinds that nearly all of a text is made of:
    /// a plain string, a bracket, a comma, a colon. It is what [`Lexer::token`] gives next, line ends aside.
    pub fn common(&mut self) -> Option<Token> {
        if self.open <= 0 {
            return None;
        }
        let rest = self.bytes.get(self.pos..)?;
        let start = self.pos + blanks(rest);
        let (first, behind) = self.bytes.get(start..)?.split_first()?;
        let mut is_plain = false;
        let (kind, end) = match first {
            b'"' | b'\'' => {
                let length = memchr3(*first, b'\\', b'\n', behind)?;
                is_plain = length > 0 && behind.get(length) == Some(first);
                (Kind::Str, is_plain.then_some(start + length + 2)?)
            }
            b',' => (Kind::Op, start + 1),
            b':' if behind.first() != Some(&b'=') => (Kind::Op, start + 1),
            b'(' | b'[' | b'{' => {
                self.open += 1;
                (Kind::Op, start + 1)
            }
            b')' | b']' | b'}' => {
                self.open -= 1;
                (Kind::Op, start + 1)
            }
            _ => return None,
        };
        self.pos = end;
        self.line_start = false;
        self.continued = false;
        Some(Token { kind, start, end, is_plain })
    }

    /// The next token; after the end, the end again.
    pub fn token(&mut self) -> Result<Token, LexError> {
        loop {
            if self.line_start {
                self.line_start = false;
                if self.pos >= self.bytes.len() {
                    self.line_start = true;
                    if self.open != 0 || self.continued {
                        return Err(LexError::OpenStatement);
                    }
                    return Ok(self.taken(Kind::End, self.bytes.len(), self.bytes.len()));
                }
                if self.open == 0 && !self.continued {
                    self.indentation()?;
                }
                self.continued = false;
            }
            let before = self.pos;
            let rest = self.bytes.get(before..).unwrap_or_default();
            let blanks = rest.iter().position(|b| !matches!(b, b' ' | b'\t' | 0x0c)).unwrap_or(rest.len());
            let at = before + blanks;
            match self.byte(at) {
                b'\\' if self.byte(at + 1) == b'\n' && !(self.added_newline && at + 2 == self.bytes.len()) => {
                    self.pos = at + 2;
                    self.continued = true;
                    self.line_start = true;
                    continue;
                }
                b'\n' => {
                    self.line_start = true;
                    return Ok(self.taken(Kind::Newline, at, at + 1));
                }
                b'#' => {
                    self.pos = self.end_of_line(at);
                    continue;
                }
                _ if at >= self.bytes.len() => {
                    self.pos = at;
                    self.line_start = true;
                    continue;
                }
                _ => {}
            }
            return match self.word(at)? {
                Some((kind, end)) => {
                    match self.byte(at) {
                        b'(' | b'[' | b'{' if kind == Kind::Op => self.open += 1,
                        b')' | b']' | b'}' if kind == Kind::Op => self.open -= 1,
                        _ => {}
                    }
                    Ok(self.taken(kind, at, end))
                }
                None => {
                    let length = self.text[before..].chars().next().map_or(1, char::len_utf8);
                    Ok(self.taken(Kind::Error, before, before + length))
                }
            };
        }
    }

    fn end_of_line(&self, at: usize) -> usize {
        self.bytes[at..].iter().position(|b| *b == b'\n').map_or(self.bytes.len(), |n| at + n)
    }

    fn indentation(&mut self) -> Result<(), LexError> {
        let mut column = 0;
        let mut at = self.pos;
        loop {
            match self.byte(at) {
                b' ' => column += 1,
                b'\t' => column = (column / 8 + 1) * 8,
                0x0c => column = 0,
                _ => break,
            }
            at += 1;
        }
        if matches!(self.byte(at), b'#' | b'\n') || at >= self.bytes.len() {
            return Ok(());
        }
        if self.indents.last().is_some_and(|last| column > *last) {
            self.indents.push(column);
        }
        while self.indents.last().is_some_and(|last| column < *last) {
            if !self.indents.contains(&column) {
                return Err(LexError::Dedent(at));
            }
            self.indents.pop();
        }
        Ok(())
    }

    /// The token that begins at `at`, in the order in which Python's tokenizer tries them.
    fn word(&mut self, at: usize) -> Result<Option<(Kind, usize)>, LexError> {
        let quote = self.prefix(at).map(|length| at + length);
        if let Some(quote) = quote
            && self.byte(quote + 1) == self.byte(quote)
            && self.byte(quote + 2) == self.byte(quote)
        {
            return self.triple(at, quote).map(Some);
        }
        if matches!(self.byte(at), b'0'..=b'9' | b'.')
            && let Some(end) = self.number(at)
        {
            return Ok(Some((Kind::Number, end)));
        }
        if let Some(length) = self.operator(at) {
            return Ok(Some((Kind::Op, at + length)));
        }
        if let Some(quote) = quote
            && let Some(found) = self.string(at, quote)?
        {
            return Ok(Some(found));
        }
        let rest = &self.text[at..];
        let length = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        if length == 0 {
            return Ok(None);
        }
        let kind = if rest.starts_with(|c: char| c.is_alphabetic() || c == '_') { Kind::Name } else { Kind::Op };
        Ok(Some((kind, at + length)))
    }

    /// The length of the operator at `at`.
    fn operator(&self, at: usize) -> Option<usize> {
        match self.byte(at) {
            b',' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b';' | b'~' => Some(1),
            b':' | b'=' if self.byte(at + 1) != b'=' => Some(1),
            // What most tokens begin with is found to be none of forty operators at once.
            b'"' | b'\'' | b'_' => None,
            b if b.is_ascii_punctuation() => {
                let rest = self.bytes.get(at..)?;
                OPERATORS.iter().find(|operator| rest.starts_with(operator.as_bytes())).map(|operator| operator.len())
            }
            _ => None,
        }
    }

    /// The length of the string prefix at `at` when a quote follows it.
    fn prefix(&self, at: usize) -> Option<usize> {
        let is_quote = |b| matches!(b, b'"' | b'\'');
        let (first, second, third) = (self.byte(at), self.byte(at + 1), self.byte(at + 2));
        if is_quote(first) {
            return Some(0);
        }
        let (low, next) = (first.to_ascii_lowercase(), second.to_ascii_lowercase());
        if matches!(low, b'b' | b'r' | b'u' | b'f') && is_quote(second) {
            return Some(1);
        }
        let pair = matches!((low, next), (b'r', b'b' | b'f') | (b'b' | b'f', b'r'));
        (pair && is_quote(third)).then_some(2)
    }

    fn triple(&self, start: usize, quote: usize) -> Result<(Kind, usize), LexError> {
        let mark = self.byte(quote);
        let mut at = quote + 3;
        while at < self.bytes.len() {
            let b = self.byte(at);
            if b == b'\\' && self.byte(at + 1) != b'\n' {
                at += 2;
            } else if b == mark && self.byte(at + 1) == mark && self.byte(at + 2) == mark {
                return Ok((Kind::Str, at + 3));
            } else {
                at += 1;
            }
        }
        Err(LexError::OpenString(start))
    }

    /// A string in single quotes of either kind; a backslash before the line end continues it.
    fn string(&mut self, start: usize, quote: usize) -> Result<Option<(Kind, usize)>, LexError> {
        let mark = self.byte(quote);
        let mut at = quote + 1;
        loop {
            let rest = self.bytes.get(at..).unwrap_or_default();
            at += rest.iter().position(|b| *b == mark || matches!(b, b'\n' | b'\\')).unwrap_or(rest.len());
            match self.byte(at) {
                b'\n' => return Ok(None),
                _ if at >= self.bytes.len() => return Ok(None),
                b'\\' if self.byte(at + 1) == b'\n' => break,
                b'\\' => at += 2,
                b if b == mark => return Ok(Some((Kind::Str, at + 1))),
                _ => at += 1,
            }
        }
        // From the second line on the rules are looser: an escaped backslash at the end of a line continues it, too.
        let mut line = at + 2;
        while line < self.bytes.len() {
            let end = self.end_of_line(line);
            let mut at = line;
            while at < end {
                match self.byte(at) {
                    b'\\' => at += 2,
                    b if b == mark => return Ok(Some((Kind::Str, at + 1))),
                    _ => at += 1,
                }
            }
            if end == line || self.byte(end - 1) != b'\\' {
                self.line_start = true;
                return Ok(Some((Kind::Error, (end + 1).min(self.bytes.len()))));
            }
            line = end + 1;
        }
        Err(LexError::OpenString(start))
    }

    /// `[0-9](_?[0-9])*`, the end of it.
    fn digits(&self, at: usize, digit: fn(&u8) -> bool) -> Option<usize> {
        if !digit(&self.byte(at)) {
            return None;
        }
        let mut end = at + 1;
        loop {
            if digit(&self.byte(end)) {
                end += 1;
            } else if self.byte(end) == b'_' && digit(&self.byte(end + 1)) {
                end += 2;
            } else {
                return Some(end);
            }
        }
    }

    fn exponent(&self, at: usize) -> Option<usize> {
        if !matches!(self.byte(at), b'e' | b'E') {
            return None;
        }
        let sign = usize::from(matches!(self.byte(at + 1), b'+' | b'-'));
        self.digits(at + 1 + sign, u8::is_ascii_digit)
    }

    fn number(&self, at: usize) -> Option<usize> {
        let first = self.byte(at);
        if !first.is_ascii_digit() && first != b'.' {
            return None;
        }
        let whole = self.digits(at, u8::is_ascii_digit);
        let point = match whole {
            Some(end) if self.byte(end) == b'.' => Some(self.digits(end + 1, u8::is_ascii_digit).unwrap_or(end + 1)),
            Some(_) => None,
            None => self.digits(at + 1, u8::is_ascii_digit),
        };
        let float = match point {
            Some(end) => Some(self.exponent(end).unwrap_or(end)),
            None => whole.and_then(|end| self.exponent(end)),
        };
        if let Some(end) = float.or(whole)
            && matches!(self.byte(end), b'j' | b'J')
        {
            return Some(end + 1);
        }
        if float.is_some() {
            return float;
        }
        let whole = whole?;
        if first != b'0' {
            return Some(whole);
        }
        let digit: fn(&u8) -> bool = match self.byte(at + 1) {
            b'x' | b'X' => u8::is_ascii_hexdigit,
            b'b' | b'B' => |b| matches!(b, b'0' | b'1'),
            b'o' | b'O' => |b| matches!(b, b'0'..=b'7'),
            _ => return self.digits(at, |b| *b == b'0'),
        };
        let body = at + 2 + usize::from(self.byte(at + 2) == b'_');
        self.digits(body, digit).or(Some(at + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        let mut lexer = Lexer::new(text, false);
        let mut words = Vec::new();
        loop {
            let token = lexer.token().unwrap();
            if token.kind == Kind::End {
                return words;
            }
            if token.kind != Kind::Newline {
                words.push(&text[token.start..token.end]);
            }
        }
    }

    #[test]
    fn numbers_are_cut_as_python_cuts_them() {
        assert_eq!(
            words("007 0x1f 0b12 1e5 1.e5 .5 1__0 0_0 1.5j 0777.5 1._5 1.2.3\n"),
            [
                "00", "7", "0x1f", "0b1", "2", "1e5", "1.e5", ".5", "1", "__0", "0_0", "1.5j", "0777.5", "1.", "_5",
                "1.2", ".3"
            ]
        );
    }

    #[test]
    fn common_tokens_are_those_of_the_language() {
        for text in [
            "{'a': [\"b\", (1, 'c d'),\n\n  x], # {\n 'e' : {}}\n",
            "[\\\n'a'\\\n, 'b\\'c', '', '''d''', r'e', 'f'\t:= g]\n[ 'h' ]\n",
            "{'a'\n  :\n= 'b'\n'c\n'}\n",
            "[]]\n 'a'\n{\n\x0c 'b' }\n",
            "['a', ",
            "{'a': 'b",
        ] {
            let (mut plain, mut quick) = (Lexer::new(text, false), Lexer::new(text, false));
            loop {
                let next = quick.common().map_or_else(|| quick.token(), Ok);
                let mut wanted = plain.token();
                // Line ends before it.
                while let (Ok(Token { kind: Kind::Newline, .. }), Ok(Token { kind, .. })) = (&wanted, &next)
                    && *kind != Kind::Newline
                {
                    wanted = plain.token();
                }
                let seen = |token: Result<Token, LexError>| token.map(|token| (token.kind, token.start, token.end));
                assert_eq!(seen(next), seen(wanted), "{text:?}");
                if next.is_err() || next.is_ok_and(|token| matches!(token.kind, Kind::End | Kind::Error)) {
                    break;
                }
            }
        }
    }

    #[test]
    fn operators_take_the_longest() {
        assert_eq!(words("a:=b**=c...d.e->f\n"), ["a", ":=", "b", "**=", "c", "...", "d", ".", "e", "->", "f"]);
    }

    #[test]
    fn strings_and_their_prefixes() {
        assert_eq!(
            words("r'a' ur'b' Rb\"c\" '''d\n'e' ''' 'f\\\ng' # 'h'\n"),
            ["r'a'", "ur", "'b'", "Rb\"c\"", "'''d\n'e' '''", "'f\\\ng'"]
        );
    }
}
