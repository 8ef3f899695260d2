//! Tests of images in memory; those of whole files are in `tests/it`.

use super::*;
use crate::identity::test_identity;
use crate::manifest::ManifestVersion;
use serde_json::json;

fn document(images: &Images) -> Value {
    serde_json::to_value(images.document(&test_identity())).unwrap()
}

fn image(path: &str) -> Image {
    Image {
        path: path.to_owned(),
        mtime: 1_700_000_000,
        size: 52,
        volume_id: None,
        kind: "qcow2".to_owned(),
        format: "qcow2".to_owned(),
        arch: "x86_64".to_owned(),
        disc_number: 1,
        disc_count: 1,
        checksums: Checksums::from_iter([("sha256".into(), "ab".into())]),
        implant_md5: None,
        bootable: false,
        subvariant: "Server".to_owned(),
        unified: false,
        additional_variants: Vec::new(),
        extra: Map::new(),
    }
}

#[test]
fn arches_are_checked_when_added() {
    for (arch, problem) in [
        ("x86_64", None),
        ("noarch", None),
        ("frob", Some("image a of variant Server: unknown arch 'frob'")),
        ("src", Some("image a of variant Server: 'src' is not an arch of images")),
        ("nosrc", Some("image a of variant Server: 'nosrc' is not an arch of images")),
    ] {
        let mut images = Images::new();
        let error = images.add("Server", arch, image("a")).err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), problem);
        assert_eq!(images.len(), usize::from(problem.is_none()));
    }
}

#[test]
fn every_problem_names_its_image() {
    type Change = fn(&mut Image);
    let changes: [(Change, &str); 11] = [
        (|i| i.path.clear(), "image  of variant Server: its path is empty"),
        (|i| i.size = 0, "image a of variant Server: the file is empty"),
        (|i| i.volume_id = Some(String::new()), "image a of variant Server: its volume id is empty"),
        (|i| i.kind = "frob".to_owned(), "image a of variant Server: unknown image type 'frob'"),
        (|i| i.format = "vhdfixed".to_owned(), "image a of variant Server: unknown image format 'vhdfixed'"),
        (|i| i.arch.clear(), "image a of variant Server: its arch is empty"),
        (|i| i.checksums.clear(), "image a of variant Server: it has no checksums"),
        (
            |i| i.implant_md5 = Some("X".repeat(32)),
            "image a of variant Server: its implanted checksum 'XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX' is not 32 lower-case \
             letters and digits",
        ),
        (
            |i| i.additional_variants = vec!["Client".to_owned()],
            "image a of variant Server: it has additional variants without being unified",
        ),
        // What is odd but allowed.
        (|i| i.implant_md5 = Some("0a".repeat(16)), ""),
        (|i| i.kind = "boot".to_owned(), ""),
    ];
    for (change, expected) in changes {
        let mut images = Images::new();
        let mut changed = image("a");
        change(&mut changed);
        images.add("Server", "x86_64", changed).unwrap();
        images.add("Server", "x86_64", image("b")).unwrap();
        let problems = images.validate().err().unwrap_or_default();
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(texts.join("\n"), expected);
    }
}

#[test]
fn shared_identities_need_different_checksums() {
    let mut images = Images::new();
    images.add("Server", "x86_64", image("a")).unwrap();
    images.add("Client", "x86_64", image("b")).unwrap();
    assert!(images.shared_identities().is_empty());
    let mut other = image("c");
    other.checksums.insert("sha256".into(), "cd".into());
    images.add("Server", "x86_64", other.clone()).unwrap();
    other.disc_number = 2;
    images.add("Server", "x86_64", other).unwrap();
    let pairs: Vec<_> = images.shared_identities().iter().map(|(a, b)| (a.path.clone(), b.path.clone())).collect();
    assert_eq!(pairs, [("b".to_owned(), "c".to_owned())]);
}

#[test]
fn images_are_sorted_by_path_and_merged_by_it() {
    let paths = |images: &Images| -> Vec<String> {
        let json = document(images);
        let list = json["payload"]["images"]["Server"]["x86_64"].as_array().unwrap().clone();
        list.iter().map(|image| image["path"].as_str().unwrap().to_owned() + &image["size"].to_string()).collect()
    };
    let mut images = Images::new();
    for path in ["b", "c", "a"] {
        images.add("Server", "x86_64", image(path)).unwrap();
    }
    assert_eq!(paths(&images), ["a52", "b52", "c52"]);
    let mut new = Images::new();
    for path in ["b", "d"] {
        new.add("Server", "x86_64", Image { size: 1, ..image(path) }).unwrap();
    }
    images.merge(new);
    assert_eq!(paths(&images), ["a52", "b1", "c52", "d1"]);
}

#[test]
fn no_image_is_an_empty_object() {
    assert_eq!(document(&Images::new())["payload"]["images"], json!({}));
}

#[test]
fn unknown_keys_are_kept() {
    let mut images = Images::new();
    let mut ours = image("a");
    ours.extra.insert("torrent".to_owned(), json!({"x": [1.5]}));
    images.add("Server", "x86_64", ours).unwrap();
    let mut json = document(&images);
    json["payload"]["note"] = json!("kept");
    let again = parse_images(&json.to_string()).unwrap();
    assert_eq!(document(&again), json);
}

#[test]
fn older_versions_are_read() {
    let image = |more: &str| {
        format!(
            r#"{{"path": "p", "mtime": 1.7e9, "size": "52", "volume_id": null, "type": "dvd", "arch": "x86_64",
            "disc_number": 1, "disc_count": 1, "checksums": {{"md5": "x"}}, "implant_md5": null, "bootable": true{more}}}"#
        )
    };
    let file = |header: &str, images: &str| {
        format!(r#"{{"header": {{{header}}}, "payload": {{"images": {{"S": {images}}}}}}}"#)
    };
    let one =
        parse_images(&file(r#""version": "1.0""#, &format!(r#"{{"x86_64": [{}], "src": [{0}]}}"#, image("")))).unwrap();
    let found: Vec<_> = one
        .iter()
        .map(|(uid, arch, i)| (uid, arch, i.mtime, i.size, i.format.as_str(), i.subvariant.as_str()))
        .collect();
    // The sources are listed under the binary arch.
    assert_eq!(found, [("S", "x86_64", 1_700_000_000, 52, "iso", ""); 2]);

    let new = r#""type": "productmd.images", "version": "1.2""#;
    for (header, images, problem) in [
        (
            r#""version": "3.0", "type": "productmd.images""#,
            "{}".to_owned(),
            "its header says productmd.images 3.0, where productmd.images 1.x or 2.x is expected",
        ),
        (
            r#""version": "1.2", "type": "productmd.rpms""#,
            "{}".to_owned(),
            "its header says productmd.rpms 1.2, where productmd.images 1.x or 2.x is expected",
        ),
        (new, "[]".to_owned(), "`payload.images.S` is missing or not an object"),
        (new, r#"{"x86_64": {}}"#.to_owned(), "`payload.images.S.x86_64` is missing or not a list"),
        (new, r#"{"x86_64": [5]}"#.to_owned(), "`payload.images.S.x86_64.0` is missing or not an object"),
        (new, r#"{"x86_64": [{}]}"#.to_owned(), "`payload.images.S.x86_64.0.path` is missing or not a string"),
    ] {
        let error = parse_images(&file(header, &images)).unwrap_err().to_string();
        assert_eq!(error, problem);
    }
    assert!(parse_images("[}").unwrap_err().to_string().starts_with("it is not JSON"));
    assert!(parse_images(&"[".repeat(100_000)).is_err());
}

/// An images.json of version 2.0 with one image.
fn distributed(change: impl FnOnce(&mut Value)) -> Value {
    let mut entry = json!({
        "mtime": 1, "volume_id": null, "type": "dvd", "arch": "x86_64", "format": "iso", "disc_number": 1, "disc_count": 1,
        "implant_md5": null, "bootable": true, "subvariant": "S", "location": {
            "url": "https://cdn.example.com/a.iso", "size": 52, "checksum": "sha256:ab", "local_path": "S/x86_64/iso/a.iso",
        },
    });
    change(&mut entry);
    let id = json!({"date": "20240229", "id": "Test-9.2-20240229.n.0", "respin": 0, "type": "nightly"});
    json!({
        "header": {"type": "productmd.images", "version": "2.0"},
        "payload": {"compose": id, "images": {"S": {"x86_64": [entry]}}},
    })
}

#[test]
fn locations_are_read_and_written_again() {
    let file = distributed(|_| {});
    let mut images = parse_images(&file.to_string()).unwrap();
    assert_eq!(images.version(), ManifestVersion::V2_0);
    let (uid, arch, one) = images.iter().next().unwrap();
    assert_eq!((uid, arch, one.path.as_str(), one.size), ("S", "x86_64", "S/x86_64/iso/a.iso", 52));
    assert_eq!(one.checksums.get("sha256").map(AsRef::as_ref), Some("ab"));
    let entry = |images: &Images, at: usize| document(images)["payload"]["images"]["S"]["x86_64"][at].clone();
    assert_eq!(entry(&images, 0), file["payload"]["images"]["S"]["x86_64"][0]);
    // What an image of this run has, and one whose file is another now.
    images.add("S", "x86_64", image("b")).unwrap();
    images.iter_mut().next().unwrap().2.size = 53;
    let sum = entry(&images, 1)["location"]["checksum"].as_str().unwrap().to_owned();
    assert!(sum.starts_with("sha256:"), "{sum}");
    assert_eq!(entry(&images, 1)["location"], json!({"url": "b", "local_path": "b", "size": 52, "checksum": sum}));
    assert_eq!(entry(&images, 1).get("path"), None);
    assert_eq!(entry(&images, 0)["location"]["size"], 53);
    assert_eq!(entry(&images, 0)["location"]["url"], "https://cdn.example.com/a.iso");
    // The older version has all that it has a place for.
    images.set_version(ManifestVersion::V1_2);
    let old = entry(&images, 0);
    assert_eq!((&old["path"], &old["checksums"]), (&json!("S/x86_64/iso/a.iso"), &json!({"sha256": "ab"})));
}

#[test]
fn locations_that_readers_refuse_are_kept_and_those_without_a_path_are_named() {
    for (key, value, problem) in [
        ("size", json!(0), "the file is empty"),
        ("size", json!(null), "`payload.images.S.x86_64.0.size` is missing or not a whole number"),
        ("checksum", json!("ab"), "`payload.images.S.x86_64.0.checksums` is missing or not an object of strings"),
    ] {
        let file = distributed(|entry| entry["location"][key] = value);
        let images = parse_images(&file.to_string()).unwrap();
        assert_eq!(images.odd()[0].problem, problem);
        assert_eq!(document(&images)["payload"]["images"], file["payload"]["images"]);
    }
    for location in [json!(null), json!("a"), json!({"url": "oci://quay.io/a@sha256:0"})] {
        let file = distributed(|entry| entry["location"] = location);
        let error = parse_images(&file.to_string()).unwrap_err().to_string();
        assert_eq!(error, "`payload.images.S.x86_64.0.location.local_path` is missing or not a string");
    }
    // Members of the older version say nothing in this one.
    let file = distributed(|entry| {
        entry["path"] = json!("elsewhere");
        entry["size"] = json!(1);
    });
    assert_eq!(parse_images(&file.to_string()).unwrap().iter().next().unwrap().2.path, "S/x86_64/iso/a.iso");
}

#[test]
fn entries_that_readers_refuse_are_kept_as_they_are() {
    let good = json!({
        "path": "p", "mtime": 1, "size": 52, "volume_id": null, "type": "dvd", "arch": "x86_64", "format": "iso",
        "disc_number": 1, "disc_count": 1, "checksums": {"md5": "x"}, "implant_md5": null, "bootable": true, "subvariant": "S"
    });
    for (arch, key, value, problem) in [
        ("x86_64", "type", json!("ddi"), "unknown image type 'ddi'"),
        ("x86_64", "format", json!("raw.zst"), "unknown image format 'raw.zst'"),
        ("x86_64", "size", json!(0), "the file is empty"),
        ("x86_64", "size", json!(-1), "`payload.images.S.x86_64.0.size` is missing or not a whole number"),
        ("x86_64", "mtime", json!(1e300), "`payload.images.S.x86_64.0.mtime` is missing or not a whole number"),
        ("x86_64", "checksums", json!({}), "it has no checksums"),
        (
            "x86_64",
            "checksums",
            json!(null),
            "`payload.images.S.x86_64.0.checksums` is missing or not an object of strings",
        ),
        ("x86_64", "subvariant", json!(5), "`payload.images.S.x86_64.0.subvariant` is missing or not a string"),
        ("frob", "note", json!(5), "unknown arch 'frob'"),
        ("src", "note", json!([1.5]), "'src' is not an arch of images"),
    ] {
        let (mut entry, mut beside) = (good.clone(), good.clone());
        entry[key] = value;
        beside["path"] = json!("q");
        let file = json!({
            "header": {"type": "productmd.images", "version": "1.2"},
            "payload": {"images": {"S": {arch: [entry, beside]}}},
        });
        let images = parse_images(&file.to_string()).unwrap();
        let odd = &images.odd()[0];
        assert_eq!((odd.variant.as_str(), odd.arch.as_str(), odd.path.as_str()), ("S", arch, "p"));
        assert_eq!(odd.problem, problem);
        assert!(images.validate().is_ok(), "they are not ours to judge");
        assert_eq!(document(&images)["payload"]["images"]["S"][arch][0], entry);
        // A new image of the same path takes its place.
        let mut merged = images.clone();
        merged.merge(images.clone());
        assert_eq!(document(&merged), document(&images));
        if arch == "x86_64" {
            let mut new = Images::new();
            new.add("S", arch, image("p")).unwrap();
            merged.merge(new);
            assert_eq!(merged.odd().len(), 0);
        }
    }
}

#[test]
fn an_id_is_found_at_the_beginning_and_anywhere() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("images.json");
    let id = |text: &[u8]| {
        std::fs::write(&path, text).unwrap();
        load_compose_id(&path).map_err(|error| error.to_string())
    };
    let begin = r#"{"payload": {"compose": {"id": "C"}, "images": {"#;
    let (found, long) = (Ok(Some("C".to_owned())), "\u{20ac}".repeat(100_000));
    assert_eq!(id(format!("{begin}}}}}}}").as_bytes()), found);
    // Cut inside of a character, and damaged behind.
    for ahead in ["", "x", "xx"] {
        assert_eq!(id(format!(r#"{begin}"{ahead}{long}""#).as_bytes()), found);
    }
    let late = format!(r#"{{"note": "{long}", "payload": {{"compose": {{"id": "C"}}}}}}"#);
    assert_eq!(id(late.as_bytes()), found);
    assert_eq!(id(b"\xef\xbb\xbf{\"payload\": {\"compose\": {\"id\": \"C\"}}}"), found);
    assert_eq!(id(br#"{"payload": {"compose": {}}}"#), Ok(None));
    assert!(id(&late.as_bytes()[..late.len() - 3]).unwrap_err().contains("it ends too early"));
    assert!(id(b"{\"note\": \"\xff\"}").unwrap_err().contains("it is not UTF-8"));
    std::fs::remove_file(&path).unwrap();
    assert_eq!(load_compose_id(&path).unwrap(), None);
}
