//! The *character set* of a message: which encodings are read, and which characters XML 1.0 has at all.

use super::scalar::shorten;
use std::borrow::Cow;

/// Whether XML 1.0 allows `c` in a document, literally or as a reference.
pub fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// How far into a document its XML declaration may reach.
const MAX_DECLARATION: usize = 200;

/// The document as text: UTF-8, or what a byte order mark or the XML declaration says (facts: wire 10: the hub reads UTF-16 and
/// ISO 8859-1 too). The offset of an error is in bytes.
pub fn to_text(bytes: &[u8]) -> Result<Cow<'_, str>, (u64, String)> {
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest, 3),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [b'<', 0, ..] => utf16(bytes, u16::from_le_bytes),
        [0, b'<', ..] => utf16(bytes, u16::from_be_bytes),
        _ => match declared(bytes).as_deref() {
            None | Some("utf-8" | "utf8") => utf8(bytes, 0),
            Some("us-ascii" | "ascii") => match bytes.iter().position(|b| !b.is_ascii()) {
                Some(at) => Err((at as u64, "byte beyond the declared us-ascii".to_owned())),
                None => utf8(bytes, 0),
            },
            Some("iso-8859-1" | "latin-1" | "latin1") => Ok(bytes.iter().map(|b| char::from(*b)).collect()),
            Some(other) => Err((0, format!("unknown encoding `{}`", shorten(other)))),
        },
    }
}

fn utf8(bytes: &[u8], skipped: u64) -> Result<Cow<'_, str>, (u64, String)> {
    std::str::from_utf8(bytes)
        .map(Cow::Borrowed)
        .map_err(|e| (skipped + e.valid_up_to() as u64, "not UTF-8".to_owned()))
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Cow<'static, str>, (u64, String)> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err((bytes.len() as u64, "half a UTF-16 unit at the end".to_owned()));
    }
    let units = pairs.iter().map(|pair| unit(*pair));
    char::decode_utf16(units)
        .collect::<Result<String, _>>()
        .map(Cow::Owned)
        .map_err(|_| (0, "not UTF-16: a lone surrogate".to_owned()))
}

/// The encoding that the XML declaration names, in lower case.
fn declared(bytes: &[u8]) -> Option<String> {
    let head = bytes.get(..bytes.len().min(MAX_DECLARATION))?;
    let head = head.strip_prefix(b"<?xml")?;
    let end = head.windows(2).position(|w| w == b"?>")?;
    let declaration = std::str::from_utf8(head.get(..end)?).ok()?;
    let (_, after) = declaration.split_once("encoding")?;
    let quoted = after.trim_start().strip_prefix('=')?.trim_start();
    let quote = quoted.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let (name, _) = quoted.get(1..)?.split_once(quote)?;
    Some(name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_agree() {
        let text = "<?xml version='1.0'?><a>caf\u{e9}</a>";
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(to_text(&utf16).as_deref(), Ok(text));
        let with_mark: Vec<u8> =
            [0xfe, 0xff].into_iter().chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect();
        assert_eq!(to_text(&with_mark).as_deref(), Ok(text));
        let with_mark = ["\u{feff}".as_bytes(), text.as_bytes()].concat();
        assert_eq!(to_text(&with_mark).as_deref(), Ok(text));
        let latin = b"<?xml version='1.0' encoding = \"ISO-8859-1\"?><a>caf\xe9</a>";
        assert!(to_text(latin).is_ok_and(|t| t.ends_with("caf\u{e9}</a>")));
    }

    #[test]
    fn unreadable_bytes_are_refused() {
        assert_eq!(to_text(b"<a>\xe9</a>"), Err((3, "not UTF-8".to_owned())));
        assert!(to_text(b"<?xml version='1.0' encoding='koi8-r'?><a/>").is_err());
        assert!(to_text(b"\xff\xfe<\0a").is_err());
        assert!(to_text(b"\xff\xfe\x00\xd8<\0").is_err());
    }
}
