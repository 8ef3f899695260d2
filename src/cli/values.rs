//! The *values* of options, and the errors for invalid ones.

use magudi_compose::{ManifestVersion, Status};
use magudi_config::schema::{FORMER_PHASES, PHASES};
use std::time::Duration;

/// A status of a compose; another one would mean that there is never a link.
pub fn status_name() -> impl clap::builder::TypedValueParser<Value = String> {
    use clap::builder::TypedValueParser as _;
    clap::builder::PossibleValuesParser::new(Status::ALL.map(Status::as_str)).map(|name: String| name)
}

/// A command and its options.
pub type Words = Vec<String>;

/// A command line as a shell reads it.
pub fn words(text: &str) -> Result<Words, String> {
    let words = shlex::split(text).ok_or("a quote is not closed")?;
    if words.is_empty() { Err("a command is missing".to_owned()) } else { Ok(words) }
}

/// A time such as `90m`, `1h 30m` or `600` (seconds).
pub fn duration(text: &str) -> Result<Duration, String> {
    let wanted = "give a time such as 90m, 2h or 600 (seconds)";
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    let duration: jiff::SignedDuration = text.parse().map_err(|_| wanted)?;
    Duration::try_from(duration).map_err(|_| wanted.to_owned())
}

/// A whole number.
pub fn integer(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| "give a whole number".to_owned())
}

/// An address to listen on.
#[cfg(feature = "simulator")]
pub fn address(text: &str) -> Result<std::net::SocketAddr, String> {
    text.parse().map_err(|_| "give an address and a port, as in 127.0.0.1:8080".to_owned())
}

/// A number of per cent.
pub fn percent(text: &str) -> Result<f64, String> {
    let number: f64 = text.trim_end_matches('%').trim().parse().map_err(|_| format!("`{text}` is not a number"))?;
    if number.is_finite() && number >= 0.0 {
        Ok(number)
    } else {
        Err(format!("`{text}` is not a number of at least 0"))
    }
}

/// A version of manifests.
pub fn manifest_version() -> impl clap::builder::TypedValueParser<Value = ManifestVersion> {
    use clap::builder::TypedValueParser as _;
    let versions = ManifestVersion::ALL.map(ManifestVersion::as_str);
    clap::builder::PossibleValuesParser::new(versions).map(|text| ManifestVersion::parse(&text).unwrap_or_default())
}

/// `IMAGE=TASK`.
pub fn adoption(text: &str) -> Result<(String, i64), String> {
    let (image, task) = text.rsplit_once('=').ok_or("give an image and a task, as in disk=1234")?;
    let id = task.parse().ok().filter(|id| *id > 0).ok_or_else(|| format!("`{task}` is not a task id"))?;
    if image.is_empty() { Err("an image is missing before the `=`".to_owned()) } else { Ok((image.to_owned(), id)) }
}

/// A phase that Pungi has, or had.
pub fn phase_name() -> impl clap::builder::TypedValueParser<Value = String> {
    use clap::builder::{PossibleValue, TypedValueParser as _};
    let former = FORMER_PHASES.into_iter().map(|name| PossibleValue::new(name).hide(true));
    let phases = PHASES.into_iter().map(PossibleValue::new).chain(former);
    clap::builder::PossibleValuesParser::new(phases).map(|name: String| name)
}
