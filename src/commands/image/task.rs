//! The *task* of one image, from its submission to the place in the cloud.

use super::summary;
use crate::error::Failure;
use crate::ui::{Table, Ui, printable, reasons};
use magudi_engine::composer;
use magudi_engine::find_task::{Sent, since_now};
use magudi_engine::patience::Patience;
use magudi_engine::plan::TaskRequest;
use magudi_engine::rejected_argument::argument;
use magudi_engine::runner::Polling;
use magudi_koji::calls::{Build, TaskResult, TaskState, get_task_result};
use magudi_koji::value::int;
use magudi_koji::{Authenticator, ClientOptions, Hub, KojiError, Profile, Session};
use magudi_phases::osbuild;
use std::time::{Duration, Instant};

/// The first pause between two looks at the task; the longest is the profile's.
const LEAST_PAUSE: Duration = Duration::from_millis(200);

/// One image to make.
#[derive(Debug)]
pub struct Job<'a> {
    pub request: &'a TaskRequest,
    /// Whether to wait for the end.
    pub wait: bool,
    /// Whether to say nothing but errors.
    pub quiet: bool,
    pub ui: Ui,
}

impl Job<'_> {
    /// Makes the image at the hub of `profile`. Success is a task that was made, or with `wait` one that closed.
    pub async fn run(
        &self,
        profile: &Profile,
        authenticator: Authenticator,
        client: &ClientOptions,
    ) -> Result<(), Failure> {
        let hub = Hub::new(profile, client).map_err(Failure::failed)?;
        self.check_target(&hub).await?;
        self.say(&summary(self.request))?;
        let session = hub.login(authenticator).await.map_err(Failure::failed)?;
        let task = self.submit(&hub, &session).await;
        // A session that is left open expires by itself.
        let _ = session.logout().await;
        let task = task?;
        self.say(&format!("Created task: {task}\nTask info: {}\n", profile.task_url(task)))?;
        if !self.wait {
            return Ok(());
        }
        let state = tokio::select! {
            state = self.watch(&hub, task, profile.poll_interval) => state?,
            _ = tokio::signal::ctrl_c() => {
                return Err(Failure::Failed(format!("task {task} keeps running: {}", profile.task_url(task))));
            }
        };
        self.end(&hub, task, state).await
    }

    fn say(&self, text: &str) -> Result<(), Failure> {
        if self.quiet { Ok(()) } else { self.ui.answer(&printable(text)).map_err(Failure::failed) }
    }

    /// Asks for the target and its destination tag (facts: osbuild 20), which the hub itself does not do before a builder has the task.
    async fn check_target(&self, hub: &Hub) -> Result<(), Failure> {
        let name = &*self.request.about.target;
        let target = hub.get_build_target(name).await.map_err(Failure::failed)?;
        let target = target.ok_or_else(|| Failure::Failed(format!("unknown build target: {name}")))?;
        match hub.get_tag(int(target.dest_tag)).await.map_err(Failure::failed)? {
            Some(_) => Ok(()),
            None => Err(Failure::Failed(format!("unknown destination tag: {}", target.dest_tag_name))),
        }
    }

    /// Has the hub make the task, once: when the answer is lost the task is looked for, and never asked for again.
    async fn submit(&self, hub: &Hub, session: &Session) -> Result<i64, Failure> {
        let sent = Sent::of(self.request).map_err(Failure::Failed)?;
        let since = since_now(hub);
        let error = match session.make_task(&sent.call()).await {
            Ok(task) => return Ok(task),
            Err(error) => error,
        };
        if !error.may_have_executed() {
            return Err(refused(&error));
        }
        let in_doubt = |why: String| {
            Failure::Failed(format!(
                "{error}; there may be a task, and {why}: look for it at the hub before asking again"
            ))
        };
        let asked = |error: KojiError| in_doubt(format!("the hub cannot be asked for it: {error}"));
        let owner = session.get_logged_in_user().await.map_err(asked)?.map(|user| user.id);
        let owner = Some(owner.ok_or_else(|| in_doubt("the hub does not say who we are".to_owned()))?);
        let mut patience = Patience::lasting(Polling::of(hub.profile()).settled * 2);
        loop {
            let tasks = sent.tasks(hub, owner, since).await.map_err(asked)?;
            // The newest is ours: an equal one of a minute ago would be older.
            if let Some(task) = tasks.into_iter().max() {
                self.ui.note(&format!("the hub's answer was lost; its newest task with just this request is {task}"));
                return Ok(task);
            }
            if !patience.wait().await {
                return Err(in_doubt("it was not found".to_owned()));
            }
        }
    }

    /// Waits for the task to end, telling each state as `koji watch-task` does.
    async fn watch(&self, hub: &Hub, task: i64, longest: Duration) -> Result<TaskState, Failure> {
        let mut before: Option<TaskState> = None;
        let mut pause = LEAST_PAUSE;
        let clock = Instant::now();
        loop {
            let told = hub.get_task_info(&[task]).await.map_err(Failure::failed)?.into_iter().next();
            let info = told.transpose().map_err(Failure::failed)?.flatten();
            let info = info.ok_or_else(|| Failure::Failed(format!("the hub does not know task {task} any more")))?;
            if before != Some(info.state) {
                let change = match before {
                    Some(before) => format!("{before} -> {}", info.state),
                    None => info.state.to_string(),
                };
                self.say(&format!("{task} osbuildImage (noarch): {change} ({} s)\n", clock.elapsed().as_secs()))?;
                before = Some(info.state);
                pause = LEAST_PAUSE;
            }
            if info.state.is_final() {
                return Ok(info.state);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(longest.max(LEAST_PAUSE));
        }
    }

    /// Tells what became of the task: the build, where it was uploaded to, or why it failed.
    async fn end(&self, hub: &Hub, task: i64, state: TaskState) -> Result<(), Failure> {
        let arches = self.request.arches();
        let status = composer::load_status(hub, task).await;
        match state {
            TaskState::Closed => {}
            TaskState::Failed => {
                let fault = match hub.get_task_result(task).await {
                    Ok(TaskResult::Fault(fault)) => composer::summary(&fault),
                    Ok(TaskResult::Value(_)) => "no fault is recorded".to_owned(),
                    Err(error) => format!("cannot read its error: {error}"),
                };
                let causes = status.map(|status| composer::causes(&status, &arches)).unwrap_or_default();
                let causes = reasons(&causes, "  ", self.ui.error_columns());
                return Err(Failure::Failed(format!("task {task} failed: {fault}\n{causes}").trim_end().to_owned()));
            }
            _ => return Err(Failure::Failed(format!("task {task} was canceled"))),
        }
        let build = match self.build(hub, task).await {
            Ok(build) => {
                self.say(&format!("Build: {} (build id {})\n", build.nvr(), build.id))?;
                Some(build)
            }
            Err(reason) => {
                self.ui.note(&format!("what task {task} built is not known: {reason}"));
                None
            }
        };
        if !self.request.about.uploads {
            return Ok(());
        }
        let uploads = composer::uploads(self.request, task, status, build.as_ref());
        let mut table = Table::new(&["ARCH", "PROVIDER", "STATUS", "WHERE"]);
        for upload in &uploads {
            let place = if upload.options.is_empty() { upload.reason.clone() } else { Some(upload.location()) };
            let provider = upload.provider.clone().unwrap_or_else(|| "-".to_owned());
            table.row([upload.arch.clone(), provider, upload.status.clone(), place.unwrap_or_default()]);
        }
        self.say(&table.to_string())
    }

    async fn build(&self, hub: &Hub, task: i64) -> Result<Build, String> {
        let result = match hub.get_task_result(task).await.map_err(|error| error.to_string())? {
            TaskResult::Value(value) => value,
            TaskResult::Fault(fault) => return Err(fault.summary().into_owned()),
        };
        let id = get_task_result::build_id(&result).ok_or("the result names no build")?;
        let build = hub.get_build(id).await.map_err(|error| error.to_string())?;
        build.ok_or_else(|| format!("the hub does not know build {id}"))
    }
}

fn refused(error: &KojiError) -> Failure {
    match error.fault().and_then(|fault| argument(fault, &osbuild::METHOD)) {
        Some(argument) => Failure::Failed(format!("the hub refused the argument {argument}: {error}")),
        None => Failure::failed(error),
    }
}
