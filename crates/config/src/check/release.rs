//! The *release* and the base product under it: what productmd asks of them (facts: options 7).

use super::options::ConfigOptions;
use super::path::At;
use super::values::{Findings, quoted};
use crate::codes;
use crate::compose_config::ReleaseConfig;
use crate::diagnostic::Diagnostic;
use crate::schema::RELEASE_TYPES;
use crate::source::{Spanned, Text};

pub fn check(options: &ConfigOptions<'_>, findings: &mut Findings) {
    check_part_of_id(options, "release_short", findings);
    check_version(options, "release_version", findings);
}

/// The compose id is the name of a directory, and a line of manifests.
fn check_part_of_id(options: &ConfigOptions<'_>, name: &str, findings: &mut Findings) {
    let Some(part) = options.text(name) else { return };
    if let Some(found) = part.value.chars().find(|c| *c == '/' || c.is_control()) {
        let message = format!("{} has the character {found:?}, which a compose id cannot have", quoted(part.as_str()));
        findings.add(Diagnostic::new(&codes::BAD_RELEASE, At::Root.key(name).to_string(), message).at(part.span));
    }
}

fn check_version(options: &ConfigOptions<'_>, name: &str, findings: &mut Findings) {
    let Some(version) = options.text(name) else { return };
    if !is_version(version.as_str()) {
        let message = format!("{} is not a version", quoted(version.as_str()));
        let found = Diagnostic::new(&codes::BAD_RELEASE, At::Root.key(name).to_string(), message).at(version.span);
        findings.add(found.help("write numbers joined by dots, or something that does not begin with a digit"));
    } else {
        check_part_of_id(options, name, findings);
    }
}

/// `^([^0-9].*|[0-9]+(\.[0-9]+)*)$`
fn is_version(text: &str) -> bool {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let numbers = |text: &str| text.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    match text.chars().next() {
        None => false,
        Some('0'..='9') => numbers(text),
        Some(first) => !text[first.len_utf8()..].contains('\n'),
    }
}

const BASE_PRODUCT: [&str; 3] = ["base_product_name", "base_product_short", "base_product_version"];

/// Checks what productmd asks of a base product.
pub fn check_base_product(options: &ConfigOptions<'_>, findings: &mut Findings) {
    if !BASE_PRODUCT.iter().any(|name| options.is_true(name)) {
        return;
    }
    check_part_of_id(options, "base_product_short", findings);
    check_version(options, "base_product_version", findings);
    if let Some(kind) = options.text("base_product_type")
        && !RELEASE_TYPES.contains(&kind.value.to_lowercase().as_str())
    {
        let message = format!("expected one of {}, found {}", RELEASE_TYPES.join(", "), quoted(kind.as_str()));
        findings.add(Diagnostic::new(&codes::BAD_RELEASE, "base_product_type", message).at(kind.span));
    }
}

pub fn release(options: &ConfigOptions<'_>) -> Option<ReleaseConfig> {
    Some(ReleaseConfig {
        name: options.text("release_name")?,
        short: options.text("release_short")?,
        version: options.text("release_version")?,
        kind: lower(options.text("release_type")?),
        internal: options.is_true("release_internal"),
    })
}

pub fn base_product(options: &ConfigOptions<'_>) -> Option<ReleaseConfig> {
    if !BASE_PRODUCT.iter().all(|name| options.is_true(name)) {
        return None;
    }
    let [name, short, version] = BASE_PRODUCT;
    Some(ReleaseConfig {
        name: options.text(name)?,
        short: options.text(short)?,
        version: options.text(version)?,
        kind: lower(options.text("base_product_type")?),
        internal: false,
    })
}

fn lower(text: Text) -> Text {
    Spanned::new(text.value.to_lowercase().into(), text.span)
}

#[cfg(test)]
mod tests {
    use super::is_version;

    #[test]
    fn versions() {
        for good in ["9", "9.2", "1.2.3", "rawhide", "Rawhide 9.x", "-", "9\n"] {
            assert!(is_version(good), "{good:?}");
        }
        for bad in ["", "9.x", "9.", ".".repeat(0).as_str(), "9..2", "9 ", "a\nb"] {
            assert!(!is_version(bad), "{bad:?}");
        }
    }
}
