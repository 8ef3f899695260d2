//! A *cloud upload* is the copy of an image that composer put into a cloud or a registry besides Koji;
//! *cloud-uploads.json* lists those of a compose, so that people need not look for an image id in the output of a task.
//!
//! The document is made in the manner of productmd's, but is our own: `docs/schemas/cloud-uploads.schema.json`.

use crate::composeinfo::compose_block;
use crate::identity::ComposeIdentity;
use crate::read::{ManifestError, OtherHeader, check_header, json_problem, load_manifest};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// The type in the header.
pub const TYPE: &str = "magudi.cloud-uploads";
/// The version in the header. Readers of 1.x may meet members that they do not know.
pub const VERSION: &str = "1.0";
/// The largest cloud-uploads.json that is read, in bytes.
const MAX_BYTES: u64 = 128 << 20;

/// The upload of one image of one arch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CloudUpload {
    pub variant: String,
    pub arch: String,
    pub subvariant: String,
    /// The image name, as it is configured.
    pub image: String,
    /// The image type that was asked for (`ec2`, not `raw-xz`).
    pub image_type: String,
    /// Name, version and release of the build; none when the task made no build.
    #[serde(default)]
    pub nvr: Option<String>,
    pub task_id: i64,
    /// The build; none when the task made none.
    #[serde(default)]
    pub build_id: Option<i64>,
    /// Composer's name of the kind of upload: `aws`, `aws.s3`, `gcp`, `azure`, `container`. None when composer gave none,
    /// as for an image that failed before it was uploaded.
    #[serde(default)]
    pub provider: Option<String>,
    /// Composer's word: `success`, `failure`, `pending`, `running`; `unknown` when it said nothing.
    pub status: String,
    /// What the provider calls the image (facts: osbuild 16): AWS `ami` and `region`, S3 `url`, GCP `project_id` and
    /// `image_name`, Azure `image_name`, container `url` and `digest`. Empty for what was not uploaded.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    /// Why it failed, or why nothing is known.
    #[serde(default)]
    pub reason: Option<String>,
}

impl CloudUpload {
    /// The status of an upload that is there.
    pub const SUCCESS: &str = "success";
    /// The status of an upload that went wrong, or of an image that was never there to be uploaded.
    pub const FAILURE: &str = "failure";
    /// The status of an upload that composer said nothing about.
    pub const UNKNOWN: &str = "unknown";

    /// Where the image is, in one line: the options in the order in which people name them.
    pub fn location(&self) -> String {
        const FIRST: [&str; 5] = ["ami", "url", "project_id", "image_name", "region"];
        let known = FIRST.iter().filter_map(|key| self.options.get(*key));
        let others = self.options.iter().filter(|(key, _)| !FIRST.contains(&key.as_str())).map(|(_, value)| value);
        known.chain(others).filter(|value| !value.is_empty()).map(String::as_str).collect::<Vec<_>>().join(" ")
    }
}

/// A cloud-uploads.json that cannot be used.
pub type CloudUploadsError = ManifestError<CloudUploadsProblem>;

#[derive(Debug, thiserror::Error)]
pub enum CloudUploadsProblem {
    #[error(transparent)]
    Read(#[from] io::Error),
    /// It is not JSON.
    #[error("{}", json_problem(.0))]
    Json(#[from] serde_json::Error),
    /// It is a different kind of file, or of a newer format.
    #[error("{0}, where {TYPE} 1.x is expected")]
    Header(#[from] OtherHeader),
    /// A value is missing or of the wrong type.
    #[error("`{0}` is missing or not {1}")]
    Value(String, &'static str),
    /// An upload that cannot be used.
    #[error("`{0}`: {1}")]
    Upload(String, serde_json::Error),
}

/// The document: header, compose, and the uploads by variant and arch, sorted.
pub fn to_json(uploads: &[CloudUpload], identity: &ComposeIdentity) -> Value {
    let mut sorted: Vec<&CloudUpload> = uploads.iter().collect();
    sorted.sort();
    let mut variants: BTreeMap<&str, BTreeMap<&str, Vec<&CloudUpload>>> = BTreeMap::new();
    for upload in sorted {
        variants.entry(&upload.variant).or_default().entry(&upload.arch).or_default().push(upload);
    }
    let mut payload = Map::new();
    payload.insert("compose".to_owned(), Value::Object(compose_block(identity)));
    payload.insert("uploads".to_owned(), json!(variants));
    json!({"header": {"type": TYPE, "version": VERSION}, "payload": payload})
}

/// Reads a cloud-uploads.json; `None` when there is none.
pub fn load_cloud_uploads(path: &Path) -> Result<Option<Vec<CloudUpload>>, CloudUploadsError> {
    load_manifest(path, MAX_BYTES, parse_cloud_uploads)
}

/// Reads the text of a cloud-uploads.json of version 1.x: the uploads, in the order of the document.
pub fn parse_cloud_uploads(text: &str) -> Result<Vec<CloudUpload>, CloudUploadsProblem> {
    let mut document: Value = serde_json::from_str(text)?;
    check_header(&document, TYPE, 1..=1, (0, 0))?;
    let listed = document.get_mut("payload").and_then(|payload| payload.get_mut("uploads")).map(Value::take);
    let mut uploads = Vec::new();
    for (variant, arches) in object(listed, "payload.uploads".to_owned())? {
        let at = format!("payload.uploads.{variant}");
        for (arch, list) in object(Some(arches), at.clone())? {
            let at = format!("{at}.{arch}");
            let Value::Array(list) = list else { return Err(CloudUploadsProblem::Value(at, "a list")) };
            for (index, item) in list.into_iter().enumerate() {
                let upload = serde_json::from_value(item)
                    .map_err(|error| CloudUploadsProblem::Upload(format!("{at}.{index}"), error))?;
                uploads.push(upload);
            }
        }
    }
    Ok(uploads)
}

fn object(value: Option<Value>, at: String) -> Result<Map<String, Value>, CloudUploadsProblem> {
    match value {
        Some(Value::Object(map)) => Ok(map),
        _ => Err(CloudUploadsProblem::Value(at, "an object")),
    }
}

#[cfg(test)]
mod tests;
