//! Dumps beside those that the real Pungi made of the same configurations (facts: language 12), and what is filled in where no recording
//! is.

use magudi_config::check::fill::{Commits, NoCommit, Offline};
use magudi_config::check::fill_in;
use magudi_config::dump::{to_json, to_text};
use magudi_config::{Diagnostic, Sources, load_config};
use serde_json::{Value as Json, json};
use sha1::{Digest as _, Sha1};
use std::fmt::Write as _;
use std::path::PathBuf;

/// The commits of the recordings: made of the URL and the reference (fixtures/phases).
struct Recorded;

impl Commits for Recorded {
    fn of_url(&mut self, url: &str) -> Result<String, NoCommit> {
        Ok(match magudi_phases::git_url::BranchUrl::parse(url) {
            Some(branch) => branch.at(&commit(branch.repository, &branch.reference)),
            None => url.to_owned(),
        })
    }

    fn of_branch(&mut self, repository: &str, branch: &str) -> Result<String, NoCommit> {
        Ok(commit(repository, branch))
    }
}

fn commit(repository: &str, reference: &str) -> String {
    let mut id = String::new();
    for byte in Sha1::digest(format!("{repository} {reference}")) {
        let _ = write!(id, "{byte:02x}");
    }
    id
}

fn fixtures() -> PathBuf {
    magudi_testkit::fixture("")
}

/// Defaults that came with a later Pungi than the one that made a recording.
const LATER: &str = "    \"kiwibuild_use_buildroot_repo\": false,\n";

#[test]
fn dumps_are_pungis() {
    let mut compared = 0;
    for kind in ["pungi", "phases", "phases3"] {
        let cases = fixtures().join(kind).join("cases");
        let index: Vec<Json> =
            serde_json::from_str(&std::fs::read_to_string(cases.join("INDEX.json")).unwrap()).unwrap();
        for case in index {
            let folder = cases.join(case["case"].as_str().unwrap());
            let Ok(expected) = std::fs::read_to_string(folder.join("expected/config-dump.json")) else { continue };
            let name = case["config"].as_str().unwrap_or("test.conf");
            let tree = load_config(&folder.join(name), &mut Sources::new()).unwrap();
            let (filled, _) = fill_in(&tree, magudi_phases::schema(), &mut Recorded);
            let mut text = to_text(&filled).unwrap();
            if !expected.contains(LATER) {
                assert!(text.contains(LATER));
                text = text.replace(LATER, "");
            }
            assert_eq!(text.trim_end(), expected.trim_end(), "{}", folder.display());
            compared += 1;
        }
    }
    assert!(compared > 150, "{compared}");
}

/// What is filled in for the value of an option, and the ids and paths of what is said.
fn filled(option: &str, value: &str, commits: &mut dyn Commits) -> (Json, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.conf");
    std::fs::write(&path, format!("{option} = {value}\n")).unwrap();
    let tree = load_config(&path, &mut Sources::new()).unwrap();
    let (filled, said) = fill_in(&tree, magudi_phases::schema(), commits);
    let said = said.iter().map(|found: &Diagnostic| format!("{} {}", found.code.id, found.path)).collect();
    (to_json(&filled).unwrap()[option].take(), said)
}

#[test]
fn the_corpus_of_options_is_filled_in_as_pungi_does() {
    let corpus: Json =
        serde_json::from_str(&std::fs::read_to_string(fixtures().join("pungi/options.json")).unwrap()).unwrap();
    let rows = corpus["rows"].as_array().unwrap().iter().filter(|row| row.get("errors").is_none());
    let mut compared = 0;
    for row in rows.filter(|row| row.get("crash").is_none()) {
        let option = row["option"].as_str().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        std::fs::write(&path, json!({option: row["value"]}).to_string()).unwrap();
        let tree = load_config(&path, &mut Sources::new()).unwrap();
        let (filled, _) = fill_in(&tree, magudi_phases::schema(), &mut Offline);
        let expected = row.get("after").unwrap_or(&row["value"]);
        assert_eq!(&to_json(&filled).unwrap()[option], expected, "{option} = {}", row["value"]);
        compared += 1;
    }
    assert!(compared > 600, "{compared}");
}

#[test]
fn older_names_and_commits_are_filled_in() {
    let ostree = |more: &str| {
        format!("[('^A$', {{'x86_64': {{'treefile': 't', 'config_url': 'u', 'ostree_repo': 'o', {more}}}}})]")
    };
    let repo = |value: Json| {
        let mut all = json!({"treefile": "t", "config_url": "u", "ostree_repo": "o"});
        all["repo"] = value;
        json!([["^A$", {"x86_64": all}]])
    };
    let at = |id: &str, key: &str| format!("{id} ostree.0.1.x86_64.{key}");
    for (more, expected, said) in [
        ("'extra_source_repos': ['a']", json!(["a"]), vec![at("MG012", "extra_source_repos")]),
        ("'repo_from': 'a'", json!("a"), vec![at("MG012", "repo_from")]),
        ("'repo': 'a', 'repo_from': 'b'", json!(["a", "b"]), vec![at("MG012", "repo_from")]),
        (
            "'source_repo_from': ('c', 'd'), 'extra_source_repos': ['a'], 'repo_from': 'b'",
            json!(["a", "b", "c", "d"]),
            vec![at("MG012", "extra_source_repos"), at("MG012", "repo_from"), at("MG012", "source_repo_from")],
        ),
        ("'repo': 'a', 'extra_source_repos': 'b'", json!("a"), vec![at("MG009", "extra_source_repos")]),
    ] {
        assert_eq!(filled("ostree", &ostree(more), &mut Offline), (repo(expected), said), "{more}");
    }
    // The newer form has no older names.
    let (value, said) = filled("ostree", "{'^A$': {'repo_from': 'a'}}", &mut Offline);
    assert_eq!((value, said.len()), (json!({"^A$": {"repo_from": "a"}}), 0));
    let (value, said) =
        filled("image_build", "{'^A$': [{'image-build': {'repo': 'a', 'repo_from': ['b']}}]}", &mut Offline);
    assert_eq!(value, json!({"^A$": [{"image-build": {"repo": ["a", "b"]}}]}));
    assert_eq!(said, ["MG012 image_build.^A$.0.image-build.repo_from"]);

    let comps = |branch: &str| format!("{{'scm': 'git', 'repo': 'r'{branch}, 'file': 'f'}}");
    for (branch, offline, online) in [
        ("", "HEAD", "HEAD"),
        (", 'branch': None", "HEAD", "HEAD"),
        (", 'branch': ''", "HEAD", "HEAD"),
        (", 'branch': 'main'", "main", "main"),
    ] {
        for option in ["comps_file", "variants_file", "buildinstall_kickstart"] {
            assert_eq!(filled(option, &comps(branch), &mut Offline).0["branch"], offline, "{option} {branch}");
            assert_eq!(filled(option, &comps(branch), &mut Recorded).0["branch"], commit("r", online), "{option}");
        }
    }
    for other in ["{'scm': 'file', 'repo': 'r', 'file': 'f'}", "{'scm': 'git', 'file': 'f'}", "'path'", "5"] {
        assert!(filled("comps_file", other, &mut Recorded).0.get("branch").is_none(), "{other}");
    }
    let lorax = "[('^A$', {'*': {'configuration_file': {'scm': 'git', 'repo': 'r'}}})]";
    assert_eq!(filled("lorax_options", lorax, &mut Offline).0[0][1]["*"]["configuration_file"]["branch"], "HEAD");
    assert_eq!(filled("global_ksurl", "'git://h/k?#HEAD'", &mut Recorded).0, {
        json!(format!("git://h/k?#{}", commit("git://h/k", "HEAD")))
    });
}

/// A list that stands in two places is filled in once, and said of once, as in Pungi.
#[test]
fn a_variable_is_filled_in_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.conf");
    let tree = "tree = {'treefile': 't', 'config_url': 'u', 'ostree_repo': 'o', 'repo': 'a', 'repo_from': 'b'}";
    std::fs::write(&path, format!("{tree}\nostree = [('A', {{'x86_64': tree, 'aarch64': tree}})]\n")).unwrap();
    let tree = load_config(&path, &mut Sources::new()).unwrap();
    let (filled, said) = fill_in(&tree, magudi_phases::schema(), &mut Offline);
    let dump = to_json(&filled).unwrap();
    for arch in ["x86_64", "aarch64"] {
        assert_eq!(dump["ostree"][0][1][arch]["repo"], json!(["a", "b"]));
    }
    assert_eq!(said.len(), 1);
}

/// What is not of a kind is left for the check, whatever it is.
#[test]
fn what_does_not_fit_is_left_alone() {
    let odd = ["5", "None", "'x'", "[]", "{}", "[5]", "[[]]", "[[5]]", "[['a']]", "[['a', 5]]", "[['a', {'b': 5}]]"];
    let odd =
        odd.into_iter().chain(["{'a': 5}", "{'a': [5]}", "{'a': [[]]}", "{5: [{}]}", "{'a': {'image-build': 5}}"]);
    for value in odd {
        for option in magudi_phases::schema().options().map(|key| key.name).chain(["image_build", "kiwibuild"]) {
            let (_, said) = filled(option, value, &mut Offline);
            assert!(said.is_empty(), "{option} = {value}: {said:?}");
        }
    }
}
