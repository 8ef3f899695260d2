//! The *configuration language* of `.conf` files (facts: language 2), which looks like Python and is not.
//!
//! [`lexer`] cuts Python's tokens, [`parser`] reads statements, [`mod@include`] fetches other files, and what Python would read
//! otherwise is remarked upon. Of large files a second thread reads `ahead`. Everything a file
//! can ask for is bounded: see the constants here and [`limits`](crate::limits).

mod ahead;
pub mod dict;
pub mod include;
pub mod lexer;
pub mod parser;
mod remarks;
pub mod scope;
pub(crate) mod shared;
pub(crate) mod spares;
mod values;

use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::source::{FileId, Sources};
use crate::tree::{Dict, Node};
pub use ahead::LARGE;
use std::path::Path;

/// How files are read: gives the bytes of the file at a path.
pub type Reader<'r> = &'r dyn Fn(&Path) -> std::io::Result<Vec<u8>>;

/// Reads configuration text; its includes come through `read`. `before` are variables that exist already: they come first
/// in the result and are not seen by included files.
pub fn parse_conf(
    file: FileId,
    sources: &mut Sources,
    read: Reader<'_>,
    before: &Dict,
) -> Result<Node, Vec<Diagnostic>> {
    parser::parse_main(file, sources, read, before).map_err(|problem| vec![*problem])
}

/// Reads a configuration file and everything that it includes.
pub fn load_conf(path: &Path, sources: &mut Sources) -> Result<Node, Vec<Diagnostic>> {
    let read: Reader<'_> = &crate::load::load_bytes;
    let file = crate::load::add_file(path, sources, read).map_err(|problem| vec![problem])?;
    parse_conf(file, sources, read, &Dict::default())
}

/// A problem of the language: one sentence.
pub(crate) fn problem(message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(&codes::SYNTAX, "", message)
}
