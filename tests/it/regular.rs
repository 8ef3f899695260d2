//! A pipe, a device, a socket or a directory where a file is expected: refused at once, with a message that names it, and
//! nothing is waited for.

use crate::program::{Ran, Scene, image};
use crate::scripted_hub::{self, Answer, ScriptedHub, always};
use magudi_testkit::{end_of, wait_until};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};

const KINDS: [(&str, &str); 4] =
    [("pipe", "a pipe"), ("socket", "a socket"), ("device", "a device"), ("directory", "a directory")];

/// Puts something that is not a file at `path`.
fn put(kind: &str, path: &Path) {
    match kind {
        "pipe" => mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap(),
        "socket" => drop(UnixListener::bind(path).unwrap()),
        "device" => symlink("/dev/zero", path).unwrap(),
        _ => std::fs::create_dir(path).unwrap(),
    }
}

/// A command to its end; one that waits for something is a failure.
fn end(command: &mut Command) -> Ran {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    end_of(&mut child);
    Ran::from(child.wait_with_output().unwrap())
}

/// Takes away what [`put`] put there.
fn take(path: &Path) {
    if path.is_dir() { std::fs::remove_dir(path).unwrap() } else { std::fs::remove_file(path).unwrap() }
}

/// Files of a compose, and the verbs that cannot do without them.
const FILES: [(&str, &[&str]); 9] = [
    ("STATUS", &["status", "resume", "cancel"]),
    ("logs/global/magudi-journal.jsonl", &["status", "resume", "cancel", "report"]),
    ("logs/global/magudi.lock", &["resume", "cancel"]),
    ("COMPOSE_ID", &["resume"]),
    ("logs/global/pungi.global.log", &["resume"]),
    ("work/global/composeinfo-base.json", &["resume"]),
    ("compose/metadata/composeinfo.json", &["resume"]),
    ("compose/metadata/images.json", &["resume"]),
    ("logs/global/config-dump.global.log", &["resume"]),
];

#[test]
fn files_of_a_compose() {
    let scene = Scene::new();
    scene.write_compose("", &["x86_64"], &[image("disk", "\"arches\": [\"x86_64\"]")]);
    let hub = ScriptedHub::start(&scene);
    hub.on("osbuildImage", always(Answer::Fault(1000, "no".to_owned())));
    assert_eq!(scripted_hub::run(&scene).status, Some(1));
    let compose = scripted_hub::compose(&scene).unwrap();
    let aside = scene.path().join("aside");
    for (file, verbs) in FILES {
        let path = compose.join(file);
        let was_there = std::fs::rename(&path, &aside).is_ok();
        for (kind, name) in KINDS {
            for verb in ["status", "report", "resume", "cancel"] {
                put(kind, &path);
                let ran = end(scripted_hub::command(&scene, &[verb]).arg(&compose));
                if verbs.contains(&verb) {
                    let said = ran.stderr.lines().any(|line| {
                        let reason = format!("it is {name}, not a file");
                        let is_named = line.contains(&reason) || line.ends_with("symbolic link, which is not followed");
                        line.contains(path.to_str().unwrap()) && is_named
                    });
                    assert!(said && ran.status == Some(1), "{kind} {file} {verb}: {ran:?}");
                }
                if path.symlink_metadata().is_ok() {
                    take(&path);
                }
            }
        }
        if was_there {
            std::fs::rename(&aside, &path).unwrap();
        }
    }
    assert_eq!(hub.count("osbuildImage"), 1);
}

#[test]
fn files_of_a_configuration() {
    let scene = Scene::new();
    scene.write_compose("from part import *\n", &["x86_64"], &[image("disk", "\"arches\": [\"x86_64\"]")]);
    scene.write("part.conf", "treeinfo_version = \"1\"\n");
    scene.write("scenario.json", "{}");
    let _hub = ScriptedHub::start(&scene);
    let run = ["run", "--test", "--target-dir", "target", "--koji-config", "koji.conf", "--config"];
    let commands: [(&str, Vec<&str>); 6] = [
        ("test.conf", vec!["check", "--config", "test.conf"]),
        ("part.conf", vec!["check", "--config", "test.conf"]),
        ("variants.xml", vec!["check", "--config", "test.conf"]),
        ("test.conf", [&run[..], &["test.conf"]].concat()),
        ("scenario.json", [&run[..], &["test.conf", "--simulate=scenario.json"]].concat()),
        ("koji.conf", [&run[..], &["test.conf", "--koji-user", "compose"]].concat()),
    ];
    for (file, args) in commands {
        let path = scene.path().join(file);
        let aside = scene.path().join("aside");
        std::fs::rename(&path, &aside).unwrap();
        for (kind, name) in KINDS {
            // A directory of koji configurations is as good as a file.
            if (file, kind) == ("koji.conf", "directory") {
                continue;
            }
            put(kind, &path);
            let ran = end(&mut scripted_hub::command(&scene, &args));
            let is_named =
                ran.stderr.lines().any(|line| line.contains(file) && line.contains(&format!("it is {name}")));
            assert!(is_named && ran.status == Some(1), "{kind} {args:?}: {ran:?}");
            take(&path);
        }
        std::fs::rename(&aside, &path).unwrap();
    }
    assert_eq!(scripted_hub::compose(&scene), None);
}

/// A descriptor that was opened for the program is read, however long the other end takes.
#[test]
fn a_configuration_may_come_from_an_open_descriptor() {
    let scene = Scene::new();
    scene.write_compose("", &["x86_64"], &[image("disk", "\"arches\": [\"x86_64\"]")]);
    let text = std::fs::read_to_string(scene.path().join("test.conf")).unwrap();
    let text = text.replace("variants.xml", scene.path().join("variants.xml").to_str().unwrap());
    for path in ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"] {
        let mut command = scene.command();
        command.args(["check", "--config", path]).stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stat = format!("/proc/{}/stat", child.id());
        wait_until("it does not wait for its input", || std::fs::read_to_string(&stat).unwrap().contains(") S "));
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let ran = Ran::from(child.wait_with_output().unwrap());
        assert_eq!(ran.status, Some(0), "{path}: {}", ran.stderr);
    }
}

/// Something on the volume that is not an image.
#[test]
fn an_image_of_a_build() {
    for (kind, name) in KINDS {
        let scene = Scene::new();
        scene.write_compose("", &["x86_64"], &[image("disk", "\"arches\": [\"x86_64\"]")]);
        let hub = ScriptedHub::start(&scene);
        let topdir = hub.topdir().to_path_buf();
        hub.on("listArchives", move |_, _| {
            for file in crate::program::files(&topdir).iter().filter(|file| file.extension() == Some("qcow2".as_ref()))
            {
                take(&topdir.join(file));
                put(kind, &topdir.join(file));
            }
            None
        });
        let ran = end(&mut scripted_hub::run_command(&scene, &[]));
        assert!(ran.stderr.contains(&format!("it is {name}, not a file")), "{kind}: {}", ran.stderr);
        assert_eq!(ran.status, Some(1));
    }
}
