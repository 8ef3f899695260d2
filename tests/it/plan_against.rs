//! `magudi plan --against`: what a changed configuration changes, beside a plan and beside composes.

use crate::program::{Ran, Scene, image};
use crate::schema::Schemas;
use serde_json::{Value as Json, json};

const SCHEMA: &str = "plan-against.schema.json";

/// A configuration with these images.
fn configure(scene: &Scene, images: &[String]) {
    scene.write_compose("", &["aarch64", "x86_64"], images);
}

fn plan(scene: &Scene, more: &[&str]) -> Ran {
    let ran = scene.run([&["plan", "--config", "test.conf", "--nightly", "--target-dir", "target"], more].concat());
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    ran
}

fn disk(name: &str, more: &str) -> String {
    image(name, &format!("\"subvariant\": \"{name}\", {more}"))
}

/// What the day before was planned, and what is planned now.
fn before() -> Vec<String> {
    vec![
        disk("same", ""),
        disk("cloud", "\"arches\": [\"x86_64\"]"),
        disk("gone", "\"failable\": [\"*\"]"),
        disk("kept", ""),
    ]
}

fn after() -> Vec<String> {
    let repo = "\"repo\": [\"http://example.com/updates\"], \"customizations\": {\"users\": [{\"name\": \"a\", \"password\": \"hunter2\"}]}";
    vec![
        disk("kept", repo),
        disk("same", ""),
        disk("cloud", "\"arches\": [\"aarch64\", \"x86_64\"]"),
        disk("fresh", ""),
    ]
}

const CHANGES: &str = "\
- gone of Server (osbuild)  subvariant gone, qcow2, aarch64 x86_64
+ fresh of Server (osbuild)  subvariant fresh, qcow2, aarch64 x86_64
~ cloud of Server (osbuild)  subvariant cloud, qcow2, aarch64 x86_64
  + arches.0: aarch64
~ kept of Server (osbuild)  subvariant kept, qcow2, aarch64 x86_64
  + repo.0: http://example.com/updates
  + customizations: {\"users\":[{\"name\":\"a\",\"password\":\"***\"}]}

1 request no more, 1 request new, 2 requests changed, 1 request the same
";

#[test]
fn a_plan_of_another_day_differs_in_what_was_configured_only() {
    let scene = Scene::new();
    configure(&scene, &before());
    let mut command = scene.command();
    command.args(["plan", "--config", "test.conf", "--nightly", "--target-dir", "target", "--format", "json"]);
    let old = Ran::from(command.env("SOURCE_DATE_EPOCH", "1709078400").output().unwrap());
    assert!(old.stdout.contains("Test-9.2-20240228.n.0"), "{}", old.stdout);
    scene.write("plan.json", &old.stdout);
    let same = plan(&scene, &["--against", "plan.json"]);
    assert_eq!(same.stdout, "Test-9.2-20240229.n.0 against Test-9.2-20240228.n.0\n\n4 requests the same\n");
    configure(&scene, &after());
    let ran = plan(&scene, &["--against", "plan.json"]);
    assert_eq!(ran.stdout, format!("Test-9.2-20240229.n.0 against Test-9.2-20240228.n.0\n\n{CHANGES}"));
    let ran = plan(&scene, &["--against", "plan.json", "--format", "json"]);
    let found = Schemas::checked(SCHEMA, &ran.stdout);
    assert_eq!((&found["same"], &found["against"]), (&json!(1), &json!("Test-9.2-20240228.n.0")));
    assert_eq!(found["gone"][0]["values"]["name"], "gone");
    assert_eq!(found["changed"][0]["differences"], json!([{"path": "arches.0", "new": "aarch64"}]));
    assert!(!ran.stdout.contains("hunter2"), "{}", ran.stdout);
    // What is sent is the hub's, and a difference has two sides or one.
    let may_miss = |path: &str| {
        let in_difference = path.split_once("/differences/").is_some_and(|(_, rest)| !rest.ends_with("/path"));
        path.contains("/values/") || in_difference
    };
    Schemas::require_all_but(SCHEMA, &[&found], may_miss);
}

#[test]
fn the_configuration_of_a_compose_is_planned_as_if_it_were_made_now() {
    let scene = Scene::new();
    configure(&scene, &before());
    let mut command = scene.command();
    command.args(["run", "--config", "test.conf", "--nightly", "--compose-dir", "target/old", "--simulate"]);
    let made = Ran::from(command.env("SOURCE_DATE_EPOCH", "1709078400").output().unwrap());
    assert_eq!(made.status, Some(0), "{}", made.stderr);
    configure(&scene, &after());
    let ran = plan(&scene, &["--against", "target/old"]);
    assert_eq!(ran.stdout, format!("Test-9.2-20240229.n.0 against target/old\n\n{CHANGES}"));
    // One that Pungi made has the same two files.
    let logs = "target/pungi/logs/global";
    let dump = scene.run(["config", "dump", "--config", "test.conf"]);
    assert_eq!(dump.status, Some(0), "{}", dump.stderr);
    scene.write(&format!("{logs}/config-dump.global.log"), &dump.stdout);
    let variants = std::fs::read_to_string(scene.path().join("variants.xml")).unwrap();
    scene.write("target/pungi/work/global/variants.xml", &variants);
    std::fs::remove_file(scene.path().join("target/old/work/global/variants.xml")).unwrap();
    let ran = plan(&scene, &["--against", "target/pungi"]);
    assert_eq!(ran.stdout, "Test-9.2-20240229.n.0 against target/pungi\n\n4 requests the same\n");
    let refused = |against: &str| {
        let ran =
            scene.run(["plan", "--config", "test.conf", "--nightly", "--target-dir", "target", "--against", against]);
        assert_eq!((ran.status, ran.stdout.as_str()), (Some(1), ""));
        ran.stderr
    };
    assert!(
        refused("target/old").contains("cannot use target/old/work/global/variants.xml"),
        "{}",
        refused("target/old")
    );
    assert!(refused("target").contains("target has no logs/global/config-dump.global.log"), "{}", refused("target"));
    assert!(refused("nowhere").contains("cannot use nowhere: No such file"), "{}", refused("nowhere"));
    assert!(refused("test.conf").contains("cannot use test.conf: it is not JSON"), "{}", refused("test.conf"));
    scene.write("empty.json", "{}");
    assert!(refused("empty.json").contains("`requests` is missing or not a list"), "{}", refused("empty.json"));
    let mut bad: Json = serde_json::from_str(&dump.stdout).unwrap();
    bad["osbuild"] = json!({"^Server$": [{}]});
    scene.write(&format!("{logs}/config-dump.global.log"), &bad.to_string());
    assert!(
        refused("target/pungi").contains("it is not a configuration for this version: "),
        "{}",
        refused("target/pungi")
    );
}

/// An image that moves to another phase keeps its subvariant, and what is sent is shown beside what was.
#[test]
fn an_image_that_moves_to_another_phase_is_known_again() {
    let scene = Scene::new();
    scene.write_compose(
        "kiwibuild = {\"^Server$\": [{\"target\": \"t\", \"description_scm\": \"git+https://example.com/k.git?#abc\", \
         \"description_path\": \"k.kiwi\", \"kiwi_profile\": \"Cloud-Base\", \"subvariant\": \"Cloud_Base\", \
         \"manifest_type\": \"qcow2\"}]}\n",
        &["x86_64"],
        &[],
    );
    scene.write("plan.json", &plan(&scene, &["--format", "json"]).stdout);
    scene.write_compose(
        "imagebuilder = {\"^Server$\": [{\"target\": \"t\", \"name\": \"Cloud\", \"types\": [\"qcow2\"], \
         \"subvariant\": \"Cloud_Base\", \"manifest_type\": \"kvm\"}]}\n",
        &["x86_64"],
        &[],
    );
    let text = plan(&scene, &["--against", "plan.json"]).stdout;
    let lines: Vec<&str> = text.lines().collect();
    for line in [
        "~ Cloud of Server (imagebuilder)  subvariant Cloud_Base, qcow2, x86_64",
        "    subvariant stays Cloud_Base",
        "    phase: kiwibuild -> imagebuilder",
        "    method: kiwiBuild -> imageBuilderBuild",
        "    manifest_type: qcow2 -> kvm",
        "  - profile: Cloud-Base",
        "  + name: Cloud",
        "1 request changed",
    ] {
        assert!(lines.contains(&line), "{line} is not in {text}");
    }
}
