//! `check --format sarif`, held against what SARIF 2.1.0 requires of a log; and the other forms in which diagnostics are printed.

use crate::program::Scene;
use crate::schema::Schemas;
use serde_json::{Map, Value as Json};

const BASE: &str = "release_name = \"Example\"\nrelease_short = \"Ex\"\nrelease_version = \"9\"\nvariants_file = \"v.xml\"\n\
                    koji_profile = \"devhub\"\npkgset_source = \"koji\"\npkgset_koji_tag = \"ex9\"\ngather_method = \"deps\"\n";
const IMAGE: &str = "{\"name\": \"D\", \"distro\": \"ex-9\", \"image_types\": [\"qcow2\"], \"target\": \"t\"}";

fn scene(lines: &str) -> Scene {
    let scene = Scene::new();
    let variant =
        "<variant id=\"Server\" name=\"Server\" type=\"variant\"><arches><arch>x86_64</arch></arches></variant>";
    scene.write("v.xml", &format!("<variants>{variant}</variants>"));
    scene.write("my conf/c.conf", &format!("{}{lines}\n", BASE.replace("v.xml", "../v.xml")));
    scene
}

/// An error, a warning and a note.
fn all_kinds() -> Scene {
    scene(&format!(
        "osbild = {{}}\nlink_type = 'reflink'\nosbuild = {{\"^Server$\": [{IMAGE}, {}], \"^Clod$\": [{IMAGE}]}}",
        IMAGE.replace("qcow2", "game-console").replace("\"D\"", "\"E\"")
    ))
}

fn check(scene: &Scene, more: &[&str]) -> crate::program::Ran {
    scene.run([&["check", "--config", "my conf/c.conf"], more].concat())
}

/// The members of an object, which may have no others (every object of SARIF's schema is closed) and must have `required`.
fn members<'j>(object: &'j Json, required: &[&str], others: &[&str]) -> &'j Map<String, Json> {
    let members = object.as_object().unwrap_or_else(|| panic!("{object} is not an object"));
    for name in required {
        assert!(members.contains_key(*name), "{name} is missing in {object:#}");
    }
    for name in members.keys() {
        assert!(required.contains(&name.as_str()) || others.contains(&name.as_str()), "{name} in {object:#}");
    }
    members
}

fn text(message: &Json) -> &str {
    let text = members(message, &["text"], &["markdown"])["text"].as_str().unwrap();
    assert!(!text.is_empty());
    text
}

fn location(location: &Json) {
    let location = members(location, &[], &["physicalLocation", "logicalLocations", "message"]);
    if let Some(place) = location.get("physicalLocation") {
        let place = members(place, &["artifactLocation", "region"], &[]);
        let uri = members(&place["artifactLocation"], &["uri"], &[])["uri"].as_str().unwrap();
        assert!(uri.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~/%:".contains(&b)), "{uri} is not a URI");
        let region = members(&place["region"], &["startLine", "startColumn", "endLine", "endColumn"], &[]);
        let number = |name: &str| region[name].as_u64().unwrap();
        let (start, end) = ((number("startLine"), number("startColumn")), (number("endLine"), number("endColumn")));
        assert!(start.0 >= 1 && start.1 >= 1 && start <= end, "{region:?}");
    }
    for logical in location.get("logicalLocations").and_then(Json::as_array).into_iter().flatten() {
        members(logical, &["fullyQualifiedName"], &[]);
    }
    location.get("message").into_iter().for_each(|message| _ = text(message));
}

/// What the specification requires of what we write (SARIF 2.1.0, sections 3.13, 3.14, 3.18, 3.19, 3.27, 3.28, 3.30, 3.49).
fn valid(log: &Json) -> Vec<String> {
    let top = members(log, &["version", "runs"], &["$schema"]);
    assert_eq!(top["version"], "2.1.0");
    let [run] = top["runs"].as_array().unwrap().as_slice() else { panic!("{log:#}") };
    let run = members(run, &["tool", "results"], &["columnKind"]);
    assert!(matches!(run["columnKind"].as_str(), Some("unicodeCodePoints" | "utf16CodeUnits")));
    let driver = members(&members(&run["tool"], &["driver"], &[])["driver"], &["name"], &["version", "rules"]);
    let rules = driver["rules"].as_array().unwrap();
    let level = |level: &Json| assert!(["none", "note", "warning", "error"].contains(&level.as_str().unwrap()));
    let mut ids = Vec::new();
    for rule in rules {
        let rule = members(rule, &["id"], &["shortDescription", "fullDescription", "defaultConfiguration"]);
        text(&rule["shortDescription"]);
        text(&rule["fullDescription"]);
        level(&members(&rule["defaultConfiguration"], &["level"], &[])["level"]);
        ids.push(rule["id"].as_str().unwrap());
    }
    ids.dedup();
    assert_eq!(ids.len(), rules.len(), "an id stands twice");
    let results = run["results"].as_array().unwrap().iter();
    let levels = results.map(|result| {
        let result = members(result, &["message"], &["ruleId", "ruleIndex", "level", "locations", "relatedLocations"]);
        text(&result["message"]);
        level(&result["level"]);
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        for list in ["locations", "relatedLocations"] {
            result.get(list).and_then(Json::as_array).into_iter().flatten().for_each(location);
        }
        result["level"].as_str().unwrap().to_owned()
    });
    levels.collect()
}

#[test]
fn sarif_is_what_the_specification_requires() {
    let scene = all_kinds();
    let ran = check(&scene, &["--format", "sarif"]);
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(1), ""));
    let log: Json = serde_json::from_str(&ran.stdout).unwrap();
    let mut levels = valid(&log);
    levels.sort();
    let json: Json = serde_json::from_str(&check(&scene, &["--format", "json"]).stdout).unwrap();
    let count = |list: &str| json[list].as_array().map_or(0, Vec::len);
    assert!(count("errors") > 0 && count("warnings") > 0 && count("notes") > 0, "{json:#}");
    let number = |level: &str| levels.iter().filter(|other| *other == level).count();
    assert_eq!(
        (number("error"), number("warning"), number("note")),
        (count("errors"), count("warnings"), count("notes"))
    );
    let place = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "my%20conf/c.conf", "{log:#}");
}

/// What stands in no file has no place, a syntax error has one; a duplicate has two.
#[test]
fn sarif_of_any_diagnostic_is_valid() {
    for (lines, more) in [
        ("osbuild = [", &[][..]),
        ("osbuild = {'^S': [], '^S': []}", &[]),
        ("", &["-e", "link_type=reflink"]),
        ("variants_file = 'nowhere.xml'", &[]),
        (&format!("osbuild = {{'^Server$': [{IMAGE}]}}"), &[]),
    ] {
        let ran = check(&scene(lines), &[more, &["--format", "sarif"]].concat());
        let log: Json = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{lines}: {}", ran.stderr));
        assert_eq!(valid(&log).iter().any(|level| level == "error"), ran.status == Some(1), "{lines}: {log:#}");
    }
}

#[test]
fn json_is_what_the_schema_says_and_plan_prints_it_on_errors() {
    let scene = all_kinds();
    let checked = check(&scene, &["--format", "json"]).stdout;
    let report = Schemas::checked("diagnostics.schema.json", &checked);
    let found = report["errors"].as_array().unwrap();
    assert_eq!(
        (&found[0]["line"], &found[0]["column"], &found[0]["end_line"], &found[0]["end_column"]),
        (&10.into(), &13.into(), &10.into(), &22.into())
    );
    let ran = scene.run(["plan", "--config", "my conf/c.conf", "--test", "--format", "json"]);
    assert_eq!(ran.status, Some(1));
    assert_eq!(Schemas::checked("diagnostics.schema.json", &ran.stdout), report);
    assert!(ran.stderr.contains("error[MG004]"), "{}", ran.stderr);
}

#[test]
fn check_quiet_prints_errors_only() {
    let scene = all_kinds();
    let ran = check(&scene, &["--quiet"]);
    assert!(ran.status == Some(1) && ran.stderr.contains("error[MG004]"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("warning") && !ran.stderr.contains("note"), "{}", ran.stderr);
    let warned = scene_of_a_warning();
    let ran = check(&warned, &["--quiet"]);
    assert_eq!((ran.status, ran.stderr.as_str(), ran.stdout.as_str()), (Some(0), "", ""));
    // What makes it fail is said.
    let ran = check(&warned, &["--quiet", "--strict"]);
    assert!(ran.status == Some(1) && ran.stderr.contains("warning[MG011]"), "{}", ran.stderr);
}

fn scene_of_a_warning() -> Scene {
    scene(&format!("osbild = {{}}\nosbuild = {{'^Server$': [{IMAGE}]}}"))
}
