//! A *pattern* that variants are matched with: Python's `re.match`, which is anchored at the start and only there.
//!
//! Python's syntax is translated where the engine's differs: `$` also matches before a final newline, `\Z` is the very end,
//! `[` inside a class is nothing special, and the engine has letters and groups that Python does not know.

mod error;
mod translate;

pub use error::PatternError;

use error::MAX_LENGTH;
use fancy_regex::{Regex, RegexBuilder};

/// How many steps a match may take, some 20 ms: the cost of a pattern may grow exponentially with the text.
const BACKTRACKS: usize = 1_000_000;
/// The largest compiled part, in bytes.
const MAX_COMPILED: usize = 10 << 20;

/// A compiled pattern.
#[derive(Debug, Clone)]
pub struct Pattern(Matcher);

#[derive(Debug, Clone)]
enum Matcher {
    /// A word, as most patterns are: the engine takes a thousand times as long to be ready.
    Word {
        /// What the text begins with.
        word: String,
        /// Nothing comes behind it.
        is_whole: bool,
    },
    Regex(Regex),
}

impl Pattern {
    /// Compiles a pattern.
    pub fn parse(pattern: &str) -> Result<Self, PatternError> {
        if pattern.len() > MAX_LENGTH {
            return Err(PatternError::TooLong);
        }
        if let Some(word) = word(pattern) {
            return Ok(Self(word));
        }
        let translated = translate::translate(pattern)?;
        let regex = RegexBuilder::new(&translated)
            .backtrack_limit(BACKTRACKS)
            .delegate_size_limit(MAX_COMPILED)
            .build()
            .map_err(|error| first_line(&error.to_string()))?;
        Ok(Self(Matcher::Regex(regex)))
    }

    /// Whether the text begins with a match.
    pub fn is_match(&self, text: &str) -> Result<bool, PatternError> {
        match &self.0 {
            Matcher::Word { word, is_whole } => {
                let rest = text.strip_prefix(word.as_str());
                Ok(rest.is_some_and(|rest| !is_whole || matches!(rest, "" | "\n")))
            }
            Matcher::Regex(regex) => {
                regex.is_match(text).map_err(|error| PatternError::TooCostly(first_line(&error.to_string())))
            }
        }
    }
}

/// A pattern in which nothing has a meaning but `^` at its beginning and `$` at its end.
fn word(pattern: &str) -> Option<Matcher> {
    let word = pattern.strip_prefix('^').unwrap_or(pattern);
    let (word, is_whole) = word.strip_suffix('$').map_or((word, false), |word| (word, true));
    let is_plain = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    is_plain.then(|| Matcher::Word { word: word.to_owned(), is_whole })
}

fn first_line(text: &str) -> String {
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("not understood");
    line.chars().take(200).collect()
}
