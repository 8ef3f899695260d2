//! The verbs that look at a configuration.

use super::compose::{ComposeArgs, HUB, OUTPUT, PUNGI};
use super::values::integer;
use clap::{Args, ValueEnum};
use magudi_config::definitions::Definition;
use std::path::PathBuf;

pub const PLAN_EXAMPLES: &str = "\
Examples:
  magudi plan --config fedora.conf --nightly
  magudi plan --config fedora.conf --nightly --hub --resolve
  magudi plan --config fedora.conf --nightly --format json | jq '.requests[].args[0]'
  magudi plan --config fedora.conf --nightly --against /mnt/composes/latest-Fedora-42";
pub const CHECK_EXAMPLES: &str = "\
Examples:
  magudi check --config fedora.conf
  magudi check --config fedora.conf --strict --format json
  magudi check --config fedora.conf -e version=42 --only-own
  magudi check --config fedora.conf --hub

Exit status: 0 no problems, 1 errors (with --strict also warnings), 2 wrong usage.";
pub const EXPLAIN_EXAMPLES: &str = "\
Examples:
  magudi explain MG202
  magudi explain | grep variant";
pub const DUMP_EXAMPLES: &str = "\
Examples:
  magudi config dump --config fedora.conf
  magudi config dump --config fedora.conf -e version=42 --just-dump
  magudi config dump --offline --freeze-event 12345 common.json fedora.conf
  magudi config dump --dump-schema > compose-config.schema.json";

/// `magudi plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The compose.
    #[command(flatten)]
    pub compose: ComposeArgs,
    /// Output format
    #[arg(long, value_enum, default_value_t = PlanFormat::Table, help_heading = OUTPUT)]
    pub format: PlanFormat,
    /// Also show the subvariant, repositories and upload of each image
    #[arg(short = 'v', long, help_heading = OUTPUT)]
    pub long: bool,
    /// Also check the login, permissions, channels, build targets and package lists at the hub, and the Koji volume
    #[arg(long, help_heading = HUB)]
    pub hub: bool,
    /// Replace `#HEAD` and `#origin/BRANCH` in URLs with the newest commit, as `run` does; needs git
    #[arg(long, help_heading = HUB)]
    pub resolve: bool,
    /// Print only what differs from PLAN: the output of `plan --format json`, or a compose directory
    #[arg(long, value_name = "PLAN", help_heading = OUTPUT)]
    pub against: Option<PathBuf>,
}

/// Output formats of most verbs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// `magudi check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The compose.
    #[command(flatten)]
    pub compose: ComposeArgs,
    /// Accepted for compatibility with pungi-config-validate; `check` never resolves branches
    #[arg(long, help_heading = PUNGI, hide_short_help = true)]
    pub offline: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = CheckFormat::Human, help_heading = OUTPUT)]
    pub format: CheckFormat,
    /// JSON Schema that restricts options further; repeatable, later files override earlier ones
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub schema_override: Vec<PathBuf>,
    /// Exit with status 1 on warnings too
    #[arg(long, help_heading = OUTPUT)]
    pub strict: bool,
    /// Also check the login, permissions, channels, build targets and package lists at the hub, and the Koji volume
    #[arg(long, help_heading = HUB)]
    pub hub: bool,
}

/// Output formats of `check`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// For people, on standard error.
    Human,
    /// For programs, on standard output.
    Json,
    /// SARIF 2.1.0, for code hosts, on standard output.
    Sarif,
}

/// `magudi explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Id of the diagnostic; without it all are listed
    #[arg(value_name = "ID")]
    pub id: Option<String>,
}

/// `magudi config dump`.
#[derive(Debug, Args)]
pub struct DumpArgs {
    /// Compose configuration; repeatable, later files override keys of earlier ones
    #[arg(long, value_name = "FILE", required_unless_present_any = ["source", "dump_schema"])]
    pub config: Vec<PathBuf>,
    /// Same as --config, as pungi-config-dump takes it; of a compose directory, the dump in it is read
    #[arg(value_name = "SOURCE")]
    pub source: Vec<PathBuf>,
    /// Set a variable of the configuration; repeatable
    #[arg(short = 'e', long, value_name = "VAR=VALUE")]
    pub define: Vec<Definition>,
    /// Set koji_event to N
    #[arg(long, value_name = "N", value_parser = integer)]
    pub freeze_event: Option<i64>,
    /// Do not replace branches in URLs with commits
    #[arg(long)]
    pub offline: bool,
    /// Print the JSON Schema of configurations instead
    #[arg(long, conflicts_with_all = ["config", "source", "just_dump"])]
    pub dump_schema: bool,
    /// JSON Schema that overrides parts of that of --dump-schema; repeatable
    #[arg(long, value_name = "FILE", requires = "dump_schema")]
    pub schema_override: Vec<PathBuf>,
    /// Print the configuration as written, without checks and defaults
    #[arg(long)]
    pub just_dump: bool,
}
