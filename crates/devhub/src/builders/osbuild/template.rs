//! *Templates* are the texts of a request in which `$arch` stands for the arch: addresses of repositories, and an
//! OSTree's ref and parent. The builder fills them with Python's `string.Template`, which this repeats (facts: osbuild 10).

use crate::wire::Value;

/// One piece of a template.
enum Piece<'t> {
    Text(&'t str),
    Name(&'t str),
    /// A dollar sign with nothing behind it that could be a name, at this byte.
    Bad(usize),
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let starts = |c: char| c == '_' || c.is_ascii_alphabetic();
    let goes_on = |c: char| c == '_' || c.is_ascii_alphanumeric();
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(place) = rest.find('$') {
        out.push(Piece::Text(&rest[..place]));
        let here = text.len() - rest.len() + place;
        let after = &rest[place + 1..];
        let name = after.strip_prefix('{').unwrap_or(after);
        let length = if name.starts_with(starts) { name.find(|c| !goes_on(c)).unwrap_or(name.len()) } else { 0 };
        let braced = name.len() != after.len();
        if let Some(after) = after.strip_prefix('$') {
            out.push(Piece::Text("$"));
            rest = after;
        } else if length > 0 && (!braced || name[length..].starts_with('}')) {
            out.push(Piece::Name(&name[..length]));
            rest = &name[length + usize::from(braced)..];
        } else {
            out.push(Piece::Bad(here));
            rest = after;
        }
    }
    out.push(Piece::Text(rest));
    out
}

/// The text with `arch` in it. What cannot be filled stays as it is; [`problem`] finds that before.
pub(crate) fn fill(text: &str, arch: &str) -> String {
    let piece = |piece| match piece {
        Piece::Text(text) => text,
        Piece::Name("arch") => arch,
        Piece::Name(_) | Piece::Bad(_) => "",
    };
    if !text.contains('$') || problem_of(text).is_some() {
        return text.to_owned();
    }
    pieces(text).into_iter().map(piece).collect()
}

fn problem_of(text: &str) -> Option<String> {
    pieces(text).into_iter().find_map(|piece| match piece {
        Piece::Text(_) | Piece::Name("arch") => None,
        Piece::Name(name) => Some(format!("KeyError: '{name}'")),
        Piece::Bad(place) => {
            let before = &text[..place];
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            Some(format!("ValueError: Invalid placeholder in string: line {line}, col {column}"))
        }
    })
}

/// What Python would say of the first template in the options of a call that cannot be filled.
pub(crate) fn problem(opts: &Value) -> Option<String> {
    let repos = opts.get("repo").and_then(Value::as_array).into_iter().flatten();
    let addresses = repos.filter_map(|repo| repo.as_str().or_else(|| repo.get("baseurl").and_then(Value::as_str)));
    let ostree = opts.get("ostree");
    let refs = ["parent", "ref"].into_iter().filter_map(|key| ostree?.get(key)?.as_str());
    addresses.chain(refs).find_map(problem_of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{string, structure};

    /// Texts and results of `string.Template(text).substitute(arch="A")`.
    #[test]
    fn as_python_fills_them() {
        for (text, filled) in [
            ("", ""),
            ("a/b", "a/b"),
            ("$arch", "A"),
            ("x/$arch/os", "x/A/os"),
            ("x/${arch}64", "x/A64"),
            ("$$arch $$", "$arch $"),
            ("é$arch-é", "éA-é"),
        ] {
            assert_eq!(fill(text, "A"), filled);
            assert_eq!(problem_of(text), None, "{text}");
        }
        for (text, says) in [
            ("$archer", "KeyError: 'archer'"),
            ("${basearch}", "KeyError: 'basearch'"),
            ("a $ b", "ValueError: Invalid placeholder in string: line 1, col 3"),
            ("a\n${arch b", "ValueError: Invalid placeholder in string: line 2, col 1"),
            ("$1", "ValueError: Invalid placeholder in string: line 1, col 1"),
            ("$é", "ValueError: Invalid placeholder in string: line 1, col 1"),
            ("$", "ValueError: Invalid placeholder in string: line 1, col 1"),
        ] {
            assert_eq!(problem_of(text).as_deref(), Some(says), "{text}");
            assert_eq!(fill(text, "A"), text);
        }
    }

    #[test]
    fn the_url_of_an_ostree_is_no_template() {
        let ostree = |key| structure([("ostree", structure([(key, string("$x"))]))]);
        assert_eq!(problem(&ostree("url")), None);
        assert_eq!(problem(&ostree("ref")).as_deref(), Some("KeyError: 'x'"));
        let repo = structure([("repo", Value::Array(vec![structure([("baseurl", string("$y"))])]))]);
        assert_eq!(problem(&repo).as_deref(), Some("KeyError: 'y'"));
        assert_eq!(problem(&Value::Nil), None);
    }
}
