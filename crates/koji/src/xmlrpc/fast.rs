//! The *fast path*: parameters, members and items with a plain value, which is a scalar or an array of scalars, as Koji's own
//! marshaller writes them. They are nearly all of a call and of a large answer, and are read without being cut into tags and text
//! first.
//!
//! What is written in any other way is not an error here but left to the [scanner](super::scan), which knows all of XML, and all
//! that is forbidden.

use super::Value;
use super::scalar::{parse_double, parse_int};
use crate::value::int;

/// A member of a struct with a plain value at the beginning of `text`: how long it is, its name and value.
pub fn member(text: &str) -> Option<(usize, &str, Value)> {
    let mut cursor = Cursor { rest: text };
    cursor.blanks();
    cursor.eat("<member>")?;
    cursor.blanks();
    cursor.eat("<name>")?;
    let name = cursor.plain()?;
    cursor.eat("</name>")?;
    cursor.blanks();
    let value = cursor.value()?;
    cursor.blanks();
    cursor.eat("</member>")?;
    Some((text.len() - cursor.rest.len(), name, value))
}

/// A parameter with a plain value at the beginning of `text`: how long it is, and its value.
pub fn param(text: &str) -> Option<(usize, Value)> {
    let mut cursor = Cursor { rest: text };
    cursor.blanks();
    cursor.eat("<param>")?;
    cursor.blanks();
    let value = cursor.value()?;
    cursor.blanks();
    cursor.eat("</param>")?;
    Some((text.len() - cursor.rest.len(), value))
}

/// A plain item of an array at the beginning of `text`: how long it is, and its value.
pub fn item(text: &str) -> Option<(usize, Value)> {
    let mut cursor = Cursor { rest: text };
    cursor.blanks();
    let value = cursor.value()?;
    Some((text.len() - cursor.rest.len(), value))
}

/// The characters that stand for themselves everywhere in XML, by their byte.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0;
    while byte < plain.len() {
        plain[byte] = matches!(byte as u8, b'\t' | b'\n' | 0x20..0x7f) && !matches!(byte as u8, b'<' | b'&' | b'>');
        byte += 1;
    }
    plain
};

struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    fn blanks(&mut self) {
        while let Some(b'\n' | b' ') = self.rest.as_bytes().first() {
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
    }

    fn eat(&mut self, tag: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(tag)?;
        Some(())
    }

    /// Plain text up to the next tag.
    fn plain(&mut self) -> Option<&'a str> {
        let length = self.rest.bytes().position(|byte| !PLAIN[usize::from(byte)])?;
        let (plain, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        rest.starts_with('<').then_some(plain)
    }

    fn value(&mut self) -> Option<Value> {
        self.eat("<value><")?;
        let value = if self.rest.starts_with("array") { Value::Array(self.array()?) } else { self.scalar()? };
        self.eat("</value>")?;
        Some(value)
    }

    /// The rest of an array of scalars.
    fn array(&mut self) -> Option<Vec<Value>> {
        self.eat("array><data>")?;
        let mut items = Vec::new();
        loop {
            self.blanks();
            if self.eat("</data></array>").is_some() {
                return Some(items);
            }
            self.eat("<value><")?;
            items.push(self.scalar()?);
            self.eat("</value>")?;
        }
    }

    fn scalar(&mut self) -> Option<Value> {
        Some(match self.rest.as_bytes().first()? {
            b's' => {
                self.eat("string>")?;
                let text = self.plain()?;
                self.eat("</string>")?;
                Value::String(text.to_owned())
            }
            b'i' => {
                let (open, close) = if self.rest.starts_with("int>") { ("int>", "</int>") } else { ("i8>", "</i8>") };
                self.eat(open)?;
                let number = parse_int(self.plain()?).ok()?;
                self.eat(close)?;
                int(number)
            }
            b'n' => {
                self.eat("nil/>")?;
                Value::Nil
            }
            b'd' => {
                self.eat("double>")?;
                let number = parse_double(self.plain()?).ok()?;
                self.eat("</double>")?;
                Value::Double(number)
            }
            b'b' => {
                self.eat("boolean>")?;
                let value = match self.plain()? {
                    "0" => false,
                    "1" => true,
                    _ => return None,
                };
                self.eat("</boolean>")?;
                Value::Bool(value)
            }
            _ => return None,
        })
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
            ("<value><array><data>\n</data></array></value>", Value::Array(Vec::new())),
            (
                "<value><array><data>\n<value><nil/></value><value><int>1</int></value>\n</data></array></value>",
                Value::Array(vec![Value::Nil, int(1)]),
            ),
        ] {
            assert_eq!(item(&format!("\n{text}rest")), Some((text.len() + 1, value.clone())));
            let inside = format!("<member>\n<name>n</name>\n{text}\n</member>\n");
            assert_eq!(member(&inside), Some((inside.len() - 1, "n", value.clone())));
            let inside = format!("<param>\n{text}\n</param>\n");
            assert_eq!(param(&inside), Some((inside.len() - 1, value)));
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
            "<value><array></array></value>",
            "<value><array><data><value>bare</value></data></array></value>",
            "<value><array><data><value><array><data></data></array></value></data></array></value>",
            "<value><array><data><value><nil/></value>",
            "<value>bare</value>",
            "<value ><nil/></value>",
            "<ns:value><nil/></ns:value>",
            "",
        ] {
            assert_eq!(item(text), None, "{text}");
        }
    }
}
