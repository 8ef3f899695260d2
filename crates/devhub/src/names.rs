//! *Names* that become parts of paths on the volume, and the check that keeps them there.

/// The longest name that every file system takes.
const MAX_NAME: usize = 255;

/// Whether `name` can be one component of a path: not empty, not a dot name, without `/` and NUL, not too long.
pub(crate) fn is_file_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && name.len() <= MAX_NAME && !name.contains(['/', '\0'])
}

/// Puts `name`, `version`, `release`, `arch` and `suffix` into a file name with `{name}` and so on.
pub(crate) fn fill(template: &str, fields: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(start) = rest.find('{') {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let field =
            fields.iter().find(|(name, _)| rest[1..].starts_with(name) && rest[1 + name.len()..].starts_with('}'));
        match field {
            Some((name, value)) => {
                out.push_str(value);
                rest = &rest[name.len() + 2..];
            }
            None => {
                out.push('{');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names() {
        for good in ["a", "x é", "Fedora-42-1.x86_64.raw.xz"] {
            assert!(is_file_name(good), "{good}");
        }
        for bad in ["", ".", "..", ".hidden", "a/b", "/", "a\0b", &"x".repeat(256)] {
            assert!(!is_file_name(bad), "{bad}");
        }
    }

    #[test]
    fn templates() {
        let fields = [("name", "n"), ("arch", "{name}")];
        assert_eq!(fill("second-{arch}.{x}.{name}{", &fields), "second-{name}.{x}.n{");
        assert_eq!(fill("é{name}é", &fields), "éné");
    }
}
