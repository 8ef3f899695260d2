//! variants.xml: what Pungi made of edge cases, and where errors are shown.

use crate::{json, text};
use magudi_compose::variants::{Variant, Variants, parse_variants};
use magudi_config::Sources;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;

/// The variants as `variants.json` writes them: uid, type, name, arches, is_empty, children.
fn shape(variants: &Variants, parent: Option<&str>) -> Value {
    let of = |variant: &Variant| {
        json!([
            variant.uid,
            variant.kind.as_str(),
            variant.name,
            variant.arches,
            variant.is_empty,
            shape(variants, Some(&variant.uid)),
        ])
    };
    variants.all().filter(|variant| variant.parent.as_deref() == parent).map(of).collect()
}

/// The problems of a text, each with its place.
fn problems(xml: &str) -> Vec<String> {
    let mut sources = Sources::new();
    let found = parse_variants(xml, Path::new("v.xml"), &mut sources).err().unwrap_or_default();
    found.iter().map(|d| format!("{} {} {}", sources.position(d.span.unwrap()), d.code.id, d.message)).collect()
}

#[test]
fn edge_cases_are_those_of_pungi() {
    let cases = json("pungi/variants.json").unwrap();
    let cases = cases.as_object().unwrap();
    assert_eq!(cases.len(), 16);
    for (name, case) in cases {
        let parsed = parse_variants(case["xml"].as_str().unwrap(), Path::new("v.xml"), &mut Sources::new());
        match (&case["result"], parsed) {
            (Value::String(_), Err(problems)) => assert!(!problems.is_empty(), "{name}"),
            (result @ Value::Array(_), Ok(variants)) => assert_eq!(&shape(&variants, None), result, "{name}"),
            (result, parsed) => panic!("{name}: {parsed:?}, but Pungi: {result}"),
        }
    }
}

#[test]
fn errors_show_their_places() {
    let broken = |name: &str| problems(&text(&format!("pungi/cases/{name}/variants.xml")));
    assert_eq!(
        broken("c71_variants_bad_dtd"),
        [
            "v.xml:4:36 MG102 `type` of `variant` must be one of variant, addon, optional, layered-product, not 'bogus'",
            "v.xml:5:41 MG102 `arches` lacks `arch`",
        ]
    );
    assert_eq!(
        broken("c72_variants_ws"),
        ["v.xml:4:59 MG102 `arch` contains leading or trailing whitespace: ' x86_64'"]
    );
    assert_eq!(
        broken("c74_variants_arch_disjoint"),
        [
            "v.xml:4:97 MG102 variant Server-HA: its arches (s390x) and those of its parent Server (x86_64) have none in common"
        ]
    );
    let edge_cases = json("pungi/variants.json").unwrap();
    for (name, expected) in [
        ("lp no release", "v.xml:3:121 MG102 layered product A-L lacks `release`"),
        ("lp release no short", "v.xml:3:169 MG102 the release of layered product A-L lacks the attribute `short`"),
        ("child of addon", "v.xml:3:87 MG102 addon A-B has children; only a variant can"),
        ("same id child", "v.xml:3:87 MG102 variant A-A: a child must not have the id of its parent"),
        ("has_optional yes", "v.xml:3:41 MG102 `has_optional` of `variant` must be one of true, false, not 'yes'"),
        ("wrong child order", "v.xml:3:62 MG102 `arches` must come before `variants`"),
        ("unknown attr", "v.xml:3:41 MG102 `variant` takes no attribute `foo`"),
        ("missing name", "v.xml:3:1 MG102 `variant` lacks the attribute `name`"),
        ("is_empty TRUE", "v.xml:3:41 MG102 `is_empty` of `variant` must be one of true, false, not ''"),
    ] {
        assert_eq!(problems(edge_cases[name]["xml"].as_str().unwrap()), [expected], "{name}");
    }
    let not_xml = problems(edge_cases["not xml"]["xml"].as_str().unwrap());
    assert!(not_xml[0].starts_with("v.xml:4:1 MG102 not well-formed XML: "), "{not_xml:?}");
}

#[test]
fn all_problems_are_told_at_once() {
    let xml = "<variants>\r\n<variant id='A' name='a' type='variant' é='1'>stray<arches/><arches><arch>x</arch></arches>\
               <frob/></variant>\r\n<variant/><ref id='A'> </ref></variants>";
    assert_eq!(
        problems(xml),
        [
            "v.xml:2:41 MG102 `variant` takes no attribute `é`",
            "v.xml:2:47 MG102 `variant` holds elements only, no text",
            "v.xml:2:52 MG102 `arches` lacks `arch`",
            "v.xml:2:61 MG102 `variant` holds `arches` more than once",
            "v.xml:2:92 MG102 `variant` holds no `frob`",
            "v.xml:3:1 MG102 `variant` lacks the attribute `id`",
            "v.xml:3:1 MG102 `variant` lacks the attribute `name`",
            "v.xml:3:1 MG102 `variant` lacks the attribute `type`",
            "v.xml:3:11 MG102 `ref` must come before `variant`",
            "v.xml:3:11 MG102 `ref` must be empty",
        ]
    );
    assert_eq!(problems("<variant/>"), ["v.xml:1:1 MG102 the document is a `variant`, not a list of `variants`"]);
    assert_eq!(problems("<variants><ref id='x'/></variants>"), [""; 0]);
}

#[test]
fn unknown_references_are_shown() {
    let x = "<arches><arch>x86_64</arch></arches>";
    let xml = format!(
        "<variants><variant id='O' name='o' type='optional'>{x}</variant>\
         <variant id='A' name='a' type='variant'>{x}<variants>\n<ref id='Nope'/><ref id='O'/></variants></variant></variants>"
    );
    assert_eq!(
        problems(&xml),
        [
            "v.xml:2:1 MG102 variant A references Nope, which does not exist",
            "v.xml:2:17 MG102 variant A references O, which does not exist",
        ]
    );
}

#[test]
fn sizes_and_depths_are_bounded() {
    let x = "<arches><arch>x86_64</arch></arches>";
    let mut deep = String::from("<variants>");
    for i in 0..50_000 {
        write!(deep, "<variant id='V{i}' name='v' type='variant'>{x}<variants>").unwrap();
    }
    deep.push_str(&"</variants></variant>".repeat(50_000));
    deep.push_str("</variants>");
    assert!(
        problems(&deep).iter().any(|problem| problem.contains("more than 32 levels deep")),
        "{:?}",
        problems(&deep)
    );

    let mut many = String::new();
    for i in 0..10_001 {
        write!(many, "<variant id='V{i}' name='v' type='variant'>{x}</variant>").unwrap();
    }
    assert_eq!(problems(&format!("<variants>{many}</variants>")).len(), 1);

    assert_eq!(problems(&format!("<variants>{}</variants>", "<variant/>".repeat(1000))).len(), 100);

    let bomb = "<!DOCTYPE v [<!ENTITY a 'xxxxxxxxxx'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>\
                <!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;'>]><variants>&d;</variants>";
    assert_eq!(problems(bomb).len(), 1);
}

#[test]
fn entities_of_the_document_are_known() {
    let xml = "<!DOCTYPE variants [<!ENTITY rel 'Fedora 42'>]><variants><variant id='A' name='&rel; &#9731;' type='variant'>\
               <arches><arch>x86_64</arch></arches></variant></variants>";
    let variants = parse_variants(xml, Path::new("v.xml"), &mut Sources::new()).unwrap();
    assert_eq!(variants.get("A").unwrap().name, "Fedora 42 ☃");
}

#[test]
fn damaged_documents_do_no_harm() {
    let whole = text("compose/variants.xml");
    for (i, c) in whole.char_indices().step_by(7) {
        let (before, after) = (&whole[..i], &whole[i + c.len_utf8()..]);
        for damaged in [before.to_owned(), format!("{before}{after}"), format!("{before}&#9731;{after}")] {
            let mut sources = Sources::new();
            for problem in parse_variants(&damaged, Path::new("v.xml"), &mut sources).err().unwrap_or_default() {
                let position = sources.position(problem.span.unwrap());
                assert!(position.line as usize <= damaged.lines().count().max(1), "{position}: {}", problem.message);
            }
        }
    }
}

/// What the real Pungi made of generated files, where it is not what one would guess.
#[test]
fn left_out_variants_and_grandchildren() {
    let variant = |id: &str, more: &str, arches: &[&str], inner: &str| {
        let list = format!("<arches><arch>{}</arch></arches>", arches.join("</arch><arch>"));
        let arches = if arches.is_empty() { "" } else { &list };
        format!("<variant id='{id}' name='{id}' {more}>{arches}{inner}</variant>")
    };
    let top = "type='variant'";
    let shapes = |xml: &str| {
        let mut variants =
            parse_variants(&format!("<variants>{xml}</variants>"), Path::new("v.xml"), &mut Sources::new())
                .unwrap_or_else(|found| panic!("{xml}: {found:?}"));
        variants.filter(&[], &[]);
        variants.all().map(|variant| format!("{} {}", variant.uid, variant.arches.join(" "))).collect::<Vec<_>>()
    };
    // The later of two variants of one id wins, unless it has no arch.
    let twice = |arches: &[&str]| variant("A", top, &["x86_64"], "") + &variant("A", top, arches, "");
    assert_eq!(shapes(&twice(&["s390x"])), ["A s390x"]);
    assert_eq!(shapes(&twice(&[])), ["A x86_64"]);
    // A child without an arch is left out.
    assert_eq!(
        shapes(&variant(
            "A",
            top,
            &["x86_64"],
            &format!("<variants>{}</variants>", variant("B", "type='addon'", &[], ""))
        )),
        ["A x86_64"]
    );
    // A grandchild has what it has in common with the child as it was written.
    let grandchild = variant("C", "type='addon'", &["aarch64", "s390x"], "");
    let child = variant("B", top, &["x86_64", "s390x"], &format!("<variants>{grandchild}</variants>"));
    let family = variant("A", top, &["x86_64"], &format!("<variants>{child}</variants>"));
    assert_eq!(shapes(&family), ["A x86_64", "A-B x86_64", "A-B-C s390x"]);
    // The child that `has_optional` asks for has an id like any other.
    let optional = variant("optional", "type='variant' has_optional='true'", &["x86_64"], "");
    assert_eq!(
        problems(&format!("<variants>{optional}</variants>")),
        ["v.xml:1:11 MG102 variant optional: `has_optional` gives it a child with its own id"]
    );
}
