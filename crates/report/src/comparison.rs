//! A *comparison* of two composes for people: sections of rows, as a terminal and as a page show them.

use crate::page::{PageError, environment};
use crate::text::{bytes, counted, duration, harmless};
use magudi_compose::CloudUpload;
use magudi_compose::comparison::{Comparison, Difference, Entry, FailedDeliverable, Pair, Summary, What};
use minijinja::context;
use serde::Serialize;
use serde_json::Value as Json;
use std::io::Write;

const TEMPLATE: &str = include_str!("../templates/comparison.html");
const STYLE: &str = include_str!("../templates/comparison.css");

/// Rows of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Section {
    /// What they are, in one word, for links.
    pub id: &'static str,
    pub title: &'static str,
    /// The headings; those that begin with `>` stand over numbers.
    pub headings: &'static [&'static str],
    /// The cells.
    pub rows: Vec<Vec<String>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shown {
    /// The times of every task, not only those that changed much.
    pub all_times: bool,
}

/// The sections that have rows, what matters most first.
pub fn sections(comparison: &Comparison, shown: Shown) -> Vec<Section> {
    let gone = comparison.gone.iter().map(|gone| {
        let note = if gone.failed { "after a failure" } else { "" };
        vec![gone.image.identity(), bytes(gone.image.size), gone.image.path.clone(), note.to_owned()]
    });
    let added = comparison.added.iter().map(|added| vec![added.identity(), bytes(added.size), added.path.clone()]);
    let changed = comparison.images.iter().flat_map(|pair| {
        let differences = pair.differences.iter().filter(|difference| difference.what.is_of_image());
        differences.map(|difference| {
            let (old, new) = words(difference);
            vec![pair.old.identity(), difference.what.as_str().to_owned(), old, new]
        })
    });
    let all = [
        Section { id: "gone", title: "Gone", headings: &["IMAGE", ">SIZE", "FILE", "NOTE"], rows: gone.collect() },
        Section { id: "failures", title: "Failures", headings: &FAILURES, rows: failures(comparison) },
        Section {
            id: "changed",
            title: "Changed",
            headings: &["IMAGE", "WHAT", "OLD", "NEW"],
            rows: changed.collect(),
        },
        Section { id: "new", title: "New", headings: &["IMAGE", ">SIZE", "FILE"], rows: added.collect() },
        Section { id: "uploads", title: "Uploads", headings: &UPLOADS, rows: uploads(comparison) },
        Section { id: "times", title: "Times", headings: &TIMES, rows: times(comparison, shown) },
    ];
    let harmless = |section: Section| Section {
        rows: section.rows.into_iter().map(|row| row.iter().map(|cell| harmless(cell)).collect()).collect(),
        ..section
    };
    all.into_iter().filter(|section| !section.rows.is_empty()).map(harmless).collect()
}

const FAILURES: [&str; 5] = ["STATE", "WHAT", "PHASE", "ARCH", "WHY"];
const UPLOADS: [&str; 5] = ["STATE", "IMAGE", "ARCH", "OLD", "NEW"];
const TIMES: [&str; 5] = ["IMAGE", ">WAITED", ">THEN", ">TOOK", ">THEN"];

fn failures(comparison: &Comparison) -> Vec<Vec<String>> {
    let failures = &comparison.failures;
    let row = |state: &str, failed: &FailedDeliverable| {
        let FailedDeliverable { phase, variant, arch, subvariant, image, reason } = failed;
        let names = [image, subvariant].into_iter().flatten().next();
        let what = match (names, variant) {
            (Some(name), Some(variant)) => format!("{name} of {variant}"),
            (None, Some(name)) | (Some(name), None) => name.clone(),
            (None, None) => "the compose".to_owned(),
        };
        let arch = if arch == "*" { "all" } else { arch };
        vec![state.to_owned(), what, phase.clone(), arch.to_owned(), reason.clone().unwrap_or_default()]
    };
    let all = [("new", &failures.new), ("still", &failures.still), ("mended", &failures.mended)];
    all.into_iter().flat_map(|(state, list)| list.iter().map(move |failed| row(state, failed))).collect()
}

fn uploads(comparison: &Comparison) -> Vec<Vec<String>> {
    let uploads = &comparison.uploads;
    let status = |upload: &CloudUpload| match &upload.provider {
        Some(provider) => format!("{} ({provider})", upload.status),
        None => upload.status.clone(),
    };
    let row = |state: &str, of: &CloudUpload, old: Option<&CloudUpload>, new: Option<&CloudUpload>| {
        let image = format!("{} {} of {}", of.image, of.image_type, of.variant);
        let said = |upload: Option<&CloudUpload>| upload.map(status).unwrap_or_default();
        vec![state.to_owned(), image, of.arch.clone(), said(old), said(new)]
    };
    let gone = uploads.gone.iter().map(|old| row("gone", old, Some(old), None));
    let changed = uploads.changed.iter().map(|(old, new)| row("changed", new, Some(old), Some(new)));
    let added = uploads.added.iter().map(|new| row("new", new, None, Some(new)));
    gone.chain(changed).chain(added).collect()
}

fn times(comparison: &Comparison, shown: Shown) -> Vec<Vec<String>> {
    let is_known = |entry: &Entry| entry.task.is_some();
    let has_changed = |pair: &&Pair| pair.differences.iter().any(|difference| !difference.what.is_of_image());
    let of_all = |pair: &&Pair| shown.all_times && (is_known(&pair.old) || is_known(&pair.new));
    let pairs = comparison.images.iter().filter(|pair| of_all(pair) || has_changed(pair));
    let said =
        |seconds: Option<i64>| seconds.map_or_else(|| "-".to_owned(), |seconds| duration(seconds.saturating_mul(1000)));
    let row = |pair: &Pair| {
        let (old, new) = (pair.old.task.unwrap_or_default(), pair.new.task.unwrap_or_default());
        vec![pair.old.identity(), said(old.waited), said(new.waited), said(old.took), said(new.took)]
    };
    pairs.map(row).collect()
}

/// What it was and what it is.
fn words(difference: &Difference) -> (String, String) {
    let Difference { what, old, new } = difference;
    let word = |value: &Json| match value {
        Json::String(text) if text.is_empty() => "none".to_owned(),
        Json::String(text) => text.clone(),
        Json::Bool(true) => "yes".to_owned(),
        Json::Bool(false) => "no".to_owned(),
        other => other.to_string(),
    };
    match (what, old.as_u64(), new.as_u64()) {
        (What::Size, Some(old), Some(new)) => (bytes(old), format!("{}{}", bytes(new), percent(old, new))),
        _ => (word(old), word(new)),
    }
}

/// ` (+20 %)`; nothing of what was nothing.
fn percent(old: u64, new: u64) -> String {
    if old == 0 {
        return String::new();
    }
    let change = (new as f64 - old as f64) / old as f64 * 100.0;
    let digits = usize::from(change.abs() < 10.0);
    format!(" ({change:+.digits$} %)")
}

/// A compose, in a line: id, status, images, size.
pub fn headline(summary: &Summary) -> String {
    let Summary { compose_id, status, images, bytes: size, failures, refused } = summary;
    let mut parts = vec![counted(*images, "image"), bytes(*size)];
    if *failures > 0 {
        parts.push(format!("{failures} failed"));
    }
    if *refused > 0 {
        parts.push(format!("{refused} left out that readers refuse"));
    }
    let id = compose_id.as_deref().unwrap_or("a compose without an id");
    let status = status.as_deref().map(|status| format!("  {status}")).unwrap_or_default();
    harmless(&format!("{id}{status}  ({})", parts.join(", ")))
}

/// Writes the comparison as one page of HTML that needs nothing else.
pub fn page(comparison: &Comparison, shown: Shown, out: impl Write) -> Result<(), PageError> {
    let mut environment = environment();
    environment.add_template("comparison.html", TEMPLATE)?;
    let values = context! {
        verdict => harmless(&comparison.verdict),
        kind => if comparison.gone.is_empty() { "good" } else { "bad" },
        old => headline(&comparison.old),
        new => headline(&comparison.new),
        title => harmless(comparison.new.compose_id.as_deref().unwrap_or("Comparison")),
        sections => sections(comparison, shown),
        style => STYLE,
    };
    environment.get_template("comparison.html")?.render_captured_to(values, out)?;
    Ok(())
}
