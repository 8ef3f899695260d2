//! What this machine lacks is not an image's fault: a disk that is full, or may not be written, ends a run with a message that names it,
//! and a resume takes what was built meanwhile, also of images that may fail.

use crate::program::{Scene, image};
use crate::sabotage::saboteur;
use crate::scripted_hub::{ScriptedHub, compose, resume, run_command, text_of};
use magudi_koji::Value;
use magudi_koji::calls::TaskState;
use rustix::io::Errno;
use std::path::Path;
use std::process::Command;

/// On a disk that is full, full for this user, or may only be read.
const ERRORS: [Errno; 3] = [Errno::NOSPC, Errno::DQUOT, Errno::ROFS];
/// Whatever is done.
const NEIGHBOURS: [Errno; 3] = [Errno::MFILE, Errno::NFILE, Errno::NOMEM];

/// Two images that may fail; the task of the second one stays open.
fn scene(options: &str) -> (Scene, ScriptedHub) {
    let scene = Scene::new();
    let images = ["one", "two"].map(|name| {
        image(name, &format!("\"subvariant\": \"{name}\", \"arches\": [\"x86_64\"], \"failable\": [\"*\"]"))
    });
    let cache = scene.path().join("cache").display().to_string();
    scene.write_compose(&options.replace("CACHE", &cache), &["x86_64"], &images);
    let hub = ScriptedHub::start(&scene);
    hub.edit("osbuildImage", |state, call, _| {
        let is_first = call.params.first().and_then(magudi_koji::Value::as_str) == Some("one");
        if is_first {
            let task = state.tasks.keys().copied().max().unwrap();
            state.finish(task);
        }
    });
    hub.state().task_seconds = f64::INFINITY;
    (scene, hub)
}

/// A run on a machine that lacks something.
fn runs_into(scene: &Scene, hub: &ScriptedHub, library: &Path, variables: &[(&str, &str)], says: &[&str]) {
    let mut command: Command = run_command(scene, &[]);
    let output = command.env("LD_PRELOAD", library).envs(variables.iter().copied()).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{variables:?}: {stderr}");
    for part in says {
        assert!(stderr.contains(part), "{variables:?}: {part:?} is not in {stderr}");
    }
    assert_eq!(text_of(scene, "STATUS"), "DOOMED\n", "{variables:?}: {stderr}");
    let journal = text_of(scene, "logs/global/magudi-journal.jsonl");
    assert!(!journal.contains("request-failed") && !stderr.contains("Failed osbuild"), "{variables:?}: {stderr}");
    assert_eq!(hub.count("cancelTask"), 0, "{variables:?}: {stderr}");
}

/// There is room again: every image is there, and was asked for once.
fn is_made_up_for(scene: &Scene, hub: &ScriptedHub) {
    hub.state().task_seconds = 0.0;
    let ran = resume(scene, &[]);
    assert_eq!((ran.status, text_of(scene, "STATUS").as_str()), (Some(0), "FINISHED\n"), "{}", ran.stderr);
    let manifest = text_of(scene, "compose/metadata/images.json");
    assert!(["one-9.2-1", "two-9.2-1"].iter().all(|name| manifest.contains(name)), "{manifest}");
    assert_eq!(hub.state().tasks.len(), 2, "{}", ran.stderr);
}

#[test]
fn no_room_in_the_cache_and_none_in_the_compose() {
    let dir = tempfile::tempdir().unwrap();
    let library = saboteur(dir.path());
    for error in ERRORS.into_iter().chain(NEIGHBOURS) {
        let number = error.raw_os_error().to_string();
        let text = std::io::Error::from(error).to_string();
        for (options, call) in [
            ("koji_cache = \"CACHE\"\n", "full"),
            ("link_type = \"copy\"\n", "full"),
            ("link_type = \"hardlink\"\n", "link"),
            ("link_type = \"hardlink-or-copy\"\n", "link"),
        ] {
            if NEIGHBOURS.contains(&error) && options != "link_type = \"hardlink\"\n" {
                continue;
            }
            let (scene, hub) = scene(options);
            let place = if options.contains("cache") {
                scene.path().join("cache")
            } else {
                scene.target().join("Test-9.2-20240229.t.0/compose/Server")
            };
            let place = place.display().to_string();
            let how = if call == "full" { ("SABOTAGE_HOW", "full") } else { ("SABOTAGE_CALL", call) };
            let variables = [("SABOTAGE_DIR", place.as_str()), ("SABOTAGE_AT", "1"), how, ("SABOTAGE_ERRNO", &number)];
            let says = [text.as_str(), place.as_str(), "no task was canceled", "resume the compose"];
            runs_into(&scene, &hub, &library, &variables, &says);
            assert_eq!(hub.state().tasks[&1001].state, TaskState::Open, "{variables:?}");
            is_made_up_for(&scene, &hub);
        }
    }
}

/// A volume that is not mounted any more is not an image's fault either, whether its directory is gone or empty.
#[test]
fn a_volume_that_vanishes() {
    for is_empty in [true, false] {
        let (scene, hub) = scene("");
        let (there, away) = (hub.topdir().to_path_buf(), scene.path().join("away"));
        hub.edit("listArchives", move |_, _, _| {
            if !there.join("packages").is_dir() {
                return;
            }
            std::fs::rename(&there, &away).unwrap();
            if is_empty {
                std::fs::create_dir(&there).unwrap();
            }
        });
        let output = run_command(&scene, &[]).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), text_of(&scene, "STATUS").as_str()), (Some(1), "DOOMED\n"), "{stderr}");
        let why = if is_empty { "is empty: nothing is mounted there" } else { "there is no directory" };
        for part in ["the Koji volume is missing", why, "resume the compose"] {
            assert!(stderr.contains(part), "{part:?} is not in {stderr}");
        }
        assert!(!text_of(&scene, "logs/global/magudi-journal.jsonl").contains("request-failed"), "{stderr}");
        let _ = std::fs::remove_dir(hub.topdir());
        std::fs::rename(scene.path().join("away"), hub.topdir()).unwrap();
        hub.behave();
        is_made_up_for(&scene, &hub);
    }
}

/// What cannot be recorded is not sent, and no image is said to be refused for it.
#[test]
fn no_room_for_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    let library = saboteur(dir.path());
    for error in ERRORS {
        let (scene, hub) = scene("");
        let number = error.raw_os_error().to_string();
        // The plan, the status, the login: then the first submission is recorded.
        let at = "8";
        let variables = [
            ("SABOTAGE_FILE", "logs/global/magudi-journal.jsonl"),
            ("SABOTAGE_AT", at),
            ("SABOTAGE_HOW", "full"),
            ("SABOTAGE_ERRNO", number.as_str()),
        ];
        let text = std::io::Error::from(error).to_string();
        runs_into(&scene, &hub, &library, &variables, &["cannot write the journal", &text, "resume the compose"]);
        assert!(hub.state().tasks.len() <= 1);
        is_made_up_for(&scene, &hub);
    }
}

/// A cache that others fill may be one that we cannot even touch.
#[test]
fn a_cache_that_may_only_be_read_is_good_for_what_is_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let library = saboteur(dir.path());
    for (error, status) in [(Errno::ROFS, "FINISHED\n"), (Errno::IO, "FINISHED_INCOMPLETE\n")] {
        let (scene, hub) = scene("koji_cache = \"CACHE\"\nlink_type = \"copy\"\n");
        hub.state().task_seconds = 0.0;
        let run = || run_command(&scene, &[]);
        assert!(run().output().unwrap().status.success());
        let files = hub.count("GET");
        std::fs::remove_dir_all(compose(&scene).unwrap()).unwrap();
        {
            // The same tasks again make the same files.
            let mut state = hub.state();
            state.builds.clear();
            state.tasks.clear();
            (state.next_task, state.next_build) = (1000, 500);
        }
        let mut command = run();
        command
            .env("LD_PRELOAD", &library)
            .env("SABOTAGE_CALL", "futimens")
            .env("SABOTAGE_DIR", scene.path().join("cache"));
        let output = command.env("SABOTAGE_ERRNO", error.raw_os_error().to_string()).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), text_of(&scene, "STATUS").as_str()), (Some(0), status), "{stderr}");
        assert_eq!(hub.count("GET"), files, "what is there was fetched: {stderr}");
    }
}

/// The hub says how large a file is, and the file system how much room it has: what does not fit is not begun.
#[test]
fn a_file_that_does_not_fit_is_not_fetched() {
    let (scene, hub) = scene("koji_cache = \"CACHE\"\n");
    let room = rustix::fs::statvfs(scene.path()).unwrap();
    let total = i64::try_from(room.f_blocks * room.f_frsize).unwrap();
    hub.edit("listArchives", move |_, _, value| {
        let Value::Array(items) = value else { return };
        for item in items {
            if let Value::Struct(members) = item {
                members.insert("size".to_owned(), Value::Int64(total));
            }
        }
    });
    let ran = run_command(&scene, &[]).output().unwrap();
    let stderr = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(1), "{stderr}");
    for part in
        ["no room for ", "/cache/", " on the file system ", " are free; it was not fetched", "no task was canceled"]
    {
        assert!(stderr.contains(part), "{part:?} is not in {stderr}");
    }
    assert_eq!(hub.count("GET"), 0, "{stderr}");
    assert!(!text_of(&scene, "logs/global/magudi-journal.jsonl").contains("request-failed"), "{stderr}");
    assert!(text_of(&scene, "logs/global/report.html").contains("no room for "), "the report says it");
    hub.behave();
    is_made_up_for(&scene, &hub);
}
