//! What a compose *records* of its beginning: the head of its log, and its configuration.

use crate::cli::RunSettings;
use crate::commands::inspect::Inspected;
use crate::commands::locking::host;
use crate::error::Failure;
use crate::settings::{Environment, umask};
use magudi_compose::layout::ComposeDir;
use magudi_compose::write::{WriteError, write_atomic, write_atomic_with};
use magudi_config::dump::write_text;
use magudi_config::load::Syntax;
use magudi_config::render::secrets::write_starred;
use magudi_config::render::{Report, render_human};
use magudi_config::{Diagnostic, Sources};
use magudi_engine::event::{Event, Events, Level};
use magudi_engine::plan_secrets::Mask;
use magudi_report::text::shell_word;
use serde_json::Value as Json;
use std::ffi::OsString;
use std::path::Path;
use std::{fmt, io};

/// What the owner's group and others need of files and directories that they read.
const FOR_OTHERS: u32 = 0o055;

/// Leaves the configuration in the compose: as it was written, and as it was understood (facts: language 9, language 12), but for its
/// secrets: logs are published. `is_dumped`: the latter is there already.
pub fn keep_configuration(
    inspected: &Inspected,
    dir: &ComposeDir,
    mask: &Mask,
    is_dumped: bool,
) -> Result<(), Failure> {
    let copies = || -> Result<(), Failure> {
        for source in inspected.sources.iter().filter(|source| source.on_disk) {
            if source.path == inspected.variants_path {
                write_hidden(&dir.variants_copy(), mask, |out| out.write_str(&source.text).map_err(io::Error::other))?;
            } else if let Some(copy) = dir.config_copy(&source.path) {
                // A value that is put together of several strings does not stand in the file as the mask knows it.
                let syntax = Syntax::of(&source.path);
                write_hidden(&copy, mask, |mut out| {
                    write_starred(&source.text, syntax, &mut out).map_err(io::Error::other)
                })?;
            }
        }
        Ok(())
    };
    let dump = || -> Result<(), Failure> {
        if is_dumped {
            return Ok(());
        }
        let mut refused = None;
        let written = write_hidden(&dir.config_dump(), mask, |mut out| {
            write_text(&inspected.config.tree, &mut out).map_err(|diagnostic| {
                refused = Some(diagnostic);
                io::ErrorKind::InvalidData.into()
            })
        });
        match refused {
            Some(diagnostic) => Err(Failure::invalid(vec![diagnostic], inspected.sources.clone())),
            None => Ok(written?),
        }
    };
    dir.make_dir(&dir.config_copy_dir())?;
    // Both are large where there are many images.
    let (copies, dump) = rayon::join(copies, dump);
    copies.and(dump)?;
    Ok(write_atomic(&dir.excluding_arch_log(), b"")?)
}

/// Writes what `fill` gives, without secrets and with little of it in memory.
fn write_hidden(
    path: &Path,
    mask: &Mask,
    fill: impl FnOnce(&mut dyn fmt::Write) -> io::Result<()>,
) -> Result<(), WriteError> {
    write_atomic_with(path, |out| {
        let mut hiding = mask.hiding(out);
        let filled = fill(&mut hiding);
        hiding.finish().and(filled)
    })
}

/// Says of options that users of Pungi give that they have no effect in this run.
pub fn without_effect(events: &Events, settings: &RunSettings, has_cts: bool) {
    let args = &settings.compose;
    let say = |names: &[&str], why: &str| {
        let verb = if names.len() == 1 { "has" } else { "have" };
        events.message(Level::Info, None, format!("{} {verb} no effect: {why}", names.join(" and ")));
    };
    // A Pungi beside the run gets them.
    let package_set =
        given(&[("--koji-event", args.koji_event.is_some()), ("--old-composes", !args.old_composes.is_empty())]);
    if !package_set.is_empty() && settings.pungi.is_none() {
        say(&package_set, "image tasks have no package set");
    }
    let relations = given(&[
        ("--parent-compose-id", !args.parent_compose_id.is_empty()),
        ("--respin-of", !args.respin_of.is_empty()),
    ]);
    if !relations.is_empty() && !has_cts {
        say(&relations, "they are for CTS, which the configuration does not name (cts_url)");
    }
}

fn given(options: &[(&'static str, bool)]) -> Vec<&'static str> {
    options.iter().filter_map(|(option, is_given)| is_given.then_some(*option)).collect()
}

pub fn head_of_log(events: &Events, argv: &[OsString], environment: &Environment, inspected: &Inspected) {
    let info = |text: String| events.message(Level::Info, None, text);
    info(format!("Host: {}", host()));
    info(format!("Magudi version: {}", env!("CARGO_PKG_VERSION")));
    info(format!("User name: {}", environment.user.as_deref().unwrap_or("unknown")));
    if let Ok(directory) = std::env::current_dir() {
        info(format!("Working directory: {}", directory.display()));
    }
    let command: Vec<String> = argv.iter().map(|arg| shell_word(&arg.to_string_lossy())).collect();
    info(format!("Command line: {}", command.join(" ")));
    info(format!("Current timezone offset: {}", jiff::Zoned::now().strftime("%:z")));
    if let Some(umask) = umask().filter(|umask| umask & FOR_OTHERS != 0) {
        let text = format!("the umask is {umask:04o}: others will not be able to read all files of the compose");
        events.message(Level::Warning, None, text);
    }
    if inspected.identity.is_final
        && let Some(label) = &inspected.identity.label
    {
        info(format!("Automatically setting 'supported' flag due to label: {}.", label.as_str()));
    }
    for line in &inspected.excluded {
        events.say(Event::LeftOut { text: line.clone() });
    }
    for diagnostic in &inspected.diagnostics {
        let text = render_human(std::slice::from_ref(diagnostic), &inspected.sources, false);
        events.message(Level::Debug, None, text.trim_end());
    }
    for diagnostic in diagnostic_events(&inspected.diagnostics, &inspected.sources) {
        events.say(diagnostic);
    }
    let tree = inspected.config.tree.as_dict();
    let ours = |name: &str| magudi_phases::find(name).is_some() || name == magudi_phases::image_checksum::NAME;
    for name in magudi_config::schema::PHASES.iter().filter(|name| !ours(name)) {
        if tree.and_then(|tree| tree.get(name)).is_some_and(magudi_config::Node::is_truthy) {
            let text = format!("Config section '{name}' is left to Pungi: magudi does not run this phase");
            events.say(Event::LeftOut { text });
        }
    }
}

/// The diagnostics as events, for who was not there when they were printed.
fn diagnostic_events(diagnostics: &[Diagnostic], sources: &Sources) -> Vec<Event> {
    let json = Report::new(diagnostics, sources).to_value();
    let all = ["errors", "warnings"].into_iter().filter_map(|kind| json.get(kind)?.as_array()).flatten();
    all.map(|diagnostic| {
        let text = |key: &str| diagnostic.get(key).and_then(Json::as_str).map(str::to_owned);
        let number = |key: &str| diagnostic.get(key).and_then(Json::as_u64).and_then(|n| u32::try_from(n).ok());
        Event::Diagnostic {
            id: text("id").unwrap_or_default(),
            severity: text("severity").unwrap_or_default(),
            message: text("message").unwrap_or_default(),
            path: text("path").unwrap_or_default(),
            file: text("file"),
            line: number("line"),
            column: number("column"),
            help: text("help"),
        }
    })
    .collect()
}
