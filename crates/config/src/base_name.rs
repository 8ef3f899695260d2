//! The *base name* of checksum files: `media_checksum_base_filename` with its keys filled in, first as Python's `%(key)s`, then
//! as `{key}` (facts: options 12).

/// The longest result, in bytes; file names are shorter.
const MAX_LENGTH: usize = 4096;

/// Fills in a template. `lookup` gives the value of a key; the error says which key or piece is wrong.
pub fn format(template: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let first = percent(template, lookup)?;
    let second = braces(&first, lookup)?;
    if second.len() > MAX_LENGTH {
        return Err(format!("the name is longer than {MAX_LENGTH} bytes"));
    }
    Ok(second)
}

fn value(key: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    lookup(key).ok_or_else(|| format!("there is no key `{}`", key.chars().take(60).collect::<String>().escape_debug()))
}

/// `%(key)s` and `%%`.
fn percent(template: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
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
        let inner = rest.strip_prefix('(').ok_or("`%` must be followed by `(KEY)s`, or be written `%%`")?;
        let (key, after) = inner.split_once(')').ok_or("`%(` is not closed")?;
        out.push_str(&value(key, lookup)?);
        rest = after.strip_prefix('s').ok_or_else(|| format!("`%({key})` must be followed by `s`"))?;
        limit(&out)?;
    }
    out.push_str(rest);
    Ok(out)
}

/// `{key}`, `{{` and `}}`.
fn braces(template: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
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
            return Err("`}` without `{`; a brace is written `}}`".to_owned());
        }
        let (key, after) = rest.split_once('}').ok_or("`{` is not closed; a brace is written `{{`")?;
        if key.contains(['!', ':', '.', '[', '{']) {
            return Err(format!(
                "`{{{}}}`: only plain keys are known",
                key.chars().take(60).collect::<String>().escape_debug()
            ));
        }
        out.push_str(&value(key, lookup)?);
        rest = after;
        limit(&out)?;
    }
    out.push_str(rest);
    Ok(out)
}

fn limit(out: &str) -> Result<(), String> {
    if out.len() > 64 * MAX_LENGTH { Err("the name is too long".to_owned()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::format;

    fn run(template: &str) -> Result<String, String> {
        format(template, &|key| match key {
            "arch" => Some("x86_64".to_owned()),
            "variant" => Some("Server".to_owned()),
            "label" => Some("{arch}".to_owned()),
            _ => None,
        })
    }

    #[test]
    fn both_styles() {
        assert_eq!(run("%(variant)s-{arch}").as_deref(), Ok("Server-x86_64"));
        assert_eq!(run("%(label)s").as_deref(), Ok("x86_64"));
        assert_eq!(run("100%% {{x}}").as_deref(), Ok("100% {x}"));
        assert_eq!(run("").as_deref(), Ok(""));
    }

    #[test]
    fn mistakes() {
        for bad in ["%(dirname)s", "{dirname}", "%s", "%(arch", "%(arch)d", "{arch", "arch}", "{arch!r}", "{}", "100%"]
        {
            assert!(run(bad).is_err(), "{bad}");
        }
    }
}
