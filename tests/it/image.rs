//! One image from the command line: for each command line the call that `koji osbuild-image` makes (facts: osbuild 18), and what is
//! said before and after.

use crate::program::{Hub, Ran, Scene};
use crate::scripted_hub::{Answer, ScriptedHub, command, once};
use magudi_koji::xmlrpc::decode_call;
use magudi_testkit::repository;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value as Json, json};
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::Duration;

/// Files that the command lines name.
const FILES: [(&str, &str); 5] = [
    ("aws.json", r#"{"region": "us-east-1", "share_with_accounts": ["1"]}"#),
    ("s3.json", r#"{"region": "us-east-1"}"#),
    ("empty.json", "{}"),
    ("custom.json", r#"{"packages": ["vim"], "fips": true, "size": 3000000000, "nothing": null, "part": 1.5}"#),
    ("gcp.json", r#"{"region": "eu", "bucket": "b", "image_name": "i"}"#),
];

/// What a command line sends: image type and options. The name makes each call another one.
struct Case {
    line: &'static str,
    image_type: &'static str,
    arches: &'static [&'static str],
    opts: fn() -> Json,
}

const fn case(line: &'static str, image_type: &'static str, opts: fn() -> Json) -> Case {
    Case { line, image_type, arches: &["x86_64"], opts }
}

fn cases() -> Vec<Case> {
    const G: &str = "guest-image";
    vec![
        case("NAME 42 fedora-42 f42-image x86_64", G, || json!({})),
        Case {
            arches: &["x86_64", "aarch64", "s390x"],
            ..case("NAME 42 fedora-42 f42-image x86_64 aarch64 s390x", G, || json!({}))
        },
        case("--release 5 NAME 42 fedora-42 f42-image x86_64", G, || json!({"release": "5"})),
        case("NAME 42 fedora-42 f42-image x86_64 --release=5.fc42", G, || json!({"release": "5.fc42"})),
        // An empty option is one that is not given; and a value may begin with a dash.
        case("NAME 42 fedora-42 f42-image x86_64 --release=", G, || json!({})),
        case("NAME 42 fedora-42 f42-image x86_64 --release -1", G, || json!({"release": "-1"})),
        case("NAME 42 fedora-42 f42-image x86_64 --image-type aws-ec2", "aws-ec2", || json!({})),
        // The last one wins.
        case("--image-type ova NAME 42 fedora-42 f42-image x86_64 --image-type qcow2", "qcow2", || json!({})),
        case("--repo http://r/$arch NAME 42 fedora-42 f42-image x86_64", G, || json!({"repo": ["http://r/$arch"]})),
        case(
            "NAME 42 fedora-42 f42-image x86_64 --repo http://a --repo /mnt/b",
            G,
            || json!({"repo": ["http://a", "/mnt/b"]}),
        ),
        case(
            "NAME 42 fedora-42 f42-image x86_64 --repo http://a --repo-package-sets b;a",
            G,
            || json!({"repo": [{"baseurl": "http://a", "package_sets": ["a", "b"]}]}),
        ),
        case(
            "NAME 42 fedora-42 f42-image x86_64 --repo http://a --repo-package-sets b --repo-package-sets a;b",
            G,
            || json!({"repo": [{"baseurl": "http://a", "package_sets": ["a", "b"]}]}),
        ),
        // Once the first repository is a struct, so are all.
        case(
            "NAME 42 fedora-42 f42-image x86_64 --repo http://a --repo-package-sets b --repo http://c",
            G,
            || json!({"repo": [{"baseurl": "http://a", "package_sets": ["b"]}, {"baseurl": "http://c"}]}),
        ),
        case(
            "NAME 42 fedora-42 f42-image x86_64 --repo http://a --repo http://b --repo-package-sets s --repo http://c",
            G,
            || json!({"repo": ["http://a", {"baseurl": "http://b", "package_sets": ["s"]}, "http://c"]}),
        ),
        case("NAME 42 fedora-42 f42-image x86_64 --skip-tag", G, || json!({"skip_tag": true})),
        case(
            "NAME 42 fedora-42 f42-image x86_64 --ostree-ref f/42/$arch",
            G,
            || json!({"ostree": {"ref": "f/42/$arch"}}),
        ),
        case(
            "NAME 42 fedora-42 f42-image x86_64 --ostree-url http://o --ostree-ref r --ostree-parent p",
            G,
            || json!({"ostree": {"parent": "p", "ref": "r", "url": "http://o"}}),
        ),
        case("NAME 42 fedora-42 f42-image x86_64 --ostree-url= --ostree-ref=", G, || json!({})),
        case("NAME 42 fedora-42 f42-image x86_64 --customizations custom.json", G, || {
            json!({"customizations":
                {"packages": ["vim"], "fips": true, "size": 3_000_000_000_i64, "nothing": null, "part": 1.5}})
        }),
        case("NAME 42 fedora-42 f42-image x86_64 --customizations empty.json", G, || json!({"customizations": {}})),
        case(
            "NAME 42 fedora-42 f42-image x86_64 --image-type aws-ec2 --upload-options aws.json",
            "aws-ec2",
            || json!({"upload_options": {"region": "us-east-1", "share_with_accounts": ["1"]}}),
        ),
        case(
            "NAME 42 fedora-42 f42-image x86_64 --upload-options s3.json",
            G,
            || json!({"upload_options": {"region": "us-east-1"}}),
        ),
        case(
            "NAME 42 fedora-42 f42-image x86_64 --image-type gce --upload-options gcp.json",
            "gce",
            || json!({"upload_options": {"region": "eu", "bucket": "b", "image_name": "i"}}),
        ),
        Case {
            arches: &["x86_64", "aarch64"],
            ..case(
                "--skip-tag --upload-options aws.json NAME 42 fedora-42 f42-image x86_64 aarch64 --image-type aws-ec2 \
                 --release 5 --repo http://r/$arch --repo-package-sets a;b --ostree-ref r --nowait --wait --nowait",
                "aws-ec2",
                || {
                    json!({
                        "release": "5", "skip_tag": true, "ostree": {"ref": "r"},
                        "repo": [{"baseurl": "http://r/$arch", "package_sets": ["a", "b"]}],
                        "upload_options": {"region": "us-east-1", "share_with_accounts": ["1"]},
                    })
                },
            )
        },
    ]
}

fn scene() -> Scene {
    let scene = Scene::new();
    for (name, text) in FILES {
        scene.write(name, text);
    }
    scene
}

fn image(scene: &Scene, args: &[&str]) -> Ran {
    let mut command = scene.command();
    command.arg("image").args(args).env("MAGUDI_KOJI_PASSWORD", "composepass");
    Ran::from(command.output().expect("the program starts"))
}

fn words<'a>(line: &'a str, name: &'a str) -> Vec<&'a str> {
    line.split_whitespace().map(|word| if word == "NAME" { name } else { word }).collect()
}

#[test]
fn each_command_line_makes_the_call_of_kojis_own_command() {
    let scene = scene();
    let hub = Hub::start(&scene, &[]);
    let cases = cases();
    assert!(cases.len() >= 20);
    let mut expected = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let name = format!("image-{number:02}");
        let args = words(case.line, &name);
        let call = json!([name, "42", "fedora-42", case.image_type, "f42-image", case.arches]);

        let dry = image(&scene, &[args.as_slice(), &["--dry-run", "--format", "json"]].concat());
        assert_eq!(dry.status, Some(0), "{}: {}", case.line, dry.stderr);
        let request: Json = serde_json::from_str(&dry.stdout).expect("JSON");
        assert_eq!(request["args"], call, "{}", case.line);
        assert_eq!(request["opts"], (case.opts)(), "{}", case.line);
        assert_eq!((&request["method"], &request["failable"]), (&json!("osbuildImage"), &json!(false)));

        let options = ["--koji-config", "koji.conf", "--koji-profile", "devhub", "--koji-user", "compose"];
        // Standard input is not a terminal, so nothing waits for the end.
        let ran = image(&scene, &[args.as_slice(), &options].concat());
        assert_eq!(ran.status, Some(0), "{}: {}", case.line, ran.stderr);
        assert!(ran.stdout.contains("Created task: ") && !ran.stdout.contains("closed"), "{}", ran.stdout);
        let mut stored = call.as_array().cloned().expect("a list");
        stored.push((case.opts)());
        expected.push(Json::from(stored));
    }
    let mut stored: Vec<Json> = hub
        .tasks()
        .into_iter()
        .map(|task| task.request.unwrap_or_default().iter().map(magudi_koji::value::to_json).collect())
        .collect();
    stored.sort_by_key(|request| request[0].to_string());
    assert_eq!(stored, expected, "what the hub was asked for");
}

#[test]
fn the_recorded_call_of_kojis_own_command_is_ours() {
    let recorded = repository().join("fixtures/koji/wire/866-osbuildImage-cli-osbuild-image.req.txt");
    let recorded = std::fs::read_to_string(recorded).expect("the recording");
    let (_, body) = recorded.split_once("<?xml").expect("a body");
    let recorded = decode_call(format!("<?xml{body}").as_bytes()).expect("a call");
    let scene = scene();
    let name = recorded.params[0].as_str().expect("a name");
    let version = recorded.params[1].as_str().expect("a version");
    let rest = "fedora-42 f42-image x86_64 aarch64 --image-type aws-ec2 --release 5 --repo http://r/$arch \
                --repo-package-sets b;a --skip-tag --ostree-ref r --upload-options aws.json --dry-run --format json";
    let args: Vec<&str> = [name, version].into_iter().chain(rest.split_whitespace()).collect();
    let ran = image(&scene, &args);
    let request: Json = serde_json::from_str(&ran.stdout).expect(&ran.stderr);
    let value = |json: &Json| magudi_koji::value::from_json(json).expect("it can be sent");
    let args: Vec<_> = request["args"].as_array().expect("a list").iter().map(value).collect();
    let named = magudi_koji::Members::from([("opts", value(&request["opts"]))]);
    assert_eq!(magudi_koji::calls::make_task::request("osbuildImage", &args, &named), recorded);
}

#[test]
fn who_waits_is_told_where_the_image_went() {
    let scene = scene();
    let line = "cloud 42 fedora-42 f42-image x86_64 aarch64 --release 1 --simulate --wait";
    let upload = ["--image-type", "aws-ec2", "--upload-options", "aws.json"];
    let ran = image(&scene, &[words(line, "").as_slice(), &upload].concat());
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    for text in ["name: cloud\n", "Created task: ", "closed", "Build: cloud-42-1 (build id "] {
        assert!(ran.stdout.contains(text), "{text}: {}", ran.stdout);
    }
    let places: Vec<&str> = ran.stdout.lines().filter(|line| line.contains("  aws  ")).collect();
    assert_eq!(places.len(), 2, "{}", ran.stdout);
    assert!(places.iter().all(|line| line.contains("success") && line.contains("ami-") && line.contains("us-east-1")));

    let quiet = image(&scene, &[words(line, "").as_slice(), &["--quiet"]].concat());
    assert_eq!((quiet.status, quiet.stdout.as_str(), quiet.stderr.as_str()), (Some(0), "", ""));
}

#[test]
fn the_innermost_reason_of_a_failure_is_told() {
    let scene = scene();
    scene.write("scenario.json", r#"{"fail": {"cloud": {"out": "no space left on device"}}}"#);
    let ran = image(&scene, &words("cloud 42 fedora-42 f42-image x86_64 --simulate=scenario.json --wait", ""));
    assert_eq!(ran.status, Some(1));
    assert!(ran.stderr.contains("failed: ") && ran.stderr.contains("no space left on device"), "{}", ran.stderr);
}

#[test]
fn a_lost_answer_makes_no_second_task() {
    let scene = scene();
    scene.write("scenario.json", r#"{"drop_answers": [{"method": "osbuildImage", "nth": 1}]}"#);
    let hub = Hub::start(&scene, &["--scenario", "scenario.json"]);
    let ran = image(&scene, &words(AT_THE_HUB, ""));
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("answer was lost"), "{}", ran.stderr);
    assert_eq!(hub.task_requests().len(), 1);
}

const AT_THE_HUB: &str =
    "cloud 42 fedora-42 f42-image x86_64 --wait --koji-config koji.conf --koji-profile devhub --koji-user compose";

/// The search is that of a run: a hub that cannot be asked, or is behind, is asked again.
#[test]
fn a_task_whose_id_got_lost_is_looked_for_as_in_a_compose() {
    for (fails, lag) in [(true, 0), (false, 2)] {
        let scene = scene();
        let hub = ScriptedHub::start(&scene);
        hub.state().tasks_lag = Duration::from_secs(lag);
        hub.on("osbuildImage", once(Answer::Lost));
        if fails {
            hub.on("listTasks", once(Answer::Fault(1000, "the database is busy".to_owned())));
        }
        let ran = image(&scene, &words(AT_THE_HUB, ""));
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        assert!(ran.stderr.contains("answer was lost") && ran.stdout.contains("Created task: "), "{}", ran.stderr);
        assert_eq!(hub.state().tasks.len(), 1);
    }
}

/// A Ctrl-C leaves the task alone, and says where it is.
#[test]
fn an_interrupt_leaves_the_task_running() {
    let scene = scene();
    let hub = ScriptedHub::start(&scene);
    hub.state().task_seconds = f64::INFINITY;
    let mut image = command(&scene, &["image"]);
    let mut child = image.args(words(AT_THE_HUB, "")).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.find(|line| line.as_ref().unwrap().contains("osbuildImage (noarch): ")).expect("a state").unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("keeps running: http://"), "{}", ran.stderr);
    assert!(hub.state().tasks.values().all(|task| !task.state.is_final()));
    assert_eq!(hub.count("cancelTask"), 0);
}

#[test]
fn what_is_wrong_is_said_before_anything_is_submitted() {
    let scene = scene();
    scene.write("typo.json", r#"{"regio": "us-east-1"}"#);
    scene.write("list.json", "[1]");
    let base = "cloud 42 fedora-42 f42-image x86_64";
    for (line, status, want) in [
        ("cloud 42 fedora-42 f42-image --dry-run".to_owned(), 2, "<ARCH>"),
        (format!("{base} --repo-package-sets a --dry-run"), 2, "--repo-package-sets must follow a --repo"),
        (format!("{base} x86_64 --dry-run"), 2, "given twice"),
        (format!("{base} x86_65 --dry-run"), 2, "`x86_65` is not an arch"),
        (format!("{base} --repo Server --dry-run"), 2, "neither a URL nor an absolute path"),
        (format!("{base} --image-type= --dry-run"), 2, "--image-type is empty"),
        (format!("{base} --format json"), 2, "--dry-run"),
        (format!("{base} --upload-options typo.json --dry-run"), 1, "unexpected `regio`"),
        (format!("{base} --upload-options gcp.json --image-type ec2 --dry-run"), 1, "only be uploaded to"),
        (format!("{base} --customizations list.json --dry-run"), 1, "list.json:1"),
        (format!("{base} --customizations nowhere.json --dry-run"), 1, "there is no such file"),
        ("cloud 42 fedora-42 nowhere x86_64 --simulate".to_owned(), 1, "unknown build target: nowhere"),
    ] {
        let ran = image(&scene, &words(&line, ""));
        assert_eq!(ran.status, Some(status), "{line}: {}", ran.stderr);
        assert!(ran.stderr.contains(want), "{line}: {}", ran.stderr);
        assert!(!ran.stdout.contains("Created task"), "{line}");
    }
    let ran = image(&scene, &["a\u{7}b", "42", "fedora-42", "f42-image", "x86_64", "--dry-run"]);
    assert_eq!(ran.status, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("U+0007"), "{}", ran.stderr);
}

#[test]
fn customizations_are_not_shown() {
    let scene = scene();
    scene.write("secret.json", r#"{"user": [{"name": "root", "password": "sesame"}]}"#);
    let line = "cloud 42 fedora-42 f42-image x86_64 --customizations secret.json --simulate --wait";
    let ran = image(&scene, &words(line, ""));
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(!ran.stdout.contains("sesame") && ran.stdout.contains("(not shown)"), "{}", ran.stdout);
}
