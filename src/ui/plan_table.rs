//! The *plan* for people: a line for each request, below a line for each phase with what its requests have in common.

use super::printable;
use super::table::Table;
use super::width::cut;
use magudi_config::words::counted;
use magudi_engine::plan::TaskRequest;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The plan in lines of at most `columns` columns; what is too long is cut. With `long`, the subvariant, the repositories and the
/// place of the upload stand below each line, whole.
pub fn plan_table(compose_id: &str, requests: &[TaskRequest], columns: usize, long: bool) -> String {
    let mut text = String::new();
    for group in requests.chunk_by(|one, next| one.phase == next.phase) {
        text.push_str(&phase(group, columns, long));
        text.push('\n');
    }
    let images: usize = requests.iter().map(|request| request.about.arches.len()).sum();
    let (tasks, images) = (counted(requests.len(), "task"), counted(images, "image"));
    let _ = writeln!(text, "{}: {tasks} for {images}", printable(compose_id));
    text
}

/// A property of requests: what it is called, and what a request has.
type Property = (&'static str, fn(&TaskRequest) -> &str);

/// What most requests of a phase have alike: it is said once, and noted where it is otherwise.
const USUAL: [Property; 3] = [
    ("version", |request| &request.about.version),
    ("release", |request| request.about.release.as_deref().unwrap_or("chosen by the hub")),
    ("target", |request| &request.about.target),
];

/// What has a column, unless it is the same for all requests of a phase.
const VARIANT: Property = ("variant", |request| &request.variant);
const TYPE: Property = ("type", |request| &request.about.image_type);

fn phase(requests: &[TaskRequest], columns: usize, long: bool) -> String {
    let usual = USUAL.map(|property| (property, most_frequent(requests, property.1)));
    let mut common: Vec<String> = usual.iter().map(|((name, _), value)| format!("{name} {value}")).collect();
    let mut is_common = |(name, of): Property| {
        let mut values = requests.iter().map(of);
        let first = values.next().filter(|value| !value.is_empty() && requests.len() > 1);
        let value = first.filter(|first| values.all(|value| value == *first));
        common.extend(value.map(|value| format!("{name} {value}")));
        value.is_some()
    };
    let (one_variant, one_type) = (is_common(VARIANT), is_common(TYPE));
    let headings = ["IMAGE", "TYPE", "ARCHES (NOTES)"];
    let shown = |column: &usize| !(one_type && *column == 1);
    let headings: Vec<&str> = (0..headings.len()).filter(shown).map(|column| headings[column]).collect();
    let mut table = Table::new(&headings);
    for request in requests {
        let name = request.name();
        let image = if one_variant { name.to_owned() } else { format!("{}:{name}", request.variant) };
        let (arches, notes) = (request.arches().join(" "), notes(request, &usual));
        let last = if notes.is_empty() { arches } else { format!("{arches} ({})", notes.join(", ")) };
        let cells = [image, request.about.image_type.to_string(), last];
        table.row(cells.into_iter().enumerate().filter(|(column, _)| shown(column)).map(|(_, cell)| cell));
    }
    let name = requests.first().map_or("", |request| request.phase);
    let mut text = printable(&format!("{name}: {}\n", common.join(", ")));
    for (place, line) in table.to_string().lines().enumerate() {
        let _ = writeln!(text, "{}", cut(line, columns));
        if let Some(request) = place.checked_sub(1).and_then(|place| requests.get(place)).filter(|_| long) {
            for line in details(request) {
                text.push_str(&printable(&format!("    {line}\n")));
            }
        }
    }
    text
}

/// The value that most requests have, the first of several.
fn most_frequent(requests: &[TaskRequest], cell: fn(&TaskRequest) -> &str) -> &str {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for request in requests {
        *counts.entry(cell(request)).or_default() += 1;
    }
    let most = counts.values().max().copied().unwrap_or_default();
    requests.iter().map(cell).find(|value| counts.get(value) == Some(&most)).unwrap_or_default()
}

/// What is out of the ordinary, in a word each.
fn notes(request: &TaskRequest, usual: &[(Property, &str)]) -> Vec<String> {
    let mut notes = Vec::new();
    if request.failable {
        notes.push("failable".to_owned());
    } else if !request.about.optional_arches.is_empty() {
        notes.push(format!("may fail: {}", request.about.optional_arches.join(" ")));
    }
    let others = usual.iter().filter(|((_, of), value)| of(request) != *value);
    notes.extend(others.map(|((name, of), _)| format!("{name} {}", of(request))));
    let words = [("upload", request.about.uploads), ("scratch", request.about.scratch)];
    notes.extend(words.into_iter().filter(|(_, is)| *is).map(|(word, _)| word.to_owned()));
    notes
}

/// What is shown on demand.
fn details(request: &TaskRequest) -> Vec<String> {
    let mut lines = Vec::new();
    if request.subvariant != request.variant {
        lines.push(format!("subvariant {}", request.subvariant));
    }
    let member = |key: &str| request.keywords.get(key).and_then(Json::as_object);
    // Values may be secret.
    if let Some(customizations) = member("customizations") {
        lines.push(format!(
            "customizations {}",
            customizations.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
        ));
    }
    for (name, key, shown) in [
        ("ostree", "ostree", ["url", "ref", "parent", ""]),
        ("upload to", "upload_options", ["region", "location", "bucket", "resource_group"]),
    ] {
        let value = |name: &str| member(key).and_then(|members| members.get(name)?.as_str());
        let values = shown.iter().filter_map(|name| Some(format!("{name} {}", value(name)?)));
        let values: Vec<String> = values.collect();
        if !values.is_empty() {
            lines.push(format!("{name} {}", values.join(", ")));
        }
    }
    lines.extend(repositories(request).map(|repository| format!("repo {repository}")));
    lines
}

/// The URLs of the repositories of a request.
fn repositories(request: &TaskRequest) -> impl Iterator<Item = &str> {
    let listed = ["repo", "repos"].into_iter().filter_map(|key| request.keywords.get(key)?.as_array()).flatten();
    let url = |entry: &'_ Json| entry.as_str().is_none_or(|url| !url.is_empty());
    listed.filter(move |entry| url(entry)).filter_map(|entry| entry.as_str().or_else(|| entry.get("baseurl")?.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use magudi_engine::method::Method;
    use magudi_engine::plan::{About, Keywords, Opts};
    use serde_json::json;

    fn method() -> &'static Method {
        magudi_phases::PHASES[0].method()
    }

    fn request(name: &str, version: &str, image_type: &str) -> TaskRequest {
        let mut opts = Opts::default();
        opts.insert("repo".into(), json!(["https://e.example/a", {"baseurl": "https://e.example/b"}]));
        opts.insert("upload_options".into(), json!({"region": "eu-1", "share_with_accounts": ["123"]}));
        TaskRequest {
            phase: "osbuild",
            variant: "Cloud".into(),
            subvariant: "Sub".into(),
            failable: false,
            method: method(),
            args: Vec::new(),
            keywords: Keywords::of_opts(opts),
            about: About {
                name: name.into(),
                arches: ["aarch64", "x86_64"].map(Into::into).into(),
                version: version.into(),
                image_type: image_type.into(),
                target: "t".into(),
                uploads: true,
                ..About::default()
            },
        }
    }

    #[test]
    fn what_is_common_is_said_once_and_the_rest_is_noted() {
        let requests = [request("a", "42", "qcow2"), request("b", "42", "vmdk"), request("c", "43", "vmdk")];
        assert_eq!(
            plan_table("C-1", &requests, usize::MAX, false),
            "osbuild: version 42, release chosen by the hub, target t, variant Cloud\n\
             IMAGE  TYPE   ARCHES (NOTES)\n\
             a      qcow2  aarch64 x86_64 (upload)\n\
             b      vmdk   aarch64 x86_64 (upload)\n\
             c      vmdk   aarch64 x86_64 (version 43, upload)\n\n\
             C-1: 3 tasks for 6 images\n"
        );
        let narrow = plan_table("C-1", &requests, 24, false);
        assert!(narrow.contains("\na      qcow2  aarch64 x…\n"), "{narrow}");
    }

    #[test]
    fn repositories_and_regions_are_shown_on_demand() {
        assert_eq!(
            plan_table("C-1", &[request("a", "42", "qcow2")], 20, true),
            "osbuild: version 42, release chosen by the hub, target t\n\
             IMAGE    TYPE   ARC…\n\
             Cloud:a  qcow2  aar…\n    subvariant Sub\n    upload to region eu-1\n    \
             repo https://e.example/a\n    repo https://e.example/b\n\n\
             C-1: 1 task for 2 images\n"
        );
    }

    #[test]
    fn an_empty_plan_is_a_line() {
        assert_eq!(plan_table("C-1", &[], 80, true), "C-1: 0 tasks for 0 images\n");
    }
}
