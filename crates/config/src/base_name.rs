//! The *base name* of checksum files: `media_checksum_base_filename` with its keys filled in, first as Python's `%(key)s`, then
//! as `{key}` (facts: options 12).

/// The longest result, in bytes; file names are shorter.
const MAX_LENGTH: usize = 4096;

/// The most of a key that a message shows, in characters.
const SHOWN: usize = 60;

/// What is wrong with a template.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaseNameError {
    #[error("there is no key `{}`", shown(.0))]
    UnknownKey(String),
    #[error("`%` must be followed by `(KEY)s`, or be written `%%`")]
    LonePercent,
    #[error("`%(` is not closed")]
    OpenPercent,
    #[error("`%({0})` must be followed by `s`")]
    NotS(String),
    #[error("`}}` without `{{`; a brace is written `}}}}`")]
    LoneBrace,
    #[error("`{{` is not closed; a brace is written `{{{{`")]
    OpenBrace,
    #[error("`{{{}}}`: only plain keys are known", shown(.0))]
    NotPlain(String),
    #[error("the name is longer than {MAX_LENGTH} bytes")]
    TooLong,
}

fn shown(key: &str) -> String {
    key.chars().take(SHOWN).collect::<String>().escape_debug().to_string()
}

/// Fills in a template. `lookup` gives the value of a key.
pub fn format(template: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, BaseNameError> {
    let first = percent(template, lookup)?;
    let second = braces(&first, lookup)?;
    if second.len() > MAX_LENGTH {
        return Err(BaseNameError::TooLong);
    }
    Ok(second)
}

fn value(key: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, BaseNameError> {
    lookup(key).ok_or_else(|| BaseNameError::UnknownKey(key.to_owned()))
}

/// `%(key)s` and `%%`.
fn percent(template: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, BaseNameError> {
    let mut out = String::new();
    let mut rest = template;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let inner = rest.strip_prefix('(').ok_or(BaseNameError::LonePercent)?;
        let (key, after) = inner.split_once(')').ok_or(BaseNameError::OpenPercent)?;
        out.push_str(&value(key, lookup)?);
        rest = after.strip_prefix('s').ok_or_else(|| BaseNameError::NotS(key.to_owned()))?;
        limit(&out)?;
    }
    out.push_str(rest);
    Ok(out)
}

/// `{key}`, `{{` and `}}`.
fn braces(template: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, BaseNameError> {
    let mut out = String::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            out.push_str(brace);
            rest = after;
            continue;
        }
        if brace == "}" {
            return Err(BaseNameError::LoneBrace);
        }
        let (key, after) = rest.split_once('}').ok_or(BaseNameError::OpenBrace)?;
        if key.contains(['!', ':', '.', '[', '{']) {
            return Err(BaseNameError::NotPlain(key.to_owned()));
        }
        out.push_str(&value(key, lookup)?);
        rest = after;
        limit(&out)?;
    }
    out.push_str(rest);
    Ok(out)
}

fn limit(out: &str) -> Result<(), BaseNameError> {
    if out.len() > 64 * MAX_LENGTH { Err(BaseNameError::TooLong) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::{BaseNameError, format};

    fn run(template: &str) -> Result<String, BaseNameError> {
        format(template, &|key| match key {
            "arch" => Some("x86_64".to_owned()),
            "variant" => Some("Server".to_owned()),
            "label" => Some("{arch}".to_owned()),
            _ => None,
        })
    }

    #[test]
    fn both_styles() {
        assert_eq!(run("%(variant)s-{arch}").unwrap(), "Server-x86_64");
        assert_eq!(run("%(label)s").unwrap(), "x86_64");
        assert_eq!(run("100%% {{x}}").unwrap(), "100% {x}");
        assert_eq!(run("").unwrap(), "");
    }

    #[test]
    fn mistakes() {
        for bad in ["%(dirname)s", "{dirname}", "%s", "%(arch", "%(arch)d", "{arch", "arch}", "{arch!r}", "{}", "100%"]
        {
            assert!(run(bad).is_err(), "{bad}");
        }
        for (bad, said) in [
            ("{arch", "`{` is not closed; a brace is written `{{`"),
            ("arch}", "`}` without `{`; a brace is written `}}`"),
            ("{arch!r}", "`{arch!r}`: only plain keys are known"),
            ("%(arch)d", "`%(arch)` must be followed by `s`"),
        ] {
            assert_eq!(run(bad).unwrap_err().to_string(), said);
        }
    }
}
