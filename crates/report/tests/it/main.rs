//! Tests of reports from outside.
//!
//! - `arranging`: events in, a report out
//! - `pages`: a report in, HTML out, whatever stands in it

mod arranging;
mod pages;
mod scene;
