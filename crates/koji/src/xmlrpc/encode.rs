//! The *encoder* writes requests and answers as Koji's own marshaller does (facts: wire 8).

use super::charset::is_xml_char;
use super::scalar::{format_base64, format_double, shorten};
use super::{EncodeError, Fault, MAX_DEPTH, Members, Value, prepend};
use memchr::memmem;
use std::io::Write as _;

const PROLOG: &str = "<?xml version='1.0'?>\n";

/// A carriage return in a document where it is to arrive.
const CARRIAGE_RETURN: &str = "&#13;";

/// Writes a request.
pub fn encode_call(method: &str, params: &[Value]) -> Result<Vec<u8>, EncodeError> {
    let mut out = format!("{PROLOG}<methodCall>\n<methodName>").into_bytes();
    escape(&mut out, method).map_err(|e| within(e, "the method name"))?;
    put(&mut out, "</methodName>\n<params>\n");
    for (index, param) in params.iter().enumerate() {
        put(&mut out, "<param>\n");
        value(&mut out, param, 0).map_err(|e| within(e, &format!("params[{index}]")))?;
        put(&mut out, "</param>\n");
    }
    put(&mut out, "</params>\n</methodCall>\n");
    Ok(out)
}

/// Writes an answer. As from a hub, a carriage return in it arrives as a line feed (facts: wire 11).
pub fn encode_response(result: &Value) -> Result<Vec<u8>, EncodeError> {
    let mut out = format!("{PROLOG}<methodResponse>\n<params>\n<param>\n").into_bytes();
    value(&mut out, result, 0).map_err(|e| within(e, "the result"))?;
    put(&mut out, "</param>\n</params>\n</methodResponse>\n");
    Ok(as_hubs_do(out))
}

/// Writes a fault. Characters that XML does not have become U+FFFD: a fault must arrive.
pub fn encode_fault(fault: &Fault) -> Vec<u8> {
    let text: String = fault.string.chars().map(|c| if is_xml_char(c) { c } else { '\u{fffd}' }).collect();
    let mut out =
        format!("{PROLOG}<methodResponse>\n<fault>\n<value><struct>\n<member>\n<name>faultCode</name>\n").into_bytes();
    integer(&mut out, fault.code);
    put(&mut out, "</member>\n<member>\n<name>faultString</name>\n<value><string>");
    escape_legal(&mut out, &text);
    put(&mut out, "</string></value>\n</member>\n</struct></value>\n</fault>\n</methodResponse>\n");
    as_hubs_do(out)
}

/// Hubs write a carriage return as it is, and readers of the XML take it for the end of a line. (In a text that holds the
/// reference itself, its `&` is escaped.)
fn as_hubs_do(text: Vec<u8>) -> Vec<u8> {
    match memmem::find(&text, CARRIAGE_RETURN.as_bytes()) {
        None => text,
        Some(_) => String::from_utf8_lossy(&text).replace(CARRIAGE_RETURN, "\r").into_bytes(),
    }
}

fn value(out: &mut Vec<u8>, value: &Value, depth: usize) -> Result<(), EncodeError> {
    if depth >= MAX_DEPTH {
        return Err(error(format!("values nested deeper than {MAX_DEPTH}")));
    }
    match value {
        Value::Nil => put(out, "<value><nil/></value>"),
        Value::Int(n) => integer(out, i64::from(*n)),
        Value::Int64(n) => integer(out, *n),
        Value::Bool(b) => {
            put(
                out,
                if *b { "<value><boolean>1</boolean></value>\n" } else { "<value><boolean>0</boolean></value>\n" },
            );
        }
        Value::Double(x) => {
            put(out, "<value><double>");
            put(out, &format_double(*x));
            put(out, "</double></value>\n");
        }
        Value::String(text) => {
            put(out, "<value><string>");
            escape(out, text)?;
            put(out, "</string></value>\n");
        }
        Value::Base64(bytes) => {
            put(out, "<value><base64>");
            put(out, &format_base64(bytes));
            put(out, "</base64></value>\n");
        }
        Value::Array(items) => array(out, items, depth)?,
        Value::Struct(members) => structure(out, members, depth)?,
    }
    Ok(())
}

fn integer(out: &mut Vec<u8>, n: i64) {
    let tag = if i32::try_from(n).is_ok() { "int" } else { "i8" };
    // Writing into a vector does not fail.
    let _ = writeln!(out, "<value><{tag}>{n}</{tag}></value>");
}

fn array(out: &mut Vec<u8>, items: &[Value], depth: usize) -> Result<(), EncodeError> {
    put(out, "<value><array><data>\n");
    for (index, item) in items.iter().enumerate() {
        value(out, item, depth + 1).map_err(|e| within(e, &format!("[{index}]")))?;
    }
    put(out, "</data></array></value>\n");
    Ok(())
}

fn structure(out: &mut Vec<u8>, members: &Members, depth: usize) -> Result<(), EncodeError> {
    put(out, "<value><struct>\n");
    for (name, member) in members {
        put(out, "<member>\n<name>");
        if !put_plain(out, name.as_bytes()) {
            escape(out, name).map_err(|e| within(e, &shorten(name)))?;
        }
        put(out, "</name>\n");
        value(out, member, depth + 1).map_err(|e| within(e, &shorten(name)))?;
        put(out, "</member>\n");
    }
    put(out, "</struct></value>\n");
    Ok(())
}

fn put(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

/// Writes text that stands for itself in XML, which most does; else nothing. All of it is looked at, which takes many bytes at a time.
fn put_plain(out: &mut Vec<u8>, text: &[u8]) -> bool {
    let is_plain = |b: u8| matches!(b, b' '..=b'~') & !matches!(b, b'&' | b'<' | b'>');
    let all = text.iter().fold(true, |plain, b| plain & is_plain(*b));
    if all {
        out.extend_from_slice(text);
    }
    all
}

fn escape(out: &mut Vec<u8>, text: &str) -> Result<(), EncodeError> {
    if put_plain(out, text.as_bytes()) {
        return Ok(());
    }
    if let Some(c) = text.chars().find(|c| !is_xml_char(*c)) {
        let reason = format!("character U+{:04X} in `{}` is not allowed in XML", u32::from(c), shorten(text));
        return Err(error(reason));
    }
    escape_legal(out, text);
    Ok(())
}

/// A carriage return is written as a reference: as a character it would arrive as a line feed.
fn escape_legal(out: &mut Vec<u8>, text: &str) {
    for b in text.bytes() {
        match b {
            b'&' => put(out, "&amp;"),
            b'<' => put(out, "&lt;"),
            b'>' => put(out, "&gt;"),
            b'\r' => put(out, CARRIAGE_RETURN),
            _ => out.push(b),
        }
    }
}

fn error(reason: String) -> EncodeError {
    EncodeError { reason, path: String::new() }
}

fn within(mut error: EncodeError, parent: &str) -> EncodeError {
    prepend(&mut error.path, parent);
    error
}
