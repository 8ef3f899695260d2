//! Too few file descriptors, or threads: a message that says so, whatever the command; no panic, and nothing half-begun.

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

/// A compose that was doomed, because the hub refuses its image; with its directory, and an empty one beside it, `other`.
fn doomed() -> (Scene, ScriptedHub, String) {
    let scene = Scene::new();
    scene.write_compose("", &["x86_64"], &[image("disk", "\"arches\": [\"x86_64\"]")]);
    let hub = ScriptedHub::start(&scene);
    hub.on("osbuildImage", scripted_hub::always(scripted_hub::Answer::Fault(1000, "no".to_owned())));
    assert_eq!(scripted_hub::run(&scene).status, Some(1));
    let compose = scripted_hub::compose(&scene).unwrap().display().to_string();
    std::fs::create_dir(scene.path().join("other")).unwrap();
    (scene, hub, compose)
}

#[test]
fn too_few_are_no_panic() {
    let (scene, _hub, compose) = doomed();
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

/// A library that lets a program make so many threads.
const MISER: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
int pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *x) {
    static int made;
    if (__sync_fetch_and_add(&made, 1) >= atoi(getenv("MOST_THREADS"))) return EAGAIN;
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) = dlsym(RTLD_NEXT, "pthread_create");
    return real(t, a, f, x);
}
"#;

#[test]
fn too_few_threads_are_no_panic() {
    let (scene, _hub, compose) = doomed();
    let (source, library) = (scene.write("miser.c", MISER), scene.path().join("miser.so"));
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).arg("-ldl").status();
    assert!(compiled.unwrap().success());
    let run = ["run", "--target-dir", "other", "--simulate", "--config", "test.conf", "--test"];
    for args in [&run[..], &["resume", &compose], &["verify", &compose]] {
        for most in 0..6 {
            let mut command = scripted_hub::command(&scene, args);
            let ran =
                Ran::from(command.env("LD_PRELOAD", &library).env("MOST_THREADS", most.to_string()).output().unwrap());
            let is_said = ran.stderr.contains("more threads can run");
            assert!(is_said && ran.status == Some(1), "{args:?} {most}: {ran:?}");
            assert!(!ran.stderr.contains("panicked"), "{args:?} {most}: {}", ran.stderr);
        }
    }
    assert_eq!(std::fs::read_dir(scene.path().join("other")).unwrap().count(), 0);
}
