//! The facts that the source relies on (docs/facts): each says how it is known, and every citation leads to one. And the paths that
//! comments and pages name.

use magudi_testkit::repository;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A citation: a page, and a number on it.
type Cited = (String, u32);

/// The numbers on each page.
fn pages() -> BTreeMap<String, String> {
    let pages = std::fs::read_dir(repository().join("docs/facts")).expect("docs/facts").flatten();
    let named = pages.map(|page| (page.path().file_stem().unwrap().to_string_lossy().into_owned(), page.path()));
    named.map(|(name, path)| (name, std::fs::read_to_string(path).unwrap())).collect()
}

/// The facts of a page in order: number and text.
fn facts(page: &str) -> Vec<(u32, &str)> {
    let parts = page.split("<a id=\"").skip(1);
    parts
        .map(|part| {
            let (number, text) = part.split_once("\"></a>").expect("an anchor");
            (number.parse().expect("a number"), text)
        })
        .collect()
}

/// The files of the repository that are text of ours: no recordings, nothing that is built.
fn files(under: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(under).expect("a directory").flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let kind = entry.file_type().expect("a type");
        if kind.is_dir() {
            if name != "target" && name != "fixtures" && name != "corpus" && (!name.starts_with('.') || name == ".ci") {
                files(&path, found);
            }
        } else if kind.is_file() && name != "Cargo.lock" {
            found.push(path);
        }
    }
}

/// Every text file by its path in the repository.
fn texts() -> Vec<(String, String)> {
    let mut found = Vec::new();
    files(repository(), &mut found);
    let inside = |path: &Path| path.strip_prefix(repository()).unwrap().to_string_lossy().into_owned();
    found.iter().filter_map(|path| Some((inside(path), std::fs::read_to_string(path).ok()?))).collect()
}

/// The comments of a source file as running text: those on lines of their own are joined, others stand alone.
fn comments(source: &str) -> String {
    let mut text = String::new();
    for line in source.lines() {
        match line.trim_start().strip_prefix("//") {
            Some(comment) => text.push_str(comment.trim_start_matches(['/', '!'])),
            None => {
                text.push('\n');
                text.push_str(line.split_once("// ").map_or("", |(_, comment)| comment));
            }
        }
    }
    text
}

/// The citations in a text, `facts: PAGE NUMBER[, PAGE NUMBER]...`. What begins like one and is none is an error.
fn citations(text: &str) -> Result<Vec<Cited>, String> {
    let mut cited = Vec::new();
    for (at, marker) in text.match_indices("facts:") {
        if text[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == '/') {
            continue;
        }
        let after = &text[at + marker.len()..];
        let mut found = 0;
        for part in after.split(", ") {
            let mut words = part.split_whitespace();
            let (page, number) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let digits = number.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
            let is_page = !page.is_empty() && page.chars().all(|c| c.is_ascii_lowercase() || c == '-');
            match digits.parse() {
                Ok(digits) if is_page => cited.push((page.to_owned(), digits)),
                _ => break,
            }
            found += 1;
            // Only another citation may follow the comma.
            if digits.len() < number.len() || words.next().is_some() {
                break;
            }
        }
        if found == 0 {
            return Err(format!("no page and number after `facts:{}`", after.chars().take(40).collect::<String>()));
        }
    }
    Ok(cited)
}

#[test]
fn citations_are_found() {
    let cited = |text| citations(&comments(text));
    let one = |page: &str, number| (page.to_owned(), number);
    assert_eq!(cited("/// A session (facts: koji 7)."), Ok(vec![one("koji", 7)]));
    assert_eq!(
        cited("//! It is so (facts:\n//! image-build 3, koji 12: odd)"),
        Ok(vec![one("image-build", 3), one("koji", 12)])
    );
    assert_eq!(cited("    x(); // facts: wire 1, which is old"), Ok(vec![one("wire", 1)]));
    assert_eq!(cited("fn f(facts: &Facts) {} // artifacts: many"), Ok(Vec::new()));
    assert!(cited("// See facts: Koji 7").is_err());
    assert!(cited("// See facts: koji seven").is_err());
}

#[test]
fn every_fact_has_a_number_of_its_own_and_says_how_it_is_known() {
    let pages = pages();
    let index = &pages["README"];
    for (name, text) in pages.iter().filter(|(name, _)| *name != "README") {
        assert!(index.contains(&format!("[{name}]({name}.md)")), "{name} is not in the index");
        let facts = facts(text);
        let numbers: BTreeSet<u32> = facts.iter().map(|(number, _)| *number).collect();
        assert!(!facts.is_empty() && numbers.len() == facts.len(), "{name} has no facts, or two of one number");
        for (number, fact) in facts {
            assert!(fact.starts_with(&format!("**{number}. ")), "{name} {number}: {fact}");
            let known = fact.split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(known.matches("*Known from: ").count(), 1, "{name} {number} does not say how it is known");
        }
    }
}

#[test]
fn every_citation_leads_to_a_fact() {
    let pages = pages();
    let known = |(page, number): &Cited| {
        let numbers = pages.get(page).map(|text| facts(text)).unwrap_or_default();
        numbers.iter().any(|(known, _)| known == number)
    };
    let mut seen = 0;
    for (file, text) in texts().iter().filter(|(file, _)| file != "tests/it/facts.rs") {
        let cited = match Path::new(file).extension().and_then(|extension| extension.to_str()) {
            Some("rs") => citations(&comments(text)),
            Some("md") => citations(text),
            _ => continue,
        };
        let cited = cited.unwrap_or_else(|error| panic!("{file}: {error}"));
        seen += cited.len();
        for citation in &cited {
            assert!(known(citation), "{file} cites {} {}, which there is not", citation.0, citation.1);
        }
    }
    assert!(seen > 150, "only {seen} citations were found");
}

/// Pages that are not in the repository cannot be followed, and facts are of no use to users.
#[test]
fn nothing_else_is_cited() {
    let gone: Vec<String> = ["PUNGI", "KOJI", "DESIGN", "CRATES", "STYLE", "PHASES", "PHASES3", "HUB"]
        .iter()
        .map(|name| format!("{name}.md"))
        .collect();
    for (file, text) in texts() {
        for name in &gone {
            assert!(!text.contains(name.as_str()), "{file} cites {name}, which is not in the repository");
        }
        let for_users = file == "README.md" || (file.starts_with("docs/") && file.matches('/').count() == 1);
        let about_source = ["docs/design.md", "docs/adding-a-phase.md"].contains(&file.as_str());
        if for_users && !about_source {
            assert!(!text.contains("facts: "), "{file} is for users and cites facts");
        }
    }
}

/// The rooms, in which paths of the repository begin.
const ROOMS: [&str; 10] =
    ["docs/", "crates/", "tests/", "fixtures/", "phases/", "src/", "fuzz/", "packaging/", "examples/", "benches/"];

/// The paths of the repository in a text; those with a placeholder (`NAME`, `*`) are not of one file.
fn paths(text: &str) -> Vec<&str> {
    let part = |c: char| c.is_ascii_alphanumeric() || "_./-".contains(c);
    let mut paths = Vec::new();
    for (at, _) in ROOMS.iter().flat_map(|room| text.match_indices(room)) {
        let begins = !text[..at].ends_with(|before| part(before) || before == ':' || before == '@');
        let length = text[at..].find(|c| !part(c)).unwrap_or(text.len() - at);
        let is_pattern = text[at + length..].starts_with(['*', '<', '{']);
        let path = text[at..at + length].trim_end_matches(['.', '/', '-']);
        let placeholder = |name: &str| {
            let stem = name.split('.').next().unwrap_or_default();
            stem.len() > 2
                && stem.chars().all(|c| c.is_ascii_uppercase() || c == '_')
                && !["README", "INDEX"].contains(&stem)
        };
        if begins && !is_pattern && path.contains('/') && !path.split('/').any(placeholder) {
            paths.push(path);
        }
    }
    paths
}

/// What is moved or renamed is still named rightly, in comments and on pages.
#[test]
fn every_path_that_is_named_is_there() {
    assert_eq!(paths("see `docs/a.md`, (crates/x/src/*.rs) and fixtures/NAME/a or mydocs/b"), ["docs/a.md"]);
    let mut seen = 0;
    for (file, text) in texts() {
        let text = match Path::new(&file).extension().and_then(|extension| extension.to_str()) {
            Some("rs") if file != "tests/it/facts.rs" => comments(&text),
            Some("md") => text,
            _ => continue,
        };
        let beside = repository().join(&file).parent().unwrap().to_owned();
        for path in paths(&text) {
            seen += 1;
            let is_there = repository().join(path).exists() || beside.join(path).exists();
            assert!(is_there, "{file} names {path}, which there is not");
        }
    }
    assert!(seen > 100, "only {seen} paths were found");
}
