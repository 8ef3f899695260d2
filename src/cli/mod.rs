//! The command line: names and meanings follow `pungi-koji` where it has them (facts: command-line 1).

mod check;
mod compose;
#[cfg(feature = "simulator")]
mod hub;
mod image;
mod inspect;
mod kept;
mod kind;
mod run;
mod values;

pub use check::{CheckArgs, CheckFormat, DumpArgs, ExplainArgs, PlanArgs, PlanFormat};
pub use compose::{ComposeArgs, KojiArgs};
#[cfg(feature = "simulator")]
pub use hub::HubArgs;
pub use image::ImageArgs;
pub use inspect::{CompareArgs, CompareFormat, ReportArgs, StatusArgs, UploadsArgs, VerifyArgs};
pub use kind::TypeArgs;
pub use run::{CancelArgs, GoingArgs, ResumeArgs, RunSettings};

use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::LazyLock;

/// The version, and which features are built in, for bug reports.
static LONG_VERSION: LazyLock<String> = LazyLock::new(|| {
    let features = [
        ("simulator", cfg!(feature = "simulator")),
        ("jemalloc", cfg!(feature = "jemalloc")),
        ("native-tls", cfg!(feature = "native-tls")),
        ("gssapi", cfg!(feature = "gssapi")),
        ("otel", cfg!(feature = "otel")),
    ];
    let names = |built_in| features.iter().filter(|(_, is)| *is == built_in).map(|(name, _)| *name).collect::<Vec<_>>();
    let listed = |names: Vec<&str>| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    format!("{}\nfeatures: {}; without: {}", env!("CARGO_PKG_VERSION"), listed(names(true)), listed(names(false)))
});

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  magudi generate completions bash > /etc/bash_completion.d/magudi
  magudi generate completions zsh > ~/.zfunc/_magudi";
const MAN_EXAMPLES: &str = "\
Examples:
  magudi generate man /usr/local/share/man/man1";

/// Run the image phases of a Pungi compose on a Koji build system.
#[derive(Debug, Parser)]
#[command(
    name = "magudi",
    version,
    long_version = LONG_VERSION.as_str(),
    infer_long_args = true,
    after_help = "\
Examples:
  magudi check --config fedora.conf
  magudi plan --config fedora.conf --nightly
  magudi run --config fedora.conf --target-dir /mnt/composes --nightly
  magudi run --config fedora.conf --target-dir /tmp/composes --nightly --simulate"
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Sets apart what `plan` and `check` take only so that a command line of `run` can be given to them.
fn without_effect(arg: clap::Arg) -> clap::Arg {
    match arg.get_help_heading() {
        Some(compose::PUBLISHING) => arg.help_heading("Of `run`, without effect here").hide_short_help(true),
        _ => arg,
    }
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a compose: submit its images, wait for them, fetch and verify them, write the manifests
    #[command(after_help = run::RUN_EXAMPLES)]
    Run(Box<RunSettings>),
    /// Print the tasks that `run` would submit
    #[command(after_help = check::PLAN_EXAMPLES, mut_args = without_effect)]
    Plan(Box<PlanArgs>),
    /// Find the mistakes in a configuration
    #[command(after_help = check::CHECK_EXAMPLES, mut_args = without_effect)]
    Check(Box<CheckArgs>),
    /// Explain a diagnostic such as MG202, or list them all
    #[command(after_help = check::EXPLAIN_EXAMPLES)]
    Explain(ExplainArgs),
    /// Print a configuration with its defaults
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Resume an interrupted compose
    #[command(after_help = run::RESUME_EXAMPLES)]
    Resume(ResumeArgs),
    /// Cancel the tasks of a compose
    #[command(after_help = run::CANCEL_EXAMPLES)]
    Cancel(CancelArgs),
    /// Show the progress of a compose
    #[command(after_help = inspect::STATUS_EXAMPLES)]
    Status(StatusArgs),
    /// Show where the images of a compose were uploaded
    #[command(after_help = inspect::UPLOADS_EXAMPLES)]
    Uploads(UploadsArgs),
    /// Write the HTML report of a compose
    #[command(after_help = inspect::REPORT_EXAMPLES)]
    Report(ReportArgs),
    /// Compare the images of two composes
    #[command(after_help = inspect::COMPARE_EXAMPLES)]
    Compare(CompareArgs),
    /// Check the files of a compose against its manifests
    #[command(after_help = inspect::VERIFY_EXAMPLES)]
    Verify(VerifyArgs),
    /// Build one image, as `koji osbuild-image` does
    #[command(after_help = image::IMAGE_EXAMPLES, args_override_self = true)]
    Image(Box<ImageArgs>),
    /// Generate shell completions and man pages
    #[command(subcommand)]
    Generate(GenerateCommand),
    /// Run a simulated Koji hub for `magudi run` or any other Koji client
    #[cfg(feature = "simulator")]
    #[command(after_help = hub::HUB_EXAMPLES)]
    Hub(HubArgs),
}

/// Verbs of `magudi config`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print the configuration as JSON, checked and with defaults, as pungi-config-dump does
    #[command(after_help = check::DUMP_EXAMPLES)]
    Dump(DumpArgs),
}

/// Verbs of `magudi generate`.
#[derive(Debug, Subcommand)]
pub enum GenerateCommand {
    /// Print completions for a shell
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// Name of the shell
        #[arg(value_enum, value_name = "SHELL")]
        shell: clap_complete::Shell,
    },
    /// Write the man pages into a directory
    #[command(after_help = MAN_EXAMPLES)]
    Man {
        /// Directory to write to; created if missing
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
}

/// Parses the command line; clap has its own words for what is wrong with it.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(args)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[cfg(feature = "simulator")]
    #[test]
    fn a_scenario_is_given_with_an_equals_sign_only() {
        let args = |list: &[&str]| parse(list.iter().map(OsString::from));
        let base = ["magudi", "run", "--config", "a.conf", "--target-dir", "/tmp"];
        let simulate = |extra: &[&str]| match args(&[&base, extra].concat()).unwrap().command {
            Command::Run(run) => run.compose.simulate,
            _ => unreachable!("run was asked for"),
        };
        assert_eq!(simulate(&[]), None);
        assert_eq!(simulate(&["--simulate"]), Some(None));
        assert_eq!(simulate(&["--simulate=s.json"]), Some(Some(PathBuf::from("s.json"))));
        assert_eq!(simulate(&["--simulate", "--nightly"]), Some(None));
    }

    #[test]
    fn wrong_phases_and_two_types_are_refused() {
        let args = |list: &[&str]| parse(list.iter().map(OsString::from));
        assert!(args(&["magudi", "run", "--config", "a", "--just-phase", "osbild"]).is_err());
        assert!(args(&["magudi", "run", "--config", "a", "--test", "--nightly"]).is_err());
        assert!(args(&["magudi", "config", "dump", "--config", "a", "-e", "novalue"]).is_err());
    }
}
