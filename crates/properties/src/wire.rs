//! What holds for every message of a hub: what is read is written and read again as the same, errors stay short, and no name in
//! an answer leads out of a directory.

use magudi_koji::calls;
use magudi_koji::names::{pathinfo, safe_component, safe_relative};
use magudi_koji::value::{ShapeError, from_json, same, to_json};
use magudi_koji::xmlrpc::{
    DecodeError, MethodCall, Response, Value, decode_call, decode_response, encode_call, encode_fault, encode_response,
};
use std::path::{Component, Path};

/// No message about one message is longer, in bytes.
const LONGEST: usize = 1000;

/// An answer of a hub.
pub fn answer(data: &[u8]) {
    match decode_response(data) {
        Err(error) => refused(&error, data),
        Ok(Response::Fault(fault)) => {
            let back = decode_response(&encode_fault(&fault));
            assert_eq!(back, Ok(Response::Fault(fault)));
        }
        Ok(Response::Value(value)) => {
            let written = encode_response(&value).unwrap_or_else(|error| panic!("{error}"));
            let Ok(Response::Value(back)) = decode_response(&written) else { panic!("it is not read back") };
            assert!(same(&back, &value), "{back:?} is not {value:?}");
            check_json(&value);
            shapes(&value);
        }
    }
}

/// A call, as a hub hears it.
pub fn call(data: &[u8]) {
    match decode_call(data) {
        Err(error) => refused(&error, data),
        Ok(MethodCall { method, params }) => {
            let written = encode_call(&method, &params).unwrap_or_else(|error| panic!("{error}"));
            let back = decode_call(&written).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(back.method, method);
            assert!(same(&Value::Array(back.params), &Value::Array(params.clone())));
            params.iter().for_each(check_json);
        }
    }
}

fn refused(error: &DecodeError, data: &[u8]) {
    let text = error.to_string();
    assert!(text.len() < LONGEST, "{} bytes of message", text.len());
    assert!(!text.contains(char::is_control), "{text:?}");
    // As UTF-8, which every other encoding can be half as long as.
    assert!(error.offset <= 2 * data.len() as u64 + 3, "{} of {}", error.offset, data.len());
}

fn check_json(value: &Value) {
    let json = to_json(value);
    if let Ok(back) = from_json(&json) {
        assert_eq!(to_json(&back), json);
    }
}

/// Reads an answer as that of each call that is made.
fn shapes(value: &Value) {
    fn short<T>(read: Result<T, ShapeError>) -> Option<T> {
        read.map_err(|error| {
            let text = error.to_string();
            assert!(text.len() < LONGEST, "{} bytes of message", text.len());
        })
        .ok()
    }
    let ids: Vec<i64> = (0..).take(value.as_array().map_or(0, <[Value]>::len)).collect();
    for task in short(calls::get_task_info::decode(value, &ids)).into_iter().flatten() {
        short(task);
    }
    short(calls::get_task_result::decode(value));
    short(calls::list_tasks::decode(value));
    short(calls::make_task::decode("someImage", value));
    short(calls::get_build_target::decode(value));
    short(calls::get_koji_version::decode(value));
    short(calls::download_task_output::decode(value));
    for name in short(calls::list_task_output::decode(value)).into_iter().flatten() {
        assert!(stays(&name) || safe_relative(&name).is_err(), "{name:?}");
    }
    for archive in short(calls::list_archives::decode(value)).into_iter().flatten() {
        assert!(safe_component(&archive.filename).is_ok() && stays(&archive.filename), "{:?}", archive.filename);
    }
    if let Some(build) = short(calls::get_build::decode(value)).flatten() {
        let path = pathinfo::build_images("/top", &build);
        assert!(path.strip_prefix("/top/").is_some_and(stays), "{path:?}");
    }
}

/// Whether a path goes down only.
fn stays(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}
