//! *Spans*: where in the sources a value stands.

use std::sync::Arc;

/// Which file of a [`Sources`](crate::source::Sources) a span lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub(crate) u32);

/// A stretch of one source, in bytes of its text; `end` is exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A span over the bytes `start..end` of `file`. Offsets beyond 4 GiB are cut off; no source is that large.
    pub fn new(file: FileId, start: usize, end: usize) -> Self {
        let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self { file, start: clamp(start), end: clamp(end.max(start)) }
    }

    /// The smallest span that covers `self` and `other`; `self` when they lie in different files.
    pub fn to(self, other: Span) -> Self {
        if self.file == other.file {
            Self { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
        } else {
            self
        }
    }
}

/// A value together with the place it was written at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spanned<T> {
    pub value: T,
    pub span: Span,
}

impl<T> Spanned<T> {
    /// `value`, written at `span`.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

/// A string of the configuration. It shares its text with the tree that it was read from.
pub type Text = Spanned<Arc<str>>;

impl Text {
    pub fn as_str(&self) -> &str {
        &self.value
    }
}
