//! The *ending* of a file's name says which image it is, for the builders of Koji whose hubs know no more of it (facts:
//! builders 12, live-media 3, image-build 3). As in Pungi an ending needs no dot before it.

use magudi_compose::images::{FORMATS, type_takes_format};
use magudi_engine::artifact::{Artifact, BuiltFile};
use magudi_engine::plan::TaskRequest;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileEnding {
    pub ending: &'static str,
    pub image_type: &'static str,
    /// The format, which is not always the ending.
    pub format: &'static str,
}

/// A row whose format is the ending.
pub const fn plain(ending: &'static str, image_type: &'static str) -> FileEnding {
    FileEnding { ending, image_type, format: ending }
}

/// What every builder may make. The image types are the formats that Koji's own `image` tasks are asked for.
pub const COMMON: &[FileEnding] = &[
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

/// A medium that boots (facts: builders 16).
pub const ISO: FileEnding = FileEnding { ending: ".iso", image_type: "boot", format: "iso" };

/// What a file becomes by its ending: one of a builder's `own`, or of the common ones, or [`named`].
pub fn describe(own: &[FileEnding], request: &TaskRequest, file: &BuiltFile) -> Option<Artifact> {
    let Some(row) = own.iter().chain(COMMON).find(|row| file.name.ends_with(row.ending)) else {
        return named(request, file);
    };
    let given = request.about.manifest_type.as_deref();
    Some(artifact(file, given.unwrap_or(row.image_type), row.format))
}

/// What a file becomes that no table takes for an image: nothing without a `manifest_type`; with one, an image if its name ends in a
/// format that readers of images.json expect of that.
pub fn named(request: &TaskRequest, file: &BuiltFile) -> Option<Artifact> {
    let given = request.about.manifest_type.as_deref()?;
    let is_of = |format: &&&str| file.name.ends_with(&format!(".{format}")) && type_takes_format(given, format);
    let format = FORMATS.iter().filter(is_of).max_by_key(|format| format.len())?;
    Some(artifact(file, given, format))
}

fn artifact(file: &BuiltFile, image_type: &str, format: &str) -> Artifact {
    let (arch, is_iso) = (file.arch.clone().unwrap_or_default(), format == "iso");
    Artifact { arch, image_type: image_type.to_owned(), format: format.to_owned(), is_iso, bootable: is_iso }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::osbuild;
    use crate::phase::ImagePhase as _;
    use magudi_engine::plan::{About, Keywords, Opts};

    /// What a file of an archive type becomes: type and format.
    fn of_osbuild(manifest_type: Option<&str>, archive_type: &str, name: &str) -> Option<(String, String)> {
        let request = TaskRequest {
            phase: osbuild::NAME,
            variant: "Server".into(),
            subvariant: "Server".into(),
            failable: false,
            method: &osbuild::METHOD,
            args: Vec::new(),
            keywords: Keywords::of_opts(Opts::default()),
            about: About { manifest_type: manifest_type.map(Into::into), ..About::default() },
        };
        let file = BuiltFile {
            name: name.into(),
            path: format!("p/{name}"),
            arch: Some("x86_64".into()),
            archive_type: Some(archive_type.into()),
            fixity: None,
        };
        let artifact = osbuild::Osbuild.describe(&request, &file).unwrap()?;
        Some((artifact.image_type, artifact.format))
    }

    #[test]
    fn what_pungi_leaves_out_goes_in_when_it_has_a_manifest_type() {
        let image = |kind: &str, format: &str| Some((kind.to_owned(), format.to_owned()));
        assert_eq!(of_osbuild(None, "wsl", "a.x86_64.wsl"), image("wsl2", "wsl"));
        assert_eq!(of_osbuild(None, "vhd-compressed", "a.vhdfixed.xz"), image("vhd-compressed", "vhdfixed.xz"));
        for (kind, name) in [("tar", "a.x86_64.tar"), ("oci", "a.ociarchive"), ("json", "a.json")] {
            assert_eq!(of_osbuild(None, kind, name), None, "{name}");
        }
        assert_eq!(of_osbuild(Some("wsl2"), "tar", "a.x86_64.tar"), image("wsl2", "tar"));
        assert_eq!(of_osbuild(Some("container"), "oci", "a.ociarchive"), image("container", "ociarchive"));
        // A type of which readers expect something else, and what belongs to every build.
        assert_eq!(of_osbuild(Some("qcow2"), "tar", "a.x86_64.tar"), None);
        assert_eq!(of_osbuild(Some("wsl2"), "json", "a.wsl.json"), None);
        assert_eq!(of_osbuild(Some("wsl2"), "tar", "atar"), None);
    }
}
