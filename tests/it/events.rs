//! The events that other programs read: every kind is what `docs/schemas/events.schema.json` says, and a run writes them.

use crate::program::{Hub, Ran, Scene};
use crate::schema::{Schemas, members};
use magudi_compose::CloudUpload;
use magudi_engine::artifact::FailedArch;
use magudi_engine::causes::Cause;
use magudi_engine::event::{Event, ImageEntry, Level, PungiPhase, Stamped};
use magudi_engine::login::Login;
use magudi_engine::outage::Outage;
use magudi_testkit::{repository, wait_for};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

const SCHEMA: &str = "events.schema.json";

/// One event of each kind with every member it can have. A new kind does not compile until it has one.
fn samples() -> Vec<Event> {
    let text = |text: &str| text.to_owned();
    let image = ImageEntry {
        arch: text("x86_64"),
        image_type: text("qcow2"),
        format: text("qcow2"),
        subvariant: text("Server"),
        path: text("Server/x86_64/images/a.qcow2"),
        size: 1,
        mtime: 2,
        checksums: [("sha256".into(), "00".into())].into_iter().collect(),
        bootable: true,
        volume_id: Some(text("V")),
        implant_md5: Some("0".repeat(32)),
    };
    let upload = CloudUpload {
        variant: text("Server"),
        arch: text("x86_64"),
        subvariant: text("Server"),
        image: text("disk"),
        image_type: text("ec2"),
        nvr: Some(text("disk-1-1")),
        task_id: 1,
        build_id: Some(2),
        provider: Some(text("aws")),
        status: text("success"),
        options: [(text("ami"), text("ami-1")), (text("region"), text("r"))].into(),
        reason: Some(text("none")),
    };
    let all = vec![
        Event::ComposeStarted {
            compose_id: text("C"),
            compose_dir: "/c".into(),
            requests: 1,
            settings: json!({}),
            fresh: true,
        },
        Event::Planned {
            log: Some(text("l")),
            request: 0,
            key: text("k-1"),
            phase: text("osbuild"),
            name: text("disk"),
            variant: text("Server"),
            arches: vec![text("x86_64")],
            failable: true,
            subvariant: text("Server"),
            image_type: text("qcow2"),
            nvr: text("disk-1-1"),
            method: text("osbuildImage"),
            manifest_type: Some(text("raw")),
        },
        Event::LoggedIn(Login {
            server: text("https://koji.example.com/kojihub"),
            profile: text("koji"),
            user: Some(text("compose")),
            user_id: Some(3),
        }),
        Event::HubUnreachable(Outage {
            call: text("getTaskInfo"),
            reason: text("r"),
            since: jiff::Timestamp::UNIX_EPOCH,
            until: Some(jiff::Timestamp::UNIX_EPOCH),
        }),
        Event::HubBack { seconds: 190 },
        Event::Diagnostic {
            id: text("MG001"),
            severity: text("warning"),
            message: text("m"),
            path: text("osbuild"),
            file: Some(text("a.conf")),
            line: Some(1),
            column: Some(1),
            help: Some(text("h")),
        },
        Event::LeftOut { text: text("t") },
        Event::Status { status: text("STARTED") },
        Event::PhaseStarted { phase: text("osbuild") },
        Event::PhaseFinished { phase: text("osbuild"), seconds: 1 },
        Event::PhaseSkipped { phase: text("osbuild"), reason: text("r") },
        Event::PungiStarted { command: vec![text("pungi-koji")], pid: Some(7), birth: Some(text("b")) },
        Event::PungiPhase { phase: text("createrepo"), state: PungiPhase::Finished },
        Event::PungiStatus { status: text("FINISHED") },
        Event::PungiEnded { code: Some(1), signal: Some(9), reason: Some(text("r")) },
        Event::Message { level: Level::Info, phase: Some(text("osbuild")), text: text("t") },
        Event::Submitting {
            what: String::new(),
            request: 0,
            phase: text("osbuild"),
            variant: text("Server"),
            hub_time: Some(jiff::Timestamp::UNIX_EPOCH),
        },
        Event::AnswerLost { request: 0, executed: true },
        Event::Withdrawn { request: 0 },
        Event::Adopted { request: 0, task: 1, url: text("u"), named: true },
        Event::Kept { request: 0, task: 1, images: 1 },
        Event::Submitted { request: 0, task: 1, url: text("u") },
        Event::TaskState { request: 0, task: 1, state: text("OPEN") },
        Event::Built { request: 0, task: 1, build: 2, nvr: text("disk-1-1") },
        Event::FetchStarted { request: 0, file: text("f"), size: 1 },
        Event::FetchProgress { request: 0, file: text("f"), bytes: 1 },
        Event::ImageAdded { request: 0, variant: text("Server"), image },
        Event::CloudUpload { request: 0, upload },
        Event::ArchFailed {
            what: String::new(),
            request: 0,
            phase: text("live_media"),
            variant: text("Server"),
            name: text("Live"),
            subvariant: text("KDE"),
            failed: FailedArch {
                arch: text("aarch64"),
                task: Some(2),
                url: Some(text("http://h/2")),
                reason: text("no"),
            },
        },
        Event::RequestDone {
            what: String::new(),
            request: 0,
            phase: text("osbuild"),
            variant: text("Server"),
            task: 1,
            images: Some(1),
        },
        Event::RequestFailed {
            what: String::new(),
            request: 0,
            phase: text("osbuild"),
            variant: text("Server"),
            name: text("disk"),
            task: Some(1),
            failable: true,
            error: text("e"),
            reason: Some(text("r")),
            url: Some(text("u")),
            causes: vec![Cause {
                arch: text("x86_64"),
                chains: vec![vec![text("a"), text("b")]],
                task: Some(2),
                url: Some(text("u")),
                log: Some(text("l")),
            }],
            argument: Some(text("opts")),
            in_doubt: true,
        },
        Event::RequestRetried {
            request: 0,
            phase: text("osbuild"),
            variant: text("Server"),
            name: text("disk"),
            task: 1,
            url: text("u"),
            retry: 1,
            retries: 2,
            error: text("e"),
            reason: Some(text("r")),
            causes: vec![Cause { arch: text("x86_64"), chains: vec![vec![text("a")]], ..Cause::default() }],
        },
        Event::TaskCanceled { request: 0, task: 1 },
        Event::Interrupted { signal: 2, tasks: 28, detached: true },
        Event::ComposeCanceled { by: Some(text("releng")) },
        Event::ComposeFinished { status: text("DOOMED"), error: Some(text("e")) },
    ];
    let names: BTreeSet<&str> = all.iter().map(name).collect();
    assert_eq!(names.len(), all.len(), "each kind once");
    all
}

/// The kebab-case name by the kind, so that the compiler knows when one is missing here.
fn name(event: &Event) -> &'static str {
    match event {
        Event::ComposeStarted { .. } => "compose-started",
        Event::LoggedIn(_) => "logged-in",
        Event::HubUnreachable(_) => "hub-unreachable",
        Event::HubBack { .. } => "hub-back",
        Event::Planned { .. } => "planned",
        Event::Diagnostic { .. } => "diagnostic",
        Event::LeftOut { .. } => "left-out",
        Event::Status { .. } => "status",
        Event::PhaseStarted { .. } => "phase-started",
        Event::PhaseFinished { .. } => "phase-finished",
        Event::PhaseSkipped { .. } => "phase-skipped",
        Event::PungiStarted { .. } => "pungi-started",
        Event::PungiPhase { .. } => "pungi-phase",
        Event::PungiStatus { .. } => "pungi-status",
        Event::PungiEnded { .. } => "pungi-ended",
        Event::Message { .. } => "message",
        Event::Submitting { .. } => "submitting",
        Event::AnswerLost { .. } => "answer-lost",
        Event::Withdrawn { .. } => "withdrawn",
        Event::Adopted { .. } => "adopted",
        Event::Kept { .. } => "kept",
        Event::Submitted { .. } => "submitted",
        Event::TaskState { .. } => "task-state",
        Event::Built { .. } => "built",
        Event::FetchStarted { .. } => "fetch-started",
        Event::FetchProgress { .. } => "fetch-progress",
        Event::ImageAdded { .. } => "image-added",
        Event::CloudUpload { .. } => "cloud-upload",
        Event::ArchFailed { .. } => "arch-failed",
        Event::RequestDone { .. } => "request-done",
        Event::RequestFailed { .. } => "request-failed",
        Event::RequestRetried { .. } => "request-retried",
        Event::TaskCanceled { .. } => "task-canceled",
        Event::Interrupted { .. } => "interrupted",
        Event::ComposeCanceled { .. } => "compose-canceled",
        Event::ComposeFinished { .. } => "compose-finished",
    }
}

fn line(event: Event) -> Json {
    let time = "2024-02-29T00:00:00.5Z".parse().expect("a time");
    serde_json::from_str(&Stamped { time, event }.to_json_line()).expect("a line of JSON")
}

#[test]
fn every_kind_is_in_the_schema_with_every_member() {
    let schemas = Schemas::load();
    let defs = &schemas.file(SCHEMA)["$defs"];
    let mut described = BTreeSet::new();
    for event in samples() {
        let name = name(&event);
        let line = line(event);
        assert_eq!(line["event"], name);
        assert_eq!(schemas.problems(SCHEMA, &line), Vec::<String>::new(), "{line}");
        let properties = defs[name]["properties"].as_object().unwrap_or_else(|| panic!("{name} is not described"));
        let missing: Vec<&String> = properties.keys().filter(|member| line.get(member).is_none()).collect();
        assert!(missing.is_empty(), "the schema describes {missing:?} of {name}, which is never written");
        described.insert(name);
    }
    let choices = schemas.file(SCHEMA)["oneOf"].as_array().expect("a list").len();
    assert_eq!(choices, described.len(), "the schema describes an event that does not exist");
    let text = std::fs::read_to_string(repository().join("docs/events.md")).expect("docs/events.md");
    for name in described {
        assert!(text.contains(&format!("`{name}`")), "docs/events.md does not speak of {name}");
    }
}

#[test]
fn required_members_are_those_that_are_always_written() {
    let schemas = Schemas::load();
    let bare = line(Event::RequestFailed {
        what: String::new(),
        request: 0,
        phase: String::new(),
        variant: String::new(),
        name: String::new(),
        task: None,
        failable: false,
        error: String::new(),
        reason: None,
        url: None,
        causes: Vec::new(),
        argument: None,
        in_doubt: false,
    });
    assert_eq!(schemas.problems(SCHEMA, &bare), Vec::<String>::new(), "{bare}");
    for event in samples() {
        let whole = line(event);
        let required = &schemas.file(SCHEMA)["$defs"][whole["event"].as_str().expect("a name")]["required"];
        for member in required.as_array().expect("a list").iter().filter_map(Json::as_str) {
            let mut without = whole.clone();
            without.as_object_mut().expect("an object").remove(member);
            assert!(!schemas.problems(SCHEMA, &without).is_empty(), "{member} may be missing in {whole}");
        }
        assert!(members(&whole).len() > 3, "{whole}");
    }
}

/// The events in a text of lines; each is what the schema says.
fn checked(text: &str) -> Vec<Json> {
    let schemas = Schemas::load();
    let events: Vec<Json> =
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect();
    for event in &events {
        assert_eq!(schemas.problems(SCHEMA, event), Vec::<String>::new(), "{event}");
    }
    events
}

fn of<'a>(events: &'a [Json], name: &str) -> Vec<&'a Json> {
    events.iter().filter(|event| event["event"] == name).collect()
}

#[test]
fn a_run_writes_its_events_to_a_file_and_a_resume_more_of_them() {
    let scene = Scene::new();
    scene.write("scenario.json", r#"{"fail": {"Fedora-Server-VMware": {"out": "no"}}}"#);
    let hub = Hub::start(&scene, &["--scenario", "scenario.json"]);
    let config = repository().join("examples/minimal/minimal.conf").display().to_string();
    let run = |args: &[&str]| {
        let koji = ["--koji-config", "koji.conf", "--koji-profile", "devhub", "--koji-user", "compose"];
        let command = &mut scene.command();
        let command = command.args(args).args(koji).args(["--events", "events.jsonl"]);
        Ran::from(command.env("MAGUDI_KOJI_PASSWORD", "composepass").output().expect("the program starts"))
    };
    let target = scene.target().display().to_string();
    let ran = run(&["run", "--config", &config, "--target-dir", &target, "--test"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let text = std::fs::read_to_string(scene.path().join("events.jsonl")).expect("the events");
    let events = checked(&text);
    let started = of(&events, "compose-started")[0].clone();
    let requests = of(&events, "planned").len();
    assert!(requests > 0);
    assert_eq!(of(&events, "request-done").len(), requests);
    let bytes = |name: &str, member: &str| -> u64 {
        of(&events, name).iter().map(|event| event.pointer(member).and_then(Json::as_u64).unwrap_or(0)).sum()
    };
    assert_eq!(bytes("fetch-progress", "/bytes"), bytes("image-added", "/image/size"), "no byte is lost on the way");
    assert_eq!(of(&events, "compose-finished").len(), 1);

    let compose = started["compose_dir"].as_str().expect("a directory").to_owned();
    // The journal is the same stream but for what moves: of a request's files the first that is fetched is enough.
    let journal = std::fs::read_to_string(format!("{compose}/logs/global/magudi-journal.jsonl")).expect("a journal");
    let mut fetching = std::collections::BTreeSet::new();
    let mut stands = |event: &Json| match event["event"].as_str() {
        Some("message" | "fetch-progress") => false,
        Some("fetch-started") => fetching.insert(event["request"].as_u64()),
        _ => true,
    };
    let still: Vec<Json> = events.iter().filter(|event| stands(event)).cloned().collect();
    assert_eq!(checked(&journal), still);

    std::fs::write(format!("{compose}/STATUS"), "STARTED\n").expect("a compose that did not finish");
    let ran = run(&["resume", &compose]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let more = std::fs::read_to_string(scene.path().join("events.jsonl")).expect("the events");
    assert!(more.starts_with(&text), "a resume appends");
    assert_eq!(of(&checked(&more), "kept").len(), requests);
    drop(hub);
}

#[test]
fn events_on_standard_output_and_nothing_else_there() {
    let scene = Scene::new();
    let config = repository().join("examples/minimal/minimal.conf").display().to_string();
    let target = scene.target().display().to_string();
    let args = ["run", "--config", &config, "--target-dir", &target, "--test", "--simulate", "--quiet"];
    let ran = scene.run([&args[..], &["--events", "-"]].concat());
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
    let events = checked(&ran.stdout);
    assert_eq!(of(&events, "compose-finished")[0]["status"], "FINISHED");

    let both = scene.run([&args[..], &["--events", "-", "--print-output-dir"]].concat());
    assert_eq!(both.status, Some(2));
    assert!(both.stderr.contains("--print-output-dir"), "{}", both.stderr);
    let nowhere = scene.run([&args[..], &["--events", "/nonexistent/events"]].concat());
    assert_eq!(nowhere.status, Some(1));
    assert!(nowhere.stderr.contains("cannot write events to /nonexistent/events"), "{}", nowhere.stderr);
    assert_eq!(std::fs::read_dir(scene.target()).expect("the target").count(), 2, "one compose and its latest link");
}

#[test]
fn a_reader_that_goes_away_does_not_end_the_compose() {
    let scene = Scene::new();
    let config = repository().join("examples/fedora/fedora.conf").display().to_string();
    let target = scene.target().display().to_string();
    let mut child = scene
        .command()
        .args(["run", "--config", &config, "--target-dir", &target, "--nightly", "--simulate", "--quiet"])
        .args(["--events", "-"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("an end");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn another_terminal_watches_a_run_to_its_end() {
    let scene = Scene::new();
    let scenario = scene.write("scenario.json", r#"{"task_seconds": [1, 2]}"#);
    let config = repository().join("examples/minimal/minimal.conf").display().to_string();
    let target = scene.target().display().to_string();
    let simulate = format!("--simulate={}", scenario.display());
    let mut child = scene
        .command()
        .args(["run", "--config", &config, "--target-dir", &target, "--test", "--quiet", &simulate])
        .spawn()
        .expect("the program starts");
    let begun = || {
        let made = std::fs::read_dir(scene.target()).expect("the target").flatten().map(|entry| entry.path());
        made.filter(|path| !path.is_symlink()).find(|path| {
            let journal = std::fs::read_to_string(path.join("logs/global/magudi-journal.jsonl"));
            journal.is_ok_and(|text| text.contains("\"submitted\""))
        })
    };
    let compose = wait_for("nothing is submitted", begun);
    let watched = scene.run(["status".as_ref(), compose.as_os_str(), "--watch".as_ref()]);
    assert_eq!(watched.status, Some(0), "{}", watched.stderr);
    assert!(watched.stdout.contains("PHASE: OSBUILD"), "{}", watched.stdout);
    for part in ["[BEGIN] OSBuild task for variant ", "[DONE ] OSBuild task for variant "] {
        assert!(watched.stdout.contains(part), "{}", watched.stdout);
    }
    assert!(watched.stdout.trim_end().ends_with("Compose finished: FINISHED"), "{}", watched.stdout);
    assert_eq!(child.wait().expect("an end").code(), Some(0));
    let again = scene.run(["status".as_ref(), compose.as_os_str(), "--watch".as_ref()]);
    assert_eq!((again.status, again.stdout), (Some(0), watched.stdout), "a run that is over is told at once");

    // A run that was killed.
    let journal = compose.join("logs/global/magudi-journal.jsonl");
    let text = std::fs::read_to_string(&journal).expect("a journal");
    let cut = text.lines().take_while(|line| !line.contains("\"request-done\"")).collect::<Vec<_>>().join("\n");
    std::fs::write(&journal, cut + "\n").expect("a shorter journal");
    let gone = scene.run(["status".as_ref(), compose.as_os_str(), "--watch".as_ref()]);
    assert_eq!(gone.status, Some(1));
    assert!(gone.stderr.contains("was interrupted: no process is running it"), "{}", gone.stderr);
}
