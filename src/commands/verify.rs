//! `magudi verify`: whether the files of a compose are what its manifests say, whichever program made it.

use super::resume_point::load_history;
use crate::cli::{PlanFormat, VerifyArgs};
use crate::error::Failure;
use crate::ui::{Gauge, Table, Ui, bytes};
use magudi_compose::published::Published;
use magudi_config::words::counted;
use magudi_engine::verify::{Depth, Verification, load_verification};
use serde_json::json;
use std::time::{Duration, Instant};

pub fn run(args: &VerifyArgs, ui: Ui) -> Result<(), Failure> {
    super::threads::check()?;
    let published = Published::find(&args.compose_dir)?;
    let simulated = is_simulated(&published);
    if simulated {
        ui.note("the compose is simulated: formats of files are not checked");
    }
    let depth = Depth { quick: args.quick, follow_links: args.follow_links, any_format: simulated };
    let began = Instant::now();
    let gauge = Gauge::new("verifying", ui);
    let found = load_verification(&published, depth, &gauge)?;
    drop(gauge);
    let text = match args.format {
        PlanFormat::Table => table(&found, &published, depth, began.elapsed()),
        PlanFormat::Json => as_json(&found, &published, depth),
    };
    ui.answer(&text)?;
    if found.problems.is_empty() { Ok(()) } else { Err(Failure::Told) }
}

/// Whether the last run of ours there was simulated. A journal that cannot be used says nothing.
fn is_simulated(published: &Published) -> bool {
    let history = published.top().and_then(|dir| load_history(dir).ok().flatten());
    history.is_some_and(|history| history.is_simulated())
}

fn table(found: &Verification, published: &Published, depth: Depth, elapsed: Duration) -> String {
    let mut table = Table::new(&["PROBLEM", "PATH", "WHAT"]);
    for problem in &found.problems {
        table.row([problem.kind.as_str(), &problem.path, &problem.text]);
    }
    let id = found.compose_id.clone().unwrap_or_else(|| published.compose().display().to_string());
    let (how, seconds) = (if depth.quick { "looked at" } else { "read" }, elapsed.as_secs_f64());
    let mut counts =
        format!("{id}: {}, {} {how} in {seconds:.1} s", counted(found.images, "image"), bytes(found.bytes));
    if found.elsewhere > 0 {
        counts.push_str(&format!(", {} elsewhere on the web", found.elsewhere));
    }
    let verdict = match found.problems.len() {
        0 => "no problems found".to_owned(),
        n => counted(n, "problem"),
    };
    let summary = crate::ui::printable(&format!("{counts}: {verdict}\n"));
    if table.is_empty() { summary } else { format!("{table}\n{summary}") }
}

fn as_json(found: &Verification, published: &Published, depth: Depth) -> String {
    let problems: Vec<_> = found
        .problems
        .iter()
        .map(|problem| json!({"kind": problem.kind.as_str(), "path": problem.path, "problem": problem.text}))
        .collect();
    let report = json!({
        "compose_id": found.compose_id, "compose": published.compose().display().to_string(), "quick": depth.quick,
        "manifest_version": found.version.as_str(), "images": found.images, "elsewhere": found.elsewhere, "bytes": found.bytes,
        "problems": problems,
    });
    format!("{report:#}\n")
}
