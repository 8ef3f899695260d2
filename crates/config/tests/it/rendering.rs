//! What people and programs get to see.

use crate::check;
use magudi_config::{Diagnostic, Dict, Node, Sources, codes, conf, json, render};
use std::path::Path;
use unicode_width::UnicodeWidthStr as _;

/// A configuration that is good but for what is put behind it.
const GOOD: &str = "release_name = 'Test'\nrelease_short = 'T'\nrelease_version = '1'\nvariants_file = 'v.xml'\n\
                    pkgset_source = 'koji'\ngather_method = 'deps'\n";

fn read(text: &str) -> (Sources, Result<Node, Vec<Diagnostic>>) {
    let mut sources = Sources::new();
    let file = sources.add_bytes(Path::new("dir/a.conf"), text.as_bytes().to_vec()).unwrap();
    let none = |_: &Path| -> std::io::Result<Vec<u8>> { Err(std::io::ErrorKind::NotFound.into()) };
    let tree = conf::parse_conf(file, &mut sources, &none, &Dict::default());
    (sources, tree)
}

/// The problems of `GOOD` and what follows, drawn.
fn drawn(text: &str) -> String {
    let (sources, tree) = read(&format!("{GOOD}{text}"));
    let problems = tree.map_or_else(|problems| problems, |tree| check(&tree).1);
    assert!(!problems.is_empty());
    render::render_human(&problems, &sources, false)
}

#[test]
fn looks_like_rustc() {
    let out = drawn("osbuild = {'^S$': [{'name': 5, 'distro': 'd', 'image_types': 'raw', 'arch': ['x86_64']}]}\n");
    let expected = "\
error[MG003]: expected a string, found the number 5
 --> dir/a.conf:7:29
  |
7 | osbuild = {'^S$': [{'name': 5, 'distro': 'd', 'image_types': 'raw', 'arch': ['x86_64']}]}
  |                             ^
  |
  = path: osbuild.^S$.0.name
  = help: put it in quotes

error[MG006]: unexpected key `arch`
 --> dir/a.conf:7:69
  |
7 | osbuild = {'^S$': [{'name': 5, 'distro': 'd', 'image_types': 'raw', 'arch': ['x86_64']}]}
  |                                                                     ^^^^^^
  |
  = path: osbuild.^S$.0
  = help: did you mean `arches`?

";
    assert_eq!(out, expected);
}

#[test]
fn both_places_of_a_double_key_are_shown() {
    let out = drawn("x = {\n    'k': 1,\n    'k': 2,\n}\n");
    assert!(out.contains("dir/a.conf:9:5"), "{out}");
    assert!(out.contains("dir/a.conf:8:5") && out.contains("first here"), "{out}");
}

#[test]
fn an_open_bracket_is_shown_where_it_was_opened() {
    let out = drawn("x = {'k': [1, 2,\n\n");
    assert!(out.contains("the file ends before `[` is closed"), "{out}");
    assert!(out.contains("dir/a.conf:7:11") && out.contains("opened here"), "{out}");
}

#[test]
fn what_a_terminal_would_act_on_is_escaped() {
    let out = drawn("tree_arches = ['\u{1b}[31mred\u{202e}\u{9b}', 5]\r\nlink_type = '\u{1b}]0;x\u{7}'\n\u{7}");
    let bad = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!out.contains(bad), "{out:?}");
    let out = drawn("tree_arches = ['\u{1b}[31mred\u{202e}\u{9b}', 5]\nlink_type = '\u{1b}]0;x\u{7}'\n");
    assert!(!out.contains(bad) && out.contains("\\u{1b}"), "{out:?}");
    let coloured = {
        let (sources, tree) = read("a = \u{1b}\n");
        render::render_human(&tree.unwrap_err(), &sources, true)
    };
    assert!(coloured.contains("\u{1b}["), "{coloured:?}");
    assert!(coloured.contains("dir/a.conf:1:5"), "{coloured:?}");
    assert!(!coloured.contains("= \u{1b}\n"), "{coloured:?}");
}

#[test]
fn long_lines_are_cut_around_the_place() {
    let long = "x".repeat(1 << 21);
    let out = drawn(&format!("a = '{long}' b = {{'{long}': [1], 'k': 1, 'k': 2, 'z': '{long}'}}\n"));
    assert!(out.len() < 3000, "{}", out.len());
    assert!(out.contains("'k': 1, 'k': 2"), "{out}");
    assert!(out.contains("dir/a.conf:7:4194334"), "{out}");
    let out = drawn(&format!("osbuild = {{'^{long}$': 5}}\n"));
    assert!(out.len() < 3000, "{}", out.len());
}

/// In a terminal of any width no line of the source is wider, and what is marked is in it.
#[test]
fn lines_of_the_source_are_as_wide_as_the_terminal() {
    let wide = "磁".repeat(40);
    let tabs = "\t".repeat(12);
    for (before, behind) in [("", ""), ("x", "y"), (wide.as_str(), wide.as_str()), (tabs.as_str(), "z")] {
        for (before, behind) in [(before.to_owned(), behind.to_owned()), (before.repeat(90), behind.repeat(90))] {
            let text = format!("a = ['{before}'] b = {{'k': 1, 'k': 2}} # {behind}\n");
            let (sources, tree) = read(&text);
            let problems = tree.err().unwrap_or_default();
            assert!(!problems.is_empty(), "{text}");
            for columns in [40, 60, 80, 120, 200] {
                let out = render::render_within(&problems, &sources, false, columns);
                let source = out.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit()));
                for line in source {
                    assert!(line.width() <= columns, "{} > {columns}: {line}", line.width());
                    assert!(line.contains('b'), "{line}");
                }
            }
        }
    }
    let (sources, tree) = read(&format!("a = ['{}'] b = }}\n", "x".repeat(100)));
    let problems = tree.unwrap_err();
    let whole = render::render_within(&problems, &sources, false, 200);
    assert_eq!(whole, render::render_human(&problems, &sources, false));
}

/// A reader of the file comes to them in this order, whatever is checked first.
#[test]
fn problems_are_in_the_order_of_their_places() {
    let lines = "link_type = 'reflink'\nosbild = {}\ntree_arches = 5\nmedia_checksums = ['sha3']\n";
    let (sources, tree) = read(&format!("{lines}{GOOD}"));
    let problems = check(&tree.unwrap()).1;
    let drawn = render::render_human(&problems, &sources, false);
    let places: Vec<u32> = drawn
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("--> dir/a.conf:")?.split(':').next()?.parse().ok())
        .collect();
    assert_eq!(places, [1, 2, 3, 4], "{drawn}");
    let json = render::Report::new(&problems, &sources).to_value();
    let lines: Vec<u64> =
        json["errors"].as_array().unwrap().iter().map(|error| error["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [1, 3, 4]);
}

#[test]
fn many_problems_are_counted() {
    let images = "{'name': 1, 'distro': 'd', 'image_types': 'raw'},".repeat(1000);
    let out = drawn(&format!("osbuild = {{'a': [{images}]}}\n"));
    assert!(out.ends_with("... and 800 more\n\n"));
    assert!(out.len() < 200 * 1000, "{}", out.len());
    // No error is left out for the sake of notes.
    let images = "{'name': 'n', 'distro': 'd', 'image_types': 'game-console'},".repeat(1000);
    let out = drawn(&format!("osbuild = {{'a': [{images} {{}}]}}\n"));
    assert_eq!((out.matches("error[MG005]").count(), out.matches("note[MG025]").count()), (3, 197));
    assert!(out.ends_with("... and 803 more\n\n"));
}

#[test]
fn secrets_stay_in_the_file() {
    let secret = "hunter2";
    for text in [
        format!(
            "osbuild = {{'a': [{{'name': 5, 'customizations': {{'user': [{{'name': 'u', 'password': '{secret}'}}]}}}}]}}"
        ),
        format!(
            "osbuild = {{'a': [{{'name': 'n', 'distro': 'd', 'image_types': 'q', 'customizations': '{secret}'}}]}}"
        ),
        format!("osbuild = {{'a': [{{'name': 'n', 'customisations': {{'password': '{secret}'}}}}]}}"),
        format!("osbuild = {{'a': [{{'customizations': {{'user': {{'password' '{secret}'}}}}}}]}}"),
        format!(
            "osbuild = {{'a': [{{'customizations': {{'user': {{'password': '{secret}',,, 'password': '{secret}'}}}}}}]}}"
        ),
        format!("osbuild = {{'a': [{{'customizations': {{'user': '%d' % '{secret}'}}}}]}}"),
        format!("osbuild = {{'a': [{{'customizations':\n  {{'user':\n '{secret}' 5}}}}]}}"),
        format!("root_password = '{secret}' }}"),
        format!("private_key = '{secret}'\n"),
        format!("passphrase = '{secret}' + '{secret}'\n"),
        format!("credentials = {{'user': 'u', 'pin': '{secret}'}}\n"),
        format!("signing_passphrase = \"{secret}\"\n"),
        format!("koji_cache = {{'token': '{secret}'}}\n"),
        format!("osbuild = {{'a': [{{'repo': 5, 'private-key': '{secret}'}}]}}"),
        format!("osbuild = {{'a': [{{'repo': [1, 'https://u:{secret}@h/r']}}]}}"),
    ] {
        let (sources, tree) = read(&format!("{GOOD}{text}"));
        let problems = tree.map_or_else(|problems| problems, |tree| check(&tree).1);
        assert!(!problems.is_empty(), "{text}");
        let shown = render::render_human(&problems, &sources, false)
            + &render::Report::new(&problems, &sources).to_value().to_string();
        assert!(!shown.contains(secret), "{text}\n{shown}");
    }
}

#[test]
fn json_has_the_promised_keys() {
    let (sources, tree) = read(&format!("{GOOD}osbild = {{}}\nrelease_version = 'é 9'\nlink_type = 'reflink'\n"));
    let problems = check(&tree.unwrap()).1;
    let expected = serde_json::json!({
        "errors": [{
            "id": "MG004",
            "severity": "error",
            "message": "expected one of hardlink, copy, hardlink-or-copy, symlink, abspath-symlink, found the string `reflink`",
            "path": "link_type",
            "file": "dir/a.conf",
            "line": 9,
            "column": 13,
            "end_line": 9,
            "end_column": 22,
            "help": null,
        }],
        "warnings": [{
            "id": "MG011",
            "severity": "warning",
            "message": "no option is called `osbild`",
            "path": "osbild",
            "file": "dir/a.conf",
            "line": 7,
            "column": 1,
            "end_line": 7,
            "end_column": 7,
            "help": "did you mean `osbuild`?",
        }],
    });
    assert_eq!(render::Report::new(&problems, &sources).to_value(), expected);
}

#[test]
fn a_problem_without_a_place_has_nulls() {
    let mut sources = Sources::new();
    let file = sources.add_bytes(Path::new("a.json"), b"{}".to_vec()).unwrap();
    let tree = json::parse_json(file, &sources).unwrap();
    let problem = Diagnostic::new(&codes::BAD_PROFILE, "koji_profile", "no such profile").help("make one");
    let out = render::Report::new(std::slice::from_ref(&problem), &sources).to_value();
    assert_eq!(out["errors"][0]["file"], serde_json::Value::Null);
    assert_eq!(out["errors"][0]["line"], serde_json::Value::Null);
    let drawn = render::render_human(&[problem], &sources, false);
    assert_eq!(drawn, "error[MG301]: no such profile\n |\n = path: koji_profile\n = help: make one\n\n");
    assert_eq!(check(&tree).1.len(), 6);
}
