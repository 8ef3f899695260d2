//! *Uploads* as the page shows them: one card for each image that has any, failed ones first.

use crate::model::{Place, TaskLink, Upload};
use crate::text::{harmless, safe_url};
use magudi_compose::cloud_uploads::CloudUpload;
use magudi_engine::plan_secrets::unsigned;
use std::collections::BTreeMap;

/// The order in which people name a provider's options; what is not among them comes after.
const FIRST: [&str; 6] = ["ami", "url", "project_id", "image_name", "region", "digest"];

/// The uploads for the page. `tasks` has the pages of tasks.
pub fn shown(uploads: &[CloudUpload], tasks: &BTreeMap<i64, TaskLink>) -> Vec<Upload> {
    let mut shown: Vec<(i64, Upload)> = Vec::new();
    for upload in uploads {
        let (place, nvr) = (place(upload), harmless(upload.nvr.as_deref().unwrap_or(&upload.image)));
        let variant = harmless(&upload.variant);
        let same =
            |(task, card): &&mut (i64, Upload)| (*task, &card.variant, &card.nvr) == (upload.task_id, &variant, &nvr);
        match shown.iter_mut().find(same) {
            Some((_, card)) => card.add(place),
            None => {
                let task = tasks.get(&upload.task_id).cloned();
                let task = task.unwrap_or(TaskLink { id: upload.task_id, url: None });
                let image_type = harmless(&upload.image_type);
                shown.push((upload.task_id, Upload { variant, nvr, image_type, task, places: vec![place] }));
            }
        }
    }
    let mut shown: Vec<Upload> = shown.into_iter().map(|(_, card)| card).collect();
    shown.sort_by_cached_key(|card| {
        let all_good = card.places.iter().all(|place| place.kind == "good");
        (all_good, card.places.iter().find_map(|place| place.provider.clone()))
    });
    shown
}

impl Upload {
    /// Adds a place, or its arch to a place that is the same but for that.
    fn add(&mut self, place: Place) {
        let same = |other: &&mut Place| {
            (&other.provider, &other.status, &other.options, &other.reason)
                == (&place.provider, &place.status, &place.options, &place.reason)
        };
        match self.places.iter_mut().find(same) {
            Some(other) => other.arches.extend(place.arches),
            None => self.places.push(place),
        }
    }
}

fn place(upload: &CloudUpload) -> Place {
    let mut options: Vec<_> = upload.options.iter().filter(|(_, value)| !value.is_empty()).collect();
    options.sort_by_key(|(key, _)| FIRST.iter().position(|first| first == key).unwrap_or(FIRST.len()));
    let option = |(key, value): (&String, &String)| {
        // Older journals have it whole.
        let value = unsigned(value);
        (harmless(key), harmless(&value), safe_url(&value))
    };
    Place {
        arches: vec![harmless(&upload.arch)],
        provider: upload.provider.as_deref().map(harmless),
        status: harmless(&upload.status),
        kind: match upload.status.as_str() {
            CloudUpload::SUCCESS => "good",
            "pending" | "running" => "busy",
            _ => "bad",
        },
        options: options.into_iter().map(option).collect(),
        reason: upload.reason.as_deref().map(harmless),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload(arch: &str, status: &str, options: &[(&str, &str)]) -> CloudUpload {
        CloudUpload {
            variant: "Cloud".into(),
            arch: arch.into(),
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
        }
    }

    #[test]
    fn what_failed_comes_first_and_names_come_before_regions() {
        let options = [("region", "us-east-1"), ("ami", "ami-1"), ("url", "javascript:alert(1)")];
        let failed = CloudUpload { task_id: 8, ..upload("x86_64", "failure", &[]) };
        let tasks = [(7, TaskLink { id: 7, url: Some("https://koji/7".into()) })].into();
        let shown = shown(&[upload("x86_64", "success", &options), failed], &tasks);
        assert_eq!([shown[0].places[0].kind, shown[1].places[0].kind], ["bad", "good"]);
        let keys: Vec<&str> = shown[1].places[0].options.iter().map(|(key, _, _)| key.as_str()).collect();
        assert_eq!(keys, ["ami", "url", "region"]);
        assert!(shown[1].places[0].options.iter().all(|(_, _, link)| link.is_none()), "no link runs a script");
        assert_eq!((shown[0].nvr.as_str(), shown[0].task.url.as_deref()), ("cloud", None));
        assert_eq!(shown[1].task.url.as_deref(), Some("https://koji/7"));
    }

    #[test]
    fn arches_of_one_image_share_a_card_and_those_of_one_place_a_line() {
        let at = |arch: &str, name: &str| upload(arch, "success", &[("image_name", name)]);
        let all = [at("aarch64", "both"), at("s390x", "other"), at("x86_64", "both")];
        let shown = shown(&all, &BTreeMap::new());
        assert_eq!(shown.len(), 1);
        let arches: Vec<_> = shown[0].places.iter().map(|place| place.arches.join(" ")).collect();
        assert_eq!(arches, ["aarch64 x86_64", "s390x"]);
    }
}
