//! What holds for every configuration: spans lie in the text, a dump is read back as what it was, and what the checks let pass
//! becomes a plan that can be sent to a hub.

use crate::diagnostics::{check, check_span};
use crate::files;
use magudi_compose::identity::{ComposeIdentity, ComposeType};
use magudi_compose::layout::ComposeDir;
use magudi_compose::variants::{Variants, parse_variants};
use magudi_config::diagnostic::has_errors;
use magudi_config::load::parse_config;
use magudi_config::{ComposeConfig, Node, Sources, Value, check_all, dump, json};
use magudi_engine::find_task::Sent;
use magudi_koji::xmlrpc::encode_call;
use magudi_phases::phase::Context;
use magudi_phases::selection::{Selection, expand};
use serde_json::Value as Json;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// How many values are looked at where a tree is walked with its shared parts written out.
const MOST_VALUES: usize = 50_000;
/// How much text a dump may have that is read back.
const MOST_TEXT: usize = 1 << 20;

/// A configuration in the configuration language. Further files of the input can be included as `a`, `b`, ...
pub fn conf(data: &[u8]) {
    configuration("main.conf", data);
}

/// A configuration in YAML.
pub fn yaml(data: &[u8]) {
    configuration("main.yaml", data);
}

/// A configuration in JSON: what the rest of the world reads as an object is read here as the same.
pub fn json(data: &[u8]) {
    let tree = configuration("main.json", data);
    if let Ok(theirs @ Json::Object(_)) = serde_json::from_slice(data) {
        let tree = tree.unwrap_or_else(|| panic!("an object is refused"));
        if let Ok(ours) = dump::to_json(&tree) {
            assert!(agree(&ours, &theirs), "{ours} is not {theirs}");
        }
    }
}

fn configuration(name: &str, data: &[u8]) -> Option<Node> {
    let mut parts = files(data);
    let main = if name.ends_with(".conf") { parts.next().unwrap_or_default() } else { data };
    let included: HashMap<PathBuf, &[u8]> =
        parts.zip('a'..='z').map(|(part, letter)| (PathBuf::from(format!("{letter}.conf")), part)).collect();
    let read = |path: &Path| -> std::io::Result<Vec<u8>> {
        included.get(path).map(|bytes| bytes.to_vec()).ok_or_else(|| std::io::ErrorKind::NotFound.into())
    };
    let mut sources = Sources::new();
    let Ok(file) = sources.add_bytes(Path::new(name), main.to_vec()) else {
        assert!(std::str::from_utf8(main).is_err());
        return None;
    };
    let tree = match parse_config(file, &mut sources, &read) {
        Ok(tree) => tree,
        Err(problems) => {
            assert!(has_errors(&problems) && problems.iter().all(|problem| problem.span.is_some()), "{problems:?}");
            check(&problems, &sources);
            return None;
        }
    };
    assert!(tree.as_dict().is_some());
    check(sources.remarks(), &sources);
    check_spans(&tree, &sources, &mut HashSet::new());
    check_dump(&tree);
    let (config, problems) = check_all(&tree, magudi_phases::schema());
    check(&problems, &sources);
    match config {
        None => assert!(has_errors(&problems)),
        Some(config) => check_plan(&config, has_errors(&problems), sources),
    }
    Some(tree)
}

fn check_spans(node: &Node, sources: &Sources, seen: &mut HashSet<usize>) {
    check_span(node.span, sources);
    match &node.value {
        Value::List(items) | Value::Tuple(items) if seen.insert(items.as_ptr() as usize) => {
            items.iter().for_each(|item| check_spans(item, sources, seen));
        }
        Value::Dict(dict) if seen.insert(std::sync::Arc::as_ptr(dict) as usize) => {
            for (key, value) in &dict.entries {
                check_spans(key, sources, seen);
                check_spans(value, sources, seen);
            }
        }
        _ => {}
    }
}

/// A dump is JSON, and where keys are strings it is read back as what was dumped.
fn check_dump(tree: &Node) {
    let (mut values, mut text) = (MOST_VALUES, MOST_TEXT);
    let mut plain = true;
    if !is_small(tree, &mut values, &mut text, &mut plain) {
        return;
    }
    let Ok(text) = dump::to_text(tree) else { return };
    assert!(text.is_ascii());
    let mut sources = Sources::new();
    let file = sources.add(Path::new("dump.json"), text.clone());
    let back = json::parse_json(file, &sources).unwrap_or_else(|problem| panic!("{problem:?}\n{text}"));
    if plain {
        assert_eq!(dump::to_text(&back).ok().as_deref(), Some(text.as_str()));
        if let (Ok(one), Ok(other)) = (dump::to_json(tree), dump::to_json(&back)) {
            assert_eq!(one, other);
        }
    }
}

/// Whether a tree stays small when every variable is written out; `plain` is unset by keys that are no strings.
fn is_small(node: &Node, values: &mut usize, text: &mut usize, plain: &mut bool) -> bool {
    let Some(left) = values.checked_sub(1) else { return false };
    *values = left;
    match &node.value {
        Value::Str(string) => match text.checked_sub(string.len()) {
            Some(left) => {
                *text = left;
                true
            }
            None => false,
        },
        Value::List(items) | Value::Tuple(items) => items.iter().all(|item| is_small(item, values, text, plain)),
        Value::Dict(dict) => dict.entries.iter().all(|(key, value)| {
            *plain &= key.as_str().is_some();
            is_small(key, values, text, plain) && is_small(value, values, text, plain)
        }),
        _ => true,
    }
}

/// What has no errors can be planned, twice the same, and sent.
fn check_plan(config: &ComposeConfig, has_problems: bool, mut sources: Sources) {
    let variants = some_variants(&mut sources);
    let identity = ComposeIdentity::from_config(config, "20240229".to_owned(), ComposeType::Test, None, false);
    let dir = ComposeDir::at(Path::new("/compose"));
    let context = Context { config, variants: &variants, identity: &identity, dir: &dir };
    let (requests, found) = expand(&context, &Selection::default());
    check(&found, &sources);
    if has_problems || has_errors(&found) {
        return;
    }
    assert_eq!(requests, expand(&context, &Selection::default()).0);
    for request in requests {
        let sent = Sent::of(&request).unwrap_or_else(|error| panic!("{}: {error}", request.label()));
        let call = sent.call();
        if let Err(error) = encode_call(&call.method, &call.params) {
            panic!("{}: {error}", request.label());
        }
    }
}

pub(crate) fn some_variants(sources: &mut Sources) -> Variants {
    const TEXT: &str = "<variants>
<variant id='Server' name='Server' type='variant'><arches><arch>x86_64</arch><arch>aarch64</arch></arches></variant>
<variant id='Client' name='Client' type='variant'><arches><arch>x86_64</arch></arches><variants>
<variant id='optional' name='optional' type='optional'><arches><arch>x86_64</arch></arches></variant>
</variants></variant></variants>";
    parse_variants(TEXT, Path::new("variants.xml"), sources).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// Whether two documents are the same, but for numbers: they have more digits here than elsewhere.
fn agree(ours: &Json, theirs: &Json) -> bool {
    match (ours, theirs) {
        (Json::Number(_), Json::Number(_)) => true,
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| agree(a, b)),
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((k, a), (l, b))| k == l && agree(a, b))
        }
        (a, b) => a == b,
    }
}
