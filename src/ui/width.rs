//! The *width* of a text is how many columns of a terminal it takes, which is not its number of characters.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// The columns that `text` takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// `text` on one line in at most `room` columns; what is too long ends with an ellipsis.
pub fn cut(text: &str, room: usize) -> String {
    let text = super::printable(text).replace(['\n', '\t'], " ");
    if width(&text) <= room {
        return text;
    }
    let mut kept = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > room {
            break;
        }
        kept.push(c);
    }
    if room > 0 {
        kept.push('…');
    }
    kept
}

/// `text` with blanks to its right, `room` columns together at least.
pub fn padded(text: &str, room: usize) -> String {
    format!("{text}{}", " ".repeat(room.saturating_sub(width(text))))
}

/// `text` on lines of at most `columns` columns that all begin with `margin` and end with a line feed. Words that are wider,
/// such as addresses, stay whole: they are there to be copied.
pub fn wrapped(text: &str, margin: &str, columns: usize) -> String {
    // The last column stays free, as everywhere.
    let room = columns.saturating_sub(1);
    let mut wrapped = String::new();
    for line in text.lines() {
        let mut used = 0;
        for word in line.split(' ') {
            if used > 0 && used + 1 + width(word) > room {
                wrapped.push('\n');
                used = 0;
            }
            let before = if used == 0 { margin } else { " " };
            wrapped.push_str(before);
            wrapped.push_str(word);
            used += width(before) + width(word);
        }
        wrapped.push('\n');
    }
    wrapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_wrapped_at_blanks() {
        assert_eq!(wrapped("no space left on device", "  ", 14), "  no space\n  left on\n  device\n");
        assert_eq!(wrapped("see http://example.com/a?b=c now", "  ", 14), "  see\n  http://example.com/a?b=c\n  now\n");
        assert_eq!(wrapped("a\n  b  c\n", "> ", 80), "> a\n>   b  c\n");
        assert_eq!(wrapped("磁盘 映像", "", 6), "磁盘\n映像\n");
        assert_eq!(wrapped("a b", " ", usize::MAX), " a b\n");
        assert_eq!(wrapped("a b", " ", 0), " a\n b\n");
        assert_eq!(wrapped("", " ", 80), "");
    }

    #[test]
    fn texts_are_cut_by_columns() {
        assert_eq!(cut("disk", 4), "disk");
        assert_eq!(cut("disks", 4), "dis…");
        assert_eq!(cut("磁盘映像", 5), "磁盘…");
        assert_eq!(cut("磁盘映像", 4), "磁…");
        assert_eq!(cut("a\nb\tc", 9), "a b c");
        assert_eq!(cut("abc", 1), "…");
        assert_eq!(cut("abc", 0), "");
        assert_eq!(padded("磁盘", 6), "磁盘  ");
        assert_eq!(padded("disk", 2), "disk");
        assert!(width(&cut("e\u{301}e\u{301}e\u{301}e\u{301}", 3)) <= 3);
    }
}
