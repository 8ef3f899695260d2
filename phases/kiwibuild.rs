//! The *kiwibuild* phase: images that Koji's kiwi plugin builds from a description in a repository (facts: kiwibuild 1).

use crate::endings::{self, FileEnding, ISO, plain};
use crate::expand::{check_needed, remark_on_type};
use crate::phase::{Call, Context, Expected, ImagePhase, VariantImage, sent};
use magudi_config::compose_config::Image;
use magudi_config::dump::to_json;
use magudi_config::schema::{Default, Kind, Layout, opt, req, with};
use magudi_config::{Diagnostic, Node, Section, Spanned};
use magudi_engine::artifact::{Artifact, BuiltFile, NotAnImage};
use magudi_engine::method::{Method, Reasons, Results};
use magudi_engine::plan::{About, Keywords, Opts, TaskRequest};
use serde_json::Value as Json;

#[derive(Debug)]
pub struct Kiwibuild;

/// Its method of the hub (facts: kiwibuild 3).
pub static METHOD: Method = Method {
    name: "kiwiBuild",
    task: "kiwiBuild",
    parameters: &[
        "target",
        "arches",
        "desc_url",
        "desc_path",
        "optional_arches",
        "profile",
        "scratch",
        "priority",
        "make_prep",
        "repos",
        "release",
        "type",
        "type_attr",
        "result_bundle_name_format",
        "use_buildroot_repo",
        "version",
        "repo_releasever",
    ],
    stored: &["target", "arches", "desc_url", "desc_path", "opts"],
    rest: true,
    results: Results::Children(&["createKiwiImage"]),
    reasons: Reasons::Children { log: "image-root.{arch}.log" },
    names_build: false,
    title: "kiwibuild",
    logs: "kiwibuild",
    permission: "image",
    channel: "image",
    newer_options: &[],
    marks: &[],
};

/// What kiwi makes beside what every builder does (facts: kiwibuild 6).
const ENDINGS: &[FileEnding] = &[
    FileEnding { ending: "vhdfixed.xz", image_type: "vhd-compressed", format: "vhd.xz" },
    FileEnding { ending: "vagrant.libvirt.box", image_type: "vagrant-libvirt", format: "vagrant-libvirt.box" },
    FileEnding { ending: "vagrant.virtualbox.box", image_type: "vagrant-virtualbox", format: "vagrant-virtualbox.box" },
    ISO,
    plain("erofs.xz", "fex"),
    plain("erofs.gz", "fex"),
    plain("erofs", "fex"),
    plain("squashfs.xz", "fex"),
    plain("squashfs.gz", "fex"),
    plain("squashfs", "fex"),
    FileEnding { ending: "oci.tar.xz", image_type: "container", format: "tar.xz" },
];

/// Image types of kiwi, and what Fedora's descriptions and Koji make of them.
const TYPES: &[&str] = &[
    "appx",
    "btrfs",
    "clicfs",
    "cpio",
    "docker",
    "enclave",
    "erofs",
    "ext2",
    "ext3",
    "ext4",
    "gce",
    "iso",
    "kis",
    "oci",
    "oem",
    "pxe",
    "squashfs",
    "tbz",
    "vagrant",
    "vhd-fixed",
    "wsl",
    "xfs",
];

impl ImagePhase for Kiwibuild {
    fn section(&self) -> &'static Section {
        &SECTION
    }

    fn method(&self) -> &'static Method {
        &METHOD
    }

    fn check(&self, image: &Image, context: &Context<'_>) -> Vec<Diagnostic> {
        let mut found = check_needed(&SECTION, image, context, &["description_scm", "description_path"]);
        let place = context.config.section(SECTION.name).and_then(|section| {
            let kind = section.setting(image, "type")?.as_str().filter(|kind| !kind.is_empty())?;
            Some((kind, section.place(image, "type")?))
        });
        found.extend(place.and_then(|(kind, (path, span))| remark_on_type(Spanned::new(kind, span), path, TYPES)));
        found
    }

    /// The call: every keyword is there, null where nothing is set (facts: kiwibuild 2).
    fn call(&self, asked: VariantImage<'_>) -> Option<Call> {
        let VariantImage { image, section, .. } = asked;
        let setting = |key: &str| section.setting(image, key);
        let text = |key: &str| setting(key).and_then(Node::as_str);
        // A value that has no JSON form has been reported, and such an image is not expanded.
        let value = |key: &str| setting(key).and_then(|node| to_json(node).ok()).unwrap_or_default();
        let optional = asked.optional_arches();
        // As they are written, also those that are not built (facts: kickstart 5); a `*` is not an arch for the hub, which takes letters, digits, `_` and `-`.
        let has_star = image.items("failable").any(|arch| arch.value == "*");
        let listed: Vec<_> = image.items(if has_star { "arches" } else { "failable" }).collect();
        let is_taken = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let optional_arches = if has_star && listed.is_empty() {
            sent(&optional)
        } else {
            listed.iter().map(|arch| arch.value).filter(|arch| !arch.is_empty() && arch.chars().all(is_taken)).collect()
        };
        let release = asked.about.release.as_deref().map_or(Json::Null, Json::from);
        let mut others = Opts::with_capacity(10);
        for (name, value) in [
            ("profile", Json::from(&*asked.about.name)),
            ("release", release),
            ("repos", Json::Array(asked.repositories)),
            ("type", value("type")),
            ("type_attr", value("type_attr")),
            ("result_bundle_name_format", value("bundle_name_format")),
            ("optional_arches", optional_arches),
            ("version", Json::from(&*asked.about.version)),
            ("repo_releasever", value("repo_releasever")),
            ("use_buildroot_repo", Json::Bool(setting("use_buildroot_repo").is_some_and(Node::is_truthy))),
        ] {
            others.insert(name.into(), value);
        }
        let about = About { image_type: text("type").unwrap_or_default().into(), is_open: true, ..asked.about };
        let args = vec![
            Json::from(&*about.target),
            sent(&about.arches),
            Json::from(text("description_scm")?),
            Json::from(text("description_path")?),
        ];
        Some(Call::by_arch(args, Keywords { opts: None, others }, optional, about))
    }

    /// What kiwi makes stands in the description.
    fn expected<'r>(&self, request: &'r TaskRequest) -> Option<Expected<'r>> {
        Some(Expected { image_type: request.about.manifest_type.as_deref()?, format: "" })
    }

    fn describe(&self, request: &TaskRequest, file: &BuiltFile) -> Result<Option<Artifact>, NotAnImage> {
        Ok(endings::describe(ENDINGS, request, file))
    }
}

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
        opt("repos", Kind::Texts).about("Repositories: URLs, paths or variant uids. That of the variant is added."),
        opt("failable", Kind::Texts).about("Arches, or `*` for all: the compose continues if the image fails there."),
        opt("subvariant", Kind::Text)
            .about("Distinguishes images of one variant and type in images.json; the variant's uid by default."),
        opt("type", Kind::Text).or_inherited().about("Type of the image in kiwi; that of the description by default."),
        opt("type_attr", Kind::Texts).or_inherited().about("Attributes of that type."),
        opt("bundle_name_format", Kind::Text).or_inherited().about("How kiwi names the files of the result."),
        opt("version", Kind::Text)
            .or_inherited()
            .about("Version of the build, or a generator such as `!VERSION_FROM_VERSION`."),
        opt("repo_releasever", Kind::Text).or_inherited().about("What stands for `$releasever` in repositories."),
        opt("manifest_type", Kind::Text).about("Type of the image in images.json; that of the file by default."),
        opt("use_buildroot_repo", Kind::Boolean)
            .or_inherited()
            .about("Whether the build target's own repository is added."),
    ],
    label: "kiwi_profile",
    options: &[
        opt("kiwibuild_target", Kind::Text).about("Default build target of kiwi images."),
        opt("kiwibuild_description_scm", Kind::Url).about("Repository of the descriptions."),
        opt("kiwibuild_description_path", Kind::Text).about("Path of the description in the repository."),
        opt("kiwibuild_type", Kind::Text).about("Default type."),
        opt("kiwibuild_type_attr", Kind::Texts).about("Attributes of the type."),
        opt("kiwibuild_bundle_name_format", Kind::Text).about("How kiwi names the files of results."),
        opt("kiwibuild_version", Kind::Text).about("Default version of kiwi images."),
        opt("kiwibuild_repo_releasever", Kind::Text).about("What stands for `$releasever` in repositories."),
        opt("kiwibuild_release", Kind::TextOrNull).about("Default release of kiwi images; null for a generated one."),
        with("kiwibuild_use_buildroot_repo", Kind::Boolean, Default::Boolean(false))
            .about("Whether the build target's own repository is added."),
    ],
};
