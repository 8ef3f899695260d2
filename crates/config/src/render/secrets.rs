//! *Secrets* of a configuration: the strings under `customizations`, which may hold passwords, and strings whose key says
//! what they are. Found in the text alone, so that they are hidden in files that do not parse, too.

use std::ops::Range;

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

    /// Looks through a text in either syntax.
    pub fn find(text: &str) -> Self {
        let mut scan =
            Scan { bytes: text.as_bytes(), text, pos: 0, secrets: Self::default(), depth: 0, below: None, next: false };
        scan.run();
        scan.secrets
    }
}

struct Scan<'t> {
    bytes: &'t [u8],
    text: &'t str,
    pos: usize,
    secrets: Secrets,
    /// How many brackets are open.
    depth: usize,
    /// Everything is secret until no more than this many brackets are open.
    below: Option<usize>,
    /// The next value is secret.
    next: bool,
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["customi", "password", "passwd", "secret", "token"].iter().any(|part| name.contains(part))
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
            self.next = is_secret(self.text.get(start..self.pos).unwrap_or(""));
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
            self.next = is_secret(self.text.get(start..end).unwrap_or(""));
        } else if self.next || self.below.is_some() {
            self.secrets.ranges.push(start..end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(text: &str) -> String {
        let secrets = Secrets::find(text);
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
}
