//! The *decoder* reads requests and answers, as strict as a hub and no stricter (facts: wire 9).

use super::fast;
use super::scalar::{parse_base64, parse_double, parse_int, shorten};
use super::scan::{Scanner, is_blank};
use super::{DecodeError, Fault, MAX_DEPTH, MAX_VALUES, Members, MethodCall, Name, Response, Value, charset, prepend};
use crate::value::int;

/// Reads a request.
///
/// Dates become their text: Koji sends dates as strings and Python keeps whatever text such an element holds.
pub fn decode_call(document: &[u8]) -> Result<MethodCall, DecodeError> {
    let text = text_of(document)?;
    let mut decoder = Decoder::new(&text);
    decoder.scanner.expect("methodCall")?;
    let (mut method, mut params) = (String::new(), Vec::new());
    while let Some(tag) = decoder.scanner.child()? {
        match &*tag {
            "methodName" => method = decoder.scanner.leaf()?,
            "params" => params = decoder.params()?,
            _ => return Err(decoder.scanner.error(format!("unexpected <{}> in a request", shorten(&tag)))),
        }
    }
    decoder.scanner.expect_eof()?;
    Ok(MethodCall { method, params })
}

/// Reads an answer.
pub fn decode_response(document: &[u8]) -> Result<Response, DecodeError> {
    let text = text_of(document)?;
    let mut decoder = Decoder::new(&text);
    decoder.scanner.expect("methodResponse")?;
    let response = match decoder.scanner.child()?.as_deref() {
        Some("params") => {
            let mut params = decoder.params()?;
            match (params.pop(), params.is_empty()) {
                (Some(value), true) => Response::Value(value),
                _ => return Err(decoder.scanner.error("an answer must hold exactly one value")),
            }
        }
        Some("fault") => Response::Fault(decoder.fault()?),
        _ => return Err(decoder.scanner.error("an answer must hold <params> or <fault>")),
    };
    decoder.scanner.expect_end()?;
    decoder.scanner.expect_eof()?;
    Ok(response)
}

fn text_of(document: &[u8]) -> Result<std::borrow::Cow<'_, str>, DecodeError> {
    charset::to_text(document).map_err(|(offset, reason)| DecodeError { reason, offset, path: String::new() })
}

struct Decoder<'a> {
    scanner: Scanner<'a>,
    values: usize,
    /// What the structs and arrays hold that are being read, the innermost last: so each gets its room at once when it is known
    /// how much it needs.
    members: Vec<(Name, Value)>,
    items: Vec<Value>,
}

impl<'a> Decoder<'a> {
    fn new(text: &'a str) -> Self {
        Self { scanner: Scanner::new(text), values: 0, members: Vec::new(), items: Vec::new() }
    }

    /// The rest of `<params>`.
    fn params(&mut self) -> Result<Vec<Value>, DecodeError> {
        let mut params = Vec::new();
        loop {
            while let Some((length, value)) = self.upcoming(0).and_then(fast::param)
                && self.take(length, &value)
            {
                params.push(value);
            }
            let Some(tag) = self.scanner.child()? else { return Ok(params) };
            if tag != "param" {
                return Err(self.scanner.error(format!("<{}> where <param> belongs", shorten(&tag))));
            }
            self.scanner.expect("value")?;
            let value = self.value(0).map_err(|e| within(e, &format!("params[{}]", params.len())))?;
            self.scanner.expect_end()?;
            params.push(value);
        }
    }

    /// The rest of `<fault>`.
    fn fault(&mut self) -> Result<Fault, DecodeError> {
        self.scanner.expect("value")?;
        let value = self.value(0).map_err(|e| within(e, "fault"))?;
        self.scanner.expect_end()?;
        crate::value::fault_from(&value).ok_or_else(|| {
            within(self.scanner.error("a fault must be a struct of `faultCode` and `faultString`"), "fault")
        })
    }

    /// The rest of `<value>`.
    fn value(&mut self, depth: usize) -> Result<Value, DecodeError> {
        if depth >= MAX_DEPTH {
            return Err(self.scanner.error(format!("values nested deeper than {MAX_DEPTH}")));
        }
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(self.scanner.error(format!("more than {MAX_VALUES} values")));
        }
        let mut text = String::new();
        let Some(tag) = self.scanner.text_until_tag(&mut text)? else { return Ok(Value::String(text)) };
        if !is_blank(&text) {
            return Err(self.scanner.error(format!("text `{}` before <{}>", shorten(text.trim()), shorten(&tag))));
        }
        let value = match &*tag {
            "string" => Value::String(self.scanner.leaf()?),
            "int" | "i4" | "i8" | "i2" | "i1" | "biginteger" => {
                let text = self.scanner.leaf()?;
                int(parse_int(&text).map_err(|e| self.scanner.error(e.to_string()))?)
            }
            "boolean" => match self.scanner.leaf()?.as_str() {
                "0" => Value::Bool(false),
                "1" => Value::Bool(true),
                other => return Err(self.scanner.error(format!("`{}` is not a boolean", shorten(other)))),
            },
            "double" | "float" | "bigdecimal" => {
                let text = self.scanner.leaf()?;
                Value::Double(parse_double(&text).map_err(|e| self.scanner.error(e.to_string()))?)
            }
            "nil" => {
                self.scanner.expect_end()?;
                Value::Nil
            }
            "base64" => {
                let text = self.scanner.leaf()?;
                Value::Base64(parse_base64(&text).map_err(|e| self.scanner.error(e.to_string()))?)
            }
            "dateTime.iso8601" => Value::String(self.scanner.leaf()?),
            "array" => Value::Array(self.array(depth)?),
            "struct" => Value::Struct(self.members(depth)?),
            other => return Err(self.scanner.error(format!("unknown tag <{}>", shorten(other)))),
        };
        self.scanner.expect_end()?;
        Ok(value)
    }

    /// The rest of `<array>`; `<data>` may be left out.
    fn array(&mut self, depth: usize) -> Result<Vec<Value>, DecodeError> {
        match self.scanner.child()?.as_deref() {
            None => return Ok(Vec::new()),
            Some("data") => {}
            Some(other) => {
                return Err(self.scanner.error(format!("<{}> where <data> belongs", shorten(other))));
            }
        }
        let first = self.items.len();
        loop {
            while let Some((length, value)) = self.upcoming(depth + 1).and_then(fast::item)
                && self.take(length, &value)
            {
                self.items.push(value);
            }
            let Some(tag) = self.scanner.child()? else { break };
            if tag != "value" {
                return Err(self.scanner.error(format!("<{}> where <value> belongs", shorten(&tag))));
            }
            let index = self.items.len() - first;
            let item = self.value(depth + 1).map_err(|e| within(e, &format!("[{index}]")))?;
            self.items.push(item);
        }
        self.scanner.expect_end()?;
        Ok(self.items.drain(first..).collect())
    }

    /// The rest of `<struct>`. The last of several members of one name wins, as in Python.
    fn members(&mut self, depth: usize) -> Result<Members, DecodeError> {
        let first = self.members.len();
        loop {
            while let Some((length, name, value)) = self.upcoming(depth + 1).and_then(fast::member)
                && self.take(length, &value)
            {
                self.members.push((name.into(), value));
            }
            let Some(tag) = self.scanner.child()? else { return Ok(self.members.drain(first..).collect()) };
            if tag != "member" {
                return Err(self.scanner.error(format!("<{}> where <member> belongs", shorten(&tag))));
            }
            self.scanner.expect("name")?;
            let name = self.scanner.leaf()?;
            self.scanner.expect("value").map_err(|e| within(e, &shorten(&name)))?;
            let value = self.value(depth + 1).map_err(|e| within(e, &shorten(&name)))?;
            self.scanner.expect_end()?;
            self.members.push((name.into(), value));
        }
    }

    /// What the fast path may look at for a value `depth` deep. In it may be values, one deeper.
    fn upcoming(&self, depth: usize) -> Option<&'a str> {
        if depth + 1 < MAX_DEPTH { self.scanner.upcoming() } else { None }
    }

    /// Takes a value that the fast path has read, unless that is too much.
    fn take(&mut self, length: usize, value: &Value) -> bool {
        let values = self.values + 1 + value.as_array().map_or(0, <[Value]>::len);
        let is_allowed = values <= MAX_VALUES;
        if is_allowed {
            self.scanner.skip(length);
            self.values = values;
        }
        is_allowed
    }
}

fn within(mut error: DecodeError, parent: &str) -> DecodeError {
    prepend(&mut error.path, parent);
    error
}
