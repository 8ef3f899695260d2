//! The verbs of the program, one file each: typed arguments in, exit status out.

mod against;
mod cancel;
mod check;
mod compare;
mod compared;
mod compose;
mod config_dump;
mod connection;
mod descriptors;
mod explain;
mod generate;
#[cfg(feature = "simulator")]
mod hub;
pub mod image;
mod inspect;
mod locking;
mod named;
mod outage;
mod plan;
mod preflight;
mod report;
mod repositories;
mod resume;
mod resume_point;
mod run;
mod settings;
mod signals;
mod status;
mod status_watch;
mod threads;
mod uploads;
mod verify;

use crate::cli::{self, Command, ConfigCommand};
use crate::error::Failure;
use crate::settings::Environment;
use crate::telemetry::Telemetry;
use crate::ui::Ui;
use magudi_config::conf::LARGE;
use magudi_engine::plan_secrets::Mask;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Barrier};
use std::time::Duration;
use threads::BLOCKING;

/// Runs the program with a command line, the program's name first.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let cli = match cli::parse(args.clone()) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors for clap's exit code; a reader that has gone away is no error for us.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let mut environment = match Environment::load() {
        Ok(environment) => environment,
        Err(failure) => {
            Ui::plain().error(&failure.detail());
            return ExitCode::from(failure.exit_code());
        }
    };
    let ui = Ui::new(&environment);
    // Before anything is begun that a hub is needed for.
    let needs_hub =
        matches!(cli.command, Command::Run(_) | Command::Resume(_) | Command::Cancel(_) | Command::Image(_));
    if let Some(failure) = needs_hub.then(descriptors::check).and_then(Result::err) {
        show(&failure, &environment.network.mask, ui);
        return ExitCode::from(failure.exit_code());
    }
    let quiet = match &cli.command {
        Command::Run(args) => Some(args.compose.quiet),
        Command::Resume(args) => Some(args.quiet),
        _ => None,
    };
    let telemetry = quiet.map(|quiet| Telemetry::begin(&mut environment, quiet, ui)).unwrap_or_default();
    let result = match cli.command {
        Command::Run(settings) => run::run(*settings, &args, &environment, ui),
        Command::Resume(args_of_resume) => resume::run(&args_of_resume, &args, &environment, ui),
        Command::Cancel(args) => cancel::run(&args, &environment, ui),
        Command::Status(args) => status::run(&args, ui),
        Command::Uploads(args) => uploads::run(&args, ui),
        Command::Report(args) => report::run(&args, ui),
        Command::Compare(args) => compare::run(&args, &environment, ui),
        Command::Verify(args) => verify::run(&args, ui),
        Command::Image(args) => image::run(&args, &environment, ui),
        Command::Explain(args) => explain::run(&args, ui),
        Command::Generate(args) => generate::run(&args, ui),
        Command::Plan(args) => plan::run(&args, &environment, ui),
        Command::Check(args) => check::run(&args, &environment, ui),
        Command::Config(ConfigCommand::Dump(args)) => config_dump::run(&args, &environment, ui),
        #[cfg(feature = "simulator")]
        Command::Hub(args) => hub::run(&args, ui),
    };
    let detail = result.as_ref().err().map(|failure| environment.network.mask.hide(&failure.detail()).into_owned());
    telemetry.end(detail.as_deref(), quiet.unwrap_or(true), ui);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            show(&failure, &environment.network.mask, ui);
            ExitCode::from(failure.exit_code())
        }
    }
}

fn show(failure: &Failure, mask: &Mask, ui: Ui) {
    match failure {
        Failure::Usage(_) | Failure::Failed(_) => ui.error(&mask.hide(&failure.detail())),
        Failure::Invalid(invalid) => {
            ui.diagnostics(&invalid.diagnostics, &invalid.sources);
            ui.tally(&invalid.diagnostics, false);
        }
        Failure::Told => {}
    }
}

/// Lets this thread work where all processors do on a large configuration: otherwise it would only wait then, and one more thread would
/// be there. Not for a run, in which other threads give them work, too.
fn take_part(config: &Path) {
    if config.metadata().is_ok_and(|file| file.len() >= LARGE as u64) {
        // Where that cannot be, those who need others start them.
        let _ = rayon::ThreadPoolBuilder::new().use_current_thread().build_global();
    }
}

/// Threads beside the first one that carry out a run. A second one would take no time off: what they hand to each other is as much as
/// they share. With those that may block, those that rayon hashes with, and the one that waits for signals, a run has eight
/// on two processors.
const RUN_THREADS: usize = 1;

/// Longer than any run.
const A_YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A tokio runtime of `threads` beside this one, and three that may block, whatever the machine.
fn runtime(threads: usize) -> Result<tokio::runtime::Runtime, Failure> {
    descriptors::check()?;
    threads::check()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .max_blocking_threads(BLOCKING)
        // They stay: hours later there might be no room for new ones.
        .thread_keep_alive(A_YEAR)
        .enable_all()
        .build()
        .map_err(|error| Failure::because("cannot start", error))?;
    let all = Arc::new(Barrier::new(BLOCKING));
    for _ in 0..BLOCKING {
        let wait = Arc::clone(&all);
        runtime.spawn_blocking(move || _ = wait.wait());
    }
    Ok(runtime)
}
