//! *Branches* in the URLs of a configuration: where a phase that runs is given `#HEAD` or `#origin/BRANCH`, the commit at its tip
//! takes its place before anything is expanded, as in Pungi (PHASES.md 1).

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

/// Finds the commit of a branch.
pub type Ask<'a> = dyn FnMut(&BranchUrl<'_>) -> Result<String, GitError> + 'a;

/// Puts commits in place of the branches that the keys of `sections` name: those that are `known`, and others that `ask` finds.
/// Without `ask` the others stay as they are.
pub fn resolve(tree: &Node, sections: &[&'static Section], known: &Commits, mut ask: Option<&mut Ask<'_>>) -> Resolved {
    let mut resolved = Resolved::default();
    let mut replace = |path: &str, node: &Node| {
        let url = BranchUrl::parse(node.as_str()?)?;
        let name = url.without_credentials();
        let known = resolved.commits.get(&name).or_else(|| known.get(&name)).cloned();
        let commit = match (known, &mut ask) {
            (Some(commit), _) => commit,
            (None, Some(ask)) => match ask(&url) {
                Ok(commit) => commit,
                Err(error) => {
                    let found = Diagnostic::new(&codes::NO_COMMIT, path, error.to_string()).at(node.span);
                    resolved.diagnostics.push(found.help("name a branch that is there, or a commit"));
                    return None;
                }
            },
            (None, None) => return None,
        };
        let text = url.at(&commit);
        resolved.commits.insert(name, commit);
        Some(Node::new(Value::Str(text.into()), node.span))
    };
    let changed = in_dict(tree, |key, value| match sections.iter().find(|section| section.name == key) {
        Some(section) => in_section(section, value, &mut replace),
        None if sections.iter().any(|section| is_url(section, key)) => replace(key, value),
        None => None,
    });
    resolved.tree = changed;
    resolved
}

/// Whether the keys of `sections` name a branch anywhere. Most configurations have none, and nothing is copied to see that.
pub fn has_branches(tree: &Node, sections: &[&'static Section]) -> bool {
    let names_branch = |node: &Node| node.as_str().is_some_and(|url| BranchUrl::parse(url).is_some());
    let in_image = |section: &Section, image: &Node| {
        let urls = section.own_keys().iter().filter(|key| key.kind == Kind::Url);
        image.as_dict().is_some_and(|image| urls.filter_map(|key| image.get(key.name)).any(names_branch))
    };
    let in_section = |section: &Section, node: &Node| {
        let lists = node.as_dict().into_iter().flat_map(|patterns| &patterns.entries);
        let mut entries = lists.flat_map(|(_, images)| images.as_array().unwrap_or_default());
        entries.any(|entry| match section.layout.within {
            None => in_image(section, entry),
            Some(within) => {
                entry.as_dict().and_then(|entry| entry.get(within)).is_some_and(|image| in_image(section, image))
            }
        })
    };
    let of_urls = |section: &&&'static Section| section.own_keys().iter().any(|key| key.kind == Kind::Url);
    let Some(dict) = tree.as_dict() else { return false };
    sections.iter().filter(of_urls).any(|section| {
        let is_option = |key: &Node| key.as_str().is_some_and(|key| is_url(section, key));
        dict.get(section.name).is_some_and(|node| in_section(section, node))
            || dict.entries.iter().any(|(key, value)| names_branch(value) && is_option(key))
    })
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

type Replace<'r> = dyn FnMut(&str, &Node) -> Option<Node> + 'r;

fn in_section(section: &'static Section, node: &Node, replace: &mut Replace<'_>) -> Option<Node> {
    let mut in_image = |path: String, image: &Node| {
        in_dict(image, |key, value| {
            let is_url = section.own_keys().iter().any(|own| own.name == key && own.kind == Kind::Url);
            if is_url { replace(&format!("{path}.{key}"), value) } else { None }
        })
    };
    in_dict(node, |pattern, images| {
        in_list(images, |place, entry| {
            let path = format!("{}.{pattern}.{place}", section.name);
            match section.layout.within {
                None => in_image(path, entry),
                Some(within) => {
                    in_dict(
                        entry,
                        |key, image| {
                            if key == within { in_image(format!("{path}.{within}"), image) } else { None }
                        },
                    )
                }
            }
        })
    })
}

/// A dict in which `change` has changed a value; none when it has not.
fn in_dict(node: &Node, mut change: impl FnMut(&str, &Node) -> Option<Node>) -> Option<Node> {
    let entries = &node.as_dict()?.entries;
    let changed: Vec<_> = entries.iter().map(|(key, value)| change(key.as_str()?, value)).collect();
    if changed.iter().all(Option::is_none) {
        return None;
    }
    let pairs = entries.iter().zip(changed);
    let entries = pairs.map(|((key, value), new)| (key.clone(), new.unwrap_or_else(|| value.clone()))).collect();
    Some(Node::new(Value::Dict(Arc::new(Dict { entries })), node.span))
}

/// The same for a list.
fn in_list(node: &Node, mut change: impl FnMut(usize, &Node) -> Option<Node>) -> Option<Node> {
    let items = node.as_array()?;
    let changed: Vec<_> = items.iter().enumerate().map(|(place, item)| change(place, item)).collect();
    if changed.iter().all(Option::is_none) {
        return None;
    }
    let items = items.iter().zip(changed).map(|(item, new)| new.unwrap_or_else(|| item.clone())).collect();
    Some(Node::new(Value::List(items), node.span))
}
