//! The *live_media* phase: live media that Koji builds from a kickstart (facts: live-media 1).

use crate::expand::check_needed;
use crate::kickstart::{check_install_tree, in_opts, urls};
use crate::phase::{Call, Context, Expected, ImagePhase, VariantImage, sent};
use crate::repos::REPOSITORY;
use magudi_compose::deliverables::Deliverable;
use magudi_config::compose_config::Image;
use magudi_config::schema::{Kind, Layout, opt, req};
use magudi_config::{Diagnostic, Section};
use magudi_engine::artifact::{Artifact, BuiltFile, NotAnImage};
use magudi_engine::method::{Method, Reasons, Results};
use magudi_engine::plan::{About, Opts, TaskRequest};
use serde_json::{Value as Json, json};

#[derive(Debug)]
pub struct LiveMedia;

/// Its method of the hub, one of three image types that it knows.
pub static METHOD: Method = Method {
    name: "buildImage",
    task: "livemedia",
    parameters: &["name", "version", "arch", "target", "ksfile", "img_type", "opts", "priority"],
    stored: &["name", "version", "arch", "target", "ksfile", "opts"],
    rest: false,
    results: Results::Children(&["createLiveMedia"]),
    reasons: Reasons::Children { log: "livemedia-out.log" },
    names_build: true,
    title: "Live media",
    logs: "live_media",
    permission: "livemedia",
    channel: "livemedia",
    newer_options: &[],
    marks: &[],
};

/// What images.json says of every file.
const EXPECTED: Expected<'static> = Expected { image_type: "live", format: "iso" };

impl ImagePhase for LiveMedia {
    fn section(&self) -> &'static Section {
        &SECTION
    }

    fn arch_variable(&self) -> &'static str {
        "$basearch"
    }

    fn method(&self) -> &'static Method {
        &METHOD
    }

    fn check(&self, image: &Image, context: &Context<'_>) -> Vec<Diagnostic> {
        let mut found = check_needed(&SECTION, image, context, &["ksurl"]);
        found.extend(check_install_tree(image, context, |_| false));
        found
    }

    /// The call as the `koji spin-livemedia` that Pungi starts makes it (facts: live-media 2).
    fn call(&self, asked: VariantImage<'_>) -> Option<Call> {
        let image = asked.image;
        let optional = asked.optional_arches();
        let mut opts = Opts::with_capacity(6);
        opts.insert("compress_arg".into(), json!([]));
        opts.insert(
            "install_tree_url".into(),
            asked.install_tree(&asked.context.resolver(self.arch_variable())).into(),
        );
        opts.insert("ksurl".into(), asked.section.setting(image, "ksurl")?.as_str()?.into());
        let optional_arches = if optional.is_empty() { json!([""]) } else { sent(&optional) };
        opts.insert("optional_arches".into(), optional_arches);
        if let Some(release) = &asked.about.release {
            opts.insert("release".into(), Json::from(&**release));
        }
        let repositories = urls(asked.repositories);
        if !repositories.is_empty() {
            opts.insert("repo".into(), Json::Array(repositories));
        }
        if let Some(ksversion) = image.text("ksversion").filter(|ksversion| !ksversion.value.is_empty()) {
            opts.insert("ksversion".into(), ksversion.value.into());
        }
        for flag in ["scratch", "skip_tag", "nomacboot"] {
            if image.is_true(flag) {
                opts.insert(flag.into(), Json::Bool(true));
            }
        }
        let about = About { image_type: EXPECTED.image_type.into(), scratch: image.is_true("scratch"), ..asked.about };
        let args = vec![
            Json::from(&*about.name),
            Json::from(&*about.version),
            sent(&about.arches),
            Json::from(&*about.target),
            Json::from(image.text("kickstart")?.value),
            Json::from("livemedia"),
        ];
        Some(Call::by_arch(args, in_opts(opts, None), optional, about))
    }

    fn kind(&self) -> &'static str {
        "live-media"
    }

    fn deliverable(&self, request: &TaskRequest) -> Deliverable {
        Deliverable::of_subvariant(&request.variant, &request.subvariant)
    }

    fn expected<'r>(&self, _: &'r TaskRequest) -> Option<Expected<'r>> {
        Some(EXPECTED)
    }

    /// The ISOs of a build, in lower case only (facts: live-media 3).
    fn describe(&self, _: &TaskRequest, file: &BuiltFile) -> Result<Option<Artifact>, NotAnImage> {
        Ok(file.name.ends_with(".iso").then(|| Artifact {
            arch: file.arch.clone().unwrap_or_default(),
            image_type: EXPECTED.image_type.to_owned(),
            format: EXPECTED.format.to_owned(),
            is_iso: true,
            bootable: true,
        }))
    }
}

/// The section and its top-level keys. Errors are reported in this order, as in Pungi.
pub static SECTION: Section = Section {
    name: "live_media",
    about: "Live media built by livemedia tasks: patterns of variant uids, each with a list of images.",
    layout: Layout::PLAIN,
    image: &[
        opt("install_tree_from", Kind::Text).about("Uid of the variant to install from; the image's own by default."),
        req("kickstart", Kind::Text).about("The kickstart, a path in the repository `ksurl`."),
        opt("ksversion", Kind::Text).about("Version of the kickstart's syntax."),
        opt("ksurl", Kind::Url)
            .or_inherited_if_true()
            .about("Repository of the kickstart; a fragment `#HEAD` or `#origin/BRANCH` means the newest commit."),
        opt("version", Kind::Text)
            .or_inherited()
            .about("Version of the build, or a generator such as `!VERSION_FROM_VERSION`."),
        opt("scratch", Kind::Boolean).about("Build a scratch image, without a build in Koji."),
        opt("skip_tag", Kind::Boolean).about("Do not tag the build."),
        req("name", Kind::Text).about("Name of the image, and of its build in Koji."),
        opt("subvariant", Kind::Text)
            .about("Distinguishes images of one variant and type in images.json; the variant's uid by default."),
        opt("repo", Kind::KojiRepositories(REPOSITORY))
            .about("Repositories: URLs, paths or variant uids. That of the variant is added."),
        opt("target", Kind::Text).or_inherited().about("Build target in Koji."),
        opt("arches", Kind::Texts).about("Build only for these arches of the variant."),
        opt("failable", Kind::Texts).about("Arches, or `*` for all: the compose continues if the image fails there."),
        opt("release", Kind::TextOrNull)
            .or_inherited()
            .about("Release of the build, or a generator; empty or null for a generated one."),
        opt("nomacboot", Kind::Boolean).about("Do not make the medium boot on a Mac."),
    ],
    label: "name",
    options: &[
        opt("live_media_ksurl", Kind::Url).about("Repository of the kickstarts."),
        opt("live_media_target", Kind::Text).about("Default build target of live media."),
        opt("live_media_release", Kind::TextOrNull).about("Default release of live media; null for a generated one."),
        opt("live_media_version", Kind::Text).about("Default version of live media."),
    ],
};
