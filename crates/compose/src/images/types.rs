//! An *image type* says what an image is for, its *format* how the file is packed (productmd 1.51's tables).

/// Every image type, sorted, with the formats that productmd lists for it; no format means that none was agreed on.
pub const IMAGE_TYPES: [(&str, &[&str]); 36] = [
    ("appx", &["appx"]),
    ("boot", &["iso"]),
    ("bootable-container", &["ociarchive"]),
    ("cd", &["iso"]),
    ("container", &["tar.xz", "oci", "ociarchive"]),
    ("docker", &["tar.gz", "tar.xz"]),
    ("dvd", &["iso"]),
    ("dvd-debuginfo", &["iso"]),
    ("dvd-ostree", &["iso"]),
    ("dvd-ostree-osbuild", &["iso"]),
    ("ec2", &[]),
    ("fex", &["erofs.xz", "erofs.gz", "erofs", "squashfs.xz", "squashfs.gz", "squashfs"]),
    ("kvm", &[]),
    ("live", &[]),
    ("live-osbuild", &["iso"]),
    ("liveimg-squashfs", &["liveimg.squashfs"]),
    ("netinst", &["iso"]),
    ("ociarchive", &["ociarchive"]),
    ("p2v", &[]),
    ("qcow", &["qcow"]),
    ("qcow2", &["qcow2"]),
    ("raw", &["raw"]),
    ("raw-xz", &["raw.xz"]),
    ("rescue", &[]),
    ("rhevm-ova", &["rhevm.ova"]),
    ("tar-gz", &["tar.gz"]),
    ("vagrant-hyperv", &["vagrant-hyperv.box"]),
    ("vagrant-libvirt", &["vagrant-libvirt.box"]),
    ("vagrant-virtualbox", &["vagrant-virtualbox.box"]),
    ("vagrant-vmware-fusion", &["vagrant-vmware-fusion.box"]),
    ("vdi", &["vdi"]),
    ("vhd-compressed", &["vhd.gz", "vhd.xz", "vhdfixed.xz"]),
    ("vmdk", &["vmdk"]),
    ("vpc", &["vhd"]),
    ("vsphere-ova", &["vsphere.ova"]),
    ("wsl2", &["tar", "tar.gz", "wsl"]),
];

/// Every format of [`IMAGE_TYPES`], sorted.
pub const FORMATS: [&str; 31] = [
    "appx",
    "erofs",
    "erofs.gz",
    "erofs.xz",
    "iso",
    "liveimg.squashfs",
    "oci",
    "ociarchive",
    "qcow",
    "qcow2",
    "raw",
    "raw.xz",
    "rhevm.ova",
    "squashfs",
    "squashfs.gz",
    "squashfs.xz",
    "tar",
    "tar.gz",
    "tar.xz",
    "vagrant-hyperv.box",
    "vagrant-libvirt.box",
    "vagrant-virtualbox.box",
    "vagrant-vmware-fusion.box",
    "vdi",
    "vhd",
    "vhd.gz",
    "vhd.xz",
    "vhdfixed.xz",
    "vmdk",
    "vsphere.ova",
    "wsl",
];

/// Whether images.json takes images of the type `name`.
pub fn is_image_type(name: &str) -> bool {
    formats_of(name).is_some()
}

/// Whether images.json takes images of the format `name`.
pub fn is_format(name: &str) -> bool {
    FORMATS.contains(&name)
}

/// The formats that productmd lists for an image type; empty where none was agreed on, `None` for an unknown type.
pub fn formats_of(image_type: &str) -> Option<&'static [&'static str]> {
    IMAGE_TYPES.iter().find(|(name, _)| *name == image_type).map(|(_, formats)| *formats)
}

/// Whether a file of `format` is what readers of images.json expect of `image_type`. True as well where productmd lists
/// no format for the type; false for an unknown type. Such an image is not refused (facts: manifests 4), so this is for
/// warnings.
pub fn type_takes_format(image_type: &str, format: &str) -> bool {
    formats_of(image_type).is_some_and(|formats| formats.is_empty() || formats.contains(&format))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn formats_are_those_of_the_types() {
        let of_types: BTreeSet<&str> = IMAGE_TYPES.iter().flat_map(|(_, formats)| formats.iter().copied()).collect();
        assert_eq!(of_types.into_iter().collect::<Vec<_>>(), FORMATS);
        assert!(IMAGE_TYPES.is_sorted());
    }

    #[test]
    fn types_and_formats_go_together() {
        for (image_type, format, fits) in [
            ("qcow2", "qcow2", true),
            ("boot", "iso", true),
            ("boot", "qcow2", false),
            ("kvm", "anything", true),
            ("vpc", "vhdfixed", false),
            ("frob", "qcow2", false),
        ] {
            assert_eq!(type_takes_format(image_type, format), fits, "{image_type} {format}");
        }
    }
}
