//! What is wrong with a pattern.

/// Longer patterns are refused.
pub(super) const MAX_LENGTH: usize = 16 * 1024;

/// Why a pattern cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    #[error("the pattern is longer than {MAX_LENGTH} bytes")]
    TooLong,
    /// What Python's syntax or the engine has against it, in words.
    #[error("{0}")]
    Syntax(String),
    #[error("the pattern is too costly: {0}")]
    TooCostly(String),
}

impl From<String> for PatternError {
    fn from(what: String) -> Self {
        Self::Syntax(what)
    }
}

impl From<&str> for PatternError {
    fn from(what: &str) -> Self {
        Self::Syntax(what.to_owned())
    }
}
