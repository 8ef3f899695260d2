//! What is said of images that a hub would take, or seem to, and what is sent of them all the same.

use crate::run::{Planned, plan};
use magudi_engine::plan::TaskRequest;
use magudi_phases::PHASES;
use serde_json::{Value as Json, json};

/// The plan of two sections; every image has a target.
fn planned(section: &str, images: &Json) -> Planned {
    let mut configuration = json!({"global_target": "t", "kiwibuild_description_scm": "https://example.com/d.git#main",
        "kiwibuild_description_path": "d.kiwi"});
    configuration[section] = json!({"^Server$": images});
    plan(PHASES, configuration).unwrap()
}

fn ids(planned: &Planned) -> Vec<String> {
    planned.found.iter().map(|found| format!("{} {}", found.code.id, found.path)).collect()
}

fn ib(more: &[(&str, Json)]) -> Json {
    with(json!({"name": "Minimal", "types": ["minimal-raw-xz"]}), more)
}

fn kw(more: &[(&str, Json)]) -> Json {
    with(json!({"kiwi_profile": "Cloud"}), more)
}

fn with(mut image: Json, more: &[(&str, Json)]) -> Json {
    for (key, value) in more {
        image[*key] = value.clone();
    }
    image
}

/// The plan of images of image_build, each with what it needs.
fn image_build(images: &[Json], parameters: &Json) -> Planned {
    let images = images.iter().map(|image| {
        let mut whole = json!({"name": "IB", "format": ["qcow2"], "kickstart": "k.ks", "distro": "F-1", "ksurl": "git://x/y#a",
            "target": "t"});
        for (key, value) in image.as_object().unwrap() {
            whole[key] = value.clone();
        }
        json!({"image-build": whole, "factory-parameters": parameters})
    });
    plan(PHASES, json!({"image_build": {"^Server$": images.collect::<Json>()}})).unwrap()
}

/// What an image needs and only all phases have in common is no option, and so of any type.
#[test]
fn an_image_that_cannot_be_asked_for_is_never_left_out_in_silence() {
    let kiwi = |global: &Json| {
        let mut configuration = json!({"global_target": "t", "kiwibuild": {"^Server$": [kw(&[])]}});
        for (key, value) in global.as_object().unwrap() {
            configuration[key] = value.clone();
        }
        ids(&plan(PHASES, configuration).unwrap())
    };
    let wrong = kiwi(&json!({"global_description_scm": "https://example.com/d.git#a", "global_description_path": 5}));
    assert_eq!(wrong, ["MG003 global_description_path"]);
    let wrong = kiwi(&json!({"global_description_scm": ["x"], "global_description_path": "d.kiwi"}));
    assert_eq!(wrong, ["MG003 global_description_scm"]);
    let right = json!({"global_description_scm": "https://example.com/d.git#a", "global_description_path": "d.kiwi"});
    assert_eq!(kiwi(&right), Vec::<String>::new());
    for (image, id) in [
        (json!({"format": [[]]}), "MG214 image_build.^Server$.0.image-build.format"),
        (json!({"target": ""}), "MG205 image_build.^Server$.0"),
        (json!({"target": ["t"]}), "MG205 image_build.^Server$.0"),
    ] {
        assert_eq!(ids(&image_build(&[image], &json!({}))), [id]);
    }
}

/// The file in INI syntax knows texts only, no capitals, and a percent sign twice.
#[test]
fn values_of_image_build_are_those_that_its_file_has() {
    let doubled =
        json!({"name": "I%%B", "version": "1%%", "release": "2%%", "target": "t%%", "repo": ["http://a/%%20x"]});
    let parameters = json!({"MyKey": "x", "dict": {"k": 1}, "list": ["a", 1], "n": 5, "none": null});
    let planned = image_build(
        &[doubled, json!({"subvariant": "Other", "release": false, "version": false, "target": 5, "Kickstart": ""})],
        &parameters,
    );
    assert_eq!(ids(&planned), Vec::<String>::new());
    let [first, second] = planned.requests.as_slice() else { panic!("{planned:?}") };
    let opts = |request: &TaskRequest| json!(request.keywords.opts);
    assert_eq!(json!(first.args), json!(["I%B", "1%", first.args[2], "t%", first.args[4]]));
    assert_eq!((&opts(first)["release"], &opts(first)["repo"][0]), (&json!("2%"), &json!("http://a/%20x")));
    let sent = json!([["mykey", "x"], ["dict", "{'k': 1}"], ["list", "a,1"], ["n", "5"], ["none", "None"]]);
    assert_eq!(opts(first)["factory_parameter"], sent);
    assert_eq!((&second.args[1], &second.args[3]), (&json!("42"), &json!("5")));
    assert_eq!((&opts(second)["release"], &opts(second)["kickstart"]), (&json!("20240229.n.0"), &json!("k.ks")));
}

#[test]
fn images_that_a_hub_takes_and_somebody_should_look_at() {
    let rows: &[(&str, Json, &[&str])] = &[
        ("imagebuilder", json!([ib(&[])]), &[]),
        // Types.
        (
            "imagebuilder",
            json!([ib(&[("types", json!(["minimal-raw-xs"]))])]),
            &["MG024 imagebuilder.^Server$.0.types.0"],
        ),
        (
            "imagebuilder",
            json!([ib(&[("types", json!(["game-console"]))])]),
            &["MG025 imagebuilder.^Server$.0.types.0"],
        ),
        ("imagebuilder", json!([ib(&[("types", json!(["qcow2"]))])]), &[]),
        ("kiwibuild", json!([kw(&[("type", json!("iso"))])]), &[]),
        ("kiwibuild", json!([kw(&[("type", json!("dcker"))])]), &["MG024 kiwibuild.^Server$.0.type"]),
        ("kiwibuild", json!([kw(&[("type", json!("floppy"))])]), &["MG025 kiwibuild.^Server$.0.type"]),
        // Hyphens.
        ("imagebuilder", json!([ib(&[("version", json!("4-2"))])]), &["MG218 imagebuilder.^Server$.0.version"]),
        ("kiwibuild", json!([kw(&[("release", json!("1-2"))])]), &["MG218 kiwibuild.^Server$.0.release"]),
        (
            "osbuild",
            json!([{"name": "a", "distro": "d", "image_types": "qcow2", "version": "4-2"}]),
            &["MG218 osbuild.^Server$.0.version"],
        ),
        // One name, or profile, twice.
        ("kiwibuild", json!([kw(&[]), kw(&[])]), &["MG209 kiwibuild.^Server$.1"]),
        ("kiwibuild", json!([kw(&[]), kw(&[("subvariant", json!("Other"))])]), &[]),
        ("kiwibuild", json!([kw(&[("arches", json!(["x86_64"]))]), kw(&[("arches", json!(["aarch64"]))])]), &[]),
        ("kiwibuild", json!([kw(&[("type", json!("oem"))]), kw(&[("type", json!("iso"))])]), &[]),
        ("imagebuilder", json!([ib(&[]), ib(&[])]), &["MG209 imagebuilder.^Server$.1"]),
        ("imagebuilder", json!([ib(&[]), ib(&[("types", json!(["qcow2"]))])]), &[]),
        // Arches that may fail.
        ("kiwibuild", json!([kw(&[("failable", json!(["x86-64"]))])]), &["MG212 kiwibuild.^Server$.0.failable.0"]),
        ("kiwibuild", json!([kw(&[("failable", json!(["*"]))])]), &[]),
        ("osbuild", json!([{"name": "a", "distro": "d", "image_types": "qcow2", "failable": ["*"]}]), &[]),
    ];
    for (section, images, expected) in rows {
        assert_eq!(ids(&planned(section, images)), *expected, "{section} {images}");
    }
}

#[test]
fn what_many_images_inherit_is_said_once() {
    let images = json!([ib(&[]), ib(&[("name", json!("Other")), ("subvariant", json!("Other"))])]);
    let configuration =
        json!({"global_target": "t", "imagebuilder_version": "4-2", "imagebuilder": {"^Server$": images}});
    assert_eq!(ids(&plan(PHASES, configuration).unwrap()), ["MG218 imagebuilder_version"]);
    let images = json!([
        kw(&[]),
        kw(&[("kiwi_profile", json!("Other"))]),
        kw(&[("kiwi_profile", json!("ISO")), ("type", json!("iso"))])
    ]);
    let configuration = json!({"global_target": "t", "kiwibuild_type": "floppy", "kiwibuild_description_scm": "https://example.com/d",
        "kiwibuild_description_path": "d.kiwi", "kiwibuild": {"^Server$": images}});
    assert_eq!(ids(&plan(PHASES, configuration).unwrap()), ["MG025 kiwibuild_type"]);
}

#[test]
fn of_many_images_as_much_is_said_as_of_few() {
    // So many that several threads expand them.
    const IMAGES: usize = 1000;
    let deep = (0..400).fold(json!(1), |inner, _| json!([inner]));
    let image = |number: usize| {
        let name = format!("i{}", if number == IMAGES - 1 { 0 } else { number });
        let more = [("name", json!(name)), ("subvariant", json!(number.to_string())), ("release", json!("1"))];
        let repos = json!(["/a", if number.is_multiple_of(300) { "/b" } else { "https://example.com/" }]);
        ib(&[&more[..], &[("repos", repos)]].concat())
    };
    let mut images: Vec<Json> = (0..IMAGES).map(image).collect();
    images[500]["blueprint"] = json!({"deep": deep});
    images[700]["arches"] = json!(["riscv64"]);
    images[900]["failable"] = json!(["x86_64", "riscv64"]);
    let configuration = json!({"global_target": "t", "imagebuilder_version": "4-2", "imagebuilder": {"^Server$": images, "^None$": []}});
    let planned = plan(PHASES, configuration).unwrap();
    let names: Vec<&str> = planned.requests.iter().map(TaskRequest::name).collect();
    let expected: Vec<String> =
        (0..IMAGES).filter(|n| ![500, 700].contains(n)).map(|n| format!("i{}", n % (IMAGES - 1))).collect();
    assert_eq!(names, expected);
    let local = |path: &str| format!("MG219 imagebuilder.^Server$.0.repos.{path}");
    let image = |id: &str, rest: &str| format!("{id} imagebuilder.^Server$.{rest}");
    let expected = [
        "MG218 imagebuilder_version".to_owned(),
        image("MG211", "500"),
        image("MG206", "700.arches"),
        image("MG231", "900.failable.1"),
        local("0"),
        local("1"),
        "MG202 imagebuilder.^None$".to_owned(),
        image("MG210", "999"),
    ];
    assert_eq!(ids(&planned), expected);
    let shown = |path: &str| planned.found.iter().find(|found| found.path == path).map(|found| found.message.as_str());
    assert!(shown("imagebuilder.^Server$.0.repos.0").is_some_and(|text| text.contains("and 999 more are")));
    assert!(shown("imagebuilder.^Server$.0.repos.1").is_some_and(|text| text.contains("and 3 more are")));
}

#[test]
fn no_star_is_sent() {
    let star = json!([kw(&[("arches", json!(["x86_64", "*"])), ("failable", json!(["*"]))])]);
    let planned = planned("kiwibuild", &star);
    assert_eq!(ids(&planned), ["MG212 kiwibuild.^Server$.0.arches.1"]);
    let request = serde_json::to_value(&planned.requests[0]).unwrap();
    assert_eq!(request["kwargs"]["optional_arches"], json!(["x86_64"]));
}

#[test]
fn a_seed_of_0_is_a_seed() {
    for (image, seed) in
        [(ib(&[("seed", json!(0))]), json!(0)), (ib(&[("seed", json!(7))]), json!(7)), (ib(&[]), Json::Null)]
    {
        let request = serde_json::to_value(&planned("imagebuilder", &json!([image])).requests[0]).unwrap();
        assert_eq!(request["kwargs"]["opts"]["seed"], seed);
    }
}
