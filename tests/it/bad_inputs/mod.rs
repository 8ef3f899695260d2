//! Bad input ends with one clear message that says what, where and what to do, with the right exit status, and with nothing
//! half-written. `fixtures/bad-inputs` holds the inputs and the messages, word by word; after a change of words
//!
//! ```text
//! UPDATE_EXPECT=1 cargo test --test it bad_inputs
//! ```
//!
//! writes the new ones, to be read before they are committed.

mod hub;
mod table;

use crate::program::{Ran, Scene, files};
use hub::ChangedHub;
use std::collections::BTreeSet;
use table::{Case, Reaction, Table};

/// Tries one input of a kind.
type Trial = fn(&Case) -> Reaction;

/// The tables, each with how its inputs are used.
const KINDS: &[(&str, Trial)] = &[
    ("archives", hub_case),
    ("cloud-uploads", cloud_uploads),
    ("command-lines", command_line),
    ("composeinfo", composeinfo),
    ("conf", conf),
    ("customizations", customizations),
    ("hub-answers", hub_case),
    ("images", images),
    ("journals", journal),
    ("json", json),
    ("profiles", profile),
    ("scenarios", scenario),
    ("simulated-runs", simulated_run),
    ("surroundings", surroundings),
    ("variants", variants),
    ("yaml", yaml),
];

/// What a configuration must have, behind what a case has.
const GOOD: &str = r#"
release_name = "Test Release"
release_short = "Test"
release_version = "9.2"
variants_file = "variants.xml"
pkgset_source = "koji"
pkgset_koji_tag = "test-tag"
gather_method = "deps"
koji_profile = "devhub"
"#;

const IMAGE: &str = r#"osbuild = {
    "^Server$": [{"name": "disk", "distro": "fedora-42", "image_types": ["qcow2"], "target": "f42-image"}],
}
"#;

const VARIANTS: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<variants>
  <variant id="Server" name="Server" type="variant"><arches><arch>x86_64</arch><arch>aarch64</arch></arches></variant>
  <variant id="Client" name="Client" type="variant"><arches><arch>x86_64</arch></arches></variant>
</variants>
"#;

/// The compose that a scene begins.
const COMPOSE: &str = "Test-9.2-20240229.t.0";

/// The longest message, in bytes: people read them.
const LONGEST: usize = 4000;

fn scene() -> Scene {
    let scene = Scene::new();
    scene.write("test.conf", &format!("{}{IMAGE}", GOOD.trim_start()));
    scene.write("variants.xml", VARIANTS);
    scene
}

fn check(scene: &Scene, config: &str) -> Reaction {
    told(scene, &scene.run(["check", "--config", config]))
}

fn run(scene: &Scene, more: &[&str]) -> Reaction {
    told(scene, &scene.run([&["run", "--config", "test.conf", "--target-dir", "target", "--test"], more].concat()))
}

fn write(scene: &Scene, name: &str, input: &[u8]) {
    let path = scene.write(name, "");
    std::fs::write(path, input).expect("a file");
}

fn conf(case: &Case) -> Reaction {
    let scene = scene();
    write(&scene, "test.conf", &[&case.input, GOOD.as_bytes()].concat());
    check(&scene, "test.conf")
}

fn yaml(case: &Case) -> Reaction {
    let scene = scene();
    write(&scene, "test.yaml", &[&case.input, GOOD.replace(" = ", ": ").as_bytes()].concat());
    check(&scene, "test.yaml")
}

fn json(case: &Case) -> Reaction {
    let scene = scene();
    write(&scene, "test.json", &case.input);
    check(&scene, "test.json")
}

fn variants(case: &Case) -> Reaction {
    let scene = scene();
    write(&scene, "variants.xml", &case.input);
    check(&scene, "test.conf")
}

/// A customizations file of `magudi image`.
fn customizations(case: &Case) -> Reaction {
    let scene = scene();
    write(&scene, "custom.json", &case.input);
    let image = ["image", "disk", "42", "fedora-42", "f42-image", "x86_64", "--dry-run"];
    let file = if case.name.contains("upload") { "--upload-options" } else { "--customizations" };
    told(&scene, &scene.run(image.iter().chain(&[file, "custom.json"])))
}

/// A manifest of a compose that somebody else began.
fn manifest(case: &Case, name: &str) -> Reaction {
    let scene = scene();
    write(&scene, &format!("target/{COMPOSE}/compose/metadata/{name}"), &case.input);
    let target = format!("target/{COMPOSE}");
    let args = ["run", "--config", "test.conf", "--compose-dir", &target, "--test", "--simulate"];
    told(&scene, &scene.run(args))
}

fn images(case: &Case) -> Reaction {
    manifest(case, "images.json")
}

/// The composeinfo.json of another tool, or the composeinfo-base.json of the compose.
fn composeinfo(case: &Case) -> Reaction {
    if case.name.contains("base") {
        let scene = scene();
        write(&scene, &format!("target/{COMPOSE}/work/global/composeinfo-base.json"), &case.input);
        let target = format!("target/{COMPOSE}");
        let args = ["run", "--config", "test.conf", "--compose-dir", &target, "--test", "--simulate"];
        return told(&scene, &scene.run(args));
    }
    manifest(case, "composeinfo.json")
}

fn cloud_uploads(case: &Case) -> Reaction {
    let scene = scene();
    write(&scene, &format!("target/{COMPOSE}/compose/metadata/cloud-uploads.json"), &case.input);
    scene.write(&format!("target/{COMPOSE}/STATUS"), "FINISHED\n");
    told(&scene, &scene.run(["uploads", &format!("target/{COMPOSE}")]))
}

/// A journal, by itself or behind the whole one of a run on a hub that is gone.
fn journal(case: &Case) -> Reaction {
    let scene = scene();
    write(&scene, &format!("target/{COMPOSE}/logs/global/magudi-journal.jsonl"), &case.input);
    let verb = if case.name.contains("resume") { "resume" } else { "status" };
    told(&scene, &scene.run([verb, &format!("target/{COMPOSE}")]))
}

fn profile(case: &Case) -> Reaction {
    let scene = scene();
    write(&scene, "koji.conf", &case.input);
    run(&scene, &["--koji-config", "koji.conf"])
}

fn scenario(case: &Case) -> Reaction {
    let scene = scene();
    write(&scene, "scenario.json", &case.input);
    run(&scene, &["--simulate=scenario.json"])
}

/// What goes wrong in a run: the scenario of its hub.
fn simulated_run(case: &Case) -> Reaction {
    scenario(case)
}

/// The words of a command line; such as need it find a configuration, a journal and a finished compose.
fn command_line(case: &Case) -> Reaction {
    let scene = scene();
    scene.write("file", "");
    scene.write("target/finished/STATUS", "FINISHED\n");
    scene.write("target/odd/STATUS", "HAPPY\n");
    told(&scene, &scene.run(case.text().split_whitespace()))
}

/// Files, directories and permissions that are not as they should be: lines of `NAME = TEXT` make files, `NAME/` directories,
/// `NAME -> TARGET` links, `NAME !` takes one away; the last line is the command.
fn surroundings(case: &Case) -> Reaction {
    let scene = scene();
    let lines: Vec<&str> = case.text().lines().collect();
    let (command, made) = lines.split_last().expect("a command");
    for line in made {
        if let Some((name, text)) = line.split_once(" = ") {
            scene.write(name, &format!("{text}\n"));
        } else if let Some((name, target)) = line.split_once(" -> ") {
            std::os::unix::fs::symlink(target, scene.path().join(name)).expect("a link");
        } else if let Some(name) = line.strip_suffix(" !") {
            std::fs::remove_file(scene.path().join(name)).expect("it was there");
        } else {
            std::fs::create_dir_all(scene.path().join(line)).expect("a directory");
        }
    }
    told(&scene, &scene.run(command.split_whitespace()))
}

fn hub_case(case: &Case) -> Reaction {
    let scene = scene();
    let volume = scene.path().join("volume");
    let hub = ChangedHub::start(case.text().trim_end(), &volume);
    scene.write("koji.conf", &hub.profile(&volume));
    let output = scene
        .command()
        .args(["run", "--config", "test.conf", "--target-dir", "target", "--test"])
        .args(["--koji-config", "koji.conf", "--koji-user", "compose"])
        .env("MAGUDI_KOJI_PASSWORD", "composepass")
        .output()
        .expect("the program starts");
    told(&scene, &Ran::from(output))
}

/// What a run of the program said to its user, without what differs from run to run; and what is the same for all bad input.
fn told(scene: &Scene, ran: &Ran) -> Reaction {
    let status = ran.status.unwrap_or_else(|| panic!("a signal ended it: {}", ran.stderr));
    let message = steady(scene, &ran.stderr);
    assert!(status <= 2 && !message.contains("panicked"), "{message}");
    assert!(!message.trim().is_empty(), "nothing was said");
    assert!(message.len() < LONGEST, "{} bytes of message", message.len());
    assert!(!message.contains(|c: char| c.is_control() && c != '\n'), "{message:?}");
    assert!(!message.contains("composepass"), "{message}");
    Reaction { end: format!("exit status {status}, {}", left(scene)), message }
}

/// What became of the compose. One that did not finish has no manifest of images and no latest link, and nothing is left half
/// written.
fn left(scene: &Scene) -> String {
    let all: Vec<String> = files(scene.path()).iter().map(|file| file.display().to_string()).collect();
    let half = |file: &&String| file.ends_with(".tmp") || file.contains("/.magudi-") || file.contains("/.tmp");
    assert_eq!(all.iter().find(half), None);
    let Some(status) = scene.made(&format!("{COMPOSE}/STATUS")) else { return "no compose".to_owned() };
    let status = if status.trim().is_empty() { "an empty STATUS" } else { status.trim_end() };
    if status == "DOOMED" {
        assert!(scene.made(&format!("{COMPOSE}/compose/metadata/cloud-uploads.json")).is_none());
        assert!(!scene.target().join("latest-Test-9").exists());
    }
    status.to_owned()
}

/// Standard error without directories, ports and times; of a log only what is wrong.
fn steady(scene: &Scene, text: &str) -> String {
    let real = scene.path().canonicalize().expect("a directory");
    let text = text.replace(&format!("{}/", real.display()), "").replace(&real.display().to_string(), ".");
    let mut kept = String::new();
    let mut keeps = true;
    for line in text.lines() {
        if line.starts_with("The hub does not answer ") || line.starts_with("The hub answers again") {
            continue;
        }
        let line = match line.split_at_checked(20) {
            Some((time, rest)) if is_time(time) => {
                let is_bad = |level: &&str| rest.contains(&format!("[{level:<8}]"));
                // Whether it had to be waited for is a matter of time.
                keeps =
                    ["WARNING", "ERROR", "CRITICAL"].iter().any(is_bad) && !rest.contains("The hub does not answer");
                rest
            }
            _ => line,
        };
        if keeps {
            kept.push_str(&without_attempts(&without_port(line)));
            kept.push('\n');
        }
    }
    kept
}

fn is_time(text: &str) -> bool {
    text.bytes().zip("dddd-dd-dd dd:dd:dd ".bytes()).all(|(b, form)| match form {
        b'd' => b.is_ascii_digit(),
        other => b == other,
    })
}

fn without_port(line: &str) -> String {
    const ADDRESS: &str = "127.0.0.1:";
    let mut parts = line.split(ADDRESS);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        text.push_str(ADDRESS);
        text.push_str(if rest.len() < part.len() { "PORT" } else { "" });
        text.push_str(rest);
    }
    text
}

/// How often something was tried is a matter of time, too.
fn without_attempts(line: &str) -> String {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let mut parts = line.split(" attempts)");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match text.rsplit_once(" (") {
            Some((before, number)) if is_number(number) => text.truncate(before.len()),
            _ => text.push_str(" attempts)"),
        }
        text.push_str(part);
    }
    text
}

/// Checks the table of one kind.
fn table(kind: &str) {
    let (_, try_one) = KINDS.iter().find(|(name, _)| *name == kind).expect("a kind");
    let table = Table::load(kind);
    let try_one =
        |case: &Case| std::panic::catch_unwind(|| try_one(case)).unwrap_or_else(|_| panic!("{kind}: {}", case.name));
    // They do not know each other, and half of the time one waits for another process; with a hub for what that lacks, many seconds.
    let each = if matches!(kind, "archives" | "hub-answers") { 4 } else { table.cases.len().div_ceil(4).max(1) };
    let told = std::thread::scope(|scope| {
        let parts: Vec<_> = table
            .cases
            .chunks(each)
            .map(|part| scope.spawn(move || part.iter().map(try_one).collect::<Vec<_>>()))
            .collect();
        parts.into_iter().flat_map(|part| part.join().expect("no panic")).collect::<Vec<_>>()
    });
    table.compare(&told);
}

macro_rules! tables {
    ($($test:ident $kind:literal;)*) => {
        $(
            #[test]
            fn $test() {
                table($kind);
            }
        )*
        const TESTED: &[&str] = &[$($kind),*];
    };
}

tables! {
    archives_of_builds "archives";
    manifests_of_uploads "cloud-uploads";
    command_lines "command-lines";
    manifests_of_composes "composeinfo";
    configurations "conf";
    customizations_of_an_image "customizations";
    answers_of_hubs "hub-answers";
    manifests_of_images "images";
    journals "journals";
    configurations_in_json "json";
    koji_profiles "profiles";
    scenarios "scenarios";
    runs_that_fail "simulated-runs";
    files_and_directories "surroundings";
    variants_files "variants";
    configurations_in_yaml "yaml";
}

#[test]
fn there_are_more_than_two_hundred_and_no_two_are_the_same() {
    let mut seen = BTreeSet::new();
    for (kind, _) in KINDS {
        assert!(TESTED.contains(kind), "{kind}");
        for case in Table::load(kind).cases {
            assert!(seen.insert((*kind, case.name.clone())), "{kind}: {} is there twice", case.name);
        }
    }
    assert!(seen.len() >= 200, "{}", seen.len());
    let directory = magudi_testkit::repository().join("fixtures/bad-inputs");
    let tables = files(&directory).iter().filter(|file| file.extension().is_some_and(|it| it == "txt")).count();
    assert_eq!(tables, KINDS.len());
}
