//! *Kinds*: whether a value is what its key takes.

use super::options::{file_or_scm, pairs};
use super::path::At;
use super::upload;
use super::values::{Findings, quoted, shown};
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::pattern::Pattern;
use crate::schema::images;
use crate::schema::{self, Key, Kind};
use crate::tree::{Dict, Node, Value};

pub fn check_kind(kind: Kind, node: &Node, at: At<'_>, findings: &mut Findings) {
    let is_integer = matches!(node.value, Value::Int(_) | Value::BigInt(_));
    let is_number = is_integer || matches!(node.value, Value::Float(_));
    match kind {
        Kind::Any => {}
        Kind::Url => drop(findings.text_or(node, at, "a URL as a string")),
        Kind::Text => drop(findings.text(node, at)),
        Kind::TextOrNull => drop(findings.text_or_null(node, at)),
        Kind::Choice(choices) => drop(findings.choice(node, at, choices)),
        Kind::Boolean => {
            findings.boolean(node, at);
        }
        Kind::Number if is_number => {}
        Kind::Number => findings.wrong_type(node, at, "a number"),
        Kind::NumberOrText if is_number || node.as_str().is_some() => {}
        Kind::NumberOrText => findings.wrong_type(node, at, "a number or a string"),
        Kind::NumberOf(numbers) => check_number(node, numbers, at, findings),
        Kind::Texts => drop(findings.texts(node, at)),
        Kind::TextOrTexts if node.as_str().is_some() => {}
        Kind::TextOrTexts if node.as_array().is_some() => drop(findings.texts(node, at)),
        Kind::TextOrTexts => findings.wrong_type(node, at, "a string or a list of strings"),
        Kind::Integer if is_integer => {}
        Kind::Integer => findings.wrong_type(node, at, "a whole number"),
        Kind::Object => {
            findings.dict(node, at);
        }
        Kind::Dict(keys) | Kind::Open(keys) => {
            if let Some(dict) = findings.dict(node, at) {
                check_dict(node, dict, keys, matches!(kind, Kind::Open(_)), at, findings);
            }
        }
        Kind::TextOrScm => drop(file_or_scm(node, at, &["scm"], findings)),
        Kind::VariantsFile => drop(file_or_scm(node, at, schema::VARIANTS_KEYS, findings)),
        Kind::Pairs => drop(pairs(node, at, findings)),
        Kind::ImageType => check_types(node, at, findings),
        Kind::Repositories(keys) => check_repos(node, keys, at, findings),
        Kind::UploadOptions { .. } => upload::check(node, at, None, findings),
        Kind::KojiRepositories(keys) if node.as_array().is_some() => check_repos(node, keys, at, findings),
        Kind::KojiRepositories(keys) => check_repo(node, keys, at, findings),
        Kind::Formats => check_formats(node, at, findings),
        Kind::Map(kind) => check_map(node, *kind, false, at, findings),
        Kind::OpenMap(kind) => check_map(node, *kind, true, at, findings),
        Kind::Sources(kind) => {
            for (key, value) in findings.dict(node, at).into_iter().flat_map(|dict| &dict.entries) {
                let name = key.as_str().unwrap_or("");
                if name.starts_with("module") || name.contains("comps") || name.ends_with("json") {
                    check_kind(*kind, value, at.key(name), findings);
                }
            }
        }
        Kind::List(kind) => check_items(node, *kind, at, findings),
        Kind::NonEmptyList(_) if node.as_array().is_some_and(<[Node]>::is_empty) => {
            let message = "expected at least one item";
            findings.add(Diagnostic::new(&codes::WRONG_LENGTH, at.to_string(), message).at(node.span));
        }
        Kind::NonEmptyList(kind) => check_items(node, *kind, at, findings),
        Kind::Either(kinds) => check_either(kinds, node, at, findings),
        Kind::PerArch(kind) => check_per_arch(node, *kind, at, findings),
        Kind::Removed(_) | Kind::Gone { .. } => {}
    }
}

/// Checks the values of a dict by its keys, in their order, and what is missing or too much.
pub fn check_dict(node: &Node, dict: &Dict, keys: &[Key], open: bool, at: At<'_>, findings: &mut Findings) {
    let (known, others) = sorted(dict, keys);
    for (key, value) in keys.iter().zip(&known) {
        let Some(value) = value else { continue };
        match key.kind {
            Kind::UploadOptions { of } => upload::check(value, at.key(key.name), dict.get(of), findings),
            kind => check_kind(kind, value, at.key(key.name), findings),
        }
    }
    for (key, _) in keys.iter().zip(&known).filter(|(key, value)| key.required && value.is_none()) {
        findings.missing(node, at, key.name);
    }
    if open {
        return;
    }
    for key in others {
        let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
        findings.unexpected(key, at, &names);
    }
}

/// The value of each key, found in one pass, and the keys that are none of them.
fn sorted<'n>(dict: &'n Dict, keys: &[Key]) -> (Vec<Option<&'n Node>>, Vec<&'n Node>) {
    let mut known = vec![None; keys.len()];
    let mut others = Vec::new();
    for (key, value) in &dict.entries {
        let slot = key.as_str().and_then(|name| keys.iter().position(|known| known.name == name));
        match slot.and_then(|slot| known.get_mut(slot)) {
            Some(slot) => *slot = Some(value),
            None => others.push(key),
        }
    }
    (known, others)
}

/// A string, or the older form: a list of one string.
fn check_types(node: &Node, at: At<'_>, findings: &mut Findings) {
    if node.as_str().is_some() {
        return remark_on_type(node, at, findings);
    }
    let Some(items) = node.as_array() else {
        return findings.wrong_type(node, at, "an image type or a list of one image type");
    };
    if items.len() != 1 {
        let message = format!("expected exactly one image type, found {}", items.len());
        let found = Diagnostic::new(&codes::WRONG_LENGTH, at.to_string(), message).at(node.span);
        return findings.add(if items.is_empty() { found } else { found.help("make one image of each type") });
    }
    if findings.texts(node, at).is_some() {
        for item in items {
            remark_on_type(item, at, findings);
        }
    }
}

/// Warns of an image type that is a slip of a known one. Others that are not known are composer's business: a note.
fn remark_on_type(node: &Node, at: At<'_>, findings: &mut Findings) {
    let name = node.as_str().unwrap_or("");
    if images::is_known(name) {
        return;
    }
    let message = format!("no image type is known as {}", quoted(name));
    let found = |code| Diagnostic::new(code, at.to_string(), message).at(node.span);
    findings.add(match images::slip_of(name) {
        Some(near) => found(&codes::UNKNOWN_IMAGE_TYPE).help(format!("did you mean `{near}`?")),
        None => found(&codes::UNLISTED_IMAGE_TYPE).help("it is passed on to the hub as it is"),
    });
}

/// The repositories of an image, each a string or a dict with `keys`.
fn check_repos(node: &Node, keys: &[Key], at: At<'_>, findings: &mut Findings) {
    for (index, item) in findings.array(node, at, "a list of repositories").into_iter().flatten().enumerate() {
        check_repo(item, keys, at.item(index), findings);
    }
}

fn check_repo(node: &Node, keys: &[Key], at: At<'_>, findings: &mut Findings) {
    match &node.value {
        Value::Str(_) => {}
        Value::Dict(dict) => check_dict(node, dict, keys, false, at, findings),
        _ => findings.wrong_type(node, at, "a repository: a string, or a dict with `baseurl`"),
    }
}

/// A format, or a list whose items are formats, or lists of one or two strings that begin with one.
fn check_formats(node: &Node, at: At<'_>, findings: &mut Findings) {
    let is_text = |item: &Node| item.as_str().is_some();
    let is_pair = |item: &Node| item.as_array().is_some_and(|pair| pair.len() <= 2 && pair.iter().all(is_text));
    let is_list = |items: &[Node]| items.iter().all(is_text) || items.iter().all(is_pair);
    if !is_text(node) && !node.as_array().is_some_and(is_list) {
        let message = format!(
            "expected a format, a list of formats, or a list of pairs of a format and its suffix, found {}",
            shown(node, at)
        );
        findings.add(Diagnostic::new(&codes::WRONG_TYPE, at.to_string(), message).at(node.span));
    }
}

fn check_items(node: &Node, kind: Kind, at: At<'_>, findings: &mut Findings) {
    for (index, item) in findings.array(node, at, "a list").into_iter().flatten().enumerate() {
        check_kind(kind, item, at.item(index), findings);
    }
}

fn check_number(node: &Node, numbers: &[i64], at: At<'_>, findings: &mut Findings) {
    let fits = match node.value {
        Value::Int(number) => numbers.contains(&number),
        Value::Float(number) => numbers.iter().any(|known| (*known as f64 - number).abs() < f64::EPSILON),
        _ => return findings.wrong_type(node, at, "a number"),
    };
    if !fits {
        let known: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        let message = format!("expected one of {}, found {}", known.join(", "), shown(node, at));
        findings.add(Diagnostic::new(&codes::NOT_ALLOWED, at.to_string(), message).at(node.span));
    }
}

/// A dict whose keys are strings. In an `open` one an empty key may stand for anything.
fn check_map(node: &Node, kind: Kind, open: bool, at: At<'_>, findings: &mut Findings) {
    for (key, value) in findings.dict(node, at).into_iter().flat_map(|dict| &dict.entries) {
        match key.as_str() {
            Some("") if open => {}
            Some("") => {
                let found = Diagnostic::new(&codes::UNEXPECTED_KEY, at.to_string(), "a key must not be empty");
                findings.add(found.at(key.span));
            }
            Some(name) => check_kind(kind, value, at.key(name), findings),
            None => {
                let message = format!("a key must be a string, found {}", shown(key, at));
                findings.add(Diagnostic::new(&codes::WRONG_TYPE, at.to_string(), message).at(key.span));
            }
        }
    }
}

/// A value of one of several kinds. What is wrong is reported by the kind that it is nearest to.
fn check_either(kinds: &[Kind], node: &Node, at: At<'_>, findings: &mut Findings) {
    let tried = kinds.iter().map(|kind| {
        let mut found = Findings::default();
        check_kind(*kind, node, at, &mut found);
        found.list
    });
    // A value whose type is not a kind's is reported where it stands; of the others the path is longer.
    let own = at.to_string();
    let nearest = tried.min_by_key(|list| (list.iter().any(|found| found.path == own), list.len()));
    findings.list.extend(nearest.into_iter().flatten());
}

/// A regular expression.
fn check_pattern(node: &Node, at: At<'_>, findings: &mut Findings) {
    let Some(pattern) = findings.text(node, at) else { return };
    // Most are a uid between `^` and `$`, or `.*`.
    let plain = pattern.as_str().replace(".*", "").bytes().all(|b| b.is_ascii_alphanumeric() || b"_-^$.".contains(&b));
    if !plain && let Err(reason) = Pattern::parse(pattern.as_str()) {
        let message = format!("{} is not a regular expression: {reason}", quoted(pattern.as_str()));
        findings.add(Diagnostic::new(&codes::BAD_PATTERN, at.to_string(), message).at(node.span));
    }
}

/// Pairs of a pattern of variants and a dict of arches.
fn check_per_arch(node: &Node, kind: Kind, at: At<'_>, findings: &mut Findings) {
    let wanted = "a list of pairs: a pattern of variants and a dict of arches";
    for (index, item) in findings.array(node, at, wanted).into_iter().flatten().enumerate() {
        let at = at.item(index);
        match item.as_array() {
            Some([pattern, arches]) => {
                check_pattern(pattern, at.item(0), findings);
                check_map(arches, kind, false, at.item(1), findings);
            }
            Some(items) => {
                let message = format!("expected a pair of pattern and dict of arches, found {} items", items.len());
                findings.add(Diagnostic::new(&codes::WRONG_LENGTH, at.to_string(), message).at(item.span));
            }
            None => findings.wrong_type(item, at, "a pair of a pattern of variants and a dict of arches"),
        }
    }
}
