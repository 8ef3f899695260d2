//! Reading a journal *ahead*: what comes next is parsed on a thread of its own while the events before it are taken in.
//!
//! Batches of events go there and back: that thread drops what it has made, since memory that one thread takes and another one gives
//! back costs more than it takes to parse.

use crate::event::Stamped;
use crate::journal::{JournalError, parse_events};
use std::io::BufRead;
use std::path::Path;
use std::sync::mpsc::{channel, sync_channel};
use std::thread::{Builder, scope};

/// Events that are handed over at a time.
const BATCH: usize = 256;

/// Batches that may wait for each other.
const WAITING: usize = 4;

/// From how many bytes of text on another thread pays.
const LARGE: u64 = 256 * 1024;

/// Hands over every event of a journal of `bytes`, which messages call `path`. `open` begins reading it.
pub(crate) fn read_events<R: BufRead>(
    bytes: u64,
    open: impl Fn() -> R + Sync,
    path: &Path,
    take: &mut dyn FnMut(&Stamped),
) -> Result<(), JournalError> {
    let here = |take: &mut dyn FnMut(&Stamped)| parse_events(open(), path, &mut |event| take(&event));
    if bytes < LARGE {
        return here(take);
    }
    scope(|threads| {
        let (parsed, batches) = sync_channel::<Vec<Stamped>>(WAITING);
        let (spent, back) = channel::<Vec<Stamped>>();
        let open = &open;
        let parse = move || {
            let mut batch = Vec::with_capacity(BATCH);
            let result = parse_events(open(), path, &mut |event| {
                batch.push(event);
                if batch.len() == BATCH {
                    let mut next = back.try_recv().unwrap_or_else(|_| Vec::with_capacity(BATCH));
                    next.clear();
                    // Who takes them in does so to the end.
                    let _ = parsed.send(std::mem::replace(&mut batch, next));
                }
            });
            let _ = parsed.send(batch);
            result
        };
        let Ok(parsing) = Builder::new().spawn_scoped(threads, parse) else { return here(take) };
        for batch in batches {
            batch.iter().for_each(&mut *take);
            let _ = spent.send(batch);
        }
        parsing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[cfg(test)]
mod tests {
    use crate::event::{Event, Stamped};
    use crate::journal::{JournalError, load_events};
    use std::fmt::Write as _;
    use std::path::Path;

    /// The requests that a journal of these lines speaks of, and how reading it ended.
    fn read(path: &Path, text: &str) -> (Vec<usize>, Result<(), JournalError>) {
        std::fs::write(path, text).unwrap();
        let mut requests = Vec::new();
        let end = load_events(path, &mut |stamped| requests.extend(stamped.event.request()));
        (requests, end)
    }

    #[test]
    fn events_come_in_their_order_up_to_what_is_wrong() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let time = "2024-02-29T00:00:00Z".parse().unwrap();
        for lines in [0, 1, 255, 256, 257, 10_000] {
            let mut text = String::new();
            for request in 0..lines {
                let event = Event::Kept { request, task: 1, images: 2 };
                writeln!(text, "{}", Stamped { time, event }.to_json_line()).unwrap();
            }
            let all: Vec<usize> = (0..lines).collect();
            let (requests, end) = read(&path, &text);
            assert!(end.is_ok() && requests == all, "{lines}");
            let (requests, end) = read(&path, &format!("{text}{{}}\n{text}"));
            let wanted = format!("line {} of", lines + 1);
            assert!(requests == all && end.unwrap_err().to_string().starts_with(&wanted), "{lines}");
        }
        let text = std::fs::metadata(&path).unwrap().len();
        assert!(text > super::LARGE, "the last one is read ahead");
    }
}
