//! *Blocking* work, on a thread that may: reading files, hashing them, waiting for the disk.

use thiserror::Error;
use tokio::sync::Semaphore;

/// How much long work there is at the same time. Each keeps one of the few threads that may block; the journal, which submissions wait
/// for, needs another.
static LONG: Semaphore = Semaphore::const_new(2);

/// The thread that was at it is gone.
#[derive(Debug, Error)]
#[error("a worker was lost: {0}")]
pub struct Lost(#[from] tokio::task::JoinError);

/// Begins `work` at once, on a thread that may block.
pub fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = Result<T, Lost>> + Send {
    let task = tokio::task::spawn_blocking(work);
    async { Ok(task.await?) }
}

/// The same for work that takes as long as a file is large: it waits until there is a thread for it besides one for short work. That it
/// is not waited for any more does not end what has begun.
pub async fn blocking_long<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Lost> {
    // Never closed.
    let permit = LONG.acquire().await;
    blocking(move || {
        let _until_done = permit;
        work()
    })
    .await
}
