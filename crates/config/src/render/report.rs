//! The *report*: diagnostics as JSON, made while it is written. Ten thousand of them need no tree.

use super::{clean, in_order};
use crate::codes::Severity;
use crate::diagnostic::Diagnostic;
use crate::source::Sources;
use serde::{Serialize, Serializer};
use std::borrow::Cow;

/// `{"errors": [...], "warnings": [...]}`, and `"notes": [...]` where there are any; every diagnostic is an object with the keys
/// `id`, `severity`, `message`, `path`, `file`, `line`, `column`, `end_line`, `end_column` (behind the last character) and `help`, null
/// where there is nothing; in the order of their places.
#[derive(Serialize)]
pub struct Report<'a> {
    errors: Vec<Entry<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<Entry<'a>>,
    warnings: Vec<Entry<'a>>,
}

impl<'a> Report<'a> {
    pub fn new(diagnostics: &'a [Diagnostic], sources: &'a Sources) -> Self {
        let all = in_order(diagnostics);
        let of = |severity| {
            let chosen = all.iter().filter(|diagnostic| diagnostic.severity() == severity);
            chosen.map(|diagnostic| Entry { diagnostic, sources }).collect()
        };
        Self { errors: of(Severity::Error), notes: of(Severity::Note), warnings: of(Severity::Warning) }
    }

    /// The warnings, then the notes.
    pub fn into_remarks(self) -> Vec<impl Serialize> {
        self.warnings.into_iter().chain(self.notes).collect()
    }

    /// The report as a tree.
    pub fn to_value(&self) -> serde_json::Value {
        // Only maps whose keys are no strings cannot be written.
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// A diagnostic that is looked up when it is written.
struct Entry<'a> {
    diagnostic: &'a Diagnostic,
    sources: &'a Sources,
}

/// What is written of it, in the order of the keys' names.
#[derive(Serialize)]
struct Written<'a> {
    column: Option<u32>,
    end_column: Option<u32>,
    end_line: Option<u32>,
    file: Option<Cow<'a, str>>,
    help: Option<Cow<'a, str>>,
    id: &'static str,
    line: Option<u32>,
    message: Cow<'a, str>,
    path: &'a str,
    severity: &'static str,
}

impl Serialize for Entry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { diagnostic, sources } = self;
        let place = diagnostic.span.map(|span| (sources.file(span.file), span));
        let (begin, end) = place.map(|(source, span)| source.lines_columns(span)).unzip();
        let written = Written {
            column: begin.map(|(_, column)| column),
            end_column: end.map(|(_, column)| column),
            end_line: end.map(|(line, _)| line),
            file: place.map(|(source, _)| source.path.to_string_lossy()),
            help: diagnostic.help.as_deref().map(clean),
            id: diagnostic.code.id,
            line: begin.map(|(line, _)| line),
            message: clean(&diagnostic.message),
            path: &diagnostic.path,
            severity: diagnostic.severity().as_str(),
        };
        written.serialize(serializer)
    }
}
