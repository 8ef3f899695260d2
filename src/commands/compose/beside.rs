//! *Beside* a run: the Pungi that makes the rest of the compose at the same time, and the repositories that images wait for.

use crate::commands::inspect::Inspected;
use crate::commands::options::{Options, absolute};
use crate::commands::recall::Recalled;
use crate::error::Failure;
use crate::settings::Environment;
use magudi_compose::layout::ComposeDir;
use magudi_engine::journal;
use magudi_engine::plan::TaskRequest;
use magudi_engine::pungi::Pungi;
use magudi_engine::runner::Awaited;
use magudi_engine::stop::StopHandle;
use magudi_phases::needs::needs;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tokio::sync::watch;

/// Refuses what a Pungi cannot be started for. Nothing has been touched yet.
pub fn check_pungi(options: &Options, environment: &Environment, dir: &ComposeDir) -> Result<(), Failure> {
    let Some(program) = options.pungi.first() else { return Ok(()) };
    if !options.define.is_empty() {
        let text = "-e cannot be passed on to Pungi: put the variable into the configuration";
        return Err(Failure::Usage(text.to_owned()));
    }
    let is_ours = |phase: &String| magudi_phases::find(phase).is_some();
    if !options.just_phase.is_empty() && options.just_phase.iter().all(is_ours) {
        let text = "--just-phase leaves Pungi nothing to do: name one of its phases too, or leave --pungi out";
        return Err(Failure::Usage(text.to_owned()));
    }
    // A resume has its journal; whoever begins has not.
    let is_begun = dir.logs_global().join(journal::NAME).exists();
    if !is_begun && dir.status_file().exists() {
        let top = dir.top().display();
        let text = format!("{top} has a compose of Pungi's: add images with --reopen, or begin another with --pungi");
        return Err(Failure::Failed(text));
    }
    find_program(program, environment).map(drop).ok_or_else(|| {
        Failure::Failed(format!("--pungi: there is no program {program}: install Pungi, or give --pungi=COMMAND"))
    })
}

/// Refuses to begin a compose with a Pungi where one was begun.
pub fn check_unbegun(options: &Options) -> Result<(), Failure> {
    let Some(dir) = &options.request.compose_dir else { return Ok(()) };
    let dir = ComposeDir::at(&absolute(dir)?);
    if options.pungi.is_empty() || !dir.logs_global().join(journal::NAME).exists() {
        return Ok(());
    }
    let top = dir.top().display();
    Err(Failure::Failed(format!("{top} has a compose with a Pungi beside it: magudi resume {top}")))
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
    options: &Options,
    environment: &Environment,
    inspected: &Inspected,
    dir: &ComposeDir,
    recalled: &Recalled,
    handle: &StopHandle,
) -> (Option<Awaited>, Option<Pungi>) {
    let pungi = (!options.pungi.is_empty()).then(|| Pungi {
        command: command(options, inspected, dir),
        workdir: std::env::current_dir().unwrap_or_else(|_| dir.top().to_path_buf()),
        variables: environment.children.clone(),
        past: recalled.pungi.clone(),
        our_status: recalled.status.clone(),
        over: watch::Sender::new(false),
        fail_fast: options.going.fail_fast.then(|| handle.clone()),
    });
    if pungi.is_none() && options.wait_for_repos.is_none() {
        return (None, None);
    }
    let translated = &inspected.config.translate_paths;
    let of = |request: &TaskRequest| needs(request, dir, translated);
    let mut awaited = Awaited::new(recalled.requests.iter().map(of).collect());
    awaited.limit = options.wait_for_repos.flatten();
    awaited.over = pungi.as_ref().map(|pungi| pungi.over.subscribe());
    (Some(awaited), pungi)
}

/// The command line of the Pungi that makes the rest of the compose in `dir`: it leaves our phases to us, and the latest link.
fn command(options: &Options, inspected: &Inspected, dir: &ComposeDir) -> Vec<OsString> {
    let mut words: Vec<OsString> = options.pungi.iter().map(OsString::from).collect();
    words.extend(["--config".into(), options.config.clone().into(), "--compose-dir".into(), dir.top().into()]);
    words.push("--no-latest-link".into());
    for phase in inspected.selection.active(&inspected.config) {
        words.extend(["--skip-phase".into(), phase.name().into()]);
    }
    for phase in options.just_phase.iter().filter(|phase| magudi_phases::find(phase).is_none()) {
        words.extend(["--just-phase".into(), phase.into()]);
    }
    for phase in &options.skip_phase {
        words.extend(["--skip-phase".into(), phase.into()]);
    }
    words
}
