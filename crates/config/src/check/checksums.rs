//! The options of the `image_checksum` phase (facts: options 12): algorithms that we can compute, a base name that can be made.

use super::options::ConfigOptions;
use super::path::At;
use super::values::{Findings, quoted};
use crate::base_name;
use crate::codes;
use crate::compose_config::ChecksumConfig;
use crate::diagnostic::Diagnostic;
use crate::tree::Node;

/// The algorithms, by hashlib's names.
pub const ALGORITHMS: &[&str] = &[
    "md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_224", "sha3_256", "sha3_384", "sha3_512", "blake2b",
    "blake2s",
];

/// Those that hashlib also takes in capitals.
const ANY_CASE: &[&str] = &["md5", "sha1", "sha224", "sha256", "sha384", "sha512"];

/// What the base name may be made of; `dirname` only when there is one file per directory.
const BASE_NAME_KEYS: &[&str] = &[
    "compose_id",
    "release_short",
    "version",
    "date",
    "respin",
    "type",
    "type_suffix",
    "label",
    "label_major_version",
    "variant",
    "arch",
    "dirname",
];

/// Checks `media_checksums`.
pub fn check_algorithms(node: &Node, at: At<'_>, findings: &mut Findings) {
    let Some(names) = findings.texts(node, at) else { return };
    if names.is_empty() {
        let message = "no checksum algorithm is named, and images.json has at least one checksum of an image";
        let found = Diagnostic::new(&codes::UNKNOWN_CHECKSUM, at.to_string(), message).at(node.span);
        findings.add(found.help("name one, such as sha256"));
    }
    for (index, name) in names.iter().enumerate() {
        let lower = name.value.to_ascii_lowercase();
        let known = ALGORITHMS.contains(&name.as_str()) || ANY_CASE.contains(&lower.as_str());
        if known {
            continue;
        }
        let message = format!("{} is not a checksum algorithm", quoted(name.as_str()));
        let found = Diagnostic::new(&codes::UNKNOWN_CHECKSUM, at.item(index).to_string(), message).at(name.span);
        let near = crate::did_you_mean::suggest(&lower, ALGORITHMS.iter().copied());
        findings.add(match near {
            Some(near) => found.help(format!("did you mean `{near}`?")),
            None => found.help(format!("known are {}", ALGORITHMS.join(", "))),
        });
    }
}

/// Checks `media_checksum_base_filename` by formatting it.
pub fn check_base_name(node: &Node, at: At<'_>, one_file: bool, findings: &mut Findings) {
    let Some(template) = findings.text(node, at) else { return };
    let lookup = |key: &str| (BASE_NAME_KEYS.contains(&key) && (one_file || key != "dirname")).then(|| "1".to_owned());
    let bad = |message: String| Diagnostic::new(&codes::BAD_BASE_NAME, at.to_string(), message).at(template.span);
    match base_name::format(template.as_str(), &lookup) {
        Ok(name) if name.contains(['/', '\0']) => {
            let found = bad(format!("{} makes no file name", quoted(template.as_str())));
            findings.add(found.help("the files lie beside the images, so there is no slash in it"));
        }
        Ok(_) => {}
        Err(error) => {
            let known = BASE_NAME_KEYS.iter().filter(|key| one_file || **key != "dirname");
            let mut help = format!("known keys are {}", known.copied().collect::<Vec<_>>().join(", "));
            if !one_file && template.as_str().contains("dirname") {
                help.push_str("; `dirname` needs `media_checksum_one_file = True`");
            }
            findings.add(bad(error.to_string()).help(help));
        }
    }
}

pub fn config(options: &ConfigOptions<'_>) -> Option<ChecksumConfig> {
    Some(ChecksumConfig {
        algorithms: options.texts("media_checksums"),
        one_file: options.is_true("media_checksum_one_file"),
        base_filename: options.text("media_checksum_base_filename")?,
    })
}

/// `media_checksum_one_file` means one algorithm.
pub fn check_one_file(options: &ConfigOptions<'_>, findings: &mut Findings) {
    let Some(node) = options.get("media_checksums").filter(|_| options.is_true("media_checksum_one_file")) else {
        return;
    };
    let count = node.as_array().map_or(1, <[Node]>::len);
    if count != 1 {
        let message = format!("`media_checksum_one_file` needs one algorithm in `media_checksums`, found {count}");
        let found = Diagnostic::new(&codes::ONE_CHECKSUM, "media_checksums", message).at(node.span);
        findings.add(match options.key_span("media_checksum_one_file") {
            Some(span) => found.related(span, "asked for here"),
            None => found,
        });
    }
}
