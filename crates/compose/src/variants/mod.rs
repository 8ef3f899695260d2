//! A *variant* is one edition of a release (Server, Client, ...), composed for some arches, with children of its own.

mod check;
mod dtd;
mod encoding;
mod load;
mod parse;
mod problems;

pub use check::{LOOKASIDE, check, check_arches, check_filters, check_ids, check_lookaside};
pub use load::load_variants;
pub use parse::parse_variants;

use magudi_config::Span;
use std::collections::HashSet;

/// The type of a variant (facts: variants 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VariantKind {
    /// A tree of its own.
    Variant,
    /// An addition that lives in its parent's tree.
    Addon,
    /// What is not on the parent's media.
    Optional,
    /// A product on top of the release.
    LayeredProduct,
}

impl VariantKind {
    /// The name, as variants.xml and composeinfo.json write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Variant => "variant",
            Self::Addon => "addon",
            Self::Optional => "optional",
            Self::LayeredProduct => "layered-product",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        [Self::Variant, Self::Addon, Self::Optional, Self::LayeredProduct]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }

    /// Its place in the order of variants (facts: variants 9).
    fn class(self) -> u8 {
        match self {
            Self::Variant => 0,
            Self::Addon | Self::LayeredProduct => 1,
            Self::Optional => 2,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayeredRelease {
    pub name: String,
    pub short: String,
    pub version: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// The id among its siblings.
    pub id: String,
    pub name: String,
    /// The unique id: the parent's uid, a dash and the id, or the id alone.
    pub uid: String,
    pub kind: VariantKind,
    /// The arches, sorted, without `src`. Arches that the file names twice stay twice (facts: variants 6).
    pub arches: Vec<String>,
    /// Whether it has no packages, so no repository of its own. Any `is_empty` attribute says so, whatever its value (facts: variants 7).
    pub is_empty: bool,
    /// The parent's uid.
    pub parent: Option<String>,
    pub children: Vec<String>,
    /// 0 for a top-level variant, 1 for its children.
    pub depth: usize,
    pub release: Option<LayeredRelease>,
    /// Where it stands in variants.xml.
    pub span: Span,
}

impl Variant {
    /// The uid of the variant in whose directory its files are: the parent's for an addon (facts: compose 7), else its own.
    pub fn dir_uid(&self) -> &str {
        match (&self.parent, self.kind) {
            (Some(parent), VariantKind::Addon) => parent,
            _ => &self.uid,
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variants {
    /// In the order of the file, each variant before its children.
    all: Vec<Variant>,
    /// Indices into `all`, see [`Variants::ordered`].
    order: Vec<usize>,
}

impl Variants {
    /// Takes in variants, each standing before its children.
    pub(crate) fn new(all: Vec<Variant>) -> Self {
        let mut variants = Self { all, order: Vec::new() };
        variants.sort();
        variants
    }

    fn sort(&mut self) {
        let all = &self.all;
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.retain(|i| all.get(*i).is_some_and(|v| v.depth <= 1));
        order.sort_by(|a, b| {
            let key = |i: usize| all.get(i).map(|v| (v.kind.class(), v.uid.as_str()));
            key(*a).cmp(&key(*b))
        });
        self.order = order;
    }

    /// The variants that phases see, in the order in which they see them: the top-level ones and their direct children,
    /// by class, then by uid (facts: variants 9).
    pub fn ordered(&self) -> impl Iterator<Item = &Variant> {
        self.order.iter().filter_map(|i| self.all.get(*i))
    }

    /// The variant of that uid among [`Variants::ordered`].
    pub fn get(&self, uid: &str) -> Option<&Variant> {
        self.ordered().find(|variant| variant.uid == uid)
    }

    /// Every variant, grandchildren included, in the order of the file.
    pub fn all(&self) -> impl Iterator<Item = &Variant> {
        self.all.iter()
    }

    /// Keeps the arches of `tree_arches` and the variants of `tree_variants` (an empty list: all of them) and says, a line
    /// each, which variants were dropped and why (facts: variants 8). The children of a dropped variant go without a line.
    pub fn filter(&mut self, tree_arches: &[String], tree_variants: &[String]) -> Vec<String> {
        let mut lines = Vec::new();
        let mut kept: HashSet<String> = HashSet::new();
        self.all.retain_mut(|variant| {
            if variant.parent.as_ref().is_some_and(|parent| !kept.contains(parent)) {
                return false;
            }
            variant.arches.retain(|arch| tree_arches.is_empty() || tree_arches.contains(arch));
            if variant.arches.is_empty() {
                lines.push(format!("Excluding variant {}: all its arches are filtered.", variant.uid));
                return false;
            }
            if !tree_variants.is_empty() && !tree_variants.contains(&variant.uid) {
                lines.push(format!("Excluding variant {}: filtered by configuration.", variant.uid));
                return false;
            }
            kept.insert(variant.uid.clone());
            true
        });
        for variant in &mut self.all {
            variant.children.retain(|child| kept.contains(child));
        }
        self.sort();
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use magudi_config::Sources;
    use std::path::Path;

    fn parse(xml: &str) -> Variants {
        parse_variants(xml, Path::new("variants.xml"), &mut Sources::new()).unwrap()
    }

    fn variant(id: &str, kind: &str, arches: &[&str], inner: &str) -> String {
        let arches = format!("<arch>{}</arch>", arches.join("</arch><arch>"));
        format!("<variant id='{id}' name='{id}' type='{kind}'><arches>{arches}</arches>{inner}</variant>")
    }

    fn uids(variants: &Variants) -> Vec<&str> {
        variants.ordered().map(|v| v.uid.as_str()).collect()
    }

    #[test]
    fn order_is_class_then_code_points() {
        let x = ["x86_64"];
        let tops: String = ["b", "A9", "0x", "A10"].iter().map(|id| variant(id, "variant", &x, "")).collect();
        let a = variant("a", "variant", &x, &format!("<variants>{}</variants>", variant("Z", "addon", &x, "")));
        let b = variant(
            "B",
            "variant",
            &x,
            &format!(
                "<variants>{}{}</variants>",
                variant("optional", "optional", &x, ""),
                variant("z", "addon", &x, "")
            ),
        );
        let variants = parse(&format!("<variants>{tops}{a}{b}</variants>"));
        assert_eq!(uids(&variants), ["0x", "A10", "A9", "B", "a", "b", "B-z", "a-Z", "B-optional"]);
    }

    #[test]
    fn grandchildren_are_seen_by_composeinfo_only() {
        let x = ["x86_64"];
        let c = variant("C", "addon", &x, "");
        let b = variant("B", "variant", &x, &format!("<variants>{c}</variants>"));
        let variants = parse(&format!(
            "<variants>{}</variants>",
            variant("A", "variant", &x, &format!("<variants>{b}</variants>"))
        ));
        assert_eq!(uids(&variants), ["A", "A-B"]);
        assert!(variants.get("A-B-C").is_none());
        assert_eq!(variants.all().map(|v| v.uid.as_str()).collect::<Vec<_>>(), ["A", "A-B", "A-B-C"]);
        assert_eq!(variants.get("A").unwrap().children, ["A-B"]);
        assert_eq!(variants.all().last().unwrap().dir_uid(), "A-B");
    }

    #[test]
    fn filters_arches_and_variants() {
        let ha = variant("HA", "addon", &["x86_64", "s390x"], "");
        let rs = variant("RS", "addon", &["s390x"], "");
        let server = variant("Server", "variant", &["x86_64", "s390x"], &format!("<variants>{ha}{rs}</variants>"));
        let mini = variant("Mini", "variant", &["ppc64le"], "");
        let client = variant(
            "Client",
            "variant",
            &["x86_64"],
            &format!("<variants>{}</variants>", variant("X", "addon", &["x86_64"], "")),
        );
        let full = parse(&format!("<variants>{server}{mini}{client}</variants>"));
        let list = |items: &[&str]| items.iter().map(ToString::to_string).collect::<Vec<_>>();

        let mut variants = full.clone();
        assert!(variants.filter(&[], &[]).is_empty());
        assert_eq!(variants, full);

        let mut variants = full.clone();
        assert_eq!(
            variants.filter(&list(&["x86_64"]), &list(&["Server", "Server-HA", "Client-X"])),
            [
                "Excluding variant Server-RS: all its arches are filtered.",
                "Excluding variant Mini: all its arches are filtered.",
                "Excluding variant Client: filtered by configuration.",
            ]
        );
        assert_eq!(uids(&variants), ["Server", "Server-HA"]);
        assert_eq!(variants.get("Server").unwrap().arches, ["x86_64"]);
        assert_eq!(variants.get("Server").unwrap().children, ["Server-HA"]);
    }
}
