//! The *files* that images.json lists: each is read once, whatever the number of entries and sum files that want it read.

use super::{Depth, Kind, Problems, Progress};
use crate::digest::MultiDigest;
use magudi_compose::confined::{self, OutsideError};
use magudi_compose::images::Image;
use magudi_compose::sanity::{Claim, insanity};
use magudi_config::regular;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// A file on disk, whatever it is called: device and inode.
type Inode = (u64, u64);

/// A file that is to be read.
#[derive(Debug)]
struct Wanted<'a> {
    place: PathBuf,
    size: u64,
    images: Vec<&'a Image>,
    algorithms: BTreeSet<&'a str>,
}

#[derive(Debug, Default)]
pub(super) struct Files<'a> {
    wanted: BTreeMap<Inode, Wanted<'a>>,
    /// Paths below `compose` of what was found.
    found: HashMap<&'a str, Inode>,
}

#[derive(Debug, Default)]
pub(super) struct Read {
    /// Path -> algorithm -> digest.
    digests: HashMap<String, BTreeMap<String, String>>,
    /// How many bytes the files have.
    pub bytes: u64,
}

impl Read {
    /// The digest of the file at `path`, where it was computed.
    pub fn digest(&self, path: &str, algorithm: &str) -> Option<&str> {
        self.digests.get(path)?.get(algorithm).map(String::as_str)
    }
}

/// What came of reading one file.
struct Outcome<'a> {
    images: Vec<&'a Image>,
    digests: BTreeMap<String, String>,
    problems: Problems,
}

impl<'a> Files<'a> {
    /// Looks for the file of an image, and wants it read. True when it is somewhere on the web instead.
    pub fn add(&mut self, compose: &Path, image: &'a Image, depth: Depth, problems: &mut Problems) -> bool {
        let place = match place(compose, &image.path, depth) {
            Ok(place) => place,
            Err(OutsideError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                if image.address().is_some() {
                    return true;
                }
                problems.add(Kind::Missing, &image.path, "images.json lists it, but it is missing");
                return false;
            }
            Err(error @ OutsideError::LeadsOut(_)) => {
                problems.add(Kind::Unread, &image.path, format!("{error}; --follow-links reads it"));
                return false;
            }
            Err(error) => {
                problems.add(Kind::Unread, &image.path, error.to_string());
                return false;
            }
        };
        let metadata = match place.metadata() {
            Ok(metadata) => metadata,
            Err(error) => {
                problems.add(Kind::Unread, &image.path, error.to_string());
                return false;
            }
        };
        let (inode, size) = ((metadata.dev(), metadata.ino()), metadata.len());
        if metadata.is_file() && size != image.size {
            let text = format!("it has {size} bytes, but images.json says {}", image.size);
            problems.add(Kind::Size, &image.path, text);
        }
        let fresh = || Wanted { place, size, images: Vec::new(), algorithms: BTreeSet::new() };
        let wanted = self.wanted.entry(inode).or_insert_with(fresh);
        wanted.images.push(image);
        // A file of another size has another content, too; that needs no reading.
        if !depth.quick && size == image.size {
            wanted.algorithms.extend(image.checksums.keys().map(AsRef::as_ref));
        }
        self.found.insert(&image.path, inode);
        false
    }

    /// Wants a digest of the image at `path`, if there is one.
    pub fn want(&mut self, path: &str, algorithm: &'a str) {
        let wanted = self.found.get(path).and_then(|inode| self.wanted.get_mut(inode));
        if let Some(wanted) = wanted.filter(|wanted| wanted.images.iter().any(|image| image.size == wanted.size)) {
            wanted.algorithms.insert(algorithm);
        }
    }

    /// Reads all of them, as many at a time as there are processors, the largest first.
    pub fn read(self, depth: Depth, progress: &dyn Progress, problems: &mut Problems) -> Read {
        let mut wanted: Vec<Wanted<'_>> = self.wanted.into_values().collect();
        wanted.sort_by_key(|wanted| std::cmp::Reverse(wanted.size));
        let bytes = wanted.iter().map(|wanted| wanted.size).sum();
        if !depth.quick {
            progress.total(bytes);
        }
        let outcomes: Vec<Outcome<'_>> =
            wanted.into_par_iter().with_max_len(1).map(|wanted| read(wanted, depth, progress)).collect();
        let mut all = Read { bytes, ..Read::default() };
        for outcome in outcomes {
            problems.0.extend(outcome.problems.0);
            for image in outcome.images {
                all.digests.insert(image.path.clone(), outcome.digests.clone());
            }
        }
        all
    }
}

fn place(compose: &Path, path: &str, depth: Depth) -> Result<PathBuf, OutsideError> {
    match confined::find(compose, path) {
        Err(OutsideError::LeadsOut(place)) if depth.follow_links => Ok(place),
        other => other,
    }
}

fn read<'a>(wanted: Wanted<'a>, depth: Depth, progress: &dyn Progress) -> Outcome<'a> {
    let mut problems = Problems::default();
    let computable = |name: &&str| MultiDigest::new([*name]).is_ok();
    let (algorithms, unknown): (Vec<&str>, Vec<&str>) = wanted.algorithms.iter().copied().partition(computable);
    let mut digests = BTreeMap::new();
    match digest(&wanted, &algorithms, depth, progress, &mut problems) {
        Ok(values) => digests = values,
        Err(error) => wanted.images.iter().for_each(|image| {
            problems.add(Kind::Unread, &image.path, error.to_string());
        }),
    }
    for image in wanted.images.iter().filter(|image| image.size == wanted.size) {
        for (algorithm, listed) in image.checksums.iter() {
            match digests.get(&**algorithm) {
                Some(found) if !found.eq_ignore_ascii_case(listed) => {
                    let text = format!("its {algorithm} is {found}, but images.json says {listed}");
                    problems.add(Kind::Checksum, &image.path, text);
                }
                None if unknown.contains(&&**algorithm) => {
                    let text = format!("images.json has its {algorithm}, which cannot be computed here");
                    problems.add(Kind::Unread, &image.path, text);
                }
                _ => {}
            }
        }
    }
    Outcome { images: wanted.images, digests, problems }
}

/// The digests of a file, and whether it can be of its format.
fn digest(
    wanted: &Wanted<'_>,
    algorithms: &[&str],
    depth: Depth,
    progress: &dyn Progress,
    problems: &mut Problems,
) -> io::Result<BTreeMap<String, String>> {
    let mut file = regular::open(&wanted.place)?;
    for image in wanted.images.iter().filter(|_| !depth.any_format) {
        if let Some(problem) = insanity(&file, Claim::from(*image))? {
            problems.add(Kind::Format, &image.path, problem.to_string());
        }
    }
    if algorithms.is_empty() {
        return Ok(BTreeMap::new());
    }
    let digest = MultiDigest::new(algorithms.iter().copied()).map_err(io::Error::other)?;
    let read = digest.read_all(&mut file, &mut |bytes| {
        progress.read(bytes);
        Ok(())
    })?;
    Ok(read.values)
}
