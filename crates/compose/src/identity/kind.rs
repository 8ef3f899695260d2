//! A *compose type* says what a compose is for; all but production composes show it in their id.

use std::fmt;
use std::str::FromStr;

/// The type of a compose (facts: compose 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ComposeType {
    /// For the public.
    Production,
    /// From the production package set, every night.
    Nightly,
    /// For trying out.
    Test,
    /// Continuous integration.
    Ci,
    /// A development version of a production compose.
    Development,
}

/// A text that is not a compose type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown compose type '{0}'; it must be one of production, nightly, test, ci, development")]
pub struct UnknownComposeType(pub String);

impl ComposeType {
    pub const ALL: [Self; 5] = [Self::Production, Self::Nightly, Self::Test, Self::Ci, Self::Development];

    /// The name, as configurations and manifests write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Nightly => "nightly",
            Self::Test => "test",
            Self::Ci => "ci",
            Self::Development => "development",
        }
    }

    pub fn parse(name: &str) -> Result<Self, UnknownComposeType> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name).ok_or_else(|| UnknownComposeType(name.to_owned()))
    }

    /// What stands in a compose id between the date and the respin: empty, `.n`, `.t`, `.ci` or `.d`.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Production => "",
            Self::Nightly => ".n",
            Self::Test => ".t",
            Self::Ci => ".ci",
            Self::Development => ".d",
        }
    }
}

impl FromStr for ComposeType {
    type Err = UnknownComposeType;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::parse(name)
    }
}

impl fmt::Display for ComposeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
