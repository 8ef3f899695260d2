//! The *output* of a task: the files in which the builder keeps what it asked composer for, and what composer said
//! (facts: osbuild 11). The reason of a failure stands in `compose-status.json` and nowhere else.

use magudi_koji::value::to_json;
use serde_json::{Map, Value as Json, json};

use super::image_types::{Cloud, composer_name};
use super::{Osbuild, arches, image_type, option, template};
use crate::builders::Builder as _;
use crate::ids;
use crate::python::quoted;
use crate::tasks::Task;
use crate::wire::{Value, truthy};

/// The id that composer gave to the compose of a task.
pub(crate) fn compose_id(task: i64) -> String {
    ids::uuid(&["compose", &task.to_string()])
}

/// A document, as the builder writes it.
pub(super) fn text(json: &Json) -> Vec<u8> {
    // Python's json.dump with sorted keys and indent 4.
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    if serde::Serialize::serialize(json, &mut serializer).is_err() {
        out.clear();
    }
    out
}

/// `compose-request.json`: what the builder sends to composer for `task` of the hub at `server`, as composer's Cloud API
/// wants it: an image request for each arch. `tag_repo` is used when the task names no repository. Options that are
/// empty are left out.
pub(crate) fn request(task: &Task, server: &str, tag_repo: &str) -> Vec<u8> {
    let tag_repo = [Value::String(tag_repo.to_owned())];
    let repos =
        option(&task.request, "repo").and_then(Value::as_array).filter(|repos| !repos.is_empty()).unwrap_or(&tag_repo);
    let images: Vec<Json> = arches(&task.request)
        .map(|arch| {
            let repositories: Vec<Json> = repos.iter().map(|repo| repository(repo, arch)).collect();
            let mut image = Map::new();
            image.insert("architecture".to_owned(), json!(arch));
            image.insert("image_type".to_owned(), json!(composer_name(image_type(&task.request))));
            image.insert("repositories".to_owned(), json!(repositories));
            if let Some(Value::Struct(ostree)) = option(&task.request, "ostree") {
                let ostree: Map<String, Json> = ostree
                    .iter()
                    .filter(|(_, value)| truthy(value))
                    .map(|(key, value)| match value {
                        Value::String(ref_) if key != "url" => (key.to_string(), json!(template::fill(ref_, arch))),
                        value => (key.to_string(), to_json(value)),
                    })
                    .collect();
                if !ostree.is_empty() {
                    image.insert("ostree".to_owned(), Json::Object(ostree));
                }
            }
            if let Some(options) = option(&task.request, "upload_options").filter(|options| truthy(options)) {
                image.insert("upload_options".to_owned(), to_json(options));
            }
            Json::Object(image)
        })
        .collect();
    let mut request = Map::new();
    if let Some(customizations) = option(&task.request, "customizations").filter(|value| truthy(value)) {
        request.insert("customizations".to_owned(), to_json(customizations));
    }
    let job = Osbuild.job(&task.request);
    request.insert("distribution".to_owned(), json!(task.request.get(2).and_then(Value::as_str).unwrap_or_default()));
    request.insert("image_requests".to_owned(), json!(images));
    request.insert(
        "koji".to_owned(),
        json!({
            "name": job.name,
            "release": job.release,
            "server": server,
            "task_id": task.id,
            "version": job.version,
        }),
    );
    text(&Json::Object(request))
}

fn repository(repo: &Value, arch: &str) -> Json {
    let mut out = Map::new();
    match repo {
        Value::String(url) => {
            out.insert("baseurl".to_owned(), json!(template::fill(url, arch)));
        }
        repo => {
            let url = repo.get("baseurl").and_then(Value::as_str).unwrap_or_default();
            out.insert("baseurl".to_owned(), json!(template::fill(url, arch)));
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
    let images: Vec<Json> = arches(&task.request).map(|_| json!({"status": "building"})).collect();
    text(&json!({"image_statuses": images, "koji_task_id": null, "status": "pending"}))
}

/// `compose-status.json` of a build with the id `build`: one status per image, in the order of the arches.
pub(crate) fn success(task: &Task, build: i64) -> Vec<u8> {
    let upload = option(&task.request, "upload_options");
    let images: Vec<Json> = arches(&task.request)
        .map(|arch| match upload.and_then(|options| Some((options, Cloud::of(image_type(&task.request), options)?))) {
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

/// `compose-status.json` of a compose whose images could not be built, for `reason`; `build` is the one it had begun.
pub(crate) fn failure(task: &Task, build: Option<i64>, reason: &str) -> Vec<u8> {
    failed(task, build, &json!({"details": [reason], "id": 10, "reason": reason}))
}

/// `compose-status.json` of a compose whose images could not be imported, for `reason`.
pub(crate) fn not_imported(task: &Task, build: Option<i64>, reason: &str) -> Vec<u8> {
    failed(task, build, &json!({"id": 18, "reason": format!("<Fault 1000: {}>", quoted(reason))}))
}

fn failed(task: &Task, build: Option<i64>, error: &Json) -> Vec<u8> {
    let images: Vec<Json> = arches(&task.request).map(|_| json!({"error": error, "status": "failure"})).collect();
    let mut status = json!({"image_statuses": images, "koji_task_id": null, "status": "failure"});
    if let (Some(build), Some(members)) = (build, status.as_object_mut()) {
        members.insert("koji_build_id".to_owned(), json!(build));
    }
    text(&status)
}

/// The files that the builder fetches from composer when that is done: logs, and for each arch a log and a manifest.
pub(crate) fn logs(task: &Task, build: Option<i64>, is_good: bool) -> Vec<(String, Vec<u8>)> {
    let init = json!({"build_id": build, "nvr": Osbuild.job(&task.request).nvr()});
    let import = if is_good { json!({"build_id": build}) } else { json!({"build_id": null}) };
    let mut files =
        vec![("koji-init.log.json".to_owned(), text(&init)), ("koji-import.log.json".to_owned(), text(&import))];
    let kind = composer_name(image_type(&task.request));
    for arch in arches(&task.request) {
        let log = json!({
            "arch": arch,
            "host_os": "fedora-42",
            "osbuild_output": {"log": {"build": []}, "success": is_good, "type": "result"},
        });
        files.push((format!("{arch}-{kind}.log.json"), text(&log)));
        files.push((format!("{arch}-{kind}.manifest.json"), manifest().into_bytes()));
    }
    files
}

/// A manifest of osbuild; the simulated ones ask for nothing.
pub(crate) fn manifest() -> String {
    String::from_utf8(text(&json!({"pipelines": [], "sources": {}, "version": "2"}))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builders::Submitted;
    use crate::wire::{Members, string, structure};

    fn task(image_type: &str, opts: Value) -> Task {
        let mut request: Vec<Value> = ["n", "42", "fedora-42", image_type, "f42-image"].map(string).into();
        request.extend([Value::Array(["x86_64", "aarch64"].map(string).into()), opts]);
        Task::submitted(&Osbuild, 43, 0, Submitted { owner: 2, priority: 20, request })
    }

    fn json(bytes: &[u8]) -> Json {
        serde_json::from_slice(bytes).unwrap()
    }

    #[test]
    fn a_request_for_every_arch() {
        let repos = [
            string("https://h/$arch/os"),
            structure([
                ("baseurl", string("https://h/${arch}/b")),
                ("package_sets", Value::Array(vec![string("build")])),
            ]),
        ];
        let opts = structure([
            ("release", string("7")),
            ("repo", Value::Array(repos.into())),
            (
                "ostree",
                structure([("ref", string("f/$arch/iot")), ("url", string("https://o/$arch")), ("parent", string(""))]),
            ),
            ("customizations", structure([("packages", Value::Array(vec![string("vim")]))])),
            ("upload_options", structure([("region", string("us-east-1"))])),
        ]);
        let image = |arch: &str| {
            json!({
                "architecture": arch,
                "image_type": "aws-rhui",
                "ostree": {"ref": format!("f/{arch}/iot"), "url": "https://o/$arch"},
                "repositories": [
                    {"baseurl": format!("https://h/{arch}/os"), "rhsm": false},
                    {"baseurl": format!("https://h/{arch}/b"), "package_sets": ["build"], "rhsm": false},
                ],
                "upload_options": {"region": "us-east-1"},
            })
        };
        assert_eq!(
            json(&request(&task("ec2", opts), "http://h/kojihub", "unused")),
            json!({
                "customizations": {"packages": ["vim"]},
                "distribution": "fedora-42",
                "image_requests": [image("x86_64"), image("aarch64")],
                "koji": {"name": "n", "release": "7", "server": "http://h/kojihub", "task_id": 43, "version": "42"},
            })
        );
    }

    #[test]
    fn options_that_are_empty_are_left_out() {
        let nothing = || Value::Struct(Members::default());
        let opts = structure([
            ("repo", Value::Array(Vec::new())),
            ("ostree", nothing()),
            ("customizations", nothing()),
            ("upload_options", nothing()),
        ]);
        let request = json(&request(&task("qcow2", opts), "s", "http://h/repos/f42-build/1/$arch"));
        assert_eq!(request.get("customizations"), None);
        assert_eq!(
            request["image_requests"][1],
            json!({
                "architecture": "aarch64",
                "image_type": "guest-image",
                "repositories": [{"baseurl": "http://h/repos/f42-build/1/aarch64", "rhsm": false}],
            })
        );
    }

    #[test]
    fn failures() {
        let task = task("qcow2", Value::Nil);
        let status = json(&failure(&task, Some(8), "why"));
        assert_eq!(status["koji_build_id"], 8);
        assert_eq!(status["image_statuses"].as_array().map(Vec::len), Some(2));
        let status = json(&not_imported(&task, None, "Build is already reserved"));
        assert_eq!(status.get("koji_build_id"), None);
        assert_eq!(status["image_statuses"][0]["error"]["reason"], "<Fault 1000: 'Build is already reserved'>");
    }
}
