//! *Sanity* is that a file begins, or ends, as its format wants it: what was built from a broken description often is a file of
//! zeros, or an error page. Only signatures are looked at, a few sectors however large the file is.

use crate::images::Image;
use magudi_config::regular;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// What an image is listed as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim<'a> {
    /// The format, one of [`crate::images::FORMATS`].
    pub format: &'a str,
    pub arch: &'a str,
    /// Whether it boots.
    pub bootable: bool,
}

impl<'a> From<&'a Image> for Claim<'a> {
    fn from(image: &'a Image) -> Self {
        Self { format: &image.format, arch: &image.arch, bootable: image.bootable }
    }
}

/// Why a file cannot be what it is listed as.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Insanity {
    /// A signature is not there.
    #[error("its content is not {format}: {what}")]
    Signature {
        /// The format that is listed.
        format: String,
        /// What is not where it must be.
        what: &'static str,
    },
    /// A computer would find nothing to start.
    #[error("it is listed as bootable on {0}, and has no El Torito record, no MBR signature and no GPT header")]
    NotBootable(String),
}

/// Where the standard identifier of an ISO's first volume descriptor stands (facts: manifests 14).
const ISO_IDENTIFIER: u64 = 0x8001;
/// Where the volume descriptors of an ISO begin, and how far apart they are.
const ISO_DESCRIPTORS: u64 = 0x8000;
const ISO_SECTOR: u64 = 2048;
/// The most volume descriptors that are looked at: a damaged ISO may have no last one.
const MOST_DESCRIPTORS: u64 = 16;
/// The size of the footer of a VHD.
const VHD_FOOTER: u64 = 512;

/// Looks whether the file at `path` can be what it is listed as. The file is opened, and links to it are followed.
pub fn load_insanity(path: &Path, claim: Claim<'_>) -> io::Result<Option<Insanity>> {
    insanity(&regular::open(path)?, claim)
}

/// The same for an open file.
pub fn insanity(file: &File, claim: Claim<'_>) -> io::Result<Option<Insanity>> {
    let what = match claim.format {
        "iso" if !has(file, ISO_IDENTIFIER, b"CD001")? => Some("there is no CD001 at byte 0x8001"),
        "qcow2" if !has(file, 0, b"QFI\xfb")? => Some("it does not begin with QFI\\xfb"),
        "vhd" if !is_vhd(file)? => Some("neither its first nor its last 512 bytes begin with conectix"),
        format if is_packed(format, "xz") && !has(file, 0, b"\xfd7zXZ\0")? => Some("it does not begin as an xz stream"),
        format if is_packed(format, "gz") && !has(file, 0, b"\x1f\x8b")? => Some("it does not begin as a gzip stream"),
        _ => None,
    };
    if let Some(what) = what {
        return Ok(Some(Insanity::Signature { format: claim.format.to_owned(), what }));
    }
    // Of what is packed the first sectors are not at hand.
    let is_disk = matches!(claim.format, "iso" | "raw");
    let is_x86 = matches!(claim.arch, "x86_64" | "i386" | "i486" | "i586" | "i686");
    if claim.bootable && is_disk && is_x86 && !boots(file, claim.format)? {
        return Ok(Some(Insanity::NotBootable(claim.arch.to_owned())));
    }
    Ok(None)
}

/// Whether a format is the stream of a program that packs, `raw.xz` say.
fn is_packed(format: &str, packer: &str) -> bool {
    format.rsplit_once('.').is_some_and(|(_, last)| last == packer)
}

/// Whether the bytes `wanted` stand at `offset`; not, where the file is shorter.
fn has(file: &File, offset: u64, wanted: &[u8]) -> io::Result<bool> {
    let mut found = vec![0; wanted.len()];
    match file.read_exact_at(&mut found, offset) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        read => read.map(|()| found == wanted),
    }
}

/// One that grows has a copy of the footer in front, one of a fixed size has the footer alone.
fn is_vhd(file: &File) -> io::Result<bool> {
    let cookie = b"conectix";
    let Some(footer) = file.metadata()?.len().checked_sub(VHD_FOOTER) else { return Ok(false) };
    Ok(has(file, 0, cookie)? || has(file, footer, cookie)?)
}

/// Whether a BIOS or UEFI finds something to start.
fn boots(file: &File, format: &str) -> io::Result<bool> {
    if has(file, 510, b"\x55\xaa")? || has(file, 512, b"EFI PART")? || has(file, 4096, b"EFI PART")? {
        return Ok(true);
    }
    if format != "iso" {
        return Ok(false);
    }
    for number in 0..MOST_DESCRIPTORS {
        let at = ISO_DESCRIPTORS + number * ISO_SECTOR;
        if !has(file, at + 1, b"CD001")? {
            return Ok(false);
        }
        if has(file, at, b"\0CD001\x01EL TORITO SPECIFICATION")? {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes at their offset.
    type Piece<'a> = (u64, &'a [u8]);

    /// What is said of a file of `pieces`, and zeros between them.
    fn judged(format: &str, arch: &str, bootable: bool, pieces: &[Piece<'_>]) -> Option<String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(0x20000).unwrap();
        for (offset, bytes) in pieces {
            file.as_file().write_all_at(bytes, *offset).unwrap();
        }
        let claim = Claim { format, arch, bootable };
        load_insanity(file.path(), claim).unwrap().map(|insanity| insanity.to_string())
    }

    const ISO: Piece<'_> = (0x8000, b"\x01CD001");

    #[test]
    fn signatures_are_where_the_format_has_them() {
        for (format, offset, bytes, what) in [
            ("iso", 0x8001, &b"CD001"[..], "there is no CD001 at byte 0x8001"),
            ("qcow2", 0, b"QFI\xfb\0\0\0\x03", "QFI"),
            ("vhd", 0, b"conectix", "conectix"),
            ("vhd", 0x20000 - 512, b"conectix", "conectix"),
            ("raw.xz", 0, b"\xfd7zXZ\0", "an xz stream"),
            ("vhdfixed.xz", 0, b"\xfd7zXZ\0", "an xz stream"),
            ("tar.gz", 0, b"\x1f\x8b", "a gzip stream"),
        ] {
            assert_eq!(judged(format, "x86_64", false, &[(offset, bytes)]), None, "{format}");
            let problem = judged(format, "x86_64", false, &[(offset + 1, bytes)]).unwrap_or_default();
            assert!(problem.contains(what) && problem.contains(format), "{format}: {problem}");
        }
        // Of formats that begin in many ways, or that are unknown here, nothing is said.
        for format in ["raw", "tar", "wsl", "ociarchive", "vmdk", "xz", ""] {
            assert_eq!(judged(format, "x86_64", false, &[]), None, "{format}");
        }
    }

    #[test]
    fn what_boots_on_x86_has_something_to_start() {
        let el_torito: Piece<'_> = (0x8800, b"\0CD001\x01EL TORITO SPECIFICATION");
        let [mbr, gpt, gpt_4k]: [Piece<'_>; 3] = [(510, b"\x55\xaa"), (512, b"EFI PART"), (4096, b"EFI PART")];
        for piece in [el_torito, mbr, gpt, gpt_4k] {
            assert_eq!(judged("iso", "x86_64", true, &[ISO, piece]), None);
        }
        for piece in [mbr, gpt, gpt_4k] {
            assert_eq!(judged("raw", "i386", true, &[piece]), None);
        }
        let problem = judged("iso", "x86_64", true, &[ISO]).unwrap_or_default();
        assert!(problem.contains("bootable on x86_64"), "{problem}");
        assert!(judged("raw", "i386", true, &[]).is_some());
        // An El Torito record behind the end of the descriptors is none, and other arches start in other ways.
        assert!(judged("iso", "x86_64", true, &[ISO, (0x9000, el_torito.1)]).is_some());
        assert_eq!(judged("iso", "aarch64", true, &[ISO]), None);
        assert_eq!(judged("iso", "x86_64", false, &[ISO]), None);
        assert_eq!(judged("raw.xz", "x86_64", true, &[(0, b"\xfd7zXZ\0")]), None);
    }

    #[test]
    fn a_file_that_is_too_short_is_nothing() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for format in ["iso", "qcow2", "vhd", "raw.xz", "tar.gz"] {
            let claim = Claim { format, arch: "x86_64", bootable: false };
            assert!(load_insanity(file.path(), claim).unwrap().is_some(), "{format}");
        }
        let claim = Claim { format: "raw", arch: "x86_64", bootable: true };
        assert!(load_insanity(file.path(), claim).unwrap().is_some());
    }
}
