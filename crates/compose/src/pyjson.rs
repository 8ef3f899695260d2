//! *Python's JSON* is the text that Python's json module writes with sorted keys and an indentation of 4, which is what all
//! manifests are written with: readers may compare them byte by byte.

use serde_json::Value;

/// `value` as `json.dump(value, sort_keys=True, indent=4, separators=(",", ": "))` writes it: ASCII only, no newline at
/// the end.
pub fn to_string(value: &Value) -> String {
    let mut out = String::new();
    write_value(&mut out, value, 0);
    out
}

/// An object in the order given instead of sorted, its values sorted below; else as [`to_string`].
pub fn object_in_order(entries: &[(&str, Value)]) -> String {
    let mut out = String::new();
    write_object(&mut out, entries.iter().map(|(key, value)| (*key, value)), 0);
    out
}

fn write_value(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Number(n) => match n.as_f64() {
            Some(x) if n.is_f64() => out.push_str(&float_repr(x)),
            _ => out.push_str(&n.to_string()),
        },
        Value::String(s) => write_str(out, s),
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Array(items) => {
            let mut separator = "[";
            for item in items {
                out.push_str(separator);
                separator = ",";
                newline(out, depth + 1);
                write_value(out, item, depth + 1);
            }
            newline(out, depth);
            out.push(']');
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().map(|(key, value)| (key.as_str(), value)).collect();
            // The map is sorted by itself only as long as nobody turns on serde_json's `preserve_order`.
            entries.sort_unstable_by_key(|(key, _)| *key);
            write_object(out, entries.into_iter(), depth);
        }
    }
}

fn write_object<'a>(out: &mut String, entries: impl Iterator<Item = (&'a str, &'a Value)>, depth: usize) {
    let mut separator = "{";
    for (key, value) in entries {
        out.push_str(separator);
        separator = ",";
        newline(out, depth + 1);
        write_str(out, key);
        out.push_str(": ");
        write_value(out, value, depth + 1);
    }
    if separator == "{" {
        out.push('{');
    } else {
        newline(out, depth);
    }
    out.push('}');
}

fn newline(out: &mut String, depth: usize) {
    out.push('\n');
    for _ in 0..depth {
        out.push_str("    ");
    }
}

fn write_str(out: &mut String, text: &str) {
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
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out.push('"');
}

/// Python's `repr` of a float: the shortest digits that read back as the same number, in scientific notation below 1e-4
/// and from 1e16 on.
pub fn float_repr(x: f64) -> String {
    if !x.is_finite() {
        // What Python's json writes for them; no JSON value holds one.
        return if x.is_nan() { "NaN" } else { ["Infinity", "-Infinity"][usize::from(x < 0.0)] }.to_owned();
    }
    let scientific = format!("{x:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{x}");
        if plain.contains('.') { plain } else { plain + ".0" }
    } else {
        format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn writes_as_python_does() {
        let value =
            json!({"b": [1, -2, {"x": {}}], "a": [], "Z": null, "č": "\u{1f600}\u{7f}\n\"\\/", "f": 1.0, "t": true});
        let expected = r#"{
    "Z": null,
    "a": [],
    "b": [
        1,
        -2,
        {
            "x": {}
        }
    ],
    "f": 1.0,
    "t": true,
    "\u010d": "\ud83d\ude00\u007f\n\"\\/"
}"#;
        assert_eq!(to_string(&value), expected);
        assert_eq!(to_string(&json!({})), "{}");
        assert_eq!(to_string(&json!("x")), "\"x\"");
        assert_eq!(to_string(&json!(u64::MAX)), "18446744073709551615");
    }

    #[test]
    fn keeps_a_given_order() {
        assert_eq!(object_in_order(&[("b", json!({})), ("a", json!([]))]), "{\n    \"b\": {},\n    \"a\": []\n}");
        assert_eq!(object_in_order(&[]), "{}");
    }

    #[test]
    fn floats_are_those_of_python() {
        for (x, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.5, "1.5"),
            (0.1, "0.1"),
            (100.0, "100.0"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e300, "1.5e+300"),
            (0.0001, "0.0001"),
            (0.000_012_3, "1.23e-05"),
            (5e-324, "5e-324"),
        ] {
            assert_eq!(float_repr(x), text);
        }
    }
}
