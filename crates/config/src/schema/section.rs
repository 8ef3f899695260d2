//! A *section* of the configuration is a phase's part of it, described by a table: what stands under the phase's name, and the
//! top-level keys that go with it. The phases bring their tables; nothing here knows their names.

use super::{KEYS, Key, Kind};
use crate::check::fill::Filled;
use std::collections::{HashMap, HashSet};

/// The part of the configuration that is a phase's.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// The phase's name, under which its images stand.
    pub name: &'static str,
    /// What the images are, as a sentence for users and editors.
    pub about: &'static str,
    /// How images stand in it.
    pub layout: Layout,
    /// The keys of an image. No others are taken. Problems are reported in this order.
    pub image: &'static [Key],
    /// The key of an image that says in messages which one is meant.
    pub label: &'static str,
    /// The further top-level keys, `PHASE_KEY`. Those of a key with a [`Fallback`](super::Fallback) stand for it.
    pub options: &'static [Key],
}

/// How the images of a section stand in it: a dict of patterns of variant uids, each with a list of dicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Whether an empty string is a pattern, one that every variant matches.
    pub empty_pattern: bool,
    /// The key below which an image's own keys stand, when other tables stand beside them.
    pub within: Option<&'static str>,
}

impl Layout {
    /// Images as they are, in lists below patterns.
    pub const PLAIN: Self = Self { empty_pattern: false, within: None };
}

impl Section {
    /// The keys in which an image's own values stand.
    pub fn own_keys(&self) -> &'static [Key] {
        let inner = self.layout.within.and_then(|within| self.image.iter().find(|key| key.name == within));
        match inner.map(|key| key.kind) {
            Some(Kind::Dict(keys) | Kind::Open(keys)) => keys,
            _ => self.image,
        }
    }

    /// The top-level key of the phase that stands for the key of an image, without the phase's name and the underscore.
    pub fn short_name<'k>(&self, option: &'k str) -> Option<&'k str> {
        option.strip_prefix(self.name)?.strip_prefix('_')
    }
}

/// All that a configuration may have: the options of every compose and the sections of phases.
#[derive(Debug)]
pub struct Schema {
    sections: Vec<&'static Section>,
    index: HashMap<&'static str, Entry>,
    /// The top-level keys in which there may be something to fill.
    filled: HashMap<&'static str, Filled>,
    /// Those that magudi does nothing with.
    others: HashSet<&'static str>,
}

/// What a top-level key is.
#[derive(Debug, Clone, Copy)]
pub enum Entry {
    Option(&'static Key),
    Section(&'static Section),
}

impl Entry {
    fn filled(self) -> Option<Filled> {
        match self {
            Self::Option(key) => fills(key.kind).then_some(Filled::Option(key.kind)),
            Self::Section(section) => section.image.iter().any(fills_in).then_some(Filled::Images(section.image)),
        }
    }
}

/// Whether there may be something to fill in a value of this kind.
pub(crate) fn fills(kind: Kind) -> bool {
    match kind {
        Kind::Url | Kind::TextOrScm | Kind::VariantsFile => true,
        Kind::Dict(keys) | Kind::Open(keys) => keys.iter().any(fills_in),
        Kind::Map(of) | Kind::OpenMap(of) | Kind::List(of) | Kind::NonEmptyList(of) | Kind::PerArch(of) => fills(*of),
        Kind::Either(kinds) => kinds.iter().any(|kind| fills(*kind)),
        _ => false,
    }
}

/// The same for a key of a dict.
fn fills_in(key: &Key) -> bool {
    key.default != super::Default::Absent || key.alias.is_some() || !key.appended.is_empty() || fills(key.kind)
}

impl Schema {
    /// The options of every compose, with the sections of phases.
    pub fn new(sections: impl IntoIterator<Item = &'static Section>) -> Self {
        let sections: Vec<&'static Section> = sections.into_iter().collect();
        let options = KEYS.iter().chain(sections.iter().flat_map(|section| section.options));
        let mut index: HashMap<_, _> = options.map(|key| (key.name, Entry::Option(key))).collect();
        index.extend(sections.iter().map(|section| (section.name, Entry::Section(section))));
        let filled = index.iter().filter_map(|(name, entry)| Some((*name, entry.filled()?))).collect();
        let others: HashSet<_> = KEYS.iter().filter(|key| key.about.is_empty()).map(|key| key.name).collect();
        Self { sections, index, filled, others }
    }

    /// What there is to fill in a top-level key; nothing for most.
    pub(crate) fn filled(&self, name: &str) -> Option<Filled> {
        self.filled.get(name).copied()
    }

    /// Whether a top-level key is one of Pungi's that magudi does nothing with.
    pub fn is_of_pungi(&self, name: &str) -> bool {
        self.others.contains(name)
    }

    pub fn sections(&self) -> &[&'static Section] {
        &self.sections
    }

    /// The options at the top level: those of every compose, then those of the sections.
    pub fn options(&self) -> impl Iterator<Item = &'static Key> + '_ {
        KEYS.iter().chain(self.sections.iter().flat_map(|section| section.options))
    }

    /// What a top-level key is; nothing for an unknown one.
    pub fn get(&self, name: &str) -> Option<Entry> {
        self.index.get(name).copied()
    }

    pub fn option(&self, name: &str) -> Option<&'static Key> {
        match self.get(name)? {
            Entry::Option(key) => Some(key),
            Entry::Section(_) => None,
        }
    }

    /// The names of all top-level keys that do something, for "did you mean".
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        let alive = self.options().filter(|key| !matches!(key.kind, Kind::Removed(_) | Kind::Gone { .. }));
        alive.map(|key| key.name).chain(self.sections.iter().map(|section| section.name))
    }
}
