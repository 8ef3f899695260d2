//! *Build targets*, *tags* and *channels*: what is built from, where results go, and which builders see to it.

/// A build target: a tag to build from and a tag for the results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildTarget {
    pub id: i64,
    pub name: String,
    pub build_tag_name: String,
    pub dest_tag_name: String,
    pub dest_tag: i64,
}

/// `getBuildTarget`.
pub mod get_build_target {
    use super::BuildTarget;
    use crate::value::{ShapeError, fields, string};
    use crate::xmlrpc::{MethodCall, Value};

    /// Asks for the target `name`. (A hub that is asked for nil gives some target: facts: koji 20.)
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

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    pub id: i64,
    pub name: String,
    pub arches: Vec<String>,
    /// Whether it takes nothing.
    pub locked: bool,
    /// The permission that tagging needs, if any.
    pub permission: Option<String>,
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
            permission: tag.get_str_opt("perm")?.map(str::to_owned),
        }))
    }
}

/// How a tag lists a package, its own list and those that it inherits together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageConfig {
    pub package: String,
    /// Whether builds of the package are refused all the same.
    pub blocked: bool,
}

/// `getPackageConfig`.
pub mod get_package_config {
    use super::PackageConfig;
    use crate::value::{ShapeError, fields, string};
    use crate::xmlrpc::{MethodCall, Value};

    /// Asks how `tag` lists `package`.
    pub fn request(tag: &str, package: &str) -> MethodCall {
        MethodCall::new("getPackageConfig", vec![string(tag), string(package)])
    }

    /// Reads it; nothing if the tag does not list the package, or if there is no such tag or package.
    pub fn decode(value: &Value) -> Result<Option<PackageConfig>, ShapeError> {
        if *value == Value::Nil {
            return Ok(None);
        }
        let config = fields(value, "getPackageConfig")?;
        Ok(Some(PackageConfig {
            package: config.get_str("package_name")?.to_owned(),
            blocked: config.get_bool("blocked")?,
        }))
    }
}

/// A channel: builders that take certain tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    pub name: String,
    /// Whether it takes tasks. Older hubs do not say, and have no others.
    pub enabled: bool,
}

/// `getChannel`.
pub mod get_channel {
    use super::Channel;
    use crate::value::{ShapeError, fields, string};
    use crate::xmlrpc::{MethodCall, Value};

    /// Asks for the channel `name`.
    pub fn request(name: &str) -> MethodCall {
        MethodCall::new("getChannel", vec![string(name)])
    }

    /// Reads the channel; nothing if the hub does not know it.
    pub fn decode(value: &Value) -> Result<Option<Channel>, ShapeError> {
        if *value == Value::Nil {
            return Ok(None);
        }
        let channel = fields(value, "getChannel")?;
        Ok(Some(Channel {
            name: channel.get_str("name")?.to_owned(),
            enabled: channel.get_bool_opt("enabled")?.unwrap_or(true),
        }))
    }
}
