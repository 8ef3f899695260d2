//! *Image types*: what osbuild-composer is asked for, and what archive type the result usually has (the table of recorded
//! builds). Composer may know more; what is not here is left alone.

/// Image type, archive type, suffix of the file.
const TABLE: &[(&str, &str, &str)] = &[
    ("qcow2", "qcow2", "qcow2"),
    ("guest-image", "qcow2", "qcow2"),
    ("openstack", "qcow2", "qcow2"),
    ("ami", "raw-xz", "raw.xz"),
    ("ec2", "raw-xz", "raw.xz"),
    ("rhel-ec2", "raw-xz", "raw.xz"),
    ("edge-raw-disk", "raw-xz", "raw.xz"),
    ("vhd", "vpc", "vhd"),
    ("azure", "vpc", "vhd"),
    ("azure-rhui", "vhd-compressed", "vhd.xz"),
    ("azure-gz", "vhd-compressed", "vhd.gz"),
    ("gce", "tar-gz", "tar.gz"),
    ("raw", "raw", "raw"),
    ("vmdk", "vmdk", "vmdk"),
    ("ova", "vsphere-ova", "vsphere.ova"),
    ("image-installer", "iso", "iso"),
    ("edge-installer", "iso", "iso"),
    ("live-installer", "iso", "iso"),
    ("iot-installer", "iso", "iso"),
    ("docker", "docker", "tar.xz"),
    ("container", "tar", "tar"),
    ("libvirt-box", "vagrant-libvirt", "vagrant-libvirt.box"),
    ("wsl", "wsl", "wsl"),
];

/// The archive type that an image type usually gives.
pub fn archive_type(image_type: &str) -> Option<&'static str> {
    TABLE.iter().find(|(name, _, _)| *name == image_type).map(|(_, archive, _)| *archive)
}

/// The format, which is also the end of the file's name, that an image type usually gives.
pub fn format(image_type: &str) -> Option<&'static str> {
    TABLE.iter().find(|(name, _, _)| *name == image_type).map(|(_, _, format)| *format)
}
