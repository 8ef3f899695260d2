//! The *parts* of a compose id that can be read from it alone.

use super::ComposeType;

/// Date, type and respin, as a compose id ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdParts {
    /// The day, `YYYYMMDD`.
    pub date: String,
    pub kind: ComposeType,
    /// Which compose of that day and type it is; 0 where the id does not say.
    pub respin: u32,
}

impl IdParts {
    /// The parts of `id`, found as productmd finds them: from its last number of eight digits on. The long suffixes
    /// `.nightly` and `.test` are those of old composes.
    pub fn find(id: &str) -> Option<Self> {
        let is_digit = |at: usize| id.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
        let is_date = |at: usize| (at..at + 8).all(is_digit) && !is_digit(at + 8) && (at == 0 || !is_digit(at - 1));
        let at = (0..id.len()).rev().find(|at| is_date(*at))?;
        let (date, mut rest) = id.get(at..)?.split_at(8);
        let mut kind = ComposeType::Production;
        if let Some(word) = rest.strip_prefix('.').map(|rest| word(rest, |c| c.is_ascii_lowercase()))
            && !word.is_empty()
        {
            kind = match word {
                "n" | "nightly" => ComposeType::Nightly,
                "t" | "test" => ComposeType::Test,
                "ci" => ComposeType::Ci,
                "d" => ComposeType::Development,
                _ => return None,
            };
            rest = &rest[1 + word.len()..];
        }
        let respin = match rest.strip_prefix('.').map(|rest| word(rest, |c| c.is_ascii_digit())) {
            Some(digits) if !digits.is_empty() => digits.parse().ok()?,
            _ => 0,
        };
        Some(Self { date: date.to_owned(), kind, respin })
    }
}

/// The characters at the beginning of `text` that are `wanted`, all of them ASCII.
fn word(text: &str, wanted: impl Fn(char) -> bool) -> &str {
    &text[..text.find(|c| !wanted(c)).unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_an_id_is_understood() {
        for (id, expected) in [
            ("Test-9.2-20240229.t.0", Some(("20240229", ComposeType::Test, 0))),
            ("Ex-9-updates-BP-8-20250101.12", Some(("20250101", ComposeType::Production, 12))),
            ("Ex-20200101-20250101.n.3", Some(("20250101", ComposeType::Nightly, 3))),
            ("Ex-9-20250101.nightly", Some(("20250101", ComposeType::Nightly, 0))),
            ("Ex-9-20250101.ci.1", Some(("20250101", ComposeType::Ci, 1))),
            ("20250101", Some(("20250101", ComposeType::Production, 0))),
            ("Ex-9-20250101.weekly.1", None),
            ("Ex-9-20250101.n.5000000000", None),
            ("Ex-9-2025010.n.0", None),
            ("Exé-9", None),
            ("", None),
        ] {
            let found = IdParts::find(id);
            let found = found.as_ref().map(|parts| (parts.date.as_str(), parts.kind, parts.respin));
            assert_eq!(found, expected, "{id}");
        }
    }
}
