//! Cloud uploads of all five kinds, and the reasons of failures: in the manifest, the events, the table and the log.

use crate::program::{Hub, Ran, Scene};
use crate::schema::Schemas;
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};

const SCHEMA: &str = "cloud-uploads.schema.json";

/// Kind, image type, upload options, and the options of the upload that composer would tell.
const KINDS: [(&str, &str, &str, &str); 5] = [
    (
        "aws",
        "ec2",
        r#"{"region": "us-east-1", "share_with_accounts": ["1"]}"#,
        r#"{"ami": "ami-0f", "region": "us-east-1"}"#,
    ),
    ("aws.s3", "qcow2", r#"{"region": "eu-west-1"}"#, r#"{"url": "https://bucket/a?X-Amz-Signature=0"}"#),
    (
        "gcp",
        "gce",
        r#"{"region": "eu", "bucket": "b", "image_name": "i"}"#,
        r#"{"project_id": "p", "image_name": "i"}"#,
    ),
    (
        "azure",
        "vhd",
        r#"{"tenant_id": "t", "subscription_id": "s", "resource_group": "r", "image_name": "i"}"#,
        r#"{"image_name": "i"}"#,
    ),
    (
        "container",
        "docker",
        r#"{"name": "quay.io/x/y", "tag": "42"}"#,
        r#"{"url": "quay.io/x/y:42", "digest": "sha256:00"}"#,
    ),
];

/// In the order in which a task builds them, whatever the configuration's (facts: osbuild 3).
const ARCHES: [&str; 2] = ["aarch64", "x86_64"];

/// A compose with some images, each (name, image type, further members).
fn configure(scene: &Scene, images: &[(String, &str, String)]) {
    let images: Vec<String> = images
        .iter()
        .map(|(name, image_type, more)| {
            format!(
                "{{\"name\": \"{name}\", \"distro\": \"fedora-42\", \"image_types\": [\"{image_type}\"], \
                 \"subvariant\": \"{name}\", \"arches\": [\"x86_64\", \"aarch64\"], {more}}}"
            )
        })
        .collect();
    scene.write_compose("", &["x86_64", "aarch64"], &images);
}

fn simulate(scene: &Scene, scenario: &Json, more: &[&str]) -> Ran {
    let scenario = scene.write("scenario.json", &scenario.to_string());
    let simulate = format!("--simulate={}", scenario.display());
    let args = ["run", "--config", "test.conf", "--test", "--target-dir", "target", &simulate];
    scene.run([&args[..], more].concat())
}

fn compose(scene: &Scene) -> PathBuf {
    let made = std::fs::read_dir(scene.target()).expect("the target").flatten().map(|entry| entry.path());
    made.filter(|path| !path.is_symlink()).find(|path| path.is_dir()).expect("a compose")
}

fn read(scene: &Scene, path: &str) -> Option<String> {
    std::fs::read_to_string(compose(scene).join(path)).ok()
}

fn manifest(scene: &Scene) -> Json {
    let text = read(scene, "compose/metadata/cloud-uploads.json").expect("a manifest");
    let manifest: Json = serde_json::from_str(&text).expect("JSON");
    assert_eq!(Schemas::load().problems(SCHEMA, &manifest), Vec::<String>::new(), "{manifest:#}");
    manifest
}

fn uploads(scene: &Scene, format: &str) -> String {
    let compose = compose(scene).display().to_string();
    let ran = scene.run(["uploads", &compose, "--format", format]);
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
    ran.stdout
}

/// The upload of `image` for `arch`.
fn upload<'a>(manifest: &'a Json, arch: &str, image: &str) -> &'a Json {
    let all = manifest["payload"]["uploads"]["Server"][arch].as_array().expect("a list");
    let mut found = all.iter().filter(|upload| upload["image"] == image);
    let upload = found.next().unwrap_or_else(|| panic!("{image} is not in {manifest:#}"));
    assert!(found.next().is_none(), "{image} is there twice");
    upload
}

fn json(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn every_kind_of_upload_that_succeeds() {
    let scene = Scene::new();
    let images: Vec<_> = KINDS
        .iter()
        .map(|(kind, image_type, options, _)| {
            (format!("good-{kind}"), *image_type, format!("\"upload_options\": {options}"))
        })
        .chain([("plain".to_owned(), "qcow2", String::new())])
        .collect();
    configure(&scene, &images);
    let ran = simulate(&scene, &json!({}), &[]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let manifest = manifest(&scene);
    assert_eq!(manifest["header"], json!({"type": "magudi.cloud-uploads", "version": "1.0"}));
    assert_eq!(manifest["payload"]["compose"]["id"], "Test-9.2-20240229.t.0");
    let table = uploads(&scene, "table");
    for (kind, image_type, _, options) in KINDS {
        let name = format!("good-{kind}");
        for arch in ARCHES {
            let upload = upload(&manifest, arch, &name);
            assert_eq!(upload["provider"], kind);
            assert_eq!(upload["status"], "success");
            assert_eq!(upload["reason"], Json::Null);
            assert_eq!(upload["image_type"], image_type);
            assert_eq!(upload["subvariant"], name.as_str());
            assert_eq!(upload["arch"], arch);
            assert!(upload["nvr"].as_str().is_some_and(|nvr| nvr.starts_with(&format!("{name}-9.2-"))), "{upload}");
            assert_eq!(upload["build_id"].as_i64(), upload["task_id"].as_i64().map(|task| task + 5_000_000));
            let keys = |value: &Json| value.as_object().map(|map| map.keys().cloned().collect::<Vec<_>>());
            assert_eq!(keys(&upload["options"]), keys(&json(options)));
            for value in upload["options"].as_object().expect("options").values() {
                assert!(table.contains(value.as_str().expect("a text")), "{value} is not in {table}");
            }
        }
        let [first, second] = ARCHES.map(|arch| &upload(&manifest, arch, &name)["options"]);
        assert!(first != second || kind == "gcp" || kind == "azure", "each arch has its own: {first}");
    }
    assert!(!manifest.to_string().contains("plain"), "nothing was to be uploaded of it");
    assert_eq!(table.lines().count(), 1 + 2 * KINDS.len());
    assert_eq!(json(&uploads(&scene, "json")), manifest);
    assert!(ran.stderr.contains("Uploaded good-aws (Server, x86_64) to aws: ami-"), "{}", ran.stderr);
}

/// A task of two arches of which the first was uploaded and the second was not.
fn half_failed(kind: &str, options: &str) -> Json {
    json!({
        "status": "failure",
        "image_statuses": [
            {"status": "success", "upload_status": {"status": "success", "type": kind, "options": json(options)}},
            {"status": "failure", "upload_status": {"status": "failure", "type": kind, "options": {}},
             "error": {"id": 28, "reason": "at least one target failed", "details": [
                {"id": 11, "reason": "error uploading", "details": format!("{kind} says no")}]}},
        ],
    })
}

#[test]
fn every_kind_of_upload_that_fails() {
    let scene = Scene::new();
    let images: Vec<_> = KINDS
        .iter()
        .map(|(kind, image_type, options, _)| {
            (format!("bad-{kind}"), *image_type, format!("\"failable\": [\"*\"], \"upload_options\": {options}"))
        })
        .chain([("plain".to_owned(), "qcow2", String::new())])
        .collect();
    configure(&scene, &images);
    let mut scenario = json!({"fail": {}, "compose_status": {}});
    for (kind, _, _, options) in KINDS {
        scenario["fail"][format!("bad-{kind}")] = json!({"out": "x"});
        scenario["compose_status"][format!("bad-{kind}")] = half_failed(kind, options);
    }
    let ran = simulate(&scene, &scenario, &["--keep-urls", "--events", "events.jsonl"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_eq!(read(&scene, "STATUS").as_deref(), Some("FINISHED_INCOMPLETE\n"));
    let manifest = manifest(&scene);
    let table = uploads(&scene, "table");
    let events: Vec<Json> =
        std::fs::read_to_string(scene.path().join("events.jsonl")).expect("the events").lines().map(json).collect();
    let log = read(&scene, "logs/global/pungi.global.log").expect("a log");
    for (kind, _, _, options) in KINDS {
        let name = format!("bad-{kind}");
        let good = upload(&manifest, ARCHES[0], &name);
        assert_eq!((&good["status"], &good["options"]), (&json!("success"), &json(options)));
        let bad = upload(&manifest, ARCHES[1], &name);
        assert_eq!((&bad["status"], &bad["provider"], &bad["options"]), (&json!("failure"), &json!(kind), &json!({})));
        let chain = ["at least one target failed", "error uploading", &format!("{kind} says no")];
        assert_eq!(bad["reason"], chain.join(": "));
        assert_eq!(bad["build_id"], Json::Null, "a failed task has no build");
        assert!(table.contains(&format!("{name} of Server, x86_64: {}", chain.join(": "))), "{table}");

        let failed = events.iter().find(|event| event["event"] == "request-failed" && event["name"] == name.as_str());
        let failed = failed.expect("an event");
        assert_eq!(failed["causes"], json!([{"arch": "x86_64", "chains": [chain]}]));
        let url = failed["url"].as_str().expect("the page of the task");
        assert!(url.ends_with(&format!("taskinfo?taskID={}", failed["task"])), "{url}");
        let told = events.iter().filter(|event| event["event"] == "cloud-upload");
        // Those have no signature, whatever the manifest has.
        let mut said = good.clone();
        if let Some(url) = good["options"]["url"].as_str() {
            said["options"]["url"] = json!(url.split('?').next());
        }
        assert_eq!(told.filter(|event| event["upload"] == *bad || event["upload"] == said).count(), 2);
        for text in [&log, &ran.stderr] {
            assert!(text.contains(&format!(": x86_64: {}. See ", chain.join(": "))), "{text}");
            assert!(text.contains(url), "{text}");
        }
    }
    let status = json(&scene.run(["status", &compose(&scene).display().to_string(), "--format", "json"]).stdout);
    let bad = status["requests"].as_array().expect("a list").iter().find(|request| request["image"] == "bad-gcp");
    let bad = bad.expect("a request");
    assert_eq!(bad["causes"][0]["chains"][0][2], "gcp says no");
    assert_eq!(bad["uploads"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_doomed_compose_has_no_manifest_and_still_tells() {
    let scene = Scene::new();
    let options = format!("\"upload_options\": {}", KINDS[0].2);
    configure(&scene, &[("good".to_owned(), "ec2", options.clone()), ("bad".to_owned(), "ec2", options)]);
    let ran = simulate(&scene, &json!({"fail": {"bad": {"out": "no space left"}}}), &[]);
    assert_eq!(ran.status, Some(1));
    assert_eq!(read(&scene, "STATUS").as_deref(), Some("DOOMED\n"));
    assert_eq!(read(&scene, "compose/metadata/cloud-uploads.json"), None);
    let told = json(&uploads(&scene, "json"));
    assert_eq!(Schemas::load().problems(SCHEMA, &told), Vec::<String>::new(), "{told:#}");
    assert_eq!(upload(&told, "x86_64", "good")["status"], "success");
    let bad = upload(&told, "x86_64", "bad");
    assert_eq!((&bad["status"], &bad["provider"]), (&json!("failure"), &Json::Null), "composer never began an upload");
    assert_eq!(bad["reason"], "no space left");
}

#[test]
fn without_upload_options_there_is_no_manifest() {
    let scene = Scene::new();
    configure(&scene, &[("plain".to_owned(), "qcow2", String::new())]);
    assert_eq!(simulate(&scene, &json!({}), &[]).status, Some(0));
    assert_eq!(read(&scene, "compose/metadata/cloud-uploads.json"), None);
    let compose = compose(&scene).display().to_string();
    let ran = scene.run(["uploads", &compose]);
    assert_eq!((ran.status, ran.stdout.as_str()), (Some(0), ""));
    assert!(ran.stderr.contains("no uploads are known"), "{}", ran.stderr);
    let nowhere = scene.run(["uploads", "target"]);
    assert_eq!(nowhere.status, Some(1));
    assert!(nowhere.stderr.contains("magudi has not run a compose there"), "{}", nowhere.stderr);
}

#[test]
fn strange_words_of_composer_are_bounded_and_escaped() {
    let scene = Scene::new();
    let options = format!("\"upload_options\": {}", KINDS[1].2);
    let images: Vec<_> =
        ["html", "short", "wild"].iter().map(|name| ((*name).to_owned(), "qcow2", options.clone())).collect();
    configure(&scene, &images);
    let wild = "\u{1b}]0;owned\u{7}\u{202e}<script>alert(1)</script>";
    let long = "x".repeat(100_000);
    let scenario = json!({"compose_status": {
        "html": "<html>",
        "short": {"image_statuses": []},
        "wild": {"image_statuses": [
            {"status": "success", "upload_status": {"status": wild, "type": wild, "options": {"url": wild, "long": long}}},
            {"status": "success", "error": {"reason": long}, "upload_status": [1]},
        ]},
    }});
    let ran = simulate(&scene, &scenario, &[]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let manifest = manifest(&scene);
    for arch in ARCHES {
        let reason =
            |image: &str| upload(&manifest, arch, image)["reason"].as_str().map(str::to_owned).unwrap_or_default();
        assert!(reason("html").contains("compose-status.json has no list"), "{}", reason("html"));
        assert_eq!(reason("short"), "compose-status.json says nothing about this image");
        assert_eq!(upload(&manifest, arch, "html")["status"], "unknown");
    }
    let wild_one = upload(&manifest, ARCHES[0], "wild");
    assert_eq!(wild_one["options"], json!({"url": wild}), "what is too long is left out");
    assert!(upload(&manifest, ARCHES[1], "wild")["reason"].as_str().is_some_and(|reason| reason.len() < 5000));
    for text in [uploads(&scene, "table"), ran.stderr] {
        assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{text:?}");
        assert!(text.contains("\\u{1b}]0;owned"), "{text:?}");
    }
}

#[test]
fn a_resumed_compose_keeps_what_was_uploaded_before() {
    let scene = Scene::new();
    let options = |kind: usize| format!("\"upload_options\": {}", KINDS[kind].2);
    configure(&scene, &[("first".to_owned(), "ec2", options(0)), ("second".to_owned(), "gce", options(2))]);
    scene.write("scenario.json", &json!({"fail": {"second": {"out": "no"}}}).to_string());
    let hub = Hub::start(&scene, &["--scenario", "scenario.json"]);
    let run = |args: &[&str]| {
        let koji = ["--koji-config", "koji.conf", "--koji-user", "compose"];
        let mut command = scene.command();
        command.args(args).args(koji).env("MAGUDI_KOJI_PASSWORD", "composepass");
        Ran::from(command.output().expect("the program starts"))
    };
    assert_eq!(run(&["run", "--config", "test.conf", "--test", "--target-dir", "target"]).status, Some(1));
    drop(hub);
    // The same hub again at another port, where the second image can be built.
    let hub = Hub::start(&scene, &[]);
    let ran = run(&["resume", &compose(&scene).display().to_string(), "--retry-failed", "--hub-moved"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("already in the compose"), "{}", ran.stderr);
    let manifest = manifest(&scene);
    for (image, kind) in [("first", "aws"), ("second", "gcp")] {
        for arch in ARCHES {
            let upload = upload(&manifest, arch, image);
            assert_eq!((&upload["status"], &upload["provider"]), (&json!("success"), &json!(kind)));
        }
    }
    drop(hub);
}

#[test]
fn a_refused_submission_is_told_by_the_first_line_of_the_hubs_page() {
    let scene = Scene::new();
    configure(&scene, &[("disk".to_owned(), "qcow2", String::new())]);
    let refusal = "policy violation (image)\n\nOn instance[6]['repo']:\n    'x'";
    let ran = simulate(&scene, &json!({"submit_error": {"disk": refusal}}), &["--events", "events.jsonl"]);
    assert_eq!(ran.status, Some(1));
    let events = std::fs::read_to_string(scene.path().join("events.jsonl")).expect("the events");
    let failed = events.lines().map(json).find(|event| event["event"] == "request-failed").expect("an event");
    assert_eq!(failed.get("task"), None);
    // This is a fault 1000; only a 1019 is about an argument (facts: osbuild 14, koji 1).
    assert_eq!(failed.get("argument"), None);
    let want = "image disk of variant Server was not submitted: osbuildImage: GenericError: policy violation (image)";
    assert_eq!(failed["error"], want);
    assert!(ran.stderr.contains(want), "{}", ran.stderr);
}

/// Every file below `directory` that has `text`, by its path there.
fn files_with(directory: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).expect("a directory").flatten() {
        let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
        // What the simulated hub has there is its own.
        if path.is_dir() && name != "simulated-koji" {
            found.extend(files_with(&path, text).into_iter().map(|inner| format!("{name}/{inner}")));
        } else if path.is_file() && String::from_utf8_lossy(&std::fs::read(&path).expect("a file")).contains(text) {
            found.push(name);
        }
    }
    found
}

/// A signed URL is a key: it is kept in one place at most, where it was asked for.
#[test]
fn signatures_of_urls_are_kept_where_that_was_asked_for() {
    const SIGNED: &str = "X-Amz-Signature";
    for keeps in [false, true] {
        let scene = Scene::new();
        configure(
            &scene,
            &[("disk".to_owned(), "qcow2", "\"upload_options\": {\"region\": \"eu-west-1\"}".to_owned())],
        );
        let more: &[&str] = if keeps { &["--keep-urls", "--events", "-"] } else { &["--events", "-"] };
        let ran = simulate(&scene, &json!({}), more);
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        let place = "https://devhub.s3.eu-west-1.amazonaws.com/composer-api-";
        assert!(ran.stdout.contains(place) && ran.stderr.contains(place), "{}{}", ran.stdout, ran.stderr);
        assert!(!ran.stdout.contains(SIGNED) && !ran.stderr.contains(SIGNED), "{}{}", ran.stdout, ran.stderr);
        let kept: &[&str] = if keeps { &["compose/metadata/cloud-uploads.json"] } else { &[] };
        assert_eq!(files_with(&compose(&scene), SIGNED), kept);
        let table = uploads(&scene, "table");
        assert!(table.contains(place) && !table.contains(SIGNED), "{table}");
        let url = upload(&manifest(&scene), "x86_64", "disk")["options"]["url"].as_str().expect("a URL").to_owned();
        assert!(url.starts_with(place) && url.contains(SIGNED) == keeps, "{url}");
    }
}
