//! `magudi resume`: continues a compose that stopped, where it stopped.

use super::compose::{Recall, compose, conclude, not_started, prepare};
use super::resume_point::load_history;
use crate::cli::{ResumeArgs, RunSettings, TypeArgs};
use crate::error::Failure;
use crate::settings::Environment;
use crate::ui::Ui;
use magudi_compose::composeinfo::load_identity;
use magudi_compose::layout::ComposeDir;
use magudi_compose::status::{Status, load_status};
use magudi_engine::history::History;
use magudi_engine::journal;
use std::ffi::OsString;
use std::path::Path;

pub fn run(args: &ResumeArgs, argv: &[OsString], environment: &Environment, ui: Ui) -> Result<(), Failure> {
    let Begun { dir, mut settings, history } = begun(&args.compose_dir)?;
    if settings.simulated {
        return Err(Failure::Failed(format!(
            "{} was a simulated run: its hub is gone with it, so it cannot be resumed; run it again",
            args.compose_dir.display()
        )));
    }
    if let Some(config) = &args.config {
        settings.compose.config = std::path::absolute(config).map_err(Failure::failed)?;
    } else if settings.config().is_none() {
        return Err(Failure::Failed(format!(
            "the journal of {} does not say with which configuration it was begun: give it with --config",
            args.compose_dir.display()
        )));
    }
    settings.compose.define.extend(args.define.iter().cloned());
    let mut settings = to_continue(settings, &dir, &args.compose_dir)?;
    settings.compose.koji.override_with(&args.koji)?;
    settings.compose.quiet = args.quiet;
    let kept = std::mem::replace(&mut settings.going, args.going.clone());
    settings.going.on_finish = settings.going.on_finish.or(kept.on_finish);
    settings.going.retries = settings.going.retries.or(kept.retries);
    let names_images = !settings.going.rebuild.is_empty() || !settings.going.adopt.is_empty();
    // A Pungi beside it may have said so, while no run was there to finish the compose.
    let is_finished = load_status(&dir.status_file()).map_err(Failure::failed)? == Some(Status::Finished);
    settings.compose.reopen = is_finished && history.is_pungis(Status::Finished.as_str());
    if is_finished && !settings.compose.reopen {
        if names_images {
            return Err(Failure::Failed(format!(
                "{0} is FINISHED: `magudi run --compose-dir {0} --reopen`, with the options that name images, changes it",
                args.compose_dir.display()
            )));
        }
        // So that a loop of resumes comes to an end.
        return if history.ended {
            ui.note(&format!("{} is FINISHED: nothing is left to do", args.compose_dir.display()));
            Ok(())
        } else {
            conclude(&settings, environment, ui)
        };
    }
    let prepared = prepare(&settings, environment, ui, Recall::Always)
        .inspect_err(|failure| not_started(&settings, environment, failure, ui))?;
    compose(&settings, argv, environment, ui, prepared)
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

/// A compose that a run has begun.
pub struct Begun {
    /// Where it is now.
    pub dir: ComposeDir,
    pub settings: RunSettings,
    /// What came of it so far.
    pub history: History,
}

/// The compose in `dir`.
pub fn begun(dir: &Path) -> Result<Begun, Failure> {
    let top = ComposeDir::at(&std::path::absolute(dir).map_err(Failure::failed)?);
    let mut history = load_history(&top)?.ok_or_else(|| not_begun(dir))?;
    let settings = RunSettings::from_json(history.settings.take().unwrap_or_default())
        .map_err(|reason| Failure::Failed(format!("the journal of {} cannot be used: {reason}", dir.display())))?;
    Ok(Begun { dir: top, settings, history })
}

/// The settings of a compose that is continued in `dir`, which messages call `shown`: it is what it says of itself.
pub fn to_continue(mut settings: RunSettings, dir: &ComposeDir, shown: &Path) -> Result<RunSettings, Failure> {
    let base = dir.composeinfo_base_file();
    if !base.exists() {
        return Err(Failure::Failed(format!(
            "{} is missing, so it is unknown which compose {} is: start a new one",
            base.display(),
            shown.display()
        )));
    }
    let identity = load_identity(&base).map_err(Failure::failed)?;
    settings.is_begun = true;
    let compose = &mut settings.compose;
    compose.compose_dir = Some(dir.top().to_path_buf());
    compose.kind = TypeArgs(Some(identity.kind));
    compose.no_label = identity.label.is_none();
    compose.label = identity.label.map(|label| label.as_str().to_owned());
    compose.supported |= identity.is_final;
    Ok(settings)
}
