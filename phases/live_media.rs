//! The *live_media* phase: live media that Koji builds from a kickstart (PHASES3.md).

use crate::repos::REPOSITORY;
use magudi_config::schema::{Kind, Layout, Section, opt, req};

/// The section and its top-level keys. Errors are reported in this order, as in Pungi.
pub static SECTION: Section = Section {
    name: "live_media",
    about: "Live media built by livemedia tasks: patterns of variant uids, each with a list of images.",
    layout: Layout::PLAIN,
    image: &[
        opt("install_tree_from", Kind::Text).about("Uid of the variant to install from; else the image's own."),
        req("kickstart", Kind::Text).about("The kickstart, a path in the repository `ksurl`."),
        opt("ksversion", Kind::Text).about("Version of the kickstart's syntax."),
        opt("ksurl", Kind::Url)
            .or_inherited_if_true()
            .about("Repository of the kickstart; a fragment `#HEAD` or `#origin/BRANCH` means the newest commit."),
        opt("version", Kind::Text)
            .or_inherited()
            .about("Version of the build, or a generator such as `!VERSION_FROM_VERSION`."),
        opt("scratch", Kind::Boolean).about("Build without a build in Koji."),
        opt("skip_tag", Kind::Boolean).about("Do not tag the build."),
        req("name", Kind::Text).about("Name of the image, and of its build in Koji."),
        opt("subvariant", Kind::Text)
            .about("Tells images of one variant and type apart in images.json; else the variant's uid."),
        opt("repo", Kind::KojiRepositories(REPOSITORY))
            .about("Repositories: URLs, paths or variant uids. The variant's own one is added."),
        opt("target", Kind::Text).or_inherited().about("Build target in Koji."),
        opt("arches", Kind::Texts).about("Build only for these arches of the variant."),
        opt("failable", Kind::Texts).about("Arches, or `*` for all: the compose goes on when the image fails there."),
        opt("release", Kind::TextOrNull)
            .or_inherited()
            .about("Release of the build, or a generator; empty or null for a generated one."),
        opt("nomacboot", Kind::Boolean).about("Do not make the medium boot on a Mac."),
    ],
    label: "name",
    options: &[
        opt("live_media_ksurl", Kind::Url).about("Repository of the kickstarts."),
        opt("live_media_target", Kind::Text).about("Build target of live media that give none."),
        opt("live_media_release", Kind::TextOrNull)
            .about("Release of live media that give none; null for a generated one."),
        opt("live_media_version", Kind::Text).about("Version of live media that give none."),
    ],
};
