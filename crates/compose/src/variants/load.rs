//! Finds the variants file that a configuration names, and reads it.

use super::Variants;
use super::encoding::decode;
use super::parse::parse_filtered;
use super::problems::CONFIG_PATH;
use crate::read::load_bytes;
use magudi_config::codes;
use magudi_config::compose_config::VariantsFile;
use magudi_config::{ComposeConfig, Diagnostic, Sources, Span, Text};
use std::fs;
use std::path::{Path, PathBuf};

/// The largest variants file that is read, in bytes. Real ones have some kilobytes.
const MAX_BYTES: u64 = 8 << 20;

/// Reads the variants of a configuration. `config_path` is the main configuration file, in whose directory the variants
/// file is looked for (facts: variants 1). Returns the path read as well, for the copy that a compose keeps. The variants are not
/// filtered yet.
pub fn load_variants(
    config: &ComposeConfig,
    config_path: &Path,
    sources: &mut Sources,
) -> Result<(Variants, PathBuf), Vec<Diagnostic>> {
    let tree_arches: Vec<String> = config.tree_arches.iter().map(|arch| arch.as_str().to_owned()).collect();
    load(&config.variants_file, &tree_arches, config_path, sources)
}

fn load(
    file: &VariantsFile,
    tree_arches: &[String],
    config_path: &Path,
    sources: &mut Sources,
) -> Result<(Variants, PathBuf), Vec<Diagnostic>> {
    let dir = config_path.parent().unwrap_or(Path::new(""));
    let (path, span) = find(file, dir).map_err(|diagnostic| vec![diagnostic])?;
    let cannot = |reason: &dyn std::fmt::Display| {
        vec![unreadable(format!("cannot read the variants file {}: {reason}", path.display()), span)]
    };
    let bytes = load_bytes(&path, MAX_BYTES).map_err(|error| cannot(&error))?;
    let text = decode(bytes).map_err(|error| cannot(&error))?;
    let variants = parse_filtered(&text, &path, sources, tree_arches)?;
    Ok((variants, path))
}

fn unreadable(message: String, span: Span) -> Diagnostic {
    Diagnostic::new(&codes::VARIANTS_UNREADABLE, CONFIG_PATH, message).at(span)
}

/// The file that the configuration names, and where it does so.
fn find(file: &VariantsFile, dir: &Path) -> Result<(PathBuf, Span), Diagnostic> {
    match file {
        VariantsFile::Path(path) => find_path(path, dir.join(path.as_str())),
        VariantsFile::Scm { scm, repo, file, .. } if scm.as_str() == "file" => {
            if !repo.value.is_empty() {
                let message = format!("`repo` must be empty for scm `file`, not '{}'", repo.value);
                return Err(
                    unreadable(message, repo.span).help("name the file alone: variants_file = \"variants.xml\"")
                );
            }
            // Pungi looks for the base name beside the configuration, whatever directory `file` names (facts: variants 1).
            let name = file.value.rsplit('/').next().unwrap_or_default();
            find_path(file, dir.join(name))
        }
        VariantsFile::Scm { scm, file, .. } => {
            let message =
                format!("exporting the variants file from a repository (scm `{}`) is not supported yet", scm.value);
            let help = format!("check {} out beside the configuration and name it as a path", file.value);
            Err(unreadable(message, scm.span).help(help))
        }
    }
}

fn find_path(named: &Text, path: PathBuf) -> Result<(PathBuf, Span), Diagnostic> {
    let missing = |path: &Path| unreadable(format!("the variants file {} does not exist", path.display()), named.span);
    let pattern = named.value.rsplit('/').next().unwrap_or_default();
    if matches!(pattern, "" | "." | "..") {
        return Err(unreadable(format!("the variants file '{}' is not a file name", named.value), named.span));
    }
    if !pattern.contains(['*', '?', '[']) {
        return if path.exists() { Ok((path, named.span)) } else { Err(missing(&path)) };
    }
    let dir = path.parent().unwrap_or(Path::new("."));
    let listed = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    let entries = fs::read_dir(listed).map_err(|_| missing(&path))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        // As for a shell, a pattern does not find hidden files by accident.
        .filter(|name| (pattern.starts_with('.') || !name.starts_with('.')) && matches(pattern, name))
        .collect();
    names.sort();
    match names.as_slice() {
        [] => Err(unreadable(format!("no file matches the variants file {}", path.display()), named.span)),
        [name] => Ok((dir.join(name), named.span)),
        _ => {
            let message = format!("several files match the variants file {}: {}", path.display(), names.join(", "));
            Err(unreadable(message, named.span).help("name one of them"))
        }
    }
}

/// Whether a shell pattern of `*`, `?` and `[...]` fits the whole of `name`.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // Where the last `*` stands and how much it has swallowed: going back to the last one is enough.
    let mut star: Option<(usize, usize)> = None;
    loop {
        let step = match (pattern.get(p), name.get(n)) {
            (None, None) => return true,
            (Some('*'), _) => {
                star = Some((p, n));
                p += 1;
                continue;
            }
            (Some('?'), Some(_)) => Some(1),
            (Some('['), Some(c)) => match class(pattern.get(p + 1..).unwrap_or_default()) {
                Some((set, length)) => set.contains(*c).then_some(length + 1),
                None => (*c == '[').then_some(1),
            },
            (Some(a), Some(b)) if a == b => Some(1),
            _ => None,
        };
        match (step, star) {
            (Some(length), _) => {
                p += length;
                n += 1;
            }
            (None, Some((at, taken))) if taken < name.len() => {
                star = Some((at, taken + 1));
                p = at + 1;
                n = taken + 1;
            }
            _ => return false,
        }
    }
}

/// The inside of a `[...]`.
struct Class<'a> {
    negated: bool,
    items: &'a [char],
}

impl Class<'_> {
    fn contains(&self, c: char) -> bool {
        let mut items = self.items;
        let mut found = false;
        while let Some((first, rest)) = items.split_first() {
            if let ['-', last, rest @ ..] = rest {
                found |= (*first..=*last).contains(&c);
                items = rest;
            } else {
                found |= *first == c;
                items = rest;
            }
        }
        found != self.negated
    }
}

/// Reads the pattern behind a `[` up to its `]`; with how many characters that were.
fn class(pattern: &[char]) -> Option<(Class<'_>, usize)> {
    let negated = pattern.first() == Some(&'!');
    let start = usize::from(negated);
    // A `]` that comes first stands for itself.
    let end = start + 1 + pattern.get(start + 1..)?.iter().position(|c| *c == ']')?;
    Some((Class { negated, items: pattern.get(start..end)? }, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use magudi_config::Spanned;

    #[test]
    fn patterns_match_as_in_a_shell() {
        for (pattern, name, expected) in [
            ("variants*.xml", "variants-f42.xml", true),
            ("variants*.xml", "variants.xml", true),
            ("variants*.xml", "variants.xml.in", false),
            ("*a*b", "xaab", true),
            ("*a*b", "xaba", false),
            ("v?.xml", "v1.xml", true),
            ("v?.xml", "v.xml", false),
            ("v[0-9].xml", "v7.xml", true),
            ("v[!0-9].xml", "v7.xml", false),
            ("v[]a].xml", "v].xml", true),
            ("v[a-].xml", "v-.xml", true),
            ("v[.xml", "v[.xml", true),
            ("*", "", true),
            ("", "x", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
        // Quadratic at worst, not exponential.
        assert!(!matches(&"*a".repeat(200), &"a".repeat(199)));
    }

    fn span() -> Span {
        Span::new(Sources::new().add(Path::new("c.conf"), String::new()), 3, 7)
    }

    fn found(file: &VariantsFile, dir: &Path) -> Result<String, String> {
        match find(file, dir) {
            Ok((path, _)) => Ok(path.strip_prefix(dir).unwrap().display().to_string()),
            Err(diagnostic) => {
                assert_eq!((diagnostic.code.id, diagnostic.span), ("MG101", Some(span())));
                Err(diagnostic.message.replace(&format!("{}/", dir.display()), ""))
            }
        }
    }

    #[test]
    fn finds_the_file() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["variants.xml", "v1.xml", "v2.xml", ".v3.xml"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let text = |value: &str| Spanned::new(value.into(), span());
        for (value, expected) in [
            ("variants.xml", Ok("variants.xml")),
            ("var*.xml", Ok("variants.xml")),
            ("*1.xml", Ok("v1.xml")),
            ("v?.xml", Err("several files match the variants file v?.xml: v1.xml, v2.xml")),
            ("nope.xml", Err("the variants file nope.xml does not exist")),
            ("nope*.xml", Err("no file matches the variants file nope*.xml")),
            ("sub/*.xml", Err("the variants file sub/*.xml does not exist")),
            ("", Err("the variants file '' is not a file name")),
            ("variants.xml/", Err("the variants file 'variants.xml/' is not a file name")),
        ] {
            let file = VariantsFile::Path(text(value));
            assert_eq!(found(&file, dir.path()), expected.map(str::to_owned).map_err(str::to_owned), "{value}");
        }
        let absolute = dir.path().join("v1.xml").display().to_string();
        assert_eq!(found(&VariantsFile::Path(text(&absolute)), dir.path()), Ok("v1.xml".to_owned()));

        let scm = |scm: &str, repo: &str, file: &str| VariantsFile::Scm {
            scm: text(scm),
            repo: text(repo),
            file: text(file),
            branch: None,
            span: span(),
        };
        assert_eq!(found(&scm("file", "", "sub/variants.xml"), dir.path()), Ok("variants.xml".to_owned()));
        assert!(found(&scm("file", "", "sub/"), dir.path()).is_err());
        assert_eq!(
            found(&scm("file", "/srv", "variants.xml"), dir.path()),
            Err("`repo` must be empty for scm `file`, not '/srv'".to_owned())
        );
        assert_eq!(
            found(&scm("git", "https://example.com/x.git", "variants.xml"), dir.path()),
            Err("exporting the variants file from a repository (scm `git`) is not supported yet".to_owned())
        );
    }

    #[test]
    fn loads_beside_the_configuration() {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("test.conf");
        let path = dir.path().join("variants.xml");
        let named = VariantsFile::Path(Spanned::new("variants.xml".into(), span()));
        let x = "<arches><arch>x86_64</arch></arches>";
        let addon = "<variants><variant id='HA' name='HA' type='addon'><arches><arch>s390x</arch></arches></variant></variants>";
        let server = format!("<variants><variant id='S' name='S' type='variant'>{x}{addon}</variant></variants>");
        fs::write(&path, server).unwrap();
        let load = |arches: &[String]| load(&named, arches, &config, &mut Sources::new());

        assert!(load(&[]).unwrap_err()[0].message.contains("none in common"));
        // An addon that tree_arches drops may say what it likes.
        let (mut variants, found) = load(&["x86_64".to_owned()]).unwrap();
        assert_eq!(found, path);
        let lines = variants.filter(&["x86_64".to_owned()], &[]);
        assert_eq!(lines, ["Excluding variant S-HA: all its arches are filtered."]);
        assert!(load(&["s390x".to_owned()]).is_err());

        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let problems = load(&[]).unwrap_err();
        assert!(problems[0].message.starts_with("cannot read the variants file"), "{}", problems[0].message);
    }
}
