//! The *image_checksum* phase: sum files beside the images and checksums in images.json (facts: manifests 11).

use magudi_compose::confined::{ConfinedError, directory_of};
use magudi_compose::identity::ComposeIdentity;
use magudi_compose::images::{Image, Images};
use magudi_compose::layout::ComposeDir;
use magudi_compose::write::{Batch, WriteError};
use magudi_config::base_name::{self, BaseNameError};
use magudi_config::compose_config::ChecksumConfig;
use magudi_config::{Spanned, regular};
use magudi_engine::digest::{MultiDigest, UnknownAlgorithm};
use magudi_engine::stop::{Stop, Stopped};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

/// The phase's name on the command line and in logs.
pub const NAME: &str = "image_checksum";

/// Why sum files cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ChecksumError {
    #[error("media_checksum_one_file requires exactly one algorithm in media_checksums")]
    OneFile,
    #[error("{0} in media_checksums")]
    Algorithm(#[from] UnknownAlgorithm),
    #[error("media_checksum_base_filename: {0}")]
    BaseName(#[from] BaseNameError),
    /// What was filled in becomes part of a file name.
    #[error("media_checksum_base_filename makes `{}`, which is not a file name", .0.escape_debug())]
    NoFileName(String),
    #[error("cannot read {}: {error}", .path.display())]
    Read {
        path: PathBuf,
        #[source]
        error: io::Error,
    },
    #[error(transparent)]
    Stopped(#[from] Stopped),
    #[error(transparent)]
    Dir(#[from] ConfinedError),
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// One line pair of a sum file, in the order in which sum files are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Sum<'a> {
    file: &'a str,
    size: u64,
    algorithm: &'a str,
    digest: &'a str,
}

impl Sum<'_> {
    fn text(&self) -> String {
        let Self { file, size, algorithm, digest } = self;
        format!("# {file}: {size} bytes\n{} ({file}) = {digest}\n", algorithm.to_uppercase())
    }
}

/// Completes the checksums of `images` and writes the sum files of the directories that have one of the images in `own`
/// (paths below `compose/`); what other tools keep elsewhere is theirs. Each file is read at most once, and not at all
/// when its checksums were computed while it was fetched. `stop` ends it early, with an error.
pub fn run(
    images: &mut Images,
    own: &BTreeSet<String>,
    config: &ChecksumConfig,
    identity: &ComposeIdentity,
    dir: &ComposeDir,
    stop: &Stop,
) -> Result<(), ChecksumError> {
    let algorithms: Vec<&str> = config.algorithms.iter().map(Spanned::as_str).collect();
    if config.one_file && algorithms.len() != 1 {
        return Err(ChecksumError::OneFile);
    }
    let directories: BTreeSet<&str> = own.iter().map(|path| directory_of(path)).collect();
    hash_missing(images, &algorithms, dir, &directories, stop)?;
    let mut listed: BTreeMap<&str, Vec<(String, &Image)>> = BTreeMap::new();
    for (variant, arch, image) in images.iter() {
        let directory = directory_of(&image.path);
        if directories.contains(directory) {
            let base = base(config, identity, variant, arch, directory)?;
            listed.entry(directory).or_default().push((base, image));
        }
    }
    let compose = dir.compose();
    let batch = Batch::new(&compose);
    // One directory at a time on each processor: the sums of all of them together would be many.
    listed.par_iter().try_for_each(|(directory, images)| -> Result<(), ChecksumError> {
        let directory = compose.join(directory);
        // It was made with the image, by an earlier run perhaps.
        dir.make_dir(&directory)?;
        sum_files(images, &algorithms, config.one_file).into_iter().try_for_each(|(file, sums)| {
            stop.check()?;
            let text: String = sums.iter().map(Sum::text).collect();
            Ok(batch.write(&directory.join(file), text.as_bytes())?)
        })
    })?;
    if listed.is_empty() { Ok(()) } else { Ok(batch.finish()?) }
}

/// The sum files of one directory: name and lines. Before each image stands the base of the names of the directory's sum files.
fn sum_files<'a>(
    images: &'a [(String, &Image)],
    algorithms: &'a [&str],
    one_file: bool,
) -> BTreeMap<String, BTreeSet<Sum<'a>>> {
    let mut files: BTreeMap<String, BTreeSet<Sum<'a>>> = BTreeMap::new();
    for (base, image) in images {
        let file = image.path.rsplit('/').next().unwrap_or_default();
        for algorithm in algorithms {
            let Some(digest) = image.checksums.get(*algorithm) else { continue };
            let sum = Sum { file, size: image.size, algorithm, digest };
            let mut add = |name: String| files.entry(name).or_default().insert(sum);
            if one_file {
                add(format!("{base}CHECKSUM"));
            } else {
                let upper = algorithm.to_uppercase();
                add(format!("{file}.{upper}SUM"));
                add(format!("{base}{upper}SUM"));
            }
        }
    }
    files
}

/// Reads the files whose checksums are not all known, several at a time.
fn hash_missing(
    images: &mut Images,
    algorithms: &[&str],
    dir: &ComposeDir,
    directories: &BTreeSet<&str>,
    stop: &Stop,
) -> Result<(), ChecksumError> {
    let incomplete: BTreeSet<String> = images
        .iter()
        .filter(|(_, _, image)| directories.contains(directory_of(&image.path)))
        .filter(|(_, _, image)| algorithms.iter().any(|algorithm| !image.checksums.contains_key(*algorithm)))
        .map(|(_, _, image)| image.path.clone())
        .collect();
    let read: Vec<(String, BTreeMap<String, String>)> = incomplete
        .into_par_iter()
        .map(|path| {
            let file = dir.compose().join(&path);
            let digests = hash(&file, algorithms, stop)?;
            Ok((path, digests))
        })
        .collect::<Result<_, ChecksumError>>()?;
    let read: BTreeMap<String, BTreeMap<String, String>> = read.into_iter().collect();
    for (_, _, image) in images.iter_mut() {
        if let Some(digests) = read.get(&image.path) {
            image.checksums.extend(digests.iter().map(|(name, digest)| (name.as_str().into(), digest.as_str().into())));
        }
    }
    Ok(())
}

fn hash(path: &Path, algorithms: &[&str], stop: &Stop) -> Result<BTreeMap<String, String>, ChecksumError> {
    let cannot = |error| ChecksumError::Read { path: path.to_path_buf(), error };
    let digest = MultiDigest::new(algorithms.iter().copied())?;
    let mut file = regular::open(path).map_err(cannot)?;
    match digest.read_all(&mut file, &mut |_| Ok(stop.check()?)) {
        Ok(digests) => Ok(digests.values),
        Err(error) if Stopped::is_reason_of(&error) => Err(Stopped.into()),
        Err(error) => Err(cannot(error)),
    }
}

/// What stands before the name of a directory's sum file: `media_checksum_base_filename` filled in, and a dash.
fn base(
    config: &ChecksumConfig,
    identity: &ComposeIdentity,
    variant: &str,
    arch: &str,
    directory: &str,
) -> Result<String, ChecksumError> {
    let template = config.base_filename.as_str();
    if template.is_empty() {
        return Ok(String::new());
    }
    let label = identity.label.as_ref();
    // What Python makes of a label that there is not.
    let none = || "None".to_owned();
    let lookup = |key: &str| {
        Some(match key {
            "compose_id" => identity.id(),
            "release_short" => identity.release.short.clone(),
            "version" => identity.release.version.clone(),
            "date" => identity.date.clone(),
            "respin" => identity.respin.to_string(),
            "type" => identity.kind.as_str().to_owned(),
            "type_suffix" => identity.type_suffix().to_owned(),
            "label" => label.map_or_else(none, |label| label.as_str().to_owned()),
            "label_major_version" => label.map_or_else(none, |label| label.major().to_owned()),
            "variant" => variant.to_owned(),
            "arch" => arch.to_owned(),
            "dirname" if config.one_file => directory.rsplit('/').next()?.to_owned(),
            _ => return None,
        })
    };
    let base = base_name::format(template, &lookup)?;
    if base.contains(['/', '\0']) {
        return Err(ChecksumError::NoFileName(base));
    }
    Ok(format!("{base}-"))
}
