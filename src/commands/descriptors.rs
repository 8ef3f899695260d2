//! *File descriptors*: what a runtime and the connections of a run need is looked for before they are made. A library that has none
//! left for its own pipes ends the program.

use crate::error::Failure;
use std::fs::File;

/// How many a run needs beside those that are open: its runtime and signals (8), journal, logs and lock (6), connections (8), and files
/// that are read and written meanwhile.
const NEEDED: usize = 32;

/// Fails when there are too few.
pub fn check() -> Result<(), Failure> {
    let opened: Vec<_> = std::iter::repeat_with(|| File::open("/dev/null")).take(NEEDED).collect();
    let there = opened.iter().take_while(|file| file.is_ok()).count();
    match opened.into_iter().find_map(Result::err) {
        None => Ok(()),
        Some(error) => Err(Failure::failed(format!(
            "cannot start: {there} more files can be opened, but {NEEDED} are needed ({error}); `ulimit -n` raises the limit, \
             LimitNOFILE= that of a systemd unit"
        ))),
    }
}
