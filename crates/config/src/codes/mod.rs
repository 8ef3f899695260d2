//! The *codes*: the stable ids of all diagnostics, each with its severity, a title, an explanation and an example. An id is
//! never given a second meaning. `docs/diagnostics.md` is [`to_markdown`].
//!
//! `MG0xx` text and schema, `MG1xx` variants, `MG2xx` what the phases find, `MG3xx` the run's surroundings.

mod table;

use std::fmt::Write;
pub use table::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; nothing needs to be done.
    Note,
    /// Works, but is probably not what was meant.
    Warning,
    /// Nothing is submitted.
    Error,
}

impl Severity {
    /// As it is printed: `error`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A stable id and what is said about it.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// `MG001` and so on.
    pub id: &'static str,
    pub severity: Severity,
    /// A few words.
    pub title: &'static str,
    /// A paragraph in Markdown.
    pub text: &'static str,
    /// What gets the diagnostic.
    pub example: Example,
}

/// A piece of text that gets a diagnostic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Example {
    /// Lines of a `.conf` file that is good otherwise.
    Conf(&'static str),
    /// Lines of a YAML file that is good otherwise.
    Yaml(&'static str),
    Variants(&'static str),
}

impl Code {
    /// The severity and the text, as a paragraph in Markdown.
    pub fn paragraph(&self) -> String {
        let severity = match self.severity {
            Severity::Error => "Error",
            Severity::Warning => "Warning",
            Severity::Note => "Note",
        };
        format!("*{severity}.* {}", self.text)
    }
}

impl Example {
    /// The piece of text.
    pub fn text(&self) -> &'static str {
        match self {
            Self::Conf(text) | Self::Yaml(text) | Self::Variants(text) => text,
        }
    }
}

const GROUPS: &[(&str, &str)] =
    &[("MG0", "Text and options"), ("MG1", "Variants"), ("MG2", "Images"), ("MG3", "Surroundings")];

/// The longest line of a paragraph, in characters.
const WIDTH: usize = 120;

/// `docs/diagnostics.md`.
pub fn to_markdown() -> String {
    let mut out = "# Diagnostics\n\n".to_owned();
    out.push_str(&wrapped(
        "What `magudi check` says about a configuration, by the id in brackets (`error[MG001]`). `plan` and `run` say the same \
         and refuse what has an error; `check --strict` treats warnings as errors. Ids are stable.",
    ));
    out.push_str("\n\n<!-- Made by: cargo run -p magudi-config --example diagnostics > docs/diagnostics.md -->\n");
    // Writing into a string cannot fail.
    for (prefix, heading) in GROUPS {
        let _ = writeln!(out, "\n| {heading} | | |\n| --- | --- | --- |");
        for code in ALL.iter().filter(|code| code.id.starts_with(prefix)) {
            let _ =
                writeln!(out, "| [{0}](#{1}) | {2} | {3} |", code.id, anchor(code), code.severity.as_str(), code.title);
        }
    }
    for code in ALL {
        let language = match code.example {
            Example::Conf(_) => "python",
            Example::Yaml(_) => "yaml",
            Example::Variants(_) => "xml",
        };
        let (text, source) = (wrapped(&code.paragraph()), code.example.text());
        let _ = write!(out, "\n## {}: {}\n\n{text}\n\n```{language}\n{source}\n```\n", code.id, code.title);
    }
    out
}

/// A paragraph in lines as long as those of the other documents.
fn wrapped(text: &str) -> String {
    let mut out = String::new();
    let mut width = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > WIDTH {
            out.push('\n');
            width = 0;
        } else if width > 0 {
            out.push(' ');
            width += 1;
        }
        out.push_str(word);
        width += length;
    }
    out
}

/// The anchor that Markdown renderers give a heading.
fn anchor(code: &Code) -> String {
    let heading = format!("{}: {}", code.id, code.title).to_lowercase();
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_sorted() {
        for pair in ALL.windows(2) {
            assert!(pair[0].id < pair[1].id, "{} before {}", pair[0].id, pair[1].id);
        }
    }

    #[test]
    fn every_code_is_in_a_group_and_reads_well() {
        for code in ALL {
            assert!(GROUPS.iter().any(|(prefix, _)| code.id.starts_with(prefix)), "{}", code.id);
            assert!(!code.title.ends_with('.') && code.text.ends_with('.'), "{}", code.id);
            assert!(!code.text.contains("  "), "{}", code.id);
        }
        assert_eq!(anchor(&SYNTAX), "mg001-the-text-is-not-in-its-syntax");
    }
}
