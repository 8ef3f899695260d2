//! *Integers* of any size as decimal text, which is all that a configuration needs of them.

use crate::tree::Value;

/// The longest integer, in digits, as in Python.
pub const MAX_DIGITS: usize = 4300;

/// Reads what Python's `int(text)` reads in base ten: digits, single underscores between them, a leading `-` or `+`.
pub fn parse(text: &str) -> Option<Value> {
    let (negative, body) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if body.is_empty() || body.starts_with('_') || body.ends_with('_') || body.contains("__") {
        return None;
    }
    let mut digits: String = body.chars().filter(|c| *c != '_').collect();
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let zeros = digits.len() - digits.trim_start_matches('0').len();
    digits.drain(..zeros.min(digits.len() - 1));
    if digits.len() > MAX_DIGITS {
        return None;
    }
    if negative && digits != "0" {
        digits.insert(0, '-');
    }
    Some(digits.parse().map_or_else(|_| Value::BigInt(digits.into()), Value::Int))
}

/// The digits of a decimal number without sign in base 8 or 16 (lower-case).
pub fn in_base(decimal: &str, base: u32) -> String {
    if let Ok(small) = decimal.parse::<u128>() {
        return if base == 16 { format!("{small:x}") } else { format!("{small:o}") };
    }
    // Limbs of nine digits, most significant first, divided by the largest power of the base that fits.
    let first = decimal.len() % 9;
    let mut limbs: Vec<u64> = Vec::with_capacity(decimal.len() / 9 + 1);
    if let Some(head) = decimal.get(..first).filter(|head| !head.is_empty()) {
        limbs.push(head.parse().unwrap_or(0));
    }
    for chunk in decimal.as_bytes()[first..].chunks(9) {
        limbs.push(chunk.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')));
    }
    let (divisor, width) = if base == 16 { (1u64 << 28, 7) } else { (1u64 << 27, 9) };
    let mut groups: Vec<String> = Vec::new();
    while limbs.iter().any(|limb| *limb != 0) {
        let mut rest = 0;
        for limb in &mut limbs {
            let part = rest * 1_000_000_000 + *limb;
            *limb = part / divisor;
            rest = part % divisor;
        }
        groups.push(if base == 16 { format!("{rest:0width$x}") } else { format!("{rest:0width$o}") });
    }
    groups.reverse();
    groups.concat().trim_start_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_python_reads() {
        let text = |value| match value {
            Some(Value::Int(n)) => n.to_string(),
            Some(Value::BigInt(digits)) => format!("big {digits}"),
            _ => "no".to_owned(),
        };
        for (input, expected) in [
            ("1_000", "1000"),
            ("00", "0"),
            ("-0", "0"),
            ("9223372036854775807", "9223372036854775807"),
            ("-9223372036854775809", "big -9223372036854775809"),
            ("1e5", "no"),
            ("0x10", "no"),
            ("1__0", "no"),
            ("", "no"),
            ("-", "no"),
        ] {
            assert_eq!(text(parse(input)), expected, "{input}");
        }
        assert_eq!(text(parse(&"9".repeat(4301))), "no");
    }

    #[test]
    fn bases() {
        assert_eq!(in_base("255", 16), "ff");
        assert_eq!(in_base("340282366920938463463374607431768211456", 16), format!("1{}", "0".repeat(32)));
        let large = format!("1{}", "0".repeat(45));
        assert_eq!(in_base(&large, 8), "54656677404153447470573550500054425000000000000000");
        assert_eq!(in_base(&large, 16), "2cd76fe086b93ce2f768a00b22a00000000000");
    }
}
