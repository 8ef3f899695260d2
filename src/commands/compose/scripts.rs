//! The *notification scripts* of a compose: what is sent to them, and how long a run waits for them (facts: notifications 1).

use crate::cli::RunSettings;
use crate::commands::inspect::Inspected;
use crate::error::Failure;
use crate::settings::Environment;
use crate::ui::Ui;
use magudi_compose::identity::ComposeIdentity;
use magudi_compose::layout::ComposeDir;
use magudi_config::words::counted;
use magudi_engine::event::{Events, Level};
use magudi_engine::notify::{NotifierEnd, Scripts, notifier};
use magudi_phases::repos::translate;
use serde_json::{Map, Value as Json, json};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Tells the notification scripts that there will be no compose (facts: notifications 5).
pub fn tell_scripts(settings: &RunSettings, argv: &[OsString], environment: &Environment, failure: &Failure, ui: Ui) {
    if settings.compose.notification_script.is_empty() {
        return;
    }
    let mask = &environment.network.mask;
    let hidden = |text: &str| Json::from(mask.hide(text));
    let target_dir = settings.compose.target_dir.as_deref();
    let mut members = Map::new();
    members.insert("command".to_owned(), argv.iter().map(|arg| hidden(&arg.to_string_lossy())).collect());
    members.insert("target_dir".to_owned(), json!(target_dir.map(Path::to_string_lossy)));
    members.insert("config".to_owned(), json!(settings.compose.config.to_string_lossy()));
    members.insert("detail".to_owned(), hidden(&failure.detail()));
    if let Failure::Invalid(invalid) = failure {
        let errors = invalid.diagnostics.iter().map(|d| match d.path.as_str() {
            "" => hidden(&d.message),
            path => hidden(&format!("Failed validation in {path}: {}", d.message)),
        });
        members.insert("errors".to_owned(), errors.collect());
    }
    let workdir = target_dir.filter(|dir| dir.is_dir()).unwrap_or(Path::new("."));
    let warn = move |_, text| ui.note(&format!("warning: {text}"));
    match notifier(scripts(settings, environment, workdir, None), Map::new(), Box::new(warn)) {
        Ok((notifier, end)) => {
            notifier.send("fail-to-start", members);
            end.finish(None, |left| ui.note(&waiting_for_scripts(left)));
        }
        Err(error) => ui.note(&format!("warning: notification scripts cannot be run: {error}")),
    }
}

/// How long a notification script may take.
pub(super) fn limit(settings: &RunSettings) -> Duration {
    Duration::from_secs(settings.compose.notification_timeout)
}

fn scripts(settings: &RunSettings, environment: &Environment, workdir: &Path, log_dir: Option<PathBuf>) -> Scripts {
    let (programs, variables) = (settings.compose.notification_script.clone(), environment.children.clone());
    Scripts { programs, limit: limit(settings), workdir: workdir.to_path_buf(), variables, log_dir }
}

/// Lets the notification scripts hear the events of a run, if there are any.
pub fn run_scripts(
    settings: &RunSettings,
    environment: &Environment,
    inspected: &Inspected,
    identity: &ComposeIdentity,
    dir: &ComposeDir,
    events: &Arc<Events>,
) -> Result<Option<NotifierEnd>, Failure> {
    if settings.compose.notification_script.is_empty() {
        return Ok(None);
    }
    let scripts = scripts(settings, environment, dir.top(), Some(dir.notifications_dir()));
    let log = Arc::clone(events);
    let report = Box::new(move |level, text: String| log.message(level, None, text));
    let (notifier, end) = notifier(scripts, common_members(identity, dir, inspected), report)
        .map_err(|error| Failure::because("notification scripts cannot be run", error))?;
    events.subscribe(Box::new(notifier));
    Ok(Some(end))
}

/// Waits until the scripts have heard everything, as long as a run that was asked to end has `patience`.
pub fn finish_scripts(scripts: &NotifierEnd, patience: Option<Duration>, events: &Events) {
    scripts.finish(patience, |left| events.message(Level::Info, None, waiting_for_scripts(left)));
}

fn waiting_for_scripts(left: usize) -> String {
    format!("Waiting for notification scripts, with {} left to send", counted(left, "message"))
}

/// What every notification says of the compose (facts: notifications 3).
fn common_members(identity: &ComposeIdentity, dir: &ComposeDir, inspected: &Inspected) -> Map<String, Json> {
    let location = translate(&dir.compose().to_string_lossy(), &inspected.config.translate_paths);
    let mut members = vec![
        ("compose_id", json!(identity.id())),
        ("compose_date", json!(identity.date)),
        ("compose_type", json!(identity.kind.as_str())),
        ("compose_respin", json!(identity.respin)),
        ("compose_label", json!(identity.label.as_ref().map(|label| label.as_str().to_owned()))),
        ("compose_path", json!(dir.top().to_string_lossy())),
        ("location", json!(location)),
        ("release_short", json!(identity.release.short)),
        ("release_name", json!(identity.release.name)),
        ("release_version", json!(identity.release.version)),
        ("release_type", json!(identity.release.kind.to_lowercase())),
        ("release_is_layered", json!(identity.is_layered())),
    ];
    if let Some(base) = &identity.base_product {
        members.extend([
            ("base_product_name", json!(base.name)),
            ("base_product_short", json!(base.short)),
            ("base_product_version", json!(base.version)),
            ("base_product_type", json!(base.kind.to_lowercase())),
        ]);
    }
    members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
