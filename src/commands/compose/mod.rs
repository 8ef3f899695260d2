//! A *compose* as `run` and `resume` share it: everything is known and checked before its directory is touched, then it
//! runs to its final status.

mod beside;
mod on_finish;
mod records;
mod scripts;
mod tracking;

pub use beside::check_unbegun;

use self::beside::{beside, check_pungi, others};
use self::on_finish::{conclude_run, not_started};
use self::records::{head_of_log, keep_configuration, without_effect};
use self::scripts::{finish_scripts, run_scripts, tell_scripts};
use self::tracking::{cts, register, tracked};
use super::connection::{HubChoice, access, choose_hub};
use super::inspect::{Branches, Inspected, inspect};
use super::locking::lock;
use super::outage::OutageLog;
use super::preflight::ask_before;
use super::repositories::out_of_reach_of_run;
use super::resume_point::{Recalled, Recalling, load_history, load_outline, recall};
use super::settings::absolute;
use super::{RUN_THREADS, runtime, signals, threads};
use crate::cli::RunSettings;
use crate::error::{Failure, words};
use crate::settings::Environment;
use crate::ui::{PlainLog, Stream, TerminalView, Ui};
use magudi_compose::identity::ComposeIdentity;
use magudi_compose::latest::{make_latest_link, newer_latest, other_latest, take_latest_link};
use magudi_compose::layout::ComposeDir;
use magudi_compose::leftovers::remove_leftovers;
use magudi_compose::opening;
use magudi_compose::status::{Status, load_status};
use magudi_config::diagnostic::has_errors;
use magudi_config::secret;
use magudi_engine::cts::Cts;
use magudi_engine::event::{Event, Events, Level};
use magudi_engine::event_stream::{EventStream, StreamEnd, event_stream};
use magudi_engine::journal::{self, Journal};
use magudi_engine::lock::Lock;
use magudi_engine::log::LogFile;
use magudi_engine::notify::NotifierEnd;
use magudi_engine::plan::TaskRequest;
use magudi_engine::plan_secrets::Mask;
use magudi_engine::runner::{Formats, Polling, Start};
use magudi_engine::stop::{Stop, stop};
use magudi_engine::watch_log::WatchLogs;
use magudi_koji::ClientOptions;
use magudi_phases::branches::Commits;
use magudi_phases::existing_manifests::Existing;
use magudi_phases::pipeline::{Compose, End};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long the end of a run waits for a slow reader of its events, and of one that was stopped.
const EVENTS_PATIENCE: Duration = Duration::from_secs(10);
const LAST_EVENTS_PATIENCE: Duration = Duration::from_secs(2);

/// What to make of an earlier run in the same directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recall {
    /// Continue it, unless it has finished: then everything is built again (`run --compose-dir`).
    IfUnfinished,
    /// Continue it in any case (`resume`).
    Always,
}

/// A run of which everything is known that can be known before its directory is touched.
struct Prepared {
    inspected: Inspected,
    hub: HubChoice,
    cts: Option<Cts>,
    recall: Recall,
    /// The manifests of a compose that was not begun; those of one that was are read when it is known what of them is ours.
    existing: Option<Existing>,
    events: Option<(EventStream, StreamEnd)>,
}

/// A compose of which nothing is missing but to run it.
struct Begun {
    compose: Compose,
    hub: HubChoice,
    client: ClientOptions,
    /// Where files are fetched to.
    cache: Option<PathBuf>,
    runtime: tokio::runtime::Runtime,
    stopped: Stop,
    events: Arc<Events>,
    stream_end: Option<StreamEnd>,
    scripts: Option<NotifierEnd>,
    dir: ComposeDir,
    identity: ComposeIdentity,
    /// Keeps other runs away.
    lock: Lock,
}

/// Makes a compose to its end. What keeps it from beginning is told to who waits for that end, and that of a new one to the notification
/// scripts as well.
pub fn run(
    settings: &RunSettings,
    argv: &[OsString],
    environment: &Environment,
    ui: Ui,
    recall: Recall,
) -> Result<(), Failure> {
    let secret = settings.compose.define.iter().filter(|definition| secret::is_hidden(&definition.name));
    environment.network.mask.add(secret.map(|definition| definition.value.as_str()));
    let tell = |failure: &Failure| {
        if recall == Recall::IfUnfinished {
            tell_scripts(settings, argv, environment, failure, ui);
        }
        not_started(settings, environment, failure, ui);
    };
    let prepared = prepare(settings, environment, ui, recall);
    let begun = prepared.and_then(|prepared| begin(settings, argv, environment, ui, prepared)).inspect_err(tell)?;
    carry_out(settings, environment, ui, begun)
}

/// Reads and checks everything that a run needs.
fn prepare(settings: &RunSettings, environment: &Environment, ui: Ui, recall: Recall) -> Result<Prepared, Failure> {
    let args = &settings.compose;
    threads::check()?;
    if args.target_dir.is_none() && args.compose_dir.is_none() {
        return Err(Failure::usage("give --target-dir or --compose-dir".to_owned()));
    }
    args.check()?;
    let known = || known_commits(settings);
    let branches = Branches { known: &known, ask: true };
    let mut inspected = inspect(args, environment, settings.purpose(), branches)?;
    let hub = choose_hub(args, environment, &inspected)?;
    #[cfg(feature = "simulator")]
    if let HubChoice::Simulated(scenario) = &hub
        && !settings.compose.quiet
    {
        for remark in crate::commands::hub::unknown_images(scenario, inspected.requests()) {
            ui.note(&remark);
        }
    }
    let cts = cts(settings, environment, &inspected)?;
    // A FINISHED compose, and manifests of others that cannot be used, are refused before anything is touched.
    let (dir, _) = inspected.place(args, args.reopen)?;
    check_names(settings, &inspected, &dir)?;
    check_pungi(settings, environment, &dir)?;
    others(settings, &dir)?;
    let was_begun = dir.logs_global().join(journal::NAME).exists();
    let existing = (!was_begun).then(|| Existing::load(&dir, &BTreeSet::new())).transpose()?;
    // Of one that was begun it is known later what is to be submitted.
    if !was_begun {
        let found = ask_before(&settings.compose, environment, ui, &inspected, &hub, inspected.requests(), |_| true)?;
        inspected.diagnostics.extend(found);
        let found = out_of_reach_of_run(settings, &inspected, &dir, inspected.requests(), |_| true);
        inspected.diagnostics.extend(found);
        if has_errors(&inspected.diagnostics) {
            return Err(Failure::invalid(inspected.diagnostics, inspected.sources));
        }
    }
    if !settings.compose.quiet {
        ui.warnings(&inspected.diagnostics, &inspected.sources);
    }
    let events = settings.going.events.as_deref().map(open_events).transpose()?;
    Ok(Prepared { inspected, hub, cts, recall, existing, events })
}

/// The commits that an unfinished run in the same directory has built from: those that `settings` have, or its journal.
fn known_commits(settings: &RunSettings) -> Result<Commits, Failure> {
    let is_known = settings.is_begun || !settings.commits.is_empty();
    let Some(dir) = settings.compose.compose_dir.as_ref().filter(|_| !is_known) else {
        return Ok(settings.commits.clone());
    };
    let dir = ComposeDir::at(&absolute(dir)?);
    let status = load_status(&dir.status_file())?;
    if matches!(status, Some(Status::Finished | Status::FinishedIncomplete)) {
        return Ok(Commits::new());
    }
    let settings = load_outline(&dir)?.and_then(|outline| outline.settings).map(RunSettings::from_json);
    Ok(settings.and_then(Result::ok).map(|settings| settings.commits).unwrap_or_default())
}

/// Refuses names of images that there are neither now nor were in the runs before.
fn check_names(settings: &RunSettings, inspected: &Inspected, dir: &ComposeDir) -> Result<(), Failure> {
    let requests = inspected.requests().iter();
    let mut images: Vec<(&str, &str)> = requests.map(|request| (request.variant.as_str(), request.name())).collect();
    let Err(failure) = settings.going.check_names(&images) else { return Ok(()) };
    let history = load_history(dir)?.unwrap_or_default();
    let known = images.len();
    images.extend(history.requests.iter().map(|past| (past.asked.variant.as_str(), past.asked.name.as_str())));
    if images.len() == known { Err(failure) } else { settings.going.check_names(&images) }
}

/// Opens the file of `--events` for appending; `-` is standard output.
fn open_events(path: &Path) -> Result<(EventStream, StreamEnd), Failure> {
    let cannot = |error| Failure::because(format!("cannot write events to {}", path.display()), error);
    let writer: Box<dyn Write + Send> = if path == Path::new("-") {
        Box::new(std::io::stdout())
    } else {
        Box::new(OpenOptions::new().create(true).append(true).open(path).map_err(cannot)?)
    };
    event_stream(writer).map_err(cannot)
}

/// Makes a prepared compose ready to run, in a directory that is locked.
fn begin(
    settings: &RunSettings,
    argv: &[OsString],
    environment: &Environment,
    ui: Ui,
    prepared: Prepared,
) -> Result<Begun, Failure> {
    let Prepared { mut inspected, hub, cts, recall: wanted, existing, events: stream } = prepared;
    let (stream, stream_end) = stream.unzip();
    let mut identity = inspected.identity.clone();
    let mut is_registered = false;
    let dir = match &settings.compose.compose_dir {
        Some(dir) => ComposeDir::at(&absolute(dir)?),
        None => {
            let target = settings.compose.target_dir.as_deref().unwrap_or(Path::new("."));
            match &cts {
                Some(cts) => {
                    identity = register(cts, settings, Some(target), &identity, ui)?;
                    is_registered = true;
                    opening::create_exactly(target, &identity)?
                }
                None => opening::create(target, &mut identity)?,
            }
        }
    };
    let others = others(settings, &dir)?;
    let was_begun = dir.logs_global().join(journal::NAME).exists();
    dir.make_dir(&dir.logs_global())?;
    let lock = lock(&dir, settings.going.no_lock, ui)?;
    remove_leftovers(&dir);
    let status = load_status(&dir.status_file())?;
    let is_there = settings.compose.compose_dir.is_some();
    if is_there {
        let known = opening::peek_identity(&dir, &identity, settings.compose.reopen)?;
        identity = match (known, &cts) {
            (Some(known), _) => known,
            (None, Some(cts)) => {
                is_registered = true;
                register(cts, settings, None, &identity, ui)?
            }
            (None, None) => identity,
        };
    }
    let has_finished = matches!(status, Some(Status::Finished | Status::FinishedIncomplete));
    // Who names images wants the others as they are.
    let names_images = !settings.going.rebuild.is_empty() || !settings.going.adopt.is_empty();
    let fresh = wanted == Recall::IfUnfinished && has_finished && !names_images;
    // What clients learn in logins comes to it later.
    let mask = &environment.network.mask;
    let recalling =
        Recalling { dir: &dir, identity: &identity, server: hub.server(), fresh, going: &settings.going, mask };
    let mut recalled = recall(recalling, &mut inspected)?;
    // Nobody else may write from here on; others may have since they were read.
    let existing = recalled.existing.take().or(existing).unwrap_or_default().renewed(&dir, &recalled.paths)?;
    if was_begun {
        let is_submitted = |place: usize| recalled.starts.get(place).is_some_and(Start::is_submitted);
        let found = ask_before(&settings.compose, environment, ui, &inspected, &hub, &recalled.requests, is_submitted);
        let mut found = found.map_err(|failure| match failure {
            Failure::Failed(reason) => {
                let (dir, reason) = (dir.top().display(), words(&*reason));
                Failure::failed(format!("{reason}; {dir} is unchanged: resume it when that is fixed"))
            }
            other => other,
        })?;
        found.extend(out_of_reach_of_run(settings, &inspected, &dir, &recalled.requests, is_submitted));
        if has_errors(&found) {
            return Err(Failure::invalid(found, inspected.sources));
        }
        if !settings.compose.quiet {
            ui.diagnostics(&found, &inspected.sources);
        }
        inspected.diagnostics.extend(found);
    }
    // Up to here nothing has been touched but the lock.
    if is_there {
        opening::open(&dir, &identity)?;
    }
    let (handle, stopped) = stop();
    let (awaited, pungi) = beside(settings, environment, &inspected, &dir, &recalled, others, &handle);
    let Recalled {
        requests,
        keys,
        starts,
        claimed,
        paths,
        owners,
        sent_before,
        retried,
        compare_first,
        abandoned,
        remarks,
        is_dumped,
        ..
    } = recalled;
    if settings.compose.print_output_dir {
        ui.answer(&format!("Compose dir: {}\n", dir.top().display()))?;
    }
    keep_configuration(&inspected, &dir, mask, is_dumped)?;
    let requests = Arc::new(requests);
    let (events, journal) = subscribe(settings, ui, &dir, &requests, stream, mask)?;
    let tracked = cts.map(|cts| Box::new(tracked(cts, &inspected, &identity, &dir)));
    if let Some(trace) = environment.telemetry.subscriber() {
        events.subscribe(trace);
    }
    let scripts = run_scripts(settings, environment, &inspected, &identity, &dir, &events)?;
    head_of_log(&events, argv, environment, &inspected);
    without_effect(&events, settings, tracked.is_some());
    let cache = inspected.config.koji_cache.as_ref().map(|cache| PathBuf::from(cache.as_str()));
    let polling = match &hub {
        HubChoice::Profile(profile, _) => Polling::of(profile),
        #[cfg(feature = "simulator")]
        // It is never behind.
        HubChoice::Simulated(_) => Polling { settled: Duration::ZERO, ..Polling::default() },
    };
    let (detach, cannot) = (settings.going.detach_on_signal, |error| Failure::because("cannot catch signals", error));
    signals::watch(handle.clone(), Arc::clone(&events), detach, scripts.clone()).map_err(cannot)?;
    for remark in remarks {
        events.message(Level::Warning, None, remark);
    }
    if let Some(tracked) = tracked.as_ref().filter(|_| is_registered) {
        let text = format!("CTS at {} has registered the compose as {}", tracked.cts.server(), tracked.id);
        events.message(Level::Info, None, text);
    }
    for (url, commit) in &inspected.commits {
        events.message(Level::Info, None, format!("{url} is commit {commit}"));
    }
    let Inspected { mut config, variants, selection, commits, sources, .. } = inspected;
    // Of 10,000 images they are some megabytes each, and of no use any more.
    config.forget_images();
    drop(sources);
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
        earlier_paths: Arc::new(paths),
        existing,
        journal,
        settings: without_secrets(RunSettings { commits, ..settings.clone() }, mask).to_json()?,
        fresh,
        stop: handle.clone(),
        keep_urls: settings.going.keep_urls,
        fail_fast: settings.going.fail_fast,
        retries: settings.going.retries.unwrap_or_default().into(),
        retried,
        formats: match (settings.going.strict_images, settings.simulated) {
            (true, _) => Formats::Strict,
            // The simulated hub builds text.
            (false, true) => Formats::Any,
            (false, false) => Formats::Warn,
        },
        awaited,
        pungi,
        tracked,
        reopen: settings.compose.reopen,
        manifest_version: settings.manifest_version,
    };
    let listener = Arc::new(OutageLog::new(Arc::clone(&events)));
    let client = ClientOptions { listener: Some(listener), ..environment.network.client_options() };
    let runtime = runtime(RUN_THREADS)?;
    Ok(Begun { compose, hub, client, cache, runtime, stopped, events, stream_end, scripts, dir, identity, lock })
}

/// The settings without variables whose values turned out to be secret: who resumes the compose gives them again, as those whose names
/// say so.
fn without_secrets(mut settings: RunSettings, mask: &Mask) -> RunSettings {
    settings.compose.define.retain(|definition| mask.hide(&definition.value) == definition.value);
    settings
}

/// Runs a compose that was begun to its end.
fn carry_out(settings: &RunSettings, environment: &Environment, ui: Ui, begun: Begun) -> Result<(), Failure> {
    let Begun {
        compose,
        hub,
        client,
        cache,
        runtime,
        stopped,
        events,
        stream_end,
        scripts,
        dir,
        identity,
        lock: _lock,
    } = begun;
    let makes_nothing = compose.requests.is_empty();
    let stop = stopped.clone();
    let end = runtime.block_on(async {
        match hub {
            HubChoice::Profile(profile, authenticator) => {
                Box::pin(compose.run(|| access(*profile, authenticator, &client, cache), stopped)).await
            }
            #[cfg(feature = "simulator")]
            HubChoice::Simulated(scenario) => {
                Box::pin(super::connection::simulate(compose, *scenario, &dir, cache, &client, stopped)).await
            }
        }
    });
    // A thread that still reads a file of a volume that hangs is not waited for.
    runtime.shutdown_background();
    let stays = makes_nothing.then(|| other_latest(&dir, &identity, settings.compose.latest_link_components)).flatten();
    match stays {
        Some(other) if !settings.compose.no_latest_link && end.error.is_none() => {
            let text = format!("No image was built: the latest link stays at {}", other.display());
            events.message(Level::Warning, None, text);
        }
        _ => latest_link(settings, &end, &dir, &identity, &events),
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
    let history = super::report::leave(&dir, |problem| events.message(Level::Warning, None, problem.detail()));
    conclude_run(settings, environment, ui, &dir, history, &end, stopped);
    match end.error {
        None => {
            if makes_nothing && !settings.compose.quiet {
                ui.note(&format!("{}: no image was built: the phases that ran have none", identity.id()));
            }
            Ok(())
        }
        Some(_) => Err(Failure::Told),
    }
}

/// Does again what comes after the final status, for a run that was killed there: the compose is finished, and nobody was
/// told, and the latest link may be missing.
pub fn conclude(settings: &RunSettings, environment: &Environment, ui: Ui) -> Result<(), Failure> {
    let known = || known_commits(settings);
    let branches = Branches { known: &known, ask: false };
    let inspected = inspect(&settings.compose, environment, settings.purpose(), branches)?;
    let (dir, identity) = inspected.place(&settings.compose, true)?;
    let _lock = lock(&dir, settings.going.no_lock, ui)?;
    remove_leftovers(&dir);
    let (events, _journal) = subscribe(settings, ui, &dir, &[], None, &environment.network.mask)?;
    let scripts = run_scripts(settings, environment, &inspected, &identity, &dir, &events)?;
    let end = End { status: Status::Finished, error: None };
    events.say(Event::Status { status: end.status.as_str().to_owned() });
    latest_link(settings, &end, &dir, &identity, &events);
    if let Some(scripts) = scripts {
        finish_scripts(&scripts, None, &events);
    }
    end.say(&events);
    let history = super::report::leave(&dir, |problem| events.message(Level::Warning, None, problem.detail()));
    conclude_run(settings, environment, ui, &dir, history, &end, false);
    Ok(())
}

/// Everybody who hears the events of a run.
fn subscribe(
    settings: &RunSettings,
    ui: Ui,
    dir: &ComposeDir,
    requests: &[TaskRequest],
    stream: Option<EventStream>,
    mask: &Mask,
) -> Result<(Arc<Events>, Journal), Failure> {
    let events = Arc::new(Events::concealing(mask.clone()));
    // First, so that nothing is shown that is not recorded.
    let journal = Journal::open(&dir.logs_global().join(journal::NAME))?;
    events.subscribe(Box::new(journal.clone()));
    if let Some(stream) = stream {
        events.subscribe(Box::new(stream));
    }
    let log = LogFile::open(&dir.global_log())
        .map_err(|error| Failure::because(format!("cannot open {}", dir.global_log().display()), error))?;
    events.subscribe(Box::new(log));
    events.subscribe(Box::new(WatchLogs::new(dir.clone(), requests)));
    if !settings.compose.quiet {
        if ui.terminal {
            events.subscribe(Box::new(TerminalView::new(ui.color)));
        } else {
            events.subscribe(Box::new(PlainLog::new(Stream::Err)));
        }
    }
    Ok((events, journal))
}

/// Points the latest link at a compose that finished (facts: compose 9).
fn latest_link(settings: &RunSettings, end: &End, dir: &ComposeDir, identity: &ComposeIdentity, events: &Events) {
    if settings.compose.no_latest_link {
        return;
    }
    let components = settings.compose.latest_link_components;
    if !matches!(end.status, Status::Finished | Status::FinishedIncomplete) {
        match take_latest_link(dir, identity, components) {
            Ok(None) => {}
            Ok(Some(Some(other))) => {
                let text = format!("The latest link points to {} again", other.display());
                events.message(Level::Warning, None, text);
            }
            Ok(Some(None)) => events.message(Level::Warning, None, "The latest link was removed"),
            Err(error) => events.message(Level::Error, None, error.to_string()),
        }
        return;
    }
    let wanted: Vec<String> = settings.compose.latest_link_status.iter().map(|status| status.to_uppercase()).collect();
    let status = end.status.as_str();
    if !wanted.is_empty() && !wanted.iter().any(|wanted| wanted == status) {
        let text = format!(
            "Compose status ({status}) doesn't match with specified latest-link-status ({}), not create latest link.",
            wanted.join(", ")
        );
        events.message(Level::Warning, None, text);
        return;
    }
    if let Some(newer) = newer_latest(dir, identity, components) {
        let text = format!("The latest link stays at {}, which is newer", newer.display());
        events.message(Level::Info, None, text);
        return;
    }
    if let Err(error) = make_latest_link(dir, identity, components) {
        events.message(Level::Error, None, error.to_string());
    }
}
