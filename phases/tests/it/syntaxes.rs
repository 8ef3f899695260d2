//! The same configuration, however it is written: `.conf`, `.json` and `.yaml` give the same plan and the same problems.

use crate::tree::{Tree, configuration};
use crate::write::{Whim, conf, json, yaml};
use magudi_compose::ComposeIdentity;
use magudi_compose::identity::ComposeType;
use magudi_compose::layout::ComposeDir;
use magudi_compose::variants::{check as check_variants, check_filters, load_variants};
use magudi_config::render::render_human;
use magudi_config::{Diagnostic, Sources, Text, check_all, load_config};
use magudi_phases::phase::Context;
use magudi_phases::selection::{Selection, expand};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value as Json;
use std::cell::Cell;
use std::path::Path;

pub const VARIANTS: &str = r#"<variants>
  <variant id="Server" name="Server" type="variant" has_optional="true">
    <arches><arch>x86_64</arch><arch>aarch64</arch><arch>s390x</arch><arch>ppc64le</arch></arches>
    <variants>
      <variant id="HA" name="High Availability" type="addon"><arches><arch>x86_64</arch></arches></variant>
    </variants>
  </variant>
  <variant id="Client" name="Client" type="variant"><arches><arch>x86_64</arch><arch>aarch64</arch></arches></variant>
  <variant id="Empty" name="Empty" type="variant" is_empty="true"><arches><arch>s390x</arch></arches></variant>
</variants>
"#;

/// What a configuration comes to, without the places in its text.
#[derive(Debug, PartialEq)]
struct Outcome {
    requests: Json,
    manifest_types: Vec<Option<String>>,
    found: Vec<(&'static str, String, String)>,
}

/// Remarks on the text itself, and variables of the configuration language, which are options that Pungi does not know.
const OF_THE_SYNTAX: [&str; 6] = ["MG011", "MG018", "MG019", "MG020", "MG021", "MG022"];

fn outcome(path: &Path) -> Result<Outcome, String> {
    let mut sources = Sources::new();
    let tree = load_config(path, &mut sources).map_err(|found| render_human(&found, &sources, false))?;
    let (config, mut found) = check_all(&tree, magudi_phases::schema());
    let mut requests = Vec::new();
    if let Some(config) = config {
        let (mut variants, _) = load_variants(&config, path, &mut sources).map_err(|found| format!("{found:?}"))?;
        let plain = |list: &[Text]| list.iter().map(|item| item.as_str().to_owned()).collect::<Vec<_>>();
        found.extend(check_filters(&variants, &config.tree_arches, &config.tree_variants));
        variants.filter(&plain(&config.tree_arches), &plain(&config.tree_variants));
        found.extend(check_variants(&variants));
        let identity = ComposeIdentity::from_config(&config, "20240229".to_owned(), ComposeType::Nightly, None, false);
        let dir = ComposeDir::at(Path::new("/mnt/koji/compose/Example-42-20240229.n.0"));
        let context = Context { config: &config, variants: &variants, identity: &identity, dir: &dir };
        let (planned, problems) = expand(&context, &Selection::default());
        requests = planned;
        found.extend(problems);
    }
    let shape = |problem: Diagnostic| {
        assert!(problem.span.is_some(), "{problem:?} has no place");
        (problem.code.id, problem.path, problem.message)
    };
    let mut found: Vec<_> = found.into_iter().map(shape).filter(|(id, ..)| !OF_THE_SYNTAX.contains(id)).collect();
    // Options are checked in the order of the schema, images in that of the configuration: nothing depends on the syntax.
    found.sort();
    Ok(Outcome {
        requests: serde_json::to_value(&requests).map_err(|error| error.to_string())?,
        manifest_types: requests
            .into_iter()
            .map(|request| request.about.manifest_type.map(|kind| kind.to_string()))
            .collect(),
        found,
    })
}

/// Writes the configuration in each syntax and compares what becomes of it.
fn compare(members: &[(String, Tree)], whim: Vec<u8>) -> Result<Outcome, TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
        folder.path().join(name)
    };
    write("variants.xml", VARIANTS);
    let mut whim = Whim::new(whim);
    let (main, more) = conf(members, &mut whim);
    write("more.conf", &more);
    let texts = [("a.conf", main), ("a.json", json(members, &mut whim)), ("a.yaml", yaml(members, &mut whim))];
    let mut first: Option<Outcome> = None;
    for (name, text) in &texts {
        let outcome = outcome(&write(name, text));
        let outcome =
            outcome.map_err(|error| TestCaseError::fail(format!("{error}\n{text}\n--- more.conf\n{more}")))?;
        if let Some(first) = &first {
            let conf = &texts[0].1;
            prop_assert_eq!(first, &outcome, "{}:\n{}\n--- a.conf\n{}\n--- more.conf\n{}", name, text, conf, &more);
        }
        first.get_or_insert(outcome);
    }
    Ok(first.unwrap())
}

#[test]
fn every_syntax_gives_the_same_plan() {
    let (planned, refused) = (Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new(Config { cases: 200, failure_persistence: None, ..Config::default() });
    let strategy = (configuration(), prop::collection::vec(any::<u8>(), 64..256));
    let result = runner.run(&strategy, |(members, whim)| {
        let outcome = compare(&members, whim)?;
        let count = if outcome.requests == Json::Array(Vec::new()) { &refused } else { &planned };
        count.set(count.get() + 1);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    // Neither kind is rare, so that both are compared.
    assert!(planned.get() > 60 && refused.get() > 15, "{} planned, {} not", planned.get(), refused.get());
}
