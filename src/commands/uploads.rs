//! `magudi uploads`: where the images of a compose were uploaded to, from its cloud-uploads.json; of a compose that did not
//! finish, or not yet, from its journal.

use super::resume_point::load_history;
use crate::cli::{PlanFormat, UploadsArgs};
use crate::error::Failure;
use crate::ui::{Ui, uploads};
use magudi_compose::CloudUpload;
use magudi_compose::cloud_uploads::{load_cloud_uploads, to_json};
use magudi_compose::composeinfo::load_identity;
use magudi_compose::layout::ComposeDir;
use magudi_compose::pyjson;
use magudi_compose::status::{Status, load_status};

pub fn run(args: &UploadsArgs, ui: Ui) -> Result<(), Failure> {
    let dir = ComposeDir::at(&std::path::absolute(&args.compose_dir)?);
    let all = load(&dir)?.ok_or_else(|| {
        Failure::failed(format!(
            "{} has neither a journal nor a cloud-uploads.json: magudi has not run a compose there",
            args.compose_dir.display()
        ))
    })?;
    match args.format {
        PlanFormat::Json => {
            let identity = load_identity(&dir.composeinfo_base_file())?;
            let text = pyjson::to_string(&to_json(&all, &identity))?;
            Ok(ui.answer(&format!("{text}\n"))?)
        }
        PlanFormat::Table if all.is_empty() => {
            ui.note("no uploads are known");
            Ok(())
        }
        PlanFormat::Table => Ok(ui.answer(&uploads(&all, ui.answer_columns()))?),
    }
}

/// The uploads of a compose; `None` when nothing is known of one.
fn load(dir: &ComposeDir) -> Result<Option<Vec<CloudUpload>>, Failure> {
    let manifest = load_cloud_uploads(&dir.cloud_uploads_file())?;
    let status = load_status(&dir.status_file())?;
    // What is written when a compose finishes is the last word only until somebody continues the compose.
    if manifest.is_some() && matches!(status, Some(Status::Finished | Status::FinishedIncomplete)) {
        return Ok(manifest);
    }
    let Some(history) = load_history(dir)? else { return Ok(manifest) };
    let mut all: Vec<CloudUpload> = history.requests.iter().flat_map(|past| past.uploads.iter().cloned()).collect();
    all.sort();
    Ok(Some(all))
}
