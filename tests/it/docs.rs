//! The pages for users: every command on them runs, every link leads somewhere, and the tables of keys are those of the
//! schema. `UPDATE_DOCS=1` writes the tables again.

use crate::cases::index;
use crate::program::{Ran, Scene};
use magudi_config::schema::images::{self, UPLOADS};
use magudi_config::schema::{self, Default, Key, Kind, Section};
use magudi_engine::history::RequestState;
use magudi_testkit::repository;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Pages that have commands. Those of every other page that has some are run, too.
const RUN: [&str; 10] = [
    "README.md",
    "docs/getting-started.md",
    "docs/coming-from-pungi.md",
    "docs/configuration.md",
    "docs/report.md",
    "docs/looking-at-composes.md",
    "docs/events.md",
    "docs/simulated-hub.md",
    "examples/minimal/README.md",
    "examples/fedora/README.md",
];

/// Every page for users.
fn pages() -> Vec<String> {
    let docs = std::fs::read_dir(repository().join("docs")).expect("docs").flatten();
    let names = docs.map(|entry| format!("docs/{}", entry.file_name().to_string_lossy()));
    let mut pages: Vec<String> = RUN.map(str::to_owned).to_vec();
    pages.extend(names.filter(|page| page.ends_with(".md") && !RUN.contains(&page.as_str())));
    pages
}

fn read(page: &str) -> String {
    std::fs::read_to_string(repository().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"))
}

/// Every case in which magudi does better than Pungi on purpose is on the page for users.
#[test]
fn differences_are_all_listed() {
    let page = read("docs/differences-from-pungi.md");
    let named: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with('|'))
        .flat_map(|line| line.split(['[', ']']).skip(1).step_by(2))
        .flat_map(|cases| cases.split(", "))
        .collect();
    let rows = ["pungi", "phases", "phases3"].map(index).into_iter().flatten();
    for row in rows.filter(|row| row["verdict"] == "better") {
        let case = row["case"].as_str().expect("a name");
        let number = case.split('_').next().expect("a number");
        assert_eq!(named.iter().filter(|name| **name == number).count(), 1, "{case} is not on the page, or twice");
    }
}

/// The blocks of commands on a page: fenced as `sh`, or indented with a line that begins with `magudi`. A block after a
/// comment `<!-- not run: WHY -->` is left out.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let (mut fenced, mut indented, mut left_out): (Option<String>, Option<String>, bool) = (None, None, false);
    for line in text.lines().chain([""]) {
        if let Some(block) = &mut fenced {
            if line.starts_with("```") {
                blocks.extend(fenced.take().filter(|_| !std::mem::take(&mut left_out)));
            } else {
                block.push_str(line);
                block.push('\n');
            }
            continue;
        }
        match line.strip_prefix("    ") {
            Some(command) => {
                let block = indented.get_or_insert_default();
                block.push_str(command);
                block.push('\n');
                continue;
            }
            None => {
                if let Some(block) = indented.take() {
                    let ours = block.lines().any(|line| line.starts_with("magudi ") || line.contains("cargo run "));
                    let example =
                        block.lines().any(|line| line.starts_with("pungi-koji ") || line.contains("COMPOSE_DIR"));
                    let run = !std::mem::take(&mut left_out) && ours && !example;
                    blocks.extend(Some(block).filter(|_| run));
                }
            }
        }
        if line.starts_with("<!-- not run:") {
            left_out = true;
        } else if line == "```sh" {
            fenced = Some(String::new());
        }
    }
    blocks
}

/// A block as a script: without what takes other programs, in the scratch directory, and waiting for a hub that is
/// started in the background.
fn script(block: &str, scratch: &Path) -> String {
    let mut script = String::new();
    let joined = block.replace("\\\n", " ");
    for line in joined.lines().filter(|line| !line.starts_with("koji ")) {
        let line = line.replace("cargo run --release --", "magudi").replace("/var/tmp/", "/tmp/");
        let line = line.replace("/tmp/", &format!("{}/", scratch.display()));
        let _ = writeln!(
            script,
            "echo '+' {} >&2\n{line}",
            line.replace(['\'', '"', '|', '>', '<', '&', ';', '(', ')', '#'], "")
        );
        if let Some(command) = line.trim_end().strip_suffix('&') {
            let file = command.split_whitespace().skip_while(|word| *word != "--profile-file").nth(1);
            let file = file.expect("a hub in the background writes a profile");
            let _ = writeln!(script, "for _ in $(seq 200); do [ -s {file} ] && break; sleep 0.05; done");
        }
    }
    script
}

#[test]
fn the_commands_on_the_pages_run() {
    for page in pages() {
        let blocks = blocks(&read(&page));
        assert!(!blocks.is_empty() || !RUN.contains(&page.as_str()), "{page} has commands");
        if blocks.is_empty() {
            continue;
        }
        let scene = Scene::new();
        copy(&repository().join("examples"), &scene.path().join("examples"));
        let mut all = String::from("set -e\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n");
        all.extend(blocks.iter().map(|block| script(block, scene.path())));
        let magudi = scene.command().get_program().to_owned();
        let bin = Path::new(&magudi).parent().expect("its directory").display().to_string();
        let output = std::process::Command::new("bash")
            .args(["-c", &all])
            .current_dir(scene.path())
            .env("PATH", format!("{bin}:/usr/local/bin:/usr/bin:/bin"))
            .env("HOME", scene.path())
            .env("SOURCE_DATE_EPOCH", "1709164800")
            .env("NO_COLOR", "1")
            .output()
            .expect("bash");
        let ran = Ran::from(output);
        let end: Vec<&str> = ran.stderr.lines().rev().take(12).collect();
        assert_eq!(ran.status, Some(0), "{page}: {:#?}", end.into_iter().rev().collect::<Vec<_>>());
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("a directory").flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

#[test]
fn every_link_between_the_pages_leads_somewhere() {
    let mut pages: Vec<PathBuf> = vec!["README.md".into(), "CONTRIBUTING.md".into(), "tests/scripts/README.md".into()];
    let docs = std::fs::read_dir(repository().join("docs")).expect("docs").flatten();
    pages.extend(
        docs.map(|entry| Path::new("docs").join(entry.file_name()))
            .filter(|page| page.extension().is_some_and(|e| e == "md")),
    );
    let mut links = 0;
    for page in pages {
        let text = read(&page.to_string_lossy());
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or_default();
            if link.contains("://") || file.is_empty() {
                continue;
            }
            let target = repository().join(&page).parent().expect("a directory").join(file);
            assert!(target.exists(), "{} links to {link}", page.display());
            links += 1;
        }
    }
    assert!(links > 20, "{links} links");
}

/// Tests that a page names as `file::name` are there.
#[test]
fn the_tests_that_the_pages_name_are_there() {
    let text = read("docs/reliability.md");
    let named = text.split('`').skip(1).step_by(2).filter_map(|code| code.split_once("::"));
    let mut count = 0;
    for (file, name) in named {
        let source = read(&format!("tests/it/{file}.rs"));
        assert!(source.contains(&format!("#[test]\nfn {name}() {{")), "there is no test {file}::{name}");
        count += 1;
    }
    assert!(count > 80, "{count} tests");
}

/// What a key takes, in a few words.
fn takes(kind: Kind) -> String {
    match kind {
        Kind::Any => "anything".to_owned(),
        Kind::Text => "a string".to_owned(),
        Kind::TextOrNull => "a string or null".to_owned(),
        Kind::Choice(values) => values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", "),
        Kind::Boolean => "true or false".to_owned(),
        Kind::Number => "a number".to_owned(),
        Kind::NumberOrText => "a number or a string".to_owned(),
        Kind::NumberOf(numbers) => numbers.iter().map(|number| format!("`{number}`")).collect::<Vec<_>>().join(", "),
        Kind::Texts => "a list of strings".to_owned(),
        Kind::TextOrTexts => "a string or a list of strings".to_owned(),
        Kind::Object => "a dict".to_owned(),
        Kind::Pairs => "a list of pairs".to_owned(),
        Kind::ImageType => "a string, or a list of one".to_owned(),
        Kind::Integer => "a whole number".to_owned(),
        Kind::Dict(_) | Kind::Open(_) => "a dict, see below".to_owned(),
        Kind::Repositories(_) => "a list of strings and dicts".to_owned(),
        Kind::UploadOptions { .. } => "a dict, see below".to_owned(),
        Kind::Url => "a URL".to_owned(),
        Kind::KojiRepositories(_) => "a string, a dict or a list of these".to_owned(),
        Kind::Formats => "a string or a list of strings".to_owned(),
        // Phases are named one by one elsewhere.
        Kind::List(Kind::Choice(_)) => "a list of words".to_owned(),
        Kind::List(of) | Kind::NonEmptyList(of) => format!("a list: {}", takes(*of)),
        Kind::PerArch(of) => format!("for variants and arches: {}", takes(*of)),
        Kind::Map(of) | Kind::OpenMap(of) | Kind::Sources(of) => format!("a dict: {}", takes(*of)),
        Kind::Either(kinds) => kinds.iter().map(|kind| takes(*kind)).collect::<Vec<_>>().join(" or "),
        Kind::Removed(_) | Kind::Gone { .. } => "nothing any more".to_owned(),
        // Files that may be exported from a source repository.
        _ => "a path or a dict".to_owned(),
    }
}

fn default(key: &Key) -> String {
    match key.default {
        _ if key.required => "**required**".to_owned(),
        Default::Absent => String::new(),
        Default::Boolean(flag) => format!("`{flag}`"),
        Default::Number(number) => format!("`{number}`"),
        Default::Text("") => "empty".to_owned(),
        Default::Text(text) => format!("`{text}`"),
        Default::Texts([]) | Default::EmptyDict | Default::ListOfNull => "empty".to_owned(),
        Default::Texts(texts) => texts.iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(", "),
    }
}

fn table<'a>(keys: impl IntoIterator<Item = &'a Key>) -> String {
    let mut table = String::from("| key | takes | default | what it is |\n| --- | --- | --- | --- |\n");
    for key in keys.into_iter().filter(|key| !key.about.is_empty()) {
        let _ = writeln!(table, "| `{}` | {} | {} | {} |", key.name, takes(key.kind), default(key), key.about);
    }
    table
}

/// The options of phases that are Pungi's, in the order of their names.
fn others() -> String {
    let gone = |key: &&Key| matches!(key.kind, Kind::Removed(_) | Kind::Gone { .. });
    let mut keys: Vec<&Key> = schema::KEYS.iter().filter(|key| key.about.is_empty()).collect();
    keys.sort_by_key(|key| key.name);
    let (gone, known): (Vec<&Key>, Vec<&Key>) = keys.into_iter().partition(gone);
    let mut text = String::from("| key | takes | default |\n| --- | --- | --- |\n");
    for key in known {
        // What stands in dicts is in the JSON Schema.
        let takes = takes(key.kind).replace(", see below", "");
        let _ = writeln!(text, "| `{}` | {takes} | {} |", key.name, default(key));
    }
    text.push_str("\nThese have no effect any more, and are warned of:\n\n| key | instead |\n| --- | --- |\n");
    for key in gone {
        let (since, instead) = match key.kind {
            Kind::Gone { since, instead } => (format!("gone since {since}: "), instead),
            Kind::Removed(instead) => (String::new(), instead),
            _ => continue,
        };
        let _ = writeln!(text, "| `{}` | {since}{instead} |", key.name);
    }
    text
}

fn uploads() -> String {
    let mut table = String::from("| to | keys | image types |\n| --- | --- | --- |\n");
    for upload in UPLOADS {
        let keys = upload.keys.iter().map(|key| {
            let list = if key.kind == Kind::Texts { " (a list)" } else { "" };
            let optional = if key.required { "" } else { ", optional" };
            format!("`{}`{list}{optional}", key.name)
        });
        let keys = keys.collect::<Vec<_>>().join("; ");
        let types: Vec<String> = images::types_of(upload.cloud).map(|name| format!("`{name}`")).collect();
        let _ = writeln!(table, "| {} | {keys} | {} |", upload.name, types.join(", "));
    }
    table
}

/// The part of the page about a phase's section: its top-level keys, those of an image, and those of the dicts in it.
fn section(section: &Section) -> String {
    let mut text = format!("### `{}`\n\n{}\n\n", section.name, section.about);
    if !section.options.is_empty() {
        let _ = writeln!(text, "{}", table(section.options));
    }
    let _ = write!(text, "An image:\n\n{}", table(section.image));
    inner(section.image, &mut text);
    text
}

/// The tables of the dicts that keys take.
fn inner(keys: &[Key], text: &mut String) {
    for key in keys {
        let (what, keys) = match key.kind {
            Kind::Repositories(keys) | Kind::KojiRepositories(keys) => {
                (format!("A repository in `{}` that is written as a dict", key.name), keys)
            }
            Kind::Dict(keys) | Kind::Open(keys) => (format!("What stands in `{}`", key.name), keys),
            _ => continue,
        };
        let _ = write!(text, "\n{what}:\n\n{}", table(keys));
        inner(keys, text);
    }
}

fn sections() -> String {
    let sections: Vec<String> = magudi_phases::schema().sections().iter().map(|one| section(one)).collect();
    format!("\n{}\n", sections.join("\n"))
}

#[test]
fn the_tables_of_keys_are_those_of_the_schema() {
    let parts = [("keys", table(schema::KEYS)), ("sections", sections()), ("uploads", uploads()), ("others", others())];
    check_tables("docs/configuration.md", parts);
}

/// Every state that an image can have.
fn states() -> String {
    let row = |state: RequestState| format!("| `{state}` | {} |\n", state.meaning());
    let rows: String = RequestState::ALL.map(row).concat();
    format!("\n| state | meaning |\n|---|---|\n{rows}\n")
}

#[test]
fn the_states_of_an_image_are_those_of_the_program() {
    check_tables("docs/events.md", [("states", states())]);
    let schema: serde_json::Value = serde_json::from_str(&read("docs/schemas/status.schema.json")).unwrap();
    let listed = &schema["$defs"]["request"]["properties"]["state"]["enum"];
    assert_eq!(*listed, serde_json::json!(RequestState::ALL.map(RequestState::as_str)));
}

/// The tables of a page that are made from the source, each behind a mark with its name.
#[expect(clippy::disallowed_methods, reason = "a test may be asked to write what it would compare")]
fn check_tables<const N: usize>(page: &str, parts: [(&str, String); N]) {
    let path = repository().join(page);
    let mut text = read(page);
    for (name, table) in parts {
        let begin = format!("<!-- {name}: generated by tests/it/docs.rs -->\n");
        let (head, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("no place for {name}"));
        let (_, tail) = rest.split_once("<!-- end -->").expect("the end of a table");
        text = format!("{head}{begin}{table}<!-- end -->{tail}");
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &text).expect("the page");
    }
    let written = read(page);
    assert!(written == text, "{page} is behind the source: run UPDATE_DOCS=1 cargo test --test it docs");
}

#[test]
fn man_pages_and_completions_name_every_verb() {
    let scene = Scene::new();
    let ran = scene.run(["generate", "man", "man"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let pages = crate::program::files(&scene.path().join("man"));
    let verbs = "run plan check config-dump resume cancel status uploads report compare verify image";
    for verb in verbs.split(' ') {
        assert!(pages.contains(&PathBuf::from(format!("magudi-{verb}.1"))), "{verb}: {pages:?}");
        let words: Vec<&str> = verb.splitn(2, '-').chain(["--help"]).collect();
        let help = scene.run(&words);
        assert!(help.stdout.contains("Examples:\n  magudi "), "{verb}: {}", help.stdout);
    }
    let page = std::fs::read_to_string(scene.path().join("man/magudi-image.1")).expect("a page");
    for section in ["SYNOPSIS", "OPTIONS", "EXAMPLES", "\"EXIT STATUS\"", "ENVIRONMENT", "\"SEE ALSO\""] {
        assert!(page.contains(&format!(".SH {section}\n")), "{section}: {page}");
    }
    assert!(page.contains("\nmagudi image Fedora\\-Cloud 42"), "examples stand on lines of their own: {page}");
    for shell in ["bash", "zsh", "fish"] {
        let ran = scene.run(["generate", "completions", shell]);
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        assert!(ran.stdout.contains("report") && ran.stdout.contains("upload-options"), "{shell}");
    }
    let nowhere = scene.write("file", "");
    let ran = scene.run(["generate".as_ref(), "man".as_ref(), nowhere.join("man").as_os_str()]);
    assert_eq!(ran.status, Some(1));
    assert!(ran.stderr.contains("cannot write man pages into"), "{}", ran.stderr);
}
