//! The *output* of a task is where composer's own words are: why an image failed, and where one was uploaded to
//! (KOJI.md 5). It is read once for each failed task and for each task with upload options, and for no other.

use super::again::Despite;
use super::{Outcome, Run, Task};
use crate::event::Event;
use crate::plan::TaskRequest;
use crate::reason::{self, ComposeStatus, ImageStatus, parse_compose_status};
use magudi_compose::CloudUpload;
use magudi_koji::calls::{Build, TaskResult, TaskState};
use tokio::sync::Semaphore;

/// How a request ends whose task did not end well.
pub(super) enum Ending {
    Failed(Outcome),
    /// A build that is there all the same.
    Take(Task, i64),
}

impl Run {
    /// How a request ends whose task failed or was canceled.
    pub(super) async fn failed(&self, task: Task, state: TaskState, outputs: &Semaphore) -> Ending {
        let despite = if state == TaskState::Failed { self.despite_failure(task).await } else { None };
        let says = match despite {
            Some(Despite::Take(of_task, build)) => {
                if of_task.id != task.id {
                    self.say_adopted(of_task.request, of_task.id, false);
                }
                return Ending::Take(of_task, build);
            }
            Some(Despite::Says(text)) => format!("; {text}"),
            None => String::new(),
        };
        let request = &self.requests[task.request];
        let mut outcome = Outcome { task: Some(task.id), task_ended: true, ..Outcome::default() };
        let status = if state == TaskState::Failed || request.about.uploads {
            self.compose_status(task, outputs).await.ok()
        } else {
            None
        };
        let how = if state == TaskState::Failed {
            let fault = self.fault(task).await;
            outcome.causes = status.as_ref().map_or_else(Vec::new, |s| reason::causes(s, &request.arches()));
            let how = match reason::summary(&outcome.causes) {
                reasons if reasons.is_empty() => format!("failed: {fault}"),
                reasons => format!("failed: {fault}: {reasons}"),
            };
            outcome.reason = Some(fault);
            how
        } else {
            "was canceled".to_owned()
        };
        let log = self.runner.dir.watch_log(&request.variant, task.request + 1);
        outcome.failure = Some(format!(
            "OSBuild task {} of image {} {how}{says}. See {} for details",
            task.id,
            request.label(),
            log.display()
        ));
        if let Some(status) = status.filter(|_| request.about.uploads) {
            let build = match status.build {
                // Nothing depends on the build's name; without an answer it is not told.
                Some(id) => self.runner.hub.get_build(id).await.ok().flatten(),
                None => None,
            };
            outcome.uploads = self.tell(task, Ok(status), build.as_ref());
        }
        Ending::Failed(outcome)
    }

    /// What became of the uploads of a closed task.
    pub(super) async fn uploads_of_closed(
        &self,
        task: Task,
        build: Option<&Build>,
        outputs: &Semaphore,
    ) -> Vec<CloudUpload> {
        if !self.requests[task.request].about.uploads {
            return Vec::new();
        }
        let status = self.compose_status(task, outputs).await;
        self.tell(task, status, build)
    }

    async fn compose_status(&self, task: Task, outputs: &Semaphore) -> Result<ComposeStatus, String> {
        // Never closed, so the permit is always had.
        let _permit = outputs.acquire().await;
        let text = self.runner.hub.download_task_output(task.id, reason::FILE, reason::MAX_BYTES).await;
        parse_compose_status(&text.map_err(|error| format!("{} cannot be had: {error}", reason::FILE))?)
    }

    /// The fault of a failed task.
    async fn fault(&self, task: Task) -> String {
        match self.runner.hub.get_task_result(task.id).await {
            Ok(TaskResult::Fault(fault)) => fault.summary().into_owned(),
            Ok(TaskResult::Value(_)) => "no fault is recorded".to_owned(),
            Err(error) => format!("its fault cannot be had: {error}"),
        }
    }

    /// Says what became of each upload of a task.
    fn tell(&self, task: Task, status: Result<ComposeStatus, String>, build: Option<&Build>) -> Vec<CloudUpload> {
        let uploads = uploads(&self.requests[task.request], task.id, status, build);
        for upload in &uploads {
            self.say(Event::CloudUpload { request: task.request, upload: upload.clone() });
        }
        uploads
    }
}

/// One upload for each arch of `request`: image statuses come in the order of the arches. A status that could not be read
/// is told as the reason why nothing is known.
pub fn uploads(
    request: &TaskRequest,
    task: i64,
    status: Result<ComposeStatus, String>,
    build: Option<&Build>,
) -> Vec<CloudUpload> {
    let (status, unreadable) = match status {
        Ok(status) => (status, None),
        Err(reason) => (ComposeStatus::default(), Some(reason)),
    };
    let nvr = build.map(Build::nvr).or_else(|| asked_nvr(request));
    let one = |(index, arch): (usize, &str)| {
        let image = status.images.get(index);
        let upload = image.and_then(|image| image.upload.clone()).unwrap_or_default();
        let failed = image.is_some_and(|image| image.status == CloudUpload::FAILURE);
        let by_image = if failed { CloudUpload::FAILURE } else { CloudUpload::UNKNOWN };
        let reason = match image {
            None => unreadable.clone().or_else(|| Some(format!("{} says nothing of this image", reason::FILE))),
            Some(image) if !image.chains.is_empty() => Some(reasons(image)),
            Some(ImageStatus { upload: None, .. }) if !failed => Some("composer tells of no upload".to_owned()),
            Some(_) => None,
        };
        CloudUpload {
            variant: request.variant.clone(),
            arch: arch.to_owned(),
            subvariant: request.subvariant.clone(),
            image: request.name().to_owned(),
            image_type: request.about.image_type.to_string(),
            nvr: nvr.clone(),
            task_id: task,
            build_id: build.map(|build| build.id).or(status.build),
            provider: upload.provider,
            status: upload.status.unwrap_or_else(|| by_image.to_owned()),
            options: upload.options,
            reason,
        }
    };
    request.arches().into_iter().enumerate().map(one).collect()
}

fn reasons(image: &ImageStatus) -> String {
    let chains: Vec<String> = image.chains.iter().map(|chain| chain.join(": ")).collect();
    chains.join("; ")
}

/// The name of the build, where the request says all of it.
fn asked_nvr(request: &TaskRequest) -> Option<String> {
    request.about.release.as_ref().map(|_| request.nvr())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::method::TEST_METHOD;
    use crate::plan::{About, Keywords, Opts};

    fn request() -> TaskRequest {
        TaskRequest {
            phase: "images",
            variant: "Server".into(),
            subvariant: "Cloud".into(),
            failable: true,
            method: &TEST_METHOD,
            args: Vec::new(),
            keywords: Keywords::Opts(Opts::default()),
            about: About {
                name: "disk".into(),
                arches: ["x86_64", "aarch64", "s390x"].map(Into::into).into(),
                version: "9.2".into(),
                release: Some("2".into()),
                image_type: "ec2".into(),
                uploads: true,
                ..About::default()
            },
        }
    }

    #[test]
    fn each_arch_has_its_status_and_none_is_passed_over() {
        let status = parse_compose_status(
            br#"{"koji_build_id": 7, "image_statuses": [
                {"status": "success", "upload_status": {"status": "success", "type": "aws", "options": {"ami": "a"}}},
                {"status": "failure", "error": {"reason": "no"}}]}"#,
        );
        let all = uploads(&request(), 42, status, None);
        let told: Vec<(&str, &str, Option<&str>)> =
            all.iter().map(|u| (u.arch.as_str(), u.status.as_str(), u.reason.as_deref())).collect();
        assert_eq!(
            told,
            [
                ("x86_64", "success", None),
                ("aarch64", "failure", Some("no")),
                ("s390x", "unknown", Some("compose-status.json says nothing of this image"))
            ]
        );
        assert_eq!((all[0].nvr.as_deref(), all[0].build_id, all[0].task_id), (Some("disk-9.2-2"), Some(7), 42));
        assert_eq!((all[0].image_type.as_str(), all[0].subvariant.as_str()), ("ec2", "Cloud"));
    }

    #[test]
    fn a_file_that_cannot_be_had_is_told_for_each_arch() {
        let all = uploads(&request(), 42, Err("gone".to_owned()), None);
        assert_eq!(all.len(), 3);
        assert!(all.iter().all(|u| u.status == "unknown" && u.reason.as_deref() == Some("gone")));
        let silent = parse_compose_status(br#"{"image_statuses": [{"status": "success"}]}"#);
        assert_eq!(uploads(&request(), 1, silent, None)[0].reason.as_deref(), Some("composer tells of no upload"));
    }
}
