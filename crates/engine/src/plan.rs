//! A *plan* is what a run is going to ask of the hub: a list of task requests in expansion order, frozen, serialisable, and
//! made without any network. What `magudi plan` prints is what `magudi run` submits, to the byte.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// One call that will become one task on the hub.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskRequest {
    /// The phase that asks, as Pungi names it.
    pub phase: String,
    /// Uid of the variant that the images belong to.
    pub variant: String,
    /// Subvariant of the images.
    pub subvariant: String,
    /// Whether the compose goes on without these images (PUNGI.md 8).
    pub failable: bool,
    /// The hub method, `osbuildImage`.
    pub method: String,
    /// Positional arguments, as they go over the wire.
    pub args: Vec<Json>,
    /// The struct sent as keyword argument `opts`.
    pub opts: Map<String, Json>,
    /// What the images are called in the manifest instead of their archive type (`manifest_type`).
    #[serde(skip)]
    pub image_type: Option<String>,
}

impl TaskRequest {
    /// The image name: the first argument.
    pub fn name(&self) -> &str {
        self.args.first().and_then(Json::as_str).unwrap_or_default()
    }

    /// The arches that one task builds: the last argument.
    pub fn arches(&self) -> Vec<&str> {
        match self.args.last() {
            Some(Json::Array(arches)) => arches.iter().filter_map(Json::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// How messages call it: image and variant.
    pub fn label(&self) -> String {
        format!("{} of variant {}", self.name(), self.variant)
    }
}
