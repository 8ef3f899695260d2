//! Files that cannot be of their format: warned of, or with `--strict-images` the failure of their image. The simulated hub builds
//! text, which is not a qcow2 image; of a raw one nothing is known.

use crate::program::{Hub, Ran, Scene, image};

/// Runs two images, a qcow2 and a raw one, against a hub in another process.
fn run(failable: &str, more: &[&str]) -> (Scene, Ran) {
    let scene = Scene::new();
    let disk =
        image("disk", &format!("\"arches\": [\"x86_64\"], \"subvariant\": \"disk\", \"failable\": [{failable}]"));
    let plain = image("plain", "\"arches\": [\"x86_64\"], \"subvariant\": \"plain\"");
    scene.write_compose("", &["x86_64"], &[disk, plain]);
    scene.write("scenario.json", r#"{"archives": {"plain": [{"type_name": "raw", "suffix": "raw"}]}}"#);
    let hub = Hub::start(&scene, &["--scenario", "scenario.json"]);
    let args = ["run", "--config", "test.conf", "--test", "--compose-dir", "target/mine"];
    let koji = ["--koji-config", "koji.conf", "--koji-user", "compose"];
    let mut command = scene.command();
    command.args([&args[..], &koji, more].concat()).env("MAGUDI_KOJI_PASSWORD", "composepass");
    let ran = Ran::from(command.output().unwrap());
    drop(hub);
    (scene, ran)
}

const PROBLEM: &str = ".x86_64.qcow2: its content is not qcow2: it does not begin with QFI\\xfb";

fn images(scene: &Scene) -> String {
    scene.made("mine/compose/metadata/images.json").unwrap_or_default()
}

#[test]
fn a_file_that_cannot_be_of_its_format_is_warned_of() {
    let (scene, ran) = run("", &[]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let is_warning = |line: &&str| line.contains("[WARNING ] ") && !line.contains("[SKIP ]");
    let warnings: Vec<&str> = ran.stderr.lines().filter(is_warning).collect();
    assert_eq!(warnings.len(), 1, "{}", ran.stderr);
    assert!(warnings[0].contains("Image disk of variant Server, file disk-9.2-"), "{}", warnings[0]);
    assert!(warnings[0].ends_with(PROBLEM), "{}", warnings[0]);
    assert!(images(&scene).contains(".qcow2") && images(&scene).contains(".raw"), "{}", images(&scene));
}

#[test]
fn with_strict_images_its_image_fails_and_the_file_stays_out() {
    let (scene, ran) = run("", &["--strict-images"]);
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("image disk of variant Server") && ran.stderr.contains(PROBLEM), "{}", ran.stderr);
    assert_eq!(scene.made("mine/STATUS").as_deref(), Some("DOOMED\n"));
    let (scene, ran) = run("\"*\"", &["--strict-images"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_eq!(scene.made("mine/STATUS").as_deref(), Some("FINISHED_INCOMPLETE\n"));
    assert!(!images(&scene).contains(".qcow2") && images(&scene).contains(".raw"), "{}", images(&scene));
    let files = crate::program::files(&scene.target().join("mine/compose"));
    assert!(!files.iter().any(|file| file.to_string_lossy().contains(".qcow2")), "{files:?}");
}

#[test]
fn what_is_simulated_is_looked_at_only_when_that_is_asked_for() {
    let scene = Scene::new();
    scene.write_compose("", &["x86_64"], &[image("disk", "\"arches\": [\"x86_64\"]")]);
    for (more, status) in [(&[][..], 0), (&["--strict-images"], 1)] {
        let args = ["run", "--config", "test.conf", "--test", "--target-dir", "target", "--simulate"];
        let ran = scene.run([&args[..], more].concat());
        assert_eq!(ran.status, Some(status), "{}", ran.stderr);
        assert_eq!(ran.stderr.contains(PROBLEM), status == 1, "{}", ran.stderr);
    }
}
