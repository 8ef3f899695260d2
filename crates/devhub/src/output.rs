//! The *output* of a task: the two files in which the builder keeps what it asked composer for and what composer said
//! (KOJI.md 5). The reason of a failure stands in `compose-status.json` and nowhere else.

use magudi_koji::value::to_json;
use serde_json::{Map, Value as Json, json};

use crate::ids;
use crate::image_types::{Cloud, composer_name};
use crate::tasks::Task;
use crate::wire::Value;

/// The id that composer gave to the compose of a task.
pub(crate) fn compose_id(task: i64) -> String {
    ids::uuid(&["compose", &task.to_string()])
}

fn text(json: &Json) -> Vec<u8> {
    // Python's json.dump with sorted keys and indent 4.
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    if serde::Serialize::serialize(json, &mut serializer).is_err() {
        out.clear();
    }
    out
}

/// Puts the arch where a repository or a ref says `$arch`.
fn with_arch(text: &str, arch: &str) -> String {
    text.replace("${arch}", arch).replace("$arch", arch)
}

/// `compose-request.json`: what the builder sends to composer for `task` of the hub at `server`.
pub(crate) fn request(task: &Task, server: &str) -> Vec<u8> {
    let images: Vec<Json> = task
        .arches()
        .into_iter()
        .map(|arch| {
            let repositories: Vec<Json> = task
                .option("repo")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .map(|repo| repository(repo, arch))
                .collect();
            let mut image = Map::new();
            image.insert("architecture".to_owned(), json!(arch));
            image.insert("image_type".to_owned(), json!(composer_name(task.text(3))));
            image.insert("repositories".to_owned(), json!(repositories));
            if let Some(Value::Struct(ostree)) = task.option("ostree") {
                let ostree: Map<String, Json> = ostree
                    .iter()
                    .map(|(key, value)| match value {
                        Value::String(ref_) if key != "url" => (key.clone(), json!(with_arch(ref_, arch))),
                        value => (key.clone(), to_json(value)),
                    })
                    .collect();
                image.insert("ostree".to_owned(), Json::Object(ostree));
            }
            if let Some(options) = task.option("upload_options") {
                image.insert("upload_options".to_owned(), to_json(options));
            }
            Json::Object(image)
        })
        .collect();
    let mut request = Map::new();
    if let Some(customizations) = task.option("customizations") {
        request.insert("customizations".to_owned(), to_json(customizations));
    }
    request.insert("distribution".to_owned(), json!(task.text(2)));
    request.insert("image_requests".to_owned(), json!(images));
    request.insert(
        "koji".to_owned(),
        json!({
            "name": task.text(0),
            "release": task.release(),
            "server": server,
            "task_id": task.id,
            "version": task.text(1),
        }),
    );
    text(&Json::Object(request))
}

fn repository(repo: &Value, arch: &str) -> Json {
    let mut out = Map::new();
    match repo {
        Value::String(url) => {
            out.insert("baseurl".to_owned(), json!(with_arch(url, arch)));
        }
        repo => {
            let url = repo.get("baseurl").and_then(Value::as_str).unwrap_or_default();
            out.insert("baseurl".to_owned(), json!(with_arch(url, arch)));
            if let Some(sets) = repo.get("package_sets") {
                out.insert("package_sets".to_owned(), to_json(sets));
            }
        }
    }
    out.insert("rhsm".to_owned(), json!(false));
    Json::Object(out)
}

/// `compose-status.json` while composer works.
pub(crate) fn pending(task: &Task) -> Vec<u8> {
    let images: Vec<Json> = task.arches().iter().map(|_| json!({"status": "building"})).collect();
    text(&json!({"image_statuses": images, "koji_task_id": null, "status": "pending"}))
}

/// `compose-status.json` of a build with the id `build`: one status per image, in the order of the arches.
pub(crate) fn success(task: &Task, build: i64) -> Vec<u8> {
    let upload = task.option("upload_options");
    let images: Vec<Json> = task
        .arches()
        .into_iter()
        .map(|arch| match upload.and_then(|options| Some((options, Cloud::of(task.text(3), options)?))) {
            Some((options, cloud)) => json!({
                "status": "success",
                "upload_status": {
                    "options": to_json(&cloud.result(options, task.id, arch)),
                    "status": "success",
                    "type": cloud.type_name(),
                },
            }),
            None => json!({"status": "success"}),
        })
        .collect();
    text(&json!({"image_statuses": images, "koji_build_id": build, "koji_task_id": null, "status": "success"}))
}

/// `compose-status.json` of a compose that failed for `reason`.
pub(crate) fn failure(task: &Task, reason: &str) -> Vec<u8> {
    let error = json!({"details": [reason], "id": 10, "reason": reason});
    let images: Vec<Json> =
        task.arches().iter().map(|_| json!({"error": error.clone(), "status": "failure"})).collect();
    text(&json!({"image_statuses": images, "koji_task_id": null, "status": "failure"}))
}
