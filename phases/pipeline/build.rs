//! From the plan to built images: everything of a compose that needs the hub.

use super::{Access, Built, Compose, LoginError, RunError};
use crate::phase::{Phases, find};
use magudi_compose::cloud_uploads::CloudUpload;
use magudi_compose::deliverables::{Deliverable, Deliverables};
use magudi_config::words::counted;
use magudi_engine::artifact::{FailedArch, NotAnImage};
use magudi_engine::compare;
use magudi_engine::event::{Event, Events, Level};
use magudi_engine::find_task;
use magudi_engine::login::logout;
use magudi_engine::plan::TaskRequest;
use magudi_engine::plan_secrets::unsigned;
use magudi_engine::runner::{Describe, Intake, Outcome, Runner, Start};
use magudi_engine::stop::{Reason, STOPPED, Stop, Stopped};
use magudi_koji::calls::TaskInfo;
use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

impl Compose {
    /// Builds the images of every phase that runs.
    pub(super) async fn build<L, F, E>(
        &mut self,
        login: L,
        stop: &Stop,
        deliverables: &mut Deliverables,
    ) -> Result<Built, RunError>
    where
        L: FnOnce() -> F,
        F: Future<Output = Result<Access, E>>,
        E: Into<LoginError>,
    {
        let active: Vec<_> = self.selection.active(&self.config).collect();
        for phase in self.selection.phases {
            if let Some(reason) = self.selection.skipped(*phase, &self.config) {
                self.events.say(Event::PhaseSkipped { phase: phase.name().to_owned(), reason });
            }
        }
        let mut built = Built::default();
        let clock = Instant::now();
        for phase in &active {
            self.events.say(Event::PhaseStarted { phase: phase.name().to_owned() });
        }
        if self.requests.is_empty() {
            return Ok(built);
        }
        // A hub that is away for an hour does not keep a compose from being ended.
        let Some(access) = stop.unless_set(login()).await else { return Err(self.stopped_before_login(stop)) };
        let access = access.map_err(|error| RunError::Login(error.into()))?;
        self.owners.extend(access.login.user_id);
        match stop.unless_set(Box::pin(self.is_our_hub(&access))).await {
            Some(verdict) => verdict?,
            None => return Err(self.stopped_before_login(stop)),
        }
        self.events.say(Event::LoggedIn(access.login.clone()));
        let outcomes = Box::pin(self.submit(access, stop)).await;
        if let Some(signal) = RunError::signal(stop) {
            return Err(signal);
        }
        if let Some(Reason::Machine(problem)) = stop.reason() {
            return Err(RunError::Machine(problem));
        }
        let mut hard: Vec<(&TaskRequest, &Outcome)> = Vec::new();
        let mut failing = BTreeSet::new();
        for (request, outcome) in self.requests.iter().zip(&outcomes) {
            let (kind, whole) = deliverable(self.selection.phases, request);
            for FailedArch { arch, .. } in &outcome.failed_arches {
                deliverables.fail(kind, Deliverable { arch: arch.clone(), ..whole.clone() });
                built.is_incomplete = true;
            }
            if outcome.failure.is_some() {
                if request.failable {
                    deliverables.fail(kind, whole);
                    built.is_incomplete = true;
                } else {
                    failing.insert(request.phase);
                    hard.push((request, outcome));
                }
            }
        }
        if let Some(failure) = failed(&hard, self.requests.len()) {
            for phase in active.iter().filter(|phase| !failing.contains(phase.name())) {
                self.phase_done(phase.name(), clock);
            }
            return Err(RunError::of_images(failure));
        }
        for outcome in outcomes {
            built.uploads.extend(outcome.uploads.into_iter().map(|mut upload: CloudUpload| {
                upload.reason = upload.reason.map(|reason| self.events.harmless(reason));
                if !self.keep_urls {
                    upload.options.values_mut().for_each(|place| *place = unsigned(place).into_owned());
                }
                upload
            }));
            for added in outcome.images {
                built.own.insert(added.image.path.clone());
                built.images.add(&added.variant, &added.image.arch.clone(), added.image)?;
            }
        }
        Ok(built)
    }

    async fn submit(&mut self, access: Access, stop: &Stop) -> Vec<Outcome> {
        let (weburl, after) = (access.weburl, access.after);
        let phases = self.selection.phases;
        let describe: Box<Describe> = Box::new(move |request, file| match find(phases, request.phase) {
            Some(phase) => phase.describe(request, file),
            None => Err(NotAnImage::NoPhase(request.phase.to_owned())),
        });
        let intake = Intake {
            dir: self.dir.clone(),
            directories: self.dir.directories(),
            variants: self.variants.clone(),
            journal: self.journal.clone(),
            volume: access.volume,
            link_type: self.config.link_type,
            algorithms: self.config.checksums.algorithms.iter().map(|name| name.as_str().to_owned()).collect(),
            describe,
            replaceable: Arc::clone(&self.earlier_paths),
            formats: self.formats,
        };
        let runner = Arc::new(Runner {
            hub: access.hub,
            session: access.session,
            events: Arc::clone(&self.events),
            intake: Some(Arc::new(intake)),
            polling: self.polling,
            task_url: Box::new(move |task| format!("{weburl}/taskinfo?taskID={task}")),
            owners: self.owners.clone(),
            sent_before: std::mem::take(&mut self.sent_before),
            stop: self.stop.clone(),
            fail_fast: self.fail_fast,
            retries: self.retries,
            retried: std::mem::take(&mut self.retried),
            awaited: self.awaited.take(),
        });
        stop.unless_set(Box::pin(self.cancel_abandoned(&runner))).await;
        let (starts, claimed) = (std::mem::take(&mut self.starts), std::mem::take(&mut self.claimed));
        let outcomes = runner.run(Arc::clone(&self.requests), starts, claimed, stop.clone()).await;
        if matches!(stop.reason(), Some(Reason::Signal(_) | Reason::FailFast)) {
            // Pungi's words, for the log.
            self.events.message(Level::Info, None, "Trying to kill koji tasks");
            let running = outcomes.iter().enumerate().filter(|(_, outcome)| !outcome.task_ended);
            let tasks: Vec<(usize, i64)> =
                running.filter_map(|(request, outcome)| Some((request, outcome.task?))).collect();
            if stop.reason() == Some(Reason::FailFast) && !tasks.is_empty() {
                let tasks = counted(tasks.len(), "task");
                self.events.message(Level::Warning, None, format!("An image failed: canceling {tasks} (--fail-fast)"));
            }
            for (task, error) in runner.cancel(&tasks).await {
                self.events.message(Level::Error, None, format!("Failed to kill koji task {task}: {error}"));
            }
        }
        // A session that is left open expires by itself; the compose is not worse for it.
        if let Err(problem) = logout(&runner.session).await {
            self.events.message(Level::Debug, None, format!("Logout failed: {problem}"));
        }
        drop(runner);
        if let Some(after) = after {
            after.await;
        }
        outcomes
    }

    /// Why a run ends that was stopped before it could ask the hub for anything. What earlier runs have begun continues then.
    fn stopped_before_login(&self, stop: &Stop) -> RunError {
        let may_run = |start: &&Start| matches!(start, Start::Adopt(_) | Start::Named(_) | Start::LookUp(_));
        let tasks = self.starts.iter().filter(may_run).count();
        if tasks > 0 && matches!(stop.reason(), Some(Reason::Signal(_))) {
            let dir = self.dir.top().display();
            let text = format!(
                "{} of earlier runs may still run at the hub: magudi cancel {dir} ends them",
                counted(tasks, "task")
            );
            self.events.message(Level::Warning, None, text);
        }
        RunError::signal(stop).unwrap_or(RunError::Stopped(Stopped))
    }

    /// Whether the hub is the one that has the tasks of the compose, where that is not certain.
    async fn is_our_hub(&self, access: &Access) -> Result<(), RunError> {
        let is_ours = |index: usize, task: &TaskInfo| {
            let request = self.sent_before.get(&index).unwrap_or(&self.requests[index]);
            find_task::is_ours(task, request).and_then(|()| find_task::is_of(task, &self.owners))
        };
        match compare::first_stranger(&access.hub, &self.compare_first, is_ours).await? {
            None => Ok(()),
            Some((index, task, reason)) => {
                let (login, image) = (Box::new(access.login.clone()), self.requests[index].label());
                Err(RunError::OtherHub { login, task, image, reason: Box::new(reason) })
            }
        }
    }

    /// Cancels what may still run for requests that are asked for no more.
    async fn cancel_abandoned(&self, runner: &Runner) {
        let tasks: Vec<(usize, i64)> = self.abandoned.iter().map(|(task, _)| *task).enumerate().collect();
        if tasks.is_empty() {
            return;
        }
        // Their numbers are of no request of this plan: what becomes of them is said in words.
        let canceled =
            runner.cancel_as(&tasks, &Events::new(), |at, task| compare::resembles(task, &self.abandoned[at].1)).await;
        for task in &canceled.canceled {
            self.events.message(Level::Info, None, format!("Task {task}, which is no longer needed, was canceled"));
        }
        for (task, reason) in canceled.others() {
            let text = format!("Task {task}, which is no longer needed, was not canceled: {reason}");
            self.events.message(Level::Warning, None, text);
        }
    }
}

/// What is said of a compose of so many requests of which these failed, and must not.
fn failed(hard: &[(&TaskRequest, &Outcome)], requests: usize) -> Option<String> {
    // What was only stopped because of another failure is not the reason.
    let is_reason = |(_, outcome): &&(&TaskRequest, &Outcome)| outcome.failure.as_deref() != Some(STOPPED);
    let reasons: Vec<_> = hard.iter().filter(is_reason).collect();
    let (request, outcome) = reasons.first().copied().or(hard.first())?;
    if reasons.len() < 2 {
        return outcome.failure.clone();
    }
    let first = outcome.in_short(request)?;
    let (failed, others) = (reasons.len(), reasons.len() - 1);
    Some(format!("{failed} of {requests} images failed: {first}, and {others} more"))
}

/// What a request counts as in deliverables.json, and under which name.
pub(super) fn deliverable(phases: Phases, request: &TaskRequest) -> (&'static str, Deliverable) {
    match find(phases, request.phase) {
        Some(phase) => (phase.kind(), phase.deliverable(request)),
        None => (request.phase, Deliverable::of_variant(&request.variant)),
    }
}
