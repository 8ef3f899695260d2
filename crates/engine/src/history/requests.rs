//! The requests of one plan, by number and by key.

use super::past::Past;
use std::collections::BTreeMap;

/// The requests of one plan. They lie in one place and are found by their number in the plan or by their key, so that neither an
/// event nor a look at all of them has to compare names.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Requests {
    all: Vec<Past>,
    /// A damaged journal may have numbers that no vector should be as long as.
    by_number: BTreeMap<usize, usize>,
    by_key: BTreeMap<String, usize>,
}

impl Requests {
    /// The request with a key.
    pub fn get(&self, key: &str) -> Option<&Past> {
        self.all.get(*self.by_key.get(key)?)
    }

    /// The request with a number in the plan.
    pub fn number(&self, number: usize) -> Option<&Past> {
        self.all.get(*self.by_number.get(&number)?)
    }

    /// The requests with their numbers, in the order of the plan.
    pub fn numbered(&self) -> impl Iterator<Item = (usize, &Past)> {
        self.by_number.iter().filter_map(|(number, place)| Some((*number, self.all.get(*place)?)))
    }

    /// The requests, in the order of the plan.
    pub fn iter(&self) -> impl Iterator<Item = &Past> {
        self.numbered().map(|(_, past)| past)
    }

    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Leaves out what `keep` does not want.
    pub fn retain(&mut self, keep: impl Fn(&Past) -> bool) {
        self.by_number.retain(|_, place| self.all.get(*place).is_some_and(&keep));
        self.by_key.retain(|_, place| self.all.get(*place).is_some_and(&keep));
    }

    pub(super) fn number_mut(&mut self, number: usize) -> Option<&mut Past> {
        self.all.get_mut(*self.by_number.get(&number)?)
    }

    /// None, with room for `number` of them.
    pub(super) fn with_capacity(number: usize) -> Self {
        Self { all: Vec::with_capacity(number), ..Self::default() }
    }

    /// The requests, to be taken out one by one.
    pub fn into_taking(self) -> Taking {
        Taking { all: self.all, by_key: self.by_key }
    }

    /// Gives `past` the number `number`. A key that is there already keeps its request and is found by both numbers.
    pub(super) fn insert(&mut self, number: usize, past: Past) {
        let place = *self.by_key.entry(past.key.clone()).or_insert_with(|| {
            self.all.push(past);
            self.all.len() - 1
        });
        self.by_number.insert(number, place);
    }
}

/// Requests of which each is taken out once.
#[derive(Debug)]
pub struct Taking {
    all: Vec<Past>,
    by_key: BTreeMap<String, usize>,
}

impl Taking {
    /// Takes out the request with a key.
    pub fn take(&mut self, key: &str) -> Option<Past> {
        let place = self.by_key.remove(key)?;
        self.all.get_mut(place).map(std::mem::take)
    }

    /// Those that were not taken out, in the order of the plan.
    pub fn rest(self) -> impl Iterator<Item = Past> {
        let Self { mut all, by_key } = self;
        let mut places: Vec<usize> = by_key.into_values().collect();
        places.sort_unstable();
        places.into_iter().filter_map(move |place| all.get_mut(place).map(std::mem::take))
    }
}

#[cfg(test)]
impl std::ops::Index<&str> for Requests {
    type Output = Past;

    fn index(&self, key: &str) -> &Past {
        self.get(key).expect("a request with this key")
    }
}
