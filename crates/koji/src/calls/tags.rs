//! *Build targets* and *tags*: what is built from, and where results go.

/// A build target: a tag to build from and a tag for the results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildTarget {
    /// Its number.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// The tag to build from.
    pub build_tag_name: String,
    /// The tag for the results.
    pub dest_tag_name: String,
    /// The number of that tag.
    pub dest_tag: i64,
}

/// `getBuildTarget`.
pub mod get_build_target {
    use super::BuildTarget;
    use crate::value::{ShapeError, fields, string};
    use crate::xmlrpc::{MethodCall, Value};

    /// Asks for the target `name`. (A hub that is asked for nil gives some target: KOJI.md 7.)
    pub fn request(name: &str) -> MethodCall {
        MethodCall::new("getBuildTarget", vec![string(name)])
    }

    /// Reads the target; nothing if the hub does not know it.
    pub fn decode(value: &Value) -> Result<Option<BuildTarget>, ShapeError> {
        if *value == Value::Nil {
            return Ok(None);
        }
        let target = fields(value, "getBuildTarget")?;
        Ok(Some(BuildTarget {
            id: target.get_i64("id")?,
            name: target.get_str("name")?.to_owned(),
            build_tag_name: target.get_str("build_tag_name")?.to_owned(),
            dest_tag_name: target.get_str("dest_tag_name")?.to_owned(),
            dest_tag: target.get_i64("dest_tag")?,
        }))
    }
}

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Its number.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// The arches it builds for.
    pub arches: Vec<String>,
    /// Whether it takes nothing.
    pub locked: bool,
}

/// `getTag`.
pub mod get_tag {
    use super::Tag;
    use crate::value::{ShapeError, fields};
    use crate::xmlrpc::{MethodCall, Value};

    /// Asks for a tag by name or number.
    pub fn request(tag: impl Into<Value>) -> MethodCall {
        MethodCall::new("getTag", vec![tag.into()])
    }

    /// Reads the tag; nothing if the hub does not know it.
    pub fn decode(value: &Value) -> Result<Option<Tag>, ShapeError> {
        if *value == Value::Nil {
            return Ok(None);
        }
        let tag = fields(value, "getTag")?;
        Ok(Some(Tag {
            id: tag.get_i64("id")?,
            name: tag.get_str("name")?.to_owned(),
            arches: tag.get_str_opt("arches")?.unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
            locked: tag.get_bool_opt("locked")?.unwrap_or(false),
        }))
    }
}
