//! What composer writes, and what somebody could write instead.

use super::*;
use crate::causes::summary as summary_of;

fn read(text: &str) -> ComposeStatus {
    parse_compose_status(text.as_bytes()).unwrap()
}

#[test]
fn reasons_from_the_outermost_to_the_innermost() {
    let status = read(
        r#"{"koji_build_id": 8, "image_statuses": [
            {"status": "failure", "error": {"id": 5, "reason": "Worker running job failed", "details": [
                {"id": 26, "reason": "osbuild build failed", "details": "no space\nleft"}]}},
            {"status": "success"},
            {"status": "failure", "error": {"id": 9, "reason": "manifest dependency", "details": null}},
            {"status": "failure", "error": {"id": 5, "reason": "Worker running job failed", "details": [
                {"id": 26, "reason": "osbuild build failed", "details": "no space\nleft"}]}}]}"#,
    );
    assert_eq!(status.build, Some(8));
    let causes = causes(&status, &["x86_64", "aarch64", "s390x", "ppc64le"]);
    assert_eq!(causes.iter().map(|cause| cause.arch.as_str()).collect::<Vec<_>>(), ["x86_64", "s390x", "ppc64le"]);
    assert_eq!(causes[0].chains, [["Worker running job failed", "osbuild build failed", "no space\nleft"]]);
    assert_eq!(
        summary_of(&causes),
        "x86_64, ppc64le: Worker running job failed: osbuild build failed: no space left; s390x: manifest dependency"
    );
}

#[test]
fn several_causes_of_one_image_and_repeated_reasons() {
    let status = read(
        r#"{"image_statuses": [{"status": "failure", "error": {"reason": "a", "details": [
            "a", {"reason": "b", "details": {"reason": "c", "details": [null, "", 7]}}, {"reason": "b"}]}}]}"#,
    );
    assert_eq!(status.images[0].chains, [vec!["a"], vec!["a", "b", "c", "7"], vec!["a", "b"]]);
    let status = read(r#"{"image_statuses": [{"status": "failure", "error": {"details": []}}, {"error": null}]}"#);
    assert!(causes(&status, &["x86_64"]).is_empty());
}

#[test]
fn uploads_of_all_five_kinds() {
    for (kind, options) in [
        ("aws", r#"{"ami": "ami-1", "region": "us-east-1"}"#),
        ("aws.s3", r#"{"url": "https://bucket/x?sig=1"}"#),
        ("gcp", r#"{"project_id": "p", "image_name": "i"}"#),
        ("azure", r#"{"image_name": "i"}"#),
        ("container", r#"{"url": "quay.io/x/y:1", "digest": "sha256:0"}"#),
    ] {
        let status = read(&format!(
            r#"{{"image_statuses": [{{"status": "success", "upload_status":
                {{"status": "success", "type": "{kind}", "options": {options}}}}}]}}"#
        ));
        let upload = status.images[0].upload.clone().unwrap();
        assert_eq!((upload.provider.as_deref(), upload.status.as_deref()), (Some(kind), Some("success")));
        let want: BTreeMap<String, String> = serde_json::from_str(options).unwrap();
        assert_eq!(upload.options, want);
    }
}

#[test]
fn a_strangers_file_is_bounded() {
    for (text, want) in
        [("<html>", "is not JSON"), ("{}", "has no list"), ("[]", "has no list"), (r#"{"image_statuses": 5}"#, "list")]
    {
        let error = parse_compose_status(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(want), "{text}: {error}");
    }
    let nested = (0..60).fold("\"end\"".to_owned(), |inner, n| format!(r#"{{"reason": "r{n}", "details": {inner}}}"#));
    let status = read(&format!(r#"{{"image_statuses": [{{"error": {nested}}}]}}"#));
    assert_eq!(status.images[0].chains[0].len(), DEPTH + 1);
    let deep = format!(r#"{{"image_statuses": [{}{}]}}"#, "[".repeat(5000), "]".repeat(5000));
    assert!(parse_compose_status(deep.as_bytes()).is_err());

    let wide = (0..6).fold("[\"x\"]".to_owned(), |inner, _| format!("[{}]", [inner.as_str(); 8].join(",")));
    let status = read(&format!(r#"{{"image_statuses": [{{"error": {{"reason": "r", "details": {wide}}}}}]}}"#));
    assert_eq!(status.images[0].chains, [["r", "x"]]);

    let many = vec![r#"{"error": {"reason": "x", "details": ["1","2","3","4","5","6","7","8","9","10"]}}"#; 500];
    let status = read(&format!(r#"{{"image_statuses": [{}]}}"#, many.join(",")));
    assert_eq!((status.images.len(), status.images[0].chains.len()), (MAX_IMAGES, MAX_CAUSES));

    let long = "ž".repeat(100_000);
    let status = read(&format!(
        r#"{{"image_statuses": [{{"status": 5, "error": {{"reason": "{long}end"}}, "upload_status":
            {{"type": {{}}, "options": {{"{long}": "x", "url": "{long}", "n": 5, "o": {{}}, "e": ""}}}}}}]}}"#
    ));
    let image = &status.images[0];
    assert_eq!(image.chains[0][0].chars().count(), MAX_TEXT);
    assert!(image.chains[0][0].starts_with('…') && image.chains[0][0].ends_with("end"));
    let upload = image.upload.as_ref().unwrap();
    assert_eq!(upload.options.keys().collect::<Vec<_>>(), ["e", "n"]);
    assert_eq!((upload.provider.as_ref(), image.status.as_str()), (None, ""));
    assert_eq!(read(r#"{"image_statuses": [5, null, "x", {"upload_status": []}]}"#).images.len(), 4);
}

#[test]
fn refusals_are_sentences() {
    let said = |answer: &str| summary(&Fault::new(1000, format!("Failed to create the compose request: {answer}")));
    let refused = |words: &str| format!("Failed to create the compose request: {words}");
    for (answer, words) in [
        (
            r#"{"href": "/api/image-builder-composer/v2/errors/4", "id": "4", "kind": "Error",
                "code": "IMAGE-BUILDER-COMPOSER-4", "reason": "Unsupported distribution", "operation_id": "abc"}"#,
            "Unsupported distribution (IMAGE-BUILDER-COMPOSER-4)",
        ),
        (
            r#"{"code": "IMAGE-BUILDER-COMPOSER-30", "reason": "Request could not be validated",
                "details": "request body has an error: doesn't match schema: Error at \"/distribution\": minimum string length is 1"}"#,
            "Request could not be validated: request body has an error: doesn't match schema: Error at \"/distribution\": \
             minimum string length is 1 (IMAGE-BUILDER-COMPOSER-30)",
        ),
        (r#"{"reason": "a", "details": [{"reason": "b"}, "c"]}"#, "a: b; a: c"),
        (r#"{"reason": "a", "details": "{\"reason\": \"b\", \"details\": null}"}"#, "a: b"),
        ("<html><head><Title>502 Bad Gateway</Title></head><body>no</body></html>", "502 Bad Gateway"),
        (
            "{\n  \"reason\": \"Unsupported\\n\\timage type\",\n  \"details\": \"qcow3\"\n}\n",
            "Unsupported image type: qcow3",
        ),
        // What says nothing in a form that is known stays as it is.
        ("{}", "{}"),
        ("{\"reason\":", "{\"reason\":"),
        ("<html></html>", "<html></html>"),
        ("no", "no"),
    ] {
        assert_eq!(said(answer), refused(words));
    }
    let long = format!(r#"{{"reason": "a", "details": "{} the end"}}"#, "x".repeat(100_000));
    assert!(said(&long).chars().count() == MAX_TEXT && said(&long).ends_with("x the end"));
    for (fault, words) in [
        ("Compose failed (id: 1)", "Compose failed (id: 1)"),
        ("Traceback (most recent call last):\n  x\nKeyError: {\"reason\": 1}", "KeyError: {\"reason\": 1}"),
        ("", ""),
    ] {
        assert_eq!(summary(&Fault::new(1, fault)), words);
    }
    let deep = format!("no: {}\"x\"{}", "[".repeat(200), "]".repeat(200));
    let deep = Fault::new(1, deep);
    assert_eq!(summary(&deep), deep.summary());
    let mut inner = "\"end\"".to_owned();
    for _ in 0..12 {
        inner = Json::from(format!(r#"{{"reason": "r", "details": {inner}}}"#)).to_string();
    }
    assert_eq!(in_words(&format!("no: [{inner}]")).as_deref(), Some("no: r: end"));
}
