//! What holds for the manifests of a compose: what is read is written as the same, and what two runs or two tools wrote into
//! one compose is all there afterwards.

use crate::configuration::some_variants;
use crate::files;
use crate::variants::some_identity;
use magudi_compose::cloud_uploads::{self, parse_cloud_uploads};
use magudi_compose::composeinfo::{self, parse_identity};
use magudi_compose::images::{Image, Images, parse_images};
use magudi_compose::layout::ComposeDir;
use magudi_compose::variants::Variants;
use magudi_config::Sources;
use serde_json::Value as Json;
use std::path::Path;

type Listed<'i> = (&'i str, &'i str, &'i Image);

/// Two images.json: that of the compose, and that of a run that added to it.
pub fn images(data: &[u8]) {
    let mut texts = files(data).map(std::str::from_utf8);
    let mut next = || parse_images(texts.next()?.ok()?).ok();
    let Some(old) = next() else { return };
    check_images(&old);
    let Some(new) = next() else { return };
    check_images(&new);
    let mut merged = old.clone();
    merged.merge(new.clone());
    let place = |one: &Listed<'_>, other: &Listed<'_>| (one.0, one.1, &one.2.path) == (other.0, other.1, &other.2.path);
    let kept: Vec<Listed<'_>> = old.iter().filter(|old| !new.iter().any(|new| place(old, &new))).collect();
    for image in kept.iter().copied().chain(new.iter()) {
        assert!(merged.iter().any(|found| found == image), "{image:?} is lost");
    }
    assert_eq!(merged.len(), kept.len() + new.len());
    let mut again = merged.clone();
    again.merge(new);
    assert_eq!(document(&again), document(&merged));
}

fn document(images: &Images) -> Json {
    serde_json::to_value(images.document(&some_identity())).unwrap_or_else(|problem| panic!("{problem}"))
}

fn check_images(images: &Images) {
    let _ = images.validate();
    let _ = images.shared_identities();
    let written = document(images);
    let back = parse_images(&written.to_string()).unwrap_or_else(|problem| panic!("{problem}: {written}"));
    assert_eq!(back.len(), images.len());
    assert_eq!(document(&back), written);
    for (uid, arch, image) in images.iter() {
        // Readers refuse an image that has further variants without being unified.
        if image.unified || image.additional_variants.is_empty() {
            assert!(back.iter().any(|found| found == (uid, arch, image)), "{image:?} is lost");
        }
    }
}

/// The composeinfo.json that another tool wrote, whatever it holds.
pub fn composeinfo(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let nowhere = ComposeDir::at(Path::new("/nowhere"));
    if let Ok(identity) = parse_identity(text) {
        let written = composeinfo::composeinfo(&identity, &Variants::default(), &nowhere);
        let mut back = parse_identity(&written.to_string()).unwrap_or_else(|problem| panic!("{problem}: {written}"));
        // Nothing but a label says in the file whether a compose is final.
        back.is_final = identity.is_final;
        assert_eq!(back, identity);
    }
    let Ok(existing) = serde_json::from_str::<Json>(text) else { return };
    let own = composeinfo::composeinfo(&some_identity(), &some_variants(&mut Sources::new()), &nowhere);
    let mut merged = own.clone();
    composeinfo::merge(&mut merged, &existing);
    identity_holds(&merged, &own);
    variants_hold(&merged, &own);
    variants_hold(&merged, &existing);
    let members =
        |document: &Json, at: &str| document.pointer(at).and_then(Json::as_object).cloned().unwrap_or_default();
    for at in ["", "/payload", "/payload/variants"] {
        let mine = members(&own, at);
        for (key, value) in members(&existing, at).iter().filter(|(key, _)| !mine.contains_key(*key)) {
            // Whether there is a base product is for the configuration to say.
            if at != "/payload" || key != "base_product" {
                assert_eq!(members(&merged, at).get(key), Some(value), "{at}/{key} is lost");
            }
        }
    }
    let mut again = merged.clone();
    composeinfo::merge(&mut again, &existing);
    assert_eq!(again, merged);
}

/// Which compose it is, is for us to say.
fn identity_holds(merged: &Json, own: &Json) {
    for block in ["/header", "/payload/compose", "/payload/release"] {
        for (key, value) in own.pointer(block).and_then(Json::as_object).into_iter().flatten() {
            assert_eq!(merged.pointer(block).and_then(|merged| merged.get(key)), Some(value), "{block}/{key}");
        }
    }
}

/// Nothing that `part` lists of a variant is lost: no arch, no path.
fn variants_hold(merged: &Json, part: &Json) {
    let variants = part.pointer("/payload/variants").and_then(Json::as_object);
    for (uid, block) in variants.into_iter().flatten() {
        let merged = &merged["payload"]["variants"][uid];
        let words = |block: &Json, key: &str| -> Vec<Json> {
            let list = block.get(key).and_then(Json::as_array).cloned().unwrap_or_default();
            list.into_iter().filter(Json::is_string).collect()
        };
        if merged.get("arches").is_some_and(Json::is_array) {
            let all = words(merged, "arches");
            assert!(words(block, "arches").iter().all(|arch| all.contains(arch)), "{block} is not in {merged}");
        }
        for (field, paths) in block.get("paths").and_then(Json::as_object).into_iter().flatten() {
            let all = merged["paths"].get(field).and_then(Json::as_object);
            let lost = |arch: &String| all.is_some_and(|all| !all.contains_key(arch));
            assert!(!paths.as_object().into_iter().flatten().any(|(arch, _)| lost(arch)), "{block} is not in {merged}");
        }
    }
}

/// A cloud-uploads.json.
pub fn uploads(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(mut uploads) = parse_cloud_uploads(text) else { return };
    let written = cloud_uploads::to_json(&uploads, &some_identity()).to_string();
    let mut back = parse_cloud_uploads(&written).unwrap_or_else(|problem| panic!("{problem}: {written}"));
    uploads.sort();
    back.sort();
    assert_eq!(back, uploads);
    for upload in uploads {
        let _ = upload.location();
    }
}
