//! What a hub has thousands of, by id.

use std::collections::BTreeMap;

/// Things by id, each in a place of its own: most of the room that a map keeps free would be that of whole things.
#[derive(Debug)]
pub(crate) struct ById<T>(BTreeMap<i64, Box<T>>);

impl<T> Default for ById<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> ById<T> {
    pub(crate) fn get(&self, id: i64) -> Option<&T> {
        self.0.get(&id).map(Box::as_ref)
    }

    pub(crate) fn get_mut(&mut self, id: i64) -> Option<&mut T> {
        self.0.get_mut(&id).map(Box::as_mut)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn contains_key(&self, id: i64) -> bool {
        self.0.contains_key(&id)
    }

    pub(crate) fn insert(&mut self, id: i64, thing: T) {
        self.0.insert(id, Box::new(thing));
    }

    /// All of them, by id.
    pub(crate) fn values(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.0.values().map(Box::as_ref)
    }

    /// The first id from `wanted` on that none has.
    pub(crate) fn free_id(&self, wanted: i64) -> i64 {
        let mut id = wanted;
        for taken in self.0.range(wanted..).map(|(id, _)| *id) {
            if taken != id {
                break;
            }
            id += 1;
        }
        id
    }
}
