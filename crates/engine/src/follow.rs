//! *Following* a journal that a run still writes to: what is new in it since the last look.

use crate::event::Stamped;
use crate::journal::{JournalError, MAX_LINE, Parsed, parse_line};
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
        let file = File::open(path).map_err(io)?;
        Ok(Self { path: path.to_path_buf(), file, offset: 0, line: 0 })
    }

    /// The events of all whole lines since the last look. A line that is still being written is read another time; a run
    /// that goes on with a journal may even take half a line back.
    pub fn read_new(&mut self) -> Result<Vec<Stamped>, JournalError> {
        let io = |error| JournalError::Io { action: "read", path: self.path.clone(), error };
        self.file.seek(SeekFrom::Start(self.offset)).map_err(io)?;
        let mut reader = BufReader::new(&self.file);
        let mut events = Vec::new();
        loop {
            let mut text = Vec::new();
            let read = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut text).map_err(io)? as u64;
            if text.last() != Some(&b'\n') {
                if read >= MAX_LINE {
                    let error = io::Error::new(io::ErrorKind::InvalidData, "a line is longer than any event");
                    return Err(JournalError::Io { action: "read", path: self.path.clone(), error });
                }
                return Ok(events);
            }
            self.offset += read;
            self.line += 1;
            let (path, line) = (self.path.clone(), self.line);
            let text = String::from_utf8_lossy(&text);
            match parse_line(&text) {
                Ok(Parsed::Event(event)) => events.push(*event),
                Ok(Parsed::Unknown) => {}
                Ok(Parsed::Later(version)) => return Err(JournalError::Version { path, line, version }),
                Err(reason) => return Err(JournalError::Damaged { path, line, reason }),
            }
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
        assert_eq!(follower.read_new().unwrap().len(), 1);
        assert_eq!(follower.read_new().unwrap().len(), 0);
        let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
        let (first, second) = (line("B"), line("C"));
        file.write_all(&first.as_bytes()[..20]).unwrap();
        assert_eq!(follower.read_new().unwrap().len(), 0);
        // The run died; the next one takes the half line back and writes its own.
        file.set_len(line("A").len() as u64).unwrap();
        file.write_all(format!("{second}{first}").as_bytes()).unwrap();
        assert_eq!(follower.read_new().unwrap().len(), 2);
        file.write_all(b"{}\n").unwrap();
        assert!(follower.read_new().unwrap_err().to_string().contains("line 4"));
    }
}
