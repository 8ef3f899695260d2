//! *Who and what*: the user of a session, the version of a hub.

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its number, the owner of its tasks.
    pub id: i64,
    pub name: String,
}

/// `getLoggedInUser`.
pub mod get_logged_in_user {
    use super::User;
    use crate::value::{ShapeError, fields};
    use crate::xmlrpc::{MethodCall, Value};

    /// Asks who the session belongs to.
    pub fn request() -> MethodCall {
        MethodCall::new("getLoggedInUser", Vec::new())
    }

    /// Reads the user; nothing without a session.
    pub fn decode(value: &Value) -> Result<Option<User>, ShapeError> {
        if *value == Value::Nil {
            return Ok(None);
        }
        let user = fields(value, "getLoggedInUser")?;
        Ok(Some(User { id: user.get_i64("id")?, name: user.get_str("name")?.to_owned() }))
    }
}

/// `getPerms`.
pub mod get_perms {
    use crate::value::{ShapeError, strings};
    use crate::xmlrpc::{MethodCall, Value};

    /// Asks for the permissions of the session's user.
    pub fn request() -> MethodCall {
        MethodCall::new("getPerms", Vec::new())
    }

    /// Reads their names, those of groups among them; none without a session.
    pub fn decode(value: &Value) -> Result<Vec<String>, ShapeError> {
        strings(value, "getPerms")
    }
}

/// `getUserPerms`.
pub mod get_user_perms {
    use crate::value::{ShapeError, int, strings};
    use crate::xmlrpc::{MethodCall, Value};

    /// Asks for the permissions of user `user`.
    pub fn request(user: i64) -> MethodCall {
        MethodCall::new("getUserPerms", vec![int(user)])
    }

    /// Reads their names.
    pub fn decode(value: &Value) -> Result<Vec<String>, ShapeError> {
        strings(value, "getUserPerms")
    }
}

/// `system.listMethods`.
pub mod list_methods {
    use crate::value::{ShapeError, strings};
    use crate::xmlrpc::{MethodCall, Value};

    /// Asks which methods the hub has, those of its plugins among them.
    pub fn request() -> MethodCall {
        MethodCall::new("system.listMethods", Vec::new())
    }

    /// Reads their names.
    pub fn decode(value: &Value) -> Result<Vec<String>, ShapeError> {
        strings(value, "system.listMethods")
    }
}

/// `getAPIVersion`.
pub mod get_api_version {
    use crate::value::ShapeError;
    use crate::xmlrpc::{MethodCall, Value};

    /// Asks for the version of the calls.
    pub fn request() -> MethodCall {
        MethodCall::new("getAPIVersion", Vec::new())
    }

    /// Reads it; 1 so far.
    pub fn decode(value: &Value) -> Result<i64, ShapeError> {
        value.as_i64().ok_or_else(|| ShapeError::wrong_type("getAPIVersion", "an int", value))
    }
}

/// `getKojiVersion`.
pub mod get_koji_version {
    use crate::value::ShapeError;
    use crate::xmlrpc::{MethodCall, Value};

    /// Asks for the version of the hub.
    pub fn request() -> MethodCall {
        MethodCall::new("getKojiVersion", Vec::new())
    }

    /// Reads it (`1.35.3`).
    pub fn decode(value: &Value) -> Result<String, ShapeError> {
        value.as_str().map(str::to_owned).ok_or_else(|| ShapeError::wrong_type("getKojiVersion", "a string", value))
    }
}
