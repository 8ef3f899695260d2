//! *Filling in*: what Pungi's validation adds to a configuration while it looks at it. Defaults of keys that are not there, values
//! under older names, and the commits that branches are at (facts: options 1, options 11, options 13).
//!
//! Only what changes is copied. A dict that stands in several places is changed once, as in Pungi.

use super::options::{default_node, key_node};
use super::path::At;
use super::values::Findings;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::schema::{Key, Kind, Schema, fills};
use crate::source::Span;
use crate::tree::{Dict, Node, Value};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Who knows which commit a branch is at.
pub trait Commits {
    /// The URL with a commit in the place of a branch that its fragment names.
    fn of_url(&mut self, url: &str) -> Result<String, NoCommit>;
    /// The commit of a branch of a repository.
    fn of_branch(&mut self, repository: &str, branch: &str) -> Result<String, NoCommit>;
}

/// Why a branch has no commit, by who was asked.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct NoCommit(pub Box<dyn std::error::Error + Send + Sync>);

/// git is not asked: branches stay branches.
#[derive(Debug, Clone, Copy)]
pub struct Offline;

impl Commits for Offline {
    fn of_url(&mut self, url: &str) -> Result<String, NoCommit> {
        Ok(url.to_owned())
    }

    fn of_branch(&mut self, _: &str, branch: &str) -> Result<String, NoCommit> {
        Ok(branch.to_owned())
    }
}

/// The tree with all that Pungi's validation fills in; what there is to say about it goes into `findings`.
pub(super) fn filled(tree: &Node, schema: &Schema, commits: &mut dyn Commits, findings: &mut Findings) -> Node {
    let Some(dict) = tree.as_dict() else { return tree.clone() };
    let mut entries = dict.entries.clone();
    let present: HashSet<&str> = dict.entries.iter().filter_map(|(key, _)| key.as_str()).collect();
    for key in schema.options().filter(|key| !present.contains(key.name)) {
        if let Some(value) = default_node(key, tree.span) {
            entries.push((key_node(key, tree.span), value));
        }
    }
    let mut filler = Filler { commits, findings, seen: HashMap::new() };
    for (key, value) in &mut entries {
        let Some(kind) = key.as_str().and_then(|name| schema.filled(name)) else { continue };
        let at = At::Root.key(key.as_str().unwrap_or(""));
        let changed = match kind {
            Filled::Option(kind) => filler.value(kind, value, at),
            Filled::Images(keys) => filler.each(value, at, |filler, images, at| {
                filler.each(images, at, |filler, image, at| filler.dict(image, keys, at))
            }),
        };
        if let Some(changed) = changed {
            *value = changed;
        }
    }
    Node::new(Value::Dict(Arc::new(Dict { entries })), tree.span)
}

/// What there is to fill in a top-level key.
#[derive(Debug, Clone, Copy)]
pub enum Filled {
    Option(Kind),
    /// A section, whose images have these keys.
    Images(&'static [Key]),
}

struct Filler<'f> {
    commits: &'f mut dyn Commits,
    findings: &'f mut Findings,
    /// Dicts that were filled before, by their place and that of the table; nothing where nothing changed.
    seen: HashMap<(usize, usize), Option<Node>>,
}

impl Filler<'_> {
    /// The value as it is when it is filled; nothing when that changes nothing.
    fn value(&mut self, kind: Kind, node: &Node, at: At<'_>) -> Option<Node> {
        match kind {
            _ if !fills(kind) => None,
            Kind::Dict(keys) | Kind::Open(keys) => self.dict(node, keys, at),
            Kind::Map(of) | Kind::OpenMap(of) if node.as_dict().is_some() => {
                self.each(node, at, |filler, value, at| filler.value(*of, value, at))
            }
            Kind::List(of) | Kind::NonEmptyList(of) if node.as_array().is_some() => {
                self.each(node, at, |filler, item, at| filler.value(*of, item, at))
            }
            Kind::PerArch(of) if node.as_array().is_some() => self.each(node, at, |filler, pair, at| {
                filler.each(pair, at, |filler, arches, at| {
                    arches.as_dict()?;
                    filler.each(arches, at, |filler, value, at| filler.value(*of, value, at))
                })
            }),
            Kind::Either(kinds) => kinds.iter().find_map(|kind| self.value(*kind, node, at)),
            Kind::TextOrScm | Kind::VariantsFile => self.branch(node, at),
            Kind::Url => {
                let url = node.as_str()?;
                let answer = self.commits.of_url(url);
                self.said(answer, url, node.span, at)
            }
            _ => None,
        }
    }

    /// The same for all values of a dict, or all items of a list.
    fn each(
        &mut self,
        node: &Node,
        at: At<'_>,
        mut fill: impl FnMut(&mut Self, &Node, At<'_>) -> Option<Node>,
    ) -> Option<Node> {
        let value = match &node.value {
            Value::Dict(dict) => {
                let mut entries: Option<Vec<(Node, Node)>> = None;
                for (index, (key, value)) in dict.entries.iter().enumerate() {
                    // No pattern of a name fits an empty one, so Pungi does not look at what is under it.
                    let Some(name) = key.as_str().filter(|name| !name.is_empty()) else { continue };
                    if let Some(changed) = fill(self, value, at.key(name))
                        && let Some(entry) = entries.get_or_insert_with(|| dict.entries.clone()).get_mut(index)
                    {
                        entry.1 = changed;
                    }
                }
                Value::Dict(Arc::new(Dict { entries: entries? }))
            }
            Value::List(items) | Value::Tuple(items) => {
                let mut all: Option<Vec<Node>> = None;
                for (index, item) in items.iter().enumerate() {
                    if let Some(changed) = fill(self, item, at.item(index))
                        && let Some(place) = all.get_or_insert_with(|| items.to_vec()).get_mut(index)
                    {
                        *place = changed;
                    }
                }
                let all: Arc<[Node]> = all?.into();
                if matches!(node.value, Value::Tuple(_)) { Value::Tuple(all) } else { Value::List(all) }
            }
            _ => return None,
        };
        Some(Node::new(value, node.span))
    }

    /// A dict by the table of its keys: older names first, then defaults, then what stands in its values.
    fn dict(&mut self, node: &Node, keys: &'static [Key], at: At<'_>) -> Option<Node> {
        let Value::Dict(shared) = &node.value else { return None };
        let place = (Arc::as_ptr(shared) as usize, keys.as_ptr() as usize);
        if let Some(before) = self.seen.get(&place) {
            return before.clone();
        }
        let mut entries: Option<Vec<(Node, Node)>> = None;
        for key in keys {
            self.rename(key, shared, &mut entries, at);
            let now = entries.as_deref().unwrap_or(&shared.entries);
            let Some(index) = index_of(now, key.name) else {
                if let Some(value) = default_node(key, node.span) {
                    entries.get_or_insert_with(|| shared.entries.clone()).push((key_node(key, node.span), value));
                }
                continue;
            };
            let value = now.get(index).and_then(|(_, value)| self.value(key.kind, value, at.key(key.name)));
            if let Some(value) = value
                && let Some(entry) = entries.get_or_insert_with(|| shared.entries.clone()).get_mut(index)
            {
                entry.1 = value;
            }
        }
        let filled = entries.map(|entries| Node::new(Value::Dict(Arc::new(Dict { entries })), node.span));
        self.seen.insert(place, filled.clone());
        filled
    }

    /// Puts what stands under older names of a key under its own, with a warning.
    fn rename(&mut self, key: &Key, dict: &Arc<Dict>, entries: &mut Option<Vec<(Node, Node)>>, at: At<'_>) {
        for old in key.alias.iter().chain(key.appended) {
            let now = entries.as_deref().unwrap_or(&dict.entries);
            let Some(index) = index_of(now, old) else { continue };
            let is_alias = key.alias == Some(*old);
            let own = index_of(now, key.name);
            let all = entries.get_or_insert_with(|| dict.entries.clone());
            let (name, value) = all.remove(index);
            let own = own.map(|own| if own > index { own - 1 } else { own });
            let place = at.key(old).to_string();
            if let (true, Some(_)) = (is_alias, own) {
                let message = format!("`{old}` is an older name of `{}`: only one of them can be used", key.name);
                self.findings.add(Diagnostic::new(&codes::CONFLICTS, place, message).at(name.span));
                continue;
            }
            let what = if own.is_some() { "its value is appended to that of" } else { "its value is used for" };
            let message = format!("`{old}` is obsolete; {what} `{}`", key.name);
            let found = Diagnostic::new(&codes::DEPRECATED, place, message).at(name.span);
            self.findings.add(found.help(format!("write `{}`", key.name)));
            match own.and_then(|own| all.get_mut(own)) {
                Some((_, own)) => {
                    let items = items(own).into_iter().chain(items(&value)).collect();
                    *own = Node::new(Value::List(items), own.span);
                }
                None => all.push((Node::new(Value::Str(key.name.into()), name.span), value)),
            }
        }
    }

    /// The branch of a Git repository that a file is exported from.
    fn branch(&mut self, node: &Node, at: At<'_>) -> Option<Node> {
        let dict = node.as_dict()?;
        if dict.get("scm")?.as_str()? != "git" {
            return None;
        }
        let repository = dict.get("repo")?.as_str()?;
        let written = dict.entry("branch");
        let branch = match written {
            Some((_, branch)) if branch.is_truthy() => branch.as_str()?,
            _ => "HEAD",
        };
        let span = written.map_or(node.span, |(_, branch)| branch.span);
        let before = written.and_then(|(_, branch)| branch.as_str()).unwrap_or("");
        let answer = self.commits.of_branch(repository, branch);
        let branch = self.said(answer, before, span, at.key("branch"))?;
        let mut entries = dict.entries.clone();
        match index_of(&entries, "branch").and_then(|index| entries.get_mut(index)) {
            Some(entry) => entry.1 = branch,
            None => entries.push((Node::new(Value::Str("branch".into()), node.span), branch)),
        }
        Some(Node::new(Value::Dict(Arc::new(Dict { entries })), node.span))
    }

    /// What stands in the place of `before` after an answer; nothing when it stays.
    fn said(&mut self, answer: Result<String, NoCommit>, before: &str, span: Span, at: At<'_>) -> Option<Node> {
        match answer {
            Ok(now) if now == before => None,
            Ok(now) => Some(Node::new(Value::Str(now.into()), span)),
            Err(error) => {
                let found = Diagnostic::new(&codes::NO_COMMIT, at.to_string(), error.to_string()).at(span);
                self.findings.add(found.help("name a branch that is there, or a commit; --offline asks for none"));
                None
            }
        }
    }
}

fn index_of(entries: &[(Node, Node)], name: &str) -> Option<usize> {
    entries.iter().position(|(key, _)| key.as_str() == Some(name))
}

/// A value as a list of values.
fn items(node: &Node) -> Vec<Node> {
    node.as_array().map_or_else(|| vec![node.clone()], <[Node]>::to_vec)
}
