//! ODCS 0.9 starts programs of Pungi, and here those of `packaging/odcs` in their place: with every option that it passes, in the
//! directories that it makes (odcs/server/pungi.py).

use crate::program::{Ran, Scene, image};
use magudi_testkit::repository;
use serde_json::{Value as Json, json};
use std::path::PathBuf;
use std::process::Command;

const ID: &str = "Test-9.2-20240229.t.3";

/// A program of `packaging/odcs`, which finds magudi in its path.
fn program(scene: &Scene, name: &str) -> Command {
    let magudi = scene.command();
    let bin = scene.path().join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    let _ = std::os::unix::fs::symlink(magudi.get_program(), bin.join("magudi"));
    let mut command = Command::new(repository().join("packaging/odcs").join(name));
    command.current_dir(scene.path());
    for (name, value) in magudi.get_envs() {
        value.map(|value| command.env(name, value));
    }
    command
}

/// The configuration as ODCS writes it, in JSON.
fn configuration(scene: &Scene) -> PathBuf {
    scene.write_compose("", &["x86_64"], &[image("disk", "\"subvariant\": \"D\"")]);
    let dump = scene.run(["config", "dump", "--just-dump", "--config=test.conf"]);
    assert_eq!(dump.status, Some(0), "{}", dump.stderr);
    scene.write("pungi.json", &dump.stdout)
}

/// The directory of a compose, as ODCS makes it.
fn prepared(scene: &Scene) -> PathBuf {
    let dir = scene.target().join("odcs-7");
    let info = json!({
        "header": {"type": "productmd.composeinfo", "version": "1.2"},
        "payload": {
            "compose": {"id": ID, "type": "test", "date": "20240229", "respin": 3},
            "release": {"name": "Test", "short": "Test", "version": "9.2", "type": "ga", "internal": false},
            "variants": {},
        },
    });
    scene.write("target/odcs-7/COMPOSE_ID", ID);
    scene.write("target/odcs-7/work/global/composeinfo-base.json", &info.to_string());
    // What it has read of the configuration before.
    scene.write("target/odcs-7/pungi-config-validate-stdout.log", "");
    dir
}

#[test]
fn every_option_of_odcs_is_taken() {
    let scene = Scene::new();
    let config = configuration(&scene);
    let dir = prepared(&scene);
    std::fs::create_dir(scene.path().join("old")).unwrap();
    let mut command = program(&scene, "magudi-as-pungi-koji");
    command.arg(format!("--config={}", config.display()));
    command.args(["--no-latest-link", &format!("--compose-dir={}", dir.display())]);
    // PUNGI_KOJI_ARGS.
    command.arg("--simulate");
    command.args(["--test", "--no-label", "--parent-compose-id=P-1-20240101.0", "--parent-compose-id=Q-1-20240101.0"]);
    command.args(["--respin-of=R-1-20240101.0", "--koji-event", "7", "--old-composes", "old"]);
    command.env("ODCS_RAW_CONFIG_SOURCE_NAME", "x").env("CTS_OIDC_CLIENT_ID", "odcs");
    let ran = Ran::from(command.output().unwrap());
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let text = |file: &str| scene.made(&format!("odcs-7/{file}")).unwrap();
    assert_eq!((text("COMPOSE_ID").as_str(), text("STATUS").as_str()), (ID, "FINISHED\n"));
    let info: Json = serde_json::from_str(&text("compose/metadata/composeinfo.json")).unwrap();
    assert_eq!(info["payload"]["compose"]["respin"], 3);
    assert!(std::fs::read_link(scene.target().join("latest-Test-9")).is_err(), "--no-latest-link");
    // What has no effect is said, once, where people look.
    let log = text("logs/global/pungi.global.log");
    for words in [
        "--koji-event and --old-composes have no effect: image tasks have no package set",
        "--parent-compose-id and --respin-of have no effect: they are for CTS",
    ] {
        assert_eq!((log.matches(words).count(), ran.stderr.matches(words).count()), (1, 1), "{}", ran.stderr);
    }
}

/// ODCS gives a label and, for some of its composes, says that there need be none.
#[test]
fn a_label_counts_whatever_else_is_said() {
    let scene = Scene::new();
    let config = configuration(&scene);
    let mut command = program(&scene, "magudi-as-pungi-koji");
    command.arg(format!("--config={}", config.display())).args([
        "--no-latest-link",
        "--target-dir=target",
        "--simulate",
    ]);
    command.args(["--production", "--label=RC-1.0", "--no-label"]);
    let ran = Ran::from(command.output().unwrap());
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(!ran.stderr.contains("no effect"), "{}", ran.stderr);
    let info = scene.made("Test-9.2-20240229.0/compose/metadata/composeinfo.json").unwrap();
    assert_eq!(serde_json::from_str::<Json>(&info).unwrap()["payload"]["compose"]["label"], "RC-1.0");
}

#[test]
fn configurations_are_validated_as_odcs_asks_for_it() {
    let scene = Scene::new();
    let config = configuration(&scene);
    let validate = |more: &[&str]| {
        let mut command = program(&scene, "magudi-as-pungi-config-validate");
        Ran::from(command.arg("--old-composes").args(more).arg(&config).output().unwrap())
    };
    assert_eq!(validate(&[]).status, Some(0), "{:?}", validate(&[]));
    let schema = json!({"properties": {"release_name": {"enum": ["Another one"]}}});
    let schema = scene.write("our schema.json", &schema.to_string());
    let refused = validate(&["--schema-override", schema.to_str().unwrap()]);
    assert_eq!(refused.status, Some(1));
    assert!(refused.stderr.contains("path: release_name"), "{}", refused.stderr);
}
