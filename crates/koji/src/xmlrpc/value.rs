use super::Members;
use std::ops::Index;

/// A value as it travels.
///
/// Koji writes no `dateTime.iso8601`; one of another server is read as a string.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `<int>` or `<i4>`.
    Int(i32),
    /// `<i8>`: an extension that Koji uses for what does not fit into an `Int`.
    Int64(i64),
    /// `<boolean>`.
    Bool(bool),
    /// `<string>`, or text without a type.
    String(String),
    /// `<double>`.
    Double(f64),
    /// `<base64>`, decoded.
    Base64(Vec<u8>),
    /// `<struct>`. Of a member that occurs twice the last one counts.
    Struct(Members),
    /// `<array>`.
    Array(Vec<Value>),
    /// `<nil/>`: an extension, Python's `None`.
    Nil,
}

impl Value {
    /// The member `name` of a struct.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.as_struct()?.get(name)
    }

    /// The number, if this is an `Int` or an `Int64`.
    pub fn as_i64(&self) -> Option<i64> {
        match *self {
            Self::Int(n) => Some(n.into()),
            Self::Int64(n) => Some(n),
            _ => None,
        }
    }

    /// The text, if this is a `String`.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The truth, if this is a `Bool`.
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(truth) = self { Some(*truth) } else { None }
    }

    /// The number, if this is a `Double`.
    pub fn as_f64(&self) -> Option<f64> {
        if let Self::Double(number) = self { Some(*number) } else { None }
    }

    /// The bytes, if this is a `Base64`.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        if let Self::Base64(bytes) = self { Some(bytes) } else { None }
    }

    /// The members, if this is a `Struct`.
    pub fn as_struct(&self) -> Option<&Members> {
        if let Self::Struct(members) = self { Some(members) } else { None }
    }

    /// The items, if this is an `Array`.
    pub fn as_array(&self) -> Option<&[Self]> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }
}

/// The member `name` of a struct, or `Nil`.
impl Index<&str> for Value {
    type Output = Value;

    fn index(&self, name: &str) -> &Value {
        self.get(name).unwrap_or(&Value::Nil)
    }
}

/// An item of an array, or `Nil`.
impl Index<usize> for Value {
    type Output = Value;

    fn index(&self, place: usize) -> &Value {
        self.as_array().and_then(|items| items.get(place)).unwrap_or(&Value::Nil)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Int(number)
    }
}
