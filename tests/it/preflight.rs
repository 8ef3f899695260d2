//! What a hub is asked before anything is submitted: the questions, their number, and what is said of each answer.

use crate::program::{Hub, Ran, Scene, image};
use crate::scripted_hub::{self, Answer, ScriptedHub, always, command, compose, resume, run, text_of};
use magudi_config::codes::{self, Code, Example};
use magudi_koji::Value;
use magudi_koji::value::{int, string, structure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value as Json;
use std::collections::BTreeSet;

const X86: &[&str] = &["x86_64"];

/// A scene with `images`, and a hub for it.
fn scene(images: &[String]) -> (Scene, ScriptedHub) {
    let scene = Scene::new();
    scene.write_compose("", X86, images);
    let hub = ScriptedHub::start(&scene);
    (scene, hub)
}

fn disk(name: &str, members: &str) -> String {
    image(name, &format!("\"subvariant\": \"{name}\", {members}")).replace(", }", "}")
}

/// `magudi VERB --hub` of `test.conf`.
fn ask(scene: &Scene, verb: &str, more: &[&str]) -> Ran {
    let mut command = command(scene, &[verb, "--config", "test.conf", "--hub", "--test"]);
    command.args(["--koji-config", "koji.conf", "--koji-user", "compose"]).args(more);
    Ran::from(command.output().expect("the program starts"))
}

/// The exit status and the diagnostics of `check --hub`, each as `ID path message`.
fn check(scene: &Scene) -> (Option<i32>, Vec<String>) {
    let ran = ask(scene, "check", &["--format", "json"]);
    let report: Json = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    let all = ["errors", "warnings", "notes"].into_iter().filter_map(|list| report[list].as_array()).flatten();
    let text = |found: &Json, key: &str| found[key].as_str().unwrap_or_default().to_owned();
    let one = |found: &Json| {
        format!("{} {} {}: {}", text(found, "id"), text(found, "severity"), text(found, "path"), text(found, "message"))
    };
    (ran.status, all.map(one).collect())
}

/// Requests that a client made, those inside of a `multiCall` not counted.
fn requests(hub: &ScriptedHub) -> Vec<String> {
    let mut inside = 0;
    let mut found = Vec::new();
    for call in hub.calls() {
        if inside > 0 {
            inside -= 1;
            continue;
        }
        if call.method == "multiCall" {
            inside = call.params[0].as_array().map_or(0, <[Value]>::len);
        }
        found.push(call.method);
    }
    found
}

fn no_method(method: &str) -> Answer {
    Answer::Fault(1000, format!("Invalid method: {method}"))
}

#[test]
fn a_hub_that_has_everything() {
    let (scene, hub) = scene(&[disk("disk", "")]);
    assert_eq!(check(&scene), (Some(0), vec![]));
    assert_eq!(requests(&hub), ["login", "getPerms", "multiCall", "multiCall", "logout"]);
    let plan = ask(&scene, "plan", &["--format", "json"]);
    assert_eq!(plan.status, Some(0), "{plan:?}");
    let plan: Json = serde_json::from_str(&plan.stdout).unwrap();
    assert_eq!((plan["requests"].as_array().unwrap().len(), &plan["diagnostics"]), (1, &serde_json::json!([])));
    assert!(compose(&scene).is_none() && hub.state().tasks.is_empty());
}

/// Each id is what its example gets, at a hub that is like that.
#[test]
fn examples_get_what_they_stand_for() {
    type Prepare = fn(&ScriptedHub);
    let cases: [(&Code, Prepare); 10] = [
        (&codes::NO_HUB, |hub| hub.on("login", always(Answer::Fault(1002, "no such user".to_owned())))),
        (&codes::UNKNOWN_TARGET, |hub| hub.state().targets = Some(BTreeSet::from(["f42-image".to_owned()]))),
        (&codes::NOT_LISTED, |hub| hub.state().packages = Some(BTreeSet::from(["server".to_owned()]))),
        (&codes::BLOCKED, |hub| _ = hub.state().blocked.insert("server-retired".to_owned())),
        (&codes::CLOSED_TAG, |hub| hub.edit("getTag", |_, _, tag| set(tag, "locked", Value::Bool(true)))),
        (&codes::NO_PERMISSION, |hub| {
            hub.state().accounts.values_mut().for_each(|account| account.permissions.clear());
        }),
        (&codes::NO_CHANNEL, |hub| hub.on("getChannel", always(Answer::Value(Value::Nil)))),
        (&codes::NO_METHOD, |hub| {
            hub.edit("system.listMethods", |_, _, all| *all = Value::Array(vec![string("getTaskInfo")]));
        }),
        (&codes::NO_VOLUME, |hub| drop(std::fs::remove_dir_all(hub.topdir().join("packages")))),
        (&codes::NOT_ANSWERED, |hub| hub.on("getPackageConfig", always(no_method("getPackageConfig")))),
    ];
    // MG301 is about profiles, MG312 about repositories of sources.
    let hubs = codes::ALL.iter().filter(|code| ("MG302"..="MG311").contains(&code.id)).count();
    assert_eq!(cases.len(), hubs, "an id without a case");
    for (code, prepare) in cases {
        let Example::Conf(lines) = code.example else { panic!("{} has no lines of a configuration", code.id) };
        let (scene, hub) = scene(&[]);
        let plain = std::fs::read_to_string(scene.path().join("test.conf")).unwrap();
        let plain = plain.lines().filter(|line| !line.starts_with("osbuild")).collect::<Vec<_>>().join("\n");
        let image = "osbuild = {\"^Server$\": [{\"name\": \"server\", \"distro\": \"d\", \"image_types\": \"qcow2\"}]}";
        let lines = if lines.contains("osbuild = ") { lines.to_owned() } else { format!("{lines}\n{image}") };
        scene.write("test.conf", &format!("{plain}\n{lines}\n"));
        if let Some(profile) = lines.split("koji_profile = ").nth(1).and_then(|rest| rest.split('"').nth(1)) {
            scene.write("koji.conf", &hub.profile(profile));
        }
        prepare(&hub);
        let (status, found) = check(&scene);
        let [one] = &found[..] else { panic!("{}: {found:#?}", code.id) };
        // The volume may be mounted where the compose will run.
        let severity = if code == &codes::NO_VOLUME { "warning" } else { code.severity.as_str() };
        assert!(one.starts_with(&format!("{} {severity} ", code.id)), "{one}");
        assert_eq!(status, Some(i32::from(severity == "error")), "{one}");
        assert!(hub.state().tasks.is_empty() && compose(&scene).is_none());
    }
}

fn set(value: &mut Value, member: &str, new: Value) {
    let Value::Struct(members) = value else { panic!("no struct: {value:?}") };
    members.insert(member.to_owned(), new);
}

/// Every answer that cannot be understood, and every question that is not answered: a note, and nothing is refused for it.
#[test]
fn what_is_not_answered_stops_nothing() {
    let odd = [
        Value::Bool(true),
        int(7),
        string("yes"),
        Value::Array(vec![int(1)]),
        structure([("name", int(1)), ("blocked", string("no"))]),
        structure([("name", string("other")), ("package_name", string("other")), ("blocked", Value::Bool(true))]),
    ];
    let methods = ["getPerms", "system.listMethods", "getChannel", "getBuildTarget", "getTag", "getPackageConfig"];
    let (scene, hub) = scene(&[disk("disk", ""), disk("cloud", "")]);
    for method in methods {
        let faults = [no_method(method), Answer::Fault(1, "<class 'KeyError'>: 'x'".to_owned())];
        for answer in odd.clone().map(Answer::Value).into_iter().chain(faults) {
            let about = format!("{method} with {answer:?}");
            hub.behave();
            hub.on(method, always(answer));
            let (status, found) = check(&scene);
            let [one] = &found[..] else { panic!("{about}: {found:#?}") };
            assert!(one.starts_with("MG311 note koji_profile: the hub does not say "), "{about}: {one}");
            assert!(one.contains(method) || one.contains("asked about"), "{about}: {one}");
            assert_eq!(status, Some(0), "{about}: {one}");
        }
    }
    // All of them at once.
    hub.behave();
    for method in methods {
        hub.on(method, always(no_method(method)));
    }
    let (status, found) = check(&scene);
    // Without targets there is no tag to ask about.
    assert_eq!((status, found.len()), (Some(0), 4), "{found:#?}");
    // A hub, or what stands before it, without `multiCall`: one by one.
    hub.behave();
    hub.on("multiCall", always(no_method("multiCall")));
    assert_eq!(check(&scene), (Some(0), vec![]));
}

/// Three hundred images: a handful of calls, and each problem once.
#[test]
fn what_is_wrong_for_every_image_is_said_once() {
    let images: Vec<String> = (0..300).map(|n| disk(&format!("disk-{n:03}"), "")).collect();
    let (scene, hub) = scene(&images);
    assert_eq!(check(&scene), (Some(0), vec![]));
    // Two hundred questions travel together.
    assert_eq!(requests(&hub), ["login", "getPerms", "multiCall", "multiCall", "multiCall", "logout"]);
    {
        let mut state = hub.state();
        state.packages = Some(BTreeSet::from(["disk-007".to_owned(), "disk-008".to_owned()]));
        state.blocked = BTreeSet::from(["disk-008".to_owned()]);
        state.accounts.values_mut().for_each(|account| account.permissions.clear());
    }
    hub.on("getChannel", always(Answer::Value(Value::Nil)));
    hub.edit("getTag", |_, _, tag| set(tag, "locked", Value::Bool(true)));
    std::fs::remove_dir_all(hub.topdir().join("packages")).unwrap();
    std::fs::remove_dir_all(hub.topdir().join("work")).unwrap();
    let (status, found) = check(&scene);
    let names: Vec<String> =
        (0..10).filter(|n| !(7..=8).contains(n)).chain([10, 11]).map(|n| format!("disk-{n:03}")).collect();
    let volume = hub.topdir().display();
    let expected = [
        "MG307 error koji_profile: user compose does not have the permission `image`, which all 300 images need"
            .to_owned(),
        "MG308 error koji_profile: the hub has no channel `image`, which all 300 images need".to_owned(),
        "MG306 error global_target: the tag f42-candidate, which all 300 images need, is locked".to_owned(),
        format!(
            "MG304 error osbuild.^Server$.0.name: the tag f42-candidate does not list 298 packages: {} and 288 more",
            names.join(", ")
        ),
        "MG305 error osbuild.^Server$.8.name: the tag f42-candidate blocks the package disk-008".to_owned(),
        format!(
            "MG310 warning koji_profile: the Koji volume cannot be used: {volume} is empty: nothing is mounted there"
        ),
    ];
    assert_eq!((status, found), (Some(1), expected.to_vec()));
    let human = ask(&scene, "check", &[]);
    assert!(human.stderr.lines().count() < 80, "{}", human.stderr);
    assert!(human.stderr.contains("koji grant-permission image compose"), "{}", human.stderr);
    assert!(human.stderr.contains("koji add-pkg --owner OWNER f42-candidate disk-000 disk-001 "), "{}", human.stderr);
}

/// A target, and those that use it: the image's own, that of the phase, that of all phases.
#[test]
fn targets_are_shown_where_they_are_named() {
    let (scene, hub) = scene(&[
        disk("a", "\"target\": \"nowhere\""),
        disk("b", "\"target\": \"nowhere\""),
        disk("c", ""),
        disk("d", "\"target\": \"f42-image\""),
    ]);
    hub.state().targets = Some(BTreeSet::from(["f42-other".to_owned()]));
    let (_, found) = check(&scene);
    assert_eq!(
        found,
        [
            "MG303 error global_target: the hub knows no build target `f42-image`, which 2 images use",
            "MG303 error osbuild.^Server$.0.target: the hub knows no build target `nowhere`, which 2 images use",
        ]
    );
    let human = ask(&scene, "check", &[]).stderr;
    assert_eq!(human.matches("\"target\": \"nowhere\"").count(), 2, "{human}");
    scene.write_compose("osbuild_target = \"nowhere\"\n", X86, &[disk("a", "")]);
    let (_, found) = check(&scene);
    assert_eq!(found, ["MG303 error osbuild_target: the hub knows no build target `nowhere`, which image a uses"]);
}

/// What only images that may fail will fail of is a warning; of others with them, an error.
#[test]
fn images_that_may_fail_make_warnings() {
    let failable = "\"failable\": [\"*\"]";
    let (scene, hub) = scene(&[disk("a", failable), disk("b", failable)]);
    hub.state().packages = Some(BTreeSet::new());
    let (status, found) = check(&scene);
    assert_eq!(status, Some(0));
    assert_eq!(
        found,
        ["MG304 warning osbuild.^Server$.0.name: the tag f42-candidate does not list the packages a and b"]
    );
    scene.write_compose("", X86, &[disk("a", failable), disk("b", "")]);
    let (status, found) = check(&scene);
    assert_eq!((status, found.len()), (Some(1), 1));
    assert!(found[0].starts_with("MG304 error"), "{found:?}");
}

/// A permission that is as good, and tags that only some may tag into.
#[test]
fn permissions() {
    let (scene, hub) = scene(&[disk("disk", "")]);
    let permit = |all: &[&str]| {
        let all: Vec<String> = all.iter().map(|one| (*one).to_owned()).collect();
        hub.state().accounts.values_mut().for_each(|account| account.permissions.clone_from(&all));
    };
    permit(&["admin"]);
    assert_eq!(check(&scene), (Some(0), vec![]));
    hub.edit("getTag", |_, _, tag| set(tag, "perm", string("releng")));
    let closed = "MG306 error global_target: tagging into f42-candidate needs the permission `releng`, which the user does \
                  not have";
    assert_eq!(check(&scene), (Some(1), vec![closed.to_owned()]));
    permit(&["image", "releng"]);
    assert_eq!(check(&scene), (Some(0), vec![]));
    // A session that the hub has forgotten, as happens behind some proxies.
    hub.behave();
    hub.on("getPerms", always(Answer::Value(Value::Array(vec![]))));
    hub.on("getLoggedInUser", always(Answer::Value(Value::Nil)));
    let (status, found) = check(&scene);
    assert_eq!((status, found.len()), (Some(1), 1), "{found:?}");
    assert!(found[0].contains("the hub treats the session as one without a user"), "{found:?}");
}

/// Who may not log in hears the rest all the same; of a hub that is away nothing is said but that.
#[test]
fn a_hub_that_lets_nobody_in() {
    let (scene, hub) = scene(&[disk("disk", "")]);
    hub.state().packages = Some(BTreeSet::new());
    hub.on("login", always(Answer::Fault(1002, "invalid username or password".to_owned())));
    let (status, found) = check(&scene);
    assert_eq!(status, Some(1));
    let refused = "MG302 error koji_profile: the hub cannot be used: login: AuthError: invalid username or password";
    assert_eq!(
        found,
        [refused, "MG304 error osbuild.^Server$.0.name: the tag f42-candidate does not list the package disk"]
    );
    scene.write("koji.conf", &format!("{}max_retries = 1\n", hub.profile("devhub")));
    hub.go_away();
    let (status, found) = check(&scene);
    assert_eq!((status, found.len()), (Some(1), 1), "{found:?}");
    assert!(found[0].starts_with("MG302 error koji_profile: the hub cannot be used: login at "), "{found:?}");
}

/// Nothing that a hub answers is drawn on a terminal as it is, nor in a command to copy.
#[test]
fn names_of_the_hub_do_no_harm() {
    let (scene, hub) = scene(&[disk("disk", "")]);
    hub.state().packages = Some(BTreeSet::new());
    let name = "x\u{9b}31m\u{202e}; rm -rf ~";
    hub.edit("getBuildTarget", move |_, _, target| set(target, "dest_tag_name", string(name)));
    let human = ask(&scene, "check", &[]).stderr;
    assert!(
        human.contains("MG304") && !human.contains(['\u{9b}', '\u{202e}']) && !human.contains("koji add-pkg"),
        "{human}"
    );
    let long = "t".repeat(1_000_000);
    hub.edit("getBuildTarget", move |_, _, target| set(target, "dest_tag_name", string(long.as_str())));
    assert!(ask(&scene, "check", &[]).stderr.len() < 10_000);
}

#[test]
fn ten_thousand_images() {
    let images: Vec<String> = (0..10_000).map(|n| disk(&format!("disk-{n:05}"), "")).collect();
    let (scene, hub) = scene(&images);
    hub.state().blocked = BTreeSet::from(["disk-09999".to_owned()]);
    let (status, found) = check(&scene);
    let blocked = "MG305 error osbuild.^Server$.9999.name: the tag f42-candidate blocks the package disk-09999";
    assert_eq!((status, found), (Some(1), vec![blocked.to_owned()]));
    let asked = requests(&hub);
    assert!(asked.len() <= 60, "{} requests", asked.len());
    // The same images for two variants are the same packages.
    assert_eq!(hub.count("getPackageConfig"), 10_000);
}

/// What is certain to fail ends a run before there is a compose, and before a respin number is used up.
#[test]
fn a_run_is_refused_before_there_is_a_compose() {
    let images: Vec<String> = (0..300).map(|n| disk(&format!("disk-{n:03}"), "")).collect();
    let (scene, hub) = scene(&images);
    hub.state().packages = Some(BTreeSet::new());
    hub.state().accounts.values_mut().for_each(|account| account.permissions.clear());
    let refused = run(&scene);
    assert_eq!(refused.status, Some(1), "{refused:?}");
    for said in ["error[MG307]", "error[MG304]", "300 packages: disk-000, disk-001, ", "2 errors"] {
        assert!(refused.stderr.contains(said), "{said} is not in {}", refused.stderr);
    }
    assert!(refused.stderr.lines().count() < 40, "{}", refused.stderr);
    assert!(requests(&hub).len() < 10, "{:?}", requests(&hub));
    assert_eq!(std::fs::read_dir(scene.target()).unwrap().count(), 0);
    // Once it is put right the same command makes the first compose of the day.
    hub.state().packages = None;
    hub.state().accounts.values_mut().for_each(|account| account.permissions = vec!["image".to_owned()]);
    scene.write_compose("", X86, &[disk("disk", "")]);
    let ran = run(&scene);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(compose(&scene).unwrap().ends_with("Test-9.2-20240229.t.0"));
}

/// Nor is there one when the login is refused, or there is no answer.
#[test]
fn a_run_without_a_login_leaves_nothing() {
    let (scene, hub) = scene(&[disk("disk", "")]);
    scene.write("koji.conf", &format!("{}max_retries = 1\n", hub.profile("devhub")));
    hub.on("login", always(Answer::Fault(1002, "invalid username or password".to_owned())));
    let refused = run(&scene);
    assert_eq!(refused.status, Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("cannot use the hub: login: AuthError: invalid username or password"),
        "{refused:?}"
    );
    hub.go_away();
    let away = run(&scene);
    assert_eq!(away.status, Some(1), "{away:?}");
    assert!(away.stderr.contains("cannot use the hub: login at "), "{away:?}");
    assert_eq!(std::fs::read_dir(scene.target()).unwrap().count(), 0);
}

/// Nor does a resume without one, which has nothing to submit, leave anything: the compose can be resumed as before.
#[test]
fn a_resume_without_a_login_changes_nothing() {
    for (was, kept) in [("STARTED\n", 0), ("DOOMED\n", 1), ("TERMINATED\n", 0)] {
        let (scene, hub) = scene(&[disk("a", ""), disk("b", "")]);
        scene.write("koji.conf", &format!("{}max_retries = 1\n", hub.profile("devhub")));
        hub.state().task_seconds = f64::INFINITY;
        let more: &[&str] = if was.starts_with('T') { &["--detach-on-signal"] } else { &[] };
        let mut child = scripted_hub::run_command(&scene, more).stderr(std::process::Stdio::null()).spawn().unwrap();
        scripted_hub::wait_for_records(&scene, "\"submitted\"", 2);
        let journal = || text_of(&scene, "logs/global/magudi-journal.jsonl");
        match was {
            "DOOMED\n" => {
                hub.state().finish(1000);
                hub.state().fail(1001, 1000, "no");
            }
            "TERMINATED\n" => {
                kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
            }
            _ => child.kill().unwrap(),
        }
        child.wait().unwrap();
        assert_eq!(text_of(&scene, "STATUS"), was);
        let before = journal();
        hub.on("login", always(Answer::Fault(1002, "invalid username or password".to_owned())));
        let refused = resume(&scene, &[]);
        hub.behave();
        hub.go_away();
        let away = resume(&scene, &[]);
        hub.come_back();
        let compose = compose(&scene).unwrap().display().to_string();
        for (ran, why) in [(refused, "AuthError: invalid username or password"), (away, "login at ")] {
            assert_eq!(ran.status, Some(1), "{was}: {ran:?}");
            let as_it_was = format!("; {compose} is unchanged: resume it when that is fixed");
            for part in ["cannot use the hub: ", why, &as_it_was] {
                assert!(ran.stderr.contains(part), "{was}: {part:?} is not in {ran:?}");
            }
        }
        assert_eq!((text_of(&scene, "STATUS").as_str(), journal()), (was, before));
        hub.state().task_seconds = 0.0;
        let resumed = resume(&scene, &[]);
        let status = if kept == 0 { (Some(0), "FINISHED\n") } else { (Some(1), "DOOMED\n") };
        assert_eq!((resumed.status, text_of(&scene, "STATUS").as_str()), status, "{was}: {resumed:?}");
        assert_eq!(hub.state().tasks.len(), 2, "{was}: {resumed:?}");
    }
}

/// A volume that is not mounted is found before anything is built, unless files come over HTTP.
#[test]
fn a_run_without_its_volume_is_refused() {
    let (scene, hub) = scene(&[disk("disk", "")]);
    for part in ["packages", "work"] {
        std::fs::remove_dir_all(hub.topdir().join(part)).unwrap();
    }
    let refused = run(&scene);
    assert_eq!(refused.status, Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("error[MG310]") && refused.stderr.contains("nothing is mounted there"),
        "{refused:?}"
    );
    assert!(hub.state().tasks.is_empty() && compose(&scene).is_none());
    let cache = format!("koji_cache = \"{}/cache\"\n", scene.path().display());
    scene.write_compose(&cache, X86, &[disk("disk", "")]);
    let ran = run(&scene);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
}

/// What only images that may fail will fail of is a warning, in the log as well, and the others are built.
#[test]
fn a_run_goes_on_without_images_that_may_fail() {
    let (scene, hub) = scene(&[disk("a", ""), disk("b", "\"failable\": [\"*\"]")]);
    hub.state().blocked = BTreeSet::from(["b".to_owned()]);
    let ran = run(&scene);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("warning[MG305]"), "{}", ran.stderr);
    let log = text_of(&scene, "logs/global/pungi.global.log");
    assert!(log.contains("the tag f42-candidate blocks the package b"), "{log}");
    assert_eq!(hub.state().tasks.len(), 2);
}

/// A resume asks about what it is going to submit, and about nothing else.
#[test]
fn a_resume_asks_about_what_is_left() {
    let (scene, hub) = scene(&[disk("a", ""), disk("b", "")]);
    hub.on("osbuildImage", |_, call| {
        let is_b = call.params.first().and_then(Value::as_str) == Some("b");
        is_b.then(|| Answer::Fault(1000, "not now".to_owned()))
    });
    assert_eq!(run(&scene).status, Some(1));
    assert_eq!(text_of(&scene, "STATUS"), "DOOMED\n");
    hub.behave();
    hub.state().packages = Some(BTreeSet::new());
    let koji = ["--koji-config", "koji.conf", "--koji-user", "compose"];
    let refused = resume(&scene, &koji);
    assert_eq!(refused.status, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("the tag f42-candidate does not list the package b"), "{refused:?}");
    assert_eq!((hub.state().tasks.len(), text_of(&scene, "STATUS").as_str()), (1, "DOOMED\n"));
    hub.state().packages = None;
    let ran = resume(&scene, &koji);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_eq!(hub.state().tasks.len(), 2);
    let asked = hub.count("getPackageConfig");
    assert_eq!(resume(&scene, &koji).status, Some(0));
    assert_eq!(hub.count("getPackageConfig"), asked);
}

/// The simulated hub, inside of the program or beside it, answers as a real one does.
#[test]
fn simulated_hubs_answer_too() {
    let scene = Scene::new();
    let simulated = |verb: &str, more: &[&str], scenario: &str| {
        scene.write("scenario.json", scenario);
        let target = scene.target().display().to_string();
        let args = [verb, "--config", "test.conf", "--test", "--target-dir", &target, "--simulate=scenario.json"];
        Ran::from(command(&scene, &args).args(more).output().expect("the program starts"))
    };
    scene.write_compose("osbuild_target = \"elsewhere\"\n", X86, &[disk("disk", "")]);
    for (scenario, id) in [
        (r#"{"unknown_targets": ["elsewhere"]}"#, "MG303"),
        (r#"{"unlisted_packages": ["disk"]}"#, "MG304"),
        (r#"{"login_error": "closed on Sundays"}"#, "MG302"),
    ] {
        let checked = simulated("check", &["--hub"], scenario);
        assert_eq!(checked.status, Some(1), "{checked:?}");
        assert!(checked.stderr.contains(&format!("error[{id}]")), "{checked:?}");
        let refused = simulated("run", &[], scenario);
        assert_eq!(refused.status, Some(1), "{refused:?}");
        assert!(compose(&scene).is_none(), "{scenario}");
    }
    assert_eq!(simulated("check", &["--hub", "--strict"], "{}").status, Some(0));
    let ran = simulated("run", &[], "{}");
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    // In another process: it knows the targets that its scenario names.
    scene.write("scenario.json", r#"{"targets": ["elsewhere"], "unlisted_packages": ["other"]}"#);
    let _hub = Hub::start(&scene, &["--scenario", "scenario.json"]);
    assert_eq!(check(&scene), (Some(0), vec![]));
    scene.write_compose("osbuild_target = \"nowhere\"\n", X86, &[disk("disk", "")]);
    assert_eq!(
        check(&scene).1,
        ["MG303 error osbuild_target: the hub knows no build target `nowhere`, which image disk uses"]
    );
    scene.write_compose("", X86, &[disk("other", "")]);
    assert_eq!(
        check(&scene).1,
        ["MG304 error osbuild.^Server$.0.name: the tag f42-candidate does not list the package other"]
    );
}
