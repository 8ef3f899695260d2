//! What is secret stays so: in a compose of which everything that can quote a secret does, no file and no stream has one; no
//! script gets one, and no core dump.

use crate::program::{Hub, Ran, Scene, image};
use crate::scripted_hub::{self, Answer, ScriptedHub, always, once};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use magudi_koji::Value;
use magudi_koji::calls::TaskState;
use magudi_testkit::wait_until;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

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
    // A changed configuration is shown without its values.
    let config = std::fs::read_to_string(scene.path().join("test.conf")).unwrap();
    scene.write("test.conf", &config.replacen("Zaphod-Password-1", "Zaphod-Password-11", 1));
    let changed = run(scene.command().arg("resume").arg(&compose));
    assert!(changed.stderr.contains("has changed"), "{}", changed.stderr);
    scene.write("test.conf", &config);
    for verb in [vec!["status"], vec!["status", "--format", "json"], vec!["report"], vec!["uploads"], vec!["cancel"]] {
        run(scene.command().args(&verb).arg(&compose).env("no_proxy", "127.0.0.1"));
    }
    // Through the proxy, at which nothing listens; and to a hub that is gone.
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
    assert!(ran.stderr.contains("which magudi never passes on"), "{}", ran.stderr);
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
    wait_until("nothing is submitted", || hub.count("osbuildImage") > 0);
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
        assert!(
            ran.stderr.contains(&format!("moved to {there}: if that is the hub's new address")),
            "{method}: {}",
            ran.stderr
        );
        assert!(other.accept().is_err(), "{method}: somebody was there");
    }
}

/// What a session is known by: it opens the hub to everybody who has it.
const KEY: &str = "7-Vogon/Poetry+42=&<Ag\"rajag";
const COOKIE: &str = "HeartOfGold-0123456789";

/// What quotes `secret` as people, programs and pages do; the last ones are cut off.
fn quotations(secret: &str) -> Vec<String> {
    let each = |text: &str, escape: fn(u8) -> String| text.bytes().map(escape).collect::<Vec<_>>().concat();
    let percent = |text: &str| each(text, |byte| format!("%{byte:02X}"));
    let xml = secret.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let json = serde_json::Value::from(secret).to_string();
    vec![
        secret.to_owned(),
        percent(secret),
        percent(&percent(secret)),
        xml.replace('&', "&amp;"),
        xml,
        serde_json::Value::from(json.as_str()).to_string(),
        json,
        each(secret, |byte| format!("&#x{byte:x};")),
        BASE64.encode(secret),
        BASE64.encode(format!("u:{secret}")),
        secret[..12].to_owned(),
        percent(&secret[secret.len() - 12..]),
    ]
}

/// A compose of `images` at a hub that gives [`KEY`] in a login.
fn at_a_hub_with_keys(images: usize) -> (Scene, ScriptedHub) {
    let scene = Scene::new();
    let images: Vec<String> = (0..images)
        .map(|n| image(&format!("i{n}"), &format!("\"subvariant\": \"s{n}\", \"arches\": [\"x86_64\"]")))
        .collect();
    scene.write_compose("", &["x86_64"], &images);
    let hub = ScriptedHub::start(&scene);
    hub.edit("login", |state, _, value| {
        let id = value.get("session-id").and_then(Value::as_i64).unwrap();
        KEY.clone_into(&mut state.sessions.get_mut(&id).unwrap().key);
        if let Value::Struct(members) = value {
            members.insert("session-key", Value::from(KEY));
        }
    });
    (scene, hub)
}

/// Runs the compose, which fails, and looks through everything that was said and written, then and by other commands.
fn quotes_nothing(scene: &Scene) {
    let stream = scene.path().join("events.jsonl").display().to_string();
    let ran = Ran::from(scripted_hub::run_command(scene, &["--events", &stream]).output().unwrap());
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
    let mut texts = vec![("stdout".to_owned(), ran.stdout), ("stderr".to_owned(), ran.stderr)];
    let compose = scripted_hub::compose(scene).unwrap();
    for verb in [vec!["status"], vec!["status", "--format", "json"], vec!["report"], vec!["cancel"]] {
        let ran = Ran::from(scripted_hub::command(scene, &verb).arg(&compose).output().unwrap());
        texts.push((verb.join(" "), ran.stdout + &ran.stderr));
    }
    for file in crate::program::files(&scene.target()) {
        let text = std::fs::read(scene.target().join(&file)).unwrap();
        texts.push((file.display().to_string(), String::from_utf8_lossy(&text).into_owned()));
    }
    assert!(texts.len() > 12, "{}", texts.len());
    texts.push(("events".to_owned(), std::fs::read_to_string(stream).unwrap()));
    let pieces = [&KEY[..8], &KEY[KEY.len() - 8..], &COOKIE[..8], &COOKIE[COOKIE.len() - 8..]].map(str::to_owned);
    let forbidden: Vec<String> = quotations(KEY).into_iter().chain(quotations(COOKIE)).chain(pieces).collect();
    for (place, text) in texts {
        for secret in &forbidden {
            let at = text.find(secret.as_str());
            assert_eq!(at.map(|at| &text[at.saturating_sub(99)..at + secret.len()]), None, "{place}: {secret}");
        }
    }
}

/// A hub quotes what it got in faults and in the results of tasks, in every way there is.
#[test]
fn what_a_login_gave_is_quoted_in_no_fault() {
    let quoted = [quotations(KEY), quotations(COOKIE)].concat();
    let (scene, hub) = at_a_hub_with_keys(quoted.len() + 2);
    let cookie = format!("Set-Cookie: hub=\"{COOKIE}\"; Path=/\r\n");
    hub.on("getLoggedInUser", once(Answer::page("503 Service Unavailable", &cookie, "a moment")));
    let results = quoted.join(" and ");
    let mut left = quoted.into_iter().map(|text| Answer::Fault(1000, format!("bad call with {text} in its head")));
    hub.on("osbuildImage", move |_, _| left.next());
    hub.on("getTaskResult", always(Answer::Fault(1000, format!("the builder says {results}"))));
    hub.on("getTaskInfo", |state, _| {
        state.tasks.values_mut().for_each(|task| task.state = TaskState::Failed);
        None
    });
    quotes_nothing(&scene);
    assert_eq!(hub.count("osbuildImage"), quotations(KEY).len() + quotations(COOKIE).len() + 2);
    assert!(hub.count("getTaskResult") > 0);
}

/// A proxy quotes the headers and the address that it got: on a page, in a redirect, in a type, and cut where the excerpt ends.
#[test]
fn what_a_login_gave_is_quoted_of_no_page() {
    let mut quoted = quotations(KEY)[..5].to_vec();
    quoted.extend([250, 263, 281, 292].map(|long| format!("{}{KEY}", "x".repeat(long))));
    for text in quoted {
        let tagged = format!("<html><body>No such thing: Koji-Session-Key: {text}</body></html>");
        let there = format!("http://elsewhere.example.com/?session-key={}", text.replace(['"', '<'], "!"));
        let typed = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html; key={text}\r\nContent-Length: 1\r\n\r\nx");
        let mut answers = vec![
            Answer::page("404 Not Found", "", &tagged),
            Answer::page("404 Not Found", "", &text),
            Answer::redirect("302 Found", &there),
        ];
        // This one is asked for again and again.
        answers.extend((text == KEY).then_some(Answer::Raw(typed.into_bytes())));
        for answer in answers {
            let (scene, hub) = at_a_hub_with_keys(1);
            scene.write("koji.conf", &(hub.profile("devhub") + "max_retries = 1\n"));
            hub.on("osbuildImage", always(answer));
            quotes_nothing(&scene);
        }
    }
}

/// The password is `composepass`: a cut of it is hidden, and a compose is called a compose.
#[test]
fn words_that_are_pieces_of_the_password_stay() {
    let scene = Scene::new();
    let images = ["a", "b"].map(|name| image(name, &format!("\"subvariant\": \"{name}\", \"arches\": [\"x86_64\"]")));
    scene.write_compose("", &["x86_64"], &images);
    let hub = ScriptedHub::start(&scene);
    hub.edit("login", |_, _, value| {
        if let Value::Struct(members) = value {
            members.insert("message".to_owned(), Value::from("compose is logged in"));
        }
    });
    let ran = scripted_hub::run(&scene);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let compose = scripted_hub::compose(&scene).unwrap();
    for file in crate::program::files(&compose) {
        let text = std::fs::read(compose.join(&file)).unwrap();
        let text = String::from_utf8_lossy(&text);
        let line = text.lines().find(|line| line.contains("***") || line.contains("composepa"));
        assert_eq!(line, None, "{}", file.display());
    }
    assert!(!ran.stderr.contains("***"), "{}", ran.stderr);

    let words =
        ["waiting for the compose...", "password composepa...", "...mposepass is wrong", "so 'composep\u{2026}'"];
    hub.on("osbuildImage", always(Answer::Fault(1000, words.join(" and "))));
    std::fs::remove_dir_all(&compose).unwrap();
    let ran = scripted_hub::run(&scene);
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
    let shown = "waiting for the compose... and password ***... and ...*** is wrong and so '***\u{2026}'";
    assert!(ran.stderr.contains(shown), "{}", ran.stderr);
    for file in crate::program::files(&compose) {
        let text = std::fs::read(compose.join(&file)).unwrap();
        let text = String::from_utf8_lossy(&text);
        assert!(!text.contains("composep") && !text.contains("mposepass"), "{}: {text}", file.display());
    }
}
