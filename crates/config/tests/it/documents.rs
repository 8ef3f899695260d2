//! What is made from the code and checked in is what the code makes.

use crate::fixtures;
use std::path::PathBuf;

fn document(name: &str) -> String {
    let path: PathBuf = fixtures().join("../../docs").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn diagnostics() {
    let made = magudi_config::codes::to_markdown();
    let command = "cargo run -p magudi-config --example diagnostics > docs/diagnostics.md";
    assert!(document("diagnostics.md") == made, "docs/diagnostics.md is out of date; run: {command}");
}

/// The examples in the table are read as anyone would write them, and get what they stand for.
#[test]
fn examples_of_text_and_options() {
    use magudi_config::codes::{ALL, Example};
    let good = [
        ("release_name", "Example"),
        ("release_short", "Example"),
        ("release_version", "42"),
        ("variants_file", "variants.xml"),
        ("pkgset_source", "koji"),
        ("gather_method", "deps"),
    ];
    for code in ALL.iter().filter(|code| code.id < "MG100") {
        let folder = tempfile::tempdir().unwrap();
        let (name, assign, source) = match code.example {
            Example::Conf(source) => ("a.conf", " = ", source),
            Example::Yaml(source) => ("a.yaml", ": ", source),
            Example::Variants(_) => panic!("{} is not about a configuration", code.id),
        };
        let lines: Vec<String> = good.iter().map(|(key, value)| format!("{key}{assign}\"{value}\"\n")).collect();
        let path = folder.path().join(name);
        std::fs::write(&path, format!("{}{source}\n", lines.concat())).unwrap();
        let mut sources = magudi_config::Sources::new();
        let problems = match magudi_config::load_config(&path, &mut sources) {
            Ok(tree) => [sources.remarks(), &crate::check(&tree).1].concat(),
            Err(problems) => problems,
        };
        let mut ids: Vec<&str> = problems.iter().map(|problem| problem.code.id).collect();
        ids.dedup();
        assert_eq!(ids, [code.id], "{source}");
    }
}
