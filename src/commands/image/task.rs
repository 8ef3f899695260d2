//! The *task* of one image: the engine submits it and waits for it, as it does for those of a compose, but fetches nothing.

use super::summary;
use crate::error::Failure;
use crate::ui::{Table, Ui, printable, reasons};
use magudi_compose::CloudUpload;
use magudi_engine::event::{Event, Events, Level, Stamped, Subscriber};
use magudi_engine::login::logout;
use magudi_engine::plan::TaskRequest;
use magudi_engine::plan_secrets::Mask;
use magudi_engine::runner::{Outcome, Polling, Runner, Start};
use magudi_engine::stop::{Reason, STOPPED, StopHandle, stop};
use magudi_koji::calls::TaskState;
use magudi_koji::value::int;
use magudi_koji::{Authenticator, ClientOptions, Hub, Profile};
use signal_hook::consts::SIGINT;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Hands the events of the engine to the one that prints.
struct Channel(UnboundedSender<Event>);

impl Subscriber for Channel {
    fn on_event(&mut self, event: &Stamped) {
        // Without a receiver the task has ended for us.
        let _ = self.0.send(event.event.clone());
    }
}

/// What is known of the task so far.
#[derive(Default)]
struct Progress {
    /// The answer to the submission was lost.
    was_lost: bool,
    /// Since when there is a task, and its page.
    page: Option<(Instant, String)>,
    /// The last state that was seen.
    state: Option<String>,
}

/// One image to make.
#[derive(Debug)]
pub struct Job<'a> {
    pub request: &'a TaskRequest,
    /// Whether to wait for the end.
    pub wait: bool,
    /// Whether to say nothing but errors.
    pub quiet: bool,
    /// Hides the secrets of the request.
    pub mask: &'a Mask,
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
        let hub = Hub::new(profile, client)?;
        self.check_target(&hub).await?;
        self.say(&summary(self.request))?;
        let session = hub.login(authenticator).await?;
        let (sender, events) = unbounded_channel();
        let stream = Arc::new(Events::concealing(self.mask.clone()));
        stream.subscribe(Box::new(Channel(sender)));
        let (handle, stopped) = stop();
        let page = profile.clone();
        let runner = Arc::new(Runner {
            hub,
            session,
            events: stream,
            intake: None,
            polling: Polling::of(profile),
            task_url: Box::new(move |task| page.task_url(task)),
            owners: BTreeSet::new(),
            sent_before: BTreeMap::new(),
            stop: handle.clone(),
            fail_fast: false,
            retries: 0,
            retried: BTreeMap::new(),
            awaited: None,
        });
        let requests = Arc::new(vec![self.request.clone()]);
        let run = Box::pin(runner.run(requests, vec![Start::Submit], BTreeSet::new(), stopped));
        let result = self.follow(run, events, &handle).await;
        // A session that is left open expires by itself.
        let _ = logout(&runner.session).await;
        result
    }

    /// Says what happens until the task has ended; without `wait`, until there is one.
    async fn follow(
        &self,
        mut run: impl Future<Output = Vec<Outcome>> + Unpin,
        mut events: UnboundedReceiver<Event>,
        stop: &StopHandle,
    ) -> Result<(), Failure> {
        let mut progress = Progress::default();
        let mut interrupts = signal(SignalKind::interrupt())?;
        loop {
            tokio::select! {
                biased;
                Some(event) = events.recv() => {
                    self.show(event, &mut progress)?;
                    if progress.page.is_some() && !self.wait {
                        return Ok(());
                    }
                }
                outcomes = &mut run => {
                    while let Ok(event) = events.try_recv() {
                        self.show(event, &mut progress)?;
                    }
                    let outcome = outcomes.into_iter().next().unwrap_or_default();
                    return self.end(&outcome, &progress);
                }
                // The engine waits a moment for the answer to a submission that is under way.
                Some(()) = interrupts.recv() => stop.set(Reason::Detach(SIGINT)),
            }
        }
    }

    /// Says what has happened; each state as `koji watch-task` does.
    fn show(&self, event: Event, progress: &mut Progress) -> Result<(), Failure> {
        match event {
            Event::AnswerLost { .. } => progress.was_lost = true,
            Event::Submitted { task, url, .. } | Event::Adopted { task, url, .. } => {
                if progress.was_lost {
                    self.ui
                        .note(&format!("the hub's answer was lost; its newest task with just this request is {task}"));
                }
                self.say(&format!("Created task: {task}\nTask info: {url}\n"))?;
                progress.page = Some((Instant::now(), url));
            }
            Event::TaskState { task, state, .. } => {
                let before = progress.state.take().map(|before| format!("{before} -> ")).unwrap_or_default();
                let state = state.to_lowercase();
                let seconds = progress.page.as_ref().map_or(0, |(since, _)| since.elapsed().as_secs());
                self.say(&format!("{task} osbuildImage (noarch): {before}{state} ({seconds} s)\n"))?;
                progress.state = Some(state);
            }
            Event::Built { build, nvr, .. } => self.say(&format!("Build: {nvr} (build id {build})\n"))?,
            Event::Message { level, text, .. } if level >= Level::Warning && !self.quiet => self.ui.note(&text),
            _ => {}
        }
        Ok(())
    }

    fn say(&self, text: &str) -> Result<(), Failure> {
        if self.quiet { Ok(()) } else { Ok(self.ui.answer(&printable(text))?) }
    }

    /// Asks for the target and its destination tag (facts: osbuild 20), which the hub itself does not do before a builder has the task.
    async fn check_target(&self, hub: &Hub) -> Result<(), Failure> {
        let name = &*self.request.about.target;
        let target = hub.get_build_target(name).await?;
        let target = target.ok_or_else(|| Failure::failed(format!("unknown build target: {name}")))?;
        match hub.get_tag(int(target.dest_tag)).await? {
            Some(_) => Ok(()),
            None => Err(Failure::failed(format!("unknown destination tag: {}", target.dest_tag_name))),
        }
    }

    /// Tells what became of the task: where it was uploaded to, or why it failed.
    fn end(&self, outcome: &Outcome, progress: &Progress) -> Result<(), Failure> {
        let Some(failure) = outcome.failure.as_deref() else { return self.show_uploads(&outcome.uploads) };
        let reason = outcome.reason.as_deref().unwrap_or(failure);
        let is_in = |state: TaskState| progress.state.as_deref() == Some(&state.to_string());
        let text = match (outcome.task, &outcome.argument, &progress.page) {
            (None, Some(argument), _) => format!("the hub refused the argument {argument}: {reason}"),
            (None, ..) if outcome.in_doubt => format!(
                "{reason}; there may be a task, and it was not found: look for it at the hub before asking again"
            ),
            (None, ..) => reason.to_owned(),
            (Some(task), ..) if is_in(TaskState::Closed) => {
                self.ui.note(&format!("what task {task} built is not known: {failure}"));
                return self.show_uploads(&outcome.uploads);
            }
            (Some(task), ..) if is_in(TaskState::Failed) => {
                let causes = reasons(&outcome.causes, "  ", self.ui.error_columns());
                format!("task {task} failed: {reason}\n{causes}").trim_end().to_owned()
            }
            (Some(task), ..) if is_in(TaskState::Canceled) => format!("task {task} was canceled"),
            (Some(task), _, Some((_, url))) if failure == STOPPED => format!("task {task} keeps running: {url}"),
            _ => failure.to_owned(),
        };
        Err(Failure::failed(text))
    }

    fn show_uploads(&self, uploads: &[CloudUpload]) -> Result<(), Failure> {
        if uploads.is_empty() {
            return Ok(());
        }
        let mut table = Table::new(&["ARCH", "PROVIDER", "STATUS", "WHERE"]);
        for upload in uploads {
            let place = if upload.options.is_empty() { upload.reason.clone() } else { Some(upload.location()) };
            let provider = upload.provider.clone().unwrap_or_else(|| "-".to_owned());
            table.row([upload.arch.clone(), provider, upload.status.clone(), place.unwrap_or_default()]);
        }
        self.say(&table.to_string())
    }
}
