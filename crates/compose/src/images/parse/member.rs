//! Finds one *member* of a text without reading what comes after it: the id of a compose stands before its images.

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use std::fmt;

/// The value at `path` in an object of objects; `None` when there is none. Of a text that has one, what follows is not looked at.
pub(super) fn find_member(text: &str, path: &[&str]) -> Result<Option<Value>, serde_json::Error> {
    let mut found = None;
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = Search { path, found: &mut found }.deserialize(&mut reader).and_then(|()| reader.end());
    if found.is_some() { Ok(found) } else { read.map(|()| None) }
}

/// On the way to a member.
struct Search<'a> {
    path: &'a [&'a str],
    found: &'a mut Option<Value>,
}

impl<'de> DeserializeSeed<'de> for Search<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Search<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Self { path, found } = self;
        while let Some(key) = members.next_key::<String>()? {
            match path {
                [last] if key == *last => {
                    *found = Some(members.next_value()?);
                    return Err(A::Error::custom("it is found"));
                }
                [first, rest @ ..] if !rest.is_empty() && key == *first => {
                    members.next_value_seed(Search { path: rest, found: &mut *found })?;
                }
                _ => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_follows_is_not_looked_at() {
        let find = |text: &str| find_member(text, &["a", "b"]).map_err(|error| error.to_string());
        assert_eq!(find(r#"{"x": [{}], "a": {"y": {"b": 1}, "b": {"id": 2}, nonsense"#), Ok(Some(json!({"id": 2}))));
        for without in [r#"{"b": 1, "a": {"c": {"b": 2}}}"#, r#"{"a": null}"#] {
            assert_eq!(find(without), Ok(None), "{without}");
        }
        for bad in [r#"{"a": {"#, r#"{"a": {"b": [}"#, r#"{"a": []}"#, "[]", "", "{} {}"] {
            assert!(find(bad).is_err(), "{bad}");
        }
    }
}
