//! The end of a run as other programs hear of it (`--on-finish`), and what a mail of cron says (`--quiet`).

use crate::program::{Ran, Scene, image};
use crate::schema::Schemas;
use magudi_testkit::repository;
use serde_json::{Value as Json, json};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

/// Three images that must not fail, and one that may.
fn scene() -> Scene {
    let scene = Scene::new();
    let hard = ["one", "two", "three"].map(|name| image(name, &format!("\"subvariant\": \"{name}\"")));
    let soft = image("soft", "\"subvariant\": \"soft\", \"failable\": [\"*\"]");
    scene.write_compose("", &["x86_64"], &[&hard[..], &[soft]].concat());
    scene
}

/// A program below the scene.
fn program(scene: &Scene, name: &str, text: &str) -> String {
    let path = scene.write(name, text);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

fn run(scene: &Scene, fail: &Json, more: &[&str]) -> Ran {
    let scenario = scene.write("scenario.json", &json!({"fail": fail}).to_string());
    let simulate = format!("--simulate={}", scenario.display());
    let args = ["run", "--config", "test.conf", "--test", "--target-dir", "target", &simulate];
    scene.run([&args[..], more].concat())
}

/// What fails in a run that is DOOMED: two for one reason, one for another, and one that may.
fn failures() -> Json {
    json!({
        "one": {"out": "no space left on device"}, "two": {"out": "no space left on device"},
        "three": {"out": "mirror gone"}, "soft": {"out": "no kernel"},
    })
}

/// What the hook got, which is as the schema says.
fn summary(scene: &Scene) -> Json {
    let text = std::fs::read_to_string(scene.path().join("heard")).expect("the hook has run");
    let (argument, summary) = text.split_once('\n').unwrap();
    assert_eq!(argument, "finish");
    let summary: Json = serde_json::from_str(summary).unwrap();
    assert_eq!(Schemas::load().problems("summary.schema.json", &summary), Vec::<String>::new(), "{summary:#}");
    summary
}

fn listening(scene: &Scene) -> String {
    let heard = scene.path().join("heard").display().to_string();
    program(scene, "hook", &format!("#!/bin/sh\n{{ echo \"$1\"; cat; }} > {heard}\n"))
}

#[test]
fn the_hook_hears_how_it_ended_and_why() {
    let scene = scene();
    let hook = listening(&scene);
    let ran = run(&scene, &failures(), &["--on-finish", &hook]);
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
    let heard = summary(&scene);
    let compose = scene.target().canonicalize().unwrap().join("Test-9.2-20240229.t.0");
    assert_eq!(
        (&heard["verdict"], &heard["status"], &heard["exit_status"], &heard["compose_id"]),
        (&json!("failed"), &json!("DOOMED"), &json!(1), &json!("Test-9.2-20240229.t.0"))
    );
    assert!(heard["compose_dir"].as_str().unwrap().ends_with("target/Test-9.2-20240229.t.0"), "{heard:#}");
    assert!(std::path::Path::new(heard["report"].as_str().unwrap()).starts_with(&compose), "{heard:#}");
    assert_eq!(heard["counts"], json!({"failed": 4}));
    let causes: Vec<(&str, u64, bool)> = heard["causes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cause| {
            let failable = cause["failable"].as_bool().unwrap();
            (cause["reason"].as_str().unwrap(), cause["count"].as_u64().unwrap(), failable)
        })
        .collect();
    // The innermost reason, and no task of koji's around it.
    assert_eq!(causes, [("no space left on device", 2, false), ("mirror gone", 1, false), ("no kernel", 1, true)]);
    assert_eq!(heard["causes"][0]["images"], json!(["one of Server", "two of Server"]));
}

#[test]
fn the_hook_hears_of_every_end() {
    let scene = scene();
    let hook = listening(&scene);
    let verdict = |fail: &Json, more: &[&str], status: i32| {
        let ran = run(&scene, fail, &[&["--on-finish", hook.as_str()], more].concat());
        assert_eq!(ran.status, Some(status), "{}", ran.stderr);
        summary(&scene)["verdict"].as_str().unwrap().to_owned()
    };
    assert_eq!(verdict(&json!({}), &[], 0), "finished");
    assert_eq!(verdict(&json!({"soft": {"out": "no kernel"}}), &["--quiet"], 0), "incomplete");
    scene.write("test.conf", "release_name = 1\n");
    assert_eq!(verdict(&json!({}), &[], 1), "not-started");
}

/// A hook that fails, hangs or is not there changes nothing but that it is said.
#[test]
fn a_hook_that_fails_is_a_warning() {
    let scene = scene();
    let failing = program(&scene, "failing", "#!/bin/sh\nexit 3\n");
    let hanging = program(&scene, "hanging", "#!/bin/sh\nexec sleep 1000\n");
    for (hook, says) in
        [(failing.as_str(), "exit status: 3"), (&hanging, "it was killed after"), ("/nowhere", "No such file")]
    {
        let begun = Instant::now();
        let ran = run(&scene, &json!({}), &["--on-finish", hook, "--notification-timeout", "1"]);
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        assert!(begun.elapsed() < Duration::from_secs(120));
        let warning = ran.stderr.lines().find(|line| line.starts_with("warning: --on-finish: "));
        assert!(warning.is_some_and(|line| line.contains(hook) && line.contains(says)), "{}", ran.stderr);
    }
}

/// A mail of cron has a line for each cause, and none comes when all is well.
#[test]
fn quiet_says_one_line_for_each_cause() {
    let scene = scene();
    let ran = run(&scene, &json!({}), &["--quiet"]);
    assert_eq!((ran.status, ran.stdout.as_str(), ran.stderr.as_str()), (Some(0), "", ""));
    let ran = run(&scene, &failures(), &["--quiet"]);
    assert_eq!(ran.status, Some(1));
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert!(lines[0].starts_with("Test-9.2-20240229.t.1 DOOMED after 0:00:"), "{}", ran.stderr);
    assert_eq!(
        lines[1..4],
        [
            "2 images failed: no space left on device",
            "1 image failed: mirror gone",
            "1 failable image failed: no kernel"
        ]
    );
    assert!(lines[4].starts_with("report: ") && lines[4].ends_with("Test-9.2-20240229.t.1/logs/global/report.html"));
    assert_eq!(lines.len(), 5, "{}", ran.stderr);
}

/// The recipes say the innermost reason.
#[test]
fn the_recipes_say_why() {
    let scene = scene();
    let mailed = scene.path().join("mailed");
    program(&scene, "bin/sendmail", &format!("#!/bin/sh\ncat > {}\n", mailed.display()));
    let recipes = repository().join("packaging/on-finish");
    let with = |recipe: &str, fail: &Json, variable: (&str, &str)| {
        let scenario = scene.write("scenario.json", &json!({"fail": fail}).to_string());
        let mut command = scene.command();
        command.args(["run", "--config", "test.conf", "--test", "--target-dir", "target", "--quiet"]);
        command.arg(format!("--simulate={}", scenario.display()));
        command.arg("--on-finish").arg(recipes.join(recipe)).env(variable.0, variable.1);
        Ran::from(command.output().unwrap())
    };
    let to = ("COMPOSE_MAIL_TO", "releng@example.com");
    let ran = with("mail", &json!({}), to);
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
    assert!(!mailed.exists(), "all is well");
    let ran = with("mail", &failures(), to);
    assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
    let mail = std::fs::read_to_string(&mailed).unwrap();
    assert!(mail.starts_with("To: releng@example.com\nSubject: Test-9.2-20240229.t.1: DOOMED\n"), "{mail}");
    assert!(mail.contains("\n2 failed: no space left on device\n    one of Server, two of Server\n"), "{mail}");

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let posted = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut text = String::new();
        let mut piece = [0; 4096];
        while !text.ends_with('}') {
            let long = client.read(&mut piece).unwrap();
            text.push_str(&String::from_utf8_lossy(&piece[..long]));
        }
        client.write_all(b"HTTP/1.0 200 OK\r\n\r\n").unwrap();
        text
    });
    let ran = with("chat", &failures(), ("COMPOSE_CHAT_URL", &url));
    assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
    let posted = posted.join().unwrap();
    let body: Json = serde_json::from_str(posted.split_once("\r\n\r\n").unwrap().1).unwrap();
    let text = body["text"].as_str().unwrap();
    assert!(text.starts_with("Test-9.2-20240229.t.2: DOOMED\n2 images failed: no space left on device\n"), "{text}");
}

/// Whatever keeps a compose from beginning is told, also what is found late: the directory cannot be made, another run has it.
#[test]
fn that_a_compose_cannot_be_made_is_told() {
    let scene = scene();
    let hook = program(&scene, "hook", "#!/bin/sh\ncat >> $(dirname $0)/told\n");
    let target = scene.target().display().to_string();
    std::fs::create_dir_all(scene.target()).unwrap();
    let here = format!("{target}/here");
    let lock = format!("{here}/logs/global");
    std::fs::create_dir_all(&lock).unwrap();
    let held = std::fs::File::create(format!("{lock}/magudi.lock")).unwrap();
    held.lock().unwrap();
    for place in [["--target-dir", "/proc"], ["--compose-dir", &here]] {
        let told = scene.path().join("told");
        let _ = std::fs::remove_file(&told);
        let run = ["run", "--config", "test.conf", "--test", "--simulate", "--on-finish", &hook];
        let ran = scene.run([&run[..], &place[..]].concat());
        assert_eq!(ran.status, Some(1), "{}", ran.stderr);
        let told = std::fs::read_to_string(told).unwrap_or_default();
        assert!(told.contains("\"verdict\":\"not-started\""), "{place:?}: {told:?}: {}", ran.stderr);
    }
}

/// What scripts hear of a run that cannot begin has no secret of the command line, and paths that are no text are refused.
#[test]
fn what_scripts_hear_has_no_secret() {
    use std::os::unix::ffi::OsStrExt as _;
    let scene = scene();
    let script = program(&scene, "script", "#!/bin/sh\n(echo $1; cat) >> $(dirname $0)/heard\n");
    let run = ["run", "--test", "--simulate", "--notification-script", &script, "--target-dir", "target"];
    let wrong = ["--config", "not-there.conf", "-e", "koji_password=hunter2hunter2"];
    let ran = scene.run([&run[..], &wrong[..]].concat());
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
    let heard = std::fs::read_to_string(scene.path().join("heard")).unwrap();
    assert!(heard.contains("fail-to-start") && heard.contains("not-there.conf"), "{heard}");
    assert!(!heard.contains("hunter2"), "{heard}");
    for option in ["--config", "--target-dir", "--compose-dir"] {
        let path = std::ffi::OsStr::from_bytes(b"bad\xff");
        let rest: &[&str] = match option {
            "--config" => &["--target-dir", "target"],
            _ => &["--config", "test.conf"],
        };
        let mut command = scene.command();
        command
            .args(["run", "--test", "--simulate", "--notification-script", &script])
            .args(rest)
            .arg(option)
            .arg(path);
        let ran = Ran::from(command.output().unwrap());
        assert_eq!(ran.status, Some(2), "{option}: {}", ran.stderr);
        assert!(ran.stderr.contains("the path is not UTF-8"), "{option}: {}", ran.stderr);
    }
}
