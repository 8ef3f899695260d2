//! Compose configurations: text -> spanned tree -> checked [`ComposeConfig`].
//!
//! # Module index
//!
//! - Text: [`source`] files and spans, [`load`] of the right syntax, [`limits`] of what is read
//! - Syntaxes: [`conf`] the configuration language, [`json`], [`yaml`]
//! - Tree: [`tree`], [`python`]'s view of its values, [`dump`] as JSON, [`definitions`] from the command line
//! - Checked: [`schema`] of all keys, [`json_schema`] for editors, [`overrides`] of it, [`mod@check`], [`compose_config`] and its [`sections`]
//! - Values: [`pattern`] of variants, [`base_name`] of checksum files, [`did_you_mean`], what is [`secret`],
//!   text from [`outside`], [`words`] that depend on a number, files that are [`regular`]
//! - Problems: [`diagnostic`], [`codes`], [`render`]

pub mod base_name;
pub mod check;
pub mod codes;
pub mod compose_config;
pub mod conf;
pub mod definitions;
pub mod diagnostic;
pub mod did_you_mean;
pub mod dump;
pub mod json;
pub mod json_schema;
pub mod limits;
pub mod load;
pub mod outside;
pub mod overrides;
pub mod pattern;
pub mod python;
pub mod regular;
pub mod render;
pub mod schema;
pub mod secret;
pub mod sections;
pub mod source;
mod span;
pub mod tree;
pub mod words;
pub mod yaml;

pub use check::{check, check_all};
pub use codes::Severity;
pub use compose_config::ComposeConfig;
pub use diagnostic::Diagnostic;
pub use load::load_config;
pub use pattern::Pattern;
pub use schema::{Schema, Section};
pub use source::{Position, Sources, Span, Spanned, Text};
pub use tree::{Dict, Node, Value};
