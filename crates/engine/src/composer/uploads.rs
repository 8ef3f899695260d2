//! *Uploads*: where composer has put the images of a task, besides Koji.

use super::{ComposeStatus, ComposeStatusError, FILE, ImageStatus};
use crate::plan::TaskRequest;
use magudi_compose::CloudUpload;
use magudi_koji::calls::Build;

/// One upload for each arch of `request`: image statuses come in the order of the arches. A status that could not be read
/// is given as the reason why nothing is known.
pub fn uploads(
    request: &TaskRequest,
    task: i64,
    status: Result<ComposeStatus, ComposeStatusError>,
    build: Option<&Build>,
) -> Vec<CloudUpload> {
    let (status, unreadable) = match status {
        Ok(status) => (status, None),
        Err(error) => (ComposeStatus::default(), Some(error.to_string())),
    };
    let nvr = build.map(Build::nvr).or_else(|| asked_nvr(request));
    let one = |(index, arch): (usize, &str)| {
        let image = status.images.get(index);
        let upload = image.and_then(|image| image.upload.clone()).unwrap_or_default();
        let failed = image.is_some_and(|image| image.status == CloudUpload::FAILURE);
        let by_image = if failed { CloudUpload::FAILURE } else { CloudUpload::UNKNOWN };
        let reason = match image {
            None => unreadable.clone().or_else(|| Some(format!("{FILE} says nothing about this image"))),
            Some(image) if !image.chains.is_empty() => Some(reasons(image)),
            Some(ImageStatus { upload: None, .. }) if !failed => Some("composer reported no upload".to_owned()),
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
    use super::super::parse_compose_status;
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
            keywords: Keywords::of_opts(Opts::default()),
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
                ("s390x", "unknown", Some("compose-status.json says nothing about this image"))
            ]
        );
        assert_eq!((all[0].nvr.as_deref(), all[0].build_id, all[0].task_id), (Some("disk-9.2-2"), Some(7), 42));
        assert_eq!((all[0].image_type.as_str(), all[0].subvariant.as_str()), ("ec2", "Cloud"));
    }

    #[test]
    fn a_file_that_cannot_be_had_is_told_for_each_arch() {
        let all = uploads(&request(), 42, Err(ComposeStatusError::NoImages), None);
        assert_eq!(all.len(), 3);
        assert!(all.iter().all(|u| u.status == "unknown" && u.reason.as_ref().unwrap().contains("no list")));
        let silent = parse_compose_status(br#"{"image_statuses": [{"status": "success"}]}"#);
        assert_eq!(uploads(&request(), 1, silent, None)[0].reason.as_deref(), Some("composer reported no upload"));
    }
}
