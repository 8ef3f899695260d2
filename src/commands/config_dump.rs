//! `magudi config dump`: the configuration as JSON, checked and with defaults, as pungi-config-dump prints it.

use crate::cli::DumpArgs;
use crate::error::Failure;
use crate::ui::Ui;
use magudi_config::define::{load_for_dump, without_definitions};
use magudi_config::dump::to_text;
use magudi_config::{Sources, check};

/// Runs the command.
pub fn run(args: &DumpArgs, ui: Ui) -> Result<(), Failure> {
    let mut sources = Sources::new();
    let tree = match load_for_dump(&args.config, &args.define, &mut sources) {
        Ok(tree) => tree,
        Err(diagnostics) => return Err(Failure::invalid(diagnostics, sources)),
    };
    let tree = if args.just_dump {
        tree
    } else {
        let schema = magudi_phases::schema();
        let (config, mut diagnostics) = check(&without_definitions(&tree, &args.define, schema), schema);
        diagnostics.extend_from_slice(sources.remarks());
        let Some(config) = config else { return Err(Failure::invalid(diagnostics, sources)) };
        ui.diagnostics(&diagnostics, &sources);
        config.tree
    };
    match to_text(&tree) {
        Ok(text) => ui.answer(&format!("{text}\n")).map_err(Failure::failed),
        Err(diagnostic) => Err(Failure::invalid(vec![diagnostic], sources)),
    }
}
