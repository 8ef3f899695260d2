//! The recorded cases of Pungi: ids, manifests, deliverables and latest links.

use crate::{fixture, json, text};
use magudi_compose::composeinfo::{composeinfo, composeinfo_base};
use magudi_compose::deliverables::{Deliverable, Deliverables};
use magudi_compose::images::parse_images;
use magudi_compose::latest::latest_name;
use magudi_compose::variants::parse_variants;
use magudi_compose::{ComposeDir, ComposeIdentity, ComposeType, Label, Product, pyjson};
use magudi_config::Sources;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// The names of all cases.
pub fn cases() -> Vec<String> {
    let entries = fs::read_dir(fixture("pungi/cases")).unwrap().map(Result::unwrap);
    let mut names: Vec<String> =
        entries.filter(|e| e.path().is_dir()).map(|e| e.file_name().into_string().unwrap()).collect();
    names.sort();
    assert!(names.len() > 70, "only {} cases", names.len());
    names
}

/// A recorded file of a case.
pub fn expected(case: &str, name: &str) -> Option<Value> {
    json(&format!("pungi/cases/{case}/expected/{name}"))
}

/// The arguments of a case besides the configuration and the target.
pub fn arguments(case: &str) -> Vec<String> {
    let arguments = json(&format!("pungi/cases/{case}/case.json")).and_then(|case| case.get("args").cloned());
    arguments.map_or_else(|| vec!["--test".to_owned()], |arguments| serde_json::from_value(arguments).unwrap())
}

/// The identity of a case, from its configuration and its command line.
fn identity(case: &str) -> Option<ComposeIdentity> {
    let config = expected(case, "config-dump.json")?;
    let get = |key: &str| config[key].as_str().unwrap_or_default().to_owned();
    let (kind, label, supported) = options(&arguments(case))?;
    Some(ComposeIdentity {
        release: Product {
            name: get("release_name"),
            short: get("release_short"),
            version: get("release_version"),
            kind: get("release_type"),
            internal: config["release_internal"].as_bool().unwrap(),
        },
        base_product: None,
        date: "20240229".to_owned(),
        kind,
        respin: 0,
        is_final: supported || label.as_ref().is_some_and(Label::is_final),
        label,
    })
}

/// Compose type, label and whether the compose is supported, as a command line says it; `None` for a bad label.
pub fn options(arguments: &[String]) -> Option<(ComposeType, Option<Label>, bool)> {
    let (mut kind, mut label, mut supported) = (ComposeType::Production, None, false);
    for (i, argument) in arguments.iter().enumerate() {
        match argument.as_str() {
            "--label" => label = Some(Label::parse(&arguments[i + 1]).ok()?),
            "--supported" => supported = true,
            other => {
                if let Some(named) = other.strip_prefix("--").and_then(|name| ComposeType::parse(name).ok()) {
                    kind = named;
                }
            }
        }
    }
    Some((kind, label, supported))
}

#[test]
fn compose_ids_are_the_same() {
    let mut seen = 0;
    for case in cases() {
        let Some(result) = expected(&case, "result.json") else { continue };
        if let (Some(id), Some(identity)) = (result["COMPOSE_ID"].as_str(), identity(&case)) {
            assert_eq!(identity.id(), id, "{case}");
            seen += 1;
        }
    }
    assert!(seen > 50, "only {seen} ids");
}

#[test]
fn base_composeinfos_are_the_same() {
    let mut seen = 0;
    for case in cases() {
        if let (Some(_), Some(identity)) = (expected(&case, "composeinfo-base.json"), identity(&case)) {
            let recorded = text(&format!("pungi/cases/{case}/expected/composeinfo-base.json"));
            assert_eq!(pyjson::to_string(&composeinfo_base(&identity)).unwrap(), recorded, "{case}");
            seen += 1;
        }
    }
    assert!(seen > 50, "only {seen} files");
}

/// Of the paths only those of image phases, as `compare.py` does it.
fn strip_composeinfo(mut composeinfo: Value) -> Value {
    for variant in composeinfo["payload"]["variants"].as_object_mut().unwrap().values_mut() {
        variant["paths"].as_object_mut().unwrap().retain(|field, _| field == "images" || field == "isos");
    }
    composeinfo
}

#[test]
fn composeinfos_are_the_same() {
    let mut seen = 0;
    for case in cases() {
        let Some(recorded) = expected(&case, "composeinfo.json") else { continue };
        let top = tempfile::tempdir().unwrap();
        for file in expected(&case, "files.json").unwrap().as_array().unwrap() {
            let path = file["path"].as_str().unwrap();
            let (directory, _) = path.rsplit_once('/').unwrap_or_default();
            fs::create_dir_all(top.path().join(directory)).unwrap();
        }
        let xml = text(&format!("pungi/cases/{case}/variants.xml"));
        let variants = parse_variants(&xml, Path::new("variants.xml"), &mut Sources::new()).unwrap();
        let ours = composeinfo(&identity(&case).unwrap(), &variants, &ComposeDir::at(top.path()));
        assert_eq!(
            pyjson::to_string(&ours).unwrap(),
            pyjson::to_string(&strip_composeinfo(recorded)).unwrap(),
            "{case}"
        );
        seen += 1;
    }
    assert!(seen > 40, "only {seen} files");
}

/// The cases whose images.json productmd 1.51 refuses to load, as it holds images that cannot be told apart.
const UNREADABLE: [&str; 9] = [
    "c02_regex",
    "c09_repo_forms",
    "c13_hierarchy",
    "c16a_gen_test",
    "c16c_gen_nightly",
    "c16e_gen_production_rc",
    "c16g_gen_production_nolabel",
    "c16i_gen_update",
    "c35_dup_unique",
];

#[test]
fn images_survive_a_round_trip() {
    let mut seen = 0;
    for case in cases() {
        let name = format!("pungi/cases/{case}/expected/images.json");
        // Pungi leaves an empty file when productmd refuses an image.
        if !fixture(&name).exists() || text(&name).is_empty() {
            continue;
        }
        let recorded = text(&name);
        let images = parse_images(&recorded).unwrap_or_else(|error| panic!("{case}: {error}"));
        images.validate().unwrap_or_else(|problems| panic!("{case}: {problems:?}"));
        assert_eq!(!images.shared_identities().is_empty(), UNREADABLE.contains(&case.as_str()), "{case}");
        assert_eq!(pyjson::to_string(&images.document(&identity(&case).unwrap())).unwrap(), recorded, "{case}");
        seen += images.len();
    }
    assert!(seen > 60, "only {seen} images");
}

#[test]
fn deliverables_are_the_same() {
    type Add = fn(&mut Deliverables, &str, Deliverable);
    let mut seen = 0;
    for case in cases() {
        let Some(recorded) = expected(&case, "deliverables.json") else { continue };
        let mut ours = Deliverables::new();
        let lists: [(&str, Add); 3] =
            [("required", Deliverables::require), ("failed", Deliverables::fail), ("attempted", Deliverables::attempt)];
        for (list, add) in lists {
            for (phase, items) in recorded[list].as_object().unwrap() {
                for item in items.as_array().unwrap() {
                    let deliverable = Deliverable::of_variant(item[0].as_str().unwrap());
                    add(&mut ours, phase, deliverable);
                    seen += 1;
                }
            }
        }
        assert_eq!(
            pyjson::to_string(&ours).unwrap(),
            text(&format!("pungi/cases/{case}/expected/deliverables.json")),
            "{case}"
        );
    }
    assert!(seen > 60, "only {seen} deliverables");
}

#[test]
fn latest_links_are_the_same() {
    let mut seen = 0;
    for case in cases() {
        let Some(result) = expected(&case, "result.json") else { continue };
        let listing = result["target_listing"].as_array().unwrap();
        let Some(link) = listing.iter().filter_map(Value::as_str).find(|name| name.contains(" -> ")) else { continue };
        let arguments = arguments(&case);
        let mut components = -1;
        for (i, argument) in arguments.iter().enumerate() {
            if let Some(value) = argument.strip_prefix("--latest-link-components") {
                components = value.strip_prefix('=').unwrap_or_else(|| &arguments[i + 1]).parse().unwrap();
            }
        }
        let identity = identity(&case).unwrap();
        assert_eq!(link, format!("{} -> {}", latest_name(&identity, components), identity.id()), "{case}");
        seen += 1;
    }
    assert!(seen > 30, "only {seen} links");
}
