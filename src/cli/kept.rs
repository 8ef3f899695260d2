//! How a journal *keeps* options whose values are not JSON of their own.

/// What `-e` defines, as it was given, but for variables whose names say that they are secret.
pub mod definitions {
    use magudi_config::definitions::Definition;
    use magudi_config::secret::is_hidden;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(definitions: &[Definition], serializer: S) -> Result<S::Ok, S::Error> {
        let kept = definitions.iter().filter(|definition| !is_hidden(&definition.name));
        serializer.collect_seq(kept.map(ToString::to_string))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Definition>, D::Error> {
        let kept = Vec::<String>::deserialize(deserializer)?;
        Ok(kept.iter().filter_map(|definition| definition.parse().ok()).collect())
    }
}

/// A command and its options; empty: none.
pub mod words {
    use crate::cli::values::Words;
    use serde::{Deserialize, Deserializer, Serialize as _, Serializer};

    #[expect(clippy::ref_option, reason = "serde calls it so")]
    pub fn serialize<S: Serializer>(words: &Option<Words>, serializer: S) -> Result<S::Ok, S::Error> {
        words.as_deref().unwrap_or_default().serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Words>, D::Error> {
        Ok(Some(Words::deserialize(deserializer)?).filter(|words| !words.is_empty()))
    }
}

/// A time limit in seconds; 0: without one.
pub mod seconds {
    use serde::{Deserialize, Deserializer, Serialize as _, Serializer};
    use std::time::Duration;

    #[expect(
        clippy::ref_option,
        clippy::option_option,
        reason = "serde calls it so; absent, without a limit, with one"
    )]
    pub fn serialize<S: Serializer>(limit: &Option<Option<Duration>>, serializer: S) -> Result<S::Ok, S::Error> {
        limit.map(|limit| limit.map_or(0, |limit| limit.as_secs().max(1))).serialize(serializer)
    }

    #[expect(clippy::option_option, reason = "absent, without a limit, with one")]
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Duration>>, D::Error> {
        let kept = Option::<u64>::deserialize(deserializer)?;
        Ok(kept.map(|limit| (limit > 0).then(|| Duration::from_secs(limit))))
    }
}
