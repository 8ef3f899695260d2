//! The *translation* of Python's syntax into the engine's. It follows Python's parser closely enough to refuse what Python
//! refuses, so that a pattern that passes means the same to both.

use super::error::PatternError;

/// How many groups may be open at once.
const MAX_GROUPS_OPEN: usize = 100;

/// A pattern in the engine's syntax, anchored at the start; or what is wrong with it.
pub(super) fn translate(pattern: &str) -> Result<String, PatternError> {
    Translator::new(pattern).run()
}

/// What stands before a repetition, which decides whether it may stand there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    Anchor,
    Atom,
    Repetition,
}

/// A group that is open, or the pattern.
#[derive(Clone, Copy)]
struct Frame {
    /// Whether the flag `x` is on.
    verbose: bool,
    /// Whether the flag `m` is on.
    multiline: bool,
    /// The number of a capturing group.
    number: Option<u32>,
}

/// Rewrites Python's syntax into the engine's.
struct Translator<'p> {
    rest: &'p str,
    out: String,
    frames: Vec<Frame>,
    before: Before,
    /// How many capturing groups were opened.
    groups: u32,
    /// The largest group that a condition asks for; it may come later.
    wanted: u32,
    names: Vec<(&'p str, u32)>,
}

impl<'p> Translator<'p> {
    fn new(pattern: &'p str) -> Self {
        Self {
            rest: pattern,
            out: String::new(),
            frames: vec![Frame { verbose: false, multiline: false, number: None }],
            before: Before::Nothing,
            groups: 0,
            wanted: 0,
            names: Vec::new(),
        }
    }

    fn frame(&self) -> Frame {
        self.frames.last().copied().unwrap_or(Frame { verbose: false, multiline: false, number: None })
    }

    fn run(mut self) -> Result<String, PatternError> {
        let flags = self.global_flags()?;
        while let Some(c) = self.rest.chars().next() {
            match c {
                '\\' => self.escape(false)?,
                '[' => {
                    self.class()?;
                    self.before = Before::Atom;
                }
                '(' => self.group()?,
                ')' => {
                    self.take(1);
                    if self.frames.len() == 1 {
                        return Err("`)` without `(`".into());
                    }
                    self.frames.pop();
                    self.push(")", Before::Atom);
                }
                '^' => {
                    self.take(1);
                    self.push("^", Before::Anchor);
                }
                '$' => {
                    self.take(1);
                    let end = if self.frame().multiline { "(?=\\n|\\z)" } else { "(?=\\n?\\z)" };
                    self.push(end, Before::Anchor);
                }
                '|' => {
                    self.take(1);
                    self.push("|", Before::Nothing);
                }
                '*' | '+' | '?' => {
                    let text = self.take(1);
                    self.repetition(text)?;
                }
                '{' => self.brace()?,
                '#' if self.frame().verbose => {
                    let end = self.rest.find('\n').unwrap_or(self.rest.len());
                    self.take(end);
                }
                c if self.frame().verbose && is_blank(c) => {
                    self.take(c.len_utf8());
                }
                c => {
                    let text = self.take(c.len_utf8());
                    self.push(text, Before::Atom);
                }
            }
        }
        if self.frames.len() > 1 {
            return Err("a group is not closed".into());
        }
        if self.wanted > self.groups {
            return Err(format!("there is no group {}", self.wanted).into());
        }
        Ok(format!("\\A{flags}(?:{})", self.out))
    }

    fn take(&mut self, length: usize) -> &'p str {
        let (head, tail) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = tail;
        head
    }

    fn push(&mut self, text: &str, before: Before) {
        self.out.push_str(text);
        self.before = before;
    }

    /// Flags at the very start, which hold for the whole pattern.
    fn global_flags(&mut self) -> Result<String, PatternError> {
        let mut flags = String::new();
        while let Some(body) = self.rest.strip_prefix("(?") {
            if body.starts_with('#') {
                self.comment(body)?;
                continue;
            }
            let end = body.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(body.len());
            if end == 0 || !body[end..].starts_with(')') {
                break;
            }
            let Some(frame) = self.frames.last_mut() else { break };
            for flag in body[..end].chars() {
                match flag {
                    'i' | 's' | 'm' if !flags.contains(flag) => flags.push(flag),
                    'i' | 's' | 'm' | 'u' => {}
                    'x' => frame.verbose = true,
                    'a' | 'L' => return Err(format!("the flag `(?{flag})` is not supported").into()),
                    _ => return Err(format!("there is no flag `{flag}`").into()),
                }
                frame.multiline |= flag == 'm';
            }
            self.take(2 + end + 1);
        }
        Ok(if flags.is_empty() { flags } else { format!("(?{flags})") })
    }

    fn comment(&mut self, body: &str) -> Result<(), PatternError> {
        let end = body.find(')').ok_or("a comment is not closed")?;
        self.take(2 + end + 1);
        Ok(())
    }

    fn open(&mut self, text: &str, frame: Frame) -> Result<(), PatternError> {
        if self.frames.len() > MAX_GROUPS_OPEN {
            return Err("groups are nested too deep".into());
        }
        self.frames.push(frame);
        self.push(text, Before::Nothing);
        Ok(())
    }

    fn open_capturing(&mut self) -> Result<(), PatternError> {
        self.groups += 1;
        let number = Some(self.groups);
        self.open("(", Frame { number, ..self.frame() })
    }

    fn group(&mut self) -> Result<(), PatternError> {
        let plain = Frame { number: None, ..self.frame() };
        let Some(body) = self.rest.strip_prefix("(?") else {
            self.take(1);
            return self.open_capturing();
        };
        if body.starts_with('#') {
            return self.comment(body);
        }
        for start in ["(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>"] {
            if self.rest.starts_with(start) {
                self.take(start.len());
                return self.open(start, plain);
            }
        }
        if let Some(name) = body.strip_prefix("P<") {
            let end = name.find('>').ok_or("a group's name is not closed")?;
            let name = check_name(&name[..end])?;
            if self.names.iter().any(|(other, _)| *other == name) {
                return Err(format!("there are two groups `{}`", name.escape_debug()).into());
            }
            self.take(4 + end + 1);
            self.names.push((name, self.groups + 1));
            return self.open_capturing();
        }
        if let Some(name) = body.strip_prefix("P=") {
            let end = name.find(')').ok_or("a reference is not closed")?;
            let number = self.named(&name[..end])?;
            self.take(4 + end + 1);
            return self.refer(number);
        }
        if let Some(name) = body.strip_prefix('(') {
            let end = name.find(')').ok_or("a condition is not closed")?;
            let number = match name[..end].parse::<u32>() {
                Ok(0) => return Err("there is no group 0 to test".into()),
                Ok(number) => number,
                Err(_) => self.named(&name[..end])?,
            };
            self.wanted = self.wanted.max(number);
            self.take(3 + end + 1);
            return self.open(&format!("(?({number})"), plain);
        }
        let end = body.find([':', ')']).ok_or("a group is not closed")?;
        let letters = &body[..end];
        if !body[end..].starts_with(':') {
            let flags = !letters.is_empty() && letters.bytes().all(|b| b.is_ascii_alphabetic());
            let what =
                if flags { "flags for the whole pattern must stand at its start" } else { "an unknown kind of group" };
            return Err(what.into());
        }
        let (flags, frame) = local_flags(letters, plain)?;
        self.take(2 + end + 1);
        self.open(&format!("(?{flags}:"), frame)
    }

    /// The number of a named group.
    fn named(&self, name: &str) -> Result<u32, PatternError> {
        let name = check_name(name)?;
        let found = self.names.iter().find(|(other, _)| *other == name);
        found.map(|(_, number)| *number).ok_or_else(|| format!("there is no group `{}`", name.escape_debug()).into())
    }

    /// A reference to what a group matched, in a group of its own, so that digits that follow stay digits.
    fn refer(&mut self, number: u32) -> Result<(), PatternError> {
        if number > self.groups {
            return Err(format!("there is no group {number}").into());
        }
        if self.frames.iter().any(|frame| frame.number == Some(number)) {
            return Err(format!("group {number} is still open where it is referred to").into());
        }
        self.push(&format!("(?:\\{number})"), Before::Atom);
        Ok(())
    }

    fn repetition(&mut self, text: &str) -> Result<(), PatternError> {
        match self.before {
            Before::Atom => {}
            Before::Repetition => return Err(format!("`{text}` repeats a repetition").into()),
            Before::Nothing | Before::Anchor => {
                return Err(format!("there is nothing that `{text}` could repeat").into());
            }
        }
        self.out.push_str(text);
        if self.rest.starts_with(['?', '+']) {
            let more = self.take(1);
            self.out.push_str(more);
        }
        self.before = Before::Repetition;
        Ok(())
    }

    /// `{` begins a repetition only where it is one; elsewhere it is a literal.
    fn brace(&mut self) -> Result<(), PatternError> {
        let body = &self.rest[1..];
        let inner = body.find('}').and_then(|end| body.get(..end)).unwrap_or("x");
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let bounds = match inner.split_once(',') {
            Some((least, most)) if digits(least) && digits(most) => Some((least, most)),
            None if !inner.is_empty() && digits(inner) => Some((inner, inner)),
            _ => None,
        };
        let Some((least, most)) = bounds else {
            self.take(1);
            self.push("\\{", Before::Atom);
            return Ok(());
        };
        self.take(inner.len() + 2);
        let number = |text: &str, empty| if text.is_empty() { Ok(empty) } else { text.parse::<u32>() };
        let too_large = |_| format!("`{{{inner}}}` repeats too often");
        let (low, high) = (number(least, 0).map_err(too_large)?, number(most, u32::MAX).map_err(too_large)?);
        if low > high {
            return Err(format!("`{{{inner}}}` has its bounds the wrong way round").into());
        }
        let text = if most.is_empty() { format!("{{{low},}}") } else { format!("{{{low},{high}}}") };
        self.repetition(&text)
    }

    /// An escape, in a class or outside.
    fn escape(&mut self, in_class: bool) -> Result<(), PatternError> {
        let mut chars = self.rest.chars();
        chars.next();
        let Some(c) = chars.next() else { return Err("the pattern ends in a backslash".into()) };
        let length = 1 + c.len_utf8();
        match c {
            'd' | 'D' | 's' | 'S' | 'w' | 'W' | 'n' | 't' | 'r' | 'f' | 'v' | 'a' => {
                let text = self.take(length);
                // Python's blanks also count the four separators of ASCII.
                match (c, in_class) {
                    ('s', true) => self.out.push_str("\\s\\x1c-\\x1f"),
                    ('s', false) => self.out.push_str("[\\s\\x1c-\\x1f]"),
                    ('S', _) => self.out.push_str("[^\\s\\x1c-\\x1f]"),
                    _ => self.out.push_str(text),
                }
            }
            'b' if in_class => {
                self.take(length);
                self.out.push_str("\\x08");
            }
            'b' | 'B' | 'A' | 'Z' if !in_class => {
                self.take(length);
                let text = match c {
                    'b' => "\\b",
                    // Python finds neither border in an empty text.
                    'B' => "(?:(?!\\A\\z)\\B)",
                    'A' => "\\A",
                    _ => "\\z",
                };
                self.push(text, Before::Anchor);
                return Ok(());
            }
            'x' => self.hex(2)?,
            'u' => self.hex(4)?,
            'U' => self.hex(8)?,
            '0'..='9' => self.number(in_class)?,
            'N' => return Err("`\\N{...}` is not supported; write the character itself".into()),
            c if c.is_ascii_alphabetic() => return Err(format!("there is no escape `\\{c}`").into()),
            c => {
                self.take(length);
                self.quote(c);
            }
        }
        self.before = Before::Atom;
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

    fn hex(&mut self, count: usize) -> Result<(), PatternError> {
        let digits = self.rest.get(2..2 + count).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let digits = digits.ok_or_else(|| format!("this escape needs {count} hexadecimal digits"))?;
        let point = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
        let c = point.ok_or_else(|| format!("`{digits}` is not a character"))?;
        self.take(2 + count);
        self.out.push_str(&format!("\\x{{{:x}}}", c as u32));
        Ok(())
    }

    /// `\0` and octal numbers are characters, other numbers refer to groups.
    fn number(&mut self, in_class: bool) -> Result<(), PatternError> {
        let body = &self.rest[1..];
        let octal = body.bytes().take(3).take_while(|b| matches!(b, b'0'..=b'7')).count();
        let is_octal = body.starts_with('0') || octal == 3 || in_class;
        if is_octal {
            if octal == 0 {
                return Err("there is no such escape in a class".into());
            }
            let code = u32::from_str_radix(&body[..octal], 8).unwrap_or(u32::MAX);
            if code > 0o377 {
                return Err("an octal escape is above 0o377".into());
            }
            self.take(1 + octal);
            self.out.push_str(&format!("\\x{{{code:x}}}"));
            return Ok(());
        }
        let digits = body.bytes().take(2).take_while(u8::is_ascii_digit).count();
        let group: u32 = body[..digits].parse().unwrap_or(u32::MAX);
        self.take(1 + digits);
        self.refer(group)
    }

    fn class(&mut self) -> Result<(), PatternError> {
        self.take(1);
        self.out.push('[');
        if self.rest.starts_with('^') {
            self.take(1);
            self.out.push('^');
        }
        let mut first = true;
        loop {
            let Some(c) = self.rest.chars().next() else { return Err("a class is not closed".into()) };
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

/// The flags of a group in the engine's spelling, and what they make of the frame.
fn local_flags(letters: &str, mut frame: Frame) -> Result<(String, Frame), PatternError> {
    let (on, off) = letters.split_once('-').unwrap_or((letters, ""));
    if letters.contains('-') && off.is_empty() {
        return Err("a flag is missing after `-`".into());
    }
    let mut flags = String::new();
    for (text, value) in [(on, true), (off, false)] {
        if !value {
            flags.push('-');
        }
        for flag in text.chars() {
            match flag {
                'i' | 's' => flags.push(flag),
                'm' => {
                    frame.multiline = value;
                    flags.push('m');
                }
                'x' => frame.verbose = value,
                'u' if value => {}
                'a' | 'L' if value => return Err(format!("the flag `(?{flag})` is not supported").into()),
                _ => return Err(format!("there is no flag `{}`", flag.escape_debug()).into()),
            }
        }
    }
    Ok((flags.strip_suffix('-').unwrap_or(&flags).to_owned(), frame))
}

fn check_name(name: &str) -> Result<&str, PatternError> {
    let start = |c: char| c.is_alphabetic() || c == '_';
    if name.starts_with(start) && name.chars().all(|c| start(c) || c.is_numeric()) {
        return Ok(name);
    }
    let shown: String = name.chars().take(40).collect();
    Err(format!("`{}` is not a name of a group", shown.escape_debug()).into())
}
