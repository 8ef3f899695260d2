//! A made-up phase: what it takes to add one ([Adding a phase](../../../docs/adding-a-phase.md)). It asks a forge for
//! images, and a simulated hub with a plugin for that builds them. This file is all there is of it.

use crate::run;
use magudi_compose::status::Status;
use magudi_config::schema::{Kind, Layout, opt, req};
use magudi_config::{Diagnostic, Section, codes};
use magudi_devhub::plugin::{Plugin, WantedBuild};
use magudi_engine::artifact::{Artifact, BuiltFile, NotAnImage};
use magudi_engine::method::{Method, Reasons, Results};
use magudi_engine::plan::{About, Keywords, Opts, TaskRequest};
use magudi_koji::Value;
use magudi_phases::endings;
use magudi_phases::phase::{Call, Context, Expected, ImagePhase, VariantImage, sent};
use serde_json::{Value as Json, json};

#[derive(Debug)]
struct Forge;

static METHOD: Method = Method {
    name: "forgeImage",
    task: "forgeImage",
    parameters: &["name", "version", "target", "arches", "metal", "opts"],
    stored: &["name", "version", "target", "arches", "metal", "opts"],
    rest: false,
    results: Results::Children(&["forgeArch"]),
    reasons: Reasons::Children { log: "build.log" },
    names_build: true,
    title: "Forge",
    logs: "forge",
    permission: "image",
    channel: "image",
    newer_options: &[],
    marks: &[],
};

static SECTION: Section = Section {
    name: "forge",
    about: "Images from the forge: patterns of variant uids, each with a list of images.",
    layout: Layout::PLAIN,
    image: &[
        req("name", Kind::Text).about("Name of the image."),
        req("metal", Kind::Text).about("What it is made of."),
        opt("target", Kind::Text).or_inherited().about("Build target in Koji."),
        opt("arches", Kind::Texts).about("Build only for these arches."),
        opt("failable", Kind::Texts).about("Arches that may fail."),
    ],
    label: "name",
    options: &[opt("forge_target", Kind::Text).about("Default build target.")],
};

impl ImagePhase for Forge {
    fn section(&self) -> &'static Section {
        &SECTION
    }

    fn method(&self) -> &'static Method {
        &METHOD
    }

    fn check(&self, image: &magudi_config::compose_config::Image, _: &Context<'_>) -> Vec<Diagnostic> {
        let soft = image.text("metal").filter(|metal| metal.value == "lead");
        let said = |at| Diagnostic::new(&codes::NOT_ALLOWED, image.path_of("metal"), "lead is too soft").at(at);
        soft.map(|metal| said(metal.span)).into_iter().collect()
    }

    fn call(&self, asked: VariantImage<'_>) -> Option<Call> {
        let (optional, about) = (asked.optional_arches(), asked.about);
        let metal = asked.image.text("metal")?.value;
        let args =
            vec![json!(&*about.name), json!(&*about.version), json!(&*about.target), sent(&about.arches), json!(metal)];
        let mut opts = Opts::default();
        opts.insert("repos".into(), Json::Array(asked.repositories));
        opts.insert("optional_arches".into(), sent(&optional));
        let about = About { image_type: "qcow2".into(), ..about };
        Some(Call::by_arch(args, Keywords::of_opts(opts), optional, about))
    }

    fn expected<'r>(&self, _: &'r TaskRequest) -> Option<Expected<'r>> {
        Some(Expected { image_type: "qcow2", format: "qcow2" })
    }

    fn describe(&self, request: &TaskRequest, file: &BuiltFile) -> Result<Option<Artifact>, NotAnImage> {
        Ok(endings::describe(&[], request, file))
    }
}

/// The hub's side of it.
impl Plugin for Forge {
    const METHOD: &'static str = "forgeImage";
    const SIGNATURE: &'static str = "name version target arches metal opts=None";
    const PHASE: &'static str = "forge";
    const CHILD_METHOD: &'static str = "forgeArch";

    fn wanted(&self, args: &[Value]) -> WantedBuild {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let texts = |value: &Value| value.as_array().unwrap().iter().map(text).collect();
        WantedBuild {
            name: text(&args[0]),
            version: text(&args[1]),
            release: "1".to_owned(),
            target: text(&args[2]),
            arches: texts(&args[3]),
            optional_arches: texts(&args[5]["optional_arches"]),
        }
    }

    fn endings(&self, _: &[Value]) -> Vec<String> {
        vec!["qcow2".to_owned()]
    }
}

fn configuration(metal: &str) -> Json {
    let sword = json!({"name": "Sword", "metal": metal, "failable": ["aarch64"]});
    json!({"forge_target": "f42-image", "forge": {"^Server$": [sword]}})
}

#[test]
fn a_phase_that_nobody_has_builds_its_images() {
    let scenario = json!({"child_fail": {"Sword": {"aarch64": "no coal"}}});
    let compose = run::run(&[&Forge], configuration("iron"), run::hub(&scenario, &Forge)).unwrap();
    assert_eq!(compose.status, Status::FinishedIncomplete, "{:?}", compose.log);
    let image = &compose.images["payload"]["images"]["Server"]["x86_64"][0];
    assert_eq!(image["path"], "Server/x86_64/images/Sword-42-1.x86_64.qcow2");
    assert_eq!((&image["type"], &image["format"]), (&json!("qcow2"), &json!("qcow2")));
    assert_eq!(compose.images["payload"]["images"]["Server"]["aarch64"], Json::Null);
    assert!(compose.log.iter().any(|line| line.contains("no coal")), "{:?}", compose.log);
}

#[test]
fn its_section_is_checked_as_all_are() {
    let mut misspelt = configuration("iron");
    misspelt["forge"]["^Server$"][0]["matel"] = json!("iron");
    for (configuration, path) in [(misspelt, "forge.^Server$.0"), (configuration("lead"), "forge.^Server$.0.metal")] {
        let found = run::run(&[&Forge], configuration, run::hub(&json!({}), &Forge)).unwrap_err();
        assert_eq!(found.iter().map(|found| &*found.path).collect::<Vec<_>>(), [path]);
    }
}
