//! `magudi run`: a whole compose, from the configuration to the manifests.

use super::inspect::{Inspected, Request, Typed, inspect};
use super::runtime;
use crate::cli::{ComposeArgs, RunArgs};
use crate::error::Failure;
use crate::settings::Environment;
use crate::ui::{PlainLog, TerminalView, Ui};
use magudi_compose::identity::ComposeIdentity;
use magudi_compose::latest::make_latest_link;
use magudi_compose::layout::ComposeDir;
use magudi_compose::status::Status;
use magudi_compose::write::write_atomic;
use magudi_config::dump::to_text;
use magudi_config::render::render_human;
use magudi_engine::event::{Events, Level};
use magudi_engine::journal::Journal;
use magudi_engine::log::LogFile;
use magudi_engine::notify::Notifier;
use magudi_engine::runner::Polling;
use magudi_engine::stop::{StopHandle, stop};
use magudi_engine::volume::Volume;
use magudi_engine::watch::WatchLogs;
use magudi_koji::{Authenticator, ClientOptions, Hub, Password, Profile, load_profile};
use magudi_phases::pipeline::{Access, Compose, End};
use magudi_phases::repos::translate;
use serde_json::{Map, Value as Json, json};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Runs the command. `argv` is the whole command line, for the log and the notifications.
pub fn run(args: &RunArgs, argv: &[OsString], environment: &Environment, ui: Ui) -> Result<(), Failure> {
    let args = &args.compose;
    let prepared = prepare(args, environment, ui);
    let prepared = match prepared {
        Ok(prepared) => prepared,
        Err(failure) => {
            tell_scripts(args, argv, &failure, ui);
            return Err(failure);
        }
    };
    compose(args, argv, environment, ui, prepared)
}

/// How the hub is reached.
enum HubChoice {
    /// The hub of a koji profile.
    Profile(Box<Profile>, Authenticator),
    /// A simulated one.
    #[cfg(feature = "simulator")]
    Simulated(Box<magudi_devhub::Scenario>),
}

/// A run of which everything is known that can be known before its directory exists.
struct Prepared {
    inspected: Inspected,
    request: Request,
    hub: HubChoice,
}

fn prepare(args: &ComposeArgs, environment: &Environment, ui: Ui) -> Result<Prepared, Failure> {
    if args.target_dir.is_none() && args.compose_dir.is_none() {
        return Err(Failure::Usage("one of --target-dir and --compose-dir is required".to_owned()));
    }
    let request = Request::new(args)?;
    let inspected = inspect(&args.config, &request, environment, Typed::Required)?;
    let hub = choose_hub(args, environment, &inspected)?;
    if !args.quiet {
        ui.diagnostics(&inspected.diagnostics, &inspected.sources);
    }
    // A FINISHED compose is refused before anything is touched.
    inspected.place(&request)?;
    Ok(Prepared { inspected, request, hub })
}

fn choose_hub(args: &ComposeArgs, environment: &Environment, inspected: &Inspected) -> Result<HubChoice, Failure> {
    #[cfg(feature = "simulator")]
    if let Some(scenario) = &args.simulate {
        let scenario = match scenario {
            Some(path) => super::hub::scenario(path)?,
            None => magudi_devhub::Scenario::default(),
        };
        return Ok(HubChoice::Simulated(Box::new(scenario)));
    }
    let name = match (&args.koji.koji_profile, &inspected.config.koji_profile) {
        (Some(name), _) => name.clone(),
        (None, Some(name)) => name.value.clone(),
        (None, None) => {
            return Err(Failure::Failed(
                "the Koji profile must be configured: set koji_profile in the configuration or give --koji-profile"
                    .to_owned(),
            ));
        }
    };
    let locations = environment.profile_locations(args.koji.koji_config.as_deref());
    let profile = load_profile(&name, &locations).map_err(Failure::failed)?;
    let authenticator = match &args.koji.koji_user {
        Some(user) => {
            let password = environment.koji_password.as_ref().ok_or_else(|| {
                Failure::Usage(format!(
                    "--koji-user {user} needs the password in the environment variable MAGUDI_KOJI_PASSWORD"
                ))
            })?;
            Authenticator::Password { user: user.clone(), password: Password::new(password.reveal()) }
        }
        None => Authenticator::from_profile(&profile)
            .map_err(|error| Failure::Failed(format!("{error}; --koji-user USER logs in with a password")))?,
    };
    Ok(HubChoice::Profile(Box::new(profile), authenticator))
}

/// Tells the notification scripts that there will be no compose (PUNGI.md 12).
fn tell_scripts(args: &ComposeArgs, argv: &[OsString], failure: &Failure, ui: Ui) {
    if args.notification_script.is_empty() {
        return;
    }
    let mut members = Map::new();
    members.insert("command".to_owned(), argv.iter().map(|arg| Json::from(arg.to_string_lossy())).collect());
    members.insert("target_dir".to_owned(), json!(args.target_dir));
    members.insert("config".to_owned(), json!(args.config));
    members.insert("detail".to_owned(), Json::from(failure.detail()));
    if let Failure::Invalid(invalid) = failure {
        let errors = invalid.diagnostics.iter().map(|d| match d.path.as_str() {
            "" => Json::from(d.message.as_str()),
            path => Json::from(format!("Failed validation in {path}: {}", d.message)),
        });
        members.insert("errors".to_owned(), errors.collect());
    }
    let workdir = args.target_dir.as_deref().filter(|dir| dir.is_dir()).unwrap_or(Path::new("."));
    for problem in Notifier::new(args.notification_script.clone(), workdir).send("fail-to-start", members) {
        ui.note(&format!("warning: {problem}"));
    }
}

fn compose(
    args: &ComposeArgs,
    argv: &[OsString],
    environment: &Environment,
    ui: Ui,
    prepared: Prepared,
) -> Result<(), Failure> {
    let Prepared { inspected, request, hub } = prepared;
    let mut identity = inspected.identity.clone();
    let dir = match &request.compose_dir {
        Some(dir) => {
            let (dir, known) = ComposeDir::open_or_create(dir, identity).map_err(Failure::failed)?;
            identity = known;
            dir
        }
        None => {
            let target = request.target_dir.as_deref().unwrap_or(Path::new("."));
            ComposeDir::create(target, &mut identity).map_err(Failure::failed)?
        }
    };
    if args.print_output_dir {
        ui.answer(&format!("Compose dir: {}\n", dir.top().display())).map_err(Failure::failed)?;
    }
    let (requests, _) = inspected.expand(&identity, &dir);
    let requests = Arc::new(requests);
    keep_configuration(&inspected, &dir)?;
    let events = Arc::new(Events::new());
    let log = LogFile::open(&dir.global_log()).map_err(|e| cannot("open", &dir.global_log(), &e))?;
    events.subscribe(Box::new(log));
    let journal = dir.logs_global().join("magudi-journal.jsonl");
    events.subscribe(Box::new(Journal::open(&journal).map_err(|e| cannot("open", &journal, &e))?));
    events.subscribe(Box::new(WatchLogs::new(dir.clone(), Arc::clone(&requests))));
    if !args.notification_script.is_empty() {
        let mut notifier = Notifier::new(args.notification_script.clone(), dir.top());
        let common = common_members(&identity, &dir, &inspected);
        notifier.enter_compose(common, dir.top(), &dir.notifications_dir(), &dir.global_log());
        events.subscribe(Box::new(notifier));
    }
    if !args.quiet {
        if ui.terminal {
            events.subscribe(Box::new(TerminalView::new(ui.color)));
        } else {
            events.subscribe(Box::new(PlainLog::new()));
        }
    }
    head_of_log(&events, argv, environment, &inspected);
    let runtime = runtime()?;
    let cache = inspected.config.koji_cache.as_ref().map(|cache| PathBuf::from(&cache.value));
    let poll = match &hub {
        HubChoice::Profile(profile, _) => Polling { most: profile.poll_interval, ..Polling::default() },
        #[cfg(feature = "simulator")]
        HubChoice::Simulated(_) => Polling::default(),
    };
    let compose = Compose {
        config: inspected.config,
        variants: inspected.variants,
        identity: identity.clone(),
        dir: dir.clone(),
        selection: inspected.selection,
        requests,
        events: Arc::clone(&events),
        polling: poll,
    };
    let end = runtime.block_on(async {
        let (handle, stopped) = stop();
        tokio::spawn(watch_signals(handle, Arc::clone(&events)));
        match hub {
            HubChoice::Profile(profile, authenticator) => {
                compose.run(|| access(*profile, authenticator, cache), stopped).await
            }
            #[cfg(feature = "simulator")]
            HubChoice::Simulated(scenario) => simulate(compose, *scenario, &dir, cache, stopped).await,
        }
    });
    latest_link(args, &end, &dir, &identity, &events);
    match end.error {
        None => Ok(()),
        // The log has the reason; `--quiet` silenced it.
        Some(error) if args.quiet => Err(Failure::Failed(error)),
        Some(_) => Err(Failure::Told),
    }
}

fn cannot(action: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::Failed(format!("cannot {action} {}: {error}", path.display()))
}

/// Leaves the configuration in the compose: as it was written, and as it was understood (PUNGI.md 1.6, 1.11).
fn keep_configuration(inspected: &Inspected, dir: &ComposeDir) -> Result<(), Failure> {
    let write = |path: &Path, text: &str| write_atomic(path, text.as_bytes()).map_err(Failure::failed);
    dir.make_dir(&dir.config_copy_dir()).map_err(Failure::failed)?;
    for source in inspected.sources.iter() {
        if source.path == inspected.variants_path {
            write(&dir.variants_copy(), &source.text)?;
        } else if let Some(copy) = dir.config_copy(&source.path) {
            write(&copy, &source.text)?;
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
    let host = rustix::system::uname();
    info(format!("Host: {}", host.nodename().to_string_lossy()));
    info(format!("Magudi version: {}", env!("CARGO_PKG_VERSION")));
    info(format!("User name: {}", environment.user.as_deref().unwrap_or("unknown")));
    if let Ok(directory) = std::env::current_dir() {
        info(format!("Working directory: {}", directory.display()));
    }
    let command: Vec<String> = argv.iter().map(|arg| quote(&arg.to_string_lossy())).collect();
    info(format!("Command line: {}", command.join(" ")));
    info(format!("Current timezone offset: {}", jiff::Zoned::now().strftime("%:z")));
    if inspected.identity.is_final
        && let Some(label) = &inspected.identity.label
    {
        info(format!("Automatically setting 'supported' flag due to label: {}.", label.as_str()));
    }
    for line in &inspected.excluded {
        info(line.clone());
    }
    for diagnostic in &inspected.diagnostics {
        let text = render_human(std::slice::from_ref(diagnostic), &inspected.sources, false);
        events.message(Level::Debug, None, text.trim_end());
    }
    let tree = inspected.config.tree.as_dict();
    let ours = |name: &str| magudi_phases::find(name).is_some() || name == magudi_phases::image_checksum::NAME;
    for name in crate::cli::PHASES.iter().filter(|name| !ours(name)) {
        if tree.and_then(|tree| tree.get(name)).is_some_and(magudi_config::Node::is_truthy) {
            info(format!("Config section '{name}' is left to Pungi: magudi does not run this phase"));
        }
    }
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

/// Sets the stop at SIGINT or SIGTERM.
async fn watch_signals(handle: StopHandle, events: Arc<Events>) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        events.message(Level::Warning, None, "signals cannot be caught");
        return;
    };
    let number = tokio::select! {
        _ = interrupt.recv() => 2,
        _ = terminate.recv() => 15,
    };
    events.message(Level::Error, None, format!("Compose run failed: signal {number}"));
    handle.set();
}

/// Logs in at the hub of a profile.
async fn access(profile: Profile, authenticator: Authenticator, cache: Option<PathBuf>) -> Result<Access, String> {
    let volume = match cache {
        None => Volume::Local { topdir: profile.topdir.clone() },
        Some(cache) => {
            let topurl = profile
                .topurl
                .as_ref()
                .ok_or_else(|| format!("koji_cache needs a topurl, and the koji profile {} has none", profile.name))?;
            Volume::Cache { topurl: topurl.trim_end_matches('/').to_owned(), cache }
        }
    };
    let hub = Hub::new(&profile, &ClientOptions::default()).map_err(|e| e.to_string())?;
    let session = hub.login(authenticator).await.map_err(|e| e.to_string())?;
    Ok(Access { hub, session, volume, weburl: profile.weburl.trim_end_matches('/').to_owned() })
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
        let mut profile = Profile::for_server("devhub", hub.url());
        profile.topdir = hub.topdir().to_path_buf();
        profile.topurl = Some(hub.topurl());
        profile.weburl = hub.weburl();
        let authenticator =
            Authenticator::Password { user: "compose".to_owned(), password: Password::new("composepass") };
        access(profile, authenticator, cache).await
    };
    let end = compose.run(login, stopped).await;
    if let Ok(hub) = hub {
        hub.shutdown().await;
    }
    end
}

/// Points the latest link at a compose that finished (PUNGI.md 6, 13).
fn latest_link(args: &ComposeArgs, end: &End, dir: &ComposeDir, identity: &ComposeIdentity, events: &Events) {
    let finished = matches!(end.status, Status::Finished | Status::FinishedIncomplete);
    if args.no_latest_link || !finished {
        return;
    }
    let wanted: Vec<String> = args.latest_link_status.iter().map(|status| status.to_uppercase()).collect();
    let status = end.status.as_str();
    if !wanted.is_empty() && !wanted.iter().any(|wanted| wanted == status) {
        let text = format!(
            "Compose status ({status}) doesn't match with specified latest-link-status ({}), not create latest link.",
            wanted.join(", ")
        );
        events.message(Level::Warning, None, text);
        return;
    }
    if let Err(error) = make_latest_link(dir, identity, args.latest_link_components) {
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
