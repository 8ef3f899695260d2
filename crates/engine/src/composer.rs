//! *osbuild-composer* says why it could not build something in the task's `compose-status.json` and nowhere else (facts: osbuild 12).
//! This module reads that file: what became of each image, why, and where it was uploaded to. What composer answers when it does not
//! take a request at all is in the fault of the task, as JSON; [`summary`] says it as a sentence.
//!
//! The file is a stranger's: its size, depth, width and the length of every text are bounded here.

mod uploads;

pub use uploads::uploads;

use crate::causes::Cause;
use magudi_koji::{Fault, Hub, KojiError};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use thiserror::Error;

/// The file in the output of a task.
pub const FILE: &str = "compose-status.json";

/// The most that is read of it, in bytes.
pub const MAX_BYTES: u64 = 1 << 20;

/// How deep the details of an error are followed; composer nests a handful.
const DEPTH: usize = 16;

/// The most image statuses that are looked at: a task has one per arch.
const MAX_IMAGES: usize = 64;

/// The most causes that are reported of one image.
const MAX_CAUSES: usize = 8;

/// The most errors that are looked at in one image.
const MAX_ERRORS: usize = 256;

/// The longest reason, in characters.
const MAX_TEXT: usize = 4000;

/// The most options of one upload, the longest name of one and the longest value, in characters. Signed URLs have some
/// hundred; one that is cut would lead nowhere, so what is longer is left out.
const MAX_OPTIONS: usize = 16;
const MAX_KEY: usize = 64;
const MAX_VALUE: usize = 8000;

/// What composer says of a task.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ComposeStatus {
    /// The build, as soon as composer knows it.
    pub build: Option<i64>,
    /// The images, in the order of the task's arches.
    pub images: Vec<ImageStatus>,
}

/// What composer says of one image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageStatus {
    /// `pending`, `building`, `uploading`, `registering`, `success` or `failure`.
    pub status: String,
    /// Why it failed, see [`Cause::chains`].
    pub chains: Vec<Vec<String>>,
    /// Where it was uploaded to, besides Koji.
    pub upload: Option<UploadStatus>,
}

/// What composer says of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UploadStatus {
    /// `success`, `failure`, `pending` or `running`.
    pub status: Option<String>,
    /// `aws`, `aws.s3`, `gcp`, `azure` or `container`.
    pub provider: Option<String>,
    /// What the provider calls the image.
    pub options: BTreeMap<String, String>,
}

/// Why it is not known what composer says of a task.
#[derive(Debug, Error)]
pub enum ComposeStatusError {
    #[error("cannot read {FILE}: {0}")]
    Read(#[from] KojiError),
    #[error("{FILE} is not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    #[error("{FILE} has no list `image_statuses`")]
    NoImages,
}

/// What composer says of a task: read from the task's output.
pub async fn load_status(hub: &Hub, task: i64) -> Result<ComposeStatus, ComposeStatusError> {
    parse_compose_status(&hub.download_task_output(task, FILE, MAX_BYTES).await?)
}

/// Reads a `compose-status.json`.
pub fn parse_compose_status(text: &[u8]) -> Result<ComposeStatus, ComposeStatusError> {
    let status: Json = serde_json::from_slice(text)?;
    let images = status.get("image_statuses").and_then(Json::as_array);
    let images = images.ok_or(ComposeStatusError::NoImages)?;
    Ok(ComposeStatus {
        build: status.get("koji_build_id").and_then(Json::as_i64).filter(|id| *id > 0),
        images: images.iter().take(MAX_IMAGES).map(image).collect(),
    })
}

fn image(image: &Json) -> ImageStatus {
    let mut walk = Walk { chains: Vec::new(), left: MAX_ERRORS };
    if let Some(error) = image.get("error").filter(|error| !error.is_null()) {
        walk.follow(error, Vec::new());
    }
    let chains = walk.chains;
    ImageStatus {
        status: text(image.get("status")).unwrap_or_default(),
        chains,
        upload: image.get("upload_status").filter(|upload| upload.is_object()).map(|upload| UploadStatus {
            status: text(upload.get("status")),
            provider: text(upload.get("type")),
            options: upload.get("options").and_then(Json::as_object).map_or_else(BTreeMap::new, |options| {
                let named = options.iter().filter(|(key, _)| key.chars().count() <= MAX_KEY);
                named.filter_map(|(key, value)| Some((key.clone(), option(value)?))).take(MAX_OPTIONS).collect()
            }),
        }),
    }
}

/// Collects the reasons of one image.
struct Walk {
    chains: Vec<Vec<String>>,
    /// Errors that may still be looked at.
    left: usize,
}

impl Walk {
    /// An error's details may hold the errors that caused it: an object, a list of them, or plain texts. Each end of that
    /// tree is one chain of reasons.
    fn follow(&mut self, error: &Json, mut before: Vec<String>) {
        let Some(left) = self.left.checked_sub(1) else { return };
        self.left = left;
        let push = |before: &mut Vec<String>, reason: Option<String>| {
            if let Some(reason) = reason.filter(|reason| before.last() != Some(reason)) {
                before.push(reason);
            }
        };
        match error {
            Json::Object(_) => {
                let deeper = before.len() < DEPTH;
                push(&mut before, text(error.get("reason")));
                match error.get("details") {
                    Some(details) if deeper => self.follow(details, before),
                    _ => self.end(before),
                }
            }
            Json::Array(causes) if causes.iter().any(says_something) => {
                for cause in causes.iter().filter(|cause| says_something(cause)).take(MAX_CAUSES) {
                    self.follow(cause, before.clone());
                }
            }
            other => match nested(other).filter(|_| before.len() < DEPTH) {
                Some(nested) => self.follow(&nested, before),
                None => {
                    push(&mut before, scalar(other));
                    self.end(before);
                }
            },
        }
    }

    fn end(&mut self, chain: Vec<String>) {
        if !chain.is_empty() && self.chains.len() < MAX_CAUSES && !self.chains.contains(&chain) {
            self.chains.push(chain);
        }
    }
}

/// The errors in a text that is JSON: some workers report those of others so.
fn nested(value: &Json) -> Option<Json> {
    let text = value.as_str().map(str::trim).filter(|text| text.starts_with(['{', '[']))?;
    serde_json::from_str(text).ok()
}

/// What a task failed with, for one line: where it ends in composer's answer (facts: osbuild 12), the answer in words, which are reasons from
/// the outermost to the innermost and composer's code for an error, or the title of a proxy's page.
pub fn summary(fault: &Fault) -> String {
    in_words(&fault.string).unwrap_or_else(|| fault.summary().into_owned())
}

fn in_words(fault: &str) -> Option<String> {
    let start = fault.find(['{', '[', '<']).filter(|_| !fault.starts_with("Traceback "))?;
    let (before, answer) = fault.split_at(start);
    let words = match nested(&Json::from(answer)) {
        Some(error) => error_in_words(&error)?,
        None => title(answer)?.to_owned(),
    };
    let line = format!("{before}{words}").split_whitespace().collect::<Vec<_>>().join(" ");
    Some(shortened(&line))
}

/// The reasons that an error of composer gives.
fn error_in_words(error: &Json) -> Option<String> {
    let mut walk = Walk { chains: Vec::new(), left: MAX_ERRORS };
    walk.follow(error, Vec::new());
    let chains: Vec<String> = walk.chains.iter().map(|chain| chain.join(": ")).collect();
    let code = text(error.get("code")).map_or_else(String::new, |code| format!(" ({code})"));
    (!chains.is_empty()).then(|| format!("{}{code}", chains.join("; ")))
}

fn title(page: &str) -> Option<&str> {
    let lower = page.to_ascii_lowercase();
    let start = lower.find("<title>")? + "<title>".len();
    let end = start + lower.get(start..)?.find("</title>")?;
    page.get(start..end).map(str::trim).filter(|title| !title.is_empty())
}

fn says_something(cause: &Json) -> bool {
    cause.is_object() || cause.is_array() || scalar(cause).is_some()
}

/// The value of an upload's option: one that is no longer than it may be.
fn option(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.trim()).filter(|text| text.chars().count() <= MAX_VALUE).map(str::to_owned),
        other => scalar(other),
    }
}

/// A text that says something, shortened.
fn text(value: Option<&Json>) -> Option<String> {
    value.and_then(Json::as_str).map(str::trim).filter(|text| !text.is_empty()).map(shortened)
}

/// A text, a number or a boolean, as text.
fn scalar(value: &Json) -> Option<String> {
    match value {
        Json::String(_) => text(Some(value)),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// `text` in at most [`MAX_TEXT`] characters: of longer texts the end, where compilers and tracebacks say what happened.
fn shortened(text: &str) -> String {
    let length = text.chars().count();
    if length <= MAX_TEXT {
        return text.to_owned();
    }
    std::iter::once('…').chain(text.chars().skip(length - MAX_TEXT + 1)).collect()
}

/// The failed images of a task that builds `arches`, in their order.
pub fn causes(status: &ComposeStatus, arches: &[&str]) -> Vec<Cause> {
    let named = status.images.iter().enumerate();
    named
        .filter(|(_, image)| !image.chains.is_empty())
        .map(|(index, image)| Cause {
            arch: arches.get(index).copied().unwrap_or_default().to_owned(),
            chains: image.chains.clone(),
            ..Cause::default()
        })
        .collect()
}

#[cfg(test)]
mod tests;
