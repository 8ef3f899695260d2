//! What packages bring along: the nightly that continues the last one when that died.

use crate::program::{Hub, Ran, Scene};
use magudi_testkit::{repository, wait_until};
use std::process::{Command, Stdio};

fn nightly(scene: &Scene) -> Command {
    // With the environment and the directory of the scene, but another program.
    let magudi = scene.command();
    let mut command = Command::new(repository().join("packaging/cron/magudi-nightly"));
    for (name, value) in magudi.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
        .current_dir(scene.path())
        .env("MAGUDI", magudi.get_program())
        .env("MAGUDI_KOJI_PASSWORD", "composepass")
        .arg(repository().join("examples/minimal/minimal.conf"))
        .arg(scene.target())
        .args(["--koji-config", "koji.conf", "--koji-profile", "devhub", "--koji-user", "compose"]);
    command
}

fn composes(scene: &Scene) -> Vec<String> {
    let entries = std::fs::read_dir(scene.target()).expect("the target").flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name.contains(".n."));
    names.sort();
    names
}

#[test]
fn a_nightly_that_died_is_gone_on_with() {
    let scene = Scene::new();
    scene.write("scenario.json", r#"{"task_seconds": 4}"#);
    let hub = Hub::start(&scene, &["--scenario", "scenario.json"]);
    let first = "Example-1-20240229.n.0";

    let mut run = nightly(&scene).stderr(Stdio::null()).spawn().expect("the script");
    let journal = format!("{first}/logs/global/magudi-journal.jsonl");
    wait_until("the task is never open", || scene.made(&journal).is_some_and(|text| text.contains("\"OPEN\"")));
    // A second one keeps out of the way.
    let second = Ran::from(nightly(&scene).output().expect("the script"));
    assert_eq!(second.status, Some(1));
    assert!(second.stderr.contains("another one is at work"), "{}", second.stderr);

    // The machine goes down: the program first, as it would be with a signal to all.
    let lock = scene.made(&format!("{first}/logs/global/magudi.lock")).expect("the lock");
    let pid: i32 = lock.split(' ').next().and_then(|pid| pid.parse().ok()).expect("a process");
    let pid = rustix::process::Pid::from_raw(pid).expect("a process id");
    run.kill().expect("the script is there");
    run.wait().expect("it ends");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("magudi is there");
    assert_eq!(scene.made(&format!("{first}/STATUS")).as_deref(), Some("STARTED\n"));

    let again = Ran::from(nightly(&scene).output().expect("the script"));
    assert_eq!(again.status, Some(0), "{}", again.stderr);
    assert!(again.stdout.contains("continuing"), "{}", again.stdout);
    assert_eq!(scene.made(&format!("{first}/STATUS")).as_deref(), Some("FINISHED\n"));
    assert_eq!((composes(&scene), hub.task_requests().len()), (vec![first.to_owned()], 1), "nothing new was started");

    let next = Ran::from(nightly(&scene).output().expect("the script"));
    assert_eq!(next.status, Some(0), "{}", next.stderr);
    assert_eq!(composes(&scene), [first, "Example-1-20240229.n.1"], "the next night has a compose of its own");
}

/// Runs the nightly of a day until its task is open, and kills it and magudi as a power cut would.
fn killed_at(scene: &Scene, compose: &str, day: &str) {
    let mut run = nightly(scene).env("SOURCE_DATE_EPOCH", day).stderr(Stdio::null()).spawn().expect("the script");
    let journal = format!("{compose}/logs/global/magudi-journal.jsonl");
    wait_until("the task is never open", || scene.made(&journal).is_some_and(|text| text.contains("\"OPEN\"")));
    let lock = scene.made(&format!("{compose}/logs/global/magudi.lock")).expect("the lock");
    let pid: i32 = lock.split(' ').next().and_then(|pid| pid.parse().ok()).expect("a process");
    run.kill().expect("the script is there");
    run.wait().expect("it ends");
    let pid = rustix::process::Pid::from_raw(pid).expect("a process id");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("magudi is there");
}

const FIRST_DAY: &str = "1709164800";
const NEXT_DAY: &str = "1709251200";

#[test]
fn the_next_night_finishes_the_last_one_and_makes_its_own() {
    let scene = Scene::new();
    scene.write("scenario.json", r#"{"task_seconds": 2}"#);
    let _hub = Hub::start(&scene, &["--scenario", "scenario.json"]);
    let (first, second) = ("Example-1-20240229.n.0", "Example-1-20240301.n.0");
    killed_at(&scene, first, FIRST_DAY);
    let next = Ran::from(nightly(&scene).env("SOURCE_DATE_EPOCH", NEXT_DAY).output().expect("the script"));
    assert_eq!(next.status, Some(0), "{}", next.stderr);
    for compose in [first, second] {
        assert_eq!(scene.made(&format!("{compose}/STATUS")).as_deref(), Some("FINISHED\n"), "{compose}");
    }
    assert_eq!(composes(&scene), [first, second]);
}

#[test]
fn what_a_person_canceled_stays_ended() {
    let scene = Scene::new();
    scene.write("scenario.json", r#"{"task_seconds": 2}"#);
    let _hub = Hub::start(&scene, &["--scenario", "scenario.json"]);
    let (first, second) = ("Example-1-20240229.n.0", "Example-1-20240301.n.0");
    killed_at(&scene, first, FIRST_DAY);
    let dir = scene.target().join(first);
    let status = || {
        let ran = Ran::from(scene.command().args(["status", "--format", "json"]).arg(&dir).output().unwrap());
        let status: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(crate::schema::Schemas::load().problems("status.schema.json", &status), Vec::<String>::new());
        (status["status"].as_str().unwrap().to_owned(), status["canceled"].clone())
    };
    assert_eq!(status(), ("STARTED".to_owned(), false.into()));
    let canceled = scene.command().env("MAGUDI_KOJI_PASSWORD", "composepass").arg("cancel").arg(&dir).output().unwrap();
    assert!(canceled.status.success(), "{}", String::from_utf8_lossy(&canceled.stderr));
    assert_eq!(status(), ("TERMINATED".to_owned(), true.into()));
    let next = Ran::from(nightly(&scene).env("SOURCE_DATE_EPOCH", NEXT_DAY).output().expect("the script"));
    assert_eq!(next.status, Some(0), "{}", next.stderr);
    assert!(!next.stdout.contains("continuing"), "{}", next.stdout);
    assert_eq!(scene.made(&format!("{first}/STATUS")).as_deref(), Some("TERMINATED\n"));
    assert_eq!(scene.made(&format!("{second}/STATUS")).as_deref(), Some("FINISHED\n"));
    // Who wants it after all says so, and then it is as any other.
    let resumed = scene.command().env("MAGUDI_KOJI_PASSWORD", "composepass").arg("resume").arg(&dir).output().unwrap();
    assert!(resumed.status.success(), "{}", String::from_utf8_lossy(&resumed.stderr));
    assert_eq!(status(), ("FINISHED".to_owned(), false.into()));
}

/// The options of the recipe for a whole night.
#[test]
fn a_night_beside_pungi_that_died_is_gone_on_with() {
    let scene = Scene::new();
    scene.write("scenario.json", r#"{"task_seconds": 3}"#);
    let hub = Hub::start(&scene, &["--scenario", "scenario.json"]);
    let service = std::fs::read_to_string(repository().join("packaging/systemd/magudi-nightly.service")).unwrap();
    assert!(service.contains("${TARGET_DIR} $OPTIONS\n"), "{service}");
    let pungi = repository().join("tests/pungi/pungi-koji");
    let pungi = format!("--pungi={} --tree Server/x86_64 --tree Server/aarch64", pungi.display());
    let first = "Example-1-20240229.n.0";

    let mut run = nightly(&scene).arg(&pungi).stderr(Stdio::null()).spawn().expect("the script");
    let said = "\"event\":\"submitted\"";
    let journal = format!("{first}/logs/global/magudi-journal.jsonl");
    wait_until("nothing was submitted", || scene.made(&journal).is_some_and(|text| text.contains(said)));
    run.kill().expect("the script is there");
    run.wait().expect("it ends");
    let lock = scene.made(&format!("{first}/logs/global/magudi.lock")).expect("the lock");
    let pid: i32 = lock.split(' ').next().and_then(|pid| pid.parse().ok()).expect("a process");
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(pid).expect("a process id"),
        rustix::process::Signal::KILL,
    )
    .expect("magudi is there");
    let status = format!("{first}/STATUS");
    wait_until("Pungi ends by itself", || scene.made(&status).as_deref() == Some("FINISHED\n"));
    let shown = scene.run(["status", &scene.target().join(first).display().to_string()]);
    assert!(shown.stdout.contains("STARTED") && shown.stdout.contains("Pungi beside it: FINISHED"), "{}", shown.stdout);

    let again = Ran::from(nightly(&scene).arg(&pungi).output().expect("the script"));
    assert_eq!(again.status, Some(0), "{}", again.stderr);
    assert!(again.stdout.contains("continuing"), "{}", again.stdout);
    assert_eq!(composes(&scene), [first]);
    assert_eq!(hub.task_requests().len(), 1);
    let images = scene.made(&format!("{first}/compose/metadata/images.json")).expect("a manifest");
    assert!(images.contains(".iso") && images.contains(".qcow2"), "{images}");
}

/// The instructions of the container recipe, each with its arguments.
fn instructions() -> Vec<(String, Vec<String>)> {
    let text = std::fs::read_to_string(repository().join("packaging/Containerfile")).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    let joined = lines.join("\n").replace("\\\n", " ");
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    joined.lines().map(words).map(|mut words| (words.remove(0), words)).collect()
}

/// No image can be built where tests run: what the recipe names must be there, and be enough to build from.
#[test]
fn the_container_recipe_names_what_there_is() {
    let root = repository();
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let features = manifest.split("\n[features]\n").nth(1).and_then(|rest| rest.split("\n[").next()).unwrap();
    let copy = tempfile::Builder::new().prefix("magudi-test-").tempdir().unwrap();
    let (mut stages, mut installed, mut made) = (Vec::new(), Vec::new(), Vec::new());
    let (mut user, mut entry) = (String::new(), String::new());
    for (name, words) in instructions() {
        let value = |option: &str| words.iter().position(|word| word == option).map(|at| words[at + 1].clone());
        match name.as_str() {
            "ARG" | "WORKDIR" => {}
            "FROM" => {
                assert_eq!(words[0], "fedora:${FEDORA}");
                stages.push(value("AS").unwrap_or_default());
                installed.push(Vec::new());
            }
            "RUN" => {
                let packages =
                    words.iter().skip_while(|word| *word != "install").skip(1).take_while(|word| *word != "&&");
                installed.last_mut().unwrap().extend(packages.cloned());
                if let Some(asked) = value("--features") {
                    for feature in asked.split(',') {
                        assert!(features.contains(&format!("\n{feature} = [")), "there is no feature {feature}");
                    }
                    assert_eq!(asked, "native-tls,gssapi", "every login");
                    let profile = value("--profile").unwrap();
                    assert!(manifest.contains(&format!("\n[profile.{profile}]\n")), "there is no profile {profile}");
                    made.push(format!("/source/target/{profile}/magudi"));
                    made.extend(["/source/LICENSE-MIT", "/source/LICENSE-APACHE"].map(str::to_owned));
                }
            }
            "COPY" if words[0].starts_with("--from=") => {
                assert!(stages.iter().any(|stage| words[0] == format!("--from={stage}")), "{words:?}");
                let (to, sources) = words[1..].split_last().unwrap();
                assert!(sources.iter().all(|source| made.contains(source)), "{sources:?} are not in {made:?}");
                if sources[0].ends_with("/magudi") {
                    entry.clone_from(to);
                }
            }
            "COPY" => {
                let (to, sources) = words.split_last().unwrap();
                assert!(sources.iter().all(|source| root.join(source).exists()), "{sources:?}");
                if stages.len() == 1 {
                    let to = copy.path().join(to);
                    let copied = Command::new("cp").arg("-R").args(sources).arg(to).current_dir(root).status().unwrap();
                    assert!(copied.success(), "{sources:?}");
                }
            }
            "USER" => user.clone_from(&words[0]),
            "VOLUME" | "ENTRYPOINT" | "CMD" => {
                let list: Vec<String> = serde_json::from_str(&words.join(" ")).unwrap();
                assert!(!list.is_empty(), "{name}");
                if name == "ENTRYPOINT" {
                    assert_eq!(list, [entry.clone()], "the program that was copied");
                }
            }
            other => panic!("the test does not know {other}"),
        }
    }
    assert_eq!(stages, ["build", ""]);
    assert!(!user.is_empty() && user != "root" && user != "0", "{user:?}");
    // The RPM is built from the same.
    let spec = std::fs::read_to_string(root.join("packaging/magudi.spec")).unwrap();
    for needed in spec.lines().filter_map(|line| line.strip_prefix("BuildRequires:")) {
        let needed = needed.split_whitespace().next().unwrap();
        assert!(needed.starts_with("systemd") || installed[0].iter().any(|one| one == needed), "{needed} is missing");
    }
    // Every member of the workspace, and every target of theirs.
    let mut metadata = Command::new(env!("CARGO"));
    metadata.args(["metadata", "--no-deps", "--offline", "--locked", "--format-version", "1"]).current_dir(copy.path());
    let metadata = Ran::from(metadata.output().unwrap());
    assert_eq!(metadata.status, Some(0), "{}", metadata.stderr);
}
