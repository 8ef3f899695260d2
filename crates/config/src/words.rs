//! Words that depend on a number, in one place.

use std::borrow::Cow;

/// The word for `n` of `thing`, which is the word for one: `image`, `images`; `entry`, `entries`; `patch`, `patches`.
pub fn plural(n: usize, thing: &str) -> Cow<'_, str> {
    if n == 1 {
        return Cow::Borrowed(thing);
    }
    let is_consonant = |c: char| !"aeiou".contains(c);
    Cow::Owned(match thing.strip_suffix('y') {
        Some(stem) if stem.ends_with(is_consonant) => format!("{stem}ies"),
        _ if ["s", "x", "ch", "sh"].iter().any(|end| thing.ends_with(end)) => format!("{thing}es"),
        _ => format!("{thing}s"),
    })
}

/// A number of things: `1 task`, `28 tasks`.
pub fn counted(n: usize, thing: &str) -> String {
    format!("{n} {}", plural(n, thing))
}

/// The form of a word that goes with `n` things: `is` with one, `are` with any other number.
pub fn agreeing<'a>(n: usize, one: &'a str, many: &'a str) -> &'a str {
    if n == 1 { one } else { many }
}

/// A number of things and the verb that agrees with it: `1 image is`, `3 images are`.
pub fn counted_with(n: usize, thing: &str, one: &str, many: &str) -> String {
    format!("{} {}", counted(n, thing), agreeing(n, one, many))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_no_things() {
        assert_eq!([counted(0, "task"), counted(1, "task"), counted(2, "task")], ["0 tasks", "1 task", "2 tasks"]);
    }

    #[test]
    fn verbs_agree() {
        let all = [0, 1, 2].map(|n| counted_with(n, "image", "is", "are"));
        assert_eq!(all, ["0 images are", "1 image is", "2 images are"]);
    }

    #[test]
    fn plurals_are_spelled() {
        let all = ["repository", "key", "arch", "index", "address", "line"].map(|thing| plural(2, thing).into_owned());
        assert_eq!(all, ["repositories", "keys", "arches", "indexes", "addresses", "lines"]);
        assert_eq!(plural(1, "repository"), "repository");
    }
}
