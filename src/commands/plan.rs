//! `magudi plan`: the tasks that `run` would submit. No network, and nothing is created.

use super::inspect::{Request, Typed, inspect};
use crate::cli::{PlanArgs, PlanFormat};
use crate::error::Failure;
use crate::settings::Environment;
use crate::ui::{Table, Ui};
use magudi_config::render;
use magudi_engine::plan::TaskRequest;
use serde_json::{Value as Json, json};

/// Runs the command.
pub fn run(args: &PlanArgs, environment: &Environment, ui: Ui) -> Result<(), Failure> {
    let request = Request::of(&args.compose);
    let inspected = inspect(&args.compose.config, &request, environment, Typed::Required)?;
    let (dir, identity) = inspected.place(&request, false)?;
    let (requests, _) = inspected.expand(&identity, &dir);
    let text = match args.format {
        PlanFormat::Json => {
            let report = render::to_json(&inspected.diagnostics, &inspected.sources);
            let warnings = report.get("warnings").cloned().unwrap_or_else(|| json!([]));
            let plan = json!({"compose_id": identity.id(), "requests": requests, "diagnostics": warnings});
            format!("{plan:#}\n")
        }
        PlanFormat::Table => {
            if !args.compose.quiet {
                ui.diagnostics(&inspected.diagnostics, &inspected.sources);
            }
            table(&identity.id(), &requests)
        }
    };
    ui.answer(&text).map_err(Failure::failed)
}

fn table(compose_id: &str, requests: &[TaskRequest]) -> String {
    let mut table =
        Table::new(&["PHASE", "VARIANT", "IMAGE", "VERSION", "RELEASE", "TYPE", "TARGET", "ARCHES", "NOTES"]);
    for request in requests {
        let arg = |place: usize| match request.args.get(place) {
            Some(Json::String(text)) => text.clone(),
            Some(Json::Array(items)) => items.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(" "),
            _ => String::new(),
        };
        let release = request.opts.get("release").and_then(Json::as_str).unwrap_or("-");
        let mut notes = Vec::new();
        if request.failable {
            notes.push("failable".to_owned());
        }
        if request.subvariant != request.variant {
            notes.push(format!("subvariant {}", request.subvariant));
        }
        for key in ["upload_options", "customizations", "ostree"] {
            if request.opts.contains_key(key) {
                notes.push(key.replace('_', " "));
            }
        }
        table.row([
            request.phase.clone(),
            request.variant.clone(),
            arg(0),
            arg(1),
            release.to_owned(),
            arg(3),
            arg(4),
            arg(5),
            notes.join(", "),
        ]);
    }
    let images: usize = requests.iter().map(|request| request.arches().len()).sum();
    let summary = format!("{compose_id}: {} tasks for {images} images\n", requests.len());
    if requests.is_empty() { summary } else { format!("{table}\n{summary}") }
}
