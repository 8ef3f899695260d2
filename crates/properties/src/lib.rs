//! *Properties*: what holds whatever the input is. Each takes bytes from anywhere and panics where one is broken.
//!
//! The fuzzer calls them (`fuzz/`), and a test replays the inputs that it kept, so that what was once found is found again by a
//! plain `cargo test`.
//!
//! # Module index
//!
//! - Configurations: [`configuration`] in its three syntaxes, [`variants`]
//! - The hub: [`wire`], both ways; [`output`] of tasks
//! - What a compose leaves: [`manifests`], [`history`], [`profile`]; two of them: [`comparison`]
//! - What a [`pungi`] beside us writes
//! - Shared: [`diagnostics`]

pub mod comparison;
pub mod configuration;
pub mod diagnostics;
pub mod history;
pub mod manifests;
pub mod output;
pub mod profile;
pub mod pungi;
pub mod variants;
pub mod wire;

/// A property: it panics on an input for which it does not hold.
pub type Property = fn(&[u8]);

/// Every property under the name of its fuzz target and of the directory of its inputs.
pub const ALL: &[(&str, Property)] = &[
    ("answer", wire::answer),
    ("call", wire::call),
    ("comparison", comparison::comparison),
    ("composeinfo", manifests::composeinfo),
    ("conf", configuration::conf),
    ("images", manifests::images),
    ("journal", history::journal),
    ("json", configuration::json),
    ("output", output::output),
    ("plan", comparison::plan),
    ("profile", profile::profile),
    ("pungi", pungi::pungi),
    ("report", history::report),
    ("uploads", manifests::uploads),
    ("variants", variants::variants),
    ("yaml", configuration::yaml),
];

/// Separates the files of an input that is several of them, as RFC 7464 separates JSON texts.
pub const SEPARATOR: u8 = 0x1e;

/// The files of an input.
fn files(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    data.split(|byte| *byte == SEPARATOR)
}
