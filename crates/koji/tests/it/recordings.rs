//! Every recorded message means to us what it means to Python's `xmlrpc.client`.

use magudi_koji::xmlrpc::{Response, Value, decode_call, decode_response, encode_call, encode_fault, encode_response};
use serde_json::{Value as Json, json};
use std::path::PathBuf;

/// Where the recordings are.
pub fn wire() -> PathBuf {
    magudi_testkit::fixture("koji/wire")
}

/// The head and the body of a recording.
pub fn recording(file: &str) -> (String, Vec<u8>) {
    let bytes = std::fs::read(wire().join(file)).unwrap();
    let at = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    (String::from_utf8_lossy(&bytes[..at]).into_owned(), bytes[at + 4..].to_vec())
}

/// A recorded message, with what Python reads in it.
struct Message {
    body: Vec<u8>,
    /// A line of `expected.jsonl`.
    expected: Json,
}

impl Message {
    fn file(&self) -> &str {
        self.expected["file"].as_str().unwrap()
    }

    fn is_request(&self) -> bool {
        self.file().ends_with(".req.txt")
    }
}

/// All recorded messages: those in `fixtures/koji/wire`, and those of the plugins of image-builder and kiwi.
fn messages() -> Vec<Message> {
    let lines = |path: PathBuf| -> Vec<Json> {
        std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let files = lines(wire().join("expected.jsonl")).into_iter().map(|expected| {
        let body = recording(expected["file"].as_str().unwrap()).1;
        Message { body, expected }
    });
    let plugins = lines(wire().join("../../phases/wire.jsonl")).into_iter().map(|mut expected| {
        let members = expected.as_object_mut().unwrap();
        members.remove("user");
        let body = members.remove("body").unwrap().as_str().unwrap().as_bytes().to_vec();
        Message { body, expected }
    });
    files.chain(plugins).collect()
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
        Value::Struct(members) => Json::Object(members.iter().map(|(k, v)| (k.to_string(), plain(v))).collect()),
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
    let mut compared = 0;
    for message in messages() {
        let (file, body, mut expected) = (message.file(), &message.body, message.expected.clone());
        if expected.get("status").is_some() || STRICTER.contains(&file) {
            let refused =
                if message.is_request() { decode_call(body).is_err() } else { decode_response(body).is_err() };
            assert!(refused, "{file}");
            continue;
        }
        simplify(&mut expected);
        let found = if message.is_request() {
            match decode_call(body) {
                Ok(call) => {
                    json!({"file": file, "call": [call.method, call.params.iter().map(plain).collect::<Json>()]})
                }
                Err(e) => json!({"file": file, "error": e.to_string()}),
            }
        } else {
            match decode_response(body) {
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
    assert!(compared > 500 + 983, "{compared}");
}

/// Python writes struct members in the order of insertion, we in the order of their names; all else is the same, so the
/// same message has the same length and the same lines.
#[test]
fn recordings_are_written_alike() {
    let mut compared = 0;
    for message in messages() {
        let (file, body) = (message.file(), &message.body);
        let text = String::from_utf8_lossy(body);
        let by_hand = !text.starts_with("<?xml version='1.0'?>\n") || text.contains("dateTime");
        if by_hand {
            continue;
        }
        let written = match (decode_call(body), decode_response(body)) {
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
        assert_eq!(lines(&written), lines(body), "{file}");
        compared += 1;
    }
    assert!(compared > 400 + 983, "{compared}");
}
