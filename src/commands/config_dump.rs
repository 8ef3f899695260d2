//! `magudi config dump`: the configuration as JSON, checked and with defaults, as pungi-config-dump prints it.

use crate::cli::DumpArgs;
use crate::error::Failure;
use crate::settings::Environment;
use crate::ui::Ui;
use magudi_config::check::fill::{Commits, NoCommit, Offline};
use magudi_config::check::fill_in;
use magudi_config::definitions::{load_for_dump, with_event, without_definitions};
use magudi_config::diagnostic::has_errors;
use magudi_config::dump::to_text;
use magudi_config::overrides::{load_overrides, update};
use magudi_config::{Sources, check, json_schema};
use magudi_phases::git_url::{BranchUrl, Resolver};
use std::path::PathBuf;

pub fn run(args: &DumpArgs, environment: &Environment, ui: Ui) -> Result<(), Failure> {
    let schema = magudi_phases::schema();
    let mut sources = Sources::new();
    if args.dump_schema {
        let mut document = json_schema::json_schema(schema);
        match load_overrides(&args.schema_override, &mut sources) {
            Ok(overrides) => update(&mut document, &overrides),
            Err(diagnostics) => return Err(Failure::invalid(diagnostics, sources)),
        }
        return Ok(ui.answer(&json_schema::to_text(&document))?);
    }
    let paths: Vec<PathBuf> = args.config.iter().chain(&args.source).cloned().collect();
    if let Some(missing) = paths.iter().find(|path| !path.exists()) {
        return Err(Failure::usage(format!("{}: there is no such file or directory", missing.display())));
    }
    let mut tree = match load_for_dump(&paths, &args.define, &mut sources) {
        Ok(tree) => tree,
        Err(diagnostics) => return Err(Failure::invalid(diagnostics, sources)),
    };
    if let Some(event) = args.freeze_event {
        tree = with_event(&tree, event, &mut sources);
    }
    if !args.just_dump {
        tree = without_definitions(&tree, &args.define, schema);
        let (config, mut diagnostics) = check(&tree, schema);
        diagnostics.extend_from_slice(sources.remarks());
        if config.is_none() {
            return Err(Failure::invalid(diagnostics, sources));
        }
        ui.diagnostics(&diagnostics, &sources);
        let mut git = Git(Resolver::new(environment.children.clone()));
        let commits: &mut dyn Commits = if args.offline { &mut Offline } else { &mut git };
        let (filled, said) = fill_in(&tree, schema, commits);
        // Its warnings are among those of the check.
        if has_errors(&said) {
            return Err(Failure::invalid(said, sources));
        }
        tree = filled;
    }
    match to_text(&tree) {
        Ok(text) => Ok(ui.answer(&format!("{text}\n"))?),
        Err(diagnostic) => Err(Failure::invalid(vec![diagnostic], sources)),
    }
}

/// Asks servers for the commits of branches.
struct Git(Resolver);

/// Digits of a commit's id.
const COMMIT: usize = 40;

impl Commits for Git {
    fn of_url(&mut self, url: &str) -> Result<String, NoCommit> {
        let Some(branch) = BranchUrl::parse(url) else { return Ok(url.to_owned()) };
        let commit = self.0.commit(&branch).map_err(|error| NoCommit(error.into()))?;
        Ok(branch.at(&commit))
    }

    fn of_branch(&mut self, repository: &str, branch: &str) -> Result<String, NoCommit> {
        if branch.len() == COMMIT && branch.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Ok(branch.to_owned());
        }
        let fragment = if branch == "HEAD" { branch.to_owned() } else { format!("origin/{branch}") };
        let url = format!("{repository}#{fragment}");
        let branch = BranchUrl::parse(&url).ok_or_else(|| NoCommit("no branch is named".into()))?;
        self.0.commit(&branch).map_err(|error| NoCommit(error.into()))
    }
}
