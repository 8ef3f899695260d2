//! `magudi check`: every mistake of a configuration, before anything is submitted; with `--hub` also what the hub would refuse.

use super::inspect::{Branches, Purpose, inspect};
use super::preflight::ask_alone;
use super::repositories::out_of_reach;
use super::take_part;
use crate::cli::{CheckArgs, CheckFormat};
use crate::error::Failure;
use crate::settings::Environment;
use crate::ui::Ui;
use magudi_config::diagnostic::has_errors;
use magudi_config::render::Report;
use magudi_config::render::sarif::to_sarif;
use magudi_config::{Diagnostic, Severity};
use std::mem::take;

pub fn run(args: &CheckArgs, environment: &Environment, ui: Ui) -> Result<(), Failure> {
    take_part(&args.compose.config);
    let purpose = Purpose::Check { schema_override: &args.schema_override };
    let (diagnostics, sources) = match inspect(&args.compose, environment, purpose, Branches::AS_WRITTEN) {
        Ok(inspected) => {
            // As long as the process: to free value after value would take a tenth of its time.
            let inspected = Box::leak(Box::new(inspected));
            // What run would refuse of the compose that is there.
            if args.compose.compose_dir.is_some() {
                let (dir, _) = inspected.place(&args.compose, args.compose.reopen)?;
                let found = out_of_reach(inspected, &dir, inspected.requests(), |_| true);
                inspected.diagnostics.extend(found.into_iter().map(Diagnostic::as_warning));
            }
            if args.hub {
                let found = ask_alone(&args.compose, environment, ui, inspected)?;
                inspected.diagnostics.extend(found);
            }
            (take(&mut inspected.diagnostics), take(&mut inspected.sources))
        }
        Err(Failure::Invalid(invalid)) => (invalid.diagnostics, invalid.sources),
        Err(other) => return Err(other),
    };
    match args.format {
        CheckFormat::Json => {
            ui.answer_json(&Report::new(&diagnostics, &sources))?;
        }
        CheckFormat::Sarif => {
            let log = to_sarif(&diagnostics, &sources, env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
            ui.answer(&format!("{log:#}\n"))?;
        }
        CheckFormat::Human if args.compose.quiet && !args.strict => {
            let errors: Vec<Diagnostic> =
                diagnostics.iter().filter(|diagnostic| diagnostic.severity() == Severity::Error).cloned().collect();
            ui.diagnostics(&errors, &sources);
            ui.tally(&errors, false);
        }
        CheckFormat::Human => {
            ui.diagnostics(&diagnostics, &sources);
            ui.tally(&diagnostics, args.strict);
            if diagnostics.is_empty() && !args.compose.quiet {
                ui.note(&format!("{}: no problems found", args.compose.config.display()));
            }
        }
    }
    let warned = diagnostics.iter().any(|diagnostic| diagnostic.severity() == Severity::Warning);
    let bad = has_errors(&diagnostics) || (args.strict && warned);
    if bad { Err(Failure::Told) } else { Ok(()) }
}
