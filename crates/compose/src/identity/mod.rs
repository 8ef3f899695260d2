//! An *identity* is what tells a compose from every other: its release, the product under it, date, type and respin.

mod date;
mod kind;
mod label;
mod parts;

pub use date::{BadDate, compose_date};
pub use kind::{ComposeType, UnknownComposeType};
pub use label::{BadLabel, Label, MILESTONES};
pub use parts::IdParts;

use magudi_config::ComposeConfig;
use magudi_config::compose_config::ReleaseConfig;

/// A release, or the product that a layered release stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    pub name: String,
    /// The short name, part of the compose id.
    pub short: String,
    pub version: String,
    /// The type, lower-case: `ga`, `updates`, ...
    pub kind: String,
    /// Whether it is not for the public; false for a base product.
    pub internal: bool,
}

impl Product {
    /// `SHORT-VERSION[-TYPE]`; `ga` is not shown (facts: compose 1).
    fn id(&self) -> String {
        let suffix = if self.kind.is_empty() || self.kind == "ga" { String::new() } else { format!("-{}", self.kind) };
        format!("{}-{}{suffix}", self.short, self.version)
    }
}

impl From<&ReleaseConfig> for Product {
    fn from(config: &ReleaseConfig) -> Self {
        Self {
            name: config.name.as_str().to_owned(),
            short: config.short.as_str().to_owned(),
            version: config.version.as_str().to_owned(),
            kind: config.kind.value.to_lowercase(),
            internal: config.internal,
        }
    }
}

/// What tells a compose from every other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComposeIdentity {
    pub release: Product,
    /// The product that a layered release stands on.
    pub base_product: Option<Product>,
    /// The day, `YYYYMMDD`.
    pub date: String,
    pub kind: ComposeType,
    /// Which compose of that day and type it is, from 0.
    pub respin: u32,
    /// The milestone.
    pub label: Option<Label>,
    /// Whether it is a supported one: a label of a final milestone, or asked for.
    pub is_final: bool,
}

impl ComposeIdentity {
    /// The identity of the first compose of `date` for a configuration. `supported` asks for a supported compose; labels
    /// of final milestones do that too.
    pub fn from_config(
        config: &ComposeConfig,
        date: String,
        kind: ComposeType,
        label: Option<Label>,
        supported: bool,
    ) -> Self {
        Self {
            release: Product::from(&config.release),
            base_product: config.base_product.as_ref().map(Product::from),
            date,
            kind,
            respin: 0,
            is_final: supported || label.as_ref().is_some_and(Label::is_final),
            label,
        }
    }

    /// The compose id (facts: compose 1): `Test-9.2-20240229.n.0`.
    pub fn id(&self) -> String {
        let base = self.base_product.as_ref().map(|base| format!("-{}", base.id())).unwrap_or_default();
        format!("{}{base}-{}{}.{}", self.release.id(), self.date, self.kind.suffix(), self.respin)
    }

    /// What the id shows of the compose type: empty, `.n`, `.t`, `.ci` or `.d`.
    pub fn type_suffix(&self) -> &'static str {
        self.kind.suffix()
    }

    /// The version that a generator gives an image (facts: expansion 8): the release's, with the milestone of a label other than
    /// RC.
    pub fn image_version(&self) -> String {
        match &self.label {
            Some(label) if label.milestone() != "RC" => format!("{}_{}", self.release.version, label.milestone()),
            _ => self.release.version.clone(),
        }
    }

    /// The release that a generator gives an image (facts: expansion 9): the label's version, or date, type and respin.
    pub fn image_release(&self) -> String {
        match &self.label {
            Some(label) => label.version().to_owned(),
            None => format!("{}{}.{}", self.date, self.type_suffix(), self.respin),
        }
    }

    /// Whether the release stands on a base product.
    pub fn is_layered(&self) -> bool {
        self.base_product.is_some()
    }
}

#[cfg(test)]
pub(crate) fn test_identity() -> ComposeIdentity {
    ComposeIdentity {
        release: Product {
            name: "Test Release".to_owned(),
            short: "Test".to_owned(),
            version: "9.2".to_owned(),
            kind: "ga".to_owned(),
            internal: false,
        },
        base_product: None,
        date: "20240229".to_owned(),
        kind: ComposeType::Test,
        respin: 0,
        label: None,
        is_final: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_show_type_and_base_product() {
        let mut identity = test_identity();
        assert_eq!(identity.id(), "Test-9.2-20240229.t.0");
        for (kind, id) in ComposeType::ALL.into_iter().zip([
            "Test-9.2-20240229.0",
            "Test-9.2-20240229.n.0",
            "Test-9.2-20240229.t.0",
            "Test-9.2-20240229.ci.0",
            "Test-9.2-20240229.d.0",
        ]) {
            identity.kind = kind;
            assert_eq!(identity.id(), id);
            assert_eq!(ComposeType::parse(kind.as_str()), Ok(kind));
        }
        identity.kind = ComposeType::Nightly;
        identity.respin = 12;
        identity.release.kind = "updates-testing".to_owned();
        identity.base_product = Some(Product {
            name: "Base".to_owned(),
            short: "BP".to_owned(),
            version: "8".to_owned(),
            kind: "eus".to_owned(),
            internal: false,
        });
        assert_eq!(identity.id(), "Test-9.2-updates-testing-BP-8-eus-20240229.n.12");
        assert!(ComposeType::parse("Test").is_err());
    }

    #[test]
    fn versions_follow_the_label() {
        let mut identity = test_identity();
        for (label, version, release) in [
            (None, "9.2", "20240229.t.0"),
            (Some("Beta-1.2"), "9.2_Beta", "1.2"),
            (Some("RC-1.0"), "9.2", "1.0"),
            (Some("Update-3.4"), "9.2_Update", "3.4"),
            (Some("SecurityFix-3.4"), "9.2_SecurityFix", "3.4"),
        ] {
            identity.label = label.map(|text| Label::parse(text).unwrap());
            assert_eq!((identity.image_version().as_str(), identity.image_release().as_str()), (version, release));
        }
    }
}
