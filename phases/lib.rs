//! The phases of a compose, one file each, named as Pungi names them, and the pipeline that runs them.
//!
//! # Module index
//!
//! - Phases: [`osbuild`], [`kiwibuild`], [`imagebuilder`], [`live_media`], [`image_build`], [`image_checksum`]
//! - What a phase is: [`phase`]; which of them run: [`selection`]
//! - Shared by phases: [`chosen`], [`expand`], [`nothing`], [`repos`], [`version`], [`endings`], [`kickstart`]
//! - Before it is expanded: [`branches`], [`git_url`]
//! - Before it: [`preflight`], [`needs`]; a whole compose: [`pipeline`], and what was there before: [`existing_manifests`], [`dropped`]

pub mod branches;
pub mod chosen;
pub mod dropped;
pub mod endings;
pub mod existing_manifests;
pub mod expand;
pub mod git_url;
pub mod image_build;
pub mod image_checksum;
pub mod imagebuilder;
pub mod kickstart;
pub mod kiwibuild;
pub mod live_media;
pub mod needs;
pub mod nothing;
pub mod osbuild;
pub mod phase;
pub mod pipeline;
pub mod preflight;
pub mod repos;
pub mod selection;
pub mod version;

use magudi_config::Schema;
use phase::{ImagePhase, Phases};
use std::sync::LazyLock;

/// Every phase whose work is done by tasks of the hub. A new phase is one new file and one line here.
pub static PHASES: Phases = &[
    &osbuild::Osbuild,
    &kiwibuild::Kiwibuild,
    &imagebuilder::Imagebuilder,
    &live_media::LiveMedia,
    &image_build::ImageBuild,
];

pub fn find(name: &str) -> Option<&'static dyn ImagePhase> {
    phase::find(PHASES, name)
}

/// All that a configuration may have: the options of every compose and the sections of phases.
pub fn schema() -> &'static Schema {
    static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::new(PHASES.iter().map(|phase| phase.section())));
    &SCHEMA
}
