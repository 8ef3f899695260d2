//! From built images to manifests: sum files, composeinfo.json, cloud-uploads.json, images.json.

use super::{Beside, Built, Compose, RunError};
use crate::dropped;
use crate::image_checksum::{self, ChecksumError};
use magudi_compose::cloud_uploads::{self, CloudUpload};
use magudi_compose::composeinfo::composeinfo;
use magudi_compose::identity::ComposeIdentity;
use magudi_compose::images::Images;
use magudi_compose::layout::ComposeDir;
use magudi_compose::pyjson;
use magudi_compose::status::Status;
use magudi_compose::write::{sync_file_system, write_atomic_with, write_json};
use magudi_engine::blocking::blocking;
use magudi_engine::event::{Event, Level};
use magudi_engine::stop::{Stop, Stopped};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::time::Instant;

impl Compose {
    /// Writes the sum files and manifests of a compose whose images are built; `clock` has run since the phases began.
    pub(super) async fn complete(
        &self,
        built: Built,
        stop: &Stop,
        clock: Instant,
        beside: Beside,
    ) -> Result<Status, RunError> {
        let Built { images, uploads, mut own, is_incomplete } = built;
        let active: Vec<_> = self.selection.active(&self.config).collect();
        for phase in &active {
            self.phase_done(phase.name(), clock);
        }
        let clock = Instant::now();
        self.events.say(Event::PhaseStarted { phase: image_checksum::NAME.to_owned() });
        let version = self.manifest_version.unwrap_or_else(|| self.existing.version());
        let mut images = self.existing.merged_images(images, &self.earlier_paths);
        images.set_version(version);
        let listed: BTreeSet<&String> = images.iter().map(|(_, _, image)| &image.path).collect();
        let dropped: BTreeSet<String> =
            self.earlier_paths.iter().filter(|path| !listed.contains(path)).cloned().collect();
        // Sum files are written again without them.
        own.extend(dropped.iter().cloned());
        if beside == Beside::Pungi {
            // One set of sum files, whichever program made an image.
            own.extend(images.iter().map(|(_, _, image)| image.path.clone()));
        }
        // What is there, the names of images above all, gets to the disk while sum files are made.
        let (is_any, compose) = (!own.is_empty(), self.dir.compose());
        let synced = blocking(move || if is_any { sync_file_system(&compose) } else { Ok(()) });
        let (sums, identity, dir, stopped) =
            (self.config.checksums.clone(), self.identity.clone(), self.dir.clone(), stop.clone());
        let summed = move || {
            image_checksum::run(&mut images, &own, &sums, &identity, &dir, &stopped)?;
            Ok(images)
        };
        let images = unless_set(stop, summed).await;
        // An error of the disk is told only once, so it comes first.
        if let Some(synced) = stop.unless_set(synced).await {
            synced?.map_err(ChecksumError::from)?;
        }
        let images = images?;
        self.phase_done(image_checksum::NAME, clock);
        let mut info = composeinfo(&self.identity, &self.variants, &self.dir);
        self.existing.merge_composeinfo(&mut info, version);
        let mut manifests = Manifests { info, uploads: None, images: None };
        if !active.is_empty() {
            for (one, other) in images.shared_identities() {
                let text = format!(
                    "Readers of images.json will refuse it: {} has the same subvariant {}, type {}, format {} and arch {} as {}",
                    other.path, other.subvariant, other.kind, other.format, other.arch, one.path
                );
                self.events.message(Level::Warning, None, text);
            }
            manifests.uploads = self.cloud_uploads(&uploads);
            manifests.images = Some(images);
        }
        let (identity, dir, stopped) = (self.identity.clone(), self.dir.clone(), stop.clone());
        unless_set(stop, move || manifests.write(&identity, &dir, &stopped)).await?;
        if !active.is_empty() {
            let algorithms: Vec<String> =
                self.config.checksums.algorithms.iter().map(|name| name.as_str().to_owned()).collect();
            for problem in dropped::remove(&dropped, &algorithms, &self.dir) {
                self.events.message(Level::Warning, None, problem);
            }
        }
        Ok(if is_incomplete { Status::FinishedIncomplete } else { Status::Finished })
    }

    /// cloud-uploads.json, when something was to be uploaded. One that an earlier run of the same phases left is replaced even by an
    /// empty one.
    fn cloud_uploads(&self, uploads: &[CloudUpload]) -> Option<Json> {
        let is_due =
            self.requests.iter().any(|request| request.about.uploads) || self.dir.cloud_uploads_file().exists();
        is_due.then(|| cloud_uploads::to_json(uploads, &self.identity))
    }
}

/// What is left of a compose in `compose/metadata`.
struct Manifests {
    info: Json,
    uploads: Option<Json>,
    images: Option<Images>,
}

impl Manifests {
    /// Writes them, images.json last: only a compose that got to its end has it, so a stop is looked for once more when nothing is
    /// missing but its name.
    fn write(self, identity: &ComposeIdentity, dir: &ComposeDir, stop: &Stop) -> Result<(), RunError> {
        if let Some(Err(problems)) = self.images.as_ref().map(Images::validate) {
            return Err(RunError::Invalid(problems));
        }
        if let Some(uploads) = &self.uploads {
            write_json(&dir.cloud_uploads_file(), uploads)?;
        }
        write_json(&dir.composeinfo_file(), &self.info)?;
        let Some(images) = &self.images else { return Ok(()) };
        Ok(write_atomic_with(&dir.images_file(), |out| {
            pyjson::to_writer(&mut *out, &images.document(identity))?;
            out.flush()?;
            out.get_ref().sync_all()?;
            Ok(stop.check()?)
        })?)
    }
}

/// Does work that blocks on a thread of its own, for which a run that is stopped does not wait.
async fn unless_set<T: Send + 'static>(
    stop: &Stop,
    work: impl FnOnce() -> Result<T, RunError> + Send + 'static,
) -> Result<T, RunError> {
    let stopped = |error| RunError::signal(stop).unwrap_or(error);
    match stop.unless_set(blocking(work)).await {
        Some(done) => done?.map_err(stopped),
        None => Err(stopped(RunError::Stopped(Stopped))),
    }
}
