//! The *reason* why osbuild-composer could not build something stands in the task's `compose-status.json` and nowhere else
//! (KOJI.md 5).

use serde_json::Value as Json;

/// How deep the details of an error are followed; composer nests a handful.
const DEPTH: usize = 16;

/// The innermost reasons of the failed images in a `compose-status.json`; `None` when it names none.
pub fn compose_failure(text: &[u8]) -> Option<String> {
    let status: Json = serde_json::from_slice(text).ok()?;
    let mut reasons: Vec<String> = Vec::new();
    for image in status.get("image_statuses")?.as_array()? {
        if let Some(reason) = image.get("error").and_then(|error| innermost(error, DEPTH))
            && !reasons.contains(&reason)
        {
            reasons.push(reason);
        }
    }
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

/// An error's details may hold the errors that caused it; the last of the chain says what happened.
fn innermost(error: &Json, depth: usize) -> Option<String> {
    let deeper = || match error.get("details")? {
        Json::Array(causes) if depth > 0 => causes.iter().find_map(|cause| innermost(cause, depth - 1)),
        Json::Object(_) if depth > 0 => innermost(error.get("details")?, depth - 1),
        Json::String(text) if !text.trim().is_empty() => {
            let reason = error.get("reason").and_then(Json::as_str).unwrap_or_default();
            Some(if reason.is_empty() { text.clone() } else { format!("{reason}: {text}") })
        }
        _ => None,
    };
    deeper().or_else(|| error.get("reason")?.as_str().filter(|reason| !reason.is_empty()).map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_reason_of_each_image() {
        let text = br#"{"image_statuses": [
            {"status": "failure", "error": {"id": 5, "reason": "Worker running job failed", "details": [
                {"id": 26, "reason": "osbuild build failed", "details": "no space left"}]}},
            {"status": "success"},
            {"status": "failure", "error": {"id": 9, "reason": "manifest dependency", "details": null}}]}"#;
        assert_eq!(compose_failure(text).unwrap(), "osbuild build failed: no space left; manifest dependency");
        assert_eq!(compose_failure(b"{}"), None);
        assert_eq!(compose_failure(b"<html>"), None);
    }
}
