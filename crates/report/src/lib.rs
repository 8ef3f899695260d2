//! A *report* is one page about a compose, for people: what its journal says, arranged by what they ask first.
//!
//! # Module index
//!
//! - What is known: the history of the events ([`magudi_engine::history`]), [`model`] of the page, [`uploads`] to clouds
//! - Arranging it: [`mod@arrange`] events into a [`Report`], [`failures`] by reason, [`timeline`], [`advice`] on how to continue
//! - Showing it: [`mod@page`] in HTML, [`text`] for people
//! - A run that has ended, for programs and mails: [`summary`]
//! - Two composes beside each other: [`comparison`]

pub mod advice;
pub mod arrange;
pub mod comparison;
pub mod failures;
pub mod model;
pub mod page;
pub mod summary;
pub mod text;
pub mod timeline;
pub mod uploads;

pub use advice::Next;
pub use arrange::{Chronicle, Facts, arrange, report};
pub use model::Report;
pub use page::{PageError, page};
