//! `magudi report`: the page about a compose, running or not; and the same page as every run leaves it.

use super::resume::not_begun;
use super::resume_point::has_journal;
use crate::cli::ReportArgs;
use crate::error::Failure;
use crate::ui::Ui;
use magudi_compose::cloud_uploads::load_cloud_uploads;
use magudi_compose::layout::ComposeDir;
use magudi_compose::status::{Status, load_status};
use magudi_compose::write::{WriteError, write_atomic_with, write_named_with};
use magudi_engine::history::History;
use magudi_engine::journal::{self, JournalError, load_events};
use magudi_engine::lock::{Holder, holder};
use magudi_report::text::path_in_url;
use magudi_report::{Chronicle, Facts, Report, page, report};
use std::io;
use std::path::{Component, Path, PathBuf};

pub fn run(args: &ReportArgs, ui: Ui) -> Result<(), Failure> {
    let dir = ComposeDir::at(&std::path::absolute(&args.compose_dir)?);
    if !has_journal(&dir)? {
        return Err(not_begun(&args.compose_dir).into());
    }
    let runner = holder(&dir.logs_global());
    let to = match &args.output {
        Some(output) if output.as_os_str() == "-" => {
            let base = format!("file://{}/", path_in_url(&dir.top().to_string_lossy()));
            let (report, _) = gather(&dir, base, runner)?;
            return Ok(ui.answer_with(|out| page(report, out).map_err(io::Error::other))?);
        }
        Some(output) => std::path::absolute(output)?,
        None => dir.report(),
    };
    let (report, _) = gather(&dir, base(&to, dir.top()), runner)?;
    match &args.output {
        Some(_) => write_named_with(&to, |out| page(report, out).map_err(io::Error::other))?,
        None => write(&to, report)?,
    }
    Ok(ui.answer(&format!("{}\n", to.display()))?)
}

/// Leaves the report in a compose whose run is over, and returns what its journal says. `warn` hears what could not be done.
pub fn leave(dir: &ComposeDir, warn: impl FnOnce(Failure)) -> Option<History> {
    let to = dir.report();
    match gather(dir, base(&to, dir.top()), None) {
        Ok((report, history)) => {
            if let Err(problem) = write(&to, report) {
                warn(problem.into());
            }
            Some(history)
        }
        Err(problem) => {
            warn(problem.into());
            None
        }
    }
}

fn write(to: &Path, report: Report) -> Result<(), WriteError> {
    write_atomic_with(to, |out| page(report, out).map_err(io::Error::other))
}

/// What the page says, and the history that it is about. `base` is the address of the compose directory as seen from the page.
fn gather(dir: &ComposeDir, base: String, runner: Option<Holder>) -> Result<(Report, History), JournalError> {
    let mut told = Chronicle::default();
    load_events(&dir.logs_global().join(journal::NAME), &mut |event| told.take(event))?;
    // A STATUS that cannot be read does not keep people from what the journal says.
    let status = load_status(&dir.status_file()).ok().flatten();
    let facts = Facts {
        compose_dir: dir.top().display().to_string(),
        status,
        runner: runner.map(|holder| holder.to_string()),
        now: jiff::Timestamp::now(),
        base,
        files: files(dir),
        // What an earlier run wrote is the last word only until somebody continues the compose.
        uploads: match status {
            Some(Status::Finished | Status::FinishedIncomplete) => {
                load_cloud_uploads(&dir.cloud_uploads_file()).map_err(|error| error.to_string())
            }
            _ => Ok(None),
        },
    };
    Ok(report(told, &facts))
}

/// The files that people look at, as far as they are there.
fn files(dir: &ComposeDir) -> Vec<(String, String)> {
    let known = [
        ("images.json", dir.images_file()),
        ("composeinfo.json", dir.composeinfo_file()),
        ("cloud-uploads.json", dir.cloud_uploads_file()),
        ("the whole log", dir.global_log()),
        ("why it ended", dir.traceback()),
        ("the configuration, with defaults", dir.config_dump()),
        ("the configuration, as written", dir.config_copy_dir()),
        ("the journal", dir.logs_global().join(journal::NAME)),
        ("deliverables", dir.deliverables()),
        ("images and trees", dir.compose()),
    ];
    let relative = |path: &Path| path.strip_prefix(dir.top()).ok().map(|path| path.to_string_lossy().into_owned());
    let there = known.into_iter().filter(|(_, path)| path.exists());
    there.filter_map(|(label, path)| Some((label.to_owned(), relative(&path)?))).collect()
}

/// The address of `top` relative to the page `to`; both are absolute.
fn base(to: &Path, top: &Path) -> String {
    // Names that lead elsewhere would make a false address.
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let from: PathBuf = real(to.parent().unwrap_or(Path::new("/")));
    let top = real(top);
    let common = from.components().zip(top.components()).take_while(|(a, b)| a == b).count();
    let mut address = "../".repeat(from.components().count() - common);
    for component in top.components().skip(common) {
        if let Component::Normal(name) = component {
            address.push_str(&path_in_url(&name.to_string_lossy()));
            address.push('/');
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_relative_to_the_page() {
        let of = |to: &str, top: &str| base(Path::new(to), Path::new(top));
        assert_eq!(of("/nowhere/c/logs/global/report.html", "/nowhere/c"), "../../");
        assert_eq!(of("/nowhere/www/x.html", "/nowhere/composes/F 42"), "../composes/F%2042/");
        assert_eq!(of("/nowhere/c.html", "/nowhere/c"), "c/");
    }
}
