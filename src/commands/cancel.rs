//! `magudi cancel`: ends a compose from another terminal. A running one is asked to end itself; of one that is dead the
//! tasks are canceled from here.

use super::connection::{identify, named_profile};
use super::inspect::{Branches, inspect};
use super::locking::{host, lock};
use super::outage::client;
use super::resume::{Begun, begun, to_continue};
use super::resume_point::{Plan, fill_holes, load_history, refuse_other_hub};
use super::settings::absolute;
use super::{RUN_THREADS, runtime};
use crate::cli::{CancelArgs, RunSettings};
use crate::error::Failure;
use crate::settings::Environment;
use crate::ui::Ui;
use jiff::Timestamp;
use magudi_compose::layout::ComposeDir;
use magudi_compose::status::{Status, load_status, put_back, write_status};
use magudi_config::definitions::{Definition, load_defined};
use magudi_config::words::counted;
use magudi_engine::birth::{NotThere, Process};
use magudi_engine::cancel::Canceling;
use magudi_engine::compare;
use magudi_engine::event::{Event, Events};
use magudi_engine::find_task::{self, Sent, Stranger, lost_task};
use magudi_engine::history::{History, Past};
use magudi_engine::journal::{self, Journal};
use magudi_engine::lock::{Holder, holder};
use magudi_engine::login::{Login, logout};
use magudi_engine::patience::Patience;
use magudi_engine::plan::TaskRequest;
use magudi_engine::pungi;
use magudi_engine::runner::Polling;
use magudi_koji::calls::{TaskInfo, TaskState};
use magudi_koji::{Authenticator, Hub, KojiError, Profile};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a running compose may take to cancel its tasks.
const PATIENCE: Duration = Duration::from_secs(120);

/// The most tasks that are named when none could be canceled.
const MAX_NAMED: usize = 10;

pub fn run(args: &CancelArgs, environment: &Environment, ui: Ui) -> Result<(), Failure> {
    let Begun { dir, settings, outline } = begun(&args.compose_dir)?;
    // What cannot be read is refused before anything is ended.
    load_history(&dir)?;
    let mut has_ended = false;
    if let Some(holder) = holder(&dir.logs_global()) {
        let process = holder.process(&host()).map_err(|why| not_signalled(&dir, &holder, &why))?;
        end_process(&process, &holder, &dir)?;
        has_ended = true;
    }
    let is_finished = load_status(&dir.status_file())? == Some(Status::Finished);
    if is_finished && !outline.is_pungis(Status::Finished.as_str()) {
        if has_ended {
            ui.note(&format!("{} had finished before it was asked to end", dir.top().display()));
            return Ok(());
        }
        return Err(Failure::failed(format!("{} is FINISHED: there is nothing to cancel", dir.top().display())));
    }
    dir.make_dir(&dir.logs_global())?;
    let _lock = lock(&dir, args.no_lock, ui)?;
    let history = load_history(&dir)?.unwrap_or_default();
    let events = Events::concealing(environment.network.mask.clone());
    let journal = Journal::open(&dir.logs_global().join(journal::NAME))?;
    events.subscribe(Box::new(journal.clone()));
    // First of all, so that nothing continues the compose by itself, however far this comes.
    events.say(Event::ComposeCanceled { by: environment.user.clone() });
    journal.sync()?;
    if let Some(pungi) = &history.pungi {
        end_pungi(pungi, ui)?;
    }
    if is_finished {
        put_back(&dir)?;
    }
    let is_over = history.unfinished().is_empty() && history.in_doubt().is_empty() && history.holes.is_empty();
    let mut strangers = Vec::new();
    if !is_over && !settings.simulated {
        let ending = Ending::of(args, &dir, &settings, history, environment)?;
        let outcome = ending.run(environment, &events, ui)?;
        if !outcome.left.is_empty() {
            return Err(Failure::failed(format!("not everything was canceled: {}", outcome.left.join("; "))));
        }
        strangers = outcome.strangers;
    }
    if write_status(&dir, Status::Terminated)? {
        events.say(Event::Status { status: Status::Terminated.as_str().to_owned() });
    }
    super::report::leave(&dir, |problem| ui.note(&format!("warning: {}", problem.detail())));
    ui.note(&format!("{} is TERMINATED", dir.top().display()));
    if strangers.is_empty() {
        return Ok(());
    }
    Err(Failure::failed(format!("left alone because it is not ours: {}", strangers.join("; "))))
}

/// A compose that no process runs, whose tasks are to end.
struct Ending {
    history: History,
    /// The requests, as far as the configuration can be read.
    plan: Result<Plan, NoPlan>,
    profile: Profile,
    authenticator: Authenticator,
}

/// Why the requests are not known.
#[derive(Debug, thiserror::Error)]
enum NoPlan {
    #[error("the journal does not say which configuration it was started with")]
    NoConfiguration,
    #[error("{}", .0.detail())]
    Failed(Failure),
}

/// What was not canceled, in words.
#[derive(Default)]
struct Outcome {
    /// What may still run, and ought not to.
    left: Vec<String>,
    /// What is not ours.
    strangers: Vec<String>,
}

impl Ending {
    fn of(
        args: &CancelArgs,
        dir: &ComposeDir,
        settings: &RunSettings,
        history: History,
        environment: &Environment,
    ) -> Result<Self, Failure> {
        let config = settings.config();
        let plan = match config {
            Some(_) => plan(dir, settings, &history, environment).map_err(NoPlan::Failed),
            None => Err(NoPlan::NoConfiguration),
        };
        let history = match &plan {
            Ok(plan) => fill_holes(dir, history, plan)?,
            Err(_) => history,
        };
        let kept = &settings.compose.koji;
        let known = history.login.as_ref().map(|login| login.profile.clone());
        let name = match args.koji.koji_profile.clone().or(known).or_else(|| kept.koji_profile.clone()) {
            Some(name) => Some(name),
            None => config.map(|config| configured(config, &settings.compose.define)).transpose()?.flatten(),
        };
        let koji_config = args.koji.koji_config.as_deref().map(absolute).transpose()?.or(kept.koji_config.clone());
        let user = args.koji.koji_user.as_ref().or(kept.koji_user.as_ref());
        let (profile, authenticator) =
            named_profile(name.as_deref(), koji_config.as_deref(), user.map(String::as_str), environment)?;
        refuse_other_hub(dir, &history, &profile.server, args.hub_moved)?;
        Ok(Self { history, plan, profile, authenticator })
    }

    fn run(self, environment: &Environment, events: &Events, ui: Ui) -> Result<Outcome, Failure> {
        runtime(RUN_THREADS)?.block_on(Box::pin(async {
            let hub = Hub::new(&self.profile, &client(environment, ui, false))?;
            let session = hub.login(self.authenticator.clone()).await.map_err(|error| self.not_let_in(&error))?;
            let login =
                identify(&self.profile, &session).await.map_err(|error| self.nothing_canceled(&error.to_string()))?;
            let deadline = tokio::time::Instant::now() + PATIENCE;
            let canceling = Canceling { hub: &hub, session: &session, events, deadline };
            let mut outcome = Outcome::default();
            self.cancel_known(&canceling, &login, &mut outcome, ui).await;
            self.cancel_doubtful(&canceling, &login, &mut outcome, ui).await;
            // One that stays open changes nothing.
            let _ = logout(&session).await;
            Ok(outcome)
        }))
    }

    /// Without a login nothing can be canceled.
    fn not_let_in(&self, error: &KojiError) -> Failure {
        if error.is_retriable() {
            self.nothing_canceled(&format!("the hub does not answer ({})", error.in_short()))
        } else {
            self.nothing_canceled(&error.to_string())
        }
    }

    /// What that leaves, and where to look for it.
    fn nothing_canceled(&self, why: &str) -> Failure {
        let tasks: Vec<i64> = self.tasks().into_iter().map(|(_, task)| task).collect();
        let urls = tasks.iter().take(MAX_NAMED).map(|task| self.profile.task_url(*task));
        let more = tasks.len().saturating_sub(MAX_NAMED);
        let more = (more > 0).then(|| format!("and {more} more"));
        let urls: Vec<String> = urls.chain(more).collect();
        let mut text = format!("nothing was canceled: {why}");
        if !tasks.is_empty() {
            text.push_str(&format!("; {} may still run: {}", counted(tasks.len(), "task"), urls.join(", ")));
        }
        match self.history.in_doubt().len() {
            0 => {}
            doubts => {
                let images = counted(doubts, "image");
                text.push_str(&format!("; {images} may have a task whose id was lost: look for it at the hub"));
            }
        }
        Failure::failed(text)
    }

    /// The tasks that may run, as far as the journal knows: request index and task.
    fn tasks(&self) -> Vec<(usize, i64)> {
        let mut tasks = self.history.unfinished();
        let of_holes = self.history.holes.iter().filter(|(_, past)| !past.has_ended());
        tasks.extend(of_holes.filter_map(|(index, past)| Some((*index, past.task?))));
        tasks
    }

    async fn cancel_known(&self, canceling: &Canceling<'_>, login: &Login, outcome: &mut Outcome, ui: Ui) {
        self.cancel(canceling, &self.tasks(), login, outcome, ui).await;
    }

    /// Cancels tasks, those of them that are what the journal takes them for.
    async fn cancel(
        &self,
        canceling: &Canceling<'_>,
        tasks: &[(usize, i64)],
        login: &Login,
        outcome: &mut Outcome,
        ui: Ui,
    ) {
        let owners = self.owners(login);
        let is_ours =
            |index: usize, task: &TaskInfo| find_task::is_of(task, &owners).and_then(|()| self.is_that_of(index, task));
        let canceled = canceling.cancel(tasks, is_ours).await;
        for task in canceled.canceled {
            ui.note(&format!("task {task} was canceled"));
        }
        for (task, state) in canceled.ended {
            let then = if state == TaskState::Closed { ": `magudi resume` takes what it built" } else { "" };
            ui.note(&format!("task {task} had already ended ({state}){then}"));
        }
        for (task, reason) in canceled.strangers {
            let index = tasks.iter().find(|(_, other)| *other == task).map(|(index, _)| *index);
            if index.and_then(|index| self.past(index)).is_some_and(|past| past.named) {
                // A person took it for an image, and knew whose it is.
                ui.note(&format!("task {task} was left alone: {reason}"));
            } else {
                outcome.strangers.push(format!("task {task}: {reason}"));
            }
        }
        outcome.left.extend(canceled.left.into_iter().map(|(task, reason)| format!("task {task}: {reason}")));
    }

    fn past(&self, index: usize) -> Option<&Past> {
        self.history.requests.number(index).or_else(|| self.history.holes.get(&index))
    }

    /// Whether a task is that of request `index`: as it was sent, as far as that is known.
    fn is_that_of(&self, index: usize, task: &TaskInfo) -> Result<(), Stranger> {
        let past = self.history.requests.number(index).ok_or(Stranger::NoImage)?;
        match self.request(index, past) {
            Some(request) => find_task::is_ours(task, request),
            None => compare::resembles(task, &past.asked),
        }
    }

    /// Request `index` as it was sent, as far as the configuration is still the one it was sent with.
    fn request(&self, index: usize, past: &Past) -> Option<&TaskRequest> {
        let plan = self.plan.as_ref().ok()?;
        let key = &self.history.requests.number(index)?.key;
        let place = plan.keys.iter().position(|other| other == key)?;
        plan.sent_from(place, past.place).or_else(|| plan.requests.get(place))
    }

    /// Looks for the tasks whose ids got lost, and cancels them. As in a run, that the hub lists none is not proof before all that was
    /// sent must have arrived, and never where an answer got lost.
    async fn cancel_doubtful(&self, canceling: &Canceling<'_>, login: &Login, outcome: &mut Outcome, ui: Ui) {
        let mut known = self.history.tasks.clone();
        let mut doubts = self.doubts(outcome);
        while !doubts.is_empty() {
            let listed = self.listed(canceling.hub, login, &doubts).await;
            let mut left = Vec::with_capacity(doubts.len());
            let mut next = None;
            for mut doubt in doubts {
                let (mut found, mut problem) = (None, String::new());
                match listed.get(doubt.sent.method.task) {
                    Some(Ok(tasks)) => {
                        let is_known = |id| known.contains(&id);
                        let is_of_another = |task: &TaskInfo| self.is_rather_of_another(&doubt, task);
                        found = lost_task(tasks, doubt.since, is_known, &doubt.sent, is_of_another).map(|task| task.id);
                    }
                    Some(Err(error)) => problem = format!(": cannot ask the hub for its tasks: {error}"),
                    None => {}
                }
                if let Some(task) = found {
                    known.insert(task);
                    let (request, url) = (doubt.request, self.profile.task_url(task));
                    canceling.events.say(Event::Adopted { request, task, url, named: false });
                    // It has been looked for as long as the hub may be behind.
                    let renewed = Canceling { deadline: tokio::time::Instant::now() + PATIENCE, ..*canceling };
                    self.cancel(&renewed, &[(request, task)], login, outcome, ui).await;
                } else if let Some(time) = doubt.patience.next_time() {
                    next = next.into_iter().chain([time]).min();
                    left.push(doubt);
                } else if doubt.lost || !problem.is_empty() {
                    let text =
                        format!("{} may have a task that was not found{problem}: look for it at the hub", doubt.label);
                    outcome.left.push(text);
                }
                // Else it was announced, and never sent.
            }
            if let Some(time) = next {
                tokio::time::sleep_until(time).await;
            }
            doubts = left;
        }
    }

    /// Whether a task that may be the one of a doubt is that of another image.
    fn is_rather_of_another(&self, doubt: &Doubt, task: &TaskInfo) -> bool {
        let (Ok(plan), Some(past)) = (&self.plan, self.past(doubt.request)) else { return false };
        let all = plan.elsewhere.get(&past.place).unwrap_or(&plan.requests);
        let request = self.request(doubt.request, past);
        request.is_some_and(|request| find_task::is_rather_of_another(task, request, &doubt.sent, all))
    }

    /// The submissions without an answer, as they were sent; of those of which that is not known it is said.
    fn doubts(&self, outcome: &mut Outcome) -> Vec<Doubt> {
        let settled = Polling::of(&self.profile).settled;
        let mut doubts = Vec::new();
        for (index, past, since) in self.history.in_doubt() {
            let Some(request) = self.request(index, past) else {
                let name = &past.asked.name;
                let why = self.plan.as_ref().err().map(ToString::to_string);
                let why = why.unwrap_or_else(|| "the configuration has changed".to_owned());
                outcome
                    .left
                    .push(format!("{name} may have a task whose id was lost, and {why}: look for it at the hub"));
                continue;
            };
            let label = request.label();
            match Sent::of(request) {
                Ok(sent) => {
                    let lost = past.in_doubt.is_some_and(|doubt| doubt.lost);
                    let patience = Patience::lasting(if lost { settled * 2 } else { settled });
                    doubts.push(Doubt { request: index, label, sent, since, lost, patience });
                }
                Err(error) => outcome.left.push(format!("{label}: {error}")),
            }
        }
        doubts
    }

    /// The tasks of ours that the hub lists, by method.
    async fn listed(
        &self,
        hub: &Hub,
        login: &Login,
        doubts: &[Doubt],
    ) -> BTreeMap<&'static str, Result<Vec<TaskInfo>, KojiError>> {
        let owners = self.owners(login);
        let mut listed = BTreeMap::new();
        for method in doubts.iter().map(|doubt| doubt.sent.method.task).collect::<BTreeSet<&'static str>>() {
            let of_method = doubts.iter().filter(|doubt| doubt.sent.method.task == method);
            let Some(since) = of_method.map(|doubt| doubt.since).min() else { continue };
            listed.insert(method, find_task::tasks_of(hub, method, &owners, since).await);
        }
        listed
    }

    /// Our numbers at the hub, now and in earlier runs.
    fn owners(&self, login: &Login) -> BTreeSet<i64> {
        self.history.owners.iter().copied().chain(login.user_id).collect()
    }
}

/// A submission of which it is not known whether the hub made a task.
struct Doubt {
    request: usize,
    label: String,
    sent: Sent,
    since: Timestamp,
    /// Its answer got lost, so that the hub may have executed it at any time.
    lost: bool,
    patience: Patience,
}

/// The requests of the configuration as it is now.
fn plan(
    dir: &ComposeDir,
    settings: &RunSettings,
    history: &History,
    environment: &Environment,
) -> Result<Plan, Failure> {
    let settings = to_continue(settings.clone(), dir, dir.top())?;
    let known = || Ok(settings.commits.clone());
    let branches = Branches { known: &known, ask: false };
    let mut inspected = inspect(&settings.compose, environment, settings.purpose(), branches)?;
    let (_, identity) = inspected.place(&settings.compose, true)?;
    Ok(Plan::of(&mut inspected, &identity, dir, &history.places).known_to(history))
}

/// The `koji_profile` of a configuration.
fn configured(config: &Path, definitions: &[Definition]) -> Result<Option<String>, Failure> {
    let mut sources = magudi_config::Sources::new();
    match load_defined(config, definitions, &magudi_config::Dict::default(), magudi_phases::schema(), &mut sources) {
        Ok(tree) => {
            let profile = tree.as_dict().and_then(|dict| dict.get("koji_profile")?.as_str());
            Ok(profile.map(str::to_owned))
        }
        Err(diagnostics) => Err(Failure::invalid(diagnostics, sources)),
    }
}

/// A signal that is not sent: what was found, and what to do.
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
    Failure::failed(format!("{dir} is in use, but no process was signalled: {why}; {what_to_do}"))
}

/// Ends the Pungi that a run has left behind.
fn end_pungi(pungi: &pungi::Past, ui: Ui) -> Result<(), Failure> {
    match pungi.terminate(PATIENCE) {
        None => Ok(()),
        Some(Ok(pid)) => {
            ui.note(&format!("Pungi (process {pid}) was ended"));
            Ok(())
        }
        Some(Err(pid)) => {
            Err(Failure::failed(format!("Pungi (process {pid}) does not end; end it with kill -9 {pid}")))
        }
    }
}

/// Asks the process that runs the compose to end, and waits until it has.
fn end_process(process: &Process, running: &Holder, dir: &ComposeDir) -> Result<(), Failure> {
    let pid = process.pid;
    let what = || format!("cannot end process {pid}, which runs the compose");
    process.terminate().map_err(|error| Failure::because(what(), error))?;
    let asked = Instant::now();
    while holder(&dir.logs_global()).as_ref() == Some(running) {
        if asked.elapsed() > PATIENCE {
            let why = format!("it has not ended within {} s", PATIENCE.as_secs());
            return Err(Failure::because(what(), why));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
