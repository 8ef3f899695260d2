//! A *pattern* that variants are matched with: Python's `re.match`, which is anchored at the start and only there.
//!
//! Python's syntax is translated where the engine's differs: `$` also matches before a final newline, `\Z` is the very end,
//! `[` inside a class is nothing special, and the engine has letters and groups that Python does not know.

mod translate;

use fancy_regex::{Regex, RegexBuilder};

/// Longer patterns are refused.
const MAX_LENGTH: usize = 16 * 1024;
/// How much work a match may be; see `backtrack_limit` of the engine.
const BACKTRACKS: usize = 1_000_000;
/// The largest compiled part, in bytes.
const MAX_COMPILED: usize = 10 << 20;

/// A compiled pattern.
#[derive(Debug, Clone)]
pub struct Pattern {
    regex: Regex,
}

impl Pattern {
    /// Compiles a pattern; the error says what is wrong with it.
    pub fn parse(pattern: &str) -> Result<Self, String> {
        if pattern.len() > MAX_LENGTH {
            return Err(format!("the pattern is longer than {MAX_LENGTH} bytes"));
        }
        let translated = translate::translate(pattern)?;
        let regex = RegexBuilder::new(&translated)
            .backtrack_limit(BACKTRACKS)
            .delegate_size_limit(MAX_COMPILED)
            .build()
            .map_err(|error| first_line(&error.to_string()))?;
        Ok(Self { regex })
    }

    /// Whether the text begins with a match.
    pub fn is_match(&self, text: &str) -> Result<bool, String> {
        self.regex
            .is_match(text)
            .map_err(|error| format!("the pattern is too costly: {}", first_line(&error.to_string())))
    }
}

fn first_line(text: &str) -> String {
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("not understood");
    line.chars().take(200).collect()
}
