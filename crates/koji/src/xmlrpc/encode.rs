//! The *encoder* writes requests and answers as Koji's own marshaller does (facts: wire 8).

use super::charset::is_xml_char;
use super::scalar::{format_base64, format_double, shorten};
use super::{EncodeError, Fault, MAX_DEPTH, Members, Value, prepend};
use std::fmt::Write as _;

const PROLOG: &str = "<?xml version='1.0'?>\n";

/// A carriage return in a document where it is to arrive.
const CARRIAGE_RETURN: &str = "&#13;";

/// Writes a request.
pub fn encode_call(method: &str, params: &[Value]) -> Result<Vec<u8>, EncodeError> {
    let mut out = format!("{PROLOG}<methodCall>\n<methodName>");
    escape(&mut out, method).map_err(|e| within(e, "the method name"))?;
    out.push_str("</methodName>\n<params>\n");
    for (index, param) in params.iter().enumerate() {
        out.push_str("<param>\n");
        value(&mut out, param, 0).map_err(|e| within(e, &format!("params[{index}]")))?;
        out.push_str("</param>\n");
    }
    out.push_str("</params>\n</methodCall>\n");
    Ok(out.into_bytes())
}

/// Writes an answer. As from a hub, a carriage return in it arrives as a line feed (facts: wire 11).
pub fn encode_response(result: &Value) -> Result<Vec<u8>, EncodeError> {
    let mut out = format!("{PROLOG}<methodResponse>\n<params>\n<param>\n");
    value(&mut out, result, 0).map_err(|e| within(e, "the result"))?;
    out.push_str("</param>\n</params>\n</methodResponse>\n");
    Ok(as_hubs_do(out))
}

/// Writes a fault. Characters that XML does not have become U+FFFD: a fault must arrive.
pub fn encode_fault(fault: &Fault) -> Vec<u8> {
    let text: String = fault.string.chars().map(|c| if is_xml_char(c) { c } else { '\u{fffd}' }).collect();
    let mut out = format!("{PROLOG}<methodResponse>\n<fault>\n<value><struct>\n<member>\n<name>faultCode</name>\n");
    integer(&mut out, fault.code);
    out.push_str("</member>\n<member>\n<name>faultString</name>\n<value><string>");
    escape_legal(&mut out, &text);
    out.push_str("</string></value>\n</member>\n</struct></value>\n</fault>\n</methodResponse>\n");
    as_hubs_do(out)
}

/// Hubs write a carriage return as it is, and readers of the XML take it for the end of a line. (In a text that holds the
/// reference itself, its `&` is escaped.)
fn as_hubs_do(text: String) -> Vec<u8> {
    if text.contains(CARRIAGE_RETURN) { text.replace(CARRIAGE_RETURN, "\r").into_bytes() } else { text.into_bytes() }
}

fn value(out: &mut String, value: &Value, depth: usize) -> Result<(), EncodeError> {
    if depth >= MAX_DEPTH {
        return Err(error(format!("values nested deeper than {MAX_DEPTH}")));
    }
    match value {
        Value::Nil => out.push_str("<value><nil/></value>"),
        Value::Int(n) => integer(out, i64::from(*n)),
        Value::Int64(n) => integer(out, *n),
        Value::Bool(b) => out.push_str(if *b {
            "<value><boolean>1</boolean></value>\n"
        } else {
            "<value><boolean>0</boolean></value>\n"
        }),
        Value::Double(x) => {
            out.push_str("<value><double>");
            out.push_str(&format_double(*x));
            out.push_str("</double></value>\n");
        }
        Value::String(text) => {
            out.push_str("<value><string>");
            escape(out, text)?;
            out.push_str("</string></value>\n");
        }
        Value::Base64(bytes) => {
            out.push_str("<value><base64>");
            out.push_str(&format_base64(bytes));
            out.push_str("</base64></value>\n");
        }
        Value::Array(items) => array(out, items, depth)?,
        Value::Struct(members) => structure(out, members, depth)?,
    }
    Ok(())
}

fn integer(out: &mut String, n: i64) {
    let tag = if i32::try_from(n).is_ok() { "int" } else { "i8" };
    // Writing into a string does not fail.
    let _ = writeln!(out, "<value><{tag}>{n}</{tag}></value>");
}

fn array(out: &mut String, items: &[Value], depth: usize) -> Result<(), EncodeError> {
    out.push_str("<value><array><data>\n");
    for (index, item) in items.iter().enumerate() {
        value(out, item, depth + 1).map_err(|e| within(e, &format!("[{index}]")))?;
    }
    out.push_str("</data></array></value>\n");
    Ok(())
}

fn structure(out: &mut String, members: &Members, depth: usize) -> Result<(), EncodeError> {
    out.push_str("<value><struct>\n");
    for (name, member) in members {
        out.push_str("<member>\n<name>");
        escape(out, name).map_err(|e| within(e, &shorten(name)))?;
        out.push_str("</name>\n");
        value(out, member, depth + 1).map_err(|e| within(e, &shorten(name)))?;
        out.push_str("</member>\n");
    }
    out.push_str("</struct></value>\n");
    Ok(())
}

fn escape(out: &mut String, text: &str) -> Result<(), EncodeError> {
    // Most texts are written as they are. All of one is looked at, which takes many bytes at a time.
    let is_plain = |b: u8| matches!(b, b' '..=b'~') & !matches!(b, b'&' | b'<' | b'>');
    if text.bytes().fold(true, |plain, b| plain & is_plain(b)) {
        out.push_str(text);
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
fn escape_legal(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str(CARRIAGE_RETURN),
            _ => out.push(c),
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
