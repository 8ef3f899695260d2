//! A *diagnostic* is one thing to say about a configuration: data here, drawn late by [`render`](crate::render).

use crate::codes::{Code, Severity};
use crate::span::Span;

#[derive(Debug, Clone)]
pub struct Diagnostic {
    pub code: &'static Code,
    /// How bad it is here; that of the code, unless it does less harm than it mostly does.
    severity: Severity,
    /// One terse sentence without a final period.
    pub message: String,
    /// The dotted path as Pungi prints it (`PHASE.^Server$.0.name`); empty for the top level and for syntax.
    pub path: String,
    /// The place, where one is known.
    pub span: Option<Span>,
    pub help: Option<String>,
    /// Further places, each with what it has to do with the problem.
    pub related: Box<[(Span, String)]>,
}

impl Diagnostic {
    /// A diagnostic at `path` without a place yet.
    pub fn new(code: &'static Code, path: impl Into<String>, message: impl Into<String>) -> Self {
        let (message, path, severity) = (message.into(), path.into(), code.severity);
        Self { code, severity, message, path, span: None, help: None, related: Box::default() }
    }

    /// Makes an error a warning, where nothing needs to be refused for it.
    #[must_use]
    pub fn as_warning(mut self) -> Self {
        self.severity = self.severity.min(Severity::Warning);
        self
    }

    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a further place.
    #[must_use]
    pub fn related(mut self, span: Span, text: impl Into<String>) -> Self {
        let mut all = self.related.into_vec();
        all.push((span, text.into()));
        self.related = all.into_boxed_slice();
        self
    }

    pub fn severity(&self) -> Severity {
        self.severity
    }
}

/// Whether there is an error among `diagnostics`.
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|d| d.severity() == Severity::Error)
}
