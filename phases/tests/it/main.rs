//! The phases from outside: from a configuration on disk to the plan.
//!
//! - [`documents`]: what is made from the tables and checked in
//! - [`made_up`]: a phase that is only here, and [`run`], which runs it
//! - [`remarks`]: what is said of images that a hub would take
//! - [`rooms`]: who knows a phase by name
//! - [`sections`]: what the sections take
//! - [`syntaxes`]: the same configuration in each syntax is the same plan
//! - [`tree`], [`write`]: the configurations that it generates, and how they are written down

// Helpers of tests may panic like the tests themselves; clippy's own exception knows `#[test]` functions only.
#![allow(clippy::unwrap_used)]

mod documents;
mod dumps;
mod made_up;
mod remarks;
mod rooms;
mod run;
mod sections;
mod syntaxes;
mod tree;
mod write;
