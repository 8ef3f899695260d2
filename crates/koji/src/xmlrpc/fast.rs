//! The *fast path*: members and items with a plain value, as Koji's own marshaller writes them. They are nearly all of a large
//! answer, and are read without being cut into tags and text first.
//!
//! What is written in any other way is not an error here but left to the [scanner](super::scan), which knows all of XML, and all
//! that is forbidden.

use super::Value;
use super::scalar::{parse_double, parse_int};
use crate::value::int;

/// A member of a struct with a plain value at the beginning of `text`: how long it is, its name and value.
pub fn member(text: &[u8]) -> Option<(usize, &str, Value)> {
    let mut cursor = Cursor { text, at: 0 };
    cursor.blanks();
    cursor.eat(b"<member>")?;
    cursor.blanks();
    cursor.eat(b"<name>")?;
    let name = cursor.plain()?;
    cursor.eat(b"</name>")?;
    cursor.blanks();
    let value = cursor.value()?;
    cursor.blanks();
    cursor.eat(b"</member>")?;
    Some((cursor.at, name, value))
}

/// A plain item of an array at the beginning of `text`: how long it is, and its value.
pub fn item(text: &[u8]) -> Option<(usize, Value)> {
    let mut cursor = Cursor { text, at: 0 };
    cursor.blanks();
    let value = cursor.value()?;
    Some((cursor.at, value))
}

struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn blanks(&mut self) {
        self.at += self.rest().iter().take_while(|byte| matches!(byte, b'\n' | b' ')).count();
    }

    fn eat(&mut self, tag: &[u8]) -> Option<()> {
        self.rest().starts_with(tag).then(|| self.at += tag.len())
    }

    /// Text up to the next tag, of characters that stand for themselves everywhere in XML.
    fn plain(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let is_plain = |byte: &u8| matches!(byte, b'\t' | b'\n' | 0x20..0x7f) && !matches!(byte, b'<' | b'&' | b'>');
        let length = rest.iter().position(|byte| !is_plain(byte))?;
        if rest.get(length) != Some(&b'<') {
            return None;
        }
        self.at += length;
        std::str::from_utf8(rest.get(..length)?).ok()
    }

    fn value(&mut self) -> Option<Value> {
        self.eat(b"<value><")?;
        let value = match self.rest().first()? {
            b's' => {
                self.eat(b"string>")?;
                let text = self.plain()?;
                self.eat(b"</string>")?;
                Value::String(text.to_owned())
            }
            b'i' => {
                let (open, close): (&[u8], &[u8]) =
                    if self.rest().starts_with(b"int>") { (b"int>", b"</int>") } else { (b"i8>", b"</i8>") };
                self.eat(open)?;
                let number = parse_int(self.plain()?).ok()?;
                self.eat(close)?;
                int(number)
            }
            b'n' => {
                self.eat(b"nil/>")?;
                Value::Nil
            }
            b'd' => {
                self.eat(b"double>")?;
                let number = parse_double(self.plain()?).ok()?;
                self.eat(b"</double>")?;
                Value::Double(number)
            }
            b'b' => {
                self.eat(b"boolean>")?;
                let value = match self.plain()? {
                    "0" => false,
                    "1" => true,
                    _ => return None,
                };
                self.eat(b"</boolean>")?;
                Value::Bool(value)
            }
            _ => return None,
        };
        self.eat(b"</value>")?;
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_values_are_read_whole() {
        for (text, value) in [
            ("<value><string>a b\n</string></value>", Value::String("a b\n".into())),
            ("<value><int>-7</int></value>", int(-7)),
            ("<value><i8>5000000000</i8></value>", int(5_000_000_000)),
            ("<value><nil/></value>", Value::Nil),
            ("<value><double>0.5</double></value>", Value::Double(0.5)),
            ("<value><boolean>1</boolean></value>", Value::Bool(true)),
        ] {
            assert_eq!(item(format!("\n{text}rest").as_bytes()), Some((text.len() + 1, value.clone())));
            let inside = format!("<member>\n<name>n</name>\n{text}\n</member>\n");
            assert_eq!(member(inside.as_bytes()), Some((inside.len() - 1, "n", value)));
        }
    }

    #[test]
    fn anything_else_is_left_to_the_scanner() {
        for text in [
            "<value><string>&amp;</string></value>",
            "<value><string>caf\u{e9}</string></value>",
            "<value><string>\r</string></value>",
            "<value><string>]]></string></value>",
            "<value><string>a<!-- --></string></value>",
            "<value><string>a</int></value>",
            "<value><string>a",
            "<value><int>x</int></value>",
            "<value><int></int></value>",
            "<value><boolean>2</boolean></value>",
            "<value><array><data></data></array></value>",
            "<value>bare</value>",
            "<value ><nil/></value>",
            "<ns:value><nil/></ns:value>",
            "",
        ] {
            assert_eq!(item(text.as_bytes()), None, "{text}");
        }
    }
}
