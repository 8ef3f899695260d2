//! *Uploads* as the page shows them: those of cloud-uploads.json, failed ones first.

use crate::model::Upload;
use crate::text::{harmless, safe_url};
use magudi_compose::cloud_uploads::CloudUpload;

/// The order in which people name a provider's options; what is not among them comes after.
const FIRST: [&str; 6] = ["ami", "url", "project_id", "image_name", "region", "digest"];

/// The uploads for the page.
pub fn shown(uploads: &[CloudUpload]) -> Vec<Upload> {
    let mut shown: Vec<Upload> = uploads.iter().map(one).collect();
    shown.sort_by(|a, b| {
        let key = |upload: &Upload| upload.kind == "good";
        key(a).cmp(&key(b)).then_with(|| a.provider.cmp(&b.provider))
    });
    shown
}

fn one(upload: &CloudUpload) -> Upload {
    let mut options: Vec<_> = upload.options.iter().filter(|(_, value)| !value.is_empty()).collect();
    options.sort_by_key(|(key, _)| FIRST.iter().position(|first| first == key).unwrap_or(FIRST.len()));
    let option = |(key, value): (&String, &String)| (harmless(key), harmless(value), safe_url(value));
    Upload {
        variant: harmless(&upload.variant),
        arch: harmless(&upload.arch),
        image: harmless(&upload.image),
        nvr: harmless(upload.nvr.as_deref().unwrap_or(&upload.image)),
        image_type: harmless(&upload.image_type),
        provider: upload.provider.as_deref().map_or_else(|| "unknown".to_owned(), harmless),
        status: harmless(&upload.status),
        kind: match upload.status.as_str() {
            CloudUpload::SUCCESS => "good",
            "pending" | "running" => "busy",
            _ => "bad",
        },
        options: options.into_iter().map(option).collect(),
        reason: upload.reason.as_deref().map(harmless),
        task: Some(upload.task_id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_comes_first_and_names_come_before_regions() {
        let upload = |status: &str, options: &[(&str, &str)]| CloudUpload {
            variant: "Cloud".into(),
            arch: "x86_64".into(),
            subvariant: "Cloud".into(),
            image: "cloud".into(),
            image_type: "ec2".into(),
            nvr: None,
            task_id: 7,
            build_id: None,
            provider: Some("aws".into()),
            status: status.into(),
            options: options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            reason: None,
        };
        let all = [
            upload("success", &[("region", "us-east-1"), ("ami", "ami-1"), ("url", "javascript:alert(1)")]),
            upload("failure", &[]),
        ];
        let shown = shown(&all);
        assert_eq!([shown[0].kind, shown[1].kind], ["bad", "good"]);
        let keys: Vec<&str> = shown[1].options.iter().map(|(key, _, _)| key.as_str()).collect();
        assert_eq!(keys, ["ami", "url", "region"]);
        assert!(shown[1].options.iter().all(|(_, _, link)| link.is_none()), "no link runs a script");
        assert_eq!(shown[0].nvr, "cloud");
    }
}
