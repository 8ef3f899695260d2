//! `upload_options`: one of five kinds, distinguished only by their keys (facts: osbuild 2).

use super::path::At;
use super::values::{Findings, quoted};
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::schema::images::{UPLOADS, Upload, cloud_of, type_in};
use crate::schema::{Key, Kind};
use crate::tree::{Dict, Node};

/// Checks that the options fit one of the kinds, else says which is nearest and what is wrong with it; and that a kind which
/// they fit goes with the image type, since each type can be uploaded to one cloud only.
pub fn check(node: &Node, at: At<'_>, types: Option<&Node>, findings: &mut Findings) {
    let Some(dict) = node.as_dict() else {
        let message = format!("expected a dict of upload options, found {}", node.kind());
        findings.add(Diagnostic::new(&codes::UPLOAD_OPTIONS, at.to_string(), message).at(node.span));
        return;
    };
    let types = types.and_then(|node| Some((type_in(node)?, node.span)));
    let cloud = types.and_then(|(image_type, _)| cloud_of(image_type));
    let all: Vec<_> = UPLOADS.iter().map(|kind| (misfits(kind, dict), kind)).collect();
    let nearest = all.iter().min_by_key(|(misfits, kind)| (misfits.weight(), Some(kind.cloud) != cloud));
    let Some((misfits, kind)) = nearest else { return };
    if misfits.weight() == 0 {
        let wanted = UPLOADS.iter().find(|kind| Some(kind.cloud) == cloud);
        // Options without a key are not sent.
        if let (Some(wanted), Some((image_type, place_of_type))) =
            (wanted.filter(|wanted| wanted.cloud != kind.cloud), types)
            && !dict.entries.is_empty()
        {
            let fitting: Vec<&str> =
                all.iter().filter(|(misfits, _)| misfits.weight() == 0).map(|(_, kind)| place(kind)).collect();
            let message = format!(
                "these upload options are for {}, but images of type {} can only be uploaded to {}",
                fitting.join(" or "),
                quoted(image_type),
                place(wanted)
            );
            let found = Diagnostic::new(&codes::UPLOAD_CLOUD, at.to_string(), message).at(node.span);
            findings.add(found.related(place_of_type, "the image type").help(takes(wanted)));
        }
        return;
    }
    let message =
        format!("these upload options fit none of the five kinds; the nearest is {}: {}", kind.name, misfits.text);
    let span = misfits.span.unwrap_or(node.span);
    let found = Diagnostic::new(&codes::UPLOAD_OPTIONS, at.to_string(), message).at(span);
    findings.add(found.help(takes(kind)));
}

/// The cloud as a place to go to.
fn place(kind: &Upload) -> &'static str {
    if kind.name == "container" { "a container registry" } else { kind.name }
}

fn takes(kind: &Upload) -> String {
    let keys: Vec<String> = kind.keys.iter().map(described).collect();
    format!("{} takes {}", kind.name, keys.join(", "))
}

fn described(key: &Key) -> String {
    match (key.kind == Kind::Texts, key.required) {
        (true, true) => format!("`{}` (a list)", key.name),
        (true, false) => format!("`{}` (a list, optional)", key.name),
        (false, true) => format!("`{}`", key.name),
        (false, false) => format!("`{}` (optional)", key.name),
    }
}

/// What keeps options from being of a kind.
#[derive(Default)]
struct Misfits {
    count: usize,
    /// Keys that are no key of the kind say most about what was meant.
    extra: usize,
    text: String,
    span: Option<crate::source::Span>,
}

impl Misfits {
    fn weight(&self) -> usize {
        self.count + self.extra
    }

    fn add(&mut self, text: &str, span: Option<crate::source::Span>) {
        self.count += 1;
        if self.count <= 10 {
            self.text.push_str(if self.count == 1 { "" } else { ", " });
            self.text.push_str(text);
        }
        self.span = self.span.or(span);
    }
}

fn misfits(kind: &Upload, dict: &Dict) -> Misfits {
    let mut misfits = Misfits::default();
    for (key, value) in &dict.entries {
        let field = key.as_str().and_then(|name| kind.keys.iter().find(|field| field.name == name));
        match field {
            None => {
                let name = key.as_str().map_or_else(|| "a key that is not a string".to_owned(), quoted);
                misfits.extra += 1;
                misfits.add(&format!("unexpected {name}"), Some(key.span));
            }
            Some(field) if field.kind == Kind::Texts => {
                let fits = value.as_array().is_some_and(|items| items.iter().all(|item| item.as_str().is_some()));
                if !fits {
                    misfits.add(&format!("`{}` must be a list of strings", field.name), Some(value.span));
                }
            }
            Some(field) if value.as_str().is_none() => {
                misfits.add(&format!("`{}` must be a string", field.name), Some(value.span));
            }
            Some(_) => {}
        }
    }
    for field in kind.keys.iter().filter(|field| field.required && dict.get(field.name).is_none()) {
        misfits.add(&format!("`{}` is missing", field.name), None);
    }
    misfits
}
