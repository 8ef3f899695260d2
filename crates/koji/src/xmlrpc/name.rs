//! *Names* of members, and of what else there are very many of.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

/// The longest name that needs no room of its own, in bytes: as long as what fits beside the length into the size of a `String`.
const SHORT: usize = 22;

/// The name of a member of a struct, or of something else that has a short name, such as an arch or a version. There is one for
/// each value of a large answer; a short one needs no allocation.
#[derive(Clone)]
pub struct Name(Text);

#[derive(Clone)]
enum Text {
    /// The first bytes are the name.
    Short(u8, [u8; SHORT]),
    Long(Box<str>),
}

impl Name {
    /// The name as bytes, which costs less than as text.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Text::Short(length, bytes) => bytes.get(..usize::from(*length)).unwrap_or_default(),
            Text::Long(text) => text.as_bytes(),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            // Made of a text, so it is one.
            Text::Short(..) => str::from_utf8(self.as_bytes()).unwrap_or_default(),
            Text::Long(text) => text,
        }
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        let mut bytes = [0; SHORT];
        match (bytes.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(text.as_bytes());
                Self(Text::Short(length, bytes))
            }
            _ => Self(Text::Long(text.into())),
        }
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        if text.len() > SHORT { Self(Text::Long(text.into())) } else { Self::from(text.as_str()) }
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        self
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        self
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Name {}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

/// By code points, as strings are.
impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// As that of its text.
impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_their_texts() {
        let texts = ["", "a", "b", "caf\u{e9}", &"x".repeat(SHORT), &"x".repeat(SHORT + 1), &"\u{e9}".repeat(12), "xx"];
        for a in texts {
            assert_eq!(Name::from(a).as_str(), a);
            assert_eq!(Name::from(a.to_owned()), Name::from(a));
            assert_eq!(format!("{:?} {0}", Name::from(a)), format!("{a:?} {a}"));
            for b in texts {
                let (name, other) = (Name::from(a), Name::from(b));
                assert_eq!(name.cmp(&other), a.cmp(b), "{a} {b}");
                assert_eq!((name == other, name == b), (a == b, a == b), "{a} {b}");
            }
        }
        assert_eq!(size_of::<Name>(), size_of::<String>());
    }
}
