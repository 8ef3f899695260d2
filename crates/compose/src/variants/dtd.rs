//! The *document type* of variants.xml: which elements and attributes it may hold, where, and how often (facts: variants 2).

use super::problems::Problems;
use roxmltree::{Attribute, Node};

/// How often an element may stand at its place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Times {
    Once,
    AtMostOnce,
    Any,
    AtLeastOnce,
}

enum Content {
    /// Nothing at all.
    Empty,
    /// Text without elements.
    Text,
    /// Elements in this order. The flag: nothing at all is as good.
    Elements(&'static [(&'static str, Times)], bool),
}

struct AttributeRule {
    name: &'static str,
    required: bool,
    /// The allowed values; empty for any text.
    values: &'static [&'static str],
}

struct ElementRule {
    name: &'static str,
    attributes: &'static [AttributeRule],
    content: Content,
    /// Whether the text must not begin or end with whitespace (facts: variants 3).
    trimmed: bool,
}

const BOOL: &[&str] = &["true", "false"];

const fn optional(name: &'static str, values: &'static [&'static str]) -> AttributeRule {
    AttributeRule { name, required: false, values }
}

const fn required(name: &'static str, values: &'static [&'static str]) -> AttributeRule {
    AttributeRule { name, required: true, values }
}

const fn text(name: &'static str, attributes: &'static [AttributeRule]) -> ElementRule {
    ElementRule { name, attributes, content: Content::Text, trimmed: true }
}

const fn holder(name: &'static str, content: &'static [(&'static str, Times)]) -> ElementRule {
    ElementRule { name, attributes: &[], content: Content::Elements(content, false), trimmed: false }
}

const RULES: &[ElementRule] = &[
    holder("variants", &[("ref", Times::Any), ("variant", Times::Any)]),
    ElementRule {
        name: "variant",
        attributes: &[
            required("id", &[]),
            required("name", &[]),
            required("type", &["variant", "addon", "optional", "layered-product"]),
            optional("has_optional", BOOL),
            optional("is_empty", BOOL),
        ],
        content: Content::Elements(
            &[
                ("release", Times::AtMostOnce),
                ("arches", Times::Once),
                ("groups", Times::AtMostOnce),
                ("environments", Times::Any),
                ("variants", Times::Any),
                ("buildinstallpackages", Times::AtMostOnce),
                ("modules", Times::AtMostOnce),
            ],
            true,
        ),
        trimmed: false,
    },
    ElementRule {
        name: "release",
        attributes: &[optional("name", &[]), optional("short", &[]), optional("version", &[])],
        content: Content::Text,
        trimmed: false,
    },
    ElementRule { name: "ref", attributes: &[required("id", &[])], content: Content::Empty, trimmed: false },
    holder("arches", &[("arch", Times::AtLeastOnce)]),
    holder("groups", &[("group", Times::AtLeastOnce)]),
    holder("environments", &[("environment", Times::AtLeastOnce)]),
    holder("buildinstallpackages", &[("package", Times::AtLeastOnce)]),
    holder("modules", &[("module", Times::Any), ("kojitag", Times::Any)]),
    text("arch", &[]),
    text("name", &[]),
    text("package", &[]),
    text("kojitag", &[]),
    text("environment", &[optional("display_order", &[])]),
    text("group", &[optional("glob", BOOL), optional("default", BOOL), optional("uservisible", BOOL)]),
    text("module", &[optional("glob", BOOL)]),
];

/// Checks the document below `root`; says everything that is wrong.
pub(super) fn validate(root: Node<'_, '_>, problems: &mut Problems) {
    if name_of(root) != "variants" {
        problems.at_tag(root, format!("the document is a `{}`, not a list of `variants`", name_of(root)));
        return;
    }
    for node in root.descendants().filter(Node::is_element) {
        // An unknown element was already named as content of its parent.
        let Some(rule) = RULES.iter().find(|rule| rule.name == name_of(node)) else { continue };
        validate_attributes(node, rule, problems);
        match &rule.content {
            Content::Empty => {
                if node.children().any(|child| child.is_element() || child.is_text()) {
                    problems.at_tag(node, format!("`{}` must be empty", rule.name));
                }
            }
            Content::Text => validate_text(node, rule, problems),
            Content::Elements(order, may_be_empty) => validate_elements(node, rule, order, *may_be_empty, problems),
        }
    }
}

/// The name that messages show; names with a namespace are none of ours.
fn name_of<'a>(node: Node<'a, '_>) -> &'a str {
    match node.tag_name().namespace() {
        None => node.tag_name().name(),
        Some(namespace) => namespace,
    }
}

fn validate_attributes(node: Node<'_, '_>, rule: &ElementRule, problems: &mut Problems) {
    let named = |attribute: &Attribute<'_, '_>, name: &str| attribute.namespace().is_none() && attribute.name() == name;
    for attribute in node.attributes() {
        let Some(known) = rule.attributes.iter().find(|known| named(&attribute, known.name)) else {
            let names: Vec<_> = rule.attributes.iter().map(|known| known.name).collect();
            let help =
                if names.is_empty() { "it takes none".to_owned() } else { format!("it takes {}", names.join(", ")) };
            let message = format!("`{}` takes no attribute `{}`", rule.name, attribute.name());
            problems.at_attribute(&attribute, message).help = Some(help);
            continue;
        };
        if !known.values.is_empty() && !known.values.contains(&attribute.value()) {
            let values = known.values.join(", ");
            let message =
                format!("`{}` of `{}` must be one of {values}, not '{}'", known.name, rule.name, attribute.value());
            problems.at_attribute(&attribute, message);
        }
    }
    for known in rule.attributes.iter().filter(|known| known.required) {
        if !node.attributes().any(|attribute| named(&attribute, known.name)) {
            problems.at_tag(node, format!("`{}` lacks the attribute `{}`", rule.name, known.name));
        }
    }
}

fn validate_text(node: Node<'_, '_>, rule: &ElementRule, problems: &mut Problems) {
    for child in node.children().filter(Node::is_element) {
        problems.at_tag(child, format!("`{}` holds text only, no `{}`", rule.name, name_of(child)));
    }
    let text = text_of(node);
    if rule.trimmed && text.trim() != text {
        problems
            .at_tag(node, format!("`{}` contains leading or trailing whitespace: '{}'", rule.name, text.escape_debug()))
            .help = Some(format!("write <{0}>{1}</{0}>", rule.name, text.trim()));
    }
}

/// The text of an element, comments left out.
pub(super) fn text_of(node: Node<'_, '_>) -> String {
    node.children().filter(Node::is_text).filter_map(|child| child.text()).collect()
}

fn validate_elements(
    node: Node<'_, '_>,
    rule: &ElementRule,
    order: &[(&str, Times)],
    may_be_empty: bool,
    problems: &mut Problems,
) {
    for child in node.children().filter(Node::is_text) {
        if !child.text().unwrap_or_default().trim().is_empty() {
            problems.at_node(child, format!("`{}` holds elements only, no text", rule.name));
        }
    }
    let names: Vec<_> = order.iter().map(|(name, _)| *name).collect();
    let help = format!("`{}` holds, in this order: {}", rule.name, names.join(", "));
    let mut seen = vec![0_usize; order.len()];
    let mut reached = 0;
    for child in node.children().filter(Node::is_element) {
        let name = name_of(child);
        let Some(place) = names.iter().position(|known| *known == name) else {
            problems.at_tag(child, format!("`{}` holds no `{name}`", rule.name)).help = Some(help.clone());
            continue;
        };
        if place < reached {
            let last = names.get(reached).copied().unwrap_or_default();
            problems.at_tag(child, format!("`{name}` must come before `{last}`")).help = Some(help.clone());
        }
        reached = reached.max(place);
        if let (Some(count), Some((_, times))) = (seen.get_mut(place), order.get(place)) {
            *count += 1;
            if *count == 2 && matches!(times, Times::Once | Times::AtMostOnce) {
                problems.at_tag(child, format!("`{}` holds `{name}` more than once", rule.name));
            }
        }
    }
    if may_be_empty && !node.children().any(|child| child.is_element()) {
        return;
    }
    for ((name, times), count) in order.iter().zip(&seen) {
        if *count == 0 && matches!(times, Times::Once | Times::AtLeastOnce) {
            problems.at_tag(node, format!("`{}` lacks `{name}`", rule.name));
        }
    }
}
