//! `magudi resume`: continues a compose that stopped, where it stopped.

use super::compose::{self, Recall, conclude};
use super::resume_point::load_outline;
use super::settings::as_text;
use crate::cli::{ResumeArgs, RunSettings, TypeArgs};
use crate::error::{Failure, kinds};
use crate::settings::Environment;
use crate::ui::Ui;
use magudi_compose::composeinfo::load_identity;
use magudi_compose::layout::ComposeDir;
use magudi_compose::status::{Status, load_status};
use magudi_engine::history::History;
use magudi_engine::journal;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Why a compose cannot be continued.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    #[error("{} was a simulated run: its hub ended with it, so it cannot be resumed; run it again", .0.display())]
    Simulated(PathBuf),
    #[error("the journal of {} does not say which configuration it was started with: give it with --config", .0.display())]
    NoConfig(PathBuf),
    #[error("{dir} is FINISHED: `magudi run --compose-dir {dir} --reopen`, with the options that name images, rebuilds images in it", dir = .0.display())]
    Finished(PathBuf),
    #[error("there is no directory {}", .0.display())]
    NoDirectory(PathBuf),
    #[error("the run in {dir} ended before it submitted anything: start it again with magudi run --compose-dir {dir}", dir = .0.display())]
    NothingAsked(PathBuf),
    #[error("{} has no journal: magudi has not run a compose there", .0.display())]
    NoJournal(PathBuf),
    /// The settings in its journal.
    #[error("the journal of {} cannot be used", dir.display())]
    Settings { dir: PathBuf, source: serde_json::Error },
    /// Its composeinfo is gone.
    #[error("{} is missing, so it is unknown which compose {} is: start a new one", base.display(), dir.display())]
    Unknown { base: PathBuf, dir: PathBuf },
}

kinds! { Failed: ResumeError }

pub fn run(args: &ResumeArgs, argv: &[OsString], environment: &Environment, ui: Ui) -> Result<(), Failure> {
    let Begun { dir, mut settings, outline } = begun(&args.compose_dir)?;
    if settings.simulated {
        return Err(ResumeError::Simulated(args.compose_dir.clone()).into());
    }
    if let Some(config) = &args.config {
        settings.compose.config = std::path::absolute(config)?;
    } else if settings.config().is_none() {
        return Err(ResumeError::NoConfig(args.compose_dir.clone()).into());
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
    let is_finished = load_status(&dir.status_file())? == Some(Status::Finished);
    settings.compose.reopen = is_finished && outline.is_pungis(Status::Finished.as_str());
    if is_finished && !settings.compose.reopen {
        if names_images {
            return Err(ResumeError::Finished(args.compose_dir.clone()).into());
        }
        // So that a loop of resumes comes to an end.
        return if outline.ended {
            ui.note(&format!("{} is FINISHED: nothing is left to do", args.compose_dir.display()));
            Ok(())
        } else {
            conclude(&settings, environment, ui)
        };
    }
    compose::run(&settings, argv, environment, ui, Recall::Always)
}

/// What is said of a directory whose journal says nothing.
pub fn not_begun(dir: &Path) -> ResumeError {
    let journal = ComposeDir::at(dir).logs_global().join(journal::NAME);
    if !dir.is_dir() {
        ResumeError::NoDirectory(dir.to_path_buf())
    } else if journal.exists() {
        ResumeError::NothingAsked(dir.to_path_buf())
    } else {
        ResumeError::NoJournal(dir.to_path_buf())
    }
}

/// A compose that a run has begun.
pub struct Begun {
    /// Where it is now.
    pub dir: ComposeDir,
    pub settings: RunSettings,
    /// What its journal says of it as a whole; its settings are taken out.
    pub outline: History,
}

/// The compose in `dir`.
pub fn begun(dir: &Path) -> Result<Begun, Failure> {
    as_text(dir)?;
    let top = ComposeDir::at(&std::path::absolute(dir)?);
    let mut outline = load_outline(&top)?.ok_or_else(|| not_begun(dir))?;
    let settings = RunSettings::from_json(outline.settings.take().unwrap_or_default())
        .map_err(|source| ResumeError::Settings { dir: dir.to_path_buf(), source })?;
    Ok(Begun { dir: top, settings, outline })
}

/// The settings of a compose that is continued in `dir`, which messages call `shown`: it is what it says of itself.
pub fn to_continue(mut settings: RunSettings, dir: &ComposeDir, shown: &Path) -> Result<RunSettings, Failure> {
    let base = dir.composeinfo_base_file();
    if !base.exists() {
        return Err(ResumeError::Unknown { base, dir: shown.to_path_buf() }.into());
    }
    let identity = load_identity(&base)?;
    settings.is_begun = true;
    let compose = &mut settings.compose;
    compose.compose_dir = Some(dir.top().to_path_buf());
    compose.kind = TypeArgs(Some(identity.kind));
    compose.no_label = identity.label.is_none();
    compose.label = identity.label.map(|label| label.as_str().to_owned());
    compose.supported |= identity.is_final;
    Ok(settings)
}
