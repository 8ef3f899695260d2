//! The recorded cases in which Pungi has a bug: `ours` in INDEX.json says what we do instead, and each test asks for that.

use crate::cases::{self, Case, list, names};
use crate::program::Ran;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const ALL: &[(&str, fn())] = &[
    ("c03_mutation", c03_mutation),
    ("c05b_src_in_variants", c05b_src_in_variants),
    ("c07_failable_star_noarches", c07_failable_star_noarches),
    ("c15_no_target", c15_no_target),
    ("c17_gen_unknown", c17_gen_unknown),
    ("c24_manifest_type", c24_manifest_type),
    ("c25_manifest_type_bad", c25_manifest_type_bad),
    ("c27_vhdfixed", c27_vhdfixed),
    ("c28_archives", c28_archives),
    ("c29_missing_file", c29_missing_file),
    ("c39_checksum_badfmt", c39_checksum_badfmt),
    ("c40_checksum_unknown_alg", c40_checksum_unknown_alg),
    ("c50_unknown_variant_repo", c50_unknown_variant_repo),
    ("c51_bad_regex", c51_bad_regex),
    ("c61_no_profile", c61_no_profile),
    ("c62_bad_profile", c62_bad_profile),
    ("c64_login_error", c64_login_error),
    ("c65_watch_retry", c65_watch_retry),
    ("c68_optional_iso", c68_optional_iso),
    ("c80_compose_dir_finished", c80_compose_dir_finished),
    ("c81_existing_file", c81_existing_file),
    ("c82_bad_arch", c82_bad_arch),
    ("c94_all_skipped_arches", c94_all_skipped_arches),
    ("c100_alias", c100_alias),
    ("c101_alias_image", c101_alias_image),
    ("c105_tuple_osbuild_value", c105_tuple_osbuild_value),
    ("c107_empty_file", c107_empty_file),
];

#[test]
fn none_is_forgotten() {
    cases::none_is_forgotten("pungi", ALL);
    assert_eq!(ALL.len(), 27);
}

impl Case {
    /// Changes the configuration.
    pub fn edit(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.config()).expect("the configuration");
        assert!(text.contains(from), "{from} is not in {text}");
        std::fs::write(self.config(), text.replace(from, to)).expect("the configuration");
    }

    /// Adds lines to the configuration.
    pub fn add(&self, lines: &str) {
        let text = std::fs::read_to_string(self.config()).expect("the configuration");
        std::fs::write(self.config(), format!("{text}\n{lines}\n")).expect("the configuration");
    }

    /// Adds keys to what the simulated hub gets.
    pub fn scenario(&self, more: &Json) {
        let path = self.scene.path().join("scenario.json");
        let mut scenario: Json =
            serde_json::from_str(&std::fs::read_to_string(&path).expect("a scenario")).expect("JSON");
        let object = scenario.as_object_mut().expect("an object");
        object.extend(more.as_object().expect("an object").clone());
        std::fs::write(&path, scenario.to_string()).expect("a scenario");
    }

    pub fn run(&self) -> Ran {
        let ran = self.scene.run(&self.args);
        assert!(!ran.stderr.contains("panicked"), "{ran:?}");
        ran
    }

    /// The only compose, where there is one.
    pub fn compose(&self) -> Option<String> {
        let composes: Vec<String> =
            names(&self.scene.target()).into_iter().filter(|name| !name.starts_with("latest-")).collect();
        assert!(composes.len() < 2, "{composes:?}");
        composes.into_iter().next()
    }

    /// Runs to an end with this exit status and STATUS.
    pub fn ends(&self, exit: i32, status: &str) -> Ran {
        let ran = self.run();
        let found = self.made("STATUS").unwrap_or_default();
        assert_eq!((ran.status, found.trim()), (Some(exit), status), "{}", ran.stderr);
        ran
    }

    /// A file of the compose.
    pub fn made(&self, path: &str) -> Option<String> {
        self.scene.made(&format!("{}/{path}", self.compose()?))
    }

    pub fn made_json(&self, path: &str) -> Json {
        let text = self.made(path).unwrap_or_else(|| panic!("{}: there is no {path}", self.name));
        serde_json::from_str(&text).expect("JSON")
    }

    /// The tasks that the hub was asked for. Their ids are made of all that was sent.
    pub fn tasks(&self) -> BTreeSet<i64> {
        let dir = self.compose().map(|compose| self.scene.target().join(compose).join("logs/global/koji-tasks"));
        dir.map(|dir| names(&dir)).unwrap_or_default().iter().map(|id| id.parse().expect("a task id")).collect()
    }

    /// The tasks of Pungi's run.
    pub fn recorded_tasks(&self) -> BTreeSet<i64> {
        let calls = self.expected("calls.json").expect("calls");
        calls.as_array().expect("a list").iter().map(|call| call["task_id"].as_i64().expect("an id")).collect()
    }

    /// Paths of the images in images.json.
    pub fn images(&self) -> Vec<String> {
        let images = self.made_json("compose/metadata/images.json");
        let variants = images["payload"]["images"].as_object().expect("an object").values();
        let arches = variants.flat_map(|arches| arches.as_object().expect("an object").values());
        let mut paths: Vec<String> = arches
            .flat_map(|images| images.as_array().expect("a list"))
            .map(|image| image["path"].as_str().expect("a path").to_owned())
            .collect();
        paths.sort();
        paths
    }

    pub fn command(&self, verb: &str) -> Vec<String> {
        let options = self.args[1..].iter().filter(|arg| !arg.starts_with("--simulate")).cloned();
        [verb.to_owned()].into_iter().chain(options).chain(["--format".to_owned(), "json".to_owned()]).collect()
    }

    /// The requests of `plan`.
    pub fn plan(&self) -> Vec<Json> {
        let ran = self.scene.run(self.command("plan"));
        let plan: Json = serde_json::from_str(&self.normal(&ran.stdout)).unwrap_or_else(|e| panic!("{e}: {ran:?}"));
        plan["requests"].as_array().expect("a list").clone()
    }

    /// What `check` says: id, path and line of errors, or of warnings.
    pub fn checked(&self, list: &str) -> Vec<(String, String, i64)> {
        let ran = self.scene.run(self.command("check"));
        let report: Json = serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran:?}"));
        let text = |found: &Json, key: &str| found[key].as_str().unwrap_or_default().to_owned();
        let found = report[list].as_array().expect("a list").iter();
        found.map(|d| (text(d, "id"), text(d, "path"), d["line"].as_i64().unwrap_or_default())).collect()
    }

    /// `check` finds the one error, and a run ends before there is a compose or the hub hears of anything.
    pub fn is_refused(&self, id: &str, path: &str, line: i64, words: &str) {
        assert_eq!(self.checked("errors"), [(id.to_owned(), path.to_owned(), line)]);
        let ran = self.run();
        assert_eq!(ran.status, Some(1), "{}", ran.stderr);
        assert!(ran.stderr.contains(words) && ran.stderr.contains(&format!("error[{id}]")), "{}", ran.stderr);
        assert_eq!(names(&self.scene.target()), [""; 0], "{}", self.name);
    }
}

/// The repositories of a request.
fn repositories(request: &Json) -> Vec<String> {
    let text = |repo: &Json| repo.as_str().or(repo["baseurl"].as_str()).expect("a repository").to_owned();
    request["opts"]["repo"].as_array().expect("a list").iter().map(text).collect()
}

/// Plan and run: each variant gets what it gets when it is the only one with images.
fn is_as_alone(name: &str, variants: &[&str], alone_with: fn(&Case, &str)) -> (Case, Vec<Json>) {
    let whole = Case::named(name);
    let plan = whole.plan();
    let (mut tasks, mut alone) = (BTreeSet::new(), Vec::new());
    for variant in variants {
        let case = Case::named(name);
        alone_with(&case, variant);
        alone.extend(case.plan());
        case.ends(0, "FINISHED");
        tasks.extend(case.tasks());
    }
    assert_eq!(plan, alone);
    whole.ends(0, "FINISHED");
    assert_eq!(whole.tasks(), tasks);
    (whole, plan)
}

/// Leaves the other variants out.
fn only(case: &Case, variant: &str) {
    case.add(&format!("tree_variants = ['{variant}']"));
}

#[test]
fn c03_mutation() {
    let (case, plan) = is_as_alone("c03_mutation", &["Client", "Everything", "Server"], |case, variant| {
        case.edit("(Server|Client|Everything)", variant);
    });
    let tree = |variant: &str| format!("@TARGET@/Test-9.2-20240229.t.0/compose/{variant}/$arch/os");
    for (request, variant) in plan.iter().zip(["Client", "Everything", "Server"]) {
        assert_eq!(request["variant"], variant);
        assert_eq!(request["failable"], true);
        assert_eq!(repositories(request), ["http://example.com/extra", &tree("Client"), &tree(variant)]);
    }
    // The first of Pungi's calls had nothing to leak into it.
    assert_eq!(case.tasks().intersection(&case.recorded_tasks()).count(), 1);
    let deliverables = case.made_json("logs/global/deliverables.json");
    assert_eq!(deliverables["required"], json!({}));
    assert_eq!(deliverables["attempted"]["osbuild"].as_array().map(Vec::len), Some(3));
}

#[test]
fn c05b_src_in_variants() {
    let case = Case::named("c05b_src_in_variants");
    assert_eq!(case.plan()[0]["args"][5], json!(["x86_64"]));
    case.ends(0, "FINISHED");
    assert_eq!(case.images(), ["Client/x86_64/images/cl-9.2-1.x86_64.qcow2"]);
    let info = case.made_json("compose/metadata/composeinfo.json");
    for variant in info["payload"]["variants"].as_object().expect("variants").values() {
        assert!(!list(&variant["arches"]).contains(&"src".to_owned()), "{variant}");
    }
}

#[test]
fn c07_failable_star_noarches() {
    let case = Case::named("c07_failable_star_noarches");
    let plan = case.plan();
    assert_eq!((&plan[0]["failable"], &plan[0]["args"][5]), (&json!(true), &json!(["aarch64", "x86_64"])));
    case.ends(0, "FINISHED");
    let failing = Case::named("c07_failable_star_noarches");
    failing.scenario(&json!({"fail": {"x": {"rc": 1, "out": "no"}}}));
    failing.ends(0, "FINISHED_INCOMPLETE");
}

#[test]
fn c15_no_target() {
    Case::named("c15_no_target").is_refused("MG205", "osbuild.^Server$.0", 9, "image `x` has no build target");
}

#[test]
fn c17_gen_unknown() {
    let path = "osbuild.^Server$.0.version";
    Case::named("c17_gen_unknown").is_refused("MG204", path, 9, "unknown version generator `!FOO`");
}

#[test]
fn c24_manifest_type() {
    let case = Case::named("c24_manifest_type");
    let odd = ("MG208".to_owned(), "osbuild.^Server$.1.manifest_type".to_owned(), 9);
    assert_eq!((case.checked("warnings"), case.checked("errors")), (vec![odd], vec![]));
    let ran = case.run();
    assert_eq!(case.compare(&ran), [""; 0], "the same calls and files as Pungi's");
}

#[test]
fn c25_manifest_type_bad() {
    let path = "osbuild.^Server$.0.manifest_type";
    Case::named("c25_manifest_type_bad").is_refused("MG207", path, 9, "images.json knows no image type `bogus`");
}

#[test]
fn c27_vhdfixed() {
    let case = Case::named("c27_vhdfixed");
    let ran = case.ends(1, "DOOMED");
    assert!(ran.stderr.contains("v-9.2-1.x86_64.vhdfixed has the format vhdfixed"), "{}", ran.stderr);
    // Alone: where it is failable, the other image is there.
    let failable = Case::named("c27_vhdfixed");
    let image = "'distro': 'rhel-9', 'target': 'tgt', 'arches': ['x86_64']";
    failable.add(&format!(
        "osbuild = {{'^Server$': [{{'name': 'v', 'image_types': 'vhd', 'failable': ['*'], {image}}},\n\
         {{'name': 'w', 'image_types': 'qcow2', {image}}}]}}"
    ));
    failable.ends(0, "FINISHED_INCOMPLETE");
    assert_eq!(failable.images(), ["Server/x86_64/images/w-9.2-1.x86_64.qcow2"]);
}

#[test]
fn c28_archives() {
    let case = Case::named("c28_archives");
    let ran = case.ends(1, "DOOMED");
    for text in [
        "build none-9.2-1 has no image",
        "build noimg-9.2-1 has no image",
        "noarch.qcow2 doesn't have any architecture",
        "disk.raw",
    ] {
        assert!(ran.stderr.contains(text), "{text:?} is not in {}", ran.stderr);
    }
    // What is not failable is named as the reason.
    let critical = ran.stderr.lines().find(|line| line.contains("CRITICAL")).expect("a reason");
    assert!(critical.contains("image none of variant Server"), "{critical}");
    let failable = Case::named("c28_archives");
    failable.edit("'name': 'none',", "'name': 'none', 'failable': ['*'],");
    failable.ends(0, "FINISHED_INCOMPLETE");
    assert_eq!(
        failable.images(),
        ["Server/x86_64/images/extra-9.2-1.x86_64.qcow2", "Server/x86_64/images/second-x86_64.vmdk"]
    );
}

#[test]
fn c29_missing_file() {
    let case = Case::named("c29_missing_file");
    let ran = case.ends(1, "DOOMED");
    assert!(ran.stderr.contains("m-1-1.x86_64.qcow2 is not on the Koji volume"), "{}", ran.stderr);
    assert!(ran.stderr.contains("packages/m/1/1/images/m-1-1.x86_64.qcow2"), "the missing path: {}", ran.stderr);
    assert_eq!(case.made("compose/metadata/images.json"), None);
}

#[test]
fn c39_checksum_badfmt() {
    let case = Case::named("c39_checksum_badfmt");
    case.is_refused("MG015", "media_checksum_base_filename", 9, "there is no key `dirname`");
}

#[test]
fn c40_checksum_unknown_alg() {
    Case::named("c40_checksum_unknown_alg").is_refused("MG014", "media_checksums.0", 9, "`sha3` is not a checksum");
}

#[test]
fn c50_unknown_variant_repo() {
    let path = "osbuild.^Server$.0.repo.0";
    Case::named("c50_unknown_variant_repo").is_refused("MG203", path, 9, "there is no variant `Nope`");
}

#[test]
fn c51_bad_regex() {
    Case::named("c51_bad_regex").is_refused("MG201", "osbuild.^(Server$", 9, "`^(Server$` is not a regular expression");
}

#[test]
fn c61_no_profile() {
    let case = Case::named("c61_no_profile");
    let ran = case.run();
    assert_eq!(ran.status, Some(1));
    assert!(ran.stderr.contains("error[MG301]") && ran.stderr.contains("set koji_profile"), "{}", ran.stderr);
    assert_eq!(names(&case.scene.target()), [""; 0]);
}

#[test]
fn c62_bad_profile() {
    let case = Case::named("c62_bad_profile");
    case.scene.write(".koji/config", "[other]\nserver = http://127.0.0.1:1/kojihub\n");
    let ran = case.run();
    assert_eq!(ran.status, Some(1));
    for words in ["error[MG301]", "`nosuch`", ".koji/config", "test.conf:9:"] {
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
    }
    assert_eq!(names(&case.scene.target()), [""; 0]);
}

#[test]
fn c64_login_error() {
    let case = Case::named("c64_login_error");
    let clock = Instant::now();
    // Pungi tries for two minutes, and has begun a compose.
    let ran = case.ends(1, "");
    assert!(clock.elapsed() < Duration::from_secs(60), "{:?}", clock.elapsed());
    assert_eq!(ran.stderr.lines().filter(|line| line.contains("unable to log in")).count(), 1, "{}", ran.stderr);
    assert_eq!(case.tasks(), BTreeSet::new());
}

#[test]
fn c65_watch_retry() {
    let case = Case::named("c65_watch_retry");
    // The hub goes away while the tasks run, twice and in two ways, for a call each: the client tries again at once.
    let outages = json!([
        {"after_calls": 8, "calls": 1, "kind": "offline"},
        {"after_calls": 10, "calls": 1, "kind": "refuse"},
    ]);
    case.scenario(&json!({"task_seconds": 2, "outages": outages}));
    case.ends(0, "FINISHED");
    assert_eq!(case.tasks(), case.recorded_tasks());
    assert_eq!(case.images().len(), 2);
}

#[test]
fn c68_optional_iso() {
    let case = Case::named("c68_optional_iso");
    case.ends(0, "FINISHED");
    let path = "Server-optional/x86_64/iso/x-9.2-1.x86_64.iso";
    assert_eq!(case.images(), [path]);
    assert!(case.made(&format!("compose/{path}")).is_some());
}

#[test]
fn c80_compose_dir_finished() {
    let case = Case::named("c80_compose_dir_finished");
    let before = std::fs::metadata(case.scene.target().join("mycompose/STATUS")).expect("STATUS").modified();
    let ran = case.ends(1, "FINISHED");
    assert!(ran.stderr.contains("FINISHED"), "{}", ran.stderr);
    assert_eq!(names(&case.scene.target().join("mycompose")), ["STATUS"]);
    let after = std::fs::metadata(case.scene.target().join("mycompose/STATUS")).expect("STATUS").modified();
    assert_eq!(before.expect("a time"), after.expect("a time"));
}

#[test]
fn c81_existing_file() {
    let case = Case::named("c81_existing_file");
    let ran = case.ends(1, "DOOMED");
    let file = "compose/Server/x86_64/images/x-1-1.x86_64.qcow2";
    for words in [file, "packages/x/1/1/images/x-1-1.x86_64.qcow2", "exists already"] {
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
    }
    assert_eq!(case.made(file).as_deref(), Some("other"));
}

#[test]
fn c82_bad_arch() {
    Case::named("c82_bad_arch").is_refused("MG103", "variants_file", 4, "unknown arch 'frob'");
}

#[test]
fn c94_all_skipped_arches() {
    let case = Case::named("c94_all_skipped_arches");
    let skipped = ("MG206".to_owned(), "osbuild.^Server$.0.arches".to_owned(), 9);
    assert_eq!((case.checked("warnings"), case.checked("errors")), (vec![skipped], vec![]));
    case.edit("}]}", "}, {'name': 'rest', 'distro': 'd', 'image_types': 'qcow2', 'target': 't'}]}");
    case.ends(0, "FINISHED");
    let paths = ["Server/aarch64/images/rest-9.2-1.aarch64.qcow2", "Server/x86_64/images/rest-9.2-1.x86_64.qcow2"];
    assert_eq!(case.images(), paths);
    let alone = Case::named("c94_all_skipped_arches");
    alone.ends(0, "FINISHED");
    assert_eq!(alone.images(), [""; 0]);
}

#[test]
fn c100_alias() {
    let (case, plan) = is_as_alone("c100_alias", &["Client", "Server"], only);
    for (request, variant) in plan.iter().zip(["Client", "Server"]) {
        let own = format!("@TARGET@/Test-9.2-20240229.t.0/compose/{variant}/$arch/os");
        assert_eq!(repositories(request), ["http://example.com/extra", &own]);
    }
    // The same configuration as JSON shares nothing between images.
    assert_eq!(case.tasks(), Case::named("c100j_alias_json").recorded_tasks());
}

#[test]
fn c101_alias_image() {
    let (case, plan) = is_as_alone("c101_alias_image", &["Client", "Server"], only);
    assert_eq!(plan.len(), 3);
    assert!(plan.iter().all(|request| request["failable"] == true && repositories(request).len() == 1), "{plan:#?}");
    assert_eq!(case.tasks(), case.recorded_tasks());
    let failing = Case::named("c101_alias_image");
    failing.scenario(&json!({"fail": {"i": {"rc": 1, "out": "no"}}}));
    failing.ends(0, "FINISHED_INCOMPLETE");
}

#[test]
fn c105_tuple_osbuild_value() {
    let case = Case::named("c105_tuple_osbuild_value");
    let as_list = Case::named("c105_tuple_osbuild_value");
    as_list.edit("({", "[{");
    as_list.edit("},)", "}]");
    assert_eq!(case.plan(), as_list.plan());
    assert_eq!(case.plan().len(), 1);
    case.ends(0, "FINISHED");
    assert_eq!(case.images(), ["Server/x86_64/images/tup-9.2-1.x86_64.qcow2"]);
}

#[test]
fn c107_empty_file() {
    let case = Case::named("c107_empty_file");
    let ran = case.ends(0, "FINISHED_INCOMPLETE");
    assert!(ran.stderr.contains("z-1-1.x86_64.qcow2 is empty"), "{}", ran.stderr);
    assert_eq!(case.images(), [""; 0]);
    assert_eq!(case.made_json("logs/global/deliverables.json")["failed"]["osbuild"], json!([["Server", "*", null]]));
}
