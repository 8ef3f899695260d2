//! `magudi resume`: goes on with a compose that stopped, where it stopped.

use super::compose::{Going, Options, Recall, compose, conclude, prepare};
use super::inspect::Request;
use super::recall::load_history;
use crate::cli::ResumeArgs;
use crate::error::Failure;
use crate::settings::Environment;
use crate::ui::Ui;
use magudi_compose::composeinfo::load_identity;
use magudi_compose::layout::ComposeDir;
use magudi_compose::status::{Status, load_status};
use magudi_engine::journal;
use std::ffi::OsString;
use std::path::Path;

/// Runs the command.
pub fn run(args: &ResumeArgs, argv: &[OsString], environment: &Environment, ui: Ui) -> Result<(), Failure> {
    let mut options = begun(&args.compose_dir)?;
    if options.simulated {
        return Err(Failure::Failed(format!(
            "{} was a simulated run: its hub is gone with it, so it cannot be resumed; run it again",
            args.compose_dir.display()
        )));
    }
    options.override_koji(&args.koji)?;
    options.quiet = args.quiet;
    options.going = Going {
        fail_fast: args.going.fail_fast,
        detach_on_signal: args.going.detach_on_signal,
        retry_failed: args.going.retry_failed,
        rebuild: args.going.rebuild.clone(),
        reopen: false,
        events: args.going.events.clone(),
        no_lock: args.going.no_lock,
    };
    let dir = ComposeDir::at(&std::path::absolute(&args.compose_dir).map_err(Failure::failed)?);
    if load_status(&dir.status_file()).map_err(Failure::failed)? == Some(Status::Finished)
        && options.going.rebuild.is_empty()
    {
        // So that whoever resumes until it works comes to an end.
        return if load_history(&dir)?.is_some_and(|history| history.ended) {
            ui.note(&format!("{} is FINISHED: nothing is left to do", args.compose_dir.display()));
            Ok(())
        } else {
            conclude(&options, environment, ui)
        };
    }
    let prepared = prepare(&options, environment, ui, Recall::Always)?;
    compose(&options, argv, environment, ui, prepared)
}

/// What is said of a directory whose journal says nothing.
pub fn not_begun(dir: &Path) -> Failure {
    let journal = ComposeDir::at(dir).logs_global().join(journal::NAME);
    let is_dir = dir.is_dir();
    let dir = dir.display();
    Failure::Failed(if !is_dir {
        format!("there is no directory {dir}")
    } else if journal.exists() {
        format!(
            "a run in {dir} ended before it had asked for anything: begin it again with magudi run --compose-dir {dir}"
        )
    } else {
        format!("{dir} has no journal: magudi has not run a compose there")
    })
}

/// The options with which the compose in `dir` was begun, to be used on that directory.
pub fn begun(dir: &Path) -> Result<Options, Failure> {
    let top = ComposeDir::at(&std::path::absolute(dir).map_err(Failure::failed)?);
    let history = load_history(&top)?.ok_or_else(|| not_begun(dir))?;
    let settings = history.settings.unwrap_or_default();
    let mut options: Options = serde_json::from_value(settings)
        .map_err(|error| Failure::Failed(format!("the journal of {} cannot be used: {error}", dir.display())))?;
    let base = top.composeinfo_base_file();
    if !base.exists() {
        return Err(Failure::Failed(format!(
            "{} is not there, so nobody can say which compose {} is: run it anew",
            base.display(),
            dir.display()
        )));
    }
    let identity = load_identity(&base).map_err(Failure::failed)?;
    options.request = Request {
        kind: Some(identity.kind),
        no_label: identity.label.is_none(),
        label: identity.label.map(|label| label.as_str().to_owned()),
        supported: identity.is_final,
        just: options.just_phase.clone(),
        skip: options.skip_phase.clone(),
        target_dir: None,
        compose_dir: Some(top.top().to_path_buf()),
    };
    Ok(options)
}
