//! The *status* of a compose: one word in its file STATUS, for those who wait for it.

use crate::layout::ComposeDir;
use crate::write::{WriteError, write_atomic};
use magudi_config::regular;
use std::fmt;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// What STATUS says (facts: compose 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// At work.
    Started,
    /// Everything was built.
    Finished,
    /// Something that may fail did.
    FinishedIncomplete,
    /// Something that must not fail did.
    Doomed,
    /// Stopped by a signal.
    Terminated,
}

/// A STATUS that cannot be read, or must not be changed.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// It says something else.
    #[error(
        "{} says '{text}', which is not a status of a compose; it must be one of {}",
        path.display(),
        Status::ALL.map(Status::as_str).join(", ")
    )]
    Unknown {
        path: PathBuf,
        /// What it says, cut short.
        text: String,
    },
    /// A finished compose stays as it is.
    #[error("{} is a FINISHED compose and must not be changed; give --reopen to change it anyway", .0.display())]
    Finished(PathBuf),
    /// The file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl Status {
    pub const ALL: [Self; 5] =
        [Self::Started, Self::Finished, Self::FinishedIncomplete, Self::Doomed, Self::Terminated];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "STARTED",
            Self::Finished => "FINISHED",
            Self::FinishedIncomplete => "FINISHED_INCOMPLETE",
            Self::Doomed => "DOOMED",
            Self::Terminated => "TERMINATED",
        }
    }

    /// The status of that word, in any case: options are written in either (facts: command-line 5).
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str().eq_ignore_ascii_case(word))
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the STATUS file at `path` says; `None` when there is none.
pub fn load_status(path: &Path) -> Result<Option<Status>, StatusError> {
    let mut text = String::new();
    let read = regular::open(path).and_then(|file| file.take(64).read_to_string(&mut text));
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StatusError::Read { path: path.to_path_buf(), source }),
        Ok(_) => match Status::parse(text.trim()) {
            Some(status) => Ok(Some(status)),
            None => Err(StatusError::Unknown { path: path.to_path_buf(), text: text.trim().to_owned() }),
        },
    }
}

/// Writes the STATUS of a compose; returns whether that changed anything (writing the same word does not). A FINISHED
/// compose is not changed any more.
pub fn write_status(dir: &ComposeDir, status: Status) -> Result<bool, StatusError> {
    let path = dir.status_file();
    match load_status(&path)? {
        Some(old) if old == status => Ok(false),
        Some(Status::Finished) => Err(StatusError::Finished(dir.top().to_path_buf())),
        _ => {
            write_atomic(&path, format!("{status}\n").as_bytes())?;
            Ok(true)
        }
    }
}

/// Opens a finished compose again: STARTED takes the place of FINISHED. Any other status stays. Returns whether that changed
/// anything.
pub fn reopen(dir: &ComposeDir) -> Result<bool, StatusError> {
    let is_finished = load_status(&dir.status_file())? == Some(Status::Finished);
    if is_finished {
        put_back(dir)?;
    }
    Ok(is_finished)
}

/// Writes STARTED, whatever another program has written: other programs are to wait.
pub fn put_back(dir: &ComposeDir) -> Result<(), StatusError> {
    Ok(write_atomic(&dir.status_file(), format!("{}\n", Status::Started).as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn every_change_but_of_a_finished_compose() {
        for old in Status::ALL {
            for new in Status::ALL {
                let dir = tempfile::tempdir().unwrap();
                let compose = ComposeDir::at(dir.path());
                assert!(write_status(&compose, old).unwrap());
                let changed = write_status(&compose, new);
                let text = fs::read_to_string(dir.path().join("STATUS")).unwrap();
                if old == Status::Finished && new != old {
                    assert!(matches!(changed, Err(StatusError::Finished(_))));
                    assert_eq!(text, "FINISHED\n");
                } else {
                    assert_eq!(changed.unwrap(), old != new);
                    assert_eq!(text, format!("{new}\n"));
                    assert_eq!(load_status(&compose.status_file()).unwrap(), Some(new));
                }
            }
        }
    }

    #[test]
    fn says_what_it_cannot_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("STATUS");
        assert_eq!(load_status(&path).unwrap(), None);
        fs::write(&path, "BUSY\n").unwrap();
        let error = load_status(&path).unwrap_err().to_string();
        assert!(error.contains("STATUS says 'BUSY', which is not a status of a compose"), "{error}");
        fs::write(&path, "x".repeat(100_000)).unwrap();
        assert!(load_status(&path).unwrap_err().to_string().len() < 300);
        assert!(matches!(load_status(dir.path()), Err(StatusError::Read { .. })));
    }
}
