//! `magudi cancel`: ends a compose from another terminal. A running one is asked to end itself; of one that is dead the
//! tasks are canceled from here.

use super::compose::{host, profile};
use super::inspect::{Typed, inspect};
use super::recall::load_history;
use super::resume::begun;
use super::{RUN_THREADS, runtime};
use crate::cli::CancelArgs;
use crate::error::Failure;
use crate::settings::Environment;
use crate::ui::Ui;
use magudi_compose::layout::ComposeDir;
use magudi_compose::status::{Status, load_status, write_status};
use magudi_engine::event::{Event, Events};
use magudi_engine::history::History;
use magudi_engine::journal::{self, Journal};
use magudi_engine::lock::{Holder, NotThere, Process, holder};
use magudi_engine::lookup::Sent;
use magudi_engine::plan::{TaskRequest, keys};
use magudi_koji::{Hub, Session};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long a running compose may take to cancel its tasks.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs the command.
pub fn run(args: &CancelArgs, environment: &Environment, ui: Ui) -> Result<(), Failure> {
    let mut options = begun(&args.compose_dir)?;
    options.override_koji(&args.koji)?;
    let dir = ComposeDir::at(&std::path::absolute(&args.compose_dir).map_err(Failure::failed)?);
    let mut has_ended = false;
    if let Some(holder) = holder(&dir.logs_global()) {
        let process = holder.process(&host()).map_err(|why| not_signalled(&dir, &holder, &why))?;
        end_process(&process, &holder, &dir)?;
        has_ended = true;
    }
    let status = load_status(&dir.status_file()).map_err(Failure::failed)?;
    if status == Some(Status::Finished) && !has_ended {
        return Err(Failure::Failed(format!("{} is FINISHED: there is nothing to cancel", dir.top().display())));
    }
    dir.make_dir(&dir.logs_global()).map_err(Failure::failed)?;
    let _lock = super::compose::lock(&dir, args.no_lock, ui)?;
    let history = load_history(&dir)?.unwrap_or_default();
    let is_over = history.unfinished().is_empty() && history.in_doubt().is_empty();
    if has_ended && is_over {
        // It has done everything itself.
        ui.note(&format!("{} is {}", dir.top().display(), status.map_or("without a status", Status::as_str)));
        return Ok(());
    }
    let events = Events::new();
    let journal = Journal::open(&dir.logs_global().join(journal::NAME)).map_err(Failure::failed)?;
    events.subscribe(Box::new(journal));
    if !is_over && !options.simulated {
        let (profile, authenticator) = profile(&options, environment, configured(&options)?.as_deref())?;
        let plan = if history.in_doubt().is_empty() { BTreeMap::new() } else { plan(&options, environment)? };
        let (weburl, settled) = (profile.weburl.trim_end_matches('/'), profile.retry_interval);
        let canceling = Canceling { events: &events, ui, history: &history, plan, weburl, settled };
        let left = runtime(RUN_THREADS)?.block_on(async {
            let hub = Hub::new(&profile, &environment.network.client_options()).map_err(Failure::failed)?;
            let session = hub.login(authenticator).await.map_err(Failure::failed)?;
            let left = canceling.run(&hub, &session).await;
            // A session that is left open expires by itself.
            let _ = session.logout().await;
            Ok::<_, Failure>(left)
        })?;
        if !left.is_empty() {
            return Err(Failure::Failed(format!("not everything was canceled: {}", left.join("; "))));
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

/// What it takes to cancel the tasks of a compose that nobody runs.
struct Canceling<'a> {
    events: &'a Events,
    ui: Ui,
    history: &'a History,
    /// Key -> request, as far as the configuration is still the one that the compose was begun with.
    plan: BTreeMap<String, TaskRequest>,
    /// The hub's web interface.
    weburl: &'a str,
    /// How long the hub may still be at what the run sent before it died.
    settled: Duration,
}

impl Canceling<'_> {
    /// Cancels the tasks that are known, and looks for those whose ids got lost. Returns what is left, with the reason.
    async fn run(&self, hub: &Hub, session: &Session) -> Vec<String> {
        let mut left = Vec::new();
        for (request, task) in self.history.unfinished() {
            left.extend(self.cancel(session, request, task).await);
        }
        let doubtful = self.history.in_doubt();
        if doubtful.is_empty() {
            return left;
        }
        tokio::time::sleep(self.settled).await;
        let owner = match session.get_logged_in_user().await {
            Ok(user) => user.map(|user| user.id),
            Err(error) => {
                left.push(format!("the hub cannot be asked for tasks whose ids got lost: {error}"));
                return left;
            }
        };
        let mut known = self.history.tasks.clone();
        for (index, key, since) in doubtful {
            let Some(request) = self.plan.get(key) else {
                let name = self.history.requests.get(key).map_or("an image", |past| past.name.as_str());
                left.push(format!(
                    "{name} may have a task whose id got lost, and the configuration has changed: look for it at the hub"
                ));
                continue;
            };
            let found = match Sent::of(request) {
                Ok(sent) => sent.tasks(hub, owner, since).await.map_err(|error| error.to_string()),
                Err(error) => Err(error),
            };
            match found.map(|tasks| tasks.into_iter().find(|task| known.insert(*task))) {
                Ok(Some(task)) => {
                    let url = format!("{}/taskinfo?taskID={task}", self.weburl);
                    self.events.say(Event::Adopted { request: index, task, url, named: false });
                    left.extend(self.cancel(session, index, task).await);
                }
                // It was never sent.
                Ok(None) => {}
                Err(error) => left.push(format!("{}: the hub cannot be asked for its task: {error}", request.label())),
            }
        }
        left
    }

    async fn cancel(&self, session: &Session, request: usize, task: i64) -> Option<String> {
        match session.cancel_task(task).await {
            Ok(()) => {
                self.events.say(Event::TaskCanceled { request, task });
                self.ui.note(&format!("task {task} was canceled"));
                None
            }
            Err(error) => Some(format!("task {task}: {error}")),
        }
    }
}

/// The requests of the configuration as it is now, under their keys.
fn plan(
    options: &super::compose::Options,
    environment: &Environment,
) -> Result<BTreeMap<String, TaskRequest>, Failure> {
    let mut inspected = inspect(&options.config, &options.request, environment, Typed::Required)?;
    let (dir, identity) = inspected.place(&options.request, true)?;
    let requests = inspected.expand(&identity, &dir);
    Ok(keys(&requests).into_iter().zip(requests).collect())
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

/// A signal that goes to nobody: what was found, and what to do.
fn not_signalled(dir: &ComposeDir, holder: &Holder, why: &NotThere) -> Failure {
    let dir = dir.top().display();
    let (pid, host) = holder.named().map_or((0, ""), |(pid, host)| (pid, host));
    let what_to_do = match why {
        NotThere::OtherHost(_) => format!("cancel it there: magudi cancel {dir}"),
        NotThere::OtherNamespace(_) => {
            format!("cancel it there, or end it, and cancel the compose again; on {host} it is process {pid}")
        }
        NotThere::Unproven if pid > 1 => {
            format!(
                "if process {pid} on {host} is the magudi that runs the compose, end it with kill {pid}, and cancel the compose again"
            )
        }
        _ => {
            let lock = format!("{dir}/logs/global/{}", magudi_engine::lock::NAME);
            format!("find out what has {lock} open (fuser {lock}), end it, and cancel the compose again")
        }
    };
    Failure::Failed(format!("{dir} is in use, and no process is asked to end: {why}; {what_to_do}"))
}

/// Asks the process that runs the compose to end, and waits until it has.
fn end_process(process: &Process, running: &Holder, dir: &ComposeDir) -> Result<(), Failure> {
    let pid = process.pid;
    let failed = |why: String| Failure::Failed(format!("cannot end process {pid}, which runs the compose: {why}"));
    process.terminate().map_err(|error| failed(error.to_string()))?;
    let asked = Instant::now();
    while holder(&dir.logs_global()).as_ref() == Some(running) {
        if asked.elapsed() > PATIENCE {
            return Err(failed(format!("it has not ended within {} s", PATIENCE.as_secs())));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
