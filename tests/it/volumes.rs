//! Files on their way from the volume into composes: links that cannot be made, one cache for many, servers that never come to an end,
//! and journals that are larger than memory should be.

use crate::program::{Ran, Scene, image};
use crate::sabotage::saboteur;
use crate::scripted_hub::{self, Answer, ScriptedHub, begin_and_kill, compose, run_command, text_of};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const JOURNAL: &str = "logs/global/magudi-journal.jsonl";

/// A compose of some images, each with `more` options of the configuration.
fn scene(options: &str, images: &[&str]) -> (Scene, ScriptedHub) {
    let scene = Scene::new();
    let images: Vec<String> = images
        .iter()
        .map(|name| image(name, &format!("\"subvariant\": \"{name}\", \"arches\": [\"x86_64\"]")))
        .collect();
    scene.write_compose(options, &["x86_64"], &images);
    let hub = ScriptedHub::start(&scene);
    (scene, hub)
}

/// The images in the one compose of a scene.
fn images(scene: &Scene) -> Vec<PathBuf> {
    let top = compose(scene).unwrap().join("compose");
    let all = crate::program::files(&top).into_iter().map(|file| top.join(file));
    all.filter(|file| file.extension() == Some("qcow2".as_ref())).collect()
}

/// A run in which hard links below the target directory fail with `error`.
fn without_links(scene: &Scene, library: &Path, error: i32) -> Ran {
    let mut command = run_command(scene, &[]);
    command.env("LD_PRELOAD", library).env("SABOTAGE_CALL", "link").env("SABOTAGE_ERRNO", error.to_string());
    // The whole path, as the program has it.
    Ran::from(command.env("SABOTAGE_DIR", scene.target()).output().unwrap())
}

#[test]
fn what_cannot_be_linked_is_copied() {
    use rustix::io::Errno;
    let dir = tempfile::tempdir().unwrap();
    let library = saboteur(dir.path());
    for error in [Errno::MLINK, Errno::NOSYS, Errno::OPNOTSUPP, Errno::XDEV, Errno::PERM] {
        let (scene, _hub) = scene("link_type = \"hardlink-or-copy\"\n", &["disk"]);
        let ran = without_links(&scene, &library, error.raw_os_error());
        assert_eq!(
            (ran.status, text_of(&scene, "STATUS").as_str()),
            (Some(0), "FINISHED\n"),
            "{error}: {}",
            ran.stderr
        );
        let all = images(&scene);
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].metadata().unwrap().nlink(), 1, "{error}: it was linked all the same");
    }
    // No copy finds room or leave where a link finds none; nor does a plain `hardlink` become one.
    for (link_type, error) in [
        ("hardlink-or-copy", Errno::ROFS),
        ("hardlink-or-copy", Errno::NOSPC),
        ("hardlink-or-copy", Errno::DQUOT),
        ("hardlink-or-copy", Errno::IO),
        ("hardlink", Errno::MLINK),
        ("hardlink", Errno::XDEV),
    ] {
        let (scene, hub) = scene(&format!("link_type = \"{link_type}\"\n"), &["disk"]);
        let ran = without_links(&scene, &library, error.raw_os_error());
        assert_eq!((ran.status, text_of(&scene, "STATUS").as_str()), (Some(1), "DOOMED\n"), "{error}: {}", ran.stderr);
        assert!(ran.stderr.contains("cannot hard link"), "{error}: {}", ran.stderr);
        // What was built is taken once there is room.
        let ran = scripted_hub::resume(&scene, &[]);
        assert_eq!(ran.status, Some(0), "{error}: {}", ran.stderr);
        assert_eq!(hub.state().tasks.len(), 1);
    }
}

/// The options of a compose that downloads, and a profile whose files come from the hub.
fn cached(scene: &Path) -> String {
    format!("koji_cache = \"{}\"\n", scene.join("cache").display())
}

#[test]
fn ten_composes_on_one_cold_cache_fetch_each_file_once() {
    let (scene, hub) = scene("", &["a", "b"]);
    let config = std::fs::read_to_string(scene.path().join("test.conf")).unwrap();
    scene.write("test.conf", &(cached(scene.path()) + &config));
    begin_and_kill(&scene, &hub, 2, &[]);
    hub.state().task_seconds = 0.0;
    // They take the same tasks, and so the same files: ten copies of one compose.
    let first = compose(&scene).unwrap();
    let copies: Vec<PathBuf> =
        (0..10).map(|n| scene.path().join(format!("copy{n}/{}", first.file_name().unwrap().display()))).collect();
    for copy in &copies {
        for file in crate::program::files(&first) {
            std::fs::create_dir_all(copy.join(&file).parent().unwrap()).unwrap();
            std::fs::copy(first.join(&file), copy.join(&file)).unwrap();
        }
    }
    hub.on("GET", |_, _| Some(Answer::Late(Duration::from_millis(500))));
    let resume = |copy: &PathBuf| {
        let mut command = scripted_hub::command(&scene, &["resume", "--quiet"]);
        command.arg(copy).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<_> = copies.iter().map(resume).collect();
    for child in children {
        let ran = Ran::from(child.wait_with_output().unwrap());
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    }
    let mut fetched: BTreeMap<String, usize> = BTreeMap::new();
    for call in hub.calls().iter().filter(|call| call.method == "GET") {
        *fetched.entry(format!("{:?}", call.params)).or_default() += 1;
    }
    assert_eq!(fetched.values().collect::<Vec<_>>(), [&1, &1], "{fetched:?}");
    for copy in copies {
        assert_eq!(std::fs::read_to_string(copy.join("STATUS")).unwrap(), "FINISHED\n");
    }
}

/// A server that knows no ranges and breaks off at two thirds and at one third in turn never gets on, and is given up.
#[test]
fn a_server_that_never_comes_to_an_end_is_given_up() {
    let (scene, hub) = scene("", &["disk"]);
    let config = std::fs::read_to_string(scene.path().join("test.conf")).unwrap();
    scene.write("test.conf", &(cached(scene.path()) + &config));
    let topdir = hub.topdir().to_path_buf();
    let mut asked = 0;
    hub.on("GET", move |_, call| {
        let path = call.params.first()?.as_str()?.strip_prefix("/kojifiles/")?.to_owned();
        let bytes = std::fs::read(topdir.join(path)).ok()?;
        let length = bytes.len();
        asked += 1;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        Some(Answer::Raw([head.as_bytes(), &bytes[..length * (1 + asked % 2) / 3]].concat()))
    });
    let ran = scripted_hub::run(&scene);
    assert_eq!((ran.status, text_of(&scene, "STATUS").as_str()), (Some(1), "DOOMED\n"), "{}", ran.stderr);
    // The first one, six more after growing pauses, and those six again after the one time that it got on.
    let times = hub.count("GET");
    assert!((7..=14).contains(&times), "{times} downloads: {}", ran.stderr);
    // Who comes again to a server that works has it.
    hub.behave();
    let ran = scripted_hub::resume(&scene, &[]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_eq!(hub.state().tasks.len(), 1);
}

/// A command to its end, and the most memory that it was seen to take, in bytes.
fn measured(command: &mut Command) -> (Ran, u64) {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let place = format!("/proc/{}/status", child.id());
    let mut most = 0;
    let status = loop {
        let text = std::fs::read_to_string(&place).unwrap_or_default();
        let peak =
            text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.trim().parse().ok());
        most = most.max(peak.unwrap_or(0_u64) * 1024);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    (Ran { status: status.code(), stdout: String::new(), stderr: String::new() }, most)
}

/// A journal is read as a stream, however long it is: here 100 MB, of which a process that keeps it would have far more.
#[test]
fn a_large_journal_takes_little_memory() {
    const LIMIT: u64 = 64 << 20;
    let (scene, hub) = scene("", &["disk"]);
    begin_and_kill(&scene, &hub, 1, &[]);
    hub.state().task_seconds = 0.0;
    let dir = compose(&scene).unwrap();
    let journal = std::fs::read_to_string(dir.join(JOURNAL)).unwrap();
    let (head, last) = journal.trim_end().rsplit_once('\n').unwrap();
    // What hours of looking at tasks leave.
    let text = "x".repeat(2000);
    let event = format!(
        "{{\"v\":1,\"t\":\"2026-11-28T09:35:09Z\",\"event\":\"message\",\"level\":\"INFO\",\"phase\":null,\"text\":\"{text}\"}}\n"
    );
    let mut file = std::io::BufWriter::new(std::fs::File::create(dir.join(JOURNAL)).unwrap());
    writeln!(file, "{head}").unwrap();
    (0..50_000).for_each(|_| file.write_all(event.as_bytes()).unwrap());
    writeln!(file, "{last}").unwrap();
    file.into_inner().unwrap().sync_all().unwrap();
    assert!(dir.join(JOURNAL).metadata().unwrap().len() > 100_000_000);
    for verb in ["status", "resume", "status"] {
        let (ran, most) = measured(scripted_hub::command(&scene, &[verb]).arg(&dir));
        assert_eq!(ran.status, Some(0), "{verb}");
        assert!(most > 0 && most < LIMIT, "{verb} took {} MiB", most >> 20);
    }
    assert_eq!(hub.state().tasks.len(), 1);
    assert_eq!(text_of(&scene, "STATUS"), "FINISHED\n");
}
