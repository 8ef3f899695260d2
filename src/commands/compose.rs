//! A *compose* as `run` and `resume` share it: everything is known and checked before its directory is touched, then it
//! runs to its final status.

use super::inspect::{Branches, Inspected, Request, Typed, inspect};
use super::named::check_name;
use super::outage::OutageLog;
use super::preflight::ask_before;
use super::recall::{Recalled, Recalling, load_history, recall};
use super::settings::Settings;
use super::{RUN_THREADS, runtime, signals};
use crate::cli::{ComposeArgs, GoingArgs, KojiArgs, RunArgs};
use crate::error::Failure;
use crate::settings::{Environment, umask};
use crate::ui::{PlainLog, Stream, TerminalView, Ui, counted};
use magudi_compose::identity::ComposeIdentity;
use magudi_compose::latest::{make_latest_link, other_latest};
use magudi_compose::layout::ComposeDir;
use magudi_compose::status::{Status, load_status, reopen};
use magudi_compose::sweep::sweep;
use magudi_compose::write::write_atomic;
use magudi_config::codes::BAD_PROFILE;
use magudi_config::define::Definition;
use magudi_config::diagnostic::has_errors;
use magudi_config::dump::to_text;
use magudi_config::load::Syntax;
use magudi_config::render::secrets::starred;
use magudi_config::render::{self, render_human};
use magudi_config::source::Source;
use magudi_config::{Diagnostic, Sources, Text, secret};
use magudi_engine::event::{Event, Events, Level};
use magudi_engine::journal::{self, Journal};
use magudi_engine::lock::{Lock, Locks};
use magudi_engine::log::LogFile;
use magudi_engine::login::Login;
use magudi_engine::mask::{Mask, secrets_of};
use magudi_engine::notify::{NotifierEnd, Scripts, notifier};
use magudi_engine::plan::TaskRequest;
use magudi_engine::runner::{Polling, Start};
use magudi_engine::stop::stop;
use magudi_engine::stream::{EventStream, StreamEnd, event_stream};
use magudi_engine::volume::{Cache, Volume};
use magudi_engine::watch::WatchLogs;
use magudi_koji::profile::shown_address;
use magudi_koji::{Authenticator, ClientOptions, Hub, Password, Profile, Session, load_profile};
use magudi_phases::branches::Commits;
use magudi_phases::existing::Existing;
use magudi_phases::pipeline::{Access, Compose, End};
use magudi_phases::repos::translate;
use serde_json::{Map, Value as Json, json};
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What stands for the address of the simulated hub of a run.
#[cfg(feature = "simulator")]
const SIMULATED: &str = "the simulated hub";

/// What the owner's group and others need of files and directories that they read.
const FOR_OTHERS: u32 = 0o055;

/// How long the end of a run waits for a slow reader of its events, and of one that was stopped.
const EVENTS_PATIENCE: Duration = Duration::from_secs(10);
const LAST_EVENTS_PATIENCE: Duration = Duration::from_secs(2);

/// What a run was asked to do. [`Settings`] is what the journal keeps of it.
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
    /// How to go on.
    pub going: Going,
}

/// Options about how a run goes on, not about what it makes.
#[derive(Debug, Clone, Default)]
pub struct Going {
    /// `--fail-fast`.
    pub fail_fast: bool,
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
        let going = Going::of(&args.going, args.reopen);
        if !going.adopt.is_empty() && args.compose.compose_dir.is_none() {
            return Err(Failure::Usage("--adopt is for a compose that is there: give --compose-dir".to_owned()));
        }
        if going.events.as_deref() == Some(Path::new("-")) && args.compose.print_output_dir {
            let text = "--events - and --print-output-dir cannot share standard output; give --events a file";
            return Err(Failure::Usage(text.to_owned()));
        }
        Self::of_compose(&args.compose, going)
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

/// `path` from the root on.
pub fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))
}

/// What to make of an earlier run in the same directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recall {
    /// Go on with it, unless it has finished: then everything is built anew (`run --compose-dir`).
    IfUnfinished,
    /// Go on with it in any case (`resume`).
    Always,
}

/// How the hub is reached.
pub enum HubChoice {
    /// The hub of a koji profile.
    Profile(Box<Profile>, Authenticator),
    /// A simulated one.
    #[cfg(feature = "simulator")]
    Simulated(Box<magudi_devhub::Scenario>),
}

impl HubChoice {
    /// The address of the hub.
    fn server(&self) -> &str {
        match self {
            Self::Profile(profile, _) => &profile.server,
            #[cfg(feature = "simulator")]
            Self::Simulated(_) => SIMULATED,
        }
    }
}

/// A run of which everything is known that can be known before its directory is touched.
pub struct Prepared {
    inspected: Inspected,
    hub: HubChoice,
    recall: Recall,
    events: Option<(EventStream, StreamEnd)>,
}

/// Reads and checks everything that a run needs.
pub fn prepare(options: &Options, environment: &Environment, ui: Ui, recall: Recall) -> Result<Prepared, Failure> {
    let request = &options.request;
    if request.target_dir.is_none() && request.compose_dir.is_none() {
        return Err(Failure::Usage("one of --target-dir and --compose-dir is required".to_owned()));
    }
    request.check()?;
    let secret = options.define.iter().filter(|definition| secret::is_hidden(&definition.name));
    environment.network.mask.add(secret.map(|definition| definition.value.as_str()));
    let known = || known_commits(options);
    let branches = Branches { known: &known, ask: true };
    let mut inspected = inspect(&options.config, request, environment, Typed::Required, branches)?;
    let hub = choose_hub(options, environment, &inspected)?;
    // A FINISHED compose and manifests that cannot be used are refused before anything is touched.
    let (dir, _) = inspected.place(request, options.going.reopen)?;
    check_names(options, &inspected, &dir)?;
    Existing::load(&dir).map_err(Failure::Failed)?;
    // Of one that was begun it is known later what is to be submitted.
    if !dir.logs_global().join(journal::NAME).exists() {
        let found = ask_before(options, environment, ui, &inspected, &hub, inspected.requests(), |_| true)?;
        inspected.diagnostics.extend(found);
        if has_errors(&inspected.diagnostics) {
            return Err(Failure::invalid(inspected.diagnostics, inspected.sources));
        }
    }
    if !options.quiet {
        ui.diagnostics(&inspected.diagnostics, &inspected.sources);
    }
    let events = options.going.events.as_deref().map(open_events).transpose()?;
    Ok(Prepared { inspected, hub, recall, events })
}

/// The commits that an unfinished run in the same directory has built from: those that `options` have, or its journal.
fn known_commits(options: &Options) -> Result<Commits, Failure> {
    let Some(dir) = options.request.compose_dir.as_ref().filter(|_| options.commits.is_empty()) else {
        return Ok(options.commits.clone());
    };
    let dir = ComposeDir::at(&absolute(dir)?);
    let status = load_status(&dir.status_file()).map_err(Failure::failed)?;
    if matches!(status, Some(Status::Finished | Status::FinishedIncomplete)) {
        return Ok(Commits::new());
    }
    let settings = load_history(&dir)?.and_then(|history| history.settings).map(Settings::from_json);
    Ok(settings.and_then(Result::ok).map(|settings| settings.commits).unwrap_or_default())
}

/// Refuses names of images that there are neither now nor were in the runs before.
fn check_names(options: &Options, inspected: &Inspected, dir: &ComposeDir) -> Result<(), Failure> {
    let requests = inspected.requests().iter();
    let mut images: Vec<(&str, &str)> = requests.map(|request| (request.variant.as_str(), request.name())).collect();
    let Err(failure) = options.going.check_names(&images) else { return Ok(()) };
    let history = load_history(dir)?.unwrap_or_default();
    let known = images.len();
    images.extend(history.requests.values().map(|past| (past.variant.as_str(), past.name.as_str())));
    if images.len() == known { Err(failure) } else { options.going.check_names(&images) }
}

/// Opens the file of `--events` for appending; `-` is standard output.
fn open_events(path: &Path) -> Result<(EventStream, StreamEnd), Failure> {
    let cannot = |error| Failure::Failed(format!("cannot write events to {}: {error}", path.display()));
    let writer: Box<dyn Write + Send> = if path == Path::new("-") {
        Box::new(std::io::stdout())
    } else {
        Box::new(OpenOptions::new().create(true).append(true).open(path).map_err(cannot)?)
    };
    event_stream(writer).map_err(cannot)
}

/// The hub that a run would go to.
pub fn choose_hub(options: &Options, environment: &Environment, inspected: &Inspected) -> Result<HubChoice, Failure> {
    #[cfg(feature = "simulator")]
    if let Some(scenario) = &options.simulate {
        let scenario = match scenario {
            Some(path) => super::hub::scenario(path)?,
            None => magudi_devhub::Scenario::default(),
        };
        return Ok(HubChoice::Simulated(Box::new(super::hub::for_plan(scenario, inspected.requests()))));
    }
    let configured = inspected.config.koji_profile.as_ref();
    match profile(options, environment, configured.map(Text::as_str)) {
        Ok((profile, authenticator)) => Ok(HubChoice::Profile(Box::new(profile), authenticator)),
        // The configuration's profile is at fault where no other was asked for.
        Err(Failure::Failed(reason)) if options.koji_profile.is_none() => {
            let found = Diagnostic::new(&BAD_PROFILE, "koji_profile", reason);
            let found = match configured {
                Some(profile) => found.at(profile.span),
                None => found,
            };
            Err(Failure::invalid(vec![found], inspected.sources.clone()))
        }
        Err(other) => Err(other),
    }
}

/// The profile of the hub and the way to log in there. `configured` is the configuration's `koji_profile`.
pub fn profile(
    options: &Options,
    environment: &Environment,
    configured: Option<&str>,
) -> Result<(Profile, Authenticator), Failure> {
    let name = options.koji_profile.as_deref().or(configured);
    named_profile(name, options.koji_config.as_deref(), options.koji_user.as_deref(), environment)
}

/// The profile `name`, from the file `config` or where koji looks, and the way to log in there: as `user`, or as the
/// profile says.
pub fn named_profile(
    name: Option<&str>,
    config: Option<&Path>,
    user: Option<&str>,
    environment: &Environment,
) -> Result<(Profile, Authenticator), Failure> {
    let password = user.map(|user| {
        environment
            .koji_password
            .as_ref()
            .map(|password| (user.to_owned(), Password::new(password.reveal())))
            .ok_or_else(|| {
                Failure::Usage(format!(
                    "--koji-user {user} needs the password in the environment variable MAGUDI_KOJI_PASSWORD"
                ))
            })
    });
    let password = password.transpose()?;
    let name = name.ok_or_else(|| {
        Failure::Failed(
            "the Koji profile must be configured: set koji_profile in the configuration or give --koji-profile"
                .to_owned(),
        )
    })?;
    let locations = environment.profile_locations(config);
    let profile = load_profile(name, &locations).map_err(Failure::failed)?;
    let authenticator = match password {
        Some((user, password)) => Authenticator::Password { user, password },
        None => Authenticator::from_profile(&profile)
            .and_then(|authenticator| {
                authenticator.check(&environment.network.client_options()).map(|()| authenticator)
            })
            .map_err(|error| Failure::Failed(format!("{error}; --koji-user USER logs in with a password")))?,
    };
    Ok((profile, authenticator))
}

/// Tells the notification scripts that there will be no compose (PUNGI.md 12).
pub fn tell_scripts(options: &Options, argv: &[OsString], environment: &Environment, failure: &Failure, ui: Ui) {
    if options.notification_script.is_empty() {
        return;
    }
    let target_dir = options.request.target_dir.as_deref();
    let mut members = Map::new();
    members.insert("command".to_owned(), argv.iter().map(|arg| Json::from(arg.to_string_lossy())).collect());
    members.insert("target_dir".to_owned(), json!(target_dir));
    members.insert("config".to_owned(), json!(options.config));
    members.insert("detail".to_owned(), Json::from(failure.detail()));
    if let Failure::Invalid(invalid) = failure {
        let errors = invalid.diagnostics.iter().map(|d| match d.path.as_str() {
            "" => Json::from(d.message.as_str()),
            path => Json::from(format!("Failed validation in {path}: {}", d.message)),
        });
        members.insert("errors".to_owned(), errors.collect());
    }
    let workdir = target_dir.filter(|dir| dir.is_dir()).unwrap_or(Path::new("."));
    let warn = move |_, text| ui.note(&format!("warning: {text}"));
    match notifier(scripts(options, environment, workdir, None), Map::new(), Box::new(warn)) {
        Ok((notifier, end)) => {
            notifier.send("fail-to-start", members);
            end.finish(None, |left| ui.note(&waiting_for_scripts(left)));
        }
        Err(error) => ui.note(&format!("warning: notification scripts cannot be run: {error}")),
    }
}

/// Runs a prepared compose to its end.
pub fn compose(
    options: &Options,
    argv: &[OsString],
    environment: &Environment,
    ui: Ui,
    prepared: Prepared,
) -> Result<(), Failure> {
    let Prepared { mut inspected, hub, recall: wanted, events: stream } = prepared;
    let (stream, stream_end) = stream.unzip();
    let mut identity = inspected.identity.clone();
    let dir = match &options.request.compose_dir {
        Some(dir) => ComposeDir::at(&absolute(dir)?),
        None => {
            let target = options.request.target_dir.as_deref().unwrap_or(Path::new("."));
            ComposeDir::create(target, &mut identity).map_err(Failure::failed)?
        }
    };
    let was_begun = dir.logs_global().join(journal::NAME).exists();
    dir.make_dir(&dir.logs_global()).map_err(Failure::failed)?;
    let _lock = lock(&dir, options.going.no_lock, ui)?;
    sweep(&dir);
    let status = load_status(&dir.status_file()).map_err(Failure::failed)?;
    let is_there = options.request.compose_dir.is_some();
    if is_there && let Some(known) = dir.peek_identity(&identity, options.going.reopen).map_err(Failure::failed)? {
        identity = known;
    }
    let has_finished = matches!(status, Some(Status::Finished | Status::FinishedIncomplete));
    // Who names images wants the others as they are.
    let names_images = !options.going.rebuild.is_empty() || !options.going.adopt.is_empty();
    let fresh = wanted == Recall::IfUnfinished && has_finished && !names_images;
    let secrets = environment.secrets();
    let recalling = Recalling {
        dir: &dir,
        identity: &identity,
        server: hub.server(),
        fresh,
        going: &options.going,
        secrets: &secrets,
    };
    let recalled = recall(recalling, &mut inspected)?;
    if was_begun {
        let is_submitted = |place: usize| recalled.starts.get(place).is_some_and(Start::is_submitted);
        let found = ask_before(options, environment, ui, &inspected, &hub, &recalled.requests, is_submitted)?;
        if has_errors(&found) {
            return Err(Failure::invalid(found, inspected.sources));
        }
        if !options.quiet {
            ui.diagnostics(&found, &inspected.sources);
        }
        inspected.diagnostics.extend(found);
    }
    // Up to here nothing has been touched but the lock.
    if is_there {
        if options.going.reopen {
            reopen(&dir).map_err(Failure::failed)?;
        }
        ComposeDir::open_or_create(dir.top(), identity.clone()).map_err(Failure::failed)?;
    }
    let existing = Existing::load(&dir).map_err(Failure::Failed)?;
    let Recalled { requests, keys, starts, claimed, paths, owners, sent_before, compare_first, abandoned, remarks } =
        recalled;
    if options.print_output_dir {
        ui.answer(&format!("Compose dir: {}\n", dir.top().display())).map_err(Failure::failed)?;
    }
    // What clients learn in logins comes to it later.
    let mask = &environment.network.mask;
    mask.add(secret::values(&inspected.config.tree).iter().map(String::as_str));
    mask.add(secrets_of(&requests));
    keep_configuration(&inspected, &dir, mask)?;
    let requests = Arc::new(requests);
    let makes_nothing = requests.is_empty();
    let (events, journal) = subscribe(options, ui, &dir, &requests, stream, mask)?;
    let scripts = run_scripts(options, environment, &inspected, &identity, &dir, &events)?;
    head_of_log(&events, argv, environment, &inspected);
    let cache = inspected.config.koji_cache.as_ref().map(|cache| PathBuf::from(cache.as_str()));
    let polling = match &hub {
        HubChoice::Profile(profile, _) => Polling::of(profile),
        #[cfg(feature = "simulator")]
        // It is never behind.
        HubChoice::Simulated(_) => Polling { settled: Duration::ZERO, ..Polling::default() },
    };
    let (handle, stopped) = stop();
    let (detach, cannot) =
        (options.going.detach_on_signal, |error| Failure::Failed(format!("cannot catch signals: {error}")));
    signals::watch(handle.clone(), Arc::clone(&events), detach, scripts.clone()).map_err(cannot)?;
    for remark in remarks {
        events.message(Level::Warning, None, remark);
    }
    for (url, commit) in &inspected.commits {
        events.message(Level::Info, None, format!("{url} is commit {commit}"));
    }
    let Inspected { mut config, variants, selection, commits, .. } = inspected;
    config.forget_images();
    let compose = Compose {
        config,
        variants,
        identity: identity.clone(),
        dir: dir.clone(),
        selection,
        requests,
        events: Arc::clone(&events),
        polling,
        starts,
        claimed,
        owners,
        sent_before,
        compare_first,
        abandoned,
        keys,
        earlier_paths: paths,
        existing,
        journal,
        settings: Settings { commits, ..Settings::of(options) }.to_json()?,
        fresh,
        fail_fast: options.going.fail_fast.then(|| handle.clone()),
    };
    let listener = Arc::new(OutageLog(Arc::clone(&events)));
    let client = ClientOptions { listener: Some(listener), ..environment.network.client_options() };
    let runtime = runtime(RUN_THREADS)?;
    let stop = stopped.clone();
    let end = runtime.block_on(async {
        match hub {
            HubChoice::Profile(profile, authenticator) => {
                Box::pin(compose.run(|| access(*profile, authenticator, &client, cache), stopped)).await
            }
            #[cfg(feature = "simulator")]
            HubChoice::Simulated(scenario) => Box::pin(simulate(compose, *scenario, &dir, cache, stopped)).await,
        }
    });
    // Whoever still reads a file of a volume that hangs is not waited for.
    runtime.shutdown_background();
    let stays = makes_nothing.then(|| other_latest(&dir, &identity, options.latest_link_components)).flatten();
    match stays {
        Some(other) if !options.no_latest_link && end.error.is_none() => {
            let text = format!("No image was made: the latest link stays at {}", other.display());
            events.message(Level::Warning, None, text);
        }
        _ => latest_link(options, &end, &dir, &identity, &events),
    }
    let stopped = stop.is_set();
    if let Some(scripts) = scripts {
        finish_scripts(&scripts, stopped.then_some(signals::SCRIPTS_PATIENCE), &events);
    }
    end.say(&events);
    let patience = if stopped { LAST_EVENTS_PATIENCE } else { EVENTS_PATIENCE };
    if let Some(problem) = stream_end.and_then(|end| end.finish(patience)) {
        ui.note(&format!("warning: not all events were written: {problem}"));
    }
    if let Err(problem) = super::report::leave(&dir) {
        events.message(Level::Warning, None, problem);
    }
    match end.error {
        None => {
            if makes_nothing && !options.quiet {
                ui.note(&format!("{}: no image was made, as no phase that ran has one to make", identity.id()));
            }
            Ok(())
        }
        // The log has the reason; `--quiet` silenced it.
        Some(error) if options.quiet => Err(Failure::Failed(error)),
        Some(_) => Err(Failure::Told),
    }
}

/// Does again what comes after the final status, for a run that was killed there: the compose is finished, and nobody was
/// told, and the latest link may be missing.
pub fn conclude(options: &Options, environment: &Environment, ui: Ui) -> Result<(), Failure> {
    let known = || known_commits(options);
    let branches = Branches { known: &known, ask: false };
    let inspected = inspect(&options.config, &options.request, environment, Typed::Required, branches)?;
    let (dir, identity) = inspected.place(&options.request, true)?;
    let _lock = lock(&dir, options.going.no_lock, ui)?;
    sweep(&dir);
    let (events, _journal) = subscribe(options, ui, &dir, &Arc::new(Vec::new()), None, &environment.network.mask)?;
    let scripts = run_scripts(options, environment, &inspected, &identity, &dir, &events)?;
    let end = End { status: Status::Finished, error: None };
    events.say(Event::Status { status: end.status.as_str().to_owned() });
    latest_link(options, &end, &dir, &identity, &events);
    if let Some(scripts) = scripts {
        finish_scripts(&scripts, None, &events);
    }
    end.say(&events);
    if let Err(problem) = super::report::leave(&dir) {
        events.message(Level::Warning, None, problem);
    }
    Ok(())
}

/// How long a notification script may take.
fn limit(options: &Options) -> Duration {
    Duration::from_secs(options.notification_timeout)
}

fn scripts(options: &Options, environment: &Environment, workdir: &Path, log_dir: Option<PathBuf>) -> Scripts {
    let (programs, variables) = (options.notification_script.clone(), environment.children.clone());
    Scripts { programs, limit: limit(options), workdir: workdir.to_path_buf(), variables, log_dir }
}

/// Lets the notification scripts hear the events of a run, if there are any.
fn run_scripts(
    options: &Options,
    environment: &Environment,
    inspected: &Inspected,
    identity: &ComposeIdentity,
    dir: &ComposeDir,
    events: &Arc<Events>,
) -> Result<Option<NotifierEnd>, Failure> {
    if options.notification_script.is_empty() {
        return Ok(None);
    }
    let scripts = scripts(options, environment, dir.top(), Some(dir.notifications_dir()));
    let log = Arc::clone(events);
    let report = Box::new(move |level, text: String| log.message(level, None, text));
    let (notifier, end) = notifier(scripts, common_members(identity, dir, inspected), report)
        .map_err(|error| Failure::Failed(format!("notification scripts cannot be run: {error}")))?;
    events.subscribe(Box::new(notifier));
    Ok(Some(end))
}

/// Waits until the scripts have heard everything, as long as a run that was asked to end has `patience`.
fn finish_scripts(scripts: &NotifierEnd, patience: Option<Duration>, events: &Events) {
    scripts.finish(patience, |left| events.message(Level::Info, None, waiting_for_scripts(left)));
}

fn waiting_for_scripts(left: usize) -> String {
    format!("Waiting for notification scripts, which have {} left to hear", counted(left, "message"))
}

/// Takes the lock of a compose. Where the file system has none it needs the word of `--no-lock`.
pub fn lock(dir: &ComposeDir, no_lock: bool, ui: Ui) -> Result<Lock, Failure> {
    let locks = if no_lock { Locks::Unneeded } else { Locks::Needed };
    let lock = Lock::acquire(&dir.logs_global(), &host(), locks).map_err(Failure::failed)?;
    if let Some(error) = lock.missing() {
        let dir = dir.top().display();
        ui.note(&format!("warning: {dir} cannot be locked ({error}): nothing keeps another magudi out of it"));
    }
    Ok(lock)
}

/// The name of this machine.
pub fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Everybody who hears the events of a run.
fn subscribe(
    options: &Options,
    ui: Ui,
    dir: &ComposeDir,
    requests: &Arc<Vec<TaskRequest>>,
    stream: Option<EventStream>,
    mask: &Mask,
) -> Result<(Arc<Events>, Journal), Failure> {
    let events = Arc::new(Events::concealing(mask.clone()));
    // First, so that nothing is shown that is not recorded.
    let journal = Journal::open(&dir.logs_global().join(journal::NAME)).map_err(Failure::failed)?;
    events.subscribe(Box::new(journal.clone()));
    if let Some(stream) = stream {
        events.subscribe(Box::new(stream));
    }
    let log = LogFile::open(&dir.global_log())
        .map_err(|error| Failure::Failed(format!("cannot open {}: {error}", dir.global_log().display())))?;
    events.subscribe(Box::new(log));
    events.subscribe(Box::new(WatchLogs::new(dir.clone(), Arc::clone(requests))));
    if !options.quiet {
        if ui.terminal {
            events.subscribe(Box::new(TerminalView::new(ui.color)));
        } else {
            events.subscribe(Box::new(PlainLog::new(Stream::Err)));
        }
    }
    Ok((events, journal))
}

/// Leaves the configuration in the compose: as it was written, and as it was understood (PUNGI.md 1.6, 1.11), but for its
/// secrets: logs are published.
fn keep_configuration(inspected: &Inspected, dir: &ComposeDir, mask: &Mask) -> Result<(), Failure> {
    let write = |path: &Path, text: &str| write_atomic(path, mask.hide(text).as_bytes()).map_err(Failure::failed);
    // A value that is put together of several strings does not stand in the file as the mask knows it.
    let starred = |source: &Source| starred(&source.text, Syntax::of(&source.path));
    dir.make_dir(&dir.config_copy_dir()).map_err(Failure::failed)?;
    for source in inspected.sources.iter().filter(|source| source.on_disk) {
        if source.path == inspected.variants_path {
            write(&dir.variants_copy(), &source.text)?;
        } else if let Some(copy) = dir.config_copy(&source.path) {
            write(&copy, &starred(source))?;
        }
    }
    let dump = to_text(&inspected.config.tree)
        .map_err(|diagnostic| Failure::invalid(vec![diagnostic], inspected.sources.clone()))?;
    write(&dir.config_dump(), &dump)?;
    write(&dir.excluding_arch_log(), "")
}

/// What every notification says of the compose (PUNGI.md 12).
fn common_members(identity: &ComposeIdentity, dir: &ComposeDir, inspected: &Inspected) -> Map<String, Json> {
    let location = translate(&dir.compose().to_string_lossy(), &inspected.config.translate_paths);
    let mut members = vec![
        ("compose_id", json!(identity.id())),
        ("compose_date", json!(identity.date)),
        ("compose_type", json!(identity.kind.as_str())),
        ("compose_respin", json!(identity.respin)),
        ("compose_label", json!(identity.label.as_ref().map(|label| label.as_str().to_owned()))),
        ("compose_path", json!(dir.top())),
        ("location", json!(location)),
        ("release_short", json!(identity.release.short)),
        ("release_name", json!(identity.release.name)),
        ("release_version", json!(identity.release.version)),
        ("release_type", json!(identity.release.kind.to_lowercase())),
        ("release_is_layered", json!(identity.is_layered())),
    ];
    if let Some(base) = &identity.base_product {
        members.extend([
            ("base_product_name", json!(base.name)),
            ("base_product_short", json!(base.short)),
            ("base_product_version", json!(base.version)),
            ("base_product_type", json!(base.kind.to_lowercase())),
        ]);
    }
    members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn head_of_log(events: &Events, argv: &[OsString], environment: &Environment, inspected: &Inspected) {
    let info = |text: String| events.message(Level::Info, None, text);
    info(format!("Host: {}", host()));
    info(format!("Magudi version: {}", env!("CARGO_PKG_VERSION")));
    info(format!("User name: {}", environment.user.as_deref().unwrap_or("unknown")));
    if let Ok(directory) = std::env::current_dir() {
        info(format!("Working directory: {}", directory.display()));
    }
    let command: Vec<String> = argv.iter().map(|arg| quote(&arg.to_string_lossy())).collect();
    info(format!("Command line: {}", command.join(" ")));
    info(format!("Current timezone offset: {}", jiff::Zoned::now().strftime("%:z")));
    if let Some(umask) = umask().filter(|umask| umask & FOR_OTHERS != 0) {
        let text = format!("the umask is {umask:04o}: others will not be able to read all files of the compose");
        events.message(Level::Warning, None, text);
    }
    if inspected.identity.is_final
        && let Some(label) = &inspected.identity.label
    {
        info(format!("Automatically setting 'supported' flag due to label: {}.", label.as_str()));
    }
    for line in &inspected.excluded {
        events.say(Event::LeftOut { text: line.clone() });
    }
    for diagnostic in &inspected.diagnostics {
        let text = render_human(std::slice::from_ref(diagnostic), &inspected.sources, false);
        events.message(Level::Debug, None, text.trim_end());
    }
    for diagnostic in diagnostic_events(&inspected.diagnostics, &inspected.sources) {
        events.say(diagnostic);
    }
    let tree = inspected.config.tree.as_dict();
    let ours = |name: &str| magudi_phases::find(name).is_some() || name == magudi_phases::image_checksum::NAME;
    for name in magudi_config::schema::PHASES.iter().filter(|name| !ours(name)) {
        if tree.and_then(|tree| tree.get(name)).is_some_and(magudi_config::Node::is_truthy) {
            let text = format!("Config section '{name}' is left to Pungi: magudi does not run this phase");
            events.say(Event::LeftOut { text });
        }
    }
}

/// The diagnostics as events, for who was not there when they were printed.
fn diagnostic_events(diagnostics: &[Diagnostic], sources: &Sources) -> Vec<Event> {
    let json = render::to_json(diagnostics, sources);
    let all = ["errors", "warnings"].into_iter().filter_map(|kind| json.get(kind)?.as_array()).flatten();
    all.map(|diagnostic| {
        let text = |key: &str| diagnostic.get(key).and_then(Json::as_str).map(str::to_owned);
        let number = |key: &str| diagnostic.get(key).and_then(Json::as_u64).and_then(|n| u32::try_from(n).ok());
        Event::Diagnostic {
            id: text("id").unwrap_or_default(),
            severity: text("severity").unwrap_or_default(),
            message: text("message").unwrap_or_default(),
            path: text("path").unwrap_or_default(),
            file: text("file"),
            line: number("line"),
            column: number("column"),
            help: text("help"),
        }
    })
    .collect()
}

/// An argument as a shell would need it.
fn quote(arg: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
    if !arg.is_empty() && arg.chars().all(plain) {
        arg.to_owned()
    } else {
        format!("'{}'", arg.replace('\'', "'\"'\"'"))
    }
}

/// Logs in at the hub of a profile.
pub async fn access(
    profile: Profile,
    authenticator: Authenticator,
    client: &ClientOptions,
    cache: Option<PathBuf>,
) -> Result<Access, String> {
    let volume = match cache {
        None => Volume::Local { topdir: profile.topdir.clone() },
        Some(cache) => {
            let topurl = profile
                .topurl
                .as_ref()
                .ok_or_else(|| format!("koji_cache needs a topurl, and the koji profile {} has none", profile.name))?;
            Volume::Cache(Cache { topurl: topurl.trim_end_matches('/').to_owned(), directory: cache })
        }
    };
    let hub = Hub::new(&profile, client).map_err(|e| e.to_string())?;
    let session = hub.login(authenticator).await.map_err(|e| e.to_string())?;
    let login = identify(&profile, &session).await?;
    Ok(Access { hub, session, volume, login, weburl: profile.weburl.trim_end_matches('/').to_owned() })
}

/// Asks the hub who we are there.
pub async fn identify(profile: &Profile, session: &Session) -> Result<Login, String> {
    let user = session.get_logged_in_user().await.map_err(|error| error.to_string())?;
    let (user, user_id) = user.map(|user| (user.name, user.id)).unzip();
    Ok(Login { server: shown_address(&profile.server), profile: profile.name.clone(), user, user_id })
}

/// Runs a compose against a hub inside this process, over real HTTP.
#[cfg(feature = "simulator")]
async fn simulate(
    compose: Compose,
    scenario: magudi_devhub::Scenario,
    dir: &ComposeDir,
    cache: Option<PathBuf>,
    stopped: magudi_engine::stop::Stop,
) -> End {
    let options = magudi_devhub::Options {
        target_dir: dir.top().parent().map(Path::to_path_buf),
        ..magudi_devhub::Options::loopback(dir.top().join("work/simulated-koji"), scenario)
    };
    let hub = magudi_devhub::start(options).await.map_err(|error| format!("cannot start the simulated hub: {error}"));
    let login = || async {
        let hub = hub.as_ref().map_err(Clone::clone)?;
        let (profile, authenticator) = super::hub::profile(hub);
        // Without the proxies of the environment: this hub is inside.
        let mut access = access(profile, authenticator, &ClientOptions::default(), cache).await?;
        // It listens at another address each time.
        SIMULATED.clone_into(&mut access.login.server);
        Ok(access)
    };
    let end = Box::pin(compose.run(login, stopped)).await;
    if let Ok(hub) = hub {
        hub.shutdown().await;
    }
    end
}

/// Points the latest link at a compose that finished (PUNGI.md 6, 13).
fn latest_link(options: &Options, end: &End, dir: &ComposeDir, identity: &ComposeIdentity, events: &Events) {
    let finished = matches!(end.status, Status::Finished | Status::FinishedIncomplete);
    if options.no_latest_link || !finished {
        return;
    }
    let wanted: Vec<String> = options.latest_link_status.iter().map(|status| status.to_uppercase()).collect();
    let status = end.status.as_str();
    if !wanted.is_empty() && !wanted.iter().any(|wanted| wanted == status) {
        let text = format!(
            "Compose status ({status}) doesn't match with specified latest-link-status ({}), not create latest link.",
            wanted.join(", ")
        );
        events.message(Level::Warning, None, text);
        return;
    }
    if let Err(error) = make_latest_link(dir, identity, options.latest_link_components) {
        events.message(Level::Error, None, error.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_quoted_for_a_shell() {
        assert_eq!(quote("--config=a/b.conf"), "--config=a/b.conf");
        assert_eq!(quote("a b"), "'a b'");
        assert_eq!(quote("it's"), "'it'\"'\"'s'");
        assert_eq!(quote(""), "''");
    }
}
