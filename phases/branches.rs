//! *Branches* in the URLs of a configuration: where a phase that runs is given `#HEAD` or `#origin/BRANCH`, the commit at its tip
//! takes its place before anything is expanded, as in Pungi (facts: options 11).

use crate::git_url::{BranchUrl, GitError};
use magudi_config::schema::{Fallback, Kind, Section};
use magudi_config::{Diagnostic, Dict, Node, Value, codes};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Commits by the URLs that name their branches, without user and password.
pub type Commits = BTreeMap<String, String>;

/// The configuration with commits in place of branches, and what cannot be resolved.
#[derive(Debug, Default)]
pub struct Resolved {
    /// The tree; none when nothing in it changes.
    pub tree: Option<Node>,
    /// The commits that it has now.
    pub commits: Commits,
    /// Branches that have no commit.
    pub diagnostics: Vec<Diagnostic>,
}

/// Gives the commit of a branch, whose URL it gets with and without user and password; none when it stays a branch.
pub type Commit<'a> = dyn FnMut(&BranchUrl<'_>, &str) -> Result<Option<String>, GitError> + 'a;

/// Puts commits in place of the branches that the keys of `sections` name. A branch that has one is asked for once.
pub fn resolve(tree: &Node, sections: &[&'static Section], commit: &mut Commit<'_>) -> Resolved {
    let mut resolved = Resolved::default();
    let mut replace = |path: &dyn Fn() -> String, node: &Node| {
        let url = BranchUrl::parse(node.as_str()?)?;
        let name = url.without_credentials();
        let found = match resolved.commits.get(&name) {
            Some(commit) => Ok(Some(commit.clone())),
            None => commit(&url, &name),
        };
        let commit = found.unwrap_or_else(|error| {
            let found = Diagnostic::new(&codes::NO_COMMIT, path(), error.to_string()).at(node.span);
            resolved.diagnostics.push(found.help("name a branch that is there, or a commit"));
            None
        })?;
        let text = url.at(&commit);
        resolved.commits.insert(name, commit);
        Some(Node::new(Value::Str(text.into()), node.span))
    };
    let changed = in_dict(tree, |key, value| match sections.iter().find(|section| section.name == key) {
        Some(section) => in_section(section, value, &mut replace),
        None if sections.iter().any(|section| is_url(section, key)) => replace(&|| key.to_owned(), value),
        None => None,
    });
    resolved.tree = changed;
    resolved
}

/// Whether a top-level key holds a URL for a section.
fn is_url(section: &Section, key: &str) -> bool {
    let inherited = |name: &str| {
        let mut own = section.own_keys().iter();
        own.any(|own| own.name == name && own.kind == Kind::Url && own.fallback != Fallback::Nowhere)
    };
    let of_phase = section.options.iter().any(|option| option.name == key && option.kind == Kind::Url);
    of_phase || key.strip_prefix("global_").is_some_and(inherited)
}

type Replace<'r> = dyn FnMut(&dyn Fn() -> String, &Node) -> Option<Node> + 'r;

fn in_section(section: &'static Section, node: &Node, replace: &mut Replace<'_>) -> Option<Node> {
    let is_url = |key: &str| section.own_keys().iter().any(|own| own.name == key && own.kind == Kind::Url);
    if !section.own_keys().iter().any(|own| own.kind == Kind::Url) {
        return None;
    }
    in_dict(node, |pattern, images| {
        in_list(images, |place, entry| {
            let path = |key: &str| format!("{}.{pattern}.{place}.{key}", section.name);
            let mut in_image = |within: &str, image: &Node| {
                in_dict(
                    image,
                    |key, value| {
                        if is_url(key) { replace(&|| path(&format!("{within}{key}")), value) } else { None }
                    },
                )
            };
            match section.layout.within {
                None => in_image("", entry),
                Some(within) => {
                    in_dict(
                        entry,
                        |key, image| {
                            if key == within { in_image(&format!("{within}."), image) } else { None }
                        },
                    )
                }
            }
        })
    })
}

/// A dict in which `change` has changed a value; none when it has not, as in most: nothing is copied then.
fn in_dict(node: &Node, mut change: impl FnMut(&str, &Node) -> Option<Node>) -> Option<Node> {
    let entries = &node.as_dict()?.entries;
    let change = |(place, (key, value)): (usize, &(Node, Node))| Some((place, change(key.as_str()?, value)?));
    let changed: Vec<(usize, Node)> = entries.iter().enumerate().filter_map(change).collect();
    let mut entries = (!changed.is_empty()).then(|| entries.clone())?;
    for (place, value) in changed {
        entries[place].1 = value;
    }
    Some(Node::new(Value::Dict(Arc::new(Dict { entries })), node.span))
}

/// The same for a list.
fn in_list(node: &Node, mut change: impl FnMut(usize, &Node) -> Option<Node>) -> Option<Node> {
    let items = node.as_array()?;
    let change = |(place, item): (usize, &Node)| Some((place, change(place, item)?));
    let changed: Vec<(usize, Node)> = items.iter().enumerate().filter_map(change).collect();
    let mut items = (!changed.is_empty()).then(|| items.to_vec())?;
    for (place, item) in changed {
        items[place] = item;
    }
    Some(Node::new(Value::List(items.into()), node.span))
}
