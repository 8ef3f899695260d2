//! The *tree* of a compose: links that lead nowhere, files beside images that no manifest lists, and the paths of variants.

use super::sums::{SumFiles, is_sum_file};
use super::{Kind, Problems};
use magudi_compose::composeinfo::Composeinfo;
use magudi_compose::confined::{self, OutsideError, directory_of};
use magudi_compose::images::Images;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

/// How deep directories are looked into. Composes are far less deep.
const MAX_DEPTH: usize = 64;

/// Names of what other tools leave beside images: lists of an ISO's files, and descriptions for BitTorrent and jigdo.
const BESIDE: [&str; 4] = [".manifest", ".torrent", ".jigdo", ".template"];

/// Looks at every path of composeinfo.json.
pub(super) fn paths(compose: &Path, info: &Composeinfo, problems: &mut Problems) {
    for entry in info.paths() {
        let at = format!("{} of variant {}, {}", entry.field, entry.variant, entry.arch);
        let Some(path) = entry.path else {
            problems.add(Kind::Path, "metadata/composeinfo.json", format!("{at}: it is not a path"));
            continue;
        };
        match confined::find(compose, path) {
            Ok(_) => {}
            // It is there, wherever that is: nothing is read of it.
            Err(OutsideError::LeadsOut(_)) => {}
            Err(OutsideError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                if !entry.is_elsewhere {
                    problems.add(Kind::Path, path, format!("composeinfo.json has it as {at}, which is missing"));
                }
            }
            Err(error) => problems.add(Kind::Path, path, format!("composeinfo.json has it as {at}: {error}")),
        }
    }
}

/// Looks at everything that is in the compose.
pub(super) fn look(compose: &Path, images: &Images, sums: &SumFiles, problems: &mut Problems) {
    let listed: BTreeSet<&str> = images.iter().map(|(_, _, image)| image.path.as_str()).collect();
    let odd: BTreeSet<&str> = images.odd().iter().map(|odd| odd.path.as_str()).collect();
    let directories: BTreeSet<&str> = listed.iter().map(|path| directory_of(path)).collect();
    let mut tree = Tree { listed, odd, directories, files: BTreeSet::new(), problems };
    tree.walk(compose, "", 0);
    let Tree { files, problems, .. } = tree;
    for (by, path) in sums.listed().filter(|(_, path)| !files.contains(*path)) {
        let name = path.rsplit('/').next().unwrap_or_default();
        problems.add(Kind::SumFile, by, format!("it lists {name}, which is missing"));
    }
}

struct Tree<'a, 'p> {
    listed: BTreeSet<&'a str>,
    odd: BTreeSet<&'a str>,
    /// Directories that have listed images.
    directories: BTreeSet<&'a str>,
    /// What is there beside images.
    files: BTreeSet<String>,
    problems: &'p mut Problems,
}

impl Tree<'_, '_> {
    fn walk(&mut self, place: &Path, at: &str, depth: usize) {
        let entries = match std::fs::read_dir(place) {
            Ok(entries) => entries,
            Err(error) => return self.problems.add(Kind::Unread, at, error.to_string()),
        };
        let is_of_images = self.directories.contains(at) || is_image_directory(at);
        for entry in entries.flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if at.is_empty() { name.clone() } else { format!("{at}/{name}") };
            if kind.is_dir() {
                if depth < MAX_DEPTH {
                    self.walk(&entry.path(), &path, depth + 1);
                }
                continue;
            }
            if kind.is_symlink()
                && let Err(error) = entry.path().metadata()
            {
                let target = std::fs::read_link(entry.path()).unwrap_or_default();
                let text = match error.kind() {
                    io::ErrorKind::NotFound => {
                        format!("it is a symbolic link to {}, which does not exist", target.display())
                    }
                    _ => format!("it is a symbolic link to {}: {error}", target.display()),
                };
                self.problems.add(Kind::Link, &path, text);
            }
            if is_of_images {
                if !self.listed.contains(path.as_str()) && !self.odd.contains(path.as_str()) && !is_beside(&name) {
                    self.problems.add(Kind::Unlisted, &path, "it is next to images, but images.json does not list it");
                }
                self.files.insert(path);
            }
        }
    }
}

/// `VARIANT/ARCH/images` and `VARIANT/ARCH/iso`, where images are and nothing else.
fn is_image_directory(at: &str) -> bool {
    let mut parts = at.split('/');
    let (variant, arch, last) = (parts.next(), parts.next(), parts.next());
    variant.and(arch).is_some() && matches!(last, Some("images" | "iso")) && parts.next().is_none()
}

/// Whether a file of this name may lie beside images.
fn is_beside(name: &str) -> bool {
    name.starts_with('.') || is_sum_file(name) || BESIDE.iter().any(|end| name.ends_with(end))
}
