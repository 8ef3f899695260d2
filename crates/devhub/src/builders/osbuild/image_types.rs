//! *Image types*: which file an `osbuildImage` task makes, and where it is uploaded to.
//!
//! The table of files is the convention of the recorded composes (fixtures/pungi), not composer's own.

use super::{image_type, option};
use crate::ids;
use crate::tasks::Task;
use crate::wire::{Value, string, structure};

/// The archive type and the suffix of the file of an image type.
pub(crate) fn file_of(image_type: &str) -> (&'static str, &'static str) {
    match image_type {
        "qcow2" | "guest-image" | "openstack" => ("qcow2", "qcow2"),
        "ami" | "ec2" | "rhel-ec2" | "edge-raw-disk" => ("raw-xz", "raw.xz"),
        "vhd" | "azure" => ("vpc", "vhd"),
        "azure-rhui" => ("vhd-compressed", "vhd.xz"),
        "azure-gz" => ("vhd-compressed", "vhd.gz"),
        "gce" => ("tar-gz", "tar.gz"),
        "vmdk" => ("vmdk", "vmdk"),
        "ova" => ("vsphere-ova", "vsphere.ova"),
        "image-installer" | "edge-installer" | "live-installer" | "iot-installer" => ("iso", "iso"),
        "docker" => ("docker", "tar.xz"),
        "container" => ("tar", "tar"),
        "libvirt-box" => ("vagrant-libvirt", "vagrant-libvirt.box"),
        "wsl" => ("wsl", "wsl"),
        _ => ("raw", "raw"),
    }
}

/// The name that composer knows the image type by (facts: osbuild 10).
pub(crate) fn composer_name(image_type: &str) -> &str {
    match image_type {
        "qcow2" => "guest-image",
        "ec2" => "aws-rhui",
        "ec2-ha" => "aws-ha-rhui",
        "ec2-sap" => "aws-sap-rhui",
        other => other,
    }
}

/// Where composer uploads an image to, besides Koji.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cloud {
    Aws,
    AwsS3,
    Gcp,
    Azure,
    Container,
}

impl Cloud {
    /// The cloud that `upload_options` speak of. The image type decides between those that take the same options.
    pub(crate) fn of(image_type: &str, options: &Value) -> Option<Self> {
        let options = options.as_struct()?;
        let has = |key: &str| options.contains_key(key);
        let is = |words: &[&str]| words.iter().any(|word| image_type.contains(word));
        Some(if has("tenant_id") {
            Self::Azure
        } else if has("bucket") || (has("region") && is(&["gce", "gcp"])) {
            Self::Gcp
        } else if has("snapshot_name") || has("share_with_accounts") || (has("region") && is(&["aws", "ec2", "ami"])) {
            Self::Aws
        } else if has("region") {
            Self::AwsS3
        } else {
            Self::Container
        })
    }

    /// `upload_status.type` of composer's API.
    pub(crate) fn type_name(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::AwsS3 => "aws.s3",
            Self::Gcp => "gcp",
            Self::Azure => "azure",
            Self::Container => "container",
        }
    }

    /// `upload_status.options` of a finished upload: names that follow from the task and the arch.
    pub(crate) fn result(self, options: &Value, task: i64, arch: &str) -> Value {
        let option = |key: &str| options.get(key).and_then(Value::as_str).map(str::to_owned);
        let task = task.to_string();
        let digits = ids::hex(&["upload", &task, arch]);
        let unnamed = || format!("composer-api-{}", ids::uuid(&["upload", &task, arch]));
        match self {
            Self::Aws => structure([
                ("ami", string(format!("ami-{}", &digits[..17]))),
                ("region", string(option("region").unwrap_or_default())),
            ]),
            Self::AwsS3 => structure([(
                "url",
                string(format!(
                    "https://devhub.s3.{}.amazonaws.com/{}?X-Amz-Signature={}",
                    option("region").unwrap_or_default(),
                    unnamed(),
                    &digits[..32]
                )),
            )]),
            Self::Gcp => structure([
                ("project_id", string("devhub")),
                ("image_name", string(option("image_name").unwrap_or_else(unnamed))),
            ]),
            Self::Azure => structure([("image_name", string(option("image_name").unwrap_or_else(unnamed)))]),
            Self::Container => {
                let name = option("name").unwrap_or_else(|| "registry.example.com/devhub/image".to_owned());
                let tag = option("tag").unwrap_or_else(|| "latest".to_owned());
                structure([("url", string(format!("{name}:{tag}"))), ("digest", string(format!("sha256:{digits}")))])
            }
        }
    }
}

/// `extra` of the archive of the image of `task` for `arch`, which the scenario says nothing about.
pub(crate) fn usual_extra(task: &Task, arch: &str) -> Value {
    let image_type = image_type(&task.request);
    let (kind, suffix) = file_of(image_type);
    let boot_mode = match kind {
        "docker" | "tar" => "none",
        _ => "hybrid",
    };
    let export = suffix.split('.').next().unwrap_or(suffix);
    let artifact = structure([("export_filename", string(format!("disk.{suffix}"))), ("export_name", string(export))]);
    let mut members = vec![
        ("arch", string(arch)),
        ("boot_mode", string(boot_mode)),
        ("osbuild_artifact", artifact),
        ("osbuild_version", string("138")),
    ];
    if let Some(options) = option(&task.request, "upload_options")
        && let Some(cloud) = Cloud::of(image_type, options)
    {
        let result = structure([
            ("name", string(format!("org.osbuild.{}", cloud.type_name()))),
            ("options", cloud.result(options, task.id, arch)),
        ]);
        members.push(("upload_target_results", Value::Array(vec![result])));
    }
    structure([("image", structure(members))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clouds() {
        let options = |keys: &[&str]| structure(keys.iter().map(|key| (*key, string("x"))));
        for (image_type, keys, cloud) in [
            ("ec2", &["region", "share_with_accounts"][..], Cloud::Aws),
            ("aws-ec2", &["region"], Cloud::Aws),
            ("edge-commit", &["region"], Cloud::AwsS3),
            ("gcp", &["region", "bucket"], Cloud::Gcp),
            ("gce", &["region"], Cloud::Gcp),
            ("azure-rhui", &["tenant_id", "subscription_id", "resource_group"], Cloud::Azure),
            ("container", &["name", "tag"], Cloud::Container),
            ("container", &[], Cloud::Container),
        ] {
            assert_eq!(Cloud::of(image_type, &options(keys)), Some(cloud), "{image_type} {keys:?}");
        }
        assert_eq!(Cloud::of("qcow2", &Value::Nil), None);
    }

    #[test]
    fn uploads_have_names() {
        let options = structure([("name", string("quay.io/x/y")), ("tag", string("42"))]);
        assert_eq!(Cloud::Container.result(&options, 1, "x86_64")["url"], string("quay.io/x/y:42"));
        let ami = Cloud::Aws.result(&structure([("region", string("us-east-1"))]), 1, "x86_64");
        assert_eq!(ami["region"], string("us-east-1"));
        assert_eq!(ami["ami"].as_str().map(str::len), Some(21));
        assert_ne!(ami, Cloud::Aws.result(&structure([("region", string("us-east-1"))]), 1, "aarch64"));
    }
}
