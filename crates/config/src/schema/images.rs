//! *Image types* of composer, and the clouds that images can be uploaded to (facts: osbuild 2).

use super::{Key, Kind, opt, req};
use crate::tree::Node;

/// A cloud, or another place that images are uploaded to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cloud {
    Ec2,
    S3,
    Azure,
    Gcp,
    Container,
}

/// The options that one cloud takes. Nothing in them says which cloud is meant.
#[derive(Debug, Clone, Copy)]
pub struct Upload {
    pub cloud: Cloud,
    /// Its name, for messages.
    pub name: &'static str,
    /// Its options: strings and lists of strings.
    pub keys: &'static [Key],
}

/// All clouds, in the order in which Pungi tries them.
pub const UPLOADS: &[Upload] = &[
    Upload {
        cloud: Cloud::Ec2,
        name: "EC2",
        keys: &[req("region", Kind::Text), req("share_with_accounts", Kind::Texts), opt("snapshot_name", Kind::Text)],
    },
    Upload { cloud: Cloud::S3, name: "S3", keys: &[req("region", Kind::Text)] },
    Upload {
        cloud: Cloud::Azure,
        name: "Azure",
        keys: &[
            req("tenant_id", Kind::Text),
            req("subscription_id", Kind::Text),
            req("resource_group", Kind::Text),
            opt("location", Kind::Text),
            opt("image_name", Kind::Text),
        ],
    },
    Upload {
        cloud: Cloud::Gcp,
        name: "GCP",
        keys: &[
            req("region", Kind::Text),
            opt("bucket", Kind::Text),
            opt("image_name", Kind::Text),
            opt("share_with_accounts", Kind::Texts),
        ],
    },
    Upload { cloud: Cloud::Container, name: "container", keys: &[opt("name", Kind::Text), opt("tag", Kind::Text)] },
];

/// The image type that a value of [`Kind::ImageType`] names: a string, or the older form, a list of one string.
pub fn type_in(node: &Node) -> Option<&str> {
    match node.as_array() {
        Some([one]) => one.as_str(),
        Some(_) => None,
        None => node.as_str(),
    }
}

/// The only cloud that images of a type can be uploaded to; none for a type that is not in the list.
pub fn cloud_of(image_type: &str) -> Option<Cloud> {
    if image_type.ends_with("network-installer") {
        return Some(Cloud::S3);
    }
    CLOUDS.iter().find(|(_, types)| types.contains(&image_type)).map(|(cloud, _)| *cloud)
}

pub fn types_of(cloud: Cloud) -> impl Iterator<Item = &'static str> {
    CLOUDS.iter().filter(move |(other, _)| *other == cloud).flat_map(|(_, types)| types.iter().copied())
}

/// The image types of each cloud, older names included. S3 takes those that are files.
const CLOUDS: &[(Cloud, &[&str])] = &[
    (Cloud::Ec2, &["aws", "aws-cvm", "aws-rhui", "aws-ha-rhui", "aws-sap-rhui", "ami", "ec2", "ec2-ha", "ec2-sap"]),
    (Cloud::Gcp, &["gcp", "gcp-rhui", "gce", "gce-rhui"]),
    (
        Cloud::Azure,
        &["azure", "azure-cvm", "azure-rhui", "azure-eap7-rhui", "azure-sap-rhui", "azure-sapapps-rhui", "vhd"],
    ),
    (Cloud::Container, &["edge-container", "iot-container", "iot-bootable-container", "container"]),
    (
        Cloud::S3,
        &[
            "guest-image",
            "qcow2",
            "edge-commit",
            "edge-installer",
            "image-installer",
            "iot-commit",
            "iot-installer",
            "iot-raw-image",
            "iot-simplified-installer",
            "live-installer",
            "minimal-raw",
            "vsphere",
            "vsphere-ova",
            "wsl",
            "network-installer",
            "everything-network-installer",
            "server-network-installer",
        ],
    ),
];

/// Image types that some composer knows and that are uploaded nowhere, so that they are not taken for slips of others.
const OTHERS: &[&str] = &[
    "azure-gz",
    "docker",
    "edge-ami",
    "edge-raw-disk",
    "edge-raw-image",
    "edge-simplified-installer",
    "edge-vsphere",
    "iot-qcow2",
    "libvirt-box",
    "minimal-installer",
    "oci",
    "openstack",
    "ova",
    "raw",
    "rhel-ec2",
    "tar",
    "vagrant-libvirt",
    "vagrant-virtualbox",
    "vmdk",
];

/// Whether the image type is one of those that are known here.
pub fn is_known(image_type: &str) -> bool {
    cloud_of(image_type).is_some() || OTHERS.contains(&image_type)
}

/// The image type that an unknown one is probably a slip of. Composer may know types that are not listed here, so only what
/// is one or two letters off, and has as many words, is taken for a slip.
pub fn slip_of(image_type: &str) -> Option<&'static str> {
    if is_known(image_type) {
        return None;
    }
    let known = CLOUDS.iter().flat_map(|(_, types)| *types).chain(OTHERS).copied();
    let words = |name: &str| name.split('-').count();
    let wanted = words(image_type);
    let near = known.filter(|name| name.len().abs_diff(image_type.len()) <= 2 && words(name) == wanted);
    crate::did_you_mean::suggest_within(image_type, near, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_image_types() {
        for (image_type, near) in [
            ("gest-image", Some("guest-image")),
            ("guestimage", None),
            ("live-instaler", Some("live-installer")),
            ("qcow", Some("qcow2")),
            ("azure-rhiu", Some("azure-rhui")),
            ("qcow2", None),
            ("minimal-raw-xz", None),
            ("server-qcow2", None),
            ("gce-byos", None),
            ("aws-ec2", None),
            ("ec3", None),
            ("workstation-live-installer", None),
            ("", None),
        ] {
            assert_eq!(slip_of(image_type), near, "{image_type}");
        }
    }

    #[test]
    fn a_type_has_one_cloud() {
        let mut all: Vec<&str> = CLOUDS.iter().flat_map(|(_, types)| *types).chain(OTHERS).copied().collect();
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count);
        assert_eq!(cloud_of("ec2-ha"), Some(Cloud::Ec2));
        assert_eq!(cloud_of("fancy-network-installer"), Some(Cloud::S3));
        assert_eq!(cloud_of("openstack"), None);
    }
}
