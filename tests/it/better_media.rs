//! The recorded cases of live_media and image_build in which Pungi has a bug, as in `better`.

use crate::cases::{self, Case, list};
use serde_json::{Value as Json, json};

const ALL: &[(&str, fn())] = &[
    ("lm06_no_ksurl", lm06_no_ksurl),
    ("lm07_no_target", lm07_no_target),
    ("lm10_shared_list", lm10_shared_list),
    ("lm12_install_tree_unknown", lm12_install_tree_unknown),
    ("lm28_ksurl_git_fails", lm28_ksurl_git_fails),
    ("lm33_more_files", lm33_more_files),
    ("lm39_optional", lm39_optional),
    ("lm42_volume", lm42_volume),
    ("lm46_child_release", lm46_child_release),
    ("lm51_two_checksums_one_file", lm51_two_checksums_one_file),
    ("bi06_no_ksurl", bi06_no_ksurl),
    ("bi07_no_target", bi07_no_target),
    ("bi13_install_tree_unknown", bi13_install_tree_unknown),
    ("bi19_none_delivered", bi19_none_delivered),
    ("bi24_failable_forms", bi24_failable_forms),
    ("bi25_failable_tuple", bi25_failable_tuple),
    ("bi28_ksurl_git_fails", bi28_ksurl_git_fails),
    ("bi30_false_texts", bi30_false_texts),
    ("bi33_percent", bi33_percent),
    ("bi45_dup_unique", bi45_dup_unique),
    ("bi48_missing_format", bi48_missing_format),
    ("bi49_missing_distro", bi49_missing_distro),
    ("bi51_generator_bad", bi51_generator_bad),
    ("bi57_same_cfg", bi57_same_cfg),
    ("bi60_no_children", bi60_no_children),
    ("bi61_child_release", bi61_child_release),
    ("bi64_unknown_repo", bi64_unknown_repo),
];

#[test]
fn none_is_forgotten() {
    cases::none_is_forgotten("phases3", ALL);
}

fn case(name: &str) -> Case {
    Case::of("phases3", name)
}

/// The options of each request of the plan.
fn opts(case: &Case) -> Vec<Json> {
    case.plan().iter().map(|request| request["kwargs"]["opts"].clone()).collect()
}

/// The builder's failed arch is named, and the compose finishes without it.
#[test]
fn an_arch_that_may_fail_is_told_and_missed() {
    let case = case("lm15_failable_one_fails");
    let ran = case.ends(0, "FINISHED_INCOMPLETE");
    let failed = "[FAIL] Live media (variant Server, arch aarch64) failed, but going on anyway.";
    assert!(ran.stderr.contains(failed), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("Could not create LiveMedia: livemedia-creator exited with status 1"),
        "{}",
        ran.stderr
    );
    let deliverables = case.made_json("logs/global/deliverables.json");
    assert_eq!(deliverables["failed"]["live-media"], json!([["Server", "aarch64", "Server"]]));
    assert_eq!(case.images(), ["Server/x86_64/iso/Live-x86_64-9.2-20240229.0.iso"]);
}

#[test]
fn lm06_no_ksurl() {
    case("lm06_no_ksurl").is_refused("MG214", "live_media.^Server$.0.ksurl", 9, "image `Live` has no `ksurl`");
}

#[test]
fn lm07_no_target() {
    case("lm07_no_target").is_refused("MG205", "live_media.^Server$.0", 9, "image `Live` has no build target");
}

#[test]
fn lm10_shared_list() {
    let case = case("lm10_shared_list");
    let tree = |variant: &str| format!("@TARGET@/Test-9.2-20240229.t.0/compose/{variant}/$basearch/os");
    let repositories: Vec<Vec<String>> = opts(&case).iter().map(|opts| list(&opts["repo"])).collect();
    assert_eq!(
        repositories,
        ["Client", "Server"].map(|variant| vec!["https://example.com/r".to_owned(), tree(variant)])
    );
    case.ends(0, "FINISHED");
}

#[test]
fn lm12_install_tree_unknown() {
    let path = "live_media.^Server$.0.install_tree_from";
    let words = "there is no variant `https://example.com/tree` to install from";
    case("lm12_install_tree_unknown").is_refused("MG203", path, 9, words);
}

/// Only a run asks the server; it names the place of the URL and leaves nothing.
fn is_without_commit(name: &str, words: &[&str]) {
    let case = case(name);
    assert_eq!(case.checked("errors"), []);
    let ran = case.run();
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
    for words in words.iter().chain(&["error[MG312]", "git ls-remote", "test.conf:9:"]) {
        assert!(ran.stderr.contains(words), "{words} is not in {}", ran.stderr);
    }
    assert_eq!(crate::cases::names(&case.scene.target()), [""; 0]);
}

#[test]
fn lm28_ksurl_git_fails() {
    is_without_commit("lm28_ksurl_git_fails", &["path: live_media.^Server$.0.ksurl"]);
}

#[test]
fn bi28_ksurl_git_fails() {
    is_without_commit("bi28_ksurl_git_fails", &["path: image_build.^Server$.0.image-build.ksurl"]);
}

#[test]
fn lm33_more_files() {
    let ran = case("lm33_more_files").ends(1, "DOOMED");
    let words = "could not tell a-Live-aarch64.iso and b-Live-aarch64.iso apart: same type live and arch aarch64";
    assert!(ran.stderr.contains(words), "{}", ran.stderr);
}

#[test]
fn lm39_optional() {
    let case = case("lm39_optional");
    case.ends(0, "FINISHED");
    let images = case.images();
    assert!(images.iter().all(|path| path.starts_with("Server-optional/")), "{images:?}");
}

/// The same images as those of Pungi where nothing goes wrong.
fn finishes_with(name: &str, images: &[&str]) {
    let case = case(name);
    case.ends(0, "FINISHED");
    assert_eq!(case.tasks(), case.recorded_tasks());
    assert_eq!(case.images(), images);
}

const LIVE: [&str; 2] =
    ["Server/aarch64/iso/Live-aarch64-9.2-20240229.0.iso", "Server/x86_64/iso/Live-x86_64-9.2-20240229.0.iso"];
const CLOUD: [&str; 2] = [
    "Server/aarch64/images/Cloud-9.2-20240229.0.aarch64.qcow2",
    "Server/x86_64/images/Cloud-9.2-20240229.0.x86_64.qcow2",
];

#[test]
fn lm42_volume() {
    finishes_with("lm42_volume", &LIVE);
}

#[test]
fn lm46_child_release() {
    finishes_with("lm46_child_release", &LIVE);
}

#[test]
fn bi61_child_release() {
    finishes_with("bi61_child_release", &CLOUD);
}

#[test]
fn lm51_two_checksums_one_file() {
    let case = case("lm51_two_checksums_one_file");
    let found = case.checked("errors");
    assert_eq!(found.iter().map(|(id, ..)| id.as_str()).collect::<Vec<_>>(), ["MG016"]);
    assert_eq!(case.run().status, Some(1));
    assert_eq!(crate::cases::names(&case.scene.target()), [""; 0]);
}

#[test]
fn bi06_no_ksurl() {
    let path = "image_build.^Server$.0.image-build.ksurl";
    case("bi06_no_ksurl").is_refused("MG214", path, 9, "image `Cloud` has no `ksurl`");
}

#[test]
fn bi07_no_target() {
    case("bi07_no_target").is_refused("MG205", "image_build.^Server$.0", 9, "image `Cloud` has no build target");
}

#[test]
fn bi13_install_tree_unknown() {
    let path = "image_build.^Server$.0.image-build.install_tree_from";
    case("bi13_install_tree_unknown").is_refused("MG203", path, 9, "there is no variant `Nope` to install from");
}

#[test]
fn bi19_none_delivered() {
    let ran = case("bi19_none_delivered").ends(1, "DOOMED");
    assert!(ran.stderr.contains("build Cloud-9.2-20240229.0 has no image"), "{}", ran.stderr);
    assert!(ran.stderr.contains("Cloud.x86_64.vmdk (archive type vmdk) is not added"), "{}", ran.stderr);
}

#[test]
fn bi60_no_children() {
    let ran = case("bi60_no_children").ends(1, "DOOMED");
    assert!(ran.stderr.contains("build Cloud-9.2-20240229.0 has no image"), "{}", ran.stderr);
}

#[test]
fn bi24_failable_forms() {
    let case = case("bi24_failable_forms");
    let both = json!(["aarch64", "x86_64"]);
    let sent: Vec<Json> = opts(&case).iter().map(|opts| opts["optional_arches"].clone()).collect();
    assert_eq!(sent, [both.clone(), both.clone(), both, json!("")]);
    let failable: Vec<bool> = case.plan().iter().filter_map(|request| request["failable"].as_bool()).collect();
    assert_eq!(failable, [true, true, true, false]);
    case.ends(0, "FINISHED");
}

#[test]
fn bi25_failable_tuple() {
    let case = case("bi25_failable_tuple");
    assert_eq!(opts(&case)[0]["optional_arches"], json!(["aarch64", "x86_64"]));
    assert_eq!(case.plan()[0]["failable"], true);
}

#[test]
fn bi30_false_texts() {
    let case = case("bi30_false_texts");
    let opts = opts(&case);
    assert_eq!((opts[0].get("skip_tag"), opts[0].get("noverifyssl")), (None, None));
    case.ends(0, "FINISHED");
}

#[test]
fn bi33_percent() {
    let case = case("bi33_percent");
    assert_eq!(opts(&case)[0]["factory_parameter"], json!([["cmd", "100%"]]));
    case.ends(0, "FINISHED");
}

/// As with osbuild's images: it is said before anything is submitted and at the end, and it is an error with `--strict`.
#[test]
fn bi45_dup_unique() {
    let case = case("bi45_dup_unique");
    let odd = ("MG209".to_owned(), "image_build.^Server$.1".to_owned(), 9);
    assert_eq!(case.checked("warnings"), [odd]);
    let ran = case.ends(0, "FINISHED");
    assert!(ran.stderr.contains("Readers of images.json will refuse it"), "{}", ran.stderr);
}

#[test]
fn bi48_missing_format() {
    let path = "image_build.^Server$.0.image-build.format";
    case("bi48_missing_format").is_refused("MG214", path, 9, "image `Cloud` has no `format`");
    let unknown = case("bi19_none_delivered");
    unknown.edit("'format': ['qcow2']", "'format': ['qcow3']");
    unknown.is_refused("MG215", path, 9, "Koji builds no images of the format `qcow3`");
}

#[test]
fn bi49_missing_distro() {
    let path = "image_build.^Server$.0.image-build.distro";
    case("bi49_missing_distro").is_refused("MG214", path, 9, "image `Cloud` has no `distro`");
}

#[test]
fn bi51_generator_bad() {
    let path = "image_build.^Server$.0.image-build.version";
    case("bi51_generator_bad").is_refused("MG204", path, 9, "unknown version generator `!NOPE`");
}

/// Two builds of one name are refused before a hub refuses the second; with a name of its own each is sent as it is configured.
#[test]
fn bi57_same_cfg() {
    let case = case("bi57_same_cfg");
    case.edit("'release': '20240229.0', 'subvariant': 'Two'", "'release': '20240229.1', 'subvariant': 'Two'");
    let targets: Vec<Json> = case.plan().iter().map(|request| request["args"][3].clone()).collect();
    assert_eq!(targets, [json!("one"), json!("two")]);
    case.ends(0, "FINISHED");
}

#[test]
fn bi64_unknown_repo() {
    let case = case("bi64_unknown_repo");
    let found = case.checked("errors");
    assert_eq!(found.iter().map(|(id, ..)| id.as_str()).collect::<Vec<_>>(), ["MG203"]);
    assert_eq!(case.run().status, Some(1));
}
