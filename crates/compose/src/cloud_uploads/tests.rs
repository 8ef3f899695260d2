//! What is written is read back, and what is not a manifest is refused by name.

use super::*;

fn identity() -> ComposeIdentity {
    crate::composeinfo::parse_identity(
        r#"{"header": {"type": "productmd.composeinfo", "version": "1.2"}, "payload": {
            "compose": {"date": "20240229", "id": "Test-9.2-20240229.t.3", "respin": 3, "type": "test"},
            "release": {"internal": false, "name": "Test", "short": "Test", "type": "ga", "version": "9.2"}}}"#,
    )
    .unwrap()
}

fn upload(variant: &str, arch: &str, image: &str) -> CloudUpload {
    CloudUpload {
        variant: variant.into(),
        arch: arch.into(),
        subvariant: "Cloud".into(),
        image: image.into(),
        image_type: "ec2".into(),
        nvr: Some(format!("{image}-9.2-1")),
        task_id: 42,
        build_id: Some(7),
        provider: Some("aws".into()),
        status: CloudUpload::SUCCESS.into(),
        options: [("region", "us-east-1"), ("ami", "ami-1")].map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        reason: None,
    }
}

#[test]
fn uploads_are_sorted_and_read_back() {
    let uploads = [upload("Server", "x86_64", "b"), upload("Server", "aarch64", "a"), upload("Cloud", "x86_64", "c")];
    let document = to_json(&uploads, &identity());
    assert_eq!(document["header"], json!({"type": "magudi.cloud-uploads", "version": "1.0"}));
    assert_eq!(
        document["payload"]["compose"],
        json!({"date": "20240229", "id": "Test-9.2-20240229.t.3", "respin": 3, "type": "test"})
    );
    assert_eq!(document["payload"]["uploads"]["Server"]["aarch64"][0]["image"], "a");
    assert_eq!(document["payload"]["uploads"]["Server"]["x86_64"][0].get("reason"), Some(&Value::Null));
    let names: Vec<String> =
        parse_cloud_uploads(&document.to_string()).unwrap().into_iter().map(|upload| upload.image).collect();
    assert_eq!(names, ["c", "a", "b"]);
    assert_eq!(parse_cloud_uploads(&document.to_string()).unwrap()[2], uploads[0]);
}

#[test]
fn the_name_comes_before_the_region() {
    assert_eq!(upload("S", "x86_64", "a").location(), "ami-1 us-east-1");
    let mut container = upload("S", "x86_64", "a");
    container.options = [("digest", "sha256:0"), ("url", "quay.io/x:1")].map(|(k, v)| (k.into(), v.into())).into();
    assert_eq!(container.location(), "quay.io/x:1 sha256:0");
    container.options.clear();
    assert_eq!(container.location(), "");
}

#[test]
fn other_documents_are_refused() {
    let wrap = |uploads: &str| {
        format!(r#"{{"header": {{"type": "{TYPE}", "version": "1.7"}}, "payload": {{"uploads": {uploads}}}}}"#)
    };
    assert_eq!(parse_cloud_uploads(&wrap("{}")).unwrap(), []);
    for (text, want) in [
        ("[]".to_owned(), "where magudi.cloud-uploads 1.x is expected"),
        (r#"{"header": {"type": "productmd.images", "version": "1.2"}}"#.to_owned(), "1.x is expected"),
        (wrap("{}").replace("1.7", "2.0"), "1.x is expected"),
        (wrap("[]"), "`payload.uploads` is missing or not an object"),
        (wrap(r#"{"S": {"x86_64": {}}}"#), "`payload.uploads.S.x86_64` is missing or not a list"),
        (wrap(r#"{"S": {"x86_64": [{}]}}"#), "`payload.uploads.S.x86_64.0`: missing field"),
        ("{".to_owned(), "it ends too early"),
    ] {
        let error = parse_cloud_uploads(&text).unwrap_err().to_string();
        assert!(error.contains(want), "{error}");
    }
    assert!(load_cloud_uploads(Path::new("/nonexistent/cloud-uploads.json")).unwrap().is_none());
}
