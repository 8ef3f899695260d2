//! *Floats* as Python prints them: `repr`, and the `e`, `f` and `g` of the `%` operator.

/// `repr(x)`: the shortest digits that read back as `x`, with an exponent below 1e-4 and from 1e16.
pub fn repr(x: f64) -> String {
    if !x.is_finite() {
        return special(x).to_owned();
    }
    let (sign, digits, exponent) = shortest(x);
    let text =
        if (-4..16).contains(&exponent) { positional(&digits, exponent, true) } else { scientific(&digits, exponent) };
    format!("{sign}{text}")
}

fn special(x: f64) -> &'static str {
    if x.is_nan() {
        "nan"
    } else if x > 0.0 {
        "inf"
    } else {
        "-inf"
    }
}

/// Sign, decimal digits and decimal exponent of the first digit.
fn split(text: &str) -> (&'static str, String, i32) {
    let (sign, text) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    (sign, mantissa.replace('.', ""), exponent.parse().unwrap_or(0))
}

fn shortest(x: f64) -> (&'static str, String, i32) {
    split(&format!("{x:e}"))
}

fn scientific(digits: &str, exponent: i32) -> String {
    let (first, rest) = digits.split_at(1.min(digits.len()));
    let point = if rest.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{first}{point}{rest}e{sign}{:02}", exponent.unsigned_abs())
}

/// Digits with a point in its place; `fraction` asks for `.0` when there is none.
fn positional(digits: &str, exponent: i32, fraction: bool) -> String {
    if exponent < 0 {
        return format!("0.{}{digits}", "0".repeat(exponent.unsigned_abs() as usize - 1));
    }
    let whole = exponent as usize + 1;
    match digits.split_at_checked(whole) {
        Some((head, tail)) if !tail.is_empty() => format!("{head}.{tail}"),
        _ => format!("{digits}{}{}", "0".repeat(whole.saturating_sub(digits.len())), if fraction { ".0" } else { "" }),
    }
}

/// More digits than any double has after its point; beyond them there are only zeros.
const EXACT_DIGITS: usize = 1100;

/// What `%e`, `%f` or `%g` (`kind`, lower-case) make of `x`; `alternate` is the flag `#`.
pub fn format(x: f64, kind: char, precision: usize, alternate: bool) -> String {
    if !x.is_finite() {
        return special(x).to_owned();
    }
    match kind {
        'f' => fixed(x, precision, alternate),
        'e' => exponential(x, precision, alternate),
        _ => general(x, precision.max(1), alternate),
    }
}

fn fixed(x: f64, precision: usize, alternate: bool) -> String {
    let exact = precision.min(EXACT_DIGITS);
    let mut text = format!("{x:.exact$}");
    text.push_str(&"0".repeat(precision - exact));
    if alternate && precision == 0 {
        text.push('.');
    }
    text
}

fn exponential(x: f64, precision: usize, alternate: bool) -> String {
    let exact = precision.min(EXACT_DIGITS);
    let (sign, mut digits, exponent) = split(&format!("{x:.exact$e}"));
    digits.push_str(&"0".repeat(precision - exact));
    let mut text = scientific(&digits, exponent);
    if alternate && precision == 0 {
        text.insert(1, '.');
    }
    format!("{sign}{text}")
}

fn general(x: f64, precision: usize, alternate: bool) -> String {
    let exact = (precision - 1).min(EXACT_DIGITS);
    let (sign, mut digits, exponent) = split(&format!("{x:.exact$e}"));
    if alternate {
        digits.push_str(&"0".repeat(precision - 1 - exact));
    } else {
        digits.truncate(digits.trim_end_matches('0').len().max(1));
    }
    let small = exponent < -4 || i64::from(exponent) >= i64::try_from(precision).unwrap_or(i64::MAX);
    let mut text = if small { scientific(&digits, exponent) } else { positional(&digits, exponent, false) };
    if alternate && !text.contains('.') {
        let at = text.find('e').unwrap_or(text.len());
        text.insert(at, '.');
    }
    format!("{sign}{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repr_is_pythons() {
        let table = [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (1e16, "1e+16"),
            (9_999_999_999_999_998.0, "9999999999999998.0"),
            (1e-5, "1e-05"),
            (0.0001, "0.0001"),
            (1.5e300, "1.5e+300"),
            (5e-324, "5e-324"),
            (123_456_789.123_456_79, "123456789.12345679"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (x, expected) in table {
            assert_eq!(repr(x), expected);
        }
    }

    #[test]
    fn precision_beyond_the_exact_digits_is_zeros() {
        assert_eq!(format(0.5, 'f', 3000, false).len(), 3002);
        assert_eq!(format(1.0, 'e', 2000, false).len(), 2 + 2000 + 4);
        assert_eq!(format(100_000.0, 'g', 6, false), "100000");
        assert_eq!(format(1.0, 'g', 6, true), "1.00000");
        assert_eq!(format(1e10, 'g', 1, true), "1.e+10");
    }
}
