//! `magudi cancel`: ends a compose from another terminal. A running one is asked to end itself; of one that is dead the
//! tasks are canceled from here.

use super::compose::{host, profile};
use super::recall::load_history;
use super::resume::begun;
use super::runtime;
use crate::cli::CancelArgs;
use crate::error::Failure;
use crate::settings::Environment;
use crate::ui::Ui;
use magudi_compose::layout::ComposeDir;
use magudi_compose::status::{Status, load_status, write_status};
use magudi_engine::event::{Event, Events};
use magudi_engine::journal::{self, Journal};
use magudi_engine::lock::{Lock, holder};
use magudi_koji::Hub;
use std::time::{Duration, Instant};

/// How long a running compose may take to cancel its tasks.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs the command.
pub fn run(args: &CancelArgs, environment: &Environment, ui: Ui) -> Result<(), Failure> {
    let mut options = begun(&args.compose_dir)?;
    options.override_koji(&args.koji)?;
    let dir = ComposeDir::at(&std::path::absolute(&args.compose_dir).map_err(Failure::failed)?);
    if let Some(holder) = holder(&dir.logs_global()) {
        if holder.host != host() {
            return Err(Failure::Failed(format!(
                "the compose runs on {} (process {}): cancel it there",
                holder.host, holder.pid
            )));
        }
        return end_process(holder.pid, &dir, ui);
    }
    if load_status(&dir.status_file()).map_err(Failure::failed)? == Some(Status::Finished) {
        return Err(Failure::Failed(format!("{} is FINISHED: there is nothing to cancel", dir.top().display())));
    }
    dir.make_dir(&dir.logs_global()).map_err(Failure::failed)?;
    let _lock = Lock::acquire(&dir.logs_global(), &host()).map_err(Failure::failed)?;
    let tasks = load_history(&dir)?.map(|history| history.unfinished()).unwrap_or_default();
    let events = Events::new();
    let journal = Journal::open(&dir.logs_global().join(journal::NAME)).map_err(Failure::failed)?;
    events.subscribe(Box::new(journal));
    if !tasks.is_empty() && !options.simulated {
        let (profile, authenticator) = profile(&options, environment, configured(&options)?.as_deref())?;
        let refused = runtime()?.block_on(async {
            let hub = Hub::new(&profile, &environment.network.client_options()).map_err(Failure::failed)?;
            let session = hub.login(authenticator).await.map_err(Failure::failed)?;
            let mut refused = Vec::new();
            for (request, task) in &tasks {
                match session.cancel_task(*task).await {
                    Ok(()) => {
                        events.say(Event::TaskCanceled { request: *request, task: *task });
                        ui.note(&format!("task {task} was canceled"));
                    }
                    Err(error) => refused.push(format!("task {task}: {error}")),
                }
            }
            // A session that is left open expires by itself.
            let _ = session.logout().await;
            Ok::<_, Failure>(refused)
        })?;
        if !refused.is_empty() {
            return Err(Failure::Failed(format!("not everything was canceled: {}", refused.join("; "))));
        }
    }
    if write_status(&dir, Status::Terminated).map_err(Failure::failed)? {
        events.say(Event::Status { status: Status::Terminated.as_str().to_owned() });
    }
    if let Err(problem) = super::report::leave(&dir) {
        ui.note(&format!("warning: {problem}"));
    }
    ui.note(&format!("{} is TERMINATED", dir.top().display()));
    Ok(())
}

/// The `koji_profile` of the configuration that the compose was begun with.
fn configured(options: &super::compose::Options) -> Result<Option<String>, Failure> {
    if options.koji_profile.is_some() {
        return Ok(None);
    }
    let mut sources = magudi_config::Sources::new();
    match magudi_config::load_config(&options.config, &mut sources) {
        Ok(tree) => {
            let profile = tree.as_dict().and_then(|dict| dict.get("koji_profile")?.as_str());
            Ok(profile.map(str::to_owned))
        }
        Err(diagnostics) => Err(Failure::invalid(diagnostics, sources)),
    }
}

/// Asks the process that runs the compose to end, and waits until it has.
fn end_process(pid: i32, dir: &ComposeDir, ui: Ui) -> Result<(), Failure> {
    let failed = |why: String| Failure::Failed(format!("cannot end process {pid}, which runs the compose: {why}"));
    let process = rustix::process::Pid::from_raw(pid).ok_or_else(|| failed("that is no process id".to_owned()))?;
    rustix::process::kill_process(process, rustix::process::Signal::TERM).map_err(|e| failed(e.to_string()))?;
    let asked = Instant::now();
    while holder(&dir.logs_global()).is_some() {
        if asked.elapsed() > PATIENCE {
            return Err(failed(format!("it has not ended within {} s", PATIENCE.as_secs())));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let status = load_status(&dir.status_file()).map_err(Failure::failed)?;
    ui.note(&format!("{} is {}", dir.top().display(), status.map_or("without a status", Status::as_str)));
    Ok(())
}
