//! What is secret stays so: in a compose of which everything that can quote a secret does, no file and no stream has one; no
//! script gets one, and no core dump.

use crate::program::{Hub, Ran, Scene, image};
use crate::scripted_hub::{self, Answer, ScriptedHub, always};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const SECRETS: [&str; 11] = [
    "Zaphod-Password-1",
    "ssh-rsa AAAAB3-Trillian",
    "Marvin-Token-2",
    "Arthur-Activation-3",
    "$6$Ford-Hash",
    "composepass",
    "proxy-password-4",
    "Slarti-Passphrase-5",
    "Agrajag-Private-6",
    "Deep-Thought-7",
    "repo-password-8",
];

/// Options that Pungi does not know, which is said with their lines; and what stands in URLs.
const OPTIONS: &str = "signing_passphrase = \"Slarti-Passphrase-5\"\nprivate_key = \"Agrajag-Private-6\"\n\
                       credentials = {\"user\": \"u\", \"pin\": \"Deep-Thought-7\"}\n";

/// Every file below `dir` that has one of the secrets, however deep it lies.
fn leaks(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for file in crate::program::files(dir) {
        let bytes = std::fs::read(dir.join(&file)).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        found.extend(
            SECRETS.iter().filter(|secret| text.contains(**secret)).map(|s| format!("{}: {s}", file.display())),
        );
    }
    found
}

fn run(command: &mut Command) -> Ran {
    // The proxy is not used for the hub, and is a secret all the same.
    command.env("MAGUDI_KOJI_PASSWORD", "composepass").env("http_proxy", "http://u:proxy-password-4@127.0.0.1:1");
    let ran = Ran::from(command.output().unwrap());
    for secret in SECRETS {
        assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret), "{secret}: {}{}", ran.stdout, ran.stderr);
    }
    ran
}

#[test]
fn no_secret_is_written_anywhere() {
    let scene = Scene::new();
    let customizations = format!(
        "{{\"user\": [{{\"name\": \"a\", \"password\": \"{}\", \"key\": \"{}\"}}], \"registration\": {{\"token\": \"{}\", \
         \"activation_key\": \"{}\"}}, \"secrets\": [\"{}\"]}}",
        SECRETS[0], SECRETS[1], SECRETS[2], SECRETS[3], SECRETS[4]
    );
    let repo = "\"repo\": [\"https://u:repo-password-8@example.com/r\"]";
    let members = format!("\"arches\": [\"x86_64\"], {repo}, \"customizations\": {customizations}");
    let images =
        ["good", "refused", "failed"].map(|name| image(name, &format!("\"subvariant\": \"{name}\", {members}")));
    scene.write_compose(OPTIONS, &["x86_64"], &images);
    let quoted = SECRETS.join("' and '");
    scene.write(
        "scenario.json",
        &serde_json::json!({"submit_error": {"refused": quoted}, "fail": {"failed": {"out": quoted}}}).to_string(),
    );
    let hub = Hub::start(&scene, &["--scenario", "scenario.json"]);
    for format in ["human", "json"] {
        let checked = run(scene.command().args(["check", "--config", "test.conf", "--test", "--format", format]));
        let said = checked.stdout + &checked.stderr;
        assert!(["private_key", "signing_passphrase", "credentials"].iter().all(|key| said.contains(key)), "{said}");
    }
    let first = run(scene
        .command()
        .args(["run", "--config", "test.conf", "--test", "--koji-config", "koji.conf", "--koji-user", "compose"])
        .args([
            "--target-dir",
            "target",
            "--events",
            "target/events.jsonl",
            "--notification-script",
            "cat >>target/told",
        ])
        .env("no_proxy", "127.0.0.1"));
    assert_eq!(first.status, Some(1));
    assert!(first.stderr.contains("***"), "nothing was to be hidden: {}", first.stderr);
    let made = std::fs::read_dir(scene.target()).unwrap().flatten().map(|entry| entry.path());
    let compose = made.into_iter().find(|path| path.is_dir()).unwrap();
    // A changed configuration is told without its values.
    let config = std::fs::read_to_string(scene.path().join("test.conf")).unwrap();
    scene.write("test.conf", &config.replacen("Zaphod-Password-1", "Zaphod-Password-11", 1));
    let changed = run(scene.command().arg("resume").arg(&compose));
    assert!(changed.stderr.contains("has changed"), "{}", changed.stderr);
    scene.write("test.conf", &config);
    for verb in [vec!["status"], vec!["status", "--format", "json"], vec!["report"], vec!["uploads"], vec!["cancel"]] {
        run(scene.command().args(&verb).arg(&compose).env("no_proxy", "127.0.0.1"));
    }
    // Through the proxy, which nobody listens at; and to a hub that is gone.
    drop(hub);
    let profile = std::fs::read_to_string(scene.path().join("koji.conf")).unwrap();
    scene.write("koji.conf", &format!("{profile}max_retries = 1\n"));
    for proxied in ["", "127.0.0.1"] {
        let ran = run(scene.command().args(["resume", "--retry-failed"]).arg(&compose).env("no_proxy", proxied));
        assert_eq!(ran.status, Some(1));
    }
    assert_eq!(leaks(&scene.target()), Vec::<String>::new());
}

#[test]
fn scripts_get_the_variables_that_are_listed_and_those_that_are_named() {
    let scene = Scene::new();
    scene.write_compose("", &["x86_64"], &[image("disk", "\"arches\": [\"x86_64\"]")]);
    let _hub = ScriptedHub::start(&scene);
    let script = scene.write("script", "#!/bin/sh\nenv >>\"$HOME/environment\"\n");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let script = script.display().to_string();
    let variables = [
        ("COMPOSE_BUCKET", "bucket-1"),
        ("COMPOSE_SECRET", "secret-2"),
        ("AWS_SESSION", "session-3"),
        ("BUILD_NUMBER", "build-4"),
        ("BUILD_URL", "url-5"),
        ("https_proxy", "http://u:proxy-password-4@127.0.0.1:1"),
        ("no_proxy", "127.0.0.1"),
        ("MAGUDI_PASS_ENVIRONMENT", "BUILD_*"),
    ];
    let mut command = scripted_hub::run_command(&scene, &["--notification-script", &script]);
    let ran = Ran::from(command.envs(variables).output().unwrap());
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    // One that could not be begun tells its scripts, too.
    let mut command = scene.command();
    command.args([
        "run",
        "--config",
        "nothing.conf",
        "--test",
        "--target-dir",
        "target",
        "--notification-script",
        &script,
    ]);
    assert_eq!(command.envs(variables).env("MAGUDI_KOJI_PASSWORD", "composepass").status().unwrap().code(), Some(1));
    let given = std::fs::read_to_string(scene.path().join("environment")).unwrap();
    for there in ["PATH=", "HOME=", "TZ=UTC", "COMPOSE_BUCKET=bucket-1", "BUILD_NUMBER=build-4", "BUILD_URL=url-5"] {
        assert_eq!(given.matches(&format!("\n{there}")).count(), given.matches("\nPATH=").count(), "{there}: {given}");
    }
    assert!(given.contains("\nhttps_proxy=http://127.0.0.1:1\n"), "{given}");
    for gone in ["composepass", "MAGUDI_", "secret-2", "session-3", "proxy-password-4"] {
        assert!(!given.contains(gone), "{gone}: {given}");
    }
}

#[test]
fn the_password_cannot_be_named_for_scripts() {
    let scene = Scene::new();
    let mut command = scene.command();
    command.args(["check", "--config", "test.conf"]).env("MAGUDI_PASS_ENVIRONMENT", "MAGUDI_KOJI_PASSWORD");
    let ran = Ran::from(command.output().unwrap());
    assert_eq!(ran.status, Some(2));
    assert!(ran.stderr.contains("which magudi gives to nothing that it starts"), "{}", ran.stderr);
}

/// A signal that ends a process with a core dump ends one that holds a password without.
#[test]
fn what_is_in_memory_is_not_dumped() {
    let scene = Scene::new();
    scene.write_compose("", &["x86_64"], &[image("disk", "\"arches\": [\"x86_64\"]")]);
    let hub = ScriptedHub::start(&scene);
    hub.state().task_seconds = 1000.0;
    let args = "run --config test.conf --test --target-dir target --koji-config koji.conf --koji-user compose";
    let mut child = Command::new("sh")
        .args(["-c", &format!("ulimit -c unlimited && exec {} {args}", env!("CARGO_BIN_EXE_magudi"))])
        .current_dir(scene.path())
        .env("MAGUDI_KOJI_PASSWORD", "composepass")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while hub.count("osbuildImage") == 0 {
        std::thread::sleep(Duration::from_millis(20));
    }
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::ABORT).unwrap();
    let ended = child.wait().unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    assert_eq!((ended.signal(), ended.core_dumped()), (Some(6), false));
    assert!(!scene.path().join("core").exists());
}

/// Another port of the same host may be anybody's: neither the password of a login goes there nor a session's key.
#[test]
fn a_redirect_to_another_port_gets_nothing() {
    for method in ["login", "osbuildImage"] {
        let scene = Scene::new();
        scene.write_compose("", &["x86_64"], &[image("disk", "\"arches\": [\"x86_64\"]")]);
        let hub = ScriptedHub::start(&scene);
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        other.set_nonblocking(true).unwrap();
        let there = format!("http://{}/kojihub", other.local_addr().unwrap());
        hub.on(method, always(Answer::redirect("307 Temporary Redirect", &there)));
        let ran = scripted_hub::run(&scene);
        assert_eq!(ran.status, Some(1), "{method}: {}", ran.stderr);
        assert!(ran.stderr.contains(&format!("moved to {there}: if it is there now")), "{method}: {}", ran.stderr);
        assert!(other.accept().is_err(), "{method}: somebody was there");
    }
}
