//! From a configuration file on disk to the variants and the identity that it describes.

use crate::cases::{arguments, cases, expected, options};
use crate::fixture;
use magudi_compose::ComposeIdentity;
use magudi_compose::variants::{check, load_variants};
use magudi_config::{ComposeConfig, Diagnostic, Schema, Sources, load_config};
use std::path::PathBuf;

/// The section that the cases are about.
#[path = "../../../../phases/osbuild/section.rs"]
mod section;

/// A case's configuration, if it is a valid one.
fn load(case: &str, sources: &mut Sources) -> Option<(ComposeConfig, PathBuf)> {
    let json = fixture(&format!("pungi/cases/{case}/test.json"));
    let path = if json.exists() { json } else { fixture(&format!("pungi/cases/{case}/test.conf")) };
    let tree = load_config(&path, sources).ok()?;
    Some((magudi_config::check(&tree, &Schema::new([&section::SECTION])).0?, path))
}

/// Id, file name and line of problems.
fn shape(problems: &[Diagnostic], sources: &Sources) -> Vec<String> {
    let place = |problem: &Diagnostic| {
        let position = sources.position(problem.span.unwrap());
        format!("{} {}:{}", problem.code.id, position.path.file_name().unwrap().display(), position.line)
    };
    problems.iter().map(place).collect()
}

#[test]
fn variants_are_found_and_refused_where_pungi_does() {
    let (mut good, mut bad) = (0, Vec::new());
    for case in cases() {
        let mut sources = Sources::new();
        let Some((config, path)) = load(&case, &mut sources) else { continue };
        match load_variants(&config, &path, &mut sources) {
            Err(problems) => bad.push((case, shape(&problems, &sources))),
            Ok((mut variants, found)) => {
                assert_eq!(found, path.with_file_name("variants.xml"), "{case}");
                assert!(variants.filter(&[], &[]).is_empty());
                let problems = check(&variants);
                if !problems.is_empty() {
                    bad.push((case, shape(&problems, &sources)));
                }
                good += 1;
            }
        }
    }
    assert!(good > 50, "only {good} files");
    let problems = [
        ("c71_variants_bad_dtd", vec!["MG102 variants.xml:4", "MG102 variants.xml:5"]),
        ("c72_variants_ws", vec!["MG102 variants.xml:4"]),
        ("c74_variants_arch_disjoint", vec!["MG102 variants.xml:4"]),
        ("c82_bad_arch", vec!["MG103 variants.xml:4"]),
        ("c85_variants_missing", vec!["MG101 test.conf:9"]),
    ];
    let problems = problems.map(|(case, lines)| (case.to_owned(), lines.into_iter().map(str::to_owned).collect()));
    assert_eq!(bad, problems);
}

#[test]
fn configurations_give_the_recorded_ids() {
    let mut seen = 0;
    for case in cases() {
        let Some(result) = expected(&case, "result.json") else { continue };
        let Some(id) = result["COMPOSE_ID"].as_str() else { continue };
        let Some((config, _)) = load(&case, &mut Sources::new()) else { continue };
        let (kind, label, supported) = options(&arguments(&case)).unwrap();
        let identity = ComposeIdentity::from_config(&config, "20240229".to_owned(), kind, label, supported);
        assert_eq!(identity.id(), id, "{case}");
        seen += 1;
    }
    assert!(seen > 45, "only {seen} ids");
}
