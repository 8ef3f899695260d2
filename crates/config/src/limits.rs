//! The *limits* of what is read: generous for people, small enough that no file can take the machine down.

/// The largest file, in bytes.
pub const MAX_FILE: u64 = 64 << 20;

/// What all files of one configuration may have together, in bytes; a file that is included twice counts twice.
pub const MAX_TOTAL: usize = 256 << 20;

/// How many times files are included in one configuration.
pub const MAX_INCLUDES: usize = 2_000;

/// How deep includes may go.
pub const MAX_INCLUDE_DEPTH: usize = 50;

/// How deep values may be nested, by brackets or through variables. Pungi gives up near 480 (facts: language 10).
pub const MAX_DEPTH: u32 = 450;

/// How much text the format expressions of one configuration may make, in bytes.
pub const MAX_FORMATTED: usize = 16 << 20;

/// How many values a configuration may have when every variable is written out where it is used.
pub const MAX_EXPANDED: u64 = 5_000_000;

/// How many entries merge keys may copy in one YAML file.
pub const MAX_MERGED: usize = 1_000_000;

/// How many remarks are kept about the text of one configuration.
pub const MAX_REMARKS: usize = 1_000;

/// How many images all patterns have together.
pub const MAX_IMAGES: usize = 100_000;
