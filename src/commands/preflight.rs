//! *Preflight*: the hub is asked whether the images of a configuration can be built, before anything is submitted (`run`,
//! `resume`) or without submitting anything (`check --hub`, `plan --hub`).

use super::connection::{AccessError, HubChoice, choose_hub};
use super::inspect::Inspected;
use super::outage::client;
use super::{RUN_THREADS, runtime};
use crate::cli::ComposeArgs;
use crate::error::Failure;
use crate::settings::Environment;
use crate::ui::Ui;
use magudi_config::Diagnostic;
use magudi_engine::login::logout;
use magudi_engine::plan::TaskRequest;
use magudi_engine::preflight::{Finding, ask};
use magudi_engine::volume::{MountError, PATIENCE, check_mount};
use magudi_koji::{Authenticator, ClientOptions, Hub, KojiError, Profile};
use magudi_phases::phase::Origin;
use magudi_phases::preflight::Subject;
#[cfg(feature = "simulator")]
use std::path::Path;
use std::time::Duration;

/// What there is to say about the hub and the volume.
#[derive(Debug, Default)]
struct Answers {
    findings: Vec<Finding>,
    /// Why it said nothing, or refused the login.
    unusable: Option<AccessError>,
    /// Why the volume cannot be used.
    mount: Option<MountError>,
}

/// Asks the hub about all images of a configuration, for those who submit nothing.
pub fn ask_alone(
    args: &ComposeArgs,
    environment: &Environment,
    ui: Ui,
    inspected: &Inspected,
) -> Result<Vec<Diagnostic>, Failure> {
    let args = args.clone().resolved()?;
    let hub = match choose_hub(&args, environment, inspected) {
        Ok(hub) => hub,
        Err(Failure::Invalid(invalid)) => return Ok(invalid.diagnostics),
        Err(other) => return Err(other),
    };
    // Who asks alone waits for an answer, not for a hub that comes back in an hour.
    let client = ClientOptions { outage: Duration::ZERO, ..client(environment, ui, args.quiet) };
    let requests: Vec<&TaskRequest> = inspected.requests().iter().collect();
    let answers = answers(&hub, &client, inspected, &requests)?;
    let asked = Asked { inspected, args: &args, requests: &requests, places: (0..requests.len()).collect() };
    Ok(asked.diagnostics(&answers, Diagnostic::as_warning))
}

/// Logs in at the hub, and asks it about those of `requests` that are to be submitted, before anything is. The error is a hub that
/// cannot be used, also if there is nothing to ask about them.
pub fn ask_before(
    args: &ComposeArgs,
    environment: &Environment,
    ui: Ui,
    inspected: &Inspected,
    hub: &HubChoice,
    requests: &[TaskRequest],
    is_submitted: impl Fn(usize) -> bool,
) -> Result<Vec<Diagnostic>, Failure> {
    let places: Vec<usize> = (0..requests.len()).filter(|place| is_submitted(*place)).collect();
    let chosen: Vec<&TaskRequest> = places.iter().filter_map(|place| requests.get(*place)).collect();
    if requests.is_empty() {
        return Ok(Vec::new());
    }
    let mut answers = answers(hub, &client(environment, ui, args.quiet), inspected, &chosen)?;
    let unusable = answers.unusable.take();
    let found = Asked { inspected, args, requests: &chosen, places }.diagnostics(&answers, |found| found);
    if let Some(error) = unusable {
        ui.diagnostics(&found, &inspected.sources);
        return Err(Failure::because("cannot use the hub", error));
    }
    Ok(found)
}

/// What the hub and the volume are like.
fn answers(
    hub: &HubChoice,
    client: &ClientOptions,
    inspected: &Inspected,
    requests: &[&TaskRequest],
) -> Result<Answers, Failure> {
    match hub {
        HubChoice::Profile(profile, authenticator) => {
            let is_mounted = inspected.config.koji_cache.is_none() && !requests.is_empty();
            let mount = is_mounted.then(|| check_mount(&profile.topdir, PATIENCE).err()).flatten();
            let asking = log_in_and_ask(profile, authenticator.clone(), client, requests);
            Ok(Answers { mount, ..runtime(RUN_THREADS)?.block_on(asking) })
        }
        #[cfg(feature = "simulator")]
        HubChoice::Simulated(scenario) => {
            let dir = tempfile::Builder::new().prefix("magudi-hub-").tempdir()?;
            Ok(runtime(RUN_THREADS)?.block_on(ask_simulated(scenario, dir.path(), requests)))
        }
    }
}

/// Logs in as far as the hub lets the user, asks what there is to ask, and logs out.
async fn log_in_and_ask(
    profile: &Profile,
    authenticator: Authenticator,
    client: &ClientOptions,
    requests: &[&TaskRequest],
) -> Answers {
    let unusable = |error: KojiError| Answers { unusable: Some(error.into()), ..Answers::default() };
    let hub = match Hub::new(profile, client) {
        Ok(hub) => hub,
        Err(error) => return unusable(error),
    };
    let (session, mut answers) = match hub.login(authenticator).await {
        Ok(session) => (Some(session), Answers::default()),
        Err(error) if error.is_retriable() => return unusable(error),
        // Most questions need no login.
        Err(error) => (None, unusable(error)),
    };
    match ask(&hub, session.as_ref(), requests).await {
        Ok(findings) => answers.findings = findings,
        Err(error) => _ = answers.unusable.get_or_insert_with(|| error.into()),
    }
    if let Some(session) = session {
        // One that stays open changes nothing.
        let _ = logout(&session).await;
    }
    answers
}

/// Asks a simulated hub, another one than that of the run: it knows what that one knows, and has no faults.
#[cfg(feature = "simulator")]
async fn ask_simulated(scenario: &magudi_devhub::Scenario, volume: &Path, requests: &[&TaskRequest]) -> Answers {
    let scenario = magudi_devhub::Scenario {
        outages: Vec::new(),
        drop_answers: Vec::new(),
        delay_answers: Vec::new(),
        expire_sessions_after_calls: None,
        close_sessions_after_calls: None,
        ..scenario.clone()
    };
    let hub = match magudi_devhub::start(magudi_devhub::HubOptions::loopback(volume.to_path_buf(), scenario)).await {
        Ok(hub) => hub,
        Err(error) => {
            return Answers { unusable: Some(error.into()), ..Answers::default() };
        }
    };
    let (profile, authenticator) = super::hub::profile(&hub);
    let answers = log_in_and_ask(&profile, authenticator, &ClientOptions::default(), requests).await;
    hub.shutdown().await;
    answers
}

/// What of a configuration was asked about.
struct Asked<'a> {
    inspected: &'a Inspected,
    args: &'a ComposeArgs,
    requests: &'a [&'a TaskRequest],
    /// Where they are among all requests.
    places: Vec<usize>,
}

impl Asked<'_> {
    /// The answers as diagnostics; that of the volume as `weigh` makes it.
    fn diagnostics(&self, answers: &Answers, weigh: fn(Diagnostic) -> Diagnostic) -> Vec<Diagnostic> {
        if answers.findings.is_empty() && answers.unusable.is_none() && answers.mount.is_none() {
            return Vec::new();
        }
        let all = self.inspected.origins();
        let origins: Vec<Origin> = self.places.iter().filter_map(|place| all.get(*place).cloned()).collect();
        // The configuration's profile is not what leads to the hub where another one was asked for.
        let profile = self.inspected.config.koji_profile.as_ref().filter(|_| self.args.koji.koji_profile.is_none());
        let subject = Subject { requests: self.requests, origins: &origins, profile };
        let unusable = answers.unusable.iter().map(|error| subject.unusable(&error.to_string()));
        let findings = answers.findings.iter().map(|finding| subject.diagnostic(finding));
        let mount = answers.mount.iter().map(|error| weigh(subject.volume(error)));
        unusable.chain(findings).chain(mount).collect()
    }
}
