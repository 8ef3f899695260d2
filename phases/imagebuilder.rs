//! The *imagebuilder* phase: images that Koji's image-builder plugin builds (facts: imagebuilder 1).

use crate::endings::{self, FileEnding, ISO, plain};
use crate::expand::remark_on_type;
use crate::phase::{Call, Context, Expected, ImagePhase, VariantImage, sent};
use magudi_config::compose_config::Image;
use magudi_config::dump::to_json;
use magudi_config::schema::{Key, Kind, Layout, images, opt, req};
use magudi_config::{Diagnostic, Node, Section, codes};
use magudi_engine::artifact::{Artifact, BuiltFile, NotAnImage};
use magudi_engine::method::{Method, Reasons, Results};
use magudi_engine::plan::{About, Keywords, Opts, TaskRequest};
use serde_json::Value as Json;

#[derive(Debug)]
pub struct Imagebuilder;

/// Its method of the hub (facts: imagebuilder 3).
pub static METHOD: Method = Method {
    name: "imageBuilderBuild",
    task: "imageBuilderBuild",
    parameters: &["target", "arches", "types", "name", "version", "opts", "priority"],
    stored: &["target", "arches", "types", "name", "version", "opts"],
    rest: false,
    results: Results::Children(&["imageBuilderBuildArch"]),
    reasons: Reasons::Children { log: "mock_output.log" },
    names_build: true,
    title: "imageBuilderBuild",
    logs: "imageBuilderBuild",
    permission: "image",
    channel: "image",
    newer_options: &["failable_arches"],
    marks: &[],
};

/// What image-builder makes beside what every builder does (facts: imagebuilder 5).
const ENDINGS: &[FileEnding] = &[
    FileEnding { ending: "vagrant.libvirt.box", image_type: "vagrant-libvirt", format: "vagrant-libvirt.box" },
    FileEnding { ending: "vagrant.virtualbox.box", image_type: "vagrant-virtualbox", format: "vagrant-virtualbox.box" },
    FileEnding { ending: "oci.tar.xz", image_type: "container", format: "tar.xz" },
    plain("wsl", "wsl2"),
    ISO,
];

/// Image types of image-builder beside those that it has in common with composer.
const TYPES: &[&str] = &[
    "cloud-azure",
    "cloud-ec2",
    "cloud-gce",
    "cloud-qcow2",
    "generic-qcow2",
    "iot-qcow2-image",
    "iot-raw-xz",
    "minimal-raw-xz",
    "minimal-raw-zst",
    "server-qcow2",
    "server-vagrant-libvirt",
    "workstation-live-installer",
];

impl ImagePhase for Imagebuilder {
    fn section(&self) -> &'static Section {
        &SECTION
    }

    fn method(&self) -> &'static Method {
        &METHOD
    }

    /// What the hub refuses (facts: imagebuilder 3).
    fn check(&self, image: &Image, _: &Context<'_>) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let number = image.items("types").count();
        if let Some(types) = image.get("types").filter(|_| number != 1) {
            let message = format!("`types` has {number} entries; a task builds images of exactly one type");
            let at = image.path_of("types");
            let help = "give each type an image of its own, with a name or release of its own";
            found.push(Diagnostic::new(&codes::NOT_ONE_TYPE, at, message).at(types.span).help(help));
        }
        let types = image.items("types").enumerate();
        let unlisted = types.filter(|(_, kind)| !images::is_known(kind.value));
        found
            .extend(unlisted.filter_map(|(place, kind)| {
                remark_on_type(kind, format!("{}.{place}", image.path_of("types")), TYPES)
            }));
        for (key, _) in image.get("ostree").and_then(Node::as_dict).into_iter().flat_map(|ostree| &ostree.entries) {
            let Some(name) = key.as_str().filter(|name| OSTREE.iter().all(|known| known.name != *name)) else {
                continue;
            };
            let message = format!("image-builder knows no ostree key `{name}`");
            let at = format!("{}.{name}", image.path_of("ostree"));
            let help = "the keys are parent, ref and url";
            found.push(Diagnostic::new(&codes::UNKNOWN_OSTREE_KEY, at, message).at(key.span).help(help));
        }
        found
    }

    /// image-builder fills in both (facts: imagebuilder 8).
    fn knows_basearch(&self) -> bool {
        true
    }

    /// The call: what is empty or false is left out, but for a seed of 0 (facts: imagebuilder 2, imagebuilder 3). Arches that may fail are
    /// named when others may not; when all may, the whole task may.
    fn call(&self, asked: VariantImage<'_>) -> Option<Call> {
        let VariantImage { image, section, .. } = asked;
        let optional = asked.optional_arches();
        let mut opts = Opts::with_capacity(4);
        opts.insert("repos".into(), Json::Array(asked.repositories));
        if let Some(release) = &asked.about.release {
            opts.insert("release".into(), Json::from(&**release));
        }
        for key in ["seed", "scratch", "ostree", "blueprint"] {
            // A value that has no JSON form has been reported, and such an image is not expanded.
            let given = section.setting(image, key).filter(|node| key == "seed" || node.is_truthy());
            if let Some(Ok(value)) = given.map(to_json) {
                opts.insert(key.into(), value);
            }
        }
        if !optional.is_empty() && optional.len() < asked.about.arches.len() {
            opts.insert("failable_arches".into(), sent(&optional));
        }
        let scratch = opts.contains_key("scratch");
        let types = image.get("types").and_then(|types| to_json(types).ok())?;
        let image_type = image.items("types").next().map(|kind| kind.value.into());
        let about = About { image_type: image_type.unwrap_or_default(), scratch, is_open: true, ..asked.about };
        let mut others = Opts::with_capacity(3);
        others.insert("types".into(), types);
        others.insert("name".into(), Json::from(&*about.name));
        others.insert("version".into(), Json::from(&*about.version));
        let args = vec![Json::from(&*about.target), sent(&about.arches)];
        Some(Call::by_arch(args, Keywords { opts: Some(opts), others }, optional, about))
    }

    fn kind(&self) -> &'static str {
        METHOD.name
    }

    /// Which files an image type has is image-builder's to know.
    fn expected<'r>(&self, request: &'r TaskRequest) -> Option<Expected<'r>> {
        Some(Expected { image_type: request.about.manifest_type.as_deref()?, format: "" })
    }

    fn describe(&self, request: &TaskRequest, file: &BuiltFile) -> Result<Option<Artifact>, NotAnImage> {
        Ok(endings::describe(ENDINGS, request, file))
    }
}

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
        opt("repos", Kind::Texts).about("Repositories: URLs, paths or variant uids. That of the variant is added."),
        opt("release", Kind::Text)
            .or_inherited()
            .about("Release of the build, or a generator; empty for a generated one."),
        opt("distro", Kind::Text).about("Accepted but not sent, as in Pungi: image-builder builds what its host is."),
        opt("scratch", Kind::Boolean).or_inherited().about("Build a scratch image, without a build in Koji."),
        opt("ostree", Kind::Open(OSTREE)).about("The ostree commit to build or to install."),
        opt("failable", Kind::Texts).about("Arches, or `*` for all: the compose continues if the image fails there."),
        opt("subvariant", Kind::Text)
            .about("Distinguishes images of one variant and type in images.json; the variant's uid by default."),
        opt("blueprint", Kind::Object).about("Blueprint, as image-builder takes it."),
        opt("seed", Kind::Integer).or_inherited().about("Seed of image-builder's random numbers."),
        opt("manifest_type", Kind::Text).about("Type of the image in images.json; that of the file by default."),
    ],
    label: "name",
    options: &[
        opt("imagebuilder_target", Kind::Text).about("Default build target."),
        opt("imagebuilder_release", Kind::TextOrNull).about("Default release; null for a generated one."),
        opt("imagebuilder_version", Kind::Text).about("Default version."),
        opt("imagebuilder_seed", Kind::Integer).about("Seed of image-builder's random numbers."),
        opt("imagebuilder_scratch", Kind::Boolean).about("Build scratch images, without builds in Koji."),
    ],
};

const OSTREE: &[Key] = &[
    opt("parent", Kind::Text).about("The ostree ref or commit to build on."),
    opt("ref", Kind::Text).about("The ostree ref to commit to."),
    opt("url", Kind::Text).about("URL of the ostree repository."),
];
