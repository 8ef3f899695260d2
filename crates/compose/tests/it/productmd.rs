//! Files that productmd wrote: ours must be the same.

use crate::text;
use magudi_compose::composeinfo::{composeinfo, composeinfo_base, merge, parse_identity};
use magudi_compose::images::parse_images;
use magudi_compose::variants::{check, parse_variants};
use magudi_compose::{ComposeDir, ComposeIdentity, ComposeType, Label, Product, Variants, pyjson};
use magudi_config::Sources;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

fn identity() -> ComposeIdentity {
    let product = |name: &str, short: &str, version: &str, kind: &str, internal| Product {
        name: name.to_owned(),
        short: short.to_owned(),
        version: version.to_owned(),
        kind: kind.to_owned(),
        internal,
    };
    ComposeIdentity {
        release: product("Test Release", "Test", "9.2", "updates-testing", true),
        base_product: Some(product("Base Product", "BP", "8", "eus", false)),
        date: "20240229".to_owned(),
        kind: ComposeType::Nightly,
        respin: 3,
        label: Some(Label::parse("SecurityFix-1.2").unwrap()),
        is_final: true,
    }
}

fn variants() -> Variants {
    let variants =
        parse_variants(&text("compose/variants.xml"), Path::new("variants.xml"), &mut Sources::new()).unwrap();
    assert!(check(&variants).is_empty());
    variants
}

/// A compose with the directories that the recorded composeinfo.json names.
fn compose() -> (tempfile::TempDir, ComposeDir) {
    let top = tempfile::tempdir().unwrap();
    let dir = ComposeDir::at(top.path());
    for path in ["Server/x86_64/images", "Server/s390x/iso", "Server-RT/x86_64/images", "Edge-Lite/aarch64/iso"] {
        fs::create_dir_all(dir.compose().join(path)).unwrap();
    }
    (top, dir)
}

#[test]
fn composeinfo_is_the_same() {
    let (_top, dir) = compose();
    assert_eq!(
        pyjson::to_string(&composeinfo(&identity(), &variants(), &dir)).unwrap(),
        text("compose/composeinfo.json")
    );
}

#[test]
fn identities_are_read_back() {
    assert_eq!(parse_identity(&text("compose/composeinfo.json")).unwrap(), identity());
    assert_eq!(parse_identity(&composeinfo_base(&identity()).to_string()).unwrap(), identity());
}

#[test]
fn unusable_identities_are_explained() {
    type Change = fn(&mut Value);
    let changes: [(Change, &str); 8] = [
        (
            |v| v["header"]["type"] = json!("productmd.images"),
            "its header says productmd.images 1.2, where productmd.composeinfo 1.x or 2.x is expected",
        ),
        (
            |v| v["header"]["version"] = json!("3.0"),
            "its header says productmd.composeinfo 3.0, where productmd.composeinfo 1.x or 2.x is expected",
        ),
        (|v| v["payload"] = json!(5), "`payload.release.name` is missing or not a string"),
        (|v| v["payload"]["compose"]["respin"] = json!(-1), "`payload.compose.respin` is missing or not a number"),
        (
            |v| v["payload"]["compose"]["date"] = json!("2024-2-9"),
            "`payload.compose.date` is missing or not a date of eight digits",
        ),
        (
            |v| v["payload"]["compose"]["type"] = json!("x"),
            "unknown compose type 'x'; it must be one of production, nightly, test, ci, development",
        ),
        (
            |v| v["payload"]["compose"]["id"] = json!("x"),
            "its id x does not fit its release, date, type and respin, which make Test-9.2-updates-testing-BP-8-eus-20240229.n.3",
        ),
        (|v| v["payload"]["compose"]["label"] = json!(1), "`payload.compose.label` is missing or not a string"),
    ];
    for (change, expected) in changes {
        let mut document = composeinfo_base(&identity());
        change(&mut document);
        assert_eq!(parse_identity(&document.to_string()).unwrap_err().to_string(), expected);
    }
}

#[test]
fn what_others_wrote_is_kept() {
    let (_top, dir) = compose();
    let own = composeinfo(&identity(), &variants(), &dir);
    let mut existing = own.clone();
    let payload = &mut existing["payload"];
    payload["compose"]["label"] = json!("RC-1.0");
    payload["note"] = json!(1);
    payload["variants"]["Cloud"] = json!({"uid": "Cloud"});
    payload["variants"]["Server"]["name"] = json!("theirs");
    payload["variants"]["Server"]["paths"]["images"]["ppc64le"] = json!("theirs");
    payload["variants"]["Server"]["arches"] = json!(["ppc64le"]);
    payload["variants"]["Server"]["paths"]["os_tree"] = json!({"s390x": "Server/s390x/os"});
    let mut expected = own.clone();
    expected["payload"]["note"] = json!(1);
    expected["payload"]["variants"]["Cloud"] = json!({"uid": "Cloud"});
    expected["payload"]["variants"]["Server"]["name"] = json!("theirs");
    expected["payload"]["variants"]["Server"]["paths"]["images"]["ppc64le"] = json!("theirs");
    let mut arches = own["payload"]["variants"]["Server"]["arches"].as_array().unwrap().clone();
    arches.insert(0, json!("ppc64le"));
    expected["payload"]["variants"]["Server"]["arches"] = json!(arches);
    expected["payload"]["variants"]["Server"]["paths"]["os_tree"] = json!({"s390x": "Server/s390x/os"});
    let mut merged = own.clone();
    merge(&mut merged, &existing);
    assert_eq!(merged, expected);
    for odd in [json!(null), json!({"payload": []}), json!({"payload": {"variants": {"Server": 5}}})] {
        let mut merged = own.clone();
        merge(&mut merged, &odd);
        assert_eq!(merged, own);
    }
}

#[test]
fn images_survive_a_round_trip() {
    let text = text("compose/images.json");
    let images = parse_images(&text).unwrap();
    assert_eq!(images.len(), 4);
    images.validate().unwrap();
    assert!(images.shared_identities().is_empty());
    assert_eq!(pyjson::to_string(&images.document(&identity())).unwrap(), text);
}

#[test]
fn damaged_manifests_do_no_harm() {
    for whole in [text("compose/images.json"), text("compose/composeinfo.json")] {
        for (i, c) in whole.char_indices().step_by(7) {
            let (before, after) = (&whole[..i], &whole[i + c.len_utf8()..]);
            assert!(parse_images(before).is_err());
            assert!(parse_identity(before).is_err());
            for changed in ["", "0", "null", "\""] {
                let damaged = format!("{before}{changed}{after}");
                if let Ok(images) = parse_images(&damaged) {
                    let _ = images.validate();
                    parse_images(&serde_json::to_string(&images.document(&identity())).unwrap()).unwrap();
                }
                if let Ok(identity) = parse_identity(&damaged) {
                    assert_eq!(parse_identity(&composeinfo_base(&identity).to_string()).unwrap().id(), identity.id());
                }
            }
        }
    }
}
