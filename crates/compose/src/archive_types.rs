//! An *archive type* is what Koji calls the kind of a built file; this module says which image a file of it is.

/// The archive types that are images, sorted, each with the suffixes its files may have; the suffix that fits becomes the
/// image's format (facts: manifests 6).
pub const ARCHIVE_TYPES: [(&str, &[&str]); 19] = [
    ("docker", &["tar.gz", "tar.xz"]),
    ("iso", &["iso"]),
    ("liveimg-squashfs", &["liveimg.squashfs"]),
    ("qcow", &["qcow"]),
    ("qcow2", &["qcow2"]),
    ("raw", &["raw"]),
    ("raw-xz", &["raw.xz"]),
    ("rhevm-ova", &["rhevm.ova"]),
    ("tar-gz", &["tar.gz"]),
    ("vagrant-hyperv", &["vagrant-hyperv.box"]),
    ("vagrant-libvirt", &["vagrant-libvirt.box", "vagrant.libvirt.box"]),
    ("vagrant-virtualbox", &["vagrant-virtualbox.box", "vagrant.virtualbox.box"]),
    ("vagrant-vmware-fusion", &["vagrant-vmware-fusion.box"]),
    ("vdi", &["vdi"]),
    ("vhd-compressed", &["vhd.gz", "vhd.xz", "vhdfixed.xz"]),
    ("vmdk", &["vmdk"]),
    ("vpc", &["vhd", "vhdfixed"]),
    ("vsphere-ova", &["vsphere.ova"]),
    ("wsl", &["wsl"]),
];

/// A file whose name does not go with its archive type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("file {file_name} does not look like an archive of type {type_name}: its name should end in {}", suffixes.join(" or "))]
pub struct WrongSuffix {
    pub file_name: String,
    pub type_name: String,
    /// What its name should end in.
    pub suffixes: &'static [&'static str],
}

/// The suffixes of an archive type; `None` for one that is not an image.
pub fn suffixes_of(type_name: &str) -> Option<&'static [&'static str]> {
    ARCHIVE_TYPES.iter().find(|(name, _)| *name == type_name).map(|(_, suffixes)| *suffixes)
}

/// The image format of a file of an archive type. `Ok(None)`: the type is not an image (logs, manifests, ...), such archives
/// are left out without a word. As in Pungi the suffix needs no dot before it.
pub fn describe(type_name: &str, file_name: &str) -> Result<Option<&'static str>, WrongSuffix> {
    let Some(suffixes) = suffixes_of(type_name) else { return Ok(None) };
    match suffixes.iter().find(|suffix| file_name.ends_with(**suffix)) {
        Some(suffix) => Ok(Some(suffix)),
        None => Err(WrongSuffix { file_name: file_name.to_owned(), type_name: type_name.to_owned(), suffixes }),
    }
}

/// The image type of an ISO, guessed from words in its file name (facts: manifests 7).
pub fn iso_image_type(file_name: &str) -> &'static str {
    let name = file_name.to_lowercase();
    let has = |word: &str| name.contains(word);
    if has("ostree") {
        "dvd-ostree-osbuild"
    } else if has("live") {
        "live-osbuild"
    } else if has("netinst") || has("boot") {
        "boot"
    } else {
        "dvd"
    }
}

/// The image type of a built file: what the configuration says, if it says anything, else the archive type, for an ISO
/// [`iso_image_type`].
pub fn image_type<'a>(manifest_type: Option<&'a str>, type_name: &'a str, file_name: &str) -> &'a str {
    match manifest_type {
        Some(manifest_type) if !manifest_type.is_empty() => manifest_type,
        _ if type_name == "iso" => iso_image_type(file_name),
        // As in Pungi since 4.10.1.
        _ if type_name == "wsl" => "wsl2",
        _ => type_name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::{formats_of, is_image_type};

    #[test]
    fn every_archive_type_is_an_image_type() {
        assert!(ARCHIVE_TYPES.is_sorted());
        for (name, suffixes) in ARCHIVE_TYPES {
            let name = image_type(None, name, "plain");
            assert!(is_image_type(name), "{name}");
            if let Some(formats) = formats_of(name) {
                assert!(formats.contains(&suffixes[0]), "{name}");
            }
        }
    }

    #[test]
    fn formats_are_the_suffixes_that_fit() {
        for (type_name, file_name, format) in [
            ("qcow2", "img-9.2-1.x86_64.qcow2", Ok(Some("qcow2"))),
            ("qcow2", "xqcow2", Ok(Some("qcow2"))),
            ("docker", "a.tar.xz", Ok(Some("tar.xz"))),
            ("vpc", "a.vhdfixed", Ok(Some("vhdfixed"))),
            ("vhd-compressed", "a.vhd.xz", Ok(Some("vhd.xz"))),
            ("vhd-compressed", "a.vhdfixed.xz", Ok(Some("vhdfixed.xz"))),
            ("wsl", "a.x86_64.wsl", Ok(Some("wsl"))),
            ("vagrant-libvirt", "a.vagrant.libvirt.box", Ok(Some("vagrant.libvirt.box"))),
            ("json", "a.json", Ok(None)),
            ("oci", "a.oci", Ok(None)),
            (
                "raw",
                "disk.img",
                Err("file disk.img does not look like an archive of type raw: its name should end in raw"),
            ),
        ] {
            let found = describe(type_name, file_name).map_err(|error| error.to_string());
            assert_eq!(found, format.map_err(str::to_owned), "{type_name} {file_name}");
        }
    }

    #[test]
    fn isos_are_known_by_their_names() {
        for (name, expected) in [
            ("Fedora-IoT-ostree-live.iso", "dvd-ostree-osbuild"),
            ("Deliver-boot.iso", "live-osbuild"),
            ("X-NETINST.iso", "boot"),
            ("x-9.2-boot.iso", "boot"),
            ("plain.iso", "dvd"),
        ] {
            assert_eq!(iso_image_type(name), expected);
            assert_eq!(image_type(None, "iso", name), expected);
            assert_eq!(image_type(Some(""), "iso", name), expected);
            assert_eq!(image_type(Some("boot"), "iso", name), "boot");
        }
        assert_eq!(image_type(None, "qcow2", "live"), "qcow2");
        assert_eq!(image_type(None, "wsl", "a.wsl"), "wsl2");
    }
}
