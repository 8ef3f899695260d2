//! `magudi plan`: the tasks that `run` would submit. Nothing is created, and without `--hub` there is no network.

use super::against::{Beside, Planned, beside};
use super::inspect::{Branches, Request, Typed, inspect};
use super::preflight::ask_alone;
use super::repositories::missing;
use crate::cli::{PlanArgs, PlanFormat};
use crate::error::Failure;
use crate::settings::Environment;
use crate::ui::{Table, Ui, printable, wrapped};
use magudi_config::diagnostic::has_errors;
use magudi_config::words::counted;
use magudi_config::{Diagnostic, render};
use magudi_engine::plan::TaskRequest;
use serde::Serialize;
use serde_json::Value as Json;
use std::io::Write as _;

pub fn run(args: &PlanArgs, environment: &Environment, ui: Ui) -> Result<(), Failure> {
    let request = Request::of(&args.compose);
    let branches = Branches { ask: args.resolve, ..Branches::AS_WRITTEN };
    let mut inspected = inspect(&args.compose.config, &request, environment, Typed::Required, branches)?;
    if args.hub {
        let found = ask_alone(&args.compose, environment, ui, &inspected)?;
        inspected.diagnostics.extend(found);
        if has_errors(&inspected.diagnostics) {
            return Err(Failure::invalid(inspected.diagnostics, inspected.sources));
        }
    }
    let (dir, identity) = inspected.place(&request, args.compose.reopen)?;
    let requests = inspected.expand(&identity, &dir);
    let missing = missing(&inspected, &dir, &requests, |_| true);
    inspected.diagnostics.extend(missing.into_iter().map(Diagnostic::as_warning));
    if let Some(path) = &args.against {
        let (inspected, request, requests) = (&inspected, &request, &requests[..]);
        let planned = Planned { inspected, request, identity: &identity, dir: &dir, requests };
        return answer_beside(args, &beside(path, planned, branches, environment)?, ui);
    }
    let answered = match args.format {
        PlanFormat::Json => {
            let report = render::to_json(&inspected.diagnostics, &inspected.sources);
            let listed = |list: &str| report.get(list).and_then(Json::as_array).into_iter().flatten();
            let diagnostics = listed("warnings").chain(listed("notes")).cloned().collect();
            let plan = Plan { compose_id: identity.id(), requests: &requests, diagnostics };
            ui.answer_with(|out| {
                serde_json::to_writer_pretty(&mut *out, &plan)?;
                out.write_all(b"\n")
            })
        }
        PlanFormat::Table => {
            if !args.compose.quiet {
                ui.diagnostics(&inspected.diagnostics, &inspected.sources);
            }
            ui.answer(&table(&identity.id(), &requests, ui.answer_columns()))
        }
    };
    answered.map_err(Failure::failed)
}

fn answer_beside(args: &PlanArgs, beside: &Beside, ui: Ui) -> Result<(), Failure> {
    let answered = match args.format {
        PlanFormat::Table => ui.answer(&beside.text()),
        PlanFormat::Json => ui.answer_with(|out| {
            serde_json::to_writer_pretty(&mut *out, beside)?;
            out.write_all(b"\n")
        }),
    };
    answered.map_err(Failure::failed)
}

/// What `--format json` prints.
#[derive(Serialize)]
struct Plan<'a> {
    compose_id: String,
    requests: &'a [TaskRequest],
    diagnostics: Json,
}

/// The plan as a table, or where that is wider than `columns` with some lines for each task.
fn table(compose_id: &str, requests: &[TaskRequest], columns: usize) -> String {
    let mut table = Table::new(&["VARIANT", "IMAGE", "VERSION", "RELEASE", "TYPE", "TARGET", "ARCHES", "NOTES"]);
    let mut lines = String::new();
    for request in requests {
        let about = &request.about;
        let (name, version, target) = (&*about.name, &*about.version, &*about.target);
        let (kind, arches) = (&*about.image_type, request.arches().join(" "));
        let release = about.release.as_deref().unwrap_or("-");
        let notes = notes(request).join(", ");
        let what = format!("{name} {version}-{release} of {}\n", request.variant);
        let how = format!("{kind} for {arches} from {target}");
        lines.push_str(&printable(&what));
        lines.extend([how, notes.clone()].map(|line| wrapped(&printable(&line), "  ", columns)));
        table.row([&*request.variant, name, version, release, kind, target, &arches, &notes].map(str::to_owned));
    }
    let images: usize = requests.iter().map(|request| request.arches().len()).sum();
    let (tasks, images) = (counted(requests.len(), "task"), counted(images, "image"));
    let summary = format!("{compose_id}: {tasks} for {images}\n");
    match () {
        () if requests.is_empty() => summary,
        () if table.fits(columns) => format!("{table}\n{summary}"),
        () => format!("{lines}\n{summary}"),
    }
}

/// What is out of the ordinary.
fn notes(request: &TaskRequest) -> Vec<String> {
    let mut notes = Vec::new();
    if request.failable {
        notes.push("failable".to_owned());
    }
    if request.subvariant != request.variant {
        notes.push(format!("subvariant {}", request.subvariant));
    }
    let given =
        ["upload_options", "customizations", "ostree"].into_iter().filter(|key| request.keywords.get(key).is_some());
    notes.extend(given.map(|key| key.replace('_', " ")));
    notes
}
