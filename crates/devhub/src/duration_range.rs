//! A *duration range* is how long something takes: a number of seconds, or the least and the most of them.

use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Nothing may take longer than a week.
pub(crate) const LONGEST: f64 = 7.0 * 86400.0;

/// A duration in seconds, or the least and the most of them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct DurationRange {
    /// The shortest.
    pub least: f64,
    /// The longest.
    pub most: f64,
}

impl<'de> Deserialize<'de> for DurationRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SecondsVisitor;

        impl SecondsVisitor {
            fn checked<E: de::Error>(least: f64, most: f64) -> Result<DurationRange, E> {
                let sane = |s: f64| s.is_finite() && (0.0..=LONGEST).contains(&s);
                if !sane(least) || !sane(most) {
                    return Err(E::custom("seconds must lie between 0 and a week"));
                }
                if least > most {
                    return Err(E::custom("the least comes before the most"));
                }
                Ok(DurationRange { least, most })
            }
        }

        impl<'de> Visitor<'de> for SecondsVisitor {
            type Value = DurationRange;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of seconds or [least, most]")
            }

            fn visit_f64<E: de::Error>(self, v: f64) -> Result<DurationRange, E> {
                Self::checked(v, v)
            }

            fn visit_u64<E: de::Error>(self, v: u64) -> Result<DurationRange, E> {
                Self::checked(v as f64, v as f64)
            }

            fn visit_i64<E: de::Error>(self, v: i64) -> Result<DurationRange, E> {
                Self::checked(v as f64, v as f64)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<DurationRange, A::Error> {
                let least = seq.next_element()?.ok_or_else(|| de::Error::invalid_length(0, &self))?;
                let most = seq.next_element()?.ok_or_else(|| de::Error::invalid_length(1, &self))?;
                if seq.next_element::<f64>()?.is_some() {
                    return Err(de::Error::invalid_length(3, &self));
                }
                Self::checked(least, most)
            }
        }

        deserializer.deserialize_any(SecondsVisitor)
    }
}

impl DurationRange {
    /// The duration of the task `id`: somewhere between the two, always the same for the same task.
    pub(crate) fn of_task(self, id: i64) -> f64 {
        let place = f64::from(crc32fast::hash(id.to_string().as_bytes()) % 10_001) / 10_000.0;
        self.least + (self.most - self.least) * place
    }
}
