//! The *kiwibuild* phase: images that Koji's kiwi plugin builds from a description in a repository (PHASES.md).

use magudi_config::schema::{Default, Kind, Layout, Section, opt, req, with};

/// The section and its top-level keys. Errors are reported in this order, as in Pungi.
pub static SECTION: Section = Section {
    name: "kiwibuild",
    about: "Images built by kiwiBuild tasks: patterns of variant uids, each with a list of images.",
    layout: Layout::PLAIN,
    image: &[
        opt("target", Kind::Text).or_inherited().about("Build target in Koji."),
        opt("description_scm", Kind::Url)
            .or_inherited()
            .about("Repository of the description; a fragment `#HEAD` or `#origin/BRANCH` means the newest commit."),
        opt("description_path", Kind::Text).or_inherited().about("Path of the description in that repository."),
        req("kiwi_profile", Kind::Text).about("The profile of the description to build."),
        opt("release", Kind::Text)
            .or_inherited()
            .about("Release of the build, or a generator; empty for a generated one."),
        opt("arches", Kind::Texts).about("Build only for these arches of the variant."),
        opt("repos", Kind::Texts).about("Repositories: URLs, paths or variant uids. The variant's own one is added."),
        opt("failable", Kind::Texts).about("Arches, or `*` for all: the compose goes on when the image fails there."),
        opt("subvariant", Kind::Text)
            .about("Tells images of one variant and type apart in images.json; else the variant's uid."),
        opt("type", Kind::Text).or_inherited().about("Type of the image in kiwi; else that of the description."),
        opt("type_attr", Kind::Texts).or_inherited().about("Attributes of that type."),
        opt("bundle_name_format", Kind::Text).or_inherited().about("How kiwi names the files of the result."),
        opt("version", Kind::Text)
            .or_inherited()
            .about("Version of the build, or a generator such as `!VERSION_FROM_VERSION`."),
        opt("repo_releasever", Kind::Text).or_inherited().about("What stands for `$releasever` in repositories."),
        opt("manifest_type", Kind::Text).about("Type of the image in images.json; else that of the file."),
        opt("use_buildroot_repo", Kind::Boolean)
            .or_inherited()
            .about("Whether the build target's own repository is added."),
    ],
    label: "kiwi_profile",
    options: &[
        opt("kiwibuild_target", Kind::Text).about("Build target of kiwi images that give none."),
        opt("kiwibuild_description_scm", Kind::Url).about("Repository of the descriptions."),
        opt("kiwibuild_description_path", Kind::Text).about("Path of the description in the repository."),
        opt("kiwibuild_type", Kind::Text).about("Type of images that give none."),
        opt("kiwibuild_type_attr", Kind::Texts).about("Attributes of the type."),
        opt("kiwibuild_bundle_name_format", Kind::Text).about("How kiwi names the files of results."),
        opt("kiwibuild_version", Kind::Text).about("Version of kiwi images that give none."),
        opt("kiwibuild_repo_releasever", Kind::Text).about("What stands for `$releasever` in repositories."),
        opt("kiwibuild_release", Kind::TextOrNull)
            .about("Release of kiwi images that give none; null for a generated one."),
        with("kiwibuild_use_buildroot_repo", Kind::Boolean, Default::Boolean(false))
            .about("Whether the build target's own repository is added."),
    ],
};
