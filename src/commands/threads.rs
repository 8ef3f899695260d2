//! *Threads*: that a run can have as many as it needs is looked for before anything is begun. Libraries that get none end the program.

use crate::error::Failure;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread::{Builder, available_parallelism};

/// How many a run needs beside its first one and those that hash: another one that carries it out, those that may block, and that of
/// signals.
const NEEDED: usize = 1 + BLOCKING + 1;

/// How many threads of a run may block.
pub const BLOCKING: usize = 3;

/// Fails when there cannot be so many at the same time. Once they can, it is taken to be so.
pub fn check() -> Result<(), Failure> {
    static IS_DONE: AtomicBool = AtomicBool::new(false);
    if IS_DONE.swap(true, Ordering::Relaxed) {
        return Ok(());
    }
    let needed = NEEDED + available_parallelism().map_or(1, usize::from);
    // Each waits for the last one.
    let all = Arc::new(Barrier::new(needed + 1));
    let mut begun = Vec::with_capacity(needed);
    for _ in 0..needed {
        let wait = Arc::clone(&all);
        match Builder::new().stack_size(32 << 10).spawn(move || _ = wait.wait()) {
            Ok(thread) => begun.push(thread),
            Err(error) => {
                let there = begun.len();
                // The others are waited for by nobody: the program ends.
                return Err(Failure::failed(format!(
                    "cannot start: {there} more threads can run, but {needed} are needed ({error}); `ulimit -u` raises the limit, \
                     TasksMax= that of a systemd unit, --pids-limit that of a container"
                )));
            }
        }
    }
    all.wait();
    for thread in begun {
        // It has nothing to fail at.
        let _ = thread.join();
    }
    Ok(())
}
