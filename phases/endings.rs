//! The *ending* of a file's name says which image it is, for the builders of Koji whose hubs know no more of it (PHASES.md 5,
//! PHASES3.md 4). As in Pungi an ending needs no dot before it.

use magudi_compose::images::{FORMATS, type_takes_format};
use magudi_engine::artifact::{Artifact, BuiltFile};
use magudi_engine::plan::TaskRequest;

/// What a file with an ending is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// The end of its name.
    pub ending: &'static str,
    /// The image type.
    pub image_type: &'static str,
    /// The format, which is not always the ending.
    pub format: &'static str,
}

/// A row whose format is the ending.
pub const fn plain(ending: &'static str, image_type: &'static str) -> Ending {
    Ending { ending, image_type, format: ending }
}

/// What every builder may make. The image types are the formats that Koji's own `image` tasks are asked for.
pub const COMMON: &[Ending] = &[
    plain("tar.xz", "docker"),
    plain("liveimg.squashfs", "liveimg-squashfs"),
    plain("qcow", "qcow"),
    plain("qcow2", "qcow2"),
    plain("raw", "raw"),
    plain("raw.xz", "raw-xz"),
    plain("rhevm.ova", "rhevm-ova"),
    plain("tar.gz", "tar-gz"),
    plain("vagrant-hyperv.box", "vagrant-hyperv"),
    plain("vagrant-libvirt.box", "vagrant-libvirt"),
    plain("vagrant-virtualbox.box", "vagrant-virtualbox"),
    plain("vagrant-vmware-fusion.box", "vagrant-vmware-fusion"),
    plain("vdi", "vdi"),
    plain("vmdk", "vmdk"),
    plain("vhd", "vpc"),
    plain("vsphere.ova", "vsphere-ova"),
];

/// A medium that boots.
pub const ISO: Ending = Ending { ending: ".iso", image_type: "boot", format: "iso" };

/// What a file becomes by its ending: one of a builder's `own`, or of the common ones. With a `manifest_type` that readers of
/// images.json expect another format of, a file of that format is an image too.
pub fn describe(own: &[Ending], request: &TaskRequest, file: &BuiltFile) -> Option<Artifact> {
    let given = request.about.manifest_type.as_deref();
    let known = own.iter().chain(COMMON).find(|row| file.name.ends_with(row.ending));
    let (image_type, format) = match (known, given) {
        (Some(row), given) => (given.unwrap_or(row.image_type), row.format),
        (None, Some(given)) => {
            let is_of = |format: &&&str| file.name.ends_with(&format!(".{format}")) && type_takes_format(given, format);
            (given, *FORMATS.iter().filter(is_of).max_by_key(|format| format.len())?)
        }
        (None, None) => return None,
    };
    let is_iso = format == "iso";
    Some(Artifact {
        arch: file.arch.clone().unwrap_or_default(),
        image_type: image_type.to_owned(),
        format: format.to_owned(),
        is_iso,
        bootable: is_iso,
    })
}
