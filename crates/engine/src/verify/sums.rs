//! *Sum files* beside images: `SHA256 (NAME) = DIGEST` as BSD writes it, `DIGEST  NAME` as coreutils do, signed or not.

use super::files::{Files, Read};
use super::{Kind, Problems};
use magudi_compose::confined::{self, directory_of};
use magudi_compose::images::Images;
use magudi_config::regular;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read as _};
use std::path::Path;

/// The largest sum file that is read, in bytes.
const MAX_BYTES: u64 = 16 << 20;

/// A line of a sum file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sum {
    /// Path of the sum file below `compose`.
    by: String,
    algorithm: String,
    /// Path of the file below `compose`.
    path: String,
    digest: String,
}

/// The sum files of the directories that have images.
#[derive(Debug, Default)]
pub(super) struct SumFiles {
    sums: Vec<Sum>,
    /// Directories that have any.
    directories: BTreeSet<String>,
}

pub(super) fn is_sum_file(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let ends = ["sum", "sums", "checksum", "checksums", "checksum.asc", ".md5", ".sha1", ".sha256", ".sha512"];
    ends.iter().any(|end| lower.ends_with(end))
}

/// Reads the sum files of `directories`, which are paths below `compose`.
pub(super) fn load(compose: &Path, directories: &BTreeSet<&str>, problems: &mut Problems) -> SumFiles {
    let mut all = SumFiles::default();
    for directory in directories {
        // What cannot be found has been reported of its images, and the top of a compose has no sum files.
        let Ok(place) = confined::find(compose, directory) else { continue };
        let entries = std::fs::read_dir(&place).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        for name in names.filter(|name| is_sum_file(name)).collect::<BTreeSet<String>>() {
            let by = format!("{directory}/{name}");
            match confined::find(compose, &by)
                .map_err(|error| error.to_string())
                .and_then(|place| load_text(&place).map_err(|error| error.to_string()))
            {
                Ok(text) => {
                    all.directories.insert((*directory).to_owned());
                    all.sums.extend(parse(&text).filter_map(|line| line.in_directory(directory, &by, problems)));
                }
                Err(problem) => problems.add(Kind::SumFile, by, problem),
            }
        }
    }
    all
}

fn load_text(place: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    regular::open(place)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::Error::other(format!("it is larger than {} MiB", MAX_BYTES >> 20)));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[derive(Debug, PartialEq, Eq)]
struct Line<'t> {
    algorithm: String,
    name: &'t str,
    digest: &'t str,
}

/// The lines that are sums; comments, signatures and empty ones are none.
fn parse(text: &str) -> impl Iterator<Item = Line<'_>> {
    text.lines().filter_map(|line| bsd(line).or_else(|| coreutils(line)))
}

fn is_digest(text: &str) -> bool {
    text.len() >= 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// `SHA256 (NAME) = DIGEST`.
fn bsd(line: &str) -> Option<Line<'_>> {
    let (algorithm, rest) = line.split_once(" (")?;
    let (name, digest) = rest.rsplit_once(") = ")?;
    let is_word = !algorithm.is_empty() && algorithm.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let digest = digest.trim();
    (is_word && is_digest(digest)).then(|| Line { algorithm: algorithm.to_ascii_lowercase(), name, digest })
}

/// `DIGEST  NAME` or `DIGEST *NAME`; the length says by which algorithm.
fn coreutils(line: &str) -> Option<Line<'_>> {
    let (digest, rest) = line.split_once(' ')?;
    let name = rest.strip_prefix([' ', '*'])?;
    let algorithm = match digest.len() {
        32 => "md5",
        40 => "sha1",
        56 => "sha224",
        64 => "sha256",
        96 => "sha384",
        128 => "sha512",
        _ => return None,
    };
    (is_digest(digest) && !name.is_empty()).then(|| Line { algorithm: algorithm.to_owned(), name, digest })
}

impl Line<'_> {
    fn in_directory(self, directory: &str, by: &str, problems: &mut Problems) -> Option<Sum> {
        let name = self.name.strip_prefix("./").unwrap_or(self.name);
        if name.contains('/') || confined::plain(name).is_err() {
            problems.add(Kind::SumFile, by, format!("it lists `{name}`, which is not a file name"));
            return None;
        }
        let (by, path) = (by.to_owned(), format!("{directory}/{name}"));
        Some(Sum { by, algorithm: self.algorithm, path, digest: self.digest.to_owned() })
    }
}

impl SumFiles {
    /// Wants computed what they say.
    pub fn want<'a>(&'a self, files: &mut Files<'a>) {
        for sum in &self.sums {
            files.want(&sum.path, &sum.algorithm);
        }
    }

    /// Compares what they say with what was computed, where nothing was with images.json.
    pub fn compare(&self, images: &Images, read: &Read, problems: &mut Problems) {
        let mut listed: BTreeMap<&str, Vec<&magudi_compose::Image>> = BTreeMap::new();
        for (_, _, image) in images.iter() {
            listed.entry(&image.path).or_default().push(image);
        }
        let mut summed = BTreeSet::new();
        for sum in &self.sums {
            summed.insert(sum.path.as_str());
            let name = sum.path.rsplit('/').next().unwrap_or_default();
            let says = |algorithm: &str| {
                listed.get(sum.path.as_str())?.iter().find_map(|image| image.checksums.get(algorithm))
            };
            let computed = read.digest(&sum.path, &sum.algorithm);
            let (found, whose) = match (computed, says(&sum.algorithm)) {
                (Some(computed), _) => (computed, "the file has"),
                (None, Some(says)) => (says.as_ref(), "images.json says"),
                (None, None) => continue,
            };
            if !found.eq_ignore_ascii_case(&sum.digest) {
                let text =
                    format!("it says that the {} of {name} is {}, and {whose} {found}", sum.algorithm, sum.digest);
                problems.add(Kind::SumFile, &sum.by, text);
            }
        }
        for path in
            listed.keys().filter(|path| self.directories.contains(directory_of(path)) && !summed.contains(*path))
        {
            problems.add(Kind::SumFile, *path, "no sum file beside it lists it");
        }
    }

    /// Path of each sum file, and of each file that it lists.
    pub fn listed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.sums.iter().map(|sum| (sum.by.as_str(), sum.path.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_writing_are_read_and_the_rest_is_not() {
        let (md5, sha256) = ("0".repeat(32), "aB".repeat(32));
        let text = format!(
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n# a.iso: 7 bytes\nSHA256 (a (1).iso) = {sha256}\n\
             {md5}  b c.iso\n{sha256} *d.iso\n{md5} e\nMD5 (f) = short\nSHA3_256 (g) = {sha256}\n\
             -----BEGIN PGP SIGNATURE-----\n\niQIzBAEBCAAdFiEE\n-----END PGP SIGNATURE-----\n"
        );
        let found: Vec<(String, &str)> = parse(&text).map(|line| (line.algorithm, line.name)).collect();
        let want = [("sha256", "a (1).iso"), ("md5", "b c.iso"), ("sha256", "d.iso"), ("sha3_256", "g")];
        assert_eq!(found, want.map(|(algorithm, name)| (algorithm.to_owned(), name)));
    }

    #[test]
    fn sum_files_are_known_by_their_names() {
        for name in ["SHA256SUM", "a.iso.SHA256SUM", "Fedora-Server-39-1.5-x86_64-CHECKSUM", "MD5SUMS", "a.iso.sha256"]
        {
            assert!(is_sum_file(name), "{name}");
        }
        for name in ["a.iso", "sums.qcow2", "a.iso.manifest"] {
            assert!(!is_sum_file(name), "{name}");
        }
    }
}
