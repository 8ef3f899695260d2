//! *Following* a journal that a run still writes to: what is new in it since the last look.

use crate::event::{Event, Stamped};
use crate::journal::{JournalError, JournalLine, MAX_LINE, parse_line};
use magudi_config::regular;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// A place in a journal, behind the last whole line that was read.
#[derive(Debug)]
pub struct Follower {
    path: PathBuf,
    file: File,
    offset: u64,
    line: usize,
}

impl Follower {
    /// The beginning of the journal at `path`, which must exist.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let io = |error| JournalError::Io { action: "read", path: path.to_path_buf(), error };
        let file = regular::open(path).map_err(io)?;
        Ok(Self { path: path.to_path_buf(), file, offset: 0, line: 0 })
    }

    /// The beginning of the last run in the journal at `path`; of the journal, where no run has begun.
    pub fn open_at_last_run(path: &Path) -> Result<Self, JournalError> {
        let mut follower = Self::open(path)?;
        let mut last = (0, 0);
        follower.read_lines(&mut |place, text| {
            // Lines are many, and few of them hold the word.
            if text.contains("compose-started")
                && let Ok(JournalLine::Event(stamped)) = parse_line(text)
                && matches!(stamped.event, Event::ComposeStarted { .. })
            {
                last = place;
            }
            Ok(())
        })?;
        (follower.offset, follower.line) = last;
        Ok(follower)
    }

    /// Hands over the events of all whole lines since the last look. A line that is still being written is read another time; a
    /// run that continues a journal may even take half a line back.
    pub fn read_new(&mut self, take: &mut dyn FnMut(Stamped)) -> Result<(), JournalError> {
        let path = self.path.clone();
        self.read_lines(&mut |(_, before), text| match parse_line(text) {
            Ok(JournalLine::Event(event)) => {
                take(*event);
                Ok(())
            }
            Ok(JournalLine::Unknown) => Ok(()),
            Ok(JournalLine::Later(version)) => {
                Err(JournalError::Version { path: path.clone(), line: before + 1, version })
            }
            Err(reason) => Err(JournalError::Damaged { path: path.clone(), line: before + 1, reason }),
        })
    }

    /// Hands over every whole line with the place before it: offset and number of lines.
    fn read_lines(
        &mut self,
        take: &mut impl FnMut((u64, usize), &str) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        let io = |error| JournalError::Io { action: "read", path: self.path.clone(), error };
        self.file.seek(SeekFrom::Start(self.offset)).map_err(io)?;
        let mut reader = BufReader::new(&self.file);
        let mut text = Vec::new();
        loop {
            text.clear();
            let read = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut text).map_err(io)? as u64;
            if text.last() != Some(&b'\n') {
                if read >= MAX_LINE {
                    let error = io::Error::new(io::ErrorKind::InvalidData, "a line is longer than any event");
                    return Err(JournalError::Io { action: "read", path: self.path.clone(), error });
                }
                return Ok(());
            }
            let place = (self.offset, self.line);
            self.offset += read;
            self.line += 1;
            take(place, &String::from_utf8_lossy(&text))?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn whole_lines_are_read_once_and_half_ones_later() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let line = |status: &str| {
            format!("{{\"v\":1,\"t\":\"2024-02-29T00:00:00Z\",\"event\":\"status\",\"status\":\"{status}\"}}\n")
        };
        assert!(Follower::open(&path).is_err());
        std::fs::write(&path, line("A")).unwrap();
        let mut follower = Follower::open(&path).unwrap();
        let mut read = || {
            let mut events = Vec::new();
            follower.read_new(&mut |event| events.push(event)).map(|()| events.len())
        };
        assert_eq!(read().unwrap(), 1);
        assert_eq!(read().unwrap(), 0);
        let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
        let (first, second) = (line("B"), line("C"));
        file.write_all(&first.as_bytes()[..20]).unwrap();
        assert_eq!(read().unwrap(), 0);
        // The run died; the next one takes the half line back and writes its own.
        file.set_len(line("A").len() as u64).unwrap();
        file.write_all(format!("{second}{first}").as_bytes()).unwrap();
        assert_eq!(read().unwrap(), 2);
        file.write_all(b"{}\n").unwrap();
        assert!(read().unwrap_err().to_string().contains("line 4"));
    }

    #[test]
    fn what_was_before_the_last_run_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let line = |event: &str| format!("{{\"v\":1,\"t\":\"2024-02-29T00:00:00Z\",\"event\":{event}}}\n");
        let begin = line(r#""compose-started","compose_id":"C","compose_dir":"/c","requests":0,"settings":{}"#);
        let talk = line(r#""left-out","text":"compose-started""#);
        let names = |path| {
            let mut names = Vec::new();
            let mut follower = Follower::open_at_last_run(path).unwrap();
            follower.read_new(&mut |stamped| names.push(matches!(stamped.event, Event::LeftOut { .. }))).unwrap();
            names
        };
        std::fs::write(&path, format!("{talk}{begin}{talk}{begin}{talk}{talk}{}", &begin[..30])).unwrap();
        assert_eq!(names(&path), [false, true, true]);
        std::fs::write(&path, &talk).unwrap();
        assert_eq!(names(&path), [true]);
    }
}
