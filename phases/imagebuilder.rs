//! The *imagebuilder* phase: images that Koji's image-builder plugin builds (PHASES.md).

use magudi_config::schema::{Key, Kind, Layout, Section, opt, req};

/// The section and its top-level keys. Errors are reported in this order, as in Pungi.
pub static SECTION: Section = Section {
    name: "imagebuilder",
    about: "Images built by imageBuilderBuild tasks: patterns of variant uids, each with a list of images.",
    layout: Layout::PLAIN,
    image: &[
        req("name", Kind::Text).about("Name of the image, and of its build in Koji."),
        opt("target", Kind::Text).or_inherited().about("Build target in Koji."),
        opt("arches", Kind::Texts).about("Build only for these arches of the variant."),
        req("types", Kind::Texts).about("A list of one image type, as image-builder knows it."),
        opt("version", Kind::Text)
            .or_inherited()
            .about("Version of the build, or a generator such as `!VERSION_FROM_VERSION`."),
        opt("repos", Kind::Texts).about("Repositories: URLs, paths or variant uids. The variant's own one is added."),
        opt("release", Kind::Text)
            .or_inherited()
            .about("Release of the build, or a generator; empty for a generated one."),
        opt("distro", Kind::Text).about("Taken and not sent, as in Pungi: image-builder builds what its host is."),
        opt("scratch", Kind::Boolean).or_inherited().about("Build without a build in Koji."),
        opt("ostree", Kind::Open(OSTREE)).about("The ostree commit to build or to install."),
        opt("failable", Kind::Texts).about("Arches, or `*` for all: the compose goes on when the image fails there."),
        opt("subvariant", Kind::Text)
            .about("Tells images of one variant and type apart in images.json; else the variant's uid."),
        opt("blueprint", Kind::Object).about("Blueprint, as image-builder takes it."),
        opt("seed", Kind::Integer).or_inherited().about("What image-builder makes its random numbers of."),
        opt("manifest_type", Kind::Text).about("Type of the image in images.json; else that of the file."),
    ],
    label: "name",
    options: &[
        opt("imagebuilder_target", Kind::Text).about("Build target of images that give none."),
        opt("imagebuilder_release", Kind::TextOrNull)
            .about("Release of images that give none; null for a generated one."),
        opt("imagebuilder_version", Kind::Text).about("Version of images that give none."),
        opt("imagebuilder_seed", Kind::Integer).about("What image-builder makes its random numbers of."),
        opt("imagebuilder_scratch", Kind::Boolean).about("Build without builds in Koji."),
    ],
};

const OSTREE: &[Key] = &[
    opt("parent", Kind::Text).about("The ostree ref or commit to build on."),
    opt("ref", Kind::Text).about("The ostree ref to commit to."),
    opt("url", Kind::Text).about("URL of the ostree repository."),
];
