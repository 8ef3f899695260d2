//! *By id*: tasks or builds, in the order of their ids.

use std::collections::BTreeMap;

/// Values by id. Ids grow, which leaves half of every node of a tree empty, so the tree holds pointers.
#[derive(Debug)]
pub(crate) struct ById<T>(BTreeMap<i64, Box<T>>);

impl<T> ById<T> {
    /// None.
    pub(crate) fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Takes in a value, in the place of one that has the id.
    pub(crate) fn insert(&mut self, id: i64, value: T) {
        self.0.insert(id, Box::new(value));
    }

    pub(crate) fn get(&self, id: i64) -> Option<&T> {
        self.0.get(&id).map(Box::as_ref)
    }

    /// The value with the id, to be changed.
    pub(crate) fn get_mut(&mut self, id: i64) -> Option<&mut T> {
        self.0.get_mut(&id).map(Box::as_mut)
    }

    pub(crate) fn contains_key(&self, id: i64) -> bool {
        self.0.contains_key(&id)
    }

    /// The ids from `first` on.
    pub(crate) fn ids_from(&self, first: i64) -> impl Iterator<Item = i64> {
        self.0.range(first..).map(|(id, _)| *id)
    }

    pub(crate) fn values(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.0.values().map(Box::as_ref)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
