//! The *sections* of a checked configuration: patterns, images and what images inherit, the same for every phase. What a key
//! takes is known from the phase's table, so a value that is here is of that type.

use crate::schema::{Fallback, Section};
use crate::source::{Span, Spanned, Text};
use crate::tree::{Dict, Node, Value};
use std::sync::Arc;

#[derive(Debug, Clone)]
pub struct SectionConfig {
    pub schema: &'static Section,
    /// The patterns in the order of the file.
    pub patterns: Vec<Images>,
    /// The values of `PHASE_KEY` and `global_KEY`.
    inherited: Vec<Inherited>,
}

/// What stands for a key that an image does not have.
#[derive(Debug, Clone)]
pub(crate) struct Inherited {
    pub key: &'static str,
    pub phase: Option<Node>,
    pub global: Option<Node>,
}

/// One pattern of a section and its images.
#[derive(Debug, Clone)]
pub struct Images {
    pub pattern: Text,
    pub images: Vec<Image>,
}

/// One image of a section: a dict that fits the section's table.
#[derive(Debug, Clone)]
pub struct Image {
    pub span: Span,
    /// The dotted path, e.g. `PHASE.^Server$.0`.
    pub path: String,
    /// The whole entry.
    entry: Arc<Dict>,
    /// The dict with the image's own keys, and its key in the entry where it is not the entry itself.
    own: Arc<Dict>,
    within: Option<&'static str>,
    /// What the image is called in messages.
    label: Option<Text>,
}

impl SectionConfig {
    pub(crate) fn new(schema: &'static Section, patterns: Vec<Images>, inherited: Vec<Inherited>) -> Self {
        Self { schema, patterns, inherited }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Forgets the images as they were written.
    pub(crate) fn forget_images(&mut self) {
        self.patterns.iter_mut().for_each(|pattern| pattern.images = Vec::new());
    }

    /// The value of a key for an image: its own, the phase's or the global one (facts: options 8).
    pub fn setting<'s>(&'s self, image: &'s Image, key: &str) -> Option<&'s Node> {
        self.found(image, key).map(|(_, node)| node)
    }

    /// The dotted path of the key that gives [`setting`](Self::setting), and where its value stands.
    pub fn place(&self, image: &Image, key: &str) -> Option<(String, Span)> {
        let (owner, node) = self.found(image, key)?;
        let path = match owner {
            Owner::Image => image.path_of(key),
            Owner::Phase => format!("{}_{key}", self.schema.name),
            Owner::All => format!("global_{key}"),
        };
        Some((path, node.span))
    }

    fn found<'s>(&'s self, image: &'s Image, key: &str) -> Option<(Owner, &'s Node)> {
        let own = image.get(key);
        // What an image has itself counts, as nearly all of it; only what is empty may count as absent.
        if let Some(node) = own.filter(|node| node.is_truthy()) {
            return Some((Owner::Image, node));
        }
        let fallback = self.schema.own_keys().iter().find(|known| known.name == key).map(|known| known.fallback);
        let inherited = self.inherited.iter().find(|inherited| inherited.key == key);
        let all = [
            (Owner::Image, own),
            (Owner::Phase, inherited.and_then(|inherited| inherited.phase.as_ref())),
            (Owner::All, inherited.and_then(|inherited| inherited.global.as_ref())),
        ];
        let mut all = all.into_iter().filter_map(|(owner, node)| Some((owner, node?)));
        match fallback {
            None | Some(Fallback::Nowhere) => own.map(|node| (Owner::Image, node)),
            Some(Fallback::Present) => all.next(),
            Some(Fallback::True) => all.find(|(_, node)| node.is_truthy()),
        }
    }
}

/// Whose key gives a value.
#[derive(Debug, Clone, Copy)]
enum Owner {
    Image,
    Phase,
    All,
}

impl Image {
    /// An image whose entry has been checked. None when it is not a dict, or the dict with its own keys is not there.
    pub(crate) fn new(entry: &Node, path: String, schema: &'static Section) -> Option<Self> {
        let dict = |node: &Node| match &node.value {
            Value::Dict(dict) => Some(Arc::clone(dict)),
            _ => None,
        };
        let whole = dict(entry)?;
        let own = match schema.layout.within {
            Some(within) => dict(whole.get(within)?)?,
            None => Arc::clone(&whole),
        };
        let label = own.get(schema.label).and_then(Node::text);
        Some(Self { span: entry.span, path, entry: whole, own, within: schema.layout.within, label })
    }

    /// What the image is called in messages; empty for one that has no name.
    pub fn label(&self) -> &str {
        self.label.as_ref().map_or("", Spanned::as_str)
    }

    /// Where that stands, else where the image stands.
    pub fn label_span(&self) -> Span {
        self.label.as_ref().map_or(self.span, |label| label.span)
    }

    /// The value of one of the image's own keys.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.own.get(key)
    }

    /// The value of one of the image's own keys, however it is capitalised: the last one, as where no capitals are known.
    pub fn get_in_any_case(&self, key: &str) -> Option<&Node> {
        let mut entries = self.own.entries.iter().rev();
        entries.find(|(name, _)| name.as_str().is_some_and(|name| name.eq_ignore_ascii_case(key))).map(|(_, node)| node)
    }

    /// A table that stands beside the image's own keys.
    pub fn beside(&self, key: &str) -> Option<&Node> {
        self.entry.get(key)
    }

    pub fn text(&self, key: &str) -> Option<Spanned<&str>> {
        let node = self.get(key)?;
        Some(Spanned::new(node.as_str()?, node.span))
    }

    /// A string that the tree's text is shared with.
    pub fn shared(&self, key: &str) -> Option<Arc<str>> {
        Some(self.get(key)?.text()?.value)
    }

    /// Whether a key has a list.
    pub fn lists(&self, key: &str) -> bool {
        self.get(key).is_some_and(|node| node.as_array().is_some())
    }

    /// The strings of a list; none when there is no list.
    pub fn items(&self, key: &str) -> impl Iterator<Item = Spanned<&str>> {
        let items = self.get(key).and_then(Node::as_array).unwrap_or_default();
        items.iter().filter_map(|item| Some(Spanned::new(item.as_str()?, item.span)))
    }

    /// Whether Python would take the value for true; false when there is none.
    pub fn is_true(&self, key: &str) -> bool {
        self.get(key).is_some_and(Node::is_truthy)
    }

    /// The dotted path of one of the image's own keys.
    pub fn path_of(&self, key: &str) -> String {
        match self.within {
            Some(within) => [&*self.path, ".", within, ".", key].concat(),
            None => [&*self.path, ".", key].concat(),
        }
    }
}
