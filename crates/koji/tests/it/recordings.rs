//! Every recorded message means to us what it means to Python's `xmlrpc.client`.

use magudi_koji::xmlrpc::{Response, Value, decode_call, decode_response, encode_call, encode_fault, encode_response};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};

/// Where the recordings are.
pub fn wire() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/koji/wire")
}

/// The head and the body of a recording.
pub fn recording(file: &str) -> (String, Vec<u8>) {
    let bytes = std::fs::read(wire().join(file)).unwrap();
    let at = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    (String::from_utf8_lossy(&bytes[..at]).into_owned(), bytes[at + 4..].to_vec())
}

/// The value in a recorded answer.
pub fn recorded_value(file: &str) -> Value {
    match decode_response(&recording(file).1).unwrap() {
        Response::Value(value) => value,
        Response::Fault(fault) => panic!("{file} is a fault: {fault}"),
    }
}

/// As `fixtures/koji/make_expected.py` writes values.
fn plain(value: &Value) -> Json {
    match value {
        Value::Double(x) => json!({"$double": python_repr(*x)}),
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Struct(members) => Json::Object(members.iter().map(|(k, v)| (k.clone(), plain(v))).collect()),
        Value::Base64(_) => json!({"$base64": magudi_koji::value::to_json(value)}),
        _ => magudi_koji::value::to_json(value),
    }
}

/// The text of a double in an encoded answer.
fn python_repr(x: f64) -> String {
    let encoded = String::from_utf8(encode_response(&Value::Double(x)).unwrap()).unwrap();
    let (_, after) = encoded.split_once("<double>").unwrap();
    after.split_once('<').unwrap().0.to_owned()
}

/// Dates are strings to us, decimals are doubles.
fn simplify(expected: &mut Json) {
    match expected {
        Json::Array(items) => items.iter_mut().for_each(simplify),
        Json::Object(members) => {
            if let Some(date) = members.get("$date") {
                *expected = date.clone();
            } else if let Some(number) = members.get("$decimal") {
                *expected = json!({"$double": number});
            } else {
                members.values_mut().for_each(simplify);
            }
        }
        _ => {}
    }
}

/// What Python takes and we refuse, on purpose.
const STRICTER: [&str; 2] = [
    "628-echo-x-biginteger.req.txt", // beyond 64 bits; the hub cannot answer with it either
    "643-echo-x-nested-string.req.txt", // a tag inside of a string: Python drops the text around it
];

#[test]
fn recordings_mean_what_python_reads() {
    let expectations = std::fs::read_to_string(wire().join("expected.jsonl")).unwrap();
    let mut compared = 0;
    for line in expectations.lines() {
        let mut expected: Json = serde_json::from_str(line).unwrap();
        let file = expected["file"].as_str().unwrap().to_owned();
        let (_, body) = recording(&file);
        if expected.get("status").is_some() || STRICTER.contains(&file.as_str()) {
            let refused =
                if file.ends_with(".req.txt") { decode_call(&body).is_err() } else { decode_response(&body).is_err() };
            assert!(refused, "{file}");
            continue;
        }
        simplify(&mut expected);
        let found = if file.ends_with(".req.txt") {
            match decode_call(&body) {
                Ok(call) => {
                    json!({"file": file, "call": [call.method, call.params.iter().map(plain).collect::<Json>()]})
                }
                Err(e) => json!({"file": file, "error": e.to_string()}),
            }
        } else {
            match decode_response(&body) {
                Ok(Response::Value(value)) => json!({"file": file, "value": plain(&value)}),
                Ok(Response::Fault(fault)) => json!({"file": file, "fault": [fault.code, fault.string]}),
                Err(e) => json!({"file": file, "error": e.to_string()}),
            }
        };
        if expected.get("error").is_some() {
            assert!(found.get("error").is_some(), "{file}: Python refuses it, we read {found}");
        } else {
            assert_eq!(found, expected, "{file}");
        }
        compared += 1;
    }
    assert!(compared > 500, "{compared}");
}

/// Python writes struct members in the order of insertion, we in the order of their names; all else is the same, so the
/// same message has the same length and the same lines.
#[test]
fn recordings_are_written_alike() {
    let mut compared = 0;
    for entry in std::fs::read_dir(wire()).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        if !file.ends_with(".txt") {
            continue;
        }
        let (_, body) = recording(&file);
        let text = String::from_utf8_lossy(&body);
        let by_hand = !text.starts_with("<?xml version='1.0'?>\n") || text.contains("dateTime");
        if by_hand {
            continue;
        }
        let written = match (decode_call(&body), decode_response(&body)) {
            (Ok(call), _) => encode_call(&call.method, &call.params).unwrap(),
            (_, Ok(Response::Value(value))) => encode_response(&value).unwrap(),
            (_, Ok(Response::Fault(fault))) => encode_fault(&fault),
            _ => continue,
        };
        let lines = |bytes: &[u8]| {
            let mut lines: Vec<String> =
                String::from_utf8_lossy(bytes).replace("\r\n", "\n").lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(lines(&written), lines(&body), "{file}");
        compared += 1;
    }
    assert!(compared > 400, "{compared}");
}
