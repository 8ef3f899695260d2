//! `buildImage(..., 'livemedia')`: Koji's own task for live media, a bootable ISO for each arch.

use super::imagebuilder::MOCK_LOGS;
use super::kickstart::{change_of_priority, child_request, common_job, file_name_of, option};
use super::per_arch::{Arch, PerArch, Surroundings};
use super::{Job, Submission, received};
use crate::args::text_of;
use crate::call::Call;
use crate::channels::{Channel, LIVEMEDIA};
use crate::python::text;
use crate::wire::{self, Fault, Value, generic, truthy};

#[derive(Debug)]
pub(super) struct LiveMedia;

impl PerArch for LiveMedia {
    const METHOD: &'static str = "buildImage";
    const SIGNATURE: &'static str = "name version arch target ksfile img_type opts=None priority=None";
    const HELP: &'static str = "Asks for an image of a kickstart file; answers with the id of the task.";
    const TASK_METHOD: &'static str = "livemedia";
    const PHASE: &'static str = "live_media";
    const CHANNEL: Channel = LIVEMEDIA;
    const WEIGHT: f64 = 1.0;
    const CHILD_METHOD: &'static str = "createLiveMedia";
    const CHILD_WEIGHT: f64 = 1.5;
    const CHILD_FAULT: (i64, &'static str) = (
        wire::LIVE_MEDIA,
        "Could not create LiveMedia: livemedia-creator exited with status 1; see root.log or livemedia-out.log for more \
         information",
    );
    const FAILS_FAST: bool = true;
    const RESULT: &'static str = "livecd";

    fn accept(&self, call: &Call<'_>) -> Result<Submission, Fault> {
        let kind = call.args.get(5);
        let Some(kind @ ("livecd" | "appliance" | "livemedia")) = kind.as_str() else {
            return Err(generic(format!("Unrecognized image type: {}", text(kind))));
        };
        for place in [0, 4, 1] {
            text_of(call.args.get(place))?;
        }
        let is_admin = call.user_with(kind)?.may("admin");
        let priority = change_of_priority(call.args.get(7), is_admin)?;
        if kind != "livemedia" {
            return Err(generic(format!("there are no builders for {kind} tasks")));
        }
        let request = [0, 1, 2, 3, 4, 6].map(|place| call.args.get(place).clone()).into();
        Ok(Submission { identity: received(call, self), request, priority })
    }

    fn job(&self, request: &[Value]) -> Job {
        common_job(request)
    }

    fn label(&self, arch: &str) -> String {
        format!("livemedia {arch}")
    }

    fn files(&self, job: &Job, _: &[Value], arch: &Arch<'_>) -> Vec<String> {
        vec![format!("{}-{}-{}-{}.iso", job.name, arch.name, job.version, job.release)]
    }

    fn child_request(&self, job: &Job, request: &[Value], arch: &str, place: &Surroundings<'_>) -> Vec<Value> {
        let kickstart = request.get(4).cloned().unwrap_or(Value::Nil);
        child_request(job, request, arch, place, kickstart)
    }

    fn logs(&self, request: &[Value], arch: &str) -> Vec<String> {
        let made = ["livemedia-out.log", "manifest.log"].map(str::to_owned);
        let kickstart = self.named_logs(request, arch).into_iter().filter(|log| !made.contains(log));
        made.iter().cloned().chain(kickstart).chain(MOCK_LOGS.map(str::to_owned)).collect()
    }

    fn named_logs(&self, request: &[Value], _: &str) -> Vec<String> {
        vec!["livemedia-out.log".to_owned(), file_name_of(request.get(4))]
    }

    fn finish_result(&self, request: &[Value], members: &mut Vec<(&'static str, Value)>) {
        members.push(("rootdev", Value::Nil));
        if option(request, "scratch").is_some_and(truthy) {
            members.retain(|(name, _)| *name != "rpmlist");
        }
    }
}
