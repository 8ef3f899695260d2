//! `str` and `repr` of values, as Python prints them.

use super::{Problem, Text, float};
use crate::tree::{Node, Value};

/// Appends `str(value)`: the text of a string, `repr` of anything else.
pub fn push_str(out: &mut Text<'_>, value: &Value) -> Result<(), Problem> {
    match value {
        Value::Str(text) => out.push(text),
        other => push_repr(out, other),
    }
}

/// Appends `repr(value)`. Recursion is as deep as the value, which the parsers bound.
pub fn push_repr(out: &mut Text<'_>, value: &Value) -> Result<(), Problem> {
    match value {
        Value::Null => out.push("None"),
        Value::Bool(true) => out.push("True"),
        Value::Bool(false) => out.push("False"),
        Value::Int(n) => out.push(&n.to_string()),
        Value::BigInt(digits) => out.push(digits),
        Value::Float(x) => out.push(&float::repr(*x)),
        Value::Str(text) => push_quoted(out, text, false),
        Value::List(items) => {
            out.push("[")?;
            push_items(out, items)?;
            out.push("]")
        }
        Value::Tuple(items) => {
            out.push("(")?;
            push_items(out, items)?;
            out.push(if items.len() == 1 { ",)" } else { ")" })
        }
        Value::Dict(dict) => {
            out.push("{")?;
            for (index, (key, value)) in dict.entries.iter().enumerate() {
                out.push(if index == 0 { "" } else { ", " })?;
                push_repr(out, &key.value)?;
                out.push(": ")?;
                push_repr(out, &value.value)?;
            }
            out.push("}")
        }
    }
}

fn push_items(out: &mut Text<'_>, items: &[Node]) -> Result<(), Problem> {
    for (index, item) in items.iter().enumerate() {
        out.push(if index == 0 { "" } else { ", " })?;
        push_repr(out, &item.value)?;
    }
    Ok(())
}

/// Appends `repr` of a string: single quotes unless only double ones save a backslash. With `ascii`, as `ascii()`.
fn push_quoted(out: &mut Text<'_>, text: &str, ascii: bool) -> Result<(), Problem> {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.repeat(quote, 1)?;
    for c in text.chars() {
        match c {
            '\\' => out.push("\\\\")?,
            '\n' => out.push("\\n")?,
            '\r' => out.push("\\r")?,
            '\t' => out.push("\\t")?,
            c if c == quote => out.push(&format!("\\{c}"))?,
            ' '..='~' => out.repeat(c, 1)?,
            c if !ascii && is_printable(c) => out.repeat(c, 1)?,
            c if (c as u32) < 0x100 => out.push(&format!("\\x{:02x}", c as u32))?,
            c if (c as u32) < 0x10000 => out.push(&format!("\\u{:04x}", c as u32))?,
            c => out.push(&format!("\\U{:08x}", c as u32))?,
        }
    }
    out.repeat(quote, 1)
}

/// What Python's `str.isprintable` says of a character. `str::escape_debug` escapes the same set behind the first character.
pub fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return matches!(c, ' '..='~');
    }
    let mut buffer = [b'a'; 5];
    let length = c.encode_utf8(&mut buffer[1..]).len();
    let text = std::str::from_utf8(&buffer[..=length]).unwrap_or("");
    text.escape_debug().nth(1) == Some(c)
}

/// `ascii(value)`: `repr` with everything beyond ASCII escaped.
pub fn ascii(out: &mut Text<'_>, value: &Value) -> Result<(), Problem> {
    if let Value::Str(text) = value {
        return push_quoted(out, text, true);
    }
    let mut plain = out.piece();
    push_repr(&mut plain, value)?;
    for c in plain.finish().chars() {
        match c as u32 {
            0..0x80 => out.repeat(c, 1)?,
            n @ 0x80..0x100 => out.push(&format!("\\x{n:02x}"))?,
            n @ 0x100..0x10000 => out.push(&format!("\\u{n:04x}"))?,
            n => out.push(&format!("\\U{n:08x}"))?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted_as_python_quotes_them() {
        for (text, expected) in [
            ("x", "'x'"),
            ("it's", "\"it's\""),
            ("'\"", "'\\'\"'"),
            ("a\\b\n\t\u{7f}", "'a\\\\b\\n\\t\\x7f'"),
            ("é\u{301}中\u{200b}\u{a0}", "'é\u{301}中\\u200b\\xa0'"),
            ("\u{301}", "'\u{301}'"),
        ] {
            let mut budget = 100;
            let mut out = Text::new(&mut budget);
            push_repr(&mut out, &Value::Str(text.into())).unwrap();
            assert_eq!(out.finish(), expected);
        }
    }
}
