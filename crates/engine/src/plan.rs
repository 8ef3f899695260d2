//! A *plan* is what a run is going to ask of the hub: a list of task requests in expansion order, frozen, serialisable, and
//! made without any network. What `magudi plan` prints is what `magudi run` submits, to the byte.

use magudi_compose::SmallMap;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Options by name. A request has few, and a plan has many requests.
pub type Opts = SmallMap<Cow<'static, str>, Json>;

/// One call that will become one task on the hub.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskRequest {
    /// The phase that asks, as Pungi names it.
    pub phase: Cow<'static, str>,
    /// Uid of the variant that the images belong to.
    pub variant: String,
    /// Subvariant of the images.
    pub subvariant: String,
    /// Whether the compose goes on without these images (PUNGI.md 8).
    pub failable: bool,
    /// The hub method, `osbuildImage`.
    pub method: Cow<'static, str>,
    /// Positional arguments, as they go over the wire.
    pub args: Vec<Json>,
    /// The struct sent as keyword argument `opts`.
    pub opts: Opts,
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

    /// The image type as it is sent: a string, or the older form of a list of one.
    pub fn sent_type(&self) -> &str {
        match self.args.get(3) {
            Some(Json::Array(types)) => types.first().and_then(Json::as_str).unwrap_or_default(),
            Some(one) => one.as_str().unwrap_or_default(),
            None => "",
        }
    }

    /// Name, version and release of the build that is asked for; without the release when the hub is to choose it.
    pub fn nvr(&self) -> String {
        let version = self.args.get(1).and_then(Json::as_str).unwrap_or_default();
        match self.opts.get("release").and_then(Json::as_str) {
            Some(release) => format!("{}-{version}-{release}", self.name()),
            None => format!("{}-{version}", self.name()),
        }
    }

    /// Whether it asks composer for an upload besides Koji. `{}` does: it is a container with nothing more to say.
    pub fn uploads(&self) -> bool {
        self.opts.get("upload_options").is_some_and(|options| !options.is_null())
    }

    /// A digest of what is sent, under which a later run knows the request again. It gives nothing away of what may be
    /// secret in it.
    pub fn digest(&self) -> String {
        let sent = serde_json::json!([self.phase, self.variant, self.method, self.args, self.opts]);
        let mut digest = Sha256::new();
        digest.update(sent.to_string().as_bytes());
        digest.finalize().iter().take(16).fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
    }

    /// How messages call it: image and variant.
    pub fn label(&self) -> String {
        format!("{} of variant {}", self.name(), self.variant)
    }
}

/// A key for each request, equal in every run of the same plan: its digest, and which of several equal ones it is.
pub fn keys(requests: &[TaskRequest]) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    requests
        .iter()
        .map(|request| {
            let digest = request.digest();
            let number = seen.entry(digest.clone()).or_default();
            *number += 1;
            format!("{digest}-{number}")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_tell_equal_requests_apart_and_stay_the_same() {
        let request = |version: &str| TaskRequest {
            phase: "osbuild".into(),
            variant: "Server".into(),
            subvariant: "Server".into(),
            failable: false,
            method: "osbuildImage".into(),
            args: vec![json!("disk"), json!(version)],
            opts: Opts::default(),
            image_type: None,
        };
        let plan = [request("1"), request("2"), request("1")];
        let all = keys(&plan);
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), 3);
        assert_eq!(all, keys(&plan));
        assert_eq!(all[0].split('-').next(), all[2].split('-').next());
    }
}
