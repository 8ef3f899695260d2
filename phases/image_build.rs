//! The *image_build* phase: images that Koji builds with Oz and ImageFactory (PHASES3.md).

use crate::repos::REPOSITORY;
use magudi_config::schema::{Key, Kind, Layout, Section, flag, opt, req};

/// The section and its top-level keys.
pub static SECTION: Section = Section {
    name: "image_build",
    about: "Images built by image tasks: patterns of variant uids, each with a list of dicts that hold an `image-build`.",
    layout: Layout { within: Some("image-build"), ..Layout::PLAIN },
    image: &[
        req("image-build", Kind::Open(IMAGE)).about("The image."),
        opt("factory-parameters", Kind::Object).about("Parameters that ImageFactory takes."),
    ],
    label: "name",
    options: &[
        opt("image_build_ksurl", Kind::Url).about("Repository of the kickstarts."),
        opt("image_build_target", Kind::Text).about("Build target of images that give none."),
        opt("image_build_release", Kind::TextOrNull)
            .about("Release of images that give none; null for a generated one."),
        opt("image_build_version", Kind::Text).about("Version of images that give none."),
        flag("image_build_allow_reuse", false).about("Taken and without effect: images are always built."),
    ],
};

/// The keys of `image-build`, in the order in which Pungi reports errors. Others are passed on.
const IMAGE: &[Key] = &[
    opt("failable", Kind::Texts).about("Arches, or `*` for all: the compose goes on when the image fails there."),
    opt("disc_size", Kind::Number).about("Taken for `disk_size`, which is meant."),
    opt("distro", Kind::Text).about("The distribution as Oz names it, such as `Fedora-22`. Needed."),
    opt("name", Kind::Text).about("Name of the image, and of its build in Koji. Needed."),
    opt("kickstart", Kind::Text).about("The kickstart, a path in the repository `ksurl`. Needed."),
    opt("ksurl", Kind::Url)
        .or_inherited_if_true()
        .about("Repository of the kickstart; a fragment `#HEAD` or `#origin/BRANCH` means the newest commit. Needed."),
    opt("arches", Kind::Texts).about("Build only for these arches of the variant."),
    opt("repo", Kind::KojiRepositories(REPOSITORY))
        .appended(&["repo_from"])
        .about("Repositories: URLs, paths or variant uids. The variant's own one is added."),
    opt("install_tree_from", Kind::Text)
        .about("What to install from: a variant uid, a URL or an absolute path; else the image's own variant."),
    opt("subvariant", Kind::Text)
        .about("Tells images of one variant and type apart in images.json; else the variant's uid."),
    opt("format", Kind::Formats).about("The format, or a list of formats. Needed."),
    opt("target", Kind::Any).or_inherited().about("Build target in Koji."),
    opt("version", Kind::Any)
        .or_inherited()
        .about("Version of the build, or a generator such as `!VERSION_FROM_VERSION`."),
    opt("release", Kind::Any)
        .or_inherited()
        .about("Release of the build, or a generator; empty or null for a generated one."),
    opt("scratch", Kind::Any).about("Build without a build in Koji."),
    opt("disk_size", Kind::Any).about("Size of the disk in GB; 10 when it is not given."),
];
