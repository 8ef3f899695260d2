//! `magudi image`: one image from the command line, with the arguments of `koji osbuild-image` and the same call on the wire
//! (facts: osbuild 18), after the checks that an image of a compose has.

pub mod repositories;
mod request;
mod task;

use super::connection::named_profile;
use super::outage::client;
use super::{RUN_THREADS, runtime};
use crate::cli::{ImageArgs, PlanFormat};
use crate::error::Failure;
use crate::settings::Environment;
use crate::ui::Ui;
use magudi_engine::plan::TaskRequest;
use magudi_engine::plan_secrets::secrets_of;
use serde_json::Value as Json;
use std::io::IsTerminal as _;

/// The profile that the `koji` command uses when it is given no other.
const PROFILE: &str = "koji";

pub fn run(args: &ImageArgs, environment: &Environment, ui: Ui) -> Result<(), Failure> {
    let request = request::request(args, ui)?;
    if !args.quiet {
        for doubt in request::doubts(args, &request) {
            ui.note(&format!("warning: {doubt}"));
        }
    }
    if args.dry_run {
        let text = match args.format {
            PlanFormat::Json => format!("{:#}\n", serde_json::to_value(&request)?),
            PlanFormat::Table => summary(&request),
        };
        return Ok(ui.answer(&text)?);
    }
    let mask = &environment.network.mask;
    mask.add(secrets_of(std::slice::from_ref(&request)));
    let wait = args.wait || (!args.nowait && !in_background());
    let job = task::Job { request: &request, wait, quiet: args.quiet, mask, ui };
    #[cfg(feature = "simulator")]
    if let Some(scenario) = &args.simulate {
        return simulate(scenario.as_deref(), &job);
    }
    let name = args.koji.koji_profile.as_deref().or(Some(PROFILE));
    let (config, user) = (args.koji.koji_config.as_deref(), args.koji.koji_user.as_deref());
    let (profile, authenticator) = named_profile(name, config, user, environment)?;
    runtime(RUN_THREADS)?.block_on(job.run(&profile, authenticator, &client(environment, ui, args.quiet)))
}

/// What is asked for, as `koji osbuild-image` tells it; but for customizations, which may hold passwords.
fn summary(request: &TaskRequest) -> String {
    let arg = |place: usize| request.args.get(place).and_then(Json::as_str).unwrap_or_default();
    let mut opts = request.keywords.opts.clone().unwrap_or_default();
    if let Some(customizations) = opts.get_mut("customizations") {
        *customizations = Json::from("(not shown)");
    }
    let opts = serde_json::json!(opts);
    format!(
        "name: {}\nversion: {}\ndistro: {}\narches: {}\ntarget: {}\nimage type: {}\n{opts:#}\n",
        arg(0),
        arg(1),
        arg(2),
        request.arches().join(", "),
        arg(4),
        arg(3),
    )
}

/// Whether no one sits before this process: standard input is not a terminal, or another's.
fn in_background() -> bool {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return true;
    }
    match rustix::termios::tcgetpgrp(&stdin) {
        Ok(group) => group != rustix::process::getpgrp(),
        Err(_) => true,
    }
}

/// Has a hub inside this process make the image.
#[cfg(feature = "simulator")]
fn simulate(scenario: Option<&std::path::Path>, job: &task::Job<'_>) -> Result<(), Failure> {
    use magudi_koji::ClientOptions;
    let scenario = match scenario {
        Some(path) => super::hub::scenario(path)?,
        None => magudi_devhub::Scenario::default(),
    };
    let topdir = tempfile::Builder::new().prefix("magudi-image-").tempdir()?;
    runtime(RUN_THREADS)?.block_on(async {
        let options = magudi_devhub::HubOptions::loopback(topdir.path(), scenario);
        let hub = magudi_devhub::start(options).await?;
        let (profile, authenticator) = super::hub::profile(&hub);
        // Without the proxies of the environment: this hub is inside.
        let result = job.run(&profile, authenticator, &ClientOptions::default()).await;
        hub.shutdown().await;
        result
    })
}
