//! What is known of a compose that is *compared*, wherever it is: a directory, an images.json, an address on the web. What lies on
//! the web is fetched into a temporary directory, and then read like anything else.

use crate::error::{Failure, words};
use crate::settings::Environment;
use crate::ui::Ui;
use magudi_compose::cloud_uploads::load_cloud_uploads;
use magudi_compose::comparison::{FailedDeliverable, Side, TaskTime};
use magudi_compose::composeinfo::{load_composeinfo, load_document};
use magudi_compose::deliverables::failed_in;
use magudi_compose::images::{load_compose_id, load_images};
use magudi_compose::layout::ComposeDir;
use magudi_compose::published::Published;
use magudi_compose::status::{Status, load_status};
use magudi_engine::artifact::FailedArch;
use magudi_engine::causes::Cause;
use magudi_engine::history::{Past, Replay, RequestState};
use magudi_engine::journal::{self, load_events};
use magudi_koji::calls::TaskState;
use magudi_koji::{ClientOptions, Hub, KojiError, Profile};
use std::collections::BTreeSet;
use std::fmt::Display;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

/// Reads one of the composes.
pub fn load(name: &str, environment: &Environment, ui: Ui) -> Result<Side, Failure> {
    if name.contains("://") {
        let kept = tempfile::tempdir().map_err(|error| Failure::because("cannot make a directory", error))?;
        super::runtime(1)?.block_on(fetch(name, kept.path(), environment, ui))?;
        // Messages are about the address, not about where it was kept.
        return load_from(kept.path(), ui).map_err(|failure| match failure {
            Failure::Failed(error) => {
                Failure::failed(words(&*error).replace(&kept.path().display().to_string(), name.trim_end_matches('/')))
            }
            other => other,
        });
    }
    load_from(Path::new(name), ui)
}

fn load_from(path: &Path, ui: Ui) -> Result<Side, Failure> {
    if !path.is_dir() {
        let images = load_images(path)?;
        let images = images.ok_or_else(|| Failure::failed(format!("there is no {}", path.display())))?;
        let compose_id = load_compose_id(path).ok().flatten();
        return Ok(Side { only_images: true, compose_id, images, ..Side::default() });
    }
    let published = Published::find(path)?;
    let file = published.images_file();
    let mut side = Side {
        images: load_images(&file)?.unwrap_or_default(),
        compose_id: load_compose_id(&file).ok().flatten(),
        ..Side::default()
    };
    // The rest says more of the images: without it there is still something to be compared.
    let note = |error: &dyn Display| ui.note(&format!("note: {error}; comparing without it"));
    match load_composeinfo(&published.composeinfo_file()) {
        Ok(info) => side.release_version = info.and_then(|info| Some(info.release_version()?.to_owned())),
        Err(error) => note(&error),
    }
    match load_cloud_uploads(&published.cloud_uploads_file()) {
        Ok(uploads) => side.uploads = uploads.unwrap_or_default(),
        Err(error) => note(&error),
    }
    if let Some(dir) = published.top() {
        logs(&mut side, dir, &note);
    }
    Ok(side)
}

/// What STATUS, the journal and the list of deliverables say.
fn logs(side: &mut Side, dir: &ComposeDir, note: &dyn Fn(&dyn Display)) {
    match load_status(&dir.status_file()) {
        Ok(status) => side.status = status.map(Status::as_str).map(str::to_owned),
        Err(error) => note(&error),
    }
    let mut replay = Replay::default();
    let path = dir.logs_global().join(journal::NAME);
    if path.exists()
        && let Err(error) = load_events(&path, &mut |event| replay.take(event))
    {
        note(&error);
    }
    let history = replay.finish();
    let plain = |phase: &str| phase.replace('-', "_");
    let mut told = BTreeSet::new();
    for past in history.requests.iter() {
        told.insert(plain(&past.asked.phase));
        let time = time_of(past);
        side.tasks.extend(past.images.iter().map(|(_, image)| (image.path.clone(), time)));
        side.failures.extend(failures_of(past));
    }
    match load_document(&dir.deliverables()) {
        Ok(document) => {
            // The journal tells more of our own phases.
            let others =
                failed_in(&document.unwrap_or_default()).into_iter().filter(|(kind, _)| !told.contains(&plain(kind)));
            side.failures.extend(others.map(|(phase, deliverable)| FailedDeliverable {
                phase,
                variant: deliverable.variant,
                arch: deliverable.arch,
                subvariant: deliverable.subvariant,
                image: None,
                reason: None,
            }));
        }
        Err(error) => note(&error),
    }
}

/// How long the task of a request was at the hub.
fn time_of(past: &Past) -> TaskTime {
    let seen = |wanted| past.states.iter().find(|(_, state)| *state == wanted).map(|(time, _)| time.as_second());
    let sent = past.sent.map(jiff::Timestamp::as_second);
    let (open, closed) = (seen(TaskState::Open), seen(TaskState::Closed));
    let between = |from: Option<i64>, to: Option<i64>| Some(to?.saturating_sub(from?).max(0));
    // A task that was done between two looks at it was never seen open.
    TaskTime { task: past.task, waited: between(sent, open), took: between(open, closed) }
}

fn failures_of(past: &Past) -> Vec<FailedDeliverable> {
    let failed = |arch: &str, reason: Option<String>| FailedDeliverable {
        phase: past.asked.phase.clone(),
        variant: Some(past.asked.variant.clone()),
        arch: arch.to_owned(),
        subvariant: Some(past.asked.subvariant.clone()).filter(|name| !name.is_empty()),
        image: Some(past.asked.name.clone()),
        reason,
    };
    // The innermost reason says most.
    let innermost = |cause: &Cause| cause.chains.first().and_then(|chain| chain.last()).cloned();
    if matches!(past.state(), RequestState::Failed | RequestState::Canceled) {
        let reason = past.failure.as_ref().map(|failure| {
            let said = failure.causes.iter().find_map(innermost).or_else(|| failure.reason.clone());
            said.unwrap_or_else(|| failure.error.clone())
        });
        return vec![failed("*", reason)];
    }
    let arch = |cause: &Cause| if cause.arch.is_empty() { "*".to_owned() } else { cause.arch.clone() };
    let lost = past.failed_arches.iter().map(FailedArch::cause);
    lost.map(|cause| failed(&arch(&cause), innermost(&cause))).collect()
}

/// The files of a compose that say something of its images, and how large each may be. The first one must be there.
const FILES: [(&str, u64); 6] = [
    ("compose/metadata/images.json", 512 << 20),
    ("compose/metadata/composeinfo.json", 64 << 20),
    ("compose/metadata/cloud-uploads.json", 128 << 20),
    ("STATUS", 4096),
    ("logs/global/deliverables.json", 64 << 20),
    ("logs/global/magudi-journal.jsonl", 1 << 30),
];

/// How long a server may say nothing.
const PATIENCE: Duration = Duration::from_secs(30);

/// Fetches what is known of the compose at `address` into `to`: the address of its directory, of the `compose` or `metadata` in
/// it, or of an images.json.
async fn fetch(address: &str, to: &Path, environment: &Environment, ui: Ui) -> Result<(), Failure> {
    let user_agent = concat!("magudi/", env!("CARGO_PKG_VERSION")).to_owned();
    let options = ClientOptions { user_agent, download_timeout: PATIENCE, ..environment.network.client_options() };
    let client = Hub::new(&Profile::for_server("compose", address), &options)?;
    let base = address.trim_end_matches('/');
    let (images, max) = FILES[0];
    let target = to.join(images);
    std::fs::create_dir_all(target.parent().unwrap_or(to))?;
    let parts: &[&str] = if base.ends_with(".json") {
        &[""]
    } else {
        &["/compose/metadata/images.json", "/metadata/images.json", "/images.json"]
    };
    let mut found = None;
    for part in parts {
        if get(&client, &format!("{base}{part}"), max, &target).await? {
            found = Some(*part);
            break;
        }
    }
    let top = match found {
        None => {
            return Err(Failure::failed(format!(
                "{base} is not a compose: there is no images.json in it, in metadata or in compose/metadata"
            )));
        }
        // An images.json stands for itself alone.
        Some("") => return Ok(()),
        Some("/compose/metadata/images.json") => base,
        Some("/metadata/images.json") => base.strip_suffix("/compose").unwrap_or_default(),
        Some(_) => base.strip_suffix("/compose/metadata").unwrap_or_default(),
    };
    if top.is_empty() {
        return Ok(());
    }
    for (file, max) in FILES.into_iter().skip(1) {
        let target = to.join(file);
        std::fs::create_dir_all(target.parent().unwrap_or(to))?;
        if let Err(error) = get(&client, &format!("{top}/{file}"), max, &target).await {
            ui.note(&format!("note: {}; it is compared without", error.detail()));
            // What came of it is of no use.
            let _ = std::fs::remove_file(target);
        }
    }
    Ok(())
}

/// Fetches one file. False when the server does not have it.
async fn get(client: &Hub, url: &str, max: u64, to: &Path) -> Result<bool, Failure> {
    let mut stream = match client.get_file(url, max).await {
        Err(KojiError::Http { status: 404 | 410, .. }) => return Ok(false),
        other => other?,
    };
    let cannot = |error: std::io::Error| Failure::because(format!("cannot keep {url}"), error);
    let mut file = File::create(to).map_err(cannot)?;
    while let Some(chunk) = stream.chunk().await? {
        file.write_all(chunk.as_ref()).map_err(cannot)?;
    }
    Ok(true)
}
