//! *Python* texts: how a hub written in Python prints values in messages, and how its `json` writes them.

use std::borrow::Cow;

use crate::wire::Value;

/// `repr` of a float.
pub(crate) fn float(x: f64) -> String {
    if x.is_nan() {
        return "nan".to_owned();
    }
    if x.is_infinite() {
        return if x > 0.0 { "inf".to_owned() } else { "-inf".to_owned() };
    }
    // Both languages print the fewest digits that read back as the same number, and turn to exponents at the same
    // sizes; only the exponent itself looks different.
    let text = format!("{x:?}");
    match text.split_once('e') {
        None => text,
        Some((mantissa, exponent)) => {
            let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
            format!("{}e{sign}{digits:0>2}", mantissa.strip_suffix(".0").unwrap_or(mantissa))
        }
    }
}

/// `repr` of a string.
pub(crate) fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if (c as u32) < 0x20 || (0x7f..0xa0).contains(&(c as u32)) => {
                out.push_str(&format!("\\x{:02x}", c as u32));
            }
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

/// `repr` of any value that came over the wire.
pub(crate) fn repr(value: &Value) -> String {
    let mut out = String::new();
    write_repr(&mut out, value);
    out
}

/// `str` of any value that came over the wire.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => repr(value),
    }
}

fn write_repr(out: &mut String, value: &Value) {
    match value {
        Value::Nil => out.push_str("None"),
        Value::Bool(b) => out.push_str(if *b { "True" } else { "False" }),
        Value::Int(n) => out.push_str(&n.to_string()),
        Value::Int64(n) => out.push_str(&n.to_string()),
        Value::Double(x) => out.push_str(&float(*x)),
        Value::String(s) => out.push_str(&quoted(s)),
        Value::Base64(bytes) => out.push_str(&format!("<xmlrpc.client.Binary of {} bytes>", bytes.len())),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                write_repr(out, item);
            }
            out.push(']');
        }
        Value::Struct(members) => {
            out.push('{');
            for (i, (name, value)) in members.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                out.push_str(&quoted(name));
                out.push_str(": ");
                write_repr(out, value);
            }
            out.push('}');
        }
    }
}

/// The name of a value's class, as in `<class 'str'>`.
pub(crate) fn class(value: &Value) -> &'static str {
    match value {
        Value::Nil => "NoneType",
        Value::Bool(_) => "bool",
        Value::Int(_) | Value::Int64(_) => "int",
        Value::Double(_) => "float",
        Value::String(_) => "str",
        Value::Base64(_) => "xmlrpc.client.Binary",
        Value::Array(_) => "list",
        Value::Struct(_) => "dict",
    }
}

/// `json.dumps(value, sort_keys=True, separators=(",", ":"))`, with every string shown to `text` first.
///
/// Keys are sorted by code points, which is the order of a struct's members; all that is not ASCII is escaped.
pub(crate) fn compact_json(value: &Value, text: &dyn Fn(&str) -> Cow<'_, str>) -> String {
    let mut out = String::new();
    write_json(&mut out, value, text);
    out
}

fn write_json(out: &mut String, value: &Value, text: &dyn Fn(&str) -> Cow<'_, str>) {
    match value {
        Value::Nil => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Int(n) => out.push_str(&n.to_string()),
        Value::Int64(n) => out.push_str(&n.to_string()),
        Value::Double(x) if x.is_nan() => out.push_str("NaN"),
        Value::Double(x) if x.is_infinite() => out.push_str(if *x > 0.0 { "Infinity" } else { "-Infinity" }),
        Value::Double(x) => out.push_str(&float(*x)),
        Value::String(s) => write_json_string(out, &text(s)),
        // Python's json has no word for it; any fixed text will do.
        Value::Base64(_) => write_json_string(out, &repr(value)),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_json(out, item, text);
            }
            out.push(']');
        }
        Value::Struct(members) => {
            out.push('{');
            for (i, (name, value)) in members.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_json_string(out, name);
                out.push(':');
                write_json(out, value, text);
            }
            out.push('}');
        }
    }
}

fn write_json_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(c),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::structure;

    #[test]
    fn floats_as_python_prints_them() {
        for (x, text) in [
            (1.5, "1.5"),
            (3.0, "3.0"),
            (-0.0, "-0.0"),
            (1e300, "1e+300"),
            (1.5e300, "1.5e+300"),
            (1e-7, "1e-07"),
            (1e16, "1e+16"),
            (1e15, "1000000000000000.0"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(float(x), text);
        }
    }

    #[test]
    fn reprs() {
        let value = structure([("a", Value::Array(vec![Value::Nil, Value::Bool(true), Value::Double(42.0)]))]);
        assert_eq!(repr(&value), "{'a': [None, True, 42.0]}");
        assert_eq!(quoted("it's\n\u{7}"), "\"it's\\n\\x07\"");
        assert_eq!(quoted("'\""), "'\\'\"'");
    }

    #[test]
    fn json_is_ascii_and_sorted() {
        let value = structure([("é", Value::Int64(1 << 40)), ("a", Value::String("x\u{1f600}\u{7f}/".to_owned()))]);
        let json = compact_json(&value, &|s| s.replace('/', "@T@").into());
        assert_eq!(json, "{\"a\":\"x\\ud83d\\ude00\\u007f@T@\",\"\\u00e9\":1099511627776}");
    }
}
