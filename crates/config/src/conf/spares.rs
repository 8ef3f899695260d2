//! *Spares*: the room in which lists and dicts are put together, used again for later ones. A large file has tens of thousands of
//! them, nested a few levels deep.

use super::dict::Builder;
use crate::tree::{Dict, Node};
use std::sync::Arc;

/// Lists and dicts that are done with, empty.
#[derive(Debug, Default)]
pub struct Spares {
    lists: Vec<Vec<Node>>,
    dicts: Vec<Builder>,
}

impl Spares {
    /// For the items of a list.
    pub fn list(&mut self) -> Vec<Node> {
        self.lists.pop().unwrap_or_default()
    }

    /// A list of which all items are there.
    pub fn finish_list(&mut self, mut items: Vec<Node>) -> Arc<[Node]> {
        let list = items.drain(..).collect();
        self.lists.push(items);
        list
    }

    /// For the entries of a dict.
    pub fn dict(&mut self) -> Builder {
        self.dicts.pop().unwrap_or_default()
    }

    /// A dict of which all entries are there.
    pub fn finish_dict(&mut self, mut builder: Builder) -> Arc<Dict> {
        let dict = Arc::new(builder.finish());
        self.dicts.push(builder);
        dict
    }
}
