//! The verbs that carry out a compose, or end one.

use super::compose::{ComposeArgs, KojiArgs, OUTPUT, RESUMING, RUNNING};
use super::values::{Words, adoption, duration, manifest_version, words};
use clap::Args;
use magudi_compose::ManifestVersion;
use magudi_config::definitions::Definition;
use std::path::PathBuf;
use std::time::Duration;

pub const RUN_EXAMPLES: &str = "\
Examples:
  magudi run --config fedora.conf --target-dir /mnt/composes --nightly
  magudi run --config fedora.conf --target-dir /mnt/composes --label RC-1.0 --latest-link-status FINISHED
  magudi run --config fedora.conf --compose-dir /mnt/composes/Fedora-42-20250219.n.0 --nightly --just-phase osbuild
  magudi run --config fedora.conf --target-dir /tmp/composes --nightly --simulate

Exit status: 0 the compose is finished, 1 it is not, 2 wrong usage.";
pub const RESUME_EXAMPLES: &str = "\
Examples:
  magudi resume /mnt/composes/Fedora-42-20250219.n.0
  magudi resume --retry-failed /mnt/composes/Fedora-42-20250219.n.0";
pub const CANCEL_EXAMPLES: &str = "\
Examples:
  magudi cancel /mnt/composes/Fedora-42-20250219.n.0";

/// `magudi run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The compose.
    #[command(flatten)]
    pub compose: ComposeArgs,
    /// Version of images.json and composeinfo.json. Default: that of the files that exist, or 1.2
    #[arg(long, value_name = "VERSION", value_parser = manifest_version(), help_heading = RUNNING, hide_short_help = true)]
    pub manifest_version: Option<ManifestVersion>,
    /// Run Pungi beside magudi, for the other phases. Default COMMAND: pungi-koji
    ///
    /// It gets the options of this command line. An image is submitted as soon as the repositories that it is built from are there,
    /// and the compose ends once both are done.
    #[arg(
        long,
        value_name = "COMMAND",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "pungi-koji",
        value_parser = words,
        conflicts_with = "reopen", help_heading = RUNNING)]
    pub pungi: Option<Words>,
    /// Submit an image only when the repositories of the compose that it is built from are there
    ///
    /// It is given up after DURATION, such as 90m. Always so with --pungi.
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, value_parser = duration, help_heading = RUNNING)]
    #[expect(clippy::option_option, reason = "absent, without a limit, with one")]
    pub wait_for_repos: Option<Option<Duration>>,
    /// How to go on.
    #[command(flatten)]
    pub going: GoingArgs,
}

/// Options about how a run goes on.
#[derive(Debug, Args)]
pub struct GoingArgs {
    /// Cancel everything as soon as an image fails that is not failable
    #[arg(long, help_heading = RUNNING)]
    pub fail_fast: bool,
    /// Fail an image whose file is not of its format, instead of a warning
    #[arg(long, help_heading = RUNNING, hide_short_help = true)]
    pub strict_images: bool,
    /// Run CMD when all is over, with a summary as JSON on its standard input
    ///
    /// The summary has the verdict, why images failed, counts, the report and the uploads. CMD has the time of --notification-timeout.
    #[arg(long, value_name = "CMD", help_heading = RUNNING)]
    pub on_finish: Option<String>,
    /// Keep signed URLs whole in cloud-uploads.json
    ///
    /// Everyone who can read the file can fetch the images until the signatures expire.
    #[arg(long, help_heading = RUNNING, hide_short_help = true)]
    pub keep_urls: bool,
    /// On SIGINT (Ctrl-C) and SIGTERM leave the tasks running for `magudi resume`, instead of canceling them
    #[arg(long, help_heading = RUNNING)]
    pub detach_on_signal: bool,
    /// Submit images again whose task failed or was canceled
    #[arg(long, help_heading = RESUMING)]
    pub retry_failed: bool,
    /// Build this image again (NAME or VARIANT:NAME; `*`: all whose configuration changed); repeatable
    #[arg(long, value_name = "IMAGE", help_heading = RESUMING)]
    pub rebuild: Vec<String>,
    /// Accept a changed configuration of this image (NAME or VARIANT:NAME; `*`: all); repeatable
    ///
    /// Only of what does not change what is built: subvariant, manifest_type, failable.
    #[arg(long, value_name = "IMAGE", help_heading = RESUMING, hide_short_help = true)]
    pub accept: Vec<String>,
    /// Use this task for an image (NAME or VARIANT:NAME), if its request is the same; repeatable
    #[arg(long, value_name = "IMAGE=TASK", value_parser = adoption, help_heading = RESUMING, hide_short_help = true)]
    pub adopt: Vec<(String, i64)>,
    /// Continue although the hub has another address than before; its tasks are compared first
    #[arg(long, help_heading = RESUMING, hide_short_help = true)]
    pub hub_moved: bool,
    /// Append every event to FILE as a line of JSON; `-` for standard output
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub events: Option<PathBuf>,
    /// Run where the file system has no locks; make sure that nothing else works on the compose
    #[arg(long, help_heading = RUNNING, hide_short_help = true)]
    pub no_lock: bool,
}

/// `magudi resume`.
#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// The compose directory
    #[arg(value_name = "COMPOSE_DIR")]
    pub compose_dir: PathBuf,
    /// The configuration, if it was moved since the compose was started
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Define a further variable for the configuration; repeatable
    #[arg(short = 'e', long, value_name = "VAR=VALUE")]
    pub define: Vec<Definition>,
    /// Print a line for each reason of a failure, and nothing if all is well
    #[arg(long)]
    pub quiet: bool,
    /// How to go on.
    #[command(flatten)]
    pub going: GoingArgs,
    /// How to reach the hub; without them as the compose was started.
    #[command(flatten)]
    pub koji: KojiArgs,
}

/// `magudi cancel`.
#[derive(Debug, Args)]
pub struct CancelArgs {
    /// The compose directory
    #[arg(value_name = "COMPOSE_DIR")]
    pub compose_dir: PathBuf,
    /// Run where the file system has no locks; make sure that nothing else works on the compose
    #[arg(long)]
    pub no_lock: bool,
    /// Continue although the hub has another address than before; its tasks are compared first
    #[arg(long)]
    pub hub_moved: bool,
    /// How to reach the hub; without them as the compose was started.
    #[command(flatten)]
    pub koji: KojiArgs,
}
