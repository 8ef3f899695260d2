//! The *section* `osbuild` (facts: osbuild 1).

use magudi_config::schema::{Key, Kind, Layout, Section, opt, req};

/// The section and its top-level keys.
pub static SECTION: Section = Section {
    name: "osbuild",
    about: "Images built by osbuildImage tasks: patterns of variant uids (Python regular expressions, anchored at the start), each with a list of images.",
    layout: Layout { empty_pattern: true, ..Layout::PLAIN },
    image: &[
        req("name", Kind::Text).about("Name of the image, and of its build in Koji."),
        req("distro", Kind::Text).about("What osbuild builds, such as `fedora-42` or `rhel-9`."),
        req("image_types", Kind::ImageType).about("The image type, or a list of exactly one."),
        opt("version", Kind::Text)
            .or_inherited()
            .about("Version of the build, or a generator such as `!VERSION_FROM_VERSION`."),
        opt("target", Kind::Text).or_inherited().about("Build target in Koji."),
        opt("release", Kind::Text)
            .or_inherited()
            .about("Release of the build, or a generator; empty for a generated one."),
        opt("arches", Kind::Texts).about("Build only for these arches of the variant."),
        opt("failable", Kind::Texts).about("Any arch, or `*`: the compose continues if the image fails."),
        opt("subvariant", Kind::Text)
            .about("Distinguishes images of one variant and type in images.json; the variant's uid by default."),
        opt("repo", Kind::Repositories(REPOSITORY))
            .about("Repositories: URLs, paths or variant uids. That of the variant is added."),
        opt("ostree_url", Kind::Text).about("URL of the ostree repository."),
        opt("ostree_ref", Kind::Text).about("The ostree ref to commit to."),
        opt("ostree_parent", Kind::Text).about("The ostree ref or commit to build on."),
        opt("manifest_type", Kind::Text).about("Type of the image in images.json; Koji's archive type by default."),
        opt("customizations", Kind::Object).about("Customizations, as osbuild-composer takes them."),
        opt("upload_options", Kind::UploadOptions { of: "image_types" })
            .about("Upload the image to the cloud that its type belongs to."),
    ],
    label: "name",
    options: &[
        opt("osbuild_version", Kind::Text).about("Default version of osbuild images."),
        opt("osbuild_release", Kind::TextOrNull).about("Default release of osbuild images; null for a generated one."),
        opt("osbuild_target", Kind::Text).about("Default build target of osbuild images."),
    ],
};

/// The keys of a repository that is written as a dict.
const REPOSITORY: &[Key] = &[
    req("baseurl", Kind::Text).about("A URL, a path or a variant uid."),
    opt("package_sets", Kind::Texts).about("The package sets that the repository is for."),
];
