//! Reads variants.xml: checks the document, then turns its elements, references and shorthands into variants.

use super::dtd;
use super::problems::{Problems, tag_range};
use super::{LayeredRelease, Variant, VariantKind, Variants};
use magudi_config::{Diagnostic, Sources};
use roxmltree::{Document, Node, ParsingOptions};
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// How deep variants may stand in each other. Real files have two levels.
const MAX_DEPTH: usize = 32;
/// How many variants a file may describe, references counted each time.
const MAX_VARIANTS: usize = 10_000;
/// How many elements, texts and comments a file may hold.
const MAX_NODES: u32 = 1_000_000;

/// Reads the text of a variants.xml; `path` is what messages call it. Says all problems at once: first those of the
/// document (facts: variants 2, the rules of variants.dtd), and if there are none, those of the variants.
pub fn parse_variants(text: &str, path: &Path, sources: &mut Sources) -> Result<Variants, Vec<Diagnostic>> {
    parse_filtered(text, path, sources, &[])
}

/// As [`parse_variants`]. An addon without a common arch with its parent is accepted when `tree_arches` would drop it
/// anyway.
pub(super) fn parse_filtered(
    text: &str,
    path: &Path,
    sources: &mut Sources,
    tree_arches: &[String],
) -> Result<Variants, Vec<Diagnostic>> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let file = sources.add(path, text.clone());
    let options = ParsingOptions { allow_dtd: true, nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    let mut problems = Problems::new(file);
    let document = match Document::parse_with_options(&text, options) {
        Ok(document) => document,
        Err(error) => {
            let at = offset_of(&text, error.pos());
            // The place is shown, and need not be said as well.
            let reason = error.to_string();
            let reason = reason.strip_suffix(&format!(" at {}", error.pos())).unwrap_or(&reason);
            problems.push(at..at, format!("not well-formed XML: {reason}"));
            return Err(problems.into_diagnostics());
        }
    };
    let root = document.root_element();
    dtd::validate(root, &mut problems);
    if !problems.is_empty() {
        return Err(problems.into_diagnostics());
    }
    let mut builder = Builder { templates: HashMap::new(), tree_arches, count: 0, problems };
    let variants = builder.build(root);
    if builder.problems.is_empty() { Ok(variants) } else { Err(builder.problems.into_diagnostics()) }
}

/// The byte offset of a position (line and column from 1, the column in characters).
fn offset_of(text: &str, position: roxmltree::TextPos) -> usize {
    let line_start: usize =
        text.split_inclusive('\n').take(position.row.saturating_sub(1) as usize).map(str::len).sum();
    let line = text.get(line_start..).unwrap_or_default();
    let in_line = line.char_indices().nth(position.col.saturating_sub(1) as usize).map_or(line.len(), |(i, _)| i);
    line_start + in_line
}

/// A variant with its children.
struct Tree {
    variant: Variant,
    children: Vec<Tree>,
}

impl Tree {
    fn flatten(self, all: &mut Vec<Variant>) {
        all.push(self.variant);
        for child in self.children {
            child.flatten(all);
        }
    }
}

struct Builder<'a, 'input> {
    /// The top-level addons and layered products, which only `ref` elements bring to life.
    templates: HashMap<&'a str, Node<'a, 'input>>,
    tree_arches: &'a [String],
    count: usize,
    problems: Problems,
}

impl<'a, 'input> Builder<'a, 'input> {
    fn build(&mut self, root: Node<'a, 'input>) -> Variants {
        let tops = || root.children().filter(|node| node.has_tag_name("variant"));
        for node in tops() {
            if matches!(kind_of(node), VariantKind::Addon | VariantKind::LayeredProduct) {
                self.templates.insert(attribute(node, "id"), node);
            }
        }
        let mut trees: Vec<Tree> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for node in tops().filter(|node| kind_of(*node) == VariantKind::Variant) {
            let Some(tree) = self.variant(node, None) else { continue };
            // The later of two variants of one id takes the place of the earlier (facts: variants 5), if it is not left out.
            let is_left_out = self.is_left_out(&tree.variant.arches);
            match places.get(attribute(node, "id")).and_then(|place| trees.get_mut(*place)) {
                Some(_) if is_left_out => {}
                Some(earlier) => *earlier = tree,
                None => {
                    places.insert(attribute(node, "id"), trees.len());
                    trees.push(tree);
                }
            }
        }
        let mut all = Vec::new();
        for tree in trees {
            tree.flatten(&mut all);
        }
        Variants::new(all)
    }

    /// A variant below `parent`; `None` when a problem was found.
    fn variant(&mut self, node: Node<'a, 'input>, parent: Option<&Variant>) -> Option<Tree> {
        self.count += 1;
        if self.count > MAX_VARIANTS {
            if self.count == MAX_VARIANTS + 1 {
                self.problems.at_tag(node, format!("more than {MAX_VARIANTS} variants"));
            }
            return None;
        }
        let depth = parent.map_or(0, |parent| parent.depth + 1);
        if depth >= MAX_DEPTH {
            self.problems.at_tag(node, format!("variants are nested more than {MAX_DEPTH} levels deep"));
            return None;
        }
        let id = attribute(node, "id");
        let uid = parent.map_or_else(|| id.to_owned(), |parent| format!("{}-{id}", parent.uid));
        if parent.is_some_and(|parent| parent.id == id) {
            self.problems.at_tag(node, format!("variant {uid}: a child must not have the id of its parent"));
            return None;
        }
        let kind = kind_of(node);
        let range = tag_range(node);
        let mut variant = Variant {
            id: id.to_owned(),
            name: attribute(node, "name").to_owned(),
            kind,
            arches: arches_of(node),
            is_empty: node.has_attribute("is_empty"),
            parent: parent.map(|parent| parent.uid.clone()),
            children: Vec::new(),
            depth,
            release: if kind == VariantKind::LayeredProduct { Some(self.release(node, &uid)?) } else { None },
            span: self.problems.span(range),
            uid,
        };
        let children = self.children(node, &variant);
        variant.children = children.iter().map(|child| child.variant.uid.clone()).collect();
        // Only now, so that grandchildren have what they have in common with the child as it was written, as in Pungi.
        if let Some(parent) = parent {
            variant.arches = self.common_arches(node, &variant, parent)?;
        }
        Some(Tree { variant, children })
    }

    /// Whether a variant of these arches is left out of the compose: without an arch, or without one of `tree_arches`.
    fn is_left_out(&self, arches: &[String]) -> bool {
        !arches.iter().any(|arch| self.tree_arches.is_empty() || self.tree_arches.contains(arch))
    }

    /// The arches of a child that its parent has too.
    fn common_arches(&mut self, node: Node<'a, 'input>, child: &Variant, parent: &Variant) -> Option<Vec<String>> {
        let mut arches = child.arches.clone();
        arches.dedup();
        let common: Vec<String> = arches.iter().filter(|arch| parent.arches.contains(arch)).cloned().collect();
        if !common.is_empty() || self.is_left_out(&arches) {
            return Some(common);
        }
        let list = |arches: &[String]| if arches.is_empty() { "none".to_owned() } else { arches.join(", ") };
        let message = format!(
            "variant {}: its arches ({}) and those of its parent {} ({}) have none in common",
            child.uid,
            list(&arches),
            parent.uid,
            list(&parent.arches)
        );
        self.problems.at_tag(node, message).related = Box::new([(parent.span, "the parent".to_owned())]);
        None
    }

    fn release(&mut self, node: Node<'a, 'input>, uid: &str) -> Option<LayeredRelease> {
        let Some(release) = elements(node, "release").next() else {
            self.problems.at_tag(node, format!("layered product {uid} lacks `release`")).help =
                Some("add <release name=\"...\" short=\"...\" version=\"...\"/> before `arches`".to_owned());
            return None;
        };
        let mut get = |name: &str| {
            let value = release.attribute(name).map(str::to_owned);
            if value.is_none() {
                self.problems
                    .at_tag(release, format!("the release of layered product {uid} lacks the attribute `{name}`"));
            }
            value
        };
        let (name, short, version) = (get("name"), get("short"), get("version"));
        Some(LayeredRelease { name: name?, short: short?, version: version? })
    }

    fn children(&mut self, node: Node<'a, 'input>, parent: &Variant) -> Vec<Tree> {
        let lists: Vec<_> = elements(node, "variants").collect();
        let inline: Vec<_> = lists.iter().flat_map(|list| elements(*list, "variant")).collect();
        let refs: Vec<_> = lists.iter().flat_map(|list| elements(*list, "ref")).collect();
        let wants_optional = attribute(node, "has_optional") == "true"
            && !inline.iter().any(|child| kind_of(*child) == VariantKind::Optional);
        if parent.kind != VariantKind::Variant && (wants_optional || !inline.is_empty() || !refs.is_empty()) {
            let message = format!("{} {} has children; only a variant can", parent.kind.as_str(), parent.uid);
            self.problems.at_tag(node, message);
            return Vec::new();
        }
        let mut children = Vec::new();
        let mut ids = HashSet::new();
        // A second child of the same id is dropped without a word (facts: variants 5).
        let mut add = |tree: Tree| {
            if ids.insert(tree.variant.id.clone()) {
                children.push(tree);
            }
        };
        for child in inline {
            self.variant(child, Some(parent)).map(&mut add);
        }
        if wants_optional && parent.id == OPTIONAL {
            let message = format!("variant {}: `has_optional` gives it a child with its own id", parent.uid);
            self.problems.at_tag(node, message);
        } else if wants_optional {
            self.count += 1;
            add(Tree { variant: implied_optional(parent), children: Vec::new() });
        }
        for reference in refs {
            let id = attribute(reference, "id");
            match self.templates.get(id).copied() {
                Some(template) => {
                    self.variant(template, Some(parent)).map(&mut add);
                }
                None => {
                    let message = format!("variant {} references {id}, which does not exist", parent.uid);
                    self.problems.at_tag(reference, message).help =
                        Some("only top-level variants of type addon or layered-product can be referenced".to_owned());
                }
            }
        }
        children
    }
}

/// The arches of a variant as they are written, sorted.
fn arches_of(node: Node<'_, '_>) -> Vec<String> {
    let mut arches: Vec<String> = elements(node, "arches")
        .flat_map(|list| elements(list, "arch"))
        .map(dtd::text_of)
        // `src` is not an arch to build for; Pungi crashes on it (facts: variants 6), here it is left out.
        .filter(|arch| !arch.is_empty() && arch != "src")
        .collect();
    arches.sort();
    arches
}

/// Id and name of the child that `has_optional` asks for.
const OPTIONAL: &str = "optional";

/// The child that `has_optional` asks for (facts: variants 11).
fn implied_optional(parent: &Variant) -> Variant {
    Variant {
        id: OPTIONAL.to_owned(),
        name: OPTIONAL.to_owned(),
        uid: format!("{}-{OPTIONAL}", parent.uid),
        kind: VariantKind::Optional,
        arches: parent.arches.clone(),
        is_empty: false,
        parent: Some(parent.uid.clone()),
        children: Vec::new(),
        depth: parent.depth + 1,
        release: None,
        span: parent.span,
    }
}

fn elements<'a, 'input>(node: Node<'a, 'input>, name: &'static str) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children().filter(move |child| child.has_tag_name(name))
}

/// An attribute, empty when absent; the document was checked before.
fn attribute<'a>(node: Node<'a, '_>, name: &str) -> &'a str {
    node.attribute(name).unwrap_or_default()
}

fn kind_of(node: Node<'_, '_>) -> VariantKind {
    VariantKind::parse(attribute(node, "type")).unwrap_or(VariantKind::Variant)
}
