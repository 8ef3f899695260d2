//! A *stopwatch* for calls: how long the hub took to answer, without the time that was waited for it while it did not.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// What calls came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// How long the attempts took that were answered.
    pub answering: Duration,
    /// Whether any attempt was not: the hub was away, or offline, and was waited for.
    pub waited: bool,
}

tokio::task_local! {
    static SPENT: Cell<Spent>;
}

/// Makes the calls that are in `work`, and says what they came to. Calls that `work` hands to other tasks of the runtime are
/// not counted.
pub async fn timed<F: Future>(work: F) -> (F::Output, Spent) {
    let work = async {
        let output = work.await;
        (output, SPENT.with(Cell::get))
    };
    SPENT.scope(Cell::default(), work).await
}

/// An attempt that began at `begun` was answered.
pub(super) fn answered(begun: Instant) {
    add(|spent| Spent { answering: spent.answering.saturating_add(begun.elapsed()), ..spent });
}

/// An attempt was not answered.
pub(super) fn waited() {
    add(|spent| Spent { waited: true, ..spent });
}

fn add(change: impl FnOnce(Spent) -> Spent) {
    // Without a stopwatch nothing is counted.
    let _ = SPENT.try_with(|spent| spent.set(change(spent.get())));
}
