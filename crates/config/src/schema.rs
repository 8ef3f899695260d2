//! The *schema*: every key that Pungi knows, with its type and its default (facts: options 1). The top-level keys of every
//! compose are [`KEYS`]; those of a phase, and what stands in its section, are the phase's own table ([`section`]). From these tables come the
//! checks ([`check`](mod@crate::check)), the JSON Schema, the defaults of a dump, "did you mean" and the page for users.

pub mod images;
mod options;
mod rules;
pub mod section;

pub use options::{KEYS, SCM, VARIANTS_KEYS};
pub use rules::{RULES, Rule, When};
pub(crate) use section::fills;
pub use section::{Layout, Schema, Section};

/// The names of phases that `--just-phase`, `--skip-phase` and `skip_phases` take: Pungi's, whether or not we run them.
pub const PHASES: [&str; 19] = [
    "init",
    "pkgset",
    "buildinstall",
    "gather",
    "extra_files",
    "createrepo",
    "ostree_installer",
    "ostree",
    "ostree_container",
    "createiso",
    "extra_isos",
    "image_build",
    "live_media",
    "kiwibuild",
    "imagebuilder",
    "osbuild",
    "image_checksum",
    "repoclosure",
    "test",
];

/// Phases that Pungi had: their names are still taken, with a warning, since there is nothing to skip.
pub const FORMER_PHASES: [&str; 4] = ["productimg", "live_images", "osbs", "image_container"];

/// What `skip_phases` takes.
const SKIPPABLE: &[&str] = &{
    let mut all = [""; PHASES.len() + FORMER_PHASES.len()];
    let mut next = 0;
    while next < all.len() {
        all[next] = if next < PHASES.len() { PHASES[next] } else { FORMER_PHASES[next - PHASES.len()] };
        next += 1;
    }
    all
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Anything.
    Any,
    Text,
    TextOrNull,
    Choice(&'static [&'static str]),
    Boolean,
    /// A number, not a boolean.
    Number,
    /// A number without a fraction.
    Integer,
    NumberOf(&'static [i64]),
    NumberOrText,
    Texts,
    /// A string or a list of strings.
    TextOrTexts,
    Object,
    /// A dict with these keys and no others.
    Dict(&'static [Key]),
    /// A dict with these keys, and others of which nothing is known.
    Open(&'static [Key]),
    /// A URL. `#HEAD` or `#origin/BRANCH` behind that of a Git repository is the newest commit there.
    Url,
    /// A dict of names, none of them empty, each with a value of this kind.
    Map(&'static Kind),
    /// The same, where an empty name may stand for anything.
    OpenMap(&'static Kind),
    /// A dict whose keys that begin with `module`, have `comps` in them or end with `json` have values of this kind.
    Sources(&'static Kind),
    List(&'static Kind),
    /// The same with at least one item.
    NonEmptyList(&'static Kind),
    Either(&'static [Kind]),
    /// What holds for some variants and arches: pairs of a pattern of variants and a dict of arches, with values of this kind.
    PerArch(&'static Kind),
    /// A path, or a dict that says where to export a file from.
    TextOrScm,
    /// The same for the file of variants, which must be named.
    VariantsFile,
    /// Pairs of a path prefix and what replaces it.
    Pairs,
    /// An image type of composer ([`images`]), or a list of one.
    ImageType,
    /// A list of repositories, each a string or a dict with these keys, one of which is `baseurl`.
    Repositories(&'static [Key]),
    /// The options of one of five clouds ([`images::UPLOADS`]): the one that images go to whose type is under the key `of`.
    UploadOptions {
        /// The key of the same image with its type ([`Kind::ImageType`]).
        of: &'static str,
    },
    /// A repository as Koji's own image tasks take it, or a list of them: strings, or dicts with these keys.
    KojiRepositories(&'static [Key]),
    /// An image format, or a list of formats, or of lists that begin with one.
    Formats,
    /// Removed: anything is accepted and does nothing. The text says what to do instead.
    Removed(&'static str),
    /// The same for what belonged to a phase that newer versions of Pungi do not have.
    Gone {
        /// The first version without it.
        since: &'static str,
        instead: &'static str,
    },
}

/// What stands in the configuration when a key does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Default {
    /// Nothing.
    Absent,
    Boolean(bool),
    Number(i64),
    Text(&'static str),
    Texts(&'static [&'static str]),
    ListOfNull,
    /// An empty dict.
    EmptyDict,
}

/// Where the value of an image comes from that does not have a key itself: from the key of the phase (`PHASE_KEY`), else from
/// the global one (`global_KEY`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// From nowhere.
    Nowhere,
    /// The first that is there, whatever its value (facts: options 8).
    Present,
    /// The first that is true to Python: an empty string counts as absent.
    True,
}

/// A key of the top level, or of a dict below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    pub name: &'static str,
    pub kind: Kind,
    /// What stands for it when it is absent.
    pub default: Default,
    /// Whether it must be there.
    pub required: bool,
    /// For a key of an image: where its value comes from when the image does not have it.
    pub fallback: Fallback,
    /// Its older name: a value under that stands for its own.
    pub alias: Option<&'static str>,
    /// Other older names: a value under one of them is put behind its own.
    pub appended: &'static [&'static str],
    /// What it is, for users and editors; empty for keys that magudi does nothing with.
    pub about: &'static str,
}

impl Key {
    /// The same key with a description.
    #[must_use]
    pub const fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    /// The same key with an older name.
    #[must_use]
    pub const fn alias(self, alias: &'static str) -> Self {
        Self { alias: Some(alias), ..self }
    }

    /// The same key, behind whose value those of other keys are put.
    #[must_use]
    pub const fn appended(self, appended: &'static [&'static str]) -> Self {
        Self { appended, ..self }
    }

    /// The same key, whose value is the phase's or the global one where an image has none.
    #[must_use]
    pub const fn or_inherited(self) -> Self {
        Self { fallback: Fallback::Present, ..self }
    }

    /// The same, where a value that is not true to Python counts as none.
    #[must_use]
    pub const fn or_inherited_if_true(self) -> Self {
        Self { fallback: Fallback::True, ..self }
    }
}

/// Values of `release_type`, which productmd also asks of a base product.
pub const RELEASE_TYPES: &[&str] = &["fast", "ga", "updates", "updates-testing", "eus", "aus", "els", "tus", "e4s"];
/// Values of `compose_type`.
pub const COMPOSE_TYPES: &[&str] = &["test", "ci", "nightly", "production", "development"];
/// Values of `link_type`.
pub const LINK_TYPES: &[&str] = &["hardlink", "copy", "hardlink-or-copy", "symlink", "abspath-symlink"];

/// A key that may be absent.
pub const fn opt(name: &'static str, kind: Kind) -> Key {
    let (default, fallback) = (Default::Absent, Fallback::Nowhere);
    Key { name, kind, default, required: false, fallback, alias: None, appended: &[], about: "" }
}

/// A key that must be there.
pub const fn req(name: &'static str, kind: Kind) -> Key {
    Key { required: true, ..opt(name, kind) }
}

/// A key with a default.
pub const fn with(name: &'static str, kind: Kind, default: Default) -> Key {
    Key { default, ..opt(name, kind) }
}

/// A boolean with a default.
pub const fn flag(name: &'static str, default: bool) -> Key {
    with(name, Kind::Boolean, Default::Boolean(default))
}

/// Phases that make images and are Pungi's work, each with the option by which a configuration asks for it; one that ends in
/// `_` stands for all that begin so.
pub const OF_PUNGI: &[(&str, &str)] = &[
    ("buildinstall", "buildinstall_method"),
    ("createiso", "createiso_"),
    ("extra_isos", "extra_isos"),
    ("ostree", "ostree"),
    ("ostree_container", "ostree_container"),
    ("ostree_installer", "ostree_installer"),
];
