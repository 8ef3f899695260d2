//! `magudi image`.

use super::check::PlanFormat;
use super::compose::KojiArgs;
use crate::commands::image::repositories::Repositories;
use clap::Args;
use std::path::PathBuf;

pub const IMAGE_EXAMPLES: &str = "\
Examples:
  magudi image Fedora-Cloud 42 fedora-42 f42-image x86_64 aarch64 --release 1
  magudi image Fedora-Cloud 42 fedora-42 f42-image x86_64 \\
      --image-type aws-ec2 --upload-options aws.json --wait
  magudi image Fedora-Cloud 42 fedora-42 f42-image x86_64 \\
      --repo 'http://example.com/$arch' --repo-package-sets 'build;os'
  magudi image Fedora-Cloud 42 fedora-42 f42-image x86_64 --dry-run --format json

Exit status: 0 task created (with --wait: succeeded), 1 failed, 2 wrong usage.";

/// `magudi image`: the arguments of `koji osbuild-image` (facts: osbuild 18).
#[derive(Debug, Args)]
pub struct ImageArgs {
    /// Name of the image and of its build
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Version of the image
    #[arg(value_name = "VERSION")]
    pub version: String,
    /// Distribution as osbuild-composer names it, such as fedora-42
    #[arg(value_name = "DISTRO")]
    pub distro: String,
    /// Build target
    #[arg(value_name = "TARGET")]
    pub target: String,
    /// Arches to build for
    #[arg(value_name = "ARCH", required = true)]
    pub arches: Vec<String>,
    /// Image type
    #[arg(long, value_name = "TYPE", default_value = "guest-image", allow_hyphen_values = true)]
    pub image_type: String,
    /// Release. Default: the next one, chosen by the hub
    #[arg(long, value_name = "RELEASE", allow_hyphen_values = true)]
    pub release: Option<String>,
    /// The repositories to install from.
    #[command(flatten)]
    pub repositories: Repositories,
    /// JSON file with customizations
    #[arg(long, value_name = "FILE")]
    pub customizations: Option<PathBuf>,
    /// JSON file with the options of the upload to a cloud
    #[arg(long, value_name = "FILE")]
    pub upload_options: Option<PathBuf>,
    /// OSTree commit to build on
    #[arg(long, value_name = "COMMIT", allow_hyphen_values = true)]
    pub ostree_parent: Option<String>,
    /// OSTree ref to build
    #[arg(long, value_name = "REF", allow_hyphen_values = true)]
    pub ostree_ref: Option<String>,
    /// OSTree repository
    #[arg(long, value_name = "URL", allow_hyphen_values = true)]
    pub ostree_url: Option<String>,
    /// Do not tag the build
    #[arg(long)]
    pub skip_tag: bool,
    /// Wait for the task to end, even in the background
    #[arg(long, overrides_with = "nowait")]
    pub wait: bool,
    /// Do not wait for the task to end; the default in the background
    #[arg(long, overrides_with = "wait")]
    pub nowait: bool,
    /// Check and print the request without contacting the hub
    #[arg(long)]
    pub dry_run: bool,
    /// Output format of --dry-run; json is one entry of `requests` in `magudi plan --format json`
    #[arg(long, value_enum, default_value_t = PlanFormat::Table, requires = "dry_run")]
    pub format: PlanFormat,
    /// Print errors only
    #[arg(long)]
    pub quiet: bool,
    /// Use a simulated hub instead of a real one; the JSON file SCENARIO says what goes wrong
    #[cfg(feature = "simulator")]
    #[arg(long, value_name = "SCENARIO", num_args = 0..=1, require_equals = true, help_heading = super::compose::HUB)]
    #[expect(clippy::option_option, reason = "absent, without a scenario, with one")]
    pub simulate: Option<Option<PathBuf>>,
    /// How to reach the hub; the profile is `koji` when none is named.
    #[command(flatten)]
    pub koji: KojiArgs,
}
