//! A *bounded read* takes in a whole file of text, but never an endless one; a manifest is such a file, and its error says which
//! file cannot be used.

use magudi_config::regular;
use serde_json::Value;
use std::io::{self, Read as _};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// A manifest that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use {}: {problem}", path.display())]
pub struct ManifestError<P: std::error::Error> {
    pub path: PathBuf,
    pub problem: P,
}

/// What `parse` makes of the text of a manifest of at most `max` bytes; `None` when there is no such file.
pub(crate) fn load_manifest<T, P: std::error::Error + From<io::Error>>(
    path: &Path,
    max: u64,
    parse: impl FnOnce(&str) -> Result<T, P>,
) -> Result<Option<T>, ManifestError<P>> {
    let parsed = match load_text(path, max) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => Err(P::from(error)),
        Ok(text) => parse(&text),
    };
    parsed.map(Some).map_err(|problem| ManifestError { path: path.to_path_buf(), problem })
}

/// A file of at most `max` bytes.
pub(crate) fn load_bytes(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    let file = regular::open(path)?;
    // Room for all of it at once: what grows bit by bit is copied each time, and has twice the room at its end.
    let expected = file.metadata()?.len().min(max).saturating_add(1);
    let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or(0));
    file.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {} MiB", max >> 20)));
    }
    Ok(bytes)
}

/// The text of a file of at most `max` bytes; without the byte order mark that some editors put in front.
pub(crate) fn load_text(path: &Path, max: u64) -> io::Result<String> {
    let bytes = load_bytes(path, max)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        io::Error::new(io::ErrorKind::InvalidData, format!("it is not UTF-8 from byte {at} on"))
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// What is wrong with a text that is not JSON.
pub(crate) fn json_problem(error: &serde_json::Error) -> String {
    if !error.is_eof() {
        format!("it is not JSON: {error}")
    } else if (error.line(), error.column()) == (1, 0) {
        "it is empty".to_owned()
    } else {
        format!("it ends too early, in line {}: it may have been cut off", error.line())
    }
}

/// A header that is not the one that was expected: what it says.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OtherHeader(String);

/// The version in the header of a manifest, major and minor number, if its major number is one of `majors` and it is of `kind`. That
/// stands in headers from version `typed_from` on.
pub(crate) fn check_header(
    document: &Value,
    kind: &str,
    majors: RangeInclusive<u32>,
    typed_from: (u32, u32),
) -> Result<(u32, u32), OtherHeader> {
    let found = document.get("header").and_then(|header| header.get("type")).and_then(Value::as_str);
    format_version(document)
        .filter(|version| majors.contains(&version.0) && (*version < typed_from || found == Some(kind)))
        .ok_or_else(|| OtherHeader(found_header(document)))
}

fn format_version(document: &Value) -> Option<(u32, u32)> {
    let version = document.get("header")?.get("version")?.as_str()?;
    let (major, minor) = version.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn found_header(document: &Value) -> String {
    let text = |key: &str| document.get("header").and_then(|header| header.get(key)).and_then(Value::as_str);
    match (text("type"), text("version")) {
        (None, None) => "it has no header".to_owned(),
        (Some(kind), Some(version)) => format!("its header says {} {}", kind.escape_debug(), version.escape_debug()),
        (kind, version) => format!("its header says {} only", kind.or(version).unwrap_or_default().escape_debug()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};

    #[test]
    fn reads_bounded_utf8() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "\u{feff}<variants/>").unwrap();
        assert_eq!(load_text(&path, 1 << 20).unwrap(), "<variants/>");
        fs::write(&path, b"<a>\xe9</a>").unwrap();
        assert_eq!(load_text(&path, 1 << 20).unwrap_err().to_string(), "it is not UTF-8 from byte 3 on");
        File::create(&path).unwrap().set_len((1 << 20) + 1).unwrap();
        assert_eq!(load_text(&path, 1 << 20).unwrap_err().to_string(), "it is larger than 1 MiB");
        assert!(load_text(dir.path(), 1).is_err());
    }
}
