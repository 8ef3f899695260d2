//! Options that several verbs share: which compose, and how to reach its hub.

use super::kept;
use super::kind::TypeArgs;
use super::values::{integer, phase_name, status_name};
use clap::Args;
use magudi_config::definitions::Definition;
use magudi_engine::notify::USUAL_LIMIT;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Headings under which `--help` groups the options.
pub const COMPOSE: &str = "Compose";
pub const SELECTION: &str = "Selection";
pub const PUBLISHING: &str = "Latest link and notifications";
pub const RUNNING: &str = "Running";
pub const RESUMING: &str = "Resuming";
pub const HUB: &str = "Hub";
pub const OUTPUT: &str = "Output";
pub const PUNGI: &str = "Pungi compatibility";

/// Options that `run`, `plan` and `check` share.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[command(next_help_heading = COMPOSE)]
pub struct ComposeArgs {
    /// Compose configuration: .conf (Pungi's language), .json or .yaml
    #[arg(long, value_name = "FILE")]
    #[serde(default)]
    pub config: PathBuf,
    /// Set a variable of the configuration; repeatable
    #[arg(short = 'e', long, value_name = "VAR=VALUE")]
    #[serde(default, with = "kept::definitions")]
    pub define: Vec<Definition>,
    /// Leave out errors and warnings about options that only Pungi's own phases read
    #[arg(long, help_heading = OUTPUT, hide_short_help = true)]
    #[serde(default)]
    pub only_own: bool,
    /// Directory for the compose directory and the latest link
    #[arg(long, value_name = "DIR", conflicts_with = "compose_dir")]
    #[serde(skip)]
    pub target_dir: Option<PathBuf>,
    /// Compose directory: created if missing, resumed if it holds an unfinished compose
    #[arg(long, value_name = "DIR")]
    #[serde(skip)]
    pub compose_dir: Option<PathBuf>,
    /// Reopen a finished compose (with --compose-dir)
    ///
    /// Images of the phases that run are built again and replaced. A STATUS that another program wrote is kept.
    #[arg(long, requires = "compose_dir", conflicts_with = "target_dir")]
    #[serde(skip)]
    pub reopen: bool,
    /// Label of the compose, such as RC-1.0
    #[arg(long, value_name = "LABEL")]
    #[serde(skip)]
    pub label: Option<String>,
    /// Allow a production compose without a label
    #[arg(long, hide_short_help = true)]
    #[serde(skip)]
    pub no_label: bool,
    /// Mark the compose as supported; implied by RC, Update and SecurityFix labels
    #[arg(long, hide_short_help = true)]
    #[serde(default)]
    pub supported: bool,
    /// The type; none: the configuration's, or production.
    #[command(flatten)]
    #[serde(skip)]
    pub kind: TypeArgs,
    /// Run only this phase, such as osbuild; repeatable
    #[arg(long, value_name = "PHASE", value_parser = phase_name(), hide_possible_values = true, help_heading = SELECTION)]
    #[serde(default)]
    pub just_phase: Vec<String>,
    /// Skip this phase, such as osbuild; repeatable
    #[arg(long, value_name = "PHASE", value_parser = phase_name(), hide_possible_values = true, help_heading = SELECTION)]
    #[serde(default)]
    pub skip_phase: Vec<String>,
    /// Build only this image (NAME, VARIANT:NAME or a pattern such as 'Fedora-Cloud-*'); repeatable
    #[arg(long, value_name = "IMAGE", help_heading = SELECTION)]
    #[serde(default)]
    pub only: Vec<String>,
    /// Build only the images of this variant (a uid or a pattern); repeatable
    #[arg(long, value_name = "VARIANT", help_heading = SELECTION)]
    #[serde(default)]
    pub variant: Vec<String>,
    /// Accept a configuration that builds no image
    #[arg(long, help_heading = SELECTION)]
    #[serde(skip)]
    pub allow_empty: bool,
    /// Do not create the latest link
    #[arg(long, help_heading = PUBLISHING)]
    #[serde(default)]
    pub no_latest_link: bool,
    /// Create the latest link only if the compose ends with this status; repeatable
    #[arg(long, value_name = "STATUS", value_parser = status_name(), ignore_case = true, help_heading = PUBLISHING)]
    #[serde(default)]
    pub latest_link_status: Vec<String>,
    /// How many components of the release version the name of the latest link has; -1: all but the last
    #[arg(long, value_name = "N", default_value_t = all_but_the_last(), value_parser = integer, allow_negative_numbers = true, help_heading = PUBLISHING, hide_short_help = true)]
    #[serde(default = "all_but_the_last")]
    pub latest_link_components: i64,
    /// Script to notify; gets the message name as argument and JSON on standard input; repeatable
    #[arg(long, value_name = "CMD", help_heading = PUBLISHING)]
    #[serde(default)]
    pub notification_script: Vec<String>,
    /// Kill a notification script or the command of --on-finish that runs longer than this
    #[arg(long, value_name = "SECONDS", default_value_t = usual_limit(), value_parser = clap::value_parser!(u64).range(1..=86_400), help_heading = PUBLISHING, hide_short_help = true)]
    #[serde(default = "usual_limit")]
    pub notification_timeout: u64,
    /// Koji event for the Pungi of --pungi; image tasks take none
    #[arg(long, value_name = "N", value_parser = integer, help_heading = PUNGI, hide_short_help = true)]
    #[serde(skip)]
    pub koji_event: Option<i64>,
    /// Id of a parent compose, for CTS (with cts_url); repeatable
    #[arg(long, value_name = "ID", help_heading = PUNGI, hide_short_help = true)]
    #[serde(skip)]
    pub parent_compose_id: Vec<String>,
    /// Id of the compose that this one respins, for CTS (with cts_url); the last one given counts
    #[arg(long, value_name = "ID", help_heading = PUNGI, hide_short_help = true)]
    #[serde(skip)]
    pub respin_of: Vec<String>,
    /// Accepted for compatibility
    #[arg(long, value_name = "DIR", hide = true, help_heading = PUNGI)]
    #[serde(skip)]
    pub old_composes: Vec<PathBuf>,
    /// Accepted for compatibility: the log always has everything
    #[arg(long, hide = true, help_heading = PUNGI)]
    #[serde(skip)]
    pub debug_mode: bool,
    /// Print the compose directory on standard output
    #[arg(long, help_heading = OUTPUT)]
    #[serde(skip)]
    pub print_output_dir: bool,
    /// Print errors only; `run` prints one line per cause of failure
    #[arg(long, help_heading = OUTPUT)]
    #[serde(skip)]
    pub quiet: bool,
    /// Use a simulated hub instead of a real one; the JSON file SCENARIO says what goes wrong
    #[cfg(feature = "simulator")]
    #[arg(long, value_name = "SCENARIO", num_args = 0..=1, require_equals = true, help_heading = HUB)]
    #[expect(clippy::option_option, reason = "absent, without a scenario, with one")]
    #[serde(skip)]
    pub simulate: Option<Option<PathBuf>>,
    /// How to reach the hub.
    #[command(flatten)]
    #[serde(flatten)]
    pub koji: KojiArgs,
}

/// How to reach the hub, and as which user.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "named as on the command line")]
pub struct KojiArgs {
    /// Koji configuration file to read instead of the usual ones
    #[arg(long, value_name = "FILE", help_heading = HUB)]
    #[serde(default)]
    pub koji_config: Option<PathBuf>,
    /// Koji profile to use instead of the configuration's koji_profile
    #[arg(long, value_name = "PROFILE", help_heading = HUB)]
    #[serde(default)]
    pub koji_profile: Option<String>,
    /// Log in as this user with the password in MAGUDI_KOJI_PASSWORD
    #[arg(long, value_name = "USER", help_heading = HUB)]
    #[serde(default)]
    pub koji_user: Option<String>,
}

/// The usual components in the name of the latest link.
fn all_but_the_last() -> i64 {
    -1
}

/// The usual time of a notification script, in seconds.
fn usual_limit() -> u64 {
    USUAL_LIMIT.as_secs()
}
