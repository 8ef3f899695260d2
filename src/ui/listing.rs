//! A *listing* is an answer in JSON that is mostly long lists. Parts of a list are written at the same time, each into a text
//! of its own, and printed in their order.

use rayon::prelude::*;
use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;
use std::io::{self, Write};

/// How many items one thread writes at a time: another one would not help with fewer.
const PART: usize = 256;

/// How many parts each thread writes before they are printed, on the average: one that waits for the other does nothing.
const PARTS: usize = 4;

/// Writes an object of three members, each with its name: what the lists are of, and two lists.
pub fn write_listing(
    out: &mut impl Write,
    head: (&str, &impl Serialize),
    first: (&str, &[impl Serialize + Sync]),
    second: (&str, &[impl Serialize + Sync]),
) -> io::Result<()> {
    write!(out, "{{\n  \"{}\": ", head.0)?;
    head.1.serialize(&mut inside(&mut *out, 1))?;
    write!(out, ",\n  \"{}\": ", first.0)?;
    write_list(out, first.1)?;
    write!(out, ",\n  \"{}\": ", second.0)?;
    write_list(out, second.1)?;
    out.write_all(b"\n}\n")
}

fn write_list(out: &mut impl Write, items: &[impl Serialize + Sync]) -> io::Result<()> {
    if items.is_empty() {
        return out.write_all(b"[]");
    }
    // For a short list no other thread is needed.
    let parts = if items.len() <= PART { 1 } else { PARTS * rayon::current_num_threads() };
    let mut texts: Vec<Vec<u8>> = vec![Vec::new(); parts];
    out.write_all(b"[")?;
    let mut between = "";
    for items in items.chunks(PART * parts) {
        match &mut texts[..] {
            [text] => write_items(text, items)?,
            texts => texts
                .par_iter_mut()
                .zip(items.par_chunks(PART))
                .try_for_each(|(text, items)| write_items(text, items))?,
        }
        for text in texts.iter_mut().filter(|text| !text.is_empty()) {
            out.write_all(between.as_bytes())?;
            out.write_all(text)?;
            text.clear();
            between = ",";
        }
    }
    out.write_all(b"\n  ]")
}

/// Appends items to a text, with commas between them.
fn write_items(text: &mut Vec<u8>, items: &[impl Serialize]) -> io::Result<()> {
    for item in items {
        text.extend_from_slice(if text.is_empty() { b"\n    " } else { b",\n    " });
        item.serialize(&mut inside(&mut *text, 2))?;
    }
    Ok(())
}

/// Writes what is inside of so many objects and lists.
fn inside<W: Write>(out: W, level: usize) -> Serializer<W, Lines> {
    Serializer::with_formatter(out, Lines { level, is_empty: false })
}

/// What is written between values: as `serde_json` does for people, but a line's end and the indentation of the next one at once.
struct Lines {
    /// How many objects and lists are open.
    level: usize,
    /// Nothing is in the one that was opened last.
    is_empty: bool,
}

/// The end of a line and the beginning of another one, as deep as most are.
const LINE: &[u8] = b",\n                                ";
const INDENT: &[u8] = b"  ";

impl Lines {
    fn begin<W: Write + ?Sized>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.level += 1;
        self.is_empty = true;
        out.write_all(bracket)
    }

    fn end<W: Write + ?Sized>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.level -= 1;
        if !std::mem::take(&mut self.is_empty) {
            self.line(out, true)?;
        }
        out.write_all(bracket)
    }

    /// Begins a line, behind a comma unless what it has is the first or the last.
    fn line<W: Write + ?Sized>(&self, out: &mut W, without_comma: bool) -> io::Result<()> {
        let (line, indent) = LINE.split_at(LINE.len().min(2 + INDENT.len() * self.level));
        out.write_all(line.get(usize::from(without_comma)..).unwrap_or_default())?;
        let more = if indent.is_empty() { self.level - (LINE.len() - 2) / INDENT.len() } else { 0 };
        (0..more).try_for_each(|_| out.write_all(INDENT))
    }
}

impl Formatter for Lines {
    fn begin_array<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(out, b"[")
    }

    fn end_array<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(out, b"]")
    }

    fn begin_array_value<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.line(out, first)
    }

    fn end_array_value<W: Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.is_empty = false;
        Ok(())
    }

    fn begin_object<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(out, b"{")
    }

    fn end_object<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(out, b"}")
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.line(out, first)
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }

    fn end_object_value<W: Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.is_empty = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn it_is_what_one_writer_would_write() {
        for length in [0, 1, PART, PART + 1, 7 * PART - 3] {
            let items: Vec<_> = (0..length).map(|n| json!({"n": n, "of": [length, []], "empty": {}})).collect();
            let mut text = Vec::new();
            write_listing(&mut text, ("a", &json!({"id": "x"})), ("items", &items), ("z", &[json!({"b": 1})])).unwrap();
            let whole = json!({"a": {"id": "x"}, "items": items, "z": [{"b": 1}]});
            assert!(String::from_utf8(text).unwrap() == format!("{whole:#}\n"), "{length}");
        }
    }

    #[test]
    fn lines_are_indented_however_deep() {
        let deep = (0..60).fold(json!(1), |inner, n| json!({"l": [inner, n], "e": [{}, []]}));
        let mut text = Vec::new();
        write_listing(&mut text, ("a", &deep), ("items", &[&deep]), ("z", &[&deep])).unwrap();
        let whole = json!({"a": deep, "items": [deep], "z": [deep]});
        assert!(String::from_utf8(text).unwrap() == format!("{whole:#}\n"));
    }
}
