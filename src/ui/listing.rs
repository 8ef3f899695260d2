//! A *listing* is an answer in JSON that is mostly long lists. Parts of a list are written at the same time, each into a text
//! of its own, and printed in their order.

use rayon::prelude::*;
use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::{Formatter as _, PrettyFormatter};
use std::io::{self, Write};

/// How many items one thread writes at a time: another one would not help with fewer.
const PART: usize = 256;

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
    let threads = if items.len() <= PART { 1 } else { rayon::current_num_threads() };
    let mut texts: Vec<Vec<u8>> = vec![Vec::new(); threads];
    out.write_all(b"[")?;
    let mut between = "";
    for items in items.chunks(PART * threads) {
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
fn inside<W: Write>(out: W, levels: usize) -> Serializer<W, PrettyFormatter<'static>> {
    let mut formatter = PrettyFormatter::new();
    for _ in 0..levels {
        // It counts the levels itself, and what it writes of them is not needed.
        let _ = formatter.begin_object(&mut io::sink());
    }
    Serializer::with_formatter(out, formatter)
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
}
