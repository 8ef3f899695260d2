//! `magudi plan --against`: what a changed configuration changes in what would be submitted, beside an earlier plan or the
//! configuration that a compose was made with, magudi's or Pungi's.

use super::inspect::{Branches, Inspected, Purpose, inspect};
use crate::cli::ComposeArgs;
use crate::error::{Cause, Failure};
use crate::settings::Environment;
use crate::ui::printable;
use magudi_compose::identity::{ComposeIdentity, IdParts};
use magudi_compose::layout::ComposeDir;
use magudi_config::words::counted;
use magudi_config::{Severity, load, regular, secret};
use magudi_engine::method::Method;
use magudi_engine::plan::TaskRequest;
use magudi_engine::plan_changes::{Changed, Changes, ComparedRequest, changes, parse_plan};
use magudi_engine::plan_secrets::{Mask, secrets_in};
use serde::Serialize;
use serde_json::{Value as Json, json};
use std::io::Read as _;
use std::path::Path;

/// The largest plan that is read, in bytes.
const MAX_BYTES: u64 = 512 << 20;

/// The longest value that is shown, in characters.
const MAX_VALUE: usize = 300;

/// The changes, and beside what.
#[derive(Debug, Serialize)]
pub struct Beside {
    against: String,
    compose_id: String,
    #[serde(flatten)]
    changes: Changes,
}

#[derive(Clone, Copy)]
pub struct Planned<'a> {
    pub inspected: &'a Inspected,
    pub args: &'a ComposeArgs,
    /// The compose that it would make.
    pub identity: &'a ComposeIdentity,
    pub dir: &'a ComposeDir,
    /// What would be submitted.
    pub requests: &'a [TaskRequest],
}

/// Compares what would be submitted with what `against` has: a file that `magudi plan --format json` printed, or a compose.
pub fn beside(
    against: &Path,
    planned: Planned<'_>,
    branches: Branches<'_>,
    environment: &Environment,
) -> Result<Beside, Failure> {
    let (name, mut old) = if against.is_dir() {
        of_compose(against, planned, branches, environment)?
    } else {
        of_plan(against, planned.identity)?
    };
    let chosen = &planned.inspected.selection.chosen;
    old.retain(|asked| chosen.takes(&asked.variant, asked.name()));
    let mut new: Vec<ComparedRequest> = planned.requests.iter().map(ComparedRequest::from).collect();
    let values = secret::values(&planned.inspected.config.tree);
    let sent = old.iter().chain(&new).flat_map(|asked| asked.values.values()).flat_map(secrets_in);
    let mask = Mask::new(values.iter().map(String::as_str).chain(sent));
    for asked in old.iter_mut().chain(&mut new) {
        if let Ok(hidden) = serde_json::from_str(&mask.hide(&json!(asked.values).to_string())) {
            asked.values = hidden;
        }
    }
    Ok(Beside { against: name, compose_id: planned.identity.id(), changes: changes(old, new) })
}

fn cannot(file: &Path, cause: impl Into<Cause>) -> Failure {
    Failure::because(format!("cannot use {}", file.display()), cause)
}

/// What a plan asked for, as if it were of the compose that is planned now.
fn of_plan(path: &Path, identity: &ComposeIdentity) -> Result<(String, Vec<ComparedRequest>), Failure> {
    let mut text = String::new();
    let file = regular::open_named(path).map_err(|error| cannot(path, error))?;
    file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(|error| cannot(path, error))?;
    if text.len() as u64 > MAX_BYTES {
        return Err(cannot(path, format!("it is larger than {} MiB", MAX_BYTES >> 20)));
    }
    let (id, mut asked) = parse_plan(&text, &method).map_err(|error| cannot(path, error))?;
    // Ids and releases have the date and the respin in them.
    if let (Some(before), now) = (id.as_deref().and_then(day), identity.id())
        && let Some(now) = day(&now)
    {
        for asked in &mut asked {
            asked.replace(before, now);
        }
    }
    Ok((id.unwrap_or_else(|| path.display().to_string()), asked))
}

/// Date, type and respin in a compose id: `20250219.n.0`.
fn day(id: &str) -> Option<&str> {
    IdParts::find(id)?;
    Some(id.rsplit_once('-')?.1)
}

fn method(name: &str) -> Option<&'static Method> {
    magudi_phases::PHASES.iter().map(|phase| phase.method()).find(|method| method.name == name)
}

/// What the configuration asks for that the compose at `path` was made with, were it made now.
fn of_compose(
    path: &Path,
    planned: Planned<'_>,
    branches: Branches<'_>,
    environment: &Environment,
) -> Result<(String, Vec<ComparedRequest>), Failure> {
    let dir = ComposeDir::at(path);
    let (dump, shown) = (dir.config_dump(), path.display());
    if !dump.exists() {
        return Err(Failure::failed(format!(
            "{shown} has no logs/global/config-dump.global.log, so its configuration is unknown: give the output of `magudi plan --format json` instead"
        )));
    }
    let read = |file: &Path| load::load_bytes(file).map_err(|error| cannot(file, error));
    let mut config: Json = serde_json::from_slice(&read(&dump)?).map_err(|error| cannot(&dump, error))?;
    let Json::Object(keys) = &mut config else { return Err(cannot(&dump, "it is not an object")) };
    keys.insert("variants_file".to_owned(), json!("variants.xml"));
    let copies = tempfile::tempdir().map_err(|error| Failure::because("cannot make a directory", error))?;
    let write = |name: &str, bytes: &[u8]| {
        let file = copies.path().join(name);
        std::fs::write(&file, bytes).map_err(|error| cannot(&file, error))
    };
    write("config.json", config.to_string().as_bytes())?;
    write("variants.xml", &read(&dir.variants_copy())?)?;
    let args = ComposeArgs {
        config: copies.path().join("config.json"),
        define: Vec::new(),
        target_dir: None,
        compose_dir: None,
        ..planned.args.clone()
    };
    let old = inspect(&args, environment, Purpose::Begun, branches);
    let old = old.map_err(|failure| match failure {
        Failure::Invalid(invalid) => {
            let errors = invalid.diagnostics.iter().filter(|diagnostic| diagnostic.severity() == Severity::Error);
            let first = errors.map(|diagnostic| diagnostic.message.clone()).next().unwrap_or_default();
            cannot(&dump, format!("it is not a configuration for this version: {first}"))
        }
        other => other,
    })?;
    let identity = ComposeIdentity { respin: planned.identity.respin, ..old.identity.clone() };
    let requests = old.expand_at(&identity, planned.dir);
    Ok((shown.to_string(), requests.iter().map(ComparedRequest::from).collect()))
}

impl Beside {
    /// As people read it: a line for each request that is gone (`-`), new (`+`) or changed (`~`), and what is different below.
    pub fn text(&self) -> String {
        let Changes { same, changed, gone, new } = &self.changes;
        let mut lines = vec![format!("{} against {}", self.compose_id, self.against), String::new()];
        let line = |sign: &str, asked: &ComparedRequest| {
            format!("{sign} {} of {} ({})  {}", asked.name(), asked.variant, asked.phase, asked.summary())
        };
        lines.extend(gone.iter().map(|asked| line("-", asked)));
        lines.extend(new.iter().map(|asked| line("+", asked)));
        for change in changed {
            lines.extend(lines_of(change, &line));
        }
        if lines.len() > 2 {
            lines.push(String::new());
        }
        let count = |n: usize, words: &str| (n > 0).then(|| format!("{} {words}", counted(n, "request")));
        let counts = [
            count(gone.len(), "no more"),
            count(new.len(), "new"),
            count(changed.len(), "changed"),
            count(*same, "the same"),
        ];
        let counts: Vec<String> = counts.into_iter().flatten().collect();
        lines.push(if counts.is_empty() { "no requests in either".to_owned() } else { counts.join(", ") });
        lines.iter().map(|line| printable(line).replace('\n', " ") + "\n").collect()
    }
}

fn lines_of(change: &Changed, line: &dyn Fn(&str, &ComparedRequest) -> String) -> Vec<String> {
    let mut lines = vec![line("~", &change.new)];
    if change.old.phase != change.new.phase && change.old.subvariant == change.new.subvariant {
        // What programs look for when an image moves from phase to phase.
        lines.push(format!("    subvariant stays {}", change.new.subvariant));
    }
    let shown = |value: &Json| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match text.char_indices().nth(MAX_VALUE) {
            Some((end, _)) => format!("{} […]", text.get(..end).unwrap_or_default()),
            None => text,
        }
    };
    for difference in &change.differences {
        let path = &difference.path;
        lines.push(match (&difference.old, &difference.new) {
            (Some(old), Some(new)) => format!("    {path}: {} -> {}", shown(old), shown(new)),
            (Some(old), None) => format!("  - {path}: {}", shown(old)),
            (None, Some(new)) => format!("  + {path}: {}", shown(new)),
            (None, None) => continue,
        });
    }
    lines
}
