//! *Scalars* as text: what Python's `int`, `float` and `base64` read, and how its `repr` writes a float.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// A text that is no scalar of its type; what it begins with, for a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScalarError {
    #[error("`{0}` is not an integer of 64 bits")]
    Int(String),
    #[error("`{0}` is not a number")]
    Double(String),
    #[error("not base64: {0}")]
    Base64(#[from] base64::DecodeError),
}

/// Reads an integer as Python's `int` does: blanks around it, a sign, `_` between digits.
pub fn parse_int(text: &str) -> Result<i64, ScalarError> {
    let trimmed = text.trim();
    without_underscores(trimmed)
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| ScalarError::Int(shorten(trimmed)))
}

/// Reads a float as Python's `float` does.
pub fn parse_double(text: &str) -> Result<f64, ScalarError> {
    let trimmed = text.trim();
    without_underscores(trimmed)
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| ScalarError::Double(shorten(trimmed)))
}

/// Takes out each `_` that stands between two digits; `None` for one that stands elsewhere.
fn without_underscores(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('_') {
        return Some(text.into());
    }
    let bytes = text.as_bytes();
    let is_digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    for (at, _) in text.match_indices('_') {
        if !is_digit(at.checked_sub(1)) || !is_digit(at.checked_add(1)) {
            return None;
        }
    }
    Some(text.replace('_', "").into())
}

/// Writes a float as Python's `repr`: `1.5`, `3.0`, `-0.0`, `1e+300`, `1e-07`, `inf`, `nan` (facts: wire 12).
pub fn format_double(x: f64) -> String {
    if x.is_nan() {
        return "nan".to_owned();
    }
    if x.is_infinite() {
        return if x > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    // Both Rust and Python write the shortest digits that read back as the same number; only the layout differs.
    if x == 0.0 || (1e-4..1e16).contains(&x.abs()) {
        let plain = format!("{x}");
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    let scientific = format!("{x:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The columns of a line of base64, as Python breaks it (facts: wire 13).
const BASE64_COLUMNS: usize = 76;

/// Reads base64 as Python does: what is not a base64 character is passed over (facts: wire 13).
pub fn parse_base64(text: &str) -> Result<Vec<u8>, ScalarError> {
    let digits: Vec<u8> = text.bytes().filter(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/')).collect();
    Ok(BASE64.decode(digits)?)
}

/// Writes base64 in lines, a line break before the first and after each.
pub fn format_base64(bytes: &[u8]) -> String {
    let digits = BASE64.encode(bytes);
    let mut lines = String::with_capacity(digits.len() + digits.len() / BASE64_COLUMNS + 2);
    lines.push('\n');
    for (at, digit) in digits.chars().enumerate() {
        if at != 0 && at % BASE64_COLUMNS == 0 {
            lines.push('\n');
        }
        lines.push(digit);
    }
    if !digits.is_empty() {
        lines.push('\n');
    }
    lines
}

/// The beginning of a text from the wire, for a message.
pub fn shorten(text: &str) -> String {
    const KEPT: usize = 40;
    match text.char_indices().nth(KEPT) {
        Some((at, _)) => format!("{}...", text.get(..at).unwrap_or_default().escape_debug()),
        None => text.escape_debug().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_as_python_reads_them() {
        for (text, value) in [(" 7 ", 7), ("+5", 5), ("1_0", 10), ("-0", 0), ("9223372036854775807", i64::MAX)] {
            assert_eq!(parse_int(text), Ok(value), "{text}");
        }
        for text in ["", "x", "_1", "1_", "1__0", "1.0", "9223372036854775808", "- 1", "0x1"] {
            assert!(parse_int(text).is_err(), "{text}");
        }
    }

    #[test]
    fn floats_as_python_reads_them() {
        for (text, value) in [("1.5", 1.5), (" 1e3\n", 1000.0), ("-.5", -0.5), ("inf", f64::INFINITY), ("1_0.0", 10.0)]
        {
            assert_eq!(parse_double(text), Ok(value), "{text}");
        }
        assert!(parse_double("nan").is_ok_and(f64::is_nan));
        for text in ["", "x", "1,5", "_1"] {
            assert!(parse_double(text).is_err(), "{text}");
        }
    }

    #[test]
    fn floats_as_python_writes_them() {
        for (value, text) in [
            (1.5, "1.5"),
            (3.0, "3.0"),
            (-0.0, "-0.0"),
            (1e300, "1e+300"),
            (1e-7, "1e-07"),
            (0.0001, "0.0001"),
            (0.000_012_5, "1.25e-05"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (12_345_678_901_234_567.0, "1.2345678901234568e+16"),
            (1_795_337_174.668_548, "1795337174.668548"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(format_double(value), text);
        }
    }

    #[test]
    fn base64_forms() {
        assert_eq!(parse_base64("!!!"), Ok(Vec::new()));
        assert_eq!(parse_base64("\nYWJj\n"), Ok(b"abc".to_vec()));
        assert_eq!(parse_base64("YQ=="), Ok(b"a".to_vec()));
        assert!(parse_base64("Y").is_err());
        assert_eq!(format_base64(b""), "\n");
        assert_eq!(format_base64(b"abc"), "\nYWJj\n");
        let long = format_base64(&[0; 100]);
        assert_eq!(long.lines().map(str::len).collect::<Vec<_>>(), [0, 76, 60]);
    }

    #[test]
    fn long_texts_are_shortened() {
        assert_eq!(shorten("a\nb"), "a\\nb");
        assert_eq!(shorten(&"\u{e9}".repeat(100)).chars().count(), 43);
    }
}
