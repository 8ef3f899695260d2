//! `run`, `resume` and `cancel`.

use super::compose::{ComposeArgs, KojiArgs, OUTPUT, RESUMING, RUNNING};
use super::kept;
use super::values::{Words, adoption, duration, manifest_version, words};
use clap::Args;
use magudi_compose::ManifestVersion;
use magudi_config::definitions::Definition;
use magudi_phases::branches::Commits;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

pub const RUN_EXAMPLES: &str = "\
Examples:
  magudi run --config fedora.conf --target-dir /mnt/composes --nightly
  magudi run --config fedora.conf --target-dir /mnt/composes --label RC-1.0 \\
      --latest-link-status FINISHED
  magudi run --config fedora.conf --nightly --just-phase osbuild \\
      --compose-dir /mnt/composes/Fedora-42-20250219.n.0
  magudi run --config fedora.conf --target-dir /tmp/composes --nightly --simulate

Exit status: 0 finished (failable images may have failed), 1 not finished, 2 wrong usage.";
pub const RESUME_EXAMPLES: &str = "\
Examples:
  magudi resume /mnt/composes/Fedora-42-20250219.n.0
  magudi resume --retry-failed /mnt/composes/Fedora-42-20250219.n.0";
pub const CANCEL_EXAMPLES: &str = "\
Examples:
  magudi cancel /mnt/composes/Fedora-42-20250219.n.0";

/// `magudi run`: what a run is asked to do, as it was typed or as the journal of the compose keeps it for the next run.
///
/// What serde skips is not kept. Journals live longer than programs: what is kept has a default for those that do not have it, never
/// changes its meaning, and is not secret. One that changes its meaning gets another name.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub struct RunSettings {
    /// The compose.
    #[command(flatten)]
    #[serde(flatten)]
    pub compose: ComposeArgs,
    /// Format version of images.json and composeinfo.json. Default: that of existing files, else 1.2
    #[arg(long, value_name = "VERSION", value_parser = manifest_version(), help_heading = RUNNING, hide_short_help = true)]
    #[serde(default)]
    pub manifest_version: Option<ManifestVersion>,
    /// Run Pungi for the other phases, at the same time. COMMAND is pungi-koji by default
    ///
    /// Pungi gets those options of this command line that it knows. An image is submitted as soon as the repositories that it is
    /// built from exist. The compose ends when both have ended.
    #[arg(
        long,
        value_name = "COMMAND",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "pungi-koji",
        value_parser = words,
        conflicts_with = "reopen", help_heading = RUNNING)]
    #[serde(default, with = "kept::words")]
    pub pungi: Option<Words>,
    /// Submit each image once the repositories of the compose that it is built from exist
    ///
    /// After DURATION, such as 90m, the image fails; without one it waits as long as it takes. Implied by --pungi.
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, value_parser = duration, help_heading = RUNNING)]
    #[expect(clippy::option_option, reason = "absent, without a limit, with one")]
    #[serde(default, with = "kept::seconds")]
    pub wait_for_repos: Option<Option<Duration>>,
    /// What the run does with failures, signals and earlier tasks.
    #[command(flatten)]
    #[serde(flatten)]
    pub going: GoingArgs,
    /// The hub was a simulated one, which is gone with its process.
    #[arg(skip)]
    #[serde(default)]
    pub simulated: bool,
    /// The commits that stand in place of branches, as far as they are known.
    #[arg(skip)]
    #[serde(default)]
    pub commits: Commits,
    /// A run that was begun is continued.
    #[arg(skip)]
    #[serde(skip)]
    pub is_begun: bool,
}

/// Options that `run` and `resume` share.
#[derive(Debug, Clone, Default, Args, Serialize, Deserialize)]
pub struct GoingArgs {
    /// Cancel all tasks as soon as an image that is not failable fails
    #[arg(long, help_heading = RUNNING)]
    #[serde(skip)]
    pub fail_fast: bool,
    /// Resubmit an image whose task failed, up to N times [default: 0]
    ///
    /// With the same request and without a pause. Canceled tasks and refused requests are not resubmitted. A resume without this option
    /// keeps the number.
    #[arg(long, value_name = "N", help_heading = RUNNING)]
    #[serde(default)]
    pub retries: Option<u16>,
    /// Fail an image whose file is not of its format, instead of warning
    #[arg(long, help_heading = RUNNING, hide_short_help = true)]
    #[serde(skip)]
    pub strict_images: bool,
    /// Run CMD at the end; gets `finish` as argument and a JSON summary on standard input
    ///
    /// The summary has the verdict, the causes of failures, counts, uploads and the path of the report. CMD is killed after 60 seconds, or
    /// what `run --notification-timeout` says.
    #[arg(long, value_name = "CMD", help_heading = RUNNING)]
    #[serde(default)]
    pub on_finish: Option<String>,
    /// Keep the signatures of URLs in cloud-uploads.json
    ///
    /// Anyone who can read the file can then fetch the images until the signatures expire.
    #[arg(long, help_heading = RUNNING, hide_short_help = true)]
    #[serde(skip)]
    pub keep_urls: bool,
    /// On Ctrl-C (SIGINT) and SIGTERM, leave the tasks running for `magudi resume` instead of canceling them
    #[arg(long, help_heading = RUNNING)]
    #[serde(skip)]
    pub detach_on_signal: bool,
    /// Resubmit images whose task failed or was canceled
    #[arg(long, help_heading = RESUMING)]
    #[serde(skip)]
    pub retry_failed: bool,
    /// Build this image again (NAME or VARIANT:NAME; `*`: all whose configuration changed); repeatable
    #[arg(long, value_name = "IMAGE", help_heading = RESUMING)]
    #[serde(skip)]
    pub rebuild: Vec<String>,
    /// Accept a changed configuration of this image (NAME or VARIANT:NAME; `*`: all); repeatable
    ///
    /// Only of keys that do not affect what is built: subvariant, manifest_type, failable.
    #[arg(long, value_name = "IMAGE", help_heading = RESUMING, hide_short_help = true)]
    #[serde(skip)]
    pub accept: Vec<String>,
    /// Use task TASK for IMAGE (NAME or VARIANT:NAME) if its request is the same; repeatable
    #[arg(long, value_name = "IMAGE=TASK", value_parser = adoption, help_heading = RESUMING, hide_short_help = true)]
    #[serde(skip)]
    pub adopt: Vec<(String, i64)>,
    /// Accept that the hub's address has changed; every task is first compared with its request
    #[arg(long, help_heading = RESUMING, hide_short_help = true)]
    #[serde(skip)]
    pub hub_moved: bool,
    /// Append every event to FILE as a line of JSON; `-` for standard output
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    #[serde(skip)]
    pub events: Option<PathBuf>,
    /// Work without a lock, on a file system that has none; make sure that no other process uses the compose
    #[arg(long, help_heading = RUNNING, hide_short_help = true)]
    #[serde(skip)]
    pub no_lock: bool,
}

/// `magudi resume`.
#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// The compose directory
    #[arg(value_name = "COMPOSE_DIR")]
    pub compose_dir: PathBuf,
    /// The configuration, if it has moved since the compose was started
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Set another variable of the configuration; repeatable
    #[arg(short = 'e', long, value_name = "VAR=VALUE")]
    pub define: Vec<Definition>,
    /// Print errors only, one line per cause of failure
    #[arg(long)]
    pub quiet: bool,
    /// What the run does with failures, signals and earlier tasks.
    #[command(flatten)]
    pub going: GoingArgs,
    /// How to reach the hub. Default: as when the compose was started.
    #[command(flatten)]
    pub koji: KojiArgs,
}

/// `magudi cancel`.
#[derive(Debug, Args)]
pub struct CancelArgs {
    /// The compose directory
    #[arg(value_name = "COMPOSE_DIR")]
    pub compose_dir: PathBuf,
    /// Work without a lock, on a file system that has none; make sure that no other process uses the compose
    #[arg(long)]
    pub no_lock: bool,
    /// Accept that the hub's address has changed; every task is first compared with its request
    #[arg(long)]
    pub hub_moved: bool,
    /// How to reach the hub. Default: as when the compose was started.
    #[command(flatten)]
    pub koji: KojiArgs,
}
