//! *INI files* as Python's `ConfigParser` reads them (facts: koji 28): comments on lines of their own, values that continue on
//! deeper lines, `[DEFAULT]`, `%(name)s` and `%%`. Every value knows its file and line.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How deep `%(name)s` may lead, Python's limit.
const MAX_INTERPOLATION_DEPTH: usize = 10;

/// How many `%(name)s` one value may take.
const MAX_INTERPOLATIONS: usize = 1000;

/// How long a value may grow by interpolation, in bytes.
const MAX_VALUE: usize = 64 * 1024;

const DEFAULT_SECTION: &str = "DEFAULT";

/// What is wrong with `%(name)s` in a value.
#[derive(Debug, thiserror::Error)]
enum InterpolationError {
    #[error("`%(...)s` is nested deeper than {MAX_INTERPOLATION_DEPTH} values")]
    TooDeep,
    #[error("more than {MAX_INTERPOLATIONS} times `%(...)s`")]
    TooMany,
    #[error("longer than {MAX_VALUE} bytes")]
    TooLong,
    /// What it begins with.
    #[error("`{0}` is not `%(name)s`")]
    NoName(String),
    #[error("`%({0})s` names no setting")]
    NoSetting(String),
    #[error("`%` must be followed by `%` or `(`; write `%%` for a percent sign")]
    LonePercent,
}

/// A line that cannot be read, or a value that is not of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}: {message}", .path.display())]
pub struct IniError {
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
    pub message: String,
}

/// A value as written, and where.
#[derive(Debug, Clone)]
pub struct Setting {
    value: String,
    path: PathBuf,
    line: usize,
}

type Settings = BTreeMap<String, Setting>;

/// The sections of one or more files.
#[derive(Debug, Default)]
pub struct Ini {
    defaults: Settings,
    sections: BTreeMap<String, Settings>,
}

impl Ini {
    /// Adds the sections of a file. Its settings win over those that are already there; within the file nothing may be
    /// said twice.
    pub fn read(&mut self, path: &Path, text: &str) -> Result<(), IniError> {
        let fail = |line: usize, message: String| IniError { path: path.to_owned(), line, message };
        let mut seen_sections = BTreeSet::new();
        // By the number of the section in this file; [DEFAULT], which may be in several places, is none of those.
        let mut seen_keys = BTreeSet::new();
        let mut section_number = 0;
        let mut section: Option<String> = None;
        let mut key: Option<String> = None;
        let mut indent = 0;
        // Python ends a line at a lone CR too.
        let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n");
        for (number, line) in (1..).zip(text.lines()) {
            let value = line.trim();
            if value.starts_with(['#', ';']) {
                continue;
            }
            if value.is_empty() {
                // An empty line belongs to the value, if the value continues after it.
                if let Some(setting) = self.current(section.as_deref(), key.as_deref()) {
                    setting.value.push('\n');
                }
                continue;
            }
            let own_indent = line.chars().take_while(|c| c.is_whitespace()).count();
            if own_indent > indent
                && let Some(setting) = self.current(section.as_deref(), key.as_deref())
            {
                setting.value.push('\n');
                setting.value.push_str(value);
                continue;
            }
            indent = own_indent;
            if let Some(name) = section_name(value) {
                if name != DEFAULT_SECTION && !seen_sections.insert(name.to_owned()) {
                    return Err(fail(number, format!("the section [{name}] is in this file twice")));
                }
                if name != DEFAULT_SECTION {
                    self.sections.entry(name.to_owned()).or_default();
                }
                section_number = if name == DEFAULT_SECTION { 0 } else { seen_sections.len() };
                section = Some(name.to_owned());
                key = None;
                continue;
            }
            if value.starts_with('[') && !value.contains(['=', ':', ']']) {
                return Err(fail(number, "the name of a section ends with `]`".to_owned()));
            }
            let Some(owner) = section.as_deref() else {
                return Err(fail(number, "a setting before the first [section]".to_owned()));
            };
            let Some(at) = value.find(['=', ':']) else {
                return Err(fail(number, "expected `key = value`, `[section]` or a comment".to_owned()));
            };
            let (name, rest) = value.split_at(at);
            let name = name.trim_end().to_lowercase();
            if name.is_empty() {
                return Err(fail(number, "a value without a key".to_owned()));
            }
            if !seen_keys.insert((section_number, name.clone())) {
                return Err(fail(number, format!("`{name}` is set twice in [{owner}]")));
            }
            let written = rest.get(1..).unwrap_or_default().trim().to_owned();
            let setting = Setting { value: written, path: path.to_owned(), line: number };
            if let Some(settings) = self.settings_mut(owner) {
                settings.insert(name.clone(), setting);
            }
            key = Some(name);
        }
        Ok(())
    }

    fn settings_mut(&mut self, section: &str) -> Option<&mut Settings> {
        if section == DEFAULT_SECTION { Some(&mut self.defaults) } else { self.sections.get_mut(section) }
    }

    fn current(&mut self, section: Option<&str>, key: Option<&str>) -> Option<&mut Setting> {
        self.settings_mut(section?)?.get_mut(key?)
    }

    /// The names of the sections, without `DEFAULT`.
    pub fn sections(&self) -> impl Iterator<Item = &str> {
        self.sections.keys().map(String::as_str)
    }

    pub fn section(&self, name: &str) -> Option<Section<'_>> {
        Some(Section { own: self.sections.get(name)?, defaults: &self.defaults })
    }
}

/// The name in a section header. As in Python, what follows the last bracket is passed over.
fn section_name(line: &str) -> Option<&str> {
    let end = line.rfind(']')?;
    line.get(..end)?.strip_prefix('[').filter(|name| !name.is_empty())
}

/// A section with the defaults behind it.
#[derive(Debug, Clone, Copy)]
pub struct Section<'a> {
    own: &'a Settings,
    defaults: &'a Settings,
}

impl<'a> Section<'a> {
    fn setting(&self, key: &str) -> Option<&'a Setting> {
        self.own.get(key).or_else(|| self.defaults.get(key))
    }

    /// An error about the value of `key`.
    pub fn error(&self, key: &str, message: impl Into<String>) -> IniError {
        self.wrong(key, format!("`{key}`: {}", message.into()))
    }

    /// The same, in words that name the key.
    pub fn wrong(&self, key: &str, message: String) -> IniError {
        match self.setting(key) {
            Some(setting) => IniError { path: setting.path.clone(), line: setting.line, message },
            None => IniError { path: PathBuf::new(), line: 0, message },
        }
    }

    /// Whether the section or the defaults have `key`.
    pub fn has(&self, key: &str) -> bool {
        self.setting(key).is_some()
    }

    /// The keys of the section and of the defaults.
    pub fn keys(&self) -> impl Iterator<Item = &'a str> {
        let own = self.own;
        let inherited = self.defaults.keys().filter(|key| !own.contains_key(*key));
        own.keys().chain(inherited).map(String::as_str)
    }

    /// The value of `key` with everything put in; nothing if it is absent.
    pub fn text(&self, key: &str) -> Result<Option<String>, IniError> {
        let Some(setting) = self.setting(key) else { return Ok(None) };
        let mut out = String::new();
        let mut steps = 0;
        self.interpolate(setting.value.trim_end(), &mut out, 1, &mut steps)
            .map_err(|error| self.error(key, error.to_string()))?;
        Ok(Some(out))
    }

    /// The value of `key`; nothing if it is absent or empty.
    pub fn filled(&self, key: &str) -> Result<Option<String>, IniError> {
        Ok(self.text(key)?.filter(|text| !text.is_empty()))
    }

    fn interpolate(
        &self,
        text: &str,
        out: &mut String,
        depth: usize,
        steps: &mut usize,
    ) -> Result<(), InterpolationError> {
        if depth > MAX_INTERPOLATION_DEPTH {
            return Err(InterpolationError::TooDeep);
        }
        let mut rest = text;
        while let Some(at) = rest.find('%') {
            let (before, from) = rest.split_at(at);
            out.push_str(before);
            if let Some(after) = from.strip_prefix("%%") {
                out.push('%');
                rest = after;
            } else if let Some(named) = from.strip_prefix("%(") {
                let (name, after) = named
                    .split_once(")s")
                    .filter(|(name, _)| !name.is_empty() && !name.contains(')'))
                    .ok_or_else(|| InterpolationError::NoName(crate::xmlrpc::shorten(from)))?;
                let name = name.to_lowercase();
                let target = self.setting(&name).ok_or(InterpolationError::NoSetting(name))?;
                *steps += 1;
                if *steps > MAX_INTERPOLATIONS {
                    return Err(InterpolationError::TooMany);
                }
                let value = target.value.trim_end();
                // As in Python, a value in which nothing is to be put is not another level.
                if value.contains('%') {
                    self.interpolate(value, out, depth + 1, steps)?;
                } else {
                    out.push_str(value);
                }
                rest = after;
            } else {
                return Err(InterpolationError::LonePercent);
            }
            if out.len() > MAX_VALUE {
                return Err(InterpolationError::TooLong);
            }
        }
        out.push_str(rest);
        Ok(())
    }

    /// A truth value as Python's `getboolean` reads it.
    pub fn boolean(&self, key: &str) -> Result<Option<bool>, IniError> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        match text.to_lowercase().as_str() {
            "1" | "yes" | "true" | "on" => Ok(Some(true)),
            "0" | "no" | "false" | "off" => Ok(Some(false)),
            _ => Err(self.error(key, format!("`{}` is neither true nor false", crate::xmlrpc::shorten(&text)))),
        }
    }

    /// An integer as Python's `int` reads it.
    pub fn integer(&self, key: &str) -> Result<Option<i64>, IniError> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        crate::xmlrpc::parse_int(&text).map(Some).map_err(|error| self.error(key, error.to_string()))
    }

    /// A number that is not negative.
    pub fn number(&self, key: &str) -> Result<Option<u32>, IniError> {
        let Some(number) = self.integer(key)? else { return Ok(None) };
        u32::try_from(number).map(Some).map_err(|_| self.error(key, format!("{number} is not from 0 to {}", u32::MAX)))
    }

    /// A number of seconds.
    pub fn seconds(&self, key: &str) -> Result<Option<Duration>, IniError> {
        Ok(self.number(key)?.map(|seconds| Duration::from_secs(u64::from(seconds))))
    }
}
