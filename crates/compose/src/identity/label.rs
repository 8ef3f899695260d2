//! A *label* names the milestone that a compose is a candidate for: `Beta-1.2`.

use std::fmt;
use std::str::FromStr;

/// The milestones that a label may name, from the earliest on (productmd 1.51).
pub const MILESTONES: [&str; 10] = [
    "EA",
    "DevelPhaseExit",
    "InternalAlpha",
    "Alpha",
    "InternalSnapshot",
    "Beta",
    "Snapshot",
    "RC",
    "Update",
    "SecurityFix",
];

/// The milestones whose composes are meant for production (facts: compose 3).
const FINAL_MILESTONES: [&str; 3] = ["RC", "Update", "SecurityFix"];

/// A milestone and a version of two numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    text: String,
    dash: usize,
}

/// A text that is not a label.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("label in unknown format: '{0}'; it must be a milestone and two numbers, e.g. RC-1.0; milestones: {milestones}", milestones = MILESTONES.join(", "))]
pub struct BadLabel(pub String);

impl Label {
    /// Reads `MILESTONE-NUMBER.NUMBER`.
    pub fn parse(text: &str) -> Result<Self, BadLabel> {
        let is_number = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        text.split_once('-')
            .filter(|(milestone, _)| MILESTONES.contains(milestone))
            .filter(|(_, version)| version.split_once('.').is_some_and(|(a, b)| is_number(a) && is_number(b)))
            .map(|(milestone, _)| Self { text: text.to_owned(), dash: milestone.len() })
            .ok_or_else(|| BadLabel(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `Beta` of `Beta-1.2`.
    pub fn milestone(&self) -> &str {
        self.text.get(..self.dash).unwrap_or_default()
    }

    /// `1.2` of `Beta-1.2`.
    pub fn version(&self) -> &str {
        self.text.get(self.dash + 1..).unwrap_or_default()
    }

    /// `Beta-1` of `Beta-1.2`.
    pub fn major(&self) -> &str {
        self.text.rsplit_once('.').map_or(&self.text, |(major, _)| major)
    }

    /// Whether composes of this milestone are supported ones by themselves.
    pub fn is_final(&self) -> bool {
        FINAL_MILESTONES.contains(&self.milestone())
    }
}

impl FromStr for Label {
    type Err = BadLabel;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_labels_of_productmd() {
        for milestone in MILESTONES {
            let label = Label::parse(&format!("{milestone}-12.3")).unwrap();
            assert_eq!((label.milestone(), label.version()), (milestone, "12.3"));
            assert_eq!(label.major(), format!("{milestone}-12"));
            assert_eq!(label.is_final(), ["RC", "Update", "SecurityFix"].contains(&milestone), "{milestone}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "", "GA-1.0", "RC", "RC-", "RC-1", "RC-1.", "RC-.1", "RC-1.0.0", "RC-1.0\n", "rc-1.0", " RC-1.0", "RC--1.0",
        ] {
            assert_eq!(Label::parse(text), Err(BadLabel(text.to_owned())));
        }
    }
}
