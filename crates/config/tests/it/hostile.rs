//! Files that mean harm, and files that mean nothing: they end in diagnostics, soon.

use crate::check;
use magudi_config::{Diagnostic, Dict, Node, Severity, Sources, codes, conf, dump, json, limits, render, yaml};
use std::collections::HashMap;
use std::path::Path;

fn read_with(text: &str, files: &HashMap<&str, &str>) -> (Sources, Result<Node, Vec<Diagnostic>>) {
    let mut sources = Sources::new();
    let file = sources.add_bytes(Path::new("main.conf"), text.as_bytes().to_vec()).unwrap();
    let open = |path: &Path| -> std::io::Result<Vec<u8>> {
        let found = files.get(path.to_str().unwrap());
        found.map(|text| text.as_bytes().to_vec()).ok_or_else(|| std::io::ErrorKind::NotFound.into())
    };
    let tree = conf::parse_conf(file, &mut sources, &open, &Dict::default());
    (sources, tree)
}

fn read(text: &str) -> Result<Node, Vec<Diagnostic>> {
    read_with(text, &HashMap::new()).1
}

fn complaint(text: &str) -> String {
    read(text).unwrap_err().remove(0).message
}

const GOOD: &str = "release_name = 'Test'\nrelease_short = 'T'\nrelease_version = '1'\nvariants_file = 'v.xml'\n\
                    pkgset_source = 'koji'\ngather_method = 'deps'\n";

#[test]
fn deep_values() {
    for text in ["[", "{1: ", "(", "'%s' % ", "{'%s' % "] {
        assert!(complaint(&format!("a = {}", text.repeat(100_000))).contains("nested"), "{text}");
    }
    let most = limits::MAX_DEPTH as usize;
    let nested = |depth| format!("a = {}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(read(&nested(most)).unwrap().depth(), limits::MAX_DEPTH + 1);
    assert!(complaint(&nested(most + 1)).contains("nested"));
    let chain: Vec<String> = (1..100_000).map(|n| format!("a{n} = [a{}]\n", n - 1)).collect();
    assert!(complaint(&format!("a0 = []\n{}", chain.concat())).contains("nested"));
    let tree = read(&nested(most)).unwrap();
    assert!(dump::to_json(&tree).is_ok() && dump::to_text(&tree).is_ok());
}

#[test]
fn values_that_double() {
    let doubling: Vec<String> = (1..60).map(|n| format!("a{n} = [a{0}, a{0}]\n", n - 1)).collect();
    let text = format!("{GOOD}a0 = ['xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx']\n{}", doubling.concat());
    let tree = read(&text).unwrap();
    let (config, problems) = check(&tree);
    assert!(config.is_none());
    assert_eq!(problems[0].code, &codes::TOO_LARGE);
    assert_eq!(dump::to_json(&tree).unwrap_err().code, &codes::TOO_LARGE);
    assert_eq!(dump::to_text(&tree).unwrap_err().code, &codes::TOO_LARGE);
    assert!(complaint(&format!("{text}b = '%s' % a59\n")).contains("too much text"));
    let strings: Vec<String> = (1..60).map(|n| format!("s{n} = '%s%s' % (s{0}, s{0})\n", n - 1)).collect();
    assert!(complaint(&format!("s0 = 'x'\n{}", strings.concat())).contains("too much text"));
    assert!(complaint("a = '%999999d' % 1\n".repeat(100).as_str()).contains("too much text"));
    let tuples: Vec<String> = (1..60).map(|n| format!("a{n} = (a{0}, a{0})\n", n - 1)).collect();
    assert!(complaint(&format!("a0 = ('x')\n{}b = {{a59: 1}}\n", tuples.concat())).contains("too large"));
}

#[test]
fn images_that_multiply() {
    let image = "{'name': 'n', 'distro': 'd', 'image_types': 'q'},";
    let patterns: Vec<String> = (0..1000).map(|n| format!("'p{n}': x,")).collect();
    let text = format!("{GOOD}x = [{}]\nosbuild = {{{}}}\n", image.repeat(200), patterns.concat());
    let (config, problems) = check(&read(&text).unwrap());
    assert!(config.is_none());
    let errors: Vec<_> = problems.iter().filter(|problem| problem.severity() == Severity::Error).collect();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].code, &codes::TOO_LARGE);
}

#[test]
fn includes_that_never_end() {
    let ten = "from a import *\n".repeat(10);
    let files = HashMap::from([
        ("a.conf", "from ../x/./b import *\nfrom b import *\nfrom b import *\n"),
        (
            "b.conf",
            "from c import *\nfrom c import *\nfrom c import *\nfrom c import *\nfrom c import *\nfrom c import *",
        ),
        (
            "c.conf",
            "from e import *\nfrom e import *\nfrom e import *\nfrom e import *\nfrom e import *\nfrom e import *",
        ),
        (
            "e.conf",
            "from f import *\nfrom f import *\nfrom f import *\nfrom f import *\nfrom f import *\nfrom f import *",
        ),
        ("f.conf", "x = 1\n"),
        ("../x/b.conf", "x = 1\n"),
        ("cycle.conf", "from x/../cycle import *\n"),
        ("bad.conf", "a = = 1\n"),
    ]);
    let message = |text: &str| read_with(text, &files).1.unwrap_err().remove(0).message;
    assert_eq!(message(&ten), "too many files are included");
    assert!(message("from cycle import *\n").contains("includes itself"));
    assert!(message("from main import *\n").contains("includes itself"));
    let problem = read_with("from bad import *\n", &files).1.unwrap_err().remove(0);
    assert_eq!(problem.related.len(), 1);
}

#[test]
fn large_dicts_are_not_quadratic() {
    let strings: Vec<String> = (0..20_000).map(|n| format!("'key{n}': {n},")).collect();
    let numbers: Vec<String> = (0..20_000).map(|n| format!("{n}: {n}, {n}.5: 1,")).collect();
    let tree = read(&format!("a = {{{}}}\nb = {{{}}}\n", strings.concat(), numbers.concat())).unwrap();
    let size = |name| tree.as_dict().unwrap().get(name).unwrap().as_dict().unwrap().entries.len();
    assert_eq!((size("a"), size("b")), (20_000, 40_000));
    assert!(complaint(&format!("a = {{{}'key19999': 1}}\n", strings.concat())).contains("already"));
    assert!(complaint(&format!("a = {{{}777.5: 1}}\n", numbers.concat())).contains("already"));
}

#[test]
fn files_that_are_no_text() {
    let mut sources = Sources::new();
    assert_eq!(sources.add_bytes(Path::new("a"), b"a = '\xff'\n".to_vec()).unwrap_err(), 5);
    let folder = tempfile::tempdir().unwrap();
    let code = |path: &Path| magudi_config::load_config(path, &mut Sources::new()).unwrap_err()[0].code;
    assert_eq!(code(folder.path()), &codes::UNREADABLE);
    assert_eq!(code(&folder.path().join("none.conf")), &codes::UNREADABLE);
    let large = folder.path().join("large.json");
    std::fs::File::create(&large).unwrap().set_len(limits::MAX_FILE + 1).unwrap();
    assert_eq!(code(&large), &codes::UNREADABLE);
}

/// A small generator; the tests must do the same every time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

const PIECES: &[&str] = &[
    "a",
    "b",
    "release_version",
    "osbuild",
    "media_checksums",
    "=",
    " = ",
    "\n",
    "\r\n",
    "\r",
    " ",
    "\t",
    "\\\n",
    "\\",
    "'x'",
    "\"%s\"",
    "'%(k)s'",
    " % ",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "1",
    "-",
    "1.5",
    "1e5",
    "0x",
    "007",
    "\"\"\"",
    "'",
    "\"",
    "#",
    "global ",
    "from ",
    "import ",
    "*",
    "x",
    "é",
    "\u{1b}",
    "\u{0}",
    "\u{feff}",
    "\u{202e}",
    "None",
    "True",
    "'name': ",
    "'distro': ",
    "'image_types': ",
    "'upload_options': ",
    "'customizations': ",
    "'repo': ",
    "'^S$': ",
    "100%",
    "%%",
    "\u{c}",
    "_",
    "9999999999999999999999",
    "\"k\": ",
    "null",
    "NaN",
    "\\ud83d",
    "'%*.*f' % (1, 2, 3.5)",
];

/// The same pieces with YAML's own marks among them.
fn yaml_of(text: &str) -> String {
    let marks = [(" = ", ": "), ("=", ":\n  - "), ("(", "&a "), (")", "*a"), (" % ", "\n? "), ("global ", "<<: ")];
    marks.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

#[test]
fn anything_is_read_checked_and_drawn_without_a_panic() {
    let mut random = Random(7);
    let files = HashMap::from([("x.conf", "global a\na = 1\nb = [a]\n")]);
    let mut good = 0;
    for round in 0..2000 {
        let count = 1 + random.below(if round % 2 == 0 { 40 } else { 8 });
        let mut text: String = (0..count).map(|_| PIECES[random.below(PIECES.len())]).collect();
        if round % 2 == 0 {
            text.insert_str(0, "osbuild = {'a': [{");
        }
        let (sources, tree) = read_with(&text, &files);
        let problems = match tree {
            Ok(tree) => {
                good += 1;
                let _ = dump::to_text(&tree);
                let _ = dump::to_json(&tree);
                check(&tree).1
            }
            Err(problems) => {
                assert!(problems[0].span.is_some(), "{text:?}");
                problems
            }
        };
        assert!(problems.iter().any(|problem| problem.severity() == Severity::Error));
        let drawn = render::render_human(&problems, &sources, round % 3 == 0)
            + &render::Report::new(&problems, &sources).to_value().to_string();
        assert!(!drawn.contains(['\u{202e}', '\u{0}']), "{text:?}");
        let mut sources = Sources::new();
        let file = sources.add_bytes(Path::new("a.json"), text.clone().into_bytes()).unwrap();
        if let Err(problem) = json::parse_json(file, &sources) {
            assert!(problem.span.is_some());
            render::render_human(&[problem], &sources, false);
        }
        let mut sources = Sources::new();
        let file = sources.add_bytes(Path::new("a.yaml"), yaml_of(&text).into_bytes()).unwrap();
        match yaml::parse_yaml(file, &mut sources) {
            Ok(tree) => drop(check(&tree)),
            Err(problem) => {
                assert!(problem.span.is_some(), "{text:?}");
                render::render_human(&[problem], &sources, false);
            }
        }
    }
    assert!(good > 20, "{good}");
}
