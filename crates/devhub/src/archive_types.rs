//! *Archive types*: what kinds of files a build may hold (facts: koji 19).
//!
//! The table is that of a new Koji database, and from 1001 on the types that the recorded composes need besides, or may have.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::wire::{Value, int, string, string_or_nil, structure};

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ArchiveType {
    pub(crate) id: i64,
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    /// File name extensions, separated by spaces.
    pub(crate) extensions: &'static str,
    /// `zip` or `tar` where Koji looks into the files.
    pub(crate) compression: Option<&'static str>,
}

const fn row(
    id: i64,
    name: &'static str,
    extensions: &'static str,
    compression: Option<&'static str>,
    description: &'static str,
) -> ArchiveType {
    ArchiveType { id, name, description, extensions, compression }
}

/// The type of files whose type a hub does not know; a strict one does not take them.
pub(crate) const OTHER: &str = "other";

pub(crate) static ARCHIVE_TYPES: &[ArchiveType] = &[
    row(1, "jar", "jar war rar ear sar jdocbook jdocbook-style", Some("zip"), "Jar file"),
    row(2, "zip", "zip", Some("zip"), "Zip file"),
    row(3, "pom", "pom", None, "Maven Project Object Management file"),
    row(4, "tar", "tar tar.gz tar.bz2 tar.xz tgz", Some("tar"), "Tar file"),
    row(5, "xml", "xml", None, "XML file"),
    row(6, "xmlcompressed", "xml.gz xml.bz2 xml.xz", None, "Compressed XML file"),
    row(7, "xsd", "xsd", None, "XML Schema Definition"),
    row(8, "spec", "spec", None, "RPM spec file"),
    row(9, "exe", "exe", None, "Windows executable"),
    row(10, "dll", "dll", None, "Windows dynamic link library"),
    row(11, "lib", "lib", None, "Windows import library"),
    row(12, "sys", "sys", None, "Windows device driver"),
    row(13, "inf", "inf", None, "Windows driver information file"),
    row(14, "cat", "cat", None, "Windows catalog file"),
    row(15, "msi", "msi", None, "Windows Installer package"),
    row(16, "pdb", "pdb", None, "Windows debug information"),
    row(17, "oem", "oem", None, "Windows driver oem file"),
    row(18, "iso", "iso", None, "CD/DVD Image"),
    row(19, "raw", "raw", None, "Raw disk image"),
    row(20, "qcow", "qcow", None, "QCOW image"),
    row(21, "qcow2", "qcow2", None, "QCOW2 image"),
    row(22, "vmdk", "vmdk", None, "vSphere image"),
    row(23, "ova", "ova", None, "Open Virtualization Archive"),
    row(24, "ks", "ks", None, "Kickstart"),
    row(25, "cfg", "cfg", None, "Configuration file"),
    row(26, "vdi", "vdi", None, "VirtualBox Virtual Disk Image"),
    row(27, "aar", "aar", None, "Binary distribution of an Android Library project"),
    row(28, "apklib", "apklib", None, "Source distribution of an Android Library project"),
    row(29, "cab", "cab", None, "Windows cabinet file"),
    row(30, "dylib", "dylib", None, "OS X dynamic library"),
    row(31, "gem", "gem", None, "Ruby gem"),
    row(32, "ini", "ini", None, "INI config file"),
    row(33, "js", "js", None, "Javascript file"),
    row(34, "ldif", "ldif", None, "LDAP Data Interchange Format file"),
    row(35, "manifest", "manifest", None, "Runtime environment for .NET applications"),
    row(36, "msm", "msm", None, "Windows merge module"),
    row(37, "properties", "properties", None, "Properties file"),
    row(38, "sig", "sig signature", None, "Signature file"),
    row(39, "so", "so", None, "Shared library"),
    row(40, "txt", "txt", None, "Text file"),
    row(41, "vhd", "vhd", None, "Hyper-V image"),
    row(42, "vhdx", "vhdx", None, "Hyper-V Virtual Hard Disk v2 image"),
    row(43, "wsf", "wsf", None, "Windows script file"),
    row(44, "box", "box", None, "Vagrant Box Image"),
    row(45, "raw-xz", "raw.xz", None, "xz compressed raw disk image"),
    row(46, "json", "json", None, "JSON data"),
    row(47, "key", "key", None, "Key file"),
    row(48, "dot", "dot gv", None, "DOT graph description"),
    row(49, "groovy", "groovy gvy", None, "Groovy script file"),
    row(50, "batch", "bat", None, "Batch file"),
    row(51, "shell", "sh", None, "Shell script"),
    row(52, "rc", "rc", None, "Resource file"),
    row(53, "wsdl", "wsdl", None, "Web Services Description Language"),
    row(54, "obr", "obr", None, "OSGi Bundle Repository"),
    row(55, "liveimg-squashfs", "liveimg.squashfs", None, "liveimg compatible squashfs image"),
    row(56, "tlb", "tlb", None, "OLE type library file"),
    row(57, "jnilib", "jnilib", None, "Java Native Interface library"),
    row(58, "yaml", "yaml yml", None, "YAML Ain't Markup Language"),
    row(59, "xjb", "xjb", None, "JAXB(Java Architecture for XML Binding) Binding Customization File"),
    row(60, "raw-gz", "raw.gz", None, "GZIP compressed raw disk image"),
    row(61, "qcow2-compressed", "qcow2.gz qcow2.xz", None, "Compressed QCOW2 image"),
    row(62, "iso-compressed", "iso.gz iso.xz", None, "Compressed iso image"),
    row(63, "vhd-compressed", "vhd.gz vhd.xz", None, "Compressed VHD image"),
    row(64, "vhdx-compressed", "vhdx.gz vhdx.xz", None, "Compressed VHDx image"),
    row(65, "vmdk-compressed", "vmdk.gz vmdk.xz", None, "Compressed VMDK image"),
    row(66, "kernel-image", "vmlinuz vmlinuz.gz vmlinuz.xz", None, "Kernel BZ2 Image"),
    row(67, "initramfs", "img", None, "Compressed Initramfs Image"),
    row(68, "checksum", "sha256", None, "Checksum file"),
    row(69, "changes", "changes.xz changes", None, "Kiwi changes file"),
    row(70, "packages", "packages", None, "Kiwi packages listing"),
    row(71, "verified", "verified", None, "Kiwi verified package list"),
    row(72, "erofs", "erofs", None, "erofs image"),
    row(73, "erofs-compressed", "erofs.gz erofs.xz", None, "Compressed erofs image"),
    row(74, "squashfs", "squashfs", None, "SquashFS image"),
    row(75, "squashfs-compressed", "squashfs.gz squashfs.xz", None, "Compressed SquashFS image"),
    row(76, "wsl", "wsl", None, "Compressed tarball for Windows Subsystem for Linux"),
    row(1001, "vpc", "vpc", None, "Virtual PC disk image"),
    row(1002, "tar-gz", "tar.gz", None, "Gzip compressed tar file"),
    row(1003, "vsphere-ova", "vsphere.ova", None, "vSphere OVA"),
    row(1004, "docker", "docker.tar.xz", None, "Docker image"),
    row(1005, "vagrant-libvirt", "vagrant-libvirt.box", None, "Vagrant box for libvirt"),
    row(1006, OTHER, "", None, "A file of a type that a hub does not know"),
    // What an administrator may have added: only a scenario says that a file is of these.
    row(1007, "oci", "", None, "OCI archive"),
    row(1008, "ociarchive", "", None, "OCI archive by its other name"),
    row(1009, "raw-zst", "", None, "zstd compressed raw disk image"),
];

impl ArchiveType {
    /// The struct of `getArchiveType`.
    pub(crate) fn to_value(&self) -> Value {
        structure([
            ("compression_type", string_or_nil(self.compression)),
            ("description", string(self.description)),
            ("extensions", string(self.extensions)),
            ("id", int(self.id)),
            ("name", string(self.name)),
        ])
    }
}

/// The type called `name`.
pub(crate) fn by_name(name: &str) -> Option<&'static ArchiveType> {
    ARCHIVE_TYPES.iter().find(|t| t.name == name)
}

/// The type with the id `id`.
pub(crate) fn by_id(id: i64) -> Option<&'static ArchiveType> {
    ARCHIVE_TYPES.iter().find(|t| t.id == id)
}

/// The types of a new database by extension; the first that has it counts.
static BY_EXTENSION: LazyLock<HashMap<&str, &ArchiveType>> = LazyLock::new(|| {
    let types = ARCHIVE_TYPES.iter().filter(|t| t.id < 1000).rev();
    types.flat_map(|t| t.extensions.split(' ').map(move |extension| (extension, t))).collect()
});

/// The type of a file: the longest extension is tried first, lower-cased, in a new database's types only.
pub(crate) fn of_file(filename: &str) -> Option<&'static ArchiveType> {
    let lower = filename.to_lowercase();
    lower.match_indices('.').find_map(|(dot, _)| BY_EXTENSION.get(&lower[dot + 1..]).copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_files() {
        for (file, name) in [
            ("a.liveimg.squashfs", Some("liveimg-squashfs")),
            ("a.img", Some("initramfs")),
            ("N-1-1.x86_64.RAW.XZ", Some("raw-xz")),
            ("a.tar.xz", Some("tar")),
            ("a.tar.zst", None),
            ("a.vhdfixed", None),
            ("noext", None),
        ] {
            assert_eq!(of_file(file).map(|t| t.name), name, "{file}");
        }
    }

    #[test]
    fn ids_and_names_are_unique() {
        for t in ARCHIVE_TYPES {
            assert_eq!(by_name(t.name), Some(t));
            assert_eq!(by_id(t.id), Some(t));
        }
    }
}
