//! What is remarked upon in configurations that are otherwise good, and what is not.

use magudi_config::{Diagnostic, Dict, Sources, conf, render};
use std::path::Path;

fn remarks(text: &str) -> (Sources, Vec<Diagnostic>) {
    let mut sources = Sources::new();
    let file = sources.add_bytes(Path::new("a.conf"), text.as_bytes().to_vec()).unwrap();
    let files = |path: &Path| -> std::io::Result<Vec<u8>> {
        assert_eq!(path, Path::new("inc.conf"));
        Ok(b"i = ['a' 'b']\n".to_vec())
    };
    let tree = conf::parse_conf(file, &mut sources, &files, &Dict::default());
    tree.unwrap_or_else(|problems| panic!("{text}: {problems:?}"));
    let found = sources.remarks().to_vec();
    (sources, found)
}

/// Code and place of each remark.
fn places(text: &str) -> String {
    let (sources, found) = remarks(text);
    let place = |remark: &Diagnostic| {
        let position = sources.position(remark.span.unwrap());
        assert!(remark.help.is_some(), "{text}");
        format!("{} {}:{}", remark.code.id, position.line, position.column)
    };
    found.iter().map(place).collect::<Vec<_>>().join(", ")
}

#[test]
fn strings_beside_each_other() {
    for (text, expected) in [
        ("a = ['x' 'y']", "MG019 1:10"),
        ("a = ('x'\n     # why\n     'y' 'z')", "MG019 3:6, MG019 3:10"),
        ("a = {'k': 'x'\n 'l': 'y'}", "MG019 2:2"),
        ("a = {'k': ['x'] 'l': 'y'}", ""),
        ("a = ['%s' % 'x' 'y']", "MG019 1:17"),
        ("a = ['%s' % 1 'y']", ""),
        ("a = ['x', 'y', 1 2 'z', ['u'] 'v']", ""),
        ("a = ['x',\n 'y',]\nb = 'x'\nc = 'y'", ""),
        ("a = {'x': 1, 'y': {'z': 'u'}, 'w': 'v'}", ""),
        ("from inc import *\nfrom inc import *", "MG019 1:10"),
    ] {
        assert_eq!(places(text), expected, "{text}");
    }
}

#[test]
fn prefixes_and_triple_quotes() {
    for (text, expected) in [
        ("a = r'x\\d'", "MG020 1:5"),
        ("a = {u'k': b\"x\", 'f': f'{a}', Rb'x': 1}", "MG020 1:6, MG020 1:12, MG020 1:23, MG020 1:31"),
        ("a = '''x\ny'''", "MG021 1:5"),
        ("a = [\"\"\"\"\"\"]", "MG021 1:6"),
        ("a = r'''x'''", "MG020 1:5"),
        ("a = ['', \"\", '\"', \"'''\", '\"\"\"\"']", ""),
    ] {
        assert_eq!(places(text), expected, "{text}");
    }
}

#[test]
fn escapes_that_stay() {
    for (text, expected) in [
        (r"a = 'x\ny\n'", "MG022 1:7"),
        (r"a = ['x\ty', 'b\\c', 'é\'d']", "MG022 1:8, MG022 1:16, MG022 1:24"),
        ("a = 'x\\\ny'", "MG022 1:7"),
        (r#"a = "%s\n" % 'x'"#, "MG022 1:8"),
        // What could be a regular expression.
        (r"a = {'^a\\b$': 1, 'x\n': 2}", ""),
        (r"a = [('x\n', {'*': ['y\.\n']})]", ""),
        (r"a = [r'x']", "MG020 1:6"),
        (r"a = '^Server\.x$' b = 'Cloud-\d+\n' c = '\bx\b'", ""),
    ] {
        assert_eq!(places(text), expected, "{text}");
    }
}

#[test]
fn a_remark_is_drawn_and_gives_no_secret_away() {
    let (sources, found) = remarks("x = {'customizations': {'a': ['hunter2' 'hunter3\\n']}}");
    let drawn = render::render_human(&found, &sources, false);
    assert!(drawn.contains("warning[MG019]") && drawn.contains("the string before it"), "{drawn}");
    assert!(drawn.contains("warning[MG022]") && !drawn.contains("hunter"), "{drawn}");
}

#[test]
fn bare_words_and_quoted_paths_say_what_to_do() {
    let help = |text: &str| {
        let mut sources = Sources::new();
        let file = sources.add_bytes(Path::new("a.conf"), text.as_bytes().to_vec()).unwrap();
        let none = |_: &Path| -> std::io::Result<Vec<u8>> { Err(std::io::ErrorKind::NotFound.into()) };
        let problems = conf::parse_conf(file, &mut sources, &none, &Dict::default()).unwrap_err();
        problems[0].help.clone().unwrap()
    };
    assert!(help("arches = [x86_64]").contains("put text in quotes"));
    assert_eq!(help("target = 1 a = targe"), "did you mean `target`?");
    assert_eq!(help("from 'x' import *"), "write the path without quotes");
    assert_eq!(help("from ./x.conf import *"), "write `from ./x import`: `.conf` is added to it");
    assert_eq!(help("release = !RELEASE_FROM_DATE_RESPIN"), "put text in quotes");
    assert!(help("version = '42' + '.1'").contains("with `%`"));
    assert_eq!(help("version = '42',\nrelease = '1'"), "remove it: nothing separates statements");
    assert!(help("a = 'x' b = a[0]").contains("values cannot be indexed"));
}
