//! *Text for people*: sizes, durations and times, and what comes from outside made harmless where escaping is not enough.

use jiff::Timestamp;
use magudi_config::outside;
use magudi_config::words::plural;

/// The longest text of one value that a page shows, in characters.
pub const MAX_TEXT: usize = 8000;

/// A number of bytes: `1.5 GiB`.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if n < 1024 {
        return format!("{n} B");
    }
    let mut value = n as f64 / 1024.0;
    let mut rest = UNITS.iter().copied();
    let mut unit = rest.next().unwrap_or_default();
    for next in rest {
        // What would be shown as 1024.0 is one of the next.
        if value < 1023.95 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

/// A duration: `0.4 s`, `12 s`, `3 min 05 s`, `2 h 07 min`, `3 d 04 h`.
pub fn duration(milliseconds: i64) -> String {
    let milliseconds = milliseconds.max(0);
    let seconds = milliseconds / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..10 => format!("{:.1} s", milliseconds as f64 / 1000.0),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min {:02} s", seconds % 60),
        3600..86_400 => format!("{hours} h {:02} min", minutes % 60),
        _ => format!("{days} d {:02} h", hours % 24),
    }
}

/// A whole number with its thousands set apart: `12,345`.
pub fn count(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number of things, its thousands set apart: `1 image`, `12,345 images`.
pub fn counted(n: usize, thing: &str) -> String {
    format!("{} {}", count(n), plural(n, thing))
}

/// A time as the page shows it, in UTC.
pub fn time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Text from outside as a page may hold it: visible ([`outside`]), and very long text cut. HTML is escaped where the page is made,
/// and `<bdi>` keeps what is written from right to left in its place.
pub fn harmless(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => format!("{} […]", outside::visible(text.get(..end).unwrap_or_default())),
        None => outside::visible(text).into_owned(),
    }
}

/// An address that a link may lead to: `http` and `https` only, so that no link runs a script.
pub fn safe_url(url: &str) -> Option<String> {
    let (scheme, _) = url.split_once("://")?;
    let known = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let clean = !url.chars().any(|c| c.is_control() || c.is_whitespace());
    (known && clean && url.len() <= 2048).then(|| url.to_owned())
}

/// A path as part of an address relative to the page.
pub fn path_in_url(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b'+' | b'@' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// A word for a shell, for commands to copy, quoted as Python's `shlex.quote` does it: Pungi's log has command lines like that.
pub fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\"'\"'"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations_are_for_people() {
        assert_eq!([bytes(0), bytes(1023), bytes(1536), bytes(5 << 30)], ["0 B", "1023 B", "1.5 KiB", "5.0 GiB"]);
        assert_eq!(bytes((1 << 20) - 1), "1.0 MiB");
        assert_eq!(bytes(u64::MAX), "16384.0 PiB");
        let all = [-5, 400, 12_345, 185_000, 7_620_000, 273_600_000].map(duration);
        assert_eq!(all, ["0.0 s", "0.4 s", "12 s", "3 min 05 s", "2 h 07 min", "3 d 04 h"]);
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn only_web_addresses_become_links() {
        assert_eq!(safe_url("https://koji/taskinfo?taskID=1").as_deref(), Some("https://koji/taskinfo?taskID=1"));
        for bad in ["javascript:alert(1)", "javascript://x/%0aalert(1)", "file:///etc/passwd", "http://a b", "x", ""] {
            assert_eq!(safe_url(bad), None, "{bad}");
        }
    }

    #[test]
    fn paths_and_words_are_quoted() {
        assert_eq!(path_in_url("Server/a b#?\".iso"), "Server/a%20b%23%3F%22.iso");
        assert_eq!(path_in_url("é:"), "%C3%A9%3A");
        assert_eq!(shell_word("/mnt/it's"), "'/mnt/it'\"'\"'s'");
        assert_eq!(shell_word("--config=a/b.conf"), "--config=a/b.conf");
        assert_eq!(shell_word("a b"), "'a b'");
        assert_eq!(shell_word(""), "''");
        assert_eq!(shell_word("/mnt/a-1.n.0"), "/mnt/a-1.n.0");
    }

    #[test]
    fn control_characters_are_shown() {
        assert_eq!(harmless("a\x1b[1m\r\nb\tc\0"), "a\\u{1b}[1m\nb\tc\\u{0}");
        assert_eq!(harmless(&"x".repeat(MAX_TEXT + 1)).chars().count(), MAX_TEXT + 4);
    }
}
