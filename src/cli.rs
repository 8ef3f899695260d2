//! The command line as it is typed: names and meanings follow `pungi-koji` where it has them (facts: command-line 1).

use crate::commands::image::repositories::Repositories;
use clap::{Args, Parser, Subcommand, ValueEnum};
use magudi_compose::{ManifestVersion, Status};
use magudi_config::definitions::Definition;
use magudi_config::schema::{FORMER_PHASES, PHASES};
use magudi_engine::notify::USUAL_LIMIT;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

/// The version, and which features are built in, for reports of bugs.
static LONG_VERSION: LazyLock<String> = LazyLock::new(|| {
    let features = [
        ("simulator", cfg!(feature = "simulator")),
        ("native-tls", cfg!(feature = "native-tls")),
        ("gssapi", cfg!(feature = "gssapi")),
    ];
    let names = |built_in| features.iter().filter(|(_, is)| *is == built_in).map(|(name, _)| *name).collect::<Vec<_>>();
    let listed = |names: Vec<&str>| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    format!("{}\nfeatures: {}; without: {}", env!("CARGO_PKG_VERSION"), listed(names(true)), listed(names(false)))
});

const RUN_EXAMPLES: &str = "\
Examples:
  magudi run --config fedora.conf --target-dir /mnt/composes --nightly
  magudi run --config fedora.conf --target-dir /mnt/composes --label RC-1.0 --latest-link-status FINISHED
  magudi run --config fedora.conf --compose-dir /mnt/composes/Fedora-42-20250219.n.0 --nightly --just-phase osbuild
  magudi run --config fedora.conf --target-dir /tmp/composes --nightly --simulate

Exit status: 0 the compose is finished, 1 it is not, 2 wrong usage.";
const PLAN_EXAMPLES: &str = "\
Examples:
  magudi plan --config fedora.conf --nightly
  magudi plan --config fedora.conf --nightly --hub --resolve
  magudi plan --config fedora.conf --nightly --format json | jq '.requests[].args[0]'
  magudi plan --config fedora.conf --nightly --against /mnt/composes/latest-Fedora-42";
const CHECK_EXAMPLES: &str = "\
Examples:
  magudi check --config fedora.conf
  magudi check --config fedora.conf --strict --format json
  magudi check --config fedora.conf -e version=42 --only-own
  magudi check --config fedora.conf --hub

Exit status: 0 nothing to complain about, 1 errors (with --strict: or warnings), 2 wrong usage.";
const EXPLAIN_EXAMPLES: &str = "\
Examples:
  magudi explain MG202
  magudi explain | grep variant";
const DUMP_EXAMPLES: &str = "\
Examples:
  magudi config dump --config fedora.conf
  magudi config dump --config fedora.conf -e version=42 --just-dump
  magudi config dump --offline --freeze-event 12345 common.json fedora.conf
  magudi config dump --dump-schema > compose-config.schema.json";
const RESUME_EXAMPLES: &str = "\
Examples:
  magudi resume /mnt/composes/Fedora-42-20250219.n.0
  magudi resume --retry-failed /mnt/composes/Fedora-42-20250219.n.0";
const CANCEL_EXAMPLES: &str = "\
Examples:
  magudi cancel /mnt/composes/Fedora-42-20250219.n.0";
const STATUS_EXAMPLES: &str = "\
Examples:
  magudi status /mnt/composes/latest-Fedora-42
  magudi status --watch /mnt/composes/Fedora-42-20250219.n.0
  magudi status /mnt/composes/latest-Fedora-42 --format json | jq .status";
const UPLOADS_EXAMPLES: &str = "\
Examples:
  magudi uploads /mnt/composes/latest-Fedora-42
  magudi uploads /mnt/composes/latest-Fedora-42 --format json | jq -r '.payload.uploads[][][].options.ami'";
const REPORT_EXAMPLES: &str = "\
Examples:
  magudi report /mnt/composes/latest-Fedora-42
  magudi report /mnt/composes/latest-Fedora-42 -o /var/www/html/nightly.html";
const COMPARE_EXAMPLES: &str = "\
Examples:
  magudi compare /mnt/composes/Fedora-42-20250218.n.0 /mnt/composes/latest-Fedora-42
  magudi compare https://kojipkgs.fedoraproject.org/compose/rawhide/Fedora-Rawhide-20250218.n.0 /mnt/composes/latest-Fedora-Rawhide
  magudi compare old/images.json new/images.json --exit-code --format json | jq -r '.gone[].path'
  magudi compare old new --format html > comparison.html

Exit status: 0 compared, 1 not, or with --exit-code an image is gone, 2 wrong usage.";
const VERIFY_EXAMPLES: &str = "\
Examples:
  magudi verify /mnt/composes/latest-Fedora-42
  magudi verify /srv/mirror/fedora/releases/42 --quick
  magudi verify /mnt/composes/latest-Fedora-42 --format json | jq -r '.problems[].path'

Exit status: 0 nothing is wrong, 1 something is, 2 wrong usage.";
const IMAGE_EXAMPLES: &str = "\
Examples:
  magudi image Fedora-Cloud 42 fedora-42 f42-image x86_64 aarch64 --release 1
  magudi image Fedora-Cloud 42 fedora-42 f42-image x86_64 --image-type aws-ec2 --upload-options aws.json --wait
  magudi image Fedora-Cloud 42 fedora-42 f42-image x86_64 --repo 'http://example.com/$arch' --repo-package-sets 'build;os'
  magudi image Fedora-Cloud 42 fedora-42 f42-image x86_64 --dry-run --format json

Exit status: 0 the task was made, and closed if it was waited for; 1 not; 2 wrong usage.";
#[cfg(feature = "simulator")]
const HUB_EXAMPLES: &str = "\
Examples:
  magudi hub --profile-file devhub.conf
  magudi hub --topdir /var/tmp/koji --scenario scenario.json --listen 127.0.0.1:8080";
const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  magudi generate completions bash > /etc/bash_completion.d/magudi
  magudi generate completions zsh > ~/.zfunc/_magudi";
const MAN_EXAMPLES: &str = "\
Examples:
  magudi generate man /usr/local/share/man/man1";

/// Runs the image phases of a Pungi compose against a Koji build system.
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

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a compose: submit, wait, fetch, verify, write the manifests
    #[command(after_help = RUN_EXAMPLES)]
    Run(Box<RunArgs>),
    /// Print the tasks that `run` would submit; nothing is created, and only --hub and --resolve need a network
    #[command(after_help = PLAN_EXAMPLES)]
    Plan(Box<PlanArgs>),
    /// Find every mistake of a configuration
    #[command(after_help = CHECK_EXAMPLES)]
    Check(Box<CheckArgs>),
    /// Explain an id of a diagnostic, such as MG202, or list them all
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(ExplainArgs),
    /// Look at a configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Go on with a compose that stopped, where it stopped
    #[command(after_help = RESUME_EXAMPLES)]
    Resume(ResumeArgs),
    /// Cancel the tasks of a compose and end it
    #[command(after_help = CANCEL_EXAMPLES)]
    Cancel(CancelArgs),
    /// Say how far a compose is, running or not
    #[command(after_help = STATUS_EXAMPLES)]
    Status(StatusArgs),
    /// Say where the images of a compose were uploaded to
    #[command(after_help = UPLOADS_EXAMPLES)]
    Uploads(UploadsArgs),
    /// Make the report of a compose: one page with everything that people ask
    #[command(after_help = REPORT_EXAMPLES)]
    Report(ReportArgs),
    /// Say what became of the images of one compose in another one, whoever made them
    #[command(after_help = COMPARE_EXAMPLES)]
    Compare(CompareArgs),
    /// Read the files of a compose, whoever made it, and say which are not what its manifests list
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(VerifyArgs),
    /// Build one image, as `koji osbuild-image` does
    #[command(after_help = IMAGE_EXAMPLES, args_override_self = true)]
    Image(Box<ImageArgs>),
    /// Make shell completions and man pages
    #[command(subcommand)]
    Generate(GenerateCommand),
    /// Run the simulated Koji hub, for `magudi run` or any other Koji client
    #[cfg(feature = "simulator")]
    #[command(after_help = HUB_EXAMPLES)]
    Hub(HubArgs),
}

/// Verbs of `magudi config`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print the configuration as JSON, checked and with defaults, as pungi-config-dump does
    #[command(after_help = DUMP_EXAMPLES)]
    Dump(DumpArgs),
}

/// Verbs of `magudi generate`.
#[derive(Debug, Subcommand)]
pub enum GenerateCommand {
    /// Print the completions for a shell
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell
        #[arg(value_enum, value_name = "SHELL")]
        shell: clap_complete::Shell,
    },
    /// Write a man page for the program and one for each verb into a directory
    #[command(after_help = MAN_EXAMPLES)]
    Man {
        /// The directory; created if missing
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
}

/// Options that a compose has, however it is looked at.
#[derive(Debug, Args)]
pub struct ComposeArgs {
    /// Compose configuration: .conf (Pungi's language) or .json
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Define a variable before the configuration is read, and replace it after; repeatable
    #[arg(short = 'e', long, value_name = "VAR=VALUE")]
    pub define: Vec<Definition>,
    /// Say nothing of what is wrong in options that only Pungi's own phases read
    #[arg(long)]
    pub only_own: bool,
    /// Directory in which the compose directory is created, and the latest link
    #[arg(long, value_name = "DIR", conflicts_with = "compose_dir")]
    pub target_dir: Option<PathBuf>,
    /// The compose directory itself; created if missing, continued if it has a compose
    #[arg(long, value_name = "DIR")]
    pub compose_dir: Option<PathBuf>,
    /// Open a compose that has ended (with --compose-dir): its images of the same phases are built anew and replaced; a verdict of another
    /// program stays
    #[arg(long, requires = "compose_dir", conflicts_with = "target_dir")]
    pub reopen: bool,
    /// Label of the compose, such as RC-1.0
    #[arg(long, value_name = "LABEL")]
    pub label: Option<String>,
    /// A production compose without a label; with --label it says nothing
    #[arg(long)]
    pub no_label: bool,
    /// Mark the compose as supported (final); RC, Update and SecurityFix labels do so by themselves
    #[arg(long)]
    pub supported: bool,
    /// Compose type nightly
    #[arg(long, group = "type")]
    pub nightly: bool,
    /// Compose type test
    #[arg(long, group = "type")]
    pub test: bool,
    /// Compose type ci
    #[arg(long, group = "type")]
    pub ci: bool,
    /// Compose type production (the default)
    #[arg(long, group = "type")]
    pub production: bool,
    /// Compose type development
    #[arg(long, group = "type")]
    pub development: bool,
    /// Run only this phase; repeatable
    #[arg(long, value_name = "PHASE", value_parser = phase_name())]
    pub just_phase: Vec<String>,
    /// Do not run this phase; repeatable
    #[arg(long, value_name = "PHASE", value_parser = phase_name())]
    pub skip_phase: Vec<String>,
    /// Only the images of this name (NAME or VARIANT:NAME; a shell pattern such as 'Fedora-Cloud-*'), as if no other was configured;
    /// repeatable
    #[arg(long, value_name = "IMAGE")]
    pub only: Vec<String>,
    /// Only the images of this variant (its uid, or a shell pattern); repeatable
    #[arg(long, value_name = "VARIANT")]
    pub variant: Vec<String>,
    /// Let a compose make no image at all
    #[arg(long)]
    pub allow_empty: bool,
    /// Do not create the latest link
    #[arg(long)]
    pub no_latest_link: bool,
    /// Create the latest link only for a compose that ends with this status; repeatable
    #[arg(long, value_name = "STATUS", value_parser = status_name(), ignore_case = true)]
    pub latest_link_status: Vec<String>,
    /// Components of the release version in the latest link's name; -1: all but the last
    #[arg(long, value_name = "N", default_value_t = -1, allow_negative_numbers = true)]
    pub latest_link_components: i64,
    /// Program that is told what happens: message name as argument, JSON on standard input; repeatable
    #[arg(long, value_name = "CMD")]
    pub notification_script: Vec<String>,
    /// How long a notification script may take with one message; then it is killed with its children
    #[arg(long, value_name = "SECONDS", default_value_t = USUAL_LIMIT.as_secs(), value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub notification_timeout: u64,
    /// Koji event of the content; accepted for Pungi's sake, image tasks do not take one
    #[arg(long, value_name = "N")]
    pub koji_event: Option<i64>,
    /// Id of a parent compose, for CTS (with cts_url); repeatable
    #[arg(long, value_name = "ID")]
    pub parent_compose_id: Vec<String>,
    /// Id of the compose that this one is a respin of, for CTS (with cts_url); the last one counts
    #[arg(long, value_name = "ID")]
    pub respin_of: Vec<String>,
    /// Accepted for Pungi's sake
    #[arg(long, value_name = "DIR", hide = true)]
    pub old_composes: Vec<PathBuf>,
    /// Accepted for Pungi's sake: the log has everything anyway
    #[arg(long, hide = true)]
    pub debug_mode: bool,
    /// Print the compose directory on standard output
    #[arg(long)]
    pub print_output_dir: bool,
    /// Print errors only
    #[arg(long)]
    pub quiet: bool,
    /// Talk to a simulated hub inside this process, scripted by the JSON file SCENARIO
    #[cfg(feature = "simulator")]
    #[arg(long, value_name = "SCENARIO", num_args = 0..=1, require_equals = true)]
    #[expect(clippy::option_option, reason = "absent, without a scenario, with one")]
    pub simulate: Option<Option<PathBuf>>,
    /// How to reach the hub.
    #[command(flatten)]
    pub koji: KojiArgs,
}

/// How to reach the hub and who to be there.
#[derive(Debug, Args)]
#[expect(clippy::struct_field_names, reason = "named as on the command line")]
pub struct KojiArgs {
    /// Koji configuration read instead of the user's own, as `koji --config`
    #[arg(long, value_name = "FILE")]
    pub koji_config: Option<PathBuf>,
    /// Koji profile; wins over the configuration's koji_profile
    #[arg(long, value_name = "PROFILE")]
    pub koji_profile: Option<String>,
    /// Log in as this user with the password in MAGUDI_KOJI_PASSWORD
    #[arg(long, value_name = "USER")]
    pub koji_user: Option<String>,
}

/// `magudi run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The compose.
    #[command(flatten)]
    pub compose: ComposeArgs,
    /// Version of images.json and composeinfo.json: 1.2, or 2.0 with locations. Default: that of those which are there, else 1.2
    #[arg(long, value_name = "VERSION", value_parser = manifest_version())]
    pub manifest_version: Option<ManifestVersion>,
    /// Run Pungi at the same time for the phases that magudi leaves to it, as COMMAND (default: pungi-koji) with the options of
    /// this command line
    #[arg(
        long,
        value_name = "COMMAND",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "pungi-koji",
        value_parser = words,
        conflicts_with = "reopen"
    )]
    pub pungi: Option<Words>,
    /// Submit an image once the repositories of the compose that it is built from are there, and give it up after DURATION, such as
    /// 90m; always so with --pungi
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, value_parser = duration)]
    #[expect(clippy::option_option, reason = "absent, without a limit, with one")]
    pub wait_for_repos: Option<Option<Duration>>,
    /// How to go on.
    #[command(flatten)]
    pub going: GoingArgs,
}

/// Options about how a run goes on.
#[derive(Debug, Args)]
pub struct GoingArgs {
    /// Cancel the rest as soon as an image fails that is not failable
    #[arg(long)]
    pub fail_fast: bool,
    /// Let an image fail whose file cannot be of its format, such as an ISO without CD001, instead of warning of it
    #[arg(long)]
    pub strict_images: bool,
    /// Keep signed URLs whole in cloud-uploads.json: whoever can read it can fetch the images until the signatures expire
    #[arg(long)]
    pub keep_urls: bool,
    /// On SIGINT (Ctrl-C) and SIGTERM leave the tasks running, for a later resume, instead of canceling them
    #[arg(long)]
    pub detach_on_signal: bool,
    /// When going on with a compose: submit images anew whose task failed or was canceled
    #[arg(long)]
    pub retry_failed: bool,
    /// When going on with a compose: build this image (NAME or VARIANT:NAME; `*`: all whose configuration changed), whatever was
    /// built for it before; repeatable
    #[arg(long, value_name = "IMAGE")]
    pub rebuild: Vec<String>,
    /// When going on with a compose whose configuration changed: take over what changes nothing that is built (subvariant,
    /// manifest_type, failable) for this image (NAME or VARIANT:NAME; `*`: all); repeatable
    #[arg(long, value_name = "IMAGE")]
    pub accept: Vec<String>,
    /// When going on with a compose: take this task for an image (NAME or VARIANT:NAME), whoever made it, if it was asked for
    /// the same; repeatable
    #[arg(long, value_name = "IMAGE=TASK", value_parser = adoption)]
    pub adopt: Vec<(String, i64)>,
    /// The hub of the compose has another address than when it was begun; its tasks are compared first
    #[arg(long)]
    pub hub_moved: bool,
    /// Append every event to FILE as a line of JSON; `-`: standard output
    #[arg(long, value_name = "FILE")]
    pub events: Option<PathBuf>,
    /// Go on where the file system has no locks, as some network mounts; see to it that nothing else works on the compose
    #[arg(long)]
    pub no_lock: bool,
}

/// `magudi resume`.
#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// The compose directory
    #[arg(value_name = "COMPOSE_DIR")]
    pub compose_dir: PathBuf,
    /// The configuration, where it is not at the place any more at which it was when the compose was begun
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Define a variable for the configuration, besides those that the compose was begun with; repeatable
    #[arg(short = 'e', long, value_name = "VAR=VALUE")]
    pub define: Vec<Definition>,
    /// Print errors only
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
    /// Go on where the file system has no locks, as some network mounts; see to it that nothing else works on the compose
    #[arg(long)]
    pub no_lock: bool,
    /// The hub of the compose has another address than when it was begun; its tasks are compared all the same
    #[arg(long)]
    pub hub_moved: bool,
    /// How to reach the hub; without them as the compose was started.
    #[command(flatten)]
    pub koji: KojiArgs,
}

/// `magudi status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The compose directory
    #[arg(value_name = "COMPOSE_DIR")]
    pub compose_dir: PathBuf,
    /// Form of the output
    #[arg(long, value_enum, default_value_t = PlanFormat::Table)]
    pub format: PlanFormat,
    /// Only the images of this name (NAME or VARIANT:NAME; a shell pattern); repeatable
    #[arg(long, value_name = "IMAGE", conflicts_with = "watch")]
    pub only: Vec<String>,
    /// Only the images of this variant (its uid, or a shell pattern); repeatable
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
    /// Form of the output
    #[arg(long, value_enum, default_value_t = PlanFormat::Table)]
    pub format: PlanFormat,
}

/// `magudi report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The compose directory
    #[arg(value_name = "COMPOSE_DIR")]
    pub compose_dir: PathBuf,
    /// Where the page goes; `-` for standard output. Default: logs/global/report.html in the compose
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `magudi compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// The old compose: its directory, the `compose` or `metadata` in it, an images.json, or the address of one of them on the web
    #[arg(value_name = "OLD")]
    pub old: String,
    /// The new compose, named in the same ways
    #[arg(value_name = "NEW")]
    pub new: String,
    /// Form of the output
    #[arg(long, value_enum, default_value_t = CompareFormat::Table)]
    pub format: CompareFormat,
    /// Say that a size or a duration changed when it is so many per cent more or less
    #[arg(long, value_name = "PERCENT", default_value = "10", value_parser = percent)]
    pub threshold: f64,
    /// List the times of all tasks that are known, not only of those that changed
    #[arg(long)]
    pub times: bool,
    /// Exit with status 1 when an image is gone
    #[arg(long)]
    pub exit_code: bool,
}

/// Forms of a comparison.
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
    /// The compose directory, or the `compose` or `metadata` in it
    #[arg(value_name = "DIR")]
    pub compose_dir: PathBuf,
    /// Form of the output
    #[arg(long, value_enum, default_value_t = PlanFormat::Table)]
    pub format: PlanFormat,
    /// Compute no checksums: compare sizes and look at the first bytes of each file
    #[arg(long)]
    pub quick: bool,
    /// Read images that are symbolic links out of the compose, to a Koji volume say
    #[arg(long)]
    pub follow_links: bool,
}

/// `magudi image`: the arguments of `koji osbuild-image` (facts: osbuild 18).
#[derive(Debug, Args)]
pub struct ImageArgs {
    /// Name of the image and of its build
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Version
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
    /// Release; without it the hub chooses the next
    #[arg(long, value_name = "RELEASE", allow_hyphen_values = true)]
    pub release: Option<String>,
    /// Where to install from.
    #[command(flatten)]
    pub repositories: Repositories,
    /// Customizations: a file of one JSON object
    #[arg(long, value_name = "FILE")]
    pub customizations: Option<PathBuf>,
    /// Options of an upload to a cloud: a file of one JSON object
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
    /// Wait for the end, in the background too
    #[arg(long, overrides_with = "nowait")]
    pub wait: bool,
    /// Do not wait; default in the background
    #[arg(long, overrides_with = "wait")]
    pub nowait: bool,
    /// Check, print what would be submitted, and ask nobody
    #[arg(long)]
    pub dry_run: bool,
    /// Form of --dry-run: json is one member of `requests` in `magudi plan --format json`
    #[arg(long, value_enum, default_value_t = PlanFormat::Table, requires = "dry_run")]
    pub format: PlanFormat,
    /// Print errors only
    #[arg(long)]
    pub quiet: bool,
    /// Talk to a simulated hub inside this process, scripted by the JSON file SCENARIO
    #[cfg(feature = "simulator")]
    #[arg(long, value_name = "SCENARIO", num_args = 0..=1, require_equals = true)]
    #[expect(clippy::option_option, reason = "absent, without a scenario, with one")]
    pub simulate: Option<Option<PathBuf>>,
    /// How to reach the hub; the profile is `koji` when none is named.
    #[command(flatten)]
    pub koji: KojiArgs,
}

/// `magudi plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The compose.
    #[command(flatten)]
    pub compose: ComposeArgs,
    /// Form of the output
    #[arg(long, value_enum, default_value_t = PlanFormat::Table)]
    pub format: PlanFormat,
    /// Show the subvariant, the repositories and the place of the upload of each image, too
    #[arg(short = 'v', long)]
    pub long: bool,
    /// Ask the hub as well: login, permission, channel, build targets, package lists; and look for the Koji volume
    #[arg(long)]
    pub hub: bool,
    /// Put the newest commit in place of `#HEAD` and `#origin/BRANCH` in URLs, as `run` does; asks the servers with git
    #[arg(long)]
    pub resolve: bool,
    /// Print what changed in what would be submitted since PLAN: a file that `plan --format json` printed, or a compose, of which
    /// the configuration is taken
    #[arg(long, value_name = "PLAN")]
    pub against: Option<PathBuf>,
}

/// Forms of answers.
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
    /// Accepted for the sake of pungi-config-validate: no repository is asked for its branches anyway
    #[arg(long)]
    pub offline: bool,
    /// Form of the output
    #[arg(long, value_enum, default_value_t = CheckFormat::Human)]
    pub format: CheckFormat,
    /// JSON Schema that forbids more than Pungi's; repeatable, later files go over earlier ones
    #[arg(long, value_name = "FILE")]
    pub schema_override: Vec<PathBuf>,
    /// Exit with status 1 on warnings too
    #[arg(long)]
    pub strict: bool,
    /// Ask the hub as well: login, permission, channel, build targets, package lists; and look for the Koji volume
    #[arg(long)]
    pub hub: bool,
}

/// Forms of `check`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// For people, on standard error.
    Human,
    /// For programs, on standard output.
    Json,
}

/// `magudi explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The id
    #[arg(value_name = "ID")]
    pub id: Option<String>,
}

/// `magudi config dump`.
#[derive(Debug, Args)]
pub struct DumpArgs {
    /// Compose configuration; repeatable, later files replace keys of earlier ones
    #[arg(long, value_name = "FILE", required_unless_present_any = ["source", "dump_schema"])]
    pub config: Vec<PathBuf>,
    /// The same, as pungi-config-dump takes them; a compose directory stands for the dump in it
    #[arg(value_name = "SOURCE")]
    pub source: Vec<PathBuf>,
    /// Define a variable before the files are read, and replace it after; repeatable
    #[arg(short = 'e', long, value_name = "VAR=VALUE")]
    pub define: Vec<Definition>,
    /// Set koji_event
    #[arg(long, value_name = "N")]
    pub freeze_event: Option<i64>,
    /// Leave branches of Git repositories as they are, instead of asking for their newest commits
    #[arg(long)]
    pub offline: bool,
    /// Print the JSON Schema of configurations instead
    #[arg(long, conflicts_with_all = ["config", "source", "just_dump"])]
    pub dump_schema: bool,
    /// With --dump-schema: JSON Schema to put over it; repeatable
    #[arg(long, value_name = "FILE", requires = "dump_schema")]
    pub schema_override: Vec<PathBuf>,
    /// Print what is written there: no check, no defaults
    #[arg(long)]
    pub just_dump: bool,
}

/// `magudi hub`.
#[cfg(feature = "simulator")]
#[derive(Debug, Args)]
pub struct HubArgs {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: std::net::SocketAddr,
    /// Koji volume; tasks, builds and accounts are kept there. Without it a temporary directory
    #[arg(long, value_name = "DIR")]
    pub topdir: Option<PathBuf>,
    /// JSON file that scripts what tasks do and what goes wrong
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,
    /// Write a koji profile named `devhub` that points here
    #[arg(long, value_name = "FILE")]
    pub profile_file: Option<PathBuf>,
    /// Allow addresses other than loopback
    #[arg(long)]
    pub allow_remote: bool,
    /// Take the identity from the header X-Remote-User, for a web server in front
    #[arg(long)]
    pub trust_remote_user: bool,
}

/// A status of a compose; another one would mean that there is never a link.
fn status_name() -> impl clap::builder::TypedValueParser<Value = String> {
    use clap::builder::TypedValueParser as _;
    clap::builder::PossibleValuesParser::new(Status::ALL.map(Status::as_str)).map(|name: String| name)
}

/// A command and its options.
pub type Words = Vec<String>;

/// A command line as a shell reads it.
fn words(text: &str) -> Result<Words, String> {
    let words = shlex::split(text).ok_or("a quote is not closed")?;
    if words.is_empty() { Err("a command is wanted".to_owned()) } else { Ok(words) }
}

/// A time such as `90m`, `1h 30m` or `600` (seconds).
fn duration(text: &str) -> Result<Duration, String> {
    let wanted = "a time is wanted, such as 90m, 2h or 600 (seconds)";
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    let duration: jiff::SignedDuration = text.parse().map_err(|_| wanted)?;
    Duration::try_from(duration).map_err(|_| wanted.to_owned())
}

/// A number of per cent.
fn percent(text: &str) -> Result<f64, String> {
    let number: f64 = text.trim_end_matches('%').trim().parse().map_err(|_| format!("`{text}` is no number"))?;
    if number.is_finite() && number >= 0.0 { Ok(number) } else { Err(format!("`{text}` is no number from 0 on")) }
}

/// A version of manifests.
fn manifest_version() -> impl clap::builder::TypedValueParser<Value = ManifestVersion> {
    use clap::builder::TypedValueParser as _;
    let versions = ManifestVersion::ALL.map(ManifestVersion::as_str);
    clap::builder::PossibleValuesParser::new(versions).map(|text| ManifestVersion::parse(&text).unwrap_or_default())
}

/// `IMAGE=TASK`.
fn adoption(text: &str) -> Result<(String, i64), String> {
    let (image, task) = text.rsplit_once('=').ok_or("an image and a task are wanted, as in disk=1234")?;
    let id = task.parse().ok().filter(|id| *id > 0).ok_or_else(|| format!("`{task}` is no number of a task"))?;
    if image.is_empty() { Err("no image is named".to_owned()) } else { Ok((image.to_owned(), id)) }
}

/// A phase that Pungi has, or had.
fn phase_name() -> impl clap::builder::TypedValueParser<Value = String> {
    use clap::builder::{PossibleValue, TypedValueParser as _};
    let former = FORMER_PHASES.into_iter().map(|name| PossibleValue::new(name).hide(true));
    let phases = PHASES.into_iter().map(PossibleValue::new).chain(former);
    clap::builder::PossibleValuesParser::new(phases).map(|name: String| name)
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
