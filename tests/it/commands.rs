//! The verbs as a user meets them, on the examples of the repository.

use crate::program::Scene;
use magudi_testkit::{repository, wait_until};
use serde_json::Value as Json;

fn example(name: &str) -> String {
    repository().join("examples").join(name).display().to_string()
}

fn json(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn the_examples_have_no_problems() {
    let scene = Scene::new();
    for config in ["minimal/minimal.conf", "fedora/fedora.conf"] {
        let ran = scene.run(["check", "--strict", "--config", &example(config)]);
        assert_eq!(ran.status, Some(0), "{config}: {}", ran.stderr);
        let ran = scene.run(["check", "--format", "json", "--config", &example(config)]);
        let report = json(&ran.stdout);
        assert_eq!(report["errors"], Json::Array(Vec::new()), "{config}");
    }
}

#[cfg(feature = "jemalloc")]
#[test]
fn the_allocator_finds_its_options() {
    let asked = Scene::new().command().arg("--version").env("_RJEM_MALLOC_CONF", "confirm_conf:true").output().unwrap();
    let said = String::from_utf8_lossy(&asked.stderr);
    for option in ["narenas:1", "dirty_decay_ms:300"] {
        assert!(said.contains(&format!("Set conf value: {option}\n")), "{said}");
    }
}

#[test]
fn a_plan_is_what_a_run_submits() {
    let scene = Scene::new();
    let target = scene.target().display().to_string();
    let options = ["--config", &example("fedora/fedora.conf"), "--target-dir", &target, "--nightly"];
    let ran = scene.run([&["plan", "--format", "json"], &options[..]].concat());
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let plan = json(&ran.stdout);
    let requests = plan["requests"].as_array().unwrap();
    assert!(requests.len() >= 25, "{} requests", requests.len());
    assert_eq!(std::fs::read_dir(scene.target()).unwrap().count(), 0, "a plan creates nothing");

    let ran = scene.run([&["run", "--simulate", "--print-output-dir"], &options[..]].concat());
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let compose_id = plan["compose_id"].as_str().unwrap();
    assert_eq!(ran.stdout, format!("Compose dir: {target}/{compose_id}\n"));
    let log = scene.made(&format!("{compose_id}/logs/global/magudi-journal.jsonl")).unwrap();
    let submitted: Vec<Json> = log.lines().map(json).filter(|line| line["event"] == "planned").collect();
    assert_eq!(submitted.len(), requests.len());
    assert_eq!(log.matches("\"submitted\"").count(), requests.len());
    for (event, request) in submitted.iter().zip(requests) {
        let args = request["args"].as_array().unwrap();
        let keyword = |name: &str| request["kwargs"][name] == event["name"];
        let named = args.contains(&event["name"]) || keyword("name") || keyword("profile");
        assert!(named, "{event} {request}");
        assert!(args.contains(&event["arches"]), "{event} {request}");
        assert_eq!(event["variant"], request["variant"]);
    }
    let status = scene.made(&format!("{compose_id}/STATUS")).unwrap();
    assert!(status.starts_with("FINISHED"), "{status}");
    let images = json(&scene.made(&format!("{compose_id}/compose/metadata/images.json")).unwrap());
    assert!(images["payload"]["images"].as_object().unwrap().len() >= 5);
}

#[test]
fn a_second_compose_of_the_day_gets_the_next_respin() {
    let scene = Scene::new();
    let target = scene.target().display().to_string();
    let options =
        ["run", "--config", &example("minimal/minimal.conf"), "--target-dir", &target, "--test", "--simulate"];
    for respin in 0..2 {
        assert_eq!(scene.run(options).status, Some(0));
        let link = std::fs::read_dir(scene.target())
            .unwrap()
            .flatten()
            .find(|entry| entry.file_name().to_string_lossy().starts_with("latest-"))
            .unwrap();
        let points_to = std::fs::read_link(link.path()).unwrap().display().to_string();
        assert!(points_to.ends_with(&format!(".t.{respin}")), "{points_to}");
    }
}

#[test]
fn production_needs_a_label() {
    let scene = Scene::new();
    let target = scene.target().display().to_string();
    let options = ["run", "--config", &example("minimal/minimal.conf"), "--target-dir", &target, "--simulate"];
    let ran = scene.run(options);
    assert_eq!(ran.status, Some(2));
    assert!(ran.stderr.contains("--label"), "{}", ran.stderr);
    let ran = scene.run([&options[..], &["--label", "RC-1.0"]].concat());
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
}

#[test]
fn a_configuration_is_dumped_with_defaults_or_as_it_is() {
    let scene = Scene::new();
    let config = scene.write("a.conf", "release_name = \"A %s\" % who\nrelease_short = \"A\"\n");
    let config = config.display().to_string();
    let ran = scene.run(["config", "dump", "--config", &config, "--just-dump", "-e", "who=B"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let dump = json(&ran.stdout);
    assert_eq!(dump["release_name"], "A B");
    let ran = scene.run(["config", "dump", "--config", &config, "-e", "who=B"]);
    assert_eq!(ran.status, Some(1));
    assert!(ran.stderr.contains("release_version"), "{}", ran.stderr);
    let ran = scene.run(["config", "dump", "--config", &example("minimal/minimal.conf")]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_eq!(json(&ran.stdout)["link_type"], "hardlink-or-copy");
    assert_eq!(scene.run(["config", "dump", "--config", &config, "-e", "who"]).status, Some(2));
    // Numbers are in the order of numbers, as in Pungi's dump.
    let numbers =
        scene.write("numbers.conf", "a = {10: 1, 9: 2, -1: 3}\nb = {2.5: 1, False: 2}\n").display().to_string();
    let ran = scene.run(["config", "dump", "--config", &numbers, "--just-dump"]);
    let keys: Vec<&str> =
        ran.stdout.lines().filter_map(|line| line.trim().strip_prefix('"')?.split('"').next()).collect();
    assert_eq!(keys, ["a", "-1", "9", "10", "b", "false", "2.5"], "{}", ran.stdout);
}

#[test]
fn help_and_version_are_answers() {
    let scene = Scene::new();
    let version = format!("magudi {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(scene.run(["-V"]).stdout, version);
    let long = scene.run(["--version"]).stdout;
    let feature =
        |name: &str, is: bool| long.split("without").position(|part| part.contains(name)) == Some(usize::from(!is));
    assert!(long.starts_with(&version) && long.lines().count() == 2, "{long}");
    assert!(feature("simulator", cfg!(feature = "simulator")) && feature("gssapi", cfg!(feature = "gssapi")), "{long}");
    for verb in ["run", "plan", "check", "hub"] {
        let ran = scene.run([verb, "--help"]);
        assert_eq!(ran.status, Some(0));
        assert!(ran.stdout.contains("Usage: magudi"), "{}", ran.stdout);
    }
    assert_eq!(scene.run(["compose"]).status, Some(2));
}

#[test]
fn a_quiet_run_says_nothing() {
    let scene = Scene::new();
    let target = scene.target().display().to_string();
    let config = example("minimal/minimal.conf");
    let ran = scene.run(["run", "--config", &config, "--target-dir", &target, "--test", "--simulate", "--quiet"]);
    assert_eq!((ran.status, ran.stdout.as_str(), ran.stderr.as_str()), (Some(0), "", ""));
}

#[test]
fn a_signal_cancels_the_tasks_and_terminates_the_compose() {
    let scene = Scene::new();
    let target = scene.target().display().to_string();
    let scenario = scene.write("scenario.json", r#"{"task_seconds": 600}"#);
    let config = example("minimal/minimal.conf");
    let simulate = format!("--simulate={}", scenario.display());
    let child = scene
        .command()
        .args(["run", "--config", &config, "--target-dir", &target, "--test", &simulate])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let compose = || std::fs::read_dir(scene.target()).unwrap().flatten().next().map(|entry| entry.path());
    let submitted = || compose().is_some_and(|dir| dir.join("logs/global/koji-tasks").exists());
    wait_until("nothing is submitted", submitted);
    let id = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("signal 15"), "{text}");
    assert_eq!(std::fs::read_to_string(compose().unwrap().join("STATUS")).unwrap(), "TERMINATED\n");
}

/// A zone without changes as the files of the time zone database have it.
fn zone(utc_offset_hours: i32) -> Vec<u8> {
    let block = |version: &[u8]| {
        let counts: [u32; 6] = [0, 0, 0, 0, 1, 4];
        let mut block = [b"TZif", version, &[0; 15]].concat();
        block.extend(counts.iter().flat_map(|count| count.to_be_bytes()));
        block.extend((utc_offset_hours * 3600).to_be_bytes());
        block.extend([0, 0]);
        block.extend(b"XXX\0");
        block
    };
    let footer = format!("\n<XXX>{}\n", -utc_offset_hours);
    [block(b"2"), block(b"2"), footer.into_bytes()].concat()
}

/// The date of a compose is that of the machine's time zone, also where `TZ` names it.
#[test]
fn the_date_is_that_of_the_time_zone() {
    let scene = Scene::new();
    scene.write_compose("", &["x86_64"], &[crate::program::image("disk", "\"arches\": [\"x86_64\"]")]);
    std::fs::create_dir_all(scene.path().join("zones/Far")).unwrap();
    // 26 hours apart, so that it is never the same day in both.
    let dates = [("East", 14), ("West", -12)].map(|(name, hours)| {
        std::fs::write(scene.path().join("zones/Far").join(name), zone(hours)).unwrap();
        let mut command = scene.command();
        command
            .env_remove("SOURCE_DATE_EPOCH")
            .env("TZDIR", scene.path().join("zones"))
            .env("TZ", format!("Far/{name}"));
        command.args(["plan", "--format", "json", "--config", "test.conf", "--test", "--target-dir", "target"]);
        let plan = String::from_utf8(command.output().unwrap().stdout).unwrap();
        plan.split("Test-9.2-").nth(1).and_then(|rest| rest.get(..8)).map(str::to_owned).expect("a compose id")
    });
    assert!(dates[0] > dates[1], "{dates:?}");
}

/// A report goes where the path leads that it is given: through a link, and into what is no file.
#[test]
fn a_report_replaces_files_only() {
    use std::os::unix::fs::FileTypeExt as _;
    let scene = Scene::new();
    scene.write_compose("", &["x86_64"], &[crate::program::image("disk", "\"arches\": [\"x86_64\"]")]);
    let ran =
        scene.run(["run", "--config", "test.conf", "--test", "--compose-dir", "target/c", "--simulate", "--quiet"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let path = |name: &str| scene.path().join(name);
    std::os::unix::fs::symlink("real.html", path("link")).unwrap();
    let fifo = path("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let reader = std::thread::spawn({
        let fifo = fifo.clone();
        move || std::fs::read_to_string(fifo).unwrap()
    });
    for (to, again) in [("plain.html", true), ("link", true), ("fifo", false)] {
        for _ in 0..=usize::from(again) {
            let ran = scene.run(["report", "target/c", "-o", to]);
            assert_eq!(ran.status, Some(0), "{to}: {}", ran.stderr);
        }
    }
    assert!(reader.join().unwrap().contains("</html>"));
    assert!(std::fs::symlink_metadata(&fifo).unwrap().file_type().is_fifo());
    assert!(path("link").is_symlink() && path("real.html").metadata().unwrap().len() > 10_000);
    assert!(!path("plain.html").is_symlink() && path("plain.html").metadata().unwrap().len() > 10_000);
    // In a compose no link is followed.
    let own = path("target/c/logs/global/report.html");
    std::fs::remove_file(&own).unwrap();
    std::os::unix::fs::symlink(path("planted.html"), &own).unwrap();
    assert_eq!(scene.run(["report", "target/c"]).status, Some(0));
    assert!(!own.is_symlink() && !path("planted.html").exists());
}
