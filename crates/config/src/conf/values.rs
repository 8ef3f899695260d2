//! *Values*: constants, variables, numbers, strings with their formatting, and what brackets hold (facts: language 3, language 4, language 6).

use super::dict::Refused;
use super::lexer::{Kind, Token};
use super::parser::{Parsed, Parser};
use super::problem;
use super::scope::Nested;
use crate::diagnostic::Diagnostic;
use crate::limits;
use crate::python;
use crate::source::Span;
use crate::tree::{Node, Value};
use std::sync::Arc;

impl Parser<'_, '_> {
    /// A value inside `level` brackets.
    pub(super) fn value(&mut self, level: u32) -> Parsed<Nested> {
        let token = self.token()?;
        self.value_at(token, level)
    }

    fn value_at(&mut self, token: Token, level: u32) -> Parsed<Nested> {
        match token.kind {
            Kind::Name => self.variable(token),
            Kind::Number => {
                let node = self.number(token, token, "")?;
                Ok(Nested { node, depth: 0 })
            }
            Kind::Str => self.string(token, level),
            Kind::Op => {
                let inner = level + 1;
                match self.sign(token) {
                    b'-' => {
                        let number = self.token()?;
                        if number.kind != Kind::Number {
                            return Err(self.unexpected(number, "a number after `-`").into());
                        }
                        let node = self.number(token, number, "-")?;
                        Ok(Nested { node, depth: 0 })
                    }
                    b'{' => self.dict(token, inner),
                    b'[' => {
                        let (items, span, depth) = self.items(token, b']', inner)?;
                        Ok(Nested { node: Node::new(Value::List(items), span), depth })
                    }
                    b'(' => {
                        let (items, span, depth) = self.items(token, b')', inner)?;
                        Ok(Nested { node: Node::new(Value::Tuple(items), span), depth })
                    }
                    _ => Err(self.unexpected(token, "a value").into()),
                }
            }
            _ => Err(self.unexpected(token, "a value").into()),
        }
    }

    fn variable(&self, token: Token) -> Parsed<Nested> {
        let span = self.span(token);
        let plain = |value| Ok(Nested { node: Node::new(value, span), depth: 0 });
        match self.word(token) {
            "True" => plain(Value::Bool(true)),
            "False" => plain(Value::Bool(false)),
            "None" => plain(Value::Null),
            name => match self.scope.get(name) {
                Some(variable) => Ok(variable.value.clone()),
                None => {
                    if let Some(found) = self.next_option(token) {
                        return Err(found.into());
                    }
                    let found = problem(format!("`{name}` is not defined")).at(span);
                    let help = match name {
                        "true" => Some("write `True`".to_owned()),
                        "false" => Some("write `False`".to_owned()),
                        "null" | "none" => Some("write `None`".to_owned()),
                        _ if self.behind(token).starts_with('(') => {
                            Some("the configuration language has no functions".to_owned())
                        }
                        _ => {
                            let known = self.scope.variables().iter().map(|variable| &*variable.name);
                            Some(match crate::did_you_mean::suggest(name, known) {
                                Some(near) => format!("did you mean `{near}`?"),
                                None => {
                                    "a bare word names a variable that was set before; put text in quotes".to_owned()
                                }
                            })
                        }
                    };
                    Err(Box::new(match help {
                        Some(help) => found.help(help),
                        None => found,
                    }))
                }
            },
        }
    }

    /// The complaint about a value that did not end, or never came, before the next option began with `name`.
    fn next_option(&self, name: Token) -> Option<Diagnostic> {
        let behind = self.behind(name).strip_prefix('=')?;
        if behind.starts_with('=') {
            return None;
        }
        let span = self.span(name);
        Some(match self.open.last() {
            Some(opener) => problem(format!("`{}` is not closed", self.word(*opener)))
                .at(self.span(*opener))
                .related(span, "here the next option begins"),
            None => problem(format!("expected a value, found the next option, `{}`", self.word(name)))
                .at(span)
                .help("give the option before it a value"),
        })
    }

    /// What follows a token in its line.
    fn behind(&self, token: Token) -> &str {
        self.text.get(token.end..).unwrap_or("").trim_start_matches([' ', '\t'])
    }

    fn number(&self, first: Token, token: Token, sign: &str) -> Parsed<Node> {
        let word = self.word(token);
        let span = self.span(first).to(self.span(token));
        let value = if word.contains('.') {
            format!("{sign}{}", word.replace('_', "")).parse().ok().map(Value::Float)
        } else {
            python::int::parse(&format!("{sign}{word}"))
        };
        let message = || {
            let shown: String = word.chars().take(40).collect();
            if word.len() > python::int::MAX_DIGITS {
                Box::new(problem("a number has too many digits").at(span))
            } else {
                let help = "write whole numbers in base ten, and fractions with a point";
                Box::new(problem(format!("`{shown}` is not a number here")).at(span).help(help))
            }
        };
        value.map(|value| Node::new(value, span)).ok_or_else(message)
    }

    /// A string and the `%` that may follow it. No escapes: the value is the token without its first and last character.
    fn string(&mut self, token: Token, level: u32) -> Parsed<Nested> {
        let word = self.word(token);
        let text = word.get(1..word.len() - 1).unwrap_or("");
        // As nearly all strings are. The others need to know what stands before and behind them.
        let is_alone = token.is_plain && self.ends_value(token);
        if !is_alone {
            let before = self.previous;
            let next = self.raw()?;
            self.remark_on_string(before, token, next);
            if self.sign(next) == b'%' {
                return self.formatted(token, text, level);
            }
            self.push_back(next);
        }
        Ok(Nested { node: Node::new(Value::Str(self.texts.share(text)), self.span(token)), depth: 0 })
    }

    /// The string `text`, written at `token`, with what stands behind its `%` filled in.
    fn formatted(&mut self, token: Token, text: &str, level: u32) -> Parsed<Nested> {
        self.check_depth(level, token)?;
        let right = self.value(level + 1)?;
        let span = Span::new(self.file, token.start, self.last.end);
        let text = python::format::format(text, &right.node.value, &mut self.env.format_left)
            .map_err(|message| Box::new(problem(format!("cannot format this string: {message}")).at(span)))?;
        Ok(Nested { node: Node::new(Value::Str(text.into()), span), depth: 0 })
    }

    fn check_depth(&self, depth: u32, token: Token) -> Parsed<()> {
        if depth <= limits::MAX_DEPTH {
            return Ok(());
        }
        let message = format!("values are nested more than {} levels deep here", limits::MAX_DEPTH);
        Err(Box::new(problem(message).at(self.span(token))))
    }

    /// Notes a bracket as open and looks whether it is one too many.
    fn enter(&mut self, opener: Token, level: u32) -> Parsed<()> {
        self.open.push(opener);
        self.check_depth(level, opener)
    }

    fn items(&mut self, opener: Token, closer: u8, level: u32) -> Parsed<(Arc<[Node]>, Span, u32)> {
        self.enter(opener, level)?;
        let mut items = self.spares.list();
        let mut depth = 1;
        loop {
            let before = self.last;
            let token = self.token()?;
            self.remark_on_neighbours(before, token, false);
            match self.sign(token) {
                b',' => {}
                sign if sign == closer => {
                    self.open.pop();
                    let list = self.spares.finish_list(items);
                    return Ok((list, self.span(opener).to(self.span(token)), depth));
                }
                b')' | b']' | b'}' | b':' | b'=' | b'+' | b'*' | b'.' => {
                    let closer = char::from(closer);
                    let found = self.unexpected(token, &format!("a value, `,` or `{closer}`"));
                    return Err(Box::new(found.related(self.span(opener), "in the brackets opened here")));
                }
                _ => {
                    let item = match self.taken_ahead(token, level) {
                        Some(item) => item,
                        None => self.value_at(token, level)?,
                    };
                    depth = depth.max(item.depth + 1);
                    self.check_depth(level + item.depth, token)?;
                    items.push(item.node);
                }
            }
        }
    }

    /// The item of a list that begins with `token`, when it was read ahead.
    fn taken_ahead(&mut self, token: Token, level: u32) -> Option<Nested> {
        let item = self.ahead.as_mut()?.take(token.start)?;
        // One that is nested too deep is complained about where it is.
        if level + item.value.depth > limits::MAX_DEPTH {
            return None;
        }
        self.lexer.leave_bracket(item.end);
        self.last = Token { kind: Kind::Op, start: item.end - 1, end: item.end, is_plain: false };
        Some(item.value)
    }

    pub(super) fn dict(&mut self, opener: Token, level: u32) -> Parsed<Nested> {
        self.enter(opener, level)?;
        let mut builder = self.spares.dict();
        let mut depth = 1;
        loop {
            let before = self.last;
            let token = self.token()?;
            self.remark_on_neighbours(before, token, true);
            if token.kind == Kind::Op {
                match self.sign(token) {
                    b',' => continue,
                    b'}' => {
                        self.open.pop();
                        let span = self.span(opener).to(self.span(token));
                        let dict = Value::Dict(self.spares.finish_dict(builder));
                        return Ok(Nested { node: Node::new(dict, span), depth });
                    }
                    b'-' => {}
                    _ => {
                        let found = self.unexpected(token, "a key, `,` or `}`");
                        return Err(Box::new(found.related(self.span(opener), "in the dict opened here")));
                    }
                }
            }
            let mut key = self.value_at(token, level)?.node;
            let key_end = self.last.end;
            // A variable's text as key: the place of the key is where it is used.
            key.span = Span::new(self.file, token.start, key_end);
            let colon = self.token()?;
            if self.sign(colon) != b':' {
                return Err(Box::new(self.unexpected(colon, "`:` after the key").related(key.span, "the key")));
            }
            let place = builder.place(&key, &mut self.env.format_left);
            let place = place.map_err(|refused| Box::new(self.refused(refused, key.span)))?;
            let value = self.value(level)?;
            depth = depth.max(value.depth + 1);
            self.check_depth(level + value.depth, token)?;
            builder.put(place, key, value.node);
        }
    }

    /// The complaint about a key at `span`.
    fn refused(&self, refused: Refused, span: Span) -> Diagnostic {
        match refused {
            Refused::Duplicate(first) => {
                let key = self.text.get(span.start as usize..span.end as usize).unwrap_or("");
                let shown: String = key.chars().take(60).collect();
                problem(format!("the key {shown} is already in this dict")).at(span).related(first.span, "first here")
            }
            Refused::Unhashable => problem("a list or dict cannot be a key").at(span),
            Refused::TooLarge => problem("this key is too large").at(span),
        }
    }
}
