//! Configurations and command lines that users of Pungi have: `check` finds what Pungi's validation finds, `config dump` prints what
//! pungi-config-dump prints, and options mean what they mean there.

use crate::program::{Hub, Ran, Scene, files, image};
use magudi_testkit::{kill, wait_until};
use serde_json::{Value as Json, json};
use std::os::unix::fs::PermissionsExt as _;

const BASE: &str = "release_name = \"Example\"\nrelease_short = \"Ex\"\nrelease_version = \"9\"\n\
                    variants_file = \"variants.xml\"\nkoji_profile = \"devhub\"\npkgset_source = \"koji\"\n\
                    pkgset_koji_tag = \"ex9\"\ngather_method = \"deps\"\n";

const VARIANTS: &str = "<variants><variant id=\"Gate\" name=\"Gate\" type=\"variant\"><arches><arch>x86_64</arch></arches></variant>\
                        <variant id=\"Server\" name=\"Server\" type=\"variant\"><arches><arch>x86_64</arch><arch>aarch64</arch></arches>\
                        </variant></variants>";

const IMAGE: &str = "osbuild_target = \"ex9\"\nosbuild_version = \"9\"\n\
                     osbuild = {\"^Server$\": [{\"name\": \"Ex-Q\", \"distro\": \"ex-9\", \"image_types\": [\"qcow2\"]}]}\n";

/// A scene with `c.conf` of the usual options and these lines.
fn scene(lines: &str) -> Scene {
    let scene = Scene::new();
    scene.write("base.conf", BASE);
    scene.write("variants.xml", VARIANTS);
    scene.write("c.conf", &format!("from base import *\n{lines}"));
    scene
}

/// What `check` says, and its exit status.
fn check(scene: &Scene, more: &[&str]) -> (Option<i32>, Vec<String>) {
    let ran = scene.run([&["check", "--config", "c.conf", "--format", "json"], more].concat());
    let report: Json = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
    let errors = report["errors"].as_array().unwrap().iter();
    let texts = errors.map(|found| format!("{} {}", found["id"].as_str().unwrap(), found["path"].as_str().unwrap()));
    (ran.status, texts.collect())
}

fn dump(scene: &Scene, args: &[&str]) -> Json {
    let ran = scene.run([&["config", "dump"], args].concat());
    assert_eq!(ran.status, Some(0), "{args:?}: {}", ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap()
}

#[test]
fn errors_in_options_of_other_phases_count_unless_only_our_own_are_asked_for() {
    let lines = "live_media = {\"^Gate$\": [{\"name\": \"Gate-Live\", \"kickstart\": \"live.ks\", \"repo_from\": \"Gate\"}]}\n\
                 lorax_options = [(\"^.*$\", {\"x86_64\": {\"nomacbot\": False}})]\n\
                 repoclosure_strictness = [(\"^.*$\", {\"*\": \"strict\"})]\n\
                 createiso_skip = [(\"^Gate$\", {\"*\": \"yes\"})]\n\
                 greedy_method = \"bild\"\n";
    let scene = scene(&format!("{lines}{IMAGE}"));
    let (status, mut errors) = check(&scene, &[]);
    errors.sort();
    let (section, errors): (Vec<String>, Vec<String>) =
        errors.into_iter().partition(|error| error.contains(" live_media"));
    let expected = [
        "MG003 createiso_skip.0.1.*",
        "MG004 greedy_method",
        "MG004 repoclosure_strictness.0.1.*",
        "MG006 lorax_options.0.1.x86_64",
        "MG008 lorax_options",
    ];
    assert_eq!((status, errors), (Some(1), expected.map(str::to_owned).to_vec()));
    assert_eq!(section, ["MG006 live_media.^Gate$.0"]);
    // A phase that magudi runs is its own, so what is wrong in its section stays an error.
    let runs = magudi_phases::find("live_media").is_some();
    let own: Vec<String> = section.into_iter().filter(|_| runs).collect();
    assert_eq!(check(&scene, &["--only-own"]), (Some(i32::from(runs)), own));
    for verb in [
        &["plan", "--config", "c.conf", "--nightly"][..],
        &["run", "--config", "c.conf", "--test", "--simulate", "--target-dir", "target"],
    ] {
        assert_eq!(scene.run(verb).status, Some(1), "{verb:?}");
        assert!(files(&scene.target()).is_empty());
        if !runs {
            assert_eq!(scene.run(verb.iter().chain(&["--only-own"])).status, Some(0), "{verb:?}");
        }
    }
}

#[test]
fn what_is_wrong_for_us_is_wrong_with_only_own_too() {
    let scene =
        scene("osbuild = {\"^Server$\": [{\"name\": 5}]}\nlink_type = \"reflink\"\nskip_phases = [\"osbild\"]\n");
    let (status, errors) = check(&scene, &["--only-own"]);
    assert_eq!(status, Some(1));
    assert_eq!(errors.len(), 5, "{errors:?}");
}

#[test]
fn variables_are_defined_for_every_verb() {
    let scene = scene("");
    let lines = BASE.replace("\"9\"", "VERSION") + &IMAGE.replace("\"ex-9\"", "\"ex-%s\" % VERSION");
    scene.write("c.conf", &lines);
    let (status, errors) = check(&scene, &[]);
    assert_eq!((status, &errors[..]), (Some(1), &["MG001 ".to_owned()][..]));
    assert_eq!(check(&scene, &["-e", "VERSION=42"]), (Some(0), vec![]));
    let ran = scene.run(["check", "--config", "c.conf", "--strict", "--define", "VERSION=42", "-e", "OTHER=1"]);
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), "c.conf: no problems found\n"), "{ran:?}");
    let plan = scene.run(["plan", "--config", "c.conf", "--nightly", "--format", "json", "-e", "VERSION=42"]);
    let plan: Json = serde_json::from_str(&plan.stdout).unwrap();
    assert_eq!(plan["requests"][0]["args"][2], "ex-42", "{plan:#}");
    // A definition wins over what the file says, also of options.
    let plan = scene.run(["plan", "--config", "c.conf", "--nightly", "-e", "VERSION=42", "-e", "osbuild_target=mine"]);
    assert!(plan.stdout.contains("mine"), "{plan:?}");
    let run = ["run", "--config", "c.conf", "--target-dir", "target", "--test", "--simulate", "-e", "VERSION=42"];
    assert_eq!(scene.run(run).status, Some(0));
    assert!(scene.made("Ex-42-20240229.t.0/STATUS").is_some());
    let written: Json =
        serde_json::from_str(&scene.made("Ex-42-20240229.t.0/logs/global/config-dump.global.log").unwrap()).unwrap();
    assert_eq!((&written["release_version"], written.get("VERSION")), (&json!("42"), None));
    let copies = files(&scene.target().join("Ex-42-20240229.t.0/logs/global/config-copy"));
    assert!(copies.iter().all(|copy| copy.extension().is_some()), "definitions are no file: {copies:?}");
    for (name, text) in [("c.json", "{}"), ("c.yaml", "release_version: '1'\n")] {
        scene.write(name, text);
        let ran = scene.run(["config", "dump", "--just-dump", "--config", name, "-e", "release_version=2"]);
        assert_eq!(serde_json::from_str::<Json>(&ran.stdout).unwrap()["release_version"], "2", "{name}");
        let ran = scene.run(["check", "--format", "json", "--config", name, "-e", "release_version=2.x"]);
        assert!(ran.stdout.contains("`2.x` is not a version"), "{name}: {}", ran.stdout);
    }
}

/// What a template's variables stand for while it is checked lies beside it, as for pungi-config-validate.
#[test]
fn a_template_is_checked_with_the_values_beside_it() {
    let scene = scene("");
    let lines = BASE.replace("\"9\"", "VERSION") + &IMAGE.replace("\"ex-9\"", "\"ex-%s\" % VERSION");
    scene.write("c.conf", &lines);
    assert_eq!(check(&scene, &[]), (Some(1), vec!["MG001 ".to_owned()]));
    scene.write(".pungi-config-validate.json", "{\"VERSION\": \"9\", \"OTHER\": [1], \"release_short\": 5}");
    let strict = |more: &[&str]| scene.run([&["check", "--config", "c.conf", "--strict"], more].concat()).status;
    // What the file says itself counts, and so does what the command line says.
    assert_eq!((strict(&[]), strict(&["-e", "VERSION=2.x"])), (Some(0), Some(1)));
    scene.write(".pungi-config-validate.json", "{\"VERSION\": 9}");
    assert_eq!(check(&scene, &[]), (Some(1), vec!["MG003 release_version".to_owned()]));
    scene.write(".pungi-config-validate.json", "{");
    assert_eq!(check(&scene, &[]), (Some(1), vec!["MG001 ".to_owned()]));
    // A run has no values but its own.
    scene.write(".pungi-config-validate.json", "{\"VERSION\": \"9\"}");
    let ran = scene.run(["run", "--config", "c.conf", "--target-dir", "target", "--test", "--simulate"]);
    assert!(ran.status == Some(1) && ran.stderr.contains("`VERSION` is not defined"), "{}", ran.stderr);
}

/// A resume needs what the run had, but for what is named like a secret, which is in no journal.
#[test]
fn a_resume_has_the_definitions_of_the_run() {
    let scene = scene("");
    let image = IMAGE.replace("\"ex9\"", "\"f42-image\"");
    let lines = BASE.replace("\"9\"", "VERSION") + &image + "koji_cache = \"%s\" % PASSWORD\n";
    scene.write("c.conf", &lines);
    scene.write("scenario.json", "{\"targets\": [\"ex9\"], \"task_seconds\": 3}");
    let hub = Hub::start(&scene, &["--scenario", "scenario.json"]);
    let volume = scene.path().join("cache").display().to_string();
    let secret = format!("PASSWORD={volume}");
    let mut command = scene.command();
    command.args(["run", "--config", "c.conf", "--target-dir", "target", "--test", "-e", "VERSION=42", "-e", &secret]);
    command.args(["--koji-config", "koji.conf", "--koji-user", "compose"]).env("MAGUDI_KOJI_PASSWORD", "composepass");
    let mut child = command.stderr(std::process::Stdio::null()).spawn().unwrap();
    wait_until("nothing is submitted", || !hub.task_requests().is_empty());
    kill(&mut child);
    assert_eq!(hub.task_requests().len(), 1, "one task was made");
    let journal = scene.made("Ex-42-20240229.t.0/logs/global/magudi-journal.jsonl").unwrap();
    assert!(journal.contains("VERSION=42") && !journal.contains("PASSWORD"), "{journal}");
    let resume = |more: &[&str]| {
        let args = [&["resume", "target/Ex-42-20240229.t.0"], more].concat();
        Ran::from(scene.command().args(args).env("MAGUDI_KOJI_PASSWORD", "composepass").output().unwrap())
    };
    let ran = resume(&[]);
    assert_eq!(ran.status, Some(1));
    assert!(ran.stderr.contains("PASSWORD"), "{}", ran.stderr);
    let ran = resume(&["-e", &secret]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_eq!(scene.made("Ex-42-20240229.t.0/STATUS").as_deref(), Some("FINISHED\n"));
    assert_eq!(hub.task_requests().len(), 1);
    let run = ["run", "--config", "c.conf", "--target-dir", "target", "--test", "--simulate", "-e", "VERSION=43"];
    let ran = scene.run(run.iter().chain(&["-e", &secret, "-eSTORE_PASSWORD=correct-horse-battery"]));
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    for file in files(&scene.target()).into_iter().filter(|file| !scene.target().join(file).is_dir()) {
        let bytes = std::fs::read(scene.target().join(&file)).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("correct-horse"), "{}", file.display());
    }
    assert!(!ran.stderr.contains("correct-horse"), "{}", ran.stderr);
}

#[test]
fn former_phases_are_skipped_with_a_warning() {
    let scene = scene(IMAGE);
    for phase in ["productimg", "live_images", "osbs", "image_container"] {
        let run =
            ["run", "--config", "c.conf", "--target-dir", "target", "--test", "--simulate", "--skip-phase", phase];
        let ran = scene.run(run);
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        let warning = format!("warning[MG012]: --skip-phase {phase}: the phase was removed from Pungi\n");
        assert!(ran.stderr.contains(&warning), "{}", ran.stderr);
    }
    assert_eq!(scene.run(["check", "--config", "c.conf", "--skip-phase", "prodimg"]).status, Some(2));
}

#[test]
fn options_that_pungi_takes_several_times_are_taken_several_times() {
    let scene = scene(IMAGE);
    let run = ["run", "--config", "c.conf", "--target-dir", "target", "--test", "--simulate"];
    let ids = ["--parent-compose-id", "A-1-20250101.n.0", "--parent-compose-id", "B-1-20250101.n.0"];
    let respins = ["--respin-of", "A-1-20250101.n.0", "--respin-of=B-1-20250101.n.0"];
    let ran = scene.run(run.iter().chain(&ids).chain(&respins));
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
}

#[test]
fn a_dump_has_sources_an_event_and_commits() {
    let scene = scene(&format!(
        "{IMAGE}comps_file = {{\"scm\": \"git\", \"repo\": \"https://g.example/c.git\", \"branch\": None, \"file\": \"c\"}}\n\
         global_ksurl = \"git+https://g.example/ks.git?#origin/f42\"\nskip_phases = [SKIPPED]\n"
    ));
    let bin = scene.write(
        "bin/git",
        "#!/bin/sh\necho \"$3 $4\" >>asked\ncase $3 in *gone*) echo 'not there' >&2; exit 128;; esac\n\
                           printf '%040d\\t%s\\n' 7 \"$4\"\n",
    );
    std::fs::set_permissions(&bin, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", bin.parent().unwrap().display());
    let online = |args: &[&str]| {
        let args = [&["config", "dump", "-e", "SKIPPED=gather"], args].concat();
        Ran::from(scene.command().args(args).env("PATH", &path).output().unwrap())
    };
    let offline = dump(&scene, &["-e", "SKIPPED=gather", "--offline", "c.conf"]);
    assert_eq!((&offline["comps_file"]["branch"], offline.get("SKIPPED")), (&json!("HEAD"), None));
    assert_eq!(offline["global_ksurl"], "git+https://g.example/ks.git?#origin/f42");
    assert!(!scene.path().join("asked").exists(), "--offline asks nobody");

    let commit = format!("{:040}", 7);
    let ran = online(&["c.conf"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let found: Json = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(found["comps_file"]["branch"], json!(commit));
    assert_eq!(found["global_ksurl"], json!(format!("git+https://g.example/ks.git?#{commit}")));
    let asked = std::fs::read_to_string(scene.path().join("asked")).unwrap();
    let mut asked: Vec<&str> = asked.lines().collect();
    asked.sort_unstable();
    assert_eq!(asked, ["https://g.example/c.git HEAD", "https://g.example/ks.git refs/heads/f42"]);

    // What has a commit needs no git, and what cannot be found is reported with its place.
    scene.write("d.json", &ran.stdout);
    let again = dump(&scene, &["--config", "d.json"]);
    assert_eq!(again, found);
    scene.write(
        "gone.json",
        "{\"comps_file\": {\"scm\": \"git\", \"repo\": \"https://g.example/gone.git\", \"file\": \"c\"}}",
    );
    let ran = online(&["c.conf", "gone.json"]);
    assert_eq!(ran.status, Some(1));
    assert!(ran.stderr.contains("error[MG312]") && ran.stderr.contains("not there"), "{}", ran.stderr);
    assert!(ran.stderr.contains("path: comps_file.branch"), "{}", ran.stderr);

    let frozen = dump(&scene, &["-e", "SKIPPED=gather", "--offline", "--freeze-event", "12345", "c.conf"]);
    assert_eq!(frozen["koji_event"], 12345);
    scene.write("more.json", "{\"release_version\": \"10\"}");
    let merged = dump(&scene, &["-e", "SKIPPED=gather", "--offline", "--config", "c.conf", "more.json"]);
    assert_eq!(merged["release_version"], "10");
    assert_eq!(scene.run(["config", "dump"]).status, Some(2));
}

/// What is dumped is checked without a word, and dumped again as it is.
#[test]
fn a_dump_of_a_dump_is_the_dump() {
    let scene = scene(IMAGE);
    let first = scene.run(["config", "dump", "--offline", "c.conf"]);
    scene.write("d.json", &first.stdout);
    let second = scene.run(["config", "dump", "--offline", "d.json"]);
    assert_eq!((second.stdout.as_str(), second.stderr.as_str()), (first.stdout.as_str(), ""));
}

#[test]
fn the_schema_that_is_dumped_is_that_of_the_pages() {
    let ran = Scene::new().run(["config", "dump", "--dump-schema"]);
    let page = magudi_testkit::repository().join("docs/schemas/compose-config.schema.json");
    assert_eq!((ran.status, ran.stdout), (Some(0), std::fs::read_to_string(page).unwrap()));
}

/// The target directory of a plan may be on another machine.
#[test]
fn a_plan_needs_no_target_directory() {
    let scene = scene(IMAGE);
    for verb in ["plan", "check"] {
        let ran = scene.run([verb, "--config", "c.conf", "--test", "--target-dir", "/nowhere/composes"]);
        assert_eq!(ran.status, Some(0), "{verb}: {}", ran.stderr);
    }
    let ran = scene.run(["run", "--config", "c.conf", "--test", "--simulate", "--target-dir", "/nowhere/composes"]);
    assert_eq!(ran.status, Some(2), "{}", ran.stderr);
}

/// Files are made for those who read composes: a umask that keeps others out is warned of.
#[test]
fn a_umask_that_keeps_others_out_is_warned_of() {
    let scene = scene(IMAGE);
    for (umask, warned) in [("022", false), ("002", false), ("027", true), ("077", true), ("044", true)] {
        let script = format!(
            "umask {umask}; exec {} run --config c.conf --target-dir target --test --simulate",
            scene.command().get_program().display()
        );
        let mut command = std::process::Command::new("sh");
        command.args(["-c", &script]).current_dir(scene.path()).env("SOURCE_DATE_EPOCH", "1709164800");
        let ran = Ran::from(command.output().unwrap());
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        let told = ran.stderr.contains(&format!("the umask is 0{umask}: "));
        assert_eq!(told, warned, "{umask}: {}", ran.stderr);
    }
}

/// Yesterday's images stay the latest when today's configuration makes none, and the last line says so.
#[test]
fn a_compose_of_nothing_says_so_and_leaves_the_latest_link() {
    let scene = scene(IMAGE);
    let run = ["run", "--config", "c.conf", "--target-dir", "target", "--test", "--simulate", "--allow-empty"];
    let link = || std::fs::read_link(scene.target().join("latest-Ex-9")).unwrap();
    let last = |ran: &Ran| ran.stderr.lines().last().unwrap().to_owned();
    let none = "no image was built: the phases that ran have none";
    // Where there is no link yet, one is made, as in Pungi.
    let ran = scene.run(run.iter().chain(&["--skip-phase", "osbuild"]));
    assert_eq!((ran.status, last(&ran)), (Some(0), format!("Ex-9-20240229.t.0: {none}")), "{}", ran.stderr);
    assert_eq!(link().to_str(), Some("Ex-9-20240229.t.0"));
    let ran = scene.run(run);
    assert!(!last(&ran).contains(none), "{}", ran.stderr);
    assert_eq!(link().to_str(), Some("Ex-9-20240229.t.1"));
    scene.write("c.conf", &format!("from base import *\n{}", IMAGE.replace("^Server$", "^Sever$")));
    for (respin, more) in [(2, &[][..]), (3, &["--skip-phase", "osbuild"]), (4, &["--just-phase", "image_checksum"])] {
        let ran = scene.run(run.iter().chain(more));
        assert_eq!((ran.status, last(&ran)), (Some(0), format!("Ex-9-20240229.t.{respin}: {none}")), "{}", ran.stderr);
        assert!(ran.stderr.contains("the latest link stays at Ex-9-20240229.t.1"), "{}", ran.stderr);
        assert_eq!(link().to_str(), Some("Ex-9-20240229.t.1"));
    }
    let ran = scene.run(run.iter().chain(&["--quiet"]));
    assert_eq!((ran.status, ran.stderr.contains(none)), (Some(0), false), "{}", ran.stderr);
}

#[test]
fn variants_are_in_any_encoding_of_xml() {
    let scene = scene(IMAGE);
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n{}",
        VARIANTS.replace("name=\"Server\"", "name=\"Büro\"")
    );
    let latin: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    std::fs::write(scene.path().join("variants.xml"), latin).unwrap();
    let ran = scene.run(["run", "--config", "c.conf", "--target-dir", "target", "--test", "--simulate"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let info: Json =
        serde_json::from_str(&scene.made("Ex-9-20240229.t.0/compose/metadata/composeinfo.json").unwrap()).unwrap();
    assert_eq!(info["payload"]["variants"]["Server"]["name"], "Büro");
    // The copy in the compose can be read, too.
    let copy = files(&scene.target()).into_iter().find(|file| file.ends_with("variants.xml")).unwrap();
    let copy = std::fs::read_to_string(scene.target().join(copy)).unwrap();
    assert!(copy.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>") && copy.contains("Büro"), "{copy}");
}

#[test]
fn a_branch_may_be_null() {
    let scm = "{\"scm\": \"git\", \"repo\": \"https://g.example/c.git\", \"branch\": None, \"file\": \"c\"}";
    for option in ["comps_file", "module_defaults_dir", "gather_prepopulate", "product_id"] {
        assert_eq!(check(&scene(&format!("{IMAGE}{option} = {scm}\n")), &[]), (Some(0), vec![]), "{option}");
    }
    let files = format!(
        "extra_files = [(\"^Server$\", {{\"*\": [{scm}]}})]\ncreaterepo_extra_modulemd = {{\"Server\": {scm}}}\n"
    );
    assert_eq!(check(&scene(&format!("{IMAGE}{files}")), &["--strict"]), (Some(0), vec![]));
}

/// What composer answers is JSON; readers get a sentence.
#[test]
fn what_composer_refuses_is_said_in_words() {
    let scene = scene(IMAGE);
    let answer = json!({
        "href": "/api/image-builder-composer/v2/errors/35", "kind": "Error", "code": "IMAGE-BUILDER-COMPOSER-35",
        "reason": "Unsupported distribution", "details": [{"reason": "no repositories", "details": "ex-9"}],
    });
    let failure = json!({"fail": {"Ex-Q": {"kind": "request", "out": answer.to_string()}}});
    scene.write("scenario.json", &failure.to_string());
    let ran = scene.run(["run", "--config", "c.conf", "--target-dir", "target", "--test", "--simulate=scenario.json"]);
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
    let words = "Failed to create the compose request: Unsupported distribution: no repositories: ex-9 \
                 (IMAGE-BUILDER-COMPOSER-35)";
    let status = scene.run(["status", "target/Ex-9-20240229.t.0"]);
    let as_json = scene.run(["status", "target/Ex-9-20240229.t.0", "--format", "json"]);
    let image = ["image", "Ex-Q", "9", "ex-9", "f42-image", "x86_64", "--simulate=scenario.json", "--wait"];
    let image = scene.run(image);
    assert_eq!(image.status, Some(1), "{}", image.stderr);
    for (what, text) in [
        ("terminal", ran.stderr),
        ("log", scene.made("Ex-9-20240229.t.0/logs/global/pungi.global.log").unwrap()),
        ("report", scene.made("Ex-9-20240229.t.0/logs/global/report.html").unwrap()),
        ("status", status.stdout),
        ("status as JSON", as_json.stdout),
        ("image", image.stderr),
    ] {
        assert!(text.contains(words), "{what}: {text}");
        assert!(!text.contains("\"reason\": \"Unsup") && !text.contains("reason&quot;:"), "{what}: {text}");
    }
}

/// Where there is the first variant of a pair, Pungi wants the second one with all arches of the first.
#[test]
fn lookasides_are_variants() {
    for (pairs, paths) in [
        ("(\"Gate\", \"Server\")", &[][..]),
        ("(\"Server\", \"Server\")", &[]),
        ("(\"Sever\", \"Gate\"), [\"Sever\", \"Gaet\"]", &[]),
        ("(\"Gate\", \"Sever\")", &["MG106 variant_as_lookaside.0.1"]),
        (
            "(\"Gate\", \"Server\"), (\"Server\", \"Gate\"), (\"Server\", \"\")",
            &["MG106 variant_as_lookaside.1.1", "MG106 variant_as_lookaside.2.1"],
        ),
        ("(\"Gate\", 1)", &["MG003 variant_as_lookaside.0.1"]),
    ] {
        let scene = scene(&format!("{IMAGE}variant_as_lookaside = [{pairs},]\n"));
        let status = i32::from(!paths.is_empty());
        let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        assert_eq!(check(&scene, &[]), (Some(status), paths), "{pairs}");
        assert_eq!(check(&scene, &["--only-own"]), (Some(0), vec![]), "{pairs}");
    }
    // What is filtered is not there: neither is the variant that asked for it, or the arch.
    let pair = "variant_as_lookaside = [(\"Server\", \"Gate\")]\n";
    for (filter, found) in [
        ("tree_variants = [\"Gate\"]", 0),
        ("tree_variants = [\"Server\"]", 1),
        ("tree_arches = [\"x86_64\"]", 0),
        ("tree_arches = [\"aarch64\"]", 1),
    ] {
        assert_eq!(check(&scene(&format!("{IMAGE}{pair}{filter}\n")), &["--allow-empty"]).1.len(), found, "{filter}");
    }
}

/// A service that composes for others forbids what they may not have.
#[test]
fn schema_overrides_forbid_more() {
    let scene = scene(&format!("{IMAGE}createrepo_num_workers = 3\nour_own = \"x\"\n"));
    let found = |files: &[&str]| {
        let args: Vec<&str> = files.iter().flat_map(|file| ["--schema-override", file]).collect();
        check(&scene, &args)
    };
    for (schema, errors) in [
        (json!({}), &[][..]),
        (json!({"properties": {"pkgset_source": {"enum": ["koji"]}, "our_own": {"type": "string"}}}), &[]),
        (json!({"properties": {"pkgset_source": {"enum": ["repos"]}}}), &["MG004 pkgset_source"]),
        // What is filled in counts, too.
        (json!({"properties": {"createrepo_c": {"enum": [false]}}}), &["MG004 createrepo_c"]),
        (json!({"properties": {"createrepo_num_workers": {"maximum": 2}}}), &["MG004 createrepo_num_workers"]),
        (
            json!({"properties": {"createrepo_num_workers": {"maximum": 3, "exclusiveMaximum": true}}}),
            &["MG004 createrepo_num_workers"],
        ),
        (
            json!({"properties": {"release_short": {"pattern": "^E.$", "maxLength": 2}, "release_name": {"pattern": "z"}}}),
            &["MG004 release_name"],
        ),
        (json!({"properties": {"release_version": {"type": ["number", "null"]}}}), &["MG003 release_version"]),
        (json!({"required": ["koji_profile", "sigkeys", "cts_url"]}), &["MG005 "]),
        (
            json!({"properties": {"osbuild": {"patternProperties": {".+": {"items": {"properties": {
            "name": {"pattern": "^Fedora-"}, "image_types": {"anyOf": [{"enum": ["iso"]}, {"items": {"enum": ["qcow2"]}}]}},
            "required": ["arches"]}}}}}}),
            &["MG005 osbuild.^Server$.0", "MG004 osbuild.^Server$.0.name"],
        ),
        (
            json!({"properties": {"osbuild": {"maxProperties": 0}, "our_own": {"not": {"enum": ["x"]}}}}),
            &["MG007 osbuild", "MG004 our_own"],
        ),
        (
            json!({"properties": {"gather_method": {"$ref": "#/definitions/strings"}}}),
            &["MG006 properties.gather_method.$ref"],
        ),
    ] {
        scene.write("o.json", &schema.to_string());
        let (status, mut said) = found(&["o.json"]);
        let mut errors: Vec<String> = errors.iter().map(|error| (*error).to_owned()).collect();
        errors.sort();
        said.sort();
        assert_eq!((status, &said), (Some(i32::from(!said.is_empty())), &errors), "{schema}");
    }
    // An option of an override is known; a later file goes over an earlier one.
    scene.write("one.json", "{\"properties\": {\"our_own\": {\"enum\": [\"y\"]}}}");
    scene.write("two.json", "{\"properties\": {\"our_own\": {\"enum\": [\"x\"]}}}");
    let strict = |more: &[&str]| scene.run([&["check", "--config", "c.conf", "--strict"], more].concat()).status;
    assert_eq!(strict(&[]), Some(1));
    assert_eq!(strict(&["--schema-override", "one.json", "--schema-override=two.json"]), Some(0));
    assert_eq!(found(&["two.json", "one.json"]).1, ["MG004 our_own"]);
    for (name, text) in [("gone.json", None), ("odd.json", Some("{")), ("list.json", Some("[1]"))] {
        text.map(|text| scene.write(name, text));
        assert_eq!(found(&[name]).0, Some(1), "{name}");
    }
    let ran = scene.run(["config", "dump", "--dump-schema", "--schema-override", "one.json"]);
    let schema: Json = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(schema["properties"]["our_own"], json!({"enum": ["y"]}));
    assert!(schema["properties"]["osbuild"].is_object());
}

/// What ODCS, or a cron job of long ago, may pass to `pungi-koji`.
#[test]
fn every_option_of_pungi_koji_is_taken() {
    let scene = Scene::new();
    scene.write_compose("", &["x86_64"], &[image("disk", "\"subvariant\": \"D\"")]);
    std::fs::create_dir(scene.path().join("old")).unwrap();
    scene.write("bin/notify", "");
    let options = [
        "--config=test.conf",
        "--target-dir=target",
        "--label=RC-1.0",
        "--supported",
        "--production",
        "--old-composes=old",
        "--koji-event=7",
        "--parent-compose-id=P-1-20240101.0",
        "--respin-of=R-1-20240101.0",
        "--skip-phase=createiso",
        "--debug-mode",
        "--no-latest-link",
        "--latest-link-status=FINISHED",
        "--latest-link-components=1",
        "--print-output-dir",
        "--quiet",
    ];
    let ran = scene.run([&["run", "--simulate"], &options[..]].concat());
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_eq!(ran.stderr, "");
}
