//! *Plain scalars*: what a bare word of YAML 1.2's core schema stands for.

use crate::python::int;
use crate::tree::Value;
use std::sync::Arc;

/// Why a number cannot be held.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub enum NumberError {
    #[error("a number is too large")]
    TooLarge,
    #[error("a number has too many digits")]
    TooLong,
}

/// The value of a plain scalar.
pub fn resolve(text: &str) -> Result<Value, NumberError> {
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        ".nan" | ".NaN" | ".NAN" => Value::Float(f64::NAN),
        _ => match number(text)? {
            Some(value) => value,
            None => Value::Str(text.into()),
        },
    })
}

/// Whether PyYAML, which follows YAML 1.1, takes the word for a boolean. It leaves `y` and `n` alone.
pub fn was_boolean(text: &str) -> bool {
    matches!(text, "yes" | "Yes" | "YES" | "no" | "No" | "NO" | "on" | "On" | "ON" | "off" | "Off" | "OFF")
}

fn number(text: &str) -> Result<Option<Value>, NumberError> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        let infinity = if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY };
        return Ok(Some(Value::Float(infinity)));
    }
    for (prefix, base) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix).filter(|digits| digits.chars().all(|c| c.is_digit(base)))
            && !digits.is_empty()
        {
            let number = u128::from_str_radix(digits, base).map_err(|_| NumberError::TooLarge)?;
            return Ok(Some(
                i64::try_from(number).map_or_else(|_| Value::BigInt(Arc::from(number.to_string())), Value::Int),
            ));
        }
    }
    if !unsigned.is_empty() && unsigned.bytes().all(|b| b.is_ascii_digit()) {
        let plain = text.strip_prefix('+').unwrap_or(text);
        return int::parse(plain).map(Some).ok_or(NumberError::TooLong);
    }
    if is_float(unsigned) {
        return Ok(text.parse().ok().map(Value::Float));
    }
    Ok(None)
}

/// `( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_float(text: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (text, None),
    };
    if exponent.is_some_and(|exponent| exponent.is_empty() || !digits(exponent)) {
        return false;
    }
    match mantissa.split_once('.') {
        Some(("", fraction)) => !fraction.is_empty() && digits(fraction),
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => !mantissa.is_empty() && digits(mantissa),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_core_schema() {
        let shown = |text: &str| format!("{:?}", resolve(text).unwrap());
        for (text, expected) in [
            ("", "Null"),
            ("~", "Null"),
            ("Null", "Null"),
            ("nULL", "Str(\"nULL\")"),
            ("TRUE", "Bool(true)"),
            ("yes", "Str(\"yes\")"),
            ("0", "Int(0)"),
            ("-12", "Int(-12)"),
            ("+12", "Int(12)"),
            ("010", "Int(10)"),
            ("0o17", "Int(15)"),
            ("0x1F", "Int(31)"),
            ("0xffffffffffffffff", "BigInt(\"18446744073709551615\")"),
            ("99999999999999999999", "BigInt(\"99999999999999999999\")"),
            ("1_000", "Str(\"1_000\")"),
            ("0x", "Str(\"0x\")"),
            ("+", "Str(\"+\")"),
            ("-", "Str(\"-\")"),
            (".", "Str(\".\")"),
            ("e5", "Str(\"e5\")"),
            ("1e", "Str(\"1e\")"),
            ("9.2", "Float(9.2)"),
            ("-.5", "Float(-0.5)"),
            ("5.", "Float(5.0)"),
            ("1e5", "Float(100000.0)"),
            ("1.5E-3", "Float(0.0015)"),
            ("9.2.1", "Str(\"9.2.1\")"),
            ("-.INF", "Float(-inf)"),
            (".nan", "Float(NaN)"),
            ("inf", "Str(\"inf\")"),
            ("0x1.8", "Str(\"0x1.8\")"),
            ("12:30", "Str(\"12:30\")"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
        assert!(resolve(&"9".repeat(100_000)).is_err());
        assert!(resolve(&format!("0x{}", "f".repeat(100))).is_err());
    }

    #[test]
    fn what_pyyaml_takes_for_booleans() {
        assert!(["yes", "No", "ON", "off"].into_iter().all(was_boolean));
        assert!(!["y", "n", "Y", "yEs", "true", ""].into_iter().any(was_boolean));
    }
}
