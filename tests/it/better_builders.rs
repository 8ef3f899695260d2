//! The recorded cases of imagebuilder and kiwibuild in which Pungi has a bug, as in `better`.

use crate::cases::{self, Case, list, names};
use crate::program::Ran;
use serde_json::{Value as Json, json};

const ALL: &[(&str, fn())] = &[
    ("ib02_full", ib02_full),
    ("ib05_no_target", ib05_no_target),
    ("ib07_no_arches", ib07_no_arches),
    ("ib08_failable_fails", ib08_failable_fails),
    ("ib10_failable_ok", ib10_failable_ok),
    ("ib13_mutation", ib13_mutation),
    ("ib14_scratch", ib14_scratch),
    ("ib14c_scratch_symlink", ib14c_scratch_symlink),
    ("ib15_two_types", ib15_two_types),
    ("ib18_iso_addon", ib18_iso_addon),
    ("ib19_manifest_type_bad", ib19_manifest_type_bad),
    ("ib22_generator_bad", ib22_generator_bad),
    ("ib25_child_skipped", ib25_child_skipped),
    ("ib27_no_children", ib27_no_children),
    ("ib28_volume", ib28_volume),
    ("ib33_dup_unique", ib33_dup_unique),
    ("kw05_no_description", kw05_no_description),
    ("kw07_no_arches", kw07_no_arches),
    ("kw11_failable_star_noarches", kw11_failable_star_noarches),
    ("kw12b_failable_forms_fail", kw12b_failable_forms_fail),
    ("kw12c_star_tuple_fail", kw12c_star_tuple_fail),
    ("kw17_scm_nosuch", kw17_scm_nosuch),
    ("kw20_manifest_type_bad", kw20_manifest_type_bad),
    ("kw27_old_builder", kw27_old_builder),
];

#[test]
fn none_is_forgotten() {
    cases::none_is_forgotten("phases", ALL);
}

fn case(name: &str) -> Case {
    Case::of("phases", name)
}

/// A run that ends without an image, for this reason.
fn is_doomed(name: &str, words: &str) {
    let ran = case(name).ends(1, "DOOMED");
    assert!(ran.stderr.contains(words), "{words} is not in {}", ran.stderr);
}

/// The ids of what `check` finds wrong; a run leaves nothing.
fn is_refused_with(case: &Case, ids: &[&str]) -> Ran {
    let found = case.checked("errors");
    assert_eq!(found.iter().map(|(id, ..)| id.as_str()).collect::<Vec<_>>(), ids);
    let ran = case.run();
    assert_eq!(ran.status, Some(1));
    assert_eq!(names(&case.scene.target()), [""; 0]);
    ran
}

#[test]
fn ib02_full() {
    let path = "imagebuilder.^Server$.0.ostree.extra";
    let refused = case("ib02_full");
    assert_eq!(refused.checked("errors").iter().map(|(_, path, _)| path.as_str()).collect::<Vec<_>>(), [path]);
    is_refused_with(&refused, &["MG217"]);
    // Without it, the call of Pungi but for that key.
    let case = case("ib02_full");
    case.edit(", 'extra': 1", "");
    let mut opts = case.expected("calls.json").expect("calls")[0]["kwargs"]["opts"].clone();
    opts["ostree"].as_object_mut().expect("an object").remove("extra");
    assert_eq!(case.plan()[0]["kwargs"]["opts"], opts);
}

#[test]
fn ib05_no_target() {
    case("ib05_no_target").is_refused("MG205", "imagebuilder.^Client$.0", 9, "image `nt` has no build target");
}

#[test]
fn ib07_no_arches() {
    is_skipped("ib07_no_arches");
}

#[test]
fn kw07_no_arches() {
    is_skipped("kw07_no_arches");
}

/// An image without an arch is warned of, and the others are built.
fn is_skipped(name: &str) {
    let case = case(name);
    assert!(case.checked("warnings").iter().any(|(id, ..)| id == "MG206"));
    case.ends(0, "FINISHED");
}

#[test]
fn ib08_failable_fails() {
    let case = case("ib08_failable_fails");
    case.ends(0, "FINISHED_INCOMPLETE");
    let deliverables = case.made_json("logs/global/deliverables.json");
    let whole = json!([["Server", "*", null]]);
    for name in ["attempted", "failed", "required"] {
        assert_eq!(deliverables[name]["imageBuilderBuild"], whole, "{name}");
    }
}

#[test]
fn ib10_failable_ok() {
    let case = case("ib10_failable_ok");
    case.ends(0, "FINISHED");
    let deliverables = case.made_json("logs/global/deliverables.json");
    assert_eq!(deliverables["attempted"]["imageBuilderBuild"].as_array().map(Vec::len), Some(2));
    assert_eq!((&deliverables["required"], &deliverables["failed"]), (&json!({}), &json!({})));
}

#[test]
fn ib13_mutation() {
    let case = case("ib13_mutation");
    let tree = |variant: &str| format!("@TARGET@/Test-9.2-20240229.t.0/compose/{variant}/$arch/os");
    let shared: Vec<Json> = case.plan().into_iter().filter(|request| request["kwargs"]["name"] == "shared").collect();
    assert_eq!(shared.len(), 3);
    for request in &shared {
        let variant = request["variant"].as_str().expect("a variant");
        let repositories = list(&request["kwargs"]["opts"]["repos"]);
        assert_eq!(repositories, ["http://example.com/extra".to_owned(), tree(variant)]);
        assert_eq!(request["failable"], true);
    }
    case.ends(0, "FINISHED");
}

/// What was built for scratch is in the compose, as a file and not as the hub's link to it.
fn has_scratch(name: &str, is_link: bool) {
    let case = case(name);
    case.ends(0, "FINISHED");
    let compose = case.scene.target().join("Test-9.2-20240229.t.0/compose");
    let images = case.images();
    assert!(images.iter().any(|path| path.contains("/s-9.2-1.")), "{images:?}");
    for path in images {
        let path = compose.join(path);
        assert_eq!(path.is_symlink(), is_link, "{}", path.display());
        let text = std::fs::read_to_string(&path).expect("the file that is meant");
        assert!(text.starts_with("imagebuilder fake image"), "{text}");
        let target = std::fs::read_link(&path).unwrap_or_default();
        assert!(!target.to_string_lossy().contains("work/tasks"), "{}", target.display());
    }
}

#[test]
fn ib14_scratch() {
    has_scratch("ib14_scratch", false);
}

#[test]
fn ib14c_scratch_symlink() {
    has_scratch("ib14c_scratch_symlink", true);
}

#[test]
fn ib15_two_types() {
    let path = "imagebuilder.^Client$.0.types";
    case("ib15_two_types").is_refused("MG216", path, 10, "a task builds images of exactly one type");
}

#[test]
fn ib18_iso_addon() {
    let case = case("ib18_iso_addon");
    case.ends(0, "FINISHED");
    let images = case.images();
    assert!(images.iter().all(|path| path.starts_with("Server/") && path.contains("/iso/")), "{images:?}");
}

#[test]
fn ib19_manifest_type_bad() {
    is_refused_with(&case("ib19_manifest_type_bad"), &["MG207"]);
}

#[test]
fn kw20_manifest_type_bad() {
    is_refused_with(&case("kw20_manifest_type_bad"), &["MG207"]);
}

#[test]
fn ib22_generator_bad() {
    is_refused_with(&case("ib22_generator_bad"), &["MG204"]);
}

#[test]
fn ib25_child_skipped() {
    is_doomed("ib25_child_skipped", "build x-9.2-1 has no image for aarch64");
}

#[test]
fn ib27_no_children() {
    is_doomed("ib27_no_children", "build x-9.2-1 has no image");
}

#[test]
fn kw27_old_builder() {
    is_doomed("kw27_old_builder", "build Fedora-x-9.2-1 has no image");
}

#[test]
fn ib28_volume() {
    let case = case("ib28_volume");
    case.ends(0, "FINISHED");
    assert_eq!(case.tasks(), case.recorded_tasks());
    assert_eq!(case.images().len(), 1);
}

#[test]
fn ib33_dup_unique() {
    is_doomed("ib33_dup_unique", "could not tell a.x86_64.raw.xz and b.x86_64.raw.xz apart");
}

#[test]
fn kw05_no_description() {
    let ran = is_refused_with(&case("kw05_no_description"), &["MG205", "MG214", "MG214"]);
    for key in ["description_scm", "description_path"] {
        assert!(ran.stderr.contains(&format!("image `nothing` has no `{key}`")), "{}", ran.stderr);
    }
}

#[test]
fn kw11_failable_star_noarches() {
    let case = case("kw11_failable_star_noarches");
    assert_eq!(case.plan()[0]["kwargs"]["optional_arches"], json!(["aarch64", "x86_64"]));
    assert_eq!(case.plan()[0]["failable"], true);
    case.ends(0, "FINISHED");
}

#[test]
fn kw12b_failable_forms_fail() {
    case("kw12b_failable_forms_fail").ends(0, "FINISHED_INCOMPLETE");
}

#[test]
fn kw12c_star_tuple_fail() {
    case("kw12c_star_tuple_fail").ends(0, "FINISHED_INCOMPLETE");
}

#[test]
fn kw17_scm_nosuch() {
    let case = case("kw17_scm_nosuch");
    assert_eq!(case.checked("errors"), []);
    let ran = case.run();
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("error[MG312]") && ran.stderr.contains("nosuch.git HEAD"), "{}", ran.stderr);
    assert_eq!(names(&case.scene.target()), [""; 0]);
}

/// A hub whose plugin takes `failable_arches` builds without the arch; an older one is asked once more without the key, which is
/// what Pungi sends (ib24).
#[test]
fn arches_that_may_fail_are_named_to_hubs_that_know_the_key() {
    let old = case("ib24_child_failed");
    let ran = old.ends(1, "DOOMED");
    assert!(ran.stderr.contains("The hub does not know `failable_arches`"), "{}", ran.stderr);
    let new = case("ib24_child_failed");
    new.scenario(&json!({"phases": []}));
    new.ends(0, "FINISHED_INCOMPLETE");
    assert_eq!(new.images(), ["Server/x86_64/images/x-9.2-1.x86_64.raw.xz"]);
    let deliverables = new.made_json("logs/global/deliverables.json");
    assert_eq!(deliverables["failed"]["imageBuilderBuild"], json!([["Server", "aarch64", null]]));
}
