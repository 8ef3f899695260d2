//! An *ISO image* says in its own header what it is called and which checksum was implanted in it; images.json repeats both.

use magudi_config::regular;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// What the header of an ISO 9660 image says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IsoHeader {
    /// The volume id, without the blanks that fill its field; `None` when it is empty.
    pub volume_id: Option<String>,
    /// The checksum that `implantisomd5` left, 32 hexadecimal digits in lower case; `None` when there is none.
    pub implant_md5: Option<String>,
}

/// The size of a sector, in bytes.
const SECTOR: usize = 2048;

/// The first sector of the volume descriptors.
const FIRST: u64 = 16;

/// The most descriptors that are looked at; images have two or three.
const MOST_DESCRIPTORS: u64 = 16;

/// Type of the primary volume descriptor, and of the one that ends them.
const PRIMARY: u8 = 1;
const TERMINATOR: u8 = 255;

/// Where a descriptor has the volume id, and the field for applications that `implantisomd5` uses.
const VOLUME_ID: std::ops::Range<usize> = 40..72;
const APPLICATION_USE: std::ops::Range<usize> = 883..1395;

/// What stands before an implanted checksum.
const IMPLANT: &str = "ISO MD5SUM = ";

/// Reads the header of the ISO image at `path`; `None` when the file is not an ISO 9660 image. Reads a few sectors, however
/// large the file is.
pub fn load_iso_header(path: &Path) -> io::Result<Option<IsoHeader>> {
    let file = regular::open(path)?;
    let mut sector = [0; SECTOR];
    for number in FIRST..FIRST + MOST_DESCRIPTORS {
        match file.read_exact_at(&mut sector, number * SECTOR as u64) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        match (sector[0], &sector[1..6]) {
            (PRIMARY, b"CD001") => return Ok(Some(parse(&sector))),
            (TERMINATOR, b"CD001") => return Ok(None),
            (_, b"CD001") => {}
            _ => return Ok(None),
        }
    }
    Ok(None)
}

fn parse(descriptor: &[u8; SECTOR]) -> IsoHeader {
    let text = |range: std::ops::Range<usize>| String::from_utf8_lossy(&descriptor[range]).into_owned();
    let volume_id = text(VOLUME_ID);
    // The field is filled with blanks, by some programs with zeros.
    let volume_id = volume_id.trim_end_matches([' ', '\0']);
    // Manifests are read by people and programs that expect no more than a name.
    let volume_id = Some(volume_id).filter(|id| !id.is_empty() && !id.contains(char::is_control)).map(str::to_owned);
    let notes = text(APPLICATION_USE);
    let implanted = notes.split(';').find_map(|note| note.trim().strip_prefix(IMPLANT));
    let is_md5 = |sum: &&str| sum.len() == 32 && sum.bytes().all(|digit| digit.is_ascii_hexdigit());
    IsoHeader { volume_id, implant_md5: implanted.map(str::trim).filter(is_md5).map(str::to_lowercase) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A descriptor of the kind with a volume id and notes of an application.
    fn descriptor(kind: u8, id: &[u8], notes: &[u8]) -> Vec<u8> {
        let mut sector = vec![b' '; SECTOR];
        sector[0] = kind;
        sector[1..6].copy_from_slice(b"CD001");
        sector[VOLUME_ID][..id.len()].copy_from_slice(id);
        sector[APPLICATION_USE][..notes.len()].copy_from_slice(notes);
        sector
    }

    fn read(descriptors: &[Vec<u8>]) -> Option<IsoHeader> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), [vec![0; FIRST as usize * SECTOR], descriptors.concat()].concat()).unwrap();
        load_iso_header(file.path()).unwrap()
    }

    #[test]
    fn name_and_implanted_checksum_are_found() {
        let notes =
            b"ISO MD5SUM = 0123456789ABCDEF0123456789abcdef;SKIPSECTORS = 15;RHLISOSTATUS=0;FRAGMENT SUMS = 00;";
        let header = |id: Option<&str>, sum: Option<&str>| {
            Some(IsoHeader { volume_id: id.map(str::to_owned), implant_md5: sum.map(str::to_owned) })
        };
        let sum = Some("0123456789abcdef0123456789abcdef");
        assert_eq!(read(&[descriptor(PRIMARY, b"Fedora-43", notes)]), header(Some("Fedora-43"), sum));
        // A boot record may come first.
        let boot = descriptor(0, b"", b"");
        assert_eq!(read(&[boot, descriptor(PRIMARY, b"A B\0\0", notes)]), header(Some("A B"), sum));
        assert_eq!(read(&[descriptor(PRIMARY, b"", b"")]), header(None, None));
        assert_eq!(read(&[descriptor(PRIMARY, b"x\x1b[2J", b"ISO MD5SUM = 0123;")]), header(None, None));
        assert_eq!(read(&[descriptor(PRIMARY, &[0xff; 32], b"")]), header(Some(&"\u{fffd}".repeat(32)), None));
    }

    #[test]
    fn other_files_are_no_isos() {
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[vec![7; SECTOR]]), None);
        assert_eq!(read(&[descriptor(TERMINATOR, b"", b""), descriptor(PRIMARY, b"late", b"")]), None);
        assert_eq!(read(&vec![descriptor(2, b"", b""); 40]), None, "a header without an end");
        let short = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(short.path(), "osbuild fake image").unwrap();
        assert_eq!(load_iso_header(short.path()).unwrap(), None);
        assert!(load_iso_header(Path::new("/nonexistent/x.iso")).is_err());
    }
}
