//! Runs against `magudi hub` in another process: with its volume mounted, and over HTTP.

use crate::program::{Hub, Ran, Scene, files};
use magudi_testkit::repository;
use std::path::Path;

fn run(scene: &Scene, config: &Path, target: &str, user: &str, password: &str) -> Ran {
    std::fs::create_dir_all(scene.path().join(target)).unwrap();
    let output = scene
        .command()
        .args(["run", "--target-dir", target, "--nightly"])
        .args(["--koji-config", "koji.conf", "--koji-profile", "devhub", "--koji-user", user])
        .arg("--config")
        .arg(config)
        .env("MAGUDI_KOJI_PASSWORD", password)
        .output()
        .expect("the program starts");
    Ran::from(output)
}

/// The text of the only images.json below `target`, without mtimes.
fn images(scene: &Scene, target: &str) -> String {
    let top = scene.path().join(target);
    let all: Vec<_> = files(&top).into_iter().filter(|file| file.ends_with("metadata/images.json")).collect();
    let [one] = all.as_slice() else { panic!("{all:?}") };
    let text = std::fs::read_to_string(top.join(one)).unwrap();
    text.lines().filter(|line| !line.trim_start().starts_with("\"mtime\"")).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_local_volume_a_cache_and_a_simulation_give_the_same_images() {
    let scene = Scene::new();
    let example = repository().join("examples/fedora/fedora.conf");
    let cached = format!(
        "from {} import *\nkoji_cache = \"{}/cache\"\n",
        example.with_extension("").display(),
        scene.path().display()
    );
    // Includes are looked for beside the including file, and so is the variants file.
    std::fs::copy(example.with_file_name("variants.xml"), scene.path().join("variants.xml")).unwrap();
    let cached = scene.write("cached.conf", &cached);

    let simulated = scene.run([
        "run".as_ref(),
        "--target-dir".as_ref(),
        scene.target().as_os_str(),
        "--nightly".as_ref(),
        "--simulate".as_ref(),
        "--config".as_ref(),
        example.as_os_str(),
    ]);
    assert_eq!(simulated.status, Some(0), "{}", simulated.stderr);

    scene.write("targets.json", r#"{"targets": ["f42", "f42-kiwi", "f42-image-builder"]}"#);
    let _hub = Hub::start(&scene, &["--scenario", "targets.json"]);
    let local = run(&scene, &example, "local", "compose", "composepass");
    assert_eq!(local.status, Some(0), "{}", local.stderr);
    let over_http = run(&scene, &cached, "http", "compose", "composepass");
    assert_eq!(over_http.status, Some(0), "{}", over_http.stderr);

    let want = images(&scene, "target");
    assert!(want.contains("\"sha256\""), "{want}");
    assert_eq!(images(&scene, "local"), want);
    assert_eq!(images(&scene, "http"), want);
    let left: Vec<_> = files(&scene.path().join("cache"))
        .into_iter()
        .filter(|file| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')))
        .collect();
    assert!(left.is_empty(), "temporary files are left in the cache: {left:?}");

    // A second run finds everything in the cache.
    let again = run(&scene, &cached, "again", "compose", "composepass");
    assert_eq!(again.status, Some(0), "{}", again.stderr);
    assert_eq!(images(&scene, "again"), want);
}

#[test]
fn a_wrong_password_and_a_missing_permission_are_said_clearly() {
    let scene = Scene::new();
    let _hub = Hub::start(&scene, &[]);
    let example = repository().join("examples/minimal/minimal.conf");
    let wrong = run(&scene, &example, "wrong", "compose", "sesame");
    assert_eq!(wrong.status, Some(1));
    assert!(wrong.stderr.contains("invalid username or password"), "{}", wrong.stderr);
    assert!(!wrong.stderr.contains("sesame"), "{}", wrong.stderr);
    let nobody = run(&scene, &example, "nobody", "nobody", "nobodypass");
    assert_eq!(nobody.status, Some(1));
    assert!(nobody.stderr.contains("user nobody does not have the permission `image`"), "{}", nobody.stderr);
    for target in ["wrong", "nobody"] {
        assert_eq!(files(&scene.path().join(target)), Vec::<std::path::PathBuf>::new(), "{target}");
    }
}
