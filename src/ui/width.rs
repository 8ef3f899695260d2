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

#[cfg(test)]
mod tests {
    use super::*;

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
