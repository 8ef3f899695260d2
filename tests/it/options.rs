//! The values of `fixtures/pungi/options.json`, each with what Pungi's validation said of it: `check` says the same, but for what
//! docs/differences-from-pungi.md covers.

use crate::program::Scene;
use magudi_testkit::repository;
use serde_json::Value as Json;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

const VARIANTS: &str = "<variants><variant id=\"Server\" name=\"Server\" type=\"variant\"><arches><arch>x86_64</arch>\
                        <arch>aarch64</arch></arches></variant></variants>";

/// A row of the corpus that comes out otherwise here, and on purpose.
struct Rule {
    /// Why, as docs/differences-from-pungi.md says it.
    reason: &'static str,
    /// Beginnings of the options.
    options: &'static [&'static str],
    /// The ids with which magudi refuses what Pungi takes; nothing where it takes what Pungi 4.3.6 refused.
    ids: &'static [&'static str],
}

const RULES: &[Rule] = &[
    Rule {
        reason: "an option that newer versions dropped accepts anything",
        options: &["image_container", "live_images", "live_target", "osbs", "signing_"],
        ids: &[],
    },
    Rule { reason: "`buildinstall_method` is `lorax`", options: &["buildinstall_method"], ids: &["MG004"] },
    Rule {
        reason: "an image without a build target",
        options: &["image_build", "imagebuilder", "kiwibuild", "live_media", "osbuild"],
        ids: &["MG203", "MG205", "MG214", "MG215"],
    },
    Rule { reason: "unknown checksum algorithm", options: &["media_checksums"], ids: &["MG014"] },
    Rule {
        reason: "a slash or a line break in what the compose id is made of",
        options: &["release_short", "release_version"],
        ids: &["MG013"],
    },
    Rule {
        reason: "a slash in the name of checksum files",
        options: &["media_checksum_base_filename"],
        ids: &["MG015"],
    },
    Rule { reason: "a pair of `translate_paths` with one item", options: &["translate_paths"], ids: &["MG007"] },
    Rule {
        reason: "a variants file that is not there, or cannot be fetched",
        options: &["variants_file"],
        ids: &["MG005", "MG101"],
    },
];

/// What `check` finds: id and path of each error.
fn errors(scene: &Scene, name: &str, config: &Json) -> Vec<(String, String)> {
    let path = scene.write(name, &config.to_string());
    let ran = scene.run(["check", "--format", "json", "--config", &path.display().to_string()]);
    assert!(matches!(ran.status, Some(0 | 1)), "{config}: {} {}", ran.stdout, ran.stderr);
    let report: Json = serde_json::from_str(&ran.stdout).unwrap();
    let text = |found: &Json, key: &str| found[key].as_str().unwrap().to_owned();
    let errors = report["errors"].as_array().unwrap();
    errors.iter().map(|found| (text(found, "id"), text(found, "path"))).collect()
}

/// How the row comes out: nothing when as in Pungi, else the ids of the errors that Pungi does not have.
fn difference(row: &Json, found: &[(String, String)]) -> Option<Vec<String>> {
    if row.get("crash").is_some() {
        return None;
    }
    let below = |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'));
    match row.get("errors").and_then(Json::as_array) {
        Some(paths) => {
            let named = |path: &Json| {
                let path = path.as_str().unwrap();
                found.iter().any(|(_, at)| at == path || below(at, path) || (!at.is_empty() && below(path, at)))
            };
            (found.is_empty() || !paths.iter().all(named)).then(Vec::new)
        }
        None => {
            let option = row["option"].as_str().unwrap();
            let about = found.iter().filter(|(_, at)| at == option || below(at, option));
            let ids: Vec<String> = about.map(|(id, _)| id.clone()).collect();
            (!ids.is_empty()).then_some(ids)
        }
    }
}

#[test]
fn every_value_of_every_option_is_judged_as_by_pungi() {
    let text = std::fs::read_to_string(repository().join("fixtures/pungi/options.json")).unwrap();
    let corpus: Json = serde_json::from_str(&text).unwrap();
    let rows = corpus["rows"].as_array().unwrap();
    assert!(rows.len() > 3000);
    let (next, used) = (AtomicUsize::new(0), Mutex::new(vec![0; RULES.len()]));
    let unlike = Mutex::new(Vec::new());
    let work = || {
        let scene = Scene::new();
        scene.write("variants.xml", VARIANTS);
        while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
            let option = row["option"].as_str().unwrap();
            let mut config = corpus["base"].clone();
            config[option] = row["value"].clone();
            let found = errors(&scene, "c.json", &config);
            let Some(ids) = difference(row, &found) else { continue };
            let covers = |rule: &Rule| {
                let named = rule.options.iter().any(|name| option.starts_with(name));
                named && rule.ids.is_empty() == ids.is_empty() && ids.iter().all(|id| rule.ids.contains(&id.as_str()))
            };
            match RULES.iter().position(covers) {
                Some(rule) => used.lock().unwrap()[rule] += 1,
                None => unlike.lock().unwrap().push(format!("{option} = {}: {found:?}", row["value"])),
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(work);
        }
    });
    let unlike = unlike.into_inner().unwrap();
    assert!(unlike.is_empty(), "{} rows: {unlike:#?}", unlike.len());
    let page = std::fs::read_to_string(repository().join("docs/differences-from-pungi.md")).unwrap();
    for (rule, used) in RULES.iter().zip(used.into_inner().unwrap()) {
        assert!(used > 0, "no row needs the rule: {}", rule.reason);
        assert!(page.contains(rule.reason), "docs/differences-from-pungi.md does not say: {}", rule.reason);
    }
}
