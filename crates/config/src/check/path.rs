//! A *path* to a value, as Pungi prints it: keys and indexes joined by dots (facts: options 4). Written out only when there is
//! something to say.

use crate::secret::is_hidden;
use std::fmt;

/// A step of a path with the way to it.
#[derive(Debug, Clone, Copy)]
pub enum At<'a> {
    Root,
    /// A key of what stands before.
    Key(&'a At<'a>, &'a str),
    /// An item of what stands before, from 0.
    Item(&'a At<'a>, usize),
}

/// Longer keys are cut in paths.
const MAX_KEY: usize = 256;

impl<'a> At<'a> {
    pub fn key(&'a self, key: &'a str) -> Self {
        Self::Key(self, key)
    }

    pub fn item(&'a self, index: usize) -> Self {
        Self::Item(self, index)
    }

    /// Whether values here are not shown: a key on the way says so.
    pub fn is_secret(&self) -> bool {
        match self {
            Self::Root => false,
            Self::Key(before, key) => is_hidden(key) || before.is_secret(),
            Self::Item(before, _) => before.is_secret(),
        }
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn dot(before: &At<'_>) -> &'static str {
            if matches!(before, At::Root) { "" } else { "." }
        }
        match self {
            Self::Root => Ok(()),
            Self::Key(before, key) => {
                write!(f, "{before}{}", dot(before))?;
                match key.char_indices().nth(MAX_KEY) {
                    Some((end, _)) => write!(f, "{}...", &key[..end]),
                    None => f.write_str(key),
                }
            }
            Self::Item(before, index) => write!(f, "{before}{}{index}", dot(before)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_dotted() {
        let root = At::Root;
        let osbuild = root.key("osbuild");
        let pattern = osbuild.key("^Server$");
        let image = pattern.item(0);
        assert_eq!(image.key("name").to_string(), "osbuild.^Server$.0.name");
        assert_eq!(root.to_string(), "");
        assert!(image.key("customizations").item(3).is_secret());
        assert!(root.key("signing_passphrase").is_secret());
        assert!(!image.is_secret());
    }
}
