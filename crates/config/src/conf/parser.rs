//! The *parser*: statements and values of one file (facts: language 2).

use super::ahead::{Ahead, with_ahead};
use super::lexer::{Kind, LexError, Lexer, Token};
use super::scope::{Nested, Scope, Variable};
use super::shared::SharedTexts;
use super::spares::Spares;
use super::{Reader, problem};
use crate::diagnostic::Diagnostic;
use crate::limits;
use crate::source::{FileId, Source, Sources, Span};
use crate::tree::{Dict, Node, Value};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

pub(super) type Parsed<T> = Result<T, Box<Diagnostic>>;

/// What all files of one configuration share.
pub(super) struct Env<'e> {
    pub(super) sources: &'e mut Sources,
    pub(super) read: Reader<'e>,
    /// The files that are being read, outermost first, and where each was included.
    pub(super) open: Vec<(PathBuf, Option<Span>)>,
    /// Files that were read already.
    pub(super) known: HashMap<PathBuf, FileId>,
    /// How many files may still be included.
    pub(super) includes_left: usize,
    /// How many bytes of files may still be read.
    pub(super) bytes_left: usize,
    /// How much text format expressions may still make.
    pub(super) format_left: usize,
}

impl Env<'_> {
    /// For reading what needs none of it.
    pub(super) fn nothing(sources: &mut Sources) -> Env<'_> {
        Env {
            sources,
            read: &|_| Err(std::io::ErrorKind::NotFound.into()),
            open: Vec::new(),
            known: HashMap::new(),
            includes_left: 0,
            bytes_left: 0,
            format_left: 0,
        }
    }
}

pub(super) fn parse_main(file: FileId, sources: &mut Sources, read: Reader<'_>, before: &Dict) -> Parsed<Node> {
    let source = sources.file(file).clone();
    let mut scope = Scope::default();
    for (key, value) in &before.entries {
        if let Value::Str(name) = &key.value {
            let value = Nested { node: value.clone(), depth: value.depth() };
            scope.set(Variable { name: name.clone(), span: key.span, value });
        }
    }
    let mut env = Env {
        sources,
        read,
        open: vec![(source.path.clone(), None)],
        known: HashMap::from([(source.path.clone(), file)]),
        includes_left: limits::MAX_INCLUDES,
        bytes_left: limits::MAX_TOTAL.saturating_sub(source.text.len()),
        format_left: limits::MAX_FORMATTED,
    };
    let scope = parse_file(&mut env, file, &source, scope)?;
    let span = Span::new(file, 0, source.text.len());
    Ok(Node::new(Value::Dict(Arc::new(scope.into_dict())), span))
}

/// Reads one file with the variables of `scope` and gives them back with the file's own.
pub(super) fn parse_file(env: &mut Env<'_>, file: FileId, source: &Source, scope: Scope) -> Parsed<Scope> {
    with_ahead(file, source, |ahead| {
        let mut parser = Parser { scope, ahead, ..Parser::new(env, file, source) };
        parser.statements()?;
        Ok(parser.scope)
    })
}

/// What there is to write.
const STATEMENTS: &str =
    "write `NAME = VALUE`, or `from FILE import *` to include FILE.conf; nothing else is a statement";

/// What stands before the first token.
const NOTHING: Token = Token { kind: Kind::Newline, start: 0, end: 0, is_plain: false };

/// The state of reading one file.
pub(super) struct Parser<'p, 'e> {
    pub(super) env: &'p mut Env<'e>,
    pub(super) file: FileId,
    pub(super) text: &'p str,
    pub(super) lexer: Lexer<'p>,
    peeked: Option<Token>,
    /// The last token that was taken and was not a line end, and the one before it.
    pub(super) last: Token,
    pub(super) previous: Token,
    pub(super) scope: Scope,
    /// The brackets that are open, outermost first.
    pub(super) open: Vec<Token>,
    pub(super) ahead: Option<Ahead>,
    pub(super) texts: SharedTexts,
    pub(super) spares: Spares,
}

impl<'p, 'e> Parser<'p, 'e> {
    /// At the beginning of a file, without variables.
    pub(super) fn new(env: &'p mut Env<'e>, file: FileId, source: &'p Source) -> Self {
        Self {
            env,
            file,
            text: &source.text,
            lexer: Lexer::new(&source.text, source.newline_added),
            peeked: None,
            last: NOTHING,
            previous: NOTHING,
            scope: Scope::default(),
            open: Vec::new(),
            ahead: None,
            texts: SharedTexts::new(),
            spares: Spares::default(),
        }
    }

    /// The next token, line ends included.
    pub(super) fn raw(&mut self) -> Parsed<Token> {
        let token = match self.peeked.take() {
            Some(token) => token,
            None => self.lexer.token().map_err(|error| self.lex_problem(error))?,
        };
        self.previous = self.last;
        if token.kind != Kind::Newline {
            self.last = token;
        }
        Ok(token)
    }

    /// The next token that is not a line end.
    pub(super) fn token(&mut self) -> Parsed<Token> {
        if self.peeked.is_none()
            && let Some(token) = self.lexer.common()
        {
            self.previous = self.last;
            self.last = token;
            return Ok(token);
        }
        loop {
            let token = self.raw()?;
            if token.kind != Kind::Newline {
                return Ok(token);
            }
        }
    }

    /// Whether what follows `token` in its line is punctuation that ends a value, or the end of the line.
    pub(super) fn ends_value(&self, token: Token) -> bool {
        let behind = self.text.as_bytes().get(token.end..).unwrap_or_default();
        let next = behind.iter().find(|b| **b != b' ');
        matches!(next, Some(b',' | b':' | b'\n' | b']' | b'}' | b')'))
    }

    pub(super) fn push_back(&mut self, token: Token) {
        self.peeked = Some(token);
        self.last = self.previous;
    }

    pub(super) fn word(&self, token: Token) -> &'p str {
        self.text.get(token.start..token.end).unwrap_or("")
    }

    /// The character of an operator or bracket of one character; a NUL for every other token.
    pub(super) fn sign(&self, token: Token) -> u8 {
        let is_one = token.kind == Kind::Op && token.end == token.start + 1;
        if is_one { self.text.as_bytes().get(token.start).copied().unwrap_or(0) } else { 0 }
    }

    pub(super) fn span(&self, token: Token) -> Span {
        Span::new(self.file, token.start, token.end)
    }

    fn lex_problem(&self, error: LexError) -> Diagnostic {
        let point = |at| Span::new(self.file, at, at + 1);
        match error {
            LexError::OpenStatement => {
                let end = Span::new(self.file, self.text.len(), self.text.len());
                match self.open.last() {
                    Some(opener) => {
                        let bracket = self.word(*opener);
                        let found = problem(format!("the file ends before `{bracket}` is closed"));
                        found.at(end).related(self.span(*opener), "opened here")
                    }
                    None => problem("the file ends in the middle of a statement").at(end),
                }
            }
            LexError::OpenString(start) => problem("a string is not terminated").at(point(start)),
            LexError::Dedent(at) => {
                let found = problem("this line is indented less than the one before, but not as any earlier line");
                found.at(point(at)).help("indentation means nothing here, but it must be consistent")
            }
        }
    }

    /// The complaint about a token that cannot stand here.
    pub(super) fn unexpected(&self, token: Token, wanted: &str) -> Diagnostic {
        let span = self.span(token);
        match token.kind {
            Kind::End => problem(format!("expected {wanted}, but the file ends here")).at(span),
            Kind::Error => self.error_token(token),
            // Not the string itself, which may be a password.
            Kind::Str => problem(format!("expected {wanted}, found a string")).at(span),
            _ => {
                let found: String = self.word(token).chars().take(40).collect();
                problem(format!("expected {wanted}, found `{found}`")).at(span)
            }
        }
    }

    /// What is wrong where no token begins. The lexer points at the blank before it, as Python's does.
    fn error_token(&self, token: Token) -> Diagnostic {
        let rest = self.text.get(token.start..).unwrap_or("");
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t', '\x0c']).len();
        let at = token.start + blanks;
        let Some(c) = rest.get(blanks..).and_then(|rest| rest.chars().next()) else {
            return problem("expected a statement").at(self.span(token));
        };
        let word = rest.get(blanks..).unwrap_or("").trim_start_matches(|c| "bBrRuUfF".contains(c));
        if word.starts_with(['"', '\'']) {
            return problem("a string is not terminated").at(Span::new(self.file, at, at + 1));
        }
        let span = Span::new(self.file, at, at + c.len_utf8());
        let found = problem(format!("unexpected character `{}`", c.escape_debug())).at(span);
        if c == '\u{feff}' {
            found.help("save the file without a byte order mark")
        } else if matches!(c, '“' | '”' | '‘' | '’') {
            found.help("use plain quotes, \" or '")
        } else if matches!(c, '!' | '$' | '?') {
            found.help("put text in quotes")
        } else {
            found
        }
    }

    pub(super) fn statements(&mut self) -> Parsed<()> {
        loop {
            let token = self.token()?;
            match token.kind {
                Kind::End => return Ok(()),
                Kind::Name => match self.word(token) {
                    "from" => self.include(token)?,
                    "global" => self.global()?,
                    _ => self.assignment(token)?,
                },
                _ => {
                    let found = self.unexpected(token, "a name, `from` or `global`");
                    // What begins a line stands behind no value.
                    let line = self.text.get(..token.start).and_then(|before| before.rsplit('\n').next());
                    let is_behind = token.kind == Kind::Op && line.is_some_and(|line| !line.trim().is_empty());
                    let hint = hint(self.word(token)).filter(|_| is_behind).unwrap_or(STATEMENTS);
                    return Err(Box::new(if found.help.is_none() { found.help(hint) } else { found }));
                }
            }
        }
    }

    /// Sets a variable, if it may have that name.
    pub(super) fn set(&mut self, name: &Arc<str>, span: Span, value: Nested) -> Parsed<()> {
        if name.starts_with('_') {
            return Err(Box::new(problem(format!("`{name}`: a name that begins with `_` cannot be set")).at(span)));
        }
        self.scope.set(Variable { name: name.clone(), span, value });
        Ok(())
    }

    fn check_keyword(&self, token: Token) -> Parsed<()> {
        let word = self.word(token);
        if !is_keyword(word) {
            return Ok(());
        }
        let message = match word {
            "True" | "False" | "None" => format!("`{word}` is a value and cannot be set"),
            _ => format!("Python statements are not supported: `{word}`"),
        };
        let found = problem(message).at(self.span(token));
        Err(Box::new(if word == "import" {
            found.help("to include FILE.conf, write `from FILE import *`")
        } else {
            found.help(STATEMENTS)
        }))
    }

    fn global(&mut self) -> Parsed<()> {
        let token = self.token()?;
        match token.kind {
            Kind::End => Ok(()),
            Kind::Name => {
                self.check_keyword(token)?;
                let (name, span) = (Arc::from(self.word(token)), self.span(token));
                self.set(&name, span, Nested { node: Node::new(Value::Null, span), depth: 0 })?;
                self.scope.add_global(&name);
                Ok(())
            }
            _ => Err(self.unexpected(token, "a name after `global`").into()),
        }
    }

    fn assignment(&mut self, name: Token) -> Parsed<()> {
        self.check_keyword(name)?;
        let equals = self.token()?;
        if self.word(equals) != "=" {
            return Err(self.unexpected(equals, &format!("`=` after `{}`", self.word(name))).into());
        }
        let value = self.value(0)?;
        self.set(&Arc::from(self.word(name)), self.span(name), value)
    }
}

/// What to write instead of an operator behind a value.
fn hint(operator: &str) -> Option<&'static str> {
    Some(match operator {
        "+" => "strings are put together with `%`: \"%s-%s\" % (a, b)",
        "-" | "*" | "/" | "%" => "the only operator is `%` after a string",
        "," | ";" => "remove it: nothing separates statements",
        "." | "[" | "(" => "values cannot be indexed or called",
        _ => return None,
    })
}

/// Python's keywords, `from` and `global` excepted, which begin statements here.
fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "False"
            | "None"
            | "True"
            | "and"
            | "as"
            | "assert"
            | "async"
            | "await"
            | "break"
            | "class"
            | "continue"
            | "def"
            | "del"
            | "elif"
            | "else"
            | "except"
            | "finally"
            | "for"
            | "from"
            | "global"
            | "if"
            | "import"
            | "in"
            | "is"
            | "lambda"
            | "nonlocal"
            | "not"
            | "or"
            | "pass"
            | "raise"
            | "return"
            | "try"
            | "while"
            | "with"
            | "yield"
    )
}
