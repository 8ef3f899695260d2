//! The *hook at the end* of a run (`--on-finish`), and what `--quiet` says: both are made from one summary.

use super::scripts::limit;
use crate::cli::RunSettings;
use crate::commands::resume_point::load_history;
use crate::commands::signals::SCRIPTS_PATIENCE;
use crate::error::Failure;
use crate::settings::Environment;
use crate::ui::{Ui, printable};
use magudi_compose::layout::ComposeDir;
use magudi_engine::history::History;
use magudi_engine::notify::{Scripts, notifier};
use magudi_phases::pipeline::End;
use magudi_report::failures::is_told;
use magudi_report::summary::Summary;
use serde_json::{Map, Value as Json};
use std::path::{Path, PathBuf};

/// The argument that the program gets.
const MESSAGE: &str = "finish";

/// The last words of a run that ended with `end`, and of one that was `stopped` by a signal: to the hook, and to people who want no
/// others. `history` is what its journal says, if it was read.
pub fn conclude_run(
    settings: &RunSettings,
    environment: &Environment,
    ui: Ui,
    dir: &ComposeDir,
    history: Option<History>,
    end: &End,
    stopped: bool,
) {
    if !settings.compose.quiet && settings.going.on_finish.is_none() {
        return;
    }
    let history = match history.map_or_else(|| load_history(dir), |history| Ok(Some(history))) {
        Ok(history) => history.unwrap_or_default(),
        Err(failure) => {
            ui.note(&format!("warning: {}", failure.detail()));
            History::default()
        }
    };
    let error = end.error.as_deref();
    let summary = Summary::new(dir.top(), &dir.report(), &history, end.status.as_str(), error);
    run_hook(settings, environment, ui, &summary, dir.top(), Some(dir.notifications_dir()), stopped);
    if settings.compose.quiet {
        let is_told = error.is_none_or(|error| is_told(error, &history));
        summary.in_lines(is_told).iter().for_each(|line| ui.note(&printable(line)));
    }
}

/// The same of a run that ended before there was a compose.
pub fn not_started(settings: &RunSettings, environment: &Environment, failure: &Failure, ui: Ui) {
    let summary = Summary::not_started(&environment.network.mask.hide(&failure.detail()), failure.exit_code());
    let workdir = settings.compose.target_dir.as_deref().filter(|dir| dir.is_dir()).unwrap_or(Path::new("."));
    run_hook(settings, environment, ui, &summary, workdir, None, false);
}

/// Runs the program of `--on-finish`, for as long as a notification script may run. That it fails is a warning.
fn run_hook(
    settings: &RunSettings,
    environment: &Environment,
    ui: Ui,
    summary: &Summary,
    workdir: &Path,
    log_dir: Option<PathBuf>,
    stopped: bool,
) {
    let Some(program) = &settings.going.on_finish else { return };
    let (variables, workdir) = (environment.children.clone(), workdir.to_path_buf());
    let scripts = Scripts { programs: vec![program.clone()], limit: limit(settings), workdir, variables, log_dir };
    let warn = move |_, text: String| ui.note(&format!("warning: --on-finish: {text}"));
    match notifier(scripts, Map::new(), Box::new(warn)) {
        Ok((notifier, end)) => {
            let members = match serde_json::to_value(summary) {
                Ok(Json::Object(members)) => members,
                _ => Map::new(),
            };
            notifier.send(MESSAGE, members);
            end.finish(stopped.then_some(SCRIPTS_PATIENCE), |_| ());
        }
        Err(error) => ui.note(&format!("warning: --on-finish {program} cannot be run: {error}")),
    }
}
