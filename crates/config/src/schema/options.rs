//! The top-level *options* of every compose, at the state of Pungi 4.10 to 4.14. Those that came after 4.3.6 have no default here
//! ([differences from Pungi](../../../../docs/differences-from-pungi.md)).

use super::{COMPOSE_TYPES, Default, Key, Kind, LINK_TYPES, RELEASE_TYPES, SKIPPABLE, flag, opt, req, with};

const RUNROOT_METHOD: Kind = Kind::Choice(&["local", "koji", "openssh"]);
const GATHER_METHODS: &[&str] = &["deps", "nodeps", "hybrid"];
const VOLUME_IDS: &[&str] = &["{release_short}-{version} {variant}.{arch}", "{release_short}-{version} {arch}"];
const LAYERED_VOLUME_IDS: &[&str] = &[
    "{release_short}-{version} {base_product_short}-{base_product_version} {variant}.{arch}",
    "{release_short}-{version} {base_product_short}-{base_product_version} {arch}",
];
const ISO_LEVEL: Kind = Kind::NumberOf(&[1, 2, 3, 4]);

const EMPTY: Default = Default::Texts(&[]);
const KOJI: &str = "remove it: Koji is asked instead";

const fn gone(name: &'static str, instead: &'static str) -> Key {
    opt(name, Kind::Removed(instead))
}

const LIVE_IMAGES: Kind =
    Kind::Gone { since: "4.10", instead: "remove it, or describe the image for `live_media` or `kiwibuild`" };
const SIGNING: Kind = Kind::Gone { since: "4.10", instead: "remove it: only images of `live_images` were signed" };
const CONTAINERS: Kind =
    Kind::Gone { since: "4.13", instead: "remove it: Pungi builds no containers by OSBS any more" };

/// All top-level keys but those of [`Section`](super::Section)s. Problems are reported in this order.
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
    with("skip_phases", Kind::List(&Kind::Choice(SKIPPABLE)), EMPTY).about("Phases that do not run."),
    opt("paths_module", Kind::Text),
    opt("global_version", Kind::Text).about("Version if neither the image nor its phase sets one."),
    opt("global_release", Kind::TextOrNull)
        .about("Release if neither the image nor its phase sets one; null for a generated one."),
    opt("global_target", Kind::Text)
        .about("Build target if neither the image nor its phase sets one."),
    opt("global_ksurl", Kind::Url),
    with("media_checksums", Kind::Texts, Default::Texts(&["md5", "sha1", "sha256"]))
        .about("Checksum algorithms for images.json and the checksum files."),
    flag("media_checksum_one_file", false).about("One checksum file for each directory; needs exactly one algorithm."),
    with("media_checksum_base_filename", Kind::Text, Default::Text(""))
        .about("Beginning of the names of checksum files; takes %(key)s and {key}."),
    with("failable_deliverables", Kind::PerArch(&Kind::Texts), EMPTY),
    flag("create_optional_isos", false).about("Whether ISOs of optional variants go beside the others."),
    opt("symlink_isos_to", Kind::Text),
    gone("runroot", "remove it: `runroot_method` says where things run, which is this machine when it is not set"),
    opt("runroot_method", Kind::Either(&[Kind::Dict(RUNROOT_PHASES), RUNROOT_METHOD])),
    opt("global_runroot_method", RUNROOT_METHOD),
    opt("runroot_tag", Kind::Text),
    opt("runroot_channel", Kind::TextOrNull),
    with("runroot_weights", Kind::Dict(RUNROOT_WEIGHTS), Default::EmptyDict),
    req("pkgset_source", Kind::Choice(&["koji", "repos"]))
        .about("Where packages come from; magudi does not read them."),
    opt("pkgset_koji_tag", Kind::TextOrTexts),
    opt("pkgset_repos", Kind::Map(&Kind::TextOrTexts)),
    flag("pkgset_koji_inherit", true),
    req("gather_method", Kind::Either(&[Kind::Choice(GATHER_METHODS), Kind::Map(&GATHER_SOURCES)]))
        .about("How packages are gathered; magudi does not gather any."),
    with("gather_backend", Kind::Choice(&["dnf"]), Default::Text("dnf")),
    with("sigkeys", Kind::NonEmptyList(&Kind::TextOrNull), Default::ListOfNull),
    with("createrepo_checksum", Kind::Choice(&["sha1", "sha256", "sha512"]), Default::Text("sha256")),
    opt("dogpile_cache_backend", Kind::Text),
    opt("dogpile_cache_expiration_time", Kind::Number),
    with("dogpile_cache_arguments", Kind::Object, Default::EmptyDict),
    opt("cts_url", Kind::Text)
        .about("Address of the Compose Tracking Service, which gives the compose its id and hears where it is."),
    opt("cts_keytab", Kind::Text).about("Key table for the login at CTS by Kerberos; `$HOSTNAME` in it is the host's name."),
    opt("cts_oidc_token_url", Kind::Url).about(
        "Where CTS's OpenID provider gives tokens; the environment variable `CTS_OIDC_TOKEN_URL` wins. The secret is in \
         `CTS_OIDC_CLIENT_SECRET`.",
    ),
    opt("cts_oidc_client_id", Kind::Text)
        .about("The client at that provider; the environment variable `CTS_OIDC_CLIENT_ID` wins."),
    opt("image_name_format", Kind::Either(&[Kind::Text, Kind::Map(&Kind::TextOrTexts)])),
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
    // Those of Pungi's own phases.
    with("additional_packages", Kind::PerArch(&Kind::Texts), EMPTY),
    flag("buildinstall_allow_reuse", false),
    opt("buildinstall_kickstart", Kind::TextOrScm),
    opt("buildinstall_method", Kind::Choice(&["lorax"])),
    with("buildinstall_packages", Kind::PerArch(&Kind::Texts), EMPTY),
    with("buildinstall_skip", Kind::PerArch(&Kind::Boolean), EMPTY),
    opt("buildinstall_topdir", Kind::Text),
    flag("buildinstall_use_guestmount", true),
    flag("check_deps", true),
    flag("create_jigdo", false),
    flag("createiso_allow_reuse", true),
    flag("createiso_break_hardlinks", false),
    with("createiso_max_size", Kind::PerArch(&Kind::Number), EMPTY),
    with("createiso_max_size_is_strict", Kind::PerArch(&Kind::Boolean), EMPTY),
    with("createiso_skip", Kind::PerArch(&Kind::Boolean), EMPTY),
    flag("createiso_use_xorrisofs", false),
    flag("createrepo_c", true),
    opt("createrepo_database", Kind::Boolean),
    opt("createrepo_deltas", Kind::Either(&[Kind::Boolean, Kind::PerArch(&Kind::Boolean)])),
    flag("createrepo_enable_cache", true),
    with("createrepo_extra_args", Kind::Texts, EMPTY),
    opt("createrepo_extra_modulemd", Kind::OpenMap(&Kind::Dict(SCM))),
    with("createrepo_num_threads", Kind::Number, Default::Number(2)),
    with("createrepo_num_workers", Kind::Number, Default::Number(3)),
    flag("createrepo_use_xz", false),
    with("disc_types", Kind::Object, Default::EmptyDict),
    with("extra_files", Kind::PerArch(&Kind::List(&Kind::Dict(EXTRA_FILES))), EMPTY),
    opt("extra_isos", Kind::OpenMap(&Kind::List(&Kind::Dict(EXTRA_ISO)))),
    flag("extraiso_allow_reuse", true),
    with("filter_modules", Kind::PerArch(&Kind::Texts), EMPTY),
    with("filter_packages", Kind::PerArch(&Kind::Texts), EMPTY),
    flag("filter_system_release_packages", true),
    flag("gather_allow_reuse", false),
    flag("gather_fulltree", false),
    with("gather_lookaside_repos", Kind::PerArch(&Kind::TextOrTexts), EMPTY),
    flag("gather_profiler", false),
    flag("gather_selfhosting", false),
    opt("gather_source_mapping", Kind::Text),
    with("greedy_method", Kind::Choice(&["none", "all", "build"]), Default::Text("none")),
    flag("hashed_directories", false),
    opt("image_container", CONTAINERS),
    with("image_volid_layered_product_formats", Kind::Texts, Default::Texts(LAYERED_VOLUME_IDS)),
    flag("iso_hfs_ppc64le_compatible", true),
    opt("iso_level", Kind::Either(&[ISO_LEVEL, Kind::PerArch(&ISO_LEVEL)])),
    with("iso_size", Kind::NumberOrText, Default::Number(4_700_000_000)),
    Key { default: EMPTY, ..opt("live_images", LIVE_IMAGES) },
    opt("live_images_ksurl", LIVE_IMAGES),
    Key { default: Default::Boolean(false), ..opt("live_images_no_rename", LIVE_IMAGES) },
    opt("live_images_release", LIVE_IMAGES),
    opt("live_images_target", LIVE_IMAGES),
    opt("live_images_version", LIVE_IMAGES),
    opt("live_target", LIVE_IMAGES),
    with("lorax_extra_sources", Kind::PerArch(&Kind::TextOrTexts), EMPTY),
    with("lorax_options", Kind::PerArch(&Kind::Dict(LORAX)), EMPTY),
    flag("lorax_use_koji_plugin", false),
    opt("mbs_api_url", Kind::Text),
    opt("module_defaults_override_dir", Kind::Text),
    with("multilib", Kind::PerArch(&Kind::Texts), EMPTY),
    with("multilib_blacklist", Kind::Map(&Kind::Texts), Default::EmptyDict),
    with("multilib_whitelist", Kind::Map(&Kind::Texts), Default::EmptyDict),
    opt("osbs", CONTAINERS),
    Key { default: Default::Boolean(false), ..opt("osbs_allow_reuse", CONTAINERS) },
    opt("osbs_registries", CONTAINERS),
    opt("ostree", Kind::Either(&[Kind::Map(&OSTREES), Kind::PerArch(&Kind::Dict(OLD_OSTREE))])),
    opt("ostree_container", Kind::Map(&OSTREE_CONTAINERS)),
    opt("ostree_container_use_koji_plugin", Kind::Boolean),
    with("ostree_installer", Kind::PerArch(&Kind::Dict(OSTREE_INSTALLER)), EMPTY),
    flag("ostree_installer_overwrite", false),
    flag("ostree_installer_use_koji_plugin", false),
    flag("ostree_use_koji_plugin", false),
    flag("pkgset_allow_reuse", true),
    flag("pkgset_exclusive_arch_considers_noarch", true),
    opt("pkgset_inherit_exclusive_arch_to_noarch", Kind::Boolean),
    opt("pkgset_koji_builds", Kind::TextOrTexts),
    flag("pkgset_koji_inherit_modules", false),
    opt("pkgset_koji_module_builds", Kind::Map(&Kind::Texts)),
    with("pkgset_koji_module_tag", Kind::TextOrTexts, EMPTY),
    opt("pkgset_koji_scratch_tasks", Kind::TextOrTexts),
    opt("pkgset_scratch_modules", Kind::Map(&Kind::Texts)),
    opt("product_id", Kind::TextOrScm),
    flag("product_id_allow_missing", false),
    flag("product_id_allow_name_prefix", true),
    with("repoclosure_backend", Kind::Choice(&["dnf"]), Default::Text("dnf")),
    with("repoclosure_strictness", Kind::PerArch(&Kind::Choice(&["off", "lenient", "fatal"])), EMPTY),
    flag("require_all_comps_packages", false),
    with("runroot_ssh_hostnames", Kind::Object, Default::EmptyDict),
    opt("runroot_ssh_init_template", Kind::Text),
    opt("runroot_ssh_install_packages_template", Kind::Text),
    opt("runroot_ssh_run_template", Kind::Text),
    with("runroot_ssh_username", Kind::Text, Default::Text("root")),
    with("signed_packages_retries", Kind::Number, Default::Number(0)),
    with("signed_packages_wait", Kind::Number, Default::Number(30)),
    opt("signing_command", SIGNING),
    opt("signing_key_id", SIGNING),
    opt("signing_key_password_file", SIGNING),
    with("split_iso_reserve", Kind::NumberOrText, Default::Number(10_485_760)),
    opt("variant_as_lookaside", Kind::Pairs),
];

/// Keys that the dict of [`Kind::VariantsFile`] must have: Pungi asks for `repo` even where it has to be empty (facts: options 9).
pub const VARIANTS_KEYS: &[&str] = &["scm", "repo", "file"];

/// The keys of a dict that says where to export a file from.
pub const SCM: &[Key] = &[
    opt("scm", Kind::Choice(&["file", "cvs", "git", "rpm", "koji"])),
    opt("repo", Kind::Text),
    opt("branch", Kind::TextOrNull),
    opt("file", Kind::Text),
    opt("dir", Kind::Text),
    opt("command", Kind::Text),
    opt("options", Kind::Dict(&[opt("credential_helper", Kind::Text)])),
];

/// The phases that run something elsewhere.
const RUNROOT_PHASES: &[Key] = &[
    opt("buildinstall", RUNROOT_METHOD),
    opt("ostree_installer", RUNROOT_METHOD),
    opt("ostree", RUNROOT_METHOD),
    opt("createiso", RUNROOT_METHOD),
];

const RUNROOT_WEIGHTS: &[Key] = &[
    opt("buildinstall", Kind::Number),
    opt("createiso", Kind::Number),
    opt("ostree", Kind::Number),
    opt("ostree_installer", Kind::Number),
];

/// For a variant one method, or one for each source of packages.
const GATHER_SOURCES: Kind = Kind::Either(&[Kind::Choice(&["hybrid"]), Kind::Sources(&GATHER_ONE)]);
const GATHER_ONE: Kind = Kind::Choice(&["deps", "nodeps"]);

/// A repository of Pungi's own phases that is written as a dict.
const REPOSITORY: &[Key] = &[
    opt("name", Kind::Text),
    req("baseurl", Kind::Text),
    opt("exclude", Kind::Text),
    opt("gpgcheck", Kind::Boolean),
    opt("enabled", Kind::Text),
];
const REPOSITORIES: Kind = Kind::KojiRepositories(REPOSITORY);

const EXTRA_FILES: &[Key] = &[
    opt("scm", Kind::Text),
    opt("repo", Kind::Text),
    opt("branch", Kind::TextOrNull),
    opt("file", Kind::TextOrTexts),
    opt("dir", Kind::Text),
    opt("target", Kind::Text),
];

const EXTRA_ISO: &[Key] = &[
    req("include_variants", Kind::TextOrTexts),
    opt("extra_files", Kind::Either(&[ISO_FILES, Kind::List(&ISO_FILES)])),
    opt("filename", Kind::Text),
    opt("volid", Kind::TextOrTexts),
    opt("arches", Kind::Texts),
    opt("failable_arches", Kind::Texts),
    flag("skip_src", false),
    flag("inherit_extra_files", false),
    opt("max_size", Kind::Number),
];
const ISO_FILES: Kind = Kind::Dict(&[
    opt("scm", Kind::Text),
    opt("repo", Kind::Text),
    opt("branch", Kind::TextOrNull),
    opt("file", Kind::TextOrTexts),
    opt("dir", Kind::TextOrTexts),
    opt("target", Kind::Text),
]);

const OSTREES: Kind = Kind::Either(&[Kind::Dict(OSTREE), Kind::List(&Kind::Dict(OSTREE))]);
const OSTREE: &[Key] = &[
    req("treefile", Kind::Text),
    req("config_url", Kind::Text),
    opt("repo", REPOSITORIES),
    opt("keep_original_sources", Kind::Boolean),
    req("ostree_repo", Kind::Text),
    opt("arches", Kind::Texts),
    opt("failable", Kind::Texts),
    opt("update_summary", Kind::Boolean),
    opt("force_new_commit", Kind::Boolean),
    opt("unified_core", Kind::Boolean),
    opt("version", Kind::Text),
    opt("config_branch", Kind::Text),
    opt("tag_ref", Kind::Boolean),
    opt("ostree_ref", Kind::Text),
    opt("runroot_packages", Kind::Texts),
];

/// The older form, in pairs of variants and arches.
const OLD_OSTREE: &[Key] = &[
    req("treefile", Kind::Text),
    req("config_url", Kind::Text),
    opt("repo", REPOSITORIES).alias("extra_source_repos").appended(&["repo_from", "source_repo_from"]),
    opt("keep_original_sources", Kind::Boolean),
    req("ostree_repo", Kind::Text),
    opt("failable", Kind::Texts),
    opt("update_summary", Kind::Boolean),
    opt("force_new_commit", Kind::Boolean),
    opt("unified_core", Kind::Boolean),
    opt("version", Kind::Text),
    opt("config_branch", Kind::Text),
    opt("tag_ref", Kind::Boolean),
    opt("ostree_ref", Kind::Text),
];

const OSTREE_CONTAINERS: Kind =
    Kind::Either(&[Kind::Dict(OSTREE_CONTAINER), Kind::List(&Kind::Dict(OSTREE_CONTAINER))]);
const OSTREE_CONTAINER: &[Key] = &[
    req("treefile", Kind::Text),
    req("config_url", Kind::Text),
    opt("repo", REPOSITORIES),
    opt("keep_original_sources", Kind::Boolean),
    opt("config_branch", Kind::Text),
    opt("arches", Kind::Texts),
    opt("failable", Kind::Texts),
    opt("version", Kind::Text),
    opt("tag_ref", Kind::Boolean),
    opt("runroot_packages", Kind::Texts),
];

const OSTREE_INSTALLER: &[Key] = &[
    opt("repo", REPOSITORIES),
    opt("release", Kind::TextOrNull),
    opt("failable", Kind::Texts),
    opt("installpkgs", Kind::Texts),
    opt("add_template", Kind::Texts),
    opt("add_arch_template", Kind::Texts),
    opt("add_template_var", Kind::Texts),
    opt("add_arch_template_var", Kind::Texts),
    opt("rootfs_size", Kind::Text),
    opt("template_repo", Kind::Text),
    opt("template_branch", Kind::Text),
    opt("extra_runroot_pkgs", Kind::Texts),
    opt("skip_branding", Kind::Boolean),
];

const LORAX: &[Key] = &[
    opt("bugurl", Kind::Text),
    opt("nomacboot", Kind::Boolean),
    opt("noupgrade", Kind::Boolean),
    opt("add_template", Kind::Texts),
    opt("add_arch_template", Kind::Texts),
    opt("add_template_var", Kind::Texts),
    opt("add_arch_template_var", Kind::Texts),
    opt("rootfs_size", Kind::Integer),
    opt("version", Kind::Text),
    opt("dracut_args", Kind::Texts),
    opt("skip_branding", Kind::Boolean),
    opt("squashfs_only", Kind::Boolean),
    opt("configuration_file", Kind::TextOrScm),
];
