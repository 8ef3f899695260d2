//! How a command can end badly, and the exit status of each way (docs/design.md; facts: command-line 3).

use magudi_config::{Diagnostic, Sources};
use std::fmt;

/// A command's unhappy end.
#[derive(Debug)]
pub enum Failure {
    /// The command line or its surroundings are wrong: exit status 2.
    Usage(String),
    /// Something else is wrong: exit status 1.
    Failed(String),
    /// The configuration is wrong: exit status 1. The diagnostics say how.
    Invalid(Box<Invalid>),
    /// The user knows already: exit status 1.
    Told,
}

/// What was found wrong with a configuration.
#[derive(Debug)]
pub struct Invalid {
    pub diagnostics: Vec<Diagnostic>,
    /// The files that they point into.
    pub sources: Sources,
}

impl Failure {
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Failed(_) | Self::Invalid(_) | Self::Told => 1,
        }
    }

    /// A failure for an error of any kind.
    pub fn failed(error: impl fmt::Display) -> Self {
        Self::Failed(error.to_string())
    }

    pub fn invalid(diagnostics: Vec<Diagnostic>, sources: Sources) -> Self {
        Self::Invalid(Box::new(Invalid { diagnostics, sources }))
    }

    /// One line that says what is wrong, as `fail-to-start` notifications carry it (facts: notifications 5).
    pub fn detail(&self) -> String {
        match self {
            Self::Usage(text) | Self::Failed(text) => text.clone(),
            Self::Invalid(_) => "Config validation failed".to_owned(),
            Self::Told => String::new(),
        }
    }
}
