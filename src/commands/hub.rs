//! `magudi hub`: the simulated Koji hub by itself, for `magudi run` in another process or any other Koji client.

use super::runtime;
use crate::cli::HubArgs;
use crate::error::Failure;
use crate::ui::Ui;
use magudi_config::did_you_mean::suggest;
use magudi_config::regular;
use magudi_devhub::{HubOptions, RunningHub, Scenario, profile_text, read_scenario, start};
use magudi_engine::plan::TaskRequest;
use magudi_koji::{Authenticator, Password, Profile};
use std::collections::BTreeSet;
use std::path::Path;

/// Threads beside the first one: a call may take long and blocks its thread, so that others need another.
const HUB_THREADS: usize = 2;

/// Runs the command until a signal ends it.
pub fn run(args: &HubArgs, ui: Ui) -> Result<(), Failure> {
    let scenario = match &args.scenario {
        Some(path) => scenario(path)?,
        None => Scenario::default(),
    };
    // Kept until the end: dropping it removes the directory.
    let temporary = match args.topdir {
        Some(_) => None,
        None => Some(tempfile::Builder::new().prefix("magudi-hub-").tempdir()?),
    };
    let topdir = match (&args.topdir, &temporary) {
        (Some(topdir), _) => topdir.clone(),
        (None, Some(temporary)) => temporary.path().to_path_buf(),
        (None, None) => return Err(Failure::failed("no directory for the volume".to_owned())),
    };
    let options = HubOptions {
        listen: args.listen,
        persist: args.topdir.is_some(),
        allow_remote: args.allow_remote,
        access_log: args.access_log.clone(),
        trust_remote_user: args.trust_remote_user,
        ..HubOptions::loopback(std::path::absolute(topdir)?, scenario)
    };
    runtime(HUB_THREADS)?.block_on(async {
        let hub = start(options).await?;
        if let Some(path) = &args.profile_file {
            let text = profile_text("devhub", &hub);
            std::fs::write(path, text)
                .map_err(|error| Failure::because(format!("cannot write {}", path.display()), error))?;
        }
        ui.answer(&format!("{}\n", hub.url()))?;
        wait_for_signal().await?;
        hub.shutdown().await;
        Ok(())
    })
}

async fn wait_for_signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// A simulated hub inside of the program knows the build targets of the images that it is for, but for those that its scenario
/// says are not there.
pub fn for_plan<'r>(mut scenario: Scenario, requests: impl IntoIterator<Item = &'r TaskRequest>) -> Scenario {
    scenario.targets.extend(requests.into_iter().map(|request| request.about.target.to_string()));
    scenario
}

/// What is said of images that a scenario names and the plan does not have: what it says of them does not happen.
pub fn unknown_images(scenario: &Scenario, requests: &[TaskRequest]) -> Vec<String> {
    let names: BTreeSet<&str> = requests.iter().map(TaskRequest::name).collect();
    // Hubs know builds by names that some descriptions give.
    if requests.is_empty() || requests.iter().any(|request| !request.method.names_build) {
        return Vec::new();
    }
    let unknown = scenario.images().into_iter().filter(|(_, name)| *name != "*" && !names.contains(name));
    let remark = |(key, name): (&str, &str)| {
        let near = suggest(name, names.iter().copied()).map(|near| format!("; did you mean `{near}`?"));
        let name = name.escape_debug();
        format!("warning: the scenario has `{name}` in {key}, but no image has that name{}", near.unwrap_or_default())
    };
    unknown.map(remark).collect()
}

/// The way to a simulated hub inside of the program.
pub fn profile(hub: &RunningHub) -> (Profile, Authenticator) {
    let mut profile = Profile::for_server("devhub", hub.url());
    profile.topdir = hub.topdir().to_path_buf();
    profile.topurl = Some(hub.topurl());
    profile.weburl = hub.weburl();
    let password = Password::new("composepass");
    (profile, Authenticator::Password { user: "compose".to_owned(), password })
}

pub fn scenario(path: &Path) -> Result<Scenario, Failure> {
    read_scenario(regular::open_named(path), path)
        .map_err(|error| Failure::because(format!("the scenario {} cannot be used", path.display()), error))
}
