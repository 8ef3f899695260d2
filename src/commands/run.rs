//! `magudi run`: a whole compose, from the configuration to the manifests.

use super::compose::{self, Recall, check_unbegun};
use crate::cli::RunSettings;
use crate::error::Failure;
use crate::settings::Environment;
use crate::ui::Ui;
use std::ffi::OsString;

/// Runs the command. `argv` is the whole command line, for the log and the notifications.
pub fn run(args: RunSettings, argv: &[OsString], environment: &Environment, ui: Ui) -> Result<(), Failure> {
    let settings = args.resolved()?;
    check_unbegun(&settings)?;
    compose::run(&settings, argv, environment, ui, Recall::IfUnfinished)
}
