//! *Opening* a compose directory: making a new one, or continuing with one that is there.

use crate::composeinfo::composeinfo_base;
use crate::confined::ConfinedError;
use crate::identity::ComposeIdentity;
use crate::known::{KnownError, load_identity_of};
use crate::layout::ComposeDir;
use crate::status::{Status, StatusError, load_status};
use crate::write::{WriteError, write_atomic, write_json};
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Component, Path, PathBuf};

/// The mode of a compose directory itself, before the umask (facts: compose 16).
const TOP_MODE: u32 = 0o777;

/// A compose directory that cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum OpeningError {
    /// A directory cannot be made.
    #[error("cannot create the directory {}: {source}", path.display())]
    MakeDir { path: PathBuf, source: io::Error },
    /// A directory in the compose cannot be used.
    #[error(transparent)]
    Confined(#[from] ConfinedError),
    /// The path cannot be made absolute, or is not a directory.
    #[error("{} cannot be used as a directory: {}", path.display(), not_a_directory(source))]
    NotADirectory { path: PathBuf, source: io::Error },
    /// All four billion numbers are taken.
    #[error("no respin number is free in {}", .0.display())]
    NoFreeRespin(PathBuf),
    /// The directory of an id that was given is in the way.
    #[error("{} already exists, so no compose with that id can be created: move it away", .0.display())]
    IsThere(PathBuf),
    /// The compose there must not be changed, or its STATUS cannot be read.
    #[error(transparent)]
    Status(#[from] StatusError),
    /// What the existing compose says about itself cannot be used.
    #[error(transparent)]
    Known(#[from] KnownError),
    /// A file of the compose cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Makes `TARGET/COMPOSE_ID` with the first respin that is free (facts: compose 4), from that of `identity` on, and puts the number into
/// `identity`. Writes COMPOSE_ID and composeinfo-base.json. Two programs that do this at once get different respins.
pub fn create(target: &Path, identity: &mut ComposeIdentity) -> Result<ComposeDir, OpeningError> {
    let target = absolute(target)?;
    loop {
        if let Some(dir) = claim(&target, identity)? {
            return Ok(dir);
        }
        identity.respin = next_respin(&target, identity.respin)?;
    }
}

/// The same with this respin and no other one: somebody else has chosen it.
pub fn create_exactly(target: &Path, identity: &ComposeIdentity) -> Result<ComposeDir, OpeningError> {
    let target = absolute(target)?;
    claim(&target, identity)?.ok_or_else(|| OpeningError::IsThere(target.join(identity.id())))
}

/// Makes `TARGET/COMPOSE_ID`; `None` when there is something of that name.
fn claim(target: &Path, identity: &ComposeIdentity) -> Result<Option<ComposeDir>, OpeningError> {
    let top = target.join(identity.id());
    match DirBuilder::new().mode(TOP_MODE).create(&top) {
        Ok(()) => {
            let dir = ComposeDir::at(&top);
            fill(&dir, identity)?;
            Ok(Some(dir))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
        Err(source) => Err(OpeningError::MakeDir { path: top, source }),
    }
}

/// The directory that [`create`] would make now, and the respin it would choose. Creates nothing.
pub fn first_free_respin(target: &Path, identity: &ComposeIdentity) -> Result<(ComposeDir, u32), OpeningError> {
    let target = absolute(target)?;
    let mut identity = identity.clone();
    loop {
        let top = target.join(identity.id());
        // A dangling link is in the way of mkdir too.
        if top.symlink_metadata().is_err() {
            return Ok((ComposeDir::at(&top), identity.respin));
        }
        identity.respin = next_respin(&target, identity.respin)?;
    }
}

/// Uses `dir` as it is, made if it does not exist (`--compose-dir`), for the identity that was [found](peek_identity) there, or a new one.
pub fn open(dir: &ComposeDir, identity: &ComposeIdentity) -> Result<(), OpeningError> {
    make_top(dir.top())?;
    fill(dir, identity)
}

/// The identity of the compose that is in this directory already; `None` when there is none yet.
/// Refuses a FINISHED compose, unless it is to be opened again. Creates nothing.
pub fn peek_identity(
    dir: &ComposeDir,
    configured: &ComposeIdentity,
    reopen: bool,
) -> Result<Option<ComposeIdentity>, OpeningError> {
    if load_status(&dir.status_file())? == Some(Status::Finished) && !reopen {
        return Err(StatusError::Finished(dir.top().to_path_buf()).into());
    }
    Ok(load_identity_of(dir, configured)?)
}

/// Makes the directories that every compose has, and the files that say which compose it is.
fn fill(dir: &ComposeDir, identity: &ComposeIdentity) -> Result<(), OpeningError> {
    for path in [dir.metadata(), dir.work_tmp(), dir.logs_global()] {
        dir.make_dir(&path)?;
    }
    write_atomic(&dir.compose_id_file(), identity.id().as_bytes())?;
    let base = dir.composeinfo_base_file();
    if !base.exists() {
        write_json(&base, &composeinfo_base(identity))?;
    }
    Ok(())
}

/// Why a path is not a directory, and what to do.
fn not_a_directory(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::NotFound { "it does not exist; create it".to_owned() } else { error.to_string() }
}

fn next_respin(target: &Path, respin: u32) -> Result<u32, OpeningError> {
    respin.checked_add(1).ok_or_else(|| OpeningError::NoFreeRespin(target.to_path_buf()))
}

fn make_top(path: &Path) -> Result<(), OpeningError> {
    let made = DirBuilder::new().recursive(true).mode(TOP_MODE).create(path);
    made.map_err(|source| OpeningError::MakeDir { path: path.to_path_buf(), source })
}

/// `path` from the root on, without `.` and `..`, links not followed: as Pungi writes paths into what it submits.
fn absolute(path: &Path) -> Result<PathBuf, OpeningError> {
    let path =
        std::path::absolute(path).map_err(|source| OpeningError::NotADirectory { path: path.to_path_buf(), source })?;
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                clean.pop();
            }
            Component::CurDir => {}
            other => clean.push(other),
        }
    }
    Ok(clean)
}

pub fn check_target(target: &Path) -> Result<(), OpeningError> {
    let error = match fs::metadata(target) {
        Ok(metadata) if metadata.is_dir() => return Ok(()),
        Ok(_) => io::Error::from(io::ErrorKind::NotADirectory),
        Err(error) => error,
    };
    Err(OpeningError::NotADirectory { path: target.to_path_buf(), source: error })
}

#[cfg(test)]
mod tests;
