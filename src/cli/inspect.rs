//! The verbs that look at a compose.

use super::check::PlanFormat;
use super::values::percent;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

pub const STATUS_EXAMPLES: &str = "\
Examples:
  magudi status /mnt/composes/latest-Fedora-42
  magudi status --watch /mnt/composes/Fedora-42-20250219.n.0
  magudi status /mnt/composes/latest-Fedora-42 --format json | jq .status";
pub const UPLOADS_EXAMPLES: &str = "\
Examples:
  magudi uploads /mnt/composes/latest-Fedora-42
  magudi uploads /mnt/composes/latest-Fedora-42 --format json |
      jq -r '.payload.uploads[][][].options.ami'";
pub const REPORT_EXAMPLES: &str = "\
Examples:
  magudi report /mnt/composes/latest-Fedora-42
  magudi report /mnt/composes/latest-Fedora-42 -o /var/www/html/nightly.html";
pub const COMPARE_EXAMPLES: &str = "\
Examples:
  magudi compare /mnt/composes/Fedora-42-20250218.n.0 /mnt/composes/latest-Fedora-42
  magudi compare https://kojipkgs.fedoraproject.org/compose/rawhide/Fedora-Rawhide-20250218.n.0 \\
      /mnt/composes/latest-Fedora-Rawhide
  magudi compare old/images.json new/images.json --exit-code --format json | jq -r '.gone[].path'
  magudi compare old new --format html > comparison.html

Exit status: 0 compared, 1 failed (with --exit-code also: an image is gone), 2 wrong usage.";
pub const VERIFY_EXAMPLES: &str = "\
Examples:
  magudi verify /mnt/composes/latest-Fedora-42
  magudi verify /srv/mirror/fedora/releases/42 --quick
  magudi verify /mnt/composes/latest-Fedora-42 --format json | jq -r '.problems[].path'

Exit status: 0 no problems, 1 problems, 2 wrong usage.";

/// `magudi status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The compose directory
    #[arg(value_name = "COMPOSE_DIR")]
    pub compose_dir: PathBuf,
    /// Output format
    #[arg(long, value_enum, default_value_t = PlanFormat::Table)]
    pub format: PlanFormat,
    /// Show only this image (NAME, VARIANT:NAME or a pattern such as 'Fedora-Cloud-*'); repeatable
    #[arg(long, value_name = "IMAGE", conflicts_with = "watch")]
    pub only: Vec<String>,
    /// Show only the images of this variant (a uid or a pattern); repeatable
    #[arg(long, value_name = "VARIANT", conflicts_with = "watch")]
    pub variant: Vec<String>,
    /// Show only what failed, was canceled or is in doubt
    #[arg(long)]
    pub failed: bool,
    /// List every image, however many there are
    #[arg(long)]
    pub all: bool,
    /// Follow the run until it ends
    #[arg(long, conflicts_with_all = ["format", "failed", "all"])]
    pub watch: bool,
}

/// `magudi uploads`.
#[derive(Debug, Args)]
pub struct UploadsArgs {
    /// The compose directory
    #[arg(value_name = "COMPOSE_DIR")]
    pub compose_dir: PathBuf,
    /// Output format
    #[arg(long, value_enum, default_value_t = PlanFormat::Table)]
    pub format: PlanFormat,
}

/// `magudi report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The compose directory
    #[arg(value_name = "COMPOSE_DIR")]
    pub compose_dir: PathBuf,
    /// File to write; `-` for standard output. Default: logs/global/report.html in the compose
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `magudi compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// The old compose: its directory, an images.json, or the URL of either
    #[arg(value_name = "OLD")]
    pub old: String,
    /// The new compose: its directory, an images.json, or the URL of either
    #[arg(value_name = "NEW")]
    pub new: String,
    /// Output format
    #[arg(long, value_enum, default_value_t = CompareFormat::Table)]
    pub format: CompareFormat,
    /// Report sizes and durations that changed by at least PERCENT
    #[arg(long, value_name = "PERCENT", default_value = "10", value_parser = percent)]
    pub threshold: f64,
    /// List the durations of all tasks, not only of those that changed
    #[arg(long)]
    pub times: bool,
    /// Exit with status 1 when an image is gone
    #[arg(long)]
    pub exit_code: bool,
}

/// Output formats of `compare`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CompareFormat {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// One page for people.
    Html,
}

/// `magudi verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The compose directory
    #[arg(value_name = "DIR")]
    pub compose_dir: PathBuf,
    /// Output format
    #[arg(long, value_enum, default_value_t = PlanFormat::Table)]
    pub format: PlanFormat,
    /// Compare only sizes and the first bytes of each file, not checksums
    #[arg(long)]
    pub quick: bool,
    /// Follow symbolic links that lead out of the compose, for example to a Koji volume
    #[arg(long)]
    pub follow_links: bool,
}
