//! `upload_options`: the kind that they are of, what is missing or too much, and the clouds of image types.

use crate::check;
use magudi_config::{Dict, Sources, conf};
use std::path::Path;

/// Codes, messages and helps of what is found about one image.
fn found(image_types: &str, options: &str) -> Vec<(&'static str, String, String)> {
    let text = format!(
        "release_name='T'\nrelease_short='T'\nrelease_version='1'\nvariants_file='v'\npkgset_source='koji'\n\
         gather_method='deps'\nosbuild = {{'^S$': [{{'name': 'n', 'distro': 'd', 'image_types': {image_types}, \
         'upload_options': {options}}}]}}\n"
    );
    let mut sources = Sources::new();
    let file = sources.add_bytes(Path::new("a.conf"), text.into_bytes()).unwrap();
    let none = |_: &Path| -> std::io::Result<Vec<u8>> { Err(std::io::ErrorKind::NotFound.into()) };
    let (config, problems) = check(&conf::parse_conf(file, &mut sources, &none, &Dict::default()).unwrap());
    assert_eq!(config.is_none(), magudi_config::diagnostic::has_errors(&problems));
    problems.into_iter().map(|p| (p.code.id, p.message, p.help.unwrap_or_default())).collect()
}

const EC2: &str = "{'region': 'r', 'share_with_accounts': ['1'], 'snapshot_name': 's'}";
const EC2_OR_GCP: &str = "{'region': 'r', 'share_with_accounts': ['1']}";
const S3_OR_GCP: &str = "{'region': 'r'}";
const AZURE: &str = "{'tenant_id': 't', 'subscription_id': 's', 'resource_group': 'g', 'image_name': 'i'}";
const GCP: &str = "{'region': 'r', 'bucket': 'b'}";
const CONTAINER: &str = "{'name': 'n', 'tag': 't'}";

#[test]
fn a_type_goes_to_its_own_cloud() {
    let all = [EC2, EC2_OR_GCP, S3_OR_GCP, AZURE, GCP, CONTAINER, "{}"];
    for (types, fitting) in [
        ("aws aws-cvm aws-rhui aws-ha-rhui aws-sap-rhui ami ec2 ec2-ha ec2-sap", &[EC2, EC2_OR_GCP, "{}"][..]),
        ("gcp gcp-rhui gce gce-rhui", &[EC2_OR_GCP, S3_OR_GCP, GCP, "{}"]),
        ("azure azure-cvm azure-rhui azure-eap7-rhui azure-sap-rhui azure-sapapps-rhui vhd", &[AZURE, "{}"]),
        ("edge-container iot-container iot-bootable-container container", &[CONTAINER, "{}"]),
        (
            "guest-image qcow2 edge-commit edge-installer image-installer iot-commit iot-installer iot-raw-image \
             iot-simplified-installer live-installer minimal-raw vsphere vsphere-ova wsl everything-network-installer",
            &[S3_OR_GCP, "{}"],
        ),
        // Whatever composer may make of them.
        ("openstack minimal-raw-zst oci", &all),
    ] {
        for image_type in types.split_whitespace() {
            for options in all {
                let mut codes: Vec<_> = found(&format!("'{image_type}'"), options).into_iter().map(|f| f.0).collect();
                codes.retain(|code| *code != "MG025");
                let expected: &[&str] = if fitting.contains(&options) { &[] } else { &["MG023"] };
                assert_eq!(codes, expected, "{image_type} {options}");
            }
        }
    }
}

#[test]
fn what_is_wrong_is_named() {
    for (types, options, code, message, help) in [
        (
            "['azure']",
            EC2_OR_GCP,
            "MG023",
            "these upload options are for EC2 or GCP, but images of type `azure` can only be uploaded to Azure",
            "Azure takes `tenant_id`, `subscription_id`, `resource_group`, `location` (optional), `image_name` (optional)",
        ),
        (
            "'container'",
            S3_OR_GCP,
            "MG023",
            "these upload options are for S3 or GCP, but images of type `container` can only be uploaded to a container \
             registry",
            "container takes `name` (optional), `tag` (optional)",
        ),
        (
            "'qcow2'",
            "{'region': 5}",
            "MG010",
            "these upload options fit none of the five kinds; the nearest is S3: `region` must be a string",
            "S3 takes `region`",
        ),
        (
            "'gce'",
            "{'region': 'r', 'snapshot_name': 's', 'bucket': 'b', 'share_with_accounts': 'me'}",
            "MG010",
            "these upload options fit none of the five kinds; the nearest is GCP: unexpected `snapshot_name`, \
             `share_with_accounts` must be a list of strings",
            "GCP takes `region`, `bucket` (optional), `image_name` (optional), `share_with_accounts` (a list, optional)",
        ),
        (
            "'ec2'",
            "{'snapshot_name': 's'}",
            "MG010",
            "these upload options fit none of the five kinds; the nearest is EC2: `region` is missing, \
             `share_with_accounts` is missing",
            "EC2 takes `region`, `share_with_accounts` (a list), `snapshot_name` (optional)",
        ),
        (
            "'azure'",
            "{'image_name': 'i', 'tenant_id': 't'}",
            "MG010",
            "these upload options fit none of the five kinds; the nearest is Azure: `subscription_id` is missing, \
             `resource_group` is missing",
            "Azure takes `tenant_id`, `subscription_id`, `resource_group`, `location` (optional), `image_name` (optional)",
        ),
    ] {
        let expected = vec![(code, message.to_owned(), help.to_owned())];
        assert_eq!(found(types, options), expected, "{types} {options}");
    }
}

/// Composer knows more types than we do: only a slip is a warning, the others are noted.
#[test]
fn unknown_types() {
    let codes = |types: &str| found(types, "{}").into_iter().map(|f| (f.0, f.2)).collect::<Vec<_>>();
    let slip = |near: &str| vec![("MG024", format!("did you mean `{near}`?"))];
    assert_eq!(codes("'gest-image'"), slip("guest-image"));
    assert_eq!(codes("['qcow']"), slip("qcow2"));
    let noted = vec![("MG025", "it is passed on to the hub as it is".to_owned())];
    assert_eq!(codes("'frobnicated'"), noted);
    assert_eq!(codes("['server-qcow2']"), noted);
    assert_eq!(codes("'everything-network-installer'"), []);
}
