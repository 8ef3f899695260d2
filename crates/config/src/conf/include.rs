//! An *include*: `from PATH import NAMES` (facts: language 8).

use super::lexer::{Kind, Token};
use super::parser::{Parsed, Parser, parse_file};
use super::problem;
use crate::diagnostic::Diagnostic;
use crate::limits;
use crate::source::Span;
use std::path::{Component, Path, PathBuf};

impl Parser<'_, '_> {
    /// The rest of the statement after `from`.
    pub(super) fn include(&mut self, from: Token) -> Parsed<()> {
        let (name, path_span) = self.include_path(from)?;
        let (names, all) = self.include_names()?;
        let included = self.include_file(&name, path_span)?;
        let before: Vec<_> = included.scope.globals().to_vec();
        for global in &before {
            self.scope.add_global(global);
        }
        if all {
            for variable in included.scope.variables() {
                self.set(&variable.name, variable.span, variable.value.clone())?;
            }
            return Ok(());
        }
        for token in names {
            let word = self.word(token);
            let Some(variable) = included.scope.get(word) else {
                let message = format!("`{word}` is not set in {}", included.path.display());
                let found = problem(message).at(self.span(token));
                let known = included.scope.variables().iter().map(|variable| &*variable.name);
                let near = crate::did_you_mean::suggest(word, known);
                return Err(Box::new(match near {
                    Some(near) => found.help(format!("did you mean `{near}`?")),
                    None => found,
                }));
            };
            let (name, value) = (variable.name.clone(), variable.value.clone());
            self.set(&name, variable.span, value)?;
        }
        Ok(())
    }

    /// The tokens up to `import`, put together.
    fn include_path(&mut self, from: Token) -> Parsed<(String, Span)> {
        let mut name = String::new();
        let mut span = self.span(from);
        loop {
            let token = self.token()?;
            let word = self.word(token);
            if token.kind == Kind::End {
                return Err(Box::new(problem("`from` without `import`").at(span)));
            }
            if word == "import" {
                return Ok((name, span));
            }
            span = if name.is_empty() { self.span(token) } else { span.to(self.span(token)) };
            name.push_str(word);
        }
    }

    /// The names after `import`, and whether `*` is among them.
    fn include_names(&mut self) -> Parsed<(Vec<Token>, bool)> {
        let mut names = Vec::new();
        let mut all = false;
        let mut token = self.token()?;
        loop {
            match token.kind {
                Kind::Name => names.push(token),
                Kind::Op if self.word(token) == "*" => all = true,
                Kind::Op if self.word(token) == "," && (all || !names.is_empty()) => {}
                Kind::Newline => return Ok((names, all)),
                Kind::End if all || !names.is_empty() => {
                    self.push_back(token);
                    return Ok((names, all));
                }
                _ => return Err(self.unexpected(token, "a name or `*` after `import`").into()),
            }
            token = self.raw()?;
        }
    }

    fn include_file(&mut self, name: &str, span: Span) -> Parsed<Included> {
        let here = self.env.sources.file(self.file).path.clone();
        let path = here.parent().unwrap_or(Path::new("")).join(format!("{name}.conf"));
        let path: PathBuf = path.components().collect();
        let normal = normalised(&path);
        if self.env.open.iter().any(|(open, _)| normalised(open) == normal) {
            let message = format!("{} includes itself", path.display());
            return Err(Box::new(self.with_includes(problem(message).at(span))));
        }
        if self.env.open.len() > limits::MAX_INCLUDE_DEPTH {
            return Err(Box::new(self.with_includes(problem("includes are nested too deep here").at(span))));
        }
        let out_of = |what: &str| Box::new(problem(format!("too many {what} are included")).at(span));
        self.env.includes_left = self.env.includes_left.checked_sub(1).ok_or_else(|| out_of("files"))?;
        let file = match self.env.known.get(&path) {
            Some(file) => *file,
            None => {
                let file = crate::load::add_file(&path, self.env.sources, self.env.read)
                    .map_err(|found| if found.span.is_none() { found.at(span) } else { found })
                    .map_err(|found| {
                        let quoted = name.contains(['"', '\'']);
                        Box::new(match name.strip_suffix(".conf") {
                            _ if quoted => found.help("write the path without quotes"),
                            Some(stem) => found.help(format!("write `from {stem} import`: `.conf` is added to it")),
                            None => found,
                        })
                    })?;
                self.env.known.insert(path.clone(), file);
                file
            }
        };
        let source = self.env.sources.file(file).clone();
        self.env.bytes_left = self.env.bytes_left.checked_sub(source.text.len()).ok_or_else(|| out_of("bytes"))?;
        self.env.open.push((path.clone(), Some(span)));
        let scope = self.scope.for_include();
        let result = parse_file(self.env, file, &source, scope);
        let result = result.map_err(|found| match found.related.len() {
            0..4 => Box::new(found.related(span, "included here")),
            _ => found,
        });
        self.env.open.pop();
        Ok(Included { path, scope: result? })
    }

    /// Adds the way by which the present file was reached.
    fn with_includes(&self, mut found: Diagnostic) -> Diagnostic {
        for (_, span) in self.env.open.iter().rev().take(3) {
            if let Some(span) = span {
                found = found.related(*span, "included here");
            }
        }
        found
    }
}

struct Included {
    path: PathBuf,
    scope: super::scope::Scope,
}

/// The path without `.` and, by its text alone, without `..`.
fn normalised(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}
