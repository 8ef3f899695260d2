//! `magudi plan`: the tasks that `run` would submit. Nothing is created, and without `--hub` there is no network.

use super::against::{Beside, Planned, beside};
use super::inspect::{Branches, Purpose, inspect};
use super::preflight::ask_alone;
use super::repositories::out_of_reach;
use super::take_part;
use crate::cli::{PlanArgs, PlanFormat};
use crate::error::Failure;
use crate::settings::Environment;
use crate::ui::{Ui, plan_table, write_listing};
use magudi_config::Diagnostic;
use magudi_config::diagnostic::has_errors;
use magudi_config::render::Report;
use magudi_engine::plan::TaskRequest;

pub fn run(args: &PlanArgs, environment: &Environment, ui: Ui) -> Result<(), Failure> {
    take_part(&args.compose.config);
    let planned = plan(args, environment, ui);
    if let (PlanFormat::Json, Err(Failure::Invalid(invalid))) = (args.format, &planned) {
        let report = Report::new(&invalid.diagnostics, &invalid.sources);
        ui.answer_json(&report)?;
    }
    planned
}

fn plan(args: &PlanArgs, environment: &Environment, ui: Ui) -> Result<(), Failure> {
    let branches = Branches { ask: args.resolve, ..Branches::AS_WRITTEN };
    // As long as the process: to free value after value would take a tenth of its time.
    let inspected = Box::leak(Box::new(inspect(&args.compose, environment, Purpose::New, branches)?));
    if args.hub {
        let found = ask_alone(&args.compose, environment, ui, inspected)?;
        inspected.diagnostics.extend(found);
        if has_errors(&inspected.diagnostics) {
            return Err(Failure::invalid(inspected.diagnostics.clone(), inspected.sources.clone()));
        }
    }
    let (dir, identity) = inspected.place(&args.compose, args.compose.reopen)?;
    let requests: &[TaskRequest] = inspected.expand(&identity, &dir).leak();
    let found = out_of_reach(inspected, &dir, requests, |_| true);
    inspected.diagnostics.extend(found.into_iter().map(Diagnostic::as_warning));
    if let Some(path) = &args.against {
        let planned = Planned { inspected, args: &args.compose, identity: &identity, dir: &dir, requests };
        return answer_beside(args, &beside(path, planned, branches, environment)?, ui);
    }
    let answered = match args.format {
        PlanFormat::Json => {
            let diagnostics = Report::new(&inspected.diagnostics, &inspected.sources).into_remarks();
            let (id, requests) = (("compose_id", &identity.id()), ("requests", requests));
            ui.answer_with(|out| write_listing(out, id, requests, ("diagnostics", &diagnostics)))
        }
        PlanFormat::Table => {
            if !args.compose.quiet {
                ui.diagnostics(&inspected.diagnostics, &inspected.sources);
            }
            ui.answer(&plan_table(&identity.id(), requests, ui.answer_columns(), args.long))
        }
    };
    Ok(answered?)
}

fn answer_beside(args: &PlanArgs, beside: &Beside, ui: Ui) -> Result<(), Failure> {
    let answered = match args.format {
        PlanFormat::Table => ui.answer(&beside.text()),
        PlanFormat::Json => ui.answer_json(beside),
    };
    Ok(answered?)
}
