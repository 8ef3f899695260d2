//! The *members* of a struct.

use super::{Name, Value};

/// The members of a struct, sorted by name; each name is there once.
///
/// A list and not a map: structs are small and made once, and there are tens of thousands of them. What is large is made of all its
/// members at once ([`FromIterator`]); [`insert`](Self::insert) is for one more.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Members(Vec<(Name, Value)>);

impl Members {
    /// How many they are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(found, _)| found.as_bytes().cmp(name.as_bytes()))
    }

    /// The value of the member `name`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.place(name).ok().and_then(|place| self.0.get(place)).map(|(_, value)| value)
    }

    /// The value of the member `name`, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.place(name).ok().and_then(|place| self.0.get_mut(place)).map(|(_, value)| value)
    }

    /// Whether there is a member `name`.
    pub fn contains_key(&self, name: &str) -> bool {
        self.place(name).is_ok()
    }

    /// Puts a member to the others, in the place of one of its name, whose value it returns.
    pub fn insert(&mut self, name: impl Into<Name>, value: Value) -> Option<Value> {
        let name = name.into();
        match self.place(&name) {
            Ok(place) => self.0.get_mut(place).map(|(_, old)| std::mem::replace(old, value)),
            Err(place) => {
                self.0.insert(place, (name, value));
                None
            }
        }
    }

    /// Puts a member to the others, unless there is one of its name.
    pub fn insert_missing(&mut self, name: impl Into<Name>, value: Value) {
        let name = name.into();
        if let Err(place) = self.place(&name) {
            self.0.insert(place, (name, value));
        }
    }

    /// Takes the member `name` out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.place(name).ok().map(|place| self.0.remove(place).1)
    }

    /// The names.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &Name> {
        self.0.iter().map(|(name, _)| name)
    }

    /// The values, in the order of their names.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &Value> {
        self.0.iter().map(|(_, value)| value)
    }

    /// The names with their values.
    pub fn iter(&self) -> Iter<'_> {
        self.0.iter().map(|(name, value)| (name, value))
    }
}

/// See [`Members::iter`].
pub type Iter<'a> = std::iter::Map<std::slice::Iter<'a, (Name, Value)>, fn(&'a (Name, Value)) -> (&'a Name, &'a Value)>;

/// In any order; of several members of one name, the last one counts.
impl<N: Into<Name>> FromIterator<(N, Value)> for Members {
    fn from_iter<I: IntoIterator<Item = (N, Value)>>(members: I) -> Self {
        let mut members: Vec<(Name, Value)> = members.into_iter().map(|(name, value)| (name.into(), value)).collect();
        // Most come sorted.
        if !members.is_sorted_by(|(a, _), (b, _)| a < b) {
            members.sort_by(|(a, _), (b, _)| a.cmp(b));
            members.dedup_by(|later, kept| {
                let is_same = later.0 == kept.0;
                if is_same {
                    std::mem::swap(later, kept);
                }
                is_same
            });
        }
        Self(members)
    }
}

impl<N: Into<Name>, const COUNT: usize> From<[(N, Value); COUNT]> for Members {
    fn from(members: [(N, Value); COUNT]) -> Self {
        members.into_iter().collect()
    }
}

impl IntoIterator for Members {
    type Item = (Name, Value);
    type IntoIter = std::vec::IntoIter<(Name, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Members {
    type Item = (&'a Name, &'a Value);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorted_by_name_and_the_last_of_a_name_counts() {
        let mut members: Members =
            [("b", 1), ("a", 2), ("b", 3), ("c", 4), ("b", 5)].map(|(n, v)| (n, v.into())).into();
        assert_eq!(members, Members::from([("a", 2), ("b", 5), ("c", 4)].map(|(n, v)| (n, v.into()))));
        assert_eq!(members.keys().map(Name::as_str).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(members.insert("aa", Value::Nil), None);
        assert_eq!(members.insert("c", Value::Nil), Some(Value::Int(4)));
        assert_eq!((members.get("aa"), members.get("x"), members.len()), (Some(&Value::Nil), None, 4));
        assert_eq!(members.remove("b"), Some(Value::Int(5)));
        assert_eq!(members.remove("b"), None);
        members.insert_missing("a", Value::Nil);
        members.insert_missing("d", Value::Nil);
        assert_eq!((members.get("a"), members.get("d")), (Some(&Value::Int(2)), Some(&Value::Nil)));
        assert!(members.iter().is_sorted_by_key(|(name, _)| name));
    }
}
