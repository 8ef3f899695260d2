//! The *encoding* of an XML file, as XML has it said: by a byte order mark, or by the declaration in the first line. UTF-8, UTF-16
//! and UTF-32, which need no declaration, ISO-8859-1, and what browsers know.

use encoding_rs::Encoding;
use std::borrow::Cow;

/// Why a file has no text.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodingError {
    /// Its first bytes are those of this encoding.
    #[error("it is not {0}, as it begins")]
    NotAsItBegins(&'static str),
    /// It declares this encoding.
    #[error("it is not {}", .0.escape_debug())]
    NotAsDeclared(String),
    #[error("its encoding {} is not read: save it as UTF-8", .0.escape_debug())]
    Unknown(String),
    #[error("it is not UTF-8 from byte {0} on")]
    NotUtf8(usize),
}

/// The text of an XML file, which says that it is UTF-8: its copy in the compose is.
pub(super) fn decode(bytes: Vec<u8>) -> Result<String, EncodingError> {
    let text = text_of(bytes)?;
    Ok(match declared(text.as_bytes()) {
        Some(other) if !other.eq_ignore_ascii_case("utf-8") => text.replacen(other, "UTF-8", 1),
        _ => text,
    })
}

fn text_of(bytes: Vec<u8>) -> Result<String, EncodingError> {
    let utf32 = |bytes: &[u8], unit: fn([u8; 4]) -> u32| {
        let units = bytes.as_chunks().0.iter().map(|chunk| char::from_u32(unit(*chunk)));
        let text: Option<String> = units.collect();
        text.filter(|_| bytes.len().is_multiple_of(4)).ok_or(EncodingError::NotAsItBegins("UTF-32"))
    };
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.as_chunks().0.iter().copied().map(unit).collect();
        let whole = bytes.len().is_multiple_of(2);
        String::from_utf16(&units).ok().filter(|_| whole).ok_or(EncodingError::NotAsItBegins("UTF-16"))
    };
    match bytes.as_slice() {
        [0xff, 0xfe, 0, 0, rest @ ..] => return utf32(rest, u32::from_le_bytes),
        [0, 0, 0xfe, 0xff, rest @ ..] => return utf32(rest, u32::from_be_bytes),
        [b'<', 0, 0, 0, ..] => return utf32(&bytes, u32::from_le_bytes),
        [0, 0, 0, b'<', ..] => return utf32(&bytes, u32::from_be_bytes),
        [0xff, 0xfe, rest @ ..] => return utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => return utf16(rest, u16::from_be_bytes),
        [b'<', 0, ..] => return utf16(&bytes, u16::from_le_bytes),
        [0, b'<', ..] => return utf16(&bytes, u16::from_be_bytes),
        _ => {}
    }
    let declared = declared(&bytes).map(str::to_ascii_uppercase);
    match declared.as_deref() {
        None | Some("UTF-8" | "UTF8" | "US-ASCII" | "ASCII") => {}
        Some("ISO-8859-1" | "ISO_8859-1" | "LATIN1" | "LATIN-1" | "L1") => {
            return Ok(bytes.into_iter().map(char::from).collect());
        }
        Some(other) => {
            // What those begin with that are not of bytes is above.
            let known =
                Encoding::for_label_no_replacement(other.as_bytes()).filter(|known| known.is_ascii_compatible());
            let known = known.ok_or_else(|| EncodingError::Unknown(other.to_owned()))?;
            let text = known.decode_without_bom_handling_and_without_replacement(&bytes);
            return text.map(Cow::into_owned).ok_or_else(|| EncodingError::NotAsDeclared(other.to_owned()));
        }
    }
    let text = String::from_utf8(bytes).map_err(|error| EncodingError::NotUtf8(error.utf8_error().valid_up_to()))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// The encoding that the declaration of the file names.
fn declared(bytes: &[u8]) -> Option<&str> {
    let end = bytes.windows(2).take(1024).position(|pair| pair == b"?>")?;
    let declaration = std::str::from_utf8(bytes.get(..end)?).ok()?.trim_start_matches('\u{feff}');
    let rest = declaration.strip_prefix("<?xml")?.split_once("encoding")?.1;
    let value = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    value.get(1..)?.split_once(quote).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn what_xml_allows_is_read() {
        let text = |encoding: &str| format!("<?xml version=\"1.0\" encoding='{encoding}'?>\n<a name=\"Büro\"/>\n");
        let le = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
        let be = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_be_bytes).collect() };
        let latin = |text: &str| -> Vec<u8> { text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect() };
        let utf16 = text("UTF-16");
        for (bytes, expected) in [
            (text("UTF-8").into_bytes(), text("UTF-8")),
            (text("US-ASCII").replace('ü', "u").into_bytes(), text("UTF-8").replace('ü', "u")),
            (format!("\u{feff}{}", text("utf-8")).into_bytes(), text("utf-8")),
            ("<a name='Büro'/>".into(), "<a name='Büro'/>".to_owned()),
            ([&[0xff, 0xfe][..], &le(&utf16)].concat(), text("UTF-8")),
            ([&[0xfe, 0xff][..], &be(&utf16)].concat(), text("UTF-8")),
            (le(&utf16), text("UTF-8")),
            (be(&utf16), text("UTF-8")),
            (latin(&text("iso-8859-1")), text("UTF-8")),
            (Vec::new(), String::new()),
        ] {
            assert_eq!(decode(bytes), Ok(expected));
        }
        let of32 =
            |unit: fn(u32) -> [u8; 4]| -> Vec<u8> { text("UTF-32").chars().flat_map(|c| unit(c.into())).collect() };
        for bytes in [
            of32(u32::to_le_bytes),
            of32(u32::to_be_bytes),
            [&[0xff, 0xfe, 0, 0][..], &of32(u32::to_le_bytes)].concat(),
            [&[0, 0, 0xfe, 0xff][..], &of32(u32::to_be_bytes)].concat(),
            latin(&text("windows-1252")),
            latin(&text("iso-8859-15")),
        ] {
            assert_eq!(decode(bytes), Ok(text("UTF-8")));
        }
        // Euro, Zhe, and two kanji.
        for (encoding, bytes, meant) in [
            ("ISO-8859-15", &[0xa4][..], "€"),
            ("KOI8-R", &[0xf6], "Ж"),
            ("Shift_JIS", &[0x93, 0xfa, 0x96, 0x7b], "日本"),
        ] {
            let head = format!("<?xml version=\"1.0\" encoding=\"{encoding}\"?><a name='");
            let document = [head.as_bytes(), bytes, b"'/>"].concat();
            assert_eq!(
                decode(document).unwrap(),
                format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><a name='{meant}'/>")
            );
        }
        for (encoding, what) in [
            ("IBM037", "its encoding IBM037 is not read: save it as UTF-8"),
            ("UTF-16", "its encoding UTF-16 is not read: save it as UTF-8"),
            ("utf-7", "its encoding UTF-7 is not read: save it as UTF-8"),
            ("iso-2022-kr", "its encoding ISO-2022-KR is not read: save it as UTF-8"),
            ("Shift_JIS", "it is not SHIFT_JIS"),
        ] {
            assert_eq!(decode(latin(&text(encoding))).unwrap_err().to_string(), what);
        }
        assert_eq!(decode(vec![0, 0, 0, b'<', 0, 0xd8]).unwrap_err().to_string(), "it is not UTF-32, as it begins");
        assert_eq!(decode(latin(&text("UTF-8"))).unwrap_err().to_string(), "it is not UTF-8 from byte 49 on");
        for odd in [&[0xff, 0xfe, 0][..], &[0xff, 0xfe, 0, 0xd8]] {
            assert_eq!(decode(odd.to_vec()).unwrap_err().to_string(), "it is not UTF-16, as it begins");
        }
    }
}
