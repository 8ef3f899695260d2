//! `--only` and `--variant`: some images of a configuration, as if no other was configured.

use crate::program::{Ran, Scene, image};
use crate::scripted_hub::{Answer, ScriptedHub, command, compose, resume, text_of, verb};
use magudi_koji::Value;
use serde_json::Value as Json;

/// Two variants with `disk` and `cloud`, one of which is broken in a way that only an expansion finds.
fn scene() -> Scene {
    let scene = Scene::new();
    let image = |name: &str, more: &str| {
        format!(
            "{{\"name\": \"{name}\", \"distro\": \"ex-9\", \"image_types\": [\"qcow2\"], \"subvariant\": \"{name}\"{more}}}"
        )
    };
    let both = [image("disk", ""), image("cloud-base", ""), image("cloud-odd", ", \"repo\": [\"Sever\"]")].join(", ");
    scene.write(
        "c.conf",
        &format!(
            "release_name = \"Example\"\nrelease_short = \"Ex\"\nrelease_version = \"9\"\nvariants_file = \"v.xml\"\n\
             koji_profile = \"devhub\"\npkgset_source = \"koji\"\npkgset_koji_tag = \"ex9\"\ngather_method = \"deps\"\n\
             osbuild_target = \"ex9\"\nosbuild = {{\"^Server$\": [{both}], \"^Client$\": [{}], \"^Nothing$\": [{}]}}\n",
            image("client", ""),
            image("nothing", "")
        ),
    );
    let variant = |id: &str| {
        format!("<variant id=\"{id}\" name=\"{id}\" type=\"variant\"><arches><arch>x86_64</arch></arches></variant>")
    };
    scene.write("v.xml", &format!("<variants>{}{}</variants>", variant("Server"), variant("Client")));
    scene
}

fn ran(scene: &Scene, verb: &str, more: &[&str]) -> Ran {
    scene.run([&[verb, "--config", "c.conf", "--test"], more].concat())
}

fn planned(scene: &Scene, more: &[&str]) -> Vec<String> {
    let ran = ran(scene, "plan", &[&["--format", "json"], more].concat());
    assert_eq!(ran.status, Some(0), "{more:?}: {}", ran.stderr);
    let plan: Json = serde_json::from_str(&ran.stdout).unwrap();
    let name =
        |request: &Json| format!("{}:{}", request["variant"].as_str().unwrap(), request["args"][0].as_str().unwrap());
    plan["requests"].as_array().unwrap().iter().map(name).collect()
}

#[test]
fn what_is_not_chosen_is_as_if_it_was_not_configured() {
    let scene = scene();
    let whole = ran(&scene, "check", &[]);
    assert!(
        whole.status == Some(1) && whole.stderr.contains("MG203") && whole.stderr.contains("MG202"),
        "{}",
        whole.stderr
    );
    for (more, want) in [
        (&["--only", "disk"][..], &["Server:disk"][..]),
        (&["--only", "cloud-b*", "--only", "Client:*"], &["Client:client", "Server:cloud-base"]),
        (&["--variant", "Cl?ent"], &["Client:client"]),
        (&["--variant", "*", "--only", "d*"], &["Server:disk"]),
    ] {
        let checked = ran(&scene, "check", &[&["--strict"], more].concat());
        assert_eq!(checked.status, Some(0), "{more:?}: {}", checked.stderr);
        assert_eq!(planned(&scene, more), want, "{more:?}");
    }
}

#[test]
fn a_pattern_that_fits_nothing_is_an_error_with_a_suggestion() {
    let scene = scene();
    for (more, message) in [
        (&["--only", "disc"][..], "--only: no image is called `disc`; did you mean `disk`?"),
        (
            &["--only", "disk", "--only", "Server:dsk"],
            "--only: no image is called `Server:dsk`; did you mean `Server:disk`?",
        ),
        (&["--variant", "Servr"], "--variant: no variant with images is called `Servr`; did you mean `Server`?"),
        (&["--only", "nothing"], "--only: no image is called `nothing`"),
        (&["--only", "[a"], "--only: `[a` is not a pattern: invalid range pattern"),
    ] {
        for verb in ["check", "plan", "run"] {
            let of_verb = if verb == "run" { &["--simulate", "--target-dir", "target"][..] } else { &[] };
            let ran = ran(&scene, verb, &[more, of_verb].concat());
            assert_eq!(ran.status, Some(2), "{verb} {more:?}: {}", ran.stderr);
            assert!(ran.stderr.contains(message), "{verb} {more:?}: {}", ran.stderr);
        }
    }
    assert_eq!(std::fs::read_dir(scene.target()).into_iter().flatten().count(), 0);
    let ran = ran(&scene, "check", &["--only", "disk", "--variant", "Client"]);
    assert!(ran.status == Some(1) && ran.stderr.contains("MG230"), "{}", ran.stderr);
}

/// `magudi run` of the one compose there is, or of a new one.
fn run_with(scene: &Scene, more: &[&str]) -> Ran {
    let (option, dir) = match compose(scene) {
        Some(dir) => ("--compose-dir", dir),
        None => ("--target-dir", scene.target()),
    };
    let dir = dir.display().to_string();
    let base = ["run", "--config", "test.conf", "--test", option, &dir, "--koji-config", "koji.conf"];
    let args = [&base[..], &["--koji-user", "compose"], more].concat();
    Ran::from(command(scene, &args).output().unwrap())
}

/// A run in which the hub refuses `c`.
fn begun(hub: &ScriptedHub, scene: &Scene, more: &[&str]) -> Ran {
    hub.on("osbuildImage", |_, call| {
        let is_c = call.params.first().and_then(Value::as_str) == Some("c");
        is_c.then(|| Answer::Fault(1000, "no".to_owned()))
    });
    let ran = run_with(scene, more);
    hub.behave();
    ran
}

fn three() -> (Scene, ScriptedHub) {
    let scene = Scene::new();
    let images = ["a", "b", "c"].map(|n| image(n, &format!("\"subvariant\": \"{n}\", \"arches\": [\"x86_64\"]")));
    scene.write_compose("", &["x86_64"], &images);
    let hub = ScriptedHub::start(&scene);
    (scene, hub)
}

fn names(hub: &ScriptedHub) -> Vec<String> {
    hub.state().tasks.values().map(|task| task.text(0)).collect()
}

#[test]
fn a_resume_keeps_what_was_chosen() {
    let (scene, hub) = three();
    let ran = begun(&hub, &scene, &["--only", "[bc]"]);
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
    // Another choice is refused: the compose would end without what it was begun with.
    let refused = run_with(&scene, &["--only", "b"]);
    assert!(refused.status == Some(1) && refused.stderr.contains("leave out Server:c"), "{}", refused.stderr);
    let ran = resume(&scene, &[]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_eq!(names(&hub), ["b", "c"]);
    assert_eq!(text_of(&scene, "compose/metadata/images.json").matches("\"path\"").count(), 2);
}

#[test]
fn status_shows_what_is_chosen() {
    let (scene, hub) = three();
    begun(&hub, &scene, &[]);
    let status = |more: &[&str]| verb(&scene, "status", more);
    let shown = status(&["--only", "a", "--format", "json"]);
    let json: Json = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(
        json["requests"].as_array().unwrap().iter().map(|r| r["image"].as_str().unwrap()).collect::<Vec<_>>(),
        ["a"]
    );
    let shown = status(&["--variant", "Server", "--only", "[ab]"]).stdout;
    assert!(shown.contains("2 done") && !shown.contains("\nfailed "), "{shown}");
    let shown = status(&["--only", "d"]);
    assert!(shown.status == Some(2) && shown.stderr.contains("--only: no image is called `d`"), "{}", shown.stderr);
}

/// A compose that is opened again for one image keeps the others, also when the run has to be resumed.
#[test]
fn a_reopened_compose_keeps_what_is_not_chosen() {
    let (scene, hub) = three();
    let ran = run_with(&scene, &[]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let images = || text_of(&scene, "compose/metadata/images.json").matches("\"path\"").count();
    assert_eq!(images(), 3);
    let ran = begun(&hub, &scene, &["--reopen", "--only", "c"]);
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
    let ran = resume(&scene, &["--retry-failed"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_eq!((images(), names(&hub).len()), (3, 4));
    let ran = run_with(&scene, &["--reopen", "--only", "a"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_eq!((images(), names(&hub).len()), (3, 5));
}
