//! The problems of a variants.xml, each with its place.

use magudi_config::codes;
use magudi_config::source::FileId;
use magudi_config::{Diagnostic, Span};
use roxmltree::{Attribute, Node};
use std::ops::Range;

/// How many problems are reported at once.
const MAX_PROBLEMS: usize = 100;

/// What the problems of variants are filed under in the configuration.
pub(super) const CONFIG_PATH: &str = "variants_file";

/// The problems found so far.
pub(super) struct Problems {
    file: FileId,
    found: Vec<Diagnostic>,
    /// Takes what comes after [`MAX_PROBLEMS`].
    spill: Diagnostic,
}

impl Problems {
    pub(super) fn new(file: FileId) -> Self {
        Self { file, found: Vec::new(), spill: Diagnostic::new(&codes::VARIANTS_INVALID, CONFIG_PATH, "") }
    }

    pub(super) fn push(&mut self, range: Range<usize>, message: String) -> &mut Diagnostic {
        let diagnostic = Diagnostic::new(&codes::VARIANTS_INVALID, CONFIG_PATH, message).at(self.span(range));
        if self.found.len() < MAX_PROBLEMS {
            self.found.push(diagnostic);
        }
        self.found.last_mut().unwrap_or(&mut self.spill)
    }

    /// The place of a range of the file.
    pub(super) fn span(&self, range: Range<usize>) -> Span {
        Span::new(self.file, range.start, range.end)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// What was found, in the order of the file.
    pub(super) fn into_diagnostics(mut self) -> Vec<Diagnostic> {
        self.found.sort_by_key(|diagnostic| diagnostic.span.map(|span| span.start));
        self.found
    }

    /// A problem of a whole node.
    pub(super) fn at_node(&mut self, node: Node<'_, '_>, message: String) -> &mut Diagnostic {
        self.push(node.range(), message)
    }

    /// A problem of an element, shown at its name.
    pub(super) fn at_tag(&mut self, node: Node<'_, '_>, message: String) -> &mut Diagnostic {
        self.push(tag_range(node), message)
    }

    pub(super) fn at_attribute(&mut self, attribute: &Attribute<'_, '_>, message: String) -> &mut Diagnostic {
        self.push(attribute.range(), message)
    }
}

/// The `<name` of an element.
pub(super) fn tag_range(node: Node<'_, '_>) -> Range<usize> {
    let range = node.range();
    range.start..range.end.min(range.start + 1 + node.tag_name().name().len())
}
