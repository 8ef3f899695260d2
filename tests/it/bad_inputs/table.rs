//! The *table*: a text file for each kind of input, of cases that read
//!
//! ```text
//! === a word that is not a constant
//! release_internal = false
//! >>> exit status 1, no compose
//! error[MG001]: ...
//! ```
//!
//! Lines before the first case are a comment. Input that begins with the line `:escaped` is read with `\n`, `\t`, `\\`, `\0`, `\e`,
//! `\xNN` and `\{TIMES|TEXT}`.

use std::fmt::Write as _;
use std::path::PathBuf;

/// One bad input and what comes of it.
pub struct Case {
    /// What is bad about it.
    pub name: String,
    /// The input as it stands in the table.
    written: String,
    /// The input.
    pub input: Vec<u8>,
}

/// What came of an input: the line that says how it ended, and the message.
pub struct Reaction {
    /// `exit status 1, no compose`.
    pub end: String,
    /// What a user reads, line by line.
    pub message: String,
}

impl Case {
    /// The input, of a kind that is text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.input).unwrap_or_else(|_| panic!("{}: the input is not text", self.name))
    }
}

/// The table of a kind.
pub struct Table {
    path: PathBuf,
    comment: String,
    /// Its cases.
    pub cases: Vec<Case>,
}

impl Table {
    /// Reads the table of `kind`. What it says of messages is compared at the end.
    pub fn load(kind: &str) -> Self {
        let path = magudi_testkit::repository().join(format!("fixtures/bad-inputs/{kind}.txt"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut parts = text.split("\n=== ");
        let comment = parts.next().unwrap_or_default().to_owned();
        let cases = parts.map(|part| {
            let (name, rest) = part.split_once('\n').unwrap_or((part, ""));
            let written = match rest.split_once(">>> ") {
                Some((input, _)) => input,
                None => rest,
            };
            let input = match written.strip_prefix(":escaped\n") {
                Some(escaped) => unescaped(escaped),
                None => written.as_bytes().to_vec(),
            };
            Case { name: name.to_owned(), written: written.to_owned(), input }
        });
        let cases = cases.collect();
        Self { path, comment, cases }
    }

    /// Compares what came of every case with what the table says, or writes it there when `UPDATE_EXPECT` is set.
    pub fn compare(&self, told: &[Reaction]) {
        assert_eq!(told.len(), self.cases.len());
        let mut text = self.comment.clone();
        for (case, Reaction { end, message }) in self.cases.iter().zip(told) {
            let input = case.written.trim_end_matches('\n');
            let gap = if input.is_empty() { "" } else { "\n" };
            // Writing into a string cannot fail.
            let _ = write!(text, "\n=== {}\n{input}{gap}>>> {end}\n{}\n", case.name, message.trim_end());
        }
        expect_test::expect_file![&self.path].assert_eq(&text);
    }
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.strip_suffix('\n').unwrap_or(text);
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend(before.as_bytes());
        let mut skipped = 1;
        match after.as_bytes().first() {
            Some(b'n') => bytes.push(b'\n'),
            Some(b't') => bytes.push(b'\t'),
            Some(b'0') => bytes.push(0),
            Some(b'e') => bytes.push(0x1b),
            Some(b'x') => {
                bytes.push(u8::from_str_radix(&after[1..3], 16).expect("two hexadecimal digits"));
                skipped = 3;
            }
            Some(b'{') => {
                let (times, text) = after[1..].split_once('|').expect("\\{TIMES|TEXT}");
                let (text, _) = text.split_once('}').expect("\\{TIMES|TEXT}");
                let text = unescaped(text);
                bytes.extend(text.repeat(times.parse().expect("how often")));
                skipped = after.find('}').expect("\\{TIMES|TEXT}") + 1;
            }
            _ => bytes.push(b'\\'),
        }
        rest = &after[skipped..];
    }
    bytes.extend(rest.as_bytes());
    bytes
}
