//! What a run was asked to do, as `run`, `resume`, `plan` and `check` share it.

use super::inspect::Request;
use super::named::check_name;
use crate::cli::{ComposeArgs, GoingArgs, KojiArgs, RunArgs};
use crate::error::Failure;
use magudi_compose::ManifestVersion;
use magudi_config::definitions::Definition;
use magudi_phases::branches::Commits;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a run was asked to do. [`Settings`](super::settings::Settings) is what the journal keeps of it.
#[derive(Debug, Clone)]
pub struct Options {
    /// The configuration, absolute.
    pub config: PathBuf,
    /// What was asked of the compose.
    pub request: Request,
    /// `-e`.
    pub define: Vec<Definition>,
    /// `--only-own`.
    pub only_own: bool,
    /// `--just-phase`.
    pub just_phase: Vec<String>,
    /// `--skip-phase`.
    pub skip_phase: Vec<String>,
    /// `--no-latest-link`.
    pub no_latest_link: bool,
    /// `--latest-link-status`.
    pub latest_link_status: Vec<String>,
    /// `--latest-link-components`.
    pub latest_link_components: i64,
    /// `--notification-script`.
    pub notification_script: Vec<String>,
    /// `--notification-timeout`, in seconds.
    pub notification_timeout: u64,
    /// `--koji-config`, absolute.
    pub koji_config: Option<PathBuf>,
    /// `--koji-profile`.
    pub koji_profile: Option<String>,
    /// `--koji-user`.
    pub koji_user: Option<String>,
    /// The hub was a simulated one, which is gone with its process.
    pub simulated: bool,
    /// `--simulate` and its scenario.
    #[cfg(feature = "simulator")]
    #[expect(clippy::option_option, reason = "absent, without a scenario, with one")]
    pub simulate: Option<Option<PathBuf>>,
    /// `--print-output-dir`.
    pub print_output_dir: bool,
    /// `--quiet`.
    pub quiet: bool,
    /// The commits that stand in place of branches, as far as they are known.
    pub commits: Commits,
    /// `--pungi`: the command, and the options that are passed on to it. Empty: none.
    pub pungi: Vec<String>,
    /// `--manifest-version`.
    pub manifest_version: Option<ManifestVersion>,
    /// `--wait-for-repos`.
    #[expect(clippy::option_option, reason = "absent, without a limit, with one")]
    pub wait_for_repos: Option<Option<Duration>>,
    /// How to continue.
    pub going: Going,
}

/// Options about how a run continues, not about what it makes.
#[derive(Debug, Clone, Default)]
pub struct Going {
    /// `--fail-fast`.
    pub fail_fast: bool,
    /// `--strict-images`.
    pub strict_images: bool,
    /// `--keep-urls`.
    pub keep_urls: bool,
    /// `--on-finish`.
    pub on_finish: Option<String>,
    /// `--detach-on-signal`.
    pub detach_on_signal: bool,
    /// `--retry-failed`.
    pub retry_failed: bool,
    /// `--rebuild`.
    pub rebuild: Vec<String>,
    /// `--accept`.
    pub accept: Vec<String>,
    /// `--adopt`: images and tasks.
    pub adopt: Vec<(String, i64)>,
    /// `--hub-moved`.
    pub hub_moved: bool,
    /// `--reopen`.
    pub reopen: bool,
    /// `--events`.
    pub events: Option<PathBuf>,
    /// `--no-lock`.
    pub no_lock: bool,
}

impl Going {
    /// The options of a command line.
    pub fn of(args: &GoingArgs, reopen: bool) -> Self {
        Self {
            fail_fast: args.fail_fast,
            strict_images: args.strict_images,
            keep_urls: args.keep_urls,
            on_finish: args.on_finish.clone(),
            detach_on_signal: args.detach_on_signal,
            retry_failed: args.retry_failed,
            rebuild: args.rebuild.clone(),
            accept: args.accept.clone(),
            adopt: args.adopt.clone(),
            hub_moved: args.hub_moved,
            reopen,
            events: args.events.clone(),
            no_lock: args.no_lock,
        }
    }

    /// Refuses names of images that there are not.
    pub fn check_names(&self, images: &[(&str, &str)]) -> Result<(), Failure> {
        for (option, words) in [("--rebuild", &self.rebuild), ("--accept", &self.accept)] {
            words.iter().try_for_each(|word| check_name(option, word, images))?;
        }
        self.adopt.iter().try_for_each(|(image, _)| check_name("--adopt", image, images))
    }
}

impl Options {
    /// The options of `magudi run`. The error is a wrong use of the command line.
    pub fn of_run(args: &RunArgs) -> Result<Self, Failure> {
        let going = Going::of(&args.going, args.compose.reopen);
        if !going.adopt.is_empty() && args.compose.compose_dir.is_none() {
            return Err(Failure::Usage("--adopt is for a compose that is there: give --compose-dir".to_owned()));
        }
        if going.events.as_deref() == Some(Path::new("-")) && args.compose.print_output_dir {
            let text = "--events - and --print-output-dir cannot share standard output; give --events a file";
            return Err(Failure::Usage(text.to_owned()));
        }
        let options = Self::of_compose(&args.compose, going)?;
        let pungi = args.pungi.as_ref().map(|words| passed_on(words, &args.compose)).transpose()?.unwrap_or_default();
        let manifest_version = args.manifest_version;
        Ok(Self { pungi, manifest_version, wait_for_repos: args.wait_for_repos, ..options })
    }

    /// The options that a compose has however it is looked at.
    pub fn of_compose(args: &ComposeArgs, going: Going) -> Result<Self, Failure> {
        #[cfg(feature = "simulator")]
        let simulated = args.simulate.is_some();
        #[cfg(not(feature = "simulator"))]
        let simulated = false;
        Ok(Self {
            config: absolute(&args.config)?,
            request: Request::of(args),
            define: args.define.clone(),
            only_own: args.only_own,
            just_phase: args.just_phase.clone(),
            skip_phase: args.skip_phase.clone(),
            no_latest_link: args.no_latest_link,
            latest_link_status: args.latest_link_status.clone(),
            latest_link_components: args.latest_link_components,
            notification_script: args.notification_script.clone(),
            notification_timeout: args.notification_timeout,
            koji_config: args.koji.koji_config.as_deref().map(absolute).transpose()?,
            koji_profile: args.koji.koji_profile.clone(),
            koji_user: args.koji.koji_user.clone(),
            simulated,
            #[cfg(feature = "simulator")]
            simulate: args.simulate.clone(),
            print_output_dir: args.print_output_dir,
            quiet: args.quiet,
            commits: Commits::new(),
            manifest_version: None,
            pungi: Vec::new(),
            wait_for_repos: None,
            going,
        })
    }

    /// Lets the Koji options of a command line win over those of the journal.
    pub fn override_koji(&mut self, args: &KojiArgs) -> Result<(), Failure> {
        if let Some(config) = &args.koji_config {
            self.koji_config = Some(absolute(config)?);
        }
        self.koji_profile = args.koji_profile.clone().or(self.koji_profile.take());
        self.koji_user = args.koji_user.clone().or(self.koji_user.take());
        Ok(())
    }
}

/// The command `words` with the options of a compose that Pungi has too, but for phases and the directory.
fn passed_on(words: &[String], args: &ComposeArgs) -> Result<Vec<String>, Failure> {
    let mut words = words.to_vec();
    let flags = [
        ("--nightly", args.nightly),
        ("--test", args.test),
        ("--ci", args.ci),
        ("--production", args.production),
        ("--development", args.development),
        ("--no-label", args.no_label),
        ("--supported", args.supported),
        ("--quiet", args.quiet),
        ("--debug-mode", args.debug_mode),
    ];
    words.extend(flags.into_iter().filter(|(_, given)| *given).map(|(flag, _)| flag.to_owned()));
    let mut pass = |option: &str, value: String| words.extend([option.to_owned(), value]);
    args.label.iter().for_each(|label| pass("--label", label.clone()));
    args.koji_event.iter().for_each(|event| pass("--koji-event", event.to_string()));
    for directory in &args.old_composes {
        pass("--old-composes", absolute(directory)?.display().to_string());
    }
    args.parent_compose_id.iter().for_each(|id| pass("--parent-compose-id", id.clone()));
    args.respin_of.iter().for_each(|id| pass("--respin-of", id.clone()));
    Ok(words)
}

/// `path` from the root on.
pub fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))
}
