//! What a compose had made and does not have any more: images that were renamed, or that are not asked for now. Their files go, and their
//! sum files, once no manifest lists them.

use magudi_compose::confined;
use magudi_compose::layout::ComposeDir;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

/// Removes the files of `images` (paths below `compose/`), and those that hold nothing but their sums. `algorithms` are those of the
/// sums. Returns what could not be removed, in words.
pub fn remove(images: &BTreeSet<String>, algorithms: &[String], dir: &ComposeDir) -> Vec<String> {
    let mut problems = Vec::new();
    let mut drop = |path: &Path| match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            problems.push(format!("cannot remove {}: {error}", path.display()));
        }
        _ => {}
    };
    let compose = dir.compose();
    let mut directories: BTreeSet<&Path> = BTreeSet::new();
    for image in images {
        // What a journal says is not trusted to be inside.
        let Ok(path) = confined::plain(image) else { continue };
        let Ok(directory) = confined::find(&compose, &path.parent().unwrap_or(path).to_string_lossy()) else {
            continue;
        };
        let Some(name) = path.file_name() else { continue };
        drop(&directory.join(name));
        for algorithm in algorithms {
            let mut sum = name.to_owned();
            sum.push(format!(".{}SUM", algorithm.to_uppercase()));
            drop(&directory.join(sum));
        }
        directories.extend(path.parent());
    }
    for directory in directories {
        for sum in sums(&compose.join(directory)) {
            let Ok(text) = fs::read_to_string(&sum) else { continue };
            let mut files = text.lines().filter_map(|line| line.strip_prefix("# ")?.rsplit_once(": ")).peekable();
            let is_dropped = |file: &str| images.contains(&directory.join(file).to_string_lossy().into_owned());
            if files.peek().is_some() && files.all(|(file, _)| is_dropped(file)) {
                drop(&sum);
            }
        }
    }
    problems
}

fn sums(directory: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let is_sum = |entry: &fs::DirEntry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        (name.ends_with("SUM") || name.ends_with("CHECKSUM")) && entry.file_type().is_ok_and(|kind| kind.is_file())
    };
    entries.filter(is_sum).map(|entry| entry.path()).collect()
}
