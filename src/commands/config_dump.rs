//! `magudi config dump`: the configuration as JSON, checked and with defaults, as pungi-config-dump prints it.

use crate::cli::DumpArgs;
use crate::error::Failure;
use crate::ui::Ui;
use magudi_compose::pyjson;
use magudi_config::diagnostic::has_errors;
use magudi_config::dump::{DumpOptions, load_for_dump};
use magudi_config::Sources;

/// Runs the command.
pub fn run(args: &DumpArgs, ui: Ui) -> Result<(), Failure> {
    let mut sources = Sources::new();
    let options = DumpOptions { definitions: &args.define, just_dump: args.just_dump };
    let (json, diagnostics) = load_for_dump(&args.config, options, &mut sources);
    if has_errors(&diagnostics) {
        return Err(Failure::invalid(diagnostics, sources));
    }
    ui.diagnostics(&diagnostics, &sources);
    match json {
        Some(json) => ui.answer(&format!("{}\n", pyjson::to_string(&json))).map_err(Failure::failed),
        None => Err(Failure::Told),
    }
}
