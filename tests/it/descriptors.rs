//! Too few file descriptors: a message that says so, whatever the command; no panic, and nothing half-begun.

use crate::program::{Ran, Scene, image};
use crate::scripted_hub::{self, ScriptedHub};
use std::process::Command;

const LIMITS: [u32; 16] = [3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 64];

/// The program with room for `limit` open files.
fn limited(scene: &Scene, limit: u32, args: &[&str]) -> Ran {
    let like = scripted_hub::command(scene, &[]);
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -n {limit} && exec \"$@\""), "sh"]).arg(like.get_program()).args(args);
    for (name, value) in like.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    Ran::from(command.current_dir(scene.path()).output().unwrap())
}

#[test]
fn too_few_are_no_panic() {
    let scene = Scene::new();
    scene.write_compose("", &["x86_64"], &[image("disk", "\"arches\": [\"x86_64\"]")]);
    let hub = ScriptedHub::start(&scene);
    hub.on("osbuildImage", scripted_hub::always(scripted_hub::Answer::Fault(1000, "no".to_owned())));
    assert_eq!(scripted_hub::run(&scene).status, Some(1));
    let compose = scripted_hub::compose(&scene).unwrap().display().to_string();
    let to_hub = ["--koji-config", "koji.conf", "--koji-user", "compose"];
    let of_config = ["--config", "test.conf", "--test"];
    let commands = [
        [&["run", "--target-dir", "other", "--simulate"], &of_config[..]].concat(),
        [&["run", "--target-dir", "other"], &of_config[..], &to_hub].concat(),
        vec!["resume", &compose],
        vec!["status", &compose],
        vec!["report", &compose],
        vec!["uploads", &compose],
        vec!["verify", &compose],
        vec!["compare", &compose, &compose],
        vec!["cancel", &compose],
        [&["check"][..], &of_config].concat(),
        [&["check", "--hub"], &of_config[..], &to_hub].concat(),
        [&["plan"][..], &of_config].concat(),
        vec!["config", "dump", "--config", "test.conf"],
    ];
    std::fs::create_dir(scene.path().join("other")).unwrap();
    for args in commands {
        for limit in LIMITS {
            let ran = limited(&scene, limit, &args);
            let is_unloaded = ran.status == Some(127) && ran.stderr.contains("shared libraries");
            assert!(is_unloaded || matches!(ran.status, Some(0..=2)), "{args:?} {limit}: {ran:?}");
            assert!(!ran.stderr.contains("panicked"), "{args:?} {limit}: {}", ran.stderr);
            let is_said = ran.stderr.contains("more files can be opened") || ran.stderr.contains("Too many open files");
            if args[0] == "run" && limit < 32 {
                assert!(is_unloaded || (is_said && ran.status == Some(1)), "{args:?} {limit}: {ran:?}");
                let begun = std::fs::read_dir(scene.path().join("other")).unwrap().count();
                assert_eq!(begun, 0, "{args:?} {limit}: {}", ran.stderr);
            }
            if let Ok(made) = std::fs::read_dir(scene.path().join("other")) {
                made.flatten().for_each(|entry| _ = std::fs::remove_dir_all(entry.path()));
            }
        }
    }
}
