//! What is secret stays so: in a compose of which everything that can quote a secret does, no file and no stream has one.

use crate::program::{Hub, Ran, Scene, image};
use std::path::Path;
use std::process::Command;

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
