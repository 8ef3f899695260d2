//! Text from *outside*: what a file, a hub or another program wrote, as a log, a page or a terminal may show it. This is the
//! one place that knows which characters are shown as themselves.

use crate::python::repr::is_printable;
use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether `c` is shown as itself: not one that moves the cursor, rings, turns the direction of what follows, looks like
/// another, or is not seen at all. The rule is that of Python's `str.isprintable`.
pub fn is_seen(c: char) -> bool {
    is_printable(c)
}

/// Appends `c`, or its escape.
pub fn push(text: &mut String, c: char) {
    if is_seen(c) {
        text.push(c);
    } else {
        text.extend(c.escape_default());
    }
}

/// Whether a text has only characters of ASCII that are seen, as nearly all have. Many bytes are looked at at once.
pub(crate) fn is_plain(text: &str) -> bool {
    let are_plain = |bytes: &[u8]| bytes.iter().fold(true, |all, byte| all & matches!(byte, b' '..=b'~'));
    let (blocks, rest) = text.as_bytes().as_chunks::<32>();
    blocks.iter().all(|block| are_plain(block)) && are_plain(rest)
}

/// Whether each character of a text `stays`, as those of ASCII that are seen do.
fn all_stay(text: &str, stays: impl Fn(char) -> bool) -> bool {
    is_plain(text) || text.chars().all(stays)
}

/// A text whose lines and tabs stay, with every other character that is not seen as its escape.
pub fn visible(text: &str) -> Cow<'_, str> {
    let stays = |c: char| c == '\n' || c == '\t' || is_seen(c);
    if all_stay(text, stays) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.replace("\r\n", "\n").chars() {
        if stays(c) { shown.push(c) } else { push(&mut shown, c) }
    }
    Cow::Owned(shown)
}

/// A visible text as one entry of a log: what follows a line feed is indented, so that nothing in it looks like another entry.
pub fn entry(text: &str) -> Cow<'_, str> {
    let text = visible(text);
    if text.contains('\n') { Cow::Owned(text.replace('\n', "\n    ")) } else { text }
}

/// A line of JSON in which whatever is not seen stands as JSON's own escape: the same values, and harmless in a terminal.
pub fn json(line: String) -> String {
    if all_stay(&line, is_seen) {
        return line;
    }
    let mut shown = String::with_capacity(line.len() + 16);
    for c in line.chars() {
        if is_seen(c) {
            shown.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing into a string cannot fail.
                let _ = write!(shown, "\\u{unit:04x}");
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_is_what_has_only_plain_bytes() {
        for length in [0, 1, 31, 32, 33, 64, 70] {
            let plain = "~ ".repeat(35)[..length].to_owned();
            assert!(is_plain(&plain), "{length}");
            for (at, other) in (0..length).flat_map(|at| ["\u{7f}", "\n", "é", "\0"].map(|other| (at, other))) {
                assert!(!is_plain(&format!("{}{other}{}", &plain[..at], &plain[at..])), "{length} {at} {other:?}");
            }
        }
    }

    #[test]
    fn only_what_is_seen_is_shown() {
        assert!(matches!(visible("žluť 磁盘 🦀\n\tb"), Cow::Borrowed(_)));
        // Sequences of terminals, also in one character; a bell; characters that turn what follows, or have no width.
        for c in ['\u{1b}', '\u{7}', '\0', '\u{7f}', '\u{9b}', '\u{85}', '\u{202e}', '\u{2066}', '\u{61c}', '\u{200b}']
            .into_iter()
            .chain([
                '\u{200d}',
                '\u{2028}',
                '\u{2029}',
                '\u{2060}',
                '\u{feff}',
                '\u{ad}',
                '\u{e0041}',
                '\u{fff9}',
                '\u{a0}',
            ])
        {
            let shown = visible(&format!("a{c}b")).into_owned();
            assert_eq!(shown, format!("a\\u{{{:x}}}b", c as u32));
            assert!(matches!(visible(&shown), Cow::Borrowed(_)), "{shown}");
        }
        assert_eq!(visible("a\r\nb\rc"), "a\nb\\rc");
    }

    #[test]
    fn an_entry_cannot_look_like_two() {
        assert_eq!(entry("a\r\n2024-02-29 [INFO    ] b\u{1b}[2J"), "a\n    2024-02-29 [INFO    ] b\\u{1b}[2J");
        assert!(matches!(entry("a b"), Cow::Borrowed(_)));
    }

    #[test]
    fn json_keeps_its_values() {
        let value = serde_json::json!({"a": "x\u{1b}\u{9b}\u{202e}\u{e0041}\u{7f}é", "b\u{2028}": 1});
        let line = json(value.to_string());
        assert!(line.chars().all(is_seen), "{line}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap(), value);
    }
}
