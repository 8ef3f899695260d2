//! Compares this room with what the real Pungi and the real productmd wrote.
//!
//! - [`cases`]: every recorded case of Pungi (`fixtures/pungi/cases`)
//! - [`configurations`]: the same cases, from their configuration files on
//! - [`productmd`]: files that productmd wrote (`fixtures/compose`)
//! - [`variants`]: the edge cases of variants.xml (`fixtures/pungi/variants.json`), and errors with their places

// Helpers of tests may panic like the tests themselves; clippy's own exception knows `#[test]` functions only.
#![allow(clippy::unwrap_used)]

mod cases;
mod configurations;
mod productmd;
mod variants;

use serde_json::Value;
use std::fs;
use std::path::PathBuf;

/// A path below `fixtures/`.
fn fixture(path: &str) -> PathBuf {
    magudi_testkit::fixture(path)
}

fn text(path: &str) -> String {
    let path = fixture(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The JSON file below `fixtures/`, if there is one.
fn json(path: &str) -> Option<Value> {
    fixture(path).exists().then(|| serde_json::from_str(&text(path)).unwrap())
}
