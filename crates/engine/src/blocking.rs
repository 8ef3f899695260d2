//! *Blocking* work, on a thread that may: reading files, hashing them, waiting for the disk.

use thiserror::Error;

/// The thread that was at it is gone.
#[derive(Debug, Error)]
#[error("a worker was lost: {0}")]
pub struct Lost(#[from] tokio::task::JoinError);

impl From<Lost> for String {
    fn from(lost: Lost) -> Self {
        lost.to_string()
    }
}

/// Begins `work` at once, on a thread that may block.
pub fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = Result<T, Lost>> + Send {
    let task = tokio::task::spawn_blocking(work);
    async { Ok(task.await?) }
}
