//! *Python's JSON* is the text that Python's json module writes with sorted keys and an indentation of 4, which is what all
//! manifests are written with: readers may compare them byte by byte.

use serde::Serialize;
use serde_json::Error;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};
use std::io::{self, Write};

/// Writes `value` as `json.dump(value, sort_keys=True, indent=4, separators=(",", ": "))` does: ASCII only, no newline at
/// the end. JSON values sort their keys; a structure of ours must name its fields in that order.
pub fn to_writer(out: impl Write, value: &impl Serialize) -> Result<(), Error> {
    value.serialize(&mut Serializer::with_formatter(out, Python::new()))
}

/// The text that [`to_writer`] writes.
pub fn to_string(value: &impl Serialize) -> Result<String, Error> {
    let mut out = Vec::new();
    to_writer(&mut out, value)?;
    Ok(out.into_iter().map(char::from).collect())
}

/// How Python lays JSON out.
struct Python(PrettyFormatter<'static>);

impl Python {
    fn new() -> Self {
        Self(PrettyFormatter::with_indent(b"    "))
    }
}

impl Formatter for Python {
    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_array(out)
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array(out)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(out, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array_value(out)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object(out)
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object(out)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(out, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object_value(out)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_value(out)
    }

    fn write_f64<W: ?Sized + Write>(&mut self, out: &mut W, x: f64) -> io::Result<()> {
        out.write_all(float_repr(x).as_bytes())
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.bytes().position(|b| !matches!(b, b' '..=b'~')) {
            let (plain, others) = rest.split_at(at);
            out.write_all(plain.as_bytes())?;
            let mut chars = others.chars();
            for unit in chars.next().into_iter().flat_map(|c| c.encode_utf16(&mut [0; 2]).to_vec()) {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = chars.as_str();
        }
        out.write_all(rest.as_bytes())
    }
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
        assert_eq!(to_string(&value).unwrap(), expected);
        assert_eq!(to_string(&json!({})).unwrap(), "{}");
        assert_eq!(to_string(&json!("x")).unwrap(), "\"x\"");
        assert_eq!(to_string(&json!(u64::MAX)).unwrap(), "18446744073709551615");
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
