//! The *dump*: a tree as JSON, as `config dump` and `config-dump.global.log` show it (facts: language 12).

use crate::check::expanded_size;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::limits::MAX_EXPANDED;
use crate::python::float;
use crate::tree::{Dict, Node, Value};
use serde_json::{Map, Number, Value as Json};
use std::fmt::Write;

/// The tree as JSON: tuples become lists, keys become strings as Python's json module makes them. Fails for numbers that
/// this form cannot hold, and for more values than [`MAX_EXPANDED`].
pub fn to_json(node: &Node) -> Result<Json, Diagnostic> {
    check_size(node)?;
    convert(node)
}

/// The tree as text, as Python's `json.dumps(x, sort_keys=True, indent=4)` writes it: any number, ASCII only.
pub fn to_text(node: &Node) -> Result<String, Diagnostic> {
    let mut text = String::new();
    write_text(node, &mut text)?;
    Ok(text)
}

/// Writes the same text to `out` bit by bit: as a whole it is larger than the tree. Errors of `out` are its own affair.
pub fn write_text(node: &Node, out: &mut impl Write) -> Result<(), Diagnostic> {
    check_size(node)?;
    write_node(&mut Out { out, written: 0 }, node, 1)
}

/// Counts what is written.
struct Out<'a, W> {
    out: &'a mut W,
    /// Bytes.
    written: usize,
}

impl<W: Write> Out<'_, W> {
    fn push_str(&mut self, text: &str) {
        self.written += text.len();
        let _ = self.out.write_str(text);
    }

    fn push(&mut self, c: char) {
        self.push_str(c.encode_utf8(&mut [0; 4]));
    }
}

/// The longest text, in bytes: shared values can be long, and deep ones have much space before them.
const MAX_TEXT: usize = 256 << 20;

fn check_size(node: &Node) -> Result<(), Diagnostic> {
    if expanded_size(node) > MAX_EXPANDED {
        return Err(too_large(node));
    }
    Ok(())
}

fn too_large(node: &Node) -> Diagnostic {
    let message = "the configuration is too large when its variables are written out";
    Diagnostic::new(&codes::TOO_LARGE, "", message).at(node.span)
}

fn no_json(node: &Node, what: &str) -> Diagnostic {
    Diagnostic::new(&codes::WRONG_TYPE, "", format!("{what} cannot be written as JSON")).at(node.span)
}

fn convert(node: &Node) -> Result<Json, Diagnostic> {
    Ok(match &node.value {
        Value::Null => Json::Null,
        Value::Bool(b) => Json::Bool(*b),
        Value::Int(n) => Json::from(*n),
        Value::BigInt(digits) => match digits.parse::<u64>() {
            Ok(n) => Json::from(n),
            Err(_) => return Err(no_json(node, "a number this large")),
        },
        Value::Float(x) => match Number::from_f64(*x) {
            Some(number) => Json::Number(number),
            None => return Err(no_json(node, "infinity or NaN")),
        },
        Value::Str(text) => Json::from(text.as_ref()),
        Value::List(items) | Value::Tuple(items) => Json::Array(items.iter().map(convert).collect::<Result<_, _>>()?),
        Value::Dict(dict) => {
            let mut map = Map::new();
            for (key, value) in &dict.entries {
                map.insert(key_text(key)?, convert(value)?);
            }
            Json::Object(map)
        }
    })
}

/// A key as Python's json module writes it.
fn key_text(key: &Node) -> Result<String, Diagnostic> {
    Ok(match &key.value {
        Value::Str(text) => text.as_ref().to_owned(),
        Value::Null => "null".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Int(n) => n.to_string(),
        Value::BigInt(digits) => digits.to_string(),
        Value::Float(x) => json_float(*x),
        Value::List(_) | Value::Tuple(_) | Value::Dict(_) => return Err(no_json(key, "a key that is a tuple")),
    })
}

fn json_float(x: f64) -> String {
    if x.is_nan() {
        "NaN".to_owned()
    } else if x.is_infinite() {
        if x > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
    } else {
        float::repr(x)
    }
}

fn write_node<W: Write>(out: &mut Out<'_, W>, node: &Node, level: usize) -> Result<(), Diagnostic> {
    if out.written > MAX_TEXT {
        return Err(too_large(node));
    }
    match &node.value {
        Value::Null => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Int(n) => out.push_str(&n.to_string()),
        Value::BigInt(digits) => out.push_str(digits),
        Value::Float(x) => out.push_str(&json_float(*x)),
        Value::Str(text) => write_string(out, text),
        Value::List(items) | Value::Tuple(items) if items.is_empty() => out.push_str("[]"),
        Value::List(items) | Value::Tuple(items) => {
            for (index, item) in items.iter().enumerate() {
                out.push(if index == 0 { '[' } else { ',' });
                new_line(out, level);
                write_node(out, item, level + 1)?;
            }
            new_line(out, level - 1);
            out.push(']');
        }
        Value::Dict(dict) => write_dict(out, dict, level)?,
    }
    Ok(())
}

fn write_dict<W: Write>(out: &mut Out<'_, W>, dict: &Dict, level: usize) -> Result<(), Diagnostic> {
    if dict.entries.is_empty() {
        out.push_str("{}");
        return Ok(());
    }
    let mut entries: Vec<(String, f64, &Node)> = Vec::with_capacity(dict.entries.len());
    // Python cannot compare numbers with texts, and dumps no dict that has both.
    let mut are_numbers = true;
    for (key, value) in &dict.entries {
        let number = key.number();
        are_numbers &= number.is_some();
        entries.push((key_text(key)?, number.unwrap_or_default(), value));
    }
    if are_numbers {
        entries.sort_by(|a, b| a.1.total_cmp(&b.1));
    } else {
        entries.sort_by(|a, b| a.0.cmp(&b.0));
    }
    for (index, (key, _, value)) in entries.into_iter().enumerate() {
        out.push(if index == 0 { '{' } else { ',' });
        new_line(out, level);
        write_string(out, &key);
        out.push_str(": ");
        write_node(out, value, level + 1)?;
    }
    new_line(out, level - 1);
    out.push('}');
    Ok(())
}

fn new_line<W: Write>(out: &mut Out<'_, W>, level: usize) {
    out.push('\n');
    (0..level).for_each(|_| out.push_str("    "));
}

fn write_string<W: Write>(out: &mut Out<'_, W>, text: &str) {
    out.push('"');
    let is_special = |c: char| !matches!(c, ' '..='~') || matches!(c, '"' | '\\');
    let mut rest = text;
    while let Some(place) = rest.find(is_special) {
        let (plain, special) = rest.split_at(place);
        out.push_str(plain);
        let mut chars = special.chars();
        match chars.next() {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some('\u{8}') => out.push_str("\\b"),
            Some('\u{c}') => out.push_str("\\f"),
            Some(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out.push('"');
}
