//! *Loading*: which syntax a file is in, and how files are read (facts: language 1).

use crate::codes;
use crate::conf::{self, Reader};
use crate::diagnostic::Diagnostic;
use crate::json;
use crate::limits;
use crate::regular;
use crate::source::{FileId, Sources};
use crate::tree::{Dict, Node};
use crate::yaml;
use std::fs::File;
use std::io::Read;
use std::path::Path;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    Conf,
    Json,
    /// YAML, which Pungi does not read.
    Yaml,
}

impl Syntax {
    /// The syntax that a file's name asks for: JSON for exactly `.json`, YAML for `.yaml` and `.yml`, else the configuration
    /// language.
    pub fn of(path: &Path) -> Self {
        let name = path.file_name().map(std::ffi::OsStr::as_encoded_bytes).unwrap_or_default();
        if name.ends_with(b".json") {
            Self::Json
        } else if name.ends_with(b".yaml") || name.ends_with(b".yml") {
            Self::Yaml
        } else {
            Self::Conf
        }
    }
}

/// Reads a configuration file and everything that it includes. The result is a dict. What is doubtful about the text alone is
/// remarked upon in `sources`.
pub fn load_config(path: &Path, sources: &mut Sources) -> Result<Node, Vec<Diagnostic>> {
    let read: Reader<'_> = &load_bytes;
    let file = add_file(path, sources, &load_named).map_err(|problem| vec![problem])?;
    parse_config(file, sources, read)
}

/// Reads a file of one JSON object, whatever its name: one that a command line names beside a configuration, or instead.
pub fn load_json(path: &Path, sources: &mut Sources) -> Result<Node, Diagnostic> {
    let file = add_file(path, sources, &load_named)?;
    json::parse_json(file, sources)
}

/// Reads configuration text, in the syntax that its path asks for.
pub fn parse_config(file: FileId, sources: &mut Sources, read: Reader<'_>) -> Result<Node, Vec<Diagnostic>> {
    match Syntax::of(&sources.file(file).path) {
        Syntax::Conf => conf::parse_conf(file, sources, read, &Dict::default()),
        Syntax::Json => json::parse_json(file, sources).map_err(|problem| vec![problem]),
        Syntax::Yaml => yaml::parse_yaml(file, sources).map_err(|problem| vec![problem]),
    }
}

/// The bytes of a file, at most one more than [`limits::MAX_FILE`].
pub fn load_bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    bytes_of(regular::open(path)?)
}

/// The same of what a command line names.
fn load_named(path: &Path) -> std::io::Result<Vec<u8>> {
    bytes_of(regular::open_named(path)?)
}

fn bytes_of(file: File) -> std::io::Result<Vec<u8>> {
    let size = file.metadata().map_or(0, |data| data.len().min(limits::MAX_FILE));
    let mut bytes = Vec::with_capacity(size as usize + 1);
    file.take(limits::MAX_FILE + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads a file into `sources`; the diagnostic has no place unless it is in the file.
pub(crate) fn add_file(path: &Path, sources: &mut Sources, read: Reader<'_>) -> Result<FileId, Diagnostic> {
    let shown = path.display();
    let bytes = read(path).map_err(|error| {
        let reason = match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            std::io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
            _ => error.to_string(),
        };
        Diagnostic::new(&codes::UNREADABLE, "", format!("cannot read {shown}: {reason}"))
    })?;
    if bytes.len() as u64 > limits::MAX_FILE {
        let message = format!("cannot read {shown}: it is larger than {} MiB", limits::MAX_FILE >> 20);
        return Err(Diagnostic::new(&codes::UNREADABLE, "", message));
    }
    let read = String::from_utf8(bytes).map_err(|error| {
        let before = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = before.split(|byte| *byte == b'\n').count();
        let message = format!("cannot read {shown}: line {line} is not UTF-8");
        Diagnostic::new(&codes::UNREADABLE, "", message).help("save the file as UTF-8")
    })?;
    Ok(sources.add_read(path, read))
}
