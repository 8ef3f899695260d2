//! What holds for every variants file: uids say whose child a variant is, no child has an arch that its parent lacks, and a
//! filter only leaves out.

use crate::diagnostics::{check, check_span};
use magudi_compose::composeinfo::{composeinfo, merge, parse_identity};
use magudi_compose::identity::{ComposeIdentity, ComposeType, Product};
use magudi_compose::layout::ComposeDir;
use magudi_compose::variants::{self, VariantKind, Variants, parse_variants};
use magudi_config::Sources;
use magudi_config::diagnostic::has_errors;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;

/// A variants file.
pub fn variants(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut sources = Sources::new();
    match parse_variants(text, Path::new("variants.xml"), &mut sources) {
        Err(problems) => {
            assert!(has_errors(&problems) && problems.iter().all(|problem| problem.span.is_some()), "{problems:?}");
            check(&problems, &sources);
        }
        Ok(parsed) => {
            check_family(&parsed, &sources);
            check(&variants::check(&parsed), &sources);
            check_filter(&parsed);
            check_composeinfo(&parsed);
        }
    }
}

fn check_family(variants: &Variants, sources: &Sources) {
    let mut seen: HashMap<&str, &variants::Variant> = HashMap::new();
    for variant in variants.all() {
        check_span(variant.span, sources);
        assert!(variant.arches.is_sorted() && !variant.arches.iter().any(|arch| arch.is_empty() || arch == "src"));
        match &variant.parent {
            None => assert_eq!((variant.depth, &variant.uid), (0, &variant.id)),
            Some(uid) => {
                let parent = seen.get(uid.as_str()).unwrap_or_else(|| panic!("{uid} comes after its child"));
                assert_eq!(variant.uid, format!("{uid}-{}", variant.id));
                assert_eq!((parent.kind, parent.depth + 1), (VariantKind::Variant, variant.depth));
                assert!(parent.children.contains(&variant.uid));
            }
        }
        seen.insert(&variant.uid, variant);
    }
    let ordered: Vec<&str> = variants.ordered().map(|variant| variant.uid.as_str()).collect();
    assert_eq!(ordered.len(), variants.all().filter(|variant| variant.depth <= 1).count());
}

fn check_filter(all: &Variants) {
    let arches: Vec<String> = all.all().flat_map(|variant| variant.arches.iter().take(1).cloned()).take(2).collect();
    let mut some = all.clone();
    let lines = some.filter(&arches, &[]);
    assert!(lines.len() + some.all().count() <= all.all().count());
    if !arches.is_empty() {
        assert!(some.all().all(|variant| variant.arches.iter().all(|arch| arches.contains(arch))));
    }
    let left: BTreeSet<&str> = some.all().map(|variant| variant.uid.as_str()).collect();
    for variant in some.all() {
        assert!(variant.parent.iter().chain(&variant.children).all(|uid| left.contains(uid.as_str())));
    }
}

fn check_composeinfo(variants: &Variants) {
    let identity = some_identity();
    let info = composeinfo(&identity, variants, &ComposeDir::at(Path::new("/nowhere")));
    let listed = info.pointer("/payload/variants").and_then(|variants| variants.as_object()).map(serde_json::Map::len);
    let uids: BTreeSet<&str> = variants.all().map(|variant| variant.uid.as_str()).collect();
    assert_eq!(listed, Some(uids.len()));
    let mut merged = info.clone();
    merge(&mut merged, &info);
    assert_eq!(merged, info);
    assert_eq!(parse_identity(&info.to_string()).ok(), Some(identity));
}

/// The identity of a compose.
pub(crate) fn some_identity() -> ComposeIdentity {
    ComposeIdentity {
        release: Product {
            name: "Test Release".to_owned(),
            short: "Test".to_owned(),
            version: "9.2".to_owned(),
            kind: "ga".to_owned(),
            internal: false,
        },
        base_product: None,
        date: "20240229".to_owned(),
        kind: ComposeType::Test,
        respin: 0,
        label: None,
        is_final: false,
    }
}
