//! *Fields*: the members of a struct, taken out by name and type; an error says which member of what was wrong.

use crate::xmlrpc::{Members, Value};

/// An answer that has not the shape it should have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct ShapeError {
    /// The value (`getTaskInfo[3].state`).
    pub path: String,
    pub reason: String,
}

impl ShapeError {
    /// An error about the value at `path`.
    pub fn new(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { path: path.into(), reason: reason.into() }
    }

    /// An error about the value at `path`, which should have been `wanted`.
    pub fn wrong_type(path: impl Into<String>, wanted: &str, found: &Value) -> Self {
        Self::new(path, format!("{wanted} expected, found {}", type_name(found)))
    }
}

/// What a value is, for messages.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Int(_) | Value::Int64(_) => "an int",
        Value::Bool(_) => "a boolean",
        Value::String(_) => "a string",
        Value::Double(_) => "a double",
        Value::Base64(_) => "base64 data",
        Value::Struct(_) => "a struct",
        Value::Array(_) => "an array",
        Value::Nil => "nil",
    }
}

/// The members of a struct and what the struct is called in messages.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    members: &'a Members,
    path: String,
}

/// The fields of the struct `value`, which messages call `path`.
pub fn fields<'a>(value: &'a Value, path: &str) -> Result<Fields<'a>, ShapeError> {
    let members = value.as_struct().ok_or_else(|| ShapeError::wrong_type(path, "a struct", value))?;
    Ok(Fields { members, path: path.to_owned() })
}

/// The fields of element `index` of an array called `path`.
pub fn fields_at<'a>(value: &'a Value, path: &str, index: usize) -> Result<Fields<'a>, ShapeError> {
    fields(value, &format!("{path}[{index}]"))
}

/// The strings of the array `value`, which messages call `path`.
pub fn strings(value: &Value, path: &str) -> Result<Vec<String>, ShapeError> {
    let items = value.as_array().ok_or_else(|| ShapeError::wrong_type(path, "an array", value))?;
    let text = |(index, item): (usize, &Value)| {
        let text = item.as_str().map(str::to_owned);
        text.ok_or_else(|| ShapeError::wrong_type(format!("{path}[{index}]"), "a string", item))
    };
    items.iter().enumerate().map(text).collect()
}

impl<'a> Fields<'a> {
    /// What messages call the member `name`.
    pub fn path_of(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }

    /// The member `name`; nothing if it is missing or nil.
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| **value != Value::Nil)
    }

    fn required<T>(&self, name: &str, found: Option<T>) -> Result<T, ShapeError> {
        found.ok_or_else(|| ShapeError::new(self.path_of(name), "missing"))
    }

    fn typed<T>(
        &self,
        name: &str,
        wanted: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, ShapeError> {
        self.get(name)
            .map(|value| read(value).ok_or_else(|| ShapeError::wrong_type(self.path_of(name), wanted, value)))
            .transpose()
    }

    /// An int.
    pub fn get_i64(&self, name: &str) -> Result<i64, ShapeError> {
        self.get_i64_opt(name).and_then(|found| self.required(name, found))
    }

    /// An int, or nothing if it is missing or nil.
    pub fn get_i64_opt(&self, name: &str) -> Result<Option<i64>, ShapeError> {
        self.typed(name, "an int", Value::as_i64)
    }

    /// An int that is not negative.
    pub fn get_u64(&self, name: &str) -> Result<u64, ShapeError> {
        let number = self.get_i64(name)?;
        u64::try_from(number).map_err(|_| ShapeError::new(self.path_of(name), format!("{number} is negative")))
    }

    pub fn get_str(&self, name: &str) -> Result<&'a str, ShapeError> {
        self.get_str_opt(name).and_then(|found| self.required(name, found))
    }

    /// A string, or nothing if it is missing or nil.
    pub fn get_str_opt(&self, name: &str) -> Result<Option<&'a str>, ShapeError> {
        self.typed(name, "a string", Value::as_str)
    }

    pub fn get_bool(&self, name: &str) -> Result<bool, ShapeError> {
        self.get_bool_opt(name).and_then(|found| self.required(name, found))
    }

    /// A boolean, or nothing if it is missing or nil (`waiting` and `awaited` have three values, facts: koji 5).
    pub fn get_bool_opt(&self, name: &str) -> Result<Option<bool>, ShapeError> {
        self.typed(name, "a boolean", Value::as_bool)
    }

    /// A number of either kind, or nothing if it is missing or nil.
    pub fn get_f64_opt(&self, name: &str) -> Result<Option<f64>, ShapeError> {
        self.typed(name, "a number", |value| value.as_f64().or_else(|| value.as_i64().map(|n| n as f64)))
    }

    /// An array, or nothing if it is missing or nil.
    pub fn get_array_opt(&self, name: &str) -> Result<Option<&'a [Value]>, ShapeError> {
        self.typed(name, "an array", Value::as_array)
    }

    /// A struct, or nothing if it is missing or nil.
    pub fn get_fields_opt(&self, name: &str) -> Result<Option<Fields<'a>>, ShapeError> {
        self.get(name).map(|value| fields(value, &self.path_of(name))).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{int, string, structure};

    #[test]
    fn members_by_type() {
        let value = structure([
            ("id", int(3_000_000_000)),
            ("name", string("f42")),
            ("waiting", Value::Nil),
            ("weight", int(1)),
            ("extra", structure([("size", int(-1))])),
        ]);
        let task = fields(&value, "task").unwrap();
        assert_eq!(task.get_i64("id"), Ok(3_000_000_000));
        assert_eq!(task.get_str("name"), Ok("f42"));
        assert_eq!(task.get_bool_opt("waiting"), Ok(None));
        assert_eq!(task.get_f64_opt("weight"), Ok(Some(1.0)));
        let messages = [
            task.get_i64("name").unwrap_err().to_string(),
            task.get_i64("state").unwrap_err().to_string(),
            task.get_fields_opt("extra").unwrap().unwrap().get_u64("size").unwrap_err().to_string(),
            fields(&value["name"], "task").unwrap_err().to_string(),
        ];
        assert_eq!(
            messages,
            [
                "task.name: an int expected, found a string",
                "task.state: missing",
                "task.extra.size: -1 is negative",
                "task: a struct expected, found a string"
            ]
        );
    }
}
