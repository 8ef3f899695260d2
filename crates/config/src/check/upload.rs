//! `upload_options`: one of five kinds, told apart by nothing but their keys (PUNGI.md 2.1).

use super::path::At;
use super::values::{Findings, quoted};
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::tree::{Dict, Node};

/// A kind of upload: its name, and its keys with whether they are required and whether they are lists.
struct Upload {
    name: &'static str,
    keys: &'static [Field],
}

struct Field {
    name: &'static str,
    required: bool,
    list: bool,
}

const fn field(name: &'static str, required: bool) -> Field {
    Field { name, required, list: false }
}

const fn list(name: &'static str, required: bool) -> Field {
    Field { name, required, list: true }
}

const KINDS: &[Upload] = &[
    Upload {
        name: "EC2",
        keys: &[field("region", true), list("share_with_accounts", true), field("snapshot_name", false)],
    },
    Upload { name: "S3", keys: &[field("region", true)] },
    Upload {
        name: "Azure",
        keys: &[
            field("tenant_id", true),
            field("subscription_id", true),
            field("resource_group", true),
            field("location", false),
            field("image_name", false),
        ],
    },
    Upload {
        name: "GCP",
        keys: &[
            field("region", true),
            field("bucket", false),
            field("image_name", false),
            list("share_with_accounts", false),
        ],
    },
    Upload { name: "container", keys: &[field("name", false), field("tag", false)] },
];

/// Checks that the options fit one of the kinds; else says which is nearest and what is wrong with it.
pub fn check(node: &Node, at: At<'_>, findings: &mut Findings) {
    let Some(dict) = node.as_dict() else {
        let message = format!("expected a dict of upload options, found {}", node.kind());
        findings.add(Diagnostic::new(&codes::UPLOAD_OPTIONS, at.to_string(), message).at(node.span));
        return;
    };
    let nearest = KINDS.iter().map(|kind| (misfits(kind, dict), kind)).min_by_key(|(misfits, _)| misfits.weight());
    let Some((misfits, kind)) = nearest else { return };
    if misfits.weight() == 0 {
        return;
    }
    let message =
        format!("these upload options fit none of the five kinds; the nearest is {}: {}", kind.name, misfits.text);
    let span = misfits.span.unwrap_or(node.span);
    let keys: Vec<String> = kind.keys.iter().map(Field::described).collect();
    let found = Diagnostic::new(&codes::UPLOAD_OPTIONS, at.to_string(), message).at(span);
    findings.add(found.help(format!("{} takes {}", kind.name, keys.join(", "))));
}

impl Field {
    fn described(&self) -> String {
        let list = if self.list { " (a list)" } else { "" };
        let optional = if self.required { "" } else { ", optional" };
        match (self.list, self.required) {
            (true, false) => format!("`{}` (a list{optional})", self.name),
            (false, false) => format!("`{}` (optional)", self.name),
            _ => format!("`{}`{list}", self.name),
        }
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
                let name = key.as_str().map_or_else(|| "a key that is no string".to_owned(), quoted);
                misfits.extra += 1;
                misfits.add(&format!("unexpected {name}"), Some(key.span));
            }
            Some(field) if field.list => {
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
