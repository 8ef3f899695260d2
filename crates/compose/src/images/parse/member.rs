//! Finds one *member* of a text without reading what comes after it: the id of a compose stands before its images.

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use std::fmt;

/// The value at `path` in an object of objects. What follows it is not looked at; `None` when there is none, and when what stands
/// before it is odd.
pub(super) fn find_member(text: &str, path: &[&str]) -> Option<Value> {
    let mut found = None;
    // Also where it is found, the search ends with an error.
    let _ = Search { path, found: &mut found }.deserialize(&mut serde_json::Deserializer::from_str(text));
    found
}

/// On the way to a member.
struct Search<'a> {
    path: &'a [&'a str],
    found: &'a mut Option<Value>,
}

impl<'de> DeserializeSeed<'de> for Search<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Search<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
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
        let find = |text: &str| find_member(text, &["a", "b"]);
        assert_eq!(find(r#"{"x": [{}], "a": {"y": {"b": 1}, "b": {"id": 2}, nonsense"#), Some(json!({"id": 2})));
        let deep = "[".repeat(100_000);
        for without in [r#"{"b": 1, "a": {"c": {"b": 2}}}"#, r#"{"a": null}"#, r#"{"a": []}"#, "[]", "", "{} {}", &deep]
        {
            assert_eq!(find(without), None, "{without}");
        }
        for bad in
            [r#"{"a": {"#, r#"{"a": {"b": [}"#, &format!(r#"{{"a": {{"b": {deep}"#), &format!(r#"{{"c": {deep}"#)]
        {
            assert_eq!(find(bad), None);
        }
    }
}
