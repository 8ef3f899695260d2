//! A *diagnostic* is one thing to say about a configuration: data here, drawn late by [`render`](crate::render).

use crate::codes::Code;
use crate::source::Span;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; nothing needs to be done.
    Note,
    /// Works, but is probably not what was meant.
    Warning,
    /// Nothing is submitted.
    Error,
}

impl Severity {
    /// As it is printed: `error`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One problem of a configuration.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// The stable id and its severity.
    pub code: &'static Code,
    /// One terse sentence without a final period.
    pub message: String,
    /// The dotted path as Pungi prints it (`osbuild.^Server$.0.name`); empty for the top level and for syntax.
    pub path: String,
    /// The place, where one is known.
    pub span: Option<Span>,
    /// What to do about it.
    pub help: Option<String>,
    /// Further places, each with what it has to do with the problem.
    pub related: Vec<(Span, String)>,
}

impl Diagnostic {
    /// A diagnostic at `path` without a place yet.
    pub fn new(code: &'static Code, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), path: path.into(), span: None, help: None, related: Vec::new() }
    }

    /// Adds the place.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a further place.
    #[must_use]
    pub fn related(mut self, span: Span, text: impl Into<String>) -> Self {
        self.related.push((span, text.into()));
        self
    }

    /// The severity of its code.
    pub fn severity(&self) -> Severity {
        self.code.severity
    }
}

/// Whether there is an error among `diagnostics`.
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|d| d.severity() == Severity::Error)
}
