//! `magudi explain`, and the plan as people read it.

use crate::program::Scene;
use magudi_config::codes::ALL;
use magudi_testkit::repository;

/// What is explained is what the page says: every id has the same words there.
#[test]
fn each_id_is_explained_in_the_words_of_the_page() {
    let page = std::fs::read_to_string(repository().join("docs/diagnostics.md")).unwrap();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let page = words(&page);
    let scene = Scene::new();
    for code in ALL {
        let ran = scene.run(["explain", code.id]);
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        assert!(ran.stdout.starts_with(&format!("{}: {}\n", code.id, code.title)), "{}", ran.stdout);
        let paragraph = ran.stdout.split("\n\n").nth(1).unwrap();
        assert!(page.contains(&words(paragraph)), "{paragraph}");
        assert!(
            ran.stdout.lines().all(|line| line.starts_with("    ") || line.chars().count() <= 100),
            "{}",
            ran.stdout
        );
    }
    for id in ["mg202", "202", " MG202 "] {
        assert!(scene.run(["explain", id]).stdout.starts_with("MG202: "), "{id}");
    }
}

#[test]
fn without_an_id_all_are_listed_and_an_unknown_one_is_refused() {
    let scene = Scene::new();
    let list = scene.run(["explain"]).stdout;
    assert_eq!(list.lines().count(), ALL.len() + 1);
    assert!(ALL.iter().all(|code| list.contains(code.id) && list.contains(code.title)), "{list}");
    for (id, near) in [("MG2O2", "did you mean MG2"), ("MG999", "MG"), ("nonsense", "magudi explain lists all")] {
        let ran = scene.run(["explain", id]);
        assert_eq!(ran.status, Some(2), "{id}");
        assert!(
            ran.stderr.contains(&format!("there is no diagnostic `{id}`; ")) && ran.stderr.contains(near),
            "{}",
            ran.stderr
        );
    }
}

/// A line for each image, in 120 columns and uncut, for the configuration of a whole distribution.
#[test]
fn a_plan_of_a_distribution_has_a_line_for_each_image_in_120_columns() {
    let scene = Scene::new();
    let config = repository().join("examples/fedora/fedora.conf").display().to_string();
    let plan = |more: &[&str]| {
        let ran = scene.run([&["plan", "--config", &config, "--nightly"], more].concat());
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        ran.stdout
    };
    let json: serde_json::Value = serde_json::from_str(&plan(&["--format", "json"])).unwrap();
    let requests = json["requests"].as_array().unwrap();
    let table = plan(&[]);
    let phases: std::collections::BTreeSet<&str> =
        requests.iter().map(|request| request["phase"].as_str().unwrap()).collect();
    // A heading and a line of columns for each phase, an empty line behind it, and the last line.
    assert_eq!(table.lines().count(), requests.len() + 3 * phases.len() + 1, "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 120 && !line.contains('…')), "{table}");
    assert!(!table.contains("https://") && !table.contains("eu-central"), "{table}");
    let long = plan(&["--long"]);
    assert!(long.contains("    repo https://") || long.contains("    repo /"), "{long}");
    assert!(long.contains("    upload to region ") && long.contains("    subvariant Cloud_Base"), "{long}");
    assert_eq!(long, plan(&["-v"]));
}

/// What bash offers behind `words`, the last of which is being typed; `compopt` is noted.
fn completed(script: &str, words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let (cur, prev) = (&quoted[quoted.len() - 1], &quoted[quoted.len() - 2]);
    let text = format!(
        "{script}\ncompopt() {{ echo \"compopt $*\"; }}\nCOMP_WORDS=({}); COMP_CWORD={}\n_magudi magudi {cur} {prev}\n\
         echo \"${{COMPREPLY[*]}}\"\n",
        quoted.join(" "),
        words.len() - 1
    );
    let output = std::process::Command::new("bash").args(["--norc", "-c", &text]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn bash_completes_directories() {
    let scene = Scene::new();
    let script = scene.run(["generate", "completions", "bash"]).stdout;
    for option in ["--target-dir", "--compose-dir"] {
        let offered = completed(&script, &["magudi", "run", option, ""]);
        assert!(offered.contains("compopt") && offered.contains("dirs"), "{option}: {offered}");
    }
    let offered = completed(&script, &["magudi", "run", "--config", ""]);
    assert!(offered.contains("compopt -o filenames"), "{offered}");
    for verb in ["status", "resume", "cancel", "report", "uploads", "verify"] {
        // Nothing is offered where a path belongs, so that bash offers its own files and directories.
        assert_eq!(completed(&script, &["magudi", verb, ""]).trim(), "", "{verb}");
        assert_eq!(completed(&script, &["magudi", verb, "/mnt"]).trim(), "", "{verb}");
        assert!(completed(&script, &["magudi", verb, "--"]).contains("--help"), "{verb}");
    }
    assert!(completed(&script, &["magudi", ""]).contains("status"));
}
