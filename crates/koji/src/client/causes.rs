//! What reqwest says of an error, in one line.

use std::error::Error;

/// An error with its causes, without the URL, which reqwest would put in front.
pub fn chain(error: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    let mut source = error.source();
    while let Some(current) = source {
        let text = current.to_string();
        if causes.last() != Some(&text) {
            causes.push(text);
        }
        source = current.source();
    }
    match causes.pop() {
        Some(last) if error.is_connect() => format!("cannot connect: {last}"),
        Some(last) => last,
        None if error.is_timeout() => "timed out".to_owned(),
        None if error.is_body() || error.is_decode() => "the answer ends too early".to_owned(),
        None => "the request failed".to_owned(),
    }
}
