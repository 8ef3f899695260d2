//! Compose configurations: text -> spanned tree -> checked [`ComposeConfig`].
//!
//! # Module index
//!
//! - Text: [`source`] files and spans
//! - Tree: [`tree`]
//! - Checked: [`compose_config`]
//! - Problems: [`diagnostic`], [`codes`]

pub mod codes;
pub mod compose_config;
pub mod diagnostic;
pub mod source;
pub mod tree;

pub use compose_config::ComposeConfig;
pub use diagnostic::{Diagnostic, Severity};
pub use source::{Position, Sources, Span, Spanned};
pub use tree::{Dict, Node, Value};
