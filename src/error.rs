//! How a command can end badly, and the exit status of each way (docs/design.md; facts: command-line 3).
//!
//! An error keeps its type up to here: which way it is follows from that type, and what is said of it is made once, by [`words`].

use magudi_config::{Diagnostic, Sources};
use std::error::Error;

/// An error of any type, with what caused it; of a `String` one that is only its words.
pub type Cause = Box<dyn Error + Send + Sync>;

/// A command's unhappy end.
#[derive(Debug)]
pub enum Failure {
    /// The command line or its surroundings are wrong: exit status 2.
    Usage(Cause),
    /// Something else is wrong: exit status 1.
    Failed(Cause),
    /// The configuration is wrong: exit status 1. The diagnostics say how.
    Invalid(Box<Invalid>),
    /// The user knows already: exit status 1.
    Told,
}

/// What could not be done, and why.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
struct Undone {
    what: String,
    source: Cause,
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

    /// A failure for an error whose type does not say so.
    pub fn failed(error: impl Into<Cause>) -> Self {
        Self::Failed(error.into())
    }

    /// A failure to do `what`, such as "cannot write FILE", because of `cause`.
    pub fn because(what: impl Into<String>, cause: impl Into<Cause>) -> Self {
        Self::failed(Undone { what: what.into(), source: cause.into() })
    }

    /// A wrong use for an error whose type does not say so.
    pub fn usage(error: impl Into<Cause>) -> Self {
        Self::Usage(error.into())
    }

    pub fn invalid(diagnostics: Vec<Diagnostic>, sources: Sources) -> Self {
        Self::Invalid(Box::new(Invalid { diagnostics, sources }))
    }

    /// One line that says what is wrong, as `fail-to-start` notifications carry it (facts: notifications 5).
    pub fn detail(&self) -> String {
        match self {
            Self::Usage(error) | Self::Failed(error) => words(&**error),
            Self::Invalid(_) => "Config validation failed".to_owned(),
            Self::Told => String::new(),
        }
    }
}

/// What there is to say of an error: its words, then those of each cause that are not among them yet. Ours are whole, since
/// events, diagnostics and the journal have them alone; those of libraries often are not.
pub fn words(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    for cause in std::iter::successors(error.source(), |cause| (*cause).source()) {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
    }
    text
}

/// Says which way errors of these types are; of a type of ours beside it.
macro_rules! kinds {
    ($kind:ident: $($error:ty),+ $(,)?) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::$kind(error.into())
            }
        })+
    };
}

pub(crate) use kinds;

kinds! { Usage:
    magudi_compose::identity::BadDate,
    magudi_compose::identity::BadLabel,
    magudi_phases::chosen::BadPattern,
}

kinds! { Failed:
    std::io::Error,
    serde_json::Error,
    magudi_compose::cloud_uploads::CloudUploadsError,
    magudi_compose::composeinfo::ComposeinfoError,
    magudi_compose::confined::ConfinedError,
    magudi_compose::images::ImagesError,
    magudi_compose::opening::OpeningError,
    magudi_compose::published::NotACompose,
    magudi_compose::status::StatusError,
    magudi_compose::write::WriteError,
    magudi_engine::cts::RegisterError,
    magudi_engine::journal::JournalError,
    magudi_engine::lock::LockError,
    magudi_koji::KojiError,
    magudi_koji::ProfileError,
    magudi_phases::existing_manifests::ExistingError,
}

#[cfg(feature = "simulator")]
kinds! { Failed:
    magudi_devhub::HubError,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read {path}{}", if *.is_whole { format!(": {source}") } else { String::new() })]
    struct Reading {
        path: &'static str,
        is_whole: bool,
        source: Parsing,
    }

    #[derive(Debug, thiserror::Error)]
    #[error("line 3 is odd")]
    struct Parsing(#[source] io::Error);

    #[test]
    fn every_cause_is_said_once() {
        for is_whole in [true, false] {
            let error = Reading { path: "/a", is_whole, source: Parsing(io::Error::other("no memory")) };
            assert_eq!(words(&error), "cannot read /a: line 3 is odd: no memory", "{is_whole}");
        }
        assert_eq!(Failure::failed("alone".to_owned()).detail(), "alone");
    }

    #[test]
    fn the_type_of_an_error_says_the_exit_status() {
        let status = |failure: Failure| failure.exit_code();
        assert_eq!(status(io::Error::other("x").into()), 1);
        assert_eq!(status(magudi_compose::identity::Label::parse("no label").unwrap_err().into()), 2);
    }
}
