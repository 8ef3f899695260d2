//! *Sweeping* a compose directory: what a run that was killed left half-written goes away before the next one begins.

use crate::layout::ComposeDir;
use crate::write::TEMPORARY;
use rayon::prelude::*;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// Removes the temporary files that a run which was killed left in the directories that runs write to. Only for the one who
/// holds the compose's lock. A file that cannot be removed is left: it does no harm. Directories to which a link leads out of
/// the compose are not ours.
pub fn remove_leftovers(dir: &ComposeDir) {
    let mut places = vec![dir.top().to_path_buf(), dir.metadata(), dir.work_global(), dir.logs_global()];
    places.push(dir.config_copy_dir());
    for variant in entries(&dir.compose()) {
        for arch in entries(&variant) {
            places.extend([arch.join("images"), arch.join("iso")]);
        }
    }
    let Ok(top) = fs::canonicalize(dir.top()) else { return };
    places.retain(|place| fs::canonicalize(place).is_ok_and(|place| place.starts_with(&top)));
    // Some have thousands of files.
    places.par_iter().for_each(|place| sweep(place));
}

/// Removes the temporary files in a directory.
fn sweep(place: &Path) {
    let is_ours = |name: &OsStr| name.as_encoded_bytes().starts_with(TEMPORARY.as_bytes());
    let files = fs::read_dir(place).into_iter().flatten().flatten().filter(|entry| is_ours(&entry.file_name()));
    for file in files.map(|entry| entry.path()) {
        if file.symlink_metadata().is_ok_and(|meta| meta.is_file() || meta.is_symlink()) {
            let _ = fs::remove_file(file);
        }
    }
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_run_left_is_swept_and_nothing_else() {
        let top = tempfile::tempdir().unwrap();
        let dir = ComposeDir::at(top.path());
        let images = dir.compose().join("Server/x86_64/images");
        for place in [dir.metadata(), images.clone()] {
            fs::create_dir_all(&place).unwrap();
            fs::write(place.join(".magudi-R9IZQ2.tmp"), "torn").unwrap();
            fs::write(place.join("disk.qcow2"), "whole").unwrap();
        }
        let elsewhere = tempfile::tempdir().unwrap();
        fs::create_dir(elsewhere.path().join("images")).unwrap();
        let theirs = elsewhere.path().join("images/.magudi-R9IZQ2.tmp");
        fs::write(&theirs, "theirs").unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), dir.compose().join("Server/aarch64")).unwrap();
        remove_leftovers(&dir);
        assert!(theirs.exists());
        assert_eq!(entries(&images), [images.join("disk.qcow2")]);
        assert_eq!(entries(&dir.metadata()).len(), 1);
    }
}
