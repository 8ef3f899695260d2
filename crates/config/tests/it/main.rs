//! Tests of the whole room against what the real Pungi did (`fixtures/pungi`).

#![allow(clippy::unwrap_used)]

mod cases;
mod documents;
mod format;
mod hostile;
mod language;
mod patterns;
mod remarks;
mod rendering;
mod uploads;
mod yaml;

/// A table as the phases bring them: the one that the recorded cases are about.
#[path = "../../../../phases/osbuild/section.rs"]
mod section;

use magudi_config::{ComposeConfig, Diagnostic, Node, Schema};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::new([&section::SECTION]));

/// Checks a configuration with the section of the recorded cases.
fn check(tree: &Node) -> (Option<ComposeConfig>, Vec<Diagnostic>) {
    magudi_config::check(tree, &SCHEMA)
}

/// The fixtures taken from Pungi.
fn fixtures() -> PathBuf {
    magudi_testkit::fixture("pungi")
}

/// A JSON file.
fn json(path: &Path) -> serde_json::Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
