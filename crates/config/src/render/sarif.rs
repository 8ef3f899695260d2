//! *SARIF* 2.1.0 of diagnostics: the form in which code hosts show what checkers find, beside the lines it is about.

use super::{clean, in_order};
use crate::codes::Code;
use crate::diagnostic::Diagnostic;
use crate::source::{Sources, Span};
use serde_json::{Map, Value as Json, json};
use std::path::Path;

/// A log of one run of the tool `name`. Columns count characters, and an end is behind the last one, in both formats.
pub fn to_sarif(diagnostics: &[Diagnostic], sources: &Sources, name: &str, version: &str) -> Json {
    let mut rules: Vec<&'static Code> = diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
    rules.sort_by_key(|code| code.id);
    rules.dedup();
    let results: Vec<Json> =
        in_order(diagnostics).into_iter().map(|diagnostic| result(diagnostic, sources, &rules)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": name,
                "version": version,
                "rules": rules.into_iter().map(rule).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(code: &'static Code) -> Json {
    json!({
        "id": code.id,
        "shortDescription": {"text": code.title},
        "fullDescription": {"text": code.text.replace('`', "'"), "markdown": code.text},
        "defaultConfiguration": {"level": code.severity.as_str()},
    })
}

fn result(diagnostic: &Diagnostic, sources: &Sources, rules: &[&'static Code]) -> Json {
    let mut text = clean(&diagnostic.message).into_owned();
    if let Some(help) = &diagnostic.help {
        text.push_str("; ");
        text.push_str(&clean(help));
    }
    let mut result = json!({
        "ruleId": diagnostic.code.id,
        "ruleIndex": rules.iter().position(|code| *code == diagnostic.code),
        "level": diagnostic.severity().as_str(),
        "message": {"text": text},
    });
    let Some(members) = result.as_object_mut() else { return result };
    let mut place = diagnostic.span.and_then(|span| location(span, sources)).unwrap_or_default();
    if !diagnostic.path.is_empty() {
        place.insert("logicalLocations".to_owned(), json!([{"fullyQualifiedName": clean(&diagnostic.path)}]));
    }
    if !place.is_empty() {
        members.insert("locations".to_owned(), json!([place]));
    }
    let related = diagnostic.related.iter().filter_map(|(span, text)| {
        let mut location = location(*span, sources)?;
        location.insert("message".to_owned(), json!({"text": clean(text)}));
        Some(Json::Object(location))
    });
    let related: Vec<Json> = related.collect();
    if !related.is_empty() {
        members.insert("relatedLocations".to_owned(), related.into());
    }
    result
}

/// Where a span is; nothing for what stands in no file, such as a definition of the command line.
fn location(span: Span, sources: &Sources) -> Option<Map<String, Json>> {
    let file = sources.file(span.file);
    let (start, end) = (sources.position(span), sources.end(span));
    let place = json!({
        "artifactLocation": {"uri": uri(&file.path)},
        "region": {"startLine": start.line, "startColumn": start.column, "endLine": end.line, "endColumn": end.column},
    });
    file.on_disk.then(|| Map::from_iter([("physicalLocation".to_owned(), place)]))
}

/// A path as a URI, which is relative where the path is.
fn uri(path: &Path) -> String {
    use std::fmt::Write as _;
    let bytes = path.as_os_str().as_encoded_bytes();
    let mut uri = if path.is_absolute() { "file://".to_owned() } else { String::new() };
    for byte in bytes.strip_prefix(b"./").unwrap_or(bytes) {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(*byte)),
            // Writing into a string cannot fail.
            _ => _ = write!(uri, "%{byte:02X}"),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_uris() {
        for (path, want) in
            [("./a.conf", "a.conf"), ("/etc/a b.conf", "file:///etc/a%20b.conf"), ("x/ž:%.conf", "x/%C5%BE%3A%25.conf")]
        {
            assert_eq!(uri(Path::new(path)), want);
        }
    }
}
