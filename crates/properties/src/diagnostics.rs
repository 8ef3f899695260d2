//! What holds for every diagnostic: it says something, about a place that exists, and can be shown.

use magudi_config::Severity;
use magudi_config::render::{Report, render_human};
use magudi_config::{Diagnostic, Sources, Span};

/// Checks diagnostics, and how they are drawn.
pub fn check(found: &[Diagnostic], sources: &Sources) {
    for diagnostic in found {
        let message = &diagnostic.message;
        assert!(!message.trim().is_empty(), "{diagnostic:?}");
        assert!(!message.ends_with('.') || message.ends_with(".."), "{message}");
        assert_ne!(diagnostic.help.as_deref().map(str::trim), Some(""), "{message}");
        for span in diagnostic.span.iter().chain(diagnostic.related.iter().map(|(span, _)| span)) {
            check_span(*span, sources);
        }
    }
    let drawn = render_human(found, sources, false);
    assert!(!drawn.contains(|c: char| c.is_control() && c != '\n'), "{drawn:?}");
    let json = Report::new(found, sources).to_value();
    let listed = |list: &str| json.get(list).and_then(|list| list.as_array()).map_or(0, Vec::len);
    let all = ["errors", "warnings", "notes"];
    assert_eq!(all.map(listed).iter().sum::<usize>(), found.len());
    let errors = found.iter().filter(|diagnostic| diagnostic.severity() == Severity::Error).count();
    assert_eq!(listed("errors"), errors);
}

/// Checks that a span is a stretch of its file's text.
pub fn check_span(span: Span, sources: &Sources) {
    let file = sources.file(span.file);
    assert!(file.text.get(span.start as usize..span.end as usize).is_some(), "{span:?} of {} bytes", file.text.len());
    let (line, column) = file.line_column(span.start);
    assert!(line >= 1 && column >= 1);
}
