//! Reads an images.json in *pieces*, a variant at a time: as values of JSON all of it takes ten times the room of its text.

use super::{Format, take_variant};
use crate::images::Images;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt;

/// The images of a text in which nothing is odd: each key stands once, and everything is of the right type.
pub(super) fn read(text: &str) -> Result<Images, serde_json::Error> {
    #[derive(Deserialize)]
    struct Head {
        header: Value,
    }
    // Wherever it stands in the text, it says how to read the rest.
    let Head { header } = serde_json::from_str(text)?;
    let format = Format::of(&json!({"header": header})).map_err(serde_json::Error::custom)?;
    let mut images = Images { version: format.written, ..Images::default() };
    let mut reader = serde_json::Deserializer::from_str(text);
    Walk { object: Object::Document, images: &mut images, format }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(images)
}

/// The objects that are not read whole.
#[derive(Debug, Clone, Copy)]
enum Object {
    Document,
    Payload,
    /// `payload.images`.
    Listed,
}

/// On the way through an object.
struct Walk<'a> {
    object: Object,
    images: &'a mut Images,
    format: Format,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Self { object, images, format } = self;
        let mut seen = BTreeSet::new();
        while let Some(key) = members.next_key::<String>()? {
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom("a key stands twice"));
            }
            match (object, key.as_str()) {
                (Object::Document, "payload") => {
                    members.next_value_seed(Walk { object: Object::Payload, images: &mut *images, format })?;
                }
                (Object::Payload, "images") => {
                    members.next_value_seed(Walk { object: Object::Listed, images: &mut *images, format })?;
                }
                (Object::Document, _) | (Object::Payload, "compose") => drop(members.next_value::<Value>()?),
                (Object::Payload, _) => {
                    images.extra.insert(key, members.next_value()?);
                }
                (Object::Listed, variant) => {
                    take_variant(images, format, variant, members.next_value()?).map_err(A::Error::custom)?;
                }
            }
        }
        let needed = match object {
            Object::Document => "payload",
            Object::Payload => "images",
            Object::Listed => return Ok(()),
        };
        if seen.contains(needed) { Ok(()) } else { Err(A::Error::missing_field(needed)) }
    }
}
