//! *Versions and releases* of images: taken from the image, the phase's or the global default, or made by a generator
//! (facts: expansion 6, expansion 7).

use magudi_compose::identity::ComposeIdentity;

/// A rule that makes a version or release out of the compose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generator {
    /// `!RELEASE_FROM_LABEL_DATE_TYPE_RESPIN`
    ReleaseFromLabelDateTypeRespin,
    /// `!RELEASE_FROM_DATE_RESPIN`
    ReleaseFromDateRespin,
    /// `!OSTREE_VERSION_FROM_LABEL_DATE_TYPE_RESPIN`
    OstreeVersionFromLabelDateTypeRespin,
    /// `!VERSION_FROM_VERSION_DATE_RESPIN`
    VersionFromVersionDateRespin,
    /// `!VERSION_FROM_VERSION`
    VersionFromVersion,
}

pub const GENERATORS: &[(&str, Generator)] = &[
    ("!RELEASE_FROM_LABEL_DATE_TYPE_RESPIN", Generator::ReleaseFromLabelDateTypeRespin),
    ("!RELEASE_FROM_DATE_RESPIN", Generator::ReleaseFromDateRespin),
    ("!OSTREE_VERSION_FROM_LABEL_DATE_TYPE_RESPIN", Generator::OstreeVersionFromLabelDateTypeRespin),
    ("!VERSION_FROM_VERSION_DATE_RESPIN", Generator::VersionFromVersionDateRespin),
    ("!VERSION_FROM_VERSION", Generator::VersionFromVersion),
];

impl Generator {
    pub fn generate(self, compose: &ComposeIdentity) -> String {
        let (version, date, respin) = (&compose.release.version, &compose.date, compose.respin);
        match self {
            Self::ReleaseFromLabelDateTypeRespin => compose.image_release(),
            Self::ReleaseFromDateRespin => format!("{date}.{respin}"),
            Self::OstreeVersionFromLabelDateTypeRespin => {
                format!("{}.{}", compose.image_version(), compose.image_release())
            }
            Self::VersionFromVersionDateRespin => format!("{version}.{date}.{respin}"),
            Self::VersionFromVersion => version.clone(),
        }
    }
}

/// The name of a generator that there is none of.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown generator {0}")]
pub struct UnknownGenerator(pub String);

/// Resolves a text that may name a generator.
pub fn generate(text: &str, compose: &ComposeIdentity) -> Result<String, UnknownGenerator> {
    if !text.starts_with('!') {
        return Ok(text.to_owned());
    }
    GENERATORS
        .iter()
        .find(|(name, _)| *name == text)
        .map(|(_, generator)| generator.generate(compose))
        .ok_or_else(|| UnknownGenerator(text.to_owned()))
}
