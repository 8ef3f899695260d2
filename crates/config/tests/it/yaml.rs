//! YAML configurations: the same tree as the other syntaxes give, or one problem at its place.

use crate::check;
use magudi_config::load::{Syntax, parse_config};
use magudi_config::{Diagnostic, Node, Severity, Sources, codes, dump, limits, render};
use std::path::Path;

fn read(text: &str) -> (Sources, Result<Node, Diagnostic>) {
    let mut sources = Sources::new();
    let file = sources.add_bytes(Path::new("a.yaml"), text.as_bytes().to_vec()).unwrap();
    let none = |_: &Path| -> std::io::Result<Vec<u8>> { panic!("YAML includes nothing") };
    let tree = parse_config(file, &mut sources, &none);
    (sources, tree.map_err(|mut problems| problems.remove(0)))
}

fn dumped(text: &str) -> String {
    let (sources, tree) = read(text);
    let tree = tree.unwrap_or_else(|problem| panic!("{text}: {}", render::render_human(&[problem], &sources, false)));
    dump::to_json(&tree).unwrap().to_string()
}

/// Place and message of what is wrong.
fn complaint(text: &str) -> String {
    let (sources, tree) = read(text);
    let problem = tree.expect_err(text);
    render::render_human(std::slice::from_ref(&problem), &sources, false);
    format!("{} {} {}", problem.code.id, sources.position(problem.span.unwrap()), problem.message)
}

#[test]
fn names_say_the_syntax() {
    for (name, syntax) in [
        ("a.yaml", Syntax::Yaml),
        ("a.yml", Syntax::Yaml),
        ("a.YAML", Syntax::Conf),
        ("a.json", Syntax::Json),
        ("yaml", Syntax::Conf),
    ] {
        assert_eq!(Syntax::of(Path::new(name)), syntax, "{name}");
    }
}

#[test]
fn values() {
    for (yaml, json) in [
        (
            "a: 1\nb: [x, 'y', \"z\\n\"]\nc: {d: null, e: ~, f: }\n",
            r#"{"a":1,"b":["x","y","z\n"],"c":{"d":null,"e":null,"f":null}}"#,
        ),
        (
            "osbuild:\n  ^Server$:\n  - name: n\n    arches: [x86_64]\n",
            r#"{"osbuild":{"^Server$":[{"arches":["x86_64"],"name":"n"}]}}"#,
        ),
        ("a: |\n  x\n  y\nb: >-\n  x\n  y\n", r#"{"a":"x\ny\n","b":"x y"}"#),
        ("---\n# nothing\na: true\n...\n", r#"{"a":true}"#),
        ("a: 9.2\nb: '9.2'\nc: no\n", r#"{"a":9.2,"b":"9.2","c":"no"}"#),
        ("\"a\": [1,\n 2]\n", r#"{"a":[1,2]}"#),
        ("{\"a\": {\"b\": [true, \"x\"]}}", r#"{"a":{"b":[true,"x"]}}"#),
        ("a: &x [1]\nb: *x\n&k c: *k\n", r#"{"a":[1],"b":[1],"c":"c"}"#),
        ("a: &x 1\nb: &x 2\nc: *x\n", r#"{"a":1,"b":2,"c":2}"#),
        ("\u{feff}a: é\n", r#"{"a":"é"}"#),
    ] {
        assert_eq!(dumped(yaml), json, "{yaml}");
    }
}

/// The order of entries is that of the file: it is semantic for patterns.
#[test]
fn merge_keys() {
    let keys = |text: &str| {
        let (_, tree) = read(text);
        let tree = tree.unwrap();
        let dict = tree.as_dict().unwrap().get("z").unwrap().as_dict().unwrap().clone();
        let shown =
            |(key, value): &(Node, Node)| format!("{}={}", key.as_str().unwrap(), dump::to_json(value).unwrap());
        dict.entries.iter().map(shown).collect::<Vec<_>>().join(" ")
    };
    let base = "x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\n";
    assert_eq!(keys(&format!("{base}z: {{b: 9, <<: *x}}")), "a=1 b=9");
    assert_eq!(keys(&format!("{base}z:\n  <<: [*x, *y]\n  d: 5\n")), "b=2 c=4 a=1 d=5");
    assert_eq!(keys(&format!("{base}z: {{<<: {{a: 7}}}}")), "a=7");
    assert_eq!(keys("z: {'<<': 1}"), "<<=1");
    for (text, place) in [
        ("z: {<<: 1}", "MG001 a.yaml:1:5 `<<` takes"),
        ("x: &x {a: 1}\nz: {<<: [*x, 1]}", "MG001 a.yaml:2:5 `<<` takes"),
        ("x: &x {a: 1}\nz:\n  <<: *x\n  <<: *x\n", "MG001 a.yaml:4:3 the key `<<`"),
    ] {
        assert!(complaint(text).starts_with(place), "{}", complaint(text));
    }
}

#[test]
fn problems_have_a_place() {
    for (text, expected) in [
        ("", "MG001 a.yaml:1:1 a configuration is a mapping of options, this is empty"),
        ("# only\n", "MG001 a.yaml:1:1 a configuration is a mapping of options, this is empty"),
        ("- a\n", "MG001 a.yaml:1:1 a configuration is a mapping of options, this is a list"),
        ("a: 1\na: 2\n", "MG001 a.yaml:2:1 the key a is already"),
        ("ž: {b: 1, b: 2}\n", "MG001 a.yaml:1:11 the key b is already"),
        ("a: 1\n---\nb: 2\n", "MG001 a.yaml:2:1 a second document"),
        ("a: !!str 1\n", "MG001 a.yaml:1:4 tags such as"),
        ("a: !x [1]\n", "MG001 a.yaml:1:4 tags such as"),
        ("a: {[1]: 2}\n", "MG001 a.yaml:1:5 a list or mapping cannot be a key"),
        ("a: &x [*x]\n", "MG001 a.yaml:1:8 this alias is inside"),
        ("a: *nope\n", "MG001 a.yaml:1:4 this is not YAML"),
        ("a: [1, 2\nb: 3\n", "MG001 a.yaml:2:"),
        ("a: 'x\n", "MG001 a.yaml:1:4 this is not YAML"),
        ("a: @x\n", "MG001 a.yaml:1:4 this is not YAML"),
    ] {
        let found = complaint(text);
        assert!(found.starts_with(expected), "{text:?}: {found}");
    }
    let (_, tree) = read("a:\n\tb: 1\n");
    assert!(tree.unwrap_err().help.unwrap().contains("never with tabs"));
}

/// The spans of values are exact: the renderer marks them.
#[test]
fn spans_cover_the_values() {
    let text = "ž: x\nosbuild:\n  '^S$':\n    - name: [1, 2]\n      distro:   word  # no\n";
    let (sources, tree) = read(text);
    let tree = tree.unwrap();
    let images = tree.as_dict().unwrap().get("osbuild").unwrap().as_dict().unwrap().entries[0].clone();
    let image = images.1.as_array().unwrap()[0].clone();
    let source = sources.iter().next().unwrap();
    let covered = |node: &Node| source.text[node.span.start as usize..node.span.end as usize].to_owned();
    assert_eq!(covered(&images.0), "'^S$'");
    assert_eq!(covered(image.as_dict().unwrap().get("name").unwrap()), "[1, 2]");
    assert_eq!(covered(image.as_dict().unwrap().get("distro").unwrap()), "word");
    assert_eq!(covered(&image), "name: [1, 2]\n      distro:   word");
    assert_eq!(sources.position(image.span).to_string(), "a.yaml:4:7");
}

#[test]
fn words_that_were_booleans_are_remarked_upon() {
    let (sources, tree) = read("a: yes\nb: 'yes'\nc: [On, y, true]\nno: 1\n# off\nd: &x off\ne: *x\n");
    assert!(tree.is_ok());
    let places: Vec<String> = sources
        .remarks()
        .iter()
        .map(|remark| {
            assert_eq!((remark.code, remark.severity()), (&codes::YAML_WORD, Severity::Warning));
            sources.position(remark.span.unwrap()).to_string()
        })
        .collect();
    assert_eq!(places, ["a.yaml:1:4", "a.yaml:3:5", "a.yaml:4:1", "a.yaml:6:7"]);
    let (sources, _) = read(&"- no\n".repeat(100_000));
    assert_eq!(sources.remarks().len(), limits::MAX_REMARKS);
}

#[test]
fn bombs_are_refused() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..30 {
        let aliases = vec![format!("*a{}", n - 1); 9].join(", ");
        bomb.push_str(&format!("a{n}: &a{n} [{aliases}]\n"));
    }
    assert!(complaint(&bomb).starts_with("MG017 a.yaml:6:"), "{}", complaint(&bomb));
    let chain: Vec<String> = (1..1000).map(|n| format!("a{n}: &a{n} [*a{}]\n", n - 1)).collect();
    assert!(complaint(&format!("a0: &a0 []\n{}", chain.concat())).contains("nested more than"));
    let entries: Vec<String> = (0..2000).map(|n| format!("k{n}: 1")).collect();
    let merges: Vec<String> = (0..1000).map(|n| format!("m{n}: {{<<: *x}}\n")).collect();
    let merged = complaint(&format!("x: &x {{{}}}\n{}", entries.join(", "), merges.concat()));
    assert!(merged.contains("merge keys are written out"), "{merged}");
    for deep in ["- ", "? ", "["] {
        let found = complaint(&format!("a:\n  {}x\n", deep.repeat(100_000)));
        assert!(found.contains("nested more than") || found.contains("recursion limit"), "{found}");
    }
    let most = limits::MAX_DEPTH as usize;
    assert!(read(&format!("a:\n  {}x\n", "- ".repeat(most - 1))).1.is_ok());
    assert!(complaint(&format!("a:\n  {}x\n", "- ".repeat(most))).contains("nested more than"));
}

#[test]
fn a_number_where_text_is_wanted_says_what_to_do() {
    let (sources, tree) = read("release_name: T\nrelease_version: 9.2\nosbuild_version: yes\n");
    let problems = check(&tree.unwrap()).1;
    let json = render::Report::new(&problems, &sources).to_value();
    let version = json["errors"].as_array().unwrap().iter().find(|e| e["path"] == "release_version").unwrap();
    assert_eq!((&version["line"], &version["column"]), (&serde_json::json!(2), &serde_json::json!(18)));
    assert_eq!(version["help"], "put it in quotes");
}
