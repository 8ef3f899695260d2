//! *Remarks* on strings that say something else here than in Python, which the language looks like: no prefix is read, no
//! triple quotes, no escape, and strings beside each other stay apart (facts: language 3, language 4).
//!
//! People who know the language write regular expressions with plain backslashes, so what could be one is left alone.

use super::lexer::{Kind, Token};
use super::parser::Parser;
use crate::codes::{self, Code};
use crate::diagnostic::Diagnostic;
use crate::source::Span;

impl Parser<'_, '_> {
    fn remark(&mut self, code: &'static Code, span: Span, message: &str, help: &str) {
        self.env.sources.remark(Diagnostic::new(code, "", message).at(span).help(help));
    }

    /// Remarks on a string that begins at `token` when the token `before` it is a string, too. A dict has a key after a
    /// value, the other brackets two items.
    pub(super) fn remark_on_neighbours(&mut self, before: Token, token: Token, in_dict: bool) {
        if before.kind != Kind::Str || token.kind != Kind::Str {
            return;
        }
        let message = if in_dict {
            "there is no comma between these strings: here they are a value and the next key"
        } else {
            "there is no comma between these strings: here they are two items, in Python one string"
        };
        let help = if in_dict { "put a comma between them" } else { "put a comma between them, or write one string" };
        let found = Diagnostic::new(&codes::ADJACENT_STRINGS, "", message).at(self.span(token));
        let found = found.related(self.span(before), "the string before it").help(help);
        self.env.sources.remark(found);
    }

    /// Remarks on one string; `after` is what follows it on its line, `before` what stands before it.
    pub(super) fn remark_on_string(&mut self, before: Token, token: Token, after: Token) {
        let word = self.word(token);
        if is_plain(word.as_bytes()) {
            return;
        }
        let quote = word.find(['"', '\'']).unwrap_or(0);
        let mark = word.get(quote..=quote).unwrap_or("");
        if quote > 0 {
            let prefix = word.get(..quote).unwrap_or("");
            let message = format!("the prefix `{prefix}` means nothing here, and the value begins with a quote");
            let help = match prefix {
                "f" | "F" => "remove it; values are put in with `%`, as in \"%s\" % name",
                _ => "remove it; backslashes stay as they are without it",
            };
            self.remark(&codes::STRING_PREFIX, self.span(token), &message, help);
        } else if word.len() >= 6 && word.starts_with(&mark.repeat(3)) {
            let message = "triple quotes mean nothing here: the value keeps two quotes at each end";
            self.remark(&codes::TRIPLE_QUOTES, self.span(token), message, "put the text in plain quotes, on one line");
        } else {
            // A key may be a pattern, and so may the first item of a tuple.
            let is_pattern = self.word(after) == ":" || self.word(before) == "(";
            let text = word.get(1..word.len() - 1).unwrap_or("");
            if !is_pattern && let Some((at, escape)) = misread_escape(text) {
                let start = token.start + 1 + at;
                let (message, help) = match escape {
                    '\n' => (
                        "a string that continues on the next line keeps the backslash and the line break".to_owned(),
                        "end the string on its line",
                    ),
                    'n' | 'r' => (
                        format!("no escapes are read here: `\\{escape}` stays a backslash and a letter"),
                        "a line break can only be written in JSON and YAML configurations",
                    ),
                    't' => (
                        "no escapes are read here: `\\t` stays a backslash and a letter".to_owned(),
                        "write the tab itself",
                    ),
                    '\\' => ("no escapes are read here: these are two backslashes".to_owned(), "write one backslash"),
                    _ => (
                        "no escapes are read here: the backslash stays before the quote".to_owned(),
                        "put the string in the other kind of quotes, without a backslash",
                    ),
                };
                let span = Span::new(self.file, start, start + 1 + escape.len_utf8());
                self.remark(&codes::KEPT_ESCAPE, span, &message, help);
            }
        }
    }
}

/// Whether nothing can be said of a string, as of nearly all: it begins with its quote, is not empty, and has no backslash.
pub(super) fn is_plain(word: &[u8]) -> bool {
    matches!(word, [b'"' | b'\'', second, ..] if *second != word[0]) && !word.contains(&b'\\')
}

/// The first escape that Python would have turned into something else, unless the text could be a regular expression: it is
/// anchored, or has escapes that Python leaves alone.
fn misread_escape(text: &str) -> Option<(usize, char)> {
    if !text.contains('\\') || text.starts_with('^') || text.ends_with('$') {
        return None;
    }
    let mut found = None;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        if c != '\\' {
            continue;
        }
        match chars.next()?.1 {
            escape @ ('\n' | 'n' | 'r' | 't' | '\\' | '"' | '\'') => found = found.or(Some((at, escape))),
            // Python turns these into characters, too, but they are also `\b` and the like of regular expressions.
            'a' | 'b' | 'f' | 'v' | 'x' | 'u' | 'U' | 'N' | '0'..='7' => {}
            _ => return None,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::misread_escape;

    #[test]
    fn regular_expressions_are_left_alone() {
        for text in [r"a\.b", r"\d+\\", r"^a\n", r"\\b$", r"\bword\b", "plain", r"\(x\)\t", r"(a)\1"] {
            assert_eq!(misread_escape(text), None, "{text}");
        }
        for (text, found) in
            [(r"a\nb", (1, 'n')), (r"C:\\x", (2, '\\')), (r#"say \"x\""#, (4, '"')), ("a\\\nb", (1, '\n'))]
        {
            assert_eq!(misread_escape(text), Some(found), "{text}");
        }
    }
}
