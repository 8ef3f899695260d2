//! The `%` operator on strings (facts: language 5): Python's directives, flags, widths, precisions and mapping keys.

use super::{Problem, Text, float, int, repr};
use crate::tree::Value;

/// Wider is refused; Python would run out of memory somewhere above.
const MAX_WIDTH: usize = 1 << 20;

/// `template % right`. What it writes is taken out of `budget` (bytes).
pub fn format(template: &str, right: &Value, budget: &mut usize) -> Result<String, Problem> {
    let mut out = Text::new(budget);
    let mut arguments = Arguments::new(right);
    let mut rest = template;
    while let Some(at) = rest.find('%') {
        out.push(&rest[..at])?;
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            out.push("%")?;
            rest = after;
            continue;
        }
        let (directive, after) = Directive::parse(rest, &mut arguments)?;
        let value = arguments.next()?;
        directive.write(&mut out, value)?;
        rest = after;
    }
    out.push(rest)?;
    arguments.finish()?;
    Ok(out.finish())
}

/// The right operand, and how much of it was used.
struct Arguments<'v> {
    /// Set for dicts and lists: they may stay unused, and a mapping key looks into them.
    mapping: Option<&'v Value>,
    /// What positional directives take from.
    current: Positional<'v>,
}

enum Positional<'v> {
    Tuple(std::slice::Iter<'v, crate::tree::Node>),
    One(Option<&'v Value>),
}

impl<'v> Arguments<'v> {
    fn new(right: &'v Value) -> Self {
        match right {
            Value::Tuple(items) => Self { mapping: None, current: Positional::Tuple(items.iter()) },
            Value::Dict(_) | Value::List(_) => Self { mapping: Some(right), current: Positional::One(Some(right)) },
            other => Self { mapping: None, current: Positional::One(Some(other)) },
        }
    }

    fn next(&mut self) -> Result<&'v Value, Problem> {
        let next = match &mut self.current {
            Positional::Tuple(items) => items.next().map(|node| &node.value),
            Positional::One(value) => value.take(),
        };
        next.ok_or_else(|| "there are more directives than values".to_owned())
    }

    fn select(&mut self, key: &str) -> Result<(), Problem> {
        let Some(mapping) = self.mapping else {
            return Err(format!("`%({key})` needs a dict on the right"));
        };
        let Value::Dict(dict) = mapping else {
            return Err(format!("`%({key})` needs a dict on the right, not a list"));
        };
        let value = dict.get(key).ok_or_else(|| format!("the dict has no key `{key}`"))?;
        self.current = Positional::One(Some(&value.value));
        Ok(())
    }

    fn finish(mut self) -> Result<(), Problem> {
        if self.mapping.is_none() && self.next().is_ok() {
            return Err("there are more values than directives".to_owned());
        }
        Ok(())
    }
}

#[derive(Default)]
struct Directive {
    left: bool,
    plus: bool,
    space: bool,
    alternate: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
    kind: char,
}

/// Takes digits off the front; `None` when the number is too large.
fn number(rest: &mut &str) -> Option<usize> {
    let length = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, after) = rest.split_at(length);
    *rest = after;
    if digits.is_empty() { Some(0) } else { digits.parse().ok() }
}

/// The integer that a `*` asks for.
fn starred(arguments: &mut Arguments<'_>) -> Result<i64, Problem> {
    match arguments.next()? {
        Value::Int(n) => Ok(*n),
        Value::Bool(b) => Ok(i64::from(*b)),
        Value::BigInt(_) => Err("the number for `*` is too large".to_owned()),
        _ => Err("`*` needs a whole number".to_owned()),
    }
}

impl Directive {
    fn parse<'t>(template: &'t str, arguments: &mut Arguments<'_>) -> Result<(Self, &'t str), Problem> {
        let mut this = Self::default();
        let mut rest = template;
        if let Some(after) = rest.strip_prefix('(') {
            let end = closing(after).ok_or("the key after `%(` is not closed")?;
            arguments.select(&after[..end])?;
            rest = &after[end + 1..];
        }
        let flags = rest.find(|c| !"-+ #0".contains(c)).unwrap_or(rest.len());
        for flag in rest[..flags].chars() {
            match flag {
                '-' => this.left = true,
                '+' => this.plus = true,
                ' ' => this.space = true,
                '#' => this.alternate = true,
                _ => this.zero = true,
            }
        }
        rest = &rest[flags..];
        if let Some(after) = rest.strip_prefix('*') {
            let width = starred(arguments)?;
            this.left |= width < 0;
            this.width = usize::try_from(width.unsigned_abs()).unwrap_or(usize::MAX);
            rest = after;
        } else {
            this.width = number(&mut rest).unwrap_or(usize::MAX);
        }
        if let Some(after) = rest.strip_prefix('.') {
            rest = after;
            this.precision = Some(if let Some(after) = rest.strip_prefix('*') {
                rest = after;
                usize::try_from(starred(arguments)?.max(0)).unwrap_or(usize::MAX)
            } else {
                number(&mut rest).unwrap_or(usize::MAX)
            });
        }
        if this.width > MAX_WIDTH || this.precision.is_some_and(|p| p > MAX_WIDTH) {
            return Err("a width or precision is too large".to_owned());
        }
        rest = rest.strip_prefix(['h', 'l', 'L']).unwrap_or(rest);
        let mut chars = rest.chars();
        this.kind = chars.next().ok_or("the last directive is not complete; write `%%` for a percent sign")?;
        Ok((this, chars.as_str()))
    }

    fn write(&self, out: &mut Text<'_>, value: &Value) -> Result<(), Problem> {
        match self.kind {
            's' => self.write_text(out, value, repr::push_str),
            'r' => self.write_text(out, value, repr::push_repr),
            'a' => self.write_text(out, value, repr::ascii),
            'd' | 'i' | 'u' => {
                let digits = whole(value, self.kind)?;
                self.write_int(out, &digits, 10)
            }
            'o' => self.write_int(out, &index(value, 'o')?, 8),
            'x' | 'X' => self.write_int(out, &index(value, self.kind)?, 16),
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
                let precision = self.precision.unwrap_or(6);
                out.charge(precision)?;
                let x = real(value)?;
                let text = float::format(x, self.kind.to_ascii_lowercase(), precision, self.alternate);
                let text = if self.kind.is_ascii_uppercase() { text.to_ascii_uppercase() } else { text };
                self.write_number(out, &text, "")
            }
            'c' => {
                let c = character(value)?;
                self.pad(out, &c.to_string(), 1)
            }
            other => Err(format!("`{}` is not a directive", other.escape_debug())),
        }
    }

    /// Text, cut to the precision and filled with blanks to the width, both in characters.
    fn write_text(
        &self,
        out: &mut Text<'_>,
        value: &Value,
        push: fn(&mut Text<'_>, &Value) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let mut piece = out.piece();
        push(&mut piece, value)?;
        let mut text = piece.finish();
        if let Some(precision) = self.precision
            && let Some((at, _)) = text.char_indices().nth(precision)
        {
            text.truncate(at);
        }
        let length = text.chars().count();
        self.pad(out, &text, length)
    }

    fn pad(&self, out: &mut Text<'_>, text: &str, length: usize) -> Result<(), Problem> {
        let fill = self.width.saturating_sub(length);
        if !self.left {
            out.repeat(' ', fill)?;
        }
        out.push(text)?;
        if self.left { out.repeat(' ', fill) } else { Ok(()) }
    }

    fn write_int(&self, out: &mut Text<'_>, decimal: &str, base: u32) -> Result<(), Problem> {
        let (sign, decimal) = decimal.strip_prefix('-').map_or(("", decimal), |rest| ("-", rest));
        let digits = if base == 10 {
            decimal.to_owned()
        } else {
            out.charge(decimal.len() * decimal.len() / 16)?;
            int::in_base(decimal, base)
        };
        let zeros = self.precision.unwrap_or(0).saturating_sub(digits.len());
        out.charge(zeros)?;
        let text = format!("{sign}{}{digits}", "0".repeat(zeros));
        let prefix = match base {
            8 if self.alternate => "0o",
            16 if self.alternate => "0x",
            _ => "",
        };
        if self.kind == 'X' {
            self.write_number(out, &text.to_ascii_uppercase(), &prefix.to_ascii_uppercase())
        } else {
            self.write_number(out, &text, prefix)
        }
    }

    /// A number with its sign (`-` in front of `text`, or what the flags ask for), base prefix and filling.
    fn write_number(&self, out: &mut Text<'_>, text: &str, prefix: &str) -> Result<(), Problem> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(rest) => ("-", rest),
            None if self.plus => ("+", text),
            None if self.space => (" ", text),
            None => ("", text),
        };
        let fill = self.width.saturating_sub(sign.len() + prefix.len() + digits.len());
        if !self.left && !self.zero {
            out.repeat(' ', fill)?;
        }
        out.push(sign)?;
        out.push(prefix)?;
        if !self.left && self.zero {
            out.repeat('0', fill)?;
        }
        out.push(digits)?;
        if self.left { out.repeat(' ', fill) } else { Ok(()) }
    }
}

/// The end of a key in parentheses, which may hold balanced ones.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 1usize;
    for (at, b) in text.bytes().enumerate() {
        match b {
            b'(' => depth += 1,
            b')' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// A whole number in decimal for `%d`; floats lose what is behind the point.
fn whole(value: &Value, kind: char) -> Result<String, Problem> {
    match value {
        Value::Int(n) => Ok(n.to_string()),
        Value::Bool(b) => Ok(u8::from(*b).to_string()),
        Value::BigInt(digits) => Ok(digits.to_string()),
        Value::Float(x) if x.is_finite() => {
            let text = format!("{:.0}", x.trunc());
            Ok(if text == "-0" { "0".to_owned() } else { text })
        }
        Value::Float(_) => Err(format!("`%{kind}` cannot print infinity or NaN")),
        _ => Err(format!("`%{kind}` needs a number")),
    }
}

/// A whole number in decimal for `%x` and `%o`, which refuse floats.
fn index(value: &Value, kind: char) -> Result<String, Problem> {
    match value {
        Value::Float(_) => Err(format!("`%{kind}` needs a whole number")),
        other => whole(other, kind),
    }
}

fn real(value: &Value) -> Result<f64, Problem> {
    match value {
        Value::Int(n) => Ok(*n as f64),
        Value::Bool(b) => Ok(f64::from(u8::from(*b))),
        Value::Float(x) => Ok(*x),
        Value::BigInt(digits) => match digits.parse::<f64>() {
            Ok(x) if x.is_finite() => Ok(x),
            _ => Err("the number is too large for a float".to_owned()),
        },
        _ => Err("a number is needed here".to_owned()),
    }
}

fn character(value: &Value) -> Result<char, Problem> {
    let problem = || "`%c` needs one character or its number".to_owned();
    match value {
        Value::Str(text) => {
            let mut chars = text.chars();
            chars.next().filter(|_| chars.next().is_none()).ok_or_else(problem)
        }
        Value::Int(n) => u32::try_from(*n).ok().and_then(char::from_u32).ok_or_else(problem),
        Value::Bool(b) => Ok(char::from(u8::from(*b))),
        _ => Err(problem()),
    }
}
