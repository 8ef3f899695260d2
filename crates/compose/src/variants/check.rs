//! What productmd refuses about variants, found before anything is built (facts: variants 10).

use super::problems::CONFIG_PATH;
use super::{Variant, Variants};
use crate::arches::{RPM_ARCHES, is_rpm_arch};
use magudi_config::did_you_mean::suggest;
use magudi_config::{Diagnostic, Node, Text, codes};
use std::collections::HashMap;

/// Everything that [`check_ids`] and [`check_arches`] find. For variants that are already filtered.
pub fn check(variants: &Variants) -> Vec<Diagnostic> {
    let mut found = check_ids(variants);
    found.extend(check_arches(variants));
    found
}

/// Arches that productmd does not know.
pub fn check_arches(variants: &Variants) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for variant in variants.all() {
        let mut unknown: Vec<&str> =
            variant.arches.iter().map(String::as_str).filter(|arch| !is_usable(arch)).collect();
        unknown.dedup();
        for arch in unknown {
            let message = format!("variant {}: unknown arch '{arch}'", variant.uid);
            let diagnostic = Diagnostic::new(&codes::UNKNOWN_ARCH, CONFIG_PATH, message).at(variant.span);
            found.push(match suggest(arch, RPM_ARCHES) {
                Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                None => diagnostic
                    .help("readers of composeinfo.json and images.json refuse it; use an rpm arch such as x86_64"),
            });
        }
    }
    found
}

/// Variants that are left out for want of an arch, and entries of `tree_arches` and `tree_variants` that name nothing. For
/// variants that are not filtered yet.
pub fn check_filters(variants: &Variants, tree_arches: &[Text], tree_variants: &[Text]) -> Vec<Diagnostic> {
    let uids: Vec<&str> = variants.all().map(|variant| variant.uid.as_str()).collect();
    let unused = |option: &str, place: usize, entry: &Text, what: &str, near: Option<&str>| {
        let message = format!("there is no {what} '{}'", entry.value);
        let diagnostic = Diagnostic::new(&codes::UNUSED_FILTER, format!("{option}.{place}"), message).at(entry.span);
        match near {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic,
        }
    };
    let arches = tree_arches.iter().enumerate().filter(|(_, arch)| !is_rpm_arch(arch.as_str()));
    let names = tree_variants.iter().enumerate().filter(|(_, uid)| !uids.contains(&uid.as_str()));
    let bare = variants.all().filter(|variant| variant.arches.is_empty()).map(|variant| {
        let message = format!("variant {} has no arch and is left out", variant.uid);
        Diagnostic::new(&codes::NO_VARIANT_ARCH, CONFIG_PATH, message).at(variant.span)
    });
    arches
        .map(|(place, arch)| unused("tree_arches", place, arch, "arch", suggest(arch.as_str(), RPM_ARCHES)))
        .chain(names.map(|(place, uid)| {
            unused("tree_variants", place, uid, "variant", suggest(uid.as_str(), uids.iter().copied()))
        }))
        .chain(bare)
        .collect()
}

/// The option whose pairs name variants: one, and the one whose packages it takes for its own.
pub const LOOKASIDE: &str = "variant_as_lookaside";

/// Pairs of [`LOOKASIDE`] that Pungi's gather phase refuses: where there is the first variant, the second must be there and have all
/// its arches. For variants that are already filtered.
pub fn check_lookaside(variants: &Variants, pairs: Option<&Node>) -> Vec<Diagnostic> {
    let of = |uid: &str| variants.all().find(|variant| variant.uid == uid);
    let pairs = pairs.and_then(Node::as_array).unwrap_or_default().iter().enumerate();
    let check = |(place, pair): (usize, &Node)| {
        let [variant, lookaside] = pair.as_array()? else { return None };
        let (variant, name) = (of(variant.as_str()?)?, lookaside.as_str()?);
        let at = |message: String| {
            Diagnostic::new(&codes::LOOKASIDE, format!("{LOOKASIDE}.{place}.1"), message).at(lookaside.span)
        };
        let Some(found) = of(name) else {
            let shown = name.escape_debug();
            let found = at(format!("there is no variant `{shown}`, which {} takes packages from", variant.uid));
            return Some(match suggest(name, variants.all().map(|variant| variant.uid.as_str())) {
                Some(near) => found.help(format!("did you mean `{near}`?")),
                None => found,
            });
        };
        let missing: Vec<&str> = variant
            .arches
            .iter()
            .map(String::as_str)
            .filter(|arch| !found.arches.iter().any(|other| other == arch))
            .collect();
        (!missing.is_empty()).then(|| {
            at(format!(
                "variant {} is built for {}, and {name}, which it takes packages from, is not",
                variant.uid,
                missing.join(", ")
            ))
        })
    };
    pairs.filter_map(check).collect()
}

/// Source packages are no arch that images are built for.
fn is_usable(arch: &str) -> bool {
    is_rpm_arch(arch) && arch != "nosrc"
}

/// Ids and names that productmd refuses: ids are letters and digits, at the top level also dashes; uids are unique; names
/// are not empty.
pub fn check_ids(variants: &Variants) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut seen: HashMap<&str, &Variant> = HashMap::new();
    for variant in variants.all() {
        let plain = variant.id.replace('-', "");
        if plain.is_empty() || !plain.bytes().all(|b| b.is_ascii_alphanumeric()) {
            let message = format!("variant id '{}' must be made of the letters A-Z, a-z and digits", variant.id);
            found.push(invalid(variant, message));
        } else if variant.parent.is_some() && variant.id.contains('-') {
            found.push(invalid(variant, format!("variant {}: the id of a child must not contain a dash", variant.uid)));
        }
        if variant.name.is_empty() {
            found.push(invalid(variant, format!("variant {} has an empty name", variant.uid)));
        }
        if let Some(other) = seen.insert(&variant.uid, variant) {
            let diagnostic = invalid(variant, format!("two variants have the uid {}", variant.uid));
            found.push(diagnostic.related(other.span, "the other one"));
        }
    }
    found
}

fn invalid(variant: &Variant, message: String) -> Diagnostic {
    Diagnostic::new(&codes::VARIANTS_INVALID, CONFIG_PATH, message).at(variant.span)
}

#[cfg(test)]
mod tests {
    use super::super::parse_variants;
    use super::*;
    use magudi_config::Sources;
    use std::path::Path;

    fn messages(xml: &str) -> Vec<String> {
        let variants = parse_variants(xml, Path::new("variants.xml"), &mut Sources::new()).unwrap();
        check(&variants).into_iter().map(|d| format!("{} {}", d.code.id, d.message)).collect()
    }

    #[test]
    fn variants_without_an_arch_are_left_out() {
        let inner = "<arches><arch>src</arch></arches><variants><variant id='D' name='n' type='addon'/></variants>";
        let xml = format!(
            "<variants><variant id='A' name='n' type='variant'/><variant id='B' name='n' type='variant'>{inner}</variant>\
             <variant id='C' name='n' type='variant'><arches><arch>x86_64</arch></arches><variants>\
             <variant id='E' name='n' type='addon'/></variants></variant></variants>"
        );
        let mut variants = parse_variants(&xml, Path::new("variants.xml"), &mut Sources::new()).unwrap();
        let found = check_filters(&variants, &[], &[]);
        let told: Vec<_> = found.iter().map(|d| (d.code.id, d.message.split(' ').nth(1).unwrap())).collect();
        assert_eq!(told, ["A", "B", "B-D", "C-E"].map(|uid| ("MG105", uid)));
        let lines = ["A", "B", "C-E"].map(|uid| format!("Excluding variant {uid}: all its arches are filtered."));
        assert_eq!(variants.filter(&[], &[]), lines);
        assert_eq!(variants.all().map(|variant| variant.uid.as_str()).collect::<Vec<_>>(), ["C"]);
        assert!(check(&variants).is_empty());
    }

    #[test]
    fn finds_what_productmd_refuses() {
        let x = "<arches><arch>x86_64</arch></arches>";
        for (xml, expected) in [
            (format!("<variant id='a-B-1' name='n' type='variant'>{x}</variant>"), vec![]),
            ("<variant id='A' name='n' type='variant'><arches><arch>x86_64</arch><arch>frob</arch><arch>frob</arch><arch>src</arch></arches></variant>".into(),
                vec!["MG103 variant A: unknown arch 'frob'"]),
            (format!("<variant id='../x' name='n' type='variant'>{x}</variant>"),
                vec!["MG102 variant id '../x' must be made of the letters A-Z, a-z and digits"]),
            (format!("<variant id='-' name='' type='variant'>{x}</variant>"),
                vec!["MG102 variant id '-' must be made of the letters A-Z, a-z and digits", "MG102 variant - has an empty name"]),
            (format!("<variant id='A' name='n' type='variant'>{x}<variants><variant id='B-C' name='n' type='addon'>{x}</variant></variants></variant>"),
                vec!["MG102 variant A-B-C: the id of a child must not contain a dash"]),
            (format!("<variant id='A-B' name='n' type='variant'>{x}</variant><variant id='A' name='n' type='variant'>{x}<variants><variant id='B' name='n' type='addon'>{x}</variant></variants></variant>"),
                vec!["MG102 two variants have the uid A-B"]),
        ] {
            assert_eq!(messages(&format!("<variants>{xml}</variants>")), expected, "{xml}");
        }
    }
}
