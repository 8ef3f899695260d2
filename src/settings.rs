//! *Settings* are what the program was told, resolved: command line over environment over default. Nothing else reads the
//! environment.

use crate::error::Failure;
use magudi_koji::profile::ProfileLocations;
use std::fmt;
use std::path::{Path, PathBuf};

/// A text that is never shown.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// The text, for the one who sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What the environment says.
#[derive(Debug, Clone)]
pub struct Environment {
    /// `HOME`: where the user's koji configuration is.
    pub home: Option<PathBuf>,
    /// `SOURCE_DATE_EPOCH`: freezes the compose date.
    pub source_date_epoch: Option<i64>,
    /// `MAGUDI_KOJI_PASSWORD`.
    pub koji_password: Option<Secret>,
    /// `NO_COLOR` is set and not empty.
    pub no_color: bool,
    /// `TERM` is `dumb`.
    pub dumb_terminal: bool,
    /// `USER`, for the head of the log.
    pub user: Option<String>,
}

impl Environment {
    /// Reads the environment. A `SOURCE_DATE_EPOCH` that is no number is a usage error.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn load() -> Result<Self, Failure> {
        let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let source_date_epoch = match text("SOURCE_DATE_EPOCH") {
            None => None,
            Some(value) => Some(value.trim().parse().map_err(|_| {
                Failure::Usage(format!("SOURCE_DATE_EPOCH is `{value}`, not a number of seconds since 1970"))
            })?),
        };
        Ok(Self {
            home: std::env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from),
            source_date_epoch,
            koji_password: text("MAGUDI_KOJI_PASSWORD").map(Secret),
            no_color: text("NO_COLOR").is_some(),
            dumb_terminal: text("TERM").is_some_and(|term| term == "dumb"),
            user: text("USER").or_else(|| text("LOGNAME")),
        })
    }

    /// Where koji's configuration is looked for (KOJI.md 9).
    pub fn profile_locations(&self, config_override: Option<&Path>) -> ProfileLocations {
        ProfileLocations {
            config_override: config_override.map(Path::to_path_buf),
            ..ProfileLocations::standard(self.home.clone())
        }
    }
}
