//! A compose that would make no image: refused before anything is made, unless it is meant.

use crate::program::{Scene, files};

const BASE: &str = "release_name = \"Example\"\nrelease_short = \"Ex\"\nrelease_version = \"9\"\nvariants_file = \"v.xml\"\n\
                    koji_profile = \"devhub\"\npkgset_source = \"koji\"\npkgset_koji_tag = \"ex9\"\ngather_method = \"deps\"\n";
const VARIANTS: &str = "<variants><variant id=\"Server\" name=\"Server\" type=\"variant\"><arches><arch>x86_64</arch></arches>\
                        </variant></variants>";
const SERVER: &str =
    "{\"^Server$\": [{\"name\": \"Disk\", \"distro\": \"ex-9\", \"image_types\": [\"qcow2\"], \"target\": \"t\"}]}";

fn scene(lines: &str) -> Scene {
    let scene = Scene::new();
    scene.write("v.xml", VARIANTS);
    scene.write("c.conf", &format!("{BASE}{lines}\n"));
    scene
}

fn ran(scene: &Scene, verb: &str, more: &[&str]) -> (Option<i32>, String) {
    let of_run = ["--target-dir", "target", "--simulate"];
    let base = ["--config", "c.conf", "--test"];
    let of_verb = if verb == "run" { &of_run[..] } else { &[] };
    let ran = scene.run([&[verb][..], &base, of_verb, more].concat());
    (ran.status, ran.stderr)
}

/// Each way in which images are listed and none is left, and the reason that is given.
#[test]
fn nothing_to_build_is_refused_with_the_reason_before_anything_is_made() {
    let sever = SERVER.replace("^Server$", "^Sever$");
    let s390x = SERVER.replace("\"target\"", "\"arches\": [\"s390x\"], \"target\"");
    let kiwi = "{\"^Nope$\": [{\"kiwi_profile\": \"Cloud\", \"target\": \"t\", \"description_scm\": \"https://e/k.git\", \
                \"description_path\": \"p\"}]}";
    let cases: [(String, &[&str], &str); 8] = [
        (format!("osbuild = {sever}"), &[], "the pattern of osbuild matches no variant"),
        (format!("osbuild = {s390x}"), &[], "no arch is left for the images of osbuild"),
        (format!("osbuild = {SERVER}"), &["--skip-phase", "osbuild"], "phase osbuild is skipped"),
        (format!("skip_phases = [\"osbuild\"]\nosbuild = {SERVER}"), &[], "phase osbuild is skipped"),
        (
            format!("osbuild = {SERVER}\nkiwibuild = {kiwi}"),
            &["--skip-phase", "osbuild"],
            "phase osbuild is skipped; the pattern of kiwibuild matches no variant",
        ),
        (format!("tree_variants = [\"Client\"]\nosbuild = {SERVER}"), &[], "the pattern of osbuild matches no variant"),
        (format!("tree_arches = [\"aarch64\"]\nosbuild = {SERVER}"), &[], "osbuild"),
        (
            format!("osbuild = {}", sever.replace("]}", "], \"^Nope\": [{\"name\": \"D\", \"distro\": \"e\", \"image_types\": \"qcow2\", \"target\": \"t\"}]}")),
            &[],
            "the 2 patterns of osbuild match no variant",
        ),
    ];
    for (lines, more, reason) in cases {
        let scene = scene(&lines);
        for verb in ["check", "plan", "run"] {
            let (status, stderr) = ran(&scene, verb, more);
            assert_eq!(status, Some(1), "{verb} {lines}: {stderr}");
            assert!(stderr.contains("error[MG230]: nothing to build: ") && stderr.contains(reason), "{verb}: {stderr}");
            assert!(stderr.contains("--allow-empty"), "{stderr}");
            let (status, stderr) = ran(&scene, verb, &[more, &["--allow-empty"]].concat());
            assert_eq!(status, Some(0), "{verb} {lines}: {stderr}");
            if verb != "run" {
                assert!(files(&scene.target()).is_empty());
            }
        }
    }
}

#[test]
fn a_refused_compose_leaves_nothing() {
    let scene = scene(&format!("osbuild = {}", SERVER.replace("^Server$", "^Sever$")));
    let (status, _) = ran(&scene, "run", &[]);
    assert_eq!((status, std::fs::read_dir(scene.target()).into_iter().flatten().count()), (Some(1), 0));
}

/// A configuration of Pungi's other phases alone, and a step of a compose, come to nothing as in Pungi.
#[test]
fn no_images_listed_and_a_step_of_a_compose_are_no_error() {
    let sever = format!("osbuild = {}", SERVER.replace("^Server$", "^Sever$"));
    let cases: [(&str, &[&str]); 5] = [
        ("", &[]),
        ("osbuild = {}", &[]),
        ("osbuild = {\"^Server$\": []}", &[]),
        (&sever, &["--just-phase", "osbuild"]),
        (&sever, &["--just-phase", "image_checksum"]),
    ];
    for (lines, more) in cases {
        let scene = scene(lines);
        for verb in ["check", "plan", "run"] {
            let (status, stderr) = ran(&scene, verb, more);
            assert!(status == Some(0) && !stderr.contains("MG230"), "{verb} {lines}: {stderr}");
        }
    }
}

/// Another mistake may be the reason why nothing is left: it is said alone.
#[test]
fn what_another_error_leaves_out_is_not_nothing() {
    let scene = scene(&format!("osbuild = {}", SERVER.replace(", \"target\": \"t\"", "")));
    let (status, stderr) = ran(&scene, "check", &[]);
    assert!(status == Some(1) && stderr.contains("MG205") && !stderr.contains("MG230"), "{stderr}");
}
