//! `magudi plan`: the tasks that `run` would submit. Nothing is created, and without `--hub` there is no network.

use super::against::{Beside, Planned, beside};
use super::inspect::{Branches, Purpose, inspect};
use super::preflight::ask_alone;
use super::repositories::out_of_reach;
use crate::cli::{PlanArgs, PlanFormat};
use crate::error::Failure;
use crate::settings::Environment;
use crate::ui::{Ui, plan_table};
use magudi_config::diagnostic::has_errors;
use magudi_config::{Diagnostic, render};
use magudi_engine::plan::TaskRequest;
use serde::Serialize;
use serde_json::Value as Json;
use std::io::Write as _;

pub fn run(args: &PlanArgs, environment: &Environment, ui: Ui) -> Result<(), Failure> {
    let planned = plan(args, environment, ui);
    if let (PlanFormat::Json, Err(Failure::Invalid(invalid))) = (args.format, &planned) {
        let report = render::to_json(&invalid.diagnostics, &invalid.sources);
        ui.answer(&format!("{report:#}\n"))?;
    }
    planned
}

fn plan(args: &PlanArgs, environment: &Environment, ui: Ui) -> Result<(), Failure> {
    let branches = Branches { ask: args.resolve, ..Branches::AS_WRITTEN };
    let mut inspected = inspect(&args.compose, environment, Purpose::New, branches)?;
    if args.hub {
        let found = ask_alone(&args.compose, environment, ui, &inspected)?;
        inspected.diagnostics.extend(found);
        if has_errors(&inspected.diagnostics) {
            return Err(Failure::invalid(inspected.diagnostics, inspected.sources));
        }
    }
    let (dir, identity) = inspected.place(&args.compose, args.compose.reopen)?;
    let requests = inspected.expand(&identity, &dir);
    let found = out_of_reach(&inspected, &dir, &requests, |_| true);
    inspected.diagnostics.extend(found.into_iter().map(Diagnostic::as_warning));
    if let Some(path) = &args.against {
        let (inspected, requests) = (&inspected, &requests[..]);
        let planned = Planned { inspected, args: &args.compose, identity: &identity, dir: &dir, requests };
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
            ui.answer(&plan_table(&identity.id(), &requests, ui.answer_columns(), args.long))
        }
    };
    Ok(answered?)
}

fn answer_beside(args: &PlanArgs, beside: &Beside, ui: Ui) -> Result<(), Failure> {
    let answered = match args.format {
        PlanFormat::Table => ui.answer(&beside.text()),
        PlanFormat::Json => ui.answer_with(|out| {
            serde_json::to_writer_pretty(&mut *out, beside)?;
            out.write_all(b"\n")
        }),
    };
    Ok(answered?)
}

/// What `--format json` prints.
#[derive(Serialize)]
struct Plan<'a> {
    compose_id: String,
    requests: &'a [TaskRequest],
    diagnostics: Json,
}
