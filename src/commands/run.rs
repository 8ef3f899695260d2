//! `magudi run`: a whole compose, from the configuration to the manifests.

use super::compose::{Recall, check_unbegun, compose, not_started, prepare, tell_scripts};
use super::options::Options;
use crate::cli::RunArgs;
use crate::error::Failure;
use crate::settings::Environment;
use crate::ui::Ui;
use std::ffi::OsString;

/// Runs the command. `argv` is the whole command line, for the log and the notifications.
pub fn run(args: &RunArgs, argv: &[OsString], environment: &Environment, ui: Ui) -> Result<(), Failure> {
    let options = Options::of_run(args)?;
    check_unbegun(&options)?;
    let result = prepare(&options, environment, ui, Recall::IfUnfinished);
    match result {
        Ok(prepared) => compose(&options, argv, environment, ui, prepared),
        Err(failure) => {
            tell_scripts(&options, argv, environment, &failure, ui);
            not_started(&options, environment, &failure, ui);
            Err(failure)
        }
    }
}
