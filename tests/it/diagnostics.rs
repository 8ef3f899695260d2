//! What `check` says: each id for its example, everything at once, and nothing that is not so.

use crate::program::Scene;
use magudi_config::Severity;
use magudi_config::codes::{self, Code, Example};
use magudi_testkit::repository;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

const GOOD: &str = "release_name = 'Example'\nrelease_short = 'Example'\nrelease_version = '42'\n\
                    variants_file = 'variants.xml'\npkgset_source = 'koji'\ngather_method = 'deps'\n\
                    koji_profile = 'nowhere'\n";

const VARIANTS: &str = "<variants>
  <variant id=\"Server\" name=\"Server\" type=\"variant\"><arches><arch>x86_64</arch><arch>aarch64</arch></arches></variant>
  <variant id=\"Cloud\" name=\"Cloud\" type=\"variant\"><arches><arch>x86_64</arch></arches></variant>
</variants>\n";

/// A scene with `GOOD`, some more lines, and the variants.
fn scene(lines: &str, variants: &str) -> Scene {
    let scene = Scene::new();
    scene.write("variants.xml", variants);
    scene.write("a.conf", &format!("{GOOD}{lines}\n"));
    scene
}

/// The exit status and the report of `check`.
fn check(scene: &Scene, config: &str, more: &[&str]) -> (Option<i32>, Json) {
    let ran = scene.run(["check", "--config", config, "--format", "json"].iter().chain(more));
    (ran.status, serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}")))
}

fn each<'r>(report: &'r Json, list: &str) -> impl Iterator<Item = &'r Json> {
    report[list].as_array().expect("a list").iter()
}

fn text<'d>(diagnostic: &'d Json, key: &str) -> &'d str {
    diagnostic[key].as_str().unwrap_or_default()
}

#[test]
fn examples_get_what_they_stand_for() {
    // What the surroundings must be like for MG3 is in `preflight` and below.
    let ours = |code: &&&Code| code.id > "MG100" && code.id < "MG300";
    for code in codes::ALL.iter().filter(ours) {
        let scene = match code.example {
            Example::Conf(lines) => scene(lines, VARIANTS),
            Example::Variants(variants) => scene("", variants),
            Example::Yaml(_) => panic!("{} is not about the text", code.id),
        };
        let (status, report) = check(&scene, "a.conf", &[]);
        let (own, other) =
            if code.severity == Severity::Error { ("errors", "warnings") } else { ("warnings", "errors") };
        let ids: BTreeSet<&str> = each(&report, own).map(|found| text(found, "id")).collect();
        assert_eq!(ids, BTreeSet::from([code.id]), "{report:#}");
        assert_eq!(each(&report, other).count(), 0, "{report:#}");
        assert_eq!(status, Some(i32::from(code.severity == Severity::Error)), "{}", code.id);
        for found in each(&report, own) {
            assert!(found["line"].as_i64().is_some_and(|line| line > 0), "{found:#}");
        }
        let (strict, _) = check(&scene, "a.conf", &["--strict"]);
        assert_eq!(strict, Some(1), "{}", code.id);
    }
}

#[test]
fn a_profile_is_looked_up_by_run_alone() {
    let Example::Conf(lines) = codes::BAD_PROFILE.example else { panic!("lines of a configuration") };
    let image = "osbuild = {'^Server$': [{'name': 'n', 'distro': 'd', 'image_types': 'qcow2', 'target': 't'}]}";
    let scene = scene(&format!("{lines}\n{image}"), VARIANTS);
    assert_eq!(check(&scene, "a.conf", &[]), (Some(0), json!({"errors": [], "warnings": []})));
    let ran = scene.run(["run", "--config", "a.conf", "--test", "--target-dir", "target"]);
    assert_eq!(ran.status, Some(1));
    assert!(ran.stderr.contains("error[MG301]"), "{ran:?}");
}

/// Schema, text, variants and phases: what is wrong in one does not hide what is wrong in another.
#[test]
fn everything_at_once() {
    let image = "'distro': 'd', 'image_types': 'qcow2', 'target': 't'";
    let lines = format!(
        "media_checksums = ['sha3']\nosbild = {{}}\nosbuild = {{\n\
         '^Server$': [{{'name': 5, {image}}}, {{'name': 'b', {image}, 'repo': ['Sever']}}],\n\
         '^Clod$': [{{'name': 'c', {image}}}],\n\
         '^(Cloud$': [{{'name': 'd', {image}}}],\n\
         '^Cloud$': [{{'name': 'e' {image}, 'arches': ['s390x']}}, {{'name': 'f', {image}, 'version': '!X'}},\n\
         {{'name': 'g', {image}, 'upload_options': {{'tag': 't', 'bucket': 'b'}}}}, {{}}]}}"
    );
    let scene = scene(&lines, VARIANTS);
    let (status, report) = check(&scene, "a.conf", &[]);
    assert_eq!(status, Some(1));
    let found = |list| {
        each(&report, list)
            .map(|found| format!("{} {} {}", text(found, "id"), text(found, "path"), text(found, "help")))
            .collect::<BTreeSet<_>>()
    };
    let uploads = "container takes `name` (optional), `tag` (optional)";
    let expected = [
        "MG003 osbuild.^Server$.0.name put it in quotes",
        "MG005 osbuild.^Cloud$.3 ",
        &format!("MG010 osbuild.^Cloud$.2.upload_options {uploads}"),
        "MG014 media_checksums.0 did you mean `sha1`?",
        "MG201 osbuild.^(Cloud$ ",
        "MG203 osbuild.^Server$.1.repo.0 did you mean `Server`?",
    ];
    for error in expected {
        assert!(found("errors").contains(error), "{error} is not in {report:#}");
    }
    assert!(found("errors").iter().any(|error| error.starts_with("MG204 osbuild.^Cloud$.1.version")), "{report:#}");
    assert_eq!(each(&report, "errors").count(), 9, "{report:#}");
    let warnings = [
        "MG011 osbild did you mean `osbuild`?",
        "MG019  put a comma between them",
        "MG202 osbuild.^Clod$ did you mean `^Cloud$`?",
        "MG206 osbuild.^Cloud$.0.arches the variant has x86_64",
    ];
    assert_eq!(found("warnings"), BTreeSet::from(warnings.map(str::to_owned)), "{report:#}");
}

#[test]
fn near_names_are_suggested() {
    let image = "'name': 'n', 'distro': 'd', 'image_types': 'qcow2', 'target': 't'";
    for (lines, id, help) in [
        (format!("osbuild = {{'^Server$': [{{{image}, 'arches': ['x86-64', 'aarch64']}}]}}"), "MG212", "`x86_64`"),
        (format!("osbuild = {{'^Server$': [{{{image}, 'failble': ['*']}}]}}"), "MG006", "`failable`"),
        (format!("osbuild = {{'^Server$': [{{{image}, 'manifest_type': 'qcow3'}}]}}"), "MG207", "`qcow`"),
        (format!("osbuild = {{'^Cloud$': [{{{image}}}], 'Sevrer': [{{{image}}}]}}"), "MG202", "`Server`"),
        ("tree_arches = ['x86_64', 'aarch46']".to_owned(), "MG104", "`aarch64`"),
        ("tree_variants = ['Cloud', 'Sever']".to_owned(), "MG104", "`Server`"),
        ("relase_internal = True".to_owned(), "MG011", "`release_internal`"),
    ] {
        let (_, report) = check(&scene(&lines, VARIANTS), "a.conf", &[]);
        let all: Vec<&Json> = each(&report, "errors").chain(each(&report, "warnings")).collect();
        let [found] = all[..] else { panic!("{lines}: {report:#}") };
        assert_eq!((text(found, "id"), text(found, "help")), (id, format!("did you mean {help}?").as_str()), "{lines}");
    }
    let variants = VARIANTS.replacen("x86_64", "x86-64", 1);
    let (_, report) = check(&scene("", &variants), "a.conf", &[]);
    assert_eq!(report["errors"][0]["help"], "did you mean `x86_64`?", "{report:#}");
}

/// What follows from a wrong option is not reported: it would not be so with the right one.
#[test]
fn nothing_untrue_follows() {
    let lines = "osbuild_target = 5\nosbuild = {'^Server$': [{'name': 'n', 'distro': 'd', 'image_types': 'qcow2'}]}";
    let (_, report) = check(&scene(lines, VARIANTS), "a.conf", &[]);
    let paths: Vec<&str> = each(&report, "errors").map(|error| text(error, "path")).collect();
    assert_eq!(paths, ["osbuild_target"], "{report:#}");
}

#[test]
fn odd_manifest_types() {
    let image = |types: &str, kind: &str| {
        format!("{{'name': 'n', 'distro': 'd', 'target': 't', 'image_types': '{types}', 'manifest_type': '{kind}'}}")
    };
    for (types, kind, odd) in [
        ("qcow2", "qcow2", false),
        ("qcow2", "netinst", true),
        ("guest-image", "kvm", false),
        ("image-installer", "boot", false),
        ("image-installer", "qcow2", true),
        ("azure-rhui", "vhd-compressed", false),
        ("azure", "vhd-compressed", true),
        // Archives that are no images, and types whose files are not known.
        ("container", "container", false),
        ("iot-bootable-container", "ociarchive", false),
        ("minimal-raw-xz", "boot", false),
        ("qcow2", "", false),
    ] {
        let (_, report) =
            check(&scene(&format!("osbuild = {{'^Cloud$': [{}]}}", image(types, kind)), VARIANTS), "a.conf", &[]);
        let ids: Vec<&str> = each(&report, "warnings").map(|warning| text(warning, "id")).collect();
        assert_eq!(ids, if odd { &["MG208"][..] } else { &[] }, "{types} {kind}: {report:#}");
        assert_eq!(report["errors"], json!([]), "{types} {kind}");
    }
}

/// What can be said without the variants is said when they cannot be read.
#[test]
fn bad_variants_hide_nothing_that_is_known() {
    let lines = "media_checksums = ['sha3']\nosbuild = {'^(Server$': []}";
    let scene = scene(lines, "<variants><variant/></variants>");
    let ids = |more: &[&str]| {
        let (_, report) = check(&scene, "a.conf", more);
        each(&report, "errors").map(|error| text(error, "id").to_owned()).collect::<BTreeSet<_>>()
    };
    let set = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(ids(&[]), set(&["MG014", "MG102", "MG201"]));
    assert_eq!(ids(&["--skip-phase", "osbuild"]), set(&["MG014", "MG102"]));
    std::fs::remove_file(scene.path().join("variants.xml")).expect("a file");
    assert_eq!(ids(&[]), set(&["MG014", "MG101", "MG201"]));
    scene.write("a.conf", &format!("{GOOD}{lines}\ntree_arches = 'x86_64'\n"));
    assert_eq!(ids(&[]), set(&["MG003", "MG014", "MG201"]));
    scene.write("a.conf", &format!("{GOOD}{lines}\ntree_arches = 'x86_64'\nskip_phases = ['osbuild']\n"));
    assert_eq!(ids(&[]), set(&["MG003", "MG014"]));
}

/// The place of a mistake is where the value was written, not where it is used.
#[test]
fn a_mistake_in_an_included_file_is_shown_there() {
    let lines = "from images/server import server_images\nosbuild = {'^Server$': server_images}";
    let scene = scene(lines, VARIANTS);
    let image = "'distro': 'd', 'image_types': 'qcow2', 'target': 't'";
    let images =
        format!("server_images = [\n  {{'name': 'n', {image}, 'repo': ['Cleint']}},\n  {{'name': 7, {image}}},\n]\n");
    scene.write("images/server.conf", &images);
    let (_, report) = check(&scene, "a.conf", &[]);
    let place =
        |found: &Json| format!("{} {}:{}:{}", text(found, "path"), text(found, "file"), found["line"], found["column"]);
    let places: Vec<String> = each(&report, "errors").map(place).collect();
    assert_eq!(
        places,
        ["osbuild.^Server$.0.repo.0 images/server.conf:2:80", "osbuild.^Server$.1.name images/server.conf:3:12"]
    );
    let drawn = scene.run(["check", "--config", "a.conf"]).stderr;
    assert!(drawn.contains(" --> images/server.conf:3:12\n") && drawn.contains("3 |   {'name': 7, "), "{drawn}");
}

/// One warning for an image, however many variants it is left out of; one error for a build that is asked for many times.
#[test]
fn an_image_is_told_of_once() {
    let image = |more: &str| {
        format!("osbuild = {{'': [{{'name': 'n', 'distro': 'd', 'image_types': 'qcow2', 'target': 't', {more}}}]}}")
    };
    for (more, list, message, help) in [
        (
            "'arches': ['s390x']",
            "warnings",
            "image `n` is not built for variants Cloud and Server: no arch is left",
            "Cloud has x86_64; Server has aarch64, x86_64",
        ),
        (
            "'arches': ['aarch64']",
            "warnings",
            "image `n` is not built for variant Cloud: no arch is left",
            "the variant has x86_64",
        ),
        (
            "'release': '1'",
            "errors",
            "image n requests the same build, n-42-1, for variants Cloud and Server",
            "a build can exist only once: give each image, or each variant, a name, version or release of its own",
        ),
        // Readers compare the images of all variants.
        (
            "'subvariant': 'S'",
            "warnings",
            "readers of images.json could not tell the images n of variants Cloud and Server from each other: same subvariant S, \
             type qcow2 and arch x86_64",
            "without a `subvariant`, an image has the uid of its variant for one",
        ),
    ] {
        let (_, report) = check(&scene(&image(more), VARIANTS), "a.conf", &[]);
        let [found] = &report[list].as_array().expect("a list")[..] else { panic!("{more}: {report:#}") };
        assert_eq!((text(found, "message"), text(found, "help")), (message, help), "{more}");
    }
}

/// The same type and subvariant, but files of another format, or of other arches: readers can tell them apart.
#[test]
fn formats_and_arches_tell_images_apart() {
    let image = |name: &str, more: &str| {
        format!("{{'name': '{name}', 'distro': 'd', 'target': 't', 'subvariant': 'S', 'manifest_type': 'kvm', {more}}}")
    };
    for (one, other, told) in [
        ("'image_types': 'qcow2'", "'image_types': 'raw'", 0),
        ("'image_types': 'qcow2', 'arches': ['x86_64']", "'image_types': 'qcow2', 'arches': ['aarch64']", 0),
        ("'image_types': 'qcow2', 'arches': ['x86_64']", "'image_types': 'guest-image'", 1),
    ] {
        let lines = format!("osbuild = {{'^Server$': [{}, {}]}}", image("one", one), image("two", other));
        let (_, report) = check(&scene(&lines, VARIANTS), "a.conf", &[]);
        let ids: Vec<&str> = each(&report, "warnings").map(|warning| text(warning, "id")).collect();
        assert_eq!(ids, vec!["MG209"; told], "{one} {other}: {report:#}");
    }
}

/// Options of newer versions of Pungi are options, and removed ones are no advice.
#[test]
fn options_of_other_versions() {
    let lines = "kiwibuild = {}\nimagebuilder_target = 't'\nostree_container = {}\ncts_oidc_client_id = 'c'\n\
                 kiwibuilds = {}\ngather_sources = 'x'\nrunroot = False";
    let (_, report) = check(&scene(lines, VARIANTS), "a.conf", &[]);
    let found: Vec<(&str, &str, i64)> = each(&report, "warnings")
        .map(|found| (text(found, "id"), text(found, "path"), found["column"].as_i64().expect("a column")))
        .collect();
    assert_eq!(
        found,
        [("MG011", "kiwibuilds", 1), ("MG011", "gather_sources", 1), ("MG012", "runroot", 1)],
        "{report:#}"
    );
    assert!(
        each(&report, "warnings").all(|found| text(found, "help") != "did you mean `gather_source`?"),
        "{report:#}"
    );
}

/// An image type that is not known here is noted, and neither fails a check nor a strict one.
#[test]
fn unknown_image_types_are_noted() {
    let lines = "osbuild = {'^Cloud$': [{'name': 'n', 'distro': 'd', 'image_types': 'game-console', 'target': 't'}]}";
    let scene = scene(lines, VARIANTS);
    let (status, report) = check(&scene, "a.conf", &["--strict"]);
    assert_eq!((status, &report["errors"], &report["warnings"]), (Some(0), &json!([]), &json!([])));
    let [found] = &report["notes"].as_array().expect("a list")[..] else { panic!("{report:#}") };
    assert_eq!((text(found, "id"), text(found, "severity"), &found["line"]), ("MG025", "note", &json!(8)));
    let ran = scene.run(["check", "--config", "a.conf", "--strict"]);
    assert_eq!(ran.status, Some(0));
    assert!(ran.stderr.starts_with("note[MG025]: no image type is known as `game-console`\n"), "{}", ran.stderr);
}

/// The configurations that a reader is to start from.
#[test]
fn examples_of_the_repository_have_no_problems() {
    let examples = repository().join("examples");
    let of_pungi = ["buildinstall_method", "createiso_skip", "ostree", "ostree_installer"];
    for (config, left) in [("minimal/minimal.conf", &[][..]), ("fedora/fedora.conf", &of_pungi)] {
        let path = examples.join(config).display().to_string();
        let (status, mut report) = check(&Scene::new(), &path, &[]);
        let notes = report.as_object_mut().and_then(|report| report.remove("notes")).unwrap_or_default();
        assert_eq!((status, report), (Some(0), json!({"errors": [], "warnings": []})), "{config}");
        let notes: Vec<(&str, &str)> =
            notes.as_array().into_iter().flatten().map(|note| (text(note, "id"), text(note, "path"))).collect();
        assert_eq!(notes, left.iter().map(|path| ("MG027", *path)).collect::<Vec<_>>(), "{config}");
    }
}

#[test]
fn yaml_is_checked_like_the_rest() {
    let scene = scene("", VARIANTS);
    scene.write(
        "a.yaml",
        "release_name: Example\nrelease_short: Example\nrelease_version: 42.1\nvariants_file: variants.xml\n\
         pkgset_source: koji\ngather_method: deps\ncreate_optional_isos: no\n",
    );
    let (status, report) = check(&scene, "a.yaml", &[]);
    assert_eq!(status, Some(1));
    let places: Vec<String> = each(&report, "errors")
        .chain(each(&report, "warnings"))
        .map(|found| format!("{} {}:{}:{}", text(found, "id"), text(found, "file"), found["line"], found["column"]))
        .collect();
    assert_eq!(places, ["MG003 a.yaml:3:18", "MG003 a.yaml:7:23", "MG018 a.yaml:7:23"]);
}
