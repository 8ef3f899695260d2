//! *Beside* a run: the Pungi that makes the rest of the compose at the same time, and the repositories that images wait for.

use crate::cli::RunSettings;
use crate::commands::inspect::Inspected;
use crate::commands::resume_point::Recalled;
use crate::commands::settings::absolute;
use crate::error::{Failure, kinds};
use crate::settings::Environment;
use magudi_compose::layout::ComposeDir;
use magudi_compose::status::{Status, load_status};
use magudi_engine::journal;
use magudi_engine::plan::TaskRequest;
use magudi_engine::pungi::{How, Past, Pungi};
use magudi_engine::runner::Awaited;
use magudi_engine::stop::StopHandle;
use magudi_phases::needs::needs;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tokio::sync::watch;

/// Why a run cannot work beside another program.
#[derive(Debug, thiserror::Error)]
pub enum BesideError {
    #[error("{} has a compose that Pungi made: add images with --reopen, or start another with --pungi", .0.display())]
    IsPungis(PathBuf),
    #[error("--pungi: there is no program {0}: install Pungi, or give --pungi=COMMAND")]
    NoProgram(String),
    #[error(
        "{} is STARTED: another program may be working on it; wait until it has ended, or give --wait-for-repos to add images while it works",
        .0.display()
    )]
    Started(PathBuf),
    #[error(
        "{} is {status}, and was made by another program; give --reopen to add images anyway: it stays {status}",
        dir.display()
    )]
    Ended { dir: PathBuf, status: Status },
    #[error("{dir} has a compose that Pungi works on too: continue with magudi resume {dir}", dir = .0.display())]
    Begun(PathBuf),
}

/// Options that do not go with `--pungi`.
#[derive(Debug, thiserror::Error)]
enum PungiMisuse {
    #[error("-e cannot be passed on to Pungi: put the variable into the configuration")]
    Define,
    #[error("--just-phase leaves Pungi nothing to do: name one of its phases too, or leave --pungi out")]
    NothingToDo,
}

kinds! { Failed: BesideError }
kinds! { Usage: PungiMisuse }

/// Refuses what a Pungi cannot be started for. Nothing has been touched yet.
pub fn check_pungi(settings: &RunSettings, environment: &Environment, dir: &ComposeDir) -> Result<(), Failure> {
    let Some(program) = settings.pungi.as_ref().and_then(|words| words.first()) else { return Ok(()) };
    if !settings.compose.define.is_empty() {
        return Err(PungiMisuse::Define.into());
    }
    let is_ours = |phase: &String| magudi_phases::find(phase).is_some();
    if !settings.compose.just_phase.is_empty() && settings.compose.just_phase.iter().all(is_ours) {
        return Err(PungiMisuse::NothingToDo.into());
    }
    // A resume has its journal; a new run has not.
    let is_begun = dir.logs_global().join(journal::NAME).exists();
    if !is_begun && dir.status_file().exists() {
        return Err(BesideError::IsPungis(dir.top().to_path_buf()).into());
    }
    find_program(program, environment).map(drop).ok_or_else(|| BesideError::NoProgram(program.clone()).into())
}

/// The Pungi of somebody else that makes, or has made, the compose in `dir`, where no run of ours was before. Its word stays: a
/// compose that it calls anything but FINISHED is opened only by who asks for it.
pub fn others(settings: &RunSettings, dir: &ComposeDir) -> Result<Option<Past>, Failure> {
    let is_begun = dir.logs_global().join(journal::NAME).exists();
    let status = load_status(&dir.status_file())?;
    let Some(status) = status.filter(|status| *status != Status::Finished && !is_begun && settings.pungi.is_none())
    else {
        return Ok(None);
    };
    let top = || dir.top().to_path_buf();
    match status {
        Status::Started if settings.wait_for_repos.is_some() => Ok(Some(Past::default())),
        Status::Started => Err(BesideError::Started(top()).into()),
        _ if settings.compose.reopen => {
            Ok(Some(Past { status: Some(status.as_str().to_owned()), end: Some(How::Unseen), process: None }))
        }
        status => Err(BesideError::Ended { dir: top(), status }.into()),
    }
}

/// Refuses to begin a compose with a Pungi where one was begun.
pub fn check_unbegun(settings: &RunSettings) -> Result<(), Failure> {
    let Some(dir) = &settings.compose.compose_dir else { return Ok(()) };
    let dir = ComposeDir::at(&absolute(dir)?);
    if settings.pungi.is_none() || !dir.logs_global().join(journal::NAME).exists() {
        return Ok(());
    }
    Err(BesideError::Begun(dir.top().to_path_buf()).into())
}

fn find_program(program: &str, environment: &Environment) -> Option<PathBuf> {
    let is_program =
        |path: &Path| path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0);
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(|path| is_program(path));
    }
    let path = environment.children.iter().find(|(name, _)| name == OsStr::new("PATH"))?;
    std::env::split_paths(&path.1).map(|directory| directory.join(program)).find(|path| is_program(path))
}

/// What the requests of a run wait for, and the Pungi beside it.
pub fn beside(
    settings: &RunSettings,
    environment: &Environment,
    inspected: &Inspected,
    dir: &ComposeDir,
    recalled: &Recalled,
    others: Option<Past>,
    handle: &StopHandle,
) -> (Option<Awaited>, Option<Pungi>) {
    let is_ours = settings.pungi.is_some();
    let is_news = others.is_some();
    let past = others.or_else(|| recalled.pungi.clone());
    let pungi = (is_ours || past.is_some()).then(|| Pungi {
        command: if is_ours { command(settings, inspected, dir) } else { Vec::new() },
        workdir: std::env::current_dir().unwrap_or_else(|_| dir.top().to_path_buf()),
        variables: environment.of_pungi(),
        past,
        is_news,
        our_status: recalled.status.clone(),
        over: watch::Sender::new(false),
        fail_fast: settings.going.fail_fast.then(|| handle.clone()),
    });
    if !is_ours && settings.wait_for_repos.is_none() {
        return (None, pungi);
    }
    let translated = &inspected.config.translate_paths;
    let of = |request: &TaskRequest| needs(request, dir, translated);
    let mut awaited = Awaited::new(recalled.requests.iter().map(of).collect());
    awaited.limit = settings.wait_for_repos.flatten();
    awaited.over = pungi.as_ref().map(|pungi| pungi.over.subscribe());
    (Some(awaited), pungi)
}

/// The command line of the Pungi that makes the rest of the compose in `dir`: it leaves our phases to us, and the latest link.
fn command(settings: &RunSettings, inspected: &Inspected, dir: &ComposeDir) -> Vec<OsString> {
    let mut words: Vec<OsString> = settings.pungi.iter().flatten().map(OsString::from).collect();
    words.extend(["--config".into(), settings.compose.config.clone().into(), "--compose-dir".into(), dir.top().into()]);
    words.push("--no-latest-link".into());
    for phase in inspected.selection.active(&inspected.config) {
        words.extend(["--skip-phase".into(), phase.name().into()]);
    }
    for phase in settings.compose.just_phase.iter().filter(|phase| magudi_phases::find(phase).is_none()) {
        words.extend(["--just-phase".into(), phase.into()]);
    }
    for phase in &settings.compose.skip_phase {
        words.extend(["--skip-phase".into(), phase.into()]);
    }
    words
}
