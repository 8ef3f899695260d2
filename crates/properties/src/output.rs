//! What holds for every compose-status.json of a task, which a builder copied from composer: it is read or refused, and what it
//! says of failures is short and harmless.

use magudi_engine::causes::{grouped, summary};
use magudi_engine::composer::{causes, parse_compose_status};

/// The output of a task.
pub fn output(data: &[u8]) {
    let status = match parse_compose_status(data) {
        Ok(status) => status,
        Err(error) => {
            let text = error.to_string();
            assert!(!text.is_empty() && text.len() < 1000, "{} bytes of message", text.len());
            return;
        }
    };
    let found = causes(&status, &["x86_64", "aarch64"]);
    let _ = grouped(&found);
    let text = summary(&found);
    assert_eq!(text.is_empty(), found.is_empty(), "{text}");
}
