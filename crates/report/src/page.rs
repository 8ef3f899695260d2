//! The *page*: a report as one HTML file that needs nothing else, no network, no other file. It works from `file://`.
//!
//! Everything in it is escaped by the template engine. Besides, the page's own policy lets only its own script run, named by
//! its digest, so that nothing that slipped through could.

use crate::model::Report;
use crate::text::counted;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::io::Write;

const TEMPLATE: &str = include_str!("../templates/report.html");
const STYLE: &str = include_str!("../templates/report.css");
const SCRIPT: &str = include_str!("../templates/report.js");

/// A page that could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot create the report: {0:#}")]
pub struct PageError(#[from] minijinja::Error);

pub fn page(mut report: Report, out: impl Write) -> Result<(), PageError> {
    let mut environment = environment();
    environment.add_template("report.html", TEMPLATE)?;
    let digest = STANDARD.encode(Sha256::digest(SCRIPT.as_bytes()));
    let rows = one_by_one(std::mem::take(&mut report.rows));
    let timeline = one_by_one(std::mem::take(&mut report.timeline));
    let values = context! { r => report, rows, timeline, style => STYLE, script => SCRIPT, digest };
    environment.get_template("report.html")?.render_captured_to(values, out)?;
    Ok(())
}

/// What every page is made with: all values are escaped, and none may be missing.
pub(crate) fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.add_filter("counted", |n: usize, thing: String| counted(n, &thing));
    environment
}

/// A list for the template. An item becomes one of its values only while it is looked at, which takes several times as much
/// memory as the item.
fn one_by_one<T: Serialize + Send + Sync + 'static>(items: Vec<T>) -> Value {
    Value::make_object_iterable(items, |items| Box::new(items.iter().map(Value::from_serialize)))
}
