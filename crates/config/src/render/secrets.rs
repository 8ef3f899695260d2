//! *Secrets* of a configuration in its text: the values whose key says what they are ([`secret`](crate::secret)). Found in the
//! text alone, so that they are hidden in files that do not parse, too.

use crate::load::Syntax;
use crate::secret::{is_hidden, is_secret, passwords_in_urls};
use std::fmt;
use std::ops::Range;

/// What stands in the place of a secret.
pub const STARS: &str = "***";

/// Whether what stands under a key is looked for.
type Sought = fn(&str) -> bool;

/// The stretches of a text that must not be shown.
#[derive(Debug, Default)]
pub struct Secrets {
    ranges: Vec<Range<usize>>,
}

impl Secrets {
    /// Whether the byte at an offset is secret.
    pub fn contains(&self, offset: usize) -> bool {
        let index = self.ranges.partition_point(|range| range.end <= offset);
        self.ranges.get(index).is_some_and(|range| range.contains(&offset))
    }

    /// Looks through a text for what must not be drawn.
    pub fn find(text: &str, syntax: Syntax) -> Self {
        // Of what is only hidden, numbers may be drawn: what is wrong with one is seen.
        let strings = Self::under(text, syntax, is_hidden, false);
        let numbers = Self::under(text, syntax, is_secret, true);
        strings.and(numbers.ranges)
    }

    fn under(text: &str, syntax: Syntax, sought: Sought, numbers: bool) -> Self {
        if syntax == Syntax::Yaml {
            return Self { ranges: find_in_yaml(text, sought) }.and(passwords_in_urls(text));
        }
        let secrets = Self::default();
        let mut scan =
            Scan { bytes: text.as_bytes(), text, sought, numbers, pos: 0, secrets, depth: 0, below: None, next: false };
        scan.run();
        scan.secrets.and(passwords_in_urls(text))
    }

    /// With further stretches, none of which begins before one that it overlaps.
    fn and(mut self, more: impl IntoIterator<Item = Range<usize>>) -> Self {
        let more: Vec<Range<usize>> = more.into_iter().filter(|range| !self.contains(range.start)).collect();
        if !more.is_empty() {
            self.ranges.extend(more);
            self.ranges.sort_by_key(|range| range.start);
        }
        self
    }
}

/// Writes a configuration's text with stars for the values whose keys are secret. Customizations are kept but for those.
pub fn write_starred(text: &str, syntax: Syntax, out: &mut impl fmt::Write) -> fmt::Result {
    let mut end = 0;
    for range in Secrets::under(text, syntax, is_secret, true).ranges {
        let secret = text.get(range.clone()).unwrap_or_default();
        let blanks = secret.len() - secret.trim_start().len();
        out.write_str(text.get(end..range.start + blanks).unwrap_or_default())?;
        if blanks < secret.len() {
            out.write_str(STARS)?;
        }
        end = range.end;
    }
    out.write_str(text.get(end..).unwrap_or_default())
}

struct Scan<'t> {
    bytes: &'t [u8],
    text: &'t str,
    sought: Sought,
    /// Numbers are secret, too.
    numbers: bool,
    pos: usize,
    secrets: Secrets,
    /// How many brackets are open.
    depth: usize,
    /// Everything is secret until no more than this many brackets are open.
    below: Option<usize>,
    /// The next value is secret.
    next: bool,
}

/// In YAML whatever stands behind a secret key is hidden to the end of its line, and all lines that belong to it: those
/// that are indented deeper, those of a list under the key, and those inside brackets that were opened there.
fn find_in_yaml(text: &str, sought: Sought) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    // The column of the key whose value continues, and how many brackets are open in it.
    let mut inside: Option<(usize, i64)> = None;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim_start_matches(' ');
        let indent = line.len() - content.len();
        let blank = content.trim().is_empty();
        let goes_on = |(column, open): &(usize, i64)| {
            blank || *open > 0 || indent > *column || (indent == *column && content.starts_with("- "))
        };
        inside = inside.filter(goes_on);
        let hidden = match &mut inside {
            Some((_, open)) => {
                *open += brackets(content);
                Some(indent)
            }
            None => secret_key(line, sought).map(|(column, value)| {
                inside = Some((column, brackets(&line[value..])));
                value
            }),
        };
        if let Some(from) = hidden.filter(|_| !blank) {
            ranges.push(start + from..start + line.trim_end().len().max(from));
        }
        start += line.len();
    }
    ranges
}

/// How many more brackets are opened than closed; quotes are not looked at, which at worst hides more.
fn brackets(text: &str) -> i64 {
    text.bytes().map(|b| i64::from(matches!(b, b'[' | b'{')) - i64::from(matches!(b, b']' | b'}'))).sum()
}

/// The column of the first secret key of a line of YAML and where its value begins.
fn secret_key(line: &str, sought: Sought) -> Option<(usize, usize)> {
    let in_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '"' | '\'');
    line.match_indices(':').find_map(|(colon, _)| {
        let before = line[..colon].trim_end();
        let word = before.trim_end_matches(in_word).len();
        sought(before[word..].trim_matches(['"', '\''])).then_some((word, colon + 1))
    })
}

impl Scan<'_> {
    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    fn run(&mut self) {
        while self.pos < self.bytes.len() {
            match self.byte(self.pos) {
                b'"' | b'\'' => self.string(),
                b'#' => {
                    let rest = &self.bytes[self.pos..];
                    self.pos += rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
                }
                b'{' | b'[' | b'(' => {
                    if self.next && self.below.is_none() {
                        self.below = Some(self.depth);
                    }
                    self.next = false;
                    self.depth += 1;
                    self.pos += 1;
                }
                b'}' | b']' | b')' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.below.is_some_and(|below| self.depth <= below) {
                        self.below = None;
                    }
                    self.next = false;
                    self.pos += 1;
                }
                b',' => {
                    self.next = false;
                    self.pos += 1;
                }
                b'\n' if self.depth == 0 => {
                    self.next = false;
                    self.pos += 1;
                }
                b if b.is_ascii_alphabetic() || b == b'_' => self.name(),
                b if b.is_ascii_digit() => self.number(),
                _ => self.pos += 1,
            }
        }
    }

    fn name(&mut self) {
        let start = self.pos;
        while self.byte(self.pos).is_ascii_alphanumeric() || self.byte(self.pos) == b'_' {
            self.pos += 1;
        }
        if self.follows(self.pos, b'=') {
            self.next = (self.sought)(self.text.get(start..self.pos).unwrap_or(""));
        }
    }

    fn number(&mut self) {
        let start = self.pos;
        while self.byte(self.pos).is_ascii_alphanumeric() || matches!(self.byte(self.pos), b'_' | b'.') {
            self.pos += 1;
        }
        if self.numbers && (self.next || self.below.is_some()) {
            self.secrets.ranges.push(start..self.pos);
        }
    }

    fn follows(&self, mut at: usize, wanted: u8) -> bool {
        while matches!(self.byte(at), b' ' | b'\t' | b'\n') && at < self.bytes.len() {
            at += 1;
        }
        self.byte(at) == wanted
    }

    fn string(&mut self) {
        let mark = self.byte(self.pos);
        let triple = self.byte(self.pos + 1) == mark && self.byte(self.pos + 2) == mark;
        let start = self.pos + if triple { 3 } else { 1 };
        let mut at = start;
        while at < self.bytes.len() {
            match self.byte(at) {
                b'\\' => at += 1,
                b'\n' if !triple => break,
                b if b == mark && (!triple || (self.byte(at + 1) == mark && self.byte(at + 2) == mark)) => break,
                _ => {}
            }
            at += 1;
        }
        let end = at.min(self.bytes.len());
        self.pos = (end + if triple { 3 } else { 1 }).min(self.bytes.len());
        if self.follows(self.pos, b':') {
            self.next = (self.sought)(self.text.get(start..end).unwrap_or(""));
        } else if self.next || self.below.is_some() {
            self.secrets.ranges.push(start..end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starred(text: &str, syntax: Syntax) -> String {
        let mut shown = String::new();
        write_starred(text, syntax, &mut shown).unwrap();
        shown
    }

    fn hidden(text: &str) -> String {
        hidden_in(text, Syntax::Conf)
    }

    fn hidden_in(text: &str, syntax: Syntax) -> String {
        let secrets = Secrets::find(text, syntax);
        text.char_indices().map(|(at, c)| if secrets.contains(at) { '*' } else { c }).collect()
    }

    #[test]
    fn strings_under_customizations_are_secret() {
        assert_eq!(
            hidden("{'name': 'x', 'customizations': {'users': [{'name': 'u'}]}, 'repo': ['y']}"),
            "{'name': 'x', 'customizations': {'users': [{'name': '*'}]}, 'repo': ['y']}"
        );
        assert_eq!(hidden("a = {'password': 'p', 'b': 'c'} # 'x'"), "a = {'password': '*', 'b': 'c'} # 'x'");
        assert_eq!(hidden("root_password = \"pé\"\nb = \"c\""), "root_password = \"**\"\nb = \"c\"");
        assert_eq!(
            hidden("x = {'customisations': {'a': 'open\n'b': '''t'''"),
            "x = {'customisations': {'a': '****\n'b': '''*'''"
        );
    }

    #[test]
    fn copies_keep_what_is_not_secret() {
        let conf =
            "a = {'customizations': {'packages': ['vim'], 'private_key': 'a' 'b', 'n': 1}}\npassphrase = \"x\" + 'z'\n";
        assert_eq!(
            starred(conf, Syntax::Conf),
            "a = {'customizations': {'packages': ['vim'], 'private_key': '***' '***', 'n': 1}}\npassphrase = \"***\" + '***'\n"
        );
        let yaml = "- customizations:\n    packages: [vim]\n    'private_key': |\n      a\n      b\n  n: 1\n  credentials: {a: b}\n";
        assert_eq!(
            starred(yaml, Syntax::Yaml),
            "- customizations:\n    packages: [vim]\n    'private_key': ***\n      ***\n      ***\n  n: 1\n  credentials: ***\n"
        );
        assert_eq!(starred("a = ['http://u:p@h', 1]", Syntax::Conf), "a = ['http://u:***@h', 1]");
        assert_eq!(starred("{\"token\": 12.5e3, \"b\": 7}", Syntax::Json), "{\"token\": ***, \"b\": 7}");
    }

    #[test]
    fn yaml_has_no_brackets_to_go_by() {
        let hidden = |text| hidden_in(text, Syntax::Yaml);
        assert_eq!(
            hidden("- name: x\n  customizations:\n    user:\n    - a: b\n\n  repo: [y]\n"),
            "- name: x\n  customizations:\n    *****\n    ******\n\n  repo: [y]\n"
        );
        assert_eq!(hidden("a:\n  password: |\n    p\n  b: c\n"), "a:\n  password:**\n    *\n  b: c\n");
        assert_eq!(hidden("- customizations:\n  - a\n- x: y\n"), "- customizations:\n  ***\n- x: y\n");
        assert_eq!(
            hidden("x: [{\"customizations\": {a: [é\n, 'p']\n}, n: 1}]\n"),
            "x: [{\"customizations\":*******\n******\n*********\n"
        );
    }
}
