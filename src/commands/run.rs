//! `magudi run`: a whole compose, from the configuration to the manifests.

use super::compose::{Recall, check_unbegun, compose, not_started, prepare, tell_scripts};
use crate::cli::RunSettings;
use crate::error::Failure;
use crate::settings::Environment;
use crate::ui::Ui;
use std::ffi::OsString;

/// Runs the command. `argv` is the whole command line, for the log and the notifications.
pub fn run(args: RunSettings, argv: &[OsString], environment: &Environment, ui: Ui) -> Result<(), Failure> {
    let settings = args.resolved()?;
    check_unbegun(&settings)?;
    let result = prepare(&settings, environment, ui, Recall::IfUnfinished);
    match result {
        Ok(prepared) => compose(&settings, argv, environment, ui, prepared),
        Err(failure) => {
            tell_scripts(&settings, argv, environment, &failure, ui);
            not_started(&settings, environment, &failure, ui);
            Err(failure)
        }
    }
}
