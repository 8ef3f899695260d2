//! A *pattern* that variants are matched with: Python's `re.match`, which is anchored at the start and only there.
//!
//! Python's syntax is translated where the engine's differs: `$` also matches before a final newline, `\Z` is the very end,
//! `[` inside a class is nothing special, and the engine has letters and groups that Python does not know.

use fancy_regex::{Regex, RegexBuilder};

/// Longer patterns are refused.
const MAX_LENGTH: usize = 16 * 1024;
/// How much work a match may be; see `backtrack_limit` of the engine.
const BACKTRACKS: usize = 1_000_000;
/// The largest compiled part, in bytes.
const MAX_COMPILED: usize = 10 << 20;

/// A compiled pattern.
#[derive(Debug, Clone)]
pub struct Pattern {
    regex: Regex,
}

impl Pattern {
    /// Compiles a pattern; the error says what is wrong with it.
    pub fn parse(pattern: &str) -> Result<Self, String> {
        if pattern.len() > MAX_LENGTH {
            return Err(format!("the pattern is longer than {MAX_LENGTH} bytes"));
        }
        let translated = Translator::new(pattern).run()?;
        let regex = RegexBuilder::new(&translated)
            .backtrack_limit(BACKTRACKS)
            .delegate_size_limit(MAX_COMPILED)
            .build()
            .map_err(|error| first_line(&error.to_string()))?;
        Ok(Self { regex })
    }

    /// Whether the text begins with a match.
    pub fn is_match(&self, text: &str) -> Result<bool, String> {
        self.regex
            .is_match(text)
            .map_err(|error| format!("the pattern is too costly: {}", first_line(&error.to_string())))
    }
}

fn first_line(text: &str) -> String {
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("not understood");
    line.chars().take(200).collect()
}

/// Rewrites Python's syntax into the engine's.
struct Translator<'p> {
    rest: &'p str,
    out: String,
    groups: u32,
    /// Whether `x` is on, in each group that is open.
    verbose: Vec<bool>,
    /// Whether `m` is on, in each group that is open.
    multiline: Vec<bool>,
}

impl<'p> Translator<'p> {
    fn new(pattern: &'p str) -> Self {
        Self { rest: pattern, out: String::new(), groups: 0, verbose: vec![false], multiline: vec![false] }
    }

    fn is_verbose(&self) -> bool {
        self.verbose.last().copied().unwrap_or(false)
    }

    fn run(mut self) -> Result<String, String> {
        let flags = self.global_flags()?;
        while let Some(c) = self.rest.chars().next() {
            match c {
                '\\' => self.escape(false)?,
                '[' => self.class()?,
                '(' => self.group()?,
                ')' => {
                    self.take(1);
                    self.out.push(')');
                    if self.verbose.len() == 1 {
                        return Err("`)` without `(`".to_owned());
                    }
                    self.verbose.pop();
                    self.multiline.pop();
                }
                '$' => {
                    self.take(1);
                    let multiline = self.multiline.last().copied().unwrap_or(false);
                    self.out.push_str(if multiline { "(?=\\n|\\z)" } else { "(?=\\n?\\z)" });
                }
                '#' if self.is_verbose() => {
                    let end = self.rest.find('\n').unwrap_or(self.rest.len());
                    self.take(end);
                }
                c if self.is_verbose() && is_blank(c) => {
                    self.take(c.len_utf8());
                }
                '{' => self.brace(),
                c => {
                    self.take(c.len_utf8());
                    self.literal(c);
                }
            }
        }
        if self.verbose.len() > 1 {
            return Err("a group is not closed".to_owned());
        }
        Ok(format!("\\A{flags}(?:{})", self.out))
    }

    fn take(&mut self, length: usize) -> &'p str {
        let (head, tail) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = tail;
        head
    }

    fn literal(&mut self, c: char) {
        self.out.push(c);
    }

    /// Flags at the very start, which hold for the whole pattern.
    fn global_flags(&mut self) -> Result<String, String> {
        let mut flags = String::new();
        while let Some(body) = self.rest.strip_prefix("(?") {
            let end = body.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(body.len());
            if end == 0 || !body[end..].starts_with(')') {
                break;
            }
            for flag in body[..end].chars() {
                match flag {
                    'i' | 's' | 'm' if !flags.contains(flag) => flags.push(flag),
                    'i' | 's' | 'm' | 'u' => {}
                    'x' => self.verbose = vec![true],
                    'a' | 'L' => return Err(format!("the flag `(?{flag})` is not supported")),
                    _ => return Err(format!("there is no flag `{flag}`")),
                }
                if flag == 'm' {
                    self.multiline = vec![true];
                }
            }
            self.take(2 + end + 1);
        }
        Ok(if flags.is_empty() { flags } else { format!("(?{flags})") })
    }

    fn group(&mut self) -> Result<(), String> {
        if self.verbose.len() > 200 {
            return Err("groups are nested too deep".to_owned());
        }
        let (mut verbose, mut multiline) = (self.is_verbose(), self.multiline.last().copied().unwrap_or(false));
        let Some(body) = self.rest.strip_prefix("(?") else {
            self.take(1);
            if self.rest.starts_with('*') {
                return Err("nothing to repeat after `(`".to_owned());
            }
            self.groups += 1;
            self.out.push('(');
            self.verbose.push(verbose);
            self.multiline.push(multiline);
            return Ok(());
        };
        if body.starts_with('#') {
            let end = body.find(')').ok_or("a comment is not closed")?;
            self.take(2 + end + 1);
            return Ok(());
        }
        for plain in ["(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>"] {
            if self.rest.starts_with(plain) {
                let text = self.take(plain.len());
                self.out.push_str(text);
                self.verbose.push(verbose);
                self.multiline.push(multiline);
                return Ok(());
            }
        }
        if let Some(name) = body.strip_prefix("P<") {
            let end = name.find('>').ok_or("a group's name is not closed")?;
            check_name(&name[..end])?;
            self.groups += 1;
            let text = self.take(4 + end + 1);
            self.out.push_str(text);
            self.verbose.push(verbose);
            self.multiline.push(multiline);
            return Ok(());
        }
        if let Some(name) = body.strip_prefix("P=") {
            let end = name.find(')').ok_or("a reference is not closed")?;
            check_name(&name[..end])?;
            let text = self.take(4 + end + 1);
            self.out.push_str(text);
            return Ok(());
        }
        if let Some(name) = body.strip_prefix('(') {
            let end = name.find(')').ok_or("a condition is not closed")?;
            let number = name[..end].parse::<u32>().ok();
            match number {
                Some(0) => return Err("there is no group 0 to test".to_owned()),
                Some(_) => {}
                None => check_name(&name[..end])?,
            }
            self.take(3 + end + 1);
            match number {
                Some(n) => self.out.push_str(&format!("(?({n})")),
                None => self.out.push_str(&format!("(?(<{}>)", &name[..end])),
            }
            self.verbose.push(verbose);
            self.multiline.push(multiline);
            return Ok(());
        }
        let end = body.find([':', ')']).ok_or("a group is not closed")?;
        if !body[end..].starts_with(':') {
            return Err(if body[..end].bytes().all(|b| b.is_ascii_alphabetic()) && end > 0 {
                "flags for the whole pattern must stand at its start".to_owned()
            } else {
                "an unknown kind of group".to_owned()
            });
        }
        let (on, off) = body[..end].split_once('-').unwrap_or((&body[..end], ""));
        let mut flags = String::new();
        for (text, value) in [(on, true), (off, false)] {
            if !value && body[..end].contains('-') {
                if text.is_empty() {
                    return Err("a flag is missing after `-`".to_owned());
                }
                flags.push('-');
            }
            for flag in text.chars() {
                match flag {
                    'i' | 's' => flags.push(flag),
                    'm' => {
                        multiline = value;
                        flags.push('m');
                    }
                    'x' => verbose = value,
                    'u' if value => {}
                    'a' | 'L' if value => return Err(format!("the flag `(?{flag})` is not supported")),
                    _ => return Err(format!("there is no flag `{}`", flag.escape_debug())),
                }
            }
        }
        self.take(2 + end + 1);
        let flags = flags.strip_suffix('-').unwrap_or(&flags);
        self.out.push_str(&format!("(?{flags}:"));
        self.verbose.push(verbose);
        self.multiline.push(multiline);
        Ok(())
    }

    /// `{` begins a repetition only where it is one; elsewhere it is a literal.
    fn brace(&mut self) {
        let body = &self.rest[1..];
        let end = body.find('}');
        let inner = end.and_then(|end| body.get(..end)).unwrap_or("x");
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let repetition = match inner.split_once(',') {
            Some((least, most)) => digits(least) && digits(most),
            None => !inner.is_empty() && digits(inner),
        };
        if !repetition {
            self.take(1);
            self.out.push_str("\\{");
            return;
        }
        self.take(inner.len() + 2);
        match inner.split_once(',') {
            Some(("", "")) => self.out.push('*'),
            Some(("", most)) => self.out.push_str(&format!("{{0,{most}}}")),
            _ => self.out.push_str(&format!("{{{inner}}}")),
        }
    }

    /// An escape, in a class or outside.
    fn escape(&mut self, in_class: bool) -> Result<(), String> {
        let mut chars = self.rest.chars();
        chars.next();
        let Some(c) = chars.next() else { return Err("the pattern ends in a backslash".to_owned()) };
        let length = 1 + c.len_utf8();
        match c {
            'd' | 'D' | 's' | 'S' | 'w' | 'W' | 'n' | 't' | 'r' | 'f' | 'v' | 'a' => {
                let text = self.take(length);
                // Python's blanks also count the four separators of ASCII.
                match (c, in_class) {
                    ('s', true) => self.out.push_str("\\s\\x1c-\\x1f"),
                    ('s', false) => self.out.push_str("[\\s\\x1c-\\x1f]"),
                    ('S', false) => self.out.push_str("[^\\s\\x1c-\\x1f]"),
                    _ => self.out.push_str(text),
                }
            }
            'b' if in_class => {
                self.take(length);
                self.out.push_str("\\x08");
            }
            'b' | 'B' | 'A' if !in_class => {
                let text = self.take(length);
                self.out.push_str(text);
            }
            'Z' if !in_class => {
                self.take(length);
                self.out.push_str("\\z");
            }
            'x' => self.hex(2)?,
            'u' => self.hex(4)?,
            'U' => self.hex(8)?,
            '0'..='9' => self.number(in_class)?,
            'N' => return Err("`\\N{...}` is not supported; write the character itself".to_owned()),
            c if c.is_ascii_alphabetic() => return Err(format!("there is no escape `\\{c}`")),
            c => {
                self.take(length);
                self.quote(c);
            }
        }
        Ok(())
    }

    /// A character that means only itself.
    fn quote(&mut self, c: char) {
        if c.is_ascii_punctuation() {
            self.out.push('\\');
        }
        if c.is_ascii_whitespace() {
            self.out.push_str(&format!("\\x{:02x}", c as u32));
        } else {
            self.out.push(c);
        }
    }

    fn hex(&mut self, count: usize) -> Result<(), String> {
        let digits = self.rest.get(2..2 + count).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let digits = digits.ok_or_else(|| format!("this escape needs {count} hexadecimal digits"))?;
        let point = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
        let c = point.ok_or_else(|| format!("`{digits}` is no character"))?;
        self.take(2 + count);
        self.out.push_str(&format!("\\x{{{:x}}}", c as u32));
        Ok(())
    }

    /// `\0` and octal numbers are characters, other numbers refer to groups.
    fn number(&mut self, in_class: bool) -> Result<(), String> {
        let body = &self.rest[1..];
        let octal = body.bytes().take(3).take_while(|b| matches!(b, b'0'..=b'7')).count();
        let is_octal = body.starts_with('0') || octal == 3 || in_class;
        if is_octal {
            if octal == 0 {
                return Err("there is no such escape in a class".to_owned());
            }
            let code = u32::from_str_radix(&body[..octal], 8).unwrap_or(u32::MAX);
            if code > 0o377 {
                return Err("an octal escape is above 0o377".to_owned());
            }
            self.take(1 + octal);
            self.out.push_str(&format!("\\x{{{code:x}}}"));
            return Ok(());
        }
        let digits = body.bytes().take(2).take_while(u8::is_ascii_digit).count();
        let group: u32 = body[..digits].parse().unwrap_or(u32::MAX);
        if group > self.groups {
            return Err(format!("there is no group {group}"));
        }
        self.take(1 + digits);
        // In a group of its own, so that digits that follow stay digits.
        self.out.push_str(&format!("(?:\\{group})"));
        Ok(())
    }

    fn class(&mut self) -> Result<(), String> {
        self.take(1);
        self.out.push('[');
        if self.rest.starts_with('^') {
            self.take(1);
            self.out.push('^');
        }
        let mut first = true;
        loop {
            let Some(c) = self.rest.chars().next() else { return Err("a class is not closed".to_owned()) };
            match c {
                ']' if !first => {
                    self.take(1);
                    self.out.push(']');
                    return Ok(());
                }
                '\\' => self.escape(true)?,
                '-' => {
                    self.take(1);
                    // At either end it is a literal; two would be a difference of classes in the engine.
                    let literal = first || self.rest.starts_with(']');
                    self.out.push_str(if literal { "\\-" } else { "-" });
                    if !literal && self.rest.starts_with('-') {
                        self.take(1);
                        self.out.push_str("\\-");
                    }
                }
                c => {
                    self.take(c.len_utf8());
                    self.quote(c);
                }
            }
            first = false;
        }
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

fn check_name(name: &str) -> Result<(), String> {
    let good = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if good {
        Ok(())
    } else {
        Err(format!("`{}` is no name of a group", name.chars().take(40).collect::<String>().escape_debug()))
    }
}
