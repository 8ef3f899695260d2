//! Slips that nothing refuses: arches that may fail and are not built, a variable of dnf, keys of customizations; and scenarios.

use crate::program::Scene;
use serde_json::Value as Json;

const BASE: &str = "release_name = \"Example\"\nrelease_short = \"Ex\"\nrelease_version = \"9\"\nvariants_file = \"v.xml\"\n\
                    koji_profile = \"devhub\"\npkgset_source = \"koji\"\npkgset_koji_tag = \"ex9\"\ngather_method = \"deps\"\n\
                    global_target = \"t\"\n";

/// `Server` has two arches, `Client` has one.
fn scene(lines: &str) -> Scene {
    let scene = Scene::new();
    let variant = |id: &str, arches: &str| {
        format!("<variant id=\"{id}\" name=\"{id}\" type=\"variant\"><arches><arch>{arches}</arch></arches></variant>")
    };
    let (server, client) = (variant("Server", "x86_64</arch><arch>aarch64"), variant("Client", "x86_64"));
    scene.write("v.xml", &format!("<variants>{server}{client}</variants>"));
    scene.write("c.conf", &format!("{BASE}{lines}\n"));
    scene
}

/// The warnings of `check`: id, path and help.
fn warnings(lines: &str, more: &[&str]) -> Vec<(String, String, String)> {
    let ran = scene(lines).run([&["check", "--config", "c.conf", "--format", "json"], more].concat());
    let report: Json = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{lines}: {}", ran.stderr));
    assert_eq!(report["errors"], serde_json::json!([]), "{lines}");
    let text = |found: &Json, key: &str| found[key].as_str().unwrap_or_default().to_owned();
    let found = report["warnings"].as_array().unwrap().iter();
    found.map(|found| (text(found, "id"), text(found, "path"), text(found, "help"))).collect()
}

fn osbuild(pattern: &str, more: &str) -> String {
    format!("osbuild = {{'{pattern}': [{{'name': 'D', 'distro': 'e', 'image_types': ['qcow2']{more}}}]}}")
}

#[test]
fn an_arch_that_may_fail_and_is_not_built_is_warned_of() {
    let of = |pattern: &str, more: &str| osbuild(pattern, more);
    for (lines, found) in [
        (of("^Server$", ", 'failable': ['*']"), None),
        (of("^Server$", ", 'failable': ['aarch64']"), None),
        (of("^Server$", ", 'failable': ['aarch64', 's390x']"), Some("osbuild.^Server$.0.failable.1")),
        (of("^Server$", ", 'arches': ['x86_64'], 'failable': ['aarch64']"), Some("osbuild.^Server$.0.failable.0")),
        // One of the variants has it.
        (of("^(Server|Client)$", ", 'failable': ['aarch64']"), None),
        (of("^Client$", ", 'failable': ['aarch64']"), Some("osbuild.^Client$.0.failable.0")),
        // What is left out of the compose is no mistake of the image.
        (format!("tree_arches = ['x86_64']\n{}", of("^Server$", ", 'failable': ['aarch64']")), None),
        (format!("tree_variants = ['Client']\n{}", of("^(Server|Client)$", ", 'failable': ['aarch64']")), None),
    ] {
        let got = warnings(&lines, &[]);
        let paths: Vec<&str> = got.iter().map(|(_, path, _)| path.as_str()).collect();
        assert_eq!(paths, Vec::from_iter(found), "{lines}: {got:?}");
        assert!(got.iter().all(|(id, ..)| id == "MG231"), "{got:?}");
    }
    assert_eq!(warnings(&of("^(Server|Client)$", ", 'failable': ['aarch64']"), &["--variant", "Client"]), []);
}

#[test]
fn a_variable_that_builders_do_not_know_is_warned_of() {
    let url = "'https://e.example/$basearch/os'";
    let kiwi = "'kiwi_profile': 'P', 'description_scm': 'https://e.example/k.git', 'description_path': 'p'";
    let live = "'name': 'L', 'kickstart': 'k.ks', 'ksurl': 'https://e.example/k.git', 'version': '1'";
    for (lines, path) in [
        (osbuild("^Server$", &format!(", 'repo': [{url}]")), Some("osbuild.^Server$.0.repo.0")),
        (osbuild("^Server$", &format!(", 'repo': [{{'baseurl': {url}}}]")), Some("osbuild.^Server$.0.repo.0.baseurl")),
        (format!("kiwibuild = {{'^Server$': [{{{kiwi}, 'repos': [{url}]}}]}}"), Some("kiwibuild.^Server$.0.repos.0")),
        // These know it.
        (format!("live_media = {{'^Server$': [{{{live}, 'repo': [{url}]}}]}}"), None),
        (
            format!("imagebuilder = {{'^Server$': [{{'name': 'I', 'types': ['minimal-raw-xz'], 'repos': [{url}]}}]}}"),
            None,
        ),
        (osbuild("^Server$", &format!(", 'repo': [{}]", url.replace("$basearch", "$arch"))), None),
    ] {
        let got = warnings(&lines, &[]);
        let want: Vec<_> =
            path.iter().map(|path| ("MG232".to_owned(), (*path).to_owned(), "write `$arch`".to_owned())).collect();
        assert_eq!(got, want, "{lines}");
    }
}

#[test]
fn slips_in_customizations_are_warned_of() {
    for (customizations, slips) in [
        ("{'packages': ['vim'], 'hostname': 'h', 'users': [{'name': 'u', 'groups': ['g'], 'key': 'k'}]}", vec![]),
        (
            "{'kernel': {'append': 'a'}, 'services': {'enabled': ['s'], 'masked': ['m']}, 'fips': {'enabled': True}}",
            vec![],
        ),
        // What composer passes over may be there.
        ("{'files': [{'path': '/a', 'comment': 'c'}], 'disk': {'anything': 1, 'partitions': []}}", vec![]),
        ("{'package': ['vim']}", vec![("package", "did you mean `packages`?")]),
        (
            "{'users': [{'name': 'u', 'goups': []}, {'namee': 'v'}]}",
            vec![("users.0.goups", "did you mean `groups`?"), ("users.1.namee", "did you mean `name`?")],
        ),
        (
            "{'filesystem': [{'mountpoint': '/', 'minsize': 1}]}",
            vec![("filesystem.0.minsize", "did you mean `min_size`?")],
        ),
        ("{'firewall': {'services': {'enable': []}}}", vec![("firewall.services.enable", "did you mean `enabled`?")]),
        ("{'teapot': 1}", vec![("teapot", "osbuild-composer refuses an image with a key that it does not know")]),
    ] {
        let lines = osbuild("^Server$", &format!(", 'customizations': {customizations}"));
        let want: Vec<_> = slips
            .iter()
            .map(|(path, help)| {
                ("MG233".to_owned(), format!("osbuild.^Server$.0.customizations.{path}"), (*help).to_owned())
            })
            .collect();
        assert_eq!(warnings(&lines, &[]), want, "{lines}");
    }
}

#[cfg(feature = "simulator")]
#[test]
fn scenarios_are_checked() {
    let scene = scene(&osbuild("^Server$", ""));
    let run = |scenario: &str, more: &[&str]| {
        scene.write("s.json", scenario);
        let base = ["run", "--config", "c.conf", "--test", "--target-dir", "target", "--simulate=s.json"];
        scene.run([&base[..], more].concat())
    };
    for (slip, near) in
        [("fial", "fail"), ("outage", "outages"), ("task_second", "task_seconds"), ("submit_eror", "submit_error")]
    {
        let ran = run(&format!("{{\"{slip}\": {{}}}}"), &[]);
        assert_eq!(ran.status, Some(1), "{slip}: {}", ran.stderr);
        assert!(
            ran.stderr.contains(&format!("{slip}: a scenario has no such key; did you mean `{near}`?")),
            "{}",
            ran.stderr
        );
    }
    assert_eq!(std::fs::read_dir(scene.target()).into_iter().flatten().count(), 0);
    // What a file made for something else has beside them is of no interest.
    let ran =
        run("{\"args\": [], \"git_fail\": true, \"notify\": true, \"comment\": \"c\", \"fail\": {\"d\": {}}}", &[]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("warning: the scenario has `d` in fail, but no image has that name"), "{}", ran.stderr);
    let ran =
        run("{\"submit_error\": {\"*\": \"x\", \"Disc\": \"x\"}, \"files\": {\"D\": [\"a.qcow2\"]}}", &["--quiet"]);
    assert!(!ran.stderr.contains("warning: the scenario"), "{}", ran.stderr);
}
