//! A *line* of the journal and of the event stream: `{"v": 1, "t": RFC 3339, "event": NAME, ...}`, and the event's members after that.
//!
//! Journals may have millions of lines, so one that was written here is read in one pass, without a value of JSON or a copy of its
//! members in between: to serde it is an enum whose variant stands among the members.

use crate::event::Event;
use jiff::Timestamp;
use serde::de::value::{EnumAccessDeserializer, MapAccessDeserializer, MapDeserializer};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, VariantAccess, Visitor};
use serde::de::{IntoDeserializer as _, value::StrDeserializer};
use serde_json::Value as Json;
use std::fmt;

/// What [`to_json`] wrote, with its members in that order.
pub(crate) struct Line {
    pub(crate) version: u64,
    pub(crate) time: Timestamp,
    pub(crate) event: Event,
}

/// The text of a line.
pub(crate) fn to_json(version: u32, time: Timestamp, event: &Event) -> String {
    // An object whose one member is the event's name, with the event's members.
    let body = serde_json::to_string(event).unwrap_or_default();
    let parts = body.strip_prefix("{\"").and_then(|body| body.strip_suffix('}')?.split_once("\":{"));
    let (name, members) = parts.unwrap_or(("", "}"));
    let comma = if members == "}" { "" } else { "," };
    format!("{{\"v\":{version},\"t\":\"{time}\",\"event\":\"{name}\"{comma}{members}")
}

/// The event `name` with `members`, whatever their order.
pub(crate) fn event(name: &str, members: serde_json::Map<String, Json>) -> Result<Event, serde_json::Error> {
    Tagged { name, members: MapDeserializer::new(members.into_iter()) }.event()
}

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Line;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Line, A::Error> {
                let version = next(&mut members, "v")?;
                let time = next(&mut members, "t")?;
                let name = next(&mut members, "event")?;
                Ok(Line { version, time, event: Tagged { name, members }.event()? })
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// The value of the next member, which is called `name`.
fn next<'de, A: MapAccess<'de>, T: Deserialize<'de>>(members: &mut A, name: &'static str) -> Result<T, A::Error> {
    match members.next_key::<&str>()? {
        Some(key) if key == name => members.next_value(),
        _ => Err(A::Error::missing_field(name)),
    }
}

/// An enum whose variant is called `name`.
struct Tagged<'a, A> {
    name: &'a str,
    members: A,
}

impl<'de, A: MapAccess<'de>> Tagged<'_, A> {
    fn event(self) -> Result<Event, A::Error> {
        Event::deserialize(EnumAccessDeserializer::new(self))
    }
}

impl<'de, A: MapAccess<'de>> EnumAccess<'de> for Tagged<'_, A> {
    type Error = A::Error;
    type Variant = Members<A>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        let name: StrDeserializer<'_, A::Error> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, Members(self.members)))
    }
}

/// The members of an event. Each has some, or may have.
struct Members<A>(A);

impl<'de, A: MapAccess<'de>> VariantAccess<'de> for Members<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        Err(A::Error::custom("an event has members"))
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        seed.deserialize(MapAccessDeserializer::new(self.0))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, A::Error> {
        Err(A::Error::custom("the members of an event have names"))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, A::Error> {
        visitor.visit_map(self.0)
    }
}
