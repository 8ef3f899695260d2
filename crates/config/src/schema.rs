//! The *schema*: every key that Pungi knows, with its type and its default (PUNGI.md 2). Here are the top-level keys of every
//! compose; those of a phase, and what stands in its section, are the phase's own table ([`section`]). From these tables come the
//! checks ([`check`](mod@crate::check)), the JSON Schema, the defaults of a dump, "did you mean" and the page for users.

pub mod images;
pub mod section;

pub use section::{Layout, Schema, Section};

/// The names of phases that `--just-phase`, `--skip-phase` and `skip_phases` take: Pungi's, whether or not we run them.
pub const PHASES: [&str; 21] = [
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
    "live_images",
    "image_build",
    "live_media",
    "kiwibuild",
    "imagebuilder",
    "osbuild",
    "osbs",
    "image_container",
    "image_checksum",
    "repoclosure",
];

/// Phases that Pungi has removed and still takes the names of.
const FORMER_PHASES: &[&str] = &["productimg", "test"];

/// Whether a phase has, or had, this name.
pub fn is_phase(name: &str) -> bool {
    PHASES.contains(&name) || FORMER_PHASES.contains(&name)
}

/// What a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Anything; the key belongs to a phase that is not ours.
    Any,
    /// A string.
    Text,
    /// A string or null.
    TextOrNull,
    /// One of these strings.
    Choice(&'static [&'static str]),
    /// True or false.
    Boolean,
    /// A number, not a boolean.
    Number,
    /// A number without a fraction.
    Integer,
    /// A number or a string.
    NumberOrText,
    /// A list or tuple of anything.
    Array,
    /// A list of strings.
    Texts,
    /// A string or a list of strings.
    TextOrTexts,
    /// A dict of anything.
    Object,
    /// A dict with these keys and no others.
    Dict(&'static [Key]),
    /// A dict with these keys, and others of which nothing is known.
    Open(&'static [Key]),
    /// A dict or a string.
    ObjectOrText,
    /// A dict or one of these strings.
    ObjectOrChoice(&'static [&'static str]),
    /// A URL. `#HEAD` or `#origin/BRANCH` behind that of a Git repository is the newest commit there.
    Url,
    /// A dict of names, each with a value of this kind.
    Map(&'static Kind),
    /// A list of this kind.
    List(&'static Kind),
    /// A value of one of these kinds.
    Either(&'static [Kind]),
    /// What holds for some variants and arches: pairs of a pattern of variants and a dict of arches, with values of this kind.
    PerArch(&'static Kind),
    /// A path, or a dict that says where to export a file from.
    TextOrScm,
    /// The same for the file of variants, which must be named.
    VariantsFile,
    /// Pairs of a path prefix and what replaces it.
    Pairs,
    /// An image type of osbuild-composer, or a list of one.
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
        /// What to do instead.
        instead: &'static str,
    },
}

/// What stands in the configuration when a key does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Default {
    /// Nothing.
    Absent,
    /// A boolean.
    Boolean(bool),
    /// A number.
    Number(i64),
    /// A string.
    Text(&'static str),
    /// A list of strings.
    Texts(&'static [&'static str]),
    /// A list of one null.
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
    /// The first that is there, whatever its value (PUNGI.md 5).
    Present,
    /// The first that is true to Python: an empty string counts as absent.
    True,
}

/// A key of the top level, or of a dict below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What stands for it when it is absent.
    pub default: Default,
    /// Whether it must be there.
    pub required: bool,
    /// For a key of an image: where its value comes from when the image does not have it.
    pub fallback: Fallback,
    /// What it is, for users and editors; empty for keys of phases that are not ours.
    pub about: &'static str,
}

impl Key {
    /// The same key with a description.
    #[must_use]
    pub const fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
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

/// Families of options that newer versions of Pungi know, each with all options that begin with its name and `_`. Their
/// phases are not ours, and nothing has recorded their types.
const NEWER: &[&str] = &["ostree_container", "cts_oidc"];

/// Whether an option is one of a newer Pungi than the one that [`KEYS`] is of.
pub fn is_newer(name: &str) -> bool {
    let is_of = |family: &&str| name.strip_prefix(*family).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'));
    name == "pkgset_inherit_exclusive_arch_to_noarch" || NEWER.iter().any(is_of)
}

/// Values of `release_type`, which productmd also asks of a base product.
pub const RELEASE_TYPES: &[&str] = &["fast", "ga", "updates", "updates-testing", "eus", "aus", "els", "tus", "e4s"];
/// Values of `compose_type`.
pub const COMPOSE_TYPES: &[&str] = &["test", "ci", "nightly", "production", "development"];
/// Values of `link_type`.
pub const LINK_TYPES: &[&str] = &["hardlink", "copy", "hardlink-or-copy", "symlink", "abspath-symlink"];
const RUNROOT_METHODS: &[&str] = &["local", "koji", "openssh"];
const GATHER_METHODS: &[&str] = &["deps", "nodeps", "hybrid"];
const VOLUME_IDS: &[&str] = &["{release_short}-{version} {variant}.{arch}", "{release_short}-{version} {arch}"];
const LAYERED_VOLUME_IDS: &[&str] = &[
    "{release_short}-{version} {base_product_short}-{base_product_version} {variant}.{arch}",
    "{release_short}-{version} {base_product_short}-{base_product_version} {arch}",
];

const EMPTY: Default = Default::Texts(&[]);
const KOJI: &str = "remove it: Koji is asked instead";

/// A key that may be absent.
pub const fn opt(name: &'static str, kind: Kind) -> Key {
    Key { name, kind, default: Default::Absent, required: false, fallback: Fallback::Nowhere, about: "" }
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

const fn gone(name: &'static str, instead: &'static str) -> Key {
    opt(name, Kind::Removed(instead))
}

const LIVE_IMAGES: Kind =
    Kind::Gone { since: "4.10", instead: "remove it, or describe the image for `live_media` or `kiwibuild`" };
const CONTAINERS: Kind =
    Kind::Gone { since: "4.13", instead: "remove it: Pungi builds no containers by OSBS any more" };

/// A dict, or a list of dicts.
const DICTS: Kind = Kind::Either(&[Kind::Object, Kind::List(&Kind::Object)]);

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

/// All top-level keys but those of [`Section`]s. Problems are reported in this order.
pub const KEYS: &[Key] = &[
    req("release_name", Kind::Text).about("Name of the release, such as `Fedora Linux`."),
    req("release_short", Kind::Text).about("Short name of the release; begins the compose id."),
    req("release_version", Kind::Text)
        .about("Version: numbers joined by dots, or a word such as `Rawhide`. A string, so in quotes."),
    with("release_type", Kind::Choice(RELEASE_TYPES), Default::Text("ga"))
        .about("Type of the release; anything but `ga` becomes part of the compose id."),
    flag("release_internal", false).about("Whether the release is for internal use; noted in composeinfo.json."),
    gone("release_is_layered", "remove it: a release is layered when `base_product_name` and its siblings are set"),
    opt("release_discinfo_description", Kind::Text),
    opt("treeinfo_version", Kind::Text),
    opt("compose_type", Kind::Choice(COMPOSE_TYPES))
        .about("Type of the compose when no option of the command line gives one."),
    opt("base_product_name", Kind::Text).about("Name of the product that a layered release stands on."),
    opt("base_product_short", Kind::Text).about("Short name of the base product."),
    opt("base_product_version", Kind::Text).about("Version of the base product."),
    with("base_product_type", Kind::Text, Default::Text("ga")).about("Release type of the base product."),
    req("variants_file", Kind::VariantsFile)
        .about("The variants: a path beside the configuration, or a dict that says where to export the file from."),
    opt("comps_file", Kind::TextOrScm),
    flag("comps_filter_environments", true),
    with("tree_arches", Kind::Texts, EMPTY).about("Compose only these arches; empty for all."),
    with("tree_variants", Kind::Texts, EMPTY).about("Compose only the variants with these uids; empty for all."),
    opt("koji_profile", Kind::Text).about("The profile in koji's configuration that names the hub."),
    opt("koji_cache", Kind::Text)
        .about("Fetch images over HTTP into this directory instead of reading a local Koji volume."),
    opt("koji_event", Kind::Number),
    with("translate_paths", Kind::Pairs, EMPTY)
        .about("Pairs of a path prefix and the URL that stands for it; the first that fits wins."),
    with("link_type", Kind::Choice(LINK_TYPES), Default::Text("hardlink-or-copy"))
        .about("How an image gets from the Koji volume into the compose."),
    with("skip_phases", Kind::Texts, EMPTY).about("Phases that do not run."),
    opt("paths_module", Kind::Text),
    opt("global_version", Kind::Text).about("Version of images for which neither the image nor its phase gives one."),
    opt("global_release", Kind::TextOrNull)
        .about("Release of images for which neither the image nor its phase gives one; null for a generated one."),
    opt("global_target", Kind::Text)
        .about("Build target of images for which neither the image nor its phase gives one."),
    opt("global_ksurl", Kind::Text),
    with("media_checksums", Kind::Texts, Default::Texts(&["md5", "sha1", "sha256"]))
        .about("Checksum algorithms for images.json and the checksum files."),
    flag("media_checksum_one_file", false).about("One checksum file for each directory; needs exactly one algorithm."),
    with("media_checksum_base_filename", Kind::Text, Default::Text(""))
        .about("Beginning of the names of checksum files; takes %(key)s and {key}."),
    with("failable_deliverables", Kind::PerArch(&Kind::Any), EMPTY),
    flag("create_optional_isos", false).about("Whether ISOs of optional variants go beside the others."),
    opt("symlink_isos_to", Kind::Text),
    gone("runroot", "remove it: `runroot_method` says where things run, which is this machine when it is not set"),
    opt("runroot_method", Kind::ObjectOrChoice(RUNROOT_METHODS)),
    opt("global_runroot_method", Kind::Choice(RUNROOT_METHODS)),
    opt("runroot_tag", Kind::Text),
    opt("runroot_channel", Kind::TextOrNull),
    with("runroot_weights", Kind::Object, Default::EmptyDict),
    req("pkgset_source", Kind::Choice(&["koji", "repos"]))
        .about("Where packages come from; magudi does not read them."),
    opt("pkgset_koji_tag", Kind::TextOrTexts),
    opt("pkgset_repos", Kind::Object),
    flag("pkgset_koji_inherit", true),
    req("gather_method", Kind::ObjectOrChoice(GATHER_METHODS))
        .about("How packages are gathered; magudi does not gather any."),
    with("gather_backend", Kind::Choice(&["dnf"]), Default::Text("dnf")),
    with("sigkeys", Kind::Array, Default::ListOfNull),
    with("createrepo_checksum", Kind::Choice(&["sha1", "sha256", "sha512"]), Default::Text("sha256")),
    opt("dogpile_cache_backend", Kind::Text),
    opt("dogpile_cache_expiration_time", Kind::Number),
    with("dogpile_cache_arguments", Kind::Object, Default::EmptyDict),
    opt("cts_url", Kind::Text),
    opt("cts_keytab", Kind::Text),
    opt("image_name_format", Kind::ObjectOrText),
    with("image_volid_formats", Kind::Texts, Default::Texts(VOLUME_IDS)),
    flag("restricted_volid", false),
    with("volume_id_substitutions", Kind::Object, Default::EmptyDict),
    opt("module_defaults_dir", Kind::TextOrScm),
    opt("module_obsoletes_dir", Kind::TextOrScm),
    opt("gather_prepopulate", Kind::TextOrScm),
    gone("old_composes_per_release_type", "remove it: composes are always found by release type"),
    gone("bootable", "remove it: there is an installer when `buildinstall_method` is set"),
    gone("keep_original_comps", "remove it, and the `<groups>` of the variants whose comps are to stay as they are"),
    gone("gather_source", "remove it"),
    gone("pdc_url", KOJI),
    gone("pdc_develop", KOJI),
    gone("pdc_insecure", KOJI),
    gone("productimg", "remove it: there is no such phase any more"),
    // Keys of phases that are not ours: types as far as the recorded defaults tell them.
    with("additional_packages", Kind::PerArch(&Kind::Any), EMPTY),
    flag("buildinstall_allow_reuse", false),
    opt("buildinstall_kickstart", Kind::Any),
    opt("buildinstall_method", Kind::Choice(&["lorax", "buildinstall"])),
    with("buildinstall_packages", Kind::PerArch(&Kind::Any), EMPTY),
    with("buildinstall_skip", Kind::PerArch(&Kind::Any), EMPTY),
    opt("buildinstall_topdir", Kind::Any),
    flag("buildinstall_use_guestmount", true),
    flag("check_deps", true),
    flag("create_jigdo", false),
    flag("createiso_allow_reuse", true),
    flag("createiso_break_hardlinks", false),
    with("createiso_max_size", Kind::PerArch(&Kind::Any), EMPTY),
    with("createiso_max_size_is_strict", Kind::PerArch(&Kind::Any), EMPTY),
    with("createiso_skip", Kind::PerArch(&Kind::Any), EMPTY),
    flag("createiso_use_xorrisofs", false),
    flag("createrepo_c", true),
    opt("createrepo_database", Kind::Any),
    opt("createrepo_deltas", Kind::Any),
    flag("createrepo_enable_cache", true),
    with("createrepo_extra_args", Kind::Array, EMPTY),
    opt("createrepo_extra_modulemd", Kind::Any),
    with("createrepo_num_threads", Kind::Number, Default::Number(2)),
    with("createrepo_num_workers", Kind::Number, Default::Number(3)),
    flag("createrepo_use_xz", false),
    with("disc_types", Kind::Object, Default::EmptyDict),
    with("extra_files", Kind::PerArch(&Kind::Any), EMPTY),
    opt("extra_isos", Kind::Map(&Kind::List(&Kind::Object))),
    flag("extraiso_allow_reuse", true),
    with("filter_modules", Kind::PerArch(&Kind::Any), EMPTY),
    with("filter_packages", Kind::PerArch(&Kind::Any), EMPTY),
    flag("filter_system_release_packages", true),
    flag("gather_allow_reuse", false),
    flag("gather_fulltree", false),
    with("gather_lookaside_repos", Kind::PerArch(&Kind::Any), EMPTY),
    flag("gather_profiler", false),
    flag("gather_selfhosting", false),
    opt("gather_source_mapping", Kind::Any),
    with("greedy_method", Kind::Text, Default::Text("none")),
    flag("hashed_directories", false),
    opt("image_container", CONTAINERS),
    with("image_volid_layered_product_formats", Kind::Texts, Default::Texts(LAYERED_VOLUME_IDS)),
    flag("iso_hfs_ppc64le_compatible", true),
    opt("iso_level", Kind::Any),
    with("iso_size", Kind::NumberOrText, Default::Number(4_700_000_000)),
    Key { default: EMPTY, ..opt("live_images", LIVE_IMAGES) },
    opt("live_images_ksurl", LIVE_IMAGES),
    Key { default: Default::Boolean(false), ..opt("live_images_no_rename", LIVE_IMAGES) },
    opt("live_images_release", LIVE_IMAGES),
    opt("live_images_target", LIVE_IMAGES),
    opt("live_images_version", LIVE_IMAGES),
    opt("live_target", LIVE_IMAGES),
    with("lorax_extra_sources", Kind::PerArch(&Kind::Any), EMPTY),
    with("lorax_options", Kind::PerArch(&Kind::Any), EMPTY),
    flag("lorax_use_koji_plugin", false),
    opt("mbs_api_url", Kind::Any),
    opt("module_defaults_override_dir", Kind::Any),
    with("multilib", Kind::PerArch(&Kind::Any), EMPTY),
    with("multilib_blacklist", Kind::Object, Default::EmptyDict),
    with("multilib_whitelist", Kind::Object, Default::EmptyDict),
    opt("osbs", CONTAINERS),
    Key { default: Default::Boolean(false), ..opt("osbs_allow_reuse", CONTAINERS) },
    opt("osbs_registries", CONTAINERS),
    opt("ostree", Kind::Either(&[Kind::Map(&DICTS), Kind::PerArch(&DICTS)])),
    with("ostree_installer", Kind::PerArch(&DICTS), EMPTY),
    flag("ostree_installer_overwrite", false),
    flag("ostree_installer_use_koji_plugin", false),
    flag("ostree_use_koji_plugin", false),
    flag("pkgset_allow_reuse", true),
    flag("pkgset_exclusive_arch_considers_noarch", true),
    opt("pkgset_koji_builds", Kind::Any),
    flag("pkgset_koji_inherit_modules", false),
    opt("pkgset_koji_module_builds", Kind::Any),
    with("pkgset_koji_module_tag", Kind::TextOrTexts, EMPTY),
    opt("pkgset_koji_scratch_tasks", Kind::Any),
    opt("pkgset_scratch_modules", Kind::Any),
    opt("product_id", Kind::Any),
    flag("product_id_allow_missing", false),
    flag("product_id_allow_name_prefix", true),
    with("repoclosure_backend", Kind::Text, Default::Text("dnf")),
    with("repoclosure_strictness", Kind::PerArch(&Kind::Any), EMPTY),
    flag("require_all_comps_packages", false),
    with("runroot_ssh_hostnames", Kind::Object, Default::EmptyDict),
    opt("runroot_ssh_init_template", Kind::Any),
    opt("runroot_ssh_install_packages_template", Kind::Any),
    opt("runroot_ssh_run_template", Kind::Any),
    with("runroot_ssh_username", Kind::Text, Default::Text("root")),
    with("signed_packages_retries", Kind::Number, Default::Number(0)),
    with("signed_packages_wait", Kind::Number, Default::Number(30)),
    opt("signing_command", Kind::Any),
    opt("signing_key_id", Kind::Any),
    opt("signing_key_password_file", Kind::Any),
    with("split_iso_reserve", Kind::NumberOrText, Default::Number(10_485_760)),
    opt("variant_as_lookaside", Kind::Any),
];

/// Keys that the dict of [`Kind::VariantsFile`] must have: Pungi asks for `repo` even where it has to be empty (PUNGI.md 3).
pub const VARIANTS_KEYS: &[&str] = &["scm", "repo", "file"];

/// Keys that the dict of a source repository takes.
pub const SCM_KEYS: &[&str] = &["scm", "repo", "branch", "file", "dir", "command", "options"];

/// Options that need others, or exclude them (PUNGI.md 2.2). The base product's are in code.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// The option.
    pub key: &'static str,
    /// The value for which the rule holds; none for every true one.
    pub value: Option<&'static str>,
    /// What must be set, too.
    pub requires: &'static [&'static str],
    /// What must be absent or have its default.
    pub conflicts: &'static [&'static str],
}

/// All rules.
pub const RULES: &[Rule] = &[
    Rule { key: "cts_url", value: None, requires: &["translate_paths"], conflicts: &[] },
    Rule {
        key: "pkgset_source",
        value: Some("repos"),
        requires: &["pkgset_repos"],
        conflicts: &["pkgset_koji_tag", "pkgset_koji_inherit"],
    },
    Rule { key: "pkgset_source", value: Some("koji"), requires: &[], conflicts: &["pkgset_repos"] },
];
