//! The `%` operator against Python 3.11, which made the table: template, right side, result or an error.

use magudi_config::{Dict, Sources, conf};
use std::path::Path;

const TABLE: &[(&str, &str, Option<&str>)] = &[
    ("%s", "1.5", Some("1.5")),
    ("%r", "'x'", Some("'x'")),
    ("%a", "'é'", Some(r"'\xe9'")),
    ("%d", "5.9", Some("5")),
    ("%d", "-5.9", Some("-5")),
    ("%i", "True", Some("1")),
    ("%u", "5", Some("5")),
    ("%d", "99999999999999999999", Some("99999999999999999999")),
    ("%x", "255", Some("ff")),
    ("%X", "255", Some("FF")),
    ("%#x", "-255", Some("-0xff")),
    ("%#X", "255", Some("0XFF")),
    ("%o", "8", Some("10")),
    ("%#o", "8", Some("0o10")),
    ("%x", "99999999999999999999", Some("56bc75e2d630fffff")),
    ("%#08x|", "-255", Some("-0x000ff|")),
    ("%-08d|", "5", Some("5       |")),
    ("%05d", "42", Some("00042")),
    ("% d", "5", Some(" 5")),
    ("%+d", "5", Some("+5")),
    ("% +d", "5", Some("+5")),
    ("%5.3d|", "7", Some("  007|")),
    ("%#.5x", "255", Some("0x000ff")),
    ("%e", "1.5", Some("1.500000e+00")),
    ("%E", "12345.678", Some("1.234568E+04")),
    ("%.0e", "1.5", Some("2e+00")),
    ("%#.0e", "1.5", Some("2.e+00")),
    ("%f", "1", Some("1.000000")),
    ("%.0f", "2.5", Some("2")),
    ("%#.0f", "1.0", Some("1.")),
    ("%.3f", "9.9995", Some("9.999")),
    ("%010f", "-1.5", Some("-01.500000")),
    ("%g", "1.0e20", Some("1e+20")),
    ("%g", "0.0001", Some("0.0001")),
    ("%g", "0.00001", Some("1e-05")),
    ("%#g", "1.0", Some("1.00000")),
    ("%G", "1.0e-10", Some("1E-10")),
    ("%.2g", "123.0", Some("1.2e+02")),
    ("%5.1r|", "'abc'", Some("    '|")),
    ("%.2s|", "'abc'", Some("ab|")),
    ("%-5s|", "'é'", Some("é    |")),
    ("%05s|", "'a'", Some("    a|")),
    ("%c", "65", Some("A")),
    ("%c", "'é'", Some("é")),
    ("%5c|", "'x'", Some("    x|")),
    ("%%", "()", Some("%")),
    ("%s%%", "1", Some("1%")),
    ("%(k)s", "{'k': 1}", Some("1")),
    ("%(k)s %(j)r", "{'k': 'a', 'j': 'b'}", Some("a 'b'")),
    ("%s %(k)s", "{'k': 1}", Some("{'k': 1} 1")),
    ("%(a(b)c)s", "{'a(b)c': 1}", Some("1")),
    ("%*d|", "(5, 3)", Some("    3|")),
    ("%-*d|", "(5, 3)", Some("3    |")),
    ("%*d|", "(-5, 3)", Some("3    |")),
    ("%.*f", "(2, 1.239)", Some("1.24")),
    ("%*.*f|", "(8, 2, 1.239)", Some("    1.24|")),
    ("%ld", "5", Some("5")),
    ("%s", "[1, (2,), {3: None}]", Some("[1, (2,), {3: None}]")),
    ("%s-%s", "('a', 'b')", Some("a-b")),
    ("%F", "1.0e999", Some("INF")),
    ("%010f", "1.0e999", Some("0000000inf")),
    ("%+.1e", "0.0", Some("+0.0e+00")),
    ("%s", "[]", Some("[]")),
    ("x", "[]", Some("x")),
    ("x", "{}", Some("x")),
    ("%s", "()", None),
    ("%s %s", "'x'", None),
    ("x", "'y'", None),
    ("%d", "'5'", None),
    ("%x", "5.0", None),
    ("%c", "1.5", None),
    ("%c", "'ab'", None),
    ("%c", "-1", None),
    ("%", "()", None),
    ("%5", "()", None),
    ("%(k", "{}", None),
    ("%(k)s", "'x'", None),
    ("%(k)s", "[1]", None),
    ("%(k)s", "{}", None),
    ("%q", "1", None),
    ("%hhd", "5", None),
    ("%*d", "('x', 1)", None),
    ("%d", "1.0e999", None),
    ("%f", "'x'", None),
    ("%.99999999999d", "5", None),
    ("%9999999999d", "5", None),
    ("%5%", "()", None),
    ("%(k)%", "{'k': 1}", None),
    ("%e", "NINES", None),
];

fn evaluate(text: &str) -> Result<String, String> {
    let mut sources = Sources::new();
    let file = sources.add_bytes(Path::new("a.conf"), text.as_bytes().to_vec()).unwrap();
    let none = |_: &Path| -> std::io::Result<Vec<u8>> { Err(std::io::ErrorKind::NotFound.into()) };
    let tree = conf::parse_conf(file, &mut sources, &none, &Dict::default());
    let tree = tree.map_err(|problems| problems[0].message.clone())?;
    Ok(tree.as_dict().unwrap().get("a").unwrap().as_str().unwrap().to_owned())
}

#[test]
fn formats_as_python_does() {
    let mut wrong = Vec::new();
    for (template, right, expected) in TABLE {
        let right = right.replace("NINES", &"9".repeat(400));
        let ours = evaluate(&format!("a = \"{template}\" % {right}\n"));
        let reason = |message: &String| message.starts_with("cannot format this string: ") && message.len() > 30;
        if ours.as_deref().ok() != *expected || ours.as_ref().err().is_some_and(|message| !reason(message)) {
            wrong.push(format!("{template:?} % {right}: {ours:?} instead of {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_format_expression_is_where_it_was_written() {
    let mut sources = Sources::new();
    let text = "b = 'x'\na = ['%s-%s' % (b, b), '%s' % b]\n";
    let file = sources.add_bytes(Path::new("a.conf"), text.as_bytes().to_vec()).unwrap();
    let none = |_: &Path| -> std::io::Result<Vec<u8>> { Err(std::io::ErrorKind::NotFound.into()) };
    let tree = conf::parse_conf(file, &mut sources, &none, &Dict::default()).unwrap();
    let items = tree.as_dict().unwrap().get("a").unwrap().as_array().unwrap();
    let written: Vec<_> = items.iter().map(|item| &text[item.span.start as usize..item.span.end as usize]).collect();
    assert_eq!(written, ["'%s-%s' % (b, b)", "'%s' % b"]);
}
