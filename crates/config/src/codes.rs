//! The stable ids of all diagnostics. An id is never given a second meaning; `docs/diagnostics.md` explains each.
//!
//! `MG0xx` syntax and schema, `MG1xx` variants, `MG2xx` what the phases find, `MG3xx` the run's surroundings.

use crate::diagnostic::Severity;

/// A stable id.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// `MG001` and so on.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $id:literal $severity:ident;)*) => {
        $($(#[$doc])* pub static $name: Code = Code { id: $id, severity: Severity::$severity };)*
        /// Every code, in the order of ids.
        pub static ALL: &[&Code] = &[$(&$name),*];
    };
}

codes! {
    /// The text is not in the configuration language.
    SYNTAX = "MG001" Error;
    /// A file, or one that it includes, cannot be read.
    UNREADABLE = "MG002" Error;
    /// A value has the wrong type.
    WRONG_TYPE = "MG003" Error;
    /// A value is not one of the allowed ones.
    NOT_ALLOWED = "MG004" Error;
    /// A required key is missing.
    MISSING_KEY = "MG005" Error;
    /// A key that an object does not take.
    UNEXPECTED_KEY = "MG006" Error;
    /// A list has too few or too many items.
    WRONG_LENGTH = "MG007" Error;
    /// An option needs another one.
    REQUIRES = "MG008" Error;
    /// Two options exclude each other.
    CONFLICTS = "MG009" Error;
    /// `upload_options` fit none of the five kinds.
    UPLOAD_OPTIONS = "MG010" Error;
    /// A top-level option that nobody knows.
    UNKNOWN_OPTION = "MG011" Warning;
    /// An option that was removed and has no effect.
    DEPRECATED = "MG012" Warning;
    /// A value that productmd refuses for a release (PUNGI.md 2.2).
    BAD_RELEASE = "MG013" Error;
    /// An unknown checksum algorithm.
    UNKNOWN_CHECKSUM = "MG014" Error;
    /// An unknown key in `media_checksum_base_filename`.
    BAD_BASE_NAME = "MG015" Error;
    /// `media_checksum_one_file` with more or less than one algorithm.
    ONE_CHECKSUM = "MG016" Error;
    /// The configuration holds more than we are willing to work through.
    TOO_LARGE = "MG017" Error;
    /// A bare word that YAML 1.1 reads as a boolean.
    YAML_WORD = "MG018" Warning;
    /// Two strings in brackets without a comma between them.
    ADJACENT_STRINGS = "MG019" Warning;
    /// A string with a prefix, which becomes part of it.
    STRING_PREFIX = "MG020" Warning;
    /// A string in triple quotes, four of which become part of it.
    TRIPLE_QUOTES = "MG021" Warning;
    /// A string with an escape that is not read.
    KEPT_ESCAPE = "MG022" Warning;
    /// `upload_options` of another cloud than the image type's.
    UPLOAD_CLOUD = "MG023" Error;
    /// An image type that is a slip of a known one.
    UNKNOWN_IMAGE_TYPE = "MG024" Warning;

    /// The variants file cannot be read.
    VARIANTS_UNREADABLE = "MG101" Error;
    /// The variants file is not what variants.dtd asks for.
    VARIANTS_INVALID = "MG102" Error;
    /// An arch that productmd does not know.
    UNKNOWN_ARCH = "MG103" Error;

    /// A variant pattern is not a regular expression.
    BAD_PATTERN = "MG201" Error;
    /// A pattern matches no variant.
    UNUSED_PATTERN = "MG202" Warning;
    /// A repository names a variant that does not exist.
    UNKNOWN_VARIANT = "MG203" Error;
    /// A version or release generator that does not exist.
    UNKNOWN_GENERATOR = "MG204" Error;
    /// No build target anywhere.
    MISSING_TARGET = "MG205" Error;
    /// No arch is left for an image.
    NO_ARCH = "MG206" Warning;
    /// A `manifest_type` that productmd refuses.
    BAD_MANIFEST_TYPE = "MG207" Error;
    /// A `manifest_type` that does not go with the image's format.
    ODD_MANIFEST_TYPE = "MG208" Warning;
    /// Two images that readers of images.json could not tell apart.
    SAME_IDENTITY = "MG209" Warning;
    /// Two images that ask for the same name, version and release.
    SAME_NVR = "MG210" Error;
    /// A value that cannot be sent to a hub.
    NOT_SENDABLE = "MG211" Error;

    /// The Koji profile is missing or unknown.
    BAD_PROFILE = "MG301" Error;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_sorted() {
        for pair in ALL.windows(2) {
            assert!(pair[0].id < pair[1].id, "{} before {}", pair[0].id, pair[1].id);
        }
    }
}
