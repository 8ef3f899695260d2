//! Composes: what is composed, under which id, into which directory, and the manifests that say so.
//!
//! # Module index
//!
//! - What: [`variants`], [`arches`]
//! - Under which id: [`identity`]
//! - Where: [`layout`], made or continued by [`opening`], [`latest`], [`published`]; what a compose that is there says of itself: [`known`]
//! - How it went: [`status`], [`deliverables`]; what is different in another compose: [`comparison`]
//! - Manifests: [`images`], [`composeinfo`], [`cloud_uploads`], [`archive_types`], their version, [`manifest`]; what an ISO says
//!   of itself, [`iso`]; whether a file can be what it is listed as, [`sanity`]
//! - On disk: [`mod@write`], [`stamp`], [`confined`], [`leftovers`], [`pyjson`]
//! - In memory: [`small_map`]

pub mod arches;
pub mod archive_types;
pub mod cloud_uploads;
pub mod comparison;
pub mod composeinfo;
pub mod confined;
pub mod deliverables;
pub mod identity;
pub mod images;
pub mod iso;
pub mod known;
pub mod latest;
pub mod layout;
pub mod leftovers;
pub mod manifest;
pub mod opening;
pub mod published;
pub mod pyjson;
mod read;
pub mod sanity;
pub mod small_map;
pub mod stamp;
pub mod status;
pub mod variants;
pub mod write;

pub use cloud_uploads::CloudUpload;
pub use identity::{ComposeIdentity, ComposeType, Label, Product};
pub use images::{Image, Images};
pub use layout::ComposeDir;
pub use manifest::ManifestVersion;
pub use read::ManifestError;
pub use small_map::SmallMap;
pub use stamp::Stamp;
pub use status::Status;
pub use variants::{Variant, VariantKind, Variants};
