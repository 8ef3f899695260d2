//! A journal is read in *blocks* of lines: all processors parse those that come next, while the events of the ones before are taken in.

use crate::event::Stamped;
use crate::journal::{JournalError, JournalLine, LineError, MAX_LINE, parse_line};
use std::io::{self, BufRead, Read as _};
use std::num::NonZero;
use std::path::Path;
use std::thread;

/// A block ends with the line with which it has so many bytes.
const BLOCK: usize = 256 * 1024;

/// What a block says, in its order.
#[derive(Default)]
struct Parsed {
    events: Vec<Stamped>,
    /// Lines that could be read.
    lines: usize,
    /// What is wrong with the one after them.
    problem: Option<Problem>,
}

enum Problem {
    Damaged(LineError),
    /// It is of a later version.
    Later(u64),
}

/// Reads the events of a journal, which messages call `path`, and hands them over in their order.
///
/// The threads are its own: those that hash may wait for a volume that hangs.
pub(crate) fn read_events(
    mut reader: impl BufRead,
    path: &Path,
    take: &mut dyn FnMut(Stamped),
) -> Result<(), JournalError> {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let mut lines = 0;
    let mut parsed: Vec<Parsed> = Vec::new();
    loop {
        let blocks = read_blocks(&mut reader, processors).map_err(|error| JournalError::Io {
            action: "read",
            path: path.to_path_buf(),
            error,
        })?;
        let mut next: Vec<Option<Parsed>> = blocks.iter().map(|_| None).collect();
        thread::scope(|scope| {
            // For one block alone, as short journals have it, or where no thread is to be had, it is done here.
            for (block, parsed) in blocks.iter().zip(&mut next).filter(|_| blocks.len() > 1) {
                let _ = thread::Builder::new().spawn_scoped(scope, move || *parsed = Some(parse(block)));
            }
            parsed.drain(..).try_for_each(|one| hand_over(one, &mut lines, path, take))
        })?;
        if blocks.is_empty() {
            return Ok(());
        }
        parsed.extend(next.into_iter().zip(&blocks).map(|(done, block)| done.unwrap_or_else(|| parse(block))));
    }
}

/// The blocks that come next, one for each processor; none at the end. A torn last line is left out.
fn read_blocks(reader: &mut impl BufRead, processors: usize) -> io::Result<Vec<Vec<u8>>> {
    let mut blocks = Vec::new();
    for _ in 0..processors {
        let mut block = Vec::new();
        while block.len() < BLOCK {
            let begin = block.len();
            let read = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut block)?;
            let is_whole = block.last() == Some(&b'\n') || read as u64 == MAX_LINE;
            if read == 0 || !is_whole {
                block.truncate(begin);
                break;
            }
        }
        if block.is_empty() {
            break;
        }
        blocks.push(block);
    }
    Ok(blocks)
}

fn parse(block: &[u8]) -> Parsed {
    let mut parsed = Parsed::default();
    for line in block.split_inclusive(|byte| *byte == b'\n') {
        let line = std::str::from_utf8(line).map_err(|_| LineError::NotUtf8).and_then(parse_line);
        match line {
            Ok(JournalLine::Event(event)) => parsed.events.push(*event),
            Ok(JournalLine::Unknown) => {}
            Ok(JournalLine::Later(version)) => parsed.problem = Some(Problem::Later(version)),
            Err(reason) => parsed.problem = Some(Problem::Damaged(reason)),
        }
        if parsed.problem.is_some() {
            break;
        }
        parsed.lines += 1;
    }
    parsed
}

/// Hands over what a block says; `lines` counts those before it.
fn hand_over(
    parsed: Parsed,
    lines: &mut usize,
    path: &Path,
    take: &mut dyn FnMut(Stamped),
) -> Result<(), JournalError> {
    let Parsed { events, lines: read, problem } = parsed;
    events.into_iter().for_each(take);
    *lines += read;
    let (path, line) = (path.to_path_buf(), *lines + 1);
    match problem {
        None => Ok(()),
        Some(Problem::Damaged(reason)) => Err(JournalError::Damaged { path, line, reason }),
        Some(Problem::Later(version)) => Err(JournalError::Version { path, line, version }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;

    fn line(number: usize) -> String {
        let text = "x".repeat(100);
        format!("{{\"v\":1,\"t\":\"2024-02-29T00:00:00Z\",\"event\":\"status\",\"status\":\"{number} {text}\"}}\n")
    }

    fn read(text: &str) -> (Vec<usize>, Result<(), String>) {
        let mut numbers = Vec::new();
        let mut take = |stamped: Stamped| match stamped.event {
            Event::Status { status } => numbers.push(status.split(' ').next().unwrap().parse().unwrap()),
            other => panic!("{other:?}"),
        };
        let result = read_events(text.as_bytes(), Path::new("journal"), &mut take).map_err(|error| error.to_string());
        (numbers, result)
    }

    #[test]
    fn events_of_many_blocks_come_in_their_order() {
        let lines = 20 * BLOCK / line(0).len();
        let text: String = (0..lines).map(line).collect();
        assert_eq!(read(&text), ((0..lines).collect(), Ok(())));
        assert_eq!(read(&text[..text.len() - 1]), ((0..lines - 1).collect(), Ok(())), "a torn last line");
    }

    #[test]
    fn damage_in_a_later_block_ends_it_there() {
        let (lines, bad) = (20 * BLOCK / line(0).len(), 12 * BLOCK / line(0).len());
        let text: String = (0..lines).map(|number| if number == bad { "{}\n".into() } else { line(number) }).collect();
        let (numbers, result) = read(&text);
        assert_eq!(numbers, (0..bad).collect::<Vec<_>>());
        let error = result.unwrap_err();
        assert!(error.contains(&format!("line {} of the journal journal", bad + 1)), "{error}");
    }
}
